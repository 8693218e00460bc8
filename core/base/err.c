/* err.c - sentences of failure. */
#include "config.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Takes over `text`, cut where a character ends; the arguments may have pointed into err. */
static void store(struct err *err, const char *text)
{
    size_t len = utf8_cut(text, strlen(text), sizeof(err->text) - 1);
    memcpy(err->text, text, len);
    err->text[len] = '\0';
}

int err_set(struct err *err, const char *fmt, ...)
{
    char text[sizeof(err->text) + 8];
    va_list ap;

    if (!err)
        return -1;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    store(err, text);
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char text[2 * sizeof(err->text) + 8];
    va_list ap;
    size_t len;

    if (!err)
        return -1;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(err->text) + 4, fmt, ap);
    va_end(ap);
    len = utf8_cut(text, strlen(text), sizeof(err->text) - 1);
    snprintf(text + len, sizeof(text) - len, ": %s", err->text);
    store(err, text);
    return -1;
}
