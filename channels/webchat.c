/*
 * webchat.c - customers in a browser: WebSocket, subprotocol tandem.chat.v1.
 *
 * One JSON object a text frame. A socket says hello, the host attaches it to a session, and from
 * then on what stands in the journal is shown by its seq, replayed after a gap. Here: conf, the
 * listener and the host; webchat_talk.c: what customers say; webchat_session.c: who is shown what.
 */
#include "config.h"

#include "channels/webchat_private.h"

#include <stdio.h>

static const struct td_conf_key conf_keys[] = {
    TD_CONF_LIST(struct conf, origins, 0, NULL,
                 "Origins of the pages that may connect; unset: any."),
    TD_CONF_BOOL(struct conf, require_origin, 0, "yes",
                 "With origins: whether a connection without an Origin is refused too."),
    TD_CONF_SECRET(struct conf, customer_secret, 0,
                   "Key of the HMAC-SHA256 with which the page's server signs a customer's id."),
    TD_CONF_SIZE(struct conf, max_attachment, 0, "10M", 0, 64 << 20,
                 "Bytes of a file; 0: none are taken."),
    TD_CONF_SIZE(struct conf, max_message, 0, "64K", 1024, 1 << 20, "Bytes of a frame."),
    TD_CONF_INT(struct conf, max_text, 0, "8000", 1, 1 << 20, "Characters of a text."),
    TD_CONF_RATE(struct conf, rate, 0, "20/10s", "Messages of a session; 0: no limit."),
    TD_CONF_INT(struct conf, max_connections, 0, "20000", 1, 1000000, "Connections at a time."),
    TD_CONF_INT(struct conf, max_connections_per_ip, 0, "100", 1, 1000000,
                "Connections of one address at a time."),
    TD_CONF_RATE(struct conf, new_sessions, 0, "30/min",
                 "New sessions of one address; 0: no limit."),
    TD_CONF_DURATION(struct conf, hello_timeout, 0, "10s", 10, 600000,
                     "How long a connection may wait with its hello."),
    TD_CONF_DURATION(struct conf, ping, 0, "25s", 100, 600000, "How often a quiet peer is pinged."),
    TD_CONF_DURATION(struct conf, pong_timeout, 0, "10s", 100, 600000,
                     "How long the answer to a ping may take."),
    TD_CONF_SIZE(struct conf, send_buffer, 0, "256K", 4096, 64 << 20,
                 "Bytes that wait for a peer that does not read."),
    TD_CONF_INT(struct conf, replay, 0, "500", 1, 10000, "Newest events that are replayed."),
    TD_CONF_DURATION(struct conf, token_ttl, 0, "24h", 1000, INT64_C(400) * 86400000,
                     "How long a session may be resumed after its last use."),
    TD_CONF_END,
};

/* ---- From the listener ------------------------------------------------------------------- */

static void on_opened(void *arg, uint64_t conn, const struct td_ws_info *info)
{
    struct webchat *chat = arg;
    struct socket *sock = chat->paused ? NULL : calloc(1, sizeof *sock);

    if (sock == NULL || (sock->peer = strdup(info->peer)) == NULL) {
        free(sock);
        chat->host->ws_close(chat->inst, conn, WS_RESTART, "not now");
        return;
    }
    sock->chat = chat;
    sock->conn = conn;
    sock->exempt = info->exempt;
    HASH_ADD(hh, chat->sockets, conn, sizeof sock->conn, sock);
    sock->hello_timer = chat->host->timer_add(chat->inst, (uint32_t)chat->conf->hello_timeout,
                                              talk_no_hello, sock);
}

static void on_text(void *arg, uint64_t conn, const char *text, size_t len)
{
    struct socket *sock = socket_find(arg, conn);

    if (sock != NULL)
        talk_text(sock, text, len);
}

static void on_closed(void *arg, uint64_t conn, int code)
{
    struct socket *sock = socket_find(arg, conn);

    (void)code;
    if (sock != NULL)
        socket_free(sock);
}

/* ---- From the host ----------------------------------------------------------------------- */

/* The first event of the replay that is shown: a newcomer's send buffer takes only so much at once.
 * What is older is left out, as with the limit on their number. */
static size_t replay_start(struct webchat *chat, const struct td_attached *attached)
{
    size_t i = attached->n_replay, bytes = 0;

    for (; i > 0; i--) {
        if (frame_event(&chat->frame, attached->replay[i - 1]) == 0)
            bytes += td_json_len(&chat->frame);
        if (bytes > (size_t)chat->conf->send_buffer / 2)
            break;
    }
    return i;
}

static void welcome(struct socket *sock, const struct td_attached *attached, const char *token)
{
    struct webchat *chat = sock->chat;
    size_t i = replay_start(chat, attached);
    int resync = attached->resync || i > 0;
    uint64_t shown = resync ? 0 : sock->last_seq;

    frame_welcome(&chat->frame, attached, token, &chat->limits, chat->upload_path);
    socket_write(sock);
    if (resync) {
        frame_resync(&chat->frame);
        socket_write(sock);
    }
    for (; i < attached->n_replay; i++) {
        const struct td_event *event = attached->replay[i];

        if ((event->seq > 0 && event->seq <= shown) || frame_event(&chat->frame, event) < 0)
            continue;
        socket_write(sock);
        if (event->seq > 0)
            shown = event->seq;
    }
    session_join(sock, attached->seq);
    talk_early(sock);
}

static void webchat_attached(void *self, uint64_t job, const struct td_attached *attached)
{
    struct webchat *chat = self;
    struct socket *sock = socket_find(chat, job);
    char token[TOKEN_TEXT];

    if (sock == NULL) { /* it went while the host was busy */
        struct session *session;

        if (attached->status != TD_OK)
            return;
        if ((session = session_find(chat, attached->session)) != NULL)
            session->attached = 1;
        else
            chat->host->detach(chat->inst, attached->session);
    } else if (sock->state != SOCKET_ATTACHING) {
        chat->host->log(chat->inst, TD_WARN, "an answer to attach() came twice");
    } else if (attached->status == TD_AUTH) {
        socket_end(sock, WS_BAD_TOKEN, "the token is not good any more");
    } else if (attached->status != TD_OK ||
               token_make(chat->key, attached->session, chat->host->now(chat->inst), token) < 0 ||
               session_enter(sock, attached->session) < 0) {
        talk_error(sock, "busy", attached->detail != NULL ? attached->detail : "try again later",
                  NULL, BUSY_RETRY);
        socket_end(sock, WS_LATER, "busy");
    } else {
        sock->session->attached = 1;
        welcome(sock, attached, token);
    }
}

/* To the other tabs; those that have seen it already, as with a duplicate, are passed over. */
static void show_echo(struct webchat *chat, const struct td_accepted *accepted,
                      const struct delivery *d, const struct socket *sender)
{
    struct session *session = session_find(chat, accepted->session);
    const struct td_message message = {
        .size = sizeof message, .id = d->id, .text = d->text, .choice = d->choice,
        .at_ms = d->at_ms,
        .attachments = TD_HAS(accepted, n_attachments) ? accepted->attachments : NULL,
        .n_attachments = TD_HAS(accepted, n_attachments) ? accepted->n_attachments : 0,
    };

    if (session == NULL || (session->sockets == sender && sender->next == NULL))
        return; /* nobody else is there */
    frame_echo(&chat->frame, accepted->seq, &message);
    session_show(session, chat, accepted->seq, sender, NULL);
}

static void webchat_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    struct webchat *chat = self;
    struct delivery *d;
    struct socket *sock;

    HASH_FIND(hh, chat->deliveries, &delivery, sizeof delivery, d);
    if (d == NULL)
        return;
    HASH_DEL(chat->deliveries, d);
    sock = socket_find(chat, d->conn);
    if (accepted->status == TD_OK) {
        if (sock != NULL) {
            frame_accepted(&chat->frame, d->id, accepted->seq);
            socket_write(sock);
            if (accepted->seq > sock->last_seq)
                sock->last_seq = accepted->seq;
        }
        show_echo(chat, accepted, d, sock);
    } else if (sock != NULL) {
        int later = accepted->status == TD_RETRY;
        const char *why = accepted->detail != NULL ? accepted->detail
                                                   : "the message was not taken";

        talk_error(sock, later ? "busy" : "refused", why, d->id,
                  later && accepted->retry_after_ms == 0 ? BUSY_RETRY : accepted->retry_after_ms);
    }
    free(d);
}

static void webchat_send(void *self, uint64_t job, const struct td_outbound *out)
{
    struct webchat *chat = self;
    struct session *session = session_find(chat, out->session);

    if (session == NULL) {
        const struct td_sent sent = {
            .size = sizeof sent, .status = TD_RETRY, .away = 1, .detail = "the customer is away",
        };

        chat->host->sent(chat->inst, job, &sent);
        return;
    }
    frame_message(&chat->frame, out->message->seq, out->message);
    session_show(session, chat, out->message->seq, NULL, &job);
}

static void webchat_event(void *self, const struct td_event *event)
{
    struct webchat *chat = self;
    struct session *session = session_find(chat, event->session);

    if (session == NULL || frame_event(&chat->frame, event) < 0)
        return;
    if (event->type == TD_EV_DELTA)
        session_stream(session, event);
    else
        session_show(session, chat, event->seq, NULL, NULL);
}

static void webchat_filed(void *self, uint64_t job, const struct td_filed *filed)
{
    files_filed(self, job, filed);
}

static void webchat_pause(void *self, int on)
{
    struct webchat *chat = self;

    chat->paused = on; /* who is here stays until close(), so that answers under way arrive */
}

/* ---- Open and close ---------------------------------------------------------------------- */

static const struct td_ws_ops ws_ops = {
    .size = sizeof ws_ops, .opened = on_opened, .text = on_text, .closed = on_closed,
};

static enum td_status listen_at(struct webchat *chat, struct td_error *err)
{
    const struct conf *conf = chat->conf;
    char path[300];
    const struct td_ws_conf ws = {
        .size = sizeof ws, .path = path, .subprotocol = "tandem.chat.v1",
        .origins = conf->origins, .require_origin = conf->require_origin,
        .max_message = (size_t)conf->max_message, .send_buffer = (size_t)conf->send_buffer,
        .ping_ms = (uint32_t)conf->ping, .pong_timeout_ms = (uint32_t)conf->pong_timeout,
        .max_connections = (uint32_t)conf->max_connections,
        .max_connections_per_ip = (uint32_t)conf->max_connections_per_ip,
    };

    snprintf(path, sizeof path, "/chat/%s", chat->host->name(chat->inst));
    enum td_status status = chat->host->ws_listen(chat->inst, &ws, &ws_ops, chat);

    if (status != TD_OK)
        snprintf(err->text, sizeof err->text, "the path %s is taken already", path);
    return status;
}

static enum td_status webchat_open(const struct td_host *host, struct td_instance *inst,
                                   const void *conf_, void **self_r, struct td_error *err)
{
    const struct conf *conf = conf_;
    struct webchat *chat = calloc(1, sizeof *chat);

    if (chat == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_FAIL;
    }
    *chat = (struct webchat){
        .host = host, .inst = inst, .conf = conf,
        .limits = { .max_message = (size_t)conf->max_message, .max_text = conf->max_text,
                    .rate = conf->rate, .max_attachment = conf->max_attachment },
    };
    host->key(inst, "resume", chat->key);
    limit_init(&chat->per_session, conf->rate);
    limit_init(&chat->per_address, conf->new_sessions);
    enum td_status status = listen_at(chat, err);

    if (status == TD_OK)
        status = files_listen(chat, err);
    if (status != TD_OK) {
        free(chat);
        return status;
    }
    *self_r = chat;
    return TD_OK;
}

static void webchat_close(void *self)
{
    struct webchat *chat = self;
    struct delivery *d, *next;

    files_close(chat);
    session_free_all(chat);
    HASH_ITER(hh, chat->deliveries, d, next) {
        HASH_DEL(chat->deliveries, d);
        free(d);
    }
    limit_fini(&chat->per_session);
    limit_fini(&chat->per_address);
    td_json_free(&chat->frame);
    free(chat);
}

static const struct td_channel_ops ops = {
    .size = sizeof ops, .open = webchat_open, .send = webchat_send, .accepted = webchat_accepted,
    .attached = webchat_attached, .event = webchat_event, .pause = webchat_pause,
    .close = webchat_close, .filed = webchat_filed,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "webchat", .version = "0.1",
                 .caps = TD_CAN_REPLAY | TD_CAN_CHOICES | TD_CAN_TYPING | TD_CAN_RECEIPTS |
                         TD_CAN_STREAM | TD_CAN_FILES,
                 .ops = &ops, .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
