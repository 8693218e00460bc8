/* agent_openai_scan.c - a member of an object that is not whole yet. */
#include "config.h"

#include "plugins/agent_openai_scan.h"

#include <string.h>

static const char key[] = "message";

/* ---- The message ----------------------------------------------------------------------------- */

static size_t put(unsigned c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return c != 0; /* a NUL ends texts: it is dropped */
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Half a surrogate pair says nothing: the reader of the whole refuses it. */
static size_t put_unit(struct openai_scan *s, char *out)
{
    const unsigned high = s->high;

    s->high = 0;
    if (s->unit >= 0xd800 && s->unit < 0xdc00) {
        s->high = s->unit;
        return 0;
    }
    if (s->unit < 0xdc00 || s->unit > 0xdfff)
        return put(s->unit, out);
    return high != 0 ? put(0x10000 + ((high - 0xd800) << 10) + (s->unit - 0xdc00), out) : 0;
}

static size_t hex_digit(struct openai_scan *s, char c, char *out)
{
    const unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                  : 0;

    s->unit = s->unit << 4 | digit;
    return --s->hex_left == 0 ? put_unit(s, out) : 0;
}

static size_t in_message(struct openai_scan *s, char c, char *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at;

    if (s->hex_left > 0)
        return hex_digit(s, c, out);
    if (s->escaped) {
        s->escaped = 0;
        if (c == 'u') {
            s->hex_left = 4;
            s->unit = 0;
            return 0;
        }
        at = c != '\0' ? strchr(from, c) : NULL;
        *out = at != NULL ? to[at - from] : c;
        return 1;
    }
    if (c == '\\') {
        s->escaped = 1;
    } else if (c == '"') {
        s->in_message = 0;
        s->done = 1;
    } else {
        *out = c;
        return c != '\0';
    }
    return 0;
}

/* ---- Around it ------------------------------------------------------------------------------- */

static void in_string(struct openai_scan *s, char c)
{
    if (s->escaped) {
        s->escaped = 0;
        s->is_message = 0; /* the key has no need of one */
    } else if (c == '\\') {
        s->escaped = 1;
    } else if (c == '"') {
        s->in_string = 0;
        s->is_message &= s->is_key && s->key_len == sizeof key - 1;
    } else {
        if (s->key_len >= sizeof key - 1 || c != key[s->key_len])
            s->is_message = 0;
        s->key_len += s->key_len < sizeof key;
    }
}

static void between(struct openai_scan *s, char c)
{
    switch (c) {
    case '{':
    case '[':
        s->value_next = 0;
        s->is_key = s->depth++ == 0 && c == '{';
        break;
    case '}':
    case ']':
        s->done |= --s->depth == 0;
        break;
    case ',': s->is_key = s->depth == 1; break;
    case ':':
        s->value_next = s->is_key && s->is_message && s->depth == 1;
        s->is_key = 0;
        break;
    case '"':
        s->in_message = s->value_next;
        s->in_string = !s->value_next;
        s->is_message = 1;
        s->key_len = 0;
        break;
    case ' ':
    case '\t':
    case '\r':
    case '\n': break;
    default: s->value_next = 0;
    }
}

size_t openai_scan_feed(struct openai_scan *s, const char *json, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len && !s->done; i++) {
        if (s->in_message)
            n += in_message(s, json[i], out + n);
        else if (s->in_string)
            in_string(s, json[i]);
        else if (s->depth > 0 || json[i] == '{') /* what stands before the object is not its */
            between(s, json[i]);
    }
    out[n] = '\0';
    return n;
}
