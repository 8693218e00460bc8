/* kb.c - a knowledge base is read: directories, files, languages. */
#include "config.h"

#include "plugins/shared/kb.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/shared/kb_private.h"

#define WORDS "words"
#define SUFFIX ".md"

static int TD_PRINTF(2, 3) fail(struct td_error *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return -1;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* The whole file, freed by the caller; NULL with a sentence. */
static char *read_file(const char *path, size_t *len_r, struct td_error *err)
{
    FILE *file = fopen(path, "re");
    char *text = file != NULL ? malloc(KB_FILE_MAX + 1) : NULL;

    if (text != NULL) {
        *len_r = fread(text, 1, KB_FILE_MAX + 1, file); /* a byte more: refused then */
        if (ferror(file)) {
            free(text);
            text = NULL;
        }
    }
    if (text == NULL)
        fail(err, "%.300s cannot be read: %s", path, strerror(errno));
    if (file != NULL)
        fclose(file);
    return text;
}

static char *path_of(const char *dir, const char *name)
{
    const size_t size = strlen(dir) + strlen(name) + 2;
    char *path = malloc(size);

    if (path != NULL)
        snprintf(path, size, "%s/%s", dir, name);
    return path;
}

static int set_source(struct kb_section *section, const char *lang, const char *file)
{
    const size_t size = strlen(lang) + strlen(file) + strlen(section->anchor) + 3;

    section->source = malloc(size);
    if (section->source == NULL)
        return -1;
    snprintf(section->source, size, "%s/%s#%s", lang, file, section->anchor);
    return 0;
}

/* The sections move into the language; what is left in them is the caller's. */
static int take_sections(struct kb_lang *lang, struct kb_sections *from, const char *file)
{
    const size_t n = lang->n_sections + from->n;
    struct kb_section *grown = realloc(lang->sections, (n + 1) * sizeof *grown);

    if (grown == NULL)
        return -1;
    lang->sections = grown;
    for (size_t i = 0; i < from->n; i++) {
        if (set_source(&from->list[i], lang->name, file) != 0)
            return -1;
    }
    if (from->n > 0)
        memcpy(grown + lang->n_sections, from->list, from->n * sizeof *grown);
    lang->n_sections = n;
    free(from->list);
    *from = (struct kb_sections){ .n = 0 };
    return 0;
}

static int add_markdown(struct kb_lang *lang, const char *path, const char *name, const char *text,
                        size_t len, struct td_error *err)
{
    struct kb_sections sections;
    char why[KB_WHY];
    int rc = 0;

    if (kb_markdown_read(text, len, &sections, why) != 0)
        return fail(err, "%.200s: %s", path, why);
    if (take_sections(lang, &sections, name) != 0)
        rc = fail(err, "out of memory");
    kb_sections_free(&sections);
    return rc;
}

static int add_file(struct kb_lang *lang, const char *dir, const char *name, struct td_error *err)
{
    const size_t len = strlen(name);
    const int is_words = strcmp(name, WORDS) == 0;
    char *path, *text;
    size_t bytes = 0;
    int rc = -1;

    if (!is_words && (len <= strlen(SUFFIX) || strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0))
        return 0;
    path = path_of(dir, name);
    text = path != NULL ? read_file(path, &bytes, err) : NULL;
    if (path == NULL)
        fail(err, "out of memory");
    else if (text != NULL && is_words)
        rc = kb_word_list_add(&lang->small, text, bytes) == 0 ? 0 : fail(err, "out of memory");
    else if (text != NULL)
        rc = add_markdown(lang, path, name, text, bytes, err);
    free(text);
    free(path);
    return rc;
}

/* ---- Languages ------------------------------------------------------------------------------- */

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The names in a directory, sorted; -1 with a sentence. */
static int names_of(const char *dir, struct dirent ***names_r, struct td_error *err)
{
    const int n = scandir(dir, names_r, is_shown, alphasort);

    return n >= 0 ? n : fail(err, "the knowledge base %.300s cannot be read: %s", dir, strerror(errno));
}

static void free_names(struct dirent **names, int n)
{
    for (int i = 0; i < n; i++)
        free(names[i]);
    if (n >= 0)
        free(names);
}

static int add_files(struct kb_lang *lang, const char *dir, struct td_error *err)
{
    struct dirent **names = NULL;
    const int n = names_of(dir, &names, err);
    int rc = n < 0 ? -1 : 0;

    if (n > KB_FILES_MAX)
        rc = fail(err, "%.300s has more than %d files", dir, KB_FILES_MAX);
    for (int i = 0; i < n && rc == 0; i++)
        rc = add_file(lang, dir, names[i]->d_name, err);
    free_names(names, n);
    return rc;
}

/* en, de, pt-br: letters, and what is behind a hyphen does not count. */
static size_t subtag(const char *name)
{
    size_t n = 0;

    while (isalpha((unsigned char)name[n]))
        n++;
    return n >= 2 && n < KB_LANG_BYTES && strchr("-_", name[n]) != NULL ? n : 0;
}

static int add_lang(struct kb *kb, const char *dir, const char *name, struct td_error *err)
{
    struct kb_lang *lang = &kb->langs[kb->n_langs];
    char *path;
    int rc;

    if (subtag(name) != strlen(name))
        return 0; /* such as README.md */
    if (kb->n_langs == KB_LANGS_MAX)
        return fail(err, "%.300s has more than %d languages", dir, KB_LANGS_MAX);
    kb->n_langs++;
    for (size_t i = 0; name[i] != '\0'; i++)
        lang->name[i] = (char)tolower((unsigned char)name[i]);
    snprintf(lang->table, sizeof lang->table, "kb%zu", kb->n_langs);
    path = path_of(dir, name);
    rc = path == NULL ? fail(err, "out of memory") : add_files(lang, path, err);
    if (rc == 0 && lang->n_sections == 0)
        rc = fail(err, "%.300s has no .md file with a heading", path);
    free(path);
    kb_word_list_sort(&lang->small);
    if (rc == 0 && kb_talk_read(lang) != 0)
        rc = fail(err, "out of memory");
    return rc != 0 ? -1 : kb_index(kb, lang, err);
}

static int add_langs(struct kb *kb, const char *dir, struct td_error *err)
{
    struct dirent **names = NULL;
    const int n = names_of(dir, &names, err);
    int rc = n < 0 ? -1 : 0;

    for (int i = 0; i < n && rc == 0; i++)
        rc = add_lang(kb, dir, names[i]->d_name, err);
    free_names(names, n);
    if (rc == 0 && kb->n_langs == 0)
        rc = fail(err, "%.300s has no directory of a language, such as en", dir);
    return rc;
}

struct kb *kb_open(const char *dir, struct td_error *err)
{
    struct kb *kb = calloc(1, sizeof *kb);

    if (kb == NULL) {
        fail(err, "out of memory");
        return NULL;
    }
    if (sqlite3_open_v2(":memory:", &kb->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        fail(err, "the index cannot be made: %s", sqlite3_errmsg(kb->db));
    else if (add_langs(kb, dir, err) == 0)
        return kb;
    kb_close(&kb);
    return NULL;
}

static void lang_fini(struct kb_lang *lang)
{
    struct kb_sections sections = { .list = lang->sections, .n = lang->n_sections };

    kb_index_fini(lang);
    kb_sections_free(&sections);
    kb_word_list_fini(&lang->small);
    kb_word_list_fini(&lang->words);
    kb_word_list_fini(&lang->talk);
    for (size_t i = 0; i < lang->n_phrases; i++)
        free(lang->phrases[i].text);
    free(lang->phrases);
}

void kb_close(struct kb **kb)
{
    if (*kb == NULL)
        return;
    for (size_t i = 0; i < (*kb)->n_langs; i++)
        lang_fini(&(*kb)->langs[i]);
    sqlite3_close((*kb)->db);
    free(*kb);
    *kb = NULL;
}

const struct kb_lang *kb_lang_get(const struct kb *kb, const char *locale)
{
    const size_t len = locale != NULL ? subtag(locale) : 0;

    for (size_t i = 0; i < kb->n_langs && len > 0; i++) {
        if (strlen(kb->langs[i].name) == len &&
            strncasecmp(kb->langs[i].name, locale, len) == 0)
            return &kb->langs[i];
    }
    return NULL;
}

size_t kb_n_langs(const struct kb *kb)
{
    return kb->n_langs;
}

const struct kb_lang *kb_lang_at(const struct kb *kb, size_t i)
{
    return &kb->langs[i];
}
