/* setup.c - what a seed draws first: policies, channels, and how often what goes wrong. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/expr.h"
#include "engine/hours.h"
#include "engine/phrases.h"
#include "engine/signals.h"
#include "tests/sim/world.h"

static const char *const agent_names[MAX_AGENTS] = { "ann", "bob", "cleo", "dan", "eve" };
static const char *const channel_names[MAX_CHANNELS] = { "chat", "desk", "sms", "call" };
static const char *const whens[3] = { "intent == \"refund\"",
                                      "intent == \"sales\" and confidence > 0.5",
                                      "locale matches \"^de\"" };
static const char *const route_names[3] = { "refunds", "sales", "german" };
static struct expr *exprs[3]; /* compiled once: patterns are dear */
/* The world begins between 22:13 and 22:30: one queue is about to open, one to close. */
static const char *const open_at[2] = { "Mon-Sun 22:20-23:40", "Mon-Sun 06:00-22:25" };
static struct hours *hours[2];
static const struct {
    struct policy_rule rule;
    const char *when;
} rules[MAX_RULES] = {
    { { .name = "human", .code = "customer_request", .at = RULE_PRE }, "want_human" },
    { { .name = "again", .code = "repeated_complaint", .at = RULE_PRE }, "complaint.times >= 3" },
    { { .name = "quote", .code = "custom_quote", .at = RULE_PRE, .mode = RULE_OFFER },
      "complaint" },
    { { .name = "loop", .code = "loop_detected", .at = RULE_POST, .withhold = 1 },
      "repeated_reply" },
    { { .name = "claim", .code = "unbacked_claim", .at = RULE_POST, .withhold = 1 },
      "unbacked_claim" },
    { { .name = "long", .code = "unclassified", .at = RULE_POST, .mode = RULE_OFFER },
      "open_turns >= 4" },
    { { .name = "gone", .code = "agent_unavailable", .at = RULE_EVENT, .speaks = 1 },
      "agent_gone or delivery_failures >= 2" },
    { { .name = "slow", .code = "agent_unavailable", .at = RULE_EVENT | RULE_WAIT },
      "waiting_s > 4" },
    { { .name = "later", .code = "unclassified", .at = RULE_EVENT | RULE_WAIT, .mode = RULE_OFFER },
      "waiting_s >= 2" },
    { { .name = "asked", .code = "agent_requested", .at = RULE_POST },
      "decision == \"escalate\"" },
};
static struct expr *rule_exprs[MAX_RULES];
static struct phrases *phrases;
static const char *const queue_names[MAX_QUEUES] = { "first", "second", "third" };
static const char *const at_both[] = { "web", "far", NULL };

/* In both languages that are spoken here. */
static void add_pack(const char *signal, const char *text)
{
    struct err err;

    if (phrases_add(phrases, "en", signal, text, strlen(text), &err) != 0 ||
        phrases_add(phrases, "de", signal, text, strlen(text), &err) != 0) {
        fprintf(stderr, "sim: %s: %s\n", signal, err.text);
        exit(2);
    }
}

static void setup_rules(void)
{
    phrases = phrases_new();
    add_pack("want_human", "match get me a human\nyes get me a human\nno none\n");
    add_pack("complaint", "match it is bad\nyes it is bad\nno none\n");
    add_pack("claim", "match it is done\nyes it is done\nno none\n");
    for (size_t i = 0; i < MAX_RULES; i++) {
        struct err err;
        rule_exprs[i] = expr_compile(rules[i].when, signals_names, NULL, &err);
        if (rule_exprs[i] == NULL) {
            fprintf(stderr, "sim: %s: %s\n", rules[i].when, err.text);
            exit(2);
        }
    }
}

void setup_once(void)
{
    setup_rules();
    for (size_t i = 0; i < 3; i++) {
        struct err err;
        exprs[i] = expr_compile(whens[i], signals_names, NULL, &err);
        if (exprs[i] == NULL) {
            fprintf(stderr, "sim: %s: %s\n", whens[i], err.text);
            exit(2);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        struct err err;
        hours[i] = hours_parse(open_at[i], NULL, NULL, &err);
        if (hours[i] == NULL) {
            fprintf(stderr, "sim: %s: %s\n", open_at[i], err.text);
            exit(2);
        }
    }
}

void setup_end(void)
{
    for (size_t i = 0; i < 3; i++)
        expr_free(&exprs[i]);
    for (size_t i = 0; i < 2; i++)
        hours_free(&hours[i]);
    for (size_t i = 0; i < MAX_RULES; i++)
        expr_free(&rule_exprs[i]);
    phrases_free(&phrases);
}

static int64_t maybe(struct world *w, int64_t most)
{
    return chance(w, 400) ? 0 : 1000 + (int64_t)draw(w, (uint64_t)most);
}

/* A queue flows over into a later one only: chains have no cycle. */
static void draw_queue(struct world *w, size_t at, size_t i)
{
    struct policy_queue *queues = w->queues[at];
    size_t when = draw(w, 4);

    queues[i] = (struct policy_queue){
        .name = queue_names[i], .desk = &w->desks[draw(w, 2)],
        .hours = when < 2 ? hours[when] : NULL,
        .overflow = i + 1 < MAX_QUEUES && chance(w, 500) ? &queues[i + 1] : NULL,
        .overflow_after_ms = maybe(w, 60000), .offer_ms = 1000 + (int64_t)draw(w, 20000),
        .max_wait_ms = maybe(w, 300000), .response_ms = maybe(w, 60000),
        .lease_ms = maybe(w, 200000), .remind_ms = maybe(w, 60000),
        .expiry = (enum policy_expiry)draw(w, 4), .fallback = (enum policy_fallback)draw(w, 3),
        .promise_ms = 60000 + (int64_t)draw(w, 600000), .agent_meanwhile = chance(w, 300),
    };
}

static void draw_channel(struct world *w, size_t at, size_t i)
{
    struct policy_channel *c = &w->channels[at][i];

    *c = (struct policy_channel){
        .name = channel_names[i], .kind = i < 2 ? "webchat" : "sms",
        .agent = &w->agents[at][draw(w, 3)], .queue_mode = (enum queue_mode)draw(w, 3),
        .collect_wait_ms = 1 + (int64_t)draw(w, 3000), .collect_max_ms = 5000,
        .idle_close_ms = chance(w, 800) ? 60000 + (int64_t)draw(w, 600000) : 0,
        .reopen_ms = (int64_t)draw(w, 1200000), .greet = chance(w, 300), .replays = i < 2,
        .reopen_human = chance(w, 700), .native_ms = 1000 + (int64_t)draw(w, 600000),
        .announce_return = chance(w, 400), .disclose_ai = chance(w, 300),
        .queue = chance(w, 500) ? &w->queues[at][draw(w, MAX_QUEUES)] : NULL,
        .bridge = i >= 2 && chance(w, 800) ? &w->channels[at][5 - i] : NULL,
        .bridge_page = chance(w, 900) ? "https://shop.example" : NULL,
    };
}

struct waits {
    struct policy *policy;
    struct policy_wait *to;
    const struct policy_rule *rule;
};

/* As the conf is read: at the number, or right behind it. */
static void add_wait(void *arg, double number)
{
    struct waits *waits = arg;

    for (int64_t more = 0; more < 2; more++)
        waits->to[waits->policy->n_waits++] = (struct policy_wait){
            .rule = waits->rule, .after_ms = (int64_t)(number * 1000) + more };
}

static void draw_rules(struct world *w, size_t at)
{
    struct policy *policy = &w->policies[at];

    policy->phrases = phrases;
    policy->phrases_asked = chance(w, 700) ? ~UINT32_C(0) : 0;
    policy->rules = w->rules[at];
    policy->waits = w->waits[at];
    if (chance(w, 300))
        return;
    for (size_t i = 0; i < MAX_RULES; i++) {
        if (chance(w, 300))
            continue;
        struct policy_rule *rule = &w->rules[at][policy->n_rules++];
        *rule = rules[i].rule;
        rule->when = rule_exprs[i];
        rule->category = reason_code(rule->code)->category;
        if ((rule->at & RULE_WAIT) != 0)
            expr_each_number(rule->when, add_wait,
                             &(struct waits){ policy, w->waits[at], rule });
        rule->queue = policy->n_queues > 0 && chance(w, 200) ? &policy->queues[0] : NULL;
    }
}

/* The first policy has all agents; in the others some are gone or stand in another order. */
static void draw_policy(struct world *w, size_t at)
{
    struct policy_agent *agents = w->agents[at];
    size_t n = at == 0 ? MAX_AGENTS : 3 + draw(w, MAX_AGENTS - 2);

    for (size_t i = 0; i < n; i++)
        agents[i] = (struct policy_agent){
            .name = agent_names[i], .deadline_ms = 500 + (int64_t)draw(w, 30000),
            .next = i + 1 < n && chance(w, 500) ? &agents[i + 1] : NULL,
            .history = (unsigned)draw(w, 30),
        };
    for (size_t i = MAX_QUEUES; i-- > 0;)
        draw_queue(w, at, i);
    for (size_t i = 0; i < MAX_CHANNELS; i++)
        draw_channel(w, at, i);
    for (size_t i = 0; i < 3; i++) {
        struct policy_choice *choices = w->choices[at][i];
        choices[0] = (struct policy_choice){ &agents[draw(w, n)], 1 + (unsigned)draw(w, 99) };
        choices[1] = (struct policy_choice){ &agents[draw(w, n)], 100 - choices[0].weight };
        w->routes[at][i] = (struct policy_route){ .name = route_names[i], .when = exprs[i],
                                                  .choices = choices, .n_choices = 2,
                                                  .total = 100 };
    }
    w->policies[at] = (struct policy){
        .channels = w->channels[at], .n_channels = at == 2 && chance(w, 300) ? 3 : MAX_CHANNELS,
        .agents = agents, .n_agents = n, .routes = w->routes[at], .n_routes = draw(w, 4),
        .max_bounces = 1 + (unsigned)draw(w, 6),
        .max_pending = 2 + (unsigned)draw(w, MAX_PENDING - 1),
        .max_attempts = 1 + (unsigned)draw(w, 4), .retry_ms = 100 + (int64_t)draw(w, 2000),
        .clarify_max = (unsigned)draw(w, 3), .text_unavailable = "Nobody can answer just now.",
        .text_no_human = "There is no human here.",
        .desks = w->desks, .n_desks = 2, .humans = w->humans, .n_humans = 3,
        .queues = w->queues[at], .n_queues = at == 0 || chance(w, 700) ? MAX_QUEUES : draw(w, 3),
    };
    draw_rules(w, at);
    snprintf(w->policies[at].hash, sizeof w->policies[at].hash, "%016zu", at);
}

/* Each seed has faults of its own: some are frequent, others do not happen at all. */
static void draw_rates(struct world *w)
{
    unsigned *rates = (unsigned *)&w->rates;

    for (size_t i = 0; i < sizeof w->rates / sizeof *rates; i++)
        rates[i] = chance(w, 400) ? 0 : 1 + (unsigned)draw(w, 1 + draw(w, 200));
    w->rates.crash = chance(w, 300) ? 0 : 1 + (unsigned)draw(w, 30); /* of accidents */
    w->rates.full %= 20;
    w->rates.conflict %= 10;
    w->rates.reload %= 20;
    w->rates.leave %= 60;
    w->rates.escalate = chance(w, 700) ? 50 + (unsigned)draw(w, 400) : w->rates.escalate;
    w->rates.gone %= 60;
}

static void free_person(struct person *p)
{
    session_fini(&p->state);
    disk_fini(&p->disk);
    model_fini(&p->model);
    arena_free(&p->arena);
    free(p->marks);
    buf_fini(&p->mark_bytes);
    buf_fini(&p->mark_bodies);
    free(p->outbox);
    free(p->said);
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < MAX_PEOPLE; i++)
        free_person(&w->people[i]);
    session_fini(&w->whole);
    session_fini(&w->tail);
    buf_fini(&w->bytes);
    buf_fini(&w->body);
    arena_free(&w->scratch);
    arena_free(&w->scratch2);
}

/* Memory of the seed before is used again; what it says is not. */
static void reset_person(struct world *w, struct person *p, int number)
{
    p->number = number;
    p->channel = (int)draw(w, MAX_CHANNELS);
    p->serial = 0;
    p->n_said = 0;
    p->attached = 0;
    memset(p->jobs, 0, sizeof p->jobs);
    if (p->arena == NULL)
        p->arena = arena_new(16384);
    p->in_flight = 0;
    shell_new_session(w, p);
}

void setup_seed(struct world *w)
{
    if (w->scratch == NULL) {
        w->scratch = arena_new(65536);
        w->scratch2 = arena_new(65536);
    }
    w->now = 1700000000000 + (int64_t)draw(w, 1000000);
    w->hash = 14695981039346656037u;
    draw_rates(w);
    w->desks[0] = (struct policy_desk){ .name = "web", .caps = TD_DESK_HUMANS };
    w->desks[1] = (struct policy_desk){ .name = "far" };
    w->humans[0] = (struct policy_human){ .name = "mia", .title = "Mia", .desks = at_both };
    w->humans[1] = (struct policy_human){ .name = "bo", .title = "Bo", .desks = at_both };
    w->humans[2] = (struct policy_human){ .name = "nina", .desks = at_both + 1 };
    for (size_t i = 0; i < MAX_POLICIES; i++)
        draw_policy(w, i);
    w->policy = &w->policies[0];
    w->n_people = 3 + draw(w, MAX_PEOPLE - 2);
    for (size_t i = 0; i < w->n_people; i++)
        reset_person(w, &w->people[i], (int)i);
}
