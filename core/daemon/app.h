/*
 * app.h - the daemon as a whole: starts the rooms in order, runs, stops them in reverse.
 *
 * Layer: daemon. app.c is the only file that knows every room.
 */
#ifndef DAEMON_APP_H
#define DAEMON_APP_H

struct loader;
struct setup;

enum app_exit {
    APP_OK = 0,
    APP_FAILED = 1, /* could not start */
    APP_USAGE = 2,
    APP_CONF = 64,
    APP_STORE = 70,      /* the store cannot be opened, or is of a newer version */
    APP_STORE_LOST = 75, /* the store failed while running: a restart recovers */
};

/* Runs until a signal or a failure; returns the exit code. Takes over both. */
int app_run(struct setup *setup, struct loader *loader);

#endif
