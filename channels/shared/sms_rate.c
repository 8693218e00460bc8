/* sms_rate.c - a window of one second over the last times. */
#include "config.h"

#include "channels/shared/sms_rate.h"

#include <string.h>

#define SECOND 1000
#define RECOVER_MS 10000

void rate_init(struct rate *rate, unsigned most)
{
    *rate = (struct rate){ .most = most, .now = most, .paused_until = INT64_MIN / 2,
                            .slowed = INT64_MIN / 2 };
    for (size_t i = 0; i < RATE_MAX; i++)
        rate->times[i] = INT64_MIN / 2;
}

int64_t rate_take(struct rate *rate, int64_t now)
{
    const size_t oldest = (rate->at + RATE_MAX - rate->now) % RATE_MAX;

    if (rate->paused_until > now + RECOVER_MS || rate->times[rate->at == 0 ? RATE_MAX - 1
                                                                           : rate->at - 1] > now)
        rate_init(rate, rate->most); /* the clock was set back */
    if (rate->now < rate->most && now - rate->slowed >= RECOVER_MS) {
        rate->now = rate->now * 2 < rate->most ? rate->now * 2 : rate->most;
        rate->slowed = now;
    }
    if (rate->paused_until > now)
        return rate->paused_until - now;
    if (now - rate->times[oldest] < SECOND)
        return rate->times[oldest] + SECOND - now;
    rate->times[rate->at] = now;
    rate->at = (rate->at + 1) % RATE_MAX;
    return 0;
}

void rate_pause(struct rate *rate, int64_t until)
{
    if (until > rate->paused_until)
        rate->paused_until = until;
}

int rate_throttled(struct rate *rate, int64_t now)
{
    const int is_first = rate->paused_until <= now; /* what was in flight complains together */

    if (is_first) {
        rate->now = rate->now > 1 ? rate->now / 2 : 1;
        rate->slowed = now;
    }
    rate_pause(rate, now + SECOND);
    return is_first;
}
