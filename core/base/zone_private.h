/* zone_private.h - what zone.c and zone_file.c share. */
#ifndef BASE_ZONE_PRIVATE_H
#define BASE_ZONE_PRIVATE_H

#include "base/zone.h"

#define ZONE_ABBREVIATION 15 /* letters of one, at most */

struct zone_type {
    int32_t offset_s;
    char abbreviation[ZONE_ABBREVIATION + 1];
};

/* When a POSIX rule changes the clocks, each year. */
struct zone_change {
    enum { CHANGE_WEEKDAY, CHANGE_JULIAN, CHANGE_DAY } kind; /* M3.2.0, J60, 59 */
    int month, week, day;
    int32_t time_s; /* local, from 00:00 of that day; may lie days away */
};

struct zone_rule {
    struct zone_type standard, summer;
    int has_summer;
    struct zone_change begin, end;
};

struct zone {
    char *name;
    size_t n_changes;
    int64_t *changes; /* Unix seconds, ascending; .. */
    uint8_t *kinds;   /* .. and which type holds from there */
    size_t n_types;
    struct zone_type *types; /* the first holds before all changes */
    int has_rule;            /* what holds after the last change */
    struct zone_rule rule;
};

/* The footer's POSIX TZ string, with the extensions of RFC 8536 §3.3.1. */
int zone_rule_parse(const char *text, size_t len, struct zone_rule *rule_r, struct err *err);

#endif
