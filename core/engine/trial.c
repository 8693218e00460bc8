/* trial.c - one session's journal under other rules. */
#include "config.h"

#include "engine/trial.h"

#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/rules.h"

void trial_begin(struct trial *t, const struct ulid *session)
{
    *t = (struct trial){ .messages = 0 };
    session_init(&t->state, session);
}

void trial_end(struct trial *t)
{
    session_fini(&t->state);
}

/* 0: rules are not looked at here. */
static int point_of(const struct record *r)
{
    switch ((int)r->type) {
    case RECORD_MESSAGE: return RULE_PRE;
    case RECORD_TURN_END:
        if (r->outcome == TURN_FAILED)
            return r->code != NULL ? RULE_EVENT : 0;
        return r->outcome == TURN_INTERRUPTED ? 0 : RULE_POST;
    case RECORD_RESULT: return r->category != NULL ? RULE_EVENT : 0;
    case RECORD_DELIVERY: return r->status == TD_FAILED ? RULE_EVENT : 0;
    default: return 0;
    }
}

static void note(struct trial_handoff *handoff, const struct trial *t, uint64_t seq,
                 const char *code, const char *rule)
{
    handoff->seq = seq;
    handoff->message = t->messages;
    snprintf(handoff->code, sizeof handoff->code, "%s", code != NULL ? code : "");
    snprintf(handoff->rule, sizeof handoff->rule, "%s", rule != NULL ? rule : "");
}

static void ask_rules(struct trial *t, const struct policy *policy, const struct record *r,
                      enum rule_point point, struct arena *arena)
{
    struct rule_match matches[RULES_MATCHES];
    struct session view = t->state; /* its strings are shared */
    const struct signals_at at = { .session = &view, .policy = policy, .record = r, .now = r->at };
    size_t n;

    signals_view(&view, t->state.answered, r);
    n = rules_match(policy, &at, point, arena, matches);
    for (size_t i = 0; i < n && t->would.seq == 0; i++)
        if (matches[i].rule->mode == RULE_NOW)
            note(&t->would, t, r->seq, matches[i].rule->code, matches[i].rule->name);
}

/* Before this record came, the customer had waited as long as a rule says. */
static void ask_waited(struct trial *t, const struct policy *policy, const struct record *r,
                       struct arena *arena)
{
    struct rule_match matches[RULES_MATCHES];
    const struct signals_at at = { .session = &t->state, .policy = policy,
                                   .now = rules_wait_due(&t->state, policy) };
    const size_t n = rules_match(policy, &at, RULE_WAIT, arena, matches);

    if (n > 0 && matches[0].rule->mode == RULE_NOW)
        note(&t->would, t, r->seq, matches[0].rule->code, matches[0].rule->name);
}

static int is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static void begun(struct trial *t, const struct record *r)
{
    if (t->was.seq != 0 || is(r->cause, "promise"))
        return;
    note(&t->was, t, r->seq, r->code, NULL);
    if (t->would.seq == 0 && !is(r->cause, "rule"))
        note(&t->would, t, r->seq, r->code, NULL); /* whatever the rules are */
}

void trial_record(struct trial *t, const struct policy *policy, const struct record *r,
                  struct arena *arena)
{
    const int point = point_of(r);

    if (r->type == RECORD_MESSAGE)
        t->messages++;
    if (point != 0 && t->state.phase == SESSION_OPEN && t->was.seq == 0 && t->would.seq == 0 && !session_handed(&t->state))
        ask_rules(t, policy, r, (enum rule_point)point, arena);
    if (t->was.seq == 0 && t->would.seq == 0 && rules_wait_due(&t->state, policy) <= r->at)
        ask_waited(t, policy, r, arena);
    if (r->type == RECORD_HANDOFF)
        begun(t, r);
    if (r->type == RECORD_TURN_END && r->outcome == TURN_ANSWERED)
        t->resolved = r->decision == TD_RESOLVE;
    if (r->type == RECORD_STRETCH && r->body.wrapup != NULL) {
        t->is_needless = strstr(r->body.wrapup, "\"needless\"") != NULL;
        t->is_late = strstr(r->body.wrapup, "\"late\"") != NULL;
    }
    engine_apply(&t->state, r);
}

enum trial_change trial_change(const struct trial *t)
{
    if (t->was.seq == 0)
        return t->would.seq == 0 ? TRIAL_SAME : TRIAL_HUMAN;
    if (t->would.seq == 0)
        return TRIAL_AGENT;
    return t->would.message < t->was.message ? TRIAL_EARLIER : TRIAL_SAME;
}

int trial_is_needless(const struct trial *t)
{
    return t->would.seq != 0 && (t->was.seq == 0 ? t->resolved : t->is_needless);
}
