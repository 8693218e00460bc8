/* listen.c - tells who listens what happens: records once they are durable, instances, breakers. */
#include "config.h"

#include <string.h>

#include <tandem/json.h>

#include "gate/gate_private.h"

void gate_listen(struct gate *gate, gate_fact_fn *fn, void *arg)
{
    gate->listener = fn;
    gate->listener_arg = arg;
}

/* The type of facts as record_encode() writes them: it comes first. */
static const char *type_of(const char *facts, size_t len, char *type, size_t size)
{
    static const char before[] = "{\"type\":\"";
    const size_t from = sizeof before - 1;
    size_t n = 0;

    while (from + n < len && n + 1 < size && facts[from + n] != '"') {
        type[n] = facts[from + n];
        n++;
    }
    type[n] = '\0';
    return type;
}

void listen_journal(const struct slot *slot, const struct append *append, const struct item *item)
{
    const struct session *s = &slot->session;
    const size_t n_step = item != NULL ? item->step.n_records : 0;
    const char *agent = s->owner == TD_OWNER_AGENT ? s->owner_name : NULL;
    const char *channel = s->channel;
    struct buf facts = { 0 };
    char type[32];

    if (slot->gate->listener == NULL)
        return;
    for (size_t i = 0; i < append->batch.n_records; i++) {
        const struct store_record *stored = &append->batch.records[i];
        const struct record *record = i >= append->n_marks && i - append->n_marks < n_step
                                          ? &item->step.records[i - append->n_marks]
                                          : NULL;

        if (record != NULL && record->type == RECORD_OPENED)
            channel = record->channel;
        if (record != NULL && record->type == RECORD_OWNER)
            agent = record->owner == TD_OWNER_AGENT ? record->name : NULL;
        buf_clear(&facts);
        journal_show(stored, &facts);
        slot->gate->listener(slot->gate->listener_arg, &(struct gate_fact){
            .type = type_of(stored->data, stored->data_len, type, sizeof type),
            .session = slot->text, .channel = channel,
            .agent = record != NULL && record->agent != NULL ? record->agent : agent,
            .facts = facts.data, .len = facts.len,
        });
    }
    buf_fini(&facts);
}

static void tell(const struct td_instance *inst, const char *type, struct td_json *facts)
{
    const struct gate *gate = inst->gate;

    td_json_object_end(facts);
    gate->listener(gate->listener_arg, &(struct gate_fact){
        .type = type, .channel = inst->kind == TD_CHANNEL ? inst->name : NULL,
        .agent = inst->kind == TD_AGENT ? inst->name : NULL,
        .facts = td_json_text(facts), .len = td_json_len(facts),
    });
    td_json_free(facts);
}

void listen_instance(const struct td_instance *inst)
{
    struct td_json facts = { 0 };

    if (inst->gate->listener == NULL)
        return;
    td_json_object(&facts);
    td_json_key_str(&facts, "kind", instance_label(inst));
    td_json_key_str(&facts, "state", instance_state(inst));
    if (inst->detail[0] != '\0')
        td_json_key_str(&facts, "detail", inst->detail);
    tell(inst, "instance", &facts);
}

void listen_notice(const struct td_instance *inst, const char *what, const char *text)
{
    struct td_json facts = { 0 };

    if (inst->gate->listener == NULL)
        return;
    td_json_object(&facts);
    td_json_key_str(&facts, "what", what);
    td_json_key_str(&facts, "text", text);
    tell(inst, "notice", &facts);
}

void listen_breaker(struct td_instance *inst)
{
    struct td_json facts = { 0 };

    if (inst->breaker_told == inst->breaker.state)
        return;
    inst->breaker_told = inst->breaker.state;
    if (inst->gate->listener == NULL)
        return;
    td_json_object(&facts);
    td_json_key_str(&facts, "state", breaker_name(&inst->breaker));
    td_json_key_int(&facts, "failures", inst->breaker.in_row);
    tell(inst, "breaker", &facts);
}
