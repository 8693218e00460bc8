/*
 * webchat_token.h - resume tokens and signatures of customers: made and judged, nothing stored.
 *
 * A token is base64url(HMAC-SHA256, made_at, session). Whoever holds it may resume that session;
 * how long it lives is judged by the host, which knows when the session was last used.
 */
#ifndef WEBCHAT_TOKEN_H
#define WEBCHAT_TOKEN_H

#include <stdint.h>

#define TOKEN_KEY 32
#define TOKEN_SESSION 64 /* bytes of a session's id, without NUL */
#define TOKEN_TEXT ((TOKEN_KEY + 8 + TOKEN_SESSION + 2) / 3 * 4 + 1)

/* 0, or -1 when the session's id is empty or too long. */
int token_make(const uint8_t key[TOKEN_KEY], const char *session, int64_t made_ms,
               char text[TOKEN_TEXT]);
/* 0, or -1 for whatever was not made by token_make() with this key. Constant time for texts of
 * one length. */
int token_read(const uint8_t key[TOKEN_KEY], const char *text, char session[TOKEN_SESSION + 1],
               int64_t *made_ms_r);

/* 1 when `hex` is the HMAC-SHA256 of `id` with `secret`, in either case. Constant time. */
int token_signed(const char *secret, const char *id, const char *hex);

#endif
