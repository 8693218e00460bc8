/* loader.c - opens plugin files and judges what they say of themselves. */
#include "config.h"

#include "plug/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define MAX_NAME 64
#define MAX_KEYS 256
#define MAX_STRUCT 65536 /* a size above it is not a size but garbage */

struct entry {
    struct entry *next;
    char *file; /* without the directory */
    void *handle;
    const struct td_plugin *plugin;
};

/* One that runs in another process. */
struct apart {
    struct apart *next;
    char *path;
    struct stat stat;
    const struct td_plugin *plugin;
    struct loader_describer by;
};

struct loader {
    char **dirs;
    size_t n_dirs;
    struct entry *entries;
    struct apart *aparts; /* newest first */
};

static const char *const prefixes[] = {
    [TD_CHANNEL] = "",
    [TD_AGENT] = "agent_",
    [TD_DESK] = "desk_",
};

static const char *kind_name(unsigned kind)
{
    static const char *const names[] = { [TD_CHANNEL] = "channel", [TD_AGENT] = "agent",
                                         [TD_DESK] = "desk" };

    return kind >= TD_CHANNEL && kind <= TD_DESK ? names[kind] : "unknown";
}

static int is_name(const char *s)
{
    return *s >= 'a' && *s <= 'z' && strlen(s) <= MAX_NAME &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* The type that a file offers and, by its prefix, the kind. */
static enum td_kind split_file(const char *file, char type_r[MAX_NAME + 1])
{
    enum td_kind kind = TD_CHANNEL;

    for (enum td_kind k = TD_AGENT; k <= TD_DESK; k++) {
        if (strncmp(file, prefixes[k], strlen(prefixes[k])) == 0)
            kind = k;
    }
    file += strlen(prefixes[kind]);
    snprintf(type_r, MAX_NAME + 1, "%.*s", (int)(strlen(file) - strlen(".so")), file);
    return kind;
}

static int is_plugin_file(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);

    return len > 3 && len <= MAX_NAME && strcmp(entry->d_name + len - 3, ".so") == 0;
}

struct loader *loader_new(const char *dir)
{
    struct loader *loader = mem_alloc(sizeof *loader);

    loader_add(loader, dir);
    return loader;
}

void loader_add(struct loader *loader, const char *dir)
{
    loader->dirs = mem_grow(loader->dirs, (loader->n_dirs + 1) * sizeof *loader->dirs);
    loader->dirs[loader->n_dirs++] = mem_strdup(dir);
}

void loader_free(struct loader **loader)
{
    if (*loader == NULL)
        return;
    while ((*loader)->entries != NULL) {
        struct entry *entry = (*loader)->entries;

        (*loader)->entries = entry->next;
        dlclose(entry->handle);
        free(entry->file);
        free(entry);
    }
    while ((*loader)->aparts != NULL) {
        struct apart *apart = (*loader)->aparts;

        (*loader)->aparts = apart->next;
        apart->by.forget(apart->by.arg, apart->plugin);
        free(apart->path);
        free(apart);
    }
    for (size_t i = 0; i < (*loader)->n_dirs; i++)
        free((*loader)->dirs[i]);
    free((*loader)->dirs);
    free(*loader);
    *loader = NULL;
}

/* ---- Judging: nothing of the plugin runs here --------------------------------------------- */

/* Bytes and alignment of the field that a key of this type fills; 0: unknown type. */
static size_t field_size(unsigned type, size_t *align_r)
{
    switch (type) {
    case TD_TYPE_STRING:
    case TD_TYPE_SECRET:
        *align_r = alignof(const char *);
        return sizeof(const char *);
    case TD_TYPE_LIST:
        *align_r = alignof(const char *const *);
        return sizeof(const char *const *);
    case TD_TYPE_INT:
    case TD_TYPE_DURATION:
    case TD_TYPE_SIZE:
        *align_r = alignof(int64_t);
        return sizeof(int64_t);
    case TD_TYPE_RATE:
        *align_r = alignof(struct td_rate);
        return sizeof(struct td_rate);
    case TD_TYPE_BOOL:
    case TD_TYPE_ENUM:
        *align_r = alignof(int);
        return sizeof(int);
    }
    return 0;
}

static int judge_key(const struct td_plugin *plugin, const struct td_conf_key *key, struct err *err)
{
    size_t align = 1, size;

    if (!is_name(key->name))
        return err_set(err, "its option '%.64s' is not a name of a-z, 0-9 and _, at most %d long",
                       key->name, MAX_NAME);
    size = field_size(key->type, &align);
    if (size == 0)
        return err_set(err, "its option '%s' has type %u, which is not one", key->name,
                       (unsigned)key->type);
    if (key->offset % align != 0 || key->offset > plugin->conf_size ||
        size > plugin->conf_size - key->offset)
        return err_set(err, "its option '%s' does not lie in its conf struct (offset %zu, %zu "
                       "bytes of %zu)", key->name, key->offset, size, plugin->conf_size);
    if (key->type == TD_TYPE_ENUM && (key->choices == NULL || key->choices[0] == NULL))
        return err_set(err, "its option '%s' is a choice without choices", key->name);
    if (key->min > key->max)
        return err_set(err, "its option '%s' has a minimum above its maximum", key->name);
    if (key->help == NULL || key->help[0] == '\0')
        return err_set(err, "its option '%s' has no help sentence", key->name);
    return 0;
}

static const struct td_conf_key *key_at(const struct td_plugin *plugin, size_t i)
{
    return (const void *)((const char *)plugin->conf_keys + i * plugin->conf_key_size);
}

static int judge_keys(const struct td_plugin *plugin, struct err *err)
{
    size_t n = 0;

    if (plugin->conf_size > MAX_STRUCT)
        return err_set(err, "its conf struct of %zu bytes is larger than %d", plugin->conf_size,
                       MAX_STRUCT);
    if (plugin->conf_keys == NULL)
        return 0;
    if (plugin->conf_key_size < sizeof(struct td_conf_key) || plugin->conf_key_size > MAX_STRUCT ||
        plugin->conf_key_size % alignof(struct td_conf_key) != 0)
        return err_set(err, "its option table has rows of %u bytes where this daemon expects %zu "
                       "or more: build it with TD_PLUGIN_DEFINE", (unsigned)plugin->conf_key_size,
                       sizeof(struct td_conf_key));
    for (; key_at(plugin, n)->name != NULL; n++) {
        if (n == MAX_KEYS)
            return err_set(err, "its option table does not end within %d rows: put TD_CONF_END "
                           "last", MAX_KEYS);
        if (judge_key(plugin, key_at(plugin, n), err) != 0)
            return -1;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(key_at(plugin, i)->name, key_at(plugin, n)->name) == 0)
                return err_set(err, "its option '%s' stands in the table twice",
                               key_at(plugin, n)->name);
        }
    }
    return 0;
}

/* The op that a kind cannot do without and does not have; NULL: all are there. */
static const char *lacking_channel(const struct td_channel_ops *ops, uint64_t caps)
{
    return ops->open == NULL       ? "open"
           : ops->send == NULL     ? "send"
           : ops->accepted == NULL ? "accepted"
           : ops->close == NULL    ? "close"
           : ops->attached == NULL && (caps & TD_CAN_REPLAY) ? "attached"
                                                             : NULL;
}

static const char *lacking_agent(const struct td_agent_ops *ops)
{
    return ops->open == NULL     ? "open"
           : ops->ask == NULL    ? "ask"
           : ops->cancel == NULL ? "cancel"
           : ops->close == NULL  ? "close"
                                 : NULL;
}

static const char *lacking_desk(const struct td_desk_ops *ops)
{
    return ops->open == NULL      ? "open"
           : ops->offer == NULL   ? "offer"
           : ops->relay == NULL   ? "relay"
           : ops->release == NULL ? "release"
           : ops->done == NULL    ? "done"
           : ops->close == NULL   ? "close"
                                  : NULL;
}

static int judge_ops(const struct td_plugin *plugin, struct err *err)
{
    /* As the kind was when it came; what was appended later is asked for with TD_HAS(). */
    static const uint32_t needed[] = {
        [TD_CHANNEL] = offsetof(struct td_channel_ops, filed),
        [TD_AGENT] = offsetof(struct td_agent_ops, late),
        [TD_DESK] = sizeof(struct td_desk_ops),
    };
    const char *op;

    if (plugin->ops == NULL)
        return err_set(err, "it has no ops");
    uint32_t size = *(const uint32_t *)plugin->ops;
    if (size < needed[plugin->kind] || size > MAX_STRUCT)
        return err_set(err, "its ops are %u bytes where this daemon expects %u or more: set .size "
                       "to their sizeof", size, needed[plugin->kind]);
    op = plugin->kind == TD_CHANNEL ? lacking_channel(plugin->ops, plugin->caps)
         : plugin->kind == TD_AGENT ? lacking_agent(plugin->ops)
                                    : lacking_desk(plugin->ops);
    if (op != NULL)
        return err_set(err, "its %s ops lack %s(), which plugin.h requires",
                       kind_name(plugin->kind), op);
    return 0;
}

int loader_judge(const struct td_plugin *plugin, enum td_kind kind, const char *type,
                 struct err *err)
{
    if (plugin->size < sizeof *plugin || plugin->size > MAX_STRUCT)
        return err_set(err, "its descriptor is %u bytes where this daemon expects %zu or more: "
                       "build it with TD_PLUGIN_DEFINE", plugin->size, sizeof *plugin);
    if (plugin->abi_major != TD_ABI_MAJOR || plugin->abi_minor > TD_ABI_MINOR)
        return err_set(err, "it was built for plugin ABI %u.%u and this daemon offers %d.%d: "
                       "update tandemd, or build the plugin with this daemon's tandem/plugin.h",
                       plugin->abi_major, plugin->abi_minor, TD_ABI_MAJOR, TD_ABI_MINOR);
    if (plugin->kind < TD_CHANNEL || plugin->kind > TD_DESK)
        return err_set(err, "it says it is of kind %u, which this daemon does not know",
                       (unsigned)plugin->kind);
    if (plugin->kind != kind)
        return err_set(err, "it says it is of kind %s, not %s: put it into a [%s ..] section, and "
                       "call its file %s<name>.so", kind_name(plugin->kind), kind_name(kind),
                       kind_name(plugin->kind), prefixes[plugin->kind]);
    if (plugin->name == NULL || strcmp(plugin->name, type) != 0)
        return err_set(err, "it calls itself '%.64s': its file must be called %s%.64s.so",
                       plugin->name != NULL ? plugin->name : "", prefixes[kind],
                       plugin->name != NULL ? plugin->name : "<name>");
    if (plugin->version == NULL || plugin->version[0] == '\0')
        return err_set(err, "it does not say its version: set .version");
    return judge_ops(plugin, err) != 0 ? -1 : judge_keys(plugin, err);
}

/* ---- Opening ------------------------------------------------------------------------------ */

static const struct td_plugin *find_descriptor(void *handle, struct err *err)
{
    const struct td_plugin *plugin = dlsym(handle, TD_PLUGIN_SYMBOL);
    char symbol[sizeof TD_PLUGIN_SYMBOL];

    if (plugin != NULL)
        return plugin;
    for (int major = 1; major <= 9; major++) {
        snprintf(symbol, sizeof symbol, "td_plugin_%d", major);
        if (dlsym(handle, symbol) != NULL) {
            err_set(err, "it was built for plugin ABI %d and this daemon offers %d.%d: install the "
                    "build of the plugin for this version of tandemd", major, TD_ABI_MAJOR,
                    TD_ABI_MINOR);
            return NULL;
        }
    }
    err_set(err, "it exports no " TD_PLUGIN_SYMBOL ": it is not a Tandem plugin, or it lacks "
                 "TD_PLUGIN_DEFINE");
    return NULL;
}

/* Names the types that could have been meant. */
static void not_there(const struct loader *loader, enum td_kind kind, struct err *err)
{
    struct buf list = { 0 };
    char type[MAX_NAME + 1];

    for (size_t d = 0; d < loader->n_dirs; d++) {
        struct dirent **files = NULL;
        int n = scandir(loader->dirs[d], &files, is_plugin_file, alphasort);

        if (n < 0) {
            err_set(err, "the plugin directory cannot be read: %s: install the plugins there, or "
                    "name theirs in plugin_dir", strerror(errno));
            buf_fini(&list);
            return;
        }
        for (int i = 0; i < n; i++) {
            if (split_file(files[i]->d_name, type) == kind)
                buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", type);
            free(files[i]);
        }
        free(files);
    }
    if (list.len > 0)
        err_set(err, "there is no such file: install it, or choose one of the %s types that are "
                "there: %s", kind_name(kind), list.data);
    else
        err_set(err, "there is no such file, nor any %s plugin: install them there, or name their "
                "directory in plugin_dir", kind_name(kind));
    buf_fini(&list);
}

/* The directory that has the file: an index, or n_dirs when none has. */
static size_t find_dir(const struct loader *loader, const char *file)
{
    size_t d = 0;

    for (; d < loader->n_dirs; d++) {
        char *path = mem_printf("%s/%s", loader->dirs[d], file);
        struct stat st;
        const int found = stat(path, &st) == 0 || errno != ENOENT;

        free(path);
        if (found)
            break;
    }
    return d;
}

static const struct td_plugin *load(struct loader *loader, enum td_kind kind, const char *type,
                                    const char *file, const char *path, struct err *err)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const struct td_plugin *plugin;
    struct entry *entry;

    if (handle == NULL) {
        const char *why = dlerror();
        err_set(err, "it cannot be loaded: %.300s; %s", why,
                strstr(why, "undefined symbol") != NULL
                    ? "is the header included that defines it, or the library named that has it?"
                    : "is it built for this machine, are its libraries installed?");
        return NULL;
    }
    plugin = find_descriptor(handle, err);
    if (plugin == NULL || loader_judge(plugin, kind, type, err) != 0) {
        dlclose(handle);
        return NULL;
    }
    entry = mem_alloc(sizeof *entry);
    *entry = (struct entry){ loader->entries, mem_strdup(file), handle, plugin };
    loader->entries = entry;
    return plugin;
}

const struct td_plugin *loader_get(struct loader *loader, enum td_kind kind, const char *type,
                                   struct err *err)
{
    const struct td_plugin *plugin = NULL;
    const struct entry *entry = loader->entries;
    char *file, *path;
    size_t dir;

    if (!is_name(type)) {
        err_set(err, "type '%.64s' is not a plugin's name: a-z, 0-9 and _, at most %d long", type,
                MAX_NAME);
        return NULL;
    }
    file = mem_printf("%s%s.so", prefixes[kind], type);
    dir = find_dir(loader, file);
    path = dir < loader->n_dirs || loader->n_dirs == 1
               ? mem_printf("%s/%s", loader->dirs[dir < loader->n_dirs ? dir : 0], file)
               : mem_strdup(file);
    while (entry != NULL && strcmp(entry->file, file) != 0)
        entry = entry->next;
    if (entry != NULL)
        plugin = loader_judge(entry->plugin, kind, type, err) == 0 ? entry->plugin : NULL;
    else if (dir == loader->n_dirs)
        not_there(loader, kind, err);
    else
        plugin = load(loader, kind, type, file, path, err);
    if (plugin == NULL)
        err_wrap(err, "plugin %s (%s)", type, path);
    free(path);
    free(file);
    return plugin;
}

/* ---- Apart -------------------------------------------------------------------------------- */

static int is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static const struct td_plugin *find_apart(const struct loader *loader, const char *path,
                                          const struct stat *st)
{
    const struct apart *apart = loader->aparts;

    while (apart != NULL && (strcmp(apart->path, path) != 0 || !is_same_file(&apart->stat, st)))
        apart = apart->next;
    return apart != NULL ? apart->plugin : NULL;
}

static const struct td_plugin *describe(struct loader *loader, enum td_kind kind, const char *type,
                                        const char *dir, const char *path, const struct stat *st,
                                        const struct loader_describer *by, struct err *err)
{
    const struct td_plugin *plugin = by->describe(by->arg, kind, type, dir, err);
    struct apart *apart;

    if (plugin == NULL)
        return NULL;
    if (loader_judge(plugin, kind, type, err) != 0) {
        by->forget(by->arg, plugin);
        err_wrap(err, "plugin %s (%s)", type, path);
        return NULL;
    }
    apart = mem_alloc(sizeof *apart);
    *apart = (struct apart){ loader->aparts, mem_strdup(path), *st, plugin, *by };
    loader->aparts = apart;
    return plugin;
}

const struct td_plugin *loader_get_apart(struct loader *loader, enum td_kind kind, const char *type,
                                         const struct loader_describer *by, struct err *err)
{
    const struct td_plugin *plugin = NULL;
    char *file, *path;
    struct stat st;
    size_t dir;

    if (!is_name(type)) {
        err_set(err, "type '%.64s' is not a plugin's name: a-z, 0-9 and _, at most %d long", type,
                MAX_NAME);
        return NULL;
    }
    file = mem_printf("%s%s.so", prefixes[kind], type);
    dir = find_dir(loader, file);
    path = mem_printf("%s/%s", loader->dirs[dir < loader->n_dirs ? dir : 0], file);
    if (dir == loader->n_dirs || stat(path, &st) != 0) {
        not_there(loader, kind, err);
        err_wrap(err, "plugin %s (%s)", type, path);
    } else {
        plugin = find_apart(loader, path, &st);
        if (plugin == NULL)
            plugin = describe(loader, kind, type, loader->dirs[dir], path, &st, by, err);
    }
    free(path);
    free(file);
    return plugin;
}

/* What runs apart is shown as it described itself, its file stays closed. */
static const struct td_plugin *shown_apart(const struct loader *loader, size_t dir,
                                           const char *file)
{
    char *path = mem_printf("%s/%s", loader->dirs[dir], file);
    const struct apart *apart = loader->aparts;

    while (apart != NULL && strcmp(apart->path, path) != 0)
        apart = apart->next;
    free(path);
    return apart != NULL ? apart->plugin : NULL;
}

static void each_in_dir(struct loader *loader, size_t dir, loader_each_fn *fn, void *arg)
{
    struct dirent **files = NULL;
    int n = scandir(loader->dirs[dir], &files, is_plugin_file, alphasort);

    for (int i = 0; i < n; i++) {
        struct err err = { "" };
        char type[MAX_NAME + 1];
        enum td_kind kind = split_file(files[i]->d_name, type);

        if (find_dir(loader, files[i]->d_name) == dir) { /* else an earlier one hides it */
            const struct td_plugin *plugin = shown_apart(loader, dir, files[i]->d_name);

            if (plugin == NULL)
                plugin = loader_get(loader, kind, type, &err);
            fn(arg, files[i]->d_name, plugin, err.text);
        }
        free(files[i]);
    }
    free(files);
}

void loader_each(struct loader *loader, loader_each_fn *fn, void *arg)
{
    for (size_t dir = 0; dir < loader->n_dirs; dir++)
        each_in_dir(loader, dir, fn, arg);
}
