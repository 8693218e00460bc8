/*
 * ask.h - a question that went to a server over HTTP, and what its failures mean for the turn.
 *
 * For agents that are asked over HTTP; linked into each.
 */
#ifndef SHARED_ASK_H
#define SHARED_ASK_H

#include <tandem/plugin.h>

#include "plugins/shared/http_events.h"

/* Answers the job with what went wrong; retry_after_ms below 1: not said. */
void ask_refuse(const struct td_host *host, struct td_instance *inst, uint64_t job,
                enum td_status status, const char *detail, int64_t retry_after_ms);

/* What never worked is worth another try; what could not work is not. */
enum td_status ask_status_of_failure(enum td_http_failure failure);
enum td_status ask_status_of_http(int status); /* of any but 200 */

/* A piece of the response: what is an event stream goes to its reader, which is made at the first piece, as
 * http_events_new() and http_events_feed() say; any other comes whole. NULL, or what is wrong. */
const char *ask_stream(struct http_events **events, const struct td_http_data *data, size_t max,
                       http_event_fn *fn, void *arg);

#endif
