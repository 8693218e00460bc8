/*
 * texts.h - what the customer hears in each state: a catalogue by state, kind of channel, language.
 *
 * Layer: engine, pure data. The shell reads conf/texts/<language>.conf and the files named by
 * [tandem] texts into it and checks it (texts_check): a state without a text in an enabled language
 * refuses to start.
 */
#ifndef ENGINE_TEXTS_H
#define ENGINE_TEXTS_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;
struct err;
struct texts;

enum text_state { /* stands in journals: new ones at the end */
    TEXT_AI_HERE,      /* first contact: an AI answers */
    TEXT_AI_BACK,      /* an AI answers again, after a human */
    TEXT_CHECKING,     /* "I am checking who can help" */
    TEXT_LIVE,         /* {human} is here now */
    TEXT_QUEUED,       /* {position} and {wait} as far as known */
    TEXT_OUT_OF_HOURS, /* closed; {next_open} */
    TEXT_NOBODY,       /* nobody available; {next_open} when known */
    TEXT_CALLBACK,     /* somebody calls or writes back by {by} */
    TEXT_MAILBOX,      /* a reply comes by mail, by {by} */
    TEXT_LEFT_QUEUE,   /* the customer left the queue; who goes on: {agent} */
    TEXT_RETURNED,     /* the human has ended; an AI goes on */
    TEXT_CLOSED_BY_HUMAN,
    TEXT_REQUEUED,     /* {human} had to go; the next one is looked for */
    TEXT_REMINDER,     /* to the customer: {human} is still on it */
    TEXT_BROKEN_PROMISE, /* apology: {what} was promised by {by} */
    TEXT_BRIDGE,       /* the channel must change: {channel}, {link} */
    TEXT_OFFER,        /* would you like a human? (mode: offer) */
    TEXT_UNAVAILABLE,  /* no agent could answer */
    TEXT_WITHHELD,     /* a claim without a receipt: the honest state */
    TEXT_CUT_OFF,      /* on another channel: the one they had cannot reach them any more: {link} */
    TEXT_CONTACT,      /* as TEXT_CALLBACK, and where can they be reached? */
    TEXT_CONTACT_NOTED, /* thank you: at {what} */
    TEXT_STATES
};

/* What customers answer: lists by comma. */
enum text_words { TEXT_LEAVE, TEXT_YES, TEXT_NO, TEXT_WORDS };

enum text_channel { TEXT_CHAT, TEXT_SMS, TEXT_EMAIL, TEXT_VOICE, TEXT_CHANNELS };

enum text_var {
    TEXT_VAR_ISSUE, /* what it is about, in the customer's or agent's words; may be empty */
    TEXT_VAR_HUMAN, TEXT_VAR_AGENT, TEXT_VAR_BUSINESS, TEXT_VAR_POSITION, TEXT_VAR_WAIT,
    TEXT_VAR_NEXT_OPEN, TEXT_VAR_BY, TEXT_VAR_WHAT, TEXT_VAR_CHANNEL, TEXT_VAR_LINK,
    TEXT_VARS
};

struct text_vars {
    const char *of[TEXT_VARS]; /* NULL or "": not known */
};

#define TEXT_RULE "rule." /* begins the key of a rule's text */

const char *text_state_name(enum text_state state); /* "queued": the key in the file */
enum text_channel text_channel_of(const char *kind); /* a channel plugin's name or kind */

struct texts *texts_new(void);
void texts_free(struct texts **texts);
/* One entry of a file; a later one stands for an earlier one. `key` is "queued" (every kind of
 * channel), "queued.sms" (that kind), "rule.NAME" and "rule.NAME.sms" (what is said when that rule
 * holds), "leave_words", "yes_words", "no_words" (lists by comma), or a phrase: "weekdays",
 * "wait_minutes", "frame.email" .. A text may hold {name} inside brackets only, for any name may be
 * unknown: [optional part with {name}] goes when a name in it is not known, [{name}|another] is the
 * first alternative all of whose names are known. "\n" begins a line. -1 with a sentence: unknown
 * key or variable, a variable outside brackets, a link or a too long text where none may be. */
int texts_set(struct texts *texts, const char *language, const char *key, const char *value,
              struct err *err);
/* Appends a line for each state and kind of channel without a text in one of `languages` (NULL at
 * the end), each SMS text that does not fit one part, each phrase that is missing; 0 when there is
 * none. Of rules only what is there is checked: who speaks is for the caller to know. */
int texts_check(const struct texts *texts, const char *const *languages, struct buf *missing);
/* The language, or its base, has a text for this rule. */
int texts_has_rule(const struct texts *texts, const char *language, const char *rule);

/* The best text: exact language, its base ("de-AT": "de"), else `fallback`; the channel's own, else
 * the general one. In the arena, never NULL; "" without a text, which a good texts_check() excludes.
 * Values are cleaned and shortened; an SMS stays one part: what it can do without goes, the issue
 * first. */
const char *texts_render(const struct texts *texts, enum text_state state,
                         enum text_channel channel, const char *language, const char *fallback,
                         const struct text_vars *vars, struct arena *arena);
/* The same of a rule's text; NULL: there is none in either language. */
const char *texts_render_rule(const struct texts *texts, const char *rule,
                              enum text_channel channel, const char *language,
                              const char *fallback, const struct text_vars *vars,
                              struct arena *arena);
/* Whether the message is, as a whole, one of these words of the language. */
int texts_is_word(const struct texts *texts, enum text_words words, const char *language,
                  const char *fallback, const char *message);
/* The first of them, to be shown; in the arena, NULL: there is none. */
const char *texts_first_word(const struct texts *texts, enum text_words words,
                             const char *language, const char *fallback, struct arena *arena);
/* A span or a moment said in the language: "about 5 minutes"; "Monday at 09:00". In the arena; ""
 * (not known) when wait_ms is below 0, at_ms is INT64_MAX. Waits are said in steps that only grow
 * coarser, so that a longer wait never reads as a shorter one. zone NULL: UTC. */
struct zone;
const char *texts_wait(const struct texts *texts, const char *language, const char *fallback,
                       int64_t wait_ms, struct arena *arena);
const char *texts_moment(const struct texts *texts, const char *language, const char *fallback,
                         const struct zone *zone, int64_t at_ms, int64_t now_ms,
                         struct arena *arena);

#endif
