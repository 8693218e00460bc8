/*
 * agent_http_answer.h - what an HTTP agent answered, read as hostile JSON.
 *
 * Layer: plugins/agent_http. Absent (or null) is not a failure, malformed is.
 */
#ifndef AGENT_HTTP_ANSWER_H
#define AGENT_HTTP_ANSWER_H

#include <tandem/json.h>
#include <tandem/plugin.h>

#define HTTP_ANSWER_WHY 256

#define HTTP_ANSWER_ID 32
#define HTTP_ANSWER_FILES 10 /* of one message */

/* A file that stands in the answer as data: it has no id yet. */
struct http_upload {
    const char *name, *type; /* type: NULL: not said */
    const char *data;        /* base64, not looked at yet */
    struct td_attachment *file;
    char id[HTTP_ANSWER_ID];
};

struct http_answer {
    struct td_answer answer; /* points into what follows */
    cJSON *tree;
    struct td_message *messages;
    const struct td_message **message_list;
    struct td_choice *choices;
    const struct td_choice **choice_list;
    struct td_attachment *files;
    const struct td_attachment **file_list;
    struct http_upload *uploads; /* the answer MUST NOT be given before each has its id */
    size_t n_uploads;
    struct http_asks *asks; /* what it calls and claims; NULL: nothing */
    char *sources, *entities, *state; /* as the agent wrote them: numbers keep their digits */
};

/* 0, or -1 with a sentence that names the field; nothing to free then. */
int http_answer_read(struct http_answer *a, const char *body, size_t len, size_t max,
                     char why[HTTP_ANSWER_WHY]);
void http_answer_fini(struct http_answer *a);
/* `from` is empty after it. */
void http_answer_move(struct http_answer *to, struct http_answer *from);
void http_answer_set_id(struct http_answer *a, size_t upload, const char *id);

/* The text of a part, {"text": ".."}, in the tree, which is the caller's in any case. NULL with a
 * sentence. */
const char *http_delta_read(const char *body, size_t len, cJSON **tree_r,
                            char why[HTTP_ANSWER_WHY]);

#endif
