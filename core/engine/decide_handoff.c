/* decide_handoff.c - to find a human: offered, queued, accepted, or the truth instead. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "engine/draft.h"
#include "engine/hours.h"

/* A code that is not in the table is somebody's own. */
static const char *category_of(const char *code)
{
    const struct reason_code *known = reason_code(code);

    return known != NULL ? known->category : "operational";
}

int draft_held(const struct draft *d)
{
    return d->handoff.state != HANDOFF_NONE && d->owner == NULL;
}

struct record *handoff_record(struct draft *d, enum record_type type)
{
    struct record *record = draft_record(d, type);

    record->handoff = d->handoff.id;
    return record;
}

const char *draft_language(const struct draft *d)
{
    return d->view.language != NULL ? d->view.language : d->view.locale;
}

/* Without a catalogue (the tests) the state's name stands for its text. */
static const char *text_of(const struct draft *d, enum text_state state,
                           const struct text_vars *vars)
{
    if (d->policy->texts == NULL)
        return text_state_name(state);
    return texts_render(d->policy->texts, state, text_channel_of(d->channel->kind),
                        draft_language(d), d->policy->language, vars, d->step->arena);
}

/* In the customer's own words, as long as they are few. */
static const char *issue_of(const struct draft *d)
{
    const struct session *s = d->session;
    const char *text = NULL;

    if (d->handoff.code != NULL && strcmp(d->handoff.code, "customer_request") == 0)
        return NULL;
    if (d->event->type == EVENT_MESSAGE && ulid_cmp(&d->handoff.id, &s->handoff.id) != 0)
        text = d->event->message->text; /* it has led to this handoff */
    for (size_t i = s->n_messages; i-- > 0 && text == NULL;)
        if (s->messages[i].author == TD_CUSTOMER && s->messages[i].text != NULL &&
            s->messages[i].delta == 0) /* "hello?" while they wait is not what it is about */
            text = s->messages[i].text;
    return text != NULL && strlen(text) <= 80 ? arena_strdup(d->step->arena, text) : NULL;
}

static struct text_vars vars_of(const struct draft *d, const struct text_vars *more)
{
    struct text_vars vars = more != NULL ? *more : (struct text_vars){ .of = { NULL } };

    vars.of[TEXT_VAR_BUSINESS] = d->policy->business;
    if (vars.of[TEXT_VAR_ISSUE] == NULL)
        vars.of[TEXT_VAR_ISSUE] = issue_of(d);
    if (vars.of[TEXT_VAR_WHAT] == NULL)
        vars.of[TEXT_VAR_WHAT] = vars.of[TEXT_VAR_ISSUE]; /* what was promised is help with it */
    return vars;
}

struct record *draft_text_with(struct draft *d, enum text_state state,
                               const struct text_vars *more)
{
    const struct text_vars vars = vars_of(d, more);
    const struct td_message message = { .size = sizeof message, .text = text_of(d, state, &vars) };

    struct record *reply = draft_reply(d, NULL, TD_SYSTEM, NULL, &message);

    reply->said = (int)state + 1;
    return reply;
}

void draft_rule_text(struct draft *d, const char *rule)
{
    const struct text_vars vars = vars_of(d, NULL);
    const char *text = d->policy->texts == NULL
                           ? rule
                           : texts_render_rule(d->policy->texts, rule,
                                               text_channel_of(d->channel->kind), draft_language(d),
                                               d->policy->language, &vars, d->step->arena);

    if (text != NULL)
        draft_say(d, text);
}

struct record *draft_text(struct draft *d, enum text_state state)
{
    return draft_text_with(d, state, NULL);
}

void handoff_say(struct draft *d, enum text_state state, const struct text_vars *more)
{
    const struct text_vars vars = vars_of(d, more);
    const struct td_message message = { .size = sizeof message, .text = text_of(d, state, &vars) };
    struct record *reply;

    if ((d->handoff.told >> state & 1) != 0)
        return;
    d->handoff.told |= 1u << state;
    reply = draft_reply(d, NULL, TD_SYSTEM, NULL, &message);
    reply->handoff = d->handoff.id;
    reply->said = (int)state + 1;
}

const char *handoff_moment(const struct draft *d, const struct hours *hours, int64_t at)
{
    return d->policy->texts == NULL || at == INT64_MAX
               ? NULL
               : texts_moment(d->policy->texts, draft_language(d), d->policy->language,
                              hours_zone(hours), at, d->event->now, d->step->arena);
}

/* ---- Ownership ---------------------------------------------------------------------------- */

static void owner(struct draft *d, enum td_owner_kind kind, const char *name, const char *title,
                  const char *cause, int pending)
{
    struct record *record = handoff_record(d, RECORD_OWNER);
    struct effect *told = draft_effect(d, EFFECT_EVENT);

    record->owner = (int)kind;
    record->name = name;
    record->title = title;
    record->epoch = ++d->epoch;
    record->cause = cause;
    record->pending = pending;
    d->owner = kind == TD_OWNER_AGENT ? name : NULL;
    d->view.owner = kind;
    d->view.owner_name = (char *)(name != NULL ? name : "");
    told->event = TD_EV_OWNER;
    told->of = record->seq;
    told->on = pending;
    told->owner = kind;
    told->text = title != NULL ? title : name;
}

const struct policy_agent *handoff_agent(const struct draft *d)
{
    const struct policy_agent *agent = policy_agent(d->policy, d->handoff.agent);

    return agent != NULL ? agent : d->channel->agent;
}

void handoff_drop(struct draft *d, const char *cause)
{
    const struct policy_agent *agent = handoff_agent(d);

    turn_interrupt(d, cause);
    owner(d, agent != NULL ? TD_OWNER_AGENT : TD_OWNER_NONE, agent != NULL ? agent->name : NULL,
          NULL, cause, 0);
}

void handoff_back(struct draft *d, const char *cause)
{
    handoff_drop(d, cause);
    turn_go_on(d);
}

/* ---- Offering ----------------------------------------------------------------------------- */

const struct policy_queue *handoff_queue(const struct draft *d, const char *name)
{
    const struct policy_queue *queue = policy_queue(d->policy, name);

    if (queue == NULL)
        queue = d->channel->queue;
    if (queue == NULL && d->policy->n_queues > 0)
        queue = &d->policy->queues[0];
    return queue;
}

static const struct policy_queue *first_open(const struct draft *d,
                                             const struct policy_queue *queue)
{
    while (queue != NULL && !hours_open(queue->hours, d->event->now))
        queue = queue->overflow;
    return queue;
}

static void release(struct draft *d, const char *outcome)
{
    struct effect *effect = draft_effect(d, EFFECT_RELEASE);

    effect->handoff = d->handoff.id;
    effect->desk = d->handoff.desk;
    effect->text = outcome;
}

static void relay(struct draft *d, uint64_t of, uint32_t delta)
{
    struct effect *effect = draft_effect(d, EFFECT_RELAY);

    effect->handoff = d->handoff.id;
    effect->desk = d->handoff.desk;
    effect->of = of;
    effect->delta = delta;
}

/* Additions that no desk has got, or, again, that this one cannot know. A handoff that follows
 * another numbers them anew, as apply does. */
static void relay_all(struct draft *d, int again)
{
    const struct session *s = d->session;
    int same = ulid_cmp(&s->handoff.id, &d->handoff.id) == 0;
    uint32_t n = 0;

    for (size_t i = 0; i < s->n_messages; i++) {
        const struct session_message *m = &s->messages[i];
        if (m->relay != RELAY_WAITS &&
            !(again && m->relay == RELAY_DONE && m->seq > s->handoff.from_seq))
            continue;
        relay(d, m->seq, same ? m->delta : ++n);
    }
    if (!same && d->event->type == EVENT_MESSAGE) /* said to the one before, and led to this one */
        relay(d, d->step->message_seq, ++n);
}

static void offer(struct draft *d, const struct policy_queue *queue, const char *cause)
{
    int other = strcmp(d->handoff.desk, queue->desk->name) != 0;
    struct record *state = handoff_record(d, RECORD_HANDOFF_STATE);
    struct effect *effect;

    state->state = HANDOFF_CHECKING;
    state->queue = d->handoff.queue = (char *)queue->name;
    state->desk = d->handoff.desk = (char *)queue->desk->name;
    state->name = d->handoff.wanted;
    state->cause = cause;
    d->handoff.state = HANDOFF_CHECKING;
    effect = draft_effect(d, EFFECT_OFFER);
    effect->handoff = d->handoff.id;
    effect->desk = queue->desk->name;
    if (d->session->handoff.state != HANDOFF_NONE)
        relay_all(d, other && ulid_cmp(&d->session->handoff.id, &d->handoff.id) == 0);
    /* The lines of our own humans answer at once: "queued" is said then, and nothing before. */
    if (!d->handoff.quiet && (queue->desk->caps & TD_DESK_HUMANS) == 0)
        handoff_say(d, TEXT_CHECKING, NULL);
}

void handoff_end(struct draft *d, enum handoff_outcome outcome, const char *cause,
                 const char *detail, uint64_t upto)
{
    struct record *ended = handoff_record(d, RECORD_HANDOFF_END);

    ended->outcome = (int)outcome;
    ended->cause = cause;
    ended->detail = detail;
    ended->upto = upto;
    ended->queue = d->handoff.queue;
    ended->desk = d->handoff.desk;
    release(d, handoff_outcome_name((int)outcome));
    d->handoff.state = HANDOFF_NONE;
    if (upto > d->answered)
        d->answered = upto;
}

/* Nobody of the chain can: a promise, or the truth; then the agent goes on. */
void handoff_give_up(struct draft *d, const struct policy_queue *queue,
                     enum handoff_outcome why, const char *detail)
{
    /* An agent that could not answer is not asked about the same again. */
    int dead = d->handoff.code != NULL && strcmp(d->handoff.code, "agent_unavailable") == 0;
    uint64_t upto = dead ? d->newest : 0;
    struct text_vars vars = { .of = { NULL } };
    enum handoff_outcome outcome = why;

    if (d->handoff.quiet) {
        handoff_end(d, why, "promise", detail, upto);
        handoff_back(d, "handoff_failed");
        return;
    }
    if (queue != NULL && queue->fallback != FALLBACK_REFUSE && promise_make(d, queue)) {
        outcome = queue->fallback == FALLBACK_MAILBOX ? HANDOFF_MAILBOX : HANDOFF_CALLBACK;
    } else {
        int open = queue != NULL && hours_open(queue->hours, d->event->now);
        if (queue != NULL && !open)
            vars.of[TEXT_VAR_NEXT_OPEN] = handoff_moment(
                d, queue->hours, hours_next_open(queue->hours, d->event->now));
        handoff_say(d, why == HANDOFF_OUT_OF_HOURS ? TEXT_OUT_OF_HOURS : TEXT_NOBODY, &vars);
    }
    handoff_end(d, outcome, handoff_outcome_name((int)why), detail, upto);
    handoff_back(d, "handoff_failed");
}

void handoff_next(struct draft *d, enum handoff_outcome why, const char *detail)
{
    const struct policy_queue *queue = policy_queue(d->policy, d->handoff.queue);
    const struct policy_queue *next = first_open(d, queue != NULL ? queue->overflow : NULL);

    if (queue != NULL && d->handoff.wanted != NULL) { /* not that human: anybody of the queue */
        d->handoff.wanted = NULL;
        next = hours_open(queue->hours, d->event->now) ? queue : next;
    }
    if (next == NULL) {
        handoff_give_up(d, queue, why, detail);
        return;
    }
    release(d, handoff_outcome_name((int)why));
    offer(d, next, handoff_outcome_name((int)why));
}

static void begin(struct draft *d, const struct handoff_ask *ask, const char *queue,
                  const char *desk, int priority)
{
    const char *agent = d->owner != NULL ? d->owner : d->handoff.agent;
    struct record *record = draft_record(d, RECORD_HANDOFF);

    d->handoff = (struct session_handoff){
        .state = HANDOFF_CHECKING, .id = draft_id(d), .queue = (char *)queue,
        .desk = (char *)desk, .code = (char *)ask->code, .reason = (char *)ask->reason,
        .agent = (char *)agent, .wanted = (char *)ask->wanted, .also = (char *)ask->also,
        .evidence = (char *)ask->evidence,
        .quiet = strcmp(ask->by, "promise") == 0,
    };
    record->handoff = d->handoff.id;
    if (ask->from != NULL)
        record->from = *ask->from;
    record->queue = queue;
    record->desk = desk;
    record->code = ask->code;
    record->category = category_of(ask->code);
    record->priority = priority;
    record->cause = ask->by;
    record->name = ask->wanted;
    d->offered = 0;
    record->also = ask->also;
    record->evidence = ask->evidence;
    record->body.note = ask->reason;
}

int handoff_begin(struct draft *d, const struct handoff_ask *ask)
{
    const struct policy_queue *queue = handoff_queue(d, ask->queue), *open;
    const char *agent = d->owner;
    int meanwhile;

    if (queue == NULL)
        return 0;
    open = first_open(d, queue);
    meanwhile = agent != NULL &&
                (strcmp(ask->by, "promise") == 0 || (open != NULL && open->agent_meanwhile));
    if (meanwhile || open == NULL)
        turn_interrupt(d, "handoff");
    else
        turn_abandon(d, "handoff");
    begin(d, ask, queue->name, queue->desk->name, queue->priority);
    if (meanwhile)
        owner(d, TD_OWNER_AGENT, agent, NULL, "handoff", !d->handoff.quiet);
    else
        owner(d, TD_OWNER_NONE, NULL, NULL, "handoff", 1);
    if (ask->told != TEXT_STATES) {
        const struct text_vars vars = { .of = { [TEXT_VAR_HUMAN] = ask->human } };
        handoff_say(d, ask->told, &vars);
        d->handoff.told |= 1u << TEXT_CHECKING;
    }
    if (open == NULL)
        handoff_give_up(d, queue, HANDOFF_OUT_OF_HOURS, NULL);
    else
        offer(d, open, ask->by);
    turn_go_on(d);
    return 1;
}

/* ---- A human is there --------------------------------------------------------------------- */

void handoff_live(struct draft *d, const char *human, const char *title, const char *desk)
{
    const struct policy_human *known = policy_human(d->policy, human);
    int other = desk != NULL && strcmp(desk, d->handoff.desk) != 0;
    struct record *record;

    if (title == NULL)
        title = known != NULL && known->title != NULL ? known->title : human;
    turn_abandon(d, "handoff");
    if (other && d->handoff.desk[0] != '\0')
        release(d, "taken");
    record = handoff_record(d, RECORD_HANDOFF_STATE);
    record->state = HANDOFF_LIVE;
    record->name = human;
    record->title = title;
    record->desk = desk;
    d->handoff.state = HANDOFF_LIVE;
    d->handoff.quiet = 0;
    d->handoff.human = (char *)human;
    d->handoff.title = (char *)title;
    if (other)
        d->handoff.desk = (char *)desk;
    if (other && *desk != '\0') {
        relay_all(d, d->session->handoff.state != HANDOFF_NONE);
    }
    owner(d, TD_OWNER_HUMAN, human, title, "accepted", 0);
    record = handoff_record(d, RECORD_STRETCH);
    record->outcome = STRETCH_BEGUN;
    record->name = human;
    record->title = title;
    record->epoch = d->epoch;
    const struct text_vars vars = { .of = { [TEXT_VAR_HUMAN] = title } };
    handoff_say(d, TEXT_LIVE, &vars);
}

/* The queue whose clocks hold for a human of that desk. */
static const struct policy_queue *queue_at(const struct draft *d, const char *desk)
{
    const struct policy_queue *queue = handoff_queue(d, NULL);

    if (queue != NULL && strcmp(queue->desk->name, desk) == 0)
        return queue;
    for (size_t i = 0; i < d->policy->n_queues; i++)
        if (strcmp(d->policy->queues[i].desk->name, desk) == 0)
            return &d->policy->queues[i];
    return NULL;
}

void handoff_reopen(struct draft *d)
{
    const struct session *s = d->session;
    const char *human = arena_strdup(d->step->arena, s->last_human);
    const struct policy_human *known = human != NULL ? policy_human(d->policy, human) : NULL;
    const struct policy_queue *queue =
        queue_at(d, d->handoff.desk != NULL ? d->handoff.desk : "");
    const struct handoff_ask ask = { .code = "human_takeover", .by = "reopened",
                                     .reason = d->handoff.reason };
    struct effect *effect;

    /* Closed by anything else than that human, it is the agent's. */
    if (known == NULL || queue == NULL || s->stretch.ended_at != s->closed_at)
        return;
    begin(d, &ask, queue->name, d->handoff.desk, queue->priority);
    effect = draft_effect(d, EFFECT_OFFER); /* the desk is given it as theirs */
    effect->handoff = d->handoff.id;
    effect->desk = d->handoff.desk;
    handoff_live(d, human, known->title, NULL);
}

void handoff_native(struct draft *d, const struct event_control *c)
{
    const struct handoff_ask ask = { .code = "human_takeover", .by = "native" };

    if (d->handoff.state == HANDOFF_NONE) {
        turn_abandon(d, "handoff");
        begin(d, &ask, "", "", 0);
    }
    d->handoff.told |= 1u << TEXT_LIVE; /* by the message itself */
    handoff_live(d, "native", c->title, "");
}

void handoff_take(struct draft *d, const struct event_control *c, const struct ulid *from)
{
    const struct handoff_ask ask = { .code = c->code != NULL ? c->code : "human_takeover",
                                     .reason = c->text, .by = "human", .from = from };
    const char *desk = c->desk != NULL ? c->desk : "";
    const struct policy_queue *queue = queue_at(d, desk);

    turn_abandon(d, "handoff");
    begin(d, &ask, queue != NULL ? queue->name : "", desk, 0);
    if (from != NULL)
        relay_all(d, 0);
    handoff_live(d, c->human, c->title, desk);
}

/* ---- What desks and lines answer ---------------------------------------------------------- */

static void queued(struct draft *d, const struct event_offered *o)
{
    if (!d->handoff.quiet) {
        struct effect *effect = draft_effect(d, EFFECT_EVENT);
        effect->event = TD_EV_QUEUE;
        effect->position = o->position;
        effect->wait_ms = o->wait_ms;
    }
    if (d->handoff.state == HANDOFF_QUEUED) {
        if (d->handoff.quiet)
            draft_refuse(d, VERDICT_NOTHING, "it waits already");
        return;
    }
    struct record *record = handoff_record(d, RECORD_HANDOFF_STATE);
    record->state = HANDOFF_QUEUED;
    record->position = o->position;
    record->wait = o->wait_ms >= 0 ? o->wait_ms + 1 : 0;
    d->handoff.state = HANDOFF_QUEUED;
    if (d->handoff.quiet)
        return;
    struct text_vars vars = { .of = { NULL } };
    if (o->position > 0)
        vars.of[TEXT_VAR_POSITION] = arena_printf(d->step->arena, "%u", (unsigned)o->position);
    if (o->wait_ms >= 0 && d->policy->texts != NULL)
        vars.of[TEXT_VAR_WAIT] = texts_wait(d->policy->texts, draft_language(d), d->policy->language,
                                            o->wait_ms, d->step->arena);
    handoff_say(d, TEXT_QUEUED, &vars);
}

void handoff_offered(struct draft *d)
{
    const struct event_offered *o = d->event->offered;
    const char *text = check_detail(d, o->text);

    if (d->session->phase != SESSION_OPEN || ulid_cmp(&o->handoff, &d->handoff.id) != 0 ||
        (d->handoff.state != HANDOFF_CHECKING && d->handoff.state != HANDOFF_QUEUED)) {
        draft_refuse(d, VERDICT_NOTHING, "that handoff does not wait any more");
        return;
    }
    switch (o->outcome) {
    case OFFERED_QUEUED: queued(d, o); break;
    case OFFERED_ACCEPTED:
        if (o->name != NULL)
            handoff_live(d, check_detail(d, o->name), NULL, NULL);
        else
            draft_refuse(d, VERDICT_REJECT, "accepted by nobody");
        break;
    case OFFERED_DECLINED: handoff_next(d, HANDOFF_DECLINED, text); break;
    case OFFERED_FULL: handoff_next(d, HANDOFF_NOBODY, "the queue is full"); break;
    case OFFERED_NOBODY: handoff_next(d, HANDOFF_NOBODY, "nobody is able"); break;
    case OFFERED_FAILED: handoff_next(d, HANDOFF_NOBODY, text); break;
    }
}

void handoff_resume(struct draft *d)
{
    const struct policy_queue *queue = policy_queue(d->policy, d->handoff.queue);

    if (d->handoff.state == HANDOFF_LIVE) {
        relay_all(d, 0);
    } else if (queue == NULL) {
        handoff_next(d, HANDOFF_NOBODY, "the queue is not configured any more");
    } else if (d->handoff.state == HANDOFF_CHECKING) {
        offer(d, queue, "resumed"); /* its time-out begins anew */
    } else {
        struct effect *effect = draft_effect(d, EFFECT_OFFER);
        effect->handoff = d->handoff.id;
        effect->desk = d->handoff.desk;
        relay_all(d, 0);
    }
}
