/* unruly.c - a channel that misbehaves as soon as it is open; only for a process of its own. */
#include "config.h"

#include <tandem/plugin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const ways[] = { "crash", "flood", NULL };
enum { CRASH, FLOOD };

struct conf {
    int does;
};

static const struct td_conf_key conf_keys[] = {
    TD_CONF_ENUM(struct conf, does, 0, "crash", ways, "What it does."),
    TD_CONF_END,
};

struct unruly {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
};

static void misbehave(void *arg)
{
    struct unruly *self = arg;

    if (self->conf->does == CRASH)
        raise(SIGSEGV);
    for (uint64_t i = 0; i < 1000000; i++) {
        char id[48];
        const struct td_message message = { .size = sizeof message, .id = id, .text = "hello" };
        const struct td_inbound in = { .size = sizeof in, .peer = "ada", .message = &message };

        snprintf(id, sizeof id, "%ld-%llu", (long)getpid(), (unsigned long long)i);
        self->host->deliver(self->inst, i, &in);
    }
}

static enum td_status unruly_open(const struct td_host *host, struct td_instance *inst,
                                  const void *conf, void **self_r, struct td_error *err)
{
    struct unruly *self = calloc(1, sizeof *self);

    (void)err;
    if (self == NULL)
        return TD_RETRY;
    *self = (struct unruly){ .host = host, .inst = inst, .conf = conf };
    host->timer_add(inst, 1, misbehave, self);
    *self_r = self;
    return TD_OK;
}

static void unruly_send(void *arg, uint64_t job, const struct td_outbound *out)
{
    struct unruly *self = arg;
    const struct td_sent sent = { .size = sizeof sent, .status = TD_OK };

    (void)out;
    self->host->sent(self->inst, job, &sent);
}

static void unruly_accepted(void *arg, uint64_t delivery, const struct td_accepted *accepted)
{
    (void)arg, (void)delivery, (void)accepted;
}

static void unruly_close(void *arg)
{
    free(arg);
}

static const struct td_channel_ops ops = { .size = sizeof ops, .open = unruly_open,
                                           .send = unruly_send, .accepted = unruly_accepted,
                                           .close = unruly_close };

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "unruly", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
