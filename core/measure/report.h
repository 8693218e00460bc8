/*
 * report.h - the figures of a window of time: in all, by one word, and the sessions behind them.
 *
 * Layer: measure, pure. The window holds the sessions that began in it. Bounded: over REPORT_GROUPS
 * groups, or REPORT_CELLS kinds of escalations, the rest is counted under "(other)".
 */
#ifndef MEASURE_REPORT_H
#define MEASURE_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/ulid.h"
#include "measure/figures.h"

struct buf;
struct policy;
struct report;

#define REPORT_GROUPS 200
#define REPORT_CELLS 500
#define REPORT_COLUMNS 60
#define REPORT_SESSIONS 1000 /* listed; "more" says that there are others */

enum report_by { BY_NOTHING, BY_INTENT, BY_REASON, BY_QUEUE, BY_CHANNEL, BY_AGENT, REPORT_BYS };
const char *report_by_name(enum report_by by); /* "", "intent", .. */

struct report_ask {
    int64_t from, to; /* wall ms; sessions that began at or after from and before to */
    int64_t now;
    enum report_by by;
    const char *group;  /* sessions: of this group only; NULL: all. Copied */
    unsigned columns;   /* the figures of so many equal parts of the window as well; 0: none */
    int sessions;       /* list sessions instead of figures */
    enum mark mark;     /* sessions: those with this; MARKS: all */
};

struct report *report_new(const struct report_ask *ask);
void report_free(struct report **report);
/* The newest session first, so that of a customer's sessions the later one is known. Those that
 * began after the window count as returns only. `policy` is used during the call. */
void report_add(struct report *report, const struct ulid *session, const struct measure *measure,
                const struct policy *policy);
/* A session of which the journal's beginning is gone. */
void report_skip(struct report *report);

/* Once all is added; appended. As conf/schemas/report.json has it; or a table with a head line. */
void report_json(struct report *report, struct buf *out);
void report_csv(struct report *report, struct buf *out);

#endif
