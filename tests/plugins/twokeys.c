/* twokeys.c - the same option twice. */
#include "tests/plugins/ops.h"

struct conf {
    int64_t port;
};

static const struct td_conf_key keys[] = {
    TD_CONF_INT(struct conf, port, 0, "1", 1, 65535, "The port."),
    TD_CONF_INT(struct conf, port, 0, "2", 1, 65535, "The other port."),
    TD_CONF_END,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "twokeys", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = keys);
