/* report.c - asks for a report, says how far it is, shows it. */
#include "config.h"

#include "ctl/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/table.h"

#define PATH "/api/v1/report"

enum unit { HEAD, COUNT, SHARE, MEAN, TIME };

static const struct {
    const char *name, *label;
    enum unit unit;
} rows[] = {
    { NULL, "sessions", HEAD },
    { "sessions", "seen by an agent", COUNT },
    { "escalated", "escalated", COUNT },
    { "escalation_rate", "escalation rate", SHARE },
    { "containment", "contained", SHARE },
    { "verified_containment", "verified (no return in 24 h)", SHARE },
    { "resolved", "resolved", COUNT },
    { "resolution_contained", "resolution without a human", SHARE },
    { "resolution_human", "resolution with one", SHARE },
    { "resolution_p50_s", "time to resolution p50", TIME },
    { "resolution_p95_s", "time to resolution p95", TIME },
    { NULL, "escalations", HEAD },
    { "escalations", "all", COUNT },
    { "responses", "answered by a human", COUNT },
    { "waiting", "waiting now", COUNT },
    { "abandoned", "abandoned", COUNT },
    { "response_p50_s", "time to human response p50", TIME },
    { "response_p90_s", "time to human response p90", TIME },
    { "response_p95_s", "time to human response p95", TIME },
    { "business_p50_s", "in the queue's hours p50", TIME },
    { "business_p95_s", "in the queue's hours p95", TIME },
    { "unanswered_15m", "unanswered after 15 min", SHARE },
    { "unanswered_1h", "unanswered after 1 h", SHARE },
    { "unanswered_24h", "unanswered after 24 h", SHARE },
    { "queue_p50_s", "in the queue p50", TIME },
    { "queue_p95_s", "in the queue p95", TIME },
    { "handling_p50_s", "handling p50", TIME },
    { "human_resolution_p50_s", "escalation to resolution p50", TIME },
    { NULL, "said again to the human", HEAD },
    { "reexplain_of", "sessions looked at", COUNT },
    { "re_explain_rate", "customer repeats", SHARE },
    { "re_ask_rate", "human asks again", SHARE },
    { "resolved_without_repetition", "resolved without repetition", SHARE },
    { NULL, "timing", HEAD },
    { "on_time", "on time", COUNT },
    { "late", "late", COUNT },
    { "late_messages_p50", "late by messages p50", COUNT },
    { "late_p50_s", "late by p50", TIME },
    { "early", "early", COUNT },
    { "wrong_reason", "for the wrong reason", COUNT },
    { "missed", "missed", COUNT },
    { "needless", "needless", COUNT },
    { "precision", "precision", SHARE },
    { "recall", "recall", SHARE },
    { NULL, "agents", HEAD },
    { "clarify_per_resolved", "clarifying turns a resolved session", MEAN },
    { "agent_failures", "failures", COUNT },
    { "unanswered_questions", "questions without an answer", COUNT },
    { "misunderstood_answers", "answers that were not understood", COUNT },
    { "drop_off", "gone when asked for something", SHARE },
    { NULL, "conversion", HEAD },
    { "converted", "converted", COUNT },
    { "conversion_contained", "not escalated", SHARE },
    { "conversion_human", "after a human", SHARE },
    { NULL, "satisfaction (of 5)", HEAD },
    { "csat_contained_mean", "not escalated", MEAN },
    { "csat_human_mean", "after a human", MEAN },
    { NULL, "promises", HEAD },
    { "promises_made", "made", COUNT },
    { "promises_kept", "kept", COUNT },
    { "promises_broken", "broken", COUNT },
};

#define N_ROWS (sizeof rows / sizeof *rows)

/* "3m30s"; two units are enough for people. */
static char *duration(double seconds)
{
    const long s = lround(seconds);

    if (seconds < 10)
        return mem_printf("%.3gs", seconds);
    if (s < 60)
        return mem_printf("%lds", s);
    if (s < 3600)
        return mem_printf("%ldm%02lds", s / 60, s % 60);
    if (s < 86400)
        return mem_printf("%ldh%02ldm", s / 3600, s / 60 % 60);
    return mem_printf("%ldd%02ldh", s / 86400, s / 3600 % 24);
}

static char *shown(const cJSON *figures, const char *name, enum unit unit)
{
    double value;

    if (!td_json_get_num(figures, name, &value))
        return mem_strdup("-");
    return unit == SHARE  ? mem_printf("%.1f%%", value * 100)
           : unit == MEAN ? mem_printf("%.2f", value)
           : unit == TIME ? duration(value)
                          : mem_printf("%.0f", value);
}

static void print_total(const cJSON *total, struct buf *out)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (rows[i].unit == HEAD) {
            buf_printf(out, "\n%s\n", rows[i].label);
            continue;
        }
        char *text = shown(total, rows[i].name, rows[i].unit);
        buf_printf(out, "  %-36s %s\n", rows[i].label, text);
        free(text);
    }
}

/* What fits into a line, of each group. */
static void print_groups(const cJSON *report, struct buf *out)
{
    static const struct {
        const char *name, *head;
        enum unit unit;
    } columns[] = {
        { "sessions", "sessions", COUNT },      { "escalations", "escalations", COUNT },
        { "responses", "answered", COUNT },     { "waiting", "waiting", COUNT },
        { "abandoned", "left", COUNT },         { "response_p50_s", "p50", TIME },
        { "response_p90_s", "p90", TIME },      { "response_p95_s", "p95", TIME },
        { "unanswered_1h", "open>1h", SHARE },  { "re_explain_rate", "repeats", SHARE },
        { "re_ask_rate", "asked", SHARE },      { "resolution_human", "resolved", SHARE },
    };
    const char *heads[sizeof columns / sizeof *columns + 2] = { NULL };
    const cJSON *groups = td_json_get(report, "groups"), *group;
    const char *by = td_json_get_str(report, "by");
    cJSON *table = cJSON_CreateArray();

    heads[0] = by;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        heads[i + 1] = columns[i].head;
    cJSON_ArrayForEach(group, groups) {
        cJSON *row = cJSON_CreateObject();
        const char *name = td_json_get_str(group, "name");

        cJSON_AddStringToObject(row, by, name ? name : "?");
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
            char *text = shown(group, columns[i].name, columns[i].unit);
            cJSON_AddStringToObject(row, columns[i].head, text);
            free(text);
        }
        cJSON_AddItemToArray(table, row);
    }
    buf_char(out, '\n');
    table_print(table, heads, out);
    cJSON_Delete(table);
}

static void print_report(const cJSON *report, struct buf *out)
{
    static const struct {
        const char *name, *columns[6];
    } tables[] = {
        { "escalations", { "intent", "reason", "outcome", "count", NULL } },
        { "asked", { "slot", "outcome", "count", NULL } },
        { "failures", { "kind", "what", "why", "count", "sessions", NULL } },
    };
    static const char *const listed[] = { "session", "at", "channel", "intent", "queue", "reason",
                                          "outcome", "response_s", NULL };
    const cJSON *sessions = td_json_get(report, "sessions");
    const char *from = td_json_get_str(report, "from"), *to = td_json_get_str(report, "to");

    if (cJSON_IsArray(sessions)) {
        if (cJSON_GetArraySize(sessions) == 0)
            buf_str(out, "no sessions\n");
        else
            table_print(sessions, listed, out);
        if (cJSON_IsTrue(td_json_get(report, "more")))
            buf_str(out, "there are more: ask for less time\n");
        return;
    }
    buf_printf(out, "sessions that began from %s to %s\n", from ? from : "?", to ? to : "?");
    print_total(td_json_get(report, "total"), out);
    if (cJSON_GetArraySize(td_json_get(report, "groups")) > 0)
        print_groups(report, out);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const cJSON *rows_of = td_json_get(report, tables[i].name);
        if (cJSON_GetArraySize(rows_of) == 0)
            continue;
        buf_char(out, '\n');
        table_print(rows_of, tables[i].columns, out);
    }
}

/* ---- Asking ------------------------------------------------------------------------------- */

struct asked {
    const struct args *args;
    int shown, is_progress, code;
};

/* A client_data_fn. */
static int on_event(void *arg, const char *data)
{
    struct asked *asked = arg;
    cJSON *tree = cJSON_Parse(data);
    const cJSON *report = td_json_get(tree, "report");
    const char *message = td_json_get_str(td_json_get(tree, "error"), "message");
    double read;

    if (td_json_get_num(tree, "read", &read)) {
        fprintf(stderr, isatty(2) ? "\r%.0f sessions read" : "%.0f sessions read\n", read);
        asked->is_progress = 1;
        cJSON_Delete(tree);
        return 0;
    }
    if (asked->is_progress && isatty(2))
        fputs("\r\033[K", stderr);
    asked->shown = 1;
    if (message) {
        fprintf(stderr, "tandemctl: refused: %s\n", message);
        asked->code = CTL_REFUSED;
    } else if (asked->args->json) {
        char *json = cJSON_PrintUnformatted(report);
        puts(json ? json : "null");
        cJSON_free(json);
    } else {
        struct buf out = { 0 };
        print_report(report, &out);
        fwrite(out.data, 1, out.len, stdout);
        buf_fini(&out);
    }
    cJSON_Delete(tree);
    return fflush(stdout) != 0;
}

static int refused(const struct buf *body, int status)
{
    cJSON *tree = body->len > 0 ? cJSON_ParseWithLength(body->data, body->len) : NULL;
    const char *message = td_json_get_str(td_json_get(tree, "error"), "message");

    if (message)
        fprintf(stderr, "tandemctl: refused: %s\n", message);
    else
        fprintf(stderr, "tandemctl: refused with HTTP status %d\n", status);
    if (status == 401)
        fputs("tandemctl: give the token with --token-file FILE\n", stderr);
    cJSON_Delete(tree);
    return status == 400 ? CTL_USAGE : CTL_REFUSED;
}

static int follow(const struct args *args, const char *path)
{
    struct asked asked = { .args = args, .code = CTL_OK };
    struct buf body = { 0 };
    struct err err;
    const int status = client_follow(&args->client, path, on_event, &asked, &body, &err);
    int code = asked.code;

    if (status < 0) {
        fprintf(stderr, "tandemctl: %s\n", err.text);
        code = CTL_UNREACHABLE;
    } else if (status != 200) {
        code = refused(&body, status);
    } else if (!asked.shown && !client_stopped(&args->client)) {
        fputs("tandemctl: tandemd ended before the report was done\n", stderr);
        code = CTL_UNREACHABLE;
    }
    buf_fini(&body);
    return code;
}

static int print_csv(const struct args *args, const char *path)
{
    struct buf body = { 0 };
    struct err err;
    const int status = client_call(&args->client, "GET", path, NULL, &body, &err);
    int code = CTL_OK;

    if (status < 0) {
        fprintf(stderr, "tandemctl: %s\n", err.text);
        code = CTL_UNREACHABLE;
    } else if (status != 200) {
        code = refused(&body, status);
    } else {
        fwrite(body.data, 1, body.len, stdout);
    }
    buf_fini(&body);
    return code;
}

/* Anything but letters and digits is written as %XX: names of queues may hold what they like. */
static void add(struct buf *path, const char *key, const char *value)
{
    if (!value)
        return;
    buf_printf(path, "&%s=", key);
    for (const unsigned char *s = (const unsigned char *)value; *s; s++) {
        if ((*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z'))
            buf_char(path, (char)*s);
        else
            buf_printf(path, "%%%02X", *s);
    }
}

int report_run(const struct args *args)
{
    struct buf path = { 0 };
    int code;

    buf_str(&path, args->csv ? PATH "?format=csv" : PATH "?stream=1");
    add(&path, "from", args->from);
    add(&path, "to", args->to);
    add(&path, "by", args->by);
    add(&path, "group", args->group);
    add(&path, "sessions", args->sessions);
    code = args->csv ? print_csv(args, path.data) : follow(args, path.data);
    buf_fini(&path);
    return code;
}
