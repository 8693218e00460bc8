/*
 * pages.h - the pages that come with the gateway, served from memory.
 *
 * Layer: daemon.
 */
#ifndef DAEMON_PAGES_H
#define DAEMON_PAGES_H

struct web;

/* Every file of DIR/chat as /chat/FILE, its index.html as /chat/ too. Says in the log what cannot
 * be read; a gateway without pages still works. */
void pages_add(struct web *web, const char *dir);

#endif
