/* policy.c - look-ups in the compiled conf. */
#include "config.h"

#include "engine/policy.h"

#include <string.h>

const struct policy_channel *policy_channel(const struct policy *policy, const char *name)
{
    for (size_t i = 0; name != NULL && i < policy->n_channels; i++)
        if (strcmp(policy->channels[i].name, name) == 0)
            return &policy->channels[i];
    return NULL;
}

const struct policy_agent *policy_agent(const struct policy *policy, const char *name)
{
    for (size_t i = 0; name != NULL && i < policy->n_agents; i++)
        if (strcmp(policy->agents[i].name, name) == 0)
            return &policy->agents[i];
    return NULL;
}
