/*
 * spawn.h - the process of an isolated plugin: begun, ended, never left behind.
 *
 * Layer: ipc. Loop thread. The program is tandem-plugin-host; it gets one end of a socketpair, no
 * other descriptor but stderr, and of the environment what locales, time zones and sanitizers need.
 */
#ifndef IPC_SPAWN_H
#define IPC_SPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

struct spawn {
    const char *program; /* path of tandem-plugin-host */
    const char *kind, *type;
    const char *dir; /* where the plugin's file is */
    int64_t memory;  /* bytes it may use */
};

struct spawned {
    pid_t pid;
    int pidfd; /* readable once it has ended */
    int fd;    /* our end */
};

/* 0, or -1 with a sentence. */
int spawn_start(const struct spawn *spawn, struct spawned *spawned_r, struct err *err);

/* Has it ended? 1: it has, why as a clause in `why`; 0: not yet. pid becomes 0 when it has. */
int spawn_reap(struct spawned *spawned, char *why, size_t size);
/* Ends it now if it runs, closes its pidfd. One that is slow to end is reaped later. */
void spawn_bury(struct spawned *spawned);

#endif
