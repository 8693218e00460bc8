/* kb_words.c - words out of texts. */
#include "config.h"

#include "plugins/shared/kb_words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/utf8.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#define NEAR_LETTERS 5 /* of a word that may be misspelt */

/* The longest prefix of whole characters within max; 0 when it is not UTF-8. */
static size_t cut(const char *text, size_t len, size_t max)
{
    size_t at = 0;

    while (at < len) {
        const size_t n = td_utf8_step(text + at, len - at);

        if (n == 0)
            return 0;
        if (at + n > max)
            break;
        at += n;
    }
    return at;
}

static int is_apostrophe(ucs4_t c)
{
    return c == '\'' || c == 0x2019 || c == 0x02bc || c == '`' || c == 0xb4;
}

typedef int word_fn(void *arg, const char *word);

/* Gives each word to fn until that returns other than 0. */
static int each_word(const char *text, size_t len, word_fn *fn, void *arg)
{
    size_t n = 0, used = 0;
    uint8_t *flat = u8_tolower((const uint8_t *)text, len, NULL, UNINORM_NFKC, NULL, &n);
    char word[KB_WORD_BYTES];
    int rc = 0;

    for (size_t at = 0; flat != NULL && at <= n && rc == 0;) {
        ucs4_t c = ' ';
        const int step = at < n ? u8_mbtouc(&c, flat + at, n - at) : 1;

        if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N |
                                                    UC_CATEGORY_MASK_M)) {
            if (used + (size_t)step < sizeof word) {
                memcpy(word + used, flat + at, (size_t)step);
                used += (size_t)step;
            }
        } else if (!is_apostrophe(c) && used > 0) {
            word[used] = '\0';
            used = 0;
            rc = fn(arg, word);
        }
        at += (size_t)step;
    }
    free(flat);
    return rc;
}

static int add_word(void *arg, const char *word)
{
    struct kb_words *words = arg;

    memcpy(words->at[words->n], word, strlen(word) + 1);
    return ++words->n == KB_WORDS_MAX;
}

void kb_words_of(const char *text, size_t len, struct kb_words *words_r)
{
    words_r->n = 0;
    (void)each_word(text, cut(text, len, KB_WORDS_TEXT), add_word, words_r);
}

void kb_words_join(const struct kb_words *words, char joined_r[KB_JOINED_BYTES])
{
    size_t len = 1;

    joined_r[0] = ' ';
    for (size_t i = 0; i < words->n; i++) {
        const size_t n = strlen(words->at[i]);

        memcpy(joined_r + len, words->at[i], n);
        len += n;
        joined_r[len++] = ' ';
    }
    joined_r[len] = '\0';
}

/* ---- Lists ----------------------------------------------------------------------------------- */

static int cmp(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int list_word(void *arg, const char *word)
{
    struct kb_word_list *list = arg;

    if ((list->n & (list->n - 1)) == 0) { /* grows by powers of two */
        const size_t cap = list->n == 0 ? 1 : list->n * 2;
        char(*grown)[KB_WORD_BYTES] = realloc(list->at, cap * sizeof *grown);

        if (grown == NULL)
            return -1;
        list->at = grown;
    }
    memcpy(list->at[list->n++], word, strlen(word) + 1);
    return 0;
}

int kb_word_list_add(struct kb_word_list *list, const char *text, size_t len)
{
    return each_word(text, cut(text, len, len), list_word, list);
}

void kb_word_list_sort(struct kb_word_list *list)
{
    size_t n = 0;

    if (list->n > 0)
        qsort(list->at, list->n, sizeof *list->at, cmp);
    for (size_t i = 0; i < list->n; i++) {
        if (n == 0 || strcmp(list->at[n - 1], list->at[i]) != 0)
            memmove(list->at[n++], list->at[i], sizeof *list->at);
    }
    list->n = n;
}

int kb_word_list_has(const struct kb_word_list *list, const char *word)
{
    return list->n > 0 && bsearch(word, list->at, list->n, sizeof *list->at, cmp) != NULL;
}

void kb_word_list_fini(struct kb_word_list *list)
{
    free(list->at);
    *list = (struct kb_word_list){ .n = 0 };
}

/* One of: a byte more, less or other, or two that changed places. */
static int is_slip(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), from = 0, to = 0;

    if (*a != *b || na > nb + 1 || nb > na + 1)
        return 0;
    while (a[from] != '\0' && a[from] == b[from])
        from++;
    while (to < na - from && to < nb - from && a[na - 1 - to] == b[nb - 1 - to])
        to++;
    na -= from + to;
    nb -= from + to;
    return (na <= 1 && nb <= 1) ||
           (na == 2 && nb == 2 && a[from] == b[from + 1] && a[from + 1] == b[from]);
}

const char *kb_word_list_near(const struct kb_word_list *list, const char *word)
{
    const char *near = NULL;

    if (strlen(word) < NEAR_LETTERS)
        return NULL;
    for (size_t i = 0; i < list->n; i++) {
        if (!is_slip(word, list->at[i]))
            continue;
        if (near != NULL && strncmp(near, list->at[i], strlen(near)) != 0)
            return NULL;
        near = near != NULL ? near : list->at[i]; /* "refund" before "refunds" */
    }
    return near;
}
