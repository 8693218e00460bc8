/* utf8.h - is it UTF-8, how many characters, where may it be cut (RFC 3629). Layer: base. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

int utf8_valid(const char *s, size_t len);      /* 1: valid; surrogates, overlong forms are not */
/* The longest prefix of at most max bytes that does not split a code point. */
size_t utf8_cut(const char *s, size_t len, size_t max);

#endif
