/* guest_private.h - what the files of the guest share: the process in which a plugin runs alone. */
#ifndef IPC_GUEST_PRIVATE_H
#define IPC_GUEST_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <uthash.h>

#include "ipc/pipe.h"

struct arena;
struct loop;
struct loop_timer;
struct loop_watch;

struct held { /* a frame that came while a call was waited for */
    struct held *next;
    struct ipc_frame frame;
};

struct guest_path {
    struct guest_path *next;
    uint32_t number;
    td_web_cb *cb; /* NULL: a WebSocket endpoint */
    td_web_head_cb *head; /* NULL: every body is let in */
    struct td_ws_ops ops;
    void *arg;
};

/* A reply that goes on. */
struct guest_stream {
    struct guest_stream *next;
    uint64_t request;
    td_web_stream_cb *closed;
    void *arg;
};

/* The one instance there is. */
struct td_instance {
    const struct td_plugin *plugin;
    void *self; /* NULL: not open */
    struct loop *loop;
    struct loop_watch *watch;
    int want_write;
    struct ipc_pipe pipe;
    struct arena *arena; /* conf and name: they live as long as the process */
    const char *name;
    uint32_t log_level;
    uint64_t calls;
    struct held *held, **held_end;
    int calling, deferred;
    struct guest_path *paths;
    struct guest_stream *streams;
    uint32_t n_paths;
    struct td_http *https;
    uint64_t last_http;
    struct buf human;
    atomic_uint posts;
};

extern const struct td_host guest_host;

/* To the gateway; what cannot be put ends the guest, with a sentence. */
void guest_put(struct td_instance *inst, enum ipc_type type, uint64_t id, uint32_t a, int32_t b,
               const void *payload);
void guest_flush(struct td_instance *inst);
/* Puts a call and waits for its return, which is the caller's until ipc_done(). */
void guest_call(struct td_instance *inst, enum ipc_type type, uint32_t a, const void *payload,
                struct ipc_frame *frame_r);
void guest_filed(struct td_instance *inst, uint64_t job, const struct td_filed *filed);
void guest_take_net(struct td_instance *inst, const struct ipc_frame *frame);

/* Ends in a sandbox or not at all: 0, or -1 with a sentence. dir: where plugins are. */
struct err;
int sandbox_enter(const char *dir, long long memory, long parent, struct err *err);

#endif
