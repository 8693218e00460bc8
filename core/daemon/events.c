/* events.c - /api/v1/events: what happens, as it happens, as text/event-stream. */
#include "config.h"

#include "daemon/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/ulid.h"
#include "base/word.h"
#include "engine/record.h"
#include "gate/gate.h"
#include "io/loop.h"
#include "io/web.h"

#define RING 512
#define MAX_READERS 32
#define MAX_TYPES 256      /* of the filter, as text */
#define MAX_NAME 128       /* of a channel or an agent */
#define QUEUE (512 * 1024) /* bytes that wait for a slow reader */
#define BEAT_MS 15000
#define KEEP_MS 60000 /* after the last reader */

static const char slow_text[] =
    "data: {\"type\":\"dropped\",\"facts\":{\"reason\":\"you read too slowly: come again with "
    "Last-Event-ID, or with a filter\"}}\n\n";

struct kept {
    uint64_t id;
    struct gate_fact fact; /* its strings stand behind the text */
    size_t len;
    char text[];
};

struct reader {
    struct reader *prev, *next;
    uint64_t request;
    char session[ULID_TEXT], channel[MAX_NAME], agent[MAX_NAME], types[MAX_TYPES]; /* "": any */
};

struct events {
    struct loop *loop;
    struct web *web;
    struct gate *gate;
    struct reader *readers;
    size_t n_readers;
    int listening;
    struct loop_timer *beat, *stop;
    uint64_t next_id;        /* from the clock, so that those of an earlier start are smaller */
    struct kept *ring[RING]; /* of `id` at id % RING */
};

/* ---- What is asked for -------------------------------------------------------------------- */

int query_get(const char *query, const char *key, char *out, size_t size)
{
    const size_t key_len = strlen(key);

    for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&') {
        const size_t len = strcspn(at, "&");
        if (len <= key_len || strncmp(at, key, key_len) != 0 || at[key_len] != '=')
            continue;
        if (len - key_len - 1 >= size)
            return 0;
        memcpy(out, at + key_len + 1, len - key_len - 1);
        out[len - key_len - 1] = '\0';
        return 1;
    }
    return 0;
}

static int is_type(const char *word, size_t len)
{
    if (word_is_in("instance,breaker,notice,reexplain,reload,drain", word, len))
        return 1;
    for (int i = 1; i < RECORD_TYPES; i++) {
        if (word_is_in(record_type_name((enum record_type)i), word, len))
            return 1;
    }
    return 0;
}

/* NULL, or what is wrong with the filter. */
static const char *read_filter(const char *query, struct reader *reader)
{
    struct ulid id;

    query_get(query, "channel", reader->channel, sizeof reader->channel);
    query_get(query, "agent", reader->agent, sizeof reader->agent);
    query_get(query, "type", reader->types, sizeof reader->types);
    if (query_get(query, "session", reader->session, sizeof reader->session) &&
        ulid_parse(reader->session, &id) != 0)
        return "session is not a session's id";
    for (const char *at = reader->types; *at; at += strcspn(at, ","), at += *at == ',') {
        if (!is_type(at, strcspn(at, ",")))
            return "there is no such type of event: they are those of the journal's records, "
                   "instance, breaker, notice, reexplain, reload and drain";
    }
    return NULL;
}

static int is_wanted(const char *filter, const char *value)
{
    return !*filter || (value && strcmp(filter, value) == 0);
}

static int wants(const struct reader *reader, const struct gate_fact *fact)
{
    return is_wanted(reader->session, fact->session) && is_wanted(reader->channel, fact->channel) &&
           is_wanted(reader->agent, fact->agent) &&
           (!*reader->types || word_is_in(reader->types, fact->type, strlen(fact->type)));
}

/* ---- What happens ------------------------------------------------------------------------- */

static void put(struct td_json *json, const char *key, const char *value)
{
    if (value)
        td_json_key_str(json, key, value);
}

static void print(const struct gate_fact *fact, uint64_t id, struct buf *out)
{
    char at[CLOCK_TEXT];
    struct td_json json = { 0 };

    clock_format(clock_wall_ms(), at);
    td_json_object(&json);
    td_json_key_str(&json, "type", fact->type);
    td_json_key_str(&json, "at", at);
    put(&json, "session", fact->session);
    put(&json, "channel", fact->channel);
    put(&json, "agent", fact->agent);
    td_json_key(&json, "facts");
    td_json_raw(&json, fact->facts, fact->len);
    td_json_object_end(&json);
    buf_printf(out, "id: %" PRIu64 "\ndata: ", id);
    buf_add(out, td_json_text(&json), td_json_len(&json));
    buf_str(out, "\n\n");
    td_json_free(&json);
}

static const char *copy(char **to, const char *text)
{
    const size_t size = text ? strlen(text) + 1 : 0;
    char *at = *to;

    if (!text)
        return NULL;
    memcpy(at, text, size);
    *to += size;
    return at;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* A gate_fact_fn. */
static void on_fact(void *arg, const struct gate_fact *fact)
{
    struct events *events = arg;
    const uint64_t id = events->next_id++;
    struct kept **place = &events->ring[id % RING];
    struct buf text = { 0 };

    print(fact, id, &text);
    free(*place);
    *place = mem_grow(NULL, sizeof **place + text.len + size_of(fact->type) +
                                size_of(fact->session) + size_of(fact->channel) +
                                size_of(fact->agent));
    struct kept *kept = *place;
    char *to = kept->text + text.len;

    *kept = (struct kept){ .id = id, .len = text.len };
    memcpy(kept->text, text.data, text.len);
    kept->fact.type = copy(&to, fact->type);
    kept->fact.session = copy(&to, fact->session);
    kept->fact.channel = copy(&to, fact->channel);
    kept->fact.agent = copy(&to, fact->agent);
    for (const struct reader *reader = events->readers; reader; reader = reader->next) {
        if (wants(reader, fact))
            web_stream_send(events->web, reader->request, kept->text, kept->len);
    }
    buf_fini(&text);
}

void events_say(struct events *events, const char *type, const char *facts, size_t len)
{
    if (events->listening)
        on_fact(events, &(struct gate_fact){ .type = type, .facts = facts, .len = len });
}

/* ---- Readers ------------------------------------------------------------------------------ */

static void on_beat(void *arg)
{
    struct events *events = arg;

    for (const struct reader *reader = events->readers; reader; reader = reader->next)
        web_stream_send(events->web, reader->request, ":\n\n", 3);
    events->beat = loop_timer_add(events->loop, BEAT_MS, on_beat, events);
}

static void forget(struct events *events)
{
    gate_listen(events->gate, NULL, NULL);
    events->listening = 0;
    for (size_t i = 0; i < RING; i++) {
        free(events->ring[i]);
        events->ring[i] = NULL;
    }
}

static void on_stop(void *arg)
{
    struct events *events = arg;

    events->stop = NULL;
    forget(events);
}

static void drop_reader(struct events *events, struct reader *reader)
{
    DL_DELETE(events->readers, reader);
    free(reader);
    if (--events->n_readers > 0)
        return;
    loop_timer_del(&events->beat);
    events->stop = loop_timer_add(events->loop, KEEP_MS, on_stop, events);
}

static void on_closed(void *arg, uint64_t request)
{
    struct events *events = arg;
    struct reader *reader = events->readers;

    while (reader && reader->request != request)
        reader = reader->next;
    if (reader)
        drop_reader(events, reader);
}

static void add_reader(struct events *events, struct reader *reader)
{
    loop_timer_del(&events->stop);
    DL_APPEND(events->readers, reader);
    if (events->n_readers++ == 0)
        events->beat = loop_timer_add(events->loop, BEAT_MS, on_beat, events);
    if (!events->listening)
        gate_listen(events->gate, on_fact, events);
    events->listening = 1;
}

static const char *last_id(const struct td_web_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcmp(request->headers[i].name, "last-event-id") == 0)
            return request->headers[i].value;
    }
    return NULL;
}

/* What came after `last` as far as it is kept; that some is not is said first. */
static void catch_up(const struct events *events, const struct reader *reader, const char *last,
                     struct buf *out)
{
    const uint64_t newest = events->next_id - 1, id = strtoull(last, NULL, 10);
    uint64_t at = newest < RING ? 1 : newest - RING + 1;

    while (at <= newest && !events->ring[at % RING])
        at++;
    if (id + 1 < at || id > newest)
        buf_str(out, "data: {\"type\":\"lost\",\"facts\":{\"reason\":\"what came after "
                     "Last-Event-ID is not kept any more\"}}\n\n");
    if (id <= newest && id >= at)
        at = id + 1;
    for (; at <= newest; at++) {
        const struct kept *kept = events->ring[at % RING];
        if (wants(reader, &kept->fact))
            buf_add(out, kept->text, kept->len);
    }
}

const char *events_open(struct events *events, const struct td_web_request *request, int *status_r)
{
    const struct web_stream_conf conf = {
        .max_queue = QUEUE, .slow = slow_text, .closed = on_closed, .arg = events,
    };
    const char *last = last_id(request), *flaw;
    struct reader *reader = mem_alloc(sizeof *reader);
    struct buf first = { 0 };

    *status_r = 400;
    flaw = read_filter(request->query, reader);
    if (!flaw && events->n_readers >= MAX_READERS) {
        *status_r = 503;
        flaw = "too many read the events already";
    }
    if (flaw) {
        free(reader);
        return flaw;
    }
    reader->request = request->id;
    buf_str(&first, "retry: 2000\n\n");
    if (last)
        catch_up(events, reader, last, &first);
    add_reader(events, reader);
    web_stream(events->web, request->id,
               &(struct td_web_reply){ .size = sizeof(struct td_web_reply), .status = 200,
                                       .content_type = "text/event-stream", .body = first.data,
                                       .body_len = first.len },
               &conf);
    buf_fini(&first);
    return NULL;
}

/* ------------------------------------------------------------------------------------------- */

struct events *events_new(struct loop *loop, struct web *web, struct gate *gate)
{
    struct events *events = mem_alloc(sizeof *events);

    events->loop = loop;
    events->web = web;
    events->gate = gate;
    events->next_id = (uint64_t)clock_wall_ms() * 1000;
    return events;
}

void events_free(struct events **events_p)
{
    struct events *events = *events_p;
    struct reader *reader, *next;

    *events_p = NULL;
    if (!events)
        return;
    DL_FOREACH_SAFE(events->readers, reader, next) {
        web_stream_end(events->web, reader->request);
        DL_DELETE(events->readers, reader);
        free(reader);
    }
    loop_timer_del(&events->beat);
    loop_timer_del(&events->stop);
    forget(events);
    free(events);
}
