/* proxy_ops.c - what the gate hands to an isolated plugin becomes frames. */
#include "config.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "ipc/proxy_private.h"

static void on_send(void *self, uint64_t job, const struct td_outbound *out)
{
    struct proxy *proxy = self;
    struct err err;

    if (proxy_put(proxy, IPC_SEND, job, 0, 0, out, &err) != 0)
        proxy->host->sent(proxy->inst, job, &(struct td_sent){
            .size = sizeof(struct td_sent), .status = TD_REJECT, .detail = err.text });
}

/* An answer that cannot be handed over becomes one that says so. */
static void on_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    struct err err;

    proxy_answered(self);
    if (proxy_put(self, IPC_ACCEPTED, delivery, 0, 0, accepted, &err) != 0)
        proxy_put(self, IPC_ACCEPTED, delivery, 0, 0, &(struct td_accepted){
            .size = sizeof(struct td_accepted), .status = TD_RETRY, .detail = err.text }, NULL);
}

static void on_attached(void *self, uint64_t job, const struct td_attached *attached)
{
    struct err err;

    proxy_answered(self);
    if (proxy_put(self, IPC_ATTACHED, job, 0, 0, attached, &err) != 0)
        proxy_put(self, IPC_ATTACHED, job, 0, 0, &(struct td_attached){
            .size = sizeof(struct td_attached), .status = TD_RETRY, .detail = err.text }, NULL);
}

static void on_event(void *self, const struct td_event *event)
{
    proxy_put(self, IPC_EVENT, 0, 0, 0, event, NULL);
}

static void on_pause(void *self, int on)
{
    proxy_put(self, IPC_PAUSE, 0, on != 0, 0, NULL, NULL);
}

static void on_filed(void *self, uint64_t job, const struct td_filed *filed)
{
    struct err err;

    proxy_answered(self);
    if (proxy_put(self, IPC_FILED, job, 0, 0, filed, &err) != 0)
        proxy_put(self, IPC_FILED, job, 0, 0, &(struct td_filed){
            .size = sizeof(struct td_filed), .status = TD_RETRY, .detail = err.text }, NULL);
}

static void on_kept(void *self, uint64_t job, const struct td_kept *kept)
{
    struct err err;

    if (job != 0) /* else it is news */
        proxy_answered(self);
    if (proxy_put(self, IPC_KEPT, job, 0, 0, kept, &err) != 0)
        proxy_put(self, IPC_KEPT, job, 0, 0, &(struct td_kept){
            .size = sizeof(struct td_kept), .status = TD_RETRY, .detail = err.text }, NULL);
}

static void on_ask(void *self, uint64_t job, const struct td_turn *turn)
{
    struct proxy *proxy = self;
    struct err err;

    if (proxy_put(proxy, IPC_ASK, job, 0, 0, turn, &err) != 0)
        proxy->host->answer(proxy->inst, job, &(struct td_answer){
            .size = sizeof(struct td_answer), .status = TD_REJECT, .detail = err.text,
            .confidence = -1, .grounded = -1 });
}

static void on_cancel(void *self, uint64_t job)
{
    proxy_put(self, IPC_CANCEL, job, 0, 0, NULL, NULL);
}

static int is_late_over(const struct proxy *proxy)
{
    return proxy->late_over;
}

/* The one op that returns something: waited for a moment, and only if the guest is awake. */
static enum td_status on_late(void *self, uint64_t job, const struct td_web_request *request,
                              struct td_error *error)
{
    struct proxy *proxy = self;
    const struct ipc_late late = { .size = sizeof late, .job = job, .request = request };

    if (proxy->life != PROXY_OPEN || proxy->late_slow ||
        (proxy->pinged_ms != 0 && clock_mono_ms() - proxy->pinged_ms > 300))
        return TD_RETRY;
    proxy->late_over = 0;
    proxy->late_call++;
    if (proxy_put(proxy, IPC_LATE, proxy->late_call, 0, 0, &late, NULL) != 0)
        return TD_RETRY;
    proxy_wait(proxy, is_late_over, 500);
    if (!proxy->late_over) {
        proxy->late_slow = proxy->life == PROXY_OPEN; /* until it is heard of again */
        return TD_RETRY;
    }
    snprintf(error->text, sizeof error->text, "%s", proxy->late_text);
    return proxy->late_status;
}

static void on_offer(void *self, uint64_t job, const struct td_handoff *handoff)
{
    struct proxy *proxy = self;
    struct err err;

    if (proxy_put(proxy, IPC_OFFER, job, 0, 0, handoff, &err) != 0)
        proxy->host->offered(proxy->inst, job, &(struct td_offered){
            .size = sizeof(struct td_offered), .status = TD_REJECT, .wait_ms = -1,
            .detail = err.text });
}

static void on_relay(void *self, uint64_t job, const struct td_relay *relay)
{
    struct proxy *proxy = self;
    struct err err;

    if (proxy_put(proxy, IPC_RELAY, job, 0, 0, relay, &err) != 0)
        proxy->host->sent(proxy->inst, job, &(struct td_sent){
            .size = sizeof(struct td_sent), .status = TD_REJECT, .detail = err.text });
}

static void on_release(void *self, const char *handoff, const char *outcome)
{
    const struct ipc_release release = { .size = sizeof release, .handoff = handoff,
                                         .outcome = outcome };

    proxy_put(self, IPC_RELEASE, 0, 0, 0, &release, NULL);
}

static void on_desk_event(void *self, const struct td_desk_event *event)
{
    proxy_put(self, IPC_DESK_EVENT, 0, 0, 0, event, NULL);
}

static void on_done(void *self, uint64_t job, const struct td_desk_done *done)
{
    struct err err;

    proxy_answered(self);
    if (proxy_put(self, IPC_DONE, job, 0, 0, done, &err) != 0)
        proxy_put(self, IPC_DONE, job, 0, 0, &(struct td_desk_done){
            .size = sizeof(struct td_desk_done), .status = TD_REJECT, .code = "bad_request",
            .detail = err.text }, NULL);
}

const void *proxy_ops(enum td_kind kind)
{
    static const struct td_channel_ops channel = {
        .size = sizeof channel, .open = proxy_open, .send = on_send, .accepted = on_accepted,
        .attached = on_attached, .event = on_event, .pause = on_pause, .close = proxy_close,
        .filed = on_filed, .kept = on_kept,
    };
    static const struct td_agent_ops agent = {
        .size = sizeof agent, .open = proxy_open, .ask = on_ask, .cancel = on_cancel,
        .close = proxy_close, .late = on_late, .filed = on_filed, .kept = on_kept,
    };
    static const struct td_desk_ops desk = {
        .size = sizeof desk, .open = proxy_open, .offer = on_offer, .relay = on_relay,
        .release = on_release, .event = on_desk_event, .done = on_done, .close = proxy_close,
        .filed = on_filed, .kept = on_kept,
    };

    return kind == TD_CHANNEL ? (const void *)&channel
           : kind == TD_AGENT ? (const void *)&agent
                              : (const void *)&desk;
}
