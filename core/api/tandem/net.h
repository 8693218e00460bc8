/*
 * net.h - what a plugin can ask of the network: HTTP requests out, HTTP routes and WebSockets in.
 *
 * Part of the plugin ABI; include <tandem/plugin.h>, which includes this file and says the rules
 * that hold for all of it: pointers are borrowed for the call, strings are UTF-8 and end in NUL,
 * structs start with their size and only grow at the end, every call is on the loop thread.
 */
#ifndef TANDEM_NET_H
#define TANDEM_NET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct td_header {
    const char *name, *value;
};

/* ---- HTTP client ------------------------------------------------------------------------- */

/* A piece of a response's body, as it comes. */
struct td_http_data {
    uint32_t size;
    int status;
    const char *content_type; /* "" when absent */
    const char *data;         /* len bytes, no NUL after them */
    size_t len;
};

/* From the loop, in order, before the request's td_http_cb; the request MAY be cancelled in it. */
typedef void td_http_data_cb(void *arg, const struct td_http_data *data);

struct td_http_request {
    uint32_t size;
    const char *method; /* NULL: POST with a body, GET without */
    const char *url;    /* http or https */
    const struct td_header *headers;
    size_t n_headers;
    const void *body; /* copied */
    size_t body_len;
    uint32_t timeout_ms;         /* total, connect included; 0: 30 s */
    uint32_t connect_timeout_ms; /* 0: 5 s */
    size_t max_response;         /* body bytes; above it the request fails; 0: 1 MiB */
    td_http_data_cb *on_data; /* 0.2; NULL: the body comes at the end only. There it comes anyway. */
    /* 0.3. 1: the URL's host was named by somebody outside. Only addresses of the public Internet are
     * connected to, however the host is written and whatever its name resolves to at the time; when
     * it has none, TD_HTTP_BAD_URL. A plugin MUST set it unless its conf names the host, and MUST NOT
     * send such a host a secret. */
    int public_only;
};

/* Why there is no answer. TD_HTTP_OK means a status line and a whole body arrived. */
enum td_http_failure {
    TD_HTTP_OK,
    TD_HTTP_BAD_URL,   /* never sent */
    TD_HTTP_RESOLVE,   /* never sent */
    TD_HTTP_CONNECT,   /* never sent */
    TD_HTTP_TLS,       /* certificate or handshake; never sent */
    TD_HTTP_TIMEOUT,   /* perhaps processed */
    TD_HTTP_BROKEN,    /* connection lost or not HTTP; perhaps processed */
    TD_HTTP_TOO_LARGE, /* over max_response */
};

struct td_http_response {
    uint32_t size;
    enum td_http_failure failure;
    const char *detail; /* a sentence when failure is not TD_HTTP_OK, else "" */
    int status;         /* 0 when failure is not TD_HTTP_OK */
    const char *body;   /* NUL after body_len bytes; may hold NULs before */
    size_t body_len;
    const char *content_type; /* "" when absent */
    int64_t retry_after_ms;   /* Retry-After in seconds or as a date, turned to ms; -1: absent */
    const char *location;     /* 0.5; "" when absent, or over 2047 bytes; nobody follows it by himself */
};

/* Exactly once per request, never from inside the call that started it; not after a cancel. */
typedef void td_http_cb(void *arg, const struct td_http_response *response);

/* ---- HTTP server ------------------------------------------------------------------------- */

struct td_web_request {
    uint32_t size;
    uint64_t id;        /* for the reply */
    const char *method; /* "GET", "POST", .. */
    const char *path;   /* percent-decoded, no query, no dot segments */
    const char *query;  /* as sent, without '?'; "" when absent */
    const char *peer;   /* address of the client, after trusted proxies */
    int control;        /* 1: came over the private control socket */
    const char *body;   /* NUL after body_len bytes */
    size_t body_len;
    const struct td_header *headers; /* names in lower case */
    size_t n_headers;
};

struct td_web_reply {
    uint32_t size;
    int status;
    const char *content_type; /* NULL: application/json */
    const struct td_header *headers;
    size_t n_headers;
    const void *body; /* copied */
    size_t body_len;
};

/* Each request is answered once with reply(); the answer may come later. A request without an
 * answer is ended with 504 after 30 s. */
typedef void td_web_cb(void *arg, const struct td_web_request *request);

/* A request whose head has come and whose body is still to come, 0.3: `body` is NULL, body_len is what
 * is announced. 1: the body is read, then the route's callback gets the whole; 0: it has been, or
 * will be, answered with reply(), and none of the body is read. What has no body has no head either:
 * it goes to the callback at once. */
typedef int td_web_head_cb(void *arg, const struct td_web_request *request);

/* 0.3. A reply that goes on until one of both ends it. closed: once, on a later turn, when the client
 * has left or did not keep up; not after stream_end(). */
typedef void td_web_stream_cb(void *arg, uint64_t request);
struct td_web_stream {
    uint32_t size;
    const struct td_web_reply *first; /* head and beginning of the body; no length is said */
    uint32_t max_queue; /* bytes that may wait for a client that does not read; over it: cut off */
    td_web_stream_cb *closed;
    void *arg;
};

struct td_web_route {
    uint32_t size;
    const char *path;     /* as with route() */
    size_t max_body;      /* over it: 413, when `head` has let it in; 0: the listener's own limit */
    td_web_head_cb *head; /* NULL: every body within max_body is read */
};

/* ---- WebSocket endpoint (RFC 6455) ------------------------------------------------------- */

/* Everything that is judged before or beside the plugin, as data: the listener does it in its own
 * thread. Refusals before the upgrade carry an HTTP status: 400 subprotocol, 403 origin, 426
 * version, 429 too many connections, 503 draining or full. Binary frames end in 1003, bad UTF-8
 * in 1007, a message over max_message in 1009, a peer that does not read in 1013. */
struct td_ws_conf {
    uint32_t size;
    const char *path; /* exact */
    const char *subprotocol;
    const char *const *origins; /* NULL-terminated; NULL or empty: any */
    int require_origin;         /* with origins: a missing Origin is refused too */
    size_t max_message;         /* bytes of a whole message */
    size_t send_buffer;         /* bytes queued for a peer that does not read, then 1013 */
    uint32_t ping_ms, pong_timeout_ms;
    uint32_t max_connections;
    uint32_t max_connections_per_ip; /* not for loopback and trusted proxies */
};

struct td_ws_info {
    uint32_t size;
    const char *peer;   /* address of the client, after trusted proxies */
    int exempt;         /* 1: loopback or trusted proxy without a forwarded address */
    const char *origin; /* "" when absent */
    const char *authorization; /* 0.3; the header of the upgrade; "" when absent */
};

/* A connection is known by its number, which is never used again. opened comes first, closed last
 * and exactly once, also after the plugin's own ws_close(). */
struct td_ws_ops {
    uint32_t size;
    void (*opened)(void *arg, uint64_t conn, const struct td_ws_info *info);
    void (*text)(void *arg, uint64_t conn, const char *text, size_t len); /* NUL after len */
    void (*closed)(void *arg, uint64_t conn, int code); /* 1006: without a close frame */
};

#ifdef __cplusplus
}
#endif
#endif
