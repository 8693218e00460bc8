/* figures_list.c - the figures by their names. */
#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "measure/figures.h"

struct list {
    struct figure *out;
    size_t n;
};

static void put(struct list *list, const char *name, int known, double value)
{
    assert(list->n < FIGURES_MOST);
    list->out[list->n++] = (struct figure){ name, known, known ? value : 0 };
}

static void count(struct list *list, const char *name, size_t n)
{
    put(list, name, 1, (double)n);
}

static void ratio(struct list *list, const char *name, double part, size_t whole)
{
    put(list, name, whole > 0, whole > 0 ? part / (double)whole : 0);
}

static int cmp(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void rank(struct list *list, const char *name, struct dist *dist, size_t percent,
                 double unit)
{
    const size_t at = (dist->n * percent + 99) / 100;

    if (dist->n > 0)
        qsort(dist->values, dist->n, sizeof *dist->values, cmp);
    put(list, name, at > 0, at > 0 ? (double)dist->values[at - 1] / unit : 0);
}

static void ranks(struct list *list, const char *const names[3], struct dist *dist)
{
    static const size_t percents[3] = { 50, 90, 95 };

    for (int i = 0; i < 3; i++)
        rank(list, names[i], dist, percents[i], 1e3);
}

static void put_shares(struct list *list, const struct figures *f)
{
    const size_t *m = f->marks;

    count(list, "sessions", m[MARK_SEEN]);
    count(list, "escalated", f->escalated_seen);
    count(list, "answered", m[MARK_ANSWERED]);
    ratio(list, "escalation_rate", (double)f->escalated_seen, m[MARK_SEEN]);
    ratio(list, "containment", (double)m[MARK_CONTAINED], m[MARK_SEEN]);
    count(list, "verified_of", f->verified_of);
    ratio(list, "verified_containment", (double)m[MARK_VERIFIED], f->verified_of);
    count(list, "returned", m[MARK_RETURNED]);
    count(list, "escalations", f->escalations);
    count(list, "waiting", f->waiting);
    count(list, "abandoned", f->abandoned);
    ratio(list, "abandonment", (double)f->abandoned, f->escalations);
}

static void put_waits(struct list *list, struct figures *f)
{
    static const char *const response[] = { "response_p50_s", "response_p90_s", "response_p95_s" };
    static const char *const business[] = { "business_p50_s", "business_p90_s", "business_p95_s" };
    static const char *const queue[] = { "queue_p50_s", "queue_p90_s", "queue_p95_s" };

    count(list, "responses", f->response.n);
    ranks(list, response, &f->response);
    ranks(list, business, &f->business);
    count(list, "unanswered_15m_of", f->unanswered_of[0]);
    ratio(list, "unanswered_15m", (double)f->unanswered[0], f->unanswered_of[0]);
    count(list, "unanswered_1h_of", f->unanswered_of[1]);
    ratio(list, "unanswered_1h", (double)f->unanswered[1], f->unanswered_of[1]);
    count(list, "unanswered_24h_of", f->unanswered_of[2]);
    ratio(list, "unanswered_24h", (double)f->unanswered[2], f->unanswered_of[2]);
    count(list, "queue_served", f->queue.n);
    count(list, "queue_unserved", f->queue_unserved);
    ranks(list, queue, &f->queue);
}

static void put_repeats(struct list *list, const struct figures *f)
{
    const size_t *m = f->marks;

    count(list, "reexplain_of", f->heard);
    count(list, "reexplain_unknown", f->heard_unknown);
    count(list, "reexplain_identifier", m[MARK_IDENTIFIER]);
    count(list, "reexplain_words", m[MARK_WORDS]);
    count(list, "reexplain_told", m[MARK_TOLD]);
    count(list, "reexplain_asked", m[MARK_ASKED]);
    ratio(list, "re_explain_rate", (double)m[MARK_RE_EXPLAIN], f->heard);
    ratio(list, "re_ask_rate", (double)m[MARK_ASKED], f->heard);
    ratio(list, "resolved_without_repetition", (double)m[MARK_RESOLVED_CLEAN], f->clean_of);
}

static void put_timing(struct list *list, struct figures *f)
{
    const size_t needed = f->on_time + f->late + f->early + f->wrong_reason;
    const size_t missed = f->marks[MARK_MISSED];

    count(list, "on_time", f->on_time);
    count(list, "late", f->late);
    rank(list, "late_messages_p50", &f->late_messages, 50, 1);
    rank(list, "late_p50_s", &f->late_ms, 50, 1e3);
    count(list, "early", f->early);
    count(list, "wrong_reason", f->wrong_reason);
    count(list, "missed", missed);
    count(list, "needless", f->needless);
    ratio(list, "precision", (double)needed, needed + f->needless);
    ratio(list, "recall", (double)needed, needed + missed);
}

static void put_outcomes(struct list *list, struct figures *f)
{
    static const char *const handling[] = { "handling_p50_s", "handling_p90_s", "handling_p95_s" };
    static const char *const all[] = { "resolution_p50_s", "resolution_p90_s",
                                       "resolution_p95_s" };
    static const char *const human[] = { "human_resolution_p50_s", "human_resolution_p90_s",
                                         "human_resolution_p95_s" };

    count(list, "resolved", f->resolved);
    ratio(list, "clarify_per_resolved", (double)f->clarified_in_resolved, f->resolved);
    count(list, "agent_failures", f->failures);
    count(list, "unanswered_questions", f->questions);
    count(list, "misunderstood_answers", f->misunderstood);
    ratio(list, "misunderstood", (double)f->marks[MARK_MISUNDERSTOOD], f->marks[MARK_SEEN]);
    ratio(list, "drop_off", (double)f->marks[MARK_DROPPED], f->marks[MARK_SEEN]);
    count(list, "converted", f->marks[MARK_CONVERTED]);
    ratio(list, "conversion_contained", (double)f->converted_contained, f->marks[MARK_CONTAINED]);
    ratio(list, "conversion_human", (double)f->converted_human, f->marks[MARK_ANSWERED]);
    ratio(list, "resolution_contained", (double)f->contained_resolved, f->contained_known);
    ratio(list, "resolution_human", (double)f->human_resolved, f->human_known);
    count(list, "csat_contained_n", f->csat_contained.n);
    ratio(list, "csat_contained_mean", f->csat_contained.sum, f->csat_contained.n);
    ratio(list, "csat_contained", f->csat_contained.good, f->csat_contained.n);
    count(list, "csat_human_n", f->csat_human.n);
    ratio(list, "csat_human_mean", f->csat_human.sum, f->csat_human.n);
    ratio(list, "csat_human", f->csat_human.good, f->csat_human.n);
    ranks(list, handling, &f->handling);
    ranks(list, all, &f->resolution);
    ranks(list, human, &f->human_resolution);
    count(list, "promises_made", f->promises_made);
    count(list, "promises_kept", f->promises_kept);
    count(list, "promises_broken", f->promises_broken);
}

size_t figures_list(struct figures *f, struct figure out[FIGURES_MOST])
{
    struct list list = { out, 0 };

    put_shares(&list, f);
    put_waits(&list, f);
    put_repeats(&list, f);
    put_timing(&list, f);
    put_outcomes(&list, f);
    return list.n;
}
