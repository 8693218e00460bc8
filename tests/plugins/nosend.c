/* nosend.c - a channel that cannot send. */
#include <tandem/plugin.h>

#include <stdlib.h>

static enum td_status never_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    (void)host, (void)inst, (void)conf, (void)self_r, (void)err;
    abort();
}

static const struct td_channel_ops ops = { .size = sizeof ops, .open = never_open };

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "nosend", .version = "1.0", .ops = &ops);
