/* test_webchat_session.c - several sockets a session: who is shown what, once and in order. */
#include "config.h"

#include "tests/unit/webchat_expect.h"

/* A socket that asks to come back to the session; not answered yet. */
static uint64_t come_back(struct fake *f, const char *tab, uint64_t last_seq, uint64_t *job_r)
{
    char hello[512], token[TOKEN_TEXT];
    uint64_t conn;

    snprintf(hello, sizeof hello,
             "{\"type\":\"hello\",\"resume\":\"%s\",\"tab\":\"%s\",\"last_seq\":%llu}",
             kit_token(f, SESSION, token), tab, (unsigned long long)last_seq);
    *job_r = come(f, &conn, hello)->id;
    return conn;
}

static uint64_t tab(struct fake *f, const char *name, uint64_t seq)
{
    uint64_t job, conn = come_back(f, name, seq, &job);

    kit_attached(f, job, SESSION, seq);
    expect_frame(f, conn, "{\"type\":\"welcome\"");
    return conn;
}

static void expect_seq(struct fake *f, uint64_t conn, uint64_t seq)
{
    char want[64];

    snprintf(want, sizeof want, "{\"type\":\"message\",\"seq\":%llu,", (unsigned long long)seq);
    expect_frame(f, conn, want);
}

static void expect_sent(struct fake *f, uint64_t job, enum td_status status, int away)
{
    const struct fake_call *call = fake_next(f, FAKE_SENT);

    assert_non_null(call);
    assert_int_equal(call->id, job);
    assert_int_equal(call->sent->status, status);
    assert_int_equal(call->sent->away, away);
}

static void say_event(struct fake *f, enum td_event_type type, uint64_t seq)
{
    const struct td_owner owner = {
        .size = sizeof owner, .kind = TD_OWNER_HUMAN, .name = "Mia", .pending = seq % 2 == 0,
    };
    const struct td_event event = {
        .size = sizeof event, .type = type, .session = SESSION, .seq = seq, .of = 4, .on = 1,
        .status = TD_DELIVERED, .text = "idle", .owner = &owner,
    };

    fake_event(f, &event);
}

static void a_message_reaches_every_tab(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0), b = tab(f, "b", 0);

    kit_send(f, 1, SESSION, 1);
    expect_frame(f, a, "{\"type\":\"message\",\"seq\":1,\"id\":\"01JDBZMESSAGE\","
                       "\"at\":\"2026-11-23T06:36:56.123Z\","
                       "\"author\":{\"kind\":\"agent\",\"name\":\"Ada\"},\"text\":\"well\"}");
    expect_seq(f, b, 1);
    expect_silence(f);
    expect_sent(f, 1, TD_OK, 0);
    assert_null(fake_next(f, FAKE_SENT));
}

static void choices_are_written_with_title_and_value(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0);
    const struct td_choice yes = { .size = sizeof yes, .title = "Yes \"please\"", .value = "y" };
    const struct td_choice *const choices[] = { &yes };
    const struct td_message message = {
        .size = sizeof message, .id = "m", .text = "Well?", .author = TD_SYSTEM, .seq = 1,
        .choices = choices, .n_choices = 1,
    };
    const struct td_outbound out = { .size = sizeof out, .session = SESSION, .message = &message };

    fake_send(f, 1, &out);
    expect_frame(f, a, "{\"type\":\"message\",\"seq\":1,\"id\":\"m\","
                       "\"author\":{\"kind\":\"system\",\"name\":\"\"},\"text\":\"Well?\","
                       "\"choices\":[{\"title\":\"Yes \\\"please\\\"\",\"value\":\"y\"}]}");
}

static void nobody_there_means_away(void **state)
{
    struct fake *f = *state;

    kit_send(f, 1, SESSION, 1);
    expect_sent(f, 1, TD_RETRY, 1);
    fake_ws_closed(f, tab(f, "a", 0), 1001);
    assert_string_equal(fake_next(f, FAKE_DETACH)->text, SESSION);
    kit_send(f, 2, SESSION, 1);
    expect_sent(f, 2, TD_RETRY, 1);
}

static void detach_comes_with_the_last_socket_only(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0), b = tab(f, "b", 0), job, c = come_back(f, "c", 0, &job);

    fake_ws_closed(f, a, 1001);
    fake_ws_closed(f, b, 1006);
    assert_null(fake_next(f, FAKE_DETACH)); /* c is on its way */
    fake_ws_closed(f, c, 1006);
    assert_non_null(fake_next(f, FAKE_DETACH));
    assert_null(fake_next(f, FAKE_DETACH));
}

static void a_socket_that_went_while_it_attached_is_detached(void **state)
{
    struct fake *f = *state;
    uint64_t job, a = come_back(f, "a", 0, &job);

    fake_ws_closed(f, a, 1006);
    assert_null(fake_next(f, FAKE_DETACH));
    kit_attached(f, job, SESSION, 0);
    assert_string_equal(fake_next(f, FAKE_DETACH)->text, SESSION);
    expect_silence(f);
}

static void a_socket_that_went_while_it_attached_leaves_the_others_attached(void **state)
{
    struct fake *f = *state;
    uint64_t job, b_job, a = come_back(f, "a", 0, &job), b = come_back(f, "b", 0, &b_job);
    const struct td_attached no = { .size = sizeof no, .status = TD_AUTH };

    fake_ws_closed(f, a, 1006);
    kit_attached(f, job, SESSION, 0);
    assert_null(fake_next(f, FAKE_DETACH));
    fake_attached(f, b_job, &no);
    expect_close(f, b, 4401);
    assert_string_equal(fake_next(f, FAKE_DETACH)->text, SESSION);
}

static void the_newest_socket_of_a_tab_wins(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0), b = tab(f, "b", 0), newer = tab(f, "a", 0);

    expect_close(f, a, 4409);
    assert_true(fake_ws_is_open(f, b));
    kit_send(f, 1, SESSION, 1);
    expect_seq(f, b, 1);
    expect_seq(f, newer, 1);
    expect_silence(f);
    assert_null(fake_next(f, FAKE_DETACH));
}

static void the_newest_wins_in_whatever_order_the_host_answers(void **state)
{
    struct fake *f = *state;
    uint64_t old_job, new_job, old = come_back(f, "a", 0, &old_job);
    uint64_t newer = come_back(f, "a", 0, &new_job);

    kit_attached(f, new_job, SESSION, 0);
    expect_frame(f, newer, "{\"type\":\"welcome\"");
    expect_close(f, old, 4409);
    kit_attached(f, old_job, SESSION, 0);
    expect_silence(f);
    assert_true(fake_ws_is_open(f, newer));
    assert_null(fake_next(f, FAKE_DETACH));
}

static void an_older_one_that_is_answered_first_does_not_end_the_newer(void **state)
{
    struct fake *f = *state;
    uint64_t old_job, new_job, old = come_back(f, "a", 0, &old_job);
    uint64_t newer = come_back(f, "a", 0, &new_job);

    kit_attached(f, old_job, SESSION, 0);
    expect_frame(f, old, "{\"type\":\"welcome\"");
    expect_silence(f);
    kit_attached(f, new_job, SESSION, 0);
    expect_frame(f, newer, "{\"type\":\"welcome\"");
    expect_close(f, old, 4409);
}

static void sockets_without_a_tab_are_tabs_of_their_own(void **state)
{
    struct fake *f = *state;
    uint64_t a = come_in(f), b = come_in(f);

    assert_true(fake_ws_is_open(f, a));
    assert_true(fake_ws_is_open(f, b));
}

static void the_customers_own_message_is_echoed_to_other_tabs_only(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0), b = tab(f, "b", 0), job = say(f, a, "m1");

    kit_accepted(f, job, SESSION, 1, 0);
    expect_frame(f, a, "{\"type\":\"accepted\",\"id\":\"m1\",\"seq\":1}");
    expect_frame(f, b, "{\"type\":\"echo\",\"seq\":1,\"id\":\"m1\","
                       "\"at\":\"2026-11-23T06:36:56.123Z\",\"text\":\"hi\"}");
    expect_silence(f);
    kit_accepted(f, say(f, a, "m1"), SESSION, 1, 1);
    expect_frame(f, a, "{\"type\":\"accepted\",\"id\":\"m1\",\"seq\":1}");
    expect_silence(f); /* a duplicate is no news to b */
}

static void who_came_back_before_it_was_accepted_gets_the_echo(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0), job = say(f, a, "m1"), again, attach;

    fake_ws_closed(f, a, 1006);
    again = come_back(f, "a", 0, &attach);
    kit_accepted(f, job, SESSION, 1, 0); /* while it attaches, */
    kit_attached(f, attach, SESSION, 0); /* to a journal without it */
    expect_frame(f, again, "{\"type\":\"welcome\"");
    expect_frame(f, again, "{\"type\":\"echo\",\"seq\":1,\"id\":\"m1\"");
    expect_silence(f);
}

static void the_replay_comes_in_order_and_each_event_once(void **state)
{
    struct fake *f = *state;
    uint64_t job, a = come_back(f, "a", 2, &job);
    const struct td_message said = { .size = sizeof said, .id = "m1", .text = "hi" };
    const struct td_message well = { .size = sizeof well, .id = "w", .text = "well",
                                     .author = TD_HUMAN, .author_name = "Mia" };
    const struct td_event known = { .size = sizeof known, .type = TD_EV_ECHO, .seq = 2,
                                    .message = &said };
    const struct td_event echo = { .size = sizeof echo, .type = TD_EV_ECHO, .seq = 3,
                                   .message = &said };
    const struct td_event answer = { .size = sizeof answer, .type = TD_EV_MESSAGE, .seq = 5,
                                     .message = &well };
    const struct td_event bye = { .size = sizeof bye, .type = TD_EV_CLOSED, .seq = 6,
                                  .text = "idle" };
    const struct td_event *const replay[] = { &known, &echo, &echo, &answer, &bye };
    const struct td_attached attached = {
        .size = sizeof attached, .status = TD_OK, .session = SESSION, .seq = 6, .replay = replay,
        .n_replay = 5,
    };

    fake_attached(f, job, &attached);
    expect_frame(f, a, "{\"type\":\"welcome\"");
    expect_frame(f, a, "{\"type\":\"echo\",\"seq\":3,\"id\":\"m1\",\"text\":\"hi\"}");
    expect_frame(f, a, "{\"type\":\"message\",\"seq\":5,\"id\":\"w\","
                       "\"author\":{\"kind\":\"human\",\"name\":\"Mia\"},\"text\":\"well\"}");
    expect_frame(f, a, "{\"type\":\"bye\",\"seq\":6,\"reason\":\"idle\"}");
    expect_silence(f);
    kit_send(f, 1, SESSION, 5); /* the outbox had not heard of it */
    expect_silence(f);
    expect_sent(f, 1, TD_OK, 0);
    kit_send(f, 2, SESSION, 7);
    expect_seq(f, a, 7);
}

static void a_resync_starts_from_nothing(void **state)
{
    struct fake *f = *state;
    uint64_t job, a = come_back(f, "a", 900, &job);
    const struct td_message well = { .size = sizeof well, .id = "w", .text = "well" };
    const struct td_event answer = { .size = sizeof answer, .type = TD_EV_MESSAGE, .seq = 5,
                                     .message = &well };
    const struct td_event *const replay[] = { &answer };
    const struct td_attached attached = {
        .size = sizeof attached, .status = TD_OK, .session = SESSION, .seq = 6, .resync = 1,
        .replay = replay, .n_replay = 1,
    };

    fake_attached(f, job, &attached);
    expect_frame(f, a, "{\"type\":\"welcome\"");
    expect_frame(f, a, "{\"type\":\"resync\"}");
    expect_seq(f, a, 5);
    kit_send(f, 1, SESSION, 7);
    expect_seq(f, a, 7);
}

static void a_replay_larger_than_the_send_buffer_is_cut_to_the_newest(void **state)
{
    struct fake *f = *state;
    uint64_t job, a = come_back(f, "a", 0, &job);
    static char text[1001];
    struct td_message well = { .size = sizeof well, .id = "w", .text = text };
    struct td_event events[500];
    const struct td_event *replay[500];

    memset(text, 't', 1000);
    for (size_t i = 0; i < 500; i++) {
        events[i] = (struct td_event){ .size = sizeof events[i], .type = TD_EV_MESSAGE,
                                       .seq = i + 1, .message = &well };
        replay[i] = &events[i];
    }
    const struct td_attached attached = {
        .size = sizeof attached, .status = TD_OK, .session = SESSION, .seq = 500,
        .replay = replay, .n_replay = 500,
    };

    fake_attached(f, job, &attached);
    expect_frame(f, a, "{\"type\":\"welcome\"");
    expect_frame(f, a, "{\"type\":\"resync\"}");
    unsigned n = fake_waiting(f, FAKE_WS_SEND);

    assert_in_range(n, 100, 131072 / 1000);
    for (uint64_t seq = 500 - n + 1; seq <= 500; seq++)
        expect_seq(f, a, seq);
    expect_silence(f);
}

/* What comes by send() while a socket attaches is in its replay, or is held: every split of four
 * messages into before and after the host read the journal must give the same. */
static void what_comes_during_an_attach_is_neither_lost_nor_doubled(void **state)
{
    struct fake *f = *state;

    for (uint64_t known = 0; known <= 4; known++) {
        uint64_t live = tab(f, "live", 0), job, a = come_back(f, "a", 0, &job);
        const struct td_message well = { .size = sizeof well, .id = "w", .text = "well" };
        struct td_event events[4];
        const struct td_event *replay[4];

        for (uint64_t seq = 1; seq <= 4; seq++) {
            kit_send(f, seq, SESSION, seq);
            expect_seq(f, live, seq);
            expect_sent(f, seq, TD_OK, 0);
        }
        for (uint64_t i = 0; i < known; i++) {
            events[i] = (struct td_event){ .size = sizeof events[i], .type = TD_EV_MESSAGE,
                                           .seq = i + 1, .message = &well };
            replay[i] = &events[i];
        }
        const struct td_attached attached = {
            .size = sizeof attached, .status = TD_OK, .session = SESSION, .seq = known,
            .replay = replay, .n_replay = known,
        };

        expect_silence(f);
        fake_attached(f, job, &attached);
        expect_frame(f, a, "{\"type\":\"welcome\"");
        for (uint64_t seq = 1; seq <= 4; seq++)
            expect_seq(f, a, seq);
        expect_silence(f);
        kit_send(f, 5, SESSION, 5);
        expect_seq(f, live, 5);
        expect_seq(f, a, 5);
        expect_sent(f, 5, TD_OK, 0);
        fake_ws_closed(f, live, 1001);
        fake_ws_closed(f, a, 1001);
    }
}

static void a_job_waits_for_the_one_who_attaches(void **state)
{
    struct fake *f = *state;
    uint64_t job, a = come_back(f, "a", 0, &job);

    kit_send(f, 1, SESSION, 1);
    say_event(f, TD_EV_OWNER, 2);
    assert_null(fake_next(f, FAKE_SENT));
    kit_attached(f, job, SESSION, 0);
    expect_frame(f, a, "{\"type\":\"welcome\"");
    expect_seq(f, a, 1);
    expect_frame(f, a, "{\"type\":\"owner\",\"seq\":2");
    expect_sent(f, 1, TD_OK, 0);
    assert_null(fake_next(f, FAKE_SENT));
}

static void a_job_is_away_when_the_attach_fails(void **state)
{
    struct fake *f = *state;
    uint64_t a_job, b_job, a = come_back(f, "a", 0, &a_job), b = come_back(f, "b", 0, &b_job);
    const struct td_attached no = { .size = sizeof no, .status = TD_RETRY };

    kit_send(f, 1, SESSION, 1);
    fake_attached(f, a_job, &no);
    expect_error(f, a, "busy", "");
    assert_null(fake_next(f, FAKE_SENT));
    fake_ws_closed(f, b, 1006);
    expect_sent(f, 1, TD_RETRY, 1);
    assert_null(fake_next(f, FAKE_SENT));
}

static void more_than_the_send_buffer_ends_those_who_attach(void **state)
{
    struct fake *f = *state;
    uint64_t live = tab(f, "live", 0), job, a = come_back(f, "a", 0, &job), sent = 0;

    while (fake_ws_is_open(f, a) && sent < 10000)
        kit_send(f, sent, SESSION, sent + 1), sent++;
    expect_close(f, a, 1013);
    assert_true(fake_ws_is_open(f, live));
    assert_int_equal(fake_waiting(f, FAKE_SENT), sent);
    assert_int_equal(fake_waiting(f, FAKE_WS_SEND), sent);
}

static void owner_typing_and_receipts_are_shown(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0);

    say_event(f, TD_EV_OWNER, 2);
    expect_frame(f, a, "{\"type\":\"owner\",\"seq\":2,\"state\":\"pending\","
                       "\"owner\":{\"kind\":\"human\",\"name\":\"Mia\"}}");
    say_event(f, TD_EV_OWNER, 3);
    expect_frame(f, a, "{\"type\":\"owner\",\"seq\":3,\"state\":\"active\"");
    say_event(f, TD_EV_OWNER, 3);
    expect_silence(f);
    say_event(f, TD_EV_TYPING, 0);
    expect_frame(f, a, "{\"type\":\"typing\",\"author\":{\"kind\":\"human\",\"name\":\"Mia\"},"
                       "\"on\":true}");
    say_event(f, TD_EV_RECEIPT, 0);
    expect_frame(f, a, "{\"type\":\"receipt\",\"of\":4,\"status\":\"delivered\"}");
    say_event(f, TD_EV_CLOSED, 9);
    expect_frame(f, a, "{\"type\":\"bye\",\"seq\":9,\"reason\":\"idle\"}");
    assert_true(fake_ws_is_open(f, a)); /* a rating may follow */
}

static void say_part(struct fake *f, const char *turn, uint64_t of, const char *text)
{
    const struct td_event event = {
        .size = sizeof event, .type = TD_EV_DELTA, .session = SESSION, .of = of, .text = text,
        .turn = turn,
    };

    fake_event(f, &event);
}

static void parts_of_an_answer_are_shown_to_those_who_saw_it_begin(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0), b;

    say_part(f, "T1", 0, "one \xc3\xa9");
    expect_frame(f, a, "{\"type\":\"delta\",\"turn\":\"T1\",\"text\":\"one \xc3\xa9\"}");
    b = tab(f, "b", 0);
    say_part(f, "T1", 6, " two");
    expect_frame(f, a, "{\"type\":\"delta\",\"turn\":\"T1\",\"text\":\" two\"}");
    say_part(f, "T1", 99, "after a gap");
    expect_silence(f);
    say_part(f, "T2", 0, "anew");
    expect_frame(f, a, "{\"type\":\"delta\",\"turn\":\"T2\"");
    expect_frame(f, b, "{\"type\":\"delta\",\"turn\":\"T2\"");
    kit_send(f, 1, SESSION, 1);
    expect_seq(f, a, 1);
    expect_seq(f, b, 1);
    say_part(f, "T2", 4, "not any more");
    expect_silence(f);
}

static void parts_that_were_shown_are_taken_back(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0);

    say_part(f, "T1", 0, "one");
    expect_frame(f, a, "{\"type\":\"delta\"");
    tab(f, "b", 0); /* has seen nothing of it */
    say_part(f, "T1", 0, NULL);
    expect_frame(f, a, "{\"type\":\"delta\",\"turn\":\"T1\",\"text\":\"\",\"void\":true}");
    expect_silence(f);
}

/* Nothing reaches two customers: another session's sockets stay silent. */
static void sessions_do_not_hear_each_other(void **state)
{
    struct fake *f = *state;
    uint64_t a = tab(f, "a", 0), other;
    const struct fake_call *call = come(f, &other, HELLO);

    kit_attached(f, call->id, "01JDBZ0000000000000000000B", 0);
    expect_frame(f, other, "{\"type\":\"welcome\"");
    kit_send(f, 1, SESSION, 1);
    expect_seq(f, a, 1);
    expect_silence(f);
}

static void a_token_is_read_back_and_no_other_text_is(void **state)
{
    static const char *const wrong[] = { "", "A", "AAAA", "!!!!", "====", "AAAA AAAA" };
    const uint8_t key[TOKEN_KEY] = { 1, 2, 3 }, other[TOKEN_KEY] = { 1, 2, 4 };
    char token[TOKEN_TEXT], session[TOKEN_SESSION + 1], longer[TOKEN_SESSION + 2];
    int64_t made_ms = 0;

    (void)state;
    assert_int_equal(token_make(key, SESSION, 1795415816123, token), 0);
    assert_int_equal(strlen(token), 88);
    assert_int_equal(token_read(key, token, session, &made_ms), 0);
    assert_string_equal(session, SESSION);
    assert_int_equal(made_ms, 1795415816123);
    assert_int_equal(token_read(other, token, session, &made_ms), -1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(token_read(key, wrong[i], session, &made_ms), -1);
    memset(longer, 'x', sizeof longer);
    longer[TOKEN_SESSION + 1] = '\0';
    assert_int_equal(token_make(key, longer, 1, token), -1);
    longer[TOKEN_SESSION] = '\0';
    assert_int_equal(token_make(key, longer, 1, token), 0);
    assert_int_equal(token_read(key, token, session, &made_ms), 0);
    assert_string_equal(session, longer);
    assert_int_equal(token_make(key, "", 1, token), -1);
}

static void buckets_that_are_full_again_are_forgotten(void **state)
{
    struct limit limit;

    (void)state;
    limit_init(&limit, (struct td_rate){ .count = 3, .per_ms = 30000 });
    for (int i = 0; i < 50000; i++) {
        char name[16];

        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(limit_take(&limit, name, 1000 * (int64_t)i), 0);
    }
    assert_true(limit_count(&limit) < 2000);
    assert_int_equal(limit_take(&limit, "x", 50000000), 0);
    assert_int_equal(limit_take(&limit, "x", 50000000), 0);
    assert_int_equal(limit_take(&limit, "x", 50000000), 0);
    assert_int_equal(limit_take(&limit, "x", 50000000), 10000);
    assert_int_equal(limit_take(&limit, "x", 1000), 10000); /* the clock jumped back */
    assert_int_equal(limit_take(&limit, "x", 11000), 0);
    limit_fini(&limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_reaches_every_tab),
        T(choices_are_written_with_title_and_value),
        T(nobody_there_means_away),
        T(detach_comes_with_the_last_socket_only),
        T(a_socket_that_went_while_it_attached_is_detached),
        T(a_socket_that_went_while_it_attached_leaves_the_others_attached),
        T(the_newest_socket_of_a_tab_wins),
        T(the_newest_wins_in_whatever_order_the_host_answers),
        T(an_older_one_that_is_answered_first_does_not_end_the_newer),
        T(sockets_without_a_tab_are_tabs_of_their_own),
        T(the_customers_own_message_is_echoed_to_other_tabs_only),
        T(who_came_back_before_it_was_accepted_gets_the_echo),
        T(the_replay_comes_in_order_and_each_event_once),
        T(a_resync_starts_from_nothing),
        T(a_replay_larger_than_the_send_buffer_is_cut_to_the_newest),
        T(what_comes_during_an_attach_is_neither_lost_nor_doubled),
        T(a_job_waits_for_the_one_who_attaches),
        T(a_job_is_away_when_the_attach_fails),
        T(more_than_the_send_buffer_ends_those_who_attach),
        T(owner_typing_and_receipts_are_shown),
        T(parts_of_an_answer_are_shown_to_those_who_saw_it_begin),
        T(parts_that_were_shown_are_taken_back),
        T(sessions_do_not_hear_each_other),
        cmocka_unit_test(a_token_is_read_back_and_no_other_text_is),
        cmocka_unit_test(buckets_that_are_full_again_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
