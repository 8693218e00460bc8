/* smshttp_fields.c - forms (application/x-www-form-urlencoded) and objects of JSON, read by names. */
#include "config.h"

#include "channels/smshttp_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>
#include <tandem/utf8.h>

#define MAX_NAME 128 /* bytes of a segment */

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* In place; a "%" that begins no byte stays. -1: a NUL, or not UTF-8. */
static int decode(char *text)
{
    const char *from = text;
    char *to = text;
    size_t step, len;

    for (; *from != '\0'; from++) {
        const int high = from[0] == '%' ? hex_of(from[1]) : -1;
        const int low = high >= 0 ? hex_of(from[2]) : -1;

        if (low >= 0) {
            *to = (char)(high * 16 + low);
            from += 2;
        } else {
            *to = *from == '+' ? ' ' : *from;
        }
        if (*to++ == '\0')
            return -1;
    }
    *to = '\0';
    len = (size_t)(to - text);
    for (size_t i = 0; i < len; i += step) {
        if ((step = td_utf8_step(text + i, len - i)) == 0)
            return -1;
    }
    return 0;
}

int fields_form(struct fields *fields, const char *text, size_t len)
{
    char *at, *next, *value;

    memset(fields, 0, sizeof *fields);
    fields->text = malloc(len + 1);
    if (fields->text == NULL || memchr(text, '\0', len) != NULL)
        return -1;
    memcpy(fields->text, text, len);
    fields->text[len] = '\0';
    for (at = fields->text; at != NULL; at = next) {
        next = strchr(at, '&');
        if (next != NULL)
            *next++ = '\0';
        if (*at == '\0')
            continue;
        value = strchr(at, '=');
        if (value != NULL)
            *value++ = '\0';
        if (fields->n == FIELDS_MAX || decode(at) != 0 || (value != NULL && decode(value) != 0))
            return -1;
        fields->list[fields->n++] = (struct field){ at, value != NULL ? value : "" };
    }
    return 0;
}

int fields_json(struct fields *fields, const char *text, size_t len)
{
    memset(fields, 0, sizeof *fields);
    fields->root = td_json_parse(text, len, NULL, NULL, 0);
    return cJSON_IsObject(fields->root) ? 0 : -1;
}

void fields_fini(struct fields *fields)
{
    free(fields->text);
    cJSON_Delete(fields->root);
    memset(fields, 0, sizeof *fields);
}

static const cJSON *walk(const cJSON *node, const char *name)
{
    char segment[MAX_NAME];
    size_t len;

    for (; node != NULL; name += len + 1) {
        len = strcspn(name, "/");
        if (len >= sizeof segment)
            return NULL;
        snprintf(segment, sizeof segment, "%.*s", (int)len, name);
        node = cJSON_IsArray(node) ? cJSON_GetArrayItem(node, atoi(segment))
                                   : cJSON_GetObjectItemCaseSensitive(node, segment);
        if (name[len] == '\0')
            return node;
    }
    return NULL;
}

const char *fields_get(const struct fields *fields, const char *name, char buf[FIELDS_NUMBER])
{
    const cJSON *node = walk(fields->root, name);

    if (cJSON_IsString(node) && node->valuestring[0] != '\0')
        return node->valuestring;
    if (cJSON_IsNumber(node)) {
        snprintf(buf, FIELDS_NUMBER, "%.15g", node->valuedouble);
        return buf;
    }
    for (size_t i = 0; i < fields->n; i++) {
        if (strcmp(fields->list[i].name, name) == 0 && fields->list[i].value[0] != '\0')
            return fields->list[i].value;
    }
    return NULL;
}
