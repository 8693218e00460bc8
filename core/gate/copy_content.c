/* copy_content.c - what a message of a plugin holds beside its words: judged, bounded, copied. */
#include "config.h"

#include <string.h>
#include <strings.h>
#include <tandem/json.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "engine/content.h"
#include "gate/gate_private.h"

#define MAX_PART_TYPE 64
#define MAX_PARTS_TOGETHER 65536 /* bytes of a message's parts */

int copy_is_good(const char *s, size_t max)
{
    size_t len = s != NULL ? strnlen(s, max + 1) : 0;

    return len <= max && (s == NULL || utf8_valid(s, len));
}

static const char *first(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

static const char *copy_choices(struct arena *arena, const struct td_message *from,
                                struct td_message *to)
{
    struct td_choice **choices;

    if (from->n_choices == 0)
        return NULL;
    if (from->n_choices > MAX_CHOICES || from->choices == NULL)
        return "a message has too many choices";
    choices = arena_array(arena, from->n_choices, sizeof *choices);
    for (size_t i = 0; i < from->n_choices; i++) {
        const struct td_choice *choice = from->choices[i];

        if (choice == NULL || !TD_HAS(choice, value) || choice->title == NULL ||
            !copy_is_good(choice->title, MAX_NAME) || !copy_is_good(choice->value, MAX_NAME))
            return "a choice has no title, or it is too long or not UTF-8";
        choices[i] = arena_alloc(arena, sizeof *choices[i]);
        *choices[i] = (struct td_choice){
            .size = sizeof *choices[i],
            .title = arena_strdup(arena, choice->title),
            .value = arena_strdup(arena, first(choice->value, choice->title)),
        };
    }
    to->choices = (const struct td_choice *const *)choices;
    to->n_choices = from->n_choices;
    return NULL;
}

/* Only the id counts: what the gateway knows of the file it says itself. */
static const char *copy_attachments(struct arena *arena, const struct td_message *from,
                                    struct td_message *to)
{
    struct td_attachment **files;

    if (from->n_attachments == 0)
        return NULL;
    if (from->n_attachments > CONTENT_FILES || from->attachments == NULL)
        return "a message has more than 10 attachments";
    files = arena_array(arena, from->n_attachments, sizeof *files);
    for (size_t i = 0; i < from->n_attachments; i++) {
        const struct td_attachment *file = from->attachments[i];
        struct ulid id;
        char *text;

        if (file == NULL || !TD_HAS(file, id) || file->id == NULL ||
            ulid_parse(file->id, &id) != 0)
            return "an attachment has no id, or one that is none";
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(files[j]->id, file->id) == 0)
                return "a message has the same attachment twice";
        text = arena_alloc(arena, ULID_TEXT);
        ulid_format(&id, text);
        files[i] = arena_alloc(arena, sizeof *files[i]);
        *files[i] = (struct td_attachment){ .size = sizeof *files[i], .id = text };
    }
    to->attachments = (const struct td_attachment *const *)files;
    to->n_attachments = from->n_attachments;
    return NULL;
}

/* NULL is fine. */
static int is_object(const char *text)
{
    static const struct td_json_limits limits = { .bytes = CONTENT_DATA, .depth = 32 };
    cJSON *json;
    char why[128];
    int good;

    if (text == NULL)
        return 1;
    if (!copy_is_good(text, CONTENT_DATA))
        return 0;
    json = td_json_parse(text, strlen(text), &limits, why, sizeof why);
    good = cJSON_IsObject(json);
    cJSON_Delete(json);
    return good;
}

static const char *copy_parts(struct arena *arena, const struct td_message *from,
                              struct td_message *to)
{
    struct td_part **parts;
    size_t total = 0;

    if (from->n_parts == 0)
        return NULL;
    if (from->n_parts > CONTENT_PARTS || from->parts == NULL)
        return "a message has more than 10 parts";
    parts = arena_array(arena, from->n_parts, sizeof *parts);
    for (size_t i = 0; i < from->n_parts; i++) {
        const struct td_part *part = from->parts[i];

        if (part == NULL || !TD_HAS(part, data) || part->type == NULL || part->type[0] == '\0' ||
            part->text == NULL || !copy_is_good(part->type, MAX_PART_TYPE) ||
            !copy_is_good(part->text, MAX_PARTS_TOGETHER))
            return "a part has no type or text, or they are too long or not UTF-8";
        if (!is_object(part->data))
            return "a part's data is not a JSON object of at most 16 KiB";
        total += strlen(part->text) + (part->data != NULL ? strlen(part->data) : 0);
        parts[i] = arena_alloc(arena, sizeof *parts[i]);
        *parts[i] = (struct td_part){ .size = sizeof *parts[i],
                                      .type = arena_strdup(arena, part->type),
                                      .text = arena_strdup(arena, part->text),
                                      .data = arena_strdup(arena, part->data) };
    }
    to->parts = (const struct td_part *const *)parts;
    to->n_parts = from->n_parts;
    return total <= MAX_PARTS_TOGETHER ? NULL : "a message's parts are over 64 KiB together";
}

const char *copy_content(struct arena *arena, const struct td_message *from, struct td_message *to)
{
    const char *flaw = copy_choices(arena, from, to);

    if (flaw != NULL || !TD_HAS(from, raw))
        return flaw;
    if ((flaw = copy_attachments(arena, from, to)) != NULL ||
        (flaw = copy_parts(arena, from, to)) != NULL)
        return flaw;
    if (!is_object(from->raw))
        return "what the channel got (raw) is not a JSON object of at most 16 KiB";
    to->raw = arena_strdup(arena, from->raw);
    return NULL;
}
