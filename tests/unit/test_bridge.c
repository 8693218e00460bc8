/* test_bridge.c - engine: a customer goes on by another channel, and the session stays what it is. */
#include "config.h"

#include <string.h>

#include "base/err.h"
#include "engine/texts.h"
#include "tests/check.h"
#include "tests/unit/engine_rig.h"

static struct rig *rig;
static struct policy_channel channels[2];

/* On the rig's channel, and a second one, "chat", where customers come to. */
static int set_up(void **state)
{
    (void)state;
    rig = rig_desks();
    channels[0] = channels[1] = rig->channel;
    channels[1].name = "chat";
    channels[1].kind = "webchat";
    rig->policy.channels = channels;
    rig->policy.n_channels = 2;
    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static char number[ULID_TEXT]; /* of the newest token */

static enum control_outcome make(struct event_control control)
{
    enum control_outcome outcome;

    control.op = CONTROL_BRIDGE;
    outcome = rig_control(rig, control);
    if (outcome == CONTROL_DONE)
        snprintf(number, sizeof number, "%s", rig->session.bridge);
    return outcome;
}

static enum control_outcome operator_makes(void)
{
    return make((struct event_control){ .text = "operator" });
}

static enum verdict cross(const char *token, const char *channel)
{
    static const struct td_customer customer = { .size = sizeof customer, .name = "Kim" };

    return rig_do(rig, (struct event){ .type = EVENT_BRIDGE, .name = token,
                                       .from = { .channel = channel, .customer = &customer } });
}

static void the_session_goes_on_there_with_its_place_owner_and_epoch(void **state)
{
    const struct session *s = &rig->session;
    const struct session_handoff before = s->handoff;
    const struct ulid id = s->id;
    const uint64_t epoch = s->epoch;
    const enum td_owner_kind owner = s->owner;

    (void)state;
    assert_int_equal(operator_makes(), CONTROL_DONE);
    assert_int_equal(rig_told(rig, "bridge"), 1);
    assert_int_equal(cross(number, "chat"), VERDICT_OK);
    assert_string_equal(s->channel, "chat");
    assert_string_equal(s->kind, "webchat");
    assert_null(s->peer);
    assert_string_equal(s->customer_name, "Kim");
    assert_int_equal(ulid_cmp(&s->id, &id), 0);
    assert_int_equal(s->epoch, epoch);
    assert_int_equal(s->owner, owner);
    assert_int_equal(ulid_cmp(&s->handoff.id, &before.id), 0);
    assert_int_equal(s->handoff.state, HANDOFF_QUEUED);
    assert_int_equal(s->handoff.queued_at, before.queued_at);
    assert_int_equal(s->handoff.since, before.since);
    assert_null(rig_record(rig, RECORD_HANDOFF));
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "mia"), CONTROL_DONE);
    assert_int_equal(s->owner, TD_OWNER_HUMAN);
}

static void a_token_works_once(void **state)
{
    (void)state;
    operator_makes();
    assert_int_equal(cross("01ARZ3NDEKTSV4RRFFQ69G5FAV", "chat"), VERDICT_REJECT);
    assert_int_equal(cross(number, "chat"), VERDICT_OK);
    assert_int_equal(cross(number, "chat"), VERDICT_REJECT);
    assert_non_null(strstr(rig->step.reason, "was used"));
}

static void a_newer_token_makes_the_older_one_void(void **state)
{
    char first[ULID_TEXT];

    (void)state;
    operator_makes();
    memcpy(first, number, sizeof first);
    operator_makes();
    assert_int_equal(cross(first, "chat"), VERDICT_REJECT);
    assert_int_equal(cross(number, "chat"), VERDICT_OK);
}

static void a_token_is_good_for_an_hour(void **state)
{
    (void)state;
    operator_makes();
    rig->now += ENGINE_BRIDGE_MS;
    assert_int_equal(cross(number, "chat"), VERDICT_REJECT);
    rig->now--;
    assert_int_equal(cross(number, "chat"), VERDICT_OK);
}

static void nobody_crosses_without_a_token_to_a_channel_that_is_not_there_or_when_it_is_over(
    void **state)
{
    (void)state;
    assert_int_equal(cross(NULL, "chat"), VERDICT_REJECT);
    assert_int_equal(cross("", "chat"), VERDICT_REJECT);
    operator_makes();
    assert_int_equal(cross(number, "nowhere"), VERDICT_REJECT);
    assert_string_equal(rig->session.channel, "web");
    rig_do(rig, (struct event){ .type = EVENT_CLOSE, .text = "operator" });
    assert_int_equal(cross(number, "chat"), VERDICT_REJECT);
    assert_int_equal(operator_makes(), CONTROL_OVER);
}

static enum control_outcome human_makes(const char *human)
{
    return make((struct event_control){ .human = human, .desk = "web",
                                        .handoff = rig->session.handoff.id });
}

static void a_human_makes_one_for_the_customer_they_have_and_nobody_elses(void **state)
{
    (void)state;
    channels[0].bridge_page = "https://shop.example/help";
    assert_int_equal(human_makes("mia"), CONTROL_NOT_YOURS);
    rig_by(rig, CONTROL_ACCEPT, "mia");
    assert_int_equal(human_makes("bo"), CONTROL_NOT_YOURS);
    assert_int_equal(human_makes("mia"), CONTROL_DONE);
    assert_string_equal(rig_record(rig, RECORD_BRIDGE)->cause, "mia");
    assert_int_equal(cross(number, "chat"), VERDICT_OK);
    assert_int_equal(rig->session.owner, TD_OWNER_HUMAN);
}

static void a_human_makes_none_where_no_page_is_known(void **state)
{
    (void)state;
    rig_by(rig, CONTROL_ACCEPT, "mia");
    assert_int_equal(human_makes("mia"), CONTROL_NO_PAGE);
    assert_null(rig->session.bridge);
}

static void the_same_order_again_makes_no_second_token(void **state)
{
    char first[ULID_TEXT];

    (void)state;
    make((struct event_control){ .text = "operator", .id = "order-1" });
    memcpy(first, number, sizeof first);
    assert_int_equal(make((struct event_control){ .text = "operator", .id = "order-1" }),
                     CONTROL_AGAIN);
    assert_int_equal(rig->step.message_seq, rig->session.bridge_seq);
    assert_string_equal(rig->session.bridge, first);
}

static void what_the_journal_holds_of_a_link_is_no_token(void **state)
{
    struct texts *texts = texts_new();
    const char *text, *token;
    char session[ULID_TEXT];
    struct err err;

    (void)state;
    texts_set(texts, "en", "bridge", "[About {issue}. ]Go on[: {link}].", &err);
    rig->policy.texts = texts;
    rig->policy.language = "en";
    make((struct event_control){ .text = "operator", .link = "https://shop.example/help" });
    text = rig_record(rig, RECORD_REPLY)->body.text;
    token = strchr(text, '#');
    assert_int_equal(strncmp(text, "Go on: https://shop.example/help#bridge=", 40), 0);
    ulid_format(&rig->session.id, session);
    assert_int_equal(strncmp(token + 8, session, ULID_TEXT - 1), 0);
    assert_int_equal(strncmp(token + 8 + ULID_TEXT, number, ULID_TEXT - 1), 0);
    assert_string_equal(token + 8 + 2 * ULID_TEXT - 1, ENGINE_BRIDGE_MASK ".");
    rig->policy.texts = NULL;
    texts_free(&texts);
}

static void an_operator_who_closes_a_session_twice_with_one_order_closes_it_once(void **state)
{
    const struct event_control end = { .op = CONTROL_END, .text = "operator", .id = "order-2" };

    (void)state;
    assert_int_equal(rig_control(rig, end), CONTROL_DONE);
    assert_int_equal(rig->session.phase, SESSION_CLOSED);
    assert_int_equal(rig_control(rig, end), CONTROL_AGAIN);
    assert_int_equal(rig_control(rig, (struct event_control){ .op = CONTROL_END }), CONTROL_OVER);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_session_goes_on_there_with_its_place_owner_and_epoch),
        T(a_token_works_once),
        T(a_newer_token_makes_the_older_one_void),
        T(a_token_is_good_for_an_hour),
        T(a_human_makes_one_for_the_customer_they_have_and_nobody_elses),
        T(a_human_makes_none_where_no_page_is_known),
        T(the_same_order_again_makes_no_second_token),
        T(what_the_journal_holds_of_a_link_is_no_token),
        T(an_operator_who_closes_a_session_twice_with_one_order_closes_it_once),
        T(nobody_crosses_without_a_token_to_a_channel_that_is_not_there_or_when_it_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
