/* operator.c - what operators see and do: status, sessions, the journal, pass, close. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "gate/gate_private.h"

#define LIST_MOST 1000

/* ---- Status ------------------------------------------------------------------------------- */

void gate_status_json(const struct gate *gate, struct buf *out)
{
    size_t asks = 0, waiting = 0;
    struct store_stats stats;

    for (const struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        asks += inst->n_asks;
        waiting += inst->n_waiting;
    }
    store_stats(gate->conf.store, &stats);
    buf_printf(out,
               "{\"draining\":%s,\"policy\":\"%s\",\"sessions\":{\"memory\":%zu,\"limit\":%zu},"
               "\"questions\":{\"asked\":%zu,\"waiting\":%zu},\"sends\":%zu,"
               "\"store\":{\"batches\":%" PRIu64 ",\"records\":%" PRIu64 ",\"commits\":%" PRIu64
               ",\"refused\":%" PRIu64 ",\"queue\":%" PRIu64 ",\"free\":%" PRIu64 "}}",
               gate->draining ? "true" : "false", gate->policy->policy->hash, gate->n_slots,
               gate->conf.max_sessions, asks, waiting, gate->n_sends, stats.batches, stats.records,
               stats.commits, stats.refused, stats.queue_depth, stats.bytes_free);
}

static void put_str(struct td_json *j, const char *key, const char *value)
{
    if (value == NULL)
        return;
    td_json_key(j, key);
    td_json_str(j, value);
}

static void put_uint(struct td_json *j, const char *key, uint64_t value)
{
    td_json_key(j, key);
    td_json_uint(j, value);
}

static void put_time(struct td_json *j, const char *key, int64_t at)
{
    char text[CLOCK_TEXT];

    if (at <= 0)
        return;
    clock_format(at, text);
    put_str(j, key, text);
}

/* Moves what was written into out. */
static void finish(struct td_json *j, struct buf *out)
{
    buf_add(out, td_json_text(j), td_json_len(j));
    td_json_free(j);
}

static void put_instance(struct td_json *j, const struct td_instance *inst)
{
    td_json_object(j);
    put_str(j, "kind", instance_label(inst));
    put_str(j, "name", inst->name);
    if (inst->conf.plugin != NULL) {
        put_str(j, "type", inst->conf.plugin->name);
        put_str(j, "version", inst->conf.plugin->version);
    }
    put_str(j, "state", instance_state(inst));
    if (inst->detail[0] != '\0')
        put_str(j, "detail", inst->detail);
    if (inst->kind == TD_AGENT) {
        put_uint(j, "asked", inst->n_asks);
        put_uint(j, "waiting", inst->n_waiting);
        put_uint(j, "overdue", inst->n_overdue);
        put_str(j, "breaker", breaker_name(&inst->breaker));
    }
    put_uint(j, "errors", *inst->errors);
    td_json_object_end(j);
}

void gate_instances_json(const struct gate *gate, struct buf *out)
{
    struct td_json j = { 0 };

    td_json_array(&j);
    for (const struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        if (inst->state != INSTANCE_CLOSED)
            put_instance(&j, inst);
    }
    td_json_array_end(&j);
    finish(&j, out);
}

/* ---- One session -------------------------------------------------------------------------- */

static void put_turn(struct td_json *j, const struct session_turn *turn)
{
    char id[ULID_TEXT];

    if (!turn->active)
        return;
    ulid_format(&turn->id, id);
    td_json_key(j, "turn");
    td_json_object(j);
    put_str(j, "id", id);
    put_str(j, "agent", turn->agent);
    put_uint(j, "attempt", turn->attempt);
    put_time(j, "deadline", turn->deadline);
    put_time(j, "retry_at", turn->retry_at);
    td_json_object_end(j);
}

static void put_handoff(struct td_json *j, const struct session *s)
{
    const struct session_handoff *h = &s->handoff;
    char id[ULID_TEXT];

    if (h->state > HANDOFF_NONE && h->state <= HANDOFF_LIVE) {
        ulid_format(&h->id, id);
        td_json_key(j, "handoff");
        td_json_object(j);
        put_str(j, "id", id);
        put_str(j, "state", record_word(RECORD_HANDOFF_STATE, "state", (int)h->state));
        put_str(j, "queue", h->queue);
        put_str(j, "desk", h->desk);
        put_str(j, "human", h->human);
        put_str(j, "reason", h->code);
        put_time(j, "since", h->since);
        put_time(j, "accepted_at", h->accepted_at);
        td_json_object_end(j);
    }
    if (s->n_promises == 0)
        return;
    td_json_key(j, "promises");
    td_json_array(j);
    for (size_t i = 0; i < s->n_promises; i++) {
        td_json_object(j);
        put_str(j, "what", s->promises[i].what);
        put_str(j, "by_whom", s->promises[i].by_whom);
        put_str(j, "state",
                record_word(RECORD_PROMISE, "outcome", (int)s->promises[i].state));
        put_time(j, "due", s->promises[i].due);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

/* Facts only: no address, no name, nothing that was said. */
static void put_session(struct td_json *j, const struct slot *slot)
{
    static const char *const phases[] = { "new", "open", "closed" };
    static const char *const owners[] = { "none", "agent", "human" };
    const struct session *s = &slot->session;

    td_json_object(j);
    put_str(j, "id", slot->text);
    put_str(j, "state", phases[s->phase]);
    put_str(j, "channel", s->channel);
    put_str(j, "kind", s->kind);
    put_uint(j, "seq", s->seq);
    put_uint(j, "epoch", s->epoch);
    td_json_key(j, "owner");
    td_json_object(j);
    put_str(j, "kind", owners[s->owner]);
    put_str(j, "name", s->owner_name);
    if (session_held(s) && s->owner != TD_OWNER_HUMAN)
        td_json_key_bool(j, "pending", 1);
    td_json_object_end(j);
    put_handoff(j, s);
    put_turn(j, &s->turn);
    put_uint(j, "pending", session_pending(s, NULL));
    put_uint(j, "outbox", slot->n_outs);
    put_str(j, "locale", s->locale);
    put_str(j, "intent", s->intent);
    put_str(j, "route", s->route);
    put_time(j, "opened_at", s->opened_at);
    put_time(j, "active_at", s->active_at);
    put_time(j, "seen_at", s->seen_at);
    if (s->phase == SESSION_CLOSED)
        put_time(j, "closed_at", s->closed_at);
    td_json_object_end(j);
}

void operator_session_json(const struct slot *slot, struct buf *out)
{
    struct td_json j = { 0 };

    put_session(&j, slot);
    finish(&j, out);
}

/* Every answer to an operator comes on a later turn, also when it is known at once. */
void operator_hand_in(struct gate *gate, const struct ulid *id, struct item *item)
{
    struct slot *slot = slot_load(gate, id, 0);

    if (slot == NULL || slot_is_crowded(slot))
        gate_refuse_later(gate, item, TD_RETRY, "too busy", BUSY_MS);
    else if (slot->hold != NULL && item->kind == ITEM_OPERATOR)
        gate_refuse_later(gate, item, TD_RETRY, "the store is full", FULL_MS);
    else
        slot_add(slot, item);
}

static void show_one(struct item *item, struct slot *slot)
{
    struct buf json = { 0 };

    if (slot != NULL)
        operator_session_json(slot, &json);
    else
        buf_str(&json, "there is no such session");
    item->fn(item->arg, slot != NULL ? 200 : 404, json.data, json.len);
    buf_fini(&json);
}

void gate_session(struct gate *gate, const struct ulid *id, gate_json_fn *fn, void *arg)
{
    struct item *item = item_new(gate, ITEM_LOOK, EVENT_TIMER);

    item->look = show_one;
    item->fn = fn;
    item->arg = arg;
    operator_hand_in(gate, id, item);
}

static void hand_control(struct gate *gate, const struct ulid *id, enum control_op op,
                         const struct gate_order *order, const struct event_control *control,
                         gate_json_fn *fn, void *arg)
{
    struct item *item = item_new(gate, ITEM_OPERATOR, EVENT_CONTROL);
    struct event_control *to = arena_alloc(item->arena, sizeof *to);

    to->op = op;
    if (order->key != NULL) /* apart from those of desks */
        to->id = arena_printf(item->arena, "operator.%.100s", order->key);
    to->agent = arena_strdup(item->arena, control->agent);
    to->queue = arena_strdup(item->arena, control->queue);
    to->code = arena_strdup(item->arena, control->code);
    to->text = arena_strdup(item->arena, control->text);
    to->channel = arena_strdup(item->arena, control->channel);
    to->link = arena_strdup(item->arena, control->link);
    item->event.control = to;
    item->event.text = arena_strdup(item->arena, order->by);
    item->fn = fn;
    item->arg = arg;
    operator_hand_in(gate, id, item);
}

/* An operator speaks of whatever handoff there is, in the place of the human who has it. */
const struct event_control *operator_control(const struct slot *slot, struct item *item)
{
    const struct session_handoff *h = &slot->session.handoff;
    struct event_control *to = arena_alloc(item->arena, sizeof *to);

    *to = *item->event.control;
    if (to->op != CONTROL_RETURN)
        return to;
    to->handoff = h->id;
    to->desk = arena_strdup(item->arena, h->desk);
    to->human = arena_strdup(item->arena, h->human);
    return to;
}

void gate_pass(struct gate *gate, const struct ulid *id, const char *agent,
               const struct gate_order *order, gate_json_fn *fn, void *arg)
{
    hand_control(gate, id, CONTROL_PASS, order,
                 &(struct event_control){ .agent = agent, .text = order->by }, fn, arg);
}

void gate_request(struct gate *gate, const struct ulid *id, const char *queue, const char *reason,
                  const struct gate_order *order, gate_json_fn *fn, void *arg)
{
    hand_control(gate, id, CONTROL_REQUEST, order,
                 &(struct event_control){ .queue = queue, .text = reason, .code = "supervisor" },
                 fn, arg);
}

void gate_release(struct gate *gate, const struct ulid *id, const struct gate_order *order,
                  gate_json_fn *fn, void *arg)
{
    hand_control(gate, id, CONTROL_RETURN, order, &(struct event_control){ .code = NULL }, fn, arg);
}

void gate_bridge(struct gate *gate, const struct ulid *id, const char *channel, const char *link,
                 const struct gate_order *order, gate_json_fn *fn, void *arg)
{
    hand_control(gate, id, CONTROL_BRIDGE, order,
                 &(struct event_control){ .channel = channel, .link = link, .text = order->by },
                 fn, arg);
}

void gate_close_session(struct gate *gate, const struct ulid *id, const struct gate_order *order,
                        gate_json_fn *fn, void *arg)
{
    hand_control(gate, id, CONTROL_END, order, &(struct event_control){ .text = order->by }, fn,
                 arg);
}

static void say_json(const struct item *item, const struct slot *slot,
                     void (*write)(const struct slot *, const struct item *, struct buf *))
{
    struct buf json = { 0 };

    write(slot, item, &json);
    item->fn(item->arg, 200, json.data, json.len);
    buf_fini(&json);
}

static void write_session(const struct slot *slot, const struct item *item, struct buf *out)
{
    (void)item;
    operator_session_json(slot, out);
}

void operator_done(const struct slot *slot, const struct item *item)
{
    const struct event_control *control = item->event.control;
    const char *why = NULL;

    if (control->op == CONTROL_BRIDGE && item->step.outcome <= CONTROL_AGAIN &&
        !bridge_is_out(slot, item))
        why = "the token of this order was used, has expired, or a newer one was made";
    else if (item->step.outcome > CONTROL_AGAIN)
        why = item->step.reason != NULL ? item->step.reason
                                        : "no human has this session, or nobody can take it over";
    if (why != NULL)
        item->fn(item->arg, 409, why, strlen(why));
    else
        say_json(item, slot, control->op == CONTROL_BRIDGE ? bridge_json : write_session);
}

/* ---- Lists -------------------------------------------------------------------------------- */

struct list {
    struct gate *gate;
    gate_json_fn *fn;
    void *arg;
    int phase; /* wanted; SESSION_NEW: any */
    int full;  /* there may be more after the last */
    struct ulid *ids;
    size_t n, at, most;
    struct td_json json;
};

static void list_end(struct list *list)
{
    struct buf out = { 0 };
    char text[ULID_TEXT];

    td_json_array_end(&list->json);
    if (list->full && list->n > 0) {
        ulid_format(&list->ids[list->n - 1], text);
        put_str(&list->json, "next", text);
    }
    td_json_object_end(&list->json);
    finish(&list->json, &out);
    list->fn(list->arg, 200, out.data, out.len);
    buf_fini(&out);
    free(list->ids);
    free(list);
}

static void list_next(struct list *list);

static void list_look(struct item *item, struct slot *slot)
{
    struct list *list = item->arg;

    if (slot != NULL &&
        (list->phase == SESSION_NEW || (int)slot->session.phase == list->phase))
        put_session(&list->json, slot);
    list_next(list);
}

static void list_next(struct list *list)
{
    struct item *item;

    if (list->at == list->n) {
        list_end(list);
        return;
    }
    item = item_new(list->gate, ITEM_LOOK, EVENT_TIMER);
    item->look = list_look;
    item->arg = list;
    operator_hand_in(list->gate, &list->ids[list->at++], item);
}

static void on_sessions(void *arg, enum store_status status, const struct store_item *items,
                        size_t n)
{
    struct list *list = arg;
    struct gate *gate = list->gate;
    static const char failed[] = "the store cannot be read now";

    if (gate->dead || status != STORE_OK) {
        if (!gate->dead)
            list->fn(list->arg, 503, failed, sizeof failed - 1);
        free(list);
    } else {
        list->ids = mem_array(n + 1, sizeof *list->ids);
        for (size_t i = 0; i < n; i++)
            list->ids[i] = items[i].session;
        list->n = n;
        list->full = n == list->most;
        td_json_object(&list->json);
        td_json_key(&list->json, "sessions");
        td_json_array(&list->json);
        list_next(list);
    }
    gate_unref(gate);
}

void gate_sessions(struct gate *gate, const char *state, const struct ulid *after, size_t max,
                   gate_json_fn *fn, void *arg)
{
    static const struct ulid newest;
    struct list *list = mem_alloc(sizeof *list);

    list->gate = gate;
    list->fn = fn;
    list->arg = arg;
    list->phase = state == NULL                  ? SESSION_NEW
                  : strcmp(state, "open") == 0   ? SESSION_OPEN
                  : strcmp(state, "closed") == 0 ? SESSION_CLOSED
                                                 : SESSION_NEW;
    list->most = max == 0 || max > LIST_MOST ? LIST_MOST : max;
    gate_ref(gate);
    store_sessions(gate->conf.store, after != NULL ? after : &newest, list->most, on_sessions,
                   list);
}

/* ---- The journal -------------------------------------------------------------------------- */

struct reading {
    struct gate *gate;
    gate_json_fn *fn;
    void *arg;
    int with_bodies;
};

static void on_journal(void *arg, enum store_status status, const struct store_record *records,
                       size_t n, int more)
{
    struct reading *reading = arg;
    struct gate *gate = reading->gate;
    struct buf out = { 0 };
    int http = status == STORE_OK ? 200 : status == STORE_NONE ? 404 : 503;

    (void)more;
    for (size_t i = 0; i < n && http == 200; i++) {
        const struct store_record *record = &records[i];

        journal_show(record, &out);
        if (reading->with_bodies && record->body != NULL && out.data[out.len - 1] == '}') {
            out.len--;
            buf_str(&out, ",\"body\":");
            buf_add(&out, record->body, record->body_len);
            buf_char(&out, '}');
        }
        buf_char(&out, '\n');
    }
    if (http != 200)
        buf_str(&out, http == 404 ? "there is no such session"
                                  : "the store cannot be read now");
    if (!gate->dead)
        reading->fn(reading->arg, http, out.data != NULL ? out.data : "", out.len);
    buf_fini(&out);
    free(reading);
    gate_unref(gate);
}

void gate_journal(struct gate *gate, const struct ulid *id, uint64_t after, size_t max,
                  int with_bodies, gate_json_fn *fn, void *arg)
{
    struct reading *reading = mem_alloc(sizeof *reading);

    *reading = (struct reading){ .gate = gate, .fn = fn, .arg = arg, .with_bodies = with_bodies };
    gate_ref(gate);
    store_read(gate->conf.store, id, after + 1, max == 0 || max > LIST_MOST ? LIST_MOST : max,
               on_journal, reading);
}
