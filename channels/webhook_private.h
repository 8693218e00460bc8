/*
 * webhook_private.h - what the files of channels/webhook share.
 *
 * Layer: channels/webhook. One struct webhook an instance; it owns all below it.
 */
#ifndef WEBHOOK_PRIVATE_H
#define WEBHOOK_PRIVATE_H

#include <tandem/json.h>
#include <tandem/plugin.h>

#include "channels/webhook_pointer.h"
#include "channels/webhook_receipts.h"
#include "plugins/shared/sign.h"

enum { AUTH_NONE, AUTH_BEARER, AUTH_STANDARD, AUTH_META };

struct conf {
    /* In. */
    int verify;
    const char *secret, *verify_header, *verify_token;
    int64_t tolerance;
    const char *message_list;
    const char *const *in_id, *const *in_peer, *const *in_text, *const *in_choice;
    const char *const *in_account, *const *in_name, *const *in_time;
    const char *const *in_file, *const *in_file_name, *const *file_found, *const *file_hosts;
    const char *file_lookup, *file_url;
    int64_t max_file;
    const char *text_other;
    const char *status_list;
    const char *const *status_id, *const *status_value;
    const char *const *status_sent, *const *status_delivered, *const *status_read;
    const char *const *status_failed;
    const char *echo_list;
    const char *const *echo_peer, *const *echo_name;
    int64_t receipts;
    /* Out. */
    const char *url, *body, *body_choices, *choice;
    int64_t max_choices;
    const char *const *headers;
    int auth;
    const char *auth_secret, *idempotency_header;
    const char *const *reply_id;
    const char *reply_ok;
    int64_t timeout, window;
};

struct webhook {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;

    /* webhook_in.c */
    struct sign_keys *keys, *hello; /* NULL: nothing is verified, no GET is answered */
    char header[65];                /* verify_header in lower case */
    struct pointer messages, statuses, echoes;
    struct pointers echo_peer, echo_name;
    struct pointers id, peer, text, choice, account, name, time, status_id, status_value;
    struct batch *batches;
    struct delivery *deliveries; /* by id */
    unsigned n_batches;
    uint64_t last_delivery;

    /* webhook_files.c */
    struct pointers file, file_name, file_found;
    struct fetch *fetches;
    unsigned n_fetches;
    uint64_t last_file;

    /* webhook_out.c */
    struct sign_keys *out_keys;
    struct pointers reply_id;
    struct pointer reply_ok;
    struct td_json body; /* of the request that is being made; its memory stays */
    struct job *jobs;    /* by id */

    /* webhook_known.c */
    struct receipts receipts;
    struct lookup *lookups;
    uint64_t last_keep;
};

/* 0, or -1 with a sentence; in_close() and out_close() take what is half open too. */
int in_open(struct webhook *hook, struct td_error *err);
void in_accepted(struct webhook *hook, uint64_t delivery, const struct td_accepted *accepted);
void in_close(struct webhook *hook);
/* A request is answered when all that holds it has let go. */
void in_hold(struct batch *batch);
void in_release(struct webhook *hook, struct batch *batch);
void in_again(struct batch *batch, uint32_t retry_after_ms); /* the whole has to come again */
void in_deliver(struct webhook *hook, struct batch *batch, const struct td_inbound *in);

/* Delivers the message when its file is there. */
void files_fetch(struct webhook *hook, struct batch *batch, const struct td_inbound *in,
                 const char *file, const char *name);
void files_filed(struct webhook *hook, uint64_t job, const struct td_filed *filed);
int files_open(struct webhook *hook, struct td_error *err);
void files_close(struct webhook *hook);

/* The provider calls the message so: kept over restarts, for its receipts. */
void known_put(struct webhook *hook, const char *id, const char *session, uint64_t seq);
/* A receipt that no message of this run waits for: told when it belongs to an earlier one. */
void known_look_up(struct webhook *hook, const char *id, enum td_delivery status);
void known_kept(struct webhook *hook, uint64_t job, const struct td_kept *kept);
/* Tells the host. word: the provider's, of a failure; NULL: it is not at hand. */
void known_tell(struct webhook *hook, const struct receipt *receipt, const char *word);
void known_close(struct webhook *hook);

int out_open(struct webhook *hook, struct td_error *err);
void out_send(struct webhook *hook, uint64_t job, const struct td_outbound *out);
/* Until when the provider takes answers to this message; 0: for ever. */
int64_t out_window(const struct webhook *hook, const struct td_message *message);
void out_close(struct webhook *hook);

#endif
