/* keep.c - what an instance keeps in the store: judged, handed on, answered once, never from inside. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json_write.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "gate/gate_private.h"
#include "io/loop.h"
#include "store/store.h"

#define MOST_KEEPS 10000 /* of an instance, not answered yet */
#define NO_ROOM_MS 5000     /* when the store may have room again */
#define MAX_SHARED 64

/* What others are told of a change in a shared table. */
struct news {
    char *shared, *key;
    void *value;
    size_t len;
    int64_t until;
};

struct keep {
    struct gate *gate;
    struct td_instance *inst;
    unsigned generation;
    uint64_t job;
    enum td_status status; /* of a refusal that waits for its turn */
    const char *detail;
    struct news *news; /* NULL: nobody else is told */
};

typedef void kept_fn(void *self, uint64_t job, const struct td_kept *kept);

/* NULL: it cannot be told. */
static kept_fn *kept_of(const struct td_instance *inst)
{
    const struct td_channel_ops *channel = inst->conf.plugin->ops;
    const struct td_agent_ops *agent = inst->conf.plugin->ops;
    const struct td_desk_ops *desk = inst->conf.plugin->ops;

    switch (inst->kind) {
    case TD_CHANNEL: return TD_HAS(channel, kept) ? channel->kept : NULL;
    case TD_AGENT: return TD_HAS(agent, kept) ? agent->kept : NULL;
    case TD_DESK: return TD_HAS(desk, kept) ? desk->kept : NULL;
    }
    return NULL;
}

/* Answers who asked, when they are still there. */
static void answer(struct keep *keep, const struct td_kept *kept)
{
    struct td_instance *inst = keep->inst;
    const int there = !keep->gate->dead && instance_is_open(inst) &&
                      inst->generation == keep->generation;
    const uint64_t job = keep->job;
    struct gate *gate = keep->gate;

    inst->n_keeps--;
    free(keep);
    if (there)
        kept_of(inst)(inst->self, job, kept);
    gate_unref(gate);
}

/* ---- Shared tables ------------------------------------------------------------------------ */

static void news_free(struct news *news)
{
    if (news == NULL)
        return;
    free(news->shared);
    free(news->key);
    free(news->value);
    free(news);
}

static struct news *news_new(const struct td_keep *what)
{
    const int is_put = what->op == TD_KEEP_PUT;
    struct news *news = mem_alloc(sizeof *news);

    *news = (struct news){ .shared = mem_strdup(what->shared), .key = mem_strdup(what->key),
                           .len = is_put ? what->len : 0, .until = is_put ? what->until_ms : 0 };
    news->value = mem_alloc(news->len + 1);
    memcpy(news->value, is_put ? what->value : "", news->len);
    ((char *)news->value)[news->len] = '\0';
    return news;
}

static void tell(struct gate *gate, const struct td_instance *but, const struct news *news)
{
    const struct td_pair pair = { .size = sizeof pair, .key = news->key, .value = news->value,
                                  .len = news->len, .until_ms = news->until };
    const struct td_pair *const pairs[] = { &pair };
    const struct td_kept kept = { .size = sizeof kept, .pairs = pairs, .n_pairs = 1 };

    for (struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        if (inst != but && inst->shared != NULL && strcmp(inst->shared, news->shared) == 0 &&
            instance_is_open(inst))
            kept_of(inst)(inst->self, 0, &kept);
    }
}

/* ---- Answers ------------------------------------------------------------------------------ */

static void on_refused(void *arg)
{
    const struct keep *keep = arg;

    answer(arg, &(struct td_kept){ .size = sizeof(struct td_kept), .status = keep->status,
                                   .detail = keep->detail, .retry_after_ms = NO_ROOM_MS });
}

static const struct td_pair *const *show(const struct store_pair *from, size_t n,
                                         struct arena *arena)
{
    const struct td_pair **pairs = arena_array(arena, n + 1, sizeof *pairs);

    for (size_t i = 0; i < n; i++) {
        struct td_pair *pair = arena_alloc(arena, sizeof *pair);

        *pair = (struct td_pair){ .size = sizeof *pair, .key = from[i].key,
                                  .value = from[i].value, .len = from[i].len,
                                  .until_ms = from[i].until };
        pairs[i] = pair;
    }
    return pairs;
}

static void on_kept(void *arg, enum store_status status, const struct store_pair *pairs, size_t n,
                    int more)
{
    struct keep *keep = arg;
    struct gate *gate = keep->gate;
    struct news *news = keep->news;
    const struct td_instance *inst = keep->inst;
    struct arena *arena = arena_new(0);
    struct td_kept kept = { .size = sizeof kept, .pairs = show(pairs, n, arena), .n_pairs = n,
                            .more = more };

    if (status == STORE_MANY) {
        kept.status = TD_REJECT;
        kept.detail = "the instance keeps 100000 pairs already, which is the most";
    } else if (status != STORE_OK && status != STORE_NONE) {
        kept.status = TD_RETRY;
        kept.detail = status == STORE_FULL ? "the store has no room" : "the store has failed";
        kept.retry_after_ms = NO_ROOM_MS;
    }
    gate_ref(gate);
    answer(keep, &kept);
    if (news != NULL && kept.status == TD_OK && !gate->dead)
        tell(gate, inst, news);
    news_free(news);
    gate_unref(gate);
    arena_free(&arena);
}

static const char *shared_of(const struct td_keep *keep)
{
    return TD_HAS(keep, shared) ? keep->shared : NULL;
}

static const char *shared_flaw(const struct td_instance *inst, const struct td_keep *keep)
{
    const char *shared = shared_of(keep);
    const size_t len = shared != NULL ? strnlen(shared, MAX_SHARED + 1) : 0;

    if (shared == NULL)
        return NULL;
    if (len == 0 || len > MAX_SHARED || !utf8_valid(shared, len))
        return "the name of the shared table is empty, longer than 64 bytes, or not UTF-8";
    if (inst->shared != NULL && strcmp(inst->shared, shared) != 0)
        return "the instance uses another shared table already";
    if (keep->op == TD_KEEP_PUT && keep->len == 0)
        return "a shared table has no empty values";
    return NULL;
}

/* Why it is not taken; NULL: it is. */
static const char *flaw(const struct td_instance *inst, const struct td_keep *keep)
{
    const size_t len = keep->key != NULL ? strnlen(keep->key, TD_KEEP_MAX_KEY + 1) : 0;

    if (len > TD_KEEP_MAX_KEY)
        return "the key is longer than 128 bytes";
    if (len == 0 && keep->op != TD_KEEP_SCAN)
        return "there is no key";
    if (len > 0 && !utf8_valid(keep->key, len))
        return "the key is not UTF-8";
    if (keep->op == TD_KEEP_PUT && keep->len > TD_KEEP_MAX_VALUE)
        return "the value is longer than 4096 bytes";
    return shared_flaw(inst, keep);
}

static void hand_on(struct td_instance *inst, const struct td_keep *what, struct keep *keep)
{
    static const enum store_keep_what ops[] = {
        [TD_KEEP_PUT] = STORE_PUT, [TD_KEEP_DEL] = STORE_DEL, [TD_KEEP_GET] = STORE_GET,
        [TD_KEEP_SCAN] = STORE_SCAN,
    };
    const int is_put = what->op == TD_KEEP_PUT, is_scan = what->op == TD_KEEP_SCAN;
    const char *shared = shared_of(what);
    char *space = shared != NULL ? mem_printf("shared/%s", shared)
                                 : mem_printf("%s/%s", instance_label(inst), inst->name);
    struct store_keep ask = {
        .what = ops[what->op], .space = space, .key = what->key != NULL ? what->key : "",
        .value = is_put ? what->value : NULL, .len = is_put ? what->len : 0,
        .until = is_put ? what->until_ms : 0, .after = is_scan ? what->after : NULL,
        .max = is_put ? TD_KEEP_MAX_PAIRS : TD_KEEP_MAX_SCAN, .now = clock_wall_ms(),
    };

    if (is_scan && what->max > 0 && what->max < ask.max)
        ask.max = what->max;
    if (shared != NULL && inst->shared == NULL)
        inst->shared = mem_strdup(shared);
    if (shared != NULL && (is_put || what->op == TD_KEEP_DEL))
        keep->news = news_new(what);
    store_keep(inst->gate->conf.store, &ask, on_kept, keep);
    free(space);
}

void keep_keep(struct td_instance *inst, uint64_t job, const struct td_keep *what)
{
    struct keep *keep;

    if (kept_of(inst) == NULL) {
        instance_misuse(inst, "keep() without a kept() in its ops");
        return;
    }
    if (what == NULL || !TD_HAS(what, max) || (unsigned)what->op > TD_KEEP_SCAN) {
        instance_misuse(inst, "keep() without something to do");
        return;
    }
    keep = mem_alloc(sizeof *keep);
    *keep = (struct keep){ .gate = inst->gate, .inst = inst, .generation = inst->generation,
                           .job = job };
    gate_ref(inst->gate);
    inst->n_keeps++;
    keep->status = TD_REJECT;
    if ((keep->detail = flaw(inst, what)) == NULL && inst->n_keeps > MOST_KEEPS) {
        keep->status = TD_RETRY;
        keep->detail = "more than 10000 things to keep are not answered yet";
    }
    if (keep->detail != NULL)
        loop_defer(inst->gate->conf.loop, on_refused, keep);
    else
        hand_on(inst, what, keep);
}

/* ---- For the operator --------------------------------------------------------------------- */

struct showing {
    struct gate *gate;
    gate_json_fn *fn;
    void *arg;
};

static void show_pair(struct td_json *j, const struct store_pair *pair)
{
    const int is_text = memchr(pair->value, '\0', pair->len) == NULL &&
                        utf8_valid(pair->value, pair->len);

    td_json_object(j);
    td_json_key_str(j, "key", pair->key);
    if (pair->until != 0)
        td_json_key_int(j, "until", pair->until);
    if (is_text)
        td_json_key_str(j, "value", pair->value);
    else
        td_json_key_int(j, "bytes", (int64_t)pair->len);
    td_json_object_end(j);
}

static void on_shown(void *arg, enum store_status status, const struct store_pair *pairs, size_t n,
                     int more)
{
    struct showing *showing = arg;
    struct gate *gate = showing->gate;
    const int is_good = status == STORE_OK || status == STORE_NONE;
    struct buf out = { 0 };

    (void)more; /* who asks goes on behind the last key */
    for (size_t i = 0; i < n; i++) {
        struct td_json j = { 0 };

        show_pair(&j, &pairs[i]);
        buf_printf(&out, "%s\n", td_json_text(&j));
        td_json_free(&j);
    }
    if (!is_good)
        buf_str(&out, "the store cannot be read now");
    if (!gate->dead)
        showing->fn(showing->arg, is_good ? 200 : 503, out.data != NULL ? out.data : "", out.len);
    buf_fini(&out);
    free(showing);
    gate_unref(gate);
}

void gate_kept(struct gate *gate, const char *channel, const char *prefix, const char *after,
               gate_json_fn *fn, void *arg)
{
    struct showing *showing = mem_alloc(sizeof *showing);
    char *space = channel[0] == '@' ? mem_printf("shared/%s", channel + 1)
                                    : mem_printf("channel/%s", channel);

    *showing = (struct showing){ gate, fn, arg };
    gate_ref(gate);
    store_keep(gate->conf.store,
               &(struct store_keep){ .what = STORE_SCAN, .space = space, .key = prefix,
                                     .after = after, .max = 1000, .now = clock_wall_ms() },
               on_shown, showing);
    free(space);
}
