/* rules.c - which rules hold, by priority, on which values. */
#include "config.h"

#include "engine/rules.h"

#include <string.h>

#include "base/buf.h"
#include "engine/plain.h"
#include "engine/session.h"

const char *rule_point_name(enum rule_point point)
{
    return point == RULE_PRE ? "pre" : point == RULE_POST ? "post" : "event"; /* or waiting */
}

struct look {
    const struct signals_at *at;
    struct arena *arena;
    struct rule_match *match;
};

static void look_up(void *arg, size_t index, struct expr_value *value_r)
{
    const struct look *look = arg;

    signals_lookup((void *)look->at, index, value_r);
}

static void look_note(void *arg, const char *name, const struct expr_value *value)
{
    struct look *look = arg;

    look->match->values = signals_note(look->arena, look->match->values, name, value);
}

/* A phrase that the condition names, and that the customer used. */
static void add_evidence(const struct signals_at *at, struct rule_match *match)
{
    for (unsigned bit = 0; bit < PHRASE_SIGNALS && match->n_evidence < RULES_EVIDENCE; bit++) {
        const uint64_t seq = at->session->counts.shown_at[bit];
        const char *name = phrases_signal(bit), *found = match->values;
        const size_t len = strlen(name);
        size_t i = 0;

        while (seq != 0 && (found = strstr(found, name)) != NULL &&
               ((found > match->values && found[-1] != ' ') ||
                (found[len] != '=' && found[len] != '.') || strncmp(found + len, "=0", 2) == 0))
            found += len;
        while (i < match->n_evidence && match->evidence[i] != seq)
            i++;
        if (seq != 0 && found != NULL && i == match->n_evidence)
            match->evidence[match->n_evidence++] = seq;
    }
}

size_t rules_match(const struct policy *policy, const struct signals_at *at,
                   enum rule_point point, struct arena *arena,
                   struct rule_match matches_r[RULES_MATCHES])
{
    struct look look = { .at = at, .arena = arena };
    size_t n = 0;

    for (size_t i = 0; i < policy->n_rules && n < RULES_MATCHES; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        if ((rule->at & point) == 0 || !expr_eval(rule->when, look_up, NULL, &look))
            continue;
        look.match = &matches_r[n++];
        *look.match = (struct rule_match){ .rule = rule, .values = "" };
        expr_eval(rule->when, look_up, look_note, &look); /* again, for the few that hold */
        add_evidence(at, look.match);
    }
    return n;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static uint64_t newest(const struct session *s)
{
    for (size_t i = s->n_messages; i-- > 0;)
        if (s->messages[i].author == TD_CUSTOMER)
            return s->messages[i].seq;
    return 0;
}

int rules_free(const struct session *s, const struct session_handoff *handoff,
               enum rule_point point)
{
    /* Who was looked for in vain is not looked for again before the customer has said more. */
    if (point != RULE_PRE &&
        (point == RULE_WAIT ? newest(s) : s->turn.upto) < s->counts.tried)
        return 0;
    return handoff->state == HANDOFF_NONE || handoff->quiet;
}

/* One offer a talk: who did not take it is not asked again. */
static int acts(const struct session *s, const struct policy_rule *rule)
{
    return rule->mode == RULE_NOW || (s->offer == NULL && s->counts.offers_declined == 0);
}

int64_t rules_wait_due(const struct session *s, const struct policy *policy)
{
    const struct session_message *first;
    int64_t due = INT64_MAX;

    if (policy->n_waits == 0 || policy->n_queues == 0 || s->phase != SESSION_OPEN ||
        session_pending(s, &first) == 0 || !rules_free(s, &s->handoff, RULE_WAIT))
        return INT64_MAX;
    for (size_t i = 0; i < policy->n_waits; i++) {
        const struct policy_wait *wait = &policy->waits[i];
        struct signals_at at = { .session = s, .policy = policy,
                                 .now = first->at + wait->after_ms };
        if (at.now < due && acts(s, wait->rule) &&
            expr_eval(wait->rule->when, signals_lookup, NULL, &at))
            due = at.now;
    }
    return due;
}

/* ---- What a text shows -------------------------------------------------------------------- */

uint32_t rules_shown(const struct policy *policy, const struct session *s, const char *text,
                     size_t len, uint32_t wanted, const char **lang_r)
{
    return phrases_hear(policy->phrases, s->language != NULL ? s->language : s->locale, text, len,
                        wanted, lang_r);
}

/* "Dr.", "Mrs.", "No.": what the full stop behind it ends is no sentence. */
static int is_short_form(const char *text, size_t end)
{
    size_t n = 0;

    while (n < end && n < 4 && (text[end - 1 - n] | 0x20) >= 'a' && (text[end - 1 - n] | 0x20) <= 'z')
        n++;
    return n > 0 && n < 4 && text[end - n] >= 'A' && text[end - n] <= 'Z';
}

static int is_stop(char c)
{
    return c == '.' || c == '!' || c == '?';
}

/* Bytes up to and with the end of the first sentence; len: it does not end. */
static size_t sentence(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const int is_end = is_stop(text[i]) && i + 1 < len &&
                           (text[i + 1] == ' ' || text[i + 1] == '\n');
        if (text[i] == '\n' || (is_end && !(text[i] == '.' && is_short_form(text, i))))
            return i + 1;
    }
    return len;
}

int rules_claims(const struct policy *policy, const struct session *s, const char *text)
{
    const char *lang;

    if (s->counts.receipts > 0 || (policy->phrases_asked & PHRASES_OF_AGENTS) == 0)
        return 0;
    for (size_t len; (len = strlen(text)) > 0; text += len) {
        len = sentence(text, len);
        if (rules_shown(policy, s, text, len, PHRASES_OF_AGENTS, &lang) != 0)
            return 1;
    }
    return 0;
}

size_t rules_showable(const struct policy *policy, const struct session *s, const char *name,
                      const char *text, size_t len, int *stop_r)
{
    const struct policy_agent *agent = policy_agent(policy, name);
    const char *lang;
    size_t end = 0, n;

    *stop_r = 0;
    if (s->counts.receipts > 0 || (agent != NULL && agent->trusted) ||
        (policy->phrases_asked & PHRASES_OF_AGENTS) == 0)
        return len;
    while (end < len && (n = sentence(text + end, len - end)) < len - end) {
        if (rules_shown(policy, s, text + end, n, PHRASES_OF_AGENTS, &lang) != 0) {
            *stop_r = 1;
            return end;
        }
        end += n;
    }
    return end;
}

/* ---- Equal texts -------------------------------------------------------------------------- */

#define WORDS_LEAST 3
#define LONG 24 /* bytes: not every script has spaces */

static void strip(struct buf *text)
{
    while (text->len > 0 && strchr(" .!?", text->data[text->len - 1]) != NULL)
        text->data[--text->len] = '\0';
}

int rules_same_text(const char *a, const char *b)
{
    struct buf one = { 0 }, other = { 0 };
    size_t words = 1;
    int same;

    if (a == NULL || b == NULL)
        return 0;
    plain_text(a, strlen(a), &one);
    plain_text(b, strlen(b), &other);
    strip(&one);
    strip(&other);
    for (size_t i = 0; i < one.len; i++)
        words += one.data[i] == ' ';
    same = (words >= WORDS_LEAST || one.len >= LONG) && one.len == other.len &&
           memcmp(one.data, other.data, one.len) == 0;
    buf_fini(&one);
    buf_fini(&other);
    return same;
}
