/*
 * board.h - all handoffs at a glance, the humans and who watches; for the files of the gate.
 *
 * Layer: gate. Loop thread only. A mirror: losing it loses nothing, a restart fills it again, with
 * what ended too (board_load.c).
 */
#ifndef GATE_BOARD_H
#define GATE_BOARD_H

#include "engine/line.h"
#include "gate/gate_private.h"

#define MAX_ENDED 500    /* handoffs that ended are remembered */
#define MAX_WATCHES 1000

/* A session's handoff, under way or ended. */
struct place {
    UT_hash_handle hh;
    struct ulid session, handoff;
    enum handoff_state state;
    char *desk, *queue, *human, *code, *channel, *language;
    char *tags; /* JSON array; NULL: none */
    int priority, score; /* score: of its review; 0: none */
    int64_t since, ended_at; /* wall */
    int outcome;             /* enum handoff_outcome; 0: it is under way */
    size_t position;         /* as told */
    int64_t wait_ms, told_ms, gone_ms, desk_away_ms; /* monotonic */
};

struct person {
    UT_hash_handle hh;
    enum line_presence said;
    int known;
    unsigned reserved; /* handoffs that are being given to them right now */
    char name[];
};

struct watch {
    struct watch *next;
    struct td_instance *inst;
    struct ulid session;
    char human[];
};

struct board {
    struct line *line;
    struct place *places; /* by session */
    struct place *ended[MAX_ENDED];
    size_t n_ended;
    struct person *persons;
    struct watch *watches;
    int changed;
};

void board_place_free(struct place *place);
void board_keep_ended(struct board *board, struct place *place); /* takes it; ended_at is set */
struct place *board_place_of(const struct gate *gate, const struct ulid *session);
struct place *board_find(const struct gate *gate, const struct ulid *handoff);  /* under way */
struct place *board_ended(const struct gate *gate, const struct ulid *handoff); /* remembered */

/* -1: that is no presence. */
int board_presence(struct gate *gate, const char *human, const char *presence);
const char *board_presence_of(const struct gate *gate, const char *human);
size_t board_load_of(struct gate *gate, const char *human); /* live, and being given */
void board_reserve(struct gate *gate, const char *human, int by); /* by: 1, -1 */
/* -1: too many watch already. */
int board_watch(struct td_instance *inst, const struct ulid *session, const char *human, int on);

/* {"handoffs":[..]} as this human of this desk sees them: "queued", "live", "mine", "closed";
 * NULL: a sample of closed ones. -1: there is no such state. */
struct td_json;
int board_list(struct td_instance *inst, const char *human, const char *state, struct td_json *j);
/* One of them, under way or ended, as an object; null when it is not known. */
void board_put(const struct gate *gate, const struct ulid *handoff, struct td_json *j);
void board_put_time(struct td_json *j, const char *key, int64_t at); /* nothing, when it is 0 */
/* {"queues":[..],"humans":[..]}: where to and to whom a customer of this desk may be given. */
void board_team(const struct td_instance *inst, struct td_json *j);

/* {"sessions":[..]}: conversations that an agent has, the liveliest first (supervise.c). */
void supervise_sessions(const struct gate *gate, struct td_json *j);
/* May this human of this desk see and watch that session? Its own desk's may, and supervisors. */
int supervise_may(const struct td_instance *inst, const char *human, const struct ulid *session);
int supervise_is(const struct td_instance *inst, const char *human);

#endif
