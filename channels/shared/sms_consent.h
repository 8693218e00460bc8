/*
 * sms_consent.h - who wants no messages: the ledger, and what is said to those who ask for it.
 *
 * Layer: channels/shared. The ledger stands in what the instance keeps (keys "o/SENDER/NUMBER", JSON),
 * or with a scope beyond the channel in the shared table CONSENT_TABLE, and, for the look at each
 * send, in memory; what another channel hears is told to this one as soon as it is on disk. A wish counts when it is on disk, and only then is the
 * channel told that it may acknowledge it. To a STOP that is new one confirmation is said; the block
 * holds for everything but that one. Who was not told before a crash is told after it.
 */
#ifndef SMS_CONSENT_H
#define SMS_CONSENT_H

#include <tandem/plugin.h>

#define CONSENT_TABLE "consent"

struct consent;

/* For whom a wish holds: all of this channel; the number it was sent to, or the brand, whatever
 * channel they are reached by. */
enum consent_scope { CONSENT_CHANNEL, CONSENT_SENDER, CONSENT_BRAND };

struct consent_conf {
    const char *const *languages, *const *stop_words, *const *start_words, *const *help_words;
    const char *stop_text, *start_text, *help_text; /* NULL: those of the word's language */
    const char *brand;                              /* for {name}; NULL: the sender */
    enum consent_scope scope;
    const char *sender; /* the channel's own, for messages that name no account */
};

struct consent_ops {
    /* Sends a text to the peer, whatever the ledger says. What became of it is consent_said()'s. */
    void (*say)(void *arg, const char *account, const char *peer, const char *text);
    void (*loaded)(void *arg); /* the ledger is in memory: from now on messages may go both ways */
    void *arg;
};

/* account may be NULL in all of these: the channel has one sender. NULL with a sentence in err. */
struct consent *consent_new(const struct td_host *host, struct td_instance *inst,
                            const struct consent_conf *conf, const struct consent_ops *ops,
                            struct td_error *err);
void consent_free(struct consent **consent);
/* What the plugin's kept() is called with; answers that are not its own it leaves alone. */
void consent_kept(struct consent *consent, uint64_t job, const struct td_kept *kept);
int consent_is_loaded(const struct consent *consent);

/* A message came. 1: it was a wish and is nobody else's business; done() will say whether it is on
 * disk (TD_OK) or has to come again. 0: it is a message like any other. */
typedef void consent_done_fn(void *arg, enum td_status status);
int consent_hear(struct consent *consent, const char *account, const char *peer, const char *text,
                 consent_done_fn *done, void *arg);
void consent_said(struct consent *consent, const char *account, const char *peer);
/* The provider says that this number wants nothing, or messages again. Nothing is said to it. */
void consent_provider_stop(struct consent *consent, const char *account, const char *peer);
void consent_provider_start(struct consent *consent, const char *account, const char *peer);

int consent_refuses(const struct consent *consent, const char *account, const char *peer);
size_t consent_count(const struct consent *consent); /* numbers that want nothing */

#endif
