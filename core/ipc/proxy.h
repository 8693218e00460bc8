/*
 * proxy.h - an isolated plugin as the gate sees it: a struct td_plugin whose ops forward.
 *
 * Layer: ipc. Loop thread. The gate opens it, asks it and closes it as any other; each instance has
 * a process of its own (the guest), in which the plugin's file is loaded. Nothing the guest sends is
 * believed: a frame that is none, more unanswered calls than plugin.h rule 11 allows, a ping that is
 * not answered in time, or its end, are told to `lost`, once; the guest is dead then, what is handed
 * to the plugin goes nowhere, and only close() remains to be called.
 *
 * The first open() of a struct proxy_state waits for the plugin's own open(), so that what is wrong
 * with the conf is known at once; later ones, after a loss, do not: what they find wrong is a loss.
 */
#ifndef IPC_PROXY_H
#define IPC_PROXY_H

#include <stdint.h>
#include <sys/types.h>

#include <tandem/plugin.h>

struct err;

/* Describes the plugin in dir/: runs it in a process that ends right away. `program`: path of
 * tandem-plugin-host. The answer is a plugin for which proxy_free() is called. NULL: a sentence. */
struct td_plugin *proxy_describe(const char *program, enum td_kind kind, const char *type,
                                 const char *dir, struct err *err);
void proxy_free(struct td_plugin **plugin);

struct proxy_state {
    pid_t pid; /* 0: not running */
    uint64_t losses;
    int opened;      /* once, so that it does not wait again */
    unsigned in_row; /* losses without a quiet minute between */
};

/* What open() of such a plugin gets as its conf. */
struct proxy_conf {
    const struct td_plugin *plugin; /* by proxy_describe() */
    const void *conf;               /* the plugin's own struct */
    int64_t memory, hang_ms;
    int64_t pause_ms, max_pause_ms; /* before it is started again: the first, the longest */
    struct proxy_state *state;
    /* From inside any op, timer or watch of it; must not call the plugin. why: a sentence. */
    void (*lost)(void *arg, const char *why, int64_t pause_ms);
    void *arg;
};

#endif
