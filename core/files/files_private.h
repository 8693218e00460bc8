/* files_private.h - the disk behind files.h; for files*.c only. Files' thread. */
#ifndef FILES_FILES_PRIVATE_H
#define FILES_FILES_PRIVATE_H

#include <dirent.h>

#include "files/files.h"

struct disk {
    int dir;          /* descriptor of the directory */
    int64_t min_free;
    unsigned swept;   /* which 32nd is looked at next */
};

int disk_open(struct disk *disk, const char *path, struct err *err);
void disk_close(struct disk *disk);
enum files_status disk_put(struct disk *disk, struct file_info *info, const void *data,
                           size_t len);
enum files_status disk_use(struct disk *disk, const struct ulid *ids, size_t n,
                           const struct ulid *session, const char *owner,
                           struct file_info *infos_r, size_t *which_r);
enum files_status disk_get(struct disk *disk, const struct ulid *id, struct file_info *info_r,
                           void **data_r); /* the caller frees */
enum files_status disk_erase(struct disk *disk, const struct ulid *session, size_t *n_r);
enum files_status disk_sweep(struct disk *disk, int64_t unused_before, int64_t used_before,
                             size_t *n_r);

/* ---- files_step.c: paths below the directory, and steps that fail with -1 and errno ---------- */

#define PATH 160 /* bytes of the longest path */

void path_data(char *path, const char *sha256);
void path_id(char *path, const struct ulid *id, const char *suffix);
void path_new(char *path, const struct ulid *id);
void path_session(char *path, const struct ulid *session, const struct ulid *id); /* id may be NULL */

int dir_sync(struct disk *disk, const char *path);
int dir_sync_parent(struct disk *disk, const char *path); /* the directory that `path` stands in */
int dir_make(struct disk *disk, const char *path);        /* 1: made, 0: it was there */
DIR *dir_list(struct disk *disk, const char *path);       /* NULL with errno */
int file_write(struct disk *disk, const char *path, const void *data, size_t len); /* and fsync */
/* *data_r is the caller's and ends in NUL. Over `most` bytes: EFBIG. */
int file_read(struct disk *disk, const char *path, size_t most, char **data_r, size_t *len_r);
void file_drop(struct disk *disk, const char *path); /* errno stays */

#endif
