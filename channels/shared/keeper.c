/* keeper.c - which answer belongs to which call. */
#include "config.h"

#include "channels/shared/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#define AGAIN_MS 1000

struct wait {
    UT_hash_handle hh;
    uint64_t job;
    struct keeper *keeper;
    keeper_fn *fn;
    void *arg;
};

struct walk {
    struct keeper *keeper;
    keeper_pair_fn *pair;
    keeper_end_fn *end;
    void *arg;
    char prefix[TD_KEEP_MAX_KEY + 1], after[TD_KEEP_MAX_KEY + 1];
    struct td_timer *timer;
    struct walk *next;
};

struct keeper {
    const struct td_host *host;
    struct td_instance *inst;
    const char *shared;
    struct wait *waits;
    struct walk *walks;
    uint64_t last;
};

struct keeper *keeper_new(const struct td_host *host, struct td_instance *inst, const char *shared,
                          uint64_t jobs)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);

    if (keeper != NULL)
        *keeper = (struct keeper){ .host = host, .inst = inst, .shared = shared,
                                   .last = jobs };
    return keeper;
}

static void walk_free(struct walk *walk)
{
    struct walk **at = &walk->keeper->walks;

    while (*at != walk)
        at = &(*at)->next;
    *at = walk->next;
    walk->keeper->host->timer_del(&walk->timer);
    free(walk);
}

void keeper_free(struct keeper **keeper_p)
{
    struct keeper *keeper = *keeper_p;
    struct wait *wait, *next;

    if (keeper == NULL)
        return;
    HASH_ITER(hh, keeper->waits, wait, next) {
        HASH_DEL(keeper->waits, wait);
        free(wait);
    }
    while (keeper->walks != NULL)
        walk_free(keeper->walks);
    free(keeper);
    *keeper_p = NULL;
}

static void ask(struct keeper *keeper, const struct td_keep *what, keeper_fn *fn, void *arg)
{
    struct wait *wait = calloc(1, sizeof *wait);
    struct td_keep keep = *what;

    if (wait == NULL)
        abort(); /* some hundred bytes: nothing can go on without them */
    *wait = (struct wait){ .job = ++keeper->last, .keeper = keeper, .fn = fn, .arg = arg };
    HASH_ADD(hh, keeper->waits, job, sizeof wait->job, wait);
    keep.shared = keeper->shared;
    keeper->host->keep(keeper->inst, wait->job, &keep);
}

void keeper_put(struct keeper *keeper, const char *key, const void *value, size_t len,
                int64_t until_ms, keeper_fn *fn, void *arg)
{
    ask(keeper, &(struct td_keep){ .size = sizeof(struct td_keep), .op = TD_KEEP_PUT, .key = key,
                                   .value = value, .len = len, .until_ms = until_ms }, fn, arg);
}

void keeper_del(struct keeper *keeper, const char *key, keeper_fn *fn, void *arg)
{
    ask(keeper, &(struct td_keep){ .size = sizeof(struct td_keep), .op = TD_KEEP_DEL, .key = key },
        fn, arg);
}

void keeper_get(struct keeper *keeper, const char *key, keeper_fn *fn, void *arg)
{
    ask(keeper, &(struct td_keep){ .size = sizeof(struct td_keep), .op = TD_KEEP_GET, .key = key },
        fn, arg);
}

/* ---- All of them -------------------------------------------------------------------------- */

static void on_page(void *arg, const struct td_kept *kept);

static void next_page(void *arg)
{
    struct walk *walk = arg;

    walk->timer = NULL;
    ask(walk->keeper, &(struct td_keep){ .size = sizeof(struct td_keep), .op = TD_KEEP_SCAN,
                                         .key = walk->prefix,
                                         .after = walk->after[0] != '\0' ? walk->after : NULL },
        on_page, walk);
}

static void on_page(void *arg, const struct td_kept *kept)
{
    struct walk *walk = arg;

    if (kept->status == TD_RETRY) {
        walk->timer = walk->keeper->host->timer_add(walk->keeper->inst, AGAIN_MS, next_page, walk);
        return;
    }
    for (size_t i = 0; i < kept->n_pairs; i++) {
        walk->pair(walk->arg, kept->pairs[i]);
        snprintf(walk->after, sizeof walk->after, "%s", kept->pairs[i]->key);
    }
    if (kept->more) {
        next_page(walk);
        return;
    }
    keeper_end_fn *end = walk->end;
    void *end_arg = walk->arg;

    walk_free(walk);
    end(end_arg, kept->status);
}

void keeper_each(struct keeper *keeper, const char *prefix, keeper_pair_fn *pair,
                 keeper_end_fn *end, void *arg)
{
    struct walk *walk = calloc(1, sizeof *walk);

    if (walk == NULL)
        abort();
    *walk = (struct walk){ .keeper = keeper, .pair = pair, .end = end, .arg = arg,
                           .next = keeper->walks };
    snprintf(walk->prefix, sizeof walk->prefix, "%s", prefix);
    keeper->walks = walk;
    next_page(walk);
}

void keeper_kept(struct keeper *keeper, uint64_t job, const struct td_kept *kept)
{
    struct wait *wait;
    struct wait was;

    HASH_FIND(hh, keeper->waits, &job, sizeof job, wait);
    if (wait == NULL)
        return;
    was = *wait;
    HASH_DEL(keeper->waits, wait);
    free(wait);
    if (was.fn != NULL)
        was.fn(was.arg, kept);
    else if (kept->status != TD_OK)
        keeper->host->log(keeper->inst, TD_WARN, "something could not be kept: %s", kept->detail);
}
