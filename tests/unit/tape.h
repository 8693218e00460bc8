/*
 * tape.h - a conversation written down record by record, for tests of what is measured.
 *
 * The clock stands until tape_at() moves it. Handoffs are numbered by the test: 1, 2, ..
 */
#ifndef TESTS_TAPE_H
#define TESTS_TAPE_H

#include "base/arena.h"
#include "engine/record.h"
#include "measure/figures.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct tape {
    struct arena *arena;
    struct measure measure;
    int64_t begun, now;
    uint64_t seq;
};

/* A session of this customer; it begins now. peer NULL: not known. */
void tape_begin(struct tape *tape, int64_t now, const char *peer);
void tape_end(struct tape *tape);
void tape_at(struct tape *tape, int64_t after_ms); /* since it began */

void tape_put(struct tape *tape, struct record record); /* gets its seq and time */
void tape_customer(struct tape *tape, const char *text); /* text NULL: erased */
/* A whole turn: asked, answered. */
void tape_agent(struct tape *tape, enum td_decision decision, const char *intent,
                const char *entities);
void tape_handoff(struct tape *tape, unsigned id, unsigned from, const char *queue,
                  const char *code);
void tape_moved(struct tape *tape, unsigned id, const char *queue);
void tape_accepted(struct tape *tape, unsigned id);
void tape_human(struct tape *tape, unsigned id, const char *text);
/* The human's time ends, which began `for_ms` ago; wrapup NULL: none. Then the handoff ends. */
void tape_stretch(struct tape *tape, unsigned id, int64_t for_ms, enum handoff_outcome outcome,
                  const char *wrapup);
void tape_over(struct tape *tape, unsigned id, enum handoff_outcome outcome);
void tape_closed(struct tape *tape);
void tape_rated(struct tape *tape, int score);

/* Any record, of a random that is the same each time. */
void tape_seed(unsigned seed);
unsigned tape_random(unsigned n); /* below n */
void tape_any(struct tape *tape);

/* One figure by its name; NAN: it is not known. */
double figure_of(struct figures *figures, const char *name);

#endif
