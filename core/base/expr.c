/* expr.c - the `when` language: a recursive descent into a small tree, and a walk over it. */
#include "config.h"

#include "base/expr.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pattern.h"
#include "base/utf8.h"
#include "base/word.h"

#define TEXT_MAX 4096
#define DEPTH_MAX 32
#define NODES_MAX 256
#define DIGITS_MAX 15 /* what a double holds exactly */

enum node_kind {
    NODE_LITERAL,
    NODE_NAME,
    NODE_EQ,
    NODE_NE,
    NODE_LT,
    NODE_LE,
    NODE_GT,
    NODE_GE,
    NODE_IN,
    NODE_MATCHES,
    NODE_AND,
    NODE_OR,
    NODE_NOT
};

struct held { /* a pattern's memory is its own */
    struct held *next;
    struct pattern *pattern;
};

struct node {
    enum node_kind kind;
    enum expr_type type;
    struct node *left, *right; /* NODE_IN: right is the list of literals, by `next` */
    struct node *next;
    struct expr_value value; /* NODE_LITERAL */
    size_t name;             /* NODE_NAME: index */
    const struct pattern *pattern;
};

struct expr {
    struct arena *arena; /* holds all but the patterns' insides, the expr itself too */
    const struct expr_name *names;
    struct node *top;
    struct held *patterns;
};

/* ---- Reading: tokens --------------------------------------------------------------------- */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NUM, TOKEN_STR, TOKEN_SIGN, TOKEN_BAD };

struct parser {
    struct expr *expr;
    const char *text, *at; /* at: after the token */
    enum token_kind kind;
    const char *token;
    size_t token_len;
    double num;
    const char *str;
    unsigned depth, nodes;
    size_t *col_r;
    struct err *err;
    int failed; /* the first error stands */
};

static struct node *fail_at(struct parser *p, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static struct node *fail_at(struct parser *p, const char *at, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    if (p->failed)
        return NULL;
    p->failed = 1;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_set(p->err, "%s", text);
    if (p->col_r)
        *p->col_r = (size_t)(at - p->text) + 1;
    return NULL;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void bad_token(struct parser *p, const char *why)
{
    fail_at(p, p->token, "%s", why);
    p->kind = TOKEN_BAD;
}

static void read_string(struct parser *p)
{
    char text[TEXT_MAX];
    size_t len = 0;

    for (p->at++; *p->at != '"'; p->at++) {
        if (*p->at == '\\') {
            p->at++;
            if (*p->at != '"' && *p->at != '\\') {
                /* Kept: patterns are full of \b and \d. */
                text[len++] = '\\';
            }
        }
        if (!*p->at) {
            bad_token(p, "the string has no end");
            return;
        }
        text[len++] = *p->at;
    }
    p->at++;
    p->kind = TOKEN_STR;
    p->str = arena_dup(p->expr->arena, text, len);
}

/* By hand, because strtod() reads what the locale says. */
static void read_number(struct parser *p)
{
    int minus = *p->at == '-', digits = 0;
    double whole = 0, scale = 1;

    p->at += minus;
    for (; is_digit(*p->at); p->at++, digits++)
        whole = whole * 10 + (*p->at - '0');
    if (digits && *p->at == '.' && is_digit(p->at[1])) {
        for (p->at++; is_digit(*p->at); p->at++, digits++) {
            whole = whole * 10 + (*p->at - '0');
            scale *= 10;
        }
    }
    if (!digits || digits > DIGITS_MAX || is_letter(*p->at) || *p->at == '.') {
        bad_token(p, digits > DIGITS_MAX ? "the number has more than 15 digits" : "not a number");
        return;
    }
    p->kind = TOKEN_NUM;
    p->num = (minus ? -whole : whole) / scale;
}

static void next(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
    p->token = p->at;

    if (!*p->at) {
        p->kind = TOKEN_END;
    } else if (is_letter(*p->at)) {
        p->kind = TOKEN_WORD;
        while (is_letter(*p->at) || is_digit(*p->at) || *p->at == '.')
            p->at++;
    } else if (is_digit(*p->at) || *p->at == '-') {
        read_number(p);
    } else if (*p->at == '"') {
        read_string(p);
    } else {
        p->kind = TOKEN_SIGN;
        p->at += strchr("=!<>", *p->at) && p->at[1] == '=' ? 2 : 1;
    }
    p->token_len = (size_t)(p->at - p->token);
}

static int is(const struct parser *p, const char *word)
{
    return (p->kind == TOKEN_WORD || p->kind == TOKEN_SIGN) && strlen(word) == p->token_len &&
           memcmp(p->token, word, p->token_len) == 0;
}

static int skip(struct parser *p, const char *word)
{
    if (!is(p, word))
        return 0;
    next(p);
    return 1;
}

static struct node *expected(struct parser *p, const char *what)
{
    if (p->kind == TOKEN_END)
        return fail_at(p, p->token, "%s is expected at the end", what);
    size_t len = utf8_cut(p->token, strlen(p->token), p->token_len > 40 ? 40 : p->token_len);
    if (!len) /* one byte of a longer character */
        len = strcspn(p->token, " \t") < 4 ? strcspn(p->token, " \t") : 4;
    return fail_at(p, p->token, "%s is expected instead of '%.*s'", what, (int)len, p->token);
}

/* ---- Reading: grammar -------------------------------------------------------------------- */

static struct node *parse_or(struct parser *p);

static struct node *new_node(struct parser *p, enum node_kind kind, enum expr_type type,
                             struct node *left, struct node *right)
{
    if (++p->nodes > NODES_MAX)
        return fail_at(p, p->token, "the expression has more than %d parts", NODES_MAX);
    struct node *node = arena_alloc(p->expr->arena, sizeof(*node));
    *node = (struct node){ .kind = kind, .type = type, .left = left, .right = right };
    return node;
}

static const char *type_name(enum expr_type type)
{
    return type == EXPR_STR ? "a string" : type == EXPR_NUM ? "a number" : "true or false";
}

static int is_literal(const struct parser *p)
{
    return p->kind == TOKEN_NUM || p->kind == TOKEN_STR || is(p, "true") || is(p, "false");
}

static struct node *parse_literal(struct parser *p)
{
    enum expr_type type = p->kind == TOKEN_NUM   ? EXPR_NUM
                          : p->kind == TOKEN_STR ? EXPR_STR
                                                 : EXPR_BOOL;
    struct node *node = new_node(p, NODE_LITERAL, type, NULL, NULL);

    if (!node)
        return NULL;
    node->value.set = 1;
    node->value.num = type == EXPR_NUM ? p->num : is(p, "true");
    node->value.str = type == EXPR_STR ? p->str : NULL;
    next(p);
    return node;
}

static int is_keyword(const struct parser *p)
{
    return is(p, "and") || is(p, "or") || is(p, "not") || is(p, "in") || is(p, "matches");
}

static struct node *unknown_name(struct parser *p)
{
    const struct expr_name *names = p->expr->names;
    size_t n = 0, len = p->token_len > 64 ? 64 : p->token_len;
    char *word = arena_dup(p->expr->arena, p->token, len);

    while (names[n].name)
        n++;
    const char **words = arena_array(p->expr->arena, n, sizeof(*words));
    for (size_t i = 0; i < n; i++)
        words[i] = names[i].name;
    const char *nearest = word_nearest(word, words, n);
    if (nearest)
        return fail_at(p, p->token, "unknown name '%s'; did you mean '%s'?", word, nearest);
    return fail_at(p, p->token, "unknown name '%s'", word);
}

static struct node *parse_name(struct parser *p)
{
    for (size_t i = 0; p->expr->names[i].name; i++) {
        if (is(p, p->expr->names[i].name)) {
            struct node *node = new_node(p, NODE_NAME, p->expr->names[i].type, NULL, NULL);
            if (node)
                node->name = i;
            next(p);
            return node;
        }
    }
    return unknown_name(p);
}

static struct node *parse_value(struct parser *p)
{
    if (is_literal(p))
        return parse_literal(p);
    if (p->kind == TOKEN_WORD && !is_keyword(p))
        return parse_name(p);
    if (!is(p, "("))
        return expected(p, "a value");

    const char *open = p->token;
    if (++p->depth > DEPTH_MAX)
        return fail_at(p, open, "nested deeper than %d", DEPTH_MAX);
    next(p);
    struct node *node = parse_or(p);
    if (!node)
        return NULL;
    if (!skip(p, ")"))
        return expected(p, "')'");
    p->depth--;
    return node;
}

static struct node *parse_list(struct parser *p, struct node *left)
{
    struct node *list = NULL, **end = &list;

    if (!skip(p, "("))
        return expected(p, "'(' after in");
    do {
        const char *at = p->token;
        if (!is_literal(p))
            return expected(p, "a number, a string, true or false");
        struct node *item = parse_literal(p);
        if (!item)
            return NULL;
        if (item->type != left->type)
            return fail_at(p, at, "%s cannot be in a list with %s", type_name(left->type),
                           type_name(item->type));
        *end = item;
        end = &item->next;
    } while (skip(p, ","));
    if (!skip(p, ")"))
        return expected(p, "')' or ','");
    return new_node(p, NODE_IN, EXPR_BOOL, left, list);
}

static struct node *parse_pattern(struct parser *p, const char *op, struct node *left)
{
    struct node *node = new_node(p, NODE_MATCHES, EXPR_BOOL, left, NULL);
    struct err why;

    if (!node)
        return NULL;
    if (left->type != EXPR_STR)
        return fail_at(p, op, "matches needs a string on its left, not %s", type_name(left->type));
    if (p->kind != TOKEN_STR)
        return expected(p, "a pattern in double quotes");

    struct held *held = arena_alloc(p->expr->arena, sizeof(*held));
    held->pattern = pattern_compile(p->str, &why);
    if (!held->pattern)
        return fail_at(p, p->token, "bad pattern: %s", why.text);
    held->next = p->expr->patterns;
    p->expr->patterns = held;
    node->pattern = held->pattern;
    next(p);
    return node;
}

static struct node *parse_test(struct parser *p)
{
    static const char *const signs[] = { "==", "!=", "<", "<=", ">", ">=" };
    const char *at = p->token;
    struct node *left = parse_value(p);

    if (!left)
        return NULL;
    const char *op = p->token;
    if (skip(p, "in"))
        return parse_list(p, left);
    if (skip(p, "matches"))
        return parse_pattern(p, op, left);
    for (int i = 0; i < 6; i++) {
        if (!skip(p, signs[i]))
            continue;
        struct node *right = parse_value(p);
        if (!right)
            return NULL;
        if (left->type != right->type)
            return fail_at(p, op, "'%s' compares %s with %s", signs[i], type_name(left->type),
                           type_name(right->type));
        if (i >= 2 && left->type != EXPR_NUM)
            return fail_at(p, op, "'%s' compares numbers, not %s", signs[i],
                           type_name(left->type));
        return new_node(p, (enum node_kind)(NODE_EQ + i), EXPR_BOOL, left, right);
    }
    if (is(p, "="))
        return fail_at(p, op, "'=' is not a comparison; did you mean '=='?");
    if (left->type != EXPR_BOOL)
        return fail_at(p, at, "%s is not a condition: compare it with something",
                       type_name(left->type));
    return left;
}

static struct node *parse_not(struct parser *p)
{
    if (!is(p, "not"))
        return parse_test(p);
    if (++p->depth > DEPTH_MAX)
        return fail_at(p, p->token, "nested deeper than %d", DEPTH_MAX);
    next(p);
    struct node *inner = parse_not(p);
    p->depth--;
    return inner ? new_node(p, NODE_NOT, EXPR_BOOL, inner, NULL) : NULL;
}

static struct node *parse_and(struct parser *p)
{
    struct node *node = parse_not(p);
    while (node && skip(p, "and")) {
        struct node *right = parse_not(p);
        node = right ? new_node(p, NODE_AND, EXPR_BOOL, node, right) : NULL;
    }
    return node;
}

static struct node *parse_or(struct parser *p)
{
    struct node *node = parse_and(p);
    while (node && skip(p, "or")) {
        struct node *right = parse_and(p);
        node = right ? new_node(p, NODE_OR, EXPR_BOOL, node, right) : NULL;
    }
    return node;
}

struct expr *expr_compile(const char *text, const struct expr_name *names, size_t *col_r,
                          struct err *err)
{
    struct arena *arena = arena_new(1024);
    struct expr *expr = arena_alloc(arena, sizeof(*expr));
    struct parser p = { .expr = expr, .text = text, .at = text, .col_r = col_r, .err = err };
    size_t len = strnlen(text, TEXT_MAX + 1);

    *expr = (struct expr){ .arena = arena, .names = names };
    if (len > TEXT_MAX) {
        fail_at(&p, text, "the expression is longer than %d bytes", TEXT_MAX);
    } else if (!utf8_valid(text, len)) {
        fail_at(&p, text, "the expression is not UTF-8");
    } else {
        next(&p);
        expr->top = parse_or(&p);
        if (expr->top && p.kind != TOKEN_END)
            expected(&p, "and, or");
    }
    if (p.failed)
        expr_free(&expr);
    return expr;
}

void expr_free(struct expr **expr)
{
    if (!*expr)
        return;
    for (struct held *held = (*expr)->patterns; held; held = held->next)
        pattern_free(&held->pattern);
    struct arena *arena = (*expr)->arena;
    *expr = NULL;
    arena_free(&arena);
}

static void each_name(const struct node *node, void (*fn)(void *arg, size_t index), void *arg)
{
    if (!node)
        return;
    if (node->kind == NODE_NAME)
        fn(arg, node->name);
    each_name(node->left, fn, arg);
    each_name(node->right, fn, arg);
}

void expr_each_name(const struct expr *expr, void (*fn)(void *arg, size_t index), void *arg)
{
    each_name(expr->top, fn, arg);
}

static void each_number(const struct node *node, void (*fn)(void *arg, double number), void *arg)
{
    for (; node; node = node->next) {
        if (node->kind == NODE_LITERAL && node->type == EXPR_NUM)
            fn(arg, node->value.num);
        each_number(node->left, fn, arg);
        each_number(node->right, fn, arg);
    }
}

void expr_each_number(const struct expr *expr, void (*fn)(void *arg, double number), void *arg)
{
    each_number(expr->top, fn, arg);
}

/* ---- Evaluation -------------------------------------------------------------------------- */

struct run {
    const struct expr *expr;
    expr_lookup *lookup;
    expr_trace *trace;
    void *arg;
};

static int is_true(const struct run *run, const struct node *node);

/* set is 0 when the value is not known. */
static struct expr_value value_of(const struct run *run, const struct node *node)
{
    struct expr_value value = { 0 };

    if (node->kind == NODE_LITERAL)
        return node->value;
    if (node->kind != NODE_NAME) {
        value.set = 1;
        value.num = is_true(run, node);
        return value;
    }
    run->lookup(run->arg, node->name, &value);
    if (node->type == EXPR_STR && !value.str)
        value.set = 0;
    if (node->type == EXPR_BOOL)
        value.num = value.num != 0;
    if (run->trace)
        run->trace(run->arg, run->expr->names[node->name].name, &value);
    return value;
}

static int equal(enum expr_type type, const struct expr_value *a, const struct expr_value *b)
{
    return type == EXPR_STR ? strcmp(a->str, b->str) == 0 : a->num == b->num;
}

static int compare(const struct run *run, const struct node *node)
{
    struct expr_value a = value_of(run, node->left), b = value_of(run, node->right);

    if (!a.set || !b.set)
        return 0;
    switch (node->kind) {
    case NODE_EQ:
        return equal(node->left->type, &a, &b);
    case NODE_NE:
        return !equal(node->left->type, &a, &b);
    case NODE_LT:
        return a.num < b.num;
    case NODE_LE:
        return a.num <= b.num;
    case NODE_GT:
        return a.num > b.num;
    default:
        return a.num >= b.num;
    }
}

static int is_in(const struct run *run, const struct node *node)
{
    struct expr_value value = value_of(run, node->left);

    for (const struct node *item = node->right; value.set && item; item = item->next) {
        if (equal(item->type, &value, &item->value))
            return 1;
    }
    return 0;
}

static int matches(const struct run *run, const struct node *node)
{
    struct expr_value value = value_of(run, node->left);

    return value.set && utf8_valid(value.str, strlen(value.str)) &&
           pattern_find(node->pattern, value.str, strlen(value.str), NULL);
}

static int is_true(const struct run *run, const struct node *node)
{
    switch (node->kind) {
    case NODE_AND:
        return is_true(run, node->left) && is_true(run, node->right);
    case NODE_OR:
        return is_true(run, node->left) || is_true(run, node->right);
    case NODE_NOT:
        return !is_true(run, node->left);
    case NODE_IN:
        return is_in(run, node);
    case NODE_MATCHES:
        return matches(run, node);
    case NODE_LITERAL:
    case NODE_NAME: {
        struct expr_value value = value_of(run, node);
        return value.set && value.num != 0;
    }
    default:
        return compare(run, node);
    }
}

int expr_eval(const struct expr *expr, expr_lookup *lookup, expr_trace *trace, void *arg)
{
    struct run run = { .expr = expr, .lookup = lookup, .trace = trace, .arg = arg };
    return is_true(&run, expr->top);
}
