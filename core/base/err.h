/*
 * err.h - why something failed, as a sentence for the one who decides what happens next.
 *
 * Layer: base. An error is returned or logged, never both.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

struct err {
    char text[512]; /* always ends in NUL; cut when longer */
};

/* Writes the sentence; NULL err is fine. Returns -1, so that `return err_set(..)` reads well. */
int err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<fmt>: " before the sentence that is there. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
