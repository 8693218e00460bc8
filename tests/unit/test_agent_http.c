/* test_agent_http.c - plugins/agent_http.c: what is asked, how answers and failures are taken. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "kit/fake_host.h"

#define TURN_ID "01JD0000000000000000000001"

extern const struct td_plugin td_plugin_0;

static struct fake *f;

static const struct td_customer customer = {
    .size = sizeof customer, .id = "c-88", .name = "Dana", .email = "dana@shop.example",
};
static const struct td_session_info session = {
    .size = sizeof session,
    .id = "01JD0000000000000000000000",
    .channel = "web",
    .kind = "webchat",
    .locale = "en",
    .timezone = "Europe/Copenhagen",
    .started_at_ms = FAKE_START_MS - 60000,
    .customer = &customer,
};
static const struct td_message question = {
    .size = sizeof question,
    .id = "m1",
    .text = "Where is \"my\" parcel?\n\xc3\xa9\xe2\x80\xa8",
    .seq = 12,
    .at_ms = FAKE_START_MS,
};
static const struct td_message chosen = {
    .size = sizeof chosen, .id = "m2", .choice = "track", .seq = 14, .at_ms = FAKE_START_MS + 1,
};
static const struct td_message before = {
    .size = sizeof before, .id = "m0", .text = "Hello, I am a bot.", .author = TD_AI, .seq = 10,
};
static const struct td_message *const messages[] = { &question, &chosen };
static const struct td_message *const history[] = { &before };
static const struct td_turn turn = {
    .size = sizeof turn,
    .id = TURN_ID,
    .epoch = 7,
    .attempt = 1,
    .session = &session,
    .messages = messages,
    .n_messages = 2,
    .history = history,
    .n_history = 1,
    .deadline_ms = 8000,
    .clarify_left = 1,
    .state = "{\"step\":12345678901234567890}",
};

static const char golden[] =
    "{\"version\":1,\"turn\":\"" TURN_ID "\",\"epoch\":7,\"cause\":\"message\","
    "\"session\":{\"id\":\"01JD0000000000000000000000\",\"channel\":\"web\",\"kind\":\"webchat\","
    "\"locale\":\"en\",\"timezone\":\"Europe/Copenhagen\","
    "\"started_at\":\"2026-11-23T06:35:56.123Z\","
    "\"customer\":{\"id\":\"c-88\",\"name\":\"Dana\",\"verified\":false,\"attributes\":{}},"
    "\"earlier\":[]},"
    "\"messages\":[{\"seq\":12,\"id\":\"m1\",\"at\":\"2026-11-23T06:36:56.123Z\","
    "\"author\":\"customer\",\"text\":\"Where is \\\"my\\\" parcel?\\n\xc3\xa9\\u2028\","
    "\"attachments\":[]},"
    "{\"seq\":14,\"id\":\"m2\",\"at\":\"2026-11-23T06:36:56.124Z\","
    "\"author\":\"customer\",\"text\":\"\",\"choice\":\"track\",\"attachments\":[]}],"
    "\"history\":[{\"seq\":10,\"author\":\"agent\",\"text\":\"Hello, I am a bot.\"}],"
    "\"budget\":{\"deadline_ms\":8000,\"clarify_left\":1},"
    "\"state\":{\"step\":12345678901234567890}}";

static void open_with(const char *conf)
{
    f = fake_new("front");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)), TD_OK);
}

static int set_up(void **state)
{
    (void)state;
    open_with("url = http://127.0.0.1:8090/agent");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    return 0;
}

static const struct fake_call *ask(uint64_t job)
{
    fake_ask(f, job, &turn);
    return fake_next(f, FAKE_HTTP);
}

/* Asks, answers with 200 and a body, and gives what the plugin made of it. */
static const struct td_answer *answered(const char *body)
{
    const struct fake_call *call;

    fake_http_body(f, ask(1), 200, body);
    call = fake_next(f, FAKE_ANSWER);
    assert_int_equal(call->id, 1);
    return call->answer;
}

static void failed(const struct td_answer *answer, enum td_status status, const char *detail)
{
    assert_string_equal(answer->detail, detail);
    assert_int_equal(answer->status, status);
}

static void malformed(const char *body, const char *detail)
{
    failed(answered(body), TD_FAIL, detail);
}

/* ---- The request ------------------------------------------------------------------------- */

static void a_turn_is_posted_as_compact_json(void **state)
{
    const struct td_http_request *request = ask(1)->request;

    (void)state;
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->url, "http://127.0.0.1:8090/agent");
    assert_string_equal(request->body, golden);
    assert_int_equal(request->body_len, strlen(golden));
    assert_int_equal(request->timeout_ms, 8000);
    assert_int_equal(request->connect_timeout_ms, 2000);
    assert_int_equal(request->max_response, 1 << 20);
    assert_string_equal(fake_header(request, "Content-Type"), "application/json");
    assert_string_equal(fake_header(request, "Idempotency-Key"), TURN_ID);
    assert_null(fake_header(request, "webhook-signature"));
}

static void what_is_not_known_is_left_out(void **state)
{
    static const struct td_customer nobody = { .size = sizeof nobody };
    static const struct td_session_info plain = {
        .size = sizeof plain, .id = "s", .channel = "sms", .kind = "sms_smpp", .customer = &nobody,
    };
    const struct td_turn start = {
        .size = sizeof start, .id = "t", .cause = TD_BY_START, .session = &plain, .deadline_ms = 1,
    };

    (void)state;
    fake_ask(f, 1, &start);
    assert_string_equal(fake_next(f, FAKE_HTTP)->request->body,
                        "{\"version\":1,\"turn\":\"t\",\"epoch\":0,\"cause\":\"start\","
                        "\"session\":{\"id\":\"s\",\"channel\":\"sms\",\"kind\":\"sms_smpp\","
                        "\"started_at\":\"1970-01-01T00:00:00.000Z\","
                        "\"customer\":{\"verified\":false,\"attributes\":{}},\"earlier\":[]},"
                        "\"messages\":[],\"history\":[],"
                        "\"budget\":{\"deadline_ms\":1,\"clarify_left\":0},\"state\":{}}");
}

/* The signatures are those of two other implementations, npm's standardwebhooks and
 *   printf '%s.%s.%s' TURN 1795415816 BODY | openssl dgst -sha256 -hmac KEY -binary | base64 */
#define RAW "v1,5PDbMhqoShD3Wmlmsuc2zUfako6rs69ey4MPiFdPGM0="
#define B64 "v1,wjtgviLXWoaj2l0RYSzSqwiLDT3ObBpVOvzO4S1cDP4="

static void requests_are_signed_with_a_raw_key(void **state)
{
    const struct td_http_request *request;

    (void)state;
    tear_down(NULL);
    open_with("url = https://bot.example/agent\nsecret = topsecret");
    request = ask(1)->request;
    assert_string_equal(fake_header(request, "webhook-id"), TURN_ID);
    assert_string_equal(fake_header(request, "webhook-timestamp"), "1795415816");
    assert_string_equal(fake_header(request, "webhook-signature"), RAW);
    assert_string_equal(fake_header(ask(2)->request, "webhook-signature"), RAW);
}

static void requests_are_signed_with_a_base64_key(void **state)
{
    (void)state;
    tear_down(NULL);
    open_with("url = https://bot.example/agent\nsecret = whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_string_equal(fake_header(ask(1)->request, "webhook-signature"), B64);
}

static void a_bad_conf_does_not_open(void **state)
{
    struct fake *other = fake_new("bad");

    (void)state;
    assert_int_equal(
        fake_open(other, &td_plugin_0, fake_conf(other, &td_plugin_0, "url = ftp://x")), TD_CONF);
    assert_string_equal(fake_error(other), "url 'ftp://x' does not begin with http:// or https://");
    assert_int_equal(fake_open(other, &td_plugin_0,
                               fake_conf(other, &td_plugin_0, "url = http://x\nsecret = whsec_!")),
                     TD_CONF);
    assert_non_null(strstr(fake_error(other), "what stands after whsec_ must be base64"));
    fake_free(&other);
}

static void two_agents_stand_side_by_side(void **state)
{
    struct fake *other = fake_new("back");
    const struct fake_call *first, *second;

    (void)state;
    fake_open(other, &td_plugin_0, fake_conf(other, &td_plugin_0, "url = http://127.0.0.2/"));
    first = ask(1);
    fake_ask(other, 1, &turn);
    second = fake_next(other, FAKE_HTTP);
    assert_string_equal(second->request->url, "http://127.0.0.2/");
    fake_http_body(other, second, 200, "{\"messages\":[{\"text\":\"back\"}]}");
    fake_http_body(f, first, 200, "{\"messages\":[{\"text\":\"front\"}]}");
    assert_string_equal(fake_next(f, FAKE_ANSWER)->answer->messages[0]->text, "front");
    assert_string_equal(fake_next(other, FAKE_ANSWER)->answer->messages[0]->text, "back");
    assert_int_equal(fake_close(other), 0);
    fake_free(&other);
}

static void a_request_that_cannot_start_is_answered_with_retry(void **state)
{
    struct td_turn late = turn;

    (void)state;
    fake_http_refuse(f, 1);
    assert_null(ask(1));
    failed(fake_next(f, FAKE_ANSWER)->answer, TD_RETRY, "the request could not be made or queued");
    fake_http_refuse(f, 0);
    late.deadline_ms = 0;
    fake_ask(f, 2, &late);
    failed(fake_next(f, FAKE_ANSWER)->answer, TD_RETRY, "no time is left to ask");
}

static void a_cancelled_turn_ends_its_request(void **state)
{
    const struct fake_call *first = ask(1), *second = ask(2);

    (void)state;
    fake_cancel(f, 1);
    assert_false(fake_http_open(f, first));
    assert_true(fake_http_open(f, second));
    fake_http_body(f, second, 200, "{\"silent\":\"busy\"}");
    assert_int_equal(fake_next(f, FAKE_ANSWER)->id, 2);
    assert_null(fake_next(f, FAKE_ANSWER));
}

static void closing_ends_what_is_under_way(void **state)
{
    (void)state;
    ask(1);
    ask(2);
}

/* ---- The answer -------------------------------------------------------------------------- */

static void a_whole_answer_is_taken(void **state)
{
    const struct td_answer *a = answered(
        " {\"decision\":\"clarify\",\"messages\":[{\"text\":\"Which one?\",\"choices\":["
        "{\"title\":\"First\",\"value\":\"1\"},{\"title\":\"Second\"}],\"attachments\":[]},"
        "{\"text\":\"Take your time.\"}],"
        "\"clarify\":{\"slot\":\"order_id\"},"
        "\"escalate\":{\"code\":\"custom_quote\",\"text\":\"A quote.\",\"queue\":\"sales\"},"
        "\"intent\":{\"name\":\"refund\",\"confidence\":0.93},"
        "\"entities\" : {\"order_id\":\"A-\\\"10023\", \"n\":12345678901234567890 } ,"
        "\"grounded\":true,\"sources\":[\"kb/refunds.md#window\"],"
        "\"calls\":[],\"claims\":[\"create_refund\"],\"summary\":\"Wants a refund.\","
        "\"language\":\"en\",\"st\\u0061te\":{\"at\":[1,{\"x\":\"}]\"}]},"
        "\"foreign\":{\"is\":[\"ignored\"]}} ");

    (void)state;
    assert_int_equal(a->status, TD_OK);
    assert_null(a->detail);
    assert_int_equal(a->decision, TD_CLARIFY);
    assert_int_equal(a->n_messages, 2);
    assert_string_equal(a->messages[0]->text, "Which one?");
    assert_int_equal(a->messages[0]->author, TD_AI);
    assert_int_equal(a->messages[0]->n_choices, 2);
    assert_string_equal(a->messages[0]->choices[0]->title, "First");
    assert_string_equal(a->messages[0]->choices[0]->value, "1");
    assert_string_equal(a->messages[0]->choices[1]->value, "Second");
    assert_string_equal(a->messages[1]->text, "Take your time.");
    assert_int_equal(a->messages[1]->n_choices, 0);
    assert_null(a->silent);
    assert_string_equal(a->clarify_slot, "order_id");
    assert_string_equal(a->escalate_code, "custom_quote");
    assert_string_equal(a->escalate_text, "A quote.");
    assert_string_equal(a->escalate_queue, "sales");
    assert_string_equal(a->intent, "refund");
    assert_true(a->confidence == 0.93);
    assert_int_equal(a->grounded, 1);
    assert_string_equal(a->sources, "[\"kb/refunds.md#window\"]");
    assert_string_equal(a->entities, "{\"order_id\":\"A-\\\"10023\", \"n\":12345678901234567890 }");
    assert_string_equal(a->summary, "Wants a refund.");
    assert_string_equal(a->language, "en");
    assert_string_equal(a->state, "{\"at\":[1,{\"x\":\"}]\"}]}");
}

static void absent_and_null_are_no_failure(void **state)
{
    const struct td_answer *a = answered(
        "{\"messages\":[{\"text\":\"Yes.\",\"choices\":null}],\"decision\":null,\"intent\":null,"
        "\"clarify\":null,\"escalate\":null,\"grounded\":null,\"state\":null,\"silent\":\"\"}");

    (void)state;
    assert_int_equal(a->status, TD_OK);
    assert_int_equal(a->decision, TD_DECISION_NONE);
    assert_int_equal(a->n_messages, 1);
    assert_null(a->silent);
    assert_null(a->intent);
    assert_null(a->state);
    assert_true(a->confidence < 0);
    assert_int_equal(a->grounded, -1);
}

static void silence_escalation_and_passing_need_no_messages(void **state)
{
    const struct td_answer *a = answered("{\"silent\":\"out of office\"}");

    (void)state;
    assert_int_equal(a->status, TD_OK);
    assert_string_equal(a->silent, "out of office");
    a = answered("{\"decision\":\"escalate\"}");
    assert_int_equal(a->status, TD_OK);
    assert_int_equal(a->decision, TD_ESCALATE);
    a = answered("{\"escalate\":{\"code\":\"legal\"}}");
    assert_int_equal(a->decision, TD_ESCALATE);
    assert_string_equal(a->escalate_code, "legal");
    a = answered("{\"pass\":\"billing\",\"messages\":[]}");
    assert_int_equal(a->status, TD_OK);
    assert_string_equal(a->pass, "billing");
}

static void an_empty_answer_is_a_failure(void **state)
{
    (void)state;
    malformed("{}",
              "the answer is empty: it needs messages, calls, silent, pass or decision escalate");
    malformed("{\"messages\":[],\"decision\":\"resolve\"}",
              "the answer is empty: it needs messages, calls, silent, pass or decision escalate");
    malformed("{\"calls\":[{\"call\":\"k1\"}]}", "'calls[0]' needs call and name");
    malformed("{\"calls\":[7]}", "'calls[0]' is not an object");
    malformed("{\"messages\":[{\"text\":\"a\"}],\"claims\":[{}]}",
              "'claims[0]' is not the name of an action");
}

static void a_wrong_type_names_its_field(void **state)
{
    static const struct {
        const char *body, *detail;
    } cases[] = {
        { "{\"messages\":{}}", "'messages' is not an array" },
        { "{\"messages\":\"hello\"}", "'messages' is not an array" },
        { "{\"messages\":[\"hello\"]}", "'messages[0]' is not an object" },
        { "{\"messages\":[{\"text\":\"a\"},{\"text\":7}]}", "'messages[1].text' is not a string" },
        { "{\"messages\":[{\"text\":\"\"}]}",
          "'messages[0]' has neither text, choices nor attachments" },
        { "{\"messages\":[{}]}",
          "'messages[0]' has neither text, choices nor attachments" },
        { "{\"messages\":[{\"text\":\"a\",\"choices\":{}}]}",
          "'messages[0].choices' is not an array" },
        { "{\"messages\":[{\"text\":\"a\",\"choices\":[1]}]}",
          "'messages[0].choices[0]' is not an object" },
        { "{\"messages\":[{\"text\":\"a\",\"choices\":[{\"value\":\"1\"}]}]}",
          "'messages[0].choices[0].title' is not there" },
        { "{\"messages\":[{\"text\":\"a\",\"choices\":[{\"title\":\"1\",\"value\":1}]}]}",
          "'messages[0].choices[0].value' is not a string" },
        { "{\"messages\":[{\"text\":\"a\",\"attachments\":1}]}",
          "'messages[0].attachments' is not an array" },
        { "{\"messages\":[{\"attachments\":[1]}]}",
          "'messages[0].attachments[0]' is not an object" },
        { "{\"messages\":[{\"attachments\":[{\"url\":\"http://10.0.0.1/\"}]}]}",
          "'messages[0].attachments[0]' has neither 'id' nor 'data': files are not fetched from a url" },
        { "{\"messages\":[{\"attachments\":[{\"data\":\"aGk=\"}]}]}",
          "'messages[0].attachments[0]' has 'data', and with it goes a 'name' and no 'id'" },
        { "{\"messages\":[{\"attachments\":[{\"name\":\"a\",\"data\":\"a?\"}]}]}",
          "attachment 'a' was not taken: its data is not base64" },
        { "{\"silent\":true}", "'silent' is not a string" },
        { "{\"silent\":\"x\",\"decision\":1}", "'decision' is not a string" },
        { "{\"silent\":\"x\",\"decision\":\"resolved\"}",
          "'decision' is 'resolved', not resolve, clarify, escalate or refuse" },
        { "{\"silent\":\"x\",\"clarify\":[]}", "'clarify' is not an object" },
        { "{\"silent\":\"x\",\"escalate\":{\"code\":1}}", "'escalate.code' is not a string" },
        { "{\"silent\":\"x\",\"intent\":\"refund\"}", "'intent' is not an object" },
        { "{\"silent\":\"x\",\"intent\":{\"confidence\":93}}",
          "'intent.confidence' is not a number from 0 to 1" },
        { "{\"silent\":\"x\",\"grounded\":\"yes\"}", "'grounded' is not true or false" },
        { "{\"silent\":\"x\",\"sources\":{}}", "'sources' is not an array" },
        { "{\"silent\":\"x\",\"entities\":[]}", "'entities' is not an object" },
        { "{\"silent\":\"x\",\"state\":\"s\"}", "'state' is not an object" },
        { "{\"silent\":\"x\",\"calls\":{}}", "'calls' is not an array" },
        { "{\"silent\":\"x\",\"pass\":1}", "'pass' is not a string" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        malformed(cases[i].body, cases[i].detail);
}

static void garbage_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *body, *detail;
    } cases[] = {
        { "", "the answer is not JSON: a value is expected at byte 0" },
        { "<html><body>502 Bad Gateway</body></html>",
          "the answer is not JSON: a value is expected at byte 0" },
        { "{\"messages\":[{\"text\":\"a\"}]",
          "the answer is not JSON: ',' or '}' is expected at byte 26" },
        { "{\"silent\":\"x\"}{}", "the answer is not JSON: something after the value at byte 14" },
        { "{\"silent\":\"\\u0000\"}", "the answer is not JSON: \\u0000 in a string at byte 17" },
        { "{\"silent\":\"\xff\xfe\"}",
          "the answer is not JSON: a text that is not UTF-8 at byte 11" },
        { "{\"silent\":\"x\",\"silent\":\"y\"}",
          "the answer is not JSON: the key 'silent' stands twice in one object" },
        { "{\"silent\":\"x\",\"n\":1e400}", "the answer is not JSON: a number is out of range" },
        { "[]", "the answer is JSON, but not an object" },
        { "null", "the answer is JSON, but not an object" },
        { "\"sorry\"", "the answer is JSON, but not an object" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        malformed(cases[i].body, cases[i].detail);
}

static void a_nul_byte_is_refused(void **state)
{
    static const char body[] = "{\"silent\":\"x\0y\"}";
    const struct td_http_response response = {
        .size = sizeof response, .detail = "", .status = 200, .body = body,
        .body_len = sizeof body - 1, .content_type = "", .retry_after_ms = -1,
    };

    (void)state;
    fake_http(f, ask(1), &response);
    failed(fake_next(f, FAKE_ANSWER)->answer, TD_FAIL,
           "the answer is not JSON: a control character in a string at byte 12");
}

static void a_bomb_of_brackets_is_refused(void **state)
{
    enum { DEPTH = 100000 };
    char *body = malloc(2 * DEPTH + 1);

    (void)state;
    memset(body, '[', DEPTH);
    memset(body + DEPTH, ']', DEPTH);
    body[2 * DEPTH] = '\0';
    malformed(body, "the answer is not JSON: nested too deep at byte 32");
    free(body);
}

static char *padded(const char *head, size_t n, const char *tail)
{
    char *body = malloc(strlen(head) + n + strlen(tail) + 1);
    size_t len = strlen(head);

    memcpy(body, head, len);
    memset(body + len, 'x', n);
    memcpy(body + len + n, tail, strlen(tail) + 1);
    return body;
}

static void what_is_too_large_is_refused(void **state)
{
    char *body = padded("{\"silent\":\"", 1 << 20, "\"}");

    (void)state;
    malformed(body, "the answer is not JSON: 1048589 bytes are more than 1048576");
    free(body);
    body = padded("{\"silent\":\"a\",\"state\":{\"s\":\"", 65536, "\"}}");
    malformed(body, "'state' is longer than 65536 bytes");
    free(body);
    body = padded("{\"messages\":[{\"text\":\"", 65537, "\"}]}");
    malformed(body, "'messages[0].text' is longer than 65536 bytes");
    free(body);
    body = padded("{\"silent\":\"a\",\"pass\":\"", 129, "\"}");
    malformed(body, "'pass' is longer than 128 bytes");
    free(body);
    malformed("{\"messages\":[0,0,0,0,0,0,0,0,0,0,0]}",
              "'messages' has more than 10");
}

/* ---- Failures of the wire and of HTTP -------------------------------------------------------- */

static void http_statuses_say_what_to_do(void **state)
{
    static const struct {
        int http;
        enum td_status status;
        const char *detail;
    } cases[] = {
        { 201, TD_FAIL, "the agent answered HTTP 201, and only 200 carries an answer" },
        { 202, TD_FAIL, "the agent answered HTTP 202, and without a secret it cannot answer later" },
        { 204, TD_FAIL, "the agent answered HTTP 204, and only 200 carries an answer" },
        { 301, TD_FAIL, "the agent answered HTTP 301, and redirects are not followed" },
        { 400, TD_REJECT, "the agent answered HTTP 400" },
        { 401, TD_AUTH, "the agent answered HTTP 401" },
        { 403, TD_AUTH, "the agent answered HTTP 403" },
        { 404, TD_REJECT, "the agent answered HTTP 404" },
        { 422, TD_REJECT, "the agent answered HTTP 422" },
        { 429, TD_RETRY, "the agent answered HTTP 429" },
        { 500, TD_RETRY, "the agent answered HTTP 500" },
        { 502, TD_RETRY, "the agent answered HTTP 502" },
        { 503, TD_RETRY, "the agent answered HTTP 503" },
        { 504, TD_RETRY, "the agent answered HTTP 504" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_http_body(f, ask(1), cases[i].http, "{\"messages\":[{\"text\":\"not taken\"}]}");
        const struct td_answer *answer = fake_next(f, FAKE_ANSWER)->answer;

        failed(answer, cases[i].status, cases[i].detail);
        assert_int_equal(answer->n_messages, 0);
        assert_int_equal(answer->retry_after_ms, 0);
    }
}

static void retry_after_is_handed_on(void **state)
{
    struct td_http_response response = {
        .size = sizeof response, .detail = "", .status = 429, .body = "", .content_type = "",
        .retry_after_ms = 3000,
    };

    (void)state;
    fake_http(f, ask(1), &response);
    assert_int_equal(fake_next(f, FAKE_ANSWER)->answer->retry_after_ms, 3000);
    response.retry_after_ms = INT64_MAX;
    fake_http(f, ask(1), &response);
    assert_int_equal(fake_next(f, FAKE_ANSWER)->answer->retry_after_ms, UINT32_MAX);
}

static void failures_of_the_wire_say_what_to_do(void **state)
{
    static const struct {
        enum td_http_failure failure;
        enum td_status status;
    } cases[] = {
        { TD_HTTP_BAD_URL, TD_CONF },  { TD_HTTP_RESOLVE, TD_RETRY }, { TD_HTTP_CONNECT, TD_RETRY },
        { TD_HTTP_TLS, TD_FAIL },      { TD_HTTP_TIMEOUT, TD_RETRY }, { TD_HTTP_BROKEN, TD_RETRY },
        { TD_HTTP_TOO_LARGE, TD_FAIL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_http_fail(f, ask(1), cases[i].failure, "what happened");
        failed(fake_next(f, FAKE_ANSWER)->answer, cases[i].status, "what happened");
    }
}

int main(void)
{
#define T(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_turn_is_posted_as_compact_json),
        T(what_is_not_known_is_left_out),
        T(requests_are_signed_with_a_raw_key),
        T(requests_are_signed_with_a_base64_key),
        T(a_bad_conf_does_not_open),
        T(two_agents_stand_side_by_side),
        T(a_request_that_cannot_start_is_answered_with_retry),
        T(a_cancelled_turn_ends_its_request),
        T(closing_ends_what_is_under_way),
        T(a_whole_answer_is_taken),
        T(absent_and_null_are_no_failure),
        T(silence_escalation_and_passing_need_no_messages),
        T(an_empty_answer_is_a_failure),
        T(a_wrong_type_names_its_field),
        T(garbage_is_refused_with_its_place),
        T(a_nul_byte_is_refused),
        T(a_bomb_of_brackets_is_refused),
        T(what_is_too_large_is_refused),
        T(http_statuses_say_what_to_do),
        T(retry_after_is_handed_on),
        T(failures_of_the_wire_say_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
