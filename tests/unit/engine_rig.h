/*
 * engine_rig.h - the engine on a bench: a small policy, a clock by hand, one session.
 *
 * rig_do() decides, writes the records down and applies them; rig_free() checks that the state
 * comes out the same from what was written. So every test is also one of the journal.
 */
#ifndef TESTS_ENGINE_RIG_H
#define TESTS_ENGINE_RIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"

#define RIG_NOW 1700000000000
#define RIG_JOURNAL 4096

struct rig {
    struct policy policy;
    struct policy_agent agents[4]; /* one -> two; three; four */
    struct policy_channel channel;
    struct policy_desk desks[2];   /* "web": humans of the conf; "far": somebody else's */
    struct policy_queue queues[2]; /* "first" at web, "second" at far */
    struct policy_human humans[2]; /* "mia", "bo" */
    struct hours *hours;           /* of a queue; freed with the rig */
    struct session session;
    struct arena *arena; /* of the step */
    struct step step;
    int64_t now;
    uint64_t random;
    struct buf facts[RIG_JOURNAL], bodies[RIG_JOURNAL]; /* by seq */
};

struct rig *rig_new(void);
void rig_free(struct rig **rig);

enum verdict rig_do(struct rig *rig, struct event event); /* fills in time, ids and random */
enum verdict rig_message(struct rig *rig, const char *id, const char *text);
enum verdict rig_answer(struct rig *rig, const struct td_answer *answer); /* to its turn */
enum verdict rig_says(struct rig *rig, const char *text);
enum verdict rig_status(struct rig *rig, enum td_status status, const char *detail);
enum verdict rig_event(struct rig *rig, enum event_type type);
enum verdict rig_sent(struct rig *rig, uint64_t of, enum td_delivery status);
enum verdict rig_due(struct rig *rig); /* winds the clock to engine_due(), then a timer */

/* With desks, queues and humans: the first queue of web, open always. */
struct rig *rig_desks(void);
int rig_desks_set_up(void **state); /* fixtures of cmocka: *state is one of these */
int rig_tear_down(void **state);
enum verdict rig_escalate(struct rig *rig); /* the customer asks, the agent hands over */
enum verdict rig_offered(struct rig *rig, enum offered_outcome outcome, const char *human);
/* On the handoff that the session has; what it leads to. */
enum control_outcome rig_control(struct rig *rig, struct event_control control);
enum control_outcome rig_by(struct rig *rig, enum control_op op, const char *human);
enum control_outcome rig_human_says(struct rig *rig, const char *human, const char *text);
void rig_live(struct rig *rig); /* a fresh rig_desks(): mia has it */
size_t rig_told(const struct rig *rig, const char *text); /* how often the customer heard it */

/* Of the last step; NULL or 0 when there is none. */
const struct record *rig_record(const struct rig *rig, enum record_type type);
const struct effect *rig_effect(const struct rig *rig, enum effect_type type);
size_t rig_records(const struct rig *rig, enum record_type type);
size_t rig_effects(const struct rig *rig, enum effect_type type);
const char *rig_last_text(const struct rig *rig); /* the newest message's */

/* The state from its snapshot, and from nothing but the journal. */
void rig_restore(struct rig *rig, struct session *session_r);
void rig_fold(struct rig *rig, struct session *session_r);

#endif
