/* bridge.c - tokens with which a customer goes on by another channel: made, said, read.
 *
 * A token is SESSION.SECRET. The journal holds a number, the secret is made of it with a key of the
 * store: it stands where the customer reads it, and nowhere else.
 */
#include "config.h"

#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "engine/texts.h"
#include "gate/gate_private.h"

#define ID (ULID_TEXT - 1)
#define SECRET 32 /* hex digits */
#define TOKEN (ID + 1 + SECRET)

_Static_assert(ID + sizeof ENGINE_BRIDGE_MASK - 1 == SECRET, "a mask is as long as what it hides");

/* of: "SESSION.NUMBER". */
static void secret_of(const struct gate *gate, const char *of, char hex[SECRET + 1])
{
    uint8_t hash[CRYPT_HASH];

    crypt_hmac(gate->bridge_key, sizeof gate->bridge_key, of, ID + 1 + ID, hash);
    crypt_hex(hash, SECRET / 2, hex);
}

static void slot_secret(const struct slot *slot, char hex[SECRET + 1])
{
    char of[ID + 1 + ULID_TEXT];

    memcpy(of, slot->text, ID);
    of[ID] = '.';
    memcpy(of + ID + 1, slot->session.bridge, ULID_TEXT);
    secret_of(slot->gate, of, hex);
}

static int is_id(const char *at)
{
    char text[ULID_TEXT];
    struct ulid id;

    memcpy(text, at, ID);
    text[ID] = '\0';
    return ulid_parse(text, &id) == 0;
}

const struct td_message *bridge_show(const struct gate *gate, int said,
                                     const struct td_message *from, struct arena *arena)
{
    struct td_message *to;
    char *text, *mask, hex[SECRET + 1];
    size_t before;

    if (from == NULL || from->text == NULL ||
        (said != TEXT_BRIDGE + 1 && said != TEXT_CUT_OFF + 1))
        return from;
    to = arena_alloc(arena, sizeof *to);
    *to = *from;
    to->text = text = arena_strdup(arena, from->text);
    mask = strstr(text, ENGINE_BRIDGE_MASK);
    before = mask != NULL ? (size_t)(mask - text) : 0;
    if (before < ID + 1 + ID || !is_id(mask - ID) || !is_id(mask - ID - 1 - ID))
        return from;
    secret_of(gate, mask - ID - 1 - ID, hex);
    memcpy(mask - ID, hex, SECRET);
    return to;
}

int bridge_read(const char *token, struct arena *arena, struct ulid *id_r, const char **secret_r)
{
    char id[ULID_TEXT];

    if (strnlen(token, TOKEN + 1) != TOKEN || token[ID] != '.')
        return -1;
    memcpy(id, token, ID);
    id[ID] = '\0';
    if (ulid_parse(id, id_r) != 0)
        return -1;
    *secret_r = arena_strdup(arena, token + ID + 1);
    return 0;
}

const char *bridge_number(const struct slot *slot, const char *secret)
{
    const char *number = slot->session.bridge;
    char hex[SECRET + 1];

    if (number == NULL || strlen(number) != ID)
        return NULL;
    slot_secret(slot, hex);
    return crypt_equal(hex, secret, SECRET) ? number : NULL;
}

static void told(struct gate *gate, const struct ulid *session, const char *number, int on)
{
    struct item *item = item_new(gate, ITEM_INTERNAL, EVENT_CONTROL);
    struct event_control *control = arena_alloc(item->arena, sizeof *control);

    *control = (struct event_control){ .op = CONTROL_TOLD, .on = on,
                                       .code = arena_strdup(item->arena, number) };
    item->event.control = control;
    slot_add(slot_load(gate, session, 1), item);
}

void bridge_answer(struct gate *gate, const struct item *item, int on)
{
    told(gate, &item->origin, item->event.control->code, on);
}

void bridge_carry(struct slot *slot, const struct effect *effect)
{
    struct gate *gate = slot->gate;
    struct td_instance *inst = instance_find(gate, TD_CHANNEL, effect->channel);
    struct event_control *control;
    struct item *item;

    if (!instance_is_open(inst)) {
        told(gate, &slot->id, effect->text, 0);
        return;
    }
    item = item_new(gate, ITEM_INTERNAL, EVENT_CONTROL);
    control = arena_alloc(item->arena, sizeof *control);
    *control = (struct event_control){
        .op = CONTROL_TELL, .link = arena_strdup(item->arena, effect->link),
        .code = arena_strdup(item->arena, effect->text),
        .id = arena_printf(item->arena, "bridge.%s", effect->text),
    };
    item->event.control = control;
    item->event.from.peer = arena_strdup(item->arena, effect->peer);
    item->event.from.locale = arena_strdup(item->arena, effect->locale);
    item->origin = slot->id;
    inbound_tell(inst, item);
}

int bridge_is_out(const struct slot *slot, const struct item *item)
{
    const struct session *s = &slot->session;

    return s->bridge != NULL && s->bridge_seq == item->step.message_seq &&
           clock_wall_ms() < s->bridge_until;
}

static void put_until(struct td_json *j, const struct slot *slot)
{
    char until[CLOCK_TEXT];

    clock_format(slot->session.bridge_until, until);
    td_json_key_str(j, "expires_at", until);
}

void bridge_put_human(const struct slot *slot, struct td_json *j)
{
    td_json_object(j);
    put_until(j, slot);
    td_json_object_end(j);
}

void bridge_json(const struct slot *slot, const struct item *item, struct buf *out)
{
    const struct policy_channel *channel =
        policy_channel(slot->gate->policy->policy, slot->session.channel);
    const char *page = item->event.control->link;
    char secret[SECRET + 1];
    struct td_json j = { 0 };

    if (page == NULL && channel != NULL)
        page = channel->bridge_page;
    slot_secret(slot, secret);
    char *token = arena_printf(item->arena, "%s.%s", slot->text, secret);
    td_json_object(&j);
    td_json_key_str(&j, "token", token);
    if (page != NULL)
        td_json_key_str(&j, "link", arena_printf(item->arena, "%s#bridge=%s", page, token));
    put_until(&j, slot);
    td_json_object_end(&j);
    buf_add(out, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
}
