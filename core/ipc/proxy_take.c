/* proxy_take.c - what the guest sends becomes calls of the host. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ipc/about.h"
#include "ipc/proxy_private.h"

#define HOST_HAS(host_, fn_) (TD_HAS(host_, fn_) && (host_)->fn_ != NULL)

static const char *text_of(const struct ipc_frame *frame)
{
    return frame->payload != NULL ? frame->payload : "";
}

static enum td_status status_of(const struct ipc_frame *frame)
{
    return frame->a <= TD_FAIL ? (enum td_status)frame->a : TD_FAIL;
}

/* The host answers each exactly once. */
static int may_ask(struct proxy *proxy)
{
    if (proxy->n_unanswered < PROXY_MAX_UNANSWERED) {
        proxy->n_unanswered++;
        return 1;
    }
    proxy_lose(proxy, "it handed in more than %d things before the first was answered, and was "
               "ended: plugin.h rule 11", PROXY_MAX_UNANSWERED);
    return 0;
}

void proxy_answered(struct proxy *proxy)
{
    if (proxy->n_unanswered > 0)
        proxy->n_unanswered--;
}

static void take_about(struct proxy *proxy, const struct ipc_frame *frame)
{
    struct buf about = { 0 };

    about_bytes(frame->payload, &about);
    if (proxy->life != PROXY_STARTING) {
        proxy_lose(proxy, "it described itself twice");
    } else if (about.len != proxy->plugin->about.len ||
               memcmp(about.data, proxy->plugin->about.data, about.len) != 0) {
        proxy_lose(proxy, "its file is not what it was when the conf was read: reload the conf "
                   "(tandemctl reload) to take up the new one");
    } else {
        proxy->life = PROXY_OPENING;
        proxy_flush(proxy);
    }
    buf_fini(&about);
}

static void take_opened(struct proxy *proxy, const struct ipc_frame *frame)
{
    if (proxy->life != PROXY_OPENING) {
        proxy_lose(proxy, "it said that it is open when nobody had asked");
        return;
    }
    proxy->life = PROXY_OPEN;
    proxy->open_status = status_of(frame);
    snprintf(proxy->open_text, sizeof proxy->open_text, "%s", text_of(frame));
    if (proxy->open_status != TD_OK && proxy->conf->state->opened)
        proxy_lose(proxy, "it could not be opened again: %.300s", proxy->open_text[0] != '\0'
                   ? proxy->open_text : "it gave no reason");
}

static void take_key(struct proxy *proxy, const struct ipc_frame *frame)
{
    uint8_t key[32];
    const struct ipc_bytes bytes = { key, sizeof key };

    proxy->host->key(proxy->inst, text_of(frame), key);
    proxy_put(proxy, IPC_RETURN, frame->id, TD_OK, 0, &bytes, NULL);
}

static void take_human(struct proxy *proxy, const struct ipc_frame *frame)
{
    const struct td_host *host = proxy->host;
    const char *name = HOST_HAS(host, human) && proxy->plugin->plugin.kind == TD_DESK
                           ? host->human(proxy->inst, text_of(frame)) : NULL;
    const struct ipc_bytes bytes = { name, name != NULL ? strlen(name) : 0 };

    proxy_put(proxy, IPC_RETURN, frame->id, name != NULL ? TD_OK : TD_AUTH, 0,
              name != NULL ? &bytes : NULL, NULL);
}

static void take_late_done(struct proxy *proxy, const struct ipc_frame *frame)
{
    if (frame->id != proxy->late_call)
        return; /* nobody waits for it any more */
    proxy->late_over = 1;
    proxy->late_status = status_of(frame);
    snprintf(proxy->late_text, sizeof proxy->late_text, "%s", text_of(frame));
}

static void take_file(struct proxy *proxy, const struct ipc_frame *frame)
{
    static const struct td_filed none = { .size = sizeof none, .status = TD_REJECT,
                                          .detail = "this gateway takes no files" };

    if (!HOST_HAS(proxy->host, file))
        proxy_put(proxy, IPC_FILED, frame->id, 0, 0, &none, NULL);
    else if (may_ask(proxy))
        proxy->host->file(proxy->inst, frame->id, frame->payload);
}

static void take_keep(struct proxy *proxy, const struct ipc_frame *frame)
{
    static const struct td_kept none = { .size = sizeof none, .status = TD_REJECT,
                                         .detail = "this gateway keeps nothing" };

    if (!HOST_HAS(proxy->host, keep))
        proxy_put(proxy, IPC_KEPT, frame->id, 0, 0, &none, NULL);
    else if (may_ask(proxy))
        proxy->host->keep(proxy->inst, frame->id, frame->payload);
}

static void take_notice(struct proxy *proxy, const struct ipc_frame *frame)
{
    const char *text = text_of(frame), *space = strchr(text, ' ');
    char what[64];

    snprintf(what, sizeof what, "%.*s", (int)(space != NULL ? space - text : 0), text);
    if (HOST_HAS(proxy->host, notice))
        proxy->host->notice(proxy->inst, frame->a <= TD_TRACE ? (enum td_level)frame->a : TD_ERROR,
                            what, space != NULL ? space + 1 : "");
}

static void take_desk(struct proxy *proxy, const struct ipc_frame *frame)
{
    static const struct td_desk_done none = { .size = sizeof none, .status = TD_REJECT,
                                              .code = "bad_request",
                                              .detail = "this gateway has no desks" };

    if (!HOST_HAS(proxy->host, desk) || proxy->plugin->plugin.kind != TD_DESK)
        proxy_put(proxy, IPC_DONE, frame->id, 0, 0, &none, NULL);
    else if (may_ask(proxy))
        proxy->host->desk(proxy->inst, frame->id, frame->payload);
}

static int take_conversation(struct proxy *proxy, const struct ipc_frame *frame)
{
    const struct td_host *host = proxy->host;
    struct td_instance *inst = proxy->inst;

    switch (frame->type) {
    case IPC_DELIVER:
        if (may_ask(proxy))
            host->deliver(inst, frame->id, frame->payload);
        return 1;
    case IPC_ATTACH:
        if (may_ask(proxy))
            host->attach(inst, frame->id, frame->payload);
        return 1;
    case IPC_FILE:
        take_file(proxy, frame);
        return 1;
    case IPC_KEEP:
        take_keep(proxy, frame);
        return 1;
    case IPC_DESK:
        take_desk(proxy, frame);
        return 1;
    case IPC_REPORT:
        if (HOST_HAS(host, report))
            host->report(inst, text_of(frame));
        return 1;
    case IPC_NOTICE:
        take_notice(proxy, frame);
        return 1;
    case IPC_DETACH:
        host->detach(inst, text_of(frame));
        return 1;
    case IPC_EVENT_IN:
        host->event(inst, frame->payload);
        return 1;
    case IPC_SENT:
        host->sent(inst, frame->id, frame->payload);
        return 1;
    case IPC_ANSWER:
        host->answer(inst, frame->id, frame->payload);
        return 1;
    case IPC_DELTA:
        host->delta(inst, frame->id, text_of(frame));
        return 1;
    case IPC_OFFERED:
        if (HOST_HAS(host, offered))
            host->offered(inst, frame->id, frame->payload);
        return 1;
    default:
        return 0;
    }
}

/* What it may send before it has shown who it is. */
static int is_early(enum ipc_type type)
{
    return type == IPC_ABOUT || type == IPC_REFUSED || type == IPC_BROKEN;
}

void proxy_take(struct proxy *proxy, const struct ipc_frame *frame)
{
    if (proxy->life == PROXY_STARTING && !is_early(frame->type)) {
        proxy_lose(proxy, "it sent a %s frame before its descriptor", ipc_rows[frame->type].name);
        return;
    }
    proxy->late_slow = 0;
    if (take_conversation(proxy, frame))
        return;
    switch (frame->type) {
    case IPC_ABOUT:
        take_about(proxy, frame);
        break;
    case IPC_REFUSED:
    case IPC_BROKEN:
        proxy_lose(proxy, "%s", text_of(frame));
        break;
    case IPC_OPENED:
        take_opened(proxy, frame);
        break;
    case IPC_PONG:
        if (frame->id == proxy->pings)
            proxy->pinged_ms = 0;
        break;
    case IPC_LOG:
        proxy->host->log(proxy->inst, frame->a <= TD_TRACE ? (enum td_level)frame->a : TD_ERROR,
                         "%s", text_of(frame));
        break;
    case IPC_COUNT:
        proxy->host->count(proxy->inst, text_of(frame), frame->id);
        break;
    case IPC_KEY:
        take_key(proxy, frame);
        break;
    case IPC_HUMAN:
        take_human(proxy, frame);
        break;
    case IPC_LATE_DONE:
        take_late_done(proxy, frame);
        break;
    default:
        proxy_take_net(proxy, frame);
    }
}
