/* conf.c - conf files: opening, including, sections and their pairs. */
#include "config.h"

#include "config/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "config/conf_line.h"
#include "config/conf_private.h"

#define FILE_MAX_BYTES (1024 * 1024)
#define LINE_MAX_BYTES (64 * 1024)
#define SECTIONS_MAX 10000
#define PAIRS_MAX 1000 /* of a section */
#define FILES_MAX 1000
#define DEPTH_MAX 16

/* Where the reader is. */
struct reader {
    struct conf *conf;
    struct conf_file *file;
    const char *text; /* of the line, with its length */
    size_t len;
    unsigned number;
    int in_section;   /* 0: before the first section of the file */
    int skipping;     /* the section could not be read: its pairs are checked and left out */
    int allow_include;
};

static struct conf_pos pos_at(const struct reader *r, size_t at)
{
    return (struct conf_pos){ r->file, r->number, (unsigned)at + 1 };
}

static void read_file(struct conf *conf, const char *path, const struct conf_pos *from);

/* ---- Values ------------------------------------------------------------------------------ */

static int is_env_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
              (i && c >= '0' && c <= '9')))
            return 0;
    }
    return len > 0;
}

static int is_one_line(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
            return 0;
    }
    return utf8_valid(text, strlen(text));
}

/* `text` begins with "${". Returns the length of the reference, 0 when it is bad. */
static size_t fill_env(const struct reader *r, const struct conf_pos *pos, const char *text,
                       struct buf *out, int *from_env_r)
{
    const char *end = strchr(text, '}');
    const char *fallback = strstr(text, ":-");
    size_t name_len;

    if (!end) {
        conf_error(r->conf, pos, "'${' without '}'");
        return 0;
    }
    if (fallback && fallback > end)
        fallback = NULL;
    name_len = (size_t)((fallback ? fallback : end) - text) - 2;
    if (!is_env_name(text + 2, name_len)) {
        conf_error(r->conf, pos, "'%.*s' is not ${NAME} or ${NAME:-default}",
                   (int)utf8_cut(text, (size_t)(end - text) + 1, 64), text);
        return 0;
    }
    char *name = mem_dup(text + 2, name_len);
    const char *value = getenv(name);
    if (value && *value && !is_one_line(value))
        conf_error(r->conf, pos, "${%s} holds a control character or is not UTF-8", name);
    else if (value && (*value || !fallback))
        buf_str(out, value);
    else if (fallback)
        buf_add(out, fallback + 2, (size_t)(end - fallback) - 2);
    else
        conf_error(r->conf, pos, "${%s} is not set in the environment", name);
    *from_env_r |= value && *value;
    free(name);
    return (size_t)(end - text) + 1;
}

/* The value of a pair as its user gets it. */
static char *make_value(const struct reader *r, const struct conf_line *line,
                        const struct conf_pos *pos, int *from_env_r)
{
    const char *raw = r->text + line->value.at;
    struct buf plain = { 0 }, out = { 0 };

    if (line->quoted)
        conf_unquote(&plain, raw, line->value.len);
    else
        buf_add(&plain, raw, line->value.len);
    buf_str(&plain, "");
    buf_str(&out, "");
    for (const char *at = plain.data; *at;) {
        size_t n = 1;
        if (strncmp(at, "$${", 3) == 0) {
            buf_str(&out, "${");
            n = 3;
        } else if (strncmp(at, "${", 2) == 0) {
            n = fill_env(r, pos, at, &out, from_env_r);
            if (!n)
                break;
        } else {
            buf_char(&out, *at);
        }
        at += n;
    }
    mem_wipe(plain.data, plain.cap);
    buf_fini(&plain);
    char *value = mem_dup(out.data, out.len);
    mem_wipe(out.data, out.cap);
    buf_fini(&out);
    return value;
}

static void free_secret(const char *text)
{
    char *own = (char *)text;
    mem_wipe(own, strlen(own));
    free(own);
}

/* "a" and "b" become "a, b"; what stood in quotes keeps them, so that its commas stay text. */
static void join(struct conf_pair *pair, const char *value, int quoted)
{
    struct buf out = { 0 };

    if (pair->quoted)
        conf_quote(&out, pair->value, strlen(pair->value));
    else
        buf_str(&out, pair->value);
    if (out.len)
        buf_str(&out, ", ");
    if (quoted)
        conf_quote(&out, value, strlen(value));
    else
        buf_str(&out, value);
    free_secret(pair->value);
    pair->value = buf_take(&out);
    pair->quoted = 0;
}

/* ---- Lines ------------------------------------------------------------------------------- */

static void add_section(struct reader *r, const struct conf_line *line)
{
    struct conf *conf = r->conf;
    struct conf_pos pos = pos_at(r, line->word.at ? line->word.at - 1 : 0);
    char *kind = mem_dup(r->text + line->word.at, line->word.len);
    char *name = mem_dup(r->text + line->value.at, line->value.len);
    const struct conf_section *same = conf_find(conf, kind, name);

    r->in_section = 1;
    r->skipping = 1;
    if (same) {
        conf_error(conf, &pos, "[%s%s%s] stands at %s:%u already", kind, *name ? " " : "", name,
                   same->pos.file->name, same->pos.line);
    } else if (conf->n_sections == SECTIONS_MAX) {
        conf_error(conf, &pos, "more than %d sections", SECTIONS_MAX);
    } else {
        r->skipping = 0;
        if (conf->n_sections == conf->sections_cap) {
            conf->sections_cap = conf->sections_cap ? 2 * conf->sections_cap : 16;
            conf->sections = mem_grow(conf->sections,
                                      conf->sections_cap * sizeof(*conf->sections));
        }
        conf->sections[conf->n_sections++] =
            (struct conf_section){ .kind = kind, .name = name, .pos = pos };
        return;
    }
    free(kind);
    free(name);
}

/* Adds to the newest pair of that key; 0 when there is none. */
static int add_to_pair(struct reader *r, struct conf_section *section,
                       const struct conf_pair *more)
{
    for (size_t i = section->n_pairs; i-- > 0;) {
        struct conf_pair *pair = (struct conf_pair *)&section->pairs[i];
        if (strcmp(pair->key, more->key) != 0)
            continue;
        pair->bad |= more->bad;
        pair->from_env |= more->from_env;
        if (strlen(pair->value) + strlen(more->value) > LINE_MAX_BYTES)
            conf_error(r->conf, &more->key_pos, "'%s' is longer than %d bytes", pair->key,
                       LINE_MAX_BYTES);
        else
            join(pair, more->value, more->quoted);
        return 1;
    }
    return 0;
}

/* 0 when the pair was not kept. */
static int add_pair(struct reader *r, const struct conf_pair *pair, int add)
{
    struct conf_section *section = &r->conf->sections[r->conf->n_sections - 1];
    struct conf_pair *pairs = (struct conf_pair *)section->pairs;

    if (add && add_to_pair(r, section, pair))
        return 0;
    if (section->n_pairs == PAIRS_MAX) {
        conf_error(r->conf, &pair->key_pos, "more than %d keys in one section", PAIRS_MAX);
        return 0;
    }
    /* Doubling: the size is a power of two whenever it is full. */
    if ((section->n_pairs & (section->n_pairs - 1)) == 0)
        pairs = mem_grow(pairs, (section->n_pairs ? 2 * section->n_pairs : 1) * sizeof(*pairs));
    section->pairs = pairs;
    pairs[section->n_pairs++] = *pair;
    return 1;
}

static void include(struct reader *r, const char *value, const struct conf_pos *pos)
{
    glob_t found = { 0 };
    char *pattern = conf_path(pos, value);
    int rc = glob(pattern, GLOB_NOMAGIC, NULL, &found);

    if (!r->allow_include)
        conf_error(r->conf, pos, "include is not possible here");
    else if (r->file->depth == DEPTH_MAX)
        conf_error(r->conf, pos, "includes are nested deeper than %d", DEPTH_MAX);
    else if (rc != 0 && rc != GLOB_NOMATCH)
        conf_error(r->conf, pos, "cannot read the directory of '%s'", pattern);
    else
        for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
            read_file(r->conf, found.gl_pathv[i], pos);
    globfree(&found);
    free(pattern);
}

static void read_pair(struct reader *r, const struct conf_line *line)
{
    unsigned errors = conf_errors(r->conf);
    struct conf_pair pair = {
        .key = mem_dup(r->text + line->word.at, line->word.len),
        .quoted = line->quoted,
        .key_pos = pos_at(r, line->word.at),
        .value_pos = pos_at(r, line->value.at - (size_t)line->quoted),
    };
    pair.value = make_value(r, line, &pair.value_pos, &pair.from_env);
    pair.bad = conf_errors(r->conf) != errors;

    if (r->in_section && !r->skipping && add_pair(r, &pair, line->add))
        return;
    if (!r->in_section && strcmp(pair.key, "include") != 0)
        conf_error(r->conf, &pair.key_pos, "'%s' stands before the first section; only include may",
                   pair.key);
    else if (!r->in_section && !pair.bad)
        include(r, pair.value, &pair.key_pos);
    free((char *)pair.key);
    free_secret(pair.value);
}

static void read_line(struct reader *r)
{
    struct conf_line line;
    struct err err = { "" };
    size_t at = 0;

    if (r->len > LINE_MAX_BYTES) {
        struct conf_pos pos = pos_at(r, 0);
        conf_error(r->conf, &pos, "the line is longer than %d bytes", LINE_MAX_BYTES);
        return;
    }
    if (conf_line_parse(r->text, r->len, &line, &at, &err) < 0) {
        struct conf_pos pos = pos_at(r, at);
        conf_error(r->conf, &pos, "%s", err.text);
        if (line.kind == LINE_SECTION) {
            r->in_section = 1;
            r->skipping = 1;
        }
    } else if (line.kind == LINE_SECTION) {
        add_section(r, &line);
    } else if (line.kind == LINE_PAIR) {
        read_pair(r, &line);
    }
}

static void read_lines(struct conf *conf, struct conf_file *file, int allow_include)
{
    struct reader r = { .conf = conf, .file = file, .allow_include = allow_include };
    const char *at = file->text, *end = file->text + file->len;

    if (file->len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3; /* some editors leave a mark in front */
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        r.text = at;
        r.len = (size_t)((newline ? newline : end) - at);
        at += r.len + 1;
        if (r.len && r.text[r.len - 1] == '\r')
            r.len--;
        r.number++;
        read_line(&r);
    }
}

/* ---- Files ------------------------------------------------------------------------------- */

static struct conf_file *add_file(struct conf *conf, const char *name, const struct conf_pos *from)
{
    struct conf_file *file = mem_alloc(sizeof(*file));

    file->name = mem_strdup(name);
    file->text = mem_strdup("");
    file->index = (unsigned)conf->n_files;
    if (from) {
        file->from = *from;
        file->depth = from->file->depth + 1;
    }
    conf->files = mem_grow(conf->files, (conf->n_files + 1) * sizeof(*conf->files));
    conf->files[conf->n_files++] = file;
    return file;
}

static void drop_text(struct conf_file *file)
{
    mem_wipe(file->text, file->len);
    free(file->text);
}

static int load(struct conf_file *file, int fd, struct err *err)
{
    struct stat st;
    size_t len = 0;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return err_set(err, "cannot read it: %s", strerror(errno));
    file->dev = st.st_dev;
    file->ino = st.st_ino;
    file->mode = st.st_mode;
    drop_text(file);
    file->text = mem_alloc(FILE_MAX_BYTES + 2);
    while ((n = read(fd, file->text + len, FILE_MAX_BYTES + 1 - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, "cannot read it: %s", strerror(errno));
        len += (size_t)n;
        if (len > FILE_MAX_BYTES)
            return err_set(err, "it is larger than %d bytes", FILE_MAX_BYTES);
    }
    /* The line before an error is shown from here: keep no more than there is. */
    file->text = mem_grow(file->text, len + 1);
    file->text[len] = '\0';
    file->len = len;
    return 0;
}

static int is_in_chain(const struct conf_file *file)
{
    for (const struct conf_file *up = file->from.file; up; up = up->from.file) {
        if (up->dev == file->dev && up->ino == file->ino)
            return 1;
    }
    return 0;
}

static void read_file(struct conf *conf, const char *path, const struct conf_pos *from)
{
    struct err err = { "" };

    if (conf->n_files == FILES_MAX) {
        conf_error(conf, from, "more than %d files", FILES_MAX);
        return;
    }
    struct conf_file *file = add_file(conf, path, from);
    struct conf_pos top = { file, 0, 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? err_set(&err, "cannot open it: %s", strerror(errno)) : load(file, fd, &err);

    if (fd >= 0)
        close(fd);
    if (rc < 0)
        conf_error(conf, &top, "%s", err.text);
    else if (is_in_chain(file))
        conf_error(conf, from, "'%s' includes itself", path);
    else
        read_lines(conf, file, 1);
}

struct conf *conf_read(const char *path)
{
    struct conf *conf = mem_alloc(sizeof(*conf));
    read_file(conf, path, NULL);
    return conf;
}

struct conf *conf_read_text(const char *name, const char *text, size_t len)
{
    struct conf *conf = mem_alloc(sizeof(*conf));
    struct conf_file *file = add_file(conf, name, NULL);

    if (len > FILE_MAX_BYTES) {
        struct conf_pos top = { file, 0, 0 };
        conf_error(conf, &top, "it is larger than %d bytes", FILE_MAX_BYTES);
        return conf;
    }
    drop_text(file);
    file->text = mem_dup(text, len);
    file->len = len;
    read_lines(conf, file, 0);
    return conf;
}

static void free_section(const struct conf_section *section)
{
    for (size_t i = 0; i < section->n_pairs; i++) {
        free((char *)section->pairs[i].key);
        free_secret(section->pairs[i].value);
    }
    free((void *)section->pairs);
    free((char *)section->kind);
    free((char *)section->name);
}

void conf_free(struct conf **conf_ref)
{
    struct conf *conf = *conf_ref;

    if (!conf)
        return;
    for (size_t i = 0; i < conf->n_sections; i++)
        free_section(&conf->sections[i]);
    for (size_t i = 0; i < conf->n_files; i++) {
        drop_text(conf->files[i]);
        free(conf->files[i]->name);
        free(conf->files[i]);
    }
    for (size_t i = 0; i < conf->n_notes; i++)
        free(conf->notes[i].text);
    free(conf->sections);
    free(conf->files);
    free(conf->notes);
    free(conf->hidden);
    free(conf);
    *conf_ref = NULL;
}

/* ---- Looking ----------------------------------------------------------------------------- */

const struct conf_section *conf_sections(const struct conf *conf, size_t *n_r)
{
    *n_r = conf->n_sections;
    return conf->sections;
}

const struct conf_section *conf_find(const struct conf *conf, const char *kind, const char *name)
{
    for (size_t i = 0; i < conf->n_sections; i++) {
        const struct conf_section *section = &conf->sections[i];
        if (strcmp(section->kind, kind) == 0 && strcmp(section->name, name) == 0)
            return section;
    }
    return NULL;
}

const struct conf_pair *conf_get(const struct conf_section *section, const char *key)
{
    for (size_t i = 0; i < section->n_pairs; i++) {
        if (strcmp(section->pairs[i].key, key) == 0)
            return &section->pairs[i];
    }
    return NULL;
}

int conf_world_readable(const struct conf_pos *pos)
{
    return (pos->file->mode & S_IROTH) != 0;
}

char *conf_path(const struct conf_pos *pos, const char *path)
{
    const char *slash = strrchr(pos->file->name, '/');

    if (path[0] == '/' || !slash)
        return mem_strdup(path);
    return mem_printf("%.*s%s", (int)(slash + 1 - pos->file->name), pos->file->name, path);
}
