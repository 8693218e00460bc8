/* record.c - records to bytes and back, by one table of fields. */
#include "config.h"

#include "engine/record.h"

#include <stdlib.h>
#include <string.h>
#include <tandem/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/content.h"

static const char *const type_names[RECORD_TYPES] = {
    [RECORD_OPENED] = "opened",     [RECORD_CUSTOMER] = "customer", [RECORD_OWNER] = "owner",
    [RECORD_MESSAGE] = "message",   [RECORD_TURN] = "turn",         [RECORD_RETRY] = "retry",
    [RECORD_ASKED] = "asked",       [RECORD_TURN_END] = "turn_end", [RECORD_REPLY] = "reply",
    [RECORD_DELIVERY] = "delivery", [RECORD_READ] = "read",         [RECORD_RATING] = "rating",
    [RECORD_SEEN] = "seen",         [RECORD_STALE] = "stale",       [RECORD_CLOSED] = "closed",
    [RECORD_REOPENED] = "reopened", [RECORD_HANDOFF] = "handoff",
    [RECORD_HANDOFF_STATE] = "handoff_state", [RECORD_HANDOFF_END] = "handoff_end",
    [RECORD_DECLINED] = "declined", [RECORD_STRETCH] = "stretch",   [RECORD_LEASE] = "lease",
    [RECORD_PROMISE] = "promise",
    [RECORD_CONTROL] = "control",   [RECORD_NOTE] = "note",         [RECORD_TAGS] = "tags",
    [RECORD_REVIEW] = "review",     [RECORD_RELAYED] = "relayed",   [RECORD_CALL] = "call",
    [RECORD_RESULT] = "result",     [RECORD_RULE] = "rule",
    [RECORD_BRIDGE] = "bridge",     [RECORD_CONTACT] = "contact",
};

const char *record_type_name(enum record_type type)
{
    return type > 0 && type < RECORD_TYPES ? type_names[type] : "unknown";
}

enum field_kind { STR, U64, I64, INT, ULID };

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    int max; /* INT: 0 to max */
};

#define FIELD(kind_, field_) { #field_, kind_, offsetof(struct record, field_), 0 }
#define ENUM(field_, max_) { #field_, INT, offsetof(struct record, field_), max_ }
static const struct field fields[] = {
    FIELD(U64, seq),
    FIELD(I64, at),
    FIELD(U64, epoch),
    FIELD(STR, channel),
    FIELD(STR, kind),
    FIELD(STR, account),
    ENUM(verified, 1),
    ENUM(owner, TD_OWNER_HUMAN),
    FIELD(STR, name),
    FIELD(STR, cause),
    FIELD(STR, ext_id),
    FIELD(ULID, message_id),
    FIELD(ULID, turn),
    FIELD(STR, agent),
    FIELD(STR, route),
    FIELD(STR, signals),
    FIELD(STR, policy),
    FIELD(U64, upto),
    FIELD(U64, of),
    FIELD(U64, attempt),
    FIELD(I64, due),
    FIELD(I64, deadline),
    ENUM(outcome, HANDOFF_OUTCOMES - 1),
    ENUM(decision, TD_REFUSE),
    ENUM(author, TD_SYSTEM),
    ENUM(status, TD_FAILED),
    ENUM(score, 5),
    FIELD(STR, intent),
    FIELD(STR, code),
    FIELD(STR, queue),
    FIELD(STR, slot),
    FIELD(STR, language),
    FIELD(STR, detail),
    FIELD(I64, confidence),
    ENUM(grounded, 2),
    FIELD(STR, also),
    FIELD(STR, evidence),
    FIELD(ULID, handoff),
    FIELD(ULID, from),
    FIELD(STR, desk),
    FIELD(STR, category),
    FIELD(STR, title),
    FIELD(STR, call),
    FIELD(STR, receipt),
    ENUM(state, 7),
    ENUM(op, 63),
    ENUM(pending, 1),
    ENUM(maybe_duplicate, 1),
    ENUM(said, 63),
    FIELD(I64, priority),
    FIELD(I64, number),
    FIELD(U64, position),
    FIELD(I64, wait),
};
#define BODY(field_) { #field_, STR, offsetof(struct record_body, field_), 0 }
static const struct field body_fields[] = {
    BODY(text),           BODY(choice),         BODY(peer),     BODY(customer_id),
    BODY(customer_name),  BODY(customer_email), BODY(locale),   BODY(timezone),
    BODY(state),          BODY(summary),        BODY(entities), BODY(sources),
    BODY(note),           BODY(wrapup),         BODY(arguments), BODY(data),
    BODY(claims),         BODY(raw),
};
#define N(table_) (sizeof(table_) / sizeof *(table_))

/* Looked at for each field of each record, few of which are set. */
static int is_set(const struct field *f, const void *base)
{
    const char *p = (const char *)base + f->offset;
    uint64_t word;

    if (f->kind == INT)
        return *(const int *)(const void *)p != 0;
    memcpy(&word, p, sizeof word); /* a pointer, a number, the first half of an id */
    return word != 0 || (f->kind == ULID && !ulid_is_zero((const void *)p));
}

static void put_field(struct td_json *j, const struct field *f, const void *base)
{
    const void *p = (const char *)base + f->offset;
    char text[ULID_TEXT];

    td_json_key(j, f->name);
    switch (f->kind) {
    case STR: td_json_str(j, *(const char *const *)p); break;
    case U64:
    case I64: td_json_int(j, *(const int64_t *)p); break;
    case INT: td_json_int(j, *(const int *)p); break;
    case ULID:
        ulid_format(p, text);
        td_json_strn(j, text, ULID_TEXT - 1);
        break;
    }
}

/* What is not set is left out: that is most of it. */
static void put_fields(struct td_json *j, const struct field *table, size_t n, const void *base)
{
    for (size_t i = 0; i < n; i++)
        if (is_set(&table[i], base))
            put_field(j, &table[i], base);
}

/* Writes on in the buffer's own memory. */
static struct td_json begin(const struct buf *out)
{
    return (struct td_json){ .data = out->data, .len = out->len, .cap = out->cap };
}

static void end(const struct td_json *j, struct buf *out)
{
    if (j->failed)
        abort(); /* out of memory, as with the buffer's own functions */
    *out = (struct buf){ .data = j->data, .len = j->len, .cap = j->cap };
}

void record_encode(const struct record *record, struct buf *facts)
{
    struct td_json j = begin(facts);

    td_json_object(&j);
    td_json_key(&j, "type");
    td_json_str(&j, record_type_name(record->type));
    put_fields(&j, fields, N(fields), record);
    td_json_object_end(&j);
    end(&j, facts);
}

static int has_body(const struct record_body *body)
{
    for (size_t i = 0; i < N(body_fields); i++)
        if (is_set(&body_fields[i], body))
            return 1;
    return content_any(body);
}

void record_put_body(struct td_json *j, const struct record_body *body)
{
    if (!has_body(body)) {
        td_json_null(j);
        return;
    }
    td_json_object(j);
    put_fields(j, body_fields, N(body_fields), body);
    content_put(j, body);
    td_json_object_end(j);
}

void record_encode_body(const struct record_body *body, struct buf *out)
{
    struct td_json j;

    if (!has_body(body))
        return;
    j = begin(out);
    record_put_body(&j, body);
    end(&j, out);
}

/* Bodies may hold a state of 64 KiB and texts of as much, and escaping can make six of one. */
static const struct td_json_limits limits = { .bytes = 8 << 20, .depth = 8 };

static int get_field(const cJSON *item, const struct field *f, struct arena *arena, void *base,
                     struct err *err)
{
    void *p = (char *)base + f->offset;

    if (f->kind == STR || f->kind == ULID ? !cJSON_IsString(item) : !cJSON_IsNumber(item))
        return err_set(err, "field '%s' has the wrong type", f->name);
    switch (f->kind) {
    case STR: *(const char **)p = arena_strdup(arena, item->valuestring); break;
    case U64:
    case I64:
        if (item->valuedouble < (f->kind == U64 ? 0 : -9e15) || item->valuedouble > 9e15)
            return err_set(err, "field '%s' is out of range", f->name);
        *(int64_t *)p = (int64_t)item->valuedouble;
        break;
    case INT:
        if (item->valueint < 0 || item->valueint > f->max)
            return err_set(err, "field '%s' is out of range", f->name);
        *(int *)p = item->valueint;
        break;
    case ULID:
        if (ulid_parse(item->valuestring, p) != 0)
            return err_set(err, "field '%s' is not an id", f->name);
        break;
    }
    return 0;
}

/* Members come in the table's order when we wrote them, so the search goes on where it was. */
static int get_fields(const cJSON *object, const struct field *table, size_t n,
                      struct arena *arena, void *base, struct err *err)
{
    const cJSON *item;
    size_t at = 0;

    cJSON_ArrayForEach(item, object)
    {
        for (size_t i = 0; i < n; i++, at = at + 1 < n ? at + 1 : 0) {
            const char *name = table[at].name;
            if (*name != *item->string || strcmp(name, item->string) != 0)
                continue;
            if (get_field(item, &table[at], arena, base, err) != 0)
                return -1;
            break;
        }
    }
    return 0;
}

static cJSON *parse_object(const char *text, size_t len, struct err *err)
{
    char why[128];
    cJSON *object = td_json_parse(text, len, &limits, why, sizeof why);

    if (object == NULL)
        err_set(err, "%s", why);
    else if (!cJSON_IsObject(object))
        err_set(err, "not an object");
    else
        return object;
    cJSON_Delete(object);
    return NULL;
}

static int decode_fields(const cJSON *object, struct arena *arena, struct record *record,
                         struct err *err)
{
    const char *type = td_json_get_str(object, "type");

    for (int i = 1; type != NULL && i < RECORD_TYPES; i++)
        if (strcmp(type, type_names[i]) == 0)
            record->type = (enum record_type)i;
    if (record->type == 0)
        return err_set(err, "record of unknown type '%.40s'", type != NULL ? type : "");
    if (get_fields(object, fields, N(fields), arena, record, err) != 0)
        return -1;
    return record->seq == 0 ? err_set(err, "record without seq") : 0;
}

int record_decode(const char *facts, size_t len, struct arena *arena, struct record *record_r,
                  struct err *err)
{
    cJSON *object = parse_object(facts, len, err);
    int rc;

    *record_r = (struct record){ 0 };
    if (object == NULL)
        return -1;
    rc = decode_fields(object, arena, record_r, err);
    cJSON_Delete(object);
    return rc;
}

int record_decode_body_tree(const cJSON *object, struct arena *arena, struct record_body *body_r,
                            struct err *err)
{
    *body_r = (struct record_body){ 0 };
    if (object == NULL || cJSON_IsNull(object))
        return 0;
    if (!cJSON_IsObject(object))
        return err_set(err, "a body is not an object");
    if (get_fields(object, body_fields, N(body_fields), arena, body_r, err) != 0)
        return -1;
    return content_get(object, arena, body_r, err);
}

int record_decode_body(const char *text, size_t len, struct arena *arena,
                       struct record_body *body_r, struct err *err)
{
    cJSON *object;
    int rc;

    *body_r = (struct record_body){ 0 };
    if (text == NULL || len == 0)
        return 0;
    if ((object = parse_object(text, len, err)) == NULL)
        return -1;
    rc = record_decode_body_tree(object, arena, body_r, err);
    cJSON_Delete(object);
    return rc;
}
