/*
 * fuzz_http_reply.c - bytes of a peer against the HTTP client's reader of responses.
 *
 * The first byte says what was asked and how much is taken. Fed in pieces, the rest must say what
 * it says fed whole.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* What is given each time is a copy of its own, so that nothing is read past it. */
static enum reply_result feed(struct reply *reply, uint8_t how, const char *data, size_t len,
                              size_t step)
{
    enum reply_result result = REPLY_MORE;
    size_t n;

    reply_start(reply, how & 1, how & 2 ? 1000 : 10);
    for (; len > 0 && result == REPLY_MORE; data += n, len -= n) {
        char *piece;

        n = step < len ? step : len;
        piece = malloc(n);
        must(piece != NULL);
        memcpy(piece, data, n);
        result = reply_feed(reply, piece, n);
        free(piece);
    }
    if (result == REPLY_MORE)
        result = reply_end(reply);
    else if (result == REPLY_DONE && len > 0)
        reply->keep_alive = 0;
    must(result != REPLY_MORE && (result == REPLY_BROKEN) == (reply->wrong != NULL));
    must(reply->body.len <= reply->max_body);
    must(result != REPLY_DONE || (reply->status >= 200 && reply->status <= 999));
    must(strlen(reply->content_type) < sizeof reply->content_type);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 1, 2, 3, 7, 64 };
    const char *text = (const char *)data + 1;
    struct reply whole, part;
    enum reply_result result;

    if (size == 0)
        return 0;
    result = feed(&whole, data[0], text, size - 1, SIZE_MAX);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        must(feed(&part, data[0], text, size - 1, steps[i]) == result);
        must(part.status == whole.status);
        must(strcmp(part.content_type, whole.content_type) == 0);
        if (result == REPLY_DONE) {
            must(part.keep_alive == whole.keep_alive);
            must((part.retry_after_ms < 0) == (whole.retry_after_ms < 0)); /* a second may pass */
            must(part.body.len == whole.body.len);
            must(part.body.len == 0 || memcmp(part.body.data, whole.body.data, part.body.len) == 0);
        }
        reply_fini(&part);
    }
    reply_fini(&whole);
    return 0;
}
