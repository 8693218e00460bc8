/* about.c - descriptors and conf values as data. */
#include "config.h"

#include "ipc/about.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

#define MAX_KEYS 256

/* Of each kind: bytes of the ops, and how many pointers stand in them after their size. */
static const struct {
    size_t size, n;
} kinds[] = {
    [TD_CHANNEL] = { sizeof(struct td_channel_ops), 9 },
    [TD_AGENT] = { sizeof(struct td_agent_ops), 7 },
    [TD_DESK] = { sizeof(struct td_desk_ops), 10 },
};

static size_t op_at(size_t i)
{
    return offsetof(struct td_channel_ops, open) + i * sizeof(void *);
}

static const struct td_conf_key *key_at(const struct td_plugin *plugin, size_t i)
{
    return (const void *)((const char *)plugin->conf_keys + i * plugin->conf_key_size);
}

static size_t count_keys(const struct td_plugin *plugin)
{
    size_t n = 0;

    while (plugin->conf_keys != NULL && n < MAX_KEYS && key_at(plugin, n)->name != NULL)
        n++;
    return n;
}

/* ---- The descriptor ----------------------------------------------------------------------- */

static uint64_t ops_of(const struct td_plugin *plugin)
{
    uint32_t size;
    uint64_t bits = 0;

    memcpy(&size, plugin->ops, sizeof size);
    for (size_t i = 0; i < kinds[plugin->kind].n; i++) {
        const void *op;

        if (op_at(i) + sizeof op > size)
            break;
        memcpy(&op, (const char *)plugin->ops + op_at(i), sizeof op);
        bits |= op != NULL ? UINT64_C(1) << i : 0;
    }
    return bits;
}

const struct ipc_about *about_of(const struct td_plugin *plugin, struct arena *arena)
{
    const size_t n = count_keys(plugin);
    const struct ipc_key **keys = arena_array(arena, n + 1, sizeof *keys);
    struct ipc_about *about = arena_alloc(arena, sizeof *about);
    const struct td_desk_ops *desk = plugin->ops;

    for (size_t i = 0; i < n; i++) {
        const struct td_conf_key *from = key_at(plugin, i);
        struct ipc_key *key = arena_alloc(arena, sizeof *key);

        *key = (struct ipc_key){ .size = sizeof *key, .name = from->name, .def = from->def,
                                 .help = from->help, .type = from->type, .offset = from->offset,
                                 .flags = from->flags, .min = from->min, .max = from->max,
                                 .choices = from->choices };
        keys[i] = key;
    }
    *about = (struct ipc_about){
        .size = sizeof *about, .build = PACKAGE_VERSION, .abi_major = plugin->abi_major,
        .abi_minor = plugin->abi_minor, .kind = plugin->kind, .name = plugin->name,
        .version = plugin->version, .caps = plugin->caps, .ops = ops_of(plugin),
        .conf_size = plugin->conf_size, .keys = keys, .n_keys = n,
        .limits = plugin->kind == TD_DESK && TD_HAS(desk, limits) ? desk->limits : NULL,
    };
    return about;
}

static const char *const *copy_list(const char *const *from, struct arena *arena)
{
    const char **to;
    size_t n = 0;

    if (from == NULL)
        return NULL;
    while (from[n] != NULL)
        n++;
    to = arena_array(arena, n + 1, sizeof *to);
    for (size_t i = 0; i < n; i++)
        to[i] = arena_strdup(arena, from[i]);
    return to;
}

static const void *make_ops(const struct ipc_about *about, const void *full, struct arena *arena)
{
    char *ops = arena_dup(arena, full, kinds[about->kind].size);

    for (size_t i = 0; i < kinds[about->kind].n; i++) {
        if ((about->ops >> i & 1) == 0)
            memset(ops + op_at(i), 0, sizeof(void *));
    }
    if (about->kind == TD_DESK && about->limits != NULL) {
        struct td_desk_ops *desk = (void *)ops;

        desk->limits = arena_dup(arena, about->limits, sizeof *about->limits);
    }
    return ops;
}

struct td_plugin *about_plugin(const struct ipc_about *about, const void *full,
                               struct arena *arena)
{
    struct td_plugin *plugin = arena_alloc(arena, sizeof *plugin);
    struct td_conf_key *keys = arena_array(arena, about->n_keys + 1, sizeof *keys);

    if (about->kind < TD_CHANNEL || about->n_keys > MAX_KEYS || about->name == NULL ||
        about->version == NULL || about->conf_size > ABOUT_MAX_CONF)
        return NULL;
    for (size_t i = 0; i < about->n_keys; i++) {
        const struct ipc_key *from = about->keys[i];

        if (from == NULL || from->name == NULL)
            return NULL;
        keys[i] = (struct td_conf_key){
            .name = arena_strdup(arena, from->name), .type = (enum td_conf_type)from->type,
            .offset = (size_t)from->offset, .flags = from->flags,
            .def = arena_strdup(arena, from->def), .min = from->min, .max = from->max,
            .choices = copy_list(from->choices, arena), .help = arena_strdup(arena, from->help),
        };
    }
    *plugin = (struct td_plugin){
        .size = sizeof *plugin, .abi_major = (uint16_t)about->abi_major,
        .abi_minor = (uint16_t)about->abi_minor, .kind = (enum td_kind)about->kind,
        .name = arena_strdup(arena, about->name), .version = arena_strdup(arena, about->version),
        .caps = about->caps, .ops = make_ops(about, full, arena),
        .conf_size = (size_t)about->conf_size, .conf_keys = keys, .conf_key_size = sizeof *keys,
    };
    return plugin;
}

void about_bytes(const struct ipc_about *about, struct buf *out)
{
    const char *flaw;

    ipc_encode(out, ipc_rows[IPC_ABOUT].type, about, &flaw);
}

/* ---- Conf values -------------------------------------------------------------------------- */

static void get_value(const struct td_conf_key *key, const void *conf, struct ipc_value *value)
{
    const void *field = (const char *)conf + key->offset;
    struct td_rate rate;
    int number;

    switch (key->type) {
    case TD_TYPE_STRING:
    case TD_TYPE_SECRET:
        memcpy(&value->text, field, sizeof value->text);
        break;
    case TD_TYPE_LIST:
        memcpy(&value->list, field, sizeof value->list);
        break;
    case TD_TYPE_BOOL:
    case TD_TYPE_ENUM:
        memcpy(&number, field, sizeof number);
        value->number = number;
        break;
    case TD_TYPE_RATE:
        memcpy(&rate, field, sizeof rate);
        value->number = rate.count;
        value->per_ms = rate.per_ms;
        break;
    case TD_TYPE_INT:
    case TD_TYPE_DURATION:
    case TD_TYPE_SIZE:
        memcpy(&value->number, field, sizeof value->number);
        break;
    }
}

const struct ipc_open *about_open(const struct td_plugin *plugin, const char *name,
                                  const void *conf, struct arena *arena)
{
    const size_t n = conf != NULL ? count_keys(plugin) : 0;
    const struct ipc_value **values = arena_array(arena, n + 1, sizeof *values);
    struct ipc_open *open = arena_alloc(arena, sizeof *open);

    for (size_t i = 0; i < n; i++) {
        struct ipc_value *value = arena_alloc(arena, sizeof *value);

        value->size = sizeof *value;
        get_value(key_at(plugin, i), conf, value);
        values[i] = value;
    }
    *open = (struct ipc_open){ .size = sizeof *open, .name = name, .values = values,
                               .n_values = n };
    return open;
}

static void set_value(const struct td_conf_key *key, void *conf, const struct ipc_value *value,
                      struct arena *arena)
{
    static const char *const nothing[] = { NULL };
    void *field = (char *)conf + key->offset;
    const struct td_rate rate = { value->number, value->per_ms };
    const int number = (int)value->number;
    const char *text = arena_strdup(arena, value->text);
    const char *const *list = value->list != NULL ? copy_list(value->list, arena) : nothing;

    switch (key->type) {
    case TD_TYPE_STRING:
    case TD_TYPE_SECRET:
        memcpy(field, &text, sizeof text);
        break;
    case TD_TYPE_LIST:
        memcpy(field, &list, sizeof list);
        break;
    case TD_TYPE_BOOL:
    case TD_TYPE_ENUM:
        memcpy(field, &number, sizeof number);
        break;
    case TD_TYPE_RATE:
        memcpy(field, &rate, sizeof rate);
        break;
    case TD_TYPE_INT:
    case TD_TYPE_DURATION:
    case TD_TYPE_SIZE:
        memcpy(field, &value->number, sizeof value->number);
        break;
    }
}

const void *about_conf(const struct td_plugin *plugin, const struct ipc_open *open,
                       struct arena *arena)
{
    void *conf = arena_alloc(arena, plugin->conf_size + 1);

    if (open->n_values != count_keys(plugin))
        return NULL;
    for (size_t i = 0; i < open->n_values; i++) {
        if (open->values[i] == NULL)
            return NULL;
        set_value(key_at(plugin, i), conf, open->values[i], arena);
    }
    return conf;
}
