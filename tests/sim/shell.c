/* shell.c - the shell around the engine, as the gate is: decide, append, apply, effects. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

struct event shell_event(struct world *w, struct person *p, enum event_type type)
{
    struct event event = { .type = type, .now = w->now, .random = draw(w, UINT64_MAX) };

    arena_reset(p->arena); /* what the event says is allocated here and lives until apply */
    for (size_t i = 0; i < EVENT_IDS; i++)
        event.ids[i] = ulid_make(w->now, 0, ++w->made);
    event.from.channel = w->channels[0][p->channel].name;
    return event;
}

static void run_effects(struct world *w, struct person *p)
{
    for (size_t i = 0; i < p->step.n_effects; i++) {
        const struct effect *effect = &p->step.effects[i];
        switch (effect->type) {
        case EFFECT_ASK: agents_ask(w, p, effect); break;
        case EFFECT_CANCEL: agents_cancel(w, p, &effect->turn); break;
        case EFFECT_SEND: outbox_add(w, p, effect); break;
        case EFFECT_EVENT:
            if (effect->of > 0 && effect->event != TD_EV_RECEIPT) /* the others have no place */
                outbox_add(w, p, effect);
            break;
        case EFFECT_STALE: w->stale++; break;
        case EFFECT_OFFER:
        case EFFECT_RELAY:
        case EFFECT_RELEASE:
        case EFFECT_DESK_EVENT: desks_effect(w, p, effect); break;
        case EFFECT_BRIDGE: desks_bridge(w, p, effect); break;
        }
    }
}

static void apply_all(struct world *w, struct person *p)
{
    for (size_t i = 0; i < p->step.n_records; i++)
        planted_apply(&p->state, &p->step.records[i]);
    check_state(w, p);
}

/* Nobody waits for these: they are applied at once and written with the next batch. */
static void take_marks(struct world *w, struct person *p)
{
    for (size_t i = 0; i < p->step.n_records; i++) {
        if (p->n_marks == p->cap_marks) {
            p->cap_marks = p->cap_marks > 0 ? p->cap_marks * 2 : 16;
            p->marks = mem_grow(p->marks, p->cap_marks * sizeof *p->marks);
        }
        disk_encode(&p->marks[p->n_marks++], &p->step.records[i], &p->mark_bytes,
                    &p->mark_bodies);
    }
    apply_all(w, p);
    run_effects(w, p);
}

static void drop_marks(struct person *p)
{
    p->n_marks = 0;
    buf_clear(&p->mark_bytes);
    buf_clear(&p->mark_bodies);
}

enum verdict shell_step(struct world *w, struct person *p, const struct event *event, int said,
                        int job)
{
    w->steps++;
    p->step = (struct step){ .arena = p->arena };
    planted_decide(&p->state, event, w->policy, &p->step);
    check_step(w, p, event, &p->step);
    if (p->step.verdict == VERDICT_MARK) {
        take_marks(w, p);
        return VERDICT_MARK;
    }
    if (p->step.verdict != VERDICT_OK)
        return p->step.verdict;
    if (p->step.n_records == 0) {
        run_effects(w, p);
        return VERDICT_OK;
    }
    p->in_flight = 1;
    p->flight_said = said;
    p->flight_job = job;
    p->flight_type = event->type;
    p->flight_early = planted == PLANTED_EARLY_EFFECTS;
    if (p->flight_early) {
        for (size_t i = 0; i < p->step.n_records; i++)
            planted_apply(&p->state, &p->step.records[i]);
        run_effects(w, p);
    }
    if (planted == PLANTED_EARLY_ACK && said >= 0)
        people_accepted(w, p, said, p->serial, p->step.message_seq);
    if (!chance(w, w->rates.flight))
        shell_commit(w, p);
    return VERDICT_OK;
}

/* Marks first, then a snapshot when it is time, then the step's records: one batch. */
static void append(struct world *w, struct person *p, int may_snapshot)
{
    for (size_t i = 0; i < p->n_marks; i++) {
        const struct fact *mark = &p->marks[i];
        disk_append(w, p, mark, p->mark_bytes.data + mark->facts_at,
                    mark->body_len > 0 ? p->mark_bodies.data + mark->body_at : NULL);
    }
    drop_marks(p);
    if (may_snapshot && p->state.seq > 0 && p->state.seq == p->disk.n &&
        p->state.seq - p->disk.snapshot_seq >= 100) {
        disk_snapshot(p);
        if (p->state.offer != NULL) /* rare when one is taken: looked at each time */
            check_bytes(w, p);
    }
    p->model.just_ended = (struct ulid){ { 0 } };
    for (size_t i = 0; i < p->step.n_records; i++) {
        struct fact fact;
        buf_clear(&p->mark_bytes);
        buf_clear(&p->mark_bodies);
        disk_encode(&fact, &p->step.records[i], &p->mark_bytes, &p->mark_bodies);
        disk_append(w, p, &fact, p->mark_bytes.data, p->mark_bodies.data);
    }
    check_batch(w, p);
    drop_marks(p);
}

/* The store knows the keys of messages, and of operations that the session has forgotten. */
static int duplicate(const struct person *p)
{
    if (p->flight_op >= 0 && p->ops[p->flight_op].durable && p->step.n_records > 0)
        return 1;
    return p->flight_said >= 0 && p->said[p->flight_said].seq != 0 &&
           planted != PLANTED_NO_DEDUPE;
}

static void load(struct world *w, struct person *p)
{
    session_fini(&p->state);
    disk_load(w, p, 1, &p->state);
    check_state(w, p);
}

/* What was under way comes before anything new, or its replies would come after newer ones. */
static void resume(struct world *w, struct person *p)
{
    if (p->state.seq == 0 || !engine_busy(&p->state, w->policy))
        return;
    p->resume = 1;
    struct event event = shell_event(w, p, EVENT_RESUME);
    if (shell_step(w, p, &event, -1, -1) != VERDICT_OK || p->step.n_records == 0)
        p->resume = 0;
}

/* Somebody else seems to have written this session: what is in memory is worth nothing. */
static void conflict(struct world *w, struct person *p)
{
    say(w, "%d: conflict", p->number);
    drop_marks(p);
    p->n_outbox = 0;
    p->sending = p->parked = 0;
    p->attached = 0;
    p->flight_op = -1;
    p->again = 0;
    p->generation++;
    load(w, p);
    resume(w, p);
}

void shell_commit(struct world *w, struct person *p)
{
    struct said *said = p->flight_said >= 0 ? &p->said[p->flight_said] : NULL;
    const int twice = duplicate(p);

    p->in_flight = 0;
    if (w->full || twice)
        p->flight_op = -1;
    if (w->full || twice || chance(w, w->rates.conflict)) {
        say(w, "%d: append refused: %s", p->number,
            w->full ? "full" : twice ? "duplicate" : "conflict");
        if (p->flight_job >= 0 && chance(w, 500))
            p->jobs[p->flight_job].open = 1; /* the shell keeps the answer and tries again */
        p->again = w->full && p->flight_type == EVENT_SENT;
        if (!w->full && twice && said != NULL)
            people_accepted(w, p, p->flight_said, said->session, said->seq);
        else if (!w->full && !twice)
            conflict(w, p);
        return;
    }
    append(w, p, !p->flight_early);
    desks_durable(p);
    if (p->flight_type == EVENT_RESUME)
        p->resume = 0;
    if (!p->flight_early)
        apply_all(w, p);
    if (said != NULL)
        people_accepted(w, p, p->flight_said, p->serial, p->step.message_seq);
    if (!p->flight_early)
        run_effects(w, p);
    say(w, "%d: durable up to %d", p->number, (int)p->disk.n);
}

int shell_ready(struct world *w, struct person *p)
{
    if (p->in_flight)
        shell_commit(w, p);
    else if (p->resume)
        resume(w, p);
    else if (p->again)
        outbox_again(w, p);
    else
        return 1;
    return 0;
}

/* A session that nobody needs just now is written down whole and leaves memory. */
void shell_evict(struct world *w, struct person *p)
{
    if (!shell_ready(w, p) || w->full || p->state.seq == 0 || p->n_outbox > 0 ||
        engine_busy(&p->state, w->policy))
        return;
    say(w, "%d: leaves memory", p->number);
    p->step.n_records = 0;
    append(w, p, 0);
    disk_snapshot(p);
    load(w, p);
    if (chance(w, 100))
        check_bytes(w, p);
}

static void show_all(struct world *w, struct person *p, uint64_t last_seq)
{
    struct step unsent = { .arena = w->scratch };

    p->attached = 1;
    client_replay(w, p, last_seq);
    arena_reset(w->scratch);
    engine_unsent(&p->state, &unsent);
    outbox_rebuild(w, p, &unsent);
}

/* What was with the channel before is of no account, and the customer has seen nothing here. */
void shell_cross(struct world *w, struct person *p, int channel, const char *token)
{
    const struct ulid handoff = p->state.handoff.id;
    const uint64_t epoch = p->state.epoch;
    struct event event = shell_event(w, p, EVENT_BRIDGE);

    event.from.channel = w->channels[0][channel].name;
    event.name = arena_strdup(p->arena, token);
    if (shell_step(w, p, &event, -1, -1) != VERDICT_OK)
        return;
    if (p->in_flight)
        shell_commit(w, p);
    if (p->state.bridge != NULL || p->state.phase == SESSION_NEW)
        return; /* not written: it is good still */
    if (p->state.epoch != epoch || ulid_cmp(&p->state.handoff.id, &handoff) != 0 ||
        strcmp(p->state.channel, w->channels[0][channel].name) != 0)
        broken(w, "over a bridge a session stays what it is", "person %d", p->number);
    say(w, "%d: came over the bridge to %s", p->number, p->state.channel);
    w->crossed++;
    p->channel = channel;
    p->sending = 0;
    show_all(w, p, 0);
}

int shell_attach(struct world *w, struct person *p, uint64_t last_seq)
{
    if (!shell_ready(w, p))
        return 0;
    struct event event = shell_event(w, p, p->state.phase == SESSION_NEW ? EVENT_OPEN : EVENT_SEEN);
    event.from.locale = chance(w, 300) ? "de-DE" : NULL;
    enum verdict verdict = shell_step(w, p, &event, -1, -1);
    if (p->in_flight)
        shell_commit(w, p);
    if ((verdict != VERDICT_OK && verdict != VERDICT_MARK) || p->state.phase == SESSION_NEW)
        return 0;
    show_all(w, p, last_seq);
    return 1;
}

void shell_new_session(struct world *w, struct person *p)
{
    const struct ulid id = ulid_make(w->now, 1, ++w->made);

    if (p->serial > 0) {
        check_acked(w, p);
        attempt_end(w, p);
        if (chance(w, 100))
            check_bytes(w, p);
        w->retired++;
    }
    p->again = 0;
    p->serial++;
    disk_init(&p->disk, &id);
    model_init(&p->model);
    session_fini(&p->state);
    session_init(&p->state, &id);
    drop_marks(p);
    p->n_outbox = 0;
    p->generation = 0;
    desks_forget(p);
    memset(p->ops, 0, sizeof p->ops);
    p->flight_op = -1;
    p->in_flight = p->sending = p->parked = p->attached = p->resume = 0;
    p->last_seq = p->handed = 0;
    p->n_shown = 0;
    for (size_t i = 0; i < MAX_JOBS; i++)
        p->jobs[i].cancelled = 1; /* of the old session: whatever they say is stale */
}

static void lose_memory(struct world *w, struct person *p)
{
    if (p->in_flight && chance(w, 500) && !duplicate(p) && !w->full) {
        say(w, "%d: durable, not applied", p->number);
        append(w, p, 1);
        desks_durable(p);
    }
    p->flight_op = -1;
    desks_forget(p);
    p->in_flight = p->sending = p->parked = p->attached = p->again = 0;
    p->n_outbox = 0;
    drop_marks(p);
    for (size_t i = 0; i < MAX_JOBS; i++)
        if (!chance(w, 300)) /* some peers answer after all, with what they were asked then */
            p->jobs[i].open = 0;
    load(w, p);
}

void shell_crash(struct world *w)
{
    say(w, "crash");
    w->crashes++;
    for (size_t i = 0; i < w->n_people; i++) {
        lose_memory(w, &w->people[i]);
        check_acked(w, &w->people[i]);
    }
    w->policy = &w->policies[draw(w, MAX_POLICIES)];
    check_bytes(w, &w->people[draw(w, w->n_people)]);
    for (size_t i = 0; i < w->n_people; i++)
        resume(w, &w->people[i]);
}
