/*
 * compact.h - drops what is older than the retention, in slices, while the store is quiet.
 *
 * Layer: daemon. Loop thread only.
 */
#ifndef DAEMON_COMPACT_H
#define DAEMON_COMPACT_H

#include <stdint.h>

struct compact;
struct loop;
struct store;

struct compact *compact_new(struct loop *loop, struct store *store, int64_t retention_ms);
void compact_set(struct compact *compact, int64_t retention_ms);
void compact_free(struct compact **compact); /* after store_close(): a slice may be under way */

#endif
