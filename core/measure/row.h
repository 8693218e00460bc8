/*
 * row.h - what is measured of a session, as a row that outlives the journal's records.
 *
 * Layer: measure, pure. Compact JSON, facts only: nothing that was said, the customer as a keyed hash.
 */
#ifndef MEASURE_ROW_H
#define MEASURE_ROW_H

#include <stddef.h>

struct buf;
struct err;
struct measure;

/* Appended; the same measure gives the same bytes. */
void row_encode(const struct measure *measure, struct buf *out);
/* Into one that is fresh from measure_init(). It can be folded on from the record after its seq: what
 * only the texts before it could tell is unknown then. 0, or -1 with what is wrong; then the measure
 * must be made anew. */
int row_decode(const char *text, size_t len, struct measure *measure_r, struct err *err);

#endif
