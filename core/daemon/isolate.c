/* isolate.c - instances whose plugin runs in a process of its own. */
#include "config.h"

#include "daemon/isolate.h"

#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/mem.h"
#include "config/conf.h"
#include "daemon/setup.h"
#include "gate/gate.h"
#include "ipc/proxy.h"
#include "plug/loader.h"

struct isolated {
    struct proxy_conf conf;
    struct proxy_state state;
    struct gate *gate;
    enum td_kind kind;
    const char *name; /* of the instance */
};

int isolate_is_on(const struct conf_section *section)
{
    const struct conf_pair *pair = conf_get(section, "isolate");

    return pair && (strcmp(pair->value, "yes") == 0 || strcmp(pair->value, "true") == 0 ||
                    strcmp(pair->value, "on") == 0);
}

static const struct td_plugin *describe(void *arg, enum td_kind kind, const char *type,
                                        const char *dir, struct err *err)
{
    char *program = tandem_plugin_host();
    const struct td_plugin *plugin = proxy_describe(program, kind, type, dir, err);

    (void)arg;
    free(program);
    return plugin;
}

static void forget(void *arg, const struct td_plugin *plugin)
{
    struct td_plugin *ours = (struct td_plugin *)plugin;

    (void)arg;
    proxy_free(&ours);
}

const struct td_plugin *isolate_get(struct loader *loader, enum td_kind kind, const char *type,
                                    struct err *err)
{
    static const struct loader_describer by = { .describe = describe, .forget = forget };

    return loader_get_apart(loader, kind, type, &by, err);
}

static void lost(void *arg, const char *why, int64_t pause_ms)
{
    const struct isolated *isolated = arg;

    gate_instance_restart(isolated->gate, isolated->kind, isolated->name, why, pause_ms);
}

struct isolated *isolate_new(const struct instance *instance)
{
    struct isolated *isolated = mem_alloc(sizeof *isolated);

    isolated->kind = instance->kind;
    isolated->name = instance->name;
    isolated->conf = (struct proxy_conf){
        .plugin = instance->plugin,
        .conf = instance->conf,
        .memory = instance->isolate.isolate_memory,
        .hang_ms = instance->isolate.isolate_hang,
        .pause_ms = instance->isolate.isolate_restart,
        .max_pause_ms = instance->isolate.isolate_restart_max,
        .state = &isolated->state,
        .lost = lost,
        .arg = isolated,
    };
    return isolated;
}

const void *isolate_conf_of(struct isolated *isolated, struct gate *gate)
{
    isolated->gate = gate;
    return &isolated->conf;
}

void isolate_json(const struct instance *instance, struct td_json *out)
{
    const struct isolated *isolated = instance->isolated;

    td_json_object(out);
    td_json_key_str(out, "instance", instance->name);
    td_json_key_str(out, "kind", kind_name(instance->kind));
    td_json_key_str(out, "type", instance->plugin->name);
    td_json_key_int(out, "pid", isolated->state.pid);
    td_json_key_int(out, "restarts", (int64_t)isolated->state.losses);
    td_json_object_end(out);
}
