/* replay.c - what a customer who attaches has missed, out of the journal, between two steps. */
#include "config.h"

#include "base/arena.h"
#include "base/err.h"
#include "gate/gate_private.h"

#define PAGE 256
#define DEFAULT_REPLAY 500
#define MOST_REPLAY 5000
#define RECORDS_EACH 6 /* records looked at for each event wanted; a turn writes about five */

struct replay {
    struct slot *slot;
    const struct td_instance *inst; /* whom it is shown to */
    uint64_t first, next, newest; /* records: first wanted, next to read, last */
    int resync;
    const struct td_event **ring; /* the newest `most`, from `at` on when it is full */
    size_t most, n, at;
};

/* They have no place in the journal: what holds now stands at the end. */
static const struct td_event *receipt(const struct slot *slot, struct arena *arena, uint64_t of,
                                      enum td_delivery status)
{
    struct td_event *event = arena_alloc(arena, sizeof *event);

    *event = (struct td_event){ .size = sizeof *event, .type = TD_EV_RECEIPT,
                                .session = slot->text, .of = of, .status = status };
    return event;
}

/* What is owed holds however long ago it was promised, and whatever of the replay is shown. */
static const struct td_event *owed(const struct slot *slot, struct arena *arena,
                                   const struct session_promise *promise)
{
    struct td_event *event = arena_alloc(arena, sizeof *event);
    char *id = arena_alloc(arena, ULID_TEXT);

    ulid_format(&promise->id, id);
    *event = (struct td_event){ .size = sizeof *event, .type = TD_EV_PROMISE,
                                .session = slot->text, .promise = id,
                                .text = arena_strdup(arena, promise->what),
                                .due_at_ms = promise->due,
                                .promised = (enum td_promised)promise->state };
    return event;
}

static void answer(struct slot *slot, struct item *item, struct replay *replay)
{
    struct td_instance *inst = item->inst;
    const struct session *s = &slot->session;
    const struct td_event **events = arena_array(item->arena, replay->n + 2 + s->n_promises,
                                                  sizeof *events);
    size_t n = replay->n;
    const struct td_owner owner = { .size = sizeof owner, .kind = s->owner,
                                    .name = slot_owner_name(s),
                                    .pending = session_handed(s) && !s->handoff.quiet &&
                                               s->handoff.state != HANDOFF_LIVE };

    for (size_t i = 0; i < replay->n; i++)
        events[i] = replay->ring[(replay->at + i) % replay->n];
    if (s->receipt.read > 0)
        events[n++] = receipt(slot, item->arena, s->receipt.read, TD_READ);
    if (s->receipt.given > s->receipt.read)
        events[n++] = receipt(slot, item->arena, s->receipt.given, TD_DELIVERED);
    for (size_t i = 0; i < s->n_promises; i++)
        events[n++] = owed(slot, item->arena, &s->promises[i]);
    slot->away = 0;
    if (instance_is_open(inst) && inst->generation == item->generation)
        instance_channel(inst)->attached(inst->self, item->job, &(struct td_attached){
            .size = sizeof(struct td_attached), .status = TD_OK, .session = slot->text,
            .seq = replay->newest, .owner = &owner, .replay = events, .n_replay = n,
            .resync = replay->resync,
        });
    mailbox_replayed(slot);
}

static void add(struct replay *replay, struct td_event *event)
{
    if (replay->n < replay->most) {
        replay->ring[replay->n++] = event;
        return;
    }
    replay->ring[replay->at] = event;
    replay->at = (replay->at + 1) % replay->most;
    replay->resync = 1; /* one was pushed out */
}

static const struct td_message *message_of(const struct record *record, struct arena *arena)
{
    struct td_message *message = arena_alloc(arena, sizeof *message);
    char *id = arena_alloc(arena, ULID_TEXT);

    ulid_format(&record->message_id, id);
    *message = (struct td_message){
        .size = sizeof *message, .id = record->type == RECORD_MESSAGE ? record->ext_id : id,
        .text = record->body.text, .choice = record->body.choice,
        .choices = record->body.choices, .n_choices = record->body.n_choices,
        .attachments = record->body.attachments, .n_attachments = record->body.n_attachments,
        .parts = record->body.parts, .n_parts = record->body.n_parts,
        .author = record->type == RECORD_MESSAGE ? TD_CUSTOMER : (enum td_author)record->author,
        .author_name = record->name, .seq = record->seq, .at_ms = record->at,
    };
    return message;
}

static const struct td_owner *owner_of(const struct record *record, struct arena *arena)
{
    struct td_owner *owner = arena_alloc(arena, sizeof *owner);

    *owner = (struct td_owner){ .size = sizeof *owner, .kind = (enum td_owner_kind)record->owner,
                                .name = record->name != NULL ? record->name : "",
                                .pending = record->pending };
    if (record->title != NULL)
        owner->name = record->title;
    return owner;
}

static void show(struct replay *replay, const struct record *record, struct arena *arena)
{
    struct td_event *event = arena_alloc(arena, sizeof *event);

    *event = (struct td_event){ .size = sizeof *event, .session = replay->slot->text,
                                .seq = record->seq, .at_ms = record->at };
    switch (record->type) {
    case RECORD_MESSAGE:
        event->type = TD_EV_ECHO;
        event->message = links_show(replay->inst, message_of(record, arena), arena);
        break;
    case RECORD_REPLY:
        event->type = TD_EV_MESSAGE;
        event->message = links_show(replay->inst,
                                    bridge_show(replay->slot->gate, record->said,
                                                message_of(record, arena), arena), arena);
        break;
    case RECORD_OWNER:
        event->type = TD_EV_OWNER;
        event->owner = owner_of(record, arena);
        break;
    case RECORD_CLOSED:
        event->type = TD_EV_CLOSED;
        event->text = record->cause != NULL ? record->cause : "";
        break;
    case RECORD_PROMISE:
        event->type = TD_EV_PROMISE;
        event->promise = message_of(record, arena)->id;
        event->text = record->category;
        event->due_at_ms = record->due;
        event->promised = (enum td_promised)record->outcome;
        break;
    default: return;
    }
    add(replay, event);
}

static void read_page(struct replay *replay);

static void on_page(void *arg, enum store_status status, const struct store_record *records,
                    size_t n, int more)
{
    struct replay *replay = arg;
    struct slot *slot = replay->slot;
    struct gate *gate = slot->gate;
    struct item *item = slot->current;

    slot->op = OP_NONE;
    if (gate->dead) {
        slot_free(slot);
        gate_unref(gate);
        return;
    }
    for (size_t i = 0; i < n && status == STORE_OK && records[i].seq <= replay->newest; i++) {
        struct record record;
        struct err err;

        if (records[i].seq > replay->next)
            replay->resync = 1; /* the oldest were dropped from the journal */
        replay->next = records[i].seq + 1;
        if (record_decode(records[i].data, records[i].data_len, item->arena, &record, &err) != 0 ||
            record_decode_body(records[i].body, records[i].body_len, item->arena, &record.body,
                               &err) != 0)
            LOG_ERROR(&slot->log, "record %llu cannot be shown: %s",
                      (unsigned long long)records[i].seq, err.text);
        else
            show(replay, &record, item->arena);
    }
    if (status != STORE_OK && status != STORE_NONE)
        item_refuse(gate, item, TD_RETRY, "the journal cannot be read now", FULL_MS);
    if (status != STORE_OK && status != STORE_NONE)
        mailbox_replayed(slot);
    else if (status == STORE_OK && more && n > 0 && replay->next <= replay->newest)
        read_page(replay);
    else
        answer(slot, item, replay);
    gate_unref(gate);
}

static void read_page(struct replay *replay)
{
    struct slot *slot = replay->slot;

    slot->op = OP_REPLAY;
    gate_ref(slot->gate);
    store_read(slot->gate->conf.store, &slot->id, replay->next, PAGE, on_page, replay);
}

/* Only what is durable is shown: a mark that gets lost in a crash gives its number to another. */
void replay_start(struct slot *slot, struct item *item)
{
    const struct td_attach *attach = item->attach;
    struct replay *replay = arena_alloc(item->arena, sizeof *replay);
    uint64_t window;

    replay->slot = slot;
    replay->inst = item->inst;
    replay->most = attach->max_replay == 0           ? DEFAULT_REPLAY
                   : attach->max_replay > MOST_REPLAY ? MOST_REPLAY
                                                      : attach->max_replay;
    replay->newest = slot->durable_seq;
    replay->resync = attach->last_seq > replay->newest;
    replay->first = replay->resync ? 1 : attach->last_seq + 1;
    window = replay->most * RECORDS_EACH > PAGE ? replay->most * RECORDS_EACH : PAGE;
    if (replay->newest >= window && replay->first <= replay->newest - window) {
        replay->first = replay->newest - window + 1;
        replay->resync = 1;
    }
    replay->next = replay->first;
    replay->ring = arena_array(item->arena, replay->most, sizeof *replay->ring);
    if (replay->first > replay->newest)
        answer(slot, item, replay);
    else
        read_page(replay);
}
