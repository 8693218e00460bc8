/* test_expr.c - base/expr.c: what conditions mean, and what is said about bad ones. */
#include "config.h"

#include "base/expr.h"

#include "base/err.h"
#include "tests/check.h"

static const struct expr_name names[] = {
    { "channel", EXPR_STR }, { "intent", EXPR_STR },     { "text", EXPR_STR },
    { "score", EXPR_NUM },   { "want_human", EXPR_BOOL }, { "declined_human", EXPR_BOOL },
    { NULL, EXPR_BOOL },
};

/* The world of these tests: intent has no value. */
static void look_up(void *arg, size_t index, struct expr_value *value_r)
{
    (void)arg;
    const struct expr_value values[] = {
        { 1, 0, "web" }, { 0, 0, NULL }, { 1, 0, "Jeg vil tale med et MENNESKE, 'tak' \\ \"nu\"" },
        { 1, 0.25, NULL }, { 1, 1, NULL }, { 1, 0, NULL },
    };
    *value_r = values[index];
}

static int holds(const char *text)
{
    struct err err = { "" };
    struct expr *expr = expr_compile(text, names, NULL, &err);
    if (!expr)
        fail_msg("%s: %s", text, err.text);
    int result = expr_eval(expr, look_up, NULL, NULL);
    expr_free(&expr);
    assert_null(expr);
    return result;
}

static void assert_refused(const char *text, size_t col, const char *why)
{
    struct err err = { "" };
    size_t at = 0;
    struct expr *expr = expr_compile(text, names, &at, &err);
    if (expr)
        fail_msg("%s: was taken", text);
    assert_string_equal(err.text, why);
    assert_int_equal(at, col);
    assert_null(expr_compile(text, names, NULL, NULL));
}

static void comparisons_mean_what_they_say(void **state)
{
    (void)state;
    assert_true(holds("channel == \"web\""));
    assert_false(holds("channel == \"Web\""));
    assert_true(holds("channel != \"sms\""));
    assert_true(holds("score < 0.5"));
    assert_true(holds("score <= 0.25"));
    assert_true(holds("score >= 0.25"));
    assert_false(holds("score > 0.25"));
    assert_true(holds("score > -1"));
    assert_true(holds("0.25 == score"));
    assert_true(holds("want_human"));
    assert_true(holds("want_human == true"));
    assert_true(holds("declined_human == false"));
    assert_false(holds("false"));
    assert_true(holds("(score > 0) == want_human"));
}

static void and_binds_tighter_than_or_and_not_tighter_than_both(void **state)
{
    (void)state;
    assert_true(holds("true or false and false"));
    assert_false(holds("(true or false) and false"));
    assert_true(holds("not false or true"));
    assert_false(holds("not (false or true)"));
    assert_true(holds("not not true"));
    assert_true(holds("want_human and not declined_human"));
    assert_true(holds("not channel == \"sms\""));
}

static void a_list_holds_one_of_its_literals(void **state)
{
    (void)state;
    assert_true(holds("channel in (\"sms\", \"web\")"));
    assert_false(holds("channel in (\"sms\")"));
    assert_true(holds("score in (1, 0.25)"));
    assert_true(holds("not channel in (\"sms\")"));
}

static void a_name_without_a_value_makes_every_comparison_false(void **state)
{
    (void)state;
    assert_false(holds("intent == \"refund\""));
    assert_false(holds("intent != \"refund\""));
    assert_false(holds("intent in (\"refund\")"));
    assert_false(holds("intent matches \".*\""));
    assert_true(holds("not intent == \"refund\""));
}

static void patterns_are_caseless_and_know_unicode(void **state)
{
    (void)state;
    assert_true(holds("text matches \"\\bmenneske\\b\""));
    assert_true(holds("text matches \"\\\\bmenneske\\\\b\""));
    assert_false(holds("text matches \"^menneske\""));
    assert_true(holds("text matches \"\\\"nu\\\"$\""));
    assert_true(holds("\"ÆBLE\" matches \"^\\wble\""));
    assert_true(holds("\"ÆBLE\" matches \"æble\""));
}

static void a_pattern_that_costs_too_much_does_not_match(void **state)
{
    (void)state;
    assert_false(holds("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\" matches \"^(a|a?)+$\""));
}

static void a_subject_that_is_not_utf8_does_not_match(void **state)
{
    (void)state;
    struct expr *expr = expr_compile("text matches \".\"", names, NULL, NULL);
    assert_non_null(expr);
    assert_true(expr_eval(expr, look_up, NULL, NULL));
    expr_free(&expr);
    expr_free(&expr);
}

struct seen {
    char text[200];
};

static void note(void *arg, const char *name, const struct expr_value *value)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof(seen->text) - len, "%s=%s ", name,
             !value->set ? "?" : value->str ? value->str : value->num != 0 ? "1" : "0");
}

static void the_trace_names_what_was_looked_at_and_nothing_else(void **state)
{
    (void)state;
    struct seen seen = { "" };
    struct expr *expr = expr_compile("declined_human and want_human or intent == \"x\" or "
                                     "channel == \"web\" or want_human",
                                     names, NULL, NULL);
    assert_non_null(expr);
    assert_true(expr_eval(expr, look_up, note, &seen));
    assert_string_equal(seen.text, "declined_human=0 intent=? channel=web ");
    expr_free(&expr);
}

static void a_misspelt_name_is_reported_with_the_nearest_one(void **state)
{
    (void)state;
    assert_refused("score > 1 and want_humn", 15,
                   "unknown name 'want_humn'; did you mean 'want_human'?");
    assert_refused("xyzzy", 1, "unknown name 'xyzzy'");
}

static void types_must_fit(void **state)
{
    (void)state;
    assert_refused("channel == 1", 9, "'==' compares a string with a number");
    assert_refused("score == \"1\"", 7, "'==' compares a number with a string");
    assert_refused("channel < \"x\"", 9, "'<' compares numbers, not a string");
    assert_refused("want_human >= true", 12, "'>=' compares numbers, not true or false");
    assert_refused("channel in (\"a\", 1)", 18, "a string cannot be in a list with a number");
    assert_refused("score matches \"1\"", 7, "matches needs a string on its left, not a number");
    assert_refused("channel", 1, "a string is not a condition: compare it with something");
    assert_refused("not score", 5, "a number is not a condition: compare it with something");
    assert_refused("(score) == 0.25", 2, "a number is not a condition: compare it with something");
}

static void bad_grammar_is_named_with_its_place(void **state)
{
    (void)state;
    assert_refused("", 1, "a value is expected at the end");
    assert_refused("want_human and", 15, "a value is expected at the end");
    assert_refused("want_human want_human", 12, "and, or is expected instead of 'want_human'");
    assert_refused("(want_human", 12, "')' is expected at the end");
    assert_refused("want_human)", 11, "and, or is expected instead of ')'");
    assert_refused("score = 1", 7, "'=' is not a comparison; did you mean '=='?");
    assert_refused("channel == \"web", 12, "the string has no end");
    assert_refused("channel == \"web\\", 12, "the string has no end");
    assert_refused("channel in \"web\"", 12, "'(' after in is expected instead of '\"web\"'");
    assert_refused("channel in (score)", 13,
                   "a number, a string, true or false is expected instead of 'score'");
    assert_refused("channel in (\"a\" \"b\")", 17, "')' or ',' is expected instead of '\"b\"'");
    assert_refused("channel matches intent", 17,
                   "a pattern in double quotes is expected instead of 'intent'");
    assert_refused("and", 1, "a value is expected instead of 'and'");
    assert_refused("score > 1x", 9, "not a number");
    assert_refused("score > 1.", 9, "not a number");
    assert_refused("score > -", 9, "not a number");
    assert_refused("score > 1234567890123456", 9, "the number has more than 15 digits");
    assert_refused("score > æ", 9, "a value is expected instead of 'æ'");
    assert_refused("\xff", 1, "the expression is not UTF-8");
    assert_refused("channel matches \"(\"", 17,
                   "bad pattern: missing closing parenthesis (at its byte 2)");
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    char text[5000];
    memset(text, ' ', sizeof(text));
    text[4999] = '\0';
    assert_refused(text, 1, "the expression is longer than 4096 bytes");

    memset(text, '(', 33);
    text[33] = '\0';
    assert_refused(text, 33, "nested deeper than 32");

    text[0] = '\0';
    for (int i = 0; i < 33; i++)
        memcpy(text + 4 * i, "not ", 5);
    assert_refused(text, 129, "nested deeper than 32");

    memcpy(text, "true", 5);
    for (int i = 0; i < 128; i++)
        memcpy(text + 4 + 8 * i, " or true", 9);
    assert_refused(text, 1029, "the expression has more than 256 parts");
}

static void add_up(void *arg, double number)
{
    *(double *)arg += number;
}

static void each_number_is_told(void **state)
{
    (void)state;
    struct err err = { "" };
    struct expr *expr = expr_compile("not (score > 1) and (score in (2, 4) or 8 <= score and want_human)",
                                     names, NULL, &err);
    double sum = 0;

    assert_non_null(expr);
    expr_each_number(expr, add_up, &sum);
    assert_true(sum == 15);
    expr_free(&expr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_mean_what_they_say),
        cmocka_unit_test(and_binds_tighter_than_or_and_not_tighter_than_both),
        cmocka_unit_test(a_list_holds_one_of_its_literals),
        cmocka_unit_test(a_name_without_a_value_makes_every_comparison_false),
        cmocka_unit_test(patterns_are_caseless_and_know_unicode),
        cmocka_unit_test(a_pattern_that_costs_too_much_does_not_match),
        cmocka_unit_test(a_subject_that_is_not_utf8_does_not_match),
        cmocka_unit_test(the_trace_names_what_was_looked_at_and_nothing_else),
        cmocka_unit_test(a_misspelt_name_is_reported_with_the_nearest_one),
        cmocka_unit_test(types_must_fit),
        cmocka_unit_test(bad_grammar_is_named_with_its_place),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(each_number_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
