/* test_smpp_in.c - what an SMSC says again: how long, and how much of it, is known. */
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

extern const struct td_plugin td_plugin_0;

static struct fake *fake;
static struct smpp *smpp;

/* An SMSC that refuses: its connections are made, and none of them is ever confirmed. */
static int setup(void **state)
{
    (void)state;
    fake = fake_new("sms");
    if (fake_open(fake, &td_plugin_0, fake_conf(fake, &td_plugin_0,
                                               "host = 127.0.0.1\nport = 1\nsystem_id = a\n"
                                               "password = b\nsource = 12345\n")) != TD_OK)
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

/* The id under which the gateway gets it; it answers later. */
static const char *says(const char *text)
{
    const struct smpp_pdu pdu = { .command = SMPP_DELIVER, .sequence = 1, .source = "4511223344",
                                  .source_ton = 1, .dest = "12345", .message_len = (uint8_t)strlen(text),
                                  .message = (const uint8_t *)text };
    const struct fake_call *call;

    in_came(smpp, smpp->sessions[0], &pdu);
    call = fake_next(fake, FAKE_DELIVER);
    return call != NULL ? call->in->message->id : "not handed in";
}

/* The same, and the gateway takes it. */
static const char *says_and_is_heard(const char *text)
{
    const char *id = says(text);

    fake_accepted(fake, smpp->last_delivery, &(struct td_accepted){
        .size = sizeof(struct td_accepted), .status = TD_OK, .seq = 1 });
    return id;
}

static void the_same_while_a_response_is_owed_is_one_message_as_long_as_mo_dedupe_says(void **state)
{
    const char *first = says("1");

    (void)state;
    fake_advance(fake, 9 * 60 * 1000);
    assert_string_equal(says("1"), first);
    assert_int_equal(fake_counted(fake, "repeated"), 1);
    fake_advance(fake, 61 * 1000); /* from the first on */
    assert_string_not_equal(says("1"), first);
    assert_int_equal(fake_counted(fake, "repeated"), 1);
}

static void what_a_customer_says_twice_is_two_messages_and_the_second_has_its_own_time(void **state)
{
    char first[64], second[64];

    (void)state;
    snprintf(first, sizeof first, "%s", says_and_is_heard("1"));
    says("2");
    fake_advance(fake, 9 * 60 * 1000);
    snprintf(second, sizeof second, "%s", says("1"));
    assert_string_not_equal(second, first);
    fake_advance(fake, 9 * 60 * 1000); /* "2" is long forgotten, and this is not */
    assert_string_equal(says("1"), second);
}

static void a_restart_knows_what_was_said_and_from_when(void **state)
{
    char first[64];
    const void *conf = smpp->conf;

    (void)state;
    snprintf(first, sizeof first, "%s", says("1"));
    fake_keeps(fake);
    fake_advance(fake, 9 * 60 * 1000);
    assert_int_equal(fake_close(fake), 0);
    assert_int_equal(fake_open(fake, &td_plugin_0, conf), TD_OK);
    fake_keeps(fake);
    smpp = fake_self(fake);
    assert_string_equal(says("1"), first);
    fake_advance(fake, 61 * 1000);
    assert_string_not_equal(says("1"), first);
}

static void the_oldest_go_before_their_time_when_there_are_too_many_and_the_operator_hears(void **state)
{
    char first[64], second[64];

    (void)state;
    smpp->max_seens = 3;
    snprintf(first, sizeof first, "%s", says("first"));
    snprintf(second, sizeof second, "%s", says("second"));
    says("third");
    fake_forget(fake);
    assert_int_equal(fake_counted(fake, "forgotten"), 0);
    says("one more");
    assert_int_equal(fake_counted(fake, "forgotten"), 1);
    assert_non_null(strstr(fake_next(fake, FAKE_LOG)->text, "forgotten before mo_dedupe"));
    assert_string_equal(says("second"), second);
    fake_advance(fake, 1); /* an id has the time in it */
    assert_string_not_equal(says("first"), first);
}

int main(void)
{
#define T(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_same_while_a_response_is_owed_is_one_message_as_long_as_mo_dedupe_says),
        T(what_a_customer_says_twice_is_two_messages_and_the_second_has_its_own_time),
        T(a_restart_knows_what_was_said_and_from_when),
        T(the_oldest_go_before_their_time_when_there_are_too_many_and_the_operator_hears),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
