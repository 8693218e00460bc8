/* decide_turn.c - questions to agents: started, answered, asked again, handed along the chain. */
#include "config.h"

#include <string.h>
#include <tandem/json.h>

#include "base/arena.h"
#include "engine/draft.h"

void turn_start(struct draft *d, const struct policy_agent *agent, const char *cause,
                const char *signals)
{
    struct record *turn = draft_record(d, RECORD_TURN);
    struct effect *ask;

    d->turn_active = 1;
    turn->turn = draft_id(d);
    turn->agent = agent->name;
    turn->upto = d->newest;
    turn->attempt = 1;
    turn->epoch = d->epoch;
    turn->deadline = d->event->now + agent->deadline_ms;
    turn->cause = cause;
    turn->route = d->route;
    turn->signals = signals;
    turn->policy = d->policy->hash;
    ask = draft_effect(d, EFFECT_ASK);
    ask->turn = turn->turn;
    ask->agent = agent->name;
}

static struct record *end(struct draft *d, enum turn_outcome outcome, uint64_t upto)
{
    struct record *ended = draft_record(d, RECORD_TURN_END);

    d->turn_active = 0;
    ended->turn = d->session->turn.id;
    ended->agent = d->turn_agent;
    ended->outcome = (int)outcome;
    ended->upto = upto;
    return ended;
}

const struct policy_agent *turn_routed(struct draft *d, const char **signals_r)
{
    const char *route = NULL;
    const struct policy_agent *agent = route_pick(d, &route, signals_r);

    if (agent == NULL || (d->route != NULL && strcmp(route, d->route) == 0))
        return NULL;
    d->route = route;
    return agent;
}

void turn_next(struct draft *d)
{
    const char *signals = NULL;

    const int asked = d->newest > d->answered;
    if ((!asked && !d->unheard) || draft_held(d) || d->turn_active || d->offered)
        return;
    if (d->epoch == d->session->epoch) { /* else somebody was put in charge in this step */
        const struct policy_agent *routed = turn_routed(d, &signals);
        if (routed != NULL && (d->owner == NULL || strcmp(routed->name, d->owner) != 0) &&
            d->bounces < d->policy->max_bounces)
            owner_change(d, routed, "route", signals);
    }
    const struct policy_agent *agent = policy_agent(d->policy, d->owner);
    if (agent == NULL && d->channel->agent != NULL) /* the owner's section is gone */
        owner_change(d, agent = d->channel->agent, "not_configured", signals);
    if (agent != NULL) {
        turn_start(d, agent, asked ? "message" : "action", signals);
        return;
    }
    struct record *ended = draft_record(d, RECORD_TURN_END);
    ended->outcome = TURN_FAILED;
    ended->upto = d->answered = d->newest;
    ended->detail = "no agent is configured";
    draft_say(d, d->policy->text_unavailable);
}

void turn_go_on(struct draft *d)
{
    if (d->channel->queue_mode != QUEUE_COLLECT || d->unheard)
        turn_next(d);
}

void turn_pass(struct draft *d, const struct policy_agent *agent, const char *cause)
{
    const char *signals = NULL;

    turn_routed(d, &signals); /* only a route that matches newly may move the session again */
    owner_change(d, agent, cause, signals);
}

void turn_greet(struct draft *d)
{
    const struct policy_agent *agent = policy_agent(d->policy, d->owner);

    if (agent != NULL)
        turn_start(d, agent, "start", NULL);
}

void turn_abandon(struct draft *d, const char *cause)
{
    if (!d->turn_active)
        return;
    end(d, TURN_INTERRUPTED, 0)->cause = cause;
    d->unheard = d->session->turn.cause == TD_BY_ACTION;
}

void turn_interrupt(struct draft *d, const char *cause)
{
    if (!d->turn_active)
        return;
    turn_abandon(d, cause);
    draft_effect(d, EFFECT_CANCEL)->turn = d->session->turn.id;
}

void turn_ask_again(struct draft *d, int64_t deadline)
{
    const struct session_turn *turn = &d->session->turn;
    struct record *asked = draft_record(d, RECORD_ASKED);
    struct effect *ask = draft_effect(d, EFFECT_ASK);

    asked->turn = turn->id;
    asked->attempt = turn->attempt + 1;
    asked->deadline = deadline;
    ask->turn = turn->id;
    ask->agent = d->turn_agent;
}

/* The next of the chain is asked the same, for the same reason. */
static const char *cause_again(const struct draft *d)
{
    if (d->newest > d->answered)
        return "message";
    return d->session->turn.cause == TD_BY_ACTION   ? "action"
           : d->session->turn.cause == TD_BY_RETURN ? "return"
                                                    : "start";
}

void turn_failed(struct draft *d, const char *detail)
{
    static const struct handoff_ask ask = { .code = "agent_unavailable", .by = "gateway",
                                            .told = TEXT_STATES };
    const struct session_turn *turn = &d->session->turn;
    const struct policy_agent *agent = policy_agent(d->policy, turn->agent);
    const struct policy_agent *next = agent != NULL ? agent->next : NULL;
    int asked = turn->upto > d->answered || turn->cause == TD_BY_ACTION;
    int human = next == NULL && asked && d->handoff.state == HANDOFF_NONE &&
                handoff_queue(d, NULL) != NULL;
    const int was_offered = d->offered;
    struct record *ended = end(d, TURN_FAILED, next != NULL || human ? 0 : turn->upto);

    ended->detail = detail;
    if (d->event->type == EVENT_TIMER)
        ended->cause = "timeout";
    if (next != NULL) {
        turn_start(d, next, cause_again(d), NULL);
        return;
    }
    ended->code = "agent_unavailable";
    if (asked && (rules_event(d, ended) || d->offered != was_offered))
        return; /* a human is looked for, or the customer is asked first */
    if (human) {
        handoff_begin(d, &ask);
        return;
    }
    d->answered = turn->upto > d->answered ? turn->upto : d->answered;
    if (asked)
        draft_say(d, d->policy->text_unavailable);
    turn_go_on(d);
}

/* Doubled each time, with jitter of a half, so that many sessions do not come back at once. */
static int64_t pause_before(const struct draft *d, const struct td_answer *answer)
{
    uint64_t attempt = d->session->turn.attempt;
    int64_t pause = d->policy->retry_ms << (attempt < 1 ? 0 : attempt < 10 ? attempt - 1 : 9);

    if (answer->retry_after_ms > 0)
        return answer->retry_after_ms;
    return pause / 2 + (int64_t)(d->event->random % (uint64_t)(pause / 2 + 1));
}

static void answered_badly(struct draft *d, const struct td_answer *answer)
{
    const struct session_turn *turn = &d->session->turn;
    int64_t due = d->event->now + pause_before(d, answer);

    if (answer->status == TD_RETRY && turn->attempt < d->policy->max_attempts &&
        due < turn->deadline) {
        struct record *retry = draft_record(d, RECORD_RETRY);
        retry->turn = turn->id;
        retry->due = due;
        retry->detail = check_detail(d, answer->detail);
        return;
    }
    turn_failed(d, answer->detail != NULL ? check_detail(d, answer->detail)
                                          : "the agent gave no reason");
}

/* A JSON array of the actions that the text says are done. */
static const char *claims_of(struct draft *d, const struct td_answer *answer)
{
    struct td_json j = { 0 };
    const char *text;

    if (answer->n_claims == 0)
        return NULL;
    td_json_array(&j);
    for (size_t i = 0; i < answer->n_claims; i++)
        td_json_str(&j, answer->claims[i]);
    td_json_array_end(&j);
    text = arena_dup(d->step->arena, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
    return text;
}

static void fill_end(struct draft *d, struct record *ended, const struct td_answer *answer)
{
    ended->decision = (int)answer->decision;
    ended->intent = answer->intent;
    if (answer->confidence >= 0 && answer->intent != NULL)
        ended->confidence =
            answer->confidence < 1 ? 1 + (int64_t)(answer->confidence * 1000 + 0.5) : 1001;
    ended->grounded = answer->grounded < 0 ? 0 : answer->grounded ? 1 : 2;
    ended->slot = answer->clarify_slot;
    ended->code = answer->decision == TD_ESCALATE ? reason_asked(answer->escalate_code) : NULL;
    ended->queue = answer->escalate_queue;
    ended->language = answer->language;
    ended->detail = answer->silent;
    ended->body.state = answer->state;
    ended->body.summary = answer->summary;
    ended->body.entities = answer->entities;
    ended->body.sources = answer->sources;
    ended->body.note = answer->escalate_text;
    ended->body.claims = claims_of(d, answer);
}

/* 1: a human is asked for. A promise's quiet offer makes place for the customer's own. */
static int escalated(struct draft *d, const struct td_answer *answer)
{
    const struct handoff_ask ask = {
        .queue = answer->escalate_queue, .reason = answer->escalate_text, .by = "agent",
        .code = reason_asked(answer->escalate_code),
        .told = TEXT_STATES,
    };

    if (!rules_may_hand_over(d, RULE_POST))
        return 0;
    if (handoff_queue(d, ask.queue) == NULL) {
        draft_say(d, d->policy->text_no_human);
        return 0;
    }
    handoff_cancel(d, HANDOFF_CANCELLED, "agent");
    return handoff_begin(d, &ask);
}

/* Of each kind that it would have been. */
static void count_stale(struct draft *d, const struct td_answer *answer)
{
    size_t choices = 0;

    for (size_t i = 0; i < answer->n_messages; i++)
        choices += answer->messages[i] != NULL && answer->messages[i]->n_choices > 0;
    if (choices > 0)
        draft_effect(d, EFFECT_STALE)->text = "choices";
    if (answer->n_calls > 0)
        draft_effect(d, EFFECT_STALE)->text = "action";
    if (answer->n_messages > 0 || d->step->n_effects == 0)
        draft_effect(d, EFFECT_STALE)->text = "text";
}

void turn_answered(struct draft *d)
{
    const struct session *s = d->session;
    const struct event *ev = d->event;
    const struct td_answer *answer = ev->answer;
    const char *why;

    if (s->phase == SESSION_NEW) {
        draft_refuse(d, VERDICT_NOTHING, "there is no such session");
        return;
    }
    if (!s->turn.active || ulid_cmp(&s->turn.id, &ev->turn) != 0 || ev->epoch != s->epoch ||
        ev->attempt != s->turn.attempt || s->turn.retry_at != 0) {
        struct record *stale = draft_record(d, RECORD_STALE);
        stale->turn = ev->turn;
        stale->cause = "answer";
        count_stale(d, answer);
        d->step->verdict = VERDICT_MARK;
        return;
    }
    if (answer->status != TD_OK) {
        answered_badly(d, answer);
        return;
    }
    if ((why = check_answer(d, answer)) != NULL) {
        turn_failed(d, why);
        return;
    }
    /* Passed on without a word: the next agent gets the same messages. */
    int handed_on = answer->pass != NULL && answer->n_messages == 0;
    struct record *ended = end(d, answer->n_messages > 0 ? TURN_ANSWERED : TURN_SILENT,
                               handed_on ? 0 : s->turn.upto);
    fill_end(d, ended, answer);
    if (!handed_on)
        d->answered = s->turn.upto;
    const struct ruling ruling = rules_answer(d, ended, answer);
    for (size_t i = 0; i < answer->n_messages && !ruling.withheld; i++)
        draft_reply(d, &s->turn.id, TD_AI, d->turn_agent, answer->messages[i]);
    if (rules_answered(d, &ruling, answer) ||
        (answer->decision == TD_ESCALATE && escalated(d, answer)))
        return;
    if (answer->pass != NULL && (d->owner == NULL || strcmp(answer->pass, d->owner) != 0))
        turn_pass(d, policy_agent(d->policy, answer->pass), "agent");
    if (desk_results(d, answer))
        return;
    if (handed_on && d->newest <= d->answered)
        turn_greet(d); /* it was passed on before the customer spoke */
    else if (handed_on || d->channel->queue_mode != QUEUE_COLLECT)
        turn_next(d);
}

int64_t turn_collect_due(const struct session *s, const struct policy_channel *channel)
{
    const struct session_message *first;

    if (s->turn.active || session_held(s) || s->offer != NULL || session_pending(s, &first) == 0)
        return INT64_MAX;
    if (channel->queue_mode != QUEUE_COLLECT)
        return first->at;
    const struct session_message *last = &s->messages[s->n_messages - 1];
    while (last->author != TD_CUSTOMER)
        last--;
    int64_t quiet = last->at + channel->collect_wait_ms;
    int64_t most = first->at + channel->collect_max_ms;
    return quiet < most ? quiet : most;
}
