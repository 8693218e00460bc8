/*
 * sms_smpp.c - short messages over SMPP 3.4: an ESME with one provider.
 *
 * Sessions (smpp_session.c over smpp_link.c) carry what smpp_out.c sends and what smpp_in.c takes;
 * smpp_track.c knows whose the receipts are. The codec is smpp_pdu.c and smpp_body.c.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channels/smpp_private.h"

#define REPORT_MS 200 /* so long changes are collected */

static const char *const binds[] = { "transceiver", "pair", "transmitter", "receiver", NULL };
static const char *const charsets[] = { "gsm7", "latin1", "ascii", NULL };
static const char *const longs[] = { "udh8", "udh16", "sar", "payload", NULL };
static const char *const dlrs[] = { "all", "last", "none", NULL };
static const char *const matches[] = { "exact", "icase", "hex2dec", "dec2hex", NULL };
static const char *const scopes[] = SMS_SCOPES;

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, host, TD_REQUIRED, NULL, "The provider's SMSC: a name or an address."),
    TD_CONF_INT(struct conf, port, 0, "2775", 1, 65535, "Its port."),
    TD_CONF_BOOL(struct conf, tls, 0, "no", "TLS from the first byte on."),
    TD_CONF_BOOL(struct conf, tls_verify, 0, "yes",
                 "With tls, its certificate must be good and be for host."),
    TD_CONF_STR(struct conf, tls_ca, TD_PATH, NULL,
                "File of the certificates that are trusted; unset, those of the system."),
    TD_CONF_STR(struct conf, system_id, TD_REQUIRED, NULL, "The account, up to 15 bytes."),
    TD_CONF_SECRET(struct conf, password, TD_REQUIRED, "Its password, up to 8 bytes."),
    TD_CONF_STR(struct conf, system_type, 0, NULL, "What the provider asks for, up to 12 bytes."),
    TD_CONF_STR(struct conf, address_range, 0, NULL,
                "The addresses that the bind receives for; unset, the provider knows."),
    TD_CONF_ENUM(struct conf, bind, 0, "transceiver", binds,
                 "What is bound: one session both ways, a pair of a transmitter and a receiver, or "
                 "one of these alone."),
    TD_CONF_INT(struct conf, sessions, 0, "1", 1, 8, "How many sessions, or pairs of them."),
    TD_CONF_INT(struct conf, window, 0, "10", 1, 1000,
                "Messages of a session that the provider has not answered yet."),
    TD_CONF_INT(struct conf, tps, 0, "20", 1, RATE_MAX,
                "Parts that are sent in any second, over all sessions."),
    TD_CONF_DURATION(struct conf, enquire_link, 0, "30s", 100, 3600000,
                     "How often the provider is asked for a sign of life."),
    TD_CONF_DURATION(struct conf, response_timeout, 0, "10s", 100, 600000,
                     "Time for each of its answers."),
    TD_CONF_BOOL(struct conf, resend_on_timeout, 0, "no",
                 "Send a part again that was not answered; the customer may get it twice."),
    TD_CONF_DURATION(struct conf, reconnect, 0, "1s", 50, 600000,
                     "After a loss, the first try; each later one waits twice as long."),
    TD_CONF_DURATION(struct conf, reconnect_max, 0, "60s", 50, 3600000,
                     "The longest wait, and the one after wrong credentials."),
    TD_CONF_INT(struct conf, source_ton, 0, "-1", -1, 6,
                "Type of number of source; -1: by its look."),
    TD_CONF_INT(struct conf, source_npi, 0, "-1", -1, 18,
                "Numbering plan of source; -1: by its look."),
    TD_CONF_INT(struct conf, dest_ton, 0, "1", -1, 6, "Type of number of customers."),
    TD_CONF_INT(struct conf, dest_npi, 0, "1", -1, 18, "Numbering plan of customers."),
    TD_CONF_ENUM(struct conf, default_charset, 0, "gsm7", charsets,
                 "What the provider means by data_coding 0."),
    TD_CONF_ENUM(struct conf, long_messages, 0, "udh8", longs,
                 "How parts of a long message say that they belong together; payload: the SMSC "
                 "cuts."),
    TD_CONF_ENUM(struct conf, dlr, 0, "all", dlrs, "Which parts a receipt is asked for."),
    TD_CONF_ENUM(struct conf, dlr_id, 0, "exact", matches,
                 "How the id in a receipt differs from the one in the response."),
    TD_CONF_LIST(struct conf, unreachable_errors, 0, "1, 5, 9, 27",
                 "Errors of a receipt by which nobody can be reached at that number; unset, those of "
                 "GSM for a subscriber who is unknown or absent."),
    TD_CONF_DURATION(struct conf, mo_dedupe, 0, "10min", 1000, 86400000,
                     "How long a message that the provider says again after a lost connection is "
                     "known; 50000 of them at most, and those that go before are counted as "
                     "forgotten."),
    SMS_CONF_KEYS(struct conf, scopes),
    TD_CONF_END,
};

int64_t smpp_now(const struct smpp *smpp)
{
    return smpp->host->now(smpp->inst);
}

enum sms_charset smpp_standard(const struct smpp *smpp)
{
    static const enum sms_charset sets[] = { SMS_GSM, SMS_LATIN1, SMS_ASCII };

    return sets[smpp->conf->default_charset];
}

/* ---- Addresses ---------------------------------------------------------------------------- */

void smpp_address(const char *from, int64_t ton, int64_t npi, struct smpp_address *to_r)
{
    const int is_plus = from[0] == '+';
    const size_t digits = strspn(from + is_plus, "0123456789");
    const int is_number = digits > 0 && from[is_plus + digits] == '\0';

    snprintf(to_r->text, sizeof to_r->text, "%s", from + (is_plus && is_number));
    if (ton < 0)
        ton = !is_number ? 5 : is_plus || digits > 8 ? 1 : 3;
    if (npi < 0)
        npi = is_number && ton != 3 ? 1 : 0;
    to_r->ton = (uint8_t)ton;
    to_r->npi = (uint8_t)npi;
}

void smpp_peer(const char *text, uint8_t ton, char *out, size_t size)
{
    const int is_number = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';

    snprintf(out, size, "%s%s", ton == 1 && is_number ? "+" : "", text);
}

/* ---- Sessions ----------------------------------------------------------------------------- */

static void on_changed(void *arg, struct session *session)
{
    struct smpp *smpp = arg;

    if (smpp->closing)
        return;
    smpp_report(smpp);
    in_changed(smpp, session);
    out_pump(smpp);
}

static int add_session(struct smpp *smpp, uint32_t bind)
{
    static const struct session_ops ops = { in_came, out_ended, on_changed };
    const struct conf *c = smpp->conf;
    const struct session_conf conf = {
        .host = c->host, .port = (int)c->port, .system_id = c->system_id, .password = c->password,
        .system_type = c->system_type, .address_range = c->address_range, .bind = bind,
        .window = (unsigned)c->window, .enquire_ms = c->enquire_link,
        .response_ms = c->response_timeout, .reconnect_ms = c->reconnect,
        .reconnect_max_ms = c->reconnect_max > c->reconnect ? c->reconnect_max : c->reconnect,
    };
    struct session *session = session_new(smpp->host, smpp->inst, &conf, smpp->tls, &ops, smpp);

    if (session == NULL)
        return -1;
    smpp->sessions[smpp->n_sessions++] = session;
    return 0;
}

void smpp_start(struct smpp *smpp)
{
    int rc = 0;

    if (smpp->n_sessions > 0 || !smpp->seens_loaded || !consent_is_loaded(smpp->consent))
        return;
    for (int64_t i = 0; i < smpp->conf->sessions && rc == 0; i++) {
        if (smpp->conf->bind == BIND_TRANSCEIVER)
            rc = add_session(smpp, SMPP_BIND_TRANSCEIVER);
        if (smpp->conf->bind == BIND_PAIR || smpp->conf->bind == BIND_TRANSMITTER)
            rc = add_session(smpp, SMPP_BIND_TRANSMITTER);
        if (rc == 0 && (smpp->conf->bind == BIND_PAIR || smpp->conf->bind == BIND_RECEIVER))
            rc = add_session(smpp, SMPP_BIND_RECEIVER);
    }
    if (rc != 0)
        smpp->host->log(smpp->inst, TD_ERROR, "out of memory: some sessions are missing");
}

static void on_consent(void *arg)
{
    smpp_start(arg);
}

/* ---- For the operator --------------------------------------------------------------------- */

static void on_report(void *arg)
{
    struct smpp *smpp = arg;
    const struct conf *conf = smpp->conf;
    unsigned bound = 0, in_flight = 0;
    const char *why = "";
    char text[256];

    smpp->report_timer = NULL;
    for (size_t i = 0; i < smpp->n_sessions; i++) {
        const struct session *s = smpp->sessions[i];

        bound += session_is_bound(s) != 0;
        in_flight += session_in_flight(s);
        if (!session_is_bound(s))
            why = session_state(s);
    }
    snprintf(text, sizeof text,
             "bound %u of %zu, in flight %u of %u, %u/s of %u, waiting %zu, receipts parked %zu, "
             "opted out %zu%s%.100s", bound, smpp->n_sessions, in_flight,
             bound * (unsigned)conf->window, smpp->rate.now, smpp->rate.most, smpp->n_messages,
             tracks_parked(smpp->tracks), consent_count(smpp->consent), *why != '\0' ? ": " : "", why);
    smpp->host->report(smpp->inst, text);
}

void smpp_report(struct smpp *smpp)
{
    if (smpp->report_timer == NULL && !smpp->closing)
        smpp->report_timer = smpp->host->timer_add(smpp->inst, REPORT_MS, on_report, smpp);
}

/* ---- Life --------------------------------------------------------------------------------- */

static int check_conf(const struct conf *conf, struct td_error *err)
{
    static const struct {
        const char *key;
        size_t offset, max;
    } rows[] = {
        { "system_id", offsetof(struct conf, system_id), 15 },
        { "password", offsetof(struct conf, password), 8 },
        { "system_type", offsetof(struct conf, system_type), 12 },
        { "address_range", offsetof(struct conf, address_range), 40 },
        { "source", offsetof(struct conf, source), 20 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text;

        memcpy(&text, (const char *)conf + rows[i].offset, sizeof text);
        if (text != NULL && strlen(text) > rows[i].max) {
            snprintf(err->text, sizeof err->text, "%s has %zu bytes, SMPP has room for %zu",
                     rows[i].key, strlen(text), rows[i].max);
            return -1;
        }
    }
    return 0;
}

static SSL_CTX *make_tls(const struct conf *conf, struct td_error *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    int ok = tls != NULL && SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1;

    if (ok && conf->tls_ca != NULL)
        ok = SSL_CTX_load_verify_locations(tls, conf->tls_ca, NULL) == 1;
    else if (ok)
        ok = SSL_CTX_set_default_verify_paths(tls) == 1;
    if (!ok) {
        snprintf(err->text, sizeof err->text, "tls_ca: %.300s has no certificates that can be read",
                 conf->tls_ca != NULL ? conf->tls_ca : "the system");
        SSL_CTX_free(tls);
        return NULL;
    }
    SSL_CTX_set_verify(tls, conf->tls_verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls;
}

static void smpp_close(void *self)
{
    struct smpp *smpp = self;

    smpp->closing = 1;
    smpp->host->timer_del(&smpp->report_timer);
    for (size_t i = 0; i < smpp->n_sessions; i++)
        session_free(&smpp->sessions[i]);
    out_close(smpp);
    in_close(smpp);
    tracks_free(&smpp->tracks);
    join_free(&smpp->join);
    consent_free(&smpp->consent);
    keeper_free(&smpp->keeper);
    SSL_CTX_free(smpp->tls);
    free(smpp);
}

static int make_parts(struct smpp *smpp, struct td_error *err)
{
    const struct conf *c = smpp->conf;
    const struct consent_conf consent = SMS_CONSENT_CONF(c);
    const struct consent_ops consent_ops = { .say = out_say, .loaded = on_consent, .arg = smpp };
    const struct join_conf join = { .timeout_ms = c->concat_timeout,
                                    .max = (unsigned)c->concat_max };
    const struct join_ops join_ops = { .whole = in_whole, .arg = smpp };
    const struct tracks_conf tracks = { .timeout_ms = c->dlr_timeout, .settle_ms = c->dlr_settle };

    out_open(smpp);
    smpp->keeper = keeper_new(smpp->host, smpp->inst, NULL, 0);
    if (smpp->keeper == NULL)
        return -1;
    smpp->consent = consent_new(smpp->host, smpp->inst, &consent, &consent_ops, err);
    if (smpp->consent == NULL)
        return -1;
    smpp->join = join_new(smpp->keeper, smpp->host, smpp->inst, &join, &join_ops);
    if (smpp->join == NULL)
        return -1;
    smpp->tracks = tracks_new(smpp->keeper, smpp->host, smpp->inst, &tracks);
    if (smpp->tracks == NULL)
        return -1;
    in_open(smpp);
    return 0;
}

static enum td_status smpp_open(const struct td_host *host, struct td_instance *inst,
                                const void *conf, void **self_r, struct td_error *err)
{
    const struct conf *c = conf;
    struct smpp *smpp;

    if (check_conf(c, err) != 0)
        return TD_CONF;
    smpp = calloc(1, sizeof *smpp);
    if (smpp == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    smpp->host = host;
    smpp->inst = inst;
    smpp->conf = c;
    if ((c->tls && (smpp->tls = make_tls(c, err)) == NULL) || make_parts(smpp, err) != 0) {
        smpp_close(smpp);
        return TD_CONF;
    }
    *self_r = smpp;
    return TD_OK;
}

static void smpp_send(void *self, uint64_t job, const struct td_outbound *out)
{
    out_send(self, job, out);
}

static void smpp_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    in_accepted(self, delivery, accepted);
}

static void smpp_kept(void *self, uint64_t job, const struct td_kept *kept)
{
    struct smpp *smpp = self;

    keeper_kept(smpp->keeper, job, kept);
    consent_kept(smpp->consent, job, kept);
}

static const struct td_channel_ops ops = {
    .size = sizeof ops,
    .open = smpp_open,
    .send = smpp_send,
    .accepted = smpp_accepted,
    .close = smpp_close,
    .kept = smpp_kept,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "sms_smpp", .version = "1.0",
                 .caps = TD_CAN_RECEIPTS, .ops = &ops, .conf_size = sizeof(struct conf),
                 .conf_keys = conf_keys);
