/*
 * sign.h - the keys of a webhook, and whether a request was made with one of them.
 *
 * For plugins that sign or verify; linked into each. Pure: headers, raw body and the time in, yes or no out. Every compare
 * is over hashes of one length, in constant time, against all keys.
 */
#ifndef SHARED_SIGN_H
#define SHARED_SIGN_H

#include <tandem/plugin.h>

#define SIGN_HASH 32
#define SIGN_HEX (2 * SIGN_HASH + 1)
#define SIGN_STANDARD 48 /* "v1," and the base64 of a hash, and NUL */

enum sign_scheme { SIGN_BY_STANDARD, SIGN_BY_META, SIGN_BY_SLACK, SIGN_BY_BEARER, SIGN_BY_NONE,
                   SIGN_BY_CHATWOOT };

struct sign_keys;

/* text: up to 8 keys with white space between, so that two stand side by side while they rotate;
 * standard: "whsec_" begins a key in base64. NULL with a sentence. */
struct sign_keys *sign_keys_new(const char *text, int standard, struct td_error *err);
void sign_keys_free(struct sign_keys **keys); /* NULL is fine */

/* 1: the token is one of the keys as they were written. */
int sign_is_token(const struct sign_keys *keys, const char *token);

struct sign_check {
    enum sign_scheme scheme;
    const struct sign_keys *keys;
    const char *header; /* of the bearer token; "authorization" has "Bearer " before it */
    int64_t tolerance_ms, now_ms;
};

/* 1: the request is from who has a key, and of now; a header that stands twice counts as none. */
int sign_verify(const struct sign_check *check, const struct td_web_request *request);

/* The header of that name (lower case) when it is there once, or NULL. */
const char *sign_header(const struct td_web_request *request, const char *name);

/* With the first key. 0, or -1 when the crypto library fails. */
int sign_standard(const struct sign_keys *keys, const char *id, const char *timestamp,
                  const char *body, size_t len, char text_r[SIGN_STANDARD]);
int sign_hex(const struct sign_keys *keys, const char *body, size_t len, char text_r[SIGN_HEX]);

#endif
