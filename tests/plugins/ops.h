/* ops.h - ops for plugins that are judged and never run: each ends the test. */
#ifndef TESTS_PLUGINS_OPS_H
#define TESTS_PLUGINS_OPS_H

#include <tandem/plugin.h>

#include <stdlib.h>

static enum td_status never_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    (void)host, (void)inst, (void)conf, (void)self_r, (void)err;
    abort();
}

static void never_send(void *self, uint64_t job, const struct td_outbound *out)
{
    (void)self, (void)job, (void)out;
    abort();
}

static void never_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    (void)self, (void)delivery, (void)accepted;
    abort();
}

static void never_close(void *self)
{
    (void)self;
    abort();
}

static const struct td_channel_ops ops = {
    .size = sizeof ops,
    .open = never_open,
    .send = never_send,
    .accepted = never_accepted,
    .close = never_close,
};

#endif
