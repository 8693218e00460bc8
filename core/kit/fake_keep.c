/* fake_keep.c - what a plugin keeps with a fake host: as the store would, in memory. */
#include "config.h"

#include "kit/fake_host.h"

#include <stdio.h>
#include <string.h>

#include "kit/fake_host_private.h"

struct fake_pair {
    struct fake_pair *next; /* by key */
    struct td_pair pair;
    int deleted; /* memory of a fake goes with the fake */
};

void fake_host_keep(struct td_instance *inst, uint64_t job, const struct td_keep *keep)
{
    struct fake *f = fake_enter(inst, "keep");

    if (f == NULL)
        return;
    fake_job_add(f, &f->asked, job);
    fake_add(f, FAKE_KEEP, job)->keep = fake_keep_copy(&f->mem, keep);
}

void fake_host_report(struct td_instance *inst, const char *text)
{
    struct fake *f = fake_enter(inst, "report");

    if (f != NULL)
        f->report = fake_str(&f->mem, text);
}

void fake_host_notice(struct td_instance *inst, enum td_level level, const char *what,
                      const char *text)
{
    struct fake *f = fake_enter(inst, "notice");
    char both[1024];
    struct fake_call *call;

    if (f == NULL)
        return;
    snprintf(both, sizeof both, "%s %s", what, text);
    call = fake_add(f, FAKE_NOTICE, 0);
    call->level = level;
    call->text = fake_str(&f->mem, both);
}

static int is_there(const struct fake *f, const struct fake_pair *at)
{
    return !at->deleted && (at->pair.until_ms == 0 || at->pair.until_ms > f->now_ms);
}

static struct fake_pair *find(const struct fake *f, const char *key)
{
    struct fake_pair *at = f->pairs;

    while (at != NULL && strcmp(at->pair.key, key) != 0)
        at = at->next;
    return at;
}

static void put(struct fake *f, const struct td_keep *keep)
{
    struct fake_pair *at = find(f, keep->key), **place = &f->pairs;

    if (at == NULL) {
        at = fake_keep(&f->mem, NULL, sizeof *at);
        while (*place != NULL && strcmp((*place)->pair.key, keep->key) < 0)
            place = &(*place)->next;
        at->next = *place;
        *place = at;
    }
    at->deleted = 0;
    at->pair = (struct td_pair){ .size = sizeof at->pair, .key = fake_str(&f->mem, keep->key),
                                 .value = fake_keep(&f->mem, keep->value, keep->len),
                                 .len = keep->len, .until_ms = keep->until_ms };
}

static int is_wanted(const struct td_keep *keep, const struct td_pair *pair)
{
    if (keep->op == TD_KEEP_GET)
        return strcmp(pair->key, keep->key) == 0;
    return (keep->key == NULL || strncmp(pair->key, keep->key, strlen(keep->key)) == 0) &&
           (keep->after == NULL || strcmp(pair->key, keep->after) > 0);
}

static void look(struct fake *f, const struct td_keep *keep, struct td_kept *kept)
{
    const size_t max = keep->max > 0 && keep->max < TD_KEEP_MAX_SCAN ? keep->max : TD_KEEP_MAX_SCAN;
    const struct td_pair **pairs = fake_keep(&f->mem, NULL, max * sizeof *pairs);

    kept->pairs = pairs;
    for (const struct fake_pair *at = f->pairs; at != NULL && !kept->more; at = at->next) {
        if (!is_there(f, at) || !is_wanted(keep, &at->pair))
            continue;
        if (kept->n_pairs == max)
            kept->more = 1;
        else
            pairs[kept->n_pairs++] = &at->pair;
    }
}

const struct td_kept *fake_keep_run(struct fake *f, const struct td_keep *keep)
{
    struct td_kept *kept = fake_keep(&f->mem, NULL, sizeof *kept);
    const size_t len = keep->key != NULL ? strlen(keep->key) : 0;

    kept->size = sizeof *kept;
    if (len > TD_KEEP_MAX_KEY || keep->len > TD_KEEP_MAX_VALUE ||
        (len == 0 && keep->op != TD_KEEP_SCAN)) {
        kept->status = TD_REJECT;
        kept->detail = "the key or the value is not within its limits";
    } else if (keep->op == TD_KEEP_PUT) {
        put(f, keep);
    } else if (keep->op == TD_KEEP_DEL && find(f, keep->key) != NULL) {
        find(f, keep->key)->deleted = 1;
    } else if (keep->op != TD_KEEP_DEL) {
        look(f, keep, kept);
    }
    return kept;
}

void fake_kept(struct fake *f, uint64_t job, const struct td_kept *kept)
{
    const void *ops = f->plugin->ops;

    if (!fake_job_end(f->asked, job, JOB_ANSWERED))
        fake_broken(f, "the test answers a keep that is not open");
    fake_before(f, "kept");
    if (f->plugin->kind == TD_CHANNEL)
        ((const struct td_channel_ops *)ops)->kept(f->self, job, kept);
    else if (f->plugin->kind == TD_AGENT)
        ((const struct td_agent_ops *)ops)->kept(f->self, job, kept);
    else
        ((const struct td_desk_ops *)ops)->kept(f->self, job, kept);
    fake_after(f, "kept");
}

void fake_keeps(struct fake *f)
{
    const struct fake_call *call;

    while ((call = fake_next(f, FAKE_KEEP)) != NULL)
        fake_kept(f, call->id, fake_keep_run(f, call->keep));
}
