/*
 * literals.h - words that any text has which a pattern matches.
 *
 * A search for many patterns asks first which of these words are there at all: a pattern of which a
 * word is missing cannot match. They are lower case ASCII, and the text is compared without regard to
 * ASCII case; so it holds for a caseless pattern over a text in NFKC (U+017F and U+212A, which are
 * caseless equals of s and k, are not in that).
 *
 * Reads what pattern.h compiles, as far as it is simple: of what it does not know it says that any
 * text may match. Layer: base, pure.
 */
#ifndef BASE_LITERALS_H
#define BASE_LITERALS_H

#include <stddef.h>

#define LITERALS_MAX 512 /* words of a set */
#define LITERAL_BYTES 12 /* with the NUL: more of a word is not looked for */

#define LITERALS_SETS 3

/* Of each set at least one word is in the text. n 0: the set says nothing. */
struct literals {
    struct literal_set {
        char at[LITERALS_MAX][LITERAL_BYTES];
        size_t n;
    } sets[LITERALS_SETS];
};

/* pattern: one that pattern_compile() has taken. */
void literals_of(const char *pattern, struct literals *literals_r);

#endif
