/* decide_stretch.c - the human's time: how it ends, its lease, and the clocks of waiting. */
#include "config.h"

#include <string.h>

#include "engine/draft.h"
#include "engine/hours.h"

void stretch_end(struct draft *d, enum handoff_outcome outcome, const char *by, const char *note,
                 const char *wrapup)
{
    struct record *ended = handoff_record(d, RECORD_STRETCH);

    ended->outcome = STRETCH_ENDED;
    ended->name = d->handoff.human;
    ended->title = d->handoff.title;
    ended->epoch = d->epoch;
    ended->due = d->handoff.accepted_at;
    ended->cause = by;
    ended->body.note = note;
    ended->body.wrapup = wrapup;
    handoff_end(d, outcome, by, NULL, 0);
}

/* That the human has finished is only said when they said so. */
static void say_return(struct draft *d, const char *by)
{
    const int finished = strcmp(by, "human") == 0 && !d->channel->disclose_ai;
    const struct text_vars vars = { .of = { [TEXT_VAR_HUMAN] = d->handoff.title } };

    handoff_say(d, finished ? TEXT_RETURNED : TEXT_AI_BACK, &vars);
}

/* The agent goes on; when nothing waits for it, it may want to say so itself. */
static void go_on(struct draft *d, const char *cause)
{
    handoff_back(d, cause);
    if (d->channel->announce_return && !d->turn_active && d->newest <= d->answered &&
        policy_agent(d->policy, d->owner) != NULL)
        turn_start(d, policy_agent(d->policy, d->owner), "return", NULL);
}

void stretch_return(struct draft *d, const char *by, const char *note, const char *wrapup)
{
    stretch_end(d, HANDOFF_RETURNED, by, note, wrapup);
    say_return(d, by);
    go_on(d, "returned");
}

void stretch_requeue(struct draft *d, const char *by)
{
    const struct ulid from = d->handoff.id;
    const char *queue = *d->handoff.queue != '\0' ? d->handoff.queue : NULL;
    const struct handoff_ask ask = {
        .queue = queue, .code = d->handoff.code != NULL ? d->handoff.code : "human_takeover",
        .reason = d->handoff.reason, .also = d->handoff.also,
        .evidence = d->handoff.evidence, .by = by, .from = &from, .told = TEXT_REQUEUED,
        .human = d->handoff.title,
    };

    if (handoff_queue(d, queue) == NULL) {
        stretch_return(d, by, NULL, NULL);
        return;
    }
    stretch_end(d, HANDOFF_REQUEUED, by, NULL, NULL);
    handoff_begin(d, &ask);
}

void stretch_close(struct draft *d, const char *by, const char *wrapup)
{
    const struct text_vars vars = { .of = { [TEXT_VAR_HUMAN] = d->handoff.title } };

    handoff_say(d, TEXT_CLOSED_BY_HUMAN, &vars);
    stretch_end(d, HANDOFF_CLOSED, by, NULL, wrapup);
    handoff_drop(d, "closed"); /* opened again, it is the agent's */
    draft_close(d, "human");
}

void handoff_cancel(struct draft *d, enum handoff_outcome outcome, const char *by)
{
    if (d->handoff.state == HANDOFF_LIVE)
        stretch_end(d, outcome, by, NULL, NULL);
    else if (d->handoff.state != HANDOFF_NONE)
        handoff_end(d, outcome, by, NULL, 0);
}

int handoff_may_leave(const struct draft *d)
{
    return d->handoff.state != HANDOFF_NONE && !d->handoff.quiet;
}

void handoff_leave(struct draft *d, const char *how)
{
    const struct policy_agent *agent = handoff_agent(d);
    const struct text_vars vars = { .of = { [TEXT_VAR_AGENT] =
                                                agent != NULL ? agent->name : NULL } };

    if (d->handoff.state == HANDOFF_LIVE) {
        stretch_end(d, HANDOFF_LEFT, how, NULL, NULL);
        say_return(d, how);
    } else {
        handoff_end(d, HANDOFF_LEFT, how, NULL, 0);
        handoff_say(d, TEXT_LEFT_QUEUE, &vars);
    }
    handoff_back(d, "left");
}

/* ---- Clocks ------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of a human who is at none of our desks: the channel's own. */
static int64_t native_end(const struct session *s, const struct policy *policy)
{
    const struct policy_channel *channel = policy_channel(policy, s->channel);

    return s->handoff.touched_at + (channel != NULL ? channel->native_ms : 0);
}

static int64_t lease_end(const struct session_handoff *h, const struct policy_queue *queue)
{
    int64_t lease = h->reminded && queue->remind_ms > 0 ? queue->remind_ms : queue->lease_ms;
    int64_t end = lease > 0 ? h->touched_at + lease : INT64_MAX;

    if (h->spoke_at == 0 && queue->response_ms > 0)
        end = earlier(end, h->touched_at + queue->response_ms);
    return end;
}

/* The desk hears of the end of a lease when a quarter of it is left. */
static int64_t warning_at(const struct session_handoff *h, const struct policy_queue *queue)
{
    int64_t end = lease_end(h, queue);

    return h->warned || end == INT64_MAX ? INT64_MAX : end - (end - h->touched_at) / 4;
}

int64_t handoff_due(const struct session *s, const struct policy *policy)
{
    const struct session_handoff *h = &s->handoff;
    const struct policy_queue *queue = policy_queue(policy, h->queue);
    int64_t due = INT64_MAX;

    if (s->phase != SESSION_OPEN || h->state == HANDOFF_NONE)
        return INT64_MAX;
    if (h->state == HANDOFF_LIVE && *h->desk == '\0')
        return native_end(s, policy);
    if (h->state == HANDOFF_LIVE)
        return queue == NULL ? INT64_MAX : earlier(lease_end(h, queue), warning_at(h, queue));
    if (queue == NULL)
        return h->queued_at;
    if (h->state == HANDOFF_CHECKING)
        return h->offered_at + queue->offer_ms;
    if (queue->overflow_after_ms > 0 && queue->overflow != NULL)
        due = h->queued_at + queue->overflow_after_ms;
    if (queue->max_wait_ms > 0)
        due = earlier(due, h->since + queue->max_wait_ms);
    return due;
}

static int overflow_open(const struct draft *d, const struct policy_queue *queue)
{
    for (queue = queue->overflow; queue != NULL; queue = queue->overflow)
        if (hours_open(queue->hours, d->event->now))
            return 1;
    return 0;
}

static void waited(struct draft *d, const struct policy_queue *queue)
{
    if (queue->max_wait_ms > 0 && d->event->now >= d->handoff.since + queue->max_wait_ms) {
        handoff_give_up(d, queue, HANDOFF_TIMEOUT, "waited too long");
    } else if (overflow_open(d, queue)) {
        handoff_next(d, HANDOFF_TIMEOUT, "waited too long");
    } else {
        struct record *on = handoff_record(d, RECORD_HANDOFF_STATE);
        on->state = HANDOFF_QUEUED;
        on->cause = "waits_on"; /* the others are closed */
        on->position = d->handoff.position;
        on->wait = d->handoff.wait;
    }
}

static void remind(struct draft *d)
{
    const struct text_vars vars = { .of = { [TEXT_VAR_HUMAN] = d->handoff.title } };

    handoff_record(d, RECORD_LEASE)->cause = "reminded";
    handoff_say(d, TEXT_REMINDER, &vars);
}

void stretch_gone(struct draft *d, const char *by)
{
    const struct policy_queue *queue = policy_queue(d->policy, d->handoff.queue);
    enum policy_expiry expiry = queue != NULL ? queue->expiry : EXPIRY_REQUEUE;

    if (expiry == EXPIRY_CLOSE)
        stretch_close(d, by, NULL);
    else if (expiry == EXPIRY_RETURN && handoff_agent(d) != NULL)
        stretch_return(d, by, NULL, NULL);
    else
        stretch_requeue(d, by);
}

static void lease_timer(struct draft *d, const struct policy_queue *queue)
{
    const struct session_handoff *h = &d->session->handoff;

    if (d->event->now < lease_end(h, queue)) {
        struct effect *warning = draft_effect(d, EFFECT_DESK_EVENT);
        handoff_record(d, RECORD_LEASE)->cause = "warned";
        warning->desk_event = TD_DESK_LEASE;
        warning->handoff = d->handoff.id;
        warning->desk = d->handoff.desk;
        warning->wait_ms = lease_end(h, queue) - d->event->now;
    } else if (queue->expiry == EXPIRY_REMIND && !h->reminded) {
        remind(d);
    } else {
        stretch_gone(d, "lease");
    }
}

void handoff_timer(struct draft *d)
{
    const struct policy_queue *queue = policy_queue(d->policy, d->handoff.queue);

    if (d->handoff.state == HANDOFF_LIVE && *d->handoff.desk == '\0')
        stretch_return(d, "lease", NULL, NULL);
    else if (queue == NULL)
        handoff_next(d, HANDOFF_NOBODY, "the queue is not configured any more");
    else if (d->handoff.state == HANDOFF_CHECKING)
        handoff_next(d, HANDOFF_TIMEOUT, "the desk did not answer");
    else if (d->handoff.state == HANDOFF_QUEUED)
        waited(d, queue);
    else
        lease_timer(d, queue);
}
