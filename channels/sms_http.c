/*
 * sms_http.c - short messages by a provider's HTTP interface; which one is a row of a table.
 *
 * In: POST /hooks/<name>, proved by its signature over what came (smshttp_in.c). Out: one request a
 * message (smshttp_out.c, smshttp_request.c). The rows are in smshttp_provider.c.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channels/smshttp_private.h"

#define REPORT_MS 200 /* so long changes are collected */

static const char *const scopes[] = SMS_SCOPES;
static const char *const hashes[] = { "sha256hmac", "sha512hmac", "sha1hmac", "md5hmac", "md5hash",
                                      NULL };

static const struct td_conf_key conf_keys[] = {
    TD_CONF_ENUM(struct conf, provider, TD_REQUIRED, NULL, provider_names,
                 "Who carries the messages: vonage is its SMS API, vonage_messages its Messages "
                 "API."),
    TD_CONF_STR(struct conf, account, TD_REQUIRED, NULL,
                "Our account there: Twilio's AccountSid, Vonage's api_key."),
    TD_CONF_SECRET(struct conf, token, TD_REQUIRED,
                   "Its AuthToken, or api_secret. Twilio signs with it, too: of several with white "
                   "space between the first is sent and all hold."),
    TD_CONF_SECRET(struct conf, signature_secret, 0,
                   "What the provider signs its requests with, when that is not token; several "
                   "hold."),
    TD_CONF_ENUM(struct conf, signature, 0, "sha256hmac", hashes,
                 "How Vonage makes its sig, as set in its dashboard; a JWT is known by itself."),
    TD_CONF_DURATION(struct conf, max_skew, 0, "5min", 1000, 3600000,
                     "How far the time in a signature may be from now."),
    TD_CONF_STR(struct conf, public_url, 0, NULL,
                "https://HOST/hooks/NAME as the provider calls it: Twilio signs it, and receipts "
                "go there."),
    TD_CONF_STR(struct conf, api_url, 0, NULL,
                "Where the provider's interface is; unset, where it is for all: another region, or "
                "a test."),
    TD_CONF_INT(struct conf, tps, 0, "20", 1, RATE_MAX, "Requests that are sent in any second."),
    TD_CONF_INT(struct conf, window, 0, "10", 1, 1000,
                "Requests that the provider has not answered yet."),
    TD_CONF_DURATION(struct conf, timeout, 0, "10s", 100, 120000, "Time for a request."),
    TD_CONF_DURATION(struct conf, reply_window, 0, "0", 0, INT64_C(31536000000),
                     "So long after a customer's message the provider takes answers to it; 0: no "
                     "limit."),
    TD_CONF_SIZE(struct conf, max_file, 0, "10M", 1024, 64 << 20,
                 "Largest file of a customer that is fetched."),
    TD_CONF_LIST(struct conf, file_hosts, 0, "*",
                 "Hosts beside the provider's that are asked for files, with the account's token; * "
                 "lets any other be asked, without it, if its address is one of the public "
                 "Internet."),
    SMS_CONF_KEYS(struct conf, scopes),
    TD_CONF_END,
};

int64_t smshttp_now(const struct smshttp *sms)
{
    return sms->host->now(sms->inst);
}

void smshttp_number(const char *text, char *out, size_t size)
{
    const size_t digits = strspn(text, "0123456789");

    snprintf(out, size, "%s%s", text[digits] == '\0' && digits > 7 ? "+" : "", text);
}

/* ---- For the operator --------------------------------------------------------------------- */

static void on_report(void *arg)
{
    struct smshttp *sms = arg;
    char text[256];

    sms->report_timer = NULL;
    snprintf(text, sizeof text,
             "in flight %zu of %u, %u/s of %u, waiting %zu, receipts parked %zu, opted out %zu%s%s",
             sms->n_flying, (unsigned)sms->conf->window, sms->rate.now, sms->rate.most,
             sms->n_messages, tracks_parked(sms->tracks), consent_count(sms->consent),
             sms->trouble[0] != '\0' ? ": " : "", sms->trouble);
    sms->host->report(sms->inst, text);
}

void smshttp_report(struct smshttp *sms)
{
    if (sms->report_timer == NULL && !sms->closing)
        sms->report_timer = sms->host->timer_add(sms->inst, REPORT_MS, on_report, sms);
}

/* ---- Life --------------------------------------------------------------------------------- */

static int is_url(const char *url)
{
    const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
                       : strncmp(url, "http://", 7) == 0 ? url + 7 : "";

    return strcspn(host, "/?#@") > 0 && strcspn(host, "?#@ \r\n") == strlen(host) &&
           strlen(url) < 500;
}

static int check_conf(const struct smshttp *sms, struct td_error *err)
{
    const struct conf *c = sms->conf;
    const struct { const char *key, *url; } urls[] = { { "public_url", c->public_url },
                                                       { "api_url", c->api_url } };

    for (size_t i = 0; i < 2; i++) {
        if (urls[i].url != NULL && !is_url(urls[i].url)) {
            snprintf(err->text, sizeof err->text, "%s '%.200s' is not an address such as "
                     "https://gw.example/hooks/sms", urls[i].key, urls[i].url);
            return -1;
        }
    }
    if (c->public_url == NULL && sms->provider->signs_url) {
        snprintf(err->text, sizeof err->text, "public_url is missing: %s signs the address that it "
                 "calls", sms->provider->name);
        return -1;
    }
    if (c->signature_secret == NULL && sms->provider->own_secret) {
        snprintf(err->text, sizeof err->text, "signature_secret is missing: nothing that comes "
                 "could be verified");
        return -1;
    }
    if (c->account[strspn(c->account, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_-")] != '\0' || strlen(c->account) > 100) {
        snprintf(err->text, sizeof err->text, "account '%.100s' has other letters than an account "
                 "has", c->account);
        return -1;
    }
    return 0;
}

static void sms_close(void *self)
{
    struct smshttp *sms = self;

    sms->closing = 1;
    sms->host->timer_del(&sms->report_timer);
    in_close(sms);
    out_close(sms);
    tracks_free(&sms->tracks);
    join_free(&sms->join);
    consent_free(&sms->consent);
    keeper_free(&sms->keeper);
    secrets_fini(&sms->secrets);
    secrets_fini(&sms->tokens);
    free(sms);
}

static void on_consent(void *arg)
{
    struct smshttp *sms = arg;

    smshttp_report(sms);
    media_open(sms);
}

static int read_secrets(struct smshttp *sms, struct td_error *err)
{
    const struct conf *c = sms->conf;

    return secrets_read(&sms->tokens, "token", c->token, err) != 0 ||
           (c->signature_secret != NULL
                ? secrets_read(&sms->secrets, "signature_secret", c->signature_secret, err)
                : secrets_read(&sms->secrets, "token", c->token, err)) != 0 ? -1 : 0;
}

static int make_parts(struct smshttp *sms, struct td_error *err)
{
    const struct conf *c = sms->conf;
    const struct consent_conf consent = SMS_CONSENT_CONF(c);
    const struct consent_ops consent_ops = { .say = out_say, .loaded = on_consent, .arg = sms };
    const struct join_conf join = { .timeout_ms = c->concat_timeout,
                                    .max = (unsigned)c->concat_max };
    const struct join_ops join_ops = { .whole = in_whole, .arg = sms };
    const struct tracks_conf tracks = { .timeout_ms = c->dlr_timeout, .settle_ms = c->dlr_settle };

    out_open(sms);
    sms->keeper = keeper_new(sms->host, sms->inst, NULL, 0);
    if (sms->keeper == NULL)
        return -1;
    sms->consent = consent_new(sms->host, sms->inst, &consent, &consent_ops, err);
    if (sms->consent == NULL)
        return -1;
    sms->join = join_new(sms->keeper, sms->host, sms->inst, &join, &join_ops);
    sms->tracks = tracks_new(sms->keeper, sms->host, sms->inst, &tracks);
    return sms->join != NULL && sms->tracks != NULL ? 0 : -1;
}

static enum td_status sms_open(const struct td_host *host, struct td_instance *inst,
                               const void *conf, void **self_r, struct td_error *err)
{
    struct smshttp *sms = calloc(1, sizeof *sms);

    snprintf(err->text, sizeof err->text, "out of memory");
    if (sms == NULL)
        return TD_RETRY;
    sms->host = host;
    sms->inst = inst;
    sms->conf = conf;
    sms->provider = providers[sms->conf->provider];
    if (check_conf(sms, err) != 0 || read_secrets(sms, err) != 0 || make_parts(sms, err) != 0 ||
        in_open(sms, err) != 0) {
        sms_close(sms);
        return TD_CONF;
    }
    *self_r = sms;
    return TD_OK;
}

static void sms_send(void *self, uint64_t job, const struct td_outbound *out)
{
    out_send(self, job, out);
}

static void sms_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    in_accepted(self, delivery, accepted);
}

static void sms_filed(void *self, uint64_t job, const struct td_filed *filed)
{
    media_filed(self, job, filed);
}

static void sms_kept(void *self, uint64_t job, const struct td_kept *kept)
{
    struct smshttp *sms = self;

    keeper_kept(sms->keeper, job, kept);
    consent_kept(sms->consent, job, kept);
    if (job == 0)
        smshttp_report(sms);
}

static const struct td_channel_ops ops = {
    .size = sizeof ops,
    .open = sms_open,
    .send = sms_send,
    .accepted = sms_accepted,
    .close = sms_close,
    .filed = sms_filed,
    .kept = sms_kept,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "sms_http", .version = "1.0",
                 .caps = TD_CAN_RECEIPTS, .ops = &ops, .conf_size = sizeof(struct conf),
                 .conf_keys = conf_keys);
