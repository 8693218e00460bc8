/* test_control.c - engine/decide_control.c, decide_desk.c: what humans may do, and what agents ask
 * for. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "engine/hours.h"
#include "tests/check.h"
#include "tests/same.h"
#include "tests/unit/engine_rig.h"

static enum control_outcome by_id(struct rig *rig, enum control_op op, const char *human,
                                  const char *id)
{
    return rig_control(rig, (struct event_control){ .op = op, .human = human, .id = id,
                                                    .handoff = rig->session.handoff.id });
}

static enum control_outcome take(struct rig *rig, const char *human)
{
    return rig_control(rig, (struct event_control){ .op = CONTROL_TAKE, .human = human,
                                                    .desk = "web" });
}

static void a_second_acceptance_hears_who_has_it(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "bo"), CONTROL_TAKEN);
    assert_string_equal(rig->step.holder, "Mia");
    assert_int_equal(rig->step.n_records, 0);
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "mia"), CONTROL_DONE);
    assert_int_equal(rig->step.n_records, 0);
    rig_free(&rig);
}

static void the_same_operation_again_does_nothing_and_says_how_it_ended(void **state)
{
    const struct td_message message = { .size = sizeof message, .text = "hello" };
    struct rig *rig = rig_desks();
    struct session restored;
    uint64_t seq;

    (void)state;
    rig_live(rig);
    struct event_control say = { .op = CONTROL_SAY, .human = "mia", .id = "k1",
                                 .handoff = rig->session.handoff.id, .message = &message };
    assert_int_equal(rig_control(rig, say), CONTROL_DONE);
    seq = rig->step.message_seq;
    assert_int_equal(rig_control(rig, say), CONTROL_AGAIN);
    assert_int_equal(rig->step.first, CONTROL_DONE);
    assert_int_equal(rig->step.message_seq, seq);
    assert_int_equal(rig_told(rig, "hello"), 1);
    rig_restore(rig, &restored);
    assert_non_null(session_control(&restored, "k1"));
    assert_true(session_same(&restored, &rig->session));
    session_fini(&restored);
    assert_int_equal(by_id(rig, CONTROL_RETURN, "mia", "k2"), CONTROL_DONE);
    assert_int_equal(by_id(rig, CONTROL_RETURN, "mia", "k2"), CONTROL_AGAIN);
    assert_int_equal(by_id(rig, CONTROL_RETURN, "mia", "k3"), CONTROL_OVER);
    rig_free(&rig);
}

static void the_newest_32_operations_are_remembered(void **state)
{
    struct rig *rig = rig_desks();
    char id[16];

    (void)state;
    rig_live(rig);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "k%d", i);
        assert_int_equal(by_id(rig, CONTROL_EXTEND, "mia", id), CONTROL_DONE);
    }
    assert_int_equal(by_id(rig, CONTROL_EXTEND, "mia", "k8"), CONTROL_AGAIN);
    assert_int_equal(by_id(rig, CONTROL_EXTEND, "mia", "k7"), CONTROL_DONE);
    rig_free(&rig);
}

static void only_the_holder_speaks_and_only_in_this_handoff(void **state)
{
    const struct td_message message = { .size = sizeof message, .text = "hi" };
    struct rig *rig = rig_desks();
    struct ulid old;

    (void)state;
    rig_escalate(rig);
    old = rig->session.handoff.id;
    assert_int_equal(rig_human_says(rig, "mia", "hi"), CONTROL_NOT_YOURS);
    rig_by(rig, CONTROL_ACCEPT, "mia");
    assert_int_equal(rig_human_says(rig, "bo", "hi"), CONTROL_NOT_YOURS);
    assert_int_equal(rig_human_says(rig, "mia", "\xff"), CONTROL_BAD);
    assert_int_equal(rig_human_says(rig, "mia", "hi"), CONTROL_DONE);
    assert_int_equal(rig_record(rig, RECORD_REPLY)->author, TD_HUMAN);
    assert_string_equal(rig_record(rig, RECORD_REPLY)->name, "Mia");
    assert_int_equal(rig->session.handoff.spoke_at, rig->now);
    rig_by(rig, CONTROL_RETURN, "mia");
    assert_int_equal(rig_human_says(rig, "mia", "late"), CONTROL_OVER);
    rig_live(rig);
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_SAY, .handoff = old,
                                                              .human = "mia",
                                                              .message = &message }),
                     CONTROL_OVER);
    rig_free(&rig);
}

static void a_human_may_take_a_session_from_the_agent(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_message(rig, "m1", "hello");
    assert_int_equal(take(rig, "mia"), CONTROL_DONE);
    assert_int_equal(rig->session.owner, TD_OWNER_HUMAN);
    assert_string_equal(rig_record(rig, RECORD_HANDOFF)->code, "human_takeover");
    assert_null(rig_effect(rig, EFFECT_OFFER));
    assert_int_equal(rig_says(rig, "late"), VERDICT_MARK); /* stale */
    assert_int_equal(rig_told(rig, "late"), 0);
    assert_int_equal(rig_told(rig, "live"), 1);
    rig_human_says(rig, "mia", "I do this");
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
}

static void a_human_may_take_what_waits_or_what_another_has(void **state)
{
    struct rig *rig = rig_desks();
    struct ulid offered;

    (void)state;
    rig_escalate(rig);
    offered = rig->session.handoff.id;
    assert_int_equal(take(rig, "mia"), CONTROL_DONE);
    assert_int_equal(ulid_cmp(&rig->session.handoff.id, &offered), 0);
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "bo"), CONTROL_TAKEN);
    assert_int_equal(take(rig, "bo"), CONTROL_DONE);
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_END)->outcome, HANDOFF_TAKEN);
    assert_int_equal(ulid_cmp(&rig->session.handoff.from, &offered), 0);
    assert_string_equal(rig->session.owner_name, "bo");
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_ACCEPT,
                                                              .human = "mia",
                                                              .handoff = offered }),
                     CONTROL_TAKEN);
    assert_string_equal(rig->step.holder, "Bo");
    rig_free(&rig);
}

static void a_take_of_an_old_epoch_finds_somebody_else(void **state)
{
    const struct event_control control = { .op = CONTROL_TAKE, .human = "bo", .desk = "web" };
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_CONTROL, .control = &control,
                                                 .epoch = 1 }), VERDICT_OK);
    assert_int_equal(rig->step.outcome, CONTROL_TAKEN);
    rig_free(&rig);
}

static void a_transfer_ends_one_handoff_and_begins_the_next(void **state)
{
    struct rig *rig = rig_desks();
    struct ulid first;

    (void)state;
    rig_live(rig);
    first = rig->session.handoff.id;
    assert_int_equal(rig_control(rig, (struct event_control){
        .op = CONTROL_TRANSFER, .human = "mia", .handoff = first, .queue = "second" }),
        CONTROL_DONE);
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_END)->outcome, HANDOFF_TRANSFERRED);
    assert_int_equal(ulid_cmp(&rig_record(rig, RECORD_HANDOFF)->from, &first), 0);
    assert_string_equal(rig_effect(rig, EFFECT_OFFER)->desk, "far");
    assert_int_equal(rig->session.owner, TD_OWNER_NONE);
    rig_free(&rig);
}

static void a_transfer_to_a_human_is_for_that_human_first(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    struct event_control transfer = { .op = CONTROL_TRANSFER, .human = "mia",
                                      .handoff = rig->session.handoff.id, .to_human = "nobody" };
    assert_int_equal(rig_control(rig, transfer), CONTROL_BAD);
    transfer.to_human = "bo";
    assert_int_equal(rig_control(rig, transfer), CONTROL_DONE);
    assert_string_equal(rig->session.handoff.wanted, "bo");
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "mia"), CONTROL_NOT_YOURS);
    rig_due(rig); /* bo does not answer: anybody */
    assert_null(rig->session.handoff.wanted);
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "mia"), CONTROL_DONE);
    rig_free(&rig);
}

static void nobody_is_transferred_into_a_closed_queue(void **state)
{
    struct rig *rig = rig_desks();
    struct err err;

    (void)state;
    rig->hours = hours_parse("Mon-Fri 09:00-17:00", NULL, NULL, &err);
    rig->queues[1].hours = rig->hours;
    rig_live(rig);
    assert_int_equal(rig_control(rig, (struct event_control){
        .op = CONTROL_TRANSFER, .human = "mia", .handoff = rig->session.handoff.id,
        .queue = "second" }), CONTROL_FULL);
    assert_int_equal(rig->session.owner, TD_OWNER_HUMAN);
    rig_free(&rig);
}

static void a_return_tells_the_agent_what_the_human_did(void **state)
{
    struct rig *rig = rig_desks();
    const struct td_turn *turn;

    (void)state;
    rig->channel.announce_return = 1;
    rig_live(rig);
    rig_human_says(rig, "mia", "done");
    rig->now += 5000;
    assert_int_equal(rig_control(rig, (struct event_control){
        .op = CONTROL_RETURN, .human = "mia", .handoff = rig->session.handoff.id,
        .text = "refunded 20", .wrapup = "{\"outcome\":\"resolved\"}" }), CONTROL_DONE);
    assert_string_equal(rig_record(rig, RECORD_STRETCH)->body.wrapup, "{\"outcome\":\"resolved\"}");
    assert_int_equal(rig_told(rig, "returned"), 1);
    turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->cause, TD_BY_RETURN);
    assert_string_equal(turn->stretch->summary, "refunded 20");
    assert_string_equal(turn->stretch->by, "Mia");
    assert_int_equal(turn->stretch->ended_at_ms, turn->stretch->started_at_ms + 5000);
    rig_says(rig, "Anything else?");
    rig_message(rig, "m2", "no");
    assert_null(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->stretch);
    rig_free(&rig);
}

static void what_no_human_answered_is_the_agents_after_a_return(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    rig_message(rig, "m2", "answered by mia");
    rig_human_says(rig, "mia", "yes");
    rig_message(rig, "m3", "not answered");
    rig_by(rig, CONTROL_RETURN, "mia");
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    const struct td_turn *turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->n_messages, 1);
    assert_string_equal(turn->messages[0]->text, "not answered");
    rig_free(&rig);
}

static void a_return_is_refused_when_no_agent_can_answer(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    rig->policy.n_agents = 0;
    rig->channel.agent = NULL;
    assert_int_equal(rig_by(rig, CONTROL_RETURN, "mia"), CONTROL_NO_AGENT);
    assert_int_equal(rig->session.owner, TD_OWNER_HUMAN);
    rig_free(&rig);
}

static void a_close_ends_the_talk_and_it_reopens_with_the_agent(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    assert_int_equal(rig_by(rig, CONTROL_CLOSE, "mia"), CONTROL_DONE);
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_END)->outcome, HANDOFF_CLOSED);
    assert_int_equal(rig->session.phase, SESSION_CLOSED);
    assert_int_equal(rig_told(rig, "closed_by_human"), 1);
    assert_int_equal(take(rig, "bo"), CONTROL_OVER);
    rig_message(rig, "m2", "one more thing");
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    rig_free(&rig);
}

static void one_human_declines_for_nobody_else_a_foreign_desk_for_all(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->queues[0].overflow = &rig->queues[1];
    rig_escalate(rig);
    assert_int_equal(rig_by(rig, CONTROL_DECLINE, "mia"), CONTROL_DONE);
    assert_string_equal(rig->session.handoff.desk, "web");
    assert_int_equal(rig_by(rig, CONTROL_DECLINE, NULL), CONTROL_DONE);
    assert_string_equal(rig->session.handoff.desk, "far");
    assert_int_equal(rig_control(rig, (struct event_control){
        .op = CONTROL_DECLINE, .human = "their nina", .desk = "far",
        .handoff = rig->session.handoff.id, .text = "not ours" }), CONTROL_DONE);
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_END)->outcome, HANDOFF_DECLINED);
    assert_string_equal(rig_record(rig, RECORD_HANDOFF_END)->detail, "not ours");
    rig_free(&rig);
}

static void who_declined_is_known_after_a_restart_until_another_queue_has_it(void **state)
{
    struct rig *rig = rig_desks();
    struct session restored;

    (void)state;
    rig->queues[0].overflow = &rig->queues[1];
    rig_escalate(rig);
    assert_int_equal(rig_by(rig, CONTROL_DECLINE, "mia"), CONTROL_DONE);
    assert_string_equal(rig_record(rig, RECORD_DECLINED)->name, "mia");
    assert_int_equal(rig_by(rig, CONTROL_DECLINE, "mia"), CONTROL_DONE);
    assert_int_equal(rig_by(rig, CONTROL_DECLINE, "stranger"), CONTROL_DONE);
    assert_string_equal(rig->session.handoff.declined, "mia");
    rig_restore(rig, &restored);
    assert_true(session_same(&restored, &rig->session));
    session_fini(&restored);
    rig_fold(rig, &restored);
    assert_string_equal(restored.handoff.declined, "mia");
    session_fini(&restored);
    assert_int_equal(rig_control(rig, (struct event_control){
        .op = CONTROL_DECLINE, .human = "bo", .desk = "web", .last = 1,
        .handoff = rig->session.handoff.id }), CONTROL_DONE);
    assert_string_equal(rig->session.handoff.desk, "far");
    assert_null(rig->session.handoff.declined);
    rig_free(&rig);
}

static void an_operator_may_ask_for_a_human(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_message(rig, "m1", "hello");
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_REQUEST,
                                                              .queue = "nowhere" }), CONTROL_BAD);
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_REQUEST,
                                                              .queue = "second" }), CONTROL_DONE);
    assert_string_equal(rig->session.handoff.desk, "far");
    assert_int_equal(rig_says(rig, "late"), VERDICT_MARK);
    rig->policy.n_queues = 0;
    rig_due(rig);
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_REQUEST }),
                     CONTROL_NOT_FOUND);
    rig_free(&rig);
}

static void a_human_who_vanishes_leaves_the_customer_to_the_next(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    rig_message(rig, "m2", "are you there?");
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_GONE, .human = "bo" }),
                     CONTROL_OVER);
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_GONE, .human = "mia" }),
                     CONTROL_DONE);
    assert_int_equal(rig_told(rig, "requeued"), 1);
    assert_int_equal(rig_effect(rig, EFFECT_RELAY)->delta, 1); /* mia did not get it */
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "bo"), CONTROL_DONE);
    assert_int_equal(rig_told(rig, "live"), 2);
    rig_free(&rig);
}

static void notes_tags_and_reviews_are_kept_also_when_it_is_over(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    struct event_control c = { .op = CONTROL_NOTE, .human = "mia", .text = "angry",
                               .handoff = rig->session.handoff.id };
    assert_int_equal(rig_control(rig, c), CONTROL_DONE);
    assert_int_equal(rig_effects(rig, EFFECT_SEND), 0);
    rig_by(rig, CONTROL_CLOSE, "mia");
    c.op = CONTROL_TAG;
    c.text = "[\"refund\"]";
    assert_int_equal(rig_control(rig, c), CONTROL_DONE);
    assert_string_equal(rig->session.tags, "[\"refund\"]");
    c.op = CONTROL_REVIEW;
    c.on = 6;
    assert_int_equal(rig_control(rig, c), CONTROL_BAD);
    c.on = 4;
    assert_int_equal(rig_control(rig, c), CONTROL_DONE);
    assert_int_equal(rig_record(rig, RECORD_REVIEW)->score, 4);
    rig_free(&rig);
}

static void typing_is_shown_both_ways_and_never_written_down(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    assert_int_equal(rig_control(rig, (struct event_control){
        .op = CONTROL_TYPING, .human = "mia", .on = 1, .handoff = rig->session.handoff.id }),
        CONTROL_DONE);
    assert_int_equal(rig_effect(rig, EFFECT_EVENT)->event, TD_EV_TYPING);
    rig_do(rig, (struct event){ .type = EVENT_TYPING, .on = 1 });
    assert_int_equal(rig_effect(rig, EFFECT_DESK_EVENT)->desk_event, TD_DESK_TYPING);
    assert_int_equal(rig->step.n_records, 0);
    rig_free(&rig);
}

/* ---- Calls --------------------------------------------------------------------------------- */

static enum verdict calls(struct rig *rig)
{
    static const struct td_call call = { .size = sizeof call, .call = "c1", .name = "refund",
                                         .arguments = "{\"order\":7}" };
    static const struct td_call *const list[] = { &call };

    return rig_answer(rig, &(struct td_answer){ .calls = list, .n_calls = 1, .confidence = -1,
                                                .grounded = -1 });
}

static void a_call_of_an_unknown_action_fails_and_the_agent_hears_so(void **state)
{
    struct rig *rig = rig_desks();
    const struct td_turn *turn;

    (void)state;
    rig_message(rig, "m1", "refund me");
    assert_int_equal(calls(rig), VERDICT_OK);
    assert_string_equal(rig_record(rig, RECORD_RESULT)->category, "unknown_action");
    turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->cause, TD_BY_ACTION);
    assert_int_equal(turn->n_results, 1);
    assert_string_equal(turn->results[0]->failed, "unknown_action");
    assert_null(turn->results[0]->receipt);
    rig_says(rig, "I cannot do that.");
    assert_int_equal(rig->session.n_results, 0);
    rig_free(&rig);
}

static void an_agent_that_only_calls_ends_in_the_truth(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->agents[0].next = NULL;
    rig_message(rig, "m1", "refund me");
    for (int i = 0; i < 4; i++)
        calls(rig);
    assert_string_equal(rig_last_text(rig), "unavailable");
    assert_false(rig->session.turn.active);
    rig_free(&rig);
}

static void claims_and_events_of_calls_are_written_down(void **state)
{
    static const char *const claims[] = { "refund", "mail" };
    const struct td_message message = { .size = sizeof message, .text = "done" };
    const struct td_message *const list[] = { &message };
    const struct event_call call = { .type = TD_EV_HUNG_UP, .code = 486, .text = "busy" };
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "refund me");
    rig_answer(rig, &(struct td_answer){ .claims = claims, .n_claims = 2, .confidence = -1,
                                         .grounded = -1, .messages = list, .n_messages = 1 });
    assert_string_equal(rig_record(rig, RECORD_TURN_END)->body.claims, "[\"refund\",\"mail\"]");
    rig_do(rig, (struct event){ .type = EVENT_CALL, .call = &call });
    assert_string_equal(rig_record(rig, RECORD_CALL)->name, "hung_up");
    assert_int_equal(rig_record(rig, RECORD_CALL)->number, 486);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_acceptance_hears_who_has_it),
        cmocka_unit_test(the_same_operation_again_does_nothing_and_says_how_it_ended),
        cmocka_unit_test(the_newest_32_operations_are_remembered),
        cmocka_unit_test(only_the_holder_speaks_and_only_in_this_handoff),
        cmocka_unit_test(a_human_may_take_a_session_from_the_agent),
        cmocka_unit_test(a_human_may_take_what_waits_or_what_another_has),
        cmocka_unit_test(a_take_of_an_old_epoch_finds_somebody_else),
        cmocka_unit_test(a_transfer_ends_one_handoff_and_begins_the_next),
        cmocka_unit_test(a_transfer_to_a_human_is_for_that_human_first),
        cmocka_unit_test(nobody_is_transferred_into_a_closed_queue),
        cmocka_unit_test(a_return_tells_the_agent_what_the_human_did),
        cmocka_unit_test(what_no_human_answered_is_the_agents_after_a_return),
        cmocka_unit_test(a_return_is_refused_when_no_agent_can_answer),
        cmocka_unit_test(a_close_ends_the_talk_and_it_reopens_with_the_agent),
        cmocka_unit_test(one_human_declines_for_nobody_else_a_foreign_desk_for_all),
        cmocka_unit_test(who_declined_is_known_after_a_restart_until_another_queue_has_it),
        cmocka_unit_test(an_operator_may_ask_for_a_human),
        cmocka_unit_test(a_human_who_vanishes_leaves_the_customer_to_the_next),
        cmocka_unit_test(notes_tags_and_reviews_are_kept_also_when_it_is_over),
        cmocka_unit_test(typing_is_shown_both_ways_and_never_written_down),
        cmocka_unit_test(a_call_of_an_unknown_action_fails_and_the_agent_hears_so),
        cmocka_unit_test(an_agent_that_only_calls_ends_in_the_truth),
        cmocka_unit_test(claims_and_events_of_calls_are_written_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
