/* figures.c - what one session adds to the figures. */
#include "config.h"

#include "measure/figures.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/hours.h"
#include "engine/policy.h"
#include "engine/record.h"
#include "measure/repeat.h"

#define DAY_MS INT64_C(86400000)

static const int64_t patience[3] = { 15 * INT64_C(60000), 60 * INT64_C(60000), DAY_MS };

static const char *const names[MARKS] = {
    [MARK_SEEN] = "seen",
    [MARK_ESCALATED] = "escalated",
    [MARK_CONTAINED] = "contained",
    [MARK_VERIFIED] = "verified",
    [MARK_RETURNED] = "returned",
    [MARK_ANSWERED] = "answered",
    [MARK_WAITING] = "waiting",
    [MARK_ABANDONED] = "abandoned",
    [MARK_UNANSWERED_15M] = "unanswered_15m",
    [MARK_UNANSWERED_1H] = "unanswered_1h",
    [MARK_UNANSWERED_24H] = "unanswered_24h",
    [MARK_IDENTIFIER] = "reexplain_identifier",
    [MARK_WORDS] = "reexplain_words",
    [MARK_TOLD] = "reexplain_told",
    [MARK_ASKED] = "reexplain_asked",
    [MARK_RE_EXPLAIN] = "reexplain",
    [MARK_RESOLVED] = "resolved",
    [MARK_RESOLVED_CLEAN] = "resolved_without_repetition",
    [MARK_ON_TIME] = "on_time",
    [MARK_LATE] = "late",
    [MARK_EARLY] = "early",
    [MARK_WRONG_REASON] = "wrong_reason",
    [MARK_MISSED] = "missed",
    [MARK_NEEDLESS] = "needless",
    [MARK_AGENT_FAILED] = "agent_failed",
    [MARK_UNANSWERED_QUESTION] = "unanswered_question",
    [MARK_RATED_LOW] = "rated_low",
    [MARK_PROMISE_MADE] = "promise_made",
    [MARK_PROMISE_KEPT] = "promise_kept",
    [MARK_PROMISE_BROKEN] = "promise_broken",
    [MARK_MISUNDERSTOOD] = "misunderstood",
    [MARK_DROPPED] = "dropped",
    [MARK_CONVERTED] = "converted",
};

const char *mark_name(enum mark mark)
{
    return names[mark];
}

static uint64_t bit(enum mark mark, int is)
{
    return is ? UINT64_C(1) << mark : 0;
}

static void add(struct dist *dist, int64_t value)
{
    if (dist->n == dist->cap) {
        dist->cap = dist->cap == 0 ? 64 : dist->cap * 2;
        dist->values = mem_grow(dist->values, dist->cap * sizeof *dist->values);
    }
    dist->values[dist->n++] = value < 0 ? 0 : value;
}

/* ---- One escalation ----------------------------------------------------------------------- */

/* The human's word first; without one, whether a rule had held for some messages already. */
static enum mark audit(const struct measure_escalation *e)
{
    const int wrong = e->should_be != NULL &&
                      (e->code == NULL || strcmp(e->should_be, e->code) != 0);

    switch (e->judged) {
    case JUDGED_NEEDLESS: return MARK_NEEDLESS;
    case JUDGED_EARLY: return MARK_EARLY;
    case JUDGED_LATE: return MARK_LATE;
    case JUDGED_RIGHT: return wrong ? MARK_WRONG_REASON : MARK_ON_TIME;
    case JUDGED_NOT: break;
    }
    return wrong               ? MARK_WRONG_REASON
           : e->should_at == 0 ? MARKS
           : e->late_messages  ? MARK_LATE
                               : MARK_ON_TIME;
}

static int is_waiting(const struct measure_escalation *e)
{
    return e->answered_at == 0 && e->outcome == 0;
}

/* The customer went before a human spoke. */
static int is_abandoned(const struct measure_escalation *e)
{
    return e->answered_at == 0 && (e->outcome == HANDOFF_LEFT || e->outcome == HANDOFF_CLOSED);
}

/* 1: no human had spoken by then, 0: one had, -1: it is too early to tell. */
static int is_unanswered(const struct measure_escalation *e, int64_t after_ms, int64_t now)
{
    if (e->at + after_ms > now)
        return -1;
    return e->answered_at == 0 || e->answered_at - e->at > after_ms;
}

static int counts(const struct figures_view *view, size_t i)
{
    return (view->escalations >> i & 1) != 0;
}

static uint64_t marks_of_escalation(const struct measure_escalation *e, int64_t now)
{
    const enum mark timing = audit(e);
    uint64_t marks = bit(MARK_ESCALATED, 1) | bit(MARK_ANSWERED, e->answered_at != 0) |
                     bit(MARK_WAITING, is_waiting(e)) | bit(MARK_ABANDONED, is_abandoned(e));

    for (int i = 0; i < 3; i++)
        marks |= bit(MARK_UNANSWERED_15M + i, is_unanswered(e, patience[i], now) == 1);
    return marks | (timing < MARKS ? bit(timing, 1) : 0);
}

/* ---- One session -------------------------------------------------------------------------- */

static int64_t end_of(const struct measure *m)
{
    return m->closed_at != 0 ? m->closed_at : m->active_at;
}

static int has_returned(const struct measure *m, int64_t next_at)
{
    const int64_t until = end_of(m) + DAY_MS;

    return (m->returned_at != 0 && m->returned_at <= until) || (next_at != 0 && next_at <= until);
}

/* The customer went while an agent waited to be told something. */
static int is_dropped(const struct measure *m)
{
    for (size_t i = 0; i < m->n_slots; i++)
        if (m->slots[i].asked == ASKED_DROPPED)
            return 1;
    return 0;
}

/* Of who was heard after a human had spoken. */
static uint64_t marks_of_repeats(const struct measure *m)
{
    uint64_t marks = 0;

    if (m->heard == 0 || (m->repeats & REPEAT_UNKNOWN) != 0)
        return 0;
    for (unsigned i = 0; i < REPEAT_SIGNS; i++)
        marks |= bit(MARK_IDENTIFIER + i, (m->repeats >> i & 1) != 0);
    return marks | bit(MARK_RE_EXPLAIN, (m->repeats & (REPEAT_IDENTIFIER | REPEAT_WORDS |
                                                       REPEAT_TOLD)) != 0);
}

uint64_t figures_marks(const struct measure *m, const struct figures_view *view)
{
    const int resolved = measure_resolved(m) == RESOLVED_YES;
    uint64_t marks = bit(MARK_SEEN, m->seen) | bit(MARK_AGENT_FAILED, m->failures > 0) |
                     bit(MARK_UNANSWERED_QUESTION, m->n_questions > 0) |
                     bit(MARK_RATED_LOW, m->low > 0) | bit(MARK_RESOLVED, resolved) |
                     bit(MARK_PROMISE_MADE, m->promises_made > 0) |
                     bit(MARK_PROMISE_KEPT, m->promises_kept > 0) |
                     bit(MARK_PROMISE_BROKEN, m->promises_broken > 0) |
                     bit(MARK_MISSED, m->should_at != 0) |
                     bit(MARK_MISUNDERSTOOD, m->misunderstood > 0) |
                     bit(MARK_DROPPED, is_dropped(m)) | bit(MARK_CONVERTED, m->converted);

    for (size_t i = 0; i < m->n_escalations; i++)
        if (counts(view, i))
            marks |= marks_of_escalation(&m->escalations[i], view->now);
    if (m->n_escalations == 0 && m->seen) {
        const int old = end_of(m) + DAY_MS <= view->now, again = has_returned(m, view->next_at);

        marks |= bit(MARK_CONTAINED, 1) | bit(MARK_RETURNED, again) |
                 bit(MARK_VERIFIED, old && !again);
    }
    if ((marks & bit(MARK_ANSWERED, 1)) != 0) {
        marks |= marks_of_repeats(m);
        marks |= bit(MARK_RESOLVED_CLEAN,
                     resolved && (m->repeats & ~(unsigned)REPEAT_UNKNOWN) == 0 &&
                         ((m->repeats & REPEAT_UNKNOWN) == 0 || m->heard == 0));
    }
    return marks;
}

static void add_csat(struct measure_csat *to, const struct measure_csat *from)
{
    to->n += from->n;
    to->sum += from->sum;
    to->good += from->good;
}

static void add_timing(struct figures *f, const struct measure_escalation *e)
{
    const enum mark timing = audit(e);

    f->on_time += timing == MARK_ON_TIME;
    f->early += timing == MARK_EARLY;
    f->wrong_reason += timing == MARK_WRONG_REASON;
    f->needless += timing == MARK_NEEDLESS;
    if (timing != MARK_LATE)
        return;
    f->late++;
    if (e->should_at == 0)
        return;
    add(&f->late_ms, e->at - e->should_at);
    add(&f->late_messages, e->late_messages);
}

static void add_escalation(struct figures *f, const struct measure_escalation *e,
                           const struct figures_view *view)
{
    const struct policy_queue *queue = policy_queue(view->policy, e->queue);

    f->escalations++;
    f->waiting += is_waiting(e);
    f->abandoned += is_abandoned(e);
    for (int i = 0; i < 3; i++) {
        const int unanswered = is_unanswered(e, patience[i], view->now);

        f->unanswered_of[i] += unanswered >= 0;
        f->unanswered[i] += unanswered == 1;
    }
    if (e->answered_at != 0) {
        add(&f->response, e->answered_at - e->at);
        add(&f->business, hours_between(queue != NULL ? queue->hours : NULL, e->at,
                                        e->answered_at));
    }
    for (size_t i = 0; i < e->n_stays; i++) {
        if (e->stays[i].served)
            add(&f->queue, e->stays[i].to - e->stays[i].from);
        f->queue_unserved += e->stays[i].to != 0 && !e->stays[i].served;
    }
    if (e->stretches > 0)
        add(&f->handling, e->handled_ms);
    if (e->resolved == RESOLVED_YES && e->ended_at != 0)
        add(&f->human_resolution, e->ended_at - e->at);
    add_timing(f, e);
}

static void add_resolution(struct figures *f, const struct measure *m, uint64_t marks)
{
    const enum measure_resolved resolved = measure_resolved(m);
    const int known = resolved != RESOLVED_UNKNOWN, yes = resolved == RESOLVED_YES;

    if (yes) {
        f->resolved++;
        f->clarified_in_resolved += m->clarified;
        if (m->first_message_at != 0 && m->resolved_at != 0)
            add(&f->resolution, m->resolved_at - m->first_message_at);
    }
    if ((marks & bit(MARK_CONTAINED, 1)) != 0) {
        f->contained_known += (size_t)known;
        f->contained_resolved += (size_t)yes;
        add_csat(&f->csat_contained, &m->csat[SIDE_AGENT]);
    }
    if ((marks & bit(MARK_ANSWERED, 1)) != 0) {
        f->human_known += (size_t)known;
        f->human_resolved += (size_t)yes;
        f->clean_of += m->heard == 0 || (m->repeats & REPEAT_UNKNOWN) == 0;
    }
    if ((marks & bit(MARK_ESCALATED, 1)) != 0)
        add_csat(&f->csat_human, &m->csat[SIDE_HUMAN]);
}

void figures_add(struct figures *f, const struct measure *m, const struct figures_view *view)
{
    const uint64_t marks = figures_marks(m, view);

    f->sessions++;
    for (int i = 0; i < MARKS; i++)
        f->marks[i] += marks >> i & 1;
    f->escalated_seen += m->seen && (marks & bit(MARK_ESCALATED, 1)) != 0;
    f->verified_of += (marks & bit(MARK_CONTAINED, 1)) != 0 && end_of(m) + DAY_MS <= view->now;
    if ((marks & bit(MARK_ANSWERED, 1)) != 0 && m->heard > 0) {
        f->heard += (m->repeats & REPEAT_UNKNOWN) == 0;
        f->heard_unknown += (m->repeats & REPEAT_UNKNOWN) != 0;
    }
    for (size_t i = 0; i < m->n_escalations; i++)
        if (counts(view, i))
            add_escalation(f, &m->escalations[i], view);
    f->failures += m->failures;
    f->misunderstood += m->misunderstood;
    f->converted_contained += m->converted && (marks & bit(MARK_CONTAINED, 1)) != 0;
    f->converted_human += m->converted && (marks & bit(MARK_ANSWERED, 1)) != 0;
    f->questions += m->n_questions + m->more_questions;
    f->promises_made += m->promises_made;
    f->promises_kept += m->promises_kept;
    f->promises_broken += m->promises_broken;
    add_resolution(f, m, marks);
}

void figures_fini(struct figures *f)
{
    struct dist *const all[] = { &f->response, &f->business, &f->queue, &f->late_ms,
                                 &f->late_messages, &f->handling, &f->resolution,
                                 &f->human_resolution };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]->values);
    *f = (struct figures){ .sessions = 0 };
}
