/*
 * tail.h - what happens in a gateway, a line an event.
 *
 * Layer: ctl.
 */
#ifndef CTL_TAIL_H
#define CTL_TAIL_H

struct buf;

/* An event as /api/v1/events sends it, for people; as it is when it is not JSON. Ends in a newline. */
void tail_line(const char *event, struct buf *out);

/* Only its facts, each as " key=value", and the newline. */
void tail_facts(const char *event, struct buf *out);

#endif
