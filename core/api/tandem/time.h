/*
 * time.h - the one place that knows how a time is written (RFC 3339, UTC, milliseconds).
 *
 * A help for plugin writers, not part of the ABI: everything here is inline.
 */
#ifndef TANDEM_TIME_H
#define TANDEM_TIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TD_TIME_TEXT 25 /* 2026-11-23T06:16:56.123Z and NUL */

static inline char *td_time_put_(char *at, int64_t value, int width, char after)
{
    for (int i = width; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    at[width] = after;
    return at + width + 1;
}

/* What lies before 1970 or after 9999 is written as the nearest time that does not. */
static inline void td_time_format(int64_t wall_ms, char text[TD_TIME_TEXT])
{
    const int64_t last = INT64_C(253402300799999); /* the end of the year 9999 */
    int64_t ms = wall_ms < 0 ? 0 : wall_ms > last ? last : wall_ms;
    int64_t secs = ms / 1000, days = secs / 86400;

    /* Days to a date in years that begin in March, so that the leap day comes last. */
    int64_t shifted = days + 719468, era = shifted / 146097, doe = shifted % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), march_month = (5 * doy + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;

    text = td_time_put_(text, yoe + era * 400 + (month <= 2), 4, '-');
    text = td_time_put_(text, month, 2, '-');
    text = td_time_put_(text, doy - (153 * march_month + 2) / 5 + 1, 2, 'T');
    text = td_time_put_(text, secs / 3600 % 24, 2, ':');
    text = td_time_put_(text, secs / 60 % 60, 2, ':');
    text = td_time_put_(text, secs % 60, 2, '.');
    text = td_time_put_(text, ms % 1000, 3, 'Z');
    *text = '\0';
}

#ifdef __cplusplus
}
#endif
#endif
