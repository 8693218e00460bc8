/* fake_conf.c - fills a conf struct from lines, for tests that do without the conf room. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fake_host_private.h"

#define MAX_WORDS 64

static void wrong(const char *key, const char *value)
{
    fprintf(stderr, "fake host: the test's conf is wrong: %s = %s\n", key, value);
    abort();
}

/* A number with a unit; the unit alone counts once ("min" in 30/min). */
static int64_t with_unit(const char *key, const char *value, const char *const *units,
                         const int64_t *factors)
{
    char *end;
    int64_t n = strtoll(value, &end, 10);

    if (end == value)
        n = 1;
    for (size_t i = 0; units[i] != NULL; i++) {
        if (strcmp(end, units[i]) == 0)
            return n * factors[i];
    }
    if (n != 0 || *end != '\0')
        wrong(key, value);
    return 0;
}

static int64_t duration(const char *key, const char *value)
{
    static const char *const units[] = { "ms", "s", "min", "h", "d", NULL };
    static const int64_t factors[] = { 1, 1000, 60000, 3600000, 86400000 };

    return with_unit(key, value, units, factors);
}

static int64_t size(const char *key, const char *value)
{
    static const char *const units[] = { "", "K", "M", "G", NULL };
    static const int64_t factors[] = { 1, 1 << 10, 1 << 20, 1 << 30 };

    return with_unit(key, value, units, factors);
}

static int choice(const struct td_conf_key *key, const char *value)
{
    for (int i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(key->choices[i], value) == 0)
            return i;
    }
    wrong(key->name, value);
    return 0;
}

static int truth(const char *key, const char *value)
{
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        wrong(key, value);
    return value[0] == 'y';
}

static const char *const *list(struct fake_mem *mem, const char *value)
{
    const char **words = fake_keep(mem, NULL, (MAX_WORDS + 1) * sizeof *words);
    size_t n = 0;

    while (*value != '\0' && n < MAX_WORDS) {
        size_t len = strcspn(value, ", ");

        if (len > 0)
            words[n++] = fake_keep(mem, value, len);
        value += len;
        value += strspn(value, ", ");
    }
    return words;
}

static void fill(struct fake_mem *mem, const struct td_conf_key *key, void *conf, const char *value)
{
    void *field = (char *)conf + key->offset;
    const char *slash;

    switch (key->type) {
    case TD_TYPE_STRING:
    case TD_TYPE_SECRET:
        *(const char **)field = fake_str(mem, value);
        break;
    case TD_TYPE_LIST:
        *(const char *const **)field = list(mem, value != NULL ? value : "");
        break;
    case TD_TYPE_INT:
        *(int64_t *)field = value != NULL ? strtoll(value, NULL, 10) : 0;
        break;
    case TD_TYPE_BOOL:
        *(int *)field = value != NULL ? truth(key->name, value) : 0;
        break;
    case TD_TYPE_DURATION:
        *(int64_t *)field = value != NULL ? duration(key->name, value) : 0;
        break;
    case TD_TYPE_SIZE:
        *(int64_t *)field = value != NULL ? size(key->name, value) : 0;
        break;
    case TD_TYPE_RATE:
        slash = value != NULL ? strchr(value, '/') : NULL;
        *(struct td_rate *)field = (struct td_rate){
            .count = value != NULL ? strtoll(value, NULL, 10) : 0,
            .per_ms = slash != NULL ? duration(key->name, slash + 1) : 0,
        };
        break;
    case TD_TYPE_ENUM:
        *(int *)field = value != NULL ? choice(key, value) : 0;
        break;
    }
}

static const struct td_conf_key *find(const struct td_plugin *plugin, const char *name, size_t len)
{
    for (const struct td_conf_key *key = plugin->conf_keys; key->name != NULL; key++) {
        if (strlen(key->name) == len && memcmp(key->name, name, len) == 0)
            return key;
    }
    wrong("no such key", name);
    return NULL;
}

const void *fake_conf_fill(struct fake_mem *mem, const struct td_plugin *plugin, const char *lines)
{
    void *conf = fake_keep(mem, NULL, plugin->conf_size);

    for (const struct td_conf_key *key = plugin->conf_keys; key && key->name != NULL; key++)
        fill(mem, key, conf, key->def);
    while (*lines != '\0') {
        size_t len = strcspn(lines, "\n"), name = strcspn(lines, " =");
        const char *value = strstr(lines, " = ");

        if (value == NULL || value > lines + len)
            wrong("not a pair", lines);
        value += 3;
        fill(mem, find(plugin, lines, name), conf,
             fake_keep(mem, value, len - (size_t)(value - lines)));
        lines += len + (lines[len] == '\n');
    }
    return conf;
}
