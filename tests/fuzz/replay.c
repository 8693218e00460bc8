/*
 * replay.c - main of the fuzz targets where there is no libFuzzer: runs the corpus.
 *
 * Every file runs whole and cut off at each of its first bytes, from memory of exactly that size,
 * so that the sanitizers see a read beyond the end. Without arguments the corpus of fuzz_NAME is
 * $top_srcdir/tests/fuzz/corpus/NAME; with arguments those files are run instead.
 */
#include "config.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (4 * 1024 * 1024)
#define CUTS_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int run_file(const char *path)
{
    static uint8_t data[FILE_MAX_BYTES];
    FILE *file = fopen(path, "rb");

    if (!file) {
        perror(path);
        return -1;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    run(data, size);
    for (size_t cut = 0; cut < size && cut < CUTS_MAX; cut++)
        run(data, cut);
    return 0;
}

static int run_corpus(const char *name)
{
    const char *top = getenv("top_srcdir");
    char dir[2048], path[4096];
    struct dirent *entry;
    int n = 0;

    snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", top ? top : ".", name);
    DIR *list = opendir(dir);
    if (!list) {
        perror(dir);
        return -1;
    }
    while ((entry = readdir(list))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        if (run_file(path) < 0)
            break;
        n++;
    }
    closedir(list);
    printf("%d files of %s\n", n, dir);
    return entry || !n ? -1 : 0;
}

int main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "fuzz_");
    const char *slash = strrchr(argv[0], '/');

    if (slash)
        name = strstr(slash, "fuzz_");
    for (int i = 1; i < argc; i++) {
        if (run_file(argv[i]) < 0)
            return 1;
    }
    if (argc > 1)
        return 0;
    if (!name) {
        fprintf(stderr, "%s: not the name of a fuzz target\n", argv[0]);
        return 1;
    }
    return run_corpus(name + strlen("fuzz_")) < 0;
}
