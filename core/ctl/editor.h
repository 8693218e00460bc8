/*
 * editor.h - a line of the terminal, with completion, and a history that is kept at home.
 *
 * Layer: ctl. Built on libedit; without it a terminal is read as a pipe is.
 */
#ifndef CTL_EDITOR_H
#define CTL_EDITOR_H

struct client;
struct editor;

struct editor *editor_new(const struct client *client); /* NULL: not built, or no terminal for it */
void editor_free(struct editor **editor);

/* The next line, borrowed until the next call; NULL: there is none. Ctrl-C empties the line. */
const char *editor_line(struct editor *editor);

#endif
