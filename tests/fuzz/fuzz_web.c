/*
 * fuzz_web.c - bytes of a client against the listener's connection, without a socket: HTTP heads,
 * bodies, pipelined requests, the upgrade, frames.
 *
 * The first byte says how the rest is cut into pieces. What reaches the callbacks must be the same
 * as when it comes in one piece, and queues must be empty and numbers zero at the end.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "io/web_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_HEADER 1024
#define MAX_BODY 512
#define MAX_MESSAGE 256

static struct buf seen; /* what the callbacks of one run were told */

/* In place of web.c; nobody orders anything, there is no loop thread. */
void web_order(struct web *web, struct block *block)
{
    (void)web;
    (void)block;
    abort();
}

int web_event(struct web *web, struct event *event)
{
    const struct td_web_request *r = &event->u.request;

    (void)web;
    switch (event->kind) {
    case EVENT_REQUEST:
        if (!utf8_valid(r->path, strlen(r->path)) || r->path[0] != '/' ||
            r->body_len > 2 * MAX_BODY)
            abort();
        buf_printf(&seen, "%s %s?%s %zu ", r->method, r->path, r->query, r->n_headers);
        for (size_t i = 0; i < r->n_headers; i++)
            buf_printf(&seen, "%s=%s ", r->headers[i].name, r->headers[i].value);
        buf_add(&seen, r->body, r->body_len);
        break;
    case EVENT_HEAD:
        if (r->body != NULL || r->body_len == 0)
            abort();
        buf_printf(&seen, "head %s %zu", r->path, r->body_len);
        break;
    case EVENT_OPENED:
        buf_printf(&seen, "opened %s", event->u.info.origin);
        break;
    case EVENT_TEXT:
        if (!utf8_valid(event->data, event->len) || event->len > MAX_MESSAGE)
            abort();
        buf_add(&seen, event->data, event->len);
        break;
    case EVENT_STREAM_CLOSED: /* only what the loop thread ordered is a stream */
        abort();
    case EVENT_CLOSED:
        buf_printf(&seen, "closed %d", event->code);
        break;
    }
    buf_char(&seen, '\n');
    free(event->body);
    free(event);
    return 0;
}

static void answer(struct conn *conn)
{
    const struct td_web_reply reply = { .size = sizeof reply, .status = 200 };

    while (conn->state == CONN_WAIT) {
        if (conn->request != NULL && conn->body_left % 2 == 0)
            http_read_body(conn);
        else
            http_reply(conn, reply_block(&reply, NULL));
    }
}

static void run(struct web *web, const uint8_t *data, size_t size, size_t piece)
{
    struct conn *conn = conn_new(web, web, -1, 0);

    for (size_t at = 0; at < size && conn->state != CONN_DEAD; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        char *copy = mem_dup(data + at, n); /* of exactly that size, and written to */

        conn_rx(conn, copy, n);
        free(copy);
        answer(conn);
    }
    if (conn->queued != 0 || conn->out != NULL)
        abort();
    conn_free(conn);
    if (web->n_conns != 0 || web->bodies != 0 || web->replies != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct td_ws_conf ws = {
        .size = sizeof ws, .path = "/chat", .subprotocol = "t", .max_message = MAX_MESSAGE,
        .send_buffer = 1 << 20, .max_connections_per_ip = 1,
    };
    struct web web = { .max_header = MAX_HEADER, .max_body = MAX_BODY, .header_timeout_ms = 1 };
    struct buf whole;

    if (size < 1)
        return 0;
    web.routes = route_new_ws(1, &ws);
    web.routes->next = route_new(ROUTE_CALL, 2, "/");
    web.routes->next->next = route_new_static(
        3, &(struct web_static){ .path = "/page", .content_type = "text/html", .body = "hello",
                                 .len = 5, .gzip = "hi", .gzip_len = 2 });
    web.routes->next->next->next = route_new(ROUTE_CALL, 4, "/up");
    web.routes->next->next->next->ask = 1;
    web.routes->next->next->next->max_body = 2 * MAX_BODY;
    run(&web, data + 1, size - 1, SIZE_MAX / 2);
    whole = seen;
    seen = (struct buf){ 0 };
    run(&web, data + 1, size - 1, 1 + data[0] % 64);
    if (whole.len != seen.len || (whole.len > 0 && memcmp(whole.data, seen.data, seen.len) != 0))
        abort();
    if (web.routes->n_connections != 0 || web.routes->addresses != NULL)
        abort();
    buf_fini(&whole);
    buf_fini(&seen);
    while (web.routes != NULL) {
        struct route *route = web.routes;

        web.routes = route->next;
        route_free(route);
    }
    free(web.slots);
    free(web.free_slots);
    return 0;
}
