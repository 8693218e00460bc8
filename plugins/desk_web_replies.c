/* desk_web_replies.c - canned replies: a file of the operator's, looked through by humans. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/desk_web_private.h"
#include "plugins/shared/desk_reply.h"

#define MAX_FILE (256 * 1024)

static const char *const names[] = { "key", "title", "text", "language" };

/* NULL, or what is wrong with it. */
static const char *flaw_of(const cJSON *reply)
{
    if (!cJSON_IsObject(reply))
        return "is not an object";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cJSON *member = td_json_get(reply, names[i]);
        if (member == NULL ? i < 3 : !cJSON_IsString(member))
            return "needs strings as key, title, text and, perhaps, language";
    }
    return NULL;
}

static cJSON *parse(const char *path, struct td_error *err)
{
    FILE *file = fopen(path, "re");
    char *text, why[160] = "";
    cJSON *tree;
    size_t len;

    if (file == NULL) {
        snprintf(err->text, sizeof err->text, "replies = %.256s cannot be read", path);
        return NULL;
    }
    text = malloc(MAX_FILE + 1);
    len = text != NULL ? fread(text, 1, MAX_FILE + 1, file) : 0;
    fclose(file);
    tree = len > 0 && len <= MAX_FILE ? td_json_parse(text, len, NULL, why, sizeof why) : NULL;
    free(text);
    if (cJSON_IsArray(tree))
        return tree;
    cJSON_Delete(tree);
    snprintf(err->text, sizeof err->text,
             "replies = %.256s is not a JSON array of at most 256 KiB%s%s", path,
             why[0] != '\0' ? ": " : "", why);
    return NULL;
}

int replies_load(struct desk *desk, struct td_error *err)
{
    const cJSON *reply;
    unsigned n = 0;

    desk->replies = parse(desk->conf->replies, err);
    if (desk->replies == NULL)
        return -1;
    cJSON_ArrayForEach(reply, desk->replies) {
        const char *flaw = flaw_of(reply);
        n++;
        if (flaw == NULL)
            continue;
        snprintf(err->text, sizeof err->text, "replies = %.256s: reply %u %s", desk->conf->replies,
                 n, flaw);
        return -1;
    }
    return 0;
}

/* ASCII letters in either case; all others as they are. */
static int contains(const char *text, const char *word, size_t len)
{
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, word, len) == 0)
            return 1;
    }
    return len == 0;
}

/* Each word somewhere. */
static int holds(const cJSON *reply, const char *q)
{
    while (*(q += strspn(q, " ")) != '\0') {
        const size_t len = strcspn(q, " ");
        size_t i = 0;

        while (i < 3 && !contains(td_json_get_str(reply, names[i]), q, len))
            i++;
        if (i == 3)
            return 0;
        q += len;
    }
    return 1;
}

/* By the first part: "de-AT" is "de". */
static int speaks(const cJSON *reply, const char *language)
{
    const char *its = td_json_get_str(reply, "language");
    const size_t len = strcspn(language, "-");

    return its == NULL || (strcspn(its, "-") == len && strncasecmp(its, language, len) == 0);
}

void replies_request(struct desk *desk, uint64_t request, const char *q, const char *language)
{
    struct td_json j = { 0 };
    const cJSON *reply;

    td_json_object(&j);
    td_json_key(&j, "replies");
    td_json_array(&j);
    cJSON_ArrayForEach(reply, desk->replies) {
        if ((q != NULL && !holds(reply, q)) || (language != NULL && !speaks(reply, language)))
            continue;
        td_json_object(&j);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            const char *value = td_json_get_str(reply, names[i]);
            if (value != NULL)
                td_json_key_str(&j, names[i], value);
        }
        td_json_object_end(&j);
    }
    td_json_array_end(&j);
    td_json_object_end(&j);
    desk_reply_json(desk->host, desk->inst, request, td_json_text(&j));
    td_json_free(&j);
}
