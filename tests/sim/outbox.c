/* outbox.c - what leaves, in order, one at a time; and the customer's end of it. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

static int replays(const struct person *p)
{
    return p->channel < 2;
}

static void push(struct person *p, const struct out *out)
{
    if (p->n_outbox == p->cap_outbox) {
        p->cap_outbox = p->cap_outbox > 0 ? p->cap_outbox * 2 : 16;
        p->outbox = mem_grow(p->outbox, p->cap_outbox * sizeof *p->outbox);
    }
    p->outbox[p->n_outbox++] = *out;
}

static void pop(struct person *p)
{
    p->n_outbox--;
    memmove(p->outbox, p->outbox + 1, p->n_outbox * sizeof *p->outbox);
    p->sending = 0;
}

void outbox_add(struct world *w, struct person *p, const struct effect *effect)
{
    (void)w;
    push(p, &(struct out){ .is_send = effect->type == EFFECT_SEND, .of = effect->of,
                           .maybe_duplicate = effect->maybe_duplicate });
}

void outbox_rebuild(struct world *w, struct person *p, const struct step *unsent)
{
    uint64_t sending = p->sending ? p->outbox[0].of : 0;

    p->n_outbox = p->sending ? 1 : 0; /* what is with the channel comes back from it */
    p->parked = 0;
    for (size_t i = 0; i < unsent->n_effects; i++)
        if (unsent->effects[i].of != sending)
            outbox_add(w, p, &unsent->effects[i]);
}

int outbox_waits(const struct person *p)
{
    return p->n_outbox > 0 && !p->parked;
}

/* ---- The customer ------------------------------------------------------------------------ */

static void must_be_durable(struct world *w, const struct person *p, uint64_t seq)
{
    if (seq > p->model.seq)
        broken(w, "nothing reaches the customer before it is durable",
               "person %d saw %d, durable is %d", p->number, (int)seq, (int)p->model.seq);
}

/* A client that replays drops what it has, and must never miss one. */
static void client_shows(struct world *w, struct person *p, uint64_t seq)
{
    const struct model *m = &p->model;

    must_be_durable(w, p, seq);
    if (seq > p->handed)
        p->handed = seq;
    if (seq <= p->last_seq)
        return;
    if (p->n_shown >= m->n_visible || m->visible[p->n_shown] != seq)
        broken(w, "the customer sees each message once, in the journal's order",
               "person %d got %d, the journal has %d next", p->number, (int)seq,
               p->n_shown < m->n_visible ? (int)m->visible[p->n_shown] : 0);
    p->n_shown++;
    p->last_seq = seq;
}

/* A phone shows what comes. What was passed over must have been given up or sent already. */
static void phone_shows(struct world *w, struct person *p, uint64_t seq, int maybe_duplicate)
{
    const struct model *m = &p->model;

    must_be_durable(w, p, seq);
    if (seq <= p->last_seq && !maybe_duplicate)
        broken(w, "a reply leaves twice only when it is marked so", "person %d got %d after %d",
               p->number, (int)seq, (int)p->last_seq);
    for (; p->n_shown < m->n_visible && m->visible[p->n_shown] <= seq; p->n_shown++) {
        const struct session_message *reply = session_message(&p->state, m->visible[p->n_shown]);
        if (reply != NULL && reply->seq != seq && reply->status == TD_QUEUED)
            broken(w, "the customer sees each message once, in the journal's order",
                   "person %d got %d before %d", p->number, (int)seq, (int)reply->seq);
    }
    if (seq > p->last_seq)
        p->last_seq = seq;
}

void client_replay(struct world *w, struct person *p, uint64_t last_seq)
{
    const struct model *m = &p->model;

    say(w, "%d: attached, from %d", p->number, (int)last_seq);
    if (!replays(p))
        return;
    p->last_seq = last_seq;
    p->n_shown = 0;
    while (p->n_shown < m->n_visible && m->visible[p->n_shown] <= last_seq)
        p->n_shown++;
    while (p->n_shown < m->n_visible)
        client_shows(w, p, m->visible[p->n_shown]);
}

/* ---- The channel ------------------------------------------------------------------------- */

/* Of what fails, half says that the customer is out of reach: from then on nothing helps there. */
static void report(struct world *w, struct person *p, uint64_t of, enum td_delivery status)
{
    struct event event = shell_event(w, p, EVENT_SENT);

    event.of = of;
    event.status = status;
    event.on = status == TD_FAILED && of % 2 == 0;
    event.text = status == TD_FAILED ? "the carrier said no" : NULL;
    say(w, "%d: reply %d is %d", p->number, (int)of, (int)status);
    p->report_of = of;
    p->report_status = status;
    shell_step(w, p, &event, -1, -1);
}

void outbox_again(struct world *w, struct person *p)
{
    p->again = 0;
    report(w, p, p->report_of, p->report_status);
}

/* 0: it was on the wire before a crash, and since then reported and forgotten. */
static int start_sending(struct world *w, struct person *p)
{
    const struct td_message *reply;
    const struct fact *fact;

    if (planted == PLANTED_OUT_OF_ORDER && p->n_outbox > 1 && p->outbox[1].is_send) {
        struct out first = p->outbox[0];
        p->outbox[0] = p->outbox[1];
        p->outbox[1] = first;
    }
    arena_reset(w->scratch);
    reply = engine_reply(&p->state, p->outbox[0].of, w->scratch);
    if (reply == NULL && p->outbox[0].of <= p->handed)
        return 0;
    if (reply == NULL)
        broken(w, "a reply that waits for delivery is kept", "person %d, reply %d", p->number,
               (int)p->outbox[0].of);
    if (reply->seq > p->disk.n)
        broken(w, "nothing leaves before it is durable", "person %d, reply %d", p->number,
               (int)reply->seq);
    fact = &p->disk.facts[reply->seq - 1];
    if (fact->type != RECORD_REPLY || fact->body_len == 0 ||
        (reply->text != NULL && strpbrk(reply->text, "\"\\\n\xe2") == NULL &&
         memmem(p->disk.bodies.data + fact->body_at, fact->body_len, reply->text,
                strlen(reply->text)) == NULL))
        broken(w, "what leaves is what the journal says", "person %d, reply %d: %s", p->number,
               (int)reply->seq, reply->text != NULL ? reply->text : "");
    p->sending = 1;
    return 1;
}

static void sent(struct world *w, struct person *p)
{
    struct out out = p->outbox[0];

    if (replays(p)) {
        if (!p->attached) { /* away: it waits for the customer */
            p->parked = 1;
            p->sending = 0;
            return;
        }
        client_shows(w, p, out.of);
        pop(p);
        report(w, p, out.of, TD_SENT);
        return;
    }
    if (!w->quiet && chance(w, w->rates.retry)) {
        p->sending = 0; /* the host sends it again */
        return;
    }
    pop(p);
    p->handed = out.of > p->handed ? out.of : p->handed;
    if (!w->quiet && chance(w, w->rates.fail)) {
        report(w, p, out.of, TD_FAILED);
        return;
    }
    int uncertain = !w->quiet && chance(w, w->rates.late);
    if (!uncertain || chance(w, 500))
        phone_shows(w, p, out.of, out.maybe_duplicate);
    report(w, p, out.of, uncertain ? TD_UNCERTAIN : TD_SENT);
}

void outbox_move(struct world *w, struct person *p)
{
    if (!shell_ready(w, p))
        return;
    if (!outbox_waits(p))
        return;
    if (!p->outbox[0].is_send) {
        if (p->attached && replays(p))
            client_shows(w, p, p->outbox[0].of);
        pop(p);
    } else if (!p->sending) {
        if (!start_sending(w, p))
            pop(p);
    } else {
        sent(w, p);
    }
}

/* Reports of providers come late, twice, in any order and about anything. */
void outbox_receipt(struct world *w, struct person *p)
{
    size_t n = p->model.n_visible;

    while (n > 0 && p->model.visible[n - 1] > p->handed)
        n--;
    if (n == 0 || !shell_ready(w, p))
        return;
    report(w, p, chance(w, 900) ? p->model.visible[draw(w, n)] : draw(w, p->handed + 1),
           (enum td_delivery)draw(w, 7));
}
