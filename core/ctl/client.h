/*
 * client.h - requests to a running tandemd, over its control socket or its listener.
 *
 * Layer: ctl (tandemctl): base and config; nothing of the daemon but where its socket is.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <signal.h>

struct buf;
struct err;

struct client {
    const char *socket; /* path of the control socket; NULL: use url */
    const char *url;    /* http://host:port, with the token */
    char *token;        /* NULL: none */
    const volatile sig_atomic_t *stop; /* not 0: give up what is under way; NULL: never */
};

/* The HTTP status with the body in out, or -1 with a sentence that says what to do. */
int client_call(const struct client *client, const char *method, const char *path,
                const char *body, struct buf *out, struct err *err);

int client_stopped(const struct client *client); /* 1: its `stop` says so */

/* Follows a text/event-stream until it ends: data() of each event, a NUL-terminated line; not 0 ends
 * it, and so does `stop`. The HTTP status, with the body in out when it is not 200, or -1 with a sentence. */
typedef int client_data_fn(void *arg, const char *data);
int client_follow(const struct client *client, const char *path, client_data_fn *data, void *arg,
                  struct buf *out, struct err *err);

/* A connection for bytes: a CURL handle for curl_easy_send() and _recv(), or NULL with a sentence. */
void *client_connect(const struct client *client, struct err *err);

/* Reads the first line of the file; NULL with a sentence. Caller frees. */
char *client_token(const char *file, struct err *err);

#endif
