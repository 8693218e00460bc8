/* agent_http_request.c - writes what an HTTP agent is asked, and signs it. */
#include "config.h"

#include "plugins/agent_http_request.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <tandem/time.h>

#define MAX_KEY 512

static void key_uint(struct td_json *j, const char *key, uint64_t value)
{
    td_json_key(j, key);
    td_json_uint(j, value);
}

/* What is not known is left out. */
static void key_known(struct td_json *j, const char *key, const char *value)
{
    if (value != NULL)
        td_json_key_str(j, key, value);
}

static void key_time(struct td_json *j, const char *key, int64_t at_ms)
{
    char text[TD_TIME_TEXT];

    td_time_format(at_ms, text);
    td_json_key(j, key);
    td_json_strn(j, text, sizeof text - 1);
}

static void key_empty(struct td_json *j, const char *key, const char *json)
{
    td_json_key(j, key);
    td_json_raw(j, json, 2);
}

static const char *author(enum td_author who)
{
    static const char *const names[] = {
        [TD_CUSTOMER] = "customer", [TD_AI] = "agent", [TD_HUMAN] = "human", [TD_SYSTEM] = "system",
    };

    return names[who];
}

static void write_session(struct td_json *j, const struct td_session_info *session)
{
    const struct td_customer *customer = session->customer;

    td_json_key(j, "session");
    td_json_object(j);
    td_json_key_str(j, "id", session->id);
    td_json_key_str(j, "channel", session->channel);
    td_json_key_str(j, "kind", session->kind);
    key_known(j, "locale", session->locale);
    key_known(j, "timezone", session->timezone);
    key_time(j, "started_at", session->started_at_ms);
    td_json_key(j, "customer");
    td_json_object(j);
    key_known(j, "id", customer->id);
    key_known(j, "name", customer->name);
    td_json_key_bool(j, "verified", customer->verified);
    key_empty(j, "attributes", "{}");
    td_json_object_end(j);
    key_empty(j, "earlier", "[]");
    td_json_object_end(j);
}

static void write_attachments(struct td_json *j, const struct td_message *message)
{
    td_json_array(j);
    for (size_t i = 0; TD_HAS(message, n_attachments) && i < message->n_attachments; i++) {
        const struct td_attachment *file = message->attachments[i];

        td_json_object(j);
        td_json_key_str(j, "id", file->id);
        key_known(j, "name", file->name);
        key_known(j, "type", file->type);
        key_uint(j, "size", file->bytes);
        key_known(j, "sha256", file->sha256);
        key_known(j, "url", file->url);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void write_parts(struct td_json *j, const struct td_message *message)
{
    td_json_key(j, "parts");
    td_json_array(j);
    for (size_t i = 0; i < message->n_parts; i++) {
        const struct td_part *part = message->parts[i];

        td_json_object(j);
        td_json_key_str(j, "type", part->type);
        td_json_key_str(j, "text", part->text);
        if (part->data != NULL) {
            td_json_key(j, "data");
            td_json_raw(j, part->data, strlen(part->data));
        }
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void write_messages(struct td_json *j, const struct td_turn *turn)
{
    td_json_key(j, "messages");
    td_json_array(j);
    for (size_t i = 0; i < turn->n_messages; i++) {
        const struct td_message *message = turn->messages[i];

        td_json_object(j);
        key_uint(j, "seq", message->seq);
        td_json_key_str(j, "id", message->id);
        key_time(j, "at", message->at_ms);
        td_json_key_str(j, "author", author(message->author));
        td_json_key_str(j, "text", message->text != NULL ? message->text : "");
        key_known(j, "choice", message->choice);
        td_json_key(j, "attachments");
        write_attachments(j, message);
        if (TD_HAS(message, n_parts) && message->n_parts > 0)
            write_parts(j, message);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void write_history(struct td_json *j, const struct td_turn *turn)
{
    td_json_key(j, "history");
    td_json_array(j);
    for (size_t i = 0; i < turn->n_history; i++) {
        const struct td_message *message = turn->history[i];

        td_json_object(j);
        key_uint(j, "seq", message->seq);
        td_json_key_str(j, "author", author(message->author));
        td_json_key_str(j, "text", message->text != NULL ? message->text : "");
        if (TD_HAS(message, n_attachments) && message->n_attachments > 0) {
            td_json_key(j, "attachments");
            write_attachments(j, message);
        }
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

void http_request_write(struct td_json *j, const struct td_turn *turn)
{
    static const char *const causes[] = {
        [TD_BY_MESSAGE] = "message", [TD_BY_START] = "start", [TD_BY_ACTION] = "action",
        [TD_BY_RETURN] = "returned", [TD_BY_TIMER] = "timer",
    };
    const char *state = turn->state != NULL ? turn->state : "{}";

    td_json_clear(j);
    td_json_object(j);
    td_json_key_int(j, "version", 1);
    td_json_key_str(j, "turn", turn->id);
    key_uint(j, "epoch", turn->epoch);
    td_json_key_str(j, "cause", causes[turn->cause]);
    write_session(j, turn->session);
    write_messages(j, turn);
    write_history(j, turn);
    td_json_key(j, "budget");
    td_json_object(j);
    key_uint(j, "deadline_ms", turn->deadline_ms);
    key_uint(j, "clarify_left", turn->clarify_left);
    td_json_object_end(j);
    td_json_key(j, "state");
    td_json_raw(j, state, strlen(state));
    td_json_object_end(j);
}

/* ---- Standard Webhooks --------------------------------------------------------------------- */

struct http_signer {
    EVP_MAC_CTX *mac; /* holds the key; each signature starts it again */
};

/* The bytes of a key in base64; 0 when it is not that. */
static size_t decode(const char *text, uint8_t out[MAX_KEY])
{
    const size_t len = strlen(text);
    size_t padding = 0;

    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    if (len == 0 || len % 4 != 0 || len / 4 * 3 > MAX_KEY ||
        EVP_DecodeBlock(out, (const unsigned char *)text, (int)len) < 0)
        return 0;
    return len / 4 * 3 - padding;
}

static EVP_MAC_CTX *new_mac(const uint8_t *key, size_t len)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

    EVP_MAC_free(hmac);
    if (mac != NULL && EVP_MAC_init(mac, key, len, params) != 1) {
        EVP_MAC_CTX_free(mac);
        mac = NULL;
    }
    return mac;
}

struct http_signer *http_signer_new(const char *secret, struct td_error *err)
{
    uint8_t decoded[MAX_KEY];
    const uint8_t *key = (const uint8_t *)secret;
    size_t len = strlen(secret);
    struct http_signer *signer = malloc(sizeof *signer);

    if (strncmp(secret, "whsec_", 6) == 0) {
        len = decode(secret + 6, decoded);
        key = decoded;
    }
    if (len == 0) {
        snprintf(err->text, sizeof err->text,
                 "the secret is empty, or what stands after whsec_ is not base64 of at most %d "
                 "bytes", MAX_KEY);
        free(signer);
        return NULL;
    }
    if (signer != NULL)
        signer->mac = new_mac(key, len);
    OPENSSL_cleanse(decoded, sizeof decoded);
    if (signer == NULL || signer->mac == NULL) {
        snprintf(err->text, sizeof err->text, "OpenSSL has no HMAC-SHA256 to sign with");
        free(signer);
        return NULL;
    }
    return signer;
}

void http_signer_free(struct http_signer **signer)
{
    if (*signer == NULL)
        return;
    EVP_MAC_CTX_free((*signer)->mac);
    free(*signer);
    *signer = NULL;
}

int http_signer_sign(struct http_signer *signer, const char *id, const char *timestamp,
                     const char *body, size_t len, char text_r[HTTP_SIGNATURE_TEXT])
{
    EVP_MAC_CTX *mac = signer->mac;
    uint8_t hash[32];
    size_t n;

    if (EVP_MAC_init(mac, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(mac, (const uint8_t *)id, strlen(id)) != 1 ||
        EVP_MAC_update(mac, (const uint8_t *)".", 1) != 1 ||
        EVP_MAC_update(mac, (const uint8_t *)timestamp, strlen(timestamp)) != 1 ||
        EVP_MAC_update(mac, (const uint8_t *)".", 1) != 1 ||
        EVP_MAC_update(mac, (const uint8_t *)body, len) != 1 ||
        EVP_MAC_final(mac, hash, &n, sizeof hash) != 1 || n != sizeof hash)
        return -1;
    memcpy(text_r, "v1,", 3);
    EVP_EncodeBlock((unsigned char *)text_r + 3, hash, sizeof hash);
    return 0;
}

int http_secret_is(const char *secret, const char *given)
{
    unsigned char a[EVP_MAX_MD_SIZE], b[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    return EVP_Digest(secret, strlen(secret), a, &len, EVP_sha256(), NULL) == 1 &&
           EVP_Digest(given, strlen(given), b, &len, EVP_sha256(), NULL) == 1 &&
           CRYPTO_memcmp(a, b, len) == 0;
}
