/*
 * trial.h - one session's journal, read again under other rules: would a human have come, and when?
 *
 * Layer: engine, pure. Values come from the records, as the rules saw them; no text is looked at.
 * What agents, operators and the gateway itself did stays as it was; only what rules do is asked
 * anew. After the first handoff the talk went another way, so only the first is compared.
 */
#ifndef ENGINE_TRIAL_H
#define ENGINE_TRIAL_H

#include "engine/policy.h"
#include "engine/record.h"
#include "engine/session.h"

struct arena;

struct trial_handoff {
    uint64_t seq;     /* of the record that led to it; 0: there is none */
    unsigned message; /* the customer's so many-th */
    char code[40], rule[72]; /* rule: "" when none did it */
};

struct trial {
    struct session state;
    struct trial_handoff was, would;
    unsigned messages;
    int resolved;   /* the agent's last word, where no human came */
    int is_needless, is_late; /* as the human said afterwards */
};

void trial_begin(struct trial *trial, const struct ulid *session);
/* In order; the body only of OPENED, CUSTOMER and STRETCH. arena: for the call. */
void trial_record(struct trial *trial, const struct policy *policy, const struct record *record,
                  struct arena *arena);
void trial_end(struct trial *trial);

enum trial_change {
    TRIAL_SAME,
    TRIAL_EARLIER, /* a human would come at an earlier message */
    TRIAL_HUMAN,   /* one would come, and did not */
    TRIAL_AGENT,   /* none would come, or later, and one did */
};
enum trial_change trial_change(const struct trial *trial);
/* A human would come although the talk needed none: it was resolved without, or they said so. */
int trial_is_needless(const struct trial *trial);

#endif
