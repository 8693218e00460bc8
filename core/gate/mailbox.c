/* mailbox.c - the step: decide, append, and when it is durable apply, answer, carry out. */
#include "config.h"

#include <assert.h>
#include <string.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/metric.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define SNAPSHOT_EVERY 128 /* records */
#define MARKS_FLUSH 64
#define MARKS_MOST 1024 /* waiting for a store that is full */
#define RUN_MOST 32     /* steps of one session in a row */
#define HOLD_FIRST_MS 500
#define HOLD_LONGEST_MS 30000

/* ---- Writing ------------------------------------------------------------------------------ */

static void encode(struct gate *gate, struct arena *arena, const struct record *record,
                   struct store_record *stored_r)
{
    struct buf *scratch = &gate->scratch;

    buf_clear(scratch);
    record_encode(record, scratch);
    *stored_r = (struct store_record){ .seq = record->seq, .data_len = scratch->len };
    stored_r->data = arena_dup(arena, scratch->data, scratch->len);
    buf_clear(scratch);
    record_encode_body(&record->body, scratch);
    if (scratch->len == 0)
        return;
    stored_r->body_len = scratch->len;
    stored_r->body = arena_dup(arena, scratch->data, scratch->len);
}

static void marks_add(struct slot *slot, const struct record *record)
{
    struct gate *gate = slot->gate;
    struct mark *mark;

    if (slot->marks_arena == NULL)
        slot->marks_arena = gate_arena(gate);
    mark = arena_alloc(slot->marks_arena, sizeof *mark);
    encode(gate, slot->marks_arena, record, &mark->record);
    *slot->marks_end = mark;
    slot->marks_end = &mark->next;
    if (slot->n_marks++ == 0) {
        slot->marks_ms = clock_mono_ms();
        slot->marks_most = MARKS_FLUSH;
        DL_APPEND2(gate->marked, slot, mark_prev, mark_next);
    }
}

void mailbox_marks_drop(struct slot *slot)
{
    if (slot->n_marks > 0)
        DL_DELETE2(slot->gate->marked, slot, mark_prev, mark_next);
    gate_arena_put(slot->gate, &slot->marks_arena);
    slot->marks = NULL;
    slot->marks_end = &slot->marks;
    slot->n_marks = 0;
}

/* A step may leave work under way, and that is only known once it is applied: so the store is told
 * "at every start" with it, and the truth when the session has been quiet. A turn costs no row. */
static int64_t wake_for(const struct slot *slot, const struct item *item, int exact)
{
    const struct policy *policy = slot->gate->policy->policy;
    int64_t wanted = STORE_WAKE_NOW;

    if (item == NULL && !engine_busy(&slot->session, policy))
        wanted = engine_due(&slot->session, policy);
    if (wanted == slot->stored_wake)
        return STORE_WAKE_KEEP;
    if (exact || slot->stored_wake == STORE_WAKE_KEEP || wanted < slot->stored_wake)
        return wanted;
    return STORE_WAKE_KEEP;
}

static void snapshot(const struct slot *slot, struct arena *arena, struct append *append)
{
    struct buf *facts = &slot->gate->scratch, *body = &slot->gate->scratch_body;
    struct store_snapshot *to = &append->snapshot;

    buf_clear(facts);
    buf_clear(body);
    session_snapshot(&slot->session, facts, body);
    *to = (struct store_snapshot){ .seq = slot->session.seq, .data_len = facts->len,
                                   .body_len = body->len };
    to->data = arena_dup(arena, facts->data, facts->len);
    if (body->len > 0)
        to->body = arena_dup(arena, body->data, body->len);
    append->batch.snapshot = to;
}

static void on_appended(void *arg, const struct store_result *result);

static void start_append(struct slot *slot, struct append *append)
{
    slot->append = append;
    slot->op = OP_APPEND;
    gate_ref(slot->gate);
    store_append(slot->gate->conf.store, &append->batch, on_appended, slot);
}

/* The marks that wait, then the step's records, as one batch. */
static struct append *prepare(struct slot *slot, struct arena *arena, const struct step *step,
                              int64_t now)
{
    struct append *append = arena_alloc(arena, sizeof *append);
    size_t n_step = step != NULL ? step->n_records : 0, n = 0;
    struct store_record *records = arena_array(arena, slot->n_marks + n_step + 1, sizeof *records);

    for (const struct mark *mark = slot->marks; mark != NULL; mark = mark->next)
        records[n++] = mark->record;
    append->n_marks = n;
    for (size_t i = 0; i < n_step; i++)
        encode(slot->gate, arena, &step->records[i], &records[n++]);
    append->batch = (struct store_batch){
        .session = slot->id, .expect_seq = slot->durable_seq, .records = records, .n_records = n,
        .now = now, .wake_at = STORE_WAKE_KEEP,
    };
    return append;
}

static void append_step(struct slot *slot, struct item *item)
{
    struct append *append = prepare(slot, item->step.arena, &item->step, item->event.now);
    struct store_batch *batch = &append->batch;

    if (item->kind == ITEM_DELIVER) {
        batch->dedupe = item->dedupe;
        batch->dedupe_seq = item->step.message_seq;
    }
    if (slot->durable_seq == 0 && slot->has_address)
        batch->address = slot->address;
    if (slot->session.seq >= slot->snapshot_seq + SNAPSHOT_EVERY)
        snapshot(slot, item->step.arena, append);
    batch->wake_at = wake_for(slot, item, 0);
    start_append(slot, append);
}

int mailbox_flush(struct slot *slot, int exact, int with_snapshot)
{
    struct gate *gate = slot->gate;
    int64_t wake;

    if (slot->state != SLOT_READY || slot->op != OP_NONE || slot->session.seq == 0)
        return 0;
    wake = wake_for(slot, NULL, exact);
    if (slot->n_marks == 0 && wake == STORE_WAKE_KEEP &&
        (!with_snapshot || slot->snapshot_seq == slot->session.seq))
        return 0;
    slot->op_arena = gate_arena(gate);
    struct append *append = prepare(slot, slot->op_arena, NULL, clock_wall_ms());

    append->batch.wake_at = wake;
    if (with_snapshot)
        snapshot(slot, slot->op_arena, append);
    start_append(slot, append);
    return 1;
}

static void settle(struct slot *slot, const struct append *append)
{
    const struct store_batch *batch = &append->batch;

    assert(append->n_marks == slot->n_marks);
    slot->durable_seq = batch->expect_seq + batch->n_records;
    if (batch->snapshot != NULL)
        slot->snapshot_seq = batch->snapshot->seq;
    if (batch->wake_at != STORE_WAKE_KEEP) {
        slot->stored_wake = batch->wake_at;
        slot_heat(slot, batch->wake_at == STORE_WAKE_NOW);
    }
    mailbox_marks_drop(slot);
    slot->hold_tries = 0;
}

/* ---- Carrying out ------------------------------------------------------------------------- */

static void run_effects(struct slot *slot, const struct item *item)
{
    for (size_t i = 0; i < item->step.n_effects; i++) {
        const struct effect *effect = &item->step.effects[i];

        switch (effect->type) {
        case EFFECT_ASK: dispatch_ask(slot); break;
        case EFFECT_CANCEL: dispatch_cancel(slot, &effect->turn); break;
        case EFFECT_SEND: outbox_send(slot, effect->of, effect->maybe_duplicate); break;
        case EFFECT_EVENT:
            if (item->kind != ITEM_ATTACH) /* else it stood in the replay */
                outbox_event(slot, effect);
            break;
        case EFFECT_STALE:
            ++*gate_counter(slot->gate, "tandem_stale_outputs_total", "kind", effect->text);
            break;
        }
    }
}

static int wants_answer(const struct item *item)
{
    return instance_is_open(item->inst) && item->inst->generation == item->generation;
}

static void accept(struct slot *slot, struct item *item, const struct ulid *session, uint64_t seq,
                   int duplicate)
{
    struct td_instance *inst = item->inst;
    char id[ULID_TEXT];

    (void)slot;
    ++*(duplicate ? inst->duplicates : inst->messages_in);
    metric_observe(inst->accepted, (double)(clock_mono_us() - item->came_us) / 1e6);
    if (!wants_answer(item))
        return;
    ulid_format(session, id);
    instance_channel(inst)->accepted(inst->self, item->job, &(struct td_accepted){
        .size = sizeof(struct td_accepted), .status = TD_OK, .duplicate = duplicate, .session = id,
        .seq = seq,
    });
}

/* The item is done with. */
static void conclude(struct slot *slot)
{
    if (slot->current->event.type == EVENT_TIMER)
        slot->timer_queued = 0;
    outbox_run(slot);
    timers_update(slot);
    item_free(slot->gate, &slot->current);
    if (slot->items != NULL)
        slot_wake(slot);
}

/* The records are durable, or marks, and applied. */
static void finish(struct slot *slot)
{
    struct item *item = slot->current;

    slot_count_phase(slot);
    if (item->kind == ITEM_ATTACH) {
        replay_start(slot, item);
        return;
    }
    if (item->kind == ITEM_DELIVER) {
        accept(slot, item, &slot->id, item->step.message_seq, 0);
    } else if (item->kind == ITEM_OPERATOR) {
        struct buf json = { 0 };

        operator_session_json(slot, &json);
        item->fn(item->arg, 200, json.data, json.len);
        buf_fini(&json);
    }
    run_effects(slot, item);
    conclude(slot);
}

void mailbox_replayed(struct slot *slot)
{
    struct item *item = slot->current;
    struct step unsent = { .arena = item->step.arena };

    run_effects(slot, item);
    engine_unsent(&slot->session, &unsent);
    for (size_t i = 0; i < unsent.n_effects; i++)
        outbox_send(slot, unsent.effects[i].of, unsent.effects[i].maybe_duplicate);
    conclude(slot);
}

static void drop(struct slot *slot, enum td_status status, const char *reason, uint32_t retry_ms)
{
    struct item *item = slot->current;

    item_refuse(slot->gate, item, status, reason, retry_ms);
    conclude(slot);
}

/* ---- When the store does not take it ------------------------------------------------------ */

static void on_hold_over(void *arg)
{
    struct slot *slot = arg;

    slot->hold = NULL;
    slot_wake(slot);
}

static int can_be_refused(const struct item *item)
{
    return item->kind != ITEM_INTERNAL && item->kind != ITEM_LOOK;
}

static void refuse_external(struct slot *slot, const char *why)
{
    struct item *item, *items = slot->items;

    slot->items = NULL;
    slot->items_end = &slot->items;
    slot->n_items = 0;
    while ((item = items) != NULL) {
        items = item->next;
        if (!can_be_refused(item)) {
            slot_add(slot, item);
            continue;
        }
        item_refuse(slot->gate, item, TD_RETRY, why, FULL_MS);
        item_free(slot->gate, &item);
    }
}

/* The store is full and what we hold must not be lost: it is tried again, and nobody else waits. */
static void hold(struct slot *slot)
{
    int64_t ms = HOLD_FIRST_MS << (slot->hold_tries < 6 ? slot->hold_tries : 6);
    struct item *item = slot->current;

    slot->hold_tries++;
    slot->current = NULL;
    slot->hold = loop_timer_add(slot->gate->conf.loop,
                                (uint64_t)(ms < HOLD_LONGEST_MS ? ms : HOLD_LONGEST_MS),
                                on_hold_over, slot);
    refuse_external(slot, "the store is full");
    slot_add_first(slot, item);
}

static void not_stored(struct slot *slot, const struct store_result *result)
{
    struct item *item = slot->current;

    switch (result->status) {
    case STORE_DUPLICATE:
        accept(slot, item, &result->dup_session, result->dup_seq, 1);
        conclude(slot);
        break;
    case STORE_CONFLICT:
        slot->current = NULL;
        slot_add_first(slot, item);
        slot_reload(slot);
        break;
    case STORE_FULL:
        if (item->event.type == EVENT_TIMER)
            slot->timer_floor = clock_wall_ms() + FULL_MS;
        if (can_be_refused(item) || item->event.type == EVENT_TIMER)
            drop(slot, TD_RETRY, "the store is full", FULL_MS);
        else
            hold(slot);
        break;
    case STORE_OK:
    case STORE_NONE:
    case STORE_FAILED: /* the daemon is leaving; the next start takes it up */
        drop(slot, TD_RETRY, "the store has failed", FULL_MS);
        break;
    }
}

static void flushed(struct slot *slot, enum store_status status)
{
    gate_arena_put(slot->gate, &slot->op_arena);
    if (status == STORE_CONFLICT) {
        slot->evicting = 0;
        slot_reload(slot);
        return;
    }
    if (status != STORE_OK) {
        slot->marks_most = slot->n_marks + MARKS_FLUSH;
        slot_heat(slot, 1); /* the sweep tries again */
    }
    if (slot->items != NULL)
        slot_wake(slot);
    if (slot->evicting)
        slot_evicted(slot, status == STORE_OK);
}

static void on_appended(void *arg, const struct store_result *result)
{
    struct slot *slot = arg;
    struct gate *gate = slot->gate;
    struct append *append = slot->append;
    struct item *item = slot->current;

    slot->op = OP_NONE;
    slot->append = NULL;
    if (gate->dead) {
        slot_free(slot);
        gate_unref(gate);
        return;
    }
    if (result->status == STORE_OK)
        settle(slot, append);
    if (item == NULL) {
        flushed(slot, result->status);
    } else if (result->status == STORE_OK) {
        for (size_t i = 0; i < item->step.n_records; i++)
            engine_apply(&slot->session, &item->step.records[i]);
        finish(slot);
    } else {
        not_stored(slot, result);
        if (slot->op == OP_NONE && slot->items == NULL)
            slot_drop_if_void(slot);
    }
    gate_unref(gate);
}

/* ---- Deciding ----------------------------------------------------------------------------- */

static void decide(struct slot *slot, struct item *item)
{
    struct gate *gate = slot->gate;
    struct event *event = &item->event;

    gate_arena_put(gate, &item->step.arena); /* of an earlier try */
    policy_drop(&item->policy);
    item->policy = policy_hold(gate);
    item->step = (struct step){ .arena = gate_arena(gate) };
    event->now = clock_wall_ms();
    gate_ids(gate, event->now, event->ids, EVENT_IDS);
    gate_random(gate, &event->random, sizeof event->random);
    engine_decide(&slot->session, event, item->policy->policy, &item->step);
}

/* NULL, or why this item must not get to the engine; *status_r says what to do. */
static const char *judge(const struct slot *slot, const struct item *item,
                         enum td_status *status_r)
{
    const struct session *s = &slot->session;
    int64_t newest;

    *status_r = TD_AUTH;
    if (s->seq == 0)
        return item->by_peer || item->event.type == EVENT_OPEN ? NULL : "there is no such session";
    if (item->inst != NULL && strcmp(s->channel, item->inst->name) != 0)
        return "there is no such session on this channel";
    if (slot->n_marks >= MARKS_MOST && can_be_refused(item)) {
        *status_r = TD_RETRY;
        return "the store is full";
    }
    if (item->kind != ITEM_ATTACH || item->attach->idle_limit_ms <= 0)
        return NULL;
    newest = s->seen_at > s->active_at ? s->seen_at : s->active_at;
    if (item->attach->known_at_ms > newest)
        newest = item->attach->known_at_ms;
    return newest + item->attach->idle_limit_ms < clock_wall_ms()
               ? "the session was not used for too long"
               : NULL;
}

/* 1: the session at hand is another one now, and this slot must not be touched. */
static int carry_on(struct slot *slot, struct item *item)
{
    struct step *step = &item->step;

    switch (step->verdict) {
    case VERDICT_OK:
        if (step->n_records > 0)
            append_step(slot, item);
        else
            finish(slot);
        break;
    case VERDICT_MARK:
        for (size_t i = 0; i < step->n_records; i++) {
            marks_add(slot, &step->records[i]);
            engine_apply(&slot->session, &step->records[i]);
        }
        finish(slot);
        break;
    case VERDICT_BUSY: drop(slot, TD_RETRY, step->reason, BUSY_MS); break;
    case VERDICT_CLOSED:
        if (item->by_peer) {
            slot->current = NULL;
            slot_add_first(slot, item);
            slot_succeed(slot);
            return 1;
        }
        drop(slot, TD_REJECT, step->reason, 0);
        break;
    case VERDICT_REJECT: drop(slot, TD_REJECT, step->reason, 0); break;
    case VERDICT_NOTHING:
        if (item->event.type == EVENT_TIMER)
            slot->timer_floor = item->event.now + 1000;
        if (item->kind == ITEM_ATTACH)
            finish(slot);
        else
            drop(slot, TD_REJECT, step->reason, 0);
        break;
    }
    return 0;
}

static int run_first(struct slot *slot)
{
    struct item *item = slot->current = slot_take(slot);
    enum td_status status;
    const char *why;

    slot_used(slot);
    why = judge(slot, item, &status);
    if (why == NULL && item->kind != ITEM_LOOK) {
        decide(slot, item);
        return carry_on(slot, item);
    }
    if (why != NULL)
        drop(slot, status, why, FULL_MS);
    else {
        item->look(item, slot);
        conclude(slot);
    }
    return 0;
}

void mailbox_run(struct slot *slot)
{
    if (slot->state != SLOT_READY)
        return;
    outbox_run(slot);
    if (slot->gate->drained)
        refuse_external(slot, "draining");
    for (int n = 0; n < RUN_MOST && slot->op == OP_NONE && slot->items != NULL &&
                    slot->hold == NULL && !slot->gate->drained; n++) {
        if (slot->n_marks >= slot->marks_most && slot->n_marks > 0 && mailbox_flush(slot, 0, 0))
            return;
        if (run_first(slot))
            return;
    }
    slot_drop_if_void(slot);
}
