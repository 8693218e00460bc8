/*
 * request.c - what desks ask for their humans: judged, handed to the session, answered once.
 *
 * Nothing is answered inside the call. What concerns a session goes through its mailbox, so that of
 * many who want the same handoff the first one has it; who may at all is judged there, too, against
 * the line as it is then (request_judge.c).
 */
#include "config.h"

#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "gate/board.h"

#define MAX_NOTE 8192
#define MAX_WRAPUP 8192
#define MAX_TAGS 20

static const struct td_desk_done *done_new(struct item *item, const struct td_desk_done *done)
{
    struct td_desk_done *copy = arena_alloc(item->arena, sizeof *copy);

    *copy = *done;
    copy->size = sizeof *copy;
    return copy;
}

static void say(struct item *item, const struct td_desk_done *done)
{
    struct td_instance *inst = item->inst;

    if (instance_is_open(inst) && inst->generation == item->generation)
        instance_desk(inst)->done(inst->self, item->job, done);
}

void request_reject(struct item *item, const char *code, const char *detail, const char *holder)
{
    say(item, &(struct td_desk_done){ .size = sizeof(struct td_desk_done), .status = TD_REJECT,
                                      .code = code, .detail = detail, .holder = holder });
}

void request_refused(struct item *item, enum td_status status, const char *detail,
                     uint32_t retry_after_ms)
{
    if (item->done != NULL)
        say(item, item->done);
    else if (status == TD_AUTH)
        request_reject(item, "not_found", detail, NULL);
    else if (status == TD_REJECT)
        request_reject(item, "over", detail, NULL);
    else
        say(item, &(struct td_desk_done){ .size = sizeof(struct td_desk_done), .status = TD_RETRY,
                                          .detail = detail, .retry_after_ms = retry_after_ms });
}

/* On a later turn. */
static void answer(struct item *item, const struct td_desk_done *done)
{
    item->done = done_new(item, done);
    gate_refuse_later(item->inst->gate, item, done->status, NULL, 0);
}

static void reject(struct item *item, const char *code, const char *detail)
{
    answer(item, &(struct td_desk_done){ .status = TD_REJECT, .code = code, .detail = detail });
}

static void answer_json(struct item *item, struct td_json *json)
{
    char *text = arena_strdup(item->arena, td_json_text(json));

    td_json_free(json);
    answer(item, &(struct td_desk_done){ .status = TD_OK, .json = text });
}

/* ---- In the session's mailbox ------------------------------------------------------------- */

/* What a human says or does who has the session no more: it reaches nobody. */
static void count_stale(struct gate *gate, enum control_op op, enum control_outcome outcome)
{
    static const char *const kinds[] = { [CONTROL_SAY] = "text", [CONTROL_TYPING] = "typing" };

    if ((outcome == CONTROL_NOT_YOURS || outcome == CONTROL_OVER) &&
        (size_t)op < sizeof kinds / sizeof *kinds && kinds[op] != NULL)
        ++*gate_counter(gate, "tandem_stale_outputs_total", "kind", kinds[op]);
}

void request_done(struct slot *slot, struct item *item)
{
    static const struct { const char *code, *detail; } refusals[] = {
        [CONTROL_NOT_FOUND] = { "not_found", "there is no such handoff at this desk" },
        [CONTROL_TAKEN] = { "taken", "somebody else has accepted it already" },
        [CONTROL_NOT_YOURS] = { "not_yours", "only who has accepted it may do that" },
        [CONTROL_OVER] = { "over", "it is over" },
        [CONTROL_NO_AGENT] = { "no_agent", "no agent can answer right now" },
        [CONTROL_FULL] = { "full", "they have as many customers as they may" },
        [CONTROL_BAD] = { "bad_request", "that cannot be done with this conversation" },
        [CONTROL_NO_PAGE] = { "no_page", "the channel names no bridge_page" },
    };
    const struct step *step = &item->step;
    char handoff[ULID_TEXT];
    struct td_json j = { 0 };

    count_stale(slot->gate, item->event.control->op, step->outcome);
    if (step->outcome != CONTROL_DONE && step->outcome != CONTROL_AGAIN) {
        request_reject(item, refusals[step->outcome].code,
                       step->reason != NULL ? step->reason : refusals[step->outcome].detail,
                       step->holder);
        return;
    }
    ulid_format(item->event.control->op == CONTROL_TAKE ? &slot->session.handoff.id
                                                        : &item->event.control->handoff,
                handoff);
    if (item->event.control->op == CONTROL_BRIDGE && bridge_is_out(slot, item))
        bridge_put_human(slot, &j);
    say(item, &(struct td_desk_done){
        .size = sizeof(struct td_desk_done), .status = TD_OK, .handoff = handoff,
        .session = slot->text, .seq = step->message_seq,
        .json = td_json_len(&j) > 0 ? td_json_text(&j) : NULL,
    });
    td_json_free(&j);
}

/* ---- Coming in ---------------------------------------------------------------------------- */

static int is_control(enum td_desk_op op, enum control_op *to)
{
    switch (op) {
    case TD_OP_ACCEPT: *to = CONTROL_ACCEPT; return 1;
    case TD_OP_DECLINE: *to = CONTROL_DECLINE; return 1;
    case TD_OP_MESSAGE: *to = CONTROL_SAY; return 1;
    case TD_OP_TYPING: *to = CONTROL_TYPING; return 1;
    case TD_OP_NOTE: *to = CONTROL_NOTE; return 1;
    case TD_OP_TRANSFER: *to = CONTROL_TRANSFER; return 1;
    case TD_OP_RETURN: *to = CONTROL_RETURN; return 1;
    case TD_OP_CLOSE: *to = CONTROL_CLOSE; return 1;
    case TD_OP_TAKE: *to = CONTROL_TAKE; return 1;
    case TD_OP_EXTEND: *to = CONTROL_EXTEND; return 1;
    case TD_OP_TAG: *to = CONTROL_TAG; return 1;
    case TD_OP_REVIEW: *to = CONTROL_REVIEW; return 1;
    case TD_OP_READ: *to = CONTROL_READ; return 1;
    case TD_OP_BRIDGE: *to = CONTROL_BRIDGE; return 1;
    case TD_OP_PRESENCE:
    case TD_OP_WATCH:
    case TD_OP_ME:
    case TD_OP_LIST:
    case TD_OP_GET: break;
    }
    return 0;
}

/* Words that replace the old ones. */
static int are_tags(const char *text)
{
    char why[128];
    cJSON *array = text != NULL ? td_json_parse(text, strlen(text), NULL, why, sizeof why) : NULL;
    const cJSON *word;
    int good = cJSON_IsArray(array) && cJSON_GetArraySize(array) <= MAX_TAGS;

    cJSON_ArrayForEach(word, array)
    {
        good = good && cJSON_IsString(word) && strlen(word->valuestring) <= 64;
    }
    cJSON_Delete(array);
    return good;
}

static int is_object(const char *text)
{
    char why[128];
    cJSON *object = td_json_parse(text, strlen(text), NULL, why, sizeof why);
    const int good = cJSON_IsObject(object);

    cJSON_Delete(object);
    return good;
}

/* {"score":1..5,"note"?}. */
static const char *copy_review(struct arena *arena, const char *text, struct event_control *to)
{
    char why[128];
    cJSON *object = text != NULL ? td_json_parse(text, strlen(text), NULL, why, sizeof why) : NULL;
    const cJSON *score = cJSON_GetObjectItemCaseSensitive(object, "score");
    const cJSON *note = cJSON_GetObjectItemCaseSensitive(object, "note");
    const char *flaw = NULL;

    if (!cJSON_IsNumber(score) || score->valuedouble < 1 || score->valuedouble > 5 ||
        score->valuedouble != score->valueint)
        flaw = "score must be a whole number from 1 to 5";
    else if (note != NULL && !cJSON_IsString(note) && !cJSON_IsNull(note))
        flaw = "note must be a string";
    else {
        to->on = score->valueint;
        to->text = arena_strdup(arena, cJSON_GetStringValue(note));
    }
    cJSON_Delete(object);
    return flaw;
}

/* NULL, or why it cannot be. */
static const char *copy_control(struct item *item, const struct td_desk_request *r,
                                struct event_control *to)
{
    struct gate *gate = item->inst->gate;
    const struct policy *policy = gate->policy->policy;
    const struct policy_human *human = r->human != NULL ? policy_human(policy, r->human) : NULL;
    struct arena *arena = item->arena;
    const char *flaw;

    if (!copy_is_good(r->id, MAX_ID) || !copy_is_good(r->text, MAX_NOTE) ||
        !copy_is_good(r->wrapup, MAX_WRAPUP))
        return "its id, text or wrapup is too long or not UTF-8";
    if (r->queue != NULL && policy_queue(policy, r->queue) == NULL)
        return "there is no such queue";
    if (r->to_human != NULL && policy_human(policy, r->to_human) == NULL)
        return "there is no such human";
    if (to->op == CONTROL_TRANSFER && (r->queue == NULL) == (r->to_human == NULL))
        return "a transfer names a queue or a human";
    if (to->op == CONTROL_TAG && !are_tags(r->text))
        return "tags are a JSON array of at most 20 words";
    if (r->wrapup != NULL && !is_object(r->wrapup))
        return "a wrapup is a JSON object";
    if (to->op == CONTROL_SAY && (flaw = copy_message(arena, r->message, &to->message)) != NULL)
        return flaw;
    to->id = arena_strdup(arena, r->id != NULL       ? r->id
                                 : to->op == CONTROL_SAY ? r->message->id
                                                         : NULL);
    to->desk = item->inst->name;
    to->human = arena_strdup(arena, r->human);
    to->title = human != NULL ? arena_strdup(arena, human->title) : NULL;
    to->text = arena_strdup(arena, r->text);
    to->queue = arena_strdup(arena, r->queue);
    to->to_human = arena_strdup(arena, r->to_human);
    to->wrapup = arena_strdup(arena, r->wrapup);
    to->on = r->on != 0;
    return to->op == CONTROL_REVIEW ? copy_review(arena, r->text, to) : NULL;
}

/* The session that a request is about; -1: it is answered. */
static int find(struct item *item, const struct td_desk_request *r, struct ulid *handoff_r,
                struct ulid *session_r)
{
    const struct gate *gate = item->inst->gate;
    const struct place *place;

    *handoff_r = (struct ulid){ { 0 } };
    if (r->handoff == NULL && r->session != NULL && ulid_parse(r->session, session_r) == 0)
        return 0;
    if (r->handoff == NULL || ulid_parse(r->handoff, handoff_r) != 0) {
        reject(item, "not_found", "there is no such handoff");
        return -1;
    }
    if ((place = board_find(gate, handoff_r)) == NULL)
        place = board_ended(gate, handoff_r);
    if (place == NULL || place->desk == NULL || strcmp(place->desk, item->inst->name) != 0) {
        reject(item, "not_found", "there is no such handoff");
        return -1;
    }
    *session_r = place->session;
    if (place->outcome == 0 || r->op == TD_OP_GET || r->op == TD_OP_REVIEW ||
        r->op == TD_OP_NOTE || r->op == TD_OP_TAG || r->id != NULL)
        return 0; /* with an id the engine may remember what came of it */
    reject(item, "over", "this handoff has ended");
    return -1;
}

static void hand_in(struct item *item, const struct ulid *session)
{
    struct gate *gate = item->inst->gate;
    struct slot *slot = slot_load(gate, session, 0);

    if (slot == NULL || slot_is_crowded(slot) || gate->n_items > MAX_ITEMS)
        gate_refuse_later(gate, item, TD_RETRY, "too much waits for an answer", BUSY_MS);
    else if (slot->hold != NULL)
        gate_refuse_later(gate, item, TD_RETRY, "the store is full", FULL_MS);
    else
        slot_add(slot, item);
}

static void not_supervisor(struct item *item)
{
    reject(item, "not_eligible", "only a human with supervise = yes may");
}

static void on_control(struct item *item, const struct td_desk_request *r, enum control_op op)
{
    struct event_control *to = arena_alloc(item->arena, sizeof *to);
    struct ulid session;
    const char *flaw;

    if (find(item, r, &to->handoff, &session) != 0)
        return;
    if (op == CONTROL_REVIEW && !supervise_is(item->inst, r->human)) {
        not_supervisor(item);
        return;
    }
    to->op = op;
    if (op == CONTROL_TAKE)
        to->handoff = (struct ulid){ { 0 } };
    flaw = copy_control(item, r, to);
    if (flaw != NULL) {
        reject(item, "bad_request", flaw);
        return;
    }
    item->event.control = to;
    item->event.of = r->before;
    if (to->message != NULL)
        item->event.message = to->message; /* whose files are looked up */
    hand_in(item, &session);
}

static void on_presence(struct item *item, const struct td_desk_request *r)
{
    if (r->text != NULL && board_presence(item->inst->gate, r->human, r->text) != 0) {
        reject(item, "bad_request", "a presence is available, away or offline");
        return;
    }
    answer(item, &(struct td_desk_done){ .status = TD_OK });
}

static void put_list(struct td_json *j, const char *key, const char *const *list)
{
    td_json_key(j, key);
    td_json_array(j);
    for (size_t i = 0; list[i] != NULL; i++)
        td_json_str(j, list[i]);
    td_json_array_end(j);
}

static void on_me(struct item *item, const struct td_desk_request *r)
{
    struct gate *gate = item->inst->gate;
    const struct policy_human *human = policy_human(gate->policy->policy, r->human);
    struct td_json j = { 0 };

    if (human == NULL) {
        reject(item, "not_found", "this desk keeps its own humans");
        return;
    }
    td_json_object(&j);
    td_json_key_str(&j, "id", human->name);
    td_json_key_str(&j, "name", human->title);
    td_json_key_str(&j, "presence", board_presence_of(gate, human->name));
    td_json_key_int(&j, "capacity", human->capacity);
    td_json_key_int(&j, "live", (int64_t)line_live_of(gate->board->line, human->name));
    put_list(&j, "desks", human->desks);
    put_list(&j, "skills", human->skills);
    put_list(&j, "languages", human->languages);
    td_json_key_bool(&j, "supervise", human->supervise);
    td_json_key(&j, "limits");
    td_json_object(&j);
    td_json_key_int(&j, "text", MAX_TEXT);
    td_json_key_int(&j, "note", MAX_NOTE);
    td_json_key_int(&j, "tags", MAX_TAGS);
    td_json_key_int(&j, "file", gate->files.max_file);
    td_json_key_int(&j, "presence_s", gate->policy->policy->presence_ms / 1000);
    td_json_object_end(&j);
    td_json_object_end(&j);
    answer_json(item, &j);
}

static void on_list(struct item *item, const struct td_desk_request *r)
{
    const int is_team = r->text != NULL && strcmp(r->text, "team") == 0;
    const int is_agent = r->text != NULL && strcmp(r->text, "agent") == 0;
    struct td_json j = { 0 };

    if ((r->text == NULL || is_agent) && !supervise_is(item->inst, r->human)) {
        not_supervisor(item);
        return;
    }
    if (is_team || is_agent) {
        if (is_team)
            board_team(item->inst, &j);
        else
            supervise_sessions(item->inst->gate, &j);
        answer_json(item, &j);
        return;
    }
    if (board_list(item->inst, r->human, r->text, &j) == 0) {
        answer_json(item, &j);
        return;
    }
    td_json_free(&j);
    reject(item, "bad_request", "the state is queued, live, mine, closed, team or agent");
}

static void look_transcript(struct item *item, struct slot *slot)
{
    if (slot == NULL)
        request_reject(item, "not_found", "there is no such session", NULL);
    else
        transcript_read(slot, item, item->event.of);
}

static void look_watch(struct item *item, struct slot *slot)
{
    const struct event_control *control = item->event.control;

    if (slot == NULL || slot->session.phase != SESSION_OPEN)
        request_reject(item, slot == NULL ? "not_found" : "over", "there is no such session", NULL);
    else if (board_watch(item->inst, &slot->id, control->human, control->on) != 0)
        request_reject(item, "bad_request", "too many sessions are being watched", NULL);
    else
        say(item, &(struct td_desk_done){ .size = sizeof(struct td_desk_done), .status = TD_OK,
                                          .session = slot->text });
}

static void on_look(struct item *item, const struct td_desk_request *r)
{
    struct event_control *to = arena_alloc(item->arena, sizeof *to);
    struct ulid session;

    if (find(item, r, &to->handoff, &session) != 0)
        return;
    if (r->handoff == NULL && !supervise_may(item->inst, r->human, &session)) {
        not_supervisor(item);
        return;
    }
    to->human = arena_strdup(item->arena, r->human != NULL ? r->human : "");
    to->on = r->on != 0;
    item->event.control = to;
    item->event.of = r->before;
    item->kind = ITEM_LOOK;
    item->look = r->op == TD_OP_GET ? look_transcript : look_watch;
    hand_in(item, &session);
}

/* A human of the conf who works here; any name, where the desk keeps its own. */
static int is_known(const struct td_instance *inst, const struct td_desk_request *r)
{
    const struct policy_human *human;

    if (r->human == NULL)
        return r->op == TD_OP_DECLINE || (inst->conf.plugin->caps & TD_DESK_HUMANS) == 0;
    if (!copy_is_good(r->human, MAX_ID) || r->human[0] == '\0')
        return 0;
    if ((inst->conf.plugin->caps & TD_DESK_HUMANS) == 0)
        return 1;
    human = policy_human(inst->gate->policy->policy, r->human);
    for (size_t i = 0; human != NULL && human->desks[i] != NULL; i++) {
        if (strcmp(human->desks[i], inst->name) == 0)
            return 1;
    }
    return 0;
}

void request_desk(struct td_instance *inst, uint64_t job, const struct td_desk_request *r)
{
    struct gate *gate = inst->gate;
    struct item *item = item_new(gate, ITEM_DESK, EVENT_CONTROL);
    enum control_op op;

    item->inst = inst;
    item->generation = inst->generation;
    item->job = job;
    if (r == NULL || !TD_HAS(r, before)) {
        instance_misuse(inst, "a request that is too short");
        reject(item, "bad_request", "the request is too short");
        return;
    }
    if (!is_known(inst, r)) {
        answer(item, &(struct td_desk_done){ .status = TD_AUTH, .detail = "there is no such human" });
        return;
    }
    if (gate->resume != NULL) {
        gate_refuse_later(gate, item, TD_RETRY, "starting", BUSY_MS);
        return;
    }
    if (r->human != NULL)
        board_alive(gate, r->human, 1);
    if (r->op == TD_OP_PRESENCE)
        on_presence(item, r);
    else if (r->op == TD_OP_ME)
        on_me(item, r);
    else if (r->op == TD_OP_LIST || (r->op == TD_OP_REVIEW && r->text == NULL))
        on_list(item, r);
    else if (r->op == TD_OP_GET || r->op == TD_OP_WATCH)
        on_look(item, r);
    else if (is_control(r->op, &op))
        on_control(item, r, op);
    else
        reject(item, "bad_request", "this operation is not known");
}
