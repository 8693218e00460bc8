/* test_outage.c - engine: a desk that does not answer for minutes, by the clock of a test. */
#include "config.h"

#include "tests/check.h"
#include "tests/unit/engine_rig.h"

/* Nothing comes of the desk for so long; the process ends and starts again each minute. */
static void the_desk_is_down(struct rig *rig, int64_t ms)
{
    for (const int64_t up = rig->now + ms; rig->now < up; rig->now += 1000) {
        if (engine_due(&rig->session, &rig->policy) <= rig->now)
            rig_event(rig, EVENT_TIMER);
        if ((up - rig->now) % 60000 == 0)
            rig_event(rig, EVENT_RESUME);
    }
}

static void a_desk_that_is_down_for_five_minutes_loses_nobody_and_nobody_hears_it(void **state)
{
    struct rig *rig = *state;
    const struct session *s = &rig->session;

    rig_escalate(rig);
    rig_offered(rig, OFFERED_QUEUED, NULL);
    const int64_t since = s->handoff.queued_at;
    const uint64_t said = s->n_said;
    rig_message(rig, "m5", "are you there?");
    the_desk_is_down(rig, 300000);
    assert_int_equal(s->handoff.state, HANDOFF_QUEUED);
    assert_int_equal(s->handoff.queued_at, since);
    assert_int_equal(s->n_said, said + 1); /* the customer's own */
    assert_int_equal(session_unrelayed(s), 1);
    rig_event(rig, EVENT_RESUME);
    assert_int_equal(rig_effects(rig, EFFECT_RELAY), 1); /* what they added is not lost */
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "mia"), CONTROL_DONE);
    assert_int_equal(rig_told(rig, "queued") + rig_told(rig, "live"), 2);
}

static void a_desk_that_is_down_when_it_is_asked_is_waited_for_as_long_as_the_queue_says(void **state)
{
    struct rig *rig = *state;

    rig->queues[0].offer_ms = 600000;
    rig_escalate(rig);
    the_desk_is_down(rig, 300000);
    assert_int_equal(rig->session.handoff.state, HANDOFF_CHECKING);
    assert_int_equal(rig_told(rig, "nobody"), 0);
    the_desk_is_down(rig, 600000); /* a restart begins the time anew */
    rig->now += 600000;
    rig_event(rig, EVENT_TIMER);
    assert_int_equal(rig->session.handoff.state, HANDOFF_NONE);
    assert_int_equal(rig_told(rig, "nobody"), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_desks_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_desk_that_is_down_for_five_minutes_loses_nobody_and_nobody_hears_it),
        T(a_desk_that_is_down_when_it_is_asked_is_waited_for_as_long_as_the_queue_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
