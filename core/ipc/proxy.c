/* proxy.c - the life of a guest: started, watched, lost, closed. */
#include "config.h"

#include "ipc/proxy.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/about.h"
#include "ipc/proxy_private.h"

#define START_MS 10000 /* for the program to load and to look at the file */
#define CLOSE_MS 2000  /* for the plugin's close(), when it answered so far */
#define PING_MS 1000
#define MOST_UNTAKEN (4u << 20)
#define QUIET_MS 60000 /* so long without a loss ends a row of them */
#define DESCRIBE_MEMORY (INT64_C(256) << 20)

static uint32_t log_wanted(void)
{
    uint32_t level = LOG_TRACE_LEVEL;

    while (level > LOG_ERROR_LEVEL && !log_wants((enum log_level)level))
        level--;
    return level;
}

/* ---- Lost --------------------------------------------------------------------------------- */

static int64_t next_pause(struct proxy *proxy)
{
    struct proxy_state *state = proxy->conf->state;
    int64_t ms = proxy->conf->pause_ms;

    if (clock_mono_ms() - proxy->started_ms >= QUIET_MS)
        state->in_row = 0;
    for (unsigned i = 0; i < state->in_row && ms < proxy->conf->max_pause_ms; i++)
        ms *= 2;
    state->in_row++;
    return ms < proxy->conf->max_pause_ms ? ms : proxy->conf->max_pause_ms;
}

static void report(struct proxy *proxy)
{
    proxy->life = PROXY_DEAD;
    proxy_net_lost(proxy);
    proxy->host->watch_del(&proxy->end_watch);
    proxy->host->timer_del(&proxy->tick);
    spawn_bury(&proxy->child);
    proxy->conf->state->pid = 0;
    proxy->conf->state->losses++;
    if (proxy->conf->state->opened)
        proxy->conf->lost(proxy->conf->arg, proxy->why, next_pause(proxy));
}

static void on_end(void *arg, int readable, int writable)
{
    struct proxy *proxy = arg;
    char how[160];

    (void)readable, (void)writable;
    if (!spawn_reap(&proxy->child, how, sizeof how))
        return;
    if (proxy->why[0] == '\0')
        snprintf(proxy->why, sizeof proxy->why,
                 "%s: tell whoever makes the plugin; if it needs more memory, raise "
                 "isolate_memory", how);
    report(proxy);
}

static void on_slow_end(void *arg)
{
    struct proxy *proxy = arg;

    proxy->tick = NULL;
    if (proxy->why[0] == '\0')
        snprintf(proxy->why, sizeof proxy->why, "its process ended");
    report(proxy);
}

static void end_guest(struct proxy *proxy)
{
    proxy->life = PROXY_DYING;
    proxy->host->watch_del(&proxy->watch);
    proxy->host->timer_del(&proxy->tick);
    proxy->end_watch =
        proxy->host->watch_fd(proxy->inst, proxy->child.pidfd, 1, 0, on_end, proxy);
    proxy->tick = proxy->host->timer_add(proxy->inst, 1000, on_slow_end, proxy);
}

void proxy_lose(struct proxy *proxy, const char *fmt, ...)
{
    va_list ap;

    if (proxy->life >= PROXY_DYING)
        return;
    va_start(ap, fmt);
    vsnprintf(proxy->why, sizeof proxy->why, fmt, ap);
    va_end(ap);
    kill(proxy->child.pid, SIGKILL);
    end_guest(proxy);
}

/* ---- Frames ------------------------------------------------------------------------------- */

static void on_ready(void *arg, int readable, int writable);

/* Who does not take the answers is not read further either. */
static void watch(struct proxy *proxy, int want_write)
{
    const int want_read = proxy->pipe.out.len - proxy->pipe.out_off <= MOST_UNTAKEN;

    if (proxy->watch != NULL && proxy->want_write == want_write && proxy->want_read == want_read)
        return;
    proxy->host->watch_del(&proxy->watch);
    proxy->want_write = want_write;
    proxy->want_read = want_read;
    proxy->watch = proxy->host->watch_fd(proxy->inst, proxy->pipe.fd, want_read, want_write,
                                         on_ready, proxy);
}

void proxy_flush(struct proxy *proxy)
{
    const int rc = proxy->life == PROXY_STARTING ? 0 : ipc_flush(&proxy->pipe);

    proxy->host->timer_del(&proxy->turn_end);
    if (rc < 0) { /* what it said last is still to be read, the end comes with it */
        buf_fini(&proxy->pipe.out);
        proxy->pipe.out_off = 0;
    }
    watch(proxy, rc == 1);
}

static void on_turn_end(void *arg)
{
    struct proxy *proxy = arg;

    proxy->turn_end = NULL;
    if (proxy->life < PROXY_DYING)
        proxy_flush(proxy);
}

int proxy_put(struct proxy *proxy, enum ipc_type type, uint64_t id, uint32_t a, int32_t b,
              const void *payload, struct err *err)
{
    const size_t before = proxy->pipe.out.len;

    if (proxy->life >= PROXY_DYING)
        return 0;
    if (ipc_put(&proxy->pipe, type, id, a, b, payload, err) != 0) {
        if (proxy->pipe.out.len == before)
            return -1; /* nothing was put: that frame is the matter, not the guest */
        if (proxy->pipe.out.len - proxy->pipe.out_off > proxy->pipe.max_waiting)
            proxy_lose(proxy, "it does not take what it is handed, %zu bytes wait: it blocks, "
                       "which plugin.h rule 3 forbids", proxy->pipe.out.len);
        return 0;
    }
    if (proxy->turn_end == NULL && !proxy->want_write) /* what else this turn puts leaves with it */
        proxy->turn_end = proxy->host->timer_add(proxy->inst, 0, on_turn_end, proxy);
    return 0;
}

/* Reads what is there and takes it. */
static void proxy_read(struct proxy *proxy)
{
    struct ipc_frame frame;
    struct err err;
    int rc = ipc_fill(&proxy->pipe);

    if (rc < 0) { /* its end says why */
        end_guest(proxy);
        return;
    }
    while (proxy->life < PROXY_DYING && (rc = ipc_next(&proxy->pipe, &frame, &err)) == 1) {
        proxy_take(proxy, &frame);
        ipc_done(&proxy->pipe, &frame);
    }
    if (rc < 0 && proxy->life < PROXY_DYING)
        proxy_lose(proxy, "%s: it was ended; its memory is spoiled, tell whoever makes the plugin",
                   err.text);
}

static void on_ready(void *arg, int readable, int writable)
{
    struct proxy *proxy = arg;

    if (writable)
        proxy_flush(proxy);
    if (readable && proxy->life < PROXY_DYING)
        proxy_read(proxy);
}

/* ---- The watchdog ------------------------------------------------------------------------- */

static void on_tick(void *arg)
{
    struct proxy *proxy = arg;
    const int64_t now = clock_mono_ms();
    const int64_t hang = proxy->conf->hang_ms;
    const int64_t every = hang / 4 < PING_MS ? hang / 4 : PING_MS;

    proxy->tick = proxy->host->timer_add(proxy->inst, (uint32_t)(every > 10 ? every : 10),
                                         on_tick, proxy);
    proxy_net_tick(proxy, now);
    if (proxy->life == PROXY_STARTING) {
        if (now - proxy->started_ms > START_MS)
            proxy_lose(proxy, "its process did not start within %d s", START_MS / 1000);
    } else if (proxy->pinged_ms == 0) {
        proxy->pinged_ms = now;
        proxy_put(proxy, IPC_PING, ++proxy->pings, log_wanted(), 0, NULL, NULL);
    } else if (now - proxy->pinged_ms > hang) {
        proxy_lose(proxy, "it has not answered for %lld ms and was ended: it blocks, which "
                   "plugin.h rule 3 forbids; isolate_hang says how long is too long",
                   (long long)hang);
    }
}

/* ---- Opening ------------------------------------------------------------------------------ */

static int start(struct proxy *proxy, struct err *err)
{
    const struct proxy_plugin *plugin = proxy->plugin;
    static const char *const kinds[] = { [TD_CHANNEL] = "channel", [TD_AGENT] = "agent",
                                         [TD_DESK] = "desk" };
    const struct spawn spawn = { .program = plugin->program, .kind = kinds[plugin->plugin.kind],
                                 .type = plugin->type, .dir = plugin->dir,
                                 .memory = proxy->conf->memory };
    struct arena *arena;
    int rc;

    if (spawn_start(&spawn, &proxy->child, err) != 0)
        return -1;
    proxy->conf->state->pid = proxy->child.pid;
    proxy->started_ms = clock_mono_ms();
    ipc_pipe_init(&proxy->pipe, proxy->child.fd, 1);
    arena = arena_new(0);
    rc = ipc_put(&proxy->pipe, IPC_OPEN, 0, log_wanted(), 0,
                 about_open(&plugin->plugin, proxy->host->name(proxy->inst), proxy->conf->conf,
                            arena), err);
    arena_free(&arena);
    watch(proxy, 0);
    on_tick(proxy);
    return rc;
}

void proxy_wait(struct proxy *proxy, int (*cond)(const struct proxy *proxy), int64_t ms)
{
    const int64_t until = clock_mono_ms() + ms;

    while (!cond(proxy) && proxy->life < PROXY_DYING) {
        const int64_t left = until - clock_mono_ms();
        const int waits = proxy->life > PROXY_STARTING && proxy->pipe.out.len > 0;
        struct pollfd poll_fd = { .fd = proxy->pipe.fd,
                                  .events = (short)(POLLIN | (waits ? POLLOUT : 0)) };

        if (left <= 0)
            return;
        if (poll(&poll_fd, 1, (int)left) < 0 && errno != EINTR)
            return;
        if ((poll_fd.revents & POLLOUT) != 0)
            proxy_flush(proxy);
        if ((poll_fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            proxy_read(proxy);
    }
}

static int is_opened(const struct proxy *proxy)
{
    return proxy->life == PROXY_OPEN;
}

static void free_proxy(struct proxy *proxy)
{
    proxy->host->watch_del(&proxy->watch);
    proxy->host->watch_del(&proxy->end_watch);
    proxy->host->timer_del(&proxy->tick);
    proxy->host->timer_del(&proxy->turn_end);
    proxy_net_free(proxy);
    ipc_pipe_fini(&proxy->pipe);
    spawn_bury(&proxy->child);
    proxy->conf->state->pid = 0;
    free(proxy);
}

/* The first time: what open() said is the answer; a guest that died or hangs is tried again. */
static enum td_status first_open(struct proxy *proxy, struct td_error *error)
{
    enum td_status status = TD_RETRY;

    proxy_wait(proxy, is_opened, START_MS);
    if (proxy->life == PROXY_OPEN && proxy->open_status == TD_OK)
        return TD_OK;
    if (proxy->life == PROXY_OPEN) {
        status = proxy->open_status;
        snprintf(error->text, sizeof error->text, "%s", proxy->open_text);
    } else if (proxy->life == PROXY_DYING) {
        struct pollfd poll_fd = { .fd = proxy->child.pidfd, .events = POLLIN };

        poll(&poll_fd, 1, 1000);
        on_end(proxy, 1, 0);
        snprintf(error->text, sizeof error->text, "%s", proxy->why);
    } else if (proxy->life < PROXY_OPEN) {
        snprintf(error->text, sizeof error->text, "its open() did not return within %d s: it "
                 "blocks, which plugin.h rule 3 forbids", START_MS / 1000);
    } else {
        snprintf(error->text, sizeof error->text, "%s", proxy->why);
    }
    return status;
}

enum td_status proxy_open(const struct td_host *host, struct td_instance *inst, const void *conf,
                          void **self_r, struct td_error *error)
{
    struct proxy *proxy = mem_alloc(sizeof *proxy);
    const int again = ((const struct proxy_conf *)conf)->state->opened;
    enum td_status status = TD_OK;
    struct err err = { "" };

    *proxy = (struct proxy){ .host = host, .inst = inst, .conf = conf,
                             .child = { .pidfd = -1, .fd = -1 }, .pipe = { .fd = -1 } };
    proxy->plugin = (const struct proxy_plugin *)(const void *)proxy->conf->plugin;
    if (start(proxy, &err) != 0) {
        snprintf(error->text, sizeof error->text, "%s", err.text);
        status = TD_RETRY;
    } else if (!again) {
        status = first_open(proxy, error);
    }
    if (status == TD_OK || status == TD_RETRY)
        proxy->conf->state->opened = 1;
    if (status != TD_OK) {
        free_proxy(proxy);
        return status;
    }
    *self_r = proxy;
    return TD_OK;
}

/* ---- Closing ------------------------------------------------------------------------------ */

static int is_over(const struct proxy *proxy)
{
    return proxy->life >= PROXY_DYING;
}

void proxy_close(void *self)
{
    struct proxy *proxy = self;

    if (proxy->life == PROXY_OPENING || proxy->life == PROXY_OPEN) {
        proxy_put(proxy, IPC_CLOSE, 0, 0, 0, NULL, NULL);
        proxy_wait(proxy, is_over, proxy->pinged_ms != 0 && clock_mono_ms() - proxy->pinged_ms > 500
                                     ? 100 : CLOSE_MS);
    }
    if (proxy->life < PROXY_DYING)
        proxy->host->log(proxy->inst, TD_WARN, "the plugin's close() did not return in time, its "
                         "process is ended");
    free_proxy(proxy);
}

/* ---- Describing --------------------------------------------------------------------------- */

static struct td_plugin *make_plugin(const char *program, const char *type, const char *dir,
                                     const struct ipc_about *about, struct err *err)
{
    struct arena *arena = arena_new(0);
    struct td_plugin *made = NULL;
    struct proxy_plugin *plugin;

    if (about->kind >= TD_CHANNEL)
        made = about_plugin(about, proxy_ops((enum td_kind)about->kind), arena);
    if (made == NULL) {
        err_set(err, "its descriptor is none");
        arena_free(&arena);
        return NULL;
    }
    plugin = mem_alloc(sizeof *plugin);
    *plugin = (struct proxy_plugin){ .plugin = *made, .arena = arena,
                                     .program = mem_strdup(program), .type = mem_strdup(type),
                                     .dir = mem_strdup(dir) };
    about_bytes(about, &plugin->about);
    return &plugin->plugin;
}

/* 1: a frame; else -1 with a sentence. */
static int first_frame(struct ipc_pipe *pipe, struct ipc_frame *frame, struct err *err)
{
    const int64_t until = clock_mono_ms() + START_MS;
    int rc;

    while ((rc = ipc_next(pipe, frame, err)) == 0) {
        struct pollfd poll_fd = { .fd = pipe->fd, .events = POLLIN };
        const int64_t left = until - clock_mono_ms();

        if (left <= 0 || (poll(&poll_fd, 1, (int)left) < 0 && errno != EINTR))
            return err_set(err, "it was not loaded within %d s", START_MS / 1000);
        if (ipc_fill(pipe) < 0)
            return err_set(err, "the process that loaded it ended: is it built for this machine, "
                           "does it run code of its own while it is loaded?");
    }
    return rc;
}

struct td_plugin *proxy_describe(const char *program, enum td_kind kind, const char *type,
                                 const char *dir, struct err *err)
{
    const struct spawn spawn = { .program = program,
                                 .kind = kind == TD_CHANNEL ? "channel"
                                         : kind == TD_AGENT ? "agent"
                                                            : "desk",
                                 .type = type, .dir = dir, .memory = DESCRIBE_MEMORY };
    struct td_plugin *plugin = NULL;
    struct spawned child;
    struct ipc_frame frame;
    struct ipc_pipe pipe;

    if (spawn_start(&spawn, &child, err) != 0)
        return NULL;
    ipc_pipe_init(&pipe, child.fd, 1);
    if (first_frame(&pipe, &frame, err) == 1) {
        if (frame.type == IPC_ABOUT)
            plugin = make_plugin(program, type, dir, frame.payload, err);
        else
            err_set(err, "%s", frame.type == IPC_REFUSED && frame.payload != NULL
                                   ? (const char *)frame.payload : "it did not describe itself");
        ipc_done(&pipe, &frame);
    }
    ipc_pipe_fini(&pipe);
    spawn_bury(&child);
    return plugin;
}

void proxy_free(struct td_plugin **plugin_p)
{
    struct proxy_plugin *plugin = (struct proxy_plugin *)(void *)*plugin_p;

    *plugin_p = NULL;
    if (plugin == NULL)
        return;
    arena_free(&plugin->arena);
    buf_fini(&plugin->about);
    free(plugin->program);
    free(plugin->type);
    free(plugin->dir);
    free(plugin);
}
