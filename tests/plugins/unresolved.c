/* unresolved.c - calls a function that nobody has. */
#include "tests/plugins/ops.h"

extern void tandem_nobody_has_this(void *self, int on);

static const struct td_channel_ops unresolved_ops = {
    .size = sizeof unresolved_ops,
    .open = never_open,
    .send = never_send,
    .accepted = never_accepted,
    .pause = tandem_nobody_has_this,
    .close = never_close,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "unresolved", .version = "1.0",
                 .ops = &unresolved_ops);
