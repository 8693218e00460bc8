/* decide.c - engine_decide(): what each kind of event leads to. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "engine/draft.h"

/* A session may outlive its channel's section; then nothing routes and nothing closes by itself. */
static const struct policy_channel no_channel = { .name = "", .kind = "" };

static const struct policy_channel *channel_of(const struct policy *policy, const char *name)
{
    const struct policy_channel *channel = policy_channel(policy, name);

    return channel != NULL ? channel : &no_channel;
}

static int same(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* What the channel knows of the customer goes into the body: it is personal. */
static void fill_customer(struct record *record, const struct event_from *from)
{
    record->body.peer = from->peer;
    record->body.locale = from->locale;
    record->body.timezone = from->timezone;
    if (from->customer != NULL) {
        record->verified = from->customer->verified;
        record->body.customer_id = from->customer->id;
        record->body.customer_name = from->customer->name;
        record->body.customer_email = from->customer->email;
    }
}

/* Routes of this step see what the record says. */
static void view_customer(struct draft *d, const struct record *record)
{
    d->view.locale = (char *)record->body.locale;
    d->view.timezone = (char *)record->body.timezone;
    d->view.customer_id = (char *)record->body.customer_id;
    d->view.verified = record->verified;
}

static void open_session(struct draft *d, const char *cause)
{
    const struct event_from *from = &d->event->from;
    struct record *opened = draft_record(d, RECORD_OPENED);
    const char *signals = NULL;

    opened->channel = from->channel;
    opened->kind = d->channel->kind;
    opened->account = from->account;
    opened->policy = d->policy->hash;
    opened->cause = cause;
    fill_customer(opened, from);

    d->view.channel = (char *)from->channel;
    d->view.kind = (char *)d->channel->kind;
    view_customer(d, opened);
    const struct policy_agent *agent = route_pick(d, &d->route, &signals);
    if (agent == NULL)
        agent = d->channel->agent;
    if (agent != NULL) {
        struct record *owner = draft_record(d, RECORD_OWNER);
        owner->owner = TD_OWNER_AGENT;
        owner->name = d->owner = agent->name;
        d->view.owner = TD_OWNER_AGENT;
        d->view.owner_name = (char *)agent->name;
        owner->epoch = ++d->epoch;
        owner->route = d->route;
        owner->signals = signals;
        owner->cause = "opened";
    }
}

static void disclose(struct draft *d)
{
    if (d->owner != NULL && d->channel->disclose_ai)
        draft_text(d, TEXT_AI_HERE);
}

/* The channel may come to know more while the session runs, never less. */
void draft_learn(struct draft *d)
{
    const struct session *s = d->session;
    const struct event_from *from = &d->event->from;
    const struct td_customer *c = from->customer;
    struct arena *arena = d->step->arena;
    struct event_from merged = { .peer = arena_strdup(arena, d->view.peer),
                                 .locale = arena_strdup(arena, s->locale),
                                 .timezone = arena_strdup(arena, s->timezone) };
    struct td_customer known = { .size = sizeof known,
                                 .id = arena_strdup(arena, s->customer_id),
                                 .name = arena_strdup(arena, s->customer_name),
                                 .email = arena_strdup(arena, s->customer_email),
                                 .verified = s->verified };

    if (c != NULL && (c->verified >= s->verified || same(c->id, s->customer_id))) {
        if (c->id != NULL) { /* proof is always of an id */
            known.verified = c->verified || (s->verified && same(c->id, s->customer_id));
            known.id = c->id;
        }
        if (c->name != NULL)
            known.name = c->name;
        if (c->email != NULL)
            known.email = c->email;
    }
    if (from->locale != NULL)
        merged.locale = from->locale;
    if (from->timezone != NULL)
        merged.timezone = from->timezone;
    if (same(known.id, s->customer_id) && same(known.name, s->customer_name) &&
        same(known.email, s->customer_email) && known.verified == s->verified &&
        same(merged.locale, s->locale) && same(merged.timezone, s->timezone))
        return;
    merged.customer = &known;
    struct record *record = draft_record(d, RECORD_CUSTOMER);
    fill_customer(record, &merged);
    view_customer(d, record);
}

static void on_open(struct draft *d)
{
    if (d->session->phase != SESSION_NEW) {
        draft_refuse(d, VERDICT_REJECT, "the session is open already");
        return;
    }
    open_session(d, NULL);
    disclose(d);
    if (d->channel->greet && d->owner != NULL)
        turn_greet(d);
}

static void on_seen(struct draft *d)
{
    if (d->session->phase == SESSION_NEW) {
        draft_refuse(d, VERDICT_REJECT, "there is no such session");
        return;
    }
    d->step->verdict = VERDICT_MARK;
    draft_record(d, RECORD_SEEN);
    draft_learn(d);
}

/* With a session id the customer has shown a token; by address alone the window counts. */
static int too_late(const struct draft *d)
{
    return d->event->from.peer != NULL &&
           d->event->now - d->session->closed_at > d->channel->reopen_ms;
}

int draft_begin(struct draft *d)
{
    if (d->session->phase == SESSION_NEW) {
        open_session(d, "told");
    } else if (d->session->phase == SESSION_CLOSED) {
        if (too_late(d)) {
            draft_refuse(d, VERDICT_CLOSED, "the session is over");
            return 0;
        }
        draft_record(d, RECORD_REOPENED);
    }
    return 1;
}

static void on_message(struct draft *d)
{
    const struct session *s = d->session;
    const struct event *ev = d->event;

    if (s->phase == SESSION_NEW) {
        open_session(d, NULL);
        disclose(d);
    } else if (s->phase == SESSION_CLOSED) {
        if (too_late(d)) {
            draft_refuse(d, VERDICT_CLOSED, "the session is over");
            return;
        }
        draft_record(d, RECORD_REOPENED);
        if (ev->human_free && d->channel->reopen_human)
            handoff_reopen(d);
    }
    if (session_handed(s) ? session_unrelayed(s) >= ENGINE_MAX_WAITING ||
                                session_pending(s, NULL) >= ENGINE_MAX_WAITING
                          : s->offer == NULL && /* its answer must come through */
                                session_pending(s, NULL) >= d->policy->max_pending) {
        draft_refuse(d, VERDICT_BUSY, "too many messages wait for an answer");
        return;
    }
    if (session_unsent(s) >= ENGINE_MAX_UNSENT) {
        draft_refuse(d, VERDICT_BUSY, "too many replies wait for delivery");
        return;
    }
    if (s->phase != SESSION_NEW)
        draft_learn(d);
    if (s->undisclosed)
        disclose(d);

    const char *contact = promise_contact(d);
    struct record *message = draft_record(d, RECORD_MESSAGE);
    message->ext_id = ev->message->id;
    message->deadline = ev->reply_until;
    message->body.text = ev->message->text;
    message->body.choice = ev->message->choice != NULL ? ev->message->choice
                                                       : draft_choice(d, ev->message->text);
    message->body.attachments = ev->message->attachments;
    message->body.n_attachments = ev->message->n_attachments;
    message->body.parts = ev->message->parts;
    message->body.n_parts = ev->message->n_parts;
    message->body.raw = ev->message->raw;
    d->newest = d->step->message_seq = message->seq;

    rules_hear(d, message);
    if (contact != NULL && d->handoff.state == HANDOFF_NONE && !d->turn_active &&
        session_pending(s, NULL) == 0) {
        const struct text_vars vars = { .of = { [TEXT_VAR_WHAT] = contact } };
        message->upto = d->answered = message->seq; /* no agent need make sense of it */
        draft_text_with(d, TEXT_CONTACT_NOTED, &vars);
        return;
    }
    if (d->handoff.state == HANDOFF_NONE || d->handoff.quiet) {
        const struct record heard = *message;
        if (d->handoff.state != HANDOFF_NONE)
            desk_message(d, message);
        if (rules_message(d, &heard))
            return;
    } else {
        desk_message(d, message);
    }
    if (!d->turn_active) {
        turn_go_on(d);
    } else if (s->turn.active && d->channel->queue_mode == QUEUE_INTERRUPT &&
               d->handoff.state == s->handoff.state) {
        turn_interrupt(d, "message");
        turn_next(d);
    }
}

void draft_close(struct draft *d, const char *cause)
{
    if (d->session->phase != SESSION_OPEN) {
        draft_refuse(d, VERDICT_NOTHING, "the session is not open");
        return;
    }
    turn_interrupt(d, cause);
    if (d->handoff.state != HANDOFF_NONE) {
        handoff_cancel(d, HANDOFF_CANCELLED, cause);
        handoff_drop(d, "closed");
    }
    struct record *record = draft_record(d, RECORD_CLOSED);
    record->cause = cause;
    record->upto = d->newest; /* nothing waits any more */
    struct effect *closed = draft_effect(d, EFFECT_EVENT);
    closed->event = TD_EV_CLOSED;
    closed->of = record->seq;
    closed->text = cause;
}

static void on_timer(struct draft *d)
{
    const struct session *s = d->session;
    int64_t now = d->event->now;

    if (handoff_due(s, d->policy) <= now) {
        handoff_timer(d);
    } else if (promise_due(s) <= now) {
        promise_timer(d);
    } else if (s->phase != SESSION_OPEN) {
        draft_refuse(d, VERDICT_NOTHING, "the session is not open");
    } else if (rules_wait_due(s, d->policy) <= now) {
        rules_waited(d);
    } else if (s->turn.active && now >= s->turn.deadline) {
        draft_effect(d, EFFECT_CANCEL)->turn = s->turn.id;
        turn_failed(d, "no answer within the deadline");
    } else if (s->turn.active && s->turn.retry_at != 0 && now >= s->turn.retry_at) {
        turn_ask_again(d, s->turn.deadline);
    } else if (!s->turn.active && now >= turn_collect_due(s, d->channel)) {
        turn_next(d);
    } else if (engine_due(s, d->policy) <= now) {
        draft_close(d, "idle");
    } else {
        draft_refuse(d, VERDICT_NOTHING, "nothing is due");
    }
}

static void on_sent(struct draft *d)
{
    const struct event *ev = d->event;
    const struct session_message *m = session_message(d->session, ev->of);
    const int moves = m != NULL && session_delivery_moves(m->status, ev->status);

    if (m == NULL || m->author == TD_CUSTOMER || (!moves && !ev->maybe_duplicate)) {
        draft_refuse(d, VERDICT_NOTHING, "the delivery is further already, or not known");
        return;
    }
    struct record *delivery = draft_record(d, RECORD_DELIVERY);
    delivery->of = ev->of;
    delivery->status = (int)(moves ? ev->status : m->status);
    delivery->maybe_duplicate = ev->maybe_duplicate;
    delivery->detail = check_detail(d, ev->text);
    const int lost = ev->status == TD_FAILED && ev->on;
    if (lost)
        delivery->category = "unreachable";
    if (ev->status == TD_FAILED)
        rules_event(d, delivery);
    if (lost)
        bridge_lost(d, "unreachable");
    if (d->step->n_effects == 0 && !ev->maybe_duplicate)
        d->step->verdict = VERDICT_MARK; /* what is to leave, or leave again, waits for the disk */
}

static void on_read(struct draft *d)
{
    const struct event *ev = d->event;

    if (ev->of <= d->session->read_upto || ev->of > d->session->seq) {
        draft_refuse(d, VERDICT_NOTHING, "read already, or not there");
        return;
    }
    draft_record(d, RECORD_READ)->of = ev->of;
    d->step->verdict = VERDICT_MARK;
    if (d->handoff.state == HANDOFF_LIVE) {
        struct effect *read = draft_effect(d, EFFECT_DESK_EVENT);
        read->desk_event = TD_DESK_READ;
        read->handoff = d->handoff.id;
        read->desk = d->handoff.desk;
        read->of = ev->of;
    }
}

static void on_rating(struct draft *d)
{
    if (d->session->phase == SESSION_NEW || d->event->score < 1 || d->event->score > 5) {
        draft_refuse(d, VERDICT_REJECT, "a rating is 1 to 5, of a session");
        return;
    }
    struct record *rating = draft_record(d, RECORD_RATING);
    rating->score = d->event->score;
    rating->body.text = d->event->text;
}

/* No human any more: the customer hears so when one was promised or there. */
static void pass_on(struct draft *d)
{
    int live = d->handoff.state == HANDOFF_LIVE;

    handoff_cancel(d, HANDOFF_CANCELLED, "operator");
    if (!d->handoff.quiet)
        handoff_say(d, live ? TEXT_AI_BACK : TEXT_LEFT_QUEUE, NULL);
}

static void on_leave(struct draft *d)
{
    if (d->session->phase == SESSION_OPEN && handoff_may_leave(d))
        handoff_leave(d, "customer");
    else
        draft_close(d, "customer");
}

enum control_outcome draft_pass(struct draft *d, const char *name, const char *by)
{
    const struct policy_agent *agent = policy_agent(d->policy, name);

    if (agent == NULL || d->session->phase != SESSION_OPEN) {
        d->step->reason = agent == NULL ? "there is no such agent" : "the session is not open";
        return agent == NULL ? CONTROL_NOT_FOUND : CONTROL_OVER;
    }
    if (same(d->owner, agent->name))
        return CONTROL_DONE; /* that agent has it already */
    turn_interrupt(d, "passed");
    if (d->handoff.state != HANDOFF_NONE)
        pass_on(d);
    turn_pass(d, agent, check_detail(d, by));
    turn_next(d);
    return CONTROL_DONE;
}

static void on_pass(struct draft *d)
{
    if (draft_pass(d, d->event->name, d->event->text) != CONTROL_DONE)
        draft_refuse(d, VERDICT_REJECT, d->step->reason);
    else if (d->step->n_records == 0)
        draft_refuse(d, VERDICT_NOTHING, "that agent has it already");
}

/* The handoff that was taken up again made way for another in the same step: no desk need hear of it. */
static void drop_offers(struct draft *d)
{
    struct step *step = d->step;
    size_t n = 0;

    for (size_t i = 0; i < step->n_effects; i++) {
        const struct effect *effect = &step->effects[i];
        if ((effect->type != EFFECT_OFFER && effect->type != EFFECT_RELAY) ||
            (d->handoff.state != HANDOFF_NONE && ulid_cmp(&effect->handoff, &d->handoff.id) == 0))
            step->effects[n++] = *effect;
    }
    step->n_effects = n;
}

static void on_resume(struct draft *d)
{
    const struct session *s = d->session;

    if (!d->channel->replays) { /* before anything that this step says */
        engine_unsent(s, d->step);
        d->cap_effects = d->step->n_effects;
    }
    if (session_handed(s))
        handoff_resume(d);
    if (s->bridge_by != NULL)
        bridge_resume(d);
    /* A handoff that fails meanwhile ends the turn, and asks about what waits itself. */
    if (s->phase == SESSION_OPEN && s->turn.active && s->turn.retry_at == 0 &&
        d->epoch == s->epoch) {
        const struct policy_agent *agent = policy_agent(d->policy, s->turn.agent);
        if (agent == NULL)
            turn_failed(d, "the agent is not configured any more");
        else
            turn_ask_again(d, d->event->now + agent->deadline_ms);
    }
    drop_offers(d);
    if (d->step->n_records == 0 && d->step->n_effects == 0)
        draft_refuse(d, VERDICT_NOTHING, "nothing was under way");
}

/* Its strings outlive the originals, which apply frees. */
static struct session_handoff handoff_copy(const struct session_handoff *h, struct arena *arena)
{
    struct session_handoff copy = *h;
    char **strings[] = { &copy.queue, &copy.desk,     &copy.wanted, &copy.human, &copy.title,
                         &copy.code,  &copy.category, &copy.reason, &copy.agent,
                         &copy.also,  &copy.evidence, &copy.declined };

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        *strings[i] = arena_strdup(arena, *strings[i]);
    return copy;
}

void engine_decide(const struct session *session, const struct event *event,
                   const struct policy *policy, struct step *step_r)
{
    const char *name = session->phase == SESSION_NEW ? event->from.channel : session->channel;
    struct draft d = {
        .session = session, .event = event, .policy = policy, .step = step_r,
        .channel = channel_of(policy, name), .epoch = session->epoch,
        .owner = session->owner == TD_OWNER_AGENT
                     ? arena_strdup(step_r->arena, session->owner_name) : NULL,
        .turn_agent = arena_strdup(step_r->arena, session->turn.agent),
        .route = arena_strdup(step_r->arena, session->route), .view = *session,
        .bounces = session->bounces, .answered = session->answered,
        .turn_active = session->turn.active, .offered = session->offer != NULL,
        .handoff = handoff_copy(&session->handoff, step_r->arena),
    };
    const struct session_message *last =
        session->n_messages > 0 ? &session->messages[session->n_messages - 1] : NULL;

    for (; last != NULL && d.newest == 0; last = last > session->messages ? last - 1 : NULL)
        if (last->author == TD_CUSTOMER)
            d.newest = last->seq;
    step_r->verdict = VERDICT_OK;
    const char *why = check_event(event);
    if (why != NULL) {
        draft_refuse(&d, VERDICT_REJECT, why);
        return;
    }
    switch (event->type) {
    case EVENT_OPEN: on_open(&d); break;
    case EVENT_SEEN: on_seen(&d); break;
    case EVENT_MESSAGE: on_message(&d); break;
    case EVENT_READ: on_read(&d); break;
    case EVENT_RATING: on_rating(&d); break;
    case EVENT_LEAVE: on_leave(&d); break;
    case EVENT_ANSWER: turn_answered(&d); break;
    case EVENT_TIMER: on_timer(&d); break;
    case EVENT_SENT: on_sent(&d); break;
    case EVENT_PASS: on_pass(&d); break;
    case EVENT_CLOSE: draft_close(&d, check_detail(&d, event->text)); break;
    case EVENT_RESUME: on_resume(&d); break;
    case EVENT_OFFERED: handoff_offered(&d); break;
    case EVENT_RELAYED: desk_relayed(&d); break;
    case EVENT_CONTROL: control_decide(&d); break;
    case EVENT_TYPING: desk_typing(&d); break;
    case EVENT_CALL: desk_call(&d); break;
    case EVENT_BRIDGE: bridge_cross(&d); break;
    }
    receipt_tell(&d);
}
