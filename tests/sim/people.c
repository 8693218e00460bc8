/* people.c - customers, patient and impatient, and operators. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

static int replays(const struct person *p)
{
    return p->channel < 2;
}

void people_accepted(struct world *w, struct person *p, int said, unsigned session, uint64_t seq)
{
    say(w, "%d: %d accepted as %d", p->number, said, (int)seq);
    if (p->said[said].seq != 0 && (p->said[said].session != session || p->said[said].seq != seq))
        broken(w, "the same message is always accepted as the same place in the journal",
               "person %d, message %d: %d after %d", p->number, said, (int)seq,
               (int)p->said[said].seq);
    p->said[said].acked = 1;
}

static int new_words(struct world *w, struct person *p)
{
    if (p->n_said == p->cap_said) {
        p->cap_said = p->cap_said > 0 ? p->cap_said * 2 : 64;
        p->said = mem_grow(p->said, p->cap_said * sizeof *p->said);
    }
    p->said[p->n_said] = (struct said){ .hostile = !w->quiet && chance(w, w->rates.hostile / 4) };
    return (int)p->n_said++;
}

/* 1: the old session is quiet enough to be left behind. */
static int may_leave(const struct person *p)
{
    for (size_t i = 0; i < p->state.n_promises; i++)
        if (p->state.promises[i].state == PROMISE_MADE)
            return 0;
    return !p->in_flight && p->n_outbox == 0 && session_unsent(&p->state) == 0 &&
           p->model.n_waiting == 0 && !p->model.running && !session_handed(&p->state);
}

static void speak(struct world *w, struct person *p, int said)
{
    static const char *const shown[9] = { "", "", "", "", " get me a human", "", " it is bad",
                                          " it is bad", " the same words again" };
    static const struct td_customer known = { .size = sizeof known, .id = "c-7", .verified = 1 };
    struct event event = shell_event(w, p, EVENT_MESSAGE);
    struct td_message *m = arena_alloc(p->arena, sizeof *m);

    m->size = sizeof *m;
    m->id = arena_printf(p->arena, "%d", said);
    m->text = p->said[said].hostile
                  ? "bad \xff\xfe"
                  : arena_printf(p->arena, "c%d.%d%s", p->number, said, shown[said % 9]);
    if (p->state.offer != NULL && (w->quiet || chance(w, 600)))
        m->choice = !w->quiet && chance(w, 500) ? "yes" : "no";
    event.message = m;
    event.human_free = chance(w, 600);
    event.from.locale = chance(w, 50) ? "de" : NULL;
    event.from.customer = chance(w, 50) ? &known : NULL;
    if (!replays(p))
        event.from.peer = arena_printf(p->arena, "+4500%d", p->number);
    say(w, "%d: says %d", p->number, said);
    switch (shell_step(w, p, &event, said, -1)) {
    case VERDICT_REJECT: p->said[said].rejected = 1; break;
    case VERDICT_CLOSED:
        if (may_leave(p)) {
            shell_new_session(w, p);
            speak(w, p, said);
        }
        break;
    default: break; /* busy: it will be said again */
    }
}

static void attach(struct world *w, struct person *p)
{
    /* A page that was loaded anew knows nothing; a lost socket knows the last it showed. */
    shell_attach(w, p, chance(w, 200) ? 0 : p->last_seq);
}

/* Over the operator's bridge, to a channel that replays; or with what is no token any more. */
static void cross(struct world *w, struct person *p)
{
    shell_cross(w, p, (int)draw(w, 2), chance(w, 900) ? p->state.bridge : "t0");
}

static int unacked(const struct person *p)
{
    size_t oldest = p->n_said > 40 ? p->n_said - 40 : 0;

    for (size_t i = oldest; i < p->n_said; i++)
        if (!p->said[i].acked && !p->said[i].rejected)
            return (int)i;
    return -1;
}

static void talk(struct world *w, struct person *p)
{
    int waiting = unacked(p);

    if (p->n_said > 0 && chance(w, w->rates.duplicate))
        speak(w, p, (int)draw(w, p->n_said)); /* a provider repeats itself */
    else if (waiting >= 0)
        speak(w, p, waiting);
    else
        speak(w, p, new_words(w, p));
}

void people_decline(struct world *w, struct person *p)
{
    if (shell_ready(w, p))
        talk(w, p);
}

static void leave(struct world *w, struct person *p)
{
    struct event event = shell_event(w, p, EVENT_LEAVE);

    say(w, "%d: leaves", p->number);
    shell_step(w, p, &event, -1, -1);
}

static void rate_or_read(struct world *w, struct person *p)
{
    struct event event = shell_event(w, p, chance(w, 300) ? EVENT_RATING : EVENT_READ);

    event.of = chance(w, 900) ? p->last_seq : draw(w, p->last_seq + 1) + 100000 * draw(w, 2);
    event.score = (int)draw(w, 7);
    event.text = "fine";
    shell_step(w, p, &event, -1, -1);
}

void people_act(struct world *w, struct person *p)
{
    if (!shell_ready(w, p))
        return;
    if (p->state.bridge != NULL && p->state.bridge_by == NULL && p->state.owner != TD_OWNER_NONE && chance(w, 300)) {
        cross(w, p);
    } else if (replays(p) && !p->attached) {
        if (p->state.phase == SESSION_CLOSED && may_leave(p) && chance(w, 300))
            shell_new_session(w, p);
        attach(w, p);
    } else if (p->attached && chance(w, w->rates.away)) {
        p->attached = 0;
        say(w, "%d: goes away", p->number);
        if (chance(w, 500))
            attach(w, p);
    } else if (chance(w, w->rates.leave)) {
        leave(w, p);
    } else if (chance(w, 100)) {
        rate_or_read(w, p);
    } else {
        talk(w, p);
    }
}

void people_come_back(struct world *w, struct person *p)
{
    if (!shell_ready(w, p))
        return;
    if (replays(p) && !p->attached)
        attach(w, p);
    else if (unacked(p) >= 0)
        speak(w, p, unacked(p));
}

void operator_act(struct world *w, struct person *p)
{
    if (!shell_ready(w, p))
        return;
    struct event event = shell_event(w, p, chance(w, 700) ? EVENT_PASS : EVENT_CLOSE);
    event.name = w->agents[0][draw(w, MAX_AGENTS)].name;
    event.text = "operator";
    say(w, "%d: operator: %s", p->number, event.type == EVENT_PASS ? event.name : "close");
    shell_step(w, p, &event, -1, -1);
}
