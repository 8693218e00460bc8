/*
 * keeper.h - host->keep() with a function for each answer.
 *
 * Layer: channels/shared. A keeper owns the numbers of all its keeps. Callbacks come
 * from keeper_kept(), which the plugin's kept() calls, never from inside a call.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <tandem/plugin.h>

struct keeper;

typedef void keeper_fn(void *arg, const struct td_kept *kept);

/* NULL: no memory. shared: the name of a shared table; NULL: what the instance keeps. Two keepers of
 * one instance count their jobs from places far apart: 0, and KEEPER_SECOND. */
#define KEEPER_SECOND (UINT64_C(1) << 62)
struct keeper *keeper_new(const struct td_host *host, struct td_instance *inst, const char *shared,
                          uint64_t jobs);
void keeper_free(struct keeper **keeper); /* what is not answered yet is forgotten */

/* fn NULL: nobody waits; a failure is logged. */
void keeper_put(struct keeper *keeper, const char *key, const void *value, size_t len,
                int64_t until_ms, keeper_fn *fn, void *arg);
void keeper_del(struct keeper *keeper, const char *key, keeper_fn *fn, void *arg);
void keeper_get(struct keeper *keeper, const char *key, keeper_fn *fn, void *arg);

/* All pairs whose keys begin with prefix, page by page: pair() for each, then end() once; status not
 * TD_OK: the rest could not be read. */
typedef void keeper_pair_fn(void *arg, const struct td_pair *pair);
typedef void keeper_end_fn(void *arg, enum td_status status);
void keeper_each(struct keeper *keeper, const char *prefix, keeper_pair_fn *pair,
                 keeper_end_fn *end, void *arg);

/* An answer that is another keeper's, or is none, is left alone. */
void keeper_kept(struct keeper *keeper, uint64_t job, const struct td_kept *kept);

#endif
