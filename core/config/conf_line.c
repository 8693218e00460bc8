/* conf_line.c - the grammar of one line of a conf file. */
#include "config.h"

#include "config/conf_line.h"

#include <string.h>
#include <tandem/utf8.h>

#include "base/buf.h"
#include "base/err.h"

struct cursor {
    const char *text;
    size_t at, len;
    size_t *at_r;
    struct err *err;
};

static int wrong(struct cursor *c, size_t at, const char *why)
{
    *c->at_r = at;
    return err_set(c->err, "%s", why);
}

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-' || c == '.';
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char peek(const struct cursor *c)
{
    return c->at < c->len ? c->text[c->at] : '\0';
}

static void skip_blanks(struct cursor *c)
{
    while (is_blank(peek(c)))
        c->at++;
}

static int at_comment(const struct cursor *c)
{
    return (peek(c) == '#' || peek(c) == ';') && (c->at == 0 || is_blank(c->text[c->at - 1]));
}

static int take_name(struct cursor *c, struct conf_part *part_r)
{
    part_r->at = c->at;
    while (is_name(peek(c)))
        c->at++;
    part_r->len = c->at - part_r->at;
    return part_r->len > CONF_NAME_MAX ? wrong(c, part_r->at, "a name of more than 64 bytes") : 0;
}

static int check_characters(struct cursor *c)
{
    for (size_t at = c->at, n; at < c->len; at += n) {
        n = td_utf8_step(c->text + at, c->len - at);
        if (!n)
            return wrong(c, at, "this is not UTF-8");
        if (((unsigned char)c->text[at] < 0x20 && c->text[at] != '\t') || c->text[at] == 0x7f)
            return wrong(c, at, "a control character");
    }
    return 0;
}

static int parse_section(struct cursor *c, struct conf_line *line)
{
    c->at++;
    skip_blanks(c);
    if (take_name(c, &line->word) < 0)
        return -1;
    if (!line->word.len)
        return wrong(c, c->at, "the kind of the section is expected after '['");
    skip_blanks(c);
    if (take_name(c, &line->value) < 0)
        return -1;
    skip_blanks(c);
    if (c->at == c->len || at_comment(c))
        return wrong(c, c->at, "the section's ']' is missing");
    if (peek(c) != ']')
        return wrong(c, c->at,
                     "a section is [kind name]; names are letters, digits, '_', '-' and '.'");
    c->at++;
    skip_blanks(c);
    if (c->at < c->len && !at_comment(c))
        return wrong(c, c->at, "nothing but a comment may follow the section's ']'");
    return 0;
}

size_t conf_quoted_len(const char *text, size_t at, size_t len)
{
    for (size_t i = at + 1; i < len; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '"')
            return i + 1 - at;
    }
    return 0;
}

/* Up to a comment or the end. A quote that has no partner is a character like any other. */
static void take_value(struct cursor *c, struct conf_line *line)
{
    size_t start = c->at, end = c->at, whole = 0;

    while (c->at < c->len && !at_comment(c)) {
        size_t n = peek(c) == '"' ? conf_quoted_len(c->text, c->at, c->len) : 0;
        if (c->at == start)
            whole = n;
        c->at += n ? n : 1;
        if (!is_blank(c->text[c->at - 1]))
            end = c->at;
    }
    line->quoted = whole && whole == end - start;
    line->value = (struct conf_part){ start + (size_t)line->quoted,
                                      end - start - 2 * (size_t)line->quoted };
}

static int parse_pair(struct cursor *c, struct conf_line *line)
{
    line->kind = LINE_PAIR;
    if (take_name(c, &line->word) < 0)
        return -1;
    skip_blanks(c);
    if (line->word.len && peek(c) == '+') {
        line->add = 1;
        c->at++;
    }
    if (!line->word.len || peek(c) != '=')
        return wrong(c, line->word.len ? c->at : line->word.at,
                     line->word.len ? "'=' is expected after the key"
                                    : "key = value, [section] or a comment is expected");
    c->at++;
    skip_blanks(c);
    take_value(c, line);
    return 0;
}

int conf_line_parse(const char *text, size_t len, struct conf_line *line_r, size_t *at_r,
                    struct err *err)
{
    struct cursor c = { .text = text, .len = len, .at_r = at_r, .err = err };

    *line_r = (struct conf_line){ .kind = LINE_BLANK };
    skip_blanks(&c);
    if (peek(&c) == '[')
        line_r->kind = LINE_SECTION; /* also when it is wrong: what follows belongs to it */
    if (check_characters(&c) < 0)
        return -1;
    if (c.at == len || at_comment(&c))
        return 0;
    return peek(&c) == '[' ? parse_section(&c, line_r) : parse_pair(&c, line_r);
}

void conf_unquote(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\' && i + 1 < len && (text[i + 1] == '"' || text[i + 1] == '\\'))
            i++;
        buf_char(out, text[i]);
    }
}

void conf_quote(struct buf *out, const char *text, size_t len)
{
    buf_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\')
            buf_char(out, '\\');
        buf_char(out, text[i]);
    }
    buf_char(out, '"');
}
