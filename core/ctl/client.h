/*
 * client.h - one request to a running tandemd, over its control socket or its listener.
 *
 * Layer: ctl (tandemctl): base and config; nothing of the daemon but where its socket is.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

struct buf;
struct err;

struct client {
    const char *socket; /* path of the control socket; NULL: use url */
    const char *url;    /* http://host:port, with the token */
    char *token;        /* NULL: none */
};

/* The HTTP status with the body in out, or -1 with a sentence that says what to do. */
int client_call(const struct client *client, const char *method, const char *path,
                const char *body, struct buf *out, struct err *err);

/* Reads the first line of the file; NULL with a sentence. Caller frees. */
char *client_token(const char *file, struct err *err);

#endif
