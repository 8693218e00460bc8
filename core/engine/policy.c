/* policy.c - look-ups in the compiled conf. */
#include "config.h"

#include "engine/policy.h"

#include <string.h>

const struct reason_code reason_codes[] = {
    { "customer_request", "customer_request" },
    { "no_grounding", "accuracy_risk" },
    { "conflicting_data", "accuracy_risk" },
    { "policy_exception", "accuracy_risk" },
    { "pricing_exception", "accuracy_risk" },
    { "refund_dispute", "accuracy_risk" },
    { "frustration", "emotional_urgency" },
    { "repeated_complaint", "emotional_urgency" },
    { "cancel_threat", "emotional_urgency" },
    { "service_outage", "emotional_urgency" },
    { "vulnerable", "emotional_urgency" },
    { "verification_failed", "workflow_failure" },
    { "action_error", "workflow_failure" },
    { "loop_detected", "workflow_failure" },
    { "clarify_budget", "workflow_failure" },
    { "agent_unavailable", "workflow_failure" },
    { "agent_requested", "workflow_failure" },
    { "unbacked_claim", "workflow_failure" },
    { "custom_quote", "high_value_intent" },
    { "sales_call", "high_value_intent" },
    { "onboarding", "high_value_intent" },
    { "negotiation", "high_value_intent" },
    { "security", "safety" },
    { "legal", "safety" },
    { "injection_attempt", "safety" },
    { "human_takeover", "operational" },
    { "supervisor", "operational" },
    { "unclassified", "operational" },
    { NULL, NULL },
};

const struct reason_code *reason_code(const char *code)
{
    for (const struct reason_code *r = reason_codes; code != NULL && r->code != NULL; r++)
        if (strcmp(r->code, code) == 0)
            return r;
    return NULL;
}

const char *reason_asked(const char *code)
{
    return reason_code(code) != NULL ? code : "agent_requested";
}

const struct policy_rule *policy_rule(const struct policy *policy, const char *name)
{
    for (size_t i = 0; name != NULL && i < policy->n_rules; i++)
        if (strcmp(policy->rules[i].name, name) == 0)
            return &policy->rules[i];
    return NULL;
}

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
