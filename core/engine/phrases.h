/*
 * phrases.h - what a customer's words show: the phrase packs of all languages.
 *
 * Layer: engine, pure: the caller reads the files. Threads: one at a time.
 */
#ifndef ENGINE_PHRASES_H
#define ENGINE_PHRASES_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct phrases;

#define PHRASES_LANGS_MAX 32
#define PHRASES_UNKNOWN "und" /* a language that nobody declared and that is not detected */

/* The signals, in the order of their bits; NULL behind the last. */
const char *phrases_signal(unsigned bit);

struct phrases *phrases_new(void);
void phrases_free(struct phrases **phrases); /* NULL is fine */

/* lang: as in BCP 47, its first subtag counts. Read once per signal and language. */
int phrases_add(struct phrases *phrases, const char *lang, const char *signal, const char *text,
                size_t len, struct err *err);

/* Small words by which the language is detected, with spaces or lines between. */
int phrases_add_words(struct phrases *phrases, const char *lang, const char *text, size_t len,
                      struct err *err);

/* Once all is added: what `without` names is there, and every example holds. */
int phrases_check(struct phrases *phrases, struct err *err);

/* The language of a text by its small words, or PHRASES_UNKNOWN. Lives as long as the phrases. */
const char *phrases_lang(struct phrases *phrases, const char *text, size_t len);

/* A bit for each signal that is there. Of PHRASES_UNKNOWN every pack is asked, of a language
 * without packs none. */
uint32_t phrases_find(struct phrases *phrases, const char *lang, const char *text, size_t len);

#endif
