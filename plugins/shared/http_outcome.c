/* http_outcome.c - what an HTTP response says of asking again. */
#include "config.h"

#include "plugins/shared/http_outcome.h"

#include <stdio.h>

#define LONGEST_MS 3600000

enum td_status http_outcome(const struct td_http_response *r)
{
    if (r->failure == TD_HTTP_BAD_URL)
        return TD_REJECT;
    if (r->failure != TD_HTTP_OK || r->status == 408 || r->status == 429 || r->status >= 500)
        return TD_RETRY;
    return r->status >= 200 && r->status < 300 ? TD_OK : TD_REJECT;
}

void http_outcome_why(const struct td_http_response *r, const char *who, char *text_r, size_t size)
{
    if (r->failure != TD_HTTP_OK)
        snprintf(text_r, size, "%.150s", r->detail);
    else
        snprintf(text_r, size, "%.100s answered %d", who, r->status);
}

uint32_t http_outcome_later(const struct td_http_response *r)
{
    return r->retry_after_ms > 0 && r->retry_after_ms < LONGEST_MS ? (uint32_t)r->retry_after_ms
                                                                   : 0;
}
