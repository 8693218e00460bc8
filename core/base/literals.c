/*
 * literals.c - what a pattern cannot do without, told from its text.
 *
 * Each part of a pattern has either all the strings it can be (`exact`, when these are few), or sets of
 * words of each of which one must be in it (`need`), or neither. Parts in a row multiply their strings
 * while they stay few; of all that a row needs the best sets are kept.
 */
#include "config.h"

#include "base/literals.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define EXACT_MAX 24 /* strings of a part that is known whole */
#define CLASS_MAX 5  /* members of a class that is taken apart */
#define DEPTH_MAX 40
#define GOOD_BYTES 5 /* a word that long is rare enough */

#define NONE (LITERALS_MAX + 1) /* n of a set: more than can be, or not known */

struct part {
    struct literal_set exact, need[LITERALS_SETS]; /* need: the best first */
};

struct reader {
    const char *at;
    int lost; /* something that is not known here: nothing can be said */
    unsigned depth;
    struct spare {
        struct spare *next;
    } *spares; /* blocks that are used again: a pattern takes them many times */
};

static void set_add(struct literal_set *set, const char *text)
{
    for (size_t i = 0; i < set->n && set->n <= LITERALS_MAX; i++) {
        if (strcmp(set->at[i], text) == 0)
            return;
    }
    if (set->n >= LITERALS_MAX) {
        set->n = NONE;
        return;
    }
    memcpy(set->at[set->n++], text, strlen(text) + 1);
}

static void set_join(struct literal_set *to, const struct literal_set *from)
{
    if (from->n == NONE)
        to->n = NONE;
    for (size_t i = 0; i < from->n && to->n != NONE && from->n != NONE; i++)
        set_add(to, from->at[i]);
}

static void set_to(struct literal_set *set, const char *text)
{
    set->n = 0;
    set_add(set, text);
}

/* How much a set says: the length of its shortest word, then how few they are. 0: nothing. */
static size_t worth(const struct literal_set *set)
{
    size_t shortest = LITERAL_BYTES;

    if (set->n == NONE || set->n == 0)
        return 0;
    for (size_t i = 0; i < set->n; i++) {
        const size_t len = strlen(set->at[i]);
        shortest = len < shortest ? len : shortest;
    }
    if (shortest > GOOD_BYTES)
        shortest = GOOD_BYTES;
    return shortest < 2 ? 0 : shortest * 2 * LITERALS_MAX + (LITERALS_MAX - set->n);
}

/* Puts it among the best. */
static void better(struct literal_set best[LITERALS_SETS], const struct literal_set *other)
{
    size_t at = LITERALS_SETS;

    while (at > 0 && worth(other) > worth(&best[at - 1]))
        at--;
    if (at == LITERALS_SETS)
        return;
    memmove(&best[at + 1], &best[at], (LITERALS_SETS - 1 - at) * sizeof *best);
    best[at] = *other;
}

static void no_need(struct literal_set need[LITERALS_SETS])
{
    for (size_t i = 0; i < LITERALS_SETS; i++)
        need[i].n = NONE;
}

/* ---- One part -------------------------------------------------------------------------------- */

static void read_choice(struct reader *r, struct part *part);

static void unknown(struct part *part)
{
    part->exact.n = NONE;
    no_need(part->need);
}

static void nothing(struct part *part) /* zero width */
{
    set_to(&part->exact, "");
    no_need(part->need);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void literal(struct part *part, char c)
{
    const char text[] = { lower(c), '\0' };

    set_to(&part->exact, text);
    no_need(part->need);
}

static void read_escape(struct reader *r, struct part *part)
{
    const char c = *r->at++;

    if (c == '\0') {
        r->at--;
        r->lost = 1;
    } else if (strchr("wWdDsS", c) != NULL) {
        unknown(part);
    } else if (strchr("bBAzZ", c) != NULL) {
        nothing(part);
    } else if (strchr("!\"#%&',-./:;<=>@_`~ ^$|()[]{}*+?\\", c) != NULL) {
        literal(part, c);
    } else {
        r->lost = 1;
    }
}

/* Behind the opening bracket. Only a few plain ASCII members are taken apart. */
static void read_class(struct reader *r, struct part *part)
{
    const char *from = r->at;
    int plain = *r->at != '^';
    size_t n = 0;

    unknown(part);
    if (*r->at == '^')
        r->at++;
    if (*r->at == ']')
        r->lost = 1; /* a bracket as a member */
    for (; *r->at != ']' && !r->lost; r->at++, n++) {
        if (*r->at == '\0' || *r->at == '[') {
            r->lost = 1;
        } else if (*r->at == '\\' && r->at[1] != '\0') {
            r->at++;
            plain = 0;
        } else if ((unsigned char)*r->at >= 0x80 || (*r->at == '-' && n > 0 && r->at[1] != ']')) {
            plain = 0;
        }
    }
    if (r->lost)
        return;
    r->at++;
    if (!plain || n > CLASS_MAX)
        return;
    part->exact.n = 0;
    for (size_t i = 0; i < n; i++)
        set_add(&part->exact, (const char[]){ lower(from[i]), '\0' });
}

/* Behind the opening parenthesis. */
static void read_group(struct reader *r, struct part *part)
{
    int zero_width = 0;

    if (*r->at == '?') {
        const int behind = r->at[1] == '<';

        zero_width = r->at[1 + behind] == '=' || r->at[1 + behind] == '!';
        r->lost |= !zero_width && r->at[1] != ':';
        r->at += 2 + behind * zero_width;
    } else if (*r->at == '*') {
        r->lost = 1;
    }
    if (r->lost || ++r->depth > DEPTH_MAX) {
        r->lost = 1;
        return;
    }
    read_choice(r, part);
    r->depth--;
    if (*r->at != ')')
        r->lost = 1;
    else
        r->at++;
    if (zero_width)
        nothing(part);
}

static void read_one(struct reader *r, struct part *part)
{
    const char c = *r->at++;

    switch (c) {
    case '\\': read_escape(r, part); break;
    case '[': read_class(r, part); break;
    case '(': read_group(r, part); break;
    case '.': unknown(part); break;
    case '^':
    case '$': nothing(part); break;
    case '*':
    case '+':
    case '?': r->lost = 1; break;
    default:
        if ((unsigned char)c < 0x80) {
            literal(part, c);
            break;
        }
        while (((unsigned char)*r->at & 0xc0) == 0x80)
            r->at++;
        unknown(part);
    }
}

/* ---- How often ------------------------------------------------------------------------------- */

static unsigned read_number(struct reader *r)
{
    unsigned n = 0;

    while (*r->at >= '0' && *r->at <= '9' && n < 10000)
        n = n * 10 + (unsigned)(*r->at++ - '0');
    return n;
}

/* A quantifier at the reader's place; max 0: without bound. */
static void read_times(struct reader *r, unsigned *min_r, unsigned *max_r)
{
    *min_r = *max_r = 1;
    if (*r->at == '?' || *r->at == '*') {
        *min_r = 0;
        *max_r = *r->at++ == '?';
    } else if (*r->at == '+') {
        *max_r = 0;
        r->at++;
    } else if (*r->at == '{') {
        r->at++;
        if (*r->at < '0' || *r->at > '9') {
            r->lost = 1; /* a brace of its own, or a quantifier: that depends on the PCRE2 */
            return;
        }
        *min_r = *max_r = read_number(r);
        if (*r->at == ',') {
            r->at++;
            *max_r = *r->at == '}' ? 0 : read_number(r);
        }
        if (*r->at != '}')
            r->lost = 1;
        else
            r->at++;
    } else {
        return;
    }
    if (*r->at == '?' || *r->at == '+') /* lazy, possessive */
        r->at++;
}

/* ---- In a row -------------------------------------------------------------------------------- */

/* What of a row is known: run, strings one of which ends where the reader is; best, what was needed. */
struct row {
    struct literal_set run, best[LITERALS_SETS];
    int whole; /* nothing was left out: run is all the row can be */
};

static void row_break(struct row *row)
{
    better(row->best, &row->run);
    set_to(&row->run, "");
    row->whole = 0;
}

/* 0: they would be too many, or too long; run is as it was. */
static int multiply(struct literal_set *run, const struct literal_set *by)
{
    struct literal_set out = { .n = 0 };

    if (by->n == NONE || by->n == 0 || run->n * by->n > EXACT_MAX)
        return 0;
    for (size_t i = 0; i < run->n; i++) {
        for (size_t k = 0; k < by->n; k++) {
            char text[2 * LITERAL_BYTES];
            const size_t len = strlen(run->at[i]);

            memcpy(text, run->at[i], len);
            memcpy(text + len, by->at[k], strlen(by->at[k]) + 1);
            if (strlen(text) >= LITERAL_BYTES)
                return 0;
            set_add(&out, text);
        }
    }
    *run = out;
    return 1;
}

static void row_add(struct row *row, struct part *part, unsigned min, unsigned max)
{
    if (min == 0 && max == 1 && part->exact.n != NONE) {
        set_add(&part->exact, "");
        min = 1; /* it is one of its strings, or the empty one */
    }
    for (unsigned i = 0; i < min; i++) {
        if (multiply(&row->run, &part->exact))
            continue;
        row_break(row);
        for (size_t k = 0; k < LITERALS_SETS; k++)
            better(row->best, part->exact.n == NONE ? &part->need[k] : &part->exact);
        if (!multiply(&row->run, &part->exact))
            return;
        if (i == 0) /* what stands before the run is not in it: it began anew here */
            continue;
        break;
    }
    if (min != max || max == 0)
        row_break(row);
}

static int at_end(const struct reader *r)
{
    return *r->at == '\0' || *r->at == '|' || *r->at == ')' || r->lost;
}

/* A block for a row or a part, not cleared. */
static void *block_take(struct reader *r)
{
    struct spare *spare = r->spares;

    if (spare == NULL)
        return mem_alloc(sizeof(union { struct row row; struct part part; }));
    r->spares = spare->next;
    return spare;
}

static void block_give(struct reader *r, void *block)
{
    struct spare *spare = block;

    spare->next = r->spares;
    r->spares = spare;
}

static void read_row(struct reader *r, struct part *row_r)
{
    struct row *row = block_take(r);
    struct part *part = block_take(r);
    unsigned min, max;

    row->whole = 1;
    set_to(&row->run, "");
    no_need(row->best);
    while (!at_end(r)) {
        read_one(r, part);
        read_times(r, &min, &max);
        if (!r->lost)
            row_add(row, part, min, max);
    }
    row_r->exact = row->run;
    if (!row->whole)
        row_r->exact.n = NONE;
    better(row->best, &row->run);
    memcpy(row_r->need, row->best, sizeof row_r->need);
    block_give(r, part);
    block_give(r, row);
}

/* Rows with | between: any of them may be it, so what is needed is of all of them. */
static void read_choice(struct reader *r, struct part *choice)
{
    struct part *row = block_take(r);

    read_row(r, choice);
    while (*r->at == '|' && !r->lost) {
        r->at++;
        read_row(r, row);
        set_join(&choice->exact, &row->exact);
        set_join(&choice->need[0], &row->need[0]);
        for (size_t i = 1; i < LITERALS_SETS; i++)
            choice->need[i].n = NONE;
    }
    if (choice->exact.n > EXACT_MAX)
        choice->exact.n = NONE; /* its strings are in need as well */
    block_give(r, row);
}

void literals_of(const char *pattern, struct literals *literals_r)
{
    struct reader reader = { .at = pattern };
    struct part *whole = block_take(&reader);

    read_choice(&reader, whole);
    for (size_t i = 0; i < LITERALS_SETS; i++) {
        literals_r->sets[i].n = 0;
        if (!reader.lost && *reader.at == '\0' && worth(&whole->need[i]) > 0)
            literals_r->sets[i] = whole->need[i];
    }
    block_give(&reader, whole);
    while (reader.spares != NULL) {
        struct spare *spare = reader.spares;

        reader.spares = spare->next;
        free(spare);
    }
}
