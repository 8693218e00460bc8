/* sending.c - when a message may leave. */
#include "config.h"

#include "engine/sending.h"

#include <string.h>

#include "engine/hours.h"

static const struct hours *hours_of(const struct sending *sending, const char *peer)
{
    const struct hours *hours = sending->hours;
    size_t longest = 0;

    for (size_t i = 0; peer != NULL && i < sending->n_zones; i++) {
        const size_t len = strlen(sending->zones[i].prefix);

        if (len > longest && strncmp(peer, sending->zones[i].prefix, len) == 0) {
            longest = len;
            hours = sending->zones[i].hours;
        }
    }
    return hours;
}

int64_t sending_wait(const struct sending *sending, const char *peer, int64_t heard_ms,
                     int64_t now_ms)
{
    int64_t next;

    if (now_ms - heard_ms < sending->answer_ms)
        return 0;
    next = hours_next_open(hours_of(sending, peer), now_ms);
    return next == INT64_MAX ? INT64_MAX : next - now_ms;
}

int64_t sending_age(const struct sending *sending, const char *peer, int64_t at_ms, int64_t now_ms)
{
    return hours_between(hours_of(sending, peer), at_ms, now_ms);
}
