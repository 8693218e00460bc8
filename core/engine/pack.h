/*
 * pack.h - one phrase pack: the patterns of one signal in one language, with their examples.
 *
 *   # a comment
 *   let PERSON person|human|somebody      a fragment; {PERSON} in what follows stands for it
 *   match talk (?:to|with) an? {PERSON}   a pattern, from a word's edge to a word's edge
 *   never somebody else's                 found: the pack says no, whatever matches
 *   without asks_if_bot                   what that pack of the language finds is cut out first
 *   yes can I talk to a person            an example that must be found
 *   no is a person tall                   one that must not
 *
 * Texts are plain_text()s, then plain_bare(), and so are patterns: they are written in lower case
 * with plain quotes, and their umlauts and accents stand for those who leave them out, too.
 *
 * Layer: engine, pure. Threads: one at a time.
 */
#ifndef ENGINE_PACK_H
#define ENGINE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/pattern.h"

struct err;

#define PACK_BYTES_MAX (64 * 1024)
#define PACK_WITHOUT_MAX 4
#define PACK_LINES_MAX 256 /* of match */

struct pack_example {
    const char *text;
    int found; /* what is right */
    unsigned line;
};

/* A line of match. */
struct pack_line {
    const char *text; /* with its fragments in place */
    struct pattern *pattern;
};

struct pack {
    struct pack_line *lines;
    size_t n_lines;
    struct pattern *never; /* NULL when there is none */
    const char *without[PACK_WITHOUT_MAX]; /* NULL ends it early */
    const struct pack_example *examples;
    size_t n_examples;
    struct arena *arena; /* holds all but lines and patterns */
};

/* text: len bytes from outside. NULL on failure, with the line and a sentence in err. A pack has at
 * least one pattern and an example of either kind. */
struct pack *pack_read(const char *text, size_t len, struct err *err);
void pack_free(struct pack **pack); /* NULL is fine */

/* 1: it is there, first in *span_r unless that is NULL; `without` is the caller's. maybe: a bit a line,
 * the pack's first being `from`: the others cannot match; NULL: any may. */
int pack_find(const struct pack *pack, const char *plain, size_t len, const uint64_t *maybe,
              unsigned from, struct pattern_span *span_r);

#endif
