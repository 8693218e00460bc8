/*
 * plain.h - a customer's text as patterns see it: what looks the same is the same.
 *
 * Compatibility forms composed (NFKC), lower case, quotes and dashes plain, what cannot be seen
 * gone, one space between words. Layer: engine, pure.
 */
#ifndef ENGINE_PLAIN_H
#define ENGINE_PLAIN_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* More of a text is not looked at. */
#define PLAIN_MAX 8192

/* Replaces what is in out. What is not UTF-8 gives an empty text. Never grows beyond some
 * PLAIN_MAX * 3 bytes. */
void plain_text(const char *text, size_t len, struct buf *out);

/* A plain text as who has not every key writes it, in place: letters without marks, ä as ae, and so
 * ö, ü, å (aa), æ, ø and ß (ss). */
void plain_bare(struct buf *text);
/* A pattern for such texts, added to out; ä there is found in a bare a as well, and so ö and ü. No
 * such letter may stand in a class, or before a quantifier. */
void plain_bare_pattern(const char *pattern, struct buf *out);

/* A hash of the ASCII letters and digits, whatever their case: texts that differ in it differ. */
uint32_t plain_letters(const char *text);

#endif
