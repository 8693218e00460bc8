/* proxy_private.h - what the files of the proxy share. */
#ifndef IPC_PROXY_PRIVATE_H
#define IPC_PROXY_PRIVATE_H

#include <uthash.h>

#include "base/buf.h"
#include "ipc/pipe.h"
#include "ipc/proxy.h"
#include "ipc/spawn.h"

struct arena;
struct proxy;

#define PROXY_MAX_UNANSWERED 10000 /* plugin.h, rule 11 */
#define PROXY_MAX_PATHS 64
#define PROXY_MAX_REPLIES 100000 /* web requests that the guest may still answer */

/* What a described plugin is; the plugin comes first. */
struct proxy_plugin {
    struct td_plugin plugin;
    struct arena *arena;
    struct buf about; /* as it came: each guest must say the same */
    char *program, *type, *dir;
};

enum proxy_life {
    PROXY_STARTING, /* what is put waits for its descriptor */
    PROXY_OPENING,
    PROXY_OPEN,
    PROXY_DYING, /* ended, not reaped */
    PROXY_DEAD,
};

/* A route or a WebSocket endpoint of the guest's. */
struct proxy_path {
    struct proxy_path *next;
    struct proxy *proxy;
    uint32_t number; /* the guest's */
};

struct proxy_http {
    UT_hash_handle hh;
    uint64_t id; /* the guest's */
    struct proxy *proxy;
    struct td_http *http;
};

/* A WebSocket connection or a web request that is the guest's. */
struct proxy_own {
    UT_hash_handle hh;
    uint64_t id;
    int64_t since_ms;
};

struct proxy {
    const struct td_host *host;
    struct td_instance *inst;
    const struct proxy_conf *conf;
    const struct proxy_plugin *plugin;
    enum proxy_life life;
    struct spawned child;
    struct ipc_pipe pipe;
    struct td_watch *watch, *end_watch;
    int want_read, want_write;
    struct td_timer *tick, *turn_end;
    int64_t started_ms, pinged_ms; /* monotonic; pinged_ms 0: no ping is out */
    uint64_t pings;
    char why[400];
    enum td_status open_status;
    char open_text[512];

    size_t n_unanswered;
    struct proxy_path *paths;
    unsigned n_paths;
    struct proxy_http *https;
    struct proxy_own *conns, *requests, *streams;

    uint64_t late_call; /* the newest call of late(), and what came of it */
    int late_over, late_slow;
    enum td_status late_status;
    char late_text[512];
};

const void *proxy_ops(enum td_kind kind);

/* The guest is no good any more: it is ended and, when reaped, reported. */
void proxy_lose(struct proxy *proxy, const char *fmt, ...) TD_PRINTF(2, 3);
/* 0, or -1: it did not fit into a frame, the reason in err; anything worse loses the guest. */
int proxy_put(struct proxy *proxy, enum ipc_type type, uint64_t id, uint32_t a, int32_t b,
              const void *payload, struct err *err);
void proxy_flush(struct proxy *proxy);
/* Reads and writes until cond() or the time is up. */
void proxy_wait(struct proxy *proxy, int (*cond)(const struct proxy *proxy), int64_t ms);
/* The ops that stand for the guest's whole life. */
enum td_status proxy_open(const struct td_host *host, struct td_instance *inst, const void *conf,
                          void **self_r, struct td_error *error);
void proxy_close(void *self);
/* What the guest sent. */
void proxy_take(struct proxy *proxy, const struct ipc_frame *frame);
void proxy_answered(struct proxy *proxy);

/* proxy_net.c */
void proxy_take_net(struct proxy *proxy, const struct ipc_frame *frame);
void proxy_net_tick(struct proxy *proxy, int64_t now_ms);
void proxy_net_lost(struct proxy *proxy); /* answers what the guest has not */
void proxy_net_free(struct proxy *proxy);

#endif
