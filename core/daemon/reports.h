/*
 * reports.h - GET /api/v1/report: figures, or the sessions behind one, as JSON or CSV.
 *
 * Layer: daemon. Loop thread only. With stream=1 the answer is text/event-stream: now and then
 * {"read":N}, then {"report":..} or {"error":{..}}; without it the answer has to come within the 30 s
 * that the listener waits.
 */
#ifndef DAEMON_REPORTS_H
#define DAEMON_REPORTS_H

struct gate;
struct loop;
struct reports;
struct store;
struct td_web_request;
struct web;

struct reports *reports_new(struct loop *loop, struct web *web, struct store *store,
                            struct gate *gate);
void reports_free(struct reports **reports); /* answers nothing any more */

/* NULL: it will be answered; else what is wrong, with the HTTP status. Good until the next call. */
const char *reports_get(struct reports *reports, const struct td_web_request *request,
                        int *status_r);

#endif
