/* ask.c - failures of a question over HTTP. */
#include "config.h"

#include "plugins/shared/ask.h"

#include <strings.h>

void ask_refuse(const struct td_host *host, struct td_instance *inst, uint64_t job,
                enum td_status status, const char *detail, int64_t retry_after_ms)
{
    const struct td_answer answer = {
        .size = sizeof answer,
        .status = status,
        .detail = detail,
        .retry_after_ms = retry_after_ms <= 0          ? 0
                          : retry_after_ms > UINT32_MAX ? UINT32_MAX
                                                        : (uint32_t)retry_after_ms,
        .confidence = -1,
        .grounded = -1,
    };

    host->answer(inst, job, &answer);
}

enum td_status ask_status_of_failure(enum td_http_failure failure)
{
    switch (failure) {
    case TD_HTTP_BAD_URL:
        return TD_CONF;
    case TD_HTTP_TLS:
    case TD_HTTP_TOO_LARGE:
        return TD_FAIL;
    case TD_HTTP_RESOLVE:
    case TD_HTTP_CONNECT:
    case TD_HTTP_TIMEOUT:
    case TD_HTTP_BROKEN:
    case TD_HTTP_OK:
        break;
    }
    return TD_RETRY;
}

enum td_status ask_status_of_http(int status)
{
    return status == 429 || status >= 500      ? TD_RETRY
           : status == 401 || status == 403    ? TD_AUTH
           : status >= 400                     ? TD_REJECT
                                               : TD_FAIL;
}

static int is_event_stream(const char *content_type)
{
    const size_t len = sizeof "text/event-stream" - 1;

    return strncasecmp(content_type, "text/event-stream", len) == 0 &&
           (content_type[len] == '\0' || content_type[len] == ';' || content_type[len] == ' ');
}

const char *ask_stream(struct http_events **events, const struct td_http_data *data, size_t max,
                       http_event_fn *fn, void *arg)
{
    if (data->status != 200 || !is_event_stream(data->content_type))
        return NULL;
    if (*events == NULL && (*events = http_events_new(max, fn, arg)) == NULL)
        return "out of memory";
    return http_events_feed(*events, data->data, data->len);
}
