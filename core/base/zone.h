/*
 * zone.h - a time zone's rules, read once from its TZif file (RFC 8536), then pure tables.
 *
 * Layer: base. No localtime(), no tzset(): the process has no time zone of its own.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

struct err;
struct zone;

struct zone_time {
    int year, month, day;     /* month 1..12 */
    int hour, minute, second;
    int weekday;              /* 0: Sunday */
    int32_t offset_s;         /* east of UTC */
    const char *abbreviation; /* "CET" */
};

/* name: IANA, checked (no '..', no leading '/'). dir: NULL for the system's zoneinfo. */
struct zone *zone_load(const char *name, const char *dir, struct err *err);
struct zone *zone_utc(void);
void zone_free(struct zone **zone);
const char *zone_name(const struct zone *zone);
void zone_local(const struct zone *zone, int64_t at_ms, struct zone_time *time_r);
/* The moment at which the zone's clocks show this; one that is skipped in spring gives the moment
 * of the change, one that comes twice in autumn the first. */
int64_t zone_moment(const struct zone *zone, int year, int month, int day, int hour, int minute);

#endif
