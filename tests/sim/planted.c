/* planted.c - faults put in on purpose, to see that the simulator finds them. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "engine/session_private.h"
#include "engine/texts.h"
#include "tests/sim/world.h"

enum planted planted;

const char *planted_name(enum planted bug)
{
    static const char *const names[PLANTED_COUNT] = {
        [PLANTED_NOTHING] = "nothing",
        [PLANTED_NO_FENCE] = "stale answers are taken",
        [PLANTED_EARLY_EFFECTS] = "effects run before the batch is durable",
        [PLANTED_EARLY_ACK] = "messages are acknowledged before they are durable",
        [PLANTED_NO_DEDUPE] = "the dedupe key is forgotten",
        [PLANTED_OUT_OF_ORDER] = "the outbox sends the second first",
        [PLANTED_FORGETS_PENDING] = "a failed turn forgets what it was asked",
        [PLANTED_DELIVERY_BACK] = "deliveries move back",
        [PLANTED_SNAPSHOT_ANSWERED] = "the snapshot loses what was answered",
        [PLANTED_ANSWERS_TWICE] = "a resumed turn keeps its old attempt",
        [PLANTED_NO_RESEND] = "a restart forgets what was not sent",
        [PLANTED_DROPS_WAITING] = "the window drops messages that wait",
        [PLANTED_TWO_TURNS] = "an interrupted turn does not end",
        [PLANTED_CLOCK] = "decisions look at something outside the event",
        [PLANTED_SECOND_ACCEPT] = "a second human gets what the first has",
        [PLANTED_TOLD_TWICE] = "it is forgotten what the customer was told",
        [PLANTED_LOST_DELTA] = "a restart forgets what the desk did not get",
        [PLANTED_FORGETS_CONTROL] = "operations are forgotten",
        [PLANTED_TALKS_OVER] = "an agent goes on while a human has the session",
        [PLANTED_SILENT_END] = "nobody tells the customer that nobody comes",
        [PLANTED_SNAPSHOT_HANDOFF] = "the snapshot loses the additions",
        [PLANTED_NO_REOFFER] = "a restart forgets what was offered",
        [PLANTED_CLARIFY] = "one clarifying question too many is let through",
        [PLANTED_CLAIM] = "claims are believed",
        [PLANTED_SNAPSHOT_COUNTS] = "the snapshot loses what was counted",
        [PLANTED_OFFER_FORGOTTEN] = "it is forgotten that the customer was asked",
        [PLANTED_NATIVE_UNOWNED] = "who answers by another client does not get the session",
        [PLANTED_NATIVE_RESENT] = "what somebody else has sent is ours to send",
    };

    return names[bug];
}

/* The answer as if it were to the turn that runs. */
static void forge(const struct session *s, struct event *event)
{
    if (event->type != EVENT_ANSWER || !s->turn.active)
        return;
    event->turn = s->turn.id;
    event->epoch = s->epoch;
    event->attempt = s->turn.attempt;
}

static void drop_from(struct step *step, size_t n_records, enum effect_type type)
{
    size_t kept = 0;

    step->n_records = n_records;
    for (size_t i = 0; i < step->n_effects; i++)
        if (step->effects[i].type != type)
            step->effects[kept++] = step->effects[i];
    step->n_effects = kept;
}

static void forget_pending(const struct session *s, struct step *step)
{
    for (size_t i = 0; i < step->n_records; i++) {
        struct record *r = &step->records[i];
        if (r->type != RECORD_TURN_END || r->outcome != TURN_FAILED || r->upto != 0)
            continue;
        r->upto = s->turn.upto;
        drop_from(step, i + 1, EFFECT_ASK);
        return;
    }
}

static void move_back(const struct session *s, const struct event *event, struct step *step)
{
    const struct session_message *m = session_message(s, event->of);

    if (event->type != EVENT_SENT || step->verdict != VERDICT_NOTHING || m == NULL ||
        m->author == TD_CUSTOMER || event->status > TD_FAILED)
        return;
    step->records = arena_alloc(step->arena, sizeof *step->records);
    step->records[0] = (struct record){ .type = RECORD_DELIVERY, .seq = s->seq + 1,
                                        .at = event->now, .of = event->of,
                                        .status = (int)event->status };
    step->n_records = 1;
    step->verdict = VERDICT_MARK;
}

static void keep_interrupted(struct step *step)
{
    for (size_t i = 0; i < step->n_records; i++) {
        if (step->records[i].type != RECORD_TURN_END ||
            step->records[i].outcome != TURN_INTERRUPTED)
            continue;
        memmove(&step->records[i], &step->records[i + 1],
                (step->n_records - i - 1) * sizeof *step->records);
        step->n_records--;
        for (; i < step->n_records; i++)
            step->records[i].seq--;
        for (i = 0; i < step->n_effects; i++)
            if (step->effects[i].of > 0)
                step->effects[i].of--;
    }
}

/* What the state must have looked like for the fault to happen. */
static void lie(struct session *lie, const struct event *event)
{
    struct session_handoff *h = &lie->handoff;

    if (planted == PLANTED_SECOND_ACCEPT && event->type == EVENT_CONTROL &&
        event->control->op == CONTROL_ACCEPT && h->state == HANDOFF_LIVE)
        h->state = HANDOFF_QUEUED;
    if (planted == PLANTED_TOLD_TWICE)
        h->told = 0;
    if (planted == PLANTED_FORGETS_CONTROL)
        lie->n_controls = 0;
    if (planted == PLANTED_NATIVE_UNOWNED && event->type == EVENT_CONTROL &&
        event->control->op == CONTROL_NATIVE)
        h->state = HANDOFF_LIVE;
    if (planted == PLANTED_TALKS_OVER && event->type == EVENT_MESSAGE)
        h->state = HANDOFF_NONE;
}

/* The text goes, the records after it move up. */
static void keep_silent(struct step *step)
{
    for (size_t i = 0; i < step->n_records; i++) {
        const struct record *r = &step->records[i];
        if (r->type != RECORD_REPLY || r->said != TEXT_NOBODY + 1)
            continue;
        uint64_t seq = r->seq;
        memmove(&step->records[i], &step->records[i + 1],
                (step->n_records - i - 1) * sizeof *step->records);
        for (step->n_records--; i < step->n_records; i++)
            step->records[i].seq--;
        size_t kept = 0;
        for (i = 0; i < step->n_effects; i++) {
            struct effect effect = step->effects[i];
            if (effect.of == seq)
                continue;
            effect.of -= effect.of > seq;
            step->effects[kept++] = effect;
        }
        step->n_effects = kept;
        return;
    }
}

static void forget_on_resume(struct step *step)
{
    if (planted == PLANTED_NO_RESEND)
        drop_from(step, step->n_records, EFFECT_SEND);
    if (planted == PLANTED_LOST_DELTA)
        drop_from(step, step->n_records, EFFECT_RELAY);
    if (planted == PLANTED_NO_REOFFER)
        drop_from(step, step->n_records, EFFECT_OFFER);
    if (step->verdict == VERDICT_OK && step->n_records + step->n_effects == 0) {
        step->verdict = VERDICT_NOTHING;
        step->reason = "nothing was under way";
    }
}

void planted_decide(const struct session *s, const struct event *event,
                    const struct policy *policy, struct step *step_r)
{
    static int64_t calls;
    struct event forged = *event;
    static struct policy weak; /* records point into it */
    struct session lied;

    weak = *policy;
    if (planted == PLANTED_CLARIFY)
        weak.clarify_max++;
    if (planted == PLANTED_CLAIM)
        weak.phrases_asked = 0;
    if (planted == PLANTED_NO_FENCE)
        forge(s, &forged);
    lied = *s;
    lie(&lied, event);
    engine_decide(&lied, &forged, &weak, step_r);
    if (planted == PLANTED_FORGETS_PENDING)
        forget_pending(s, step_r);
    if (planted == PLANTED_DELIVERY_BACK)
        move_back(s, event, step_r);
    if (planted == PLANTED_TWO_TURNS)
        keep_interrupted(step_r);
    if (event->type == EVENT_RESUME)
        forget_on_resume(step_r);
    if (planted == PLANTED_SILENT_END)
        keep_silent(step_r);
    if (planted == PLANTED_CLOCK)
        for (size_t i = 0; i < step_r->n_records; i++)
            if (step_r->records[i].type == RECORD_TURN)
                step_r->records[i].deadline += ++calls % 7;
}

void planted_apply(struct session *s, const struct record *record)
{
    uint64_t attempt = s->turn.attempt;

    engine_apply(s, record);
    if (planted == PLANTED_ANSWERS_TWICE && record->type == RECORD_ASKED)
        s->turn.attempt = attempt;
    if (planted == PLANTED_NATIVE_RESENT && record->type == RECORD_REPLY && record->status != 0)
        s->messages[s->n_messages - 1].status = TD_QUEUED;
    if (planted == PLANTED_DROPS_WAITING && s->n_messages > 6) {
        struct session_message first = s->messages[0];
        memmove(s->messages, s->messages + 1, --s->n_messages * sizeof *s->messages);
        free(first.name);
        free(first.ext_id);
        free(first.text);
        free(first.choice);
        for (size_t i = 0; i < first.n_choices; i++) {
            free((char *)first.choices[i]->title);
            free((char *)first.choices[i]->value);
            free(first.choices[i]);
        }
        free(first.choices);
    }
}

void planted_snapshot(const struct session *session, struct buf *facts, struct buf *body)
{
    struct session copy = *session;

    if (planted == PLANTED_SNAPSHOT_ANSWERED)
        copy.answered = 0;
    if (planted == PLANTED_SNAPSHOT_HANDOFF)
        copy.handoff.deltas = 0;
    if (planted == PLANTED_SNAPSHOT_COUNTS)
        copy.counts.clarify_turns = copy.counts.turns = copy.counts.messages = 0;
    if (planted == PLANTED_OFFER_FORGOTTEN)
        copy.offer = NULL;
    session_snapshot(&copy, facts, body);
}
