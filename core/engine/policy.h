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

#include "engine/sending.h"

struct expr;
struct hours;
struct phrases;
struct texts;

enum queue_mode { QUEUE_FOLLOWUP, QUEUE_COLLECT, QUEUE_INTERRUPT };

struct policy_agent {
    const char *name;
    const struct policy_agent *next; /* asked when this one fails; NULL: none */
    int64_t deadline_ms;             /* of a turn with this agent */
    unsigned history;                /* messages that go with a question */
    int trusted; /* what it says is done needs no receipt */
};

struct policy_desk {
    const char *name;
    uint64_t caps;            /* enum td_desk_caps */
    const char *const *allow; /* what of the customer its humans may see; NULL-terminated */
};

/* What happens when a human's lease ends, or a human is silent for the response time-out. */
enum policy_expiry { EXPIRY_REMIND, EXPIRY_REQUEUE, EXPIRY_RETURN, EXPIRY_CLOSE };
/* What a queue that cannot help now does: the first that applies, in this order. */
enum policy_fallback { FALLBACK_REFUSE, FALLBACK_CALLBACK, FALLBACK_MAILBOX };

struct policy_queue {
    const char *name;
    const struct policy_desk *desk;
    const struct hours *hours;          /* NULL: always open */
    const char *const *skills;          /* a human needs all of them; NULL-terminated */
    const struct policy_queue *overflow; /* next of the chain; NULL: none. Chains have no cycle */
    unsigned capacity;                  /* so many may wait, over it: overflow; 0: no limit */
    int64_t overflow_after_ms;          /* waited so long: overflow; 0: never */
    int64_t offer_ms;    /* the desk must have answered the offer by then */
    int64_t max_wait_ms; /* waited so long: fallback; 0: no limit */
    int64_t response_ms; /* from acceptance to the human's first message; 0: no limit */
    int64_t lease_ms;    /* silence of the human; 0: no lease */
    int64_t remind_ms;   /* EXPIRY_REMIND: second time round it is requeued */
    enum policy_expiry expiry;
    enum policy_fallback fallback;
    int64_t promise_ms;  /* callback, mailbox: by when, in the queue's open hours */
    int priority;        /* of its handoffs */
    int assign_auto;     /* 1: pushed to a human; 0: humans pull */
    int sticky;          /* last human first */
    int need_human;      /* 1: nobody able is as if closed; 0: it waits */
    int agent_meanwhile; /* 1: the agent goes on answering while the customer waits */
};

struct policy_human {
    const char *name;  /* conf name, the id */
    const char *title; /* as the customer sees it */
    const char *const *desks, *const *skills, *const *languages; /* NULL-terminated */
    unsigned capacity; /* live handoffs at once; 0: no limit */
    int supervise;     /* may see, watch and review what agents and colleagues do */
};

struct policy_channel {
    const char *name, *kind;
    const struct policy_queue *queue; /* where handoffs of this channel go; NULL: the first queue */
    const struct policy_agent *agent; /* who answers when no route says otherwise */
    enum queue_mode queue_mode;
    int64_t collect_wait_ms, collect_max_ms; /* QUEUE_COLLECT: silence waited for, and at most */
    int64_t idle_close_ms; /* silence after which the session is closed; 0: never */
    int64_t reopen_ms;     /* how long after that the customer finds the same session again */
    int reopen_human;      /* 1: with the human who closed it, while present */
    int64_t native_ms;     /* agents keep still so long after a human answered by another client */
    int greet;             /* ask the agent at the start, before the customer spoke */
    int replays;           /* TD_CAN_REPLAY: what is not delivered waits in the journal */
    int announce_return;   /* ask the agent with cause "returned" after a human */
    int disclose_ai;       /* say that an AI answers: first contact and after a return */
    const struct policy_channel *bridge; /* by which they are told so, when this one cannot reach
                                          * them any more; NULL: none */
    const char *bridge_page; /* with the web chat where customers go on; NULL: there is none */
    uint64_t caps;         /* enum td_channel_caps */
    struct sending sending; /* when its messages may leave */
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

/* When a rule is looked at; bits. */
enum rule_point {
    RULE_PRE = 1,   /* a message of the customer, before the agent is asked */
    RULE_POST = 2,  /* the agent's answer, before the customer gets it */
    RULE_EVENT = 4, /* a failure of an agent, of an action, of a delivery */
    RULE_WAIT = 8,  /* nothing but time: of the conf's "event", for rules that ask how long */
};
enum rule_mode { RULE_NOW, RULE_OFFER, RULE_OFF };

struct policy_rule {
    const char *name;
    const char *category, *code; /* a pair of reason_codes */
    unsigned at;                 /* enum rule_point */
    enum rule_mode mode;         /* never RULE_OFF here */
    const struct expr *when;
    const struct policy_queue *queue; /* NULL: the channel's */
    int withhold;                /* RULE_POST: the customer does not get the answer */
    int speaks;                  /* the catalogue has a text of it, which is said first */
    int priority;
};

/* A moment of a customer's waiting at which this rule may begin to hold. */
struct policy_wait {
    const struct policy_rule *rule;
    int64_t after_ms;
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
    const struct policy_rule *rules; /* by priority: the first that matches is the reason */
    size_t n_rules;
    const struct policy_wait *waits;
    size_t n_waits;
    struct phrases *phrases; /* NULL: nobody asks for what texts show */
    uint32_t phrases_asked;  /* bits: signals that a rule or route asks for */
    const struct policy_queue *queues; /* the first is the default */
    size_t n_queues;
    const struct policy_desk *desks;
    size_t n_desks;
    const struct policy_human *humans;
    size_t n_humans;
    int64_t presence_ms;  /* a human's presence lasts so long beyond their last sign of life */
    int64_t desk_away_ms; /* a desk that is away so long gives its sessions back */
    const struct texts *texts;
    const char *language; /* the fallback of the texts */
    const char *business; /* who the customer talks to, for the texts; "" */
    const char *text_unavailable; /* said when no agent of the chain could answer */
    const char *text_no_human;    /* said when the agent asks for a human and there is no desk */
};

const struct policy_channel *policy_channel(const struct policy *policy, const char *name);
const struct policy_agent *policy_agent(const struct policy *policy, const char *name);

/* Why a session may go to a human: the table of the manual. NULL ends it. */
struct reason_code {
    const char *code, *category;
};
extern const struct reason_code reason_codes[];
const struct reason_code *reason_code(const char *code); /* NULL: it is none */
const char *reason_asked(const char *code); /* of an agent that asks for a human: `code`, if it is one */

const struct policy_queue *policy_queue(const struct policy *policy, const char *name);
const struct policy_rule *policy_rule(const struct policy *policy, const char *name);
const struct policy_desk *policy_desk(const struct policy *policy, const char *name);
const struct policy_human *policy_human(const struct policy *policy, const char *name);

#endif
