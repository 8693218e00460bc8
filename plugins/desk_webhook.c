/*
 * desk_webhook.c - a foreign desk by signed webhooks: events out, what its humans do in.
 *
 * Out, one POST each to `url`: handoff.offered with the package, handoff.delta, handoff.message,
 * handoff.cancelled, handoff.ended. In: POST /hooks/<name> with {handoff, op, id, human, ..}. Both
 * ways are signed (Standard Webhooks). The webhook-id of an event is the same whenever it is posted
 * again, and so is what it means; the host asks again for what failed, except for an end, which is
 * posted again from here.
 */
#include "config.h"

#include <inttypes.h>
#include <utlist.h>

#include <tandem/json.h>
#include <tandem/plugin.h>
#include <tandem/time.h>

#include "plugins/shared/desk_hook.h"
#include "plugins/shared/desk_reply.h"
#include "plugins/shared/http_outcome.h"
#include "plugins/shared/sign.h"

#define MAX_ENDS 1000 /* ends of handoffs that wait to be posted */
#define MAX_TRIES 10
#define FIRST_MS 1000
#define MAX_TEXT 65536

struct conf {
    const char *url, *secret, *path, *human;
    int64_t timeout, tolerance;
};

enum what { OFFER, RELAY, END };

/* An event on its way. */
struct post {
    struct post *prev, *next;
    struct desk *desk;
    enum what what;
    uint64_t job;
    struct td_http *http;
    struct td_timer *timer; /* END: until it is posted again */
    unsigned tries;
    char *id, *body;
};

/* A request that waits for done(). */
struct call {
    struct call *prev, *next;
    uint64_t job, request;
};

struct desk {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    struct sign_keys *keys;
    struct post *posts;
    size_t n_ends;
    struct call *calls;
    uint64_t last_job;
};

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, url, TD_REQUIRED, NULL, "Where events are posted to."),
    TD_CONF_SECRET(struct conf, secret, TD_REQUIRED,
                   "Signs both ways (Standard Webhooks): whsec_ and base64, or the key itself; "
                   "several with white space between all verify, the first one signs."),
    TD_CONF_STR(struct conf, path, 0, NULL,
                "Where the desk posts to; unset, /hooks/ and the name of the section."),
    TD_CONF_STR(struct conf, human, 0, "Support",
                "Who answers, when the desk does not say."),
    TD_CONF_DURATION(struct conf, timeout, 0, "10s", 100, 120000, "Time for a post."),
    TD_CONF_DURATION(struct conf, tolerance, 0, "5min", 1000, 3600000,
                     "How far the timestamp of a signature may be from now."),
    TD_CONF_END,
};

/* ---- Out --------------------------------------------------------------------------------- */

static void post_free(struct post *post)
{
    struct desk *desk = post->desk;

    DL_DELETE(desk->posts, post);
    desk->n_ends -= post->what == END;
    desk->host->http_cancel(&post->http);
    desk->host->timer_del(&post->timer);
    free(post->id);
    free(post->body);
    free(post);
}

/* {"status":"accepted","human"} | {"status":"declined","reason"} | {"position"?,"wait_s"?}. */
static void read_offered(const cJSON *body, struct td_offered *out)
{
    const char *status = td_json_get_str(body, "status");
    int64_t number;

    if (status != NULL && strcmp(status, "accepted") == 0) {
        out->human = td_json_get_str(body, "human");
    } else if (status != NULL && strcmp(status, "declined") == 0) {
        const char *reason = td_json_get_str(body, "reason");
        out->status = TD_REJECT;
        out->detail = reason != NULL ? reason : "the desk declined";
    }
    if (td_json_get_int(body, "position", &number) && number > 0 && number < 1000000)
        out->position = (uint32_t)number;
    if (td_json_get_int(body, "wait_s", &number) && number >= 0 && number < 86400 * 30)
        out->wait_ms = number * 1000;
}

static void offer_over(struct post *post, enum td_status status,
                       const struct td_http_response *r, const char *detail)
{
    struct desk *desk = post->desk;
    cJSON *body = status == TD_OK ? td_json_parse(r->body, r->body_len, NULL, NULL, 0) : NULL;
    struct td_offered out = {
        .size = sizeof out, .status = status, .wait_ms = -1,
        .detail = status != TD_OK ? detail : NULL,
        .retry_after_ms = http_outcome_later(r),
    };

    read_offered(body, &out);
    desk->host->offered(desk->inst, post->job, &out);
    cJSON_Delete(body);
    post_free(post);
}

static void post_again(void *arg);

static void end_over(struct post *post, enum td_status status, const char *detail)
{
    struct desk *desk = post->desk;

    if (status == TD_OK) {
        post_free(post);
    } else if (status == TD_RETRY && ++post->tries < MAX_TRIES) {
        post->timer = desk->host->timer_add(desk->inst, FIRST_MS << post->tries, post_again, post);
    } else {
        desk->host->log(desk->inst, TD_WARN, "the desk was not told of an end (%s): %s", post->id,
                        detail);
        desk->host->count(desk->inst, "ends_lost", 1);
        post_free(post);
    }
}

static void on_response(void *arg, const struct td_http_response *r)
{
    struct post *post = arg;
    struct desk *desk = post->desk;
    enum td_status status = http_outcome(r);
    char detail[200];

    post->http = NULL;
    http_outcome_why(r, "the desk", detail, sizeof detail);
    if (post->what == OFFER) {
        offer_over(post, status, r, detail);
    } else if (post->what == END) {
        end_over(post, status, detail);
    } else {
        desk->host->sent(desk->inst, post->job, &(struct td_sent){
            .size = sizeof(struct td_sent), .status = status,
            .detail = status != TD_OK ? detail : NULL,
            .retry_after_ms = http_outcome_later(r),
        });
        post_free(post);
    }
}

/* -1: nothing can be posted right now. */
static int post_start(struct post *post)
{
    struct desk *desk = post->desk;
    char timestamp[24], signature[SIGN_STANDARD];
    const struct td_header headers[] = {
        { "Content-Type", "application/json" },
        { "webhook-id", post->id },
        { "webhook-timestamp", timestamp },
        { "webhook-signature", signature },
    };
    size_t len = strlen(post->body);

    snprintf(timestamp, sizeof timestamp, "%" PRId64, desk->host->now(desk->inst) / 1000);
    if (sign_standard(desk->keys, post->id, timestamp, post->body, len, signature) != 0)
        return -1;
    post->http = desk->host->http_start(desk->inst, &(struct td_http_request){
        .size = sizeof(struct td_http_request), .method = "POST", .url = desk->conf->url,
        .headers = headers, .n_headers = sizeof headers / sizeof *headers, .body = post->body,
        .body_len = len, .timeout_ms = (uint32_t)desk->conf->timeout, .max_response = 65536,
    }, on_response, post);
    return post->http != NULL ? 0 : -1;
}

static void post_again(void *arg)
{
    struct post *post = arg;

    post->timer = NULL;
    if (post_start(post) != 0)
        end_over(post, TD_RETRY, "it could not be posted");
}

/* Takes the text of `json`, whose object is still open. -1: it did not go out. */
static int post_event(struct desk *desk, enum what what, uint64_t job, const char *id,
                      struct td_json *json)
{
    struct post *post = calloc(1, sizeof *post);

    td_json_object_end(json);
    if (post == NULL) {
        td_json_free(json);
        return -1;
    }
    post->desk = desk;
    post->what = what;
    post->job = job;
    post->body = td_json_take(json);
    post->id = strdup(id);
    DL_APPEND(desk->posts, post);
    desk->n_ends += what == END;
    if (post->body != NULL && post->id != NULL && post_start(post) == 0)
        return 0;
    post_free(post);
    return -1;
}

static void event_begin(struct desk *desk, struct td_json *j, const char *event,
                        const char *handoff, const char *session)
{
    char at[TD_TIME_TEXT];

    td_time_format(desk->host->now(desk->inst), at);
    td_json_object(j);
    td_json_key_str(j, "event", event);
    td_json_key_str(j, "at", at);
    td_json_key_str(j, "handoff", handoff);
    if (session != NULL)
        td_json_key_str(j, "session", session);
}

static void desk_offer(void *self, uint64_t job, const struct td_handoff *handoff)
{
    struct desk *desk = self;
    struct td_json j = { 0 };
    char id[200], since[TD_TIME_TEXT];

    snprintf(id, sizeof id, "%.128s.offered.%" PRIu64, handoff->id, handoff->epoch);
    td_time_format(handoff->since_at_ms, since);
    event_begin(desk, &j, "handoff.offered", handoff->id, handoff->session);
    td_json_key_str(&j, "queue", handoff->queue);
    td_json_key_int(&j, "epoch", (int64_t)handoff->epoch);
    td_json_key_str(&j, "reason", handoff->reason);
    td_json_key_int(&j, "priority", handoff->priority);
    td_json_key_str(&j, "since", since);
    td_json_key(&j, "package");
    td_json_raw(&j, handoff->package, strlen(handoff->package));
    if (post_event(desk, OFFER, job, id, &j) != 0)
        desk->host->offered(desk->inst, job, &(struct td_offered){
            .size = sizeof(struct td_offered), .status = TD_RETRY, .wait_ms = -1,
            .detail = "the offer could not be posted",
        });
}

static void write_message(struct td_json *j, const struct td_message *m)
{
    static const char *const authors[] = { "customer", "agent", "human", "system" };
    char at[TD_TIME_TEXT];

    td_time_format(m->at_ms, at);
    td_json_object(j);
    td_json_key_int(j, "seq", (int64_t)m->seq);
    td_json_key_str(j, "id", m->id != NULL ? m->id : "");
    td_json_key_str(j, "at", at);
    td_json_key_str(j, "author", authors[m->author <= TD_SYSTEM ? m->author : TD_SYSTEM]);
    if (m->text != NULL)
        td_json_key_str(j, "text", m->text);
    td_json_key(j, "attachments");
    td_json_array(j);
    for (size_t i = 0; i < m->n_attachments; i++) {
        const struct td_attachment *file = m->attachments[i];
        td_json_object(j);
        td_json_key_str(j, "name", file->name != NULL ? file->name : "");
        td_json_key_str(j, "type", file->type != NULL ? file->type : "");
        td_json_key_int(j, "size", (int64_t)file->bytes);
        if (file->url != NULL)
            td_json_key_str(j, "url", file->url);
        td_json_object_end(j);
    }
    td_json_array_end(j);
    td_json_object_end(j);
}

static void desk_relay(void *self, uint64_t job, const struct td_relay *relay)
{
    struct desk *desk = self;
    struct td_json j = { 0 };
    char id[200];

    snprintf(id, sizeof id, "%.128s.%" PRIu64, relay->handoff, relay->message->seq);
    event_begin(desk, &j, relay->delta > 0 ? "handoff.delta" : "handoff.message", relay->handoff,
                relay->session);
    if (relay->delta > 0)
        td_json_key_int(&j, "delta", relay->delta);
    td_json_key(&j, "message");
    write_message(&j, relay->message);
    if (post_event(desk, RELAY, job, id, &j) != 0)
        desk->host->sent(desk->inst, job, &(struct td_sent){
            .size = sizeof(struct td_sent), .status = TD_RETRY,
            .detail = "the message could not be posted",
        });
}

/* Before a human had it, the desk learns that it need not care any more. */
static int is_cancel(const char *outcome)
{
    return strcmp(outcome, "left") == 0 || strcmp(outcome, "timeout") == 0 ||
           strcmp(outcome, "taken") == 0 || strcmp(outcome, "cancelled") == 0;
}

static void desk_release(void *self, const char *handoff, const char *outcome)
{
    struct desk *desk = self;
    struct td_json j = { 0 };
    char id[200];

    snprintf(id, sizeof id, "%.128s.ended", handoff);
    event_begin(desk, &j, is_cancel(outcome) ? "handoff.cancelled" : "handoff.ended", handoff,
                NULL);
    td_json_key_str(&j, "outcome", outcome);
    if (desk->n_ends >= MAX_ENDS) {
        td_json_free(&j);
        desk->host->count(desk->inst, "ends_lost", 1);
    } else if (post_event(desk, END, 0, id, &j) != 0) {
        desk->host->count(desk->inst, "ends_lost", 1);
    }
}

/* ---- In ---------------------------------------------------------------------------------- */

static void refuse(struct desk *desk, uint64_t request, int status, const char *code,
                   const char *message)
{
    desk_reply_error(desk->host, desk->inst, request, status, code, message, NULL,
                     status == 503 ? 1000 : 0);
}

static void start(struct desk *desk, uint64_t request, struct td_desk_request *out)
{
    struct call *call = calloc(1, sizeof *call);

    if (call == NULL) {
        refuse(desk, request, 503, "busy", "out of memory");
        return;
    }
    call->job = ++desk->last_job;
    call->request = request;
    DL_APPEND(desk->calls, call);
    desk->host->desk(desk->inst, call->job, out);
}

static int op_of(const char *word, enum td_desk_op *op_r)
{
    static const struct { const char *word; enum td_desk_op op; } ops[] = {
        { "accept", TD_OP_ACCEPT }, { "decline", TD_OP_DECLINE }, { "message", TD_OP_MESSAGE },
        { "typing", TD_OP_TYPING }, { "note", TD_OP_NOTE },       { "transfer", TD_OP_TRANSFER },
        { "return", TD_OP_RETURN }, { "close", TD_OP_CLOSE },     { "extend", TD_OP_EXTEND },
    };

    for (size_t i = 0; word != NULL && i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(ops[i].word, word) == 0) {
            *op_r = ops[i].op;
            return 0;
        }
    }
    return -1;
}

static void on_body(struct desk *desk, uint64_t request, const cJSON *body)
{
    const char *text = td_json_get_str(body, "text"), *reason = td_json_get_str(body, "reason");
    const char *note = td_json_get_str(body, "note");
    struct td_message message = { .size = sizeof message, .author = TD_HUMAN, .text = text,
                                  .id = td_json_get_str(body, "id") };
    const cJSON *wrapup = td_json_get(body, "wrapup");
    struct td_desk_request out = {
        .size = sizeof out, .id = message.id, .handoff = td_json_get_str(body, "handoff"),
        .human = td_json_get_str(body, "human"), .on = 1,
        .text = reason != NULL ? reason : note != NULL ? note : text,
        .queue = td_json_get_str(body, "queue"),
    };
    char *json;

    if (op_of(td_json_get_str(body, "op"), &out.op) != 0) {
        refuse(desk, request, 400, "bad_request",
               "op must be accept, decline, message, typing, note, transfer, return, close or "
               "extend");
        return;
    }
    if (out.handoff == NULL || out.id == NULL || strlen(out.id) > 128) {
        refuse(desk, request, 400, "bad_request",
               "handoff and id must be strings; the id of at most 128 bytes");
        return;
    }
    if (out.op == TD_OP_MESSAGE && (text == NULL || *text == '\0' || strlen(text) > MAX_TEXT)) {
        refuse(desk, request, 400, "bad_request", "text must be a string of 1 to 65536 bytes");
        return;
    }
    if (out.human == NULL && out.op == TD_OP_ACCEPT)
        out.human = desk->conf->human; /* from then on it is theirs without a name, too */
    td_json_get_bool(body, "on", &out.on);
    json = cJSON_IsObject(wrapup) ? cJSON_PrintUnformatted(wrapup) : NULL;
    out.wrapup = json;
    if (out.op == TD_OP_MESSAGE)
        out.message = &message;
    start(desk, request, &out);
    cJSON_free(json);
}

static void on_request(void *arg, const struct td_web_request *web)
{
    struct desk *desk = arg;
    const struct sign_check check = { .scheme = SIGN_BY_STANDARD, .keys = desk->keys,
                                      .tolerance_ms = desk->conf->tolerance,
                                      .now_ms = desk->host->now(desk->inst) };
    cJSON *body = desk_hook_body(desk->host, desk->inst, web, sign_verify(&check, web));

    if (body != NULL)
        on_body(desk, web->id, body);
    cJSON_Delete(body);
}

static void desk_done(void *self, uint64_t job, const struct td_desk_done *done)
{
    struct desk *desk = self;
    struct call *call;

    DL_SEARCH_SCALAR(desk->calls, call, job, job);
    if (call == NULL)
        return;
    desk_reply_done(desk->host, desk->inst, call->request, done);
    DL_DELETE(desk->calls, call);
    free(call);
}

/* ---- Open and close ---------------------------------------------------------------------- */

static void desk_close(void *self)
{
    struct desk *desk = self;
    struct call *call, *next;

    while (desk->posts != NULL)
        post_free(desk->posts);
    DL_FOREACH_SAFE(desk->calls, call, next)
        free(call);
    sign_keys_free(&desk->keys);
    free(desk);
}

static enum td_status desk_open(const struct td_host *host, struct td_instance *inst,
                                const void *conf, void **self_r, struct td_error *err)
{
    struct desk *desk = calloc(1, sizeof *desk);

    if (desk == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    *desk = (struct desk){ .host = host, .inst = inst, .conf = conf };
    if ((desk->keys = sign_keys_new(desk->conf->secret, 1, err)) != NULL &&
        desk_hook_open(host, inst, desk->conf->url, desk->conf->path, on_request, desk, err) == 0) {
        *self_r = desk;
        return TD_OK;
    }
    desk_close(desk);
    return TD_CONF;
}

static const struct td_desk_ops ops = {
    .size = sizeof ops,
    .open = desk_open,
    .offer = desk_offer,
    .relay = desk_relay,
    .release = desk_release,
    .done = desk_done,
    .close = desk_close,
};

TD_PLUGIN_DEFINE(.kind = TD_DESK, .name = "webhook", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
