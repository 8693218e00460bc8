/*
 * events.h - /api/v1/events: what happens, as it happens, as text/event-stream.
 *
 * Layer: daemon. Facts as journaled, never what was said. While somebody reads, and for a minute
 * after, the newest RING events are kept, so that who was cut off can go on with Last-Event-ID;
 * nobody pays when nobody reads. Loop thread only.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include <stddef.h>

struct events;
struct gate;
struct loop;
struct td_web_request;
struct web;

struct events *events_new(struct loop *loop, struct web *web, struct gate *gate);
void events_free(struct events **events);

/* NULL: it is answered, with the stream; else a sentence why not, and the HTTP status. */
const char *events_open(struct events *events, const struct td_web_request *request, int *status_r);

/* Of the daemon itself: "reload", "drain". facts: a JSON object. */
void events_say(struct events *events, const char *type, const char *facts, size_t len);

/* The value of a query's key into out; 1 when it is there and fits. Values need no decoding: what
 * is asked for in /api is made of letters, digits and what needs no escape. */
int query_get(const char *query, const char *key, char *out, size_t size);

#endif
