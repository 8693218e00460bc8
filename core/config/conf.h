/*
 * conf.h - conf files as text: sections, keys, values, and where each stands.
 *
 * Layer: config. Knows the grammar (conf/tandem.conf(5)) and no key by name except `include`.
 * Threads: one at a time. Values may be secrets and are wiped by conf_free().
 *
 *   file    := line* ; line := comment | section | pair | blank
 *   section := '[' kind [name] ']'   pair := key ('=' | '+=') value
 *   comment := ('#' | ';') at the start of a line or after a space
 *
 * A value may stand in double quotes (then comments and commas in it are text); \" and \\ stand
 * for " and \ there, any other backslash for itself. Quotes that do not hold the whole value stay
 * in it, and comment signs between them are text too: `when = text matches "a # b"`. ${NAME} and
 * ${NAME:-default} come from the environment, $${ stands for ${ . No continuation lines. Keys
 * before the first section may only be `include = GLOB` (relative to the file; cycles and depth
 * over 16 are errors). Names are letters, digits, '_', '-', '.'; columns count bytes.
 * Limits: file 1 MiB, line 64 KiB, 10,000 sections of 1,000 keys, 1,000 files, names 64 bytes,
 * joined values 64 KiB.
 */
#ifndef CONFIG_CONF_H
#define CONFIG_CONF_H

#include <stddef.h>

struct conf; /* one reading of all files; borrowed pointers live as long as it */

/* A place: for messages, with the include trace. */
struct conf_pos {
    const struct conf_file *file;
    unsigned line, column; /* 1-based */
};

struct conf_pair {
    const char *key, *value; /* value: unquoted, environment filled in; += joined by ", " */
    int quoted;              /* the whole value stood in quotes; joined values keep theirs inside */
    int from_env;            /* the environment had a part in it */
    int bad;                 /* the value could not be made, which is reported: do not use it */
    struct conf_pos key_pos, value_pos;
};

struct conf_section {
    const char *kind, *name; /* name: "" when there is none */
    const struct conf_pair *pairs;
    size_t n_pairs;
    struct conf_pos pos;
};

/* Never NULL. What is wrong is collected inside and reading goes on; a line that could not be read
 * is left out. */
struct conf *conf_read(const char *path);
struct conf *conf_read_text(const char *name, const char *text, size_t len); /* no includes */
void conf_free(struct conf **conf);

const struct conf_section *conf_sections(const struct conf *conf, size_t *n_r); /* in file order */
const struct conf_section *conf_find(const struct conf *conf, const char *kind, const char *name);
const struct conf_pair *conf_get(const struct conf_section *section, const char *key);

/* Everybody who checks something reports here: file:line:column, the line, the include trace.
 * pos NULL: it has no place in a file. */
void conf_error(struct conf *conf, const struct conf_pos *pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void conf_warn(struct conf *conf, const struct conf_pos *pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
unsigned conf_errors(const struct conf *conf);
unsigned conf_warnings(const struct conf *conf);
/* All of them in file order, then "2 errors, 1 warning; nothing was changed" (`outcome` is the
 * last clause). Empty string when there is nothing to say. Caller frees. */
char *conf_report(const struct conf *conf, const char *outcome);

/* The value of this pair is a secret: the report shows **** in its place. */
void conf_hide(struct conf *conf, const struct conf_pair *pair);

/* 1: others than owner and group may read the file. */
int conf_world_readable(const struct conf_pos *pos);

/* Relative paths are relative to the file that names them. Caller frees. */
char *conf_path(const struct conf_pos *pos, const char *path);

#endif
