/* sms_rate.c - a window of one second, by its milliseconds. */
#include "config.h"

#include "channels/shared/sms_rate.h"

#define RECOVER_MS 10000

void rate_init(struct rate *rate, unsigned most)
{
    *rate = (struct rate){ .most = most, .now = most, .newest = INT64_MIN / 2,
                           .paused_until = INT64_MIN / 2, .slowed = INT64_MIN / 2 };
}

static unsigned *in_ms(struct rate *rate, int64_t at)
{
    return &rate->in_ms[(uint64_t)at % RATE_SECOND];
}

/* What went a second ago or earlier is forgotten. */
static void go_on(struct rate *rate, int64_t now)
{
    if (now - rate->newest > RATE_SECOND)
        rate->newest = now - RATE_SECOND;
    for (; rate->newest < now; rate->newest++) {
        unsigned *n = in_ms(rate, rate->newest + 1);

        rate->in_second -= *n;
        *n = 0;
    }
}

int64_t rate_take(struct rate *rate, int64_t now)
{
    int64_t wait = 1;

    if (rate->paused_until > now + RECOVER_MS || rate->newest > now)
        rate_init(rate, rate->most); /* the clock was set back */
    if (rate->now < rate->most && now - rate->slowed >= RECOVER_MS) {
        rate->now = rate->now * 2 < rate->most ? rate->now * 2 : rate->most;
        rate->slowed = now;
    }
    if (rate->paused_until > now)
        return rate->paused_until - now;
    go_on(rate, now);
    if (rate->in_second < rate->now) {
        ++*in_ms(rate, now);
        rate->in_second++;
        return 0;
    }
    while (wait < RATE_SECOND && *in_ms(rate, now + wait) == 0)
        wait++;
    return wait;
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
    rate_pause(rate, now + RATE_SECOND);
    return is_first;
}
