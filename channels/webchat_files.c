/* webchat_files.c - POST /chat/<name>/files: a file of a customer who is in the chat. */
#include "config.h"

#include "channels/webchat_private.h"

#include <stdio.h>
#include <strings.h>

#define MOST_NAME 1024

/* A file that the host looks at; its request waits. */
struct upload {
    UT_hash_handle hh; /* by job */
    uint64_t job, request;
    char origin[]; /* "": there is none to tell */
};

static const char *header(const struct td_web_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

/* ---- Answers: pages of other origins may read them when they may use the chat ---------------- */

static int may_read(const struct webchat *chat, const char *origin)
{
    const char *const *origins = chat->conf->origins;

    if (origin == NULL || origin[0] == '\0')
        return 0;
    if (origins == NULL || origins[0] == NULL)
        return 1;
    for (; *origins != NULL; origins++)
        if (strcasecmp(*origins, origin) == 0)
            return 1;
    return 0;
}

static void reply(struct webchat *chat, uint64_t request, const char *origin, int status,
                  uint32_t retry_after_ms, const struct td_json *j)
{
    struct td_header headers[4];
    char seconds[16];
    struct td_web_reply out = { .size = sizeof out, .status = status, .headers = headers };

    if (may_read(chat, origin)) {
        headers[out.n_headers++] = (struct td_header){ "Access-Control-Allow-Origin", origin };
        headers[out.n_headers++] = (struct td_header){ "Vary", "Origin" };
    }
    if (status == 401)
        headers[out.n_headers++] = (struct td_header){ "WWW-Authenticate", "Bearer" };
    if (status == 405)
        headers[out.n_headers++] = (struct td_header){ "Allow", "POST, OPTIONS" };
    if (retry_after_ms > 0) {
        snprintf(seconds, sizeof seconds, "%u", (retry_after_ms + 999) / 1000);
        headers[out.n_headers++] = (struct td_header){ "Retry-After", seconds };
    }
    out.body = td_json_text(j);
    out.body_len = td_json_len(j);
    chat->host->reply(chat->inst, request, &out);
}

static void refuse(struct webchat *chat, uint64_t request, const char *origin, int status,
                   const char *code, const char *message, uint32_t retry_after_ms)
{
    struct td_json j = { 0 };

    td_json_object(&j);
    td_json_key(&j, "error");
    td_json_object(&j);
    td_json_key_str(&j, "code", code);
    td_json_key_str(&j, "message", message);
    if (retry_after_ms > 0)
        td_json_key_int(&j, "retry_after_ms", retry_after_ms);
    td_json_object_end(&j);
    td_json_object_end(&j);
    reply(chat, request, origin, status, retry_after_ms, &j);
    td_json_free(&j);
}

/* ---- Requests ----------------------------------------------------------------------------- */

/* The session of the token when it is in the chat now; else NULL, and the request is answered. */
static struct session *session_of(struct webchat *chat, const struct td_web_request *request)
{
    const char *token = header(request, "authorization"), *origin = header(request, "origin");
    char id[TOKEN_SESSION + 1];
    struct session *session;
    int64_t made_ms;

    if (token == NULL || strncasecmp(token, "bearer ", 7) != 0 ||
        token_read(chat->key, token + 7, id, &made_ms) < 0) {
        chat->host->count(chat->inst, "bad_tokens", 1);
        refuse(chat, request->id, origin, 401, "bad_token",
               "a file needs the resume token of the chat as bearer token", 0);
        return NULL;
    }
    session = session_find(chat, id);
    if (session == NULL)
        refuse(chat, request->id, origin, 409, "not_connected",
               "connect to the chat first: its session has no connection", 1000);
    return session;
}

static int on_head(void *arg, const struct td_web_request *request)
{
    struct webchat *chat = arg;
    const char *origin = header(request, "origin");
    char why[128];

    if (strcmp(request->method, "POST") != 0) {
        refuse(chat, request->id, origin, 405, "method_not_allowed", "files are posted here", 0);
        return 0;
    }
    if (origin != NULL && !may_read(chat, origin)) {
        refuse(chat, request->id, NULL, 403, "bad_origin", "this origin may not use the chat", 0);
        return 0;
    }
    if (session_of(chat, request) == NULL)
        return 0;
    if (request->body_len <= (size_t)chat->conf->max_attachment)
        return 1;
    snprintf(why, sizeof why, "the file has %zu bytes and at most %lld are taken (max_attachment)",
             request->body_len, (long long)chat->conf->max_attachment);
    refuse(chat, request->id, origin, 413, "too_large", why, 0);
    return 0;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The value of `name` in the query, decoded; what is not a name is left to the host to clean. */
static const char *name_of(const char *query, char name[MOST_NAME])
{
    size_t n = 0;

    while (strncmp(query, "name=", 5) != 0) {
        if ((query = strchr(query, '&')) == NULL)
            return NULL;
        query++;
    }
    for (query += 5; *query != '\0' && *query != '&' && n < MOST_NAME - 1; query++) {
        if (*query == '%' && hex(query[1]) >= 0 && hex(query[2]) >= 0) {
            name[n] = (char)(hex(query[1]) << 4 | hex(query[2]));
            query += 2;
        } else {
            name[n] = *query == '+' ? ' ' : *query;
        }
        if (name[n] != '\0')
            n++;
    }
    name[n] = '\0';
    return name;
}

/* The browser asks before it posts from a page of another origin. */
static void preflight(struct webchat *chat, const struct td_web_request *request)
{
    const char *origin = header(request, "origin");
    const struct td_header headers[] = {
        { "Access-Control-Allow-Origin", origin },
        { "Access-Control-Allow-Methods", "POST" },
        { "Access-Control-Allow-Headers", "Authorization, Content-Type" },
        { "Access-Control-Max-Age", "600" },
        { "Vary", "Origin" },
    };

    if (!may_read(chat, origin)) {
        refuse(chat, request->id, NULL, 403, "bad_origin", "this origin may not use the chat", 0);
        return;
    }
    chat->host->reply(chat->inst, request->id, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = 204, .headers = headers,
        .n_headers = sizeof headers / sizeof headers[0] });
}

static void on_file(void *arg, const struct td_web_request *request)
{
    struct webchat *chat = arg;
    const char *origin = header(request, "origin");
    char name[MOST_NAME];
    struct upload *upload;
    struct session *session;

    if (strcmp(request->method, "OPTIONS") == 0) {
        preflight(chat, request);
        return;
    }
    if (request->body_len == 0) { /* no body: nobody has looked at its head */
        if (on_head(arg, request))
            refuse(chat, request->id, origin, 400, "empty", "the file is empty", 0);
        return;
    }
    if ((session = session_of(chat, request)) == NULL)
        return; /* it left while the body came */
    size_t len = origin != NULL ? strlen(origin) + 1 : 1;
    if ((upload = calloc(1, sizeof *upload + len)) == NULL) {
        refuse(chat, request->id, origin, 503, "busy", "out of memory", BUSY_RETRY);
        return;
    }
    upload->job = ++chat->last_upload;
    upload->request = request->id;
    memcpy(upload->origin, origin != NULL ? origin : "", len);
    HASH_ADD(hh, chat->uploads, job, sizeof upload->job, upload);
    chat->host->file(chat->inst, upload->job, &(struct td_file){
        .size = sizeof(struct td_file), .session = session->id,
        .name = name_of(request->query, name), .type = header(request, "content-type"),
        .data = request->body, .len = request->body_len });
}

/* ---- What became of it ---------------------------------------------------------------------- */

void files_filed(struct webchat *chat, uint64_t job, const struct td_filed *filed)
{
    struct upload *upload;

    HASH_FIND(hh, chat->uploads, &job, sizeof job, upload);
    if (upload == NULL)
        return;
    HASH_DEL(chat->uploads, upload);
    if (filed->status == TD_OK) {
        struct td_json j = { 0 };

        frame_attachment(&j, filed->attachment);
        reply(chat, upload->request, upload->origin, 201, 0, &j);
        td_json_free(&j);
    } else if (filed->status == TD_RETRY) {
        refuse(chat, upload->request, upload->origin, 503, "busy", filed->detail,
               filed->retry_after_ms > 0 ? filed->retry_after_ms : BUSY_RETRY);
    } else {
        refuse(chat, upload->request, upload->origin, 422, "refused", filed->detail, 0);
    }
    free(upload);
}

enum td_status files_listen(struct webchat *chat, struct td_error *err)
{
    const struct td_web_route route = {
        .size = sizeof route, .path = chat->upload_path,
        .max_body = (size_t)chat->conf->max_attachment, .head = on_head,
    };
    enum td_status status;

    if (chat->conf->max_attachment == 0 || !TD_HAS(chat->host, route_with)) {
        chat->upload_path[0] = '\0';
        return TD_OK;
    }
    snprintf(chat->upload_path, sizeof chat->upload_path, "/chat/%s/files",
             chat->host->name(chat->inst));
    status = chat->host->route_with(chat->inst, &route, on_file, chat);
    if (status != TD_OK)
        snprintf(err->text, sizeof err->text, "the path %s is taken already", chat->upload_path);
    return status;
}

void files_close(struct webchat *chat)
{
    struct upload *upload, *next;

    HASH_ITER(hh, chat->uploads, upload, next) {
        refuse(chat, upload->request, upload->origin, 503, "busy", "going away", BUSY_RETRY);
        HASH_DEL(chat->uploads, upload);
        free(upload);
    }
}
