/* fake_host.c - a recording host: what a plugin tells it, and which calls are against the rules. */
#include "config.h"

#include "kit/fake_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fake_host_private.h"

void fake_broken(const struct fake *f, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "fake host: instance %s: ", f->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

void fake_fault(const struct fake *f, int rule, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (f->ear.fault == NULL)
        fake_broken(f, "%s", text);
    f->ear.fault(f->ear.arg, rule, text);
}

void fake_before(struct fake *f, const char *op)
{
    f->calls = 0;
    f->op = op;
    if (f->ear.before != NULL)
        f->ear.before(f->ear.arg, op);
}

void fake_after(struct fake *f, const char *op)
{
    f->op = "";
    if (f->ear.after != NULL)
        f->ear.after(f->ear.arg, op);
}

struct fake *fake_enter(struct td_instance *inst, const char *what)
{
    struct fake *f = inst->fake;

    if (!pthread_equal(f->thread, pthread_self())) {
        fake_fault(f, 2, "%s() was called from a thread of the plugin's: only post() may be; "
                   "post() a function that calls it", what);
        return NULL;
    }
    if (f->closed) {
        fake_fault(f, 7, "%s() was called after close(): stop timers, watches, jobs and threads in "
                   "close()", what);
        return NULL;
    }
    if (f->calls++ == FAKE_MAX_CALLS)
        fake_fault(f, 11, "the host was called more than %d times out of one call, last by %s(): "
                   "hand in a part and go on in a timer", FAKE_MAX_CALLS, what);
    return f->calls > FAKE_MAX_CALLS ? NULL : f;
}

struct fake_call *fake_add(struct fake *f, enum fake_what what, uint64_t id)
{
    struct fake_record *r = fake_keep(&f->mem, NULL, sizeof(struct td_http));

    r->call = (struct fake_call){ .what = what, .id = id, .at_ms = f->now_ms,
                                  .out_of = f->op };
    *f->records_end = r;
    f->records_end = &r->next;
    return &r->call;
}

void fake_job_add(struct fake *f, struct fake_job **jobs, uint64_t id)
{
    struct fake_job *job = fake_keep(&f->mem, NULL, sizeof *job);

    *job = (struct fake_job){ .next = *jobs, .id = id };
    *jobs = job;
}

static struct fake_job *fake_job_find(struct fake_job *job, uint64_t id, int open)
{
    while (job != NULL && (job->id != id || (open && job->state != JOB_OPEN)))
        job = job->next;
    return job;
}

int fake_job_end(struct fake_job *jobs, uint64_t id, enum fake_job_state state)
{
    struct fake_job *job = fake_job_find(jobs, id, 1);

    if (job != NULL)
        job->state = state;
    return job != NULL;
}

int fake_job_answer(const struct fake *f, struct fake_job *jobs, uint64_t id, const char *what,
                    const char *to)
{
    const struct fake_job *job = fake_job_find(jobs, id, 0);

    if (fake_job_end(jobs, id, JOB_ANSWERED))
        return 1;
    if (job == NULL)
        fake_fault(f, 6, "%s() came for job %llu, which this instance was never given: keep the "
                   "job that %s() brought", what, (unsigned long long)id, to);
    else if (job->state == JOB_CANCELLED)
        fake_fault(f, 6, "%s() came for job %llu after its cancel(): forget a job that is "
                   "cancelled", what, (unsigned long long)id);
    else
        fake_fault(f, 6, "%s() came twice for job %llu: each %s() is answered exactly once", what,
                   (unsigned long long)id, to);
    return 0;
}

unsigned fake_unanswered(const struct fake *f)
{
    unsigned n = 0;

    for (const struct fake_job *job = f->jobs; job != NULL; job = job->next)
        n += job->state == JOB_OPEN;
    for (const struct fake_job *job = f->offers; job != NULL; job = job->next)
        n += job->state == JOB_OPEN;
    return n;
}

int fake_job_is_open(const struct fake *f, uint64_t job)
{
    return fake_job_find(f->jobs, job, 1) != NULL;
}

unsigned fake_asked(const struct fake *f)
{
    unsigned n = 0;

    for (const struct fake_job *job = f->asked; job != NULL; job = job->next)
        n += job->state == JOB_OPEN;
    return n;
}

/* ---- What the plugin calls ---------------------------------------------------------------- */

static const char *host_name(struct td_instance *inst)
{
    return fake_enter(inst, "name") != NULL ? inst->fake->name : "";
}

static void TD_PRINTF(3, 4) host_log(struct td_instance *inst, enum td_level level,
                                     const char *fmt, ...)
{
    struct fake *f = fake_enter(inst, "log");
    struct fake_call *call;
    char text[2048];
    va_list ap;

    if (f == NULL)
        return;
    call = fake_add(f, FAKE_LOG, 0);
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    call->level = level;
    call->text = fake_str(&f->mem, text);
    call->len = strlen(text);
}

static void host_count(struct td_instance *inst, const char *what, uint64_t n)
{
    struct fake *f = fake_enter(inst, "count");
    struct fake_counter *c = f != NULL ? f->counters : NULL;

    if (f == NULL)
        return;
    while (c != NULL && strcmp(c->what, what) != 0)
        c = c->next;
    if (c == NULL) {
        c = fake_keep(&f->mem, NULL, sizeof *c);
        *c = (struct fake_counter){ .next = f->counters, .what = fake_str(&f->mem, what) };
        f->counters = c;
    }
    c->n += n;
}

static void host_key(struct td_instance *inst, const char *purpose, uint8_t out[32])
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    fake_enter(inst, "key");
    for (const char *p = purpose; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    for (int i = 0; i < 32; i++) {
        h = (h ^ (unsigned)i) * UINT64_C(0x100000001b3);
        out[i] = (uint8_t)(h >> 32);
    }
}

static int64_t host_now(struct td_instance *inst)
{
    return fake_enter(inst, "now") != NULL ? inst->fake->now_ms : FAKE_START_MS;
}

static void host_deliver(struct td_instance *inst, uint64_t delivery, const struct td_inbound *in)
{
    struct fake *f = fake_enter(inst, "deliver");

    if (f == NULL)
        return;
    if (in->message == NULL || in->message->id == NULL) {
        fake_fault(f, 10, "deliver() came without a message or without its id: give each message "
                   "an id that is the same when it is delivered again");
        return;
    }
    fake_job_add(f, &f->asked, delivery);
    fake_add(f, FAKE_DELIVER, delivery)->in = fake_inbound(&f->mem, in);
}

static void host_attach(struct td_instance *inst, uint64_t job, const struct td_attach *attach)
{
    struct fake *f = fake_enter(inst, "attach");

    if (f == NULL)
        return;
    fake_job_add(f, &f->asked, job);
    fake_add(f, FAKE_ATTACH, job)->attach = fake_attach(&f->mem, attach);
}

static void host_detach(struct td_instance *inst, const char *session)
{
    struct fake *f = fake_enter(inst, "detach");

    if (f == NULL)
        return;
    fake_add(f, FAKE_DETACH, 0)->text = fake_str(&f->mem, session);
}

static void host_event(struct td_instance *inst, const struct td_event *event)
{
    struct fake *f = fake_enter(inst, "event");

    if (f == NULL)
        return;
    fake_add(f, FAKE_EVENT, 0)->event = fake_event_copy(&f->mem, event);
}

static void host_sent(struct td_instance *inst, uint64_t job, const struct td_sent *sent)
{
    struct fake *f = fake_enter(inst, "sent");

    if (f == NULL || !fake_job_answer(f, f->jobs, job, "sent",
                                      f->plugin->kind == TD_DESK ? "relay" : "send"))
        return;
    fake_add(f, FAKE_SENT, job)->sent = fake_sent(&f->mem, sent);
}

static void host_answer(struct td_instance *inst, uint64_t job, const struct td_answer *answer)
{
    struct fake *f = fake_enter(inst, "answer");

    if (f == NULL || !fake_job_answer(f, f->jobs, job, "answer", "ask"))
        return;
    fake_add(f, FAKE_ANSWER, job)->answer = fake_answer(&f->mem, answer);
}

static void host_delta(struct td_instance *inst, uint64_t job, const char *text)
{
    struct fake *f = fake_enter(inst, "delta");

    if (f == NULL)
        return;
    if (!fake_job_is_open(f, job)) {
        fake_fault(f, 6, "delta() came for job %llu, which is not open: parts end with answer() "
                   "or cancel()", (unsigned long long)job);
        return;
    }
    fake_add(f, FAKE_DELTA, job)->text = fake_str(&f->mem, text);
}

static void host_file(struct td_instance *inst, uint64_t job, const struct td_file *file)
{
    struct fake *f = fake_enter(inst, "file");

    if (f == NULL)
        return;
    fake_job_add(f, &f->asked, job);
    fake_add(f, FAKE_FILE, job)->file = fake_file(&f->mem, file);
}

static const struct td_host host = {
    .size = sizeof host,
    .name = host_name,
    .log = host_log,
    .count = host_count,
    .key = host_key,
    .now = host_now,
    .deliver = host_deliver,
    .attach = host_attach,
    .detach = host_detach,
    .event = host_event,
    .sent = host_sent,
    .answer = host_answer,
    .timer_add = fake_host_timer_add,
    .timer_del = fake_host_timer_del,
    .watch_fd = fake_host_watch_fd,
    .watch_del = fake_host_watch_del,
    .post = fake_host_post,
    .http_start = fake_host_http_start,
    .http_cancel = fake_host_http_cancel,
    .route = fake_host_route,
    .reply = fake_host_reply,
    .ws_listen = fake_host_ws_listen,
    .ws_send = fake_host_ws_send,
    .ws_close = fake_host_ws_close,
    .delta = host_delta,
    .file = host_file,
    .offered = fake_host_offered,
    .desk = fake_host_desk,
    .human = fake_host_human,
    .route_with = fake_host_route_with,
    .stream = fake_host_stream,
    .stream_send = fake_host_stream_send,
    .stream_end = fake_host_stream_end,
    .keep = fake_host_keep,
    .report = fake_host_report,
    .notice = fake_host_notice,
};

const struct td_host *fake_host(void)
{
    return &host;
}
