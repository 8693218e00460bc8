/* desks.c - desks, waiting lines and humans: they answer late, twice, at once, or not at all. */
#include "config.h"

#include <string.h>

#include "tests/sim/world.h"

#define MUST(condition_, invariant_, ...)       \
    do {                                        \
        if (!(condition_))                      \
            broken(w, invariant_, __VA_ARGS__); \
    } while (0)

static const char *const humans[] = { "mia", "bo", "nina" };

static struct offer *find(struct person *p, const struct ulid *handoff)
{
    for (size_t i = 0; i < p->n_offers; i++)
        if (ulid_cmp(&p->offers[i].handoff, handoff) == 0)
            return &p->offers[i];
    return NULL;
}

static void offered(struct world *w, struct person *p, const struct ulid *handoff)
{
    struct offer *offer = find(p, handoff);

    MUST(session_handed(&p->state) && ulid_cmp(handoff, &p->state.handoff.id) == 0,
         "what is offered is what the session has", "person %d", p->number);
    if (offer == NULL) {
        if (p->n_offers == MAX_OFFERS) {
            memmove(p->offers, p->offers + 1, (MAX_OFFERS - 1) * sizeof *p->offers);
            p->n_offers--;
        }
        offer = &p->offers[p->n_offers++];
        *offer = (struct offer){ .handoff = *handoff };
    }
    offer->answered = 0;
    p->generation++;
}

static void relayed(struct world *w, struct person *p, const struct effect *effect)
{
    arena_reset(w->scratch);
    MUST(engine_message(&p->state, effect->of, w->scratch) != NULL,
         "what a desk has to get is kept", "person %d: message %d", p->number, (int)effect->of);
    model_heard(w, p, effect);
    if (p->n_relays < MAX_RELAYS)
        p->relays[p->n_relays++] = (struct relay){ effect->handoff, effect->of };
}

void desks_effect(struct world *w, struct person *p, const struct effect *effect)
{
    if (effect->type == EFFECT_OFFER)
        offered(w, p, &effect->handoff);
    else if (effect->type == EFFECT_RELAY)
        relayed(w, p, effect);
    else if (effect->type == EFFECT_RELEASE)
        p->generation++;
}

/* Another channel writes to them, and that is not made twice, whatever was asked twice. */
void desks_bridge(struct world *w, struct person *p, const struct effect *effect)
{
    MUST(p->state.bridge != NULL && strcmp(effect->text, p->state.bridge) == 0 &&
             effect->peer != NULL && strstr(effect->link, p->state.bridge) != NULL,
         "a customer out of reach is told of the session's own bridge", "person %d", p->number);
    MUST(strcmp(effect->channel, p->state.channel) != 0, "by another channel", "person %d",
         p->number);
    strcpy(p->telling, effect->text);
}

static void tell(struct world *w, struct person *p)
{
    struct event event = shell_event(w, p, EVENT_CONTROL);
    struct event_control *c = arena_alloc(p->arena, sizeof *c);

    *c = (struct event_control){ .op = CONTROL_TOLD, .on = chance(w, 900),
                                 .code = arena_strdup(p->arena, p->telling) };
    event.control = c;
    say(w, "%d: was told of bridge %s: %d", p->number, p->telling, c->on);
    w->told += c->on != 0;
    shell_step(w, p, &event, -1, -1);
    if (!p->in_flight && p->state.bridge_by == NULL && !chance(w, w->rates.duplicate))
        p->telling[0] = '\0'; /* else it is said again, as what the disk has no room for */
}

void desks_forget(struct person *p)
{
    p->telling[0] = '\0';
    p->n_offers = p->n_relays = 0;
    p->generation++;
}

static int answer(struct world *w, struct person *p, struct offer *offer,
                  enum offered_outcome outcome)
{
    struct event event = shell_event(w, p, EVENT_OFFERED);
    struct event_offered *o = arena_alloc(p->arena, sizeof *o);

    *o = (struct event_offered){ .outcome = outcome, .handoff = offer->handoff,
                                 .position = (uint32_t)draw(w, 3), .wait_ms = -1,
                                 .name = outcome == OFFERED_ACCEPTED ? humans[draw(w, 3)] : NULL,
                                 .text = chance(w, 500) ? "because" : NULL };
    event.offered = o;
    offer->answered = outcome != OFFERED_QUEUED || chance(w, 900);
    say(w, "%d: the desk answers %d", p->number, (int)outcome);
    return shell_step(w, p, &event, -1, -1) == VERDICT_OK;
}

static void answer_any(struct world *w, struct person *p)
{
    static const enum offered_outcome outcomes[] = {
        OFFERED_QUEUED, OFFERED_QUEUED, OFFERED_QUEUED, OFFERED_QUEUED, OFFERED_ACCEPTED,
        OFFERED_ACCEPTED, OFFERED_DECLINED, OFFERED_FULL, OFFERED_NOBODY, OFFERED_FAILED,
    };
    struct offer *offer;

    if (p->n_offers == 0)
        return;
    offer = &p->offers[draw(w, p->n_offers)];
    if (!offer->answered || chance(w, 200))
        answer(w, p, offer, outcomes[draw(w, 10)]);
}

/* ---- Humans ------------------------------------------------------------------------------- */

static struct event_control *control(struct world *w, struct person *p, enum control_op op,
                                     const char *human, const struct ulid *handoff, unsigned number)
{
    struct event_control *c = arena_alloc(p->arena, sizeof *c);
    struct td_message *m = arena_alloc(p->arena, sizeof *m);

    *m = (struct td_message){ .size = sizeof *m,
                              .text = arena_printf(p->arena, "h%u%s", number,
                                                   !w->quiet && chance(w, 30) ? "\xff" : "") };
    *c = (struct event_control){
        .op = op, .human = human, .message = op == CONTROL_SAY || op == CONTROL_NATIVE ? m : NULL,
        .id = number > 0 ? arena_printf(p->arena, "op%u", number) : NULL,
        .desk = op == CONTROL_TAKE || chance(w, 500) ? w->desks[draw(w, 2)].name : NULL,
        .text = chance(w, 500) ? "a note" : NULL, .title = op == CONTROL_NATIVE ? "Ole" : NULL,
        .wrapup = chance(w, 300) ? "{\"outcome\":\"resolved\"}" : NULL,
    };
    if (op == CONTROL_NATIVE) { /* now and then it is one of ours */
        const struct session *s = &p->state;
        if (s->n_messages > 0 && chance(w, 200))
            m->text = arena_strdup(p->arena, s->messages[draw(w, s->n_messages)].text);
        c->desk = NULL;
    }
    if (op == CONTROL_BRIDGE && chance(w, 500))
        c->human = c->desk = NULL; /* an operator */
    if (op != CONTROL_TAKE && op != CONTROL_REQUEST && op != CONTROL_NATIVE && op != CONTROL_PASS)
        c->handoff = *handoff;
    if (op == CONTROL_TRANSFER && chance(w, 500))
        c->to_human = humans[draw(w, 3)];
    else if (op == CONTROL_TRANSFER)
        c->queue = w->queues[0][draw(w, MAX_QUEUES)].name;
    if (op == CONTROL_PASS)
        c->agent = w->agents[0][draw(w, MAX_AGENTS)].name;
    if (op == CONTROL_GONE && chance(w, 300))
        c->human = NULL;
    c->on = op == CONTROL_REVIEW ? (int)draw(w, 7) : 1;
    return c;
}

/* Made after the event, whose making empties the arena. */
static void act(struct world *w, struct person *p, struct sent_op *op)
{
    struct event event = shell_event(w, p, EVENT_CONTROL);

    event.control = control(w, p, op->op, op->human, &op->handoff, op->number);
    event.of = op->op == CONTROL_READ ? draw(w, p->state.seq + 2) : 0;
    say(w, "%d: %s does %d, op %u", p->number, op->human, (int)op->op, op->number);
    p->flight_op = op->number > 0 ? (int)(op - p->ops) : -1;
    shell_step(w, p, &event, -1, -1);
    if (!p->in_flight)
        p->flight_op = -1;
}

static struct sent_op draw_op(struct world *w, struct person *p)
{
    static const enum control_op ops[] = {
        CONTROL_ACCEPT, CONTROL_ACCEPT, CONTROL_ACCEPT, CONTROL_ACCEPT, CONTROL_ACCEPT,
        CONTROL_SAY, CONTROL_SAY, CONTROL_SAY, CONTROL_SAY, CONTROL_SAY, CONTROL_SAY,
        CONTROL_DECLINE, CONTROL_TYPING, CONTROL_NOTE, CONTROL_TRANSFER, CONTROL_RETURN,
        CONTROL_RETURN, CONTROL_CLOSE, CONTROL_EXTEND, CONTROL_TAG, CONTROL_REVIEW, CONTROL_READ,
    };
    struct sent_op op = { .number = chance(w, 800) ? ++w->ops_made : 0,
                          .op = ops[draw(w, sizeof ops / sizeof *ops)],
                          .human = humans[draw(w, 3)], .handoff = p->state.handoff.id };

    if (chance(w, w->rates.take))
        op.op = chance(w, 700) ? CONTROL_TAKE : CONTROL_REQUEST;
    else if (chance(w, w->rates.gone))
        op.op = CONTROL_GONE;
    else if (chance(w, w->rates.take / 2))
        op.op = chance(w, 800) ? CONTROL_NATIVE : CONTROL_PASS;
    else if (chance(w, w->rates.bridge))
        op.op = CONTROL_BRIDGE;
    if (op.op == CONTROL_READ)
        op.number = 0; /* not remembered: twice is the same as once */
    if (p->n_offers > 0 && chance(w, 400))
        op.handoff = p->offers[draw(w, p->n_offers)].handoff;
    if (p->state.handoff.state == HANDOFF_LIVE && chance(w, 600))
        for (size_t i = 0; i < 3; i++) /* mostly it is the one who has it */
            if (strcmp(humans[i], p->state.handoff.human) == 0)
                op.human = humans[i];
    return op;
}

static void human_acts(struct world *w, struct person *p)
{
    struct sent_op *again = &p->ops[draw(w, MAX_SENT)];

    if (again->number > 0 && chance(w, w->rates.duplicate)) {
        act(w, p, again);
        return;
    }
    again = &p->ops[w->ops_made % MAX_SENT];
    *again = draw_op(w, p);
    act(w, p, again);
}

void desks_durable(struct person *p)
{
    if (p->flight_op >= 0 && p->step.outcome == CONTROL_DONE) /* reading twice is reading once */
        p->ops[p->flight_op].durable = p->ops[p->flight_op].op != CONTROL_READ;
    p->flight_op = -1;
}

static void report(struct world *w, struct person *p)
{
    struct event event;
    size_t at;

    if (p->n_relays == 0)
        return;
    at = draw(w, p->n_relays);
    event = shell_event(w, p, EVENT_RELAYED);
    event.of = p->relays[at].of;
    event.status = chance(w, w->rates.fail) ? TD_FAILED : TD_DELIVERED;
    if (!chance(w, w->rates.duplicate))
        p->relays[at] = p->relays[--p->n_relays];
    shell_step(w, p, &event, -1, -1);
}

static void others(struct world *w, struct person *p)
{
    struct event_call *call;
    struct event event;

    if (chance(w, w->rates.outage)) {
        say(w, "the desks are down for five minutes");
        w->desks_up = w->now + 300000;
        w->outages++;
    } else if (chance(w, w->rates.desk_crash)) {
        say(w, "%d: the desks crash", p->number);
        p->n_relays = 0; /* and offers stay with the host, who has asked */
    } else if (chance(w, w->rates.call)) {
        event = shell_event(w, p, EVENT_CALL);
        call = arena_alloc(p->arena, sizeof *call);
        *call = (struct event_call){ .type = (enum td_event_type)draw(w, 20), .text = "1" };
        event.call = call;
        shell_step(w, p, &event, -1, -1);
    } else {
        event = shell_event(w, p, EVENT_TYPING);
        event.on = 1;
        shell_step(w, p, &event, -1, -1);
    }
}

void desks_act(struct world *w, struct person *p)
{
    uint64_t what = draw(w, 100);

    if (!shell_ready(w, p))
        return;
    if (p->telling[0] != '\0' && chance(w, 300))
        tell(w, p);
    else if (w->now < w->desks_up)
        return;
    else if (what < 35)
        answer_any(w, p);
    else if (what < 80)
        human_acts(w, p);
    else if (what < 96)
        report(w, p);
    else
        others(w, p);
}

/* When faults have stopped: what is offered is accepted, what is live is answered and returned. */
int desks_settle(struct world *w, struct person *p)
{
    const struct session_handoff *h = &p->state.handoff;
    struct offer *offer = find(p, &h->id);
    struct sent_op op = { .human = "mia", .op = CONTROL_SAY, .handoff = h->id };

    if (p->n_relays > 0) {
        report(w, p);
        return 1;
    }
    if (p->telling[0] != '\0') {
        tell(w, p);
        return 1;
    }
    if (!session_handed(&p->state))
        return 0;
    if (h->state != HANDOFF_LIVE)
        return offer != NULL && answer(w, p, offer, OFFERED_ACCEPTED);
    if (*h->desk == '\0')
        return 0; /* who answers elsewhere falls silent in time */
    for (size_t i = 0; i < 3; i++)
        if (strcmp(humans[i], h->human) == 0)
            op.human = humans[i];
    if (h->spoke_at != 0)
        op.op = CONTROL_RETURN;
    struct event event = shell_event(w, p, EVENT_CONTROL);
    event.control = control(w, p, op.op, op.human, &op.handoff, 0);
    ((struct event_control *)event.control)->desk = NULL;
    shell_step(w, p, &event, -1, -1);
    return p->in_flight || p->step.n_records > 0;
}

/* ---- What must hold of an operation ------------------------------------------------------- */

/* Before the step is written; the model is as the durable records say. */
void desks_check(struct world *w, struct person *p, const struct event *event,
                 const struct step *step)
{
    const struct event_control *c = event->control;
    const struct attempt *a = &p->model.now;
    int live = a->active && a->state == HANDOFF_LIVE;
    const struct sent_op *op = p->flight_op >= 0 ? &p->ops[p->flight_op] : NULL;

    MUST(step->verdict == VERDICT_OK, "a control operation has an outcome", "person %d", p->number);
    if (step->outcome != CONTROL_DONE)
        MUST(step->n_records == 0 && step->n_effects == 0,
             "what is refused does nothing", "person %d: op %d, outcome %d", p->number, (int)c->op,
             (int)step->outcome);
    if (op != NULL && op->durable && session_control(&p->state, c->id) != NULL)
        MUST(step->outcome == CONTROL_AGAIN && step->first == CONTROL_DONE,
             "the same operation again does nothing", "person %d: op %u", p->number, op->number);
    if (step->outcome == CONTROL_TAKEN)
        MUST(live && step->holder != NULL, "taken is what somebody has", "person %d", p->number);
    if (step->outcome != CONTROL_DONE)
        return;
    if (c->op == CONTROL_ACCEPT)
        MUST(a->active && ulid_cmp(&a->id, &c->handoff) == 0 &&
                 (!live || strncmp(a->human, c->human, sizeof a->human - 1) == 0),
             "one human gets a handoff", "person %d: %s after %s", p->number, c->human, a->human);
    if (c->op == CONTROL_SAY || c->op == CONTROL_RETURN || c->op == CONTROL_CLOSE ||
        c->op == CONTROL_TRANSFER || c->op == CONTROL_EXTEND || c->op == CONTROL_TYPING ||
        c->op == CONTROL_READ)
        MUST(live && ulid_cmp(&a->id, &c->handoff) == 0 &&
                 strncmp(a->human, c->human, sizeof a->human - 1) == 0,
             "only who has the session acts in it", "person %d: %s does %d", p->number, c->human,
             (int)c->op);
}
