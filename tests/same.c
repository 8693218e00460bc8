/* same.c - are two sessions the same, to the last word? */
#include "config.h"

#include "tests/same.h"

#include <string.h>

#include "base/buf.h"

static int same_bytes(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

int session_same(const struct session *a, const struct session *b)
{
    struct buf facts[2] = { { 0 }, { 0 } }, bodies[2] = { { 0 }, { 0 } };
    int same;

    session_snapshot(a, &facts[0], &bodies[0]);
    session_snapshot(b, &facts[1], &bodies[1]);
    same = same_bytes(&facts[0], &facts[1]) && same_bytes(&bodies[0], &bodies[1]);
    for (size_t i = 0; i < 2; i++) {
        buf_fini(&facts[i]);
        buf_fini(&bodies[i]);
    }
    return same;
}
