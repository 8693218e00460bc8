/* test_web.c - io/web*.c: HTTP as the listener alone decides it, over real sockets. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/unit/web_peer.h"

static struct server server;

static int begin(void **state)
{
    (void)state;
    server_start(&server, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

static void a_request_reaches_its_route_and_is_answered(void **state)
{
    char *answer = peer_ask(server.port,
                            "POST /echo/a%20b/c?x=%20y HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                            "Connection: close\r\n\r\nhello", 2000);

    (void)state;
    expect_in(answer, "HTTP/1.1 200 OK\r\n");
    expect_in(answer, "X-Content-Type-Options: nosniff\r\n");
    expect_in(answer, "Connection: close");
    expect_in(answer, "\r\n\r\nPOST /echo/a b/c?x=%20y 127.0.0.1 0 5:hello\n");
    free(answer);
}

static void a_head_is_looked_at_before_its_body_is_read(void **state)
{
    int fd = peer_connect(server.port), closed;
    char *answer, *body = mem_alloc(200001);
    size_t len;

    (void)state;
    peer_text(fd, "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 150000\r\n\r\nabc");
    answer = peer_read(fd, NULL, 5000, &len, &closed); /* and not a byte more was asked for */
    expect_in(answer, "HTTP/1.1 401 Unauthorized\r\n");
    expect_in(answer, "Connection: close");
    assert_true(closed);
    free(answer);
    close(fd);

    fd = peer_connect(server.port);
    peer_text(fd, "POST /up HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nExpect: 100-continue\r\n"
                  "Content-Length: 200000\r\n\r\n");
    answer = peer_read(fd, "100 Continue\r\n\r\n", 5000, &len, NULL);
    expect_in(answer, "HTTP/1.1 100 Continue\r\n");
    free(answer);
    memset(body, 'x', 200000); /* over what other routes may get */
    peer_send(fd, body, 200000);
    answer = peer_read(fd, "xxxx\n", 10000, &len, NULL);
    expect_in(answer, "HTTP/1.1 200 OK\r\n");
    expect_in(answer, " 200000:xxx");
    free(answer);
    peer_text(fd, "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    answer = peer_read(fd, NULL, 5000, &len, &closed);
    expect_in(answer, "GET /echo?");
    free(answer);
    close(fd);

    answer = peer_ask(server.port, "POST /up HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\n"
                                   "Content-Length: 200001\r\n\r\n", 5000);
    expect_in(answer, "HTTP/1.1 413 ");
    free(answer);
    free(body);
}

static void requests_in_one_segment_are_answered_in_order(void **state)
{
    char *answer = peer_ask(server.port,
                            "GET /echo?1 HTTP/1.1\r\nHost: h\r\n\r\n"
                            "POST /echo?2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
                            "GET /page HTTP/1.1\r\nHost: h\r\n\r\n"
                            "GET /echo?3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 2000);
    const char *one = strstr(answer, "GET /echo?1"), *two = strstr(answer, "POST /echo?2"),
               *page = strstr(answer, "<p>hello</p>"), *three = strstr(answer, "GET /echo?3");

    (void)state;
    assert_true(one != NULL && two > one && page > two && three > page);
    free(answer);
}

static void a_body_that_comes_in_pieces_is_put_together(void **state)
{
    int fd = peer_connect(server.port);
    char *answer;

    (void)state;
    peer_text(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Le");
    usleep(20000);
    peer_text(fd, "ngth: 10\r\n\r\n01234");
    usleep(20000);
    peer_text(fd, "56789");
    answer = peer_read(fd, "10:0123456789", 2000, NULL, NULL);
    expect_in(answer, "10:0123456789");
    free(answer);
    close(fd);
}

static void a_client_that_sends_far_ahead_gets_every_answer(void **state)
{
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";
    const char last[] = "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    struct buf all = { 0 };
    int n = 0, fd = peer_connect(server.port);
    char *answer;

    (void)state;
    for (int i = 0; i < 200; i++) {
        buf_str(&all, head);
        for (int k = 0; k < 100; k++)
            buf_str(&all, "0123456789");
    }
    buf_str(&all, last);
    peer_send(fd, all.data, all.len);
    answer = peer_read(fd, NULL, 5000, NULL, NULL);
    for (const char *at = answer; (at = strstr(at, "1000:0123456789")) != NULL; at++)
        n++;
    assert_int_equal(n, 200);
    free(answer);
    buf_fini(&all);
    close(fd);
}

static void an_unknown_path_is_404_with_a_json_error(void **state)
{
    char *answer = peer_ask(server.port,
                            "GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 2000);

    (void)state;
    expect_in(answer, "HTTP/1.1 404 ");
    expect_in(answer, "Content-Type: application/json\r\n");
    expect_in(answer, "{\"error\":{\"code\":\"not_found\",\"message\":");
    free(answer);
}

static void a_body_over_the_limit_is_413(void **state)
{
    (void)state;
    expect_answer(&server, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n",
                  "HTTP/1.1 413 ");
}

static void a_client_that_expects_100_is_told_to_continue(void **state)
{
    int fd = peer_connect(server.port);
    char *answer;

    (void)state;
    peer_text(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                  "Expect: 100-continue\r\n\r\n");
    answer = peer_read(fd, "100 Continue\r\n\r\n", 2000, NULL, NULL);
    assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    free(answer);
    peer_text(fd, "ok");
    answer = peer_read(fd, "2:ok", 2000, NULL, NULL);
    expect_in(answer, "HTTP/1.1 200 ");
    free(answer);
    close(fd);
}

static void static_bytes_have_an_etag_and_are_not_sent_twice(void **state)
{
    char *answer = peer_ask(server.port,
                            "GET /page HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 2000);
    char etag[64], *again, *request;

    (void)state;
    expect_in(answer, "HTTP/1.1 200 ");
    expect_in(answer, "Content-Security-Policy: default-src 'self'");
    expect_in(answer, "Cache-Control: no-cache\r\n");
    expect_in(answer, "\r\n\r\n<p>hello</p>");
    assert_int_equal(sscanf(strstr(answer, "ETag: "), "ETag: %63[^\r]", etag), 1);
    request = mem_printf("GET /page HTTP/1.1\r\nHost: h\r\nIf-None-Match: %s\r\n"
                         "Connection: close\r\n\r\n", etag);
    again = peer_ask(server.port, request, 2000);
    expect_in(again, "HTTP/1.1 304 ");
    assert_null(strstr(again, "hello"));
    free(request);
    free(again);
    free(answer);
    again = peer_ask(server.port, "HEAD /page HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                     2000);
    expect_in(again, "Content-Length: 12\r\n");
    assert_null(strstr(again, "hello"));
    free(again);
    expect_answer(&server, "POST /page HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ");
}

static void who_takes_gzip_gets_it_and_is_told_to_keep_what_is_named_by_its_content(void **state)
{
    static const char *const takes[] = { "gzip", "br, gzip;q=0.5", "deflate,GZIP" };
    static const char *const takes_not[] = { "br", "gzip;q=0", "xgzip, deflate" };
    char *answer, *request;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        request = mem_printf("GET /assets/a-1.js HTTP/1.1\r\nHost: h\r\nAccept-Encoding: %s\r\n"
                             "Connection: close\r\n\r\n", i < 3 ? takes[i] : takes_not[i - 3]);
        answer = peer_ask(server.port, request, 2000);
        expect_in(answer, i < 3 ? "Content-Length: 5\r\n" : "Content-Length: 11\r\n");
        expect_in(answer, i < 3 ? "\r\n\r\nshort" : "\r\n\r\nlong; long;");
        assert_int_equal(strstr(answer, "Content-Encoding: gzip\r\n") != NULL, i < 3);
        expect_in(answer, "Vary: Accept-Encoding\r\n");
        expect_in(answer, "Cache-Control: public, max-age=31536000, immutable\r\n");
        free(answer);
        free(request);
    }
}

#define BIG (16 * 1024 * 1024) /* more than the kernel takes at once */

static void add_big(void *arg)
{
    char *big = mem_alloc(BIG);
    const struct web_static page = { .path = "/big", .content_type = "text/plain", .body = big,
                                     .len = BIG };

    memset(big, 'B', BIG);
    assert_int_equal(web_static(arg, &page), 0);
    assert_int_equal(web_static(arg, &page), -1);
    free(big);
}

static void a_large_body_waits_for_a_client_that_reads_slowly(void **state)
{
    int fd, closed = 0;
    char *answer;
    size_t len;

    (void)state;
    server_call(&server, add_big, server.web);
    await_answer(&server, "HEAD /big HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
    fd = peer_connect(server.port);
    peer_text(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
                  "GET /page HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    usleep(300000);
    answer = peer_read(fd, NULL, 10000, &len, &closed);
    assert_true(closed);
    assert_true(len > BIG);
    assert_non_null(strstr(answer, "BBBHTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "<p>hello</p>"));
    free(answer);
    close(fd);
}

/* W30 */
static void what_two_readers_could_read_differently_is_refused(void **state)
{
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "GET /echo HTTP/1.1\nHost: h\n\n",
        "GET /echo HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
        "GET /echo HTTP/1.1\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET  /echo HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /echo/../x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /echo/%2e%2e/x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /echo/%00 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /echo/%ff HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /echo/%4 HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello",
        "\x16\x03\x01\x02\x00\x01\r\n\r\n",
        "GET /echo HTTP/1.1 x\r\nHost: h\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        int fd = peer_connect(server.port), closed = 0;
        char *answer;

        peer_text(fd, requests[i]);
        answer = peer_read(fd, NULL, 1500, NULL, &closed);
        if (!closed || (strncmp(answer, "HTTP/1.1 400 ", 13) != 0 &&
                        strncmp(answer, "HTTP/1.1 505 ", 13) != 0))
            fail_msg("asked:\n%s\ngot:\n%s", requests[i], answer);
        free(answer);
        close(fd);
    }
    expect_answer(&server, "GET /echo HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 ");
    expect_answer(&server, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "HTTP/1.1 411 ");
}

/* W31 */
static void headers_over_the_limit_are_431(void **state)
{
    char *request = mem_alloc(10000);

    (void)state;
    snprintf(request, 10000, "GET /echo HTTP/1.1\r\nHost: h\r\nX: %09200d\r\n\r\n", 1);
    expect_answer(&server, request, "HTTP/1.1 431 ");
    free(request);
}

/* W29, with 2 s in place of 10 */
static void a_head_that_drips_is_ended_at_the_total_deadline(void **state)
{
    int fd = peer_connect(server.port), closed = 0;
    int64_t began = clock_mono_ms();
    char *answer = NULL;

    (void)state;
    peer_text(fd, "GET /echo HTTP/1.1\r\nX: ");
    while (!closed && clock_mono_ms() - began < 5000) {
        peer_text(fd, "a");
        free(answer);
        answer = peer_read(fd, NULL, 100, NULL, &closed);
    }
    assert_true(closed);
    assert_in_range((uintmax_t)(clock_mono_ms() - began), 1900, 4500);
    free(answer);
    close(fd);
}

static void an_idle_connection_is_let_go(void **state)
{
    int fd = peer_connect(server.port), closed = 0;

    (void)state;
    free(peer_read(fd, NULL, 4000, NULL, &closed));
    assert_true(closed);
    close(fd);
}

static void behind_a_trusted_proxy_the_forwarded_address_counts(void **state)
{
    char *answer = peer_ask(server.port,
                            "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                            "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n"
                            "X-Forwarded-For: 10.1.2.3\r\n\r\n", 2000);

    (void)state;
    expect_in(answer, "GET /echo? 203.0.113.7 0 0:");
    free(answer);
}

static void trust_proxies(struct web_conf *conf, struct td_ws_conf *ws)
{
    static const char *const trusted[] = { "127.0.0.1", "10.0.0.0/8", NULL };

    conf->trusted_proxies = trusted;
    ws->max_connections_per_ip = 1;
}

static int begin_behind_proxy(void **state)
{
    (void)state;
    server_start(&server, trust_proxies);
    return 0;
}

static void without_trust_a_forwarded_address_is_ignored(void **state)
{
    char *answer = peer_ask(server.port, "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                         "X-Forwarded-For: 203.0.113.7\r\n\r\n", 2000);

    (void)state;
    expect_in(answer, "GET /echo? 127.0.0.1 0 0:");
    free(answer);
}

#define FORWARDED_UPGRADE(from_)                                                        \
    UPGRADE_HEAD("/chat", "X-Forwarded-For: " from_ "\r\nConnection: Upgrade\r\n"       \
                          "Sec-WebSocket-Version: 13\r\n")                              \
    "Sec-WebSocket-Protocol: t.v1\r\n\r\n"

static void more_connections_of_an_address_than_allowed_are_429(void **state)
{
    int fd = peer_connect(server.port);
    char *answer;

    (void)state;
    peer_text(fd, FORWARDED_UPGRADE("198.51.100.1"));
    answer = peer_read(fd, "\r\n\r\n", 2000, NULL, NULL);
    expect_in(answer, "HTTP/1.1 101 ");
    free(answer);
    expect_answer(&server, FORWARDED_UPGRADE("198.51.100.1"), "HTTP/1.1 429 ");
    answer = peer_ask(server.port, FORWARDED_UPGRADE("198.51.100.2"), 300);
    expect_in(answer, "HTTP/1.1 101 ");
    free(answer);
    close(fd);
    assert_true(server_saw(&server, "closed  1006", 2000));
    answer = peer_ask(server.port, FORWARDED_UPGRADE("198.51.100.1"), 300);
    expect_in(answer, "HTTP/1.1 101 ");
    free(answer);
}

static void drain(void *arg)
{
    web_drain(arg);
}

static void while_draining_new_ones_get_503_open_ones_stay_and_the_own_routes_answer(void **state)
{
    int fd = peer_chat(server.port);
    char payload[64], *answer;

    (void)state;
    server_call(&server, drain, server.web);
    await_answer(&server, "GET /echo HTTP/1.0\r\n\r\n", "HTTP/1.1 503 ");
    answer = peer_ask(server.port, UPGRADE("/chat"), 1500);
    expect_in(answer, "HTTP/1.1 503 ");
    expect_in(answer, "Retry-After: ");
    free(answer);
    expect_answer(&server, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 503 ");
    expect_answer(&server, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ");
    peer_frame(fd, 0x81, "still", 5);
    assert_int_equal(peer_next(fd, payload, sizeof payload, NULL, 2000), 0x81);
    assert_string_equal(payload, "still");
    close(fd);
}

static char control_path[64];

static void with_control(struct web_conf *conf, struct td_ws_conf *ws)
{
    (void)ws;
    snprintf(control_path, sizeof control_path, "/tmp/test-web-%d.sock", (int)getpid());
    conf->control = control_path;
}

static int begin_with_control(void **state)
{
    (void)state;
    server_start(&server, with_control);
    return 0;
}

static void a_private_route_answers_on_the_control_socket_only(void **state)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct stat st;
    char *answer;

    (void)state;
    expect_answer(&server, "GET /private HTTP/1.0\r\n\r\n", "HTTP/1.1 404 ");
    assert_int_equal(stat(control_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", control_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    peer_text(fd, "GET /private HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    answer = peer_read(fd, NULL, 2000, NULL, NULL);
    expect_in(answer, "GET /private? unix 1 0:");
    free(answer);
    close(fd);
}

#define WITH(test_, begin_) cmocka_unit_test_setup_teardown(test_, begin_, end)
#define PLAIN(test_) WITH(test_, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(a_request_reaches_its_route_and_is_answered),
        PLAIN(a_head_is_looked_at_before_its_body_is_read),
        PLAIN(requests_in_one_segment_are_answered_in_order),
        PLAIN(a_body_that_comes_in_pieces_is_put_together),
        PLAIN(a_client_that_sends_far_ahead_gets_every_answer),
        PLAIN(an_unknown_path_is_404_with_a_json_error),
        PLAIN(a_body_over_the_limit_is_413),
        PLAIN(a_client_that_expects_100_is_told_to_continue),
        PLAIN(static_bytes_have_an_etag_and_are_not_sent_twice),
        PLAIN(who_takes_gzip_gets_it_and_is_told_to_keep_what_is_named_by_its_content),
        PLAIN(a_large_body_waits_for_a_client_that_reads_slowly),
        PLAIN(what_two_readers_could_read_differently_is_refused),
        PLAIN(headers_over_the_limit_are_431),
        PLAIN(a_head_that_drips_is_ended_at_the_total_deadline),
        PLAIN(an_idle_connection_is_let_go),
        WITH(behind_a_trusted_proxy_the_forwarded_address_counts, begin_behind_proxy),
        PLAIN(without_trust_a_forwarded_address_is_ignored),
        WITH(more_connections_of_an_address_than_allowed_are_429, begin_behind_proxy),
        PLAIN(while_draining_new_ones_get_503_open_ones_stay_and_the_own_routes_answer),
        WITH(a_private_route_answers_on_the_control_socket_only, begin_with_control),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
