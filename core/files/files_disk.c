/* files_disk.c - the directory of files: written whole, found by id, counted by hard links. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <tandem/json.h>
#include <unistd.h>

#include "base/crypt.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "files/files_private.h"

#define MOST_META 4096
#define MOST_SWEPT 1000 /* of a call */

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* an id ends in one of them */

static enum files_status failure(const char *what, const struct ulid *id)
{
    char text[ULID_TEXT];
    const int full = errno == ENOSPC || errno == EDQUOT;

    ulid_format(id, text);
    LOG_WARN(NULL, "file %s: cannot %s: %s", text, what, strerror(errno));
    return full ? FILES_FULL : FILES_FAILED;
}

/* ---- What is known of a file -------------------------------------------------------------- */

static int write_meta(struct disk *disk, const struct file_info *info)
{
    char path[PATH], tmp[PATH], session[ULID_TEXT], id[ULID_TEXT];
    struct td_json j = { 0 };
    int rc;

    ulid_format(&info->id, id);
    snprintf(tmp, sizeof tmp, "tmp/%s.json", id);
    path_id(path, &info->id, ".json");
    td_json_object(&j);
    td_json_key_str(&j, "name", info->name);
    td_json_key_str(&j, "type", info->type);
    td_json_key_int(&j, "bytes", (int64_t)info->bytes);
    td_json_key_str(&j, "sha256", info->sha256);
    td_json_key_str(&j, "owner", info->owner);
    if (!ulid_is_zero(&info->session)) {
        ulid_format(&info->session, session);
        td_json_key_str(&j, "session", session);
    }
    td_json_object_end(&j);
    rc = file_write(disk, tmp, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
    if (rc == 0)
        rc = renameat(disk->dir, tmp, disk->dir, path);
    if (rc == 0)
        return dir_sync_parent(disk, path);
    file_drop(disk, tmp);
    return -1;
}

static int take(const cJSON *json, const char *key, char *to, size_t size)
{
    const char *value = td_json_get_str(json, key);

    return value != NULL && (size_t)snprintf(to, size, "%s", value) < size ? 0 : -1;
}

static int is_sha256(const char *text)
{
    return strlen(text) == FILES_SHA256 - 1 &&
           strspn(text, "0123456789abcdef") == FILES_SHA256 - 1;
}

static enum files_status read_meta(struct disk *disk, const struct ulid *id,
                                   struct file_info *info)
{
    static const struct td_json_limits limits = { .bytes = MOST_META, .depth = 2 };
    char path[PATH], why[128], *text;
    const char *session;
    int64_t bytes = -1;
    size_t len;
    cJSON *json;
    int good;

    *info = (struct file_info){ .id = *id };
    path_id(path, id, ".json");
    if (file_read(disk, path, MOST_META, &text, &len) != 0)
        return errno == ENOENT ? FILES_NONE : failure("read what is known of it", id);
    json = td_json_parse(text, len, &limits, why, sizeof why);
    session = td_json_get_str(json, "session");
    good = take(json, "name", info->name, sizeof info->name) == 0 &&
           take(json, "type", info->type, sizeof info->type) == 0 &&
           take(json, "sha256", info->sha256, sizeof info->sha256) == 0 &&
           take(json, "owner", info->owner, sizeof info->owner) == 0 &&
           is_sha256(info->sha256) && td_json_get_int(json, "bytes", &bytes) && bytes >= 0 &&
           (session == NULL || ulid_parse(session, &info->session) == 0);
    info->bytes = (uint64_t)bytes;
    cJSON_Delete(json);
    free(text);
    if (good)
        return FILES_OK;
    errno = EBADMSG;
    return failure("read what is known of it", id);
}

/* ---- Going -------------------------------------------------------------------------------- */

/* What holds it back is found again by the next sweep: the mark in new/ or the session goes last. */
static void remove_file(struct disk *disk, const struct ulid *id, const char *sha256,
                        const struct ulid *session)
{
    char path[PATH];
    struct stat st;

    path_id(path, id, ".json");
    unlinkat(disk->dir, path, 0);
    path_id(path, id, "");
    unlinkat(disk->dir, path, 0);
    if (is_sha256(sha256)) {
        path_data(path, sha256);
        if (fstatat(disk->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 1)
            unlinkat(disk->dir, path, 0);
    }
    if (!ulid_is_zero(session)) {
        path_session(path, session, id);
        unlinkat(disk->dir, path, 0);
        path_session(path, session, NULL);
        unlinkat(disk->dir, path, AT_REMOVEDIR); /* when it was the last one */
    }
    path_new(path, id);
    unlinkat(disk->dir, path, 0);
}

/* ---- Coming ------------------------------------------------------------------------------- */

static int has_room(const struct disk *disk, size_t len)
{
    struct statvfs fs;

    if (fstatvfs(disk->dir, &fs) != 0)
        return 1; /* the write will say */
    return (int64_t)((uint64_t)fs.f_bavail * fs.f_frsize) - (int64_t)len >= disk->min_free;
}

/* The content under its hash, and a link to it under the id. An inode has a most of links: then the
 * content gets another one, and the old goes with its ids. */
static int write_content(struct disk *disk, const struct file_info *info, const void *data,
                         size_t len)
{
    char path[PATH], id[PATH], tmp[PATH], text[ULID_TEXT];
    struct stat st;
    int there, rc;

    path_data(path, info->sha256);
    path_id(id, &info->id, "");
    there = fstatat(disk->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            (size_t)st.st_size == len;
    if (there && linkat(disk->dir, path, disk->dir, id, 0) == 0)
        return dir_sync_parent(disk, id);
    if (there && errno != EMLINK)
        return -1;
    ulid_format(&info->id, text);
    snprintf(tmp, sizeof tmp, "tmp/%s", text);
    rc = file_write(disk, tmp, data, len);
    if (rc == 0)
        rc = linkat(disk->dir, tmp, disk->dir, id, 0);
    if (rc == 0)
        rc = renameat(disk->dir, tmp, disk->dir, path);
    if (rc != 0) {
        file_drop(disk, tmp);
        return -1;
    }
    return dir_sync_parent(disk, path) == 0 ? dir_sync_parent(disk, id) : -1;
}

static int mark_session(struct disk *disk, const struct ulid *session, const struct ulid *id)
{
    char path[PATH];
    int made;

    path_session(path, session, NULL);
    if ((made = dir_make(disk, path)) < 0 || (made > 0 && dir_sync_parent(disk, path) != 0))
        return -1;
    path_session(path, session, id);
    return file_write(disk, path, "", 0) == 0 ? dir_sync_parent(disk, path) : -1;
}

enum files_status disk_put(struct disk *disk, struct file_info *info, const void *data,
                           size_t len)
{
    uint8_t hash[CRYPT_HASH];
    char path[PATH];
    const char *what = "mark it as new";
    enum files_status status;
    int rc;

    crypt_sha256(data, len, hash);
    crypt_hex(hash, sizeof hash, info->sha256);
    info->bytes = len;
    if (!has_room(disk, len))
        return FILES_FULL;
    path_new(path, &info->id);
    rc = file_write(disk, path, info->sha256, FILES_SHA256 - 1);
    if (rc == 0)
        rc = dir_sync_parent(disk, path);
    if (rc == 0 && !ulid_is_zero(&info->session)) {
        what = "enter it for its session";
        rc = mark_session(disk, &info->session, &info->id);
    }
    if (rc == 0) {
        what = "write it";
        rc = write_content(disk, info, data, len);
    }
    if (rc == 0) {
        what = "write what is known of it";
        rc = write_meta(disk, info);
    }
    if (rc == 0)
        return FILES_OK;
    status = failure(what, &info->id);
    remove_file(disk, &info->id, info->sha256, &info->session);
    return status;
}

/* ---- Being used --------------------------------------------------------------------------- */

static enum files_status may_use(struct disk *disk, const struct ulid *id,
                                 const struct ulid *session, const char *owner,
                                 struct file_info *info)
{
    enum files_status status = read_meta(disk, id, info);

    if (status != FILES_OK)
        return status;
    if (ulid_is_zero(&info->session))
        return strcmp(info->owner, owner) == 0 ? FILES_OK : FILES_FOREIGN;
    return ulid_cmp(&info->session, session) == 0 ? FILES_OK : FILES_FOREIGN;
}

static int hand_over(struct disk *disk, struct file_info *info, const struct ulid *session)
{
    if (!ulid_is_zero(&info->session))
        return 0;
    info->session = *session;
    return mark_session(disk, session, &info->id) == 0 ? write_meta(disk, info) : -1;
}

enum files_status disk_use(struct disk *disk, const struct ulid *ids, size_t n,
                           const struct ulid *session, const char *owner,
                           struct file_info *infos_r, size_t *which_r)
{
    enum files_status status;
    char path[PATH];
    int changed = 0;

    for (size_t i = 0; i < n; i++) {
        *which_r = i;
        if ((status = may_use(disk, &ids[i], session, owner, &infos_r[i])) != FILES_OK)
            return status;
    }
    for (size_t i = 0; i < n; i++) {
        *which_r = i;
        if (hand_over(disk, &infos_r[i], session) != 0)
            return failure("give it to its session", &ids[i]);
    }
    for (size_t i = 0; i < n; i++) {
        path_new(path, &ids[i]);
        changed |= unlinkat(disk->dir, path, 0) == 0;
    }
    /* A mark that came back after a crash would let the sweep take a file that is used. */
    return changed && dir_sync(disk, "new") != 0 ? failure("keep it", &ids[0]) : FILES_OK;
}

enum files_status disk_get(struct disk *disk, const struct ulid *id, struct file_info *info_r,
                           void **data_r)
{
    enum files_status status = read_meta(disk, id, info_r);
    uint8_t hash[CRYPT_HASH];
    char path[PATH], hex[FILES_SHA256], *data;
    size_t len;

    if (status != FILES_OK)
        return status;
    path_id(path, id, "");
    if (file_read(disk, path, (size_t)info_r->bytes, &data, &len) != 0)
        return failure("read it", id);
    crypt_sha256(data, len, hash);
    crypt_hex(hash, sizeof hash, hex);
    if (len != info_r->bytes || strcmp(hex, info_r->sha256) != 0) {
        free(data);
        errno = EBADMSG;
        return failure("read it as it was written", id);
    }
    *data_r = data;
    return FILES_OK;
}

/* ---- Clearing away ------------------------------------------------------------------------ */

enum files_status disk_erase(struct disk *disk, const struct ulid *session, size_t *n_r)
{
    const struct dirent *entry;
    struct file_info info;
    char path[PATH];
    struct ulid id;
    DIR *dir;

    path_session(path, session, NULL);
    if ((dir = dir_list(disk, path)) == NULL)
        return errno == ENOENT ? FILES_OK : failure("list the files of its session", session);
    while ((entry = readdir(dir)) != NULL) {
        if (ulid_parse(entry->d_name, &id) != 0)
            continue;
        read_meta(disk, &id, &info); /* without it the content may stay until its last id goes */
        remove_file(disk, &id, info.sha256, session);
        ++*n_r;
    }
    closedir(dir);
    return FILES_OK;
}

static void sweep_new(struct disk *disk, int64_t before, size_t *n_r)
{
    DIR *dir = dir_list(disk, "new");
    const struct dirent *entry;
    struct ulid id;

    while (dir != NULL && *n_r < MOST_SWEPT && (entry = readdir(dir)) != NULL) {
        struct file_info info;
        char path[PATH], *sha256;
        size_t len;

        if (ulid_parse(entry->d_name, &id) != 0 || ulid_ms(&id) >= before)
            continue;
        path_new(path, &id);
        if (file_read(disk, path, FILES_SHA256, &sha256, &len) != 0)
            sha256 = mem_strdup("");
        read_meta(disk, &id, &info);
        remove_file(disk, &id, sha256, &info.session);
        free(sha256);
        ++*n_r;
    }
    if (dir != NULL)
        closedir(dir);
}

static void sweep_old(struct disk *disk, int64_t before, size_t *n_r)
{
    char path[PATH], text[ULID_TEXT];
    const struct dirent *entry;
    struct ulid id;
    DIR *dir;

    snprintf(path, sizeof path, "ids/%c", letters[disk->swept++ % (sizeof letters - 1)]);
    dir = dir_list(disk, path);
    while (dir != NULL && *n_r < MOST_SWEPT && (entry = readdir(dir)) != NULL) {
        struct file_info info;

        if (strlen(entry->d_name) != ULID_TEXT - 1 + 5) /* .json */
            continue;
        snprintf(text, sizeof text, "%.26s", entry->d_name);
        if (ulid_parse(text, &id) != 0 || ulid_ms(&id) >= before)
            continue;
        read_meta(disk, &id, &info);
        remove_file(disk, &id, info.sha256, &info.session);
        ++*n_r;
    }
    if (dir != NULL)
        closedir(dir);
}

enum files_status disk_sweep(struct disk *disk, int64_t unused_before, int64_t used_before,
                             size_t *n_r)
{
    sweep_new(disk, unused_before, n_r);
    sweep_old(disk, used_before, n_r);
    return FILES_OK;
}

/* ---- Opening ------------------------------------------------------------------------------ */

static int make_dirs(struct disk *disk)
{
    static const char *const tops[] = { "data", "ids", "new", "sessions", "tmp" };
    char path[PATH];
    int made = 0, rc;

    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
        if ((rc = dir_make(disk, tops[i])) < 0)
            return -1;
        made |= rc;
    }
    for (unsigned i = 0; i < 256; i++) {
        snprintf(path, sizeof path, "data/%02x", i);
        if ((rc = dir_make(disk, path)) < 0)
            return -1;
        made |= rc;
    }
    for (size_t i = 0; i < sizeof letters - 1; i++) {
        for (size_t k = 0; k < 2; k++) {
            snprintf(path, sizeof path, "%s/%c", k == 0 ? "ids" : "sessions", letters[i]);
            if ((rc = dir_make(disk, path)) < 0)
                return -1;
            made |= rc;
        }
    }
    if (!made)
        return 0;
    return dir_sync(disk, "data") == 0 && dir_sync(disk, "ids") == 0 &&
                   dir_sync(disk, "sessions") == 0
               ? fsync(disk->dir)
               : -1;
}

static void empty_tmp(struct disk *disk)
{
    DIR *dir = dir_list(disk, "tmp");
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
}

int disk_open(struct disk *disk, const char *path, struct err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set(err, "cannot make the directory of files %s: %s", path, strerror(errno));
    disk->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (disk->dir < 0)
        return err_set(err, "cannot open the directory of files %s: %s", path, strerror(errno));
    if (make_dirs(disk) != 0) {
        err_set(err, "cannot make the directory of files %s: %s", path, strerror(errno));
        disk_close(disk);
        return -1;
    }
    empty_tmp(disk);
    return 0;
}

void disk_close(struct disk *disk)
{
    if (disk->dir >= 0)
        close(disk->dir);
    disk->dir = -1;
}
