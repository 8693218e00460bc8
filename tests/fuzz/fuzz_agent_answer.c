/* fuzz_agent_answer.c - an HTTP agent's answer is hostile; what is taken of it must hold. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/agent_http_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* Kept parts are JSON again, of their type. */
static void check_part(const char *json, int is_array)
{
    cJSON *tree;

    if (json == NULL)
        return;
    tree = td_json_parse(json, strlen(json), NULL, NULL, 0);
    must(is_array ? cJSON_IsArray(tree) : cJSON_IsObject(tree));
    cJSON_Delete(tree);
}

static void check(const struct td_answer *a)
{
    must(a->status == TD_OK);
    must(a->n_messages > 0 || a->silent != NULL || a->pass != NULL || a->n_calls > 0 ||
         a->decision == TD_ESCALATE);
    must(a->n_messages == 0 || a->silent == NULL);
    must(a->confidence == -1 || (a->confidence >= 0 && a->confidence <= 1));
    for (size_t i = 0; i < a->n_messages; i++) {
        must(a->messages[i]->text != NULL || a->messages[i]->n_choices > 0);
        for (size_t k = 0; k < a->messages[i]->n_choices; k++)
            must(a->messages[i]->choices[k]->title != NULL &&
                 a->messages[i]->choices[k]->value != NULL);
    }
    for (size_t i = 0; i < a->n_calls; i++) {
        must(a->calls[i]->call != NULL && a->calls[i]->name != NULL);
        check_part(a->calls[i]->arguments, 0);
    }
    check_part(a->sources, 1);
    check_part(a->entities, 0);
    check_part(a->state, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *body = malloc(len + 1); /* as the HTTP client hands it over: NUL after it */
    char why[HTTP_ANSWER_WHY] = "";
    struct http_answer answer;

    if (body == NULL)
        return 0;
    if (len > 0)
        memcpy(body, data, len);
    body[len] = '\0';
    if (http_answer_read(&answer, body, len, 1 << 20, why) == 0) {
        check(&answer.answer);
        http_answer_fini(&answer);
    } else {
        must(why[0] != '\0');
    }
    free(body);
    return 0;
}
