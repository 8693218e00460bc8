/*
 * rules.h - which rules hold at a point of a session, and on which values.
 *
 * Layer: engine, pure. For the step that decides, and for who reads a journal under other rules.
 */
#ifndef ENGINE_RULES_H
#define ENGINE_RULES_H

#include "engine/policy.h"
#include "engine/signals.h"

struct arena;

#define RULES_MATCHES 16 /* more are not looked for */
#define RULES_EVIDENCE 5

struct rule_match {
    const struct policy_rule *rule;
    const char *values;                /* what its condition looked at: "name=value ..." */
    uint64_t evidence[RULES_EVIDENCE]; /* customer's messages that showed what it asks for */
    size_t n_evidence;
};

/* By priority; how many. Strings are in the arena. */
size_t rules_match(const struct policy *policy, const struct signals_at *at,
                   enum rule_point point, struct arena *arena,
                   struct rule_match matches_r[RULES_MATCHES]);

const char *rule_point_name(enum rule_point point); /* "pre", "post", "event" */

/* A human may be looked for: none is already, nor was in vain for what this is about. */
struct session_handoff;
int rules_free(const struct session *session, const struct session_handoff *handoff,
               enum rule_point point);
/* When the customer will have waited so long that a rule acts by that alone, whether that is past
 * or to come; INT64_MAX: never, as things are. At that moment RULE_WAIT finds it. */
int64_t rules_wait_due(const struct session *session, const struct policy *policy);

/* What a text shows, of what is wanted: in the session's language, and in the one that the text is
 * in when that is another; who was said to speak English is heard in German too. lang_r: the
 * language of the text, NULL when it is not clear. */
uint32_t rules_shown(const struct policy *policy, const struct session *session, const char *text,
                     size_t len, uint32_t wanted, const char **lang_r);
/* A sentence of it says that something has been done, and the session has no receipt at all. */
int rules_claims(const struct policy *policy, const struct session *session, const char *text);
/* Of what has come of an agent's answer: bytes at its beginning that the customer may see before
 * the answer is known. Less than whole sentences when claims are looked for; stop_r: 1 when no more
 * of it may be seen, whatever comes. */
size_t rules_showable(const struct policy *policy, const struct session *session,
                      const char *agent, const char *text, size_t len, int *stop_r);

/* Of a text of the customer or an agent: equal to another in what counts, in three words or more.
 * Letters' case, forms, spaces and what ends a sentence do not count; nothing is guessed. */
int rules_same_text(const char *a, const char *b);

#endif
