/* fuzz_event_stream.c - an agent's event stream: fed in pieces it says what it says fed whole. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/shared/http_events.h"

#define MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All that was heard: type, NUL, data, NUL of each event. */
struct heard {
    char *text;
    size_t len, n, stop_at;
};

static void must(int holds)
{
    if (!holds)
        abort();
}

static void keep(struct heard *heard, const char *text, size_t len)
{
    heard->text = realloc(heard->text, heard->len + len + 1);
    must(heard->text != NULL);
    memcpy(heard->text + heard->len, text, len);
    heard->text[heard->len + len] = '\0';
    heard->len += len + 1;
}

static int on_event(void *arg, const char *type, const char *data, size_t len)
{
    struct heard *heard = arg;

    must(data[len] == '\0' && len < MAX);
    must(type[0] != '\0' && strlen(type) <= HTTP_EVENTS_TYPE);
    keep(heard, type, strlen(type));
    keep(heard, data, len);
    return ++heard->n == heard->stop_at;
}

/* step 0: whole. What is given each time is a copy of its own, so that nothing is read past it. */
static const char *feed(const char *data, size_t len, size_t step, struct heard *heard)
{
    struct http_events *events = http_events_new(MAX, on_event, heard);
    const char *wrong = NULL;

    must(events != NULL);
    while (len > 0 && wrong == NULL && (heard->stop_at == 0 || heard->n < heard->stop_at)) {
        size_t n = step == 0 || step > len ? len : step;
        char *piece = malloc(n);

        must(piece != NULL);
        memcpy(piece, data, n);
        wrong = http_events_feed(events, piece, n);
        free(piece);
        data += n;
        len -= n;
    }
    http_events_free(&events);
    return wrong;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const size_t steps[] = { 1, 2, 3, 7 };
    struct heard whole = { .text = NULL };
    size_t stop_at = 0;
    const char *wrong;

    if (len > 0)
        stop_at = *data % 5 == 4 ? 2 : 0; /* a receiver that has heard enough */
    whole.stop_at = stop_at;
    wrong = feed((const char *)data, len, 0, &whole);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct heard part = { .stop_at = stop_at };

        must(feed((const char *)data, len, steps[i], &part) == wrong);
        must(part.n == whole.n && part.len == whole.len);
        must(part.len == 0 || memcmp(part.text, whole.text, part.len) == 0);
        free(part.text);
    }
    free(whole.text);
    return 0;
}
