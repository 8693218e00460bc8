/*
 * socket.h - a WebSocket to a running tandemd, as a customer has one.
 *
 * Layer: ctl. One thread; text frames only.
 */
#ifndef CTL_SOCKET_H
#define CTL_SOCKET_H

#include <stddef.h>

struct client;
struct err;
struct socket;

/* NULL with a sentence. `path` and `protocol` need no escape. */
struct socket *socket_open(const struct client *client, const char *path, const char *protocol,
                           struct err *err);
void socket_close(struct socket **socket);

int socket_fd(const struct socket *socket);
int socket_send(struct socket *socket, const char *text, struct err *err); /* 0, or -1 */

/* 1: a text, borrowed until the next call; 0: nothing is there now; -1: it is closed, with why. */
int socket_next(struct socket *socket, const char **text_r, struct err *err);

#endif
