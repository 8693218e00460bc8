/*
 * fuzz_webhook.c - a provider's request is hostile: its headers, its body, and what is mapped.
 *
 * The first byte picks a conf; then lines of headers up to an empty one, then the body. Whatever
 * comes, each request is answered once, a forged one never does anything, and what is delivered
 * has an id, an address and something said.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define URL "url = http://127.0.0.1:9/\n"
#define MAX_HEADERS 16

static const char *const confs[] = {
    URL "verify = none\nmessage_list = /entry/*/changes/*/value/messages/*\n"
        "in_text = /text/body, /interactive/button_reply/title\nin_name = 2/contacts/0/name\n"
        "in_account = 2/metadata/id\nin_time = /timestamp\n"
        "status_list = /entry/*/changes/*/value/statuses/*\n",
    URL "verify = none\nin_id = /update_id\nin_peer = /message/chat/id, /a~1b/~0/0\n"
        "in_text = /message/text\nin_choice = /callback_query/data\ntext_other = ?\n",
    URL "verify = standard\nsecret = whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw k9$Gz-not-known\n",
    URL "verify = meta\nsecret = k9$Gz-not-known\nverify_token = k9$Gz-not-known\n",
    URL "verify = slack\nsecret = k9$Gz-not-known\n",
    URL "verify = bearer\nsecret = k9$Gz-not-known\n",
};
#define N_CONFS (sizeof confs / sizeof confs[0])
#define N_OPEN 2 /* of them take everybody's word */

static void must(int holds, const char *sentence)
{
    if (holds)
        return;
    fprintf(stderr, "webhook: %s\n", sentence);
    abort();
}

/* "name: value" lines; returns where the body begins. */
static char *split(char *text, struct td_header *headers, size_t *n_r)
{
    char *line = text, *end;

    for (*n_r = 0; (end = strchr(line, '\n')) != NULL && *n_r < MAX_HEADERS; line = end + 1) {
        char *colon;

        *end = '\0';
        if (end == line)
            return end + 1;
        colon = strstr(line, ": ");
        if (colon == NULL)
            continue;
        *colon = '\0';
        headers[(*n_r)++] = (struct td_header){ line, colon + 2 };
    }
    return line;
}

static void check(struct fake *f, int is_open)
{
    const struct fake_call *call;
    unsigned n = fake_waiting(f, FAKE_REPLY);

    must(n == (fake_waiting(f, FAKE_DELIVER) == 0), "answered too early, or not at all");
    while ((call = fake_next(f, FAKE_DELIVER)) != NULL) {
        const struct td_message *message = call->in->message;

        must(is_open, "a forged request spoke for a customer");
        must(message->id != NULL && *message->id != '\0', "a message without an id");
        must(call->in->peer != NULL && *call->in->peer != '\0', "a message from nobody");
        must(message->text != NULL || message->choice != NULL, "a message that says nothing");
        fake_accepted(f, call->id, &(struct td_accepted){
            .size = sizeof(struct td_accepted), .status = TD_OK, .session = "01S", .seq = 1,
        });
    }
    must(fake_waiting(f, FAKE_REPLY) == 1, "not answered once");
    call = fake_next(f, FAKE_REPLY);
    must(is_open || call->code == 401, "a forged request was taken");
    must(fake_next(f, FAKE_EVENT) == NULL, "a receipt for a message that was never sent");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct td_header headers[MAX_HEADERS];
    struct td_web_request request = { .size = sizeof request, .path = "/hooks/hook",
                                      .peer = "192.0.2.1", .headers = headers };
    struct fake *f;
    char *text;
    unsigned which;

    if (size < 1 || size > 65536 || (text = malloc(size)) == NULL)
        return 0;
    which = data[0];
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    request.body = split(text, headers, &request.n_headers);
    request.body_len = size - 1 - (size_t)(request.body - text);
    request.method = which & 128 ? "GET" : "POST";
    request.query = which & 128 && request.n_headers > 0 ? headers[0].value : "";
    which = (which & 127) % N_CONFS;
    f = fake_new("hook");
    must(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, confs[which])) == TD_OK,
         "it does not open");
    fake_forget(f);
    must(fake_request(f, &request) != 0, "there is no route");
    if (strcmp(request.method, "GET") == 0)
        must(fake_next(f, FAKE_REPLY)->code >= 400, "a GET without the token was answered");
    else
        check(f, which < N_OPEN);
    must(fake_close(f) == 0, "something was forgotten");
    fake_free(&f);
    free(text);
    return 0;
}
