/* outbox.c - what leaves a session: in order, one message under way at a time, with back-off. */
#include "config.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define MAX_EVENTS 1000 /* waiting behind a message that does not leave */
#define ANSWER_MS 300000 /* a channel that has not answered by then never will */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LONGEST_MS 60000
#define GIVE_UP_MS INT64_C(86400000)

static struct out *out_add(struct slot *slot)
{
    struct out *out = mem_alloc(sizeof *out);

    *slot->outs_end = out;
    slot->outs_end = &out->next;
    slot->n_outs++;
    return out;
}

static void out_free(struct out *out)
{
    free(out->owner_name);
    free(out->text);
    free(out->turn);
    free(out);
}

static void out_pop(struct slot *slot)
{
    struct out *out = slot->outs;

    slot->outs = out->next;
    if (slot->outs == NULL)
        slot->outs_end = &slot->outs;
    slot->n_outs--;
    out_free(out);
}

void outbox_send(struct slot *slot, uint64_t seq, int maybe_duplicate)
{
    struct out *out;

    if (slot->away || seq <= slot->out_queued)
        return; /* the next attach offers it again; or it is on its way already */
    slot->out_queued = seq;
    out = out_add(slot);
    out->is_send = 1;
    out->seq = seq;
    out->maybe_duplicate = maybe_duplicate;
}

const char *slot_owner_name(const struct session *s)
{
    const char *name = s->owner == TD_OWNER_HUMAN && s->handoff.title != NULL ? s->handoff.title
                                                                               : s->owner_name;

    return name != NULL ? name : "";
}

void outbox_event(struct slot *slot, const struct effect *effect)
{
    int has_seq = effect->event == TD_EV_OWNER || effect->event == TD_EV_CLOSED ||
                  effect->event == TD_EV_PROMISE;
    struct out *out;

    if (slot->away || slot->n_outs >= MAX_EVENTS)
        return;
    out = out_add(slot);
    out->type = effect->event;
    out->seq = has_seq ? effect->of : 0;
    out->of = has_seq ? 0 : effect->of;
    out->status = effect->status;
    out->on = effect->on;
    out->position = effect->position;
    out->wait_ms = effect->wait_ms;
    out->promise = effect->promise;
    out->due = effect->due;
    out->promise_state = effect->promise_state;
    if (effect->event == TD_EV_OWNER) { /* one step may have had several */
        out->owner = effect->owner;
        out->owner_name = mem_strdup(effect->text);
        return;
    }
    out->owner = slot->session.owner;
    out->owner_name = mem_strdup(slot_owner_name(&slot->session));
    out->text = mem_strdup(effect->text);
}

void outbox_void(struct slot *slot, const char *turn)
{
    struct out *out;

    if (slot->away || slot->n_outs >= MAX_EVENTS)
        return;
    out = out_add(slot);
    out->type = TD_EV_DELTA;
    out->turn = mem_strdup(turn);
}

static void clear_from(struct slot *slot, struct out **from)
{
    struct out *out = *from, *next;

    *from = NULL;
    slot->outs_end = from;
    for (; out != NULL; out = next) {
        next = out->next;
        slot->n_outs--;
        out_free(out);
    }
}

void outbox_clear(struct slot *slot)
{
    loop_timer_del(&slot->out_timer);
    if (slot->out_job != 0) {
        slot->out_queued = slot->outs->seq;
        clear_from(slot, &slot->outs->next);
        return;
    }
    slot->out_queued = slot->out_done;
    clear_from(slot, &slot->outs);
}

void outbox_move(struct slot *slot)
{
    slot->out_job = 0;
    outbox_clear(slot);
    slot->channel = NULL;
}

void outbox_fini(struct slot *slot)
{
    loop_timer_del(&slot->out_timer);
    clear_from(slot, &slot->outs);
    slot->out_job = slot->out_queued = slot->out_done = 0;
}

/* ---- Leaving ------------------------------------------------------------------------------ */

static void show_event(const struct slot *slot, struct td_instance *inst, const struct out *out)
{
    const struct td_owner owner = { .size = sizeof owner, .kind = out->owner,
                                    .name = out->owner_name != NULL ? out->owner_name : "",
                                    .pending = out->type == TD_EV_OWNER && out->on };

    char promise[ULID_TEXT];

    if (instance_channel(inst)->event == NULL)
        return;
    ulid_format(&out->promise, promise);
    instance_channel(inst)->event(inst->self, &(struct td_event){
        .size = sizeof(struct td_event), .type = out->type, .session = slot->text, .seq = out->seq,
        .at_ms = clock_wall_ms(), .of = out->of, .status = out->status, .on = out->on,
        .text = out->text, .owner = &owner, .turn = out->turn, .position = out->position,
        .wait_ms = out->wait_ms, .promise = out->type == TD_EV_PROMISE ? promise : NULL,
        .due_at_ms = out->due, .promised = (enum td_promised)out->promise_state,
    });
}

/* 1: it may have left before, and that is not on disk yet: it waits until it is. */
static int doubt_first(struct slot *slot, const struct td_instance *inst)
{
    struct out *out = slot->outs;
    const struct session_message *kept = session_message(&slot->session, out->seq);
    struct item *item;

    if (!out->maybe_duplicate || kept == NULL || kept->maybe_duplicate ||
        instance_can(inst, TD_CAN_REPLAY)) /* there the customer can tell */
        return 0;
    if (out->doubted)
        return 1;
    out->doubted = 1;
    item = item_new(slot->gate, ITEM_INTERNAL, EVENT_SENT);
    item->event.of = out->seq;
    item->event.status = TD_QUEUED;
    item->event.maybe_duplicate = 1;
    slot_add(slot, item);
    return 1;
}

static void send_first(struct slot *slot, struct td_instance *inst)
{
    struct gate *gate = slot->gate;
    const struct out *out = slot->outs;
    struct arena *arena = gate_arena(gate);
    const struct session_message *kept = session_message(&slot->session, out->seq);
    const struct td_message *message =
        links_show(inst, bridge_show(gate, kept != NULL ? kept->said : 0,
                                     engine_reply(&slot->session, out->seq, arena), arena), arena);

    if (message == NULL) {
        LOG_WARN(&slot->log, "reply %llu is not kept any more, it is not sent",
                 (unsigned long long)out->seq);
        out_pop(slot);
    } else {
        struct job *job = job_add(inst, slot, ANSWER_MS);

        job->of = out->seq;
        slot->out_job = job->id;
        instance_channel(inst)->send(inst->self, job->id, &(struct td_outbound){
            .size = sizeof(struct td_outbound), .session = slot->text, .peer = slot->session.peer,
            .account = slot->session.account, .message = message,
            .maybe_duplicate = out->maybe_duplicate,
        });
    }
    gate_arena_put(gate, &arena);
}

static void tell_engine(struct gate *gate, const struct job *job, enum td_delivery status,
                        const char *detail)
{
    struct item *item = item_new(gate, ITEM_INTERNAL, EVENT_SENT);

    item->event.of = job->of;
    item->event.status = status;
    item->event.text = arena_strdup(item->arena, detail);
    item->event.on = job->unreachable;
    slot_add(slot_load(gate, &job->session, 1), item);
}

/* The provider takes no answers any more: it is not asked. */
static int is_too_late(const struct session *s)
{
    return s->reply_until > 0 && clock_wall_ms() > s->reply_until;
}

static void refuse_first(struct slot *slot, struct td_instance *inst)
{
    ++*inst->deliveries[TD_FAILED];
    tell_engine(slot->gate, &(struct job){ .session = slot->id, .of = slot->outs->seq,
                                           .unreachable = 1 },
                TD_FAILED, "the time in which this channel takes answers is over");
    slot->out_done = slot->outs->seq;
    out_pop(slot);
}

static void leave(struct slot *slot)
{
    if (slot->outs == NULL)
        return;
    if (slot->channel == NULL)
        slot->channel = instance_find(slot->gate, TD_CHANNEL, slot->session.channel);
    while (slot->outs != NULL && slot->out_job == 0 && slot->out_timer == NULL &&
           instance_is_open(slot->channel) && !slot->channel->suspended) {
        if (slot->outs->is_send && is_too_late(&slot->session)) {
            refuse_first(slot, slot->channel);
            continue;
        }
        if (slot->outs->is_send) {
            if (hold_first(slot))
                continue;
            if (doubt_first(slot, slot->channel))
                return;
            send_first(slot, slot->channel);
            continue;
        }
        show_event(slot, slot->channel, slot->outs);
        out_pop(slot);
    }
}

void outbox_run(struct slot *slot)
{
    leave(slot);
    if (slot->outs == NULL)
        stream_run(slot);
}

/* ---- What became of it -------------------------------------------------------------------- */

static void done(struct td_instance *inst, struct slot *slot, const struct job *job,
                 enum td_delivery status, const char *detail)
{
    ++*inst->deliveries[status];
    if (status != TD_FAILED)
        ++*inst->messages_out;
    tell_engine(inst->gate, job, status, detail);
    if (slot == NULL)
        return;
    slot->out_job = 0;
    slot->out_done = job->of;
    out_pop(slot);
    if (slot->away)
        outbox_clear(slot);
    slot_wake(slot);
}

static void on_retry(void *arg)
{
    struct slot *slot = arg;

    slot->out_timer = NULL;
    slot_wake(slot);
}

static int64_t message_at(const struct slot *slot, uint64_t seq)
{
    const struct session_message *message = session_message(&slot->session, seq);

    return message != NULL ? message->at : 0;
}

static void again(struct slot *slot, struct td_instance *inst, struct job *job,
                  uint32_t retry_after_ms, const char *detail)
{
    struct out *out = slot->outs;
    int64_t ms = BACKOFF_FIRST_MS << (out->tries < 6 ? out->tries : 6);

    if (hold_age(slot, message_at(slot, job->of)) > GIVE_UP_MS) {
        job->unreachable = 1;
        done(inst, slot, job, TD_FAILED, detail != NULL ? detail : "given up after a day");
        return;
    }
    if (ms > BACKOFF_LONGEST_MS)
        ms = BACKOFF_LONGEST_MS;
    out->tries++;
    slot->out_job = 0;
    slot->out_timer = loop_timer_add(slot->gate->conf.loop,
                                     retry_after_ms > 0 ? retry_after_ms : (uint64_t)ms, on_retry,
                                     slot);
}

static void gone(struct slot *slot)
{
    slot->out_job = 0;
    slot->away = 1;
    outbox_clear(slot);
    slot_wake(slot);
}

static struct slot *sender(const struct gate *gate, const struct job *job)
{
    struct slot *slot = slot_get((struct gate *)gate, &job->session);

    return slot != NULL && slot->out_job == job->id ? slot : NULL;
}

void outbox_sent(struct td_instance *inst, uint64_t id, const struct td_sent *sent)
{
    struct job *job = job_find(inst->gate, id);
    const char *detail = NULL;
    struct slot *slot;

    if (job == NULL || job->inst != inst || sent == NULL || !TD_HAS(sent, detail)) {
        instance_misuse(inst, "what became of job %llu, which is not open",
                        (unsigned long long)id);
        return;
    }
    slot = sender(inst->gate, job);
    job->unreachable = TD_HAS(sent, unreachable) && sent->unreachable;
    if (sent->status != TD_OK)
        detail = copy_detail(sent->detail);
    if (sent->status == TD_OK)
        done(inst, slot, job, sent->uncertain ? TD_UNCERTAIN : TD_SENT, NULL);
    else if (sent->status != TD_RETRY)
        done(inst, slot, job, TD_FAILED, detail);
    else if (slot != NULL && sent->away && instance_can(inst, TD_CAN_REPLAY))
        gone(slot);
    else if (slot != NULL) {
        slot->outs->maybe_duplicate |= sent->uncertain != 0;
        again(slot, inst, job, sent->retry_after_ms, detail);
    }
    job_free(job);
}

/* It may have left: the next one to get it is told so. */
void outbox_closed(struct td_instance *inst, struct job *job)
{
    struct slot *slot = sender(inst->gate, job);

    if (slot != NULL) {
        slot->outs->maybe_duplicate = 1;
        slot->out_job = 0;
        if (slot->away)
            outbox_clear(slot);
    }
    job_free(job);
}

void outbox_overdue(struct td_instance *inst, struct job *job)
{
    instance_misuse(inst, "job %llu was never answered", (unsigned long long)job->id);
    done(inst, sender(inst->gate, job), job, TD_UNCERTAIN, "the channel never said");
    job_free(job);
}
