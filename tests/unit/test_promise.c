/* test_promise.c - engine/decide_promise.c: what is owed, and the offers that nobody hears of. */
#include "config.h"

#include <string.h>

#include "base/expr.h"
#include "engine/hours.h"
#include "engine/signals.h"
#include "engine/texts.h"
#include "tests/check.h"
#include "tests/unit/engine_rig.h"

static struct rig *promised(void)
{
    struct rig *rig = rig_desks();
    struct err err;

    rig->hours = hours_parse("Mon-Fri 09:00-17:00", NULL, NULL, &err);
    rig->queues[0].hours = rig->hours;
    rig->queues[0].fallback = FALLBACK_CALLBACK;
    rig->channel.idle_close_ms = 60000;
    rig_escalate(rig);
    assert_int_equal(rig_told(rig, "callback"), 1);
    return rig;
}

/* What the customer's client is shown of it. */
static void must_show(const struct rig *rig, enum promise_state as)
{
    const struct record *record = rig_record(rig, RECORD_PROMISE);

    for (size_t i = 0; i < rig->step.n_effects; i++) {
        const struct effect *effect = &rig->step.effects[i];

        if (effect->type != EFFECT_EVENT || effect->event != TD_EV_PROMISE)
            continue;
        assert_int_equal(effect->of, record->seq);
        assert_int_equal(ulid_cmp(&effect->promise, &record->message_id), 0);
        assert_int_equal(effect->promise_state, as);
        assert_string_equal(effect->text, "callback");
        assert_int_equal(effect->due, record->due);
        return;
    }
    fail_msg("no promise is shown");
}

static void out_of_hours_a_callback_is_promised_for_open_hours(void **state)
{
    struct rig *rig = promised();
    const struct record *made = rig_record(rig, RECORD_PROMISE);

    (void)state;
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_END)->outcome, HANDOFF_CALLBACK);
    assert_int_equal(made->outcome, PROMISE_MADE);
    must_show(rig, PROMISE_MADE);
    assert_true(hours_open(rig->hours, made->due));
    assert_int_equal(made->due, hours_next_open(rig->hours, rig->now) + 3600000);
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT);
    assert_true(engine_busy(&rig->session, &rig->policy));
    rig_free(&rig);
}

static void humans_hear_of_a_promise_when_they_are_there_and_speaking_keeps_it(void **state)
{
    struct rig *rig = promised();

    (void)state;
    rig_due(rig);
    assert_int_equal(rig->now, hours_next_open(rig->hours, RIG_NOW));
    assert_string_equal(rig_effect(rig, EFFECT_OFFER)->desk, "web");
    assert_int_equal(rig->session.owner, TD_OWNER_AGENT); /* who may go on meanwhile */
    assert_int_equal(rig_effects(rig, EFFECT_SEND), 0);   /* the customer is told when it is so */
    rig_offered(rig, OFFERED_QUEUED, NULL);
    assert_int_equal(rig_told(rig, "queued"), 0);
    rig_by(rig, CONTROL_ACCEPT, "mia");
    assert_int_equal(rig_told(rig, "live"), 1);
    rig_human_says(rig, "mia", "here I am");
    assert_int_equal(rig_record(rig, RECORD_PROMISE)->outcome, PROMISE_KEPT);
    must_show(rig, PROMISE_KEPT);
    assert_int_equal(rig->session.n_promises, 0);
    rig_free(&rig);
}

static void a_broken_promise_is_apologised_for_once_and_the_next_owner_knows(void **state)
{
    struct rig *rig = promised();

    (void)state;
    rig_due(rig);
    rig_offered(rig, OFFERED_NOBODY, NULL);
    rig_due(rig);
    assert_int_equal(rig_record(rig, RECORD_PROMISE)->outcome, PROMISE_BROKEN);
    must_show(rig, PROMISE_BROKEN);
    assert_int_equal(rig_told(rig, "broken_promise"), 1);
    assert_int_equal(rig->session.promises[0].state, PROMISE_BROKEN);
    rig_due(rig);
    assert_int_equal(rig->session.phase, SESSION_CLOSED); /* idle; nothing is owed any more */
    assert_int_equal(engine_due(&rig->session, &rig->policy), INT64_MAX);
    rig_free(&rig);
}

static void the_apology_says_what_was_promised_and_by_when(void **state)
{
    static const char *const catalogue[][2] = {
        { "broken_promise", "[Late by {by}: {what}|Late]" }, { "today", "{time}" },
        { "time", "{hour}:{minute}" }, { "time_full", "{hour} sharp" },
        { "weekdays", "a, b, c, d, e, f, g" }, { "months", "a, b, c, d, e, f, g, h, i, j, k, l" },
    };
    struct rig *rig = promised();
    struct texts *texts = texts_new();
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof catalogue / sizeof *catalogue; i++)
        if (texts_set(texts, "en", catalogue[i][0], catalogue[i][1], &err) != 0)
            fail_msg("%s", err.text);
    rig->policy.texts = texts;
    rig->policy.language = "en";
    rig_due(rig);
    rig_offered(rig, OFFERED_NOBODY, NULL);
    rig_due(rig);
    const struct record *said = rig_record(rig, RECORD_REPLY);
    assert_non_null(said);
    assert_non_null(strstr(said->body.text, "Late by "));
    assert_non_null(strstr(said->body.text, " sharp: "));
    rig_free(&rig);
    texts_free(&texts);
}

static void a_promise_outlives_the_talk(void **state)
{
    struct rig *rig = promised();

    (void)state;
    rig_event(rig, EVENT_LEAVE);
    assert_int_equal(rig->session.phase, SESSION_CLOSED);
    rig_due(rig);
    assert_int_equal(rig->session.phase, SESSION_OPEN);
    assert_int_equal(rig->session.handoff.state, HANDOFF_CHECKING);
    rig_free(&rig);
}

static void a_reply_by_mail_is_promised_only_to_who_has_an_address(void **state)
{
    const struct td_customer known = { .size = sizeof known, .id = "c", .email = "c@example.com" };

    (void)state;
    for (int mail = 0; mail < 2; mail++) {
        struct rig *rig = rig_desks();
        const struct td_message message = { .size = sizeof message, .text = "help" };
        rig->queues[0].fallback = FALLBACK_MAILBOX;
        rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &message,
                                    .from = { .channel = "web",
                                              .customer = mail ? &known : NULL } });
        rig_escalate(rig);
        rig_offered(rig, OFFERED_NOBODY, NULL);
        assert_int_equal(rig_record(rig, RECORD_HANDOFF_END)->outcome,
                         mail ? HANDOFF_MAILBOX : HANDOFF_NOBODY);
        assert_int_equal(rig_told(rig, mail ? "mailbox" : "nobody"), 1);
        rig_free(&rig);
    }
}

/* ---- What nobody has told the customer ----------------------------------------------------- */

static void kept_by(struct rig *rig, const char *human)
{
    rig_due(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, human), CONTROL_DONE);
}

static void who_keeps_a_promise_is_not_sent_away_when_a_human_is_asked_for(void **state)
{
    struct rig *rig = promised();

    (void)state;
    kept_by(rig, "mia");
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_REQUEST }),
                     CONTROL_DONE);
    assert_int_equal(rig->step.n_records, 0);
    assert_int_equal(rig->session.handoff.state, HANDOFF_LIVE);
    assert_string_equal(rig->session.handoff.human, "mia");
    rig_free(&rig);
}

/* Every message of the customer leads to a human. */
static struct expr *with_rule(struct rig *rig, struct policy_rule *rule)
{
    struct err err;
    struct expr *always = expr_compile("messages >= 0", signals_names, NULL, &err);

    *rule = (struct policy_rule){ .name = "any", .category = "operational", .at = RULE_PRE,
                                  .code = "unclassified", .when = always };
    rig->policy.rules = rule;
    rig->policy.n_rules = 1;
    return always;
}

static void who_leaves_the_human_of_a_promise_is_left_in_peace(void **state)
{
    struct rig *rig = promised();
    struct texts *texts = texts_new();
    struct policy_rule any;
    struct expr *always = with_rule(rig, &any);
    struct err err;

    (void)state;
    assert_int_equal(texts_set(texts, "en", "leave_words", "robot", &err), 0);
    kept_by(rig, "mia");
    rig->policy.texts = texts;
    rig->policy.language = "en";
    rig_message(rig, "m9", "robot");
    assert_int_equal(rig_record(rig, RECORD_HANDOFF_END)->outcome, HANDOFF_LEFT);
    assert_int_equal(rig->session.handoff.state, HANDOFF_NONE);
    rig_free(&rig);
    texts_free(&texts);
    expr_free(&always);
}

static void what_leads_from_a_promise_to_another_handoff_reaches_the_desk_of_that(void **state)
{
    struct rig *rig = promised();
    struct policy_rule any;
    struct expr *always = with_rule(rig, &any);
    const struct effect *relay = NULL;

    (void)state;
    rig->queues[0].hours = NULL;
    rig->queues[1].hours = NULL;
    any.queue = &rig->queues[1];
    rig_due(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    rig_message(rig, "m9", "now, please");
    for (size_t i = 0; i < rig->step.n_effects; i++)
        if (rig->step.effects[i].type == EFFECT_RELAY)
            relay = &rig->step.effects[i]; /* the last: the others go with the old handoff */
    assert_non_null(relay);
    assert_int_equal(relay->of, rig->step.message_seq);
    assert_string_equal(relay->desk, "far");
    assert_int_equal(ulid_cmp(&relay->handoff, &rig->session.handoff.id), 0);
    assert_int_equal(relay->delta, session_message(&rig->session, relay->of)->delta);
    rig_free(&rig);
    expr_free(&always);
}

static void an_offer_in_vain_of_a_promise_keeps_no_human_from_who_asks_now(void **state)
{
    struct rig *rig = promised();

    (void)state;
    rig_due(rig);
    rig_message(rig, "m9", "and my order?");
    rig_offered(rig, OFFERED_NOBODY, NULL);
    assert_int_equal(rig->session.handoff.state, HANDOFF_NONE);
    assert_true(rig->session.turn.active);
    rig_escalate(rig);
    assert_int_equal(rig->session.handoff.state, HANDOFF_CHECKING);
    assert_false(rig->session.handoff.quiet);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_hours_a_callback_is_promised_for_open_hours),
        cmocka_unit_test(humans_hear_of_a_promise_when_they_are_there_and_speaking_keeps_it),
        cmocka_unit_test(a_broken_promise_is_apologised_for_once_and_the_next_owner_knows),
        cmocka_unit_test(the_apology_says_what_was_promised_and_by_when),
        cmocka_unit_test(a_promise_outlives_the_talk),
        cmocka_unit_test(a_reply_by_mail_is_promised_only_to_who_has_an_address),
        cmocka_unit_test(who_keeps_a_promise_is_not_sent_away_when_a_human_is_asked_for),
        cmocka_unit_test(who_leaves_the_human_of_a_promise_is_left_in_peace),
        cmocka_unit_test(what_leads_from_a_promise_to_another_handoff_reaches_the_desk_of_that),
        cmocka_unit_test(an_offer_in_vain_of_a_promise_keeps_no_human_from_who_asks_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
