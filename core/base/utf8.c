/* utf8.c - is it UTF-8, how many characters, where may it be cut. */
#include "config.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#include <tandem/utf8.h>

static int is_ascii8(const char *s)
{
    uint64_t x;

    memcpy(&x, s, sizeof x);
    return (x & UINT64_C(0x8080808080808080)) == 0;
}

int utf8_valid(const char *s, size_t len)
{
    for (size_t at = 0, n; at < len; at += n) {
        n = len - at >= 8 && is_ascii8(s + at) ? 8 : td_utf8_step(s + at, len - at);
        if (!n)
            return 0;
    }
    return 1;
}

size_t utf8_cut(const char *s, size_t len, size_t max)
{
    if (len <= max)
        return len;
    /* At most three steps back: a longer run of continuation bytes is not UTF-8 anyway. */
    size_t cut = max;
    for (int i = 0; i < 3 && cut && ((unsigned char)s[cut] & 0xc0) == 0x80; i++)
        cut--;
    return ((unsigned char)s[cut] & 0xc0) == 0x80 ? max : cut;
}
