/* compact.c - drops what is older than the retention. */
#include "config.h"

#include "daemon/compact.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "store/store.h"

#define PAUSE_MS (10 * 60 * 1000) /* when nothing is left to do */
#define SLICE_MS 200              /* between slices, so that customers' work comes first */
#define QUIET 8                   /* batches that may wait while a slice begins */

struct compact {
    struct loop *loop;
    struct store *store;
    struct loop_timer *timer;
    int64_t retention_ms;
};

static void slice(void *arg);

static void sliced(void *arg, enum store_status status)
{
    struct compact *compact = arg;

    compact->timer = loop_timer_add(compact->loop, status == STORE_NONE ? SLICE_MS : PAUSE_MS,
                                    slice, compact);
}

static void slice(void *arg)
{
    struct compact *compact = arg;
    struct store_stats stats;

    compact->timer = NULL;
    store_stats(compact->store, &stats);
    if (stats.queue_depth > QUIET) {
        compact->timer = loop_timer_add(compact->loop, SLICE_MS, slice, compact);
        return;
    }
    store_compact(compact->store, clock_wall_ms() - compact->retention_ms, sliced, compact);
}

struct compact *compact_new(struct loop *loop, struct store *store, int64_t retention_ms)
{
    struct compact *compact = mem_alloc(sizeof *compact);

    *compact = (struct compact){ .loop = loop, .store = store, .retention_ms = retention_ms };
    compact->timer = loop_timer_add(loop, PAUSE_MS / 10, slice, compact);
    return compact;
}

void compact_set(struct compact *compact, int64_t retention_ms)
{
    compact->retention_ms = retention_ms;
}

void compact_free(struct compact **compact)
{
    if (!*compact)
        return;
    loop_timer_del(&(*compact)->timer);
    free(*compact);
    *compact = NULL;
}
