/* rows.c - length-prefixed records and bodies. */
#include "config.h"
#include "store/rows.h"

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/store.h"

static void put32(struct buf *buf, size_t v)
{
    const uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

    buf_add(buf, b, sizeof b);
}

struct reader {
    const uint8_t *p;
    size_t left;
};

static int get32(struct reader *in, size_t *v_r)
{
    if (in->left < 4)
        return -1;
    *v_r = in->p[0] | (size_t)in->p[1] << 8 | (size_t)in->p[2] << 16 | (size_t)in->p[3] << 24;
    in->p += 4;
    in->left -= 4;
    return 0;
}

static const void *get_bytes(struct reader *in, size_t len)
{
    const void *p = in->p;

    if (len > in->left)
        return NULL;
    in->p += len;
    in->left -= len;
    return p;
}

void rows_pack(struct buf *buf, const struct store_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put32(buf, records[i].data_len);
        buf_add(buf, records[i].data, records[i].data_len);
    }
}

void rows_pack_bodies(struct buf *buf, const struct store_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (records[i].body == NULL)
            continue;
        put32(buf, i);
        put32(buf, records[i].body_len);
        buf_add(buf, records[i].body, records[i].body_len);
    }
}

struct store_record *rows_unpack(struct arena *arena, const void *data, size_t len, size_t n)
{
    struct reader in = { .left = len };
    struct store_record *records;

    if (n > len / 4)
        return NULL;
    in.p = arena_dup(arena, data, len);
    records = arena_array(arena, n, sizeof *records);
    for (size_t i = 0; i < n; i++) {
        if (get32(&in, &records[i].data_len) < 0 ||
            (records[i].data = get_bytes(&in, records[i].data_len)) == NULL)
            return NULL;
    }
    return in.left == 0 ? records : NULL;
}

int rows_unpack_bodies(struct arena *arena, const void *data, size_t len,
                       struct store_record *records, size_t n)
{
    struct reader in = { .p = arena_dup(arena, data, len), .left = len };
    size_t i;

    while (in.left > 0) {
        if (get32(&in, &i) < 0 || i >= n || get32(&in, &records[i].body_len) < 0 ||
            (records[i].body = get_bytes(&in, records[i].body_len)) == NULL)
            return -1;
    }
    return 0;
}
