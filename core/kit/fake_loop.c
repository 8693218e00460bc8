/* fake_loop.c - the clock of a fake host: timers, watches and posts, when the test says so. */
#include "config.h"

#include "kit/fake_host.h"

#include <poll.h>
#include <stdlib.h>

#include "kit/fake_host_private.h"

struct td_timer *fake_host_timer_add(struct td_instance *inst, uint32_t ms, void (*cb)(void *),
                                     void *arg)
{
    struct fake *f = fake_enter(inst, "timer_add");
    struct td_timer *t, **at;

    if (f == NULL)
        return NULL;
    t = fake_keep(&f->mem, NULL, sizeof *t);
    at = &f->timers;
    *t = (struct td_timer){ .fake = f, .at_ms = f->now_ms + ms, .cb = cb, .arg = arg };
    while (*at != NULL && (*at)->at_ms <= t->at_ms)
        at = &(*at)->next;
    t->next = *at;
    *at = t;
    return t;
}

void fake_host_timer_del(struct td_timer **timer)
{
    struct fake *f;
    struct td_timer **at;

    if (*timer == NULL || (f = fake_enter(&(*timer)->fake->inst, "timer_del")) == NULL)
        return;
    if ((*timer)->over) {
        fake_fault(f, 1, "timer_del() of a timer that is gone: set the pointer to NULL first in "
                   "its callback");
        *timer = NULL;
        return;
    }
    for (at = &f->timers; *at != *timer;)
        at = &(*at)->next;
    *at = (*timer)->next;
    (*timer)->over = 1;
    *timer = NULL;
}

struct td_watch *fake_host_watch_fd(struct td_instance *inst, int fd, int want_read,
                                    int want_write, void (*cb)(void *, int, int), void *arg)
{
    struct fake *f = fake_enter(inst, "watch_fd");
    struct td_watch *w;

    if (f == NULL)
        return NULL;
    w = fake_keep(&f->mem, NULL, sizeof *w);
    *w = (struct td_watch){ .fake = f, .next = f->watches, .fd = fd, .want_read = want_read,
                            .want_write = want_write, .cb = cb, .arg = arg };
    f->watches = w;
    return w;
}

void fake_host_watch_del(struct td_watch **watch)
{
    struct fake *f;
    struct td_watch **at;

    if (*watch == NULL || (f = fake_enter(&(*watch)->fake->inst, "watch_del")) == NULL)
        return;
    if ((*watch)->over) {
        fake_fault(f, 1, "watch_del() of a watch that is gone: watch_del() sets the pointer to "
                   "NULL");
        *watch = NULL;
        return;
    }
    for (at = &f->watches; *at != *watch;)
        at = &(*at)->next;
    *at = (*watch)->next;
    (*watch)->over = 1;
    *watch = NULL;
}

enum td_status fake_host_post(struct td_instance *inst, void (*fn)(void *), void *arg)
{
    struct fake *f = inst->fake;
    struct fake_post *post;
    int closed, full;

    pthread_mutex_lock(&f->lock);
    closed = f->closed;
    full = f->n_posts >= FAKE_MAX_POSTS;
    if (!closed && !full) {
        post = malloc(sizeof *post);
        if (post == NULL)
            abort();
        *post = (struct fake_post){ .fn = fn, .arg = arg };
        *f->posts_end = post;
        f->posts_end = &post->next;
        f->n_posts++;
    }
    pthread_mutex_unlock(&f->lock);
    if (closed)
        fake_fault(f, 7, "post() was called after close(): join the threads in close()");
    return closed || full ? TD_RETRY : TD_OK;
}

static void run_posts(struct fake *f)
{
    for (;;) {
        pthread_mutex_lock(&f->lock);
        struct fake_post *post = f->posts;

        if (post != NULL) {
            f->n_posts--;
            if ((f->posts = post->next) == NULL)
                f->posts_end = &f->posts;
        }
        pthread_mutex_unlock(&f->lock);
        if (post == NULL)
            return;
        fake_before(f, "a posted function");
        post->fn(post->arg);
        fake_after(f, "a posted function");
        free(post);
    }
}

/* One watch a round: its callback may change the list. */
static void run_watches(struct fake *f)
{
    for (unsigned round = 0; round < 1000; round++) {
        struct td_watch *w = f->watches;
        struct pollfd p;

        for (; w != NULL; w = w->next) {
            p = (struct pollfd){ .fd = w->fd,
                                 .events = (short)((w->want_read ? POLLIN : 0) |
                                                   (w->want_write ? POLLOUT : 0)) };
            if (poll(&p, 1, 0) > 0)
                break;
        }
        if (w == NULL)
            return;
        fake_before(f, "a watch's callback");
        w->cb(w->arg, w->want_read && (p.revents & ~POLLOUT),
              w->want_write && (p.revents & ~POLLIN));
        fake_after(f, "a watch's callback");
    }
}

void fake_run(struct fake *f)
{
    unsigned fired = 0;

    run_posts(f);
    run_watches(f);
    fake_run_ws_ends(f);
    while (f->timers != NULL && f->timers->at_ms <= f->now_ms) {
        struct td_timer *t = f->timers;
        void (*cb)(void *) = t->cb;
        void *arg = t->arg;

        if (fired++ == FAKE_MAX_CALLS) {
            fake_fault(f, 11, "more than %d timers fired at one instant: a timer of 0 ms that sets "
                       "itself again leaves the loop no time", FAKE_MAX_CALLS);
            f->timers = NULL;
            return;
        }
        f->timers = t->next;
        t->over = 1;
        fake_before(f, "a timer's callback");
        cb(arg);
        fake_after(f, "a timer's callback");
        run_posts(f);
        fake_run_ws_ends(f);
    }
}

void fake_advance(struct fake *f, int64_t ms)
{
    const int64_t end = f->now_ms + ms;

    fake_run(f);
    while (f->timers != NULL && f->timers->at_ms <= end) {
        f->now_ms = f->timers->at_ms;
        fake_run(f);
    }
    f->now_ms = end;
    fake_run(f);
}

int64_t fake_now(const struct fake *f)
{
    return f->now_ms;
}

unsigned fake_timers(const struct fake *f)
{
    unsigned n = 0;

    for (const struct td_timer *t = f->timers; t != NULL; t = t->next)
        n++;
    return n;
}
