/* reporting.c - one session after the other, from the newest back. */
#include "config.h"

#include "daemon/reporting.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/conf_tandem.h"
#include "daemon/packs.h"
#include "engine/phrases.h"
#include "engine/record.h"
#include "gate/gate.h"
#include "io/loop.h"
#include "measure/measure.h"
#include "store/store.h"

#define MAX_RUNS 4
#define PAGE_SESSIONS 256
#define PAGE_RECORDS 64  /* folded in one go: well under a millisecond */
#define QUIET 8          /* batches that may wait for the disk while a report reads on */
#define PAUSE_MS 5
#define PROGRESS_MS 1000
#define DAY_MS INT64_C(86400000)

struct run {
    struct run *prev, *next;
    struct reporting *reporting; /* NULL: nobody wants it any more */
    unsigned id;
    struct report *report;
    struct report_ask ask;
    struct reporting_fn fn;
    void *arg;
    struct loop_timer *pause;
    struct ulid page[PAGE_SESSIONS];
    size_t n, at; /* of the page */
    int last;     /* there is none after it */
    size_t read;
    int64_t told_ms;
    struct arena *arena, *records; /* of the session, of a page of it */
    struct measure measure;
    uint64_t next_seq;
    int damaged;
};

struct reporting {
    struct loop *loop;
    struct store *store;
    struct gate *gate;
    struct phrases *phrases;
    uint64_t key;
    struct run *runs;
    size_t n_runs;
    unsigned last_id;
};

static void run_free(struct run *run)
{
    loop_timer_del(&run->pause);
    report_free(&run->report);
    arena_free(&run->arena);
    arena_free(&run->records);
    free(run);
}

/* Takes the run out of the list; its memory goes when nothing is under way for it. */
static void leave(struct run *run)
{
    struct reporting *reporting = run->reporting;

    DL_DELETE(reporting->runs, run);
    reporting->n_runs--;
    run->reporting = NULL;
}

static void finish(struct run *run, const char *why)
{
    leave(run);
    run->fn.done(run->arg, why == NULL ? run->report : NULL, why);
    run_free(run);
}

static void next(struct run *run);

static void on_pause_over(void *arg)
{
    struct run *run = arg;

    run->pause = NULL;
    next(run);
}

/* 1: customers come first, the run goes on by itself later. */
static int must_wait(struct run *run)
{
    const int64_t now = clock_mono_ms();
    struct store_stats stats;

    if (run->fn.progress != NULL && now >= run->told_ms + PROGRESS_MS) {
        run->told_ms = now;
        run->fn.progress(run->arg, run->read);
    }
    store_stats(run->reporting->store, &stats);
    if (stats.queue_depth <= QUIET + run->reporting->n_runs)
        return 0;
    run->pause = loop_timer_add(run->reporting->loop, PAUSE_MS, on_pause_over, run);
    return 1;
}

/* ---- One session -------------------------------------------------------------------------- */

static void read_records(struct run *run);

static void session_done(struct run *run)
{
    run->read++;
    if (run->damaged || run->measure.opened_at == 0)
        report_skip(run->report);
    else
        report_add(run->report, &run->page[run->at], &run->measure,
                   gate_policy(run->reporting->gate));
    run->at++;
    next(run);
}

static void fold(struct run *run, const struct store_record *stored)
{
    struct record record;
    struct err err;

    if (record_decode(stored->data, stored->data_len, run->records, &record, &err) != 0 ||
        record_decode_body(stored->body, stored->body_len, run->records, &record.body, &err) != 0)
        run->damaged = 1;
    else
        measure_apply(&run->measure, &record);
    run->next_seq = stored->seq + 1;
}

static void on_records(void *arg, enum store_status status, const struct store_record *records,
                       size_t n, int more)
{
    struct run *run = arg;

    if (run->reporting == NULL) {
        run_free(run);
        return;
    }
    if (status != STORE_OK && status != STORE_NONE) {
        finish(run, "the store cannot be read now");
        return;
    }
    arena_reset(run->records);
    for (size_t i = 0; i < n; i++)
        fold(run, &records[i]);
    if (status == STORE_OK && more && n > 0)
        read_records(run);
    else
        session_done(run);
}

static void read_records(struct run *run)
{
    store_read(run->reporting->store, &run->page[run->at], run->next_seq, PAGE_RECORDS, on_records,
               run);
}

/* ---- All of them -------------------------------------------------------------------------- */

static void on_sessions(void *arg, enum store_status status, const struct store_item *items,
                        size_t n)
{
    struct run *run = arg;

    if (run->reporting == NULL) {
        run_free(run);
        return;
    }
    if (status != STORE_OK) {
        finish(run, "the store cannot be read now");
        return;
    }
    run->n = run->at = 0;
    run->last = n < PAGE_SESSIONS;
    for (size_t i = 0; i < n; i++) {
        if (ulid_ms(&items[i].session) < run->ask.from)
            run->last = 1;
        else
            run->page[run->n++] = items[i].session;
    }
    next(run);
}

static void next(struct run *run)
{
    const struct reporting *reporting = run->reporting;
    struct ulid after;

    if (run->at == run->n && run->last) {
        finish(run, NULL);
        return;
    }
    if (must_wait(run))
        return;
    if (run->at == run->n) {
        after = run->n > 0 ? run->page[run->n - 1] : ulid_make(run->ask.to + DAY_MS, 0, 0);
        store_sessions(reporting->store, &after, PAGE_SESSIONS, on_sessions, run);
        return;
    }
    arena_reset(run->arena);
    measure_init(&run->measure, run->arena, reporting->phrases, reporting->key);
    run->damaged = 0;
    run->next_seq = 1;
    read_records(run);
}

/* ------------------------------------------------------------------------------------------- */

struct reporting *reporting_new(struct loop *loop, struct store *store, struct gate *gate)
{
    static const char purpose[] = "report customers";
    struct reporting *reporting = mem_alloc(sizeof *reporting);
    char *dir = tandem_packs_dir();
    uint8_t master[32], hash[CRYPT_HASH];
    struct err err;

    *reporting = (struct reporting){ .loop = loop, .store = store, .gate = gate };
    store_master_key(store, master);
    crypt_hmac(master, sizeof master, purpose, sizeof purpose - 1, hash);
    memcpy(&reporting->key, hash, sizeof reporting->key);
    mem_wipe(master, sizeof master);
    reporting->phrases = packs_read(dir, &err);
    if (reporting->phrases == NULL)
        LOG_WARN(NULL, "reports will not see customers who say that they told it already: %s",
                 err.text);
    free(dir);
    return reporting;
}

void reporting_free(struct reporting **reporting_p)
{
    struct reporting *reporting = *reporting_p;

    *reporting_p = NULL;
    if (reporting == NULL)
        return;
    while (reporting->runs != NULL)
        reporting_cancel(reporting, reporting->runs->id);
    phrases_free(&reporting->phrases);
    free(reporting);
}

unsigned reporting_start(struct reporting *reporting, const struct report_ask *ask,
                         const struct reporting_fn *fn, void *arg)
{
    struct run *run;

    if (reporting->n_runs == MAX_RUNS)
        return 0;
    run = mem_alloc(sizeof *run);
    if (++reporting->last_id == 0)
        reporting->last_id = 1;
    *run = (struct run){ .reporting = reporting, .id = reporting->last_id, .ask = *ask,
                         .fn = *fn, .arg = arg, .report = report_new(ask),
                         .told_ms = clock_mono_ms() };
    run->arena = arena_new(64 << 10);
    run->records = arena_new(64 << 10);
    DL_APPEND(reporting->runs, run);
    reporting->n_runs++;
    run->pause = loop_timer_add(reporting->loop, 0, on_pause_over, run);
    return run->id;
}

void reporting_cancel(struct reporting *reporting, unsigned id)
{
    struct run *run = reporting->runs;

    while (run != NULL && run->id != id)
        run = run->next;
    if (run == NULL)
        return;
    leave(run);
    if (run->pause != NULL) /* else a call of the store is under way */
        run_free(run);
}
