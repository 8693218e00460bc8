/* reports.c - requests for reports and their answers. */
#include "config.h"

#include "daemon/reports.h"

#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "daemon/events.h"
#include "daemon/report_query.h"
#include "daemon/reporting.h"
#include "io/web.h"

#define MAX_QUEUE (8 << 20) /* bytes of a report that wait for a slow reader */

static const char slow_text[] = "data: {\"error\":{\"code\":\"slow\",\"message\":\"you read too "
                                "slowly\"}}\n\n";

struct wanted {
    struct wanted *prev, *next;
    struct reports *reports;
    uint64_t request;
    unsigned run;
    int csv, stream;
};

struct reports {
    struct web *web;
    struct reporting *reporting;
    struct wanted *wanted;
    char why[1024];
};

static void drop(struct wanted *wanted)
{
    DL_DELETE(wanted->reports->wanted, wanted);
    free(wanted);
}

static void send_event(const struct wanted *wanted, const char *key, const char *json, size_t len)
{
    struct buf text = { 0 };

    buf_printf(&text, "data: {\"%s\":", key);
    buf_add(&text, json, len);
    buf_str(&text, "}\n\n");
    web_stream_send(wanted->reports->web, wanted->request, text.data, text.len);
    buf_fini(&text);
}

static void reply(const struct wanted *wanted, int status, const struct buf *text)
{
    static const struct td_header headers[] = {
        { "cache-control", "no-store" },
        { "content-disposition", "attachment; filename=\"report.csv\"" },
    };

    web_reply(wanted->reports->web, wanted->request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = status, .headers = headers,
        .n_headers = wanted->csv && status == 200 ? 2 : 1,
        .content_type = wanted->csv && status == 200 ? "text/csv; charset=utf-8" : NULL,
        .body = text->data, .body_len = text->len,
    });
}

static void on_progress(void *arg, size_t read)
{
    const struct wanted *wanted = arg;
    struct buf text = { 0 };

    if (!wanted->stream)
        return;
    buf_printf(&text, "%zu", read);
    send_event(wanted, "read", text.data, text.len);
    buf_fini(&text);
}

static void failed(const struct wanted *wanted, const char *why, struct buf *out)
{
    struct td_json j = { 0 };

    td_json_object(&j);
    if (!wanted->stream) {
        td_json_key(&j, "error");
        td_json_object(&j);
    }
    td_json_key_str(&j, "code", "busy");
    td_json_key_str(&j, "message", why);
    if (!wanted->stream)
        td_json_object_end(&j);
    td_json_object_end(&j);
    buf_add(out, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
}

static void on_done(void *arg, struct report *report, const char *why)
{
    struct wanted *wanted = arg;
    struct web *web = wanted->reports->web;
    struct buf text = { 0 };

    if (report == NULL)
        failed(wanted, why, &text);
    else if (wanted->csv)
        report_csv(report, &text);
    else
        report_json(report, &text);
    if (wanted->stream) {
        send_event(wanted, report != NULL ? "report" : "error", text.data, text.len);
        web_stream_end(web, wanted->request);
    } else {
        reply(wanted, report != NULL ? 200 : 503, &text);
    }
    buf_fini(&text);
    drop(wanted);
}

/* A web_stream_closed: nobody waits for it. */
static void on_closed(void *arg, uint64_t request)
{
    struct reports *reports = arg;
    struct wanted *wanted = reports->wanted;

    while (wanted != NULL && wanted->request != request)
        wanted = wanted->next;
    if (wanted == NULL)
        return;
    reporting_cancel(reports->reporting, wanted->run);
    drop(wanted);
}

static void open_stream(struct reports *reports, uint64_t request)
{
    web_stream(reports->web, request,
               &(struct td_web_reply){ .size = sizeof(struct td_web_reply), .status = 200,
                                       .content_type = "text/event-stream" },
               &(struct web_stream_conf){ .max_queue = MAX_QUEUE, .slow = slow_text,
                                          .closed = on_closed, .arg = reports });
}

const char *reports_get(struct reports *reports, const struct td_web_request *request,
                        int *status_r)
{
    static const struct reporting_fn fn = { on_progress, on_done };
    struct report_query query;
    struct wanted *wanted;
    char stream[2] = "0";

    *status_r = 400;
    if (report_query_parse(request->query, clock_wall_ms(), &query, reports->why,
                           sizeof reports->why) != 0)
        return reports->why;
    query_get(request->query, "stream", stream, sizeof stream);
    if (query.csv && *stream == '1')
        return "stream goes with JSON only: leave out format=csv";
    wanted = mem_alloc(sizeof *wanted);
    *wanted = (struct wanted){ .reports = reports, .request = request->id, .csv = query.csv,
                               .stream = *stream == '1' };
    wanted->run = reporting_start(reports->reporting, &query.ask, &fn, wanted);
    if (wanted->run == 0) {
        free(wanted);
        *status_r = 503;
        return "too many reports are being made already: try again when one is done";
    }
    DL_APPEND(reports->wanted, wanted);
    if (wanted->stream)
        open_stream(reports, request->id);
    return NULL;
}

struct reports *reports_new(struct loop *loop, struct web *web, struct store *store,
                            struct gate *gate)
{
    struct reports *reports = mem_alloc(sizeof *reports);

    reports->web = web;
    reports->reporting = reporting_new(loop, store, gate);
    return reports;
}

void reports_free(struct reports **reports_p)
{
    struct reports *reports = *reports_p;

    *reports_p = NULL;
    if (reports == NULL)
        return;
    reporting_free(&reports->reporting);
    while (reports->wanted != NULL) {
        if (reports->wanted->stream)
            web_stream_end(reports->web, reports->wanted->request);
        drop(reports->wanted);
    }
    free(reports);
}
