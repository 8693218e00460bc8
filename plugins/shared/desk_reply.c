/* desk_reply.c - a desk's answers over HTTP. */
#include "config.h"

#include "plugins/shared/desk_reply.h"

#include <stdio.h>
#include <string.h>
#include <tandem/json_write.h>

#define BUSY_MS 1000

static void reply(const struct td_host *host, struct td_instance *inst, uint64_t request,
                  int status, const struct td_json *json, const struct td_header *header)
{
    host->reply(inst, request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = status, .body = td_json_text(json),
        .body_len = td_json_len(json), .headers = header, .n_headers = header != NULL,
    });
}

void desk_reply_error(const struct td_host *host, struct td_instance *inst, uint64_t request,
                      int status, const char *code, const char *message, const char *holder,
                      uint32_t retry_after_ms)
{
    struct td_json j = { 0 };
    char seconds[16];
    const struct td_header later = { "Retry-After", seconds };
    const struct td_header who = { "WWW-Authenticate", "Bearer realm=\"desk\"" };
    const struct td_header allow = { "Allow", "POST" };

    snprintf(seconds, sizeof seconds, "%u", retry_after_ms / 1000 + (retry_after_ms % 1000 > 0));
    td_json_object(&j);
    td_json_key(&j, "error");
    td_json_object(&j);
    td_json_key_str(&j, "code", code);
    td_json_key_str(&j, "message", message);
    if (holder != NULL)
        td_json_key_str(&j, "holder", holder);
    td_json_object_end(&j);
    td_json_object_end(&j);
    reply(host, inst, request, status, &j,
          status == 401 ? &who : status == 405 ? &allow : retry_after_ms > 0 ? &later : NULL);
    td_json_free(&j);
}

void desk_reply_json(const struct td_host *host, struct td_instance *inst, uint64_t request,
                     const char *json)
{
    host->reply(inst, request, &(struct td_web_reply){ .size = sizeof(struct td_web_reply),
                                                       .status = 200, .body = json,
                                                       .body_len = strlen(json) });
}

static int status_of(const char *code)
{
    static const struct { const char *code; int status; } known[] = {
        { "not_found", 404 }, { "not_eligible", 403 }, { "not_yours", 403 }, { "bad_request", 400 },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].code, code) == 0)
            return known[i].status;
    }
    return 409; /* taken, over, no_agent, full: true of the request, not of the world */
}

static void reply_ok(const struct td_host *host, struct td_instance *inst, uint64_t request,
                     const struct td_desk_done *done)
{
    struct td_json j = { 0 };

    td_json_object(&j);
    td_json_key_bool(&j, "ok", 1);
    if (done->handoff != NULL)
        td_json_key_str(&j, "handoff", done->handoff);
    if (done->session != NULL)
        td_json_key_str(&j, "session", done->session);
    if (done->seq > 0)
        td_json_key_int(&j, "seq", (int64_t)done->seq);
    td_json_object_end(&j);
    reply(host, inst, request, 200, &j, NULL);
    td_json_free(&j);
}

void desk_reply_done(const struct td_host *host, struct td_instance *inst, uint64_t request,
                     const struct td_desk_done *done)
{
    const char *code = done->code != NULL ? done->code : "refused";
    const char *detail = done->detail != NULL ? done->detail : "it was refused";

    if (done->status == TD_REJECT)
        desk_reply_error(host, inst, request, status_of(code), code, detail, done->holder, 0);
    else if (done->status == TD_AUTH)
        desk_reply_error(host, inst, request, 401, "unauthorized", "there is no such human at "
                         "this desk", NULL, 0);
    else if (done->status != TD_OK)
        desk_reply_error(host, inst, request, 503, "busy", detail, NULL,
                         done->retry_after_ms > 0 ? done->retry_after_ms : BUSY_MS);
    else if (done->json != NULL)
        desk_reply_json(host, inst, request, done->json);
    else
        reply_ok(host, inst, request, done);
}
