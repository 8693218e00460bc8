/*
 * desk_web.c - the built-in desk: humans at /desk/v1 accept, answer and give back.
 *
 * HTTP requests become td_desk_requests (desk_web_api.c); what the host says becomes events to
 * those who listen (desk_web_events.c).
 */
#include "config.h"

#include <stdio.h>

#include "plugins/desk_web_private.h"

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, path, 0, "/desk/v1/", "Where its API is; a second desk needs another."),
    TD_CONF_STR(struct conf, replies, TD_PATH, NULL,
                "A JSON file of canned replies: [{\"key\",\"title\",\"text\",\"language\"?}]."),
    TD_CONF_LIST(struct conf, origins, 0, NULL,
                 "Origins of the pages that may open the event stream; unset: any."),
    TD_CONF_INT(struct conf, max_connections, 0, "1000", 1, 100000, "Event streams at a time."),
    TD_CONF_DURATION(struct conf, hello_timeout, 0, "10s", 10, 600000,
                     "How long a connection may wait with its token."),
    TD_CONF_DURATION(struct conf, ping, 0, "25s", 100, 600000, "How often a quiet peer is pinged."),
    TD_CONF_DURATION(struct conf, pong_timeout, 0, "10s", 100, 600000,
                     "How long the answer to a ping may take."),
    TD_CONF_SIZE(struct conf, send_buffer, 0, "1M", 4096, 64 << 20,
                 "Bytes that wait for a peer that does not read."),
    TD_CONF_SIZE(struct conf, max_attachment, 0, "10M", 1, 64 << 20, "Bytes of a file."),
    TD_CONF_INT(struct conf, events, 0, "2000", 10, 100000,
                "Newest events that are kept for those who come back."),
    TD_CONF_END,
};

/* ---- Who has what ------------------------------------------------------------------------ */

static void held_free(struct desk *desk, struct held *held)
{
    HASH_DEL(desk->held, held);
    free(held->id);
    free(held->human);
    free(held);
}

static void held_set(struct desk *desk, const char *handoff, const char *human)
{
    struct held *held;

    HASH_FIND_STR(desk->held, handoff, held);
    if (held != NULL)
        held_free(desk, held);
    if (human == NULL || (held = calloc(1, sizeof *held)) == NULL)
        return;
    held->id = strdup(handoff);
    held->human = strdup(human);
    if (held->id == NULL || held->human == NULL) {
        free(held->id);
        free(held->human);
        free(held);
        return;
    }
    HASH_ADD_KEYPTR(hh, desk->held, held->id, strlen(held->id), held);
}

static const char *held_by(const struct desk *desk, const char *handoff)
{
    struct held *held;

    HASH_FIND_STR(desk->held, handoff, held);
    return held != NULL ? held->human : NULL;
}

void watch_set(struct desk *desk, const char *session, const char *human, int on)
{
    struct watch **at = &desk->watches;
    struct watch *watch;

    while (*at != NULL && (strcmp((*at)->session, session) != 0 ||
                           strcmp((*at)->human, human) != 0))
        at = &(*at)->next;
    if ((*at != NULL) == (on != 0))
        return;
    if (*at != NULL) {
        watch = *at;
        *at = watch->next;
        free(watch->session);
        free(watch->human);
        free(watch);
    } else if ((watch = calloc(1, sizeof *watch)) != NULL) {
        watch->session = strdup(session);
        watch->human = strdup(human);
        *at = watch;
    }
}

/* ---- What the host says ------------------------------------------------------------------ */

static void desk_offer(void *self, uint64_t job, const struct td_handoff *handoff)
{
    struct desk *desk = self;
    char at[TD_TIME_TEXT];

    /* It waits here until somebody pulls it; which is where it is after a restart, too. */
    desk->host->offered(desk->inst, job, &(struct td_offered){
        .size = sizeof(struct td_offered), .status = TD_OK, .human = handoff->human,
        .wait_ms = -1,
    });
    held_set(desk, handoff->id, handoff->human);
    td_time_format(handoff->since_at_ms, at);
    event_begin(desk, "handoff.offered", handoff->id, handoff->session);
    td_json_key_str(&desk->json, "queue", handoff->queue);
    td_json_key_str(&desk->json, "since", at);
    td_json_key_str(&desk->json, "reason", handoff->reason);
    td_json_key_int(&desk->json, "priority", handoff->priority);
    if (handoff->human != NULL)
        td_json_key_str(&desk->json, "human", handoff->human);
    event_tell(desk, NULL);
}

static void tell_said(struct desk *desk, const struct td_relay *relay, const char *human,
                      int is_watched)
{
    if (relay->delta > 0)
        event_begin(desk, "handoff.delta", relay->handoff, relay->session);
    else
        event_begin(desk, "handoff.message", relay->handoff, relay->session);
    if (relay->delta > 0)
        td_json_key_int(&desk->json, "delta", relay->delta);
    td_json_key(&desk->json, "message");
    event_message(&desk->json, relay->message);
    if (is_watched)
        event_tell_watchers(desk, relay->session);
    else
        event_tell(desk, human);
}

/* The words are in the journal and in every answer of GET: telling them is all there is to do. */
static void desk_relay(void *self, uint64_t job, const struct td_relay *relay)
{
    struct desk *desk = self;

    desk->host->sent(desk->inst, job, &(struct td_sent){ .size = sizeof(struct td_sent),
                                                         .status = TD_OK });
    tell_said(desk, relay, held_by(desk, relay->handoff), 0);
}

static void desk_release(void *self, const char *handoff, const char *outcome)
{
    struct desk *desk = self;

    event_begin(desk, "handoff.ended", handoff, NULL);
    td_json_key_str(&desk->json, "outcome", outcome);
    event_tell(desk, NULL);
    held_set(desk, handoff, NULL);
}

void desk_taken(struct desk *desk, const char *handoff, const char *session, const char *human)
{
    const char *holder = held_by(desk, handoff);

    if (holder != NULL && strcmp(holder, human) == 0)
        return; /* it was told already: by done(), or by the host to all desks */
    held_set(desk, handoff, human);
    event_begin(desk, "handoff.accepted", handoff, session);
    td_json_key_str(&desk->json, "human", human);
    event_tell(desk, NULL);
}

static void desk_event(void *self, const struct td_desk_event *event)
{
    struct desk *desk = self;
    struct td_json *j = &desk->json;
    const char *holder = event->handoff != NULL ? held_by(desk, event->handoff) : NULL;

    switch (event->type) {
    case TD_DESK_TYPING:
        event_begin(desk, "typing", event->handoff, event->session);
        td_json_key_bool(j, "on", event->on);
        event_tell(desk, holder);
        return;
    case TD_DESK_QUEUE:
        event_begin(desk, "queue", event->handoff, NULL);
        td_json_key_str(j, "queue", event->queue != NULL ? event->queue : "");
        td_json_key_int(j, "waiting", event->waiting);
        if (event->position > 0)
            td_json_key_int(j, "position", event->position);
        if (event->wait_ms >= 0)
            td_json_key_int(j, "wait_s", (event->wait_ms + 999) / 1000);
        event_tell(desk, NULL);
        return;
    case TD_DESK_LEASE:
        event_begin(desk, "handoff.lease", event->handoff, event->session);
        td_json_key_int(j, "ends_in_s", (event->wait_ms + 999) / 1000);
        event_tell(desk, holder);
        return;
    case TD_DESK_TAKEN:
        if (event->handoff != NULL && event->human != NULL)
            desk_taken(desk, event->handoff, event->session, event->human);
        return;
    case TD_DESK_READ:
        event_begin(desk, "handoff.read", event->handoff, event->session);
        td_json_key_int(j, "seq", (int64_t)event->seq);
        event_tell(desk, holder);
        return;
    case TD_DESK_SAID:
        if (event->relay != NULL)
            tell_said(desk, event->relay, NULL, 1);
        return;
    case TD_DESK_PRESENCE:
        event_begin(desk, "presence", NULL, NULL);
        td_json_key_str(j, "human", event->human != NULL ? event->human : "");
        td_json_key_str(j, "state", event->text != NULL ? event->text : "");
        event_tell(desk, NULL);
        return;
    }
}

static void desk_done(void *self, uint64_t job, const struct td_desk_done *done)
{
    struct desk *desk = self;
    struct call *call;

    HASH_FIND(hh, desk->calls, &job, sizeof job, call);
    if (call == NULL)
        return;
    call_done(desk, call, done);
    call_free(desk, &call);
}

static void desk_filed(void *self, uint64_t job, const struct td_filed *filed)
{
    struct desk *desk = self;
    struct call *call;

    HASH_FIND(hh, desk->calls, &job, sizeof job, call);
    if (call == NULL)
        return;
    call_filed(desk, call, filed);
    call_free(desk, &call);
}

/* ---- Open and close ---------------------------------------------------------------------- */

static void desk_close(void *self)
{
    struct desk *desk = self;
    struct call *call, *next_call;
    struct held *held, *next_held;

    events_close(desk);
    tickets_free(desk);
    HASH_ITER(hh, desk->calls, call, next_call)
        call_free(desk, &call);
    HASH_ITER(hh, desk->held, held, next_held)
        held_free(desk, held);
    while (desk->watches != NULL)
        watch_set(desk, desk->watches->session, desk->watches->human, 0);
    td_json_free(&desk->json);
    cJSON_Delete(desk->replies);
    free(desk);
}

/* The API, and files, which may be larger than a listener's bodies. */
static int routes_open(struct desk *desk, struct td_error *err)
{
    char files[120];
    const struct td_web_route route = {
        .size = sizeof route, .path = files, .head = api_file_head,
        .max_body = (size_t)desk->conf->max_attachment,
    };

    snprintf(files, sizeof files, "%sfiles", desk->conf->path);
    if (desk->host->route(desk->inst, desk->conf->path, api_request, desk) == TD_OK &&
        desk->host->route_with(desk->inst, &route, api_request, desk) == TD_OK)
        return 0;
    snprintf(err->text, sizeof err->text,
             "path = %.100s is taken by another instance: give this desk its own",
             desk->conf->path);
    return -1;
}

static enum td_status desk_open(const struct td_host *host, struct td_instance *inst,
                                const void *conf, void **self_r, struct td_error *err)
{
    struct desk *desk = calloc(1, sizeof *desk);
    size_t len;

    if (desk == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    desk->host = host;
    desk->inst = inst;
    desk->conf = conf;
    len = strlen(desk->conf->path);
    if (len < 2 || len > 100 || desk->conf->path[0] != '/' || desk->conf->path[len - 1] != '/') {
        snprintf(err->text, sizeof err->text, "path = %.100s must begin and end in /",
                 desk->conf->path);
    } else if ((desk->conf->replies == NULL || replies_load(desk, err) == 0) &&
               events_open(desk, err) == 0 && routes_open(desk, err) == 0) {
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
    .event = desk_event,
    .done = desk_done,
    .close = desk_close,
    .filed = desk_filed,
};

TD_PLUGIN_DEFINE(.kind = TD_DESK, .name = "web", .version = "1.0", .caps = TD_DESK_HUMANS,
                 .ops = &ops, .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
