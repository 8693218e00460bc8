/* clock.c - the time, and the time as text. */
#include "config.h"

#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

static char *put(char *at, int64_t value, int width, char after)
{
    for (int i = width; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    at[width] = after;
    return at + width + 1;
}

void clock_format(int64_t wall_ms, char text[CLOCK_TEXT])
{
    const int64_t last = INT64_C(253402300799999); /* the end of the year 9999 */
    int64_t ms = wall_ms < 0 ? 0 : wall_ms > last ? last : wall_ms;
    int64_t secs = ms / 1000, days = secs / 86400;

    /* Days to a date in years that begin in March, so that the leap day comes last. */
    int64_t shifted = days + 719468, era = shifted / 146097, doe = shifted % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), march_month = (5 * doy + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;

    text = put(text, yoe + era * 400 + (month <= 2), 4, '-');
    text = put(text, month, 2, '-');
    text = put(text, doy - (153 * march_month + 2) / 5 + 1, 2, 'T');
    text = put(text, secs / 3600 % 24, 2, ':');
    text = put(text, secs / 60 % 60, 2, ':');
    text = put(text, secs % 60, 2, '.');
    text = put(text, ms % 1000, 3, 'Z');
    *text = '\0';
}
