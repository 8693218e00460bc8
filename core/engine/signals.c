/* signals.c - the table of names, their values, and values as text. */
#include "config.h"

#include "engine/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "engine/policy.h"
#include "engine/session.h"

enum {
    CHANNEL, KIND, AGENT, LOCALE, LANGUAGE, TIMEZONE, VERIFIED, CUSTOMER, INTENT, CONFIDENCE,
    MESSAGES, WAITING_S, REPEATED_MESSAGE, MESSAGE_REPEATS, TURNS, OPEN_TURNS, REPEATED_REPLY,
    REPLY_REPEATS, CLARIFY_TURNS, SLOT_REPEATED, CLARIFY_EXCEEDED, AGENT_FAILURES, AGENT_TIMEOUTS,
    AGENT_GONE, ACTION_ERRORS, VERIFICATION_FAILURES, DELIVERY_FAILURES, RECEIPTS, UNBACKED_CLAIM,
    UNBACKED_CLAIMS, OFFERS_DECLINED, HANDOFFS, DECISION, ANSWER_CONFIDENCE, GROUNDED, UNGROUNDED,
    SOURCES,
    SHOWN, /* the phrase packs, then how often */
    TIMES = SHOWN + PHRASE_claim
};

#define NAME(name_, help_) { #name_, EXPR_BOOL },
#define NAME_TIMES(name_, help_) { #name_ ".times", EXPR_NUM },
#define HELP(name_, help_) "The customer " help_ ".",
#define HELP_TIMES(name_, help_) "Messages in this talk in which the customer " help_ ".",

const struct expr_name signals_names[] = {
    [CHANNEL] = { "channel", EXPR_STR },
    [KIND] = { "kind", EXPR_STR },
    [AGENT] = { "agent", EXPR_STR },
    [LOCALE] = { "locale", EXPR_STR },
    [LANGUAGE] = { "language", EXPR_STR },
    [TIMEZONE] = { "timezone", EXPR_STR },
    [VERIFIED] = { "verified", EXPR_BOOL },
    [CUSTOMER] = { "customer", EXPR_STR },
    [INTENT] = { "intent", EXPR_STR },
    [CONFIDENCE] = { "confidence", EXPR_NUM },
    [MESSAGES] = { "messages", EXPR_NUM },
    [WAITING_S] = { "waiting_s", EXPR_NUM },
    [REPEATED_MESSAGE] = { "repeated_message", EXPR_BOOL },
    [MESSAGE_REPEATS] = { "message_repeats", EXPR_NUM },
    [TURNS] = { "turns", EXPR_NUM },
    [OPEN_TURNS] = { "open_turns", EXPR_NUM },
    [REPEATED_REPLY] = { "repeated_reply", EXPR_BOOL },
    [REPLY_REPEATS] = { "reply_repeats", EXPR_NUM },
    [CLARIFY_TURNS] = { "clarify_turns", EXPR_NUM },
    [SLOT_REPEATED] = { "slot_repeated", EXPR_BOOL },
    [CLARIFY_EXCEEDED] = { "clarify_exceeded", EXPR_BOOL },
    [AGENT_FAILURES] = { "agent_failures", EXPR_NUM },
    [AGENT_TIMEOUTS] = { "agent_timeouts", EXPR_NUM },
    [AGENT_GONE] = { "agent_gone", EXPR_BOOL },
    [ACTION_ERRORS] = { "action_errors", EXPR_NUM },
    [VERIFICATION_FAILURES] = { "verification_failures", EXPR_NUM },
    [DELIVERY_FAILURES] = { "delivery_failures", EXPR_NUM },
    [RECEIPTS] = { "receipts", EXPR_NUM },
    [UNBACKED_CLAIM] = { "unbacked_claim", EXPR_BOOL },
    [UNBACKED_CLAIMS] = { "unbacked_claims", EXPR_NUM },
    [OFFERS_DECLINED] = { "offers_declined", EXPR_NUM },
    [HANDOFFS] = { "handoffs", EXPR_NUM },
    [DECISION] = { "decision", EXPR_STR },
    [ANSWER_CONFIDENCE] = { "answer_confidence", EXPR_NUM },
    [GROUNDED] = { "grounded", EXPR_BOOL },
    [UNGROUNDED] = { "ungrounded", EXPR_BOOL },
    [SOURCES] = { "sources", EXPR_NUM },
    PHRASES_OF_CUSTOMERS(NAME) PHRASES_OF_CUSTOMERS(NAME_TIMES)
    { NULL, EXPR_BOOL },
};

static const char *const help[] = {
    [CHANNEL] = "Name of the channel's section.",
    [KIND] = "Plugin of the channel: webchat, loopback, ..",
    [AGENT] = "Name of the agent that owns the session.",
    [LOCALE] = "Locale as the customer's device says it, such as en-GB.",
    [LANGUAGE] = "Language as the agent last said it, else as the customer's words show it.",
    [TIMEZONE] = "Time zone of the customer, IANA name.",
    [VERIFIED] = "The channel has proof of who the customer is.",
    [CUSTOMER] = "The customer's id, when the channel knows it.",
    [INTENT] = "What the customer wants, as the agent last said it.",
    [CONFIDENCE] = "How sure the agent was of the intent, 0 to 1.",
    [MESSAGES] = "Messages of the customer in this talk.",
    [WAITING_S] = "Seconds since the oldest message of the customer that waits for an answer.",
    [REPEATED_MESSAGE] =
        "The customer's message is equal to an earlier one, in three words or more.",
    [MESSAGE_REPEATS] = "How often that happened in this talk.",
    [TURNS] = "Answers of agents in this talk.",
    [OPEN_TURNS] = "Answers in a row that resolved nothing, as far as agents say so.",
    [REPEATED_REPLY] = "The agent's answer is equal to an earlier one, in three words or more.",
    [REPLY_REPEATS] = "How often that happened in this talk.",
    [CLARIFY_TURNS] = "Clarifying answers in a row, this one included.",
    [SLOT_REPEATED] = "The answer asks for a slot that was asked for in this row already.",
    [CLARIFY_EXCEEDED] = "slot_repeated, or more clarifying answers in a row than clarify allows.",
    [AGENT_FAILURES] = "Failures and time-outs of agents in a row.",
    [AGENT_TIMEOUTS] = "Time-outs of agents in a row.",
    [AGENT_GONE] = "No agent of the chain could answer.",
    [ACTION_ERRORS] = "Actions in a row that failed.",
    [VERIFICATION_FAILURES] = "Failed attempts to verify who the customer is, in this talk.",
    [DELIVERY_FAILURES] = "Replies in this talk that could not be delivered.",
    [RECEIPTS] = "Actions of this session that are done and have a receipt.",
    [UNBACKED_CLAIM] = "The answer says that something is done, and there is no receipt of it.",
    [UNBACKED_CLAIMS] = "How often that happened in this talk.",
    [OFFERS_DECLINED] = "Offers of a human in this talk that the customer did not take.",
    [HANDOFFS] = "Handoffs in this session so far.",
    [DECISION] = "What the answer is, as the agent says: resolve, clarify, escalate or refuse.",
    [ANSWER_CONFIDENCE] = "How sure the agent is of this answer's intent, 0 to 1.",
    [GROUNDED] = "The agent says that this answer is grounded, and names a source.",
    [UNGROUNDED] = "The agent says that it is not grounded, or that it is and names no source.",
    [SOURCES] = "Sources that the answer names; no value when it says nothing about them.",
    PHRASES_OF_CUSTOMERS(HELP) PHRASES_OF_CUSTOMERS(HELP_TIMES)
};

const char *signals_help(size_t index)
{
    return index < sizeof help / sizeof *help ? help[index] : "";
}

int signals_phrase(size_t index)
{
    if (index < SHOWN || index >= TIMES + PHRASE_claim)
        return -1;
    return (int)(index < TIMES ? index - SHOWN : index - TIMES);
}

int signals_is_waiting(size_t index)
{
    return index == WAITING_S;
}

/* ---- Values ------------------------------------------------------------------------------- */

static struct expr_value text(const char *str)
{
    return (struct expr_value){ .set = str != NULL && *str != '\0', .str = str };
}

static struct expr_value number(double num)
{
    return (struct expr_value){ .set = 1, .num = num };
}

static struct expr_value per_mille(int64_t value)
{
    return (struct expr_value){ .set = value > 0, .num = (double)(value - 1) / 1000 };
}

static const char *const decisions[] = { [TD_RESOLVE] = "resolve", [TD_CLARIFY] = "clarify",
                                         [TD_ESCALATE] = "escalate", [TD_REFUSE] = "refuse" };

/* What the record at hand says of itself. */
static struct expr_value noted(const struct signals_at *at, const char *name)
{
    const char *signals = at->record != NULL ? at->record->signals : NULL;
    const size_t len = strlen(name);

    while (signals != NULL && *signals != '\0') {
        if (strncmp(signals, name, len) == 0 && signals[len] == '=')
            return number((double)strtol(signals + len + 1, NULL, 10));
        signals += strcspn(signals, " ");
        signals += *signals == ' ';
    }
    return (struct expr_value){ .set = 0 };
}

static struct expr_value yes(int it_is)
{
    return (struct expr_value){ .set = it_is, .num = it_is };
}

/* In the message at hand, or in what the turn is about, or in what waits. */
static int is_shown(const struct signals_at *at, unsigned bit)
{
    const struct session *s = at->session;
    const uint32_t shown_at = s->counts.shown_at[bit];

    if (at->record == NULL)
        return shown_at > s->answered;
    return at->record->type == RECORD_MESSAGE ? shown_at == at->record->seq
                                              : shown_at > s->counts.since;
}

static double waiting(const struct signals_at *at)
{
    const struct session_message *first;

    return session_pending(at->session, &first) > 0 && at->now > first->at
               ? (double)(at->now - first->at) / 1000
               : 0;
}

/* What an answer says, when one is at hand. */
static struct expr_value of_answer(const struct signals_at *at, size_t index)
{
    static const struct record none = { .type = RECORD_TURN_END };
    const struct counts *c = &at->session->counts;
    const struct record *r = at->record != NULL && at->record->type == RECORD_TURN_END
                                 ? at->record : &none;
    const int clarifies = r->decision == TD_CLARIFY;

    switch (index) {
    case SLOT_REPEATED: return number(clarifies && noted(at, "slot_repeated").set);
    case CLARIFY_EXCEEDED:
        return number(clarifies && (noted(at, "slot_repeated").set ||
                                    c->clarify_turns > at->policy->clarify_max));
    case AGENT_GONE:
        return number(r->outcome == TURN_FAILED && r->code != NULL &&
                      strcmp(r->code, "agent_unavailable") == 0);
    case DECISION:
        return text(r->decision > TD_DECISION_NONE && r->decision <= TD_REFUSE
                        ? decisions[r->decision] : NULL);
    case ANSWER_CONFIDENCE: return per_mille(r->confidence);
    case GROUNDED: return yes(r->grounded == 1 && noted(at, "sources").num > 0);
    default: return yes(r->grounded == 2 || (r->grounded == 1 && noted(at, "sources").num == 0));
    }
}

static struct expr_value counted(const struct signals_at *at, size_t index)
{
    const struct counts *c = &at->session->counts;

    switch (index) {
    case MESSAGES: return number(c->messages);
    case WAITING_S: return number(waiting(at));
    case MESSAGE_REPEATS: return number(c->message_repeats);
    case TURNS: return number(c->turns);
    case OPEN_TURNS: return number(c->open_turns);
    case REPLY_REPEATS: return number(c->reply_repeats);
    case CLARIFY_TURNS: return number(c->clarify_turns);
    case AGENT_FAILURES: return number(c->agent_failures);
    case AGENT_TIMEOUTS: return number(c->agent_timeouts);
    case ACTION_ERRORS: return number(c->action_errors);
    case VERIFICATION_FAILURES: return number(c->verification_failures);
    case DELIVERY_FAILURES: return number(c->delivery_failures);
    case RECEIPTS: return number(c->receipts);
    case UNBACKED_CLAIMS: return number(c->unbacked_claims);
    case OFFERS_DECLINED: return number(c->offers_declined);
    case HANDOFFS: return number(c->handoffs);
    case REPEATED_MESSAGE:
    case REPEATED_REPLY:
    case UNBACKED_CLAIM: return number(noted(at, signals_names[index].name).set);
    case SOURCES: return noted(at, "sources");
    default: return of_answer(at, index);
    }
}

void signals_lookup(void *arg, size_t index, struct expr_value *value_r)
{
    const struct signals_at *at = arg;
    const struct session *s = at->session;

    switch (index) {
    case CHANNEL: *value_r = text(s->channel); break;
    case KIND: *value_r = text(s->kind); break;
    case AGENT: *value_r = text(s->owner == TD_OWNER_AGENT ? s->owner_name : NULL); break;
    case LOCALE: *value_r = text(s->locale); break;
    case LANGUAGE: *value_r = text(s->language); break;
    case TIMEZONE: *value_r = text(s->timezone); break;
    case CUSTOMER: *value_r = text(s->customer_id); break;
    case INTENT: *value_r = text(s->intent); break;
    case VERIFIED: *value_r = number(s->verified); break;
    case CONFIDENCE: *value_r = per_mille(s->confidence); break;
    default:
        *value_r = index < SHOWN   ? counted(at, index)
                   : index < TIMES ? number(is_shown(at, (unsigned)(index - SHOWN)))
                                   : number(s->counts.times[index - TIMES]);
    }
}

/* ---- As text ------------------------------------------------------------------------------ */

#define MAX_TRACE 400 /* bytes */

/* Bytes of a value that are worth noting. */
static size_t clip(const char *value)
{
    return utf8_cut(value, strnlen(value, 65), 64);
}

#define NUMBER_MAX 32

/* As %g: most are small whole numbers, or seconds to the millisecond, and printf is slow. */
static const char *number_text(double num, char text[NUMBER_MAX])
{
    char *at = text + NUMBER_MAX - 1;
    int whole, milli;

    if (!(num >= 0 && num < 1e6)) {
        snprintf(text, NUMBER_MAX, "%g", num);
        return text;
    }
    whole = (int)num;
    milli = (int)((num - whole) * 1000 + 0.5);
    if ((whole * 1000.0 + milli) / 1000 != num || (milli > 0 && whole >= 1000)) {
        snprintf(text, NUMBER_MAX, "%g", num);
        return text;
    }
    *at = '\0';
    for (int left = 3; left > 0; left--, milli /= 10)
        if (milli % 10 > 0 || *at != '\0')
            *--at = (char)('0' + milli % 10);
    if (*at != '\0')
        *--at = '.';
    do
        *--at = (char)('0' + whole % 10);
    while ((whole /= 10) > 0);
    return at;
}

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

/* Personal values are not written down. */
const char *signals_note(struct arena *arena, const char *so_far, const char *name,
                         const struct expr_value *value)
{
    char digits[NUMBER_MAX];
    const char *text = !value->set                      ? ""
                       : value->str == NULL             ? number_text(value->num, digits)
                       : strcmp(name, "customer") == 0 ? "*"
                                                        : value->str;
    const size_t before = strlen(so_far), name_len = strlen(name), len = clip(text);

    if (before > MAX_TRACE)
        return so_far;
    char *all = arena_alloc(arena, before + name_len + len + sizeof " =");
    char *at = put(all, so_far, before);
    if (before > 0)
        *at++ = ' ';
    at = put(at, name, name_len);
    *at++ = '=';
    *put(at, text, len) = '\0';
    return all;
}

const char *signals_counters(const struct signals_at *at, const char *so_far, struct arena *arena)
{
    static const size_t which[] = {
        TURNS, OPEN_TURNS, MESSAGE_REPEATS, REPLY_REPEATS, CLARIFY_TURNS, AGENT_FAILURES,
        AGENT_TIMEOUTS, ACTION_ERRORS, VERIFICATION_FAILURES, DELIVERY_FAILURES, UNBACKED_CLAIMS,
        OFFERS_DECLINED, HANDOFFS, RECEIPTS, WAITING_S,
    };

    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        const struct expr_value value = counted(at, which[i]);
        if (value.num != 0)
            so_far = signals_note(arena, so_far, signals_names[which[i]].name, &value);
    }
    for (unsigned bit = 0; bit < PHRASE_claim; bit++) {
        const struct expr_value times = number(at->session->counts.times[bit]);
        if (times.num != 0)
            so_far = signals_note(arena, so_far, signals_names[TIMES + bit].name, &times);
    }
    return so_far;
}

void signals_view(struct session *view, uint64_t answered, const struct record *record)
{
    struct record shown = *record;

    if (record->type == RECORD_TURN_END && record->outcome == TURN_WITHHELD)
        shown.outcome = TURN_ANSWERED; /* as the rules saw it */
    counts_apply(&view->counts, answered, &shown);
    if (record->type != RECORD_TURN_END)
        return;
    if (record->intent != NULL) {
        view->intent = (char *)record->intent;
        view->confidence = record->confidence;
    }
    if (record->language != NULL)
        view->language = (char *)record->language;
}
