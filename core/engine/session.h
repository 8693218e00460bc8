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
#include "engine/record.h"

struct buf;
struct err;

#define SESSION_AGENT_STATES 4 /* agents whose opaque state is kept */
#define SESSION_KEPT 64        /* newest messages kept in memory, and all that wait */
#define SESSION_SLACK 16       /* so many more before the oldest go, in one sweep */

enum session_phase { SESSION_NEW, SESSION_OPEN, SESSION_CLOSED };

/* A message in memory: the window that agents get, and what waits for an answer or delivery. */
struct session_message {
    uint64_t seq;
    int64_t at;
    enum td_author author;
    char *name;   /* of the author; NULL */
    char *ext_id; /* customer's: the channel's id */
    struct ulid id;
    char *text, *choice; /* NULL: none, or erased */
    struct td_choice **choices; /* own memory */
    size_t n_choices;
    struct td_attachment **attachments; /* own memory, without url */
    size_t n_attachments;
    struct td_part **parts; /* own memory */
    size_t n_parts;
    enum td_delivery status; /* of ours; the customer's are TD_READ */
};

struct session_turn {
    int active;
    struct ulid id;
    char *agent;
    uint64_t upto;      /* messages up to this seq are asked about */
    uint64_t attempt;   /* from 1 */
    int64_t deadline;   /* wall ms */
    int64_t retry_at;   /* 0: asked, waiting for the answer; else: will be asked then */
    int by_start;       /* 1: cause "start", there is no message */
};

enum handoff_state {
    HANDOFF_NONE,
    HANDOFF_CHECKING, /* offered, the desk has not answered: the customer heard "checking" at most */
    HANDOFF_QUEUED,
    HANDOFF_LIVE,     /* a human is the owner */
    HANDOFF_PROMISED, /* it ended in a callback or a reply by mail that is still owed */
};

/* The attempt to move ownership to a human that is under way; one a session. */
struct session_handoff {
    enum handoff_state state;
    struct ulid id;
    char *queue, *desk;   /* conf names; queue "": taken without one */
    char *human, *title;  /* HANDOFF_LIVE */
    char *code, *reason;  /* the trigger's code; in words */
    int priority;
    int64_t since;        /* escalation committed */
    int64_t accepted_at;
    int64_t spoke_at;     /* the human's newest message; 0: none yet */
    int64_t due;          /* the next time-out of this state; INT64_MAX: none */
    unsigned deltas;      /* additions while it waits */
    uint64_t from_seq;    /* its first record */
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
    unsigned bounces, clarify_used;
    uint64_t read_upto;
    struct session_handoff handoff;
    char *last_human; /* conf name of who had the customer last; NULL */
};

void session_init(struct session *session, const struct ulid *id);
void session_fini(struct session *session);

/* 1: a delivery in state `from` may become `to`; states only move forward, failed and read are final. */
int session_delivery_moves(enum td_delivery from, enum td_delivery to);

/* Customer messages that no turn has taken yet: how many, and the first of them (NULL: none). */
size_t session_pending(const struct session *session, const struct session_message **first_r);
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
