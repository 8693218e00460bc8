/* policy_build.c - from the conf to the policy that the engine reads. */
#include "config.h"

#include "daemon/policy_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/expr.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/packs.h"
#include "daemon/policy_private.h"
#include "daemon/setup.h"
#include "engine/hours.h"
#include "engine/signals.h"
#include "engine/texts.h"

#define MAX_PAGE 200 /* bytes */
#define MAX_WEIGHT 1000000

void policy_wrong(struct builder *b, struct conf *file, const struct conf_pair *pair,
                  size_t offset, const char *sentence)
{
    b->errors++;
    setup_error_at(file, pair, offset, sentence);
}

size_t policy_named(struct builder *b, const struct names *names, struct conf *file,
                    const struct conf_pair *pair, const char *name, size_t offset)
{
    char sentence[384];
    size_t i = 0;

    while (i < names->n && strcmp(names->of[i], name) != 0)
        i++;
    if (i == names->n) {
        snprintf(sentence, sizeof sentence, "there is no [%s %.80s]%s", names->kind, name,
                 setup_hint(name, names->of, names->n));
        policy_wrong(b, file, pair, offset, sentence);
    }
    return i;
}

/* The agent called `name`, at `offset` of pair's value; NULL with a report. */
static struct policy_agent *agent_named(struct builder *b, struct conf *file,
                                        const struct conf_pair *pair, const char *name,
                                        size_t offset)
{
    const size_t i = policy_named(b, &b->agent_names, file, pair, name, offset);

    return i < b->agent_names.n ? &b->agents[i] : NULL;
}

static void build_agents(struct builder *b)
{
    const struct setup *setup = b->setup;

    b->agents = arena_array(b->arena, setup->n_instances, sizeof *b->agents);
    b->agent_names = (struct names){
        .kind = "agent", .of = arena_array(b->arena, setup->n_instances, sizeof *b->agent_names.of),
    };
    for (size_t i = 0; i < setup->n_instances; i++) {
        const struct instance *instance = setup->instances[i];
        if (instance->kind != TD_AGENT)
            continue;
        struct policy_agent *agent = &b->agents[b->agent_names.n];
        agent->name = arena_strdup(b->arena, instance->name);
        agent->deadline_ms = instance->agent.deadline;
        agent->history = (unsigned)instance->agent.history;
        agent->trusted = instance->agent.claims;
        b->agent_names.of[b->agent_names.n++] = agent->name;
    }
}

static void link_agents(struct builder *b)
{
    struct policy_agent *agent = b->agents;

    for (size_t i = 0; i < b->setup->n_instances; i++) {
        const struct instance *instance = b->setup->instances[i];
        if (instance->kind != TD_AGENT)
            continue;
        const struct conf_pair *pair = conf_get(instance->section, "next");
        if (pair && *pair->value)
            agent->next = agent_named(b, instance->file, pair, pair->value, 0);
        agent++;
    }
    agent = b->agents;
    for (size_t i = 0; i < b->setup->n_instances; i++) {
        const struct instance *instance = b->setup->instances[i];
        if (instance->kind != TD_AGENT)
            continue;
        const struct policy_agent *at = agent->next;
        for (size_t steps = 0; at && at != agent && steps < b->agent_names.n; steps++)
            at = at->next;
        if (at == agent)
            policy_wrong(b, instance->file, conf_get(instance->section, "next"), 0,
                  "this chain of `next` comes back to where it began");
        agent++;
    }
}

/* It is said to customers as it is, with the token behind it. */
static const char *page_of(struct builder *b, const struct instance *instance)
{
    const char *page = instance->channel.bridge_page;

    if (!page)
        return NULL;
    if (strlen(page) > MAX_PAGE || page[strcspn(page, "# \t\r\n")] ||
        (strncmp(page, "https://", 8) != 0 && strncmp(page, "http://", 7) != 0))
        policy_wrong(b, instance->file, conf_get(instance->section, "bridge_page"), 0,
                     "this must be the http(s) address of a page, at most 200 bytes, without '#'");
    return arena_strdup(b->arena, page);
}

/* Where customers are told to go on elsewhere: a channel on which one may write first. */
static void link_bridges(struct builder *b, struct policy_channel *channel)
{
    for (size_t i = 0; i < b->setup->n_instances; i++) {
        const struct instance *instance = b->setup->instances[i];
        if (instance->kind != TD_CHANNEL)
            continue;
        const struct conf_pair *pair = conf_get(instance->section, "bridge");
        channel->bridge = pair ? policy_channel(&b->built->policy, pair->value) : NULL;
        if (pair && !channel->bridge)
            policy_wrong(b, instance->file, pair, 0, "there is no channel of this name");
        else if (pair && (channel->bridge == channel || channel->bridge->replays))
            policy_wrong(b, instance->file, pair, 0,
                         "this must be another channel, on which one can write to a customer first");
        else if (pair && !channel->bridge_page)
            policy_wrong(b, instance->file, pair, 0,
                         "bridge_page is missing: where should the customer go on?");
        channel++;
    }
}

static void build_channels(struct builder *b)
{
    const struct setup *setup = b->setup;
    struct policy_channel *channels = arena_array(b->arena, setup->n_instances, sizeof *channels);
    size_t n = 0;

    for (size_t i = 0; i < setup->n_instances; i++) {
        const struct instance *instance = setup->instances[i];
        if (instance->kind != TD_CHANNEL)
            continue;
        const struct channel_conf *conf = &instance->channel;
        const struct conf_pair *pair = conf_get(instance->section, "agent");
        channels[n++] = (struct policy_channel){
            .name = arena_strdup(b->arena, instance->name),
            .kind = arena_strdup(b->arena, instance->plugin ? instance->plugin->name : ""),
            .agent = pair ? agent_named(b, instance->file, pair, pair->value, 0) : NULL,
            .queue_mode = (enum queue_mode)conf->queue_mode,
            .collect_wait_ms = conf->collect_wait,
            .collect_max_ms = conf->collect_max,
            .idle_close_ms = conf->idle_close,
            .reopen_ms = conf->reopen,
            .reopen_human = conf->reopen_to,
            .native_ms = conf->native_hold,
            .greet = conf->greet,
            .announce_return = conf->announce_return,
            .disclose_ai = conf->disclose_ai,
            .bridge_page = page_of(b, instance),
            .caps = instance->plugin ? instance->plugin->caps : 0,
            .queue = policy_queue_of(b, instance),
            .replays = instance->plugin && (instance->plugin->caps & TD_CAN_REPLAY) != 0,
        };
        policy_sending(b, instance, &channels[n - 1].sending);
    }
    b->built->policy.channels = channels;
    b->built->policy.n_channels = n;
    link_bridges(b, channels);
}

/* NAME or NAME:WEIGHT */
static int parse_choice(struct builder *b, const struct route *route, const char *text,
                        struct policy_choice *choice_r)
{
    const struct conf_pair *pair = conf_get(route->section, "agent");
    const char *found = strstr(pair->value, text);
    const size_t offset = found ? (size_t)(found - pair->value) : 0;
    const char *colon = strchr(text, ':');
    char *name = arena_dup(b->arena, text, colon ? (size_t)(colon - text) : strlen(text));
    unsigned long weight = 1;

    if (colon) {
        char *end;
        weight = strtoul(colon + 1, &end, 10);
        if (colon[1] < '0' || colon[1] > '9' || *end || weight > MAX_WEIGHT) {
            policy_wrong(b, route->file, pair, offset + (size_t)(colon - text) + 1,
                  "a weight is a number from 0 to 1000000, such as front:90");
            return -1;
        }
    }
    choice_r->agent = agent_named(b, route->file, pair, name, offset);
    choice_r->weight = (unsigned)weight;
    return choice_r->agent ? 0 : -1;
}

static void build_choices(struct builder *b, const struct route *route, struct policy_route *out)
{
    const char *const *list = route->conf.agent;
    size_t n = 0;

    while (list && list[n])
        n++;
    struct policy_choice *choices = arena_array(b->arena, n, sizeof *choices);
    for (size_t i = 0; i < n && i < 1000; i++) {
        if (parse_choice(b, route, list[i], &choices[i]) == 0)
            out->total += choices[i].weight;
    }
    out->choices = choices;
    out->n_choices = n;
    if (n > 0 && out->total == 0 && b->errors == 0)
        policy_wrong(b, route->file, conf_get(route->section, "agent"), 0,
              "all weights are 0: nobody would answer");
}

static void build_routes(struct builder *b)
{
    const struct setup *setup = b->setup;
    struct policy_route *routes = arena_array(b->arena, setup->n_routes, sizeof *routes);

    b->built->exprs = mem_array(setup->n_routes, sizeof *b->built->exprs);
    for (size_t i = 0; i < setup->n_routes; i++) {
        const struct route *route = &setup->routes[i];
        const struct conf_pair *when = conf_get(route->section, "when");
        routes[i].name = arena_strdup(b->arena, route->section->name);
        if (when) {
            struct err err;
            size_t column = 1;
            b->built->exprs[i] = expr_compile(when->value, signals_names, &column, &err);
            if (!b->built->exprs[i])
                policy_wrong(b, route->file, when, column - 1, err.text);
            routes[i].when = b->built->exprs[i];
        }
        build_choices(b, route, &routes[i]);
    }
    b->built->policy.routes = routes;
    b->built->policy.n_routes = setup->n_routes;
}

/* Of what decides, not of paths and ports. */
static void hash_policy(const struct setup *setup, const char *texts_hash,
                        struct policy *policy)
{
    struct buf text = { 0 };
    uint8_t sum[CRYPT_HASH];

    setup_print_sections(setup, &text);
    buf_printf(&text, "\n%u %u %u %lld %u\n%s\n%s\n%s %s %s\n", policy->max_bounces,
               policy->max_pending, policy->max_attempts, (long long)policy->retry_ms, policy->clarify_max,
               policy->text_unavailable, policy->text_no_human, texts_hash, policy->language,
               policy->business);
    crypt_sha256(text.data, text.len, sum);
    crypt_hex(sum, 8, policy->hash);
    buf_fini(&text);
}

const struct policy *policy_build(struct setup *setup)
{
    struct built *built = mem_alloc(sizeof *built);
    struct builder b = { .setup = setup, .built = built };
    const struct tandem_conf *tandem = &setup->tandem;

    b.arena = built->arena = arena_new(0);
    build_agents(&b);
    link_agents(&b);
    policy_desks(&b);
    build_channels(&b);
    build_routes(&b);
    policy_texts(&b);
    policy_rules(&b);
    if (b.errors > 0 || setup_errors(setup) > 0) {
        policy_free(&built->policy);
        return NULL;
    }
    built->policy.agents = b.agents;
    built->policy.n_agents = b.agent_names.n;
    built->policy.max_bounces = (unsigned)tandem->max_bounces;
    built->policy.max_pending = (unsigned)tandem->max_pending;
    built->policy.max_attempts = (unsigned)tandem->attempts;
    built->policy.retry_ms = tandem->retry;
    built->policy.clarify_max = (unsigned)tandem->clarify;
    built->policy.presence_ms = tandem->presence;
    built->policy.desk_away_ms = tandem->desk_grace;
    built->policy.text_unavailable = arena_strdup(b.arena, tandem->text_unavailable);
    built->policy.text_no_human = arena_strdup(b.arena, tandem->text_no_human);
    hash_policy(setup, built->texts_hash, &built->policy);
    return &built->policy;
}

void policy_free(const struct policy *policy)
{
    struct built *built = (struct built *)(void *)policy;

    for (size_t i = 0; built->exprs && i < built->policy.n_routes; i++)
        expr_free(&built->exprs[i]);
    free(built->exprs);
    for (size_t i = 0; i < built->n_rule_exprs; i++)
        expr_free(&built->rule_exprs[i]);
    free(built->rule_exprs);
    free(built->waits);
    packs_unshare(&built->phrases);
    for (size_t i = 0; i < built->n_hours; i++)
        hours_free(&built->hours[i]);
    free(built->hours);
    for (size_t i = 0; i < built->n_send_hours; i++)
        hours_free(&built->send_hours[i]);
    free(built->send_hours);
    texts_free(&built->texts);
    arena_free(&built->arena);
    free(built);
}
