/*
 * twoproc.c - what two processes alone make a message wait: handed over, and one handed back.
 *
 *   twoproc BYTES GAP_US SECONDS     prints the median of a round trip in microseconds
 *
 * A socketpair and epoll on both sides, BYTES each way and nothing done with them: the least that a
 * plugin in a process of its own costs. Between two round trips both sleep GAP_US, as a conversation
 * does, so that both wake-ups are paid.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 1000000
#define MAX_BYTES 65536

static char bytes[MAX_BYTES];

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int fail(const char *what)
{
    fprintf(stderr, "twoproc: %s: %s\n", what, strerror(errno));
    return 2;
}

static int poll_of(int fd)
{
    struct epoll_event event = { .events = EPOLLIN };
    const int poll = epoll_create1(EPOLL_CLOEXEC);

    return poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0 ? -1 : poll;
}

/* Sleeps until a whole message is there. 0, or -1: the other side is gone. */
static int take(int poll, int fd, size_t size)
{
    struct epoll_event event;

    for (size_t got = 0; got < size;) {
        ssize_t n;

        if (epoll_wait(poll, &event, 1, -1) < 0 && errno != EINTR)
            return -1;
        n = recv(fd, bytes, size - got, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return -1;
        got += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int echo(int fd, size_t size)
{
    const int poll = poll_of(fd);

    while (poll >= 0 && take(poll, fd, size) == 0)
        if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
            break;
    return 0;
}

static int measure(int fd, size_t size, const struct timespec *gap, double seconds)
{
    double *waits = malloc(MAX_ROUNDS * sizeof *waits);
    const double until = now_us() + seconds * 1e6;
    const int poll = poll_of(fd);
    size_t n = 0;

    if (waits == NULL || poll < 0)
        return fail("starting");
    while (n < MAX_ROUNDS && now_us() < until) {
        double begin;

        nanosleep(gap, NULL);
        begin = now_us();
        if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size || take(poll, fd, size) != 0)
            return fail("a round trip");
        waits[n++] = now_us() - begin;
    }
    qsort(waits, n, sizeof *waits, by_size);
    printf("%.1f\n", waits[n / 2]);
    free(waits);
    return 0;
}

int main(int argc, char **argv)
{
    const long size = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
    const long gap_us = argc == 4 ? strtol(argv[2], NULL, 10) : -1;
    const double seconds = argc == 4 ? strtod(argv[3], NULL) : 0;
    int fds[2];

    if (size < 1 || size > MAX_BYTES || gap_us < 0 || gap_us > 999999 || !(seconds > 0)) {
        fprintf(stderr, "usage: twoproc BYTES GAP_US SECONDS\n");
        return 2;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return fail("socketpair");
    switch (fork()) {
    case -1:
        return fail("fork");
    case 0:
        close(fds[0]);
        return echo(fds[1], (size_t)size);
    }
    close(fds[1]);
    return measure(fds[0], (size_t)size, &(struct timespec){ .tv_nsec = gap_us * 1000 }, seconds);
}
