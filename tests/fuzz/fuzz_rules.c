/*
 * fuzz_rules.c - [rule] and [texts] sections from anywhere: refused with a place and a reason, or rules
 * that are in order, hold the same twice, and are there at the moment that is waited for.
 *
 * The reading is the daemon's (policy_rules.c) over a setup of nothing but these sections.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/expr.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "config/conf.h"
#include "config/schema.h"
#include "daemon/conf_tandem.h"
#include "daemon/packs.h"
#include "daemon/policy_private.h"
#include "daemon/setup.h"
#include "engine/rules.h"
#include "engine/session.h"
#include "engine/texts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTIONS_MAX 64
#define NOW 1700000000000

static const char *const languages[] = { "en", "de" };

struct reading {
    struct setup setup;
    struct built *built; /* as policy_build.c makes it, as far as rules go */
    struct builder b;
    struct policy_queue queue;
    const char *queue_name;
};

static void must(int holds)
{
    if (!holds)
        abort();
}

static void read_section(struct reading *r, const struct conf_section *section)
{
    struct setup *setup = &r->setup;
    struct rule *rule = &setup->rules[setup->n_rules];
    const struct schema schema = { .keys = rule_keys, .key_size = sizeof(struct td_conf_key),
                                   .target = &rule->conf };
    struct err err;

    if (strcmp(section->kind, "rule") == 0 && *section->name) {
        *rule = (struct rule){ .file = setup->conf, .section = section };
        r->b.errors += schema_fill(setup->conf, section, "[rule]", &schema, 1, setup->values) > 0;
        setup->n_rules++;
    } else if (strcmp(section->kind, "texts") == 0) {
        for (size_t i = 0; i < section->n_pairs; i++)
            if (texts_set(r->built->texts, section->name, section->pairs[i].key,
                          section->pairs[i].value, &err) != 0)
                must(err.text[0] != '\0');
    }
}

static void reading_begin(struct reading *r, const char *text, size_t size, char *packs)
{
    *r = (struct reading){ .queue_name = "queue", .queue = { .name = "queue" } };
    r->built = mem_alloc(sizeof *r->built);
    r->built->texts = texts_new();
    r->built->policy.texts = r->built->texts;
    r->built->policy.language = languages[0];
    r->setup.conf = conf_read_text("rules", text, size);
    r->setup.values = schema_values_new();
    r->setup.tandem.packs = packs;
    r->b = (struct builder){ .setup = &r->setup, .built = r->built, .arena = arena_new(0),
                             .queues = &r->queue,
                             .queue_names = { .kind = "queue", .of = &r->queue_name, .n = 1 } };
    size_t n;
    const struct conf_section *sections = conf_sections(r->setup.conf, &n);
    r->setup.rules = mem_array(SECTIONS_MAX, sizeof *r->setup.rules);
    for (size_t i = 0; i < n && i < SECTIONS_MAX; i++)
        read_section(r, &sections[i]);
    policy_rules(&r->b);
}

static void reading_end(struct reading *r)
{
    for (size_t i = 0; i < r->built->n_rule_exprs; i++)
        expr_free(&r->built->rule_exprs[i]);
    free(r->built->rule_exprs);
    free(r->built->waits);
    packs_unshare(&r->built->phrases);
    texts_free(&r->built->texts);
    free(r->built);
    arena_free(&r->b.arena);
    free(r->setup.rules);
    schema_values_free(&r->setup.values);
    conf_free(&r->setup.conf);
}

static void check_rule(const struct reading *r, const struct policy_rule *rule)
{
    static const enum text_channel kinds[] = { TEXT_CHAT, TEXT_SMS, TEXT_EMAIL, TEXT_VOICE };
    struct arena *arena = arena_new(0);

    must(rule->mode != RULE_OFF && rule->when != NULL && rule->at != 0);
    must(rule->category == reason_code(rule->code)->category);
    must(rule->queue == NULL || rule->queue == &r->queue);
    must(rule->speaks == texts_has_rule(r->built->texts, languages[0], rule->name));
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            const char *said = texts_render_rule(r->built->texts, rule->name, kinds[k],
                                                 languages[i], languages[0], NULL, arena);
            must(said == NULL || utf8_valid(said, strlen(said)));
        }
    arena_free(&arena);
}

/* A customer who has waited for half a minute, and said this and that. */
static void check_session(const struct policy *policy)
{
    struct arena *arena = arena_new(0);
    struct session_message message = { .seq = 3, .at = NOW, .author = TD_CUSTOMER };
    struct session s = { .phase = SESSION_OPEN, .seq = 3, .messages = &message, .n_messages = 1 };
    struct rule_match matches[RULES_MATCHES], again[RULES_MATCHES];

    s.counts.messages = 2;
    for (size_t i = 0; i < PHRASE_SIGNALS; i += 3)
        s.counts.shown_at[i] = s.counts.times[i] = 3;
    struct signals_at at = { .session = &s, .policy = policy, .now = NOW + 30000 };
    for (unsigned point = RULE_PRE; point <= RULE_WAIT; point <<= 1) {
        const size_t n = rules_match(policy, &at, point, arena, matches);
        must(n <= RULES_MATCHES && n == rules_match(policy, &at, point, arena, again));
        for (size_t i = 0; i < n; i++)
            must(matches[i].rule == again[i].rule && (matches[i].rule->at & point) != 0 &&
                 strcmp(matches[i].values, again[i].values) == 0 &&
                 (i == 0 || matches[i].rule->priority >= matches[i - 1].rule->priority));
    }
    at.now = rules_wait_due(&s, policy);
    must(at.now == INT64_MAX || (at.now >= NOW && rules_match(policy, &at, RULE_WAIT, arena, matches) > 0));
    arena_free(&arena);
}

static void check(struct reading *r)
{
    struct policy *policy = &r->built->policy;

    if (r->b.errors > 0 || conf_errors(r->setup.conf) > 0) { /* as policy_build() asks */
        char *report = conf_report(r->setup.conf, "nothing");
        must(*report != '\0');
        free(report);
        return;
    }
    policy->queues = &r->queue;
    policy->n_queues = 1;
    for (size_t i = 0; i < policy->n_rules; i++) {
        must(i == 0 || policy->rules[i - 1].priority <= policy->rules[i].priority);
        check_rule(r, &policy->rules[i]);
    }
    for (size_t i = 0; i < policy->n_waits; i++)
        must(policy->waits[i].after_ms >= 0 && policy->waits[i].rule >= policy->rules &&
             policy->waits[i].rule < policy->rules + policy->n_rules);
    check_session(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct phrases *kept; /* read once, shared by all that follow */
    const char *top = getenv("top_srcdir");
    char packs[1024];
    struct reading r;
    struct err err;

    snprintf(packs, sizeof packs, "%s/conf/packs", top ? top : ".");
    if (!kept && !(kept = packs_share(packs, &err))) {
        fprintf(stderr, "fuzz_rules: %s\n", err.text);
        abort();
    }
    reading_begin(&r, (const char *)data, size, packs);
    check(&r);
    reading_end(&r);
    return 0;
}
