/*
 * mem.h - allocation that does not fail: small sizes of our own making abort when memory is out.
 *
 * Layer: base. Sizes that come from outside are bounded by the caller first.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);                         /* zeroed; never NULL; free() frees it */
void *mem_array(size_t n, size_t size);               /* zeroed; aborts on overflow */
void *mem_grow(void *p, size_t size);                 /* realloc that aborts */
void *mem_dup(const void *p, size_t len);             /* NUL is put after the copy */
char *mem_strdup(const char *s);                      /* NULL gives NULL */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mem_wipe(void *p, size_t len);                   /* is not optimised away */

#endif
