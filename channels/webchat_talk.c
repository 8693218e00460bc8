/* webchat_talk.c - what customers say: hello, messages and the rest, within their limits. */
#include "config.h"

#include "channels/webchat_private.h"

#define A_MINUTE 60000
#define BAD_FRAMES 5      /* a minute, then the connection goes */
#define TOO_FAST 3        /* the same */
#define TYPING_EVERY 2000 /* how often a customer's typing is passed on, ms */

/* ---- Saying no --------------------------------------------------------------------------- */

/* How many there were within the minute that began with the first. */
static unsigned tally(struct tally *t, int64_t now_ms)
{
    if (t->n == 0 || now_ms - t->since_ms >= A_MINUTE || now_ms < t->since_ms)
        *t = (struct tally){ .since_ms = now_ms };
    return ++t->n;
}

void talk_error(struct socket *sock, const char *code, const char *message, const char *id,
                uint32_t retry_after_ms)
{
    frame_error(&sock->chat->frame, code, message, id, retry_after_ms);
    socket_write(sock);
}

static void bad_request(struct socket *sock, const char *why, const char *id)
{
    struct webchat *chat = sock->chat;

    talk_error(sock, "bad_request", why, id, 0);
    chat->host->count(chat->inst, "bad_frames", 1);
    if (tally(&sock->bad, chat->host->now(chat->inst)) >= BAD_FRAMES)
        socket_end(sock, WS_POLICY, "too many bad frames");
}

/* 1 when the session may say one more thing; else it has been told, or is gone. */
static int may_speak(struct socket *sock, const char *id)
{
    struct webchat *chat = sock->chat;
    int64_t now_ms = chat->host->now(chat->inst);
    uint32_t wait_ms = limit_take(&chat->per_session, sock->session->id, now_ms);

    if (wait_ms == 0)
        return 1;
    talk_error(sock, "rate_limited", "too many messages", id, wait_ms);
    chat->host->count(chat->inst, "rate_limited", 1);
    if (tally(&sock->fast, now_ms) >= TOO_FAST)
        socket_end(sock, WS_TOO_FAST, "too many messages");
    return 0;
}

/* ---- Hello ------------------------------------------------------------------------------- */

static void bad_hello(struct socket *sock, const char *why)
{
    talk_error(sock, "bad_request", why, NULL, 0);
    socket_end(sock, WS_BAD_HELLO, "bad hello");
}

void talk_no_hello(void *arg)
{
    struct socket *sock = arg;

    sock->hello_timer = NULL;
    socket_end(sock, WS_NO_HELLO, "no hello");
}

/* 1 when this address may open one more session; else the socket is gone. */
static int may_open(struct socket *sock)
{
    struct webchat *chat = sock->chat;
    uint32_t wait_ms = sock->exempt ? 0 : limit_take(&chat->per_address, sock->peer,
                                                     chat->host->now(chat->inst));

    if (wait_ms == 0)
        return 1;
    talk_error(sock, "rate_limited", "too many new sessions from this address", NULL, wait_ms);
    chat->host->count(chat->inst, "rate_limited", 1);
    socket_end(sock, WS_TOO_FAST, "too many new sessions");
    return 0;
}

static int is_verified(const struct webchat *chat, const struct frame *f)
{
    if (chat->conf->customer_secret == NULL || f->customer_id == NULL || f->signature == NULL)
        return 0;
    if (token_signed(chat->conf->customer_secret, f->customer_id, f->signature))
        return 1;
    chat->host->count(chat->inst, "bad_signatures", 1);
    return 0;
}

static void attach(struct socket *sock, const struct frame *f, const char *session,
                   int64_t made_ms)
{
    struct webchat *chat = sock->chat;
    const struct td_customer customer = {
        .size = sizeof customer, .id = f->customer_id, .name = f->name, .email = f->email,
        .verified = is_verified(chat, f),
    };
    const struct td_attach out = {
        .size = sizeof out, .session = session, .known_at_ms = made_ms,
        .idle_limit_ms = chat->conf->token_ttl, .last_seq = sock->last_seq,
        .max_replay = (uint32_t)chat->conf->replay,
        .customer = f->has_customer ? &customer : NULL,
        .locale = f->locale, .timezone = f->timezone, .bridge = f->bridge,
    };

    sock->state = SOCKET_ATTACHING;
    if (session != NULL && session_enter(sock, session) < 0) {
        socket_end(sock, WS_LATER, "out of memory");
        return;
    }
    chat->host->attach(chat->inst, sock->conn, &out);
}

static void on_hello(struct socket *sock, const struct frame *f)
{
    struct webchat *chat = sock->chat;
    char session[TOKEN_SESSION + 1] = "";
    int64_t made_ms = 0;

    const char *resume = f->bridge == NULL ? f->resume : NULL;

    chat->host->timer_del(&sock->hello_timer);
    if (resume != NULL && token_read(chat->key, resume, session, &made_ms) < 0) {
        socket_end(sock, WS_BAD_TOKEN, "bad token");
        return;
    }
    if (resume == NULL && !may_open(sock))
        return;
    free(sock->peer);
    sock->peer = NULL;
    if (f->tab != NULL && (sock->tab = strdup(f->tab)) == NULL) {
        socket_end(sock, WS_LATER, "out of memory");
        return;
    }
    sock->hello = ++chat->last_hello;
    sock->last_seq = resume != NULL ? f->seq : 0;
    attach(sock, f, resume != NULL ? session : NULL, made_ms);
}

/* ---- What a customer says ---------------------------------------------------------------- */

static struct delivery *delivery_new(struct socket *sock, const struct frame *f)
{
    struct webchat *chat = sock->chat;
    size_t id = strlen(f->id) + 1, text = f->text != NULL ? strlen(f->text) + 1 : 0;
    size_t choice = f->choice != NULL ? strlen(f->choice) + 1 : 0;
    struct delivery *d = calloc(1, sizeof *d + id + text + choice);

    if (d == NULL)
        return NULL;
    d->number = ++chat->last_delivery;
    d->conn = sock->conn;
    d->at_ms = chat->host->now(chat->inst);
    d->id = memcpy(d->data, f->id, id);
    if (text > 0)
        d->text = memcpy(d->data + id, f->text, text);
    if (choice > 0)
        d->choice = memcpy(d->data + id + text, f->choice, choice);
    HASH_ADD(hh, chat->deliveries, number, sizeof d->number, d);
    return d;
}

static void on_message(struct socket *sock, const struct frame *f)
{
    struct webchat *chat = sock->chat;
    const struct session *session = sock->session;

    if (!may_speak(sock, f->id))
        return;
    struct delivery *d = delivery_new(sock, f);

    if (d == NULL) {
        talk_error(sock, "busy", "out of memory", f->id, BUSY_RETRY);
        return;
    }
    struct td_attachment files[FRAME_FILES];
    const struct td_attachment *list[FRAME_FILES];
    const struct td_message message = {
        .size = sizeof message, .id = f->id, .text = f->text, .choice = f->choice,
        .author = TD_CUSTOMER, .at_ms = d->at_ms,
        .attachments = list, .n_attachments = f->n_files,
    };
    const struct td_inbound in = {
        .size = sizeof in, .scope = session->id, .session = session->id, .message = &message,
    };
    for (size_t i = 0; i < f->n_files; i++) {
        files[i] = (struct td_attachment){ .size = sizeof files[i], .id = f->files[i] };
        list[i] = &files[i];
    }
    chat->host->deliver(chat->inst, d->number, &in);
}

static void tell(struct socket *sock, struct td_event *event)
{
    event->size = sizeof *event;
    event->session = sock->session->id;
    event->at_ms = sock->chat->host->now(sock->chat->inst);
    sock->chat->host->event(sock->chat->inst, event);
}

/* Absorbed: a start is passed on at most every two seconds, a stop only after a start. */
static void on_typing(struct socket *sock, int on)
{
    struct session *session = sock->session;
    int64_t now_ms = sock->chat->host->now(sock->chat->inst);

    if (on ? now_ms >= session->typing_ms && now_ms - session->typing_ms < TYPING_EVERY
           : !session->typing)
        return;
    if (on)
        session->typing_ms = now_ms;
    session->typing = on;
    tell(sock, &(struct td_event){ .type = TD_EV_TYPING, .on = on });
}

static void on_read(struct socket *sock, uint64_t seq)
{
    if (seq > sock->last_seq) {
        bad_request(sock, "'seq' was never shown", NULL);
    } else if (seq > sock->session->read) {
        sock->session->read = seq;
        tell(sock, &(struct td_event){ .type = TD_EV_READ, .of = seq });
    }
}

static void take_frame(struct socket *sock, const struct frame *f)
{
    switch (f->type) {
    case FRAME_MESSAGE:
        on_message(sock, f);
        break;
    case FRAME_TYPING:
        on_typing(sock, f->on);
        break;
    case FRAME_READ:
        on_read(sock, f->seq);
        break;
    case FRAME_RATING:
        if (may_speak(sock, NULL))
            tell(sock, &(struct td_event){ .type = TD_EV_RATING, .score = f->score,
                                           .text = f->text });
        break;
    case FRAME_LEAVE:
        if (may_speak(sock, NULL))
            tell(sock, &(struct td_event){ .type = TD_EV_LEAVE });
        break;
    case FRAME_HELLO:
    case FRAME_N_TYPES:
        bad_request(sock, "'hello' comes once", NULL);
        break;
    }
}

static void read_frame(struct socket *sock, const char *text, size_t len)
{
    struct frame f;
    char why[256] = "";
    enum frame_verdict verdict = frame_read(text, len, &sock->chat->limits, &f, why, sizeof why);

    if (sock->state == SOCKET_NEW) {
        if (verdict != FRAME_OK)
            bad_hello(sock, why);
        else if (f.type != FRAME_HELLO)
            bad_hello(sock, "'hello' comes first");
        else
            on_hello(sock, &f);
    } else if (verdict == FRAME_BAD) {
        bad_request(sock, why, f.id);
    } else if (verdict == FRAME_TOO_LONG) {
        talk_error(sock, "too_long", why, f.id, 0);
    } else {
        take_frame(sock, &f);
    }
    frame_free(&f);
}

/* A frame in a hurry waits for the welcome, within the bounds of one frame. */
static void keep_early(struct socket *sock, const char *text, size_t len)
{
    size_t need = sock->early_len + len + 1;
    char *grown = need <= sock->chat->limits.max_message ? realloc(sock->early, need) : NULL;

    if (grown == NULL) {
        talk_error(sock, "busy", "wait for the welcome", NULL, BUSY_RETRY);
        return;
    }
    sock->early = grown;
    memcpy(grown + sock->early_len, text, len);
    grown[need - 1] = '\0';
    sock->early_len = need;
}

void talk_early(struct socket *sock)
{
    struct webchat *chat = sock->chat;
    uint64_t conn = sock->conn;
    char *early = sock->early;
    size_t end = sock->early_len;

    sock->early = NULL;
    sock->early_len = 0;
    for (size_t at = 0; at < end && (sock = socket_find(chat, conn)) != NULL;) {
        size_t len = strlen(early + at);

        read_frame(sock, early + at, len);
        at += len + 1;
    }
    free(early);
}

void talk_text(struct socket *sock, const char *text, size_t len)
{
    if (sock->state != SOCKET_ATTACHING)
        read_frame(sock, text, len);
    else if (memchr(text, '\0', len) == NULL)
        keep_early(sock, text, len);
    else
        bad_request(sock, "a NUL is not JSON", NULL);
}
