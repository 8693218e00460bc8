/* test_hours.c - engine/hours.c: open or closed, and until when. */
#include "config.h"

#include "base/err.h"
#include "base/zone.h"
#include "engine/hours.h"
#include "tests/check.h"

#define HOUR INT64_C(3600000)

static struct hours *parse(const char *text, const char *const *holidays)
{
    struct err err = { "" };
    struct hours *hours = hours_parse(text, holidays, NULL, &err);

    if (!hours)
        fail_msg("%s: %s", text, err.text);
    return hours;
}

static int64_t utc(int year, int month, int day, int hour, int minute)
{
    return zone_moment(zone_utc(), year, month, day, hour, minute);
}

static void a_week_is_open_when_it_says(void **state)
{
    (void)state;
    struct hours *hours = parse("Mon-Fri 09:00-17:00, Sat 10:00-14:00 Europe/Copenhagen", NULL);
    assert_string_equal(zone_name(hours_zone(hours)), "Europe/Copenhagen");
    assert_false(hours_open(hours, utc(2026, 11, 23, 7, 59))); /* a Monday; winter time */
    assert_true(hours_open(hours, utc(2026, 11, 23, 8, 0)));
    assert_true(hours_open(hours, utc(2026, 11, 23, 15, 59)));
    assert_false(hours_open(hours, utc(2026, 11, 23, 16, 0)));
    assert_true(hours_open(hours, utc(2026, 7, 6, 7, 0))); /* summer time */
    assert_int_equal(hours_next_open(hours, utc(2026, 11, 27, 16, 0)), utc(2026, 11, 28, 9, 0));
    assert_int_equal(hours_next_open(hours, utc(2026, 11, 28, 13, 0)), utc(2026, 11, 30, 8, 0));
    assert_int_equal(hours_next_open(hours, utc(2026, 11, 23, 9, 30)), utc(2026, 11, 23, 9, 30));
    assert_int_equal(hours_between(hours, utc(2026, 11, 23, 0, 0), utc(2026, 11, 30, 0, 0)),
                     44 * HOUR);
    assert_int_equal(hours_between(hours, utc(2026, 11, 23, 9, 0), utc(2026, 11, 23, 9, 0)), 0);
    assert_int_equal(hours_after(hours, utc(2026, 11, 27, 15, 0), HOUR), utc(2026, 11, 27, 16, 0));
    assert_int_equal(hours_after(hours, utc(2026, 11, 27, 15, 0), 4 * HOUR),
                     utc(2026, 11, 28, 12, 0));
    assert_int_equal(hours_after(hours, utc(2026, 11, 27, 15, 0), 10 * HOUR),
                     utc(2026, 11, 30, 13, 0));
    hours_free(&hours);
    hours_free(&hours);
}

static void no_hours_are_always_open(void **state)
{
    (void)state;
    assert_true(hours_open(NULL, 5));
    assert_int_equal(hours_next_open(NULL, 5), 5);
    assert_int_equal(hours_between(NULL, 5, 12), 7);
    assert_int_equal(hours_after(NULL, 5, 7), 12);
    assert_string_equal(zone_name(hours_zone(NULL)), "UTC");
    struct hours *hours = parse("always", NULL);
    assert_int_equal(hours_between(hours, utc(2026, 1, 1, 0, 0), utc(2026, 1, 9, 0, 0)),
                     192 * HOUR);
    hours_free(&hours);
    hours = parse("never Europe/Rome", NULL);
    assert_false(hours_open(hours, 0));
    assert_true(hours_next_open(hours, 0) == INT64_MAX);
    assert_true(hours_after(hours, 0, 1) == INT64_MAX);
    hours_free(&hours);
}

static void a_span_over_midnight_belongs_to_the_day_it_begins(void **state)
{
    (void)state;
    const char *const holidays[] = { "2026-11-28", NULL };
    struct hours *hours = parse("Fri-Sat 22:00-06:00", holidays);
    assert_true(hours_open(hours, utc(2026, 11, 21, 5, 59)));
    assert_true(hours_open(hours, utc(2026, 11, 22, 3, 0))); /* Sunday, begun on Saturday */
    assert_false(hours_open(hours, utc(2026, 11, 22, 22, 0)));
    assert_true(hours_open(hours, utc(2026, 11, 28, 3, 0))); /* begun before the holiday */
    assert_false(hours_open(hours, utc(2026, 11, 28, 22, 0)));
    assert_int_equal(hours_between(hours, utc(2026, 11, 20, 0, 0), utc(2026, 11, 23, 0, 0)),
                     16 * HOUR);
    hours_free(&hours);
}

static void spans_that_overlap_count_once(void **state)
{
    (void)state;
    struct hours *hours = parse("Mon 09:00-12:00 11:00-13:00, 20:00-04:00, Tue 02:00-05:00", NULL);
    assert_int_equal(hours_between(hours, utc(2026, 11, 23, 0, 0), utc(2026, 11, 30, 0, 0)),
                     13 * HOUR);
    hours_free(&hours);
    hours = parse("Mon, Wed, Fri 8:00-10:00, 12:00-13:00", NULL);
    assert_int_equal(hours_between(hours, utc(2026, 11, 23, 0, 0), utc(2026, 11, 30, 0, 0)),
                     9 * HOUR);
    hours_free(&hours);
}

static void the_days_when_clocks_change_are_as_long_as_they_are(void **state)
{
    (void)state;
    struct hours *hours = parse("Sun 00:00-24:00 Europe/Copenhagen", NULL);
    assert_int_equal(hours_between(hours, utc(2026, 3, 28, 0, 0), utc(2026, 3, 31, 0, 0)),
                     23 * HOUR);
    assert_int_equal(hours_between(hours, utc(2026, 10, 24, 0, 0), utc(2026, 10, 27, 0, 0)),
                     25 * HOUR);
    hours_free(&hours);
    hours = parse("Sun 02:15-02:45, Mon 09:00-10:00 Europe/Copenhagen", NULL); /* is skipped */
    assert_int_equal(hours_next_open(hours, utc(2026, 3, 28, 12, 0)), utc(2026, 3, 30, 7, 0));
    hours_free(&hours);
    hours = parse("Sun 02:30-05:00 Europe/Copenhagen", NULL);
    assert_int_equal(hours_next_open(hours, utc(2026, 3, 28, 12, 0)), utc(2026, 3, 29, 1, 0));
    hours_free(&hours);
    hours = parse("Mon 09:00-17:00 Australia/Sydney", NULL);
    assert_true(hours_open(hours, utc(2026, 1, 11, 22, 0)));  /* +11 */
    assert_false(hours_open(hours, utc(2026, 7, 5, 22, 30))); /* +10 */
    hours_free(&hours);
}

static void holidays_are_closed(void **state)
{
    (void)state;
    const char *const holidays[] = { "2026-12-24..2026-12-26", "12-31..01-01", "06-05", NULL };
    struct hours *hours = parse("Mon-Sun 09:00-17:00 Europe/Copenhagen", holidays);
    assert_true(hours_open(hours, utc(2026, 12, 23, 12, 0)));
    assert_false(hours_open(hours, utc(2026, 12, 24, 12, 0)));
    assert_false(hours_open(hours, utc(2026, 12, 26, 12, 0)));
    assert_true(hours_open(hours, utc(2027, 12, 24, 12, 0)));
    assert_false(hours_open(hours, utc(2027, 12, 31, 12, 0)));
    assert_false(hours_open(hours, utc(2028, 1, 1, 12, 0)));
    assert_false(hours_open(hours, utc(2031, 6, 5, 12, 0)));
    assert_int_equal(hours_next_open(hours, utc(2026, 12, 23, 20, 0)), utc(2026, 12, 27, 8, 0));
    hours_free(&hours);
    const char *const all[] = { "01-01..12-31", NULL };
    hours = parse("always", all);
    assert_true(hours_next_open(hours, 0) == INT64_MAX);
    hours_free(&hours);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        { "", "no opening hours" },
        { "Mon-Fry 09:00-17:00", "'Mon-Fry'" },
        { "Funday 09:00-17:00", "'Funday'" },
        { "Mon 9-17", "'9-17'" },
        { "Mon 09:00-17:60", "'09:00-17:60'" },
        { "Mon 09:00-25:00", "'09:00-25:00'" },
        { "Mon 24:00-25:00", "'24:00-25:00'" },
        { "Mon 09:00-17:00x", "'09:00-17:00x'" },
        { "Mon 09:00-09:00", "'09:00-09:00' is empty" },
        { "09:00-17:00", "before '09:00-17:00' there is no day" },
        { "Mon 09:00-10:00, Tue", "after 'Tue' there is no time" },
        { "Mon 09:00-10:00,, Tue 09:00-10:00", "',' too many" },
        { "Mon 09:00-17:00 Europe/Kopenhagen", "'Europe/Kopenhagen'" },
        { "Mon 09:00-17:00 Europe/Rome, Tue 09:00-10:00", "'Europe/Rome' must be the last" },
        { "Europe/Rome Mon 09:00-17:00", "'Europe/Rome' must be the last" },
        { "Mon 09:00-17:00 ../../etc/passwd", "'../../etc/passwd'" },
        { "always, Mon", "'always' stands alone" },
        { "always Europe/Nowhere", "'Europe/Nowhere'" },
        { "Mon 09:00-17:00 CEST", "'CEST'" },
    };
    struct err err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err.text[0] = '\0';
        if (hours_parse(cases[i].text, NULL, NULL, &err))
            fail_msg("'%s' was taken", cases[i].text);
        if (!strstr(err.text, cases[i].word))
            fail_msg("'%s' gives: %s", cases[i].text, err.text);
    }
    const char *const days[] = { "2026-13-01", "2026-02-29", "12-32", "christmas", "2026-12-24..",
                                 "2026-12-24..12-26", "2026-12-26..2026-12-24", "2026-1-1" };
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        const char *const holidays[] = { days[i], NULL };
        err.text[0] = '\0';
        assert_null(hours_parse("always", holidays, NULL, &err));
        assert_non_null(strstr(err.text, days[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_week_is_open_when_it_says),
        cmocka_unit_test(no_hours_are_always_open),
        cmocka_unit_test(a_span_over_midnight_belongs_to_the_day_it_begins),
        cmocka_unit_test(spans_that_overlap_count_once),
        cmocka_unit_test(the_days_when_clocks_change_are_as_long_as_they_are),
        cmocka_unit_test(holidays_are_closed),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
