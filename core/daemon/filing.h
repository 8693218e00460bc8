/*
 * filing.h - attachments as the conf wants them: their directory, and what the gate must know.
 *
 * Layer: daemon. Loop thread.
 */
#ifndef DAEMON_FILING_H
#define DAEMON_FILING_H

struct conf;
struct conf_section;
struct err;
struct files;
struct gate;
struct loop;
struct setup;

/* Reports what is wrong with the keys that concern files. */
void filing_check(const struct setup *setup, const struct conf_section *section);
/* *files_r: NULL when the conf has no place for files. 0, or -1 with a sentence. */
int filing_open(const struct setup *setup, struct loop *loop, struct files **files_r,
                struct err *err);
/* url: of the listener, for links when the conf does not say; lives as long as the gate. */
void filing_set(struct gate *gate, struct files *files, const struct setup *setup,
                const char *url);

#endif
