/* word.c - did you mean? */
#include "config.h"

#include "base/word.h"

#include <string.h>

#define LONGEST 64 /* longer words are not compared */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Slips between two words: edit distance where two swapped neighbours are one slip. */
static size_t slips(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t j = 0; j <= b_len; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_len];
}

const char *word_nearest(const char *word, const char *const *words, size_t n)
{
    size_t len = strlen(word), best = len / 3 ? len / 3 : 1;
    const char *nearest = NULL;

    if (!len || len > LONGEST)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = words[i] ? strlen(words[i]) : 0;
        if (!other || other > LONGEST)
            continue;
        size_t distance = slips(word, len, words[i], other);
        /* A word of which not one letter is left is not near. */
        if (distance >= (len > other ? len : other))
            continue;
        if (distance < best || (distance == best && !nearest)) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

int word_is_in(const char *list, const char *word, size_t len)
{
    for (; list && *list; list += strcspn(list, ","), list += *list == ',') {
        if (strcspn(list, ",") == len && strncmp(list, word, len) == 0)
            return 1;
    }
    return 0;
}
