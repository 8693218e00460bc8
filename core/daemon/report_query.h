/* report_query.h - what a query asks of a report. Layer: daemon. */
#ifndef DAEMON_REPORT_QUERY_H
#define DAEMON_REPORT_QUERY_H

#include <stddef.h>

#include "measure/report.h"

struct report_query {
    struct report_ask ask; /* group points into the query */
    int csv;
    char group[256];
};

/* from, to: a date, a time (RFC 3339, UTC), or how long ago (30m, 24h, 7d); 7d to now unless said.
 * by, group, sessions (a mark, or all), columns, format (json, csv). 0, or -1 with a sentence that names the
 * argument and says what would be right. */
int report_query_parse(const char *query, int64_t now_ms, struct report_query *query_r, char *why,
                       size_t why_len);

#endif
