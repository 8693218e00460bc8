/* files_private.h - the disk behind files.h; for files.c and files_disk.c only. Files' thread. */
#ifndef FILES_FILES_PRIVATE_H
#define FILES_FILES_PRIVATE_H

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

#endif
