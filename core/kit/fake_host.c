/* fake_host.c - a recording host with a hand-cranked clock. */
#include "config.h"

#include "kit/fake_host.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kit/fake_host_private.h"

struct td_instance {
    struct fake *fake;
};

/* Timers and watches stay in memory when they are over: whoever uses one then is told so. */
struct td_timer {
    struct fake *fake;
    struct td_timer *next;
    int over;
    int64_t at_ms;
    void (*cb)(void *arg);
    void *arg;
};

struct td_watch {
    struct fake *fake;
    struct td_watch *next;
    int over;
    int fd, want_read, want_write;
    void (*cb)(void *arg, int readable, int writable);
    void *arg;
};

struct td_http {
    struct fake_record record;
};

struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
};

struct route {
    struct route *next;
    const char *path;
    td_web_cb *cb;
    void *arg;
};

struct conn {
    struct conn *next;
    uint64_t id;
    int closing; /* the code of the plugin's ws_close(); 0: open */
};

enum job_state { JOB_OPEN, JOB_ANSWERED, JOB_CANCELLED };

struct job {
    struct job *next;
    uint64_t id;
    enum job_state state;
};

struct counter {
    struct counter *next;
    const char *what;
    uint64_t n;
};

struct fake {
    struct td_instance inst;
    struct fake_mem mem;
    const char *name;
    pthread_t thread;
    pthread_mutex_t lock; /* of posts */
    struct post *posts, **posts_end;
    unsigned n_posts;
    struct fake_ear ear;
    const char *op; /* the call that is under way */
    unsigned calls; /* of the host, since the plugin was last called */
    const struct td_plugin *plugin;
    void *self;
    int opening, closed;
    struct td_error err;
    int64_t now_ms;
    uint64_t last_id;
    struct td_timer *timers; /* by time, then by age */
    struct td_watch *watches;
    struct fake_record *records, **records_end;
    struct route *routes;
    struct conn *conns;
    struct job *jobs, *asked; /* open sends or asks; deliveries and attaches to be answered */
    struct counter *counters;
    const struct td_ws_conf *ws_conf;
    const struct td_ws_ops *ws_ops;
    void *ws_arg;
    int refuse_http;
};

static void TD_PRINTF(2, 3) broken(const struct fake *f, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "fake host: instance %s: ", f->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

/* The plugin broke a rule of plugin.h. Whoever listens is told, and the call does nothing. */
static void TD_PRINTF(3, 4) fault(const struct fake *f, int rule, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (f->ear.fault == NULL)
        broken(f, "%s", text);
    f->ear.fault(f->ear.arg, rule, text);
}

/* Calls of the plugin stand between these two. */
static void before(struct fake *f, const char *op)
{
    f->calls = 0;
    f->op = op;
    if (f->ear.before != NULL)
        f->ear.before(f->ear.arg, op);
}

static void after(struct fake *f, const char *op)
{
    f->op = "";
    if (f->ear.after != NULL)
        f->ear.after(f->ear.arg, op);
}

/* NULL: the call is against the rules and must do nothing. */
static struct fake *enter(struct td_instance *inst, const char *what)
{
    struct fake *f = inst->fake;

    if (!pthread_equal(f->thread, pthread_self())) {
        fault(f, 2, "%s() was called from a thread of the plugin's: only post() may be; post() a "
              "function that calls it", what);
        return NULL;
    }
    if (f->closed) {
        fault(f, 7, "%s() was called after close(): stop timers, watches, jobs and threads in "
              "close()", what);
        return NULL;
    }
    if (f->calls++ == FAKE_MAX_CALLS)
        fault(f, 11, "the host was called more than %d times out of one call, last by %s(): hand "
              "in a part and go on in a timer", FAKE_MAX_CALLS, what);
    return f->calls > FAKE_MAX_CALLS ? NULL : f;
}

static struct fake_call *record(struct fake *f, enum fake_what what, uint64_t id)
{
    struct fake_record *r = fake_keep(&f->mem, NULL, sizeof(struct td_http));

    r->call = (struct fake_call){ .what = what, .id = id, .at_ms = f->now_ms,
                                  .out_of = f->op };
    *f->records_end = r;
    f->records_end = &r->next;
    return &r->call;
}

static void job_add(struct fake *f, struct job **jobs, uint64_t id)
{
    struct job *job = fake_keep(&f->mem, NULL, sizeof *job);

    *job = (struct job){ .next = *jobs, .id = id };
    *jobs = job;
}

static struct job *job_find(struct job *job, uint64_t id, int open)
{
    while (job != NULL && (job->id != id || (open && job->state != JOB_OPEN)))
        job = job->next;
    return job;
}

static int job_end(struct job *jobs, uint64_t id, enum job_state state)
{
    struct job *job = job_find(jobs, id, 1);

    if (job != NULL)
        job->state = state;
    return job != NULL;
}

/* The plugin answers the job; 0: it is not open, which is said. */
static int job_answer(const struct fake *f, struct job *jobs, uint64_t id, const char *what,
                      const char *to)
{
    const struct job *job = job_find(jobs, id, 0);

    if (job_end(jobs, id, JOB_ANSWERED))
        return 1;
    if (job == NULL)
        fault(f, 6, "%s() came for job %llu, which this instance was never given: keep the job "
              "that %s() brought", what, (unsigned long long)id, to);
    else if (job->state == JOB_CANCELLED)
        fault(f, 6, "%s() came for job %llu after its cancel(): forget a job that is cancelled",
              what, (unsigned long long)id);
    else
        fault(f, 6, "%s() came twice for job %llu: each %s() is answered exactly once", what,
              (unsigned long long)id, to);
    return 0;
}

unsigned fake_unanswered(const struct fake *f)
{
    unsigned n = 0;

    for (const struct job *job = f->jobs; job != NULL; job = job->next)
        n += job->state == JOB_OPEN;
    return n;
}

int fake_job_is_open(const struct fake *f, uint64_t job)
{
    return job_find(f->jobs, job, 1) != NULL;
}

unsigned fake_asked(const struct fake *f)
{
    unsigned n = 0;

    for (const struct job *job = f->asked; job != NULL; job = job->next)
        n += job->state == JOB_OPEN;
    return n;
}

/* ---- What the plugin calls ---------------------------------------------------------------- */

static const char *host_name(struct td_instance *inst)
{
    return enter(inst, "name") != NULL ? inst->fake->name : "";
}

static void TD_PRINTF(3, 4) host_log(struct td_instance *inst, enum td_level level,
                                     const char *fmt, ...)
{
    struct fake *f = enter(inst, "log");
    struct fake_call *call;
    char text[2048];
    va_list ap;

    if (f == NULL)
        return;
    call = record(f, FAKE_LOG, 0);
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    call->level = level;
    call->text = fake_str(&f->mem, text);
    call->len = strlen(text);
}

static void host_count(struct td_instance *inst, const char *what, uint64_t n)
{
    struct fake *f = enter(inst, "count");
    struct counter *c = f != NULL ? f->counters : NULL;

    if (f == NULL)
        return;
    while (c != NULL && strcmp(c->what, what) != 0)
        c = c->next;
    if (c == NULL) {
        c = fake_keep(&f->mem, NULL, sizeof *c);
        *c = (struct counter){ .next = f->counters, .what = fake_str(&f->mem, what) };
        f->counters = c;
    }
    c->n += n;
}

static void host_key(struct td_instance *inst, const char *purpose, uint8_t out[32])
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    enter(inst, "key");
    for (const char *p = purpose; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    for (int i = 0; i < 32; i++) {
        h = (h ^ (unsigned)i) * UINT64_C(0x100000001b3);
        out[i] = (uint8_t)(h >> 32);
    }
}

static int64_t host_now(struct td_instance *inst)
{
    return enter(inst, "now") != NULL ? inst->fake->now_ms : FAKE_START_MS;
}

static void host_deliver(struct td_instance *inst, uint64_t delivery, const struct td_inbound *in)
{
    struct fake *f = enter(inst, "deliver");

    if (f == NULL)
        return;
    if (in->message == NULL || in->message->id == NULL) {
        fault(f, 10, "deliver() came without a message or without its id: give each message an id "
              "that is the same when it is delivered again");
        return;
    }
    job_add(f, &f->asked, delivery);
    record(f, FAKE_DELIVER, delivery)->in = fake_inbound(&f->mem, in);
}

static void host_attach(struct td_instance *inst, uint64_t job, const struct td_attach *attach)
{
    struct fake *f = enter(inst, "attach");

    if (f == NULL)
        return;
    job_add(f, &f->asked, job);
    record(f, FAKE_ATTACH, job)->attach = fake_attach(&f->mem, attach);
}

static void host_detach(struct td_instance *inst, const char *session)
{
    struct fake *f = enter(inst, "detach");

    if (f == NULL)
        return;
    record(f, FAKE_DETACH, 0)->text = fake_str(&f->mem, session);
}

static void host_event(struct td_instance *inst, const struct td_event *event)
{
    struct fake *f = enter(inst, "event");

    if (f == NULL)
        return;
    record(f, FAKE_EVENT, 0)->event = fake_event_copy(&f->mem, event);
}

static void host_sent(struct td_instance *inst, uint64_t job, const struct td_sent *sent)
{
    struct fake *f = enter(inst, "sent");

    if (f == NULL || !job_answer(f, f->jobs, job, "sent", "send"))
        return;
    record(f, FAKE_SENT, job)->sent = fake_sent(&f->mem, sent);
}

static void host_answer(struct td_instance *inst, uint64_t job, const struct td_answer *answer)
{
    struct fake *f = enter(inst, "answer");

    if (f == NULL || !job_answer(f, f->jobs, job, "answer", "ask"))
        return;
    record(f, FAKE_ANSWER, job)->answer = fake_answer(&f->mem, answer);
}

static void host_delta(struct td_instance *inst, uint64_t job, const char *text)
{
    struct fake *f = enter(inst, "delta");
    const struct job *open = f->jobs;

    while (open != NULL && open->id != job)
        open = open->next;
    if (open == NULL)
        broken(f, "delta(%llu) for a job that is not open", (unsigned long long)job);
    record(f, FAKE_DELTA, job)->text = fake_str(&f->mem, text);
}

static struct td_timer *host_timer_add(struct td_instance *inst, uint32_t ms, void (*cb)(void *),
                                       void *arg)
{
    struct fake *f = enter(inst, "timer_add");
    struct td_timer *t, **at;

    if (f == NULL)
        return NULL;
    t = fake_keep(&f->mem, NULL, sizeof *t);
    at = &f->timers;
    *t = (struct td_timer){ .fake = f, .at_ms = f->now_ms + ms, .cb = cb, .arg = arg };
    while (*at != NULL && (*at)->at_ms <= t->at_ms)
        at = &(*at)->next;
    t->next = *at;
    *at = t;
    return t;
}

static void host_timer_del(struct td_timer **timer)
{
    struct fake *f;
    struct td_timer **at;

    if (*timer == NULL || (f = enter(&(*timer)->fake->inst, "timer_del")) == NULL)
        return;
    if ((*timer)->over) {
        fault(f, 1, "timer_del() of a timer that is gone: set the pointer to NULL first in its "
              "callback");
        *timer = NULL;
        return;
    }
    for (at = &f->timers; *at != *timer;)
        at = &(*at)->next;
    *at = (*timer)->next;
    (*timer)->over = 1;
    *timer = NULL;
}

static struct td_watch *host_watch_fd(struct td_instance *inst, int fd, int want_read,
                                      int want_write, void (*cb)(void *, int, int), void *arg)
{
    struct fake *f = enter(inst, "watch_fd");
    struct td_watch *w;

    if (f == NULL)
        return NULL;
    w = fake_keep(&f->mem, NULL, sizeof *w);
    *w = (struct td_watch){ .fake = f, .next = f->watches, .fd = fd, .want_read = want_read,
                            .want_write = want_write, .cb = cb, .arg = arg };
    f->watches = w;
    return w;
}

static void host_watch_del(struct td_watch **watch)
{
    struct fake *f;
    struct td_watch **at;

    if (*watch == NULL || (f = enter(&(*watch)->fake->inst, "watch_del")) == NULL)
        return;
    if ((*watch)->over) {
        fault(f, 1, "watch_del() of a watch that is gone: watch_del() sets the pointer to NULL");
        *watch = NULL;
        return;
    }
    for (at = &f->watches; *at != *watch;)
        at = &(*at)->next;
    *at = (*watch)->next;
    (*watch)->over = 1;
    *watch = NULL;
}

static enum td_status host_post(struct td_instance *inst, void (*fn)(void *), void *arg)
{
    struct fake *f = inst->fake;
    struct post *post;
    int closed, full;

    pthread_mutex_lock(&f->lock);
    closed = f->closed;
    full = f->n_posts >= FAKE_MAX_POSTS;
    if (!closed && !full) {
        post = malloc(sizeof *post);
        if (post == NULL)
            abort();
        *post = (struct post){ .fn = fn, .arg = arg };
        *f->posts_end = post;
        f->posts_end = &post->next;
        f->n_posts++;
    }
    pthread_mutex_unlock(&f->lock);
    if (closed)
        fault(f, 7, "post() was called after close(): join the threads in close()");
    return closed || full ? TD_RETRY : TD_OK;
}

static struct td_http *host_http_start(struct td_instance *inst,
                                       const struct td_http_request *request, td_http_cb *cb,
                                       void *arg)
{
    struct fake *f = enter(inst, "http_start");

    if (f == NULL || f->refuse_http)
        return NULL;
    struct fake_call *call = record(f, FAKE_HTTP, ++f->last_id);
    struct td_http *http = (struct td_http *)call; /* the call is its first field */

    call->request = fake_request_copy(&f->mem, request);
    http->record.fake = f;
    http->record.cb = cb;
    http->record.arg = arg;
    return http;
}

static void host_http_cancel(struct td_http **http)
{
    if (*http == NULL)
        return;
    struct fake_record *r = &(*http)->record;

    if (r->cb == NULL)
        fault(r->fake, 1, "http_cancel() of a request that has ended: set the pointer to NULL "
              "first in its callback");
    else if (enter(&r->fake->inst, "http_cancel") == NULL)
        return;
    r->cb = NULL;
    *http = NULL;
}

static enum td_status host_route(struct td_instance *inst, const char *path, td_web_cb *cb,
                                 void *arg)
{
    struct fake *f = enter(inst, "route");

    if (f == NULL)
        return TD_FAIL;
    for (const struct route *r = f->routes; r != NULL; r = r->next) {
        if (strcmp(r->path, path) == 0)
            return TD_CONF;
    }
    struct route *route = fake_keep(&f->mem, NULL, sizeof *route);

    *route = (struct route){ f->routes, fake_str(&f->mem, path), cb, arg };
    f->routes = route;
    return TD_OK;
}

static void host_reply(struct td_instance *inst, uint64_t request, const struct td_web_reply *reply)
{
    struct fake *f = enter(inst, "reply");

    if (f == NULL || !job_answer(f, f->asked, request, "reply", "the route's callback"))
        return;
    struct fake_call *call = record(f, FAKE_REPLY, request);

    call->reply = fake_reply(&f->mem, reply);
    call->code = reply->status;
    call->text = call->reply->body;
    call->len = reply->body_len;
}

static enum td_status host_ws_listen(struct td_instance *inst, const struct td_ws_conf *conf,
                                     const struct td_ws_ops *ops, void *arg)
{
    struct fake *f = enter(inst, "ws_listen");

    if (f == NULL)
        return TD_FAIL;
    if (f->ws_conf != NULL)
        return TD_CONF;
    f->ws_conf = fake_ws_conf_copy(&f->mem, conf);
    f->ws_ops = ops;
    f->ws_arg = arg;
    return TD_OK;
}

static struct conn *conn_find(const struct fake *f, uint64_t id)
{
    struct conn *c = f->conns;

    while (c != NULL && c->id != id)
        c = c->next;
    return c;
}

static void host_ws_send(struct td_instance *inst, uint64_t conn, const char *text, size_t len)
{
    struct fake *f = enter(inst, "ws_send");
    struct fake_call *call;

    if (f == NULL)
        return;
    call = record(f, FAKE_WS_SEND, conn);
    call->text = fake_keep(&f->mem, text, len);
    call->len = len;
}

static void host_ws_close(struct td_instance *inst, uint64_t conn, int code, const char *reason)
{
    struct fake *f = enter(inst, "ws_close");
    struct fake_call *call;
    struct conn *c;

    if (f == NULL)
        return;
    call = record(f, FAKE_WS_CLOSE, conn);
    c = conn_find(f, conn);
    call->code = code;
    call->text = fake_str(&f->mem, reason);
    if (c != NULL && c->closing == 0)
        c->closing = code;
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
    .timer_add = host_timer_add,
    .timer_del = host_timer_del,
    .watch_fd = host_watch_fd,
    .watch_del = host_watch_del,
    .post = host_post,
    .http_start = host_http_start,
    .http_cancel = host_http_cancel,
    .route = host_route,
    .reply = host_reply,
    .ws_listen = host_ws_listen,
    .ws_send = host_ws_send,
    .ws_close = host_ws_close,
    .delta = host_delta,
};

/* ---- What the test calls ------------------------------------------------------------------ */

struct fake *fake_new(const char *name)
{
    struct fake *f = calloc(1, sizeof *f);

    if (f == NULL)
        abort();
    *f = (struct fake){ .thread = pthread_self(), .now_ms = FAKE_START_MS, .op = "" };
    pthread_mutex_init(&f->lock, NULL);
    f->inst.fake = f;
    f->posts_end = &f->posts;
    f->records_end = &f->records;
    f->name = fake_str(&f->mem, name);
    return f;
}

void fake_free(struct fake **fake)
{
    struct fake *f = *fake;

    if (f == NULL)
        return;
    if (f->self != NULL)
        fake_close(f);
    while (f->posts != NULL) {
        struct post *post = f->posts;

        f->posts = post->next;
        free(post);
    }
    fake_mem_fini(&f->mem);
    pthread_mutex_destroy(&f->lock);
    free(f);
    *fake = NULL;
}

void fake_listen(struct fake *f, const struct fake_ear *ear)
{
    f->ear = *ear;
}

const struct td_host *fake_host(void)
{
    return &host;
}

struct td_instance *fake_instance(struct fake *fake)
{
    return &fake->inst;
}

static const struct td_channel_ops *channel(const struct fake *f)
{
    if (f->self == NULL || f->plugin->kind != TD_CHANNEL)
        broken(f, "the test calls a channel that is not open");
    return f->plugin->ops;
}

static const struct td_agent_ops *agent(const struct fake *f)
{
    if (f->self == NULL || f->plugin->kind != TD_AGENT)
        broken(f, "the test calls an agent that is not open");
    return f->plugin->ops;
}

const void *fake_conf(struct fake *f, const struct td_plugin *plugin, const char *lines)
{
    return fake_conf_fill(&f->mem, plugin, lines);
}

enum td_status fake_open(struct fake *f, const struct td_plugin *plugin, const void *conf)
{
    enum td_status status;

    f->plugin = plugin;
    f->closed = 0;
    f->err.text[0] = '\0';
    before(f, "open");
    status = plugin->kind == TD_CHANNEL
                 ? ((const struct td_channel_ops *)plugin->ops)
                       ->open(&host, &f->inst, conf, &f->self, &f->err)
                 : ((const struct td_agent_ops *)plugin->ops)
                       ->open(&host, &f->inst, conf, &f->self, &f->err);
    after(f, "open");
    if (status == TD_OK && f->self == NULL) {
        fault(f, FAKE_RULE_OPEN, "open() gave TD_OK without an instance: set *self_r");
        status = TD_FAIL;
    }
    if (status != TD_OK && f->err.text[0] == '\0')
        fault(f, FAKE_RULE_OPEN, "open() failed without a sentence: write into err->text what the "
              "operator must do");
    if (status != TD_OK)
        f->self = NULL;
    return status;
}

const char *fake_error(const struct fake *f)
{
    return f->err.text;
}

void *fake_self(struct fake *f)
{
    return f->self;
}

unsigned fake_close(struct fake *f)
{
    unsigned forgotten = 0;

    before(f, "close");
    if (f->plugin->kind == TD_CHANNEL)
        channel(f)->close(f->self);
    else
        agent(f)->close(f->self);
    after(f, "close");
    f->self = NULL;
    for (; f->timers != NULL; f->timers = f->timers->next)
        forgotten++;
    for (; f->watches != NULL; f->watches = f->watches->next)
        forgotten++;
    for (struct fake_record *r = f->records; r != NULL; r = r->next) {
        forgotten += r->cb != NULL;
        r->cb = NULL;
    }
    f->jobs = f->asked = NULL;
    f->conns = NULL;
    f->ws_conf = NULL;
    f->ws_ops = NULL;
    f->routes = NULL;
    pthread_mutex_lock(&f->lock);
    f->closed = 1;
    pthread_mutex_unlock(&f->lock);
    return forgotten;
}

static void run_posts(struct fake *f)
{
    for (;;) {
        pthread_mutex_lock(&f->lock);
        struct post *post = f->posts;

        if (post != NULL) {
            f->n_posts--;
            if ((f->posts = post->next) == NULL)
                f->posts_end = &f->posts;
        }
        pthread_mutex_unlock(&f->lock);
        if (post == NULL)
            return;
        before(f, "a posted function");
        post->fn(post->arg);
        after(f, "a posted function");
        free(post);
    }
}

/* One watch a round: its callback may change the list. */
static void run_watches(struct fake *f)
{
    for (unsigned round = 0; round < 1000; round++) {
        struct td_watch *w = f->watches;
        struct pollfd p;

        for (; w != NULL; w = w->next) {
            p = (struct pollfd){ .fd = w->fd,
                                 .events = (short)((w->want_read ? POLLIN : 0) |
                                                   (w->want_write ? POLLOUT : 0)) };
            if (poll(&p, 1, 0) > 0)
                break;
        }
        if (w == NULL)
            return;
        before(f, "a watch's callback");
        w->cb(w->arg, w->want_read && (p.revents & ~POLLOUT),
              w->want_write && (p.revents & ~POLLIN));
        after(f, "a watch's callback");
    }
}

static void run_ws_ends(struct fake *f)
{
    for (struct conn **at = &f->conns; *at != NULL;) {
        struct conn *c = *at;

        if (c->closing == 0) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        before(f, "closed");
        f->ws_ops->closed(f->ws_arg, c->id, c->closing);
        after(f, "closed");
        at = &f->conns;
    }
}

void fake_run(struct fake *f)
{
    unsigned fired = 0;

    run_posts(f);
    run_watches(f);
    run_ws_ends(f);
    while (f->timers != NULL && f->timers->at_ms <= f->now_ms) {
        struct td_timer *t = f->timers;
        void (*cb)(void *) = t->cb;
        void *arg = t->arg;

        if (fired++ == FAKE_MAX_CALLS) {
            fault(f, 11, "more than %d timers fired at one instant: a timer of 0 ms that sets "
                  "itself again leaves the loop no time", FAKE_MAX_CALLS);
            f->timers = NULL;
            return;
        }
        f->timers = t->next;
        t->over = 1;
        before(f, "a timer's callback");
        cb(arg);
        after(f, "a timer's callback");
        run_posts(f);
        run_ws_ends(f);
    }
}

void fake_advance(struct fake *f, int64_t ms)
{
    const int64_t end = f->now_ms + ms;

    fake_run(f);
    while (f->timers != NULL && f->timers->at_ms <= end) {
        f->now_ms = f->timers->at_ms;
        fake_run(f);
    }
    f->now_ms = end;
    fake_run(f);
}

int64_t fake_now(const struct fake *f)
{
    return f->now_ms;
}

unsigned fake_timers(const struct fake *f)
{
    unsigned n = 0;

    for (const struct td_timer *t = f->timers; t != NULL; t = t->next)
        n++;
    return n;
}

const struct fake_call *fake_next(struct fake *f, enum fake_what what)
{
    for (struct fake_record *r = f->records; r != NULL; r = r->next) {
        if (r->call.what == what && !r->taken) {
            r->taken = 1;
            return &r->call;
        }
    }
    return NULL;
}

unsigned fake_waiting(const struct fake *f, enum fake_what what)
{
    unsigned n = 0;

    for (const struct fake_record *r = f->records; r != NULL; r = r->next)
        n += r->call.what == what && !r->taken;
    return n;
}

void fake_forget(struct fake *f)
{
    for (struct fake_record *r = f->records; r != NULL; r = r->next)
        r->taken = 1;
}

uint64_t fake_counted(const struct fake *f, const char *what)
{
    for (const struct counter *c = f->counters; c != NULL; c = c->next) {
        if (strcmp(c->what, what) == 0)
            return c->n;
    }
    return 0;
}

void fake_send(struct fake *f, uint64_t job, const struct td_outbound *out)
{
    job_add(f, &f->jobs, job);
    before(f, "send");
    channel(f)->send(f->self, job, out);
    after(f, "send");
}

void fake_accepted(struct fake *f, uint64_t delivery, const struct td_accepted *accepted)
{
    if (!job_end(f->asked, delivery, JOB_ANSWERED))
        broken(f, "the test accepts a delivery that is not open");
    before(f, "accepted");
    channel(f)->accepted(f->self, delivery, accepted);
    after(f, "accepted");
}

void fake_attached(struct fake *f, uint64_t job, const struct td_attached *attached)
{
    if (!job_end(f->asked, job, JOB_ANSWERED))
        broken(f, "the test answers an attach that is not open");
    before(f, "attached");
    channel(f)->attached(f->self, job, attached);
    after(f, "attached");
}

void fake_event(struct fake *f, const struct td_event *event)
{
    if (channel(f)->event == NULL)
        return;
    before(f, "event");
    channel(f)->event(f->self, event);
    after(f, "event");
}

void fake_pause(struct fake *f, int on)
{
    if (channel(f)->pause == NULL)
        return;
    before(f, "pause");
    channel(f)->pause(f->self, on);
    after(f, "pause");
}

void fake_ask(struct fake *f, uint64_t job, const struct td_turn *turn)
{
    job_add(f, &f->jobs, job);
    before(f, "ask");
    agent(f)->ask(f->self, job, turn);
    after(f, "ask");
}

void fake_cancel(struct fake *f, uint64_t job)
{
    if (!job_end(f->jobs, job, JOB_CANCELLED))
        broken(f, "the test cancels a job that is not open");
    before(f, "cancel");
    agent(f)->cancel(f->self, job);
    after(f, "cancel");
}

enum td_status fake_late(struct fake *f, uint64_t job, const struct td_web_request *request,
                         struct td_error *err_r)
{
    *err_r = (struct td_error){ "" };
    return agent(f)->late(f->self, job, request, err_r);
}

static struct fake_record *http_of(struct fake *f, const struct fake_call *call)
{
    for (struct fake_record *r = f->records; r != NULL; r = r->next) {
        if (&r->call == call && r->cb != NULL)
            return r;
    }
    return NULL;
}

void fake_http(struct fake *f, const struct fake_call *call,
               const struct td_http_response *response)
{
    struct fake_record *r = http_of(f, call);
    td_http_cb *cb;

    if (r == NULL)
        broken(f, "the test ends a request that is not open");
    cb = r->cb;
    r->cb = NULL;
    before(f, "an HTTP callback");
    cb(r->arg, response);
    after(f, "an HTTP callback");
}

void fake_http_data(struct fake *f, const struct fake_call *call, const struct td_http_data *data)
{
    struct fake_record *r = http_of(f, call);

    if (r == NULL)
        broken(f, "the test feeds a request that is not open");
    if (call->request->on_data != NULL)
        call->request->on_data(r->arg, data);
}

void fake_http_body(struct fake *f, const struct fake_call *call, int status, const char *body)
{
    const struct td_http_response response = {
        .size = sizeof response, .detail = "", .status = status, .body = body,
        .body_len = strlen(body), .content_type = "application/json", .retry_after_ms = -1,
    };

    fake_http(f, call, &response);
}

void fake_http_fail(struct fake *f, const struct fake_call *call, enum td_http_failure failure,
                    const char *detail)
{
    const struct td_http_response response = {
        .size = sizeof response, .failure = failure, .detail = detail, .body = "",
        .content_type = "", .retry_after_ms = -1,
    };

    fake_http(f, call, &response);
}

int fake_http_open(const struct fake *f, const struct fake_call *call)
{
    return http_of((struct fake *)(uintptr_t)f, call) != NULL;
}

void fake_http_refuse(struct fake *f, int on)
{
    f->refuse_http = on;
}

const char *fake_header(const struct td_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

uint64_t fake_request(struct fake *f, const struct td_web_request *request)
{
    const struct route *best = NULL;
    struct td_web_request copy = *request;

    for (const struct route *r = f->routes; r != NULL; r = r->next) {
        size_t len = strlen(r->path);
        int fits = r->path[len - 1] == '/' ? strncmp(request->path, r->path, len) == 0
                                           : strcmp(request->path, r->path) == 0;

        if (fits && (best == NULL || len > strlen(best->path)))
            best = r;
    }
    if (best == NULL)
        return 0;
    copy.id = ++f->last_id;
    job_add(f, &f->asked, copy.id);
    before(f, "a route's callback");
    best->cb(best->arg, &copy);
    after(f, "a route's callback");
    return copy.id;
}

const char *fake_route(const struct fake *f, unsigned i)
{
    const struct route *r = f->routes;

    while (r != NULL && i-- > 0)
        r = r->next;
    return r != NULL ? r->path : NULL;
}

const struct td_ws_conf *fake_ws_conf(const struct fake *f)
{
    return f->ws_conf;
}

uint64_t fake_ws_open(struct fake *f, const char *peer, const struct td_ws_info *info)
{
    const struct td_ws_info plain = { .size = sizeof plain, .peer = peer, .origin = "" };
    struct conn *c = fake_keep(&f->mem, NULL, sizeof *c);

    if (f->ws_ops == NULL)
        broken(f, "the test opens a WebSocket and the plugin has none");
    *c = (struct conn){ .next = f->conns, .id = ++f->last_id };
    f->conns = c;
    before(f, "opened");
    f->ws_ops->opened(f->ws_arg, c->id, info != NULL ? info : &plain);
    after(f, "opened");
    return c->id;
}

void fake_ws_text(struct fake *f, uint64_t conn, const char *text)
{
    const size_t len = strlen(text);
    char *copy = malloc(len + 1); /* exact, so that a sanitizer sees the plugin read too far */

    if (copy == NULL || conn_find(f, conn) == NULL)
        broken(f, "the test writes to a WebSocket that is not there");
    memcpy(copy, text, len + 1);
    before(f, "text");
    f->ws_ops->text(f->ws_arg, conn, copy, len);
    after(f, "text");
    free(copy);
}

void fake_ws_closed(struct fake *f, uint64_t conn, int code)
{
    struct conn *c = conn_find(f, conn);

    if (c == NULL)
        broken(f, "the test closes a WebSocket that is not there");
    if (c->closing == 0)
        c->closing = code;
    run_ws_ends(f);
}

int fake_ws_is_open(const struct fake *f, uint64_t conn)
{
    const struct conn *c = conn_find(f, conn);

    return c != NULL && c->closing == 0;
}
