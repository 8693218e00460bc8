/* desk_web_call.c - what the host was asked and has not answered yet, and its answers. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/desk_web_private.h"
#include "plugins/shared/desk_reply.h"

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

struct call *call_new(struct desk *desk, uint64_t request, int op, const char *human,
                      const char *about)
{
    struct call *call;

    if (HASH_COUNT(desk->calls) >= DESK_MAX_CALLS || (call = calloc(1, sizeof *call)) == NULL)
        return NULL;
    call->job = ++desk->last_job;
    call->request = request;
    call->op = op;
    call->human = copy(human);
    call->handoff = copy(about);
    HASH_ADD(hh, desk->calls, job, sizeof call->job, call);
    return call;
}

void call_free(struct desk *desk, struct call **call)
{
    HASH_DEL(desk->calls, *call);
    free((*call)->human);
    free((*call)->handoff);
    free((*call)->text);
    free(*call);
    *call = NULL;
}

/* What the desk itself keeps of it, and tells its humans. */
static void note_done(struct desk *desk, const struct call *call,
                      const struct td_desk_done *done)
{
    switch (call->op) {
    case TD_OP_ACCEPT:
    case TD_OP_TAKE:
        if (done->handoff != NULL)
            desk_taken(desk, done->handoff, done->session, call->human);
        return;
    case TD_OP_WATCH:
        watch_set(desk, call->handoff, call->human, call->text != NULL);
        return;
    default:
        return;
    }
}

void call_done(struct desk *desk, struct call *call, const struct td_desk_done *done)
{
    if (done->status == TD_OK)
        note_done(desk, call, done);
    else if (done->status == TD_AUTH)
        events_end(desk, call->human);
    if (call->request != 0)
        desk_reply_done(desk->host, desk->inst, call->request, done);
}

void call_filed(struct desk *desk, struct call *call, const struct td_filed *filed)
{
    struct td_json j = { 0 };

    if (filed->status != TD_OK || filed->attachment == NULL) {
        desk_reply_error(desk->host, desk->inst, call->request,
                         filed->status == TD_RETRY ? 503 : 415,
                         filed->status == TD_RETRY ? "busy" : "refused",
                         filed->detail != NULL ? filed->detail : "the file was refused", NULL,
                         filed->status == TD_RETRY ? filed->retry_after_ms + 1 : 0);
        return;
    }
    event_attachment(&j, filed->attachment);
    desk_reply_json(desk->host, desk->inst, call->request, td_json_text(&j));
    td_json_free(&j);
}
