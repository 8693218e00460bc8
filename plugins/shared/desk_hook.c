/* desk_hook.c - the path by which a desk of others speaks to us. */
#include "config.h"

#include "plugins/shared/desk_hook.h"

#include <stdio.h>
#include <string.h>

#include <tandem/json.h>

#include "plugins/shared/desk_reply.h"

int desk_hook_open(const struct td_host *host, struct td_instance *inst, const char *url,
                   const char *path, td_web_cb *cb, void *arg, struct td_error *err)
{
    char own[200];

    snprintf(own, sizeof own, "/hooks/%.100s", host->name(inst));
    if (path == NULL)
        path = own;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        snprintf(err->text, sizeof err->text,
                 "url '%.256s' does not begin with http:// or https://", url);
    else if (host->route(inst, path, cb, arg) == TD_OK)
        return 0;
    else
        snprintf(err->text, sizeof err->text, "%.200s is taken by another instance", path);
    return -1;
}

cJSON *desk_hook_body(const struct td_host *host, struct td_instance *inst,
                      const struct td_web_request *web, int is_theirs)
{
    char why[160] = "", message[200];
    cJSON *body;

    if (strcmp(web->method, "POST") != 0) {
        desk_reply_error(host, inst, web->id, 405, "method_not_allowed", "this path takes POST", NULL, 0);
        return NULL;
    }
    if (!is_theirs) {
        host->count(inst, "bad_signatures", 1);
        desk_reply_error(host, inst, web->id, 401, "unauthorized",
                         "the signature or its time, or the token, does not fit", NULL, 0);
        return NULL;
    }
    body = td_json_parse(web->body, web->body_len, NULL, why, sizeof why);
    if (cJSON_IsObject(body))
        return body;
    cJSON_Delete(body);
    snprintf(message, sizeof message, "the body is not a JSON object%s%s",
             why[0] != '\0' ? ": " : "", why);
    desk_reply_error(host, inst, web->id, 400, "bad_request", message, NULL, 0);
    return NULL;
}
