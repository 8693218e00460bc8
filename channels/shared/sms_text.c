/* sms_text.c - alphabets of short messages. */
#include "config.h"

#include "channels/shared/sms_text.h"

#include <stdlib.h>
#include <string.h>

#include <tandem/gsm.h>
#include <tandem/utf8.h>

#define UNKNOWN 0xfffd

uint32_t sms_point(const char *s, size_t len, size_t *step_r)
{
    const unsigned char *p = (const unsigned char *)s;
    const size_t step = td_utf8_step(s, len);
    uint32_t point = p[0];

    *step_r = step == 0 ? 1 : step;
    if (step == 0)
        return UNKNOWN;
    if (step > 1)
        point &= 0x7fu >> step;
    for (size_t i = 1; i < step; i++)
        point = point << 6 | (p[i] & 0x3fu);
    return point;
}

unsigned sms_units(uint32_t point, int is_gsm)
{
    uint8_t septets[2];

    return is_gsm ? td_gsm_septets(point, septets) : point > 0xffff ? 2 : 1;
}

void sms_need(const char *text, size_t len, struct sms_need *need_r)
{
    size_t gsm = 0, ucs2 = 0, step;

    *need_r = (struct sms_need){ .is_gsm = 1 };
    for (size_t i = 0; i < len; i += step) {
        const uint32_t point = sms_point(text + i, len - i, &step);
        const unsigned n = sms_units(point, 1);

        if (n == 0 && need_r->is_gsm) {
            need_r->is_gsm = 0;
            need_r->odd = point;
        }
        gsm += n;
        ucs2 += sms_units(point, 0);
    }
    need_r->units = need_r->is_gsm ? gsm : ucs2;
}

static size_t put_ucs2(uint32_t point, uint8_t *out)
{
    const uint32_t rest = point - 0x10000;
    const uint32_t units[2] = { 0xd800 | rest >> 10, 0xdc00 | (rest & 0x3ff) };

    if (point <= 0xffff) {
        out[0] = (uint8_t)(point >> 8);
        out[1] = (uint8_t)point;
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        out[2 * i] = (uint8_t)(units[i] >> 8);
        out[2 * i + 1] = (uint8_t)units[i];
    }
    return 4;
}

size_t sms_encode(enum sms_charset set, const char *text, size_t len, uint8_t *out)
{
    size_t n = 0, step;

    for (size_t i = 0; i < len; i += step) {
        const uint32_t point = sms_point(text + i, len - i, &step);
        unsigned septets;

        if (set == SMS_UCS2) {
            n += put_ucs2(point, out + n);
        } else if (set == SMS_GSM) {
            septets = td_gsm_septets(point, out + n);
            if (septets == 0)
                out[n] = '?';
            n += septets == 0 ? 1 : septets;
        } else {
            out[n++] = point < (set == SMS_ASCII ? 0x80u : 0x100u) ? (uint8_t)point : '?';
        }
    }
    return n;
}

static size_t put_utf8(uint32_t point, char *out)
{
    if (point == 0)
        point = UNKNOWN;
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* An escape and what is not in the extension is that letter without it; an escape at the end, or two
 * of them, a space. */
static uint32_t gsm_next(const uint8_t *bytes, size_t len, size_t *i)
{
    const uint8_t septet = bytes[(*i)++];
    uint32_t point;

    if (septet > 0x7f)
        return UNKNOWN;
    if (septet != TD_GSM_ESC)
        return td_gsm_point(septet);
    if (*i == len || bytes[*i] > 0x7f)
        return ' ';
    point = td_gsm_extended(bytes[*i]);
    if (point == 0)
        point = bytes[*i] == TD_GSM_ESC ? ' ' : td_gsm_point(bytes[*i]);
    ++*i;
    return point;
}

static uint32_t ucs2_next(const uint8_t *bytes, size_t len, size_t *i)
{
    const uint32_t high = (uint32_t)bytes[*i] << 8 | bytes[*i + 1];
    uint32_t low;

    *i += 2;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || *i + 2 > len)
        return UNKNOWN;
    low = (uint32_t)bytes[*i] << 8 | bytes[*i + 1];
    if (low < 0xdc00 || low > 0xdfff)
        return UNKNOWN;
    *i += 2;
    return 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
}

char *sms_decode(enum sms_charset set, const uint8_t *bytes, size_t len, int *odd_r)
{
    char *text = malloc(len * 3 + 1); /* two bytes of UCS-2 are at most three of UTF-8 */
    size_t n = 0, i = 0;

    *odd_r = set == SMS_UCS2 && len % 2 == 1;
    len -= (size_t)*odd_r;
    if (text == NULL)
        return NULL;
    while (i < len) {
        uint32_t point;

        if (set == SMS_GSM)
            point = gsm_next(bytes, len, &i);
        else if (set == SMS_UCS2)
            point = ucs2_next(bytes, len, &i);
        else
            point = bytes[i++];
        if (set == SMS_ASCII && point > 0x7f)
            point = UNKNOWN;
        n += put_utf8(point, text + n);
    }
    text[n] = '\0';
    return text;
}

/* What stands for a code point that the alphabet has not; NULL: nothing does. */
static const char *instead(uint32_t point)
{
    static const char *const latin[] = {
        /* U+00C0 */ "A", "A", "A", "A", 0, 0, 0, 0, "E", 0, "E", "E", "I", "I", "I", "I",
        /* U+00D0 */ 0, 0, "O", "O", "O", "O", 0, "x", 0, "U", "U", "U", 0, "Y", 0, 0,
        /* U+00E0 */ 0, "a", "a", "a", 0, 0, 0, "c", 0, 0, "e", "e", 0, "i", "i", "i",
        /* U+00F0 */ 0, 0, 0, "o", "o", "o", 0, 0, 0, 0, "u", "u", 0, "y", 0, "y",
    };

    if (point >= 0xc0 && point <= 0xff)
        return latin[point - 0xc0];
    switch (point) {
    case '`': case 0x2018: case 0x2019: return "'";
    case 0x201c: case 0x201d: case 0x201e: case 0xab: case 0xbb: return "\"";
    case 0x2010: case 0x2011: case 0x2013: case 0x2014: return "-";
    case 0x2026: return "...";
    case '\t': case 0xa0: case 0x2009: case 0x202f: return " ";
    case 0x152: return "OE";
    case 0x153: return "oe";
    default: return NULL;
    }
}

char *sms_transliterate(const char *text)
{
    const size_t len = strlen(text);
    char *out = malloc(len * 3 + 1);
    size_t n = 0, step;

    for (size_t i = 0; out != NULL && i < len; i += step) {
        const uint32_t point = sms_point(text + i, len - i, &step);
        const char *word = sms_units(point, 1) == 0 ? instead(point) : NULL;
        const size_t add = word != NULL ? strlen(word) : step;

        memcpy(out + n, word != NULL ? word : text + i, add);
        n += add;
    }
    if (out != NULL)
        out[n] = '\0';
    return out;
}
