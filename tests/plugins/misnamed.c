/* misnamed.c - calls itself something else than its file does. */
#include "tests/plugins/ops.h"

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "other", .version = "1.0", .ops = &ops);
