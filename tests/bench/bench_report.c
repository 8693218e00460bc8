/*
 * bench_report.c - what a report of many sessions costs, beside reading the same rows and no more.
 *
 * bench_report URL [SESSIONS]: writes conversations of 32 records, every fourth with a handoff to a
 * human and 13 more, then goes over all of them twice, page by page as the daemon does: once only
 * reading, once folding what was read into a report. A row: sessions, records, ms of reading alone,
 * ms of the report, their ratio, sessions/s of the report, and the longest time that the loop's
 * thread was busy with one page, in us.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "engine/policy.h"
#include "engine/record.h"
#include "measure/report.h"
#include "tests/store_pump.h"

#define PAGE 64 /* as in daemon/reporting.c */
#define RECORDS 64
#define START INT64_C(1795424400000)

static struct pump pump;
static struct store *store;

static struct ulid session(size_t i)
{
    return ulid_make(START + (int64_t)i * 1000, 0, i + 1);
}

/* ---- Writing ------------------------------------------------------------------------------ */

struct writing {
    struct buf facts[RECORDS], bodies[RECORDS];
    struct store_record records[RECORDS];
    size_t n;
    int64_t at;
};

static void put(struct writing *w, struct record record)
{
    record.seq = w->n + 1;
    record.at = w->at += 700;
    buf_clear(&w->facts[w->n]);
    buf_clear(&w->bodies[w->n]);
    record_encode(&record, &w->facts[w->n]);
    record_encode_body(&record.body, &w->bodies[w->n]);
    w->records[w->n] = (struct store_record){
        .seq = record.seq, .data = w->facts[w->n].data, .data_len = w->facts[w->n].len,
        .body = w->bodies[w->n].len > 0 ? w->bodies[w->n].data : NULL,
        .body_len = w->bodies[w->n].len,
    };
    w->n++;
}

static void talk(struct writing *w, int turns)
{
    for (int i = 0; i < turns; i++) {
        put(w, (struct record){ .type = RECORD_MESSAGE, .ext_id = "m-17", .body.text =
            "My order A-10023 should have been here on Tuesday, and the parcel has not come." });
        put(w, (struct record){ .type = RECORD_TURN, .agent = "front", .upto = w->n,
                                .cause = "message", .deadline = w->at + 30000,
                                .policy = "0123456789abcdef" });
        put(w, (struct record){ .type = RECORD_TURN_END, .agent = "front", .upto = w->n - 1,
                                .outcome = TURN_ANSWERED, .decision = TD_RESOLVE,
                                .intent = "delivery", .confidence = 900,
                                .body.entities = "{\"order_id\":\"A-10023\"}" });
        put(w, (struct record){ .type = RECORD_REPLY, .author = TD_AI, .body.text =
            "I see. Your parcel left our house on Monday and is on its way to you." });
        put(w, (struct record){ .type = RECORD_DELIVERY, .of = w->n, .status = TD_DELIVERED });
    }
}

static void hand_over(struct writing *w, const struct ulid *id)
{
    put(w, (struct record){ .type = RECORD_HANDOFF, .handoff = *id, .queue = "support",
                            .desk = "web", .code = "frustration", .cause = "agent" });
    put(w, (struct record){ .type = RECORD_HANDOFF_STATE, .handoff = *id, .state = 2,
                            .queue = "support" });
    put(w, (struct record){ .type = RECORD_HANDOFF_STATE, .handoff = *id, .state = 3,
                            .name = "mia" });
    for (int i = 0; i < 3; i++) {
        put(w, (struct record){ .type = RECORD_REPLY, .author = TD_HUMAN, .handoff = *id,
                                .body.text = "Hello! What is your order number?" });
        put(w, (struct record){ .type = RECORD_MESSAGE, .body.text =
            "As I said, it is A-10023, and the parcel should have been here on Tuesday." });
    }
    put(w, (struct record){ .type = RECORD_STRETCH, .handoff = *id, .outcome = STRETCH_ENDED,
                            .due = w->at - 60000, .body.wrapup =
                                "{\"outcome\":\"resolved\",\"escalation\":\"right\"}" });
    put(w, (struct record){ .type = RECORD_HANDOFF_END, .handoff = *id,
                            .outcome = HANDOFF_RETURNED });
    put(w, (struct record){ .type = RECORD_RATING, .score = 4 });
    put(w, (struct record){ .type = RECORD_CLOSED, .cause = "customer" });
}

static size_t write_all(size_t sessions)
{
    static struct writing w;
    size_t records = 0;

    for (size_t i = 0; i < sessions; i++) {
        const struct ulid id = session(i);
        struct answer answer = { 0 };

        w.n = 0;
        w.at = START + (int64_t)i * 1000;
        put(&w, (struct record){ .type = RECORD_OPENED, .channel = "web", .kind = "webchat",
                                 .body.peer = "browser-1" });
        put(&w, (struct record){ .type = RECORD_OWNER, .owner = TD_OWNER_AGENT, .name = "front",
                                 .epoch = 1 });
        talk(&w, 6);
        if (i % 4 == 0)
            hand_over(&w, &id);
        store_append(store, &(struct store_batch){
            .session = id, .records = w.records, .n_records = w.n, .now = w.at,
            .wake_at = STORE_WAKE_NEVER }, answer_append, &answer);
        pump_until(&pump, &answer.done);
        records += w.n;
        answer_fini(&answer);
    }
    for (size_t i = 0; i < RECORDS; i++) {
        buf_fini(&w.facts[i]);
        buf_fini(&w.bodies[i]);
    }
    return records;
}

/* ---- Reading ------------------------------------------------------------------------------ */

struct reading {
    struct report *report; /* NULL: nothing is folded */
    const struct policy *policy;
    struct arena *arena, *records;
    struct measure measure;
    struct ulid session;
    uint64_t next;
    int more, done;
    int64_t longest_us;
};

static void on_page(void *arg, enum store_status status, const struct store_record *records,
                    size_t n, int more)
{
    struct reading *r = arg;
    const int64_t from = clock_mono_us();

    if (status != STORE_OK)
        abort();
    arena_reset(r->records);
    for (size_t i = 0; i < n && r->report != NULL; i++) {
        struct record record;
        struct err err;

        if (record_decode(records[i].data, records[i].data_len, r->records, &record, &err) != 0 ||
            record_decode_body(records[i].body, records[i].body_len, r->records, &record.body,
                               &err) != 0)
            abort();
        measure_apply(&r->measure, &record);
    }
    r->next += n;
    r->more = more;
    if (r->report != NULL && !more)
        report_add(r->report, &r->session, &r->measure, r->policy);
    if (clock_mono_us() - from > r->longest_us)
        r->longest_us = clock_mono_us() - from;
    r->done = 1;
}

/* ms */
static double go_over(struct reading *r, size_t sessions)
{
    const int64_t from = clock_mono_us();

    for (size_t i = sessions; i-- > 0;) {
        r->session = session(i);
        r->next = 1;
        arena_reset(r->arena);
        measure_init(&r->measure, r->arena, NULL, 1);
        do {
            r->done = 0;
            store_read(store, &r->session, r->next, PAGE, on_page, r);
            pump_until(&pump, &r->done);
        } while (r->more);
    }
    return (double)(clock_mono_us() - from) / 1e3;
}

int main(int argc, char **argv)
{
    const size_t sessions = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    const struct policy_queue queue = { .name = "support" };
    const struct policy policy = { .queues = &queue, .n_queues = 1 };
    const struct report_ask ask = { .from = START - 1, .to = START + INT64_C(86400000) * 365,
                                    .now = START + INT64_C(86400000) * 365, .by = BY_QUEUE };
    struct reading reading = { .policy = &policy };
    struct store_conf conf;
    struct buf json = { 0 };
    struct err err;

    if (argc < 2) {
        fputs("usage: bench_report URL [SESSIONS]\n", stderr);
        return 2;
    }
    pump_init(&pump);
    conf = pump_conf(&pump);
    conf.unsafe_no_sync = 1; /* writing is not what is measured */
    store = store_open(argv[1], &conf, &err);
    if (store == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const size_t records = write_all(sessions);
    reading.arena = arena_new(64 << 10);
    reading.records = arena_new(64 << 10);
    go_over(&reading, sessions); /* so that both find the same in the caches */
    const double read_ms = go_over(&reading, sessions);
    reading.report = report_new(&ask);
    reading.longest_us = 0;
    const double report_ms = go_over(&reading, sessions);
    report_json(reading.report, &json);
    printf("%zu %zu %.0f %.0f %.2f %.0f %lld\n", sessions, records, read_ms, report_ms,
           report_ms / read_ms, (double)sessions / report_ms * 1e3,
           (long long)reading.longest_us);
    report_free(&reading.report);
    arena_free(&reading.arena);
    arena_free(&reading.records);
    buf_fini(&json);
    store_close(&store);
    return 0;
}
