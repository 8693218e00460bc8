/*
 * policy_build.h - from the conf to the policy that the engine reads.
 *
 * Layer: daemon. A policy owns all its memory and outlives the setup it came from.
 */
#ifndef DAEMON_POLICY_BUILD_H
#define DAEMON_POLICY_BUILD_H

struct policy;
struct setup;

/* Checks what goes across sections: agents that are named and not there, chains that come back to
 * themselves, `when`. NULL when anything of the setup is wrong; it is reported there. */
const struct policy *policy_build(struct setup *setup);
void policy_free(const struct policy *policy);

#endif
