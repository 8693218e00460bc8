/* report_print.c - a report as JSON and as CSV. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <tandem/json.h>
#include <tandem/time.h>

#include "base/buf.h"
#include "measure/report_private.h"

static int by_name(const struct group *a, const struct group *b)
{
    return strcmp(a->name, b->name);
}

static int by_count(const struct cell *a, const struct cell *b)
{
    return a->n != b->n ? (a->n < b->n ? 1 : -1) : strcmp(a->name, b->name);
}

static void put_str(struct td_json *j, const char *key, const char *value)
{
    if (value != NULL)
        td_json_key_str(j, key, value);
}

static void put_time(struct td_json *j, const char *key, int64_t at)
{
    char text[TD_TIME_TEXT];

    td_time_format(at, text);
    td_json_key_str(j, key, text);
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void put_figures(struct td_json *j, struct figures *figures)
{
    struct figure list[FIGURES_MOST];
    const size_t n = figures_list(figures, list);

    for (size_t i = 0; i < n; i++) {
        td_json_key(j, list[i].name);
        if (list[i].known)
            td_json_num(j, list[i].value);
        else
            td_json_null(j);
    }
}

static void put_groups(struct td_json *j, struct report *report)
{
    struct group *group, *next;

    if (report->ask.by == BY_NOTHING)
        return;
    td_json_key(j, "groups");
    td_json_array(j);
    HASH_SORT(report->groups, by_name);
    HASH_ITER(hh, report->groups, group, next) {
        td_json_object(j);
        td_json_key_str(j, "name", group->name);
        put_figures(j, &group->figures);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static int64_t column_begins(const struct report_ask *ask, unsigned column)
{
    return ask->from + (ask->to - ask->from) * column / ask->columns;
}

static void put_columns(struct td_json *j, struct report *report)
{
    const struct report_ask *ask = &report->ask;

    if (ask->columns == 0)
        return;
    td_json_key(j, "columns");
    td_json_array(j);
    for (unsigned i = 0; i < ask->columns; i++) {
        td_json_object(j);
        put_time(j, "from", column_begins(ask, i));
        put_time(j, "to", column_begins(ask, i + 1));
        put_figures(j, &report->columns[i]);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

/* names: of the words; NULL: it is not shown. */
static void put_cells(struct td_json *j, const char *key, struct cell **cells,
                      const char *const names[3])
{
    struct cell *cell, *next;

    td_json_key(j, key);
    td_json_array(j);
    HASH_SORT(*cells, by_count);
    HASH_ITER(hh, *cells, cell, next) {
        td_json_object(j);
        for (int i = 0; i < 3; i++)
            if (names[i] != NULL)
                td_json_key_str(j, names[i], cell->word[i]);
        td_json_key_int(j, "count", (int64_t)cell->n);
        td_json_key_int(j, "sessions", (int64_t)cell->sessions);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_marks(struct td_json *j, uint64_t marks)
{
    td_json_key(j, "marks");
    td_json_array(j);
    for (int i = 0; i < MARKS; i++)
        if ((marks >> i & 1) != 0)
            td_json_str(j, mark_name((enum mark)i));
    td_json_array_end(j);
}

static void put_questions(struct td_json *j, const struct listed *l)
{
    if (l->n_questions == 0)
        return;
    td_json_key(j, "questions");
    td_json_array(j);
    for (size_t i = 0; i < l->n_questions; i++) {
        td_json_object(j);
        td_json_key_int(j, "seq", (int64_t)l->questions[i].seq);
        put_time(j, "at", l->questions[i].at);
        td_json_key_str(j, "why", l->questions[i].why);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_listed(struct td_json *j, const struct listed *l)
{
    char id[ULID_TEXT];

    ulid_format(&l->session, id);
    td_json_object(j);
    td_json_key_str(j, "session", id);
    put_time(j, "at", l->at);
    put_str(j, "channel", l->channel);
    put_str(j, "agent", l->agent);
    put_str(j, "intent", l->intent);
    put_str(j, "queue", l->queue);
    put_str(j, "reason", l->reason);
    put_str(j, "outcome", l->outcome);
    if (l->response_ms >= 0) {
        td_json_key(j, "response_s");
        td_json_num(j, (double)l->response_ms / 1e3);
    }
    put_marks(j, l->marks);
    put_questions(j, l);
    td_json_object_end(j);
}

void report_json(struct report *report, struct buf *out)
{
    const struct report_ask *ask = &report->ask;
    struct td_json j = { 0 };

    td_json_object(&j);
    td_json_key_int(&j, "version", 1);
    put_time(&j, "from", ask->from);
    put_time(&j, "to", ask->to);
    put_time(&j, "at", ask->now);
    if (ask->by != BY_NOTHING)
        td_json_key_str(&j, "by", report_by_name(ask->by));
    put_str(&j, "group", ask->group);
    td_json_key_int(&j, "read", (int64_t)report->n_sessions);
    td_json_key_int(&j, "incomplete", (int64_t)report->n_skipped);
    if (ask->sessions) {
        if (ask->mark < MARKS)
            td_json_key_str(&j, "mark", mark_name(ask->mark));
        td_json_key_bool(&j, "more", report->more);
        td_json_key(&j, "sessions");
        td_json_array(&j);
        for (size_t i = 0; i < report->n_listed; i++)
            put_listed(&j, &report->listed[i]);
        td_json_array_end(&j);
    } else {
        td_json_key(&j, "total");
        td_json_object(&j);
        put_figures(&j, &report->total);
        td_json_object_end(&j);
        put_groups(&j, report);
        put_columns(&j, report);
        put_cells(&j, "escalations", &report->cells,
                  (const char *const[]){ "intent", "reason", "outcome" });
        put_cells(&j, "asked", &report->slots, (const char *const[]){ "slot", "outcome", NULL });
        put_cells(&j, "failures", &report->failures,
                  (const char *const[]){ "kind", "what", "why" });
    }
    td_json_object_end(&j);
    buf_add(out, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
}

/* ---- CSV (RFC 4180) ----------------------------------------------------------------------- */

/* What a spreadsheet would take for a formula is made a text. */
static void csv(struct buf *out, const char *text)
{
    const int quoted = text[strcspn(text, ",\"\r\n")] != '\0' || strchr("=+-@\t", *text) != NULL;

    if (!quoted) {
        buf_str(out, text);
        return;
    }
    buf_char(out, '"');
    if (*text != '\0' && strchr("=+-@\t", *text) != NULL)
        buf_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            buf_char(out, '"');
        buf_char(out, *text);
    }
    buf_char(out, '"');
}

static void csv_figures(struct buf *out, const char *name, struct figures *figures)
{
    struct figure list[FIGURES_MOST];
    const size_t n = figures_list(figures, list);

    csv(out, name);
    for (size_t i = 0; i < n; i++) {
        buf_char(out, ',');
        if (list[i].known)
            buf_printf(out, "%.10g", list[i].value);
    }
    buf_str(out, "\r\n");
}

static void csv_groups(struct report *report, struct buf *out)
{
    struct figure list[FIGURES_MOST];
    const size_t n = figures_list(&report->total, list);
    struct group *group, *next;

    buf_str(out, report->ask.by != BY_NOTHING ? report_by_name(report->ask.by) : "all");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, ",%s", list[i].name);
    buf_str(out, "\r\n");
    if (report->ask.by == BY_NOTHING)
        csv_figures(out, "all", &report->total);
    HASH_SORT(report->groups, by_name);
    HASH_ITER(hh, report->groups, group, next) {
        csv_figures(out, group->name, &group->figures);
    }
}

static void csv_listed(const struct listed *l, struct buf *out)
{
    const char *const words[] = { l->channel, l->agent, l->intent, l->queue, l->reason,
                                  l->outcome };
    char id[ULID_TEXT], at[TD_TIME_TEXT];

    ulid_format(&l->session, id);
    td_time_format(l->at, at);
    buf_printf(out, "%s,%s", id, at);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        buf_char(out, ',');
        if (words[i] != NULL && *words[i] != '\0')
            csv(out, words[i]);
    }
    buf_char(out, ',');
    if (l->response_ms >= 0)
        buf_printf(out, "%.10g", (double)l->response_ms / 1e3);
    buf_char(out, ',');
    for (int i = 0, first = 1; i < MARKS; i++) {
        if ((l->marks >> i & 1) == 0)
            continue;
        buf_printf(out, "%s%s", first ? "" : " ", mark_name((enum mark)i));
        first = 0;
    }
    buf_str(out, "\r\n");
}

void report_csv(struct report *report, struct buf *out)
{
    if (!report->ask.sessions) {
        csv_groups(report, out);
        return;
    }
    buf_str(out, "session,at,channel,agent,intent,queue,reason,outcome,response_s,marks\r\n");
    for (size_t i = 0; i < report->n_listed; i++)
        csv_listed(&report->listed[i], out);
}
