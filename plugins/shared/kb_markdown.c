/* kb_markdown.c - Markdown, line by line. */
#include "config.h"

#include "plugins/shared/kb_markdown.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/utf8.h>

struct text {
    char at[KB_TEXT_MAX + 1];
    size_t len;
};

struct reader {
    struct kb_sections *sections;
    struct kb_section *now; /* NULL: before the first heading */
    struct text body, asked;
    int paragraph; /* the last line belongs to one that may go on */
    int fenced;
    unsigned line;
    char *why;
};

static int __attribute__((format(printf, 2, 3))) fail(struct reader *r, const char *fmt, ...)
{
    const int n = snprintf(r->why, KB_WHY, "line %u: ", r->line);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why + n, (size_t)(KB_WHY - n), fmt, ap);
    va_end(ap);
    return -1;
}

static char *copy(const char *from, size_t len)
{
    char *to = malloc(len + 1);

    if (to != NULL) {
        memcpy(to, from, len);
        to[len] = '\0';
    }
    return to;
}

static int add(struct reader *r, struct text *text, const char *from, size_t len)
{
    if (len > KB_TEXT_MAX - text->len)
        return fail(r, "the section is longer than %d bytes: divide it", KB_TEXT_MAX);
    memcpy(text->at + text->len, from, len);
    text->len += len;
    text->at[text->len] = '\0';
    return 0;
}

static void trim(const char **from, size_t *len)
{
    while (*len > 0 && strchr(" \t\r", **from)) {
        (*from)++;
        (*len)--;
    }
    while (*len > 0 && strchr(" \t\r", (*from)[*len - 1]))
        (*len)--;
}

/* ---- Sections -------------------------------------------------------------------------------- */

static void section_fini(struct kb_section *section)
{
    free(section->title);
    free(section->anchor);
    free(section->text);
    free(section->asked);
    free(section->escalate);
    free(section->say);
    free(section->source);
}

void kb_sections_free(struct kb_sections *sections)
{
    for (size_t i = 0; i < sections->n; i++)
        section_fini(&sections->list[i]);
    free(sections->list);
    *sections = (struct kb_sections){ .n = 0 };
}

/* The body and what is asked move from the reader to their section. */
static int section_end(struct reader *r)
{
    if (r->now == NULL)
        return 0;
    while (r->body.len > 0 && r->body.at[r->body.len - 1] == '\n')
        r->body.len--;
    r->now->text = copy(r->body.at, r->body.len);
    r->now->asked = copy(r->asked.at, r->asked.len);
    r->body.len = r->asked.len = 0;
    r->paragraph = 0;
    return r->now->text != NULL && r->now->asked != NULL ? 0 : fail(r, "out of memory");
}

static int is_taken(const struct kb_sections *sections, const char *anchor)
{
    for (size_t i = 0; i < sections->n; i++) {
        if (sections->list[i].anchor != NULL && strcmp(sections->list[i].anchor, anchor) == 0)
            return 1;
    }
    return 0;
}

static char *anchor_of(const struct kb_sections *sections, const char *title)
{
    char anchor[KB_TITLE_MAX + 16];
    size_t len = 0;

    for (const char *at = title; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;

        if (c >= 'A' && c <= 'Z')
            anchor[len++] = (char)(c - 'A' + 'a');
        else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 || c == '-' || c == '_')
            anchor[len++] = (char)c;
        else if (c == ' ')
            anchor[len++] = '-';
    }
    anchor[len] = '\0';
    for (unsigned n = 1; is_taken(sections, anchor); n++)
        snprintf(anchor + len, sizeof anchor - len, "-%u", n);
    return copy(anchor, strlen(anchor));
}

static int section_begin(struct reader *r, int level, const char *title, size_t len)
{
    struct kb_sections *sections = r->sections;

    if (section_end(r) != 0)
        return -1;
    if (len == 0 || len > KB_TITLE_MAX)
        return fail(r, "a heading has 1 to %d bytes", KB_TITLE_MAX);
    if (sections->n == KB_SECTIONS_MAX)
        return fail(r, "more than %d sections", KB_SECTIONS_MAX);
    if ((sections->n & (sections->n - 1)) == 0) { /* grows by powers of two */
        const size_t cap = sections->n == 0 ? 1 : sections->n * 2;
        struct kb_section *grown = realloc(sections->list, cap * sizeof *grown);

        if (grown == NULL)
            return fail(r, "out of memory");
        sections->list = grown;
    }
    r->now = &sections->list[sections->n++];
    *r->now = (struct kb_section){ .level = level, .line = r->line };
    r->now->title = copy(title, len);
    if (r->now->title != NULL)
        r->now->anchor = anchor_of(sections, r->now->title);
    return r->now->anchor != NULL ? 0 : fail(r, "out of memory");
}

/* ---- Comments -------------------------------------------------------------------------------- */

static int is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static int set_word(struct reader *r, char **word, const char *value, size_t len)
{
    if (len == 0 || len > KB_TITLE_MAX)
        return fail(r, "one word is expected behind the colon");
    for (size_t i = 0; i < len; i++) {
        if ((value[i] < 'a' || value[i] > 'z') && value[i] != '_')
            return fail(r, "a word of a to z and _ is expected behind the colon");
    }
    free(*word);
    *word = copy(value, len);
    return *word != NULL ? 0 : fail(r, "out of memory");
}

static int add_asked(struct reader *r, const char *value, size_t len)
{
    while (len > 0) {
        const char *end = memchr(value, ';', len);
        const char *phrase = value;
        size_t n = end != NULL ? (size_t)(end - value) : len;

        value += n + (end != NULL);
        len -= n + (end != NULL);
        trim(&phrase, &n);
        if (n > 0 && (add(r, &r->asked, phrase, n) != 0 || add(r, &r->asked, "\n", 1) != 0))
            return -1;
    }
    return 0;
}

/* What stands between the marks, in one line. */
static int take_comment(struct reader *r, const char *text, size_t len)
{
    const char *value;
    size_t n;

    trim(&text, &len);
    if (r->now == NULL)
        return 0;
    if (is_word(text, len, "smalltalk")) {
        r->now->smalltalk = 1;
        return 0;
    }
    value = memchr(text, ':', len);
    if (value == NULL)
        return 0;
    n = (size_t)(value++ - text);
    len -= n + 1;
    trim(&value, &len);
    if (is_word(text, n, "asked"))
        return add_asked(r, value, len);
    if (is_word(text, n, "escalate"))
        return set_word(r, &r->now->escalate, value, len);
    if (is_word(text, n, "say"))
        return set_word(r, &r->now->say, value, len);
    return 0;
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

/* "[text](url)" or "![text](url)" at text: its two parts, and the bytes of the whole; 0: it is none. */
static size_t link_at(const char *text, size_t len, const char **url_r, size_t *n_text_r,
                      size_t *n_url_r)
{
    const char *close = memchr(text, ']', len), *end;

    if (close == NULL || (size_t)(close - text) + 1 >= len || close[1] != '(')
        return 0;
    end = memchr(close, ')', len - (size_t)(close - text));
    if (end == NULL)
        return 0;
    *n_text_r = (size_t)(close - text) - 1;
    *url_r = close + 2;
    *n_url_r = (size_t)(end - close) - 2;
    return (size_t)(end - text) + 1;
}

static int add_link(struct reader *r, const char *text, size_t n_text, const char *url,
                    size_t n_url, int image)
{
    if (add(r, &r->body, text, n_text) != 0)
        return -1;
    if (image || n_url == 0 || (n_url == n_text && memcmp(url, text, n_url) == 0))
        return 0;
    return add(r, &r->body, " (", 2) != 0 || add(r, &r->body, url, n_url) != 0 ? -1
                                                                               : add(r, &r->body, ")", 1);
}

static int add_inline(struct reader *r, const char *text, size_t len)
{
    while (len > 0) {
        const int image = *text == '!' && len > 1 && text[1] == '[';
        const char *url = NULL;
        size_t n = 1, n_text = 0, n_url = 0, whole = 0;

        if (*text == '\\' && len > 1 && strchr("\\`*_[]()#!", text[1])) {
            text++;
            len--;
        } else if (*text == '[' || image) {
            whole = link_at(text + image, len - (size_t)image, &url, &n_text, &n_url);
        } else if (*text == '`' || *text == '*') {
            text++;
            len--;
            continue;
        }
        if (whole > 0) {
            n = whole + (size_t)image;
            if (add_link(r, text + image + 1, n_text, url, n_url, image) != 0)
                return -1;
        } else if (add(r, &r->body, text, 1) != 0) {
            return -1;
        }
        text += n;
        len -= n;
    }
    return 0;
}

static int is_item(const char *text, size_t len)
{
    size_t n = 0;

    if (len > 1 && strchr("-*+", *text) && text[1] == ' ')
        return 1;
    while (n < len && n < 3 && text[n] >= '0' && text[n] <= '9')
        n++;
    return n > 0 && n + 1 < len && text[n] == '.' && text[n + 1] == ' ';
}

static int take_body(struct reader *r, const char *text, size_t len)
{
    const char *line = text;
    size_t n = len;

    trim(&line, &n);
    if (r->now == NULL)
        return n == 0 ? 0 : fail(r, "a heading comes first: # What it is about");
    if (n == 0 || is_item(line, n) || r->fenced) {
        if (r->body.len > 0 && (n > 0 || r->paragraph) && add(r, &r->body, "\n", 1) != 0)
            return -1;
        r->paragraph = n > 0 && !r->fenced;
        if (n == 0)
            return 0;
    } else {
        if (r->body.len > 0 && add(r, &r->body, r->paragraph ? " " : "\n", 1) != 0)
            return -1;
        r->paragraph = 1;
    }
    if (r->fenced)
        return add(r, &r->body, line, n);
    if (is_item(line, n) && strchr("*+", *line)) { /* one sign for all lists */
        line++;
        n--;
        if (add(r, &r->body, "-", 1) != 0)
            return -1;
    }
    return add_inline(r, line, n);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static int take_line(struct reader *r, const char *text, size_t len)
{
    const char *line = text;
    size_t n = len, level = 0;

    trim(&line, &n);
    if (n >= 3 && (memcmp(line, "```", 3) == 0 || memcmp(line, "~~~", 3) == 0)) {
        r->fenced = !r->fenced;
        r->paragraph = 0;
        return 0;
    }
    while (level < n && level < 7 && line[level] == '#')
        level++;
    if (r->fenced || level == 0 || level > 6 || level == n || line[level] != ' ')
        return take_body(r, text, len);
    line += level;
    n -= level;
    while (n > 0 && line[n - 1] == '#') /* "## Title ##" */
        n--;
    trim(&line, &n);
    return section_begin(r, (int)level, line, n);
}

/* A comment may go over lines: they become spaces, so that its end is all that is looked for. */
static const char *past_comment(struct reader *r, const char *at, const char *end)
{
    const char *close = at + 4;
    char *flat;
    int rc;

    while (end - close >= 3 && memcmp(close, "-->", 3) != 0)
        close++;
    if (end - close < 3) {
        fail(r, "the comment has no end: -->");
        return NULL;
    }
    flat = copy(at + 4, (size_t)(close - at) - 4);
    if (flat == NULL) {
        fail(r, "out of memory");
        return NULL;
    }
    for (char *c = flat; (c = strchr(c, '\n')) != NULL;)
        *c = ' ';
    rc = take_comment(r, flat, strlen(flat));
    free(flat);
    for (const char *c = at; c < close; c++)
        r->line += *c == '\n';
    return rc == 0 ? close + 3 : NULL;
}

static int read_all(struct reader *r, const char *at, const char *end)
{
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *line = at;
        size_t len = (size_t)((stop != NULL ? stop : end) - at);

        r->line++;
        trim(&line, &len);
        if (!r->fenced && len >= 4 && memcmp(line, "<!--", 4) == 0) {
            if ((at = past_comment(r, line, end)) == NULL)
                return -1;
            stop = memchr(at, '\n', (size_t)(end - at));
            line = at;
            len = (size_t)((stop != NULL ? stop : end) - at);
            trim(&line, &len);
            if (len > 0)
                return fail(r, "a comment stands on lines of its own");
        } else if (take_line(r, at, (size_t)((stop != NULL ? stop : end) - at)) != 0) {
            return -1;
        }
        at = stop != NULL ? stop + 1 : end;
    }
    return section_end(r);
}

static int is_text(const char *text, size_t len)
{
    for (size_t at = 0, n; at < len; at += n) {
        if (text[at] == '\0' || (n = td_utf8_step(text + at, len - at)) == 0)
            return 0;
    }
    return 1;
}

int kb_markdown_read(const char *text, size_t len, struct kb_sections *sections_r,
                     char why[KB_WHY])
{
    struct reader *r = calloc(1, sizeof *r);
    int rc = -1;

    *sections_r = (struct kb_sections){ .n = 0 };
    if (r == NULL) {
        snprintf(why, KB_WHY, "out of memory");
        return -1;
    }
    r->sections = sections_r;
    r->why = why;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (len > KB_FILE_MAX)
        snprintf(why, KB_WHY, "it is larger than %d bytes: divide it", KB_FILE_MAX);
    else if (!is_text(text, len))
        snprintf(why, KB_WHY, "it is not a UTF-8 text");
    else
        rc = read_all(r, text, text + len);
    if (rc != 0)
        kb_sections_free(sections_r);
    free(r);
    return rc;
}
