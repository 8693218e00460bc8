/* app.c - the daemon as a whole. */
#include "config.h"

#include "daemon/app.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "daemon/admin.h"
#include "daemon/compact.h"
#include "daemon/filing.h"
#include "daemon/isolate.h"
#include "daemon/notify.h"
#include "daemon/pages.h"
#include "daemon/policy_build.h"
#include "daemon/reload.h"
#include "daemon/setup.h"
#include "files/files.h"
#include "gate/gate.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/web.h"
#include "plug/loader.h"
#include "store/store.h"

#define MAX_HTTP 1024 /* connections to agents and others that are open at once */

struct app {
    struct setup *setup;
    struct loader *loader;
    struct loop *loop;
    struct notify *notify;
    struct metric_set *metrics;
    struct store *store;
    struct compact *compact;
    struct files *files; /* NULL: none are taken */
    char *url;           /* of the listener */
    struct http *http;
    struct web *web;
    struct gate *gate;
    struct admin *admin;
    size_t n_open; /* instances, in their order */
    char hash[17]; /* of the policy in force */
    int64_t started_at, loaded_at;
    int draining;
    int code;
};

static const char *scheme(const struct app *app)
{
    return app->setup->tandem.tls_cert ? "https" : "http";
}

/* The address part of `listen`, with the port that was really taken. */
static char *own_url(const struct app *app)
{
    const char *listen = app->setup->tandem.listen, *colon = strrchr(listen, ':');
    const int len = colon ? (int)(colon - listen) : (int)strlen(listen);

    return mem_printf("%s://%.*s:%d", scheme(app), len, listen, web_port(app->web));
}

/* ---- The end ------------------------------------------------------------------------------- */

static void stop(struct app *app, int code)
{
    if (app->code == APP_OK)
        app->code = code;
    loop_stop(app->loop);
}

static void on_drained(void *arg)
{
    struct app *app = arg;

    LOG_INFO(NULL, "drained");
    stop(app, APP_OK);
}

static void drain(void *arg)
{
    struct app *app = arg;

    if (app->draining)
        return;
    app->draining = 1;
    LOG_INFO(NULL, "draining, for at most %lld ms", (long long)app->setup->tandem.drain);
    notify_send("STOPPING=1");
    admin_say(app->admin, "drain", NULL, NULL);
    web_drain(app->web);
    gate_drain(app->gate, app->setup->tandem.drain, on_drained, app);
}

static void on_stop_signal(void *arg, int signo)
{
    struct app *app = arg;

    LOG_INFO(NULL, "got signal %d", signo);
    if (app->draining)
        stop(app, APP_OK);
    else
        drain(app);
}

static void on_store_failed(void *arg, const char *why)
{
    struct app *app = arg;

    LOG_ERROR(NULL, "the store failed, stopping so that the next start recovers it: %s", why);
    stop(app, APP_STORE_LOST);
}

/* ---- Reload -------------------------------------------------------------------------------- */

static void obey(struct app *app)
{
    const struct tandem_conf *tandem = &app->setup->tandem;

    log_setup((enum log_level)tandem->log_level, (enum log_format)tandem->log_format);
    admin_set_token(app->admin, tandem->admin_token);
    compact_set(app->compact, tandem->retention);
    filing_set(app->gate, app->files, app->setup, app->url);
    app->loaded_at = clock_wall_ms();
}

/* 0, or -1: the report says why nothing was changed. */
static int take_conf(struct app *app, struct buf *report)
{
    struct setup *next = setup_read(app->setup->path, &app->loader);
    struct buf waiting = { 0 };
    struct err err;
    char hash[sizeof app->hash];

    if (setup_errors(next) > 0) {
        char *text = setup_report(next, "nothing was changed");
        buf_str(report, text);
        free(text);
        setup_free(&next);
        return -1;
    }
    if (next->builtin && !app->setup->builtin) {
        buf_printf(report, "%s has no channels and agents any more, perhaps it is being written; "
                           "nothing was changed", app->setup->path);
        setup_free(&next);
        return -1;
    }
    snprintf(hash, sizeof hash, "%s", next->policy->hash);
    memcpy(next->desk_token, app->setup->desk_token, sizeof next->desk_token);
    if (reload_apply(app->gate, app->setup, next, &err) != 0) {
        buf_printf(report, "%s; nothing was changed", err.text);
        setup_free(&next);
        return -1;
    }
    reload_waiting(app->setup, next, &waiting);
    setup_free(&app->setup);
    app->setup = next;
    app->n_open = next->n_instances;
    memcpy(app->hash, hash, sizeof app->hash);
    obey(app);
    if (waiting.len > 0)
        buf_printf(report, "the new value of %s takes effect at the next start", waiting.data);
    buf_fini(&waiting);
    return 0;
}

/* The conf as it stands in its file, with these rules for those installed or named. */
static const struct policy *try_rules(void *arg, const char *rules, struct buf *report)
{
    struct app *app = arg;
    struct setup *setup = setup_read_with(app->setup->path, &app->loader, rules);
    const struct policy *policy = setup->policy;

    if (setup_errors(setup) > 0) {
        char *text = setup_report(setup, "nothing was tried");
        buf_str(report, text);
        free(text);
    }
    setup->policy = NULL;
    setup_free(&setup);
    return policy;
}

static int reload(void *arg, struct buf *report)
{
    struct app *app = arg;
    char text[64];
    int rc = -1;

    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    notify_send(text);
    if (app->draining)
        buf_str(report, "the gateway is draining; nothing was changed");
    else
        rc = take_conf(app, report);
    notify_send("READY=1");
    admin_say(app->admin, "reload", rc == 0 ? "note" : "error", report->data);
    if (rc == 0)
        LOG_INFO(NULL, "reloaded %s%s%s", app->setup->path, report->len > 0 ? ": " : "",
                 report->len > 0 ? report->data : "");
    else
        LOG_ERROR(NULL, "the reload of %s is refused:\n%s", app->setup->path, report->data);
    return rc;
}

static void on_reload_signal(void *arg, int signo)
{
    struct buf report = { 0 };

    (void)signo;
    reload(arg, &report);
    buf_fini(&report);
}

/* ---- What admin asks ----------------------------------------------------------------------- */

static int ready(void *arg, struct buf *reasons)
{
    struct app *app = arg;

    return gate_ready(app->gate, reasons);
}

static void key_time(struct td_json *out, const char *key, int64_t at)
{
    char text[CLOCK_TEXT];

    clock_format(at, text);
    td_json_key_str(out, key, text);
}

static void status(void *arg, struct td_json *out)
{
    struct app *app = arg;
    struct buf reasons = { 0 };
    char *url = own_url(app);

    td_json_key_str(out, "version", PACKAGE_VERSION);
    td_json_key_int(out, "pid", getpid());
    key_time(out, "started_at", app->started_at);
    td_json_key_str(out, "listen", url);
    td_json_key_bool(out, "ready", ready(app, &reasons));
    td_json_key(out, "reasons");
    td_json_array(out);
    for (char *save, *line = reasons.data ? strtok_r(reasons.data, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save))
        td_json_str(out, line);
    td_json_array_end(out);
    td_json_key_bool(out, "draining", app->draining);
    td_json_key(out, "conf");
    td_json_object(out);
    td_json_key_str(out, "file", app->setup->path);
    td_json_key_str(out, "hash", app->hash);
    key_time(out, "loaded_at", app->loaded_at);
    td_json_object_end(out);
    td_json_key_str(out, "store", app->setup->store);
    free(url);
    buf_fini(&reasons);
}

static void isolated(void *arg, struct td_json *out)
{
    const struct app *app = arg;

    for (size_t i = 0; i < app->setup->n_instances; i++) {
        if (app->setup->instances[i]->isolated)
            isolate_json(app->setup->instances[i], out);
    }
}

/* ---- The start ----------------------------------------------------------------------------- */

/* As many sockets as the system lets us have. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void post(void *loop, void (*fn)(void *arg), void *arg)
{
    loop_post(loop, fn, arg);
}

static int start_store(struct app *app)
{
    const struct store_conf conf = {
        .post = post,
        .loop = app->loop,
        .on_failed = on_store_failed,
        .failed_arg = app,
        .min_free = app->setup->tandem.min_free,
    };
    struct err err;

    app->store = store_open(app->setup->store, &conf, &err);
    if (app->store)
        return 0;
    fprintf(stderr, "tandemd: %s\n", err.text);
    app->code = APP_STORE;
    return -1;
}

static int start_network(struct app *app, struct err *err)
{
    const struct tandem_conf *tandem = &app->setup->tandem;
    const struct web_conf conf = {
        .listen = tandem->listen,
        .control = app->setup->control,
        .tls_cert = tandem->tls_cert,
        .tls_key = tandem->tls_key,
        .max_header = tandem->max_header,
        .max_body = tandem->max_body,
        .header_timeout_ms = tandem->header_timeout,
        .trusted_proxies = tandem->trusted_proxies,
    };

    app->http = http_new(app->loop, MAX_HTTP, err);
    if (!app->http)
        return -1;
    app->web = web_open(app->loop, &conf, err);
    if (!app->web)
        return -1;
    app->url = own_url(app);
    return filing_open(app->setup, app->loop, &app->files, err);
}

/* An empty conf has one human: their token comes from the store's key, and is the same after every
 * start; it is written beside the store, for those who may read it. */
static void make_desk_token(struct app *app)
{
    static const char purpose[] = "token of the built-in human";
    uint8_t master[32], token[CRYPT_HASH];
    const char *file = strncmp(app->setup->store, "sqlite:", 7) == 0 ? app->setup->store + 7 : NULL;
    const char *slash = file ? strrchr(file, '/') : NULL;

    store_master_key(app->store, master);
    crypt_hmac(master, sizeof master, purpose, sizeof purpose - 1, token);
    crypt_hex(token, sizeof token, app->setup->desk_token);
    mem_wipe(master, sizeof master);
    mem_wipe(token, sizeof token);
    if (!file) {
        fprintf(stderr, "tandemd: the desk's token is %s\n", app->setup->desk_token);
        return;
    }
    char *path = mem_printf("%.*sdesk.token", slash ? (int)(slash + 1 - file) : 0, file);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const size_t len = strlen(app->setup->desk_token);
    if (fd >= 0 && write(fd, app->setup->desk_token, len) == (ssize_t)len)
        LOG_INFO(NULL, "the desk's token is in %s", path);
    else
        LOG_WARN(NULL, "the desk's token cannot be written to %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(path);
}

static void start_gate(struct app *app)
{
    const struct gate_conf conf = {
        .loop = app->loop,
        .store = app->store,
        .http = app->http,
        .web = app->web,
        .metrics = app->metrics,
        .max_sessions = (size_t)app->setup->tandem.max_sessions,
    };

    app->gate = gate_new(&conf);
    memcpy(app->hash, app->setup->policy->hash, sizeof app->hash);
    gate_set_policy(app->gate, app->setup->policy, policy_free);
    app->setup->policy = NULL;
    if (app->setup->builtin)
        make_desk_token(app);
    humans_set(app->gate, app->setup);
}

static int open_instances(struct app *app, struct err *err)
{
    for (; app->n_open < app->setup->n_instances; app->n_open++) {
        if (instance_open(app->gate, app->setup->instances[app->n_open], err) != 0)
            return -1;
    }
    return 0;
}

static void start_admin(struct app *app)
{
    const struct admin_conf conf = {
        .loop = app->loop,
        .web = app->web,
        .gate = app->gate,
        .store = app->store,
        .loader = app->loader,
        .metrics = app->metrics,
        .ready = ready,
        .status = status,
        .isolated = isolated,
        .reload = reload,
        .try_rules = try_rules,
        .drop_policy = policy_free,
        .drain = drain,
        .arg = app,
    };

    app->admin = admin_new(&conf);
    app->compact = compact_new(app->loop, app->store, app->setup->tandem.retention);
    pages_add(app->web, app->setup->data_dir, app->setup->tandem.frames);
}

static void on_resumed(void *arg, size_t sessions)
{
    (void)arg;
    if (sessions > 0)
        LOG_INFO(NULL, "took up %zu sessions that were under way", sessions);
}

static int start(struct app *app)
{
    struct err err = { "" };

    app->started_at = clock_wall_ms();
    raise_limits();
    app->loop = loop_new(&err);
    if (!app->loop)
        goto failed;
    app->metrics = metric_set_new();
    if (start_store(app) != 0)
        return -1;
    if (start_network(app, &err) != 0)
        goto failed;
    start_gate(app);
    if (open_instances(app, &err) != 0)
        goto failed;
    start_admin(app);
    obey(app);
    loop_signal(app->loop, SIGTERM, on_stop_signal, app);
    loop_signal(app->loop, SIGINT, on_stop_signal, app);
    loop_signal(app->loop, SIGHUP, on_reload_signal, app);
    gate_resume(app->gate, on_resumed, app);
    web_start(app->web);
    return 0;

failed:
    fprintf(stderr, "tandemd: %s\n", err.text);
    app->code = APP_FAILED;
    return -1;
}

static void say_ready(struct app *app)
{
    char *url = own_url(app);

    printf("tandemd: ready on %s\n", url);
    fflush(stdout);
    LOG_INFO(NULL, "ready on %s", url);
    app->notify = notify_new(app->loop);
    notify_send("READY=1");
    free(url);
}

static void finish(struct app *app)
{
    notify_free(&app->notify);
    while (app->n_open > 0) {
        const struct instance *instance = app->setup->instances[--app->n_open];
        gate_instance_close(app->gate, instance->kind, instance->name);
    }
    admin_free(&app->admin);
    if (app->web)
        web_close(&app->web);
    files_close(&app->files); /* what it still tells goes to the store */
    if (app->store)
        store_close(&app->store);
    compact_free(&app->compact);
    if (app->gate)
        gate_free(&app->gate);
    if (app->http)
        http_free(&app->http);
    if (app->loop)
        loop_free(&app->loop);
    if (app->metrics)
        metric_set_free(&app->metrics);
    free(app->url);
    setup_free(&app->setup);
    loader_free(&app->loader);
}

int app_run(struct setup *setup, struct loader *loader)
{
    struct app app = { .setup = setup, .loader = loader };

    signal(SIGPIPE, SIG_IGN);
    umask(077);
    if (start(&app) == 0) {
        say_ready(&app);
        loop_run(app.loop);
        LOG_INFO(NULL, "stopping");
    }
    finish(&app);
    return app.code;
}
