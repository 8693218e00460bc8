/*
 * smshttp_private.h - what the files of channels/sms_http share.
 *
 * Layer: channels/sms_http. One struct smshttp an instance: an account with one provider, the messages that
 * go out over it, and those that come in.
 */
#ifndef SMSHTTP_PRIVATE_H
#define SMSHTTP_PRIVATE_H

#include <tandem/plugin.h>
#include <uthash.h>

#include "channels/shared/keeper.h"
#include "channels/shared/sms_conf.h"
#include "channels/shared/sms_consent.h"
#include "channels/shared/sms_join.h"
#include "channels/shared/sms_rate.h"
#include "channels/shared/sms_track.h"
#include "channels/smshttp_provider.h"

#define MAX_MEDIA 10 /* of a message */

struct conf {
    int provider;
    const char *account, *token, *signature_secret;
    int signature; /* enum proof_hash */
    int64_t max_skew;
    const char *public_url, *api_url;
    int64_t tps, window, timeout, reply_window, max_file;
    const char *const *file_hosts;
    SMS_CONF_FIELDS;
};

struct message; /* smshttp_out.c */

struct smshttp {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    const struct provider *provider;
    struct secrets secrets, tokens; /* of what comes; of what we send, the first */
    struct keeper *keeper;
    struct consent *consent;
    struct join *join;
    struct tracks *tracks;
    struct td_timer *report_timer;
    int closing;
    char trouble[128]; /* why nothing can be sent, as the operator sees it; "": nothing is known */

    /* smshttp_out.c */
    struct message *messages, **messages_end;
    size_t n_messages, n_flying;
    struct rate rate;
    struct td_timer *pump_timer;
    int64_t auth_logged_ms;

    /* smshttp_in.c */
    struct mo *mos; /* messages of customers that are on their way, by delivery */
    size_t n_mos;
    uint64_t last_delivery;

    /* smshttp_media.c */
    struct mo *files; /* those whose file is with the host, by job */
    uint64_t last_file;
};

int64_t smshttp_now(const struct smshttp *sms);
void smshttp_report(struct smshttp *sms); /* something that the operator sees has changed */
/* The one canonical form: "+" before the digits of an international number. */
void smshttp_number(const char *text, char *out, size_t size);

/* A message that somebody sent to us. */
struct mo {
    UT_hash_handle hh;      /* by delivery */
    UT_hash_handle hh_file; /* by file_job */
    uint64_t delivery;
    struct smshttp *sms;
    uint64_t request;     /* 0: it is answered, what is left is ours to do */
    struct join_set *set; /* it was in parts; NULL */
    struct td_timer *timer;
    char *text, *from, *to;
    char id[176];

    /* smshttp_media.c */
    char *media[MAX_MEDIA];
    char files[MAX_MEDIA][32]; /* ids of those that are there */
    size_t n_media, at, n_files;
    struct td_http *http;
    uint64_t file_job;
    unsigned tries, hops;
    int kept; /* it stands in what the instance keeps until it is delivered */
};

/* smshttp_in.c */
int in_open(struct smshttp *sms, struct td_error *err);
void in_accepted(struct smshttp *sms, uint64_t delivery, const struct td_accepted *accepted);
void in_whole(void *sms, struct join_set *set, const char *from, const char *to, const char *id,
              char *text);
void in_close(struct smshttp *sms);
struct mo *in_new(struct smshttp *sms); /* NULL: there are too many */
void in_hand_on(struct mo *mo);         /* all of it is there: to the gateway */
void in_answer(struct mo *mo, enum td_status status); /* to the provider, when it still waits */
void in_end(struct mo *mo, enum td_status status);    /* the same, and it is over */

/* smshttp_media.c: pictures and other files that come with a message. */
void media_open(struct smshttp *sms);  /* goes on with those of before the start */
void media_take(struct mo *mo);        /* answers, fetches, then in_hand_on() */
void media_filed(struct smshttp *sms, uint64_t job, const struct td_filed *filed);
void media_done(struct mo *mo);        /* it is delivered, or never will be */
void media_fini(struct mo *mo);

/* smshttp_out.c */
void out_open(struct smshttp *sms);
void out_send(struct smshttp *sms, uint64_t job, const struct td_outbound *out);
void out_say(void *sms, const char *account, const char *peer, const char *text);
void out_pump(struct smshttp *sms);
void out_close(struct smshttp *sms);

/* smshttp_request.c: a message as a request of the provider's, and what its answer means. */
struct sms_request {
    const char *sender, *peer, *id;
    const char *text;
    size_t len;
};
/* NULL: no memory, or the request could not be queued. */
struct td_http *request_start(struct smshttp *sms, const struct sms_request *request,
                              td_http_cb *cb, void *arg);

#define BASIC_SIZE 1024
void request_basic(const struct smshttp *sms, char header[BASIC_SIZE]); /* "Basic .." */

enum request_end { REQUEST_SENT, REQUEST_UNCERTAIN, REQUEST_AGAIN, REQUEST_FAILED };
struct request_answer {
    enum request_end end;
    enum provider_error error; /* with AGAIN and FAILED */
    uint32_t retry_ms;         /* as the provider says; 0: it does not */
    char why[160];
    struct fields fields;      /* with SENT: its ids; to be freed in any case */
};
void request_judge(const struct smshttp *sms, const struct td_http_response *response,
                   struct request_answer *answer_r);

#endif
