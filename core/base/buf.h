/*
 * buf.h - a byte buffer that grows; always ends in NUL once something was added.
 *
 * Layer: base. `struct buf b = {0};` is an empty one; buf_fini() frees it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* NULL while empty and never used */
    size_t len, cap;
};

void buf_fini(struct buf *buf);
void buf_clear(struct buf *buf);                 /* keeps the memory */
char *buf_take(struct buf *buf);                 /* ownership moves; never NULL; buf is empty */
void buf_reserve(struct buf *buf, size_t more);  /* so many bytes, and a NUL, need no more memory */
void buf_add(struct buf *buf, const void *p, size_t len);
void buf_str(struct buf *buf, const char *s);
void buf_char(struct buf *buf, char c);
void buf_uint(struct buf *buf, uint64_t value); /* in decimal */
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
