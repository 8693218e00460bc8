/*
 * wire.h - the other end of whatever wire a plugin opens: TCP, WebSocket, routes, HTTP requests.
 *
 * Layer: kit. Threads: one.
 */
#ifndef KIT_WIRE_H
#define KIT_WIRE_H

struct fake;

/* Says greetings, rubbish and much to every listening socket of this process, to the instance's
 * WebSocket and its routes, and goes away. round: which words. */
void wire_poke(struct fake *fake, unsigned round);

/* Ends the requests that the plugin has started, each in another way; answer 0: never. */
void wire_http(struct fake *fake, int answer);

/* Threads and descriptors of this process. */
unsigned wire_threads(void);
unsigned wire_fds(void);

#endif
