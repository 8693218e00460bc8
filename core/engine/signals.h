/*
 * signals.h - the names that `when` expressions may use, and their values in a session.
 *
 * Layer: engine, pure. The table drives the check at start, evaluation, and the manual. Values come
 * from the state and from the record at hand, never from a text: what a text shows stands in the
 * record, so that the journal, read again, gives the same values.
 */
#ifndef ENGINE_SIGNALS_H
#define ENGINE_SIGNALS_H

#include <stdint.h>

#include "base/expr.h"

struct arena;
struct policy;
struct record;
struct session;

extern const struct expr_name signals_names[];
const char *signals_help(size_t index); /* one sentence */
int signals_phrase(size_t index);       /* the phrase pack that it is about; -1: none */
int signals_is_waiting(size_t index);   /* its value grows while nothing happens */

struct signals_at {
    const struct session *session; /* a signals_view() when a record is at hand */
    const struct policy *policy;
    const struct record *record; /* MESSAGE, TURN_END, RESULT, DELIVERY; NULL: none is at hand */
    int64_t now;
};

/* The state as it is with this record, of which only what signals need is brought in; before
 * engine_apply(). view: a copy of the state that shares its strings; answered: as in counts.h. */
void signals_view(struct session *view, uint64_t answered, const struct record *record);

/* An expr_lookup over the signals_at given as arg. */
void signals_lookup(void *at, size_t index, struct expr_value *value_r);

/* "name=value" behind what is there so far; never NULL. */
const char *signals_note(struct arena *arena, const char *so_far, const char *name,
                         const struct expr_value *value);
/* All counters that are not 0. */
const char *signals_counters(const struct signals_at *at, const char *so_far, struct arena *arena);

#endif
