/* smshttp_request.c - writes what a provider is asked, and reads what it says to it. */
#include "config.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json_write.h>

#include "channels/shared/sms_text.h"
#include "channels/smshttp_private.h"

#define MAX_URL 1024

/* ---- The request -------------------------------------------------------------------------- */

static char *number_for(const struct smshttp *sms, const char *number)
{
    return strdup(number + (sms->provider->plain_numbers && number[0] == '+'));
}

/* malloc()ed; NULL: no memory, or the field is left out. */
static char *value_of(const struct smshttp *sms, const struct sms_request *request,
                      const struct provider_field *field)
{
    struct sms_need need;

    switch (field->value) {
    case VALUE_END: break;
    case VALUE_WORD: return strdup(field->text);
    case VALUE_SENDER: return number_for(sms, request->sender);
    case VALUE_PEER: return number_for(sms, request->peer);
    case VALUE_TEXT: return strndup(request->text, request->len);
    case VALUE_ID: return strdup(request->id);
    case VALUE_ACCOUNT: return strdup(sms->conf->account);
    case VALUE_TOKEN: return strdup(sms->tokens.word[0]);
    case VALUE_CALLBACK:
        return sms->conf->public_url != NULL ? strdup(sms->conf->public_url) : NULL;
    case VALUE_ALPHABET:
        sms_need(request->text, request->len, &need);
        return strdup(need.is_gsm ? "text" : "unicode");
    }
    return NULL;
}

/* Not JSON: no comma before it. */
static void put_raw(struct td_json *to, const char *text)
{
    to->comma = 0;
    td_json_raw(to, text, strlen(text));
    to->comma = 0;
}

static void put_form(struct td_json *to, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        const char plain[] = { *text, '\0' }, escaped[] = { '%', hex[c >> 4], hex[c & 15], '\0' };
        const int is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;

        put_raw(to, is_plain ? plain : escaped);
    }
}

static void write_body(const struct smshttp *sms, const struct sms_request *request,
                       struct td_json *body)
{
    const struct provider *provider = sms->provider;
    const char *between = "";

    if (provider->is_json)
        td_json_object(body);
    for (const struct provider_field *f = provider->body; f->value != VALUE_END; f++) {
        char *value = value_of(sms, request, f);

        if (value == NULL)
            continue;
        if (provider->is_json) {
            td_json_key_str(body, f->name, value);
        } else {
            put_raw(body, between);
            put_form(body, f->name);
            put_raw(body, "=");
            put_form(body, value);
            between = "&";
        }
        free(value);
    }
    if (provider->is_json)
        td_json_object_end(body);
}

/* api_url and the path, {account} filled in. */
static void write_url(const struct smshttp *sms, char url[MAX_URL])
{
    static const char mark[] = "{account}";
    const char *api = sms->conf->api_url != NULL ? sms->conf->api_url : sms->provider->api;
    const char *path = sms->provider->path, *at = strstr(path, mark);

    if (at != NULL)
        snprintf(url, MAX_URL, "%s%.*s%s%s", api, (int)(at - path), path, sms->conf->account,
                 at + sizeof mark - 1);
    else
        snprintf(url, MAX_URL, "%s%s", api, path);
}

void request_basic(const struct smshttp *sms, char header[BASIC_SIZE])
{
    char plain[BASIC_SIZE / 2];
    const int n = snprintf(plain, sizeof plain, "%s:%s", sms->conf->account, sms->tokens.word[0]);

    strcpy(header, "Basic ");
    EVP_EncodeBlock((uint8_t *)header + 6, (const uint8_t *)plain,
                    n < (int)sizeof plain ? n : (int)sizeof plain - 1);
}

struct td_http *request_start(struct smshttp *sms, const struct sms_request *request,
                              td_http_cb *cb, void *arg)
{
    const struct provider *provider = sms->provider;
    struct td_json body = { 0 };
    char url[MAX_URL], basic[BASIC_SIZE];
    struct td_header headers[3];
    size_t n = 0;
    struct td_http *http = NULL;

    headers[n++] = (struct td_header){ "Content-Type", provider->is_json
                                                           ? "application/json"
                                                           : "application/x-www-form-urlencoded" };
    if (provider->is_basic) {
        request_basic(sms, basic);
        headers[n++] = (struct td_header){ "Authorization", basic };
    }
    if (provider->idempotency_header != NULL)
        headers[n++] = (struct td_header){ provider->idempotency_header, request->id };
    write_url(sms, url);
    write_body(sms, request, &body);
    if (!body.failed)
        http = sms->host->http_start(sms->inst, &(struct td_http_request){
            .size = sizeof(struct td_http_request), .method = "POST", .url = url,
            .headers = headers, .n_headers = n, .body = td_json_text(&body),
            .body_len = td_json_len(&body), .timeout_ms = (uint32_t)sms->conf->timeout,
            .max_response = 65536 }, cb, arg);
    td_json_free(&body);
    return http;
}

/* ---- The answer --------------------------------------------------------------------------- */

static const char *first_of(const struct fields *fields, const char *const *names,
                            char buf[FIELDS_NUMBER])
{
    const char *value = NULL;

    for (; names != NULL && *names != NULL && value == NULL; names++)
        value = fields_get(fields, *names, buf);
    return value;
}

static enum provider_error error_of_http(int status)
{
    return status == 429                                                   ? ERROR_THROTTLED
           : status == 408 || status >= 500                                ? ERROR_BUSY
           : status == 401 || status == 402 || status == 403 || status / 100 == 3 ? ERROR_AUTH
                                                                           : ERROR_REFUSED;
}

static enum provider_error error_of(const struct smshttp *sms, const char *code, int status)
{
    const struct provider_code *row = sms->provider->codes;

    for (const char *const *own = sms->conf->opted_out_errors; *own != NULL; own++) {
        if (code != NULL && strcmp(*own, code) == 0)
            return ERROR_OPTED_OUT;
    }
    while (row->code != NULL && (code == NULL || strcmp(row->code, code) != 0))
        row++;
    return row->code != NULL ? row->error : error_of_http(status);
}

static void judge_failure(const struct smshttp *sms, const struct td_http_response *response,
                          struct request_answer *answer)
{
    snprintf(answer->why, sizeof answer->why, "%s", response->detail);
    answer->error = ERROR_BUSY;
    answer->end = REQUEST_AGAIN;
    if (response->failure == TD_HTTP_BAD_URL)
        answer->error = ERROR_AUTH;
    else if ((response->failure == TD_HTTP_TIMEOUT || response->failure == TD_HTTP_BROKEN ||
              response->failure == TD_HTTP_TOO_LARGE) &&
             sms->provider->idempotency_header == NULL)
        answer->end = REQUEST_UNCERTAIN; /* it may have been heard, and would be heard twice */
}

void request_judge(const struct smshttp *sms, const struct td_http_response *response,
                   struct request_answer *answer)
{
    const struct provider *provider = sms->provider;
    char code_buf[FIELDS_NUMBER], words_buf[FIELDS_NUMBER];
    const char *code, *words;

    memset(answer, 0, sizeof *answer);
    if (response->failure != TD_HTTP_OK) {
        judge_failure(sms, response, answer);
        return;
    }
    fields_json(&answer->fields, response->body, response->body_len);
    code = first_of(&answer->fields, provider->reply_error, code_buf);
    words = first_of(&answer->fields, provider->reply_words, words_buf);
    if (code != NULL && provider->fine != NULL && strcmp(code, provider->fine) == 0)
        code = NULL;
    if (response->status / 100 == 2 && code == NULL) {
        answer->end = REQUEST_SENT;
        return;
    }
    answer->error = error_of(sms, code, response->status);
    answer->end = answer->error == ERROR_REFUSED || answer->error == ERROR_ADDRESS ||
                          answer->error == ERROR_OPTED_OUT
                      ? REQUEST_FAILED : REQUEST_AGAIN;
    if (response->retry_after_ms > 0)
        answer->retry_ms = response->retry_after_ms < 3600000
                               ? (uint32_t)response->retry_after_ms : 3600000;
    snprintf(answer->why, sizeof answer->why, "the provider answered HTTP %d%s%.20s%s%.80s",
             response->status, code != NULL ? ", " : "", code != NULL ? code : "",
             words != NULL ? ": " : "", words != NULL ? words : "");
    for (char *at = answer->why; *at != '\0'; at++)
        *at = (unsigned char)*at < 0x80 ? *at : '?'; /* it may have been cut within a letter */
}
