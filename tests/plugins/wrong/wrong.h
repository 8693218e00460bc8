/* wrong.h - a channel, an agent and a desk that keep the contract, but for what WRONG_* change. */
#ifndef TESTS_PLUGINS_WRONG_WRONG_H
#define TESTS_PLUGINS_WRONG_WRONG_H

#include "config.h"

#include <tandem/plugin.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct wrong {
    const struct td_host *host;
    struct td_instance *inst;
    struct td_timer *timer;
    const char *kept;
    uint64_t last;
};

static void wrong_start(struct wrong *self);
static void wrong_job(struct wrong *self, uint64_t job, const char *text);
static void wrong_stop(struct wrong *self);

static enum td_status wrong_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    struct wrong *self = calloc(1, sizeof *self);

    (void)conf, (void)err;
    self->host = host;
    self->inst = inst;
    wrong_start(self);
    *self_r = self;
    return TD_OK;
}

static void wrong_close(void *self)
{
    wrong_stop(self);
    free(self);
}

#ifdef WRONG_AGENT
static inline void answer(struct wrong *self, uint64_t job)
{
    const struct td_answer answer = { .size = sizeof answer, .silent = "nothing to say" };

    self->host->answer(self->inst, job, &answer);
}

static void wrong_cancel(void *self, uint64_t job)
{
    (void)self, (void)job;
}

static void wrong_ask(void *self, uint64_t job, const struct td_turn *turn)
{
    wrong_job(self, job, turn->id);
}

static const struct td_agent_ops ops = { .size = sizeof ops, .open = wrong_open, .ask = wrong_ask,
                                         .cancel = wrong_cancel, .close = wrong_close };
#define WRONG_DEFINE(name_) \
    TD_PLUGIN_DEFINE(.kind = TD_AGENT, .name = name_, .version = "1.0", .ops = &ops)
#elif defined(WRONG_DESK)
static void wrong_released(struct wrong *self, const char *handoff);

static inline void answer(struct wrong *self, uint64_t job)
{
    const struct td_offered offered = { .size = sizeof offered, .wait_ms = -1 };

    self->host->offered(self->inst, job, &offered);
}

static inline void act(struct wrong *self, const char *handoff, const char *human)
{
    const struct td_desk_request request = { .size = sizeof request, .op = TD_OP_ACCEPT,
                                             .handoff = handoff, .human = human };

    self->host->desk(self->inst, ++self->last, &request);
}

static inline void relayed(struct wrong *self, uint64_t job)
{
    const struct td_sent sent = { .size = sizeof sent, .status = TD_OK };

    self->host->sent(self->inst, job, &sent);
}

static void wrong_offer(void *self, uint64_t job, const struct td_handoff *handoff)
{
    wrong_job(self, job, handoff->id);
}

static void wrong_relay(void *self, uint64_t job, const struct td_relay *relay)
{
    (void)relay;
    relayed(self, job);
}

static void wrong_release(void *self, const char *handoff, const char *outcome)
{
    (void)outcome;
    wrong_released(self, handoff);
}

static void wrong_done(void *self, uint64_t job, const struct td_desk_done *done)
{
    (void)self, (void)job, (void)done;
}

static const struct td_desk_ops ops = { .size = sizeof ops, .open = wrong_open,
                                        .offer = wrong_offer, .relay = wrong_relay,
                                        .release = wrong_release, .done = wrong_done,
                                        .close = wrong_close };
#define WRONG_DEFINE(name_) \
    TD_PLUGIN_DEFINE(.kind = TD_DESK, .name = name_, .version = "1.0", .ops = &ops)
#else
static inline void answer(struct wrong *self, uint64_t job)
{
    const struct td_sent sent = { .size = sizeof sent, .status = TD_OK };

    self->host->sent(self->inst, job, &sent);
}

static void wrong_send(void *self, uint64_t job, const struct td_outbound *out)
{
    wrong_job(self, job, out->session);
}

static void wrong_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    (void)self, (void)delivery, (void)accepted;
}

static const struct td_channel_ops ops = { .size = sizeof ops, .open = wrong_open,
                                           .send = wrong_send, .accepted = wrong_accepted,
                                           .close = wrong_close };
#define WRONG_DEFINE(name_) \
    TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = name_, .version = "1.0", .ops = &ops)
#endif

#endif
