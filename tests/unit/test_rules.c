/* test_rules.c - engine/decide_rules.c, rules.c, counts.c, signals.c: when a human takes over. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/expr.h"
#include "engine/package.h"
#include "engine/phrases.h"
#include "engine/rules.h"
#include "engine/signals.h"
#include "tests/check.h"
#include "tests/same.h"
#include "tests/unit/engine_rig.h"

#define MAX_RULES 8

/* A rig with desks, rules of its own, and packs that know three phrases. */
struct ruled {
    struct rig *rig;
    struct policy_rule rules[MAX_RULES];
    struct expr *exprs[MAX_RULES];
    struct phrases *phrases;
};

static void pack(struct phrases *phrases, const char *signal, const char *text)
{
    struct err err;

    if (phrases_add(phrases, "en", signal, text, strlen(text), &err) != 0)
        fail_msg("%s", err.text);
}

static struct ruled *ruled_new(void)
{
    struct ruled *r = calloc(1, sizeof *r);

    r->rig = rig_desks();
    r->phrases = phrases_new();
    pack(r->phrases, "want_human", "match a human\nyes a human\nno none\n");
    pack(r->phrases, "complaint", "match it is bad\nyes it is bad\nno none\n");
    pack(r->phrases, "claim", "match i have refunded\nyes i have refunded\nno none\n");
    r->rig->policy.phrases = r->phrases;
    r->rig->policy.phrases_asked = ~UINT32_C(0);
    r->rig->policy.rules = r->rules;
    return r;
}

static void rule(struct ruled *r, struct policy_rule rule, const char *when)
{
    const size_t n = r->rig->policy.n_rules++;
    struct err err;

    r->exprs[n] = expr_compile(when, signals_names, NULL, &err);
    if (r->exprs[n] == NULL)
        fail_msg("%s: %s", when, err.text);
    rule.when = r->exprs[n];
    rule.category = reason_code(rule.code)->category;
    r->rules[n] = rule;
}

static void ruled_free(struct ruled **r)
{
    rig_free(&(*r)->rig);
    for (size_t i = 0; i < MAX_RULES; i++)
        expr_free(&(*r)->exprs[i]);
    phrases_free(&(*r)->phrases);
    free(*r);
    *r = NULL;
}

static enum verdict answers(struct rig *rig, struct td_answer answer, const char *text)
{
    const struct td_message message = { .size = sizeof message, .text = text };
    const struct td_message *const messages[] = { &message };

    answer.messages = messages;
    answer.n_messages = 1;
    answer.confidence = answer.confidence == 0 ? -1 : answer.confidence;
    answer.grounded = answer.grounded == 0 ? -1 : answer.grounded - 1;
    return rig_answer(rig, &answer);
}

static const struct policy_rule human = { .name = "human", .code = "customer_request",
                                          .at = RULE_PRE };

static void signals_have_the_order_of_the_packs(void **state)
{
    size_t i = 0;

    (void)state;
    for (; signals_names[i].name != NULL; i++) {
        const int bit = signals_phrase(i);
        if (bit < 0)
            continue;
        assert_true(bit < PHRASE_claim);
        assert_memory_equal(signals_names[i].name, phrases_signal((unsigned)bit),
                            strlen(phrases_signal((unsigned)bit)));
    }
    assert_int_equal(signals_phrase(i), -1);
}

static void who_asks_for_a_human_gets_one_before_any_agent_is_asked(void **state)
{
    struct ruled *r = ruled_new();
    const struct record *record;

    (void)state;
    rule(r, human, "want_human and not declined_human");
    rig_message(r->rig, "m1", "I want a human");
    assert_null(rig_effect(r->rig, EFFECT_ASK));
    assert_non_null(record = rig_record(r->rig, RECORD_RULE));
    assert_string_equal(record->name, "human");
    assert_string_equal(record->cause, "pre");
    assert_string_equal(record->signals, "want_human=1 declined_human=0");
    assert_int_equal(record->outcome, RULE_HANDOFF);
    assert_string_equal(rig_record(r->rig, RECORD_MESSAGE)->signals, "want_human=1");
    assert_non_null(record = rig_record(r->rig, RECORD_HANDOFF));
    assert_string_equal(record->code, "customer_request");
    assert_string_equal(record->cause, "rule");
    assert_int_equal(r->rig->session.handoff.state, HANDOFF_CHECKING);
    ruled_free(&r);
}

static void the_first_by_priority_is_the_reason_and_the_package_has_the_rest(void **state)
{
    struct ruled *r = ruled_new();
    const struct package_target target = { .bytes = 4096 };

    (void)state;
    rule(r, human, "want_human");
    rule(r, (struct policy_rule){ .name = "c", .code = "repeated_complaint", .at = RULE_PRE },
         "complaint.times >= 2");
    rule(r, (struct policy_rule){ .name = "d", .code = "repeated_complaint", .at = RULE_PRE },
         "complaint");
    rig_message(r->rig, "m1", "well");
    rig_says(r->rig, "hello");
    r->rig->policy.n_rules = 1;
    rig_message(r->rig, "m2", "it is bad");
    rig_says(r->rig, "sorry");
    r->rig->policy.n_rules = 3;
    rig_message(r->rig, "m3", "a human, it is bad");
    assert_int_equal(rig_records(r->rig, RECORD_RULE), 3);
    assert_string_equal(r->rig->session.handoff.code, "customer_request");
    assert_string_equal(r->rig->session.handoff.also, "repeated_complaint");
    const char *package = engine_package(&r->rig->session, &r->rig->policy, &target, r->rig->arena);
    assert_non_null(strstr(package, "\"also\":[\"repeated_complaint\"]"));
    assert_non_null(strstr(package, "\"quote\":\"a human, it is bad\""));
    ruled_free(&r);
}

static void the_reason_that_an_agent_gives_does_not_stand_among_the_others_too(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rule(r, (struct policy_rule){ .name = "a", .code = "agent_requested", .at = RULE_POST },
         "decision == \"escalate\"");
    rule(r, (struct policy_rule){ .name = "c", .code = "repeated_complaint", .at = RULE_POST },
         "complaint");
    rig_message(r->rig, "m1", "it is bad");
    rig_answer(r->rig, &(struct td_answer){ .decision = TD_ESCALATE, .confidence = -1,
                                            .grounded = -1, .escalate_code = "custom_quote" });
    assert_string_equal(r->rig->session.handoff.code, "custom_quote");
    assert_string_equal(r->rig->session.handoff.also, "repeated_complaint");
    ruled_free(&r);
}

static void a_rule_may_withhold_the_answer_or_let_it_go(void **state)
{
    for (int withhold = 0; withhold < 2; withhold++) {
        struct ruled *r = ruled_new();

        rule(r, (struct policy_rule){ .name = "g", .code = "no_grounding", .at = RULE_POST,
                                      .withhold = withhold }, "ungrounded");
        rig_message(r->rig, "m1", "what is it");
        answers(r->rig, (struct td_answer){ .grounded = 1 }, "forty two");
        assert_int_equal(rig_told(r->rig, "forty two"), !withhold);
        assert_int_equal(rig_record(r->rig, RECORD_TURN_END)->outcome,
                         withhold ? TURN_WITHHELD : TURN_ANSWERED);
        assert_string_equal(r->rig->session.handoff.code, "no_grounding");
        if (withhold)
            assert_string_equal(rig_record(r->rig, RECORD_TURN_END)->body.text, "forty two");
        ruled_free(&r);
    }
    (void)state;
}

static void result_of(struct ruled *r, struct record result)
{
    result.type = RECORD_RESULT;
    result.seq = r->rig->session.seq + 1;
    record_encode(&result, &r->rig->facts[result.seq]);
    engine_apply(&r->rig->session, &result);
}

static void a_claim_without_a_receipt_is_withheld_and_the_truth_is_said(void **state)
{
    struct ruled *r = ruled_new();
    const char *const claims[] = { "refund" };

    (void)state;
    rig_message(r->rig, "m1", "my money");
    rig_says(r->rig, "Fine. I have refunded it. Bye.");
    assert_int_equal(rig_told(r->rig, "withheld"), 1);
    assert_int_equal(r->rig->session.handoff.state, HANDOFF_NONE); /* no rule says more */
    assert_int_equal(r->rig->session.counts.unbacked_claims, 1);
    rig_message(r->rig, "m2", "really?");
    answers(r->rig, (struct td_answer){ .claims = claims, .n_claims = 1 }, "All is well now.");
    assert_int_equal(rig_told(r->rig, "All is well now."), 0);

    /* With a receipt of that action both may be said. */
    result_of(r, (struct record){ .name = "refund", .receipt = "R1" });
    rig_message(r->rig, "m3", "and now?");
    answers(r->rig, (struct td_answer){ .claims = claims, .n_claims = 1 }, "I have refunded it.");
    assert_int_equal(rig_told(r->rig, "I have refunded it."), 1);
    ruled_free(&r);
}

/* Until the gateway has actions of its own no receipt comes about; this is what one will do. */
static void only_a_receipt_of_the_same_action_backs_a_claim_also_after_a_restart(void **state)
{
    struct ruled *r = ruled_new();
    const char *const claims[] = { "refund" };
    const struct td_answer claiming = { .claims = claims, .n_claims = 1 };
    struct session restored;

    (void)state;
    result_of(r, (struct record){ .name = "lookup", .receipt = "R1" });
    result_of(r, (struct record){ .name = "refund", .category = "declined", .detail = "no" });
    rig_message(r->rig, "m1", "my money");
    answers(r->rig, claiming, "It is done.");
    assert_int_equal(rig_told(r->rig, "It is done."), 0);

    result_of(r, (struct record){ .name = "refund", .receipt = "R2" });
    rig_restore(r->rig, &restored);
    assert_true(session_same(&restored, &r->rig->session));
    session_fini(&r->rig->session);
    r->rig->session = restored;
    rig_message(r->rig, "m2", "and now?");
    answers(r->rig, claiming, "It is done.");
    assert_int_equal(rig_told(r->rig, "It is done."), 1);
    ruled_free(&r);
}

static void who_is_trusted_needs_no_receipt(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    r->rig->agents[0].trusted = 1;
    rig_message(r->rig, "m1", "my money");
    rig_says(r->rig, "I have refunded it.");
    assert_int_equal(rig_told(r->rig, "I have refunded it."), 1);
    ruled_free(&r);
}

static void a_third_clarifying_question_is_not_asked(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rig_message(r->rig, "m1", "help");
    answers(r->rig, (struct td_answer){ .decision = TD_CLARIFY }, "which one");
    rig_message(r->rig, "m2", "this one");
    answers(r->rig, (struct td_answer){ .decision = TD_CLARIFY }, "what colour");
    rig_message(r->rig, "m3", "red");
    answers(r->rig, (struct td_answer){ .decision = TD_CLARIFY }, "what size");
    assert_int_equal(rig_told(r->rig, "what size"), 0);
    assert_string_equal(r->rig->session.handoff.code, "clarify_budget");
    ruled_free(&r);
}

static void a_slot_is_asked_for_once(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rig_message(r->rig, "m1", "help");
    answers(r->rig, (struct td_answer){ .decision = TD_CLARIFY, .clarify_slot = "order" },
            "which order");
    rig_message(r->rig, "m2", "that one");
    answers(r->rig, (struct td_answer){ .decision = TD_CLARIFY, .clarify_slot = "order" },
            "tell me the order again");
    assert_int_equal(rig_told(r->rig, "tell me the order again"), 0);
    assert_string_equal(r->rig->session.handoff.code, "clarify_budget");
    ruled_free(&r);
}

static void without_a_human_the_question_too_many_is_still_not_asked(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    r->rig->policy.n_queues = 0;
    r->rig->channel.queue = NULL;
    r->rig->policy.clarify_max = 0;
    rig_message(r->rig, "m1", "help");
    answers(r->rig, (struct td_answer){ .decision = TD_CLARIFY }, "which one");
    assert_int_equal(rig_told(r->rig, "which one"), 0);
    assert_int_equal(rig_told(r->rig, "no human"), 1);
    ruled_free(&r);
}

static enum verdict choose(struct rig *rig, const char *id, const char *choice)
{
    const struct td_message message = { .size = sizeof message, .id = id, .text = choice,
                                        .choice = choice };

    return rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &message,
                                       .from = { .channel = "web", .peer = "p1" } });
}

static const struct policy_rule offers = { .name = "quote", .code = "custom_quote",
                                           .at = RULE_PRE, .mode = RULE_OFFER };

static void an_offer_is_asked_first_and_the_agent_waits_for_the_word(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rule(r, offers, "complaint");
    rig_message(r->rig, "m1", "it is bad");
    assert_null(rig_effect(r->rig, EFFECT_ASK));
    assert_int_equal(rig_told(r->rig, "offer"), 1);
    assert_int_equal(rig_record(r->rig, RECORD_REPLY)->body.n_choices, 2);
    assert_int_equal(r->rig->session.handoff.state, HANDOFF_NONE);
    assert_int_equal(engine_busy(&r->rig->session, &r->rig->policy), 0);
    choose(r->rig, "m2", "yes");
    assert_string_equal(r->rig->session.handoff.code, "custom_quote");
    assert_string_equal(r->rig->session.handoff.evidence, "3");
    ruled_free(&r);
}

static void who_declines_goes_on_with_the_agent_and_is_not_asked_again(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rule(r, offers, "complaint");
    rig_message(r->rig, "m1", "it is bad");
    choose(r->rig, "m2", "no");
    assert_int_equal(rig_record(r->rig, RECORD_RULE)->outcome, RULE_DECLINED);
    assert_non_null(rig_effect(r->rig, EFFECT_ASK));
    rig_says(r->rig, "fine");
    rig_message(r->rig, "m3", "still it is bad");
    assert_int_equal(rig_told(r->rig, "offer"), 1);
    assert_non_null(rig_effect(r->rig, EFFECT_ASK));
    assert_int_equal(rig_record(r->rig, RECORD_RULE)->outcome, RULE_ALSO);
    ruled_free(&r);
}

/* Rules that ask how long the customer has waited, each with its moment. */
static void waits(struct ruled *r, const struct policy_wait *list, size_t n)
{
    r->rig->policy.waits = list;
    r->rig->policy.n_waits = n;
}

static void who_waits_too_long_gets_a_human_when_nothing_else_happens(void **state)
{
    struct ruled *r = ruled_new();
    const struct policy_wait wait = { .rule = &r->rules[0], .after_ms = 7001 };
    const struct record *record;

    (void)state;
    rule(r, (struct policy_rule){ .name = "slow", .code = "agent_unavailable", .at = RULE_WAIT },
         "waiting_s > 7");
    waits(r, &wait, 1);
    assert_int_equal(engine_due(&r->rig->session, &r->rig->policy), INT64_MAX);
    rig_message(r->rig, "m1", "hello there");
    assert_int_equal(rules_wait_due(&r->rig->session, &r->rig->policy), r->rig->now + 7001);
    rig_due(r->rig);
    assert_non_null(record = rig_record(r->rig, RECORD_RULE));
    assert_string_equal(record->name, "slow");
    assert_string_equal(record->cause, "event");
    assert_string_equal(record->signals, "waiting_s=7.001");
    assert_int_equal(record->outcome, RULE_HANDOFF);
    assert_int_equal(r->rig->session.handoff.state, HANDOFF_CHECKING);
    assert_int_equal(rules_wait_due(&r->rig->session, &r->rig->policy), INT64_MAX);
    ruled_free(&r);
}

static void an_answer_in_time_ends_the_waiting(void **state)
{
    struct ruled *r = ruled_new();
    const struct policy_wait wait = { .rule = &r->rules[0], .after_ms = 7001 };

    (void)state;
    rule(r, (struct policy_rule){ .name = "slow", .code = "agent_unavailable", .at = RULE_WAIT },
         "waiting_s > 7 and messages > 1");
    waits(r, &wait, 1);
    rig_message(r->rig, "m1", "hello there");
    assert_int_equal(rules_wait_due(&r->rig->session, &r->rig->policy), INT64_MAX);
    rig_says(r->rig, "good day");
    rig_message(r->rig, "m2", "and now");
    assert_int_equal(rules_wait_due(&r->rig->session, &r->rig->policy), r->rig->now + 7001);
    rig_says(r->rig, "well");
    assert_int_equal(rules_wait_due(&r->rig->session, &r->rig->policy), INT64_MAX);
    ruled_free(&r);
}

static void a_late_clock_sees_the_moment_that_was_waited_for(void **state)
{
    struct ruled *r = ruled_new();
    const struct policy_wait list[] = { { .rule = &r->rules[0], .after_ms = 5000 } };

    (void)state;
    rule(r, (struct policy_rule){ .name = "soon", .code = "sales_call", .at = RULE_WAIT,
                                  .mode = RULE_OFFER }, "waiting_s >= 5 and waiting_s < 9");
    waits(r, list, 1);
    rig_message(r->rig, "m1", "hello there");
    r->rig->now += 60000;
    rig_event(r->rig, EVENT_TIMER);
    assert_int_equal(rig_record(r->rig, RECORD_RULE)->outcome, RULE_OFFERED);
    assert_int_equal(rig_told(r->rig, "offer"), 1);
    assert_int_equal(rig_effects(r->rig, EFFECT_CANCEL), 1); /* the agent waits for the word */
    choose(r->rig, "m2", "no");
    assert_non_null(rig_effect(r->rig, EFFECT_ASK));
    assert_int_equal(rules_wait_due(&r->rig->session, &r->rig->policy), INT64_MAX);
    ruled_free(&r);
}

static void an_offer_lapses_when_the_customer_goes_on(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rule(r, offers, "complaint");
    rule(r, human, "want_human");
    rig_message(r->rig, "m1", "it is bad");
    rig_message(r->rig, "m2", "what is the time");
    assert_int_equal(rig_record(r->rig, RECORD_RULE)->outcome, RULE_LAPSED);
    assert_non_null(rig_effect(r->rig, EFFECT_ASK));
    assert_null(r->rig->session.offer);
    rig_says(r->rig, "noon");
    choose(r->rig, "m3", "yes"); /* to nobody's question */
    assert_int_equal(r->rig->session.handoff.state, HANDOFF_NONE);
    ruled_free(&r);
}

static void an_answer_said_twice_is_a_loop(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rule(r, (struct policy_rule){ .name = "loop", .code = "loop_detected", .at = RULE_POST,
                                  .withhold = 1 }, "repeated_reply");
    rig_message(r->rig, "m1", "help");
    rig_says(r->rig, "Did not get that.");
    rig_message(r->rig, "m2", "help me");
    rig_says(r->rig, "did not  GET that!");
    assert_int_equal(rig_told(r->rig, "did not  GET that!"), 0);
    assert_string_equal(r->rig->session.handoff.code, "loop_detected");
    ruled_free(&r);
}

static void texts_are_equal_in_what_counts_only(void **state)
{
    (void)state;
    assert_true(rules_same_text("Where is my order?", "where is  my ORDER"));
    assert_true(rules_same_text("\xc3\x89t\xc3\xa9 ici et l\xc3\xa0", "\xc3\xa9t\xc3\xa9 ici et l\xc3\xa0."));
    assert_false(rules_same_text("Where is my order?", "where is my other order"));
    assert_false(rules_same_text("order 12 is late", "order 13 is late"));
    assert_false(rules_same_text("yes", "yes")); /* what is said all the time */
    assert_false(rules_same_text(NULL, "a b c"));
}

static void a_failing_agent_is_the_reason_of_the_rule_that_says_so(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rule(r, (struct policy_rule){ .name = "gone", .code = "agent_unavailable", .at = RULE_EVENT },
         "agent_gone and agent_failures >= 2");
    rig_message(r->rig, "m1", "help");
    rig_status(r->rig, TD_FAIL, "broken");
    assert_int_equal(rig_records(r->rig, RECORD_RULE), 0); /* another is asked */
    rig_status(r->rig, TD_FAIL, "broken too");
    assert_string_equal(rig_record(r->rig, RECORD_RULE)->name, "gone");
    assert_string_equal(r->rig->session.handoff.code, "agent_unavailable");
    ruled_free(&r);
}

static void who_was_looked_for_in_vain_is_looked_for_again_when_more_is_said(void **state)
{
    struct ruled *r = ruled_new();

    (void)state;
    rule(r, human, "want_human");
    rig_message(r->rig, "m1", "a human");
    rig_offered(r->rig, OFFERED_NOBODY, NULL);
    assert_int_equal(r->rig->session.handoff.state, HANDOFF_NONE);
    assert_non_null(rig_effect(r->rig, EFFECT_ASK));
    answers(r->rig, (struct td_answer){ .decision = TD_ESCALATE }, "I pass you on");
    assert_int_equal(r->rig->session.handoff.state, HANDOFF_NONE);
    assert_int_equal(rig_told(r->rig, "nobody"), 1);
    rig_message(r->rig, "m2", "a human, I said");
    assert_int_equal(r->rig->session.handoff.state, HANDOFF_CHECKING);
    ruled_free(&r);
}

static void a_stream_shows_whole_sentences_and_stops_before_a_claim(void **state)
{
    static const char text[] = "Let me see. I have refunded it. You will get a mail. And";
    struct ruled *r = ruled_new();
    int stop;

    (void)state;
    assert_int_equal(rules_showable(&r->rig->policy, &r->rig->session, "one", text, 6, &stop), 0);
    assert_int_equal(stop, 0);
    assert_int_equal(rules_showable(&r->rig->policy, &r->rig->session, "one", text,
                                    sizeof text - 1, &stop), 11);
    assert_int_equal(stop, 1);
    assert_int_equal(rules_showable(&r->rig->policy, &r->rig->session, "one",
                                    "Dr. Ny is in. Yes", 17, &stop), 13);
    r->rig->policy.phrases_asked = 0;
    assert_int_equal(rules_showable(&r->rig->policy, &r->rig->session, "one", text,
                                    sizeof text - 1, &stop), sizeof text - 1);
    ruled_free(&r);
}

static void a_noted_number_is_what_printf_would_write(void **state)
{
    static const double odd[] = { 0.5, 999.9995, 1000.5, 12345.678, 999999, 1e6, 1e7, -1, 1e-4 };
    const size_t n_odd = sizeof odd / sizeof *odd;
    struct arena *arena = arena_new(0);
    char wanted[64];

    (void)state;
    for (size_t i = 0; i < 200000; i += i < 2000 ? 1 : 997) {
        const double num = i < n_odd ? odd[i] : (double)(i - n_odd) / 1000;
        const struct expr_value value = { .set = 1, .num = num };

        snprintf(wanted, sizeof wanted, "n=%g", num);
        assert_string_equal(signals_note(arena, "", "n", &value), wanted);
        arena_reset(arena);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_have_the_order_of_the_packs),
        cmocka_unit_test(who_asks_for_a_human_gets_one_before_any_agent_is_asked),
        cmocka_unit_test(the_first_by_priority_is_the_reason_and_the_package_has_the_rest),
        cmocka_unit_test(the_reason_that_an_agent_gives_does_not_stand_among_the_others_too),
        cmocka_unit_test(a_rule_may_withhold_the_answer_or_let_it_go),
        cmocka_unit_test(a_claim_without_a_receipt_is_withheld_and_the_truth_is_said),
        cmocka_unit_test(only_a_receipt_of_the_same_action_backs_a_claim_also_after_a_restart),
        cmocka_unit_test(who_is_trusted_needs_no_receipt),
        cmocka_unit_test(a_third_clarifying_question_is_not_asked),
        cmocka_unit_test(a_slot_is_asked_for_once),
        cmocka_unit_test(without_a_human_the_question_too_many_is_still_not_asked),
        cmocka_unit_test(an_offer_is_asked_first_and_the_agent_waits_for_the_word),
        cmocka_unit_test(who_declines_goes_on_with_the_agent_and_is_not_asked_again),
        cmocka_unit_test(an_offer_lapses_when_the_customer_goes_on),
        cmocka_unit_test(who_waits_too_long_gets_a_human_when_nothing_else_happens),
        cmocka_unit_test(an_answer_in_time_ends_the_waiting),
        cmocka_unit_test(a_late_clock_sees_the_moment_that_was_waited_for),
        cmocka_unit_test(an_answer_said_twice_is_a_loop),
        cmocka_unit_test(texts_are_equal_in_what_counts_only),
        cmocka_unit_test(a_failing_agent_is_the_reason_of_the_rule_that_says_so),
        cmocka_unit_test(who_was_looked_for_in_vain_is_looked_for_again_when_more_is_said),
        cmocka_unit_test(a_stream_shows_whole_sentences_and_stops_before_a_claim),
        cmocka_unit_test(a_noted_number_is_what_printf_would_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
