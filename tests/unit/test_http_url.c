/* test_http_url.c - io/http_url.c: which URLs can be asked, and what is sent to them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/http_url.h"

static void a_url_is_taken_apart(void **state)
{
    static const struct {
        const char *text, *host, *target;
        unsigned port;
        int tls;
    } good[] = {
        { "http://a.example/", "a.example", "/", 80, 0 },
        { "HTTPS://Bot.Example", "bot.example", "", 443, 1 },
        { "https://h:8443/a/b?c=d#e", "h", "/a/b?c=d#e", 8443, 1 },
        { "http://h?x", "h", "?x", 80, 0 },
        { "http://127.0.0.1:1/", "127.0.0.1", "/", 1, 0 },
        { "http://[::1]:65535/x", "::1", "/x", 65535, 0 },
        { "http://[fe80::1]", "fe80::1", "", 80, 0 },
        { "http://h:/", "h", "/", 80, 0 },
        { "http://me:se%40cret@h:81/", "h", "/", 81, 0 },
        { "http://h/a@b:c", "h", "/a@b:c", 80, 0 },
    };
    struct err err;
    struct url url;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (url_parse(&url, good[i].text, &err) < 0)
            fail_msg("%s: %s", good[i].text, err.text);
        assert_string_equal(url.host, good[i].host);
        assert_string_equal(url.target, good[i].target);
        assert_int_equal(url.port, good[i].port);
        assert_int_equal(url.tls, good[i].tls);
    }
}

static void what_is_no_url_is_refused_with_a_sentence(void **state)
{
    static const char *const bad[] = {
        "", "h", "//h/", "ftp://h/", "http:/h", "http://", "http:///x", "http://:80/",
        "http://h:0/", "http://h:65536/", "http://h:123456/", "http://h:8x/", "http://h:80:80/",
        "http://h /", "http://h/a b", "http://h/\n", "http://h\r\nX: y/", "http://[::1", "http://[]/",
        "http://[::1]x/", "http://[h]/", "http://h%41/", "http://\xc3\xa4/", "http://a@b@/",
        "http://h\\@x/", "http://user@/",
    };
    struct err err;
    struct url url;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err.text[0] = '\0';
        if (url_parse(&url, bad[i], &err) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_true(err.text[0] != '\0');
    }
    assert_int_equal(url_parse(&url, NULL, &err), -1);
}

static void only_the_same_scheme_host_and_port_share(void **state)
{
    static const char *const urls[] = { "http://h/", "http://h:81/", "https://h/", "https://h:80/",
                                        "http://g/" };
    char keys[5][URL_MAX_KEY], again[URL_MAX_KEY];
    struct url url;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(url_parse(&url, urls[i], NULL), 0);
        url_key(&url, 0, keys[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(keys[i], keys[k]);
    }
    assert_int_equal(url_parse(&url, "HTTP://x:y@H:80/other", NULL), 0);
    url_key(&url, 0, again);
    assert_string_equal(again, keys[0]);
    url_key(&url, 1, again); /* one that may only go to public addresses */
    assert_string_not_equal(again, keys[0]);
}

static void expect_sent(const struct td_http_request *request, const char *text)
{
    struct buf out = { 0 };
    struct err err;
    struct url url;

    assert_int_equal(url_parse(&url, request->url, &err), 0);
    if (url_request(&url, request, &out, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(out.data, text);
    buf_fini(&out);
}

static void a_request_says_what_it_must_and_no_more(void **state)
{
    const struct td_header headers[] = { { "x-a", "1" }, { "X-Empty", "" } };
    const struct td_http_request get = { .url = "http://h/" };
    const struct td_http_request post = {
        .url = "https://[::1]:444?q=\xc3\xa4#part", .headers = headers, .n_headers = 2,
        .body = "a\0b", .body_len = 2,
    };
    const struct td_http_request empty = { .url = "http://h:81/x", .method = "PUT" };

    (void)state;
    expect_sent(&get, "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: tandem/" PACKAGE_VERSION
                      "\r\nAccept: */*\r\n\r\n");
    expect_sent(&post, "POST /?q=%C3%A4 HTTP/1.1\r\nHost: [::1]:444\r\nUser-Agent: tandem/"
                       PACKAGE_VERSION "\r\nAccept: */*\r\nx-a: 1\r\nX-Empty:\r\n"
                       "Content-Length: 2\r\n\r\na");
    expect_sent(&empty, "PUT /x HTTP/1.1\r\nHost: h:81\r\nUser-Agent: tandem/" PACKAGE_VERSION
                        "\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n");
}

static void the_caller_may_say_more_about_itself(void **state)
{
    const struct td_header headers[] = { { "host", "other" }, { "User-agent", "me" },
                                         { "ACCEPT", "a/b" }, { "authorization", "Bearer x" } };
    const struct td_http_request get = { .url = "http://u:p@h/", .headers = headers,
                                         .n_headers = 4 };

    (void)state;
    expect_sent(&get, "GET / HTTP/1.1\r\nhost: other\r\nUser-agent: me\r\nACCEPT: a/b\r\n"
                      "authorization: Bearer x\r\n\r\n");
}

static void a_name_and_password_in_the_url_are_sent_as_basic(void **state)
{
    const struct td_http_request both = { .url = "http://Aladdin:open%20sesame@h/" };
    const struct td_http_request name = { .url = "http://a%@h/" };

    (void)state;
    expect_sent(&both, "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: tandem/" PACKAGE_VERSION
                       "\r\nAccept: */*\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
                       "\r\n");
    expect_sent(&name, "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: tandem/" PACKAGE_VERSION
                       "\r\nAccept: */*\r\nAuthorization: Basic YSU6\r\n\r\n");
}

static void headers_cannot_move_the_end_of_the_request(void **state)
{
    static const struct td_header bad[] = {
        { "X", "a\r\nb" }, { "X", "a\nb" }, { "X y", "a" }, { "", "a" }, { "X:", "a" },
        { "Content-Length", "3" }, { "transfer-encoding", "chunked" }, { "Connection", "close" },
        { "Expect", "100-continue" }, { "Upgrade", "x" },
    };
    struct td_http_request request = { .url = "http://h/", .n_headers = 1 };
    struct buf out = { 0 };
    struct err err;
    struct url url;

    (void)state;
    assert_int_equal(url_parse(&url, request.url, &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        request.headers = &bad[i];
        assert_int_equal(url_request(&url, &request, &out, &err), -1);
    }
    request.n_headers = 0;
    request.method = "GET /x HTTP/1.1\r\nX: ";
    assert_int_equal(url_request(&url, &request, &out, &err), -1);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(what_is_no_url_is_refused_with_a_sentence),
        cmocka_unit_test(only_the_same_scheme_host_and_port_share),
        cmocka_unit_test(a_request_says_what_it_must_and_no_more),
        cmocka_unit_test(the_caller_may_say_more_about_itself),
        cmocka_unit_test(a_name_and_password_in_the_url_are_sent_as_basic),
        cmocka_unit_test(headers_cannot_move_the_end_of_the_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
