/*
 * pages.h - the pages that come with the gateway, served from memory.
 *
 * Layer: daemon.
 */
#ifndef DAEMON_PAGES_H
#define DAEMON_PAGES_H

struct web;

/* Every file of DIR and of the directories in it, at its own path; an index.html at its directory's
 * too. FILE.gz is FILE for clients that take it compressed; what stands in assets/ is named by its
 * content. frames: origins that may show the chat page in a frame, NULL or an empty list: none
 * but its own. Says in the log what cannot be read; a gateway without pages still works. */
void pages_add(struct web *web, const char *dir, const char *const *frames);

#endif
