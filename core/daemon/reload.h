/*
 * reload.h - from one conf to the next while the gateway runs: all of it, or nothing.
 *
 * Layer: daemon. Loop thread only.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

struct buf;
struct err;
struct gate;
struct instance;
struct setup;

int instance_open(struct gate *gate, const struct instance *instance, struct err *err);

/* Opens, reopens and closes instances so that `next` runs, hands its policy to the gate. Instances
 * that did not change are not touched: they move to `next`. When one will not open, everything is
 * put back as it was: -1 with its sentence. */
int reload_apply(struct gate *gate, struct setup *old, struct setup *next, struct err *err);

/* Keys of [tandem] that differ and take effect at the next start only, as "a, b". */
void reload_waiting(const struct setup *old, const struct setup *next, struct buf *out);

/* The tokens of the conf's humans. */
void humans_set(struct gate *gate, const struct setup *setup);

#endif
