/* instance.c - opening and closing what the conf names: channels and agents. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metric.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define RETRY_FIRST_MS 1000
#define RETRY_LONGEST_MS 60000
#define MISUSE_EVERY_MS 10000

/* ---- Looking ------------------------------------------------------------------------------ */

const char *instance_label(const struct td_instance *inst)
{
    return inst->kind == TD_AGENT ? "agent" : inst->kind == TD_CHANNEL ? "channel" : "desk";
}

struct td_instance *instance_find(const struct gate *gate, enum td_kind kind, const char *name)
{
    struct td_instance *inst = gate->instances;

    if (name == NULL)
        return NULL;
    while (inst != NULL && (inst->kind != kind || strcmp(inst->name, name) != 0))
        inst = inst->next;
    return inst;
}

int instance_is_open(const struct td_instance *inst)
{
    return inst != NULL && inst->state == INSTANCE_OPEN;
}

const char *instance_state(const struct td_instance *inst)
{
    static const char *const states[] = { "closed", "opening", "open", "failed" };

    return inst->suspended && inst->state == INSTANCE_OPEN ? "suspended" : states[inst->state];
}

int instance_can(const struct td_instance *inst, uint64_t cap)
{
    return instance_is_open(inst) && (inst->conf.plugin->caps & cap) != 0;
}

const struct td_channel_ops *instance_channel(const struct td_instance *inst)
{
    return inst->conf.plugin->ops;
}

const struct td_agent_ops *instance_agent(const struct td_instance *inst)
{
    return inst->conf.plugin->ops;
}

const struct td_desk_ops *instance_desk(const struct td_instance *inst)
{
    return inst->conf.plugin->ops;
}

void instance_misuse(struct td_instance *inst, const char *fmt, ...)
{
    int64_t now = clock_mono_ms();
    char text[300], more[64] = "";
    va_list ap;

    ++*inst->errors;
    if (inst->misuse_logged_ms != 0 && now < inst->misuse_logged_ms + MISUSE_EVERY_MS) {
        inst->misuse_quiet++;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (inst->misuse_quiet > 0)
        snprintf(more, sizeof more, " (and %llu others since the last line)",
                 (unsigned long long)inst->misuse_quiet);
    LOG_WARN(&inst->log, "the plugin broke its contract: %s%s; tandemtest(1) finds where", text, more);
    inst->misuse_logged_ms = now;
    inst->misuse_quiet = 0;
}

/* ---- Metrics ------------------------------------------------------------------------------ */

static uint64_t *counter(struct td_instance *inst, const char *name, const char *label,
                         const char *value)
{
    struct buf labels = { 0 };
    uint64_t *found;

    metric_label(&labels, instance_label(inst), inst->name);
    metric_label(&labels, label, value);
    found = metric_counter(inst->gate->conf.metrics, name, labels.data);
    buf_fini(&labels);
    return found;
}

static void make_metrics(struct td_instance *inst)
{
    struct gate *gate = inst->gate;
    struct buf labels = { 0 };

    buf_printf(&labels, "%s/%s", instance_label(inst), inst->name);
    inst->errors = gate_counter(gate, "tandem_plugin_errors_total", "instance", labels.data);
    inst->restarts = gate_counter(gate, "tandem_plugin_restarts_total", "instance", labels.data);
    buf_clear(&labels);
    if (inst->kind == TD_CHANNEL) {
        metric_label(&labels, "channel", inst->name);
        inst->accepted =
            metric_histogram(gate->conf.metrics, "tandem_accepted_seconds", labels.data);
        inst->duplicates =
            gate_counter(gate, "tandem_duplicates_total", "channel", inst->name);
        inst->messages_in = counter(inst, "tandem_messages_total", "direction", "in");
        inst->messages_out = counter(inst, "tandem_messages_total", "direction", "out");
        for (int i = TD_SENT; i <= TD_FAILED; i++)
            inst->deliveries[i] = counter(inst, "tandem_deliveries_total", "status",
                                          record_word(RECORD_DELIVERY, "status", i));
    }
    buf_fini(&labels);
}

struct metric_histogram *instance_turns(struct td_instance *inst, int decision)
{
    static const char *const names[] = { "none", "resolve", "clarify", "escalate", "refuse",
                                         "failed" };

    if (inst->turns[decision] == NULL) {
        struct buf labels = { 0 };

        metric_label(&labels, "agent", inst->name);
        metric_label(&labels, "decision", names[decision]);
        inst->turns[decision] =
            metric_histogram(inst->gate->conf.metrics, "tandem_turn_seconds", labels.data);
        buf_fini(&labels);
    }
    return inst->turns[decision];
}

/* ---- Opening ------------------------------------------------------------------------------ */

static struct td_instance *instance_get(struct gate *gate, enum td_kind kind, const char *name)
{
    struct td_instance *inst = instance_find(gate, kind, name);

    if (inst != NULL)
        return inst;
    inst = mem_alloc(sizeof *inst);
    inst->gate = gate;
    inst->kind = kind;
    inst->name = mem_strdup(name);
    inst->waiting_end = &inst->waiting;
    inst->log = (struct log_ctx)LOG_CTX(NULL, instance_label(inst), inst->name);
    make_metrics(inst);
    LL_APPEND(gate->instances, inst);
    return inst;
}

void instance_pause(struct td_instance *inst)
{
    if (instance_is_open(inst) && instance_channel(inst)->pause != NULL)
        instance_channel(inst)->pause(inst->self, inst->suspended || inst->gate->draining);
}

void instance_release(struct td_instance *inst)
{
    for (struct slot *slot = inst->gate->lru; slot != NULL; slot = slot->lru_next) {
        if (slot->outs != NULL)
            slot_wake(slot);
    }
}

static void opened(struct td_instance *inst)
{
    inst->state = INSTANCE_OPEN;
    inst->detail[0] = '\0';
    inst->open_tries = 0;
    inst->restarting = 0;
    LOG_INFO(&inst->log, "open (%s %s)", inst->conf.plugin->name, inst->conf.plugin->version);
    listen_instance(inst);
    if (inst->kind == TD_DESK)
        desk_opened(inst);
    if (inst->kind != TD_CHANNEL)
        return;
    if (inst->gate->draining || inst->suspended)
        instance_pause(inst);
    instance_release(inst);
}

static void on_open_again(void *arg);

static enum td_status try_open(struct td_instance *inst)
{
    struct td_error error = { "" };
    enum td_status status;

    inst->state = INSTANCE_OPENING;
    inst->self = NULL;
    if (inst->kind == TD_CHANNEL)
        status = instance_channel(inst)->open(&host_vtable, inst, inst->conf.conf, &inst->self,
                                              &error);
    else if (inst->kind == TD_DESK)
        status = instance_desk(inst)->open(&host_vtable, inst, inst->conf.conf, &inst->self,
                                           &error);
    else
        status = instance_agent(inst)->open(&host_vtable, inst, inst->conf.conf, &inst->self,
                                            &error);
    if (status == TD_OK) {
        opened(inst);
        return TD_OK;
    }
    error.text[sizeof error.text - 1] = '\0';
    snprintf(inst->detail, sizeof inst->detail, "%s",
             error.text[0] != '\0' ? error.text : "the plugin gave no reason");
    inst->generation++; /* what it had posted is not run */
    host_sweep(inst);
    if (status != TD_RETRY) {
        inst->state = INSTANCE_FAILED;
        listen_instance(inst);
        return status;
    }
    listen_instance(inst);
    int64_t ms = RETRY_FIRST_MS << (inst->open_tries < 6 ? inst->open_tries : 6);
    inst->open_tries++;
    LOG_WARN(&inst->log, "cannot be opened yet: %s", inst->detail);
    inst->open_timer =
        loop_timer_add(inst->gate->conf.loop,
                       (uint64_t)(ms < RETRY_LONGEST_MS ? ms : RETRY_LONGEST_MS), on_open_again,
                       inst);
    return TD_RETRY;
}

static void on_open_again(void *arg)
{
    struct td_instance *inst = arg;
    enum td_status status;

    inst->open_timer = NULL;
    status = try_open(inst);
    if (status != TD_OK && status != TD_RETRY)
        LOG_ERROR(&inst->log, "cannot be opened: %s", inst->detail);
}

int gate_instance_open(struct gate *gate, const struct gate_instance_conf *conf, struct err *err)
{
    struct td_instance *inst = instance_get(gate, conf->plugin->kind, conf->name);
    enum td_status status;

    if (inst->state == INSTANCE_OPEN || inst->state == INSTANCE_OPENING)
        return err_set(err, "%s %s is open already", instance_label(inst), inst->name);
    inst->conf = *conf;
    inst->conf.name = inst->name;
    inst->generation++;
    inst->open_tries = 0;
    breaker_init(&inst->breaker, conf->breaker_failures, conf->breaker_open_ms);
    inst->breaker_told = inst->breaker.state;
    status = try_open(inst);
    if (status == TD_OK || status == TD_RETRY)
        return 0;
    inst->state = INSTANCE_CLOSED;
    return err_set(err, "%s", inst->detail); /* who asks knows whose it is */
}

/* ---- Closing ------------------------------------------------------------------------------ */

/* Those that waited are asked anew: the agent may be there again by then, or the next one is. */
static void free_waiting(struct td_instance *inst)
{
    struct waiting *waiting;

    while ((waiting = inst->waiting) != NULL) {
        struct slot *slot = slot_get(inst->gate, &waiting->session);

        inst->waiting = waiting->next;
        if (slot != NULL && !inst->gate->dead && !inst->gate->drained)
            dispatch_unasked(slot, waiting);
        free(waiting);
    }
    inst->waiting_end = &inst->waiting;
    inst->n_waiting = 0;
}

static void close_plugin(struct td_instance *inst)
{
    struct job *job, *next;

    if (inst->kind == TD_CHANNEL) {
        if (instance_channel(inst)->pause != NULL)
            instance_channel(inst)->pause(inst->self, 1);
        instance_channel(inst)->close(inst->self);
    } else if (inst->kind == TD_DESK) {
        board_unwatch(inst->gate, inst, NULL);
        instance_desk(inst)->close(inst->self);
    } else {
        instance_agent(inst)->close(inst->self);
    }
    inst->state = INSTANCE_CLOSED;
    inst->generation++;
    inst->self = NULL;
    DL_FOREACH_SAFE(inst->jobs, job, next) {
        if (inst->kind == TD_CHANNEL)
            outbox_closed(inst, job);
        else if (inst->kind == TD_DESK)
            desk_closed(inst, job);
        else
            dispatch_closed(inst, job);
    }
    host_sweep(inst);
    LOG_INFO(&inst->log, "closed");
    listen_instance(inst);
}

void gate_instance_close(struct gate *gate, enum td_kind kind, const char *name)
{
    struct td_instance *inst = instance_find(gate, kind, name);

    if (inst == NULL)
        return;
    loop_timer_del(&inst->open_timer);
    if (inst->state == INSTANCE_OPEN)
        close_plugin(inst);
    inst->state = INSTANCE_CLOSED;
    inst->restarting = 0;
    inst->detail[0] = '\0';
    free_waiting(inst);
    inst->conf = (struct gate_instance_conf){ .name = inst->name };
}

static void on_restart(void *arg)
{
    struct td_instance *inst = arg;

    inst->open_timer = NULL;
    close_plugin(inst);
    free_waiting(inst);
    inst->state = INSTANCE_OPENING;
    inst->restarting = 1;
    listen_instance(inst);
    inst->open_timer = loop_timer_add(inst->gate->conf.loop, (uint64_t)inst->restart_pause_ms,
                                      on_open_again, inst);
}

void gate_instance_restart(struct gate *gate, enum td_kind kind, const char *name, const char *why,
                           int64_t pause_ms)
{
    struct td_instance *inst = instance_find(gate, kind, name);

    if (!instance_is_open(inst))
        return;
    ++*inst->restarts;
    snprintf(inst->detail, sizeof inst->detail, "%s", why);
    LOG_ERROR(&inst->log, "%s; it is started again in %lld ms", why, (long long)pause_ms);
    inst->restart_pause_ms = pause_ms;
    loop_timer_del(&inst->open_timer);
    inst->open_timer = loop_timer_add(gate->conf.loop, 0, on_restart, inst);
}

void instance_free_all(struct gate *gate)
{
    struct td_instance *inst;
    struct count *count;

    while ((inst = gate->instances) != NULL) {
        gate->instances = inst->next;
        free_waiting(inst);
        while ((count = inst->counts) != NULL) {
            inst->counts = count->next;
            free(count);
        }
        free(inst->name);
        free(inst);
    }
}
