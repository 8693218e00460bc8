/* clock.c - the time, and the time as text. */
#include "config.h"

#include "base/clock.h"

#include <tandem/time.h>
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

void clock_format(int64_t wall_ms, char text[CLOCK_TEXT])
{
    td_time_format(wall_ms, text);
}
