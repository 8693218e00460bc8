/* texts_private.h - what texts.c, texts_say.c and texts_sms.c share. */
#ifndef ENGINE_TEXTS_PRIVATE_H
#define ENGINE_TEXTS_PRIVATE_H

#include "engine/texts.h"

#define TEXT_BYTES_MAX 1000 /* of one entry */

/* What is said inside texts, per language. */
enum text_phrase {
    PHRASE_WEEKDAYS, /* seven, from Monday on; as all lists, by comma */
    PHRASE_MONTHS,
    PHRASE_TIME,      /* {hour}:{minute} */
    PHRASE_TIME_FULL, /* {hour}, when the minute is 00 */
    PHRASE_TODAY, PHRASE_TOMORROW,
    PHRASE_THIS_WEEK, /* {weekday} {time}: within the next seven days */
    PHRASE_ON_DATE,   /* {weekday} {day} {month} {time} */
    PHRASE_WAIT_MINUTE, PHRASE_WAIT_MINUTES, PHRASE_WAIT_HOUR, PHRASE_WAIT_HOURS, PHRASE_WAIT_LONG,
    PHRASE_FRAME_EMAIL, /* {text}, {business}: greeting and end */
    PHRASES
};

struct text_by_kind {
    char *of[TEXT_CHANNELS + 1]; /* the last: every kind */
};

/* What is said when this rule holds. */
struct text_rule {
    char *name;
    struct text_by_kind text;
    struct text_rule *next;
};

struct text_language {
    char *name;
    struct text_by_kind text[TEXT_STATES];
    struct text_rule *rules;
    char *phrase[PHRASES];
    char *words[TEXT_WORDS]; /* by comma */
    struct text_language *next;
};

struct texts {
    struct text_language *languages;
};

struct buf;

extern const char *const text_phrase_names[PHRASES], *const text_var_names[TEXT_VARS];
extern const char *const text_words_names[TEXT_WORDS];

/* Exact, then its base, then the same of `fallback`; NULL: none of them. */
const struct text_language *text_language(const struct texts *texts, const char *language,
                                          const char *fallback);
/* The text for this kind of channel: its own or the general one; NULL. */
const char *text_of(const struct text_by_kind *text, enum text_channel channel);
/* NULL: the language, or its base, has none for the rule. */
const struct text_by_kind *text_of_rule(const struct texts *texts, const char *language,
                                        const char *rule);

/* Puts values in: `name` gives the value of a {name} (NULL: not known). The result is appended. */
typedef const char *(*text_value_fn)(void *arg, const char *name, size_t len);
void text_fill(const char *text, text_value_fn value, void *arg, struct buf *out);

/* Letters without what a GSM 7-bit alphabet lacks: "sábado" becomes "sabado". */
void text_plain(const char *text, struct buf *out);
/* Whether it is one SMS: 160 of the GSM 7-bit alphabet, else 70 of UCS-2. */
int text_is_one_sms(const char *text);

#endif
