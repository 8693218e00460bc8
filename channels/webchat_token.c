/* webchat_token.c - resume tokens and signatures of customers. */
#include "config.h"

#include "channels/webchat_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define MAC 32
#define HEAD (MAC + 8)
#define PURPOSE "tandem.chat.v1 resume"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int hmac(const void *key, size_t key_len, const void *p, size_t len, uint8_t out[MAC])
{
    return HMAC(EVP_sha256(), key, (int)key_len, p, len, out, NULL) != NULL ? 0 : -1;
}

/* What is signed: the purpose, the time and the session, so that no other use of the key fits. */
static int sign(const uint8_t key[TOKEN_KEY], const uint8_t *body, size_t len, uint8_t out[MAC])
{
    uint8_t text[sizeof PURPOSE + 8 + TOKEN_SESSION];

    memcpy(text, PURPOSE, sizeof PURPOSE);
    memcpy(text + sizeof PURPOSE, body, len);
    return hmac(key, TOKEN_KEY, text, sizeof PURPOSE + len, out);
}

static void encode(const uint8_t *p, size_t len, char *text)
{
    uint32_t bits = 0;
    unsigned n = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | p[i];
        for (n += 8; n >= 6; n -= 6)
            *text++ = alphabet[bits >> (n - 6) & 63];
    }
    if (n > 0)
        *text++ = alphabet[bits << (6 - n) & 63];
    *text = '\0';
}

/* The length, or 0 when it is not base64url in its one canonical form or does not fit. */
static size_t decode(const char *text, uint8_t *p, size_t max)
{
    uint32_t bits = 0;
    unsigned n = 0;
    size_t len = 0;

    for (; *text != '\0'; text++) {
        const char *at = memchr(alphabet, *text, 64);

        if (at == NULL)
            return 0;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        if ((n += 6) < 8)
            continue;
        if (len == max)
            return 0;
        n -= 8;
        p[len++] = (uint8_t)(bits >> n);
    }
    return n < 6 && (bits & ((1U << n) - 1)) == 0 ? len : 0;
}

int token_make(const uint8_t key[TOKEN_KEY], const char *session, int64_t made_ms,
               char text[TOKEN_TEXT])
{
    uint8_t raw[HEAD + TOKEN_SESSION];
    size_t len = strlen(session);

    if (len == 0 || len > TOKEN_SESSION)
        return -1;
    for (int i = 0; i < 8; i++)
        raw[MAC + i] = (uint8_t)((uint64_t)made_ms >> (56 - 8 * i));
    memcpy(raw + HEAD, session, len);
    if (sign(key, raw + MAC, 8 + len, raw) < 0)
        return -1;
    encode(raw, HEAD + len, text);
    return 0;
}

int token_read(const uint8_t key[TOKEN_KEY], const char *text, char session[TOKEN_SESSION + 1],
               int64_t *made_ms_r)
{
    uint8_t raw[HEAD + TOKEN_SESSION], mac[MAC];
    size_t len = decode(text, raw, sizeof raw);
    uint64_t made_ms = 0;

    if (len <= HEAD || sign(key, raw + MAC, len - MAC, mac) < 0 ||
        CRYPTO_memcmp(mac, raw, MAC) != 0)
        return -1;
    for (int i = 0; i < 8; i++)
        made_ms = made_ms << 8 | raw[MAC + i];
    memcpy(session, raw + HEAD, len - HEAD);
    session[len - HEAD] = '\0';
    *made_ms_r = (int64_t)made_ms;
    return 0;
}

int token_signed(const char *secret, const char *id, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[MAC];
    char want[2 * MAC], got[2 * MAC];

    if (strlen(hex) != sizeof got || hmac(secret, strlen(secret), id, strlen(id), mac) < 0)
        return 0;
    for (size_t i = 0; i < MAC; i++) {
        want[2 * i] = digits[mac[i] >> 4];
        want[2 * i + 1] = digits[mac[i] & 15];
    }
    for (size_t i = 0; i < sizeof got; i++)
        got[i] = (char)(hex[i] >= 'A' && hex[i] <= 'F' ? hex[i] + 32 : hex[i]);
    return CRYPTO_memcmp(want, got, sizeof got) == 0;
}
