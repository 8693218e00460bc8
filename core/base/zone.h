/*
 * zone.h - a time zone's rules, read once from its TZif file (RFC 8536), then pure tables.
 *
 * Layer: base. No localtime(), no tzset(): the process has no time zone of its own. A zone is
 * immutable, so shareable between threads.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct zone;

struct zone_time {
    int year, month, day;     /* month 1..12 */
    int hour, minute, second;
    int weekday;              /* 0: Sunday */
    int32_t offset_s;         /* east of UTC */
    const char *abbreviation; /* "CET"; lives as long as the zone */
};

/* name: IANA, checked (no '..', no leading '/'). dir: NULL for the system's zoneinfo. "UTC" needs
 * no file. */
struct zone *zone_load(const char *name, const char *dir, struct err *err);
/* The same from the bytes of a TZif file. */
struct zone *zone_parse(const char *name, const void *data, size_t len, struct err *err);
void zone_free(struct zone **zone);
const struct zone *zone_utc(void); /* always there, never freed */
const char *zone_name(const struct zone *zone);
void zone_local(const struct zone *zone, int64_t at_ms, struct zone_time *time_r);
/* The moment at which the zone's clocks show this; one that is skipped in spring gives the moment
 * of the change, one that comes twice in autumn the first. Days, hours and minutes beyond their
 * range count on: 24:00 is 00:00 of the next day, day 0 the last of the month before. */
int64_t zone_moment(const struct zone *zone, int year, int month, int day, int hour, int minute);

/* The calendar: days since 1970-01-01 and back. 0: Sunday. */
int64_t zone_day(int year, int month, int day);
void zone_date(int64_t day, int *year_r, int *month_r, int *day_r);
int zone_weekday(int64_t day);

#endif
