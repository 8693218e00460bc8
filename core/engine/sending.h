/*
 * sending.h - may a message to a customer leave now: quiet hours.
 *
 * Layer: engine, pure. Asked when a message is about to leave, not when it is decided: what stands in
 * the way is the hour at the customer's then.
 */
#ifndef ENGINE_SENDING_H
#define ENGINE_SENDING_H

#include <stddef.h>
#include <stdint.h>

struct hours;

struct sending_zone {
    const char *prefix;         /* of the customers' addresses, such as "+1212" */
    const struct hours *hours;
};

struct sending {
    const struct hours *hours;  /* when messages may be sent; NULL: always */
    const struct sending_zone *zones; /* for those with this prefix instead; the longest counts */
    size_t n_zones;
    int64_t answer_ms; /* so long after the customer's last word an answer is never too late */
};

/* How long to wait before it may leave to peer, who was last heard at heard_ms; 0: not at all.
 * INT64_MAX: no such hour in sight. */
int64_t sending_wait(const struct sending *sending, const char *peer, int64_t heard_ms,
                     int64_t now_ms);

/* How long since at_ms a message to peer might have left, as far as hours go. */
int64_t sending_age(const struct sending *sending, const char *peer, int64_t at_ms, int64_t now_ms);

#endif
