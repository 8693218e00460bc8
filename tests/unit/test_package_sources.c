/* test_package_sources.c - engine/view_desk.c: where the package gets what it says. */
#include "config.h"

#include <string.h>

#include "engine/package.h"
#include "tests/check.h"
#include "tests/unit/engine_rig.h"

static void answers(struct rig *rig, const char *intent, enum td_decision decision,
                    const char *entities)
{
    static const struct td_message message = { .size = sizeof message, .text = "well" };
    static const struct td_message *const messages[] = { &message };
    static unsigned n;
    char id[16];

    snprintf(id, sizeof id, "m%u", ++n);
    rig_message(rig, id, id);
    rig_answer(rig, &(struct td_answer){ .messages = messages, .n_messages = 1, .intent = intent,
                                         .decision = decision, .entities = entities,
                                         .confidence = -1, .grounded = -1 });
}

static const char *package(const struct rig *rig, const char *const *allow)
{
    const struct package_target target = { .format = TD_PACKAGE_JSON, .allow = allow };

    return engine_package(&rig->session, &rig->policy, &target, rig->arena);
}

static void what_an_agent_knows_of_the_customer_stands_with_the_customer(void **state)
{
    struct rig *rig = *state;
    static const char *const all[] = { "tier", "company", "order", NULL };
    static const char *const some[] = { "order", NULL };

    answers(rig, "refund", TD_DECISION_NONE,
            "{\"customer.tier\":\"gold\",\"order\":\"A1\",\"customer.company\":\"Havn\"}");
    assert_non_null(strstr(package(rig, all), "\"tier\":\"gold\""));
    assert_non_null(strstr(package(rig, all), "\"fields\":{\"company\":\"Havn\"}"));
    assert_non_null(strstr(package(rig, all), "\"entities\":{\"order\":\"A1\"}"));
    assert_null(strstr(package(rig, some), "gold"));
    assert_null(strstr(package(rig, some), "Havn"));
    assert_non_null(strstr(package(rig, some), "{\"field\":\"customer.tier\",\"reason\":\"not_permitted\"}"));
}

static void intents_are_what_they_were_last_said_to_be(void **state)
{
    struct rig *rig = *state;
    static const char *const none[] = { NULL };

    assert_null(strstr(package(rig, none), "\"intent\""));
    answers(rig, "refund", TD_CLARIFY, NULL);
    assert_non_null(strstr(package(rig, none), "\"status\":\"clarifying\""));
    answers(rig, "address", TD_RESOLVE, NULL);
    answers(rig, "invoice", TD_REFUSE, NULL);
    answers(rig, NULL, TD_DECISION_NONE, NULL); /* about the same, and nothing is decided */
    assert_non_null(strstr(package(rig, none), "{\"name\":\"invoice\",\"status\":\"open\"}"));
    assert_non_null(strstr(package(rig, none), "\"open_intents\":[\"refund\"]"));
    answers(rig, "refund", TD_RESOLVE, NULL);
    assert_non_null(strstr(package(rig, none), "{\"name\":\"refund\",\"status\":\"resolved\"}"));
    assert_non_null(strstr(package(rig, none), "\"open_intents\":[\"invoice\"]"));
}

static void the_newest_intents_are_remembered_also_in_a_snapshot(void **state)
{
    struct rig *rig = *state;
    struct session back;
    char name[8];

    for (int i = 0; i < SESSION_INTENTS + 3; i++) {
        snprintf(name, sizeof name, "i%d", i);
        answers(rig, name, TD_REFUSE, NULL);
    }
    rig_restore(rig, &back);
    assert_int_equal(back.n_intents, SESSION_INTENTS);
    assert_string_equal(back.intents[0].name, "i3");
    assert_string_equal(back.intents[SESSION_INTENTS - 1].name, "i10");
    assert_int_equal(back.intents[0].decision, TD_REFUSE);
    session_fini(&back);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_desks_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_an_agent_knows_of_the_customer_stands_with_the_customer),
        T(intents_are_what_they_were_last_said_to_be),
        T(the_newest_intents_are_remembered_also_in_a_snapshot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
