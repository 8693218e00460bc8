/* world.c - one seed: things happen in random order, then faults stop and all must settle. */
#include "config.h"

#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define QUIET_ROUNDS 200000

/* splitmix64: small, fast, and the same everywhere. */
uint64_t draw(struct world *w, uint64_t below)
{
    uint64_t z = (w->rng += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return below > 0 ? z % below : 0;
}

int chance(struct world *w, unsigned per_mille)
{
    return draw(w, 1000) < per_mille;
}

void say(struct world *w, const char *fmt, ...)
{
    va_list ap;

    if (!w->traced)
        return;
    char *line = w->trace[w->n_trace++ % TRACE_LINES];
    int at = snprintf(line, sizeof w->trace[0], "%8llu  %9lld ms  ", (unsigned long long)w->steps,
                      (long long)(w->now % 1000000000));
    va_start(ap, fmt);
    vsnprintf(line + at, sizeof w->trace[0] - (size_t)at, fmt, ap);
    va_end(ap);
    if (w->loud)
        puts(line);
}

void broken(struct world *w, const char *invariant, const char *fmt, ...)
{
    va_list ap;

    snprintf(w->broken, sizeof w->broken, "%s", invariant);
    va_start(ap, fmt);
    vsnprintf(w->why, sizeof w->why, fmt, ap);
    va_end(ap);
    longjmp(*w->on_broken, 1);
}

static struct person *anybody(struct world *w)
{
    return &w->people[draw(w, w->n_people)];
}

static void timer(struct world *w, struct person *p, int spurious)
{
    if (!shell_ready(w, p))
        return;
    if (!spurious && engine_due(&p->state, w->policy) > w->now)
        return;
    struct event event = shell_event(w, p, EVENT_TIMER);
    say(w, "%d: timer", p->number);
    shell_step(w, p, &event, -1, -1);
}

static void time_passes(struct world *w)
{
    int64_t due;

    switch (draw(w, 20)) {
    case 0: w->now += (int64_t)draw(w, 1200000); break;
    case 1:
    case 2:
    case 3:
    case 4:
        due = engine_due(&anybody(w)->state, w->policy);
        if (due != INT64_MAX && due > w->now)
            w->now = due - 1 + (int64_t)draw(w, 3);
        break;
    case 5:
    case 6:
    case 7: w->now += (int64_t)draw(w, 5000); break;
    default: w->now += (int64_t)draw(w, 200);
    }
}

static void accident(struct world *w)
{
    struct person *p = anybody(w);

    if (chance(w, w->rates.crash))
        shell_crash(w);
    else if (chance(w, w->full ? 200 : w->rates.full))
        say(w, "the disk is %s", (w->full = !w->full) ? "full" : "free again");
    else if (chance(w, w->rates.reload))
        say(w, "reload: policy %d",
            (int)((w->policy = &w->policies[draw(w, MAX_POLICIES)]) - w->policies));
    else if (chance(w, w->rates.operator))
        operator_act(w, p);
    else if (p->resume)
        shell_ready(w, p);
    else if (chance(w, w->rates.spurious))
        timer(w, p, 1);
    else if (chance(w, w->rates.evict))
        shell_evict(w, p);
    else if (chance(w, w->rates.clock)) /* somebody sets it right, or wrong */
        w->now += (int64_t)draw(w, 7200000) - 3600000;
}

static void happen(struct world *w)
{
    struct person *p = anybody(w);
    uint64_t what = draw(w, 100);

    if (what < 24)
        people_act(w, p);
    else if (what < 41)
        agents_answer(w, p);
    else if (what < 59)
        outbox_move(w, p);
    else if (what < 62)
        outbox_receipt(w, p);
    else if (what < 79)
        desks_act(w, p);
    else if (what < 87)
        timer(w, p, 0);
    else if (what < 94)
        time_passes(w);
    else
        accident(w);
}

/* 1: something is still to be done for this one, and some of it was. */
static int settle(struct world *w, struct person *p)
{
    if (p->in_flight || p->resume)
        shell_ready(w, p);
    else if (agents_waiting(p))
        agents_answer(w, p);
    else if (outbox_waits(p))
        outbox_move(w, p);
    else if (desks_settle(w, p))
        return 1;
    else if (p->state.offer != NULL && p->model.n_waiting > 0)
        people_decline(w, p);
    else if (engine_due(&p->state, w->policy) <= w->now)
        timer(w, p, 0);
    else
        return 0;
    return 1;
}

/* Only for work, not for idle sessions: those would never end being closed and opened. */
static int64_t next_due(const struct world *w)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < w->n_people; i++) {
        const struct person *p = &w->people[i];
        int64_t due = engine_due(&p->state, w->policy);
        if ((p->model.running || p->model.n_waiting > 0 || engine_busy(&p->state, w->policy)) &&
            due < next)
            next = due;
    }
    return next;
}

static void quiet(struct world *w)
{
    size_t rounds = 0;
    int busy = 1;

    say(w, "quiet");
    w->quiet = 1;
    w->full = 0;
    w->policy = &w->policies[0];
    w->rates = (struct rates){ .crash = 0 };
    while (busy) {
        busy = 0;
        for (size_t i = 0; i < w->n_people; i++)
            while (settle(w, &w->people[i]))
                if (busy = 1, ++rounds > QUIET_ROUNDS)
                    broken(w, "the world settles when faults stop", "person %zu", i);
        if (busy)
            continue;
        if (next_due(w) != INT64_MAX) {
            w->now = next_due(w);
            busy = 1;
            continue;
        }
        for (size_t i = 0; i < w->n_people; i++) {
            uint64_t steps = w->steps;
            people_come_back(w, &w->people[i]);
            busy |= w->steps != steps;
        }
        if (++rounds > QUIET_ROUNDS)
            broken(w, "the world settles when faults stop", "nobody in particular");
    }
    for (size_t i = 0; i < w->n_people; i++)
        check_end(w, &w->people[i]);
    check_bytes(w, anybody(w)); /* dear: one a seed */
}

void world_run(struct world *w, uint64_t seed, uint64_t steps)
{
    w->seed = seed;
    w->rng = seed * 0x2545f4914f6cdd1du + 1;
    w->steps = w->n_trace = 0;
    w->max_steps = steps;
    w->made = w->jobs_made = w->crashes = w->stale = w->retired = 0;
    w->ops_made = w->handoffs = w->accepted = w->told = w->crossed = w->outages = 0;
    w->desks_up = 0;
    w->full = w->quiet = 0;
    w->broken[0] = w->why[0] = '\0';
    setup_seed(w);
    for (uint64_t i = 0; w->steps < steps && i < steps * 8; i++)
        happen(w);
    quiet(w);
}
