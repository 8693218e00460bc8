/* drain.c - leaving in order, and whether there is reason to send customers elsewhere. */
#include "config.h"

#include <stdlib.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define DRAIN_LOOK_MS 20
#define FULL_FOR_MS 10000 /* after a refusal, when nothing was taken since */

struct drain {
    struct loop_timer *timer;
    int64_t until_ms;
    void (*done)(void *arg);
    void *arg;
};

void drain_free(struct drain **drain)
{
    if (*drain != NULL)
        loop_timer_del(&(*drain)->timer);
    free(*drain);
    *drain = NULL;
}

static int is_quiet(const struct gate *gate)
{
    if (gate->run != NULL || gate->refusals != NULL || gate->n_sends > 0)
        return 0;
    for (const struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        if (inst->n_asks > 0 || inst->n_waiting > 0)
            return 0;
    }
    for (const struct slot *slot = gate->lru; slot != NULL; slot = slot->lru_next) {
        if (slot->op != OP_NONE || slot->items != NULL)
            return 0;
    }
    return 1;
}

static int anything_under_way(const struct gate *gate)
{
    for (const struct slot *slot = gate->lru; slot != NULL; slot = slot->lru_next) {
        if (slot->op != OP_NONE)
            return 1;
    }
    return 0;
}

static void drain_look(void *arg)
{
    struct gate *gate = arg;
    struct drain *drain = gate->drain;
    struct slot *slot, *next;

    drain->timer = NULL;
    if (!gate->drained && (is_quiet(gate) || clock_mono_ms() >= drain->until_ms)) {
        gate->drained = 1; /* no step begins from here on */
        DL_FOREACH_SAFE2(gate->lru, slot, next, lru_next) {
            if (slot->state == SLOT_READY && slot->op == OP_NONE)
                journal_flush(slot, 1, 1);
        }
    }
    if (gate->drained && !anything_under_way(gate)) {
        void (*done)(void *) = drain->done;
        void *done_arg = drain->arg;

        gate->drain = NULL;
        free(drain);
        done(done_arg);
        return;
    }
    drain->timer = loop_timer_add(gate->conf.loop, DRAIN_LOOK_MS, drain_look, gate);
}

void gate_drain(struct gate *gate, int64_t limit_ms, void (*done)(void *arg), void *arg)
{
    if (gate->draining)
        return;
    gate->draining = 1;
    for (struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        if (inst->kind == TD_CHANNEL && instance_is_open(inst) &&
            instance_channel(inst)->pause != NULL)
            instance_channel(inst)->pause(inst->self, 1);
    }
    gate->drain = mem_alloc(sizeof *gate->drain);
    *gate->drain = (struct drain){ .until_ms = clock_mono_ms() + limit_ms, .done = done,
                                   .arg = arg };
    gate->drain->timer = loop_timer_add(gate->conf.loop, 0, drain_look, gate);
}

int gate_ready(const struct gate *gate, struct buf *reasons)
{
    int ready = 1;

    if (gate->draining) {
        buf_str(reasons, "draining\n");
        ready = 0;
    }
    if (gate->full_ms != 0 && clock_mono_ms() < gate->full_ms + FULL_FOR_MS) {
        buf_str(reasons, "the store is full\n");
        ready = 0;
    }
    if (gate->resume != NULL) {
        buf_str(reasons, "taking up the sessions that were under way\n");
        ready = 0;
    }
    for (const struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        if (inst->state != INSTANCE_OPENING && inst->state != INSTANCE_FAILED)
            continue;
        buf_printf(reasons, "%s %s is not open: %s\n", instance_label(inst), inst->name,
                   inst->detail);
        ready = 0;
    }
    return ready;
}
