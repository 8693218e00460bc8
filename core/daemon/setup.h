/*
 * setup.h - a whole conf, read and checked: instances, policy, the core's own settings.
 *
 * Layer: daemon. Reading opens no port, no store and no instance, so that -t, the start and a
 * reload all do the same. Loop thread only.
 */
#ifndef DAEMON_SETUP_H
#define DAEMON_SETUP_H

#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>

#include "base/crypt.h"
#include "daemon/conf_tandem.h"

struct buf;
struct conf;
struct conf_pair;
struct conf_section;
struct err;
struct isolated;
struct loader;
struct policy;
struct schema_values;

/* A section [channel X], [agent X] or [desk X]. It owns what the open plugin reads; at a reload an instance
 * that did not change moves to the new setup, without its section and the core's keys. */
struct instance {
    enum td_kind kind;
    char *name;
    const struct td_plugin *plugin;
    void *conf; /* of the plugin; NULL: it has no keys */
    struct schema_values *values;
    struct channel_conf channel; /* by kind */
    struct agent_conf agent;
    struct desk_conf desk;
    struct isolate_conf isolate;
    struct isolated *isolated; /* NULL: the plugin runs in the daemon */
    uint8_t digest[CRYPT_HASH]; /* of all that only a new open() can change */
    struct conf *file; /* borrowed, as section: for messages while the setup is read */
    const struct conf_section *section;
};

struct route {
    struct conf *file;
    const struct conf_section *section;
    struct route_conf conf;
};

struct queue {
    struct conf *file;
    const struct conf_section *section;
    struct queue_conf conf;
};

struct rule {
    struct conf *file;
    const struct conf_section *section;
    struct rule_conf conf;
};

struct human {
    struct conf *file;
    const struct conf_section *section;
    struct human_conf conf;
};

struct setup {
    char *path;
    struct conf *conf;
    struct conf *builtin; /* what stands in for a conf without channels and agents; or NULL */
    struct conf **text_files; /* the catalogue's and the rules', for what is wrong in them */
    size_t n_text_files;
    struct schema_values *values;
    struct tandem_conf tandem; /* paths in it are the ones below */
    char *store, *control, *files, *data_dir;
    char **plugin_dirs; /* NULL-terminated */
    struct instance **instances; /* in the order of the file */
    size_t n_instances;
    struct route *routes;
    size_t n_routes;
    struct queue *queues;
    size_t n_queues;
    struct human *humans;
    size_t n_humans;
    struct rule *rules; /* of the conf, then of those installed */
    size_t n_rules;
    char desk_token[2 * CRYPT_HASH + 1]; /* of the built-in conf's human, once it is made */
    const struct policy *policy; /* NULL when there were errors, or once it was handed on */
};

/* Never NULL; setup_errors() says whether it is good. *loader: NULL makes one from the conf;
 * a loader that is there is used as it is. */
struct setup *setup_read(const char *path, struct loader **loader);
/* The same with this text in place of the rules that are installed or that the conf names. */
struct setup *setup_read_with(const char *path, struct loader **loader, const char *rules);
void setup_free(struct setup **setup);

unsigned setup_errors(const struct setup *setup);
/* All that is wrong with it, or an empty string; ends in `outcome`. Caller frees. */
char *setup_report(const struct setup *setup, const char *outcome);

/* The effective conf as text, secrets masked; and of it that which is not [tandem]. */
void setup_print(const struct setup *setup, struct buf *out);
void setup_print_sections(const struct setup *setup, struct buf *out);

struct instance *setup_find(const struct setup *setup, enum td_kind kind, const char *name);
const char *kind_name(enum td_kind kind);

/* The value of a filled field as text, to compare values; secrets stand in it. */
void setup_value(const struct td_conf_key *key, const void *target, struct buf *out);

/* Reports at `pair`, `offset` bytes into its value. */
void setup_error_at(struct conf *file, const struct conf_pair *pair, size_t offset,
                    const char *sentence);

/* "; did you mean 'x'?" or "". Borrowed until the next call. */
const char *setup_hint(const char *word, const char *const *words, size_t n);

#endif
