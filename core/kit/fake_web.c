/* fake_web.c - HTTP of a fake host both ways, and WebSockets: the test is the peer. */
#include "config.h"

#include "kit/fake_host.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kit/fake_host_private.h"

struct td_http *fake_host_http_start(struct td_instance *inst,
                                     const struct td_http_request *request, td_http_cb *cb,
                                     void *arg)
{
    struct fake *f = fake_enter(inst, "http_start");

    if (f == NULL || f->refuse_http)
        return NULL;
    struct fake_call *call = fake_add(f, FAKE_HTTP, ++f->last_id);
    struct td_http *http = (struct td_http *)call; /* the call is its first field */

    call->request = fake_request_copy(&f->mem, request);
    http->record.fake = f;
    http->record.cb = cb;
    http->record.arg = arg;
    return http;
}

void fake_host_http_cancel(struct td_http **http)
{
    if (*http == NULL)
        return;
    struct fake_record *r = &(*http)->record;

    if (r->cb == NULL)
        fake_fault(r->fake, 1, "http_cancel() of a request that has ended: set the pointer to NULL "
                   "first in its callback");
    else if (fake_enter(&r->fake->inst, "http_cancel") == NULL)
        return;
    r->cb = NULL;
    *http = NULL;
}

static enum td_status add_route(struct fake *f, const char *path, td_web_cb *cb,
                                td_web_head_cb *head, void *arg)
{
    if (f == NULL)
        return TD_FAIL;
    for (const struct fake_route *r = f->routes; r != NULL; r = r->next) {
        if (strcmp(r->path, path) == 0)
            return TD_CONF;
    }
    struct fake_route *route = fake_keep(&f->mem, NULL, sizeof *route);

    *route = (struct fake_route){ f->routes, fake_str(&f->mem, path), cb, head, arg };
    f->routes = route;
    return TD_OK;
}

enum td_status fake_host_route(struct td_instance *inst, const char *path, td_web_cb *cb,
                               void *arg)
{
    return add_route(fake_enter(inst, "route"), path, cb, NULL, arg);
}

enum td_status fake_host_route_with(struct td_instance *inst, const struct td_web_route *route,
                                    td_web_cb *cb, void *arg)
{
    return add_route(fake_enter(inst, "route_with"), route->path, cb, route->head, arg);
}

void fake_host_reply(struct td_instance *inst, uint64_t request, const struct td_web_reply *reply)
{
    struct fake *f = fake_enter(inst, "reply");

    if (f == NULL || !fake_job_answer(f, f->asked, request, "reply", "the route's callback"))
        return;
    struct fake_call *call = fake_add(f, FAKE_REPLY, request);

    call->reply = fake_reply(&f->mem, reply);
    call->code = reply->status;
    call->text = call->reply->body;
    call->len = reply->body_len;
}

static struct fake_stream *stream_find(const struct fake *f, uint64_t id)
{
    struct fake_stream *s = f->streams;

    while (s != NULL && s->id != id)
        s = s->next;
    return s;
}

void fake_host_stream(struct td_instance *inst, uint64_t request,
                      const struct td_web_stream *stream)
{
    struct fake *f = fake_enter(inst, "stream");

    if (f == NULL || !fake_job_answer(f, f->asked, request, "stream", "the route's callback"))
        return;
    struct fake_call *call = fake_add(f, FAKE_STREAM, request);
    struct fake_stream *s = fake_keep(&f->mem, NULL, sizeof *s);

    call->reply = fake_reply(&f->mem, stream->first);
    call->code = stream->first->status;
    call->text = call->reply->body;
    call->len = call->reply->body_len;
    *s = (struct fake_stream){ f->streams, request, stream->closed, stream->arg };
    f->streams = s;
}

void fake_host_stream_send(struct td_instance *inst, uint64_t request, const char *text,
                           size_t len)
{
    struct fake *f = fake_enter(inst, "stream_send");

    if (f == NULL || !fake_stream_is_open(f, request))
        return;
    struct fake_call *call = fake_add(f, FAKE_STREAM_SEND, request);

    call->text = fake_keep(&f->mem, text, len);
    call->len = len;
}

void fake_host_stream_end(struct td_instance *inst, uint64_t request)
{
    struct fake *f = fake_enter(inst, "stream_end");

    if (f == NULL || !fake_stream_is_open(f, request))
        return;
    stream_find(f, request)->closed = NULL;
    fake_add(f, FAKE_STREAM_END, request);
}

int fake_stream_is_open(const struct fake *f, uint64_t request)
{
    const struct fake_stream *s = stream_find(f, request);

    return s != NULL && s->closed != NULL;
}

void fake_stream_closed(struct fake *f, uint64_t request)
{
    struct fake_stream *s = stream_find(f, request);
    td_web_stream_cb *closed = s != NULL ? s->closed : NULL;

    if (closed == NULL)
        fake_broken(f, "the test closes a stream that is not open");
    s->closed = NULL;
    fake_before(f, "a stream's closed()");
    closed(s->arg, request);
    fake_after(f, "a stream's closed()");
}

enum td_status fake_host_ws_listen(struct td_instance *inst, const struct td_ws_conf *conf,
                                   const struct td_ws_ops *ops, void *arg)
{
    struct fake *f = fake_enter(inst, "ws_listen");

    if (f == NULL)
        return TD_FAIL;
    if (f->ws_conf != NULL)
        return TD_CONF;
    f->ws_conf = fake_ws_conf_copy(&f->mem, conf);
    f->ws_ops = ops;
    f->ws_arg = arg;
    return TD_OK;
}

static struct fake_conn *conn_find(const struct fake *f, uint64_t id)
{
    struct fake_conn *c = f->conns;

    while (c != NULL && c->id != id)
        c = c->next;
    return c;
}

void fake_host_ws_send(struct td_instance *inst, uint64_t conn, const char *text, size_t len)
{
    struct fake *f = fake_enter(inst, "ws_send");
    struct fake_call *call;

    if (f == NULL)
        return;
    call = fake_add(f, FAKE_WS_SEND, conn);
    call->text = fake_keep(&f->mem, text, len);
    call->len = len;
}

void fake_host_ws_close(struct td_instance *inst, uint64_t conn, int code, const char *reason)
{
    struct fake *f = fake_enter(inst, "ws_close");
    struct fake_call *call;
    struct fake_conn *c;

    if (f == NULL)
        return;
    call = fake_add(f, FAKE_WS_CLOSE, conn);
    c = conn_find(f, conn);
    call->code = code;
    call->text = fake_str(&f->mem, reason);
    if (c != NULL && c->closing == 0)
        c->closing = code;
}

void fake_run_ws_ends(struct fake *f)
{
    for (struct fake_conn **at = &f->conns; *at != NULL;) {
        struct fake_conn *c = *at;

        if (c->closing == 0) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        fake_before(f, "closed");
        f->ws_ops->closed(f->ws_arg, c->id, c->closing);
        fake_after(f, "closed");
        at = &f->conns;
    }
}

static struct fake_record *http_of(struct fake *f, const struct fake_call *call)
{
    for (struct fake_record *r = f->records; r != NULL; r = r->next) {
        if (&r->call == call && r->cb != NULL)
            return r;
    }
    return NULL;
}

void fake_http(struct fake *f, const struct fake_call *call,
               const struct td_http_response *response)
{
    struct fake_record *r = http_of(f, call);
    td_http_cb *cb;

    if (r == NULL)
        fake_broken(f, "the test ends a request that is not open");
    cb = r->cb;
    r->cb = NULL;
    fake_before(f, "an HTTP callback");
    cb(r->arg, response);
    fake_after(f, "an HTTP callback");
}

void fake_http_data(struct fake *f, const struct fake_call *call, const struct td_http_data *data)
{
    struct fake_record *r = http_of(f, call);

    if (r == NULL)
        fake_broken(f, "the test feeds a request that is not open");
    if (call->request->on_data != NULL)
        call->request->on_data(r->arg, data);
}

void fake_http_body(struct fake *f, const struct fake_call *call, int status, const char *body)
{
    const struct td_http_response response = {
        .size = sizeof response, .detail = "", .status = status, .body = body,
        .body_len = strlen(body), .content_type = "application/json", .retry_after_ms = -1,
        .location = "",
    };

    fake_http(f, call, &response);
}

void fake_http_fail(struct fake *f, const struct fake_call *call, enum td_http_failure failure,
                    const char *detail)
{
    const struct td_http_response response = {
        .size = sizeof response, .failure = failure, .detail = detail, .body = "",
        .content_type = "", .retry_after_ms = -1, .location = "",
    };

    fake_http(f, call, &response);
}

int fake_http_open(const struct fake *f, const struct fake_call *call)
{
    return http_of((struct fake *)(uintptr_t)f, call) != NULL;
}

void fake_http_refuse(struct fake *f, int on)
{
    f->refuse_http = on;
}

const char *fake_header(const struct td_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

uint64_t fake_request(struct fake *f, const struct td_web_request *request)
{
    const struct fake_route *best = NULL;
    struct td_web_request copy = *request;

    for (const struct fake_route *r = f->routes; r != NULL; r = r->next) {
        size_t len = strlen(r->path);
        int fits = r->path[len - 1] == '/' ? strncmp(request->path, r->path, len) == 0
                                           : strcmp(request->path, r->path) == 0;

        if (fits && (best == NULL || len > strlen(best->path)))
            best = r;
    }
    if (best == NULL)
        return 0;
    copy.id = ++f->last_id;
    fake_job_add(f, &f->asked, copy.id);
    if (best->head != NULL && copy.body_len > 0) {
        struct td_web_request head = copy;

        head.body = NULL;
        fake_before(f, "a route's look at a head");
        const int wanted = best->head(best->arg, &head);
        fake_after(f, "a route's look at a head");
        if (!wanted)
            return copy.id;
    }
    fake_before(f, "a route's callback");
    best->cb(best->arg, &copy);
    fake_after(f, "a route's callback");
    return copy.id;
}

const char *fake_route(const struct fake *f, unsigned i)
{
    const struct fake_route *r = f->routes;

    while (r != NULL && i-- > 0)
        r = r->next;
    return r != NULL ? r->path : NULL;
}

const struct td_ws_conf *fake_ws_conf(const struct fake *f)
{
    return f->ws_conf;
}

uint64_t fake_ws_open(struct fake *f, const char *peer, const struct td_ws_info *info)
{
    const struct td_ws_info plain = { .size = sizeof plain, .peer = peer, .origin = "", .authorization = "" };
    struct fake_conn *c = fake_keep(&f->mem, NULL, sizeof *c);

    if (f->ws_ops == NULL)
        fake_broken(f, "the test opens a WebSocket and the plugin has none");
    *c = (struct fake_conn){ .next = f->conns, .id = ++f->last_id };
    f->conns = c;
    fake_before(f, "opened");
    f->ws_ops->opened(f->ws_arg, c->id, info != NULL ? info : &plain);
    fake_after(f, "opened");
    return c->id;
}

void fake_ws_text(struct fake *f, uint64_t conn, const char *text)
{
    const size_t len = strlen(text);
    char *copy = malloc(len + 1); /* exact, so that a sanitizer sees the plugin read too far */

    if (copy == NULL || conn_find(f, conn) == NULL)
        fake_broken(f, "the test writes to a WebSocket that is not there");
    memcpy(copy, text, len + 1);
    fake_before(f, "text");
    f->ws_ops->text(f->ws_arg, conn, copy, len);
    fake_after(f, "text");
    free(copy);
}

void fake_ws_closed(struct fake *f, uint64_t conn, int code)
{
    struct fake_conn *c = conn_find(f, conn);

    if (c == NULL)
        fake_broken(f, "the test closes a WebSocket that is not there");
    if (c->closing == 0)
        c->closing = code;
    fake_run_ws_ends(f);
}

int fake_ws_is_open(const struct fake *f, uint64_t conn)
{
    const struct fake_conn *c = conn_find(f, conn);

    return c != NULL && c->closing == 0;
}
