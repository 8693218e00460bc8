/* policy.h - tandemctl policy: why the rules did what they did, and what others would do. Layer: ctl. */
#ifndef CTL_POLICY_H
#define CTL_POLICY_H

#include "ctl/args.h"

int policy_run(const struct args *args); /* an exit code */

#endif
