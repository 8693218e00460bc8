/*
 * kb_words.h - the words of a text, as a knowledge base compares them.
 *
 * Compatibility forms composed, lower case; letters and digits make words, all else parts them,
 * and an apostrophe goes ("don't" is "dont"). So nothing of a customer's text but letters and
 * digits ever gets into a query. Pure; the text is hostile.
 */
#ifndef SHARED_KB_WORDS_H
#define SHARED_KB_WORDS_H

#include <stddef.h>

#define KB_WORDS_MAX 64    /* of a text; the rest is not looked at */
#define KB_WORD_BYTES 48   /* with the NUL; longer words are cut */
#define KB_WORDS_TEXT 2048 /* bytes of a text that are looked at */

struct kb_words {
    char at[KB_WORDS_MAX][KB_WORD_BYTES];
    size_t n;
};

/* What is not UTF-8 has no words. */
void kb_words_of(const char *text, size_t len, struct kb_words *words_r);

/* The words with a space before, between and behind them: " a b " is in the joined words of a text that
 * has a and b side by side. */
#define KB_JOINED_BYTES (KB_WORDS_MAX * KB_WORD_BYTES + 2)
void kb_words_join(const struct kb_words *words, char joined_r[KB_JOINED_BYTES]);

/* The words of a file, sorted, each once: for bsearch(). NULL: out of memory. Freed by free(). */
struct kb_word_list {
    char (*at)[KB_WORD_BYTES];
    size_t n;
};
int kb_word_list_add(struct kb_word_list *list, const char *text, size_t len); /* -1: no memory */
void kb_word_list_sort(struct kb_word_list *list); /* MUST come before has() and near() */
int kb_word_list_has(const struct kb_word_list *list, const char *word);
void kb_word_list_fini(struct kb_word_list *list);

/* The word of the list that a slip of the finger made this one (a letter more, less, another, or two
 * that changed places; the first stays); NULL: none, more than one, or it is too short to say. */
const char *kb_word_list_near(const struct kb_word_list *list, const char *word);

#endif
