/*
 * draft.h - a step while it is being decided; private to the engine's decide_*.c files.
 *
 * Records are numbered as they are added. The state is not touched; what a later part of the same
 * step must know of an earlier one (the owner after a pass, the ids used) stands in the draft.
 * Strings of the state go into records and effects as copies: apply frees the originals.
 */
#ifndef ENGINE_DRAFT_H
#define ENGINE_DRAFT_H

#include "engine/engine.h"

struct draft {
    const struct session *session;
    const struct event *event;
    const struct policy *policy;
    const struct policy_channel *channel; /* never NULL */
    struct step *step;
    size_t cap_records, cap_effects, used_ids;
    uint64_t epoch;    /* after the records so far */
    const char *owner; /* agent that owns after the records so far; NULL: none */
    const char *turn_agent; /* of the state's turn */
    const char *route;
    struct session view; /* what routes see: the state and what this step knows; only read */
    unsigned bounces;
    uint64_t answered; /* customer messages up to this seq are dealt with */
    uint64_t newest;   /* newest customer message, this step's included; 0: none */
};

struct record *draft_record(struct draft *draft, enum record_type type);
struct effect *draft_effect(struct draft *draft, enum effect_type type);
struct ulid draft_id(struct draft *draft);
void draft_refuse(struct draft *draft, enum verdict verdict, const char *reason);

/* A reply of ours, sent; author_name may be NULL. */
void draft_reply(struct draft *draft, const struct ulid *turn, enum td_author author,
                 const char *author_name, const struct td_message *message);
void draft_say(struct draft *draft, const char *text); /* as the system */

/* decide_check.c: why it cannot be taken, or NULL. */
const char *check_event(const struct event *event);
const char *check_answer(const struct draft *draft, const struct td_answer *answer);
/* A sentence from outside, as the journal can hold it; NULL gives NULL. */
const char *check_detail(struct draft *draft, const char *text);

/* decide_route.c: who should own now, by the routes; NULL: as it is. */
const struct policy_agent *route_pick(const struct draft *draft, const char **route_r,
                                      const char **signals_r);
/* The owner becomes this agent, with a new epoch, and the customer is told. */
void owner_change(struct draft *draft, const struct policy_agent *agent, const char *cause,
                  const char *signals);

/* decide_turn.c */
void turn_next(struct draft *draft); /* asks about what waits, when something does */
void turn_greet(struct draft *draft);
/* Whom the routes name now, when another route matches than before; NULL: nobody new. */
const struct policy_agent *turn_routed(struct draft *draft, const char **signals_r);
/* Somebody decided that this agent goes on: that counts more than a route. */
void turn_pass(struct draft *draft, const struct policy_agent *agent, const char *cause);
void turn_interrupt(struct draft *draft, const char *cause); /* when one is running */
void turn_answered(struct draft *draft);                     /* EVENT_ANSWER */
void turn_failed(struct draft *draft, const char *detail);   /* the chain's next, or the truth */
void turn_ask_again(struct draft *draft, int64_t deadline);

/* When what was collected should be asked about; INT64_MAX: nothing waits for that. */
int64_t turn_collect_due(const struct session *session, const struct policy_channel *channel);

#endif
