/* fit.c - a plugin that is accepted. */
#include "tests/plugins/ops.h"

struct conf {
    const char *word;
    struct td_rate rate;
};

static const struct td_conf_key keys[] = {
    TD_CONF_STR(struct conf, word, TD_REQUIRED, NULL, "A word."),
    TD_CONF_RATE(struct conf, rate, 0, "20/10s", "How often."),
    TD_CONF_END,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "fit", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = keys);
