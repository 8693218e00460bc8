/* resolve.c - getaddrinfo() in threads of its own. */
#include "config.h"
#include "io/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/loop.h"

#define MAX_THREADS 32 /* names that are looked up at once; one may take half a minute */

static atomic_int n_threads;

/* What the loop and the thread share: who leaves last frees it. */
struct lookup {
    pthread_mutex_t lock; /* guards what follows */
    int done, abandoned;
    int fd; /* an eventfd that tells the loop */
    struct addrinfo *list;
    int code;
    char host[256], port[8]; /* not changed while the thread runs */
};

struct resolve {
    struct lookup *lookup; /* NULL: there is no thread */
    struct loop_watch *watch;
    struct loop_timer *now; /* an address, or a failure to begin: told on the next turn */
    struct addrinfo *list;
    const char *why;
    resolve_fn *fn;
    void *arg;
};

static void lookup_free(struct lookup *lookup)
{
    if (lookup->list != NULL)
        freeaddrinfo(lookup->list);
    close(lookup->fd);
    pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static int ask(const char *host, const char *port, int flags, struct addrinfo **list_r)
{
    const struct addrinfo hints = { .ai_flags = flags | AI_NUMERICSERV, .ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM };

    *list_r = NULL;
    return getaddrinfo(host, port, &hints, list_r);
}

static void *lookup_main(void *arg)
{
    struct lookup *lookup = arg;
    const uint64_t one = 1;
    struct addrinfo *list;
    int code = ask(lookup->host, lookup->port, 0, &list), last;

    pthread_mutex_lock(&lookup->lock);
    lookup->list = list;
    lookup->code = code;
    lookup->done = 1;
    last = lookup->abandoned;
    while (!last && write(lookup->fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_mutex_unlock(&lookup->lock);
    if (last)
        lookup_free(lookup);
    atomic_fetch_sub(&n_threads, 1);
    return NULL;
}

static void tell(struct resolve *resolve, struct addrinfo *list, const char *why)
{
    resolve_fn *fn = resolve->fn;
    void *arg = resolve->arg;

    resolve->list = NULL;
    resolve_cancel(&resolve);
    fn(arg, list, list != NULL ? "" : why);
}

static void on_done(void *arg, int readable, int writable)
{
    struct resolve *resolve = arg;
    struct lookup *lookup = resolve->lookup;
    struct addrinfo *list;
    int code;

    (void)readable;
    (void)writable;
    pthread_mutex_lock(&lookup->lock);
    list = lookup->list;
    lookup->list = NULL;
    code = lookup->code;
    pthread_mutex_unlock(&lookup->lock);
    tell(resolve, list, code != 0 ? gai_strerror(code) : "it has no address");
}

static void on_now(void *arg)
{
    struct resolve *resolve = arg;

    resolve->now = NULL;
    tell(resolve, resolve->list, resolve->why);
}

static int thread_start(struct lookup *lookup)
{
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_t thread;
    int failed;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop thread's */
    failed = pthread_create(&thread, &attr, lookup_main, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return failed ? -1 : 0;
}

/* NULL, or why the name cannot be looked up. */
static const char *look_up(struct resolve *resolve, struct loop *loop, const char *host,
                           const char *port)
{
    struct lookup *lookup;
    int fd;

    if (atomic_fetch_add(&n_threads, 1) >= MAX_THREADS) {
        atomic_fetch_sub(&n_threads, 1);
        return "too many names are being looked up";
    }
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        atomic_fetch_sub(&n_threads, 1);
        return "there are no descriptors left";
    }
    lookup = mem_alloc(sizeof *lookup);
    *lookup = (struct lookup){ .fd = fd };
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    snprintf(lookup->port, sizeof lookup->port, "%s", port);
    pthread_mutex_init(&lookup->lock, NULL);
    if (thread_start(lookup) < 0) {
        atomic_fetch_sub(&n_threads, 1);
        lookup_free(lookup);
        return "no thread can be started";
    }
    resolve->lookup = lookup;
    resolve->watch = loop_watch_add(loop, fd, 1, 0, on_done, resolve);
    return NULL;
}

struct resolve *resolve_start(struct loop *loop, const char *host, unsigned port, resolve_fn *fn,
                              void *arg)
{
    struct resolve *resolve = mem_alloc(sizeof *resolve);
    char service[8];

    *resolve = (struct resolve){ .fn = fn, .arg = arg };
    snprintf(service, sizeof service, "%u", port % 65536);
    if (ask(host, service, AI_NUMERICHOST, &resolve->list) != 0)
        resolve->why = look_up(resolve, loop, host, service);
    if (resolve->lookup == NULL)
        resolve->now = loop_timer_add(loop, 0, on_now, resolve);
    return resolve;
}

void resolve_cancel(struct resolve **resolve_p)
{
    struct resolve *resolve = *resolve_p;
    struct lookup *lookup;
    int last;

    if (resolve == NULL)
        return;
    loop_timer_del(&resolve->now);
    loop_watch_del(&resolve->watch);
    lookup = resolve->lookup;
    if (lookup != NULL) {
        pthread_mutex_lock(&lookup->lock);
        last = lookup->done;
        lookup->abandoned = 1;
        pthread_mutex_unlock(&lookup->lock);
        if (last)
            lookup_free(lookup);
    }
    if (resolve->list != NULL)
        freeaddrinfo(resolve->list);
    free(resolve);
    *resolve_p = NULL;
}
