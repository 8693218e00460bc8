/*
 * http.h - the HTTP client: many requests at once, in the loop, none of them blocking.
 *
 * Layer: io. libcurl multi underneath and nowhere else visible, so that it can be replaced.
 * Connections are kept and reused; certificates are always verified; redirects are not followed;
 * only http and https (HTTP/2 when TLS agrees on it); the environment's proxy variables are not
 * looked at. Threads: loop thread (libcurl resolves names in a thread of its own).
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <tandem/net.h>

struct err;
struct http;
struct http_call;
struct loop;

/* max_idle: connections kept for use again, at least 1024. No more are open at once: further
 * requests wait for one while their time runs. */
struct http *http_new(struct loop *loop, unsigned max_idle, struct err *err);
/* Calls still running end without their callback. Not to be called from one. */
void http_free(struct http **http);

/* cb comes exactly once, on a later turn, with the response borrowed for the call. The call is
 * freed after it. A bad request is reported by cb as well: there is one path. Never NULL. */
struct http_call *http_start(struct http *http, const struct td_http_request *request,
                             td_http_cb *cb, void *arg);
void http_cancel(struct http_call **call); /* NULL is fine; cb does not come */

#endif
