/*
 * http_reply.h - reads an HTTP/1.x response as it comes, in pieces of any size.
 *
 * Layer: io. Pure: knows no socket. Every line, the head, the body and the count of lines are
 * bounded. What could be understood in two ways ends the connection or the response: lengths that
 * differ, unknown transfer codings, control characters, folded lines, a name with a space.
 */
#ifndef IO_HTTP_REPLY_H
#define IO_HTTP_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define REPLY_MAX_HEAD 65536 /* bytes of a head, with the interim ones (1xx) before it */
#define REPLY_MAX_TYPE 256
#define REPLY_MAX_LOCATION 2048 /* with the NUL */

enum reply_result { REPLY_MORE, REPLY_DONE, REPLY_BROKEN, REPLY_TOO_LARGE };

struct reply {
    int status;     /* 0 until the final head is whole */
    int keep_alive; /* when done: the connection can carry another request */
    int64_t retry_after_ms; /* -1: absent, or not understood */
    char content_type[REPLY_MAX_TYPE]; /* "" when absent, too long, or not UTF-8 */
    char *location; /* likewise, but NULL: few answers have one */
    struct buf body;                   /* at most max_body */
    const char *wrong;                 /* why it is REPLY_BROKEN */

    /* The reader's own. */
    enum { AT_STATUS, AT_HEADER, AT_BODY, AT_END_OF_CONNECTION, AT_CHUNK_SIZE, AT_CHUNK,
           AT_CHUNK_END, AT_TRAILER, AT_DONE } at;
    int code, minor, is_head, chunked, coded, close;
    uint64_t left;   /* of the body or chunk; UINT64_MAX in a head: no length was given */
    size_t lines_left; /* bytes that lines may still take */
    size_t max_body;
    struct buf line; /* the begin of a line whose end has not come */
};

/* is_head: the answer to a HEAD has no body, whatever it says. */
void reply_start(struct reply *reply, int is_head, size_t max_body);
void reply_fini(struct reply *reply);

/* Not to be called again after another result than REPLY_MORE. */
enum reply_result reply_feed(struct reply *reply, const char *data, size_t len);
/* The connection has ended: is that the end of the response? Never REPLY_MORE. */
enum reply_result reply_end(struct reply *reply);

/* A date as RFC 9110 wants it, "Sun, 06 Nov 1994 08:49:37 GMT"; -1: it is none. */
int64_t reply_date_s(const char *text);

#endif
