/*
 * smshttp_out.c - messages to customers: the order they leave in, and what became of them.
 *
 * A text is one request, or some one after the other when it is long. What the provider does not take
 * now goes back to the gateway, which keeps it and tries again; once a part of it has left, it
 * is tried again from here, so that nobody gets the beginning twice.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channels/shared/sms_split.h"
#include "channels/smshttp_private.h"

#define MAX_MESSAGES 10000
#define MAX_TRIES 6
#define AUTH_MS 60000u /* between tries with credentials that were not taken */
#define PAUSE_MS 1000u

struct message {
    struct message *next;
    struct smshttp *sms;
    uint64_t job; /* 0: said by the channel itself */
    uint64_t seq;
    char *text, *peer, *account, *session;
    char id[64];
    struct sms_cuts cuts;
    unsigned parts[SMS_MAX_MESSAGES], n_parts; /* that each request will be cut into, and all */
    size_t at;                                 /* the request that is next, or under way */
    unsigned tries;
    int uncertain;
    int64_t not_before_ms;
    struct td_http *http;
};

static void message_free(struct message *m)
{
    m->sms->host->http_cancel(&m->http);
    free(m->text);
    free(m->peer);
    free(m->account);
    free(m->session);
    free(m);
}

static void unlink_message(struct message *m)
{
    struct smshttp *sms = m->sms;
    struct message **at = &sms->messages;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    if (*at == NULL)
        sms->messages_end = at;
    sms->n_messages--;
}

/* ---- Ends --------------------------------------------------------------------------------- */

static void sent(struct smshttp *sms, uint64_t job, const struct td_sent *sent)
{
    struct td_sent all = *sent;

    all.size = sizeof all;
    sms->host->sent(sms->inst, job, &all);
}

static void end(struct message *m, const struct td_sent *what)
{
    struct smshttp *sms = m->sms;

    unlink_message(m);
    if (m->job == 0)
        consent_said(sms->consent, m->account, m->peer);
    else
        sent(sms, m->job, what);
    message_free(m);
}

static void end_refused(struct message *m, const struct request_answer *answer)
{
    const char *what = answer->error == ERROR_OPTED_OUT ? "opted_out"
                       : answer->error == ERROR_ADDRESS ? "invalid_destination" : "refused";
    char text[200];

    if (answer->error == ERROR_OPTED_OUT)
        consent_provider_stop(m->sms->consent, m->account, m->peer);
    snprintf(text, sizeof text, "%s: %s", what, answer->why);
    end(m, &(struct td_sent){ .status = TD_REJECT, .detail = text,
                              .unreachable = answer->error == ERROR_ADDRESS });
}

/* ---- Answers ------------------------------------------------------------------------------ */

static void take_ids(struct message *m, const struct fields *fields)
{
    const char *const *name = m->sms->provider->reply_id;
    unsigned before = 0;

    for (size_t i = 0; i < m->at; i++)
        before += m->parts[i];
    for (; *name != NULL; name++) {
        const char *mark = strstr(*name, "%u"), *id;
        const unsigned most = mark != NULL ? SMS_MAX_PARTS : 1;
        struct track_part part = {
            .session = m->session, .seq = m->seq,
            .total = mark != NULL ? m->n_parts : (unsigned)m->cuts.n,
            .completes = m->at + 1 == m->cuts.n && !m->uncertain };
        char numbered[64], buf[FIELDS_NUMBER];

        for (unsigned i = 0; i < most; i++) {
            if (mark != NULL)
                snprintf(numbered, sizeof numbered, "%.*s%u%s", (int)(mark - *name), *name, i,
                         mark + 2);
            id = fields_get(fields, mark != NULL ? numbered : *name, buf);
            if (id == NULL)
                break;
            part.part = mark != NULL ? before + i + 1 : (unsigned)m->at + 1;
            tracks_sent(m->sms->tracks, id, &part);
        }
    }
}

static void next_or_end(struct message *m)
{
    m->tries = 0;
    if (++m->at == m->cuts.n)
        end(m, &(struct td_sent){ .status = TD_OK, .uncertain = m->uncertain });
}

static void say_trouble(struct smshttp *sms, const struct request_answer *answer)
{
    const int64_t now = smshttp_now(sms);

    snprintf(sms->trouble, sizeof sms->trouble, "%s%.100s",
             answer->error == ERROR_AUTH ? "credentials are not taken: " : "", answer->why);
    if (answer->error != ERROR_AUTH || now - sms->auth_logged_ms < AUTH_MS)
        return;
    sms->auth_logged_ms = now;
    sms->host->log(sms->inst, TD_ERROR, "the provider does not take our account or token (%s): "
                   "check account, token and source; messages are kept", answer->why);
}

/* What the provider does not take now. */
static void later(struct message *m, const struct request_answer *answer)
{
    struct smshttp *sms = m->sms;
    const int64_t now = smshttp_now(sms);
    uint32_t ms = answer->retry_ms > 0                ? answer->retry_ms
                  : answer->error == ERROR_AUTH       ? AUTH_MS
                                                      : PAUSE_MS << (m->tries < 5 ? m->tries : 5);

    say_trouble(sms, answer);
    if (answer->error == ERROR_THROTTLED) {
        rate_throttled(&sms->rate, now);
        rate_pause(&sms->rate, now + (answer->retry_ms > 0 ? answer->retry_ms : PAUSE_MS));
        sms->host->count(sms->inst, "throttled", 1);
    }
    m->tries++;
    if (m->job != 0 && m->at == 0) {
        end(m, &(struct td_sent){ .status = TD_RETRY, .detail = answer->why,
                                  .retry_after_ms = answer->retry_ms > 0 ||
                                                            answer->error == ERROR_AUTH ? ms : 0 });
    } else if (m->tries >= MAX_TRIES) { /* its beginning has left: the customer has seen that much */
        end(m, &(struct td_sent){ .status = TD_OK, .uncertain = 1 });
    } else {
        m->not_before_ms = now + (ms < 30000 ? ms : 30000);
    }
}

static void on_response(void *arg, const struct td_http_response *response)
{
    struct message *m = arg;
    struct smshttp *sms = m->sms;
    struct request_answer answer;

    m->http = NULL; /* it has ended: the host has freed it */
    sms->n_flying--;
    request_judge(sms, response, &answer);
    switch (answer.end) {
    case REQUEST_SENT:
        sms->trouble[0] = '\0';
        if (m->job != 0)
            take_ids(m, &answer.fields);
        next_or_end(m);
        break;
    case REQUEST_UNCERTAIN:
        m->uncertain = 1;
        next_or_end(m);
        break;
    case REQUEST_FAILED: end_refused(m, &answer); break;
    case REQUEST_AGAIN: later(m, &answer); break;
    }
    fields_fini(&answer.fields);
    smshttp_report(sms);
    out_pump(sms);
}

/* ---- Leaving ------------------------------------------------------------------------------ */

static void start(struct message *m)
{
    struct smshttp *sms = m->sms;
    char id[80];

    snprintf(id, sizeof id, m->cuts.n > 1 ? "%s-%zu" : "%s", m->id, m->at + 1);
    m->http = request_start(sms, &(struct sms_request){
        .sender = m->account != NULL ? m->account : sms->conf->source, .peer = m->peer, .id = id,
        .text = m->text + m->cuts.cuts[m->at].from, .len = m->cuts.cuts[m->at].len },
        on_response, m);
    if (m->http != NULL) {
        sms->n_flying++;
    } else {
        later(m, &(struct request_answer){ .error = ERROR_BUSY,
                                           .why = "the request could not be made or queued" });
    }
}

static void on_pump(void *arg)
{
    struct smshttp *sms = arg;

    sms->pump_timer = NULL;
    out_pump(sms);
}

static struct message *next_message(const struct smshttp *sms, int64_t now, int64_t *soonest_r)
{
    for (struct message *m = sms->messages; m != NULL; m = m->next) {
        if (m->http != NULL)
            continue;
        if (m->not_before_ms <= now)
            return m;
        if (m->not_before_ms < *soonest_r)
            *soonest_r = m->not_before_ms;
    }
    return NULL;
}

void out_pump(struct smshttp *sms)
{
    const int64_t now = smshttp_now(sms);
    int64_t soonest = INT64_MAX, wait;
    struct message *m;

    sms->host->timer_del(&sms->pump_timer);
    while (!sms->closing && sms->n_flying < (size_t)sms->conf->window &&
           (m = next_message(sms, now, &soonest)) != NULL) {
        wait = rate_take(&sms->rate, now);
        if (wait > 0) {
            soonest = now + wait;
            break;
        }
        start(m);
    }
    if (soonest != INT64_MAX && !sms->closing)
        sms->pump_timer = sms->host->timer_add(sms->inst, (uint32_t)(soonest - now), on_pump, sms);
}

/* ---- Coming from the gateway -------------------------------------------------------------- */

static char *copy(const char *s)
{
    return s != NULL ? strdup(s) : NULL;
}

/* NULL: no memory. */
static struct message *message_new(struct smshttp *sms, const char *said, const char *account,
                                   const char *peer)
{
    const struct sms_limits limits = { .header = SMS_UDH8,
                                       .max_parts = (size_t)sms->conf->max_parts,
                                       .max_messages = (size_t)sms->conf->max_messages };
    char *plain = sms->conf->transliterate ? sms_transliterate(said) : NULL;
    struct message *m = calloc(1, sizeof *m);
    struct sms_plan plan;

    if (m != NULL)
        m->text = sms_fit(plain != NULL ? plain : said, &limits, sms->conf->cut_text);
    free(plain);
    if (m == NULL || m->text == NULL) {
        free(m);
        return NULL;
    }
    m->sms = sms;
    m->peer = copy(peer);
    m->account = copy(account);
    sms_messages(m->text, &limits, &m->cuts);
    for (size_t i = 0; i < m->cuts.n; i++) {
        sms_split(m->text + m->cuts.cuts[i].from, m->cuts.cuts[i].len, SMS_UDH8, &plan);
        m->parts[i] = (unsigned)plan.n;
        m->n_parts += m->parts[i];
    }
    return m;
}

static void enqueue(struct message *m)
{
    struct smshttp *sms = m->sms;

    *sms->messages_end = m;
    sms->messages_end = &m->next;
    sms->n_messages++;
    smshttp_report(sms);
    out_pump(sms);
}

void out_send(struct smshttp *sms, uint64_t job, const struct td_outbound *out)
{
    const char *said = out->message->text != NULL ? out->message->text : "";
    struct message *m;

    if (!consent_is_loaded(sms->consent) || sms->n_messages >= MAX_MESSAGES) {
        sent(sms, job, &(struct td_sent){ .status = TD_RETRY, .retry_after_ms = 1000, .detail =
                       "there are too many messages under way, or it has just begun" });
        return;
    }
    if (out->peer == NULL || *said == '\0') {
        sent(sms, job, &(struct td_sent){ .status = TD_REJECT, .detail =
                       "there is no text, or nobody to send it to" });
        return;
    }
    if (consent_refuses(sms->consent, out->account, out->peer)) {
        sms->host->count(sms->inst, "opted_out", 1);
        sent(sms, job, &(struct td_sent){ .status = TD_REJECT, .detail =
                       "opted_out: the customer wants no messages (STOP)" });
        return;
    }
    m = message_new(sms, said, out->account, out->peer);
    if (m == NULL) {
        sent(sms, job, &(struct td_sent){ .status = TD_RETRY, .retry_after_ms = 1000,
                                          .detail = "out of memory" });
        return;
    }
    m->job = job;
    m->seq = out->message->seq;
    m->session = copy(out->session);
    snprintf(m->id, sizeof m->id, "%s", out->message->id);
    enqueue(m);
}

void out_say(void *arg, const char *account, const char *peer, const char *text)
{
    struct smshttp *sms = arg;
    struct message *m = message_new(sms, text, account, peer);

    if (m == NULL)
        return;
    snprintf(m->id, sizeof m->id, "said-%" PRId64 "-%zu", smshttp_now(sms), sms->n_messages);
    enqueue(m);
}

void out_open(struct smshttp *sms)
{
    sms->messages_end = &sms->messages;
    rate_init(&sms->rate, (unsigned)sms->conf->tps);
}

void out_close(struct smshttp *sms)
{
    sms->host->timer_del(&sms->pump_timer);
    while (sms->messages != NULL) {
        struct message *m = sms->messages;

        sms->messages = m->next;
        message_free(m);
    }
}
