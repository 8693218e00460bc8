/*
 * desk_web_events.c - the events: who listens, what was told, and where they go on.
 *
 * By a WebSocket, subprotocol tandem.desk.v1: the token comes with the upgrade's Authorization or, as
 * browsers cannot send that, in a first frame {"type":"hello","token","last"?}. Or by server-sent
 * events (desk_web_stream.c). Each event that is kept has a number; who names the last one they have
 * seen hears what came after it, or `resync` when that is not kept any more: then the lists are to be
 * asked for anew.
 */
#include "config.h"

#include "plugins/desk_web_private.h"

#define RENEW_MS 20000 /* a human who listens is present; leases last 60 s or more */
#define WS_BAD_HELLO 4400
#define WS_BAD_TOKEN 4401
#define WS_NO_HELLO 4408
#define SUBPROTOCOL "tandem.desk.v1"

/* ---- Writing events ---------------------------------------------------------------------- */

void event_begin(struct desk *desk, const char *type, const char *handoff, const char *session)
{
    struct td_json *j = &desk->json;

    td_json_clear(j);
    td_json_object(j);
    td_json_key_str(j, "type", type);
    if (handoff != NULL)
        td_json_key_str(j, "handoff", handoff);
    if (session != NULL)
        td_json_key_str(j, "session", session);
}

void event_attachment(struct td_json *j, const struct td_attachment *file)
{
    td_json_object(j);
    td_json_key_str(j, "id", file->id != NULL ? file->id : "");
    td_json_key_str(j, "name", file->name != NULL ? file->name : "");
    td_json_key_str(j, "type", file->type != NULL ? file->type : "");
    td_json_key_int(j, "size", (int64_t)file->bytes);
    if (file->sha256 != NULL)
        td_json_key_str(j, "sha256", file->sha256);
    if (file->url != NULL)
        td_json_key_str(j, "url", file->url);
    td_json_object_end(j);
}

void event_message(struct td_json *j, const struct td_message *message)
{
    static const char *const authors[] = { "customer", "agent", "human", "system" };
    char at[TD_TIME_TEXT];

    td_time_format(message->at_ms, at);
    td_json_object(j);
    td_json_key_int(j, "seq", (int64_t)message->seq);
    if (message->id != NULL)
        td_json_key_str(j, "id", message->id);
    td_json_key_str(j, "at", at);
    td_json_key_str(j, "author", authors[message->author <= TD_SYSTEM ? message->author : 3]);
    if (message->author_name != NULL)
        td_json_key_str(j, "name", message->author_name);
    if (message->text != NULL)
        td_json_key_str(j, "text", message->text);
    if (message->choice != NULL)
        td_json_key_str(j, "choice", message->choice);
    if (message->n_attachments > 0) {
        td_json_key(j, "attachments");
        td_json_array(j);
        for (size_t i = 0; i < message->n_attachments; i++)
            event_attachment(j, message->attachments[i]);
        td_json_array_end(j);
    }
    td_json_object_end(j);
}

/* ---- Telling ----------------------------------------------------------------------------- */

static void send_to(struct desk *desk, const char *human, uint64_t event, const char *text,
                    size_t len)
{
    struct listener *l, *next;

    HASH_ITER(hh, desk->listeners, l, next) {
        if (l->human != NULL && (human == NULL || strcmp(l->human, human) == 0))
            listener_send(l, event, text, len);
    }
}

static void told_drop(struct desk *desk, struct told *told)
{
    DL_DELETE(desk->told, told);
    desk->n_told--;
    free(told->human);
    free(told);
}

static void keep(struct desk *desk, const char *human, const char *text, size_t len)
{
    struct told *told = malloc(sizeof *told + len + 1);

    if (told == NULL) { /* whoever comes back is told to ask for the lists */
        desk->first_event = desk->last_event + 1;
        return;
    }
    *told = (struct told){ .id = desk->last_event, .len = len,
                           .human = human != NULL ? strdup(human) : NULL };
    memcpy(told->text, text, len + 1);
    DL_APPEND(desk->told, told);
    if (++desk->n_told > (size_t)desk->conf->events) {
        desk->first_event = desk->told->id + 1;
        told_drop(desk, desk->told);
    }
}

void event_tell(struct desk *desk, const char *human)
{
    struct td_json *j = &desk->json;

    td_json_key_int(j, "event", (int64_t)(desk->last_event + 1));
    td_json_object_end(j);
    if (td_json_len(j) == 0)
        return;
    desk->last_event++;
    keep(desk, human, td_json_text(j), td_json_len(j));
    send_to(desk, human, desk->last_event, td_json_text(j), td_json_len(j));
}

/* Without a number: what was missed of a session that is only watched stands in its transcript. */
void event_tell_watchers(struct desk *desk, const char *session)
{
    struct td_json *j = &desk->json;

    td_json_object_end(j);
    if (session == NULL || td_json_len(j) == 0)
        return;
    for (const struct watch *w = desk->watches; w != NULL; w = w->next) {
        if (strcmp(w->session, session) == 0)
            send_to(desk, w->human, 0, td_json_text(j), td_json_len(j));
    }
}

/* ---- Those who listen -------------------------------------------------------------------- */

struct listener *listener_new(struct desk *desk, uint64_t id)
{
    struct listener *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->desk = desk;
    l->id = id;
    HASH_ADD(hh, desk->listeners, id, sizeof l->id, l);
    return l;
}

void listener_free(struct listener *l)
{
    HASH_DEL(l->desk->listeners, l);
    l->desk->host->timer_del(&l->hello);
    free(l->human);
    free(l);
}

static void listener_end(struct listener *l, int code, const char *reason)
{
    struct desk *desk = l->desk;
    const uint64_t id = l->id;
    const int is_stream = l->is_stream;

    listener_free(l);
    if (is_stream)
        desk->host->stream_end(desk->inst, id);
    else
        desk->host->ws_close(desk->inst, id, code, reason);
}

void listener_send(const struct listener *l, uint64_t event, const char *text, size_t len)
{
    if (l->is_stream)
        stream_write(l, event, text, len);
    else
        l->desk->host->ws_send(l->desk->inst, l->id, text, len);
}

static void renew(struct desk *desk, const char *human)
{
    struct call *call = call_new(desk, 0, TD_OP_PRESENCE, human, NULL);

    if (call != NULL)
        desk->host->desk(desk->inst, call->job, &(struct td_desk_request){
            .size = sizeof(struct td_desk_request), .op = TD_OP_PRESENCE, .human = human,
        });
}

static void on_renew(void *arg)
{
    struct desk *desk = arg;
    struct listener *l, *other, *next;

    HASH_ITER(hh, desk->listeners, l, next) {
        for (other = desk->listeners; other != l; other = other->hh.next) {
            if (other->human != NULL && l->human != NULL && strcmp(other->human, l->human) == 0)
                break; /* once for each human */
        }
        if (l->human != NULL && other == l)
            renew(desk, l->human);
    }
    stream_beat(desk);
    desk->renew = desk->host->timer_add(desk->inst, RENEW_MS, on_renew, desk);
}

void events_end(struct desk *desk, const char *human)
{
    struct listener *l, *next;

    HASH_ITER(hh, desk->listeners, l, next) {
        if (l->human != NULL && strcmp(l->human, human) == 0)
            listener_end(l, WS_BAD_TOKEN, "no such human any more");
    }
}

static void welcome(const struct listener *l, int64_t last)
{
    struct desk *desk = l->desk;
    struct td_json j = { 0 };
    const struct told *told;

    td_json_object(&j);
    td_json_key_str(&j, "type", "welcome");
    td_json_key_str(&j, "human", l->human);
    td_json_key_int(&j, "event", (int64_t)desk->last_event);
    td_json_object_end(&j);
    listener_send(l, 0, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
    if (last < 0)
        return;
    if ((uint64_t)last + 1 < desk->first_event || (uint64_t)last > desk->last_event) {
        static const char resync[] = "{\"type\":\"resync\"}";
        listener_send(l, desk->last_event, resync, sizeof resync - 1);
        return;
    }
    DL_FOREACH(desk->told, told) {
        if (told->id > (uint64_t)last &&
            (told->human == NULL || strcmp(told->human, l->human) == 0))
            listener_send(l, told->id, told->text, told->len);
    }
}

int listener_enter(struct listener *l, const char *human, int64_t last)
{
    if (human == NULL || (l->human = strdup(human)) == NULL) {
        l->desk->host->count(l->desk->inst, "bad_tokens", 1);
        listener_end(l, WS_BAD_TOKEN, "bad token");
        return -1;
    }
    l->desk->host->timer_del(&l->hello);
    renew(l->desk, l->human);
    welcome(l, last);
    return 0;
}

/* ---- WebSockets --------------------------------------------------------------------------- */

static void on_no_hello(void *arg)
{
    struct listener *l = arg;

    l->hello = NULL;
    listener_end(l, WS_NO_HELLO, "no hello");
}

static void on_opened(void *arg, uint64_t conn, const struct td_ws_info *info)
{
    struct desk *desk = arg;
    struct listener *l = listener_new(desk, conn);

    if (l == NULL) {
        desk->host->ws_close(desk->inst, conn, 1013, "out of memory");
        return;
    }
    l->hello = desk->host->timer_add(desk->inst, (uint32_t)desk->conf->hello_timeout, on_no_hello,
                                     l);
    if (TD_HAS(info, authorization) && info->authorization[0] != '\0')
        listener_enter(l, api_human(desk, info->authorization), -1);
}

static void on_text(void *arg, uint64_t conn, const char *text, size_t len)
{
    struct desk *desk = arg;
    struct listener *l;
    char why[160] = "";
    int64_t last = -1;

    HASH_FIND(hh, desk->listeners, &conn, sizeof conn, l);
    if (l == NULL)
        return;
    cJSON *frame = td_json_parse(text, len, NULL, why, sizeof why);
    const char *type = td_json_get_str(frame, "type");
    const char *token = td_json_get_str(frame, "token");

    td_json_get_int(frame, "last", &last);
    if (type == NULL || strcmp(type, "hello") != 0)
        listener_end(l, WS_BAD_HELLO, "the first and only frame is a hello");
    else if (l->human != NULL)
        welcome(l, last); /* the token came with the upgrade, or is asked about again */
    else
        listener_enter(l, token != NULL ? desk->host->human(desk->inst, token) : NULL, last);
    cJSON_Delete(frame);
}

static void on_closed(void *arg, uint64_t conn, int code)
{
    struct desk *desk = arg;
    struct listener *l;

    (void)code;
    HASH_FIND(hh, desk->listeners, &conn, sizeof conn, l);
    if (l != NULL)
        listener_free(l);
}

int events_open(struct desk *desk, struct td_error *err)
{
    static const struct td_ws_ops ops = { .size = sizeof ops, .opened = on_opened,
                                          .text = on_text, .closed = on_closed };
    const struct conf *conf = desk->conf;
    char path[120];
    const struct td_ws_conf ws = {
        .size = sizeof ws, .path = path, .subprotocol = SUBPROTOCOL, .origins = conf->origins,
        .max_message = 4096, .send_buffer = (size_t)conf->send_buffer,
        .ping_ms = (uint32_t)conf->ping, .pong_timeout_ms = (uint32_t)conf->pong_timeout,
        .max_connections = (uint32_t)conf->max_connections,
        .max_connections_per_ip = (uint32_t)conf->max_connections,
    };

    snprintf(path, sizeof path, "%sevents", conf->path);
    if (desk->host->ws_listen(desk->inst, &ws, &ops, desk) != TD_OK) {
        snprintf(err->text, sizeof err->text, "%s is taken by another instance", path);
        return -1;
    }
    desk->last_event = (uint64_t)desk->host->now(desk->inst);
    desk->first_event = desk->last_event + 1;
    desk->renew = desk->host->timer_add(desk->inst, RENEW_MS, on_renew, desk);
    return 0;
}

void events_close(struct desk *desk)
{
    struct listener *l, *next;

    desk->host->timer_del(&desk->renew);
    HASH_ITER(hh, desk->listeners, l, next)
        listener_end(l, 1012, "restart");
    while (desk->told != NULL)
        told_drop(desk, desk->told);
}
