/*
 * smshttp_proof.h - is a request from the provider? Signatures over what came, as it came.
 *
 * Layer: channels/sms_http. Pure: the request, the secrets and the time in, yes or no out. Each secret
 * holds, so that two stand side by side while they rotate; compares take the same time for any
 * signature of the right length.
 */
#ifndef SMSHTTP_PROOF_H
#define SMSHTTP_PROOF_H

#include <tandem/plugin.h>

#include "channels/smshttp_fields.h"

#define PROOF_SECRETS 8

struct secrets {
    char *text; /* owns the words */
    const char *word[PROOF_SECRETS];
    size_t n;
};

/* With white space between them. 0; -1 with a sentence: none, or too many. secrets_fini() in both. */
int secrets_read(struct secrets *secrets, const char *key, const char *text, struct td_error *err);
void secrets_fini(struct secrets *secrets);

/* How Vonage's `sig` is made. */
enum proof_hash { HASH_SHA256_HMAC, HASH_SHA512_HMAC, HASH_SHA1_HMAC, HASH_MD5_HMAC, HASH_MD5 };

struct proof {
    const struct td_web_request *request;
    const struct fields *fields; /* of the body, of a GET those of its query */
    const char *url;             /* as the provider has it: no query, no "?" */
    const char *header;          /* of the provider's row */
    const char *account;
    const struct secrets *secrets;
    enum proof_hash hash;
    int64_t now_ms, skew_ms; /* how far the time of a request may be from now */
};

typedef int proof_fn(const struct proof *proof); /* 1: it is */

/* X-Twilio-Signature: HMAC-SHA1 (or SHA256, as its settings say) over the URL, with its query as it was sent, and the sorted form; of
 * any other body its hash stands in the query. */
proof_fn proof_twilio;
/* `sig` over all other fields, or a JWT (HS256) with the hash of the body. */
proof_fn proof_vonage;

#endif
