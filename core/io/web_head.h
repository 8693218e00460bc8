/*
 * web_head.h - reads the head of an HTTP/1.x request, strictly: what two readers could understand
 * differently is refused.
 *
 * Layer: io. Pure: knows no socket and no route. Refused are bare CR or LF, folded lines, a space
 * before a colon, two Content-Length or Host, Content-Length beside Transfer-Encoding, control
 * characters, bad percent signs, dot segments and what is not UTF-8.
 */
#ifndef IO_WEB_HEAD_H
#define IO_WEB_HEAD_H

#include <stdint.h>
#include <sys/types.h>

#include <tandem/net.h>

#define HEAD_MAX_HEADERS 64

struct head {
    const char *method, *path, *query; /* path: decoded; query: as sent, "" when absent */
    int minor;                         /* of HTTP/1.x */
    int keep_alive;
    int expect; /* the client waits for 100 Continue */
    int64_t content_length;
    size_t n_headers;
    struct td_header headers[HEAD_MAX_HEADERS]; /* names in lower case */
};

/* Bytes up to and with the empty line; 0: it has not come yet; -1: it cannot
 * become one, as after a bare LF. */
ssize_t head_end(const char *text, size_t len);

/* Reads a head of exactly `len` bytes (from head_end()). The text is changed, the head points into
 * it. 0, or the HTTP status of the refusal. */
int head_parse(struct head *head, char *text, size_t len);

/* The value of the first header of that (lower case) name, or NULL. */
const char *head_get(const struct head *head, const char *name);

/* Does a header of that name list the token? Case is ignored when `caseless`. */
int head_lists(const struct head *head, const char *name, const char *token, int caseless);

#endif
