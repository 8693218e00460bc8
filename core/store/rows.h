/*
 * rows.h - the bytes of a batch in a database row, and back.
 *
 * Layer: store. What is read back is not trusted: a damaged row is an error, never an over-read.
 * Facts: for each record its length (32 bits, little endian) and its bytes. Bodies: for each body
 * the place of its record in the batch, its length, its bytes.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <stddef.h>

struct arena;
struct buf;
struct store_record;

void rows_pack(struct buf *buf, const struct store_record *records, size_t n);
/* Nothing is added when no record has a body. */
void rows_pack_bodies(struct buf *buf, const struct store_record *records, size_t n);

/* The n records of a row, copied into the arena; their seq is left 0. NULL: the row is damaged. */
struct store_record *rows_unpack(struct arena *arena, const void *data, size_t len, size_t n);
/* Puts the bodies, copied, to the n records. 0, or -1: the row is damaged. */
int rows_unpack_bodies(struct arena *arena, const void *data, size_t len,
                       struct store_record *records, size_t n);

#endif
