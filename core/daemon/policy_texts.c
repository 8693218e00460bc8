/* policy_texts.c - what customers hear: the catalogue that is installed, and the operator's own. */
#include "config.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/policy_private.h"
#include "daemon/setup.h"
#include "engine/texts.h"

#define LANGUAGES_MAX 64
#define DEFAULT_LANGUAGE "en"

struct loading {
    struct builder *b;
    struct texts *texts;
    struct buf said; /* all keys and values, for the policy's hash */
};

/* The keys of [tandem] that are named in messages; NULL: not in the conf. */
static const struct conf_pair *tandem_key(const struct setup *setup, const char *key)
{
    const struct conf_section *section = conf_find(setup->conf, "tandem", "");

    return section ? conf_get(section, key) : NULL;
}

/* Where it is said which texts there must be; NULL: nowhere. */
static const struct conf_pos *wanted_at(const struct setup *setup)
{
    const struct conf_pair *pair = tandem_key(setup, "languages");

    if (!pair)
        pair = tandem_key(setup, "texts");
    return pair ? &pair->value_pos : NULL;
}

/* A text for a rule that is not there is never said. */
static void check_name(struct loading *l, const char *language, const struct conf_pair *pair)
{
    const struct setup *setup = l->b->setup;
    const char *key = pair->key + strlen(TEXT_RULE), *dot = strrchr(key, '.');
    const size_t len = strlen(key), base = dot ? (size_t)(dot - key) : len;
    const char **names = arena_array(l->b->arena, setup->n_rules, sizeof *names);

    for (size_t i = 0; i < setup->n_rules; i++) {
        names[i] = setup->rules[i].section->name;
        if (strcmp(names[i], key) == 0 ||
            (strlen(names[i]) == base && strncmp(names[i], key, base) == 0))
            return;
    }
    conf_warn(setup->conf, wanted_at(setup), "%s in [texts %s] is never said: there is no such rule%s",
              pair->key, language, setup_hint(key, names, setup->n_rules));
}

static void load_section(struct loading *l, struct conf *file, const struct conf_section *section)
{
    struct err err;

    if (strcmp(section->kind, "texts") != 0 || !*section->name) {
        conf_error(file, &section->pos, "here is no [%s]: write [texts LANGUAGE]", section->kind);
        l->b->errors++;
        return;
    }
    for (size_t i = 0; i < section->n_pairs; i++) {
        const struct conf_pair *pair = &section->pairs[i];
        if (pair->bad)
            continue;
        if (texts_set(l->texts, section->name, pair->key, pair->value, &err) < 0) {
            conf_error(file, &pair->key_pos, "in [texts %s]: %s", section->name, err.text);
            l->b->errors++;
        }
        else if (strncmp(pair->key, TEXT_RULE, strlen(TEXT_RULE)) == 0)
            check_name(l, section->name, pair);
        buf_printf(&l->said, "%s %s=%s\n", section->name, pair->key, pair->value);
    }
}

static void load_file(struct loading *l, const char *path)
{
    struct setup *setup = l->b->setup;
    struct conf *file = conf_read(path);
    size_t n;

    setup->text_files = mem_grow(setup->text_files,
                                 (setup->n_text_files + 1) * sizeof(struct conf *));
    setup->text_files[setup->n_text_files++] = file;
    const struct conf_section *sections = conf_sections(file, &n);
    for (size_t i = 0; i < n; i++)
        load_section(l, file, &sections[i]);
    l->b->errors += conf_errors(file) > 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the *.conf in a directory, in order, without the ending; how many, or -1. */
static int list_dir(struct arena *arena, const char *path, char *names_r[LANGUAGES_MAX])
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int n = 0;

    if (!dir)
        return -1;
    while (n < LANGUAGES_MAX && (entry = readdir(dir))) {
        const char *dot = strrchr(entry->d_name, '.');
        if (entry->d_name[0] != '.' && dot && strcmp(dot, ".conf") == 0)
            names_r[n++] = arena_dup(arena, entry->d_name, (size_t)(dot - entry->d_name));
    }
    closedir(dir);
    qsort(names_r, (size_t)n, sizeof *names_r, by_name);
    return n;
}

static void load_dir(struct loading *l, const char *dir, char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        load_file(l, arena_printf(l->b->arena, "%s/%s.conf", dir, names[i]));
}

static void load_own(struct loading *l, const char *path)
{
    char *names[LANGUAGES_MAX];
    const int n = list_dir(l->b->arena, path, names);

    if (n >= 0)
        load_dir(l, path, names, n);
    else
        load_file(l, path); /* says so itself when it cannot be read */
}

static void check(struct loading *l, const char *const *languages)
{
    struct setup *setup = l->b->setup;
    struct buf missing = { 0 };

    if (texts_check(l->texts, languages, &missing) < 0) {
        for (char *line = missing.data, *end; *line; line = end + 1) {
            end = strchr(line, '\n');
            conf_error(setup->conf, wanted_at(setup), "%.*s", (int)(end - line), line);
            l->b->errors++;
        }
    }
    buf_fini(&missing);
}

/* Its `text` is said in the fallback language; without one all languages must have their own. */
static void load_rule(struct loading *l, const struct rule *rule, const char *const *languages)
{
    const struct setup *setup = l->b->setup;
    const char *name = rule->section->name;
    const struct conf_pair *pair = conf_get(rule->section, "text");
    const char *key = arena_printf(l->b->arena, TEXT_RULE "%s", name);
    int somewhere = pair != NULL;
    struct err err;

    if (pair && !pair->bad && !texts_has_rule(l->texts, languages[0], name) &&
        texts_set(l->texts, languages[0], key, pair->value, &err) < 0)
        policy_wrong(l->b, rule->file, pair, 0, err.text);
    for (const char *const *at = languages; *at; at++)
        somewhere |= texts_has_rule(l->texts, *at, name);
    for (; *languages && somewhere; languages++) {
        if (texts_has_rule(l->texts, *languages, name))
            continue;
        if (pair) {
            conf_warn(setup->conf,
                      rule->file == setup->conf ? &pair->value_pos : wanted_at(setup),
                      "rule %s: who writes in '%s' hears its text too: give [texts %s] its own as %s",
                      name, *languages, *languages, key);
        } else {
            conf_error(setup->conf, wanted_at(setup),
                       "the text %s in language '%s' is missing", key, *languages);
            l->b->errors++;
        }
    }
}

/* The languages in which all is said: the first is the fallback. */
static const char *const *enabled(struct builder *b, char *const *shipped, int n)
{
    const char *const *wanted = b->setup->tandem.languages;
    const char **languages = arena_array(b->arena, LANGUAGES_MAX + 1, sizeof *languages);
    size_t count = 0;

    for (; wanted && wanted[count] && count < LANGUAGES_MAX; count++)
        languages[count] = arena_strdup(b->arena, wanted[count]);
    if (count > 0)
        return languages;
    languages[count++] = DEFAULT_LANGUAGE;
    for (int i = 0; i < n && count < LANGUAGES_MAX; i++) {
        if (strcmp(shipped[i], DEFAULT_LANGUAGE) != 0)
            languages[count++] = shipped[i];
    }
    return languages;
}

void policy_texts(struct builder *b)
{
    struct setup *setup = b->setup;
    struct loading l = { .b = b, .texts = texts_new() };
    char *shipped[LANGUAGES_MAX], *dir = tandem_texts_dir();
    const int n = list_dir(b->arena, dir, shipped);

    b->built->texts = l.texts;
    if (n <= 0) {
        conf_error(setup->conf, NULL, "no texts for customers in %s: is tandem installed whole?",
                   dir);
        b->errors++;
    }
    load_dir(&l, dir, shipped, n);
    free(dir);
    if (setup->tandem.texts)
        load_own(&l, setup->tandem.texts);
    const char *const *languages = enabled(b, shipped, n);
    for (size_t i = 0; i < setup->n_rules; i++) {
        if (setup->rules[i].conf.mode != RULE_OFF)
            load_rule(&l, &setup->rules[i], languages);
    }
    if (n > 0 && b->errors == 0)
        check(&l, languages);

    uint8_t sum[CRYPT_HASH];
    crypt_sha256(l.said.data ? l.said.data : "", l.said.len, sum);
    crypt_hex(sum, 8, b->built->texts_hash);
    buf_fini(&l.said);
    b->built->policy.texts = l.texts;
    b->built->policy.language = languages[0];
    b->built->policy.business = arena_strdup(b->arena, setup->tandem.business);
}
