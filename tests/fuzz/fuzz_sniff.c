/*
 * fuzz_sniff.c - any bytes have a type, and any name becomes one that is safe: without a path,
 * control or bidi characters, of 1 to 100 bytes, and clean once is clean for ever.
 *
 * The name is what stands before the first LF, the content what comes after.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "files/sniff.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(int holds, const char *sentence)
{
    if (holds)
        return;
    fprintf(stderr, "sniff: %s\n", sentence);
    abort();
}

static void check_name(const char *name)
{
    static const char *const never[] = { "\xe2\x80\xae", "\xe2\x80\x8f", "\xe2\x80\x8b",
                                         "\xe2\x80\xa8", "\xe2\x81\xa6", "\xef\xbb\xbf" };
    const size_t len = strlen(name);

    must(len > 0 && len < SNIFF_NAME, "a name has no length, or too much of it");
    must(utf8_valid(name, len), "a name is not UTF-8");
    must(name[0] != '.' && strpbrk(name, "/\\<>:\"|?*") == NULL, "a name has a path in it");
    for (size_t i = 0; i < len; i++)
        must((unsigned char)name[i] >= 0x20 && name[i] != 0x7f, "a name has a control in it");
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        must(strstr(name, never[i]) == NULL, "a name has an invisible character in it");
    must(strrchr(name, '.') != NULL, "a name has no ending");
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const unsigned char *lf = size > 0 ? memchr(data, '\n', size) : NULL;
    const size_t name_len = lf != NULL ? (size_t)(lf - data) : 0;
    const size_t len = lf != NULL ? size - name_len - 1 : size;
    char *given = mem_dup(data, name_len), *content = malloc(len > 0 ? len : 1);
    char name[SNIFF_NAME], again[SNIFF_NAME];
    const char *type;

    if (content == NULL)
        abort();
    if (len > 0)
        memcpy(content, data + size - len, len); /* of exactly that size */
    type = sniff_type(content, len, given);
    must(strchr(type, '/') != NULL && strpbrk(type, "\r\n \"") == NULL, "an odd type");
    must(strcmp(type, sniff_type(content, len, given)) == 0, "a type changes");
    sniff_name(given, type, name);
    check_name(name);
    sniff_name(name, type, again);
    must(strcmp(name, again) == 0, "a clean name changes");
    must(strcmp(type, sniff_type(content, len, name)) == 0 ||
             strncmp(type, "text/", 5) == 0 || strcmp(type, "application/json") == 0,
         "a clean name changes the type");
    free(content);
    free(given);
    return 0;
}
