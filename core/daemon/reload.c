/* reload.c - from one conf to the next while the gateway runs. */
#include "config.h"

#include "daemon/reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/isolate.h"
#include "daemon/policy_build.h"
#include "daemon/setup.h"
#include "gate/gate.h"

int instance_open(struct gate *gate, const struct instance *instance, struct err *err)
{
    const struct gate_instance_conf conf = {
        .plugin = instance->plugin,
        .name = instance->name,
        .conf = instance->isolated ? isolate_conf_of(instance->isolated, gate) : instance->conf,
        .breaker_failures = (unsigned)instance->agent.breaker_failures,
        .breaker_open_ms = instance->agent.breaker_open,
        .max_jobs = (unsigned)instance->agent.max_jobs,
        .retry_ms = instance->desk.retry,
        .retry_max_ms = instance->desk.retry_max,
    };

    if (gate_instance_open(gate, &conf, err) == 0)
        return 0;
    return err_wrap(err, "[%s %s]", kind_name(instance->kind), instance->name);
}

void humans_set(struct gate *gate, const struct setup *setup)
{
    struct gate_human *humans = mem_array(setup->n_humans + 1, sizeof *humans);

    for (size_t i = 0; i < setup->n_humans; i++) {
        const char *token = setup->builtin ? setup->desk_token : setup->humans[i].conf.token;

        humans[i].name = setup->humans[i].section->name;
        crypt_sha256(token, strlen(token), humans[i].token);
    }
    gate_set_humans(gate, humans, setup->n_humans);
    mem_wipe(humans, setup->n_humans * sizeof *humans);
    free(humans);
}

static struct instance *counterpart(const struct setup *setup, const struct instance *instance)
{
    return setup_find(setup, instance->kind, instance->name);
}

static int is_same(const struct instance *a, const struct instance *b)
{
    return a->plugin == b->plugin && memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

/* Back to `old`: the first n instances of `next` have been taken up. */
static void undo(struct gate *gate, const struct setup *old, const struct setup *next, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        const struct instance *now = next->instances[i], *before = counterpart(old, now);
        struct err err;

        if (before && is_same(before, now))
            continue;
        gate_instance_close(gate, now->kind, now->name);
        if (before && instance_open(gate, before, &err) != 0)
            LOG_ERROR(NULL, "after a refused reload this does not open any more: %s", err.text);
    }
}

/* New ones first: when one of them fails, nothing that ran was touched. */
static void sort_new_first(const struct setup *old, struct setup *next)
{
    size_t n_new = 0;

    for (size_t i = 0; i < next->n_instances; i++) {
        struct instance *instance = next->instances[i];
        if (counterpart(old, instance))
            continue;
        memmove(&next->instances[n_new + 1], &next->instances[n_new],
                (i - n_new) * sizeof *next->instances);
        next->instances[n_new++] = instance;
    }
}

int reload_apply(struct gate *gate, struct setup *old, struct setup *next, struct err *err)
{
    sort_new_first(old, next);
    for (size_t i = 0; i < next->n_instances; i++) {
        const struct instance *now = next->instances[i], *before = counterpart(old, now);

        if (before && is_same(before, now))
            continue;
        if (before)
            gate_instance_close(gate, before->kind, before->name);
        if (instance_open(gate, now, err) == 0)
            continue;
        struct err again;
        if (before && instance_open(gate, before, &again) != 0)
            LOG_ERROR(NULL, "after a refused reload this does not open any more: %s", again.text);
        undo(gate, old, next, i);
        return -1;
    }
    for (size_t i = 0; i < old->n_instances; i++) {
        struct instance *before = old->instances[i], *now = counterpart(next, before);

        if (!now) {
            gate_instance_close(gate, before->kind, before->name);
            continue;
        }
        if (!is_same(before, now))
            continue;
        for (size_t k = 0; k < next->n_instances; k++) {
            if (next->instances[k] == now)
                next->instances[k] = before;
        }
        before->file = NULL; /* they go with the old setup */
        before->section = NULL;
        old->instances[i] = now;
    }
    gate_set_policy(gate, next->policy, policy_free);
    next->policy = NULL;
    humans_set(gate, next);
    return 0;
}

void reload_waiting(const struct setup *old, const struct setup *next, struct buf *out)
{
    static const char *const waiting[] = {
        "listen",     "store",    "control",        "plugin_dir",      "data_dir",     "frames", "tls_cert",
        "tls_key",    "min_free", "max_header",     "max_body",        "header_timeout",
        "trusted_proxies", "max_sessions", "files",
    };

    for (const struct td_conf_key *key = tandem_keys; key->name; key++) {
        struct buf before = { 0 }, now = { 0 };

        setup_value(key, &old->tandem, &before);
        setup_value(key, &next->tandem, &now);
        const int differs = strcmp(before.data, now.data) != 0;
        buf_fini(&before);
        buf_fini(&now);
        for (size_t i = 0; differs && i < sizeof waiting / sizeof *waiting; i++) {
            if (strcmp(key->name, waiting[i]) == 0)
                buf_printf(out, "%s%s", out->len > 0 ? ", " : "", key->name);
        }
    }
}
