/*
 * loader.h - finds, opens and judges plugin files.
 *
 * Layer: plug (may include base/ and the public tandem/plugin.h).
 * Knows dlopen and the ABI rules, nothing else: no conf, no instances, no loop.
 * Threads: loop thread only. Nothing is unloaded at run time (RTLD_NODELETE).
 *
 * A plugin is accepted when its file exports td_plugin_0, its major is ours, its minor not newer
 * than ours, its name that of its file, and every function its kind requires is there. All of that
 * is read as data; no op of the plugin has been called when loader_get() returns.
 */
#ifndef PLUG_LOADER_H
#define PLUG_LOADER_H

#include <tandem/plugin.h>

struct err;
struct loader;

struct loader *loader_new(const char *dir); /* where NAME.so is looked for; copied */
void loader_add(struct loader *loader, const char *dir); /* looked in when those before lack it */
void loader_free(struct loader **loader);

/* The plugin of this kind and conf type ("http" and TD_AGENT: agent_http.so), loaded on first use.
 * Borrowed, lives as long as the loader. NULL with a sentence that names the file and says what to
 * do; for a missing file it lists the types that are there. */
const struct td_plugin *loader_get(struct loader *loader, enum td_kind kind, const char *type,
                                   struct err *err);

/* Is this one fit for this daemon? 0, or -1 with the reason in err. */
int loader_judge(const struct td_plugin *plugin, enum td_kind kind, const char *type,
                 struct err *err);

/* The same of a plugin that is to run in another process: its file is not opened here. What stands
 * for it is made by the describer and kept until the loader goes; a file that has changed since is
 * described anew. */
struct loader_describer {
    const struct td_plugin *(*describe)(void *arg, enum td_kind kind, const char *type,
                                        const char *dir, struct err *err);
    void (*forget)(void *arg, const struct td_plugin *plugin);
    void *arg;
};
const struct td_plugin *loader_get_apart(struct loader *loader, enum td_kind kind, const char *type,
                                         const struct loader_describer *by, struct err *err);

/* Every plugin file of the directory, for --keys and `tandemctl plugins`; error: why it is unfit. */
typedef void loader_each_fn(void *arg, const char *file, const struct td_plugin *plugin,
                            const char *error);
void loader_each(struct loader *loader, loader_each_fn *fn, void *arg);

#endif
