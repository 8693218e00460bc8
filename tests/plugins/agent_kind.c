/* agent_kind.c - a channel in a file that is called like an agent. */
#include "tests/plugins/ops.h"

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "kind", .version = "1.0", .ops = &ops);
