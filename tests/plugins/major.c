/* major.c - made for an ABI that does not exist yet. */
#include "tests/plugins/ops.h"

#define td_plugin_0 td_plugin_2

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "major", .version = "1.0", .ops = &ops);
