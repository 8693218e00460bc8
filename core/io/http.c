/* http.c - the HTTP client on libcurl's multi socket interface. */
#include "config.h"
#include "io/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/plugin.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"

#define TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_MS 5000
#define MAX_RESPONSE (1024 * 1024)
#define MAX_RETRY_AFTER_S (30 * 86400)
#define EXPECT_FROM (1024 * 1024) /* bytes of a body from which libcurl waits for "100 Continue" */
#define MIN_TOTAL_CONNECTIONS 1024L
#define MAX_SPARE 256 /* easy handles kept: making one costs more than a request */

struct http_call {
    struct http *http;
    struct http_call *prev, *next;
    CURL *easy;
    struct curl_slist *headers;
    struct loop_timer *refused; /* set when the request was bad: tells it on the next turn */
    struct buf body;
    size_t max_response;
    long timeout_ms;
    int too_large, in_cb;
    struct http_call *next_fresh;
    int fresh;   /* in the list of those with pieces that on_data was not given yet */
    size_t told; /* so much of the body it was given */
    td_http_data_cb *on_data;
    td_http_cb *cb;
    void *arg;
    char error[CURL_ERROR_SIZE];
    char request[]; /* the body, which libcurl reads from here */
};

struct http {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct http_call *calls;
    struct http_call *fresh;
    CURL **idle; /* easy handles with the options that never change already set */
    unsigned n_idle;
};

/* One watched descriptor of libcurl's. */
struct sock {
    struct http *http;
    curl_socket_t fd;
    struct loop_watch *watch;
};

static void call_unlink(struct http_call *call)
{
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        call->http->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
}

static void fresh_unlink(struct http_call *call)
{
    struct http_call **at = &call->http->fresh;

    if (!call->fresh)
        return;
    while (*at != call)
        at = &(*at)->next_fresh;
    *at = call->next_fresh;
    call->fresh = 0;
}

static void call_free(struct http_call *call)
{
    struct http *http = call->http;

    fresh_unlink(call);
    call_unlink(call);
    loop_timer_del(&call->refused);
    if (call->easy != NULL) {
        curl_multi_remove_handle(http->multi, call->easy);
        curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, NULL);
        if (http->n_idle < MAX_SPARE)
            http->idle[http->n_idle++] = call->easy;
        else
            curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->headers);
    buf_fini(&call->body);
    free(call);
}

static void call_end(struct http_call *call, const struct td_http_response *response)
{
    call->in_cb = 1;
    call->cb(call->arg, response);
    call_free(call);
}

/* ---- What became of it -------------------------------------------------------------------- */

static int64_t retry_after_ms(CURL *easy)
{
    struct curl_header *header;
    char *end;
    long long seconds;
    time_t at;

    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    if (header->value[0] >= '0' && header->value[0] <= '9') {
        seconds = strtoll(header->value, &end, 10);
        if (*end != '\0')
            return -1;
    } else {
        at = curl_getdate(header->value, NULL);
        if (at == -1)
            return -1;
        seconds = (long long)at - (long long)time(NULL);
    }
    if (seconds < 0)
        seconds = 0;
    if (seconds > MAX_RETRY_AFTER_S)
        seconds = MAX_RETRY_AFTER_S;
    return seconds * 1000;
}

static enum td_http_failure failure_of(const struct http_call *call, CURLcode code, int sent)
{
    curl_off_t looked_up = 0;

    switch (code) {
    case CURLE_OK:
        return TD_HTTP_OK;
    case CURLE_UNSUPPORTED_PROTOCOL: /* also: an answer that is not HTTP */
    case CURLE_URL_MALFORMAT:
        return sent ? TD_HTTP_BROKEN : TD_HTTP_BAD_URL;
    case CURLE_COULDNT_RESOLVE_HOST:
        return TD_HTTP_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        return TD_HTTP_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        if (sent)
            return TD_HTTP_TIMEOUT;
        curl_easy_getinfo(call->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
        return looked_up == 0 ? TD_HTTP_RESOLVE : TD_HTTP_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return TD_HTTP_TLS;
    case CURLE_FILESIZE_EXCEEDED:
        return TD_HTTP_TOO_LARGE;
    default:
        return call->too_large ? TD_HTTP_TOO_LARGE : TD_HTTP_BROKEN;
    }
}

static void call_done(struct http_call *call, CURLcode code)
{
    const char *why = call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
    struct td_http_response response = { .size = sizeof response, .retry_after_ms = -1 };
    char detail[CURL_ERROR_SIZE + 64] = "";
    const char *content_type = NULL;
    curl_off_t sent = 0;
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
    response.failure = failure_of(call, code, sent > 0);
    switch (response.failure) {
    case TD_HTTP_OK:
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type);
        response.retry_after_ms = retry_after_ms(call->easy);
        break;
    case TD_HTTP_BAD_URL:
        snprintf(detail, sizeof detail, "not a URL that can be asked: %s", why);
        break;
    case TD_HTTP_RESOLVE:
        snprintf(detail, sizeof detail, "the host's name is not found: %s", why);
        break;
    case TD_HTTP_CONNECT:
        snprintf(detail, sizeof detail, "cannot connect: %s", why);
        break;
    case TD_HTTP_TLS:
        snprintf(detail, sizeof detail, "no secure connection: %s", why);
        break;
    case TD_HTTP_TIMEOUT:
        snprintf(detail, sizeof detail, "no whole answer within %ld ms", call->timeout_ms);
        break;
    case TD_HTTP_BROKEN:
        snprintf(detail, sizeof detail, "the connection broke: %s", why);
        break;
    case TD_HTTP_TOO_LARGE:
        snprintf(detail, sizeof detail, "the answer is over %zu bytes", call->max_response);
        break;
    }
    response.detail = detail;
    response.status = (int)status;
    response.body = response.failure == TD_HTTP_OK && call->body.data != NULL ? call->body.data
                                                                             : "";
    response.body_len = response.failure == TD_HTTP_OK ? call->body.len : 0;
    response.content_type = content_type != NULL ? content_type : "";
    call_end(call, &response);
}

/* Not from within libcurl's own callback, where a call could neither be started nor cancelled. */
static void tell_data(struct http_call *call)
{
    struct td_http_data data = { .size = sizeof data, .data = call->body.data + call->told,
                                 .len = call->body.len - call->told };
    const char *content_type = NULL;
    long status = 0;

    fresh_unlink(call);
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type);
    data.status = (int)status;
    data.content_type = content_type != NULL ? content_type : "";
    call->told = call->body.len;
    call->on_data(call->arg, &data); /* the call may be gone after it */
}

/* A callback may start and cancel calls: libcurl's list of messages is asked anew each time. */
static void http_collect(struct http *http)
{
    CURLMsg *msg;
    char *call;
    int left;

    while (http->fresh != NULL)
        tell_data(http->fresh);
    while ((msg = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
        call_done((struct http_call *)(void *)call, msg->data.result);
    }
}

/* ---- libcurl's sockets and timer on our loop ---------------------------------------------- */

static void on_watch(void *arg, int readable, int writable)
{
    struct sock *sock = arg;
    struct http *http = sock->http;
    int running;

    curl_multi_socket_action(http->multi, sock->fd,
                             (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0),
                             &running);
    http_collect(http);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock_arg)
{
    int want_read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    int want_write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    struct http *http = arg;
    struct sock *sock = sock_arg;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (sock != NULL) {
            loop_watch_del(&sock->watch);
            free(sock);
            curl_multi_assign(http->multi, fd, NULL);
        }
        return 0;
    }
    if (sock != NULL) {
        loop_watch_set(sock->watch, want_read, want_write);
        return 0;
    }
    sock = mem_alloc(sizeof *sock);
    *sock = (struct sock){ .http = http, .fd = fd };
    sock->watch = loop_watch_add(http->loop, fd, want_read, want_write, on_watch, sock);
    curl_multi_assign(http->multi, fd, sock);
    return 0;
}

static void on_timeout(void *arg)
{
    struct http *http = arg;
    int running;

    http->timer = NULL;
    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    http_collect(http);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
    struct http *http = arg;

    (void)multi;
    loop_timer_del(&http->timer);
    if (ms >= 0)
        http->timer = loop_timer_add(http->loop, (uint64_t)ms, on_timeout, http);
    return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;

    n *= size;
    if (n > call->max_response - call->body.len) {
        call->too_large = 1;
        return 0;
    }
    buf_add(&call->body, data, n);
    if (call->on_data != NULL && !call->fresh && n > 0) {
        call->fresh = 1;
        call->next_fresh = call->http->fresh;
        call->http->fresh = call;
    }
    return n;
}

/* ---- Starting one ------------------------------------------------------------------------- */

static CURL *easy_get(struct http *http)
{
    CURL *easy;

    if (http->n_idle > 0)
        return http->idle[--http->n_idle];
    easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not what the environment happens to say */
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "tandem/" PACKAGE_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    return easy;
}

static int is_token(const char *s)
{
    size_t len = strspn(s, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "abcdefghijklmnopqrstuvwxyz");

    return len > 0 && s[len] == '\0';
}

static int is_printable(const char *s)
{
    for (; *s != '\0'; s++)
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
            return 0;
    return 1;
}

static void header_add(struct http_call *call, const char *text)
{
    struct curl_slist *list = curl_slist_append(call->headers, text);

    if (list == NULL)
        abort(); /* as every small allocation of ours */
    call->headers = list;
}

static int call_headers(struct http_call *call, const struct td_http_request *request,
                        struct err *err)
{
    int has_type = 0;

    for (size_t i = 0; i < request->n_headers; i++) {
        const struct td_header *h = &request->headers[i];
        char *line;

        if (!is_token(h->name) || !is_printable(h->value))
            return err_set(err, "header %zu has a name or value that cannot be sent", i + 1);
        if (strcasecmp(h->name, "Content-Type") == 0)
            has_type = 1;
        /* libcurl leaves out "Name:"; "Name;" is its word for an empty value. */
        line = h->value[0] != '\0' ? mem_printf("%s: %s", h->name, h->value)
                                   : mem_printf("%s;", h->name);
        header_add(call, line);
        free(line);
    }
    if (request->body_len >= EXPECT_FROM)
        header_add(call, "Expect:");
    if (!has_type) /* libcurl would call every body a form */
        header_add(call, "Content-Type:");
    return 0;
}

static int call_setup(struct http_call *call, const struct td_http_request *request,
                      struct err *err)
{
    const char *method = request->method;
    CURL *easy;

    if (method == NULL)
        method = request->body_len > 0 ? "POST" : "GET";
    if (!is_token(method))
        return err_set(err, "the method is not a word that can be sent");
    if (request->url == NULL || request->url[0] == '\0')
        return err_set(err, "there is no URL");
    if (call_headers(call, request, err) < 0)
        return -1;
    easy = call->easy = easy_get(call->http);
    if (easy == NULL)
        return err_set(err, "out of memory");
    /* A handle may come from another call: everything that varies is set, also to nothing. */
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (strcmp(method, "POST") == 0 || request->body_len > 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (char *)call->request);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    }
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, request->body_len > 0 ? "POST" : "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, call->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     request->connect_timeout_ms > 0 ? (long)request->connect_timeout_ms
                                                     : (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->max_response);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    if (curl_easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK)
        return err_set(err, "the URL is too long");
    if (curl_multi_add_handle(call->http->multi, easy) != CURLM_OK)
        return err_set(err, "libcurl did not take the request");
    return 0;
}

static void on_refused(void *arg)
{
    struct http_call *call = arg;
    const struct td_http_response response = {
        .size = sizeof response,
        .failure = TD_HTTP_BAD_URL,
        .detail = call->error,
        .body = "",
        .content_type = "",
        .retry_after_ms = -1,
    };

    call->refused = NULL;
    call_end(call, &response);
}

struct http_call *http_start(struct http *http, const struct td_http_request *request,
                             td_http_cb *cb, void *arg)
{
    struct http_call *call = mem_alloc(sizeof *call + request->body_len + 1);
    struct err err;

    *call = (struct http_call){
        .http = http,
        .next = http->calls,
        .max_response = request->max_response > 0 ? request->max_response : MAX_RESPONSE,
        .timeout_ms = request->timeout_ms > 0 ? (long)request->timeout_ms : TIMEOUT_MS,
        .on_data = TD_HAS(request, on_data) ? request->on_data : NULL,
        .cb = cb,
        .arg = arg,
    };
    if (request->body_len > 0)
        memcpy(call->request, request->body, request->body_len);
    if (http->calls != NULL)
        http->calls->prev = call;
    http->calls = call;
    if (call_setup(call, request, &err) < 0) {
        snprintf(call->error, sizeof call->error, "%.*s", CURL_ERROR_SIZE - 1, err.text);
        call->refused = loop_timer_add(http->loop, 0, on_refused, call);
    }
    return call;
}

void http_cancel(struct http_call **call_p)
{
    struct http_call *call = *call_p;

    *call_p = NULL;
    if (call != NULL && !call->in_cb) /* in its own callback it is about to be freed anyway */
        call_free(call);
}

struct http *http_new(struct loop *loop, unsigned max_idle, struct err *err)
{
    struct http *http = mem_alloc(sizeof *http);
    long total = (long)max_idle > MIN_TOTAL_CONNECTIONS ? (long)max_idle : MIN_TOTAL_CONNECTIONS;

    *http = (struct http){ .loop = loop };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (http->multi = curl_multi_init()) == NULL) {
        free(http);
        err_set(err, "libcurl cannot be started");
        return NULL;
    }
    http->idle = mem_array(MAX_SPARE, sizeof *http->idle);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    /* It counts connections in use as well: a smaller one would close what is needed next. */
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, total);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
    return http;
}

void http_free(struct http **http_p)
{
    struct http *http = *http_p;

    if (http == NULL)
        return;
    while (http->calls != NULL)
        call_free(http->calls);
    while (http->n_idle > 0)
        curl_easy_cleanup(http->idle[--http->n_idle]);
    curl_multi_cleanup(http->multi);
    loop_timer_del(&http->timer);
    curl_global_cleanup();
    free(http->idle);
    free(http);
    *http_p = NULL;
}
