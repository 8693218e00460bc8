/*
 * links_short.c - GET /f/<token>: a file's signed link where each letter is paid for, as in a text
 * message.
 *
 * The token is 32 bytes in base64url (RFC 4648, section 5): the file's id, until when (seconds since
 * 1970, big-endian), and 96 bits of HMAC-SHA-256 over both.
 */
#include "config.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "gate/gate_private.h"
#include "io/web.h"

#define PREFIX "/f/"
#define BYTES 32
#define LETTERS 43 /* in base64, without the sign of what is missing */
#define SIGNED 20

static void sign(const struct gate *gate, uint8_t token[BYTES])
{
    uint8_t text[sizeof PREFIX - 1 + SIGNED], hash[CRYPT_HASH];

    memcpy(text, PREFIX, sizeof PREFIX - 1);
    memcpy(text + sizeof PREFIX - 1, token, SIGNED);
    crypt_hmac(gate->link_key, sizeof gate->link_key, text, sizeof text, hash);
    memcpy(token + SIGNED, hash, BYTES - SIGNED);
}

static void exchange(char *text, char from, char to)
{
    while ((text = strchr(text, from)) != NULL)
        *text++ = to;
}

char *links_short(const struct gate *gate, const char *id, struct arena *arena)
{
    const int64_t until_s = (clock_wall_ms() + gate->files.link_ms) / 1000 + 1;
    const char *base = gate->files.public_url != NULL ? gate->files.public_url : "";
    uint8_t token[BYTES];
    char text[LETTERS + 2];
    struct ulid ulid;

    if (gate->files.files == NULL || ulid_parse(id, &ulid) != 0)
        return NULL;
    memcpy(token, ulid.b, sizeof ulid.b);
    for (int i = 0; i < 4; i++)
        token[16 + i] = (uint8_t)(until_s >> (24 - 8 * i));
    sign(gate, token);
    EVP_EncodeBlock((unsigned char *)text, token, BYTES);
    text[LETTERS] = '\0';
    exchange(text, '+', '-');
    exchange(text, '/', '_');
    return arena_printf(arena, "%s" PREFIX "%s", base, text);
}

/* 0, or -1: it is none of ours. */
static int read_token(const struct gate *gate, const char *text, struct ulid *id_r,
                      int64_t *until_s_r)
{
    char letters[LETTERS + 2];
    uint8_t token[BYTES + 1], good[BYTES];

    if (strlen(text) != LETTERS || strpbrk(text, "+/=") != NULL)
        return -1;
    memcpy(letters, text, LETTERS);
    memcpy(letters + LETTERS, "=", 2);
    exchange(letters, '-', '+');
    exchange(letters, '_', '/');
    if (EVP_DecodeBlock(token, (unsigned char *)letters, LETTERS + 1) != BYTES + 1)
        return -1;
    memcpy(good, token, SIGNED);
    sign(gate, good);
    if (!crypt_equal(good, token, BYTES))
        return -1;
    memcpy(id_r->b, token, sizeof id_r->b);
    *until_s_r = (int64_t)token[16] << 24 | token[17] << 16 | token[18] << 8 | token[19];
    return 0;
}

static void on_request(void *arg, const struct td_web_request *request)
{
    struct gate *gate = arg;
    int64_t until_s;
    struct ulid id;

    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0)
        links_fail(gate, request->id, 405, "method_not_allowed", "this is only read here");
    else if (read_token(gate, request->path + strlen(PREFIX), &id, &until_s) != 0 ||
             *request->query != '\0')
        links_fail(gate, request->id, 403, "bad_link", "it needs the whole link, as it was sent");
    else
        links_read(gate, request->id, &id, until_s * 1000 < clock_wall_ms());
}

void links_short_open(struct gate *gate)
{
    if (gate->conf.web != NULL)
        web_route(gate->conf.web, PREFIX, 0, on_request, gate);
}
