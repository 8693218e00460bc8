/*
 * policy.h - the conf as the engine needs it: compiled, immutable, with a hash of its text.
 *
 * Layer: engine, pure data. Built by the shell (daemon/policy_build.c) and swapped whole at a
 * reload; an instance of it lives as long as a step that uses it.
 */
#ifndef ENGINE_POLICY_H
#define ENGINE_POLICY_H

#include <stddef.h>
#include <stdint.h>

struct expr;

enum queue_mode { QUEUE_FOLLOWUP, QUEUE_COLLECT, QUEUE_INTERRUPT };

struct policy_agent {
    const char *name;
    const struct policy_agent *next; /* asked when this one fails; NULL: none */
    int64_t deadline_ms;             /* of a turn with this agent */
    unsigned history;                /* messages that go with a question */
};

struct policy_channel {
    const char *name, *kind;
    const struct policy_agent *agent; /* who answers when no route says otherwise */
    enum queue_mode queue_mode;
    int64_t collect_wait_ms, collect_max_ms; /* QUEUE_COLLECT: silence waited for, and at most */
    int64_t idle_close_ms; /* silence after which the session is closed; 0: never */
    int64_t reopen_ms;     /* how long after that the customer finds the same session again */
    int greet;             /* ask the agent at the start, before the customer spoke */
    int replays;           /* TD_CAN_REPLAY: what is not delivered waits in the journal */
};

struct policy_choice {
    const struct policy_agent *agent;
    unsigned weight;
};

struct policy_route {
    const char *name;
    const struct expr *when; /* over signals_names; NULL: always */
    const struct policy_choice *choices;
    size_t n_choices;
    unsigned total; /* of the weights, > 0 */
};

struct policy {
    char hash[17]; /* of the conf text it was built from */
    const struct policy_channel *channels;
    size_t n_channels;
    const struct policy_agent *agents;
    size_t n_agents;
    const struct policy_route *routes; /* first match counts */
    size_t n_routes;
    unsigned max_bounces; /* changes from agent to agent a session */
    unsigned max_pending; /* messages of a customer that wait for an answer */
    unsigned max_attempts; /* of one turn with one agent */
    int64_t retry_ms;      /* first pause before asking again, doubled each time, with jitter */
    unsigned clarify_max;  /* clarifying turns an agent has in one go (budget.clarify_left) */
    const char *text_unavailable; /* said when no agent of the chain could answer */
    const char *text_no_human;    /* said when the agent asks for a human and there is no desk */
};

const struct policy_channel *policy_channel(const struct policy *policy, const char *name);
const struct policy_agent *policy_agent(const struct policy *policy, const char *name);

#endif
