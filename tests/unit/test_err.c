/* test_err.c - base/err.c: sentences of failure. */
#include "config.h"

#include "base/err.h"

#include "base/utf8.h"
#include "tests/check.h"

static void a_sentence_is_written_and_minus_one_returned(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, "cannot open %s: %d", "x", 7), -1);
    assert_string_equal(err.text, "cannot open x: 7");
}

static void on_the_way_up_the_reason_stays_at_the_end(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, "no such file");
    assert_int_equal(err_wrap(&err, "reading %s", "a.conf"), -1);
    err_wrap(&err, "start");
    assert_string_equal(err.text, "start: reading a.conf: no such file");
}

static void a_sentence_may_quote_the_one_before_it(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, "old");
    err_set(&err, "new, not %s", err.text);
    assert_string_equal(err.text, "new, not old");
}

static void nobody_who_wants_to_know_is_fine(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
    (void)state;
    char text[1200];
    struct err err;
    for (size_t i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", 4);
    for (size_t shift = 0; shift < 3; shift++) {
        err_set(&err, "%.*s%s", (int)shift, "ab", text);
        assert_in_range(strlen(err.text), 509, 511);
        assert_true(utf8_valid(err.text, strlen(err.text)));
    }
    err_wrap(&err, "%s", text);
    assert_in_range(strlen(err.text), 509, 511);
    assert_true(utf8_valid(err.text, strlen(err.text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_is_written_and_minus_one_returned),
        cmocka_unit_test(on_the_way_up_the_reason_stays_at_the_end),
        cmocka_unit_test(a_sentence_may_quote_the_one_before_it),
        cmocka_unit_test(nobody_who_wants_to_know_is_fine),
        cmocka_unit_test(a_long_sentence_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
