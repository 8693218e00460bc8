/*
 * fuzz_chatwoot.c - what a Chatwoot says is hostile: its webhooks, and its answers to requests.
 *
 * Lines: "w" and the body of a webhook; "a" and the body of the answer to the oldest request ("e":
 * with status 503, "n": 404); "d" and a code: how the oldest operation of a human ended ("d" alone:
 * well); "o" offers a handoff; "r" relays a message; "x" ends it. Whatever comes, each webhook,
 * offer and relay is answered once.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char conf[] = "url = http://127.0.0.1:9\naccount = 1\ninbox = 7\ntoken = t\n"
                           "secret = s\nverify = token\n";

static void must(int holds, const char *sentence)
{
    if (holds)
        return;
    fprintf(stderr, "chatwoot: %s\n", sentence);
    abort();
}

static void offer(struct fake *f, uint64_t job)
{
    fake_offer(f, job, &(struct td_handoff){
        .size = sizeof(struct td_handoff), .id = "H1", .session = "S1", .queue = "q", .epoch = 3,
        .reason = "legal", .package = "{\"version\":\"1\",\"handoff_id\":\"H1\",\"summary\":\"s\"}",
    });
}

static void relay(struct fake *f, uint64_t job)
{
    const struct td_message message = { .size = sizeof message, .id = "m", .text = "Hello?",
                                        .seq = job, .author = TD_CUSTOMER };

    fake_relay(f, job, &(struct td_relay){ .size = sizeof(struct td_relay), .handoff = "H1",
                                           .session = "S1", .message = &message });
}

static void done(struct fake *f, const char *code)
{
    const struct fake_call *call = fake_next(f, FAKE_DESK);

    if (call == NULL)
        return;
    must(call->desk->human != NULL || call->desk->op == TD_OP_DECLINE, "an act of nobody");
    fake_done(f, call->id, &(struct td_desk_done){
        .size = sizeof(struct td_desk_done), .handoff = call->desk->op == TD_OP_TAKE ? "H2" : "H1",
        .status = *code == '\0' ? TD_OK : strcmp(code, "busy") == 0 ? TD_RETRY : TD_REJECT,
        .code = *code == '\0' ? NULL : code });
}

static void line(struct fake *f, const char *text, uint64_t job, unsigned *webhooks)
{
    const struct fake_call *call;

    switch (*text) {
    case 'w':
        ++*webhooks;
        must(fake_request(f, &(struct td_web_request){
            .size = sizeof(struct td_web_request), .method = "POST", .path = "/hooks/desk",
            .query = "token=s", .peer = "192.0.2.1", .body = text + 1,
            .body_len = strlen(text + 1) }) != 0, "there is no route");
        break;
    case 'a':
    case 'e':
    case 'n':
        if ((call = fake_next(f, FAKE_HTTP)) != NULL && fake_http_open(f, call))
            fake_http_body(f, call, *text == 'a' ? 200 : *text == 'e' ? 503 : 404, text + 1);
        break;
    case 'd': done(f, text + 1); break;
    case 'o': offer(f, job); break;
    case 'r': relay(f, job); break;
    case 'x': fake_release(f, "H1", text[1] == 't' ? "taken" : "left"); break;
    default: fake_advance(f, 1000);
    }
}

/* What a human does with a handoff that is over comes as a webhook, whatever was released. */
static void fault(void *arg, int rule, const char *sentence)
{
    (void)arg;
    must(rule == FAKE_RULE_DESK, sentence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned webhooks = 0, replies = 0;
    uint64_t job = 0;
    struct fake *f;
    char *text, *each, *rest;

    if (size > 65536 || (text = malloc(size + 1)) == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    f = fake_new("desk");
    fake_listen(f, &(const struct fake_ear){ .fault = fault });
    must(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)) == TD_OK, "it does not open");
    for (each = strtok_r(text, "\n", &rest); each != NULL && job < 200;
         each = strtok_r(NULL, "\n", &rest))
        line(f, each, ++job, &webhooks);
    must(fake_close(f) == 0, "something was forgotten");
    while (fake_next(f, FAKE_REPLY) != NULL)
        replies++;
    must(replies == webhooks, "a webhook was not answered once");
    fake_free(&f);
    free(text);
    return 0;
}
