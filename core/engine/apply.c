/* apply.c - engine_apply(): records make the state. Nothing is decided here. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "engine/session_private.h"

static void set(char **field, const char *value)
{
    char *copy = mem_strdup(value);

    free(*field);
    *field = copy;
}

/* For facts that stay as they were when a record does not mention them. */
static void update(char **field, const char *value)
{
    if (value != NULL)
        set(field, value);
}

static void apply_customer(struct session *s, const struct record *r)
{
    s->verified = r->verified;
    session_set_customer(s, &r->body);
}

static void apply_opened(struct session *s, const struct record *r)
{
    s->phase = SESSION_OPEN;
    set(&s->channel, r->channel);
    set(&s->kind, r->kind);
    set(&s->account, r->account);
    s->opened_at = s->active_at = s->seen_at = r->at;
    apply_customer(s, r);
}

static void apply_owner(struct session *s, const struct record *r)
{
    if (s->owner == TD_OWNER_AGENT && r->owner == TD_OWNER_AGENT)
        s->bounces++;
    s->owner = (enum td_owner_kind)r->owner;
    set(&s->owner_name, r->name != NULL ? r->name : "");
    s->epoch = r->epoch;
    update(&s->route, r->route);
}

static void apply_turn(struct session *s, const struct record *r)
{
    struct session_turn *turn = &s->turn;

    turn->active = 1;
    turn->id = r->turn;
    set(&turn->agent, r->agent != NULL ? r->agent : "");
    turn->upto = r->upto;
    turn->attempt = r->attempt;
    turn->deadline = r->deadline;
    turn->retry_at = 0;
    turn->by_start = r->cause != NULL && strcmp(r->cause, "start") == 0;
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
    if (r->confidence != 0)
        s->confidence = r->confidence;
    if (r->outcome == TURN_ANSWERED)
        s->clarify_used = r->decision == TD_CLARIFY ? s->clarify_used + 1 : 0;
    if (r->body.state != NULL && r->agent != NULL)
        session_set_state(s, r->agent, r->seq, r->body.state);
}

static void apply_message(struct session *s, const struct record *r)
{
    struct session_message *m;

    session_drop_oldest(s);
    m = session_add_message(s, r->seq, r->at);
    m->author = TD_CUSTOMER;
    m->status = TD_READ;
    m->ext_id = mem_strdup(r->ext_id);
    session_set_text(m, &r->body);
    s->active_at = s->seen_at = r->at;
}

static void apply_reply(struct session *s, const struct record *r)
{
    struct session_message *m;

    session_drop_oldest(s);
    m = session_add_message(s, r->seq, r->at);
    m->author = (enum td_author)r->author;
    m->status = TD_QUEUED;
    m->id = r->message_id;
    m->name = mem_strdup(r->name);
    session_set_text(m, &r->body);
    s->active_at = r->at;
}

static void apply_delivery(struct session *s, const struct record *r)
{
    struct session_message *m = session_message_mutable(s, r->of);

    if (m != NULL && session_delivery_moves(m->status, (enum td_delivery)r->status))
        m->status = (enum td_delivery)r->status;
}

static void apply_read(struct session *s, const struct record *r)
{
    s->read_upto = r->of;
    for (size_t i = 0; i < s->n_messages && s->messages[i].seq <= r->of; i++)
        if (session_delivery_moves(s->messages[i].status, TD_READ))
            s->messages[i].status = TD_READ;
}

void engine_apply(struct session *s, const struct record *r)
{
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
        if (r->upto > s->answered)
            s->answered = r->upto;
        break;
    case RECORD_REOPENED: s->phase = SESSION_OPEN; break;
    case RECORD_RATING:
    case RECORD_STALE:
    case RECORD_HANDOFF:
    case RECORD_HANDOFF_STATE:
    case RECORD_HANDOFF_END:
    case RECORD_STRETCH:
    case RECORD_LEASE:
    case RECORD_PROMISE:
    case RECORD_CONTROL:
    case RECORD_NOTE:
    case RECORD_TAGS:
    case RECORD_REVIEW:
    case RECORD_RELAYED:
    case RECORD_CALL:
    case RECORD_RESULT:
    case RECORD_TYPES: break;
    }
    s->seq = r->seq;
}
