/* test_store.c - what every store promises, tried on memory and on SQLite. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/store_rig.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

static int memory_setup(void **state)
{
    struct fix *fix = calloc(1, sizeof *fix);
    struct err err;

    pump_init(&fix->pump);
    fix->conf = pump_conf(&fix->pump);
    snprintf(fix->url, sizeof fix->url, "memory:");
    fix->store = store_open(fix->url, &fix->conf, &err);
    *state = fix;
    return fix->store == NULL ? -1 : 0;
}

static const uint8_t *key(unsigned i)
{
    static uint8_t keys[8][STORE_KEY];

    memset(keys[i % 8], 'k', STORE_KEY);
    keys[i % 8][0] = (uint8_t)(i >> 8);
    keys[i % 8][STORE_KEY - 1] = (uint8_t)i;
    return keys[i % 8];
}

static enum store_status read_from(struct fix *fix, unsigned s, uint64_t from, size_t max)
{
    const struct ulid id = session(s);

    fix->a.done = 0;
    store_read(fix->store, &id, from, max, answer_read, &fix->a);
    pump_until(&fix->pump, &fix->a.done);
    return fix->a.status;
}

static void an_empty_store_has_nothing(void **state)
{
    struct fix *fix = *state;
    const uint8_t address[STORE_ADDRESS] = { 1 };

    assert_int_equal(load(fix, 1), STORE_NONE);
    assert_int_equal(read_from(fix, 1, 0, 10), STORE_NONE);
    due(fix, INT64_MAX, 10);
    assert_int_equal(fix->a.n, 0);
    fix->a.done = 0;
    store_find(fix->store, address, answer_find, &fix->a);
    pump_until(&fix->pump, &fix->a.done);
    assert_int_equal(fix->a.status, STORE_NONE);
    compact(fix, INT64_MAX);
    erase(fix, 1);
}

static void what_was_appended_is_loaded_in_order(void **state)
{
    struct fix *fix = *state;
    const struct store_record more[] = { record(2, "two", NULL), record(3, "", "ask"),
                                         record(4, "four", "") };
    const struct store_batch batch = { .session = session(1), .expect_seq = 1, .records = more,
                                       .n_records = LEN(more), .wake_at = STORE_WAKE_KEEP };

    assert_int_equal(say(fix, 1, 0, "one", "hello"), STORE_OK);
    assert_int_equal(append(fix, &batch), STORE_OK);
    assert_int_equal(say(fix, 2, 0, "other", NULL), STORE_OK);
    assert_int_equal(load(fix, 1), STORE_OK);
    assert_int_equal(fix->a.seq, 4);
    assert_int_equal(fix->a.n, 4);
    assert_null(fix->a.snapshot);
    expect_record(&fix->a.records[0], 1, "one", "hello");
    expect_record(&fix->a.records[1], 2, "two", NULL);
    expect_record(&fix->a.records[2], 3, "", "ask");
    expect_record(&fix->a.records[3], 4, "four", "");
}

static void a_wrong_expected_sequence_is_a_conflict(void **state)
{
    struct fix *fix = *state;

    assert_int_equal(say(fix, 1, 1, "x", NULL), STORE_CONFLICT);
    assert_int_equal(load(fix, 1), STORE_NONE);
    assert_int_equal(say(fix, 1, 0, "one", NULL), STORE_OK);
    assert_int_equal(say(fix, 1, 1, "two", NULL), STORE_OK);
    assert_int_equal(say(fix, 1, 0, "x", NULL), STORE_CONFLICT);
    assert_int_equal(say(fix, 1, 1, "x", NULL), STORE_CONFLICT);
    assert_int_equal(say(fix, 1, 3, "x", NULL), STORE_CONFLICT);
    assert_int_equal(say(fix, 1, 2, "three", NULL), STORE_OK);
    load(fix, 1);
    assert_int_equal(fix->a.n, 3);
}

static void a_known_key_is_a_duplicate_that_says_where(void **state)
{
    struct fix *fix = *state;
    const struct ulid first = session(1);
    const struct store_record r = record(1, "one", "hello");
    struct store_batch batch = { .session = first, .records = &r, .n_records = 1, .dedupe = key(1),
                                 .dedupe_seq = 1, .wake_at = STORE_WAKE_KEEP };

    assert_int_equal(append(fix, &batch), STORE_OK);
    assert_int_equal(append(fix, &batch), STORE_DUPLICATE);
    batch.session = session(2);
    assert_int_equal(append(fix, &batch), STORE_DUPLICATE);
    assert_int_equal(ulid_cmp(&fix->a.session, &first), 0);
    assert_int_equal(fix->a.seq, 1);
    assert_int_equal(load(fix, 2), STORE_NONE);
    batch.dedupe = key(2);
    assert_int_equal(append(fix, &batch), STORE_OK);
}

static void a_refused_batch_hurts_no_other_of_its_group(void **state)
{
    enum { N = 60 };
    struct fix *fix = *state;
    struct store_record records[N];
    struct store_batch batches[N];
    uint8_t keys[N][STORE_KEY];
    struct answer answers[N];

    memset(answers, 0, sizeof answers);
    for (unsigned i = 0; i < N; i++) { /* every third repeats a key, every third has a wrong seq */
        memcpy(keys[i], key(i % 3 == 1 ? i - 1 : i), STORE_KEY);
        records[i] = record(i % 3 == 2 ? 6 : 1, "r", "b");
        batches[i] = (struct store_batch){
            .session = session(i), .expect_seq = i % 3 == 2 ? 5 : 0, .records = &records[i],
            .n_records = 1, .dedupe = keys[i], .dedupe_seq = 1, .wake_at = STORE_WAKE_KEEP
        };
    }
    for (unsigned i = 0; i < N; i++)
        store_append(fix->store, &batches[i], answer_append, &answers[i]);
    for (unsigned i = 0; i < N; i++) {
        pump_until(&fix->pump, &answers[i].done);
        assert_int_equal(answers[i].status, i % 3 == 0   ? STORE_OK
                                            : i % 3 == 1 ? STORE_DUPLICATE
                                                         : STORE_CONFLICT);
        answer_fini(&answers[i]);
        assert_int_equal(load(fix, i), i % 3 == 0 ? STORE_OK : STORE_NONE);
    }
}

static void a_snapshot_takes_the_place_of_what_was_before_it(void **state)
{
    struct fix *fix = *state;

    say(fix, 1, 0, "one", "a");
    say(fix, 1, 1, "two", "b");
    say(fix, 1, 2, "three", NULL);
    say(fix, 1, 3, "four", "d");
    assert_int_equal(put_snapshot(fix, 1, 4, 3, "said3", "state3"), STORE_OK);
    say(fix, 1, 4, "five", NULL);
    assert_int_equal(load(fix, 1), STORE_OK);
    assert_int_equal(fix->a.seq, 5);
    assert_int_equal(fix->a.snapshot->seq, 3);
    assert_memory_equal(fix->a.snapshot->data, "state3", 6);
    assert_int_equal(fix->a.snapshot->body_len, 5);
    assert_memory_equal(fix->a.snapshot->body, "said3", 5);
    assert_int_equal(fix->a.n, 2);
    expect_record(&fix->a.records[0], 4, "four", "d");
    expect_record(&fix->a.records[1], 5, "five", NULL);
    assert_int_equal(put_snapshot(fix, 1, 5, 5, NULL, "state5"), STORE_OK);
    load(fix, 1);
    assert_int_equal(fix->a.n, 0);
    assert_int_equal(fix->a.seq, 5);
    assert_memory_equal(fix->a.snapshot->data, "state5", 6);
}

static void an_address_finds_its_newest_session(void **state)
{
    struct fix *fix = *state;
    const uint8_t address[STORE_ADDRESS] = { 9, 9 };

    for (unsigned i = 1; i <= 2; i++) {
        const struct ulid id = session(i);
        const struct store_batch batch = { .session = id, .address = address,
                                           .wake_at = STORE_WAKE_NEVER };

        assert_int_equal(append(fix, &batch), STORE_OK);
        fix->a.done = 0;
        store_find(fix->store, address, answer_find, &fix->a);
        pump_until(&fix->pump, &fix->a.done);
        assert_int_equal(fix->a.status, STORE_OK);
        assert_int_equal(ulid_cmp(&fix->a.session, &id), 0);
    }
}

static void a_session_is_read_page_by_page(void **state)
{
    struct fix *fix = *state;

    for (uint64_t i = 0; i < 7; i++)
        say(fix, 1, i, "r", i % 2 ? "b" : NULL);
    put_snapshot(fix, 1, 7, 7, NULL, "s"); /* makes no difference here */
    assert_int_equal(read_from(fix, 1, 0, 3), STORE_OK);
    assert_int_equal(fix->a.n, 3);
    assert_true(fix->a.more);
    expect_record(&fix->a.records[1], 2, "r", "b");
    read_from(fix, 1, 4, 4);
    assert_int_equal(fix->a.n, 4);
    assert_false(fix->a.more);
    expect_record(&fix->a.records[0], 4, "r", "b");
    assert_int_equal(read_from(fix, 1, 8, 4), STORE_OK);
    assert_int_equal(fix->a.n, 0);
    assert_false(fix->a.more);
}

static void due_sessions_come_lowest_first(void **state)
{
    struct fix *fix = *state;

    put_wake(fix, 1, 500);
    put_wake(fix, 2, STORE_WAKE_NOW);
    put_wake(fix, 3, 100);
    put_wake(fix, 4, STORE_WAKE_NEVER);
    put_wake(fix, 5, 100);
    due(fix, 499, 10);
    assert_int_equal(fix->a.n, 3);
    assert_int_equal(ulid_ms(&fix->a.items[0].session), 1700000000002);
    assert_int_equal(ulid_ms(&fix->a.items[1].session), 1700000000003);
    assert_int_equal(ulid_ms(&fix->a.items[2].session), 1700000000005);
    assert_int_equal(fix->a.items[2].wake_at, 100);
    for (unsigned i = 0; i < 5; i++) { /* page by page */
        const struct store_item last = i == 0 ? (struct store_item){ .wake_at = 0 } : fix->a.items[0];

        fix->a.done = 0;
        store_due(fix->store, 1000, i == 0 ? NULL : &last, 1, answer_scan, &fix->a);
        pump_until(&fix->pump, &fix->a.done);
        assert_int_equal(fix->a.n, i < 4);
        if (i < 4)
            assert_int_equal(ulid_ms(&fix->a.items[0].session),
                             1700000000000 + ((const int[]){ 2, 3, 5, 1 })[i]);
    }
    put_wake(fix, 2, STORE_WAKE_KEEP);
    put_wake(fix, 3, STORE_WAKE_NEVER);
    due(fix, INT64_MAX - 1, 10);
    assert_int_equal(fix->a.n, 3);
    assert_int_equal(fix->a.items[0].wake_at, STORE_WAKE_NOW);
    assert_int_equal(fix->a.items[2].wake_at, 500);
}

static void sessions_come_newest_first(void **state)
{
    struct fix *fix = *state;
    struct ulid after = { { 0 } };
    unsigned newest = 5;

    for (unsigned i = 1; i <= 5; i++) /* 2 4 1 3 5 */
        say(fix, i * 2 % 5 + (i == 5) * 5, 0, "r", NULL);
    do {
        fix->a.done = 0;
        store_sessions(fix->store, &after, 2, answer_scan, &fix->a);
        pump_until(&fix->pump, &fix->a.done);
        for (size_t i = 0; i < fix->a.n; i++) {
            after = fix->a.items[i].session;
            assert_int_equal(ulid_ms(&after), 1700000000000 + newest--);
            assert_int_equal(fix->a.items[i].last_seq, 1);
            assert_int_equal(fix->a.items[i].wake_at, STORE_WAKE_NEVER);
        }
    } while (fix->a.n > 0);
    assert_int_equal(newest, 0);
}

static void compaction_drops_only_what_is_old_and_covered(void **state)
{
    struct fix *fix = *state;

    for (uint64_t i = 0; i < 6; i++) /* at 1000 .. 6000 */
        say(fix, 1, i, "r", "b");
    say(fix, 2, 0, "r", "b");
    compact(fix, 100000); /* no snapshot: nothing goes */
    read_from(fix, 1, 0, 10);
    assert_int_equal(fix->a.n, 6);
    put_snapshot(fix, 1, 6, 4, NULL, "s");
    compact(fix, 2000);
    read_from(fix, 1, 0, 10);
    assert_int_equal(fix->a.records[0].seq, 2);
    compact(fix, 100000); /* up to the snapshot */
    read_from(fix, 1, 0, 10);
    assert_int_equal(fix->a.records[0].seq, 5);
    put_snapshot(fix, 1, 6, 6, NULL, "s");
    compact(fix, 100000);
    read_from(fix, 1, 0, 10);
    assert_int_equal(fix->a.n, 0);
    assert_int_equal(load(fix, 1), STORE_OK);
    assert_int_equal(fix->a.seq, 6);
    assert_int_equal(say(fix, 1, 0, "x", NULL), STORE_CONFLICT);
    assert_int_equal(say(fix, 1, 6, "seven", NULL), STORE_OK);
    read_from(fix, 2, 0, 10);
    assert_int_equal(fix->a.n, 1);
}

static void compaction_of_much_comes_to_an_end(void **state)
{
    enum { N = 1500 };
    struct fix *fix = *state;
    static struct answer answers[N];
    struct store_batch *batches = calloc(N, sizeof *batches);
    uint8_t (*keys)[STORE_KEY] = calloc(N, STORE_KEY);
    const struct store_record r = record(1, "r", "b");
    const struct store_snapshot snapshot = { .seq = 1, .data = "s", .data_len = 1 };

    for (unsigned i = 0; i < N; i++) {
        memcpy(keys[i], key(i), STORE_KEY);
        batches[i] = (struct store_batch){ .session = session(i), .records = &r, .n_records = 1,
                                           .dedupe = keys[i], .dedupe_seq = 1, .now = 5,
                                           .snapshot = i % 2 ? &snapshot : NULL,
                                           .wake_at = STORE_WAKE_KEEP };
        store_append(fix->store, &batches[i], answer_append, &answers[i]);
    }
    for (unsigned i = 0; i < N; i++) {
        pump_until(&fix->pump, &answers[i].done);
        assert_int_equal(answers[i].status, STORE_OK);
        answer_fini(&answers[i]);
    }
    compact(fix, 5);
    batches[0].expect_seq = 1;
    batches[0].n_records = 0;
    assert_int_equal(append(fix, &batches[0]), STORE_DUPLICATE); /* 5 is not older than 5 */
    compact(fix, 6);
    for (unsigned i = 0; i < N; i += 97) {
        read_from(fix, i, 0, 10);
        assert_int_equal(fix->a.n, i % 2 ? 0 : 1);
        batches[i].expect_seq = 1;
        batches[i].n_records = 0;
        assert_int_equal(append(fix, &batches[i]), STORE_OK); /* its key is forgotten */
    }
    free(batches);
    free(keys);
}

static void erased_bodies_are_gone_and_the_records_stay(void **state)
{
    struct fix *fix = *state;

    say(fix, 1, 0, "one", "my secret");
    say(fix, 1, 1, "two", "more of it");
    say(fix, 2, 0, "other", "stays");
    put_snapshot(fix, 1, 2, 1, "my secret", "s");
    erase(fix, 1);
    load(fix, 1);
    assert_null(fix->a.snapshot->body);
    assert_int_equal(fix->a.n, 1);
    expect_record(&fix->a.records[0], 2, "two", NULL);
    read_from(fix, 1, 0, 10);
    assert_int_equal(fix->a.n, 2);
    expect_record(&fix->a.records[0], 1, "one", NULL);
    say(fix, 3, 0, "new", "takes no one's place");
    say(fix, 1, 2, "three", "after");
    read_from(fix, 1, 0, 10);
    expect_record(&fix->a.records[1], 2, "two", NULL);
    expect_record(&fix->a.records[2], 3, "three", "after");
    load(fix, 2);
    expect_record(&fix->a.records[0], 1, "other", "stays");
}

struct order {
    int place[6], n;
};

struct order_arg {
    struct order *order;
    int i;
};

static void came(struct order_arg *arg)
{
    arg->order->place[arg->order->n++] = arg->i;
}

static void append_came(void *arg, const struct store_result *result)
{
    assert_int_equal(result->status, STORE_OK);
    came(arg);
}

static void load_came(void *arg, const struct store_loaded *loaded)
{
    struct order_arg *a = arg;

    assert_int_equal(loaded->last_seq, a->i); /* what was appended before it, no more */
    came(a);
}

static void answers_come_later_and_in_the_order_of_the_calls(void **state)
{
    struct fix *fix = *state;
    struct order order = { .n = 0 };
    const struct ulid id = session(1);
    struct order_arg args[6];
    struct store_record records[3];
    struct store_batch batches[3];

    for (int i = 0; i < 6; i++)
        args[i] = (struct order_arg){ .order = &order, .i = i };
    for (unsigned i = 0; i < 3; i++) {
        records[i] = record(2 * i + 1, "r", NULL);
        batches[i] = (struct store_batch){ .session = id, .expect_seq = i, .n_records = 1,
                                           .records = &records[i], .wake_at = STORE_WAKE_KEEP };
        records[i].seq = i + 1;
    }
    args[1].i = 1;
    args[3].i = 2;
    args[5].i = 3;
    store_append(fix->store, &batches[0], append_came, &args[0]);
    store_load(fix->store, &id, load_came, &args[1]);
    store_append(fix->store, &batches[1], append_came, &args[2]);
    store_load(fix->store, &id, load_came, &args[3]);
    store_append(fix->store, &batches[2], append_came, &args[4]);
    store_load(fix->store, &id, load_came, &args[5]);
    assert_int_equal(order.n, 0);
    while (order.n < 6)
        assert_true(pump_some(&fix->pump, 20000));
    assert_memory_equal(order.place, ((int[]){ 0, 1, 2, 2, 4, 3 }), sizeof order.place);
}

static void append_in_vain(void *arg, const struct store_result *result)
{
    assert_int_equal(result->status, STORE_FAILED);
    ++*(int *)arg;
}

struct again {
    struct store *store;
    const struct store_batch *batch;
    int told;
};

static void append_again(void *arg, const struct store_result *result)
{
    struct again *again = arg;

    assert_int_equal(result->status, STORE_OK);
    store_append(again->store, again->batch, append_in_vain, &again->told);
    again->told += 10;
}

static void closing_finishes_what_was_asked(void **state)
{
    struct fix *fix = *state;
    const struct store_record r = record(1, "r", "b");
    const struct store_batch batch = { .session = session(1), .records = &r, .n_records = 1,
                                       .wake_at = STORE_WAKE_KEEP };
    struct again again = { .store = fix->store, .batch = &batch };

    store_append(fix->store, &batch, append_again, &again);
    fix_close(fix);
    assert_null(fix->store);
    assert_int_equal(again.told, 11);
}

static void much_in_one_batch_comes_back_whole(void **state)
{
    enum { N = 1000, BODY = 100000 };
    struct fix *fix = *state;
    struct store_record *records = calloc(N, sizeof *records);
    char *body = calloc(1, BODY);
    struct store_batch batch = { .session = session(1), .records = records, .n_records = N,
                                 .wake_at = STORE_WAKE_KEEP };

    for (size_t i = 0; i < BODY; i++)
        body[i] = (char)(i * 7);
    for (size_t i = 0; i < N; i++)
        records[i] = (struct store_record){ .seq = i + 1, .data = body + i, .data_len = i,
                                            .body = i == 500 ? body : NULL,
                                            .body_len = i == 500 ? BODY : 0 };
    assert_int_equal(append(fix, &batch), STORE_OK);
    load(fix, 1);
    assert_int_equal(fix->a.n, N);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(fix->a.records[i].data_len, i);
        assert_memory_equal(fix->a.records[i].data, body + i, i);
    }
    assert_memory_equal(fix->a.records[500].body, body, BODY);
    free(records);
    free(body);
}

static void the_figures_count_what_was_stored(void **state)
{
    struct fix *fix = *state;
    struct store_stats stats;

    say(fix, 1, 0, "r", NULL);
    say(fix, 1, 1, "r", NULL);
    say(fix, 1, 1, "r", NULL); /* conflict */
    store_stats(fix->store, &stats);
    assert_int_equal(stats.batches, 2);
    assert_int_equal(stats.records, 2);
    assert_int_equal(stats.refused, 0);
    assert_int_equal(stats.queue_depth, 0);
}

#define EVERY_STORE(setup_)                                                                       \
    T(an_empty_store_has_nothing, setup_), T(what_was_appended_is_loaded_in_order, setup_),       \
        T(a_wrong_expected_sequence_is_a_conflict, setup_),                                       \
        T(a_known_key_is_a_duplicate_that_says_where, setup_),                                    \
        T(a_refused_batch_hurts_no_other_of_its_group, setup_),                                   \
        T(a_snapshot_takes_the_place_of_what_was_before_it, setup_),                               \
        T(an_address_finds_its_newest_session, setup_),                                           \
        T(a_session_is_read_page_by_page, setup_), T(due_sessions_come_lowest_first, setup_),     \
        T(sessions_come_newest_first, setup_),                                                    \
        T(compaction_drops_only_what_is_old_and_covered, setup_),                                 \
        T(compaction_of_much_comes_to_an_end, setup_),                                            \
        T(erased_bodies_are_gone_and_the_records_stay, setup_),                                   \
        T(answers_come_later_and_in_the_order_of_the_calls, setup_),                              \
        T(closing_finishes_what_was_asked, setup_), T(much_in_one_batch_comes_back_whole, setup_), \
        T(the_figures_count_what_was_stored, setup_)
#define T(test_, setup_) cmocka_unit_test_setup_teardown(test_, setup_, teardown)

int main(void)
{
    const struct CMUnitTest memory[] = { EVERY_STORE(memory_setup) };
    const struct CMUnitTest sqlite[] = { EVERY_STORE(sqlite_setup) };
    int failed = cmocka_run_group_tests(memory, NULL, NULL);

    return failed + cmocka_run_group_tests(sqlite, NULL, NULL);
}
