/* finder.c - a trie of the words, with the way on where a text leaves a word. */
#include "config.h"

#include "base/finder.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Bits of one word of them: most states have few of thousands. */
struct mask {
    size_t word;
    uint64_t bits;
};

struct finder {
    uint8_t kind[256]; /* of each byte; 0: in no word */
    size_t n_kinds, n_states, n_bits;
    uint32_t *next;  /* by state and kind; while the trie is made 0 is nowhere */
    uint32_t *masks; /* by state: where its masks begin; they end where the next state's begin */
    struct mask *mask;
    /* While it is made. */
    uint32_t *out; /* by state: which bits, from 1; 0: no word ends here */
    uint64_t *bits;
    size_t width; /* of bits, in words */
};

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static void set_kinds(struct finder *f, const struct finder_word *words, size_t n)
{
    f->n_kinds = 1;
    for (size_t i = 0; i < n; i++) {
        for (const char *at = words[i].text; *at; at++) {
            if (f->kind[fold(*at)] == 0)
                f->kind[fold(*at)] = (uint8_t)f->n_kinds++;
        }
    }
    for (int c = 'A'; c <= 'Z'; c++)
        f->kind[c] = f->kind[c - 'A' + 'a'];
}

static uint64_t *bits_of(struct finder *f, uint32_t state)
{
    if (f->out[state] == 0) {
        if ((f->n_bits & (f->n_bits - 1)) == 0) /* there is room for a power of two of them */
            f->bits = mem_grow(f->bits, (f->n_bits == 0 ? 1 : 2 * f->n_bits) * f->width *
                                            sizeof *f->bits);
        memset(f->bits + f->n_bits * f->width, 0, f->width * sizeof *f->bits);
        f->out[state] = (uint32_t)++f->n_bits;
    }
    return f->bits + (f->out[state] - 1) * f->width;
}

static void add_word(struct finder *f, const struct finder_word *word)
{
    uint32_t state = 0;

    for (const char *at = word->text; *at; at++) {
        uint32_t *next = &f->next[state * f->n_kinds + f->kind[fold(*at)]];
        if (*next == 0)
            *next = (uint32_t)f->n_states++;
        state = *next;
    }
    bits_of(f, state)[word->number / 64] |= UINT64_C(1) << word->number % 64;
}

/* fail: the state of the longest end of this one's text that begins a word. What ends there ends here
 * too. */
static void link_state(struct finder *f, uint32_t state, const uint32_t *fail)
{
    if (f->out[fail[state]] == 0)
        return;
    (void)bits_of(f, state); /* which may move them */
    const uint64_t *from = f->bits + (f->out[fail[state]] - 1) * f->width;
    uint64_t *to = f->bits + (f->out[state] - 1) * f->width;
    for (size_t i = 0; i < f->width; i++)
        to[i] |= from[i];
}

/* Breadth first: where a state has no way on, it goes where the state behind its fail goes. */
static void link_all(struct finder *f)
{
    uint32_t *queue = mem_array(f->n_states, sizeof *queue);
    uint32_t *fail = mem_array(f->n_states, sizeof *fail);
    size_t from = 0, to = 1; /* the root is in it */

    while (from < to) {
        const uint32_t state = queue[from++];

        for (size_t kind = 1; kind < f->n_kinds; kind++) {
            uint32_t *next = &f->next[state * f->n_kinds + kind];
            const uint32_t back = state == 0 ? 0 : f->next[fail[state] * f->n_kinds + kind];

            if (*next == 0) {
                *next = back;
                continue;
            }
            fail[*next] = back;
            link_state(f, *next, fail);
            queue[to++] = *next;
        }
    }
    free(fail);
    free(queue);
}

static void pack_masks(struct finder *f)
{
    const size_t n_words = f->n_bits * f->width;
    size_t n = 0;

    for (size_t i = 0; i < n_words; i++)
        n += f->bits[i] != 0;
    f->mask = mem_array(n, sizeof *f->mask);
    f->masks = mem_array(f->n_states + 1, sizeof *f->masks);
    n = 0;
    for (size_t state = 0; state < f->n_states; state++) {
        const uint64_t *bits = f->out[state] ? f->bits + (f->out[state] - 1) * f->width : NULL;

        for (size_t i = 0; bits && i < f->width; i++) {
            if (bits[i])
                f->mask[n++] = (struct mask){ .word = i, .bits = bits[i] };
        }
        f->masks[state + 1] = (uint32_t)n;
    }
    free(f->out);
    free(f->bits);
    f->out = NULL;
    f->bits = NULL;
}

struct finder *finder_new(const struct finder_word *words, size_t n, unsigned numbers)
{
    struct finder *f = mem_alloc(sizeof *f);
    size_t most = 1;

    f->width = FINDER_WORDS(numbers);
    set_kinds(f, words, n);
    for (size_t i = 0; i < n; i++)
        most += strlen(words[i].text);
    f->next = mem_array(most * f->n_kinds, sizeof *f->next);
    f->out = mem_array(most, sizeof *f->out);
    f->n_states = 1;
    for (size_t i = 0; i < n; i++)
        add_word(f, &words[i]);
    link_all(f);
    pack_masks(f);
    return f;
}

void finder_free(struct finder **finder)
{
    if (!*finder)
        return;
    free((*finder)->next);
    free((*finder)->masks);
    free((*finder)->mask);
    free(*finder);
    *finder = NULL;
}

void finder_scan(const struct finder *f, const char *text, size_t len, uint64_t *bits)
{
    uint32_t state = 0;

    for (size_t i = 0; i < len; i++) {
        const uint8_t kind = f->kind[(unsigned char)text[i]];

        state = kind == 0 ? 0 : f->next[state * f->n_kinds + kind];
        for (size_t k = f->masks[state]; k < f->masks[state + 1]; k++)
            bits[f->mask[k].word] |= f->mask[k].bits;
    }
}
