/* test_receipt.c - engine/receipt.c: the customer hears that what they said has come, and was read. */
#include "config.h"

#include <string.h>

#include "tests/check.h"
#include "tests/same.h"
#include "tests/unit/engine_rig.h"

static const struct effect *told(const struct rig *rig)
{
    for (size_t i = 0; i < rig->step.n_effects; i++)
        if (rig->step.effects[i].type == EFFECT_EVENT &&
            rig->step.effects[i].event == TD_EV_RECEIPT)
            return &rig->step.effects[i];
    return NULL;
}

static void must_tell(const struct rig *rig, uint64_t of, enum td_delivery status)
{
    const struct effect *effect = told(rig);

    assert_non_null(effect);
    assert_int_equal(effect->of, of);
    assert_int_equal(effect->status, status);
}

static enum control_outcome reads(struct rig *rig, const char *human, uint64_t upto)
{
    const struct event_control control = { .op = CONTROL_READ, .human = human, .desk = "web",
                                           .handoff = rig->session.handoff.id };

    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_CONTROL, .of = upto,
                                                 .control = &control }),
                     VERDICT_OK);
    return rig->step.outcome;
}

static void what_an_agent_is_asked_has_come_and_what_it_answers_was_read(void **state)
{
    struct rig *rig = rig_new();
    uint64_t of;

    (void)state;
    rig_message(rig, "m1", "hello");
    of = rig->step.message_seq;
    must_tell(rig, of, TD_DELIVERED);
    rig_says(rig, "good day");
    must_tell(rig, of, TD_READ);
    rig_message(rig, "m2", "and now");
    rig_status(rig, TD_FAIL, "broken");
    assert_null(told(rig)); /* the next of the chain has it */
    assert_int_equal(rig->session.receipt.read, of);
    rig_free(&rig);
}

static void what_a_desk_has_has_come_and_what_its_human_has_looked_at_was_read(void **state)
{
    struct rig *rig = rig_desks();
    struct session restored;
    uint64_t of;

    (void)state;
    rig_live(rig);
    rig_message(rig, "m2", "are you there?");
    of = rig->step.message_seq;
    assert_null(told(rig));
    assert_int_equal(reads(rig, "mia", rig->session.seq + 1), CONTROL_BAD);
    rig_do(rig, (struct event){ .type = EVENT_RELAYED, .of = of, .status = TD_DELIVERED });
    must_tell(rig, of, TD_DELIVERED);
    assert_int_equal(reads(rig, "bo", of), CONTROL_NOT_YOURS);
    assert_int_equal(reads(rig, "mia", rig->session.seq), CONTROL_DONE);
    must_tell(rig, of, TD_READ);
    assert_int_equal(rig->session.read_upto, 0); /* that is the customer's own mark */
    assert_int_equal(reads(rig, "mia", of), CONTROL_DONE);
    assert_int_equal(rig->step.n_records + rig->step.n_effects, 0);
    rig_restore(rig, &restored);
    assert_true(session_same(&restored, &rig->session));
    assert_int_equal(restored.receipt.read, of);
    session_fini(&restored);
    rig_free(&rig);
}

static void a_message_that_no_desk_gets_has_not_come(void **state)
{
    struct rig *rig = rig_desks();

    (void)state;
    rig_live(rig);
    rig_message(rig, "m2", "are you there?");
    rig_do(rig, (struct event){ .type = EVENT_RELAYED, .of = rig->step.message_seq,
                                .status = TD_FAILED });
    assert_null(told(rig));
    rig_human_says(rig, "mia", "yes"); /* who answers has read it, however */
    must_tell(rig, rig->session.answered, TD_READ);
    rig_free(&rig);
}

static void a_channel_that_does_not_replay_has_receipts_of_its_own(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->channel.replays = 0;
    rig_message(rig, "m1", "hello");
    assert_null(told(rig));
    assert_int_equal(rig->session.receipt.given, rig->step.message_seq);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_agent_is_asked_has_come_and_what_it_answers_was_read),
        cmocka_unit_test(what_a_desk_has_has_come_and_what_its_human_has_looked_at_was_read),
        cmocka_unit_test(a_message_that_no_desk_gets_has_not_come),
        cmocka_unit_test(a_channel_that_does_not_replay_has_receipts_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
