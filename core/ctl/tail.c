/* tail.c - what happens in a gateway, a line an event. */
#include "config.h"

#include "ctl/tail.h"

#include <string.h>

#include <tandem/json.h>

#include "base/buf.h"

/* Nothing steers the terminal. */
static void add(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_char(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

static void add_fact(struct buf *out, const cJSON *fact)
{
    char *json = cJSON_IsString(fact) ? NULL : cJSON_PrintUnformatted(fact);

    buf_char(out, ' ');
    add(out, fact->string);
    buf_char(out, '=');
    add(out, json ? json : cJSON_IsString(fact) ? fact->valuestring : "?");
    cJSON_free(json);
}

/* What stands in front of the facts, or for them. */
static int is_apart(const char *key)
{
    return strcmp(key, "type") == 0 || strcmp(key, "at") == 0 || strcmp(key, "channel") == 0 ||
           strcmp(key, "agent") == 0 || strcmp(key, "policy") == 0 || strcmp(key, "names") == 0;
}

static void add_facts(struct buf *out, const cJSON *tree)
{
    const cJSON *facts = td_json_get(tree, "facts"), *names = td_json_get(facts, "names"), *fact;

    cJSON_ArrayForEach(fact, facts) {
        const cJSON *name = td_json_get(names, fact->string);

        if (!is_apart(fact->string))
            add_fact(out, name ? name : fact);
    }
    cJSON_ArrayForEach(fact, names) {
        if (!td_json_get(facts, fact->string)) /* a 0 is not written */
            add_fact(out, fact);
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
