/*
 * complete.h - what may follow in a line at tandemctl's console.
 *
 * Layer: ctl. Names come from the running gateway, asked for when they are wanted.
 */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H

#include <stddef.h>

struct client;

struct completion {
    char **words; /* those that begin with what is there, sorted */
    size_t n;
    size_t begun; /* bytes of the line's last word that are there already */
};

/* `line` up to the cursor, `len` bytes. Free it with complete_fini(). */
void complete(const struct client *client, const char *line, size_t len, struct completion *out);
void complete_fini(struct completion *completion);

/* How many bytes all words have in common. */
size_t complete_common(const struct completion *completion);

#endif
