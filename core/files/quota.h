/*
 * quota.h - how many files, and how many bytes, somebody may hand in within a time.
 *
 * Layer: files. Counted in memory, in windows that begin with somebody's first file; who has been
 * quiet for a window costs nothing. A restart begins anew.
 */
#ifndef FILES_QUOTA_H
#define FILES_QUOTA_H

#include <stddef.h>
#include <stdint.h>

struct quota_limits {
    int64_t count, bytes; /* 0: no limit */
    int64_t window_ms;
};

struct quota;

struct quota *quota_new(void);
void quota_free(struct quota **quota);

/* Takes one file of `bytes` from what `who` may still hand in. 0, or the milliseconds until this
 * may be tried again; nothing is taken then. */
int64_t quota_take(struct quota *quota, const struct quota_limits *limits, const char *who,
                   size_t bytes, int64_t now_ms);
/* It came to nothing and does not count. */
void quota_give_back(struct quota *quota, const char *who, size_t bytes);

#endif
