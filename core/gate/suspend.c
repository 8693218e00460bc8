/* suspend.c - channels and agents as lists, and channels that an operator holds back. */
#include "config.h"

#include <tandem/json.h>

#include "gate/gate_private.h"

/* What stands in memory for a channel; sessions on disk wait for nothing. */
struct load {
    uint64_t sessions, waiting;
};

static struct load load_of(const struct td_instance *inst)
{
    struct load load = { 0, 0 };

    for (const struct slot *slot = inst->gate->lru; slot != NULL; slot = slot->lru_next) {
        const struct session *s = &slot->session;

        if (s->phase != SESSION_OPEN || instance_find(inst->gate, TD_CHANNEL, s->channel) != inst)
            continue;
        load.sessions++;
        for (const struct out *out = slot->outs; out != NULL; out = out->next)
            load.waiting += (uint64_t)out->is_send;
    }
    return load;
}

static void put_uint(struct td_json *j, const char *key, uint64_t value)
{
    td_json_key(j, key);
    td_json_uint(j, value);
}

static void put(struct td_json *j, const struct td_instance *inst)
{
    td_json_object(j);
    td_json_key_str(j, "name", inst->name);
    td_json_key_str(j, "type", inst->conf.plugin->name);
    td_json_key_str(j, "version", inst->conf.plugin->version);
    td_json_key_str(j, "state", instance_state(inst));
    if (inst->kind == TD_CHANNEL) {
        const struct load load = load_of(inst);

        td_json_key_bool(j, "suspended", inst->suspended);
        put_uint(j, "sessions", load.sessions);
        put_uint(j, "waiting", load.waiting);
        put_uint(j, "in", *inst->messages_in);
        put_uint(j, "out", *inst->messages_out);
        put_uint(j, "failed", *inst->deliveries[TD_FAILED]);
    } else {
        td_json_key_str(j, "breaker", breaker_name(&inst->breaker));
        put_uint(j, "asked", inst->n_asks);
        put_uint(j, "waiting", inst->n_waiting);
        put_uint(j, "overdue", inst->n_overdue);
        put_uint(j, "max_jobs", inst->conf.max_jobs);
    }
    put_uint(j, "errors", *inst->errors);
    if (inst->detail[0] != '\0')
        td_json_key_str(j, "detail", inst->detail);
    else if (inst->report[0] != '\0' && instance_is_open(inst))
        td_json_key_str(j, "detail", inst->report);
    td_json_object_end(j);
}

static void put_all(const struct gate *gate, enum td_kind kind, struct buf *out)
{
    struct td_json j = { 0 };

    td_json_array(&j);
    for (const struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        if (inst->kind == kind && inst->state != INSTANCE_CLOSED)
            put(&j, inst);
    }
    td_json_array_end(&j);
    buf_add(out, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
}

void gate_channels_json(const struct gate *gate, struct buf *out)
{
    put_all(gate, TD_CHANNEL, out);
}

void gate_agents_json(const struct gate *gate, struct buf *out)
{
    put_all(gate, TD_AGENT, out);
}

static struct td_instance *channel_find(const struct gate *gate, const char *name)
{
    struct td_instance *inst = instance_find(gate, TD_CHANNEL, name);

    return inst != NULL && inst->state != INSTANCE_CLOSED ? inst : NULL;
}

int gate_channel_json(const struct gate *gate, const char *name, struct buf *out)
{
    const struct td_instance *inst = channel_find(gate, name);
    struct td_json j = { 0 };

    if (inst == NULL)
        return -1;
    put(&j, inst);
    buf_add(out, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
    return 0;
}

int gate_suspend(struct gate *gate, const char *channel, int on)
{
    struct td_instance *inst = channel_find(gate, channel);

    if (inst == NULL)
        return -1;
    if (inst->suspended == on)
        return 0;
    inst->suspended = on;
    LOG_INFO(&inst->log, on ? "suspended: no new customers, what it would send waits" : "resumed");
    listen_instance(inst);
    instance_pause(inst);
    if (!on)
        instance_release(inst);
    return 0;
}
