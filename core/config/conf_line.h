/* conf_line.h - the grammar of one line of a conf file. Layer: config; pure text. */
#ifndef CONFIG_CONF_LINE_H
#define CONFIG_CONF_LINE_H

#include <stddef.h>

#define CONF_NAME_MAX 64

struct buf;
struct err;

enum conf_line_kind { LINE_BLANK, LINE_SECTION, LINE_PAIR };

struct conf_part { /* of the line: at is 0-based */
    size_t at, len;
};

struct conf_line {
    enum conf_line_kind kind;
    struct conf_part word;  /* section: kind; pair: key */
    struct conf_part value; /* section: name, may be empty; pair: without its quotes and comment */
    int quoted, add;        /* add: += */
};

/* 0, or -1 with the 0-based place and a sentence. The text has no line end. */
int conf_line_parse(const char *text, size_t len, struct conf_line *line_r, size_t *at_r,
                    struct err *err);

/* The part in double quotes at `at`: its length with both quotes, 0 when it does not end. */
size_t conf_quoted_len(const char *text, size_t at, size_t len);

/* What stands between the quotes, with \" and \\ resolved; and the way back, with quotes. */
void conf_unquote(struct buf *out, const char *text, size_t len);
void conf_quote(struct buf *out, const char *text, size_t len);

#endif
