/*
 * utf8.h - the one place that knows what UTF-8 is (RFC 3629).
 *
 * A help for plugin writers, not part of the ABI: everything here is inline.
 */
#ifndef TANDEM_UTF8_H
#define TANDEM_UTF8_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the code point at s, 1 to 4; 0 when it is not valid: cut off, overlong, a surrogate,
 * above U+10FFFF. len MUST be at least 1. */
static inline size_t td_utf8_step(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

#ifdef __cplusplus
}
#endif
#endif
