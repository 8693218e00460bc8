/* check.c - what must hold after every step. */
#include "config.h"

#include <string.h>

#include "engine/texts.h"
#include "tests/same.h"
#include "tests/sim/world.h"

static const char one_turn[] = "at most one turn runs, and it ends once";
static const char fence[] = "no output of a stale turn, attempt or epoch has an effect";
static const char effects_match[] = "effects say what the records say";
static const char bounded[] = "everything is bounded";
static const char state_is_fold[] = "the state is the fold of the journal";

#define MUST(condition_, invariant_, ...)          \
    do {                                           \
        if (!(condition_))                         \
            broken(w, invariant_, __VA_ARGS__);    \
    } while (0)

/* ---- A step, before it is written -------------------------------------------------------- */

static int is_current(const struct person *p, const struct event *ev)
{
    const struct model *m = &p->model;

    return m->running && !m->retrying && ulid_cmp(&m->turn, &ev->turn) == 0 &&
           m->attempt == ev->attempt && m->epoch == ev->epoch;
}

static void check_fence(struct world *w, struct person *p, const struct event *ev,
                        const struct step *step)
{
    int current = is_current(p, ev), moved = 0;

    for (size_t i = 0; i < step->n_records; i++)
        moved += step->records[i].type != RECORD_STALE;
    MUST(current || moved == 0, fence, "person %d: an answer to attempt %d led to %d records",
         p->number, (int)ev->attempt, moved);
    MUST(!current || moved > 0, "an answer in time is taken",
         "person %d: attempt %d was dropped", p->number, (int)ev->attempt);
    if (current && step->records[0].type == RECORD_TURN_END &&
        step->records[0].outcome == TURN_ANSWERED)
        MUST(ev->answer->status == TD_OK, "only a good answer answers", "person %d", p->number);
}

static int visible(const struct effect *effect)
{
    return effect->type == EFFECT_SEND ||
           (effect->type == EFFECT_EVENT &&
            (effect->event == TD_EV_OWNER || effect->event == TD_EV_CLOSED ||
             effect->event == TD_EV_PROMISE));
}

/* That it is delivered, or read, is told of what the customer said, and never again. */
static void check_receipts(struct world *w, struct person *p, const struct step *step)
{
    const struct session_receipt *was = &p->state.receipt;
    uint64_t newest = p->model.newest;

    for (size_t i = 0; i < step->n_records; i++)
        if (step->records[i].type == RECORD_MESSAGE)
            newest = step->records[i].seq;
    for (size_t i = 0; i < step->n_effects; i++) {
        const struct effect *e = &step->effects[i];
        if (e->type == EFFECT_EVENT && e->event == TD_EV_RECEIPT)
            MUST(e->of <= newest && e->of > (e->status == TD_READ ? was->read : was->given),
                 "a receipt only moves forward", "person %d: %d is %d, newest %d", p->number,
                 (int)e->of, (int)e->status, (int)newest);
    }
}

/* What the customer gets to see goes out, in order, and nothing else does. */
static void check_effects(struct world *w, struct person *p, const struct step *step)
{
    const struct effect *ask = NULL;
    size_t at = 0;
    uint64_t asked = 0;

    for (size_t i = 0; i < step->n_records; i++) {
        const struct record *r = &step->records[i];
        int opened = r->type == RECORD_OWNER && r->cause != NULL && strcmp(r->cause, "opened") == 0;
        if (r->type == RECORD_TURN || r->type == RECORD_ASKED)
            asked = r->seq;
        if (r->type != RECORD_REPLY && r->type != RECORD_CLOSED && r->type != RECORD_PROMISE &&
            (r->type != RECORD_OWNER || opened))
            continue;
        if (r->type == RECORD_REPLY && r->status != TD_QUEUED)
            continue; /* the customer has it */
        enum effect_type type = r->type == RECORD_REPLY ? EFFECT_SEND : EFFECT_EVENT;
        while (at < step->n_effects && !visible(&step->effects[at]))
            at++;
        MUST(at < step->n_effects && step->effects[at].of == r->seq &&
                 step->effects[at].type == type,
             effects_match, "person %d: record %d (%s) has no effect in its place", p->number,
             (int)r->seq, record_type_name(r->type));
        at++;
    }
    for (size_t i = 0; i < step->n_effects; i++)
        if (step->effects[i].type == EFFECT_ASK) {
            MUST(ask == NULL, one_turn, "person %d: one step asks twice", p->number);
            ask = &step->effects[i];
        }
    MUST((ask != NULL) == (asked != 0), effects_match, "person %d: a question without a record",
         p->number);
    if (ask != NULL)
        MUST(ulid_cmp(&ask->turn, &step->records[asked - step->records[0].seq].turn) == 0,
             effects_match, "person %d: asks about another turn", p->number);
}

/* A turn that fails for good is followed by the truth; one that does not, by the next agent. */
static void check_truth(struct world *w, struct person *p, const struct step *step)
{
    const struct record *failed = NULL;
    int text = 0, next = 0;

    for (size_t i = 0; i < step->n_records; i++) {
        const struct record *r = &step->records[i];
        if (r->type == RECORD_TURN_END && r->outcome == TURN_FAILED)
            failed = r;
        text += failed != NULL && r->type == RECORD_REPLY && r->author == TD_SYSTEM;
        next += failed != NULL && (r->type == RECORD_TURN || r->type == RECORD_HANDOFF);
    }
    if (failed == NULL)
        return;
    MUST(failed->upto <= p->model.covered || text > 0 ||
             p->model.covered == p->model.newest,
         "a question is answered, or the customer is told that nobody can",
         "person %d: messages up to %d went without a word", p->number, (int)failed->upto);
    MUST(failed->upto > 0 || next > 0 || p->model.by_start,
         "a failed turn has a next agent or a text", "person %d", p->number);
}

/* What is withheld, claimed, asked too often, or said after a handoff does not reach a customer. */
static void check_rules(struct world *w, struct person *p, const struct step *step)
{
    static const char unheard[] = "what a customer must not get does not leave";
    const struct record *ended = NULL, *handoff = NULL, *rule = NULL;

    for (size_t i = 0; i < step->n_records; i++) {
        const struct record *r = &step->records[i];
        if (r->type == RECORD_TURN_END)
            ended = r;
        if (r->type == RECORD_RULE && (r->outcome == RULE_HANDOFF || r->outcome == RULE_OFFERED))
            rule = r;
        if (r->type == RECORD_HANDOFF)
            handoff = r;
        if (rule != NULL && ((rule->outcome == RULE_HANDOFF && r->type == RECORD_HANDOFF) ||
                             (r->type == RECORD_REPLY && r->said == TEXT_OFFER + 1)))
            rule = NULL;
        if (r->type != RECORD_REPLY || r->author != TD_AI)
            continue;
        MUST(handoff == NULL, unheard, "person %d: an agent after a handoff", p->number);
        MUST(ended != NULL && ended->outcome == TURN_ANSWERED, unheard,
             "person %d: a withheld answer", p->number);
        MUST(r->body.text == NULL || w->policy->phrases_asked == 0 ||
                 strstr(r->body.text, "It is done") == NULL,
             unheard, "person %d: a claim without a receipt", p->number);
        MUST(ended->decision != TD_CLARIFY || p->model.clarifies < w->policy->clarify_max, unheard,
             "person %d: clarifying question %u of %u", p->number, p->model.clarifies + 1,
             w->policy->clarify_max);
    }
    MUST(rule == NULL, "a rule that decides is followed by what it decides", "person %d: %s",
         p->number, rule != NULL ? rule->name : "");
}

static void check_redecided(struct world *w, struct person *p, const struct event *ev,
                            const struct step *step)
{
    struct step again = { .arena = w->scratch };
    struct buf one = { 0 }, two = { 0 };

    arena_reset(w->scratch);
    planted_decide(&p->state, ev, w->policy, &again);
    for (size_t i = 0; i < step->n_records; i++) {
        record_encode(&step->records[i], &one);
        record_encode_body(&step->records[i].body, &one);
    }
    for (size_t i = 0; i < again.n_records; i++) {
        record_encode(&again.records[i], &two);
        record_encode_body(&again.records[i].body, &two);
    }
    int same = one.len == two.len && (one.len == 0 || memcmp(one.data, two.data, one.len) == 0);
    buf_fini(&one);
    buf_fini(&two);
    MUST(same && again.verdict == step->verdict && again.n_effects == step->n_effects,
         "the same event in the same state gives the same records", "person %d", p->number);
}

void check_step(struct world *w, struct person *p, const struct event *ev, const struct step *step)
{
    size_t unsent = ENGINE_MAX_WAITING +
                    (ev->type == EVENT_RESUME ? ENGINE_MAX_UNSENT + MOST_MESSAGES : 0);

    for (size_t i = 0; i < step->n_records; i++)
        MUST(step->records[i].seq == p->state.seq + 1 + i && step->records[i].at == w->now,
             "one sequence a session", "person %d: record %d is numbered %d", p->number,
             (int)(p->state.seq + 1 + i), (int)step->records[i].seq);
    MUST(step->n_records <= MOST_RECORDS && step->n_effects <= MOST_RECORDS + unsent, bounded,
         "person %d: a step of %zu records and %zu effects", p->number, step->n_records,
         step->n_effects);
    if (ev->type == EVENT_CONTROL)
        desks_check(w, p, ev, step);
    else if (step->verdict == VERDICT_MARK || step->verdict == VERDICT_OK)
        MUST(step->n_records + step->n_effects > 0, effects_match, "person %d: an empty step",
             p->number);
    else
        MUST(step->n_records + step->n_effects == 0 && step->reason != NULL, effects_match,
             "person %d: a refusal with records or without a reason", p->number);
    if (step->verdict == VERDICT_BUSY)
        MUST(p->model.n_waiting >= w->policy->max_pending ||
                 session_unsent(&p->state) >= ENGINE_MAX_UNSENT ||
                 session_unrelayed(&p->state) >= ENGINE_MAX_WAITING,
             "a customer is held back only when much waits", "person %d", p->number);
    if (ev->type == EVENT_ANSWER && p->state.phase != SESSION_NEW)
        check_fence(w, p, ev, step);
    if (ev->type != EVENT_RESUME)
        check_effects(w, p, step);
    check_receipts(w, p, step);
    check_truth(w, p, step);
    check_rules(w, p, step);
    if (w->steps % 16 == 0)
        check_redecided(w, p, ev, step);
}

/* ---- After apply -------------------------------------------------------------------------- */

void check_state(struct world *w, struct person *p)
{
    const struct session *s = &p->state;
    const struct model *m = &p->model;

    MUST(s->seq == m->seq + p->n_marks, state_is_fold, "person %d: seq %d, durable %d, marks %zu",
         p->number, (int)s->seq, (int)m->seq, p->n_marks);
    MUST(s->phase == m->phase && s->epoch == m->epoch, state_is_fold,
         "person %d: phase %d, epoch %d", p->number, (int)s->phase, (int)s->epoch);
    MUST(s->turn.active == m->running, state_is_fold, "person %d: turn active %d", p->number,
         s->turn.active);
    if (m->running)
        MUST(ulid_cmp(&s->turn.id, &m->turn) == 0 && s->turn.attempt == m->attempt &&
                 (s->turn.retry_at != 0) == m->retrying && s->turn.upto == m->upto,
             state_is_fold, "person %d: another turn than the journal's", p->number);
    MUST(s->answered == m->covered && session_pending(s, NULL) == m->n_waiting, state_is_fold,
         "person %d: answered up to %d with %zu waiting, journal says %d with %zu", p->number,
         (int)s->answered, session_pending(s, NULL), (int)m->covered, m->n_waiting);
    MUST(s->n_messages <= MOST_MESSAGES, bounded, "person %d: %zu messages in memory", p->number,
         s->n_messages);
    MUST((s->owner == TD_OWNER_HUMAN) == (s->handoff.state == HANDOFF_LIVE), state_is_fold,
         "person %d: owner %d in state %d", p->number, (int)s->owner, (int)s->handoff.state);
    MUST(session_handed(s) == m->now.active, state_is_fold, "person %d: a handoff in state %d",
         p->number, (int)s->handoff.state);
    MUST((s->offer != NULL) == m->offered, state_is_fold, "person %d: the offer of a human",
         p->number);
    if (s->handoff.state == HANDOFF_CHECKING)
        MUST(engine_due(s, w->policy) != INT64_MAX, "nobody is checked on for ever", "person %d",
             p->number);
    if (s->phase == SESSION_OPEN &&
        (m->running || (m->n_waiting > 0 && !session_held(s) && s->offer == NULL)))
        MUST(engine_due(s, w->policy) != INT64_MAX, "what waits has a time when it is looked at",
             "person %d", p->number);
}

void check_question(struct world *w, struct person *p, const struct td_turn *turn)
{
    const struct model *m = &p->model;
    size_t n = 0;

    for (size_t i = 0; i < m->n_waiting; i++) {
        if (m->waiting[i] > m->upto)
            continue;
        MUST(n < turn->n_messages && turn->messages[n]->seq == m->waiting[i] &&
                 turn->messages[n]->text != NULL && turn->messages[n]->text[0] == 'c',
             "an agent is asked about exactly what waits", "person %d: message %d", p->number,
             (int)m->waiting[i]);
        n++;
    }
    MUST(n == turn->n_messages, "an agent is asked about exactly what waits",
         "person %d: %zu messages, %zu wait", p->number, turn->n_messages, n);
    MUST(turn->epoch == m->epoch && turn->attempt == m->attempt && turn->deadline_ms > 0,
         "an agent is asked about exactly what waits", "person %d: epoch or attempt", p->number);
    for (size_t i = 1; i < turn->n_history; i++)
        MUST(turn->history[i]->seq > turn->history[i - 1]->seq, "history is in order", "person %d",
             p->number);
}

void check_acked(struct world *w, struct person *p)
{
    for (size_t i = 0; i < p->n_said; i++) {
        const struct said *said = &p->said[i];
        if (!said->acked)
            continue;
        MUST(said->seq != 0, "what was acknowledged survives", "person %d: message %zu is gone",
             p->number, i);
        if (said->session == p->serial)
            MUST(said->seq <= p->disk.n && p->disk.facts[said->seq - 1].said == (int)i,
                 "what was acknowledged survives", "person %d: message %zu is not at %d",
                 p->number, i, (int)said->seq);
    }
}

void check_bytes(struct world *w, struct person *p)
{
    if (p->disk.n == 0)
        return;
    session_fini(&w->whole);
    session_fini(&w->tail);
    disk_load(w, p, 0, &w->whole);
    disk_load(w, p, 1, &w->tail);
    MUST(session_same(&w->whole, &w->tail),
         "snapshot and tail give the same state as the whole journal", "person %d", p->number);
    if (p->n_marks == 0 && !p->in_flight)
        MUST(session_same(&w->whole, &p->state), "the state in memory is the state on disk",
             "person %d", p->number);
}

void check_end(struct world *w, struct person *p)
{
    const struct model *m = &p->model;

    MUST(m->n_waiting == 0 && !m->running, "every accepted message is answered in the end",
         "person %d: %zu wait, first %d", p->number, m->n_waiting, (int)m->waiting[0]);
    if (p->channel >= 2) {
        MUST(session_unsent(&p->state) == 0, "every reply leaves in the end", "person %d: %zu wait",
             p->number, session_unsent(&p->state));
    } else if (p->state.phase != SESSION_NEW) {
        MUST(p->n_shown == m->n_visible, "every reply leaves in the end",
             "person %d: saw %zu of %zu", p->number, p->n_shown, m->n_visible);
    }
    for (size_t i = 0; i < p->n_said; i++)
        MUST(p->said[i].acked || p->said[i].rejected || i + 40 < p->n_said,
             "every message is accepted in the end", "person %d: message %zu", p->number, i);
    MUST(p->state.bridge_by == NULL, "who is out of reach is told in the end, or it is said that not",
         "person %d", p->number);
    attempt_end(w, p);
    check_acked(w, p);
}
