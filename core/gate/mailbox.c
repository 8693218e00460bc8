/* mailbox.c - the step: decide, append, and when it is durable apply, answer, carry out. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/metric.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define MARKS_MOST 1024 /* waiting for a store that is full */
#define RUN_MOST 32     /* steps of one session in a row */
#define HOLD_FIRST_MS 500
#define HOLD_LONGEST_MS 30000

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
        case EFFECT_OFFER: desk_offer(slot); break;
        case EFFECT_RELAY: desk_relay(slot, effect->of, effect->delta); break;
        case EFFECT_RELEASE: desk_release(slot, effect); break;
        case EFFECT_DESK_EVENT: desk_event(slot, effect); break;
        case EFFECT_BRIDGE: bridge_carry(slot, effect); break;
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
    const struct td_message *message;
    char id[ULID_TEXT];

    (void)slot;
    ++*(duplicate ? inst->duplicates : inst->messages_in);
    metric_observe(inst->accepted, (double)(clock_mono_us() - item->came_us) / 1e6);
    if (!wants_answer(item))
        return;
    ulid_format(session, id);
    message = links_files(inst->gate, item->event.message, item->arena);
    instance_channel(inst)->accepted(inst->self, item->job, &(struct td_accepted){
        .size = sizeof(struct td_accepted), .status = TD_OK, .duplicate = duplicate, .session = id,
        .seq = seq, .attachments = message->attachments,
        .n_attachments = message->n_attachments,
    });
}

/* The item is done with. */
static void conclude(struct slot *slot)
{
    if (slot->current->event.type == EVENT_TIMER)
        slot->timer_queued = 0;
    outbox_run(slot);
    desk_run(slot);
    timers_update(slot);
    item_free(slot->gate, &slot->current);
    if (slot->items != NULL)
        slot_wake(slot);
}

static void tell_board(struct slot *slot, const struct item *item)
{
    for (size_t i = 0; i < item->step.n_records; i++)
        board_record(slot, &item->step.records[i]);
    board_update(slot);
    for (size_t i = 0; i < item->step.n_records; i++)
        board_said(slot, &item->step.records[i]);
    if (slot->session.phase == SESSION_CLOSED)
        board_unwatch(slot->gate, NULL, &slot->id);
}

/* What rules held is counted; of a withheld answer nothing stays with the customer. */
static void tell_rules(struct slot *slot, const struct item *item)
{
    for (size_t i = 0; i < item->step.n_records; i++) {
        const struct record *r = &item->step.records[i];

        if (r->type == RECORD_RULE)
            ++*gate_counter(slot->gate, "tandem_rules_total", "rule", r->name);
        if (r->type == RECORD_TURN_END && counts_word(r->signals, "unbacked_claim"))
            ++*gate_counter(slot->gate, "tandem_unbacked_claims_total", "agent", r->agent);
        if (r->type == RECORD_TURN_END && r->outcome == TURN_WITHHELD) {
            char turn[ULID_TEXT];

            ++*gate_counter(slot->gate, "tandem_withheld_answers_total", "agent", r->agent);
            ulid_format(&r->turn, turn);
            if (item->shown)
                outbox_void(slot, turn);
        }
    }
}

static void answer_control(struct slot *slot, struct item *item)
{
    if (item->kind == ITEM_DESK)
        request_done(slot, item);
    else if (item->kind == ITEM_OPERATOR)
        operator_done(slot, item);
    else if (!ulid_is_zero(&item->origin))
        bridge_answer(slot->gate, item, item->step.outcome <= CONTROL_AGAIN);
}

/* The records are durable, or marks, and applied. */
static void finish(struct slot *slot)
{
    struct item *item = slot->current;

    tell_rules(slot, item);
    slot_count_phase(slot);
    tell_board(slot, item);
    if (item->event.type == EVENT_BRIDGE)
        outbox_move(slot);
    if (item->kind == ITEM_ATTACH) {
        replay_start(slot, item);
        return;
    }
    if (item->kind == ITEM_DELIVER && item->event.type == EVENT_CONTROL &&
        item->step.outcome > CONTROL_AGAIN) {
        item_refuse(slot->gate, item, TD_REJECT, "there is no conversation that it could belong to",
                    0);
    } else if (item->kind == ITEM_DELIVER) {
        accept(slot, item, &slot->id, item->step.message_seq, 0);
    } else if (item->late != 0) {
        late_done(slot->gate, item, item->step.verdict == VERDICT_OK);
    } else {
        answer_control(slot, item);
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
        if (item->kind == ITEM_DELIVER) {
            accept(slot, item, &result->dup_session, result->dup_seq, 1);
        } else {
            item->step.outcome = CONTROL_AGAIN;
            if (item->step.message_seq > 0)
                item->step.message_seq = result->dup_seq;
            answer_control(slot, item);
        }
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
    case STORE_MANY:
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

void mailbox_appended(void *arg, const struct store_result *result)
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
    if (result->status == STORE_OK) {
        gate->full_ms = 0;
        listen_journal(slot, append, item);
        journal_settle(slot, append);
    } else if (result->status == STORE_FULL) {
        gate->full_ms = clock_mono_ms();
    }
    if (item == NULL) {
        flushed(slot, result->status);
    } else if (result->status == STORE_OK) {
        for (size_t i = 0; i < item->step.n_records; i++) {
            tally_record(slot, &item->step.records[i]);
            engine_apply(&slot->session, &item->step.records[i]);
        }
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
    if (item->kind == ITEM_OPERATOR && event->control != NULL)
        event->control = operator_control(slot, item);
    if (event->type == EVENT_BRIDGE)
        event->name = bridge_number(slot, item->secret);
    if (event->type == EVENT_MESSAGE)
        event->human_free = slot->session.phase == SESSION_CLOSED &&
                            slot->session.last_human != NULL &&
                            board_is_free(gate, slot->session.last_human);
    policy_drop(&item->policy);
    item->policy = policy_hold(gate);
    item->step = (struct step){ .arena = gate_arena(gate) };
    event->now = clock_wall_ms();
    gate_ids(gate, event->now, event->ids, EVENT_IDS);
    gate_random(gate, &event->random, sizeof event->random);
    engine_decide(&slot->session, event, item->policy->policy, &item->step);
}

/* Customers of a channel that replays see numbers that only grow: taken in now, this message would
 * get a later one than what a suspended channel holds back, and that would never be shown. */
static int would_overtake(const struct slot *slot, const struct item *item)
{
    const struct out *out = slot->outs;

    if (item->kind != ITEM_DELIVER || !item->inst->suspended ||
        !instance_can(item->inst, TD_CAN_REPLAY))
        return 0;
    while (out != NULL && out->seq == 0)
        out = out->next;
    return out != NULL;
}

/* NULL, or why this item must not get to the engine; *status_r says what to do. */
static const char *judge(const struct slot *slot, const struct item *item,
                         enum td_status *status_r)
{
    const struct session *s = &slot->session;
    int64_t newest;

    *status_r = TD_AUTH;
    if (s->seq == 0 && !item->by_peer && item->event.type != EVENT_OPEN)
        return "there is no such session";
    if ((s->seq == 0 && item->inst->suspended) || would_overtake(slot, item)) {
        *status_r = TD_RETRY;
        return "the channel is suspended";
    }
    if (s->seq == 0)
        return NULL;
    if (item->inst != NULL && item->inst->kind == TD_CHANNEL && item->event.type != EVENT_BRIDGE &&
        strcmp(s->channel, item->inst->name) != 0)
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

/* The address of this one belongs to a new session now, and so does what came by it. */
static int succeed(struct slot *slot)
{
    struct item *item = slot->current;

    slot->current = NULL;
    slot_add_first(slot, item);
    slot_succeed(slot);
    return 1;
}

/* The customer went on by another channel: who writes to the old address begins anew. */
static int has_moved(const struct slot *slot, const struct item *item)
{
    return item->by_peer && slot->session.seq > 0 &&
           strcmp(slot->session.channel, item->inst->name) != 0;
}

/* 1: the session at hand is another one now, and this slot must not be touched. */
static int carry_on(struct slot *slot, struct item *item)
{
    struct step *step = &item->step;

    switch (step->verdict) {
    case VERDICT_OK:
        if (step->n_records > 0)
            journal_append(slot, item);
        else
            finish(slot);
        break;
    case VERDICT_MARK:
        for (size_t i = 0; i < step->n_records; i++) {
            journal_mark(slot, &step->records[i]);
            engine_apply(&slot->session, &step->records[i]);
        }
        finish(slot);
        break;
    case VERDICT_BUSY: drop(slot, TD_RETRY, step->reason, BUSY_MS); break;
    case VERDICT_CLOSED:
        if (item->by_peer)
            return succeed(slot);
        drop(slot, TD_REJECT, step->reason, 0);
        break;
    case VERDICT_REJECT:
        drop(slot, item->kind == ITEM_ATTACH ? TD_AUTH : TD_REJECT, step->reason, 0);
        break;
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

/* An agent's answer that cannot be taken as it is: as if it had failed. */
static void fail_answer(struct item *item, enum td_status status, const char *why)
{
    struct td_answer *answer = arena_alloc(item->arena, sizeof *answer);

    *answer = (struct td_answer){ .size = sizeof *answer, .status = status == TD_RETRY
                                      ? TD_RETRY : TD_FAIL,
                                  .detail = arena_strdup(item->arena, why), .confidence = -1,
                                  .grounded = -1 };
    item->event.answer = answer;
}

int mailbox_go_on(struct slot *slot, enum td_status status, const char *why)
{
    struct item *item = slot->current;

    if (status != TD_OK && item->event.type != EVENT_ANSWER) {
        drop(slot, status, why, FULL_MS);
        return 0;
    }
    if (status != TD_OK)
        fail_answer(item, status, why);
    decide(slot, item);
    return carry_on(slot, item);
}

static int run_first(struct slot *slot)
{
    struct item *item = slot->current = slot_take(slot);
    enum td_status status;
    const char *why;

    slot_used(slot);
    if (has_moved(slot, item))
        return succeed(slot);
    why = judge(slot, item, &status);
    if (why == NULL && item->kind == ITEM_DESK && request_judge(slot, item)) {
        conclude(slot);
        return 0;
    }
    if (why == NULL && item->kind != ITEM_LOOK) {
        decide(slot, item);
        if (item->step.verdict == VERDICT_OK && attachments_wanted(item))
            return attachments_take(slot); /* decided again when they are sure to stay */

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
    desk_run(slot);
    if (slot->gate->drained)
        refuse_external(slot, "draining");
    for (int n = 0; n < RUN_MOST && slot->op == OP_NONE && slot->items != NULL &&
                    slot->hold == NULL && !slot->gate->drained; n++) {
        if (slot->n_marks >= slot->marks_most && slot->n_marks > 0 && journal_flush(slot, 0, 0))
            return;
        if (run_first(slot))
            return;
    }
    slot_drop_if_void(slot);
}
