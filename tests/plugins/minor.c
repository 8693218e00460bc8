/* minor.c - made with a newer header than the daemon's. */
#include "tests/plugins/ops.h"

extern TD_EXPORT const struct td_plugin td_plugin_0;
const struct td_plugin td_plugin_0 = {
    .size = sizeof(struct td_plugin) + 16,
    .abi_major = TD_ABI_MAJOR,
    .abi_minor = TD_ABI_MINOR + 1,
    .kind = TD_CHANNEL,
    .name = "minor",
    .version = "1.0",
    .ops = &ops,
};
