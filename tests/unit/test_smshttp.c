/*
 * test_smshttp.c - a third provider, which is nothing but a row: JSON both ways, a signature of its own, ids that
 * make a request safe to repeat. The program has this table in place of the plugin's.
 */
#include "config.h"

#include <string.h>

#include "channels/smshttp_provider.h"
#include "kit/fake_host.h"
#include "tests/check.h"

extern const struct td_plugin td_plugin_0;

/* ---- The row ------------------------------------------------------------------------------ */

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* X-Acme-Key carries one of the secrets. */
static int proof_acme(const struct proof *proof)
{
    for (size_t i = 0; i < proof->request->n_headers; i++) {
        const struct td_header *header = &proof->request->headers[i];

        for (size_t k = 0; k < proof->secrets->n; k++) {
            if (strcmp(header->name, proof->header) == 0 &&
                strcmp(header->value, proof->secrets->word[k]) == 0)
                return 1;
        }
    }
    return 0;
}

static const struct provider_word words[] = { { "DELIVRD", TD_DELIVERED }, { "UNDELIV", TD_FAILED },
                                              { NULL, TD_SENT } };
static const struct provider_code codes[] = { { "BLOCKED", ERROR_OPTED_OUT },
                                              { "SLOW", ERROR_THROTTLED },
                                              { "NOBODY", ERROR_ADDRESS },
                                              { NULL, ERROR_REFUSED } };
static const struct provider acme = {
    .name = "acme", .proof = proof_acme, .proof_header = "x-acme-key",
    .in_id = NAMES("id"), .in_peer = NAMES("sender/number"), .in_account = NAMES("recipient"),
    .in_text = NAMES("content"), .in_media = NAMES("files/%u/url"),
    .status_id = NAMES("ref"), .status_word = NAMES("dlr"), .status_error = NAMES("reason"),
    .status_dead = NAMES("gone"), .words = words, .answer_type = "application/json", .answer = "{\"ok\":true}",
    .api = "https://api.acme.example", .path = "/v2/{account}/sms", .is_json = 1, .is_basic = 1,
    .idempotency_header = "Idempotency-Key",
    .body = { { "to", VALUE_PEER, NULL }, { "from", VALUE_SENDER, NULL },
              { "content", VALUE_TEXT, NULL }, { "kind", VALUE_WORD, "transactional" } },
    .reply_id = NAMES("ref"), .reply_error = NAMES("error/code"),
    .reply_words = NAMES("error/text"), .codes = codes,
};

const struct provider *const providers[] = { &acme, NULL };
const char *const provider_names[] = { "acme", NULL };

/* ---- The kit ------------------------------------------------------------------------------ */

static struct fake *f;

static int setup(void **state)
{
    (void)state;
    f = fake_new("sms");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0,
        "provider = acme\naccount = a1\ntoken = t0k\nsource = +4520202020\n"
        "public_url = https://gw.example/hooks/sms\n")), TD_OK);
    fake_keeps(f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    return 0;
}

static void hook(const char *key, const char *body)
{
    const struct td_header headers[] = { { "content-type", "application/json" },
                                         { "x-acme-key", key } };

    assert_true(fake_request(f, &(struct td_web_request){
        .size = sizeof(struct td_web_request), .method = "POST", .path = "/hooks/sms", .query = "",
        .peer = "192.0.2.1", .body = body, .body_len = strlen(body), .headers = headers,
        .n_headers = 2 }) != 0);
}

static void send(uint64_t job, const char *text)
{
    const struct td_message message = { .size = sizeof message, .id = "01M", .text = text,
                                        .author = TD_AI, .seq = job };

    fake_send(f, job, &(struct td_outbound){ .size = sizeof(struct td_outbound),
                                             .session = "01S", .peer = "+4511223344",
                                             .message = &message });
}

static const struct fake_call *asked(void)
{
    const struct fake_call *call = fake_next(f, FAKE_HTTP);

    assert_non_null(call);
    return call;
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void what_it_sends_is_proved_and_delivered(void **state)
{
    static const char text[] = "{\"id\":\"m1\",\"sender\":{\"number\":4511223344},"
                               "\"recipient\":\"4520202020\",\"content\":\"hello\"}";
    const struct fake_call *call;

    (void)state;
    hook("wrong", text);
    assert_int_equal(fake_next(f, FAKE_REPLY)->code, 403);
    hook("t0k", text);
    call = fake_next(f, FAKE_DELIVER);
    assert_non_null(call);
    assert_string_equal(call->in->peer, "+4511223344");
    assert_string_equal(call->in->message->id, "m1");
    assert_string_equal(call->in->message->text, "hello");
    assert_null(call->in->account);
    fake_accepted(f, call->id, &(struct td_accepted){ .size = sizeof(struct td_accepted),
                                                      .status = TD_OK, .session = "01S" });
    call = fake_next(f, FAKE_REPLY);
    assert_int_equal(call->code, 200);
    assert_string_equal(call->text, "{\"ok\":true}");
}

static void a_message_is_a_request_and_its_receipt_finds_it(void **state)
{
    const struct fake_call *call;

    (void)state;
    send(7, "hi");
    call = asked();
    assert_string_equal(call->request->url, "https://api.acme.example/v2/a1/sms");
    assert_string_equal(call->request->body, "{\"to\":\"+4511223344\",\"from\":\"+4520202020\","
                                             "\"content\":\"hi\",\"kind\":\"transactional\"}");
    fake_http_body(f, call, 202, "{\"ref\":\"r9\"}");
    assert_int_equal(fake_next(f, FAKE_SENT)->sent->status, TD_OK);
    hook("t0k", "{\"ref\":\"r9\",\"dlr\":\"UNDELIV\",\"reason\":\"absent\"}");
    call = fake_next(f, FAKE_EVENT);
    assert_non_null(call);
    assert_int_equal(call->event->of, 7);
    assert_int_equal(call->event->status, TD_FAILED);
    assert_string_equal(call->event->text, "UNDELIV err:absent");
    fake_keeps(f);
}

static void what_is_safe_to_repeat_is_repeated_with_the_same_key(void **state)
{
    const struct fake_call *call;

    (void)state;
    send(7, "hi");
    call = asked();
    assert_string_equal(call->request->headers[2].name, "Idempotency-Key");
    assert_string_equal(call->request->headers[2].value, "01M");
    fake_http_fail(f, call, TD_HTTP_TIMEOUT, "no answer");
    call = fake_next(f, FAKE_SENT);
    assert_int_equal(call->sent->status, TD_RETRY); /* another would be uncertain */
    send(8, "hi");
    assert_string_equal(asked()->request->headers[2].value, "01M");
}

static void its_words_for_no_are_understood(void **state)
{
    const struct fake_call *call;

    (void)state;
    send(1, "hi");
    fake_http_body(f, asked(), 400, "{\"error\":{\"code\":\"SLOW\",\"text\":\"wait\"}}");
    call = fake_next(f, FAKE_SENT);
    assert_int_equal(call->sent->status, TD_RETRY);
    fake_advance(f, 2000);
    send(2, "hi");
    fake_http_body(f, asked(), 400, "{\"error\":{\"code\":\"BLOCKED\",\"text\":\"no\"}}");
    call = fake_next(f, FAKE_SENT);
    assert_int_equal(call->sent->status, TD_REJECT);
    assert_non_null(strstr(call->sent->detail, "opted_out: the provider answered HTTP 400, BLOCKED: no"));
    send(3, "hi");
    assert_null(fake_next(f, FAKE_HTTP));
    assert_int_equal(fake_next(f, FAKE_SENT)->sent->status, TD_REJECT);
    fake_keeps(f);
}

static void whom_nobody_reaches_is_told_from_a_message_that_failed(void **state)
{
    static const struct {
        const char *id, *reason;
        int unreachable;
    } rows[] = { { "r1", "gone", 1 }, { "r2", "busy", 0 } };
    const struct fake_call *call;
    char body[80];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        send(i + 1, "hi");
        snprintf(body, sizeof body, "{\"ref\":\"%s\"}", rows[i].id);
        fake_http_body(f, asked(), 200, body);
        assert_int_equal(fake_next(f, FAKE_SENT)->sent->status, TD_OK);
        fake_keeps(f);
        snprintf(body, sizeof body, "{\"ref\":\"%s\",\"dlr\":\"UNDELIV\",\"reason\":\"%s\"}",
                 rows[i].id, rows[i].reason);
        hook("t0k", body);
        fake_keeps(f);
        call = fake_next(f, FAKE_EVENT);
        assert_int_equal(call->event->status, TD_FAILED);
        assert_int_equal(call->event->on, rows[i].unreachable);
    }
    send(3, "hi");
    fake_http_body(f, asked(), 400, "{\"error\":{\"code\":\"NOBODY\",\"text\":\"no\"}}");
    call = fake_next(f, FAKE_SENT);
    assert_int_equal(call->sent->status, TD_REJECT);
    assert_int_equal(call->sent->unreachable, 1);
    fake_keeps(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_it_sends_is_proved_and_delivered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_is_a_request_and_its_receipt_finds_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_safe_to_repeat_is_repeated_with_the_same_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(its_words_for_no_are_understood, setup, teardown),
        cmocka_unit_test_setup_teardown(whom_nobody_reaches_is_told_from_a_message_that_failed, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
