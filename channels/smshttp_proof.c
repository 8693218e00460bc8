/* smshttp_proof.c - the signatures of Twilio and Vonage. */
#include "config.h"

#include "channels/smshttp_proof.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <tandem/json.h>

#define BLANKS " \t\r\n"
#define MAX_HEX (2 * EVP_MAX_MD_SIZE + 1)
#define MAX_JWT 4096
#define MAX_URL 2048

int secrets_read(struct secrets *secrets, const char *key, const char *text, struct td_error *err)
{
    char *at, *rest;

    memset(secrets, 0, sizeof *secrets);
    secrets->text = strdup(text != NULL ? text : "");
    if (secrets->text == NULL)
        return -1;
    for (at = strtok_r(secrets->text, BLANKS, &rest); at != NULL;
         at = strtok_r(NULL, BLANKS, &rest)) {
        if (secrets->n == PROOF_SECRETS) {
            snprintf(err->text, sizeof err->text, "%s holds more than %d secrets", key,
                     PROOF_SECRETS);
            return -1;
        }
        secrets->word[secrets->n++] = at;
    }
    if (secrets->n > 0)
        return 0;
    snprintf(err->text, sizeof err->text, "%s is empty: nothing that comes could be verified", key);
    return -1;
}

void secrets_fini(struct secrets *secrets)
{
    free(secrets->text);
    memset(secrets, 0, sizeof *secrets);
}

/* ---- Helpers ------------------------------------------------------------------------------ */

/* What is signed, put together in memory that has room for all of it. */
struct text {
    char *data; /* NULL: no memory */
    size_t len;
};

/* Room for the fields with two letters more each, and for `more` bytes. */
static struct text text_new(const struct fields *fields, size_t more)
{
    for (size_t i = 0; i < fields->n; i++)
        more += strlen(fields->list[i].name) + strlen(fields->list[i].value) + 2;
    return (struct text){ .data = malloc(more + 1) };
}

static void put(struct text *to, const char *text)
{
    const size_t len = strlen(text);

    memcpy(to->data + to->len, text, len);
    to->len += len;
}

static const char *header_of(const struct td_web_request *request, const char *name)
{
    const char *found = NULL;

    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0)
            continue;
        if (found != NULL)
            return NULL; /* which one would count? */
        found = request->headers[i].value;
    }
    return found;
}

static int is_equal(const char *one, const char *other)
{
    const size_t len = strlen(one);

    return len == strlen(other) && CRYPTO_memcmp(one, other, len) == 0;
}

static void to_hex(const uint8_t *bytes, size_t n, char hex[MAX_HEX])
{
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    hex[2 * n] = '\0';
}

static void hash_hex(const char *data, size_t len, char hex[MAX_HEX])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    hex[0] = '\0';
    if (EVP_Digest(data, len, hash, &n, EVP_sha256(), NULL) == 1)
        to_hex(hash, n, hex);
}

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
}

static int by_name(const void *a, const void *b)
{
    const struct field *const *one = a, *const *other = b;
    const int cmp = strcmp((*one)->name, (*other)->name);

    return cmp != 0 ? cmp : strcmp((*one)->value, (*other)->value);
}

/* All fields, by name and value. */
static size_t sorted(const struct fields *fields, const struct field *list[FIELDS_MAX])
{
    for (size_t i = 0; i < fields->n; i++)
        list[i] = &fields->list[i];
    qsort(list, fields->n, sizeof *list, by_name);
    return fields->n;
}

/* ---- Twilio ------------------------------------------------------------------------------- */

/* The form after the URL: sorted names with their values, none twice. */
static void put_form(struct text *to, const struct fields *fields)
{
    const struct field *list[FIELDS_MAX];
    const size_t n = sorted(fields, list);

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && by_name(&list[i - 1], &list[i]) == 0)
            continue;
        put(to, list[i]->name);
        put(to, list[i]->value);
    }
}

/* HMAC-SHA1, unless the header of its settings names another; NULL: one that is not known. */
static const EVP_MD *twilio_hash(const struct td_web_request *request)
{
    const char *settings = header_of(request, "x-twilio-webhooks-signature-settings");
    const char *at = settings != NULL ? strstr(settings, "algorithm=") : NULL;

    if (at == NULL || strncasecmp(at + 10, "HMAC_SHA1", 9) == 0)
        return EVP_sha1();
    return strncasecmp(at + 10, "HMAC_SHA256", 11) == 0 ? EVP_sha256() : NULL;
}

static int is_signed_so(const struct proof *proof, const char *url, const char *signature)
{
    const EVP_MD *kind = twilio_hash(proof->request);
    const char *query = proof->request->query;
    struct text data = text_new(proof->fields, strlen(url) + strlen(query) + 1);
    int fits = 0;

    if (data.data == NULL || kind == NULL) {
        free(data.data);
        return 0;
    }
    put(&data, url);
    if (query[0] != '\0') {
        put(&data, "?");
        put(&data, query);
    }
    if (strcmp(proof->request->method, "POST") == 0)
        put_form(&data, proof->fields);
    for (size_t i = 0; i < proof->secrets->n; i++) {
        const char *secret = proof->secrets->word[i];
        uint8_t hash[EVP_MAX_MD_SIZE];
        char text[2 * EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (HMAC(kind, secret, (int)strlen(secret), (const uint8_t *)data.data, data.len,
                 hash, &n) == NULL)
            continue;
        EVP_EncodeBlock((uint8_t *)text, hash, (int)n);
        fits |= is_equal(text, signature);
    }
    free(data.data);
    return fits;
}

/* The URL with the usual port of its scheme written out, or left out. -1: it has another. */
static int other_port(const char *url, char out[MAX_URL])
{
    const int is_tls = strncmp(url, "https://", 8) == 0;
    const char *port = is_tls ? ":443" : ":80", *host = url + (is_tls ? 8 : 7);
    const size_t host_len = strcspn(host, "/"), head = (size_t)(host - url) + host_len;
    const size_t port_len = strlen(port);

    if (strncmp(url, "http", 4) != 0 || strlen(url) + 8 > MAX_URL)
        return -1;
    if (host_len > port_len && strncmp(host + host_len - port_len, port, port_len) == 0)
        snprintf(out, MAX_URL, "%.*s%s", (int)(head - port_len), url, url + head);
    else if (memchr(host, ':', host_len) == NULL)
        snprintf(out, MAX_URL, "%.*s%s%s", (int)head, url, port, url + head);
    else
        return -1;
    return 0;
}

/* The hash of a body that is no form stands in the query, which is signed. */
static int fits_body(const struct td_web_request *request)
{
    static const char name[] = "bodySHA256=";
    const char *at = request->query;
    char hex[MAX_HEX];

    while (at != NULL && strncmp(at, name, sizeof name - 1) != 0)
        at = (at = strchr(at, '&')) != NULL ? at + 1 : NULL;
    hash_hex(request->body, request->body_len, hex);
    if (at == NULL)
        return 0;
    at += sizeof name - 1;
    return strcspn(at, "&") == strlen(hex) && strncasecmp(at, hex, strlen(hex)) == 0;
}

int proof_twilio(const struct proof *proof)
{
    const char *signature = header_of(proof->request, "x-twilio-signature");
    char other[MAX_URL];

    if (signature == NULL || (proof->fields->root != NULL && !fits_body(proof->request)))
        return 0;
    return is_signed_so(proof, proof->url, signature) ||
           (other_port(proof->url, other) == 0 && is_signed_so(proof, other, signature));
}

/* ---- Vonage: sig -------------------------------------------------------------------------- */

static int is_recent(const struct proof *proof, double at_s)
{
    const double apart = at_s * 1000 - (double)proof->now_ms;

    return apart <= (double)proof->skew_ms && -apart <= (double)proof->skew_ms;
}

/* The fields of an object of JSON as those of a form; numbers in bufs. -1: some are no words, or there
 * are too many: those would not be signed. */
static int flatten(const struct fields *from, struct fields *to,
                   char bufs[FIELDS_MAX][FIELDS_NUMBER])
{
    const cJSON *node = from->root != NULL ? from->root->child : NULL;

    *to = (struct fields){ .n = from->n };
    memcpy(to->list, from->list, from->n * sizeof to->list[0]);
    for (; node != NULL; node = node->next) {
        const char *value = cJSON_IsString(node) ? node->valuestring
                            : cJSON_IsTrue(node) ? "true" : cJSON_IsFalse(node) ? "false" : NULL;

        if (to->n == FIELDS_MAX || cJSON_IsObject(node) || cJSON_IsArray(node))
            return -1;
        if (cJSON_IsNumber(node)) {
            snprintf(bufs[to->n], FIELDS_NUMBER, "%.15g", node->valuedouble);
            value = bufs[to->n];
        }
        if (value != NULL)
            to->list[to->n++] = (struct field){ node->string, value };
    }
    return 0;
}

/* "&name=value" of all but sig, "&" and "=" in values written as "_". */
static void put_sorted(struct text *to, const struct fields *fields)
{
    const struct field *list[FIELDS_MAX];
    const size_t n = sorted(fields, list);
    size_t from;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i]->name, "sig") == 0)
            continue;
        put(to, "&");
        put(to, list[i]->name);
        put(to, "=");
        from = to->len;
        put(to, list[i]->value);
        for (; from < to->len; from++) {
            if (to->data[from] == '&' || to->data[from] == '=')
                to->data[from] = '_';
        }
    }
}

static int sig_of(const struct proof *proof, const struct text *text, const char *secret,
                  char hex[MAX_HEX])
{
    const EVP_MD *const kinds[] = { EVP_sha256(), EVP_sha512(), EVP_sha1(), EVP_md5() };
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *ctx;
    int ok;

    if (proof->hash != HASH_MD5) {
        ok = HMAC(kinds[proof->hash], secret, (int)strlen(secret), (const uint8_t *)text->data,
                  text->len, hash, &n) != NULL;
    } else { /* the secret behind the text, no HMAC: so it is */
        ctx = EVP_MD_CTX_new();
        ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 &&
             EVP_DigestUpdate(ctx, text->data, text->len) == 1 &&
             EVP_DigestUpdate(ctx, secret, strlen(secret)) == 1 &&
             EVP_DigestFinal_ex(ctx, hash, &n) == 1;
        EVP_MD_CTX_free(ctx);
    }
    if (ok)
        to_hex(hash, n, hex);
    return ok;
}

static int is_signed_by_sig(const struct proof *proof)
{
    char bufs[FIELDS_MAX][FIELDS_NUMBER], buf[FIELDS_NUMBER], sig[MAX_HEX], hex[MAX_HEX];
    struct fields flat;
    struct text text;
    const char *said, *stamp;
    int fits = 0;

    if (flatten(proof->fields, &flat, bufs) != 0)
        return 0;
    said = fields_get(&flat, "sig", buf);
    stamp = fields_get(&flat, "timestamp", buf);
    if (said == NULL || strlen(said) >= sizeof sig || stamp == NULL ||
        stamp[strspn(stamp, "0123456789")] != '\0' || !is_recent(proof, strtod(stamp, NULL)))
        return 0;
    snprintf(sig, sizeof sig, "%s", said);
    lower(sig);
    text = text_new(&flat, 0);
    if (text.data == NULL)
        return 0;
    put_sorted(&text, &flat);
    for (size_t i = 0; i < proof->secrets->n; i++)
        fits |= sig_of(proof, &text, proof->secrets->word[i], hex) && is_equal(hex, sig);
    free(text.data);
    return fits;
}

/* ---- Vonage: JWT -------------------------------------------------------------------------- */

/* base64url without padding, into bytes with a NUL behind them. -1: it is not that. */
static int from_base64url(const char *text, size_t len, char out[MAX_JWT])
{
    char padded[MAX_JWT + 4];
    size_t n = 0;
    int got;

    if (len == 0 || len + 4 > MAX_JWT)
        return -1;
    for (; n < len; n++)
        padded[n] = text[n] == '-' ? '+' : text[n] == '_' ? '/' : text[n];
    while (n % 4 != 0)
        padded[n++] = '=';
    got = EVP_DecodeBlock((uint8_t *)out, (const uint8_t *)padded, (int)n);
    if (got < 0)
        return -1;
    got -= (int)(n - len);
    out[got] = '\0';
    return got;
}

static cJSON *json_of(const char *text, size_t len)
{
    char bytes[MAX_JWT];
    const int n = from_base64url(text, len, bytes);

    return n > 0 ? td_json_parse(bytes, (size_t)n, NULL, NULL, 0) : NULL;
}

static int is_hs256(const struct proof *proof, const char *token, size_t signed_len,
                    const char *signature)
{
    char said[MAX_JWT];
    int fits = 0;

    if (from_base64url(signature, strlen(signature), said) != 32)
        return 0;
    for (size_t i = 0; i < proof->secrets->n; i++) {
        const char *secret = proof->secrets->word[i];
        uint8_t hash[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)token, signed_len,
                 hash, &n) != NULL)
            fits |= CRYPTO_memcmp(hash, said, 32) == 0;
    }
    return fits;
}

/* What it claims: of now, over this body, for this account. */
static int claims_fit(const struct proof *proof, const cJSON *claims)
{
    const char *hash = td_json_get_str(claims, "payload_hash");
    const char *key = td_json_get_str(claims, "api_key");
    char hex[MAX_HEX];
    double at, until;

    hash_hex(proof->request->body, proof->request->body_len, hex);
    if (td_json_get_num(claims, "iat", &at) != 1 || !is_recent(proof, at) || hash == NULL ||
        strcasecmp(hash, hex) != 0 || (key != NULL && strcmp(key, proof->account) != 0))
        return 0;
    return td_json_get_num(claims, "exp", &until) != 1 ||
           until * 1000 + (double)proof->skew_ms >= (double)proof->now_ms;
}

static int is_signed_by_jwt(const struct proof *proof, const char *token)
{
    const char *dot = strchr(token, '.'), *last = dot != NULL ? strchr(dot + 1, '.') : NULL;
    const char *kind;
    cJSON *head, *claims;
    int fits;

    /* The hash is one of a body: it proves nothing of a query. */
    if (last == NULL || strlen(token) >= MAX_JWT || strcmp(proof->request->method, "POST") != 0)
        return 0;
    head = json_of(token, (size_t)(dot - token));
    claims = json_of(dot + 1, (size_t)(last - dot - 1));
    kind = td_json_get_str(head, "alg");
    fits = kind != NULL && strcmp(kind, "HS256") == 0 &&
           is_hs256(proof, token, (size_t)(last - token), last + 1) && claims_fit(proof, claims);
    cJSON_Delete(head);
    cJSON_Delete(claims);
    return fits;
}

int proof_vonage(const struct proof *proof)
{
    const char *header = header_of(proof->request, "authorization");

    if (header != NULL && strncasecmp(header, "Bearer ", 7) == 0)
        return is_signed_by_jwt(proof, header + 7);
    return is_signed_by_sig(proof);
}
