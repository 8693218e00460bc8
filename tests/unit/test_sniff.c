/* test_sniff.c - core/files/sniff*.c: what a file is, and what it may be called. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "files/sniff.h"
#include "tests/check.h"

static void types_come_from_the_content(void **state)
{
    static const struct {
        const char *data;
        size_t len;
        const char *type;
    } rows[] = {
#define ROW(data_, type_) { data_, sizeof(data_) - 1, type_ }
        ROW("", "application/x-empty"),
        ROW("\x89PNG\r\n\x1a\nxxxx", "image/png"),
        ROW("\xff\xd8\xff\xe0", "image/jpeg"),
        ROW("GIF89a", "image/gif"),
        ROW("RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ROW("RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        ROW("\0\0\0\x18" "ftypheic\0\0\0\0", "image/heic"),
        ROW("\0\0\0\x18" "ftypavif\0\0\0\0", "image/avif"),
        ROW("\0\0\0\x18" "ftypisom\0\0\0\0", "video/mp4"),
        ROW("\0\0\0\x18" "ftypM4A \0\0\0\0", "audio/mp4"),
        ROW("\0\0\0\x18" "ftyp3gp4\0\0\0\0", "video/3gpp"),
        ROW("\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "video/webm"),
        ROW("OggS\0\2........OpusHead", "audio/ogg"),
        ROW("ID3\x03", "audio/mpeg"),
        ROW("\xff\xfb\x90\x44", "audio/mpeg"),
        ROW("%PDF-1.7\n", "application/pdf"),
        ROW("garbage before\n%PDF-1.4", "application/pdf"),
        ROW("PK\x03\x04rest", "application/zip"),
        ROW("PK\x03\x04..[Content_Types].xml..word/document.xml",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ROW("PK\x03\x04..[Content_Types].xml..word/document.xml..word/vbaProject.bin",
            "application/vnd.ms-office.macroenabled"),
        ROW("PK\x03\x04\x14\0\0\x08\0\0aaaabbbbccccddddeeff"
            "mimetypeapplication/vnd.oasis.opendocument.textPK",
            "application/vnd.oasis.opendocument.text"),
        ROW("PK\x03\x04..META-INF/MANIFEST.MF", "application/java-archive"),
        ROW("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        ROW("MZ\x90\0", "application/x-executable"),
        ROW("\x7f" "ELF\2\1", "application/x-executable"),
        ROW("#!/bin/sh\n", "text/x-script"),
        ROW("  <?php echo 1;", "text/x-script"),
        ROW("\n <!DOCTYPE hTmL>", "text/html"),
        ROW("hello <ScRiPt>alert(1)</script>", "text/html"),
        ROW("\xef\xbb\xbf<html lang=en>", "text/html"),
        ROW("<?xml version=\"1.0\"?><svg xmlns=\"x\">", "image/svg+xml"),
        ROW("<?xml version=\"1.0\"?><a2/>", "application/xml"),
        ROW("caf\xe9 <script >latin-1", "text/html"),
        ROW("\xff\xfeh\0i\0", "application/octet-stream"),
        ROW("BEGIN:VCARD\r\n", "text/vcard"),
        ROW("a <b and c> d, 1 < 2", "text/plain"),
        ROW("plain \xc3\xa9\xf0\x9f\x98\x80\n", "text/plain"),
        ROW("with a NUL\0in it", "application/octet-stream"),
        ROW("caf\xe9", "application/octet-stream"),
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *type = sniff_type(rows[i].data, rows[i].len, "a.png");
        if (strcmp(type, rows[i].type) != 0)
            fail_msg("row %d: %s, not %s", (int)i, type, rows[i].type);
    }
}

static void the_name_tells_only_kinds_of_plain_text_apart(void **state)
{
    (void)state;
    assert_string_equal(sniff_type("a,b", 3, "x.CSV"), "text/csv");
    assert_string_equal(sniff_type("{}", 2, "x.json"), "application/json");
    assert_string_equal(sniff_type("a,b", 3, NULL), "text/plain");
    assert_string_equal(sniff_type("a,b", 3, "x.html"), "text/plain");
    assert_string_equal(sniff_type("<html>", 6, "x.csv"), "text/html");
    assert_string_equal(sniff_type("MZ\0", 3, "x.csv"), "application/x-executable");
}

static void names_become_safe_and_fit_their_type(void **state)
{
    static const struct {
        const char *given, *type, *name;
    } rows[] = {
        { "photo.JPG", "image/jpeg", "photo.JPG" },
        { "../../etc/passwd", "text/plain", "passwd.txt" },
        { "..", "text/plain", "file.txt" },
        { "a/b\\c/", "text/plain", "file.txt" },
        { ".bashrc", "text/plain", "bashrc.txt" },
        { NULL, "image/png", "file.png" },
        { "", "application/pdf", "file.pdf" },
        { "\xe2\x80\xae" "gpj.exe", "image/jpeg", "gpj.exe.jpg" },
        { "a\x01\x7f\xc2\x85\xe2\x80\x8b" "b.png", "image/png", "ab.png" },
        { "bad\xff\xc3.png", "image/png", "bad__.png" },
        { "q?*<>|\":.png", "image/png", "q_______.png" },
        { "CON.txt", "text/plain", "_CON.txt" },
        { "com1", "text/plain", "_com1.txt" },
        { "report.html", "text/plain", "report.html.txt" },
        { "x.pdf. . ", "application/pdf", "x.pdf" },
        { ".png", "image/png", "png.png" },
        { "what", "application/unheard-of", "what.bin" },
        { "\xe6\x97\xa5\xe6\x9c\xac.pdf", "application/pdf", "\xe6\x97\xa5\xe6\x9c\xac.pdf" },
    };
    char name[SNIFF_NAME], given[5000], again[SNIFF_NAME];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sniff_name(rows[i].given, rows[i].type, name);
        assert_string_equal(name, rows[i].name);
        sniff_name(name, rows[i].type, again);
        assert_string_equal(again, name);
    }
    memset(given, 'n', sizeof given - 1);
    given[sizeof given - 1] = '\0';
    sniff_name(given, "image/png", name);
    assert_int_equal(strlen(name), 100);
    assert_string_equal(name + 96, ".png");
}

static void patterns_are_types_or_beginnings(void **state)
{
    static const char *const patterns[] = { "image/png", "audio/*", NULL };

    (void)state;
    assert_true(sniff_matches(patterns, "image/png"));
    assert_true(sniff_matches(patterns, "audio/mpeg"));
    assert_false(sniff_matches(patterns, "image/pngx"));
    assert_false(sniff_matches(patterns, "video/mp4"));
    assert_false(sniff_matches(NULL, "image/png"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_come_from_the_content),
        cmocka_unit_test(the_name_tells_only_kinds_of_plain_text_apart),
        cmocka_unit_test(names_become_safe_and_fit_their_type),
        cmocka_unit_test(patterns_are_types_or_beginnings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
