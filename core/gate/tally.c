/* tally.c - what is counted of records, as they become state. */
#include "config.h"

#include <string.h>

#include <tandem/json.h>

#include "base/metric.h"
#include "gate/gate_private.h"
#include "measure/measure.h"
#include "measure/repeat.h"

static void count(struct gate *gate, const char *name, const char *label, const char *value)
{
    ++*gate_counter(gate, name, label, value);
}

/* ---- Handoffs ----------------------------------------------------------------------------- */

static void handoff_ended(struct slot *slot, const struct record *record)
{
    const struct session_handoff *h = &slot->session.handoff;
    const int known = ulid_cmp(&h->id, &record->handoff) == 0;
    struct buf labels = { 0 };

    metric_label(&labels, "queue", record->queue != NULL ? record->queue : "");
    metric_label(&labels, "reason", known && h->code != NULL ? h->code : "");
    metric_label(&labels, "outcome", handoff_outcome_name(record->outcome));
    ++*metric_counter(slot->gate->conf.metrics, "tandem_handoffs_total", labels.data);
    buf_fini(&labels);
}

static void human_spoke(struct slot *slot, const struct record *record)
{
    const struct session_handoff *h = &slot->session.handoff;
    struct buf labels = { 0 };

    if (ulid_cmp(&h->id, &record->handoff) != 0 || h->spoke_at != 0)
        return;
    metric_label(&labels, "queue", h->queue != NULL ? h->queue : "");
    metric_observe(metric_histogram(slot->gate->conf.metrics, "tandem_human_response_seconds",
                                    labels.data),
                   record->at > h->since ? (double)(record->at - h->since) / 1e3 : 0);
    buf_fini(&labels);
}

/* ---- What is said again ------------------------------------------------------------------- */

/* The first message of a human that is kept; NULL: no human has written. */
static const struct session_message *human_message(const struct session *s)
{
    for (size_t i = 0; i < s->n_messages && s->last_human != NULL; i++)
        if (s->messages[i].author == TD_HUMAN)
            return &s->messages[i];
    return NULL;
}

/* What there was to know when the human came, and what the customer has said since: how many. */
static unsigned hear(const struct session *s, const struct session_message *human,
                     struct repeat *repeat)
{
    unsigned since = 0;

    if (s->entities != NULL)
        repeat_entities(repeat, s->entities);
    if (s->customer_email != NULL)
        repeat_known(repeat, s->customer_email);
    for (size_t i = 0; i < s->n_messages; i++) {
        const struct session_message *m = &s->messages[i];

        if (m->author != TD_CUSTOMER)
            continue;
        if (human == NULL || m->seq < human->seq) {
            repeat_said(repeat, m->text);
        } else {
            since++;
            repeat_find(repeat, m->text);
        }
    }
    return since;
}

static void tell(struct slot *slot, const struct record *record, unsigned signs)
{
    struct gate *gate = slot->gate;
    struct td_json facts = { 0 };

    td_json_object(&facts);
    td_json_key_int(&facts, "of", (int64_t)record->seq);
    td_json_key(&facts, "signs");
    td_json_array(&facts);
    for (unsigned bit = 0; bit < REPEAT_SIGNS; bit++) {
        if ((signs >> bit & 1) == 0)
            continue;
        count(gate, "tandem_reexplain_total", "sign", repeat_sign_name(bit));
        td_json_str(&facts, repeat_sign_name(bit));
    }
    td_json_array_end(&facts);
    td_json_object_end(&facts);
    if (gate->listener != NULL)
        gate->listener(gate->listener_arg, &(struct gate_fact){
            .type = "reexplain", .session = slot->text, .channel = slot->session.channel,
            .facts = td_json_text(&facts), .len = td_json_len(&facts),
        });
    td_json_free(&facts);
}

/* Of the first messages of a customer after a human's first, and of the human among them. */
static void said_again(struct slot *slot, const struct record *record)
{
    const struct session *s = &slot->session;
    const struct session_message *human = human_message(s);
    const int by_human = record->type == RECORD_REPLY;
    struct arena *arena;
    struct repeat *repeat;
    unsigned signs = 0;

    if (record->body.text == NULL || (human == NULL && !by_human))
        return;
    arena = gate_arena(slot->gate);
    repeat = repeat_new(arena, slot->gate->policy->policy->phrases);
    if (hear(s, human, repeat) < MEASURE_HEARD)
        signs = by_human ? repeat_asks(repeat, record->body.text)
                         : repeat_find(repeat, record->body.text);
    gate_arena_put(slot->gate, &arena);
    if (signs != 0)
        tell(slot, record, signs);
}

/* ------------------------------------------------------------------------------------------- */

void tally_record(struct slot *slot, const struct record *record)
{
    static const char *const promises[] = { [PROMISE_MADE] = "made", [PROMISE_KEPT] = "kept",
                                            [PROMISE_BROKEN] = "broken", [PROMISE_VOID] = "void" };
    struct gate *gate = slot->gate;

    switch ((int)record->type) {
    case RECORD_HANDOFF_END: handoff_ended(slot, record); break;
    case RECORD_REPLY:
        if (record->author != TD_HUMAN)
            break;
        human_spoke(slot, record);
        said_again(slot, record);
        break;
    case RECORD_MESSAGE: said_again(slot, record); break;
    case RECORD_PROMISE:
        if (record->outcome >= PROMISE_MADE && record->outcome <= PROMISE_VOID)
            count(gate, "tandem_promises_total", "state", promises[record->outcome]);
        break;
    case RECORD_TURN_END:
        if (record->decision == TD_CLARIFY)
            ++*metric_counter(gate->conf.metrics, "tandem_clarify_turns_total", "");
        break;
    default: break;
    }
}
