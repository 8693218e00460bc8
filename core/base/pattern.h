/*
 * pattern.h - a PCRE2 pattern over UTF-8, caseless, whose cost on hostile text is bounded.
 *
 * Compiled with JIT where there is one. Layer: base. Threads: a pattern is used by one thread at a
 * time (its match memory is its own).
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stddef.h>

struct err;
struct pattern;

struct pattern_span {
    size_t at, len;
};

/* NULL on failure with a sentence in err. */
struct pattern *pattern_compile(const char *text, struct err *err);
void pattern_free(struct pattern **pattern); /* NULL is fine; sets *pattern to NULL */

/* 1: found, the first place in *span_r unless that is NULL. A match that runs into its limit is
 * none. text: valid UTF-8. */
int pattern_find(const struct pattern *pattern, const char *text, size_t len,
                 struct pattern_span *span_r);

#endif
