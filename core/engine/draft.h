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
#include "engine/rules.h"
#include "engine/texts.h"

#define MAX_ROUNDS 3 /* turns about results in a row */

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
    int turn_active;   /* after the records so far */
    int unheard;       /* this step ended a turn about results, which nobody has answered */
    int offered;       /* likewise: the customer was asked whether they want a human */
    struct session_handoff handoff; /* likewise; its strings are copies */
};

struct record *draft_record(struct draft *draft, enum record_type type);
struct effect *draft_effect(struct draft *draft, enum effect_type type);
struct ulid draft_id(struct draft *draft);
/* decide.c: the session is over; handoffs and turns end first. */
void draft_close(struct draft *draft, const char *cause);
/* An operator gives it to that agent; NOT_FOUND, OVER or DONE. */
enum control_outcome draft_pass(struct draft *draft, const char *agent, const char *by);
void draft_refuse(struct draft *draft, enum verdict verdict, const char *reason);

/* A reply of ours, sent; author_name may be NULL. Good until the next record is added. */
struct record *draft_reply(struct draft *draft, const struct ulid *turn, enum td_author author,
                 const char *author_name, const struct td_message *message);
void draft_say(struct draft *draft, const char *text); /* as the system */

/* decide_check.c: why it cannot be taken, or NULL. */
const char *check_event(const struct event *event);
const char *check_message(const struct td_message *message);
const char *check_control(const struct event_control *control);
const char *check_answer(const struct draft *draft, const struct td_answer *answer);
/* A sentence from outside, as the journal can hold it; NULL gives NULL. */
const char *check_detail(struct draft *draft, const char *text);

/* decide_route.c: who should own now, by the routes; NULL: as it is. */
const struct policy_agent *route_pick(const struct draft *draft, const char **route_r,
                                      const char **signals_r);
/* The owner becomes this agent, with a new epoch, and the customer is told. */
void owner_change(struct draft *draft, const struct policy_agent *agent, const char *cause,
                  const char *signals);

/* decide_handoff.c: the attempt to find a human. */
struct handoff_ask {
    const char *queue; /* as an agent or operator named it; NULL or unknown: the channel's */
    const char *code, *reason, *by;
    const char *wanted;      /* the only human it is for */
    const struct ulid *from; /* the handoff it follows */
    enum text_state told;    /* said at once; TEXT_STATES: only while a desk is asked */
    const char *human;       /* in that text */
    const char *also, *evidence; /* as in the record */
};
/* Where it would go, open or not; NULL: there is no queue at all. */
const struct policy_queue *handoff_queue(const struct draft *draft, const char *name);
/* 0: there is no queue; then nothing happened. */
int handoff_begin(struct draft *draft, const struct handoff_ask *ask);
void handoff_live(struct draft *draft, const char *human, const char *title, const char *desk);
/* A new handoff that a human has at once, from the agent or from another human. */
void handoff_take(struct draft *draft, const struct event_control *control,
                  const struct ulid *from);
/* The customer is back at the human who closed the session, if one did. */
void handoff_reopen(struct draft *draft);
/* Likewise, for somebody who is at none of our desks and has spoken already. */
void handoff_native(struct draft *draft, const struct event_control *control);
/* This desk cannot: the next of the chain, or what was promised or is true instead. */
void handoff_next(struct draft *draft, enum handoff_outcome why, const char *detail);
void handoff_end(struct draft *draft, enum handoff_outcome outcome, const char *cause,
                 const char *detail, uint64_t upto);
/* Nobody is asked any more; `queue` says what is done instead. */
void handoff_give_up(struct draft *draft, const struct policy_queue *queue,
                     enum handoff_outcome why, const char *detail);
void handoff_drop(struct draft *draft, const char *cause); /* the agent is the owner again */
/* .. and is asked about what waits. */
void handoff_back(struct draft *draft, const char *cause);
const struct policy_agent *handoff_agent(const struct draft *draft); /* who that would be */
void handoff_offered(struct draft *draft); /* EVENT_OFFERED */
void handoff_resume(struct draft *draft);  /* EVENT_RESUME */
/* As the texts say it, once a handoff. */
void handoff_say(struct draft *draft, enum text_state state, const struct text_vars *vars);
const char *handoff_moment(const struct draft *draft, const struct hours *hours, int64_t at);
int draft_held(const struct draft *draft); /* agents keep still, after the records so far */
struct record *handoff_record(struct draft *draft, enum record_type type);

/* decide_stretch.c: the human's time. */
void stretch_end(struct draft *draft, enum handoff_outcome outcome, const char *by,
                 const char *note, const char *wrapup);
void stretch_return(struct draft *draft, const char *by, const char *note, const char *wrapup);
void stretch_requeue(struct draft *draft, const char *by);
void stretch_close(struct draft *draft, const char *by, const char *wrapup);
void stretch_gone(struct draft *draft, const char *by); /* by the queue's policy */
int64_t handoff_due(const struct session *session, const struct policy *policy);
void handoff_timer(struct draft *draft);
/* Whatever is under way is over, and nobody is looked for; the owner stays as it is. */
void handoff_cancel(struct draft *draft, enum handoff_outcome outcome, const char *by);
/* EVENT_LEAVE, or a word that says so: while there is something to leave. */
int handoff_may_leave(const struct draft *draft);
void handoff_leave(struct draft *draft, const char *how);

/* decide_promise.c */
/* 1: it became a promise of the queue, and the customer knows; 0: it cannot. */
int promise_make(struct draft *draft, const struct policy_queue *queue);
/* The customer's words may say where somebody is to get back to them: kept, when nobody knew. The
 * contact, when they say nothing else; NULL. */
const char *promise_contact(struct draft *draft);
void promise_kept(struct draft *draft); /* a human spoke */
int64_t promise_due(const struct session *session);
void promise_timer(struct draft *draft);

/* decide_control.c, decide_desk.c */
void control_decide(struct draft *draft);
void desk_message(struct draft *draft, struct record *message); /* while a handoff is under way */
void desk_relayed(struct draft *draft);
void desk_typing(struct draft *draft);
void desk_call(struct draft *draft);
/* Results of what an answer asks for; 1: the agent is asked about them, or a human. */
int desk_results(struct draft *draft, const struct td_answer *answer);
/* Outside of a handoff; good until the next record is added. */
/* What the catalogue has for this rule. */
void draft_rule_text(struct draft *draft, const char *rule);
struct record *draft_text(struct draft *draft, enum text_state state);
struct record *draft_text_with(struct draft *draft, enum text_state state,
                               const struct text_vars *vars);
const char *draft_language(const struct draft *draft); /* of what is said; NULL: not known */

/* receipt.c: the customer hears what this step's records say of what they said. */
void receipt_tell(struct draft *draft);

/* decide_bridge.c: the customer goes on by another channel, and the session stays what it is. */
enum control_outcome bridge_make(struct draft *draft, const struct event_control *control);
void bridge_cross(struct draft *draft); /* EVENT_BRIDGE */
/* The channel cannot reach the customer, who waits for somebody: told by another. 1: they will be. */
int bridge_lost(struct draft *draft, const char *why);
void bridge_resume(struct draft *draft);
enum control_outcome bridge_tell(struct draft *draft, const struct event_control *control);
enum control_outcome bridge_told(struct draft *draft, const struct event_control *control);
/* decide.c: we speak first, in a session that is opened for it, or opened again. 0: it is refused. */
int draft_begin(struct draft *draft);
/* decide.c: what `from` knows of the customer beyond the session. */
void draft_learn(struct draft *draft);

/* decide_rules.c */
/* What the rules make of a point in the session. */
struct ruling {
    enum rule_point point;
    struct rule_match *matches;
    size_t n;
    const struct rule_match *reason; /* the first that can do something; NULL: none */
    enum rule_outcome outcome;       /* of the reason */
    /* The answer: the customer does not get it, and why; vain: it hands over, which was tried. */
    int withheld, unbacked, exceeded, vain;
    const char *asked_code;           /* the agent's own reason for a human */
};
/* What the customer's words show goes into the record; the view knows it from now on. */
void rules_hear(struct draft *draft, struct record *message);
/* 1: a human is looked for, or the customer is asked whether they want one. */
int rules_message(struct draft *draft, const struct record *message);
/* The same for a good answer and the end of its turn, in two steps: what it shows, before anything
 * of it is sent, and what follows. 1: a human is looked for. */
struct ruling rules_answer(struct draft *draft, struct record *ended,
                           const struct td_answer *answer);
int rules_answered(struct draft *draft, const struct ruling *ruling,
                   const struct td_answer *answer);
/* No human is looked for already, nor was in vain for what the turn is about. */
int rules_may_hand_over(const struct draft *draft, enum rule_point point);
/* An agent, an action or a delivery failed: about is the newest record. 1: likewise. */
int rules_event(struct draft *draft, struct record *about);
/* rules_wait_due() has come. */
void rules_waited(struct draft *draft);

/* decide_choice.c: the value of the choice that these words name, on a channel that has no choices of
 * its own; NULL: none. */
const char *draft_choice(const struct draft *draft, const char *text);

/* decide_turn.c */
void turn_start(struct draft *draft, const struct policy_agent *agent, const char *cause,
                const char *signals);
void turn_abandon(struct draft *draft, const char *cause); /* not cut: its answer will be stale */
void turn_next(struct draft *draft); /* asks about what waits, when something does */
void turn_go_on(struct draft *draft); /* the same, unless it is collected first */
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
