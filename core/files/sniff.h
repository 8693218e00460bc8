/*
 * sniff.h - what a file is, by its bytes: a MIME type, and the name it may have.
 *
 * Layer: files (base only), pure. What somebody says of a file is never believed: the type comes
 * from the content, and the end of the name has to fit the type, so that what a click opens is
 * what was looked at. Whatever has active content (HTML, SVG, scripts, programs, macros) gets the
 * type that says so.
 */
#ifndef FILES_SNIFF_H
#define FILES_SNIFF_H

#include <stddef.h>

#define SNIFF_NAME 101 /* bytes of a clean name, with NUL */

/* Never NULL, static. name: as the sender says, or NULL; it tells only kinds of plain text apart. */
const char *sniff_type(const void *data, size_t len, const char *name);

/* A file name without a path, control, bidi and invisible characters, of 1 to 100 bytes, whose end
 * fits the type. given: anything, also not UTF-8; NULL gives "file" with the type's ending. */
void sniff_name(const char *given, const char *type, char name_r[SNIFF_NAME]);

/* 1: one of the patterns fits: "image/png", or "image/" and a star at the end. NULL: none does. */
int sniff_matches(const char *const *patterns, const char *type);

#endif
