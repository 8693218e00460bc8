/* bridge.c - tokens with which a customer goes on by another channel: made, told, read.
 *
 * A token is SESSION.SECRET; the journal holds its SHA-256 only.
 */
#include "config.h"

#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "gate/gate_private.h"

#define SECRET 16 /* bytes */
#define TOKEN (ULID_TEXT - 1 + 1 + 2 * SECRET)

static const char *hash_of(const char *token, struct arena *arena)
{
    char *hex = arena_alloc(arena, 2 * CRYPT_HASH + 1);
    uint8_t hash[CRYPT_HASH];

    crypt_sha256(token, strlen(token), hash);
    crypt_hex(hash, sizeof hash, hex);
    return hex;
}

int bridge_read(const char *token, struct arena *arena, struct ulid *id_r, const char **hash_r)
{
    char id[ULID_TEXT];

    if (strnlen(token, TOKEN + 1) != TOKEN || token[ULID_TEXT - 1] != '.')
        return -1;
    memcpy(id, token, ULID_TEXT - 1);
    id[ULID_TEXT - 1] = '\0';
    if (ulid_parse(id, id_r) != 0)
        return -1;
    *hash_r = hash_of(token, arena);
    return 0;
}

void gate_bridge(struct gate *gate, const struct ulid *id, const char *channel, const char *link,
                 const char *by, gate_json_fn *fn, void *arg)
{
    struct item *item = item_new(gate, ITEM_OPERATOR, EVENT_CONTROL);
    struct event_control *control = arena_alloc(item->arena, sizeof *control);
    char session[ULID_TEXT], secret[2 * SECRET + 1];
    uint8_t random[SECRET];

    crypt_random(random, sizeof random);
    crypt_hex(random, sizeof random, secret);
    ulid_format(id, session);
    item->token = arena_printf(item->arena, "%s.%s", session, secret);
    *control = (struct event_control){
        .op = CONTROL_BRIDGE, .hash = hash_of(item->token, item->arena),
        .channel = arena_strdup(item->arena, channel), .text = arena_strdup(item->arena, by),
    };
    if (link != NULL)
        control->link = arena_printf(item->arena, "%s#bridge=%s", link, item->token);
    item->event.control = control;
    item->fn = fn;
    item->arg = arg;
    operator_hand_in(gate, id, item);
}

void bridge_json(const struct slot *slot, const struct item *item, struct buf *out)
{
    const char *link = item->event.control->link;
    char until[CLOCK_TEXT];
    struct td_json j = { 0 };

    clock_format(slot->session.bridge_until, until);
    td_json_object(&j);
    td_json_key_str(&j, "token", item->token);
    if (link != NULL)
        td_json_key_str(&j, "link", link);
    td_json_key_str(&j, "expires_at", until);
    td_json_object_end(&j);
    buf_add(out, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
}
