/* zone_file.c - TZif files (RFC 8536, versions 1 to 4) and the POSIX rules at their end. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/zone_private.h"

#define SYSTEM_DIR "/usr/share/zoneinfo"
#define HEADER 44
#define FILE_MAX (256 << 10)
#define CHANGES_MAX 10000
#define NAME_MAX_BYTES 64
#define OFFSET_LOW (-25 * 3600) /* both exclusive of a further hour: RFC 8536 §3.2 */
#define OFFSET_HIGH (26 * 3600)

struct block {
    size_t n_ut, n_std, n_leap, n_changes, n_types, n_letters;
    size_t time_size; /* 4 in version 1, then 8 */
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be_time(const uint8_t *p, size_t size)
{
    return size == 4 ? (int32_t)be32(p) : (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* The header at `at`, and how long its block is; 0: it is not one. */
static size_t block_head(const uint8_t *data, size_t len, size_t at, size_t time_size,
                         struct block *block_r)
{
    uint32_t n[6];

    if (len - at < HEADER || memcmp(data + at, "TZif", 4) != 0)
        return 0;
    for (size_t i = 0; i < 6; i++) {
        n[i] = be32(data + at + 20 + 4 * i);
        if (n[i] > FILE_MAX)
            return 0;
    }
    *block_r = (struct block){ n[0], n[1], n[2], n[3], n[4], n[5], time_size };
    const size_t size = n[3] * (time_size + 1) + n[4] * 6 + n[5] + n[2] * (time_size + 4) + n[1] +
                        n[0];
    return size <= len - at - HEADER ? HEADER + size : 0;
}

static int read_types(struct zone *zone, const uint8_t *p, const struct block *block,
                      struct err *err)
{
    const char *letters = (const char *)p + 6 * block->n_types;

    zone->types = mem_array(block->n_types, sizeof *zone->types);
    zone->n_types = block->n_types;
    for (size_t i = 0; i < block->n_types; i++, p += 6) {
        struct zone_type *type = &zone->types[i];
        const size_t at = p[5];
        type->offset_s = (int32_t)be32(p);
        if (type->offset_s < OFFSET_LOW || type->offset_s > OFFSET_HIGH)
            return err_set(err, "it has an offset of %ld s", (long)type->offset_s);
        const char *end = at < block->n_letters
                              ? memchr(letters + at, '\0', block->n_letters - at)
                              : NULL;
        if (!end || end - (letters + at) > ZONE_ABBREVIATION)
            return err_set(err, "an abbreviation has no end");
        for (const char *c = letters + at; c < end; c++) {
            if (*c < ' ' || *c > '~')
                return err_set(err, "an abbreviation has odd letters");
        }
        memcpy(type->abbreviation, letters + at, (size_t)(end - (letters + at)));
    }
    return 0;
}

static int read_block(struct zone *zone, const uint8_t *p, const struct block *block,
                      struct err *err)
{
    if (block->n_types == 0 || block->n_types > 256 || block->n_letters == 0 ||
        block->n_changes > CHANGES_MAX)
        return err_set(err, "its counts are out of range");
    if (block->n_leap > 0)
        return err_set(err, "it counts leap seconds");
    if ((block->n_ut && block->n_ut != block->n_types) ||
        (block->n_std && block->n_std != block->n_types))
        return err_set(err, "its counts do not agree");

    const uint8_t *kinds = p + block->n_changes * block->time_size;
    zone->n_changes = block->n_changes;
    zone->changes = mem_array(block->n_changes + 1, sizeof *zone->changes);
    zone->kinds = mem_dup(kinds, block->n_changes);
    for (size_t i = 0; i < block->n_changes; i++) {
        zone->changes[i] = be_time(p + i * block->time_size, block->time_size);
        if (i > 0 && zone->changes[i] <= zone->changes[i - 1])
            return err_set(err, "its changes are not in order");
        if (kinds[i] >= block->n_types)
            return err_set(err, "a change is to a type that is not there");
    }
    return read_types(zone, kinds + block->n_changes, block, err);
}

/* The line between two newlines after the second block. */
static int read_footer(struct zone *zone, const uint8_t *p, size_t len, struct err *err)
{
    const uint8_t *end = len > 0 && p[0] == '\n' ? memchr(p + 1, '\n', len - 1) : NULL;

    if (!end)
        return err_set(err, "its last line is missing");
    if (end == p + 1)
        return 0;
    if (zone_rule_parse((const char *)p + 1, (size_t)(end - p - 1), &zone->rule, err) < 0)
        return -1;
    zone->has_rule = 1;
    return 0;
}

static int read_file(struct zone *zone, const uint8_t *data, size_t len, struct err *err)
{
    struct block block;
    size_t size = block_head(data, len, 0, 4, &block), at = 0;

    if (size == 0)
        return err_set(err, "it is not a whole TZif file");
    if (data[4] == '\0')
        return read_block(zone, data + HEADER, &block, err);
    if (data[4] < '2')
        return err_set(err, "its version is not known");
    at = size;
    size = block_head(data, len, at, 8, &block);
    if (size == 0)
        return err_set(err, "its second part is not whole");
    if (read_block(zone, data + at + HEADER, &block, err) < 0)
        return -1;
    return read_footer(zone, data + at + size, len - at - size, err);
}

struct zone *zone_parse(const char *name, const void *data, size_t len, struct err *err)
{
    struct zone *zone = mem_alloc(sizeof *zone);

    zone->name = mem_strdup(name);
    if (len > FILE_MAX) {
        err_set(err, "the rules of time zone '%.64s' are too large", name);
    } else if (read_file(zone, data, len, err) < 0) {
        err_wrap(err, "the rules of time zone '%.64s' cannot be used", name);
    } else {
        return zone;
    }
    zone_free(&zone);
    return NULL;
}

static int is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
    const size_t good = strspn(name, letters); /* no dot, so no '..' */

    return good > 0 && name[good] == '\0' && good <= NAME_MAX_BYTES && name[0] != '/' &&
           name[good - 1] != '/' && strstr(name, "//") == NULL;
}

/* The bytes of a file of at most FILE_MAX; NULL when it cannot be read. */
static uint8_t *slurp(const char *path, size_t *len_r)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    uint8_t *data = NULL;

    *len_r = 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
        data = mem_alloc((size_t)st.st_size + 1);
        while (*len_r < (size_t)st.st_size) {
            const ssize_t n = read(fd, data + *len_r, (size_t)st.st_size - *len_r);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                break;
            *len_r += (size_t)n;
        }
    }
    close(fd);
    return data;
}

struct zone *zone_load(const char *name, const char *dir, struct err *err)
{
    struct zone *zone = NULL;
    size_t len;

    if (!is_name(name)) {
        err_set(err, "'%.64s' is not the name of a time zone, such as Europe/Copenhagen", name);
        return NULL;
    }
    if (!dir)
        dir = SYSTEM_DIR;
    char *path = mem_printf("%s/%s", dir, name);
    uint8_t *data = slurp(path, &len);
    if (data) {
        zone = zone_parse(name, data, len, err);
    } else if (strcmp(name, "UTC") == 0) {
        zone = mem_alloc(sizeof *zone);
        zone->name = mem_strdup(name);
        zone->n_types = 1;
        zone->types = mem_dup(zone_utc()->types, sizeof *zone->types);
    } else if (access(dir, R_OK) != 0) {
        err_set(err, "time zone '%s': there are no rules in %.200s (package tzdata)", name, dir);
    } else {
        err_set(err, "there is no time zone '%s' in %.200s", name, dir);
    }
    free(data);
    free(path);
    return zone;
}
