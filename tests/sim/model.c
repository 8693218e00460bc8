/* model.c - a session as its durable records tell it, and the rules each record must keep. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

static const char one_turn[] = "at most one turn runs, and it ends once";
static const char one_owner[] = "one owner, a new epoch for each";
static const char covered_once[] = "each message is dealt with once";

#define MUST(condition_, invariant_, ...)       \
    do {                                        \
        if (!(condition_))                      \
            broken(w, invariant_, __VA_ARGS__); \
    } while (0)

void model_init(struct model *m)
{
    uint64_t *visible = m->visible;
    uint8_t *status = m->status;
    uint32_t *heard = m->heard;
    size_t cap_visible = m->cap_visible, cap_status = m->cap_status;

    *m = (struct model){ .visible = visible, .cap_visible = cap_visible, .status = status,
                         .heard = heard, .cap_status = cap_status };
}

void model_fini(struct model *m)
{
    free(m->visible);
    free(m->status);
    free(m->heard);
}

static void grow(struct model *m, uint64_t seq)
{
    if (m->n_visible == m->cap_visible) {
        m->cap_visible = m->cap_visible > 0 ? m->cap_visible * 2 : 64;
        m->visible = mem_grow(m->visible, m->cap_visible * sizeof *m->visible);
    }
    if (seq >= m->cap_status) {
        m->cap_status = seq < 128 ? 256 : seq * 2;
        m->status = mem_grow(m->status, m->cap_status);
        m->heard = mem_grow(m->heard, m->cap_status * sizeof *m->heard);
    }
    m->status[seq] = STATUS_NONE;
    m->heard[seq] = 0;
}

static void cover(struct model *m, uint64_t upto)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n_waiting; i++)
        if (m->waiting[i] > upto)
            m->waiting[kept++] = m->waiting[i];
    m->n_waiting = kept;
    if (upto > m->covered)
        m->covered = upto;
}

static void message(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(m->phase == SESSION_OPEN, "nobody speaks in a closed session", "record %d", (int)f->seq);
    MUST(f->said >= 0 && (size_t)f->said < p->n_said, "a message is somebody's", "record %d",
         (int)f->seq);
    MUST(p->said[f->said].seq == 0, "one inbound message is in the journal once",
         "person %d: message %d at %d and %d", p->number, f->said, (int)p->said[f->said].seq,
         (int)f->seq);
    p->said[f->said].seq = f->seq;
    p->said[f->said].session = p->serial;
    MUST(m->n_waiting < (m->now.active ? ENGINE_MAX_WAITING : MAX_PENDING) || m->offered,
         "everything is bounded", "person %d: %zu messages wait", p->number, m->n_waiting + 1);
    m->waiting[m->n_waiting++] = m->newest = f->seq;
    cover(m, f->upto); /* a word to leave is no question */
}

static void turn(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(!m->running, one_turn, "person %d: a turn starts while another runs", p->number);
    MUST(m->phase == SESSION_OPEN && f->epoch == m->epoch && f->attempt == 1, one_turn,
         "person %d: a turn of epoch %d", p->number, (int)f->epoch);
    MUST(ulid_cmp(&f->turn, &m->turn) != 0, one_turn, "person %d: a turn's id comes again",
         p->number);
    if (f->by_start == 2 && m->n_waiting == 0)
        MUST(m->owner == TD_OWNER_AGENT, one_owner, "person %d: nobody's turn", p->number);
    else if (f->by_start == 1)
        MUST(m->n_waiting == 0, covered_once, "person %d: a greeting while messages wait",
             p->number);
    else
        MUST(m->n_waiting > 0 && f->upto == m->newest && f->upto > m->covered, covered_once,
             "person %d: a turn about %d, dealt with up to %d", p->number, (int)f->upto,
             (int)m->covered);
    MUST(f->deadline > f->at, one_turn, "person %d: a turn without time", p->number);
    m->running = 1;
    m->retrying = 0;
    m->by_start = f->by_start != 0 && m->n_waiting == 0;
    m->turn = f->turn;
    m->upto = f->upto;
    m->attempt = 1;
    m->deadline = f->deadline;
}

static void turn_end(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    if (ulid_is_zero(&f->turn)) {
        MUST(!m->running && f->outcome == TURN_FAILED, one_turn, "person %d: a nameless end",
             p->number);
    } else {
        MUST(m->running && ulid_cmp(&m->turn, &f->turn) == 0, one_turn,
             "person %d: a turn ends that does not run", p->number);
        MUST(f->upto <= m->upto, covered_once, "person %d: more is answered than was asked",
             p->number);
        MUST(f->outcome != TURN_ANSWERED || f->upto == m->upto, covered_once,
             "person %d: an answer to less than was asked", p->number);
        MUST(f->outcome != TURN_INTERRUPTED || f->upto == 0, covered_once,
             "person %d: an interrupted turn answers", p->number);
    }
    if (f->outcome == TURN_ANSWERED)
        m->clarifies = f->decision == TD_CLARIFY ? m->clarifies + 1 : 0;
    m->running = 0;
    m->just_ended = f->turn;
    m->just_outcome = f->outcome;
    cover(m, f->upto);
}

/* What a human answers, a desk was shown: with the package, or since. */
static void human_covers(struct world *w, struct person *p, uint64_t upto)
{
    struct model *m = &p->model;

    for (size_t i = 0; i < m->n_waiting; i++)
        if (m->waiting[i] <= upto && m->waiting[i] > m->now.from_seq)
            MUST(m->heard[m->waiting[i]] != 0, "every message reaches the owner",
                 "person %d: message %d was answered unseen", p->number, (int)m->waiting[i]);
    cover(m, upto);
}

void model_heard(struct world *w, struct person *p, const struct effect *relay)
{
    struct model *m = &p->model;

    MUST(relay->of <= m->seq && relay->of > 0, "nothing leaves before it is durable",
         "person %d: message %d to a desk", p->number, (int)relay->of);
    MUST(m->heard[relay->of] != p->generation,
         "a desk gets each message once", "person %d: message %d", p->number, (int)relay->of);
    m->heard[relay->of] = p->generation;
}

static void reply(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    if (f->author == TD_AI)
        MUST(m->just_outcome == TURN_ANSWERED && ulid_cmp(&f->turn, &m->just_ended) == 0,
             "an agent speaks once, when its turn ends", "person %d: record %d", p->number,
             (int)f->seq);
    else
        MUST((f->author == TD_SYSTEM || f->author == TD_HUMAN) && ulid_is_zero(&f->turn),
             "only agents, humans and the system speak", "person %d: record %d", p->number,
             (int)f->seq);
    attempt_reply(w, p, f);
    m->status[f->seq] = (uint8_t)f->status;
    if (f->status != TD_QUEUED) { /* the customer has it, and whoever wrote it has seen the rest */
        MUST(f->author == TD_HUMAN, "only agents, humans and the system speak",
             "person %d: record %d", p->number, (int)f->seq);
        cover(m, f->upto);
        return;
    }
    if (f->author == TD_HUMAN)
        human_covers(w, p, f->upto);
    m->visible[m->n_visible++] = f->seq;
}

/* queued < sent < delivered < read; failed and read are final; uncertain is no more than sent. */
static int forward(int from, int to)
{
    static const int rank[] = { [TD_QUEUED] = 0, [TD_SENT] = 2, [TD_UNCERTAIN] = 1,
                                [TD_DELIVERED] = 3, [TD_READ] = 4 };

    if (from == TD_READ || from == TD_FAILED)
        return 0;
    if (to == TD_FAILED)
        return from != TD_DELIVERED;
    return rank[to] > rank[from];
}

static void delivery(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(f->of < f->seq && m->status[f->of] != STATUS_NONE, "a delivery is of a reply",
         "person %d: record %d of %d", p->number, (int)f->seq, (int)f->of);
    MUST(f->status >= 0 && f->status <= TD_FAILED && forward(m->status[f->of], f->status),
         "a delivery only moves forward", "person %d: reply %d from %d to %d", p->number,
         (int)f->of, m->status[f->of], f->status);
    m->status[f->of] = (uint8_t)f->status;
}

static void human_read(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(m->now.active && m->now.state == HANDOFF_LIVE &&
             ulid_cmp(&m->now.id, &f->handoff) == 0,
         "only who has the session acts in it", "person %d: record %d", p->number, (int)f->seq);
    MUST(f->of > m->heard_upto && f->of < f->seq, "a reading mark only moves forward",
         "person %d: %d after %d", p->number, (int)f->of, (int)m->heard_upto);
    m->heard_upto = f->of;
}

static void read(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    if (f->author == TD_HUMAN) {
        human_read(w, p, f);
        return;
    }
    MUST(f->of > m->read_upto && f->of < f->seq, "a reading mark only moves forward",
         "person %d: %d after %d", p->number, (int)f->of, (int)m->read_upto);
    m->read_upto = f->of;
    for (size_t i = 0; i < m->n_visible && m->visible[i] <= f->of; i++)
        if (m->status[m->visible[i]] < TD_READ)
            m->status[m->visible[i]] = TD_READ;
}

static void closed(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(m->phase == SESSION_OPEN && !m->running, one_turn, "person %d: closed with a turn running",
         p->number);
    m->phase = SESSION_CLOSED;
    m->offered = 0;
    cover(m, f->upto);
    MUST(m->n_waiting == 0, "every accepted message is answered in the end",
         "person %d: closed with messages waiting", p->number);
    m->visible[m->n_visible++] = f->seq;
}

static void owner(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(f->epoch == m->epoch + 1 && !m->running, one_owner, "person %d: epoch %d after %d",
         p->number, (int)f->epoch, (int)m->epoch);
    m->epoch = f->epoch;
    if (!f->by_start)
        m->visible[m->n_visible++] = f->seq;
}

static void asked(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    MUST(m->running && ulid_cmp(&m->turn, &f->turn) == 0 && f->attempt == m->attempt + 1, one_turn,
         "person %d: attempt %d after %d", p->number, (int)f->attempt, (int)m->attempt);
    m->attempt = f->attempt;
    m->deadline = f->deadline;
    m->retrying = 0;
}

void check_durable(struct world *w, struct person *p, const struct fact *f)
{
    struct model *m = &p->model;

    grow(m, f->seq);
    MUST(f->seq == m->seq + 1, "one sequence a session", "person %d: record %d after %d", p->number,
         (int)f->seq, (int)m->seq);
    m->seq = f->seq;
    MUST((f->type == RECORD_OPENED) == (f->seq == 1), "a session opens once, and first",
         "person %d: record %d", p->number, (int)f->seq);
    attempt_durable(w, p, f);
    switch (f->type) {
    case RECORD_OPENED: m->phase = SESSION_OPEN; break;
    case RECORD_OWNER: owner(w, p, f); break;
    case RECORD_MESSAGE: message(w, p, f); break;
    case RECORD_TURN: turn(w, p, f); break;
    case RECORD_RETRY:
        MUST(m->running && !m->retrying && ulid_cmp(&m->turn, &f->turn) == 0 && f->due > f->at &&
                 f->due < m->deadline,
             "a retry is due within the turn's deadline", "person %d", p->number);
        m->retrying = 1;
        break;
    case RECORD_ASKED: asked(w, p, f); break;
    case RECORD_TURN_END: turn_end(w, p, f); break;
    case RECORD_REPLY: reply(w, p, f); break;
    case RECORD_DELIVERY: delivery(w, p, f); break;
    case RECORD_READ: read(w, p, f); break;
    case RECORD_CLOSED: closed(w, p, f); break;
    case RECORD_REOPENED:
        MUST(m->phase == SESSION_CLOSED, "what is open is not reopened", "person %d", p->number);
        m->phase = SESSION_OPEN;
        break;
    case RECORD_HANDOFF_END:
        m->clarifies = 0;
        cover(m, f->upto);
        break;
    case RECORD_RULE:
        if (f->outcome == RULE_OFFERED || f->outcome >= RULE_ACCEPTED)
            m->offered = f->outcome == RULE_OFFERED;
        break;
    case RECORD_HANDOFF: m->offered = 0; break;
    case RECORD_PROMISE: m->visible[m->n_visible++] = f->seq; break;
    case RECORD_CUSTOMER:
    case RECORD_RATING:
    case RECORD_SEEN:
    case RECORD_STALE:
    case RECORD_HANDOFF_STATE:
    case RECORD_STRETCH:
    case RECORD_DECLINED:
    case RECORD_LEASE:
    case RECORD_CONTROL:
    case RECORD_NOTE:
    case RECORD_TAGS:
    case RECORD_REVIEW:
    case RECORD_RELAYED:
    case RECORD_CALL:
    case RECORD_RESULT:
    case RECORD_BRIDGE:
    case RECORD_CONTACT:
    case RECORD_TYPES: break;
    }
}

void check_batch(struct world *w, struct person *p)
{
    attempt_batch(w, p);
}
