/*
 * smpp_private.h - what the files of channels/sms_smpp share.
 *
 * Layer: channels/sms_smpp. One struct smpp an instance: some sessions with one provider, the messages
 * that go out over them, and those that come in.
 */
#ifndef SMPP_PRIVATE_H
#define SMPP_PRIVATE_H

#include <tandem/plugin.h>

#include "channels/shared/keeper.h"
#include "channels/shared/sms_conf.h"
#include "channels/shared/sms_consent.h"
#include "channels/shared/sms_join.h"
#include "channels/shared/sms_rate.h"
#include "channels/shared/sms_split.h"
#include "channels/shared/sms_track.h"
#include "channels/smpp_body.h"
#include "channels/smpp_session.h"

#define SMPP_MAX_SESSIONS 16 /* a pair of binds counts as two */

enum { BIND_TRANSCEIVER, BIND_PAIR, BIND_TRANSMITTER, BIND_RECEIVER };
enum { LONG_UDH8, LONG_UDH16, LONG_SAR, LONG_PAYLOAD };
enum { DLR_ALL, DLR_LAST, DLR_NONE };

struct conf {
    const char *host;
    int64_t port, sessions;
    int tls, tls_verify;
    const char *tls_ca;
    const char *system_id, *password, *system_type, *address_range;
    int bind;
    int64_t window, tps, enquire_link, response_timeout, reconnect, reconnect_max;
    int resend_on_timeout;
    SMS_CONF_FIELDS;
    int64_t source_ton, source_npi, dest_ton, dest_npi; /* source: below 0, by its look */
    int default_charset, long_messages;
    int dlr, dlr_id;
    const char *const *unreachable_errors;
    int64_t mo_dedupe;
};

struct message; /* smpp_out.c */
struct mo;      /* smpp_in.c */
struct seen;    /* smpp_in.c */

struct smpp {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    SSL_CTX *tls;
    struct keeper *keeper;
    struct consent *consent;
    struct join *join;
    struct tracks *tracks;
    struct session *sessions[SMPP_MAX_SESSIONS];
    size_t n_sessions;
    uint64_t confirmed[SMPP_MAX_SESSIONS]; /* as in_changed() has seen it */
    int seens_loaded;
    struct td_timer *report_timer;
    int closing;

    /* smpp_out.c */
    struct message *messages, **messages_end;
    size_t n_messages;
    struct rate rate;
    struct td_timer *pump_timer, *age_timer;
    uint16_t reference; /* of the next message in parts */

    /* smpp_in.c */
    struct mo *mos; /* that wait for the gateway, by delivery */
    size_t n_mos;
    uint64_t last_delivery;
    struct seen *seens; /* the oldest first */
    size_t max_seens;
    uint64_t n_seen, n_forgotten; /* so far; before their time */
};

void smpp_start(struct smpp *smpp); /* the sessions, once all that was kept is read */
int64_t smpp_now(const struct smpp *smpp);
enum sms_charset smpp_standard(const struct smpp *smpp);

void smpp_report(struct smpp *smpp); /* something that the operator sees has changed */

/* smpp_out.c */
void out_open(struct smpp *smpp);
void out_send(struct smpp *smpp, uint64_t job, const struct td_outbound *out);
void out_say(void *smpp, const char *account, const char *peer, const char *text);
void out_ended(void *smpp, struct session *session, void *what, enum session_end how,
               const struct smpp_pdu *pdu);
void out_pump(struct smpp *smpp);
void out_close(struct smpp *smpp);

/* smpp_in.c */
void in_open(struct smpp *smpp);
void in_came(void *smpp, struct session *session, const struct smpp_pdu *pdu);
void in_accepted(struct smpp *smpp, uint64_t delivery, const struct td_accepted *accepted);
void in_changed(struct smpp *smpp, struct session *session); /* what it has confirmed */
void in_whole(void *smpp, struct join_set *set, const char *from, const char *to, const char *id,
              char *text);
void in_close(struct smpp *smpp);

/* smpp_track.c: sms_track.h by the ids of SMPP. */
void track_sent(struct smpp *smpp, const char *id, const struct track_part *part);
void track_came(struct smpp *smpp, const struct smpp_receipt *receipt);

/* An address as SMPP has it: digits without "+", and what kind it is. ton, npi below 0: by its look. */
struct smpp_address {
    char text[21];
    uint8_t ton, npi;
};
void smpp_address(const char *from, int64_t ton, int64_t npi, struct smpp_address *to_r);
/* The one canonical form: "+" before the digits of an international number. */
void smpp_peer(const char *text, uint8_t ton, char *out, size_t size);

#endif
