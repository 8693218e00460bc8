/* test_bridge_lost.c - engine: who cannot be reached any more hears by another channel how to go on. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"
#include "tests/unit/engine_rig.h"

static struct rig *rig;
static struct policy_channel channels[4]; /* "web": a provider's; "sms"; "mail"; "chat" */

static void add(size_t at, const char *name, const char *kind, int replays)
{
    channels[at] = rig->channel;
    channels[at].name = name;
    channels[at].kind = kind;
    channels[at].replays = replays;
}

static void says(const char *peer, const struct td_customer *customer)
{
    const struct td_message message = { .size = sizeof message, .id = "m0", .text = "hello" };

    rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &message,
                                .from = { .channel = "web", .peer = peer, .customer = customer } });
    rig_says(rig, "hello back");
}

static int set_up(void **state)
{
    (void)state;
    rig = rig_desks();
    add(0, "web", "webhook", 0);
    add(1, "sms", "sms_smpp", 0);
    add(2, "mail", "email", 0);
    add(3, "chat", "webchat", 1);
    channels[0].bridge = &channels[1];
    channels[0].bridge_page = "https://shop.example/help";
    rig->policy.channels = channels;
    rig->policy.n_channels = 4;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void waits(const char *peer)
{
    says(peer, NULL);
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
}

/* The newest of ours fails, and nothing else will get through. */
static void out_of_reach(void)
{
    const struct session *s = &rig->session;

    rig_do(rig, (struct event){ .type = EVENT_SENT, .of = s->messages[s->n_messages - 1].seq,
                                .status = TD_FAILED, .text = "window closed", .on = 1 });
}

static enum control_outcome told(int on)
{
    char number[ULID_TEXT];

    snprintf(number, sizeof number, "%s", rig->session.bridge);
    return rig_control(rig, (struct event_control){ .op = CONTROL_TOLD, .code = number, .on = on });
}

static void who_waits_and_is_out_of_reach_is_told_by_the_channel_of_the_conf(void **state)
{
    const struct session *s = &rig->session;
    const struct effect *effect;
    uint64_t epoch;

    (void)state;
    waits("+4511223344");
    epoch = s->epoch;
    out_of_reach();
    effect = rig_effect(rig, EFFECT_BRIDGE);
    assert_non_null(effect);
    assert_string_equal(effect->channel, "sms");
    assert_string_equal(effect->peer, "+4511223344");
    assert_string_equal(effect->text, s->bridge);
    assert_non_null(strstr(effect->link, "https://shop.example/help#bridge="));
    assert_string_equal(rig_record(rig, RECORD_BRIDGE)->cause, "unreachable");
    assert_string_equal(rig_record(rig, RECORD_DELIVERY)->category, "unreachable");
    assert_int_equal(told(1), CONTROL_DONE);
    assert_non_null(strstr(rig_record(rig, RECORD_NOTE)->body.note, "by sms"));
    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_BRIDGE, .name = s->bridge,
                                                 .from = { .channel = "chat" } }), VERDICT_OK);
    assert_string_equal(s->channel, "chat");
    assert_int_equal(s->epoch, epoch);
    assert_int_equal(s->handoff.state, HANDOFF_QUEUED);
}

static void that_happens_once_until_the_link_has_expired(void **state)
{
    (void)state;
    waits("+4511223344");
    rig_by(rig, CONTROL_ACCEPT, "mia");
    out_of_reach();
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 1);
    told(1);
    rig_human_says(rig, "mia", "are you there?");
    out_of_reach();
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 0);
    rig->now += ENGINE_BRIDGE_MS;
    rig_human_says(rig, "mia", "still here");
    out_of_reach();
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 1);
}

static void who_hung_up_is_told_too(void **state)
{
    static const struct event_call call = { .type = TD_EV_HUNG_UP };

    (void)state;
    waits("+4511223344");
    rig_do(rig, (struct event){ .type = EVENT_CALL, .call = &call });
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 1);
}

static void who_waits_for_nobody_is_left_in_peace(void **state)
{
    (void)state;
    says("+4511223344", NULL);
    out_of_reach();
    assert_int_equal(rig_records(rig, RECORD_DELIVERY), 1);
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 0);
    assert_null(rig->session.bridge);
}

static void a_message_that_only_failed_sends_nobody_elsewhere(void **state)
{
    (void)state;
    waits("+4511223344");
    rig_sent(rig, rig->session.messages[rig->session.n_messages - 1].seq, TD_FAILED);
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 0);
}

static void to_an_address_that_is_no_number_no_sms_goes(void **state)
{
    static const char *const peers[] = { "kim", "+45x", "+", "4511", "+123456789012345678", "sip:+45@x" };

    (void)state;
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        waits(peers[i]);
        out_of_reach();
        assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 0);
        tear_down(NULL);
        set_up(NULL);
    }
}

static void a_mail_goes_only_to_an_address_of_who_is_verified(void **state)
{
    struct td_customer customer = { .size = sizeof customer, .id = "c1", .email = "kim@example.org" };

    (void)state;
    for (int verified = 0; verified < 2; verified++) {
        channels[0].bridge = &channels[2];
        customer.verified = verified;
        says("kim", &customer);
        rig_escalate(rig);
        rig_offered(rig, OFFERED_QUEUED, NULL);
        out_of_reach();
        assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), verified);
        if (verified)
            assert_string_equal(rig_effect(rig, EFFECT_BRIDGE)->peer, "kim@example.org");
        tear_down(NULL);
        set_up(NULL);
    }
}

static void after_a_restart_it_is_asked_for_again_until_it_is_known(void **state)
{
    char number[ULID_TEXT];

    (void)state;
    waits("+4511223344");
    out_of_reach();
    snprintf(number, sizeof number, "%s", rig->session.bridge);
    assert_true(engine_busy(&rig->session, &rig->policy));
    rig_event(rig, EVENT_RESUME);
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 1);
    assert_string_equal(rig_effect(rig, EFFECT_BRIDGE)->text, number);
    told(1);
    rig_event(rig, EVENT_RESUME);
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 0);
}

static void what_could_not_be_told_leaves_no_token_behind(void **state)
{
    (void)state;
    waits("+4511223344");
    out_of_reach();
    assert_int_equal(told(0), CONTROL_DONE);
    assert_null(rig->session.bridge);
    assert_null(rig_record(rig, RECORD_NOTE));
    out_of_reach(); /* the next failure tries again; this one is final already */
    assert_int_equal(rig_effects(rig, EFFECT_BRIDGE), 0);
}

/* ---- The other session -------------------------------------------------------------------- */

static enum verdict tell(const char *id)
{
    const struct event_control control = { .op = CONTROL_TELL, .id = id, .code = "n",
                                           .link = "https://shop.example/help#bridge=x" };

    return rig_do(rig, (struct event){ .type = EVENT_CONTROL, .control = &control,
                                       .from = { .channel = "sms", .peer = "+45", .locale = "da" } });
}

static void a_session_is_opened_for_the_news_and_only_the_news_is_said(void **state)
{
    (void)state;
    channels[1].disclose_ai = 1;
    assert_int_equal(tell("bridge.n"), VERDICT_OK);
    assert_int_equal(rig->step.outcome, CONTROL_DONE);
    assert_string_equal(rig->session.channel, "sms");
    assert_string_equal(rig->session.locale, "da");
    assert_int_equal(rig->session.n_messages, 1);
    assert_int_equal(rig_told(rig, "cut_off"), 1);
    tell("bridge.n");
    assert_int_equal(rig->step.outcome, CONTROL_AGAIN);
    assert_int_equal(rig_told(rig, "cut_off"), 1);
}

static void who_answers_the_news_hears_first_that_an_ai_does(void **state)
{
    const struct td_message message = { .size = sizeof message, .id = "m1", .text = "what?" };
    const struct event answer = { .type = EVENT_MESSAGE, .message = &message,
                                  .from = { .channel = "sms", .peer = "+45" } };

    (void)state;
    channels[1].disclose_ai = 1;
    tell("bridge.n");
    rig_do(rig, answer);
    assert_int_equal(rig_told(rig, "ai_here"), 1);
    rig_do(rig, answer);
    assert_int_equal(rig_told(rig, "ai_here"), 1);
}

static void a_session_long_over_is_not_opened_again_for_it(void **state)
{
    (void)state;
    tell("bridge.n");
    rig_event(rig, EVENT_CLOSE);
    rig->now += rig->channel.reopen_ms;
    assert_int_equal(tell("bridge.o"), VERDICT_OK);
    assert_int_equal(rig->session.phase, SESSION_OPEN);
    rig_event(rig, EVENT_CLOSE);
    rig->now += rig->channel.reopen_ms + 1;
    assert_int_equal(tell("bridge.p"), VERDICT_CLOSED);
    assert_int_equal(rig->session.phase, SESSION_CLOSED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_waits_and_is_out_of_reach_is_told_by_the_channel_of_the_conf),
        T(that_happens_once_until_the_link_has_expired),
        T(who_hung_up_is_told_too),
        T(who_waits_for_nobody_is_left_in_peace),
        T(a_message_that_only_failed_sends_nobody_elsewhere),
        T(to_an_address_that_is_no_number_no_sms_goes),
        T(a_mail_goes_only_to_an_address_of_who_is_verified),
        T(after_a_restart_it_is_asked_for_again_until_it_is_known),
        T(what_could_not_be_told_leaves_no_token_behind),
        T(a_session_is_opened_for_the_news_and_only_the_news_is_said),
        T(who_answers_the_news_hears_first_that_an_ai_does),
        T(a_session_long_over_is_not_opened_again_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
