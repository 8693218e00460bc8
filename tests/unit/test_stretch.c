/* test_stretch.c - engine: humans who answer by another client, and who comes back to whom. */
#include "config.h"

#include <string.h>

#include "tests/check.h"
#include "tests/unit/engine_rig.h"

#define HOLD 1800000

static struct rig *rig;

static int set_up(void **state)
{
    (void)state;
    rig = rig_desks();
    rig->channel.native_ms = HOLD;
    rig->channel.replays = 0;
    rig->channel.reopen_human = 1;
    rig->channel.reopen_ms = 3600000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static enum control_outcome native(const char *id, const char *text)
{
    const struct td_message message = { .size = sizeof message, .id = id, .text = text,
                                        .author = TD_HUMAN };
    const struct event_control control = { .op = CONTROL_NATIVE, .message = &message,
                                           .title = "Ole" };

    rig_do(rig, (struct event){ .type = EVENT_CONTROL, .control = &control });
    return rig->step.outcome;
}

static void who_answers_by_another_client_has_the_session(void **state)
{
    (void)state;
    rig_message(rig, "m1", "hello");
    assert_int_equal(native("n1", "I am on it"), CONTROL_DONE);
    assert_int_equal(rig_effects(rig, EFFECT_SEND), 0); /* the customer has it */
    assert_int_equal(rig->session.owner, TD_OWNER_HUMAN);
    assert_string_equal(rig_last_text(rig), "I am on it");
    assert_int_equal(session_unsent(&rig->session), 0);
    rig_message(rig, "m2", "thanks");
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 0);
    assert_int_equal(rig_effects(rig, EFFECT_RELAY), 0);
}

static void the_answer_that_was_under_way_reaches_nobody(void **state)
{
    (void)state;
    rig_message(rig, "m1", "hello");
    const struct session_turn turn = rig->session.turn;
    const struct td_message late = { .size = sizeof late, .text = "too late" };
    const struct td_message *const list[] = { &late };
    const struct td_answer answer = { .messages = list, .n_messages = 1, .confidence = -1 };
    native("n1", "I am on it");
    rig_do(rig, (struct event){ .type = EVENT_ANSWER, .turn = turn.id, .epoch = 1,
                                .attempt = turn.attempt, .answer = &answer });
    assert_int_equal(rig_effects(rig, EFFECT_SEND), 0);
    assert_int_equal(rig_effects(rig, EFFECT_STALE), 1);
}

static void what_comes_too_late_is_counted_by_its_kind(void **state)
{
    static const struct td_choice yes = { .size = sizeof yes, .title = "Yes", .value = "y" };
    static const struct td_choice *const choices[] = { &yes };
    const struct td_message late = { .size = sizeof late, .text = "too late", .choices = choices,
                                     .n_choices = 1 };
    const struct td_message *const list[] = { &late };
    const struct td_call call = { .size = sizeof call, .call = "k", .name = "refund" };
    const struct td_call *const calls[] = { &call };
    const struct td_answer answer = { .messages = list, .n_messages = 1, .calls = calls,
                                      .n_calls = 1, .confidence = -1 };

    (void)state;
    rig_message(rig, "m1", "hello");
    const struct session_turn turn = rig->session.turn;
    native("n1", "I am on it");
    rig_do(rig, (struct event){ .type = EVENT_ANSWER, .turn = turn.id, .epoch = 1,
                                .attempt = turn.attempt, .answer = &answer });
    assert_int_equal(rig_effects(rig, EFFECT_STALE), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(rig->step.effects[i].text,
                            ((const char *[]){ "choices", "action", "text" })[i]);
    assert_int_equal(rig_records(rig, RECORD_RESULT), 0); /* nothing is run */
}

static void what_we_have_sent_ourselves_is_nobody_s_answer(void **state)
{
    (void)state;
    rig_message(rig, "m1", "hello");
    rig_says(rig, "an answer");
    assert_int_equal(native("p7", "an answer"), CONTROL_DONE);
    assert_int_equal(rig->step.n_records, 0);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
}

static void after_the_silence_the_agent_goes_on_and_knows(void **state)
{
    (void)state;
    rig_message(rig, "m1", "hello");
    native("n1", "I am on it");
    rig_message(rig, "m2", "and the price?");
    rig->now += 60000;
    native("n2", "40");
    rig_message(rig, "m3", "in euros?");
    assert_int_equal(rig_due(rig), VERDICT_OK);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 1); /* about m3 */
    assert_true(rig->session.stretch.fresh);
    assert_string_equal(rig->session.stretch.by, "Ole");
    assert_int_equal(rig_told(rig, "ai_back"), 1);
    assert_int_equal(rig_told(rig, "returned"), 0); /* Ole never said so */
    assert_int_equal(rig_told(rig, "live"), 0); /* nobody needed to be told */
}

static void it_takes_the_customer_out_of_the_line_and_off_no_human_at_a_desk(void **state)
{
    (void)state;
    rig_message(rig, "m1", "hello");
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig_message(rig, "m2", "hello?");
    assert_int_equal(native("n1", "here I am"), CONTROL_DONE);
    assert_string_equal(rig_effect(rig, EFFECT_RELEASE)->text, "taken");
    assert_int_equal(session_unrelayed(&rig->session), 0);
    rig_free(&rig);
    rig = rig_desks();
    rig->channel.replays = 0;
    rig_live(rig);
    native("n2", "me too");
    assert_string_equal(rig->session.handoff.human, "mia");
    assert_int_equal(rig_effects(rig, EFFECT_SEND), 0);
}

static void whom_a_human_has_closed_comes_back_to_them_while_they_are_there(void **state)
{
    const struct td_message message = { .size = sizeof message, .id = "m9", .text = "still here" };
    struct event event = { .type = EVENT_MESSAGE, .message = &message, .human_free = 1,
                           .from = { .channel = "web", .peer = "p1" } };

    (void)state;
    rig_free(&rig);
    rig = rig_desks();
    rig_live(rig);
    rig->channel.reopen_human = 1;
    rig->channel.reopen_ms = 3600000;
    assert_int_equal(rig_by(rig, CONTROL_CLOSE, "mia"), CONTROL_DONE);
    rig->now += 60000;
    assert_int_equal(rig_do(rig, event), VERDICT_OK);
    assert_int_equal(rig->session.owner, TD_OWNER_HUMAN);
    assert_string_equal(rig->session.handoff.human, "mia");
    assert_int_equal(rig_effects(rig, EFFECT_OFFER), 1);
    assert_int_equal(rig_effects(rig, EFFECT_RELAY), 1);
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 0);
    assert_int_equal(rig_told(rig, "live"), 2);
    assert_int_equal(rig_human_says(rig, "mia", "yes?"), CONTROL_DONE);

    /* Not there any more: the agent. Too long ago: another session. */
    assert_int_equal(rig_by(rig, CONTROL_CLOSE, "mia"), CONTROL_DONE);
    event.human_free = 0;
    rig_message(rig, "m10", "once more");
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 1);
    rig_event(rig, EVENT_CLOSE);
    rig->now += 7200000;
    assert_int_equal(rig_do(rig, event), VERDICT_CLOSED);
}

static void whom_the_agent_had_last_comes_back_to_the_agent(void **state)
{
    const struct td_message message = { .size = sizeof message, .id = "m9", .text = "still here" };

    (void)state;
    rig_free(&rig);
    rig = rig_desks();
    rig_live(rig);
    rig->channel.reopen_human = 1;
    rig_by(rig, CONTROL_RETURN, "mia");
    rig->now += 60000;
    rig_event(rig, EVENT_CLOSE);
    rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &message, .human_free = 1,
                                .from = { .channel = "web" } });
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
}

static void who_takes_over_unasked_has_a_lease_as_well(void **state)
{
    (void)state;
    rig_message(rig, "m1", "hello");
    rig_says(rig, "an answer");
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_TAKE, .human = "mia",
                                                              .desk = "web" }), CONTROL_DONE);
    assert_string_equal(rig->session.handoff.queue, "first");
    rig_due(rig); /* the desk is warned */
    assert_int_equal(rig_due(rig), VERDICT_OK);
    assert_int_equal(rig_told(rig, "requeued"), 1);
}

static void an_operator_s_pass_is_done_once_for_its_id(void **state)
{
    const struct event_control pass = { .op = CONTROL_PASS, .id = "p1", .agent = "three" };

    (void)state;
    rig_message(rig, "m1", "hello");
    assert_int_equal(rig_control(rig, pass), CONTROL_DONE);
    assert_string_equal(rig->session.owner_name, "three");
    rig_control(rig, (struct event_control){ .op = CONTROL_PASS, .id = "p2", .agent = "one" });
    assert_int_equal(rig_control(rig, pass), CONTROL_AGAIN);
    assert_string_equal(rig->session.owner_name, "one");
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_PASS,
                                                              .agent = "nobody" }),
                     CONTROL_NOT_FOUND);
    assert_string_equal(rig->step.reason, "there is no such agent");
}

static void a_desk_that_names_nobody_means_who_has_it(void **state)
{
    const struct td_message message = { .size = sizeof message, .text = "hi" };
    struct event_control say = { .op = CONTROL_SAY, .desk = "web", .message = &message };

    (void)state;
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    say.handoff = rig->session.handoff.id;
    assert_int_equal(rig_control(rig, say), CONTROL_NOT_YOURS); /* nobody has */
    rig_by(rig, CONTROL_ACCEPT, "mia");
    assert_int_equal(rig_control(rig, say), CONTROL_DONE);
    assert_string_equal(rig_record(rig, RECORD_REPLY)->name, "Mia");
    say.desk = "another";
    assert_int_equal(rig_control(rig, say), CONTROL_NOT_YOURS);
}

static void who_leaves_a_human_does_not_hear_that_the_human_has_finished(void **state)
{
    (void)state;
    rig_live(rig);
    rig_event(rig, EVENT_LEAVE);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    assert_int_equal(rig_told(rig, "ai_back"), 1);
    assert_int_equal(rig_told(rig, "returned"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_answers_by_another_client_has_the_session),
        T(the_answer_that_was_under_way_reaches_nobody),
        T(what_comes_too_late_is_counted_by_its_kind),
        T(what_we_have_sent_ourselves_is_nobody_s_answer),
        T(after_the_silence_the_agent_goes_on_and_knows),
        T(it_takes_the_customer_out_of_the_line_and_off_no_human_at_a_desk),
        T(whom_a_human_has_closed_comes_back_to_them_while_they_are_there),
        T(whom_the_agent_had_last_comes_back_to_the_agent),
        T(an_operator_s_pass_is_done_once_for_its_id),
        T(who_takes_over_unasked_has_a_lease_as_well),
        T(a_desk_that_names_nobody_means_who_has_it),
        T(who_leaves_a_human_does_not_hear_that_the_human_has_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
