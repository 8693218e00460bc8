/* host.c - the td_host vtable: what plugins may ask for, and the sweep of what they forgot. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "gate/gate_private.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/web.h"

#define MAX_POSTS 10000 /* of an instance, waiting */
#define MAX_TOKEN 4096
#define MAX_COUNTS 32   /* names of an instance */
#define MAX_NOTICE 511  /* bytes of its text */

struct post {
    struct post *next;
    struct td_instance *inst;
    unsigned generation;
    void (*fn)(void *arg);
    void *arg;
};

/* 0 for a call after close() or of the wrong kind; then it is counted and does nothing. */
static int may(struct td_instance *inst, enum td_kind kind, const char *what)
{
    int alive = inst->state == INSTANCE_OPEN || inst->state == INSTANCE_OPENING;

    if (alive && (kind == 0 || kind == inst->kind))
        return 1;
    instance_misuse(inst, "%s() is not for it %s", what, alive ? "to call" : "after close()");
    return 0;
}

/* ---- About itself ------------------------------------------------------------------------- */

static const char *host_name(struct td_instance *inst)
{
    return inst->name;
}

static enum log_level level_of(enum td_level level)
{
    return (unsigned)level <= TD_TRACE ? (enum log_level)level : LOG_ERROR_LEVEL;
}

static TD_PRINTF(3, 4) void host_log(struct td_instance *inst, enum td_level level,
                                     const char *fmt, ...)
{
    enum log_level ours = level_of(level);
    va_list ap;

    if (!log_wants(ours))
        return;
    va_start(ap, fmt);
    log_writev(ours, &inst->log, fmt, ap);
    va_end(ap);
}

static int is_count_name(const char *what)
{
    size_t len = what != NULL ? strnlen(what, 49) : 0;

    return len > 0 && len < 49 && strspn(what, "abcdefghijklmnopqrstuvwxyz_") == len;
}

static struct count *count_get(struct td_instance *inst, const char *what)
{
    struct count *count = inst->counts;
    char *name, *label;

    while (count != NULL && strcmp(count->what, what) != 0)
        count = count->next;
    if (count != NULL || inst->n_counts == MAX_COUNTS)
        return count;
    count = mem_alloc(sizeof *count + strlen(what) + 1);
    memcpy(count->what, what, strlen(what) + 1);
    name = mem_printf("tandem_plugin_%s_total", what);
    label = mem_printf("%s/%s", instance_label(inst), inst->name);
    count->value = gate_counter(inst->gate, name, "instance", label);
    free(name);
    free(label);
    count->next = inst->counts;
    inst->counts = count;
    inst->n_counts++;
    return count;
}

static void host_count(struct td_instance *inst, const char *what, uint64_t n)
{
    struct count *count = is_count_name(what) ? count_get(inst, what) : NULL;

    if (count != NULL)
        *count->value += n;
    else
        instance_misuse(inst, "a counter with a bad name, or one too many");
}

static void host_key(struct td_instance *inst, const char *purpose, uint8_t out[32])
{
    char *text = mem_printf("key %s/%s/%s", instance_label(inst), inst->name, purpose);

    crypt_hmac(inst->gate->master, sizeof inst->gate->master, text, strlen(text), out);
    free(text);
}

static int64_t host_now(struct td_instance *inst)
{
    (void)inst;
    return clock_wall_ms();
}

/* ---- Conversations ------------------------------------------------------------------------ */

static void host_deliver(struct td_instance *inst, uint64_t delivery, const struct td_inbound *in)
{
    if (may(inst, TD_CHANNEL, "deliver"))
        inbound_deliver(inst, delivery, in);
}

static void host_attach(struct td_instance *inst, uint64_t job, const struct td_attach *attach)
{
    if (!may(inst, TD_CHANNEL, "attach"))
        return;
    if ((inst->conf.plugin->caps & TD_CAN_REPLAY) == 0 || instance_channel(inst)->attached == NULL)
        instance_misuse(inst, "attach() by a channel that cannot replay");
    else
        inbound_attach(inst, job, attach);
}

static void host_detach(struct td_instance *inst, const char *session)
{
    if (may(inst, TD_CHANNEL, "detach"))
        inbound_detach(inst, session);
}

static void host_event(struct td_instance *inst, const struct td_event *event)
{
    if (may(inst, TD_CHANNEL, "event"))
        inbound_event(inst, event);
}

static void host_sent(struct td_instance *inst, uint64_t job, const struct td_sent *sent)
{
    if (inst->kind == TD_DESK && may(inst, TD_DESK, "sent"))
        desk_sent(inst, job, sent);
    else if (inst->kind != TD_DESK && may(inst, TD_CHANNEL, "sent"))
        outbox_sent(inst, job, sent);
}

static void host_answer(struct td_instance *inst, uint64_t job, const struct td_answer *answer)
{
    if (may(inst, TD_AGENT, "answer"))
        dispatch_answer(inst, job, answer);
}

static void host_delta(struct td_instance *inst, uint64_t job, const char *text)
{
    if (may(inst, TD_AGENT, "delta"))
        stream_delta(inst, job, text);
}

static void host_file(struct td_instance *inst, uint64_t job, const struct td_file *file)
{
    if (may(inst, 0, "file"))
        attachments_file(inst, job, file);
}

static void host_report(struct td_instance *inst, const char *text)
{
    if (may(inst, 0, "report") && text != NULL) {
        const size_t len = strnlen(text, sizeof inst->report - 1);

        snprintf(inst->report, sizeof inst->report, "%.*s", (int)utf8_cut(text, len, len), text);
    }
}

static void host_notice(struct td_instance *inst, enum td_level level, const char *what,
                        const char *text)
{
    char shown[MAX_NOTICE + 1];
    size_t len;

    if (!may(inst, 0, "notice"))
        return;
    if (!is_count_name(what) || text == NULL) {
        instance_misuse(inst, "a notice whose `what` is no word, or without a text");
        return;
    }
    len = strnlen(text, MAX_NOTICE);
    snprintf(shown, sizeof shown, "%.*s", (int)utf8_cut(text, len, len), text);
    LOG_AT(level_of(level), &inst->log, "%s", shown);
    listen_notice(inst, what, shown);
}

static void host_keep(struct td_instance *inst, uint64_t job, const struct td_keep *keep)
{
    if (may(inst, 0, "keep"))
        keep_keep(inst, job, keep);
}

static void host_offered(struct td_instance *inst, uint64_t job, const struct td_offered *offered)
{
    if (may(inst, TD_DESK, "offered"))
        desk_offered(inst, job, offered);
}

static void host_desk(struct td_instance *inst, uint64_t job,
                      const struct td_desk_request *request)
{
    if (may(inst, TD_DESK, "desk"))
        request_desk(inst, job, request);
}

/* Every human is looked at, whoever it is. */
static const char *host_human(struct td_instance *inst, const char *token)
{
    const struct gate *gate = inst->gate;
    const struct policy_human *human;
    const char *found = NULL;
    uint8_t hash[CRYPT_HASH];

    if (!may(inst, TD_DESK, "human") || token == NULL)
        return NULL;
    crypt_sha256(token, strnlen(token, MAX_TOKEN), hash);
    for (size_t i = 0; i < gate->n_humans; i++) {
        if (crypt_equal(hash, gate->humans[i].token, sizeof hash))
            found = gate->humans[i].name;
    }
    human = found != NULL ? policy_human(gate->policy->policy, found) : NULL;
    for (size_t i = 0; human != NULL && human->desks[i] != NULL; i++) {
        if (strcmp(human->desks[i], inst->name) == 0)
            return found;
    }
    return NULL;
}

/* ---- The loop ----------------------------------------------------------------------------- */

static void timer_free(struct td_timer *timer)
{
    DL_DELETE(timer->inst->timers, timer);
    loop_timer_del(&timer->timer);
    free(timer);
}

static void on_timer(void *arg)
{
    struct td_timer *timer = arg;
    void (*cb)(void *) = timer->cb;

    arg = timer->arg;
    timer->timer = NULL; /* it has fired */
    timer_free(timer);
    cb(arg);
}

static struct td_timer *host_timer_add(struct td_instance *inst, uint32_t ms,
                                       void (*cb)(void *arg), void *arg)
{
    struct td_timer *timer = mem_alloc(sizeof *timer);

    *timer = (struct td_timer){ .inst = inst, .cb = cb, .arg = arg };
    timer->timer = loop_timer_add(inst->gate->conf.loop, ms, on_timer, timer);
    DL_APPEND(inst->timers, timer);
    return timer;
}

static void host_timer_del(struct td_timer **timer)
{
    if (*timer != NULL)
        timer_free(*timer);
    *timer = NULL;
}

static void on_watch(void *arg, int readable, int writable)
{
    struct td_watch *watch = arg;

    watch->cb(watch->arg, readable, writable);
}

static struct td_watch *host_watch_fd(struct td_instance *inst, int fd, int want_read,
                                      int want_write,
                                      void (*cb)(void *arg, int readable, int writable), void *arg)
{
    struct td_watch *watch = mem_alloc(sizeof *watch);

    *watch = (struct td_watch){ .inst = inst, .cb = cb, .arg = arg };
    watch->watch =
        loop_watch_add(inst->gate->conf.loop, fd, want_read, want_write, on_watch, watch);
    DL_APPEND(inst->watches, watch);
    return watch;
}

static void host_watch_del(struct td_watch **watch)
{
    if (*watch == NULL)
        return;
    DL_DELETE((*watch)->inst->watches, *watch);
    loop_watch_del(&(*watch)->watch);
    free(*watch);
    *watch = NULL;
}

void host_posts_run(struct gate *gate)
{
    struct post *post, *next;

    pthread_mutex_lock(&gate->post_lock);
    post = gate->posts;
    gate->posts = NULL;
    gate->posts_end = &gate->posts;
    for (next = post; next != NULL; next = next->next)
        next->inst->posts--;
    pthread_mutex_unlock(&gate->post_lock);
    for (; post != NULL; post = next) {
        next = post->next;
        if (!gate->dead && post->generation == post->inst->generation &&
            post->inst->state != INSTANCE_CLOSED)
            post->fn(post->arg);
        free(post);
    }
}

static void on_posts(void *arg)
{
    struct gate *gate = arg;

    pthread_mutex_lock(&gate->post_lock);
    gate->post_woken = 0;
    pthread_mutex_unlock(&gate->post_lock);
    host_posts_run(gate);
    if (gate->dead)
        gate_unref(gate); /* the one that gate_free() left for this call */
}

static enum td_status host_post(struct td_instance *inst, void (*fn)(void *arg), void *arg)
{
    struct gate *gate = inst->gate;
    struct post *post;
    int full, wake = 0;

    pthread_mutex_lock(&gate->post_lock);
    full = inst->posts >= MAX_POSTS;
    if (!full) {
        post = mem_alloc(sizeof *post);
        *post = (struct post){ .inst = inst, .generation = inst->generation, .fn = fn,
                               .arg = arg };
        *gate->posts_end = post;
        gate->posts_end = &post->next;
        inst->posts++;
        wake = !gate->post_woken;
        gate->post_woken = 1;
    }
    pthread_mutex_unlock(&gate->post_lock);
    if (wake)
        loop_post(gate->conf.loop, on_posts, gate);
    return full ? TD_RETRY : TD_OK;
}

/* ---- The network -------------------------------------------------------------------------- */

static void http_free_one(struct td_http *http)
{
    DL_DELETE(http->inst->https, http);
    free(http);
}

static void on_http(void *arg, const struct td_http_response *response)
{
    struct td_http *http = arg;
    td_http_cb *cb = http->cb;

    arg = http->arg;
    http_free_one(http);
    cb(arg, response);
}

static void on_http_data(void *arg, const struct td_http_data *data)
{
    const struct td_http *http = arg;

    http->on_data(http->arg, data);
}

static struct td_http *host_http_start(struct td_instance *inst,
                                       const struct td_http_request *request, td_http_cb *cb,
                                       void *arg)
{
    struct td_http_request ours = { 0 };
    struct td_http *http;

    if (inst->gate->conf.http == NULL || request == NULL || request->url == NULL)
        return NULL;
    http = mem_alloc(sizeof *http);
    memcpy(&ours, request, request->size < sizeof ours ? request->size : sizeof ours);
    ours.size = sizeof ours;
    *http = (struct td_http){ .inst = inst, .cb = cb, .on_data = ours.on_data, .arg = arg };
    if (ours.on_data != NULL)
        ours.on_data = on_http_data;
    DL_APPEND(inst->https, http);
    http->call = http_start(inst->gate->conf.http, &ours, on_http, http);
    return http;
}

static void host_http_cancel(struct td_http **http)
{
    if (*http == NULL)
        return;
    http_cancel(&(*http)->call);
    http_free_one(*http);
    *http = NULL;
}

static void path_add(struct td_instance *inst, const char *text, int ws)
{
    struct path *path = mem_alloc(sizeof *path + strlen(text) + 1);

    memcpy(path->path, text, strlen(text) + 1);
    path->ws = ws;
    DL_APPEND(inst->paths, path);
}

static enum td_status host_route_with(struct td_instance *inst, const struct td_web_route *route,
                                      td_web_cb *cb, void *arg)
{
    if (inst->gate->conf.web == NULL ||
        web_route_with(inst->gate->conf.web, route, cb, arg) != 0)
        return TD_CONF;
    path_add(inst, route->path, 0);
    return TD_OK;
}

static enum td_status host_route(struct td_instance *inst, const char *path, td_web_cb *cb,
                                 void *arg)
{
    const struct td_web_route route = { .size = sizeof route, .path = path };

    return host_route_with(inst, &route, cb, arg);
}

static void host_reply(struct td_instance *inst, uint64_t request,
                       const struct td_web_reply *reply)
{
    if (inst->gate->conf.web != NULL)
        web_reply(inst->gate->conf.web, request, reply);
}

static enum td_status host_ws_listen(struct td_instance *inst, const struct td_ws_conf *conf,
                                     const struct td_ws_ops *ops, void *arg)
{
    if (inst->gate->conf.web == NULL || web_ws_add(inst->gate->conf.web, conf, ops, arg) != 0)
        return TD_CONF;
    path_add(inst, conf->path, 1);
    return TD_OK;
}

static void host_ws_send(struct td_instance *inst, uint64_t conn, const char *text, size_t len)
{
    if (inst->gate->conf.web != NULL)
        web_ws_send(inst->gate->conf.web, conn, text, len);
}

static void host_ws_close(struct td_instance *inst, uint64_t conn, int code, const char *reason)
{
    if (inst->gate->conf.web != NULL)
        web_ws_close(inst->gate->conf.web, conn, code, reason);
}

/* ---- The sweep ---------------------------------------------------------------------------- */

void host_sweep(struct td_instance *inst)
{
    unsigned forgotten = 0;
    struct path *path;

    /* Routes have no delete for plugins: they end here, as a rule. */
    while ((path = inst->paths) != NULL) {
        DL_DELETE(inst->paths, path);
        if (path->ws)
            web_ws_del(inst->gate->conf.web, path->path);
        else
            web_route_del(inst->gate->conf.web, path->path);
        free(path);
    }
    free(inst->shared);
    inst->shared = NULL;
    while (inst->streams != NULL)
        host_stream_end(inst, inst->streams->request);
    for (; inst->timers != NULL; forgotten++)
        timer_free(inst->timers);
    for (; inst->watches != NULL; forgotten++) {
        struct td_watch *watch = inst->watches;
        host_watch_del(&watch);
    }
    for (; inst->https != NULL; forgotten++) {
        struct td_http *http = inst->https;
        host_http_cancel(&http);
    }
    if (forgotten > 0)
        LOG_WARN(&inst->log, "the plugin forgot %u timers, watches or requests; they are swept",
                 forgotten);
}

const struct td_host host_vtable = {
    .size = sizeof(struct td_host),
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
    .offered = host_offered,
    .desk = host_desk,
    .human = host_human,
    .file = host_file,
    .route_with = host_route_with,
    .stream = host_stream,
    .stream_send = host_stream_send,
    .stream_end = host_stream_end,
    .keep = host_keep,
    .report = host_report,
    .notice = host_notice,
};
