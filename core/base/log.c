/* log.c - one event, one line. */
#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <tandem/utf8.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 8192
#define MSG_MAX_BYTES 6144 /* of a line: what is left is the context's */

static const char *const level_names[] = { "error", "warn", "info", "debug", "trace" };
static atomic_int log_level_now = LOG_INFO_LEVEL;
static atomic_int log_format_now = LOG_LOGFMT;

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
};

void log_setup(enum log_level level, enum log_format format)
{
    log_level_now = (int)level;
    log_format_now = (int)format;
}

int log_wants(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

/* Adds all of it or nothing; three bytes stay free for the end of the line. */
static int add(struct line *line, size_t max, const char *s, size_t len)
{
    if (len > max - 3 || line->len > max - 3 - len)
        return -1;
    memcpy(line->text + line->len, s, len);
    line->len += len;
    return 0;
}

/* In double quotes; escapes of JSON, which logfmt readers know too. A line cannot be broken or a
 * terminal steered by what others wrote: control characters are escaped, bad UTF-8 replaced. */
static void add_quoted(struct line *line, size_t max, const char *s)
{
    size_t left = strlen(s), n;
    char escape[8];

    add(line, max, "\"", 1);
    for (; left; s += n, left -= n) {
        const unsigned char *c = (const unsigned char *)s;
        int len = 0;

        n = td_utf8_step(s, left);
        if (!n) {
            n = 1;
            len = snprintf(escape, sizeof(escape), "\\ufffd");
        } else if (*c == '"' || *c == '\\') {
            len = snprintf(escape, sizeof(escape), "\\%c", *c);
        } else if (*c == '\n') {
            len = snprintf(escape, sizeof(escape), "\\n");
        } else if (*c < 0x20 || *c == 0x7f) {
            len = snprintf(escape, sizeof(escape), "\\u%04x", *c);
        } else if (*c == 0xc2 && c[1] < 0xa0) {
            len = snprintf(escape, sizeof(escape), "\\u%04x", c[1]);
        }
        if (add(line, max - 1, len ? escape : s, len ? (size_t)len : n) < 0)
            break; /* cut */
    }
    add(line, max, "\"", 1);
}

static int is_plain(const char *s)
{
    if (!*s)
        return 0;
    for (; *s; s++) {
        if (*s <= ' ' || *s > '~' || *s == '"' || *s == '=' || *s == '\\')
            return 0;
    }
    return 1;
}

/* key="value", or ,"key":"value" */
static void add_pair(struct line *line, size_t max, const char *key, const char *value)
{
    size_t start = line->len;
    int json = log_format_now == LOG_JSON;

    if (start + strlen(key) + 16 > max)
        return;
    if (json) {
        add(line, max, start == 1 ? "\"" : ",\"", start == 1 ? 1 : 2);
        add(line, max, key, strlen(key));
        add(line, max, "\":", 2);
        add_quoted(line, max, value);
        return;
    }
    if (start)
        add(line, max, " ", 1);
    add(line, max, key, strlen(key));
    add(line, max, "=", 1);
    if (!is_plain(value) || add(line, max, value, strlen(value)) < 0)
        add_quoted(line, max, value);
}

static void add_ctx(struct line *line, const struct log_ctx *ctx)
{
    if (!ctx)
        return;
    add_ctx(line, ctx->parent);
    if (ctx->value)
        add_pair(line, LINE_MAX_BYTES, ctx->key, ctx->value);
}

static void put_line(const struct line *line)
{
    size_t done = 0;
    while (done < line->len) {
        ssize_t n = write(STDERR_FILENO, line->text + done, line->len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return; /* there is nobody left to tell */
    }
}

void log_writev(enum log_level level, const struct log_ctx *ctx, const char *fmt, va_list ap)
{
    int json = log_format_now == LOG_JSON, saved = errno;
    char ts[CLOCK_TEXT], msg[4096];
    struct line line;

    line.len = 0;
    clock_format(clock_wall_ms(), ts);
    vsnprintf(msg, sizeof(msg), fmt, ap);
    if (json)
        add(&line, LINE_MAX_BYTES, "{", 1);
    add_pair(&line, LINE_MAX_BYTES, "ts", ts);
    add_pair(&line, LINE_MAX_BYTES, "level", level_names[level]);
    add_pair(&line, MSG_MAX_BYTES, "msg", msg);
    add_ctx(&line, ctx);
    if (json)
        line.text[line.len++] = '}';
    line.text[line.len++] = '\n';
    put_line(&line);
    errno = saved;
}

void log_write(enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_writev(level, ctx, fmt, ap);
    va_end(ap);
}
