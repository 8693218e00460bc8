/* complete.c - what may follow in a line at tandemctl's console. */
#include "config.h"

#include "ctl/complete.h"

#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/command.h"

#define MAX_WORDS 16 /* of a line, as far as they matter */
#define MAX_FOUND 1000

struct words {
    char *text[MAX_WORDS];
    size_t n;
};

static void add(struct completion *out, const char *begun, const char *word)
{
    if (strncmp(word, begun, out->begun) != 0 || out->n == MAX_FOUND)
        return;
    out->words = mem_grow(out->words, (out->n + 1) * sizeof *out->words);
    out->words[out->n++] = mem_strdup(word);
}

/* Words with a space between them. */
static void add_each(struct completion *out, const char *begun, const char *words)
{
    while (*words) {
        const size_t len = strcspn(words, " ");
        char *word = mem_printf("%.*s", (int)len, words);

        add(out, begun, word);
        free(word);
        words += len + strspn(words + len, " ");
    }
}

/* The member `key` of each row of the array `rows` in the gateway's answer; nothing when it gives
 * none, for the line is not finished yet. */
static void add_names(struct completion *out, const char *begun, const struct client *client,
                      const char *path, const char *rows, const char *key)
{
    struct buf body = { 0 };
    struct err err;
    cJSON *tree = NULL;
    const cJSON *row;

    if (client_call(client, "GET", path, NULL, &body, &err) == 200)
        tree = td_json_parse(body.data ? body.data : "", body.len, NULL, NULL, 0);
    cJSON_ArrayForEach(row, td_json_get(tree, rows)) {
        const char *name = td_json_get_str(row, key);
        if (name)
            add(out, begun, name);
    }
    cJSON_Delete(tree);
    buf_fini(&body);
}

static void add_kind(struct completion *out, const char *begun, const struct client *client,
                     enum takes kind)
{
    switch (kind) {
    case TAKES_STATE:
        add_each(out, begun, "open closed");
        break;
    case TAKES_STAGE:
        add_each(out, begun, "queued live closed");
        break;
    case TAKES_SESSION:
        add_names(out, begun, client, "/api/v1/sessions?state=open", "sessions", "id");
        break;
    case TAKES_CHANNEL:
        add_names(out, begun, client, "/api/v1/channels", "channels", "name");
        break;
    case TAKES_AGENT:
        add_names(out, begun, client, "/api/v1/agents", "agents", "name");
        break;
    case TAKES_POLICY:
        add_each(out, begun, "explain try");
        break;
    case TAKES_TEXT:
    case TAKES_NOTHING:
        break;
    }
}

/* What the word after this option is; TAKES_NOTHING: the option takes none, or it is no option. */
static enum takes value_of(const char *option)
{
    return strcmp(option, "--session") == 0   ? TAKES_SESSION
           : strcmp(option, "--channel") == 0 ? TAKES_CHANNEL
           : strcmp(option, "--agent") == 0   ? TAKES_AGENT
                                              : TAKES_NOTHING;
}

static void words_of(const char *line, size_t len, struct words *words)
{
    const char *end = line + len;

    while (line < end && words->n < MAX_WORDS) {
        const char *from = line += strspn(line, " ");

        while (line < end && *line != ' ')
            line++;
        if (from < line)
            words->text[words->n++] = mem_printf("%.*s", (int)(line - from), from);
    }
}

/* Behind a command: the value of an option, an option, or the operand whose turn it is. */
static void add_operands(struct completion *out, const char *begun, const struct client *client,
                         const struct words *words)
{
    const struct command *command = command_find(words->text[0]);
    const enum takes value = words->n > 1 ? value_of(words->text[words->n - 1]) : TAKES_NOTHING;
    size_t operand = 0;

    if (!command || value != TAKES_NOTHING) {
        add_kind(out, begun, client, value);
        return;
    }
    if (*begun == '-' || command->takes[0] == TAKES_NOTHING) {
        add_each(out, begun, command->options ? command->options : "");
        if (*begun == '-')
            add(out, begun, "--json");
        return;
    }
    for (size_t i = 1; i < words->n; i++)
        operand += *words->text[i] != '-' && value_of(words->text[i - 1]) == TAKES_NOTHING;
    if (operand < COMMAND_MAX_OPERANDS)
        add_kind(out, begun, client, command->takes[operand]);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void complete(const struct client *client, const char *line, size_t len, struct completion *out)
{
    struct words words = { .n = 0 };
    char *text = mem_printf("%.*s", (int)len, line);
    const char *begun = strrchr(text, ' ') ? strrchr(text, ' ') + 1 : text;

    *out = (struct completion){ .begun = strlen(begun) };
    words_of(text, (size_t)(begun - text), &words);
    if (words.n == 0) {
        size_t n;
        const struct command *commands = command_list(&n);

        for (size_t i = 0; i < n; i++)
            add(out, begun, commands[i].name);
        add_each(out, begun, "help quit");
    } else {
        add_operands(out, begun, client, &words);
    }
    if (out->n > 1)
        qsort(out->words, out->n, sizeof *out->words, by_text);
    for (size_t i = 0; i < words.n; i++)
        free(words.text[i]);
    free(text);
}

void complete_fini(struct completion *completion)
{
    for (size_t i = 0; i < completion->n; i++)
        free(completion->words[i]);
    free(completion->words);
    *completion = (struct completion){ .n = 0 };
}

size_t complete_common(const struct completion *completion)
{
    size_t common = completion->n > 0 ? strlen(completion->words[0]) : 0;

    for (size_t i = 1; i < completion->n; i++) {
        size_t same = 0;

        while (same < common && completion->words[i][same] == completion->words[0][same])
            same++;
        common = same;
    }
    return common;
}
