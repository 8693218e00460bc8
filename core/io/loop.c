/* loop.c - one libevent base; timers that are never early, a queue other threads can post to. */
#include "config.h"
#include "io/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define KEEP_JOBS 4096 /* a queue that once grew beyond this gives its memory back */

struct job {
    loop_fn *fn;
    void *arg;
};

struct jobs {
    struct job *v;
    size_t n, cap;
};

struct loop_timer {
    struct event *ev;
    int64_t due_us;
    loop_fn *fn;
    void *arg;
};

struct loop_watch {
    struct loop *loop;
    struct event *ev;
    int fd;
    short want;
    loop_watch_fn *fn;
    void *arg;
};

struct sig {
    struct sig *next;
    struct event *ev;
    loop_signal_fn *fn;
    void *arg;
};

struct loop {
    struct event_base *base;
    struct sig *sigs;
    int stop;

    struct event *defer_ev;
    struct jobs deferred;

    pthread_mutex_t lock; /* guards posted */
    struct jobs posted, spare; /* spare: the memory of the batch before, loop thread only */
    int wake_fd;
    struct event *wake_ev;
};

static void jobs_add(struct jobs *jobs, loop_fn *fn, void *arg)
{
    if (jobs->n == jobs->cap) {
        jobs->cap = jobs->cap == 0 ? 64 : jobs->cap * 2;
        jobs->v = mem_grow(jobs->v, jobs->cap * sizeof *jobs->v);
    }
    jobs->v[jobs->n++] = (struct job){ .fn = fn, .arg = arg };
}

static void jobs_run(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->n; i++)
        jobs->v[i].fn(jobs->v[i].arg);
    jobs->n = 0;
    if (jobs->cap > KEEP_JOBS) {
        free(jobs->v);
        *jobs = (struct jobs){ 0 };
    }
}

static struct timeval us_tv(int64_t us)
{
    return (struct timeval){ .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
}

static void on_defer(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    struct jobs batch = loop->deferred;

    (void)fd;
    (void)what;
    loop->deferred = (struct jobs){ 0 }; /* what is deferred from here on runs on the turn after */
    jobs_run(&batch);
    if (loop->deferred.v == NULL)
        loop->deferred = batch;
    else
        free(batch.v);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    struct jobs batch;
    uint64_t count;

    (void)what;
    /* Read before taking the batch: a post between the two then wakes us once too often, not
     * once too seldom. */
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&loop->lock);
    batch = loop->posted;
    loop->posted = loop->spare;
    pthread_mutex_unlock(&loop->lock);
    loop->spare = (struct jobs){ 0 };
    jobs_run(&batch);
    loop->spare = batch;
}

struct loop *loop_new(struct err *err)
{
    struct loop *loop = mem_alloc(sizeof *loop);

    signal(SIGPIPE, SIG_IGN); /* a peer that goes is an error of write(), also within libraries */
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = event_base_new();
    if (loop->wake_fd < 0 || loop->base == NULL) {
        err_set(err, "cannot make an event loop: %s", strerror(errno));
        if (loop->wake_fd >= 0)
            close(loop->wake_fd);
        if (loop->base != NULL)
            event_base_free(loop->base);
        free(loop);
        return NULL;
    }
    pthread_mutex_init(&loop->lock, NULL);
    loop->defer_ev = evtimer_new(loop->base, on_defer, loop);
    loop->wake_ev = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    event_add(loop->wake_ev, NULL);
    return loop;
}

void loop_free(struct loop **loop_p)
{
    struct loop *loop = *loop_p;
    struct sig *sig;

    if (loop == NULL)
        return;
    while (loop->posted.n > 0 || loop->deferred.n > 0) { /* mostly frees that waited for this */
        on_wake(loop->wake_fd, 0, loop);
        on_defer(-1, 0, loop);
    }
    while ((sig = loop->sigs) != NULL) {
        loop->sigs = sig->next;
        event_free(sig->ev);
        free(sig);
    }
    event_free(loop->defer_ev);
    event_free(loop->wake_ev);
    event_base_free(loop->base);
    close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop->deferred.v);
    free(loop->posted.v);
    free(loop->spare.v);
    free(loop);
    *loop_p = NULL;
}

void loop_run(struct loop *loop)
{
    loop->stop = 0;
    while (!loop->stop)
        event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
    loop->stop = 1;
    event_base_loopbreak(loop->base);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *timer = arg;
    int64_t left = timer->due_us - clock_mono_us();
    loop_fn *fn = timer->fn;

    (void)fd;
    (void)what;
    /* libevent counts from the start of its turn and on a coarse clock, so it may be early. */
    if (left > 0) {
        struct timeval tv = us_tv(left);

        event_add(timer->ev, &tv);
        return;
    }
    arg = timer->arg;
    event_free(timer->ev);
    free(timer);
    fn(arg);
}

struct loop_timer *loop_timer_add(struct loop *loop, uint64_t ms, loop_fn *fn, void *arg)
{
    const uint64_t longest = (uint64_t)365 * 86400 * 1000 * 100;
    struct loop_timer *timer = mem_alloc(sizeof *timer);
    int64_t us = (int64_t)(ms < longest ? ms : longest) * 1000;
    struct timeval tv = us_tv(us);

    *timer = (struct loop_timer){
        .ev = evtimer_new(loop->base, on_timer, timer),
        .due_us = clock_mono_us() + us,
        .fn = fn,
        .arg = arg,
    };
    event_add(timer->ev, &tv);
    return timer;
}

void loop_timer_del(struct loop_timer **timer)
{
    if (*timer == NULL)
        return;
    event_free((*timer)->ev);
    free(*timer);
    *timer = NULL;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *watch = arg;

    (void)fd;
    watch->fn(watch->arg, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

struct loop_watch *loop_watch_add(struct loop *loop, int fd, int want_read, int want_write,
                                  loop_watch_fn *fn, void *arg)
{
    struct loop_watch *watch = mem_alloc(sizeof *watch);

    *watch = (struct loop_watch){ .loop = loop, .fd = fd, .fn = fn, .arg = arg };
    watch->ev = event_new(loop->base, fd, EV_PERSIST, on_watch, watch);
    loop_watch_set(watch, want_read, want_write);
    return watch;
}

void loop_watch_set(struct loop_watch *watch, int want_read, int want_write)
{
    short want = (short)((want_read ? EV_READ : 0) | (want_write ? EV_WRITE : 0));

    if (want == watch->want)
        return;
    event_del(watch->ev);
    watch->want = want;
    if (want == 0)
        return;
    event_assign(watch->ev, watch->loop->base, watch->fd, (short)(want | EV_PERSIST), on_watch,
                 watch);
    event_add(watch->ev, NULL);
}

void loop_watch_del(struct loop_watch **watch)
{
    if (*watch == NULL)
        return;
    event_free((*watch)->ev);
    free(*watch);
    *watch = NULL;
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
    struct sig *sig = arg;

    (void)what;
    sig->fn(sig->arg, (int)signo);
}

void loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
    struct sig *sig = mem_alloc(sizeof *sig);

    *sig = (struct sig){ .next = loop->sigs, .fn = fn, .arg = arg };
    sig->ev = evsignal_new(loop->base, signo, on_signal, sig);
    event_add(sig->ev, NULL);
    loop->sigs = sig;
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
    const struct timeval now = { 0, 0 };

    if (loop->deferred.n == 0)
        event_add(loop->defer_ev, &now);
    jobs_add(&loop->deferred, fn, arg);
}

void loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
    const uint64_t one = 1;
    int first;

    pthread_mutex_lock(&loop->lock);
    first = loop->posted.n == 0;
    jobs_add(&loop->posted, fn, arg);
    pthread_mutex_unlock(&loop->lock);
    while (first && write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}
