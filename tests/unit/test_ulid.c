/* test_ulid.c - base/ulid.c: ids that sort by time. */
#include "config.h"

#include "base/ulid.h"

#include "tests/check.h"

static void the_text_is_crockford_base32(void **state)
{
    (void)state;
    char text[ULID_TEXT];
    struct ulid id = ulid_make(0, 0, 0);
    ulid_format(&id, text);
    assert_string_equal(text, "00000000000000000000000000");
    id = ulid_make(0xffffffffffff, 0xffff, UINT64_MAX);
    ulid_format(&id, text);
    assert_string_equal(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    id = ulid_make(1469918176385, 0, 33); /* the time of the example in the ULID specification */
    ulid_format(&id, text);
    assert_string_equal(text, "01ARYZ6S410000000000000011");
}

static void text_and_back_is_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct ulid id = ulid_new(1795414616123 + i), back;
        char text[ULID_TEXT];
        ulid_format(&id, text);
        assert_int_equal(strlen(text), 26);
        assert_int_equal(ulid_parse(text, &back), 0);
        assert_int_equal(ulid_cmp(&id, &back), 0);
        assert_int_equal(ulid_ms(&back), 1795414616123 + i);
    }
}

static void what_is_not_an_id_is_refused(void **state)
{
    (void)state;
    struct ulid id;
    assert_int_equal(ulid_parse("", &id), -1);
    assert_int_equal(ulid_parse("01ARYZ6S41TSV4RRFFQ69G5FA", &id), -1);
    assert_int_equal(ulid_parse("01ARYZ6S41TSV4RRFFQ69G5FAVX", &id), -1);
    assert_int_equal(ulid_parse("81ARYZ6S41TSV4RRFFQ69G5FAV", &id), -1);
    assert_int_equal(ulid_parse("01ARYZ6S41TSV4RRFFQ69G5FAI", &id), -1);
    assert_int_equal(ulid_parse("01aryz6s41tsv4rrffq69g5fav", &id), -1);
    assert_int_equal(ulid_parse("01ARYZ6S41TSV4RRFFQ69G5FAV", &id), 0);
}

static void ids_of_one_millisecond_are_in_order(void **state)
{
    (void)state;
    struct ulid last = ulid_new(1795414616000);
    for (int i = 0; i < 10000; i++) {
        struct ulid next = ulid_new(1795414616000);
        assert_true(ulid_cmp(&last, &next) < 0);
        last = next;
    }
    /* A clock that goes back a little (another thread read it earlier) changes no order. */
    struct ulid next = ulid_new(1795414615990);
    assert_true(ulid_cmp(&last, &next) < 0);
}

static void zero_is_known(void **state)
{
    (void)state;
    struct ulid zero = { { 0 } }, id = ulid_new(1);
    assert_true(ulid_is_zero(&zero));
    assert_false(ulid_is_zero(&id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_crockford_base32),
        cmocka_unit_test(text_and_back_is_the_same),
        cmocka_unit_test(what_is_not_an_id_is_refused),
        cmocka_unit_test(ids_of_one_millisecond_are_in_order),
        cmocka_unit_test(zero_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
