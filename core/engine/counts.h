/*
 * counts.h - what has happened in a talk so far, in numbers: the signals that need no language.
 *
 * Layer: engine, pure. A fold over records, and only over them: what the rules see in a step and
 * what they see when the journal is read again is the same. A talk begins with the session and
 * anew when a handoff ends; receipts and handoffs are counted in the whole session.
 */
#ifndef ENGINE_COUNTS_H
#define ENGINE_COUNTS_H

#include <stdint.h>

#include "engine/phrases.h"

struct record;

#define COUNTS_SLOTS 8 /* slots that are remembered; receipts likewise */

struct counts {
    uint8_t times[PHRASE_SIGNALS];     /* customer messages that showed it; stays at 255 */
    uint32_t shown_at[PHRASE_SIGNALS]; /* number of the newest of them; 0: none */
    uint64_t since; /* the turn that runs, or ran last, is about what came after this */
    unsigned messages, message_repeats; /* the customer's; equal to an earlier one */
    unsigned turns, open_turns;         /* answers; since the last that resolved something */
    unsigned reply_repeats;             /* agents' replies that were equal to an earlier one */
    unsigned clarify_turns;             /* clarifying answers in a row */
    unsigned agent_failures, agent_timeouts;     /* in a row */
    unsigned action_errors, verification_failures; /* in a row; in the talk */
    unsigned delivery_failures, unbacked_claims, offers_declined;
    unsigned handoffs, receipts; /* in the session */
    uint64_t tried; /* for the messages up to this one a human was looked for, and none came */
    uint64_t slots[COUNTS_SLOTS], done[COUNTS_SLOTS]; /* asked about in a row; with a receipt */
};

/* answered: customer messages up to it had been dealt with before this record. */
void counts_apply(struct counts *counts, uint64_t answered, const struct record *record);

/* A clarifying answer with this slot asks a second time. NULL: it named none. */
int counts_asked(const struct counts *counts, const char *slot);
/* There is a receipt of this action. */
int counts_done(const struct counts *counts, const char *action);

/* Words as records hold them: "want_human=1 sources=2". */
int counts_word(const char *signals, const char *name);

#endif
