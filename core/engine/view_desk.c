/* view_desk.c - what the state looks like to a desk, and to the agent who comes after a human. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <tandem/json.h>

#include "base/arena.h"
#include "engine/engine.h"
#include "engine/package.h"
#include "engine/view.h"

#define LAST 3          /* customer messages that go with the package, verbatim */
#define MAX_ENTITIES 64
#define OF_CUSTOMER "customer." /* begins the names of such entities */
#define FIELDS 3 /* that the session itself knows */
#define MAX_FILES 10
#define MAX_FLAGS 2
#define MAX_EVIDENCE 5
#define MAX_ALSO 16

static const char *const promise_states[] = { [PROMISE_MADE] = "made", [PROMISE_BROKEN] = "broken",
                                              [PROMISE_KEPT] = "kept", [PROMISE_VOID] = "void" };

static const char *id_text(const struct ulid *id, struct arena *arena)
{
    char *text = arena_alloc(arena, ULID_TEXT);

    ulid_format(id, text);
    return text;
}

/* ---- For agents --------------------------------------------------------------------------- */

static const char *promises_json(const struct session *s, struct arena *arena)
{
    struct td_json j = { 0 };
    const char *text;

    if (s->n_promises == 0)
        return NULL;
    td_json_array(&j);
    for (size_t i = 0; i < s->n_promises; i++) {
        const struct session_promise *p = &s->promises[i];
        td_json_object(&j);
        td_json_key_str(&j, "what", p->what);
        td_json_key_str(&j, "by_whom", p->by_whom);
        td_json_key_int(&j, "due_at", p->due);
        td_json_key_str(&j, "state", promise_states[p->state]);
        td_json_object_end(&j);
    }
    td_json_array_end(&j);
    text = arena_dup(arena, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
    return text;
}

const struct td_stretch *view_stretch(const struct session *s, struct arena *arena)
{
    struct td_stretch *view;

    if (!s->stretch.fresh)
        return NULL;
    view = arena_alloc(arena, sizeof *view);
    *view = (struct td_stretch){
        .size = sizeof *view, .by = s->stretch.by, .summary = s->stretch.note,
        .promises = promises_json(s, arena), .wrapup = s->stretch.wrapup,
        .started_at_ms = s->stretch.started_at, .ended_at_ms = s->stretch.ended_at,
    };
    return view;
}

const struct td_result *const *view_results(const struct session *s, struct arena *arena)
{
    const struct td_result **list = arena_array(arena, s->n_results + 1, sizeof *list);

    for (size_t i = 0; i < s->n_results; i++) {
        const struct session_result *r = &s->results[i];
        struct td_result *view = arena_alloc(arena, sizeof *view);
        *view = (struct td_result){ .size = sizeof *view, .call = r->call, .name = r->name,
                                    .receipt = r->receipt, .failed = r->failed,
                                    .detail = r->detail, .data = r->data };
        list[i] = view;
    }
    return list;
}

/* ---- For desks ---------------------------------------------------------------------------- */

/* Values that are not words go in as JSON. */
static struct package_pair pair_of(const cJSON *item, struct arena *arena)
{
    char *json = cJSON_IsString(item) ? NULL : cJSON_PrintUnformatted(item);
    const struct package_pair pair = {
        arena_strdup(arena, item->string),
        arena_strdup(arena, json != NULL ? json : cJSON_GetStringValue(item)) };

    cJSON_free(json);
    return pair;
}

/* What the agent knows of the customer, not of the case, stands with the customer. */
static void fill_entities(struct package *p, const struct session *s, struct arena *arena)
{
    static const struct td_json_limits limits = { .bytes = 1 << 20, .depth = 8 };
    struct package_pair *pairs, *fields;
    size_t n = 0;
    cJSON *object, *item;
    char why[128];

    if (s->entities == NULL)
        return;
    object = td_json_parse(s->entities, strlen(s->entities), &limits, why, sizeof why);
    if (object == NULL)
        return;
    pairs = arena_array(arena, MAX_ENTITIES, sizeof *pairs);
    fields = arena_array(arena, MAX_ENTITIES + FIELDS, sizeof *fields);
    if (p->n_fields > 0)
        memcpy(fields, p->fields, p->n_fields * sizeof *fields);
    cJSON_ArrayForEach(item, object)
    {
        struct package_pair pair;
        if (item->string == NULL || n++ == MAX_ENTITIES)
            break;
        pair = pair_of(item, arena);
        if (strncmp(pair.name, OF_CUSTOMER, sizeof OF_CUSTOMER - 1) != 0)
            pairs[p->n_entities++] = pair;
        else if (strcmp(pair.name, OF_CUSTOMER "tier") == 0)
            p->tier = pair.value;
        else
            fields[p->n_fields++] = (struct package_pair){
                pair.name + sizeof OF_CUSTOMER - 1, pair.value };
    }
    p->entities = pairs;
    p->fields = fields;
    cJSON_Delete(object);
}

static void fill_last(struct package *p, const struct session *s, struct arena *arena)
{
    struct package_said *last = arena_array(arena, LAST, sizeof *last);
    size_t i = s->n_messages, at = LAST;

    while (i-- > 0 && at > 0)
        if (s->messages[i].author == TD_CUSTOMER && s->messages[i].text != NULL)
            last[--at] = (struct package_said){ s->messages[i].seq, s->messages[i].at,
                                                s->messages[i].text };
    p->last = last + at;
    p->n_last = LAST - at;
}

/* What the rule named; else the newest message before the handoff. */
static void fill_reason(struct package *p, const struct session *s, struct arena *arena)
{
    const char *at = s->handoff.evidence, *also = s->handoff.also;
    struct package_evidence *evidence = arena_array(arena, MAX_EVIDENCE, sizeof *evidence);
    const char **codes = arena_array(arena, MAX_ALSO, sizeof *codes);

    while (at != NULL && *at != '\0' && p->n_evidence < MAX_EVIDENCE) {
        const struct session_message *m = session_message(s, strtoull(at, NULL, 10));
        if (m != NULL && m->text != NULL)
            evidence[p->n_evidence++] = (struct package_evidence){ m->seq, m->text };
        at += strcspn(at, ",");
        at += *at == ',';
    }
    for (size_t i = p->n_last; i-- > 0 && p->n_evidence == 0;)
        if (p->last[i].seq <= s->handoff.from_seq) /* else it was said later */
            evidence[p->n_evidence++] =
                (struct package_evidence){ p->last[i].seq, p->last[i].text };
    while (also != NULL && *also != '\0' && p->n_also < MAX_ALSO) {
        const size_t len = strcspn(also, ",");
        codes[p->n_also++] = arena_dup(arena, also, len);
        also += len + (also[len] == ',');
    }
    p->evidence = evidence;
    p->also = codes;
}

static const struct td_attachment *linked(const struct td_attachment *file,
                                          const struct package_target *target, struct arena *arena)
{
    struct td_attachment *copy;

    if (target->link == NULL)
        return file;
    copy = arena_alloc(arena, sizeof *copy);
    *copy = *file;
    copy->url = target->link(target->link_arg, file->id, arena);
    return copy;
}

static void fill_files(struct package *p, const struct session *s,
                       const struct package_target *target, struct arena *arena)
{
    const struct td_attachment **files = arena_array(arena, MAX_FILES, sizeof *files);

    for (size_t i = s->n_messages; i-- > 0;)
        for (size_t k = s->messages[i].n_attachments; k-- > 0 && p->n_attachments < MAX_FILES;)
            if (s->messages[i].author == TD_CUSTOMER)
                files[p->n_attachments++] = linked(s->messages[i].attachments[k], target, arena);
    p->attachments = files;
}

static void fill_promises(struct package *p, const struct session *s, struct arena *arena)
{
    struct package_promise *promises = arena_array(arena, SESSION_PROMISES, sizeof *promises);

    for (size_t i = 0; i < s->n_promises; i++)
        promises[i] = (struct package_promise){
            .id = id_text(&s->promises[i].id, arena), .what = s->promises[i].what,
            .by_whom = s->promises[i].by_whom, .state = promise_states[s->promises[i].state],
            .due = s->promises[i].due };
    p->promises = promises;
    p->n_promises = s->n_promises;
}

/* Where the customer can be reached besides; allow says who may know. */
static void fill_fields(struct package *p, const struct session *s, struct arena *arena)
{
    struct package_pair *fields = arena_array(arena, FIELDS, sizeof *fields);

    if (s->customer_email != NULL)
        fields[p->n_fields++] = (struct package_pair){ "email", s->customer_email };
    if (s->peer != NULL)
        fields[p->n_fields++] = (struct package_pair){ "address", s->peer };
    if (s->contact != NULL)
        fields[p->n_fields++] = (struct package_pair){ "contact", s->contact };
    p->fields = fields;
}

/* The newest first: they survive longest. */
static void fill_steps(struct package *p, const struct session *s, struct arena *arena)
{
    struct package_step *done = arena_array(arena, SESSION_STEPS, sizeof *done);
    struct package_step *failed = arena_array(arena, SESSION_STEPS, sizeof *failed);

    for (size_t i = s->n_steps; i-- > 0;) {
        const struct session_step *step = &s->steps[i];
        struct package_step *to = step->receipt != NULL ? &done[p->n_done++]
                                                        : &failed[p->n_failed++];
        *to = (struct package_step){ .step = step->call, .action = step->name,
                                     .outcome = step->receipt != NULL ? "ok" : step->failed,
                                     .receipt = step->receipt, .at = step->at };
    }
    p->done = done;
    p->failed = failed;
}

static int is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

/* What the trigger alone says of the risk. */
static void fill_flags(struct package *p, struct arena *arena)
{
    static const char *const as_code[][2] = {
        { "refund_dispute", "refund" }, { "repeated_complaint", "complaint" },
        { "vulnerable", "vulnerable" }, { "legal", "legal" }, { "security", "security" },
    };
    const char **flags = arena_array(arena, MAX_FLAGS, sizeof *flags);

    for (size_t i = 0; i < sizeof as_code / sizeof *as_code; i++)
        if (is(p->code, as_code[i][0]))
            flags[p->n_risk_flags++] = as_code[i][1];
    if (is(p->category, "emotional_urgency"))
        flags[p->n_risk_flags++] = "emotional_urgency";
    p->risk_flags = flags;
}

static const char *open_question(const struct session *s)
{
    for (size_t i = s->n_messages; s->counts.clarify_turns > 0 && i-- > 0;)
        if (s->messages[i].author == TD_AI)
            return s->messages[i].text;
    return NULL;
}

/* The newest is what it is about; of the others those that are not done with. */
static void fill_intents(struct package *p, const struct session *s, struct arena *arena)
{
    static const char *const states[] = { [TD_DECISION_NONE] = "open", [TD_RESOLVE] = "resolved",
                                          [TD_CLARIFY] = "clarifying", [TD_ESCALATE] = "escalated",
                                          [TD_REFUSE] = "refused" };
    const char **open = arena_array(arena, SESSION_INTENTS, sizeof *open);

    if (s->n_intents == 0)
        return;
    p->intent_status = states[s->intents[s->n_intents - 1].decision];
    for (size_t i = s->n_intents - 1; i-- > 0;)
        if (s->intents[i].decision != TD_RESOLVE)
            open[p->n_open_intents++] = s->intents[i].name;
    p->open_intents = open;
}

const char *engine_package(const struct session *s, const struct policy *policy,
                           const struct package_target *target, struct arena *arena)
{
    const struct session_handoff *h = &s->handoff;
    const struct policy_channel *channel = policy_channel(policy, s->channel);
    struct package p = {
        .handoff = id_text(&h->id, arena), .session = id_text(&s->id, arena), .epoch = s->epoch,
        .code = h->code, .category = h->category, .reason = h->reason, .intent = s->intent,
        .confidence = s->confidence > 0 ? s->confidence - 1 : -1, .summary = s->summary,
        .customer_id = s->customer_id, .customer_name = s->customer_name, .locale = s->locale,
        .timezone = s->timezone, .verified = s->verified, .open_question = open_question(s),
        .channel = s->channel, .channel_kind = s->kind, .reply_until = s->reply_until,
        .channel_caps = channel != NULL ? channel->caps : 0, .transcript_count = s->n_said,
        .transcript_url = target->transcript,
    };

    p.status = is(h->category, "emotional_urgency") || is(h->category, "safety") ? "urgent"
                                                                                 : "blocked";
    fill_fields(&p, s, arena);
    fill_entities(&p, s, arena);
    fill_intents(&p, s, arena);
    fill_steps(&p, s, arena);
    fill_last(&p, s, arena);
    fill_reason(&p, s, arena);
    fill_files(&p, s, target, arena);
    fill_promises(&p, s, arena);
    fill_flags(&p, arena);
    return package_compile(&p, target, arena);
}

const struct td_message *engine_message(const struct session *s, uint64_t seq, struct arena *arena)
{
    const struct session_message *m = session_message(s, seq);

    return m != NULL ? view_message(m, arena) : NULL;
}
