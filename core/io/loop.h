/*
 * loop.h - the one event loop: timers, descriptors, signals, and a way in from other threads.
 *
 * Layer: io. Knows nothing of conversations. libevent underneath, one base.
 * Threads: everything on the loop's thread except loop_post().
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct loop;
struct loop_timer;
struct loop_watch;

typedef void loop_fn(void *arg);
typedef void loop_watch_fn(void *arg, int readable, int writable);
typedef void loop_signal_fn(void *arg, int signo);

struct loop *loop_new(struct err *err);
/* Runs what was posted and deferred first; who posts from another thread has stopped. */
void loop_free(struct loop **loop);
void loop_run(struct loop *loop);  /* until loop_stop() */
void loop_stop(struct loop *loop);

/* Fires once after `ms`, never early (monotonic clock), then the timer is freed: null your
 * pointer first in fn. */
struct loop_timer *loop_timer_add(struct loop *loop, uint64_t ms, loop_fn *fn, void *arg);
void loop_timer_del(struct loop_timer **timer); /* NULL is fine */

struct loop_watch *loop_watch_add(struct loop *loop, int fd, int want_read, int want_write,
                                  loop_watch_fn *fn, void *arg);
void loop_watch_set(struct loop_watch *watch, int want_read, int want_write);
void loop_watch_del(struct loop_watch **watch); /* NULL is fine; does not close fd */

void loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg);

/* Runs fn on a later turn of the loop; loop thread only: "never free what may be on the stack". */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);

/* From any thread: run fn on the loop's thread. One wake-up a batch. In order per thread.
 * The queue is unbounded here; callers bound what they post. */
void loop_post(struct loop *loop, loop_fn *fn, void *arg);

#endif
