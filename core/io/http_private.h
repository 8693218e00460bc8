/*
 * http_private.h - what the files of the HTTP client share; nobody else includes it.
 *
 *   http.c        the API: calls, their times and ends; which connection carries which
 *   http_conn.c   a connection: name, address, TLS, the request's bytes out, the answer's in
 *   http_url.c    URLs and the heads of requests
 *   http_reply.c  the reader of responses
 *   resolve.c     names
 *
 * A call is waiting (no connection was free), or carried by one connection, which carries one call.
 * A connection without a call is idle and stands in two lists: its origin's, the last used first,
 * and the client's, the longest idle first.
 */
#ifndef IO_HTTP_PRIVATE_H
#define IO_HTTP_PRIVATE_H

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <uthash.h>

#include "base/buf.h"
#include "io/http.h"
#include "io/http_reply.h"
#include "io/http_url.h"
#include "io/loop.h"

#define HTTP_MAX_ADDRESSES 8
#define HTTP_READ_SIZE 65536

struct resolve;

/* Scheme, host, port and public_only: what connections are shared by. Lives while a call or a connection does. */
struct origin {
    UT_hash_handle hh;
    struct http *http;
    char key[URL_MAX_KEY];
    char host[URL_MAX_HOST];
    unsigned port;
    int tls, public_only;
    unsigned refs;
    struct http_conn *idle; /* DL_ by o_prev, o_next */
    struct resolve *resolve;
    struct sockaddr_storage addresses[HTTP_MAX_ADDRESSES]; /* the one that worked last is first */
    socklen_t lens[HTTP_MAX_ADDRESSES];
    unsigned n_addresses;
    int64_t resolved_ms;
};

struct http_conn {
    struct http *http;
    struct http_conn *prev, *next;     /* of http->conns */
    struct http_conn *o_prev, *o_next; /* of origin->idle */
    struct http_conn *i_prev, *i_next; /* of http->idle */
    struct origin *origin;
    struct http_call *call; /* NULL: idle */
    enum { CONN_NEW, CONN_NAME, CONN_CONNECT, CONN_TLS, CONN_OPEN } state;
    int fd;
    SSL *ssl;
    struct loop_watch *watch;
    struct loop_timer *timer; /* to begin, or until the next address is tried */
    unsigned address;         /* the one that is tried */
    int64_t connect_until_ms, idle_since_ms;
    size_t sent;   /* bytes of the call's request */
    int used;      /* it has carried an answer before */
    int heard;     /* a byte of the answer has come */
    int is_mute;   /* writing failed: what the peer said before decides */
    int wants_write; /* TLS cannot read on before it has written */
};

struct http_call {
    struct http *http;
    struct http_call *prev, *next;     /* of http->calls */
    struct http_call *w_prev, *w_next; /* of http->waiting */
    struct origin *origin;  /* NULL: the request was bad */
    struct http_conn *conn; /* NULL: waiting, or about to be told */
    struct loop_timer *timer; /* its whole time; for a bad request the next turn */
    struct buf request;
    struct reply reply;
    size_t told; /* so much of the body on_data was given */
    uint32_t timeout_ms, connect_timeout_ms;
    int is_waiting, was_lost, in_cb;
    int may_repeat; /* sent twice it is done once */
    td_http_data_cb *on_data;
    td_http_cb *cb;
    void *arg;
    char *refused; /* why the request was bad */
};

struct http {
    struct loop *loop;
    SSL_CTX *tls;
    struct origin *origins; /* by key */
    struct http_call *calls, *waiting;
    struct http_conn *conns, *idle;
    unsigned n_conns, max_conns;
    struct loop_timer *sweep;
    struct http_conn *reading; /* NULL again when it was closed in a callback */
    char in[HTTP_READ_SIZE];
};

/* ---- http_conn.c -------------------------------------------------------------------------- */

/* Makes a connection that begins on a later turn. */
void conn_open(struct http *http, struct http_call *call);
/* Sends the call's request over an idle one. */
void conn_take(struct http_conn *conn, struct http_call *call);
void conn_close(struct http_conn *conn);

/* ---- http.c ------------------------------------------------------------------------------- */

struct origin *origin_ref(struct http *http, const struct url *url, int public_only);
void origin_unref(struct origin *origin);
/* The connection's call has ended without an answer, or is tried once more. */
void call_lost(struct http_conn *conn, enum td_http_failure failure, const char *why);
/* More of the body has come. */
void call_data(struct http_call *call);
/* The answer is whole. */
void call_answered(struct http_conn *conn);

#endif
