/*
 * signals.h - the names that `when` expressions may use, and their values in a session.
 *
 * Layer: engine, pure. The table drives the check at start, evaluation, and the manual.
 */
#ifndef ENGINE_SIGNALS_H
#define ENGINE_SIGNALS_H

#include "base/expr.h"

struct session;

extern const struct expr_name signals_names[];
const char *signals_help(size_t index); /* one sentence */

/* An expr_lookup over the session given as arg. */
void signals_lookup(void *session, size_t index, struct expr_value *value_r);

#endif
