/* webhook_pointer.c - reads JSON Pointers and follows them. */
#include "config.h"

#include "channels/webhook_pointer.h"

#include <inttypes.h>

#define MAX_POINTERS 16 /* of one list */

static int wrong(struct pointer *pointer, const char *text, const char *why, struct td_error *err)
{
    pointer_fini(pointer);
    snprintf(err->text, sizeof err->text, "'%.200s' is not a JSON Pointer: %s", text, why);
    return -1;
}

/* ~1 is '/', ~0 is '~'; in place. 0, or -1. */
static int unescape(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++, to++) {
        if (*text == '~' && text[1] != '0' && text[1] != '1')
            return -1;
        *to = *text != '~' ? *text : *++text == '0' ? '~' : '/';
    }
    *to = '\0';
    return 0;
}

int pointer_parse(struct pointer *pointer_r, const char *text, int stars, struct td_error *err)
{
    size_t digits = strspn(text, "0123456789");
    char *at, *next;

    *pointer_r = (struct pointer){ .text = NULL };
    if (stars && digits > 0)
        return wrong(pointer_r, text, "a list is looked for from the top", err);
    if (digits > 2 || (digits == 2 && text[0] == '0'))
        return wrong(pointer_r, text, "it goes up too many levels", err);
    if (text[digits] != '/' && text[digits] != '\0')
        return wrong(pointer_r, text, "it must be empty or begin with '/'", err);
    for (size_t i = 0; i < digits; i++)
        pointer_r->up = pointer_r->up * 10 + (size_t)(text[i] - '0');
    pointer_r->text = strdup(text + digits);
    if (pointer_r->text == NULL)
        return wrong(pointer_r, text, "out of memory", err);
    for (at = pointer_r->text; at != NULL && *at == '/'; at = next) {
        int star;

        *at++ = '\0';
        next = strchr(at, '/');
        if (next != NULL)
            *next = '\0';
        star = stars && strcmp(at, "*") == 0;
        if (pointer_r->n == POINTER_DEPTH)
            return wrong(pointer_r, text, "it has more than 16 segments", err);
        if (unescape(at) != 0)
            return wrong(pointer_r, text, "after '~' stands 0 or 1", err);
        pointer_r->segment[pointer_r->n++] = star ? NULL : at;
        if (next != NULL)
            *next = '/';
    }
    return 0;
}

void pointer_fini(struct pointer *pointer)
{
    free(pointer->text);
    *pointer = (struct pointer){ .text = NULL };
}

/* An index is digits without a leading zero (RFC 6901, 4). */
static const cJSON *step(const cJSON *node, const char *segment)
{
    size_t len;

    if (cJSON_IsObject(node))
        return td_json_get(node, segment);
    len = strspn(segment, "0123456789");
    if (!cJSON_IsArray(node) || len == 0 || len > 6 || segment[len] != '\0' ||
        (len > 1 && segment[0] == '0'))
        return NULL;
    return cJSON_GetArrayItem(node, (int)strtol(segment, NULL, 10));
}

const cJSON *pointer_get(const struct pointer *pointer, const struct place *from)
{
    const cJSON *node;

    if (pointer->up > from->depth)
        return NULL;
    node = from->node[from->depth - pointer->up];
    for (size_t i = 0; i < pointer->n && node != NULL; i++)
        node = step(node, pointer->segment[i]);
    return node;
}

static int each(const struct pointer *pointer, struct place *place,
                int (*found)(void *arg, const struct place *place), void *arg)
{
    size_t depth = place->depth;
    const cJSON *node = place->node[depth], *child;
    int status = 0;

    if (depth == pointer->n)
        return found(arg, place);
    place->depth = depth + 1;
    if (pointer->segment[depth] != NULL) {
        place->node[depth + 1] = step(node, pointer->segment[depth]);
        if (place->node[depth + 1] != NULL)
            status = each(pointer, place, found, arg);
    } else if (cJSON_IsArray(node)) {
        for (child = node->child; child != NULL && status == 0; child = child->next) {
            place->node[depth + 1] = child;
            status = each(pointer, place, found, arg);
        }
    }
    place->depth = depth;
    return status;
}

int pointer_each(const struct pointer *pointer, const cJSON *root,
                 int (*found)(void *arg, const struct place *place), void *arg)
{
    struct place place = { .node = { root } };

    return each(pointer, &place, found, arg);
}

int pointers_parse(struct pointers *list_r, const char *const *texts, struct td_error *err)
{
    size_t n = 0;

    *list_r = (struct pointers){ .n = 0 };
    while (texts[n] != NULL)
        n++;
    if (n == 0)
        return 0;
    if (n > MAX_POINTERS) {
        snprintf(err->text, sizeof err->text, "more than %d JSON Pointers for one thing",
                 MAX_POINTERS);
        return -1;
    }
    list_r->one = calloc(n, sizeof *list_r->one);
    if (list_r->one == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return -1;
    }
    for (; list_r->n < n; list_r->n++) {
        if (pointer_parse(&list_r->one[list_r->n], texts[list_r->n], 0, err) != 0) {
            pointers_fini(list_r);
            return -1;
        }
    }
    return 0;
}

void pointers_fini(struct pointers *list)
{
    for (size_t i = 0; i < list->n; i++)
        pointer_fini(&list->one[i]);
    free(list->one);
    *list = (struct pointers){ .n = 0 };
}

const char *pointers_text(const struct pointers *list, const struct place *from,
                          char buf[POINTER_TEXT])
{
    const double most = 9007199254740992.0;

    for (size_t i = 0; i < list->n; i++) {
        const cJSON *node = pointer_get(&list->one[i], from);

        if (cJSON_IsString(node) && node->valuestring[0] != '\0')
            return node->valuestring;
        if (!cJSON_IsNumber(node) || node->valuedouble <= -most || node->valuedouble >= most ||
            node->valuedouble != (double)(int64_t)node->valuedouble)
            continue;
        snprintf(buf, POINTER_TEXT, "%" PRId64, (int64_t)node->valuedouble);
        return buf;
    }
    return NULL;
}
