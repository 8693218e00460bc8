/* draft.c - adding records and effects to a step. */
#include "config.h"

#include "engine/draft.h"

#include <string.h>

#include "base/arena.h"

/* Arrays double in the arena: the old half is left there, a step is short. */
static void *grow(struct arena *arena, const void *old, size_t n, size_t *cap, size_t size)
{
    size_t wanted = *cap > 0 ? *cap * 2 : 4;
    void *bigger = arena_array(arena, wanted, size);

    if (n > 0)
        memcpy(bigger, old, n * size);
    *cap = wanted;
    return bigger;
}

struct record *draft_record(struct draft *d, enum record_type type)
{
    struct step *step = d->step;

    if (step->n_records == d->cap_records)
        step->records = grow(step->arena, step->records, step->n_records, &d->cap_records,
                             sizeof *step->records);
    struct record *record = &step->records[step->n_records];
    record->type = type;
    record->at = d->event->now;
    record->seq = d->session->seq + ++step->n_records;
    return record;
}

struct effect *draft_effect(struct draft *d, enum effect_type type)
{
    struct step *step = d->step;

    if (step->n_effects == d->cap_effects)
        step->effects = grow(step->arena, step->effects, step->n_effects, &d->cap_effects,
                             sizeof *step->effects);
    struct effect *effect = &step->effects[step->n_effects++];
    effect->type = type;
    return effect;
}

struct ulid draft_id(struct draft *d)
{
    /* The last one is given out again rather than an id made up here; EVENT_IDS is ample. */
    return d->event->ids[d->used_ids < EVENT_IDS - 1 ? d->used_ids++ : EVENT_IDS - 1];
}

void draft_refuse(struct draft *d, enum verdict verdict, const char *reason)
{
    d->step->verdict = verdict;
    d->step->reason = reason;
    d->step->n_records = 0;
    d->step->n_effects = 0;
    d->step->message_seq = 0;
}

struct record *draft_reply(struct draft *d, const struct ulid *turn, enum td_author author,
                 const char *author_name, const struct td_message *message)
{
    struct record *reply = draft_record(d, RECORD_REPLY);

    reply->message_id = draft_id(d);
    reply->author = (int)author;
    reply->name = author_name;
    if (turn != NULL)
        reply->turn = *turn;
    reply->body.text = message->text;
    reply->body.choices = message->choices;
    reply->body.n_choices = message->n_choices;
    reply->body.attachments = message->attachments;
    reply->body.n_attachments = message->n_attachments;
    reply->body.parts = message->parts;
    reply->body.n_parts = message->n_parts;
    draft_effect(d, EFFECT_SEND)->of = reply->seq;
    return reply;
}

void draft_say(struct draft *d, const char *text)
{
    const struct td_message message = { .size = sizeof message, .text = text };

    draft_reply(d, NULL, TD_SYSTEM, NULL, &message);
}
