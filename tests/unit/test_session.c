/* test_session.c - engine/session.c and snapshot.c: what is kept, and that it comes back. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"
#include "tests/same.h"
#include "tests/unit/engine_rig.h"

static void assert_whole(struct rig *rig)
{
    struct session restored, folded;

    rig_restore(rig, &restored);
    rig_fold(rig, &folded);
    assert_true(session_same(&rig->session, &restored));
    assert_true(session_same(&rig->session, &folded));
    session_fini(&restored);
    session_fini(&folded);
}

static void a_session_comes_back_from_its_snapshot(void **state)
{
    struct rig *rig = rig_new();
    const struct td_customer customer = { .id = "c1", .name = "Ann \"\\\n", .email = "a@b" };
    const struct td_message message = { .id = "m1", .text = "hi\x01\xe2\x80\xa8", .choice = "yes" };
    const struct td_choice choice = { .title = "Yes", .value = "y" };
    const struct td_choice *const choices[] = { &choice };
    const struct td_message reply = { .text = "hello", .choices = choices, .n_choices = 1 };
    const struct td_message *const replies[] = { &reply };

    (void)state;
    assert_whole(rig);
    rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &message,
                                .from = { .channel = "web", .account = "acc", .peer = "p",
                                          .locale = "en", .timezone = "Europe/Berlin",
                                          .customer = &customer } });
    assert_whole(rig);
    rig_answer(rig, &(struct td_answer){ .messages = replies, .n_messages = 1, .state = "{\"a\":1}",
                                         .intent = "greet", .confidence = 0.5, .grounded = 1,
                                         .language = "en", .decision = TD_CLARIFY,
                                         .pass = "three" });
    assert_whole(rig);
    assert_string_equal(session_state_of(&rig->session, "one"), "{\"a\":1}");
    rig_message(rig, "m2", "more");
    rig_status(rig, TD_RETRY, "later");
    assert_whole(rig);
    rig_event(rig, EVENT_LEAVE);
    assert_whole(rig);
    rig_message(rig, "m3", "again");
    assert_whole(rig);
    rig_free(&rig);
}

static void only_the_newest_states_are_kept(void **state)
{
    struct rig *rig = rig_new();
    const char *const names[] = { "three", "four", "one", "two", "three" };

    (void)state;
    rig->policy.max_bounces = 100;
    rig_message(rig, "m0", "hi");
    for (size_t i = 0; i < 5; i++) {
        char text[16], id[16];
        const struct td_message m = { .text = "ok" };
        const struct td_message *const ms[] = { &m };
        snprintf(text, sizeof text, "[%zu]", i);
        snprintf(id, sizeof id, "m%zu", i + 1);
        rig_answer(rig, &(struct td_answer){ .messages = ms, .n_messages = 1, .state = text,
                                             .pass = names[i] });
        rig_message(rig, id, "next");
        assert_whole(rig);
    }
    assert_string_equal(session_state_of(&rig->session, "one"), "[3]");
    assert_string_equal(session_state_of(&rig->session, "three"), "[1]");
    assert_null(session_state_of(&rig->session, "nobody"));
    rig_free(&rig);
}

static void the_window_drops_what_nobody_waits_for(void **state)
{
    struct rig *rig = rig_new();
    char id[16];

    (void)state;
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "m%d", i);
        rig_message(rig, id, "question");
        rig_says(rig, "answer");
        rig_sent(rig, rig->session.messages[rig->session.n_messages - 1].seq, TD_SENT);
        assert_true(rig->session.n_messages <= SESSION_KEPT + SESSION_SLACK);
        if (i % 10 == 0)
            assert_whole(rig);
    }
    assert_true(rig->session.n_messages >= SESSION_KEPT);
    assert_whole(rig);
    rig_free(&rig);
}

static void the_window_keeps_what_waits(void **state)
{
    struct rig *rig = rig_new();
    uint64_t first = 0;
    char id[16];

    (void)state;
    rig->policy.max_pending = 1000;
    for (int i = 0; i < 150; i++) {
        snprintf(id, sizeof id, "m%d", i);
        assert_int_equal(rig_message(rig, id, "question"), VERDICT_OK);
        rig_says(rig, "answer that nobody fetches");
        if (first == 0)
            first = rig->session.messages[1].seq;
    }
    assert_non_null(session_message(&rig->session, first));
    assert_int_equal(session_unsent(&rig->session), 150);
    assert_whole(rig);
    for (size_t i = 0; i < rig->session.n_messages; i++)
        if (rig->session.messages[i].author != TD_CUSTOMER)
            rig_sent(rig, rig->session.messages[i].seq, TD_SENT);
    assert_whole(rig); /* more than the window, and nobody waits: a restore drops nothing either */
    rig_message(rig, "last", "question");
    assert_true(rig->session.n_messages <= SESSION_KEPT + 1);
    assert_null(session_message(&rig->session, first));
    rig_free(&rig);
}

static void a_snapshot_full_of_choices_comes_back(void **state)
{
    struct rig *rig = rig_new();
    const struct td_choice choice = { .title = "T", .value = "v" };
    const struct td_choice *choices[50];
    const struct td_message reply = { .text = "which?", .choices = choices, .n_choices = 50 };
    const struct td_message *replies[ENGINE_MAX_REPLIES];

    (void)state;
    for (size_t i = 0; i < 50; i++)
        choices[i] = &choice;
    for (size_t i = 0; i < ENGINE_MAX_REPLIES; i++)
        replies[i] = &reply;
    for (int i = 0; i < ENGINE_MAX_UNSENT / ENGINE_MAX_REPLIES; i++) {
        char id[16];
        snprintf(id, sizeof id, "m%d", i);
        assert_int_equal(rig_message(rig, id, "?"), VERDICT_OK);
        rig_answer(rig, &(struct td_answer){ .messages = replies,
                                             .n_messages = ENGINE_MAX_REPLIES });
    }
    assert_int_equal(session_unsent(&rig->session), ENGINE_MAX_UNSENT);
    assert_whole(rig);
    rig_free(&rig);
}

static void a_delivery_only_moves_forward(void **state)
{
    static const char *const moves[] = {
        /*             Q S U D R F  (to) */
        [TD_QUEUED] = "-+++++",    [TD_SENT] = "---+++",   [TD_UNCERTAIN] = "---+++",
        [TD_DELIVERED] = "----+-", [TD_READ] = "------",   [TD_FAILED] = "------",
    };

    (void)state;
    for (int from = TD_QUEUED; from <= TD_FAILED; from++) {
        for (int to = TD_QUEUED; to <= TD_FAILED; to++)
            assert_int_equal(session_delivery_moves((enum td_delivery)from, (enum td_delivery)to),
                             moves[from][to] == '+');
        assert_int_equal(session_delivery_moves((enum td_delivery)from, (enum td_delivery)99), 0);
    }
}

static void an_erased_body_leaves_the_places(void **state)
{
    struct rig *rig = rig_new();
    struct buf facts = { 0 }, body = { 0 };
    struct session restored;
    struct err err;

    (void)state;
    rig_message(rig, "m1", "erase me");
    session_init(&restored, &rig->session.id);
    session_snapshot(&rig->session, &facts, &body);
    assert_null(strstr(facts.data, "erase me"));
    assert_int_equal(session_restore(&restored, facts.data, facts.len, NULL, 0, &err), 0);
    assert_int_equal(restored.n_messages, 1);
    assert_null(restored.messages[0].text);
    assert_string_equal(restored.messages[0].ext_id, "m1");
    session_fini(&restored);
    buf_fini(&facts);
    buf_fini(&body);
    rig_free(&rig);
}

static void a_broken_snapshot_is_refused_in_words(void **state)
{
    static const char *const broken[] = {
        "", "{", "[]", "{}", "{\"version\":2}", "{\"version\":1,\"turn\":\"x\"}",
        "{\"version\":1,\"messages\":[{\"seq\":0}]}",
        "{\"version\":1,\"messages\":[{\"seq\":2},{\"seq\":2}]}",
        "{\"version\":1,\"messages\":[{\"seq\":1,\"author\":9}]}",
        "{\"version\":1,\"messages\":[{\"seq\":1,\"status\":9}]}",
        "{\"version\":1,\"messages\":[{\"seq\":1,\"id\":\"x\"}]}",
        "{\"version\":1,\"states\":[{},{},{},{},{}]}",
        "{\"version\":1,\"turn_active\":1}", "{\"version\":1,\"phase\":7}",
        "{\"version\":1,\"owner\":-1}", "{\"version\":1,\"seq\":-1}",
    };
    const struct ulid id = ulid_make(1, 1, 1);

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct session s;
        struct err err = { "" };
        session_init(&s, &id);
        if (session_restore(&s, broken[i], strlen(broken[i]), NULL, 0, &err) != -1 ||
            err.text[0] == '\0')
            fail_msg("taken: %s", broken[i]);
        session_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_comes_back_from_its_snapshot),
        cmocka_unit_test(only_the_newest_states_are_kept),
        cmocka_unit_test(the_window_drops_what_nobody_waits_for),
        cmocka_unit_test(the_window_keeps_what_waits),
        cmocka_unit_test(a_snapshot_full_of_choices_comes_back),
        cmocka_unit_test(a_delivery_only_moves_forward),
        cmocka_unit_test(an_erased_body_leaves_the_places),
        cmocka_unit_test(a_broken_snapshot_is_refused_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
