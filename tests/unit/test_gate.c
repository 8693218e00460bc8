/* test_gate.c - gate: messages in and answers out, with a store that may be slow, full or lost. */
#include "config.h"

#include "tests/unit/test_gate_rig.h"

#include <unistd.h>

static void a_message_is_accepted_when_it_is_on_disk_and_not_before(void **state)
{
    (void)state;
    rig_store.hold = 1;
    rig_deliver(&rig->sms, 7, "+45", NULL, "m1", "hello");
    WAIT(rig_store.held == 1);
    rig_run(20);
    assert_int_equal(rig->sms.n_accepted, 0);
    assert_int_equal(rig->main.n_asks, 0);
    rig_release();
    WAIT(rig->sms.n_accepted == 1);
    assert_int_equal(rig->sms.accepted[0].delivery, 7);
    assert_int_equal(rig->sms.accepted[0].status, TD_OK);
    assert_true(rig->sms.accepted[0].seq > 0);
    WAIT(rig->sms.n_sent == 1);
    assert_string_equal(rig->sms.sent[0].text, "re: hello");
    assert_string_equal(rig->main.asks[0].text, "hello");
    assert_int_equal(rig_counter("tandem_messages_total{channel=\"sms\",direction=\"in\"} "), 1);
    assert_int_equal(rig_counter("tandem_deliveries_total{channel=\"sms\",status=\"sent\"} "), 1);
}

static void a_turn_costs_two_appends_and_marks_ride_along(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        char id[8];

        snprintf(id, sizeof id, "m%d", (int)i);
        rig_deliver(&rig->sms, i, "+45", NULL, id, "hello");
        WAIT(rig->sms.n_sent == i + 1);
    }
    assert_int_equal(rig_store.appends, 10);
    WAIT(rig_store.appends == 11); /* the last mark goes by itself after a while */
    rig_run(300);
    assert_int_equal(rig_store.appends, 11);
}

static void the_same_message_again_is_a_duplicate_with_the_same_seq(void **state)
{
    (void)state;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    rig_deliver(&rig->sms, 2, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_accepted == 2);
    rig_deliver(&rig->sms, 3, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_accepted == 3);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(rig->sms.accepted[i].status, TD_OK);
        assert_int_equal(rig->sms.accepted[i].duplicate, 1);
        assert_int_equal(rig->sms.accepted[i].seq, rig->sms.accepted[0].seq);
        assert_string_equal(rig->sms.accepted[i].session, rig->sms.accepted[0].session);
    }
    assert_int_equal(rig->main.n_asks, 1);
    assert_int_equal(rig_counter("tandem_duplicates_total{channel=\"sms\"} "), 2);
}

static void two_first_deliveries_of_one_peer_end_in_one_session(void **state)
{
    (void)state;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "one");
    rig_deliver(&rig->sms, 2, "+45", NULL, "m2", "two");
    rig_deliver(&rig->sms, 3, "+46", NULL, "m3", "three");
    WAIT(rig->sms.n_accepted == 3);
    assert_string_equal(rig_accepted_of(&rig->sms, 1)->session,
                        rig_accepted_of(&rig->sms, 2)->session);
    assert_string_not_equal(rig_accepted_of(&rig->sms, 1)->session,
                            rig_accepted_of(&rig->sms, 3)->session);
}

static void a_full_store_refuses_and_takes_again(void **state)
{
    (void)state;
    rig_store.full = 1;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_accepted == 1);
    assert_int_equal(rig->sms.accepted[0].status, TD_RETRY);
    assert_int_equal(rig->main.n_asks, 0);
    rig_deliver(&rig->sms, 2, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_accepted == 2);
    assert_int_equal(rig->sms.accepted[1].status, TD_OK);
    assert_int_equal(rig->sms.accepted[1].duplicate, 0);
    WAIT(rig->sms.n_sent == 1);
}

static void an_answer_is_not_lost_while_the_store_is_full(void **state)
{
    (void)state;
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    rig_store.full = 1;
    rig_answer(&rig->main, rig->main.asks[0].job, "hello");
    rig_run(20);
    rig_deliver(&rig->sms, 2, "+45", NULL, "m2", "still there?"); /* refused, and at once */
    rig_run(20);
    assert_int_equal(rig_accepted_of(&rig->sms, 2)->status, TD_RETRY);
    assert_int_equal(rig->sms.n_sent, 0);
    WAIT(rig->sms.n_sent == 1);
    assert_string_equal(rig->sms.sent[0].text, "re: hello");
}

static void a_session_that_somebody_else_wrote_is_loaded_again(void **state)
{
    (void)state;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_sent == 1);
    rig_run(300); /* the mark is on disk */
    rig_store.conflict = 1;
    rig_deliver(&rig->sms, 2, "+45", NULL, "m2", "again");
    WAIT(rig->sms.n_sent == 2);
    assert_int_equal(rig_accepted_of(&rig->sms, 2)->status, TD_OK);
    assert_string_equal(rig->sms.sent[1].text, "re: again");
}

static void an_agent_that_answers_twice_is_heard_once(void **state)
{
    (void)state;
    rig->main.behaviour = DO_TWICE;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_sent == 1);
    rig_run(50);
    assert_int_equal(rig->sms.n_sent, 1);
    assert_int_equal(rig_counter("tandem_plugin_errors_total{instance=\"agent/main\"} "), 1);
}

static void an_agent_that_never_answers_costs_its_deadline_only(void **state)
{
    (void)state;
    rig->agents[0].deadline_ms = 60;
    rig->agents[0].next = &rig->agents[1];
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_sent == 1);
    assert_string_equal(rig->sms.sent[0].text, "re: hello");
    assert_int_equal(rig->main.n_asks, 1);
    assert_int_equal(rig->main.n_cancelled, 1);
    assert_int_equal(rig->backup.n_asks, 1);

    rig_answer(&rig->main, rig->main.asks[0].job, "late"); /* after cancel(): nobody hears it */
    rig_run(50);
    assert_int_equal(rig->sms.n_sent, 1);
}

static void the_answer_to_an_earlier_attempt_is_stale(void **state)
{
    (void)state;
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->chat, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    rig_resume(); /* asks again under the same turn; the first question is not called off */
    WAIT(rig->main.n_asks == 2);
    assert_string_equal(rig->main.asks[0].turn, rig->main.asks[1].turn);
    assert_int_equal(rig->main.asks[1].attempt, 2);
    rig_answer(&rig->main, rig->main.asks[0].job, "old");
    WAIT(rig_counter("tandem_stale_outputs_total{kind=\"text\"} ") == 1);
    assert_int_equal(rig->chat.n_sent, 0);
    rig_answer(&rig->main, rig->main.asks[1].job, "new");
    WAIT(rig->chat.n_sent == 1);
    assert_string_equal(rig->chat.sent[0].text, "re: new");
}

static void messages_keep_their_order_over_retries(void **state)
{
    (void)state;
    rig->sms.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "one");
    WAIT(rig->sms.n_sent == 1);
    rig_deliver(&rig->sms, 2, "+45", NULL, "m2", "two");
    WAIT(rig->main.n_asks == 2);
    rig_run(20);
    assert_int_equal(rig->sms.n_sent, 1); /* one at a time */
    rig_sent(&rig->sms, rig->sms.sent[0].job, TD_RETRY, 0);
    WAIT(rig->sms.n_sent == 2);
    assert_string_equal(rig->sms.sent[1].text, "re: one");
    rig_sent(&rig->sms, rig->sms.sent[1].job, TD_OK, 0);
    rig_sent(&rig->sms, rig->sms.sent[1].job, TD_OK, 0); /* twice: dropped */
    WAIT(rig->sms.n_sent == 3);
    assert_string_equal(rig->sms.sent[2].text, "re: two");
    assert_int_equal(rig_counter("tandem_plugin_errors_total{instance=\"channel/sms\"} "), 1);
    rig_sent(&rig->sms, rig->sms.sent[2].job, TD_REJECT, 0);
    assert_int_equal(rig_counter("tandem_deliveries_total{channel=\"sms\",status=\"failed\"} "), 1);
}

static void an_evicted_session_comes_back_the_same(void **state)
{
    char session[27], before[20000];

    (void)state;
    rig_stop();
    rig_start(1);
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_sent == 1);
    rig_run(300);
    memcpy(session, rig->sms.accepted[0].session, sizeof session);
    rig_session(session);
    memcpy(before, rig->json, sizeof before);

    rig_deliver(&rig->sms, 2, "+46", NULL, "m2", "other");
    WAIT(rig->sms.n_sent == 2);
    rig_run(50);
    struct buf status = { 0 };
    gate_status_json(rig->gate, &status);
    assert_non_null(strstr(status.data, "\"sessions\":{\"memory\":1,"));
    buf_fini(&status);

    rig_session(session);
    assert_string_equal(rig->json, before);
    rig_deliver(&rig->sms, 3, "+45", NULL, "m3", "back");
    WAIT(rig->sms.n_sent == 3);
    assert_string_equal(rig_accepted_of(&rig->sms, 3)->session, session);
    assert_int_equal(rig->main.asks[2].n_history, 2);
    assert_string_equal(rig->main.asks[2].state, "{\"n\":1}");
}

static void long_sessions_are_restored_from_their_snapshot(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 80; i++) {
        char id[16];

        snprintf(id, sizeof id, "m%d", (int)i);
        rig_deliver(&rig->sms, i, "+45", NULL, id, id);
        WAIT(rig->sms.n_sent == i + 1);
    }
    rig_run(300);
    rig_stop();
    rig_start(10);
    rig_deliver(&rig->sms, 100, "+45", NULL, "last", "last");
    WAIT(rig->sms.n_sent == 81);
    assert_int_equal(rig->main.asks[80].n_history, 20);
    assert_string_equal(rig->sms.sent[80].text, "re: last");
}

static char file[64];

static void open_file(void)
{
    char url[80];
    int fd;

    snprintf(file, sizeof file, "/tmp/test_gate_XXXXXX");
    fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    rig_stop();
    snprintf(url, sizeof url, "sqlite:%s", file);
    rig_reopen(url);
    rig_start(100);
}

static void remove_file(void)
{
    char name[80];

    unlink(file);
    snprintf(name, sizeof name, "%s-wal", file);
    unlink(name);
    snprintf(name, sizeof name, "%s-shm", file);
    unlink(name);
}

static void after_a_crash_the_question_is_asked_again_with_the_same_turn(void **state)
{
    (void)state;
    open_file();
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    rig_stop();
    rig_reopen(NULL);
    rig_start(100);
    rig_resume();
    assert_int_equal(rig->resumed, 1);
    WAIT(rig->main.n_asks == 2);
    assert_string_equal(rig->main.asks[0].turn, rig->main.asks[1].turn);
    rig_answer(&rig->main, rig->main.asks[1].job, "hello");
    WAIT(rig->sms.n_sent == 1);
    assert_int_equal(rig->sms.sent[0].maybe_duplicate, 0);
    rig_deliver(&rig->sms, 2, "+45", NULL, "m1", "hello");
    WAIT(rig_accepted_of(&rig->sms, 2) != NULL);
    assert_int_equal(rig_accepted_of(&rig->sms, 2)->duplicate, 1);
    remove_file();
}

static void after_a_crash_what_was_not_sent_is_sent_and_marked(void **state)
{
    (void)state;
    open_file();
    rig->sms.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_sent == 1);
    rig_stop();
    rig_reopen(NULL);
    rig_start(100);
    rig->sms.behaviour = DO_OK;
    rig_resume();
    WAIT(rig->sms.n_sent == 2);
    assert_string_equal(rig->sms.sent[1].text, "re: hello");
    assert_int_equal(rig->sms.sent[1].maybe_duplicate, 1);
    assert_int_equal(rig->main.n_asks, 1);
    remove_file();
}

static void what_may_have_left_leaves_again_when_that_is_on_disk(void **state)
{
    const struct td_sent unclear = { .size = sizeof unclear, .status = TD_RETRY, .uncertain = 1,
                                     .retry_after_ms = 1, .detail = "no response" };

    (void)state;
    rig->sms.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_sent == 1);
    rig_store.hold = 1;
    rig_host()->sent(rig->sms.inst, rig->sms.sent[0].job, &unclear);
    WAIT(rig_store.held > 0);
    rig_run(20);
    assert_int_equal(rig->sms.n_sent, 1);
    rig_release();
    WAIT(rig->sms.n_sent == 2);
    assert_int_equal(rig->sms.sent[1].maybe_duplicate, 1);
    rig_journal(rig->sms.sent[1].session, 0);
    assert_non_null(strstr(rig->json, "\"maybe_duplicate\":1"));
    rig_host()->sent(rig->sms.inst, rig->sms.sent[1].job, &unclear); /* known: nothing to wait for */
    WAIT(rig->sms.n_sent == 3);
    assert_int_equal(rig->sms.sent[2].maybe_duplicate, 1);
}

static void a_gate_may_go_while_the_store_works(void **state)
{
    (void)state;
    rig_store.hold = 1;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig_store.held == 1);
    rig_stop();
    rig_release();
    rig_run(20);
    rig_start(10);
    rig_resume();
    assert_int_equal(rig->resumed, 1);
    WAIT(rig->sms.n_sent == 1);
}

static void what_an_instance_keeps_is_its_own_and_outlives_a_crash(void **state)
{
    (void)state;
    open_file();
    rig_keep(&rig->sms, 1, TD_KEEP_PUT, "a/1", "one", 0);
    rig_keep(&rig->sms, 2, TD_KEEP_PUT, "a/2", "two", 1); /* over since 1970 */
    rig_keep(&rig->chat, 3, TD_KEEP_PUT, "a/0", "another's", 0);
    rig_keep(&rig->sms, 4, TD_KEEP_SCAN, "a/", NULL, 0); /* sees what was put before it */
    assert_int_equal(rig->sms.n_kept, 0);
    WAIT(rig->sms.n_kept == 3);
    assert_int_equal(rig->sms.kept[0].job, 1);
    assert_int_equal(rig->sms.kept[0].status, TD_OK);
    assert_int_equal(rig->sms.kept[2].job, 4);
    assert_int_equal(rig->sms.kept[2].n, 1);
    assert_string_equal(rig->sms.kept[2].first, "a/1");
    rig_stop();
    rig_reopen(NULL);
    rig_start(100);
    rig_keep(&rig->sms, 5, TD_KEEP_GET, "a/1", NULL, 0);
    rig_keep(&rig->sms, 6, TD_KEEP_DEL, "a/1", NULL, 0);
    rig_keep(&rig->sms, 7, TD_KEEP_GET, "a/1", NULL, 0);
    WAIT(rig->sms.n_kept == 6);
    assert_string_equal(rig->sms.kept[3].value, "one");
    assert_int_equal(rig->sms.kept[5].status, TD_OK);
    assert_int_equal(rig->sms.kept[5].n, 0);
    remove_file();
}

static void put_shared(struct rig_channel *channel, uint64_t job, enum td_keep_op op,
                       const char *shared, const char *key, const char *value)
{
    rig_host()->keep(channel->inst, job, &(struct td_keep){
        .size = sizeof(struct td_keep), .op = op, .key = key, .value = value,
        .len = value != NULL ? strlen(value) : 0, .shared = shared });
}

static void who_shares_a_table_hears_what_others_change_in_it(void **state)
{
    struct rig_channel *sms = &rig->sms, *chat = &rig->chat;

    (void)state;
    put_shared(chat, 1, TD_KEEP_GET, "t", "k", NULL);
    put_shared(sms, 2, TD_KEEP_PUT, "t", "k", "v");
    put_shared(sms, 3, TD_KEEP_DEL, "t", "k", NULL);
    WAIT(sms->n_kept == 2 && chat->n_kept == 3);
    assert_int_equal(chat->kept[0].job, 1);
    assert_int_equal(chat->kept[1].job, 0);
    assert_string_equal(chat->kept[1].first, "k");
    assert_string_equal(chat->kept[1].value, "v");
    assert_int_equal(chat->kept[2].job, 0);
    assert_string_equal(chat->kept[2].value, "");
    rig_keep(sms, 4, TD_KEEP_PUT, "k", "its own", 0);
    put_shared(sms, 5, TD_KEEP_PUT, "t", "k", "");
    put_shared(sms, 6, TD_KEEP_PUT, "u", "k", "v");
    put_shared(sms, 7, TD_KEEP_GET, "t", "k", NULL);
    WAIT(sms->n_kept == 6);
    for (size_t i = 2; i < 6; i++) /* refusals come before what the disk answers */
        assert_int_equal(sms->kept[i].status,
                         sms->kept[i].job == 5 || sms->kept[i].job == 6 ? TD_REJECT : TD_OK);
    assert_int_equal(chat->n_kept, 3);
}

static void what_is_over_a_limit_is_not_kept(void **state)
{
    static char key[TD_KEEP_MAX_KEY + 2], value[TD_KEEP_MAX_VALUE + 2];

    (void)state;
    memset(key, 'k', sizeof key - 1);
    memset(value, 'v', sizeof value - 1);
    rig_keep(&rig->sms, 1, TD_KEEP_PUT, key, "v", 0);
    rig_keep(&rig->sms, 2, TD_KEEP_PUT, "k", value, 0);
    rig_keep(&rig->sms, 3, TD_KEEP_PUT, "", "v", 0);
    rig_keep(&rig->sms, 4, TD_KEEP_PUT, "\xff", "v", 0);
    rig_keep(&rig->sms, 5, TD_KEEP_PUT, key + 1, value + 1, 0);
    rig_keep(&rig->sms, 6, TD_KEEP_SCAN, NULL, NULL, 0);
    assert_int_equal(rig->sms.n_kept, 0);
    WAIT(rig->sms.n_kept == 6);
    for (size_t i = 0; i < 6; i++) {
        const struct rig_kept *kept = &rig->sms.kept[i];

        assert_int_equal(kept->status, kept->job <= 4 ? TD_REJECT : TD_OK);
        assert_int_equal(kept->detail[0] != '\0', kept->job <= 4);
        if (kept->job == 6)
            assert_int_equal(kept->n, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, rig_setup, rig_teardown)
        TEST(a_message_is_accepted_when_it_is_on_disk_and_not_before),
        TEST(a_turn_costs_two_appends_and_marks_ride_along),
        TEST(the_same_message_again_is_a_duplicate_with_the_same_seq),
        TEST(two_first_deliveries_of_one_peer_end_in_one_session),
        TEST(a_full_store_refuses_and_takes_again),
        TEST(an_answer_is_not_lost_while_the_store_is_full),
        TEST(a_session_that_somebody_else_wrote_is_loaded_again),
        TEST(an_agent_that_answers_twice_is_heard_once),
        TEST(an_agent_that_never_answers_costs_its_deadline_only),
        TEST(the_answer_to_an_earlier_attempt_is_stale),
        TEST(messages_keep_their_order_over_retries),
        TEST(an_evicted_session_comes_back_the_same),
        TEST(long_sessions_are_restored_from_their_snapshot),
        TEST(after_a_crash_the_question_is_asked_again_with_the_same_turn),
        TEST(after_a_crash_what_was_not_sent_is_sent_and_marked),
        TEST(what_may_have_left_leaves_again_when_that_is_on_disk),
        TEST(a_gate_may_go_while_the_store_works),
        TEST(what_an_instance_keeps_is_its_own_and_outlives_a_crash),
        TEST(who_shares_a_table_hears_what_others_change_in_it),
        TEST(what_is_over_a_limit_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
