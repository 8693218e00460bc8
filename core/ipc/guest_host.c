/* guest_host.c - the td_host of an isolated plugin: what it can do itself, the rest forwarded. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "ipc/guest_private.h"

#define MAX_POSTS 10000
#define MAX_FILE (15u << 20) /* with room for the rest of the frame */

struct td_timer {
    struct td_instance *inst;
    struct loop_timer *timer;
    void (*cb)(void *arg);
    void *arg;
};

struct td_watch {
    struct td_instance *inst;
    struct loop_watch *watch;
    void (*cb)(void *arg, int readable, int writable);
    void *arg;
};

struct td_http {
    UT_hash_handle hh;
    struct td_instance *inst;
    uint64_t id;
    td_http_cb *cb;
    td_http_data_cb *on_data;
    void *arg;
};

struct post {
    struct td_instance *inst;
    void (*fn)(void *arg);
    void *arg;
};

/* ---- Here --------------------------------------------------------------------------------- */

static const char *host_name(struct td_instance *inst)
{
    return inst->name;
}

static TD_PRINTF(3, 4) void host_log(struct td_instance *inst, enum td_level level,
                                     const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    if ((unsigned)level > inst->log_level)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    guest_put(inst, IPC_LOG, 0, level, 0, text);
}

static void host_count(struct td_instance *inst, const char *what, uint64_t n)
{
    guest_put(inst, IPC_COUNT, n, 0, 0, what);
}

static int64_t host_now(struct td_instance *inst)
{
    (void)inst;
    return clock_wall_ms();
}

static void on_timer(void *arg)
{
    struct td_timer timer = *(struct td_timer *)arg;

    free(arg);
    timer.cb(timer.arg);
    guest_flush(timer.inst);
}

static struct td_timer *host_timer_add(struct td_instance *inst, uint32_t ms,
                                       void (*cb)(void *arg), void *arg)
{
    struct td_timer *timer = mem_alloc(sizeof *timer);

    *timer = (struct td_timer){ .inst = inst, .cb = cb, .arg = arg };
    timer->timer = loop_timer_add(inst->loop, ms, on_timer, timer);
    return timer;
}

static void host_timer_del(struct td_timer **timer)
{
    if (*timer == NULL)
        return;
    loop_timer_del(&(*timer)->timer);
    free(*timer);
    *timer = NULL;
}

static void on_watch(void *arg, int readable, int writable)
{
    struct td_watch *watch = arg;
    struct td_instance *inst = watch->inst;

    watch->cb(watch->arg, readable, writable);
    guest_flush(inst);
}

static struct td_watch *host_watch_fd(struct td_instance *inst, int fd, int want_read,
                                      int want_write,
                                      void (*cb)(void *arg, int readable, int writable), void *arg)
{
    struct td_watch *watch = mem_alloc(sizeof *watch);

    *watch = (struct td_watch){ .inst = inst, .cb = cb, .arg = arg };
    watch->watch = loop_watch_add(inst->loop, fd, want_read, want_write, on_watch, watch);
    return watch;
}

static void host_watch_del(struct td_watch **watch)
{
    if (*watch == NULL)
        return;
    loop_watch_del(&(*watch)->watch);
    free(*watch);
    *watch = NULL;
}

static void on_post(void *arg)
{
    struct post post = *(struct post *)arg;

    free(arg);
    atomic_fetch_sub(&post.inst->posts, 1);
    if (post.inst->self == NULL)
        return;
    post.fn(post.arg);
    guest_flush(post.inst);
}

static enum td_status host_post(struct td_instance *inst, void (*fn)(void *arg), void *arg)
{
    struct post *post;

    if (atomic_fetch_add(&inst->posts, 1) >= MAX_POSTS) {
        atomic_fetch_sub(&inst->posts, 1);
        return TD_RETRY;
    }
    post = mem_alloc(sizeof *post);
    *post = (struct post){ inst, fn, arg };
    loop_post(inst->loop, on_post, post);
    return TD_OK;
}

/* ---- Forwarded ---------------------------------------------------------------------------- */

#define FORWARD(name_, type_, frame_)                                                         \
    static void host_##name_(struct td_instance *inst, uint64_t id, const type_ *what)        \
    {                                                                                         \
        guest_put(inst, (frame_), id, 0, 0, what);                                            \
    }
FORWARD(deliver, struct td_inbound, IPC_DELIVER)
FORWARD(attach, struct td_attach, IPC_ATTACH)
FORWARD(sent, struct td_sent, IPC_SENT)
FORWARD(answer, struct td_answer, IPC_ANSWER)
FORWARD(delta, char, IPC_DELTA)
FORWARD(keep, struct td_keep, IPC_KEEP)
FORWARD(offered, struct td_offered, IPC_OFFERED)
FORWARD(desk, struct td_desk_request, IPC_DESK)
FORWARD(reply, struct td_web_reply, IPC_WEB_REPLY)
#undef FORWARD

struct no_file {
    struct td_instance *inst;
    uint64_t job;
};

/* As if the gateway had said it: through the same op. */
static void refuse_file(void *arg)
{
    const struct no_file none = *(struct no_file *)arg;
    const struct td_filed filed = { .size = sizeof filed, .status = TD_REJECT,
                                    .detail = "an isolated plugin hands in files of at most 15M" };

    free(arg);
    guest_filed(none.inst, none.job, &filed);
    guest_flush(none.inst);
}

static void host_file(struct td_instance *inst, uint64_t job, const struct td_file *file)
{
    struct no_file *none;

    if (file->len <= MAX_FILE) {
        guest_put(inst, IPC_FILE, job, 0, 0, file);
        return;
    }
    none = mem_alloc(sizeof *none);
    *none = (struct no_file){ inst, job };
    loop_defer(inst->loop, refuse_file, none);
}

static void host_detach(struct td_instance *inst, const char *session)
{
    guest_put(inst, IPC_DETACH, 0, 0, 0, session);
}

static void host_event(struct td_instance *inst, const struct td_event *event)
{
    guest_put(inst, IPC_EVENT_IN, 0, 0, 0, event);
}

static void host_report(struct td_instance *inst, const char *text)
{
    guest_put(inst, IPC_REPORT, 0, 0, 0, text);
}

static void host_notice(struct td_instance *inst, enum td_level level, const char *what,
                        const char *text)
{
    struct buf both = { 0 };

    buf_printf(&both, "%s %s", what != NULL ? what : "", text != NULL ? text : "");
    guest_put(inst, IPC_NOTICE, 0, level, 0, both.data);
    buf_fini(&both);
}

static void host_ws_send(struct td_instance *inst, uint64_t conn, const char *text, size_t len)
{
    guest_put(inst, IPC_WS_SEND, conn, 0, 0, &(struct ipc_bytes){ text, len });
}

static void host_ws_close(struct td_instance *inst, uint64_t conn, int code, const char *reason)
{
    guest_put(inst, IPC_WS_CLOSE, conn, (uint32_t)code, 0, reason);
}

/* ---- Asked for: what returns a value ------------------------------------------------------ */

static void host_key(struct td_instance *inst, const char *purpose, uint8_t out[32])
{
    struct ipc_frame frame;

    guest_call(inst, IPC_KEY, 0, purpose, &frame);
    if (frame.payload != NULL && frame.len == 32)
        memcpy(out, frame.payload, 32);
    ipc_done(&inst->pipe, &frame);
}

static const char *host_human(struct td_instance *inst, const char *token)
{
    struct ipc_frame frame;
    const char *name = NULL;

    guest_call(inst, IPC_HUMAN, 0, token, &frame);
    if (frame.payload != NULL) {
        buf_clear(&inst->human);
        buf_add(&inst->human, frame.payload, frame.len);
        name = inst->human.data;
    }
    ipc_done(&inst->pipe, &frame);
    return name;
}

static struct guest_path *path_new(struct td_instance *inst, void *arg)
{
    struct guest_path *path = mem_alloc(sizeof *path);

    *path = (struct guest_path){ .next = inst->paths, .number = ++inst->n_paths, .arg = arg };
    inst->paths = path;
    return path;
}

static enum td_status path_call(struct td_instance *inst, enum ipc_type type, uint32_t number,
                                const void *payload)
{
    struct ipc_frame frame;
    enum td_status status;

    guest_call(inst, type, number, payload, &frame);
    status = (enum td_status)frame.a;
    ipc_done(&inst->pipe, &frame);
    return status;
}

static enum td_status host_route(struct td_instance *inst, const char *text, td_web_cb *cb,
                                 void *arg)
{
    struct guest_path *path = path_new(inst, arg);

    path->cb = cb;
    return path_call(inst, IPC_ROUTE, path->number, text);
}

static enum td_status host_route_with(struct td_instance *inst, const struct td_web_route *route,
                                      td_web_cb *cb, void *arg)
{
    struct guest_path *path = path_new(inst, arg);

    path->cb = cb;
    path->head = TD_HAS(route, head) ? route->head : NULL;
    return path_call(inst, IPC_ROUTE_WITH, path->number, route);
}

static enum td_status host_ws_listen(struct td_instance *inst, const struct td_ws_conf *conf,
                                     const struct td_ws_ops *ops, void *arg)
{
    struct guest_path *path = path_new(inst, arg);

    path->ops = *ops;
    return path_call(inst, IPC_WS_LISTEN, path->number, conf);
}

static struct guest_stream **stream_at(struct td_instance *inst, uint64_t request)
{
    struct guest_stream **at = &inst->streams;

    while (*at != NULL && (*at)->request != request)
        at = &(*at)->next;
    return at;
}

static void stream_drop(struct guest_stream **at)
{
    struct guest_stream *stream = *at;

    *at = stream->next;
    free(stream);
}

static void host_stream(struct td_instance *inst, uint64_t request,
                        const struct td_web_stream *of)
{
    struct guest_stream *stream = mem_alloc(sizeof *stream);

    *stream = (struct guest_stream){ inst->streams, request, of->closed, of->arg };
    inst->streams = stream;
    guest_put(inst, IPC_STREAM, request, of->max_queue, 0, of->first);
}

static void host_stream_send(struct td_instance *inst, uint64_t request, const char *text,
                             size_t len)
{
    if (*stream_at(inst, request) != NULL)
        guest_put(inst, IPC_STREAM_SEND, request, 0, 0, &(struct ipc_bytes){ text, len });
}

static void host_stream_end(struct td_instance *inst, uint64_t request)
{
    struct guest_stream **at = stream_at(inst, request);

    if (*at == NULL)
        return;
    stream_drop(at);
    guest_put(inst, IPC_STREAM_END, request, 0, 0, NULL);
}

static void take_stream_closed(struct td_instance *inst, uint64_t request)
{
    struct guest_stream **at = stream_at(inst, request);

    if (*at == NULL)
        return; /* it was ended here meanwhile */
    td_web_stream_cb *closed = (*at)->closed;
    void *arg = (*at)->arg;

    stream_drop(at);
    closed(arg, request);
}

/* ---- HTTP --------------------------------------------------------------------------------- */

static struct td_http *host_http_start(struct td_instance *inst,
                                       const struct td_http_request *request, td_http_cb *cb,
                                       void *arg)
{
    struct td_http *http;

    if (request == NULL || request->url == NULL ||
        request->body_len > IPC_MAX_FROM_GUEST - 65536)
        return NULL;
    http = mem_alloc(sizeof *http);
    http->inst = inst;
    http->id = ++inst->last_http;
    http->cb = cb;
    http->on_data = TD_HAS(request, on_data) ? request->on_data : NULL;
    http->arg = arg;
    HASH_ADD(hh, inst->https, id, sizeof http->id, http);
    guest_put(inst, IPC_HTTP_START, http->id, http->on_data != NULL, 0, request);
    return http;
}

static void host_http_cancel(struct td_http **http)
{
    struct td_instance *inst;

    if (*http == NULL)
        return;
    inst = (*http)->inst;
    guest_put(inst, IPC_HTTP_CANCEL, (*http)->id, 0, 0, NULL);
    HASH_DEL(inst->https, *http);
    free(*http);
    *http = NULL;
}

/* ---- What comes of it --------------------------------------------------------------------- */

static void take_http(struct td_instance *inst, const struct ipc_frame *frame)
{
    struct td_http *http;
    td_http_cb *cb;
    void *arg;

    HASH_FIND(hh, inst->https, &frame->id, sizeof frame->id, http);
    if (http == NULL)
        return; /* cancelled meanwhile */
    arg = http->arg;
    if (frame->type == IPC_HTTP_DATA) {
        http->on_data(arg, frame->payload);
        return;
    }
    cb = http->cb;
    HASH_DEL(inst->https, http);
    free(http);
    cb(arg, frame->payload);
}

/* The gateway has read the body, within max_body, before anything was asked: what the head says of a
 * request with a body is asked now. */
static void take_web(const struct guest_path *path, const struct td_web_request *request)
{
    struct td_web_request head = *request;

    head.body = NULL;
    if (path->head == NULL || request->body_len == 0 || path->head(path->arg, &head))
        path->cb(path->arg, request);
}

void guest_take_net(struct td_instance *inst, const struct ipc_frame *frame)
{
    const struct guest_path *path = inst->paths;

    if (frame->type == IPC_HTTP_DATA || frame->type == IPC_HTTP_END) {
        take_http(inst, frame);
        return;
    }
    if (frame->type == IPC_STREAM_CLOSED) {
        take_stream_closed(inst, frame->id);
        return;
    }
    while (path != NULL && path->number != frame->a)
        path = path->next;
    if (path == NULL)
        return;
    if (frame->type == IPC_WEB_REQUEST && path->cb != NULL)
        take_web(path, frame->payload);
    else if (frame->type == IPC_WS_OPENED)
        path->ops.opened(path->arg, frame->id, frame->payload);
    else if (frame->type == IPC_WS_TEXT)
        path->ops.text(path->arg, frame->id, frame->payload != NULL ? frame->payload : "",
                       frame->len);
    else if (frame->type == IPC_WS_CLOSED)
        path->ops.closed(path->arg, frame->id, frame->b);
}

const struct td_host guest_host = {
    .size = sizeof(struct td_host),
    .name = host_name,
    .log = host_log,
    .count = host_count,
    .key = host_key,
    .now = host_now,
    .deliver = host_deliver,
    .attach = host_attach,
    .detach = host_detach,
    .event = host_event,
    .sent = host_sent,
    .answer = host_answer,
    .timer_add = host_timer_add,
    .timer_del = host_timer_del,
    .watch_fd = host_watch_fd,
    .watch_del = host_watch_del,
    .post = host_post,
    .http_start = host_http_start,
    .http_cancel = host_http_cancel,
    .route = host_route,
    .reply = host_reply,
    .ws_listen = host_ws_listen,
    .ws_send = host_ws_send,
    .ws_close = host_ws_close,
    .delta = host_delta,
    .file = host_file,
    .offered = host_offered,
    .desk = host_desk,
    .human = host_human,
    .route_with = host_route_with,
    .stream = host_stream,
    .stream_send = host_stream_send,
    .stream_end = host_stream_end,
    .keep = host_keep,
    .report = host_report,
    .notice = host_notice,
};
