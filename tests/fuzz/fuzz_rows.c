/*
 * fuzz_rows.c - rows of the journal as a damaged disk may give them: an error or the batch, and what
 * is read packs to the same bytes again. Input: how many records, how long the facts are / 16 bits.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/rows.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct buf facts = { 0 }, bodies = { 0 };
    struct store_record *records;
    size_t n, len;

    if (size >= 3) {
        n = data[0];
        len = (size_t)data[1] | (size_t)data[2] << 8;
        data += 3;
        size -= 3;
        if (len > size)
            len = size;
        records = rows_unpack(arena, data, len, n);
        if (records != NULL) {
            rows_pack(&facts, records, n);
            if (facts.len != len || (len > 0 && memcmp(facts.data, data, len) != 0))
                abort();
            if (rows_unpack_bodies(arena, data + len, size - len, records, n) == 0)
                rows_pack_bodies(&bodies, records, n);
            if (bodies.len > size - len)
                abort();
        }
    }
    buf_fini(&facts);
    buf_fini(&bodies);
    arena_free(&arena);
    return 0;
}
