/* agent_http_answer.c - reads an HTTP agent's answer into a td_answer. */
#include "config.h"

#include "plugins/agent_http_answer.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_MESSAGES 10 /* as many as the engine takes */
#define MAX_ASKS 10
#define MAX_CHOICES 64 /* of one message */
#define MAX_NAME 128
#define MAX_TEXT (64 << 10) /* a text, and each part that is kept as JSON */

static int TD_PRINTF(2, 3) fail(char why[HTTP_ANSWER_WHY], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, HTTP_ANSWER_WHY, fmt, ap);
    va_end(ap);
    return -1;
}

/* The member, or NULL when it is absent or null. */
static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *item = td_json_get(object, key);

    return cJSON_IsNull(item) ? NULL : item;
}

/* `in` is the place of the object in the answer: "" or "escalate." */
static int read_text(const cJSON *object, const char *in, const char *key, size_t max,
                     const char **text_r, char why[HTTP_ANSWER_WHY])
{
    const cJSON *item = member(object, key);

    if (item == NULL)
        return 0;
    if (!cJSON_IsString(item))
        return fail(why, "'%s%s' is not a string", in, key);
    if (strlen(item->valuestring) > max)
        return fail(why, "'%s%s' is longer than %zu bytes", in, key, max);
    *text_r = item->valuestring[0] != '\0' ? item->valuestring : NULL;
    return 0;
}

/* The array or object, or NULL when it is absent. */
static int read_nested(const cJSON *object, const char *in, const char *key, int want_array,
                       const cJSON **item_r, char why[HTTP_ANSWER_WHY])
{
    *item_r = member(object, key);
    if (*item_r != NULL && !(want_array ? cJSON_IsArray(*item_r) : cJSON_IsObject(*item_r)))
        return fail(why, "'%s%s' is not an %s", in, key, want_array ? "array" : "object");
    return 0;
}

static int has_any(const cJSON *list)
{
    return list != NULL && list->child != NULL;
}

/* ---- Messages ------------------------------------------------------------------------------ */

static int read_choices(struct http_answer *a, const cJSON *list, const char *in, size_t *used,
                        struct td_message *message, char why[HTTP_ANSWER_WHY])
{
    const cJSON *item;

    message->choices = a->choice_list + *used;
    cJSON_ArrayForEach (item, list) {
        struct td_choice *choice = &a->choices[*used];
        char place[64];

        snprintf(place, sizeof place, "%schoices[%zu].", in, message->n_choices);
        if (message->n_choices == MAX_CHOICES)
            return fail(why, "'%schoices' has more than %d", in, MAX_CHOICES);
        *choice = (struct td_choice){ .size = sizeof *choice };
        if (!cJSON_IsObject(item))
            return fail(why, "'%schoices[%zu]' is not an object", in, message->n_choices);
        if (read_text(item, place, "title", MAX_TEXT, &choice->title, why) != 0 ||
            read_text(item, place, "value", MAX_TEXT, &choice->value, why) != 0)
            return -1;
        if (choice->title == NULL)
            return fail(why, "'%stitle' is not there", place);
        if (choice->value == NULL)
            choice->value = choice->title;
        a->choice_list[(*used)++] = choice;
        message->n_choices++;
    }
    return 0;
}

/* {"id"}: a file of this conversation; {"name", "data"}: a new one. Nothing is fetched from anywhere:
 * what the gateway can reach an agent may not. */
static int read_file(struct http_answer *a, const cJSON *item, const char *in,
                     struct td_attachment *file, char why[HTTP_ANSWER_WHY])
{
    struct http_upload upload = { .file = file };
    const cJSON *data = member(item, "data");
    char place[72];

    snprintf(place, sizeof place, "%s.", in);
    if (!cJSON_IsObject(item))
        return fail(why, "'%s' is not an object", in);
    if (read_text(item, place, "id", MAX_NAME, &file->id, why) != 0 ||
        read_text(item, place, "name", MAX_TEXT, &upload.name, why) != 0 ||
        read_text(item, place, "type", MAX_NAME, &upload.type, why) != 0)
        return -1;
    if (data == NULL && file->id == NULL)
        return fail(why, "'%s' has neither 'id' nor 'data'%s", in,
                    member(item, "url") != NULL ? ": files are not fetched from a url" : "");
    if (data == NULL)
        return 0;
    if (file->id != NULL || !cJSON_IsString(data) || upload.name == NULL)
        return fail(why, "'%s' has 'data', and with it goes a 'name' and no 'id'", in);
    upload.data = data->valuestring;
    a->uploads[a->n_uploads++] = upload;
    return 0;
}

static int read_files(struct http_answer *a, const cJSON *list, const char *in, size_t *used,
                      struct td_message *message, char why[HTTP_ANSWER_WHY])
{
    const cJSON *item;

    message->attachments = a->file_list + *used;
    cJSON_ArrayForEach (item, list) {
        struct td_attachment *file = &a->files[*used];
        char place[64];

        if (message->n_attachments == HTTP_ANSWER_FILES)
            return fail(why, "'%sattachments' has more than %d", in, HTTP_ANSWER_FILES);
        snprintf(place, sizeof place, "%sattachments[%zu]", in, message->n_attachments);
        *file = (struct td_attachment){ .size = sizeof *file };
        if (read_file(a, item, place, file, why) != 0)
            return -1;
        a->file_list[(*used)++] = file;
        message->n_attachments++;
    }
    return 0;
}

static int read_message(struct http_answer *a, const cJSON *item, size_t i, size_t *used,
                        size_t *used_files, char why[HTTP_ANSWER_WHY])
{
    struct td_message *message = &a->messages[i];
    const cJSON *choices, *attachments;
    char in[32];

    *message = (struct td_message){ .size = sizeof *message, .author = TD_AI };
    a->message_list[i] = message;
    snprintf(in, sizeof in, "messages[%zu].", i);
    if (!cJSON_IsObject(item))
        return fail(why, "'messages[%zu]' is not an object", i);
    if (read_text(item, in, "text", MAX_TEXT, &message->text, why) != 0 ||
        read_nested(item, in, "choices", 1, &choices, why) != 0 ||
        read_nested(item, in, "attachments", 1, &attachments, why) != 0)
        return -1;
    if (message->text == NULL && !has_any(choices) && !has_any(attachments))
        return fail(why, "'messages[%zu]' has neither text, choices nor attachments", i);
    if (has_any(attachments) && read_files(a, attachments, in, used_files, message, why) != 0)
        return -1;
    return has_any(choices) ? read_choices(a, choices, in, used, message, why) : 0;
}

static int make_choices(struct http_answer *a, size_t n)
{
    a->choices = calloc(n, sizeof *a->choices);
    a->choice_list = calloc(n, sizeof *a->choice_list);
    return a->choices != NULL && a->choice_list != NULL ? 0 : -1;
}

static int make_files(struct http_answer *a, size_t n)
{
    a->files = calloc(n, sizeof *a->files);
    a->file_list = calloc(n, sizeof *a->file_list);
    a->uploads = calloc(n, sizeof *a->uploads);
    return a->files != NULL && a->file_list != NULL && a->uploads != NULL ? 0 : -1;
}

static int read_messages(struct http_answer *a, char why[HTTP_ANSWER_WHY])
{
    const cJSON *list, *item;
    size_t n = 0, n_choices = 0, n_files = 0, used = 0, used_files = 0;

    if (read_nested(a->tree, "", "messages", 1, &list, why) != 0)
        return -1;
    if (!has_any(list))
        return 0;
    cJSON_ArrayForEach (item, list) {
        n++;
        n_choices += (size_t)cJSON_GetArraySize(td_json_get(item, "choices"));
        n_files += (size_t)cJSON_GetArraySize(td_json_get(item, "attachments"));
    }
    if (n > MAX_MESSAGES)
        return fail(why, "'messages' has more than %d", MAX_MESSAGES);
    a->messages = calloc(n, sizeof *a->messages);
    a->message_list = calloc(n, sizeof *a->message_list);
    if (a->messages == NULL || a->message_list == NULL ||
        (n_choices > 0 && make_choices(a, n_choices) != 0) ||
        (n_files > 0 && make_files(a, n_files) != 0))
        return fail(why, "out of memory");
    a->answer.messages = a->message_list;
    cJSON_ArrayForEach (item, list) {
        if (read_message(a, item, a->answer.n_messages, &used, &used_files, why) != 0)
            return -1;
        a->answer.n_messages++;
    }
    return 0;
}

/* ---- What is kept as it was written ---------------------------------------------------------- */

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Past one value of valid JSON, without its white space. */
static const char *skip_value(const char *at)
{
    size_t depth = 0;

    do {
        if (*at == '"') {
            for (at++; *at != '"'; at++)
                at += *at == '\\';
            at++;
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (depth > 0) {
            at++;
        } else {
            at += strcspn(at, ",]} \t\r\n");
        }
    } while (depth > 0);
    return at;
}

static int keep(const char *from, const char *to, const char *key, char **json_r,
                char why[HTTP_ANSWER_WHY])
{
    const size_t len = (size_t)(to - from);

    if (len > MAX_TEXT)
        return fail(why, "'%s' is longer than %d bytes", key, MAX_TEXT);
    *json_r = malloc(len + 1);
    if (*json_r == NULL)
        return fail(why, "out of memory");
    memcpy(*json_r, from, len);
    (*json_r)[len] = '\0';
    return 0;
}

/* The text was checked against the grammar, and its members are those of the tree, in order. */
static int keep_parts(struct http_answer *a, const char *text, char why[HTTP_ANSWER_WHY])
{
    struct {
        const char *key;
        int is_array;
        char **json;
    } parts[] = {
        { "sources", 1, &a->sources },
        { "entities", 0, &a->entities },
        { "state", 0, &a->state },
    };
    const char *at = skip_space(text) + 1;

    for (const cJSON *item = a->tree->child; item != NULL; item = item->next) {
        const char *value = skip_space(skip_space(skip_value(skip_space(at))) + 1);

        at = skip_value(value);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            const cJSON *found;

            if (strcmp(item->string, parts[i].key) != 0)
                continue;
            if (read_nested(a->tree, "", parts[i].key, parts[i].is_array, &found, why) != 0 ||
                (found != NULL && keep(value, at, parts[i].key, parts[i].json, why) != 0))
                return -1;
        }
        at = skip_space(at) + 1; /* the comma or the end */
    }
    a->answer.sources = a->sources;
    a->answer.entities = a->entities;
    a->answer.state = a->state;
    return 0;
}

/* ---- The rest -------------------------------------------------------------------------------- */

static int read_decision(struct http_answer *a, char why[HTTP_ANSWER_WHY])
{
    static const char *const names[] = {
        [TD_RESOLVE] = "resolve", [TD_CLARIFY] = "clarify", [TD_ESCALATE] = "escalate",
        [TD_REFUSE] = "refuse",
    };
    const char *name = NULL;

    if (read_text(a->tree, "", "decision", MAX_NAME, &name, why) != 0)
        return -1;
    if (name == NULL)
        return 0;
    for (int decision = TD_RESOLVE; decision <= TD_REFUSE; decision++) {
        if (strcmp(name, names[decision]) == 0)
            a->answer.decision = (enum td_decision)decision;
    }
    if (a->answer.decision == TD_DECISION_NONE)
        return fail(why, "'decision' is '%s', not resolve, clarify, escalate or refuse", name);
    return 0;
}

/* An agent that fills `escalate` or `clarify` without a decision has said it all the same. */
static int read_reasons(struct http_answer *a, char why[HTTP_ANSWER_WHY])
{
    struct td_answer *answer = &a->answer;
    const cJSON *clarify, *escalate;

    if (read_nested(a->tree, "", "clarify", 0, &clarify, why) != 0 ||
        read_nested(a->tree, "", "escalate", 0, &escalate, why) != 0 ||
        read_text(clarify, "clarify.", "slot", MAX_NAME, &answer->clarify_slot, why) != 0 ||
        read_text(escalate, "escalate.", "code", MAX_NAME, &answer->escalate_code, why) != 0 ||
        read_text(escalate, "escalate.", "text", MAX_TEXT, &answer->escalate_text, why) != 0 ||
        read_text(escalate, "escalate.", "queue", MAX_NAME, &answer->escalate_queue, why) != 0)
        return -1;
    if (answer->decision == TD_DECISION_NONE)
        answer->decision = escalate != NULL  ? TD_ESCALATE
                           : clarify != NULL ? TD_CLARIFY
                                             : TD_DECISION_NONE;
    return 0;
}

static int read_intent(struct http_answer *a, char why[HTTP_ANSWER_WHY])
{
    const cJSON *intent, *confidence, *grounded = member(a->tree, "grounded");

    if (read_nested(a->tree, "", "intent", 0, &intent, why) != 0 ||
        read_text(intent, "intent.", "name", MAX_NAME, &a->answer.intent, why) != 0)
        return -1;
    confidence = member(intent, "confidence");
    if (confidence != NULL && (!cJSON_IsNumber(confidence) || confidence->valuedouble < 0 ||
                               confidence->valuedouble > 1))
        return fail(why, "'intent.confidence' is not a number from 0 to 1");
    if (grounded != NULL && !cJSON_IsBool(grounded))
        return fail(why, "'grounded' is not true or false");
    a->answer.confidence = confidence != NULL ? confidence->valuedouble : -1;
    a->answer.grounded = grounded != NULL ? cJSON_IsTrue(grounded) : -1;
    return 0;
}

/* ---- Calls and claims ------------------------------------------------------------------------ */

struct http_asks {
    struct td_call calls[MAX_ASKS];
    const struct td_call *call_list[MAX_ASKS];
    char *arguments[MAX_ASKS];
    const char *claims[MAX_ASKS];
};

static int read_call(struct http_answer *a, const cJSON *item, char why[HTTP_ANSWER_WHY])
{
    size_t at = a->answer.n_calls;
    struct td_call *call = &a->asks->calls[at];
    const cJSON *arguments;
    char place[32];

    snprintf(place, sizeof place, "calls[%zu].", at);
    *call = (struct td_call){ .size = sizeof *call };
    if (!cJSON_IsObject(item))
        return fail(why, "'calls[%zu]' is not an object", at);
    if (read_text(item, place, "call", MAX_NAME, &call->call, why) != 0 ||
        read_text(item, place, "name", MAX_NAME, &call->name, why) != 0 ||
        read_nested(item, place, "arguments", 0, &arguments, why) != 0)
        return -1;
    if (call->call == NULL || call->name == NULL)
        return fail(why, "'calls[%zu]' needs call and name", at);
    a->asks->arguments[at] = arguments != NULL ? cJSON_PrintUnformatted(arguments) : strdup("{}");
    call->arguments = a->asks->arguments[at];
    if (call->arguments == NULL)
        return fail(why, "out of memory");
    a->asks->call_list[a->answer.n_calls++] = call;
    return 0;
}

static int read_asks(struct http_answer *a, char why[HTTP_ANSWER_WHY])
{
    const cJSON *calls, *claims, *item;

    if (read_nested(a->tree, "", "calls", 1, &calls, why) != 0 ||
        read_nested(a->tree, "", "claims", 1, &claims, why) != 0)
        return -1;
    if (cJSON_GetArraySize(calls) > MAX_ASKS || cJSON_GetArraySize(claims) > MAX_ASKS)
        return fail(why, "'calls' and 'claims' have at most %d each", MAX_ASKS);
    if (!has_any(calls) && !has_any(claims))
        return 0;
    if ((a->asks = calloc(1, sizeof *a->asks)) == NULL)
        return fail(why, "out of memory");
    cJSON_ArrayForEach (item, calls) {
        if (read_call(a, item, why) != 0)
            return -1;
    }
    cJSON_ArrayForEach (item, claims) {
        if (!cJSON_IsString(item) || strlen(item->valuestring) > MAX_NAME)
            return fail(why, "'claims[%zu]' is not the name of an action", a->answer.n_claims);
        a->asks->claims[a->answer.n_claims++] = item->valuestring;
    }
    a->answer.calls = a->asks->call_list;
    a->answer.claims = a->asks->claims;
    return 0;
}

static void asks_free(struct http_asks *asks)
{
    for (size_t i = 0; asks != NULL && i < MAX_ASKS; i++)
        free(asks->arguments[i]);
    free(asks);
}

static int read_answer(struct http_answer *a, const char *body, char why[HTTP_ANSWER_WHY])
{
    struct td_answer *answer = &a->answer;

    if (!cJSON_IsObject(a->tree))
        return fail(why, "the answer is JSON, but not an object");
    if (read_messages(a, why) != 0 || read_decision(a, why) != 0 || read_reasons(a, why) != 0 ||
        read_intent(a, why) != 0 || keep_parts(a, body, why) != 0 ||
        read_text(a->tree, "", "silent", MAX_TEXT, &answer->silent, why) != 0 ||
        read_text(a->tree, "", "pass", MAX_NAME, &answer->pass, why) != 0 ||
        read_text(a->tree, "", "summary", MAX_TEXT, &answer->summary, why) != 0 ||
        read_text(a->tree, "", "language", MAX_NAME, &answer->language, why) != 0 ||
        read_asks(a, why) != 0)
        return -1;
    if (answer->n_messages > 0)
        answer->silent = NULL; /* a reason for silence, and it is not silent */
    else if (answer->silent == NULL && answer->decision != TD_ESCALATE && answer->pass == NULL &&
             answer->n_calls == 0)
        return fail(why, "the answer is empty: it needs messages, calls, silent, pass or decision "
                         "escalate");
    return 0;
}

int http_answer_read(struct http_answer *a, const char *body, size_t len, size_t max,
                     char why[HTTP_ANSWER_WHY])
{
    const struct td_json_limits limits = { .bytes = max };
    char wrong[160];

    *a = (struct http_answer){ .answer = { .size = sizeof a->answer, .status = TD_OK } };
    a->tree = td_json_parse(body, len, &limits, wrong, sizeof wrong);
    if (a->tree == NULL)
        return fail(why, "the answer is not JSON: %s", wrong);
    if (read_answer(a, body, why) != 0) {
        http_answer_fini(a);
        return -1;
    }
    return 0;
}

void http_answer_fini(struct http_answer *a)
{
    cJSON_Delete(a->tree);
    asks_free(a->asks);
    free(a->messages);
    free(a->message_list);
    free(a->choices);
    free(a->choice_list);
    free(a->files);
    free(a->file_list);
    free(a->uploads);
    free(a->sources);
    free(a->entities);
    free(a->state);
    *a = (struct http_answer){ .tree = NULL };
}

/* The answer points into what was allocated, not into the struct: it may move. */
void http_answer_move(struct http_answer *to, struct http_answer *from)
{
    *to = *from;
    *from = (struct http_answer){ .tree = NULL };
}

void http_answer_set_id(struct http_answer *a, size_t upload, const char *id)
{
    snprintf(a->uploads[upload].id, sizeof a->uploads[upload].id, "%s", id);
    a->uploads[upload].file->id = a->uploads[upload].id;
}

const char *http_delta_read(const char *body, size_t len, cJSON **tree_r,
                            char why[HTTP_ANSWER_WHY])
{
    const struct td_json_limits limits = { .bytes = MAX_TEXT };
    const cJSON *text;
    char wrong[160];

    *tree_r = td_json_parse(body, len, &limits, wrong, sizeof wrong);
    if (*tree_r == NULL) {
        fail(why, "a delta is not JSON: %s", wrong);
        return NULL;
    }
    text = cJSON_IsObject(*tree_r) ? td_json_get(*tree_r, "text") : NULL;
    if (!cJSON_IsString(text)) {
        fail(why, "a delta is not an object with a 'text'");
        return NULL;
    }
    return text->valuestring;
}
