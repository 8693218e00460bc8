/*
 * desk_chatwoot_hook.c - Chatwoot's webhooks: what its humans do, done to the handoff in order.
 *
 * An act may need another one first: who writes without having the customer takes over, be it from
 * the queue, from another human, or after it was over. Each has an id made of
 * Chatwoot's own, so that a webhook that comes twice counts once. Chatwoot does not ask again, so
 * what the host has no room for is tried again from here.
 */
#include "config.h"

#include "plugins/desk_chatwoot_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "plugins/shared/desk_hook.h"
#include "plugins/shared/desk_reply.h"
#include "plugins/shared/sign.h"

#define MAX_TRIES 6
#define FIRST_MS 250
#define MAX_ACTS 200 /* of a handoff that wait */
#define PREFIX "tandem_"

static void run(struct talk *talk);

/* ---- Acts ---------------------------------------------------------------------------------- */

static void reply(struct desk *desk, uint64_t *request, int status, const char *code,
                  const char *message)
{
    if (*request != 0 && status == 200)
        desk_reply_json(desk->host, desk->inst, *request, "{\"ok\":true}");
    else if (*request != 0)
        desk_reply_error(desk->host, desk->inst, *request, status, code, message, NULL,
                         status == 503 ? 1000 : 0);
    *request = 0;
}

static void act_free(struct talk *talk, struct act *act)
{
    DL_DELETE(talk->acts, act);
    free(act->id);
    free(act->human);
    free(act->text);
    free(act);
}

/* A human who wrote must know when it did not arrive. */
static void failed(struct talk *talk, const struct act *act, const char *why)
{
    char text[300], id[200];

    if (act->op != TD_OP_MESSAGE)
        return;
    snprintf(text, sizeof text, "Not sent to the customer: %.200s.", why);
    snprintf(id, sizeof id, "%.60s.failed", act->id);
    api_add(talk, TASK_NOTE, 0, id, text);
}

static void act_over(struct talk *talk, int status, const char *code, const char *why)
{
    struct act *act = talk->acts;

    if (status != 200)
        failed(talk, act, why);
    reply(talk->desk, &act->request, status, code, why);
    act_free(talk, act);
    run(talk);
}

static void start(struct talk *talk, enum td_desk_op op)
{
    struct desk *desk = talk->desk;
    const struct act *act = talk->acts;
    char id[128];
    const struct td_message message = { .size = sizeof message, .author = TD_HUMAN,
                                        .text = act->text, .id = act->id };
    const struct td_desk_request request = {
        .size = sizeof request, .op = op, .id = op == act->op ? act->id : id,
        .handoff = op == TD_OP_TAKE ? NULL : talk->handoff,
        .session = op == TD_OP_TAKE ? talk->session : NULL,
        .human = act->human, .on = act->on, .text = op == TD_OP_MESSAGE ? NULL : act->text,
        .message = op == TD_OP_MESSAGE ? &message : NULL,
    };

    snprintf(id, sizeof id, "%.90s.take", act->id);
    talk->doing = op;
    talk->op_job = ++desk->last_job;
    HASH_ADD(hop, desk->doing, op_job, sizeof talk->op_job, talk);
    desk->host->desk(desk->inst, talk->op_job, &request);
}

static void take(struct talk *talk, struct act *act)
{
    act->took = 1;
    start(talk, TD_OP_TAKE);
}

/* What has to be done before, or the act itself. */
static void run(struct talk *talk)
{
    struct act *act = talk->acts;

    if (act == NULL) {
        talk_settle(talk);
        return;
    }
    if (talk->op_job != 0 || talk->op_again != NULL)
        return;
    if (act->human == NULL && talk->human != NULL)
        act->human = strdup(talk->human);
    int has = act->human != NULL && talk->human != NULL && strcmp(act->human, talk->human) == 0;
    if (act->human == NULL && act->op == TD_OP_RETURN)
        act->op = TD_OP_DECLINE; /* nobody has it */
    if (talk->over && act->op != TD_OP_MESSAGE)
        act_over(talk, 200, NULL, NULL);
    else if (act->op == TD_OP_MESSAGE && !has && !act->took)
        take(talk, act);
    else if (act->op == TD_OP_ACCEPT && talk->human != NULL)
        has ? act_over(talk, 200, NULL, NULL) : start(talk, TD_OP_TAKE);
    else
        start(talk, act->op);
}

static void on_again(void *arg)
{
    struct talk *talk = arg;

    talk->op_again = NULL;
    run(talk);
}

static void now_has(struct talk *talk, const char *human)
{
    free(talk->human);
    talk->human = strdup(human);
}

static void succeeded(struct talk *talk, const struct td_desk_done *done)
{
    struct act *act = talk->acts;
    enum td_desk_op did = talk->doing;

    talk->known = 1;
    if (did == TD_OP_ACCEPT || did == TD_OP_TAKE)
        now_has(talk, act->human);
    if (did == TD_OP_TAKE && done->handoff != NULL && strcmp(done->handoff, talk->handoff) != 0) {
        talk_rename(talk, done->handoff);
        api_add(talk, TASK_RENAME, 0, NULL, NULL);
    }
    talk->over &= did != TD_OP_TAKE;
    if (did != act->op && act->op != TD_OP_ACCEPT)
        run(talk);
    else
        act_over(talk, 200, NULL, NULL);
}

static void refused(struct talk *talk, const struct td_desk_done *done)
{
    struct act *act = talk->acts;
    const char *code = done->code != NULL ? done->code : "refused";
    const char *why = done->detail != NULL ? done->detail : code;

    if (act->op == TD_OP_MESSAGE && !act->took &&
        (strcmp(code, "over") == 0 || strcmp(code, "not_yours") == 0)) {
        take(talk, act); /* it had been taken from them */
    } else if (strcmp(code, "over") == 0 && act->op != TD_OP_MESSAGE) {
        act_over(talk, 200, NULL, NULL); /* nothing is left to do */
    } else if (strcmp(code, "no_agent") == 0) {
        api_add(talk, TASK_NOTE, 0, act->id,
                "It stays with you: there is no agent that could go on with this customer.");
        talk->resolved = 0;
        act_over(talk, 409, code, why);
    } else {
        act_over(talk, 409, code, why);
    }
}

void hook_done(struct desk *desk, uint64_t job, const struct td_desk_done *done)
{
    struct talk *talk;
    struct act *act;

    HASH_FIND(hop, desk->doing, &job, sizeof job, talk);
    if (talk == NULL)
        return;
    HASH_DELETE(hop, desk->doing, talk);
    talk->op_job = 0;
    act = talk->acts;
    if (done->status == TD_OK) {
        succeeded(talk, done);
    } else if (done->status != TD_RETRY) {
        refused(talk, done);
    } else if (++act->tries < MAX_TRIES) {
        uint32_t ms = done->retry_after_ms > 0 ? done->retry_after_ms
                                               : (uint32_t)FIRST_MS << act->tries;
        talk->op_again = desk->host->timer_add(desk->inst, ms, on_again, talk);
    } else {
        act_over(talk, 503, "busy", "the gateway is busy");
    }
}

void hook_drop(struct talk *talk)
{
    struct desk *desk = talk->desk;

    desk->host->timer_del(&talk->op_again);
    if (talk->op_job != 0)
        HASH_DELETE(hop, desk->doing, talk);
    talk->op_job = 0;
    while (talk->acts != NULL) {
        reply(desk, &talk->acts->request, 503, "busy", "the desk is closing");
        act_free(talk, talk->acts);
    }
}

/* ---- Webhooks ------------------------------------------------------------------------------ */

/* Files by their links. */
static char *text_of(const cJSON *body)
{
    const char *content = td_json_get_str(body, "content");
    const cJSON *file;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    fputs(content != NULL ? content : "", out);
    cJSON_ArrayForEach(file, td_json_get(body, "attachments"))
    {
        const char *url = td_json_get_str(file, "data_url");
        if (url != NULL)
            fprintf(out, "%s%s", ftell(out) > 0 ? "\n" : "", url);
    }
    fclose(out);
    return text;
}

static int is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static int read_message(const cJSON *body, struct act *act)
{
    const cJSON *sender = td_json_get(body, "sender"), *note = td_json_get(body, "private");
    const char *name = td_json_get_str(sender, "name");
    int64_t number;
    char id[64];

    if (!is(td_json_get_str(body, "message_type"), "outgoing") ||
        is(td_json_get_str(sender, "type"), "agent_bot") ||
        td_json_get_str(td_json_get(body, "content_attributes"), PREFIX "id") != NULL ||
        !td_json_get_int(body, "id", &number))
        return -1;
    snprintf(id, sizeof id, "chatwoot.%" PRId64, number);
    act->op = cJSON_IsTrue(note) ? TD_OP_NOTE : TD_OP_MESSAGE;
    act->id = strdup(id);
    act->human = strdup(name != NULL ? name : "Support");
    act->text = text_of(body);
    return act->text != NULL && *act->text != '\0' ? 0 : -1;
}

static const char *assignee(const cJSON *conversation)
{
    return td_json_get_str(td_json_get(td_json_get(conversation, "meta"), "assignee"), "name");
}

static int is_assigned(const cJSON *body)
{
    const cJSON *changes = td_json_get(body, "changed_attributes"), *each;

    cJSON_ArrayForEach(each, changes)
    {
        if (td_json_get(each, "assignee_id") != NULL)
            return 1;
    }
    return changes == NULL;
}

/* An id for what Chatwoot gives none: the same for the same change of the same handoff. */
static char *id_of(const struct talk *talk, const cJSON *body, const char *what)
{
    double at = 0;
    char id[128];

    td_json_get_num(body, "updated_at", &at);
    snprintf(id, sizeof id, "chatwoot.%.40s.%.30s.%.0f", talk->handoff, what, at);
    return strdup(id);
}

/* -1: it says nothing to us. */
static int read_event(struct talk *talk, const char *event, const cJSON *body, struct act *act)
{
    const char *status = td_json_get_str(body, "status"), *who = assignee(body);
    int moved = is(event, "conversation_status_changed");

    if (is(event, "message_created"))
        return read_message(body, act);
    talk->resolved &= !moved;
    if (moved && (is(status, "resolved") || is(status, "pending"))) {
        talk->resolved = 1;
        act->op = TD_OP_RETURN;
        act->id = id_of(talk, body, "return");
        return 0;
    }
    if (is(event, "conversation_updated") && who != NULL && is_assigned(body) &&
        talk->desk->conf->accept == ACCEPT_ASSIGNED) {
        act->op = TD_OP_ACCEPT;
        act->id = id_of(talk, body, who);
        act->human = strdup(who);
        return 0;
    }
    if ((is(event, "conversation_typing_on") || is(event, "conversation_typing_off")) &&
        talk->human != NULL && !cJSON_IsTrue(td_json_get(body, "is_private"))) {
        act->op = TD_OP_TYPING;
        act->on = is(event, "conversation_typing_on");
        act->id = strdup("typing");
        return 0;
    }
    return -1;
}

static void keep_attributes(struct talk *talk, const cJSON *attributes)
{
    char *text = cJSON_PrintUnformatted(attributes);

    if (text != NULL) {
        free(talk->attributes);
        talk->attributes = text;
    }
}

static void on_event(struct desk *desk, uint64_t request, const cJSON *body)
{
    const char *event = td_json_get_str(body, "event");
    const cJSON *inner = td_json_get(body, "conversation");
    const cJSON *conversation = inner != NULL ? inner : body;
    const cJSON *attributes = td_json_get(conversation, "custom_attributes");
    const char *handoff = td_json_get_str(attributes, PREFIX "handoff_id");
    const char *session = td_json_get_str(attributes, PREFIX "session_id");
    struct talk *talk = NULL;
    struct act *act, *each;
    int waiting;

    if (event == NULL || handoff == NULL || session == NULL || strlen(handoff) > 40 ||
        strlen(session) > 40) { /* a conversation of somebody else */
        reply(desk, &request, 200, NULL, NULL);
        return;
    }
    talk = talk_of(desk, handoff, session);
    act = calloc(1, sizeof *act);
    if (talk == NULL || act == NULL) {
        free(act);
        reply(desk, &request, 503, "busy", "out of memory");
        return;
    }
    if (talk->conversation == 0 && td_json_get_int(conversation, "id", &talk->conversation))
        talk->doubt = 1;
    keep_attributes(talk, attributes);
    DL_APPEND(talk->acts, act);
    DL_COUNT(talk->acts, each, waiting);
    if (read_event(talk, event, body, act) != 0 || act->id == NULL || waiting > MAX_ACTS) {
        reply(desk, &request, waiting > MAX_ACTS ? 503 : 200, "busy", "too much waits already");
        act_free(talk, act);
        talk_settle(talk);
        return;
    }
    act->request = request;
    run(talk);
}

/* The token of the query, as it was sent. */
static int has_token(const struct desk *desk, const struct td_web_request *web)
{
    const char *token = strncmp(web->query, "token=", 6) == 0 ? web->query + 6 : NULL;

    return token != NULL && sign_is_token(desk->keys, token);
}

void hook_request(void *arg, const struct td_web_request *web)
{
    struct desk *desk = arg;
    const struct sign_check check = { .scheme = SIGN_BY_CHATWOOT, .keys = desk->keys,
                                      .tolerance_ms = desk->conf->tolerance,
                                      .now_ms = desk->host->now(desk->inst) };
    int is_theirs = desk->conf->verify == VERIFY_TOKEN ? has_token(desk, web)
                                                       : sign_verify(&check, web);
    cJSON *body = desk_hook_body(desk->host, desk->inst, web, is_theirs);

    if (body != NULL)
        on_event(desk, web->id, body);
    cJSON_Delete(body);
}
