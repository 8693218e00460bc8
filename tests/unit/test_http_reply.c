/* test_http_reply.c - io/http_reply.c: where a response ends, and what is none. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
/* after the four it needs */
#include <cmocka.h>

#include "io/http_reply.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static struct reply reply;

/* Fed in pieces of `step` bytes; then, if it goes on, the connection ends. */
static enum reply_result read_all(const char *text, size_t step)
{
    enum reply_result result = REPLY_MORE;
    size_t len = strlen(text);

    reply_fini(&reply);
    reply_start(&reply, 0, 20);
    for (size_t i = 0; i < len && result == REPLY_MORE; i += step)
        result = reply_feed(&reply, text + i, i + step < len ? step : len - i);
    return result == REPLY_MORE ? reply_end(&reply) : result;
}

static void expect(const char *text, enum reply_result result, const char *body)
{
    for (size_t step = 1; step < 200; step = step < 9 ? step + 1 : 200) {
        enum reply_result got = read_all(text, step);

        if (got != result)
            fail_msg("%s: %d in steps of %zu", text, (int)got, step);
        if (got == REPLY_DONE)
            assert_string_equal(reply.body.data != NULL ? reply.body.data : "", body);
        if (got == REPLY_BROKEN)
            assert_non_null(reply.wrong);
    }
}

static void a_body_ends_where_its_length_says(void **state)
{
    (void)state;
    expect(OK "Content-Length: 5\r\n\r\nhello", REPLY_DONE, "hello");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.keep_alive, 1);
    expect(OK "content-length:5\r\nContent-Length: 5 \r\n\r\nhello", REPLY_DONE, "hello");
    expect(OK "Content-Length: 0\r\n\r\n", REPLY_DONE, "");
    expect(OK "Content-Length: 6\r\n\r\nhello", REPLY_BROKEN, NULL);
    read_all(OK "Content-Length: 5\r\n\r\nhello more", 200);
    assert_int_equal(reply.keep_alive, 0);
}

static void a_body_without_a_length_ends_with_the_connection(void **state)
{
    (void)state;
    expect("HTTP/1.0 200\r\n\r\nhello", REPLY_DONE, "hello");
    assert_int_equal(reply.keep_alive, 0);
    expect(OK "\r\n", REPLY_DONE, "");
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    expect(CHUNKED "5\r\nhello\r\n1;name=x\r\n!\r\n0\r\n\r\n", REPLY_DONE, "hello!");
    assert_int_equal(reply.keep_alive, 1);
    expect(CHUNKED "00A \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", REPLY_DONE, "0123456789");
    expect(CHUNKED "0\r\n\r\n", REPLY_DONE, "");
    expect(CHUNKED "5\r\nhello\r\n", REPLY_BROKEN, NULL);
    expect(CHUNKED "5\r\nhello!\r\n0\r\n\r\n", REPLY_BROKEN, NULL);
    expect(CHUNKED "-5\r\nhello\r\n0\r\n\r\n", REPLY_BROKEN, NULL);
    expect(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", REPLY_BROKEN, NULL);
    expect(CHUNKED "\r\n", REPLY_BROKEN, NULL);
    expect(CHUNKED "fffffffffffffffff\r\n", REPLY_BROKEN, NULL);
}

static void some_answers_have_no_body(void **state)
{
    (void)state;
    expect("HTTP/1.1 204 No\r\n\r\n", REPLY_DONE, "");
    assert_int_equal(reply.keep_alive, 1);
    expect("HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", REPLY_DONE, "");
    reply_fini(&reply);
    reply_start(&reply, 1, 3);
    assert_int_equal(reply_feed(&reply, OK "Content-Length: 5\r\n\r\n", 38), REPLY_DONE);
    assert_int_equal(reply.keep_alive, 1);
}

static void interim_answers_are_passed_over(void **state)
{
    (void)state;
    expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nContent-Length: 9\r\nRetry-After: 1"
           "\r\nLink: x\r\n\r\n" OK "Content-Length: 2\r\n\r\nok", REPLY_DONE, "ok");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.retry_after_ms, -1);
    expect("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", REPLY_BROKEN, NULL);
}

static void what_is_not_http_is_broken(void **state)
{
    static const char *const wrong[] = {
        "", "\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 099 No\r\n\r\n",
        OK "no colon\r\n\r\n", OK ": no name\r\n\r\n", OK "A B: c\r\n\r\n", OK " folded: x\r\n\r\n",
        OK "Content-Length : 5\r\n\r\nhello", OK "X: a\x01\r\n\r\n",
        OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", OK "Content-Length: -1\r\n\r\n",
        OK "Content-Length: 5, 5\r\n\r\nhello", OK "Content-Length:\r\n\r\n",
        OK "Content-Length: 9999999999999999999\r\n\r\n",
        OK "Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect(wrong[i], REPLY_BROKEN, NULL);
}

static void a_body_over_the_bound_is_too_large_as_soon_as_that_is_known(void **state)
{
    (void)state;
    expect(OK "Content-Length: 20\r\n\r\n01234567890123456789", REPLY_DONE, "01234567890123456789");
    expect(OK "Content-Length: 21\r\n\r\n", REPLY_TOO_LARGE, NULL);
    expect(OK "\r\n012345678901234567890", REPLY_TOO_LARGE, NULL);
    expect(CHUNKED "a\r\n0123456789\r\nb\r\n", REPLY_TOO_LARGE, NULL);
    expect(CHUNKED "fffffffffffffff\r\n", REPLY_TOO_LARGE, NULL);
}

static void endless_heads_and_lines_are_broken(void **state)
{
    static const char *const begins[] = { "HTTP/1.1 200 ", OK "X: ", CHUNKED "5;x=",
                                          CHUNKED "0\r\nX: ", CHUNKED "0\r\nX: y\r\n" };
    static const char *const goes_on[] = { "y", "y", "y", "y", "X: y\r\n" };

    (void)state;
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        enum reply_result result;
        size_t fed = 0;

        reply_fini(&reply);
        reply_start(&reply, 0, 20);
        result = reply_feed(&reply, begins[i], strlen(begins[i]));
        for (; result == REPLY_MORE && fed <= REPLY_MAX_HEAD; fed += strlen(goes_on[i]))
            result = reply_feed(&reply, goes_on[i], strlen(goes_on[i]));
        assert_int_equal(result, REPLY_BROKEN);
    }
    /* Interim heads share the bound: there is no end to them otherwise. */
    reply_fini(&reply);
    reply_start(&reply, 0, 20);
    for (size_t i = 0; i < 10000; i++)
        if (reply_feed(&reply, "HTTP/1.1 100 Go on\r\n\r\n", 22) == REPLY_BROKEN)
            return;
    fail();
}

static void a_length_beside_chunks_ends_the_connection_after_it(void **state)
{
    (void)state;
    expect(OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
           REPLY_DONE, "ok");
    assert_int_equal(reply.keep_alive, 0);
}

static void who_stays_connected_is_read_from_version_and_header(void **state)
{
    static const struct {
        const char *head;
        int keep_alive;
    } ways[] = {
        { "HTTP/1.1 200\r\n", 1 }, { "HTTP/1.0 200\r\n", 0 },
        { "HTTP/1.1 200\r\nConnection: close\r\n", 0 },
        { "HTTP/1.1 200\r\nConnection: x, Close\r\nConnection: keep-alive\r\n", 0 },
        { "HTTP/1.0 200\r\nConnection: Keep-Alive\r\n", 1 },
        { "HTTP/1.1 200\r\nConnection: disclose\r\n", 1 },
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        snprintf(text, sizeof text, "%sContent-Length: 0\r\n\r\n", ways[i].head);
        expect(text, REPLY_DONE, "");
        assert_int_equal(reply.keep_alive, ways[i].keep_alive);
    }
}

static void lines_may_end_in_a_bare_line_feed(void **state)
{
    (void)state;
    expect("HTTP/1.1 200 OK\nContent-Length: 2\nContent-Type: a/b\n\nok", REPLY_DONE, "ok");
    assert_string_equal(reply.content_type, "a/b");
}

static void a_type_is_told_when_it_is_text(void **state)
{
    (void)state;
    expect(OK "Content-Type:\t text/plain; a=\"\xc3\xa4\" \r\n\r\n", REPLY_DONE, "");
    assert_string_equal(reply.content_type, "text/plain; a=\"\xc3\xa4\"");
    expect(OK "Content-Type: text/\xe4\r\n\r\n", REPLY_DONE, "");
    assert_string_equal(reply.content_type, "");
}

static int64_t retry_after(const char *value)
{
    char text[200];

    snprintf(text, sizeof text, OK "Retry-After: %s\r\nContent-Length: 0\r\n\r\n", value);
    assert_int_equal(read_all(text, 200), REPLY_DONE);
    return reply.retry_after_ms;
}

static void where_a_redirect_leads_is_told(void **state)
{
    static char text[4000];

    (void)state;
    expect("HTTP/1.1 307 Elsewhere\r\nLocation: https://a.example/x?y\r\nContent-Length: 0\r\n\r\n",
           REPLY_DONE, "");
    assert_string_equal(reply.location, "https://a.example/x?y");
    expect(OK "Content-Length: 0\r\n\r\n", REPLY_DONE, "");
    assert_null(reply.location);
    snprintf(text, sizeof text, OK "Location: /%0*d\r\nContent-Length: 0\r\n\r\n", 2047, 0);
    expect(text, REPLY_DONE, "");
    assert_null(reply.location);
}

static void retry_after_is_a_bounded_time(void **state)
{
    (void)state;
    assert_int_equal(retry_after("0"), 0);
    assert_int_equal(retry_after("120"), 120000);
    assert_int_equal(retry_after("99999999999999999999"), 30LL * 86400 * 1000);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
    assert_int_equal(retry_after("-1"), -1);
    assert_int_equal(retry_after("soon"), -1);
    assert_int_equal(retry_after(""), -1);
}

static void dates_are_read_as_the_standard_writes_them(void **state)
{
    (void)state;
    assert_int_equal(reply_date_s("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    assert_int_equal(reply_date_s("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800);
    assert_int_equal(reply_date_s("Sun, 06 Nov 1994 08:49:37 CET"), -1);
    assert_int_equal(reply_date_s("Sun, 06 ovD 1994 08:49:37 GMT"), -1);
    assert_int_equal(reply_date_s("Sun, 06 Nov 1994 24:49:37 GMT"), -1);
    assert_int_equal(reply_date_s("Sun, 06 Nov 1994 08:49:37 GMT."), -1);
    assert_int_equal(reply_date_s("1994-11-06T08:49:37Z"), -1);
}

static int end(void **state)
{
    (void)state;
    reply_fini(&reply);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_ends_where_its_length_says),
        cmocka_unit_test(a_body_without_a_length_ends_with_the_connection),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(some_answers_have_no_body),
        cmocka_unit_test(interim_answers_are_passed_over),
        cmocka_unit_test(what_is_not_http_is_broken),
        cmocka_unit_test(a_body_over_the_bound_is_too_large_as_soon_as_that_is_known),
        cmocka_unit_test(endless_heads_and_lines_are_broken),
        cmocka_unit_test(a_length_beside_chunks_ends_the_connection_after_it),
        cmocka_unit_test(who_stays_connected_is_read_from_version_and_header),
        cmocka_unit_test(lines_may_end_in_a_bare_line_feed),
        cmocka_unit_test(a_type_is_told_when_it_is_text),
        cmocka_unit_test(where_a_redirect_leads_is_told),
        cmocka_unit_test(retry_after_is_a_bounded_time),
        cmocka_unit_test(dates_are_read_as_the_standard_writes_them),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
