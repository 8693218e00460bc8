/* word.h - did you mean? The word of a list that is nearest to a misspelt one. Layer: base. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stddef.h>

/* The nearest of `n` words (NULL entries are skipped), or NULL when none is near: at most one
 * slip (a letter added, lost, changed, two swapped) for every three letters, at least one. */
const char *word_nearest(const char *word, const char *const *words, size_t n);

#endif
