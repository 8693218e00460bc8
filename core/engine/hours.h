/*
 * hours.h - when a queue is open: weekly hours, holidays, a time zone's rules as tables.
 *
 * Layer: engine, pure data once built. The shell parses (hours_parse) and loads the zone; asking
 * allocates nothing and looks at no clock. Wall times are Unix ms, UTC. Immutable, so shareable.
 */
#ifndef ENGINE_HOURS_H
#define ENGINE_HOURS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct hours;
struct zone; /* base/zone.h */

/* "Mon-Fri 09:00-17:00, Sat 10:00-14:00 Europe/Copenhagen"; "always"; "never"; several spans a day
 * "Mon-Fri 09:00-12:00 13:00-17:00"; a span over midnight belongs to the day it begins. The zone is
 * the last word, without one it is UTC. holidays: "2026-12-24..2026-12-26" or "12-25" (every year)
 * each; on such a day no span begins. NULL with a sentence that names the word that is wrong.
 * zone_dir: NULL for the system's. */
struct hours *hours_parse(const char *text, const char *const *holidays, const char *zone_dir,
                          struct err *err);
void hours_free(struct hours **hours);

int hours_open(const struct hours *hours, int64_t at_ms); /* NULL hours: always open */
/* The next moment at or after at_ms when it is open; INT64_MAX: not within 400 days. */
int64_t hours_next_open(const struct hours *hours, int64_t at_ms);
/* How much of [from, to) was open, ms: for measures in business time. */
int64_t hours_between(const struct hours *hours, int64_t from_ms, int64_t to_ms);
/* When so much of the time since from_ms has been open; INT64_MAX: not within 400 days. */
int64_t hours_after(const struct hours *hours, int64_t from_ms, int64_t open_ms);
/* The zone's name ("Europe/Copenhagen") and rules; never NULL, UTC when hours is NULL. */
const struct zone *hours_zone(const struct hours *hours);

#endif
