/* timers.c - wakes sessions when they are due: those in memory, those on disk, all at start. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define PAGE 256

/* ---- In memory ---------------------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct slot *slot = arg;
    int64_t now = clock_wall_ms();

    slot->timer = NULL;
    if (slot->state != SLOT_READY || slot->timer_queued)
        return;
    if (engine_due(&slot->session, slot->gate->policy->policy) > now || slot->timer_floor > now) {
        timers_update(slot); /* what it was set for is over */
        return;
    }
    slot->timer_queued = 1;
    slot_add(slot, item_new(slot->gate, ITEM_INTERNAL, EVENT_TIMER));
}

/* A timer that is set too early is left to fire and to look again: turns move the time often. */
void timers_update(struct slot *slot)
{
    int64_t due, now;

    if (slot->state != SLOT_READY || slot->timer_queued || slot->session.seq == 0)
        return;
    due = engine_due(&slot->session, slot->gate->policy->policy);
    if (due == INT64_MAX)
        return;
    if (due < slot->timer_floor)
        due = slot->timer_floor;
    if (slot->timer != NULL && slot->timer_at <= due)
        return;
    now = clock_wall_ms();
    loop_timer_del(&slot->timer);
    slot->timer_at = due;
    slot->timer = loop_timer_add(slot->gate->conf.loop, due > now ? (uint64_t)(due - now) : 0,
                                 on_timer, slot);
}

/* ---- On disk ------------------------------------------------------------------------------ */

static void wake(struct gate *gate, const struct store_item *due)
{
    struct slot *slot = slot_get(gate, &due->session);

    if (slot == NULL) {
        slot = slot_load(gate, &due->session, 0); /* no room: the next scan finds it again */
        if (slot != NULL)
            slot->stored_wake = due->wake_at; /* once loaded, its own timer does the rest */
    } else if (slot_is_idle(slot)) {
        if (slot->stored_wake == STORE_WAKE_KEEP)
            slot->stored_wake = due->wake_at;
        if (slot->stored_wake == due->wake_at)
            journal_flush(slot, 1, 0); /* it was not so, after all */
    }
}

static void on_due(void *arg, enum store_status status, const struct store_item *items, size_t n)
{
    struct gate *gate = arg;

    gate->scanning = 0;
    if (!gate->dead && status == STORE_OK) {
        for (size_t i = 0; i < n; i++)
            wake(gate, &items[i]);
        if (n == PAGE)
            gate->next_scan_ms = 0; /* there may be more: with the next tick */
    }
    gate_unref(gate);
}

/* Sessions with work under way stand at STORE_WAKE_NOW and are in memory: beyond those. */
void timers_scan(struct gate *gate)
{
    struct store_item after = { .wake_at = STORE_WAKE_NOW };

    memset(after.session.b, 0xff, sizeof after.session.b);
    gate->scanning = 1;
    gate_ref(gate);
    store_due(gate->conf.store, clock_wall_ms(), &after, PAGE, on_due, gate);
}

/* ---- At start ----------------------------------------------------------------------------- */

struct resume {
    void (*done)(void *arg, size_t sessions);
    void *arg;
    size_t sessions, under_way;
    struct store_item last;
    int more;
};

static void read_due(struct gate *gate);

void resume_free(struct resume **resume)
{
    free(*resume);
    *resume = NULL;
}

static void next_page(struct gate *gate)
{
    struct resume *resume = gate->resume;
    void (*done)(void *, size_t) = resume->done;
    void *done_arg = resume->arg;
    size_t sessions = resume->sessions;

    if (resume->under_way > 0)
        return;
    if (resume->more) {
        read_due(gate);
        return;
    }
    resume_free(&gate->resume);
    board_load(gate);
    done(done_arg, sessions);
}

static void resumed(struct gate *gate)
{
    gate->resume->under_way--;
    next_page(gate);
}

static void on_resume_page(void *arg, enum store_status status, const struct store_item *items,
                           size_t n)
{
    struct gate *gate = arg;
    struct resume *resume = gate->resume;

    if (!gate->dead) {
        resume->more = status == STORE_OK && n == PAGE;
        for (size_t i = 0; i < n && status == STORE_OK; i++) {
            struct slot *slot = slot_load(gate, &items[i].session, 1);
            struct item *item = item_new(gate, ITEM_INTERNAL, EVENT_RESUME);

            if (slot->stored_wake == STORE_WAKE_KEEP)
                slot->stored_wake = items[i].wake_at;
            slot_heat(slot, 1); /* the sweep puts right what was only a precaution */
            item->over = resumed;
            slot_add(slot, item);
            resume->last = items[i];
            resume->sessions++;
            resume->under_way++;
        }
        if (status != STORE_OK)
            LOG_ERROR(NULL, "cannot look up the sessions that were under way");
        next_page(gate);
    }
    gate_unref(gate);
}

static void read_due(struct gate *gate)
{
    const struct resume *resume = gate->resume;

    gate_ref(gate);
    store_due(gate->conf.store, clock_wall_ms(), resume->sessions > 0 ? &resume->last : NULL, PAGE,
              on_resume_page, gate);
}

void gate_resume(struct gate *gate, void (*done)(void *arg, size_t sessions), void *arg)
{
    gate->resume = mem_alloc(sizeof *gate->resume);
    *gate->resume = (struct resume){ .done = done, .arg = arg };
    read_due(gate);
}
