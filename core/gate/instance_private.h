/*
 * instance_private.h - a plugin that runs: what the gate lent it, what it owes, and how it does.
 * The files of the gate have it by gate_private.h; nobody else includes it.
 *
 * Layer: gate. Loop thread, but for `posts`.
 */
#ifndef GATE_INSTANCE_PRIVATE_H
#define GATE_INSTANCE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>
#include <uthash.h>

#include "base/log.h"
#include "base/ulid.h"
#include "gate/breaker.h"
#include "gate/gate.h"

struct http_call;
struct loop_timer;
struct loop_watch;
struct metric_histogram;

enum instance_state { INSTANCE_CLOSED, INSTANCE_OPENING, INSTANCE_OPEN, INSTANCE_FAILED };

struct td_timer {
    struct td_instance *inst;
    struct td_timer *prev, *next;
    struct loop_timer *timer;
    void (*cb)(void *arg);
    void *arg;
};

struct td_watch {
    struct td_instance *inst;
    struct td_watch *prev, *next;
    struct loop_watch *watch;
    void (*cb)(void *arg, int readable, int writable);
    void *arg;
};

struct td_http {
    struct td_instance *inst;
    struct td_http *prev, *next;
    struct http_call *call;
    td_http_cb *cb;
    td_http_data_cb *on_data;
    void *arg;
};

/* A reply of this instance that goes on. */
struct host_stream {
    struct host_stream *prev, *next;
    struct td_instance *inst;
    uint64_t request;
    td_web_stream_cb *closed;
    void *arg;
};

/* A route or a WebSocket endpoint. */
struct path {
    struct path *prev, *next;
    int ws;
    char path[];
};

struct count {
    struct count *next;
    uint64_t *value;
    char what[];
};

/* A question to an agent, or a message to a channel, that the plugin has and must answer. */
struct job {
    UT_hash_handle hh;
    UT_hash_handle hh_turn; /* while `by_turn`: late answers find it */
    struct job *prev, *next; /* of the instance, oldest first */
    uint64_t id;
    struct td_instance *inst;
    struct ulid session, turn;
    uint64_t epoch, attempt;
    uint64_t of;        /* sends: the reply */
    int unreachable;     /* sends: the customer cannot be reached there any more */
    int64_t started_us; /* monotonic */
    int64_t due_ms;     /* monotonic: when it should have been answered */
    int overdue;        /* counted as a failure already; a late answer is still heard */
    int by_turn;
    int is_offer;        /* desks: an offer, not a relay */
    struct ulid handoff; /* desks */
    size_t streamed; /* bytes of the answer that came as parts */
    int shown;       /* some of them were shown: it cannot be asked again */
};

/* A question that waits until the agent has fewer than max_jobs. */
struct waiting {
    struct waiting *next;
    struct ulid session, turn;
    uint64_t attempt;
};

/* Lives as long as the gate, so that what refers to it never dangles; `generation` tells an
 * instance that was closed and opened again from the one before. */
struct td_instance {
    struct td_instance *next;
    struct gate *gate;
    enum td_kind kind;
    char *name;
    enum instance_state state;
    unsigned generation;
    struct gate_instance_conf conf;
    void *self;
    struct log_ctx log;
    char detail[512]; /* why it is not open */
    char report[256]; /* how it is while it is open, in its own words */
    int suspended;    /* channels: by an operator; whatever the conf says, until the process ends */
    struct loop_timer *open_timer;
    unsigned open_tries;
    int restarting; /* it was open and will be again */
    int64_t restart_pause_ms;
    uint64_t *restarts;

    struct td_timer *timers;
    struct td_watch *watches;
    struct td_http *https;
    struct path *paths;
    struct host_stream *streams;
    unsigned posts; /* waiting; guarded by the gate's post_lock */
    size_t n_keeps; /* not answered yet, of closed generations too */
    char *shared;   /* the shared table it uses; NULL: none yet */

    struct job *jobs;
    size_t n_asks, n_overdue;
    struct waiting *waiting, **waiting_end;
    size_t n_waiting;
    int kicked; /* in the gate's list of agents that may take a waiting question */
    struct td_instance *next_kicked;
    struct breaker breaker;
    enum breaker_state breaker_told;

    int64_t misuse_logged_ms;
    uint64_t misuse_quiet; /* not logged since */
    uint64_t *errors, *messages_in, *messages_out, *duplicates;
    uint64_t *deliveries[TD_FAILED + 1];
    struct metric_histogram *accepted, *turns[TD_REFUSE + 2]; /* by decision; the last: failed */
    struct count *counts;
    unsigned n_counts;
};

struct td_instance *instance_find(const struct gate *gate, enum td_kind kind, const char *name);
int instance_is_open(const struct td_instance *inst); /* NULL: 0 */
int instance_can(const struct td_instance *inst, uint64_t cap);
/* "open", "suspended" .. */
const char *instance_state(const struct td_instance *inst);
/* Tells the channel whether new customers are welcome. */
void instance_pause(struct td_instance *inst);
/* What waited for this channel may leave now. */
void instance_release(struct td_instance *inst);
const struct td_channel_ops *instance_channel(const struct td_instance *inst);
const struct td_agent_ops *instance_agent(const struct td_instance *inst);
const struct td_desk_ops *instance_desk(const struct td_instance *inst);
const char *instance_label(const struct td_instance *inst); /* "channel" or "agent" */
void instance_free_all(struct gate *gate);
/* The plugin broke the contract: counted, logged once in a while. */
void instance_misuse(struct td_instance *inst, const char *fmt, ...) TD_PRINTF(2, 3);

extern const struct td_host host_vtable;
void host_sweep(struct td_instance *inst);
void host_stream(struct td_instance *inst, uint64_t request, const struct td_web_stream *stream);
void host_stream_send(struct td_instance *inst, uint64_t request, const char *text, size_t len);
void host_stream_end(struct td_instance *inst, uint64_t request);
struct metric_histogram *instance_turns(struct td_instance *inst, int decision);
void host_posts_run(struct gate *gate);

#endif
