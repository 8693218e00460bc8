/*
 * record.h - what the journal says: one fact, flat, with its place in the session.
 *
 * Layer: engine, pure. A record is written as one compact JSON object (facts) and, apart from it,
 * a body (what a person said, names, an agent's state), so that bodies can be erased alone.
 * Strings are borrowed: from the step's arena when decided, from the decoded bytes when read.
 * An unknown field is skipped, an unknown type is an error: a newer version wrote it.
 */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>

#include "base/ulid.h"

struct arena;
struct buf;
struct cJSON;
struct td_json;
struct err;

enum record_type {
    RECORD_OPENED = 1, /* cause: "told": we spoke first; channel, kind, account, verified, body: peer, customer, locale, timezone */
    RECORD_CUSTOMER,   /* verified, body as above: the channel knows more now */
    RECORD_OWNER,      /* owner, name, title, epoch (the new one), cause, handoff, pending */
    RECORD_MESSAGE,    /* the customer spoke; deadline: until when the channel lets us answer; ext_id, signals: what it shows, language: as detected;
                        * body: text, choice, attachments, parts, raw */
    RECORD_TURN,       /* turn, agent, upto, deadline, route, signals, policy, cause */
    RECORD_RETRY,      /* turn, due: will be asked again then */
    RECORD_ASKED,      /* turn, attempt, deadline: asked again */
    RECORD_TURN_END,   /* turn, agent, outcome, decision, intent .., signals: what the answer shows
                        * and the counters with it; body: state, claims ..; WITHHELD: text */
    RECORD_REPLY,      /* message_id, author, name, turn; status and ext_id: the provider had it
                        * before us; body: text, choices, attachments, parts */
    RECORD_DELIVERY,   /* of, status, detail, maybe_duplicate, category: "unreachable": not by this
                        * channel any more */
    RECORD_READ,       /* of: the customer has read up to it; author TD_HUMAN: name (the human's id)
                        * has read what the customer said up to it */
    RECORD_RATING,     /* score; body: text */
    RECORD_SEEN,       /* the customer attached */
    RECORD_STALE,      /* turn, cause: an output that came too late was dropped */
    RECORD_CLOSED,     /* cause, upto: messages up to it wait no more */
    RECORD_REOPENED,
    RECORD_HANDOFF,    /* begun. handoff, queue, desk, code, category, priority, cause: by whom,
                        * from: the handoff it follows, name: the only human it is for, also: codes
                        * of the other rules that matched, evidence: numbers of the messages it
                        * rests on; both by comma; body: note (the reason) */
    RECORD_HANDOFF_STATE, /* handoff, state (CHECKING: offered; QUEUED; LIVE), queue, desk,
                           * position, wait; LIVE: name (the human's id), title; cause */
    RECORD_HANDOFF_END,   /* handoff, outcome (enum handoff_outcome), cause; one a handoff */
    RECORD_DECLINED,   /* handoff, name: a human who does not want it in this queue; body: note (why) */
    RECORD_STRETCH,    /* handoff, name, title, epoch; outcome: enum stretch_mark; at its end: due
                        * (when it began), cause: by whom; body: note, wrapup */
    RECORD_LEASE,      /* handoff, cause: "extended", "warned", "reminded" */
    RECORD_PROMISE,    /* message_id: which; handoff; outcome: enum promise_state; category:
                        * "callback", "mailbox"; due, deadline: when humans are told of it, name:
                        * by whom (queue), channel */
    RECORD_CONTROL,    /* ext_id, op, outcome (enum control_outcome), name, of: the message it led
                        * to */
    RECORD_NOTE,       /* handoff, name; body: note; for humans only */
    RECORD_TAGS,       /* handoff, name; body: text (JSON array of words) */
    RECORD_REVIEW,     /* handoff, name, score; body: note */
    RECORD_RELAYED,    /* of, status: the desk has that message, or never will; detail */
    RECORD_CALL,       /* name: "ringing" .., number, status; body: text */
    RECORD_RESULT,     /* turn, call, name, receipt or category (class of failure), detail; body:
                        * arguments, data */
    RECORD_RULE,       /* a rule whose condition held, one record each: name, category (its class),
                        * code, priority, cause: "pre", "post", "event"; outcome: enum
                        * rule_outcome; of: the customer's newest message, turn, signals: what the
                        * condition looked at, policy. Before the handoff that it leads to */
    RECORD_BRIDGE,     /* outcome: enum bridge_mark. MADE: ext_id: the token's number, due: its end,
                        * cause: by whom, channel: who else tells the customer; an older token is
                        * void. TOLD, UNTOLD: so it came. CROSSED: channel, kind, account,
                        * body: peer: where the session goes on */
    RECORD_CONTACT,    /* body: text: where the customer can be reached, as they wrote it */
    RECORD_TYPES
};

enum bridge_mark { BRIDGE_MADE = 1, BRIDGE_CROSSED, BRIDGE_TOLD, BRIDGE_UNTOLD };
enum stretch_mark { STRETCH_BEGUN = 1, STRETCH_ENDED };
enum promise_state { PROMISE_MADE = 1, PROMISE_KEPT, PROMISE_BROKEN, PROMISE_VOID };

/* How a handoff ended. */
enum handoff_outcome {
    HANDOFF_RETURNED = 1, /* a human had it, an agent goes on */
    HANDOFF_CLOSED,       /* the talk ended */
    HANDOFF_LEFT,         /* the customer did not want to wait, or ended the human's stretch */
    HANDOFF_DECLINED,     /* by every desk of the chain; HANDOFF_END.detail: why */
    HANDOFF_TIMEOUT,      /* waited too long */
    HANDOFF_OUT_OF_HOURS,
    HANDOFF_NOBODY,       /* desks full, away, or not reachable */
    HANDOFF_CALLBACK,     /* it became a promise */
    HANDOFF_MAILBOX,
    HANDOFF_TRANSFERRED,  /* another handoff follows */
    HANDOFF_TAKEN,        /* by another human: another handoff follows */
    HANDOFF_REQUEUED,     /* its human was gone or silent: another handoff follows */
    HANDOFF_CANCELLED,    /* an operator passed or closed the session */
    HANDOFF_OUTCOMES
};

enum turn_outcome {
    TURN_ANSWERED = 1, TURN_SILENT, TURN_FAILED, TURN_INTERRUPTED,
    TURN_WITHHELD, /* a good answer that the customer must not get */
};

/* What came of a rule whose condition held. */
enum rule_outcome {
    RULE_HANDOFF = 1, /* the reason of the handoff that follows */
    RULE_OFFERED,     /* the customer is asked first */
    RULE_ALSO,        /* another came before it, or it was offered in vain in this talk */
    RULE_NOBODY,      /* there is no queue, or a handoff is under way */
    RULE_ACCEPTED,    /* what the customer made of the offer */
    RULE_DECLINED,
    RULE_LAPSED,      /* .. they went on with something else */
    RULE_OUTCOMES
};

/* What a body can hold; which of it depends on the type. */
struct record_body {
    const char *text, *choice;
    const struct td_choice *const *choices;
    size_t n_choices;
    const struct td_attachment *const *attachments; /* without url */
    size_t n_attachments;
    const struct td_part *const *parts;
    size_t n_parts;
    const char *peer, *customer_id, *customer_name, *customer_email, *locale, *timezone;
    const char *state, *summary, *entities, *sources, *note;
    const char *wrapup, *arguments, *data, *claims;
    const char *raw; /* what the channel got; in the journal only, not in the state */
};

struct record {
    enum record_type type;
    uint64_t seq;
    int64_t at;
    uint64_t epoch;
    const char *channel, *kind, *account;
    int verified;
    int owner; /* enum td_owner_kind */
    const char *name, *cause;
    const char *ext_id;
    struct ulid message_id, turn;
    const char *agent, *route, *signals, *policy;
    uint64_t upto, of;
    uint64_t attempt;
    int64_t due, deadline;
    int outcome, decision, author, status, score;
    const char *intent, *code, *queue, *slot, *language, *detail;
    int64_t confidence; /* per mille + 1; 0: not said */
    int grounded;       /* 1 yes, 2 no, 0 not said */
    const char *also, *evidence;
    struct ulid handoff, from; /* OWNER, REPLY: the handoff it belongs to */
    const char *desk, *category, *title;
    const char *call, *receipt;
    int state;   /* enum handoff_state */
    int op;      /* enum control_op */
    int pending; /* OWNER: a handoff is offered */
    int maybe_duplicate; /* DELIVERY: the customer may have got it twice */
    int said;    /* REPLY of the system: enum text_state + 1; 0: no state's text. MESSAGE: 1: a
                  * word to the gateway, of which no agent need make sense */
    int64_t priority, number;
    uint64_t position;
    int64_t wait; /* ms + 1; 0: not known */
    struct record_body body;
};

const char *record_type_name(enum record_type type);
/* A number that stands in that field of records of that type: "delivered", "queued"; "unknown". */
const char *record_word(enum record_type type, const char *field, int value);
const char *handoff_outcome_name(int outcome); /* "returned", ..; as desks hear it */
const char *rule_outcome_name(int outcome);    /* "handoff", .. */

/* Appends the facts (body not included) as compact JSON. Deterministic: same record, same bytes. */
void record_encode(const struct record *record, struct buf *facts);
/* Appends the body as compact JSON; nothing at all when it is empty. */
void record_encode_body(const struct record_body *body, struct buf *out);
/* The body as a value within other JSON; null when it is empty. */
void record_put_body(struct td_json *j, const struct record_body *body);

/* Appends an object of what its numbers mean, by field; nothing at all when there are none. */
void record_encode_names(const struct record *record, struct buf *out);

/* Strings are allocated in the arena. 0, or -1 with what is wrong. */
int record_decode(const char *facts, size_t len, struct arena *arena, struct record *record_r,
                  struct err *err);
int record_decode_body(const char *text, size_t len, struct arena *arena,
                       struct record_body *body_r, struct err *err);
/* The same from a parsed object; NULL or null is an empty body. */
int record_decode_body_tree(const struct cJSON *object, struct arena *arena,
                            struct record_body *body_r, struct err *err);

#endif
