/* conf_report.c - what is wrong with the conf files, all at once, each with its place. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/utf8.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/conf_private.h"

#define NOTES_MAX 1000 /* more are counted, not kept */
#define SHOWN_MAX 160  /* bytes of a line */

static void add_note(struct conf *conf, const struct conf_pos *pos, int is_warning,
                     const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

static void add_note(struct conf *conf, const struct conf_pos *pos, int is_warning,
                     const char *fmt, va_list ap)
{
    char text[600];

    if (is_warning)
        conf->n_warnings++;
    else
        conf->n_errors++;
    if (conf->n_notes == NOTES_MAX)
        return;
    if (conf->n_notes == conf->notes_cap) {
        conf->notes_cap = conf->notes_cap ? 2 * conf->notes_cap : 16;
        conf->notes = mem_grow(conf->notes, conf->notes_cap * sizeof(*conf->notes));
    }
    vsnprintf(text, sizeof(text), fmt, ap);
    conf->notes[conf->n_notes] = (struct conf_note){
        .pos = pos ? *pos : (struct conf_pos){ 0 },
        .is_warning = is_warning,
        .number = (unsigned)conf->n_notes,
        .text = mem_strdup(text),
    };
    conf->n_notes++;
}

void conf_error(struct conf *conf, const struct conf_pos *pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_note(conf, pos, 0, fmt, ap);
    va_end(ap);
}

void conf_warn(struct conf *conf, const struct conf_pos *pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_note(conf, pos, 1, fmt, ap);
    va_end(ap);
}

unsigned conf_errors(const struct conf *conf)
{
    return conf->n_errors;
}

unsigned conf_warnings(const struct conf *conf)
{
    return conf->n_warnings;
}

void conf_hide(struct conf *conf, const struct conf_pair *pair)
{
    conf->hidden = mem_grow(conf->hidden, (conf->n_hidden + 1) * sizeof(*conf->hidden));
    conf->hidden[conf->n_hidden++] = pair->value_pos;
}

/* Places that are not in a file come first. */
static int by_place(const void *a, const void *b)
{
    const struct conf_note *x = a, *y = b;
    unsigned x_file = x->pos.file ? x->pos.file->index + 1 : 0;
    unsigned y_file = y->pos.file ? y->pos.file->index + 1 : 0;

    if (x_file != y_file)
        return x_file < y_file ? -1 : 1;
    if (x->pos.line != y->pos.line)
        return x->pos.line < y->pos.line ? -1 : 1;
    if (x->pos.column != y->pos.column)
        return x->pos.column < y->pos.column ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* For a terminal: what could steer it, and what is not UTF-8, becomes '?'. */
static void add_clean(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        n = td_utf8_step(text + i, len - i);
        unsigned char c = (unsigned char)text[i];
        int is_c1 = c == 0xc2 && n == 2 && (unsigned char)text[i + 1] < 0xa0;
        if (!n || (c < 0x20 && c != '\t') || c == 0x7f || is_c1) {
            buf_char(out, '?');
            n = n ? n : 1;
        } else {
            buf_add(out, text + i, n);
        }
    }
}

static void add_line(const struct conf *conf, struct buf *out, const struct conf_pos *pos)
{
    const char *line = pos->file->text, *after = pos->file->text + pos->file->len;
    const char *more = "";

    for (unsigned i = 1; i < pos->line && line < after; i++) {
        const char *end = memchr(line, '\n', (size_t)(after - line));
        line = end ? end + 1 : after;
    }
    const char *end = memchr(line, '\n', (size_t)(after - line));
    size_t len = (size_t)((end ? end : after) - line);
    if (len && line[len - 1] == '\r')
        len--;
    if (len > SHOWN_MAX) {
        len = SHOWN_MAX;
        more = "...";
    }
    for (size_t i = 0; i < conf->n_hidden; i++) {
        const struct conf_pos *hidden = &conf->hidden[i];
        if (hidden->file == pos->file && hidden->line == pos->line && hidden->column - 1 < len) {
            len = hidden->column - 1;
            more = "****";
        }
    }
    buf_printf(out, "%5u | ", pos->line);
    add_clean(out, line, len);
    buf_printf(out, "%s\n", more);
}

static void add_entry(const struct conf *conf, struct buf *out, const struct conf_note *note)
{
    const struct conf_pos *pos = &note->pos;

    if (pos->file) {
        add_clean(out, pos->file->name, strlen(pos->file->name));
        if (pos->line)
            buf_printf(out, ":%u:%u", pos->line, pos->column);
        buf_str(out, ": ");
    }
    buf_str(out, note->is_warning ? "warning: " : "");
    add_clean(out, note->text, strlen(note->text));
    buf_char(out, '\n');
    if (!pos->file)
        return;
    if (pos->line)
        add_line(conf, out, pos);
    for (const struct conf_pos *from = &pos->file->from; from->file; from = &from->file->from) {
        buf_str(out, "   included from ");
        add_clean(out, from->file->name, strlen(from->file->name));
        buf_printf(out, ":%u\n", from->line);
    }
}

static void add_count(struct buf *out, unsigned n, const char *what)
{
    if (n)
        buf_printf(out, "%s%u %s%s", out->len && out->data[out->len - 1] != '\n' ? ", " : "", n,
                   what, n == 1 ? "" : "s");
}

char *conf_report(const struct conf *conf, const char *outcome)
{
    struct buf out = { 0 };
    size_t n = conf->n_notes;

    if (n) {
        struct conf_note *sorted = mem_dup(conf->notes, n * sizeof(*sorted));
        qsort(sorted, n, sizeof(*sorted), by_place);
        for (size_t i = 0; i < n; i++)
            add_entry(conf, &out, &sorted[i]);
        free(sorted);
        add_count(&out, conf->n_errors, "error");
        add_count(&out, conf->n_warnings, "warning");
        if (conf->n_errors + conf->n_warnings > n)
            buf_printf(&out, " (%zu are shown)", n);
        buf_printf(&out, "; %s\n", outcome);
    }
    return buf_take(&out);
}
