/* journal.c - what a session writes: marks, steps, snapshots, when it wants to be woken. */
#include "config.h"

#include <assert.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "gate/gate_private.h"

#define SNAPSHOT_EVERY 256 /* records; so many are read at most when a crash came before it */

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

void journal_mark(struct slot *slot, const struct record *record)
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
        slot->soon = !instance_can(instance_find(gate, TD_CHANNEL, slot->session.channel),
                                   TD_CAN_REPLAY);
        if (slot->soon)
            DL_APPEND2(gate->marked_soon, slot, mark_prev, mark_next);
        else
            DL_APPEND2(gate->marked, slot, mark_prev, mark_next);
    }
}

void journal_marks_drop(struct slot *slot)
{
    if (slot->n_marks > 0 && slot->soon)
        DL_DELETE2(slot->gate->marked_soon, slot, mark_prev, mark_next);
    else if (slot->n_marks > 0)
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

static void start_append(struct slot *slot, struct append *append)
{
    slot->append = append;
    slot->op = OP_APPEND;
    gate_ref(slot->gate);
    store_append(slot->gate->conf.store, &append->batch, mailbox_appended, slot);
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

void journal_append(struct slot *slot, struct item *item)
{
    struct append *append = prepare(slot, item->step.arena, &item->step, item->event.now);
    struct store_batch *batch = &append->batch;

    if (item->kind == ITEM_DELIVER) {
        batch->dedupe = item->dedupe;
        batch->dedupe_seq = item->step.message_seq;
    } else if (item->event.type == EVENT_CONTROL && item->event.control->id != NULL) {
        /* The session remembers the newest operations only; the store, for as long as it keeps. */
        inbound_control_key(slot, item->event.control->id, item->dedupe);
        batch->dedupe = item->dedupe;
        batch->dedupe_seq = item->step.message_seq > 0
                                ? item->step.message_seq
                                : item->step.records[item->step.n_records - 1].seq;
    }
    if (slot->durable_seq == 0 && slot->has_address)
        batch->address = slot->address;
    if (slot->session.seq >= slot->snapshot_seq + SNAPSHOT_EVERY)
        snapshot(slot, item->step.arena, append);
    batch->wake_at = wake_for(slot, item, 0);
    start_append(slot, append);
}

int journal_flush(struct slot *slot, int exact, int with_snapshot)
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

void journal_settle(struct slot *slot, const struct append *append)
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
    journal_marks_drop(slot);
    slot->hold_tries = 0;
}

void journal_show(const struct store_record *stored, struct buf *out)
{
    struct arena *arena = arena_new(0);
    struct buf names = { 0 };
    struct record record;
    struct err err;

    buf_add(out, stored->data, stored->data_len);
    if (record_decode(stored->data, stored->data_len, arena, &record, &err) == 0)
        record_encode_names(&record, &names);
    if (names.len > 0) {
        out->len--; /* the facts' own bracket */
        buf_str(out, ",\"names\":");
        buf_add(out, names.data, names.len);
        buf_char(out, '}');
    }
    buf_fini(&names);
    arena_free(&arena);
}
