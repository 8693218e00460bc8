/*
 * clamd.h - asks a virus scanner about some bytes: the INSTREAM command of clamd(8).
 *
 * Layer: io. Loop thread; nothing blocks. One connection a scan. The address is "/path" of a unix
 * socket or "ADDRESS:PORT" in numbers: names are not looked up.
 */
#ifndef IO_CLAMD_H
#define IO_CLAMD_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct loop;
struct clamd_scan;

enum clamd_verdict {
    CLAMD_CLEAN,
    CLAMD_FOUND,     /* detail: the name of what was found */
    CLAMD_TOO_LARGE, /* its own limit is smaller: it will never look at this */
    CLAMD_AWAY,      /* no answer, or none that is understood; detail: a sentence */
};

/* detail is borrowed, never NULL. */
typedef void clamd_fn(void *arg, enum clamd_verdict verdict, const char *detail);

int clamd_check_address(const char *address, struct err *err); /* 0, or -1 with a sentence */

/* data MUST stay until fn, which comes once and never from inside the call. */
struct clamd_scan *clamd_scan(struct loop *loop, const char *address, const void *data, size_t len,
                              uint32_t timeout_ms, clamd_fn *fn, void *arg);
void clamd_cancel(struct clamd_scan **scan); /* NULL is fine; fn does not come any more */

#endif
