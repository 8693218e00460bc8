/* pattern.c - PCRE2 with limits. */
#include "config.h"

#include "base/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

/* What one match may cost from each place of the text, and 4 MiB while it lasts. */
#define MATCH_LIMIT 10000
#define MATCH_DEPTH 10000
#define MATCH_HEAP_KIB 4096

struct pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

struct pattern *pattern_compile(const char *text, struct err *err)
{
    const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C;
    struct pattern *pattern = mem_alloc(sizeof *pattern);
    PCRE2_UCHAR why[128];
    PCRE2_SIZE offset = 0;
    int code = 0;

    pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &code, &offset,
                                  NULL);
    if (!pattern->code) {
        pcre2_get_error_message(code, why, sizeof why);
        err_set(err, "%s (at its byte %zu)", (const char *)why, (size_t)offset + 1);
        pattern_free(&pattern);
        return NULL;
    }
    pattern->data = pcre2_match_data_create(1, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (!pattern->data || !pattern->limits) {
        err_set(err, "out of memory");
        pattern_free(&pattern);
        return NULL;
    }
    pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(pattern->limits, MATCH_DEPTH);
    pcre2_set_heap_limit(pattern->limits, MATCH_HEAP_KIB);
    /* Where there is none the interpreter does it, slower. */
    (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
    return pattern;
}

void pattern_free(struct pattern **pattern)
{
    if (!*pattern)
        return;
    pcre2_match_context_free((*pattern)->limits);
    pcre2_match_data_free((*pattern)->data);
    pcre2_code_free((*pattern)->code);
    free(*pattern);
    *pattern = NULL;
}

int pattern_find(const struct pattern *pattern, const char *text, size_t len,
                 struct pattern_span *span_r)
{
    /* Anything below 0 is no match or a limit: the same to us. */
    if (pcre2_match(pattern->code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK, pattern->data,
                    pattern->limits) < 0)
        return 0;
    if (span_r) {
        const PCRE2_SIZE *where = pcre2_get_ovector_pointer(pattern->data);

        /* \K in a look-ahead can put the start behind the end. */
        span_r->at = where[0] < where[1] ? where[0] : where[1];
        span_r->len = where[1] - span_r->at;
    }
    return 1;
}
