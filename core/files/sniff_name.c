/* sniff_name.c - a file's name that can be shown, stored and opened without surprise. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <tandem/utf8.h>

#include "base/utf8.h"
#include "files/sniff.h"

#define MAX_ENDING 12

/* What a name of that type may end in, the usual one first. */
static const struct {
    const char *type, *endings;
} known[] = {
    { "image/png", "png" },
    { "image/jpeg", "jpg jpeg jpe jfif" },
    { "image/gif", "gif" },
    { "image/webp", "webp" },
    { "image/heic", "heic heif" },
    { "image/heif", "heif heic" },
    { "image/avif", "avif" },
    { "image/bmp", "bmp" },
    { "image/tiff", "tiff tif" },
    { "image/jxl", "jxl" },
    { "image/svg+xml", "svg" },
    { "audio/mpeg", "mp3 mpga" },
    { "audio/mp4", "m4a m4b mp4" },
    { "audio/aac", "aac" },
    { "audio/ogg", "ogg oga opus" },
    { "audio/wav", "wav" },
    { "audio/flac", "flac" },
    { "audio/amr", "amr" },
    { "audio/midi", "mid midi" },
    { "video/mp4", "mp4 m4v" },
    { "video/quicktime", "mov qt" },
    { "video/3gpp", "3gp" },
    { "video/3gpp2", "3g2" },
    { "video/webm", "webm" },
    { "video/x-matroska", "mkv" },
    { "video/ogg", "ogv" },
    { "video/x-msvideo", "avi" },
    { "application/pdf", "pdf" },
    { "application/json", "json" },
    { "application/xml", "xml" },
    { "application/zip", "zip" },
    { "application/gzip", "gz tgz" },
    { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx" },
    { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx" },
    { "application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx" },
    { "application/vnd.oasis.opendocument.text", "odt" },
    { "application/vnd.oasis.opendocument.spreadsheet", "ods" },
    { "application/vnd.oasis.opendocument.presentation", "odp" },
    { "text/plain", "txt text log" },
    { "text/csv", "csv" },
    { "text/markdown", "md" },
    { "text/vcard", "vcf" },
    { "text/calendar", "ics" },
};

static const char *endings_of(const char *type)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].type, type) == 0)
            return known[i].endings;
    return "bin";
}

/* 1: the name ends in one of them. */
static int fits(const char *name, const char *endings)
{
    const char *dot = strrchr(name, '.');

    while (dot != NULL && dot != name && *endings != '\0') {
        size_t len = strcspn(endings, " ");

        if (strlen(dot + 1) == len && strncasecmp(dot + 1, endings, len) == 0)
            return 1;
        endings += len + strspn(endings + len, " ");
    }
    return 0;
}

static uint32_t code_point(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7f >> n);

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* Controls, what turns the direction of text, what is not seen, and what stands for itself. */
static int is_dropped(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xffff) ||
           (c >= 0xe000 && c <= 0xf8ff) || c >= 0xe0000;
}

/* Kept characters of `given`, at most `max` bytes; the end of it when there are more. */
static size_t filter(const char *given, char *to, size_t max)
{
    size_t len = strnlen(given, 4096), n = 0;

    for (size_t i = 0; i < len;) {
        size_t step = td_utf8_step(given + i, len - i);
        int bad = step == 0;

        if (bad)
            step = 1;
        if (bad || (step == 1 && strchr("<>:\"|?*", given[i]) != NULL)) {
            if (n < max)
                to[n++] = '_';
        } else if (!is_dropped(code_point(given + i, step)) && n + step <= max) {
            memcpy(to + n, given + i, step);
            n += step;
        }
        i += step;
    }
    to[n] = '\0';
    return n;
}

static const char *base_of(const char *given)
{
    const char *base = given;

    for (const char *p = given; *p != '\0'; p++)
        if (*p == '/' || *p == '\\')
            base = p + 1;
    return base;
}

/* Names that a certain system keeps for devices, whatever they end in. */
static int is_device(const char *name)
{
    static const char *const devices[] = { "con", "prn", "aux", "nul" };
    size_t len = strcspn(name, ".");

    for (size_t i = 0; i < 4; i++)
        if (len == 3 && strncasecmp(name, devices[i], 3) == 0)
            return 1;
    return len == 4 && (strncasecmp(name, "com", 3) == 0 || strncasecmp(name, "lpt", 3) == 0) &&
           name[3] >= '0' && name[3] <= '9';
}

void sniff_name(const char *given, const char *type, char name_r[SNIFF_NAME])
{
    const char *endings = endings_of(type);
    char clean[1025], ending[MAX_ENDING + 1] = "", *name = clean;
    size_t len = filter(base_of(given != NULL ? given : ""), clean, sizeof clean - 1), most;

    while (*name == '.' || *name == ' ' || *name == '~') {
        name++;
        len--;
    }
    while (len > 0 && strchr(". ", name[len - 1]) != NULL)
        name[--len] = '\0';
    if (fits(name, endings)) { /* the end stays when the middle has to go */
        char *dot = strrchr(name, '.');

        snprintf(ending, sizeof ending, "%s", dot);
        *dot = '\0';
    } else {
        snprintf(ending, sizeof ending, ".%.*s", (int)strcspn(endings, " "), endings);
    }
    const char *before = is_device(name) ? "_" : "";

    most = SNIFF_NAME - 1 - strlen(ending) - strlen(before);
    len = utf8_cut(name, strlen(name), most);
    if (len == 0)
        snprintf(name_r, SNIFF_NAME, "file%s", ending);
    else
        snprintf(name_r, SNIFF_NAME, "%s%.*s%s", before, (int)len, name, ending);
}
