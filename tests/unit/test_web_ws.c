/* test_web_ws.c - io/web_ws.c: who is let in, frames, and every way to end, over real sockets. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

/* ---- The upgrade -------------------------------------------------------------------------- */

/* W01 */
static void the_handshake_of_the_rfc_is_accepted(void **state)
{
    int fd = peer_connect(server.port);
    char *answer;

    (void)state;
    peer_text(fd, UPGRADE("/chat"));
    answer = peer_read(fd, "\r\n\r\n", 2000, NULL, NULL);
    expect_in(answer, "HTTP/1.1 101 ");
    expect_in(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    expect_in(answer, "Sec-WebSocket-Protocol: t.v1\r\n");
    free(answer);
    assert_true(server_saw(&server, "opened 127.0.0.1 1", 2000));
    close(fd);
    assert_true(server_saw(&server, "closed  1006", 2000));
}

/* W02, W03, W04 */
static void a_wrong_handshake_gets_the_status_that_says_why(void **state)
{
    char *answer;

    (void)state;
    expect_answer(&server,
                  UPGRADE_HEAD("/chat", "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")
                  "\r\n", "HTTP/1.1 400 ");
    expect_answer(&server,
                  UPGRADE_HEAD("/chat", "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")
                  "Sec-WebSocket-Protocol: other\r\n\r\n", "HTTP/1.1 400 ");
    answer = peer_ask(server.port,
                      UPGRADE_HEAD("/chat", "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n")
                      "Sec-WebSocket-Protocol: t.v1\r\n\r\n", 1500);
    expect_in(answer, "HTTP/1.1 426 ");
    expect_in(answer, "Sec-WebSocket-Version: 13\r\n");
    free(answer);
    expect_answer(&server,
                  "POST /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Protocol: t.v1\r\n\r\n", "HTTP/1.1 400 ");
    expect_answer(&server, "GET /chat HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 ");
    expect_answer(&server,
                  UPGRADE_HEAD("/chat", "Connection: keep-alive\r\nSec-WebSocket-Version: 13\r\n")
                  "Sec-WebSocket-Protocol: t.v1\r\n\r\n", "HTTP/1.1 400 ");
}

/* W05 */
static void the_connection_header_of_firefox_is_accepted(void **state)
{
    char *answer = peer_ask(server.port,
        UPGRADE_HEAD("/chat", "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n")
        "Sec-WebSocket-Protocol: x, t.v1\r\n\r\n", 300);

    (void)state;
    expect_in(answer, "HTTP/1.1 101 ");
    free(answer);
}

static void with_origins(struct web_conf *conf, struct td_ws_conf *ws)
{
    static const char *const origins[] = { "https://shop.example", NULL };

    (void)conf;
    ws->origins = origins;
    ws->require_origin = 1;
    ws->max_connections = 1;
}

static int begin_with_origins(void **state)
{
    (void)state;
    server_start(&server, with_origins);
    return 0;
}

#define FROM(origin_)                                                                   \
    UPGRADE_HEAD("/chat", "Origin: " origin_ "\r\nConnection: Upgrade\r\n"              \
                          "Sec-WebSocket-Version: 13\r\n")                              \
    "Sec-WebSocket-Protocol: t.v1\r\n\r\n"

/* W06 */
static void a_foreign_or_missing_origin_is_403(void **state)
{
    int fd = peer_connect(server.port);
    char *answer;

    (void)state;
    expect_answer(&server, FROM("https://evil.example"), "HTTP/1.1 403 ");
    expect_answer(&server, FROM("null"), "HTTP/1.1 403 ");
    expect_answer(&server, UPGRADE("/chat"), "HTTP/1.1 403 ");
    peer_text(fd, FROM("https://shop.example"));
    answer = peer_read(fd, "\r\n\r\n", 2000, NULL, NULL);
    expect_in(answer, "HTTP/1.1 101 ");
    free(answer);
    expect_answer(&server, FROM("https://shop.example"), "HTTP/1.1 503 "); /* max_connections */
    close(fd);
}

/* ---- Frames ------------------------------------------------------------------------------- */

/* W07 */
static void a_frame_in_the_segment_of_the_handshake_is_not_lost(void **state)
{
    int fd = peer_connect(server.port);
    char *answer;

    (void)state;
    peer_text(fd, UPGRADE("/chat") "\x81\x82\x01\x02\x03\x04ik");
    answer = peer_read(fd, "\x81\x02hi", 2000, NULL, NULL);
    expect_in(answer, "\r\n\r\n\x81\x02hi");
    free(answer);
    close(fd);
}

/* W08-W11, W14: bytes after the upgrade, and the close code */
static void frames_that_break_the_protocol_are_answered_with_1002(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
#define BYTES(s_) { s_, sizeof(s_) - 1 }
        BYTES("\x81\x02hi"),                          /* no mask */
        BYTES("\xc1\x82\x00\x00\x00\x00hi"),          /* RSV1 */
        BYTES("\xa1\x80\x00\x00\x00\x00"),            /* RSV2 */
        BYTES("\x83\x80\x00\x00\x00\x00"),            /* opcode 3 */
        BYTES("\x87\x80\x00\x00\x00\x00"),            /* opcode 7 */
        BYTES("\x8b\x80\x00\x00\x00\x00"),            /* opcode B */
        BYTES("\x8f\x80\x00\x00\x00\x00"),            /* opcode F */
        BYTES("\x09\x80\x00\x00\x00\x00"),            /* a ping in parts */
        BYTES("\x89\xfe\x00\x7e\x00\x00\x00\x00"),    /* a ping of 126 */
        BYTES("\x80\x80\x00\x00\x00\x00"),            /* a stray continuation */
        BYTES("\x01\x81\x00\x00\x00\x00x\x81\x81\x00\x00\x00\x00y"), /* a text within a text */
        BYTES("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), /* 2^63 */
        BYTES("\x81\xfe\x00\x02\x00\x00\x00\x00hi"),  /* not the shortest length */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = peer_chat(server.port), code;

        peer_send(fd, bad[i].bytes, bad[i].len);
        code = peer_close_code(fd, 2000);
        if (code != 1002)
            fail_msg("case %zu: %d", i, code);
        close(fd);
    }
}

/* W12, W13 */
static void a_ping_is_answered_also_between_the_parts_of_a_message(void **state)
{
    int fd = peer_chat(server.port), in_time = 0;
    char payload[256];
    int64_t began;

    (void)state;
    for (int i = 0; i < 10; i++) { /* the machine may be busy with something else */
        began = clock_mono_ms();
        peer_frame(fd, 0x89, "x", 1);
        assert_int_equal(peer_next(fd, payload, sizeof payload, NULL, 3000), 0x8a);
        assert_string_equal(payload, "x");
        in_time += clock_mono_ms() - began < 100;
    }
    assert_true(in_time > 0);
    peer_frame(fd, 0x01, "on", 2);
    peer_frame(fd, 0x00, "e ", 2);
    peer_frame(fd, 0x89, "between", 7);
    peer_frame(fd, 0x80, "text", 4);
    assert_int_equal(peer_next(fd, payload, sizeof payload, NULL, 1000), 0x8a);
    assert_string_equal(payload, "between");
    assert_int_equal(peer_next(fd, payload, sizeof payload, NULL, 1000), 0x81);
    assert_string_equal(payload, "one text");
    close(fd);
}

static void a_message_that_comes_byte_by_byte_is_put_together(void **state)
{
    int fd = peer_chat(server.port);
    char payload[256];

    (void)state;
    for (const char *s = "\x81\x85\x01\x02\x03\x04igohn"; *s != '\0'; s++) {
        peer_send(fd, s, 1);
        usleep(2000);
    }
    assert_int_equal(peer_next(fd, payload, sizeof payload, NULL, 1000), 0x81);
    assert_string_equal(payload, "hello");
    close(fd);
}

/* W15 */
static void text_that_is_not_utf8_ends_in_1007(void **state)
{
    char payload[64];
    int fd = peer_chat(server.port);

    (void)state;
    peer_frame(fd, 0x81, "\xef\xbf\xbf", 3); /* U+FFFF is fine */
    assert_int_equal(peer_next(fd, payload, sizeof payload, NULL, 1000), 0x81);
    peer_frame(fd, 0x01, "\xc3", 1); /* split within a code point: fine */
    peer_frame(fd, 0x80, "\xa9", 1);
    assert_int_equal(peer_next(fd, payload, sizeof payload, NULL, 1000), 0x81);
    assert_string_equal(payload, "\xc3\xa9");
    peer_frame(fd, 0x81, "a\xed\xa0\x80", 4); /* a surrogate */
    assert_int_equal(peer_close_code(fd, 1000), 1007);
    close(fd);
    fd = peer_chat(server.port);
    peer_frame(fd, 0x01, "\xc3", 1); /* cut off at the end */
    peer_frame(fd, 0x80, "", 0);
    assert_int_equal(peer_close_code(fd, 1000), 1007);
    close(fd);
}

/* W16 */
static void a_binary_frame_ends_in_1003(void **state)
{
    int fd = peer_chat(server.port);

    (void)state;
    peer_frame(fd, 0x82, "bin", 3);
    assert_int_equal(peer_close_code(fd, 1000), 1003);
    assert_true(server_saw(&server, "closed  1003", 1000));
    close(fd);
}

/* W17 */
static void a_message_over_the_limit_ends_in_1009(void **state)
{
    char *big = mem_alloc(70000), *payload = mem_alloc(70000);
    int fd = peer_chat(server.port);
    size_t len;

    (void)state;
    memset(big, 'x', 70000);
    peer_frame(fd, 0x81, big, 65536); /* as large as allowed */
    assert_int_equal(peer_next(fd, payload, 70000, &len, 2000), 0x81);
    assert_int_equal(len, 65536);
    peer_frame(fd, 0x81, big, 65537);
    assert_int_equal(peer_close_code(fd, 1000), 1009);
    close(fd);
    fd = peer_chat(server.port);
    for (int i = 0; i < 3; i++)
        peer_frame(fd, i == 0 ? 0x01 : 0x00, big, 30000);
    assert_int_equal(peer_close_code(fd, 1000), 1009);
    close(fd);
    fd = peer_chat(server.port); /* only announced */
    peer_send(fd, "\x81\xff\x00\x00\x7f\xff\xff\xff\xff\xff\x01\x02\x03\x04", 14);
    assert_int_equal(peer_close_code(fd, 1000), 1009);
    close(fd);
    free(big);
    free(payload);
}

/* W18 */
static void a_close_code_is_echoed_when_it_is_one(void **state)
{
    static const int good[] = { 1000, 1001, 1011, 3000, 4000, 4999 };
    static const int bad[] = { 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535 };
    int fd, closed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char code[2] = { (char)(good[i] >> 8), (char)good[i] };

        fd = peer_chat(server.port);
        peer_frame(fd, 0x88, code, 2);
        assert_int_equal(peer_close_code(fd, 1000), good[i]);
        free(peer_read(fd, NULL, 1000, NULL, &closed));
        assert_true(closed);
        close(fd);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char code[2] = { (char)(bad[i] >> 8), (char)bad[i] };

        fd = peer_chat(server.port);
        peer_frame(fd, 0x88, code, 2);
        assert_int_equal(peer_close_code(fd, 1000), 1002);
        close(fd);
    }
    fd = peer_chat(server.port);
    peer_frame(fd, 0x88, "", 0);
    assert_int_equal(peer_close_code(fd, 1000), 1005); /* as empty as it came */
    close(fd);
    fd = peer_chat(server.port);
    peer_frame(fd, 0x88, "x", 1);
    assert_int_equal(peer_close_code(fd, 1000), 1002);
    close(fd);
}

static void the_plugins_close_goes_out_and_the_peers_answer_ends_it(void **state)
{
    int fd = peer_chat(server.port), closed = 0;

    (void)state;
    peer_frame(fd, 0x81, "bye", 3);
    assert_int_equal(peer_close_code(fd, 1000), 4409);
    assert_true(server_saw(&server, "closed  4409", 1000));
    peer_frame(fd, 0x81, "too late", 8);
    peer_frame(fd, 0x88, "\x11\x39", 2);
    free(peer_read(fd, NULL, 1000, NULL, &closed));
    assert_true(closed);
    assert_false(server_saw(&server, "too late", 0));
    close(fd);
}

static void ping_soon(struct web_conf *conf, struct td_ws_conf *ws)
{
    (void)conf;
    ws->ping_ms = 300;
    ws->pong_timeout_ms = 200;
}

static int begin_with_pings(void **state)
{
    (void)state;
    server_start(&server, ping_soon);
    return 0;
}

static void a_peer_that_does_not_answer_pings_is_let_go(void **state)
{
    int silent = peer_chat(server.port), good = peer_chat(server.port);
    int64_t began = clock_mono_ms();
    char payload[64];
    int pings = 0, first;

    (void)state;
    while (clock_mono_ms() - began < 1500) {
        first = peer_next(good, payload, sizeof payload, NULL, 100);
        if (first == 0x89) {
            pings++;
            peer_frame(good, 0x8a, "", 0);
        }
    }
    assert_in_range(pings, 2, 6);
    assert_true(server_saw(&server, "closed  1006", 100));
    peer_frame(good, 0x81, "alive", 5);
    do
        first = peer_next(good, payload, sizeof payload, NULL, 1000);
    while (first == 0x89);
    assert_int_equal(first, 0x81);
    close(silent);
    close(good);
}

/* W27 */
static void a_peer_that_does_not_read_gets_1013_and_is_reset(void **state)
{
    int slow = peer_chat(server.port), other = peer_chat(server.port), size = 4096;
    struct web_stats stats;
    int64_t began;
    char payload[64];
    char last;

    (void)state;
    setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    peer_frame(slow, 0x81, "flood", 5);
    assert_true(server_saw(&server, "closed  1013", 2000));
    began = clock_mono_ms();
    peer_frame(other, 0x81, "hello", 5);
    assert_int_equal(peer_next(other, payload, sizeof payload, NULL, 1000), 0x81);
    do {
        usleep(100000);
        web_stats(server.web, &stats);
    } while (stats.connections > 1 && clock_mono_ms() - began < 8000);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.slow_closed, 1);
    assert_in_range((uintmax_t)(clock_mono_ms() - began), 4500, 7900);
    while (recv(slow, &last, 1, 0) > 0)
        ;
    close(slow);
    close(other);
}

static void what_the_socket_takes_does_not_count_however_much_one_turn_sends(void **state)
{
    int fd = peer_chat(server.port);
    char payload[1024];
    size_t len;

    (void)state;
    peer_frame(fd, 0x81, "burst", 5); /* more than send_buffer, less than with the socket's own */
    for (int i = 0; i < 300; i++) {
        assert_int_equal(peer_next(fd, payload, sizeof payload, &len, 2000), 0x81);
        assert_int_equal(len, 1000);
    }
    close(fd);
}

static void sleep_long(void *arg)
{
    (void)arg;
    usleep(1000000);
}

#define MANY 1000 /* 65 MB: the listener holds 16 on the way, the kernel up to 36 */

static void what_the_loop_cannot_take_yet_waits_in_the_socket(void **state)
{
    int fd = peer_chat(server.port), other = peer_chat(server.port), n = 0;
    char *big = mem_alloc(65536), payload[64];
    int64_t began;

    (void)state;
    memset(big, '#', 65536);
    assert_true(server_saw(&server, "opened", 1000));
    began = clock_mono_ms();
    loop_post(server.loop, sleep_long, NULL);
    for (int i = 0; i < MANY; i++)
        peer_frame(fd, 0x81, big, 65536);
    assert_true(clock_mono_ms() - began > 700); /* not before the loop goes on */
    peer_frame(fd, 0x81, "after all", 9);
    peer_frame(other, 0x81, "other", 5);
    assert_int_equal(peer_next(fd, payload, sizeof payload, NULL, 3000), 0x81);
    assert_int_equal(peer_next(other, payload, sizeof payload, NULL, 3000), 0x81);
    pthread_mutex_lock(&server.lock);
    for (const char *at = server.seen.data; (at = strstr(at, "text long")) != NULL; at++)
        n++;
    pthread_mutex_unlock(&server.lock);
    assert_int_equal(n, MANY);
    free(big);
    close(fd);
    close(other);
}

static void remove_chat(void *arg)
{
    web_ws_del(arg, "/chat");
}

static void a_removed_endpoint_says_1001_and_is_404_from_then_on(void **state)
{
    int fd = peer_chat(server.port);

    (void)state;
    assert_true(server_saw(&server, "opened", 1000));
    server_call(&server, remove_chat, server.web);
    assert_int_equal(peer_close_code(fd, 1000), 1001);
    expect_answer(&server, UPGRADE("/chat"), "HTTP/1.1 404 ");
    assert_false(server_saw(&server, "closed", 50));
    close(fd);
}

static void close_web(void *arg)
{
    (void)arg;
    web_close(&server.web);
}

static void closing_the_listener_tells_every_open_one(void **state)
{
    int fd;

    (void)state;
    server_start(&server, NULL);
    fd = peer_chat(server.port);
    assert_true(server_saw(&server, "opened", 1000));
    loop_post(server.loop, close_web, NULL);
    assert_true(server_saw(&server, "closed  1001", 2000));
    assert_int_equal(peer_close_code(fd, 1000), 1001);
    close(fd);
    server_stop(&server);
}

#define WITH(test_, begin_) cmocka_unit_test_setup_teardown(test_, begin_, end)
#define PLAIN(test_) WITH(test_, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(the_handshake_of_the_rfc_is_accepted),
        PLAIN(a_wrong_handshake_gets_the_status_that_says_why),
        PLAIN(the_connection_header_of_firefox_is_accepted),
        WITH(a_foreign_or_missing_origin_is_403, begin_with_origins),
        PLAIN(a_frame_in_the_segment_of_the_handshake_is_not_lost),
        PLAIN(frames_that_break_the_protocol_are_answered_with_1002),
        PLAIN(a_ping_is_answered_also_between_the_parts_of_a_message),
        PLAIN(a_message_that_comes_byte_by_byte_is_put_together),
        PLAIN(text_that_is_not_utf8_ends_in_1007),
        PLAIN(a_binary_frame_ends_in_1003),
        PLAIN(a_message_over_the_limit_ends_in_1009),
        PLAIN(a_close_code_is_echoed_when_it_is_one),
        PLAIN(the_plugins_close_goes_out_and_the_peers_answer_ends_it),
        WITH(a_peer_that_does_not_answer_pings_is_let_go, begin_with_pings),
        PLAIN(a_peer_that_does_not_read_gets_1013_and_is_reset),
        PLAIN(what_the_socket_takes_does_not_count_however_much_one_turn_sends),
        PLAIN(what_the_loop_cannot_take_yet_waits_in_the_socket),
        PLAIN(a_removed_endpoint_says_1001_and_is_404_from_then_on),
        cmocka_unit_test(closing_the_listener_tells_every_open_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
