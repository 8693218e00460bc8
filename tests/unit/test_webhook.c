/* test_webhook.c - channels/webhook, inbound: who may speak, what is understood, what is answered. */
#include "config.h"

#include "tests/unit/webhook_kit.h"

#define ONE "{\"id\":\"m1\",\"from\":\"45\",\"text\":\"hi\"}"
#define TWO                                                                                \
    "{\"entry\":[{\"changes\":[{\"value\":{\"metadata\":{\"phone_number_id\":\"106\"},"    \
    "\"contacts\":[{\"profile\":{\"name\":\"Dana\"}}],\"messages\":["                      \
    "{\"id\":\"w1\",\"from\":\"45\",\"timestamp\":\"1795415816\",\"text\":{\"body\":\"a\"}}," \
    "{\"id\":\"w2\",\"from\":\"46\",\"text\":{\"body\":\"b\"}}]}}]}]}"

/* ---- Signatures --------------------------------------------------------------------------- */

#define WHSEC "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define STANDARD "verify = standard\nsecret = other " WHSEC "\n" KIT_URL

static void sign(const char *key, const char *id, int64_t at_ms, const char *body,
                 char at_r[24], char signature_r[SIGN_STANDARD])
{
    struct td_error err;
    struct sign_keys *keys = sign_keys_new(key, 1, &err);

    snprintf(at_r, 24, "%lld", (long long)at_ms / 1000);
    assert_int_equal(sign_standard(keys, id, at_r, body, strlen(body), signature_r), 0);
    sign_keys_free(&keys);
}

static void post_standard(const char *key, int64_t off_ms, const char *signed_body,
                          const char *body)
{
    char at[24], signature[SIGN_STANDARD];

    sign(key, "msg_1", fake_now(f) + off_ms, signed_body, at, signature);
    kit_post((const char *const[]){ "webhook-id", "msg_1", "webhook-timestamp", at,
                                    "webhook-signature", signature, NULL }, body);
}

static int verify(enum sign_scheme scheme, const char *key, int64_t now_s,
                  const struct td_header *headers, size_t n, const char *body)
{
    struct td_error err;
    struct sign_keys *keys = sign_keys_new(key, scheme == SIGN_BY_STANDARD, &err);
    const struct sign_check check = { .scheme = scheme, .keys = keys, .header = "authorization",
                                      .tolerance_ms = 300000, .now_ms = now_s * 1000 };
    const struct td_web_request request = { .size = sizeof request, .body = body,
                                            .body_len = strlen(body), .headers = headers,
                                            .n_headers = n };
    int status = sign_verify(&check, &request);

    sign_keys_free(&keys);
    return status;
}

static void signatures_are_those_the_schemes_publish(void **state)
{
    const struct td_header standard[] = {
        { "webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek" },
        { "webhook-timestamp", "1614265330" },
        { "webhook-signature",
          "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= v2,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
    };
    const struct td_header slack[] = {
        { "x-slack-request-timestamp", "1531420618" },
        { "x-slack-signature",
          "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503" },
    };
    const char *body =
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
        "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
        "command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        "%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
        "trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    (void)state;
    f = NULL;
    assert_true(verify(SIGN_BY_STANDARD, WHSEC, 1614265330, standard, 3, "{\"test\": 2432232314}"));
    assert_false(verify(SIGN_BY_STANDARD, WHSEC, 1614265330 + 301, standard, 3,
                        "{\"test\": 2432232314}"));
    assert_false(verify(SIGN_BY_STANDARD, WHSEC, 1614265330, standard, 2, "{\"test\": 2432232314}"));
    assert_true(verify(SIGN_BY_SLACK, "8f742231b10e8888abcd99yyyzzz85a5", 1531420618, slack, 2,
                       body));
    assert_false(verify(SIGN_BY_SLACK, "8f742231b10e8888abcd99yyyzzz85a5", 1531420618 - 301, slack,
                        2, body));
}

static void both_keys_of_a_rotation_are_good_and_no_other(void **state)
{
    (void)state;
    kit_open(STANDARD);
    post_standard(WHSEC, 0, ONE, ONE);
    assert_non_null(fake_next(f, FAKE_DELIVER));
    post_standard("other", 0, ONE, ONE);
    assert_non_null(fake_next(f, FAKE_DELIVER));
    fake_forget(f);
    post_standard("wrong", 0, ONE, ONE);
    kit_unauthorized();
    assert_int_equal(fake_counted(f, "forged"), 1);
}

static void an_old_or_a_coming_timestamp_is_not_good(void **state)
{
    (void)state;
    kit_open(STANDARD);
    post_standard("other", -360000, ONE, ONE);
    kit_unauthorized();
    post_standard("other", 360000, ONE, ONE);
    kit_unauthorized();
    post_standard("other", -290000, ONE, ONE);
    assert_non_null(fake_next(f, FAKE_DELIVER));
}

static void one_changed_bit_of_the_body_is_seen(void **state)
{
    char body[] = ONE;

    (void)state;
    kit_open(KIT_META);
    for (size_t bit = 0; bit < 8 * (sizeof body - 1); bit++) {
        char header[SIGN_HEX + 7] = "sha256=";
        struct td_error err;
        struct sign_keys *keys = sign_keys_new("app", 0, &err);

        sign_hex(keys, body, strlen(body), header + 7);
        sign_keys_free(&keys);
        body[bit / 8] ^= (char)(1 << bit % 8);
        kit_post((const char *const[]){ "x-hub-signature-256", header, NULL }, body);
        body[bit / 8] ^= (char)(1 << bit % 8);
        kit_unauthorized();
    }
}

static void a_signature_that_is_missing_doubled_or_odd_is_not_good(void **state)
{
    static const char zeros[] =
        "sha256=0000000000000000000000000000000000000000000000000000000000000000";
    char huge[20000], good[SIGN_HEX + 7] = "sha256=";
    struct td_error err;
    struct sign_keys *keys = sign_keys_new("app", 0, &err);

    (void)state;
    sign_hex(keys, ONE, strlen(ONE), good + 7);
    sign_keys_free(&keys);
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    memcpy(huge, "sha256=", 7);
    kit_open(KIT_META);
    kit_post(NULL, ONE);
    kit_unauthorized();
    kit_post((const char *const[]){ "x-hub-signature-256", zeros, NULL }, ONE);
    kit_unauthorized();
    kit_post((const char *const[]){ "x-hub-signature-256", zeros, "x-hub-signature-256", good,
                                    NULL }, ONE);
    kit_unauthorized();
    kit_post((const char *const[]){ "x-hub-signature-256", huge, NULL }, ONE);
    kit_unauthorized();
    kit_post((const char *const[]){ "x-hub-signature-256", "sha256=", NULL }, ONE);
    kit_unauthorized();
    kit_post((const char *const[]){ "x-hub-signature-256", "sha1=aa", NULL }, ONE);
    kit_unauthorized();
}

static void a_bearer_token_is_compared_as_a_whole(void **state)
{
    (void)state;
    kit_open("verify = bearer\nsecret = one two\n" KIT_URL);
    kit_post((const char *const[]){ "authorization", "Bearer two", NULL }, ONE);
    assert_non_null(fake_next(f, FAKE_DELIVER));
    fake_forget(f);
    for (int i = 0; i < 5; i++) {
        const char *const bad[] = { "Bearer ", "Bearer tw", "Bearer two1", "Bearer one two", "two" };

        kit_post((const char *const[]){ "authorization", bad[i], NULL }, ONE);
        kit_unauthorized();
    }
}

static void a_token_may_stand_in_a_header_of_the_conf(void **state)
{
    (void)state;
    kit_open("verify = bearer\nverify_header = X-Secret\nsecret = one\n" KIT_URL);
    kit_post((const char *const[]){ "x-secret", "one", NULL }, ONE);
    assert_non_null(fake_next(f, FAKE_DELIVER));
    fake_forget(f);
    kit_post((const char *const[]){ "authorization", "Bearer one", NULL }, ONE);
    kit_unauthorized();
}

static void a_get_is_answered_with_its_challenge_only_to_who_has_the_token(void **state)
{
    const struct fake_call *reply;

    (void)state;
    kit_open(KIT_META "verify_token = a b\n");
    kit_request("GET", "hub.mode=subscribe&hub.challenge=11%2F58&hub.verify_token=b", NULL, "");
    reply = fake_next(f, FAKE_REPLY);
    assert_int_equal(reply->code, 200);
    assert_string_equal(reply->text, "11/58");
    assert_string_equal(reply->reply->content_type, "text/plain");
    kit_request("GET", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=c", NULL, "");
    kit_unauthorized();
    kit_request("GET", "hub.mode=subscribe&hub.challenge=%0d%0a&hub.verify_token=b", NULL, "");
    kit_unauthorized();
    kit_request("GET", "hub.mode=other&hub.challenge=1&hub.verify_token=b", NULL, "");
    kit_unauthorized();
    kit_request("GET", "hub.challenge=%", NULL, "");
    kit_unauthorized();
    kit_request("PUT", "", NULL, "");
    reply = fake_next(f, FAKE_REPLY);
    assert_int_equal(reply->code, 405);
    assert_string_equal(reply->reply->headers[0].name, "Allow");
    assert_string_equal(reply->reply->headers[0].value, "GET, POST");
    assert_string_equal(reply->text, "{\"error\":{\"code\":\"method_not_allowed\","
                                     "\"message\":\"messages come by POST\"}}");
}

static void what_needs_a_secret_does_not_open_without_one(void **state)
{
    (void)state;
    f = NULL;
    kit_refuses(KIT_URL, "there is no secret");
    kit_refuses(KIT_URL "secret = whsec_!!", "must be base64");
    kit_refuses(KIT_OPEN "message_list = a/b", "must be empty or begin with '/'");
    kit_refuses(KIT_OPEN "in_id = /a~2", "after '~' stands 0 or 1");
    kit_refuses(KIT_OPEN "in_id = 123/a", "too many levels");
}

/* ---- What is understood ------------------------------------------------------------------- */

static void a_message_is_read_where_the_conf_says(void **state)
{
    const struct fake_call *call;

    (void)state;
    kit_open(KIT_META);
    kit_meta(TWO);
    call = fake_next(f, FAKE_DELIVER);
    assert_string_equal(call->in->message->id, "w1");
    assert_string_equal(call->in->peer, "45");
    assert_string_equal(call->in->account, "106");
    assert_string_equal(call->in->customer->name, "Dana");
    assert_string_equal(call->in->message->text, "a");
    assert_true(call->in->message->at_ms == INT64_C(1795415816000));
    call = fake_next(f, FAKE_DELIVER);
    assert_string_equal(call->in->message->id, "w2");
    assert_true(call->in->message->at_ms == 0);
    assert_null(fake_next(f, FAKE_REPLY));
}

static void times_are_read_as_numbers_or_dates(void **state)
{
    static const struct { const char *time; int64_t ms; } rows[] = {
        { "1795415816", INT64_C(1795415816000) },
        { "1795415816123", INT64_C(1795415816123) },
        { "\"2026-11-23T06:36:56Z\"", INT64_C(1795415816000) },
        { "\"2026-11-23T07:36:56.9+01:00\"", INT64_C(1795415816000) },
        { "\"2000-02-29T00:00:00Z\"", INT64_C(951782400000) },
        { "\"2026-13-23T06:36:56Z\"", 0 },
        { "\"yesterday\"", 0 },
        { "-5", 0 },
        { "null", 0 },
    };
    char body[200];

    (void)state;
    kit_open(KIT_OPEN);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(body, sizeof body, "{\"id\":\"m\",\"from\":\"4\",\"text\":\"x\",\"time\":%s}",
                 rows[i].time);
        kit_post(NULL, body);
        assert_true(fake_next(f, FAKE_DELIVER)->in->message->at_ms == rows[i].ms);
    }
}

static void numbers_are_ids_as_long_as_no_digit_is_lost(void **state)
{
    (void)state;
    kit_open(KIT_OPEN "in_peer = /chat~1id, /from/0\n");
    kit_post(NULL, "{\"id\":9007199254740991,\"chat/id\":-1001,\"text\":\"x\"}");
    const struct fake_call *call = fake_next(f, FAKE_DELIVER);

    assert_string_equal(call->in->message->id, "9007199254740991");
    assert_string_equal(call->in->peer, "-1001");
    kit_post(NULL, "{\"id\":9007199254740993,\"from\":[\"45\"],\"text\":\"x\"}");
    assert_null(fake_next(f, FAKE_DELIVER));
    assert_int_equal(kit_status(), 200);
    assert_int_equal(fake_counted(f, "unknown"), 1);
}

static void a_pointer_that_leads_nowhere_gives_way_to_the_next(void **state)
{
    (void)state;
    kit_open(KIT_OPEN "in_id = 9/id, /id/-, /id/01, /id/9, /id/x, /id/0\n");
    kit_post(NULL, "{\"id\":[\"m1\",\"x\"],\"from\":\"45\",\"text\":\"x\"}");
    assert_string_equal(fake_next(f, FAKE_DELIVER)->in->message->id, "m1");
    kit_post(NULL, "{\"id\":{\"01\":\"m2\"},\"from\":\"45\",\"text\":\"x\"}");
    assert_string_equal(fake_next(f, FAKE_DELIVER)->in->message->id, "m2");
    kit_post(NULL, "{\"id\":[\"\",7],\"from\":\"45\",\"text\":\"x\"}");
    assert_null(fake_next(f, FAKE_DELIVER));
}

static void a_message_without_text_has_the_text_of_the_conf_or_is_counted(void **state)
{
    (void)state;
    kit_open(KIT_OPEN);
    kit_post(NULL, "{\"id\":\"m\",\"from\":\"45\",\"image\":{}}");
    assert_int_equal(kit_status(), 200);
    assert_int_equal(fake_counted(f, "unknown"), 1);
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    kit_open(KIT_OPEN "text_other = (something)\n");
    kit_post(NULL, "{\"id\":\"m\",\"from\":\"45\",\"image\":{}}");
    assert_string_equal(fake_next(f, FAKE_DELIVER)->in->message->text, "(something)");
    kit_post(NULL, "{\"id\":\"m\",\"from\":\"45\",\"choice\":\"yes\"}");
    const struct fake_call *call = fake_next(f, FAKE_DELIVER);

    assert_null(call->in->message->text);
    assert_string_equal(call->in->message->choice, "yes");
}

static void what_is_not_known_is_taken_and_counted(void **state)
{
    static const char *const bodies[] = { "{}", "[]", "null", "7", "{\"entry\":[{\"changes\":7}]}",
                                          "{\"entry\":[]}" };

    (void)state;
    kit_open(KIT_META);
    for (size_t i = 0; i < 6; i++) {
        kit_meta(bodies[i]);
        assert_int_equal(kit_status(), 200);
    }
    assert_int_equal(fake_counted(f, "unknown"), 6);
    kit_meta("{\"entry\":");
    assert_int_equal(kit_status(), 400);
    kit_meta("{\"a\":1,\"a\":2}");
    assert_int_equal(kit_status(), 400);
}

static void a_message_without_an_id_has_that_of_the_request(void **state)
{
    (void)state;
    kit_open(STANDARD "message_list = /*\nin_id = \n");
    post_standard("other", 0, "[" ONE "," ONE "]", "[" ONE "," ONE "]");
    assert_string_equal(fake_next(f, FAKE_DELIVER)->in->message->id, "msg_1-1");
    assert_string_equal(fake_next(f, FAKE_DELIVER)->in->message->id, "msg_1-2");
}

/* ---- What is answered --------------------------------------------------------------------- */

static void it_is_answered_when_every_message_is_on_disk(void **state)
{
    (void)state;
    kit_open(KIT_META);
    kit_meta(TWO);
    kit_accept(fake_next(f, FAKE_DELIVER), TD_OK, 0);
    assert_null(fake_next(f, FAKE_REPLY));
    kit_accept(fake_next(f, FAKE_DELIVER), TD_OK, 1);
    const struct fake_call *reply = fake_next(f, FAKE_REPLY);

    assert_int_equal(reply->code, 200);
    assert_string_equal(reply->text,
                        "{\"accepted\":2,\"duplicates\":1,\"unknown\":0,\"refused\":0}");
}

static void one_that_must_come_again_brings_all_again(void **state)
{
    const struct fake_call *reply;

    (void)state;
    kit_open(KIT_META);
    kit_meta(TWO);
    kit_accept(fake_next(f, FAKE_DELIVER), TD_RETRY, 0);
    kit_accept(fake_next(f, FAKE_DELIVER), TD_OK, 0);
    reply = fake_next(f, FAKE_REPLY);
    assert_int_equal(reply->code, 503);
    assert_string_equal(reply->reply->headers[0].name, "Retry-After");
    assert_string_equal(reply->reply->headers[0].value, "3");
}

static void one_that_is_refused_for_ever_is_not_asked_for_again(void **state)
{
    (void)state;
    kit_open(KIT_META);
    kit_meta(TWO);
    kit_accept(fake_next(f, FAKE_DELIVER), TD_REJECT, 0);
    kit_accept(fake_next(f, FAKE_DELIVER), TD_OK, 0);
    assert_int_equal(kit_status(), 200);
    assert_int_equal(fake_counted(f, "refused"), 1);
}

static void too_many_messages_are_refused_before_the_first_is_taken(void **state)
{
    char body[257 * 3 + 2] = "[";

    (void)state;
    for (int i = 0; i < 257; i++)
        memcpy(body + 1 + 3 * i, i < 256 ? "{}," : "{}]", 4);
    kit_open(KIT_OPEN "message_list = /*\n");
    kit_post(NULL, body);
    assert_int_equal(kit_status(), 413);
    assert_null(fake_next(f, FAKE_DELIVER));
}

static void requests_that_wait_are_bounded_and_ended_by_a_close(void **state)
{
    (void)state;
    kit_open(KIT_OPEN);
    for (int i = 0; i < 1000; i++)
        kit_post(NULL, ONE);
    assert_null(fake_next(f, FAKE_REPLY));
    kit_post(NULL, ONE);
    assert_int_equal(kit_status(), 503);
    assert_int_equal(fake_close(f), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(fake_next(f, FAKE_REPLY)->code, 503);
    assert_null(fake_next(f, FAKE_REPLY));
}

static void slack_asks_at_the_start_whether_the_address_is_ours(void **state)
{
    const char *body = "{\"type\":\"url_verification\",\"challenge\":\"abc\"}";
    char text[400], header[SIGN_HEX + 3] = "v0=", at[24];
    struct td_error err;
    struct sign_keys *keys = sign_keys_new("s", 0, &err);

    (void)state;
    kit_open("verify = slack\nsecret = s\n" KIT_URL);
    snprintf(at, sizeof at, "%lld", (long long)fake_now(f) / 1000);
    snprintf(text, sizeof text, "v0:%s:%s", at, body);
    sign_hex(keys, text, strlen(text), header + 3);
    sign_keys_free(&keys);
    kit_post((const char *const[]){ "x-slack-signature", header, "x-slack-request-timestamp", at,
                                    NULL }, body);
    assert_string_equal(fake_next(f, FAKE_REPLY)->text, "abc");
    kit_post(NULL, body);
    kit_unauthorized();
}

#define TEST(name) cmocka_unit_test_teardown(name, kit_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signatures_are_those_the_schemes_publish),
        TEST(both_keys_of_a_rotation_are_good_and_no_other),
        TEST(an_old_or_a_coming_timestamp_is_not_good),
        TEST(one_changed_bit_of_the_body_is_seen),
        TEST(a_signature_that_is_missing_doubled_or_odd_is_not_good),
        TEST(a_bearer_token_is_compared_as_a_whole),
        TEST(a_token_may_stand_in_a_header_of_the_conf),
        TEST(a_get_is_answered_with_its_challenge_only_to_who_has_the_token),
        TEST(what_needs_a_secret_does_not_open_without_one),
        TEST(a_message_is_read_where_the_conf_says),
        TEST(times_are_read_as_numbers_or_dates),
        TEST(numbers_are_ids_as_long_as_no_digit_is_lost),
        TEST(a_pointer_that_leads_nowhere_gives_way_to_the_next),
        TEST(a_message_without_text_has_the_text_of_the_conf_or_is_counted),
        TEST(what_is_not_known_is_taken_and_counted),
        TEST(a_message_without_an_id_has_that_of_the_request),
        TEST(it_is_answered_when_every_message_is_on_disk),
        TEST(one_that_must_come_again_brings_all_again),
        TEST(one_that_is_refused_for_ever_is_not_asked_for_again),
        TEST(too_many_messages_are_refused_before_the_first_is_taken),
        TEST(requests_that_wait_are_bounded_and_ended_by_a_close),
        TEST(slack_asks_at_the_start_whether_the_address_is_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
