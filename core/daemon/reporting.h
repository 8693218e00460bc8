/*
 * reporting.h - reads the journal for a report, a slice at a time, while the gateway works.
 *
 * Layer: daemon. Loop thread only. The store's thread reads, a page of records a turn of the loop is
 * folded, and while the store is behind with customers' work a report waits.
 */
#ifndef DAEMON_REPORTING_H
#define DAEMON_REPORTING_H

#include <stddef.h>

#include "measure/report.h"

struct err;
struct gate;
struct loop;
struct reporting;
struct store;

struct reporting *reporting_new(struct loop *loop, struct store *store, struct gate *gate);
/* Reports under way are dropped without a word. */
void reporting_free(struct reporting **reporting);

/* read: sessions so far. The report is borrowed, NULL: it cannot be made, `why` says so; then it is
 * over, as it is after a report. */
struct reporting_fn {
    void (*progress)(void *arg, size_t read); /* now and then; MAY be NULL */
    void (*done)(void *arg, struct report *report, const char *why);
};
/* The id for reporting_cancel(), or 0: too many are under way. fn comes on a later turn. */
unsigned reporting_start(struct reporting *reporting, const struct report_ask *ask,
                         const struct reporting_fn *fn, void *arg);
void reporting_cancel(struct reporting *reporting, unsigned id); /* no callback comes any more */

#endif
