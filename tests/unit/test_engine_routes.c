/* test_engine_routes.c - engine/decide_route.c: who answers, by `when`, weights and intent. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/expr.h"
#include "engine/signals.h"
#include "tests/check.h"
#include "tests/unit/engine_rig.h"

static struct expr *when(const char *text)
{
    struct err err;
    struct expr *expr = expr_compile(text, signals_names, NULL, &err);

    if (expr == NULL)
        fail_msg("%s: %s", text, err.text);
    return expr;
}

static void every_signal_has_a_sentence_of_help(void **state)
{
    size_t i = 0;

    (void)state;
    while (signals_names[i].name != NULL)
        assert_true(strlen(signals_help(i++)) > 10);
    assert_string_equal(signals_help(i), "");
}

static void the_first_route_that_matches_counts(void **state)
{
    struct rig *rig = rig_new(), *other = rig_new();
    struct expr *german = when("locale matches \"^de\""), *web = when("kind == \"webchat\"");
    const struct policy_choice three = { &rig->agents[2], 1 }, four = { &rig->agents[3], 1 };
    const struct policy_route routes[] = {
        { .name = "german", .when = german, .choices = &three, .n_choices = 1, .total = 1 },
        { .name = "web", .when = web, .choices = &four, .n_choices = 1, .total = 1 },
    };
    const struct td_message m = { .id = "m1", .text = "hallo" };

    (void)state;
    rig->policy.routes = routes;
    rig->policy.n_routes = 2;
    rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &m,
                                .from = { .channel = "web", .peer = "p", .locale = "de-DE" } });
    assert_string_equal(rig->session.owner_name, "three");
    assert_string_equal(rig->session.route, "german");
    assert_string_equal(rig_record(rig, RECORD_OWNER)->signals, "locale=de-DE");

    other->policy.routes = routes;
    other->policy.n_routes = 2;
    rig_message(other, "m1", "hello");
    assert_string_equal(other->session.owner_name, "four");
    assert_string_equal(rig_record(other, RECORD_OWNER)->signals, "locale= kind=webchat");
    rig_free(&rig);
    rig_free(&other);
    expr_free(&german);
    expr_free(&web);
}

static void an_intent_moves_the_session_once(void **state)
{
    struct rig *rig = rig_new();
    struct expr *refund = when("intent == \"refund\" and confidence > 0.7");
    const struct policy_choice three = { &rig->agents[2], 1 };
    const struct policy_route route = { .name = "refunds", .when = refund, .choices = &three,
                                        .n_choices = 1, .total = 1 };
    const struct td_message ok = { .text = "ok" };
    const struct td_message *const oks[] = { &ok };
    struct td_answer answer = { .messages = oks, .n_messages = 1, .intent = "refund",
                                .confidence = 0.5 };

    (void)state;
    rig->policy.routes = &route;
    rig->policy.n_routes = 1;
    rig_message(rig, "m1", "money back");
    rig_answer(rig, &answer);
    rig_message(rig, "m2", "please");
    assert_string_equal(rig->session.owner_name, "one");
    rig_message(rig, "m3", "now");
    answer.confidence = 0.9;
    rig_answer(rig, &answer); /* this answer's own intent routes what waits */
    assert_string_equal(rig->session.owner_name, "three");
    assert_int_equal(rig->session.epoch, 2);
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "three");

    rig_do(rig, (struct event){ .type = EVENT_PASS, .name = "one", .text = "operator" });
    rig_says(rig, "here");
    rig_message(rig, "m4", "and?");
    assert_string_equal(rig->session.owner_name, "one"); /* the same match does not fetch it back */
    rig_free(&rig);
    expr_free(&refund);
}

static void proof_of_the_customer_counts_in_the_step_that_brings_it(void **state)
{
    struct rig *rig = rig_new();
    struct expr *known = when("verified");
    const struct policy_choice three = { &rig->agents[2], 1 };
    const struct policy_route route = { .name = "known", .when = known, .choices = &three,
                                        .n_choices = 1, .total = 1 };
    const struct td_customer customer = { .id = "c", .verified = 1 };
    const struct td_message m = { .id = "m2", .text = "it is me" };

    (void)state;
    rig->policy.routes = &route;
    rig->policy.n_routes = 1;
    rig_message(rig, "m1", "hi");
    rig_says(rig, "hello");
    rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &m,
                                .from = { .channel = "web", .customer = &customer } });
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "three");
    rig_free(&rig);
    expr_free(&known);
}

static void weights_are_sticky_and_roughly_kept(void **state)
{
    unsigned hits[2] = { 0, 0 };

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        struct rig *rig = rig_new();
        const struct policy_choice choices[] = { { &rig->agents[2], 80 }, { &rig->agents[3], 20 } };
        const struct policy_route route = { .name = "ab", .choices = choices, .n_choices = 2,
                                            .total = 100 };
        struct session *s = &rig->session;
        rig->policy.routes = &route;
        rig->policy.n_routes = 1;
        s->id = ulid_make(RIG_NOW + i, i, i * 7919u);
        rig_message(rig, "m1", "hi");
        hits[strcmp(s->owner_name, "four") == 0]++;
        if (i < 20) {
            char owner[16];
            snprintf(owner, sizeof owner, "%s", s->owner_name);
            for (int again = 0; again < 5; again++) {
                rig_says(rig, "ok");
                rig_message(rig, "m", "hi");
                assert_string_equal(s->owner_name, owner);
            }
        }
        rig_free(&rig);
    }
    assert_in_range(hits[1], 320, 480);
}

static void a_route_never_bounces_a_session_for_ever(void **state)
{
    struct rig *rig = rig_new();
    struct expr *a = when("intent == \"a\""), *b = when("intent == \"b\"");
    const struct policy_choice three = { &rig->agents[2], 1 }, four = { &rig->agents[3], 1 };
    const struct policy_route routes[] = {
        { .name = "a", .when = a, .choices = &three, .n_choices = 1, .total = 1 },
        { .name = "b", .when = b, .choices = &four, .n_choices = 1, .total = 1 },
    };
    const struct td_message ok = { .text = "ok" };
    const struct td_message *const oks[] = { &ok };

    (void)state;
    rig->policy.routes = routes;
    rig->policy.n_routes = 2;
    for (int i = 0; i < 12; i++) {
        char id[16];
        snprintf(id, sizeof id, "m%d", i);
        rig_message(rig, id, "hi");
        rig_answer(rig, &(struct td_answer){ .messages = oks, .n_messages = 1,
                                             .intent = i % 2 ? "a" : "b", .confidence = -1 });
    }
    assert_int_equal(rig->session.bounces, 3);
    rig_free(&rig);
    expr_free(&a);
    expr_free(&b);
}

static void a_note_of_a_value_is_cut_between_characters(void **state)
{
    struct rig *rig = rig_new();
    struct expr *any = when("not (timezone == \"x\")");
    const struct policy_choice three = { &rig->agents[2], 1 };
    const struct policy_route route = { .name = "r", .when = any, .choices = &three,
                                        .n_choices = 1, .total = 1 };
    const struct td_message m = { .id = "m1", .text = "hi" };
    char zone[200] = "z";

    (void)state;
    while (strlen(zone) < 150)
        memcpy(zone + strlen(zone), "\xc3\xa9", 3);
    rig->policy.routes = &route;
    rig->policy.n_routes = 1;
    rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &m,
                                .from = { .channel = "web", .peer = "p", .timezone = zone } });
    assert_string_equal(rig->session.owner_name, "three"); /* the rig reads the record back */
    rig_free(&rig);
    expr_free(&any);
}

static void a_session_whose_agent_is_gone_gets_the_channels(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig_message(rig, "m1", "hi");
    rig_do(rig, (struct event){ .type = EVENT_PASS, .name = "four", .text = "operator" });
    rig_says(rig, "hello");
    rig->policy.n_agents = 3; /* a reload without four */
    rig_message(rig, "m2", "hi");
    assert_string_equal(rig->session.owner_name, "one");
    assert_string_equal(rig_record(rig, RECORD_OWNER)->cause, "not_configured");
    assert_string_equal(rig_effect(rig, EFFECT_ASK)->agent, "one");
    assert_int_equal(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->epoch, 3);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_signal_has_a_sentence_of_help),
        cmocka_unit_test(the_first_route_that_matches_counts),
        cmocka_unit_test(an_intent_moves_the_session_once),
        cmocka_unit_test(proof_of_the_customer_counts_in_the_step_that_brings_it),
        cmocka_unit_test(weights_are_sticky_and_roughly_kept),
        cmocka_unit_test(a_route_never_bounces_a_session_for_ever),
        cmocka_unit_test(a_note_of_a_value_is_cut_between_characters),
        cmocka_unit_test(a_session_whose_agent_is_gone_gets_the_channels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
