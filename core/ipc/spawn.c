/* spawn.c - the process of an isolated plugin. */
#include "config.h"

#include "ipc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "ipc/wire.h"

#define MAX_LATE 256 /* processes that were ended and are not gone yet */

static pid_t late[MAX_LATE];
static size_t n_late;

static void reap_late(void)
{
    size_t kept = 0;

    for (size_t i = 0; i < n_late; i++) {
        if (waitpid(late[i], NULL, WNOHANG) == 0)
            late[kept++] = late[i];
    }
    n_late = kept;
}

/* ---- The beginning ------------------------------------------------------------------------ */

/* Nothing of the daemon's environment but this: it may hold secrets. */
static char **environment(void)
{
    static const char *const names[] = {
        "PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
    };
    const size_t n_names = sizeof names / sizeof *names;
    char **env = mem_array(n_names + 1, sizeof *env);
    size_t n = 0;

    for (size_t i = 0; i < n_names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL)
            env[n++] = mem_printf("%s=%s", names[i], value);
    }
    return env;
}

static int run(const struct spawn *spawn, int fd, char **argv, pid_t *pid_r)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char **env = environment();
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, IPC_FD);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0); /* what a terminal or a supervisor signals is not for it */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn(pid_r, spawn->program, &actions, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    for (size_t i = 0; env[i] != NULL; i++)
        free(env[i]);
    free(env);
    return rc;
}

int spawn_start(const struct spawn *spawn, struct spawned *spawned_r, struct err *err)
{
    char memory[24], parent[24];
    char *argv[] = { "tandem-plugin-host", (char *)spawn->kind, (char *)spawn->type,
                     (char *)spawn->dir, memory, parent, NULL };
    int fds[2], rc;

    reap_late();
    snprintf(memory, sizeof memory, "%lld", (long long)spawn->memory);
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return err_set(err, "cannot make a socket pair: %s", strerror(errno));
    rc = run(spawn, fds[1], argv, &spawned_r->pid);
    close(fds[1]);
    if (rc != 0) {
        close(fds[0]);
        return err_set(err, "%s cannot be run: %s; is Tandem wholly installed?", spawn->program,
                       strerror(rc));
    }
    spawned_r->fd = fds[0];
    spawned_r->pidfd = (int)syscall(SYS_pidfd_open, spawned_r->pid, 0);
    if (spawned_r->pidfd >= 0)
        return 0;
    err_set(err, "the process cannot be watched: %s; isolate needs Linux 5.3", strerror(errno));
    close(fds[0]);
    spawn_bury(spawned_r);
    return -1;
}

/* ---- The end ------------------------------------------------------------------------------ */

int spawn_reap(struct spawned *spawned, char *why, size_t size)
{
    int status = 0;
    const pid_t pid = spawned->pid > 0 ? waitpid(spawned->pid, &status, WNOHANG) : -1;

    if (pid == 0)
        return 0;
    spawned->pid = 0;
    if (pid > 0 && WIFSIGNALED(status))
        snprintf(why, size, "its process was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (pid > 0 && WEXITSTATUS(status) == IPC_EXIT_FLOOD)
        snprintf(why, size, "it handed in more than the gateway could take, against plugin.h "
                 "rule 11, and was ended");
    else
        snprintf(why, size, "its process ended by itself, with code %d", WEXITSTATUS(status));
    return 1;
}

void spawn_bury(struct spawned *spawned)
{
    struct pollfd poll_fd = { .fd = spawned->pidfd, .events = POLLIN };
    char why[128];

    if (spawned->pid > 0) {
        kill(spawned->pid, SIGKILL);
        if (spawned->pidfd >= 0)
            poll(&poll_fd, 1, 20);
        if (!spawn_reap(spawned, why, sizeof why) && n_late < MAX_LATE)
            late[n_late++] = spawned->pid;
    }
    if (spawned->pidfd >= 0)
        close(spawned->pidfd);
    *spawned = (struct spawned){ .pidfd = -1, .fd = -1 };
}
