/* snapshot_handoff.c - what a snapshot says of handoffs; the scalars are snapshot.c's. */
#include "config.h"

#include <tandem/json.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/session_private.h"

static void put_str(struct td_json *j, const char *key, const char *text)
{
    if (text != NULL)
        td_json_key_str(j, key, text);
}

static void put_promises(struct td_json *j, const struct session *s)
{
    td_json_key(j, "promises");
    td_json_array(j);
    for (size_t i = 0; i < s->n_promises; i++) {
        const struct session_promise *p = &s->promises[i];
        td_json_object(j);
        snapshot_put_id(j, "id", &p->id);
        put_str(j, "what", p->what);
        put_str(j, "by_whom", p->by_whom);
        td_json_key_int(j, "due", p->due);
        td_json_key_int(j, "offer_at", p->offer_at);
        td_json_key_int(j, "state", (int)p->state);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_controls(struct td_json *j, const struct session *s)
{
    td_json_key(j, "controls");
    td_json_array(j);
    for (size_t i = 0; i < s->n_controls; i++) {
        const struct session_control *c = &s->controls[i];
        td_json_object(j);
        put_str(j, "id", c->id);
        td_json_key_int(j, "op", c->op);
        td_json_key_int(j, "outcome", c->outcome);
        td_json_key_int(j, "of", (int64_t)c->of);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_results(struct td_json *j, const struct session *s)
{
    td_json_key(j, "results");
    td_json_array(j);
    for (size_t i = 0; i < s->n_results; i++) {
        const struct session_result *r = &s->results[i];
        td_json_object(j);
        put_str(j, "call", r->call);
        put_str(j, "name", r->name);
        put_str(j, "receipt", r->receipt);
        put_str(j, "failed", r->failed);
        put_str(j, "detail", r->detail);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_steps(struct td_json *j, const struct session *s)
{
    td_json_key(j, "steps");
    td_json_array(j);
    for (size_t i = 0; i < s->n_steps; i++) {
        const struct session_step *step = &s->steps[i];
        td_json_object(j);
        put_str(j, "call", step->call);
        put_str(j, "name", step->name);
        put_str(j, "receipt", step->receipt);
        put_str(j, "failed", step->failed);
        td_json_key_int(j, "at", step->at);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_intents(struct td_json *j, const struct session *s)
{
    td_json_key(j, "intents");
    td_json_array(j);
    for (size_t i = 0; i < s->n_intents; i++) {
        td_json_object(j);
        put_str(j, "name", s->intents[i].name);
        td_json_key_int(j, "decision", s->intents[i].decision);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

void snapshot_put_handoff(struct td_json *j, const struct session *s)
{
    snapshot_put_id(j, "handoff", &s->handoff.id);
    snapshot_put_id(j, "handoff_from", &s->handoff.from);
    snapshot_put_id(j, "last_handoff", &s->last_handoff);
    put_promises(j, s);
    put_controls(j, s);
    put_results(j, s);
    put_steps(j, s);
    put_intents(j, s);
}

void snapshot_put_handoff_body(struct td_json *j, const struct session *s)
{
    const struct record_body body = {
        .text = s->stretch.note, .wrapup = s->stretch.wrapup, .note = s->handoff.reason,
        .summary = s->summary, .entities = s->entities, .data = s->tags,
        .peer = s->contact,
    };

    td_json_key(j, "handoff");
    record_put_body(j, &body);
    td_json_key(j, "results");
    td_json_array(j);
    for (size_t i = 0; i < s->n_results; i++)
        record_put_body(j, &(struct record_body){ .data = s->results[i].data });
    td_json_array_end(j);
}

static int get_id(const cJSON *object, const char *key, struct ulid *id_r, struct err *err)
{
    const char *text = td_json_get_str(object, key);

    if (text != NULL && ulid_parse(text, id_r) != 0)
        return err_set(err, "snapshot: '%s' is not an id", key);
    return 0;
}

static int64_t get_number(const cJSON *object, const char *key)
{
    int64_t number = 0;

    td_json_get_int(object, key, &number);
    return number;
}

static char *get_copy(const cJSON *object, const char *key)
{
    return mem_strdup(td_json_get_str(object, key));
}

/* Strings that are never NULL in a state. */
static char *get_word(const cJSON *object, const char *key)
{
    const char *text = td_json_get_str(object, key);

    return mem_strdup(text != NULL ? text : "");
}

static int get_promise(struct session *s, const cJSON *item, struct err *err)
{
    struct session_promise *p;
    int64_t state = get_number(item, "state");

    if (s->n_promises == SESSION_PROMISES || state < PROMISE_MADE || state > PROMISE_VOID)
        return err_set(err, "snapshot: a promise too many, or one in no state");
    p = session_add_promise(s);
    p->what = get_word(item, "what");
    p->by_whom = get_word(item, "by_whom");
    p->due = get_number(item, "due");
    p->offer_at = get_number(item, "offer_at");
    p->state = (enum promise_state)state;
    return get_id(item, "id", &p->id, err);
}

static int get_lists(struct session *s, const cJSON *object, struct err *err)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "promises"))
    {
        if (get_promise(s, item, err) != 0)
            return -1;
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "controls"))
    {
        if (s->n_controls == SESSION_CONTROLS)
            return err_set(err, "snapshot: too many controls");
        *session_add_control(s) = (struct session_control){
            .id = get_word(item, "id"), .op = (int)get_number(item, "op"),
            .outcome = (int)get_number(item, "outcome"),
            .of = (uint64_t)get_number(item, "of") };
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "results"))
    {
        if (s->n_results == SESSION_RESULTS)
            return err_set(err, "snapshot: too many results");
        *session_add_result(s) = (struct session_result){
            .call = get_copy(item, "call"), .name = get_copy(item, "name"),
            .receipt = get_copy(item, "receipt"), .failed = get_copy(item, "failed"),
            .detail = get_copy(item, "detail") };
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "steps"))
    {
        *session_add_step(s) = (struct session_step){
            .call = get_copy(item, "call"), .name = get_copy(item, "name"),
            .receipt = get_copy(item, "receipt"), .failed = get_copy(item, "failed"),
            .at = get_number(item, "at") };
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "intents"))
    {
        const int64_t decision = get_number(item, "decision");
        if (td_json_get_str(item, "name") == NULL || decision < 0 || decision > TD_REFUSE)
            return err_set(err, "snapshot: an intent without a name, or of no decision");
        session_set_intent(s, td_json_get_str(item, "name"), (int)decision);
    }
    return 0;
}

int snapshot_get_handoff(struct session *s, const struct cJSON *object, struct err *err)
{
    const struct session_handoff *h = &s->handoff;

    if ((int)h->state < HANDOFF_NONE || h->state >= HANDOFF_STATES)
        return err_set(err, "snapshot: a handoff in no state");
    if (h->state != HANDOFF_NONE && (h->queue == NULL || h->desk == NULL))
        return err_set(err, "snapshot: a handoff without queue or desk");
    if (h->state == HANDOFF_LIVE && h->human == NULL)
        return err_set(err, "snapshot: a live handoff without a human");
    if (get_id(object, "handoff", &s->handoff.id, err) != 0 ||
        get_id(object, "handoff_from", &s->handoff.from, err) != 0 ||
        get_id(object, "last_handoff", &s->last_handoff, err) != 0)
        return -1;
    return get_lists(s, object, err);
}

int snapshot_get_handoff_body(struct session *s, const struct cJSON *object, struct arena *arena,
                              struct err *err)
{
    struct record_body body;
    const cJSON *item;
    size_t n = 0;

    if (record_decode_body_tree(cJSON_GetObjectItemCaseSensitive(object, "handoff"), arena, &body,
                                err) != 0)
        return -1;
    session_set(&s->stretch.note, body.text);
    session_set(&s->stretch.wrapup, body.wrapup);
    session_set(&s->handoff.reason, body.note);
    session_set(&s->summary, body.summary);
    session_set(&s->entities, body.entities);
    session_set(&s->tags, body.data);
    session_set(&s->contact, body.peer);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "results"))
    {
        if (record_decode_body_tree(item, arena, &body, err) != 0)
            return -1;
        if (n < s->n_results)
            session_set(&s->results[n++].data, body.data);
    }
    return 0;
}
