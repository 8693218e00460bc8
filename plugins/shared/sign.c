/* sign.c - the signatures of Standard Webhooks, Meta, Slack and Chatwoot, bearer tokens. */
#include "config.h"

#include "plugins/shared/sign.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_KEYS 8
#define MAX_KEY 512
#define MAX_SIGNATURES 16 /* of one request */
#define BASE64 44         /* of a hash */
#define BLANKS " \t\r\n"

struct sign_keys {
    size_t n;
    struct sign_key {
        EVP_MAC_CTX *mac;           /* holds the key; each signature starts it again */
        uint8_t itself[SIGN_HASH]; /* the key as it was written, signed with itself */
    } key[MAX_KEYS];
};

struct part {
    const void *data;
    size_t len;
};

/* ---- Keys --------------------------------------------------------------------------------- */

static int mac_of(const struct sign_key *key, const struct part *parts, size_t n,
                  uint8_t out[SIGN_HASH])
{
    size_t len;

    if (EVP_MAC_init(key->mac, NULL, 0, NULL) != 1)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (EVP_MAC_update(key->mac, parts[i].data, parts[i].len) != 1)
            return -1;
    }
    return EVP_MAC_final(key->mac, out, &len, SIGN_HASH) == 1 && len == SIGN_HASH ? 0 : -1;
}

static EVP_MAC_CTX *new_mac(const uint8_t *key, size_t len)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

    EVP_MAC_free(hmac);
    if (mac != NULL && EVP_MAC_init(mac, key, len, params) != 1) {
        EVP_MAC_CTX_free(mac);
        mac = NULL;
    }
    return mac;
}

/* The bytes of a key in base64; 0 when it is not that. */
static size_t decode(const char *text, size_t len, uint8_t out[MAX_KEY])
{
    size_t padding = 0;

    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    if (len == 0 || len % 4 != 0 || len / 4 * 3 > MAX_KEY ||
        EVP_DecodeBlock(out, (const unsigned char *)text, (int)len) != (int)(len / 4 * 3))
        return 0;
    return len / 4 * 3 - padding;
}

static int add_key(struct sign_keys *keys, const char *text, size_t len, int standard)
{
    struct sign_key *key = &keys->key[keys->n];
    const struct part whole = { text, len };
    uint8_t decoded[MAX_KEY];
    int status = -1;

    if (standard && len > 6 && memcmp(text, "whsec_", 6) == 0) {
        size_t n = decode(text + 6, len - 6, decoded);

        key->mac = n > 0 ? new_mac(decoded, n) : NULL;
        OPENSSL_cleanse(decoded, sizeof decoded);
    } else {
        key->mac = new_mac((const uint8_t *)text, len);
    }
    if (key->mac != NULL) {
        keys->n++;
        status = mac_of(key, &whole, 1, key->itself);
    }
    return status;
}

struct sign_keys *sign_keys_new(const char *text, int standard, struct td_error *err)
{
    struct sign_keys *keys = calloc(1, sizeof *keys);

    if (keys == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return NULL;
    }
    for (text += strspn(text, BLANKS); *text != '\0'; text += strspn(text, BLANKS)) {
        size_t len = strcspn(text, BLANKS);

        if (keys->n == MAX_KEYS || len > 4 * MAX_KEY || add_key(keys, text, len, standard) != 0) {
            snprintf(err->text, sizeof err->text,
                     "key %zu cannot be used: there may be %d keys, of at most %d bytes, and what "
                     "stands after whsec_ must be base64", keys->n + 1, MAX_KEYS, MAX_KEY);
            sign_keys_free(&keys);
            return NULL;
        }
        text += len;
    }
    if (keys->n == 0) {
        snprintf(err->text, sizeof err->text, "there is no key in it");
        sign_keys_free(&keys);
    }
    return keys;
}

void sign_keys_free(struct sign_keys **keys)
{
    if (*keys == NULL)
        return;
    for (size_t i = 0; i < (*keys)->n; i++)
        EVP_MAC_CTX_free((*keys)->key[i].mac);
    free(*keys);
    *keys = NULL;
}

/* All keys are tried, so that the time says nothing of which one fits. */
static int is_signed(const struct sign_keys *keys, const struct part *parts, size_t n,
                     const uint8_t want[][SIGN_HASH], size_t n_want)
{
    uint8_t hash[SIGN_HASH];
    int fits = 0;

    for (size_t i = 0; i < keys->n; i++) {
        if (mac_of(&keys->key[i], parts, n, hash) != 0)
            return 0;
        for (size_t k = 0; k < n_want; k++)
            fits |= CRYPTO_memcmp(hash, want[k], SIGN_HASH) == 0;
    }
    return fits;
}

int sign_is_token(const struct sign_keys *keys, const char *token)
{
    const struct part whole = { token, strlen(token) };
    uint8_t hash[SIGN_HASH];
    int fits = 0;

    for (size_t i = 0; i < keys->n; i++) {
        if (mac_of(&keys->key[i], &whole, 1, hash) != 0)
            return 0;
        fits |= CRYPTO_memcmp(hash, keys->key[i].itself, SIGN_HASH) == 0;
    }
    return fits;
}

/* ---- Requests ----------------------------------------------------------------------------- */

const char *sign_header(const struct td_web_request *request, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcmp(request->headers[i].name, name) != 0)
            continue;
        if (value != NULL)
            return NULL;
        value = request->headers[i].value;
    }
    return value;
}

static int is_of_now(const struct sign_check *check, const char *timestamp)
{
    size_t len = strspn(timestamp, "0123456789");
    int64_t off;

    if (len == 0 || len > 12 || timestamp[len] != '\0')
        return 0;
    off = check->now_ms - (int64_t)strtoll(timestamp, NULL, 10) * 1000;
    return off <= check->tolerance_ms && off >= -check->tolerance_ms;
}

static int read_base64(const char *text, size_t len, uint8_t out[SIGN_HASH])
{
    uint8_t raw[BASE64 / 4 * 3];

    if (len != BASE64 || text[BASE64 - 1] != '=' || text[BASE64 - 2] == '=' ||
        EVP_DecodeBlock(raw, (const unsigned char *)text, BASE64) != (int)sizeof raw)
        return -1;
    memcpy(out, raw, SIGN_HASH);
    return 0;
}

static int read_hex(const char *text, uint8_t out[SIGN_HASH])
{
    static const char digits[] = "0123456789abcdef";

    if (strlen(text) != 2 * SIGN_HASH)
        return -1;
    for (size_t i = 0; i < (size_t)2 * SIGN_HASH; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
        const char *at = memchr(digits, c, 16);

        if (at == NULL)
            return -1;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? at - digits : out[i / 2] << 4 | (at - digits));
    }
    return 0;
}

static int verify_standard(const struct sign_check *check, const struct td_web_request *r)
{
    const char *id = sign_header(r, "webhook-id"), *at = sign_header(r, "webhook-timestamp");
    const char *list = sign_header(r, "webhook-signature");
    uint8_t want[MAX_SIGNATURES][SIGN_HASH];
    size_t n = 0;

    if (id == NULL || *id == '\0' || at == NULL || list == NULL || !is_of_now(check, at))
        return 0;
    for (list += strspn(list, " "); *list != '\0' && n < MAX_SIGNATURES;) {
        size_t len = strcspn(list, " ");

        if (len > 3 && memcmp(list, "v1,", 3) == 0 && read_base64(list + 3, len - 3, want[n]) == 0)
            n++;
        list += len;
        list += strspn(list, " ");
    }
    return is_signed(check->keys,
                     (const struct part[]){ { id, strlen(id) }, { ".", 1 }, { at, strlen(at) },
                                            { ".", 1 }, { r->body, r->body_len } },
                     5, (const uint8_t(*)[SIGN_HASH])want, n);
}

static int verify_meta(const struct sign_check *check, const struct td_web_request *r)
{
    const char *text = sign_header(r, "x-hub-signature-256");
    uint8_t want[1][SIGN_HASH];

    return text != NULL && strncmp(text, "sha256=", 7) == 0 && read_hex(text + 7, want[0]) == 0 &&
           is_signed(check->keys, &(const struct part){ r->body, r->body_len }, 1,
                     (const uint8_t(*)[SIGN_HASH])want, 1);
}

static int verify_slack(const struct sign_check *check, const struct td_web_request *r)
{
    const char *text = sign_header(r, "x-slack-signature");
    const char *at = sign_header(r, "x-slack-request-timestamp");
    uint8_t want[1][SIGN_HASH];

    if (text == NULL || at == NULL || !is_of_now(check, at) || strncmp(text, "v0=", 3) != 0 ||
        read_hex(text + 3, want[0]) != 0)
        return 0;
    return is_signed(check->keys,
                     (const struct part[]){ { "v0:", 3 }, { at, strlen(at) }, { ":", 1 },
                                            { r->body, r->body_len } },
                     4, (const uint8_t(*)[SIGN_HASH])want, 1);
}

/* Chatwoot's documents of its webhooks: sha256= and the hex of an HMAC of "timestamp.body". */
static int verify_chatwoot(const struct sign_check *check, const struct td_web_request *r)
{
    const char *text = sign_header(r, "x-chatwoot-signature");
    const char *at = sign_header(r, "x-chatwoot-timestamp");
    uint8_t want[1][SIGN_HASH];

    if (text == NULL || at == NULL || !is_of_now(check, at) || strncmp(text, "sha256=", 7) != 0 ||
        read_hex(text + 7, want[0]) != 0)
        return 0;
    return is_signed(check->keys,
                     (const struct part[]){ { at, strlen(at) }, { ".", 1 }, { r->body, r->body_len } },
                     3, (const uint8_t(*)[SIGN_HASH])want, 1);
}

static int verify_bearer(const struct sign_check *check, const struct td_web_request *r)
{
    const char *token = sign_header(r, check->header);

    if (token == NULL)
        return 0;
    if (strcmp(check->header, "authorization") == 0) {
        if (strncasecmp(token, "Bearer ", 7) != 0)
            return 0;
        token += 7;
    }
    return sign_is_token(check->keys, token);
}

int sign_verify(const struct sign_check *check, const struct td_web_request *request)
{
    switch (check->scheme) {
    case SIGN_BY_STANDARD: return verify_standard(check, request);
    case SIGN_BY_META: return verify_meta(check, request);
    case SIGN_BY_SLACK: return verify_slack(check, request);
    case SIGN_BY_BEARER: return verify_bearer(check, request);
    case SIGN_BY_NONE: return 1;
    case SIGN_BY_CHATWOOT: return verify_chatwoot(check, request);
    }
    return 0;
}

/* ---- Signing ------------------------------------------------------------------------------ */

int sign_standard(const struct sign_keys *keys, const char *id, const char *timestamp,
                  const char *body, size_t len, char text_r[SIGN_STANDARD])
{
    const struct part parts[] = { { id, strlen(id) }, { ".", 1 }, { timestamp, strlen(timestamp) },
                                  { ".", 1 }, { body, len } };
    uint8_t hash[SIGN_HASH];

    if (mac_of(&keys->key[0], parts, 5, hash) != 0)
        return -1;
    memcpy(text_r, "v1,", 3);
    EVP_EncodeBlock((unsigned char *)text_r + 3, hash, sizeof hash);
    return 0;
}

int sign_hex(const struct sign_keys *keys, const char *body, size_t len, char text_r[SIGN_HEX])
{
    uint8_t hash[SIGN_HASH];

    if (mac_of(&keys->key[0], &(const struct part){ body, len }, 1, hash) != 0)
        return -1;
    for (size_t i = 0; i < SIGN_HASH; i++)
        snprintf(text_r + 2 * i, 3, "%02x", hash[i]);
    return 0;
}
