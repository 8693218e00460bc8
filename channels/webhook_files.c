/*
 * webhook_files.c - files that customers send to a provider: fetched, handed to the host, delivered
 * with their message.
 *
 * Only hosts that the conf names are asked: of file_lookup, of file_url, or of a URL at one of
 * file_hosts. Where that has a * it may be any public one, which gets no token.
 * A file that will never come does not cost the message: it is delivered with a word about it. One
 * that may come makes the provider send its request again.
 */
#include "config.h"

#include "channels/shared/fetch.h"
#include "channels/webhook_private.h"
#include "channels/webhook_template.h"

#define MAX_FETCHES 64
#define MAX_URL 2048
#define MAX_VALUE 1024

struct fetch {
    struct fetch *prev, *next;
    struct webhook *hook;
    struct batch *batch;
    struct td_http *http;
    uint64_t job;    /* of file(); 0: it is not there yet */
    int looked_up;   /* file_lookup has been asked */
    char value[MAX_VALUE];
    char *id, *peer, *text, *choice, *account, *customer, *file_name; /* may be NULL */
    int64_t at_ms;
};

/* ---- The end ------------------------------------------------------------------------------ */

static void fetch_free(struct fetch *fetch)
{
    struct webhook *hook = fetch->hook;
    char *texts[] = { fetch->id,      fetch->peer,     fetch->text,     fetch->choice,
                      fetch->account, fetch->customer, fetch->file_name };

    hook->host->http_cancel(&fetch->http);
    if (fetch->prev != NULL)
        fetch->prev->next = fetch->next;
    else
        hook->fetches = fetch->next;
    if (fetch->next != NULL)
        fetch->next->prev = fetch->prev;
    hook->n_fetches--;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    free(fetch);
}

/* With the file, or with a word about why it is not there. */
static void finish(struct fetch *fetch, const char *file_id, const char *why)
{
    struct webhook *hook = fetch->hook;
    struct batch *batch = fetch->batch;
    char *words = why != NULL ? fetch_words(fetch->text, why) : NULL;
    const struct td_attachment file = { .size = sizeof file, .id = file_id };
    const struct td_attachment *const files[] = { &file };
    const struct td_customer customer = { .size = sizeof customer, .name = fetch->customer };

    const struct td_message message = {
        .size = sizeof message, .id = fetch->id, .choice = fetch->choice, .author = TD_CUSTOMER,
        .text = words != NULL ? words : fetch->text, .at_ms = fetch->at_ms,
        .attachments = files, .n_attachments = file_id != NULL,
    };

    if (why != NULL && words == NULL) {
        in_again(batch, 0);
    } else {
        in_deliver(hook, batch, &(struct td_inbound){
            .size = sizeof(struct td_inbound), .account = fetch->account, .peer = fetch->peer,
            .customer = fetch->customer != NULL ? &customer : NULL, .message = &message });
    }
    free(words);
    fetch_free(fetch);
    in_release(hook, batch);
}

static void never(struct fetch *fetch, const char *why)
{
    fetch->hook->host->count(fetch->hook->inst, "files_refused", 1);
    fetch->hook->host->log(fetch->hook->inst, TD_WARN, "a file was not taken: %s", why);
    finish(fetch, NULL, why);
}

static void later(struct fetch *fetch, uint32_t retry_after_ms)
{
    struct webhook *hook = fetch->hook;
    struct batch *batch = fetch->batch;

    in_again(batch, retry_after_ms);
    fetch_free(fetch);
    in_release(hook, batch);
}

/* ---- Addresses ---------------------------------------------------------------------------- */

/* {file} filled in, segment by segment, so that its slashes stay. -1: it does not fit, or climbs. */
static int fill(const struct fetch *fetch, const char *template, char url_r[MAX_URL])
{
    const struct template_value values[] = {
        { "account", fetch->account, NULL },
        { "secret", fetch->hook->conf->auth_secret, NULL },
        { NULL, NULL, NULL },
    };
    static const char mark[] = "{file}";
    const char *at = strstr(template, mark), *segment = fetch->value;
    char before[MAX_URL];
    size_t n;

    snprintf(before, sizeof before, "%.*s", (int)(at - template), template);
    if (template_url(url_r, MAX_URL, before, values) != 0)
        return -1;
    for (n = strlen(url_r);; segment++) {
        const size_t len = strcspn(segment, "/");
        char text[MAX_VALUE];
        const struct template_value one[] = { { "file", text, NULL }, { NULL, NULL, NULL } };

        snprintf(text, sizeof text, "%.*s", (int)len, segment);
        if (template_url(url_r + n, MAX_URL - n, mark, one) != 0)
            return -1;
        n += strlen(url_r + n);
        segment += len;
        if (*segment == '\0')
            break;
        if (n + 2 > MAX_URL)
            return -1;
        url_r[n++] = '/';
        url_r[n] = '\0';
    }
    return template_url(url_r + n, MAX_URL - n, at + sizeof mark - 1, values);
}

/* ---- Fetching ----------------------------------------------------------------------------- */

static void go_on(struct fetch *fetch);

static void take_lookup(struct fetch *fetch, const struct td_http_response *response)
{
    cJSON *root = td_json_parse(response->body, response->body_len, NULL, NULL, 0);
    const struct place top = { .node = { root } };
    char buf[POINTER_TEXT];
    const char *found = pointers_text(&fetch->hook->file_found, &top, buf);
    int fits = found != NULL && strlen(found) < sizeof fetch->value;

    if (fits)
        snprintf(fetch->value, sizeof fetch->value, "%s", found);
    cJSON_Delete(root);
    if (fits)
        go_on(fetch);
    else
        never(fetch, "the provider does not say where it is");
}

static void take_bytes(struct fetch *fetch, const struct td_http_response *response)
{
    struct webhook *hook = fetch->hook;
    const char *slash = strrchr(fetch->value, '/');
    char name[256];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(slash != NULL ? slash + 1 : "", "?#"),
             slash != NULL ? slash + 1 : "");
    fetch->job = ++hook->last_file;
    hook->host->file(hook->inst, fetch->job, &(struct td_file){
        .size = sizeof(struct td_file),
        .name = fetch->file_name != NULL ? fetch->file_name : name,
        .type = response->content_type, .data = response->body, .len = response->body_len,
        .peer = fetch->peer });
}

static void on_response(void *arg, const struct td_http_response *response)
{
    struct fetch *fetch = arg;
    char why[FETCH_WHY];
    const enum fetch_end end = fetch_end(response, fetch->hook->conf->max_file, why);

    fetch->http = NULL; /* it has ended: the host has freed it */
    if (end == FETCH_NEVER) {
        never(fetch, why);
    } else if (end == FETCH_LATER) {
        later(fetch, response->retry_after_ms > 0 && response->retry_after_ms < 600000
                         ? (uint32_t)response->retry_after_ms : 0);
    } else if (fetch->hook->conf->file_lookup != NULL && !fetch->looked_up) {
        fetch->looked_up = 1;
        take_lookup(fetch, response);
    } else {
        take_bytes(fetch, response);
    }
}

static void go_on(struct fetch *fetch)
{
    struct webhook *hook = fetch->hook;
    const struct conf *conf = hook->conf;
    const int lookup = conf->file_lookup != NULL && !fetch->looked_up;
    const char *template = lookup ? conf->file_lookup : conf->file_url;
    const enum fetch_host host = template == NULL ? fetch_host(conf->file_hosts, fetch->value)
                                                  : FETCH_NAMED;
    char url[MAX_URL], bearer[1100];
    const struct td_header header = { "Authorization", bearer };
    const struct td_http_request request = {
        .size = sizeof request, .method = "GET", .url = url, .headers = &header,
        .n_headers = conf->auth == AUTH_BEARER && host == FETCH_NAMED,
        .timeout_ms = (uint32_t)conf->timeout,
        .max_response = lookup ? 65536 : (size_t)conf->max_file,
        .public_only = host != FETCH_NAMED,
    };

    snprintf(bearer, sizeof bearer, "Bearer %s", conf->auth_secret != NULL ? conf->auth_secret : "");
    if (template == NULL)
        snprintf(url, sizeof url, "%s", fetch->value);
    if (template == NULL ? host == FETCH_NO : fill(fetch, template, url) != 0) {
        never(fetch, template == NULL ? "its host is not one of file_hosts"
                                      : "its address is not good");
        return;
    }
    fetch->http = hook->host->http_start(hook->inst, &request, on_response, fetch);
    if (fetch->http == NULL)
        later(fetch, 0);
}

void files_filed(struct webhook *hook, uint64_t job, const struct td_filed *filed)
{
    struct fetch *fetch = hook->fetches;

    while (fetch != NULL && fetch->job != job)
        fetch = fetch->next;
    if (fetch == NULL)
        return;
    if (filed->status == TD_OK)
        finish(fetch, filed->attachment->id, NULL);
    else if (filed->status == TD_RETRY)
        later(fetch, filed->retry_after_ms);
    else
        never(fetch, filed->detail);
}

/* ---- The beginning ------------------------------------------------------------------------ */

/* -1: no memory. */
static int copy(char **to, const char *from)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from != NULL && *to == NULL ? -1 : 0;
}

void files_fetch(struct webhook *hook, struct batch *batch, const struct td_inbound *in,
                 const char *file, const char *name)
{
    const struct td_message *m = in->message;
    struct fetch *fetch = hook->n_fetches < MAX_FETCHES ? calloc(1, sizeof *fetch) : NULL;

    if (fetch == NULL) {
        in_again(batch, 0);
        return;
    }
    fetch->hook = hook;
    fetch->batch = batch;
    fetch->at_ms = m->at_ms;
    fetch->next = hook->fetches;
    if (fetch->next != NULL)
        fetch->next->prev = fetch;
    hook->fetches = fetch;
    hook->n_fetches++;
    in_hold(batch);
    if (copy(&fetch->id, m->id) != 0 || copy(&fetch->peer, in->peer) != 0 ||
        copy(&fetch->text, m->text) != 0 || copy(&fetch->choice, m->choice) != 0 ||
        copy(&fetch->account, in->account) != 0 || copy(&fetch->file_name, name) != 0 ||
        copy(&fetch->customer, in->customer != NULL ? in->customer->name : NULL) != 0)
        later(fetch, 0);
    else if (strlen(file) >= sizeof fetch->value)
        never(fetch, "its address is too long");
    else {
        snprintf(fetch->value, sizeof fetch->value, "%s", file);
        go_on(fetch);
    }
}

static int check_url(const char *key, const char *url, struct td_error *err)
{
    if (url == NULL)
        return 0;
    if (strstr(url, "{file}") != NULL)
        return template_check_url(key, url, err);
    snprintf(err->text, sizeof err->text, "%s '%.200s' is not a URL with {file} in it", key, url);
    return -1;
}

int files_open(struct webhook *hook, struct td_error *err)
{
    const struct conf *conf = hook->conf;

    if (pointers_parse(&hook->file, conf->in_file, err) != 0 ||
        pointers_parse(&hook->file_name, conf->in_file_name, err) != 0 ||
        pointers_parse(&hook->file_found, conf->file_found, err) != 0 ||
        check_url("file_lookup", conf->file_lookup, err) != 0 ||
        check_url("file_url", conf->file_url, err) != 0)
        return -1;
    if (hook->file.n > 0 && conf->file_url == NULL && conf->file_hosts[0] == NULL) {
        snprintf(err->text, sizeof err->text,
                 "in_file needs file_url, or file_hosts: files are not fetched from anywhere");
        return -1;
    }
    return 0;
}

void files_close(struct webhook *hook)
{
    while (hook->fetches != NULL) {
        in_again(hook->fetches->batch, 0);
        fetch_free(hook->fetches);
    }
    pointers_fini(&hook->file);
    pointers_fini(&hook->file_name);
    pointers_fini(&hook->file_found);
}
