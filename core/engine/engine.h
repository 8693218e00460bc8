/*
 * engine.h - what Tandem decides: an event in, records and effects out; records make the state.
 *
 * Layer: engine, PURE: no clock, no I/O, no random, no global state; memory of a step comes from
 * its arena. Everything that happens reaches it as an event that carries all it needs: the time,
 * fresh ids, the content. Everything it wants leaves as an effect. The shell runs one event of a
 * session at a time and in this order: decide, append the records (one batch), and only when they
 * are durable: apply them, then carry out the effects. When the append fails, the step is dropped.
 *
 * A restart only applies. Then it hands in EVENT_RESUME, which decides anew about work that was
 * under way when the process ended.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <tandem/plugin.h>

#include "engine/policy.h"
#include "engine/record.h"
#include "engine/session.h"

struct arena;

enum event_type {
    EVENT_OPEN,    /* a customer attached and wants a new session: `from` */
    EVENT_SEEN,    /* a customer attached to this one: `from` may say more about them */
    EVENT_MESSAGE, /* `from`, `message`; opens the session when it is new */
    EVENT_READ,    /* of */
    EVENT_RATING,  /* score, text */
    EVENT_LEAVE,
    EVENT_ANSWER,  /* turn, epoch, attempt, answer */
    EVENT_TIMER,   /* something may be due */
    EVENT_SENT,    /* of, status (TD_SENT, TD_UNCERTAIN, TD_DELIVERED, TD_READ, TD_FAILED), text: why,
                    * on: with TD_FAILED: this channel cannot reach the customer any more */
    EVENT_PASS,    /* name: the agent that goes on; text: by whom */
    EVENT_CLOSE,   /* text: why */
    EVENT_RESUME,  /* the process has started again */
    EVENT_OFFERED, /* offered: what the desk made of the offer, or the line of a queue */
    EVENT_RELAYED, /* of, status: whether the desk has the customer's message */
    EVENT_CONTROL, /* control: a human, an operator or the clockwork wants something of the owner */
    EVENT_TYPING,  /* on: the customer; nothing is recorded */
    EVENT_CALL,    /* call: what happened to a call */
    EVENT_BRIDGE,  /* name: the number of the token with which the customer came by `from`; NULL: it
                    * is no token of this session */
};

/* What came of an offer. Ends in a record only while this handoff still waits for it. */
enum offered_outcome {
    OFFERED_QUEUED,   /* it waits: position (0: not known), wait_ms (below 0: not known) */
    OFFERED_ACCEPTED, /* name: the human */
    OFFERED_DECLINED, /* text: why */
    OFFERED_FULL,     /* the queue has as many as it may */
    OFFERED_NOBODY,   /* need_human, and nobody is able */
    OFFERED_FAILED,   /* the desk cannot be reached; text */
};
struct event_offered {
    enum offered_outcome outcome;
    struct ulid handoff;
    uint32_t position;
    int64_t wait_ms;
    const char *name, *text;
};

/* Compare-and-set: `handoff` (or epoch, where there is none) must be what the session has now. */
enum control_op {
    CONTROL_ACCEPT, CONTROL_DECLINE, CONTROL_SAY, CONTROL_TYPING, CONTROL_NOTE, CONTROL_TRANSFER,
    CONTROL_RETURN, CONTROL_CLOSE, CONTROL_TAKE, CONTROL_EXTEND, CONTROL_TAG, CONTROL_REVIEW,
    CONTROL_REQUEST, /* an operator, a rule or the customer asks for a human: queue, code, text */
    CONTROL_GONE,    /* the human's presence ended, or the desk went away */
    CONTROL_NATIVE,  /* somebody answered the customer by another client of the provider: title,
                      * message (seen already); whoever that is has the customer now */
    CONTROL_PASS,    /* agent: who goes on, whoever has it now; text: by whom */
    CONTROL_BRIDGE,  /* a token with which the customer comes by another channel, made by the human
                      * who has the session, or by an operator (text: by whom). channel, link: as
                      * the customer hears them; link NULL: the channel's page */
    CONTROL_READ,    /* the event's of: the human has read what the customer said up to it */
    CONTROL_END,     /* an operator closes the session; text: by whom */
    CONTROL_TELL,    /* another session of the same customer cannot reach them: they are told here, by
                      * `from`; link: masked, with the token. Opens the session when it is new */
    CONTROL_TOLD,    /* code: the token of this session whose link they were told, on: or not */
};
struct event_control {
    enum control_op op;
    const char *id;     /* idempotency, at most 128 bytes; NULL: none. The newest 32 are remembered;
                         * the shell must refuse to write an older one a second time */
    struct ulid handoff; /* zero: TAKE, REQUEST */
    const char *desk, *human; /* human: conf name, or the foreign desk's own name for them */
    const char *title;  /* as the customer sees them; NULL: human */
    const struct td_message *message; /* SAY */
    const char *text, *queue, *to_human, *code, *wrapup, *agent;
    const char *channel, *link; /* BRIDGE; TELL */
    int on; /* TYPING; REVIEW: the score, 1 to 5, or 0 */
    int last; /* DECLINE: of the humans who may have it, all others have declined */
};

/* How a control operation ended; verdict OK with any of them. */
enum control_outcome {
    CONTROL_DONE, CONTROL_AGAIN /* same id: as the first time */, CONTROL_NOT_FOUND, CONTROL_TAKEN,
    CONTROL_NOT_YOURS, CONTROL_OVER, CONTROL_NO_AGENT, CONTROL_FULL, CONTROL_BAD,
    CONTROL_NO_PAGE, /* BRIDGE by a human: the conf names no page that the customer could go to */
};

struct event_call {
    enum td_event_type type; /* TD_EV_RINGING .. TD_EV_TRANSFERRED */
    const char *text;
    int code;
    enum td_delivery status;
};

/* The customer's side of an event; strings may be NULL. */
struct event_from {
    const char *channel, *account, *peer, *locale, *timezone;
    const struct td_customer *customer; /* NULL: not known */
};

#define EVENT_IDS 16 /* an event brings this many fresh ids; no step needs more */

struct event {
    enum event_type type;
    int64_t now; /* wall ms */
    struct ulid ids[EVENT_IDS];
    uint64_t random;
    struct event_from from;
    const struct td_message *message;
    struct ulid turn;
    uint64_t epoch, attempt;
    const struct td_answer *answer; /* messages beyond ENGINE_MAX_REPLIES are an error of the agent */
    uint64_t of;
    enum td_delivery status;
    int maybe_duplicate; /* SENT: the customer may have got it twice */
    int score;
    const char *name, *text;
    const struct event_offered *offered;
    const struct event_control *control;
    const struct event_call *call;
    int on;
    int human_free; /* MESSAGE: the session's last human is available and has room */
    int64_t reply_until; /* MESSAGE: wall ms, so long it may be answered here; 0: no limit */
};

#define ENGINE_BRIDGE_MS 3600000 /* so long a customer may come by another channel */
/* A token is SESSION.SECRET. Where one is said, its number stands with this behind it, as long as the
 * secret: only who shows the message to the customer puts the secret there. */
#define ENGINE_BRIDGE_MASK "******"
#define ENGINE_MAX_REPLIES 10 /* messages of one answer */
#define ENGINE_MAX_STATE 65536
#define ENGINE_MAX_WAITING 100 /* messages of a customer who waits for a human, or has one */
#define ENGINE_MAX_UNSENT 200 /* replies that wait for delivery; over it the customer has to wait */

enum effect_type {
    EFFECT_ASK,    /* the state's turn, after apply: agent, turn */
    EFFECT_CANCEL, /* turn: not wanted any more */
    EFFECT_SEND,   /* of: the reply to send, in order of of */
    EFFECT_EVENT,  /* event: to the channel, in order with the sends */
    EFFECT_STALE,  /* text: the kind; count it */
    EFFECT_OFFER,  /* handoff: offer the state's handoff to its queue's desk, after apply */
    EFFECT_RELAY,  /* of: the customer's message, to the desk that has or is offered the handoff;
                    * delta above 0: it was added while waiting */
    EFFECT_RELEASE,    /* handoff, desk, text: the outcome: it is over for that desk */
    EFFECT_DESK_EVENT, /* desk_event, handoff: to the desk; text, on, wait_ms, of */
    EFFECT_BRIDGE, /* CONTROL_TELL to the session of `peer` on `channel`: link, locale; answered by
                    * CONTROL_TOLD with code text */
};

struct effect {
    enum effect_type type;
    struct ulid turn;
    const char *agent;
    uint64_t of;
    int maybe_duplicate;
    enum td_event_type event; /* TD_EV_OWNER, TD_EV_CLOSED, TD_EV_PROMISE (of: its record); those
                               * have no record: TD_EV_TYPING, TD_EV_QUEUE, TD_EV_RECEIPT */
    enum td_owner_kind owner; /* TD_EV_OWNER: of that moment; text: as the customer sees them, on:
                               * pending */
    enum td_delivery status;
    int on;
    const char *text;
    struct ulid promise; /* TD_EV_PROMISE: which; text: what, due, promise_state */
    int64_t due;
    enum promise_state promise_state;
    struct ulid handoff;
    const char *desk;
    const char *channel, *peer, *link, *locale; /* BRIDGE */
    uint32_t delta, position;
    int64_t wait_ms;
    enum td_desk_event_type desk_event;
};

enum verdict {
    VERDICT_OK,       /* append (when there are records), apply, carry out */
    VERDICT_MARK,     /* as OK, but nobody waits: apply at once, append with the next batch */
    VERDICT_BUSY,     /* refuse for now: too much waits already */
    VERDICT_CLOSED,   /* this session is over: open a new one */
    VERDICT_REJECT,   /* refuse for good; reason */
    VERDICT_NOTHING,  /* nothing happened: too late, twice, or meaningless */
};

struct step {
    struct arena *arena; /* set by the caller */
    enum verdict verdict;
    const char *reason; /* with BUSY, REJECT, NOTHING */
    struct record *records;
    size_t n_records;
    uint64_t message_seq; /* EVENT_MESSAGE: the customer's message; CONTROL_SAY: the human's */
    enum control_outcome outcome; /* EVENT_CONTROL; then records may be none with VERDICT_OK */
    enum control_outcome first;   /* CONTROL_AGAIN: how it ended then */
    const char *holder;           /* CONTROL_TAKEN: who has it */
    struct effect *effects;
    size_t n_effects;
};

/* step_r: zeroed but for its arena. What it points to lives in the arena, the event or the policy. */
void engine_decide(const struct session *session, const struct event *event,
                   const struct policy *policy, struct step *step_r);

/* Total: every record a decide of this or an older version made can be applied. Copies strings. */
void engine_apply(struct session *session, const struct record *record);

/* When the session wants an EVENT_TIMER, wall ms; INT64_MAX: never. */
int64_t engine_due(const struct session *session, const struct policy *policy);

/* 1: there is work under way that a restart must take up again without anybody asking. */
int engine_busy(const struct session *session, const struct policy *policy);

/* The question for the agent, from the state; memory from the arena. The state's turn is active.
 * `now`: for what is left of the deadline. */
const struct td_turn *engine_turn(const struct session *session, const struct policy *policy,
                                  int64_t now, struct arena *arena);
/* What the desk of the state's handoff gets: compiled within the limits and the desk's `allow`. */
struct package_target;
const char *engine_package(const struct session *session, const struct policy *policy,
                           const struct package_target *target, struct arena *arena);
/* The customer's message `seq` (or anybody's) as a desk gets it, or NULL when it is not kept. */
const struct td_message *engine_message(const struct session *session, uint64_t seq,
                                        struct arena *arena);
/* The reply `seq` as the channel gets it, or NULL when it is not kept any more. */
const struct td_message *engine_reply(const struct session *session, uint64_t seq,
                                      struct arena *arena);
/* Replies that wait for delivery, as the step's only effects, in order; for EVENT_SEEN and resumed
 * sessions. */
void engine_unsent(const struct session *session, struct step *step_r);

#endif
