/* packs.c - phrase packs from files. */
#include "config.h"

#include "daemon/packs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/pack.h"
#include "engine/phrases.h"

#define WORDS "words"
#define SUFFIX ".pack"

/* A byte more than is allowed is read, so that it is refused. */
static int read_file(const char *path, char *text, size_t *len_r, struct err *err)
{
    FILE *file = fopen(path, "re");

    if (!file)
        return err_set(err, "%s", strerror(errno));
    *len_r = fread(text, 1, PACK_BYTES_MAX + 1, file);
    const int bad = ferror(file);
    fclose(file);
    return bad ? err_set(err, "it cannot be read") : 0;
}

static int add_file(struct phrases *phrases, const char *lang, const char *name, const char *path,
                    struct err *err)
{
    const size_t len = strlen(name);
    const int is_words = strcmp(name, WORDS) == 0;
    size_t bytes = 0;

    if (!is_words && (len <= strlen(SUFFIX) || strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0))
        return 0;
    char *text = mem_alloc(PACK_BYTES_MAX + 1);
    char *signal = mem_dup(name, len - (is_words ? 0 : strlen(SUFFIX)));
    int rc = read_file(path, text, &bytes, err);
    if (rc == 0)
        rc = is_words ? phrases_add_words(phrases, lang, text, bytes, err)
                      : phrases_add(phrases, lang, signal, text, bytes, err);
    free(signal);
    free(text);
    return rc < 0 ? err_wrap(err, "%s", path) : 0;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int add_lang(struct phrases *phrases, const char *lang, const char *dir, struct err *err)
{
    struct dirent **entries = NULL;
    const int n = scandir(dir, &entries, is_shown, alphasort);
    int rc = n < 0 && errno != ENOTDIR ? err_set(err, "%s: %s", dir, strerror(errno)) : 0;

    for (int i = 0; i < n; i++) {
        char *path = mem_printf("%s/%s", dir, entries[i]->d_name);
        if (rc == 0)
            rc = add_file(phrases, lang, entries[i]->d_name, path, err);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

struct phrases *packs_read(const char *dir, struct err *err)
{
    struct phrases *phrases = phrases_new();
    struct dirent **entries = NULL;
    const int n = scandir(dir, &entries, is_shown, alphasort);
    int rc = n < 0 ? err_set(err, "%s: %s", dir, strerror(errno)) : 0;

    for (int i = 0; i < n; i++) {
        char *path = mem_printf("%s/%s", dir, entries[i]->d_name);
        if (rc == 0)
            rc = add_lang(phrases, entries[i]->d_name, path, err);
        free(path);
        free(entries[i]);
    }
    free(entries);
    if (rc == 0 && phrases_check(phrases, err) < 0)
        rc = err_wrap(err, "%s", dir);
    if (rc < 0)
        phrases_free(&phrases);
    return phrases;
}
