/*
 * doctor.h - what can be wrong with a gateway on this machine, and what to do.
 *
 * Layer: daemon; for tandemctl. Opens no store and changes nothing; binds the listener's port for a
 * moment and connects to agents.
 */
#ifndef DAEMON_DOCTOR_H
#define DAEMON_DOCTOR_H

struct buf;

/* Appends a line a check: "ok", "warn" or "bad", what was looked at, what is so, what to do.
 * is_running: a tandemd with this conf answers. The number of bad ones. */
unsigned doctor_run(const char *conf, int is_running, struct buf *out);

#endif
