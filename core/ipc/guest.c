/*
 * guest.c - tandem-plugin-host: one plugin, one instance, alone in a sandbox.
 *
 *     tandem-plugin-host KIND TYPE DIR MEMORY PARENT      the gateway is at descriptor 3
 *
 * The sandbox is entered before the plugin's file is opened. It ends when the gateway does.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "ipc/about.h"
#include "ipc/guest_private.h"
#include "plug/loader.h"

#define MAX_WAITING (48u << 20) /* of what the gateway has not taken yet */

/* Nothing of the plugin's runs any more: no destructors, no exit handlers. */
static _Noreturn void leave(int code)
{
    _exit(code);
}

static _Noreturn void broken(struct td_instance *inst, const char *why)
{
    ipc_put(&inst->pipe, IPC_BROKEN, 0, 0, 0, why, NULL);
    for (int tries = 0; tries < 20 && ipc_flush(&inst->pipe) == 1; tries++)
        poll(&(struct pollfd){ .fd = IPC_FD, .events = POLLOUT }, 1, 100);
    leave(70);
}

/* ---- Frames ------------------------------------------------------------------------------- */

static void on_ready(void *arg, int readable, int writable);

void guest_flush(struct td_instance *inst)
{
    const int rc = inst->pipe.out.len > 0 ? ipc_flush(&inst->pipe) : 0;

    if (rc < 0)
        leave(0);
    if (inst->watch != NULL && inst->want_write != rc) {
        inst->want_write = rc;
        loop_watch_set(inst->watch, 1, rc);
    }
}

static void flush_later(void *arg)
{
    struct td_instance *inst = arg;

    inst->deferred = 0;
    guest_flush(inst);
}

void guest_put(struct td_instance *inst, enum ipc_type type, uint64_t id, uint32_t a, int32_t b,
               const void *payload)
{
    struct err err;
    char why[600];

    if (ipc_put(&inst->pipe, type, id, a, b, payload, &err) != 0) {
        if (inst->pipe.out.len - inst->pipe.out_off > inst->pipe.max_waiting)
            leave(IPC_EXIT_FLOOD);
        snprintf(why, sizeof why, "what it handed in by %s() could not be taken: %s; plugin.h "
                 "rule 11 says how much it may", ipc_rows[type].name, err.text);
        broken(inst, why);
    }
    if (inst->pipe.out.len > 65536 && ipc_flush(&inst->pipe) < 0)
        leave(0);
}

void guest_call(struct td_instance *inst, enum ipc_type type, uint32_t a, const void *payload,
                struct ipc_frame *frame_r)
{
    const uint64_t id = ++inst->calls;
    struct err err;
    int rc;

    guest_put(inst, type, id, a, 0, payload);
    ipc_keep(&inst->pipe);
    for (;;) {
        const int waits = ipc_flush(&inst->pipe);
        struct pollfd poll_fd = { .fd = IPC_FD,
                                  .events = (short)(POLLIN | (waits == 1 ? POLLOUT : 0)) };

        while ((rc = ipc_next(&inst->pipe, frame_r, &err)) == 1) {
            if (frame_r->type == IPC_RETURN && frame_r->id == id) {
                ipc_unkeep(&inst->pipe);
                if (inst->held != NULL && !inst->deferred) {
                    inst->deferred = 1;
                    loop_defer(inst->loop, flush_later, inst);
                }
                return;
            }
            struct held *held = mem_alloc(sizeof *held);
            held->frame = *frame_r;
            *inst->held_end = held;
            inst->held_end = &held->next;
        }
        if (rc < 0 || waits < 0 || (poll(&poll_fd, 1, -1) < 0 && errno != EINTR) ||
            ((poll_fd.revents & (POLLIN | POLLHUP)) != 0 && ipc_fill(&inst->pipe) < 0))
            leave(0); /* the gateway is gone */
    }
}

/* ---- Ops ---------------------------------------------------------------------------------- */

static void open_plugin(struct td_instance *inst, const struct ipc_frame *frame)
{
    const struct ipc_open *what = frame->payload;
    const void *conf = about_conf(inst->plugin, what, inst->arena);
    struct td_error error = { "" };
    enum td_status status;
    void *self = NULL;

    if (conf == NULL)
        broken(inst, "its conf is not what its keys ask for");
    inst->log_level = frame->a;
    inst->name = arena_strdup(inst->arena, what->name != NULL ? what->name : "");
    /* open stands at the same place in the ops of every kind. */
    status = ((const struct td_channel_ops *)inst->plugin->ops)
                 ->open(&guest_host, inst, conf, &self, &error);
    error.text[sizeof error.text - 1] = '\0';
    inst->self = status == TD_OK ? self : NULL;
    guest_put(inst, IPC_OPENED, 0, status, 0, error.text);
    if (status == TD_OK)
        return;
    for (int tries = 0; tries < 20 && ipc_flush(&inst->pipe) == 1; tries++)
        poll(&(struct pollfd){ .fd = IPC_FD, .events = POLLOUT }, 1, 100);
}

static _Noreturn void close_plugin(struct td_instance *inst)
{
    const void *ops = inst->plugin->ops;

    if (inst->self != NULL && inst->plugin->kind == TD_CHANNEL)
        ((const struct td_channel_ops *)ops)->close(inst->self);
    else if (inst->self != NULL && inst->plugin->kind == TD_AGENT)
        ((const struct td_agent_ops *)ops)->close(inst->self);
    else if (inst->self != NULL)
        ((const struct td_desk_ops *)ops)->close(inst->self);
    for (int tries = 0; tries < 20 && ipc_flush(&inst->pipe) == 1; tries++)
        poll(&(struct pollfd){ .fd = IPC_FD, .events = POLLOUT }, 1, 100);
    leave(0);
}

/* An op that kinds have in common, but not at the same place. */
#define TELL(type_, op_, what_)                                              \
    do {                                                                     \
        const type_ *ops_ = inst->plugin->ops;                               \
        if (inst->self != NULL && TD_HAS(ops_, op_) && ops_->op_ != NULL)    \
            ops_->op_(inst->self, job, what_);                               \
    } while (0)
#define TELL_ANY(op_, what_)                           \
    do {                                               \
        if (inst->plugin->kind == TD_CHANNEL)          \
            TELL(struct td_channel_ops, op_, what_);   \
        else if (inst->plugin->kind == TD_AGENT)       \
            TELL(struct td_agent_ops, op_, what_);     \
        else                                           \
            TELL(struct td_desk_ops, op_, what_);      \
    } while (0)

void guest_filed(struct td_instance *inst, uint64_t job, const struct td_filed *filed)
{
    TELL_ANY(filed, filed);
}

static void kept(struct td_instance *inst, uint64_t job, const struct td_kept *what)
{
    TELL_ANY(kept, what);
}
#undef TELL_ANY
#undef TELL

static void take_channel(struct td_instance *inst, const struct ipc_frame *frame)
{
    const struct td_channel_ops *ops = inst->plugin->ops;

    switch (frame->type) {
    case IPC_SEND: ops->send(inst->self, frame->id, frame->payload); break;
    case IPC_ACCEPTED: ops->accepted(inst->self, frame->id, frame->payload); break;
    case IPC_ATTACHED: ops->attached(inst->self, frame->id, frame->payload); break;
    case IPC_EVENT: ops->event(inst->self, frame->payload); break;
    case IPC_PAUSE: ops->pause(inst->self, (int)frame->a); break;
    default: guest_take_net(inst, frame);
    }
}

static void late(struct td_instance *inst, const struct ipc_frame *frame)
{
    const struct td_agent_ops *ops = inst->plugin->ops;
    const struct ipc_late *what = frame->payload;
    struct td_error error = { "" };
    enum td_status status = TD_RETRY;

    if (what->request != NULL)
        status = ops->late(inst->self, what->job, what->request, &error);
    error.text[sizeof error.text - 1] = '\0';
    guest_put(inst, IPC_LATE_DONE, frame->id, status, 0, error.text);
}

static void take_agent(struct td_instance *inst, const struct ipc_frame *frame)
{
    const struct td_agent_ops *ops = inst->plugin->ops;

    switch (frame->type) {
    case IPC_ASK: ops->ask(inst->self, frame->id, frame->payload); break;
    case IPC_CANCEL: ops->cancel(inst->self, frame->id); break;
    case IPC_LATE: late(inst, frame); break;
    default: guest_take_net(inst, frame);
    }
}

static void take_desk(struct td_instance *inst, const struct ipc_frame *frame)
{
    const struct td_desk_ops *ops = inst->plugin->ops;
    const struct ipc_release *release = frame->payload;

    switch (frame->type) {
    case IPC_OFFER: ops->offer(inst->self, frame->id, frame->payload); break;
    case IPC_RELAY: ops->relay(inst->self, frame->id, frame->payload); break;
    case IPC_RELEASE: ops->release(inst->self, release->handoff, release->outcome); break;
    case IPC_DESK_EVENT: ops->event(inst->self, frame->payload); break;
    case IPC_DONE: ops->done(inst->self, frame->id, frame->payload); break;
    default: guest_take_net(inst, frame);
    }
}

static void take(struct td_instance *inst, const struct ipc_frame *frame)
{
    if (frame->type == IPC_PING) {
        inst->log_level = frame->a;
        guest_put(inst, IPC_PONG, frame->id, 0, 0, NULL);
    } else if (frame->type == IPC_CLOSE) {
        close_plugin(inst);
    } else if (frame->type == IPC_OPEN) {
        open_plugin(inst, frame);
    } else if (inst->self == NULL) {
        return;
    } else if (frame->type == IPC_FILED) {
        guest_filed(inst, frame->id, frame->payload);
    } else if (frame->type == IPC_KEPT) {
        kept(inst, frame->id, frame->payload);
    } else if (inst->plugin->kind == TD_CHANNEL) {
        take_channel(inst, frame);
    } else if (inst->plugin->kind == TD_AGENT) {
        take_agent(inst, frame);
    } else {
        take_desk(inst, frame);
    }
}

static void take_held(struct td_instance *inst)
{
    struct held *held;

    while ((held = inst->held) != NULL) {
        inst->held = held->next;
        if (inst->held == NULL)
            inst->held_end = &inst->held;
        take(inst, &held->frame);
        ipc_done(&inst->pipe, &held->frame);
        free(held);
    }
}

static void on_ready(void *arg, int readable, int writable)
{
    struct td_instance *inst = arg;
    struct ipc_frame frame;
    struct err err;
    int rc = 0;

    (void)writable;
    take_held(inst);
    if (readable && ipc_fill(&inst->pipe) < 0)
        leave(0);
    while ((rc = ipc_next(&inst->pipe, &frame, &err)) == 1) {
        take(inst, &frame);
        ipc_done(&inst->pipe, &frame);
        take_held(inst);
    }
    if (rc < 0)
        broken(inst, err.text);
    guest_flush(inst);
}

/* -------------------------------------------------------------------------------------------- */

static enum td_kind kind_of(const char *name)
{
    return strcmp(name, "channel") == 0 ? TD_CHANNEL
           : strcmp(name, "agent") == 0 ? TD_AGENT
                                        : TD_DESK;
}

int main(int argc, char **argv)
{
    static struct td_instance inst;
    struct loader *loader;
    struct err err = { "" };

    if (argc != 6) {
        fputs("tandem-plugin-host is run by tandemd, for sections with isolate = yes\n", stderr);
        return 2;
    }
    syscall(SYS_close_range, IPC_FD + 1, ~0u, 0); /* before the loop has its own */
    signal(SIGPIPE, SIG_IGN);
    ipc_pipe_init(&inst.pipe, IPC_FD, 0);
    inst.pipe.max_waiting = MAX_WAITING;
    inst.held_end = &inst.held;
    inst.arena = arena_new(0);
    inst.loop = loop_new(&err);
    if (inst.loop == NULL ||
        sandbox_enter(argv[3], strtoll(argv[4], NULL, 10), strtol(argv[5], NULL, 10), &err) != 0)
        broken(&inst, err.text);
    loader = loader_new(argv[3]);
    inst.plugin = loader_get(loader, kind_of(argv[1]), argv[2], &err);
    if (inst.plugin == NULL) {
        guest_put(&inst, IPC_REFUSED, 0, 0, 0, err.text);
        ipc_flush(&inst.pipe);
        leave(64);
    }
    guest_put(&inst, IPC_ABOUT, 0, 0, 0, about_of(inst.plugin, inst.arena));
    inst.watch = loop_watch_add(inst.loop, IPC_FD, 1, 0, on_ready, &inst);
    guest_flush(&inst);
    loop_run(inst.loop);
    leave(0);
}
