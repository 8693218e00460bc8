/* content.c - choices, files and parts of a message: written, read, owned. */
#include "config.h"

#include "engine/content.h"

#include <stdlib.h>
#include <tandem/json.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

int content_any(const struct record_body *body)
{
    return body->n_choices > 0 || body->n_attachments > 0 || body->n_parts > 0;
}

/* ---- As bytes ----------------------------------------------------------------------------- */

static void put(struct td_json *j, const char *key, const char *value)
{
    if (value != NULL)
        td_json_key_str(j, key, value);
}

void content_put(struct td_json *j, const struct record_body *body)
{
    if (body->n_choices > 0) {
        td_json_key(j, "choices");
        td_json_array(j);
        for (size_t i = 0; i < body->n_choices; i++) {
            td_json_object(j);
            td_json_key_str(j, "title", body->choices[i]->title);
            td_json_key_str(j, "value", body->choices[i]->value);
            td_json_object_end(j);
        }
        td_json_array_end(j);
    }
    if (body->n_attachments > 0) {
        td_json_key(j, "attachments");
        td_json_array(j);
        for (size_t i = 0; i < body->n_attachments; i++) {
            const struct td_attachment *a = body->attachments[i];
            td_json_object(j);
            put(j, "id", a->id);
            put(j, "name", a->name);
            put(j, "type", a->type);
            td_json_key_int(j, "bytes", (int64_t)a->bytes);
            put(j, "sha256", a->sha256);
            td_json_object_end(j);
        }
        td_json_array_end(j);
    }
    if (body->n_parts > 0) {
        td_json_key(j, "parts");
        td_json_array(j);
        for (size_t i = 0; i < body->n_parts; i++) {
            td_json_object(j);
            put(j, "type", body->parts[i]->type);
            put(j, "text", body->parts[i]->text);
            put(j, "data", body->parts[i]->data);
            td_json_object_end(j);
        }
        td_json_array_end(j);
    }
}

static const char *get(const cJSON *item, const char *key, struct arena *arena)
{
    return arena_strdup(arena, td_json_get_str(item, key));
}

static int get_choice(const cJSON *item, struct arena *arena, void *to, struct err *err)
{
    struct td_choice *choice = to;

    *choice = (struct td_choice){ .size = sizeof *choice, .title = get(item, "title", arena),
                                  .value = get(item, "value", arena) };
    return choice->title != NULL && choice->value != NULL
               ? 0 : err_set(err, "a choice without title or value");
}

static int get_file(const cJSON *item, struct arena *arena, void *to, struct err *err)
{
    struct td_attachment *file = to;
    int64_t bytes = 0;

    td_json_get_int(item, "bytes", &bytes);
    *file = (struct td_attachment){ .size = sizeof *file, .id = get(item, "id", arena),
                                    .name = get(item, "name", arena),
                                    .type = get(item, "type", arena),
                                    .bytes = bytes > 0 ? (uint64_t)bytes : 0,
                                    .sha256 = get(item, "sha256", arena) };
    return file->id != NULL ? 0 : err_set(err, "an attachment without id");
}

static int get_part(const cJSON *item, struct arena *arena, void *to, struct err *err)
{
    struct td_part *part = to;

    *part = (struct td_part){ .size = sizeof *part, .type = get(item, "type", arena),
                              .text = get(item, "text", arena), .data = get(item, "data", arena) };
    return part->type != NULL && part->text != NULL ? 0
                                                    : err_set(err, "a part without type or text");
}

typedef int get_fn(const cJSON *item, struct arena *arena, void *to, struct err *err);

/* An array of pointers to elements of `size` bytes; NULL: there is none. */
static int get_list(const cJSON *object, const char *key, size_t size, get_fn *fn,
                    struct arena *arena, void ***list_r, size_t *n_r, struct err *err)
{
    const cJSON *item, *array = cJSON_GetObjectItemCaseSensitive(object, key);

    if (array == NULL)
        return 0;
    if (!cJSON_IsArray(array))
        return err_set(err, "field '%s' has the wrong type", key);
    *list_r = arena_array(arena, (size_t)cJSON_GetArraySize(array) + 1, sizeof **list_r);
    cJSON_ArrayForEach(item, array)
    {
        void *one = (*list_r)[(*n_r)++] = arena_alloc(arena, size);
        if (fn(item, arena, one, err) != 0)
            return -1;
    }
    return 0;
}

int content_get(const cJSON *object, struct arena *arena, struct record_body *body,
                struct err *err)
{
    void **choices = NULL, **files = NULL, **parts = NULL;

    if (get_list(object, "choices", sizeof(struct td_choice), get_choice, arena, &choices,
                 &body->n_choices, err) != 0 ||
        get_list(object, "attachments", sizeof(struct td_attachment), get_file, arena, &files,
                 &body->n_attachments, err) != 0 ||
        get_list(object, "parts", sizeof(struct td_part), get_part, arena, &parts, &body->n_parts,
                 err) != 0)
        return -1;
    body->choices = (const struct td_choice *const *)choices;
    body->attachments = (const struct td_attachment *const *)files;
    body->parts = (const struct td_part *const *)parts;
    return 0;
}

/* ---- As memory ---------------------------------------------------------------------------- */

void content_free(struct session_message *m)
{
    for (size_t i = 0; i < m->n_choices; i++) {
        free((char *)m->choices[i]->title);
        free((char *)m->choices[i]->value);
        free(m->choices[i]);
    }
    for (size_t i = 0; i < m->n_attachments; i++) {
        free((char *)m->attachments[i]->id);
        free((char *)m->attachments[i]->name);
        free((char *)m->attachments[i]->type);
        free((char *)m->attachments[i]->sha256);
        free(m->attachments[i]);
    }
    for (size_t i = 0; i < m->n_parts; i++) {
        free((char *)m->parts[i]->type);
        free((char *)m->parts[i]->text);
        free((char *)m->parts[i]->data);
        free(m->parts[i]);
    }
    free(m->choices);
    free(m->attachments);
    free(m->parts);
    m->choices = NULL;
    m->attachments = NULL;
    m->parts = NULL;
    m->n_choices = m->n_attachments = m->n_parts = 0;
}

static void set_choices(struct session_message *m, const struct record_body *body)
{
    if (body->n_choices == 0)
        return;
    m->choices = mem_array(body->n_choices, sizeof *m->choices);
    for (; m->n_choices < body->n_choices; m->n_choices++) {
        const struct td_choice *from = body->choices[m->n_choices];
        struct td_choice *to = m->choices[m->n_choices] = mem_alloc(sizeof *to);
        *to = (struct td_choice){ .size = sizeof *to, .title = mem_strdup(from->title),
                                  .value = mem_strdup(from->value) };
    }
}

static void set_files(struct session_message *m, const struct record_body *body)
{
    if (body->n_attachments == 0)
        return;
    m->attachments = mem_array(body->n_attachments, sizeof *m->attachments);
    for (; m->n_attachments < body->n_attachments; m->n_attachments++) {
        const struct td_attachment *from = body->attachments[m->n_attachments];
        struct td_attachment *to = m->attachments[m->n_attachments] = mem_alloc(sizeof *to);
        *to = (struct td_attachment){ .size = sizeof *to, .id = mem_strdup(from->id),
                                      .name = mem_strdup(from->name),
                                      .type = mem_strdup(from->type), .bytes = from->bytes,
                                      .sha256 = mem_strdup(from->sha256) };
    }
}

static void set_parts(struct session_message *m, const struct record_body *body)
{
    if (body->n_parts == 0)
        return;
    m->parts = mem_array(body->n_parts, sizeof *m->parts);
    for (; m->n_parts < body->n_parts; m->n_parts++) {
        const struct td_part *from = body->parts[m->n_parts];
        struct td_part *to = m->parts[m->n_parts] = mem_alloc(sizeof *to);
        *to = (struct td_part){ .size = sizeof *to, .type = mem_strdup(from->type),
                                .text = mem_strdup(from->text), .data = mem_strdup(from->data) };
    }
}

void content_set(struct session_message *m, const struct record_body *body)
{
    content_free(m);
    set_choices(m, body);
    set_files(m, body);
    set_parts(m, body);
}

struct record_body content_body(const struct session_message *m)
{
    return (struct record_body){
        .text = m->text, .choice = m->choice, .n_choices = m->n_choices,
        .choices = (const struct td_choice *const *)m->choices,
        .attachments = (const struct td_attachment *const *)m->attachments,
        .n_attachments = m->n_attachments, .parts = (const struct td_part *const *)m->parts,
        .n_parts = m->n_parts,
    };
}
