/* test_sqlite.c - what a store in a file adds to what every store promises. */
#include "config.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/store_rig.h"

static struct store *reopen(struct fix *fix, struct err *err)
{
    fix_close(fix);
    return fix->store = store_open(fix->url, &fix->conf, err);
}

static void everything_is_there_after_a_restart(void **state)
{
    struct fix *fix = *state;
    uint8_t before[32], after[32];
    struct err err;

    store_master_key(fix->store, before);
    say(fix, 1, 0, "one", "hello");
    say(fix, 1, 1, "two", "there");
    put_snapshot(fix, 1, 2, 1, "hello", "s");
    put_wake(fix, 2, 77);
    assert_non_null(reopen(fix, &err));
    store_master_key(fix->store, after);
    assert_memory_equal(before, after, 32);
    load(fix, 1);
    assert_int_equal(fix->a.n, 1);
    expect_record(&fix->a.records[0], 2, "two", "there");
    assert_memory_equal(fix->a.snapshot->body, "hello", 5);
    due(fix, 100, 9);
    assert_int_equal(fix->a.n, 1);
    assert_int_equal(say(fix, 1, 2, "three", NULL), STORE_OK);
}

static void the_file_is_for_its_owner_alone(void **state)
{
    struct fix *fix = *state;
    struct stat st;
    char name[112];

    say(fix, 1, 0, "r", NULL);
    assert_int_equal(stat(fix->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(name, sizeof name, "%s-wal", fix->path);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void two_processes_cannot_share_it(void **state)
{
    struct fix *fix = *state;
    struct err err;

    assert_null(store_open(fix->url, &fix->conf, &err));
    assert_non_null(strstr(err.text, "another process uses it"));
    assert_int_equal(say(fix, 1, 0, "r", NULL), STORE_OK);
}

static void change(struct fix *fix, const char *text)
{
    sqlite3 *db;

    fix_close(fix);
    assert_int_equal(sqlite3_open(fix->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_version_is_refused(void **state)
{
    struct fix *fix = *state;
    struct err err;

    change(fix, "UPDATE meta SET value = 2 WHERE key = 'version'");
    assert_null(reopen(fix, &err));
    assert_non_null(strstr(err.text, "it has version 2, this program knows version 1"));
}

static void what_is_not_a_store_is_refused(void **state)
{
    struct fix *fix = *state;
    struct err err;
    int fd;

    change(fix, "DROP TABLE meta");
    assert_null(reopen(fix, &err));
    assert_non_null(strstr(err.text, "it is not a store of ours"));
    fd = open(fix->path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "This is text, more than a page header's length.", 47), 47);
    assert_int_equal(ftruncate(fd, 8192), 0);
    close(fd);
    assert_null(reopen(fix, &err));
    assert_non_null(strstr(err.text, "not a database"));
    assert_null(store_open("sqlite:/nowhere/at/all.db", &fix->conf, &err));
    assert_non_null(strstr(err.text, "cannot make the directory /nowhere/at"));
    assert_null(store_open("postgres://x", &fix->conf, &err));
    assert_non_null(strstr(err.text, "is not known"));
}

static void a_damaged_row_is_an_error_and_not_a_guess(void **state)
{
    struct fix *fix = *state;
    struct err err;

    say(fix, 1, 0, "one", "hello");
    say(fix, 2, 0, "one", "hello");
    change(fix, "UPDATE journal SET data = x'ffffffff00';"
                "UPDATE journal SET n = 9 WHERE session = (SELECT max(session) FROM journal)");
    assert_non_null(reopen(fix, &err));
    assert_int_equal(load(fix, 1), STORE_FAILED);
    assert_int_equal(load(fix, 2), STORE_FAILED);
    assert_int_equal(fix->pump.failed, 0);
}

static void under_min_free_nothing_is_stored_and_reads_go_on(void **state)
{
    struct fix *fix = *state;
    struct store_stats stats;
    struct err err;

    say(fix, 1, 0, "one", NULL);
    fix->conf.min_free = INT64_MAX;
    reopen(fix, &err);
    assert_int_equal(say(fix, 1, 1, "two", NULL), STORE_FULL);
    assert_int_equal(load(fix, 1), STORE_OK);
    assert_int_equal(fix->a.n, 1);
    store_stats(fix->store, &stats);
    assert_int_equal(stats.refused, 1);
    assert_true(stats.bytes_free > 0);
    assert_int_equal(fix->pump.failed, 0);
    fix->conf.min_free = 4096;
    reopen(fix, &err);
    assert_int_equal(say(fix, 1, 1, "two", NULL), STORE_OK);
}

/* Does a file of the store hold these bytes? */
static int on_disk(struct fix *fix, const char *bytes)
{
    char command[200];
    int rc;

    snprintf(command, sizeof command, "cat %s/new/* | grep -aq %s", fix->dir, bytes);
    rc = system(command);
    assert_true(WIFEXITED(rc) && WEXITSTATUS(rc) < 2);
    return WEXITSTATUS(rc) == 0;
}

static void erased_text_is_in_no_file(void **state)
{
    struct fix *fix = *state;
    char body[700];

    for (unsigned round = 0; round < 30; round++) {
        for (unsigned s = 0; s < 20; s++) {
            size_t n = (size_t)snprintf(body, sizeof body, "canary%03u;", s);

            while (n + 10 < (s * 37 + round * 101) % sizeof body) {
                memcpy(body + n, body, 10);
                n += 10;
            }
            body[n] = '\0';
            assert_int_equal(say(fix, s, round, "facts", body), STORE_OK);
        }
    }
    for (unsigned s = 0; s < 20; s++) { /* pages merge on the way; no copy may stay behind */
        snprintf(body, sizeof body, "canary%03u", s);
        assert_true(on_disk(fix, body));
        if (s % 3 == 1) {
            put_snapshot(fix, s, 30, 30, NULL, "s");
            compact(fix, INT64_MAX);
        }
        erase(fix, s);
        assert_false(on_disk(fix, body));
    }
}

static void the_wal_stays_bounded(void **state)
{
    enum { N = 200 };
    struct fix *fix = *state;
    static struct answer answers[N];
    static struct store_record records[N];
    static struct store_batch batches[N];
    static char body[3000];
    char name[112];
    struct stat st;

    memset(body, 'x', sizeof body - 1);
    snprintf(name, sizeof name, "%s-wal", fix->path);
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < N; i++) {
            records[i] = record(round + 1, "r", body);
            batches[i] = (struct store_batch){ .session = session(i), .expect_seq = round,
                                               .records = &records[i], .n_records = 1,
                                               .wake_at = STORE_WAKE_KEEP };
            store_append(fix->store, &batches[i], answer_append, &answers[i]);
        }
        for (unsigned i = 0; i < N; i++) {
            pump_until(&fix->pump, &answers[i].done);
            assert_int_equal(answers[i].status, STORE_OK);
            answer_fini(&answers[i]);
        }
    }
    assert_int_equal(stat(name, &st), 0);
    assert_true(st.st_size < 32 << 20);
}

#define T(test_) cmocka_unit_test_setup_teardown(test_, sqlite_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(everything_is_there_after_a_restart),
        T(the_file_is_for_its_owner_alone),
        T(two_processes_cannot_share_it),
        T(a_newer_version_is_refused),
        T(what_is_not_a_store_is_refused),
        T(a_damaged_row_is_an_error_and_not_a_guess),
        T(under_min_free_nothing_is_stored_and_reads_go_on),
        T(erased_text_is_in_no_file),
        T(the_wal_stays_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
