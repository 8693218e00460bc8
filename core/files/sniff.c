/* sniff.c - a file's type by its first bytes, by the tables of what we know. */
#include "config.h"

#include "files/sniff.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#define TEXT_HEAD 1024 /* where the beginning of a document is looked for */
#define BINARY "application/octet-stream"

struct bytes {
    const uint8_t *p;
    size_t len;
};

static int at(const struct bytes *b, size_t offset, const void *magic, size_t len)
{
    return b->len >= offset + len && memcmp(b->p + offset, magic, len) == 0;
}
#define AT(b_, offset_, magic_) at(b_, offset_, magic_, sizeof(magic_) - 1)

/* Is `what` among the first `most` bytes? */
static int has(const struct bytes *b, size_t most, const char *what)
{
    size_t len = strlen(what), end = b->len < most ? b->len : most;

    for (size_t i = 0; i + len <= end; i++)
        if (b->p[i] == (uint8_t)what[0] && memcmp(b->p + i, what, len) == 0)
            return 1;
    return 0;
}

/* ---- Magic numbers ------------------------------------------------------------------------ */

#define ROW(magic_, type_) { magic_, sizeof(magic_) - 1, type_ }
static const struct {
    const char *magic;
    size_t len;
    const char *type;
} magics[] = {
    ROW("\x89PNG\r\n\x1a\n", "image/png"),
    ROW("\xff\xd8\xff", "image/jpeg"),
    ROW("GIF87a", "image/gif"),
    ROW("GIF89a", "image/gif"),
    ROW("II*\0", "image/tiff"),
    ROW("MM\0*", "image/tiff"),
    ROW("\xff\x0a", "image/jxl"),
    ROW("\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    ROW("8BPS", "image/vnd.adobe.photoshop"),
    ROW("%PDF-", "application/pdf"),
    ROW("%!PS", "application/postscript"),
    ROW("{\\rtf", "application/rtf"),
    ROW("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"), /* old Office, MSI */
    ROW("ID3", "audio/mpeg"),
    ROW("fLaC", "audio/flac"),
    ROW("#!AMR", "audio/amr"),
    ROW("MThd", "audio/midi"),
    ROW("\x1f\x8b", "application/gzip"),
    ROW("BZh", "application/x-bzip2"),
    ROW("\xfd" "7zXZ\0", "application/x-xz"),
    ROW("(\xb5/\xfd", "application/zstd"),
    ROW("7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    ROW("Rar!\x1a\x07", "application/vnd.rar"),
    ROW("MSCF", "application/vnd.ms-cab-compressed"),
    ROW("\x7f" "ELF", "application/x-executable"),
    ROW("\xca\xfe\xba\xbe", "application/x-executable"), /* Java class, fat Mach-O */
    ROW("\xcf\xfa\xed\xfe", "application/x-executable"),
    ROW("\xce\xfa\xed\xfe", "application/x-executable"),
    ROW("\xfe\xed\xfa", "application/x-executable"),
    ROW("\0asm", "application/wasm"),
    ROW("L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    ROW("SQLite format 3", "application/vnd.sqlite3"),
    ROW("#!", "text/x-script"),
};
#undef ROW

/* Office files are ZIP archives; what is in one stands in its members' names. */
static const char *zip_type(const struct bytes *b)
{
    static const char mime[] = "mimetypeapplication/vnd.oasis.opendocument.";
    static const struct {
        const char *word, *type;
    } odf[] = {
        { "text", "application/vnd.oasis.opendocument.text" },
        { "spreadsheet", "application/vnd.oasis.opendocument.spreadsheet" },
        { "presentation", "application/vnd.oasis.opendocument.presentation" },
    };

    if (has(b, b->len, "vbaProject.bin"))
        return "application/vnd.ms-office.macroenabled";
    if (has(b, b->len, "AndroidManifest.xml") || has(b, b->len, "META-INF/MANIFEST.MF"))
        return "application/java-archive";
    if (has(b, b->len, "[Content_Types].xml")) {
        if (has(b, b->len, "word/document"))
            return "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        if (has(b, b->len, "xl/workbook"))
            return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        if (has(b, b->len, "ppt/presentation"))
            return "application/vnd.openxmlformats-officedocument.presentationml.presentation";
    }
    for (size_t i = 0; at(b, 30, mime, sizeof mime - 1) && i < sizeof odf / sizeof *odf; i++)
        if (at(b, 30 + sizeof mime - 1, odf[i].word, strlen(odf[i].word)))
            return odf[i].type;
    if (AT(b, 30, "mimetypeapplication/epub+zip"))
        return "application/epub+zip";
    return "application/zip";
}

/* ISO base media: the brand says what it is. */
static const char *ftyp_type(const struct bytes *b)
{
    static const struct {
        const char *brand, *type;
    } brands[] = {
        { "heic", "image/heic" }, { "heix", "image/heic" }, { "heim", "image/heic" },
        { "mif1", "image/heif" }, { "msf1", "image/heif" }, { "avif", "image/avif" },
        { "avis", "image/avif" }, { "M4A ", "audio/mp4" },  { "M4B ", "audio/mp4" },
        { "qt  ", "video/quicktime" }, { "3gp", "video/3gpp" }, { "3g2", "video/3gpp2" },
    };

    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        if (at(b, 8, brands[i].brand, strlen(brands[i].brand)))
            return brands[i].type;
    return "video/mp4";
}

static const char *riff_type(const struct bytes *b)
{
    return AT(b, 8, "WEBP")   ? "image/webp"
           : AT(b, 8, "WAVE") ? "audio/wav"
           : AT(b, 8, "AVI ") ? "video/x-msvideo"
                              : BINARY;
}

/* MPEG audio and ADTS begin with twelve ones and fields that leave little to chance. */
static int is_mpeg_audio(const struct bytes *b)
{
    return b->len >= 4 && b->p[0] == 0xff && (b->p[1] & 0xe0) == 0xe0 && (b->p[1] & 0x18) != 0x08 &&
           (b->p[1] & 0x06) != 0 && (b->p[2] & 0xf0) != 0xf0 && (b->p[2] & 0x0c) != 0x0c;
}

static const char *binary_type(const struct bytes *b)
{
    if (AT(b, 0, "\xff\xfe") || AT(b, 0, "\xfe\xff"))
        return BINARY; /* UTF-16: what it says to a browser is not seen here */
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (at(b, 0, magics[i].magic, magics[i].len))
            return magics[i].type;
    if (AT(b, 0, "PK\x03\x04") || AT(b, 0, "PK\x05\x06"))
        return zip_type(b);
    if (AT(b, 4, "ftyp"))
        return ftyp_type(b);
    if (AT(b, 0, "RIFF"))
        return riff_type(b);
    if (AT(b, 0, "OggS"))
        return has(b, 128, "theora") ? "video/ogg" : "audio/ogg";
    if (AT(b, 0, "\x1a\x45\xdf\xa3"))
        return has(b, 128, "webm") ? "video/webm" : "video/x-matroska";
    if (AT(b, 0, "BM") && b->len >= 26 && AT(b, 6, "\0\0\0\0"))
        return "image/bmp";
    if (AT(b, 0, "MZ"))
        return "application/x-executable";
    if (AT(b, 257, "ustar"))
        return "application/x-tar";
    if (b->len >= 2 && b->p[0] == 0xff && (b->p[1] & 0xf6) == 0xf0)
        return "audio/aac";
    if (is_mpeg_audio(b))
        return "audio/mpeg";
    return has(b, TEXT_HEAD, "%PDF-") ? "application/pdf" : NULL;
}

/* ---- Text --------------------------------------------------------------------------------- */

static int is_text(const struct bytes *b)
{
    if (!utf8_valid((const char *)b->p, b->len))
        return 0;
    for (size_t i = 0; i < b->len; i++)
        if (b->p[i] == 0x7f ||
            (b->p[i] < 0x20 && (b->p[i] == 0 || strchr("\t\n\v\f\r", b->p[i]) == NULL)))
            return 0;
    return 1;
}

/* As a browser looks for it: case does not count, and a name ends in a space, > or /. */
static int has_tag(const struct bytes *b, const char *tag)
{
    size_t len = strlen(tag), end = b->len < TEXT_HEAD ? b->len : TEXT_HEAD;

    for (size_t i = 0; i + len < end; i++)
        if (b->p[i] == '<' && strncasecmp((const char *)b->p + i, tag, len) == 0 &&
            strchr(" \t\r\n\f>/", b->p[i + len]) != NULL)
            return 1;
    return 0;
}

static const char *markup_type(const struct bytes *b)
{
    static const char *const html[] = {
        "<!doctype html", "<html", "<head", "<body", "<script", "<iframe", "<style", "<title",
        "<img", "<a", "<div", "<table", "<form", "<meta", "<link", "<base", "<object", "<embed",
    };
    size_t i = 0;

    if (has_tag(b, "<svg"))
        return "image/svg+xml";
    for (size_t k = 0; k < sizeof html / sizeof *html; k++)
        if (has_tag(b, html[k]))
            return "text/html";
    if (AT(b, 0, "\xef\xbb\xbf"))
        i = 3;
    while (i < b->len && strchr(" \t\r\n\f", b->p[i]) != NULL && b->p[i] != '\0')
        i++;
    return AT(b, i, "<?xml") ? "application/xml" : AT(b, i, "<?php") ? "text/x-script" : NULL;
}

static int ends(const char *name, const char *suffix)
{
    size_t len = name != NULL ? strlen(name) : 0, n = strlen(suffix);

    return len > n && strcasecmp(name + len - n, suffix) == 0;
}

static const char *text_type(const struct bytes *b, const char *name)
{
    const char *markup = markup_type(b);

    if (markup != NULL)
        return markup;
    if (AT(b, 0, "BEGIN:VCARD"))
        return "text/vcard";
    if (AT(b, 0, "BEGIN:VCALENDAR"))
        return "text/calendar";
    return ends(name, ".csv")                         ? "text/csv"
           : ends(name, ".json")                      ? "application/json"
           : ends(name, ".md") ? "text/markdown" : "text/plain";
}

const char *sniff_type(const void *data, size_t len, const char *name)
{
    const struct bytes b = { data, len };
    const char *type;

    if (len == 0)
        return "application/x-empty";
    if ((type = binary_type(&b)) != NULL)
        return type;
    if (is_text(&b))
        return text_type(&b, name);
    /* Other character sets hide markup from us, not from a browser. */
    type = markup_type(&b);
    return type != NULL ? type : BINARY;
}

int sniff_matches(const char *const *patterns, const char *type)
{
    for (; patterns != NULL && *patterns != NULL; patterns++) {
        size_t len = strlen(*patterns);

        if (len > 0 && (*patterns)[len - 1] == '*' ? strncasecmp(*patterns, type, len - 1) == 0
                                                   : strcasecmp(*patterns, type) == 0)
            return 1;
    }
    return 0;
}
