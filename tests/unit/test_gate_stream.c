/* test_gate_stream.c - gate: parts of an answer, shown before it and never after. */
#include "config.h"

#include "tests/unit/test_gate_rig.h"

#include "base/clock.h"

#define STALE "tandem_stale_outputs_total{kind=\"delta\"} "

static char session[27];

/* A customer on the chat has asked, and the agent is thinking: its job. */
static uint64_t asked(void)
{
    rig_attach(1, NULL, 0, 0);
    WAIT(rig_attached_of(1) != NULL);
    memcpy(session, rig_attached_of(1)->session, sizeof session);
    rig_run(20);
    rig->chat.n_events = 0;
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->chat, 1, NULL, session, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    return rig->main.asks[0].job;
}

static const struct rig_event *event(size_t i)
{
    assert_true(i < rig->chat.n_events);
    return &rig->chat.events[i];
}

static void expect(size_t i, uint64_t of, const char *text)
{
    assert_int_equal(event(i)->type, TD_EV_DELTA);
    assert_int_equal(event(i)->seq, 0);
    assert_int_equal(event(i)->of, of);
    assert_string_equal(event(i)->text, text);
    assert_string_equal(event(i)->turn, rig->main.asks[0].turn);
}

static void parts_are_shown_in_order_and_replaced_by_the_message(void **state)
{
    uint64_t job = asked();

    (void)state;
    rig_delta(&rig->main, job, "one ");
    assert_int_equal(rig->chat.n_events, 0); /* no plugin is called from within another */
    WAIT(rig->chat.n_events == 1);
    expect(0, 0, "one ");
    rig_delta(&rig->main, job, "tw");
    rig_delta(&rig->main, job, "");
    rig_delta(&rig->main, job, "o \xc3\xa9 ");
    WAIT(rig->chat.n_events == 2);
    expect(1, 4, "two \xc3\xa9 "); /* both at once */
    rig_delta(&rig->main, job, "three");
    rig_answer(&rig->main, job, "all");
    WAIT(rig->chat.n_sent == 1);
    rig_run(120);
    assert_int_equal(rig->chat.n_events, 2); /* nothing after the message, nothing taken back */
    assert_int_equal(rig_counter(STALE), 0);
    rig_attach(2, session, 0, 0);
    WAIT(rig_attached_of(2) != NULL);
    for (size_t i = 0; i < rig_attached_of(2)->n_replay; i++)
        assert_int_not_equal(rig_attached_of(2)->replay[i].type, TD_EV_DELTA);
}

static void many_parts_leave_together(void **state)
{
    uint64_t job = asked();
    int64_t began = clock_mono_ms();

    (void)state;
    for (int i = 0; i < 200; i++) {
        rig_delta(&rig->main, job, "x");
        rig_run(1);
    }
    assert_in_range(rig->chat.n_events, 2, (clock_mono_ms() - began) / 50 + 1);
}

static void a_part_after_the_answer_is_a_breach_and_is_dropped(void **state)
{
    uint64_t job = asked();

    (void)state;
    rig_answer(&rig->main, job, "all");
    rig_delta(&rig->main, job, "late");
    WAIT(rig->chat.n_sent == 1);
    rig_run(20);
    assert_int_equal(rig->chat.n_events, 0);
    assert_int_equal(rig_counter(STALE), 1);
    assert_int_equal(rig_counter("tandem_plugin_errors_total{instance=\"agent/main\"} "), 1);
}

static void parts_of_a_turn_past_its_deadline_are_dropped(void **state)
{
    uint64_t job;

    (void)state;
    rig->agents[0].deadline_ms = 100;
    job = asked();
    rig_delta(&rig->main, job, "one");
    WAIT(rig->chat.n_events == 1);
    WAIT(rig->chat.n_sent == 1); /* nobody can answer */
    expect(1, 0, "");            /* taken back, before that */
    rig_delta(&rig->main, job, "two");
    rig_run(100);
    assert_int_equal(rig->chat.n_events, 2);
    assert_int_equal(rig_counter(STALE), 1);
}

static void passing_the_session_on_takes_back_what_was_shown(void **state)
{
    uint64_t job = asked();

    (void)state;
    rig->backup.behaviour = DO_NOTHING;
    rig_delta(&rig->main, job, "shown");
    WAIT(rig->chat.n_events == 1);
    rig_delta(&rig->main, job, "not shown");
    rig_pass(session, "backup");
    WAIT(rig->backup.n_asks == 1);
    rig_delta(&rig->main, job, "stale");
    rig_run(100);
    assert_int_equal(rig_counter(STALE), 1);
    for (size_t i = 1; i < rig->chat.n_events; i++)
        if (event(i)->type == TD_EV_DELTA)
            expect(i, 0, "");
    rig_delta(&rig->backup, rig->backup.asks[0].job, "mine");
    WAIT(strcmp(event(rig->chat.n_events - 1)->text, "mine") == 0);
    assert_int_equal(event(rig->chat.n_events - 1)->of, 0);
    assert_string_equal(event(rig->chat.n_events - 1)->turn, rig->backup.asks[0].turn);
}

static void what_was_seen_to_begin_is_not_begun_anew(void **state)
{
    uint64_t job = asked();

    (void)state;
    rig_delta(&rig->main, job, "one");
    WAIT(rig->chat.n_events == 1);
    rig_answer_status(&rig->main, job, TD_RETRY);
    WAIT(rig->chat.n_sent == 1);
    assert_string_equal(rig->chat.sent[0].text, "nobody can answer");
    expect(1, 0, "");
    assert_int_equal(rig->main.n_asks, 1);
}

static void what_nobody_saw_begin_is_asked_again(void **state)
{
    uint64_t job;

    (void)state;
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+4512345678", NULL, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    job = rig->main.asks[0].job;
    rig_delta(&rig->main, job, "one"); /* that channel cannot show it */
    rig_run(60);
    assert_int_equal(rig->sms.n_events, 0);
    assert_int_equal(rig_counter(STALE), 0);
    rig->main.behaviour = DO_OK;
    rig_answer_status(&rig->main, job, TD_RETRY);
    WAIT(rig->sms.n_sent == 1);
    assert_string_equal(rig->sms.sent[0].text, "re: hello");
    assert_int_equal(rig->main.n_asks, 2);
}

static void parts_wait_behind_the_messages_before_them(void **state)
{
    uint64_t job = asked();

    (void)state;
    rig->chat.behaviour = DO_NOTHING;
    rig_answer(&rig->main, job, "first");
    WAIT(rig->chat.n_sent == 1);
    rig_deliver(&rig->chat, 2, NULL, session, "m2", "more");
    WAIT(rig->main.n_asks == 2);
    rig_delta(&rig->main, rig->main.asks[1].job, "second");
    rig_run(120);
    assert_int_equal(rig->chat.n_events, 0);
    rig_sent(&rig->chat, rig->chat.sent[0].job, TD_OK, 0);
    WAIT(rig->chat.n_events == 1);
    assert_string_equal(event(0)->text, "second");
}

static void parts_are_bounded_and_end_with_the_first_that_does_not_fit(void **state)
{
    static char large[262144 + 2];
    uint64_t job = asked();
    uint64_t next = 0;

    (void)state;
    memset(large, 'x', sizeof large - 1);
    rig_delta(&rig->main, job, large);
    rig_delta(&rig->main, job, "small"); /* it would not fit to what went before */
    assert_int_equal(rig_counter(STALE), 2);
    rig_run(20);
    assert_int_equal(rig->chat.n_events, 0);
    rig_answer(&rig->main, job, "all");
    WAIT(rig->chat.n_sent == 1);

    large[262144] = '\0';
    rig_deliver(&rig->chat, 2, NULL, session, "m2", "more");
    WAIT(rig->main.n_asks == 2);
    rig_delta(&rig->main, rig->main.asks[1].job, large);
    rig_delta(&rig->main, rig->main.asks[1].job, "y");
    WAIT(rig->chat.n_events == 16);
    for (size_t i = 0; i < 16; i++, next += 16384)
        assert_int_equal(event(i)->of, next);
    assert_int_equal(rig_counter(STALE), 3);
}

static void what_is_no_text_is_a_breach(void **state)
{
    uint64_t job = asked();

    (void)state;
    rig_delta(&rig->main, job, "\xff");
    rig_delta(&rig->main, job, "fine");
    rig_delta(&rig->main, job + 100, "whose?");
    rig_delta(&rig->backup, job, "not mine");
    rig_run(60);
    assert_int_equal(rig->chat.n_events, 0);
    assert_int_equal(rig_counter(STALE), 4);
}

static void an_agent_that_goes_takes_its_parts_along(void **state)
{
    uint64_t job = asked();

    (void)state;
    rig_delta(&rig->main, job, "one");
    WAIT(rig->chat.n_events == 1);
    gate_instance_close(rig->gate, TD_AGENT, "main");
    WAIT(rig->chat.n_sent == 1);
    expect(1, 0, "");
}

int main(void)
{
#define T(name_) cmocka_unit_test_setup_teardown(name_, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(parts_are_shown_in_order_and_replaced_by_the_message),
        T(many_parts_leave_together),
        T(a_part_after_the_answer_is_a_breach_and_is_dropped),
        T(parts_of_a_turn_past_its_deadline_are_dropped),
        T(passing_the_session_on_takes_back_what_was_shown),
        T(what_was_seen_to_begin_is_not_begun_anew),
        T(what_nobody_saw_begin_is_asked_again),
        T(parts_wait_behind_the_messages_before_them),
        T(parts_are_bounded_and_end_with_the_first_that_does_not_fit),
        T(what_is_no_text_is_a_breach),
        T(an_agent_that_goes_takes_its_parts_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
