/* test_http.c - io/http.c against a scripted peer: every way a request can end. */
#include "config.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/http.h"
#include "io/loop.h"

/* ---- The peer: a thread that takes connections and does what the path says ---------------- */

static int peer_fd, peer_port, closed_port;
static pthread_t peer_thread;
static pthread_mutex_t peer_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t peer_ended = PTHREAD_COND_INITIALIZER;
static char peer_got[8192]; /* the last request; under peer_lock */
static int peer_connections, peer_requests, peer_serves; /* serves: how many just now */
static sem_t peer_may;                                   /* go on: each one that waits takes one */

static void say(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        return;
}

/* 1: the connection stays. */
static int act(int fd, const char *path)
{
    const struct linger now = { .l_onoff = 1 };
    char date[128];
    time_t at;

    if (strncmp(path, "/ok", 3) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nhello");
        return 1;
    }
    if (strncmp(path, "/once", 5) == 0) { /* promises to stay, and goes */
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce");
        usleep(20000);
        return 0;
    }
    if (strncmp(path, "/chunked", 8) == 0) { /* after an interim head, in pieces */
        say(fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-");
        usleep(20000);
        say(fd, "Encoding: chunked\r\n\r\n5\r\nhel");
        usleep(20000);
        say(fd, "lo\r\n0\r\n\r\n");
        return 1;
    }
    if (strncmp(path, "/slow", 5) == 0) {
        sem_wait(&peer_may);
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
        return 1;
    }
    if (strncmp(path, "/early", 6) == 0) /* before the whole request has come, as serve() says */
        say(fd, "HTTP/1.1 413 Too much\r\nContent-Length: 2\r\n\r\nno");
    if (strncmp(path, "/later", 6) == 0)
        say(fd, "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    if (strncmp(path, "/date", 5) == 0) {
        at = time(NULL) + 60;
        strftime(date, sizeof date, "HTTP/1.1 429 No\r\nRetry-After: %a, %d %b %Y %T GMT\r\n"
                 "Content-Length: 0\r\n\r\n", gmtime(&at));
        say(fd, date);
    }
    if (strncmp(path, "/silent", 7) == 0)
        return 1;
    if (strncmp(path, "/reset", 6) == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (strncmp(path, "/garbage", 8) == 0)
        say(fd, "this is not HTTP\r\n\r\n");
    if (strncmp(path, "/short", 6) == 0)
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    if (strncmp(path, "/redirect", 9) == 0)
        say(fd, "HTTP/1.1 302 Go\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    if (strncmp(path, "/announced", 10) == 0)
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    if (strncmp(path, "/pieces", 7) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
        say(fd, "piece;");
        sem_wait(&peer_may);
        say(fd, "piece;piece;piece;piece;");
    }
    if (strncmp(path, "/flood", 6) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 200; i++)
            say(fd, "0123456789012345678901234567890123456789012345678901234567890123456789");
    }
    return 0;
}

static void serve(int fd)
{
    char got[8192];
    size_t len = 0;
    ssize_t n;

    while ((n = recv(fd, got + len, sizeof got - 1 - len, 0)) > 0) {
        char *body, *length;

        len += (size_t)n;
        got[len] = '\0';
        body = strstr(got, "\r\n\r\n");
        length = strstr(got, "Content-Length: ");
        if (body == NULL || (strstr(got, " /early") == NULL && length != NULL &&
                             strlen(body + 4) < strtoul(length + 16, NULL, 10)))
            continue;
        pthread_mutex_lock(&peer_lock);
        memcpy(peer_got, got, len + 1);
        peer_requests++;
        pthread_mutex_unlock(&peer_lock);
        if (!act(fd, strchr(got, ' ') + 1))
            return;
        len = 0;
    }
}

static void *serve_one(void *arg)
{
    int fd = *(int *)arg;

    free(arg);
    serve(fd);
    close(fd);
    pthread_mutex_lock(&peer_lock);
    peer_serves--;
    pthread_cond_signal(&peer_ended);
    pthread_mutex_unlock(&peer_lock);
    return NULL;
}

static void *peer_main(void *arg)
{
    int fd;

    (void)arg;
    while ((fd = accept(peer_fd, NULL, NULL)) >= 0) {
        int *own = mem_alloc(sizeof *own);
        pthread_t thread;

        *own = fd;
        pthread_mutex_lock(&peer_lock);
        peer_connections++;
        peer_serves++;
        pthread_mutex_unlock(&peer_lock);
        pthread_create(&thread, NULL, serve_one, own);
        pthread_detach(thread);
    }
    return NULL;
}

static int bind_any(int *fd_r)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof addr;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *fd_r = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(*fd_r, (struct sockaddr *)&addr, len) < 0 || listen(*fd_r, 100) < 0 ||
        getsockname(*fd_r, (struct sockaddr *)&addr, &len) < 0)
        abort();
    return ntohs(addr.sin_port);
}

static int peer_start(void **state)
{
    int fd;

    (void)state;
    peer_port = bind_any(&peer_fd);
    closed_port = bind_any(&fd);
    close(fd);
    sem_init(&peer_may, 0, 0);
    return pthread_create(&peer_thread, NULL, peer_main, NULL);
}

static int peer_stop(void **state)
{
    (void)state;
    shutdown(peer_fd, SHUT_RDWR);
    pthread_join(peer_thread, NULL);
    close(peer_fd);
    pthread_mutex_lock(&peer_lock);
    while (peer_serves > 0)
        pthread_cond_wait(&peer_ended, &peer_lock);
    pthread_mutex_unlock(&peer_lock);
    sem_destroy(&peer_may);
    return 0;
}

/* ---- The client --------------------------------------------------------------------------- */

static struct loop *loop;
static struct http *http;

static struct {
    int n, stop_at;
    enum td_http_failure failure;
    int status;
    size_t body_len;
    int64_t retry_after_ms;
    char body[256], detail[256], type[64];
} got;

static int begin(void **state)
{
    struct err err;

    (void)state;
    memset(&got, 0, sizeof got);
    got.stop_at = 1;
    loop = loop_new(&err);
    http = http_new(loop, 16, &err);
    return loop == NULL || http == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    http_free(&http);
    loop_free(&loop);
    return 0;
}

static void on_response(void *arg, const struct td_http_response *response)
{
    (void)arg;
    got.failure = response->failure;
    got.status = response->status;
    got.body_len = response->body_len;
    got.retry_after_ms = response->retry_after_ms;
    snprintf(got.body, sizeof got.body, "%s", response->body);
    snprintf(got.detail, sizeof got.detail, "%s", response->detail);
    snprintf(got.type, sizeof got.type, "%s", response->content_type);
    if (++got.n == got.stop_at)
        loop_stop(loop);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static char *url(const char *path)
{
    static char text[128];

    snprintf(text, sizeof text, "http://127.0.0.1:%d%s", peer_port, path);
    return text;
}

static void ask(const struct td_http_request *request)
{
    assert_non_null(http_start(http, request, on_response, NULL));
    assert_int_equal(got.n + 1, got.stop_at); /* never from inside */
    loop_run(loop);
}

static void get(const char *path)
{
    const struct td_http_request request = {
        .size = sizeof request, .url = url(path), .max_response = 1000,
    };

    ask(&request);
}

static void a_post_goes_out_as_it_was_given(void **state)
{
    const struct td_header headers[] = { { "Content-Type", "application/json" },
                                         { "X-Empty", "" } };
    const struct td_http_request request = {
        .size = sizeof request, .url = url("/ok?q=1"), .headers = headers, .n_headers = 2,
        .body = "{\"a\":1}", .body_len = 7,
    };

    (void)state;
    ask(&request);
    assert_int_equal(got.failure, TD_HTTP_OK);
    assert_int_equal(got.status, 200);
    assert_string_equal(got.body, "hello");
    assert_int_equal(got.body_len, 5);
    assert_string_equal(got.type, "text/x");
    assert_int_equal(got.retry_after_ms, -1);
    pthread_mutex_lock(&peer_lock);
    assert_non_null(strstr(peer_got, "POST /ok?q=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(peer_got, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(peer_got, "X-Empty:\r\n"));
    assert_non_null(strstr(peer_got, "Content-Length: 7\r\n"));
    assert_null(strstr(peer_got, "Expect"));
    assert_non_null(strstr(peer_got, "\r\n\r\n{\"a\":1}"));
    pthread_mutex_unlock(&peer_lock);
}

static void assert_sent(const char *method, const char *body, const char *first_line)
{
    const struct td_http_request request = {
        .size = sizeof request, .url = url("/ok"), .method = method, .body = body,
        .body_len = body != NULL ? strlen(body) : 0,
    };

    got.stop_at = got.n + 1;
    ask(&request);
    assert_int_equal(got.failure, TD_HTTP_OK);
    pthread_mutex_lock(&peer_lock);
    assert_memory_equal(peer_got, first_line, strlen(first_line));
    assert_string_equal(strstr(peer_got, "\r\n\r\n") + 4, body != NULL ? body : "");
    pthread_mutex_unlock(&peer_lock);
}

static void every_method_goes_out_and_leaves_no_trace_in_the_next(void **state)
{
    (void)state;
    assert_sent("PUT", "data", "PUT /ok HTTP/1.1\r\n");
    assert_sent(NULL, NULL, "GET /ok HTTP/1.1\r\n");
    assert_sent("DELETE", NULL, "DELETE /ok HTTP/1.1\r\n");
    assert_sent("POST", NULL, "POST /ok HTTP/1.1\r\n");
    assert_sent("HEAD", NULL, "HEAD /ok HTTP/1.1\r\n");
    assert_sent("GET", NULL, "GET /ok HTTP/1.1\r\n");
    assert_sent(NULL, "x", "POST /ok HTTP/1.1\r\n");
}

static void connections_are_used_again(void **state)
{
    int before;

    (void)state;
    get("/ok");
    pthread_mutex_lock(&peer_lock);
    before = peer_connections;
    pthread_mutex_unlock(&peer_lock);
    for (int i = 0; i < 10; i++) {
        got.stop_at++;
        get("/ok");
        assert_int_equal(got.status, 200);
    }
    pthread_mutex_lock(&peer_lock);
    assert_int_equal(peer_connections, before);
    pthread_mutex_unlock(&peer_lock);
}

static void a_connection_the_peer_closed_while_idle_is_replaced(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        get("/once");
        assert_int_equal(got.failure, TD_HTTP_OK);
        assert_string_equal(got.body, "once");
        usleep(i * 10000); /* before, while and after the peer goes */
        got.stop_at++;
    }
}

static void get_ok(void) /* its connection is kept */
{
    get("/ok");
    assert_int_equal(got.failure, TD_HTTP_OK);
    got.stop_at++;
}

static int requests_of_peer(void)
{
    int n;

    pthread_mutex_lock(&peer_lock);
    n = peer_requests;
    pthread_mutex_unlock(&peer_lock);
    return n;
}

static void a_post_that_a_kept_connection_loses_is_sent_again_only_with_a_key(void **state)
{
    const struct td_header key = { "idempotency-key", "k1" };
    struct td_http_request request = { .size = sizeof request, .method = "POST", .body = "x",
                                       .body_len = 1 };
    int before;

    (void)state;
    for (size_t keys = 0; keys < 2; keys++) {
        get_ok();
        before = requests_of_peer();
        request.url = url("/reset");
        request.headers = &key;
        request.n_headers = keys;
        ask(&request);
        assert_int_equal(got.failure, TD_HTTP_BROKEN);
        assert_int_equal(requests_of_peer(), before + 1 + (int)keys);
        got.stop_at++;
    }
}

static void a_request_that_a_kept_connection_loses_is_sent_once_more(void **state)
{
    int before = requests_of_peer();

    (void)state;
    get("/reset"); /* on a fresh one: what it cannot do now it could not do then */
    assert_int_equal(got.failure, TD_HTTP_BROKEN);
    assert_int_equal(requests_of_peer(), before + 1);
    got.stop_at++;
    get_ok();
    get("/reset");
    assert_int_equal(got.failure, TD_HTTP_BROKEN);
    assert_int_equal(requests_of_peer(), before + 4);
    got.stop_at++;
    get_ok();
    get("/short"); /* a byte of an answer has come */
    assert_int_equal(got.failure, TD_HTTP_BROKEN);
    assert_int_equal(requests_of_peer(), before + 6);
}

static void an_answer_in_chunks_leaves_the_connection_to_the_next(void **state)
{
    int before;

    (void)state;
    get("/ok");
    pthread_mutex_lock(&peer_lock);
    before = peer_connections;
    pthread_mutex_unlock(&peer_lock);
    for (int i = 0; i < 3; i++) {
        got.stop_at++;
        get("/chunked");
        assert_int_equal(got.status, 200);
        assert_string_equal(got.body, "hello");
    }
    pthread_mutex_lock(&peer_lock);
    assert_int_equal(peer_connections, before);
    pthread_mutex_unlock(&peer_lock);
}

static void an_answer_may_come_before_the_end_of_the_request(void **state)
{
    const size_t len = 16 * 1024 * 1024;
    char *body = mem_alloc(len);
    const struct td_http_request request = { .size = sizeof request, .url = url("/early"),
                                             .body = body, .body_len = len };

    (void)state;
    ask(&request);
    free(body);
    /* The peer closes with bytes unread, so the answer may be lost to a reset on its way. */
    assert_true(got.failure == TD_HTTP_BROKEN || (got.status == 413 && got.body_len == 2));
}

static void a_name_is_looked_up(void **state)
{
    struct td_http_request request = { .size = sizeof request };
    char text[64];

    (void)state;
    snprintf(text, sizeof text, "http://localhost:%d/ok", peer_port);
    request.url = text;
    for (int i = 0; i < 3; i++) { /* the first connection, a kept one, and two at once */
        assert_non_null(http_start(http, &request, on_response, NULL));
        assert_non_null(http_start(http, &request, on_response, NULL));
        got.stop_at = got.n + 2;
        loop_run(loop);
        assert_int_equal(got.failure, TD_HTTP_OK);
    }
}

static void more_requests_than_connections_wait_for_one(void **state)
{
    const struct td_http_request slow = { .size = sizeof slow, .url = mem_strdup(url("/slow")) };
    const struct td_http_request late = { .size = sizeof late, .url = slow.url, .timeout_ms = 50 };
    struct http_call *gone;
    struct err err;
    int before;

    (void)state;
    http_free(&http);
    http = http_new(loop, 2, &err);
    pthread_mutex_lock(&peer_lock);
    before = peer_connections;
    pthread_mutex_unlock(&peer_lock);
    http_start(http, &slow, on_response, NULL);
    http_start(http, &slow, on_response, NULL);
    gone = http_start(http, &slow, on_response, NULL);
    http_start(http, &late, on_response, NULL);
    http_cancel(&gone);
    loop_run(loop);
    assert_int_equal(got.failure, TD_HTTP_CONNECT); /* it was never sent */
    for (int i = 0; i < 4; i++)
        sem_post(&peer_may);
    got.stop_at = 5;
    http_start(http, &slow, on_response, NULL);
    http_start(http, &slow, on_response, NULL);
    loop_run(loop);
    assert_int_equal(got.failure, TD_HTTP_OK);
    pthread_mutex_lock(&peer_lock);
    assert_int_equal(peer_connections, before + 2);
    pthread_mutex_unlock(&peer_lock);
    free((char *)(uintptr_t)slow.url);
}

static void a_place_is_made_for_another_host(void **state)
{
    struct td_http_request other = { .size = sizeof other };
    struct err err;
    char text[64];

    (void)state;
    http_free(&http);
    http = http_new(loop, 1, &err);
    snprintf(text, sizeof text, "http://localhost:%d/ok", peer_port);
    other.url = text;
    for (int i = 0; i < 3; i++) {
        get("/ok");
        assert_int_equal(got.failure, TD_HTTP_OK);
        got.stop_at++;
        ask(&other);
        assert_int_equal(got.failure, TD_HTTP_OK);
        got.stop_at++;
    }
}

static void retry_after_is_read_as_seconds_and_as_a_date(void **state)
{
    (void)state;
    get("/later");
    assert_int_equal(got.status, 503);
    assert_int_equal(got.retry_after_ms, 7000);
    got.stop_at++;
    get("/date");
    assert_int_equal(got.status, 429);
    assert_in_range(got.retry_after_ms, 58000, 60000);
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    (void)state;
    get("/redirect");
    assert_int_equal(got.status, 302);
}

static void too_late(void *arg)
{
    *(struct loop_timer **)arg = NULL;
    loop_stop(loop);
}

static void silence_is_a_timeout_in_time(void **state)
{
    const struct td_http_request request = {
        .size = sizeof request, .url = url("/silent"), .timeout_ms = 300,
    };
    int64_t began = clock_mono_ms();
    struct loop_timer *late;

    (void)state;
    assert_non_null(http_start(http, &request, on_response, NULL));
    late = loop_timer_add(loop, 1000, too_late, &late); /* comes second, also when both are late */
    loop_run(loop);
    loop_timer_del(&late);
    assert_int_equal(got.failure, TD_HTTP_TIMEOUT);
    assert_true(clock_mono_ms() - began >= 300);
    assert_string_equal(got.detail, "no whole answer within 300 ms");
    assert_int_equal(got.status, 0);
}

static void what_breaks_on_the_way_is_told_apart(void **state)
{
    static const struct {
        const char *path;
        enum td_http_failure failure;
    } ways[] = {
        { "/reset", TD_HTTP_BROKEN }, { "/garbage", TD_HTTP_BROKEN }, { "/short", TD_HTTP_BROKEN },
        { "/announced", TD_HTTP_TOO_LARGE }, { "/flood", TD_HTTP_TOO_LARGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        got.stop_at = (int)i + 1;
        get(ways[i].path);
        if (got.failure != ways[i].failure || got.status != 0 || got.detail[0] == '\0')
            fail_msg("%s: %d, %s", ways[i].path, (int)got.failure, got.detail);
    }
}

static void what_is_never_sent_is_told_apart(void **state)
{
    const struct td_header bad = { "X", "a\r\nb" };
    struct td_http_request request = { .size = sizeof request, .timeout_ms = 2000 };
    char text[64];

    (void)state;
    snprintf(text, sizeof text, "http://127.0.0.1:%d/", closed_port);
    request.url = text;
    ask(&request);
    assert_int_equal(got.failure, TD_HTTP_CONNECT);
    got.stop_at++;
    request.url = "http://name.invalid/";
    ask(&request);
    assert_int_equal(got.failure, TD_HTTP_RESOLVE);
    got.stop_at++;
    request.url = "ftp://127.0.0.1/";
    ask(&request);
    assert_int_equal(got.failure, TD_HTTP_BAD_URL);
    got.stop_at++;
    request.url = "http://";
    ask(&request);
    assert_int_equal(got.failure, TD_HTTP_BAD_URL);
    got.stop_at++;
    request.url = "";
    ask(&request);
    assert_int_equal(got.failure, TD_HTTP_BAD_URL);
    got.stop_at++;
    request.url = url("/ok");
    request.headers = &bad;
    request.n_headers = 1;
    ask(&request);
    assert_int_equal(got.failure, TD_HTTP_BAD_URL);
    assert_string_equal(got.detail, "header 1 has a name or value that cannot be sent");
    got.stop_at++;
    request.n_headers = 0;
    snprintf(text, sizeof text, "https://127.0.0.1:%d/ok", peer_port);
    request.url = text;
    request.timeout_ms = 200; /* the peer waits for the rest of what it takes for a request */
    ask(&request);
    assert_true(got.failure == TD_HTTP_TLS || got.failure == TD_HTTP_CONNECT);
}

static struct http_call *first, *second;

static void cancel_both(void *arg, const struct td_http_response *response)
{
    on_response(arg, response);
    http_cancel(&first); /* one of them is ending */
    http_cancel(&second);
    loop_timer_add(loop, 200, stop, NULL); /* time for a callback that must not come */
}

static void a_call_may_be_cancelled_from_its_own_and_anothers_callback(void **state)
{
    const struct td_http_request request = { .size = sizeof request, .url = url("/ok") };

    (void)state;
    got.stop_at = 100;
    first = http_start(http, &request, cancel_both, NULL);
    second = http_start(http, &request, cancel_both, NULL); /* either may be the first to end */
    loop_run(loop);
    assert_int_equal(got.n, 1);
    assert_null(first);
    assert_null(second);
    http_cancel(&second);
}

static void a_refused_call_may_be_cancelled_before_it_is_told(void **state)
{
    const struct td_http_request request = { .size = sizeof request, .url = "" };
    struct http_call *call = http_start(http, &request, on_response, NULL);

    (void)state;
    http_cancel(&call);
    loop_timer_add(loop, 50, stop, NULL);
    loop_run(loop);
    assert_int_equal(got.n, 0);
}

static void calls_that_still_run_end_with_the_client(void **state)
{
    const struct td_http_request request = { .size = sizeof request, .url = url("/silent") };

    (void)state;
    for (int i = 0; i < 10; i++)
        http_start(http, &request, on_response, NULL);
    loop_timer_add(loop, 50, stop, NULL);
    loop_run(loop);
    assert_int_equal(got.n, 0);
}

static struct {
    struct http_call *call;
    int n, cancel_at;
    char text[256], type[64];
} pieces;

static void on_piece(void *arg, const struct td_http_data *data)
{
    (void)arg;
    if (pieces.n == 0)
        sem_post(&peer_may);
    assert_int_equal(got.n, 0); /* all of them come before the end */
    assert_int_equal(data->status, 200);
    snprintf(pieces.type, sizeof pieces.type, "%s", data->content_type);
    strncat(pieces.text, data->data, data->len);
    if (++pieces.n != pieces.cancel_at)
        return;
    const struct td_http_request next = { .size = sizeof next, .url = url("/ok") };

    http_cancel(&pieces.call);
    http_start(http, &next, on_response, NULL);
}

static void ask_in_pieces(const char *path, size_t max, int cancel_at)
{
    const struct td_http_request request = {
        .size = sizeof request, .url = url(path), .max_response = max, .on_data = on_piece,
    };

    memset(&pieces, 0, sizeof pieces);
    memset(&got, 0, sizeof got);
    got.stop_at = 1;
    pieces.cancel_at = cancel_at;
    pieces.call = http_start(http, &request, on_response, NULL);
    loop_run(loop);
}

static void a_body_is_told_as_it_comes(void **state)
{
    (void)state;
    ask_in_pieces("/pieces", 1000, 0);
    assert_int_equal(got.failure, TD_HTTP_OK);
    assert_string_equal(got.body, "piece;piece;piece;piece;piece;"); /* and whole at the end */
    assert_string_equal(pieces.text, got.body);
    assert_string_equal(pieces.type, "text/event-stream");
    assert_true(pieces.n > 1);
    ask_in_pieces("/pieces", 20, 0);
    assert_int_equal(got.failure, TD_HTTP_TOO_LARGE);
    assert_true(strlen(pieces.text) <= 20);
}

static void a_call_may_be_cancelled_and_another_started_while_it_is_told(void **state)
{
    (void)state;
    ask_in_pieces("/pieces", 1000, 1);
    assert_int_equal(got.n, 1);
    assert_string_equal(got.body, "hello");
    assert_int_equal(pieces.n, 1);
    assert_null(pieces.call);
}

static int chained;

static void start_next(void *arg, const struct td_http_response *response)
{
    const struct td_http_request request = { .size = sizeof request, .url = url("/ok") };

    (void)arg;
    assert_int_equal(response->status, 200);
    if (++chained == 50)
        loop_stop(loop);
    else
        http_start(http, &request, start_next, NULL);
}

static void a_callback_may_start_the_next_call(void **state)
{
    const struct td_http_request request = { .size = sizeof request, .url = url("/ok") };

    (void)state;
    http_start(http, &request, start_next, NULL);
    loop_run(loop);
    assert_int_equal(chained, 50);
}

static void a_hundred_at_once_all_end(void **state)
{
    const struct td_http_request request = { .size = sizeof request, .url = url("/ok"),
                                             .body = "x", .body_len = 1 };

    (void)state;
    got.stop_at = 100;
    for (int i = 0; i < 100; i++)
        http_start(http, &request, on_response, NULL);
    loop_run(loop);
    assert_int_equal(got.n, 100);
    assert_int_equal(got.failure, TD_HTTP_OK);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_post_goes_out_as_it_was_given),
        TEST(every_method_goes_out_and_leaves_no_trace_in_the_next),
        TEST(connections_are_used_again),
        TEST(a_connection_the_peer_closed_while_idle_is_replaced),
        TEST(a_post_that_a_kept_connection_loses_is_sent_again_only_with_a_key),
        TEST(a_request_that_a_kept_connection_loses_is_sent_once_more),
        TEST(an_answer_in_chunks_leaves_the_connection_to_the_next),
        TEST(an_answer_may_come_before_the_end_of_the_request),
        TEST(a_name_is_looked_up),
        TEST(more_requests_than_connections_wait_for_one),
        TEST(a_place_is_made_for_another_host),
        TEST(retry_after_is_read_as_seconds_and_as_a_date),
        TEST(a_redirect_is_an_answer_and_not_followed),
        TEST(silence_is_a_timeout_in_time),
        TEST(what_breaks_on_the_way_is_told_apart),
        TEST(what_is_never_sent_is_told_apart),
        TEST(a_call_may_be_cancelled_from_its_own_and_anothers_callback),
        TEST(a_refused_call_may_be_cancelled_before_it_is_told),
        TEST(calls_that_still_run_end_with_the_client),
        TEST(a_body_is_told_as_it_comes),
        TEST(a_call_may_be_cancelled_and_another_started_while_it_is_told),
        TEST(a_callback_may_start_the_next_call),
        TEST(a_hundred_at_once_all_end),
    };

    return cmocka_run_group_tests(tests, peer_start, peer_stop);
}
