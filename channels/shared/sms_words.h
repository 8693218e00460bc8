/*
 * sms_words.h - the words by which people say that they want no messages, want them again, or help.
 *
 * Layer: channels/shared. A message counts only when the whole of it is such a word, in whatever case
 * and with white space, quotes and full stops around it. Which words hold is conf: sets by language,
 * and words of the operator's own, each for all numbers or for those that begin with a country code.
 */
#ifndef SMS_WORDS_H
#define SMS_WORDS_H

#include <stddef.h>

struct td_error;

enum sms_wish { SMS_NO_WISH, SMS_STOP, SMS_START, SMS_HELP, SMS_N_WISHES };

struct sms_words;

/* languages: of the sets, such as "en", "fr". own[wish]: words, "+33 ARRET" only for numbers of +33;
 * NULL or empty: none. NULL with a sentence: a language that has no set. */
struct sms_words *sms_words_new(const char *const *languages,
                                const char *const *const own[SMS_N_WISHES], struct td_error *err);
void sms_words_free(struct sms_words **words);

/* What the text wishes. *language_r: of the set it was found in, "en" for the operator's own words. */
enum sms_wish sms_words_find(const struct sms_words *words, const char *peer, const char *text,
                             const char **language_r);

/* What is answered, in the language of the set; NULL: there is no such set. For SMS_HELP with the
 * {name} of the sender in it. */
const char *sms_words_reply(enum sms_wish wish, const char *language);

#endif
