/* test_gate_desk.c - gate: handoffs to a desk, its humans, who vanishes, and what a restart knows. */
#include "config.h"

#include "tests/unit/test_gate_desk_rig.h"

/* ---- Tests -------------------------------------------------------------------------------- */

static void of_two_who_accept_the_second_hears_who_has_it(void **state)
{
    const struct offered *offer = wanted();
    const struct answered *second;

    (void)state;
    assert_int_equal(act(TD_OP_ACCEPT, offer->id, "mia")->status, TD_OK);
    second = act(TD_OP_ACCEPT, offer->id, "noah");
    assert_int_equal(second->status, TD_REJECT);
    assert_string_equal(second->code, "taken");
    assert_string_equal(second->holder, "Mia");
    assert_non_null(strstr(list("mine", "mia")->json, offer->id));
    assert_null(strstr(list("mine", "noah")->json, offer->id));
}

static void an_accept_that_is_judged_again_takes_one_place(void **state)
{
    const struct offered *offer = wanted();

    (void)state;
    humans[0].capacity = 1;
    rig_run(300); /* the marks are on disk */
    rig_store.conflict = 1;
    assert_int_equal(act(TD_OP_ACCEPT, offer->id, "mia")->status, TD_OK);
    assert_int_equal(rig_store.conflict, 0);
}

static void the_no_of_the_last_human_is_the_desks(void **state)
{
    const struct offered *offer = wanted();

    (void)state;
    assert_int_equal(act(TD_OP_DECLINE, offer->id, "mia")->status, TD_OK);
    assert_null(strstr(list("queued", "mia")->json, offer->id));
    assert_non_null(strstr(list("queued", "noah")->json, offer->id));
    assert_int_equal(act(TD_OP_DECLINE, offer->id, "noah")->status, TD_OK);
    assert_null(strstr(list("queued", "noah")->json, offer->id));
    assert_non_null(strstr(list("closed", "noah")->json, "\"outcome\":\"declined\""));
    assert_string_equal(act(TD_OP_ACCEPT, offer->id, "mia")->code, "over");
}

static void a_desk_that_cannot_take_it_now_is_offered_the_same_again(void **state)
{
    const struct offered *first;

    (void)state;
    desk.answer = TD_RETRY;
    first = wanted();
    desk.answer = TD_OK;
    WAIT(desk.n_offers == 2);
    assert_string_equal(desk.offers[1].id, first->id);
    assert_int_equal(act(TD_OP_ACCEPT, first->id, "mia")->status, TD_OK);
}

static void a_human_of_whom_nothing_is_heard_gives_the_customer_back(void **state)
{
    const struct offered *offer = wanted();
    char first[27];

    (void)state;
    memcpy(first, offer->id, sizeof first);
    rig->policy.presence_ms = 200;
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    WAIT(desk.n_offers == 2);
    assert_string_not_equal(desk.offers[1].id, first);
    assert_string_equal(desk.released, first);
    assert_string_equal(desk.outcome, "requeued");
    assert_string_equal(act(TD_OP_EXTEND, first, "mia")->code, "over");
}

static void a_desk_that_comes_back_hears_what_is_live_there(void **state)
{
    char first[27];

    (void)state;
    memcpy(first, wanted()->id, sizeof first);
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    gate_instance_close(rig->gate, TD_DESK, "support");
    rig_deliver(&rig->chat, 2, NULL, session, "m2", "anybody there?");
    WAIT(rig_accepted_of(&rig->chat, 2) != NULL);
    assert_int_equal(desk.n_relays, 0);
    open_desk();
    WAIT(desk.n_relays == 1); /* what was said meanwhile is not lost */
    assert_string_equal(desk.offers[desk.n_offers - 1].id, first);
    assert_string_equal(desk.offers[desk.n_offers - 1].human, "mia");
    assert_int_equal(desk.offers[desk.n_offers - 1].state, TD_HANDOFF_LIVE);
}

static void a_desk_that_stays_away_gives_its_customers_back(void **state)
{
    char first[27];

    (void)state;
    memcpy(first, wanted()->id, sizeof first);
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    rig->policy.desk_away_ms = 100;
    gate_instance_close(rig->gate, TD_DESK, "support");
    for (int i = 0; i < 100; i++) {
        rig_run(50);
        rig->http_status = 0;
        rig_session(session);
        if (strstr(rig->json, "\"kind\":\"agent\"") != NULL)
            break;
    }
    assert_non_null(strstr(rig->json, "\"kind\":\"agent\"")); /* as there is no other desk */
    open_desk();
    assert_string_equal(list("mine", "mia")->json, "{\"handoffs\":[]}");
}

static void what_ended_is_known_after_a_restart(void **state)
{
    char first[27];

    (void)state;
    memcpy(first, wanted()->id, sizeof first);
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    ask((struct td_desk_request){ .op = TD_OP_TAG, .handoff = first, .human = "mia",
                                  .text = "[\"odd\"]" });
    assert_int_equal(act(TD_OP_RETURN, first, "mia")->status, TD_OK);
    assert_int_equal(ask((struct td_desk_request){ .op = TD_OP_REVIEW, .handoff = first,
                                                   .human = "noah", .text = "{\"score\":2}" })
                         ->status, TD_OK);
    gate_instance_close(rig->gate, TD_DESK, "support");
    rig_stop();
    rig_start(1000);
    open_desk();
    rig_resume();
    WAIT(strstr(list("closed", "mia")->json, first) != NULL);
    const char *json = list("closed", "mia")->json;
    assert_non_null(strstr(json, "\"outcome\":\"returned\""));
    assert_non_null(strstr(json, "\"human\":\"mia\""));
    assert_non_null(strstr(json, "\"tags\":[\"odd\"]"));
    assert_non_null(strstr(json, "\"score\":2"));
}

static void only_who_supervises_sees_what_agents_have(void **state)
{
    (void)state;
    rig_attach(1, NULL, 0, 0);
    WAIT(rig_attached_of(1) != NULL);
    rig_deliver(&rig->chat, 1, NULL, rig_attached_of(1)->session, "m1", "hello");
    WAIT(rig->chat.n_sent == 1);
    assert_string_equal(list("agent", "mia")->code, "not_eligible");
    assert_non_null(strstr(list("agent", "noah")->json, rig_attached_of(1)->session));
    assert_string_equal(ask((struct td_desk_request){ .op = TD_OP_WATCH, .human = "mia", .on = 1,
                            .session = rig_attached_of(1)->session })->code, "not_eligible");
    assert_int_equal(list("agent", "nobody")->status, TD_AUTH);
}

static void a_customer_is_not_given_back_to_agents_that_are_gone(void **state)
{
    char first[27];

    (void)state;
    memcpy(first, wanted()->id, sizeof first);
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    gate_instance_close(rig->gate, TD_AGENT, "main");
    assert_string_equal(act(TD_OP_RETURN, first, "mia")->code, "no_agent");
    assert_non_null(strstr(list("mine", "mia")->json, first));
    rig->agents[0].next = &rig->agents[1]; /* the backup can */
    assert_int_equal(act(TD_OP_RETURN, first, "mia")->status, TD_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(of_two_who_accept_the_second_hears_who_has_it),
        T(an_accept_that_is_judged_again_takes_one_place),
        T(the_no_of_the_last_human_is_the_desks),
        T(a_desk_that_cannot_take_it_now_is_offered_the_same_again),
        T(a_human_of_whom_nothing_is_heard_gives_the_customer_back),
        T(a_desk_that_comes_back_hears_what_is_live_there),
        T(a_desk_that_stays_away_gives_its_customers_back),
        T(what_ended_is_known_after_a_restart),
        T(only_who_supervises_sees_what_agents_have),
        T(a_customer_is_not_given_back_to_agents_that_are_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
