/* setup.c - a whole conf, read and checked. */
#include "config.h"

#include "daemon/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/word.h"
#include "config/conf.h"
#include "config/schema.h"
#include "daemon/filing.h"
#include "daemon/isolate.h"
#include "daemon/policy_build.h"
#include "io/web.h"
#include "plug/loader.h"

#define MAX_NAME 64

/* A conf without channels and agents still is a gateway one can talk to. */
static const char builtin_text[] = "[channel web]\n"
                                   "type = webchat\n"
                                   "agent = echo\n"
                                   "[agent echo]\n"
                                   "type = echo\n"
                                   "[desk desk]\n"
                                   "type = web\n"
                                   "[queue queue]\n"
                                   "desk = desk\n"
                                   "[human human]\n"
                                   "name = Human\n"
                                   "token = made-at-the-start\n";

const char *kind_name(enum td_kind kind)
{
    return kind == TD_CHANNEL ? "channel" : kind == TD_AGENT ? "agent" : "desk";
}

const char *setup_hint(const char *word, const char *const *words, size_t n)
{
    static char hint[160];
    const char *near = word_nearest(word, words, n);

    hint[0] = '\0';
    if (near)
        snprintf(hint, sizeof hint, "; did you mean '%s'?", near);
    return hint;
}

void setup_error_at(struct conf *file, const struct conf_pair *pair, size_t offset,
                    const char *sentence)
{
    struct conf_pos pos = pair->value_pos;

    pos.column += (unsigned)offset + (pair->quoted ? 1 : 0);
    conf_error(file, &pos, "%s", sentence);
}

static const struct td_conf_key *key_at(const struct td_conf_key *keys, size_t key_size, size_t i)
{
    return (const struct td_conf_key *)(const void *)((const char *)keys + i * key_size);
}

void setup_value(const struct td_conf_key *key, const void *target, struct buf *out)
{
    const void *field = (const char *)target + key->offset;

    switch (key->type) {
    case TD_TYPE_STRING:
    case TD_TYPE_SECRET: {
        const char *text = *(const char *const *)field;
        buf_str(out, text ? text : "");
        buf_char(out, text ? '=' : '-');
        break;
    }
    case TD_TYPE_LIST:
        for (const char *const *item = *(const char *const *const *)field; item && *item; item++) {
            buf_str(out, *item);
            buf_char(out, '\n');
        }
        break;
    case TD_TYPE_BOOL:
    case TD_TYPE_ENUM:
        buf_printf(out, "%d", *(const int *)field);
        break;
    case TD_TYPE_RATE: {
        const struct td_rate *rate = field;
        buf_printf(out, "%lld/%lld", (long long)rate->count, (long long)rate->per_ms);
        break;
    }
    default:
        buf_printf(out, "%lld", (long long)*(const int64_t *)field);
    }
    buf_char(out, '\n');
}

static void instance_digest(struct instance *instance)
{
    const struct td_plugin *plugin = instance->plugin;
    struct buf text = { 0 };

    buf_printf(&text, "%s %s\n", kind_name(instance->kind), plugin->name);
    if (instance->kind == TD_AGENT)
        buf_printf(&text, "%lld %lld %lld\n", (long long)instance->agent.breaker_failures,
                   (long long)instance->agent.breaker_open, (long long)instance->agent.max_jobs);
    for (const struct td_conf_key *key = isolate_keys; key->name; key++)
        setup_value(key, &instance->isolate, &text);
    for (size_t i = 0; plugin->conf_keys; i++) {
        const struct td_conf_key *key = key_at(plugin->conf_keys, plugin->conf_key_size, i);
        if (!key->name)
            break;
        setup_value(key, instance->conf, &text);
    }
    crypt_sha256(text.data, text.len, instance->digest);
    mem_wipe(text.data, text.len);
    buf_fini(&text);
}

/* The core's table and the plugin's, for one section. */
static void instance_schemas(const struct instance *instance, struct schema schemas[3])
{
    const void *const targets[] = { [TD_CHANNEL] = &instance->channel,
                                    [TD_AGENT] = &instance->agent,
                                    [TD_DESK] = &instance->desk };

    schemas[0] = (struct schema){
        .keys = section_keys(kind_name(instance->kind)),
        .key_size = sizeof(struct td_conf_key),
        .target = (void *)targets[instance->kind],
    };
    schemas[1] = (struct schema){
        .keys = isolate_keys,
        .key_size = sizeof(struct td_conf_key),
        .target = (void *)&instance->isolate,
    };
    schemas[2] = (struct schema){
        .keys = instance->plugin ? instance->plugin->conf_keys : NULL,
        .key_size = instance->plugin ? instance->plugin->conf_key_size : 0,
        .target = instance->conf,
    };
}

static void read_instance(struct setup *setup, struct conf *file,
                          const struct conf_section *section, struct loader *loader)
{
    struct instance *instance = mem_alloc(sizeof *instance);
    const struct conf_pair *type = conf_get(section, "type");
    char what[256];
    struct err err;

    instance->kind = strcmp(section->kind, "channel") == 0 ? TD_CHANNEL
                     : strcmp(section->kind, "agent") == 0 ? TD_AGENT
                                                           : TD_DESK;
    instance->name = mem_strdup(section->name);
    instance->values = schema_values_new();
    instance->file = file;
    instance->section = section;
    setup->instances = mem_grow(setup->instances,
                                (setup->n_instances + 1) * sizeof *setup->instances);
    setup->instances[setup->n_instances++] = instance;

    if (type) {
        instance->plugin = isolate_is_on(section)
                               ? isolate_get(loader, instance->kind, type->value, &err)
                               : loader_get(loader, instance->kind, type->value, &err);
        if (!instance->plugin) {
            conf_error(file, &type->value_pos, "%s", err.text);
            return; /* which keys it may have is not known */
        }
        snprintf(what, sizeof what, "[%s %s] (type %s)", section->kind, section->name,
                 type->value);
        if (instance->plugin->conf_size)
            instance->conf = mem_alloc(instance->plugin->conf_size);
    } else {
        snprintf(what, sizeof what, "[%s %s]", section->kind, section->name);
    }
    struct schema schemas[3];
    instance_schemas(instance, schemas);
    if (schema_fill(file, section, what, schemas, 3, instance->values) == 0 && instance->plugin) {
        instance_digest(instance);
        if (instance->isolate.isolate)
            instance->isolated = isolate_new(instance);
    }
}

/* A section that is no instance: it has the core's keys only. */
static void read_plain(struct setup *setup, struct conf *file, const struct conf_section *section,
                       void *target)
{
    const struct schema schema = { .keys = section_keys(section->kind),
                                   .key_size = sizeof(struct td_conf_key), .target = target };
    char what[128];

    snprintf(what, sizeof what, "[%s %s]", section->kind, section->name);
    schema_fill(file, section, what, &schema, 1, setup->values);
}

static void read_route(struct setup *setup, struct conf *file, const struct conf_section *section)
{
    setup->routes = mem_grow(setup->routes, (setup->n_routes + 1) * sizeof *setup->routes);
    struct route *route = &setup->routes[setup->n_routes++];
    *route = (struct route){ .file = file, .section = section };
    read_plain(setup, file, section, &route->conf);
}

static void read_queue(struct setup *setup, struct conf *file, const struct conf_section *section)
{
    setup->queues = mem_grow(setup->queues, (setup->n_queues + 1) * sizeof *setup->queues);
    struct queue *queue = &setup->queues[setup->n_queues++];
    *queue = (struct queue){ .file = file, .section = section };
    read_plain(setup, file, section, &queue->conf);
}

static void read_rule(struct setup *setup, struct conf *file, const struct conf_section *section)
{
    setup->rules = mem_grow(setup->rules, (setup->n_rules + 1) * sizeof *setup->rules);
    struct rule *rule = &setup->rules[setup->n_rules++];
    *rule = (struct rule){ .file = file, .section = section };
    read_plain(setup, file, section, &rule->conf);
}

static int has_rule(const struct setup *setup, const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(setup->rules[i].section->name, name) == 0)
            return 1;
    return 0;
}

static int check_section(struct conf *file, const struct conf_section *section);

/* Those that are installed, or in the file that the conf names, behind the conf's own. */
static void read_rules(struct setup *setup, const char *text)
{
    const struct conf_section *tandem = conf_find(setup->conf, "tandem", "");
    const struct conf_pair *pair = tandem ? conf_get(tandem, "rules") : NULL;
    const size_t own = setup->n_rules;
    size_t n;

    if (!text && pair && strcmp(pair->value, "none") == 0)
        return;
    char *path = pair ? conf_path(&pair->value_pos, pair->value) : tandem_rules_file();
    struct conf *file = text ? conf_read_text("rules", text, strlen(text)) : conf_read(path);
    setup->text_files = mem_grow(setup->text_files,
                                 (setup->n_text_files + 1) * sizeof(struct conf *));
    setup->text_files[setup->n_text_files++] = file;
    const struct conf_section *sections = conf_sections(file, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sections[i].kind, "rule") != 0)
            conf_error(file, &sections[i].pos, "here is no [%s]: write [rule NAME]",
                       sections[i].kind);
        else if (check_section(file, &sections[i]) == 0 &&
                 !has_rule(setup, sections[i].name, own))
            read_rule(setup, file, &sections[i]);
    }
    free(path);
}

static void read_human(struct setup *setup, struct conf *file, const struct conf_section *section)
{
    setup->humans = mem_grow(setup->humans, (setup->n_humans + 1) * sizeof *setup->humans);
    struct human *human = &setup->humans[setup->n_humans++];
    *human = (struct human){ .file = file, .section = section };
    read_plain(setup, file, section, &human->conf);
}

static char **list_paths(const char *const *list, const struct conf_pair *pair)
{
    size_t n = 0;

    while (list[n])
        n++;
    char **paths = mem_array(n + 1, sizeof *paths);
    for (size_t i = 0; i < n; i++)
        paths[i] = conf_path(&pair->value_pos, list[i]);
    return paths;
}

/* They go into a header as they are. */
static void check_frames(struct setup *setup, const struct conf_section *section)
{
    static const char of_origin[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "-._~:[]*";
    const struct conf_pair *pair = conf_get(section, "frames");

    for (const char *const *one = setup->tandem.frames; pair && one && *one; one++) {
        const char *host = strstr(*one, "://");
        const int is_web = strncmp(*one, "https://", 8) == 0 || strncmp(*one, "http://", 7) == 0;

        if (!is_web || host[3] == '\0' || host[3 + strspn(host + 3, of_origin)] != '\0')
            conf_error(setup->conf, &pair->value_pos,
                       "'%s' is not an origin: write https://HOST or https://HOST:PORT", *one);
    }
}

static void check_tandem(struct setup *setup, const struct conf_section *section)
{
    static const char *const stores[] = { "sqlite:", "memory:" };
    struct conf *conf = setup->conf;
    const struct conf_pair *pair;
    size_t i = 0;

    while (i < 2 && strncmp(setup->tandem.store, stores[i], strlen(stores[i])) != 0)
        i++;
    if (i == 2 && (pair = conf_get(section, "store")))
        conf_error(conf, &pair->value_pos, "'%s' is not a store: use sqlite:PATH or memory:",
                   pair->value);
    struct err err;
    if (web_check_listen(setup->tandem.listen, &err) < 0 && (pair = conf_get(section, "listen")))
        conf_error(conf, &pair->value_pos, "%s", err.text);
    if (web_check_proxies(setup->tandem.trusted_proxies, &err) < 0 &&
        (pair = conf_get(section, "trusted_proxies")))
        conf_error(conf, &pair->value_pos, "%s", err.text);
    check_frames(setup, section);
    if (setup->tandem.tls_cert && !setup->tandem.tls_key) {
        pair = conf_get(section, "tls_cert");
        conf_error(conf, &pair->key_pos, "tls_cert needs tls_key beside it");
    } else if (setup->tandem.tls_key && !setup->tandem.tls_cert) {
        pair = conf_get(section, "tls_key");
        conf_error(conf, &pair->key_pos, "tls_key needs tls_cert beside it");
    }
    filing_check(setup, section);
}

static void read_tandem(struct setup *setup)
{
    const struct conf_section *section = conf_find(setup->conf, "tandem", "");
    const struct schema schema = { .keys = tandem_keys, .key_size = sizeof *tandem_keys,
                                   .target = &setup->tandem };

    const unsigned errors = schema_fill(setup->conf, section, "[tandem]", &schema, 1,
                                        setup->values);
    setup->store = tandem_store_url(setup->conf);
    setup->control = tandem_control_path(setup->conf);
    setup->files = tandem_files_dir(setup->conf);
    if (section && errors == 0)
        check_tandem(setup, section);

    const struct conf_pair *dirs = section ? conf_get(section, "plugin_dir") : NULL;
    setup->plugin_dirs = dirs && setup->tandem.plugin_dir
                             ? list_paths(setup->tandem.plugin_dir, dirs)
                             : tandem_plugin_dirs();
    setup->data_dir = setup->tandem.data_dir ? mem_strdup(setup->tandem.data_dir)
                                             : tandem_data_dir();
    setup->tandem.store = setup->store;
    setup->tandem.control = setup->control;
    setup->tandem.files = setup->files;
    setup->tandem.data_dir = setup->data_dir;
    setup->tandem.plugin_dir = (const char *const *)setup->plugin_dirs;
}

/* 0, or -1 with the reason reported: a kind that is not known, a name that is missing or odd. */
static int check_section(struct conf *file, const struct conf_section *section)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t n = 0;

    while (section_kinds[n])
        n++;
    if (!section_keys(section->kind)) {
        conf_error(file, &section->pos, "unknown section [%s]%s", section->kind,
                   setup_hint(section->kind, section_kinds, n));
        return -1;
    }
    const int is_tandem = strcmp(section->kind, "tandem") == 0;
    if (is_tandem && *section->name) {
        conf_error(file, &section->pos, "[tandem] has no name: write [tandem]");
        return -1;
    }
    if (!is_tandem && !*section->name) {
        conf_error(file, &section->pos, "[%s] needs a name: write [%s NAME]", section->kind,
                   section->kind);
        return -1;
    }
    const size_t good = strspn(section->name, letters);
    if (section->name[good] || good > MAX_NAME) {
        conf_error(file, &section->pos,
                   "'%.80s' is not a name: up to %d letters, digits, '-' and '_'", section->name,
                   MAX_NAME);
        return -1;
    }
    return 0;
}

static void read_sections(struct setup *setup, struct conf *file, struct loader *loader)
{
    size_t n;
    const struct conf_section *sections = conf_sections(file, &n);

    for (size_t i = 0; i < n; i++) {
        const struct conf_section *section = &sections[i];
        if (check_section(file, section) != 0)
            continue;
        if (strcmp(section->kind, "route") == 0)
            read_route(setup, file, section);
        else if (strcmp(section->kind, "queue") == 0)
            read_queue(setup, file, section);
        else if (strcmp(section->kind, "human") == 0)
            read_human(setup, file, section);
        else if (strcmp(section->kind, "rule") == 0)
            read_rule(setup, file, section);
        else if (strcmp(section->kind, "tandem") != 0)
            read_instance(setup, file, section, loader);
    }
}

static struct loader *make_loader(char *const *dirs)
{
    struct loader *loader = loader_new(dirs[0] ? dirs[0] : TANDEM_PLUGIN_DIR);

    for (size_t i = 1; dirs[0] && dirs[i]; i++)
        loader_add(loader, dirs[i]);
    return loader;
}

struct setup *setup_read(const char *path, struct loader **loader)
{
    return setup_read_with(path, loader, NULL);
}

struct setup *setup_read_with(const char *path, struct loader **loader, const char *rules)
{
    struct setup *setup = mem_alloc(sizeof *setup);

    setup->path = mem_strdup(path);
    setup->conf = conf_read(path);
    setup->values = schema_values_new();
    read_tandem(setup);
    if (!*loader)
        *loader = make_loader(setup->plugin_dirs);
    read_sections(setup, setup->conf, *loader);
    if (setup->n_instances == 0 && setup_errors(setup) == 0) {
        setup->builtin = conf_read_text("built-in", builtin_text, strlen(builtin_text));
        read_sections(setup, setup->builtin, *loader);
    }
    read_rules(setup, rules);
    setup->policy = policy_build(setup);
    return setup;
}

unsigned setup_errors(const struct setup *setup)
{
    unsigned errors = conf_errors(setup->conf);

    if (setup->builtin)
        errors += conf_errors(setup->builtin);
    for (size_t i = 0; i < setup->n_text_files; i++)
        errors += conf_errors(setup->text_files[i]);
    return errors;
}

char *setup_report(const struct setup *setup, const char *outcome)
{
    if (setup->builtin && conf_errors(setup->builtin) > 0)
        return conf_report(setup->builtin, outcome);
    for (size_t i = 0; conf_errors(setup->conf) == 0 && i < setup->n_text_files; i++) {
        if (conf_errors(setup->text_files[i]) > 0)
            return conf_report(setup->text_files[i], outcome);
    }
    return conf_report(setup->conf, outcome);
}

static void instance_free(struct instance **instance_p)
{
    struct instance *instance = *instance_p;

    *instance_p = NULL;
    if (!instance)
        return;
    schema_values_free(&instance->values);
    free(instance->isolated);
    free(instance->conf);
    free(instance->name);
    free(instance);
}

void setup_free(struct setup **setup_p)
{
    struct setup *setup = *setup_p;

    *setup_p = NULL;
    if (!setup)
        return;
    if (setup->policy)
        policy_free(setup->policy);
    for (size_t i = 0; i < setup->n_instances; i++)
        instance_free(&setup->instances[i]);
    for (size_t i = 0; setup->plugin_dirs[i]; i++)
        free(setup->plugin_dirs[i]);
    free(setup->plugin_dirs);
    free(setup->data_dir);
    free(setup->instances);
    free(setup->routes);
    free(setup->queues);
    free(setup->humans);
    free(setup->rules);
    free(setup->store);
    free(setup->control);
    free(setup->files);
    schema_values_free(&setup->values);
    conf_free(&setup->builtin);
    for (size_t i = 0; i < setup->n_text_files; i++)
        conf_free(&setup->text_files[i]);
    free(setup->text_files);
    conf_free(&setup->conf);
    free(setup->path);
    free(setup);
}

struct instance *setup_find(const struct setup *setup, enum td_kind kind, const char *name)
{
    for (size_t i = 0; i < setup->n_instances; i++) {
        struct instance *instance = setup->instances[i];
        if (instance && instance->kind == kind && strcmp(instance->name, name) == 0)
            return instance;
    }
    return NULL;
}

static void print_plain(const struct conf_section *section, const void *target, struct buf *out)
{
    const struct schema schema = { .keys = section_keys(section->kind),
                                   .key_size = sizeof(struct td_conf_key),
                                   .target = (void *)target };

    buf_printf(out, "\n[%s %s]\n", section->kind, section->name);
    schema_print(&schema, out);
}

void setup_print_sections(const struct setup *setup, struct buf *out)
{
    for (size_t i = 0; i < setup->n_instances; i++) {
        const struct instance *instance = setup->instances[i];
        struct schema schemas[3];

        instance_schemas(instance, schemas);
        buf_printf(out, "\n[%s %s]\n", kind_name(instance->kind), instance->name);
        for (size_t k = 0; k < 3; k++) {
            if (schemas[k].keys)
                schema_print(&schemas[k], out);
        }
    }
    for (size_t i = 0; i < setup->n_queues; i++)
        print_plain(setup->queues[i].section, &setup->queues[i].conf, out);
    for (size_t i = 0; i < setup->n_humans; i++)
        print_plain(setup->humans[i].section, &setup->humans[i].conf, out);
    for (size_t i = 0; i < setup->n_routes; i++)
        print_plain(setup->routes[i].section, &setup->routes[i].conf, out);
    for (size_t i = 0; i < setup->n_rules; i++)
        print_plain(setup->rules[i].section, &setup->rules[i].conf, out);
}

void setup_print(const struct setup *setup, struct buf *out)
{
    const struct schema schema = { .keys = tandem_keys, .key_size = sizeof *tandem_keys,
                                   .target = (void *)&setup->tandem };

    buf_str(out, "[tandem]\n");
    schema_print(&schema, out);
    setup_print_sections(setup, out);
}
