/* agent_openai_reply.c - completions and chunks become an answer. */
#include "config.h"

#include "plugins/agent_openai_reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "plugins/agent_openai_scan.h"

#define MAX_NAME 128
#define MAX_ERROR 200

struct call {
    char id[MAX_NAME + 1], name[MAX_NAME + 1];
    char *arguments;
    size_t len;
};

struct text {
    char *at;
    size_t len;
};

struct openai_reply {
    openai_text_fn *fn;
    void *arg;
    int as_text, ended, cut, filtered;
    struct text content, refusal;
    size_t bytes; /* of all that is kept */
    struct call calls[OPENAI_CALLS];
    size_t n_calls;
    struct openai_scan scan;
    /* What the answer points to. */
    cJSON *tree;
    struct td_answer answer;
    struct td_message message;
    const struct td_message *messages[1];
    struct td_call td_calls[OPENAI_CALLS];
    const struct td_call *call_list[OPENAI_CALLS];
    struct td_json sources;
};

static int TD_PRINTF(2, 3) fail(char why[OPENAI_WHY], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, OPENAI_WHY, fmt, ap);
    va_end(ap);
    for (size_t at = 0, n; why[at] != '\0'; at += n > 0 ? n : 1) {
        n = td_utf8_step(why + at, strlen(why + at));
        if (n == 0)
            why[at] = '?'; /* what the server said was cut within a character */
    }
    return -1;
}

struct openai_reply *openai_reply_new(int as_text, openai_text_fn *fn, void *arg)
{
    struct openai_reply *r = calloc(1, sizeof *r);

    if (r != NULL) {
        r->as_text = as_text;
        r->fn = fn;
        r->arg = arg;
    }
    return r;
}

void openai_reply_free(struct openai_reply **reply)
{
    struct openai_reply *r = *reply;

    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_calls; i++)
        free(r->calls[i].arguments);
    free(r->content.at);
    free(r->refusal.at);
    cJSON_Delete(r->tree);
    td_json_free(&r->sources);
    free(r);
    *reply = NULL;
}

/* ---- What comes ------------------------------------------------------------------------------ */

static int append(struct openai_reply *r, char **at, size_t *len, const char *from,
                  char why[OPENAI_WHY])
{
    const size_t n = strlen(from);
    char *grown;

    if (n > OPENAI_CONTENT_MAX - r->bytes)
        return fail(why, "the answer is longer than %d bytes", OPENAI_CONTENT_MAX);
    grown = realloc(*at, *len + n + 1);
    if (grown == NULL)
        return fail(why, "out of memory");
    memcpy(grown + *len, from, n + 1);
    *at = grown;
    *len += n;
    r->bytes += n;
    return 0;
}

static void show(struct openai_reply *r, const char *from)
{
    const size_t len = strlen(from);
    char *part;

    if (r->fn == NULL || len == 0)
        return;
    if (r->as_text) {
        r->fn(r->arg, from);
        return;
    }
    part = malloc(len * 4 + 1); /* without memory the whole comes at the end only */
    if (part != NULL && openai_scan_feed(&r->scan, from, len, part) > 0)
        r->fn(r->arg, part);
    free(part);
}

static int take_content(struct openai_reply *r, const cJSON *delta, char why[OPENAI_WHY])
{
    const char *content = td_json_get_str(delta, "content");
    const char *refusal = td_json_get_str(delta, "refusal");

    if (refusal != NULL && append(r, &r->refusal.at, &r->refusal.len, refusal, why) != 0)
        return -1;
    if (content == NULL)
        return 0;
    if (append(r, &r->content.at, &r->content.len, content, why) != 0)
        return -1;
    show(r, content);
    return 0;
}

static int set_name(char *name, const char *value, const char *what, char why[OPENAI_WHY])
{
    if (value == NULL || *value == '\0')
        return 0;
    if (strlen(value) > MAX_NAME)
        return fail(why, "the %s of a tool call is longer than %d bytes", what, MAX_NAME);
    snprintf(name, MAX_NAME + 1, "%s", value);
    return 0;
}

/* Chunks say which call they are of by `index`; whole completions have them in order. */
static int take_call(struct openai_reply *r, const cJSON *item, size_t place, char why[OPENAI_WHY])
{
    const cJSON *function = td_json_get(item, "function");
    const char *arguments = td_json_get_str(function, "arguments");
    int64_t index = (int64_t)place;
    struct call *call;

    (void)td_json_get_int(item, "index", &index);
    if (index < 0 || index >= OPENAI_CALLS || (size_t)index > r->n_calls)
        return fail(why, "a tool call's index is out of order, or there are more than %d",
                    OPENAI_CALLS);
    if ((size_t)index == r->n_calls)
        r->calls[r->n_calls++] = (struct call){ .arguments = NULL };
    call = &r->calls[index];
    if (set_name(call->id, td_json_get_str(item, "id"), "id", why) != 0 ||
        set_name(call->name, td_json_get_str(function, "name"), "name", why) != 0)
        return -1;
    return arguments == NULL ? 0 : append(r, &call->arguments, &call->len, arguments, why);
}

static int take_delta(struct openai_reply *r, const cJSON *delta, char why[OPENAI_WHY])
{
    const cJSON *calls = td_json_get(delta, "tool_calls"), *item;
    size_t place = 0;

    if (take_content(r, delta, why) != 0)
        return -1;
    cJSON_ArrayForEach (item, calls) {
        if (take_call(r, item, place++, why) != 0)
            return -1;
    }
    return 0;
}

/* what: "delta" of a chunk, "message" of a completion. Only the first choice is looked at. */
static int take_object(struct openai_reply *r, const cJSON *object, const char *what,
                       char why[OPENAI_WHY])
{
    const cJSON *choices = td_json_get(object, "choices"), *choice, *error;
    const char *reason;

    if (!cJSON_IsObject(object))
        return fail(why, "the server's answer is JSON, but not an object");
    if ((error = td_json_get(object, "error")) != NULL && !cJSON_IsNull(error)) {
        const char *text = td_json_get_str(error, "message");
        return fail(why, "the server says: %.*s", MAX_ERROR, text != NULL ? text : "an error");
    }
    if (!cJSON_IsArray(choices))
        return fail(why, "the server's answer has no 'choices': is `url` that of chat completions?");
    choice = choices->child;
    if (choice == NULL)
        return 0; /* a chunk that only counts tokens */
    if (take_delta(r, td_json_get(choice, what), why) != 0)
        return -1;
    reason = td_json_get_str(choice, "finish_reason");
    r->cut |= reason != NULL && strcmp(reason, "length") == 0;
    r->filtered |= reason != NULL && strcmp(reason, "content_filter") == 0;
    return 0;
}

static int take(struct openai_reply *r, const char *json, size_t len, const char *what,
                char why[OPENAI_WHY])
{
    char wrong[160];
    cJSON *tree = td_json_parse(json, len, NULL, wrong, sizeof wrong);
    int rc;

    if (tree == NULL)
        return fail(why, "the server's answer is not JSON: %s", wrong);
    rc = take_object(r, tree, what, why);
    cJSON_Delete(tree);
    return rc;
}

int openai_reply_chunk(struct openai_reply *reply, const char *json, size_t len,
                       char why[OPENAI_WHY])
{
    if (len == 6 && memcmp(json, "[DONE]", 6) == 0) {
        reply->ended = 1;
        return 0;
    }
    return take(reply, json, len, "delta", why);
}

int openai_reply_whole(struct openai_reply *reply, const char *json, size_t len,
                       char why[OPENAI_WHY])
{
    reply->ended = 1;
    return take(reply, json, len, "message", why);
}

int openai_reply_ended(const struct openai_reply *reply)
{
    return reply->ended;
}

/* ---- What it says ---------------------------------------------------------------------------- */

/* The first object in a text: its bytes; 0: there is none that ends. */
static size_t object_in(const char *text, const char **from_r)
{
    const char *from = strchr(text, '{'), *at;
    size_t depth = 0;
    int string = 0;

    if (from == NULL)
        return 0;
    *from_r = from;
    for (at = from; *at != '\0'; at++) {
        if (string && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            string = !string;
        else if (!string && (*at == '{' || *at == '['))
            depth++;
        else if (!string && (*at == '}' || *at == ']') && --depth == 0)
            return (size_t)(at - from) + 1;
    }
    return 0;
}

/* Text with braces in it is no object; an object without a message is no text. */
static int is_object(const char *text)
{
    const char *first = text + strspn(text, " \t\r\n");

    return *first == '{' || *first == '`' || strstr(text, "\"message\"") != NULL;
}

/* NULL is as if it were not there, and so is an empty text. */
static int read_text(const cJSON *object, const char *key, const char **text_r,
                     char why[OPENAI_WHY])
{
    const cJSON *item = td_json_get(object, key);

    *text_r = NULL;
    if (item == NULL || cJSON_IsNull(item))
        return 0;
    if (!cJSON_IsString(item))
        return fail(why, "the model's '%s' is not a string", key);
    if (item->valuestring[0] != '\0')
        *text_r = item->valuestring;
    return 0;
}

static int read_decision(struct openai_reply *r, char why[OPENAI_WHY])
{
    static const char *const names[] = { "", "resolve", "clarify", "escalate", "refuse" };
    const char *name;

    if (read_text(r->tree, "decision", &name, why) != 0)
        return -1;
    for (int i = TD_RESOLVE; name != NULL && i <= TD_REFUSE; i++) {
        if (strcmp(name, names[i]) == 0)
            r->answer.decision = (enum td_decision)i;
    }
    return name == NULL || r->answer.decision != TD_DECISION_NONE
               ? 0
               : fail(why, "the model's 'decision' is '%.32s', not resolve, clarify, escalate or "
                           "refuse", name);
}

static int read_grounds(struct openai_reply *r, const char *const *known, size_t n_known,
                        char why[OPENAI_WHY])
{
    const cJSON *grounded = td_json_get(r->tree, "grounded"), *item;
    const cJSON *confidence = td_json_get(r->tree, "confidence");
    size_t n = 0;

    if (cJSON_IsNumber(confidence) && confidence->valuedouble >= 0 && confidence->valuedouble <= 1)
        r->answer.confidence = confidence->valuedouble;
    else if (confidence != NULL && !cJSON_IsNull(confidence))
        return fail(why, "the model's 'confidence' is not a number from 0 to 1");
    if (grounded != NULL && !cJSON_IsNull(grounded) && !cJSON_IsBool(grounded))
        return fail(why, "the model's 'grounded' is not true or false");
    td_json_array(&r->sources);
    cJSON_ArrayForEach (item, td_json_get(r->tree, "sources")) {
        for (size_t i = 0; i < n_known && cJSON_IsString(item); i++) {
            if (strcmp(known[i], item->valuestring) == 0 && n++ < n_known)
                td_json_str(&r->sources, item->valuestring);
        }
    }
    td_json_array_end(&r->sources);
    if (n > 0)
        r->answer.sources = td_json_text(&r->sources);
    if (cJSON_IsBool(grounded))
        r->answer.grounded = cJSON_IsTrue(grounded) && n > 0;
    return r->sources.failed ? fail(why, "out of memory") : 0;
}

static void say(struct openai_reply *r, const char *text)
{
    r->message = (struct td_message){ .size = sizeof r->message, .author = TD_AI, .text = text };
    r->messages[0] = &r->message;
    r->answer.messages = r->messages;
    r->answer.n_messages = 1;
}

static int read_object(struct openai_reply *r, const char *const *known, size_t n_known,
                       char why[OPENAI_WHY])
{
    struct td_answer *a = &r->answer;
    const char *message;

    if (read_decision(r, why) != 0 || read_text(r->tree, "message", &message, why) != 0 ||
        read_text(r->tree, "intent", &a->intent, why) != 0 ||
        read_text(r->tree, "slot", &a->clarify_slot, why) != 0 ||
        read_text(r->tree, "reason", &a->escalate_code, why) != 0 ||
        read_text(r->tree, "summary", &a->summary, why) != 0 ||
        read_text(r->tree, "language", &a->language, why) != 0 ||
        read_grounds(r, known, n_known, why) != 0)
        return -1;
    if (a->decision != TD_CLARIFY)
        a->clarify_slot = NULL;
    if (a->decision != TD_ESCALATE)
        a->escalate_code = NULL;
    else
        a->escalate_text = a->summary;
    if (message != NULL)
        say(r, message);
    return 0;
}

static int read_content(struct openai_reply *r, const char *const *known, size_t n_known,
                        char why[OPENAI_WHY])
{
    const char *text = r->content.at != NULL ? r->content.at : "", *object = NULL;
    size_t len = r->as_text || !is_object(text) ? 0 : object_in(text, &object);
    char wrong[160];

    if (len == 0 && object != NULL)
        return fail(why, "the model's answer begins an object that has no end");
    if (len == 0) {
        if (text[strspn(text, " \t\r\n")] != '\0')
            say(r, text);
        return 0;
    }
    r->tree = td_json_parse(object, len, NULL, wrong, sizeof wrong);
    if (r->tree == NULL)
        return fail(why, "the model's answer is not JSON: %s", wrong);
    return read_object(r, known, n_known, why);
}

/* Ids that are missing, as some servers leave them, are made of the turn's. */
static int read_calls(struct openai_reply *r, const char *turn, char why[OPENAI_WHY])
{
    for (size_t i = 0; i < r->n_calls; i++) {
        struct call *call = &r->calls[i];
        const char *arguments = call->len > 0 ? call->arguments : "{}";
        char wrong[160] = "it is not an object";
        cJSON *tree = td_json_parse(arguments, strlen(arguments), NULL, wrong, sizeof wrong);
        const int good = cJSON_IsObject(tree);

        cJSON_Delete(tree);
        if (call->name[0] == '\0')
            return fail(why, "the model's tool call %zu has no name", i);
        if (!good)
            return fail(why, "the arguments of the model's call of '%.64s' are no object: %s",
                        call->name, wrong);
        if (call->id[0] == '\0')
            snprintf(call->id, sizeof call->id, "%.64s-%zu", turn, i);
        r->td_calls[i] = (struct td_call){ .size = sizeof r->td_calls[i], .call = call->id,
                                           .name = call->name, .arguments = arguments };
        r->call_list[i] = &r->td_calls[i];
    }
    r->answer.calls = r->call_list;
    r->answer.n_calls = r->n_calls;
    return 0;
}

int openai_reply_answer(struct openai_reply *r, const char *turn, const char *const *known,
                        size_t n_known, const struct td_answer **answer_r, char why[OPENAI_WHY])
{
    r->answer = (struct td_answer){ .size = sizeof r->answer, .status = TD_OK, .confidence = -1,
                                    .grounded = -1 };
    *answer_r = &r->answer;
    if (r->cut)
        return fail(why, "the model's answer was cut off at max_tokens: raise it");
    if (r->filtered)
        return fail(why, "the server's content filter has stopped the answer");
    if (r->refusal.len > 0) {
        r->answer.decision = TD_REFUSE;
        say(r, r->refusal.at);
        return 0;
    }
    if (read_content(r, known, n_known, why) != 0 || read_calls(r, turn, why) != 0)
        return -1;
    if (r->n_calls > 0)
        r->answer.decision = TD_DECISION_NONE; /* what it amounts to is said after the results */
    if (r->answer.n_messages == 0 && r->n_calls == 0 && r->answer.decision != TD_ESCALATE)
        return fail(why, "the model's answer is empty: it needs a message, a tool call or decision "
                         "escalate");
    return 0;
}

void openai_error_text(const char *body, size_t len, char *text_r, size_t size)
{
    char wrong[160];
    cJSON *tree = td_json_parse(body, len, NULL, wrong, sizeof wrong);
    const cJSON *error = td_json_get(tree, "error");
    const char *text = cJSON_IsString(error) ? error->valuestring : td_json_get_str(error, "message");
    size_t n = text != NULL ? strlen(text) : 0;

    if (n >= size)
        n = size - 1;
    while (n > 0 && text[n] != '\0' && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    snprintf(text_r, size, "%.*s", (int)n, text != NULL ? text : "");
    cJSON_Delete(tree);
}
