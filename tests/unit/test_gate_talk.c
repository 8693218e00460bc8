/* test_gate_talk.c - gate: customers who come and go, breakers, drain, operators, misuse. */
#include "config.h"

#include "tests/unit/test_gate_rig.h"

#include <pthread.h>

#include "base/clock.h"

static const char *open_chat(uint64_t job)
{
    rig_attach(job, NULL, 0, 0);
    WAIT(rig_attached_of(job) != NULL);
    assert_int_equal(rig_attached_of(job)->status, TD_OK);
    return rig_attached_of(job)->session;
}

/* ---- Coming and going --------------------------------------------------------------------- */

static void a_new_customer_learns_who_answers(void **state)
{
    const struct rig_attached *a;

    (void)state;
    open_chat(1);
    a = rig_attached_of(1);
    assert_int_equal(a->n_replay, 1);
    assert_int_equal(a->replay[0].type, TD_EV_OWNER);
    assert_string_equal(a->replay[0].owner, "main");
    rig_run(20);
    assert_int_equal(rig->chat.n_events, 0); /* it stood in the replay */
}

static void an_away_customer_gets_what_they_missed_once(void **state)
{
    char session[27];
    uint64_t seen;

    (void)state;
    memcpy(session, open_chat(1), sizeof session);
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->chat, 1, NULL, session, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    seen = rig->chat.accepted[0].seq;
    rig->chat.behaviour = DO_AWAY;
    rig_answer(&rig->main, rig->main.asks[0].job, "hello");
    WAIT(rig->chat.n_sent == 1);
    rig_run(20);
    assert_int_equal(rig->chat.n_sent, 1); /* it is not tried again by itself */

    rig->chat.behaviour = DO_OK;
    rig_attach(2, session, seen, 0);
    WAIT(rig_attached_of(2) != NULL);
    assert_int_equal(rig_attached_of(2)->n_replay, 1);
    assert_int_equal(rig_attached_of(2)->replay[0].type, TD_EV_MESSAGE);
    assert_string_equal(rig_attached_of(2)->replay[0].text, "re: hello");
    assert_int_equal(rig_attached_of(2)->resync, 0);
    rig_run(50);
    assert_int_equal(rig->chat.n_sent, 1);
    assert_int_equal(rig_counter("tandem_deliveries_total{channel=\"chat\",status=\"sent\"} "), 1);

    rig_attach(3, session, rig_attached_of(2)->seq, 0);
    WAIT(rig_attached_of(3) != NULL);
    assert_int_equal(rig_attached_of(3)->n_replay, 0);
}

static void who_comes_back_learns_what_was_read_meanwhile(void **state)
{
    char session[27];
    uint64_t first;

    (void)state;
    memcpy(session, open_chat(1), sizeof session);
    assert_int_equal(rig_attached_of(1)->read, 0);
    rig_deliver(&rig->chat, 1, NULL, session, "m1", "hello");
    WAIT(rig->chat.n_sent == 1);
    first = rig->chat.accepted[0].seq;
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->chat, 2, NULL, session, "m2", "and now?");
    WAIT(rig->main.n_asks == 2 && rig->chat.delivered == rig->chat.accepted[1].seq);
    assert_int_equal(rig->chat.read, first);
    rig_attach(2, session, rig->chat.accepted[1].seq, 0);
    WAIT(rig_attached_of(2) != NULL);
    assert_int_equal(rig_attached_of(2)->n_replay, 0);
    assert_int_equal(rig_attached_of(2)->read, first);
    assert_int_equal(rig_attached_of(2)->delivered, rig->chat.accepted[1].seq);
}

static void what_is_said_while_the_customer_attaches_is_neither_lost_nor_doubled(void **state)
{
    char session[27];
    unsigned seen = 0;

    (void)state;
    memcpy(session, open_chat(1), sizeof session);
    for (uint64_t i = 0; i < 20; i++) {
        char id[16];

        snprintf(id, sizeof id, "m%d", (int)i);
        rig_deliver(&rig->chat, i, NULL, session, id, id);
        if (i == 10) {
            rig_host()->detach(rig->chat.inst, session);
            rig_attach(2, session, rig->chat.shown, 0);
        }
        rig_run(1);
    }
    WAIT(rig->chat.n_accepted == 20 && rig_attached_of(2) != NULL);
    rig_run(50);
    for (size_t i = 0; i < rig->chat.n_sent; i++) {
        if (i > 0)
            assert_true(rig->chat.sent[i].seq > rig->chat.sent[i - 1].seq);
        seen++;
    }
    for (size_t i = 0; i < rig_attached_of(2)->n_replay; i++)
        seen += rig_attached_of(2)->replay[i].type == TD_EV_MESSAGE;
    assert_int_equal(seen, rig->main.n_asks);
}

static void a_range_that_cannot_be_served_is_said_to_be_the_whole(void **state)
{
    char session[27];

    (void)state;
    memcpy(session, open_chat(1), sizeof session);
    for (uint64_t i = 0; i < 5; i++) {
        char id[16];

        snprintf(id, sizeof id, "m%d", (int)i);
        rig_deliver(&rig->chat, i, NULL, session, id, id);
        WAIT(rig->chat.n_sent == i + 1);
    }
    rig_attach(2, session, 100000, 0); /* it knows more than there is */
    rig_attach(3, session, 0, 4);      /* it wants the whole, but not so much */
    rig_attach(4, session, 0, 100);
    WAIT(rig_attached_of(4) != NULL);
    assert_int_equal(rig_attached_of(2)->resync, 1);
    assert_int_equal(rig_attached_of(2)->n_replay, 11);
    assert_int_equal(rig_attached_of(3)->resync, 1);
    assert_int_equal(rig_attached_of(3)->n_replay, 4);
    assert_string_equal(rig_attached_of(3)->replay[3].text, "re: m4");
    assert_int_equal(rig_attached_of(4)->resync, 0);
    assert_int_equal(rig_attached_of(4)->n_replay, 11);
    for (int i = 1; i < 11; i++)
        assert_true(rig_attached_of(4)->replay[i].seq > rig_attached_of(4)->replay[i - 1].seq);
}

static void who_stayed_away_too_long_or_is_not_known_is_refused(void **state)
{
    char session[27];
    struct td_attach attach = { .size = sizeof attach, .idle_limit_ms = 50 };

    (void)state;
    memcpy(session, open_chat(1), sizeof session);
    rig_run(80);
    attach.session = session;
    rig_host()->attach(rig->chat.inst, 2, &attach);
    attach.session = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    rig_host()->attach(rig->chat.inst, 3, &attach);
    attach.session = "nonsense";
    rig_host()->attach(rig->chat.inst, 4, &attach);
    attach.session = session;
    attach.known_at_ms = clock_wall_ms();
    rig_host()->attach(rig->chat.inst, 5, &attach);
    WAIT(rig->chat.n_attached == 5);
    assert_int_equal(rig_attached_of(2)->status, TD_AUTH);
    assert_int_equal(rig_attached_of(3)->status, TD_AUTH);
    assert_int_equal(rig_attached_of(4)->status, TD_AUTH);
    assert_int_equal(rig_attached_of(5)->status, TD_OK);
    rig_deliver(&rig->chat, 1, NULL, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "m", "x");
    rig_deliver(&rig->sms, 2, NULL, session, "m", "x"); /* another channel's */
    WAIT(rig->chat.n_accepted == 1 && rig->sms.n_accepted == 1);
    assert_int_equal(rig->chat.accepted[0].status, TD_REJECT);
    assert_int_equal(rig->sms.accepted[0].status, TD_REJECT);
}

static void the_address_of_a_closed_session_gets_a_new_one(void **state)
{
    (void)state;
    rig->channels[1].reopen_ms = 0;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_sent == 1);
    rig_close(rig->sms.accepted[0].session);
    assert_int_equal(rig->http_status, 200);
    assert_non_null(strstr(rig->json, "\"state\":\"closed\""));
    WAIT(rig->sms.n_events == 1);
    assert_int_equal(rig->sms.events[0].type, TD_EV_CLOSED);
    rig_run(5);
    rig_deliver(&rig->sms, 2, "+45", NULL, "m2", "again");
    rig_deliver(&rig->sms, 3, "+45", NULL, "m3", "and again");
    rig_deliver(&rig->sms, 4, "+45", NULL, "m1", "hello"); /* an old one, again */
    WAIT(rig->sms.n_accepted == 4);
    assert_string_not_equal(rig_accepted_of(&rig->sms, 2)->session,
                            rig_accepted_of(&rig->sms, 1)->session);
    assert_string_equal(rig_accepted_of(&rig->sms, 2)->session,
                        rig_accepted_of(&rig->sms, 3)->session);
    assert_int_equal(rig_accepted_of(&rig->sms, 4)->duplicate, 1);
    assert_string_equal(rig_accepted_of(&rig->sms, 4)->session,
                        rig_accepted_of(&rig->sms, 1)->session);
    rig_stop();
    rig_start(10);
    rig_deliver(&rig->sms, 5, "+45", NULL, "m5", "found by its address");
    WAIT(rig_accepted_of(&rig->sms, 5) != NULL);
    assert_string_equal(rig_accepted_of(&rig->sms, 5)->session,
                        rig_accepted_of(&rig->sms, 2)->session);
}

static void a_session_on_disk_is_woken_when_it_is_due(void **state)
{
    (void)state;
    rig->channels[1].idle_close_ms = 2500;
    rig_stop();
    rig_start(1);
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->sms.n_sent == 1);
    rig_deliver(&rig->sms, 2, "+46", NULL, "m2", "pushes it out");
    WAIT(rig->sms.n_sent == 2);
    WAIT(rig->sms.n_events == 2);
    assert_int_equal(rig->sms.events[0].type, TD_EV_CLOSED);
    assert_string_equal(rig->sms.events[0].text, "idle");
}

/* ---- Agents ------------------------------------------------------------------------------- */

static void ask_once(int n)
{
    char id[16];

    snprintf(id, sizeof id, "m%d", n);
    rig_deliver(&rig->sms, (uint64_t)n, id, NULL, id, id);
    WAIT(rig->sms.n_sent == (size_t)n);
}

static void a_breaker_opens_lets_one_probe_pass_and_closes(void **state)
{
    (void)state;
    rig->agents[0].next = &rig->agents[1];
    rig->main.behaviour = DO_FAIL;
    for (int i = 1; i <= 5; i++)
        ask_once(i);
    assert_int_equal(rig->main.n_asks, 3); /* then it is left alone */
    assert_int_equal(rig->backup.n_asks, 5);
    rig_run(120);
    ask_once(6); /* the probe fails */
    ask_once(7);
    assert_int_equal(rig->main.n_asks, 4);
    rig->main.behaviour = DO_OK;
    rig_run(120);
    ask_once(8);
    ask_once(9);
    assert_int_equal(rig->main.n_asks, 6);
    assert_int_equal(rig->backup.n_asks, 7);
}

static void questions_over_the_limit_wait_in_line(void **state)
{
    (void)state;
    rig_stop();
    rig->instances[2].max_jobs = 2;
    rig->main.behaviour = DO_NOTHING;
    rig_start(100);
    for (uint64_t i = 0; i < 4; i++) {
        char id[16];

        snprintf(id, sizeof id, "m%d", (int)i);
        rig_deliver(&rig->sms, i, id, NULL, id, id);
    }
    WAIT(rig->sms.n_accepted == 4);
    rig_run(20);
    assert_int_equal(rig->main.n_asks, 2);
    rig_answer(&rig->main, rig->main.asks[0].job, "a");
    WAIT(rig->main.n_asks == 3);
    rig_run(20);
    assert_int_equal(rig->main.n_asks, 3);
    rig_answer(&rig->main, rig->main.asks[1].job, "b");
    WAIT(rig->main.n_asks == 4);
}

static void an_agent_that_says_not_now_is_asked_again(void **state)
{
    (void)state;
    rig->main.behaviour = DO_RETRY;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->main.n_asks == 2);
    rig->main.behaviour = DO_OK;
    WAIT(rig->sms.n_sent == 1);
    assert_string_equal(rig->main.asks[0].turn, rig->main.asks[2].turn);
    assert_string_equal(rig->sms.sent[0].text, "re: hello");
}

static void an_agent_that_is_not_open_is_passed_over(void **state)
{
    (void)state;
    rig->agents[0].next = &rig->agents[1];
    gate_instance_close(rig->gate, TD_AGENT, "main");
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->backup.n_asks == 1 && rig->sms.n_sent == 1);
    assert_int_equal(rig->main.n_asks, 0);
}

static void an_agent_closed_while_it_thinks_is_asked_again_when_it_is_back(void **state)
{
    struct buf reasons = { 0 };

    (void)state;
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    gate_instance_close(rig->gate, TD_AGENT, "main");
    rig->main.open_status = TD_RETRY;
    assert_int_equal(gate_instance_open(rig->gate, &rig->instances[2], NULL), 0);
    assert_int_equal(gate_ready(rig->gate, &reasons), 0);
    assert_string_equal(reasons.data, "agent main is not open: not today\n");
    buf_fini(&reasons);
    gate_instance_close(rig->gate, TD_AGENT, "main");
    rig->main.open_status = TD_OK;
    rig->main.behaviour = DO_OK;
    assert_int_equal(gate_instance_open(rig->gate, &rig->instances[2], NULL), 0);
    assert_int_equal(gate_ready(rig->gate, &reasons), 1);
    buf_fini(&reasons);
    WAIT(rig->sms.n_sent == 1);
    assert_int_equal(rig->main.n_asks, 2);
}

/* ---- Drain, operators --------------------------------------------------------------------- */

static void drain_waits_for_the_running_turn(void **state)
{
    struct buf reasons = { 0 };

    (void)state;
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    rig_drain(3000);
    rig_run(60);
    assert_int_equal(rig->drained, 0);
    assert_int_equal(rig->sms.paused, 1);
    assert_int_equal(gate_ready(rig->gate, &reasons), 0);
    buf_fini(&reasons);
    rig_deliver(&rig->sms, 2, "+46", NULL, "m2", "new here");
    rig_run(5);
    assert_int_equal(rig_accepted_of(&rig->sms, 2)->status, TD_RETRY);
    rig_answer(&rig->main, rig->main.asks[0].job, "hello");
    WAIT(rig->drained == 1);
    assert_int_equal(rig->sms.n_sent, 1);
    rig_stop();
    rig_start(10);
    rig_resume();
    assert_int_equal(rig->resumed, 0); /* all was put right */
}

static void drain_ends_at_its_limit(void **state)
{
    (void)state;
    rig->main.behaviour = DO_NOTHING;
    rig_deliver(&rig->sms, 1, "+45", NULL, "m1", "hello");
    WAIT(rig->main.n_asks == 1);
    rig_drain(50);
    WAIT(rig->drained == 1);
    rig_stop();
    rig->main.behaviour = DO_OK;
    rig_start(10);
    rig_resume();
    assert_int_equal(rig->resumed, 1);
    WAIT(rig->sms.n_sent == 1);
}

static void operators_look_pass_and_close(void **state)
{
    char session[27];
    struct buf out = { 0 };

    (void)state;
    rig_deliver(&rig->sms, 1, "+4512345678", NULL, "m1", "a secret");
    WAIT(rig->sms.n_sent == 1);
    memcpy(session, rig->sms.accepted[0].session, sizeof session);
    rig_session(session);
    assert_int_equal(rig->http_status, 200);
    assert_non_null(strstr(rig->json, "\"owner\":{\"kind\":\"agent\",\"name\":\"main\"}"));
    assert_null(strstr(rig->json, "4512345678"));
    rig_pass(session, "backup");
    assert_int_equal(rig->http_status, 200);
    assert_non_null(strstr(rig->json, "\"name\":\"backup\""));
    WAIT(rig->sms.n_events == 1);
    assert_int_equal(rig->sms.events[0].type, TD_EV_OWNER);
    assert_true(rig->sms.events[0].seq > 0);
    rig_pass(session, "nobody");
    assert_int_equal(rig->http_status, 409);
    rig_session("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_int_equal(rig->http_status, 404);
    rig_journal(session, 0);
    assert_non_null(strstr(rig->json, "\"type\":\"message\""));
    assert_null(strstr(rig->json, "a secret"));
    rig_journal(session, 1);
    assert_non_null(strstr(rig->json, "\"body\":{\"text\":\"a secret\"}}\n"));
    rig_journal("01ARZ3NDEKTSV4RRFFQ69G5FAV", 1);
    assert_int_equal(rig->http_status, 404);
    rig_list("closed");
    assert_string_equal(rig->json, "{\"sessions\":[]}");
    rig_close(session);
    rig_list("closed");
    assert_non_null(strstr(rig->json, session));
    rig_list("open");
    assert_null(strstr(rig->json, session));
    gate_instances_json(rig->gate, &out);
    assert_non_null(strstr(out.data, "{\"kind\":\"agent\",\"name\":\"main\",\"type\":\"test\","));
    buf_fini(&out);
}

/* ---- Misuse ------------------------------------------------------------------------------- */

static void what_a_plugin_may_not_do_is_refused_and_counted(void **state)
{
    const struct td_host *host = rig_host();
    const struct td_event event = { .size = sizeof event, .type = TD_EV_MESSAGE, .session = "x" };
    const struct td_inbound empty = { .size = sizeof empty, .peer = "+45" };
    static const char errors[] = "tandem_plugin_errors_total{instance=\"channel/sms\"} ";
    char long_id[200];
    uint8_t key[32], again[32];

    (void)state;
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    rig_deliver(&rig->sms, 1, "+45", NULL, long_id, "hello");
    rig_deliver(&rig->sms, 2, "+45", NULL, "m", "\xff\xfe");
    rig_deliver(&rig->sms, 3, NULL, NULL, "m", "hello");
    rig_deliver(&rig->sms, 4, "+45", NULL, "m", NULL);
    host->deliver(rig->sms.inst, 5, &empty);
    host->deliver(rig->sms.inst, 6, NULL);
    assert_int_equal(rig->sms.n_accepted, 0); /* never from inside the call */
    WAIT(rig->sms.n_accepted == 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(rig->sms.accepted[i].status, TD_REJECT);
    host->event(rig->sms.inst, &event);
    rig_sent(&rig->sms, 12345, TD_OK, 0);
    host->answer(rig->sms.inst, 1, NULL);
    host->count(rig->sms.inst, "Bad Name", 1);
    rig_attach(1, NULL, 0, 0);
    host->attach(rig->sms.inst, 1, &(struct td_attach){ .size = sizeof(struct td_attach) });
    assert_int_equal(rig_counter(errors), 5);
    host->count(rig->sms.inst, "bytes", 3);
    host->count(rig->sms.inst, "bytes", 4);
    assert_int_equal(rig_counter("tandem_plugin_bytes_total{instance=\"channel/sms\"} "), 7);
    host->key(rig->sms.inst, "a", key);
    host->key(rig->sms.inst, "a", again);
    assert_memory_equal(key, again, 32);
    host->key(rig->chat.inst, "a", again);
    assert_memory_not_equal(key, again, 32);
}

static int posted;

static void on_post(void *arg)
{
    posted += arg == rig ? 1 : 0;
}

static void *post_much(void *arg)
{
    int *refused = arg;

    for (int i = 0; i < 10050; i++)
        *refused += rig_host()->post(rig->sms.inst, on_post, rig) == TD_RETRY;
    return NULL;
}

static void a_thread_may_post_up_to_a_bound(void **state)
{
    pthread_t thread;
    int refused = 0;

    (void)state;
    posted = 0;
    assert_int_equal(pthread_create(&thread, NULL, post_much, &refused), 0);
    pthread_join(thread, NULL);
    assert_int_equal(refused, 50);
    WAIT(posted == 10000);
    assert_int_equal(rig_host()->post(rig->sms.inst, on_post, rig), TD_OK);
    gate_instance_close(rig->gate, TD_CHANNEL, "sms");
    rig_run(10);
    assert_int_equal(posted, 10000); /* nothing runs after close() */
}

static void never_fires(void *arg)
{
    (void)arg;
    fail_msg("a swept timer fired");
}

static void what_a_plugin_forgot_is_swept(void **state)
{
    struct td_timer *timer;

    (void)state;
    rig_host()->timer_add(rig->sms.inst, 10, never_fires, NULL);
    timer = rig_host()->timer_add(rig->sms.inst, 10, never_fires, NULL);
    rig_host()->timer_del(&timer);
    assert_null(timer);
    rig_host()->watch_fd(rig->sms.inst, 0, 0, 0, NULL, NULL);
    gate_instance_close(rig->gate, TD_CHANNEL, "sms");
    assert_int_equal(rig->sms.closed, 1);
    rig_run(30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, rig_setup, rig_teardown)
        TEST(a_new_customer_learns_who_answers),
        TEST(an_away_customer_gets_what_they_missed_once),
        TEST(who_comes_back_learns_what_was_read_meanwhile),
        TEST(what_is_said_while_the_customer_attaches_is_neither_lost_nor_doubled),
        TEST(a_range_that_cannot_be_served_is_said_to_be_the_whole),
        TEST(who_stayed_away_too_long_or_is_not_known_is_refused),
        TEST(the_address_of_a_closed_session_gets_a_new_one),
        TEST(a_session_on_disk_is_woken_when_it_is_due),
        TEST(a_breaker_opens_lets_one_probe_pass_and_closes),
        TEST(questions_over_the_limit_wait_in_line),
        TEST(an_agent_that_says_not_now_is_asked_again),
        TEST(an_agent_that_is_not_open_is_passed_over),
        TEST(an_agent_closed_while_it_thinks_is_asked_again_when_it_is_back),
        TEST(drain_waits_for_the_running_turn),
        TEST(drain_ends_at_its_limit),
        TEST(operators_look_pass_and_close),
        TEST(what_a_plugin_may_not_do_is_refused_and_counted),
        TEST(a_thread_may_post_up_to_a_bound),
        TEST(what_a_plugin_forgot_is_swept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
