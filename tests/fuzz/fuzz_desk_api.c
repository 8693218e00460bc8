/*
 * fuzz_desk_api.c - what anybody may ask of the built-in desk: method, path, query, headers, body.
 *
 * The input is lines: method, path behind /desk/v1/, query, token, Idempotency-Key, Last-Event-ID; the
 * rest is the body. One that is answered is answered once, and what reaches the host names a human.
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* Cuts a line off; never NULL. */
static const char *line(char **at)
{
    char *text = *at, *end = strchr(text, '\n');

    *at = end != NULL ? end + 1 : text + strlen(text);
    if (end != NULL)
        *end = '\0';
    return text;
}

static void ask(struct fake *f, char *text, size_t len)
{
    char *at = text, path[600], bearer[300];
    const char *method = line(&at), *below = line(&at), *query = line(&at), *token = line(&at);
    const struct td_header headers[] = {
        { "authorization", bearer }, { "idempotency-key", line(&at) },
        { "last-event-id", line(&at) }, { "content-type", "text/plain" },
    };
    uint64_t request;
    const struct fake_call *call;

    snprintf(path, sizeof path, "/desk/v1/%.500s", below);
    snprintf(bearer, sizeof bearer, "Bearer %.250s", token);
    request = fake_request(f, &(struct td_web_request){
        .size = sizeof(struct td_web_request), .method = method, .path = path, .query = query,
        .peer = "192.0.2.1", .body = at, .body_len = len - (size_t)(at - text), .headers = headers,
        .n_headers = 4,
    });
    must(request != 0);
    while ((call = fake_next(f, FAKE_DESK)) != NULL) {
        must(call->desk->human != NULL && strncmp(token, "token-", 6) == 0);
        fake_done(f, call->id, &(struct td_desk_done){ .size = sizeof(struct td_desk_done),
                                                       .handoff = "H", .session = "S" });
    }
    while ((call = fake_next(f, FAKE_FILE)) != NULL)
        fake_filed(f, call->id, &(struct td_filed){ .size = sizeof(struct td_filed),
                                                    .status = TD_REJECT });
    must(fake_waiting(f, FAKE_REPLY) + fake_waiting(f, FAKE_STREAM) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fake *f = fake_new("desk");
    char *text = malloc(len + 1);

    must(text != NULL && fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, "")) == TD_OK);
    if (len > 0)
        memcpy(text, data, len);
    text[len] = '\0';
    ask(f, text, len);
    must(fake_close(f) == 0);
    fake_free(&f);
    free(text);
    return 0;
}
