/* agent_http_request.c - writes what an HTTP agent is asked. */
#include "config.h"

#include "plugins/agent_http_request.h"

#include <stdio.h>
#include <tandem/time.h>

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

static void key_author(struct td_json *j, enum td_author who)
{
    static const char *const names[] = {
        [TD_CUSTOMER] = "\"customer\"", [TD_AI] = "\"agent\"", [TD_HUMAN] = "\"human\"",
        [TD_SYSTEM] = "\"system\"",
    };

    td_json_key(j, "author");
    td_json_raw(j, names[who], strlen(names[who]));
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
        key_author(j, message->author);
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
        key_author(j, message->author);
        td_json_key_str(j, "text", message->text != NULL ? message->text : "");
        if (TD_HAS(message, n_attachments) && message->n_attachments > 0) {
            td_json_key(j, "attachments");
            write_attachments(j, message);
        }
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void key_json(struct td_json *j, const char *key, const char *json)
{
    if (json == NULL)
        return;
    td_json_key(j, key);
    td_json_raw(j, json, strlen(json));
}

static void write_results(struct td_json *j, const struct td_turn *turn)
{
    td_json_key(j, "results");
    td_json_array(j);
    for (size_t i = 0; i < turn->n_results; i++) {
        const struct td_result *result = turn->results[i];

        td_json_object(j);
        td_json_key_str(j, "call", result->call);
        td_json_key_str(j, "name", result->name);
        td_json_key_str(j, "status", result->failed == NULL ? "ok" : "failed");
        key_known(j, "receipt", result->receipt);
        key_known(j, "class", result->failed);
        key_known(j, "detail", result->detail);
        key_json(j, "data", result->data);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void write_stretch(struct td_json *j, const struct td_stretch *stretch)
{
    td_json_key(j, "human_stretch");
    td_json_object(j);
    td_json_key_str(j, "by", stretch->by != NULL ? stretch->by : "");
    key_known(j, "summary", stretch->summary);
    key_json(j, "promises", stretch->promises != NULL ? stretch->promises : "[]");
    key_json(j, "wrapup", stretch->wrapup);
    key_time(j, "started_at", stretch->started_at_ms);
    key_time(j, "ended_at", stretch->ended_at_ms);
    td_json_object_end(j);
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
    if (TD_HAS(turn, n_results) && turn->n_results > 0)
        write_results(j, turn);
    if (TD_HAS(turn, stretch) && turn->stretch != NULL)
        write_stretch(j, turn->stretch);
    td_json_key(j, "budget");
    td_json_object(j);
    key_uint(j, "deadline_ms", turn->deadline_ms);
    key_uint(j, "clarify_left", turn->clarify_left);
    td_json_object_end(j);
    td_json_key(j, "state");
    td_json_raw(j, state, strlen(state));
    td_json_object_end(j);
}
