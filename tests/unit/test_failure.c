/* test_failure.c - engine/decide_rules.c, decide_turn.c, decide_desk.c: what a failure, or a turn that
 * is cut off, leaves the customer with. */
#include "config.h"

#include <string.h>

#include "base/expr.h"
#include "engine/hours.h"
#include "engine/signals.h"
#include "engine/texts.h"
#include "tests/check.h"
#include "tests/unit/engine_rig.h"

/* One rule that offers a human after a failure. */
struct offering {
    struct policy_rule rule;
    struct expr *when;
};

static void offer_when(struct rig *rig, struct offering *o, const char *when)
{
    struct err err;

    o->when = expr_compile(when, signals_names, NULL, &err);
    o->rule = (struct policy_rule){ .name = "offer", .category = "operational",
                                    .code = "unclassified", .at = RULE_EVENT, .mode = RULE_OFFER,
                                    .when = o->when };
    rig->policy.rules = &o->rule;
    rig->policy.n_rules = 1;
}

static enum verdict calls(struct rig *rig)
{
    static const struct td_call call = { .size = sizeof call, .call = "c1", .name = "refund",
                                         .arguments = "{}" };
    static const struct td_call *const list[] = { &call };

    return rig_answer(rig, &(struct td_answer){ .calls = list, .n_calls = 1, .confidence = -1,
                                                .grounded = -1 });
}

static void what_is_said_after_a_failed_delivery_is_written_down_before_it_leaves(void **state)
{
    struct rig *rig = rig_desks();
    struct offering o;

    (void)state;
    offer_when(rig, &o, "delivery_failures >= 1");
    rig_message(rig, "m1", "help");
    rig_says(rig, "Here.");
    assert_int_equal(rig_sent(rig, rig->session.seq, TD_FAILED), VERDICT_OK);
    assert_int_equal(rig_effects(rig, EFFECT_SEND), 1);
    assert_int_equal(rig_told(rig, "offer"), 1);
    rig_free(&rig);
    expr_free(&o.when);
}

static void who_is_offered_a_human_is_asked_before_one_is_looked_for(void **state)
{
    struct rig *rig = rig_desks();
    struct offering o;

    (void)state;
    offer_when(rig, &o, "agent_gone");
    rig->agents[0].next = NULL;
    rig_message(rig, "m1", "refund me");
    calls(rig);
    rig_status(rig, TD_FAIL, "broken");
    assert_int_equal(rig_told(rig, "offer"), 1);
    assert_int_equal(rig->session.handoff.state, HANDOFF_NONE);
    assert_non_null(rig->session.offer);
    rig_free(&rig);
    expr_free(&o.when);
}

static void who_goes_on_for_an_agent_is_asked_about_the_results_that_it_has_not_seen(void **state)
{
    const struct td_turn *turn;
    struct rig *rig = rig_desks();

    (void)state;
    rig_message(rig, "m1", "refund me");
    calls(rig);
    rig_control(rig, (struct event_control){ .op = CONTROL_PASS, .agent = "three" });
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->cause, TD_BY_ACTION);
    assert_int_equal(turn->n_results, 1);
    assert_string_equal(rig->session.turn.agent, "three");
    rig_free(&rig);
}

static void results_are_not_collected_with_what_the_customer_says(void **state)
{
    struct rig *rig = rig_desks();
    struct err err;

    (void)state;
    rig->channel.queue_mode = QUEUE_COLLECT;
    rig->hours = hours_parse("never", NULL, NULL, &err);
    rig->queues[0].hours = rig->hours;
    rig_message(rig, "m1", "refund me");
    rig_due(rig);
    calls(rig);
    rig_control(rig, (struct event_control){ .op = CONTROL_REQUEST });
    assert_int_equal(rig->session.handoff.state, HANDOFF_NONE); /* closed */
    assert_true(rig->session.turn.active);
    assert_int_equal(rig->session.turn.cause, TD_BY_ACTION);
    rig_free(&rig);
}

static void a_word_to_the_gateway_alone_is_nothing_to_ask_an_agent_about(void **state)
{
    struct rig *rig = rig_desks();
    struct texts *texts = texts_new();
    struct err err;

    (void)state;
    assert_int_equal(texts_set(texts, "en", "leave_words", "robot", &err), 0);
    rig->queues[0].agent_meanwhile = 1;
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig->policy.texts = texts;
    rig->policy.language = "en";
    rig_message(rig, "m9", "robot");
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_END)->outcome, HANDOFF_LEFT);
    assert_null(rig_effect(rig, EFFECT_ASK));
    assert_int_equal(session_pending(&rig->session, NULL), 0);
    rig_free(&rig);
    texts_free(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_after_a_failed_delivery_is_written_down_before_it_leaves),
        cmocka_unit_test(who_is_offered_a_human_is_asked_before_one_is_looked_for),
        cmocka_unit_test(who_goes_on_for_an_agent_is_asked_about_the_results_that_it_has_not_seen),
        cmocka_unit_test(results_are_not_collected_with_what_the_customer_says),
        cmocka_unit_test(a_word_to_the_gateway_alone_is_nothing_to_ask_an_agent_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
