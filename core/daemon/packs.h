/* packs.h - the phrase packs of a directory: <language>/<signal>.pack and <language>/words. */
#ifndef DAEMON_PACKS_H
#define DAEMON_PACKS_H

struct err;
struct phrases;

/* Read and checked against their examples; NULL with the file in err. */
struct phrases *packs_read(const char *dir, struct err *err);
/* The same, or those that somebody has already when nothing in the directory has changed; each is
 * given back with packs_unshare(), which sets *phrases to NULL. */
struct phrases *packs_share(const char *dir, struct err *err);
void packs_unshare(struct phrases **phrases);

#endif
