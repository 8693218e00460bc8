/*
 * webchat_limit.h - token buckets by name: so many per session, so many per address.
 *
 * A bucket exists only while it is not full, so an idle customer costs nothing; full ones are swept
 * when the map has doubled. At LIMIT_MAX buckets, newcomers are refused until some have filled.
 */
#ifndef WEBCHAT_LIMIT_H
#define WEBCHAT_LIMIT_H

#include <tandem/plugin.h>

#define LIMIT_MAX 200000

struct limit_bucket;

struct limit {
    struct td_rate rate; /* count 0: no limit */
    struct limit_bucket *buckets;
    unsigned sweep_at;
};

void limit_init(struct limit *limit, struct td_rate rate);
void limit_fini(struct limit *limit);
/* Takes one. 0, or the milliseconds until there is one again. */
uint32_t limit_take(struct limit *limit, const char *name, int64_t now_ms);
unsigned limit_count(const struct limit *limit); /* buckets that are kept */

#endif
