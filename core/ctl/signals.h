/* signals.h - tandemctl signals: what the phrase packs find in messages. Layer: ctl. */
#ifndef CTL_SIGNALS_H
#define CTL_SIGNALS_H

/* JSON lines from stdin to stdout; needs no daemon. lang: of the rows that declare none, NULL: it
 * is detected. An exit code; what was wrong is said. */
int signals_run(const char *lang);

#endif
