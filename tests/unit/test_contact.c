/* test_contact.c - engine: where a customer can be reached who is promised a call. */
#include "config.h"

#include <string.h>

#include "engine/contact.h"
#include "engine/hours.h"
#include "engine/package.h"
#include "tests/check.h"
#include "tests/unit/engine_rig.h"

static void numbers_and_addresses_are_found_in_what_people_write(void **state)
{
    static const struct {
        const char *text, *contact;
        int whole;
    } rows[] = {
        { "+45 12 34 56 78", "+45 12 34 56 78", 1 },
        { " (040) 123-4567.\n", "040) 123-4567", 1 },
        { "12345678", "12345678", 1 },
        { "kim@example.org", "kim@example.org", 1 },
        { "Kim.O+x@mail.example.org!", "Kim.O+x@mail.example.org", 1 },
        { "please write to kim@example.org.", "kim@example.org", 0 },
        { "call me at +45 12345678 after five", "+45 12345678", 0 },
        { "my order is 12345678", NULL, 0 }, /* of what else it may be */
        { "12345", NULL, 0 },
        { "1234567890123456", NULL, 0 },
        { "kim@example", NULL, 0 },
        { "@example.org", NULL, 0 },
        { "a@.b", NULL, 0 },
        { "what do you mean?", NULL, 0 },
        { "", NULL, 0 },
        { NULL, NULL, 0 },
    };
    struct arena *arena = arena_new(0);
    int whole;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *contact = contact_in(rows[i].text, arena, &whole);
        if ((contact == NULL) != (rows[i].contact == NULL) || whole != rows[i].whole ||
            (contact != NULL && strcmp(contact, rows[i].contact) != 0))
            fail_msg("'%s' gives '%s', %d", rows[i].text, contact != NULL ? contact : "-", whole);
    }
    arena_free(&arena);
}

static struct rig *rig;

/* On a page: the customer has no address, and the queue is closed. */
static int set_up(void **state)
{
    struct err err;

    (void)state;
    rig = rig_desks();
    rig->hours = hours_parse("Mon-Fri 09:00-17:00", NULL, NULL, &err);
    rig->queues[0].hours = rig->hours;
    rig->queues[0].fallback = FALLBACK_CALLBACK;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void says(const char *id, const char *text, const struct td_customer *customer)
{
    const struct td_message message = { .size = sizeof message, .id = id, .text = text };

    rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &message,
                                .from = { .channel = "web", .customer = customer } });
}

static void is_promised_a_call(const struct td_customer *customer)
{
    says("m1", "a human", customer);
    rig_answer(rig, &(struct td_answer){ .decision = TD_ESCALATE, .confidence = -1,
                                         .grounded = -1 });
    assert_int_equal(rig->session.n_promises, 1);
}

static void who_has_no_address_is_asked_for_one_and_it_goes_to_the_desk(void **state)
{
    static const char *const allow[] = { "contact", NULL };
    const struct package_target target = { .format = TD_PACKAGE_JSON, .allow = allow };

    (void)state;
    is_promised_a_call(NULL);
    assert_int_equal(rig_told(rig, "contact") + rig_told(rig, "callback"), 1);
    rig_says(rig, "anything else?");
    says("m2", "+45 12 34 56 78", NULL);
    assert_int_equal(rig_told(rig, "contact_noted"), 1);
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 0);
    assert_int_equal(rig->session.answered, rig->session.messages[rig->session.n_messages - 2].seq);
    assert_non_null(strstr(engine_package(&rig->session, &rig->policy, &target, rig->arena),
                           "\"contact\":\"+45 12 34 56 78\""));
    says("m3", "+45 12 34 56 78", NULL); /* known: the agent makes of it what it can */
    assert_int_equal(rig_told(rig, "contact_noted"), 1);
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 1);
}

static void among_other_words_it_is_kept_and_the_agent_answers_the_words(void **state)
{
    (void)state;
    is_promised_a_call(NULL);
    says("m2", "kim@example.org, and what are your hours?", NULL);
    assert_string_equal(rig->session.contact, "kim@example.org");
    assert_int_equal(rig_told(rig, "contact_noted"), 0);
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 1);
}

static void who_can_be_reached_is_not_asked(void **state)
{
    static const struct td_customer known = { .size = sizeof known, .email = "kim@example.org" };

    (void)state;
    is_promised_a_call(&known);
    assert_int_equal(rig_told(rig, "callback"), 1);
    assert_int_equal(rig_told(rig, "contact"), 0);
}

static void without_a_promise_a_number_is_a_number(void **state)
{
    (void)state;
    says("m1", "12345678", NULL);
    assert_null(rig->session.contact);
    assert_int_equal(rig_effects(rig, EFFECT_ASK), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_addresses_are_found_in_what_people_write),
        T(who_has_no_address_is_asked_for_one_and_it_goes_to_the_desk),
        T(among_other_words_it_is_kept_and_the_agent_answers_the_words),
        T(who_can_be_reached_is_not_asked),
        T(without_a_promise_a_number_is_a_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
