/* desk_web_api.c - /desk/v1/..: a request in, one question to the host. */
#include "config.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/desk_web_private.h"
#include "plugins/shared/desk_reply.h"

#define MAX_TEXT 65536
#define MAX_FILES 10

/* ---- Answers ----------------------------------------------------------------------------- */

static void reply_error(struct desk *desk, uint64_t request, int status, const char *code,
                        const char *message, uint32_t retry_after_ms)
{
    desk_reply_error(desk->host, desk->inst, request, status, code, message, NULL, retry_after_ms);
}

void api_error(struct desk *desk, uint64_t request, int status, const char *code,
               const char *message)
{
    reply_error(desk, request, status, code, message, status == 503 ? 1000 : 0);
}

static void bad_request(struct desk *desk, uint64_t request, const char *message)
{
    reply_error(desk, request, 400, "bad_request", message, 0);
}

static void not_found(struct desk *desk, uint64_t request)
{
    reply_error(desk, request, 404, "not_found", "there is no such path", 0);
}

static void busy(struct desk *desk, uint64_t request)
{
    reply_error(desk, request, 503, "busy", "too many requests are under way", 1000);
}

const char *api_human(const struct desk *desk, const char *authorization)
{
    static const char scheme[] = "Bearer ";

    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;
    return desk->host->human(desk->inst, authorization + sizeof scheme - 1);
}

/* ---- Requests ---------------------------------------------------------------------------- */

/* A request being read. Strings point into the request, its body's tree and `path`. */
struct ask {
    struct desk *desk;
    const struct td_web_request *web;
    const char *human;
    char path[400];          /* after the prefix, cut at each '/' */
    const char *part[4];     /* "handoffs", id, "accept" */
    size_t n_parts;
    cJSON *body;             /* NULL: empty */
    char key[65];            /* the idempotency key, scoped; "": none */
    struct td_desk_request out;
};

const char *api_header(const struct td_web_request *web, const char *name)
{
    for (size_t i = 0; i < web->n_headers; i++) {
        if (strcmp(web->headers[i].name, name) == 0)
            return web->headers[i].value;
    }
    return NULL;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                               : -1;
}

/* Up to '&' or the end; -1: too long, a broken escape, or a NUL. */
static int unescape(const char *at, char *value, size_t size)
{
    size_t n = 0;

    for (; *at != '\0' && *at != '&'; at++) {
        char c = *at == '+' ? ' ' : *at;

        if (*at == '%') {
            const int high = hex_of(at[1]), low = high >= 0 ? hex_of(at[2]) : -1;
            c = (char)(high * 16 + low);
            if (low < 0 || c == '\0')
                return -1;
            at += 2;
        }
        if (n + 1 >= size)
            return -1;
        value[n++] = c;
    }
    value[n] = '\0';
    return 0;
}

int api_query(const char *query, const char *name, char *value, size_t size)
{
    size_t len = strlen(name);

    for (const char *at = query; at != NULL && *at != '\0';
         at = strchr(at, '&') != NULL ? strchr(at, '&') + 1 : NULL) {
        if (strncmp(at, name, len) == 0 && at[len] == '=')
            return unescape(at + len + 1, value, size) == 0;
    }
    return 0;
}

/* The same key of another human, method or path is another one, so these are hashed with it. */
static void key_make(struct ask *ask, const char *key)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const char *const parts[] = { ask->human, ask->web->method, ask->web->path, key };
    int ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL);

    for (size_t i = 0; ok && i < 4; i++)
        ok = EVP_DigestUpdate(md, parts[i], strlen(parts[i]) + 1);
    if (ok && EVP_DigestFinal_ex(md, hash, &n)) {
        for (unsigned i = 0; i < n && i < 32; i++)
            snprintf(ask->key + (size_t)i * 2, 3, "%02x", hash[i]);
    }
    EVP_MD_CTX_free(md);
    ask->out.id = ask->key[0] != '\0' ? ask->key : NULL;
}

static struct call *start(struct ask *ask, enum td_desk_op op)
{
    const char *about = ask->out.handoff != NULL ? ask->out.handoff : ask->out.session;
    struct call *call = call_new(ask->desk, ask->web->id, (int)op, ask->human, about);

    if (call == NULL) {
        busy(ask->desk, ask->web->id);
        return NULL;
    }
    ask->out.size = sizeof ask->out;
    ask->out.op = op;
    ask->out.human = ask->human;
    if (op == TD_OP_WATCH && ask->out.on)
        call->text = strdup("on");
    ask->desk->host->desk(ask->desk->inst, call->job, &ask->out);
    return call;
}

/* A member of the body that must be a string, when it is there; -1: it is not, and was told. */
static int body_str(struct ask *ask, const char *name, const char **value_r)
{
    const cJSON *item = td_json_get(ask->body, name);
    char why[100];

    *value_r = cJSON_GetStringValue(item);
    if (item == NULL || cJSON_IsNull(item) || (*value_r != NULL && strlen(*value_r) <= MAX_TEXT))
        return 0;
    snprintf(why, sizeof why, "%s must be a string of at most %d bytes", name, MAX_TEXT);
    bad_request(ask->desk, ask->web->id, why);
    return -1;
}

/* An object, array or what it is, as JSON that the caller frees; NULL: not there. */
static char *body_json(const struct ask *ask, const char *name)
{
    const cJSON *item = td_json_get(ask->body, name);

    return item != NULL && !cJSON_IsNull(item) ? cJSON_PrintUnformatted(item) : NULL;
}

static void on_message(struct ask *ask)
{
    const cJSON *list = td_json_get(ask->body, "attachments"), *item;
    struct td_attachment files[MAX_FILES];
    const struct td_attachment *pointers[MAX_FILES];
    struct td_message message = { .size = sizeof message, .author = TD_HUMAN };

    if (body_str(ask, "id", &message.id) != 0 || body_str(ask, "text", &message.text) != 0)
        return;
    if (list != NULL && (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > MAX_FILES)) {
        bad_request(ask->desk, ask->web->id, "attachments must be an array of at most 10 ids");
        return;
    }
    cJSON_ArrayForEach(item, list) {
        struct td_attachment *file = &files[message.n_attachments];
        *file = (struct td_attachment){ .size = sizeof *file, .id = cJSON_GetStringValue(item) };
        if (file->id == NULL) {
            bad_request(ask->desk, ask->web->id, "an attachment must be an id");
            return;
        }
        pointers[message.n_attachments++] = file;
    }
    if ((message.text == NULL || message.text[0] == '\0') && message.n_attachments == 0) {
        bad_request(ask->desk, ask->web->id, "a message needs text or attachments");
        return;
    }
    message.attachments = pointers;
    if (ask->out.id == NULL && message.id != NULL)
        key_make(ask, message.id);
    ask->out.message = &message;
    start(ask, TD_OP_MESSAGE);
}

static void on_transfer(struct ask *ask)
{
    if (body_str(ask, "queue", &ask->out.queue) != 0 ||
        body_str(ask, "human", &ask->out.to_human) != 0 ||
        body_str(ask, "note", &ask->out.text) != 0)
        return;
    if ((ask->out.queue == NULL) == (ask->out.to_human == NULL))
        bad_request(ask->desk, ask->web->id, "a transfer needs a queue or a human, not both");
    else
        start(ask, TD_OP_TRANSFER);
}

/* NULL, or what is wrong with the wrap-up, by the name of the member. */
static const char *wrapup_flaw(const cJSON *wrapup)
{
    static const struct { const char *name, *words, *flaw; } checks[] = {
        { "outcome", "|resolved|unresolved|spam|",
          "wrapup.outcome must be resolved, unresolved or spam" },
        { "escalation", "|right|early|late|needless|",
          "wrapup.escalation must be right, early, late or needless" },
        { "reason_should_be", NULL, "wrapup.reason_should_be must be a string" },
        { "note", NULL, "wrapup.note must be a string" },
    };
    char word[80];

    if (wrapup == NULL || cJSON_IsNull(wrapup))
        return NULL;
    if (!cJSON_IsObject(wrapup))
        return "wrapup must be an object";
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        const cJSON *item = td_json_get(wrapup, checks[i].name);
        const char *value = cJSON_GetStringValue(item);

        if (item == NULL || cJSON_IsNull(item))
            continue;
        snprintf(word, sizeof word, "|%.70s|", value != NULL ? value : "");
        if (value == NULL || (checks[i].words != NULL && (strchr(value, '|') != NULL ||
                                                          strstr(checks[i].words, word) == NULL)))
            return checks[i].flaw;
    }
    return NULL;
}

/* Ends of a stretch: the note may stand apart or in the wrap-up. */
static void on_end(struct ask *ask, enum td_desk_op op)
{
    const cJSON *wrapup = td_json_get(ask->body, "wrapup");
    const char *flaw = wrapup_flaw(wrapup);
    char *json;

    if (body_str(ask, "note", &ask->out.text) != 0)
        return;
    if (flaw != NULL) {
        bad_request(ask->desk, ask->web->id, flaw);
        return;
    }
    json = body_json(ask, "wrapup");
    if (ask->out.text == NULL)
        ask->out.text = td_json_get_str(wrapup, "note");
    ask->out.wrapup = json;
    start(ask, op);
    cJSON_free(json);
}

/* tags, or the whole body of a review: judged by the host. */
static void on_json(struct ask *ask, const cJSON *value, enum td_desk_op op, const char *missing)
{
    char *json = value != NULL ? cJSON_PrintUnformatted(value) : NULL;

    ask->out.text = json;
    if (json == NULL)
        bad_request(ask->desk, ask->web->id, missing);
    else
        start(ask, op);
    cJSON_free(json);
}

static void on_text(struct ask *ask, const char *name, enum td_desk_op op, int needed)
{
    if (body_str(ask, name, &ask->out.text) != 0)
        return;
    if (needed && (ask->out.text == NULL || ask->out.text[0] == '\0'))
        bad_request(ask->desk, ask->web->id, "text must be a string that says something");
    else
        start(ask, op);
}

static void on_flag(struct ask *ask, enum td_desk_op op)
{
    ask->out.on = 1; /* an empty body is fine */
    td_json_get_bool(ask->body, "on", &ask->out.on);
    start(ask, op);
}

static void on_read(struct ask *ask)
{
    int64_t seq = 0;

    if (!td_json_get_int(ask->body, "seq", &seq) || seq < 1) {
        bad_request(ask->desk, ask->web->id, "seq must be that of a message");
        return;
    }
    ask->out.before = (uint64_t)seq;
    start(ask, TD_OP_READ);
}

static void post_handoff(struct ask *ask, const char *verb)
{
    ask->out.handoff = ask->part[1];
    if (strcmp(verb, "accept") == 0)
        start(ask, TD_OP_ACCEPT);
    else if (strcmp(verb, "decline") == 0)
        on_text(ask, "reason", TD_OP_DECLINE, 0);
    else if (strcmp(verb, "messages") == 0)
        on_message(ask);
    else if (strcmp(verb, "typing") == 0)
        on_flag(ask, TD_OP_TYPING);
    else if (strcmp(verb, "read") == 0)
        on_read(ask);
    else if (strcmp(verb, "note") == 0)
        on_text(ask, "text", TD_OP_NOTE, 1);
    else if (strcmp(verb, "transfer") == 0)
        on_transfer(ask);
    else if (strcmp(verb, "return") == 0)
        on_end(ask, TD_OP_RETURN);
    else if (strcmp(verb, "close") == 0)
        on_end(ask, TD_OP_CLOSE);
    else if (strcmp(verb, "extend") == 0)
        start(ask, TD_OP_EXTEND);
    else if (strcmp(verb, "bridge") == 0)
        start(ask, TD_OP_BRIDGE);
    else if (strcmp(verb, "tags") == 0)
        on_json(ask, td_json_get(ask->body, "tags"), TD_OP_TAG, "tags must be an array of words");
    else if (strcmp(verb, "review") == 0)
        on_json(ask, ask->body, TD_OP_REVIEW, "score must be a whole number from 1 to 5");
    else
        not_found(ask->desk, ask->web->id);
}

static void on_presence(struct ask *ask)
{
    const char *state = td_json_get_str(ask->body, "state");

    if (state == NULL || (strcmp(state, "available") != 0 && strcmp(state, "away") != 0 &&
                          strcmp(state, "offline") != 0)) {
        bad_request(ask->desk, ask->web->id, "state must be available, away or offline");
        return;
    }
    ask->out.text = state;
    start(ask, TD_OP_PRESENCE);
}

static void on_list(struct ask *ask)
{
    char state[16] = "queued";

    if (strstr(ask->web->query, "state=") != NULL &&
        (!api_query(ask->web->query, "state", state, sizeof state) ||
         (strcmp(state, "queued") != 0 && strcmp(state, "live") != 0 &&
          strcmp(state, "mine") != 0 && strcmp(state, "closed") != 0))) {
        bad_request(ask->desk, ask->web->id, "state must be queued, live, mine or closed");
        return;
    }
    ask->out.text = state;
    start(ask, TD_OP_LIST);
}

static void on_other_list(struct ask *ask, const char *which)
{
    ask->out.text = which;
    start(ask, TD_OP_LIST);
}

static void on_get(struct ask *ask)
{
    char before[24];

    if (api_query(ask->web->query, "before", before, sizeof before))
        ask->out.before = strtoull(before, NULL, 10);
    start(ask, TD_OP_GET);
}

static void on_replies(struct ask *ask)
{
    char q[200], language[40];
    const int has_q = api_query(ask->web->query, "q", q, sizeof q);
    const int has_language = api_query(ask->web->query, "language", language, sizeof language);

    replies_request(ask->desk, ask->web->id, has_q ? q : NULL, has_language ? language : NULL);
}

static void on_file(struct ask *ask)
{
    struct desk *desk = ask->desk;
    const struct td_web_request *web = ask->web;
    char name[256] = "file";
    struct call *call;

    api_query(web->query, "name", name, sizeof name);
    if (web->body_len == 0)
        bad_request(desk, web->id, "the body is the file, and it is empty");
    else if ((call = call_new(desk, web->id, CALL_FILE, ask->human, NULL)) == NULL)
        busy(desk, web->id);
    else
        desk->host->file(desk->inst, call->job, &(struct td_file){
            .size = sizeof(struct td_file), .name = name, .type = api_header(web, "content-type"),
            .data = web->body, .len = web->body_len,
        });
}

static int is(const struct ask *ask, const char *method, size_t n_parts, const char *first)
{
    return ask->n_parts == n_parts && strcmp(ask->web->method, method) == 0 &&
           strcmp(ask->part[0], first) == 0;
}

static void post_session(struct ask *ask, const char *verb)
{
    ask->out.session = ask->part[1];
    if (strcmp(verb, "take") == 0)
        start(ask, TD_OP_TAKE);
    else if (strcmp(verb, "watch") == 0)
        on_flag(ask, TD_OP_WATCH);
    else
        not_found(ask->desk, ask->web->id);
}

static void dispatch(struct ask *ask)
{
    if (is(ask, "GET", 1, "me")) {
        start(ask, TD_OP_ME);
    } else if (is(ask, "PUT", 2, "me") && strcmp(ask->part[1], "presence") == 0) {
        on_presence(ask);
    } else if (is(ask, "GET", 1, "team")) {
        on_other_list(ask, "team");
    } else if (is(ask, "GET", 1, "handoffs")) {
        on_list(ask);
    } else if (is(ask, "GET", 2, "handoffs")) {
        ask->out.handoff = ask->part[1];
        on_get(ask);
    } else if (is(ask, "POST", 3, "handoffs")) {
        post_handoff(ask, ask->part[2]);
    } else if (is(ask, "GET", 1, "sessions")) {
        on_other_list(ask, "agent");
    } else if (is(ask, "GET", 2, "sessions")) {
        ask->out.session = ask->part[1];
        on_get(ask);
    } else if (is(ask, "POST", 3, "sessions")) {
        post_session(ask, ask->part[2]);
    } else if (is(ask, "GET", 1, "reviews")) {
        start(ask, TD_OP_REVIEW);
    } else if (is(ask, "GET", 1, "replies")) {
        on_replies(ask);
    } else if (is(ask, "POST", 1, "files")) {
        on_file(ask);
    } else if (is(ask, "POST", 1, "tickets")) {
        ticket_request(ask->desk, ask->web->id, ask->human);
    } else if (is(ask, "GET", 1, "events")) {
        stream_request(ask->desk, ask->web, ask->human);
    } else {
        not_found(ask->desk, ask->web->id);
    }
}

/* Cuts what is after the prefix into its parts; -1: too long or too many. */
static int split(struct ask *ask)
{
    const char *rest = ask->web->path + strlen(ask->desk->conf->path);
    char *at = ask->path, *part;

    if (strlen(rest) >= sizeof ask->path)
        return -1;
    memcpy(ask->path, rest, strlen(rest) + 1);
    while ((part = strsep(&at, "/")) != NULL) {
        if (ask->n_parts == 4)
            return -1;
        ask->part[ask->n_parts++] = part;
    }
    return ask->n_parts > 0 ? 0 : -1;
}

static void unauthorized(struct desk *desk, uint64_t request)
{
    desk->host->count(desk->inst, "bad_tokens", 1);
    reply_error(desk, request, 401, "unauthorized",
                "send Authorization: Bearer with the token of a human of this desk", 0);
}

int api_file_head(void *arg, const struct td_web_request *web)
{
    struct desk *desk = arg;

    if (api_human(desk, api_header(web, "authorization")) != NULL)
        return 1;
    unauthorized(desk, web->id);
    return 0;
}

void api_request(void *arg, const struct td_web_request *web)
{
    struct desk *desk = arg;
    struct ask ask = { .desk = desk, .web = web };
    char why[160] = "", message[200];
    const char *key = api_header(web, "idempotency-key");
    const char *human = api_human(desk, api_header(web, "authorization"));
    char *name = human != NULL ? strdup(human) : NULL;

    ask.human = name;
    if (split(&ask) != 0) {
        not_found(desk, web->id);
    } else if (name == NULL && is(&ask, "GET", 1, "events")) {
        stream_request(desk, web, NULL);
    } else if (name == NULL) {
        unauthorized(desk, web->id);
    } else if (web->body_len > 0 && !is(&ask, "POST", 1, "files") &&
               !cJSON_IsObject(ask.body = td_json_parse(web->body, web->body_len, NULL, why,
                                                        sizeof why))) {
        snprintf(message, sizeof message, "the body is not a JSON object%s%s",
                 why[0] != '\0' ? ": " : "", why);
        bad_request(desk, web->id, message);
    } else if (key != NULL && strlen(key) > 256) {
        bad_request(desk, web->id, "an Idempotency-Key has at most 256 bytes");
    } else {
        if (key != NULL && key[0] != '\0')
            key_make(&ask, key);
        dispatch(&ask);
    }
    cJSON_Delete(ask.body);
    free(name);
}
