/* test_bridge.c - engine: a customer goes on by another channel, and the session stays what it is. */
#include "config.h"

#include <string.h>

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

static enum control_outcome make(const char *hash)
{
    return rig_control(rig, (struct event_control){ .op = CONTROL_BRIDGE, .hash = hash,
                                                    .text = "operator" });
}

static enum verdict cross(const char *hash, const char *channel)
{
    static const struct td_customer customer = { .size = sizeof customer, .name = "Kim" };

    return rig_do(rig, (struct event){ .type = EVENT_BRIDGE, .name = hash,
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
    assert_int_equal(make("h1"), CONTROL_DONE);
    assert_int_equal(rig_told(rig, "bridge"), 1);
    assert_int_equal(cross("h1", "chat"), VERDICT_OK);
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
    make("h1");
    assert_int_equal(cross("h2", "chat"), VERDICT_REJECT);
    assert_int_equal(cross("h1", "chat"), VERDICT_OK);
    assert_int_equal(cross("h1", "chat"), VERDICT_REJECT);
    assert_non_null(strstr(rig->step.reason, "was used"));
}

static void a_newer_token_makes_the_older_one_void(void **state)
{
    (void)state;
    make("h1");
    make("h2");
    assert_int_equal(cross("h1", "chat"), VERDICT_REJECT);
    assert_int_equal(cross("h2", "chat"), VERDICT_OK);
}

static void a_token_is_good_for_an_hour(void **state)
{
    (void)state;
    make("h1");
    rig->now += ENGINE_BRIDGE_MS;
    assert_int_equal(cross("h1", "chat"), VERDICT_REJECT);
    rig->now--;
    assert_int_equal(cross("h1", "chat"), VERDICT_OK);
}

static void nobody_crosses_without_a_token_to_a_channel_that_is_not_there_or_when_it_is_over(
    void **state)
{
    (void)state;
    assert_int_equal(cross(NULL, "chat"), VERDICT_REJECT);
    assert_int_equal(cross("", "chat"), VERDICT_REJECT);
    assert_int_equal(make(NULL), CONTROL_BAD);
    make("h1");
    assert_int_equal(cross("h1", "nowhere"), VERDICT_REJECT);
    assert_string_equal(rig->session.channel, "web");
    rig_do(rig, (struct event){ .type = EVENT_CLOSE, .text = "operator" });
    assert_int_equal(cross("h1", "chat"), VERDICT_REJECT);
    assert_int_equal(make("h2"), CONTROL_OVER);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_session_goes_on_there_with_its_place_owner_and_epoch),
        T(a_token_works_once),
        T(a_newer_token_makes_the_older_one_void),
        T(a_token_is_good_for_an_hour),
        T(nobody_crosses_without_a_token_to_a_channel_that_is_not_there_or_when_it_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
