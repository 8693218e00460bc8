/* admin.c - what operators and their tools ask. */
#include "config.h"

#include "daemon/admin.h"
#include "daemon/admin_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/crypt.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/events.h"
#include "daemon/metrics.h"
#include "daemon/policy_api.h"
#include "daemon/reports.h"
#include "daemon/setup.h"
#include "gate/gate.h"
#include "io/web.h"
#include "plug/loader.h"

#define PREFIX "/api/v1/"

/* One request that is answered later. */
struct pending {
    struct admin *admin;
    uint64_t request;
    const char *content_type;
};

static void reply(struct admin *admin, uint64_t request, int status, const char *content_type,
                  const void *body, size_t len)
{
    const struct td_header headers[] = {
        { "cache-control", "no-store" },
        status == 405 ? (struct td_header){ "allow", "GET, HEAD" }
                      : (struct td_header){ "www-authenticate", "Bearer" },
    };
    const struct td_web_reply answer = {
        .size = sizeof answer,
        .status = status,
        .content_type = content_type,
        .headers = headers,
        .n_headers = status == 401 || status == 405 ? 2 : 1,
        .body = body,
        .body_len = len,
    };

    web_reply(admin->conf.web, request, &answer);
}

static void reply_json(struct admin *admin, uint64_t request, int status, struct td_json *json)
{
    reply(admin, request, status, NULL, td_json_text(json), td_json_len(json));
    td_json_free(json);
}

static void add_error(struct td_json *json, const char *code, const char *message)
{
    td_json_key(json, "error");
    td_json_object(json);
    td_json_key_str(json, "code", code);
    td_json_key_str(json, "message", message);
    td_json_object_end(json);
}

void admin_error(struct admin *admin, uint64_t request, int status, const char *code,
                        const char *message)
{
    struct td_json json = { 0 };

    td_json_object(&json);
    add_error(&json, code, message);
    td_json_object_end(&json);
    reply_json(admin, request, status, &json);
}

void admin_reply_later(void *arg, int status, const char *json, size_t len)
{
    struct pending *pending = arg;

    if (status < 300)
        reply(pending->admin, pending->request, status, pending->content_type, json, len);
    else
        admin_error(pending->admin, pending->request, status,
                    status == 404   ? "not_found"
                    : status == 400 ? "bad_request"
                    : status == 409 ? "conflict"
                                    : "busy",
                    json);
    free(pending);
}

struct pending *admin_later(struct admin *admin, const struct td_web_request *request,
                             const char *content_type)
{
    struct pending *pending = mem_alloc(sizeof *pending);

    *pending = (struct pending){ admin, request->id, content_type };
    return pending;
}

/* ---- Health -------------------------------------------------------------------------------- */

/* 0: it is answered. */
static int is_read(struct admin *admin, const struct td_web_request *request)
{
    if (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0)
        return 1;
    admin_error(admin, request->id, 405, "method_not_allowed", "this is only read");
    return 0;
}

static void on_healthz(void *arg, const struct td_web_request *request)
{
    if (is_read(arg, request))
        reply(arg, request->id, 200, "text/plain", "ok\n", 3);
}

static void on_readyz(void *arg, const struct td_web_request *request)
{
    struct admin *admin = arg;
    struct buf reasons = { 0 };

    if (!is_read(admin, request))
        return;
    if (admin->conf.ready(admin->conf.arg, &reasons))
        reply(admin, request->id, 200, "text/plain", "ready\n", 6);
    else
        reply(admin, request->id, 503, "text/plain", reasons.data, reasons.len);
    buf_fini(&reasons);
}

static void on_metrics(void *arg, const struct td_web_request *request)
{
    struct admin *admin = arg;
    struct buf text = { 0 };

    if (!is_read(admin, request))
        return;
    metrics_print(admin->conf.metrics, admin->conf.store, admin->conf.web, &text);
    reply(admin, request->id, 200, METRICS_TYPE, text.data, text.len);
    buf_fini(&text);
}

/* ---- /api/v1 ------------------------------------------------------------------------------- */

static void raw_member(struct td_json *json, const char *key, struct buf *value)
{
    td_json_key(json, key);
    td_json_raw(json, value->data ? value->data : "null", value->data ? value->len : 4);
    buf_fini(value);
}

static void get_status(struct admin *admin, const struct td_web_request *request)
{
    struct td_json json = { 0 };
    struct buf text = { 0 };

    td_json_object(&json);
    admin->conf.status(admin->conf.arg, &json);
    gate_status_json(admin->conf.gate, &text);
    raw_member(&json, "gate", &text);
    gate_instances_json(admin->conf.gate, &text);
    raw_member(&json, "instances", &text);
    td_json_object_end(&json);
    reply_json(admin, request->id, 200, &json);
}

static void add_plugin(void *arg, const char *file, const struct td_plugin *plugin,
                       const char *error)
{
    struct td_json *json = arg;
    char abi[16];

    td_json_object(json);
    td_json_key_str(json, "file", file);
    if (plugin) {
        snprintf(abi, sizeof abi, "%u.%u", plugin->abi_major, plugin->abi_minor);
        td_json_key_str(json, "kind", kind_name(plugin->kind));
        td_json_key_str(json, "type", plugin->name);
        td_json_key_str(json, "version", plugin->version);
        td_json_key_str(json, "abi", abi);
    } else {
        td_json_key_str(json, "error", error);
    }
    td_json_object_end(json);
}

static void get_plugins(struct admin *admin, const struct td_web_request *request)
{
    struct td_json json = { 0 };

    td_json_object(&json);
    td_json_key(&json, "plugins");
    td_json_array(&json);
    loader_each(admin->conf.loader, add_plugin, &json);
    td_json_array_end(&json);
    td_json_key(&json, "isolated");
    td_json_array(&json);
    if (admin->conf.isolated)
        admin->conf.isolated(admin->conf.arg, &json);
    td_json_array_end(&json);
    td_json_object_end(&json);
    reply_json(admin, request->id, 200, &json);
}

static void get_channels(struct admin *admin, const struct td_web_request *request)
{
    struct td_json json = { 0 };
    struct buf text = { 0 };

    td_json_object(&json);
    gate_channels_json(admin->conf.gate, &text);
    raw_member(&json, "channels", &text);
    td_json_object_end(&json);
    reply_json(admin, request->id, 200, &json);
}

static void get_agents(struct admin *admin, const struct td_web_request *request)
{
    struct td_json json = { 0 };
    struct buf text = { 0 };

    td_json_object(&json);
    gate_agents_json(admin->conf.gate, &text);
    raw_member(&json, "agents", &text);
    td_json_object_end(&json);
    reply_json(admin, request->id, 200, &json);
}

static void get_desks(struct admin *admin, const struct td_web_request *request)
{
    struct td_json json = { 0 };
    struct buf text = { 0 };

    td_json_object(&json);
    gate_desks_json(admin->conf.gate, &text);
    raw_member(&json, "desks", &text);
    td_json_object_end(&json);
    reply_json(admin, request->id, 200, &json);
}

static void get_handoffs(struct admin *admin, const struct td_web_request *request)
{
    char state[16];
    const int has_state = query_get(request->query, "state", state, sizeof state);
    struct td_json json = { 0 };
    struct buf text = { 0 };

    if (has_state && strcmp(state, "queued") != 0 && strcmp(state, "live") != 0 &&
        strcmp(state, "closed") != 0) {
        admin_error(admin, request->id, 400, "bad_request", "state is queued, live or closed");
        return;
    }
    td_json_object(&json);
    gate_handoffs_json(admin->conf.gate, has_state ? state : NULL, &text);
    raw_member(&json, "handoffs", &text);
    td_json_object_end(&json);
    reply_json(admin, request->id, 200, &json);
}

/* /channels/NAME/suspend, /channels/NAME/resume; 1 when the path is one of them. */
static int on_channel(struct admin *admin, const struct td_web_request *request, const char *path)
{
    const char *slash = strchr(path, '/');
    const int on = slash && strcmp(slash, "/suspend") == 0;
    struct buf text = { 0 };

    if (!slash || (!on && strcmp(slash, "/resume") != 0))
        return 0;
    char *name = mem_printf("%.*s", (int)(slash - path), path);
    if (gate_suspend(admin->conf.gate, name, on) == 0 &&
        gate_channel_json(admin->conf.gate, name, &text) == 0)
        reply(admin, request->id, 200, NULL, text.data, text.len);
    else
        admin_error(admin, request->id, 404, "not_found", "there is no such channel");
    buf_fini(&text);
    free(name);
    return 1;
}

/* %XX in place; what is not that stays. */
static void unescape(char *text)
{
    char *to = text;

    for (; *text; text++) {
        char hex[3] = { 0 }, *end = hex;

        if (text[0] == '%' && text[1] && text[2])
            memcpy(hex, text + 1, 2);
        const long byte = strtol(hex, &end, 16);
        if (end == hex + 2 && byte > 0)
            text += 2;
        *to++ = end == hex + 2 && byte > 0 ? (char)byte : *text;
    }
    *to = '\0';
}

/* /channels/NAME/kept?prefix=P&after=KEY; 1 when the path is that. */
static int get_kept(struct admin *admin, const struct td_web_request *request, const char *path)
{
    const char *slash = strchr(path, '/');
    char prefix[3 * TD_KEEP_MAX_KEY + 1] = "", after[3 * TD_KEEP_MAX_KEY + 1] = "";

    if (!slash || strcmp(slash, "/kept") != 0)
        return 0;
    query_get(request->query, "prefix", prefix, sizeof prefix);
    query_get(request->query, "after", after, sizeof after);
    unescape(prefix);
    unescape(after);
    char *name = mem_printf("%.*s", (int)(slash - path), path);
    gate_kept(admin->conf.gate, name, prefix, *after ? after : NULL, admin_reply_later,
              admin_later(admin, request, "application/x-ndjson"));
    free(name);
    return 1;
}

static void get_events(struct admin *admin, const struct td_web_request *request)
{
    int status;
    const char *flaw = events_open(admin->events, request, &status);

    if (flaw)
        admin_error(admin, request->id, status, status == 400 ? "bad_request" : "busy", flaw);
}

static void get_report(struct admin *admin, const struct td_web_request *request)
{
    int status;
    const char *flaw = reports_get(admin->reports, request, &status);

    if (flaw)
        admin_error(admin, request->id, status, status == 400 ? "bad_request" : "busy", flaw);
}

static void post_reload(struct admin *admin, const struct td_web_request *request)
{
    struct buf report = { 0 };
    struct td_json json = { 0 };
    const int ok = admin->conf.reload(admin->conf.arg, &report) == 0;

    td_json_object(&json);
    td_json_key_bool(&json, "reloaded", ok);
    if (!ok)
        add_error(&json, "bad_conf", report.data);
    else if (report.len > 0)
        td_json_key_str(&json, "note", report.data);
    td_json_object_end(&json);
    reply_json(admin, request->id, ok ? 200 : 409, &json);
    buf_fini(&report);
}

static void post_drain(struct admin *admin, const struct td_web_request *request)
{
    struct td_json json = { 0 };

    td_json_object(&json);
    td_json_key_bool(&json, "draining", 1);
    td_json_object_end(&json);
    reply_json(admin, request->id, 202, &json);
    admin->conf.drain(admin->conf.arg);
}

static void post_try(struct admin *admin, const struct td_web_request *request)
{
    policy_try_start(admin->policy, request->body, request->body_len, admin_reply_later,
                     admin_later(admin, request, NULL));
}

static int is_allowed(const struct admin *admin, const struct td_web_request *request)
{
    static const char scheme[] = "Bearer ";
    uint8_t given[CRYPT_HASH];

    if (request->control)
        return 1;
    for (size_t i = 0; admin->has_token && i < request->n_headers; i++) {
        const char *value = request->headers[i].value;
        if (strcmp(request->headers[i].name, "authorization") != 0 ||
            strncasecmp(value, scheme, strlen(scheme)) != 0)
            continue;
        value += strlen(scheme);
        crypt_sha256(value, strlen(value), given);
        return crypt_equal(given, admin->token, sizeof given);
    }
    return 0;
}

static void log_change(const struct td_web_request *request)
{
    LOG_INFO(NULL, "operator asked for %s %s from %s", request->method, request->path,
             request->control ? "the control socket" : request->peer);
}

static void on_api(void *arg, const struct td_web_request *request)
{
    static const struct {
        const char *path;
        int is_post;
        void (*fn)(struct admin *admin, const struct td_web_request *request);
    } routes[] = {
        { "status", 0, get_status },   { "plugins", 0, get_plugins },
        { "sessions", 0, admin_sessions }, { "reload", 1, post_reload },
        { "drain", 1, post_drain },      { "channels", 0, get_channels },
        { "agents", 0, get_agents },     { "desks", 0, get_desks },
        { "handoffs", 0, get_handoffs }, { "report", 0, get_report },
        { "events", 0, get_events },     { "policy/try", 1, post_try },
    };
    struct admin *admin = arg;
    const int is_post = strcmp(request->method, "POST") == 0;
    const int is_ours = strncmp(request->path, PREFIX, strlen(PREFIX)) == 0;
    const char *path = is_ours ? request->path + strlen(PREFIX) : "";

    if (!request->control && !admin->has_token) {
        admin_error(admin, request->id, 404, "not_found",
                    "without admin_token /api answers on the control socket only");
        return;
    }
    if (!is_allowed(admin, request)) {
        admin_error(admin, request->id, 401, "unauthorized",
                    "send the admin_token: Authorization: Bearer TOKEN");
        return;
    }
    if (is_post)
        log_change(request);
    if (is_post || strcmp(request->method, "GET") == 0) {
        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
            if (routes[i].is_post == is_post && strcmp(routes[i].path, path) == 0) {
                routes[i].fn(admin, request);
                return;
            }
        }
        if (strncmp(path, "sessions/", 9) == 0 && admin_session(admin, request, path + 9, is_post))
            return;
        if (!is_post && strncmp(path, "policy/try/", 11) == 0) {
            policy_try_state(admin->policy, path + 11, admin_reply_later,
                             admin_later(admin, request, NULL));
            return;
        }
        if (!is_post && strncmp(path, "channels/", 9) == 0 && get_kept(admin, request, path + 9))
            return;
        if (is_post && strncmp(path, "channels/", 9) == 0 && on_channel(admin, request, path + 9))
            return;
    }
    admin_error(admin, request->id, 404, "not_found", "there is nothing here for this method");
}

/* -------------------------------------------------------------------------------------------- */

struct admin *admin_new(const struct admin_conf *conf)
{
    struct admin *admin = mem_alloc(sizeof *admin);

    admin->conf = *conf;
    admin->events = events_new(conf->loop, conf->web, conf->gate);
    admin->reports = reports_new(conf->loop, conf->web, conf->store, conf->gate);
    admin->policy = policy_api_new(&(struct policy_api_conf){
        .gate = conf->gate, .store = conf->store, .build = conf->try_rules,
        .drop = conf->drop_policy, .arg = conf->arg });
    web_route(conf->web, "/healthz", 0, on_healthz, admin);
    web_route(conf->web, "/readyz", 0, on_readyz, admin);
    web_route(conf->web, "/metrics", 0, on_metrics, admin);
    web_route(conf->web, "/api/", 0, on_api, admin);
    return admin;
}

void admin_set_token(struct admin *admin, const char *token)
{
    admin->has_token = token && *token;
    if (admin->has_token)
        crypt_sha256(token, strlen(token), admin->token);
}

void admin_say(struct admin *admin, const char *type, const char *key, const char *value)
{
    struct td_json facts = { 0 };

    td_json_object(&facts);
    if (value && *value)
        td_json_key_str(&facts, key, value);
    td_json_object_end(&facts);
    events_say(admin->events, type, td_json_text(&facts), td_json_len(&facts));
    td_json_free(&facts);
}

void admin_free(struct admin **admin)
{
    static const char *const paths[] = { "/healthz", "/readyz", "/metrics", "/api/" };

    if (!*admin)
        return;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        web_route_del((*admin)->conf.web, paths[i]);
    events_free(&(*admin)->events);
    reports_free(&(*admin)->reports);
    policy_api_free(&(*admin)->policy);
    mem_wipe(*admin, sizeof **admin);
    free(*admin);
    *admin = NULL;
}
