/* test_agent_http_stream.c - plugins/agent_http: answers in parts, later, and with files. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/shared/http_events.h"
#include "tests/check.h"
#include "kit/fake_host.h"

#define URL "url = http://127.0.0.1:8090/agent\n"

extern const struct td_plugin td_plugin_0;

static struct fake *f;

static const struct td_customer customer = { .size = sizeof customer };
static const struct td_session_info session = {
    .size = sizeof session, .id = "s", .channel = "web", .kind = "webchat", .customer = &customer,
};
static const struct td_turn turn = {
    .size = sizeof turn, .id = "01JD0000000000000000000001", .attempt = 1, .session = &session,
    .deadline_ms = 8000,
};

static void open_with(const char *conf)
{
    f = fake_new("front");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)), TD_OK);
}

static int set_up(void **state)
{
    (void)state;
    open_with(URL "secret = s3cret");
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

static void feed(const struct fake_call *call, const char *text, size_t len)
{
    const struct td_http_data data = {
        .size = sizeof data, .status = 200, .content_type = "text/event-stream; charset=utf-8",
        .data = text, .len = len,
    };

    fake_http_data(f, call, &data);
}

static void say(const struct fake_call *call, const char *text)
{
    feed(call, text, strlen(text));
}

/* The rest of the stream is of no use when this has been said. */
static void ended(const struct fake_call *call, enum td_status status, const char *detail)
{
    const struct fake_call *answer = fake_next(f, FAKE_ANSWER);

    assert_non_null(answer);
    assert_int_equal(answer->answer->status, status);
    if (detail != NULL)
        assert_string_equal(answer->answer->detail, detail);
    assert_int_equal(fake_http_open(f, call), 0);
    assert_null(fake_next(f, FAKE_ANSWER));
}

/* ---- The parser --------------------------------------------------------------------------- */

struct heard {
    char text[4000];
    size_t len;
};

static int on_event(void *arg, const char *type, const char *data, size_t len)
{
    struct heard *heard = arg;

    (void)len;
    heard->len += (size_t)snprintf(heard->text + heard->len, sizeof heard->text - heard->len,
                                   "%s=%s;", type, data);
    return 0;
}

static const char *parse(const char *text, size_t len, size_t step, struct heard *heard)
{
    struct http_events *events = http_events_new(1000, on_event, heard);
    const char *wrong = NULL;

    *heard = (struct heard){ .len = 0 };
    for (size_t at = 0; at < len && wrong == NULL; at += step)
        wrong = http_events_feed(events, text + at, len - at < step ? len - at : step);
    http_events_free(&events);
    return wrong;
}

static void streams_are_read_as_the_standard_says(void **state)
{
    static const struct {
        const char *stream, *events;
    } cases[] = {
        { "data: a\n\n", "message=a;" },
        { "data:a\r\rdata: b\r\n\r\ndata:  c\n\n", "message=a;message=b;message= c;" },
        { "event: x\ndata: 1\ndata: 2\n\ndata: 3\n\n", "x=1\n2;message=3;" },
        { "data\n\ndata\ndata\n\ndata:", "message=;message=\n;" },
        { ": a comment\ndata: 1\n:\nid: 7\nretry: 1\nother\n\n", "message=1;" },
        { "event: x\n\ndata: 1\n\n", "message=1;" },
        { "event: x\nevent: y\ndata: 1\n\n", "y=1;" },
        { "\xef\xbb\xbf" "data: 1\n\n", "message=1;" },
        { "\n\xef\xbb\xbf" "data: 1\n\n", "" },
        { "data : 1\nDATA: 2\n\n", "" },
        { "data: never ended\n", "" },
        { "data: {\"a\":1}\r\n\r\n\r\n\n", "message={\"a\":1};" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t len = strlen(cases[i].stream);

        for (size_t step = 1; step <= len; step++) {
            struct heard heard;

            assert_null(parse(cases[i].stream, len, step, &heard));
            assert_string_equal(heard.text, cases[i].events);
        }
    }
}

static void bounds_of_a_stream_hold_however_it_is_cut(void **state)
{
    static char text[HTTP_EVENTS_LINE + 10];
    struct heard heard;

    (void)state;
    memset(text, ':', sizeof text);
    for (size_t step = 1000; step < sizeof text; step *= 5) {
        assert_null(parse(text, HTTP_EVENTS_LINE, step, &heard));
        assert_string_equal(parse(text, HTTP_EVENTS_LINE + 1, step, &heard),
                            "a line of the event stream is longer than 64 KiB");
    }
    memcpy(text, "data: ", 6);
    text[6 + 999] = '\n';
    assert_null(parse(text, 1006, 1006, &heard));
    text[6 + 999] = ':';
    text[6 + 1000] = '\n';
    assert_string_equal(parse(text, 1007, 1, &heard), "an event of the stream is too large");
}

/* ---- Parts -------------------------------------------------------------------------------- */

#define STREAM                                                                        \
    "\xef\xbb\xbf: hello\r\n\r\nevent: delta\r\ndata: {\"text\":\"Your p\xc3\xa4rcel \"}\r\n\r\n" \
    "event: delta\ndata: {\ndata: \"text\": \"is on\\n\"}\n\n"                         \
    "event:delta\rdata:{\"text\":\"its way.\",\"more\":1}\r\r"                        \
    "event: answer\ndata: {\"messages\":[{\"text\":\"Your p\xc3\xa4rcel is on its way.\"}],\n" \
    "data: \"decision\":\"resolve\"}\n\n"

static void however_a_stream_is_cut_its_parts_and_its_answer_come(void **state)
{
    const size_t len = strlen(STREAM);

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        const struct fake_call *call = ask(cut + 1);

        feed(call, STREAM, cut);
        if (cut < len)
            feed(call, &STREAM[cut], len - cut);
        assert_string_equal(fake_next(f, FAKE_DELTA)->text, "Your p\xc3\xa4rcel ");
        assert_string_equal(fake_next(f, FAKE_DELTA)->text, "is on\n");
        assert_string_equal(fake_next(f, FAKE_DELTA)->text, "its way.");
        assert_null(fake_next(f, FAKE_DELTA));
        ended(call, TD_OK, NULL);
    }
}

static void a_byte_at_a_time_is_a_stream_too(void **state)
{
    const struct fake_call *call = ask(1);

    (void)state;
    for (size_t i = 0; STREAM[i] != '\0'; i++)
        feed(call, &STREAM[i], 1);
    assert_int_equal(fake_waiting(f, FAKE_DELTA), 3);
    ended(call, TD_OK, NULL);
}

static void what_comes_after_the_answer_is_not_heard(void **state)
{
    const struct fake_call *call = ask(1);

    (void)state;
    say(call, STREAM "event: delta\ndata: {\"text\":\"more\"}\n\n" STREAM);
    assert_int_equal(fake_waiting(f, FAKE_DELTA), 3);
    ended(call, TD_OK, NULL);
}

static void a_stream_that_ends_too_soon_is_worth_another_try(void **state)
{
    const struct fake_call *call = ask(1);

    (void)state;
    say(call, "event: delta\ndata: {\"text\":\"You\"}\n\nevent: answer\ndata: {\"messages\":[]}\n");
    fake_http_body(f, call, 200, "");
    ended(call, TD_RETRY, "the stream ended before its answer");

    call = ask(2);
    say(call, "event: delta\ndata: {\"te");
    fake_http_fail(f, call, TD_HTTP_BROKEN, "cut");
    ended(call, TD_RETRY, "cut");
    assert_int_equal(fake_waiting(f, FAKE_DELTA), 1);
}

static void a_stream_is_taken_strictly(void **state)
{
    static const struct {
        const char *stream, *why;
    } cases[] = {
        { "event: delta\ndata: {}\n\n", "a delta is not an object with a 'text'" },
        { "event: delta\ndata: {\"text\":7}\n\n", "a delta is not an object with a 'text'" },
        { "event: delta\ndata: [\"text\"]\n\n", "a delta is not an object with a 'text'" },
        { "event: delta\ndata: hello\n\n", NULL },
        { "event: delta\ndata: {\"text\":\"\xff\"}\n\n", NULL },
        { "data: {\"text\":\"a\"}\n\n",
          "an event 'message' in the stream, which knows delta and answer" },
        { "event: Answer\ndata: {}\n\n",
          "an event 'Answer' in the stream, which knows delta and answer" },
        { "event: answer\ndata: {}\n\n", "the answer is empty: it needs messages, calls, silent, "
                                         "pass or decision escalate" },
        { "event: answer\ndata: []\n\n", "the answer is JSON, but not an object" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fake_call *call = ask(i + 1);

        say(call, cases[i].stream);
        ended(call, TD_FAIL, cases[i].why);
    }
    assert_int_equal(fake_waiting(f, FAKE_DELTA), 0);
}

static void a_cancelled_stream_is_dropped(void **state)
{
    const struct fake_call *call = ask(1);

    (void)state;
    say(call, "event: delta\ndata: {\"text\":\"a\"}\n\nevent: del");
    fake_cancel(f, 1);
    assert_int_equal(fake_http_open(f, call), 0);
}

static void a_body_that_is_no_stream_comes_whole(void **state)
{
    const struct fake_call *call = ask(1);
    struct td_http_data data = {
        .size = sizeof data, .status = 200, .content_type = "text/event-streams", .data = "data: x\n\n",
        .len = 9,
    };

    (void)state;
    fake_http_data(f, call, &data);
    data.content_type = "text/event-stream";
    data.status = 500;
    fake_http_data(f, call, &data);
    fake_http_body(f, call, 200, "{\"silent\":\"yes\"}");
    ended(call, TD_OK, NULL);
    assert_string_equal(fake_header(call->request, "Accept"),
                        "application/json, text/event-stream");
}

/* ---- Late answers ------------------------------------------------------------------------- */

static enum td_status post(uint64_t job, const char *token, const char *body, struct td_error *err)
{
    const struct td_header header = { "authorization", token };
    const struct td_web_request request = {
        .size = sizeof request, .id = 1, .method = "POST", .headers = &header,
        .n_headers = token != NULL, .body = body, .body_len = strlen(body),
    };

    return fake_late(f, job, &request, err);
}

static void an_answer_may_come_later(void **state)
{
    const struct fake_call *call = ask(1);
    struct td_error err;

    (void)state;
    fake_http_body(f, call, 202, "{\"messages\":[{\"text\":\"not to be taken\"}]}");
    assert_null(fake_next(f, FAKE_ANSWER));
    assert_int_equal(post(1, "Bearer s3cret", "{\"silent\":\"later\"}", &err), TD_OK);
    ended(call, TD_OK, NULL);
    assert_int_equal(post(1, "Bearer s3cret", "{\"silent\":\"later\"}", &err), TD_RETRY);
}

static void it_may_come_before_its_202(void **state)
{
    const struct fake_call *call = ask(1);
    struct td_error err;

    (void)state;
    assert_int_equal(post(1, "bearer s3cret", "{\"silent\":\"early\"}", &err), TD_OK);
    ended(call, TD_OK, NULL);
}

static void only_the_secret_opens(void **state)
{
    static const char *const wrong[] = { NULL, "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret ",
                                         "Basic s3cret", "s3cret", "Bearer S3cret" };
    struct td_error err;

    (void)state;
    fake_http_body(f, ask(1), 202, "");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(post(1, wrong[i], "{\"silent\":\"x\"}", &err), TD_AUTH);
        assert_int_equal(post(0, wrong[i], "{\"silent\":\"x\"}", &err), TD_AUTH);
    }
    assert_int_equal(post(0, "Bearer s3cret", "{\"silent\":\"x\"}", &err), TD_RETRY);
    assert_null(fake_next(f, FAKE_ANSWER));
}

static void a_late_answer_that_is_none_leaves_the_turn_open(void **state)
{
    struct td_error err;

    (void)state;
    fake_http_body(f, ask(1), 202, "");
    assert_int_equal(post(1, "Bearer s3cret", "{\"messages\":7}", &err), TD_REJECT);
    assert_string_equal(err.text, "'messages' is not an array");
    assert_null(fake_next(f, FAKE_ANSWER));
    assert_int_equal(post(1, "Bearer s3cret", "{\"silent\":\"better\"}", &err), TD_OK);
}

static void a_turn_that_was_taken_can_be_cancelled(void **state)
{
    struct td_error err;

    (void)state;
    fake_http_body(f, ask(1), 202, "");
    fake_cancel(f, 1);
    assert_int_equal(post(1, "Bearer s3cret", "{\"silent\":\"x\"}", &err), TD_RETRY);
}

static void without_a_secret_nobody_can_answer_later(void **state)
{
    const struct fake_call *call;
    struct td_error err;

    (void)state;
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    open_with(URL);
    assert_int_equal(post(1, "Bearer ", "{\"silent\":\"x\"}", &err), TD_AUTH);
    call = ask(1);
    fake_http_body(f, call, 202, "");
    ended(call, TD_FAIL,
          "the agent answered HTTP 202, and without a secret it cannot answer later");
}

/* ---- Files ----------------------------------------------------------------------------- */

static const char with_files[] =
    "{\"messages\":[{\"attachments\":[{\"id\":\"F0\"},{\"name\":\"a.txt\",\"data\":\"aGVsbG8=\"}]},"
    "{\"text\":\"b\",\"attachments\":[{\"name\":\"b.txt\",\"type\":\"text/plain\",\"data\":\"Yg==\"}]}]}";

static void filed(const struct fake_call *file, enum td_status status, const char *id,
                  const char *detail)
{
    const struct td_attachment known = { .size = sizeof known, .id = id };
    const struct td_filed answer = { .size = sizeof answer, .status = status, .detail = detail,
                                     .attachment = id != NULL ? &known : NULL };

    fake_filed(f, file->id, &answer);
}

static void files_are_handed_in_before_their_answer(void **state)
{
    const struct fake_call *first, *second;
    const struct td_answer *answer;

    (void)state;
    fake_http_body(f, ask(1), 200, with_files);
    first = fake_next(f, FAKE_FILE);
    second = fake_next(f, FAKE_FILE);
    assert_string_equal(first->file->name, "a.txt");
    assert_string_equal(first->file->data, "hello");
    assert_int_equal(first->file->len, 5);
    assert_string_equal(first->file->session, "s");
    assert_string_equal(second->file->data, "b");
    assert_int_equal(fake_waiting(f, FAKE_ANSWER), 0);
    filed(second, TD_OK, "F2", NULL);
    assert_int_equal(fake_waiting(f, FAKE_ANSWER), 0);
    filed(first, TD_OK, "F1", NULL);
    answer = fake_next(f, FAKE_ANSWER)->answer;
    assert_int_equal(answer->status, TD_OK);
    assert_string_equal(answer->messages[0]->attachments[0]->id, "F0");
    assert_string_equal(answer->messages[0]->attachments[1]->id, "F1");
    assert_string_equal(answer->messages[1]->attachments[0]->id, "F2");
}

static void a_file_that_is_not_taken_fails_its_answer(void **state)
{
    const struct fake_call *first, *second;
    const struct td_answer *answer;

    (void)state;
    fake_http_body(f, ask(1), 200, with_files);
    first = fake_next(f, FAKE_FILE);
    second = fake_next(f, FAKE_FILE);
    filed(first, TD_RETRY, NULL, "later");
    filed(second, TD_REJECT, NULL, "a virus");
    answer = fake_next(f, FAKE_ANSWER)->answer;
    assert_int_equal(answer->status, TD_FAIL);
    assert_string_equal(answer->detail, "attachment 'b.txt' was not taken: a virus");

    fake_http_body(f, ask(2), 200, with_files);
    first = fake_next(f, FAKE_FILE);
    second = fake_next(f, FAKE_FILE);
    fake_cancel(f, 2);
    filed(first, TD_OK, "F1", NULL);
    filed(second, TD_OK, "F2", NULL);
    assert_int_equal(fake_waiting(f, FAKE_ANSWER), 0);

    fake_http_body(f, ask(3), 200, with_files); /* tear_down() closes with these open */
}

int main(void)
{
#define T(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(files_are_handed_in_before_their_answer),
        T(a_file_that_is_not_taken_fails_its_answer),
        T(streams_are_read_as_the_standard_says),
        T(bounds_of_a_stream_hold_however_it_is_cut),
        T(however_a_stream_is_cut_its_parts_and_its_answer_come),
        T(a_byte_at_a_time_is_a_stream_too),
        T(what_comes_after_the_answer_is_not_heard),
        T(a_stream_that_ends_too_soon_is_worth_another_try),
        T(a_stream_is_taken_strictly),
        T(a_cancelled_stream_is_dropped),
        T(a_body_that_is_no_stream_comes_whole),
        T(an_answer_may_come_later),
        T(it_may_come_before_its_202),
        T(only_the_secret_opens),
        T(a_late_answer_that_is_none_leaves_the_turn_open),
        T(a_turn_that_was_taken_can_be_cancelled),
        T(without_a_secret_nobody_can_answer_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
