/*
 * gate.h - the shell around the engine: carries events in and effects out, decides nothing.
 *
 * Layer: gate (plug, store, io, config, engine, base). Loop thread only.
 *
 *   inbound   deliver(), attach(), event() of channels -> the session's mailbox
 *   attachments, links   files come in, belong to messages, and are shown by signed links
 *   mailbox   one event of a session at a time: decide, append, apply, effects
 *   slot      sessions in memory: found, loaded, written out and let go
 *   dispatch  questions to agents and their answers; a circuit breaker an agent
 *   late      answers that agents post by themselves, to a turn that is open
 *   desk      offers, relays and events to desks
 *   board     all handoffs at a glance, presence of humans, who watches
 *   request   what desks ask for their humans; answered once
 *   outbox    what leaves, in order a session, one at a time, with back-off
 *   stream    parts of an answer, shown before it comes
 *   timers    wakes sessions when engine_due() says, also those that are not in memory
 *   suspend   channels and agents as lists; channels that an operator holds back
 *   tally     metrics of handoffs, promises, what customers say again
 *   listen    tells who listens what happens
 *   host      the td_host vtable, resources of an instance and their sweep
 *
 * Bounded: sessions in memory (cold ones are a snapshot in the store), events in a mailbox, jobs of
 * an instance. Over the bound: TD_RETRY to the channel, a counter, never a loss.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>

#include "base/ulid.h"
#include "engine/policy.h"
#include "files/quota.h"

struct buf;
struct err;
struct files;
struct gate;
struct http;
struct loop;
struct metric_set;
struct store;
struct web;

struct gate_conf {
    struct loop *loop;
    struct store *store;
    struct http *http;
    struct web *web;
    struct metric_set *metrics;
    size_t max_sessions; /* in memory */
};

struct gate *gate_new(const struct gate_conf *conf);
/* Instances and the listener must be closed; the loop must live on. Callbacks of the store may still come. */
void gate_free(struct gate **gate);

/* Takes over the policy; the old one is released with `release` when no step uses it any more. */
void gate_set_policy(struct gate *gate, const struct policy *policy,
                     void (*release)(const struct policy *policy));

/* As it is now: until the next turn of the loop. */
const struct policy *gate_policy(const struct gate *gate);

/* Files that travel with messages. Strings are borrowed until the next call. */
struct gate_files_conf {
    struct files *files; /* NULL: none are taken; the same in every call */
    int64_t max_file;    /* bytes */
    const char *const *types, *const *denied; /* patterns of MIME types; the second counts more */
    struct quota_limits quota; /* of a session, or of an instance */
    int64_t link_ms;           /* how long a link holds */
    int64_t unused_ms;         /* how long a file waits for its message */
    int64_t retention_ms;
    const char *public_url; /* what stands before /files/ in a link */
    const char *scanner;    /* as in io/clamd.h; NULL: nothing is scanned */
};
void gate_set_files(struct gate *gate, const struct gate_files_conf *conf);

/* Who may speak for a human of the conf: copied, replaces those before. */
struct gate_human {
    const char *name;
    uint8_t token[32]; /* SHA-256 of the bearer token */
};
void gate_set_humans(struct gate *gate, const struct gate_human *humans, size_t n);

/* Per instance settings that the gate itself obeys. */
struct gate_instance_conf {
    const struct td_plugin *plugin;
    const char *name;   /* of the section */
    const void *conf;   /* filled struct of the plugin; lives until the instance is closed */
    unsigned breaker_failures;     /* agents: failures in a row that open the breaker; 0: none */
    int64_t breaker_open_ms;       /* agents: how long it stays open before one probe */
    unsigned max_jobs;             /* agents: questions under way at once; over it they wait */
    int64_t retry_ms, retry_max_ms; /* desks: pauses when one cannot be reached; 0: 500, 30000 */
};

/* Opens it: calls the plugin's open(). -1 with the plugin's sentence; TD_RETRY from open() is not
 * an error: it is tried again with back-off and shows in gate_ready(). */
int gate_instance_open(struct gate *gate, const struct gate_instance_conf *conf, struct err *err);
/* Pauses, waits for nothing, closes, sweeps, answers open jobs itself. Loaded sessions stay. */
void gate_instance_close(struct gate *gate, enum td_kind kind, const char *name);

/* An open instance has failed by itself: on a later turn it is closed, its open jobs are answered
 * with TD_RETRY, and after the pause it is opened again, as often as it takes. why: a sentence for
 * the operator. May be called from anywhere, also out of the plugin's ops. */
void gate_instance_restart(struct gate *gate, enum td_kind kind, const char *name, const char *why,
                           int64_t pause_ms);

/* Takes up what was under way when the process last ended; call once, after the instances are
 * open, before web_start(). done comes when all such sessions have been resumed. */
void gate_resume(struct gate *gate, void (*done)(void *arg, size_t sessions), void *arg);

/* No new customers; running turns and steps may end; then, or after limit_ms, done is called once.
 * Snapshots of sessions in memory are written. */
void gate_drain(struct gate *gate, int64_t limit_ms, void (*done)(void *arg), void *arg);

/* 1: ready; 0: reasons appended, one a line. */
int gate_ready(const struct gate *gate, struct buf *reasons);

/* Operators. JSON is appended to out, objects without the outer HTTP. */
void gate_status_json(const struct gate *gate, struct buf *out);    /* one object */
void gate_instances_json(const struct gate *gate, struct buf *out); /* an array */

/* A suspended channel takes no new customers and sends nothing: who is in conversation is heard and
 * the answers wait; behind one that waits a channel that replays is told TD_RETRY. Nothing is lost.
 * It lasts over reloads, until it is resumed or the process ends.
 * 0, or -1: there is no such channel. */
int gate_suspend(struct gate *gate, const char *channel, int on);
void gate_channels_json(const struct gate *gate, struct buf *out); /* an array */
void gate_agents_json(const struct gate *gate, struct buf *out);   /* an array */
void gate_desks_json(const struct gate *gate, struct buf *out); /* an array; with their queues */
/* An array; state: NULL, "queued", "live", "closed". */
void gate_handoffs_json(struct gate *gate, const char *state, struct buf *out);
/* One of them as an object; -1: there is none. */
int gate_channel_json(const struct gate *gate, const char *name, struct buf *out);

/* Everything that happens, as it becomes durable or, of instances, as it is: records by their type,
 * "instance" and "breaker". Borrowed for the call, which must not call the gate. */
struct gate_fact {
    const char *type;
    const char *session, *channel, *agent; /* whom it concerns; NULL: none */
    const char *facts;                     /* a JSON object: nothing that was said */
    size_t len;
};
typedef void gate_fact_fn(void *arg, const struct gate_fact *fact);
void gate_listen(struct gate *gate, gate_fact_fn *fn, void *arg); /* fn NULL: nobody does */

/* Asynchronous; fn once, on a later turn; json borrowed. status: of HTTP (200, 404, 409, 503);
 * when it is not 200, json is a sentence that says why, as plain text. */
typedef void gate_json_fn(void *arg, int status, const char *json, size_t len);
/* {"sessions":[..],"next":id}; state: NULL, "open", "closed"; after: NULL or an id. */
void gate_sessions(struct gate *gate, const char *state, const struct ulid *after, size_t max,
                   gate_json_fn *fn, void *arg);
void gate_session(struct gate *gate, const struct ulid *id, gate_json_fn *fn, void *arg);
/* JSON lines, facts only: {"seq":..,..,"names":{..}}, with what their numbers mean by field; texts as
 * well when with_bodies. */
void gate_journal(struct gate *gate, const struct ulid *id, uint64_t after, size_t max,
                  int with_bodies, gate_json_fn *fn, void *arg);
/* What a channel keeps, a JSON object a line: at most 1,000 pairs whose keys begin with prefix and are
 * beyond `after` (NULL: from the first). The channel need not be in the conf any more;
 * "@NAME" is a shared table. */
void gate_kept(struct gate *gate, const char *channel, const char *prefix, const char *after,
               gate_json_fn *fn, void *arg);
/* Who wants it, and a key: an order that comes again with the same one does nothing else. */
struct gate_order {
    const char *by, *key; /* key: at most 100 bytes count; NULL: none */
};
void gate_pass(struct gate *gate, const struct ulid *id, const char *agent,
               const struct gate_order *order, gate_json_fn *fn, void *arg);
/* Asks for a human; queue NULL: the channel's own. Gives a session that a human has back to the
 * agent. Both answered like gate_pass(). */
void gate_request(struct gate *gate, const struct ulid *id, const char *queue, const char *reason,
                  const struct gate_order *order, gate_json_fn *fn, void *arg);
void gate_release(struct gate *gate, const struct ulid *id, const struct gate_order *order,
                  gate_json_fn *fn, void *arg);
/* Makes the token with which the customer goes on by another channel, and tells them so. channel,
 * link: in their words, or NULL; the link gets "#bridge=TOKEN", and without one it is the page of the
 * channel's conf. Answered with {"token","link"?,"expires_at"}; a token that is made later makes this
 * one void. */
void gate_bridge(struct gate *gate, const struct ulid *id, const char *channel, const char *link,
                 const struct gate_order *order, gate_json_fn *fn, void *arg);
void gate_close_session(struct gate *gate, const struct ulid *id, const struct gate_order *order,
                        gate_json_fn *fn, void *arg);

#endif
