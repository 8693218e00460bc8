/* row.c - measures to bytes and back, by tables of fields. */
#include "config.h"

#include "measure/row.h"

#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/record.h"
#include "measure/measure.h"

#define ROW_VERSION 2 /* another one is made anew from the journal */
#define MOST INT64_C(9007199254740991) /* of a number in JSON */

enum kind { STR, I64, INT, HASH, ID };

struct field {
    const char *name;
    enum kind kind;
    size_t offset;
    int max; /* INT: 0 to max */
};

#define N(table_) (sizeof(table_) / sizeof *(table_))
#define MANY 1000000000

#define M(kind_, field_, max_) { #field_, kind_, offsetof(struct measure, field_), max_ }
static const struct field of_measure[] = {
    M(I64, seq, 0),
    M(I64, first_seq, 0),
    M(STR, channel, 0),
    M(STR, agent, 0),
    M(STR, intent, 0),
    M(HASH, who, 0),
    M(I64, opened_at, 0),
    M(I64, active_at, 0),
    M(I64, first_message_at, 0),
    M(I64, closed_at, 0),
    M(I64, returned_at, 0),
    M(INT, messages, MANY),
    M(INT, seen, 1),
    M(INT, clarified, MANY),
    M(INT, failures, MANY),
    M(INT, misunderstood, MANY),
    M(INT, answer_open, 1),
    M(INT, converted, 1),
    M(INT, agent_resolved, RESOLVED_YES),
    M(I64, answered_at, 0),
    M(I64, resolved_at, 0),
    M(INT, more_escalations, MANY),
    M(INT, more_questions, MANY),
    M(INT, low, MANY),
    M(INT, promises_made, MANY),
    M(INT, promises_kept, MANY),
    M(INT, promises_broken, MANY),
    M(I64, should_at, 0),
    M(INT, should_messages, MANY),
    M(INT, heard, MEASURE_HEARD),
    M(INT, repeats, 31),
};
#define E(kind_, field_, max_) { #field_, kind_, offsetof(struct measure_escalation, field_), max_ }
static const struct field of_escalation[] = {
    E(ID, handoff, 0),
    E(I64, at, 0),
    E(I64, seq, 0),
    E(STR, code, 0),
    E(STR, intent, 0),
    E(STR, queue, 0),
    E(I64, accepted_at, 0),
    E(I64, answered_at, 0),
    E(I64, ended_at, 0),
    E(INT, outcome, HANDOFF_OUTCOMES - 1),
    E(INT, live, 1),
    E(I64, handled_ms, 0),
    E(INT, stretches, MANY),
    E(INT, judged, JUDGED_NEEDLESS),
    E(STR, should_be, 0),
    E(INT, resolved, RESOLVED_YES),
    E(I64, should_at, 0),
    E(INT, late_messages, MANY),
};
#define S(kind_, field_, max_) { #field_, kind_, offsetof(struct measure_stay, field_), max_ }
static const struct field of_stay[] = { S(STR, queue, 0), S(I64, from, 0), S(I64, to, 0),
                                        S(INT, served, 1) };
#define Q(kind_, field_, max_) { #field_, kind_, offsetof(struct measure_question, field_), max_ }
static const struct field of_question[] = { Q(I64, seq, 0), Q(I64, at, 0), Q(STR, why, 0) };
#define L(kind_, field_, max_) { #field_, kind_, offsetof(struct measure_slot, field_), max_ }
static const struct field of_slot[] = { L(STR, name, 0), L(INT, asked, ASKED_DROPPED) };
#define F(kind_, field_, max_) { #field_, kind_, offsetof(struct measure_failure, field_), max_ }
static const struct field of_failure[] = { F(STR, kind, 0), F(STR, what, 0), F(STR, why, 0),
                                           F(INT, n, MANY) };
#define C(kind_, field_, max_) { #field_, kind_, offsetof(struct measure_csat, field_), max_ }
static const struct field of_csat[] = { C(INT, n, MANY), C(INT, sum, MANY), C(INT, good, MANY) };

/* ---- Writing ------------------------------------------------------------------------------ */

static void put_hash(struct td_json *j, uint64_t value)
{
    char text[17];

    for (int i = 15; i >= 0; i--, value >>= 4)
        text[i] = "0123456789abcdef"[value & 15];
    text[16] = '\0';
    td_json_str(j, text);
}

static void put_field(struct td_json *j, const struct field *f, const void *base)
{
    const void *p = (const char *)base + f->offset;
    char id[ULID_TEXT];

    switch (f->kind) {
    case STR:
        if (*(const char *const *)p != NULL)
            td_json_key_str(j, f->name, *(const char *const *)p);
        break;
    case I64:
        if (*(const int64_t *)p != 0)
            td_json_key_int(j, f->name, *(const int64_t *)p);
        break;
    case INT:
        if (*(const int *)p != 0)
            td_json_key_int(j, f->name, *(const int *)p);
        break;
    case HASH:
        if (*(const uint64_t *)p == 0)
            break;
        td_json_key(j, f->name);
        put_hash(j, *(const uint64_t *)p);
        break;
    case ID:
        ulid_format(p, id);
        td_json_key_str(j, f->name, id);
        break;
    }
}

static void put_fields(struct td_json *j, const struct field *fields, size_t n, const void *base)
{
    for (size_t i = 0; i < n; i++)
        put_field(j, &fields[i], base);
}

static void put_array(struct td_json *j, const char *key, const struct field *fields, size_t n_fields,
                      const void *items, size_t n, size_t size)
{
    if (n == 0)
        return;
    td_json_key(j, key);
    td_json_array(j);
    for (size_t i = 0; i < n; i++) {
        td_json_object(j);
        put_fields(j, fields, n_fields, (const char *)items + i * size);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_escalations(struct td_json *j, const struct measure *m)
{
    if (m->n_escalations == 0)
        return;
    td_json_key(j, "escalations");
    td_json_array(j);
    for (size_t i = 0; i < m->n_escalations; i++) {
        const struct measure_escalation *e = &m->escalations[i];

        td_json_object(j);
        put_fields(j, of_escalation, N(of_escalation), e);
        put_array(j, "stays", of_stay, N(of_stay), e->stays, e->n_stays, sizeof *e->stays);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

void row_encode(const struct measure *m, struct buf *out)
{
    struct td_json j = { 0 };

    td_json_object(&j);
    td_json_key_int(&j, "version", ROW_VERSION);
    put_fields(&j, of_measure, N(of_measure), m);
    put_array(&j, "csat", of_csat, N(of_csat), m->csat, SIDES, sizeof *m->csat);
    put_array(&j, "questions", of_question, N(of_question), m->questions, m->n_questions,
              sizeof *m->questions);
    put_array(&j, "slots", of_slot, N(of_slot), m->slots, m->n_slots, sizeof *m->slots);
    put_array(&j, "troubles", of_failure, N(of_failure), m->troubles, m->n_troubles,
              sizeof *m->troubles);
    put_escalations(&j, m);
    td_json_object_end(&j);
    buf_add(out, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
}

/* ---- Reading ------------------------------------------------------------------------------ */

static int get_hash(const char *text, uint64_t *value_r)
{
    const char *digits = "0123456789abcdef", *at;

    if (strlen(text) != 16)
        return -1;
    for (*value_r = 0; *text != '\0'; text++) {
        if ((at = strchr(digits, *text)) == NULL)
            return -1;
        *value_r = *value_r << 4 | (uint64_t)(at - digits);
    }
    return 0;
}

static int get_field(const cJSON *item, const struct field *f, struct arena *arena, void *base)
{
    void *p = (char *)base + f->offset;
    const int is_number = f->kind == I64 || f->kind == INT;

    if (item == NULL)
        return 0;
    if (is_number ? !cJSON_IsNumber(item) : !cJSON_IsString(item))
        return -1;
    switch (f->kind) {
    case STR: *(const char **)p = arena_strdup(arena, item->valuestring); return 0;
    case HASH: return get_hash(item->valuestring, p);
    case ID: return ulid_parse(item->valuestring, p);
    case I64:
    case INT: break;
    }
    if (item->valuedouble < (f->kind == INT ? 0 : (double)-MOST) ||
        item->valuedouble > (f->kind == INT ? f->max : (double)MOST))
        return -1;
    if (f->kind == INT)
        *(int *)p = item->valueint;
    else
        *(int64_t *)p = (int64_t)item->valuedouble;
    return 0;
}

static int get_fields(const cJSON *object, const struct field *fields, size_t n,
                      struct arena *arena, void *base, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (get_field(td_json_get(object, fields[i].name), &fields[i], arena, base) != 0)
            return err_set(err, "field '%s' has the wrong type or range", fields[i].name);
    return 0;
}

static int get_array(const cJSON *array, const struct field *fields, size_t n_fields,
                     struct arena *arena, void *items, size_t most, size_t size, size_t *n_r,
                     struct err *err)
{
    const cJSON *item;

    *n_r = 0;
    cJSON_ArrayForEach(item, array) {
        if (*n_r == most)
            return err_set(err, "more than %zu members", most);
        if (get_fields(item, fields, n_fields, arena, (char *)items + *n_r * size, err) != 0)
            return -1;
        ++*n_r;
    }
    return 0;
}

static int get_escalations(const cJSON *array, struct measure *m, struct err *err)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, array) {
        struct measure_escalation *e = &m->escalations[m->n_escalations];

        if (m->n_escalations == MEASURE_ESCALATIONS)
            return err_set(err, "more than %d escalations", MEASURE_ESCALATIONS);
        if (get_fields(item, of_escalation, N(of_escalation), m->arena, e, err) != 0 ||
            get_array(td_json_get(item, "stays"), of_stay, N(of_stay), m->arena, e->stays,
                      MEASURE_STAYS, sizeof *e->stays, &e->n_stays, err) != 0)
            return -1;
        m->n_escalations++;
    }
    return 0;
}

static int lacks_words(const struct measure *m)
{
    for (size_t i = 0; i < m->n_slots; i++)
        if (m->slots[i].name == NULL)
            return 1;
    for (size_t i = 0; i < m->n_troubles; i++)
        if (m->troubles[i].kind == NULL || m->troubles[i].what == NULL ||
            m->troubles[i].why == NULL)
            return 1;
    return 0;
}

static int get_all(const cJSON *tree, struct measure *m, struct err *err)
{
    int64_t version = 0;
    size_t sides;

    td_json_get_int(tree, "version", &version);
    if (version != ROW_VERSION)
        return err_set(err, "of another version");
    if (get_fields(tree, of_measure, N(of_measure), m->arena, m, err) != 0 ||
        get_array(td_json_get(tree, "csat"), of_csat, N(of_csat), m->arena, m->csat, SIDES,
                  sizeof *m->csat, &sides, err) != 0 ||
        get_array(td_json_get(tree, "questions"), of_question, N(of_question), m->arena,
                  m->questions, MEASURE_QUESTIONS, sizeof *m->questions, &m->n_questions, err) != 0 ||
        get_array(td_json_get(tree, "slots"), of_slot, N(of_slot), m->arena, m->slots,
                  MEASURE_SLOTS, sizeof *m->slots, &m->n_slots, err) != 0 ||
        get_array(td_json_get(tree, "troubles"), of_failure, N(of_failure), m->arena, m->troubles,
                  MEASURE_FAILURES, sizeof *m->troubles, &m->n_troubles, err) != 0)
        return -1;
    if (lacks_words(m))
        return err_set(err, "a slot or a failure without its words");
    return get_escalations(td_json_get(tree, "escalations"), m, err);
}

int row_decode(const char *text, size_t len, struct measure *m, struct err *err)
{
    static const struct td_json_limits limits = { .bytes = 1 << 20, .depth = 6 };
    char why[128];
    cJSON *tree = td_json_parse(text, len, &limits, why, sizeof why);
    int rc;

    if (tree == NULL)
        return err_set(err, "%s", why);
    rc = cJSON_IsObject(tree) ? get_all(tree, m, err) : err_set(err, "not an object");
    m->resumed = 1;
    cJSON_Delete(tree);
    return rc;
}
