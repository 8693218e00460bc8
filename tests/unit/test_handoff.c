/* test_handoff.c - engine/decide_handoff.c, decide_stretch.c: from the agent to a human. */
#include "config.h"

#include <string.h>

#include "engine/hours.h"
#include "engine/package.h"
#include "engine/texts.h"
#include "tests/check.h"
#include "tests/same.h"
#include "tests/unit/engine_rig.h"

static void hours(struct rig *rig, const char *text)
{
    struct err err;

    rig->hours = hours_parse(text, NULL, NULL, &err);
    assert_non_null(rig->hours);
    rig->queues[0].hours = rig->queues[1].hours = rig->hours;
}

static const struct record *outcome(const struct rig *rig)
{
    assert_int_equal(rig_records(rig, RECORD_HANDOFF_END), 1);
    return rig_record(rig, RECORD_HANDOFF_END);
}

static void an_escalation_takes_the_session_from_the_agent_and_asks_a_desk(void **state)
{
    struct rig *rig = rig_desks();
    uint64_t epoch;

    (void)state;
    rig_message(rig, "m1", "help");
    epoch = rig->session.epoch;
    assert_int_equal(rig_escalate(rig), VERDICT_OK);
    assert_int_equal(rig->session.owner, TD_OWNER_NONE);
    assert_int_equal(rig->session.epoch, epoch + 1);
    assert_int_equal(rig->session.handoff.state, HANDOFF_CHECKING);
    assert_string_equal(rig->session.handoff.queue, "first");
    assert_string_equal(rig->session.handoff.agent, "one");
    assert_int_equal(rig_record(rig, RECORD_OWNER)->pending, 1);
    assert_string_equal(rig_record(rig, RECORD_HANDOFF)->code, "agent_requested");
    assert_string_equal(rig_record(rig, RECORD_HANDOFF)->category, "workflow_failure");
    assert_string_equal(rig_effect(rig, EFFECT_OFFER)->desk, "web");
    assert_int_equal(rig_told(rig, "checking"), 0); /* the line answers at once */
    assert_true(engine_busy(&rig->session, &rig->policy));
    rig_free(&rig);
}

static void a_desk_elsewhere_takes_time_and_the_customer_hears_that_once(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->channel.queue = &rig->queues[1];
    rig_escalate(rig);
    assert_int_equal(rig_told(rig, "checking"), 1);
    rig_event(rig, EVENT_RESUME);
    assert_non_null(rig_effect(rig, EFFECT_OFFER));
    assert_int_equal(rig_told(rig, "checking"), 1);
    rig_free(&rig);
}

static void without_a_queue_the_customer_hears_that_there_is_no_human(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "help");
    rig_escalate(rig);
    assert_string_equal(rig_last_text(rig), "no human");
    assert_int_equal(rig->session.handoff.state, HANDOFF_NONE);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    rig_free(&rig);
}

static void a_queued_handoff_says_so_once_and_moves_up_without_records(void **state)
{
    struct rig *rig = rig_desks();
    struct event_offered offered = { .outcome = OFFERED_QUEUED, .position = 3, .wait_ms = 60000 };

    (void)state;
    rig_escalate(rig);
    offered.handoff = rig->session.handoff.id;
    rig_do(rig, (struct event){ .type = EVENT_OFFERED, .offered = &offered });
    assert_int_equal(rig->session.handoff.state, HANDOFF_QUEUED);
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_STATE)->position, 3);
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_STATE)->wait, 60001);
    offered.position = 2;
    rig_do(rig, (struct event){ .type = EVENT_OFFERED, .offered = &offered });
    assert_int_equal(rig->step.n_records, 0);
    assert_int_equal(rig_effect(rig, EFFECT_EVENT)->event, TD_EV_QUEUE);
    assert_int_equal(rig_effect(rig, EFFECT_EVENT)->position, 2);
    assert_int_equal(rig_told(rig, "queued"), 1);
    rig_free(&rig);
}

static void an_acceptance_makes_the_human_the_owner(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    assert_int_equal(rig->session.owner, TD_OWNER_HUMAN);
    assert_string_equal(rig->session.owner_name, "mia");
    assert_string_equal(rig->session.handoff.title, "Mia");
    assert_string_equal(rig->session.last_human, "mia");
    assert_int_equal(rig_record(rig, RECORD_STRETCH)->outcome, STRETCH_BEGUN);
    assert_int_equal(rig_told(rig, "live"), 1);
    rig_free(&rig);
}

static void an_answer_to_an_offer_that_is_over_changes_nothing(void **state)
{
    struct rig *rig = rig_desks();
    struct ulid old;

    (void)state;
    rig_escalate(rig);
    old = rig->session.handoff.id;
    rig_offered(rig, OFFERED_DECLINED, NULL);
    assert_int_equal(outcome(rig)->outcome, HANDOFF_DECLINED);
    const struct event_offered late = { .outcome = OFFERED_ACCEPTED, .name = "mia",
                                        .handoff = old };
    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_OFFERED, .offered = &late }),
                     VERDICT_NOTHING);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    rig_free(&rig);
}

static void a_refusal_goes_along_the_chain_and_then_the_truth_is_told(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->queues[0].overflow = &rig->queues[1];
    rig_escalate(rig);
    rig_offered(rig, OFFERED_FULL, NULL);
    assert_string_equal(rig->session.handoff.desk, "far");
    assert_string_equal(rig_effect(rig, EFFECT_RELEASE)->desk, "web");
    assert_string_equal(rig_effect(rig, EFFECT_OFFER)->desk, "far");
    assert_int_equal(rig_told(rig, "checking"), 1);
    rig_offered(rig, OFFERED_FAILED, NULL);
    assert_int_equal(outcome(rig)->outcome, HANDOFF_NOBODY);
    assert_int_equal(rig_told(rig, "nobody"), 1);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    assert_string_equal(rig->session.owner_name, "one");
    rig_free(&rig);
}

static void a_desk_that_does_not_answer_is_left(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->queues[0].overflow = &rig->queues[1];
    rig_escalate(rig);
    rig_due(rig);
    assert_int_equal(rig->now, RIG_NOW + 10000);
    assert_string_equal(rig->session.handoff.queue, "second");
    rig_due(rig);
    assert_int_equal(outcome(rig)->outcome, HANDOFF_TIMEOUT);
    rig_free(&rig);
}

static void out_of_hours_nobody_is_asked_and_the_customer_knows(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    hours(rig, "Mon-Fri 09:00-17:00");
    rig_escalate(rig);
    assert_null(rig_effect(rig, EFFECT_OFFER));
    assert_int_equal(outcome(rig)->outcome, HANDOFF_OUT_OF_HOURS);
    assert_int_equal(rig_told(rig, "out_of_hours"), 1);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    assert_int_equal(rig->session.epoch, 3);
    rig_free(&rig);
}

static void a_closed_queue_flows_over_into_one_that_is_open(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    hours(rig, "Mon-Fri 09:00-17:00");
    rig->queues[1].hours = NULL;
    rig->queues[0].overflow = &rig->queues[1];
    rig_escalate(rig);
    assert_string_equal(rig_effect(rig, EFFECT_OFFER)->desk, "far");
    rig_free(&rig);
}

static void one_that_waits_too_long_flows_over_or_is_told_the_truth(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->queues[0].overflow = &rig->queues[1];
    rig->queues[0].overflow_after_ms = 60000;
    rig->queues[1].max_wait_ms = 300000;
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig_due(rig);
    assert_int_equal(rig->now, RIG_NOW + 60000);
    assert_string_equal(rig->session.handoff.queue, "second");
    rig_offered(rig, OFFERED_QUEUED, NULL);
    assert_int_equal(rig_told(rig, "queued"), 1);
    rig_due(rig);
    assert_int_equal(rig->now, RIG_NOW + 300000);
    assert_int_equal(outcome(rig)->outcome, HANDOFF_TIMEOUT);
    assert_int_equal(rig_told(rig, "nobody"), 1);
    rig_free(&rig);
}

static void it_waits_on_while_the_queue_beside_is_closed(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    hours(rig, "Mon-Fri 09:00-17:00");
    rig->queues[0].hours = NULL;
    rig->queues[0].overflow = &rig->queues[1];
    rig->queues[0].overflow_after_ms = 60000;
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig_due(rig);
    assert_int_equal(rig->session.handoff.state, HANDOFF_QUEUED);
    assert_int_equal(engine_due(&rig->session, &rig->policy), rig->now + 60000);
    rig_free(&rig);
}

static void what_is_said_while_waiting_is_numbered_and_kept_for_the_agent(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_escalate(rig);
    rig_message(rig, "m2", "and my order is 7");
    assert_null(rig_effect(rig, EFFECT_ASK));
    assert_int_equal(rig_effect(rig, EFFECT_RELAY)->delta, 1);
    rig_message(rig, "m3", "please");
    assert_int_equal(rig_effect(rig, EFFECT_RELAY)->delta, 2);
    rig_do(rig, (struct event){ .type = EVENT_RELAYED, .status = TD_DELIVERED,
                                .of = rig->step.message_seq });
    assert_int_equal(rig->step.verdict, VERDICT_MARK);
    rig_event(rig, EVENT_RESUME);
    assert_int_equal(rig_effects(rig, EFFECT_RELAY), 1);
    assert_int_equal(rig_effect(rig, EFFECT_RELAY)->delta, 1);
    rig_offered(rig, OFFERED_DECLINED, NULL);
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    assert_int_equal(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->n_messages, 2);
    rig_free(&rig);
}

static void another_desk_gets_all_additions(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->queues[0].overflow = &rig->queues[1];
    rig_escalate(rig);
    rig_message(rig, "m2", "one more");
    rig_do(rig, (struct event){ .type = EVENT_RELAYED, .status = TD_DELIVERED,
                                .of = rig->step.message_seq });
    rig_offered(rig, OFFERED_DECLINED, NULL);
    assert_int_equal(rig_effects(rig, EFFECT_RELAY), 1);
    assert_string_equal(rig_effect(rig, EFFECT_RELAY)->desk, "far");
    rig_event(rig, EVENT_RESUME);
    assert_int_equal(rig_effects(rig, EFFECT_RELAY), 1);
    rig_free(&rig);
}

static void an_agent_may_go_on_while_the_customer_waits(void **state)
{
    struct rig *rig = rig_desks();
    uint64_t epoch;

    (void)state;
    rig->queues[0].agent_meanwhile = 1;
    rig_escalate(rig);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    assert_int_equal(rig_record(rig, RECORD_OWNER)->pending, 1);
    rig_message(rig, "m2", "meanwhile");
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    assert_non_null(rig_effect(rig, EFFECT_RELAY));
    epoch = rig->session.epoch;
    rig_by(rig, CONTROL_ACCEPT, "mia");
    assert_int_equal(rig->session.epoch, epoch + 1);
    assert_false(rig->session.turn.active);
    assert_null(rig_effect(rig, EFFECT_CANCEL)); /* it is not cut */
    assert_int_equal(rig_says(rig, "late"), VERDICT_MARK);
    assert_int_equal(rig_records(rig, RECORD_STALE), 1);
    rig_free(&rig);
}

static void a_queue_and_an_agent_that_are_both_gone_after_a_restart_end_once(void **state)
{
    struct rig *rig = rig_desks();
    struct ulid asked;

    (void)state;
    rig->queues[0].agent_meanwhile = 1;
    rig_escalate(rig);
    rig_message(rig, "m2", "meanwhile");
    asked = rig->session.turn.id;
    rig->policy.n_queues = 0;
    rig->agents[0].name = "other";
    rig->channel.agent = &rig->agents[0];
    rig_event(rig, EVENT_RESUME);
    assert_int_equal(rig_records(rig, RECORD_TURN_END), 1);
    assert_memory_equal(&rig_record(rig, RECORD_TURN_END)->turn, &asked, sizeof asked);
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 1);
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "other");
    assert_int_equal(rig->session.handoff.state, HANDOFF_NONE);
    rig_free(&rig);
}

static void an_agent_that_cannot_answer_is_replaced_by_a_human_once(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->agents[0].next = NULL;
    rig_message(rig, "m1", "help");
    rig_status(rig, TD_FAIL, "broken");
    assert_string_equal(rig->session.handoff.code, "agent_unavailable");
    rig_offered(rig, OFFERED_NOBODY, NULL);
    assert_int_equal(rig_told(rig, "nobody"), 1);
    assert_null(rig_effect(rig, EFFECT_ASK)); /* not the same question again */
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
}

static void leaving_the_queue_gives_the_customer_back_to_the_agent(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig_message(rig, "m2", "still there?");
    rig_event(rig, EVENT_LEAVE);
    assert_int_equal(outcome(rig)->outcome, HANDOFF_LEFT);
    assert_string_equal(rig_effect(rig, EFFECT_RELEASE)->text, "left");
    assert_int_equal(rig_told(rig, "left_queue"), 1);
    assert_int_equal(rig->session.phase, SESSION_OPEN);
    assert_non_null(rig_effect(rig, EFFECT_ASK)); /* about what was said meanwhile */
    rig_event(rig, EVENT_LEAVE);
    assert_int_equal(rig->session.phase, SESSION_CLOSED);
    rig_free(&rig);
}

static void a_word_is_enough_to_leave(void **state)
{
    struct rig *rig = rig_desks();
    struct texts *texts = texts_new();
    struct err err;

    (void)state;
    assert_int_equal(texts_set(texts, "en", "leave_words", "robot, back to the bot", &err), 0);
    rig->policy.texts = texts;
    rig->policy.language = "en";
    rig_live(rig);
    rig_message(rig, "m2", "Robot");
    assert_int_equal(outcome(rig)->outcome, HANDOFF_LEFT);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    assert_null(rig_effect(rig, EFFECT_ASK)); /* the word is no question */
    rig_free(&rig);
    texts_free(&texts);
}

static void what_it_is_about_is_what_was_said_before_the_wait(void **state)
{
    struct rig *rig = rig_desks();
    struct texts *texts = texts_new();
    struct err err;

    (void)state;
    assert_int_equal(texts_set(texts, "en", "live", "[{human} knows of {issue}|hi]", &err), 0);
    rig->policy.texts = texts;
    rig->policy.language = "en";
    rig_message(rig, "m1", "my lamp is broken");
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig_message(rig, "m2", "hello?");
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "mia"), CONTROL_DONE);
    assert_int_equal(rig_told(rig, "Mia knows of my lamp is broken"), 1);
    rig_free(&rig);
    texts_free(&texts);
}

/* The customer wrote while they waited and left by a word: the agent has the rest to answer. */
static void leave_by_word_with_something_said(struct rig *rig, struct texts *texts)
{
    struct err err;

    assert_int_equal(texts_set(texts, "en", "leave_words", "robot", &err), 0);
    rig->policy.texts = texts;
    rig->policy.language = "en";
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig_message(rig, "m2", "when do you open?");
    rig_message(rig, "m3", "robot");
    assert_int_equal(outcome(rig)->outcome, HANDOFF_LEFT);
}

static void the_word_by_which_one_leaves_is_not_asked_about(void **state)
{
    struct rig *rig = rig_desks();
    struct texts *texts = texts_new();
    const struct td_turn *turn;

    (void)state;
    leave_by_word_with_something_said(rig, texts);
    turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->n_messages, 1);
    assert_string_equal(turn->messages[0]->text, "when do you open?");
    rig_says(rig, "At nine.");
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
    texts_free(&texts);
}

/* They have just heard that they left, or that nobody came: "I pass you on" would be a lie. */
static void what_an_agent_says_when_it_hands_over_in_vain_is_withheld(void **state)
{
    const struct td_message text = { .size = sizeof text, .text = "I pass you on." };
    const struct td_message *const messages[] = { &text };
    const struct td_answer answer = { .size = sizeof answer, .decision = TD_ESCALATE,
                                      .messages = messages, .n_messages = 1,
                                      .confidence = -1, .grounded = -1 };
    struct rig *rig = rig_desks();
    struct texts *texts = texts_new();

    (void)state;
    leave_by_word_with_something_said(rig, texts);
    assert_int_equal(rig_answer(rig, &answer), VERDICT_OK);
    assert_int_equal(rig->session.handoff.state, HANDOFF_NONE);
    assert_int_equal(rig_record(rig, RECORD_TURN_END)->outcome, TURN_WITHHELD);
    assert_int_equal(rig_records(rig, RECORD_REPLY), 0);
    rig_message(rig, "m4", "then a human"); /* new words, a new try */
    assert_int_equal(rig_answer(rig, &answer), VERDICT_OK);
    assert_int_equal(rig->session.handoff.state, HANDOFF_CHECKING);
    assert_int_equal(rig_told(rig, "I pass you on."), 1);
    rig_free(&rig);
    texts_free(&texts);
}

static void a_silent_human_is_warned_and_then_the_next_is_looked_for(void **state)
{
    struct rig *rig = rig_desks();
    struct ulid old;

    (void)state;
    rig_live(rig);
    old = rig->session.handoff.id;
    rig_human_says(rig, "mia", "hello");
    rig->now += 1000;
    assert_int_equal(rig_by(rig, CONTROL_EXTEND, "mia"), CONTROL_DONE);
    rig_due(rig);
    assert_int_equal(rig->now, RIG_NOW + 1000 + 450000);
    assert_int_equal(rig_effect(rig, EFFECT_DESK_EVENT)->desk_event, TD_DESK_LEASE);
    assert_int_equal(rig_effect(rig, EFFECT_DESK_EVENT)->wait_ms, 150000);
    rig_due(rig);
    assert_int_equal(rig->now, RIG_NOW + 1000 + 600000);
    assert_int_equal(outcome(rig)->outcome, HANDOFF_REQUEUED);
    assert_int_equal(rig_told(rig, "requeued"), 1);
    assert_int_not_equal(ulid_cmp(&rig->session.handoff.id, &old), 0);
    assert_int_equal(ulid_cmp(&rig->session.handoff.from, &old), 0);
    assert_int_equal(rig->session.owner, TD_OWNER_NONE);
    rig_free(&rig);
}

static void a_lease_may_remind_return_or_close_as_well(void **state)
{
    static const int outcomes[] = { [EXPIRY_RETURN] = HANDOFF_RETURNED,
                                    [EXPIRY_CLOSE] = HANDOFF_CLOSED,
                                    [EXPIRY_REMIND] = HANDOFF_REQUEUED };

    (void)state;
    for (enum policy_expiry expiry = EXPIRY_REMIND; expiry <= EXPIRY_CLOSE; expiry++) {
        struct rig *rig = rig_desks();
        if (expiry != EXPIRY_REQUEUE) {
            rig->queues[0].expiry = expiry;
            rig_live(rig);
            rig_due(rig);
            rig_due(rig);
            if (expiry == EXPIRY_REMIND) {
                assert_int_equal(rig->session.handoff.state, HANDOFF_LIVE);
                rig_due(rig);
                rig_due(rig);
                assert_int_equal(rig_told(rig, "reminder"), 1);
            }
            assert_int_equal(outcome(rig)->outcome, outcomes[expiry]);
            assert_int_equal(rig->session.phase,
                             expiry == EXPIRY_CLOSE ? SESSION_CLOSED : SESSION_OPEN);
        }
        rig_free(&rig);
    }
}

static void a_human_who_never_speaks_loses_the_customer_sooner(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->queues[0].response_ms = 60000;
    rig_live(rig);
    rig_due(rig);
    rig_due(rig);
    assert_int_equal(rig->now, RIG_NOW + 60000);
    assert_int_equal(outcome(rig)->outcome, HANDOFF_REQUEUED);
    rig_free(&rig);
}

static void neither_waiting_nor_live_is_closed_for_silence(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->queues[0].lease_ms = 0;
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    assert_int_equal(engine_due(&rig->session, &rig->policy), INT64_MAX);
    rig_by(rig, CONTROL_ACCEPT, "mia");
    assert_int_equal(engine_due(&rig->session, &rig->policy), INT64_MAX);
    rig_free(&rig);
}

static void a_queue_that_is_gone_gives_the_customer_back(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig->policy.n_queues = 0;
    rig_due(rig);
    assert_int_equal(outcome(rig)->outcome, HANDOFF_NOBODY);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    rig_free(&rig);
}

static void an_operator_may_pass_or_close_a_session_that_waits(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    rig_do(rig, (struct event){ .type = EVENT_PASS, .name = "three", .text = "operator" });
    assert_int_equal(outcome(rig)->outcome, HANDOFF_CANCELLED);
    assert_string_equal(rig->session.owner_name, "three");
    rig_escalate(rig);
    assert_int_equal(rig->session.handoff.state, HANDOFF_CHECKING);
    rig_do(rig, (struct event){ .type = EVENT_CLOSE, .text = "operator" });
    assert_int_equal(outcome(rig)->outcome, HANDOFF_CANCELLED);
    assert_int_equal(rig->session.phase, SESSION_CLOSED);
    rig_free(&rig);
}

static void the_customer_is_told_who_answers(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig->channel.disclose_ai = 1;
    rig_message(rig, "m1", "hello");
    assert_int_equal(rig_told(rig, "ai_here"), 1);
    rig_live(rig);
    rig_by(rig, CONTROL_RETURN, "mia");
    assert_int_equal(rig_told(rig, "ai_back"), 1);
    assert_int_equal(rig_told(rig, "returned"), 0);
    rig_free(&rig);
}

static void the_package_says_what_matters_and_a_snapshot_keeps_it(void **state)
{
    struct rig *rig = rig_desks();
    static const char *const allow[] = { "order", NULL };
    const struct package_target target = { .format = TD_PACKAGE_JSON, .allow = allow };
    struct session restored;
    const char *text;

    (void)state;
    rig_message(rig, "m1", "where is my order?");
    rig_answer(rig, &(struct td_answer){ .decision = TD_ESCALATE, .confidence = 0.5,
                                         .intent = "order_status", .grounded = -1,
                                         .summary = "Order 7 has not come.",
                                         .entities = "{\"order\":7,\"secret\":\"x\"}",
                                         .escalate_code = "vulnerable" });
    rig_message(rig, "m2", "hello?");
    text = engine_package(&rig->session, &rig->policy, &target, rig->arena);
    assert_non_null(strstr(text, "Order 7 has not come."));
    assert_non_null(strstr(text, "where is my order?"));
    assert_non_null(strstr(text, "hello?"));
    assert_non_null(strstr(text, "\"vulnerable\""));
    assert_null(strstr(text, "secret\":"));
    rig_restore(rig, &restored);
    assert_true(session_same(&rig->session, &restored));
    assert_string_equal(engine_package(&restored, &rig->policy, &target, rig->arena), text);
    session_fini(&restored);
    rig_free(&rig);
}

static void it_works_again_and_again(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    for (int i = 0; i < 5; i++) {
        rig_live(rig);
        rig_human_says(rig, "mia", "hello");
        rig_by(rig, CONTROL_RETURN, "mia");
        assert_int_equal(rig_told(rig, "live"), i + 1);
        assert_int_equal(rig_told(rig, "returned"), i + 1);
    }
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_escalation_takes_the_session_from_the_agent_and_asks_a_desk),
        cmocka_unit_test(a_desk_elsewhere_takes_time_and_the_customer_hears_that_once),
        cmocka_unit_test(without_a_queue_the_customer_hears_that_there_is_no_human),
        cmocka_unit_test(a_queued_handoff_says_so_once_and_moves_up_without_records),
        cmocka_unit_test(an_acceptance_makes_the_human_the_owner),
        cmocka_unit_test(an_answer_to_an_offer_that_is_over_changes_nothing),
        cmocka_unit_test(a_refusal_goes_along_the_chain_and_then_the_truth_is_told),
        cmocka_unit_test(a_desk_that_does_not_answer_is_left),
        cmocka_unit_test(out_of_hours_nobody_is_asked_and_the_customer_knows),
        cmocka_unit_test(a_closed_queue_flows_over_into_one_that_is_open),
        cmocka_unit_test(one_that_waits_too_long_flows_over_or_is_told_the_truth),
        cmocka_unit_test(it_waits_on_while_the_queue_beside_is_closed),
        cmocka_unit_test(what_is_said_while_waiting_is_numbered_and_kept_for_the_agent),
        cmocka_unit_test(another_desk_gets_all_additions),
        cmocka_unit_test(an_agent_may_go_on_while_the_customer_waits),
        cmocka_unit_test(a_queue_and_an_agent_that_are_both_gone_after_a_restart_end_once),
        cmocka_unit_test(an_agent_that_cannot_answer_is_replaced_by_a_human_once),
        cmocka_unit_test(leaving_the_queue_gives_the_customer_back_to_the_agent),
        cmocka_unit_test(a_word_is_enough_to_leave),
        cmocka_unit_test(what_it_is_about_is_what_was_said_before_the_wait),
        cmocka_unit_test(the_word_by_which_one_leaves_is_not_asked_about),
        cmocka_unit_test(what_an_agent_says_when_it_hands_over_in_vain_is_withheld),
        cmocka_unit_test(a_silent_human_is_warned_and_then_the_next_is_looked_for),
        cmocka_unit_test(a_lease_may_remind_return_or_close_as_well),
        cmocka_unit_test(a_human_who_never_speaks_loses_the_customer_sooner),
        cmocka_unit_test(neither_waiting_nor_live_is_closed_for_silence),
        cmocka_unit_test(a_queue_that_is_gone_gives_the_customer_back),
        cmocka_unit_test(an_operator_may_pass_or_close_a_session_that_waits),
        cmocka_unit_test(the_customer_is_told_who_answers),
        cmocka_unit_test(the_package_says_what_matters_and_a_snapshot_keeps_it),
        cmocka_unit_test(it_works_again_and_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
