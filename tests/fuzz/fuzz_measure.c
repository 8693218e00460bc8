/*
 * fuzz_measure.c - rows of measures and of the journal as a damaged store could hold them.
 *
 * Lines: a row (may be empty), then for each record facts and body. Whatever decodes must encode to
 * a row that brings back the same, and give figures that are in their ranges.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/policy.h"
#include "engine/record.h"
#include "measure/report.h"
#include "measure/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_queue queues[] = { { .name = "first" } };
static const struct policy policy = { .queues = queues, .n_queues = 1 };

struct line {
    const char *text;
    size_t len;
};

static struct line next_line(const char **at, const char *end)
{
    const char *start = *at, *stop = memchr(start, '\n', (size_t)(end - start));

    *at = stop != NULL ? stop + 1 : end;
    return (struct line){ start, (size_t)((stop != NULL ? stop : end) - start) };
}

static void check_figures(const struct measure *m)
{
    const struct figures_view view = { .now = m->active_at, .policy = &policy,
                                       .escalations = FIGURES_ALL_ESCALATIONS };
    struct figures figures = { .sessions = 0 };
    struct figure list[FIGURES_MOST];
    size_t n;

    figures_add(&figures, m, &view);
    n = figures_list(&figures, list);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(list[i].value) || list[i].value < 0)
            abort();
    figures_fini(&figures);
}

static void check_row(const struct measure *m)
{
    struct arena *arena = arena_new(0);
    struct buf row = { 0 }, again = { 0 };
    struct measure back;
    struct err err;

    row_encode(m, &row);
    measure_init(&back, arena, NULL, 1);
    if (row_decode(row.data, row.len, &back, &err) != 0)
        abort();
    row_encode(&back, &again);
    if (row.len != again.len || memcmp(row.data, again.data, row.len) != 0)
        abort();
    buf_fini(&row);
    buf_fini(&again);
    arena_free(&arena);
}

static void check_report(const struct measure *m)
{
    for (int by = BY_NOTHING; by < REPORT_BYS; by++) {
        for (int sessions = 0; sessions < 2; sessions++) {
            struct report *report = report_new(&(struct report_ask){
                .from = INT64_MIN, .to = INT64_MAX, .now = m->active_at,
                .by = (enum report_by)by, .sessions = sessions, .mark = MARKS });
            struct buf out = { 0 };

            report_add(report, &(struct ulid){ { 1 } }, m, &policy);
            report_json(report, &out);
            report_csv(report, &out);
            buf_fini(&out);
            report_free(&report);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    struct line row = next_line(&at, end);
    struct arena *arena = arena_new(0);
    struct measure m;
    struct err err;

    measure_init(&m, arena, NULL, 1);
    if (row.len > 0 && row_decode(row.text, row.len, &m, &err) != 0)
        measure_init(&m, arena, NULL, 1);
    while (at < end) {
        struct line facts = next_line(&at, end), body = next_line(&at, end);
        struct record record;

        if (record_decode(facts.text, facts.len, arena, &record, &err) == 0 &&
            record_decode_body(body.text, body.len, arena, &record.body, &err) == 0)
            measure_apply(&m, &record);
    }
    check_figures(&m);
    check_row(&m);
    check_report(&m);
    arena_free(&arena);
    return 0;
}
