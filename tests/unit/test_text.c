/* test_text.c - base/utf8.c, base/word.c, base/clock.c: texts, words, times. */
#include "config.h"

#include <time.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/word.h"
#include "tests/check.h"

static int valid(const char *s)
{
    return utf8_valid(s, strlen(s));
}

static void utf8_is_what_rfc_3629_says(void **state)
{
    (void)state;
    assert_true(valid(""));
    assert_true(valid("a\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"
                      "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    assert_true(valid("\xed\x9f\xbf\xee\x80\x80"));
    assert_false(valid("\x80"));
    assert_false(valid("\xc0\x80"));             /* overlong */
    assert_false(valid("\xc1\xbf"));
    assert_false(valid("\xe0\x9f\xbf"));
    assert_false(valid("\xf0\x8f\xbf\xbf"));
    assert_false(valid("\xed\xa0\x80"));         /* surrogates */
    assert_false(valid("\xed\xbf\xbf"));
    assert_false(valid("\xf4\x90\x80\x80"));     /* above U+10FFFF */
    assert_false(valid("\xf5\x80\x80\x80"));
    assert_false(valid("\xff"));
    assert_false(valid("a\xe2\x82"));            /* cut off */
    assert_false(valid("\xe2\x82" "a"));
    assert_false(valid("\xc3"));
}

static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    const char *text = "a\xc3\xa6\xe2\x82\xac\xf0\x9f\x98\x80z";
    const size_t cuts[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11 };
    for (size_t max = 0; max < sizeof(cuts) / sizeof(cuts[0]); max++)
        assert_int_equal(utf8_cut(text, 11, max), cuts[max]);
    assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80\x80\x80", 7, 5), 5);
}

static void the_nearest_word_is_found(void **state)
{
    (void)state;
    const char *const words[] = { "system_id", "password", NULL, "port", "host", "tls" };
    assert_string_equal(word_nearest("systen_id", words, 6), "system_id");
    assert_string_equal(word_nearest("sytsem_id", words, 6), "system_id");
    assert_string_equal(word_nearest("passwrd", words, 6), "password");
    assert_string_equal(word_nearest("ports", words, 6), "port");
    assert_string_equal(word_nearest("tsl", words, 6), "tls");
    assert_string_equal(word_nearest("post", words, 6), "port");
    assert_string_equal(word_nearest("host", words, 6), "host");
}

static void a_word_that_is_near_to_none_has_no_nearest(void **state)
{
    (void)state;
    const char *const words[] = { "system_id", "password", "a", "" };
    char longer[100];
    memset(longer, 'x', sizeof(longer));
    longer[99] = '\0';
    assert_null(word_nearest("colour", words, 4));
    assert_null(word_nearest("", words, 4));
    assert_null(word_nearest("b", words, 4));
    assert_null(word_nearest(longer, words, 4));
    assert_null(word_nearest("system_id", words, 0));
}

static void times_are_written_as_rfc_3339_in_utc(void **state)
{
    (void)state;
    char text[CLOCK_TEXT], expected[CLOCK_TEXT + 20];
    clock_format(1795414616123, text);
    assert_string_equal(text, "2026-11-23T06:16:56.123Z");
    clock_format(-5, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");

    for (int64_t day = 0; day < 366 * 500; day++) { /* every day until beyond 2400 */
        time_t secs = (time_t)(day * 86400 + 3723);
        struct tm tm;
        gmtime_r(&secs, &tm);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.007Z", &tm);
        clock_format((int64_t)secs * 1000 + 7, text);
        if (strcmp(text, expected) != 0)
            fail_msg("%s is not %s", text, expected);
    }
}

static void clocks_go_forward(void **state)
{
    (void)state;
    int64_t ms = clock_mono_ms(), us = clock_mono_us();
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
    assert_true(us / 1000 >= ms);
    assert_true(clock_mono_us() >= us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_what_rfc_3629_says),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(the_nearest_word_is_found),
        cmocka_unit_test(a_word_that_is_near_to_none_has_no_nearest),
        cmocka_unit_test(times_are_written_as_rfc_3339_in_utc),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
