/* plain.c - what looks the same is the same. */
#include "config.h"

#include "engine/plain.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "base/buf.h"
#include "base/utf8.h"

/* Before NFKC, which would make a space and an accent of some quotes. "": it goes. */
static const struct {
    const char *from, *to;
} folds[] = {
    { "\xc2\xa0", " " },     { "\xc2\xad", "" },      { "\xc2\xb4", "'" },
    { "\xca\xbc", "'" },     { "\xe2\x80\x8b", "" },  { "\xe2\x80\x8c", "" },
    { "\xe2\x80\x8d", "" },  { "\xe2\x80\x8e", "" },  { "\xe2\x80\x8f", "" },
    { "\xe2\x80\x90", "-" }, { "\xe2\x80\x91", "-" }, { "\xe2\x80\x93", "-" },
    { "\xe2\x80\x94", "-" }, { "\xe2\x80\x98", "'" }, { "\xe2\x80\x99", "'" },
    { "\xe2\x80\x9c", "\"" }, { "\xe2\x80\x9d", "\"" }, { "\xe2\x80\x9e", "\"" },
    { "\xe2\x80\xa8", " " }, { "\xe2\x80\xa9", " " }, { "\xe2\x81\xa0", "" },
    { "\xef\xbb\xbf", "" },
};

/* There is room: no byte becomes more than one. */
static void add(struct buf *out, char c)
{
    if (c == '`')
        c = '\'';
    if (c > ' ' && c < 127)
        out->data[out->len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    else if (out->len > 0 && out->data[out->len - 1] != ' ')
        out->data[out->len++] = ' ';
}

/* The bytes that the character at s has. */
static size_t step(const char *s, struct buf *out)
{
    const unsigned char lead = (unsigned char)*s;
    const size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        if (strncmp(s, folds[i].from, n) != 0)
            continue;
        if (*folds[i].to)
            add(out, *folds[i].to);
        return n;
    }
    buf_add(out, s, n);
    return n;
}

static void compose(struct buf *out)
{
    size_t len = 0;
    uint8_t *text = u8_tolower((const uint8_t *)out->data, out->len, NULL, UNINORM_NFKC, NULL,
                               &len);

    if (!text)
        return; /* out of memory: it stays as it is */
    buf_clear(out);
    /* A few characters become a whole sentence: U+FDFA does. */
    buf_add(out, text, utf8_cut((const char *)text, len, PLAIN_MAX * 3));
    free(text);
}

void plain_text(const char *text, size_t len, struct buf *out)
{
    int ascii = 1;

    buf_clear(out);
    len = utf8_cut(text, len, PLAIN_MAX);
    buf_reserve(out, len);
    out->data[0] = '\0';
    if (!utf8_valid(text, len))
        return;
    for (size_t at = 0; at < len;) {
        if ((unsigned char)text[at] < 0x80) {
            add(out, text[at++]);
        } else {
            ascii = 0;
            at += step(text + at, out);
        }
    }
    out->data[out->len] = '\0';
    if (!ascii)
        compose(out);
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
}

/* U+00DF to U+00FF, as the second byte goes from 0x9f to 0xbf; "": it stays. */
static const char bare[][3] = {
    "ss", "a", "a", "a", "a", "ae", "aa", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
    "",   "n", "o", "o", "o", "o",  "oe", "",   "oe", "u", "u", "u", "ue", "y", "",  "y",
};

/* What the two bytes at s are without their marks; NULL: as they are. */
static const char *bare_of(const char *s)
{
    const unsigned char lead = (unsigned char)s[0], next = lead ? (unsigned char)s[1] : 0;

    if (lead == 0xc5 && next == 0x93)
        return "oe"; /* one letter of French */
    if (lead != 0xc3 || next < 0x9f || next > 0xbf || !*bare[next - 0x9f])
        return NULL;
    return bare[next - 0x9f];
}

void plain_bare(struct buf *text)
{
    char *to = text->data;

    for (const char *at = text->data, *end = at + text->len; at < end;) {
        const char *letters = bare_of(at);

        if (!letters) {
            *to++ = *at++;
            continue;
        }
        at += 2;
        while (*letters)
            *to++ = *letters++;
    }
    text->len = (size_t)(to - text->data);
    *to = '\0';
}

void plain_bare_pattern(const char *pattern, struct buf *out)
{
    while (*pattern) {
        const char *letters = bare_of(pattern);

        if (!letters) {
            buf_char(out, *pattern++);
            continue;
        }
        buf_str(out, letters);
        if (strncmp(pattern, "\xc3\xa4", 2) == 0 || strncmp(pattern, "\xc3\xb6", 2) == 0 ||
            strncmp(pattern, "\xc3\xbc", 2) == 0) /* a, o and u with two dots */
            buf_char(out, '?');
        pattern += 2;
    }
}

static int is_digit_or_letter(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

uint32_t plain_letters(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text != '\0'; text++)
        if (is_digit_or_letter((unsigned char)*text))
            hash = (hash ^ (unsigned)(*text | 0x20)) * 16777619u;
    return hash;
}
