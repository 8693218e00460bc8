/*
 * arena.h - memory that goes all at once: what a step allocates lives as long as the step.
 *
 * Layer: base. One owner, one thread at a time. Never returns NULL.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(size_t first); /* first: bytes of the first chunk, 0: 4 KiB */
void arena_free(struct arena **arena); /* NULL is fine; sets *arena to NULL */
void arena_reset(struct arena *arena); /* keeps the first chunk */
size_t arena_used(const struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
void *arena_array(struct arena *arena, size_t n, size_t size);
void *arena_dup(struct arena *arena, const void *p, size_t len); /* NUL is put after the copy */
char *arena_strdup(struct arena *arena, const char *s);          /* NULL gives NULL */
char *arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
