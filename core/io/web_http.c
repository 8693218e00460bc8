/* web_http.c - a request from its head to its reply. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "io/web_private.h"

#define ANSWER_MS 30000 /* for the callback's reply, and again for the peer to read it */
#define LINGER_MS 2000
#define MAX_BODIES (64u * 1024 * 1024) /* of all requests whose bodies are still coming */
#define MAX_REPLIES (256u * 1024 * 1024) /* of all replies that are still going */
#define SMALL_REPLY 65536                /* these always may */
#define SLOWEST 32                       /* bytes a ms of what is long, either way */

/* ---- Replies ------------------------------------------------------------------------------ */

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } known[] = {
        { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
        { 302, "Found" }, { 303, "See Other" }, { 304, "Not Modified" },
        { 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
        { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" },
        { 409, "Conflict" }, { 410, "Gone" }, { 411, "Length Required" },
        { 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
        { 426, "Upgrade Required" }, { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
        { 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Status";
}

/* The value of Connection has the length of "keep-alive" whatever it says, so that who knows the
 * connection can put it in later. Returns where it stands. */
static size_t add_status(struct buf *out, int status)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    size_t connection_at;
    struct tm tm;

    gmtime_r(&now, &tm);
    buf_printf(out, "HTTP/1.1 %d %s\r\nConnection: ", status, reason(status));
    connection_at = out->len;
    buf_printf(out, "keep-alive\r\nDate: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
               days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
               tm.tm_hour, tm.tm_min, tm.tm_sec);
    return connection_at;
}

static struct block *block_of(const struct buf *head, size_t connection_at, const void *body,
                              size_t len)
{
    struct block *block = mem_grow(NULL, sizeof *block + head->len + len);

    *block = (struct block){
        .kind = BLOCK_REPLY, .p = block->data, .len = head->len + len, .head_len = head->len,
        .connection_at = connection_at,
    };
    memcpy(block->data, head->data, head->len);
    if (len > 0)
        memcpy(block->data + head->len, body, len);
    return block;
}

static int is_ours(const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Connection") == 0 ||
           strcasecmp(name, "Transfer-Encoding") == 0 || strcasecmp(name, "Date") == 0 ||
           strcasecmp(name, "Content-Type") == 0;
}

static struct block *make_block(const struct td_web_reply *reply, const char *own_headers,
                                int endless)
{
    int status = reply->status >= 200 && reply->status <= 599 ? reply->status : 500;
    const char *type = reply->content_type != NULL ? reply->content_type : "application/json";
    int bodyless = status == 204 || status == 304, cached = 0, policy = 0;
    struct buf head = { 0 };
    struct block *block;
    size_t at = add_status(&head, status);

    for (size_t i = 0; i < reply->n_headers; i++) {
        const struct td_header *h = &reply->headers[i];

        if (is_ours(h->name) || strpbrk(h->name, "\r\n: ") != NULL ||
            strpbrk(h->value, "\r\n") != NULL)
            continue;
        cached |= strcasecmp(h->name, "Cache-Control") == 0;
        policy |= strcasecmp(h->name, "Content-Security-Policy") == 0;
        buf_printf(&head, "%s: %s\r\n", h->name, h->value);
    }
    if (own_headers != NULL)
        buf_str(&head, own_headers);
    if (!cached)
        buf_str(&head, "Cache-Control: no-store\r\n");
    if (!bodyless)
        buf_printf(&head, "Content-Type: %s\r\n",
                   strpbrk(type, "\r\n") == NULL ? type : "application/octet-stream");
    if (!bodyless && !endless)
        buf_printf(&head, "Content-Length: %zu\r\n", reply->body_len);
    if (!policy && strncasecmp(type, "text/html", 9) == 0)
        buf_printf(&head, PAGE_POLICY, "'self'");
    buf_str(&head, "X-Content-Type-Options: nosniff\r\n\r\n");
    block = block_of(&head, at, reply->body, bodyless ? 0 : reply->body_len);
    buf_fini(&head);
    return block;
}

struct block *reply_block(const struct td_web_reply *reply, const char *own_headers)
{
    return make_block(reply, own_headers, 0);
}

struct block *reply_block_endless(const struct td_web_reply *reply)
{
    struct block *block = make_block(reply, NULL, 1);

    memcpy(block->data + block->connection_at, "close     ", 10);
    return block;
}

static void send_reply(struct conn *conn, struct block *block)
{
    if (conn->web->draining)
        conn->keep_alive = 0;
    if (!conn->keep_alive)
        memcpy(block->data + block->connection_at, "close     ", 10);
    if (conn->head_only && block->p == block->data)
        block->len = block->head_len;
    conn->state = CONN_REPLY;
    conn->reply_len = block->len;
    conn->web->replies += block->len;
    conn_deadline(conn, ANSWER_MS + (int64_t)(block->len / SLOWEST));
    conn_send(conn, block);
}

static void reply_gone(struct conn *conn)
{
    conn->web->replies -= conn->reply_len;
    conn->reply_len = 0;
}

static void drop_request(struct conn *conn)
{
    conn->web->bodies -= conn->body.len;
    buf_fini(&conn->body);
    free(conn->request);
    conn->request = NULL;
}

/* What was not read of a request cannot be told from the next one. */
static void leave_body(struct conn *conn)
{
    if (conn->request == NULL)
        return;
    drop_request(conn);
    conn->keep_alive = 0;
}

void http_reply(struct conn *conn, struct block *block)
{
    if (conn->state != CONN_WAIT) {
        free(block);
        return;
    }
    leave_body(conn);
    if (block->len > SMALL_REPLY && conn->web->replies + block->len > MAX_REPLIES) {
        free(block);
        http_error(conn, 503, "busy", "too much is being sent already, try again",
                   "Retry-After: 5\r\n");
        return;
    }
    send_reply(conn, block);
}

void http_error(struct conn *conn, int status, const char *code, const char *message,
                const char *header)
{
    char *body = mem_printf("{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, message);
    const struct td_web_reply reply = {
        .size = sizeof reply, .status = status, .body = body, .body_len = strlen(body),
    };

    send_reply(conn, reply_block(&reply, header));
    free(body);
}

/* Nothing that follows on this connection is understood any more. */
static void refuse(struct conn *conn, int status)
{
    conn->keep_alive = 0;
    conn->head_only = 0;
    switch (status) {
    case 408:
        http_error(conn, status, "timeout", "the request did not come whole in time", NULL);
        return;
    case 411:
        http_error(conn, status, "length_required", "a body needs a Content-Length", NULL);
        return;
    case 413:
        http_error(conn, status, "too_large", "the body is too large", NULL);
        return;
    case 431:
        http_error(conn, status, "headers_too_large", "the headers are too large", NULL);
        return;
    case 503:
        http_error(conn, status, "busy", "too busy or going down, try again",
                   "Retry-After: 5\r\n");
        return;
    default:
        http_error(conn, status, "bad_request", "this is not a request that is understood", NULL);
        return;
    }
}

void http_sent(struct conn *conn)
{
    reply_gone(conn);
    if (!conn->keep_alive) {
        conn_linger(conn, LINGER_MS);
        return;
    }
    conn->state = CONN_HEAD;
    conn_deadline(conn, conn->web->header_timeout_ms);
    if (conn->paused) {
        conn->paused = 0;
        link_pause(conn->link, 0);
    }
    conn_rx(conn, NULL, 0); /* the next request may have come already */
}

void http_finish(struct conn *conn)
{
    conn->keep_alive = 0;
    conn->state = CONN_REPLY;
    conn_deadline(conn, ANSWER_MS);
    if (conn->queued == 0)
        http_sent(conn);
}

void http_due(struct conn *conn)
{
    conn->keep_alive = 0;
    if (conn->state == CONN_REPLY)
        conn_kill(conn, 1);
    else if (conn->state == CONN_WAIT && conn->request != NULL)
        refuse(conn, 503);
    else if (conn->state == CONN_WAIT)
        http_error(conn, 504, "timeout", "there was no answer in time", NULL);
    else if (conn->state == CONN_HEAD && conn->in.len == 0)
        conn_linger(conn, LINGER_MS);
    else
        refuse(conn, 408);
}

void http_gone(struct conn *conn)
{
    reply_gone(conn);
    drop_request(conn);
}

/* ---- Requests ----------------------------------------------------------------------------- */

static const char *put(char **to, const char *text)
{
    char *at = *to;
    size_t size = strlen(text) + 1;

    memcpy(at, text, size);
    *to += size;
    return at;
}

static struct event *request_event(struct conn *conn, const struct route *route,
                                   const struct head *head)
{
    size_t size = head->n_headers * sizeof(struct td_header);
    struct td_header *headers;
    struct event *event;
    char *text;

    size += strlen(head->method) + strlen(head->path) + 2;
    size += strlen(head->query) + strlen(conn->peer) + 2;
    for (size_t i = 0; i < head->n_headers; i++)
        size += strlen(head->headers[i].name) + strlen(head->headers[i].value) + 2;
    event = mem_grow(NULL, sizeof *event + size);
    headers = (struct td_header *)(void *)event->data;
    text = event->data + head->n_headers * sizeof *headers;
    *event = (struct event){ .kind = EVENT_REQUEST, .route = route->id, .len = size };
    event->u.request = (struct td_web_request){
        .size = sizeof event->u.request,
        .method = put(&text, head->method),
        .path = put(&text, head->path),
        .query = put(&text, head->query),
        .peer = put(&text, conn->peer),
        .control = conn->control,
        .headers = headers,
        .n_headers = head->n_headers,
    };
    for (size_t i = 0; i < head->n_headers; i++)
        headers[i] = (struct td_header){ .name = put(&text, head->headers[i].name),
                                         .value = put(&text, head->headers[i].value) };
    return event;
}

static void hand_over(struct conn *conn)
{
    struct event *event = conn->request;

    conn_new_id(conn);
    conn->web->bodies -= conn->body.len;
    event->id = event->u.request.id = conn->id;
    event->u.request.body_len = conn->body.len;
    event->len += conn->body.len;
    event->body = buf_take(&conn->body);
    event->u.request.body = event->body;
    conn->request = NULL;
    conn->state = CONN_WAIT;
    conn_deadline(conn, ANSWER_MS);
    web_event(conn->web, event); /* one at a time from a connection: that is limit enough */
}

static void read_body(struct conn *conn)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct block *block;

    conn->state = CONN_BODY;
    if (!conn->expect)
        return;
    conn->expect = 0;
    block = mem_alloc(sizeof *block);
    block->p = text;
    block->len = sizeof text - 1;
    conn_send(conn, block);
}

/* The loop thread says whether the body is wanted; what comes of it meanwhile waits. */
static void ask(struct conn *conn, const struct route *route, const struct head *head)
{
    struct event *event = request_event(conn, route, head);

    conn_new_id(conn);
    event->kind = EVENT_HEAD;
    event->id = event->u.request.id = conn->id;
    event->u.request.body_len = conn->body_left;
    conn->state = CONN_WAIT;
    web_event(conn->web, event);
}

static void call(struct conn *conn, const struct route *route, const struct head *head)
{
    int64_t length = head->content_length;

    conn->body_max = route->max_body > 0 ? route->max_body : conn->web->max_body;
    if (length > (int64_t)conn->body_max && !route->ask) {
        refuse(conn, 413);
        return;
    }
    conn->request = request_event(conn, route, head);
    if (length == 0) {
        hand_over(conn);
        return;
    }
    conn->body_left = (size_t)length;
    conn->expect = head->expect;
    conn_deadline(conn, conn->web->header_timeout_ms +
                            (route->max_body > 0 && length <= (int64_t)conn->body_max
                                 ? length / SLOWEST : 0));
    if (route->ask)
        ask(conn, route, head);
    else
        read_body(conn);
}

void http_read_body(struct conn *conn)
{
    if (conn->state != CONN_WAIT || conn->request == NULL)
        return;
    if (conn->body_left > conn->body_max) {
        drop_request(conn);
        refuse(conn, 413);
        return;
    }
    read_body(conn);
    if (conn->paused) {
        conn->paused = 0;
        link_pause(conn->link, 0);
    }
    conn_rx(conn, NULL, 0); /* some of it may have come already */
}

static size_t body_feed(struct conn *conn, const char *data, size_t len)
{
    size_t n = len < conn->body_left ? len : conn->body_left;

    if (conn->web->bodies + n > MAX_BODIES) {
        drop_request(conn);
        refuse(conn, 503);
        return len;
    }
    buf_add(&conn->body, data, n);
    conn->web->bodies += n;
    conn->body_left -= n;
    if (conn->body_left == 0)
        hand_over(conn);
    return n;
}

/* If-None-Match lists our tag, weak or strong, or is a star. */
static int is_known(const struct head *head, const char *etag)
{
    const char *value = head_get(head, "if-none-match");

    return value != NULL && (strcmp(value, "*") == 0 || strstr(value, etag) != NULL);
}

/* RFC 9110, 12.5.3, as browsers write it: is "gzip" listed, and not with a weight of nothing? */
static int takes_gzip(const struct head *head)
{
    const char *at = head_get(head, "accept-encoding");

    while (at != NULL && *at != '\0') {
        at += strspn(at, " \t,");
        size_t len = strcspn(at, " \t,;");
        size_t whole = strcspn(at, ",");
        if (len == 4 && strncasecmp(at, "gzip", 4) == 0) {
            const char *weight = memchr(at, '=', whole);
            return weight == NULL || strtod(weight + 1, NULL) > 0;
        }
        at += whole;
    }
    return 0;
}

static void serve_static(struct conn *conn, const struct route *route, const struct head *head)
{
    const struct form *form =
        route->gzip.body != NULL && takes_gzip(head) ? &route->gzip : &route->plain;
    int fresh = is_known(head, form->etag);
    struct block *block, *body;
    struct buf text = { 0 };
    size_t at;

    if (strcmp(head->method, "GET") != 0 && !conn->head_only) {
        http_error(conn, 405, "method_not_allowed", "only GET and HEAD", "Allow: GET, HEAD\r\n");
        return;
    }
    at = add_status(&text, fresh ? 304 : 200);
    if (conn->web->tls_cert != NULL)
        buf_str(&text, "Strict-Transport-Security: max-age=31536000\r\n");
    if (!fresh)
        buf_printf(&text, "Content-Length: %zu\r\n", form->len);
    buf_add(&text, form->head.data, form->head.len);
    block = block_of(&text, at, NULL, 0);
    buf_fini(&text);
    if (fresh || conn->head_only || form->len == 0) {
        send_reply(conn, block);
        return;
    }
    /* The body is not copied: it lives as long as the listener. Queued before the head can have
     * gone out, so that the reply is over only after it. */
    body = mem_alloc(sizeof *body);
    body->p = form->body;
    body->len = form->len;
    block->next = body;
    send_reply(conn, block);
}

/* The same events may be had as a WebSocket and, from the route above it, as an event stream. */
static struct route *route_of(struct conn *conn, const struct head *head)
{
    struct route *route = route_find(conn->web, head->path, conn->control), *above;

    if (route == NULL || route->kind != ROUTE_WS || strcmp(head->method, "GET") != 0 ||
        !head_lists(head, "accept", "text/event-stream", 1))
        return route;
    above = route_find_above(conn->web, route, head->path);
    return above != NULL ? above : route;
}

static void dispatch(struct conn *conn, const struct head *head)
{
    struct web *web = conn->web;
    struct route *route;

    atomic_fetch_add_explicit(&web->requests, 1, memory_order_relaxed);
    addr_client(conn, head);
    conn->keep_alive = head->keep_alive;
    conn->head_only = strcmp(head->method, "HEAD") == 0;
    route = route_of(conn, head);
    if (web->draining && (route == NULL || !route->while_draining)) {
        refuse(conn, 503);
        return;
    }
    /* Who does not take the body cannot find the next request behind it. */
    if (head->content_length > 0 && (route == NULL || route->kind != ROUTE_CALL))
        conn->keep_alive = 0;
    if (route == NULL)
        http_error(conn, 404, "not_found", "there is nothing at this path", NULL);
    else if (route->kind == ROUTE_WS)
        ws_upgrade(conn, route, head);
    else if (route->kind == ROUTE_STATIC)
        serve_static(conn, route, head);
    else
        call(conn, route, head);
}

size_t http_feed(struct conn *conn, char *data, size_t len)
{
    size_t max = conn->web->max_header;
    struct head head;
    ssize_t end;
    int refused;

    if (conn->state == CONN_BODY)
        return body_feed(conn, data, len);
    end = head_end(data, len < max ? len : max);
    if (end == 0 && len < max)
        return 0;
    if (end <= 0) {
        refuse(conn, end == 0 ? 431 : 400);
        return len;
    }
    refused = head_parse(&head, data, (size_t)end);
    if (refused != 0) {
        refuse(conn, refused);
        return len;
    }
    dispatch(conn, &head);
    return (size_t)end;
}
