/* decide_route.c - who answers: routes, weights, and the change from agent to agent. */
#include "config.h"

#include <string.h>

#include "base/expr.h"
#include "engine/draft.h"
#include "engine/signals.h"

/* FNV-1a over session and route: the same customer gets the same side of an A/B split. */
static uint64_t sticky_hash(const struct ulid *session, const char *route)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < sizeof session->b; i++)
        h = (h ^ session->b[i]) * 1099511628211u;
    for (const char *c = route; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    return h ^ h >> 32; /* low bits alone are weak */
}

static const struct policy_agent *choose(const struct policy_route *route,
                                         const struct ulid *session)
{
    uint64_t at = sticky_hash(session, route->name) % route->total;

    for (size_t i = 0; i < route->n_choices; i++) {
        if (at < route->choices[i].weight)
            return route->choices[i].agent;
        at -= route->choices[i].weight;
    }
    return NULL;
}

struct look {
    struct signals_at at;
    struct arena *arena;
    const char *values; /* what the decision rested on */
};

static void look_up(void *arg, size_t index, struct expr_value *value_r)
{
    struct look *look = arg;
    signals_lookup(&look->at, index, value_r);
}

static void look_note(void *arg, const char *name, const struct expr_value *value)
{
    struct look *look = arg;
    look->values = signals_note(look->arena, look->values, name, value);
}

const struct policy_agent *route_pick(const struct draft *d, const char **route_r,
                                      const char **signals_r)
{
    struct look look = { .at = { .session = &d->view, .policy = d->policy, .now = d->event->now },
                         .arena = d->step->arena, .values = "" };

    for (size_t i = 0; i < d->policy->n_routes; i++) {
        const struct policy_route *route = &d->policy->routes[i];
        if (route->when != NULL && !expr_eval(route->when, look_up, look_note, &look))
            continue;
        *route_r = route->name;
        *signals_r = look.values;
        return choose(route, &d->view.id);
    }
    return NULL;
}

void owner_change(struct draft *d, const struct policy_agent *agent, const char *cause,
                  const char *signals)
{
    struct record *owner = draft_record(d, RECORD_OWNER);
    struct effect *told;

    owner->owner = TD_OWNER_AGENT;
    owner->name = d->owner = agent->name;
    d->view.owner = TD_OWNER_AGENT;
    d->view.owner_name = (char *)agent->name;
    owner->epoch = ++d->epoch;
    owner->cause = cause;
    owner->route = d->route;
    owner->signals = signals;
    d->bounces++;
    told = draft_effect(d, EFFECT_EVENT);
    told->event = TD_EV_OWNER;
    told->of = owner->seq;
    told->owner = TD_OWNER_AGENT;
    told->text = agent->name;
}
