/* tail.c - what happens in a gateway, a line an event. */
#include "config.h"

#include "ctl/tail.h"

#include <string.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "engine/record.h"

/* The numbers of the journal in words; the order is that of the enums. */
static const struct {
    const char *key;
    const char *words[7];
} enums[] = {
    { "owner", { "none", "agent", "human" } },
    { "outcome", { "none", "answered", "silent", "failed", "interrupted" } },
    { "decision", { "none", "resolve", "clarify", "escalate", "refuse" } },
    { "author", { "customer", "agent", "human", "system" } },
    { "status", { "queued", "sent", "uncertain", "delivered", "read", "failed" } },
};

/* type: of the record, for each kind has outcomes of its own. */
static const char *word_of(const char *type, const cJSON *fact)
{
    if (cJSON_IsNumber(fact) && type && strcmp(fact->string, "outcome") == 0) {
        if (strcmp(type, "rule") == 0)
            return rule_outcome_name(fact->valueint);
        if (strcmp(type, "handoff_end") == 0)
            return handoff_outcome_name(fact->valueint);
    }
    for (size_t i = 0; i < sizeof enums / sizeof *enums && cJSON_IsNumber(fact); i++) {
        if (strcmp(enums[i].key, fact->string) == 0 && fact->valueint >= 0 && fact->valueint < 7)
            return enums[i].words[fact->valueint];
    }
    return NULL;
}

/* Nothing steers the terminal. */
static void add(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_char(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

static void add_fact(struct buf *out, const char *type, const cJSON *fact)
{
    const char *word = word_of(type, fact);
    char *json = NULL;

    if (!word && cJSON_IsString(fact))
        word = fact->valuestring;
    if (!word)
        word = json = cJSON_PrintUnformatted(fact);
    buf_char(out, ' ');
    add(out, fact->string);
    buf_char(out, '=');
    add(out, word ? word : "?");
    cJSON_free(json);
}

static int is_in_front(const char *key)
{
    return strcmp(key, "type") == 0 || strcmp(key, "at") == 0 || strcmp(key, "channel") == 0 ||
           strcmp(key, "agent") == 0 || strcmp(key, "policy") == 0;
}

static void add_facts(struct buf *out, const cJSON *tree)
{
    const cJSON *facts = td_json_get(tree, "facts"), *fact;
    const char *type = td_json_get_str(facts, "type");

    if (!type)
        type = td_json_get_str(tree, "type");
    cJSON_ArrayForEach(fact, facts) {
        if (!is_in_front(fact->string))
            add_fact(out, type, fact);
    }
    buf_char(out, '\n');
}

void tail_facts(const char *event, struct buf *out)
{
    cJSON *tree = td_json_parse(event, strlen(event), NULL, NULL, 0);

    add_facts(out, tree);
    cJSON_Delete(tree);
}

void tail_line(const char *event, struct buf *out)
{
    static const char *const columns[] = { "at", "type", "session", "channel", "agent" };
    cJSON *tree = td_json_parse(event, strlen(event), NULL, NULL, 0);

    for (size_t i = 0; tree && i < sizeof columns / sizeof *columns; i++) {
        const char *value = td_json_get_str(tree, columns[i]);
        const size_t from = out->len;

        add(out, value ? value : "-");
        while (i == 1 && out->len < from + 9)
            buf_char(out, ' ');
        buf_char(out, ' ');
    }
    if (tree)
        out->len--;
    else
        add(out, event);
    add_facts(out, tree);
    cJSON_Delete(tree);
}
