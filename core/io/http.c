/* http.c - the HTTP client: calls and what became of them, and the connections they share. */
#include "config.h"
#include "io/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tandem/plugin.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/http_private.h"
#include "io/resolve.h"

#define TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_MS 5000
#define MAX_RESPONSE (1024 * 1024)
#define IDLE_MS 60000 /* most peers keep one as long; a call that meets a closed one is repeated */

/* ---- Origins ------------------------------------------------------------------------------ */

struct origin *origin_ref(struct http *http, const struct url *url, int public_only)
{
    char key[URL_MAX_KEY];
    struct origin *origin;

    url_key(url, public_only, key);
    HASH_FIND_STR(http->origins, key, origin);
    if (origin == NULL) {
        origin = mem_alloc(sizeof *origin);
        *origin = (struct origin){
            .http = http, .port = url->port, .tls = url->tls, .public_only = public_only,
        };
        memcpy(origin->key, key, sizeof key);
        memcpy(origin->host, url->host, sizeof url->host);
        HASH_ADD_STR(http->origins, key, origin);
    }
    origin->refs++;
    return origin;
}

void origin_unref(struct origin *origin)
{
    if (--origin->refs > 0)
        return;
    resolve_cancel(&origin->resolve);
    HASH_DEL(origin->http->origins, origin);
    free(origin);
}

/* ---- Connections among calls -------------------------------------------------------------- */

static void on_sweep(void *arg)
{
    struct http *http = arg;
    int64_t now = clock_mono_ms();

    http->sweep = NULL;
    while (http->idle != NULL && http->idle->idle_since_ms + IDLE_MS <= now)
        conn_close(http->idle);
    if (http->idle != NULL)
        http->sweep = loop_timer_add(http->loop,
                                     (uint64_t)(http->idle->idle_since_ms + IDLE_MS - now),
                                     on_sweep, http);
}

static void conn_idle(struct http_conn *conn)
{
    struct http *http = conn->http;

    conn->idle_since_ms = clock_mono_ms();
    DL_PREPEND2(conn->origin->idle, conn, o_prev, o_next);
    DL_APPEND2(http->idle, conn, i_prev, i_next);
    if (http->sweep == NULL)
        http->sweep = loop_timer_add(http->loop, IDLE_MS, on_sweep, http);
}

/* Gives the call a connection, or lets it wait for one. Calls back nobody. */
static void call_place(struct http_call *call)
{
    struct http *http = call->http;

    if (call->origin->idle != NULL && !call->was_lost) {
        conn_take(call->origin->idle, call);
        return;
    }
    if (http->n_conns >= http->max_conns && http->idle != NULL)
        conn_close(http->idle);
    if (http->n_conns < http->max_conns) {
        conn_open(http, call);
        return;
    }
    call->is_waiting = 1;
    DL_APPEND2(http->waiting, call, w_prev, w_next);
}

static void call_unwait(struct http_call *call)
{
    if (call->is_waiting)
        DL_DELETE2(call->http->waiting, call, w_prev, w_next);
    call->is_waiting = 0;
}

static void place_waiting(struct http *http)
{
    struct http_call *call;

    while ((call = http->waiting) != NULL && (http->n_conns < http->max_conns || http->idle)) {
        call_unwait(call);
        call_place(call);
    }
}

/* ---- The end of a call -------------------------------------------------------------------- */

/* Whoever frees one on the way lets a waiting one have its place. */
static void call_free(struct http_call *call)
{
    DL_DELETE(call->http->calls, call);
    call_unwait(call);
    loop_timer_del(&call->timer);
    if (call->conn != NULL)
        conn_close(call->conn); /* what it would still say is nobody's */
    if (call->origin != NULL)
        origin_unref(call->origin);
    reply_fini(&call->reply);
    buf_fini(&call->request);
    free(call->refused);
    free(call);
}

static void call_end(struct http_call *call, const struct td_http_response *response)
{
    loop_timer_del(&call->timer);
    call->in_cb = 1;
    call->cb(call->arg, response);
    call_free(call);
}

static void call_fail(struct http_call *call, enum td_http_failure failure, const char *why)
{
    struct td_http_response response = {
        .size = sizeof response, .failure = failure, .body = "", .content_type = "",
        .retry_after_ms = -1, .location = "",
    };
    struct http *http = call->http;
    struct http_conn *conn = call->conn;
    struct err detail;

    /* The first try may have been heard: what stopped the second must not hide it. */
    if (call->was_lost && (failure == TD_HTTP_BAD_URL || failure == TD_HTTP_RESOLVE ||
                           failure == TD_HTTP_CONNECT || failure == TD_HTTP_TLS))
        response.failure = failure = TD_HTTP_BROKEN;
    switch (failure) {
    case TD_HTTP_OK:
        break;
    case TD_HTTP_BAD_URL:
        err_set(&detail, "%s", why);
        break;
    case TD_HTTP_RESOLVE:
        err_set(&detail, "the host's name is not found: %s", why);
        break;
    case TD_HTTP_CONNECT:
        err_set(&detail, "cannot connect: %s", why);
        break;
    case TD_HTTP_TLS:
        err_set(&detail, "no secure connection: %s", why);
        break;
    case TD_HTTP_TIMEOUT:
        err_set(&detail, "no whole answer within %u ms", (unsigned)call->timeout_ms);
        break;
    case TD_HTTP_BROKEN:
        err_set(&detail, "the connection broke: %s", why);
        break;
    case TD_HTTP_TOO_LARGE:
        err_set(&detail, "the answer is over %zu bytes", call->reply.max_body);
        break;
    }
    response.detail = detail.text;
    call_unwait(call);
    if (conn != NULL)
        conn_close(conn);
    place_waiting(http);
    call_end(call, &response);
}

void call_lost(struct http_conn *conn, enum td_http_failure failure, const char *why)
{
    struct http_call *call = conn->call;
    struct http *http = conn->http;

    if (call == NULL || failure != TD_HTTP_BROKEN || !conn->used || conn->heard ||
        !call->may_repeat) {
        if (call != NULL)
            call_fail(call, failure, why);
        else
            conn_close(conn);
        return;
    }
    /* The peer had closed it while it was idle. Once only: the next one is a fresh one. */
    call->was_lost = 1;
    conn_close(conn);
    call_place(call);
    place_waiting(http);
}

void call_data(struct http_call *call)
{
    struct td_http_data data = {
        .size = sizeof data,
        .status = call->reply.status,
        .content_type = call->reply.content_type,
        .len = call->reply.body.len - call->told,
    };

    if (call->on_data == NULL || data.len == 0)
        return;
    data.data = call->reply.body.data + call->told;
    call->told = call->reply.body.len;
    call->on_data(call->arg, &data); /* the call may be gone after it */
}

void call_answered(struct http_conn *conn)
{
    struct http_call *call = conn->call;
    const struct reply *reply = &call->reply;
    const struct td_http_response response = {
        .size = sizeof response,
        .failure = TD_HTTP_OK,
        .detail = "",
        .status = reply->status,
        .body = reply->body.data != NULL ? reply->body.data : "",
        .body_len = reply->body.len,
        .content_type = reply->content_type,
        .retry_after_ms = reply->retry_after_ms,
        .location = reply->location != NULL ? reply->location : "",
    };

    if (reply->keep_alive && conn->sent == call->request.len && !conn->is_mute) {
        conn->call = NULL;
        call->conn = NULL;
        conn->used = 1;
        conn_idle(conn);
    } else {
        conn_close(conn);
    }
    place_waiting(call->http);
    call_end(call, &response);
}

/* ---- Calls -------------------------------------------------------------------------------- */

static void on_refused(void *arg)
{
    struct http_call *call = arg;

    call->timer = NULL;
    call_fail(call, TD_HTTP_BAD_URL, call->refused);
}

static void on_timeout(void *arg)
{
    struct http_call *call = arg;
    const struct http_conn *conn = call->conn;

    call->timer = NULL;
    if (conn == NULL)
        call_fail(call, TD_HTTP_CONNECT, "no connection became free in time");
    else if (conn->state == CONN_NEW || conn->state == CONN_NAME)
        call_fail(call, TD_HTTP_RESOLVE, "no answer in time");
    else if (conn->state != CONN_OPEN)
        call_fail(call, TD_HTTP_CONNECT, "no answer in time");
    else
        call_fail(call, TD_HTTP_TIMEOUT, "");
}

static int is_one_of(const char *text, const char *const *of, size_t n)
{
    while (n > 0 && strcasecmp(text, of[n - 1]) != 0)
        n--;
    return n > 0;
}

/* RFC 9110, 9.2.2: its method says so, or a header by which the peer knows it again. */
static int may_repeat(const struct td_http_request *request)
{
    static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS" };
    static const char *const keys[] = { "Idempotency-Key", "webhook-id" };

    if (request->method == NULL ? request->body == NULL
                                : is_one_of(request->method, methods, 5))
        return 1;
    for (size_t i = 0; i < request->n_headers; i++)
        if (is_one_of(request->headers[i].name, keys, 2))
            return 1;
    return 0;
}

struct http_call *http_start(struct http *http, const struct td_http_request *request,
                             td_http_cb *cb, void *arg)
{
    struct http_call *call = mem_alloc(sizeof *call);
    struct err err;
    struct url url;

    *call = (struct http_call){
        .http = http,
        .may_repeat = may_repeat(request),
        .timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS,
        .connect_timeout_ms =
            request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS,
        .on_data = TD_HAS(request, on_data) ? request->on_data : NULL,
        .cb = cb,
        .arg = arg,
    };
    reply_start(&call->reply, request->method != NULL && strcmp(request->method, "HEAD") == 0,
                request->max_response > 0 ? request->max_response : MAX_RESPONSE);
    DL_APPEND(http->calls, call);
    if (url_parse(&url, request->url, &err) < 0 ||
        url_request(&url, request, &call->request, &err) < 0) {
        call->refused = mem_strdup(err.text);
        call->timer = loop_timer_add(http->loop, 0, on_refused, call);
        return call;
    }
    call->timer = loop_timer_add(http->loop, call->timeout_ms, on_timeout, call);
    call->origin = origin_ref(http, &url, TD_HAS(request, public_only) && request->public_only);
    call_place(call);
    return call;
}

void http_cancel(struct http_call **call_p)
{
    struct http_call *call = *call_p;
    struct http *http;

    *call_p = NULL;
    if (call == NULL || call->in_cb) /* in its own callback it is about to be freed anyway */
        return;
    http = call->http;
    call_free(call);
    place_waiting(http);
}

/* ---- The client --------------------------------------------------------------------------- */

static SSL_CTX *tls_new(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (tls == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_default_verify_paths(tls) != 1 ||
        SSL_CTX_set_alpn_protos(tls, (const unsigned char *)"\x08http/1.1", 9) != 0) {
        SSL_CTX_free(tls);
        return NULL;
    }
    return tls;
}

struct http *http_new(struct loop *loop, unsigned max_connections, struct err *err)
{
    struct http *http = mem_alloc(sizeof *http);

    http->loop = loop;
    http->max_conns = max_connections;
    http->tls = tls_new();
    if (http->tls == NULL) {
        free(http);
        err_set(err, "OpenSSL cannot be started");
        return NULL;
    }
    return http;
}

void http_free(struct http **http_p)
{
    struct http *http = *http_p;

    if (http == NULL)
        return;
    while (http->calls != NULL)
        call_free(http->calls);
    while (http->conns != NULL)
        conn_close(http->conns);
    loop_timer_del(&http->sweep);
    SSL_CTX_free(http->tls);
    free(http);
    *http_p = NULL;
}
