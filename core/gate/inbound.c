/* inbound.c - what channels hand in: messages, customers who come and go, events. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "base/crypt.h"
#include "base/utf8.h"
#include "gate/gate_private.h"

/* Fields joined by NUL: none of them holds one, so no two lists look the same. */
static void join(struct buf *out, const char *field)
{
    if (field != NULL)
        buf_str(out, field);
    buf_char(out, '\0');
}

static void address_key(struct gate *gate, const char *channel, const struct event_from *from,
                        uint8_t key[STORE_ADDRESS])
{
    struct buf *scratch = &gate->scratch;

    buf_clear(scratch);
    join(scratch, channel);
    join(scratch, from->account);
    join(scratch, from->peer);
    crypt_key128(gate->address_key, scratch->data, scratch->len, key);
}

/* First by where ids are unique, then by id: the keys of one conversation stand together. */
static void dedupe_key(struct gate *gate, const char *channel, const struct td_inbound *in,
                       uint8_t key[STORE_KEY])
{
    struct buf *scratch = &gate->scratch;
    uint8_t hash[16];

    buf_clear(scratch);
    join(scratch, channel);
    join(scratch, in->account);
    join(scratch, in->scope);
    crypt_key128(gate->scope_key, scratch->data, scratch->len, hash);
    memcpy(key, hash, STORE_KEY - 16);
    join(scratch, in->message->id);
    crypt_key128(gate->id_key, scratch->data, scratch->len, key + STORE_KEY - 16);
}

void inbound_control_key(struct slot *slot, const char *id, uint8_t key[STORE_KEY])
{
    struct gate *gate = slot->gate;
    struct buf *scratch = &gate->scratch;
    uint8_t hash[16];

    buf_clear(scratch);
    join(scratch, "");
    join(scratch, slot->text); /* no channel has an empty name */
    crypt_key128(gate->scope_key, scratch->data, scratch->len, hash);
    memcpy(key, hash, STORE_KEY - 16);
    join(scratch, id);
    crypt_key128(gate->id_key, scratch->data, scratch->len, key + STORE_KEY - 16);
}

static struct item *item_from(struct td_instance *inst, enum item_kind kind, enum event_type type,
                              uint64_t job)
{
    struct item *item = item_new(inst->gate, kind, type);

    item->inst = inst;
    item->generation = inst->generation;
    item->job = job;
    item->event.from.channel = inst->name;
    return item;
}

/* Into the mailbox, or refused when there is no room; slot NULL: the cache is full. */
static void hand_in(struct gate *gate, struct slot *slot, struct item *item)
{
    if (slot == NULL)
        gate_refuse_later(gate, item, TD_RETRY, "too many sessions are in use", BUSY_MS);
    else if (slot->hold != NULL)
        gate_refuse_later(gate, item, TD_RETRY, "the store is full", FULL_MS);
    else if (slot_is_crowded(slot) || gate->n_items > MAX_ITEMS)
        gate_refuse_later(gate, item, TD_RETRY, "too much waits for an answer", BUSY_MS);
    else
        slot_add(slot, item);
}

static void hand_in_by_peer(struct gate *gate, struct item *item)
{
    uint8_t address[STORE_ADDRESS];
    struct slot *slot;

    address_key(gate, item->inst->name, &item->event.from, address);
    slot = slot_get_address(gate, address);
    if (slot == NULL && gate->draining)
        gate_refuse_later(gate, item, TD_RETRY, "draining", FULL_MS);
    else
        hand_in(gate, slot != NULL ? slot : slot_find(gate, address), item);
}

/* Not the customer spoke, but somebody to them, by another client of the provider. */
static void make_native(struct item *item)
{
    struct event_control *control = arena_alloc(item->arena, sizeof *control);
    const char *name = item->event.message->author_name;

    *control = (struct event_control){ .op = CONTROL_NATIVE, .message = item->event.message,
                                       .title = name != NULL ? name : "Staff" };
    item->event.type = EVENT_CONTROL;
    item->event.control = control;
}

void inbound_deliver(struct td_instance *inst, uint64_t delivery, const struct td_inbound *in)
{
    struct gate *gate = inst->gate;
    struct item *item = item_from(inst, ITEM_DELIVER, EVENT_MESSAGE, delivery);
    const char *flaw = copy_inbound(item->arena, in, &item->event);
    struct ulid id;

    if (flaw != NULL) {
        gate_refuse_later(gate, item, TD_REJECT, flaw, 0);
        return;
    }
    if (item->event.message->author != TD_CUSTOMER)
        make_native(item);
    dedupe_key(gate, inst->name, in, item->dedupe);
    if (in->session != NULL) {
        if (ulid_parse(in->session, &id) != 0)
            gate_refuse_later(gate, item, TD_REJECT, "there is no such session", 0);
        else
            hand_in(gate, slot_load(gate, &id, 0), item);
        return;
    }
    item->by_peer = 1;
    hand_in_by_peer(gate, item);
}

void inbound_tell(struct td_instance *inst, struct item *item)
{
    item->inst = inst;
    item->generation = inst->generation;
    item->by_peer = 1;
    item->event.from.channel = inst->name;
    hand_in_by_peer(inst->gate, item);
}

void inbound_attach(struct td_instance *inst, uint64_t job, const struct td_attach *attach)
{
    struct gate *gate = inst->gate;
    struct item *item = item_from(inst, ITEM_ATTACH, EVENT_SEEN, job);
    const char *flaw = copy_attach(item->arena, attach, item);
    const char *bridge = flaw == NULL && TD_HAS(attach, bridge) ? attach->bridge : NULL;
    struct ulid id;

    if (flaw != NULL) {
        gate_refuse_later(gate, item, TD_AUTH, flaw, 0);
    } else if (bridge != NULL) {
        item->event.type = EVENT_BRIDGE;
        if (bridge_read(bridge, item->arena, &id, &item->secret) != 0)
            gate_refuse_later(gate, item, TD_AUTH, "that is no token", 0);
        else
            hand_in(gate, slot_load(gate, &id, 0), item);
    } else if (attach->session == NULL) {
        item->event.type = EVENT_OPEN;
        if (gate->draining)
            gate_refuse_later(gate, item, TD_RETRY, "draining", FULL_MS);
        else
            hand_in(gate, slot_fresh(gate), item);
    } else if (ulid_parse(attach->session, &id) != 0) {
        gate_refuse_later(gate, item, TD_AUTH, "there is no such session", 0);
    } else {
        hand_in(gate, slot_load(gate, &id, 0), item);
    }
}

/* What the slot holds of the session, if it is this channel's. */
static struct slot *own_slot(struct td_instance *inst, const char *session)
{
    struct ulid id;
    struct slot *slot;

    if (session == NULL || ulid_parse(session, &id) != 0)
        return NULL;
    slot = slot_get(inst->gate, &id);
    if (slot == NULL || slot->session.channel == NULL ||
        strcmp(slot->session.channel, inst->name) != 0)
        return NULL;
    return slot;
}

void inbound_detach(struct td_instance *inst, const char *session)
{
    struct slot *slot = own_slot(inst, session);

    if (slot == NULL || !instance_can(inst, TD_CAN_REPLAY))
        return;
    slot->away = 1; /* what waits is in the journal and comes with the next attach */
    outbox_clear(slot);
}

static int event_type_of(const struct td_event *event, enum event_type *type_r)
{
    switch (event->type) {
    case TD_EV_READ: *type_r = EVENT_READ; return 1;
    case TD_EV_RECEIPT: *type_r = EVENT_SENT; return 1;
    case TD_EV_RATING: *type_r = EVENT_RATING; return 1;
    case TD_EV_LEAVE: *type_r = EVENT_LEAVE; return 1;
    case TD_EV_TYPING: *type_r = EVENT_TYPING; return 1;
    case TD_EV_RINGING:
    case TD_EV_ANSWERED:
    case TD_EV_DTMF:
    case TD_EV_HUNG_UP:
    case TD_EV_TRANSFERRED: *type_r = EVENT_CALL; return 1;
    case TD_EV_MESSAGE:
    case TD_EV_ECHO:
    case TD_EV_OWNER:
    case TD_EV_CLOSED:
    case TD_EV_DELTA:
    case TD_EV_QUEUE:
    case TD_EV_TRANSFER:
    case TD_EV_PROMISE: break;
    }
    return 0;
}

/* Typing is shown to humans only; nobody loads a session for it. */
static int somebody_sees(struct gate *gate, const struct ulid *id)
{
    const struct slot *slot = slot_get(gate, id);

    return slot != NULL && slot->state == SLOT_READY && board_has(slot);
}

static const struct event_call *copy_call(struct item *item, const struct td_event *event)
{
    struct event_call *call = arena_alloc(item->arena, sizeof *call);

    *call = (struct event_call){ .type = event->type, .text = item->event.text,
                                 .code = TD_HAS(event, code) ? event->code : 0,
                                 .status = event->status };
    return call;
}

void inbound_event(struct td_instance *inst, const struct td_event *event)
{
    struct gate *gate = inst->gate;
    enum event_type type;
    struct item *item;
    struct slot *slot;
    struct ulid id;

    if (event == NULL || !TD_HAS(event, owner) || event->session == NULL ||
        ulid_parse(event->session, &id) != 0 || (unsigned)event->status > TD_FAILED) {
        instance_misuse(inst, "an event without a session, or with an unknown status");
        return;
    }
    if (event->type == TD_EV_TYPING && !somebody_sees(gate, &id))
        return;
    if (!event_type_of(event, &type)) {
        instance_misuse(inst, "an event of type %d cannot come from a channel", (int)event->type);
        return;
    }
    slot = slot_load(gate, &id, 0);
    if (slot == NULL || slot->hold != NULL || slot_is_crowded(slot) ||
        gate->n_items > MAX_ITEMS) {
        ++*inst->errors;
        return;
    }
    item = item_from(inst, ITEM_CHANNEL, type, 0);
    item->event.of = event->of;
    item->event.status = event->status;
    item->event.score = event->score;
    if (event->text != NULL && strnlen(event->text, MAX_TEXT + 1) <= MAX_TEXT &&
        utf8_valid(event->text, strlen(event->text)))
        item->event.text = arena_strdup(item->arena, event->text);
    item->event.on = event->on != 0;
    if (type == EVENT_CALL)
        item->event.call = copy_call(item, event);
    slot_add(slot, item);
}
