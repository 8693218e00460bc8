/* web_ws.c - WebSocket endpoints: who is let in, whole messages, pings, and every way to end. */
#include "config.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "io/web_private.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define CLOSE_MS 5000  /* for the peer's close frame; then the connection is reset */
#define LINGER_MS 2000 /* for the peer's FIN after both close frames */
#define KERNEL_QUEUE (32 * 1024)
#define REFUSAL_LOG_MS 60000

/* ---- Endpoints ---------------------------------------------------------------------------- */

struct route *route_new_ws(uint32_t id, const struct td_ws_conf *conf)
{
    struct route *route = route_new(ROUTE_WS, id, conf->path);
    size_t n = 0;

    route->subprotocol = mem_strdup(conf->subprotocol);
    while (conf->origins != NULL && conf->origins[n] != NULL)
        n++;
    if (n > 0) {
        route->origins = mem_array(n + 1, sizeof *route->origins);
        for (size_t i = 0; i < n; i++)
            route->origins[i] = mem_strdup(conf->origins[i]);
    }
    route->require_origin = conf->require_origin;
    route->max_message = conf->max_message;
    route->send_buffer = conf->send_buffer;
    route->ping_ms = conf->ping_ms;
    route->pong_timeout_ms = conf->pong_timeout_ms;
    route->max_connections = conf->max_connections;
    route->max_per_address = conf->max_connections_per_ip;
    return route;
}

/* Of IPv6 the network counts: one household has 2^64 addresses. */
static struct in6_addr address_key(const struct conn *conn)
{
    struct in6_addr key = conn->addr;

    if (!IN6_IS_ADDR_V4MAPPED(&key))
        memset(key.s6_addr + 8, 0, 8);
    return key;
}

static struct per_address *address_get(struct route *route, const struct conn *conn)
{
    struct in6_addr key = address_key(conn);
    struct per_address *one;

    HASH_FIND(hh, route->addresses, &key, sizeof key, one);
    return one;
}

static void address_add(struct route *route, const struct conn *conn)
{
    struct per_address *one = address_get(route, conn);

    if (one == NULL) {
        one = mem_alloc(sizeof *one);
        one->key = address_key(conn);
        HASH_ADD(hh, route->addresses, key, sizeof one->key, one);
    }
    one->n++;
}

static void leave_route(struct conn *conn)
{
    struct route *route = conn->route;
    struct per_address *one;

    conn->route = NULL;
    if (route == NULL)
        return;
    route->n_connections--;
    one = conn->exempt ? NULL : address_get(route, conn);
    if (one != NULL && --one->n == 0) {
        HASH_DEL(route->addresses, one);
        free(one);
    }
}

/* ---- Who is let in ------------------------------------------------------------------------ */

/* Once an address a minute: a flood of refusals must not become a flood of lines. */
static void log_refusal(struct conn *conn, const char *path, const char *origin)
{
    struct web *web = conn->web;
    int64_t now = clock_mono_ms();
    uint64_t key[2] = { 0, 0 };
    size_t at;

    memcpy(key, conn->addr.s6_addr, sizeof key);
    key[0] ^= key[1] * 0x9e3779b97f4a7c15u;
    at = (size_t)(key[0] >> 32 ^ key[0]) % REFUSALS_LOGGED;
    if (web->refusals[at].address == key[0] && web->refusals[at].at_ms != 0 &&
        now - web->refusals[at].at_ms < REFUSAL_LOG_MS)
        return;
    web->refusals[at].address = key[0];
    web->refusals[at].at_ms = now;
    LOG_WARN(NULL, "%s: a page of %s is not among the origins, refused (client %s)", path,
             origin != NULL ? origin : "an unnamed origin", conn->peer);
}

static int origin_is_allowed(const struct route *route, const char *origin)
{
    if (route->origins == NULL)
        return 1;
    if (origin == NULL)
        return !route->require_origin;
    for (size_t i = 0; route->origins[i] != NULL; i++)
        if (strcasecmp(route->origins[i], origin) == 0)
            return 1;
    return 0;
}

/* A key is 16 bytes in base64. */
static int key_is_valid(const char *key)
{
    return key != NULL && strlen(key) == 24 &&
           strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == 22 &&
           strcmp(key + 22, "==") == 0;
}

static void refuse(struct conn *conn, int status, const char *code, const char *message,
                   const char *header)
{
    atomic_fetch_add_explicit(&conn->web->refused, 1, memory_order_relaxed);
    conn->keep_alive = 0;
    http_error(conn, status, code, message, header);
}

/* 1: refused, and answered. */
static int is_refused(struct conn *conn, struct route *route, const struct head *head)
{
    const char *version = head_get(head, "sec-websocket-version");
    const char *origin = head_get(head, "origin");
    struct per_address *one;

    if (strcmp(head->method, "GET") != 0 || head->minor == 0 || head->content_length > 0 ||
        !head_lists(head, "upgrade", "websocket", 1) ||
        !head_lists(head, "connection", "upgrade", 1)) {
        refuse(conn, 400, "bad_request", "this path is for WebSockets", NULL);
        return 1;
    }
    if (version == NULL || strcmp(version, "13") != 0) {
        refuse(conn, 426, "version", "only version 13 of the WebSocket protocol is spoken",
               "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        return 1;
    }
    if (!key_is_valid(head_get(head, "sec-websocket-key"))) {
        refuse(conn, 400, "bad_request", "Sec-WebSocket-Key is missing or wrong", NULL);
        return 1;
    }
    if (!origin_is_allowed(route, origin)) {
        log_refusal(conn, route->path, origin);
        refuse(conn, 403, "origin", "this page's origin is not allowed", NULL);
        return 1;
    }
    if (!head_lists(head, "sec-websocket-protocol", route->subprotocol, 0)) {
        refuse(conn, 400, "subprotocol", "the subprotocol is missing or unknown", NULL);
        return 1;
    }
    if (route->max_connections > 0 && route->n_connections >= route->max_connections) {
        refuse(conn, 503, "full", "too many connections, try again", "Retry-After: 10\r\n");
        return 1;
    }
    one = conn->exempt || route->max_per_address == 0 ? NULL : address_get(route, conn);
    if (one != NULL && one->n >= route->max_per_address) {
        refuse(conn, 429, "too_many_connections", "too many connections from this address",
               "Retry-After: 10\r\n");
        return 1;
    }
    return 0;
}

static struct block *answer_block(const struct route *route, const char *key)
{
    unsigned char hash[SHA_DIGEST_LENGTH];
    struct block *block;
    char text[512];
    char accept[32];
    int len;

    snprintf(text, sizeof text, "%s" GUID, key);
    SHA1((const unsigned char *)text, strlen(text), hash);
    EVP_EncodeBlock((unsigned char *)accept, hash, sizeof hash);
    len = snprintf(text, sizeof text,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                   "Sec-WebSocket-Protocol: %.128s\r\n\r\n", accept, route->subprotocol);
    block = mem_alloc(sizeof *block + (size_t)len);
    memcpy(block->data, text, (size_t)len);
    block->p = block->data;
    block->len = (size_t)len;
    return block;
}

void ws_upgrade(struct conn *conn, struct route *route, const struct head *head)
{
    const char *origin = head_get(head, "origin");
    const char *authorization = head_get(head, "authorization");
    struct event *event;
    size_t peer_len = strlen(conn->peer) + 1, origin_len, authorization_len;

    if (is_refused(conn, route, head))
        return;
    if (origin == NULL)
        origin = "";
    if (authorization == NULL)
        authorization = "";
    origin_len = strlen(origin) + 1;
    authorization_len = strlen(authorization) + 1;
    conn->route = route;
    conn->state = CONN_WS;
    route->n_connections++;
    if (!conn->exempt)
        address_add(route, conn);
    conn_new_id(conn);
    conn_deadline(conn, route->ping_ms);
    link_bound_kernel(conn->link, KERNEL_QUEUE);
    conn_send(conn, answer_block(route, head_get(head, "sec-websocket-key")));

    event = mem_grow(NULL, sizeof *event + peer_len + origin_len + authorization_len);
    *event = (struct event){ .kind = EVENT_OPENED, .route = route->id, .id = conn->id };
    event->u.info = (struct td_ws_info){
        .size = sizeof event->u.info, .exempt = conn->exempt,
        .peer = memcpy(event->data, conn->peer, peer_len),
        .origin = memcpy(event->data + peer_len, origin, origin_len),
        .authorization = memcpy(event->data + peer_len + origin_len, authorization,
                                authorization_len),
    };
    web_event(conn->web, event);
}

/* ---- Ways to end -------------------------------------------------------------------------- */

static void tell_closed(struct conn *conn, int code)
{
    struct event *event;

    if (conn->told_closed || conn->route == NULL)
        return;
    conn->told_closed = 1;
    event = mem_grow(NULL, sizeof *event);
    *event = (struct event){
        .kind = EVENT_CLOSED, .route = conn->route->id, .id = conn->id, .code = code,
    };
    web_event(conn->web, event);
}

static void send_control(struct conn *conn, enum frame_opcode opcode, const void *data, size_t len)
{
    struct block *block = mem_alloc(sizeof *block + FRAME_HEAD + FRAME_CONTROL);
    size_t head_len = frame_head((uint8_t *)block->data, opcode, len);

    if (len > 0)
        memcpy(block->data + head_len, data, len);
    block->p = block->data;
    block->len = head_len + len;
    if (opcode == FRAME_CLOSE)
        conn_send(conn, block);
    else
        ws_out(conn, block);
}

static void send_close(struct conn *conn, int code, const char *reason, size_t len)
{
    char data[FRAME_CONTROL];

    len = utf8_cut(reason, len, sizeof data - 2);
    data[0] = (char)(code >> 8);
    data[1] = (char)(code & 255);
    if (len > 0)
        memcpy(data + 2, reason, len);
    send_control(conn, FRAME_CLOSE, data, len + 2);
}

/* The peer may go on; its close frame is awaited. */
void ws_close(struct conn *conn, int code, const char *reason, size_t len)
{
    if (conn->state != CONN_WS)
        return;
    tell_closed(conn, code);
    buf_fini(&conn->message);
    conn->state = CONN_CLOSING;
    conn_deadline(conn, CLOSE_MS);
    send_close(conn, code, reason, len);
}

/* The peer broke the rules: what else it sends cannot be read as frames. */
static void fail(struct conn *conn, int code, const char *reason)
{
    if (conn->state == CONN_WS) {
        tell_closed(conn, code);
        send_close(conn, code, reason, strlen(reason));
    }
    conn_linger(conn, CLOSE_MS);
}

void ws_out(struct conn *conn, struct block *block)
{
    if (conn->state != CONN_WS) {
        free(block);
        return;
    }
    if (conn->queued + block->len > conn->route->send_buffer)
        conn_flush(conn); /* what was only gathered, the socket may take */
    if (conn->queued + block->len > conn->route->send_buffer) {
        static const char reason[] = "you do not read what is sent";

        free(block);
        conn_drop_queue(conn);
        atomic_fetch_add_explicit(&conn->web->slow_closed, 1, memory_order_relaxed);
        ws_close(conn, 1013, reason, sizeof reason - 1);
        return;
    }
    conn_send(conn, block);
}

void ws_due(struct conn *conn)
{
    uint32_t ping_ms = conn->route->ping_ms, pong_ms = conn->route->pong_timeout_ms;

    if (conn->ping_sent && !conn->rx_since_ping) {
        tell_closed(conn, 1006);
        conn_kill(conn, 1);
    } else if (conn->ping_sent) {
        conn->ping_sent = 0;
        conn_deadline(conn, ping_ms > pong_ms ? ping_ms - pong_ms : 1);
    } else {
        conn->ping_sent = 1;
        conn->rx_since_ping = 0;
        conn_deadline(conn, pong_ms);
        send_control(conn, FRAME_PING, NULL, 0);
    }
}

void ws_gone(struct conn *conn)
{
    tell_closed(conn, 1006);
    leave_route(conn);
    buf_fini(&conn->message);
}

void ws_leave(struct conn *conn)
{
    static const char reason[] = "the endpoint goes away";

    conn->told_closed = 1; /* whoever removed it wants to hear nothing more */
    ws_close(conn, 1001, reason, sizeof reason - 1);
    leave_route(conn);
}

/* ---- In ----------------------------------------------------------------------------------- */

static void message_done(struct conn *conn, struct event *event)
{
    if (!utf8_valid(event->data, event->len)) {
        free(event);
        fail(conn, 1007, "not UTF-8");
        return;
    }
    event->data[event->len] = '\0';
    if (web_event(conn->web, event) < 0 && !conn->paused) {
        conn->paused = 1;
        link_pause(conn->link, 1);
    }
}

static struct event *text_event(const struct conn *conn, size_t len)
{
    struct event *event = mem_grow(NULL, sizeof *event + len + 1);

    *event = (struct event){
        .kind = EVENT_TEXT, .route = conn->route->id, .id = conn->id, .len = len,
    };
    return event;
}

static void close_received(struct conn *conn, const char *data, size_t len)
{
    int code = len >= 2 ? (uint8_t)data[0] << 8 | (uint8_t)data[1] : 1005;

    if (conn->state == CONN_CLOSING) {
        conn_linger(conn, LINGER_MS);
    } else if (len == 1 || (len >= 2 && !frame_close_code_is_valid(code))) {
        fail(conn, 1002, "bad close code");
    } else if (len > 2 && !utf8_valid(data + 2, len - 2)) {
        fail(conn, 1007, "not UTF-8");
    } else {
        tell_closed(conn, code);
        send_control(conn, FRAME_CLOSE, data, len < 2 ? 0 : 2);
        conn_linger(conn, LINGER_MS);
    }
}

static void control_received(struct conn *conn, char *data)
{
    const struct frame *frame = &conn->frame;
    size_t len = (size_t)frame->len;

    frame_unmask(frame, data, len, 0);
    if (frame->opcode == FRAME_CLOSE)
        close_received(conn, data, len);
    else if (frame->opcode == FRAME_PING && conn->state == CONN_WS)
        send_control(conn, FRAME_PONG, data, len);
}

/* May a data frame of this kind and length come now? */
static int data_is_allowed(struct conn *conn)
{
    const struct frame *frame = &conn->frame;

    if (conn->state == CONN_CLOSING)
        return 1; /* skipped */
    if ((frame->opcode == FRAME_CONTINUATION) != conn->in_message) {
        fail(conn, 1002, "a message within a message, or a part without one");
        return 0;
    }
    if (frame->opcode == FRAME_BINARY) {
        fail(conn, 1003, "only text");
        return 0;
    }
    if (frame->len > conn->route->max_message ||
        conn->message.len + frame->len > conn->route->max_message) {
        fail(conn, 1009, "the message is too large");
        return 0;
    }
    return 1;
}

/* A piece of the payload of the frame that has begun. */
static size_t payload_received(struct conn *conn, char *data, size_t len)
{
    const struct frame *frame = &conn->frame;
    size_t n = len < frame->len - conn->frame_got ? len : (size_t)(frame->len - conn->frame_got);
    struct event *event;

    if (conn->state == CONN_WS) {
        frame_unmask(frame, data, n, conn->frame_got);
        buf_add(&conn->message, data, n);
    }
    conn->frame_got += n;
    if (conn->frame_got < frame->len)
        return n;
    conn->in_frame = 0;
    conn->in_message = !frame->fin;
    if (conn->state == CONN_WS && frame->fin) {
        event = text_event(conn, conn->message.len);
        memcpy(event->data, conn->message.data, conn->message.len);
        message_done(conn, event);
        buf_fini(&conn->message);
    }
    return n;
}

size_t ws_feed(struct conn *conn, char *data, size_t len)
{
    struct frame *frame = &conn->frame;
    struct event *event;
    int head_len;

    conn->rx_since_ping = 1;
    if (conn->in_frame)
        return payload_received(conn, data, len);
    head_len = frame_parse(frame, data, len);
    if (head_len == 0)
        return 0;
    if (head_len < 0) {
        fail(conn, 1002, "this is not a frame a client may send");
        return len;
    }
    data += head_len;
    len -= (size_t)head_len;
    if (frame->opcode >= FRAME_CLOSE) {
        if (len < frame->len)
            return 0;
        control_received(conn, data);
        return (size_t)head_len + (size_t)frame->len;
    }
    if (!data_is_allowed(conn))
        return (size_t)head_len;
    if (conn->state == CONN_WS && frame->opcode == FRAME_TEXT && frame->fin && len >= frame->len) {
        event = text_event(conn, (size_t)frame->len); /* whole, as most are: copied once */
        memcpy(event->data, data, (size_t)frame->len);
        frame_unmask(frame, event->data, (size_t)frame->len, 0);
        message_done(conn, event);
        return (size_t)head_len + (size_t)frame->len;
    }
    conn->in_frame = 1;
    conn->frame_got = 0;
    return (size_t)head_len + payload_received(conn, data, len);
}
