/* test_zone.c - base/zone*.c: what clocks show, there and then. */
#include "config.h"

#include "base/err.h"
#include "base/zone.h"
#include "tests/check.h"

static struct zone *load(const char *name)
{
    struct err err = { "" };
    struct zone *zone = zone_load(name, NULL, &err);

    if (!zone)
        fail_msg("%s", err.text);
    return zone;
}

/* Local time as another implementation has it: date, time, weekday, abbreviation. */
static const struct {
    const char *zone;
    int64_t at_s;
    const char *local;
} moments[] = {
    { "Europe/Copenhagen", INT64_C(-615513600), "1950-07-01 01:00:00 6 CET" },
    { "Europe/Copenhagen", INT64_C(1774745999), "2026-03-29 01:59:59 0 CET" },
    { "Europe/Copenhagen", INT64_C(1774746000), "2026-03-29 03:00:00 0 CEST" },
    { "Europe/Copenhagen", INT64_C(1792889999), "2026-10-25 02:59:59 0 CEST" },
    { "Europe/Copenhagen", INT64_C(1792890000), "2026-10-25 02:00:00 0 CET" },
    { "Europe/Copenhagen", INT64_C(3487060800), "2080-07-01 14:00:00 1 CEST" },
    { "Europe/Copenhagen", INT64_C(15154736399), "2450-03-27 01:59:59 0 CET" },
    { "Europe/Copenhagen", INT64_C(15154736400), "2450-03-27 03:00:00 0 CEST" },
    { "Europe/Copenhagen", INT64_C(-2840140800), "1880-01-01 00:50:20 4 LMT" },
    { "America/New_York", INT64_C(-1633219200), "1918-03-31 20:00:00 0 EDT" },
    { "America/New_York", INT64_C(1772953199), "2026-03-08 01:59:59 0 EST" },
    { "America/New_York", INT64_C(1772953200), "2026-03-08 03:00:00 0 EDT" },
    { "America/New_York", INT64_C(1793512799), "2026-11-01 01:59:59 0 EDT" },
    { "America/New_York", INT64_C(1793512800), "2026-11-01 01:00:00 0 EST" },
    { "America/New_York", INT64_C(4120761600), "2100-07-31 20:00:00 6 EDT" },
    { "Australia/Lord_Howe", INT64_C(1775314799), "2026-04-05 01:59:59 0 +11" },
    { "Australia/Lord_Howe", INT64_C(1775314800), "2026-04-05 01:30:00 0 +1030" },
    { "Australia/Lord_Howe", INT64_C(1791041399), "2026-10-04 01:59:59 0 +1030" },
    { "Australia/Lord_Howe", INT64_C(1791041400), "2026-10-04 02:30:00 0 +11" },
    { "Australia/Lord_Howe", INT64_C(3786912000), "2090-01-01 11:00:00 0 +11" },
    { "Australia/Lord_Howe", INT64_C(3802550400), "2090-07-01 10:30:00 6 +1030" },
    { "Australia/Sydney", INT64_C(1775318399), "2026-04-05 02:59:59 0 AEDT" },
    { "Australia/Sydney", INT64_C(1775318400), "2026-04-05 02:00:00 0 AEST" },
    { "Australia/Sydney", INT64_C(1791043199), "2026-10-04 01:59:59 0 AEST" },
    { "Australia/Sydney", INT64_C(1791043200), "2026-10-04 03:00:00 0 AEDT" },
    { "Australia/Sydney", INT64_C(4102444799), "2100-01-01 10:59:59 5 AEDT" },
    { "Pacific/Apia", INT64_C(1325239199), "2011-12-29 23:59:59 4 -10" },
    { "Pacific/Apia", INT64_C(1325239200), "2011-12-31 00:00:00 6 +14" },
    { "Asia/Kolkata", INT64_C(-852076800), "1943-01-01 06:30:00 5 +0630" },
    { "Asia/Kolkata", INT64_C(1780272000), "2026-06-01 05:30:00 1 IST" },
    { "Asia/Kolkata", INT64_C(7271164800), "2200-06-01 05:30:00 0 IST" },
    { "Asia/Kathmandu", INT64_C(473385600), "1985-01-01 05:30:00 2 +0530" },
    { "Asia/Kathmandu", INT64_C(1767225600), "2026-01-01 05:45:00 4 +0545" },
    { "America/Sao_Paulo", INT64_C(1541300399), "2018-11-03 23:59:59 6 -03" },
    { "America/Sao_Paulo", INT64_C(1541300400), "2018-11-04 01:00:00 0 -02" },
    { "America/Sao_Paulo", INT64_C(1767225600), "2025-12-31 21:00:00 3 -03" },
    { "Asia/Beirut", INT64_C(1743285599), "2025-03-29 23:59:59 6 EET" },
    { "Asia/Beirut", INT64_C(1743285600), "2025-03-30 01:00:00 0 EEST" },
    { "America/Havana", INT64_C(1772945999), "2026-03-07 23:59:59 6 CST" },
    { "America/Havana", INT64_C(1772946000), "2026-03-08 01:00:00 0 CDT" },
    { "America/Havana", INT64_C(1793509199), "2026-11-01 00:59:59 0 CDT" },
    { "America/Havana", INT64_C(1793509200), "2026-11-01 00:00:00 0 CST" },
    { "Asia/Jerusalem", INT64_C(2847484800), "2060-03-26 03:00:00 5 IDT" },
    { "Asia/Jerusalem", INT64_C(2855865600), "2060-07-01 03:00:00 4 IDT" },
    { "Asia/Jerusalem", INT64_C(2866402799), "2060-10-31 01:59:59 0 IDT" },
    { "Asia/Jerusalem", INT64_C(2866402800), "2060-10-31 01:00:00 0 IST" },
    { "America/Nuuk", INT64_C(2531869199), "2050-03-25 22:59:59 5 -02" },
    { "America/Nuuk", INT64_C(2531955600), "2050-03-27 00:00:00 0 -01" },
    { "America/Nuuk", INT64_C(2550704399), "2050-10-29 23:59:59 6 -01" },
    { "America/Nuuk", INT64_C(2550704400), "2050-10-29 23:00:00 6 -02" },
    { "Europe/Dublin", INT64_C(2840140800), "2060-01-01 00:00:00 4 GMT" },
    { "Europe/Dublin", INT64_C(2855865600), "2060-07-01 01:00:00 4 IST" },
    { "America/Santiago", INT64_C(2848262400), "2060-04-03 21:00:00 6 -03" },
    { "America/Santiago", INT64_C(2861495999), "2060-09-03 23:59:59 5 -04" },
    { "America/Santiago", INT64_C(2861582400), "2060-09-05 01:00:00 0 -03" },
    { "UTC", INT64_C(0), "1970-01-01 00:00:00 4 UTC" },
    { "UTC", INT64_C(253402300799), "9999-12-31 23:59:59 5 UTC" },
};

static void clocks_show_what_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct zone *zone = load(moments[i].zone);
        struct zone_time t;
        char text[96];
        zone_local(zone, moments[i].at_s * 1000 + 999, &t);
        snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d %d %s", t.year, t.month, t.day,
                 t.hour, t.minute, t.second, t.weekday, t.abbreviation);
        assert_string_equal(text, moments[i].local);
        assert_string_equal(zone_name(zone), moments[i].zone);
        zone_free(&zone);
    }
}

static int64_t at(int year, int month, int day, int hour, int minute)
{
    return zone_moment(zone_utc(), year, month, day, hour, minute);
}

static void a_skipped_hour_is_the_moment_of_the_change(void **state)
{
    (void)state;
    struct zone *zone = load("Europe/Copenhagen");
    assert_int_equal(zone_moment(zone, 2026, 3, 29, 1, 59), at(2026, 3, 29, 0, 59));
    assert_int_equal(zone_moment(zone, 2026, 3, 29, 2, 0), at(2026, 3, 29, 1, 0));
    assert_int_equal(zone_moment(zone, 2026, 3, 29, 2, 30), at(2026, 3, 29, 1, 0));
    assert_int_equal(zone_moment(zone, 2026, 3, 29, 3, 0), at(2026, 3, 29, 1, 0));
    assert_int_equal(zone_moment(zone, 2126, 3, 31, 2, 30), at(2126, 3, 31, 1, 0));
    zone_free(&zone);
    zone = load("Australia/Lord_Howe");
    assert_int_equal(zone_moment(zone, 2026, 10, 4, 2, 15), at(2026, 10, 3, 15, 30));
    assert_int_equal(zone_moment(zone, 2026, 10, 4, 2, 30), at(2026, 10, 3, 15, 30));
    zone_free(&zone);
    zone = load("Pacific/Apia"); /* which went over a whole day */
    assert_int_equal(zone_moment(zone, 2011, 12, 30, 9, 0), at(2011, 12, 30, 10, 0));
    zone_free(&zone);
}

static void of_an_hour_that_comes_twice_it_is_the_first(void **state)
{
    (void)state;
    struct zone *zone = load("America/New_York");
    assert_int_equal(zone_moment(zone, 2026, 11, 1, 1, 30), at(2026, 11, 1, 5, 30));
    assert_int_equal(zone_moment(zone, 2026, 11, 1, 2, 0), at(2026, 11, 1, 7, 0));
    assert_int_equal(zone_moment(zone, 2226, 11, 5, 1, 30), at(2226, 11, 5, 5, 30));
    zone_free(&zone);
    zone = load("Australia/Lord_Howe");
    assert_int_equal(zone_moment(zone, 2026, 4, 5, 1, 45), at(2026, 4, 4, 14, 45));
    zone_free(&zone);
}

static void local_time_and_back_is_where_one_was(void **state)
{
    (void)state;
    const char *const names[] = { "Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe",
                                  "Asia/Kolkata", "America/Havana", "Asia/Beirut" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone *zone = load(names[i]);
        for (int64_t t = at(1960, 1, 1, 0, 0); t < at(2140, 1, 1, 0, 0); t += 3847 * 60000) {
            struct zone_time local;
            zone_local(zone, t, &local);
            const int64_t back = zone_moment(zone, local.year, local.month, local.day, local.hour,
                                             local.minute);
            const int64_t later = t - back - local.second * 1000;
            if (later != 0 && later != 3600000 && later != 1800000) /* the second of two */
                fail_msg("%s at %lld comes back %lld ms off", names[i], (long long)t,
                         (long long)later);
        }
        zone_free(&zone);
    }
}

static void days_and_hours_beyond_their_range_count_on(void **state)
{
    (void)state;
    assert_int_equal(at(2026, 12, 31, 24, 0), at(2027, 1, 1, 0, 0));
    assert_int_equal(at(2026, 13, 0, 0, 0), at(2026, 12, 31, 0, 0));
    assert_int_equal(at(2024, 2, 29, 0, 2880), at(2024, 3, 2, 0, 0));
    assert_int_equal(zone_weekday(zone_day(1970, 1, 1)), 4);
    assert_int_equal(zone_weekday(zone_day(1583, 1, 1)), 6);
    for (int64_t day = -800000; day < 800000; day += 997) {
        int y, m, d;
        zone_date(day, &y, &m, &d);
        assert_int_equal(zone_day(y, m, d), day);
    }
}

static void a_name_cannot_leave_the_directory(void **state)
{
    (void)state;
    const char *const names[] = { "", "/etc/passwd", "../etc/passwd", "Europe/../Rome", "Europe/",
                                  "Europe//Rome", "Eur ope", "Europe" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err = { "" };
        assert_null(zone_load(names[i], NULL, &err));
        assert_true(err.text[0]);
    }
}

static void what_cannot_be_used_is_named(void **state)
{
    (void)state;
    struct err err;
    assert_null(zone_load("Europe/Kopenhagen", NULL, &err));
    assert_non_null(strstr(err.text, "there is no time zone 'Europe/Kopenhagen' in /"));
    assert_null(zone_load("Europe/Rome", "/nowhere", &err));
    assert_non_null(strstr(err.text, "package tzdata"));
    assert_null(zone_parse("X", "TZif2", 5, &err));
    assert_non_null(strstr(err.text, "'X' cannot be used: it is not a whole TZif file"));
    struct zone *utc = zone_load("UTC", "/nowhere", &err); /* needs no file */
    assert_non_null(utc);
    zone_free(&utc);
    zone_free(&utc);
}

/* A version 2 file that is nothing but its last line. */
static struct zone *by_rule(const char *rule, struct err *err)
{
    uint8_t data[512] = { 0 };
    size_t len = 0;

    for (int part = 0; part < 2; part++) {
        memcpy(data + len, "TZif3", 5);
        data[len + 39] = 1; /* types */
        data[len + 43] = 4; /* letters */
        len += 44;
        memcpy(data + len + 6, "XXX", 4);
        len += 10;
    }
    len += (size_t)snprintf((char *)data + len, sizeof data - len, "\n%s\n", rule);
    return zone_parse("Test/Rule", data, len, err);
}

static void rules_for_all_years_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        int month, day, hour; /* in 2030, UTC */
        int local;            /* hour */
        const char *abbreviation;
    } cases[] = {
        { "CET-1CEST,M3.5.0,M10.5.0/3", 7, 1, 10, 12, "CEST" },
        { "CET-1CEST,M3.5.0,M10.5.0/3", 12, 1, 10, 11, "CET" },
        { "<+0330>-3:30", 1, 1, 0, 3, "+0330" },
        { "XXX3EDT4,0/0,J365/23", 1, 1, 12, 8, "EDT" },  /* summer all year */
        { "EST5EDT,0/0,J365/25", 7, 1, 12, 8, "EDT" },
        { "EST5EDT,0/0,J365/25", 12, 31, 23, 19, "EDT" },
        { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 3, 31, 0, 22, "-02" },
        { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 3, 31, 1, 0, "-01" },
        { "IST-2IDT,M3.4.4/26,M10.5.0", 3, 29, 0, 3, "IDT" },
        { "AAA0BBB,J60/0,J300", 3, 1, 0, 1, "BBB" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = { "" };
        struct zone *zone = by_rule(cases[i].rule, &err);
        struct zone_time t;
        assert_string_equal(err.text, "");
        zone_local(zone, at(2030, cases[i].month, cases[i].day, cases[i].hour, 0), &t);
        assert_string_equal(t.abbreviation, cases[i].abbreviation);
        assert_int_equal(t.hour, cases[i].local);
        zone_free(&zone);
    }
}

static void a_rule_that_is_wrong_is_refused(void **state)
{
    (void)state;
    const char *const rules[] = { "CE-1", "CET", "CET-25", "CET-1CEST", "CET-1CEST,M13.1.0,M10.5.0",
                                  "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
                                  "CET-1CEST,J0,J100", "CET-1CEST,366,1", "<CET-1", "CET-1x",
                                  "CET-1CEST,M3.5.0/168,M10.5.0", "ABCDEFGHIJKLMNOPQ-1",
                                  "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1:60" };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct err err = { "" };
        assert_null(by_rule(rules[i], &err));
        assert_non_null(strstr(err.text, "rule for the years to come"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_show_what_they_should),
        cmocka_unit_test(a_skipped_hour_is_the_moment_of_the_change),
        cmocka_unit_test(of_an_hour_that_comes_twice_it_is_the_first),
        cmocka_unit_test(local_time_and_back_is_where_one_was),
        cmocka_unit_test(days_and_hours_beyond_their_range_count_on),
        cmocka_unit_test(a_name_cannot_leave_the_directory),
        cmocka_unit_test(what_cannot_be_used_is_named),
        cmocka_unit_test(rules_for_all_years_are_read),
        cmocka_unit_test(a_rule_that_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
