/* decide_route.c - who answers: routes, weights, and the change from agent to agent. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "base/expr.h"
#include "base/utf8.h"
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

/* Bytes of a value that are worth noting. */
static size_t clip(const char *value)
{
    return utf8_cut(value, strnlen(value, 65), 64);
}

struct trace {
    struct arena *arena;
    char *text;
};

/* What the decision rested on, as name=value words; personal ones are not written down. */
static void note(void *arg, const char *name, const struct expr_value *value)
{
    struct trace *trace = arg;

    if (strlen(trace->text) > 400)
        return;
    if (!value->set)
        trace->text = arena_printf(trace->arena, "%s%s%s=", trace->text, *trace->text ? " " : "",
                                   name);
    else if (value->str != NULL)
        trace->text = arena_printf(trace->arena, "%s%s%s=%.*s", trace->text,
                                   *trace->text ? " " : "", name, (int)clip(value->str),
                                   strcmp(name, "customer") == 0 ? "*" : value->str);
    else
        trace->text = arena_printf(trace->arena, "%s%s%s=%g", trace->text,
                                   *trace->text ? " " : "", name, value->num);
}

/* Lets the expression see the draft's view of the session first. */
struct look {
    const struct session *view;
    struct trace trace;
};

static void look_up(void *arg, size_t index, struct expr_value *value_r)
{
    struct look *look = arg;
    signals_lookup((void *)look->view, index, value_r);
}

static void look_note(void *arg, const char *name, const struct expr_value *value)
{
    struct look *look = arg;
    note(&look->trace, name, value);
}

const struct policy_agent *route_pick(const struct draft *d, const char **route_r,
                                      const char **signals_r)
{
    struct look look = { .view = &d->view,
                         .trace = { d->step->arena, arena_strdup(d->step->arena, "") } };

    for (size_t i = 0; i < d->policy->n_routes; i++) {
        const struct policy_route *route = &d->policy->routes[i];
        if (route->when != NULL && !expr_eval(route->when, look_up, look_note, &look))
            continue;
        *route_r = route->name;
        *signals_r = look.trace.text;
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
