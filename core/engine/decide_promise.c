/* decide_promise.c - what was promised, by when, and what happens when it was not kept. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "engine/contact.h"
#include "engine/draft.h"
#include "engine/hours.h"

static int has_mail(const struct draft *d)
{
    return d->session->customer_email != NULL || strcmp(d->channel->kind, "email") == 0;
}

/* The customer's client shows it until it is kept. */
static void show(struct draft *d, const struct record *promise)
{
    struct effect *effect = draft_effect(d, EFFECT_EVENT);

    effect->event = TD_EV_PROMISE;
    effect->of = promise->seq;
    effect->promise = promise->message_id;
    effect->promise_state = (enum promise_state)promise->outcome;
    effect->text = promise->category;
    effect->due = promise->due;
}

/* By something that outlives the page they have open. */
static int is_reachable(const struct draft *d)
{
    const struct session *s = d->session;

    return d->view.peer != NULL || s->customer_email != NULL || s->contact != NULL;
}

const char *promise_contact(struct draft *d)
{
    const struct session *s = d->session;
    const char *contact = NULL;
    int owed = 0, whole = 0;

    for (size_t i = 0; i < s->n_promises; i++)
        owed |= s->promises[i].state == PROMISE_MADE;
    if (owed && !is_reachable(d))
        contact = contact_in(d->event->message->text, d->step->arena, &whole);
    if (contact != NULL)
        draft_record(d, RECORD_CONTACT)->body.text = contact;
    return whole ? contact : NULL;
}

int promise_make(struct draft *d, const struct policy_queue *queue)
{
    int mail = queue->fallback == FALLBACK_MAILBOX;
    int64_t now = d->event->now, start = hours_next_open(queue->hours, now), due;
    struct text_vars vars = { .of = { NULL } };
    struct record *promise;

    if (start == INT64_MAX || (mail && !has_mail(d)))
        return 0;
    due = hours_after(queue->hours, start, queue->promise_ms > 0 ? queue->promise_ms : 0);
    if (due <= now || due == INT64_MAX)
        return 0;
    promise = handoff_record(d, RECORD_PROMISE);
    promise->message_id = draft_id(d);
    promise->outcome = PROMISE_MADE;
    promise->category = mail ? "mailbox" : "callback";
    promise->name = queue->name;
    promise->channel = d->channel->name;
    promise->due = due;
    /* Humans hear of it when they are there again, or half way, when they are but are busy. */
    promise->deadline = start > now ? start : now + (due - now) / 2;
    show(d, promise);
    vars.of[TEXT_VAR_BY] = handoff_moment(d, queue->hours, due);
    handoff_say(d, mail              ? TEXT_MAILBOX
                   : is_reachable(d) ? TEXT_CALLBACK
                                     : TEXT_CONTACT, &vars);
    return 1;
}

static void settle(struct draft *d, const struct session_promise *p,
                             enum promise_state state)
{
    struct record *record = draft_record(d, RECORD_PROMISE);

    record->message_id = p->id;
    record->outcome = (int)state;
    record->category = arena_strdup(d->step->arena, p->what);
    record->name = arena_strdup(d->step->arena, p->by_whom);
    record->due = p->due;
    show(d, record);
}

void promise_kept(struct draft *d)
{
    const struct session *s = d->session;

    for (size_t i = 0; i < s->n_promises; i++)
        settle(d, &s->promises[i],
               s->promises[i].state == PROMISE_MADE ? PROMISE_KEPT : PROMISE_VOID);
}

static int64_t due_of(const struct session *s, const struct session_promise *p)
{
    if (p->state != PROMISE_MADE)
        return INT64_MAX;
    return p->offer_at > 0 && p->offer_at < p->due && !session_handed(s) ? p->offer_at : p->due;
}

int64_t promise_due(const struct session *s)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < s->n_promises && s->phase != SESSION_NEW; i++)
        if (due_of(s, &s->promises[i]) < due)
            due = due_of(s, &s->promises[i]);
    return due;
}

static void reopen(struct draft *d)
{
    if (d->session->phase == SESSION_CLOSED)
        draft_record(d, RECORD_REOPENED);
}

static void broken(struct draft *d, const struct session_promise *p)
{
    const struct policy_queue *queue = policy_queue(d->policy, p->by_whom);
    const struct text_vars vars = { .of = { [TEXT_VAR_BY] = handoff_moment(
        d, queue != NULL ? queue->hours : NULL, p->due) } };

    settle(d, p, PROMISE_BROKEN);
    draft_text_with(d, TEXT_BROKEN_PROMISE, &vars);
}

void promise_timer(struct draft *d)
{
    const struct session *s = d->session;
    const struct session_promise *p = s->promises;

    while (due_of(s, p) > d->event->now)
        p++;
    const struct handoff_ask ask = {
        .queue = arena_strdup(d->step->arena, p->by_whom), .by = "promise",
        .code = d->handoff.code != NULL ? d->handoff.code : "customer_request",
        .reason = d->handoff.reason, .told = TEXT_STATES,
    };
    reopen(d);
    if (p->due <= d->event->now || !handoff_begin(d, &ask))
        broken(d, p);
}
