/*
 * fuzz_control.c - bytes of a client against the control socket: from the connection through /api's
 * paths, queries and bodies to what the gate is asked.
 *
 * The first byte says how the rest is cut into pieces, and whether it comes to the listener, where
 * /api asks for a token. Each request must be answered once, and with JSON where it says so;
 * answers and what the gate is asked must be the same as when all comes in one piece.
 */
#include "config.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ulid.h"
#include "base/utf8.h"
#include "daemon/admin.h"
#include "daemon/metrics.h"
#include "daemon/report_query.h"
#include "daemon/reports.h"
#include "gate/gate.h"
#include "io/loop.h"
#include "io/web_private.h"
#include "plug/loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ROUTES 8
#define MAX_STREAMS 64

static struct {
    const char *path;
    td_web_cb *cb;
    void *arg;
} routes[MAX_ROUTES];
static uint64_t streams[MAX_STREAMS], asked;
static size_t n_streams;
static struct block *answered; /* to the request under way */
static struct buf seen;        /* of one run */
static gate_fact_fn *listener;
static void *listener_arg;

/* ---- In place of web.c -------------------------------------------------------------------- */

int web_route(struct web *web, const char *path, int control_only, td_web_cb *cb, void *arg)
{
    size_t i = 0;

    (void)web;
    (void)control_only;
    while (routes[i].path != NULL)
        i++;
    routes[i].path = path;
    routes[i].cb = cb;
    routes[i].arg = arg;
    return 0;
}

void web_route_del(struct web *web, const char *path)
{
    (void)web;
    (void)path;
    memset(routes, 0, sizeof routes);
}

void web_reply(struct web *web, uint64_t request, const struct td_web_reply *reply)
{
    cJSON *json = NULL;

    (void)web;
    if (answered != NULL || request != asked)
        abort();
    if (reply->content_type == NULL) {
        json = td_json_parse(reply->body, reply->body_len, NULL, NULL, 0);
        if (json == NULL)
            abort();
        cJSON_Delete(json);
    }
    buf_printf(&seen, "%d ", reply->status);
    buf_add(&seen, reply->body, reply->body_len);
    buf_char(&seen, '\n');
    answered = reply_block(reply, NULL);
}

/* Only of streams, here. Each is told of something, which its filter wants or not. */
void web_order(struct web *web, struct block *block)
{
    const struct td_web_reply plain = { .size = sizeof plain, .status = 200 };

    (void)web;
    switch (block->kind) {
    case BLOCK_STREAM:
        if (answered != NULL || block->id != asked || n_streams == MAX_STREAMS)
            abort();
        streams[n_streams++] = block->id;
        answered = reply_block(&plain, NULL);
        buf_str(&seen, "stream\n");
        listener(listener_arg, &(struct gate_fact){
            .type = "turn_end", .session = "01JD0000000000000000000000", .channel = "web",
            .agent = "echo", .facts = "{}", .len = 2 });
        break;
    case BLOCK_STREAM_SEND:
        if (block->len < 2 || memcmp(block->p + block->len - 2, "\n\n", 2) != 0)
            abort();
        buf_str(&seen, "told\n");
        break;
    default:
        abort();
    }
    free(block);
}

int web_event(struct web *web, struct event *event)
{
    const struct td_web_request *r = &event->u.request;
    size_t i = 0;

    (void)web;
    if (event->kind == EVENT_REQUEST) {
        while (routes[i].path != NULL &&
               strncmp(r->path, routes[i].path, strlen(routes[i].path)) != 0)
            i++;
        asked = r->id;
        if (routes[i].path != NULL)
            routes[i].cb(routes[i].arg, r);
        else
            web_reply(web, r->id, &(struct td_web_reply){ .size = sizeof(struct td_web_reply),
                                                          .status = 404, .content_type = "-" });
        if (answered == NULL)
            abort();
    }
    free(event->body);
    free(event);
    return 0;
}

/* ---- In place of the gate, the loader, the loop and the metrics --------------------------- */

static void object(struct buf *out)
{
    buf_str(out, "{}");
}

void gate_status_json(const struct gate *gate, struct buf *out)
{
    (void)gate;
    object(out);
}

void gate_instances_json(const struct gate *gate, struct buf *out)
{
    (void)gate;
    object(out);
}

void gate_channels_json(const struct gate *gate, struct buf *out)
{
    (void)gate;
    object(out);
}

void gate_agents_json(const struct gate *gate, struct buf *out)
{
    (void)gate;
    object(out);
}

int gate_suspend(struct gate *gate, const char *channel, int on)
{
    (void)gate;
    if (strchr(channel, '/') != NULL)
        abort();
    buf_printf(&seen, "suspend %s %d\n", channel, on);
    return strcmp(channel, "web") == 0 ? 0 : -1;
}

int gate_channel_json(const struct gate *gate, const char *name, struct buf *out)
{
    (void)gate;
    (void)name;
    object(out);
    return 0;
}

static void told(const char *what, const struct ulid *id, const char *more, uint64_t after,
                 size_t max, gate_json_fn *fn, void *arg)
{
    char text[ULID_TEXT] = "-";

    if (id != NULL)
        ulid_format(id, text);
    buf_printf(&seen, "%s %s %s %" PRIu64 " %zu\n", what, text, more != NULL ? more : "-", after,
               max);
    if (max > 500)
        fn(arg, 404, "there is no such \" thing", 24);
    else
        fn(arg, 200, "{}", 2);
}

void gate_sessions(struct gate *gate, const char *state, const struct ulid *after, size_t max,
                   gate_json_fn *fn, void *arg)
{
    (void)gate;
    if ((state != NULL && strcmp(state, "open") != 0 && strcmp(state, "closed") != 0) || max < 1 ||
        max > 1000)
        abort();
    told("sessions", after, state, 0, max, fn, arg);
}

void gate_kept(struct gate *gate, const char *channel, const char *prefix, const char *after,
               gate_json_fn *fn, void *arg)
{
    (void)gate, (void)channel, (void)prefix, (void)after;
    fn(arg, 200, "", 0);
}

void gate_session(struct gate *gate, const struct ulid *id, gate_json_fn *fn, void *arg)
{
    (void)gate;
    told("session", id, NULL, 0, 1, fn, arg);
}

void gate_journal(struct gate *gate, const struct ulid *id, uint64_t after, size_t max,
                  int with_bodies, gate_json_fn *fn, void *arg)
{
    (void)gate;
    if (max < 1 || max > 1000)
        abort();
    told("journal", id, with_bodies ? "bodies" : NULL, after, max, fn, arg);
}

void gate_pass(struct gate *gate, const struct ulid *id, const char *agent,
               const struct gate_order *order, gate_json_fn *fn, void *arg)
{
    (void)gate;
    (void)order;
    if (!utf8_valid(agent, strlen(agent)))
        abort();
    told("pass", id, agent, 0, 1, fn, arg);
}

void gate_close_session(struct gate *gate, const struct ulid *id, const struct gate_order *order,
                        gate_json_fn *fn, void *arg)
{
    (void)gate;
    told("close", id, order->by, 0, 1, fn, arg);
}

void gate_desks_json(const struct gate *gate, struct buf *out)
{
    (void)gate;
    object(out);
}

void gate_handoffs_json(struct gate *gate, const char *state, struct buf *out)
{
    (void)gate;
    buf_printf(&seen, "handoffs %s\n", state != NULL ? state : "-");
    object(out);
}

void gate_request(struct gate *gate, const struct ulid *id, const char *queue, const char *reason,
                  const struct gate_order *order, gate_json_fn *fn, void *arg)
{
    (void)gate;
    (void)order;
    if ((queue != NULL && !utf8_valid(queue, strlen(queue))) ||
        (reason != NULL && !utf8_valid(reason, strlen(reason))))
        abort();
    told("request", id, queue, reason != NULL, 1, fn, arg);
}

void gate_bridge(struct gate *gate, const struct ulid *id, const char *channel, const char *link,
                 const struct gate_order *order, gate_json_fn *fn, void *arg)
{
    (void)gate;
    (void)order;
    if ((channel != NULL && !utf8_valid(channel, strlen(channel))) ||
        (link != NULL && (strncmp(link, "http", 4) != 0 || strpbrk(link, "# \r\n") != NULL)))
        abort();
    told("bridge", id, link, channel != NULL, 1, fn, arg);
}

void gate_release(struct gate *gate, const struct ulid *id, const struct gate_order *order,
                  gate_json_fn *fn, void *arg)
{
    (void)gate;
    told("release", id, order->by, 0, 1, fn, arg);
}

struct reports *reports_new(struct loop *loop, struct web *web, struct store *store,
                            struct gate *gate)
{
    (void)loop;
    (void)store;
    (void)gate;
    return (struct reports *)web;
}

void reports_free(struct reports **reports)
{
    *reports = NULL;
}

const char *reports_get(struct reports *reports, const struct td_web_request *request,
                        int *status_r)
{
    static char why[1024];
    struct report_query query;

    *status_r = 400;
    if (report_query_parse(request->query, INT64_C(1795424400000), &query, why, sizeof why) != 0) {
        if (!utf8_valid(why, strlen(why)))
            abort();
        return why;
    }
    if (query.ask.from >= query.ask.to || query.ask.from < 0 || query.ask.by >= REPORT_BYS ||
        query.ask.mark > MARKS || (query.ask.group != NULL && !query.ask.sessions))
        abort();
    buf_printf(&seen, "report %" PRId64 " %" PRId64 " %d %d\n", query.ask.from, query.ask.to,
               (int)query.ask.by, (int)query.ask.mark);
    web_reply((struct web *)reports, request->id,
              &(struct td_web_reply){ .size = sizeof(struct td_web_reply), .status = 200,
                                      .body = "{}", .body_len = 2 });
    return NULL;
}

void gate_listen(struct gate *gate, gate_fact_fn *fn, void *arg)
{
    (void)gate;
    listener = fn;
    listener_arg = arg;
}

void loader_each(struct loader *loader, loader_each_fn *fn, void *arg)
{
    (void)loader;
    fn(arg, "/x/broken.so", NULL, "it is \"broken\"");
}

/* Of setup.h, which has another struct route than web_private.h. */
const char *kind_name(enum td_kind kind);
const char *kind_name(enum td_kind kind)
{
    (void)kind;
    return "channel";
}

struct loop_timer *loop_timer_add(struct loop *loop, uint64_t ms, loop_fn *fn, void *arg)
{
    (void)loop;
    (void)ms;
    (void)fn;
    (void)arg;
    return NULL;
}

void loop_timer_del(struct loop_timer **timer)
{
    *timer = NULL;
}

void metrics_print(const struct metric_set *set, struct store *store, struct web *web,
                   struct buf *out)
{
    (void)set;
    (void)store;
    (void)web;
    buf_str(out, "m 1\n");
}

/* ---- A run -------------------------------------------------------------------------------- */

static int ready(void *arg, struct buf *reasons)
{
    (void)arg;
    buf_str(reasons, "not yet\n");
    return 0;
}

static void status(void *arg, struct td_json *out)
{
    (void)arg;
    td_json_key_str(out, "version", "x");
}

static int reload(void *arg, struct buf *report)
{
    (void)arg;
    buf_str(report, "line 1: \"bad\"");
    return -1;
}

static void drain(void *arg)
{
    (void)arg;
    buf_str(&seen, "drain\n");
}

static void run(struct web *web, const uint8_t *data, size_t size, size_t piece, int control)
{
    const struct admin_conf conf = { .web = web, .ready = ready, .status = status,
                                     .reload = reload, .drain = drain };
    struct admin *admin = admin_new(&conf);
    struct conn *conn = conn_new(web, web, -1, control);

    admin_set_token(admin, "token");
    for (size_t at = 0; at < size && conn->state != CONN_DEAD; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        char *copy = mem_dup(data + at, n); /* of exactly that size, and written to */

        conn_rx(conn, copy, n);
        free(copy);
        while (conn->state == CONN_WAIT) {
            struct block *block = answered;

            answered = NULL;
            http_reply(conn, block);
        }
    }
    conn_free(conn);
    while (n_streams > 0)
        conn_stream_tell(web, streams[--n_streams]);
    admin_free(&admin);
    if (answered != NULL || web->n_conns != 0 || web->bodies != 0 || web->replies != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct web web = { .max_header = 1024, .max_body = 512, .header_timeout_ms = 1 };
    struct buf whole;

    if (size < 1)
        return 0;
    log_setup(LOG_ERROR_LEVEL, LOG_LOGFMT);
    web.routes = route_new(ROUTE_CALL, 1, "/");
    run(&web, data + 1, size - 1, SIZE_MAX / 2, data[0] < 128);
    whole = seen;
    seen = (struct buf){ 0 };
    run(&web, data + 1, size - 1, 1 + data[0] % 64, data[0] < 128);
    if (whole.len != seen.len || (whole.len > 0 && memcmp(whole.data, seen.data, seen.len) != 0))
        abort();
    buf_fini(&whole);
    buf_fini(&seen);
    route_free(web.routes);
    free(web.slots);
    free(web.free_slots);
    return 0;
}
