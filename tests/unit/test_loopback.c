/* test_loopback.c - channels/loopback.c: what is sent comes back, in order, so many times. */
#include "config.h"

#include "tests/check.h"
#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;

static struct fake *f;

static void open_with(const char *conf)
{
    f = fake_new("loop");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)), TD_OK);
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    return 0;
}

static void send_text(uint64_t job, const char *text)
{
    const struct td_message message = { .size = sizeof message, .id = "01J", .text = text };
    const struct td_outbound out = {
        .size = sizeof out, .session = "01S", .peer = "loopback", .message = &message,
    };

    fake_send(f, job, &out);
}

static void accept(const struct fake_call *call, enum td_status status, uint32_t retry_after_ms)
{
    const struct td_accepted accepted = {
        .size = sizeof accepted, .status = status, .retry_after_ms = retry_after_ms,
        .detail = status == TD_OK ? NULL : "a reason",
    };

    fake_accepted(f, call->id, &accepted);
}

static void the_customer_may_speak_first(void **state)
{
    const struct fake_call *call;

    (void)state;
    open_with("start = Where is my parcel?\npeer = dana");
    assert_null(fake_next(f, FAKE_DELIVER));
    fake_advance(f, 10);
    call = fake_next(f, FAKE_DELIVER);
    assert_string_equal(call->in->peer, "dana");
    assert_string_equal(call->in->message->text, "Where is my parcel?");
    assert_string_equal(call->in->message->id, "1795415816123-1");
}

static void what_is_sent_comes_back(void **state)
{
    const struct fake_call *call;

    (void)state;
    open_with("delay = 1s");
    send_text(5, "Hello.");
    call = fake_next(f, FAKE_SENT);
    assert_int_equal(call->id, 5);
    assert_int_equal(call->sent->status, TD_OK);
    fake_advance(f, 999);
    assert_null(fake_next(f, FAKE_DELIVER));
    fake_advance(f, 1);
    assert_string_equal(fake_next(f, FAKE_DELIVER)->in->message->text, "Hello.");
}

static void words_wait_for_those_before_them(void **state)
{
    const struct fake_call *call;

    (void)state;
    open_with("");
    send_text(1, "one");
    send_text(2, "two");
    fake_advance(f, 60000);
    call = fake_next(f, FAKE_DELIVER);
    assert_string_equal(call->in->message->text, "one");
    assert_null(fake_next(f, FAKE_DELIVER));
    accept(call, TD_OK, 0);
    fake_advance(f, 10);
    call = fake_next(f, FAKE_DELIVER);
    assert_string_equal(call->in->message->text, "two");
    accept(call, TD_OK, 0);
    assert_int_equal(fake_timers(f), 0);
}

static void a_busy_gateway_is_told_again_with_the_same_id(void **state)
{
    const struct fake_call *first, *again;

    (void)state;
    open_with("start = hello");
    fake_advance(f, 10);
    first = fake_next(f, FAKE_DELIVER);
    accept(first, TD_RETRY, 250);
    fake_advance(f, 249);
    assert_null(fake_next(f, FAKE_DELIVER));
    fake_advance(f, 1);
    again = fake_next(f, FAKE_DELIVER);
    assert_string_equal(again->in->message->id, first->in->message->id);
    accept(again, TD_OK, 0);
}

static void a_refusal_is_logged_and_not_repeated(void **state)
{
    (void)state;
    open_with("start = hello");
    fake_advance(f, 10);
    accept(fake_next(f, FAKE_DELIVER), TD_REJECT, 0);
    assert_string_equal(fake_next(f, FAKE_LOG)->text,
                        "what the customer said was refused: a reason");
    fake_advance(f, 60000);
    assert_null(fake_next(f, FAKE_DELIVER));
}

static void the_talk_ends_after_so_many_turns(void **state)
{
    const struct fake_call *call;

    (void)state;
    open_with("turns = 2\ndelay = 0");
    for (uint64_t job = 1; job <= 5; job++) {
        send_text(job, "again");
        assert_int_equal(fake_next(f, FAKE_SENT)->sent->status, TD_OK);
        fake_run(f);
        call = fake_next(f, FAKE_DELIVER);
        assert_true((call != NULL) == (job <= 2));
        if (call != NULL)
            accept(call, TD_OK, 0);
    }
}

int main(void)
{
#define T(name_) cmocka_unit_test_teardown(name_, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_customer_may_speak_first),
        T(what_is_sent_comes_back),
        T(words_wait_for_those_before_them),
        T(a_busy_gateway_is_told_again_with_the_same_id),
        T(a_refusal_is_logged_and_not_repeated),
        T(the_talk_ends_after_so_many_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
