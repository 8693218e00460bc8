/* crypt.c - keyed hashes and random. */
#include "config.h"

#include "base/crypt.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

void crypt_random(void *p, size_t len)
{
    if (len > INT_MAX || RAND_bytes(p, (int)len) != 1)
        abort(); /* predictable ids and keys would be worse */
}

void crypt_sha256(const void *p, size_t len, uint8_t out[CRYPT_HASH])
{
    if (EVP_Digest(p, len, out, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

void crypt_hmac(const void *key, size_t key_len, const void *p, size_t len,
                uint8_t out[CRYPT_HASH])
{
    /* HMAC() takes a NULL key for "as before"; an empty one is a key like any other. */
    if (key_len > INT_MAX ||
        !HMAC(EVP_sha256(), key_len ? key : "", (int)key_len, p, len, out, NULL))
        abort();
}

int crypt_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

/* SipHash (Aumasson, Bernstein), 2 rounds a word, 4 at the end, 128 bits out. */
struct sip {
    uint64_t a, b, c, d;
};

static uint64_t load64(const uint8_t *p)
{
    uint64_t x = 0;
    for (int i = 0; i < 8; i++)
        x |= (uint64_t)p[i] << (8 * i);
    return x;
}

static void store64(uint8_t *p, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void sip_rounds(struct sip *s, int n)
{
    while (n-- > 0) {
        s->a += s->b;
        s->c += s->d;
        s->b = rotate(s->b, 13) ^ s->a;
        s->d = rotate(s->d, 16) ^ s->c;
        s->a = rotate(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = rotate(s->b, 17) ^ s->c;
        s->d = rotate(s->d, 21) ^ s->a;
        s->c = rotate(s->c, 32);
    }
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->d ^= word;
    sip_rounds(s, 2);
    s->a ^= word;
}

void crypt_key128(const uint8_t key[16], const void *p, size_t len, uint8_t out[16])
{
    uint64_t k0 = load64(key), k1 = load64(key + 8);
    struct sip s = { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                     k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) };
    const uint8_t *at = p;
    uint8_t tail[8] = { 0 };

    for (size_t left = len / 8; left; left--, at += 8)
        sip_word(&s, load64(at));
    if (len % 8)
        memcpy(tail, at, len % 8);
    tail[7] = (uint8_t)len;
    sip_word(&s, load64(tail));

    s.c ^= 0xee;
    sip_rounds(&s, 4);
    store64(out, s.a ^ s.b ^ s.c ^ s.d);
    s.b ^= 0xdd;
    sip_rounds(&s, 4);
    store64(out + 8, s.a ^ s.b ^ s.c ^ s.d);
}

void crypt_hex(const void *p, size_t len, char *out)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++) {
        *out++ = "0123456789abcdef"[b[i] >> 4];
        *out++ = "0123456789abcdef"[b[i] & 15];
    }
    *out = '\0';
}
