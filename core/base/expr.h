/*
 * expr.h - the `when` language of routes and rules: one small expression over named signals.
 *
 *   expr    := or ; or := and ("or" and)* ; and := not ("and" not)* ; not := "not" not | test
 *   test    := value [("==" | "!=" | "<" | "<=" | ">" | ">=") value
 *                    | "in" "(" literal ("," literal)* ")" | "matches" string ]
 *   value   := name | number | string | "true" | "false" | "(" expr ")"
 *
 * Strings stand in double quotes with \" and \\ ; any other backslash stands for itself, so that
 * patterns read as everywhere: "\bhuman\b". "matches" takes a PCRE2 pattern (UTF, caseless) with
 * match, depth and heap limits. No loops, no calls. Names are checked when compiled: a
 * misspelt one is an error with a did-you-mean; so is comparing a string with a number.
 * A name that has no value makes every comparison it stands in false ("!=" too).
 *
 * Layer: base. Threads: an expr is used by one thread at a time (its match memory is its own).
 */
#ifndef BASE_EXPR_H
#define BASE_EXPR_H

#include <stddef.h>

struct err;
struct expr;

enum expr_type { EXPR_BOOL, EXPR_NUM, EXPR_STR };

struct expr_name {
    const char *name; /* NULL ends the table */
    enum expr_type type;
};

struct expr_value {
    int set; /* 0: no value */
    double num; /* EXPR_NUM; EXPR_BOOL as 0 or 1 */
    const char *str; /* EXPR_STR, borrowed for the evaluation */
};

/* Fills value_r for the name at `index` of the table given to expr_compile(). */
typedef void expr_lookup(void *arg, size_t index, struct expr_value *value_r);

/* Told which names were looked at and what they held, for `policy explain`. May be NULL. */
typedef void expr_trace(void *arg, const char *name, const struct expr_value *value);

/* At most 4 KiB of text, depth 32, 256 nodes. names: borrowed, must outlive the expr.
 * NULL on failure with a sentence in err and, when col_r is given, the 1-based column. */
struct expr *expr_compile(const char *text, const struct expr_name *names, size_t *col_r,
                          struct err *err);
void expr_free(struct expr **expr);

/* Calls fn for each name in it, as often as it stands there; index: of the table. */
void expr_each_name(const struct expr *expr, void (*fn)(void *arg, size_t index), void *arg);

/* Likewise for each number that is written in it. */
void expr_each_number(const struct expr *expr, void (*fn)(void *arg, double number), void *arg);

/* 1 or 0. A pattern that runs into its limit counts as no match. */
int expr_eval(const struct expr *expr, expr_lookup *lookup, expr_trace *trace, void *arg);

#endif
