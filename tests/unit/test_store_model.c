/*
 * test_store_model.c - random calls to SQLite and to the model in memory: every answer is the same.
 *
 * Calls go out in bursts, so that groups form; between bursts the database is closed and opened,
 * sometimes with calls under way. TANDEM_SEED=n runs one seed, TANDEM_STEPS=n that many bursts.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/store_pump.h"

#define SESSIONS 40
#define KEYS 300
#define BURST 48

struct call {
    struct store_batch batch;
    struct store_snapshot snapshot;
    struct ulid id;
    struct store_item item;
    uint8_t key[STORE_KEY], address[STORE_ADDRESS];
    struct store_keep keep;
    char keep_key[8], after[8];
    struct answer answer, model;
};

struct run {
    uint64_t random, seed;
    struct pump pump, model_pump;
    struct store_conf conf;
    struct store *store, *model;
    char url[64];
    uint64_t last[SESSIONS], snapped[SESSIONS], appends[8], kept[8], calls;
    int64_t now;
    struct arena *mem; /* what the calls of a burst have handed in */
};

static uint64_t any(struct run *run, uint64_t below) /* splitmix64 */
{
    uint64_t z = run->random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % below;
}

static struct ulid session(uint64_t i)
{
    return ulid_make(1700000000000 + (int64_t)i % 7, 1, i);
}

static const void *some_bytes(struct run *run, size_t *len_r)
{
    size_t len = any(run, 20) == 0 ? any(run, 9000) : any(run, 120);
    char *p = arena_alloc(run->mem, len + 1);

    for (size_t i = 0; i < len; i++)
        p[i] = (char)any(run, 256);
    *len_r = len;
    return p;
}

static void make_append(struct run *run, struct call *call, uint64_t s)
{
    struct store_batch *batch = &call->batch;
    struct store_record *records;
    uint64_t n = any(run, 8) == 0 ? 0 : 1 + any(run, 5);

    records = arena_array(run->mem, n, sizeof *records);
    *batch = (struct store_batch){ .session = session(s), .expect_seq = run->last[s], .now = run->now,
                                   .records = records, .n_records = n,
                                   .wake_at = STORE_WAKE_KEEP };
    if (any(run, 12) == 0)
        batch->expect_seq += 1 + any(run, 3);
    else if (any(run, 12) == 0 && batch->expect_seq > 0)
        batch->expect_seq -= 1;
    for (uint64_t i = 0; i < n; i++) {
        records[i].seq = batch->expect_seq + 1 + i;
        records[i].data = some_bytes(run, &records[i].data_len);
        if (any(run, 2))
            records[i].body = some_bytes(run, &records[i].body_len);
    }
    if (any(run, 2)) {
        memset(call->key, 'k', STORE_KEY);
        call->key[any(run, 2) * 20] = (uint8_t)any(run, KEYS / 2);
        batch->dedupe = call->key;
        batch->dedupe_seq = batch->expect_seq + n;
    }
    if (any(run, 6) == 0) {
        call->address[0] = (uint8_t)any(run, 30);
        batch->address = call->address;
    }
    if (any(run, 6) == 0) {
        uint64_t seq = any(run, batch->expect_seq + n + 1);

        if (seq < run->snapped[s]) /* snapshots do not go back */
            seq = run->snapped[s];
        call->snapshot = (struct store_snapshot){ .seq = seq };
        call->snapshot.data = some_bytes(run, &call->snapshot.data_len);
        if (any(run, 2) == 0)
            call->snapshot.body = some_bytes(run, &call->snapshot.body_len);
        batch->snapshot = &call->snapshot;
    }
    if (any(run, 4) == 0)
        batch->wake_at = any(run, 3) == 0   ? STORE_WAKE_NOW
                         : any(run, 3) == 0 ? STORE_WAKE_NEVER
                                            : (int64_t)any(run, 20);
    if (any(run, 30) > 0)
        run->now += (int64_t)any(run, 3);
    else
        run->now -= (int64_t)any(run, 20); /* clocks do */
}

/* Keys are few, so that pairs are put again, deleted, found; limits are low, so that they count. */
static void make_keep(struct run *run, struct call *call)
{
    static const char *const spaces[] = { "channel/a", "channel/ab", "agent/a" };
    const uint64_t what = any(run, 10);
    struct store_keep *keep = &call->keep;

    snprintf(call->keep_key, sizeof call->keep_key, "%c%u", (int)('a' + any(run, 3)),
             (unsigned)any(run, 12));
    snprintf(call->after, sizeof call->after, "%c%u", (int)('a' + any(run, 3)),
             (unsigned)any(run, 12));
    *keep = (struct store_keep){ .space = spaces[any(run, 3)], .key = call->keep_key,
                                 .now = run->now, .max = 1 + any(run, 30),
                                 .after = any(run, 2) ? call->after : NULL };
    keep->what = what < 5 ? STORE_PUT : what < 6 ? STORE_DEL : what < 8 ? STORE_GET : STORE_SCAN;
    if (keep->what == STORE_SCAN)
        call->keep_key[any(run, 2)] = '\0';
    if (keep->what == STORE_GET || keep->what == STORE_DEL)
        keep->after = NULL;
    if (keep->what == STORE_PUT) {
        keep->value = some_bytes(run, &keep->len);
        keep->until = any(run, 3) == 0 ? 0 : run->now + (int64_t)any(run, 40) - 5;
    }
}

/* The same call to one of the two. */
static void make_call(struct store *store, const struct call *call, uint64_t what, uint64_t n,
                      struct answer *answer)
{
    static const struct ulid zero;

    switch (what) {
    case 0: store_load(store, &call->id, answer_load, answer); break;
    case 1: store_find(store, call->address, answer_find, answer); break;
    case 2: store_read(store, &call->id, n % 30, n % 17, answer_read, answer); break;
    case 3:
        store_due(store, (int64_t)(n % 25), n % 3 == 0 ? &call->item : NULL, n % 11, answer_scan,
                  answer);
        break;
    case 4:
        store_sessions(store, n % 2 ? &call->id : &zero, n % 50, answer_scan, answer);
        break;
    case 7: store_keep(store, &call->keep, answer_keep, answer); break;
    case 5: store_erase(store, &call->id, answer_done, answer); break;
    default: store_append(store, &call->batch, answer_append, answer); break;
    }
}

static void burst(struct run *run)
{
    struct call *calls = calloc(BURST, sizeof *calls);
    uint64_t n = 1 + any(run, BURST), close_in = any(run, 10) == 0;
    struct err err;

    run->mem = arena_new(65536);
    for (uint64_t i = 0; i < n; i++) {
        struct call *call = &calls[i];
        uint64_t s = any(run, SESSIONS), what = any(run, 100), detail = any(run, 1000);

        what = what < 50 ? 6 : what < 70 ? 7 : what < 80 ? 0 : what < 99 ? 1 + what % 4 : 5;
        call->id = session(s);
        call->item = (struct store_item){ .session = call->id, .wake_at = (int64_t)(detail % 20) };
        call->address[0] = (uint8_t)any(run, 30);
        if (what == 6)
            make_append(run, call, s);
        if (what == 7)
            make_keep(run, call);
        make_call(run->model, call, what, detail, &call->model);
        pump_until(&run->model_pump, &call->model.done);
        if (what == 6) {
            run->appends[call->model.status]++;
            if (call->model.status == STORE_OK)
                run->last[s] += call->batch.n_records;
            if (call->model.status == STORE_OK && call->batch.snapshot != NULL)
                run->snapped[s] = call->snapshot.seq;
        }
        make_call(run->store, call, what, detail, &call->answer);
        if (what == 7)
            run->kept[call->model.status]++;
        run->calls++;
    }
    if (close_in) /* with all of them under way */
        store_close(&run->store);
    for (uint64_t i = 0; i < n; i++) {
        pump_until(&run->pump, &calls[i].answer.done);
        if (!answer_equal(&calls[i].answer, &calls[i].model))
            fail_msg("seed %llu: call %llu differs from the model",
                     (unsigned long long)run->seed,
                     (unsigned long long)(run->calls - n + i));
        answer_fini(&calls[i].answer);
        answer_fini(&calls[i].model);
    }
    if (close_in) {
        pump_some(&run->pump, 0);
        run->store = store_open(run->url, &run->conf, &err);
        assert_non_null(run->store);
    }
    arena_free(&run->mem);
    free(calls);
}

static void compact(struct run *run, struct pump *pump, struct store *store, int64_t before)
{
    struct answer answer = { .done = 0 };

    do {
        answer.done = 0;
        store_compact(store, before, answer_done, &answer);
        pump_until(pump, &answer.done);
        run->calls++;
    } while (answer.status == STORE_NONE);
    assert_int_equal(answer.status, STORE_OK);
    answer_fini(&answer);
}

static void run_seed(uint64_t seed, uint64_t steps)
{
    struct run *run = calloc(1, sizeof *run);
    struct store_conf model_conf;
    char dir[] = "store_model_XXXXXX", command[64];
    struct err err;

    run->random = run->seed = seed;
    assert_non_null(mkdtemp(dir));
    snprintf(run->url, sizeof run->url, "sqlite:%s/db", dir);
    pump_init(&run->pump);
    pump_init(&run->model_pump);
    run->conf = pump_conf(&run->pump);
    model_conf = pump_conf(&run->model_pump);
    run->store = store_open(run->url, &run->conf, &err);
    run->model = store_open("memory:", &model_conf, &err);
    assert_non_null(run->store);
    for (uint64_t i = 0; i < steps; i++) {
        burst(run);
        if (any(run, 10) == 0) {
            int64_t before = run->now - (int64_t)any(run, 60);

            compact(run, &run->pump, run->store, before);
            compact(run, &run->model_pump, run->model, before);
        }
    }
    printf("seed %llu: %llu calls; appends: %llu stored, %llu duplicates, %llu conflicts; kept: "
           "%llu done, %llu found nothing, %llu had no room\n",
           (unsigned long long)seed, (unsigned long long)run->calls,
           (unsigned long long)run->appends[STORE_OK],
           (unsigned long long)run->appends[STORE_DUPLICATE],
           (unsigned long long)run->appends[STORE_CONFLICT],
           (unsigned long long)run->kept[STORE_OK], (unsigned long long)run->kept[STORE_NONE],
           (unsigned long long)run->kept[STORE_MANY]);
    assert_true(run->kept[STORE_OK] > 0 && run->kept[STORE_NONE] > 0 && run->kept[STORE_MANY] > 0);
    assert_int_equal(run->pump.failed, 0);
    store_close(&run->store);
    store_close(&run->model);
    pump_some(&run->pump, 0);
    pump_some(&run->model_pump, 0);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    free(run);
}

static void every_answer_is_the_models(void **state)
{
    const char *seed = getenv("TANDEM_SEED"), *steps = getenv("TANDEM_STEPS");
    uint64_t n = steps == NULL ? 150 : strtoull(steps, NULL, 10);

    (void)state;
    if (seed != NULL) {
        run_seed(strtoull(seed, NULL, 10), n);
        return;
    }
    for (uint64_t i = 1; i <= 8; i++)
        run_seed(i, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_answer_is_the_models) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
