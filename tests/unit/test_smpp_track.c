/* test_smpp_track.c - receipts and ids that overtake each other, with a store that answers late. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "channels/smpp_private.h"
#include "kit/fake_host.h"

#define SESSION "01JDA5K3Y8M2N4P6Q8R0S2T4V6"

extern const struct td_plugin td_plugin_0;

static struct fake *fake;
static struct smpp *smpp;

/* An SMSC that refuses: this is about what the channel knows, not about the wire. */
static int setup(void **state)
{
    (void)state;
    fake = fake_new("sms");
    if (fake_open(fake, &td_plugin_0, fake_conf(fake, &td_plugin_0,
                                               "host = 127.0.0.1\nport = 1\nsystem_id = a\n"
                                               "password = b\nsource = 12345\ndlr_settle = 30s\n"))
        != TD_OK)
        return -1;
    fake_keeps(fake);
    smpp = fake_self(fake);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_free(&fake);
    return 0;
}

static void receipt(const char *id, enum smpp_state state)
{
    struct smpp_receipt r = { .state = state };

    snprintf(r.id, sizeof r.id, "%s", id);
    snprintf(r.stat, sizeof r.stat, "%s", state == SMPP_FAILED ? "UNDELIV" : "DELIVRD");
    track_came(smpp, &r);
}

/* What the channel has said became of a message; -1: nothing. */
static int said(uint64_t seq)
{
    const struct fake_call *call = fake_next(fake, FAKE_EVENT);

    if (call == NULL)
        return -1;
    assert_int_equal(call->event->type, TD_EV_RECEIPT);
    assert_string_equal(call->event->session, SESSION);
    assert_int_equal(call->event->of, seq);
    return (int)call->event->status;
}

/* Parts of message 7 are taken, in the order of their numbers. */
static void taken(const char *id, unsigned part, unsigned total)
{
    track_sent(smpp, id, &(struct track_part){ .session = SESSION, .seq = 7, .part = part,
                                               .total = total, .completes = part == total });
}

/* The newest keep() for this key that nobody has answered. */
static const struct fake_call *asked(const char *key, enum td_keep_op op)
{
    const struct fake_call *call;

    while ((call = fake_next(fake, FAKE_KEEP)) != NULL) {
        if (call->keep->op == op && strcmp(call->keep->key, key) == 0)
            return call;
    }
    return NULL;
}

static const struct td_kept nothing = { .size = sizeof nothing };

static void a_receipt_finds_the_id_that_came_before(void **state)
{
    (void)state;
    taken("m1", 1, 1);
    receipt("m1", SMPP_DELIVERED);
    assert_int_equal(said(7), TD_DELIVERED);
}

static void a_receipt_that_comes_again_is_not_another_part(void **state)
{
    (void)state;
    for (unsigned part = 1; part <= 3; part++) {
        char id[8];
        snprintf(id, sizeof id, "m%u", part);
        taken(id, part, 3);
    }
    for (int i = 0; i < 3; i++)
        receipt("m1", SMPP_DELIVERED);
    assert_int_equal(said(7), -1);
    receipt("m2", SMPP_DELIVERED);
    assert_int_equal(said(7), -1);
    receipt("m3", SMPP_DELIVERED);
    assert_int_equal(said(7), TD_DELIVERED);
}

static void a_receipt_that_is_looked_for_finds_the_id_that_comes_meanwhile(void **state)
{
    const struct fake_call *look;

    (void)state;
    receipt("m1", SMPP_DELIVERED);
    look = asked("r/m1", TD_KEEP_GET);
    assert_non_null(look);
    taken("m1", 1, 1);
    assert_int_equal(said(7), -1);
    fake_kept(fake, look->id, &nothing); /* as it was when the store looked */
    assert_int_equal(said(7), TD_DELIVERED);
    assert_int_equal(tracks_parked(smpp->tracks), 0);
    fake_advance(fake, 60000);
    assert_int_equal(said(7), -1);
    assert_int_equal(fake_counted(fake, "receipt_orphan"), 0);
}

static void a_receipt_that_was_looked_for_in_vain_waits_for_its_id(void **state)
{
    (void)state;
    receipt("m1", SMPP_FAILED);
    fake_keeps(fake);
    assert_int_equal(tracks_parked(smpp->tracks), 1);
    taken("m1", 1, 1);
    assert_int_equal(said(7), TD_FAILED);
    assert_int_equal(tracks_parked(smpp->tracks), 0);
}

static void a_receipt_of_an_id_that_never_comes_is_counted_after_a_while(void **state)
{
    (void)state;
    receipt("m1", SMPP_DELIVERED);
    fake_keeps(fake);
    fake_advance(fake, 29000);
    assert_int_equal(fake_counted(fake, "receipt_orphan"), 0);
    fake_advance(fake, 2000);
    assert_int_equal(fake_counted(fake, "receipt_orphan"), 1);
    assert_int_equal(tracks_parked(smpp->tracks), 0);
}

static void the_store_knows_the_ids_of_an_earlier_life(void **state)
{
    static const struct td_pair pair = { .size = sizeof pair, .key = "r/m1",
                                         .value = SESSION " 7 2 3 1", .len = 34 };
    static const struct td_pair *const pairs[] = { &pair };
    const struct fake_call *look;

    (void)state;
    receipt("m1", SMPP_DELIVERED);
    look = asked("r/m1", TD_KEEP_GET);
    fake_kept(fake, look->id, &(struct td_kept){ .size = sizeof(struct td_kept), .pairs = pairs,
                                                 .n_pairs = 1 });
    assert_int_equal(said(7), -1); /* the second of three parts: the last may still say something */
    fake_advance(fake, 31000);
    assert_int_equal(said(7), TD_DELIVERED);
}

static void parts_of_which_one_is_not_taken_yet_are_not_delivered(void **state)
{
    (void)state;
    track_sent(smpp, "m3", &(struct track_part){ .session = SESSION, .seq = 7, .part = 3, .total = 3 });
    receipt("m3", SMPP_DELIVERED);
    fake_advance(fake, 60000);
    assert_int_equal(said(7), -1);
    track_sent(smpp, "m1", &(struct track_part){ .session = SESSION, .seq = 7, .part = 1, .total = 3 });
    track_sent(smpp, "m2", &(struct track_part){ .session = SESSION, .seq = 7, .part = 2, .total = 3,
                                                 .completes = 1 });
    assert_int_equal(said(7), TD_DELIVERED); /* the last one had been before */
}

static void the_last_part_of_an_earlier_life_does_not_speak_for_those_not_taken(void **state)
{
    static const struct td_pair pair = { .size = sizeof pair, .key = "r/m3",
                                         .value = SESSION " 7 3 3 0", .len = 34 };
    static const struct td_pair *const pairs[] = { &pair };
    const struct fake_call *look;

    (void)state;
    receipt("m3", SMPP_DELIVERED);
    look = asked("r/m3", TD_KEEP_GET);
    fake_kept(fake, look->id, &(struct td_kept){ .size = sizeof(struct td_kept), .pairs = pairs,
                                                 .n_pairs = 1 });
    fake_advance(fake, 60000);
    assert_int_equal(said(7), -1);
}

static void a_number_that_nobody_is_reached_at_is_told_from_a_message_that_failed(void **state)
{
    static const struct {
        enum smpp_state state;
        const char *stat, *err;
        int unreachable;
    } rows[] = {
        { SMPP_FAILED, "UNDELIV", "001", 1 }, { SMPP_FAILED, "EXPIRED", "27", 1 },
        { SMPP_FAILED, "UNDELIV", "000", 0 }, { SMPP_FAILED, "UNDELIV", "", 0 },
        { SMPP_FAILED, "REJECTD", "045", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct smpp_receipt r = { .state = rows[i].state };
        const struct fake_call *call;

        snprintf(r.id, sizeof r.id, "m%zu", i);
        snprintf(r.stat, sizeof r.stat, "%s", rows[i].stat);
        snprintf(r.err, sizeof r.err, "%s", rows[i].err);
        track_sent(smpp, r.id, &(struct track_part){ .session = SESSION, .seq = i + 1, .part = 1,
                                                     .total = 1, .completes = 1 });
        track_came(smpp, &r);
        call = fake_next(fake, FAKE_EVENT);
        assert_int_equal(call->event->status, TD_FAILED);
        assert_int_equal(call->event->on, rows[i].unreachable);
    }
}

static void two_receipts_that_are_looked_for_at_once_are_both_taken(void **state)
{
    const struct fake_call *first, *second;

    (void)state;
    receipt("m1", SMPP_DELIVERED);
    receipt("m2", SMPP_FAILED);
    first = asked("r/m1", TD_KEEP_GET);
    second = asked("r/m2", TD_KEEP_GET);
    track_sent(smpp, "m2", &(struct track_part){ .session = SESSION, .seq = 8, .part = 1, .total = 1,
                                                 .completes = 1 });
    fake_kept(fake, second->id, &nothing);
    assert_int_equal(said(8), TD_FAILED);
    fake_kept(fake, first->id, &nothing);
    assert_int_equal(tracks_parked(smpp->tracks), 1);
    taken("m1", 1, 1);
    assert_int_equal(said(7), TD_DELIVERED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_receipt_finds_the_id_that_came_before),
        TEST(a_receipt_that_comes_again_is_not_another_part),
        TEST(a_receipt_that_is_looked_for_finds_the_id_that_comes_meanwhile),
        TEST(a_receipt_that_was_looked_for_in_vain_waits_for_its_id),
        TEST(a_receipt_of_an_id_that_never_comes_is_counted_after_a_while),
        TEST(the_store_knows_the_ids_of_an_earlier_life),
        TEST(parts_of_which_one_is_not_taken_yet_are_not_delivered),
        TEST(the_last_part_of_an_earlier_life_does_not_speak_for_those_not_taken),
        TEST(a_number_that_nobody_is_reached_at_is_told_from_a_message_that_failed),
        TEST(two_receipts_that_are_looked_for_at_once_are_both_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
