/* fuzz_json.c - what td_json_parse() takes, written and parsed again, is the same. */
#include "config.h"

#include <stdint.h>
#include <tandem/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_tree(struct td_json *j, const cJSON *tree)
{
    td_json_clear(j);
    td_json_tree(j, tree);
    if (j->failed || td_json_len(j) != strlen(td_json_text(j)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct td_json_limits roomy = { .bytes = 64 * 1024 * 1024 };
    struct td_json first = { 0 }, second = { 0 };
    char why[200] = "";
    cJSON *tree = td_json_parse((const char *)data, size, NULL, why, sizeof(why));

    if (!tree) {
        if (!why[0])
            abort();
        return 0;
    }
    write_tree(&first, tree);
    cJSON *again = td_json_parse(td_json_text(&first), td_json_len(&first), &roomy, NULL, 0);
    if (!again || !cJSON_Compare(tree, again, 1))
        abort();
    write_tree(&second, again);
    if (strcmp(td_json_text(&first), td_json_text(&second)) != 0)
        abort();
    cJSON_Delete(tree);
    cJSON_Delete(again);
    td_json_free(&first);
    td_json_free(&second);
    return 0;
}
