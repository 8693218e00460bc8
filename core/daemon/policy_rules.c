/* policy_rules.c - when a human takes over: the rules that are installed, and the operator's own. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/expr.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/packs.h"
#include "daemon/policy_private.h"
#include "daemon/setup.h"
#include "engine/phrases.h"
#include "engine/signals.h"
#include "engine/texts.h"

#define MAX_CODES 64
#define WAIT_MAX_S (30 * 86400)

static void wrong_word(struct builder *b, const struct rule *rule, const char *key,
                       const char *what, const char *word, const char *const *words, size_t n)
{
    const struct conf_pair *pair = conf_get(rule->section, key);
    const char *found = strstr(pair->value, word);
    const char *hint = setup_hint(word, words, n);
    char sentence[256];

    snprintf(sentence, sizeof sentence, "'%.80s' is not a %s%s", word, what,
             *hint != '\0' ? hint : "; tandem.conf(5) has them all");
    policy_wrong(b, rule->file, pair, found ? (size_t)(found - pair->value) : 0, sentence);
}

/* The pair must be one of the table. */
static void read_reason(struct builder *b, const struct rule *rule, struct policy_rule *out)
{
    const struct reason_code *code = reason_code(rule->conf.code);
    const char *words[MAX_CODES], *class = rule->conf.class;
    size_t n = 0;

    for (const struct reason_code *r = reason_codes; r->code && n < MAX_CODES; r++)
        words[n++] = r->code;
    if (!code) {
        wrong_word(b, rule, "code", "reason code", rule->conf.code, words, n);
        return;
    }
    out->code = code->code;
    out->category = code->category;
    if (!class || strcmp(class, code->category) == 0)
        return;
    for (size_t i = 0; i < n; i++)
        words[i] = reason_codes[i].category;
    size_t known = 0;
    while (known < n && strcmp(words[known], class) != 0)
        known++;
    if (known == n) {
        wrong_word(b, rule, "class", "class", class, words, n);
        return;
    }
    char sentence[256];
    snprintf(sentence, sizeof sentence, "%s is of class %s, not %s", code->code, code->category,
             class);
    policy_wrong(b, rule->file, conf_get(rule->section, "class"), 0, sentence);
}

static void read_points(struct builder *b, const struct rule *rule, struct policy_rule *out)
{
    static const char *const words[] = { "pre", "post", "event" };

    for (const char *const *at = rule->conf.at; at && *at; at++) {
        size_t i = 0;
        while (i < 3 && strcmp(words[i], *at) != 0)
            i++;
        if (i == 3)
            wrong_word(b, rule, "at", "point: pre, post or event", *at, words, 3);
        else
            out->at |= 1u << i;
    }
}

/* A signal of a phrase pack that somebody asks for. */
static void asks(void *arg, size_t index)
{
    struct builder *b = arg;
    const int bit = signals_phrase(index);

    if (bit >= 0)
        b->built->policy.phrases_asked |= UINT32_C(1) << bit;
}

static void read_rule(struct builder *b, const struct rule *rule, struct policy_rule *out,
                      struct expr **expr)
{
    const struct conf_pair *when = conf_get(rule->section, "when");
    const struct conf_pair *queue = conf_get(rule->section, "queue");
    size_t column = 1;
    struct err err;

    *out = (struct policy_rule){
        .name = arena_strdup(b->arena, rule->section->name),
        .mode = (enum rule_mode)rule->conf.mode, .withhold = rule->conf.withhold,
        .priority = (int)rule->conf.priority,
    };
    out->speaks = texts_has_rule(b->built->texts, b->built->policy.language, out->name);
    if (rule->conf.code)
        read_reason(b, rule, out);
    read_points(b, rule, out);
    if (queue) {
        const size_t i = policy_named(b, &b->queue_names, rule->file, queue, queue->value, 0);
        out->queue = i < b->queue_names.n ? &b->queues[i] : NULL;
    }
    if (!when)
        return;
    *expr = expr_compile(when->value, signals_names, &column, &err);
    if (!*expr)
        policy_wrong(b, rule->file, when, column - 1, err.text);
    else if (out->mode != RULE_OFF)
        expr_each_name(*expr, asks, b);
    out->when = *expr;
}

struct waits {
    struct builder *b;
    const struct policy_rule *rule;
    int asked; /* it asks how long the customer has waited */
};

static void asks_wait(void *arg, size_t index)
{
    struct waits *waits = arg;

    waits->asked |= signals_is_waiting(index);
}

static void add_wait(struct waits *waits, int64_t after_ms)
{
    struct built *built = waits->b->built;

    built->waits = mem_grow(built->waits, (built->policy.n_waits + 1) * sizeof *built->waits);
    built->waits[built->policy.n_waits++] =
        (struct policy_wait){ .rule = waits->rule, .after_ms = after_ms };
}

/* Whichever number it is that the waiting is compared with: at it, or right behind it. */
static void add_number(void *arg, double number)
{
    if (number < 0 || number > WAIT_MAX_S)
        return;
    add_wait(arg, (int64_t)(number * 1000));
    add_wait(arg, (int64_t)(number * 1000) + 1);
}

static void read_waits(struct builder *b, struct policy_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct waits waits = { .b = b, .rule = &rules[i] };

        if ((rules[i].at & RULE_EVENT) == 0 || !rules[i].when)
            continue;
        expr_each_name(rules[i].when, asks_wait, &waits);
        if (!waits.asked)
            continue;
        rules[i].at |= RULE_WAIT;
        expr_each_number(rules[i].when, add_number, &waits);
    }
    b->built->policy.waits = b->built->waits;
}

/* By priority; those of the conf before those installed, each in the order of its file. */
static void sort(struct policy_rule *rules, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct policy_rule rule = rules[i];
        size_t at = i;
        for (; at > 0 && rules[at - 1].priority > rule.priority; at--)
            rules[at] = rules[at - 1];
        rules[at] = rule;
    }
}

static void read_packs(struct builder *b)
{
    struct setup *setup = b->setup;
    struct policy *policy = &b->built->policy;
    char *dir = setup->tandem.packs ? mem_strdup(setup->tandem.packs) : tandem_packs_dir();
    struct err err;

    for (size_t i = 0; i < b->agent_names.n; i++)
        policy->phrases_asked |= b->agents[i].trusted ? 0 : PHRASES_OF_AGENTS;
    if (policy->phrases_asked != 0 && !(b->built->phrases = packs_share(dir, &err))) {
        conf_error(setup->conf, NULL, "phrase packs: %s", err.text);
        b->errors++;
    }
    policy->phrases = b->built->phrases;
    free(dir);
}

void policy_rules(struct builder *b)
{
    struct setup *setup = b->setup;
    struct policy_rule *rules = arena_array(b->arena, setup->n_rules, sizeof *rules);
    size_t n = 0;

    b->built->rule_exprs = mem_array(setup->n_rules, sizeof *b->built->rule_exprs);
    b->built->n_rule_exprs = setup->n_rules;
    for (size_t i = 0; i < setup->n_rules; i++) {
        read_rule(b, &setup->rules[i], &rules[n], &b->built->rule_exprs[i]);
        n += rules[n].mode != RULE_OFF;
    }
    for (size_t i = 0; i < b->built->policy.n_routes; i++)
        if (b->built->exprs[i])
            expr_each_name(b->built->exprs[i], asks, b);
    sort(rules, n);
    read_waits(b, rules, n);
    b->built->policy.rules = rules;
    b->built->policy.n_rules = n;
    if (b->errors == 0)
        read_packs(b);
}
