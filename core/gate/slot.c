/* slot.c - sessions in memory: found, loaded, kept in a bounded cache, written out and let go. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metric.h"
#include "gate/board.h"
#include "io/loop.h"

#define MAX_MAILBOX 256
#define EVICT_MOST 64 /* slots looked at when room is made */

/* ---- Making and freeing ------------------------------------------------------------------- */

static struct slot *slot_new(struct gate *gate)
{
    struct slot *slot = mem_alloc(sizeof *slot);

    slot->gate = gate;
    slot->log = (struct log_ctx)LOG_CTX(NULL, "session", slot->text);
    slot->items_end = &slot->items;
    slot->marks_end = &slot->marks;
    slot->outs_end = &slot->outs;
    slot->stored_wake = STORE_WAKE_KEEP;
    slot->used_ms = clock_mono_ms();
    DL_APPEND2(gate->lru, slot, lru_prev, lru_next);
    gate->n_slots++;
    return slot;
}

static void set_id(struct slot *slot, const struct ulid *id)
{
    slot->id = *id;
    slot->has_id = 1;
    ulid_format(id, slot->text);
    session_init(&slot->session, id);
    HASH_ADD(hh, slot->gate->slots, id, sizeof slot->id, slot);
}

static void set_address(struct slot *slot, const uint8_t address[STORE_ADDRESS])
{
    memcpy(slot->address, address, STORE_ADDRESS);
    slot->has_address = 1;
    HASH_ADD(hh_address, slot->gate->by_address, address, STORE_ADDRESS, slot);
}

static void drop_address(struct slot *slot)
{
    if (slot->has_address)
        HASH_DELETE(hh_address, slot->gate->by_address, slot);
    slot->has_address = 0;
}

void slot_stop(struct slot *slot)
{
    loop_timer_del(&slot->hold);
    loop_timer_del(&slot->out_timer);
    loop_timer_del(&slot->timer);
    stream_stop(slot);
    desk_stop(slot);
}

/* The state and what hangs on it; the slot itself, its place and its mailbox stay. */
static void forget(struct slot *slot)
{
    slot_stop(slot);
    journal_marks_drop(slot);
    outbox_fini(slot);
    stream_free(slot);
    desk_free(slot);
    slot_heat(slot, 0);
    session_fini(&slot->session);
    slot_count_phase(slot);
    slot->timer_queued = 0;
    slot->durable_seq = slot->snapshot_seq = 0;
    slot->stored_wake = STORE_WAKE_KEEP;
    slot->hold_tries = 0;
}

void slot_free(struct slot *slot)
{
    struct gate *gate = slot->gate;
    struct item *item;

    while ((item = slot_take(slot)) != NULL)
        item_free(gate, &item);
    item_free(gate, &slot->current);
    gate_arena_put(gate, &slot->op_arena);
    forget(slot);
    slot_unqueue(slot);
    if (slot->has_id)
        HASH_DELETE(hh, gate->slots, slot);
    drop_address(slot);
    DL_DELETE2(gate->lru, slot, lru_prev, lru_next);
    gate->n_slots--;
    free(slot);
}

static void refuse_all(struct slot *slot, enum td_status status, const char *detail)
{
    struct item *item;

    while ((item = slot_take(slot)) != NULL) {
        item_refuse(slot->gate, item, status, detail, status == TD_RETRY ? FULL_MS : 0);
        item_free(slot->gate, &item);
    }
}

int slot_drop_if_void(struct slot *slot)
{
    if (slot->items != NULL || slot->op != OP_NONE || slot->current != NULL ||
        slot->session.seq > 0 || slot->state != SLOT_READY)
        return 0;
    slot_free(slot);
    return 1;
}

/* ---- Loading ------------------------------------------------------------------------------ */

static int restore(struct slot *slot, const struct store_loaded *loaded, struct arena *arena,
                   struct err *err)
{
    const struct store_snapshot *snapshot = loaded->snapshot;

    if (snapshot != NULL) {
        if (session_restore(&slot->session, snapshot->data, snapshot->data_len, snapshot->body,
                            snapshot->body_len, err) != 0)
            return -1;
        slot->snapshot_seq = snapshot->seq;
    }
    for (size_t i = 0; i < loaded->n_records; i++) {
        const struct store_record *stored = &loaded->records[i];
        struct record record;

        if (record_decode(stored->data, stored->data_len, arena, &record, err) != 0 ||
            record_decode_body(stored->body, stored->body_len, arena, &record.body, err) != 0)
            return err_wrap(err, "record %llu", (unsigned long long)stored->seq);
        engine_apply(&slot->session, &record);
        arena_reset(arena);
    }
    slot->durable_seq = slot->session.seq = loaded->last_seq;
    return 0;
}

/* The desk hears of a handoff that was under way when the process ended. */
static void show_handoff(struct slot *slot)
{
    const int known = board_place_of(slot->gate, &slot->id) != NULL;

    board_update(slot);
    if (!known && board_has(slot) && slot->session.handoff.state != HANDOFF_CHECKING)
        desk_offer(slot);
}

static void on_loaded(void *arg, const struct store_loaded *loaded)
{
    struct slot *slot = arg;
    struct gate *gate = slot->gate;
    struct arena *arena;
    struct err err = { "" };
    int broken;

    slot->op = OP_NONE;
    if (gate->dead) {
        slot_free(slot);
        gate_unref(gate);
        return;
    }
    gate_unref(gate);
    if (loaded->status != STORE_OK) {
        int none = loaded->status == STORE_NONE;

        slot->state = SLOT_READY;
        refuse_all(slot, none ? TD_AUTH : TD_RETRY,
                   none ? "there is no such session" : "the session cannot be read now");
        slot_drop_if_void(slot);
        return;
    }
    arena = gate_arena(gate);
    broken = restore(slot, loaded, arena, &err) != 0;
    gate_arena_put(gate, &arena);
    if (broken) {
        LOG_ERROR(&slot->log, "the session cannot be read: %s", err.text);
        refuse_all(slot, TD_FAIL, "the session cannot be read");
        slot_free(slot);
        return;
    }
    slot->state = SLOT_READY;
    slot_count_phase(slot);
    show_handoff(slot);
    timers_update(slot);
    slot_wake(slot);
}

static void load(struct slot *slot)
{
    slot->state = SLOT_LOADING;
    slot->op = OP_LOAD;
    gate_ref(slot->gate);
    store_load(slot->gate->conf.store, &slot->id, on_loaded, slot);
}

static int has_room(struct gate *gate)
{
    const size_t most = gate->conf.max_sessions;

    return gate->n_slots < most + most / 8 + 64;
}

struct slot *slot_get(struct gate *gate, const struct ulid *id)
{
    struct slot *slot;

    HASH_FIND(hh, gate->slots, id, sizeof *id, slot);
    return slot;
}

struct slot *slot_load(struct gate *gate, const struct ulid *id, int must)
{
    struct slot *slot = slot_get(gate, id);

    if (slot != NULL || (!must && !has_room(gate)))
        return slot;
    slot = slot_new(gate);
    set_id(slot, id);
    load(slot);
    return slot;
}

/* Somebody else wrote to the session: what we hold is not the truth. */
void slot_reload(struct slot *slot)
{
    LOG_ERROR(&slot->log, "the journal is ahead of us: loading the session again");
    forget(slot);
    session_init(&slot->session, &slot->id);
    /* As after a start, and before what waits: what was under way is taken up again. */
    slot_add_first(slot, item_new(slot->gate, ITEM_INTERNAL, EVENT_RESUME));
    load(slot);
}

/* ---- Addresses ---------------------------------------------------------------------------- */

struct slot *slot_get_address(struct gate *gate, const uint8_t address[STORE_ADDRESS])
{
    struct slot *slot;

    HASH_FIND(hh_address, gate->by_address, address, STORE_ADDRESS, slot);
    return slot;
}

static void become_fresh(struct slot *slot)
{
    struct ulid id;

    gate_ids(slot->gate, clock_wall_ms(), &id, 1);
    set_id(slot, &id);
    slot->state = SLOT_READY;
}

/* The session is in memory already, known by its id: it takes the address and the mailbox over. */
static void merge(struct slot *from, struct slot *to)
{
    uint8_t address[STORE_ADDRESS];
    struct item *item;

    memcpy(address, from->address, STORE_ADDRESS);
    drop_address(from);
    drop_address(to);
    set_address(to, address);
    while ((item = slot_take(from)) != NULL)
        slot_add(to, item);
    slot_free(from);
}

static void on_found(void *arg, enum store_status status, const struct ulid *id)
{
    struct slot *slot = arg, *there;
    struct gate *gate = slot->gate;

    slot->op = OP_NONE;
    if (gate->dead) {
        slot_free(slot);
    } else if (status == STORE_OK && (there = slot_get(gate, id)) != NULL) {
        merge(slot, there);
    } else if (status == STORE_OK) {
        set_id(slot, id);
        load(slot);
    } else if (status == STORE_NONE) {
        become_fresh(slot);
        slot_wake(slot);
    } else {
        refuse_all(slot, TD_RETRY, "the session cannot be looked up now");
        slot_free(slot);
    }
    gate_unref(gate);
}

struct slot *slot_find(struct gate *gate, const uint8_t address[STORE_ADDRESS])
{
    struct slot *slot = slot_get_address(gate, address);

    if (slot != NULL || !has_room(gate))
        return slot;
    slot = slot_new(gate);
    set_address(slot, address);
    slot->state = SLOT_FINDING;
    slot->op = OP_FIND;
    gate_ref(gate);
    store_find(gate->conf.store, address, on_found, slot);
    return slot;
}

struct slot *slot_fresh(struct gate *gate)
{
    struct slot *slot;

    if (!has_room(gate))
        return NULL;
    slot = slot_new(gate);
    become_fresh(slot);
    return slot;
}

struct slot *slot_succeed(struct slot *old)
{
    struct slot *slot = slot_new(old->gate);
    struct item *item, *items = old->items;
    uint8_t address[STORE_ADDRESS];

    become_fresh(slot);
    if (old->has_address) {
        memcpy(address, old->address, STORE_ADDRESS);
        drop_address(old);
        set_address(slot, address);
    }
    old->items = NULL;
    old->items_end = &old->items;
    old->n_items = 0;
    while ((item = items) != NULL) {
        items = item->next;
        slot_add(item->by_peer ? slot : old, item);
    }
    LOG_DEBUG(&slot->log, "follows session %s, which is over", old->text);
    return slot;
}

/* ---- The mailbox as a queue --------------------------------------------------------------- */

void slot_add(struct slot *slot, struct item *item)
{
    item->next = NULL;
    *slot->items_end = item;
    slot->items_end = &item->next;
    slot->n_items++;
    slot_wake(slot);
}

void slot_add_first(struct slot *slot, struct item *item)
{
    item->next = slot->items;
    if (slot->items == NULL)
        slot->items_end = &item->next;
    slot->items = item;
    slot->n_items++;
}

struct item *slot_take(struct slot *slot)
{
    struct item *item = slot->items;

    if (item == NULL)
        return NULL;
    slot->items = item->next;
    if (slot->items == NULL)
        slot->items_end = &slot->items;
    slot->n_items--;
    return item;
}

int slot_is_crowded(const struct slot *slot)
{
    return slot->n_items >= MAX_MAILBOX;
}

void slot_wake(struct slot *slot)
{
    if (slot->queued)
        return;
    slot->queued = 1;
    slot->gate->n_run++;
    DL_APPEND2(slot->gate->run, slot, run_prev, run_next);
    gate_pump_later(slot->gate);
}

void slot_unqueue(struct slot *slot)
{
    if (!slot->queued)
        return;
    slot->queued = 0;
    slot->gate->n_run--;
    DL_DELETE2(slot->gate->run, slot, run_prev, run_next);
}

void slot_used(struct slot *slot)
{
    slot->used_ms = clock_mono_ms();
    DL_DELETE2(slot->gate->lru, slot, lru_prev, lru_next);
    DL_APPEND2(slot->gate->lru, slot, lru_prev, lru_next);
}

void slot_heat(struct slot *slot, int on)
{
    if (on && !slot->hot)
        DL_APPEND2(slot->gate->hot, slot, hot_prev, hot_next);
    if (!on && slot->hot)
        DL_DELETE2(slot->gate->hot, slot, hot_prev, hot_next);
    slot->hot = on != 0;
}

void slot_count_phase(struct slot *slot)
{
    static const char *const labels[] = { "", "state=\"open\"", "state=\"closed\"" };
    int phase = (int)slot->session.phase;

    if (phase == slot->counted)
        return;
    if (slot->counted != SESSION_NEW)
        --*metric_gauge(slot->gate->conf.metrics, "tandem_sessions", labels[slot->counted]);
    if (phase != SESSION_NEW)
        ++*metric_gauge(slot->gate->conf.metrics, "tandem_sessions", labels[phase]);
    slot->counted = phase;
}

/* ---- Letting go --------------------------------------------------------------------------- */

int slot_is_idle(const struct slot *slot)
{
    return slot->state == SLOT_READY && slot->op == OP_NONE && slot->current == NULL &&
           slot->items == NULL && slot->hold == NULL && slot->outs == NULL && slot->ask_job == 0 && desk_is_idle(slot);
}

static void evict(struct slot *slot)
{
    slot->evicting = 1;
    if (!journal_flush(slot, 1, slot->session.seq > slot->snapshot_seq))
        slot_evicted(slot, 1);
}

void slot_evicted(struct slot *slot, int stored)
{
    slot->evicting = 0;
    if (!stored || !slot_is_idle(slot)) {
        slot_used(slot); /* not now, and not the next one looked at */
        return;
    }
    slot_free(slot);
}

void slot_make_room(struct gate *gate)
{
    struct slot *slot = gate->lru, *next;

    if (gate->n_slots <= gate->conf.max_sessions)
        return;
    for (int n = 0; n < EVICT_MOST && slot != NULL; n++, slot = next) {
        next = slot->lru_next;
        if (slot->evicting)
            continue;
        if (!slot_is_idle(slot) || engine_busy(&slot->session, gate->policy->policy))
            slot_used(slot);
        else
            evict(slot);
        if (gate->n_slots <= gate->conf.max_sessions)
            return;
    }
}
