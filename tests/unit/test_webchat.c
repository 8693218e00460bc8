/* test_webchat.c - who may talk, what the gateway hears of it, and how it is said no. */
#include "config.h"

#include "tests/unit/webchat_expect.h"

static void the_endpoint_has_the_channels_name_and_its_limits(void **state)
{
    const struct td_ws_conf *ws = fake_ws_conf(*state);

    assert_string_equal(ws->path, "/chat/web");
    assert_string_equal(ws->subprotocol, "tandem.chat.v1");
    assert_int_equal(ws->max_message, 65536);
    assert_int_equal(ws->send_buffer, 262144);
    assert_int_equal(ws->ping_ms, 25000);
    assert_int_equal(ws->pong_timeout_ms, 10000);
    assert_int_equal(ws->max_connections, 20000);
    assert_int_equal(ws->max_connections_per_ip, 100);
    assert_int_equal(ws->require_origin, 1);
}

static void a_newcomer_is_welcomed_with_session_token_owner_and_limits(void **state)
{
    struct fake *f = *state;
    uint64_t conn;
    const struct fake_call *call = come(f, &conn,
        "{\"type\":\"hello\",\"locale\":\"da\",\"timezone\":\"Europe/Copenhagen\",\"new\":[1]}");
    char want[512], token[TOKEN_TEXT];

    assert_null(call->attach->session);
    assert_null(call->attach->customer);
    assert_int_equal(call->attach->last_seq, 0);
    assert_int_equal(call->attach->max_replay, 500);
    assert_int_equal(call->attach->idle_limit_ms, 86400000);
    assert_string_equal(call->attach->locale, "da");
    assert_string_equal(call->attach->timezone, "Europe/Copenhagen");
    kit_attached(f, call->id, SESSION, 3);
    snprintf(want, sizeof want,
             "{\"type\":\"welcome\",\"session\":\"%s\",\"resume\":\"%s\",\"seq\":3,"
             "\"state\":\"active\",\"owner\":{\"kind\":\"agent\",\"name\":\"Ada\"},"
             "\"limits\":{\"max_message\":65536,\"max_text\":8000,\"rate\":20,\"rate_ms\":10000,"
             "\"upload\":\"/chat/web/files\",\"max_attachment\":4096,\"max_attachments\":10}}",
             SESSION, kit_token(f, SESSION, token));
    expect_frame(f, conn, want);
    expect_silence(f);
}

static void a_token_brings_the_session_back(void **state)
{
    struct fake *f = *state;
    char hello[256], token[TOKEN_TEXT];
    uint64_t conn;

    snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"resume\":\"%s\",\"last_seq\":7}",
             kit_token(f, SESSION, token));
    const struct fake_call *call = come(f, &conn, hello);

    assert_string_equal(call->attach->session, SESSION);
    assert_int_equal(call->attach->last_seq, 7);
    assert_int_equal(call->attach->known_at_ms, FAKE_START_MS);
}

static void a_token_that_was_touched_ends_in_4401(void **state)
{
    struct fake *f = *state;
    char hello[256], token[TOKEN_TEXT];

    kit_token(f, SESSION, token);
    for (size_t i = 0; i < strlen(token); i++) {
        uint64_t conn;
        char was = token[i];

        token[i] = was == 'A' ? 'B' : 'A';
        snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"resume\":\"%s\"}", token);
        token[i] = was;
        assert_null(come(f, &conn, hello));
        expect_close(f, conn, 4401);
    }
}

static void a_token_the_host_finds_too_old_ends_in_4401(void **state)
{
    struct fake *f = *state;
    char hello[256], token[TOKEN_TEXT];
    uint64_t conn;
    const struct td_attached no = { .size = sizeof no, .status = TD_AUTH, .detail = "too old" };

    snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"resume\":\"%s\"}",
             kit_token(f, SESSION, token));
    fake_attached(f, come(f, &conn, hello)->id, &no);
    expect_close(f, conn, 4401);
    assert_null(fake_next(f, FAKE_DETACH));
}

static void a_busy_host_ends_in_busy_and_1013(void **state)
{
    struct fake *f = *state;
    uint64_t conn;
    const struct td_attached no = { .size = sizeof no, .status = TD_RETRY, .detail = "busy" };

    fake_attached(f, come(f, &conn, HELLO)->id, &no);
    expect_error(f, conn, "busy", "retry_after_ms");
    expect_close(f, conn, 1013);
}

static void without_a_hello_a_socket_ends_in_4408(void **state)
{
    struct fake *f = *state;
    uint64_t conn = fake_ws_open(f, "192.0.2.1", NULL);

    fake_advance(f, 9999);
    expect_silence(f);
    fake_advance(f, 1);
    expect_close(f, conn, 4408);
    assert_int_equal(fake_timers(f), 0);
}

static void after_the_hello_nobody_is_hurried(void **state)
{
    struct fake *f = *state;
    uint64_t conn;

    come(f, &conn, HELLO);
    fake_advance(f, 60000);
    assert_true(fake_ws_is_open(f, conn));
    assert_int_equal(fake_timers(f), 0);
}

static void a_bad_hello_ends_in_4400(void **state)
{
    static const char *const bad[] = {
        "", "{", "[]", "\"hello\"", "{\"type\":\"message\",\"id\":\"a\",\"text\":\"b\"}",
        "{\"type\":\"leave\"}", "{\"type\":\"helo\"}", "{\"type\":1}",
        "{\"type\":\"hello\",\"resume\":1}", "{\"type\":\"hello\",\"resume\":\"\"}",
        "{\"type\":\"hello\",\"last_seq\":-1}", "{\"type\":\"hello\",\"last_seq\":1.5}",
        "{\"type\":\"hello\",\"last_seq\":\"1\"}", "{\"type\":\"hello\",\"tab\":{}}",
        "{\"type\":\"hello\",\"customer\":\"dana\"}",
        "{\"type\":\"hello\",\"customer\":{\"id\":7}}",
        "{\"type\":\"hello\",\"type\":\"hello\"}",
    };
    struct fake *f = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t conn;

        assert_null(come(f, &conn, bad[i]));
        expect_error(f, conn, "bad_request", "");
        expect_close(f, conn, 4400);
    }
}

static void a_second_hello_is_a_bad_request(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);

    fake_ws_text(f, conn, HELLO);
    expect_error(f, conn, "bad_request", "hello");
    assert_true(fake_ws_is_open(f, conn));
}

static void a_customer_is_verified_only_by_the_right_signature(void **state)
{
    /* printf c-88 | openssl dgst -sha256 -hmac s3cret */
    static const char right[] = "18d6bc233f4cd0a74b52fd364235f0afd44084a2e4643b84d32903cea6f780d6";
    static const struct {
        const char *id, *signature;
        int verified;
    } cases[] = {
        { "c-88", right, 1 },
        { "c-89", right, 0 },
        { "c-88", "00", 0 },
        { "c-88", "", 0 },
    };
    struct fake *f = *state;

    conf.customer_secret = "s3cret";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char hello[512];
        uint64_t conn;

        snprintf(hello, sizeof hello,
                 "{\"type\":\"hello\",\"customer\":{\"id\":\"%s\",\"name\":\"Dana\"%s%s%s}}",
                 cases[i].id, *cases[i].signature ? ",\"signature\":\"" : "", cases[i].signature,
                 *cases[i].signature ? "\"" : "");
        const struct fake_call *call = come(f, &conn, hello);

        assert_string_equal(call->attach->customer->id, cases[i].id);
        assert_string_equal(call->attach->customer->name, "Dana");
        assert_int_equal(call->attach->customer->verified, cases[i].verified);
    }
    assert_int_equal(fake_counted(f, "bad_signatures"), 2);
}

static void a_message_is_acknowledged_only_when_it_is_accepted(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);

    fake_ws_text(f, conn, "{\"type\":\"message\",\"id\":\"m1\",\"text\":\"hi\",\"choice\":\"c\"}");
    const struct fake_call *call = fake_next(f, FAKE_DELIVER);

    assert_string_equal(call->in->session, SESSION);
    assert_string_equal(call->in->scope, SESSION);
    assert_string_equal(call->in->message->id, "m1");
    assert_string_equal(call->in->message->text, "hi");
    assert_string_equal(call->in->message->choice, "c");
    assert_int_equal(call->in->message->at_ms, FAKE_START_MS);
    expect_silence(f);
    kit_accepted(f, call->id, SESSION, 12, 0);
    expect_frame(f, conn, "{\"type\":\"accepted\",\"id\":\"m1\",\"seq\":12}");
    expect_silence(f);
}

static void the_same_id_again_gets_the_same_seq(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);

    kit_accepted(f, say(f, conn, "m1"), SESSION, 1, 0);
    kit_accepted(f, say(f, conn, "m1"), SESSION, 1, 1);
    expect_frame(f, conn, "{\"type\":\"accepted\",\"id\":\"m1\",\"seq\":1}");
    expect_frame(f, conn, "{\"type\":\"accepted\",\"id\":\"m1\",\"seq\":1}");
    expect_silence(f);
}

static void a_busy_host_makes_busy_with_the_time_to_wait(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);
    const struct td_accepted busy = {
        .size = sizeof busy, .status = TD_RETRY, .retry_after_ms = 1500, .detail = "disk full",
    };
    const struct td_accepted never = {
        .size = sizeof never, .status = TD_REJECT, .detail = "not here",
    };

    fake_accepted(f, say(f, conn, "m1"), &busy);
    expect_frame(f, conn, "{\"type\":\"error\",\"code\":\"busy\",\"message\":\"disk full\","
                          "\"id\":\"m1\",\"retry_after_ms\":1500}");
    fake_accepted(f, say(f, conn, "m2"), &never);
    expect_frame(f, conn, "{\"type\":\"error\",\"code\":\"refused\",\"message\":\"not here\","
                          "\"id\":\"m2\"}");
}

static void a_wrong_frame_is_named_and_the_talk_goes_on(void **state)
{
    static const struct {
        const char *frame, *holds;
    } cases[] = {
        { "{\"type\":\"dance\"}", "unknown type 'dance'" },
        { "{\"type\":\"message\",\"text\":\"a\"}", "needs an 'id'" },
        { "{\"type\":\"message\",\"id\":\"\",\"text\":\"a\"}", "'id'" },
        { "{\"type\":\"message\",\"id\":\"x\"}", "\"id\":\"x\"" },
        { "{\"type\":\"message\",\"id\":\"x\",\"text\":7}", "'text'" },
        { "{\"type\":\"typing\"}", "'on'" },
        { "{\"type\":\"read\"}", "'seq'" },
        { "{\"type\":\"read\",\"seq\":99}", "never shown" },
        { "{\"type\":\"rating\",\"score\":6}", "'score'" },
        { "{\"type\":\"rating\",\"score\":0}", "'score'" },
        { "not json", "JSON" },
        { "[{\"type\":\"leave\"}]", "'type'" },
    };
    struct fake *f = *state;
    uint64_t conn = come_in(f);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_ws_text(f, conn, cases[i].frame);
        expect_error(f, conn, "bad_request", cases[i].holds);
        assert_null(fake_next(f, FAKE_DELIVER));
        assert_null(fake_next(f, FAKE_EVENT));
        fake_advance(f, 60000);
    }
    assert_true(fake_ws_is_open(f, conn));
}

static void an_id_may_have_128_bytes_and_not_129(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);
    char id[130];

    memset(id, 'i', 129);
    id[129] = '\0';
    char frame[256];

    snprintf(frame, sizeof frame, "{\"type\":\"message\",\"id\":\"%s\",\"text\":\"a\"}", id);
    fake_ws_text(f, conn, frame);
    expect_error(f, conn, "bad_request", "128");
    snprintf(frame, sizeof frame, "{\"type\":\"message\",\"id\":\"%s\",\"text\":\"a\"}", id + 1);
    fake_ws_text(f, conn, frame);
    assert_non_null(fake_next(f, FAKE_DELIVER));
}

static void five_wrong_frames_in_a_minute_end_in_1008(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);

    for (int i = 0; i < 4; i++)
        fake_ws_text(f, conn, "nonsense");
    fake_advance(f, 60000); /* a new minute */
    for (int i = 0; i < 4; i++)
        fake_ws_text(f, conn, "nonsense");
    assert_true(fake_ws_is_open(f, conn));
    fake_ws_text(f, conn, "nonsense");
    expect_close(f, conn, 1008);
}

static void a_text_counts_in_characters_not_bytes(void **state)
{
    struct fake *f = *state;
    uint64_t conn;

    fake_close(f);
    conf.max_text = 3;
    fake_open(f, &td_plugin_0, &conf);
    conn = come_in(f);
    fake_ws_text(f, conn, "{\"type\":\"message\",\"id\":\"a\","
                          "\"text\":\"\xc3\xa6\xc3\xb8\xf0\x9f\x98\x80\"}");
    assert_non_null(fake_next(f, FAKE_DELIVER));
    for (int i = 0; i < 9; i++) { /* long texts are no nonsense: they do not end in 1008 */
        fake_ws_text(f, conn, "{\"type\":\"message\",\"id\":\"b\",\"text\":\"abcd\"}");
        expect_error(f, conn, "too_long", "\"id\":\"b\"");
    }
    assert_true(fake_ws_is_open(f, conn));
}

static void over_the_rate_is_said_with_the_time_and_ends_in_4429(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);

    for (int i = 0; i < 20; i++)
        assert_int_not_equal(say(f, conn, "m"), 0);
    assert_int_equal(say(f, conn, "m"), 0);
    expect_error(f, conn, "rate_limited", "\"id\":\"m\",\"retry_after_ms\":500}");
    fake_advance(f, 500);
    assert_int_not_equal(say(f, conn, "m"), 0);
    assert_int_equal(say(f, conn, "m"), 0);
    expect_error(f, conn, "rate_limited", "retry_after_ms");
    assert_int_equal(say(f, conn, "m"), 0);
    expect_error(f, conn, "rate_limited", "retry_after_ms");
    expect_close(f, conn, 4429);
}

static void coming_back_does_not_refill_the_bucket(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);

    for (int i = 0; i < 20; i++)
        say(f, conn, "m");
    fake_ws_closed(f, conn, 1001);
    conn = come_in(f);
    assert_int_equal(say(f, conn, "m"), 0);
}

static void a_rate_of_0_is_no_limit(void **state)
{
    struct fake *f = *state;
    uint64_t conn;

    fake_close(f);
    conf.rate.count = 0;
    fake_open(f, &td_plugin_0, &conf);
    conn = come_in(f);
    for (int i = 0; i < 1000; i++)
        assert_int_not_equal(say(f, conn, "m"), 0);
}

static void an_address_opens_so_many_sessions_a_minute(void **state)
{
    struct fake *f = *state;
    const struct td_ws_info near = { .size = sizeof near, .peer = "127.0.0.1", .exempt = 1,
                                     .origin = "" };
    char hello[256], token[TOKEN_TEXT];
    uint64_t conn;

    for (int i = 0; i < 30; i++)
        assert_non_null(come(f, &conn, HELLO));
    assert_null(come(f, &conn, HELLO));
    expect_error(f, conn, "rate_limited", "\"retry_after_ms\":2000}");
    expect_close(f, conn, 4429);
    /* Coming back is not a new session, another address is another, and loopback is exempt. */
    snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"resume\":\"%s\"}",
             kit_token(f, SESSION, token));
    assert_non_null(come(f, &conn, hello));
    conn = fake_ws_open(f, "192.0.2.2", NULL);
    fake_ws_text(f, conn, HELLO);
    assert_non_null(fake_next(f, FAKE_ATTACH));
    for (int i = 0; i < 100; i++) {
        conn = fake_ws_open(f, "127.0.0.1", &near);
        fake_ws_text(f, conn, HELLO);
        assert_non_null(fake_next(f, FAKE_ATTACH));
    }
}

static void typing_is_absorbed_and_passed_on(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);

    for (int i = 0; i < 50; i++)
        fake_ws_text(f, conn, "{\"type\":\"typing\",\"on\":true}");
    const struct fake_call *call = fake_next(f, FAKE_EVENT);

    assert_int_equal(call->event->type, TD_EV_TYPING);
    assert_string_equal(call->event->session, SESSION);
    assert_int_equal(call->event->on, 1);
    assert_null(fake_next(f, FAKE_EVENT));
    for (int i = 0; i < 50; i++)
        fake_ws_text(f, conn, "{\"type\":\"typing\",\"on\":false}");
    assert_int_equal(fake_next(f, FAKE_EVENT)->event->on, 0);
    assert_null(fake_next(f, FAKE_EVENT));
    fake_advance(f, 2000);
    fake_ws_text(f, conn, "{\"type\":\"typing\",\"on\":true}");
    assert_int_equal(fake_next(f, FAKE_EVENT)->event->on, 1);
}

static void read_rating_and_leave_reach_the_host(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f);
    const struct fake_call *call;

    kit_send(f, 1, SESSION, 5);
    expect_frame(f, conn, "{\"type\":\"message\",\"seq\":5");
    for (int i = 0; i < 3; i++)
        fake_ws_text(f, conn, "{\"type\":\"read\",\"seq\":5}");
    call = fake_next(f, FAKE_EVENT);
    assert_int_equal(call->event->type, TD_EV_READ);
    assert_int_equal(call->event->of, 5);
    assert_null(fake_next(f, FAKE_EVENT)); /* it only moves forward */
    fake_ws_text(f, conn, "{\"type\":\"rating\",\"score\":4,\"comment\":\"good\"}");
    call = fake_next(f, FAKE_EVENT);
    assert_int_equal(call->event->type, TD_EV_RATING);
    assert_int_equal(call->event->score, 4);
    assert_string_equal(call->event->text, "good");
    fake_ws_text(f, conn, "{\"type\":\"leave\"}");
    assert_int_equal(fake_next(f, FAKE_EVENT)->event->type, TD_EV_LEAVE);
    expect_silence(f);
}

static void frames_in_a_hurry_wait_for_the_welcome(void **state)
{
    struct fake *f = *state;
    uint64_t conn;
    const struct fake_call *call = come(f, &conn, HELLO);

    fake_ws_text(f, conn, "{\"type\":\"message\",\"id\":\"m1\",\"text\":\"one\"}");
    fake_ws_text(f, conn, "{\"type\":\"message\",\"id\":\"m2\",\"text\":\"two\"}");
    assert_null(fake_next(f, FAKE_DELIVER));
    kit_attached(f, call->id, SESSION, 0);
    expect_frame(f, conn, "{\"type\":\"welcome\"");
    assert_string_equal(fake_next(f, FAKE_DELIVER)->in->message->id, "m1");
    assert_string_equal(fake_next(f, FAKE_DELIVER)->in->message->id, "m2");
}

static void more_than_a_frame_in_a_hurry_is_busy(void **state)
{
    struct fake *f = *state;
    uint64_t conn;
    char *big = calloc(1, 40001);

    come(f, &conn, HELLO);
    memset(big, 'a', 40000);
    fake_ws_text(f, conn, big);
    expect_silence(f);
    fake_ws_text(f, conn, big);
    expect_error(f, conn, "busy", "welcome");
    free(big);
}

static void a_drain_takes_nobody_until_it_is_over_and_keeps_who_is_here(void **state)
{
    struct fake *f = *state;
    uint64_t c;

    come_in(f);
    fake_ws_open(f, "192.0.2.1", NULL);
    fake_pause(f, 1);
    expect_silence(f);
    c = fake_ws_open(f, "192.0.2.1", NULL);
    expect_close(f, c, 1012);
    fake_pause(f, 0);
    come_in(f);
}

static void a_close_in_the_middle_of_everything_frees_everything(void **state)
{
    struct fake *f = *state;
    uint64_t conn = come_in(f), other;

    say(f, conn, "m1");
    come(f, &other, HELLO);
    fake_ws_text(f, other, "{\"type\":\"leave\"}");
    fake_ws_open(f, "192.0.2.9", NULL);
    assert_int_equal(fake_close(f), 0);
    fake_open(f, &td_plugin_0, &conf); /* the teardown closes once more */
}

static void files_go_with_messages_by_their_ids(void **state)
{
    struct fake *f = *state;
    uint64_t conn = fake_ws_open(f, "192.0.2.1", NULL);
    const struct td_attachment file = { .size = sizeof file, .id = "F1", .name = "a.png",
                                        .type = "image/png", .bytes = 7, .url = "https://u" };
    const struct td_attachment *const files[] = { &file };
    const struct td_message message = { .size = sizeof message, .id = "M", .author = TD_AI,
                                        .seq = 5, .at_ms = FAKE_START_MS, .attachments = files,
                                        .n_attachments = 1 };
    const struct td_outbound out = { .size = sizeof out, .session = SESSION, .message = &message };
    const struct fake_call *call;

    fake_ws_text(f, conn, HELLO);
    kit_attached(f, fake_next(f, FAKE_ATTACH)->id, SESSION, 3);
    fake_forget(f);
    fake_ws_text(f, conn, "{\"type\":\"message\",\"id\":\"m1\",\"attachments\":[\"F1\",\"F2\"]}");
    call = fake_next(f, FAKE_DELIVER);
    assert_non_null(call);
    assert_null(call->in->message->text);
    assert_int_equal(call->in->message->n_attachments, 2);
    assert_string_equal(call->in->message->attachments[1]->id, "F2");
    fake_ws_text(f, conn, "{\"type\":\"message\",\"id\":\"m2\",\"attachments\":[7]}");
    expect_error(f, conn, "bad_request", "'attachments'");
    fake_ws_text(f, conn, "{\"type\":\"message\",\"id\":\"m3\",\"attachments\":[]}");
    expect_error(f, conn, "bad_request", "'attachments'");
    fake_send(f, 9, &out);
    call = fake_next(f, FAKE_WS_SEND);
    assert_non_null(strstr(call->text, "\"text\":\"\",\"attachments\":[{\"id\":\"F1\",\"name\":"
                           "\"a.png\",\"type\":\"image/png\",\"size\":7,\"url\":\"https://u\"}]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_endpoint_has_the_channels_name_and_its_limits),
        T(a_newcomer_is_welcomed_with_session_token_owner_and_limits),
        T(a_token_brings_the_session_back),
        T(files_go_with_messages_by_their_ids),
        T(a_token_that_was_touched_ends_in_4401),
        T(a_token_the_host_finds_too_old_ends_in_4401),
        T(a_busy_host_ends_in_busy_and_1013),
        T(without_a_hello_a_socket_ends_in_4408),
        T(after_the_hello_nobody_is_hurried),
        T(a_bad_hello_ends_in_4400),
        T(a_second_hello_is_a_bad_request),
        T(a_customer_is_verified_only_by_the_right_signature),
        T(a_message_is_acknowledged_only_when_it_is_accepted),
        T(the_same_id_again_gets_the_same_seq),
        T(a_busy_host_makes_busy_with_the_time_to_wait),
        T(a_wrong_frame_is_named_and_the_talk_goes_on),
        T(an_id_may_have_128_bytes_and_not_129),
        T(five_wrong_frames_in_a_minute_end_in_1008),
        T(a_text_counts_in_characters_not_bytes),
        T(over_the_rate_is_said_with_the_time_and_ends_in_4429),
        T(coming_back_does_not_refill_the_bucket),
        T(a_rate_of_0_is_no_limit),
        T(an_address_opens_so_many_sessions_a_minute),
        T(typing_is_absorbed_and_passed_on),
        T(read_rating_and_leave_reach_the_host),
        T(frames_in_a_hurry_wait_for_the_welcome),
        T(more_than_a_frame_in_a_hurry_is_busy),
        T(a_drain_takes_nobody_until_it_is_over_and_keeps_who_is_here),
        T(a_close_in_the_middle_of_everything_frees_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
