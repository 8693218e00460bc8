/*
 * iofault.c - LD_PRELOAD: lets the n-th write to disk go wrong.
 *
 * IOFAULT=kill:N   the process is killed when it asks for its N-th pwrite, fdatasync or ftruncate
 * IOFAULT=torn:N   the same, but half of that pwrite is done
 * IOFAULT=eio:N    the N-th fdatasync and all after it give EIO; nothing else is touched
 * IOFAULT=lie:0    fdatasync says yes and does nothing
 * A N of 0 never comes. What is not on a *.db or *.db-wal file is not counted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static atomic_long calls;

static int is_store(int fd)
{
    char link[64], path[512];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = '\0';
    return strstr(path, ".db") != NULL;
}

/* The N of the plan when this is its way, else NULL. */
static const char *planned(const char *way)
{
    const char *plan = getenv("IOFAULT");
    size_t len = strlen(way);

    return plan != NULL && strncmp(plan, way, len) == 0 && plan[len] == ':' ? plan + len + 1 : NULL;
}

/* Is it this call's turn to go wrong in this way? Calls count only for the way that is planned. */
static int at(const char *way, int fd)
{
    const char *n = planned(way);

    return n != NULL && is_store(fd) && atomic_fetch_add(&calls, 1) + 1 == strtol(n, NULL, 10);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    pause();
}

EXPORT ssize_t pwrite64(int fd, const void *p, size_t n, off64_t offset)
{
    ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");

    if (at("torn", fd)) {
        next(fd, p, n / 2, offset);
        die();
    }
    if (at("kill", fd))
        die();
    return next(fd, p, n, offset);
}

EXPORT int ftruncate64(int fd, off64_t length)
{
    int (*next)(int, off64_t) = dlsym(RTLD_NEXT, "ftruncate64");

    if (at("kill", fd) || at("torn", fd))
        die();
    return next(fd, length);
}

EXPORT int fdatasync(int fd)
{
    static atomic_int broken;
    int (*next)(int) = dlsym(RTLD_NEXT, "fdatasync");

    if (at("kill", fd) || at("torn", fd))
        die();
    if (at("eio", fd))
        broken = 1;
    if (planned("lie"))
        return 0;
    if (broken) {
        errno = EIO;
        return -1;
    }
    return next(fd);
}
