/* schema.c - option tables: text values into typed structs. */
#include "config.h"

#include "config/schema.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/word.h"
#include "config/conf_line.h"
#include "config/schema_private.h"

struct block {
    struct block *next;
    size_t size;
    _Alignas(max_align_t) char data[];
};

struct schema_values {
    struct block *blocks;
};

/* What is being filled. */
struct fill {
    struct conf *conf;
    const struct conf_section *section;
    const char *what;
    const struct schema *schemas;
    size_t n;
    struct schema_values *values;
};

/* One value on its way. pair NULL: it is the key's default. */
struct value {
    struct fill *fill;
    const struct td_conf_key *key;
    const struct conf_pair *pair;
    const char *text;
    void *field;
};

struct schema_values *schema_values_new(void)
{
    return mem_alloc(sizeof(struct schema_values));
}

void schema_values_free(struct schema_values **values)
{
    if (!*values)
        return;
    for (struct block *block = (*values)->blocks, *next; block; block = next) {
        next = block->next;
        mem_wipe(block->data, block->size);
        free(block);
    }
    free(*values);
    *values = NULL;
}

void *schema_keep(struct schema_values *values, const void *p, size_t len)
{
    struct block *block = mem_alloc(sizeof(*block) + len + 1);

    *block = (struct block){ .next = values->blocks, .size = len };
    values->blocks = block;
    if (len)
        memcpy(block->data, p, len);
    return block->data;
}

struct td_conf_key schema_row(const struct td_conf_key *keys, size_t key_size, size_t i)
{
    struct td_conf_key row = { .name = NULL };
    memcpy(&row, (const char *)keys + i * key_size,
           key_size < sizeof(row) ? key_size : sizeof(row));
    return row;
}

/* ---- One value --------------------------------------------------------------------------- */

static void refuse(const struct value *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void refuse(const struct value *v, const char *fmt, ...)
{
    struct buf text = { 0 };
    char why[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    buf_printf(&text, "%s'%s' in %s %s", v->pair ? "" : "the default of ", v->key->name,
               v->fill->what, why);
    conf_error(v->fill->conf,
               v->pair            ? &v->pair->value_pos
               : v->fill->section ? &v->fill->section->pos
                                  : NULL,
               "%s", text.data);
    buf_fini(&text);
}

/* min and max both 0: every value is in range. */
static int in_range(const struct value *v, int64_t value)
{
    const struct td_conf_key *key = v->key;
    struct buf least = { 0 }, most = { 0 };

    if ((!key->min && !key->max) || (value >= key->min && value <= key->max))
        return 1;
    schema_format_number(&least, key->type, key->min);
    schema_format_number(&most, key->type, key->max);
    refuse(v, "must be %s to %s, not %.64s", least.data, most.data, v->text);
    buf_fini(&least);
    buf_fini(&most);
    return 0;
}

static void fill_number(const struct value *v)
{
    enum td_conf_type type = v->key->type;
    int64_t number;
    int rc = type == TD_TYPE_DURATION ? schema_parse_duration(v->text, &number)
             : type == TD_TYPE_SIZE   ? schema_parse_size(v->text, &number)
                                      : schema_parse_int(v->text, &number);

    if (rc < 0)
        refuse(v, "must be %s, not '%.64s'",
               type == TD_TYPE_DURATION ? "a time such as 500ms, 10s, 5min, 24h or 8d"
               : type == TD_TYPE_SIZE   ? "a size such as 512, 64K, 10M or 1G"
                                        : "a whole number",
               v->text);
    else if (in_range(v, number))
        *(int64_t *)v->field = number;
}

static void fill_rate(const struct value *v)
{
    if (schema_parse_rate(v->text, v->field) < 0)
        refuse(v, "must be a rate such as 20/10s or 30/min, or 0 for none, not '%.64s'", v->text);
}

static int word_in(const char *text, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    return -1;
}

static void fill_bool(const struct value *v)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on", NULL };
    int i = word_in(v->text, words);

    if (i < 0)
        refuse(v, "must be yes or no, not '%.64s'", v->text);
    else
        *(int *)v->field = i & 1;
}

static void fill_enum(const struct value *v)
{
    const char *const *choices = v->key->choices;
    int i = word_in(v->text, choices);
    struct buf list = { 0 };
    size_t n = 0;

    if (i >= 0) {
        *(int *)v->field = i;
        return;
    }
    while (choices[n])
        n++;
    for (size_t k = 0; k < n; k++)
        buf_printf(&list, "%s%s", k == 0 ? "" : k + 1 == n ? " or " : ", ", choices[k]);
    buf_str(&list, "");
    const char *nearest = word_nearest(v->text, choices, n);
    if (nearest)
        refuse(v, "must be %s, not '%.64s'; did you mean '%s'?", list.data, v->text, nearest);
    else
        refuse(v, "must be %s, not '%.64s'", list.data, v->text);
    buf_fini(&list);
}

static void fill_string(const struct value *v)
{
    const struct td_conf_key *key = v->key;
    int64_t len = (int64_t)strlen(v->text);

    if ((key->min || key->max) && (len < key->min || len > key->max)) {
        refuse(v, "must be %lld to %lld bytes long, not %lld", (long long)key->min,
               (long long)key->max, (long long)len);
        return;
    }
    const struct conf_pos *from = v->pair             ? &v->pair->key_pos
                                  : v->fill->section ? &v->fill->section->pos
                                                     : NULL;
    char *path = (key->flags & TD_PATH) && len && from ? conf_path(from, v->text) : NULL;
    const char *text = path ? path : v->text;
    *(const char **)v->field = schema_keep(v->fill->values, text, strlen(text));
    free(path);
}

/* The next item of a list, trimmed and unquoted, into `out`; returns where the rest begins. */
static const char *next_item(const char *at, struct buf *out)
{
    size_t len = strlen(at), start = strspn(at, " \t"), i = start, end = start;
    size_t quoted = 0;

    for (; i < len && at[i] != ',';) {
        size_t n = at[i] == '"' ? conf_quoted_len(at, i, len) : 0;
        if (i == start)
            quoted = n;
        i += n ? n : 1;
        if (at[i - 1] != ' ' && at[i - 1] != '\t')
            end = i;
    }
    buf_clear(out);
    if (quoted && quoted == end - start)
        conf_unquote(out, at + start + 1, quoted - 2);
    else
        buf_add(out, at + start, end - start);
    buf_str(out, "");
    return at + i;
}

static void fill_list(const struct value *v)
{
    struct schema_values *values = v->fill->values;
    struct buf items = { 0 }, item = { 0 };
    const char *kept = NULL, *at = v->text;

    if (v->pair && v->pair->quoted) {
        kept = schema_keep(values, v->text, strlen(v->text));
        buf_add(&items, &kept, sizeof(kept));
    }
    while (!(v->pair && v->pair->quoted) && *at) {
        const char *rest = next_item(at, &item);
        if (!item.len && rest - at == (ptrdiff_t)strspn(at, " \t")) {
            refuse(v, "has an empty place in its list");
            break;
        }
        kept = schema_keep(values, item.data, item.len);
        buf_add(&items, &kept, sizeof(kept));
        at = *rest ? rest + 1 : rest;
        if (*rest && !at[strspn(at, " \t")])
            break; /* a comma at the end is no harm */
    }
    kept = NULL;
    buf_add(&items, &kept, sizeof(kept));
    *(const char *const **)v->field = schema_keep(values, items.data, items.len);
    buf_fini(&items);
    buf_fini(&item);
}

static void fill_secret(const struct value *v)
{
    struct err err = { "" };
    int literal;

    if (!v->pair) /* a default is no secret: such tables are refused */
        return;
    const char *secret = schema_secret(v->pair, v->fill->values, &literal, &err);
    if (literal)
        conf_hide(v->fill->conf, v->pair);
    if (!secret)
        refuse(v, "cannot be had: %s", err.text);
    else if (literal && conf_world_readable(&v->pair->key_pos))
        refuse(v, "stands in plain text in a file that everybody may read; take the right away "
                  "(chmod o-r), or use @file:, @cred: or @env:");
    else if (literal)
        conf_warn(v->fill->conf, &v->pair->value_pos,
                  "'%s' in %s stands in plain text; better use @file:, @cred: or @env:",
                  v->key->name, v->fill->what);
    *(const char **)v->field = secret;
}

static void fill_value(const struct value *v)
{
    static void (*const by_type[])(const struct value *) = {
        [TD_TYPE_STRING] = fill_string,   [TD_TYPE_INT] = fill_number,
        [TD_TYPE_BOOL] = fill_bool,       [TD_TYPE_DURATION] = fill_number,
        [TD_TYPE_SIZE] = fill_number,     [TD_TYPE_RATE] = fill_rate,
        [TD_TYPE_ENUM] = fill_enum,       [TD_TYPE_LIST] = fill_list,
        [TD_TYPE_SECRET] = fill_secret,
    };
    by_type[v->key->type](v);
}

/* ---- A section --------------------------------------------------------------------------- */

static void fill_table(struct fill *fill, const struct schema *schema)
{
    struct td_conf_key key;

    for (size_t i = 0; schema->keys && (key = schema_row(schema->keys, schema->key_size, i)).name;
         i++) {
        const struct conf_pair *pair = fill->section ? conf_get(fill->section, key.name) : NULL;
        struct value value = {
            .fill = fill,
            .key = &key,
            .pair = pair,
            .text = pair ? pair->value : key.def,
            .field = (char *)schema->target + key.offset,
        };
        if (!pair && fill->section && (key.flags & TD_REQUIRED))
            conf_error(fill->conf, &fill->section->pos, "key '%s' is missing in %s", key.name,
                       fill->what);
        if (pair && pair->bad)
            value.text = NULL;
        if (!value.text && key.type == TD_TYPE_LIST)
            value.text = ""; /* unset is an empty list */
        if (value.text)
            fill_value(&value);
    }
}

/* The nearest known key goes into *nearest_r; returns whether `name` itself is known. */
static int is_known(const struct fill *fill, const char *name, struct td_conf_key *nearest_r)
{
    const char *best = NULL;
    struct td_conf_key key;

    for (size_t s = 0; s < fill->n; s++) {
        const struct schema *schema = &fill->schemas[s];
        for (size_t i = 0;
             schema->keys && (key = schema_row(schema->keys, schema->key_size, i)).name; i++) {
            const char *const two[] = { best, key.name };
            if (strcmp(key.name, name) == 0)
                return 1;
            if (word_nearest(name, two, 2) == key.name) {
                best = key.name;
                *nearest_r = key;
            }
        }
    }
    return 0;
}

static void check_keys(const struct fill *fill)
{
    const struct conf_section *section = fill->section;

    for (size_t i = 0; i < section->n_pairs; i++) {
        const struct conf_pair *pair = &section->pairs[i], *first = conf_get(section, pair->key);
        struct td_conf_key nearest = { .name = NULL };
        int known = is_known(fill, pair->key, &nearest);

        if (known && first != pair)
            conf_error(fill->conf, &pair->key_pos, "key '%s' stands twice in %s; first in line %u",
                       pair->key, fill->what, first->key_pos.line);
        else if (!known && nearest.name)
            conf_error(fill->conf, &pair->key_pos, "unknown key '%s' in %s; did you mean '%s'?",
                       pair->key, fill->what, nearest.name);
        else if (!known)
            conf_error(fill->conf, &pair->key_pos, "unknown key '%s' in %s", pair->key,
                       fill->what);
        if (!known && nearest.name && nearest.type == TD_TYPE_SECRET)
            conf_hide(fill->conf, pair);
    }
}

unsigned schema_fill(struct conf *conf, const struct conf_section *section, const char *what,
                     const struct schema *schemas, size_t n, struct schema_values *values)
{
    struct fill fill = { conf, section, what, schemas, n, values };
    unsigned before = conf_errors(conf);

    if (section)
        check_keys(&fill);
    for (size_t i = 0; i < n; i++)
        fill_table(&fill, &schemas[i]);
    return conf_errors(conf) - before;
}
