/*
 * measure.h - what one conversation says about handoffs: a fold over its journal.
 *
 * Layer: measure (base, engine), PURE: records in, figures out; no clock, no I/O. Memory comes from
 * the arena that measure_init() gets, strings too. Times are wall ms, 0: it did not happen.
 *
 * Total: any records in any order, also of a journal whose beginning or whose texts are gone. What
 * only texts can tell is unknown then, and says so (REPEAT_UNKNOWN).
 */
#ifndef MEASURE_MEASURE_H
#define MEASURE_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/ulid.h"

struct arena;
struct phrases;
struct record;
struct repeat;

#define MEASURE_ESCALATIONS 8 /* of a session are kept; the others are only counted */
#define MEASURE_STAYS 6       /* of an escalation in queues */
#define MEASURE_QUESTIONS 8   /* unanswered ones of a session */
#define MEASURE_SLOTS 8        /* what an agent asked back for, in a session */
#define MEASURE_FAILURES 8     /* kinds of failures in a session */
#define MEASURE_HEARD 3       /* customer messages after the first of a human that are looked at */

/* What a human said in the wrap-up of the escalation. */
enum measure_judged { JUDGED_NOT, JUDGED_RIGHT, JUDGED_EARLY, JUDGED_LATE, JUDGED_NEEDLESS };
enum measure_resolved { RESOLVED_UNKNOWN, RESOLVED_NO, RESOLVED_YES };

/* The time in one queue; to 0: it still waits there. */
struct measure_stay {
    const char *queue;
    int64_t from, to;
    int served; /* it ended because a human took it */
};

/*
 * One wish for a human, from its commit on, through every queue, transfer and second attempt: a
 * handoff that follows another is the same escalation, and so is the one by which a promise of it is
 * kept. What a customer wants anew after it has ended is another.
 */
struct measure_escalation {
    struct ulid handoff; /* the newest */
    int64_t at;
    uint64_t seq;
    const char *code, *intent, *queue; /* code: of the first handoff; queue: where it is, or was */
    int64_t accepted_at;               /* first */
    int64_t answered_at;               /* the first message of a human */
    int64_t ended_at;                  /* of the newest handoff */
    int outcome;                       /* enum handoff_outcome of the newest; 0: under way */
    int live;                          /* a human has it now */
    int64_t handled_ms;                /* stretches of humans that have ended */
    unsigned stretches;
    enum measure_judged judged;
    const char *should_be; /* the right reason, says the human; NULL */
    enum measure_resolved resolved;
    int64_t should_at;      /* the first rule that held before it; 0: none did, or none is there */
    unsigned late_messages; /* of the customer from there to the commit */
    struct measure_stay stays[MEASURE_STAYS];
    size_t n_stays;
};

struct measure_question {
    uint64_t seq; /* of the customer's message */
    int64_t at;
    const char *why; /* "refused", "not_grounded", "no_grounding", "failed", "withheld" */
};

/* What became of an agent's asking back for something, the last time it did. */
enum measure_asked { ASKED_OPEN, ASKED_ANSWERED, ASKED_HANDED /* a human was wanted */, ASKED_DROPPED };

struct measure_slot {
    const char *name;
    int asked; /* enum measure_asked */
};

/* What failed, and why; the same within a session is counted together. */
struct measure_failure {
    const char *kind; /* "agent", "action", "delivery", "handoff" */
    const char *what; /* the agent, action, channel, queue */
    const char *why;  /* a word or a sentence; each number in it is a '#' */
    unsigned n;
};

struct measure_csat {
    unsigned n, sum, good; /* good: 4 or 5 of 5 */
};

/* Who had the customer. */
enum measure_side { SIDE_AGENT, SIDE_HUMAN, SIDES };

struct measure {
    struct arena *arena;
    struct phrases *phrases;
    uint64_t key;

    uint64_t seq; /* of the newest record */
    uint64_t first_seq;
    const char *channel, *agent, *intent; /* agent: the first that was asked; intent: the newest */
    uint64_t who;                         /* the customer, as a keyed hash; 0: not known */
    int64_t opened_at, active_at;
    int64_t first_message_at;
    int64_t closed_at;   /* first time */
    int64_t returned_at; /* first message of the customer after that */
    unsigned messages;   /* of the customer */
    int seen;            /* a message of the customer was put to an agent */
    unsigned clarified;  /* turns */
    unsigned failures;   /* turns of agents */
    unsigned misunderstood; /* answers of agents after which the customer said the same again, or that
                             * they rated 1 or 2 */
    int answer_open;        /* the newest answer is one of an agent that nothing was said about */
    int converted;          /* an action has a receipt, or a human tagged it "converted" */
    struct measure_slot slots[MEASURE_SLOTS];
    size_t n_slots;
    struct measure_failure troubles[MEASURE_FAILURES];
    size_t n_troubles;
    enum measure_resolved agent_resolved;
    int64_t answered_at; /* newest answer of an agent */
    int64_t resolved_at; /* by whoever did last */
    struct measure_escalation escalations[MEASURE_ESCALATIONS];
    size_t n_escalations;
    unsigned more_escalations;
    struct measure_question questions[MEASURE_QUESTIONS];
    size_t n_questions;
    unsigned more_questions;
    struct measure_csat csat[SIDES];
    unsigned low; /* ratings of 1 or 2 */
    unsigned promises_made, promises_kept, promises_broken;
    int64_t should_at; /* the first rule that held and led to nothing yet */
    unsigned should_messages;
    unsigned heard;   /* messages of the customer after a human's first, at most MEASURE_HEARD */
    unsigned repeats; /* enum repeat_sign as bits, over these */
    int resumed;      /* made from a row: what was said before that is not known */
    struct repeat *repeat;
};

/* key: of the hash of who the customer is; phrases: MAY be NULL, then nobody says "I told you". */
void measure_init(struct measure *measure, struct arena *arena, struct phrases *phrases,
                  uint64_t key);
/* The records of one session in their order, with what bodies are left. */
void measure_apply(struct measure *measure, const struct record *record);

/* trouble.c: a record's part in slots, failures, answers that were not understood, and conversion. */
void measure_trouble(struct measure *measure, const struct record *record);

/* By the human who had it last, or, without one, by the agent. */
enum measure_resolved measure_resolved(const struct measure *measure);

#endif
