/*
 * sms_rate.h - never more than so many in any second; less for a while when the other side groans.
 *
 * Layer: channels/shared. Pure. Times are ms of one clock that may be set back.
 */
#ifndef SMS_RATE_H
#define SMS_RATE_H

#include <stddef.h>
#include <stdint.h>

#define RATE_MAX 100000
#define RATE_SECOND 1000

struct rate {
    unsigned most, now; /* in any second: as set, and as it is after throttling */
    unsigned in_ms[RATE_SECOND]; /* so many went in each ms of the last second, a ring */
    unsigned in_second;          /* all of them */
    int64_t newest;              /* the last of these ms */
    int64_t paused_until, slowed;
};

void rate_init(struct rate *rate, unsigned most);
/* 0: one may go now, and is counted; else how many ms to wait before asking again. */
int64_t rate_take(struct rate *rate, int64_t now);
/* The other side asked for less: half of it from now on, and nothing for a second. It grows back,
 * doubling after each ten seconds without. 1: the rate is another now; 0: it had complained already. */
int rate_throttled(struct rate *rate, int64_t now);
void rate_pause(struct rate *rate, int64_t until);

#endif
