/*
 * fuzz_openai.c - a chat completions endpoint: its events cut in any way say the same, and what was
 * shown as it came is the message in the end.
 *
 * Input: the whole stream; one that begins with '{' is also a whole completion.
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/agent_openai_reply.h"
#include "plugins/agent_openai_scan.h"
#include "plugins/shared/http_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int holds)
{
    if (!holds)
        abort();
}

struct heard {
    struct openai_reply *reply;
    char *shown;
    size_t len;
    int failed;
};

static void on_text(void *arg, const char *text)
{
    struct heard *heard = arg;
    const size_t n = strlen(text);

    must(n > 0);
    heard->shown = realloc(heard->shown, heard->len + n + 1);
    must(heard->shown != NULL);
    memcpy(heard->shown + heard->len, text, n + 1);
    heard->len += n;
}

static int on_event(void *arg, const char *type, const char *data, size_t len)
{
    struct heard *heard = arg;
    char why[OPENAI_WHY];

    (void)type;
    heard->failed = openai_reply_chunk(heard->reply, data, len, why) != 0;
    return heard->failed || openai_reply_ended(heard->reply);
}

static const struct td_answer *answer_of(struct heard *heard)
{
    static const char *const known[] = { "en/a.md#b" };
    const struct td_answer *answer;
    char why[OPENAI_WHY] = "";

    if (openai_reply_answer(heard->reply, "turn", known, 1, &answer, why) != 0) {
        must(why[0] != '\0');
        return NULL;
    }
    must(answer->n_messages > 0 || answer->n_calls > 0 || answer->decision == TD_ESCALATE);
    must(answer->grounded < 1 || answer->sources != NULL);
    return answer;
}

/* step 0: whole. */
static void feed(const char *data, size_t len, size_t step, struct heard *heard)
{
    struct http_events *events = http_events_new(1 << 16, on_event, heard);

    must(events != NULL && heard->reply != NULL);
    while (len > 0 && !heard->failed && !openai_reply_ended(heard->reply)) {
        const size_t n = step == 0 || step > len ? len : step;
        char *piece = malloc(n);

        must(piece != NULL);
        memcpy(piece, data, n);
        heard->failed |= http_events_feed(events, piece, n) != NULL;
        free(piece);
        data += n;
        len -= n;
    }
    http_events_free(&events);
}

static void streams(const char *data, size_t len, int as_text)
{
    static const size_t steps[] = { 1, 3, 7 };
    struct heard whole = { .failed = 0 };
    const struct td_answer *answer;

    whole.reply = openai_reply_new(as_text, on_text, &whole);
    feed(data, len, 0, &whole);
    answer = whole.failed ? NULL : answer_of(&whole);
    if (answer != NULL && answer->n_messages > 0 && whole.len > 0)
        must(strcmp(answer->messages[0]->text, whole.shown) == 0 || answer->decision == TD_REFUSE);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct heard part = { .failed = 0 };
        const struct td_answer *same;

        part.reply = openai_reply_new(as_text, on_text, &part);
        feed(data, len, steps[i], &part);
        must(part.failed == whole.failed && part.len == whole.len);
        must(part.len == 0 || memcmp(part.shown, whole.shown, part.len) == 0);
        same = part.failed ? NULL : answer_of(&part);
        must((same == NULL) == (answer == NULL));
        openai_reply_free(&part.reply);
        free(part.shown);
    }
    openai_reply_free(&whole.reply);
    free(whole.shown);
}

/* The scanner alone, byte by byte as at once. */
static void scans(const char *data, size_t len)
{
    struct openai_scan one = { 0 }, many = { 0 };
    char *out = malloc(len * 4 + 1), *parts = malloc(len * 4 + 1);
    size_t n, m = 0;

    must(out != NULL && parts != NULL);
    n = openai_scan_feed(&one, data, len, out);
    for (size_t i = 0; i < len; i++) {
        char piece[5];
        const size_t k = openai_scan_feed(&many, data + i, 1, piece);

        memcpy(parts + m, piece, k);
        m += k;
    }
    must(n == m && memcmp(out, parts, n) == 0);
    free(out);
    free(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    struct heard heard = { .failed = 0 };
    char why[OPENAI_WHY], said[64];

    streams(text, len, 0);
    streams(text, len, 1);
    scans(text, len);
    heard.reply = openai_reply_new(0, NULL, NULL);
    if (openai_reply_whole(heard.reply, text, len, why) == 0)
        (void)answer_of(&heard);
    openai_reply_free(&heard.reply);
    openai_error_text(text, len, said, sizeof said);
    return 0;
}
