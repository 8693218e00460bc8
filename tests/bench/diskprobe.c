/*
 * diskprobe.c - what the disk alone makes a message wait: an open loop of small durable writes.
 *
 *   diskprobe DIR RATE SECONDS      prints "p50_us p99_us max_us"
 *
 * RATE messages a second fall due, whatever the disk does. All that are due by now share one write
 * of 8 KiB into a file made before, and one fdatasync(): the least a store with group commit does.
 * A message's time runs from the moment it fell due.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 8192
#define BLOCKS 2048

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int fail(const char *what)
{
    fprintf(stderr, "diskprobe: %s: %s\n", what, strerror(errno));
    return 2;
}

int main(int argc, char **argv)
{
    static char block[BLOCK], path[4096];
    int64_t rate = argc == 4 ? strtoll(argv[2], NULL, 10) : 0;
    int64_t seconds = argc == 4 ? strtoll(argv[3], NULL, 10) : 0, n = 0, written = 0, begin;
    int64_t *waits;
    int fd;

    if (rate < 1 || rate > 100000 || seconds < 1 || seconds > 3600) {
        fprintf(stderr, "usage: diskprobe DIR RATE SECONDS\n");
        return 2;
    }
    waits = malloc((size_t)(rate * seconds) * sizeof *waits);
    snprintf(path, sizeof path, "%s/diskprobe", argv[1]);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (waits == NULL || fd < 0)
        return fail(path);
    unlink(path);
    memset(block, 'x', sizeof block);
    for (int i = 0; i < BLOCKS; i++) /* written, not only reserved: no extent changes later */
        if (pwrite(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
            return fail(path);
    if (fsync(fd) < 0)
        return fail(path);
    for (begin = now_us(); n < rate * seconds; written++) {
        int64_t due = begin + n * 1000000 / rate, ahead = due - now_us(), from = n;

        if (ahead > 0)
            nanosleep(&(struct timespec){ .tv_sec = ahead / 1000000,
                                          .tv_nsec = ahead % 1000000 * 1000 }, NULL);
        while (n < rate * seconds && begin + n * 1000000 / rate <= now_us())
            n++;
        if (n == from) /* woken early */
            continue;
        if (pwrite(fd, block, BLOCK, (off_t)(written % BLOCKS) * BLOCK) != BLOCK ||
            fdatasync(fd) < 0)
            return fail("writing");
        for (int64_t end = now_us(); from < n; from++)
            waits[from] = end - (begin + from * 1000000 / rate);
    }
    qsort(waits, (size_t)n, sizeof *waits, by_size);
    printf("%lld %lld %lld\n", (long long)waits[n / 2], (long long)waits[n * 99 / 100],
           (long long)waits[n - 1]);
    free(waits);
    close(fd);
    return 0;
}
