/*
 * web_peer.h - for the tests of the listener: a listener in a thread of its own, and a client that
 * sends bytes as they are.
 *
 * The endpoint /chat (subprotocol t.v1) answers a text with the same text; "flood" with megabytes,
 * "burst" with 300 of 1,000 bytes, "bye" with a close 4409, "#.." with nothing; what its callbacks saw stands in `seen`. /echo
 * answers with what came, /up too: bodies of up to 200,000 bytes of those who say Authorization.
 */
#ifndef TESTS_WEB_PEER_H
#define TESTS_WEB_PEER_H

#include <pthread.h>
#include <stddef.h>

#include "base/buf.h"
#include "io/loop.h"
#include "io/web.h"

struct server {
    pthread_t thread;
    struct loop *loop;
    struct web *web;
    int port;
    pthread_mutex_t lock; /* guards seen */
    /* One line a callback: "opened PEER EXEMPT ORIGIN", "text ..", "closed  CODE". */
    struct buf seen;
};

/* Changes before the start; NULL: as they are. */
typedef void server_conf_fn(struct web_conf *conf, struct td_ws_conf *ws);

void server_start(struct server *server, server_conf_fn *change);
void server_stop(struct server *server);
/* Runs fn on the loop's thread and waits for it. */
void server_call(struct server *server, loop_fn *fn, void *arg);
/* Waits until `text` stands in what the callbacks saw; 1, or 0 after `ms`. */
int server_saw(struct server *server, const char *text, int ms);

int peer_connect(int port);
void peer_send(int fd, const char *bytes, size_t len);
void peer_text(int fd, const char *text); /* a string as it is */
/* Reads until the peer closes, `ms` pass, or `until` has come (NULL: not looked for). NUL-ended,
 * freed by the caller; *closed_r (when given): whether the end came. */
char *peer_read(int fd, const char *until, int ms, size_t *len_r, int *closed_r);
/* A whole request, and the whole answer up to the close or `ms`. */
char *peer_ask(int port, const char *request, int ms);
/* A socket on /chat, upgraded. */
int peer_chat(int port);
void peer_frame(int fd, int first_byte, const char *payload, size_t len);
/* The next frame: its first byte, or -1 after `ms` or a close; the payload is NUL-ended. */
int peer_next(int fd, char *payload, size_t size, size_t *len_r, int ms);
/* The code of the next close frame, skipping others; 0: closed without; -1: neither in time. */
int peer_close_code(int fd, int ms);

/* The test fails when the answer does not begin so. */
void expect_answer(struct server *server, const char *request, const char *status_line);
/* Asks until it does, for some seconds: an order to the listener takes a moment. */
void await_answer(struct server *server, const char *request, const char *status_line);
void expect_in(const char *text, const char *part);

#define UPGRADE_HEAD(path_, extra_)                                                     \
    "GET " path_ " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n" extra_        \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE(path_)                                                                  \
    UPGRADE_HEAD(path_, "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")         \
    "Sec-WebSocket-Protocol: t.v1\r\n\r\n"

#endif
