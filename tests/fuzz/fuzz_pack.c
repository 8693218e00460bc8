/* fuzz_pack.c - a phrase pack from anywhere is refused with a reason, or can be asked. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/literals.h"
#include "base/mem.h"
#include "engine/pack.h"
#include "engine/phrases.h"
#include "engine/plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a line that matches no needed word may be missing. */
static void check_line(const struct pack_line *line, const char *text, size_t size)
{
    struct literals *needs = mem_alloc(sizeof *needs);
    char *copy = mem_dup(text, size);

    for (char *at = copy; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    literals_of(line->text, needs);
    for (size_t set = 0; set < LITERALS_SETS; set++) {
        size_t there = needs->sets[set].n == 0;
        for (size_t i = 0; i < needs->sets[set].n; i++)
            there += strstr(copy, needs->sets[set].at[i]) != NULL;
        if (!there && pattern_find(line->pattern, text, size, NULL))
            abort();
    }
    free(copy);
    free(needs);
}

static void check_lines(const char *text, size_t size)
{
    struct err err;
    struct buf plain = { 0 };
    struct pack *pack = pack_read(text, size, &err);

    for (size_t k = 0; pack && k < pack->n_lines; k++) {
        plain_text(text, size, &plain);
        check_line(&pack->lines[k], plain.data, plain.len);
        for (size_t i = 0; i < pack->n_examples; i++) {
            plain_text(pack->examples[i].text, strlen(pack->examples[i].text), &plain);
            check_line(&pack->lines[k], plain.data, plain.len);
        }
    }
    buf_fini(&plain);
    pack_free(&pack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = { "" };
    struct phrases *phrases = phrases_new();
    const char *text = (const char *)data;

    if (phrases_add(phrases, "en", "want_human", text, size, &err) < 0) {
        if (!err.text[0])
            abort();
    } else {
        (void)phrases_check(phrases, &err);
        if (phrases_find(phrases, "en", text, size) > 1)
            abort(); /* the only pack there is */
    }
    (void)phrases_add_words(phrases, "de", text, size, &err);
    (void)phrases_lang(phrases, text, size);
    phrases_free(&phrases);
    check_lines(text, size);
    return 0;
}
