/*
 * files.h - where the bytes of attachments are: a directory, addressed by content.
 *
 * Layer: files (includes base/ only). Knows files, who may use them, and sessions by their ids; not
 * messages, types or limits. A file has one name for ever, its id, and belongs to one session: the
 * one it was handed in for, or else the first that uses it.
 *
 *   data/<2 hex>/<sha256>    the content, once however often it was sent
 *   ids/<c>/<id>             a hard link to it: the content goes with its last id
 *   ids/<c>/<id>.json        what is known of it
 *   new/<id>                 until a message uses it; holds the sha256
 *   sessions/<c>/<session>/<id>   whose it is
 *   tmp/                     what is being written; emptied at the start
 *
 * A file is on disk, with the directories that lead to it, before a callback says so; it is whole
 * or not there. Threads: called on the loop's thread, one thread works behind; callbacks come on the
 * loop's thread, in the order of the calls, never from inside the call.
 */
#ifndef FILES_FILES_H
#define FILES_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/ulid.h"

struct err;
struct files;

#define FILES_SHA256 65 /* hex, with NUL */
#define FILES_NAME 128
#define FILES_TYPE 128
#define FILES_OWNER 300
#define FILES_MOST 16 /* ids of one files_use() */

enum files_status {
    FILES_OK,
    FILES_NONE,    /* there is no such file */
    FILES_FOREIGN, /* it belongs to another session, or was handed in by somebody else */
    FILES_FULL,    /* no space, under min_free, or too much waits: later */
    FILES_FAILED,  /* the disk; logged */
};

struct file_info {
    struct ulid id, session; /* session zero: none yet */
    char owner[FILES_OWNER]; /* who handed it in, such as "channel/web" */
    char name[FILES_NAME], type[FILES_TYPE], sha256[FILES_SHA256];
    uint64_t bytes;
};

/* Brings a function onto the loop's thread (loop_post). */
typedef void files_post_fn(void *loop, void (*fn)(void *arg), void *arg);

struct files_conf {
    files_post_fn *post;
    void *loop;
    const char *dir; /* made when it is not there, mode 0700 */
    int64_t min_free; /* bytes the file system must have left */
};

/* Blocking. NULL with a sentence. */
struct files *files_open(const struct files_conf *conf, struct err *err);
/* Finishes what was asked for; callbacks of it come from inside. */
void files_close(struct files **files);

typedef void files_put_fn(void *arg, enum files_status status, const struct file_info *info);
/* data: taken, freed with free(). info: session, owner, name and type; the rest is filled in. */
void files_put(struct files *files, const struct file_info *info, void *data, size_t len,
               files_put_fn *fn, void *arg);

/* infos: n of them, in the order of the ids, when status is OK; else `which` is the one that is
 * not good, and none of them has changed hands. */
typedef void files_use_fn(void *arg, enum files_status status, const struct file_info *infos,
                          size_t n, size_t which);
/* A message of this session holds them: from now on they stay, and are this session's. For one
 * that is no session's yet, `owner` has to be who handed it in. At most FILES_MOST. */
void files_use(struct files *files, const struct ulid *ids, size_t n, const struct ulid *session,
               const char *owner, files_use_fn *fn, void *arg);

/* data is borrowed, and NULL unless OK. */
typedef void files_get_fn(void *arg, enum files_status status, const struct file_info *info,
                          const void *data);
/* The content is checked against its hash. */
void files_get(struct files *files, const struct ulid *id, files_get_fn *fn, void *arg);

typedef void files_done_fn(void *arg, enum files_status status, size_t n);
/* All files of a session go; n: so many. */
void files_erase(struct files *files, const struct ulid *session, files_done_fn *fn, void *arg);
/* Those that no message used and that are older than unused_before go, and of the others a part
 * that is older than used_before (wall ms): each call looks at the next 32nd of them. */
void files_sweep(struct files *files, int64_t unused_before, int64_t used_before,
                 files_done_fn *fn, void *arg);

#endif
