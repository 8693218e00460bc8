/* files_step.c - paths below the directory of files, and the single steps on them. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "files/files_private.h"

/* ---- Paths -------------------------------------------------------------------------------- */

void path_data(char *path, const char *sha256)
{
    snprintf(path, PATH, "data/%.2s/%s", sha256, sha256);
}

void path_id(char *path, const struct ulid *id, const char *suffix)
{
    char text[ULID_TEXT];

    ulid_format(id, text);
    snprintf(path, PATH, "ids/%c/%s%s", text[ULID_TEXT - 2], text, suffix);
}

void path_new(char *path, const struct ulid *id)
{
    char text[ULID_TEXT];

    ulid_format(id, text);
    snprintf(path, PATH, "new/%s", text);
}

void path_session(char *path, const struct ulid *session, const struct ulid *id)
{
    char text[ULID_TEXT], of[ULID_TEXT] = "";

    ulid_format(session, text);
    if (id != NULL)
        ulid_format(id, of);
    snprintf(path, PATH, "sessions/%c/%s%s%s", text[ULID_TEXT - 2], text, id != NULL ? "/" : "",
             of);
}

/* ---- Steps that may fail: -1 with errno --------------------------------------------------- */

int dir_sync(struct disk *disk, const char *path)
{
    int fd = openat(disk->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

    if (fd < 0)
        return -1;
    rc = fsync(fd);
    close(fd);
    return rc;
}

/* The directory that `path` stands in. */
int dir_sync_parent(struct disk *disk, const char *path)
{
    char parent[PATH];
    const char *slash = strrchr(path, '/');

    snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
    return dir_sync(disk, parent);
}

static int write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return fsync(fd);
}

int file_write(struct disk *disk, const char *path, const void *data, size_t len)
{
    int fd = openat(disk->dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc, saved;

    if (fd < 0)
        return -1;
    rc = write_all(fd, data, len);
    saved = errno;
    if (close(fd) != 0 && rc == 0)
        return -1;
    errno = saved;
    return rc;
}

/* *data_r ends in NUL. At most `most` bytes, else EFBIG. */
int file_read(struct disk *disk, const char *path, size_t most, char **data_r,
                     size_t *len_r)
{
    int fd = openat(disk->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    size_t len = 0;
    char *data;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || (size_t)st.st_size > most) {
        close(fd);
        errno = EFBIG;
        return -1;
    }
    data = mem_alloc((size_t)st.st_size + 1);
    while (len < (size_t)st.st_size) {
        ssize_t n = read(fd, data + len, (size_t)st.st_size - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    *data_r = data;
    *len_r = len;
    return 0;
}

int dir_make(struct disk *disk, const char *path)
{
    if (mkdirat(disk->dir, path, 0700) == 0)
        return 1;
    return errno == EEXIST ? 0 : -1;
}

/* errno stays. */
void file_drop(struct disk *disk, const char *path)
{
    int saved = errno;

    unlinkat(disk->dir, path, 0);
    errno = saved;
}

DIR *dir_list(struct disk *disk, const char *path)
{
    int fd = openat(disk->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}
