/*
 * fuzz_smshttp.c - a provider's webhook is hostile: its query, its form, its JSON.
 *
 * The first byte picks how it comes; a line is the query, the rest the body. Each request is answered once, or waits
 * for the host; what the real proofs judge never gets through without a secret; a provider that trusts
 * everybody shows what is made of fields. What is delivered has an id, an address and something said.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channels/smshttp_provider.h"
#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int proof_none(const struct proof *proof)
{
    (void)proof;
    return 1;
}

static const struct provider_word words[] = { { "delivered", TD_DELIVERED }, { "failed", TD_FAILED },
                                              { NULL, TD_SENT } };
static const struct provider_code codes[] = { { NULL, ERROR_REFUSED } };
static const struct provider trusting = {
    .name = "trusting", .takes_get = 1, .proof = proof_none, .in_id = NAMES("MessageSid", "messageId"),
    .in_peer = NAMES("From", "msisdn"), .in_account = NAMES("To", "to"),
    .in_text = NAMES("Body", "text"), .in_media = NAMES("MediaUrl%u", "image/url"),
    .in_wish = NAMES("OptOutType"), .concat_ref = "concat-ref", .concat_total = "concat-total",
    .concat_part = "concat-part", .status_id = NAMES("MessageSid", "messageId"),
    .status_word = NAMES("MessageStatus", "status"), .status_error = NAMES("ErrorCode"),
    .words = words, .answer_type = "text/plain", .answer = "", .api = "https://127.0.0.1:9",
    .path = "/{account}", .body = { { "to", VALUE_PEER, NULL } }, .reply_id = NAMES("id"),
    .reply_error = NAMES("code"), .codes = codes,
};

const struct provider *const providers[] = { &trusting, NULL };
const char *const provider_names[] = { "trusting", NULL };

static void must(int holds, const char *sentence)
{
    if (holds)
        return;
    fprintf(stderr, "sms_http: %s\n", sentence);
    abort();
}

/* With secrets that the input does not have. */
static void judge(const struct td_web_request *request, const struct fields *fields)
{
    static char secret[] = "k9$Gz-not-known";
    const struct secrets secrets = { .word = { secret }, .n = 1 };
    struct proof proof = { .request = request, .fields = fields,
                           .url = "https://gw.example/hooks/sms", .account = "a",
                           .secrets = &secrets, .now_ms = FAKE_START_MS, .skew_ms = 300000 };

    must(!proof_twilio(&proof), "a signature of nobody was good");
    for (int hash = HASH_SHA256_HMAC; hash <= HASH_MD5; hash++) {
        proof.hash = (enum proof_hash)hash;
        must(!proof_vonage(&proof), "a sig or a JWT of nobody was good");
    }
}

static void check_deliveries(struct fake *f)
{
    const struct fake_call *call;

    while ((call = fake_next(f, FAKE_DELIVER)) != NULL) {
        must(call->in->peer != NULL && call->in->peer[0] != '\0', "a message has no address");
        must(call->in->message->id != NULL && call->in->message->id[0] != '\0', "it has no id");
        must(call->in->message->text != NULL || call->in->message->n_attachments > 0,
             "nothing is said");
        fake_accepted(f, call->id, &(struct td_accepted){ .size = sizeof(struct td_accepted),
                                                          .status = TD_OK, .session = "01S" });
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = { "application/x-www-form-urlencoded", "application/json" };
    char *text, *body;
    struct td_header headers[3];
    struct fields fields;
    struct fake *f;

    if (size < 2 || size > 65536 || memchr(data + 1, '\0', size - 1) != NULL)
        return 0;
    text = malloc(size);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    body = strchr(text, '\n');
    if (body != NULL)
        *body++ = '\0';
    else
        body = text + size - 1;
    headers[0] = (struct td_header){ "content-type", types[data[0] & 1] };
    headers[1] = (struct td_header){ "authorization", text };
    headers[2] = (struct td_header){ "x-twilio-signature", text };
    const struct td_web_request request = {
        .size = sizeof request, .method = data[0] & 2 ? "GET" : "POST", .path = "/hooks/sms",
        .query = text, .peer = "192.0.2.1", .body = body, .body_len = strlen(body),
        .headers = headers, .n_headers = 3 };

    if ((data[0] & 1 ? fields_json(&fields, body, strlen(body))
                     : fields_form(&fields, body, strlen(body))) == 0)
        judge(&request, &fields);
    fields_fini(&fields);
    f = fake_new("sms");
    must(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0,
        "provider = trusting\naccount = a\ntoken = t\nsource = 12345\n")) == TD_OK, "it does not open");
    fake_keeps(f);
    must(fake_request(f, &request) != 0, "there is no route");
    for (int i = 0; i < 3; i++) {
        check_deliveries(f);
        fake_keeps(f);
    }
    must(fake_waiting(f, FAKE_REPLY) == 1, "it was not answered once");
    fake_close(f);
    fake_free(&f);
    free(text);
    return 0;
}
