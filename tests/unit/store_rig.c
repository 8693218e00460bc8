/* store_rig.c - a store under test, and what is asked of it. */
#include "config.h"

#include "tests/unit/store_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int sqlite_setup(void **state)
{
    struct fix *fix = calloc(1, sizeof *fix);
    struct err err;

    pump_init(&fix->pump);
    fix->conf = pump_conf(&fix->pump);
    snprintf(fix->dir, sizeof fix->dir, "store_test_XXXXXX");
    if (mkdtemp(fix->dir) == NULL)
        return -1;
    snprintf(fix->path, sizeof fix->path, "%s/new/store.db", fix->dir);
    snprintf(fix->url, sizeof fix->url, "sqlite:%s", fix->path);
    fix->store = store_open(fix->url, &fix->conf, &err);
    *state = fix;
    return fix->store == NULL ? -1 : 0;
}

void fix_close(struct fix *fix)
{
    store_close(&fix->store);
    pump_some(&fix->pump, 0);
}

int teardown(void **state)
{
    struct fix *fix = *state;
    char command[160];

    fix_close(fix);
    answer_fini(&fix->a);
    if (fix->dir[0] != '\0') {
        snprintf(command, sizeof command, "rm -rf %s", fix->dir);
        if (system(command) != 0)
            return -1;
    }
    free(fix);
    return 0;
}

struct ulid session(unsigned i)
{
    return ulid_make(1700000000000 + i, 0, 7);
}

struct store_record record(uint64_t seq, const char *data, const char *body)
{
    return (struct store_record){
        .seq = seq, .data = data, .data_len = strlen(data), .body = body,
        .body_len = body == NULL ? 0 : strlen(body),
    };
}

enum store_status append(struct fix *fix, const struct store_batch *batch)
{
    fix->a.done = 0;
    store_append(fix->store, batch, answer_append, &fix->a);
    pump_until(&fix->pump, &fix->a.done);
    return fix->a.status;
}

enum store_status say(struct fix *fix, unsigned s, uint64_t expect, const char *data,
                      const char *body)
{
    const struct store_record r = record(expect + 1, data, body);
    const struct store_batch batch = { .session = session(s), .expect_seq = expect, .records = &r,
                                       .n_records = 1, .wake_at = STORE_WAKE_KEEP,
                                       .now = 1000 * (int64_t)(expect + 1) };

    return append(fix, &batch);
}

enum store_status load(struct fix *fix, unsigned s)
{
    const struct ulid id = session(s);

    fix->a.done = 0;
    store_load(fix->store, &id, answer_load, &fix->a);
    pump_until(&fix->pump, &fix->a.done);
    return fix->a.status;
}

void due(struct fix *fix, int64_t before, size_t max)
{
    fix->a.done = 0;
    store_due(fix->store, before, NULL, max, answer_scan, &fix->a);
    pump_until(&fix->pump, &fix->a.done);
}

void compact(struct fix *fix, int64_t before)
{
    do {
        fix->a.done = 0;
        store_compact(fix->store, before, answer_done, &fix->a);
        pump_until(&fix->pump, &fix->a.done);
    } while (fix->a.status == STORE_NONE);
    assert_int_equal(fix->a.status, STORE_OK);
}

void erase(struct fix *fix, unsigned s)
{
    const struct ulid id = session(s);

    fix->a.done = 0;
    store_erase(fix->store, &id, answer_done, &fix->a);
    pump_until(&fix->pump, &fix->a.done);
    assert_int_equal(fix->a.status, STORE_OK);
}

enum store_status put_snapshot(struct fix *fix, unsigned s, uint64_t last, uint64_t seq,
                               const char *body, const char *data)
{
    const struct store_snapshot snapshot = { .seq = seq, .data = data, .data_len = strlen(data),
                                             .body = body,
                                             .body_len = body != NULL ? strlen(body) : 0 };
    const struct store_batch batch = { .session = session(s), .expect_seq = last,
                                       .snapshot = &snapshot, .wake_at = STORE_WAKE_KEEP };

    return append(fix, &batch);
}

enum store_status put_wake(struct fix *fix, unsigned s, int64_t wake_at)
{
    const struct store_batch batch = { .session = session(s), .wake_at = wake_at };

    return append(fix, &batch);
}

void expect_record(const struct store_record *r, uint64_t seq, const char *data,
                   const char *body)
{
    assert_int_equal(r->seq, seq);
    assert_int_equal(r->data != NULL, data != NULL);
    assert_int_equal(r->body != NULL, body != NULL);
    if (data != NULL) {
        assert_int_equal(r->data_len, strlen(data));
        assert_memory_equal(r->data, data, r->data_len);
    }
    if (body != NULL) {
        assert_int_equal(r->body_len, strlen(body));
        assert_memory_equal(r->body, body, r->body_len);
    }
}
