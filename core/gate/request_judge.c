/* request_judge.c - who may: judged in the session's mailbox, against the line as it is then. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "gate/board.h"

static int is_full(struct gate *gate, const char *name)
{
    const struct policy_human *human = policy_human(gate->policy->policy, name);

    return human != NULL && human->capacity > 0 && board_load_of(gate, name) >= human->capacity;
}

/* Of an earlier judgement, when the session had to be loaded again meanwhile. */
static void release(struct gate *gate, struct item *item)
{
    if (item->reserved != NULL)
        board_reserve(gate, item->reserved, -1);
    item->reserved = NULL;
}

static void reserve(struct gate *gate, struct item *item, const char *human)
{
    item->reserved = arena_strdup(item->arena, human);
    board_reserve(gate, human, 1);
}

/* Whoever has it already is for the engine to say. */
static int judge_accept(struct gate *gate, struct item *item, const struct event_control *control)
{
    const struct line_entry *entry = line_find(gate->board->line, &control->handoff);

    if (entry == NULL || entry->state != LINE_WAITING)
        return 0;
    if (!line_eligible(gate->board->line, control->human, entry)) {
        request_reject(item, "not_eligible", "this queue wants other skills, languages or desks", NULL);
        return 1;
    }
    if (is_full(gate, control->human)) {
        request_reject(item, "full", "they have as many customers as they may", NULL);
        return 1;
    }
    reserve(gate, item, control->human);
    return 0;
}

static int judge_take(struct slot *slot, struct item *item, const struct event_control *control)
{
    const struct session_handoff *h = &slot->session.handoff;

    if (h->state == HANDOFF_LIVE && h->human != NULL && strcmp(h->human, control->human) == 0)
        return 0;
    if (is_full(slot->gate, control->human)) {
        request_reject(item, "full", "they have as many customers as they may", NULL);
        return 1;
    }
    reserve(slot->gate, item, control->human);
    return 0;
}

static int judge_transfer(struct gate *gate, struct item *item, const struct event_control *control)
{
    if (control->to_human == NULL || !is_full(gate, control->to_human))
        return 0;
    request_reject(item, "full", "they have as many customers as they may", NULL);
    return 1;
}

static int can_answer(const struct gate *gate, const struct policy_agent *agent)
{
    const struct td_instance *inst = instance_find(gate, TD_AGENT, agent->name);

    return instance_is_open(inst) && (inst->breaker.state != BREAKER_OPEN ||
                                      clock_mono_ms() >= inst->breaker.until_ms);
}

/* A customer is not given back to agents of whom none is there. */
static int judge_return(const struct slot *slot, struct item *item)
{
    const struct policy *policy = slot->gate->policy->policy;
    const struct policy_channel *channel = policy_channel(policy, slot->session.channel);
    const struct policy_agent *agent = policy_agent(policy, slot->session.handoff.agent);

    if (agent == NULL && channel != NULL)
        agent = channel->agent;
    while (agent != NULL && !can_answer(slot->gate, agent))
        agent = agent->next;
    if (agent != NULL)
        return 0;
    request_reject(item, "no_agent", "no agent can answer right now: go on, transfer or close", NULL);
    return 1;
}

/* The no of the last one who may have it is the desk's. */
static int judge_decline(struct gate *gate, struct item *item, const struct event_control *control)
{
    const struct line_entry *entry = line_find(gate->board->line, &control->handoff);
    struct event_control *of_desk;

    if (entry == NULL || !line_is_last(gate->board->line, control->human, entry))
        return 0;
    of_desk = arena_alloc(item->arena, sizeof *of_desk);
    *of_desk = *control;
    of_desk->last = 1;
    item->event.control = of_desk;
    return 0;
}

int request_judge(struct slot *slot, struct item *item)
{
    const struct event_control *control = item->event.control;
    struct gate *gate = slot->gate;

    release(gate, item);
    if (session_control(&slot->session, control->id) != NULL)
        return 0; /* it was done already: the answer is known */
    if (control->op == CONTROL_RETURN)
        return judge_return(slot, item);
    if ((item->inst->conf.plugin->caps & TD_DESK_HUMANS) == 0 || control->human == NULL)
        return 0;
    switch (control->op) {
    case CONTROL_ACCEPT: return judge_accept(gate, item, control);
    case CONTROL_TAKE: return judge_take(slot, item, control);
    case CONTROL_TRANSFER: return judge_transfer(gate, item, control);
    case CONTROL_DECLINE: return judge_decline(gate, item, control);
    default: return 0;
    }
}
