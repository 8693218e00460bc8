/*
 * show.h - the option tables as text: --keys, and the commented conf of --init.
 *
 * Layer: daemon.
 */
#ifndef DAEMON_SHOW_H
#define DAEMON_SHOW_H

struct buf;
struct err;
struct loader;

/* plugin: NULL for the core's keys, or "webchat", "echo", "agent_echo". -1 when there is none. */
int show_keys(struct loader *loader, const char *plugin, struct buf *out, struct err *err);

/* Writes dir/tandem.conf, made when it is missing, never over a file that is there. */
int show_init(struct loader *loader, const char *dir, struct err *err);

#endif
