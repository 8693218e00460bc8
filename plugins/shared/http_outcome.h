/*
 * http_outcome.h - what an HTTP response says of asking again, for plugins that post to a peer.
 *
 * Linked into each. Pure.
 */
#ifndef SHARED_HTTP_OUTCOME_H
#define SHARED_HTTP_OUTCOME_H

#include <tandem/plugin.h>

/* TD_OK (2xx), TD_RETRY (no answer, 408, 429, 5xx), TD_REJECT (all else). */
enum td_status http_outcome(const struct td_http_response *response);
/* Why it is not TD_OK, as a sentence: what the client says, or "`who` answered 503". */
void http_outcome_why(const struct td_http_response *response, const char *who, char *text_r,
                      size_t size);
uint32_t http_outcome_later(const struct td_http_response *response); /* Retry-After; 0: not said */

#endif
