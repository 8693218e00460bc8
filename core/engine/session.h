/*
 * session.h - the state of one conversation: a fold of engine_apply() over its records.
 *
 * Layer: engine, pure. One owner; the strings in it are its own. Everybody but engine_apply()
 * only reads it.
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>

#include "base/ulid.h"
#include "engine/counts.h"
#include "engine/record.h"

struct buf;
struct err;

#define SESSION_AGENT_STATES 4 /* agents whose opaque state is kept */
#define SESSION_KEPT 64        /* newest messages kept in memory, and all that wait */
#define SESSION_PROMISES 4
#define SESSION_CONTROLS 32 /* newest control operations that are remembered by their id */
#define SESSION_RESULTS 10  /* results that an agent has not seen */
#define SESSION_STEPS 16     /* newest results that humans see */
#define SESSION_INTENTS 8    /* newest things that the customer wanted */
#define SESSION_SLACK 16       /* so many more before the oldest go, in one sweep */

enum session_phase { SESSION_NEW, SESSION_OPEN, SESSION_CLOSED };

enum relay_state { RELAY_NONE, RELAY_WAITS, RELAY_DONE };

/* A message in memory: the window that agents get, and what waits for an answer or delivery. */
struct session_message {
    /* First what is looked at of each when one is searched for: within a line of the cache. */
    uint64_t seq;
    int64_t at;
    enum td_author author;
    enum td_delivery status; /* of ours; the customer's are TD_READ */
    uint32_t letters;        /* plain_letters() of text; in no snapshot */
    char *name;   /* of the author; NULL */
    char *id;     /* ours, as text: it goes out with each request; NULL */
    char *ext_id; /* customer's: the channel's id */
    char *text, *choice; /* NULL: none, or erased */
    struct td_choice **choices; /* own memory */
    size_t n_choices;
    struct td_attachment **attachments; /* own memory, without url */
    size_t n_attachments;
    struct td_part **parts; /* own memory */
    size_t n_parts;
    int said;                /* as in the record */
    int maybe_duplicate;     /* it may have reached the customer twice */
    enum relay_state relay;  /* the customer's, while a handoff is under way */
    unsigned delta;          /* the so many-th addition while it waits; 0: none */
};

struct session_turn {
    int active;
    struct ulid id;
    char *agent;
    uint64_t upto;      /* messages up to this seq are asked about */
    uint64_t attempt;   /* from 1 */
    int64_t deadline;   /* wall ms */
    int64_t retry_at;   /* 0: asked, waiting for the answer; else: will be asked then */
    enum td_cause cause;
};

enum handoff_state {
    HANDOFF_NONE,
    HANDOFF_CHECKING, /* offered, the desk has not answered: the customer heard "checking" at most */
    HANDOFF_QUEUED,
    HANDOFF_LIVE,     /* a human is the owner */
    HANDOFF_STATES
};

/* The attempt to move ownership to a human that is under way, or the last one; one a session. */
struct session_handoff {
    enum handoff_state state;
    struct ulid id, from; /* from: the handoff that this one follows */
    char *queue, *desk;   /* conf names; queue "": taken without one */
    char *wanted;         /* the only human that may have it; NULL: any */
    char *human, *title;  /* HANDOFF_LIVE */
    char *code, *category, *reason; /* the trigger's; reason: in words */
    char *agent;          /* who had the session before, and goes on after; NULL */
    char *also, *evidence; /* as in the record; NULL */
    char *declined;       /* humans of the conf who do not want it in this queue, by comma; NULL */
    int priority;
    int quiet;            /* for a promise: the customer does not hear of it before a human is there */
    int64_t since;        /* escalation committed */
    int64_t offered_at;   /* to this desk */
    int64_t queued_at;    /* in this queue */
    int64_t accepted_at;
    int64_t spoke_at;     /* the human's newest message; 0: none yet */
    int64_t touched_at;   /* the human's lease runs from here */
    int warned, reminded; /* that the lease ends */
    uint64_t position;    /* as it was told when it was queued; 0: not known */
    int64_t wait;         /* ms + 1 */
    unsigned told;        /* enum text_state as bits: what the customer heard of this handoff */
    unsigned deltas;      /* additions while it waits */
    uint64_t from_seq;    /* its first record */
};

/* What was promised and is owed, or was not kept. */
struct session_promise {
    struct ulid id;
    char *what;    /* "callback", "mailbox" */
    char *by_whom; /* queue */
    int64_t due;
    int64_t offer_at; /* when humans are told of it; 0: they were */
    enum promise_state state; /* MADE, BROKEN */
};

/* The last interval in which a human had the session. */
struct session_stretch {
    char *by, *note, *wrapup;
    int64_t started_at, ended_at;
    int fresh; /* no agent has been told yet */
};

struct session_control {
    char *id;
    int op, outcome;
    uint64_t of;
};

struct session_result {
    char *call, *name, *receipt, *failed, *detail, *data;
};

/* What was done for the customer, or failed. */
struct session_step {
    char *call, *name, *receipt, *failed;
    int64_t at;
};

/* What the customer wanted, and what the agent's last word on it was. */
struct session_intent {
    char *name;
    int decision; /* enum td_decision */
};

struct session {
    struct ulid id;
    uint64_t seq; /* of the newest record applied */
    enum session_phase phase;
    uint64_t epoch;
    char *channel, *kind, *account, *peer, *locale, *timezone;
    char *customer_id, *customer_name, *customer_email;
    int verified;
    int64_t opened_at, closed_at;
    int64_t active_at; /* newest message, either way */
    int64_t seen_at;   /* customer's last sign of life */
    int64_t reply_until; /* so long the channel lets us answer; 0: no limit */
    int undisclosed;   /* we spoke first, and nobody has said that an AI answers */
    enum td_owner_kind owner;
    char *owner_name; /* "" when nobody */
    struct session_turn turn;
    uint64_t answered;       /* customer messages up to this seq have had their turn */
    struct session_message *messages; /* oldest first */
    size_t n_messages, cap_messages;
    struct {
        char *agent, *state;
        uint64_t seq; /* of the record that set it */
    } states[SESSION_AGENT_STATES];
    char *route; /* the last one that matched; NULL: none yet */
    char *intent, *language;
    int64_t confidence; /* as in record.h */
    unsigned bounces;
    struct counts counts;
    char *offer;        /* the rule by which the customer was offered a human, and has not answered */
    char *offer_also, *offer_evidence; /* of the handoff that may follow */
    uint64_t read_upto;
    /* Of what the customer said: with who answers, and read by them; the newest of each. */
    struct session_receipt { uint64_t given, read; } receipt;
    struct session_handoff handoff;
    struct ulid last_handoff; /* the newest that ended */
    char *last_human; /* conf name of who had the customer last; NULL */
    struct session_promise *promises; /* oldest first; likewise, SESSION_PROMISES */
    size_t n_promises;
    struct session_stretch stretch;
    struct session_control *controls; /* oldest first; NULL: none ever; SESSION_CONTROLS at most */
    size_t n_controls;
    struct session_result *results; /* likewise, SESSION_RESULTS */
    size_t n_results;
    struct session_step *steps; /* likewise, SESSION_STEPS */
    size_t n_steps;
    struct session_intent *intents; /* the newest last; likewise, SESSION_INTENTS */
    size_t n_intents;
    uint64_t n_said; /* messages of all, also those that are not kept */
    unsigned rounds; /* turns about results in a row */
    char *contact;            /* where they want to be reached; NULL: they did not say */
    char *summary, *entities; /* as an agent last said them */
    char *tags;               /* JSON array; NULL */
    char *bridge; /* number of the token for another channel; NULL: none is out */
    uint64_t bridge_seq; /* of the record that made it */
    int64_t bridge_until;
    char *bridge_by; /* channel by which the customer is still to be told; NULL: none */
};

void session_init(struct session *session, const struct ulid *id);
void session_fini(struct session *session);

/* 1: a delivery in state `from` may become `to`; states only move forward, failed and read are final. */
int session_delivery_moves(enum td_delivery from, enum td_delivery to);

/* Customer messages that no turn has taken yet: how many, and the first of them (NULL: none). */
size_t session_pending(const struct session *session, const struct session_message **first_r);
/* A handoff waits, or a human has the session. */
int session_handed(const struct session *session);
/* The agents keep still: it is pending, or a human's. */
int session_held(const struct session *session);
size_t session_unrelayed(const struct session *session);
const struct session_control *session_control(const struct session *session, const char *id);
size_t session_unsent(const struct session *session); /* replies that wait for delivery */
const struct session_message *session_message(const struct session *session, uint64_t seq);
const char *session_state_of(const struct session *session, const char *agent); /* NULL: none */

/* The whole state in two parts: facts, and what people said. Same state, same bytes. */
void session_snapshot(const struct session *session, struct buf *facts, struct buf *body);
/* Into a session fresh from session_init(). body NULL: it was erased; texts are NULL then. 0, or
 * -1 with what is wrong; session_fini() in any case. */
int session_restore(struct session *session, const char *facts, size_t facts_len,
                    const char *body, size_t body_len, struct err *err);

#endif
