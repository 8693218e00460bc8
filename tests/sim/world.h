/*
 * world.h - a small world around the engine: customers, agents, a disk, and a shell that crashes.
 *
 * Everything follows from the seed. A person holds one session at a time; when a new one is
 * opened the old one is checked whole and forgotten. One thread, virtual time, no I/O.
 *
 *   sim.c      seeds, command line, what is printed when something breaks
 *   world.c    one seed: what happens next, and the quiet end
 *   setup.c    the policies, channels and fault rates of a seed
 *   people.c   customers and operators
 *   agents.c   questions under way and their answers
 *   desks.c    desks, lines and humans: offers, acceptances, messages, and what they do too late
 *   shell.c    decide, append, apply, effects; crash and recovery
 *   outbox.c   what leaves, and what the customer has seen
 *   disk.c     the store: what is durable
 *   model.c    each session as its durable records alone tell it, and their rules
 *   check.c    what must hold after every step
 *   planted.c  faults put in on purpose
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <setjmp.h>

#include "base/arena.h"
#include "base/buf.h"
#include "engine/engine.h"

#define MAX_PEOPLE 8
#define MAX_JOBS 12   /* questions under way for one person's session */
#define MAX_WAITING (ENGINE_MAX_WAITING + 2)
#define MAX_OFFERS 8
#define MAX_RELAYS 64
#define MAX_SENT 8 /* control operations that a human may send again */
#define MAX_QUEUES 3
#define MAX_AGENTS 5
#define MAX_CHANNELS 4
#define MAX_POLICIES 3
#define TRACE_LINES 40
#define MAX_PENDING 6
#define MAX_RULES 10
/* What one step may make: ten replies, four texts of ours, two owners, a handoff from beginning
 * to end, a promise, a turn, the rules that held, and their frame. */
#define MOST_RECORDS (28 + MAX_RULES)
#define MOST_MESSAGES \
    (SESSION_KEPT + SESSION_SLACK + ENGINE_MAX_UNSENT + 2 * ENGINE_MAX_WAITING + \
     (ENGINE_MAX_REPLIES + 2) * (MAX_PENDING + 2))

/* What the model needs of a record. */
struct fact {
    enum record_type type;
    uint64_t seq, epoch, upto, of, attempt;
    int64_t at, due, deadline;
    struct ulid turn;
    int outcome, decision, status, author, by_start, said; /* said: which message of the person; -1 */
    struct ulid handoff;
    int owner, state, text, quiet; /* text: enum text_state + 1 */
    char name[8];
    size_t facts_at, facts_len, body_at, body_len;
};

/* A handoff as its durable records tell it. */
struct attempt {
    int active, state, quiet, outcome;
    struct ulid id;
    char human[8];
    uint64_t from_seq, told;
};

/* A session as its durable records tell it. */
struct model {
    uint64_t seq, epoch, covered, newest, read_upto, heard_upto;
    enum session_phase phase;
    int running, by_start, retrying;
    struct ulid turn;
    uint64_t upto, attempt;
    int64_t deadline;
    uint64_t waiting[MAX_WAITING]; /* accepted and not covered */
    size_t n_waiting;
    uint64_t *visible; /* what a customer gets to see */
    size_t n_visible, cap_visible;
    int offered; /* a human, and the customer has not said a word since */
    unsigned clarifies; /* clarifying answers in a row, as customers got them */
    struct ulid just_ended; /* the turn that ended in the step that is being written */
    int just_outcome;
    int owner;
    struct attempt now, before; /* before: the newest that ended */
    int ended_now;              /* in the step that is being written */
    unsigned begun, ended;
    uint32_t *heard; /* by seq: a desk was given it, in this generation; 0: never */
    uint8_t *status; /* by seq, of replies; STATUS_NONE: no reply */
    size_t cap_status;
};
#define STATUS_NONE 255

struct disk {
    struct ulid id;
    struct fact *facts;
    size_t n, cap;
    struct buf bytes, bodies;
    struct buf snapshot, snapshot_body;
    uint64_t snapshot_seq;
};

/* Something the customer said; the number in the array is its external id. */
struct said {
    unsigned session; /* serial; where it is in the journal */
    uint64_t seq;     /* 0: not there */
    int acked, rejected, hostile;
};

/* A question under way at an agent. */
struct job {
    int open, cancelled, forced_fail;
    unsigned number;
    struct ulid turn;
    uint64_t epoch, attempt;
};

/* What a desk was offered, and remembers until it crashes. */
struct offer {
    struct ulid handoff;
    int answered;
};

struct relay {
    struct ulid handoff;
    uint64_t of;
};

/* A control operation that may be sent again. */
struct sent_op {
    unsigned number;
    int durable;
    enum control_op op;
    const char *human;
    struct ulid handoff;
};

struct out {
    int is_send;
    uint64_t of;
    int maybe_duplicate;
};

struct person {
    int number, channel;
    unsigned serial; /* of the session */
    struct disk disk;
    struct model model;

    /* The shell's memory: gone in a crash. */
    struct session state;
    struct arena *arena; /* of the step under way */
    struct step step;
    int resume; /* it has work from before the crash that was not taken up yet */
    int in_flight, flight_said, flight_job, flight_early;
    enum event_type flight_type;
    struct fact *marks; /* applied, not yet durable */
    size_t n_marks, cap_marks;
    struct buf mark_bytes, mark_bodies;
    struct out *outbox;
    size_t n_outbox, cap_outbox;
    uint64_t report_of; /* the newest report; again: it was refused, and is kept */
    enum td_delivery report_status;
    int again;
    int sending; /* the head of the outbox is with the channel */
    int parked;  /* until the customer is back */

    /* The outside: survives. */
    struct said *said;
    size_t n_said, cap_said;
    int attached;
    uint64_t last_seq;  /* newest the client has shown */
    uint64_t handed;    /* newest that reached the channel's wire; reports come about these */
    size_t n_shown;     /* of model.visible */
    struct job jobs[MAX_JOBS];
    struct offer offers[MAX_OFFERS];
    size_t n_offers;
    struct relay relays[MAX_RELAYS];
    size_t n_relays;
    struct sent_op ops[MAX_SENT];
    int flight_op; /* in ops, of the step under way; -1 */
    char telling[ULID_TEXT]; /* the bridge of which another channel is telling them; "": none */
    uint32_t generation; /* of relays: a desk may get again what it got in another */
};

/* How often what goes wrong, of 1000; a seed draws its own. */
struct rates {
    unsigned crash, full, conflict, flight, duplicate, hostile, late, garbage, retry, fail, silent;
    unsigned pass, escalate, clarify, reload, operator, away, leave, spurious, evict, clock;
    unsigned take, gone, desk_crash, call, bridge, outage;
};

struct world {
    uint64_t seed, rng;
    uint64_t steps, max_steps;
    unsigned told, crossed; /* customers whom another channel told of a bridge; who came over one */
    int64_t now;
    struct policy policies[MAX_POLICIES];
    struct policy_agent agents[MAX_POLICIES][MAX_AGENTS];
    struct policy_channel channels[MAX_POLICIES][MAX_CHANNELS];
    struct policy_choice choices[MAX_POLICIES][3][2];
    struct policy_route routes[MAX_POLICIES][3];
    struct policy_desk desks[2];
    struct policy_human humans[3];
    struct policy_queue queues[MAX_POLICIES][MAX_QUEUES];
    struct policy_rule rules[MAX_POLICIES][MAX_RULES];
    struct policy_wait waits[MAX_POLICIES][2 * MAX_RULES];
    const struct policy *policy;
    struct person people[MAX_PEOPLE];
    size_t n_people;
    struct rates rates;
    int64_t desks_up; /* until then no desk answers, and no human can do anything */
    unsigned outages;
    int full;  /* the disk has no space */
    int quiet; /* faults have stopped */
    unsigned made, jobs_made, crashes, stale, retired, ops_made, handoffs, accepted;
    struct arena *scratch, *scratch2;
    struct session whole, tail; /* folded for comparison */
    struct buf bytes, body;     /* encoded for comparison */
    uint64_t hash; /* of all that became durable */

    jmp_buf *on_broken;
    char broken[512], why[1024];
    int traced;
    char trace[TRACE_LINES][200];
    size_t n_trace;
    int loud;
};

/* world.c */
void world_run(struct world *w, uint64_t seed, uint64_t steps);
void world_free(struct world *w);
uint64_t draw(struct world *w, uint64_t below); /* 0 .. below-1 */
int chance(struct world *w, unsigned per_mille);
void say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Something that must hold does not: ends the seed. */
void broken(struct world *w, const char *invariant, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/* setup.c */
void setup_once(void);
void setup_end(void);
void setup_seed(struct world *w);

/* shell.c */
struct event shell_event(struct world *w, struct person *p, enum event_type type);
/* Hands an event in; said and job are who waits for it, -1: nobody. */
enum verdict shell_step(struct world *w, struct person *p, const struct event *event, int said,
                        int job);
void shell_commit(struct world *w, struct person *p); /* what is in flight is durable, or not */
void shell_evict(struct world *w, struct person *p);
void shell_cross(struct world *w, struct person *p, int channel, const char *token);
int shell_attach(struct world *w, struct person *p, uint64_t last_seq);
void shell_new_session(struct world *w, struct person *p);
void shell_crash(struct world *w);
/* 1: it can take an event. 0: it could not, and went on with what is in the way. */
int shell_ready(struct world *w, struct person *p);

/* outbox.c */
void outbox_add(struct world *w, struct person *p, const struct effect *effect);
void outbox_rebuild(struct world *w, struct person *p, const struct step *unsent);
int outbox_waits(const struct person *p); /* 1: the channel can go on */
void outbox_move(struct world *w, struct person *p);
void outbox_again(struct world *w, struct person *p); /* the report that was refused */
void outbox_receipt(struct world *w, struct person *p);
void client_replay(struct world *w, struct person *p, uint64_t last_seq);

/* people.c */
void people_act(struct world *w, struct person *p);
void people_decline(struct world *w, struct person *p); /* the human that was offered */
void people_come_back(struct world *w, struct person *p); /* and says again what nobody took */
void people_accepted(struct world *w, struct person *p, int said, unsigned session, uint64_t seq);
void operator_act(struct world *w, struct person *p);

/* agents.c */
void agents_ask(struct world *w, struct person *p, const struct effect *effect);
void agents_cancel(struct world *w, struct person *p, const struct ulid *turn);
int agents_waiting(const struct person *p);
void agents_answer(struct world *w, struct person *p);

/* desks.c */
void desks_effect(struct world *w, struct person *p, const struct effect *effect);
void desks_act(struct world *w, struct person *p);
int desks_settle(struct world *w, struct person *p); /* 1: a human brought it further */
void desks_bridge(struct world *w, struct person *p, const struct effect *effect);
void desks_forget(struct person *p);
void desks_durable(struct person *p); /* the control operation under way is on disk */
void desks_check(struct world *w, struct person *p, const struct event *event,
                 const struct step *step);

/* disk.c */
void disk_init(struct disk *disk, const struct ulid *id);
void disk_fini(struct disk *disk);
void disk_encode(struct fact *fact, const struct record *record, struct buf *bytes,
                 struct buf *bodies);
void disk_append(struct world *w, struct person *p, const struct fact *fact, const char *bytes,
                 const char *body);
void disk_snapshot(struct person *p);
/* The state from the durable records, with the snapshot's help; or without, checking each byte. */
void disk_load(struct world *w, struct person *p, int use_snapshot, struct session *state_r);

/* model.c */
void model_init(struct model *model);
void model_fini(struct model *model);
void check_durable(struct world *w, struct person *p, const struct fact *fact);
void check_batch(struct world *w, struct person *p); /* the records of a step are written */
void model_heard(struct world *w, struct person *p, const struct effect *relay);

/* attempt.c: the part of the model that is about handoffs. */
void attempt_durable(struct world *w, struct person *p, const struct fact *fact);
void attempt_reply(struct world *w, struct person *p, const struct fact *fact);
void attempt_batch(struct world *w, struct person *p);
void attempt_end(struct world *w, struct person *p); /* every handoff has its outcome */

/* check.c */
void check_step(struct world *w, struct person *p, const struct event *event,
                const struct step *step);
void check_state(struct world *w, struct person *p);
void check_question(struct world *w, struct person *p, const struct td_turn *turn);
void check_bytes(struct world *w, struct person *p); /* dear: folds the journal in several ways */
void check_end(struct world *w, struct person *p);   /* nothing waits any more */
void check_acked(struct world *w, struct person *p);

/* planted.c */
enum planted {
    PLANTED_NOTHING,
    PLANTED_NO_FENCE,
    PLANTED_EARLY_EFFECTS,
    PLANTED_EARLY_ACK,
    PLANTED_NO_DEDUPE,
    PLANTED_OUT_OF_ORDER,
    PLANTED_FORGETS_PENDING,
    PLANTED_DELIVERY_BACK,
    PLANTED_SNAPSHOT_ANSWERED,
    PLANTED_ANSWERS_TWICE,
    PLANTED_NO_RESEND,
    PLANTED_DROPS_WAITING,
    PLANTED_TWO_TURNS,
    PLANTED_CLOCK,
    PLANTED_SECOND_ACCEPT,
    PLANTED_TOLD_TWICE,
    PLANTED_LOST_DELTA,
    PLANTED_FORGETS_CONTROL,
    PLANTED_TALKS_OVER,
    PLANTED_SILENT_END,
    PLANTED_SNAPSHOT_HANDOFF,
    PLANTED_NO_REOFFER,
    PLANTED_CLARIFY,
    PLANTED_CLAIM,
    PLANTED_SNAPSHOT_COUNTS,
    PLANTED_OFFER_FORGOTTEN,
    PLANTED_NATIVE_UNOWNED,
    PLANTED_NATIVE_RESENT,
    PLANTED_COUNT
};
extern enum planted planted;
const char *planted_name(enum planted bug);
void planted_decide(const struct session *session, const struct event *event,
                    const struct policy *policy, struct step *step_r);
void planted_apply(struct session *session, const struct record *record);
void planted_snapshot(const struct session *session, struct buf *facts, struct buf *body);

#endif
