/* pack.c - a phrase pack, read line by line. */
#include "config.h"

#include "engine/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/plain.h"

#define FRAGMENTS_MAX 64
#define EXAMPLES_MAX 256
#define PATTERN_BYTES_MAX (256 * 1024) /* with its fragments in place */

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

struct fragment {
    const char *name;
    size_t name_len;
    const char *text;
};

struct reader {
    struct pack *pack;
    struct fragment fragments[FRAGMENTS_MAX];
    struct pack_example examples[EXAMPLES_MAX];
    size_t n_fragments, n_withouts;
    size_t match_bytes;
    struct buf never; /* alternatives so far */
    unsigned line;
    struct err *err;
};

static const struct fragment *fragment_find(const struct reader *r, const char *name, size_t len)
{
    for (size_t i = 0; i < r->n_fragments; i++) {
        if (r->fragments[i].name_len == len && memcmp(r->fragments[i].name, name, len) == 0)
            return &r->fragments[i];
    }
    return NULL;
}

/* Adds text with its fragments in place. */
static int expand(struct reader *r, const char *text, struct buf *out)
{
    while (*text) {
        const size_t len = *text == '{' ? strspn(text + 1, UPPER) : 0;

        if (len == 0 || text[len + 1] != '}') {
            buf_char(out, *text++);
            continue;
        }
        const struct fragment *fragment = fragment_find(r, text + 1, len);
        if (!fragment)
            return err_set(r->err, "there is no fragment {%.*s} above", (int)len, text + 1);
        buf_printf(out, "(?:%s)", fragment->text);
        if (out->len > PATTERN_BYTES_MAX)
            return err_set(r->err, "the patterns are larger than %d bytes", PATTERN_BYTES_MAX);
        text += len + 2;
    }
    return 0;
}

static int take_let(struct reader *r, const char *text)
{
    const size_t len = strspn(text, UPPER);
    struct buf whole = { 0 };

    if (len == 0 || text[len] != ' ' || !text[len + 1])
        return err_set(r->err, "let takes a NAME in capitals and a pattern");
    if (r->n_fragments == FRAGMENTS_MAX)
        return err_set(r->err, "more than %d fragments", FRAGMENTS_MAX);
    if (fragment_find(r, text, len))
        return err_set(r->err, "the fragment %.*s is there already", (int)len, text);
    if (expand(r, text + len + 1, &whole) < 0) {
        buf_fini(&whole);
        return -1;
    }
    r->fragments[r->n_fragments++] = (struct fragment){
        .name = arena_dup(r->pack->arena, text, len), .name_len = len,
        .text = arena_strdup(r->pack->arena, whole.data),
    };
    buf_fini(&whole);
    return 0;
}

static struct pattern *between_edges(const char *text, struct err *err)
{
    char *whole = mem_printf("(?<!\\w)(?:%s)(?!\\w)", text);
    struct pattern *pattern = pattern_compile(whole, err);

    free(whole);
    return pattern;
}

/* Compiled alone first, so that a bracket closes in its line. */
static int check_pattern(const char *text, struct err *err)
{
    struct pattern *alone = pattern_compile(text, err);

    if (!alone)
        return -1;
    const int empty = pattern_find(alone, "", 0, NULL);
    pattern_free(&alone);
    return empty ? err_set(err, "the pattern is found in an empty text") : 0;
}

static int add_line(struct reader *r, const char *text)
{
    struct pack *pack = r->pack;

    if (pack->n_lines == PACK_LINES_MAX)
        return err_set(r->err, "more than %d lines of match", PACK_LINES_MAX);
    r->match_bytes += strlen(text);
    if (r->match_bytes > PATTERN_BYTES_MAX)
        return err_set(r->err, "the patterns are larger than %d bytes", PATTERN_BYTES_MAX);
    struct pattern *pattern = between_edges(text, r->err);
    if (!pattern)
        return -1;
    pack->lines = mem_grow(pack->lines, (pack->n_lines + 1) * sizeof *pack->lines);
    pack->lines[pack->n_lines++] =
        (struct pack_line){ .text = arena_strdup(pack->arena, text), .pattern = pattern };
    return 0;
}

static int add_never(struct reader *r, const char *text)
{
    buf_printf(&r->never, "%s%s", r->never.len > 0 ? "|" : "", text);
    return r->never.len > PATTERN_BYTES_MAX
               ? err_set(r->err, "the patterns are larger than %d bytes", PATTERN_BYTES_MAX)
               : 0;
}

static int take_pattern(struct reader *r, const char *text,
                        int (*add)(struct reader *r, const char *text))
{
    struct buf one = { 0 }, bare = { 0 };
    int rc = expand(r, text, &one);

    if (rc == 0) {
        plain_bare_pattern(one.data, &bare);
        rc = check_pattern(bare.data, r->err);
    }
    if (rc == 0)
        rc = add(r, bare.data);
    buf_fini(&one);
    buf_fini(&bare);
    return rc;
}

static int take_example(struct reader *r, const char *text, int found)
{
    if (r->pack->n_examples == EXAMPLES_MAX)
        return err_set(r->err, "more than %d examples", EXAMPLES_MAX);
    r->examples[r->pack->n_examples++] = (struct pack_example){
        .text = arena_strdup(r->pack->arena, text), .found = found, .line = r->line,
    };
    return 0;
}

static int take_without(struct reader *r, const char *text)
{
    if (r->n_withouts == PACK_WITHOUT_MAX)
        return err_set(r->err, "more than %d lines of without", PACK_WITHOUT_MAX);
    r->pack->without[r->n_withouts++] = arena_strdup(r->pack->arena, text);
    return 0;
}

static int take_line(struct reader *r, char *line)
{
    if (!*line || *line == '#')
        return 0;
    char *text = strchr(line, ' ');
    if (!text)
        return err_set(r->err, "a word and what it says are expected");
    *text++ = '\0';
    text += strspn(text, " ");
    if (!*text)
        return err_set(r->err, "nothing stands behind %s", line);
    if (strcmp(line, "let") == 0)
        return take_let(r, text);
    if (strcmp(line, "match") == 0)
        return take_pattern(r, text, add_line);
    if (strcmp(line, "never") == 0)
        return take_pattern(r, text, add_never);
    if (strcmp(line, "without") == 0)
        return take_without(r, text);
    if (strcmp(line, "yes") == 0 || strcmp(line, "no") == 0)
        return take_example(r, text, *line == 'y');
    return err_set(r->err, "%.32s is none of let, match, never, without, yes, no", line);
}

static int finish(struct reader *r)
{
    struct pack *pack = r->pack;
    unsigned yes = 0;

    for (size_t i = 0; i < pack->n_examples; i++)
        yes += r->examples[i].found != 0;
    if (pack->n_lines == 0)
        return err_set(r->err, "there is no match line");
    if (yes == 0 || yes == pack->n_examples)
        return err_set(r->err, "there is no example of yes, or none of no");
    struct pack_example *examples =
        arena_array(pack->arena, pack->n_examples, sizeof *r->examples);
    memcpy(examples, r->examples, pack->n_examples * sizeof *r->examples);
    pack->examples = examples;
    if (r->never.len > 0)
        pack->never = between_edges(r->never.data, r->err);
    return pack->never || r->never.len == 0 ? 0 : -1;
}

static int read_lines(struct reader *r, char *text)
{
    for (char *next; text; text = next) {
        next = strchr(text, '\n');
        if (next)
            *next++ = '\0';
        for (size_t len = strlen(text); len > 0 && strchr(" \t\r", text[len - 1]); len--)
            text[len - 1] = '\0';
        r->line++;
        if (take_line(r, text) < 0)
            return err_wrap(r->err, "line %u", r->line);
    }
    return finish(r);
}

struct pack *pack_read(const char *text, size_t len, struct err *err)
{
    if (len > PACK_BYTES_MAX) {
        err_set(err, "it is larger than %d bytes", PACK_BYTES_MAX);
        return NULL;
    }
    if (!utf8_valid(text, len) || memchr(text, '\0', len)) {
        err_set(err, "it is not a UTF-8 text");
        return NULL;
    }
    struct reader *r = mem_alloc(sizeof *r);
    struct pack *pack = mem_alloc(sizeof *pack);
    char *copy = mem_dup(text, len);

    pack->arena = arena_new(0);
    r->pack = pack;
    r->err = err;
    if (read_lines(r, copy) < 0)
        pack_free(&pack);
    buf_fini(&r->never);
    free(copy);
    free(r);
    return pack;
}

void pack_free(struct pack **pack)
{
    if (!*pack)
        return;
    for (size_t i = 0; i < (*pack)->n_lines; i++)
        pattern_free(&(*pack)->lines[i].pattern);
    free((*pack)->lines);
    pattern_free(&(*pack)->never);
    arena_free(&(*pack)->arena);
    free(*pack);
    *pack = NULL;
}

/* The first from i on that may match: most of a pack's lines cannot. */
static size_t next_line(const struct pack *pack, const uint64_t *maybe, unsigned from, size_t i)
{
    while (maybe && i < pack->n_lines) {
        const size_t bit = from + i;
        const uint64_t rest = maybe[bit / 64] >> bit % 64;

        if (rest)
            return i + (size_t)__builtin_ctzll(rest);
        i += 64 - bit % 64;
    }
    return i;
}

/* As if the lines stood in one pattern: of two places the first, of two lines the first. */
static int match(const struct pack *pack, const char *plain, size_t len, const uint64_t *maybe,
                 unsigned from, struct pattern_span *span_r)
{
    struct pattern_span span;
    int found = 0;

    for (size_t i = next_line(pack, maybe, from, 0); i < pack->n_lines && (!found || span_r);
         i = next_line(pack, maybe, from, i + 1)) {
        if (!pattern_find(pack->lines[i].pattern, plain, len, &span))
            continue;
        if (span_r && (!found || span.at < span_r->at))
            *span_r = span;
        found = 1;
    }
    return found;
}

int pack_find(const struct pack *pack, const char *plain, size_t len, const uint64_t *maybe,
              unsigned from, struct pattern_span *span_r)
{
    return match(pack, plain, len, maybe, from, span_r) &&
           !(pack->never && pattern_find(pack->never, plain, len, NULL));
}
