/*
 * about.h - a plugin that runs elsewhere, as data: its descriptor and the values of its conf.
 *
 * Layer: ipc. The guest reads the real descriptor and sends it; the gateway makes one of its own
 * from that, with ops that forward (proxy.h), and never opens the file.
 */
#ifndef IPC_ABOUT_H
#define IPC_ABOUT_H

#include "ipc/wire.h"

struct arena;
struct buf;

#define ABOUT_MAX_CONF 65536 /* bytes of a conf struct */

/* The guest's side. */
const struct ipc_about *about_of(const struct td_plugin *plugin, struct arena *arena);
/* The conf struct from what came; NULL: it is not what the plugin's keys ask for. */
const void *about_conf(const struct td_plugin *plugin, const struct ipc_open *open,
                       struct arena *arena);

/* The gateway's side. What the plugin has of `full`, the ops of its kind, is kept in ops_r. NULL:
 * it cannot be one. Everything is in the arena. */
struct td_plugin *about_plugin(const struct ipc_about *about, const void *full,
                               struct arena *arena);
const struct ipc_open *about_open(const struct td_plugin *plugin, const char *name,
                                  const void *conf, struct arena *arena);
/* As bytes, to compare. */
void about_bytes(const struct ipc_about *about, struct buf *out);

#endif
