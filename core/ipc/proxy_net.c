/* proxy_net.c - the network of a guest: its requests, routes, WebSockets, and nobody else's. */
#include "config.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ipc/proxy_private.h"

#define REPLY_MS 60000 /* the listener has ended a request long before */
#define MOST_REQUEST (IPC_MAX_TO_GUEST - (1u << 20)) /* its body, with room for the head */
#define MOST_BODY (IPC_MAX_FROM_GUEST - 65536) /* of a response, so that it fits in a frame */

/* ---- What is its own ---------------------------------------------------------------------- */

static struct proxy_own *own_find(struct proxy_own *set, uint64_t id)
{
    struct proxy_own *own;

    HASH_FIND(hh, set, &id, sizeof id, own);
    return own;
}

static void own_add(struct proxy_own **set, uint64_t id)
{
    struct proxy_own *own = mem_alloc(sizeof *own);

    own->id = id;
    own->since_ms = clock_mono_ms();
    HASH_ADD(hh, *set, id, sizeof own->id, own);
}

static void own_del(struct proxy_own **set, uint64_t id)
{
    struct proxy_own *own = own_find(*set, id);

    if (own == NULL)
        return;
    HASH_DEL(*set, own);
    free(own);
}

void proxy_net_tick(struct proxy *proxy, int64_t now_ms)
{
    while (proxy->requests != NULL && now_ms - proxy->requests->since_ms > REPLY_MS)
        own_del(&proxy->requests, proxy->requests->id); /* the oldest is the first */
}

static void refuse_request(struct proxy *proxy, uint64_t request, int status)
{
    static const struct td_header retry = { "retry-after", "2" };

    proxy->host->reply(proxy->inst, request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = status, .headers = &retry,
        .n_headers = status == 503, .body = "", .body_len = 0 });
}

static void streams_end(struct proxy *proxy)
{
    while (proxy->streams != NULL) {
        const uint64_t id = proxy->streams->id;

        own_del(&proxy->streams, id);
        proxy->host->stream_end(proxy->inst, id);
    }
}

void proxy_net_lost(struct proxy *proxy)
{
    streams_end(proxy);
    while (proxy->requests != NULL) {
        const uint64_t id = proxy->requests->id;

        own_del(&proxy->requests, id);
        refuse_request(proxy, id, 503);
    }
}

void proxy_net_free(struct proxy *proxy)
{
    struct proxy_path *path;

    while (proxy->https != NULL) {
        struct proxy_http *http = proxy->https;

        proxy->host->http_cancel(&http->http);
        HASH_DEL(proxy->https, http);
        free(http);
    }
    streams_end(proxy);
    while (proxy->conns != NULL)
        own_del(&proxy->conns, proxy->conns->id);
    while (proxy->requests != NULL)
        own_del(&proxy->requests, proxy->requests->id);
    while ((path = proxy->paths) != NULL) { /* the host takes the paths themselves back */
        proxy->paths = path->next;
        free(path);
    }
}

/* ---- HTTP client -------------------------------------------------------------------------- */

static void http_failed(struct proxy *proxy, uint64_t id, const char *why)
{
    proxy_put(proxy, IPC_HTTP_END, id, 0, 0, &(struct td_http_response){
        .size = sizeof(struct td_http_response), .failure = TD_HTTP_BROKEN, .detail = why,
        .body = "", .content_type = "", .retry_after_ms = -1,
        .location = "" }, NULL);
}

static void on_http_data(void *arg, const struct td_http_data *data)
{
    struct proxy_http *http = arg;

    proxy_put(http->proxy, IPC_HTTP_DATA, http->id, 0, 0, data, NULL);
}

static void on_http(void *arg, const struct td_http_response *response)
{
    struct proxy_http *http = arg;
    struct proxy *proxy = http->proxy;
    struct err err;

    if (proxy_put(proxy, IPC_HTTP_END, http->id, 0, 0, response, &err) != 0)
        http_failed(proxy, http->id, err.text);
    HASH_DEL(proxy->https, http);
    free(http);
}

static void take_http_start(struct proxy *proxy, const struct ipc_frame *frame)
{
    struct td_http_request request = *(const struct td_http_request *)frame->payload;
    struct proxy_http *http;

    HASH_FIND(hh, proxy->https, &frame->id, sizeof frame->id, http);
    if (http != NULL || HASH_COUNT(proxy->https) >= PROXY_MAX_UNANSWERED) {
        proxy_lose(proxy, "it started more than %d requests at once, or one twice, and was ended: "
                   "plugin.h rule 11", PROXY_MAX_UNANSWERED);
        return;
    }
    if (request.max_response > MOST_BODY)
        request.max_response = MOST_BODY;
    request.size = sizeof request;
    request.on_data = frame->a != 0 ? on_http_data : NULL;
    http = mem_alloc(sizeof *http);
    http->id = frame->id;
    http->proxy = proxy;
    http->http = request.url != NULL
                     ? proxy->host->http_start(proxy->inst, &request, on_http, http) : NULL;
    if (http->http == NULL) {
        free(http);
        http_failed(proxy, frame->id, "the request could not be queued");
        return;
    }
    HASH_ADD(hh, proxy->https, id, sizeof http->id, http);
}

static void take_http_cancel(struct proxy *proxy, const struct ipc_frame *frame)
{
    struct proxy_http *http;

    HASH_FIND(hh, proxy->https, &frame->id, sizeof frame->id, http);
    if (http == NULL)
        return; /* its end was on the way */
    proxy->host->http_cancel(&http->http);
    HASH_DEL(proxy->https, http);
    free(http);
}

/* ---- Routes and endpoints ----------------------------------------------------------------- */

static struct proxy_path *path_new(struct proxy *proxy, uint32_t number)
{
    struct proxy_path *path = mem_alloc(sizeof *path);

    *path = (struct proxy_path){ .next = proxy->paths, .proxy = proxy, .number = number };
    proxy->paths = path;
    proxy->n_paths++;
    return path;
}

static void path_drop(struct proxy *proxy)
{
    struct proxy_path *path = proxy->paths;

    proxy->paths = path->next;
    proxy->n_paths--;
    free(path);
}

static void on_web(void *arg, const struct td_web_request *request)
{
    const struct proxy_path *path = arg;
    struct proxy *proxy = path->proxy;

    if (proxy->life >= PROXY_DYING || HASH_COUNT(proxy->requests) >= PROXY_MAX_REPLIES) {
        refuse_request(proxy, request->id, 503);
        return;
    }
    own_add(&proxy->requests, request->id);
    if (proxy_put(proxy, IPC_WEB_REQUEST, 0, path->number, 0, request, NULL) == 0)
        return;
    own_del(&proxy->requests, request->id);
    refuse_request(proxy, request->id, 413);
}

static void on_opened(void *arg, uint64_t conn, const struct td_ws_info *info)
{
    const struct proxy_path *path = arg;

    own_add(&path->proxy->conns, conn);
    proxy_put(path->proxy, IPC_WS_OPENED, conn, path->number, 0, info, NULL);
}

static void on_text(void *arg, uint64_t conn, const char *text, size_t len)
{
    const struct proxy_path *path = arg;
    const struct ipc_bytes bytes = { text, len };

    proxy_put(path->proxy, IPC_WS_TEXT, conn, path->number, 0, &bytes, NULL);
}

static void on_closed(void *arg, uint64_t conn, int code)
{
    const struct proxy_path *path = arg;

    own_del(&path->proxy->conns, conn);
    proxy_put(path->proxy, IPC_WS_CLOSED, conn, path->number, code, NULL, NULL);
}

static void on_stream_closed(void *arg, uint64_t request)
{
    struct proxy *proxy = arg;

    own_del(&proxy->streams, request);
    proxy_put(proxy, IPC_STREAM_CLOSED, request, 0, 0, NULL, NULL);
}

static void take_stream(struct proxy *proxy, const struct ipc_frame *frame)
{
    if (own_find(proxy->requests, frame->id) == NULL) {
        proxy_put(proxy, IPC_STREAM_CLOSED, frame->id, 0, 0, NULL, NULL);
        return;
    }
    own_del(&proxy->requests, frame->id);
    own_add(&proxy->streams, frame->id);
    proxy->host->stream(proxy->inst, frame->id, &(struct td_web_stream){
        .size = sizeof(struct td_web_stream), .first = frame->payload, .max_queue = frame->a,
        .closed = on_stream_closed, .arg = proxy,
    });
}

static int is_path(const char *path)
{
    return path != NULL && path[0] == '/';
}

/* max_body: 0: the listener's own. */
static void take_route(struct proxy *proxy, const struct ipc_frame *frame, const char *text,
                       size_t max_body)
{
    const struct td_web_route route = { .size = sizeof route, .path = text,
                                        .max_body = max_body < MOST_REQUEST ? max_body
                                                                            : MOST_REQUEST };
    enum td_status status = TD_CONF;

    if (is_path(text) && proxy->n_paths < PROXY_MAX_PATHS) {
        struct proxy_path *path = path_new(proxy, frame->a);

        status = proxy->host->route_with(proxy->inst, &route, on_web, path);
        if (status != TD_OK)
            path_drop(proxy);
    }
    proxy_put(proxy, IPC_RETURN, frame->id, status, 0, NULL, NULL);
}

static void take_ws_listen(struct proxy *proxy, const struct ipc_frame *frame)
{
    static const struct td_ws_ops ops = { .size = sizeof ops, .opened = on_opened,
                                          .text = on_text, .closed = on_closed };
    struct td_ws_conf conf = *(const struct td_ws_conf *)frame->payload;
    enum td_status status = TD_CONF;

    if (is_path(conf.path) && conf.subprotocol != NULL && conf.size == sizeof conf &&
        proxy->n_paths < PROXY_MAX_PATHS) {
        struct proxy_path *path = path_new(proxy, frame->a);

        if (conf.max_message > IPC_MAX_FROM_GUEST)
            conf.max_message = IPC_MAX_FROM_GUEST;
        status = proxy->host->ws_listen(proxy->inst, &conf, &ops, path);
        if (status != TD_OK)
            path_drop(proxy);
    }
    proxy_put(proxy, IPC_RETURN, frame->id, status, 0, NULL, NULL);
}

void proxy_take_net(struct proxy *proxy, const struct ipc_frame *frame)
{
    const struct td_web_route *route = frame->payload;

    switch (frame->type) {
    case IPC_HTTP_START:
        take_http_start(proxy, frame);
        break;
    case IPC_HTTP_CANCEL:
        take_http_cancel(proxy, frame);
        break;
    case IPC_WEB_REPLY:
        if (own_find(proxy->requests, frame->id) != NULL) {
            own_del(&proxy->requests, frame->id);
            proxy->host->reply(proxy->inst, frame->id, frame->payload);
        }
        break;
    case IPC_STREAM:
        take_stream(proxy, frame);
        break;
    case IPC_STREAM_SEND:
        if (own_find(proxy->streams, frame->id) != NULL && frame->payload != NULL)
            proxy->host->stream_send(proxy->inst, frame->id, frame->payload, frame->len);
        break;
    case IPC_STREAM_END:
        if (own_find(proxy->streams, frame->id) != NULL) {
            own_del(&proxy->streams, frame->id);
            proxy->host->stream_end(proxy->inst, frame->id);
        }
        break;
    case IPC_WS_SEND:
        if (own_find(proxy->conns, frame->id) != NULL && frame->payload != NULL)
            proxy->host->ws_send(proxy->inst, frame->id, frame->payload, frame->len);
        break;
    case IPC_WS_CLOSE:
        if (own_find(proxy->conns, frame->id) != NULL)
            proxy->host->ws_close(proxy->inst, frame->id, (int)frame->a, frame->payload);
        break;
    case IPC_ROUTE:
        take_route(proxy, frame, frame->payload, 0);
        break;
    case IPC_ROUTE_WITH:
        take_route(proxy, frame, route->path, route->max_body);
        break;
    case IPC_WS_LISTEN:
        take_ws_listen(proxy, frame);
        break;
    default:
        proxy_lose(proxy, "it sent a %s frame, which is not for it to send",
                   ipc_rows[frame->type].name);
    }
}
