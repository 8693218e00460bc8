/* packs.c - phrase packs from files. */
#include "config.h"

#include "daemon/packs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypt.h"
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

/* ---- Shared ------------------------------------------------------------------------------- */

/* Packs are dear to read and seldom change: a reload takes those that are there. Loop thread. */
static struct {
    struct phrases *phrases;
    uint8_t hash[CRYPT_HASH];
    unsigned refs;
} shared;

static void hash_file(const char *path, struct buf *all)
{
    char *text = mem_alloc(PACK_BYTES_MAX + 1);
    size_t len = 0;
    struct err err;

    buf_str(all, path);
    if (read_file(path, text, &len, &err) == 0)
        buf_add(all, text, len);
    free(text);
}

static void hash_dir(const char *dir, int depth, struct buf *all)
{
    struct dirent **entries = NULL;
    const int n = scandir(dir, &entries, is_shown, alphasort);

    for (int i = 0; i < n; i++) {
        char *path = mem_printf("%s/%s", dir, entries[i]->d_name);
        if (depth > 0)
            hash_dir(path, depth - 1, all);
        else
            hash_file(path, all);
        free(path);
        free(entries[i]);
    }
    free(entries);
}

struct phrases *packs_share(const char *dir, struct err *err)
{
    uint8_t hash[CRYPT_HASH];
    struct buf all = { 0 };

    hash_dir(dir, 1, &all);
    crypt_sha256(all.data ? all.data : "", all.len, hash);
    buf_fini(&all);
    if (shared.refs > 0 && memcmp(hash, shared.hash, sizeof hash) == 0) {
        shared.refs++;
        return shared.phrases;
    }
    struct phrases *phrases = packs_read(dir, err);
    if (phrases && shared.refs == 0) {
        shared.phrases = phrases;
        shared.refs = 1;
        memcpy(shared.hash, hash, sizeof hash);
    }
    return phrases;
}

void packs_unshare(struct phrases **phrases)
{
    if (*phrases && *phrases == shared.phrases && --shared.refs > 0)
        *phrases = NULL;
    else if (*phrases == shared.phrases)
        shared.phrases = NULL;
    phrases_free(phrases);
}
