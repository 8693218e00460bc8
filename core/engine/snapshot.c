/* snapshot.c - the state as bytes, without what people said, and back. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/content.h"
#include "engine/session_private.h"

#define SNAPSHOT_VERSION 1

enum kind { TEXT, NUMBER };

/* One table for both ways: the scalars of the state. */
#define FIELD(kind_, name_, field_) \
    { name_, kind_, offsetof(struct session, field_), sizeof(((struct session *)0)->field_) }
static const struct {
    const char *name;
    enum kind kind;
    size_t offset, size;
} fields[] = {
    FIELD(NUMBER, "seq", seq),
    FIELD(NUMBER, "phase", phase),
    FIELD(NUMBER, "epoch", epoch),
    FIELD(TEXT, "channel", channel),
    FIELD(TEXT, "kind", kind),
    FIELD(TEXT, "account", account),
    FIELD(NUMBER, "verified", verified),
    FIELD(NUMBER, "opened_at", opened_at),
    FIELD(NUMBER, "closed_at", closed_at),
    FIELD(NUMBER, "active_at", active_at),
    FIELD(NUMBER, "seen_at", seen_at),
    FIELD(NUMBER, "owner", owner),
    FIELD(TEXT, "owner_name", owner_name),
    FIELD(NUMBER, "turn_active", turn.active),
    FIELD(TEXT, "turn_agent", turn.agent),
    FIELD(NUMBER, "turn_upto", turn.upto),
    FIELD(NUMBER, "turn_attempt", turn.attempt),
    FIELD(NUMBER, "turn_deadline", turn.deadline),
    FIELD(NUMBER, "turn_retry_at", turn.retry_at),
    FIELD(NUMBER, "turn_cause", turn.cause),
    FIELD(NUMBER, "answered", answered),
    FIELD(TEXT, "route", route),
    FIELD(TEXT, "intent", intent),
    FIELD(TEXT, "language", language),
    FIELD(NUMBER, "confidence", confidence),
    FIELD(NUMBER, "bounces", bounces),
    FIELD(TEXT, "offer", offer),
    FIELD(TEXT, "offer_also", offer_also),
    FIELD(TEXT, "offer_evidence", offer_evidence),
    FIELD(NUMBER, "messages_seen", counts.messages),
    FIELD(NUMBER, "message_repeats", counts.message_repeats),
    FIELD(NUMBER, "turns", counts.turns),
    FIELD(NUMBER, "open_turns", counts.open_turns),
    FIELD(NUMBER, "reply_repeats", counts.reply_repeats),
    FIELD(NUMBER, "clarify_turns", counts.clarify_turns),
    FIELD(NUMBER, "agent_failures", counts.agent_failures),
    FIELD(NUMBER, "agent_timeouts", counts.agent_timeouts),
    FIELD(NUMBER, "action_errors", counts.action_errors),
    FIELD(NUMBER, "verification_failures", counts.verification_failures),
    FIELD(NUMBER, "delivery_failures", counts.delivery_failures),
    FIELD(NUMBER, "unbacked_claims", counts.unbacked_claims),
    FIELD(NUMBER, "offers_declined", counts.offers_declined),
    FIELD(NUMBER, "handoffs", counts.handoffs),
    FIELD(NUMBER, "receipts", counts.receipts),
    FIELD(NUMBER, "turn_since", counts.since),
    FIELD(NUMBER, "human_tried", counts.tried),
    FIELD(NUMBER, "read_upto", read_upto),
    FIELD(NUMBER, "given_upto", receipt.given),
    FIELD(NUMBER, "heard_upto", receipt.read),
    FIELD(TEXT, "last_human", last_human),
    FIELD(NUMBER, "rounds", rounds),
    FIELD(TEXT, "bridge", bridge),
    FIELD(NUMBER, "bridge_seq", bridge_seq),
    FIELD(NUMBER, "bridge_until", bridge_until),
    FIELD(TEXT, "bridge_by", bridge_by),
    FIELD(NUMBER, "reply_until", reply_until),
    FIELD(NUMBER, "undisclosed", undisclosed),
    FIELD(NUMBER, "said", n_said),
    FIELD(NUMBER, "handoff_state", handoff.state),
    FIELD(TEXT, "handoff_queue", handoff.queue),
    FIELD(TEXT, "handoff_desk", handoff.desk),
    FIELD(TEXT, "handoff_wanted", handoff.wanted),
    FIELD(TEXT, "handoff_human", handoff.human),
    FIELD(TEXT, "handoff_title", handoff.title),
    FIELD(TEXT, "handoff_code", handoff.code),
    FIELD(TEXT, "handoff_category", handoff.category),
    FIELD(TEXT, "handoff_agent", handoff.agent),
    FIELD(TEXT, "handoff_declined", handoff.declined),
    FIELD(TEXT, "handoff_also", handoff.also),
    FIELD(TEXT, "handoff_evidence", handoff.evidence),
    FIELD(NUMBER, "handoff_priority", handoff.priority),
    FIELD(NUMBER, "handoff_quiet", handoff.quiet),
    FIELD(NUMBER, "handoff_since", handoff.since),
    FIELD(NUMBER, "handoff_offered_at", handoff.offered_at),
    FIELD(NUMBER, "handoff_queued_at", handoff.queued_at),
    FIELD(NUMBER, "handoff_accepted_at", handoff.accepted_at),
    FIELD(NUMBER, "handoff_spoke_at", handoff.spoke_at),
    FIELD(NUMBER, "handoff_touched_at", handoff.touched_at),
    FIELD(NUMBER, "handoff_warned", handoff.warned),
    FIELD(NUMBER, "handoff_reminded", handoff.reminded),
    FIELD(NUMBER, "handoff_position", handoff.position),
    FIELD(NUMBER, "handoff_wait", handoff.wait),
    FIELD(NUMBER, "handoff_told", handoff.told),
    FIELD(NUMBER, "handoff_deltas", handoff.deltas),
    FIELD(NUMBER, "handoff_from_seq", handoff.from_seq),
    FIELD(TEXT, "stretch_by", stretch.by),
    FIELD(NUMBER, "stretch_started_at", stretch.started_at),
    FIELD(NUMBER, "stretch_ended_at", stretch.ended_at),
    FIELD(NUMBER, "stretch_fresh", stretch.fresh),
};

static int64_t get_number(const struct session *s, size_t i)
{
    const void *p = (const char *)s + fields[i].offset;
    int narrow;
    int64_t wide;

    if (fields[i].size == sizeof narrow) {
        memcpy(&narrow, p, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, p, sizeof wide);
    return wide;
}

static void set_number(struct session *s, size_t i, int64_t value)
{
    void *p = (char *)s + fields[i].offset;
    int narrow = (int)value;

    if (fields[i].size == sizeof narrow)
        memcpy(p, &narrow, sizeof narrow);
    else
        memcpy(p, &value, sizeof value);
}

void snapshot_put_id(struct td_json *j, const char *key, const struct ulid *id)
{
    char text[ULID_TEXT];

    if (ulid_is_zero(id))
        return;
    ulid_format(id, text);
    td_json_key_str(j, key, text);
}

static void put_message(struct td_json *j, const struct session_message *m)
{
    td_json_object(j);
    td_json_key_int(j, "seq", (int64_t)m->seq);
    td_json_key_int(j, "at", m->at);
    td_json_key_int(j, "author", (int)m->author);
    td_json_key_int(j, "status", (int)m->status);
    if (m->name != NULL)
        td_json_key_str(j, "name", m->name);
    if (m->ext_id != NULL)
        td_json_key_str(j, "ext_id", m->ext_id);
    if (m->relay != RELAY_NONE)
        td_json_key_int(j, "relay", (int)m->relay);
    if (m->delta > 0)
        td_json_key_int(j, "delta", m->delta);
    if (m->said > 0)
        td_json_key_int(j, "said", m->said);
    if (m->maybe_duplicate)
        td_json_key_int(j, "maybe_duplicate", 1);
    if (m->id != NULL)
        td_json_key_str(j, "id", m->id);
    td_json_object_end(j);
}

static void flush(struct td_json *j, struct buf *out)
{
    buf_add(out, td_json_text(j), td_json_len(j));
    td_json_free(j);
}

static void put_set(struct td_json *j, const char *key, const uint64_t *set)
{
    if (set[0] == 0)
        return;
    td_json_key(j, key);
    td_json_array(j);
    for (size_t i = 0; i < COUNTS_SLOTS && set[i] != 0; i++) {
        char text[24];
        snprintf(text, sizeof text, "%" PRIx64, set[i]);
        td_json_str(j, text);
    }
    td_json_array_end(j);
}

/* Of the phrases only those that were ever shown: {"complaint":[times, newest]}. */
static void put_counts(struct td_json *j, const struct counts *c)
{
    td_json_key(j, "shown");
    td_json_object(j);
    for (unsigned bit = 0; bit < PHRASE_SIGNALS; bit++) {
        if (c->times[bit] == 0)
            continue;
        td_json_key(j, phrases_signal(bit));
        td_json_array(j);
        td_json_int(j, c->times[bit]);
        td_json_int(j, c->shown_at[bit]);
        td_json_array_end(j);
    }
    td_json_object_end(j);
    put_set(j, "slots", c->slots);
    put_set(j, "done", c->done);
}

static void write_facts(const struct session *s, struct td_json *j)
{
    td_json_object(j);
    td_json_key_int(j, "version", SNAPSHOT_VERSION);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const char *text;
        if (fields[i].kind == NUMBER) {
            if (get_number(s, i) != 0)
                td_json_key_int(j, fields[i].name, get_number(s, i));
            continue;
        }
        memcpy(&text, (const char *)s + fields[i].offset, sizeof text);
        if (text != NULL)
            td_json_key_str(j, fields[i].name, text);
    }
    snapshot_put_id(j, "turn", &s->turn.id);
    td_json_key(j, "messages");
    td_json_array(j);
    for (size_t i = 0; i < s->n_messages; i++)
        put_message(j, &s->messages[i]);
    td_json_array_end(j);
    td_json_key(j, "states");
    td_json_array(j);
    for (size_t i = 0; i < SESSION_AGENT_STATES && s->states[i].agent != NULL; i++) {
        td_json_object(j);
        td_json_key_str(j, "agent", s->states[i].agent);
        td_json_key_int(j, "seq", (int64_t)s->states[i].seq);
        td_json_object_end(j);
    }
    td_json_array_end(j);
    put_counts(j, &s->counts);
    snapshot_put_handoff(j, s);
    td_json_object_end(j);
}

static void write_body(const struct session *s, struct td_json *j)
{
    const struct record_body customer = {
        .peer = s->peer, .locale = s->locale, .timezone = s->timezone,
        .customer_id = s->customer_id, .customer_name = s->customer_name,
        .customer_email = s->customer_email,
    };

    td_json_object(j);
    td_json_key(j, "customer");
    record_put_body(j, &customer);
    td_json_key(j, "messages");
    td_json_array(j);
    for (size_t i = 0; i < s->n_messages; i++) {
        const struct record_body body = content_body(&s->messages[i]);
        record_put_body(j, &body);
    }
    td_json_array_end(j);
    td_json_key(j, "states");
    td_json_array(j);
    for (size_t i = 0; i < SESSION_AGENT_STATES && s->states[i].agent != NULL; i++)
        td_json_str(j, s->states[i].state);
    td_json_array_end(j);
    snapshot_put_handoff_body(j, s);
    td_json_object_end(j);
}

void session_snapshot(const struct session *s, struct buf *facts, struct buf *body)
{
    struct td_json j = { 0 };

    write_facts(s, &j);
    flush(&j, facts);
    write_body(s, &j);
    flush(&j, body);
}

static int get_int(const cJSON *object, const char *key, int64_t *value_r)
{
    *value_r = 0;
    return td_json_get_int(object, key, value_r);
}

static int restore_message(struct session *s, const cJSON *item, struct err *err)
{
    int64_t seq, at, author, status, relay, delta, said, maybe_duplicate;
    const char *id = td_json_get_str(item, "id");
    struct session_message *m;
    struct ulid parsed;

    get_int(item, "seq", &seq);
    get_int(item, "at", &at);
    get_int(item, "author", &author);
    get_int(item, "status", &status);
    get_int(item, "relay", &relay);
    get_int(item, "delta", &delta);
    get_int(item, "said", &said);
    get_int(item, "maybe_duplicate", &maybe_duplicate);
    if (seq <= 0 || (s->n_messages > 0 && (uint64_t)seq <= s->messages[s->n_messages - 1].seq) ||
        author < TD_CUSTOMER || author > TD_SYSTEM || status < TD_QUEUED || status > TD_FAILED ||
        relay < RELAY_NONE || relay > RELAY_DONE || delta < 0 || delta > INT32_MAX ||
        said < 0 || said > INT32_MAX)
        return err_set(err, "snapshot: a message is not in order");
    m = session_add_message(s, (uint64_t)seq, at);
    m->author = (enum td_author)author;
    m->status = (enum td_delivery)status;
    m->relay = (enum relay_state)relay;
    m->delta = (unsigned)delta;
    m->said = (int)said;
    m->maybe_duplicate = maybe_duplicate != 0;
    m->name = mem_strdup(td_json_get_str(item, "name"));
    m->ext_id = mem_strdup(td_json_get_str(item, "ext_id"));
    if (id != NULL && ulid_parse(id, &parsed) != 0)
        return err_set(err, "snapshot: a message has a broken id");
    m->id = mem_strdup(id);
    return 0;
}

static void get_set(const cJSON *object, const char *key, uint64_t *set)
{
    const cJSON *item;
    size_t n = 0;

    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, key))
    {
        if (n < COUNTS_SLOTS && cJSON_IsString(item))
            set[n++] = strtoull(item->valuestring, NULL, 16);
    }
}

/* A signal that is not known any more is left out. */
static int get_counts(const cJSON *object, struct counts *c, struct err *err)
{
    const cJSON *shown = cJSON_GetObjectItemCaseSensitive(object, "shown");

    for (unsigned bit = 0; bit < PHRASE_SIGNALS; bit++) {
        const cJSON *pair = cJSON_GetObjectItemCaseSensitive(shown, phrases_signal(bit));
        const double times = cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 0));
        const double at = cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 1));
        if (pair == NULL)
            continue;
        if (!(times >= 1 && times <= UINT8_MAX && at >= 1 && at <= UINT32_MAX))
            return err_set(err, "snapshot: a signal was shown never, or nowhere");
        c->times[bit] = (uint8_t)times;
        c->shown_at[bit] = (uint32_t)at;
    }
    get_set(object, "slots", c->slots);
    get_set(object, "done", c->done);
    return 0;
}

static int restore_facts(struct session *s, const cJSON *object, struct err *err)
{
    const cJSON *item;
    const char *turn = td_json_get_str(object, "turn");
    int64_t number;
    size_t n = 0;

    get_int(object, "version", &number);
    if (number != SNAPSHOT_VERSION)
        return err_set(err, "snapshot of version %lld, this daemon has %d", (long long)number,
                       SNAPSHOT_VERSION);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].kind == NUMBER) {
            get_int(object, fields[i].name, &number);
            set_number(s, i, number);
            continue;
        }
        char *text = mem_strdup(td_json_get_str(object, fields[i].name));
        memcpy((char *)s + fields[i].offset, &text, sizeof text);
    }
    if ((int64_t)s->seq < 0 || (int)s->phase < SESSION_NEW || s->phase > SESSION_CLOSED ||
        (int)s->owner < TD_OWNER_NONE || s->owner > TD_OWNER_HUMAN)
        return err_set(err, "snapshot: seq, phase or owner is out of range");
    if (s->turn.active && s->turn.agent == NULL)
        return err_set(err, "snapshot: a turn without an agent");
    if (turn != NULL && ulid_parse(turn, &s->turn.id) != 0)
        return err_set(err, "snapshot: broken turn id");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "messages"))
    {
        if (restore_message(s, item, err) != 0)
            return -1;
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "states"))
    {
        if (n == SESSION_AGENT_STATES)
            return err_set(err, "snapshot: too many agent states");
        get_int(item, "seq", &number);
        s->states[n].agent = mem_strdup(td_json_get_str(item, "agent"));
        s->states[n++].seq = (uint64_t)number;
    }
    return get_counts(object, &s->counts, err) != 0 ? -1 : snapshot_get_handoff(s, object, err);
}

/* The part that may have been erased; what does not fit its place is left out. */
static int restore_body(struct session *s, const cJSON *object, struct arena *arena,
                        struct err *err)
{
    struct record_body body;
    const cJSON *item;
    size_t n = 0;

    if (record_decode_body_tree(cJSON_GetObjectItemCaseSensitive(object, "customer"), arena, &body,
                                err) != 0)
        return -1;
    session_set_customer(s, &body);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "messages"))
    {
        if (record_decode_body_tree(item, arena, &body, err) != 0)
            return -1;
        if (n < s->n_messages)
            session_set_text(&s->messages[n++], &body);
    }
    n = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "states"))
    {
        if (n < SESSION_AGENT_STATES && s->states[n].agent != NULL)
            s->states[n++].state = mem_strdup(cJSON_GetStringValue(item));
    }
    return snapshot_get_handoff_body(s, object, arena, err);
}

static cJSON *parse(const char *text, size_t len, struct err *err)
{
    /* What waits has no place else: hundreds of messages, each with its choices, badly escaped. */
    static const struct td_json_limits limits = { .bytes = 256 << 20, .depth = 8,
                                                  .nodes = 1 << 20 };
    char why[128];
    cJSON *object = td_json_parse(text, len, &limits, why, sizeof why);

    if (object == NULL)
        err_set(err, "snapshot: %s", why);
    return object;
}

int session_restore(struct session *s, const char *facts, size_t facts_len, const char *body,
                    size_t body_len, struct err *err)
{
    cJSON *object = parse(facts, facts_len, err);
    struct arena *arena;
    int rc;

    if (object == NULL)
        return -1;
    rc = restore_facts(s, object, err);
    cJSON_Delete(object);
    if (rc != 0 || body == NULL)
        return rc;
    if ((object = parse(body, body_len, err)) == NULL)
        return -1;
    arena = arena_new(0);
    rc = restore_body(s, object, arena, err);
    arena_free(&arena);
    cJSON_Delete(object);
    return rc;
}
