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

const struct policy_queue *policy_queue(const struct policy *policy, const char *name)
{
    for (size_t i = 0; name != NULL && i < policy->n_queues; i++)
        if (strcmp(policy->queues[i].name, name) == 0)
            return &policy->queues[i];
    return NULL;
}

const struct policy_desk *policy_desk(const struct policy *policy, const char *name)
{
    for (size_t i = 0; name != NULL && i < policy->n_desks; i++)
        if (strcmp(policy->desks[i].name, name) == 0)
            return &policy->desks[i];
    return NULL;
}

const struct policy_human *policy_human(const struct policy *policy, const char *name)
{
    for (size_t i = 0; name != NULL && i < policy->n_humans; i++)
        if (strcmp(policy->humans[i].name, name) == 0)
            return &policy->humans[i];
    return NULL;
}
