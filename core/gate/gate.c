/* gate.c - the gate as a whole: keys, memory of steps, the pump, the tick, drain, readiness. */
#include "config.h"

#include "gate/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/mem.h"
#include "base/metric.h"
#include "gate/board.h"
#include "io/loop.h"

#define ARENA_FIRST 8192
#define KEPT_ARENAS 1024
#define TICK_MS 100
#define MARKS_MS 1000  /* marks wait this long for a batch to ride with */
#define MARKS_SOON_MS 100 /* .. where a mark that a crash loses is a message sent twice */
#define QUIET_MS 30000 /* a session this quiet gets its exact wake_at */
#define SWEEP_MS 1000
#define SWEEP_MOST 500 /* sessions looked at in one sweep */
#define SCAN_MS 2000
#define FILE_SWEEP_MS 60000
#define DEFAULT_SESSIONS 100000

/* ---- Policy ------------------------------------------------------------------------------ */

struct policy_ref *policy_hold(struct gate *gate)
{
    gate->policy->refs++;
    return gate->policy;
}

void policy_drop(struct policy_ref **ref_p)
{
    struct policy_ref *ref = *ref_p;

    *ref_p = NULL;
    if (ref == NULL || --ref->refs > 0)
        return;
    if (ref->release != NULL)
        ref->release(ref->policy);
    free(ref);
}

void gate_set_policy(struct gate *gate, const struct policy *policy,
                     void (*release)(const struct policy *policy))
{
    struct policy_ref *ref = mem_alloc(sizeof *ref);

    *ref = (struct policy_ref){ .refs = 1, .policy = policy, .release = release };
    line_set_policy(gate->board->line, policy);
    policy_drop(&gate->policy);
    gate->policy = ref;
}

const struct policy *gate_policy(const struct gate *gate)
{
    return gate->policy->policy;
}

static void humans_free(struct gate *gate)
{
    for (size_t i = 0; i < gate->n_humans; i++)
        free((char *)(void *)gate->humans[i].name);
    free(gate->humans);
    gate->humans = NULL;
    gate->n_humans = 0;
}

void gate_set_humans(struct gate *gate, const struct gate_human *humans, size_t n)
{
    humans_free(gate);
    gate->humans = mem_array(n, sizeof *gate->humans);
    for (size_t i = 0; i < n; i++) {
        gate->humans[i] = humans[i];
        gate->humans[i].name = mem_strdup(humans[i].name);
    }
    gate->n_humans = n;
}

/* ---- Memory, random, ids ------------------------------------------------------------------ */

struct arena *gate_arena(struct gate *gate)
{
    return gate->n_arenas > 0 ? gate->arenas[--gate->n_arenas] : arena_new(ARENA_FIRST);
}

void gate_arena_put(struct gate *gate, struct arena **arena)
{
    if (*arena == NULL)
        return;
    if (gate->n_arenas == KEPT_ARENAS) {
        arena_free(arena);
        return;
    }
    arena_reset(*arena);
    gate->arenas[gate->n_arenas++] = *arena;
    *arena = NULL;
}

void gate_random(struct gate *gate, void *p, size_t len)
{
    if (gate->random_left < len) {
        crypt_random(gate->random, sizeof gate->random);
        gate->random_left = sizeof gate->random;
    }
    gate->random_left -= len;
    memcpy(p, gate->random + gate->random_left, len);
}

/* Random once, then upwards in the last byte: unique, and in order within an event. */
void gate_ids(struct gate *gate, int64_t now, struct ulid *ids, size_t n)
{
    uint64_t random[2];

    gate_random(gate, random, sizeof random);
    const struct ulid first = ulid_make(now, random[0] & 0xffff, random[1] & ~UINT64_C(0xff));

    for (size_t i = 0; i < n; i++) {
        ids[i] = first;
        ids[i].b[15] = (uint8_t)i;
    }
}

uint64_t *gate_counter(struct gate *gate, const char *name, const char *label, const char *value)
{
    struct buf labels = { 0 };
    uint64_t *counter;

    metric_label(&labels, label, value);
    counter = metric_counter(gate->conf.metrics, name, labels.data);
    buf_fini(&labels);
    return counter;
}

/* ---- Items -------------------------------------------------------------------------------- */

struct item *item_new(struct gate *gate, enum item_kind kind, enum event_type type)
{
    struct arena *arena = gate_arena(gate);
    struct item *item = arena_alloc(arena, sizeof *item);

    gate->n_items++;
    item->arena = arena;
    item->kind = kind;
    item->event.type = type;
    item->came_us = clock_mono_us();
    return item;
}

void item_free(struct gate *gate, struct item **item_p)
{
    struct item *item = *item_p;
    struct arena *arena;
    void (*over)(struct gate *);

    if (item == NULL)
        return;
    *item_p = NULL;
    over = item->over;
    late_done(gate, item, -1);
    gate->n_items--;
    if (item->reserved != NULL && !gate->dead)
        board_reserve(gate, item->reserved, -1);
    policy_drop(&item->policy);
    gate_arena_put(gate, &item->step.arena);
    arena = item->arena;
    gate_arena_put(gate, &arena);
    if (over != NULL && !gate->dead)
        over(gate);
}

static int http_status(enum td_status status)
{
    return status == TD_AUTH ? 404 : status == TD_REJECT ? 409 : 503;
}

void item_refuse(struct gate *gate, struct item *item, enum td_status status, const char *detail,
                 uint32_t retry_after_ms)
{
    struct td_instance *inst = item->inst;
    const char *why = detail != NULL ? detail : "try again later";

    if (gate->dead)
        return;
    if (item->kind == ITEM_OPERATOR && item->fn != NULL) {
        item->fn(item->arg, http_status(status), why, strlen(why));
        return;
    }
    if (item->kind == ITEM_LOOK && item->look != NULL)
        item->look(item, NULL);
    if (!ulid_is_zero(&item->origin))
        bridge_answer(gate, item, 0);
    if (item->kind == ITEM_DESK)
        request_refused(item, status, detail, retry_after_ms);
    if (inst == NULL || !instance_is_open(inst) || inst->generation != item->generation)
        return;
    if (item->kind == ITEM_DELIVER) {
        /* A session that is not there is no question of credentials for a message. */
        instance_channel(inst)->accepted(inst->self, item->job, &(struct td_accepted){
            .size = sizeof(struct td_accepted),
            .status = status == TD_AUTH ? TD_REJECT : status,
            .retry_after_ms = retry_after_ms,
            .detail = why,
        });
    } else if (item->kind == ITEM_ATTACH) {
        instance_channel(inst)->attached(inst->self, item->job, &(struct td_attached){
            .size = sizeof(struct td_attached),
            .status = status == TD_REJECT ? TD_AUTH : status,
            .detail = why,
        });
    }
}

/* What an item is to be told is kept in the item itself until its turn. */
struct refusal {
    enum td_status status;
    const char *detail;
    uint32_t retry_after_ms;
};

void gate_refuse_later(struct gate *gate, struct item *item, enum td_status status,
                       const char *detail, uint32_t retry_after_ms)
{
    struct refusal *refusal = arena_alloc(item->arena, sizeof *refusal);

    *refusal = (struct refusal){ status, detail, retry_after_ms };
    item->refusal = refusal;
    item->next = NULL;
    *gate->refusals_end = item;
    gate->refusals_end = &item->next;
    gate_pump_later(gate);
}

static void refuse_waiting(struct gate *gate)
{
    struct item *item = gate->refusals, *next;

    gate->refusals = NULL;
    gate->refusals_end = &gate->refusals;
    for (; item != NULL; item = next) {
        const struct refusal *refusal = item->refusal;

        next = item->next;
        item_refuse(gate, item, refusal->status, refusal->detail, refusal->retry_after_ms);
        item_free(gate, &item);
    }
}

/* ---- The pump ----------------------------------------------------------------------------- */

static void pump(void *arg)
{
    struct gate *gate = arg;
    struct td_instance *inst;

    gate->pumping = 0;
    if (!gate->dead) {
        refuse_waiting(gate);
        /* What is added while this runs has its turn next time: nobody starves the loop. */
        for (size_t n = gate->n_run; n > 0 && gate->run != NULL; n--) {
            struct slot *slot = gate->run;

            slot_unqueue(slot);
            mailbox_run(slot);
        }
        while ((inst = gate->kicked) != NULL) {
            gate->kicked = inst->next_kicked;
            inst->kicked = 0;
            dispatch_kicked(inst);
        }
        slot_make_room(gate);
    }
    gate_unref(gate);
}

void gate_pump_later(struct gate *gate)
{
    if (gate->pumping)
        return;
    gate->pumping = 1;
    gate_ref(gate);
    loop_defer(gate->conf.loop, pump, gate);
}

/* ---- The tick ----------------------------------------------------------------------------- */

static void flush_marks(struct slot **marked, int64_t before_ms)
{
    struct slot *slot, *next;

    DL_FOREACH_SAFE2(*marked, slot, next, mark_next) {
        if (slot->marks_ms > before_ms)
            break;
        if (slot->op != OP_NONE)
            continue; /* they ride with what comes after */
        DL_DELETE2(*marked, slot, mark_prev, mark_next);
        slot->marks_ms = clock_mono_ms(); /* when it fails, they wait as long again */
        DL_APPEND2(*marked, slot, mark_prev, mark_next);
        journal_flush(slot, 0, 0);
    }
}

/* Sessions that have become quiet: the store learns when they really need attention. */
static void sweep(struct gate *gate, int64_t now_ms)
{
    struct slot *slot, *last = gate->hot != NULL ? gate->hot->hot_prev : NULL;

    for (int n = 0; n < SWEEP_MOST && (slot = gate->hot) != NULL; n++) {
        slot_heat(slot, 0);
        if (slot->used_ms + QUIET_MS > now_ms || !slot_is_idle(slot) ||
            engine_busy(&slot->session, gate->policy->policy))
            slot_heat(slot, 1); /* to the end of the row */
        else
            journal_flush(slot, 1, 0);
        if (slot == last)
            break;
    }
}

static void tick(void *arg)
{
    struct gate *gate = arg;
    int64_t now = clock_mono_ms();

    gate->tick = loop_timer_add(gate->conf.loop, TICK_MS, tick, gate);
    if (gate->drained)
        return;
    flush_marks(&gate->marked, now - MARKS_MS);
    flush_marks(&gate->marked_soon, now - MARKS_SOON_MS);
    if (now >= gate->next_sweep_ms) {
        gate->next_sweep_ms = now + SWEEP_MS;
        job_check_all(gate, now);
        board_tick(gate, now);
        sweep(gate, now);
        slot_make_room(gate);
    }
    if (now >= gate->next_file_sweep_ms) {
        gate->next_file_sweep_ms = now + FILE_SWEEP_MS;
        attachments_sweep(gate);
    }
    if (now >= gate->next_scan_ms && !gate->scanning && !gate->draining) {
        gate->next_scan_ms = now + SCAN_MS;
        timers_scan(gate);
    }
}

/* ---- New and free ------------------------------------------------------------------------- */

static void derive(const struct gate *gate, const char *purpose, uint8_t key[16])
{
    uint8_t hash[CRYPT_HASH];

    crypt_hmac(gate->master, sizeof gate->master, purpose, strlen(purpose), hash);
    memcpy(key, hash, 16);
    mem_wipe(hash, sizeof hash);
}

static void describe(struct metric_set *set)
{
    static const struct {
        const char *name, *type, *help;
    } rows[] = {
        { "tandem_messages_total", "counter", "Messages taken from and handed to channels." },
        { "tandem_files_total", "counter", "Files handed in, by what became of them." },
        { "tandem_accepted_seconds", "histogram", "From arrival to being on disk." },
        { "tandem_turn_seconds", "histogram", "From a question to the agent's answer." },
        { "tandem_sessions", "gauge", "Sessions in memory, by phase." },
        { "tandem_rules_total", "counter", "Rules whose condition held." },
        { "tandem_withheld_answers_total", "counter", "Answers that customers did not get." },
        { "tandem_unbacked_claims_total", "counter",
          "Answers that said something was done, without a receipt." },
        { "tandem_stale_outputs_total", "counter", "Outputs that came too late and were dropped." },
        { "tandem_deliveries_total", "counter", "What became of messages to customers." },
        { "tandem_duplicates_total", "counter", "Messages that had been taken before." },
        { "tandem_handoffs", "gauge", "Handoffs under way, by state." },
        { "tandem_queue_waiting", "gauge", "Customers who wait, by queue." },
        { "tandem_handoffs_total", "counter", "Handoffs that ended, by how." },
        { "tandem_human_response_seconds", "histogram",
          "From the beginning of a handoff to the first message of its human." },
        { "tandem_promises_total", "counter", "Promises by what became of them." },
        { "tandem_clarify_turns_total", "counter", "Answers of agents that ask back." },
        { "tandem_reexplain_total", "counter", "Messages by which something is said again." },
        { "tandem_plugin_restarts_total", "counter", "How often an instance failed and was started again." },
        { "tandem_plugin_errors_total", "counter", "Breaches of contract and missed deadlines." },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        metric_describe(set, rows[i].name, rows[i].type, rows[i].help);
}

struct gate *gate_new(const struct gate_conf *conf)
{
    static const struct policy nothing = { .hash = "" };
    struct gate *gate = mem_alloc(sizeof *gate);

    gate->conf = *conf;
    if (gate->conf.max_sessions == 0)
        gate->conf.max_sessions = DEFAULT_SESSIONS;
    gate->refs = 1;
    gate->board = board_new();
    gate->refusals_end = &gate->refusals;
    gate->posts_end = &gate->posts;
    gate->arenas = mem_array(KEPT_ARENAS, sizeof *gate->arenas);
    pthread_mutex_init(&gate->post_lock, NULL);
    store_master_key(conf->store, gate->master);
    derive(gate, "gate address", gate->address_key);
    derive(gate, "gate dedupe scope", gate->scope_key);
    derive(gate, "gate dedupe id", gate->id_key);
    derive(gate, "gate bridge", gate->bridge_key);
    describe(conf->metrics);
    gate_set_policy(gate, &nothing, NULL);
    gate->tick = loop_timer_add(conf->loop, TICK_MS, tick, gate);
    late_open(gate);
    return gate;
}

void gate_ref(struct gate *gate)
{
    gate->refs++;
}

void gate_unref(struct gate *gate)
{
    if (--gate->refs > 0)
        return;
    instance_free_all(gate);
    board_free(&gate->board);
    humans_free(gate);
    policy_drop(&gate->policy);
    while (gate->n_arenas > 0)
        arena_free(&gate->arenas[--gate->n_arenas]);
    free(gate->arenas);
    quota_free(&gate->quota);
    buf_fini(&gate->scratch);
    buf_fini(&gate->scratch_body);
    pthread_mutex_destroy(&gate->post_lock);
    mem_wipe(gate->master, sizeof gate->master);
    free(gate);
}

/* What a callback is under way for stays until the callback has come; it then finds us dead. */
void gate_free(struct gate **gate_p)
{
    struct gate *gate = *gate_p;
    struct slot *slot, *next;

    *gate_p = NULL;
    if (gate == NULL)
        return;
    gate->dead = 1;
    loop_timer_del(&gate->tick);
    late_fini(gate);
    attachments_stop(gate);
    drain_free(&gate->drain);
    resume_free(&gate->resume);
    while (gate->refusals != NULL) {
        struct item *item = gate->refusals;

        gate->refusals = item->next;
        item_free(gate, &item);
    }
    DL_FOREACH_SAFE2(gate->lru, slot, next, lru_next) {
        slot_stop(slot);
        if (slot->op == OP_NONE)
            slot_free(slot);
    }
    if (gate->post_woken)
        gate_ref(gate); /* no plugin is left that could post: this is not racy */
    host_posts_run(gate); /* only frees them */
    while (gate->jobs != NULL)
        job_free(gate->jobs);
    gate_unref(gate);
}
