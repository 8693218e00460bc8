/* fuzz_hours.c - opening hours: what is taken agrees with itself. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/hours.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines: the hours, then holidays. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_dup(data, size), *line = text;
    const char *holidays[8] = { NULL };
    struct err err = { "" };

    for (size_t n = 0; n < 7 && (line = strchr(line, '\n')); n++) {
        *line++ = '\0';
        holidays[n] = line;
    }
    struct hours *hours = hours_parse(text, holidays, NULL, &err);
    if (!hours && !err.text[0])
        abort();
    for (int64_t at = INT64_C(1763856000000); hours && at < INT64_C(1766448000000);
         at += 7919 * 1000) {
        const int64_t next = hours_next_open(hours, at);
        if (hours_open(hours, at) != (next == at) ||
            (next != INT64_MAX && !hours_open(hours, next)))
            abort();
        if (next != INT64_MAX && hours_between(hours, at, next) != 0)
            abort();
    }
    hours_free(&hours);
    free(text);
    return 0;
}
