/* test_engine.c - engine/decide.c: what each kind of event leads to, in each phase. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"
#include "tests/unit/engine_rig.h"

static void every_event_in_every_phase_is_answered(void **state)
{
    static const struct {
        enum event_type type;
        enum verdict fresh, open, closed;
    } table[] = {
        { EVENT_OPEN, VERDICT_OK, VERDICT_REJECT, VERDICT_REJECT },
        { EVENT_SEEN, VERDICT_REJECT, VERDICT_MARK, VERDICT_MARK },
        { EVENT_MESSAGE, VERDICT_OK, VERDICT_OK, VERDICT_OK },
        { EVENT_READ, VERDICT_NOTHING, VERDICT_MARK, VERDICT_MARK },
        { EVENT_RATING, VERDICT_REJECT, VERDICT_OK, VERDICT_OK },
        { EVENT_LEAVE, VERDICT_NOTHING, VERDICT_OK, VERDICT_NOTHING },
        { EVENT_ANSWER, VERDICT_NOTHING, VERDICT_MARK, VERDICT_MARK },
        { EVENT_TIMER, VERDICT_NOTHING, VERDICT_NOTHING, VERDICT_NOTHING },
        { EVENT_SENT, VERDICT_NOTHING, VERDICT_MARK, VERDICT_MARK },
        { EVENT_PASS, VERDICT_REJECT, VERDICT_OK, VERDICT_REJECT },
        { EVENT_CLOSE, VERDICT_NOTHING, VERDICT_OK, VERDICT_NOTHING },
        { EVENT_RESUME, VERDICT_NOTHING, VERDICT_NOTHING, VERDICT_NOTHING },
    };
    static const struct td_message message = { .id = "x", .text = "hi" };
    static const struct td_answer answer = { .silent = "no" };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int phase = 0; phase < 3; phase++) {
            struct rig *rig = rig_new();
            struct event event = { .type = table[i].type, .message = &message, .answer = &answer,
                                   .of = 0, .status = TD_SENT, .score = 5, .name = "three",
                                   .text = "why", .from = { .channel = "web", .peer = "p" } };
            if (phase > 0) {
                rig_message(rig, "m1", "hi");
                rig_says(rig, "hello");
                event.of = rig_record(rig, RECORD_REPLY)->seq;
            }
            if (phase == 2)
                rig_event(rig, EVENT_LEAVE);
            enum verdict got = rig_do(rig, event);
            enum verdict want = phase == 0   ? table[i].fresh
                                : phase == 1 ? table[i].open
                                             : table[i].closed;
            if (got != want)
                fail_msg("event %d in phase %d: %d, not %d", (int)table[i].type, phase, (int)got,
                         (int)want);
            if (got == VERDICT_NOTHING || got == VERDICT_REJECT) {
                assert_int_equal(rig->step.n_records, 0);
                assert_non_null(rig->step.reason);
            }
            rig_free(&rig);
        }
    }
}

static void the_first_message_opens_the_session_and_asks_the_agent(void **state)
{
    struct rig *rig = rig_new();
    char id[ULID_TEXT];

    (void)state;
    assert_int_equal(rig_message(rig, "m1", "hi"), VERDICT_OK);
    assert_int_equal(rig->step.n_records, 4); /* opened, owner, message, turn */
    assert_int_equal(rig->step.message_seq, 3);
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "one");
    assert_int_equal(rig->session.epoch, 1);

    const struct td_turn *turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->n_messages, 1);
    assert_string_equal(turn->messages[0]->text, "hi");
    assert_int_equal(turn->deadline_ms, 30000);
    assert_int_equal(turn->n_history, 0);
    assert_int_equal(turn->attempt, 1);

    assert_int_equal(rig_says(rig, "hello"), VERDICT_OK);
    assert_int_equal(rig_effect(rig, EFFECT_SEND)->of, 6);
    assert_string_equal(engine_reply(&rig->session, 6, rig->arena)->text, "hello");
    ulid_format(&rig_record(rig, RECORD_REPLY)->message_id, id);
    assert_string_equal(engine_reply(&rig->session, 6, rig->arena)->id, id);
    assert_null(engine_reply(&rig->session, 3, rig->arena)); /* the customer's own */
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
}

static void followup_asks_about_what_came_meanwhile_in_one_turn(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "one");
    rig_message(rig, "m2", "two");
    assert_int_equal(rig->step.n_effects, 0);
    rig_message(rig, "m3", "three");
    rig_says(rig, "answer to one");
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    const struct td_turn *turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->n_messages, 2);
    assert_string_equal(turn->messages[0]->text, "two");
    assert_int_equal(turn->n_history, 2);
    assert_string_equal(turn->history[1]->text, "answer to one");
    rig_free(&rig);
}

static void collect_waits_for_silence(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->channel.queue_mode = QUEUE_COLLECT;
    rig_message(rig, "m1", "one");
    assert_null(rig_effect(rig, EFFECT_ASK));
    rig->now += 1500;
    rig_message(rig, "m2", "two");
    assert_int_equal(engine_due(&rig->session, &rig->policy), rig->now + 2000);
    assert_int_equal(rig_event(rig, EVENT_TIMER), VERDICT_NOTHING);
    assert_int_equal(rig_due(rig), VERDICT_OK);
    assert_int_equal(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->n_messages, 2);
    rig_free(&rig);
}

static void collect_waits_no_longer_than_its_maximum(void **state)
{
    struct rig *rig = rig_new();
    char id[16];
    int n = 0;

    (void)state;
    rig->channel.queue_mode = QUEUE_COLLECT;
    rig->policy.max_pending = 100;
    while (engine_due(&rig->session, &rig->policy) > rig->now) {
        snprintf(id, sizeof id, "m%d", n++);
        rig_message(rig, id, "and");
        rig->now += 1000;
    }
    assert_int_equal(rig->now, RIG_NOW + 10000);
    assert_int_equal(rig_event(rig, EVENT_TIMER), VERDICT_OK);
    rig_message(rig, "x", "late");
    rig_says(rig, "to the first ten");
    assert_null(rig_effect(rig, EFFECT_ASK)); /* what came meanwhile is collected anew */
    assert_int_equal(rig_due(rig), VERDICT_OK);
    rig_free(&rig);
}

static void interrupt_drops_the_running_turn_and_asks_about_all(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->channel.queue_mode = QUEUE_INTERRUPT;
    rig_message(rig, "m1", "one");
    struct ulid first = rig->session.turn.id;
    uint64_t epoch = rig->session.epoch;
    rig_message(rig, "m2", "two");
    assert_int_equal(ulid_cmp(&rig_effect(rig, EFFECT_CANCEL)->turn, &first), 0);
    assert_true(rig->step.effects[0].type == EFFECT_CANCEL);
    assert_int_equal(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->n_messages, 2);

    const struct td_answer late = { .silent = "late" };
    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_ANSWER, .turn = first,
                                                 .epoch = epoch, .attempt = 1, .answer = &late }),
                     VERDICT_MARK);
    assert_int_equal(rig_records(rig, RECORD_STALE), 1);
    assert_int_equal(rig_effects(rig, EFFECT_STALE), 1);
    assert_true(rig->session.turn.active);
    rig_free(&rig);
}

static void too_many_waiting_messages_are_refused_for_now(void **state)
{
    struct rig *rig = rig_new();
    char id[16];

    (void)state;
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "m%d", i);
        assert_int_equal(rig_message(rig, id, "?"), VERDICT_OK);
    }
    assert_int_equal(rig_message(rig, "m5", "?"), VERDICT_BUSY);
    assert_int_equal(rig->step.n_records, 0);
    rig_says(rig, "to the first");
    assert_int_equal(rig_message(rig, "m5", "?"), VERDICT_OK);
    rig_free(&rig);
}

static void a_customer_who_left_with_much_waiting_can_come_back(void **state)
{
    struct rig *rig = rig_new();
    char id[16];

    (void)state;
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "m%d", i);
        rig_message(rig, id, "?");
    }
    rig_event(rig, EVENT_LEAVE);
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    assert_int_equal(rig_message(rig, "m9", "again"), VERDICT_OK);
    const struct td_turn *turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->n_messages, 1);
    assert_int_equal(turn->n_history, 5);
    rig_free(&rig);
}

static void replies_that_pile_up_hold_the_customer_back(void **state)
{
    struct rig *rig = rig_new();
    enum verdict verdict = VERDICT_OK;
    char id[16];
    int n = 0;

    (void)state;
    while (verdict == VERDICT_OK && n < 300) {
        snprintf(id, sizeof id, "m%d", n++);
        verdict = rig_message(rig, id, "?");
        if (verdict == VERDICT_OK)
            rig_says(rig, "!");
    }
    assert_int_equal(verdict, VERDICT_BUSY);
    assert_int_equal(n, ENGINE_MAX_UNSENT + 1);
    rig_sent(rig, rig->session.messages[1].seq, TD_SENT);
    assert_int_equal(rig_message(rig, "y", "?"), VERDICT_OK);
    rig_free(&rig);
}

static void silence_closes_and_the_same_customer_reopens(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    rig_says(rig, "hello");
    assert_int_equal(engine_due(&rig->session, &rig->policy), rig->now + 600000);
    assert_int_equal(rig_due(rig), VERDICT_OK);
    assert_string_equal(rig_record(rig, RECORD_CLOSED)->cause, "idle");
    assert_int_equal(rig_effect(rig, EFFECT_EVENT)->event, TD_EV_CLOSED);
    assert_true(engine_due(&rig->session, &rig->policy) == INT64_MAX);

    rig->now += 3600000;
    assert_int_equal(rig_message(rig, "m2", "still there?"), VERDICT_OK);
    assert_int_equal(rig_records(rig, RECORD_REOPENED), 1);
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    rig_says(rig, "yes");

    rig_due(rig);
    rig->now += 3600001;
    assert_int_equal(rig_message(rig, "m3", "and now?"), VERDICT_CLOSED);
    const struct td_message m = { .id = "m3", .text = "I have the token" };
    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &m,
                                                 .from = { .channel = "web" } }), VERDICT_OK);
    rig_free(&rig);
}

static void an_agent_that_greets_is_asked_before_the_customer_spoke(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->channel.greet = 1;
    rig_event(rig, EVENT_OPEN);
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    const struct td_turn *turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->cause, TD_BY_START);
    assert_int_equal(turn->n_messages, 0);
    rig_message(rig, "m1", "hi");
    rig_says(rig, "welcome");
    turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->cause, TD_BY_MESSAGE);
    assert_int_equal(turn->n_messages, 1);
    rig_free(&rig);
}

static void a_failed_greeting_does_not_swallow_the_first_message(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->channel.greet = 1;
    rig_event(rig, EVENT_OPEN);
    rig_message(rig, "m1", "hi");
    rig_status(rig, TD_FAIL, "down");
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "two");
    assert_int_not_equal(rig->session.turn.cause, TD_BY_START);
    rig_status(rig, TD_FAIL, "down too");
    assert_string_equal(rig_last_text(rig), "unavailable");
    rig_free(&rig);

    rig = rig_new();
    rig->channel.greet = 1;
    rig_event(rig, EVENT_OPEN);
    rig_status(rig, TD_FAIL, "down");
    assert_int_equal(rig->session.turn.cause, TD_BY_START);
    rig_status(rig, TD_FAIL, "down too");
    assert_int_equal(rig->session.n_messages, 0); /* nobody asked anything */
    rig_free(&rig);
}

static void a_restart_asks_the_same_turn_again(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    struct ulid turn = rig->session.turn.id;
    rig->now += 90000;
    assert_true(engine_busy(&rig->session, &rig->policy));
    assert_int_equal(rig_event(rig, EVENT_RESUME), VERDICT_OK);
    assert_int_equal(ulid_cmp(&rig_effect(rig, EFFECT_ASK)->turn, &turn), 0);
    assert_int_equal(rig->session.turn.attempt, 2);
    assert_int_equal(rig->session.turn.deadline, rig->now + 30000);

    const struct td_answer late = { .silent = "late" };
    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_ANSWER, .turn = turn, .epoch = 1,
                                                 .attempt = 1, .answer = &late }), VERDICT_MARK);
    assert_int_equal(rig_says(rig, "hello"), VERDICT_OK);
    assert_false(engine_busy(&rig->session, &rig->policy));
    assert_int_equal(rig_event(rig, EVENT_RESUME), VERDICT_NOTHING);
    rig_free(&rig);
}

static void a_restart_without_the_agent_tells_the_truth(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    rig->policy.n_agents = 0;
    rig->channel.agent = NULL;
    assert_int_equal(rig_event(rig, EVENT_RESUME), VERDICT_OK);
    assert_string_equal(rig_last_text(rig), "unavailable");
    assert_int_equal(rig_message(rig, "m2", "hi?"), VERDICT_OK);
    assert_int_equal(rig_records(rig, RECORD_TURN_END), 1);
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
}

static void a_restart_sends_again_only_where_nothing_is_replayed(void **state)
{
    (void)state;
    for (int replays = 0; replays < 2; replays++) {
        struct rig *rig = rig_new();
        rig->channel.replays = replays;
        rig_message(rig, "m1", "hi");
        rig_says(rig, "hello");
        uint64_t reply = rig_record(rig, RECORD_REPLY)->seq;
        assert_int_equal(engine_busy(&rig->session, &rig->policy), !replays);
        assert_int_equal(rig_event(rig, EVENT_RESUME), replays ? VERDICT_NOTHING : VERDICT_OK);
        if (!replays) {
            assert_int_equal(rig_effect(rig, EFFECT_SEND)->of, reply);
            assert_true(rig_effect(rig, EFFECT_SEND)->maybe_duplicate);
        }
        rig_free(&rig);
    }
}

static void a_restart_sends_what_waited_before_what_it_says_itself(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->channel.replays = 0;
    rig_message(rig, "m1", "hi");
    rig_says(rig, "hello");
    uint64_t reply = rig_record(rig, RECORD_REPLY)->seq;
    rig_message(rig, "m2", "and?");
    rig->policy.n_agents = 0;
    rig_event(rig, EVENT_RESUME);
    assert_int_equal(rig_effects(rig, EFFECT_SEND), 2);
    assert_int_equal(rig->step.effects[0].of, reply);
    assert_int_equal(rig->step.effects[1].of, rig_record(rig, RECORD_REPLY)->seq);
    rig_free(&rig);
}

static void deliveries_and_reads_only_move_forward(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    uint64_t question = rig->step.message_seq;
    rig_says(rig, "hello");
    uint64_t reply = rig_record(rig, RECORD_REPLY)->seq;
    assert_int_equal(rig_sent(rig, question, TD_SENT), VERDICT_NOTHING);
    assert_int_equal(rig_sent(rig, reply + 100, TD_SENT), VERDICT_NOTHING);
    assert_int_equal(rig_sent(rig, reply, TD_SENT), VERDICT_MARK);
    assert_int_equal(rig_sent(rig, reply, TD_SENT), VERDICT_NOTHING);
    assert_int_equal(rig_sent(rig, reply, TD_DELIVERED), VERDICT_MARK);
    assert_int_equal(rig_sent(rig, reply, TD_FAILED), VERDICT_NOTHING);
    rig_do(rig, (struct event){ .type = EVENT_READ, .of = reply });
    assert_int_equal(rig->step.verdict, VERDICT_MARK);
    assert_int_equal(session_message(&rig->session, reply)->status, TD_READ);
    rig_do(rig, (struct event){ .type = EVENT_READ, .of = reply });
    assert_int_equal(rig->step.verdict, VERDICT_NOTHING);
    rig_do(rig, (struct event){ .type = EVENT_READ, .of = reply + 1000 });
    assert_int_equal(rig->step.verdict, VERDICT_NOTHING);
    rig_free(&rig);
}

static void the_channel_may_learn_more_but_never_takes_back_proof(void **state)
{
    struct rig *rig = rig_new();
    struct td_customer c = { .id = "c1" };
    struct event seen = { .type = EVENT_SEEN, .from = { .channel = "web", .customer = &c } };

    (void)state;
    rig_message(rig, "m1", "hi");
    rig_do(rig, seen);
    assert_string_equal(rig->session.customer_id, "c1");
    assert_string_equal(rig->session.peer, "p1");
    rig_do(rig, seen);
    assert_int_equal(rig_records(rig, RECORD_CUSTOMER), 0);
    c = (struct td_customer){ .verified = 1 };
    rig_do(rig, seen);
    assert_false(rig->session.verified); /* proof of nothing */
    c = (struct td_customer){ .id = "c2", .verified = 1 };
    rig_do(rig, seen);
    assert_true(rig->session.verified);
    c = (struct td_customer){ .id = "c3" };
    rig_do(rig, seen);
    assert_string_equal(rig->session.customer_id, "c2");
    c = (struct td_customer){ .id = "c2", .name = "Ann" };
    rig_do(rig, seen);
    assert_true(rig->session.verified);
    assert_string_equal(rig->session.customer_name, "Ann");
    rig_free(&rig);
}

static void what_the_journal_could_not_give_back_is_refused(void **state)
{
    struct rig *rig = rig_new();
    static char big[70000];

    (void)state;
    memset(big, 'x', sizeof big - 1);
    assert_int_equal(rig_message(rig, "m1", "bad \xff"), VERDICT_REJECT);
    assert_int_equal(rig_message(rig, "m1", big), VERDICT_REJECT);
    assert_int_equal(rig_message(rig, big, "hi"), VERDICT_REJECT);
    assert_int_equal(rig_message(rig, "m1", "hi"), VERDICT_OK);
    rig_says(rig, "hello");
    uint64_t reply = rig_record(rig, RECORD_REPLY)->seq;
    rig_do(rig, (struct event){ .type = EVENT_SENT, .of = reply, .status = TD_FAILED,
                                .text = "\xff\xfe" });
    assert_string_equal(rig_record(rig, RECORD_DELIVERY)->detail, "(not UTF-8)");
    rig_do(rig, (struct event){ .type = EVENT_CLOSE, .text = big });
    assert_int_equal(strlen(rig_record(rig, RECORD_CLOSED)->cause), 400);
    rig_free(&rig);
}

static void what_may_have_been_sent_twice_is_marked_however_far_it_is(void **state)
{
    struct rig *rig = rig_new();
    struct record delivery;
    struct session restored;

    (void)state;
    rig_message(rig, "m1", "hi");
    rig_says(rig, "hello");
    uint64_t reply = rig_record(rig, RECORD_REPLY)->seq;
    struct event again = { .type = EVENT_SENT, .of = reply, .status = TD_QUEUED, .maybe_duplicate = 1 };
    assert_int_equal(rig_sent(rig, reply, TD_DELIVERED), VERDICT_MARK); /* of the first one */
    assert_int_equal(rig_do(rig, again), VERDICT_OK);
    delivery = *rig_record(rig, RECORD_DELIVERY);
    assert_int_equal(delivery.maybe_duplicate, 1);
    assert_int_equal(delivery.status, TD_DELIVERED);
    assert_int_equal(session_message(&rig->session, reply)->status, TD_DELIVERED);
    rig_restore(rig, &restored);
    assert_int_equal(session_message(&restored, reply)->maybe_duplicate, 1);
    session_fini(&restored);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_have_been_sent_twice_is_marked_however_far_it_is),
        cmocka_unit_test(every_event_in_every_phase_is_answered),
        cmocka_unit_test(the_first_message_opens_the_session_and_asks_the_agent),
        cmocka_unit_test(followup_asks_about_what_came_meanwhile_in_one_turn),
        cmocka_unit_test(collect_waits_for_silence),
        cmocka_unit_test(collect_waits_no_longer_than_its_maximum),
        cmocka_unit_test(interrupt_drops_the_running_turn_and_asks_about_all),
        cmocka_unit_test(too_many_waiting_messages_are_refused_for_now),
        cmocka_unit_test(a_customer_who_left_with_much_waiting_can_come_back),
        cmocka_unit_test(replies_that_pile_up_hold_the_customer_back),
        cmocka_unit_test(silence_closes_and_the_same_customer_reopens),
        cmocka_unit_test(an_agent_that_greets_is_asked_before_the_customer_spoke),
        cmocka_unit_test(a_failed_greeting_does_not_swallow_the_first_message),
        cmocka_unit_test(a_restart_asks_the_same_turn_again),
        cmocka_unit_test(a_restart_without_the_agent_tells_the_truth),
        cmocka_unit_test(a_restart_sends_again_only_where_nothing_is_replayed),
        cmocka_unit_test(a_restart_sends_what_waited_before_what_it_says_itself),
        cmocka_unit_test(deliveries_and_reads_only_move_forward),
        cmocka_unit_test(the_channel_may_learn_more_but_never_takes_back_proof),
        cmocka_unit_test(what_the_journal_could_not_give_back_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
