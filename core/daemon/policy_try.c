/* policy_try.c - the journal read again under other rules, a session at a time. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/policy_api_private.h"
#include "engine/trial.h"
#include "store/store.h"

#define PAGE 512        /* sessions, and records of one, read at once */
#define LISTED_MOST 1000 /* sessions in the result */

struct trying {
    struct policy_api *api;
    const struct policy *policy;
    struct ulid id;
    int64_t since;
    struct ulid *sessions; /* of the page */
    size_t n_sessions, at;
    struct ulid last;
    struct trial trial;
    struct arena *arena;
    uint64_t next; /* record */
    uint64_t done, records, was, would, early, late, needless;
    size_t changed;
    struct td_json list; /* of the sessions that change, open */
    int finished;
    const char *failed; /* a sentence; NULL */
};

void policy_api_ref(struct policy_api *api)
{
    api->refs++;
}

static void trying_free(struct trying **trying)
{
    struct trying *t = *trying;

    *trying = NULL;
    if (!t)
        return;
    if (t->policy)
        t->api->conf.drop(t->policy);
    trial_end(&t->trial);
    arena_free(&t->arena);
    td_json_free(&t->list);
    free(t->sessions);
    free(t);
}

void policy_api_unref(struct policy_api *api)
{
    if (--api->refs > 0)
        return;
    trying_free(&api->trying);
    free(api);
}

struct policy_api *policy_api_new(const struct policy_api_conf *conf)
{
    struct policy_api *api = mem_alloc(sizeof *api);

    *api = (struct policy_api){ .conf = *conf, .refs = 1 };
    return api;
}

void policy_api_free(struct policy_api **api)
{
    if (!*api)
        return;
    (*api)->closed = 1;
    policy_api_unref(*api);
    *api = NULL;
}

/* ---- One session -------------------------------------------------------------------------- */

static void put_handoff(struct td_json *j, const char *key, const struct trial_handoff *handoff)
{
    td_json_key(j, key);
    if (handoff->seq == 0) {
        td_json_null(j);
        return;
    }
    td_json_object(j);
    td_json_key_int(j, "seq", (int64_t)handoff->seq);
    td_json_key_int(j, "message", handoff->message);
    td_json_key_str(j, "code", handoff->code);
    if (*handoff->rule)
        td_json_key_str(j, "rule", handoff->rule);
    td_json_object_end(j);
}

static void count(struct trying *t)
{
    static const char *const names[] = { [TRIAL_EARLIER] = "earlier", [TRIAL_HUMAN] = "human",
                                         [TRIAL_AGENT] = "agent" };
    const struct trial *trial = &t->trial;
    const enum trial_change change = trial_change(trial);
    char text[ULID_TEXT];

    t->done++;
    t->was += trial->was.seq != 0;
    t->would += trial->would.seq != 0;
    t->needless += (uint64_t)trial_is_needless(trial);
    t->early += change == TRIAL_EARLIER;
    t->late += change == TRIAL_AGENT || (change == TRIAL_SAME && trial->is_late);
    if (change == TRIAL_SAME || ++t->changed > LISTED_MOST)
        return;
    ulid_format(&trial->state.id, text);
    td_json_object(&t->list);
    td_json_key_str(&t->list, "session", text);
    td_json_key_str(&t->list, "change", names[change]);
    put_handoff(&t->list, "was", &trial->was);
    put_handoff(&t->list, "would", &trial->would);
    td_json_object_end(&t->list);
}

static int is_personal(enum record_type type)
{
    return type == RECORD_OPENED || type == RECORD_CUSTOMER || type == RECORD_STRETCH;
}

static void take(struct trying *t, const struct store_record *stored)
{
    struct record record;
    struct err err;

    t->next = stored->seq + 1;
    t->records++;
    arena_reset(t->arena);
    if (record_decode(stored->data, stored->data_len, t->arena, &record, &err) != 0 ||
        (is_personal(record.type) &&
         record_decode_body(stored->body, stored->body_len, t->arena, &record.body, &err) != 0)) {
        LOG_WARN(NULL, "policy try: record %llu cannot be read: %s",
                 (unsigned long long)stored->seq, err.text);
        return;
    }
    trial_record(&t->trial, t->policy, &record, t->arena);
}

/* ---- All of them -------------------------------------------------------------------------- */

static void read_sessions(struct trying *t);

static void finish(struct trying *t, const char *failed)
{
    struct policy_api *api = t->api;

    t->finished = 1;
    t->failed = failed;
    td_json_array_end(&t->list);
    api->conf.drop(t->policy);
    t->policy = NULL;
    policy_api_unref(api);
}

static void read_records(struct trying *t);

static void next_session(struct trying *t)
{
    if (t->api->closed) {
        finish(t, "the gateway ends");
    } else if (t->at == t->n_sessions) {
        read_sessions(t);
    } else {
        trial_begin(&t->trial, &t->sessions[t->at++]);
        t->next = 1;
        read_records(t);
    }
}

static void on_records(void *arg, enum store_status status, const struct store_record *records,
                       size_t n, int more)
{
    struct trying *t = arg;

    for (size_t i = 0; i < n; i++)
        take(t, &records[i]);
    if (status != STORE_OK && status != STORE_NONE) {
        finish(t, "the journal cannot be read now");
    } else if (more && n > 0 && !t->api->closed) {
        read_records(t);
    } else {
        count(t);
        trial_end(&t->trial);
        next_session(t);
    }
}

static void read_records(struct trying *t)
{
    store_read(t->api->conf.store, &t->sessions[t->at - 1], t->next, PAGE, on_records, t);
}

/* Newest first: the ids tell when a session began. */
static void on_sessions(void *arg, enum store_status status, const struct store_item *items,
                        size_t n)
{
    struct trying *t = arg;

    t->n_sessions = t->at = 0;
    if (status != STORE_OK && status != STORE_NONE) {
        finish(t, "the sessions cannot be read now");
        return;
    }
    for (size_t i = 0; i < n && ulid_ms(&items[i].session) >= t->since; i++)
        t->last = t->sessions[t->n_sessions++] = items[i].session;
    if (t->n_sessions == 0)
        finish(t, NULL);
    else
        next_session(t);
}

static void read_sessions(struct trying *t)
{
    store_sessions(t->api->conf.store, &t->last, PAGE, on_sessions, t);
}

/* ---- Asked -------------------------------------------------------------------------------- */

static void refuse(policy_reply_fn *fn, void *arg, int status, const char *why)
{
    fn(arg, status, why, strlen(why));
}

static void answer_state(const struct trying *t, int status, policy_reply_fn *fn, void *arg)
{
    struct td_json j = { 0 };
    char text[ULID_TEXT];

    ulid_format(&t->id, text);
    td_json_object(&j);
    td_json_key_str(&j, "id", text);
    td_json_key_bool(&j, "finished", t->finished);
    td_json_key_int(&j, "sessions", (int64_t)t->done);
    td_json_key_int(&j, "records", (int64_t)t->records);
    if (t->failed)
        td_json_key_str(&j, "error", t->failed);
    if (t->finished && !t->failed) {
        td_json_key_int(&j, "handed_over", (int64_t)t->was);
        td_json_key_int(&j, "would_be", (int64_t)t->would);
        td_json_key_int(&j, "early", (int64_t)t->early);
        td_json_key_int(&j, "late", (int64_t)t->late);
        td_json_key_int(&j, "needless", (int64_t)t->needless);
        td_json_key_int(&j, "changed", (int64_t)t->changed);
        td_json_key(&j, "changes");
        td_json_raw(&j, td_json_text(&t->list), td_json_len(&t->list));
    }
    td_json_object_end(&j);
    fn(arg, status, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
}

static void start(struct policy_api *api, const char *rules, int64_t since_s, policy_reply_fn *fn,
                  void *arg)
{
    struct buf report = { 0 };
    const struct policy *policy = api->conf.build(api->conf.arg, rules, &report);
    const int64_t now = clock_wall_ms();
    struct trying *t;

    if (!policy) {
        refuse(fn, arg, 400, report.data);
        buf_fini(&report);
        return;
    }
    buf_fini(&report);
    trying_free(&api->trying);
    api->trying = t = mem_alloc(sizeof *t);
    *t = (struct trying){ .api = api, .policy = policy, .id = ulid_new(now),
                          .since = since_s > now / 1000 ? 0 : now - since_s * 1000,
                          .sessions = mem_array(PAGE, sizeof *t->sessions), .arena = arena_new(0) };
    memset(&t->last, 0xff, sizeof t->last);
    td_json_array(&t->list);
    policy_api_ref(api);
    answer_state(t, 202, fn, arg);
    read_sessions(t);
}

void policy_try_start(struct policy_api *api, const char *body, size_t len, policy_reply_fn *fn,
                      void *arg)
{
    char why[160] = "";
    cJSON *object = td_json_parse(body, len, NULL, why, sizeof why);
    const char *rules = td_json_get_str(object, "rules");
    int64_t since_s = 7 * 24 * 3600;

    if (!object)
        refuse(fn, arg, 400, why);
    else if (!rules)
        refuse(fn, arg, 400, "rules, the text of a file of [rule NAME] sections, is missing");
    else if (td_json_get(object, "since_s") &&
             (!td_json_get_int(object, "since_s", &since_s) || since_s < 1))
        refuse(fn, arg, 400, "since_s is a number of seconds");
    else if (api->trying && !api->trying->finished)
        refuse(fn, arg, 409, "a trial is under way; one runs at a time");
    else
        start(api, rules, since_s, fn, arg);
    cJSON_Delete(object);
}

void policy_try_state(struct policy_api *api, const char *id, policy_reply_fn *fn, void *arg)
{
    struct ulid wanted;

    if (!api->trying || ulid_parse(id, &wanted) != 0 ||
        ulid_cmp(&wanted, &api->trying->id) != 0)
        refuse(fn, arg, 404, "there is no such trial; the newest is kept until the next");
    else
        answer_state(api->trying, 200, fn, arg);
}
