/* decide_control.c - what humans, operators and the clockwork want, and what they get. */
#include "config.h"

#include <string.h>

#include "base/word.h"
#include "engine/draft.h"
#include "engine/hours.h"

static int same(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* A desk that does not say who of its humans it is means the one who has it. */
static int is_holder(const struct session_handoff *h, const struct event_control *c)
{
    return (c->human == NULL ? c->desk != NULL : same(c->human, h->human)) &&
           (c->desk == NULL || same(c->desk, h->desk));
}

/* DONE: it is this one's, live; else why not. */
static enum control_outcome holder(const struct draft *d, const struct event_control *c)
{
    const struct session_handoff *h = &d->handoff;

    if (ulid_is_zero(&c->handoff))
        return CONTROL_NOT_FOUND;
    if (ulid_cmp(&c->handoff, &h->id) == 0 && h->state != HANDOFF_NONE) {
        return h->state == HANDOFF_LIVE && is_holder(h, c) ? CONTROL_DONE : CONTROL_NOT_YOURS;
    }
    return ulid_cmp(&c->handoff, &d->session->last_handoff) == 0 ? CONTROL_OVER
                                                                  : CONTROL_NOT_FOUND;
}

static enum control_outcome taken(struct draft *d)
{
    d->step->holder = d->handoff.title != NULL ? d->handoff.title : d->handoff.human;
    return CONTROL_TAKEN;
}

static enum control_outcome accept(struct draft *d, const struct event_control *c)
{
    const struct session_handoff *h = &d->handoff;
    int known = ulid_cmp(&c->handoff, &h->id) == 0 ||
                ulid_cmp(&c->handoff, &d->session->last_handoff) == 0;

    if (c->human == NULL || *c->human == '\0')
        return CONTROL_BAD;
    if (ulid_is_zero(&c->handoff) || !known)
        return CONTROL_NOT_FOUND;
    if (h->state == HANDOFF_LIVE)
        return ulid_cmp(&c->handoff, &h->id) == 0 && same(c->human, h->human) ? CONTROL_DONE
                                                                              : taken(d);
    if (h->state == HANDOFF_NONE || ulid_cmp(&c->handoff, &h->id) != 0)
        return CONTROL_OVER;
    if ((h->wanted != NULL && !same(h->wanted, c->human)) ||
        (c->desk != NULL && !same(c->desk, h->desk)))
        return CONTROL_NOT_YOURS;
    handoff_live(d, c->human, c->title, NULL);
    return CONTROL_DONE;
}

/* Who is not of the conf is not offered it anyway. */
static void remember_declined(struct draft *d, const struct event_control *c)
{
    struct record *record;

    if (policy_human(d->policy, c->human) == NULL ||
        word_is_in(d->handoff.declined, c->human, strlen(c->human)))
        return;
    record = handoff_record(d, RECORD_DECLINED);
    record->name = c->human;
    record->body.note = c->text;
}

/* One human's no is not the desk's, as long as there are others who may say yes. */
static enum control_outcome decline(struct draft *d, const struct event_control *c)
{
    const struct session_handoff *h = &d->handoff;
    const struct policy_desk *desk = policy_desk(d->policy, h->desk);

    if (h->state == HANDOFF_NONE || h->state == HANDOFF_LIVE ||
        ulid_cmp(&c->handoff, &h->id) != 0)
        return holder(d, c) == CONTROL_NOT_FOUND ? CONTROL_NOT_FOUND : CONTROL_OVER;
    if (c->desk != NULL && !same(c->desk, h->desk))
        return CONTROL_NOT_YOURS;
    if (c->human != NULL && desk != NULL && (desk->caps & TD_DESK_HUMANS) != 0) {
        remember_declined(d, c);
        if (!c->last && !same(c->human, h->wanted))
            return CONTROL_DONE;
    }
    handoff_next(d, HANDOFF_DECLINED, check_detail(d, c->text));
    return CONTROL_DONE;
}

static enum control_outcome say(struct draft *d, const struct event_control *c)
{
    struct record *reply;

    if (c->message == NULL || check_message(c->message) != NULL)
        return CONTROL_BAD;
    if (session_unsent(d->session) >= ENGINE_MAX_UNSENT)
        return CONTROL_FULL;
    reply = draft_reply(d, NULL, TD_HUMAN, d->handoff.title, c->message);
    reply->handoff = d->handoff.id;
    reply->upto = d->newest;
    d->step->message_seq = reply->seq;
    promise_kept(d);
    return CONTROL_DONE;
}

static enum control_outcome typing(struct draft *d, const struct event_control *c)
{
    struct effect *effect = draft_effect(d, EFFECT_EVENT);

    effect->event = TD_EV_TYPING;
    effect->on = c->on;
    return CONTROL_DONE;
}

/* The customer's own words only: what a human or agent said is not theirs to hear of. */
static enum control_outcome read_up(struct draft *d, const struct event_control *c)
{
    const struct session *s = d->session;
    struct record *record;
    size_t i = s->n_messages;

    if (d->event->of == 0 || d->event->of > s->seq)
        return CONTROL_BAD;
    while (i > 0 && (s->messages[i - 1].author != TD_CUSTOMER ||
                     s->messages[i - 1].seq > d->event->of))
        i--;
    if (i == 0 || s->messages[i - 1].seq <= s->receipt.read)
        return CONTROL_DONE;
    record = handoff_record(d, RECORD_READ);
    record->author = TD_HUMAN;
    record->name = c->human;
    record->of = s->messages[i - 1].seq;
    return CONTROL_DONE;
}

static enum control_outcome note(struct draft *d, const struct event_control *c,
                                 enum record_type type)
{
    struct record *record;

    if (c->text == NULL && type != RECORD_REVIEW)
        return CONTROL_BAD;
    record = draft_record(d, type);
    record->handoff = !ulid_is_zero(&c->handoff) ? c->handoff : d->handoff.id;
    record->name = c->human != NULL ? c->human : d->handoff.human;
    if (type == RECORD_NOTE)
        d->step->message_seq = record->seq;
    if (type == RECORD_TAGS)
        record->body.text = c->text;
    else
        record->body.note = c->text;
    if (type == RECORD_REVIEW)
        record->score = c->on;
    return CONTROL_DONE;
}

static int works_at(const struct policy_human *human, const struct policy_queue *queue)
{
    for (const char *const *desk = human->desks; desk != NULL && *desk != NULL; desk++)
        if (strcmp(*desk, queue->desk->name) == 0)
            return 1;
    return 0;
}

/* The queue under whose clocks that human is asked: this one, or the first of a desk of theirs. */
static const struct policy_queue *queue_of(const struct draft *d, const struct policy_human *human)
{
    const struct policy_queue *queue = policy_queue(d->policy, d->handoff.queue);

    if (queue != NULL && works_at(human, queue))
        return queue;
    for (size_t i = 0; i < d->policy->n_queues; i++)
        if (works_at(human, &d->policy->queues[i]))
            return &d->policy->queues[i];
    return NULL;
}

static enum control_outcome transfer(struct draft *d, const struct event_control *c)
{
    const struct ulid from = d->handoff.id;
    const struct policy_human *human = policy_human(d->policy, c->to_human);
    const struct policy_queue *queue = human != NULL && c->queue == NULL
                                           ? queue_of(d, human)
                                           : policy_queue(d->policy, c->queue);
    const struct handoff_ask ask = {
        .queue = queue != NULL ? queue->name : NULL,
        .code = d->handoff.code != NULL ? d->handoff.code : "human_takeover",
        .reason = c->text != NULL ? c->text : d->handoff.reason, .by = "transfer",
        .wanted = c->to_human, .from = &from, .told = TEXT_STATES,
    };

    if ((c->to_human != NULL && (human == NULL || same(c->to_human, d->handoff.human))) ||
        queue == NULL)
        return CONTROL_BAD;
    if (!hours_open(queue->hours, d->event->now))
        return CONTROL_FULL; /* the customer stays with who has them */
    stretch_end(d, HANDOFF_TRANSFERRED, "human", c->text, c->wrapup);
    handoff_begin(d, &ask);
    return CONTROL_DONE;
}

static enum control_outcome take(struct draft *d, const struct event_control *c)
{
    const struct ulid from = d->handoff.id;

    if (c->human == NULL || *c->human == '\0')
        return CONTROL_BAD;
    if ((!ulid_is_zero(&c->handoff) && ulid_cmp(&c->handoff, &from) != 0) ||
        (d->event->epoch != 0 && d->event->epoch != d->epoch))
        return d->handoff.state == HANDOFF_LIVE ? taken(d) : CONTROL_OVER;
    if (d->handoff.state == HANDOFF_NONE) {
        handoff_take(d, c, NULL);
    } else if (d->handoff.state != HANDOFF_LIVE) {
        handoff_live(d, c->human, c->title, c->desk);
    } else if (!same(c->human, d->handoff.human) || !same(c->desk, d->handoff.desk)) {
        stretch_end(d, HANDOFF_TAKEN, "human", NULL, NULL);
        handoff_take(d, c, &from);
    }
    return CONTROL_DONE;
}

/* A provider shows us what we have sent ourselves as well. */
static int is_ours(const struct draft *d, const struct td_message *message)
{
    const struct session *s = d->session;

    for (size_t i = 0; i < s->n_messages; i++)
        if (s->messages[i].author != TD_CUSTOMER && same(s->messages[i].text, message->text))
            return 1;
    return 0;
}

static enum control_outcome native(struct draft *d, const struct event_control *c)
{
    struct record *reply;

    if (c->message == NULL || c->message->text == NULL || check_message(c->message) != NULL ||
        d->channel->replays)
        return CONTROL_BAD;
    if (is_ours(d, c->message))
        return CONTROL_DONE;
    if (d->handoff.state != HANDOFF_LIVE)
        handoff_native(d, c);
    reply = handoff_record(d, RECORD_REPLY);
    reply->message_id = draft_id(d);
    reply->ext_id = c->message->id;
    reply->author = TD_HUMAN;
    reply->name = c->title;
    reply->status = TD_SENT;
    reply->upto = d->newest;
    reply->body.text = c->message->text;
    reply->body.attachments = c->message->attachments;
    reply->body.n_attachments = c->message->n_attachments;
    d->step->message_seq = reply->seq;
    promise_kept(d);
    return CONTROL_DONE;
}

static enum control_outcome request(struct draft *d, const struct event_control *c)
{
    const struct handoff_ask ask = {
        .queue = c->queue, .code = c->code != NULL ? c->code : "supervisor", .reason = c->text,
        .by = c->human != NULL ? c->human : "operator", .told = TEXT_STATES,
    };

    if (d->handoff.state != HANDOFF_NONE && !d->handoff.quiet)
        return CONTROL_DONE; /* somebody is asked for already */
    if (c->queue != NULL && policy_queue(d->policy, c->queue) == NULL)
        return CONTROL_BAD;
    if (handoff_queue(d, c->queue) == NULL)
        return CONTROL_NOT_FOUND;
    handoff_cancel(d, HANDOFF_CANCELLED, "request");
    handoff_begin(d, &ask);
    return CONTROL_DONE;
}

static enum control_outcome gone(struct draft *d, const struct event_control *c)
{
    const struct session_handoff *h = &d->handoff;
    int here = h->state != HANDOFF_NONE &&
               (ulid_is_zero(&c->handoff) || ulid_cmp(&c->handoff, &h->id) == 0) &&
               (c->desk == NULL || same(c->desk, h->desk));

    if (here && h->state == HANDOFF_LIVE && (c->human == NULL || same(c->human, h->human)))
        stretch_gone(d, "gone");
    else if (here && h->state != HANDOFF_LIVE &&
             (c->human == NULL ? c->desk != NULL : same(c->human, h->wanted)))
        handoff_next(d, HANDOFF_NOBODY, "the desk went away");
    else
        return CONTROL_OVER;
    return CONTROL_DONE;
}

/* What only the human may do who has the session. */
static enum control_outcome run_held(struct draft *d, const struct event_control *c)
{
    enum control_outcome outcome = holder(d, c);

    if (outcome != CONTROL_DONE)
        return outcome;
    switch (c->op) {
    case CONTROL_SAY: return say(d, c);
    case CONTROL_TYPING: return typing(d, c);
    case CONTROL_READ: return read_up(d, c);
    case CONTROL_TRANSFER: return transfer(d, c);
    case CONTROL_RETURN:
        if (handoff_agent(d) == NULL)
            return CONTROL_NO_AGENT;
        stretch_return(d, "human", c->text, c->wrapup);
        return CONTROL_DONE;
    case CONTROL_CLOSE: stretch_close(d, "human", c->wrapup); return CONTROL_DONE;
    case CONTROL_BRIDGE: return bridge_make(d, c);
    case CONTROL_EXTEND: handoff_record(d, RECORD_LEASE)->cause = "extended"; return CONTROL_DONE;
    default: return CONTROL_BAD;
    }
}

static enum control_outcome run(struct draft *d, const struct event_control *c)
{
    if (c->op == CONTROL_TELL)
        return bridge_tell(d, c);
    if (d->session->phase == SESSION_NEW)
        return CONTROL_NOT_FOUND;
    switch (c->op) { /* what may be said of a closed session too */
    case CONTROL_NOTE: return note(d, c, RECORD_NOTE);
    case CONTROL_TAG: return note(d, c, RECORD_TAGS);
    case CONTROL_REVIEW: return note(d, c, RECORD_REVIEW);
    case CONTROL_TOLD: return bridge_told(d, c);
    default: break;
    }
    if (d->session->phase == SESSION_CLOSED) {
        d->step->reason = "the session is over";
        return CONTROL_OVER;
    }
    switch (c->op) {
    case CONTROL_ACCEPT: return accept(d, c);
    case CONTROL_DECLINE: return decline(d, c);
    case CONTROL_TAKE: return take(d, c);
    case CONTROL_REQUEST: return request(d, c);
    case CONTROL_GONE: return gone(d, c);
    case CONTROL_NATIVE: return native(d, c);
    case CONTROL_PASS: return draft_pass(d, c->agent, c->text);
    case CONTROL_BRIDGE: return c->human != NULL ? run_held(d, c) : bridge_make(d, c);
    case CONTROL_END: draft_close(d, check_detail(d, c->text)); return CONTROL_DONE;
    default: return run_held(d, c);
    }
}

void control_decide(struct draft *d)
{
    const struct event_control *c = d->event->control;
    const struct session_control *known = session_control(d->session, c->id);
    struct step *step = d->step;

    if (known != NULL) {
        step->outcome = CONTROL_AGAIN;
        step->first = (enum control_outcome)known->outcome;
        step->message_seq = known->of;
        return;
    }
    if ((step->reason = check_control(c)) != NULL) {
        step->outcome = CONTROL_BAD;
        return;
    }
    step->outcome = run(d, c);
    if (step->outcome != CONTROL_DONE || c->id == NULL || c->op == CONTROL_TYPING ||
        c->op == CONTROL_READ)
        return;
    struct record *record = draft_record(d, RECORD_CONTROL);
    record->ext_id = c->id;
    record->op = (int)c->op;
    record->outcome = (int)CONTROL_DONE;
    record->name = c->human;
    record->handoff = d->handoff.id;
    record->of = step->message_seq;
}
