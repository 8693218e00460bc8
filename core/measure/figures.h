/*
 * figures.h - the figures of many conversations; each formula stands in tandem-handoff(7).
 *
 * Layer: measure, pure. Ratios without a denominator, and quantiles of nothing, are not known.
 * Quantiles are by nearest rank: of n values in order the one at ceil(p * n).
 */
#ifndef MEASURE_FIGURES_H
#define MEASURE_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#include "measure/measure.h"

struct policy;

/* What a session can be counted for: what stands behind a figure. */
enum mark {
    MARK_SEEN, MARK_ESCALATED, MARK_CONTAINED, MARK_VERIFIED, MARK_RETURNED, MARK_ANSWERED,
    MARK_WAITING, MARK_ABANDONED, MARK_UNANSWERED_15M, MARK_UNANSWERED_1H, MARK_UNANSWERED_24H,
    MARK_IDENTIFIER, MARK_WORDS, MARK_TOLD, MARK_ASKED, /* as enum repeat_sign */
    MARK_RE_EXPLAIN, MARK_RESOLVED, MARK_RESOLVED_CLEAN, MARK_ON_TIME, MARK_LATE, MARK_EARLY,
    MARK_WRONG_REASON, MARK_MISSED, MARK_NEEDLESS, MARK_AGENT_FAILED, MARK_UNANSWERED_QUESTION,
    MARK_RATED_LOW, MARK_PROMISE_MADE, MARK_PROMISE_KEPT, MARK_PROMISE_BROKEN,
    MARK_MISUNDERSTOOD, MARK_DROPPED, MARK_CONVERTED,
    MARKS
};
const char *mark_name(enum mark mark); /* "escalated", "unanswered_15m", .. */

/* What the records of the session alone do not say. */
struct figures_view {
    int64_t now;                 /* wall ms */
    int64_t next_at;             /* the same customer's next session began; 0: none did */
    const struct policy *policy; /* for the hours of its queues */
    unsigned escalations;        /* which of them count, a bit each */
};
#define FIGURES_ALL_ESCALATIONS (~0u)

struct dist { /* ms, or a count */
    int64_t *values;
    size_t n, cap;
};

struct figures {
    size_t sessions; /* all that were added */
    size_t marks[MARKS];
    size_t escalated_seen, verified_of, heard, heard_unknown, escalations, queue_unserved;
    size_t unanswered_of[3], clean_of;
    size_t on_time, late, early, wrong_reason, needless; /* escalations */
    size_t waiting, abandoned, unanswered[3];            /* likewise */
    size_t misunderstood, converted_contained, converted_human;
    size_t failures, questions, resolved, clarified_in_resolved;
    size_t contained_known, contained_resolved, human_known, human_resolved;
    struct measure_csat csat_contained, csat_human;
    size_t promises_made, promises_kept, promises_broken;
    struct dist response, business, queue, late_ms, late_messages, handling, resolution,
        human_resolution;
};

uint64_t figures_marks(const struct measure *measure, const struct figures_view *view);
void figures_add(struct figures *figures, const struct measure *measure,
                 const struct figures_view *view);
void figures_fini(struct figures *figures);

struct figure {
    const char *name;
    int known;
    double value; /* names in _s: seconds; in _rate and the like: 0 to 1; else a count */
};
#define FIGURES_MOST 96
/* Sorts the values; how many there are. The same names in the same order, whatever is known. */
size_t figures_list(struct figures *figures, struct figure out[FIGURES_MOST]);

#endif
