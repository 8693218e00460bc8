/* test_loop.c - io/loop.c: timers are never early, posts come in order, nothing is lost. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"

static struct loop *loop;
static char order[64];
static size_t n_order;

static int begin(void **state)
{
    struct err err;

    (void)state;
    n_order = 0;
    order[0] = '\0';
    loop = loop_new(&err);
    return loop == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    loop_free(&loop);
    return loop == NULL ? 0 : -1;
}

static void note(void *arg)
{
    order[n_order++] = *(const char *)arg;
    order[n_order] = '\0';
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void timers_fire_in_the_order_of_their_time(void **state)
{
    struct loop_timer *a, *b, *c;
    int64_t began;

    (void)state;
    for (;;) {
        began = clock_mono_ms();
        c = loop_timer_add(loop, 30, note, "c");
        a = loop_timer_add(loop, 10, note, "a");
        b = loop_timer_add(loop, 20, note, "b");
        if (clock_mono_ms() - began < 10)
            break;
        loop_timer_del(&a); /* a busy machine has made another order of it */
        loop_timer_del(&b);
        loop_timer_del(&c);
    }
    loop_timer_add(loop, 40, stop, NULL);
    loop_run(loop);
    assert_string_equal(order, "abc");
}

static void a_deleted_timer_does_not_fire(void **state)
{
    struct loop_timer *timer = loop_timer_add(loop, 5, note, "x");

    (void)state;
    loop_timer_del(&timer);
    assert_null(timer);
    loop_timer_del(&timer);
    loop_timer_add(loop, 20, stop, NULL);
    loop_run(loop);
    assert_string_equal(order, "");
}

struct early {
    int64_t due_us;
    int late, n;
};

static void check_time(void *arg)
{
    struct early *early = arg;

    if (clock_mono_us() < early->due_us)
        early->late = -1;
    usleep(3000); /* the next one is added in a turn whose start lies back */
    if (++early->n == 20) {
        loop_stop(loop);
        return;
    }
    early->due_us = clock_mono_us() + 5000;
    loop_timer_add(loop, 5, check_time, early);
}

static void a_timer_is_never_early(void **state)
{
    struct early early = { .due_us = clock_mono_us() };

    (void)state;
    loop_timer_add(loop, 0, check_time, &early);
    loop_run(loop);
    assert_int_equal(early.late, 0);
}

static struct loop_timer *other;

static void delete_other(void *arg)
{
    (void)arg;
    loop_timer_del(&other);
    loop_timer_add(loop, 10, stop, NULL);
}

static void a_timer_may_delete_another_that_is_due_as_well(void **state)
{
    (void)state;
    loop_timer_add(loop, 5, delete_other, NULL);
    other = loop_timer_add(loop, 6, note, "x");
    usleep(20000); /* both are due in one turn */
    loop_run(loop);
    assert_string_equal(order, "");
}

static void defer_again(void *arg)
{
    note(arg);
    loop_defer(loop, note, "2");
    loop_timer_add(loop, 10, stop, NULL);
}

static void what_is_deferred_runs_on_a_later_turn_in_order(void **state)
{
    (void)state;
    loop_defer(loop, defer_again, "1");
    loop_defer(loop, note, "b");
    assert_string_equal(order, "");
    loop_run(loop);
    assert_string_equal(order, "1b2");
}

static void note_twice(void *arg)
{
    note(arg);
    loop_defer(loop, note, "2");
}

static void freeing_the_loop_runs_what_was_posted_and_deferred(void **state)
{
    (void)state;
    loop_defer(loop, free, mem_alloc(8)); /* a leak otherwise */
    loop_defer(loop, note, "z");
    loop_post(loop, free, mem_alloc(8));
    loop_post(loop, note_twice, "p");
    loop_free(&loop);
    assert_string_equal(order, "pz2");
}

static int pipe_fds[2];

static void on_pipe(void *arg, int readable, int writable)
{
    struct loop_watch **watch = arg;
    char c;

    note(readable ? "r" : "-");
    note(writable ? "w" : "-");
    assert_int_equal(read(pipe_fds[0], &c, 1), 1);
    loop_watch_del(watch); /* from its own callback */
    loop_stop(loop);
}

static void a_watch_tells_what_it_was_asked_for_and_may_end_itself(void **state)
{
    struct loop_watch *watch;

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    watch = loop_watch_add(loop, pipe_fds[0], 0, 0, on_pipe, &watch);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    loop_timer_add(loop, 20, stop, NULL);
    loop_run(loop);
    assert_string_equal(order, "");
    loop_watch_set(watch, 1, 0);
    loop_run(loop);
    assert_string_equal(order, "r-");
    assert_null(watch);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void on_signal(void *arg, int signo)
{
    note(arg);
    assert_int_equal(signo, SIGUSR1);
    loop_stop(loop);
}

static void raise_it(void *arg)
{
    (void)arg;
    kill(getpid(), SIGUSR1);
}

static void a_signal_is_told_on_the_loop(void **state)
{
    (void)state;
    loop_signal(loop, SIGUSR1, on_signal, "s");
    loop_timer_add(loop, 1, raise_it, NULL);
    loop_run(loop);
    assert_string_equal(order, "s");
}

#define POSTS 100000
#define POSTERS 4

struct post {
    int poster, n;
};

static int expected[POSTERS], wrong, arrived;

static void on_post(void *arg)
{
    struct post *post = arg;

    wrong += expected[post->poster]++ != post->n;
    free(post);
    if (++arrived == POSTERS * POSTS)
        loop_stop(loop);
}

static void *poster(void *arg)
{
    int me = *(int *)arg;

    for (int i = 0; i < POSTS; i++) {
        struct post *post = mem_alloc(sizeof *post);

        *post = (struct post){ me, i };
        loop_post(loop, on_post, post);
    }
    return NULL;
}

static void posts_of_many_threads_all_come_and_in_the_order_of_each(void **state)
{
    pthread_t threads[POSTERS];
    int ids[POSTERS];

    (void)state;
    for (int i = 0; i < POSTERS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, poster, &ids[i]);
    }
    loop_run(loop);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(wrong, 0);
    assert_int_equal(arrived, POSTERS * POSTS);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_in_the_order_of_their_time),
        TEST(a_deleted_timer_does_not_fire),
        TEST(a_timer_is_never_early),
        TEST(a_timer_may_delete_another_that_is_due_as_well),
        TEST(what_is_deferred_runs_on_a_later_turn_in_order),
        TEST(freeing_the_loop_runs_what_was_posted_and_deferred),
        TEST(a_watch_tells_what_it_was_asked_for_and_may_end_itself),
        TEST(a_signal_is_told_on_the_loop),
        TEST(posts_of_many_threads_all_come_and_in_the_order_of_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
