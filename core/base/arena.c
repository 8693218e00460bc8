/* arena.c - chunks of memory, filled from the front, freed all at once. */
#include "config.h"

#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_SIZE 4096
#define ALIGN alignof(max_align_t)

struct chunk {
    struct chunk *older;
    size_t size, used;
    max_align_t data[];
};

struct arena {
    struct chunk *newest; /* the oldest is the first, which stays */
    size_t used;
};

static void add_chunk(struct arena *arena, size_t size)
{
    struct chunk *chunk = mem_grow(NULL, sizeof(*chunk) + size);
    *chunk = (struct chunk){ .older = arena->newest, .size = size };
    arena->newest = chunk;
}

struct arena *arena_new(size_t first)
{
    struct arena *arena = mem_alloc(sizeof(*arena));
    add_chunk(arena, first ? first : FIRST_SIZE);
    return arena;
}

void arena_reset(struct arena *arena)
{
    while (arena->newest->older) {
        struct chunk *chunk = arena->newest;
        arena->newest = chunk->older;
        free(chunk);
    }
    arena->newest->used = 0;
    arena->used = 0;
}

void arena_free(struct arena **arena)
{
    if (!*arena)
        return;
    arena_reset(*arena);
    free((*arena)->newest);
    free(*arena);
    *arena = NULL;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

/* Memory that is not zeroed. */
static void *take(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 4)
        abort(); /* callers bound what comes from outside */
    size = (size + ALIGN - 1) & ~(ALIGN - 1);

    if (size > arena->newest->size - arena->newest->used) {
        size_t next = 2 * arena->newest->size;
        add_chunk(arena, size > next ? size : next);
    }
    void *p = (char *)arena->newest->data + arena->newest->used;
    arena->newest->used += size;
    arena->used += size;
    return p;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(take(arena, size), 0, size);
}

void *arena_array(struct arena *arena, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        abort();
    return arena_alloc(arena, n * size);
}

void *arena_dup(struct arena *arena, const void *p, size_t len)
{
    char *copy = take(arena, len < SIZE_MAX ? len + 1 : len);
    if (len)
        memcpy(copy, p, len);
    copy[len] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *s)
{
    return s ? arena_dup(arena, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(len >= 0);
    char *text = take(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
