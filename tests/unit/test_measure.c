/* test_measure.c - measure/measure.c, measure/figures.c: conversations measured by hand. */
#include "config.h"

#include <math.h>

#include "base/err.h"
#include "base/zone.h"
#include "engine/hours.h"
#include "engine/policy.h"
#include "tests/check.h"
#include "tests/unit/tape.h"

#define MONDAY INT64_C(1795424400000) /* 2026-11-23 09:00:00 UTC */

static struct policy_queue queues[] = { { .name = "sales" }, { .name = "billing" } };
static const struct policy policy = { .queues = queues, .n_queues = 2 };
static struct figures figures;

/* What the conversation adds, looked at `after` its beginning. */
static void add(struct tape *tape, int64_t after)
{
    figures_add(&figures, &tape->measure, &(struct figures_view){
        .now = tape->begun + after, .policy = &policy, .escalations = FIGURES_ALL_ESCALATIONS });
    tape_end(tape);
}

static void wants_human(struct tape *t, unsigned id, const char *queue)
{
    tape_customer(t, "a human");
    tape_agent(t, TD_ESCALATE, NULL, NULL);
    tape_handoff(t, id, 0, queue, "customer_request");
}

static void answers(struct tape *t, unsigned id)
{
    tape_accepted(t, id);
    tape_human(t, id, "Hello.");
}

static int clear(void **state)
{
    (void)state;
    figures_fini(&figures);
    return 0;
}

static void is(const char *name, double value)
{
    const double got = figure_of(&figures, name);

    if (isnan(got) ? !isnan(value) : isnan(value) || fabs(got - value) > 1e-9)
        fail_msg("%s is %.10g and should be %.10g", name, got, value);
}

static void the_day_of_these_tests_is_a_monday(void **state)
{
    (void)state;
    assert_true(zone_moment(zone_utc(), 2026, 11, 23, 9, 0) == MONDAY);
}

/* ---- Time to human response --------------------------------------------------------------- */

/* 09:00:00 customer, 09:00:02 agent, 09:10:00 customer and escalation, 09:12:00 accepted (and the
 * system says so), 09:13:30 the human. 09:13:30 - 09:10:00 = 210 s; of the queue: 120 s. */
static void the_response_runs_from_the_escalation_and_not_from_the_bots_first_word(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "hello");
    tape_at(&t, 2 * SECOND);
    tape_agent(&t, TD_RESOLVE, "quote", NULL);
    tape_at(&t, 10 * MINUTE);
    tape_customer(&t, "a quote");
    tape_agent(&t, TD_ESCALATE, "quote", NULL);
    tape_handoff(&t, 1, 0, "sales", "custom_quote");
    tape_at(&t, 12 * MINUTE);
    tape_accepted(&t, 1);
    is("responses", 0);
    tape_at(&t, 13 * MINUTE + 30 * SECOND);
    tape_human(&t, 1, "Hello.");
    tape_at(&t, 14 * MINUTE);
    tape_human(&t, 1, "Here it is.");
    add(&t, HOUR);
    is("responses", 1);
    is("response_p50_s", 210);
    is("response_p95_s", 210);
    is("queue_p50_s", 120);
    is("escalated", 1);
    is("answered", 1);
    is("unanswered_15m", 0);
}

/* One answered after 60 s, one after 20 min, one waits for 2 h, one has waited for 5 min.
 * p50 of {60, 1200} is the first. After 15 min two of the three that are old enough were
 * unanswered; after an hour one of three; no 24 hours have passed for any. */
static void who_still_waits_is_in_no_mean_but_in_the_share_of_the_unanswered(void **state)
{
    (void)state;
    static const int64_t answered[] = { MINUTE, 20 * MINUTE, 0, 0 };
    static const int64_t looked[] = { 2 * HOUR, 2 * HOUR, 2 * HOUR, 5 * MINUTE };
    struct tape t;
    for (int i = 0; i < 4; i++) {
        tape_begin(&t, MONDAY, "a");
        wants_human(&t, 1, "sales");
        tape_at(&t, answered[i]);
        if (answered[i] != 0) {
            answers(&t, 1);
        }
        add(&t, looked[i]);
    }
    is("responses", 2);
    is("waiting", 2);
    is("response_p50_s", 60);
    is("response_p90_s", 1200);
    is("unanswered_15m_of", 3);
    is("unanswered_15m", 2.0 / 3);
    is("unanswered_1h_of", 3);
    is("unanswered_1h", 1.0 / 3);
    is("unanswered_24h_of", 0);
    is("unanswered_24h", NAN);
}

/* sales 09:00 to 09:05 (accepted), the human speaks at 09:06, 09:08 transferred to billing; there
 * until 09:18 (accepted), speaks at 09:19, ends at 09:28. One escalation: 360 s to the first word;
 * two queue times, 300 and 600 s; handled for 180 + 600 = 780 s. */
static void a_transfer_between_queues_is_one_escalation_with_two_queue_times(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    wants_human(&t, 1, "sales");
    tape_at(&t, 5 * MINUTE);
    tape_accepted(&t, 1);
    tape_at(&t, 6 * MINUTE);
    tape_human(&t, 1, "Hello.");
    tape_at(&t, 8 * MINUTE);
    tape_stretch(&t, 1, 3 * MINUTE, HANDOFF_TRANSFERRED, NULL);
    tape_handoff(&t, 2, 1, "billing", "customer_request");
    tape_at(&t, 18 * MINUTE);
    tape_accepted(&t, 2);
    tape_at(&t, 19 * MINUTE);
    tape_human(&t, 2, "Billing here.");
    tape_at(&t, 28 * MINUTE);
    tape_stretch(&t, 2, 10 * MINUTE, HANDOFF_RETURNED, "{\"outcome\":\"resolved\"}");
    assert_string_equal(t.measure.escalations[0].queue, "billing");
    assert_int_equal(t.measure.escalations[0].outcome, HANDOFF_RETURNED);
    add(&t, HOUR);
    is("escalations", 1);
    is("responses", 1);
    is("response_p50_s", 360);
    is("queue_served", 2);
    is("queue_p50_s", 300);
    is("queue_p90_s", 600);
    is("handling_p50_s", 780);
    is("human_resolution_p50_s", 28 * 60);
}

/* sales for 5 minutes, then its overflow billing for 2: one wait that nobody ended, one of 120 s. */
static void a_queue_that_overflows_has_served_nobody(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    tape_handoff(&t, 1, 0, "sales", "customer_request");
    tape_at(&t, 5 * MINUTE);
    tape_moved(&t, 1, "billing");
    tape_at(&t, 7 * MINUTE);
    answers(&t, 1);
    add(&t, HOUR);
    is("queue_served", 1);
    is("queue_unserved", 1);
    is("queue_p50_s", 120);
    is("response_p50_s", 420);
}

/* A human accepts at once and never speaks; after 10 minutes another one has it, and speaks after
 * 12: the first word of a human counts, 720 s after the escalation. */
static void a_human_who_never_spoke_has_not_answered(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    tape_handoff(&t, 1, 0, "sales", "customer_request");
    tape_accepted(&t, 1);
    tape_at(&t, 10 * MINUTE);
    tape_stretch(&t, 1, 10 * MINUTE, HANDOFF_REQUEUED, NULL);
    tape_handoff(&t, 2, 1, "sales", "customer_request");
    tape_at(&t, 12 * MINUTE);
    tape_accepted(&t, 2);
    tape_human(&t, 2, "Sorry.");
    add(&t, HOUR);
    is("escalations", 1);
    is("response_p50_s", 720);
}

/* First: 09:00 to 09:01, returned at 09:05. Second: 09:30 to 09:34. Two escalations, one session:
 * 60 and 240 s. */
static void what_is_escalated_again_after_the_return_is_a_second_escalation(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    wants_human(&t, 1, "sales");
    tape_at(&t, MINUTE);
    answers(&t, 1);
    tape_at(&t, 5 * MINUTE);
    tape_stretch(&t, 1, 4 * MINUTE, HANDOFF_RETURNED, NULL);
    tape_at(&t, 30 * MINUTE);
    tape_customer(&t, "a human, again");
    tape_agent(&t, TD_ESCALATE, NULL, NULL);
    tape_handoff(&t, 2, 0, "billing", "repeated_complaint");
    tape_at(&t, 34 * MINUTE);
    tape_accepted(&t, 2);
    tape_human(&t, 2, "Hello again.");
    add(&t, HOUR);
    is("escalations", 2);
    is("escalated", 1);
    is("responses", 2);
    is("response_p50_s", 60);
    is("response_p90_s", 240);
    is("escalation_rate", 1);
}

/* Hours Mon-Fri 09:00-17:00 in Copenhagen (UTC+1). Monday 22:00 there: out of hours, a callback is
 * promised, the session closes at 23:00. Tuesday at 09:00 it is offered for the promise, the human
 * speaks at 09:05: 11 h 5 min = 39900 s, 300 s of them in hours; after the close, and still the
 * answer to that escalation. */
static void a_promise_kept_after_the_close_answers_the_escalation_over_midnight(void **state)
{
    (void)state;
    struct err err = { "" };
    struct hours *hours = hours_parse("Mon-Fri 09:00-17:00 Europe/Copenhagen", NULL, NULL, &err);
    struct tape t;
    assert_non_null(hours);
    queues[0].hours = hours;
    tape_begin(&t, MONDAY + 12 * HOUR, "a"); /* 21:00 UTC */
    wants_human(&t, 1, "sales");
    tape_put(&t, (struct record){ .type = RECORD_PROMISE, .outcome = PROMISE_MADE });
    tape_over(&t, 1, HANDOFF_CALLBACK);
    tape_at(&t, HOUR);
    tape_closed(&t);
    tape_at(&t, 11 * HOUR);
    tape_put(&t, (struct record){ .type = RECORD_REOPENED });
    tape_put(&t, (struct record){ .type = RECORD_HANDOFF, .handoff = ulid_make(1, 0, 2),
                                  .queue = "sales", .code = "customer_request",
                                  .cause = "promise" });
    tape_at(&t, 11 * HOUR + 5 * MINUTE);
    tape_accepted(&t, 2);
    tape_human(&t, 2, "You wanted a human.");
    tape_put(&t, (struct record){ .type = RECORD_PROMISE, .outcome = PROMISE_KEPT });
    add(&t, 2 * DAY);
    is("escalations", 1);
    is("response_p50_s", 39900);
    is("business_p50_s", 300);
    is("unanswered_1h", 1);
    is("unanswered_24h", 0);
    is("promises_made", 1);
    is("promises_kept", 1);
    is("promises_broken", 0);
    queues[0].hours = NULL;
    hours_free(&hours);
}

/* The night of 2026-10-25 has an hour more. Hours Sat-Sun 22:00-06:00 in Copenhagen: open from
 * Saturday 20:00 UTC to Sunday 05:00 UTC. From 21:00 UTC to 09:00 UTC: 12 h, 8 of them open. */
static void business_hours_are_right_in_the_night_when_clocks_change(void **state)
{
    (void)state;
    struct err err = { "" };
    struct hours *hours = hours_parse("Sat-Sun 22:00-06:00 Europe/Copenhagen", NULL, NULL, &err);
    struct tape t;
    assert_non_null(hours);
    queues[0].hours = hours;
    tape_begin(&t, zone_moment(zone_utc(), 2026, 10, 24, 21, 0), "a");
    tape_handoff(&t, 1, 0, "sales", "customer_request");
    tape_at(&t, 12 * HOUR);
    tape_accepted(&t, 1);
    tape_human(&t, 1, "Good morning.");
    add(&t, DAY);
    is("response_p50_s", 12 * 3600);
    is("business_p50_s", 8 * 3600);
    queues[0].hours = NULL;
    hours_free(&hours);
}

/* ---- Containment -------------------------------------------------------------------------- */

/* Four sessions: one that the agent kept, one escalated, one in which the gateway wrote first and
 * nobody replied (the agent was asked to greet), one that a human took before any agent was asked.
 * N = 2, E = 1: rate 1/2, containment 1/2. */
static void conversations_that_no_customer_joined_are_not_in_the_denominator(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "hello");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "b");
    wants_human(&t, 1, "sales");
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "c");
    tape_put(&t, (struct record){ .type = RECORD_TURN, .agent = "bot", .cause = "start" });
    tape_put(&t, (struct record){ .type = RECORD_REPLY, .author = TD_AI, .body.text = "Hi!" });
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "d");
    tape_handoff(&t, 1, 0, "", "human_takeover");
    tape_accepted(&t, 1);
    add(&t, HOUR);
    is("sessions", 2);
    is("escalated", 1);
    is("escalation_rate", 0.5);
    is("containment", 0.5);
    is("escalations", 2);
}

/* Left while waiting: abandoned. Closed while waiting: abandoned. Left after the human spoke: not.
 * Timed out: nobody's fault but ours. 2 of 4. */
static void who_leaves_before_a_human_speaks_has_abandoned(void **state)
{
    (void)state;
    static const struct {
        enum handoff_outcome outcome;
        int spoke;
    } ends[] = { { HANDOFF_LEFT, 0 }, { HANDOFF_CLOSED, 0 }, { HANDOFF_LEFT, 1 },
                 { HANDOFF_TIMEOUT, 0 } };
    struct tape t;
    for (size_t i = 0; i < 4; i++) {
        tape_begin(&t, MONDAY, "a");
        tape_handoff(&t, 1, 0, "sales", "customer_request");
        tape_at(&t, MINUTE);
        if (ends[i].spoke)
            tape_human(&t, 1, "Hello.");
        tape_over(&t, 1, ends[i].outcome);
        add(&t, HOUR);
    }
    is("abandoned", 2);
    is("abandonment", 0.5);
    is("waiting", 0);
    is("answered", 1);
}

/* ---- Re-explain --------------------------------------------------------------------------- */

/* After the human's first word the customer writes four messages; the first and the fourth give
 * the order number again. The fourth is not looked at; the first is enough. */
static void only_the_first_three_messages_after_the_human_are_looked_at(void **state)
{
    (void)state;
    static const char *const texts[2][4] = { { "it is A-10023", "yes", "no", "fine" },
                                             { "yes", "no", "fine", "it is A-10023" } };
    for (int i = 0; i < 2; i++) {
        struct tape t;
        tape_begin(&t, MONDAY, "a");
        tape_customer(&t, "my order");
        tape_agent(&t, TD_ESCALATE, NULL, "{\"order_id\":\"A-10023\"}");
        tape_handoff(&t, 1, 0, "sales", "customer_request");
        tape_accepted(&t, 1);
        tape_human(&t, 1, i == 0 ? "What is your order number?" : "Hello.");
        for (int k = 0; k < 4; k++)
            tape_customer(&t, texts[i][k]);
        add(&t, HOUR);
    }
    is("reexplain_of", 2);
    is("reexplain_identifier", 1);
    is("reexplain_words", 0);
    is("reexplain_told", 0);
    is("reexplain_asked", 1);
    is("re_explain_rate", 0.5);
    is("re_ask_rate", 0.5);
}

/* Answered and resolved: one whose customer said nothing more, one who was asked again, one whose
 * texts were erased. The third is not known: 1 of 2. The rates have one session to look at. */
static void erased_texts_are_unknown_and_nobody_who_was_silent_repeated_anything(void **state)
{
    (void)state;
    struct tape t;
    for (int i = 0; i < 3; i++) {
        tape_begin(&t, MONDAY, "a");
        tape_customer(&t, i == 2 ? NULL : "my order");
        tape_agent(&t, TD_ESCALATE, NULL, "{\"email\":\"x@example.com\"}");
        tape_handoff(&t, 1, 0, "sales", "customer_request");
        tape_accepted(&t, 1);
        tape_human(&t, 1, i == 1 ? "Your email?" : "Done.");
        if (i > 0)
            tape_customer(&t, i == 2 ? NULL : "well ..");
        tape_at(&t, MINUTE);
        tape_stretch(&t, 1, MINUTE, HANDOFF_CLOSED, "{\"outcome\":\"resolved\"}");
        add(&t, HOUR);
    }
    is("reexplain_of", 1);
    is("reexplain_unknown", 1);
    is("re_ask_rate", 1);
    is("re_explain_rate", 0);
    is("resolved_without_repetition", 0.5);
    is("resolution_human", 1);
}

/* ---- Timing ------------------------------------------------------------------------------- */

static void judged(const char *wrapup, int64_t should_after)
{
    struct tape t;

    tape_begin(&t, MONDAY, "a");
    if (should_after >= 0) {
        tape_at(&t, should_after);
        t.measure.should_at = t.now;
        tape_customer(&t, "a human!");
        tape_customer(&t, "please!");
    }
    tape_at(&t, 5 * MINUTE);
    tape_handoff(&t, 1, 0, "sales", "frustration");
    tape_accepted(&t, 1);
    tape_at(&t, 6 * MINUTE);
    tape_stretch(&t, 1, MINUTE, HANDOFF_RETURNED, wrapup);
    add(&t, HOUR);
}

/* right: on time. right, but for another reason. late, with a rule that had held 4 minutes and 2
 * messages before. late, as far as is known. early. needless. no word of a human, but a rule held
 * 3 minutes before: late. no word and no rule: not audited. Then a session in which a rule held and
 * nothing followed: missed.
 * Needed: 1 + 3 + 1 + 1 = 6; precision 6/7, recall 6/7. Late by {180, 240} s. */
static void the_audit_of_timing_goes_by_the_human_then_by_the_rules(void **state)
{
    (void)state;
    struct tape t;
    judged("{\"escalation\":\"right\",\"reason_should_be\":\"frustration\"}", -1);
    judged("{\"escalation\":\"right\",\"reason_should_be\":\"legal\"}", -1);
    judged("{\"escalation\":\"late\"}", MINUTE);
    judged("{\"escalation\":\"late\"}", -1);
    judged("{\"escalation\":\"early\"}", -1);
    judged("{\"escalation\":\"needless\"}", MINUTE);
    judged(NULL, 2 * MINUTE);
    judged("{\"note\":\"well\"}", -1);
    tape_begin(&t, MONDAY, "a");
    t.measure.should_at = t.now;
    tape_customer(&t, "a human!");
    add(&t, HOUR);
    is("on_time", 1);
    is("wrong_reason", 1);
    is("late", 3);
    is("early", 1);
    is("needless", 1);
    is("missed", 1);
    is("late_p50_s", 180);
    is("late_messages_p50", 2);
    is("precision", 6.0 / 7);
    is("recall", 6.0 / 7);
}

static void ruled(struct tape *t, enum rule_outcome outcome)
{
    tape_put(t, (struct record){ .type = RECORD_RULE, .name = "angry", .code = "frustration",
                                 .cause = "pre", .outcome = (int)outcome });
}

/* At 09:01 a rule holds and there is no queue; the customer writes twice more, at 09:05 it holds
 * again and leads to a human: late by 2 messages and 240 s. Then another one holds while the human
 * is there, which is nothing new. */
static void the_first_rule_that_held_says_since_when_a_human_was_needed(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    tape_at(&t, MINUTE);
    tape_customer(&t, "this is useless!");
    ruled(&t, RULE_NOBODY);
    tape_at(&t, 2 * MINUTE);
    tape_customer(&t, "useless!");
    tape_at(&t, 5 * MINUTE);
    tape_customer(&t, "USELESS!");
    ruled(&t, RULE_HANDOFF);
    tape_handoff(&t, 1, 0, "sales", "frustration");
    tape_at(&t, 6 * MINUTE);
    ruled(&t, RULE_NOBODY);
    add(&t, HOUR);
    is("late", 1);
    is("late_messages_p50", 2);
    is("late_p50_s", 240);
    is("missed", 0);
}

/* The agent asks for a human: not audited. It holds and leads to a human at once: on time. It holds, a human is offered and declined: no
 * miss. It holds and there is nobody: missed. Recall 1/2. */
static void a_rule_that_leads_to_nobody_is_missed_unless_the_customer_wants_nobody(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "z");
    tape_customer(&t, "hello");
    tape_put(&t, (struct record){ .type = RECORD_RULE, .code = "agent_requested",
                                  .outcome = RULE_HANDOFF });
    tape_handoff(&t, 1, 0, "sales", "agent_requested");
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "useless!");
    ruled(&t, RULE_HANDOFF);
    tape_handoff(&t, 1, 0, "sales", "frustration");
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "b");
    tape_customer(&t, "useless!");
    ruled(&t, RULE_OFFERED);
    tape_customer(&t, "no");
    ruled(&t, RULE_DECLINED);
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "c");
    tape_customer(&t, "useless!");
    ruled(&t, RULE_NOBODY);
    add(&t, HOUR);
    is("on_time", 1);
    is("missed", 1);
    is("recall", 0.5);
    is("precision", 1);
}

/* ---- The agent, satisfaction, time -------------------------------------------------------- */

/* Resolved with 2 clarifying turns, resolved with none, not resolved with 1: 2/2 = 1 a resolved
 * session. Failures: 2. Questions without an answer: refused, not grounded, failed. */
static void clarifying_turns_count_for_resolved_sessions_and_failures_for_all(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "hello");
    tape_agent(&t, TD_CLARIFY, NULL, NULL);
    tape_customer(&t, "one");
    tape_agent(&t, TD_CLARIFY, NULL, NULL);
    tape_at(&t, 3 * MINUTE);
    tape_customer(&t, "two");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "b");
    tape_customer(&t, "hello");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "c");
    tape_customer(&t, "hello");
    tape_agent(&t, TD_CLARIFY, NULL, NULL);
    tape_customer(&t, "well?");
    tape_agent(&t, TD_REFUSE, NULL, NULL);
    tape_customer(&t, "and this?");
    tape_put(&t, (struct record){ .type = RECORD_TURN_END, .outcome = TURN_ANSWERED,
                                  .grounded = 2, .upto = t.seq });
    tape_customer(&t, "or that?");
    for (int i = 0; i < 2; i++)
        tape_put(&t, (struct record){ .type = RECORD_TURN_END, .outcome = TURN_FAILED,
                                      .upto = 999 });
    assert_int_equal(t.measure.n_questions, 3);
    assert_string_equal(t.measure.questions[0].why, "refused");
    assert_string_equal(t.measure.questions[1].why, "not_grounded");
    assert_string_equal(t.measure.questions[2].why, "failed");
    add(&t, HOUR);
    is("resolved", 2);
    is("clarify_per_resolved", 1);
    is("agent_failures", 2);
    is("unanswered_questions", 3);
    is("resolution_contained", 2.0 / 3);
    is("resolution_p50_s", 0);
    is("resolution_p90_s", 180);
}

/* Not escalated: rated 5 and 2. Escalated: the agent was rated 1 before and 3 while the customer
 * waited, the human 4 after. Contained: mean 3.5, half of them good; of humans: mean 4, all good;
 * the 1 and the 3 are in neither. */
static void a_rating_is_of_who_had_the_customer(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "hello");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    tape_rated(&t, 5);
    tape_rated(&t, 2);
    add(&t, HOUR);
    tape_begin(&t, MONDAY, "b");
    tape_customer(&t, "hello");
    tape_agent(&t, TD_ESCALATE, NULL, NULL);
    tape_rated(&t, 1);
    tape_handoff(&t, 1, 0, "sales", "customer_request");
    tape_rated(&t, 3);
    answers(&t, 1);
    tape_rated(&t, 4);
    add(&t, HOUR);
    is("csat_contained_n", 2);
    is("csat_contained_mean", 3.5);
    is("csat_contained", 0.5);
    is("csat_human_n", 1);
    is("csat_human_mean", 4);
    is("csat_human", 1);
    is("resolution_human", NAN); /* nobody said */
}

/* 09:00 the customer, the agent until 09:40; escalated then, accepted at 09:45, ended at 09:55 and
 * resolved. Handled for 600 s; 900 s from the escalation; 3300 s for the customer. */
static void the_agents_time_is_not_in_the_humans(void **state)
{
    (void)state;
    struct tape t;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "hello");
    tape_agent(&t, TD_CLARIFY, NULL, NULL);
    tape_at(&t, 40 * MINUTE);
    wants_human(&t, 1, "sales");
    tape_at(&t, 45 * MINUTE);
    answers(&t, 1);
    tape_at(&t, 55 * MINUTE);
    tape_stretch(&t, 1, 10 * MINUTE, HANDOFF_CLOSED, "{\"outcome\":\"resolved\"}");
    add(&t, DAY);
    is("handling_p50_s", 600);
    is("human_resolution_p50_s", 900);
    is("resolution_p50_s", 3300);
}

static void quantiles_are_by_nearest_rank(void **state)
{
    (void)state;
    /* 1 .. 20 minutes: p50 the 10th, p90 the 18th, p95 the 19th. */
    for (int i = 20; i > 0; i--) {
        struct tape t;
        tape_begin(&t, MONDAY, "a");
        tape_handoff(&t, 1, 0, "sales", "customer_request");
        tape_at(&t, i * MINUTE);
        tape_human(&t, 1, "Hello.");
        add(&t, HOUR);
    }
    is("response_p50_s", 600);
    is("response_p90_s", 1080);
    is("response_p95_s", 1140);
}

/* ---- Any journal -------------------------------------------------------------------------- */

static int is_share(const char *name)
{
    return strstr(name, "_rate") != NULL || strcmp(name, "precision") == 0 ||
           strcmp(name, "recall") == 0 || strcmp(name, "abandonment") == 0 ||
           strcmp(name, "containment") == 0 || strcmp(name, "verified_containment") == 0 ||
           strcmp(name, "resolved_without_repetition") == 0 ||
           strcmp(name, "unanswered_15m") == 0 || strcmp(name, "unanswered_1h") == 0 ||
           strcmp(name, "unanswered_24h") == 0 || strcmp(name, "csat_human") == 0 ||
           strcmp(name, "csat_contained") == 0 || strncmp(name, "resolution_human", 16) == 0 ||
           strcmp(name, "resolution_contained") == 0;
}

static void any_journal_gives_figures_within_their_ranges(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct figure list[FIGURES_MOST];
        tape_seed(round);
        for (unsigned session = 0; session < 8; session++) {
            struct tape t;
            tape_begin(&t, MONDAY, "a");
            for (unsigned n = tape_random(120); n > 0; n--)
                tape_any(&t);
            add(&t, (int64_t)tape_random(400000000));
        }
        const size_t n = figures_list(&figures, list);
        for (size_t i = 0; i < n; i++) {
            const double value = list[i].value;
            if (!isfinite(value) || value < 0 || (is_share(list[i].name) && value > 1) ||
                (strstr(list[i].name, "_mean") && list[i].known && (value < 1 || value > 5)))
                fail_msg("round %u: %s is %g", round, list[i].name, value);
        }
        if (figure_of(&figures, "response_p50_s") > figure_of(&figures, "response_p95_s"))
            fail_msg("round %u: quantiles out of order", round);
        figures_fini(&figures);
    }
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_teardown(name_, clear)
    const struct CMUnitTest tests[] = {
        TEST(the_day_of_these_tests_is_a_monday),
        TEST(the_response_runs_from_the_escalation_and_not_from_the_bots_first_word),
        TEST(who_still_waits_is_in_no_mean_but_in_the_share_of_the_unanswered),
        TEST(a_transfer_between_queues_is_one_escalation_with_two_queue_times),
        TEST(a_queue_that_overflows_has_served_nobody),
        TEST(a_human_who_never_spoke_has_not_answered),
        TEST(what_is_escalated_again_after_the_return_is_a_second_escalation),
        TEST(a_promise_kept_after_the_close_answers_the_escalation_over_midnight),
        TEST(business_hours_are_right_in_the_night_when_clocks_change),
        TEST(conversations_that_no_customer_joined_are_not_in_the_denominator),
        TEST(who_leaves_before_a_human_speaks_has_abandoned),
        TEST(only_the_first_three_messages_after_the_human_are_looked_at),
        TEST(erased_texts_are_unknown_and_nobody_who_was_silent_repeated_anything),
        TEST(the_audit_of_timing_goes_by_the_human_then_by_the_rules),
        TEST(the_first_rule_that_held_says_since_when_a_human_was_needed),
        TEST(a_rule_that_leads_to_nobody_is_missed_unless_the_customer_wants_nobody),
        TEST(clarifying_turns_count_for_resolved_sessions_and_failures_for_all),
        TEST(a_rating_is_of_who_had_the_customer),
        TEST(the_agents_time_is_not_in_the_humans),
        TEST(quantiles_are_by_nearest_rank),
        TEST(any_journal_gives_figures_within_their_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
