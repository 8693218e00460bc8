/*
 * sms_text.h - UTF-8 as the bytes of short messages, and back.
 *
 * Layer: channels/shared. Pure. GSM is 3GPP TS 23.038's default alphabet, one septet a byte; Latin-1
 * is ISO 8859-1; UCS-2 is big-endian UTF-16. Bytes that come in are hostile: every length is given,
 * NUL among them is a character (of GSM: '@'), and what cannot be is U+FFFD.
 */
#ifndef SMS_TEXT_H
#define SMS_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum sms_charset { SMS_GSM, SMS_LATIN1, SMS_ASCII, SMS_UCS2, SMS_BINARY };

/* What a text needs on the air: septets when all of it is in the alphabet, else 16-bit units. */
struct sms_need {
    int is_gsm;
    uint32_t odd; /* the first code point that is not in the alphabet; 0: none */
    size_t units;
};

/* The code point at s, and how many bytes it has; a byte that is not UTF-8 is U+FFFD of one byte. */
uint32_t sms_point(const char *s, size_t len, size_t *step_r);

void sms_need(const char *text, size_t len, struct sms_need *need_r);
/* What one code point costs: septets, 0 when the alphabet has it not; or 16-bit units. */
unsigned sms_units(uint32_t point, int is_gsm);

/* Appends the bytes of a text to out, which has room for 2 a byte of it: how many. A code point that
 * the set has not becomes '?'. */
size_t sms_encode(enum sms_charset set, const char *text, size_t len, uint8_t *out);

/* The text of some bytes, in malloc()ed memory; NULL: out of memory. *odd_r: 1 when UCS-2 had a byte
 * too many, which is dropped. NULs become U+FFFD, but for GSM's '@'. Binary is shown as Latin-1. */
char *sms_decode(enum sms_charset set, const uint8_t *bytes, size_t len, int *odd_r);

/* The letters that make a text leave the alphabet, as letters that are in it: "ç" as "c", curly
 * quotes, dashes. malloc()ed; NULL: out of memory. */
char *sms_transliterate(const char *text);

#endif
