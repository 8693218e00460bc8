/* schema_print.c - tables and filled structs as text: -T, --keys, samples. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "config/conf_line.h"
#include "config/schema_private.h"

/* Quotes where the text would read back as something else; an item of a list ends at commas. */
static void add_text(struct buf *out, const char *text, int is_item)
{
    size_t len = strlen(text);
    int quote = !len || text[0] == ' ' || text[0] == '\t' || text[len - 1] == ' ' ||
                text[len - 1] == '\t' || strpbrk(text, "\"#;@") || (is_item && strchr(text, ','));
    struct buf safe = { 0 };

    for (; *text; text++) {
        if (strncmp(text, "${", 2) == 0)
            buf_char(&safe, '$'); /* $${ is ${ */
        buf_char(&safe, *text);
    }
    if (quote)
        conf_quote(out, safe.data, safe.len);
    else
        buf_add(out, safe.data, safe.len);
    buf_fini(&safe);
}

static void add_list(struct buf *out, const char *const *items)
{
    for (size_t i = 0; items[i]; i++) {
        buf_str(out, i ? ", " : "");
        add_text(out, items[i], 1);
    }
}

/* 0 when the key is not set. */
static int add_value(struct buf *out, const struct td_conf_key *key, const void *field)
{
    const char *text;

    switch (key->type) {
    case TD_TYPE_STRING:
    case TD_TYPE_SECRET:
        text = *(const char *const *)field;
        if (text && key->type == TD_TYPE_STRING)
            add_text(out, text, 0);
        else if (text)
            buf_str(out, "****");
        return text != NULL;
    case TD_TYPE_LIST:
        add_list(out, *(const char *const *const *)field);
        return 1;
    case TD_TYPE_BOOL:
        buf_str(out, *(const int *)field ? "yes" : "no");
        return 1;
    case TD_TYPE_ENUM:
        buf_str(out, key->choices[*(const int *)field]);
        return 1;
    case TD_TYPE_RATE:
        schema_format_rate(out, field);
        return 1;
    default:
        schema_format_number(out, key->type, *(const int64_t *)field);
        return 1;
    }
}

void schema_print(const struct schema *schema, struct buf *out)
{
    struct td_conf_key key;

    for (size_t i = 0; schema->keys && (key = schema_row(schema->keys, schema->key_size, i)).name;
         i++) {
        struct buf value = { 0 };
        if (add_value(&value, &key, (const char *)schema->target + key.offset))
            buf_printf(out, "%s = %s\n", key.name, value.data ? value.data : "");
        buf_fini(&value);
    }
}

/* "time, 100ms to 5min", "one of pre, post", "required, text" */
static void add_type(struct buf *out, const struct td_conf_key *key)
{
    static const char *const names[] = {
        [TD_TYPE_STRING] = "text",   [TD_TYPE_INT] = "number", [TD_TYPE_BOOL] = "yes or no",
        [TD_TYPE_DURATION] = "time", [TD_TYPE_SIZE] = "size",  [TD_TYPE_RATE] = "rate",
        [TD_TYPE_ENUM] = "one of",   [TD_TYPE_LIST] = "list",  [TD_TYPE_SECRET] = "secret",
    };

    buf_str(out, key->flags & TD_REQUIRED ? "required, " : "");
    buf_str(out, key->flags & TD_PATH ? "path" : names[key->type]);
    for (size_t i = 0; key->type == TD_TYPE_ENUM && key->choices[i]; i++)
        buf_printf(out, "%s%s", i ? ", " : " ", key->choices[i]);
    if (key->min || key->max) {
        buf_str(out, ", ");
        schema_format_number(out, key->type, key->min);
        buf_str(out, " to ");
        schema_format_number(out, key->type, key->max);
        buf_str(out, key->type == TD_TYPE_STRING ? " bytes" : "");
    }
}

void schema_print_keys(const struct td_conf_key *keys, size_t key_size, struct buf *out)
{
    struct td_conf_key key;

    for (size_t i = 0; keys && (key = schema_row(keys, key_size, i)).name; i++) {
        buf_printf(out, "%s (", key.name);
        add_type(out, &key);
        if (key.def && *key.def != '\0')
            buf_printf(out, "; default %s", key.def);
        buf_printf(out, "): %s\n", key.help ? key.help : "");
    }
}

void schema_print_sample(const struct td_conf_key *keys, size_t key_size, struct buf *out)
{
    struct td_conf_key key;

    for (size_t i = 0; keys && (key = schema_row(keys, key_size, i)).name; i++) {
        buf_printf(out, "# %s (", key.help ? key.help : key.name);
        add_type(out, &key);
        buf_printf(out, ")\n%s%s =%s%s\n\n", key.flags & TD_REQUIRED ? "" : "# ", key.name,
                   key.def ? " " : "", key.def ? key.def : "");
    }
}
