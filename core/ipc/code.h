/*
 * code.h - structs of the plugin ABI as bytes and back, driven by tables.
 *
 * Layer: ipc. A row a field; rows stand in the order of the struct. What a writer's `size` does not
 * reach is not sent, and the reader's copy says so in its own `size`: TD_HAS() tells the same on
 * both sides. Numbers are in the machine's order: both ends are one build on one machine.
 *
 * Decoding trusts nothing: every length is held against what is left, strings end where they say,
 * enums are known, and the memory of the copy is a small multiple of the bytes read.
 */
#ifndef IPC_CODE_H
#define IPC_CODE_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;

enum ipc_kind {
    IPC_32,      /* int, uint32_t */
    IPC_ENUM,    /* 0 .. max */
    IPC_64,      /* int64_t, uint64_t, size_t, double */
    IPC_STR,     /* const char *; may be NULL */
    IPC_BYTES,   /* const void * or const char *, and its size_t: NUL is put after them */
    IPC_PTR,     /* const struct *; may be NULL */
    IPC_LIST,    /* const struct *const *, and its size_t */
    IPC_STRS,    /* const char *const *, and its size_t */
    IPC_STRZ,    /* const char *const *, NULL-terminated; may be NULL */
    IPC_HEADERS, /* const struct td_header *, and its size_t */
    IPC_SKIP,    /* means nothing on the other side: 0 there */
};

struct ipc_struct;

struct ipc_field {
    const char *name;
    enum ipc_kind kind;
    size_t offset, size;
    size_t count;               /* offset of the size_t of BYTES, LIST, STRS, HEADERS */
    unsigned max;               /* ENUM */
    const struct ipc_struct *of; /* PTR, LIST */
};

/* Its first member is uint32_t size. */
struct ipc_struct {
    const char *name;
    size_t size;
    const struct ipc_field *fields; /* ends in a NULL name */
};

/* 0, or -1 with *flaw_r: an enum that is none. What was appended by then is to be thrown away. */
int ipc_encode(struct buf *out, const struct ipc_struct *type, const void *from,
               const char **flaw_r);

/* Every struct that crosses; ends in NULL. wire.c */
extern const struct ipc_struct *const ipc_structs[];

/* Strings and bytes point into `data`, which must live as long as the copy. NULL with *flaw_r, a
 * clause such as "its td_answer.decision is not one". */
const void *ipc_decode(const void *data, size_t len, const struct ipc_struct *type,
                       struct arena *arena, const char **flaw_r);

#endif
