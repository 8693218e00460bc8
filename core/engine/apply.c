/* apply.c - engine_apply(): records make the state. Nothing is decided here. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "engine/session_private.h"

/* For facts that stay as they were when a record does not mention them. */
static void update(char **field, const char *value)
{
    if (value != NULL)
        session_set(field, value);
}

static void apply_customer(struct session *s, const struct record *r)
{
    s->verified = r->verified;
    session_set_customer(s, &r->body);
}

static void apply_opened(struct session *s, const struct record *r)
{
    s->phase = SESSION_OPEN;
    session_set(&s->channel, r->channel);
    session_set(&s->kind, r->kind);
    session_set(&s->account, r->account);
    s->opened_at = s->active_at = s->seen_at = r->at;
    s->undisclosed = r->cause != NULL && strcmp(r->cause, "told") == 0;
    apply_customer(s, r);
}

static void apply_owner(struct session *s, const struct record *r)
{
    const char *name = r->name != NULL ? r->name : "";

    if (s->owner == TD_OWNER_AGENT && r->owner == TD_OWNER_AGENT &&
        strcmp(s->owner_name != NULL ? s->owner_name : "", name) != 0)
        s->bounces++;
    for (size_t i = 0; i < s->n_messages && s->handoff.state == HANDOFF_NONE; i++)
        s->messages[i].relay = RELAY_NONE; /* no desk waits for them */
    s->owner = (enum td_owner_kind)r->owner;
    session_set(&s->owner_name, name);
    s->epoch = r->epoch;
    update(&s->route, r->route);
}

static enum td_cause cause_of(const char *cause)
{
    static const char *const names[] = { [TD_BY_START] = "start", [TD_BY_ACTION] = "action",
                                         [TD_BY_RETURN] = "return" };

    for (size_t i = TD_BY_START; cause != NULL && i < sizeof names / sizeof *names; i++)
        if (strcmp(cause, names[i]) == 0)
            return (enum td_cause)i;
    return TD_BY_MESSAGE;
}

static void apply_turn(struct session *s, const struct record *r)
{
    struct session_turn *turn = &s->turn;

    turn->active = 1;
    turn->id = r->turn;
    session_set(&turn->agent, r->agent != NULL ? r->agent : "");
    turn->upto = r->upto;
    turn->attempt = r->attempt;
    turn->deadline = r->deadline;
    turn->retry_at = 0;
    turn->cause = cause_of(r->cause);
    s->rounds = turn->cause == TD_BY_ACTION ? s->rounds + 1 : 0;
    update(&s->route, r->route);
}

static void apply_turn_end(struct session *s, const struct record *r)
{
    if (s->turn.active && ulid_cmp(&s->turn.id, &r->turn) == 0)
        s->turn.active = 0;
    if (r->upto > s->answered)
        s->answered = r->upto;
    update(&s->intent, r->intent);
    update(&s->language, r->language);
    if (r->intent != NULL)
        s->confidence = r->confidence; /* in this one, even if that is not said */
    if (r->outcome != TURN_FAILED && r->outcome != TURN_INTERRUPTED) {
        session_drop_results(s); /* the agent has seen them */
        s->stretch.fresh = 0;
    }
    if (r->outcome == TURN_ANSWERED || r->outcome == TURN_SILENT)
        session_set_intent(s, r->intent, r->decision);
    update(&s->summary, r->body.summary);
    update(&s->entities, r->body.entities);
    if (r->body.state != NULL && r->agent != NULL)
        session_set_state(s, r->agent, r->seq, r->body.state);
}

static void apply_message(struct session *s, const struct record *r)
{
    struct session_message *m;

    session_drop_oldest(s);
    m = session_add_message(s, r->seq, r->at);
    s->n_said++;
    m->author = TD_CUSTOMER;
    m->status = TD_READ;
    m->ext_id = mem_strdup(r->ext_id);
    m->said = r->said;
    session_set_text(m, &r->body);
    s->active_at = s->seen_at = r->at;
    s->reply_until = r->deadline;
    s->undisclosed = 0;
    if (s->language == NULL && s->locale == NULL)
        session_set(&s->language, r->language);
    if (session_handed(s) && s->handoff.desk[0] != '\0') {
        m->relay = RELAY_WAITS;
        m->delta = s->handoff.state == HANDOFF_LIVE ? 0 : ++s->handoff.deltas;
    }
    if (r->upto > s->answered)
        s->answered = r->upto;
}

static char *id_text(const struct ulid *id)
{
    char text[ULID_TEXT];

    if (ulid_is_zero(id))
        return NULL;
    ulid_format(id, text);
    return mem_strdup(text);
}

static void apply_reply(struct session *s, const struct record *r)
{
    struct session_message *m;

    session_drop_oldest(s);
    m = session_add_message(s, r->seq, r->at);
    s->n_said++;
    m->author = (enum td_author)r->author;
    m->status = r->status > TD_QUEUED && r->status <= TD_FAILED ? (enum td_delivery)r->status
                                                                 : TD_QUEUED;
    m->id = id_text(&r->message_id);
    m->name = mem_strdup(r->name);
    m->said = r->said;
    session_set_text(m, &r->body);
    s->active_at = r->at;
    if (ulid_is_zero(&r->handoff) || ulid_cmp(&r->handoff, &s->handoff.id) != 0)
        return;
    if (r->said > 0 && r->said < 32)
        s->handoff.told |= 1u << (r->said - 1);
    if (m->author != TD_HUMAN)
        return;
    s->handoff.spoke_at = s->handoff.touched_at = r->at;
    s->handoff.warned = 0;
    if (r->upto > s->answered) /* what the customer said before has its answer */
        s->answered = r->upto;
}

static void apply_delivery(struct session *s, const struct record *r)
{
    struct session_message *m = session_message_mutable(s, r->of);

    if (m == NULL)
        return;
    m->maybe_duplicate |= r->maybe_duplicate != 0;
    if (session_delivery_moves(m->status, (enum td_delivery)r->status))
        m->status = (enum td_delivery)r->status;
}

static void apply_read(struct session *s, const struct record *r)
{
    if (r->author != TD_CUSTOMER)
        return; /* receipt.c */
    s->read_upto = r->of;
    for (size_t i = 0; i < s->n_messages && s->messages[i].seq <= r->of; i++)
        if (session_delivery_moves(s->messages[i].status, TD_READ))
            s->messages[i].status = TD_READ;
}

/* A token is good once: whatever follows it makes it void, unless it is that it was told. */
static void apply_bridge(struct session *s, const struct record *r)
{
    session_set(&s->bridge_by, r->outcome == BRIDGE_MADE ? r->channel : NULL);
    if (r->outcome == BRIDGE_TOLD)
        return;
    session_set(&s->bridge, r->outcome == BRIDGE_MADE ? r->ext_id : NULL);
    s->bridge_seq = r->seq;
    s->bridge_until = r->due;
    if (r->outcome != BRIDGE_CROSSED)
        return;
    s->reply_until = 0;
    update(&s->channel, r->channel);
    update(&s->kind, r->kind);
    session_set(&s->account, r->account);
    session_set(&s->peer, r->body.peer);
    s->seen_at = r->at;
}

void engine_apply(struct session *s, const struct record *r)
{
    counts_apply(&s->counts, s->answered, r);
    receipt_apply(&s->receipt, r);
    switch (r->type) {
    case RECORD_OPENED: apply_opened(s, r); break;
    case RECORD_CUSTOMER: apply_customer(s, r); break;
    case RECORD_OWNER: apply_owner(s, r); break;
    case RECORD_MESSAGE: apply_message(s, r); break;
    case RECORD_TURN: apply_turn(s, r); break;
    case RECORD_RETRY: s->turn.retry_at = r->due; break;
    case RECORD_ASKED:
        s->turn.attempt = r->attempt;
        s->turn.deadline = r->deadline;
        s->turn.retry_at = 0;
        break;
    case RECORD_TURN_END: apply_turn_end(s, r); break;
    case RECORD_REPLY: apply_reply(s, r); break;
    case RECORD_DELIVERY: apply_delivery(s, r); break;
    case RECORD_READ: apply_read(s, r); break;
    case RECORD_SEEN: s->seen_at = r->at; break;
    case RECORD_CLOSED:
        s->phase = SESSION_CLOSED;
        s->closed_at = r->at;
        session_set(&s->offer, NULL);
        if (r->upto > s->answered)
            s->answered = r->upto;
        break;
    case RECORD_BRIDGE: apply_bridge(s, r); break;
    case RECORD_REOPENED: s->phase = SESSION_OPEN; break;
    case RECORD_RATING:
    case RECORD_STALE:
    case RECORD_TYPES: break;
    default: apply_handoff(s, r); break;
    }
    s->seq = r->seq;
}
