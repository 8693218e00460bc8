/*
 * admin.h - what operators and their tools ask: health, metrics, /api/v1.
 *
 * Layer: daemon. /api is open on the control socket, whose file's mode guards it, and, with a
 * token, on the listener. Errors are {"error":{"code":..,"message":..}}. Loop thread only.
 */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

struct admin;
struct buf;
struct gate;
struct loader;
struct loop;
struct metric_set;
struct policy;
struct store;
struct td_json;
struct web;

struct admin_conf {
    struct loop *loop;
    struct web *web;
    struct gate *gate;
    struct store *store;
    struct loader *loader;
    const struct metric_set *metrics;
    /* What only the owner of all rooms can do. */
    int (*ready)(void *arg, struct buf *reasons);         /* 1, or 0 with reasons, one a line */
    void (*status)(void *arg, struct td_json *out);       /* adds keys to an open object */
    void (*isolated)(void *arg, struct td_json *out); /* members of an array; MAY be NULL */
    int (*reload)(void *arg, struct buf *report);         /* 0, or -1: nothing was changed */
    /* The conf's policy under other rules, for a trial; NULL with a report. */
    const struct policy *(*try_rules)(void *arg, const char *rules, struct buf *report);
    void (*drop_policy)(const struct policy *policy);
    void (*drain)(void *arg);
    void *arg;
};

struct admin *admin_new(const struct admin_conf *conf);
void admin_set_token(struct admin *admin, const char *token); /* NULL: control socket only */
/* Who reads /api/v1/events hears of it: with the fact, if there is one. */
void admin_say(struct admin *admin, const char *type, const char *key, const char *value);
void admin_free(struct admin **admin);

#endif
