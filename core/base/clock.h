/* clock.h - milliseconds: wall (Unix epoch, UTC) and monotonic; RFC 3339 text. Layer: base. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT 25 /* 2026-11-23T06:16:56.123Z and NUL */

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
void clock_format(int64_t wall_ms, char text[CLOCK_TEXT]);

#endif
