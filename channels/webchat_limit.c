/* webchat_limit.c - token buckets by name. */
#include "config.h"

#include "channels/webchat_limit.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#define SWEEP_MIN 1024
#define WAIT_MAX 3600000

struct limit_bucket {
    UT_hash_handle hh;
    int64_t spent_us; /* how long it takes until it is full, as of at_ms */
    int64_t at_ms;
    char name[];
};

void limit_init(struct limit *limit, struct td_rate rate)
{
    *limit = (struct limit){ .rate = rate, .sweep_at = SWEEP_MIN };
}

void limit_fini(struct limit *limit)
{
    struct limit_bucket *b, *next;

    HASH_ITER(hh, limit->buckets, b, next) {
        HASH_DEL(limit->buckets, b);
        free(b);
    }
}

/* Brings it up to now; a wall clock that jumps back counts as standing still. */
static int64_t spent(struct limit_bucket *b, int64_t now_ms)
{
    int64_t passed_ms = now_ms > b->at_ms ? now_ms - b->at_ms : 0;

    b->spent_us = passed_ms < b->spent_us / 1000 + 1 ? b->spent_us - 1000 * passed_ms : 0;
    if (b->spent_us < 0)
        b->spent_us = 0;
    b->at_ms = now_ms;
    return b->spent_us;
}

static void sweep(struct limit *limit, int64_t now_ms)
{
    struct limit_bucket *b, *next;

    HASH_ITER(hh, limit->buckets, b, next) {
        if (spent(b, now_ms) == 0) {
            HASH_DEL(limit->buckets, b);
            free(b);
        }
    }
    unsigned n = 2 * HASH_COUNT(limit->buckets);

    limit->sweep_at = n < SWEEP_MIN ? SWEEP_MIN : n > LIMIT_MAX ? LIMIT_MAX : n;
}

static struct limit_bucket *bucket(struct limit *limit, const char *name, int64_t now_ms)
{
    size_t len = strlen(name);
    struct limit_bucket *b;

    HASH_FIND(hh, limit->buckets, name, len, b);
    if (b != NULL)
        return b;
    if (HASH_COUNT(limit->buckets) >= limit->sweep_at)
        sweep(limit, now_ms);
    if (HASH_COUNT(limit->buckets) >= LIMIT_MAX || (b = calloc(1, sizeof *b + len + 1)) == NULL)
        return NULL;
    memcpy(b->name, name, len);
    HASH_ADD_KEYPTR(hh, limit->buckets, b->name, len, b);
    return b;
}

uint32_t limit_take(struct limit *limit, const char *name, int64_t now_ms)
{
    int64_t whole_us = 1000 * limit->rate.per_ms;

    if (limit->rate.count <= 0)
        return 0;
    int64_t cost_us = whole_us / limit->rate.count;
    struct limit_bucket *b = bucket(limit, name, now_ms);
    int64_t over_us = b != NULL ? spent(b, now_ms) + cost_us - whole_us : cost_us;

    if (over_us > 0) {
        int64_t wait_ms = (over_us + 999) / 1000;

        return (uint32_t)(wait_ms < WAIT_MAX ? wait_ms : WAIT_MAX);
    }
    b->spent_us += cost_us;
    return 0;
}

unsigned limit_count(const struct limit *limit)
{
    return HASH_COUNT(limit->buckets);
}
