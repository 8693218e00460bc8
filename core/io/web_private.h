/*
 * web_private.h - what the files of the listener share; nobody else includes it.
 *
 *   web.c       the API, and the queues between the loop thread and the web thread
 *   web_link.c  libwebsockets: sockets, TLS, the thread's event loop; no other file knows of it
 *   web_conn.c  a connection: bytes in, blocks out, its deadline
 *   web_http.c  a request: body, reply
 *   web_route.c  paths, and the bytes of static ones
 *   web_stream.c  a reply that goes on
 *   web_ws.c    an endpoint: who is let in, messages, pings, closes
 *   web_addr.c  addresses: listening sockets, trusted proxies
 *   web_head.c, web_frame.c   the two parsers
 *
 * Below "web thread" nothing is touched by another thread; what goes from one thread to the other
 * goes as a whole, and with it who frees it.
 */
#ifndef IO_WEB_PRIVATE_H
#define IO_WEB_PRIVATE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>
#include <uthash.h>

#include "base/buf.h"
#include "io/addr.h"
#include "io/web.h"
#include "io/web_frame.h"
#include "io/web_head.h"

#define WHEEL_SLOTS 256
#define WHEEL_TICK_MS 50

struct conn;
struct link;
struct route;

/* ---- Between the threads ------------------------------------------------------------------ */

/* From the loop thread: bytes for a connection, or an order. Once taken, a block of bytes is what
 * stands in the connection's queue. */
enum block_kind {
    BLOCK_SEND,
    BLOCK_CLOSE,
    BLOCK_REPLY,
    BLOCK_BODY, /* read it */
    BLOCK_STREAM, /* the beginning of one */
    BLOCK_STREAM_SEND,
    BLOCK_STREAM_END,
    BLOCK_ROUTE_ADD,
    BLOCK_ROUTE_DEL,
    BLOCK_DRAIN,
    BLOCK_RESUME,
    BLOCK_STOP,
};

struct block {
    struct block *next;
    enum block_kind kind;
    int code;            /* of a close frame */
    uint64_t id;         /* of the connection or the request */
    struct route *route; /* of ROUTE_ADD, ROUTE_DEL: whose ownership moves */
    const char *p;       /* what is still to be sent: into data, or into static bytes */
    size_t len;
    size_t room;          /* of SEND: so much fits into data */
    size_t head_len;      /* of a reply: where its body starts */
    size_t connection_at; /* of a reply: where the value of its Connection header stands */
    size_t max_queue;     /* of a stream */
    const char *slow;
    char data[];
};

/* From the web thread: something for a callback. One piece of memory, but for a body. */
enum event_kind { EVENT_REQUEST, EVENT_HEAD, EVENT_OPENED, EVENT_TEXT, EVENT_CLOSED, EVENT_STREAM_CLOSED };

struct event {
    struct event *next;
    enum event_kind kind;
    uint32_t route;
    int code; /* CLOSED */
    uint64_t id;
    size_t len;
    union {
        struct td_web_request request;
        struct td_ws_info info;
    } u;
    char *body; /* REQUEST: freed with the event */
    char data[];
};

/* ---- Routes ------------------------------------------------------------------------------- */

enum route_kind { ROUTE_CALL, ROUTE_STATIC, ROUTE_WS };

struct per_address {
    struct in6_addr key;
    uint32_t n;
    UT_hash_handle hh;
};

/* Of static bytes: as they are, or compressed. */
struct form {
    struct buf head; /* the headers that are always the same */
    char *body;      /* NULL: there is no such form */
    size_t len;
    char etag[40];
};

/* Made on the loop thread, then owned by the web thread. */
struct route {
    struct route *next;
    enum route_kind kind;
    uint32_t id;
    char *path;
    size_t path_len;
    int prefix; /* the path ends in '/' and stands for what is below, too */
    int control_only;
    int while_draining; /* served then, too */
    size_t max_body; /* CALL: 0: the listener's */
    int ask;         /* .. somebody looks at the head before the body is read */

    struct form plain, gzip; /* STATIC */

    char *subprotocol; /* WS */
    char **origins;    /* NULL-terminated; NULL: any */
    int require_origin;
    size_t max_message, send_buffer;
    uint32_t ping_ms, pong_timeout_ms, max_connections, max_per_address;
    uint32_t n_connections;
    struct per_address *addresses;
};

/* Headers of a page; %s: who may frame it. */
#define PAGE_POLICY                                                                          \
    "Content-Security-Policy: default-src 'self'; img-src 'self' data:; object-src 'none'; " \
    "base-uri 'none'; form-action 'self'; frame-ancestors %s\r\nReferrer-Policy: same-origin\r\n"

struct route *route_new(enum route_kind kind, uint32_t id, const char *path);
struct route *route_new_static(uint32_t id, const struct web_static *page);
struct route *route_new_ws(uint32_t id, const struct td_ws_conf *conf);
void route_free(struct route *route);
struct route *route_find(struct web *web, const char *path, int control);
/* The longest prefix above `below` that a callback stands for, or NULL. */
struct route *route_find_above(struct web *web, const struct route *below, const char *path);

/* ---- A connection (web thread) ------------------------------------------------------------ */

enum conn_state {
    CONN_HEAD,   /* waits for a whole head */
    CONN_BODY,   /* waits for a whole body */
    CONN_WAIT,   /* the loop thread thinks; with `request`: whether to read its body */
    CONN_REPLY,  /* the reply is on its way out */
    CONN_STREAM, /* as much of the reply as there is */
    CONN_WS,     /* open */
    CONN_CLOSING, /* our close frame is on its way, theirs is awaited */
    CONN_LINGER, /* what is queued goes out, then FIN, then theirs is awaited */
    CONN_DEAD,   /* libwebsockets has been told to close it */
};

struct conn {
    struct web *web;
    void *link; /* struct lws */
    uint64_t id;
    uint32_t slot;
    enum conn_state state;
    int control;  /* came over the unix socket */
    int exempt;   /* from limits by address */
    int feeding;  /* conn_rx() is on the stack */
    int paused;   /* nothing is read from it */
    int shut;     /* FIN has been sent */
    struct in6_addr socket_addr; /* of the other end */
    struct in6_addr addr;        /* of the client, when that end is a trusted proxy */
    char peer[INET6_ADDRSTRLEN];

    struct buf in; /* bytes that do not make a whole yet; no memory while empty */
    struct block *out, **out_tail;
    size_t queued; /* bytes of `out` and of what libwebsockets may still hold */
    size_t handed; /* of these the ones that libwebsockets holds */
    struct conn *gathered_next; /* is_gathered: written when the orders of this turn are taken */
    int is_gathered;

    int64_t due_ms; /* 0: no deadline */
    struct conn *due_prev, *due_next;

    struct event *request; /* HTTP: while its body comes */
    struct buf body;
    size_t body_left, body_max;
    int expect;       /* the client waits for 100 Continue */
    size_t reply_len; /* of a reply, counted in the listener's `replies` */
    int keep_alive, head_only;

    size_t stream_max; /* STREAM: of the queue */
    const char *stream_slow;

    struct route *route; /* WS */
    struct frame frame;
    uint64_t frame_got;
    int in_frame, in_message, told_closed, ping_sent, rx_since_ping;
    struct buf message;
};

struct conn *conn_new(struct web *web, void *link, int fd, int control);
void conn_free(struct conn *conn);                     /* the socket is gone */
int conn_rx(struct conn *conn, char *data, size_t len); /* -1: close it now */
void conn_writable(struct conn *conn);
void conn_send(struct conn *conn, struct block *blocks); /* takes the list */
void conn_flush(struct conn *conn); /* writes what the socket takes now */
void conn_flush_gathered(struct web *web);
void conn_drop_queue(struct conn *conn);
void conn_linger(struct conn *conn, int64_t ms); /* no more is read; FIN after what is queued */
void conn_kill(struct conn *conn, int reset);
void conn_deadline(struct conn *conn, int64_t ms); /* from now; 0: none */
struct conn *conn_find(struct web *web, uint64_t id);
void conn_new_id(struct conn *conn);

/* Each takes what it can use of the bytes and says how much; 0: more must come. */
size_t http_feed(struct conn *conn, char *data, size_t len);
size_t ws_feed(struct conn *conn, char *data, size_t len);

void http_sent(struct conn *conn); /* the reply has gone out whole */
void http_due(struct conn *conn);
void http_gone(struct conn *conn);
void http_reply(struct conn *conn, struct block *block);
void http_read_body(struct conn *conn); /* whose head was looked at */
void http_error(struct conn *conn, int status, const char *code, const char *message,
                const char *header);

void ws_upgrade(struct conn *conn, struct route *route, const struct head *head);
void ws_due(struct conn *conn);
void ws_gone(struct conn *conn);
void ws_leave(struct conn *conn); /* its endpoint is being removed */
void ws_out(struct conn *conn, struct block *block); /* takes the block; watches the queue */
void ws_close(struct conn *conn, int code, const char *reason, size_t len);

/* conn may be NULL here and in conn_stream_out(). */
void conn_stream_begin(struct web *web, struct conn *conn, struct block *block);
void conn_stream_out(struct conn *conn, struct block *block);
void conn_stream_end(struct conn *conn);
void conn_stream_gone(struct conn *conn);
void conn_stream_tell(struct web *web, uint64_t request); /* loop thread: it is over */
void conn_stream_free_all(struct web *web);               /* loop thread */

/* A reply as bytes. `head`: headers of our own, each ending in CRLF. */
struct block *reply_block(const struct td_web_reply *reply, const char *own_headers);
/* The same without a length. */
struct block *reply_block_endless(const struct td_web_reply *reply);
void http_finish(struct conn *conn); /* what is queued goes out, then the connection is closed */

/* ---- The listener ------------------------------------------------------------------------- */

struct web_entry; /* the loop thread's side of a route */
struct stream;    /* .. of a reply that goes on */

#define REFUSALS_LOGGED 64

struct web {
    struct loop *loop; /* this group is read only after web_open() */
    size_t max_header, max_body;
    int64_t header_timeout_ms;
    struct net *trusted;
    size_t n_trusted;
    char *tls_cert, *tls_key;
    char *control_path;
    int listen_fd, control_fd, port; /* the descriptors: -1 once link_open() has taken them */
    size_t max_conns;
    struct link *link;

    struct web_entry *entries; /* loop thread */
    struct stream *streams;
    uint32_t next_route;
    struct block *orders, **orders_tail, *last_order;
    struct loop_timer *orders_due;
    struct loop_watch *events_watch;
    pthread_t thread;
    int started;

    pthread_mutex_t lock; /* guards this group */
    struct block *inbox, **inbox_tail;
    struct event *events, **events_tail;
    size_t events_size;
    int starved; /* a connection waits for room among the events */
    int events_fd;

    struct route *routes; /* web thread */
    struct conn **slots;
    uint32_t *free_slots;
    size_t n_slots, n_free, n_conns;
    size_t bodies; /* bytes of bodies that are not whole yet */
    size_t replies; /* .. of replies that have not gone out whole */
    uint64_t next_id;
    struct conn *gathered; /* written when all orders of a turn are taken */
    int gathering;
    struct conn *wheel[WHEEL_SLOTS];
    int64_t wheel_at;
    int draining, stopping;
    struct {
        uint64_t address;
        int64_t at_ms;
    } refusals[REFUSALS_LOGGED];

    atomic_uint_fast64_t connections, requests, refused, slow_closed;
};

void web_order(struct web *web, struct block *block); /* loop thread; takes the block */

/* Hands an event to the loop thread. 0, or -1 when no more should be read from that connection
 * until the loop thread has taken what waits. */
int web_event(struct web *web, struct event *event);
void web_take_orders(struct web *web); /* web thread, when woken */
void web_tick(struct web *web);        /* web thread, every WHEEL_TICK_MS */

/* ---- libwebsockets ------------------------------------------------------------------------ */

int link_open(struct web *web, struct err *err);
void link_run(struct web *web);  /* the web thread: until link_stop() */
void link_stop(struct web *web); /* web thread */
void link_close(struct web *web);
void link_wake(struct web *web); /* any thread: web_take_orders() follows */

ssize_t link_write(void *link, const char *data, size_t len); /* -1: broken */
int link_busy(void *link);      /* 1: bytes are held back until conn_writable() */
void link_bound_kernel(void *link, size_t bytes); /* what the kernel may queue for it */
void link_want_write(void *link);
void link_pause(void *link, int on);
void link_shutdown(void *link); /* FIN */
void link_kill(void *link, int reset); /* conn_free() follows on a later turn */

/* ---- Addresses ---------------------------------------------------------------------------- */

int addr_listen(const char *listen, int *port_r, struct err *err);   /* a socket, or -1 */
int addr_listen_unix(const char *path, struct err *err);             /* mode 0600 */
/* Fills trusted with a NULL-terminated list, or NULL. 0, or -1. */
int addr_trusted(struct web *web, const char *const *list, struct err *err);
/* Who asks, behind trusted proxies: fills addr, peer and exempt of the connection. */
void addr_client(struct conn *conn, const struct head *head);

#endif
