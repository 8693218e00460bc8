/*
 * bench_store.c - how many batches a second the store commits, and what one costs.
 *
 * bench_store URL SESSIONS [BATCHES]: gives each session one batch first, then appends to random
 * sessions with 1, 8, 64, 256 and 1024 calls under way: half of the batches are a message coming
 * in (a key, a body of 200 bytes), half an answer (a body of 400 bytes); 250 bytes of facts each.
 * A row: calls under way, batches/s, batches a commit, CPU of the store's thread and of the
 * caller's a batch, p50 and p99 of the wait, and of a load among them.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/err.h"
#include "tests/store_pump.h"

#define MOST 1024

struct slot {
    struct bench *bench;
    struct store_batch batch;
    struct store_record records[3];
    uint8_t key[STORE_KEY];
    size_t session;
    int64_t start;
};

struct bench {
    struct pump pump;
    struct store *store;
    struct slot slots[MOST];
    uint32_t *last; /* of each session */
    uint8_t *busy;
    size_t sessions;
    uint64_t random, started, ended, target;
    int64_t *waits;
    int64_t load_wait[4096];
    size_t n_loads;
    int64_t load_start;
    int loading, in_order, over;
};

static const char text[400] = "I was told that my order would be here on Tuesday, and it is Friday.";

static uint64_t any(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    return b->random ^= b->random << 17;
}

static struct ulid session(size_t i)
{
    return ulid_make(1700000000000 + (int64_t)i, i * 2654435761U % 65536, i * 0x9e3779b97f4a7c15);
}

static void next(struct slot *slot);

static void on_append(void *arg, const struct store_result *result)
{
    struct slot *slot = arg;
    struct bench *b = slot->bench;

    if (result->status != STORE_OK) {
        fprintf(stderr, "an append gave status %d\n", (int)result->status);
        exit(1);
    }
    b->last[slot->session] += (uint32_t)slot->batch.n_records;
    b->busy[slot->session] = 0;
    b->waits[b->ended++] = clock_mono_us() - slot->start;
    b->over = b->ended == b->target;
    next(slot);
}

static void on_load(void *arg, const struct store_loaded *loaded)
{
    struct bench *b = arg;

    (void)loaded;
    if (b->n_loads < sizeof b->load_wait / sizeof *b->load_wait)
        b->load_wait[b->n_loads++] = clock_mono_us() - b->load_start;
    b->loading = 0;
}

static void next(struct slot *slot)
{
    struct bench *b = slot->bench;
    size_t s = b->started % b->sessions;
    int in = b->started % 2 == 0;

    if (b->started == b->target)
        return;
    while (!b->in_order && b->busy[s = any(b) % b->sessions])
        ;
    b->started++;
    b->busy[s] = 1;
    slot->session = s;
    slot->batch = (struct store_batch){ .session = session(s), .expect_seq = b->last[s],
                                        .records = slot->records, .n_records = 3,
                                        .wake_at = STORE_WAKE_KEEP, .now = clock_wall_ms() };
    for (size_t i = 0; i < 3; i++)
        slot->records[i] = (struct store_record){ .seq = b->last[s] + 1 + i, .data = text,
                                                  .data_len = 83 };
    slot->records[0].body = text;
    slot->records[0].body_len = in ? 200 : 400;
    if (in) {
        uint64_t id[3] = { s * 0x9e3779b97f4a7c15, any(b), any(b) };

        memcpy(slot->key, id, sizeof id);
        slot->batch.dedupe = slot->key;
        slot->batch.dedupe_seq = b->last[s] + 1;
    }
    slot->start = clock_mono_us();
    store_append(b->store, &slot->batch, on_append, slot);
    if (!b->in_order && !b->loading && any(b) % 100 == 0) {
        struct ulid id = session(any(b) % b->sessions);

        b->loading = 1;
        b->load_start = clock_mono_us();
        store_load(b->store, &id, on_load, b);
    }
}

static int64_t cpu_us(int who)
{
    struct rusage r;

    getrusage(who, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * INT64_C(1000000) + r.ru_utime.tv_usec +
           r.ru_stime.tv_usec;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void run(struct bench *b, size_t under_way, uint64_t batches, int in_order)
{
    struct store_stats before, after;
    int64_t start = clock_mono_us(), all = cpu_us(RUSAGE_SELF), mine = cpu_us(RUSAGE_THREAD), us;

    store_stats(b->store, &before);
    b->started = b->ended = b->n_loads = 0;
    b->target = batches;
    b->over = 0;
    b->in_order = in_order;
    b->waits = malloc(batches * sizeof *b->waits);
    for (size_t i = 0; i < under_way; i++)
        next(&b->slots[i]);
    pump_until(&b->pump, &b->over);
    while (b->loading)
        pump_some(&b->pump, 1000);
    us = clock_mono_us() - start;
    mine = cpu_us(RUSAGE_THREAD) - mine;
    all = cpu_us(RUSAGE_SELF) - all;
    store_stats(b->store, &after);
    qsort(b->waits, batches, sizeof *b->waits, by_size);
    if (b->n_loads > 0)
        qsort(b->load_wait, b->n_loads, sizeof *b->load_wait, by_size);
    printf("%8zu %10zu %10.0f %8.1f %10.1f %10.1f %9.2f %9.2f %9.2f %9.2f\n", b->sessions, under_way,
           (double)batches * 1e6 / (double)us,
           (double)batches / (double)(after.commits - before.commits),
           (double)(all - mine) / (double)batches, (double)mine / (double)batches,
           (double)b->waits[batches / 2] / 1e3, (double)b->waits[batches * 99 / 100] / 1e3,
           b->n_loads ? (double)b->load_wait[b->n_loads / 2] / 1e3 : 0,
           b->n_loads ? (double)b->load_wait[b->n_loads * 99 / 100] / 1e3 : 0);
    fflush(stdout);
    free(b->waits);
}

int main(int argc, char **argv)
{
    static const size_t under_way[] = { 1, 8, 64, 256, MOST };
    static struct bench b;
    struct store_conf conf;
    struct err err;
    uint64_t batches;

    if (argc < 3) {
        fprintf(stderr, "usage: bench_store URL SESSIONS [BATCHES]\n");
        return 2;
    }
    b.sessions = (size_t)strtoull(argv[2], NULL, 10);
    batches = argc > 3 ? strtoull(argv[3], NULL, 10) : 100000;
    if (b.sessions < 2 * MOST)
        b.sessions = 2 * MOST; /* each session has one call under way at most */
    b.random = 88172645463325252;
    b.last = calloc(b.sessions, sizeof *b.last);
    b.busy = calloc(b.sessions, 1);
    for (size_t i = 0; i < MOST; i++)
        b.slots[i].bench = &b;
    pump_init(&b.pump);
    conf = pump_conf(&b.pump);
    if ((b.store = store_open(argv[1], &conf, &err)) == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("sessions  under way  batches/s  a commit  us store  us caller    p50 ms    p99 ms"
           "  load p50  load p99\n");
    run(&b, MOST / 2, b.sessions, 1);
    for (size_t i = 0; i < sizeof under_way / sizeof *under_way; i++)
        run(&b, under_way[i], under_way[i] < 64 ? batches / 5 : batches, 0);
    store_close(&b.store);
    pump_some(&b.pump, 0);
    free(b.last);
    free(b.busy);
    return 0;
}
