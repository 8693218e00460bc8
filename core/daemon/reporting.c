/*
 * reporting.c - one session after the other, from the newest back.
 *
 * What was folded is kept as a row beside the journal, with the last record it knows of: while there
 * is no newer one, the row is all that is read. A row outlives the records; once a day one is made
 * for every session of the last days, long before compaction can get to it.
 */
#include "config.h"

#include "daemon/reporting.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/conf_tandem.h"
#include "daemon/packs.h"
#include "engine/record.h"
#include "gate/gate.h"
#include "io/loop.h"
#include "measure/measure.h"
#include "measure/row.h"
#include "store/store.h"

#define MAX_RUNS 4
#define PAGE_SESSIONS 256
#define PAGE_RECORDS 64  /* folded in one go: about 0.4 ms of the loop */
#define QUIET 8          /* batches that may wait for the disk while a report reads on */
#define PAUSE_MS 5
#define PROGRESS_MS 1000
#define ROWS_A_TURN 32 /* decoded in one go */
#define SPACE "measures"
#define MAX_ROWS 2000000
#define PASS_MS (24 * 3600 * 1000)
#define FIRST_PASS_MS (10 * 60 * 1000)
#define PASS_DAYS 8 /* the shortest retention there is */
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
    struct {
        struct ulid id;
        uint64_t last_seq;
    } page[PAGE_SESSIONS];
    size_t n, at; /* of the page */
    struct store_pair *rows; /* of the page, by key; in page_mem */
    size_t n_rows;
    struct arena *page_mem;
    int last;     /* there is none after it */
    size_t read;
    int64_t told_ms;
    struct arena *arena, *records; /* of the session, of a page of it */
    struct measure measure;
    uint64_t next_seq;
    int damaged;
    int resumed; /* the beginning is gone, it goes on from its row */
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
    struct loop_timer *pass;
};

static void run_free(struct run *run)
{
    loop_timer_del(&run->pause);
    report_free(&run->report);
    arena_free(&run->arena);
    arena_free(&run->records);
    arena_free(&run->page_mem);
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

/* ---- Rows --------------------------------------------------------------------------------- */

static int by_key(const void *key, const void *pair)
{
    return strcmp(key, ((const struct store_pair *)pair)->key);
}

static void begin_measure(struct run *run)
{
    arena_reset(run->arena);
    measure_init(&run->measure, run->arena, run->reporting->phrases, run->reporting->key);
}

/* 1: the measure is what the session's row has. */
static int take_row(struct run *run)
{
    const struct store_pair *row;
    char key[ULID_TEXT];
    struct err err;

    ulid_format(&run->page[run->at].id, key);
    row = run->n_rows == 0 ? NULL
                           : bsearch(key, run->rows, run->n_rows, sizeof *run->rows, by_key);
    if (row != NULL && row_decode(row->value, row->len, &run->measure, &err) == 0)
        return 1;
    begin_measure(run);
    return 0;
}

static void on_kept(void *arg, enum store_status status, const struct store_pair *pairs, size_t n,
                    int more)
{
    (void)arg, (void)status, (void)pairs, (void)n, (void)more; /* without it, it is read again */
}

static void keep_row(struct run *run)
{
    struct buf row = { 0 };
    char key[ULID_TEXT];

    ulid_format(&run->page[run->at].id, key);
    row_encode(&run->measure, &row);
    store_keep(run->reporting->store, &(struct store_keep){
        .what = STORE_PUT, .space = SPACE, .key = key, .value = row.data, .len = row.len,
        .max = MAX_ROWS, .now = clock_wall_ms() }, on_kept, NULL);
    buf_fini(&row);
}

static void on_rows(void *arg, enum store_status status, const struct store_pair *pairs, size_t n,
                    int more)
{
    struct run *run = arg;

    (void)more;
    if (run->reporting == NULL) {
        run_free(run);
        return;
    }
    arena_reset(run->page_mem);
    run->n_rows = status == STORE_OK ? n : 0;
    run->rows = arena_array(run->page_mem, run->n_rows + 1, sizeof *run->rows);
    for (size_t i = 0; i < run->n_rows; i++) {
        run->rows[i] = pairs[i];
        run->rows[i].key = arena_strdup(run->page_mem, pairs[i].key);
        run->rows[i].value = arena_dup(run->page_mem, pairs[i].value, pairs[i].len);
    }
    next(run);
}

/* Those of the page's sessions, the oldest of which is its last. */
static void read_rows(struct run *run)
{
    struct ulid before = run->page[run->n - 1].id;
    char after[ULID_TEXT];

    for (size_t i = sizeof before.b; i-- > 0 && before.b[i]-- == 0;)
        ; /* the id before it */
    ulid_format(&before, after);
    store_keep(run->reporting->store, &(struct store_keep){
        .what = STORE_SCAN, .space = SPACE, .key = "", .after = after, .max = PAGE_SESSIONS,
        .now = clock_wall_ms() }, on_rows, run);
}

/* ---- One session -------------------------------------------------------------------------- */

static void read_records(struct run *run);

static void add_session(struct run *run)
{
    run->read++;
    if (run->damaged || run->measure.opened_at == 0)
        report_skip(run->report);
    else
        report_add(run->report, &run->page[run->at].id, &run->measure,
                   gate_policy(run->reporting->gate));
    run->at++;
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

/* The beginning is gone, but a row knows it. */
static int goes_on(struct run *run, const struct store_record *records, size_t n)
{
    if (run->next_seq != 1 || run->resumed || (n > 0 && records[0].seq == 1) || !take_row(run))
        return 0;
    run->resumed = 1;
    run->next_seq = run->measure.seq + 1;
    return n > 0;
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
    if (goes_on(run, records, n)) {
        read_records(run);
        return;
    }
    arena_reset(run->records);
    for (size_t i = 0; i < n; i++)
        fold(run, &records[i]);
    if (status == STORE_OK && more && n > 0) {
        read_records(run);
        return;
    }
    if (!run->damaged && run->measure.opened_at != 0)
        keep_row(run);
    add_session(run);
    next(run);
}

static void read_records(struct run *run)
{
    store_read(run->reporting->store, &run->page[run->at].id, run->next_seq, PAGE_RECORDS,
               on_records, run);
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
        if (ulid_ms(&items[i].session) < run->ask.from) {
            run->last = 1;
            break;
        }
        run->page[run->n].id = items[i].session;
        run->page[run->n++].last_seq = items[i].last_seq;
    }
    if (run->n > 0)
        read_rows(run);
    else
        next(run);
}

static void next_page(struct run *run)
{
    const struct ulid after = run->n > 0 ? run->page[run->n - 1].id
                                         : ulid_make(run->ask.to + DAY_MS, 0, 0);

    store_sessions(run->reporting->store, &after, PAGE_SESSIONS, on_sessions, run);
}

static void next(struct run *run)
{
    for (int i = 0; i < ROWS_A_TURN && run->at < run->n; i++) {
        begin_measure(run);
        run->damaged = run->resumed = 0;
        run->next_seq = 1;
        if (take_row(run) && run->measure.seq == run->page[run->at].last_seq) {
            add_session(run);
            continue;
        }
        begin_measure(run);
        if (!must_wait(run))
            read_records(run);
        return;
    }
    if (run->at == run->n && run->last)
        finish(run, NULL);
    else if (run->at == run->n && !must_wait(run))
        next_page(run);
    else if (run->at < run->n && !must_wait(run))
        run->pause = loop_timer_add(run->reporting->loop, 0, on_pause_over, run);
}

/* ---- Once a day --------------------------------------------------------------------------- */

static void on_passed(void *arg, struct report *report, const char *why)
{
    (void)arg, (void)report, (void)why; /* its rows are what it was for */
}

static void pass(void *arg)
{
    static const struct reporting_fn fn = { NULL, on_passed };
    struct reporting *reporting = arg;
    const int64_t now = clock_wall_ms();

    reporting_start(reporting,
                    &(struct report_ask){ .now = now, .to = now, .from = now - PASS_DAYS * DAY_MS },
                    &fn, NULL);
    reporting->pass = loop_timer_add(reporting->loop, PASS_MS, pass, reporting);
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
    reporting->phrases = packs_share(dir, &err);
    if (reporting->phrases == NULL)
        LOG_WARN(NULL, "reports will not see customers who say that they told it already: %s",
                 err.text);
    free(dir);
    reporting->pass = loop_timer_add(loop, FIRST_PASS_MS, pass, reporting);
    return reporting;
}

void reporting_free(struct reporting **reporting_p)
{
    struct reporting *reporting = *reporting_p;

    *reporting_p = NULL;
    if (reporting == NULL)
        return;
    loop_timer_del(&reporting->pass);
    while (reporting->runs != NULL)
        reporting_cancel(reporting, reporting->runs->id);
    packs_unshare(&reporting->phrases);
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
    run->page_mem = arena_new(64 << 10);
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
