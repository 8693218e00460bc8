/* attempt.c - handoffs as the durable records tell them: one at a time, one outcome, and what the
 * customer must have heard. */
#include "config.h"

#include <string.h>

#include "engine/texts.h"
#include "tests/sim/world.h"

static const char one_outcome[] = "every handoff ends in exactly one outcome";
static const char one_message[] = "one message to the customer for each state of a handoff";
static const char one_voice[] = "only the owner speaks";

#define MUST(condition_, invariant_, ...)       \
    do {                                        \
        if (!(condition_))                      \
            broken(w, invariant_, __VA_ARGS__); \
    } while (0)
#define TOLD(state_) (UINT64_C(1) << (state_))
#define BACK (TOLD(TEXT_RETURNED) | TOLD(TEXT_AI_BACK))
#define FINAL                                                                              \
    (BACK | TOLD(TEXT_NOBODY) | TOLD(TEXT_OUT_OF_HOURS) | TOLD(TEXT_CALLBACK) | TOLD(TEXT_CONTACT) | \
     TOLD(TEXT_MAILBOX) | TOLD(TEXT_LEFT_QUEUE) | TOLD(TEXT_CLOSED_BY_HUMAN))

static void begun(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(!m->now.active, one_outcome, "person %d: a handoff begins in another", p->number);
    MUST(ulid_cmp(&f->handoff, &m->now.id) != 0 && !ulid_is_zero(&f->handoff), one_outcome,
         "person %d: a handoff's id comes again", p->number);
    MUST(m->phase == SESSION_OPEN && !m->running, one_outcome,
         "person %d: a handoff of a closed session or over a turn", p->number);
    m->now = (struct attempt){ .active = 1, .state = HANDOFF_CHECKING, .quiet = f->quiet,
                               .id = f->handoff, .from_seq = f->seq };
    m->begun++;
    w->handoffs++;
}

static void moved(struct world *w, struct person *p, const struct fact *f)
{
    struct attempt *a = &p->model.now;

    MUST(a->active && ulid_cmp(&a->id, &f->handoff) == 0, one_outcome,
         "person %d: a handoff moves that is over", p->number);
    MUST(a->state != HANDOFF_LIVE, "a human is not put back into the line", "person %d",
         p->number);
    a->state = f->state;
    if (f->state == HANDOFF_LIVE) {
        memcpy(a->human, f->name, sizeof a->human);
        w->accepted++;
    }
}

static void ended(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(m->now.active && ulid_cmp(&m->now.id, &f->handoff) == 0, one_outcome,
         "person %d: a handoff ends that is over", p->number);
    MUST(f->outcome > 0 && f->outcome < HANDOFF_OUTCOMES, one_outcome, "person %d: outcome %d",
         p->number, f->outcome);
    m->now.active = 0;
    m->now.outcome = f->outcome;
    m->before = m->now;
    m->ended_now = 1;
    m->ended++;
}

static void owner(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST((f->owner == TD_OWNER_HUMAN) == (m->now.active && m->now.state == HANDOFF_LIVE),
         "a human owns what a handoff gave", "person %d: owner %d", p->number, f->owner);
    m->owner = f->owner;
}

void attempt_durable(struct world *w, struct person *p, const struct fact *f)
{
    switch ((int)f->type) {
    case RECORD_HANDOFF: begun(w, p, f); break;
    case RECORD_HANDOFF_STATE: moved(w, p, f); break;
    case RECORD_HANDOFF_END: ended(w, p, f); break;
    case RECORD_OWNER: owner(w, p, f); break;
    case RECORD_TURN:
        MUST(p->model.owner == TD_OWNER_AGENT, one_voice, "person %d: an agent is asked under %d",
             p->number, p->model.owner);
        break;
    default: break;
    }
}

void attempt_reply(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;
    struct attempt *of = m->now.active ? &m->now : &m->before;

    if (f->author == TD_AI)
        MUST(m->owner == TD_OWNER_AGENT, one_voice, "person %d: an agent under owner %d",
             p->number, m->owner);
    if (f->author == TD_HUMAN)
        MUST(m->owner == TD_OWNER_HUMAN && ulid_cmp(&f->handoff, &m->now.id) == 0, one_voice,
             "person %d: a human under owner %d", p->number, m->owner);
    if (f->text == 0 || ulid_is_zero(&f->handoff))
        return;
    if (ulid_cmp(&of->id, &f->handoff) != 0)
        of = &m->before;
    MUST(ulid_cmp(&of->id, &f->handoff) == 0, one_message, "person %d: of another handoff",
         p->number);
    MUST((of->told & TOLD(f->text - 1)) == 0, one_message, "person %d: '%s' twice", p->number,
         text_state_name((enum text_state)(f->text - 1)));
    of->told |= TOLD(f->text - 1);
}

/* What each outcome owes the customer; 0: nothing of its own. */
static uint64_t owed(const struct attempt *a)
{
    switch (a->outcome) {
    case HANDOFF_RETURNED: return BACK;
    case HANDOFF_CLOSED: return TOLD(TEXT_CLOSED_BY_HUMAN);
    case HANDOFF_LEFT: return a->state == HANDOFF_LIVE ? BACK : TOLD(TEXT_LEFT_QUEUE);
    case HANDOFF_DECLINED:
    case HANDOFF_TIMEOUT:
    case HANDOFF_NOBODY: return TOLD(TEXT_NOBODY);
    case HANDOFF_OUT_OF_HOURS: return TOLD(TEXT_OUT_OF_HOURS);
    case HANDOFF_CALLBACK: return TOLD(TEXT_CALLBACK) | TOLD(TEXT_CONTACT);
    case HANDOFF_MAILBOX: return TOLD(TEXT_MAILBOX);
    default: return 0;
    }
}

void attempt_batch(struct world *w, struct person *p)
{
    struct model *m = &p->model;
    const struct attempt *a = &m->before;

    if (m->now.active && !m->now.quiet && m->now.state == HANDOFF_QUEUED)
        MUST(m->now.told & TOLD(TEXT_QUEUED), one_message, "person %d: 'queued' never", p->number);
    if (m->now.active && m->now.state == HANDOFF_LIVE && strcmp(m->now.human, "native") != 0)
        MUST(m->now.told & TOLD(TEXT_LIVE), one_message, "person %d: 'live' never", p->number);
    if (m->phase == SESSION_OPEN && m->owner == TD_OWNER_HUMAN)
        MUST(m->now.active && m->now.state == HANDOFF_LIVE, "one owner, a new epoch for each",
             "person %d: a human without a handoff", p->number);
    if (!m->ended_now)
        return;
    m->ended_now = 0;
    if (a->quiet && a->state != HANDOFF_LIVE) {
        MUST((a->told & FINAL) == 0, one_message, "person %d: of a quiet offer", p->number);
        return;
    }
    MUST(owed(a) == 0 || (a->told & owed(a)) != 0, one_message,
         "person %d: outcome '%s' without a word", p->number, handoff_outcome_name(a->outcome));
    MUST(((a->told & FINAL) & ((a->told & FINAL) - 1)) == 0, one_message,
         "person %d: outcome '%s' in two ways", p->number, handoff_outcome_name(a->outcome));
    if (a->outcome == HANDOFF_REQUEUED)
        MUST(m->now.told & TOLD(TEXT_REQUEUED) || m->before.told & TOLD(TEXT_REQUEUED),
             one_message, "person %d: 'requeued' never", p->number);
}

void attempt_end(struct world *w, struct person *p)
{
    const struct model *m = &p->model;

    MUST(!m->now.active && m->begun == m->ended, one_outcome,
         "person %d: %u began, %u ended", p->number, m->begun, m->ended);
    /* The last channel is not in every policy: then there is no agent to give a session to. */
    MUST(m->phase != SESSION_OPEN || m->owner == TD_OWNER_AGENT ||
             (m->owner == TD_OWNER_NONE && p->channel == MAX_CHANNELS - 1),
         "no session is without an owner",
         "person %d: owner %d", p->number, m->owner);
}
