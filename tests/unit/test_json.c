/* test_json.c - tandem/json.h: what is written, what is taken, what is refused and why. */
#include "config.h"

#include <tandem/json.h>

#include "tests/check.h"

static void assert_refused(const char *text, size_t len, const char *expected)
{
    char why[200] = "";
    cJSON *tree = td_json_parse(text, len, NULL, why, sizeof(why));
    assert_null(tree);
    assert_string_equal(why, expected);
    assert_null(td_json_parse(text, len, NULL, NULL, 0));
}

#define REFUSED(text_, why_) assert_refused(text_, sizeof(text_) - 1, why_)

static void commas_and_colons_come_by_themselves(void **state)
{
    (void)state;
    struct td_json j = { 0 };
    assert_string_equal(td_json_text(&j), "");
    td_json_object(&j);
    td_json_key_str(&j, "a", "x");
    td_json_key(&j, "list");
    td_json_array(&j);
    td_json_int(&j, -1);
    td_json_object(&j);
    td_json_object_end(&j);
    td_json_array(&j);
    td_json_array_end(&j);
    td_json_bool(&j, 1);
    td_json_null(&j);
    td_json_array_end(&j);
    td_json_key_int(&j, "n", 7);
    td_json_key_bool(&j, "no", 0);
    td_json_key(&j, "raw");
    td_json_raw(&j, "[1]", 3);
    td_json_key_str(&j, "nothing", NULL);
    td_json_object_end(&j);
    assert_string_equal(td_json_text(&j), "{\"a\":\"x\",\"list\":[-1,{},[],true,null],\"n\":7,"
                                          "\"no\":false,\"raw\":[1],\"nothing\":null}");
    assert_int_equal(td_json_len(&j), strlen(td_json_text(&j)));
    td_json_clear(&j);
    td_json_str(&j, "again");
    char *text = td_json_take(&j);
    assert_string_equal(text, "\"again\"");
    assert_null(td_json_take(&j));
    free(text);
    td_json_free(&j);
}

static void texts_are_escaped_where_they_must_be(void **state)
{
    (void)state;
    static const char text[] =
        "\"\\/\b\n\r\t\x1f\x7f\0x \xc3\xa6\xe2\x82\xac\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa";
    struct td_json j = { 0 };
    td_json_strn(&j, text, sizeof(text) - 1);
    assert_string_equal(td_json_text(&j), "\"\\\"\\\\/\\u0008\\n\\r\\t\\u001f\x7f\\u0000x "
                                          "\xc3\xa6\xe2\x82\xac\\u2028\\u2029\xe2\x80\xaa\"");
    td_json_free(&j);
}

static void escaped(int c, char text[8])
{
    if (c == '\n' || c == '\r' || c == '\t')
        snprintf(text, 8, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c < 0x20)
        snprintf(text, 8, "\\u00%02x", (unsigned)c);
    else
        snprintf(text, 8, c == '"' || c == '\\' ? "\\%c" : "%c", c);
}

/* Each byte at each place of texts of each length, between others that need none. */
static void an_escape_is_found_wherever_it_stands(void **state)
{
    (void)state;
    struct td_json j = { 0 };
    for (size_t len = 1; len <= 50; len++) {
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 0x80; c++) {
                char text[50], middle[8], expected[60];
                memset(text, 'x', len);
                text[at] = (char)c;
                escaped(c, middle);
                snprintf(expected, sizeof(expected), "\"%.*s%s%.*s\"", (int)at, text, middle,
                         (int)(len - at - 1), text + at + 1);
                td_json_clear(&j);
                td_json_strn(&j, text, len);
                assert_string_equal(td_json_text(&j), expected);
            }
        }
    }
    td_json_free(&j);
}

static void numbers_are_short_and_read_back_the_same(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "0" },
        { 0.1, "0.1" },
        { 1.0 / 3, "0.3333333333333333" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 123456789012, "123456789012" },
        { 1e15, "1e+15" },
        { 1e21, "1e+21" },
        { -2.5e-7, "-2.5e-07" },
        { 5e-324, "4.94065645841247e-324" },
        { 1e308 * 10, "null" },
    };
    struct td_json j = { 0 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        td_json_clear(&j);
        td_json_num(&j, cases[i].value);
        assert_string_equal(td_json_text(&j), cases[i].text);
        assert_true(strcmp(cases[i].text, "null") == 0 ||
                    strtod(cases[i].text, NULL) == cases[i].value);
    }
    td_json_clear(&j);
    td_json_int(&j, INT64_MIN);
    td_json_int(&j, INT64_MAX);
    td_json_uint(&j, UINT64_MAX);
    assert_string_equal(td_json_text(&j),
                        "-9223372036854775808,9223372036854775807,18446744073709551615");
    td_json_free(&j);
}

static void a_long_text_is_written_whole(void **state)
{
    (void)state;
    struct td_json j = { 0 };
    char *text = malloc(100001);
    memset(text, '\n', 100000);
    text[100000] = '\0';
    td_json_str(&j, text);
    assert_int_equal(td_json_len(&j), 200002);
    cJSON *back = td_json_parse(td_json_text(&j), td_json_len(&j), NULL, NULL, 0);
    assert_non_null(back);
    assert_string_equal(cJSON_GetStringValue(back), text);
    cJSON_Delete(back);
    td_json_free(&j);
    free(text);
}

static void getters_want_the_right_type(void **state)
{
    (void)state;
    const char text[] = " {\"s\":\"x\",\"i\":42,\"f\":1.5,\"b\":true,\"S\":1,"
                        "\"big\":1e300,\"u\":\"\\ud83d\\ude00\"} ";
    cJSON *o = td_json_parse(text, sizeof(text) - 1, NULL, NULL, 0);
    int64_t i = -1;
    double f = -1;
    int b = -1;
    assert_non_null(o);
    assert_string_equal(td_json_get_str(o, "s"), "x");
    assert_string_equal(td_json_get_str(o, "u"), "\xf0\x9f\x98\x80");
    assert_null(td_json_get_str(o, "i"));
    assert_null(td_json_get_str(o, "missing"));
    assert_true(td_json_get_int(o, "i", &i));
    assert_int_equal(i, 42);
    assert_false(td_json_get_int(o, "f", &i));
    assert_false(td_json_get_int(o, "big", &i));
    assert_false(td_json_get_int(o, "s", &i));
    assert_true(td_json_get_num(o, "f", &f) && f > 1.4 && f < 1.6);
    assert_true(td_json_get_bool(o, "b", &b));
    assert_int_equal(b, 1);
    assert_false(td_json_get_bool(o, "i", &b));
    assert_false(td_json_get_bool(NULL, "i", &b));
    cJSON_Delete(o);
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    (void)state;
    REFUSED("", "a value is expected at byte 0");
    REFUSED("  ", "a value is expected at byte 2");
    REFUSED("{} x", "something after the value at byte 3");
    REFUSED("\xef\xbb\xbf{}", "a value is expected at byte 0");
    REFUSED("nul", "a value is expected at byte 0");
    REFUSED("[1,]", "a value is expected at byte 3");
    REFUSED("[1 2]", "',' or ']' is expected at byte 3");
    REFUSED("[1}", "',' or ']' is expected at byte 2");
    REFUSED("[", "a value is expected at byte 1");
    REFUSED("{", "a key in quotes is expected at byte 1");
    REFUSED("{\"a\":1,}", "a key in quotes is expected at byte 7");
    REFUSED("{a:1}", "a key in quotes is expected at byte 1");
    REFUSED("{\"a\" 1}", "':' is expected at byte 5");
    REFUSED("{\"a\":1", "',' or '}' is expected at byte 6");
    REFUSED("\"abc", "a string without an end at byte 4");
    REFUSED("\"\\x\"", "an unknown escape at byte 3");
    REFUSED("\"\\u12g4\"", "\\u without four hexadecimal digits at byte 6");
    REFUSED("\"a\nb\"", "a control character in a string at byte 2");
    REFUSED("\"a\0b\"", "a control character in a string at byte 2");
    REFUSED("{}\0", "something after the value at byte 2");
}

static void numbers_follow_the_grammar(void **state)
{
    (void)state;
    REFUSED("01", "something after the value at byte 1");
    REFUSED("+1", "a value is expected at byte 0");
    REFUSED("-", "a value is expected at byte 1");
    REFUSED("1.", "a number without digits after the point at byte 2");
    REFUSED(".5", "a value is expected at byte 0");
    REFUSED("1e", "a number without digits in the exponent at byte 2");
    REFUSED("0x10", "something after the value at byte 1");
    REFUSED("NaN", "a value is expected at byte 0");
    REFUSED("1e999", "a number is out of range");
    REFUSED("1111111111111111111111111111111111111111111111111111111111111",
            "a number of more than 60 characters at byte 61");
}

static void texts_that_would_hurt_later_are_refused(void **state)
{
    (void)state;
    REFUSED("\"\xff\"", "a text that is not UTF-8 at byte 1");
    REFUSED("\"\xed\xa0\x80\"", "a text that is not UTF-8 at byte 1");
    REFUSED("\"\xe2\x82", "a text that is not UTF-8 at byte 1");
    REFUSED("\"\\u0000\"", "\\u0000 in a string at byte 7");
    REFUSED("\"\\ud800\"", "half a surrogate pair at byte 7");
    REFUSED("\"\\udc00\"", "half a surrogate pair at byte 7");
    REFUSED("\"\\ud800\\u0041\"", "half a surrogate pair at byte 13");
}

static void a_key_stands_once_however_it_is_written(void **state)
{
    (void)state;
    char text[2000] = "{";
    REFUSED("{\"a\":1,\"a\":2}", "the key 'a' stands twice in one object");
    REFUSED("[{\"x\":{\"a\":1,\"\\u0061\":2}}]", "the key 'a' stands twice in one object");
    for (int i = 0; i < 50; i++)
        snprintf(text + strlen(text), 30, "\"k%d\":0,", i);
    snprintf(text + strlen(text), 30, "\"k17\":0}");
    assert_refused(text, strlen(text), "the key 'k17' stands twice in one object");
    cJSON *tree = td_json_parse("{\"a\":1,\"A\":2}", 13, NULL, NULL, 0);
    assert_non_null(tree);
    cJSON_Delete(tree);
}

static int taken(const char *text, const struct td_json_limits *limits, const char *expected)
{
    char why[100] = "";
    cJSON *tree = td_json_parse(text, strlen(text), limits, why, sizeof(why));
    assert_string_equal(why, expected);
    cJSON_Delete(tree);
    return tree != NULL;
}

static void everything_is_bounded(void **state)
{
    (void)state;
    const struct td_json_limits small = { .depth = 2, .bytes = 20, .keys = 2, .nodes = 4 };
    assert_true(taken("[[1],[]]", &small, ""));
    assert_false(taken("[[[]]]", &small, "nested too deep at byte 2"));
    assert_false(taken("[1,2,3,4]", &small, "too many values at byte 7"));
    assert_true(taken("{\"a\":1,\"b\":2}", &small, ""));
    assert_false(taken("{\"a\":1,\"b\":2,\"c\":3}", &small,
                       "too many keys in one object at byte 13"));
    assert_false(taken("\"1234567890123456789\"", &small, "21 bytes are more than 20"));

    char deep[400];
    const struct td_json_limits most = { .depth = 100000 };
    memset(deep, '[', 200);
    memset(deep + 200, ']', 199);
    deep[399] = '\0';
    assert_false(taken(deep, NULL, "nested too deep at byte 32"));
    assert_false(taken(deep, &most, "nested too deep at byte 128"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_colons_come_by_themselves),
        cmocka_unit_test(texts_are_escaped_where_they_must_be),
        cmocka_unit_test(an_escape_is_found_wherever_it_stands),
        cmocka_unit_test(numbers_are_short_and_read_back_the_same),
        cmocka_unit_test(a_long_text_is_written_whole),
        cmocka_unit_test(getters_want_the_right_type),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(numbers_follow_the_grammar),
        cmocka_unit_test(texts_that_would_hurt_later_are_refused),
        cmocka_unit_test(a_key_stands_once_however_it_is_written),
        cmocka_unit_test(everything_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
