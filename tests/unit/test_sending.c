/* test_sending.c - engine/sending.c: quiet hours at the customer's. */
#include "config.h"

#include "base/err.h"
#include "base/zone.h"
#include "engine/hours.h"
#include "engine/sending.h"
#include "tests/check.h"

#define MIN INT64_C(60000)
#define HOUR (60 * MIN)

static struct hours *parse(const char *text)
{
    struct err err = { "" };
    struct hours *hours = hours_parse(text, NULL, NULL, &err);

    if (!hours)
        fail_msg("%s: %s", text, err.text);
    return hours;
}

static int64_t utc(int day, int hour, int minute)
{
    return zone_moment(zone_utc(), 2026, 11, day, hour, minute);
}

static void without_hours_a_message_leaves_at_once(void **state)
{
    const struct sending always = { 0 };

    (void)state;
    assert_int_equal(sending_wait(&always, "+45", 0, utc(23, 3, 0)), 0);
    assert_int_equal(sending_age(&always, NULL, utc(23, 0, 0), utc(24, 0, 0)), 24 * HOUR);
}

static void in_quiet_hours_it_waits_until_they_are_over(void **state)
{
    struct hours *hours = parse("Mon-Sun 08:00-21:00 Europe/Copenhagen"); /* 07:00 to 20:00 UTC */
    struct sending sending = { .hours = hours, .answer_ms = 15 * MIN };
    const int64_t night = utc(23, 23, 0);

    (void)state;
    assert_int_equal(sending_wait(&sending, "+45", 0, night), 8 * HOUR);
    assert_int_equal(sending_wait(&sending, "+45", 0, utc(23, 7, 0)), 0);
    assert_int_equal(sending_wait(&sending, "+45", night - 15 * MIN + 1, night), 0);
    assert_int_equal(sending_wait(&sending, "+45", night - 15 * MIN, night), 8 * HOUR);
    sending.answer_ms = 0; /* then not even what is answered at once */
    assert_int_equal(sending_wait(&sending, "+45", night, night), 8 * HOUR);
    assert_int_equal(sending_age(&sending, "+45", utc(23, 19, 0), utc(24, 8, 0)), 2 * HOUR);
    hours_free(&hours);
}

static void the_hours_are_those_at_the_customers(void **state)
{
    struct hours *here = parse("Mon-Sun 08:00-21:00 Europe/Copenhagen");
    struct hours *us = parse("Mon-Sun 08:00-21:00 America/Chicago");      /* 14:00 to 03:00 UTC */
    struct hours *east = parse("Mon-Sun 08:00-21:00 America/New_York");   /* 13:00 to 02:00 UTC */
    const struct sending_zone zones[] = { { "+1212", east }, { "+1", us } };
    const struct sending sending = { .hours = here, .zones = zones, .n_zones = 2 };
    const int64_t noon = utc(23, 12, 0);

    (void)state;
    assert_int_equal(sending_wait(&sending, "+4512345678", 0, noon), 0);
    assert_int_equal(sending_wait(&sending, "+13125550100", 0, noon), 2 * HOUR);
    assert_int_equal(sending_wait(&sending, "+12125550100", 0, noon), HOUR);
    assert_int_equal(sending_wait(&sending, NULL, 0, noon), 0);
    hours_free(&here);
    hours_free(&us);
    hours_free(&east);
}

static void without_an_hour_in_sight_it_waits_for_ever(void **state)
{
    struct hours *hours = parse("never");
    const struct sending never = { .hours = hours };

    (void)state;
    assert_int_equal(sending_wait(&never, "+45", 0, utc(23, 12, 0)), INT64_MAX);
    hours_free(&hours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_hours_a_message_leaves_at_once),
        cmocka_unit_test(in_quiet_hours_it_waits_until_they_are_over),
        cmocka_unit_test(the_hours_are_those_at_the_customers),
        cmocka_unit_test(without_an_hour_in_sight_it_waits_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
