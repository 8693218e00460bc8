/* counts.c - the signals that need no language, as a fold over records. */
#include "config.h"

#include "engine/counts.h"

#include <string.h>

#include "engine/record.h"

/* FNV-1a; 0 stands for an empty place. */
static uint64_t hash(const char *name)
{
    uint64_t h = 14695981039346656037u;

    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h != 0 ? h : 1;
}

static int has(const uint64_t *set, const char *name)
{
    const uint64_t wanted = hash(name);

    for (size_t i = 0; i < COUNTS_SLOTS; i++)
        if (set[i] == wanted)
            return 1;
    return 0;
}

/* The oldest goes when it is full. */
static void add(uint64_t *set, const char *name)
{
    if (has(set, name))
        return;
    memmove(set + 1, set, (COUNTS_SLOTS - 1) * sizeof *set);
    set[0] = hash(name);
}

int counts_asked(const struct counts *c, const char *slot)
{
    return slot != NULL && has(c->slots, slot);
}

int counts_done(const struct counts *c, const char *action)
{
    return has(c->done, action);
}

int counts_word(const char *signals, const char *name)
{
    const size_t len = strlen(name);

    while (signals != NULL && *signals != '\0') {
        if (strncmp(signals, name, len) == 0 && strncmp(signals + len, "=1", 2) == 0 &&
            (signals[len + 2] == ' ' || signals[len + 2] == '\0'))
            return 1;
        signals += strcspn(signals, " ");
        signals += *signals == ' ';
    }
    return 0;
}

static void message(struct counts *c, const struct record *r)
{
    c->messages++;
    if (r->signals == NULL)
        return;
    c->message_repeats += counts_word(r->signals, "repeated_message");
    for (unsigned bit = 0; bit < PHRASE_SIGNALS; bit++) {
        if (!counts_word(r->signals, phrases_signal(bit)))
            continue;
        c->times[bit] += c->times[bit] < UINT8_MAX;
        c->shown_at[bit] = (uint32_t)r->seq;
    }
}

static void answered(struct counts *c, const struct record *r)
{
    const int clarifies = r->decision == TD_CLARIFY && r->outcome != TURN_SILENT;

    c->agent_failures = c->agent_timeouts = 0;
    c->turns++;
    c->open_turns = r->decision == TD_RESOLVE && r->outcome != TURN_WITHHELD ? 0
                                                                             : c->open_turns + 1;
    c->reply_repeats += counts_word(r->signals, "repeated_reply");
    c->unbacked_claims += counts_word(r->signals, "unbacked_claim");
    if (r->outcome != TURN_ANSWERED)
        return;
    c->clarify_turns = clarifies ? c->clarify_turns + 1 : 0;
    if (!clarifies)
        memset(c->slots, 0, sizeof c->slots);
    else if (r->slot != NULL)
        add(c->slots, r->slot);
}

static void failed(struct counts *c, const struct record *r)
{
    c->agent_failures++;
    if (r->cause != NULL && strcmp(r->cause, "timeout") == 0)
        c->agent_timeouts++;
}

static void result(struct counts *c, const struct record *r)
{
    if (r->category == NULL) {
        c->action_errors = 0;
        c->receipts += r->receipt != NULL;
        if (r->receipt != NULL && r->name != NULL)
            add(c->done, r->name);
        return;
    }
    c->action_errors++;
    c->verification_failures += strncmp(r->category, "verification", 12) == 0;
}

/* A human has had it, or nobody was found: what was counted before is dealt with. */
static void begin_anew(struct counts *c, const struct record *r)
{
    const int was_there = r->outcome == HANDOFF_RETURNED;
    struct counts fresh = { .handoffs = c->handoffs, .receipts = c->receipts, .since = r->seq,
                            .tried = was_there ? 0 : r->seq };

    memcpy(fresh.done, c->done, sizeof fresh.done);
    *c = fresh;
}

void counts_apply(struct counts *c, uint64_t up_to, const struct record *r)
{
    switch ((int)r->type) {
    case RECORD_MESSAGE: message(c, r); break;
    case RECORD_TURN: c->since = up_to; break;
    case RECORD_TURN_END:
        if (r->outcome == TURN_FAILED)
            failed(c, r);
        else if (r->outcome != TURN_INTERRUPTED)
            answered(c, r);
        break;
    case RECORD_RESULT: result(c, r); break;
    case RECORD_DELIVERY: c->delivery_failures += r->status == TD_FAILED; break;
    case RECORD_RULE:
        c->offers_declined += r->outcome == RULE_DECLINED || r->outcome == RULE_LAPSED;
        break;
    case RECORD_HANDOFF: c->handoffs++; break;
    case RECORD_HANDOFF_END:
        if (r->cause == NULL || strcmp(r->cause, "promise") != 0) /* of which nobody has heard */
            begin_anew(c, r);
        break;
    default: break;
    }
}
