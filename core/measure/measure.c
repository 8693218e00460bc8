/* measure.c - records into what is measured. */
#include "config.h"

#include "measure/measure.h"

#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "engine/record.h"
#include "measure/repeat.h"


static int is(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

/* FNV-1a, begun with the key: what tells customers apart must not tell who they are. */
static uint64_t hash(uint64_t key, const char *kind, const char *text)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ key;

    for (const char *s = kind; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    for (const char *s = text; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    h ^= h >> 29;
    h *= key | 1;
    return h ^ h >> 32;
}

void measure_init(struct measure *m, struct arena *arena, struct phrases *phrases, uint64_t key)
{
    *m = (struct measure){ .arena = arena, .phrases = phrases, .key = key };
    m->repeat = repeat_new(arena, phrases);
}

/* A human has answered one of its escalations. */
static int measure_answered(const struct measure *m)
{
    for (size_t i = 0; i < m->n_escalations; i++)
        if (m->escalations[i].answered_at != 0)
            return 1;
    return 0;
}

enum measure_resolved measure_resolved(const struct measure *m)
{
    for (size_t i = m->n_escalations; i-- > 0;)
        if (m->escalations[i].answered_at != 0)
            return m->escalations[i].resolved;
    return m->agent_resolved;
}

/* ---- The customer ------------------------------------------------------------------------- */

/* One who is known by name is the same on every channel. */
static void customer(struct measure *m, const struct record *r)
{
    if (r->body.customer_id != NULL)
        m->who = hash(m->key, "customer", r->body.customer_id);
    else if (r->body.peer != NULL)
        m->who = hash(m->key, m->channel != NULL ? m->channel : "", r->body.peer);
    if (r->body.customer_email != NULL)
        repeat_known(m->repeat, r->body.customer_email);
}

static void opened(struct measure *m, const struct record *r)
{
    m->channel = arena_strdup(m->arena, r->channel);
    m->opened_at = m->active_at = r->at;
    customer(m, r);
}

static void message(struct measure *m, const struct record *r)
{
    const struct record_body *b = &r->body;
    const int erased = m->resumed || (b->text == NULL && b->choice == NULL &&
                                      b->n_attachments == 0 && b->n_parts == 0);

    m->messages++;
    m->active_at = r->at;
    if (m->first_message_at == 0)
        m->first_message_at = r->at;
    if (m->closed_at != 0 && m->returned_at == 0)
        m->returned_at = r->at;
    if (m->should_at != 0)
        m->should_messages++;
    if (!measure_answered(m)) {
        repeat_said(m->repeat, b->text);
        if (erased)
            m->repeats |= REPEAT_UNKNOWN;
    } else if (m->heard < MEASURE_HEARD) {
        m->heard++;
        m->repeats |= erased ? REPEAT_UNKNOWN : repeat_find(m->repeat, b->text);
    }
}

static void rating(struct measure *m, const struct record *r)
{
    int human = 0;

    for (size_t i = 0; i < m->n_escalations; i++)
        human = human || m->escalations[i].accepted_at != 0;
    struct measure_csat *csat = &m->csat[human ? SIDE_HUMAN : SIDE_AGENT];

    if (r->score < 1 || r->score > 5)
        return;
    csat->n++;
    csat->sum += (unsigned)r->score;
    csat->good += r->score >= 4;
    m->low += r->score <= 2;
}

/* ---- The agent ---------------------------------------------------------------------------- */

static void turn(struct measure *m, const struct record *r)
{
    if (m->agent == NULL)
        m->agent = arena_strdup(m->arena, r->agent);
    if (r->cause == NULL || is(r->cause, "message"))
        m->seen = 1;
}

static void question(struct measure *m, const struct record *r, const char *why)
{
    if (r->upto == 0 || (m->n_questions > 0 && m->questions[m->n_questions - 1].seq == r->upto))
        return;
    if (m->n_questions == MEASURE_QUESTIONS) {
        m->more_questions++;
        return;
    }
    m->questions[m->n_questions++] =
        (struct measure_question){ .seq = r->upto, .at = r->at, .why = why };
}

static void turn_end(struct measure *m, const struct record *r)
{
    if (r->intent != NULL)
        m->intent = arena_strdup(m->arena, r->intent);
    if (r->body.entities != NULL && !measure_answered(m))
        repeat_entities(m->repeat, r->body.entities);
    if (r->outcome == TURN_FAILED || r->outcome == TURN_WITHHELD) {
        m->failures++;
        m->agent_resolved = RESOLVED_NO;
        question(m, r, r->outcome == TURN_FAILED ? "failed" : "withheld");
        return;
    }
    if (r->outcome != TURN_ANSWERED && r->outcome != TURN_SILENT)
        return;
    m->clarified += r->decision == TD_CLARIFY;
    m->agent_resolved = r->decision == TD_DECISION_NONE ? RESOLVED_UNKNOWN
                        : r->decision == TD_RESOLVE     ? RESOLVED_YES
                                                        : RESOLVED_NO;
    if (r->outcome == TURN_ANSWERED)
        m->answered_at = r->at;
    if (m->agent_resolved == RESOLVED_YES)
        m->resolved_at = r->at;
    if (r->decision == TD_REFUSE)
        question(m, r, "refused");
    else if (r->grounded == 2)
        question(m, r, "not_grounded");
    else if (is(r->code, "no_grounding"))
        question(m, r, "no_grounding");
}

/* ---- The handoff -------------------------------------------------------------------------- */

static struct measure_escalation *find(struct measure *m, const struct ulid *handoff)
{
    for (size_t i = m->n_escalations; i-- > 0;)
        if (!ulid_is_zero(handoff) && ulid_cmp(&m->escalations[i].handoff, handoff) == 0)
            return &m->escalations[i];
    return NULL;
}

static void leave_queue(struct measure_escalation *e, int64_t at, int served)
{
    struct measure_stay *stay = e->n_stays > 0 ? &e->stays[e->n_stays - 1] : NULL;

    if (stay == NULL || stay->to != 0)
        return;
    stay->to = at < stay->from ? stay->from : at;
    stay->served = served;
}

static void enter_queue(struct measure *m, struct measure_escalation *e, const char *queue,
                        int64_t at)
{
    leave_queue(e, at, 0);
    if (queue == NULL || *queue == '\0')
        return;
    e->queue = arena_strdup(m->arena, queue);
    if (e->n_stays < MEASURE_STAYS)
        e->stays[e->n_stays++] = (struct measure_stay){ .queue = e->queue, .from = at };
}

/* The escalation whose promise this handoff is to keep. */
static struct measure_escalation *promised(struct measure *m)
{
    struct measure_escalation *e = m->n_escalations > 0 ? &m->escalations[m->n_escalations - 1]
                                                        : NULL;

    return e != NULL && e->answered_at == 0 &&
                   (e->outcome == HANDOFF_CALLBACK || e->outcome == HANDOFF_MAILBOX)
               ? e
               : NULL;
}

static void handoff(struct measure *m, const struct record *r)
{
    struct measure_escalation *e = is(r->cause, "promise") ? promised(m) : find(m, &r->from);

    if (e == NULL && m->n_escalations == MEASURE_ESCALATIONS) {
        m->more_escalations++;
        return;
    }
    if (e == NULL) {
        e = &m->escalations[m->n_escalations++];
        *e = (struct measure_escalation){
            .at = r->at, .seq = r->seq, .code = arena_strdup(m->arena, r->code),
            .intent = m->intent, .should_at = m->should_at, .late_messages = m->should_messages,
        };
        m->should_at = 0;
        m->should_messages = 0;
    }
    e->handoff = r->handoff;
    e->outcome = 0;
    e->ended_at = 0;
    e->live = 0;
    enter_queue(m, e, r->queue, r->at);
}

static void state(struct measure *m, const struct record *r)
{
    struct measure_escalation *e = find(m, &r->handoff);

    if (e == NULL)
        return;
    if (r->queue != NULL && (e->queue == NULL || strcmp(e->queue, r->queue) != 0))
        enter_queue(m, e, r->queue, r->at);
    if (r->state != 3) /* HANDOFF_LIVE */
        return;
    leave_queue(e, r->at, 1);
    e->live = 1;
    if (e->accepted_at == 0)
        e->accepted_at = r->at;
}

static void end(struct measure *m, const struct record *r)
{
    struct measure_escalation *e = find(m, &r->handoff);

    if (e == NULL)
        return;
    leave_queue(e, r->at, 0);
    e->outcome = r->outcome;
    e->ended_at = r->at;
    e->live = 0;
}

static void reply(struct measure *m, const struct record *r)
{
    struct measure_escalation *e;

    m->active_at = r->at;
    if (r->author != TD_HUMAN)
        return;
    e = find(m, &r->handoff);
    if (e != NULL && e->answered_at == 0)
        e->answered_at = r->at < e->at ? e->at : r->at;
    if (measure_answered(m) && m->heard < MEASURE_HEARD)
        m->repeats |= repeat_asks(m->repeat, r->body.text);
}

static void wrapup(struct measure *m, struct measure_escalation *e, const char *text, int64_t at)
{
    static const char *const judged[] = { "", "right", "early", "late", "needless" };
    static const struct td_json_limits limits = { .bytes = 1 << 16, .depth = 8 };
    char why[128];
    cJSON *tree = td_json_parse(text, strlen(text), &limits, why, sizeof why);
    const char *outcome = td_json_get_str(tree, "outcome");
    const char *escalation = td_json_get_str(tree, "escalation");
    const char *reason = td_json_get_str(tree, "reason_should_be");

    if (outcome != NULL)
        e->resolved = is(outcome, "resolved") ? RESOLVED_YES : RESOLVED_NO;
    if (e->resolved == RESOLVED_YES)
        m->resolved_at = at;
    for (int i = JUDGED_RIGHT; escalation != NULL && i <= JUDGED_NEEDLESS; i++)
        if (strcmp(escalation, judged[i]) == 0)
            e->judged = (enum measure_judged)i;
    if (reason != NULL && *reason != '\0')
        e->should_be = arena_strdup(m->arena, reason);
    cJSON_Delete(tree);
}

static void stretch(struct measure *m, const struct record *r)
{
    struct measure_escalation *e = find(m, &r->handoff);

    if (e == NULL || r->outcome != STRETCH_ENDED)
        return;
    e->stretches++;
    e->handled_ms += r->due > 0 && r->due < r->at ? r->at - r->due : 0;
    if (r->body.wrapup != NULL)
        wrapup(m, e, r->body.wrapup, r->at);
}

/* The first rule that held and did not lead to a human; what the customer declined is no miss. That
 * the agent asks for a human says that it is done, not that it was time. */
static void rule(struct measure *m, const struct record *r)
{
    const struct measure_escalation *e =
        m->n_escalations > 0 ? &m->escalations[m->n_escalations - 1] : NULL;
    const int under_way = e != NULL && e->outcome == 0;

    switch (r->outcome) {
    case RULE_HANDOFF:
    case RULE_OFFERED:
    case RULE_NOBODY:
        if (m->should_at == 0 && !under_way && !is(r->code, "agent_requested"))
            m->should_at = r->at;
        break;
    case RULE_DECLINED:
    case RULE_LAPSED:
        m->should_at = 0;
        m->should_messages = 0;
        break;
    default: break;
    }
}

static void promise(struct measure *m, const struct record *r)
{
    m->promises_made += r->outcome == PROMISE_MADE;
    m->promises_kept += r->outcome == PROMISE_KEPT;
    m->promises_broken += r->outcome == PROMISE_BROKEN;
}

void measure_apply(struct measure *m, const struct record *r)
{
    if (m->first_seq == 0)
        m->first_seq = r->seq;
    m->seq = r->seq;
    measure_trouble(m, r);
    switch ((int)r->type) {
    case RECORD_OPENED: opened(m, r); break;
    case RECORD_CUSTOMER: customer(m, r); break;
    case RECORD_MESSAGE: message(m, r); break;
    case RECORD_RATING: rating(m, r); break;
    case RECORD_TURN: turn(m, r); break;
    case RECORD_TURN_END: turn_end(m, r); break;
    case RECORD_REPLY: reply(m, r); break;
    case RECORD_HANDOFF: handoff(m, r); break;
    case RECORD_HANDOFF_STATE: state(m, r); break;
    case RECORD_HANDOFF_END: end(m, r); break;
    case RECORD_STRETCH: stretch(m, r); break;
    case RECORD_PROMISE: promise(m, r); break;
    case RECORD_RULE: rule(m, r); break;
    case RECORD_CLOSED:
        if (m->closed_at == 0)
            m->closed_at = r->at;
        break;
    default: break;
    }
}
