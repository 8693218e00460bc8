/*
 * http_events.h - text/event-stream, read as it comes (WHATWG HTML, "Server-sent events").
 *
 * For agents that stream; linked into each. However the stream is cut into pieces, the same events come. Lines
 * end in CR, LF or CRLF, a BOM at the start and comments are skipped, data lines are joined by LF,
 * `id` and `retry` mean nothing here, an event without data or without its end does not come.
 */
#ifndef SHARED_HTTP_EVENTS_H
#define SHARED_HTTP_EVENTS_H

#include <stddef.h>

#define HTTP_EVENTS_LINE (64 << 10) /* bytes of a line */
#define HTTP_EVENTS_TYPE 64         /* bytes of an event's type */

/* data: NUL after len bytes, borrowed for the call. type: "message" when none was given. 0 goes on;
 * anything else ends the feed, and the reader may be gone by then. */
typedef int http_event_fn(void *arg, const char *type, const char *data, size_t len);

struct http_events;

/* max: bytes of an event's data. NULL: out of memory. */
struct http_events *http_events_new(size_t max, http_event_fn *fn, void *arg);
void http_events_free(struct http_events **events); /* NULL is fine */

/* NULL, or what is wrong: a sentence that stays. Then nothing may be fed any more. */
const char *http_events_feed(struct http_events *events, const char *data, size_t len);

#endif
