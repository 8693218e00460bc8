/* fuzz_pack.c - a phrase pack from anywhere is refused with a reason, or can be asked. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/pack.h"
#include "engine/phrases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    return 0;
}
