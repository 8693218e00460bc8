/* apply_handoff.c - records of handoffs, promises, controls and results make the state. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/session_private.h"

static int is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static int current(const struct session *s, const struct record *r)
{
    return ulid_cmp(&s->handoff.id, &r->handoff) == 0;
}

/* What the desk before did not get goes to the next one, numbered anew. */
static void begin(struct session *s, const struct record *r)
{
    struct session_handoff *h = &s->handoff;

    session_set(&s->offer, NULL);
    h->state = HANDOFF_CHECKING;
    h->id = r->handoff;
    h->from = r->from;
    session_set(&h->queue, r->queue != NULL ? r->queue : "");
    session_set(&h->desk, r->desk != NULL ? r->desk : "");
    session_set(&h->wanted, r->name);
    session_set(&h->human, NULL);
    session_set(&h->title, NULL);
    session_set(&h->code, r->code);
    session_set(&h->category, r->category);
    session_set(&h->reason, r->body.note);
    session_set(&h->also, r->also);
    session_set(&h->declined, NULL);
    session_set(&h->evidence, r->evidence);
    if (s->owner == TD_OWNER_AGENT)
        session_set(&h->agent, s->owner_name);
    h->priority = (int)r->priority;
    h->quiet = is(r->cause, "promise");
    h->since = h->offered_at = h->queued_at = r->at;
    h->accepted_at = h->spoke_at = h->touched_at = 0;
    h->warned = h->reminded = 0;
    h->position = 0;
    h->wait = 0;
    h->told = h->deltas = 0;
    h->from_seq = r->seq;
    for (size_t i = 0; i < s->n_messages; i++)
        if (s->messages[i].relay == RELAY_WAITS)
            s->messages[i].delta = ++h->deltas;
    for (size_t i = 0; i < s->n_promises && h->quiet; i++)
        s->promises[i].offer_at = 0;
}

/* Another desk has heard none of the additions. */
static void relay_again(struct session *s)
{
    for (size_t i = 0; i < s->n_messages; i++)
        if (s->messages[i].seq > s->handoff.from_seq && s->messages[i].relay == RELAY_DONE)
            s->messages[i].relay = RELAY_WAITS;
}

/* The human is not at a desk of ours. */
static void relay_nobody(struct session *s)
{
    for (size_t i = 0; i < s->n_messages; i++)
        s->messages[i].relay = RELAY_NONE;
}

static void move(struct session *s, const struct record *r)
{
    struct session_handoff *h = &s->handoff;
    int other_desk = r->desk != NULL && h->desk != NULL && strcmp(r->desk, h->desk) != 0;

    if (!current(s, r) || h->state == HANDOFF_NONE || r->state <= HANDOFF_NONE ||
        r->state >= HANDOFF_STATES)
        return;
    if (r->state == HANDOFF_CHECKING) {
        h->offered_at = r->at;
        session_set(&h->wanted, r->name);
    }
    if (is(r->cause, "waits_on"))
        h->queued_at = r->at;
    if (r->queue != NULL && (h->queue == NULL || strcmp(r->queue, h->queue) != 0)) {
        session_set(&h->queue, r->queue);
        session_set(&h->declined, NULL);
        h->queued_at = r->at;
    }
    if (r->desk != NULL)
        session_set(&h->desk, r->desk);
    h->state = (enum handoff_state)r->state;
    h->position = r->position;
    h->wait = r->wait;
    if (other_desk && r->desk[0] == '\0')
        relay_nobody(s);
    else if (other_desk)
        relay_again(s);
    if (h->state != HANDOFF_LIVE)
        return;
    session_set(&h->human, r->name != NULL ? r->name : "");
    session_set(&h->title, r->title != NULL ? r->title : r->name);
    session_set(&s->last_human, h->human);
    h->quiet = 0;
    h->accepted_at = h->touched_at = r->at;
    h->spoke_at = 0;
    h->warned = h->reminded = 0;
}

static void end(struct session *s, const struct record *r)
{
    if (!current(s, r) || s->handoff.state == HANDOFF_NONE)
        return;
    s->handoff.state = HANDOFF_NONE;
    s->last_handoff = s->handoff.id;
    if (r->upto > s->answered)
        s->answered = r->upto;
}

static void stretch(struct session *s, const struct record *r)
{
    if (r->outcome != STRETCH_ENDED)
        return;
    session_set(&s->stretch.by, r->title != NULL ? r->title : r->name);
    session_set(&s->stretch.note, r->body.note);
    session_set(&s->stretch.wrapup, r->body.wrapup);
    s->stretch.started_at = r->due;
    s->stretch.ended_at = r->at;
    s->stretch.fresh = 1;
}

static void declined(struct session *s, const struct record *r)
{
    struct buf list = { 0 };

    if (!current(s, r) || r->name == NULL)
        return;
    if (s->handoff.declined != NULL)
        buf_printf(&list, "%s,", s->handoff.declined);
    buf_printf(&list, "%s", r->name);
    session_set(&s->handoff.declined, list.data);
    buf_fini(&list);
}

static void lease(struct session *s, const struct record *r)
{
    struct session_handoff *h = &s->handoff;

    if (!current(s, r))
        return;
    h->warned = is(r->cause, "warned");
    if (is(r->cause, "reminded"))
        h->reminded = 1;
    if (!h->warned)
        h->touched_at = r->at;
}

static void drop_promise(struct session *s, size_t at)
{
    session_fini_promise(&s->promises[at]);
    s->n_promises--;
    memmove(&s->promises[at], &s->promises[at + 1],
            (s->n_promises - at) * sizeof *s->promises);
    s->promises[s->n_promises] = (struct session_promise){ .due = 0 };
}

static void promise(struct session *s, const struct record *r)
{
    size_t at = 0;

    if (r->outcome == PROMISE_MADE) {
        if (s->n_promises == SESSION_PROMISES)
            drop_promise(s, 0);
        *session_add_promise(s) = (struct session_promise){
            .id = r->message_id, .what = mem_strdup(r->category != NULL ? r->category : ""),
            .by_whom = mem_strdup(r->name != NULL ? r->name : ""), .due = r->due,
            .offer_at = r->deadline, .state = PROMISE_MADE };
        return;
    }
    while (at < s->n_promises && ulid_cmp(&s->promises[at].id, &r->message_id) != 0)
        at++;
    if (at == s->n_promises)
        return;
    if (r->outcome == PROMISE_BROKEN)
        s->promises[at].state = PROMISE_BROKEN;
    else
        drop_promise(s, at);
}

static void control(struct session *s, const struct record *r)
{
    if (r->ext_id == NULL)
        return;
    if (s->n_controls == SESSION_CONTROLS) {
        free(s->controls[0].id);
        memmove(&s->controls[0], &s->controls[1],
                (SESSION_CONTROLS - 1) * sizeof *s->controls);
        s->n_controls--;
    }
    *session_add_control(s) = (struct session_control){
        .id = mem_strdup(r->ext_id), .op = r->op, .outcome = r->outcome, .of = r->of };
}

static void result(struct session *s, const struct record *r)
{
    *session_add_step(s) = (struct session_step){
        .call = mem_strdup(r->call), .name = mem_strdup(r->name),
        .receipt = mem_strdup(r->receipt), .failed = mem_strdup(r->category), .at = r->at };
    if (s->n_results == SESSION_RESULTS)
        return;
    *session_add_result(s) = (struct session_result){
        .call = mem_strdup(r->call), .name = mem_strdup(r->name),
        .receipt = mem_strdup(r->receipt), .failed = mem_strdup(r->category),
        .detail = mem_strdup(r->detail), .data = mem_strdup(r->body.data) };
}

static void relayed(struct session *s, const struct record *r)
{
    struct session_message *m = session_message_mutable(s, r->of);

    if (m != NULL && m->relay == RELAY_WAITS)
        m->relay = RELAY_DONE;
}

/* An offer stands until the customer says something. */
static void rule(struct session *s, const struct record *r)
{
    if (r->outcome != RULE_OFFERED && r->outcome < RULE_ACCEPTED)
        return;
    session_set(&s->offer, r->outcome == RULE_OFFERED ? r->name : NULL);
    session_set(&s->offer_also, r->outcome == RULE_OFFERED ? r->also : NULL);
    session_set(&s->offer_evidence, r->outcome == RULE_OFFERED ? r->evidence : NULL);
}

void apply_handoff(struct session *s, const struct record *r)
{
    switch ((int)r->type) {
    case RECORD_HANDOFF: begin(s, r); break;
    case RECORD_HANDOFF_STATE: move(s, r); break;
    case RECORD_HANDOFF_END: end(s, r); break;
    case RECORD_STRETCH: stretch(s, r); break;
    case RECORD_DECLINED: declined(s, r); break;
    case RECORD_LEASE: lease(s, r); break;
    case RECORD_PROMISE: promise(s, r); break;
    case RECORD_CONTROL: control(s, r); break;
    case RECORD_TAGS: session_set(&s->tags, r->body.text); break;
    case RECORD_CONTACT: session_set(&s->contact, r->body.text); break;
    case RECORD_RELAYED: relayed(s, r); break;
    case RECORD_RESULT: result(s, r); break;
    case RECORD_RULE: rule(s, r); break;
    default: break; /* for the reader of the journal */
    }
}
