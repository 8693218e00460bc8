/*
 * fuzz_upload.c - the upload path of the web chat: whatever a request says, it is answered once, as
 * JSON, and only bytes of a customer who is here reach the host.
 *
 * Byte 0: who asks (2 bits: no token, a bad one, one of nobody here, a good one), the method (2
 * bits), what the host says (2 bits), whether the chat is closed first. Then lines: query, origin,
 * content type; the rest is the body.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/webchat_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOBODY "01JDBZ0000000000000000000B"

static void must(int holds, const char *sentence)
{
    if (holds)
        return;
    fprintf(stderr, "upload: %s\n", sentence);
    abort();
}

/* The next line, as a text of its own without what no header can hold. */
static char *line(const uint8_t **at, size_t *left)
{
    const uint8_t *lf = *left > 0 ? memchr(*at, '\n', *left) : NULL;
    const size_t len = lf != NULL ? (size_t)(lf - *at) : 0;
    char *text = calloc(1, len + 1);
    size_t n = 0;

    must(text != NULL, "out of memory");
    for (size_t i = 0; i < len; i++)
        if ((*at)[i] >= 0x20 && (*at)[i] != 0x7f)
            text[n++] = (char)(*at)[i];
    if (lf != NULL) {
        *left -= len + 1;
        *at = lf + 1;
    }
    return text;
}

static void customer_comes(struct fake *f)
{
    uint64_t conn = fake_ws_open(f, "192.0.2.1", NULL);

    fake_ws_text(f, conn, KIT_HELLO);
    kit_attached(f, fake_next(f, FAKE_ATTACH)->id, KIT_SESSION, 1);
}

static void answer_file(struct fake *f, const struct fake_call *call, unsigned how)
{
    static const struct td_attachment file = {
        .size = sizeof file, .id = KIT_SESSION, .name = "a \"b\".txt", .type = "text/plain",
        .bytes = 3, .sha256 = "00", .url = "https://gw.example/files/x?e=1&s=2",
    };
    const struct td_filed filed = {
        .size = sizeof filed, .status = how == 0 ? TD_OK : how == 1 ? TD_REJECT : TD_RETRY,
        .detail = how == 0 ? NULL : "because", .attachment = how == 0 ? &file : NULL,
        .retry_after_ms = how == 3 ? UINT32_MAX : 0,
    };

    fake_filed(f, call->id, &filed);
}

static void check_reply(const struct fake_call *reply)
{
    char why[160];
    cJSON *tree;
    const cJSON *error;

    must(reply != NULL, "a request without an answer");
    if (reply->code == 204)
        return;
    tree = td_json_parse(reply->text, reply->len, NULL, why, sizeof why);
    must(cJSON_IsObject(tree), "an answer is not JSON");
    error = td_json_get(tree, "error");
    if (reply->code == 201)
        must(td_json_get_str(tree, "id") != NULL && error == NULL, "a file without an id");
    else
        must(td_json_get_str(error, "code") != NULL && td_json_get_str(error, "message") != NULL,
             "a refusal without a sentence");
    cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = { "POST", "OPTIONS", "GET", "PUT" };
    static const char *const origins[] = { "https://shop.example", NULL };
    char token[TOKEN_TEXT], authorization[TOKEN_TEXT + 16] = "Basic x";
    struct conf conf = kit_conf();
    struct fake *f = fake_new("web");
    const struct fake_call *file;
    const uint8_t *at = data + 1;
    size_t left = size - 1;

    if (size < 1) {
        fake_free(&f);
        return 0;
    }
    if (data[0] & 0x80)
        conf.origins = origins;
    must(fake_open(f, &td_plugin_0, &conf) == TD_OK, "it does not open");
    customer_comes(f);
    char *query = line(&at, &left), *origin = line(&at, &left), *type = line(&at, &left);
    char *body = left > 0 ? malloc(left) : NULL;
    const unsigned who = data[0] & 3;

    if (body != NULL)
        memcpy(body, at, left);
    if (who >= 2)
        snprintf(authorization, sizeof authorization, "bearer %s",
                 kit_token(f, who == 2 ? NOBODY : KIT_SESSION, token));
    else if (who == 1)
        snprintf(authorization, sizeof authorization, "Bearer %.40s", query);
    const struct td_header headers[] = {
        { "authorization", authorization }, { "content-type", type }, { "origin", origin },
    };
    const struct td_web_request request = {
        .size = sizeof request, .method = methods[data[0] >> 2 & 3], .path = "/chat/web/files",
        .query = query, .peer = "192.0.2.1", .body = body, .body_len = left, .headers = headers,
        .n_headers = origin[0] != '\0' ? 3 : 2,
    };

    fake_request(f, &request);
    if ((file = fake_next(f, FAKE_FILE)) != NULL) {
        must(who == 3 && left > 0 && left <= 4096, "a file of who may not send it");
        must(file->file->len == left && memcmp(file->file->data, at, left) == 0, "other bytes");
        must(strcmp(file->file->session, KIT_SESSION) == 0, "a file of another session");
        if (data[0] & 0x40)
            fake_close(f);
        else
            answer_file(f, file, data[0] >> 4 & 3);
    }
    check_reply(fake_next(f, FAKE_REPLY));
    must(fake_next(f, FAKE_REPLY) == NULL, "a request with two answers");
    free(query);
    free(origin);
    free(type);
    free(body);
    fake_free(&f);
    return 0;
}
