/*
 * smshttp_in.c - what a provider sends to /hooks/NAME: proved first, then receipts apart, wishes to the
 * ledger, parts together, files fetched, the rest to the gateway; and an answer when it is on disk.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "channels/shared/sms_text.h"
#include "channels/smshttp_private.h"

#define MAX_MOS 1000 /* that wait for the gateway */
#define AGAIN_MS 1000
#define MAX_NUMBER 64

/* ---- Answers ------------------------------------------------------------------------------ */

static void reply(struct smshttp *sms, uint64_t request, int status, const char *type,
                  const char *body)
{
    const struct td_header headers[] = { { "Retry-After", "2" }, { "Allow", "POST, GET" } };

    sms->host->reply(sms->inst, request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = status, .content_type = type,
        .headers = status == 503 ? &headers[0] : &headers[1],
        .n_headers = status == 503 || status == 405, .body = body, .body_len = strlen(body) });
}

static void reply_error(struct smshttp *sms, uint64_t request, int status, const char *sentence)
{
    reply(sms, request, status, "text/plain", sentence);
}

static void reply_taken(struct smshttp *sms, uint64_t request)
{
    reply(sms, request, 200, sms->provider->answer_type, sms->provider->answer);
}

void in_answer(struct mo *mo, enum td_status status)
{
    const uint64_t request = mo->request;

    mo->request = 0;
    if (request == 0)
        return;
    if (status == TD_RETRY)
        reply_error(mo->sms, request, 503, "not now: send it again\n");
    else /* what was refused would be refused again: the provider is not asked for it */
        reply_taken(mo->sms, request);
}

/* ---- Life of a message -------------------------------------------------------------------- */

struct mo *in_new(struct smshttp *sms)
{
    struct mo *mo = sms->n_mos < MAX_MOS ? calloc(1, sizeof *mo) : NULL;

    if (mo == NULL)
        return NULL;
    mo->sms = sms;
    mo->delivery = ++sms->last_delivery;
    HASH_ADD(hh, sms->mos, delivery, sizeof mo->delivery, mo);
    sms->n_mos++;
    return mo;
}

static void mo_free(struct mo *mo)
{
    struct smshttp *sms = mo->sms;

    HASH_DEL(sms->mos, mo);
    sms->n_mos--;
    sms->host->timer_del(&mo->timer);
    media_fini(mo);
    free(mo->text);
    free(mo->from);
    free(mo->to);
    free(mo);
}

void in_end(struct mo *mo, enum td_status status)
{
    in_answer(mo, status);
    if (mo->set != NULL)
        join_done(mo->sms->join, mo->set);
    media_done(mo);
    mo_free(mo);
}

/* ---- To the gateway ----------------------------------------------------------------------- */

/* Our address, unless it is the only one: that of the conf. */
static const char *account_of(const struct smshttp *sms, const char *to)
{
    const char *source = sms->conf->source;

    return to == NULL || strcmp(to + (to[0] == '+'), source + (source[0] == '+')) == 0 ? NULL : to;
}

static void deliver(const struct mo *mo)
{
    const int64_t window = mo->sms->conf->reply_window;
    struct td_attachment files[MAX_MEDIA];
    const struct td_attachment *list[MAX_MEDIA];

    for (size_t i = 0; i < mo->n_files; i++) {
        files[i] = (struct td_attachment){ .size = sizeof files[i], .id = mo->files[i] };
        list[i] = &files[i];
    }
    const struct td_message message = { .size = sizeof message, .id = mo->id, .text = mo->text,
                                        .author = TD_CUSTOMER, .attachments = list,
                                        .n_attachments = mo->n_files };
    const struct td_customer customer = { .size = sizeof customer, .id = mo->from };

    mo->sms->host->deliver(mo->sms->inst, mo->delivery, &(struct td_inbound){
        .size = sizeof(struct td_inbound), .account = account_of(mo->sms, mo->to),
        .peer = mo->from, .customer = &customer, .message = &message,
        .reply_until_at_ms = window > 0 ? smshttp_now(mo->sms) + window : 0 });
}

static void again(void *arg)
{
    struct mo *mo = arg;

    mo->timer = NULL;
    in_hand_on(mo);
}

/* It is ours to try again when the provider has its answer already. */
static void retry(struct mo *mo, uint32_t ms)
{
    if (mo->request != 0)
        in_end(mo, TD_RETRY);
    else
        mo->timer = mo->sms->host->timer_add(mo->sms->inst, ms > 0 ? ms : AGAIN_MS, again, mo);
}

static void on_wish(void *arg, enum td_status status)
{
    if (status == TD_OK)
        in_end(arg, TD_OK);
    else
        retry(arg, 0);
}

void in_hand_on(struct mo *mo)
{
    struct smshttp *sms = mo->sms;

    if (mo->text == NULL || mo->n_files > 0 ||
        !consent_hear(sms->consent, account_of(sms, mo->to), mo->from, mo->text, on_wish, mo))
        deliver(mo);
}

void in_accepted(struct smshttp *sms, uint64_t delivery, const struct td_accepted *accepted)
{
    struct mo *mo;

    HASH_FIND(hh, sms->mos, &delivery, sizeof delivery, mo);
    if (mo == NULL)
        return;
    if (accepted->status == TD_RETRY) {
        retry(mo, accepted->retry_after_ms);
        return;
    }
    if (accepted->status != TD_OK)
        sms->host->log(sms->inst, TD_WARN, "a message of a customer was not taken: %s",
                       accepted->detail);
    in_end(mo, accepted->status);
}

void in_whole(void *arg, struct join_set *set, const char *from, const char *to, const char *id,
              char *text)
{
    struct mo *mo = in_new(arg);

    if (mo == NULL) {
        free(text);
        return; /* the next start has it */
    }
    mo->set = set;
    mo->text = text;
    mo->from = strdup(from);
    mo->to = strdup(to);
    snprintf(mo->id, sizeof mo->id, "%s", id);
    in_hand_on(mo);
}

/* ---- Messages ----------------------------------------------------------------------------- */

static const char *first_of(const struct fields *fields, const char *const *names,
                            char buf[FIELDS_NUMBER])
{
    const char *value = NULL;

    for (; names != NULL && *names != NULL && value == NULL; names++)
        value = fields_get(fields, *names, buf);
    return value;
}

static void on_part(void *arg, enum td_status status)
{
    in_end(arg, status);
}

static unsigned number_of(const struct fields *fields, const char *name)
{
    char buf[FIELDS_NUMBER];
    const char *value = name != NULL ? fields_get(fields, name, buf) : NULL;

    return value != NULL ? (unsigned)strtoul(value, NULL, 10) : 0;
}

/* 1: it is a part of a message, and with those that are there. */
static int take_part(struct mo *mo, const struct fields *fields)
{
    const struct provider *p = mo->sms->provider;
    const size_t len = mo->text != NULL ? strlen(mo->text) : 0;
    struct join_part part = {
        .from = mo->from, .to = mo->to, .ref = number_of(fields, p->concat_ref),
        .total = number_of(fields, p->concat_total), .seq = number_of(fields, p->concat_part),
        .width = 16, .charset = SMS_UCS2,
    };
    uint8_t *bytes;
    int fits;

    if (part.total < 2 || part.total > 255 || part.seq < 1 || part.seq > part.total ||
        (bytes = malloc(2 * len + 1)) == NULL)
        return 0;
    part.bytes = bytes;
    part.len = sms_encode(SMS_UCS2, mo->text != NULL ? mo->text : "", len, bytes);
    fits = join_fits(&part);
    if (fits)
        join_add(mo->sms->join, &part, on_part, mo);
    free(bytes);
    return fits;
}

static void take_media(struct mo *mo, const struct fields *fields)
{
    for (const char *const *name = mo->sms->provider->in_media; name && *name != NULL; name++) {
        const char *mark = strstr(*name, "%u"), *url;
        const unsigned most = mark != NULL ? MAX_MEDIA : 1;
        char numbered[64], buf[FIELDS_NUMBER];

        for (unsigned i = 0; i < most && mo->n_media < MAX_MEDIA; i++) {
            if (mark != NULL)
                snprintf(numbered, sizeof numbered, "%.*s%u%s", (int)(mark - *name), *name, i,
                         mark + 2);
            url = fields_get(fields, mark != NULL ? numbered : *name, buf);
            if (url == NULL || (mo->media[mo->n_media] = strdup(url)) == NULL)
                break;
            mo->n_media++;
        }
    }
}

/* The provider has dealt with the wish itself: it is only written down. */
static void take_wish(struct mo *mo, const char *wish)
{
    struct smshttp *sms = mo->sms;

    if (strcasecmp(wish, "STOP") == 0)
        consent_provider_stop(sms->consent, account_of(sms, mo->to), mo->from);
    else if (strcasecmp(wish, "START") == 0)
        consent_provider_start(sms->consent, account_of(sms, mo->to), mo->from);
    smshttp_report(sms);
    in_end(mo, TD_OK);
}

static void take_message(struct smshttp *sms, uint64_t request, const struct fields *fields)
{
    const struct provider *p = sms->provider;
    char bufs[5][FIELDS_NUMBER], number[MAX_NUMBER];
    const char *id = first_of(fields, p->in_id, bufs[0]), *from = first_of(fields, p->in_peer, bufs[1]);
    const char *to = first_of(fields, p->in_account, bufs[2]);
    const char *text = first_of(fields, p->in_text, bufs[3]);
    const char *wish = first_of(fields, p->in_wish, bufs[4]);
    struct mo *mo;

    if (id == NULL || from == NULL || strlen(id) > 128 || strlen(from) >= MAX_NUMBER) {
        sms->host->count(sms->inst, "unknown", 1);
        reply_taken(sms, request); /* something that it tells, and that is not for us */
        return;
    }
    if (!consent_is_loaded(sms->consent) || (mo = in_new(sms)) == NULL) {
        reply_error(sms, request, 503, "not now: send it again\n");
        return;
    }
    mo->request = request;
    smshttp_number(from, number, sizeof number);
    snprintf(mo->id, sizeof mo->id, "%s", id);
    mo->from = strdup(number);
    smshttp_number(to != NULL ? to : sms->conf->source, number, sizeof number);
    mo->to = strdup(number);
    mo->text = text != NULL ? strdup(text) : NULL;
    take_media(mo, fields);
    if (mo->from == NULL || mo->to == NULL || (text != NULL && mo->text == NULL))
        in_end(mo, TD_RETRY);
    else if (wish != NULL)
        take_wish(mo, wish);
    else if (mo->n_media > 0)
        media_take(mo);
    else if (mo->text == NULL) {
        sms->host->count(sms->inst, "unknown", 1);
        in_end(mo, TD_OK);
    } else if (!take_part(mo, fields)) {
        in_hand_on(mo);
    }
}

/* ---- Receipts ----------------------------------------------------------------------------- */

static const struct provider_word *word_of(const struct smshttp *sms, const char *word)
{
    const struct provider_word *row = sms->provider->words;

    while (row->word != NULL && strcasecmp(row->word, word) != 0)
        row++;
    return row;
}

static int is_dead(const struct provider *provider, const char *code)
{
    const char *const *dead = provider->status_dead;

    while (dead != NULL && *dead != NULL && (code == NULL || strcmp(*dead, code) != 0))
        dead++;
    return dead != NULL && *dead != NULL;
}

static void take_receipt(struct smshttp *sms, const struct fields *fields, const char *word)
{
    char id_buf[FIELDS_NUMBER], code_buf[FIELDS_NUMBER];
    const char *id = first_of(fields, sms->provider->status_id, id_buf);
    const char *code = first_of(fields, sms->provider->status_error, code_buf);
    struct tracks_news news = { .status = word_of(sms, word)->status };

    if (id == NULL) {
        sms->host->count(sms->inst, "unknown", 1);
        return;
    }
    snprintf(news.why, sizeof news.why, "%.30s%s%.40s", word, code != NULL ? " err:" : "",
             code != NULL ? code : "");
    for (char *at = news.why; *at != '\0'; at++)
        *at = (unsigned char)*at < 0x80 ? *at : '?';
    if (news.status == TD_READ) /* more than delivered, and as final */
        news.status = TD_DELIVERED;
    news.unreachable = news.status == TD_FAILED && is_dead(sms->provider, code);
    tracks_came(sms->tracks, id, &news);
}

/* ---- Requests ----------------------------------------------------------------------------- */

static int is_json(const struct td_web_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcmp(request->headers[i].name, "content-type") == 0)
            return strncasecmp(request->headers[i].value, "application/json", 16) == 0;
    }
    return 0;
}

static int read_fields(struct fields *fields, const struct td_web_request *request)
{
    if (strcmp(request->method, "GET") == 0)
        return fields_form(fields, request->query, strlen(request->query));
    return is_json(request) ? fields_json(fields, request->body, request->body_len)
                            : fields_form(fields, request->body, request->body_len);
}

static int is_proved(struct smshttp *sms, const struct td_web_request *request,
                     const struct fields *fields)
{
    const struct conf *conf = sms->conf;

    return sms->provider->proof(&(struct proof){
        .request = request, .fields = fields,
        .url = conf->public_url != NULL ? conf->public_url : "",
        .header = sms->provider->proof_header, .account = conf->account, .secrets = &sms->secrets,
        .hash = (enum proof_hash)conf->signature, .now_ms = smshttp_now(sms),
        .skew_ms = conf->max_skew });
}

static void on_request(void *arg, const struct td_web_request *request)
{
    struct smshttp *sms = arg;
    const int is_get = strcmp(request->method, "GET") == 0;
    struct fields fields;
    char buf[FIELDS_NUMBER];
    const char *word;

    if (strcmp(request->method, "POST") != 0 && !(is_get && sms->provider->takes_get)) {
        reply_error(sms, request->id, 405, "POST is what is taken here\n");
    } else if (read_fields(&fields, request) != 0) {
        sms->host->count(sms->inst, "malformed", 1);
        reply_error(sms, request->id, 400, "this is neither a form nor an object of JSON\n");
        fields_fini(&fields);
    } else if (!is_proved(sms, request, &fields)) {
        sms->host->count(sms->inst, "forged", 1);
        reply_error(sms, request->id, 403, "the signature is not good\n");
        fields_fini(&fields);
    } else {
        word = first_of(&fields, sms->provider->status_word, buf);
        if (word != NULL && strcasecmp(word, "received") != 0) {
            take_receipt(sms, &fields, word);
            reply_taken(sms, request->id);
        } else {
            take_message(sms, request->id, &fields);
        }
        fields_fini(&fields);
    }
}

int in_open(struct smshttp *sms, struct td_error *err)
{
    char path[160];

    snprintf(path, sizeof path, "/hooks/%s", sms->host->name(sms->inst));
    if (sms->host->route(sms->inst, path, on_request, sms) == TD_OK)
        return 0;
    snprintf(err->text, sizeof err->text, "%s is taken, or there is no listener", path);
    return -1;
}

void in_close(struct smshttp *sms)
{
    struct mo *mo, *next;

    HASH_ITER(hh, sms->mos, mo, next) {
        in_answer(mo, TD_RETRY);
        mo_free(mo);
    }
}
