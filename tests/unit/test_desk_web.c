/* test_desk_web.c - plugins/desk_web*.c: what humans ask over HTTP, and what they are told. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"
#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;

static struct fake *f;

static void open_with(const char *conf)
{
    f = fake_new("desk");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)), TD_OK);
}

static int set_up(void **state)
{
    (void)state;
    open_with("");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    return 0;
}

static uint64_t ask_keyed(const char *method, const char *path, const char *query,
                          const char *token, const char *key, const char *body)
{
    char bearer[100];
    const struct td_header headers[] = { { "authorization", bearer }, { "idempotency-key", key } };

    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    return fake_request(f, &(struct td_web_request){
        .size = sizeof(struct td_web_request), .method = method, .path = path, .query = query,
        .peer = "192.0.2.1", .body = body, .body_len = strlen(body), .headers = headers,
        .n_headers = key != NULL ? 2 : 1,
    });
}

static uint64_t ask(const char *method, const char *path, const char *body)
{
    return ask_keyed(method, path, "", "token-mia", NULL, body);
}

/* The reply to `request`, with this status and this in its body. */
static void replied(uint64_t request, int status, const char *part)
{
    const struct fake_call *call = fake_next(f, FAKE_REPLY);

    assert_non_null(call);
    assert_int_equal(call->id, request);
    assert_int_equal(call->code, status);
    if (strstr(call->text, part) == NULL)
        fail_msg("no %s in %s", part, call->text);
}

static const struct td_desk_request *asked(enum td_desk_op op, uint64_t *job_r)
{
    const struct fake_call *call = fake_next(f, FAKE_DESK);

    assert_non_null(call);
    assert_int_equal(call->desk->op, op);
    *job_r = call->id;
    return call->desk;
}

static void done(uint64_t job, enum td_status status, const char *code, const char *holder)
{
    fake_done(f, job, &(struct td_desk_done){
        .size = sizeof(struct td_desk_done), .status = status, .code = code, .holder = holder,
        .detail = status == TD_OK ? NULL : "a reason", .handoff = status == TD_OK ? "H1" : NULL,
        .session = "S1",
    });
}

static void who_has_no_token_is_told_so(void **state)
{
    (void)state;
    replied(ask_keyed("GET", "/desk/v1/me", "", "token", NULL, ""), 401, "\"unauthorized\"");
    replied(ask_keyed("POST", "/desk/v1/handoffs/H1/accept", "", "", NULL, ""), 401,
            "Authorization: Bearer");
    assert_int_equal(fake_waiting(f, FAKE_DESK), 0);
    assert_int_equal(fake_counted(f, "bad_tokens"), 2);
}

static void an_empty_body_accepts(void **state)
{
    uint64_t job, request = ask("POST", "/desk/v1/handoffs/H1/accept", "");
    const struct td_desk_request *out = asked(TD_OP_ACCEPT, &job);

    (void)state;
    assert_string_equal(out->handoff, "H1");
    assert_string_equal(out->human, "mia");
    assert_null(out->id);
    assert_int_equal(fake_waiting(f, FAKE_REPLY), 0); /* nothing counts before done() */
    done(job, TD_OK, NULL, NULL);
    replied(request, 200, "\"handoff\":\"H1\"");
}

static void who_comes_second_hears_who_has_it(void **state)
{
    uint64_t job, request = ask("POST", "/desk/v1/handoffs/H1/accept", "");

    (void)state;
    asked(TD_OP_ACCEPT, &job);
    done(job, TD_REJECT, "taken", "noah");
    replied(request, 409, "\"holder\":\"noah\"");
}

static void each_refusal_has_its_status(void **state)
{
    static const struct { enum td_status status; const char *code; int http; } rows[] = {
        { TD_REJECT, "not_found", 404 }, { TD_REJECT, "not_eligible", 403 },
        { TD_REJECT, "not_yours", 403 }, { TD_REJECT, "bad_request", 400 },
        { TD_REJECT, "over", 409 },      { TD_REJECT, "no_agent", 409 },
        { TD_REJECT, "full", 409 },      { TD_AUTH, "auth", 401 },
        { TD_RETRY, NULL, 503 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t job, request = ask("POST", "/desk/v1/handoffs/H1/return", "{}");
        asked(TD_OP_RETURN, &job);
        done(job, rows[i].status, rows[i].code, NULL);
        replied(request, rows[i].http, "\"error\"");
    }
}

static void a_message_carries_its_text_files_and_key(void **state)
{
    uint64_t job;
    const struct td_desk_request *out;
    char first[65];

    (void)state;
    ask("POST", "/desk/v1/handoffs/H1/messages",
        "{\"id\":\"m1\",\"text\":\"Hello\",\"attachments\":[\"F1\",\"F2\"]}");
    out = asked(TD_OP_MESSAGE, &job);
    assert_string_equal(out->message->text, "Hello");
    assert_int_equal(out->message->n_attachments, 2);
    assert_string_equal(out->message->attachments[1]->id, "F2");
    assert_non_null(out->id);
    snprintf(first, sizeof first, "%s", out->id);
    ask("POST", "/desk/v1/handoffs/H1/messages", "{\"id\":\"m1\",\"text\":\"Hello\"}");
    assert_string_equal(asked(TD_OP_MESSAGE, &job)->id, first);
    ask("POST", "/desk/v1/handoffs/H2/messages", "{\"id\":\"m1\",\"text\":\"Hello\"}");
    assert_string_not_equal(asked(TD_OP_MESSAGE, &job)->id, first);
}

static void a_key_is_of_one_human_method_and_path(void **state)
{
    uint64_t job;
    char first[65];

    (void)state;
    ask_keyed("POST", "/desk/v1/handoffs/H1/accept", "", "token-mia", "k", "");
    snprintf(first, sizeof first, "%s", asked(TD_OP_ACCEPT, &job)->id);
    ask_keyed("POST", "/desk/v1/handoffs/H1/accept", "", "token-mia", "k", "");
    assert_string_equal(asked(TD_OP_ACCEPT, &job)->id, first);
    ask_keyed("POST", "/desk/v1/handoffs/H1/accept", "", "token-noah", "k", "");
    assert_string_not_equal(asked(TD_OP_ACCEPT, &job)->id, first);
    ask_keyed("POST", "/desk/v1/handoffs/H2/accept", "", "token-mia", "k", "");
    assert_string_not_equal(asked(TD_OP_ACCEPT, &job)->id, first);
}

static void what_is_malformed_is_named_and_goes_no_further(void **state)
{
    static const struct { const char *path, *body, *says; } rows[] = {
        { "/desk/v1/handoffs/H1/messages", "{", "not a JSON object" },
        { "/desk/v1/handoffs/H1/messages", "[]", "not a JSON object" },
        { "/desk/v1/handoffs/H1/messages", "{}", "text or attachments" },
        { "/desk/v1/handoffs/H1/messages", "{\"text\":5}", "text must be a string" },
        { "/desk/v1/handoffs/H1/messages", "{\"attachments\":[1]}", "an attachment must be an id" },
        { "/desk/v1/handoffs/H1/transfer", "{}", "a queue or a human" },
        { "/desk/v1/handoffs/H1/transfer", "{\"queue\":\"a\",\"human\":\"b\"}", "not both" },
        { "/desk/v1/handoffs/H1/return", "{\"wrapup\":[]}", "wrapup must be an object" },
        { "/desk/v1/handoffs/H1/close", "{\"wrapup\":{\"outcome\":\"won\"}}", "wrapup.outcome" },
        { "/desk/v1/handoffs/H1/close", "{\"wrapup\":{\"outcome\":\"resolved|spam\"}}", "wrapup.outcome" },
        { "/desk/v1/handoffs/H1/note", "{\"text\":\"\"}", "text must be a string that says something" },
        { "/desk/v1/handoffs/H1/close", "{\"wrapup\":{\"escalation\":1}}", "wrapup.escalation" },
        { "/desk/v1/handoffs/H1/note", "", "text must be a string" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        replied(ask("POST", rows[i].path, rows[i].body), 400, rows[i].says);
    replied(ask("PUT", "/desk/v1/me/presence", "{\"state\":\"busy\"}"), 400, "available, away");
    replied(ask_keyed("GET", "/desk/v1/handoffs", "state=all", "token-mia", NULL, ""), 400,
            "queued, live");
    replied(ask("GET", "/desk/v1/nothing", ""), 404, "no such path");
    replied(ask("POST", "/desk/v1/handoffs/H1/accept/a/b", ""), 404, "no such path");
    assert_int_equal(fake_waiting(f, FAKE_DESK), 0);
}

static void a_wrapup_goes_to_the_host_as_it_is(void **state)
{
    uint64_t job;
    const struct td_desk_request *out;

    (void)state;
    ask("POST", "/desk/v1/handoffs/H1/return",
        "{\"note\":\"Refund is booked.\",\"wrapup\":{\"outcome\":\"resolved\","
        "\"escalation\":\"late\"}}");
    out = asked(TD_OP_RETURN, &job);
    assert_string_equal(out->text, "Refund is booked.");
    assert_string_equal(out->wrapup, "{\"outcome\":\"resolved\",\"escalation\":\"late\"}");
}

static void lists_and_pages_are_asked_for_with_their_query(void **state)
{
    uint64_t job, request;

    (void)state;
    ask_keyed("GET", "/desk/v1/handoffs", "state=mine", "token-mia", NULL, "");
    assert_string_equal(asked(TD_OP_LIST, &job)->text, "mine");
    request = ask_keyed("GET", "/desk/v1/handoffs/H1", "x=1&before=42", "token-mia", NULL, "");
    assert_int_equal(asked(TD_OP_GET, &job)->before, 42);
    fake_done(f, job, &(struct td_desk_done){ .size = sizeof(struct td_desk_done),
                                              .json = "{\"package\":{},\"transcript\":[]}" });
    replied(request, 200, "\"transcript\"");
}

static uint64_t listen_as(const char *hello)
{
    uint64_t conn = fake_ws_open(f, "192.0.2.1", NULL);

    fake_ws_text(f, conn, hello);
    return conn;
}

static void told(uint64_t conn, const char *part)
{
    const struct fake_call *call = fake_next(f, FAKE_WS_SEND);

    assert_non_null(call);
    assert_int_equal(call->id, conn);
    if (strstr(call->text, part) == NULL)
        fail_msg("no %s in %s", part, call->text);
}

static void offer(uint64_t job, const char *id)
{
    fake_offer(f, job, &(struct td_handoff){
        .size = sizeof(struct td_handoff), .id = id, .session = "S1", .queue = "billing",
        .state = TD_HANDOFF_OFFERED, .reason = "agent_requested", .package = "{}",
        .since_at_ms = FAKE_START_MS,
    });
    assert_int_equal(fake_next(f, FAKE_OFFERED)->offered->status, TD_OK);
}

static void relay(uint64_t job, uint32_t delta, const char *text)
{
    const struct td_message message = { .size = sizeof message, .id = "m", .text = text, .seq = 9,
                                        .author = TD_CUSTOMER };

    fake_relay(f, job, &(struct td_relay){ .size = sizeof(struct td_relay), .handoff = "H1",
                                           .session = "S1", .message = &message, .delta = delta });
    assert_int_equal(fake_next(f, FAKE_SENT)->sent->status, TD_OK);
}

static void those_who_listen_hear_of_offers_and_the_holder_of_words(void **state)
{
    uint64_t mia = listen_as("{\"type\":\"hello\",\"token\":\"token-mia\"}"), noah, job;

    (void)state;
    told(mia, "\"type\":\"welcome\",\"human\":\"mia\"");
    noah = listen_as("{\"type\":\"hello\",\"token\":\"token-noah\"}");
    told(noah, "\"welcome\"");
    fake_forget(f);
    offer(1, "H1");
    assert_int_equal(fake_waiting(f, FAKE_WS_SEND), 2);
    fake_forget(f);
    ask("POST", "/desk/v1/handoffs/H1/accept", "");
    asked(TD_OP_ACCEPT, &job);
    done(job, TD_OK, NULL, NULL);
    assert_int_equal(fake_waiting(f, FAKE_WS_SEND), 2); /* both hear that it is taken */
    fake_forget(f);
    relay(2, 0, "Where is it?");
    told(mia, "\"handoff.message\"");
    assert_int_equal(fake_waiting(f, FAKE_WS_SEND), 0);
}

static void who_comes_back_hears_what_was_missed(void **state)
{
    uint64_t conn = listen_as("{\"type\":\"hello\",\"token\":\"token-mia\"}");
    const struct fake_call *call = fake_next(f, FAKE_WS_SEND);
    long long event = 0;
    char hello[100];

    (void)state;
    assert_non_null(strstr(call->text, "\"event\":"));
    sscanf(strstr(call->text, "\"event\":"), "\"event\":%lld", &event);
    fake_ws_closed(f, conn, 1001);
    offer(1, "H1");
    offer(2, "H2");
    snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"token\":\"token-mia\",\"last\":%lld}",
             event);
    conn = listen_as(hello);
    told(conn, "\"welcome\"");
    told(conn, "\"handoff\":\"H1\"");
    told(conn, "\"handoff\":\"H2\"");
    conn = listen_as("{\"type\":\"hello\",\"token\":\"token-mia\",\"last\":5}");
    told(conn, "\"welcome\"");
    told(conn, "\"resync\"");
}

static void a_wrong_token_or_none_ends_the_stream(void **state)
{
    (void)state;
    listen_as("{\"type\":\"hello\",\"token\":\"wrong\"}");
    assert_int_equal(fake_next(f, FAKE_WS_CLOSE)->code, 4401);
    listen_as("not json");
    assert_int_equal(fake_next(f, FAKE_WS_CLOSE)->code, 4400);
    fake_ws_open(f, "192.0.2.1", NULL);
    fake_advance(f, 10000);
    assert_int_equal(fake_next(f, FAKE_WS_CLOSE)->code, 4408);
}

/* A GET of events; the headers beyond the token, which may be NULL. */
static uint64_t stream(const char *query, const char *token, const char *name, const char *value)
{
    char bearer[100];
    struct td_header headers[2] = { { name, value } };
    size_t n = name != NULL;

    if (token != NULL)
        headers[n++] = (struct td_header){ "authorization", bearer };
    snprintf(bearer, sizeof bearer, "Bearer %s", token != NULL ? token : "");
    return fake_request(f, &(struct td_web_request){
        .size = sizeof(struct td_web_request), .method = "GET", .path = "/desk/v1/events",
        .query = query, .peer = "192.0.2.1", .body = "", .headers = headers, .n_headers = n,
    });
}

static void streamed(uint64_t request, const char *part)
{
    const struct fake_call *call = fake_next(f, FAKE_STREAM_SEND);

    assert_non_null(call);
    assert_int_equal(call->id, request);
    if (strstr(call->text, part) == NULL)
        fail_msg("no %s in %s", part, call->text);
}

static void new_ticket(char query[64])
{
    const struct fake_call *call;

    ask("POST", "/desk/v1/tickets", "");
    call = fake_next(f, FAKE_REPLY);
    assert_int_equal(call->code, 200);
    assert_int_equal(sscanf(call->text, "{\"ticket\":\"%32[0-9a-f]\"", query + 7), 1);
    memcpy(query, "ticket=", 7);
}

static void a_stream_tells_the_same_with_numbers(void **state)
{
    uint64_t request = stream("", "token-mia", NULL, NULL), again;
    const struct fake_call *call = fake_next(f, FAKE_STREAM);
    char id[40], event[60];

    (void)state;
    assert_int_equal(call->code, 200);
    assert_string_equal(call->reply->content_type, "text/event-stream");
    streamed(request, "data: {\"type\":\"welcome\",\"human\":\"mia\"");
    offer(1, "H1");
    call = fake_next(f, FAKE_STREAM_SEND);
    assert_int_equal(sscanf(call->text, "id: %39[0-9]\n", id), 1);
    snprintf(event, sizeof event, "\"event\":%s}\n\n", id);
    assert_non_null(strstr(call->text, event));
    fake_stream_closed(f, request);
    offer(2, "H2");
    assert_null(fake_next(f, FAKE_STREAM_SEND));
    again = stream("", "token-mia", "last-event-id", id);
    streamed(again, "welcome");
    streamed(again, "\"handoff\":\"H2\"");
    snprintf(event, sizeof event, "last_id=%s", id);
    again = stream(event, "token-mia", NULL, NULL);
    streamed(again, "welcome");
    streamed(again, "\"handoff\":\"H2\"");
    again = stream("", "token-mia", "last-event-id", "7");
    streamed(again, "welcome");
    streamed(again, "resync");
}

static void a_ticket_opens_one_stream_once_and_soon(void **state)
{
    char query[64] = "";

    (void)state;
    new_ticket(query);
    streamed(stream(query, NULL, NULL, NULL), "\"human\":\"mia\"");
    replied(stream(query, NULL, NULL, NULL), 401, "\"unauthorized\"");
    new_ticket(query);
    fake_advance(f, 30000);
    replied(stream(query, NULL, NULL, NULL), 401, "\"unauthorized\"");
    replied(stream("ticket=", NULL, NULL, NULL), 401, "ticket");
    replied(ask_keyed("GET", "/desk/v1/me", query, "token", NULL, ""), 401, "Bearer");
}

static void a_page_of_another_origin_gets_no_stream(void **state)
{
    (void)state;
    fake_close(f);
    fake_free(&f);
    open_with("origins = https://desk.example");
    replied(stream("", "token-mia", "origin", "https://evil.example"), 403, "\"origin\"");
    stream("", "token-mia", "origin", "https://desk.example");
    assert_non_null(fake_next(f, FAKE_STREAM));
}

static void who_is_no_human_any_more_hears_nothing_more(void **state)
{
    uint64_t request = stream("", "token-mia", NULL, NULL), job;

    (void)state;
    listen_as("{\"type\":\"hello\",\"token\":\"token-mia\"}");
    asked(TD_OP_PRESENCE, &job);
    done(job, TD_AUTH, NULL, NULL);
    assert_int_equal(fake_next(f, FAKE_STREAM_END)->id, request);
    assert_int_equal(fake_next(f, FAKE_WS_CLOSE)->code, 4401);
    fake_forget(f);
    offer(1, "H1");
    assert_int_equal(fake_waiting(f, FAKE_WS_SEND) + fake_waiting(f, FAKE_STREAM_SEND), 0);
}

static void canned_replies_are_found_by_words_and_language(void **state)
{
    char path[] = "/tmp/replies-XXXXXX", conf[80];
    FILE *file = fdopen(mkstemp(path), "w");

    (void)state;
    fputs("[{\"key\":\"hi\",\"title\":\"Hello\",\"text\":\"Good day\"},"
          "{\"key\":\"tag\",\"title\":\"Hallo\",\"text\":\"Guten Tag\",\"language\":\"de\"}]", file);
    fclose(file);
    fake_close(f);
    fake_free(&f);
    snprintf(conf, sizeof conf, "replies = %s", path);
    open_with(conf);
    replied(ask("GET", "/desk/v1/replies", ""), 200, "\"hi\"");
    replied(ask_keyed("GET", "/desk/v1/replies", "q=%67uten+HALLO", "token-mia", NULL, ""), 200,
            "{\"replies\":[{\"key\":\"tag\"");
    replied(ask_keyed("GET", "/desk/v1/replies", "language=en-GB", "token-mia", NULL, ""), 200,
            "{\"replies\":[{\"key\":\"hi\",\"title\":\"Hello\",\"text\":\"Good day\"}]}");
    replied(ask_keyed("GET", "/desk/v1/replies", "q=nothing", "token-mia", NULL, ""), 200,
            "{\"replies\":[]}");
    unlink(path);
}

static void a_file_of_replies_that_is_wrong_keeps_it_closed(void **state)
{
    char path[] = "/tmp/replies-XXXXXX", conf[80];
    FILE *file = fdopen(mkstemp(path), "w");

    (void)state;
    fputs("[{\"key\":\"hi\",\"title\":\"Hello\"}]", file);
    fclose(file);
    snprintf(conf, sizeof conf, "replies = %s", path);
    f = fake_new("desk");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)), TD_CONF);
    assert_non_null(strstr(fake_error(f), "reply 1 needs strings as key, title, text"));
    fake_free(&f);
    unlink(path);
}

static void who_listens_is_present(void **state)
{
    uint64_t job;

    (void)state;
    listen_as("{\"type\":\"hello\",\"token\":\"token-mia\"}");
    assert_null(asked(TD_OP_PRESENCE, &job)->text);
    done(job, TD_OK, NULL, NULL);
    fake_advance(f, 20000);
    assert_string_equal(asked(TD_OP_PRESENCE, &job)->human, "mia");
    assert_int_equal(fake_waiting(f, FAKE_DESK), 0);
}

static void a_path_must_be_a_prefix(void **state)
{
    (void)state;
    f = fake_new("desk");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, "path = desk")),
                     TD_CONF);
    assert_non_null(strstr(fake_error(f), "must begin and end in /"));
    fake_free(&f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_has_no_token_is_told_so),
        T(an_empty_body_accepts),
        T(who_comes_second_hears_who_has_it),
        T(each_refusal_has_its_status),
        T(a_message_carries_its_text_files_and_key),
        T(a_key_is_of_one_human_method_and_path),
        T(what_is_malformed_is_named_and_goes_no_further),
        T(a_wrapup_goes_to_the_host_as_it_is),
        T(lists_and_pages_are_asked_for_with_their_query),
        T(those_who_listen_hear_of_offers_and_the_holder_of_words),
        T(who_comes_back_hears_what_was_missed),
        T(a_wrong_token_or_none_ends_the_stream),
        T(who_listens_is_present),
        T(a_stream_tells_the_same_with_numbers),
        T(a_ticket_opens_one_stream_once_and_soon),
        T(a_page_of_another_origin_gets_no_stream),
        T(who_is_no_human_any_more_hears_nothing_more),
        T(canned_replies_are_found_by_words_and_language),
        cmocka_unit_test(a_file_of_replies_that_is_wrong_keeps_it_closed),
        cmocka_unit_test(a_path_must_be_a_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
