/* word.h - words in lists: is it there, and did you mean? Layer: base. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stddef.h>

/* The nearest of `n` words (NULL entries are skipped), or NULL when none is near: at most one
 * slip (a letter added, lost, changed, two swapped) for every three letters, at least one. */
const char *word_nearest(const char *word, const char *const *words, size_t n);

/* Is the word, `len` bytes, one of "a,b,c"? NULL is an empty list. */
int word_is_in(const char *list, const char *word, size_t len);

#endif
