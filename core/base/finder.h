/*
 * finder.h - which of many words are in a text, in one pass (Aho and Corasick, 1975).
 *
 * Each word belongs to numbers; a pass gives the set of numbers of which a word is there, as bits. Its
 * cost is that of the text's length. Words and texts are bytes; ASCII case does not count.
 *
 * Layer: base. Once it is made it does not change: any number of threads may use it.
 */
#ifndef BASE_FINDER_H
#define BASE_FINDER_H

#include <stddef.h>
#include <stdint.h>

struct finder;

/* numbers: below this; they fit into FINDER_WORDS(numbers) of bits. */
#define FINDER_WORDS(numbers_) (((numbers_) + 63) / 64)

struct finder_word {
    const char *text; /* not empty; copied */
    unsigned number;
};

struct finder *finder_new(const struct finder_word *words, size_t n, unsigned numbers);
void finder_free(struct finder **finder); /* NULL is fine */

/* Sets the bits of what is in the text; those that are set already stay. */
void finder_scan(const struct finder *finder, const char *text, size_t len, uint64_t *bits);

#endif
