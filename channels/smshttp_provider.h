/*
 * smshttp_provider.h - what a provider of short messages over HTTP is: a row of a table.
 *
 * Layer: channels/sms_http. A new provider is a new row in smshttp_provider.c: what its fields are called,
 * what its words mean, and which function knows that a request is its own. Names of fields are
 * those of smshttp_fields.h; a list of them ends in NULL, and the first that is there counts.
 */
#ifndef SMSHTTP_PROVIDER_H
#define SMSHTTP_PROVIDER_H

#include <tandem/plugin.h>

#include "channels/smshttp_proof.h"

#define PROVIDER_FIELDS 10 /* of a request that we make */

/* What a field of our request says. */
enum provider_value {
    VALUE_END,
    VALUE_WORD,     /* `text`, as it stands */
    VALUE_SENDER,
    VALUE_PEER,
    VALUE_TEXT,
    VALUE_ID,       /* ours, the same when it is sent again */
    VALUE_ACCOUNT,
    VALUE_TOKEN,
    VALUE_CALLBACK, /* where receipts go: public_url; left out when that is not set */
    VALUE_ALPHABET, /* "text" when GSM's has all letters, else "unicode" */
};

struct provider_field {
    const char *name;
    enum provider_value value;
    const char *text;
};

/* What its refusal of a message means. */
enum provider_error {
    ERROR_REFUSED,  /* never */
    ERROR_THROTTLED,
    ERROR_BUSY,     /* later */
    ERROR_AUTH,     /* the operator has to do something: later */
    ERROR_ADDRESS,  /* never: nobody can be reached there */
    ERROR_OPTED_OUT,
};

struct provider {
    const char *name;
    int takes_get; /* it sends by GET, too */
    proof_fn *proof;
    int signs_url, own_secret; /* public_url, signature_secret must be set */
    const char *proof_header; /* for a proof that needs one */

    /* A message of a customer. */
    const char *const *in_id, *const *in_peer, *const *in_account, *const *in_text;
    const char *const *in_media;  /* "..%u": numbered from 0 */
    const char *const *in_wish;   /* STOP, START: the provider has dealt with it */
    const char *concat_ref, *concat_total, *concat_part; /* NULL: it joins them itself */
    /* A receipt: what has a word of `words` in it. */
    const char *const *status_id, *const *status_word, *const *status_error;
    const struct provider_word {
        const char *word;
        enum td_delivery status;
    } *words; /* word NULL ends it; others are not final */
    const char *const *status_dead; /* errors by which nobody can be reached there; NULL: none */
    const char *answer_type, *answer; /* to what we took */

    /* Our requests. */
    const char *api, *path; /* the path with {account} */
    int is_json, is_basic;  /* the body is JSON, else a form; account and token by Basic */
    int plain_numbers;      /* it wants them without "+" */
    const char *idempotency_header; /* NULL: it does not know a request that comes again */
    struct provider_field body[PROVIDER_FIELDS + 1];
    /* Its answer: ids of the message ("..%u": one a part), an error (`fine`: none), in words. */
    const char *const *reply_id, *const *reply_error, *const *reply_words;
    const char *fine;
    const struct provider_code {
        const char *code;
        enum provider_error error;
    } *codes; /* code NULL ends it */
};

/* Ends in NULL; in the order of `provider_names`, which the conf knows. */
extern const struct provider *const providers[];
extern const char *const provider_names[];

#endif
