/* test_desk_webhook.c - plugins/desk_webhook.c: a foreign desk, signed both ways. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "kit/fake_host.h"
#include "plugins/shared/sign.h"
#include "tests/check.h"

extern const struct td_plugin td_plugin_0;

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static struct fake *f;

static int set_up(void **state)
{
    (void)state;
    f = fake_new("desk");
    assert_int_equal(fake_open(f, &td_plugin_0,
                               fake_conf(f, &td_plugin_0, "url = http://desk.example/in\n"
                                                          "secret = " SECRET)),
                     TD_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    return 0;
}

static void offer(uint64_t job)
{
    fake_offer(f, job, &(struct td_handoff){
        .size = sizeof(struct td_handoff), .id = "H1", .session = "S1", .queue = "billing",
        .epoch = 3, .reason = "refund_dispute", .package = "{\"version\":1}",
        .since_at_ms = FAKE_START_MS,
    });
}

static void relay(uint64_t job, uint32_t delta)
{
    const struct td_message message = { .size = sizeof message, .id = "m", .text = "Hello?",
                                        .seq = 9, .author = TD_CUSTOMER };

    fake_relay(f, job, &(struct td_relay){ .size = sizeof(struct td_relay), .handoff = "H1",
                                           .session = "S1", .message = &message, .delta = delta });
}

static const struct fake_call *posted(const char *part)
{
    const struct fake_call *call = fake_next(f, FAKE_HTTP);

    assert_non_null(call);
    if (strstr(call->request->body, part) == NULL)
        fail_msg("no %s in %s", part, (const char *)call->request->body);
    return call;
}

static const struct td_offered *offered_by(const char *body)
{
    offer(1);
    fake_http_body(f, posted("\"handoff.offered\""), 200, body);
    return fake_next(f, FAKE_OFFERED)->offered;
}

static uint64_t request(const char *body, const char *key, int64_t at_ms)
{
    struct td_error err;
    struct sign_keys *keys = sign_keys_new(key, 1, &err);
    char timestamp[24], signature[SIGN_STANDARD];
    const struct td_header headers[] = { { "webhook-id", "w1" },
                                         { "webhook-timestamp", timestamp },
                                         { "webhook-signature", signature } };

    snprintf(timestamp, sizeof timestamp, "%lld", (long long)(at_ms / 1000));
    assert_int_equal(sign_standard(keys, "w1", timestamp, body, strlen(body), signature), 0);
    sign_keys_free(&keys);
    return fake_request(f, &(struct td_web_request){
        .size = sizeof(struct td_web_request), .method = "POST", .path = "/hooks/desk",
        .query = "", .peer = "192.0.2.1", .body = body, .body_len = strlen(body),
        .headers = headers, .n_headers = 3,
    });
}

static void replied(int status, const char *part)
{
    const struct fake_call *call = fake_next(f, FAKE_REPLY);

    assert_non_null(call);
    assert_int_equal(call->code, status);
    if (strstr(call->text, part) == NULL)
        fail_msg("no %s in %s", part, call->text);
}

static void an_offer_is_posted_signed_with_its_package(void **state)
{
    const struct fake_call *call;

    (void)state;
    offer(1);
    call = posted("\"package\":{\"version\":1}");
    assert_string_equal(fake_header(call->request, "webhook-id"), "H1.offered.3");
    assert_memory_equal(fake_header(call->request, "webhook-signature"), "v1,", 3);
    fake_http_body(f, call, 202, "");
    assert_int_equal(fake_next(f, FAKE_OFFERED)->offered->status, TD_OK);
}

static void the_desk_may_accept_queue_or_decline_at_once(void **state)
{
    const struct td_offered *out = offered_by("{\"status\":\"accepted\",\"human\":\"Mia\"}");

    (void)state;
    assert_string_equal(out->human, "Mia");
    out = offered_by("{\"status\":\"queued\",\"position\":3,\"wait_s\":120}");
    assert_int_equal(out->status, TD_OK);
    assert_null(out->human);
    assert_int_equal(out->position, 3);
    assert_int_equal(out->wait_ms, 120000);
    out = offered_by("{\"status\":\"declined\",\"reason\":\"holiday\"}");
    assert_int_equal(out->status, TD_REJECT);
    assert_string_equal(out->detail, "holiday");
}

static void what_fails_for_now_is_asked_again_and_what_fails_for_good_is_not(void **state)
{
    static const struct { int http; enum td_status status; } rows[] = {
        { 500, TD_RETRY }, { 503, TD_RETRY }, { 429, TD_RETRY }, { 408, TD_RETRY },
        { 400, TD_REJECT }, { 404, TD_REJECT }, { 302, TD_REJECT }, { 204, TD_OK },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        relay(2, 0);
        fake_http_body(f, posted("\"handoff.message\""), rows[i].http, "");
        assert_int_equal(fake_next(f, FAKE_SENT)->sent->status, rows[i].status);
    }
    relay(2, 0);
    fake_http_fail(f, fake_next(f, FAKE_HTTP), TD_HTTP_CONNECT, "refused");
    assert_int_equal(fake_next(f, FAKE_SENT)->sent->status, TD_RETRY);
}

static void an_addition_carries_its_number(void **state)
{
    const struct fake_call *call;

    (void)state;
    relay(2, 4);
    call = posted("\"event\":\"handoff.delta\"");
    assert_non_null(strstr(call->request->body, "\"delta\":4"));
    fake_http_body(f, call, 200, "");
}

static void an_end_is_posted_until_the_desk_has_it(void **state)
{
    const struct fake_call *first, *second;

    (void)state;
    fake_release(f, "H1", "returned");
    first = posted("\"handoff.ended\"");
    fake_http_body(f, first, 503, "");
    assert_null(fake_next(f, FAKE_HTTP));
    fake_advance(f, 2000);
    second = posted("\"handoff.ended\"");
    assert_string_equal(fake_header(first->request, "webhook-id"),
                        fake_header(second->request, "webhook-id"));
    fake_http_body(f, second, 200, "");
    fake_advance(f, 600000);
    assert_null(fake_next(f, FAKE_HTTP));
    fake_release(f, "H2", "left");
    fake_http_body(f, posted("\"handoff.cancelled\""), 200, "");
}

static void what_its_humans_do_goes_to_the_host(void **state)
{
    const struct fake_call *call;

    (void)state;
    request("{\"handoff\":\"H1\",\"op\":\"message\",\"id\":\"e7\",\"text\":\"Hi\","
            "\"human\":\"Mia\"}", SECRET, FAKE_START_MS);
    call = fake_next(f, FAKE_DESK);
    assert_int_equal(call->desk->op, TD_OP_MESSAGE);
    assert_string_equal(call->desk->id, "e7");
    assert_string_equal(call->desk->human, "Mia");
    assert_string_equal(call->desk->message->text, "Hi");
    fake_done(f, call->id, &(struct td_desk_done){ .size = sizeof(struct td_desk_done), .seq = 12 });
    replied(200, "\"seq\":12");
}

static void a_wrong_or_old_signature_is_refused(void **state)
{
    static const char body[] = "{\"handoff\":\"H1\",\"op\":\"accept\",\"id\":\"e1\"}";

    (void)state;
    request(body, "another-key", FAKE_START_MS);
    replied(401, "signature");
    request(body, SECRET, FAKE_START_MS - 301000);
    replied(401, "signature");
    assert_null(fake_next(f, FAKE_DESK));
    assert_int_equal(fake_counted(f, "bad_signatures"), 2);
}

static void what_is_malformed_is_named(void **state)
{
    (void)state;
    request("[]", SECRET, FAKE_START_MS);
    replied(400, "not a JSON object");
    request("{\"handoff\":\"H1\",\"op\":\"steal\",\"id\":\"e\"}", SECRET, FAKE_START_MS);
    replied(400, "op must be");
    request("{\"op\":\"accept\",\"id\":\"e\"}", SECRET, FAKE_START_MS);
    replied(400, "handoff and id");
    request("{\"handoff\":\"H1\",\"op\":\"message\",\"id\":\"e\"}", SECRET, FAKE_START_MS);
    replied(400, "text must be");
    assert_null(fake_next(f, FAKE_DESK));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_offer_is_posted_signed_with_its_package),
        T(the_desk_may_accept_queue_or_decline_at_once),
        T(what_fails_for_now_is_asked_again_and_what_fails_for_good_is_not),
        T(an_addition_carries_its_number),
        T(an_end_is_posted_until_the_desk_has_it),
        T(what_its_humans_do_goes_to_the_host),
        T(a_wrong_or_old_signature_is_refused),
        T(what_is_malformed_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
