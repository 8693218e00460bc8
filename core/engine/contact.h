/*
 * contact.h - a phone number or a mail address in what a customer wrote.
 *
 * Layer: engine, pure.
 */
#ifndef ENGINE_CONTACT_H
#define ENGINE_CONTACT_H

struct arena;

/* In the arena; NULL: there is none. A number without '+' counts only when it is all they wrote, for it
 * may be an order's. whole_r: nothing else was written. */
const char *contact_in(const char *text, struct arena *arena, int *whole_r);

#endif
