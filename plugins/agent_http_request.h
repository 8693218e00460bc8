/*
 * agent_http_request.h - a turn as the JSON that an HTTP agent gets, and its signature.
 *
 * Layer: plugins/agent_http. Knows protocols' version 1 and Standard Webhooks, no HTTP client.
 */
#ifndef AGENT_HTTP_REQUEST_H
#define AGENT_HTTP_REQUEST_H

#include <tandem/json.h>
#include <tandem/plugin.h>

#define HTTP_SIGNATURE_TEXT 48 /* "v1," and the base64 of 32 bytes, and NUL */

/* Writes over what is in `json`, whose memory is used again. */
void http_request_write(struct td_json *json, const struct td_turn *turn);

/* The key of an agent's signatures. */
struct http_signer;

/* secret: "whsec_" and base64, or else the bytes of the key themselves. NULL with a sentence. */
struct http_signer *http_signer_new(const char *secret, struct td_error *err);
void http_signer_free(struct http_signer **signer); /* NULL is fine */

/* Signs "id.timestamp.body". 0, or -1 when the crypto library fails. */
int http_signer_sign(struct http_signer *signer, const char *id, const char *timestamp,
                     const char *body, size_t len, char text_r[HTTP_SIGNATURE_TEXT]);

/* 1: `given` is the secret. How long that takes says nothing about it. */
int http_secret_is(const char *secret, const char *given);

#endif
