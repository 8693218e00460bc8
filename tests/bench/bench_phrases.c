/*
 * bench_phrases.c - what the phrase packs of a language cost on a message, and how the cost grows
 * with its length. The argument is the directory of the packs.
 */
#include "config.h"

#include <dlfcn.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "daemon/packs.h"
#include "engine/phrases.h"

static const struct {
    const char *what, *text; /* repeated up to the length */
} messages[] = {
    { "a question", "Hello, I ordered two lamps last Tuesday and only one of them came. Could you tell "
                    "me whether the other one is on its way, or should I write to somebody in the shop "
                    "about my invoice 4711? " },
    { "one letter", "a" },
    { "short words", "a " },
    { "almost", "i do not want to i would like to please please talk to the to the to the " },
    { "accents", "\xc3\xa9t\xc3\xa9 " },
};

static int without_jit;

/* Stands before the library's own, so that patterns can be had without it. */
PCRE2_EXP_DECL int pcre2_jit_compile(pcre2_code *code, uint32_t options)
{
    int (*real)(pcre2_code *, uint32_t);

    if (without_jit)
        return PCRE2_ERROR_JIT_BADOPTION;
    *(void **)&real = dlsym(RTLD_NEXT, "pcre2_jit_compile_8");
    return real(code, options);
}

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double cost(struct phrases *phrases, const char *what, size_t len)
{
    char *text = mem_alloc(len + 1);
    const unsigned rounds = len < 1000 ? 2000 : 100;
    double best = 1e12;

    for (size_t i = 0; i < len; i++)
        text[i] = what[i % strlen(what)];
    while (len > 0 && ((unsigned char)text[len - 1] & 0x80))
        text[--len] = '\0';
    for (unsigned n = 0; n < 5; n++) {
        const double t0 = now_us();
        for (unsigned round = 0; round < rounds; round++)
            (void)phrases_find(phrases, "en", text, len);
        const double each = (now_us() - t0) / rounds;
        best = each < best ? each : best;
    }
    free(text);
    return best;
}

static int print(const char *dir)
{
    struct err err;
    struct phrases *phrases = packs_read(dir, &err);

    if (!phrases) {
        fprintf(stderr, "bench_phrases: %s\n", err.text);
        return 1;
    }
    printf("English packs, us a message, JIT %-3s   200     2000     8000 bytes\n",
           without_jit ? "off" : "on");
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        printf("%-32s %8.1f %8.1f %8.1f\n", messages[i].what, cost(phrases, messages[i].text, 200),
               cost(phrases, messages[i].text, 2000), cost(phrases, messages[i].text, 8000));
    phrases_free(&phrases);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "bench_phrases: give the directory of the packs\n");
        return 1;
    }
    int rc = print(argv[1]);
    without_jit = 1;
    rc |= print(argv[1]);
    return rc;
}
