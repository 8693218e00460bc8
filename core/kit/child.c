/* child.c - a process for the plugin: who crashes, hangs or blocks in it is named. */
#include "config.h"

#include "kit/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit/lend.h"
#include "kit/rules.h"

#define BLOCK_MS 50
#define HANG_MS 5000
#define RUN_MS 60000
#define LINE 512 /* below PIPE_BUF: a line is written whole, whichever thread writes it */

struct shared {
    volatile unsigned calls;
    char op[64]; /* "": none is under way */
};

static struct shared *shared;
static int out = -1;
static struct rusage used_before;
static int64_t wall_before, runnable_before;

void child_fail(int rule, const char *fmt, ...)
{
    char text[LINE - 16], line[LINE];
    va_list ap;
    int len;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p != '\0'; p++)
        *p = (unsigned char)*p < ' ' ? ' ' : *p;
    len = snprintf(line, sizeof line, "%d %s\n", rule, text);
    if (write(out, line, (size_t)len) != len)
        _exit(2);
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How long this thread has run, or has been ready to and others ran; 0 where the kernel does not say. */
static int64_t runnable_ms(void)
{
    char text[96];
    unsigned long long ran = 0, queued = 0;
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%llu %llu", &ran, &queued) != 2)
        return 0;
    return (int64_t)((ran + queued) / 1000000);
}

void child_before(const char *op)
{
    snprintf(shared->op, sizeof shared->op, "%s", op);
    shared->calls++;
    getrusage(RUSAGE_THREAD, &used_before);
    runnable_before = runnable_ms();
    wall_before = wall_ms();
}

static int64_t cpu_ms(const struct rusage *used)
{
    return ((int64_t)used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000 +
           (used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1000;
}

/* A machine that is busy with others takes the processor away: only who gave it up has waited. */
void child_after(const char *op)
{
    const int64_t waited = wall_ms() - wall_before - (runnable_ms() - runnable_before);
    struct rusage used;

    getrusage(RUSAGE_THREAD, &used);
    if (cpu_ms(&used) - cpu_ms(&used_before) > BLOCK_MS)
        child_fail(RULE_BLOCK, "%s() computed for %lld ms: do long work in a thread and post() "
                   "its result", op, (long long)(cpu_ms(&used) - cpu_ms(&used_before)));
    else if (waited > BLOCK_MS && used.ru_nvcsw > used_before.ru_nvcsw &&
             used.ru_majflt == used_before.ru_majflt)
        child_fail(RULE_BLOCK, "%s() waited for %lld ms: use a timer, watch_fd() or http_start() "
                   "instead of waiting", op, (long long)waited);
    lend_revoke();
    shared->op[0] = '\0';
}

/* The process ends here, so what the handler calls need not be safe for those who go on. */
static void on_signal(int sig, siginfo_t *info, void *context)
{
    const enum lend_touch touch = sig == SIGSEGV ? lend_whose(info->si_addr) : LEND_NOT_OURS;
    const char *op = shared->op[0] != '\0' ? shared->op : "a thread of its own, outside a call";

    (void)context;
    if (touch == LEND_REVOKED)
        child_fail(RULE_BORROW, "in %s it used memory that was lent to an earlier call: copy what "
                   "you need before the call returns", op);
    else if (touch == LEND_BEYOND)
        child_fail(RULE_SIZE, "in %s it read beyond what it was given: ask TD_HAS() before a "
                   "field younger than 0.1, and keep within counts and NULs", op);
    else
        child_fail(RULE_CRASH, "it crashed in %s: %s; run it under a debugger or "
                   "AddressSanitizer", op, strsignal(sig));
    _exit(3);
}

static void catch_signals(void)
{
    static char stack[65536];
    const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof stack }, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* as in the daemon */
}

/* One line of the pipe; "0" is the child's last. Returns 1 for that. */
static int take_line(struct report *report, char *line)
{
    char *text;
    const long rule = strtol(line, &text, 10);

    if (rule > 0)
        report_fail(report, (int)rule, text + 1);
    return rule == 0;
}

/* Reads until the pipe ends or nothing has moved for too long. Returns 1 when "0" came. */
static int gather(struct report *report, int in, pid_t pid)
{
    char text[LINE * 4];
    size_t len = 0;
    unsigned calls = 0;
    const int64_t end_ms = wall_ms() + RUN_MS;
    int done = 0, still_ms = 0;

    for (;;) {
        struct pollfd p = { .fd = in, .events = POLLIN };
        ssize_t n;
        char *end;

        if (poll(&p, 1, 250) == 0) {
            still_ms = shared->calls == calls ? still_ms + 250 : 0;
            calls = shared->calls;
            if (still_ms < HANG_MS && wall_ms() < end_ms)
                continue;
            if (still_ms < HANG_MS) {
                report_fail(report, RULE_BOUND, "it kept its host busy for a minute: wait for an "
                            "answer, or for a timer, before more is handed in");
                kill(pid, SIGKILL);
                return 0;
            }
            snprintf(text, sizeof text, "%.60s() did not return within %d s: no call may wait or "
                     "loop for ever", shared->op[0] != '\0' ? shared->op : "something",
                     HANG_MS / 1000);
            report_fail(report, RULE_BLOCK, text);
            kill(pid, SIGKILL);
            return 0;
        }
        n = read(in, text + len, sizeof text - len);
        if (n <= 0)
            return done;
        len += (size_t)n;
        while ((end = memchr(text, '\n', len)) != NULL) {
            *end++ = '\0';
            done |= take_line(report, text);
            len -= (size_t)(end - text);
            memmove(text, end, len);
        }
    }
}

int child_run(struct report *report, void (*fn)(void *arg), void *arg)
{
    int fds[2], done;
    pid_t pid;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe(fds) != 0 || (pid = fork()) < 0) {
        perror("tandemtest");
        exit(2);
    }
    if (pid == 0) {
        close(fds[0]);
        out = fds[1];
        catch_signals();
        if (lend_init() != 0)
            _exit(2);
        fn(arg);
        child_fail(0, "end");
        _exit(0);
    }
    close(fds[1]);
    done = gather(report, fds[0], pid);
    close(fds[0]);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    munmap(shared, sizeof *shared);
    if (!done)
        report_cut(report);
    return done ? 0 : -1;
}
