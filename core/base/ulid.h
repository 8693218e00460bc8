/*
 * ulid.h - sortable ids (ULID): 48 bits of milliseconds, 80 bits of random.
 *
 * Layer: base. Text is 26 characters of Crockford base32, upper case.
 */
#ifndef BASE_ULID_H
#define BASE_ULID_H

#include <stdint.h>

#define ULID_TEXT 27 /* with NUL */

struct ulid {
    uint8_t b[16];
};

/* A fresh id from the clock and the system's random. Two calls in one process within one
 * millisecond are still in order. Thread-safe. */
struct ulid ulid_new(int64_t wall_ms);

/* For tests and the simulator: the same input, the same id. */
struct ulid ulid_make(int64_t wall_ms, uint64_t hi16, uint64_t lo64);

void ulid_format(const struct ulid *id, char text[ULID_TEXT]);
int ulid_parse(const char *text, struct ulid *id_r); /* 0, or -1: not 26 valid characters */
int ulid_is_zero(const struct ulid *id);
int ulid_cmp(const struct ulid *a, const struct ulid *b);
int64_t ulid_ms(const struct ulid *id);

#endif
