/*
 * log.h - one event, one line: logfmt or JSON, to stderr.
 *
 * Layer: base. Threads: any; one line is one write(2).
 * A line is a sentence with the object's name and the reason. Levels: error = someone must act,
 * warn = we coped, info = life cycle, debug = everything, trace = with customers' text, which
 * stands nowhere else.
 * Context is a chain of key=value links on the stack or in an owner; children name their parent.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>

enum log_level {
    LOG_ERROR_LEVEL,
    LOG_WARN_LEVEL,
    LOG_INFO_LEVEL,
    LOG_DEBUG_LEVEL,
    LOG_TRACE_LEVEL
};
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_ctx {
    const struct log_ctx *parent; /* NULL: none */
    const char *key, *value;      /* borrowed; NULL value: link is skipped */
};

#define LOG_CTX(parent_, key_, value_) \
    { .parent = (parent_), .key = (key_), .value = (value_) }

void log_setup(enum log_level level, enum log_format format);
int log_wants(enum log_level level);

void log_write(enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_writev(enum log_level level, const struct log_ctx *ctx, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* Arguments are not evaluated when the level is off. ctx may be NULL. */
#define LOG_AT(level_, ctx_, ...)                         \
    do {                                                  \
        if (log_wants(level_))                            \
            log_write((level_), (ctx_), __VA_ARGS__);     \
    } while (0)
#define LOG_ERROR(ctx_, ...) LOG_AT(LOG_ERROR_LEVEL, ctx_, __VA_ARGS__)
#define LOG_WARN(ctx_, ...) LOG_AT(LOG_WARN_LEVEL, ctx_, __VA_ARGS__)
#define LOG_INFO(ctx_, ...) LOG_AT(LOG_INFO_LEVEL, ctx_, __VA_ARGS__)
#define LOG_DEBUG(ctx_, ...) LOG_AT(LOG_DEBUG_LEVEL, ctx_, __VA_ARGS__)
#define LOG_TRACE(ctx_, ...) LOG_AT(LOG_TRACE_LEVEL, ctx_, __VA_ARGS__)

#endif
