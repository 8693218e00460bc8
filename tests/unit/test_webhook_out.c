/* test_webhook_out.c - channels/webhook, outbound: what is posted, what became of it, receipts. */
#include "config.h"

#include "tests/unit/webhook_kit.h"

#define STATUS(id, word)                                                                       \
    "{\"entry\":[{\"changes\":[{\"value\":{\"statuses\":[{\"id\":\"" id "\",\"status\":\"" word \
    "\"}]}}]}]}"
#define TAKEN(id) "{\"messages\":[{\"id\":\"" id "\"}]}"

static const struct fake_call *posted(void)
{
    const struct fake_call *call = fake_next(f, FAKE_HTTP);

    assert_non_null(call);
    assert_null(fake_next(f, FAKE_HTTP));
    return call;
}

static void taken(uint64_t job, uint64_t seq, const char *answer)
{
    kit_send_text(job, seq, "hi");
    fake_http_body(f, posted(), 200, answer);
    kit_sent(job, TD_OK, 0);
}

/* ---- What is posted ----------------------------------------------------------------------- */

static void a_text_is_a_value_of_the_template_whatever_it_holds(void **state)
{
    (void)state;
    kit_open(KIT_OPEN "body = {\"to\":\"+{peer}\",\"t\":{text},\"m\":\"<\\\"{text}>\",\"x\":{}}\n"
                      "headers = X-One:1\nidempotency_header = X-Id\n");
    kit_send_text(1, 7, "a \"quote\" \\ {peer}\nline");
    const struct fake_call *call = posted();

    assert_string_equal(call->request->body,
                        "{\"to\":\"+4512345678\",\"t\":\"a \\\"quote\\\" \\\\ {peer}\\nline\","
                        "\"m\":\"<\\\"a \\\"quote\\\" \\\\ {peer}\\nline>\",\"x\":{}}");
    assert_string_equal(fake_header(call->request, "X-One"), "1");
    assert_string_equal(fake_header(call->request, "X-Id"), "01M");
    assert_string_equal(fake_header(call->request, "Content-Type"), "application/json");
    fake_http_body(f, call, 204, "");
    kit_sent(1, TD_OK, 0);
}

static void what_stands_in_the_url_is_encoded(void **state)
{
    (void)state;
    kit_open("verify = none\nauth_secret = 12:ab/c\nurl = http://h/bot{secret}/{account}/{peer}\n");
    kit_send(1, &(struct td_message){ .size = sizeof(struct td_message), .id = "m", .text = "t" });
    assert_string_equal(posted()->request->url,
                        "http://h/bot12:ab%2Fc/106540352242922/4512345678");
    fake_send(f, 2, &(struct td_outbound){
        .size = sizeof(struct td_outbound), .session = "01S", .peer = "..",
        .message = &(struct td_message){ .size = sizeof(struct td_message), .id = "m",
                                         .text = "t" },
    });
    kit_sent(2, TD_REJECT, 0);
}

static void choices_are_buttons_while_they_are_few(void **state)
{
    const struct td_choice yes = { sizeof yes, "Yes", "y" }, no = { sizeof no, "N\"o", "n" };
    const struct td_choice *const two[] = { &yes, &no }, *const three[] = { &yes, &no, &yes };
    struct td_message message = { .size = sizeof message, .id = "m", .text = "Well?",
                                  .choices = two, .n_choices = 2 };

    (void)state;
    kit_open(KIT_OPEN "body = {\"t\":{text}}\nbody_choices = {\"t\":{text},\"c\":{choices}}\n"
                      "choice = {\"i\":\"{value}\",\"t\":{title}}\nmax_choices = 2\n");
    kit_send(1, &message);
    assert_string_equal(posted()->request->body,
                        "{\"t\":\"Well?\",\"c\":[{\"i\":\"y\",\"t\":\"Yes\"},"
                        "{\"i\":\"n\",\"t\":\"N\\\"o\"}]}");
    message.choices = three;
    message.n_choices = 3;
    kit_send(2, &message);
    assert_string_equal(posted()->request->body, "{\"t\":\"Well?\\n- Yes\\n- N\\\"o\\n- Yes\"}");
}

static void a_post_is_signed_as_the_conf_says(void **state)
{
    struct td_error err;
    struct sign_keys *keys = sign_keys_new("app", 1, &err);
    char at[24], want[SIGN_STANDARD], hex[SIGN_HEX + 7] = "sha256=";
    const struct td_http_request *r;

    (void)state;
    kit_open(KIT_OPEN "auth = standard\nauth_secret = app\n");
    kit_send_text(1, 1, "hi");
    r = posted()->request;
    snprintf(at, sizeof at, "%lld", (long long)fake_now(f) / 1000);
    sign_standard(keys, "01M", at, r->body, r->body_len, want);
    assert_string_equal(fake_header(r, "webhook-id"), "01M");
    assert_string_equal(fake_header(r, "webhook-timestamp"), at);
    assert_string_equal(fake_header(r, "webhook-signature"), want);
    kit_close(NULL);
    kit_open(KIT_OPEN "auth = meta\nauth_secret = app\n");
    kit_send_text(1, 1, "hi");
    r = posted()->request;
    sign_hex(keys, r->body, r->body_len, hex + 7);
    assert_string_equal(fake_header(r, "X-Hub-Signature-256"), hex);
    kit_close(NULL);
    kit_open(KIT_OPEN "auth = bearer\nauth_secret = app\n");
    kit_send_text(1, 1, "hi");
    assert_string_equal(fake_header(posted()->request, "Authorization"), "Bearer app");
    sign_keys_free(&keys);
}

static void a_conf_that_cannot_work_does_not_open(void **state)
{
    (void)state;
    f = NULL;
    kit_refuses("verify = none\nurl = ftp://h", "does not begin with http");
    kit_refuses(KIT_OPEN "body = {\"to\":{pear}}", "'body' is not JSON");
    kit_refuses(KIT_OPEN "body = {\"to\":\"{choices}\",}", "'body' is not JSON");
    kit_refuses(KIT_OPEN "choice = {title}{value}", "'choice' is not JSON");
    kit_refuses(KIT_OPEN "auth = bearer", "auth_secret is missing");
    kit_refuses("verify = none\nurl = http://h/{secret}", "auth_secret is missing");
    kit_refuses("verify = none\nurl = http://{peer}/in", "must say itself what the host is");
    kit_refuses("verify = none\nurl = http://u:{account}@h.{account}:80/in",
                "must say itself what the host is");
    kit_refuses("verify = none\nurl = http://h/in\nin_file = /f\nfile_url = http://h{file}/",
                "file_url 'http://h{file}/' must say itself what the host is");
    kit_refuses("verify = none\nurl = http://h/in\nin_file = /f\nfile_lookup = http://{file}@h/",
                "must say itself what the host is");
    kit_refuses("verify = none\nurl = http://h/in\nin_file = /f\nfile_url = ftp://h/{file}",
                "does not begin with http");
    kit_refuses(KIT_OPEN "headers = X", "header 1 is not");
    kit_refuses(KIT_OPEN "idempotency_header = a b", "idempotency_header is not");
}

/* ---- What became of it -------------------------------------------------------------------- */

static void a_status_says_what_to_do(void **state)
{
    static const struct { int http; enum td_status status; } rows[] = {
        { 200, TD_OK },    { 202, TD_OK },     { 204, TD_OK },     { 301, TD_CONF },
        { 400, TD_REJECT }, { 404, TD_REJECT }, { 401, TD_AUTH },   { 403, TD_AUTH },
        { 429, TD_RETRY }, { 500, TD_RETRY },  { 503, TD_RETRY },
    };

    (void)state;
    kit_open(KIT_OPEN);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kit_send_text(i, 1, "hi");
        fake_http_body(f, posted(), rows[i].http, "not json");
        kit_sent(i, rows[i].status, 0);
    }
}

static void a_provider_says_when_to_come_again(void **state)
{
    (void)state;
    kit_open(KIT_OPEN);
    kit_send_text(1, 1, "hi");
    fake_http(f, posted(), &(struct td_http_response){
        .size = sizeof(struct td_http_response), .detail = "", .status = 429, .body = "",
        .content_type = "", .retry_after_ms = 7000,
    });
    const struct fake_call *call = fake_next(f, FAKE_SENT);

    assert_int_equal(call->sent->status, TD_RETRY);
    assert_int_equal(call->sent->retry_after_ms, 7000);
}

static void what_was_perhaps_sent_is_uncertain_or_sent_again(void **state)
{
    static const struct { enum td_http_failure failure; enum td_status plain, safe; } rows[] = {
        { TD_HTTP_BAD_URL, TD_CONF, TD_CONF },   { TD_HTTP_RESOLVE, TD_RETRY, TD_RETRY },
        { TD_HTTP_CONNECT, TD_RETRY, TD_RETRY }, { TD_HTTP_TLS, TD_RETRY, TD_RETRY },
        { TD_HTTP_TIMEOUT, TD_OK, TD_RETRY },    { TD_HTTP_BROKEN, TD_OK, TD_RETRY },
        { TD_HTTP_TOO_LARGE, TD_OK, TD_OK },
    };

    (void)state;
    for (int safe = 0; safe < 2; safe++) {
        kit_open(safe ? KIT_OPEN "idempotency_header = Idempotency-Key\n" : KIT_OPEN);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            enum td_status want = safe ? rows[i].safe : rows[i].plain;

            kit_send_text(i, 1, "hi");
            fake_http_fail(f, posted(), rows[i].failure, "a reason");
            kit_sent(i, want, want == TD_OK);
        }
        kit_close(NULL);
    }
}

static void what_cannot_be_queued_is_tried_again(void **state)
{
    (void)state;
    kit_open(KIT_OPEN);
    fake_http_refuse(f, 1);
    kit_send_text(1, 1, "hi");
    kit_sent(1, TD_RETRY, 0);
}

static void an_answer_may_say_no_with_200(void **state)
{
    (void)state;
    kit_open(KIT_OPEN "reply_ok = /ok\n");
    kit_send_text(1, 1, "hi");
    fake_http_body(f, posted(), 200, "{\"ok\":false,\"error\":\"channel_not_found\"}");
    kit_sent(1, TD_REJECT, 0);
    kit_send_text(2, 1, "hi");
    fake_http_body(f, posted(), 200, "{\"ok\":true}");
    kit_sent(2, TD_OK, 0);
}

static void a_close_with_a_post_under_way_forgets_nothing(void **state)
{
    (void)state;
    kit_open(KIT_OPEN);
    kit_send_text(1, 1, "hi");
    kit_send_text(2, 1, "hi");
}

/* ---- Receipts ----------------------------------------------------------------------------- */

static void a_receipt_finds_its_message(void **state)
{
    (void)state;
    kit_open(KIT_META);
    taken(1, 41, TAKEN("w1"));
    taken(2, 42, TAKEN("w2"));
    kit_meta(STATUS("w2", "Delivered"));
    assert_int_equal(kit_status(), 200);
    kit_receipt(42, TD_DELIVERED);
    kit_meta(STATUS("w1", "failed"));
    kit_receipt(41, TD_FAILED);
}

static void a_state_never_moves_back(void **state)
{
    (void)state;
    kit_open(KIT_META);
    taken(1, 41, TAKEN("w1"));
    kit_meta(STATUS("w1", "sent"));
    assert_null(fake_next(f, FAKE_EVENT));
    kit_meta(STATUS("w1", "read"));
    kit_receipt(41, TD_READ);
    kit_meta(STATUS("w1", "delivered"));
    kit_meta(STATUS("w1", "read"));
    kit_meta(STATUS("w1", "failed"));
    assert_null(fake_next(f, FAKE_EVENT));
}

static void a_receipt_that_comes_before_the_answer_waits_for_it(void **state)
{
    (void)state;
    kit_open(KIT_META);
    kit_send_text(1, 41, "hi");
    kit_meta(STATUS("w1", "delivered"));
    kit_meta(STATUS("w1", "sent"));
    assert_null(fake_next(f, FAKE_EVENT));
    fake_http_body(f, posted(), 200, TAKEN("w1"));
    kit_sent(1, TD_OK, 0);
    kit_receipt(41, TD_DELIVERED);
    kit_meta(STATUS("w1", "read"));
    kit_receipt(41, TD_READ);
}

static void receipts_are_bounded_and_the_oldest_goes_first(void **state)
{
    (void)state;
    kit_open(KIT_META "receipts = 2\n");
    taken(1, 41, TAKEN("w1"));
    kit_meta(STATUS("nobody1", "read"));
    taken(2, 42, TAKEN("w2"));
    kit_meta(STATUS("w2", "read"));
    kit_receipt(42, TD_READ);
    kit_meta(STATUS("w1", "read"));
    assert_null(fake_next(f, FAKE_EVENT));
}

static void reopen(void)
{
    fake_keeps(f);
    assert_int_equal(fake_close(f), 0);
    if (fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, KIT_META)) != TD_OK)
        fail_msg("%s", fake_error(f));
}

static void a_receipt_that_comes_after_a_restart_finds_its_message(void **state)
{
    (void)state;
    kit_open(KIT_META);
    taken(1, 41, TAKEN("w1"));
    reopen();
    kit_meta(STATUS("w1", "delivered"));
    kit_meta(STATUS("nobody", "read"));
    assert_null(fake_next(f, FAKE_EVENT));
    fake_keeps(f);
    kit_receipt(41, TD_DELIVERED);
    kit_meta(STATUS("w1", "read")); /* known again: nothing is asked */
    kit_receipt(41, TD_READ);
    kit_meta(STATUS("w1", "delivered"));
    fake_keeps(f);
    assert_null(fake_next(f, FAKE_EVENT));
}

static void receipts_that_come_before_what_was_kept_is_found_count_once(void **state)
{
    (void)state;
    kit_open(KIT_META);
    taken(1, 41, TAKEN("w1"));
    reopen();
    kit_meta(STATUS("w1", "read"));
    kit_meta(STATUS("w1", "delivered"));
    kit_meta(STATUS("w1", "sent"));
    fake_keeps(f);
    kit_receipt(41, TD_READ);
    assert_null(fake_next(f, FAKE_EVENT));
}

static void a_close_while_a_receipt_is_looked_up_forgets_it(void **state)
{
    (void)state;
    kit_open(KIT_META);
    kit_meta(STATUS("w1", "read"));
    assert_int_equal(fake_close(f), 0);
}

static void a_word_that_is_not_known_is_counted(void **state)
{
    (void)state;
    kit_open(KIT_META);
    kit_meta(STATUS("w1", "warmed"));
    assert_int_equal(kit_status(), 200);
    assert_int_equal(fake_counted(f, "unknown"), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, kit_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_is_a_value_of_the_template_whatever_it_holds),
        TEST(what_stands_in_the_url_is_encoded),
        TEST(choices_are_buttons_while_they_are_few),
        TEST(a_post_is_signed_as_the_conf_says),
        TEST(a_conf_that_cannot_work_does_not_open),
        TEST(a_status_says_what_to_do),
        TEST(a_provider_says_when_to_come_again),
        TEST(what_was_perhaps_sent_is_uncertain_or_sent_again),
        TEST(what_cannot_be_queued_is_tried_again),
        TEST(an_answer_may_say_no_with_200),
        TEST(a_close_with_a_post_under_way_forgets_nothing),
        TEST(a_receipt_finds_its_message),
        TEST(a_state_never_moves_back),
        TEST(a_receipt_that_comes_before_the_answer_waits_for_it),
        TEST(receipts_are_bounded_and_the_oldest_goes_first),
        TEST(a_receipt_that_comes_after_a_restart_finds_its_message),
        TEST(receipts_that_come_before_what_was_kept_is_found_count_once),
        TEST(a_close_while_a_receipt_is_looked_up_forgets_it),
        TEST(a_word_that_is_not_known_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
