/* packs.h - the phrase packs of a directory: <language>/<signal>.pack and <language>/words. */
#ifndef DAEMON_PACKS_H
#define DAEMON_PACKS_H

struct err;
struct phrases;

/* Read and checked against their examples; NULL with the file in err. */
struct phrases *packs_read(const char *dir, struct err *err);

#endif
