/* table.c - the daemon's JSON as text for people. */
#include "config.h"

#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define MAX_COLUMNS 16

/* A cell: strings as they are but for control characters, so that nothing steers the terminal. */
static char *cell(const cJSON *value)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(value, "name");
    char *text;

    if (cJSON_IsString(name)) /* of an object that has one, such as an owner, that is enough */
        value = name;

    if (!value || cJSON_IsNull(value)) {
        text = mem_strdup("-");
    } else if (cJSON_IsString(value)) {
        text = mem_strdup(value->valuestring);
    } else if (cJSON_IsBool(value)) {
        text = mem_strdup(cJSON_IsTrue(value) ? "yes" : "no");
    } else {
        char *json = cJSON_PrintUnformatted(value);
        text = mem_strdup(json ? json : "?");
        cJSON_free(json);
    }
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    return text;
}

static size_t width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void pad(struct buf *out, const char *text, size_t to)
{
    buf_str(out, text);
    for (size_t n = width(text); n < to; n++)
        buf_char(out, ' ');
}

static size_t pick_columns(const cJSON *rows, const char *const *wanted,
                           const char *names[MAX_COLUMNS])
{
    size_t n = 0;
    const cJSON *value;

    if (wanted) {
        for (; n < MAX_COLUMNS && wanted[n]; n++)
            names[n] = wanted[n];
        return n;
    }
    cJSON_ArrayForEach(value, rows->child) {
        if (n < MAX_COLUMNS && !cJSON_IsObject(value) && !cJSON_IsArray(value))
            names[n++] = value->string;
    }
    return n;
}

void table_print(const cJSON *rows, const char *const *columns, struct buf *out)
{
    const char *names[MAX_COLUMNS];
    size_t widths[MAX_COLUMNS];
    const size_t n = pick_columns(rows, columns, names);
    const cJSON *row;

    for (size_t i = 0; i < n; i++) {
        widths[i] = width(names[i]);
        cJSON_ArrayForEach(row, rows) {
            char *text = cell(cJSON_GetObjectItemCaseSensitive(row, names[i]));
            if (width(text) > widths[i])
                widths[i] = width(text);
            free(text);
        }
    }
    for (size_t i = 0; i < n; i++)
        pad(out, names[i], i + 1 < n ? widths[i] + 2 : 0);
    buf_char(out, '\n');
    cJSON_ArrayForEach(row, rows) {
        for (size_t i = 0; i < n; i++) {
            char *text = cell(cJSON_GetObjectItemCaseSensitive(row, names[i]));
            pad(out, text, i + 1 < n ? widths[i] + 2 : 0);
            free(text);
        }
        buf_char(out, '\n');
    }
}

void table_object(const cJSON *object, int depth, struct buf *out)
{
    const cJSON *value;

    cJSON_ArrayForEach(value, object) {
        if (cJSON_IsArray(value) && cJSON_GetArraySize(value) == 0)
            continue;
        buf_printf(out, "%*s%s:", depth * 2, "", value->string);
        if (cJSON_IsObject(value)) {
            buf_char(out, '\n');
            table_object(value, depth + 1, out);
        } else if (cJSON_IsArray(value) && cJSON_IsObject(value->child)) {
            buf_char(out, '\n');
            table_print(value, NULL, out);
        } else {
            char *text = cell(value);
            buf_printf(out, " %s\n", text);
            free(text);
        }
    }
}
