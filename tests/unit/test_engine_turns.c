/* test_engine_turns.c - engine/decide_turn.c: answers good and bad, chains, passes. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"
#include "tests/unit/engine_rig.h"

static const struct td_message hello = { .text = "hello" };
static const struct td_message *const one_hello[] = { &hello };

static void the_next_of_the_chain_is_asked_with_the_same_messages(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    struct ulid first = rig->session.turn.id;
    assert_int_equal(rig_status(rig, TD_FAIL, "down"), VERDICT_OK);
    assert_string_equal(rig_record(rig, RECORD_TURN_END)->detail, "down");
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "two");
    assert_int_not_equal(ulid_cmp(&first, &rig->session.turn.id), 0);
    assert_int_equal(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->n_messages, 1);
    rig_status(rig, TD_FAIL, NULL);
    assert_string_equal(rig_record(rig, RECORD_TURN_END)->code, "agent_unavailable");
    assert_string_equal(rig_last_text(rig), "unavailable");
    assert_int_equal(rig->session.messages[1].author, TD_SYSTEM);
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
}

static void what_came_while_the_chain_failed_is_asked_about_next(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "one");
    rig_status(rig, TD_FAIL, "down");
    rig_message(rig, "m2", "two");
    rig_status(rig, TD_FAIL, "down");
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "one");
    assert_int_equal(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->n_messages, 1);
    rig_free(&rig);
}

static void retry_is_asked_again_after_a_growing_pause(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    struct ulid turn = rig->session.turn.id;
    rig->random = 500; /* of the jitter: the most */
    assert_int_equal(rig_status(rig, TD_RETRY, "busy"), VERDICT_OK);
    assert_int_equal(rig_record(rig, RECORD_RETRY)->due, rig->now + 1000);
    assert_int_equal(rig->step.n_effects, 0);
    assert_int_equal(rig_says(rig, "twice"), VERDICT_MARK); /* it has answered already */
    assert_int_equal(rig_due(rig), VERDICT_OK);
    assert_int_equal(ulid_cmp(&rig_effect(rig, EFFECT_ASK)->turn, &turn), 0);
    assert_int_equal(rig->session.turn.attempt, 2);
    rig->random = 0;
    rig_status(rig, TD_RETRY, "busy");
    assert_int_equal(rig_record(rig, RECORD_RETRY)->due, rig->now + 1000); /* half of 2 s */
    rig_due(rig);
    rig_status(rig, TD_RETRY, "busy");
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "two"); /* the third was the last */
    rig_free(&rig);
}

static void retry_after_counts_within_the_deadline_only(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    rig_answer(rig, &(struct td_answer){ .status = TD_RETRY, .retry_after_ms = 20000 });
    assert_int_equal(rig_record(rig, RECORD_RETRY)->due, rig->now + 20000);
    int64_t deadline = rig->session.turn.deadline;
    rig_due(rig);
    assert_int_equal(rig->session.turn.deadline, deadline);
    rig_answer(rig, &(struct td_answer){ .status = TD_RETRY, .retry_after_ms = 10000 });
    assert_int_equal(rig_records(rig, RECORD_RETRY), 0);
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "two");
    rig_free(&rig);
}

static void an_agent_that_does_not_answer_loses_its_turn(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    struct ulid turn = rig->session.turn.id;
    assert_int_equal(rig_event(rig, EVENT_TIMER), VERDICT_NOTHING);
    assert_int_equal(rig_due(rig), VERDICT_OK);
    assert_int_equal(rig->now, RIG_NOW + 30000);
    assert_int_equal(ulid_cmp(&rig_effect(rig, EFFECT_CANCEL)->turn, &turn), 0);
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "two");
    rig_due(rig);
    assert_string_equal(rig_last_text(rig), "unavailable");
    rig_free(&rig);
}

static void bad_answers_are_the_agents_failure(void **state)
{
    static char big[70000];
    const struct td_message empty = { .text = "" }, none = { .text = NULL },
                            large = { .text = big }, latin = { .text = "caf\xe9" };
    const struct td_choice no_title = { .value = "v" };
    const struct td_choice *const no_titles[] = { &no_title };
    const struct td_message choiceless = { .choices = no_titles, .n_choices = 1 };
    const struct td_message crowded = { .text = "x", .choices = no_titles, .n_choices = 51 };
    const struct td_message *const list[][1] = { { &empty }, { &none },       { &large },
                                                 { &latin }, { &choiceless }, { &crowded } };
    const struct td_message *many[ENGINE_MAX_REPLIES + 1];
    struct td_answer bad[20] = {
        { .messages = list[0], .n_messages = 1 },
        { .messages = list[1], .n_messages = 1 },
        { .messages = list[2], .n_messages = 1 },
        { .messages = list[3], .n_messages = 1 },
        { .messages = list[4], .n_messages = 1 },
        { .messages = list[5], .n_messages = 1 },
        { .messages = many, .n_messages = ENGINE_MAX_REPLIES + 1 },
        { .messages = one_hello, .n_messages = 1, .state = big },
        { .messages = one_hello, .n_messages = 1, .state = "\xff" },
        { .messages = one_hello, .n_messages = 1, .intent = "\xff" },
        { .messages = one_hello, .n_messages = 1, .intent = big },
        { .messages = one_hello, .n_messages = 1, .summary = big },
        { .messages = one_hello, .n_messages = 1, .pass = "nobody" },
        { .messages = one_hello, .n_messages = 1, .decision = (enum td_decision)77 },
        { .pass = "one" },
        { .n_messages = 0 },
    };

    (void)state;
    memset(big, 'x', sizeof big - 1);
    for (size_t i = 0; i < ENGINE_MAX_REPLIES + 1; i++)
        many[i] = &hello;
    for (size_t i = 0; i < 16; i++) {
        struct rig *rig = rig_new();
        rig_message(rig, "m1", "hi");
        assert_int_equal(rig_answer(rig, &bad[i]), VERDICT_OK);
        if (rig_records(rig, RECORD_REPLY) != 0 || rig_effect(rig, EFFECT_ASK) == NULL)
            fail_msg("bad answer %zu was taken", i);
        assert_int_equal(rig_record(rig, RECORD_TURN_END)->outcome, TURN_FAILED);
        assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "two");
        rig_free(&rig);
    }
}

static void a_reason_for_silence_is_an_answer(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "thanks");
    rig_answer(rig, &(struct td_answer){ .silent = "nothing to say", .confidence = -1,
                                         .grounded = -1 });
    assert_int_equal(rig_record(rig, RECORD_TURN_END)->outcome, TURN_SILENT);
    assert_int_equal(rig_effects(rig, EFFECT_SEND), 0);
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
}

static void ten_messages_leave_in_order(void **state)
{
    struct rig *rig = rig_new();
    const struct td_message *many[ENGINE_MAX_REPLIES];
    uint64_t last = 0;

    (void)state;
    for (size_t i = 0; i < ENGINE_MAX_REPLIES; i++)
        many[i] = &hello;
    rig_message(rig, "m1", "hi");
    rig_message(rig, "m2", "and");
    rig_answer(rig, &(struct td_answer){ .messages = many, .n_messages = ENGINE_MAX_REPLIES,
                                         .decision = TD_ESCALATE });
    assert_int_equal(rig_effects(rig, EFFECT_SEND), ENGINE_MAX_REPLIES + 1);
    for (size_t i = 0; i < rig->step.n_effects; i++) {
        if (rig->step.effects[i].type != EFFECT_SEND)
            continue;
        assert_true(rig->step.effects[i].of > last);
        last = rig->step.effects[i].of;
    }
    for (size_t i = 0; i < rig->step.n_records; i++)
        for (size_t k = 0; k < i; k++)
            if (!ulid_is_zero(&rig->step.records[i].message_id))
                assert_int_not_equal(ulid_cmp(&rig->step.records[i].message_id,
                                              &rig->step.records[k].message_id), 0);
    rig_free(&rig);
}

static void a_code_that_is_none_is_a_request_of_the_agent(void **state)
{
    const struct td_answer answer = { .decision = TD_ESCALATE, .confidence = -1, .grounded = -1,
                                      .escalate_code = "made_up" };
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "help");
    rig_answer(rig, &answer);
    assert_string_equal(rig_record(rig, RECORD_TURN_END)->code, "agent_requested");
    rig_free(&rig);
}

static void asking_for_a_human_without_a_desk_is_said_openly(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "a human please");
    rig_answer(rig, &(struct td_answer){ .decision = TD_ESCALATE, .confidence = -1 });
    assert_string_equal(rig_record(rig, RECORD_TURN_END)->code, "agent_requested");
    assert_string_equal(rig_last_text(rig), "no human");
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
}

static void passing_without_words_hands_the_question_on(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    rig_answer(rig, &(struct td_answer){ .pass = "three", .confidence = -1 });
    assert_int_equal(rig->session.epoch, 2);
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "three");
    assert_int_equal(rig_effect(rig, EFFECT_EVENT)->event, TD_EV_OWNER);
    assert_int_equal(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->n_messages, 1);
    rig_free(&rig);
}

static void passing_with_words_answers_the_question(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    rig_answer(rig, &(struct td_answer){ .pass = "three", .messages = one_hello, .n_messages = 1 });
    assert_null(rig_effect(rig, EFFECT_ASK));
    assert_string_equal(rig->session.owner_name, "three");
    rig_message(rig, "m2", "and?");
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "three");
    rig_free(&rig);
}

static void a_greeting_that_is_passed_on_greets(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->channel.greet = 1;
    rig_event(rig, EVENT_OPEN);
    rig_answer(rig, &(struct td_answer){ .pass = "three" });
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "three");
    assert_int_equal(rig->session.turn.cause, TD_BY_START);
    rig_free(&rig);
}

static void too_many_passes_are_a_failure(void **state)
{
    struct rig *rig = rig_new();
    const char *const to[] = { "three", "four", "three", "four" };

    (void)state;
    rig_message(rig, "m1", "hi");
    for (int i = 0; i < 3; i++) {
        rig_answer(rig, &(struct td_answer){ .pass = to[i] });
        assert_string_equal(rig->session.owner_name, to[i]);
    }
    rig_answer(rig, &(struct td_answer){ .pass = to[3] });
    assert_string_equal(rig_record(rig, RECORD_TURN_END)->detail,
                        "the session was passed from agent to agent too often");
    assert_string_equal(rig_last_text(rig), "unavailable");
    rig_free(&rig);
}

static void an_operator_passes_the_session_with_its_question(void **state)
{
    struct rig *rig = rig_new();
    const struct event pass = { .type = EVENT_PASS, .name = "four", .text = "operator" };

    (void)state;
    rig_message(rig, "m1", "hi");
    struct ulid turn = rig->session.turn.id;
    assert_int_equal(rig_do(rig, pass), VERDICT_OK);
    assert_int_equal(ulid_cmp(&rig_effect(rig, EFFECT_CANCEL)->turn, &turn), 0);
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "four");
    assert_string_equal(rig_record(rig, RECORD_OWNER)->cause, "operator");
    assert_int_equal(rig_do(rig, pass), VERDICT_NOTHING);

    const struct td_answer late = { .messages = one_hello, .n_messages = 1 };
    rig_do(rig, (struct event){ .type = EVENT_ANSWER, .turn = turn, .epoch = 1, .attempt = 1,
                                .answer = &late });
    assert_int_equal(rig->step.verdict, VERDICT_MARK);
    assert_int_equal(rig_records(rig, RECORD_REPLY), 0);
    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_PASS, .name = "nobody" }),
                     VERDICT_REJECT);
    rig_free(&rig);
}

static void a_late_answer_to_an_older_turn_is_counted_and_dropped(void **state)
{
    struct rig *rig = rig_new();
    const struct td_answer again = { .messages = one_hello, .n_messages = 1 };

    (void)state;
    rig_message(rig, "m1", "hi");
    struct event twice = { .type = EVENT_ANSWER, .turn = rig->session.turn.id, .epoch = 1,
                           .attempt = 1, .answer = &again };
    assert_int_equal(rig_do(rig, twice), VERDICT_OK);
    assert_int_equal(rig_do(rig, twice), VERDICT_MARK);
    assert_int_equal(rig_records(rig, RECORD_STALE), 1);
    assert_string_equal(rig_effect(rig, EFFECT_STALE)->text, "text");
    twice.epoch = 9;
    rig_message(rig, "m2", "more");
    twice.turn = rig->session.turn.id;
    assert_int_equal(rig_do(rig, twice), VERDICT_MARK);
    rig_free(&rig);
}

static void clarifying_questions_use_up_their_budget(void **state)
{
    struct rig *rig = rig_new();
    const struct td_answer ask = { .messages = one_hello, .n_messages = 1, .decision = TD_CLARIFY };
    char id[16];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        snprintf(id, sizeof id, "m%u", i);
        rig_message(rig, id, "hm");
        const struct td_turn *turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
        assert_int_equal(turn->clarify_left, i < 2 ? 2 - i : 0);
        rig_answer(rig, &ask);
    }
    rig_message(rig, "x", "hm");
    rig_says(rig, "done");
    rig_message(rig, "y", "hm");
    assert_int_equal(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->clarify_left,
                     2);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_of_the_chain_is_asked_with_the_same_messages),
        cmocka_unit_test(what_came_while_the_chain_failed_is_asked_about_next),
        cmocka_unit_test(retry_is_asked_again_after_a_growing_pause),
        cmocka_unit_test(retry_after_counts_within_the_deadline_only),
        cmocka_unit_test(an_agent_that_does_not_answer_loses_its_turn),
        cmocka_unit_test(bad_answers_are_the_agents_failure),
        cmocka_unit_test(a_reason_for_silence_is_an_answer),
        cmocka_unit_test(ten_messages_leave_in_order),
        cmocka_unit_test(a_code_that_is_none_is_a_request_of_the_agent),
        cmocka_unit_test(asking_for_a_human_without_a_desk_is_said_openly),
        cmocka_unit_test(passing_without_words_hands_the_question_on),
        cmocka_unit_test(passing_with_words_answers_the_question),
        cmocka_unit_test(a_greeting_that_is_passed_on_greets),
        cmocka_unit_test(too_many_passes_are_a_failure),
        cmocka_unit_test(an_operator_passes_the_session_with_its_question),
        cmocka_unit_test(a_late_answer_to_an_older_turn_is_counted_and_dropped),
        cmocka_unit_test(clarifying_questions_use_up_their_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
