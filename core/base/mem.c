/* mem.c - allocation that does not fail. */
#include "config.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (!p) {
        fputs("tandem: out of memory\n", stderr);
        abort();
    }
    return p;
}

/* Not calloc(): in glibc before 2.41 it goes past what the thread has freed, to the shared heap. */
void *mem_alloc(size_t size)
{
    return memset(checked(malloc(size ? size : 1)), 0, size);
}

void *mem_array(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1));
}

void *mem_grow(void *p, size_t size)
{
    return checked(realloc(p, size ? size : 1));
}

void *mem_dup(const void *p, size_t len)
{
    char *copy = checked(len < SIZE_MAX ? malloc(len + 1) : NULL);
    if (len)
        memcpy(copy, p, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *s)
{
    return s ? mem_dup(s, strlen(s)) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    int len = vasprintf(&text, fmt, ap);
    va_end(ap);
    return checked(len < 0 ? NULL : text);
}

void mem_wipe(void *p, size_t len)
{
    if (p)
        explicit_bzero(p, len);
}
