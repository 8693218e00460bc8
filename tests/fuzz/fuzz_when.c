/* fuzz_when.c - conditions: brackets change nothing, `not` changes all. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/expr.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct expr_name names[] = {
    { "text", EXPR_STR },     { "intent", EXPR_STR }, { "channel", EXPR_STR },
    { "score", EXPR_NUM },    { "turn.count", EXPR_NUM }, { "want_human", EXPR_BOOL },
    { "unsaid", EXPR_BOOL },  { NULL, EXPR_BOOL },
};

static void look_up(void *arg, size_t index, struct expr_value *value_r)
{
    static const struct expr_value values[] = {
        { 1, 0, "I want to talk to a human, aaaaaaaaaaaaaaaaaaaaaaaa, please \xe2\x82\xac" },
        { 0, 0, NULL }, { 1, 0, "web" }, { 1, 0.5, NULL }, { 1, 3, NULL }, { 1, 1, NULL },
        { 0, 0, NULL },
    };
    (void)arg;
    *value_r = values[index];
}

static void trace(void *arg, const char *name, const struct expr_value *value)
{
    (void)arg;
    if (!name || !value)
        abort();
}

/* 1, 0, or -1 when it does not compile. */
static int result(const char *text)
{
    struct err err = { "" };
    size_t col = 0;
    struct expr *expr = expr_compile(text, names, &col, &err);

    if (!expr) {
        if (!col || col > strlen(text) + 1 || !err.text[0])
            abort();
        return -1;
    }
    int r = expr_eval(expr, look_up, trace, NULL);
    expr_free(&expr);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_dup(data, size);
    int plain = result(text);

    if (plain >= 0) {
        char *bracketed = mem_printf("(%s)", text), *negated = mem_printf("not (%s)", text);
        int same = result(bracketed), other = result(negated);
        if ((same >= 0 && same != plain) || (other >= 0 && other == plain))
            abort();
        free(bracketed);
        free(negated);
    }
    free(text);
    return 0;
}
