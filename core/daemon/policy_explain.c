/* policy_explain.c - what the rules saw and did in a session, out of its journal. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "daemon/policy_api_private.h"
#include "engine/record.h"
#include "store/store.h"

#define PAGE 512

struct explain {
    struct policy_api *api;
    struct ulid session;
    uint64_t seq, next; /* seq: the point asked for; 0: all */
    struct td_json json;
    int inside; /* the point that is being read is the one asked for */
    policy_reply_fn *fn;
    void *arg;
};

/* What is said at the point: with its rules and the handoff it led to. */
static int begins_point(const struct record *r)
{
    return r->type == RECORD_MESSAGE || r->type == RECORD_TURN_END || r->type == RECORD_RESULT ||
           (r->type == RECORD_DELIVERY && r->status == TD_FAILED);
}

static const char *outcome_of(const struct record *r)
{
    static const char *const turns[] = { [TURN_ANSWERED] = "answered", [TURN_SILENT] = "silent",
                                         [TURN_FAILED] = "failed",
                                         [TURN_INTERRUPTED] = "interrupted",
                                         [TURN_WITHHELD] = "withheld" };

    if (r->type == RECORD_RULE)
        return rule_outcome_name(r->outcome);
    if (r->type == RECORD_TURN_END && r->outcome > 0 && r->outcome <= TURN_WITHHELD)
        return turns[r->outcome];
    return r->type == RECORD_RESULT ? (r->category != NULL ? "failed" : "done") : NULL;
}

static void put(struct td_json *j, const char *key, const char *value)
{
    if (value != NULL)
        td_json_key_str(j, key, value);
}

static void add(struct explain *e, const struct record *r)
{
    struct td_json *j = &e->json;
    char at[CLOCK_TEXT];

    clock_format(r->at, at);
    td_json_object(j);
    td_json_key_int(j, "seq", (int64_t)r->seq);
    td_json_key_str(j, "at", at);
    td_json_key_str(j, "what", record_type_name(r->type));
    if (r->type == RECORD_RULE) {
        put(j, "rule", r->name);
        put(j, "point", r->cause);
        put(j, "class", r->category);
        td_json_key_int(j, "priority", r->priority);
    }
    put(j, "code", r->code);
    put(j, "outcome", outcome_of(r));
    if (r->type == RECORD_HANDOFF) {
        put(j, "by", r->cause);
        put(j, "queue", r->queue);
        put(j, "also", r->also);
        put(j, "evidence", r->evidence);
    }
    put(j, "language", r->language);
    put(j, "values", r->signals);
    td_json_object_end(j);
}

static void look(struct explain *e, const struct record *r)
{
    if (begins_point(r))
        e->inside = e->seq == 0 || r->seq == e->seq;
    else if (r->type != RECORD_RULE && r->type != RECORD_HANDOFF)
        return;
    else if (e->seq != 0 && r->seq == e->seq)
        e->inside = 1;
    if (e->inside)
        add(e, r);
}

static void read_on(struct explain *e);

static void finish(struct explain *e, int status, const char *why)
{
    if (e->api->closed) {
        free(e->arg);
    } else if (status == 200) {
        td_json_array_end(&e->json);
        td_json_object_end(&e->json);
        e->fn(e->arg, 200, td_json_text(&e->json), td_json_len(&e->json));
    } else {
        e->fn(e->arg, status, why, strlen(why));
    }
    td_json_free(&e->json);
    policy_api_unref(e->api);
    free(e);
}

static void on_records(void *arg, enum store_status status, const struct store_record *records,
                       size_t n, int more)
{
    struct explain *e = arg;
    struct arena *arena = arena_new(0);

    for (size_t i = 0; i < n; i++) {
        struct record record;
        struct err err;

        e->next = records[i].seq + 1;
        arena_reset(arena);
        if (record_decode(records[i].data, records[i].data_len, arena, &record, &err) == 0)
            look(e, &record);
    }
    arena_free(&arena);
    if (status != STORE_OK && status != STORE_NONE)
        finish(e, 503, "the journal cannot be read now");
    else if (status == STORE_NONE && e->next == 1)
        finish(e, 404, "there is no such session");
    else if (more && n > 0 && !e->api->closed)
        read_on(e);
    else
        finish(e, 200, NULL);
}

static void read_on(struct explain *e)
{
    store_read(e->api->conf.store, &e->session, e->next, PAGE, on_records, e);
}

void policy_explain(struct policy_api *api, const struct ulid *session, uint64_t seq,
                    policy_reply_fn *fn, void *arg)
{
    struct explain *e = mem_alloc(sizeof *e);
    char text[ULID_TEXT];

    *e = (struct explain){ .api = api, .session = *session, .seq = seq, .next = 1, .fn = fn,
                           .arg = arg };
    policy_api_ref(api);
    ulid_format(session, text);
    td_json_object(&e->json);
    td_json_key_str(&e->json, "session", text);
    td_json_key(&e->json, "points");
    td_json_array(&e->json);
    read_on(e);
}
