/*
 * resolve.h - the addresses of a host's name, without the loop waiting for them.
 *
 * Layer: io. getaddrinfo() in a thread of its own for each name that is not an address already:
 * it asks what the machine asks (hosts file, nsswitch), which no resolver library does.
 */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

struct addrinfo;
struct loop;
struct resolve;

/* Once, on a later turn. `list` is the callee's to free with freeaddrinfo(); NULL: `why` says why
 * there is none. */
typedef void resolve_fn(void *arg, struct addrinfo *list, const char *why);

struct resolve *resolve_start(struct loop *loop, const char *host, unsigned port, resolve_fn *fn,
                              void *arg);
/* NULL is fine; fn does not come. Does not wait: the thread ends by itself. */
void resolve_cancel(struct resolve **resolve);

#endif
