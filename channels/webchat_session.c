/* webchat_session.c - which sockets a session has, and what each of them was shown. */
#include "config.h"

#include "channels/webchat_private.h"

struct socket *socket_find(struct webchat *chat, uint64_t conn)
{
    struct socket *sock;

    HASH_FIND(hh, chat->sockets, &conn, sizeof conn, sock);
    return sock;
}

void socket_write(struct socket *sock)
{
    struct webchat *chat = sock->chat;

    if (td_json_len(&chat->frame) > 0)
        chat->host->ws_send(chat->inst, sock->conn, td_json_text(&chat->frame),
                            td_json_len(&chat->frame));
}

static void answer(struct webchat *chat, uint64_t job, enum td_status status, int away)
{
    const struct td_sent sent = {
        .size = sizeof sent, .status = status, .away = away,
        .detail = status == TD_OK ? NULL : "the customer is away",
    };

    chat->host->sent(chat->inst, job, &sent);
}

/* ---- Held frames ------------------------------------------------------------------------- */

static void held_answer(struct webchat *chat, struct session *session, enum td_status status)
{
    struct held *h;

    DL_FOREACH(session->held, h) {
        if (h->owed)
            answer(chat, h->job, status, status != TD_OK);
        h->owed = 0;
    }
}

static void held_free(struct session *session)
{
    struct held *h, *next;

    DL_FOREACH_SAFE(session->held, h, next) {
        DL_DELETE(session->held, h);
        free(h);
    }
    session->held_len = 0;
}

static int hold(struct webchat *chat, struct session *session, uint64_t seq, const uint64_t *job)
{
    size_t len = td_json_len(&chat->frame);
    struct held *h;

    /* A replay has half of the send buffer. */
    if (session->held_len + len > (size_t)chat->conf->send_buffer / 4 ||
        (h = malloc(sizeof *h + len + 1)) == NULL)
        return -1;
    *h = (struct held){
        .seq = seq, .len = len, .job = job != NULL ? *job : 0, .owed = job != NULL,
    };
    memcpy(h->text, td_json_text(&chat->frame), len + 1);
    DL_APPEND(session->held, h);
    session->held_len += len;
    return 0;
}

/* ---- Sessions ---------------------------------------------------------------------------- */

struct session *session_find(struct webchat *chat, const char *id)
{
    struct session *session;

    HASH_FIND_STR(chat->sessions, id, session);
    return session;
}

/* Nobody is left: the host learns it, if it counted on somebody. */
static void session_drop(struct webchat *chat, struct session *session)
{
    HASH_DEL(chat->sessions, session);
    held_answer(chat, session, TD_RETRY);
    held_free(session);
    if (session->attached)
        chat->host->detach(chat->inst, session->id);
    free(session);
}

static void session_leave(struct socket *sock)
{
    struct session *session = sock->session;

    if (session == NULL)
        return;
    DL_DELETE(session->sockets, sock);
    sock->session = NULL;
    if (sock->state == SOCKET_ATTACHING)
        session->attaching--;
    if (session->sockets == NULL)
        session_drop(sock->chat, session);
    else if (session->attaching == 0)
        held_free(session);
}

int session_enter(struct socket *sock, const char *id)
{
    struct webchat *chat = sock->chat;
    struct session *session = session_find(chat, id);

    if (session != NULL && session == sock->session)
        return 0;
    session_leave(sock);
    if (session == NULL) {
        size_t len = strlen(id);

        if ((session = calloc(1, sizeof *session + len + 1)) == NULL)
            return -1;
        memcpy(session->id, id, len);
        HASH_ADD_KEYPTR(hh, chat->sessions, session->id, len, session);
    }
    DL_APPEND(session->sockets, sock);
    session->attaching++;
    sock->session = session;
    return 0;
}

static int same_tab(const struct socket *a, const struct socket *b)
{
    return a != b && a->tab != NULL && b->tab != NULL && strcmp(a->tab, b->tab) == 0;
}

void session_join(struct socket *sock, uint64_t seq)
{
    struct webchat *chat = sock->chat;
    struct session *session = sock->session;
    struct socket *other, *next;

    DL_FOREACH_SAFE(session->sockets, other, next) {
        if (same_tab(sock, other) && other->hello < sock->hello)
            socket_end(other, WS_REPLACED, "replaced by a newer connection of this tab");
    }
    sock->state = SOCKET_LIVE;
    sock->last_seq = seq;
    for (const struct held *h = session->held; h != NULL; h = h->next) {
        if (h->seq <= sock->last_seq)
            continue;
        chat->host->ws_send(chat->inst, sock->conn, h->text, h->len);
        sock->last_seq = h->seq;
    }
    held_answer(chat, session, TD_OK);
    if (--session->attaching == 0)
        held_free(session);
}

/* More waits for those who attach than they may have: they come back and get it as replay. */
static void end_attaching(struct session *session)
{
    struct socket *sock, *next;
    unsigned left = session->attaching;

    DL_FOREACH_SAFE(session->sockets, sock, next) {
        if (sock->state != SOCKET_ATTACHING)
            continue;
        socket_end(sock, WS_LATER, "too much has come meanwhile");
        if (--left == 0)
            return; /* with the last one the session may be gone */
    }
}

int session_show(struct session *session, struct webchat *chat, uint64_t seq,
                 const struct socket *except, const uint64_t *job)
{
    struct socket *sock;
    int shown = 0;

    DL_FOREACH(session->sockets, sock) {
        if (sock->state != SOCKET_LIVE)
            continue;
        shown = 1;
        if (sock == except || (seq > 0 && seq <= sock->last_seq))
            continue;
        socket_write(sock);
        if (seq > 0)
            sock->last_seq = seq;
        if (job != NULL)
            sock->streamed = 0;
    }
    if (shown && job != NULL)
        answer(chat, *job, TD_OK, 0);
    if (session->attaching > 0 && seq > 0 && hold(chat, session, seq, shown ? NULL : job) < 0) {
        if (!shown && job != NULL)
            answer(chat, *job, TD_RETRY, 1);
        end_attaching(session);
        return shown ? 1 : -1;
    }
    return shown;
}

void session_stream(struct session *session, const struct td_event *event)
{
    struct socket *sock;

    DL_FOREACH(session->sockets, sock) {
        if (sock->state != SOCKET_LIVE || (event->text != NULL && event->of != 0 &&
                                           event->of != sock->streamed))
            continue;
        if (event->text != NULL || sock->streamed > 0)
            socket_write(sock);
        sock->streamed = event->text != NULL ? event->of + strlen(event->text) : 0;
    }
}

/* ---- Sockets ----------------------------------------------------------------------------- */

void socket_free(struct socket *sock)
{
    struct webchat *chat = sock->chat;

    HASH_DEL(chat->sockets, sock);
    chat->host->timer_del(&sock->hello_timer);
    session_leave(sock);
    free(sock->peer);
    free(sock->tab);
    free(sock->early);
    free(sock);
}

void socket_end(struct socket *sock, int code, const char *reason)
{
    sock->chat->host->ws_close(sock->chat->inst, sock->conn, code, reason);
    socket_free(sock);
}

void session_free_all(struct webchat *chat)
{
    struct socket *sock, *next_sock;
    struct session *session, *next;

    HASH_ITER(hh, chat->sessions, session, next) {
        HASH_DEL(chat->sessions, session);
        held_free(session);
        free(session);
    }
    HASH_ITER(hh, chat->sockets, sock, next_sock) {
        sock->session = NULL;
        socket_end(sock, WS_RESTART, "the server restarts");
    }
}
