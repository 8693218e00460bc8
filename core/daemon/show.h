/*
 * show.h - the option tables as text: --keys, and the commented conf of --init; and the texts.
 *
 * Layer: daemon.
 */
#ifndef DAEMON_SHOW_H
#define DAEMON_SHOW_H

struct buf;
struct err;
struct loader;
struct policy;

/* plugin: NULL for the core's keys, or "webchat", "echo", "agent_echo". -1 when there is none. */
int show_keys(struct loader *loader, const char *plugin, struct buf *out, struct err *err);

/* Writes dir/tandem.conf, made when it is missing, never over a file that is there. */
int show_init(struct loader *loader, const char *dir, struct err *err);

/* --texts: a state, then what is said in it on each kind of channel where it differs from a chat,
 * with example values. language NULL: the fallback. -1 when there are no texts in it. */
int show_texts(const struct policy *policy, const char *language, struct buf *out, struct err *err);

#endif
