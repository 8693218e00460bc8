/* texts_sms.c - does a text fit one SMS, and what letters it can do without. */
#include "config.h"

#include <stdint.h>

#include <tandem/gsm.h>

#include "base/buf.h"
#include "engine/texts_private.h"

/* The next code point of valid UTF-8. */
static uint32_t next_point(const char **at_p)
{
    const unsigned char *at = (const unsigned char *)*at_p;
    uint32_t c = at[0];
    size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

    c &= more == 0 ? 0x7f : 0x3fu >> more;
    *at_p += 1 + more;
    for (size_t i = 1; i <= more; i++)
        c = c << 6 | (at[i] & 0x3f);
    return c;
}

/* Septets in the alphabet of 3GPP TS 23.038; 0: it is not there. */
static unsigned septets(uint32_t c)
{
    uint8_t out[2];

    return td_gsm_septets(c, out);
}

int text_is_one_sms(const char *text)
{
    size_t n7 = 0, n16 = 0;
    int in_alphabet = 1;

    while (*text) {
        const uint32_t c = next_point(&text);
        const unsigned n = septets(c);
        in_alphabet &= n > 0;
        n7 += n;
        n16 += c > 0xffff ? 2 : 1;
    }
    return in_alphabet ? n7 <= 160 : n16 <= 70;
}

void text_plain(const char *text, struct buf *out)
{
    /* U+00C0 to U+00FF; a space: it stays */
    static const char latin[] = "AAAA    E EEIIII  OOO  x UUU Y  "
                                "aaaa   ceeeeiiii  ooo    uuu y y";

    while (*text) {
        const char *at = text;
        const uint32_t c = next_point(&text);
        if (c >= 0xc0 && c <= 0xff && septets(c) == 0 && latin[c - 0xc0] != ' ')
            buf_char(out, latin[c - 0xc0]);
        else if (c == 0x2018 || c == 0x2019)
            buf_char(out, '\'');
        else if (c == 0x201c || c == 0x201d || c == 0x201e || c == 0xab || c == 0xbb)
            buf_char(out, '"');
        else if (c == 0x2013 || c == 0x2014)
            buf_char(out, '-');
        else if (c == 0x2026)
            buf_str(out, "...");
        else if (c == 0xa0 || c == 0x202f)
            buf_char(out, ' ');
        else
            buf_add(out, at, (size_t)(text - at));
    }
}
