/*
 * chat.h - to talk from a terminal, through the gateway, as a customer on web chat does.
 *
 * Layer: ctl.
 */
#ifndef CTL_CHAT_H
#define CTL_CHAT_H

struct client;
struct err;

struct chat_args {
    const struct client *client;
    const char *channel; /* NULL: the first that is a web chat */
    const char *agent;   /* NULL: who the routes say */
    int trace;           /* after each answer the records that led to it */
};

/* Reads lines from stdin until its end, and waits for the last answer. 0; -1 with a sentence; the
 * HTTP status when the gateway refuses, with its sentence. */
int chat_run(const struct chat_args *args, struct err *err);

#endif
