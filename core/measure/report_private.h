/* report_private.h - between report.c and report_print.c. Layer: measure. */
#ifndef MEASURE_REPORT_PRIVATE_H
#define MEASURE_REPORT_PRIVATE_H

#include <uthash.h>

#include "measure/report.h"

struct group {
    UT_hash_handle hh;
    struct figures figures;
    char name[];
};

/* So many of a kind, which three words say; in name. */
struct cell {
    UT_hash_handle hh;
    size_t n, sessions;
    char *word[3];
    char name[];
};

/* A customer's latest session so far began then. */
struct seen {
    UT_hash_handle hh;
    uint64_t who;
    int64_t at;
};

struct listed {
    struct ulid session;
    int64_t at;
    uint64_t marks;
    char *channel, *agent, *intent, *queue, *reason; /* NULL: none */
    const char *outcome;
    int64_t response_ms; /* -1: no human has spoken */
    struct measure_question questions[MEASURE_QUESTIONS];
    size_t n_questions;
};

struct report {
    struct report_ask ask;
    char *group;
    struct figures total;
    struct figures *columns; /* ask.columns of them, the oldest first */
    struct group *groups;
    struct cell *cells;    /* of escalations: intent, reason, outcome */
    struct cell *slots;    /* of what agents asked back: slot, what became of it */
    struct cell *failures; /* kind, what, why */
    struct seen *seen;
    struct listed *listed;
    size_t n_listed;
    int more;
    size_t n_sessions, n_skipped;
};

#endif
