/* webhook_out.c - from a message to a provider's request, and from its answer to what became of it. */
#include "config.h"

#include <inttypes.h>
#include <strings.h>
#include <uthash.h>

#include "channels/webhook_private.h"
#include "channels/webhook_template.h"

#define MAX_URL 2048
#define MAX_HEADERS 16 /* of the conf */
#define MAX_HEADER 1024
#define OWN_HEADERS 6

struct job {
    UT_hash_handle hh;
    struct webhook *hook;
    uint64_t id, seq;
    char session[RECEIPT_SESSION];
    struct td_http *http;
};

static void job_free(struct job *job)
{
    HASH_DEL(job->hook->jobs, job);
    job->hook->host->http_cancel(&job->http);
    free(job);
}

static void tell_sent(struct webhook *hook, uint64_t id, enum td_status status, const char *detail,
                      int64_t retry_after_ms, int gone)
{
    const struct td_sent sent = {
        .size = sizeof sent,
        .status = status,
        .uncertain = status == TD_OK && detail != NULL,
        .detail = status == TD_OK ? NULL : detail,
        .unreachable = status == TD_REJECT && gone,
        .retry_after_ms = retry_after_ms <= 0          ? 0
                          : retry_after_ms > UINT32_MAX ? UINT32_MAX
                                                        : (uint32_t)retry_after_ms,
    };

    hook->host->sent(hook->inst, id, &sent);
}

static void say_sent(struct webhook *hook, uint64_t id, enum td_status status, const char *detail,
                     int64_t retry_after_ms)
{
    tell_sent(hook, id, status, detail, retry_after_ms, 0);
}

/* ---- What became of it -------------------------------------------------------------------- */

/* What was perhaps sent is sent again only when the provider knows how to tell. */
static enum td_status status_of_failure(const struct webhook *hook, enum td_http_failure failure)
{
    switch (failure) {
    case TD_HTTP_BAD_URL: return TD_CONF;
    case TD_HTTP_RESOLVE:
    case TD_HTTP_CONNECT:
    case TD_HTTP_TLS: return TD_RETRY;
    case TD_HTTP_TIMEOUT:
    case TD_HTTP_BROKEN:
    case TD_HTTP_TOO_LARGE:
    case TD_HTTP_OK: break;
    }
    return hook->conf->idempotency_header != NULL && failure != TD_HTTP_TOO_LARGE ? TD_RETRY
                                                                                  : TD_OK;
}

static enum td_status status_of_http(int status)
{
    return status == 408 || status == 429 || status >= 500 ? TD_RETRY
           : status == 401 || status == 403                ? TD_AUTH
           : status >= 400                                 ? TD_REJECT
                                                           : TD_CONF;
}

/* A receipt that was there before the answer comes after it. */
static void take_id(struct webhook *hook, const struct job *job, const char *id)
{
    struct receipt receipt;

    if (receipts_sent(&hook->receipts, id, job->session, job->seq, &receipt))
        known_tell(hook, &receipt, NULL);
}

static void take_answer(struct webhook *hook, const struct job *job,
                        const struct td_http_response *response)
{
    cJSON *root = td_json_parse(response->body, response->body_len, NULL, NULL, 0);
    const struct place top = { .node = { root } };
    char buf[POINTER_TEXT];
    const char *id;

    if (hook->conf->reply_ok != NULL && !cJSON_IsTrue(pointer_get(&hook->reply_ok, &top))) {
        say_sent(hook, job->id, TD_REJECT, "the provider's answer does not say that it took it",
                 0);
    } else {
        id = pointers_text(&hook->reply_id, &top, buf);
        if (id != NULL) /* first, so that it is on disk when the host's note is that it was sent */
            known_put(hook, id, job->session, job->seq);
        say_sent(hook, job->id, TD_OK, NULL, 0);
        if (id != NULL)
            take_id(hook, job, id);
    }
    cJSON_Delete(root);
}

static void on_response(void *arg, const struct td_http_response *response)
{
    struct job *job = arg;
    struct webhook *hook = job->hook;
    char detail[128];

    job->http = NULL; /* it has ended: the host has freed it */
    if (response->failure != TD_HTTP_OK) {
        say_sent(hook, job->id, status_of_failure(hook, response->failure), response->detail, 0);
    } else if (response->status < 200 || response->status > 299) {
        snprintf(detail, sizeof detail, "the provider answered HTTP %d%s", response->status,
                 response->status >= 300 && response->status < 400
                     ? ", and redirects are not followed" : "");
        tell_sent(hook, job->id, status_of_http(response->status), detail,
                  response->retry_after_ms, response->status == 410);
    } else {
        take_answer(hook, job, response);
    }
    job_free(job);
}

/* ---- The request -------------------------------------------------------------------------- */

static void write_choices(const struct conf *conf, struct td_json *json,
                          const struct td_message *message)
{
    struct td_json one = { 0 };

    td_json_array(json);
    for (size_t i = 0; i < message->n_choices; i++) {
        const struct template_value values[] = {
            { "title", message->choices[i]->title, NULL },
            { "value", message->choices[i]->value, NULL },
            { NULL, NULL, NULL },
        };

        td_json_clear(&one);
        template_write(&one, conf->choice, values);
        json->failed |= one.failed;
        td_json_raw(json, td_json_text(&one), td_json_len(&one));
    }
    td_json_array_end(json);
    td_json_free(&one);
}

/* The choices as lines under the text, for who cannot show them otherwise; NULL: no memory. */
static char *with_lines(const struct td_message *message)
{
    const char *text = message->text != NULL ? message->text : "";
    size_t size = strlen(text) + 1, n;
    char *all;

    for (size_t i = 0; i < message->n_choices; i++)
        size += strlen(message->choices[i]->title) + 3;
    all = malloc(size);
    if (all == NULL)
        return NULL;
    n = (size_t)snprintf(all, size, "%s", text);
    for (size_t i = 0; i < message->n_choices; i++)
        n += (size_t)snprintf(all + n, size - n, "%s- %s", n > 0 ? "\n" : "",
                              message->choices[i]->title);
    return all;
}

/* Into hook->body. */
static int write_body(struct webhook *hook, const struct td_outbound *out)
{
    const struct conf *conf = hook->conf;
    const struct td_message *message = out->message;
    int buttons = message->n_choices > 0 && conf->body_choices != NULL &&
                  message->n_choices <= (size_t)conf->max_choices;
    struct td_json choices = { 0 };
    char *text = buttons || message->n_choices == 0 ? NULL : with_lines(message);

    if (buttons)
        write_choices(conf, &choices, message);
    const struct template_value values[] = {
        { "peer", out->peer, NULL },
        { "text", text != NULL ? text : message->text != NULL ? message->text : "", NULL },
        { "id", message->id, NULL },
        { "account", out->account, NULL },
        { "session", out->session, NULL },
        { "choices", NULL, buttons ? td_json_text(&choices) : "[]" },
        { NULL, NULL, NULL },
    };

    td_json_clear(&hook->body);
    template_write(&hook->body, buttons ? conf->body_choices : conf->body, values);
    hook->body.failed |= choices.failed;
    td_json_free(&choices);
    free(text);
    return hook->body.failed ? -1 : 0;
}

struct own_headers {
    struct td_header list[MAX_HEADERS + OWN_HEADERS];
    size_t n;
    char conf[MAX_HEADERS][MAX_HEADER];
    char bearer[MAX_HEADER], timestamp[24], standard[SIGN_STANDARD], hex[SIGN_HEX + 7];
};

static void add(struct own_headers *h, const char *name, const char *value)
{
    h->list[h->n++] = (struct td_header){ name, value };
}

/* "Name: value" of the conf, checked when it was opened. */
static void add_from_conf(struct own_headers *h, size_t i, const char *line)
{
    char *colon;

    snprintf(h->conf[i], sizeof h->conf[i], "%s", line);
    colon = strchr(h->conf[i], ':');
    *colon = '\0';
    add(h, h->conf[i], colon + 1 + strspn(colon + 1, " \t"));
}

/* Signs what stands in hook->body. */
static int write_headers(struct webhook *hook, const char *id, struct own_headers *h)
{
    const struct conf *conf = hook->conf;
    const char *body = td_json_text(&hook->body);
    size_t len = td_json_len(&hook->body);

    add(h, "Content-Type", "application/json");
    for (size_t i = 0; conf->headers[i] != NULL; i++)
        add_from_conf(h, i, conf->headers[i]);
    if (conf->idempotency_header != NULL)
        add(h, conf->idempotency_header, id);
    switch (conf->auth) {
    case AUTH_BEARER:
        snprintf(h->bearer, sizeof h->bearer, "Bearer %s", conf->auth_secret);
        add(h, "Authorization", h->bearer);
        break;
    case AUTH_STANDARD:
        snprintf(h->timestamp, sizeof h->timestamp, "%" PRId64,
                 hook->host->now(hook->inst) / 1000);
        add(h, "webhook-id", id);
        add(h, "webhook-timestamp", h->timestamp);
        add(h, "webhook-signature", h->standard);
        return sign_standard(hook->out_keys, id, h->timestamp, body, len, h->standard);
    case AUTH_META:
        snprintf(h->hex, sizeof h->hex, "sha256=");
        add(h, "X-Hub-Signature-256", h->hex);
        return sign_hex(hook->out_keys, body, len, h->hex + 7);
    default: break;
    }
    return 0;
}

static int write_url(const struct webhook *hook, const struct td_outbound *out, char url_r[MAX_URL])
{
    const struct template_value values[] = {
        { "peer", out->peer, NULL },
        { "account", out->account, NULL },
        { "id", out->message->id, NULL },
        { "secret", hook->conf->auth_secret, NULL },
        { NULL, NULL, NULL },
    };

    return template_url(url_r, MAX_URL, hook->conf->url, values);
}

static struct td_http *post(struct job *job, const char *url, const char *id)
{
    struct webhook *hook = job->hook;
    struct own_headers headers = { .n = 0 };
    const struct td_http_request request = {
        .size = sizeof request,
        .method = "POST",
        .url = url,
        .headers = headers.list,
        .n_headers = write_headers(hook, id, &headers) == 0 ? headers.n : 0,
        .body = td_json_text(&hook->body),
        .body_len = td_json_len(&hook->body),
        .timeout_ms = (uint32_t)hook->conf->timeout,
    };

    return request.n_headers > 0 ? hook->host->http_start(hook->inst, &request, on_response, job)
                                 : NULL;
}

void out_send(struct webhook *hook, uint64_t id, const struct td_outbound *out)
{
    char url[MAX_URL];
    struct job *job;

    if (write_url(hook, out, url) != 0) {
        say_sent(hook, id, TD_REJECT, "the customer's address does not fit into the url", 0);
        return;
    }
    job = calloc(1, sizeof *job);
    if (job == NULL || write_body(hook, out) != 0) {
        free(job);
        say_sent(hook, id, TD_RETRY, "out of memory", 0);
        return;
    }
    job->hook = hook;
    job->id = id;
    job->seq = out->message->seq;
    snprintf(job->session, sizeof job->session, "%s", out->session);
    HASH_ADD(hh, hook->jobs, id, sizeof job->id, job);
    job->http = post(job, url, out->message->id);
    if (job->http == NULL) {
        job_free(job);
        say_sent(hook, id, TD_RETRY, "the request could not be made or queued", 0);
    }
}

int64_t out_window(const struct webhook *hook, const struct td_message *message)
{
    const int64_t at = message->at_ms > 0 ? message->at_ms : hook->host->now(hook->inst);

    return hook->conf->window > 0 && message->author == TD_CUSTOMER ? at + hook->conf->window : 0;
}

/* ---- The instance ------------------------------------------------------------------------- */

static int is_header_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr(":()<>@,;\\\"/[]?={}", text[i]) != NULL)
            return 0;
    }
    return len > 0 && len < 128;
}

static int check_headers(const struct conf *conf, struct td_error *err)
{
    for (size_t i = 0; conf->headers[i] != NULL; i++) {
        const char *line = conf->headers[i], *colon = strchr(line, ':');

        if (i == MAX_HEADERS || colon == NULL || strlen(line) >= MAX_HEADER ||
            !is_header_name(line, (size_t)(colon - line))) {
            snprintf(err->text, sizeof err->text,
                     "header %zu is not 'Name: value', is too long, or one too many", i + 1);
            return -1;
        }
    }
    if (conf->idempotency_header != NULL &&
        !is_header_name(conf->idempotency_header, strlen(conf->idempotency_header))) {
        snprintf(err->text, sizeof err->text, "idempotency_header is not the name of a header");
        return -1;
    }
    return 0;
}

static int check_templates(const struct conf *conf, struct td_error *err)
{
    static const struct template_value one[] = { { "title", "x", NULL }, { "value", "x", NULL },
                                                 { NULL, NULL, NULL } };
    static const struct template_value all[] = {
        { "peer", "x", NULL },    { "text", "x", NULL },    { "id", "x", NULL },
        { "account", "x", NULL }, { "session", "x", NULL }, { "choices", NULL, "[]" },
        { NULL, NULL, NULL },
    };

    return template_check("body", conf->body, all, err) != 0 ||
           template_check("choice", conf->choice, one, err) != 0 ||
           (conf->body_choices != NULL &&
            template_check("body_choices", conf->body_choices, all, err) != 0) ? -1 : 0;
}

int out_open(struct webhook *hook, struct td_error *err)
{
    const struct conf *conf = hook->conf;
    int in_url = strstr(conf->url, "{secret}") != NULL;

    if (template_check_url("url", conf->url, err) != 0)
        return -1;
    if ((conf->auth != AUTH_NONE || in_url) && conf->auth_secret == NULL) {
        snprintf(err->text, sizeof err->text, "auth_secret is missing");
        return -1;
    }
    if ((conf->auth == AUTH_BEARER || in_url) &&
        (strlen(conf->auth_secret) > MAX_HEADER - 16 ||
         conf->auth_secret[strcspn(conf->auth_secret, "\r\n")] != '\0')) {
        snprintf(err->text, sizeof err->text, "auth_secret is a token of more than one line, or "
                 "too long");
        return -1;
    }
    if (conf->auth == AUTH_STANDARD || conf->auth == AUTH_META) {
        hook->out_keys = sign_keys_new(conf->auth_secret, conf->auth == AUTH_STANDARD, err);
        if (hook->out_keys == NULL)
            return -1;
    }
    return check_headers(conf, err) != 0 || check_templates(conf, err) != 0 ||
           pointers_parse(&hook->reply_id, conf->reply_id, err) != 0 ||
           (conf->reply_ok != NULL && pointer_parse(&hook->reply_ok, conf->reply_ok, 0, err) != 0)
               ? -1 : 0;
}

void out_close(struct webhook *hook)
{
    struct job *job, *next;

    HASH_ITER (hh, hook->jobs, job, next)
        job_free(job); /* the host answers them itself */
    sign_keys_free(&hook->out_keys);
    pointers_fini(&hook->reply_id);
    pointer_fini(&hook->reply_ok);
    td_json_free(&hook->body);
}
