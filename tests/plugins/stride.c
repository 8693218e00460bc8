/* stride.c - its option table was built by something that is not our header. */
#include "tests/plugins/ops.h"

struct row {
    const char *name;
};

static const struct row rows[] = { { "word" }, { NULL } };

extern TD_EXPORT const struct td_plugin td_plugin_0;
const struct td_plugin td_plugin_0 = {
    .size = sizeof(struct td_plugin),
    .abi_major = TD_ABI_MAJOR,
    .abi_minor = TD_ABI_MINOR,
    .kind = TD_CHANNEL,
    .name = "stride",
    .version = "1.0",
    .ops = &ops,
    .conf_size = 8,
    .conf_keys = (const void *)rows,
    .conf_key_size = sizeof(struct row),
};
