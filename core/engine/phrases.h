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

/* The signals, in the order of their bits, and what each says of a customer's words. */
#define PHRASES_OF_CUSTOMERS(X)                                             \
    X(want_human, "asks for a human")                                       \
    X(declined_human, "does not want a human")                              \
    X(asks_if_bot, "asks whether this is a machine")                        \
    X(already_told, "says that it was said before")                         \
    X(complaint, "complains")                                               \
    X(insult, "insults")                                                    \
    X(cancel_threat, "threatens to leave")                                  \
    X(urgent, "says that it is urgent")                                     \
    X(vulnerable, "speaks of distress, harm or need")                       \
    X(legal, "speaks of law, lawyers or authorities")                       \
    X(security, "speaks of theft, fraud or a break-in")                     \
    X(injection, "tries to give the agent orders")                          \
    X(quote, "wants an offer made for them")                                \
    X(sales_call, "wants to be called about buying")                        \
    X(refund_dispute, "argues about a refund")                              \
    X(price_exception, "wants another price than everybody")                \
    X(policy_exception, "wants an exception from the rules")                \
    X(service_outage, "says that the service is down")
/* .. and of agents' */
#define PHRASES_SIGNALS(X) PHRASES_OF_CUSTOMERS(X) X(claim, "says that something has been done")

#define PHRASES_BIT(name, help) PHRASE_##name,
enum phrase { PHRASES_SIGNALS(PHRASES_BIT) PHRASE_SIGNALS };
#undef PHRASES_BIT

#define PHRASES_OF_AGENTS (UINT32_C(1) << PHRASE_claim)

/* NULL behind the last. */
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

/* Is it, as plain_text() leaves it, a small word of any language? */
int phrases_small_word(struct phrases *phrases, const char *word, size_t len);

/* A bit for each signal of customers that is there. Of PHRASES_UNKNOWN every pack is asked, of a
 * language without packs none. */
uint32_t phrases_find(struct phrases *phrases, const char *lang, const char *text, size_t len);
/* The same for the packs in `wanted` only, whoever they are about, of a talk in the language `known`
 * (NULL: not known). A text that is clearly in another language is heard in that one too; *lang_r: the
 * language by its small words, NULL: not clear. */
uint32_t phrases_hear(struct phrases *phrases, const char *known, const char *text, size_t len,
                      uint32_t wanted, const char **lang_r);

#endif
