/* test_agent_echo.c - plugins/agent_echo.c: each message comes back, once, after the delay. */
#include "config.h"

#include "tests/check.h"
#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;

static struct fake *f;

static void open_with(const char *conf)
{
    f = fake_new("front");
    assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, conf)), TD_OK);
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(fake_close(f), 0);
    fake_free(&f);
    return 0;
}

static void ask(uint64_t job, const char *first, const char *second)
{
    const struct td_message a = { .size = sizeof a, .text = first };
    const struct td_message b = { .size = sizeof b, .text = second };
    const struct td_message *messages[] = { &a, &b };
    const struct td_turn turn = {
        .size = sizeof turn,
        .id = "01J",
        .messages = messages,
        .n_messages = (size_t)(first != NULL) + (second != NULL),
        .deadline_ms = 1000,
    };

    fake_ask(f, job, &turn);
}

static void every_message_is_answered_with_its_text(void **state)
{
    const struct fake_call *call;

    (void)state;
    open_with("prefix = you said: ");
    ask(7, "hello", "anyone there?");
    call = fake_next(f, FAKE_ANSWER);
    assert_int_equal(call->id, 7);
    assert_int_equal(call->answer->status, TD_OK);
    assert_int_equal(call->answer->decision, TD_RESOLVE);
    assert_int_equal(call->answer->n_messages, 2);
    assert_string_equal(call->answer->messages[0]->text, "you said: hello");
    assert_string_equal(call->answer->messages[1]->text, "you said: anyone there?");
    assert_null(call->answer->silent);
}

static void more_messages_than_an_answer_may_have_share_the_last(void **state)
{
    static const char *const letters[12] = { "a", "b", "c", "d", "e", "f",
                                             "g", "h", "i", "j", "k", "l" };
    struct td_message said[12];
    const struct td_message *messages[12];
    const struct td_turn turn = {
        .size = sizeof turn, .id = "01J", .messages = messages, .n_messages = 12,
    };

    (void)state;
    open_with("");
    for (int i = 0; i < 12; i++) {
        said[i] = (struct td_message){ .size = sizeof said[i], .text = letters[i] };
        messages[i] = &said[i];
    }
    fake_ask(f, 1, &turn);
    const struct fake_call *call = fake_next(f, FAKE_ANSWER);

    assert_int_equal(call->answer->n_messages, 10);
    assert_string_equal(call->answer->messages[8]->text, "i");
    assert_string_equal(call->answer->messages[9]->text, "j\nk\nl");
}

static void a_turn_without_messages_is_answered_with_silence(void **state)
{
    const struct fake_call *call;

    (void)state;
    open_with("");
    ask(7, NULL, NULL);
    call = fake_next(f, FAKE_ANSWER);
    assert_int_equal(call->answer->n_messages, 0);
    assert_string_equal(call->answer->silent, "nothing was said");
}

static void an_answer_comes_after_its_delay(void **state)
{
    (void)state;
    open_with("delay = 2s");
    ask(1, "a", NULL);
    fake_advance(f, 1000);
    ask(2, "b", NULL);
    fake_advance(f, 999);
    assert_int_equal(fake_waiting(f, FAKE_ANSWER), 0);
    fake_advance(f, 1);
    assert_int_equal(fake_next(f, FAKE_ANSWER)->id, 1);
    assert_int_equal(fake_waiting(f, FAKE_ANSWER), 0);
    fake_advance(f, 1000);
    assert_int_equal(fake_next(f, FAKE_ANSWER)->id, 2);
}

static void a_cancelled_turn_is_not_answered(void **state)
{
    (void)state;
    open_with("delay = 2s");
    ask(1, "a", NULL);
    ask(2, "b", NULL);
    ask(3, "c", NULL);
    fake_cancel(f, 2);
    fake_advance(f, 5000);
    assert_int_equal(fake_next(f, FAKE_ANSWER)->id, 1);
    assert_int_equal(fake_next(f, FAKE_ANSWER)->id, 3);
    assert_null(fake_next(f, FAKE_ANSWER));
}

static void closing_with_turns_under_way_leaves_no_timer(void **state)
{
    (void)state;
    open_with("delay = 2s");
    ask(1, "a", NULL);
    ask(2, "b", NULL);
}

int main(void)
{
#define T(name_) cmocka_unit_test_teardown(name_, tear_down)
    const struct CMUnitTest tests[] = {
        T(every_message_is_answered_with_its_text),
        T(more_messages_than_an_answer_may_have_share_the_last),
        T(a_turn_without_messages_is_answered_with_silence),
        T(an_answer_comes_after_its_delay),
        T(a_cancelled_turn_is_not_answered),
        T(closing_with_turns_under_way_leaves_no_timer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
