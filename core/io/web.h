/*
 * web.h - the listener: HTTP routes and WebSocket endpoints on one port, and a control socket.
 *
 * Layer: io. Sockets and TLS by libwebsockets, in a thread of its own; requests and frames are
 * read by strict parsers of our own. Every callback comes on the loop's thread, batched, one
 * wake-up a batch. Limits (header, body, total time, connections) are enforced in the web thread,
 * before anything reaches the loop; while the loop does not keep up, nothing more is read.
 * Routes may be added and removed at any time; what was removed gets no callback any more.
 * A body needs a Content-Length (411 otherwise); HTTP/2 and compression are not spoken.
 */
#ifndef IO_WEB_H
#define IO_WEB_H

#include <tandem/net.h>

struct err;
struct loop;
struct web;

struct web_conf {
    const char *listen;  /* ADDRESS:PORT, [v6]:PORT; port 0: any free one */
    const char *control; /* path of a unix socket; NULL: none */
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain */
    int64_t max_header, max_body;   /* bytes; over: 431, 413 */
    int64_t header_timeout_ms;      /* total, from accept to the end of the headers */
    const char *const *trusted_proxies; /* addresses or CIDR; X-Forwarded-For from them counts */
};

/* For a check without opening anything: is it ADDRESS:PORT; are they addresses or CIDR ranges? 0, or
 * -1 with a sentence. */
int web_check_listen(const char *listen, struct err *err);
int web_check_proxies(const char *const *proxies, struct err *err);

/* Binds; nothing is accepted before web_start(). NULL with a sentence that names the address. */
struct web *web_open(struct loop *loop, const struct web_conf *conf, struct err *err);
void web_start(struct web *web);
int web_port(const struct web *web);
void web_close(struct web **web); /* joins the thread; every open WebSocket gets closed() first */

/* From now on: upgrades and requests get 503 with Retry-After, but for the routes of web_route();
 * open WebSockets stay until they are closed. */
void web_drain(struct web *web);

/* Of the gateway itself: who watches it, or has an answer that it waits for, is heard while it drains.
 * path: exact, or a prefix when it ends in '/'; the longest match wins. -1 when it is taken.
 * control_only: other listeners answer 404 (used for /api without a token). A GET of a WebSocket's
 * path that accepts text/event-stream is for the longest prefix above it, when there is one. */
int web_route(struct web *web, const char *path, int control_only, td_web_cb *cb, void *arg);
/* Of a plugin, and not served while it drains: with bodies of its own size, which get more time the longer they are, and with a look at
 * the head before the body is read; head may be NULL. */
int web_route_with(struct web *web, const struct td_web_route *route, td_web_cb *cb, void *arg);
void web_route_del(struct web *web, const char *path);
/* Bytes that do not change while the listener lives: copied, answered in the web thread with ETag
 * and 304. */
struct web_static {
    const char *path, *content_type;
    const void *body;
    size_t len;
    const void *gzip; /* the same compressed, for clients that take it; NULL: none */
    size_t gzip_len;
    int is_named_by_content; /* clients need not ask for it again, ever */
    const char *frames; /* of HTML: which origins may show it in a frame, as in frame-ancestors of
                         * a Content-Security-Policy; NULL: its own */
};
int web_static(struct web *web, const struct web_static *page); /* -1: the path is taken */
void web_reply(struct web *web, uint64_t request, const struct td_web_reply *reply);

/* A reply that goes on until one of both ends it, then the connection is closed. Of `reply` its
 * body, if any, is the beginning; no length is said. Then only closed() tells of it, once, when the
 * client has left, did not keep up or was never there; not after web_stream_end(). */
typedef void web_stream_closed(void *arg, uint64_t request);
struct web_stream_conf {
    size_t max_queue; /* bytes that may wait for a client that does not read; over it: */
    const char *slow; /* .. the last it gets, if it reads on at all; lives as long as the listener */
    web_stream_closed *closed;
    void *arg;
};
void web_stream(struct web *web, uint64_t request, const struct td_web_reply *reply,
                const struct web_stream_conf *conf);
void web_stream_send(struct web *web, uint64_t request, const char *text, size_t len); /* copied */
void web_stream_end(struct web *web, uint64_t request); /* what waits still goes out */

/* -1 when the path is taken. */
int web_ws_add(struct web *web, const struct td_ws_conf *conf, const struct td_ws_ops *ops,
               void *arg);
void web_ws_del(struct web *web, const char *path); /* closes its connections with 1001 */
/* Copied; a connection that is gone is ignored. */
void web_ws_send(struct web *web, uint64_t conn, const char *text, size_t len);
void web_ws_close(struct web *web, uint64_t conn, int code, const char *reason);

struct web_stats {
    uint64_t connections, requests, refused, slow_closed;
};
void web_stats(struct web *web, struct web_stats *stats_r);

#endif
