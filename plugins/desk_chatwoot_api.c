/* desk_chatwoot_api.c - what Chatwoot is told: a conversation found or made, then written into. */
#include "config.h"

#include "plugins/desk_chatwoot_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "plugins/shared/http_outcome.h"

#define MAX_TRIES 10 /* of what the host does not ask again */
#define FIRST_MS 1000
#define PAGE 20      /* newest messages that Chatwoot lists */
#define PREFIX "tandem_"

static void next(struct talk *talk);

/* ---- The end of a task -------------------------------------------------------------------- */

static void task_free(struct talk *talk, struct task *task)
{
    DL_DELETE(talk->tasks, task);
    free(task->id);
    free(task->text);
    free(task);
}

static void answer(struct talk *talk, const struct task *task, enum td_status status,
                   const char *detail, uint32_t later_ms)
{
    struct desk *desk = talk->desk;

    if (task->kind == TASK_OFFER)
        desk->host->offered(desk->inst, task->job, &(struct td_offered){
            .size = sizeof(struct td_offered), .status = status, .wait_ms = -1,
            .human = status == TD_OK ? talk->human : NULL,
            .detail = status != TD_OK ? detail : NULL, .retry_after_ms = later_ms });
    else if (task->kind == TASK_RELAY)
        desk->host->sent(desk->inst, task->job, &(struct td_sent){
            .size = sizeof(struct td_sent), .status = status == TD_AUTH ? TD_RETRY : status,
            .detail = status != TD_OK ? detail : NULL, .retry_after_ms = later_ms });
}

static void on_again(void *arg)
{
    struct talk *talk = arg;

    talk->again = NULL;
    next(talk);
}

static void finish(struct talk *talk, enum td_status status, const char *detail, uint32_t later_ms)
{
    struct desk *desk = talk->desk;
    struct task *task = talk->tasks;
    int asked_again = task->kind == TASK_OFFER || task->kind == TASK_RELAY;

    talk->no_contact = talk->no_conversation = 0;
    if (status == TD_RETRY && !asked_again && ++task->tries < MAX_TRIES) {
        talk->again = desk->host->timer_add(desk->inst, (uint32_t)FIRST_MS << (task->tries - 1),
                                            on_again, talk);
        return;
    }
    if (status != TD_OK && !asked_again) {
        desk->host->log(desk->inst, TD_WARN, "the conversation of handoff %s was not told: %s",
                        talk->handoff, detail);
        desk->host->count(desk->inst, "notes_lost", 1);
    }
    answer(talk, task, status, detail, later_ms);
    task_free(talk, task);
    next(talk);
}

/* ---- One request --------------------------------------------------------------------------- */

static void on_response(void *arg, const struct td_http_response *r)
{
    struct talk *talk = arg;
    enum td_status status = http_outcome(r);
    cJSON *body = NULL;
    char detail[240], why[160] = "";

    talk->http = NULL;
    http_outcome_why(r, "Chatwoot", detail, sizeof detail);
    if (status == TD_OK && (body = td_json_parse(r->body, r->body_len, NULL, why, sizeof why)) == NULL) {
        snprintf(detail, sizeof detail, "Chatwoot did not answer with JSON: %s", why);
        status = TD_RETRY;
    }
    if (r->status == 401 || r->status == 403)
        status = TD_AUTH;
    if (r->status == 404) { /* deleted there; what follows looks again */
        talk->contact = talk->conversation = 0;
    }
    if (status == TD_OK) {
        talk->answered(talk, body);
    } else {
        talk->doubt |= status == TD_RETRY;
        finish(talk, status, detail, http_outcome_later(r));
    }
    cJSON_Delete(body);
}

/* Takes the text of `json` (NULL: GET). Calls nothing back before it returns, but for finish(). */
__attribute__((format(printf, 4, 5)))
static void ask(struct talk *talk, void (*answered)(struct talk *, const cJSON *),
                struct td_json *json, const char *path, ...)
{
    struct desk *desk = talk->desk;
    const struct conf *conf = desk->conf;
    const struct td_header headers[] = {
        { "api_access_token", conf->token },
        { "Content-Type", "application/json" },
    };
    char url[700], *body = json != NULL ? td_json_take(json) : NULL;
    int n = snprintf(url, sizeof url, "%.300s/api/v1/accounts/%" PRId64 "/", conf->url,
                     conf->account);
    va_list args;

    va_start(args, path);
    vsnprintf(url + n, sizeof url - (size_t)n, path, args);
    va_end(args);
    talk->answered = answered;
    if (json == NULL || body != NULL)
        talk->http = desk->host->http_start(desk->inst, &(struct td_http_request){
            .size = sizeof(struct td_http_request), .method = json != NULL ? "POST" : "GET",
            .url = url, .headers = headers, .n_headers = json != NULL ? 2 : 1, .body = body,
            .body_len = body != NULL ? strlen(body) : 0, .timeout_ms = (uint32_t)conf->timeout,
        }, on_response, talk);
    free(body);
    if (talk->http == NULL)
        finish(talk, TD_RETRY, "Chatwoot could not be asked right now", 0);
}

/* Lists stand under "payload", or under "data" in it; single things stand there or alone. */
static const cJSON *payload_of(const cJSON *body)
{
    const cJSON *payload = td_json_get(body, "payload");

    return payload != NULL ? payload : body;
}

static void identifier(const struct talk *talk, char text[80])
{
    snprintf(text, 80, "tandem-%" PRId64 "-%.40s", talk->desk->conf->inbox, talk->session);
}

/* ---- The contact --------------------------------------------------------------------------- */

static int take_contact(struct talk *talk, const cJSON *contact, const cJSON *inboxes)
{
    const cJSON *each;
    int64_t number;
    const char *source;

    if (!td_json_get_int(contact, "id", &number))
        return 0;
    cJSON_ArrayForEach(each, inboxes)
    {
        const cJSON *inbox = td_json_get(each, "inbox");
        int64_t of;
        if (!td_json_get_int(inbox, "id", &of) || of != talk->desk->conf->inbox ||
            (source = td_json_get_str(each, "source_id")) == NULL)
            continue;
        free(talk->source);
        talk->source = strdup(source);
        talk->contact = number;
        return talk->source != NULL;
    }
    return 0;
}

static void on_found(struct talk *talk, const cJSON *body)
{
    const cJSON *each;
    char wanted[80];

    identifier(talk, wanted);
    talk->no_contact = 1;
    cJSON_ArrayForEach(each, payload_of(body))
    {
        const char *name = td_json_get_str(each, "identifier");
        if (name != NULL && strcmp(name, wanted) == 0 &&
            take_contact(talk, each, td_json_get(each, "contact_inboxes")))
            talk->no_contact = 0;
    }
    next(talk);
}

static void on_contact(struct talk *talk, const cJSON *body)
{
    const cJSON *payload = payload_of(body), *contact = td_json_get(payload, "contact");
    const cJSON *inbox = td_json_get(payload, "contact_inbox");
    const char *source = td_json_get_str(inbox, "source_id");
    int64_t number;

    if (contact == NULL)
        contact = payload;
    if (source != NULL && td_json_get_int(contact, "id", &number)) {
        free(talk->source);
        talk->source = strdup(source);
        talk->contact = number;
    } else if (!take_contact(talk, contact, td_json_get(contact, "contact_inboxes"))) {
        finish(talk, TD_REJECT, "Chatwoot made a contact, but not in the inbox", 0);
        return;
    }
    next(talk);
}

static void make_contact(struct talk *talk)
{
    cJSON *package = td_json_parse(talk->tasks->text, strlen(talk->tasks->text), NULL, NULL, 0);
    const char *name = td_json_get_str(package, "customer_name");
    struct td_json j = { 0 };
    char id[80];

    identifier(talk, id);
    td_json_object(&j);
    td_json_key_int(&j, "inbox_id", talk->desk->conf->inbox);
    td_json_key_str(&j, "identifier", id);
    td_json_key_str(&j, "name", name != NULL ? name : "Customer");
    td_json_object_end(&j);
    ask(talk, on_contact, &j, "contacts");
    cJSON_Delete(package);
}

/* ---- The conversation ---------------------------------------------------------------------- */

static void keep_attributes(struct talk *talk, const cJSON *attributes)
{
    char *text = cJSON_IsObject(attributes) ? cJSON_PrintUnformatted(attributes) : NULL;

    if (text == NULL)
        return;
    free(talk->attributes);
    talk->attributes = text;
}

static void on_conversations(struct talk *talk, const cJSON *body)
{
    const cJSON *each;

    talk->no_conversation = 1;
    cJSON_ArrayForEach(each, payload_of(body))
    {
        const cJSON *attributes = td_json_get(each, "custom_attributes");
        const char *of = td_json_get_str(attributes, PREFIX "handoff_id");
        if (of == NULL || strcmp(of, talk->handoff) != 0 ||
            !td_json_get_int(each, "id", &talk->conversation))
            continue;
        talk->no_conversation = 0;
        talk->doubt = 1;
        keep_attributes(talk, attributes);
    }
    next(talk);
}

static void on_conversation(struct talk *talk, const cJSON *body)
{
    const cJSON *payload = payload_of(body);

    if (!td_json_get_int(payload, "id", &talk->conversation)) {
        finish(talk, TD_RETRY, "Chatwoot did not say which conversation it made", 0);
        return;
    }
    talk->no_conversation = 0;
    talk->doubt = 0;
    next(talk);
}

/* The package as attributes: its fields, and by which handoff the conversation is found again. */
static void write_attributes(const struct talk *talk, struct td_json *j)
{
    cJSON *package = td_json_parse(talk->tasks->text, strlen(talk->tasks->text), NULL, NULL, 0);
    const cJSON *field;
    char key[200];

    td_json_object(j);
    cJSON_ArrayForEach(field, package)
    {
        if (!cJSON_IsString(field) || strcmp(field->string, "handoff_id") == 0 ||
            strcmp(field->string, "session_id") == 0)
            continue;
        snprintf(key, sizeof key, PREFIX "%.150s", field->string);
        td_json_key_any(j, key);
        td_json_str(j, field->valuestring);
    }
    td_json_key_str(j, PREFIX "handoff_id", talk->handoff);
    td_json_key_str(j, PREFIX "session_id", talk->session);
    td_json_object_end(j);
    cJSON_Delete(package);
}

static void make_conversation(struct talk *talk)
{
    struct td_json j = { 0 }, attributes = { 0 };

    write_attributes(talk, &attributes);
    free(talk->attributes);
    talk->attributes = strdup(td_json_text(&attributes));
    td_json_object(&j);
    td_json_key_str(&j, "source_id", talk->source);
    td_json_key_int(&j, "inbox_id", talk->desk->conf->inbox);
    td_json_key_int(&j, "contact_id", talk->contact);
    td_json_key_str(&j, "status", "open");
    td_json_key(&j, "custom_attributes");
    td_json_raw(&j, td_json_text(&attributes), td_json_len(&attributes));
    td_json_object_end(&j);
    td_json_free(&attributes);
    ask(talk, on_conversation, &j, "conversations");
}

/* ---- What is written into it --------------------------------------------------------------- */

static void on_written(struct talk *talk, const cJSON *body)
{
    (void)body;
    talk->doubt = 0; /* what comes later cannot be there */
    finish(talk, TD_OK, NULL, 0);
}

static void task_id(const struct talk *talk, const struct task *task, char id[80])
{
    if (task->id != NULL)
        snprintf(id, 80, "%.79s", task->id);
    else
        snprintf(id, 80, "%.60s.package", talk->handoff);
}

/* Ours when it says so; a full page that does not hold the first message may have had it. */
static void on_messages(struct talk *talk, const cJSON *body)
{
    const cJSON *list = payload_of(body), *each;
    int there = 0;
    char id[80];

    task_id(talk, talk->tasks, id);
    cJSON_ArrayForEach(each, list)
    {
        const char *of = td_json_get_str(td_json_get(each, "content_attributes"), PREFIX "id");
        there |= of != NULL && strcmp(of, id) == 0;
    }
    there |= talk->tasks->kind == TASK_OFFER && cJSON_GetArraySize(list) >= PAGE;
    talk->tasks->checked = 1;
    if (there)
        finish(talk, TD_OK, NULL, 0);
    else
        next(talk);
}

/* A line for each field of the package, in its order. */
static void write_note(const struct talk *talk, struct td_json *j)
{
    cJSON *package = td_json_parse(talk->tasks->text, strlen(talk->tasks->text), NULL, NULL, 0);
    const cJSON *field;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    cJSON_ArrayForEach(field, package)
    {
        if (out == NULL || !cJSON_IsString(field) || *field->valuestring == '\0' ||
            strcmp(field->string, "version") == 0)
            continue;
        fputs("**", out);
        for (const char *c = field->string; *c != '\0'; c++)
            fputc(*c == '_' ? ' ' : *c, out);
        fprintf(out, "**: %s\n", field->valuestring);
    }
    if (out != NULL)
        fclose(out);
    td_json_key_str(j, "content", text != NULL && *text != '\0' ? text : talk->handoff);
    free(text);
    cJSON_Delete(package);
}

static void write_message(struct talk *talk)
{
    const struct task *task = talk->tasks;
    struct td_json j = { 0 };
    char id[80];

    task_id(talk, task, id);
    td_json_object(&j);
    if (task->kind == TASK_OFFER)
        write_note(talk, &j);
    else
        td_json_key_str(&j, "content", task->text);
    td_json_key_str(&j, "message_type", task->kind == TASK_RELAY ? "incoming" : "outgoing");
    td_json_key_bool(&j, "private", task->kind != TASK_RELAY);
    td_json_key(&j, "content_attributes");
    td_json_object(&j);
    td_json_key_str(&j, PREFIX "id", id);
    td_json_object_end(&j);
    td_json_object_end(&j);
    ask(talk, on_written, &j, "conversations/%" PRId64 "/messages", talk->conversation);
}

/* Chatwoot replaces all attributes: those that were there go along. */
static void rename_conversation(struct talk *talk)
{
    const char *old = talk->attributes != NULL ? talk->attributes : "{}";
    cJSON *attributes = td_json_parse(old, strlen(old), NULL, NULL, 0);
    const cJSON *each;
    struct td_json j = { 0 };

    td_json_object(&j);
    td_json_key(&j, "custom_attributes");
    td_json_object(&j);
    cJSON_ArrayForEach(each, attributes)
    {
        if (strcmp(each->string, PREFIX "handoff_id") == 0 ||
            strcmp(each->string, PREFIX "session_id") == 0)
            continue;
        td_json_key_any(&j, each->string);
        td_json_tree(&j, each);
    }
    td_json_key_str(&j, PREFIX "handoff_id", talk->handoff);
    td_json_key_str(&j, PREFIX "session_id", talk->session);
    td_json_object_end(&j);
    td_json_object_end(&j);
    cJSON_Delete(attributes);
    ask(talk, on_written, &j, "conversations/%" PRId64 "/custom_attributes", talk->conversation);
}

static void resolve(struct talk *talk)
{
    struct td_json j = { 0 };

    td_json_object(&j);
    td_json_key_str(&j, "status", "resolved");
    td_json_object_end(&j);
    ask(talk, on_written, &j, "conversations/%" PRId64 "/toggle_status", talk->conversation);
}

/* ---- What is next -------------------------------------------------------------------------- */

static void find_conversation(struct talk *talk)
{
    char id[80];

    identifier(talk, id);
    if ((talk->no_contact || talk->no_conversation) && talk->tasks->kind != TASK_OFFER)
        finish(talk, TD_REJECT, "its conversation is gone from Chatwoot", 0);
    else if (talk->contact == 0 && !talk->no_contact)
        ask(talk, on_found, NULL, "contacts/search?q=%s", id);
    else if (talk->contact == 0)
        make_contact(talk);
    else if (!talk->no_conversation)
        ask(talk, on_conversations, NULL, "contacts/%" PRId64 "/conversations", talk->contact);
    else
        make_conversation(talk);
}

static void next(struct talk *talk)
{
    const struct task *task = talk->tasks;

    if (task == NULL) {
        talk_settle(talk);
        return;
    }
    if (talk->http != NULL || talk->again != NULL)
        return;
    if (talk->conversation == 0)
        find_conversation(talk);
    else if (task->kind == TASK_RENAME)
        rename_conversation(talk);
    else if (task->kind == TASK_RESOLVE)
        resolve(talk);
    else if (talk->doubt && !task->checked)
        ask(talk, on_messages, NULL, "conversations/%" PRId64 "/messages", talk->conversation);
    else
        write_message(talk);
}

void api_add(struct talk *talk, enum task_kind kind, uint64_t job, const char *id, const char *text)
{
    struct task *task = calloc(1, sizeof *task);

    if (task == NULL) {
        answer(talk, &(struct task){ .kind = kind, .job = job }, TD_RETRY, "out of memory", 0);
        return;
    }
    task->kind = kind;
    task->job = job;
    task->id = id != NULL ? strdup(id) : NULL;
    task->text = strdup(text != NULL ? text : "");
    DL_APPEND(talk->tasks, task);
    if (task->text == NULL || (id != NULL && task->id == NULL)) {
        answer(talk, task, TD_RETRY, "out of memory", 0);
        task_free(talk, task);
    } else if (talk->tasks == task) {
        next(talk);
    }
}

void api_drop(struct talk *talk)
{
    struct desk *desk = talk->desk;

    desk->host->http_cancel(&talk->http);
    desk->host->timer_del(&talk->again);
    while (talk->tasks != NULL) {
        answer(talk, talk->tasks, TD_RETRY, "closing", 0);
        task_free(talk, talk->tasks);
    }
}
