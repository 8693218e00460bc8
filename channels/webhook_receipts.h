/*
 * webhook_receipts.h - which of our messages a provider's id means, and how far that one is.
 *
 * Layer: channels/webhook. Pure, bounded: over `max` the oldest is forgotten. A receipt may come
 * before the answer that says whose it is: it is parked under its id until then.
 */
#ifndef WEBHOOK_RECEIPTS_H
#define WEBHOOK_RECEIPTS_H

#include <tandem/plugin.h>

#define RECEIPT_SESSION 33 /* a ULID, NUL and room */

struct receipt {
    char session[RECEIPT_SESSION]; /* "": parked, nobody's yet */
    uint64_t seq;
    enum td_delivery status;
};

struct receipts {
    struct receipt_entry *entries; /* by the provider's id, oldest first */
    size_t n, max;
};

/* The provider calls the message so. 1: a parked receipt waits for it, *receipt_r is it; 0: none
 * (also when memory ran out, or the id is too long to be kept). */
int receipts_sent(struct receipts *receipts, const char *id, const char *session, uint64_t seq,
                  struct receipt *receipt_r);

/* A receipt came. 1: it moves its message forward, *receipt_r is it; 0: parked, or not news. */
int receipts_came(struct receipts *receipts, const char *id, enum td_delivery status,
                  struct receipt *receipt_r);

/* Is it known whose it is? */
int receipts_knows(const struct receipts *receipts, const char *id);

void receipts_fini(struct receipts *receipts);

#endif
