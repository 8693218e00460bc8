/* webhook_kit.h - a webhook channel in a fake host, and requests as a provider signs them. */
#ifndef WEBHOOK_KIT_H
#define WEBHOOK_KIT_H

#include "plugins/shared/sign.h"
#include "tests/check.h"
#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;

#define KIT_URL "url = http://127.0.0.1:9/send\n"
#define KIT_OPEN KIT_URL "verify = none\n"
#define KIT_META                                                                          \
    "verify = meta\nsecret = app\n" KIT_URL                                               \
    "message_list = /entry/*/changes/*/value/messages/*\nin_text = /text/body\n"          \
    "in_account = 2/metadata/phone_number_id\nin_name = 2/contacts/0/profile/name\n"      \
    "in_time = /timestamp\nstatus_list = /entry/*/changes/*/value/statuses/*\n"           \
    "reply_id = /messages/0/id\n"

static struct fake *f;

static inline void kit_open(const char *conf)
{
    f = fake_new("hook");
    if (fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)) != TD_OK)
        fail_msg("%s", fake_error(f));
}

static inline void kit_refuses(const char *conf, const char *sentence)
{
    struct fake *other = fake_new("hook");

    assert_int_equal(fake_open(other, &td_plugin_0, fake_conf(other, &td_plugin_0, conf)), TD_CONF);
    if (strstr(fake_error(other), sentence) == NULL)
        fail_msg("'%s' is not in '%s'", sentence, fake_error(other));
    fake_free(&other);
}

static inline int kit_close(void **state)
{
    (void)state;
    if (f == NULL)
        return 0;
    if (fake_self(f) != NULL) /* some tests close it themselves */
        assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    return 0;
}

/* headers: pairs, NULL ends. */
static inline void kit_request(const char *method, const char *query, const char *const *headers,
                               const char *body)
{
    struct td_header list[8];
    size_t n = 0;

    for (; headers != NULL && headers[2 * n] != NULL; n++)
        list[n] = (struct td_header){ headers[2 * n], headers[2 * n + 1] };
    const struct td_web_request request = {
        .size = sizeof request, .method = method, .path = "/hooks/hook", .query = query,
        .peer = "192.0.2.1", .body = body, .body_len = strlen(body), .headers = list,
        .n_headers = n,
    };

    assert_true(fake_request(f, &request) != 0);
}

static inline void kit_post(const char *const *headers, const char *body)
{
    kit_request("POST", "", headers, body);
}

static inline void kit_meta(const char *body)
{
    struct td_error err;
    struct sign_keys *keys = sign_keys_new("app", 0, &err);
    char header[SIGN_HEX + 7] = "sha256=";

    assert_int_equal(sign_hex(keys, body, strlen(body), header + 7), 0);
    sign_keys_free(&keys);
    kit_post((const char *const[]){ "x-hub-signature-256", header, NULL }, body);
}

static inline void kit_accept(const struct fake_call *call, enum td_status status, int duplicate)
{
    fake_accepted(f, call->id, &(struct td_accepted){
        .size = sizeof(struct td_accepted), .status = status, .duplicate = duplicate,
        .session = status == TD_OK ? "01S" : NULL, .seq = status == TD_OK ? 1 : 0,
        .retry_after_ms = status == TD_RETRY ? 3000 : 0,
        .detail = status == TD_OK ? NULL : "a reason",
    });
}

/* The status of the one answer that is there. */
static inline int kit_status(void)
{
    const struct fake_call *reply = fake_next(f, FAKE_REPLY);

    assert_non_null(reply);
    assert_null(fake_next(f, FAKE_REPLY));
    return reply->code;
}

static inline void kit_unauthorized(void)
{
    assert_int_equal(kit_status(), 401);
    assert_null(fake_next(f, FAKE_DELIVER));
    assert_null(fake_next(f, FAKE_EVENT));
}

static inline void kit_send(uint64_t job, const struct td_message *message)
{
    const struct td_outbound out = {
        .size = sizeof out, .session = "01S", .peer = "4512345678", .account = "106540352242922",
        .message = message,
    };

    fake_send(f, job, &out);
}

static inline void kit_send_text(uint64_t job, uint64_t seq, const char *text)
{
    kit_send(job, &(struct td_message){ .size = sizeof(struct td_message), .id = "01M",
                                        .text = text, .seq = seq });
}

static inline void kit_sent(uint64_t job, enum td_status status, int uncertain)
{
    const struct fake_call *call = fake_next(f, FAKE_SENT);

    assert_non_null(call);
    assert_int_equal(call->id, job);
    assert_int_equal(call->sent->status, status);
    assert_int_equal(call->sent->uncertain, uncertain);
    assert_true((call->sent->detail == NULL) == (status == TD_OK));
}

static inline void kit_receipt(uint64_t of, enum td_delivery status)
{
    const struct fake_call *call = fake_next(f, FAKE_EVENT);

    assert_non_null(call);
    assert_int_equal(call->event->type, TD_EV_RECEIPT);
    assert_string_equal(call->event->session, "01S");
    assert_int_equal(call->event->of, of);
    assert_int_equal(call->event->status, status);
}

#endif
