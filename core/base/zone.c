/* zone.c - the calendar, and what the clocks of a zone show. */
#include "config.h"

#include "base/zone.h"

#include <stdlib.h>

#include "base/zone_private.h"

#define DAY_S 86400
#define OFFSET_MAX_S (26 * 3600) /* no zone is farther from UTC (RFC 8536 §3.2) */
#define YEAR_MAX 100000000

static int64_t floor_div(int64_t n, int64_t by)
{
    return n / by - (n % by < 0);
}

/* Counts years from March, so that the leap day is the last of its year. */
int64_t zone_day(int year, int month, int day)
{
    const int64_t months = (int64_t)year * 12 + month - 1 - 2;
    const int64_t y = floor_div(months, 12), m = months - y * 12;

    return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) +
           (153 * m + 2) / 5 + day - 1 - 719468;
}

void zone_date(int64_t day, int *year_r, int *month_r, int *day_r)
{
    const int64_t n = day + 719468, era = floor_div(n, 146097), in_era = n - era * 146097;
    const int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
    const int64_t m = (5 * in_year + 2) / 153;

    *day_r = (int)(in_year - (153 * m + 2) / 5 + 1);
    *month_r = (int)(m < 10 ? m + 3 : m - 9);
    *year_r = (int)(era * 400 + y + (m >= 10));
}

int zone_weekday(int64_t day)
{
    return (int)(day + 4 - 7 * floor_div(day + 4, 7));
}

static int is_leap(int year)
{
    return zone_day(year, 3, 1) - zone_day(year, 2, 1) == 29;
}

/* Local seconds since 1970 at which `change` happens in this year. */
static int64_t change_in(const struct zone_change *change, int year)
{
    int64_t day = zone_day(year, 1, 1);

    if (change->kind == CHANGE_JULIAN) { /* 1..365, 29 February is never counted */
        day += change->day - 1 + (is_leap(year) && change->day >= 60);
    } else if (change->kind == CHANGE_DAY) {
        day += change->day;
    } else {
        const int64_t first = zone_day(year, change->month, 1);
        day = first + (change->day - zone_weekday(first) + 7) % 7 + 7 * (change->week - 1);
        if (day >= zone_day(year, change->month + 1, 1))
            day -= 7;
    }
    return day * DAY_S + change->time_s;
}

/* What holds at `at`, and until when; INT64_MAX: for ever. */
static const struct zone_type *by_rule(const struct zone_rule *rule, int64_t at, int64_t *until_r)
{
    const struct zone_type *type = &rule->standard;
    int64_t last = INT64_MIN;
    int year, month, day;

    *until_r = INT64_MAX;
    if (!rule->has_summer)
        return type;
    zone_date(floor_div(at, DAY_S), &year, &month, &day);
    /* A change may lie a week out of its year, so the years beside count too. Where an end and a
     * beginning fall together, summer time goes on. */
    for (int y = year - 2; y <= year + 2; y++) {
        const int64_t ends = change_in(&rule->end, y) - rule->summer.offset_s;
        const int64_t begins = change_in(&rule->begin, y) - rule->standard.offset_s;
        if (ends <= at && ends >= last) {
            last = ends;
            type = &rule->standard;
        }
        if (begins <= at && begins >= last) {
            last = begins;
            type = &rule->summer;
        }
        if (ends > at && ends < *until_r)
            *until_r = ends;
        if (begins > at && begins < *until_r)
            *until_r = begins;
    }
    return type;
}

static const struct zone_type *type_at(const struct zone *zone, int64_t at, int64_t *until_r)
{
    size_t low = 0, high = zone->n_changes; /* the changes before low are at or before `at` */

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (zone->changes[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->n_changes && zone->has_rule)
        return by_rule(&zone->rule, at, until_r);
    *until_r = low < zone->n_changes ? zone->changes[low] : INT64_MAX;
    return &zone->types[low == 0 ? 0 : zone->kinds[low - 1]];
}

void zone_local(const struct zone *zone, int64_t at_ms, struct zone_time *time_r)
{
    const int64_t at = floor_div(at_ms, 1000);
    int64_t until;
    const struct zone_type *type = type_at(zone, at, &until);
    const int64_t local = at + type->offset_s, day = floor_div(local, DAY_S);
    const int second = (int)(local - day * DAY_S);

    *time_r = (struct zone_time){
        .hour = second / 3600,
        .minute = second / 60 % 60,
        .second = second % 60,
        .weekday = zone_weekday(day),
        .offset_s = type->offset_s,
        .abbreviation = type->abbreviation,
    };
    zone_date(day, &time_r->year, &time_r->month, &time_r->day);
}

int64_t zone_moment(const struct zone *zone, int year, int month, int day, int hour, int minute)
{
    const int y = year > YEAR_MAX ? YEAR_MAX : year < -YEAR_MAX ? -YEAR_MAX : year;
    const int64_t local = (zone_day(y, month, 1) + day - 1) * DAY_S + (int64_t)hour * 3600 +
                          (int64_t)minute * 60;
    int64_t from = local - OFFSET_MAX_S, until;

    for (;;) {
        const struct zone_type *type = type_at(zone, from, &until);
        const int64_t at = local - type->offset_s;
        if (at < from) /* the clocks went over it when they came here */
            return from * 1000;
        if (at < until)
            return at * 1000;
        from = until;
    }
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

const struct zone *zone_utc(void)
{
    static struct zone_type type = { 0, "UTC" };
    static char name[] = "UTC";
    static const struct zone utc = { .name = name, .n_types = 1, .types = &type };

    return &utc;
}

void zone_free(struct zone **zone_p)
{
    struct zone *zone = *zone_p;

    *zone_p = NULL;
    if (!zone)
        return;
    free(zone->name);
    free(zone->changes);
    free(zone->kinds);
    free(zone->types);
    free(zone);
}
