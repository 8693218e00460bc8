/*
 * http.h - the HTTP client: many requests at once, in the loop, none of them blocking.
 *
 * Layer: io. HTTP/1.1 over our own sockets and OpenSSL (contrib/decisions says why). Connections
 * are kept and reused; certificates and their names are always verified, against the system's
 * authorities or SSL_CERT_FILE and SSL_CERT_DIR; redirects are not followed; only http and https;
 * the environment's proxy variables are not looked at. A request with public_only has connections
 * of its own, and each address is judged when it is connected to. A request that finds its kept connection
 * closed by the peer, before a byte of an answer, is sent once more on a fresh one, when the peer
 * can tell: by an idempotent method, or an Idempotency-Key or webhook-id (RFC 9110, 9.2.2).
 * Threads: loop thread (names are looked up in threads of their own, resolve.h).
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <tandem/net.h>

struct err;
struct http;
struct http_call;
struct loop;

/* No more connections are open at once, kept ones included: further requests wait for one while
 * their time runs. */
struct http *http_new(struct loop *loop, unsigned max_connections, struct err *err);
/* Calls still running end without their callback. Not to be called from one. */
void http_free(struct http **http);

/* cb comes exactly once, on a later turn, with the response borrowed for the call. The call is
 * freed after it. A bad request is reported by cb as well: there is one path. Never NULL. */
struct http_call *http_start(struct http *http, const struct td_http_request *request,
                             td_http_cb *cb, void *arg);
void http_cancel(struct http_call **call); /* NULL is fine; cb does not come */

#endif
