/*
 * smshttp_media.c - files that come with a message (MMS): what came is written down and answered at once,
 * then the files are fetched one by one, handed to the host, and the message is delivered with them.
 *
 * What is written down ("m/ID") outlives a restart. A file that never comes does not cost the message: it
 * says so then. A redirect is followed within the same rules as the first address; only a host that the
 * conf names gets the account's token.
 */
#include "config.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <tandem/json.h>
#include <tandem/json_write.h>

#include "channels/shared/fetch.h"
#include "channels/smshttp_private.h"

#define PREFIX "m/"
#define MAX_ID 120
#define MAX_HOPS 3
#define MAX_TRIES 8
#define MAX_URL 2048

static void fetch_next(struct mo *mo);

/* ---- Written down ------------------------------------------------------------------------- */

static void key_of(const struct mo *mo, char key[TD_KEEP_MAX_KEY + 1])
{
    snprintf(key, TD_KEEP_MAX_KEY + 1, PREFIX "%.120s", mo->id);
}

static void on_kept(void *arg, const struct td_kept *kept)
{
    struct mo *mo = arg;

    if (kept->status != TD_OK) {
        in_end(mo, TD_RETRY);
        return;
    }
    mo->kept = 1;
    in_answer(mo, TD_OK);
    fetch_next(mo);
}

void media_take(struct mo *mo)
{
    struct td_json j = { 0 };
    char key[TD_KEEP_MAX_KEY + 1];

    td_json_object(&j);
    td_json_key_str(&j, "from", mo->from);
    td_json_key_str(&j, "to", mo->to);
    if (mo->text != NULL)
        td_json_key_str(&j, "text", mo->text);
    td_json_key(&j, "media");
    td_json_array(&j);
    for (size_t i = 0; i < mo->n_media; i++)
        td_json_str(&j, mo->media[i]);
    td_json_array_end(&j);
    td_json_object_end(&j);
    key_of(mo, key);
    if (!j.failed && td_json_len(&j) <= TD_KEEP_MAX_VALUE && strlen(mo->id) <= MAX_ID)
        keeper_put(mo->sms->keeper, key, td_json_text(&j), td_json_len(&j), 0, on_kept, mo);
    else
        fetch_next(mo); /* it is answered when all of it is there */
    td_json_free(&j);
}

void media_done(struct mo *mo)
{
    char key[TD_KEEP_MAX_KEY + 1];

    if (!mo->kept)
        return;
    key_of(mo, key);
    keeper_del(mo->sms->keeper, key, NULL, NULL);
}

void media_fini(struct mo *mo)
{
    struct smshttp *sms = mo->sms;

    sms->host->http_cancel(&mo->http);
    if (mo->file_job != 0)
        HASH_DELETE(hh_file, sms->files, mo);
    for (size_t i = 0; i < mo->n_media; i++)
        free(mo->media[i]);
}

/* ---- What became of a file ---------------------------------------------------------------- */

static void next_file(struct mo *mo)
{
    mo->at++;
    mo->tries = mo->hops = 0;
    fetch_next(mo);
}

static void never(struct mo *mo, const char *why)
{
    struct smshttp *sms = mo->sms;
    char *words = fetch_words(mo->text, why);

    sms->host->count(sms->inst, "files_refused", 1);
    sms->host->log(sms->inst, TD_WARN, "a file was not taken: %s", why);
    if (words != NULL) {
        free(mo->text);
        mo->text = words;
    }
    next_file(mo);
}

static void again(void *arg)
{
    struct mo *mo = arg;

    mo->timer = NULL;
    fetch_next(mo);
}

static void later(struct mo *mo, uint32_t ms)
{
    if (mo->request != 0)
        in_end(mo, TD_RETRY); /* it is the provider's to say it again */
    else if (++mo->tries >= MAX_TRIES)
        never(mo, "it could not be fetched");
    else
        mo->timer = mo->sms->host->timer_add(mo->sms->inst, ms > 0 ? ms : 500u << mo->tries, again,
                                             mo);
}

void media_filed(struct smshttp *sms, uint64_t job, const struct td_filed *filed)
{
    struct mo *mo;

    HASH_FIND(hh_file, sms->files, &job, sizeof job, mo);
    if (mo == NULL)
        return;
    HASH_DELETE(hh_file, sms->files, mo);
    mo->file_job = 0;
    if (filed->status == TD_OK) {
        snprintf(mo->files[mo->n_files++], sizeof mo->files[0], "%s", filed->attachment->id);
        next_file(mo);
    } else if (filed->status == TD_RETRY) {
        later(mo, filed->retry_after_ms);
    } else {
        never(mo, filed->detail);
    }
}

/* ---- Fetching ----------------------------------------------------------------------------- */

static void take_bytes(struct mo *mo, const struct td_http_response *response)
{
    struct smshttp *sms = mo->sms;
    const char *slash = strrchr(mo->media[mo->at], '/');
    char name[128];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(slash != NULL ? slash + 1 : "", "?#"),
             slash != NULL ? slash + 1 : "");
    mo->file_job = ++sms->last_file;
    HASH_ADD(hh_file, sms->files, file_job, sizeof mo->file_job, mo);
    sms->host->file(sms->inst, mo->file_job, &(struct td_file){
        .size = sizeof(struct td_file), .name = name, .type = response->content_type,
        .data = response->body, .len = response->body_len, .peer = mo->from });
}

/* 1: it is somewhere else, and asked for there. */
static int follow(struct mo *mo, const struct td_http_response *response)
{
    char *url;

    if (response->failure != TD_HTTP_OK || response->status / 100 != 3 ||
        !TD_HAS(response, location) || response->location == NULL ||
        response->location[0] == '\0' || mo->hops == MAX_HOPS ||
        (url = strdup(response->location)) == NULL)
        return 0;
    mo->hops++;
    free(mo->media[mo->at]);
    mo->media[mo->at] = url;
    fetch_next(mo);
    return 1;
}

static void on_response(void *arg, const struct td_http_response *response)
{
    struct mo *mo = arg;
    char why[FETCH_WHY];

    mo->http = NULL; /* it has ended: the host has freed it */
    if (follow(mo, response))
        return;
    switch (fetch_end(response, mo->sms->conf->max_file, why)) {
    case FETCH_HERE: take_bytes(mo, response); break;
    case FETCH_NEVER: never(mo, why); break;
    case FETCH_LATER:
        later(mo, response->retry_after_ms > 0 && response->retry_after_ms < 600000
                      ? (uint32_t)response->retry_after_ms : 0);
        break;
    }
}

/* The provider's own host is named by api_url; others by file_hosts. */
static enum fetch_host host_of(const struct smshttp *sms, const char *url)
{
    const char *api = sms->conf->api_url != NULL ? sms->conf->api_url : sms->provider->api;
    const char *host = strstr(api, "://") + 3;
    char own[256];
    const char *const hosts[] = { own, NULL };

    snprintf(own, sizeof own, "%.*s", (int)strcspn(host, "/"), host);
    return fetch_host(hosts, url) == FETCH_NAMED ? FETCH_NAMED
                                                 : fetch_host(sms->conf->file_hosts, url);
}

static void fetch_next(struct mo *mo)
{
    struct smshttp *sms = mo->sms;
    const char *url = mo->at < mo->n_media ? mo->media[mo->at] : NULL;
    const enum fetch_host host = url != NULL ? host_of(sms, url) : FETCH_NO;
    char basic[BASIC_SIZE];
    const struct td_header header = { "Authorization", basic };

    if (url == NULL) {
        in_hand_on(mo);
        return;
    }
    if (host == FETCH_NO || strlen(url) >= MAX_URL) {
        never(mo, "its host is not one of file_hosts");
        return;
    }
    request_basic(sms, basic);
    mo->http = sms->host->http_start(sms->inst, &(struct td_http_request){
        .size = sizeof(struct td_http_request), .method = "GET", .url = url, .headers = &header,
        .n_headers = host == FETCH_NAMED && sms->provider->is_basic,
        .timeout_ms = (uint32_t)sms->conf->timeout, .max_response = (size_t)sms->conf->max_file,
        .public_only = host != FETCH_NAMED }, on_response, mo);
    if (mo->http == NULL)
        later(mo, 0);
}

/* ---- Before the start --------------------------------------------------------------------- */

static void on_pair(void *arg, const struct td_pair *pair)
{
    cJSON *value = td_json_parse(pair->value, pair->len, NULL, NULL, 0);
    const char *from = td_json_get_str(value, "from"), *to = td_json_get_str(value, "to");
    const char *text = td_json_get_str(value, "text");
    struct mo *mo = from != NULL && to != NULL ? in_new(arg) : NULL;
    const cJSON *url;

    if (mo != NULL) {
        snprintf(mo->id, sizeof mo->id, "%s", pair->key + strlen(PREFIX));
        mo->kept = 1;
        mo->from = strdup(from);
        mo->to = strdup(to);
        mo->text = text != NULL ? strdup(text) : NULL;
        cJSON_ArrayForEach(url, td_json_get(value, "media")) {
            if (cJSON_IsString(url) && mo->n_media < MAX_MEDIA)
                mo->media[mo->n_media++] = strdup(url->valuestring);
        }
        fetch_next(mo);
    }
    cJSON_Delete(value);
}

static void on_loaded(void *arg, enum td_status status)
{
    const struct smshttp *sms = arg;

    if (status != TD_OK)
        sms->host->log(sms->inst, TD_ERROR, "messages whose files had not come before the start "
                       "cannot be read");
}

void media_open(struct smshttp *sms)
{
    keeper_each(sms->keeper, PREFIX, on_pair, on_loaded, sms);
}
