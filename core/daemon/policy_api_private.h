/* policy_api_private.h - what policy_explain.c and policy_try.c share. Nobody else includes it. */
#ifndef DAEMON_POLICY_API_PRIVATE_H
#define DAEMON_POLICY_API_PRIVATE_H

#include "daemon/policy_api.h"

struct trying;

/* Whoever waits for the store holds it. */
struct policy_api {
    struct policy_api_conf conf;
    unsigned refs;
    int closed;
    struct trying *trying; /* under way, or the last one; NULL: none yet */
};

void policy_api_ref(struct policy_api *api);
void policy_api_unref(struct policy_api *api);

#endif
