/*
 * crypt.h - keyed hashes, random and hex (OpenSSL underneath).
 *
 * Layer: base. Nothing here fails on valid input; random that cannot be had aborts.
 */
#ifndef BASE_CRYPT_H
#define BASE_CRYPT_H

#include <stddef.h>
#include <stdint.h>

#define CRYPT_HASH 32

void crypt_random(void *p, size_t len);
void crypt_sha256(const void *p, size_t len, uint8_t out[CRYPT_HASH]);
void crypt_hmac(const void *key, size_t key_len, const void *p, size_t len,
                uint8_t out[CRYPT_HASH]);
int crypt_equal(const void *a, const void *b, size_t len); /* constant time; 1: equal */
/* Fast keyed 128-bit hash (SipHash-2-4-128): for look-up keys, not for signatures. */
void crypt_key128(const uint8_t key[16], const void *p, size_t len, uint8_t out[16]);
void crypt_hex(const void *p, size_t len, char *out); /* 2*len + 1 bytes */

#endif
