/*
 * desk.c - what goes to desks: offers, customers' messages, events; in order a session, with back-off.
 *
 * A handoff has one offer under way, and a session one relay. What the desk answers late, about a
 * handoff that has moved on, is dropped and counted.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "engine/line.h"
#include "engine/package.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define ANSWER_MS 120000 /* a desk that has not answered by then is asked again */
#define BACKOFF_FIRST_MS 500
#define BACKOFF_LONGEST_MS 30000
#define MAX_RELAYS 1000 /* waiting for a desk that does not take them; the engine has them all */

struct relay {
    struct relay *next;
    uint64_t of;
    uint32_t delta;
};

struct desk_link {
    uint64_t offer_job, relay_job; /* under way; 0: none */
    unsigned offer_tries, relay_tries;
    struct loop_timer *offer_timer, *relay_timer;
    struct relay *relays, **relays_end;
    size_t n_relays;
};

static struct desk_link *link_of(struct slot *slot)
{
    if (slot->desk == NULL) {
        slot->desk = mem_alloc(sizeof *slot->desk);
        slot->desk->relays_end = &slot->desk->relays;
    }
    return slot->desk;
}

static void clear_relays(struct desk_link *link)
{
    struct relay *relay;

    loop_timer_del(&link->relay_timer);
    while ((relay = link->relays) != NULL) {
        link->relays = relay->next;
        free(relay);
    }
    link->relays_end = &link->relays;
    link->n_relays = 0;
    link->relay_job = 0;
    link->relay_tries = 0;
}

static void clear_offer(struct desk_link *link)
{
    loop_timer_del(&link->offer_timer);
    link->offer_job = 0;
    link->offer_tries = 0;
}

void desk_stop(struct slot *slot)
{
    if (slot->desk == NULL)
        return;
    loop_timer_del(&slot->desk->offer_timer);
    loop_timer_del(&slot->desk->relay_timer);
}

void desk_free(struct slot *slot)
{
    if (slot->desk == NULL)
        return;
    clear_offer(slot->desk);
    clear_relays(slot->desk);
    free(slot->desk);
    slot->desk = NULL;
}

int desk_is_idle(const struct slot *slot)
{
    const struct desk_link *link = slot->desk;

    return link == NULL || (link->offer_job == 0 && link->offer_timer == NULL &&
                            link->relays == NULL);
}

static struct td_instance *desk_of(const struct slot *slot)
{
    return instance_find(slot->gate, TD_DESK, slot->session.handoff.desk);
}

/* Doubled each time; or as the desk wants it. */
static uint64_t backoff(const struct slot *slot, unsigned tries, uint32_t wanted_ms)
{
    const struct td_instance *inst = desk_of(slot);
    const int64_t first = inst != NULL ? inst->conf.retry_ms : 0;
    const int64_t longest = inst != NULL ? inst->conf.retry_max_ms : 0;
    const int64_t most = longest > 0 ? longest : BACKOFF_LONGEST_MS;
    int64_t ms = first > 0 ? first : BACKOFF_FIRST_MS;

    if (wanted_ms > 0)
        return wanted_ms < 3600000 ? wanted_ms : 3600000;
    for (; tries > 0 && ms < most; tries--)
        ms *= 2;
    return (uint64_t)(ms < most ? ms : most);
}

/* ---- Offers ------------------------------------------------------------------------------- */

static void tell_outcome(struct gate *gate, const struct ulid *session, const struct ulid *handoff,
                         const struct event_offered *outcome)
{
    struct item *item = item_new(gate, ITEM_INTERNAL, EVENT_OFFERED);
    struct event_offered *to = arena_alloc(item->arena, sizeof *to);

    *to = *outcome;
    to->handoff = *handoff;
    to->name = arena_strdup(item->arena, outcome->name);
    to->text = arena_strdup(item->arena, outcome->text);
    item->event.offered = to;
    slot_add(slot_load(gate, session, 1), item);
}

static void tell(struct slot *slot, enum offered_outcome outcome, const char *text)
{
    tell_outcome(slot->gate, &slot->id, &slot->session.handoff.id,
                 &(struct event_offered){ .outcome = outcome, .wait_ms = -1, .text = text });
}

static const char *file_link(void *arg, const char *id, struct arena *arena)
{
    return links_url(arg, LINKS_FILES, id, arena);
}

static enum td_handoff_state state_of(const struct session_handoff *h)
{
    return h->state == HANDOFF_LIVE     ? TD_HANDOFF_LIVE
           : h->state == HANDOFF_QUEUED ? TD_HANDOFF_QUEUED
                                        : TD_HANDOFF_OFFERED;
}

const char *desk_package(const struct slot *slot, const struct td_instance *inst,
                         struct arena *arena)
{
    const struct td_desk_ops *ops = instance_desk(inst);
    const struct td_package_limits *limits = TD_HAS(ops, limits) ? ops->limits : NULL;
    const struct policy *policy = slot->gate->policy->policy;
    struct package_target target = {
        .format = TD_PACKAGE_JSON, .transcript = transcript_url(slot, arena),
        .link = file_link, .link_arg = slot->gate,
    };
    static const char *const nothing[] = { NULL };

    target.allow = nothing;
    for (size_t i = 0; i < policy->n_desks; i++) {
        if (strcmp(policy->desks[i].name, inst->name) == 0)
            target.allow = policy->desks[i].allow;
    }
    if (limits != NULL) {
        target.format = limits->format;
        target.bytes = limits->bytes;
    }
    return engine_package(&slot->session, policy, &target, arena);
}

static void on_offer_again(void *arg);

static void offer_later(struct slot *slot, uint32_t wanted_ms)
{
    struct desk_link *link = link_of(slot);

    link->offer_job = 0;
    loop_timer_del(&link->offer_timer);
    link->offer_timer = loop_timer_add(slot->gate->conf.loop,
                                       backoff(slot, link->offer_tries++, wanted_ms),
                                       on_offer_again, slot);
}

static void offer_now(struct slot *slot, struct td_instance *inst)
{
    const struct session_handoff *h = &slot->session.handoff;
    struct arena *arena = gate_arena(slot->gate);
    struct job *job = job_add(inst, slot, ANSWER_MS);
    char id[ULID_TEXT];

    ulid_format(&h->id, id);
    job->handoff = h->id;
    job->is_offer = 1;
    slot->desk->offer_job = job->id;
    LOG_DEBUG(&slot->log, "handoff %s is offered to desk %s", id, inst->name);
    instance_desk(inst)->offer(inst->self, job->id, &(struct td_handoff){
        .size = sizeof(struct td_handoff), .id = id, .session = slot->text, .queue = h->queue,
        .epoch = slot->session.epoch, .state = state_of(h), .reason = h->code,
        .priority = h->priority, .since_at_ms = h->since,
        .package = desk_package(slot, inst, arena),
        .human = h->state == HANDOFF_LIVE ? h->human : NULL,
    });
    gate_arena_put(slot->gate, &arena);
}

static void offer(struct slot *slot)
{
    struct td_instance *inst = desk_of(slot);
    const int checking = slot->session.handoff.state == HANDOFF_CHECKING;

    if (inst != NULL && instance_is_open(inst))
        offer_now(slot, inst);
    else if (inst != NULL && inst->state == INSTANCE_OPENING)
        offer_later(slot, 0);
    else if (checking)
        tell(slot, OFFERED_FAILED, "the desk is not open");
}

static void on_offer_again(void *arg)
{
    struct slot *slot = arg;

    slot->desk->offer_timer = NULL;
    if (slot->state == SLOT_READY && board_has(slot))
        offer(slot);
}

void desk_offer(struct slot *slot)
{
    const struct session_handoff *h = &slot->session.handoff;
    enum offered_outcome cannot;

    if (!board_has(slot))
        return;
    clear_offer(link_of(slot));
    if (h->state == HANDOFF_CHECKING && board_cannot(slot, &cannot))
        tell(slot, cannot, NULL);
    else
        offer(slot);
}

/* The slot whose offer this job is; NULL: it has moved on. */
static struct slot *offerer(const struct gate *gate, const struct job *job)
{
    struct slot *slot = slot_get((struct gate *)gate, &job->session);

    return slot != NULL && slot->desk != NULL && slot->desk->offer_job == job->id ? slot : NULL;
}

static void took(struct slot *slot, const struct td_instance *inst, const struct td_offered *offered)
{
    const struct session_handoff *h = &slot->session.handoff;
    struct event_offered out = { .outcome = OFFERED_QUEUED, .position = offered->position,
                                 .wait_ms = offered->wait_ms };

    if (offered->human != NULL && copy_is_good(offered->human, MAX_NAME)) {
        out.outcome = OFFERED_ACCEPTED;
        out.name = offered->human;
    } else if ((inst->conf.plugin->caps & TD_DESK_HUMANS) != 0) {
        board_place(slot, &out.position, &out.wait_ms);
    }
    if (h->state == HANDOFF_LIVE || (h->state == HANDOFF_QUEUED && out.name == NULL))
        return; /* it was only told again */
    tell_outcome(slot->gate, &slot->id, &h->id, &out);
}

void desk_offered(struct td_instance *inst, uint64_t id, const struct td_offered *offered)
{
    struct job *job = job_find(inst->gate, id);
    struct slot *slot;

    if (job == NULL || job->inst != inst || !job->is_offer || offered == NULL ||
        !TD_HAS(offered, retry_after_ms)) {
        instance_misuse(inst, "what became of offer %llu, which is not open",
                        (unsigned long long)id);
        return;
    }
    slot = offerer(inst->gate, job);
    job_free(job);
    if (slot == NULL || slot->state != SLOT_READY || !board_has(slot)) {
        ++*gate_counter(inst->gate, "tandem_stale_outputs_total", "kind", "offer");
        return;
    }
    clear_offer(slot->desk);
    switch (offered->status) {
    case TD_OK: took(slot, inst, offered); break;
    case TD_REJECT: tell(slot, OFFERED_DECLINED, copy_detail(offered->detail)); break;
    case TD_RETRY:
    case TD_FAIL: offer_later(slot, offered->retry_after_ms); break;
    case TD_AUTH:
    case TD_CONF: tell(slot, OFFERED_FAILED, copy_detail(offered->detail)); break;
    }
}

/* ---- What the customer says --------------------------------------------------------------- */

static void relay_pop(struct desk_link *link)
{
    struct relay *relay = link->relays;

    link->relays = relay->next;
    if (link->relays == NULL)
        link->relays_end = &link->relays;
    link->n_relays--;
    link->relay_job = 0;
    link->relay_tries = 0;
    free(relay);
}

static void tell_relayed(struct gate *gate, const struct ulid *session, uint64_t of,
                         enum td_delivery status, const char *detail)
{
    struct item *item = item_new(gate, ITEM_INTERNAL, EVENT_RELAYED);

    item->event.of = of;
    item->event.status = status;
    item->event.text = arena_strdup(item->arena, detail);
    slot_add(slot_load(gate, session, 1), item);
}

static void relay_now(struct slot *slot, struct td_instance *inst)
{
    const struct relay *first = slot->desk->relays;
    struct arena *arena = gate_arena(slot->gate);
    const struct td_message *message =
        links_files(inst->gate, engine_message(&slot->session, first->of, arena), arena);
    char id[ULID_TEXT];

    ulid_format(&slot->session.handoff.id, id);
    if (message == NULL) {
        tell_relayed(slot->gate, &slot->id, first->of, TD_FAILED, "it is not kept any more");
        relay_pop(slot->desk);
    } else {
        struct job *job = job_add(inst, slot, ANSWER_MS);

        job->of = first->of;
        job->handoff = slot->session.handoff.id;
        slot->desk->relay_job = job->id;
        instance_desk(inst)->relay(inst->self, job->id, &(struct td_relay){
            .size = sizeof(struct td_relay), .handoff = id, .session = slot->text,
            .message = message, .delta = first->delta,
        });
    }
    gate_arena_put(slot->gate, &arena);
}

void desk_run(struct slot *slot)
{
    struct desk_link *link = slot->desk;

    while (link != NULL && link->relays != NULL && link->relay_job == 0 &&
           link->relay_timer == NULL && board_has(slot)) {
        struct td_instance *inst = desk_of(slot);

        if (inst == NULL || !instance_is_open(inst))
            return; /* desk_opened() wakes it */
        relay_now(slot, inst);
    }
}

void desk_relay(struct slot *slot, uint64_t of, uint32_t delta)
{
    struct desk_link *link = link_of(slot);
    struct relay *relay;

    for (relay = link->relays; relay != NULL; relay = relay->next) {
        if (relay->of == of)
            return;
    }
    if (link->n_relays >= MAX_RELAYS)
        return;
    relay = mem_alloc(sizeof *relay);
    *relay = (struct relay){ .of = of, .delta = delta };
    *link->relays_end = relay;
    link->relays_end = &relay->next;
    link->n_relays++;
}

static struct slot *relayer(const struct gate *gate, const struct job *job)
{
    struct slot *slot = slot_get((struct gate *)gate, &job->session);

    return slot != NULL && slot->desk != NULL && slot->desk->relay_job == job->id ? slot : NULL;
}

static void on_relay_again(void *arg)
{
    struct slot *slot = arg;

    slot->desk->relay_timer = NULL;
    slot_wake(slot);
}

static void relay_later(struct slot *slot, uint32_t wanted_ms)
{
    struct desk_link *link = slot->desk;

    link->relay_job = 0;
    link->relay_timer = loop_timer_add(slot->gate->conf.loop,
                                       backoff(slot, link->relay_tries++, wanted_ms),
                                       on_relay_again, slot);
}

void desk_sent(struct td_instance *inst, uint64_t id, const struct td_sent *sent)
{
    struct job *job = job_find(inst->gate, id);
    struct slot *slot;

    if (job == NULL || job->inst != inst || job->is_offer || sent == NULL ||
        !TD_HAS(sent, detail)) {
        instance_misuse(inst, "what became of message %llu, which is not open",
                        (unsigned long long)id);
        return;
    }
    slot = relayer(inst->gate, job);
    if (slot == NULL) {
        ++*gate_counter(inst->gate, "tandem_stale_outputs_total", "kind", "relay");
    } else if (sent->status == TD_RETRY || sent->status == TD_FAIL) {
        relay_later(slot, sent->retry_after_ms);
    } else {
        tell_relayed(inst->gate, &job->session, job->of,
                     sent->status == TD_OK ? TD_DELIVERED : TD_FAILED,
                     sent->status == TD_OK ? NULL : copy_detail(sent->detail));
        relay_pop(slot->desk);
        slot_wake(slot);
    }
    job_free(job);
}

/* ---- It is over, and the rest ------------------------------------------------------------- */

void desk_release(struct slot *slot, const struct effect *effect)
{
    struct td_instance *inst = instance_find(slot->gate, TD_DESK, effect->desk);
    char id[ULID_TEXT];

    if (slot->desk != NULL) {
        clear_offer(slot->desk);
        clear_relays(slot->desk);
    }
    if (!instance_is_open(inst))
        return;
    ulid_format(&effect->handoff, id);
    instance_desk(inst)->release(inst->self, id, effect->text != NULL ? effect->text : "cancelled");
}

void desk_tell(struct td_instance *inst, const struct td_desk_event *event)
{
    if (instance_is_open(inst) && instance_desk(inst)->event != NULL)
        instance_desk(inst)->event(inst->self, event);
}

void desk_event(struct slot *slot, const struct effect *effect)
{
    const struct session_handoff *h = &slot->session.handoff;
    char id[ULID_TEXT];

    ulid_format(&effect->handoff, id);
    desk_tell(instance_find(slot->gate, TD_DESK, effect->desk != NULL ? effect->desk : h->desk),
              &(struct td_desk_event){
                  .size = sizeof(struct td_desk_event), .type = effect->desk_event, .handoff = id,
                  .session = slot->text, .queue = h->queue, .human = h->human,
                  .text = effect->text, .position = effect->position,
                  .wait_ms = effect->wait_ms, .seq = effect->of, .on = effect->on,
              });
}

/* A desk that has come learns what is waiting and what is live there. */
void desk_opened(struct td_instance *inst)
{
    for (struct slot *slot = inst->gate->lru; slot != NULL; slot = slot->lru_next) {
        if (slot->state != SLOT_READY || !board_has(slot) || desk_of(slot) != inst)
            continue;
        if (slot->op == OP_NONE || slot->session.handoff.state != HANDOFF_CHECKING)
            desk_offer(slot);
        slot_wake(slot);
    }
}

/* Its open jobs: what it had is offered and relayed again when it is back. */
void desk_closed(struct td_instance *inst, struct job *job)
{
    struct slot *slot = job->is_offer ? offerer(inst->gate, job) : relayer(inst->gate, job);

    if (slot != NULL && job->is_offer)
        offer_later(slot, 0);
    else if (slot != NULL)
        slot->desk->relay_job = 0;
    job_free(job);
}

void desk_overdue(struct td_instance *inst, struct job *job)
{
    struct slot *slot = job->is_offer ? offerer(inst->gate, job) : relayer(inst->gate, job);

    instance_misuse(inst, "job %llu was never answered", (unsigned long long)job->id);
    if (slot != NULL && job->is_offer)
        offer_later(slot, 0);
    else if (slot != NULL)
        relay_later(slot, 0);
    job_free(job);
}
