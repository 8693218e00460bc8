/*
 * test_gate_rig.h - a gate with a real engine, loop and store, and plugins made of test code.
 *
 * Channels: "chat" (replays) and "sms" (does not). Agents: "main" and "backup". What the gate asks
 * of them is recorded; how they behave is set by the test. store_append() is wrapped at link time,
 * so that a test can hold batches back or fill the disk.
 */
#ifndef TESTS_UNIT_TEST_GATE_RIG_H
#define TESTS_UNIT_TEST_GATE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tandem/plugin.h>

#include "base/buf.h"
#include "base/ulid.h"
#include "engine/policy.h"
#include "gate/gate.h"

#define RIG_MAX 4096

enum behaviour { DO_OK, DO_NOTHING, DO_RETRY, DO_AWAY, DO_FAIL, DO_TWICE, DO_CHOICE };

struct rig_message {
    uint64_t job, seq;
    char session[27], text[300];
    int maybe_duplicate;
};

struct rig_accepted {
    uint64_t delivery, seq;
    enum td_status status;
    int duplicate;
    char session[27], detail[128];
};

struct rig_event {
    enum td_event_type type;
    uint64_t seq, of;
    char text[128], owner[32], turn[27];
};

struct rig_attached {
    uint64_t job, seq;
    enum td_status status;
    int resync;
    char session[27];
    struct rig_event replay[64];
    size_t n_replay;
    uint64_t delivered, read; /* receipts that stood at its end */
};

struct rig_kept {
    uint64_t job;
    enum td_status status;
    size_t n;
    int more;
    char first[16], value[16], detail[80];
};

struct rig_channel {
    struct td_instance *inst;
    enum behaviour behaviour;
    uint64_t shown; /* what a socket of the customer has seen */
    int filters;    /* 1: it does not show again */
    int paused, closed;
    struct rig_message sent[RIG_MAX]; /* asked to send */
    size_t n_sent;
    struct rig_accepted accepted[RIG_MAX];
    size_t n_accepted;
    struct rig_attached attached[16];
    size_t n_attached;
    struct rig_event events[RIG_MAX];
    size_t n_events; /* receipts apart */
    uint64_t delivered, read;
    struct rig_kept kept[64];
    size_t n_kept;
};

struct rig_ask {
    uint64_t job;
    char turn[27], session[27], state[64];
    char text[300]; /* of all its messages, with + between */
    uint32_t attempt;
    size_t n_messages, n_history;
};

struct rig_agent {
    struct td_instance *inst;
    enum behaviour behaviour;
    enum td_status open_status;
    struct rig_ask asks[RIG_MAX];
    size_t n_asks;
    size_t n_cancelled;
};

struct rig {
    struct loop *loop;
    struct store *store;
    struct metric_set *metrics;
    struct gate *gate;
    struct rig_channel chat, sms;
    struct rig_agent main, backup;
    struct policy_agent agents[2];
    struct policy_channel channels[2];
    struct policy policy;
    struct gate_instance_conf instances[4];
    char url[128];
    size_t resumed;
    int resume_done, drained;
    int http_status;
    char json[20000];
};

/* The wrapped store: how many of the next appends end in FULL, in CONFLICT; whether they wait. */
extern struct rig_store {
    int full, conflict, hold;
    size_t held, appends;
} rig_store;
void rig_release(void); /* the held ones go on */

extern struct rig *rig; /* of the running test */

int rig_setup(void **state);
int rig_teardown(void **state);
void rig_start(size_t max_sessions); /* gate and instances over the store that is open */
void rig_stop(void);                 /* the gate goes as in a crash: nothing is written */
void rig_reopen(const char *url);    /* another store, or the same file again */

void rig_run(int ms);
#define WAIT(cond_)                                           \
    do {                                                      \
        for (int ms_ = 0; ms_ < 5000 && !(cond_); ms_++)      \
            rig_run(1);                                       \
        if (!(cond_))                                         \
            fail_msg("line %d: never came true: " #cond_, __LINE__); \
    } while (0)

void rig_deliver(struct rig_channel *channel, uint64_t delivery, const char *peer,
                 const char *session, const char *id, const char *text);
void rig_keep(struct rig_channel *channel, uint64_t job, enum td_keep_op op, const char *key,
              const char *value, int64_t until_ms);
void rig_attach(uint64_t job, const char *session, uint64_t last_seq, uint32_t max_replay);
void rig_sent(struct rig_channel *channel, uint64_t job, enum td_status status, int away);
void rig_answer(struct rig_agent *agent, uint64_t job, const char *text);
void rig_delta(struct rig_agent *agent, uint64_t job, const char *text);
void rig_answer_status(struct rig_agent *agent, uint64_t job, enum td_status status);
const struct rig_accepted *rig_accepted_of(const struct rig_channel *channel, uint64_t delivery);
const struct rig_attached *rig_attached_of(uint64_t job);
uint64_t rig_counter(const char *line); /* "name{labels}" of the metrics; 0: not there */
void rig_resume(void);
void rig_session(const char *session); /* -> http_status, json */
void rig_list(const char *state);
void rig_journal(const char *session, int with_bodies);
void rig_pass(const char *session, const char *agent);
void rig_close(const char *session);
void rig_drain(int limit_ms);
const struct td_host *rig_host(void);

#endif
