/* test_gate_rig.c - the plugins, the wrapped store, and starting and stopping it all. */
#include "config.h"

#include "tests/unit/test_gate_rig.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "io/loop.h"
#include "store/store.h"

struct rig *rig;
struct rig_store rig_store;

static const struct td_host *the_host;

static void put(char *to, size_t len, const char *from)
{
    snprintf(to, len, "%s", from != NULL ? from : "");
}
#define PUT(to_, from_) put(to_, sizeof(to_), from_)

/* ---- The wrapped store -------------------------------------------------------------------- */

struct held {
    struct held *next;
    struct store *store;
    const struct store_batch *batch;
    store_append_fn *fn;
    void *arg;
    enum store_status status;
};

static struct held *held, **held_end = &held;

void __real_store_append(struct store *store, const struct store_batch *batch, store_append_fn *fn,
                         void *arg);
void __wrap_store_append(struct store *store, const struct store_batch *batch, store_append_fn *fn,
                         void *arg);

static void refuse(void *arg)
{
    struct held *h = arg;
    const struct store_result result = { .status = h->status };

    h->fn(h->arg, &result);
    free(h);
}

void __wrap_store_append(struct store *store, const struct store_batch *batch, store_append_fn *fn,
                         void *arg)
{
    struct held *h;

    rig_store.appends++;
    if (!rig_store.full && !rig_store.conflict && !rig_store.hold) {
        __real_store_append(store, batch, fn, arg);
        return;
    }
    h = mem_alloc(sizeof *h);
    *h = (struct held){ .store = store, .batch = batch, .fn = fn, .arg = arg };
    if (rig_store.hold) {
        *held_end = h;
        held_end = &h->next;
        rig_store.held++;
        return;
    }
    h->status = rig_store.full > 0 ? STORE_FULL : STORE_CONFLICT;
    rig_store.full > 0 ? rig_store.full-- : rig_store.conflict--;
    loop_defer(rig->loop, refuse, h);
}

void rig_release(void)
{
    struct held *h;

    rig_store.hold = 0;
    rig_store.held = 0;
    while ((h = held) != NULL) {
        held = h->next;
        __real_store_append(h->store, h->batch, h->fn, h->arg);
        free(h);
    }
    held_end = &held;
}

/* ---- The channel -------------------------------------------------------------------------- */

static enum td_status channel_open(const struct td_host *host, struct td_instance *inst,
                                   const void *conf, void **self_r, struct td_error *err)
{
    struct rig_channel *c = (struct rig_channel *)conf;

    (void)err;
    the_host = host;
    c->inst = inst;
    c->closed = 0;
    *self_r = c;
    return TD_OK;
}

static void channel_send(void *self, uint64_t job, const struct td_outbound *out)
{
    struct rig_channel *c = self;
    enum behaviour behaviour = c->behaviour;

    if (c->filters && behaviour == DO_OK && out->message->seq <= c->shown) {
        rig_sent(c, job, TD_OK, 0);
        return;
    }
    struct rig_message *m = &c->sent[c->n_sent++ % RIG_MAX];
    *m = (struct rig_message){ .job = job, .seq = out->message->seq,
                               .maybe_duplicate = out->maybe_duplicate };
    PUT(m->session, out->session);
    PUT(m->text, out->message->text);
    if (behaviour == DO_OK)
        c->shown = m->seq;
    if (behaviour == DO_OK)
        rig_sent(c, job, TD_OK, 0);
    else if (behaviour == DO_AWAY)
        rig_sent(c, job, TD_RETRY, 1);
    else if (behaviour == DO_RETRY)
        rig_sent(c, job, TD_RETRY, 0);
    else if (behaviour == DO_FAIL)
        rig_sent(c, job, TD_REJECT, 0);
}

static void channel_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    struct rig_channel *c = self;
    struct rig_accepted *a = &c->accepted[c->n_accepted++ % RIG_MAX];

    *a = (struct rig_accepted){ .delivery = delivery, .seq = accepted->seq,
                                .status = accepted->status, .duplicate = accepted->duplicate };
    PUT(a->session, accepted->session);
    PUT(a->detail, accepted->detail);
}

static void keep_event(struct rig_event *to, const struct td_event *event)
{
    *to = (struct rig_event){ .type = event->type, .seq = event->seq, .of = event->of };
    PUT(to->turn, event->turn);
    PUT(to->text, event->message != NULL ? event->message->text : event->text);
    PUT(to->owner, event->owner != NULL ? event->owner->name : NULL);
}

static void channel_attached(void *self, uint64_t job, const struct td_attached *attached)
{
    struct rig_channel *c = self;
    struct rig_attached *a = &c->attached[c->n_attached++ % 16];

    *a = (struct rig_attached){ .job = job, .seq = attached->seq, .status = attached->status,
                                .resync = attached->resync };
    PUT(a->session, attached->session);
    for (size_t i = 0; i < attached->n_replay && i < 64; i++) {
        const struct td_event *event = attached->replay[i];

        if (event->type == TD_EV_RECEIPT)
            *(event->status == TD_READ ? &a->read : &a->delivered) = event->of;
        else
            keep_event(&a->replay[a->n_replay++], event);
    }
    if (attached->status == TD_OK)
        c->shown = attached->seq;
}

static void channel_event(void *self, const struct td_event *event)
{
    struct rig_channel *c = self;

    if (event->type == TD_EV_RECEIPT)
        *(event->status == TD_READ ? &c->read : &c->delivered) = event->of;
    else
        keep_event(&c->events[c->n_events++ % RIG_MAX], event);
}

static void channel_pause(void *self, int on)
{
    ((struct rig_channel *)self)->paused = on;
}

static void channel_close(void *self)
{
    ((struct rig_channel *)self)->closed = 1;
}

static void channel_kept(void *self, uint64_t job, const struct td_kept *kept)
{
    struct rig_channel *channel = self;
    struct rig_kept *to = &channel->kept[channel->n_kept++ % 64];

    *to = (struct rig_kept){ .job = job, .status = kept->status, .n = kept->n_pairs,
                             .more = kept->more };
    if (kept->n_pairs > 0) {
        snprintf(to->first, sizeof to->first, "%s", kept->pairs[0]->key);
        snprintf(to->value, sizeof to->value, "%s", (const char *)kept->pairs[0]->value);
    }
    snprintf(to->detail, sizeof to->detail, "%s", kept->detail != NULL ? kept->detail : "");
}

static const struct td_channel_ops channel_ops = {
    .size = sizeof channel_ops, .open = channel_open, .send = channel_send,
    .accepted = channel_accepted, .attached = channel_attached, .event = channel_event,
    .pause = channel_pause, .close = channel_close,
    .kept = channel_kept,
};

static const struct td_plugin chat_plugin = {
    .size = sizeof chat_plugin, .abi_minor = TD_ABI_MINOR, .kind = TD_CHANNEL, .name = "chat",
    .version = "1", .caps = TD_CAN_REPLAY | TD_CAN_STREAM, .ops = &channel_ops,
};
static const struct td_plugin sms_plugin = {
    .size = sizeof sms_plugin, .abi_minor = TD_ABI_MINOR, .kind = TD_CHANNEL, .name = "sms",
    .version = "1", .ops = &channel_ops,
};

/* ---- The agent ---------------------------------------------------------------------------- */

static enum td_status agent_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    struct rig_agent *a = (struct rig_agent *)conf;

    the_host = host;
    a->inst = inst;
    *self_r = a;
    if (a->open_status != TD_OK)
        snprintf(err->text, sizeof err->text, "not today");
    return a->open_status;
}

static void agent_ask(void *self, uint64_t job, const struct td_turn *turn)
{
    struct rig_agent *a = self;
    struct rig_ask *ask = &a->asks[a->n_asks++ % RIG_MAX];

    *ask = (struct rig_ask){ .job = job, .attempt = turn->attempt, .n_messages = turn->n_messages,
                             .n_history = turn->n_history };
    PUT(ask->turn, turn->id);
    PUT(ask->session, turn->session->id);
    for (size_t i = 0; i < turn->n_messages; i++) {
        size_t len = strlen(ask->text);

        snprintf(ask->text + len, sizeof ask->text - len, "%s%s", i > 0 ? "+" : "",
                 turn->messages[i]->text);
    }
    PUT(ask->state, turn->state);
    if (a->behaviour == DO_OK || a->behaviour == DO_TWICE)
        rig_answer(a, job, ask->text);
    if (a->behaviour == DO_TWICE)
        rig_answer(a, job, "twice");
    if (a->behaviour == DO_FAIL)
        rig_answer_status(a, job, TD_FAIL);
    if (a->behaviour == DO_RETRY)
        rig_answer_status(a, job, TD_RETRY);
}

static void agent_cancel(void *self, uint64_t job)
{
    (void)job;
    ((struct rig_agent *)self)->n_cancelled++;
}

static void agent_close(void *self)
{
    (void)self;
}

static const struct td_agent_ops agent_ops = {
    .size = sizeof agent_ops, .open = agent_open, .ask = agent_ask, .cancel = agent_cancel,
    .close = agent_close,
};

static const struct td_plugin agent_plugin = {
    .size = sizeof agent_plugin, .abi_minor = TD_ABI_MINOR, .kind = TD_AGENT, .name = "test",
    .version = "1", .ops = &agent_ops,
};

void rig_answer(struct rig_agent *agent, uint64_t job, const char *text)
{
    char reply[320];
    const struct td_message message = { .size = sizeof message, .text = reply };
    const struct td_message *const messages[] = { &message };
    const struct td_answer answer = {
        .size = sizeof answer, .status = TD_OK, .messages = messages, .n_messages = 1,
        .confidence = -1, .grounded = -1, .state = "{\"n\":1}", .decision = TD_RESOLVE,
    };

    snprintf(reply, sizeof reply, "re: %s", text);
    the_host->answer(agent->inst, job, &answer);
}

void rig_delta(struct rig_agent *agent, uint64_t job, const char *text)
{
    the_host->delta(agent->inst, job, text);
}

void rig_answer_status(struct rig_agent *agent, uint64_t job, enum td_status status)
{
    const struct td_answer answer = { .size = sizeof answer, .status = status, .detail = "no",
                                      .confidence = -1, .grounded = -1 };

    the_host->answer(agent->inst, job, &answer);
}

/* ---- Start and stop ----------------------------------------------------------------------- */

static void post(void *loop, void (*fn)(void *arg), void *arg)
{
    loop_post(loop, fn, arg);
}

static void on_store_failed(void *arg, const char *why)
{
    (void)arg;
    fail_msg("the store failed: %s", why);
}

void rig_reopen(const char *url)
{
    const struct store_conf conf = { .post = post, .loop = rig->loop,
                                     .on_failed = on_store_failed };
    struct err err;

    if (url != NULL)
        PUT(rig->url, url);
    store_close(&rig->store);
    rig->store = store_open(rig->url, &conf, &err);
    if (rig->store == NULL)
        fail_msg("%s", err.text);
}

void rig_start(size_t max_sessions)
{
    const struct gate_conf conf = { .loop = rig->loop, .store = rig->store,
                                    .metrics = rig->metrics, .max_sessions = max_sessions };

    rig->gate = gate_new(&conf);
    gate_set_policy(rig->gate, &rig->policy, NULL);
    for (size_t i = 0; i < 4; i++) {
        struct err err;

        if (gate_instance_open(rig->gate, &rig->instances[i], &err) != 0)
            fail_msg("%s", err.text);
    }
}

void rig_stop(void)
{
    if (rig->gate == NULL)
        return;
    gate_instance_close(rig->gate, TD_CHANNEL, "chat");
    gate_instance_close(rig->gate, TD_CHANNEL, "sms");
    gate_instance_close(rig->gate, TD_AGENT, "main");
    gate_instance_close(rig->gate, TD_AGENT, "backup");
    gate_free(&rig->gate);
}

int rig_setup(void **state)
{
    struct err err;

    (void)state;
    log_setup(getenv("GATE_LOG") != NULL ? LOG_DEBUG_LEVEL : LOG_ERROR_LEVEL, LOG_LOGFMT);
    rig_store = (struct rig_store){ 0 };
    rig = mem_alloc(sizeof *rig);
    rig->loop = loop_new(&err);
    rig->metrics = metric_set_new();
    rig->agents[0] = (struct policy_agent){ .name = "main", .deadline_ms = 2000, .history = 20 };
    rig->agents[1] = (struct policy_agent){ .name = "backup", .deadline_ms = 2000, .history = 20 };
    rig->channels[0] = (struct policy_channel){ .name = "chat", .kind = "chat", .replays = 1,
                                                .agent = &rig->agents[0], .reopen_ms = 60000 };
    rig->channels[1] = (struct policy_channel){ .name = "sms", .kind = "sms",
                                                .agent = &rig->agents[0], .reopen_ms = 60000 };
    rig->policy = (struct policy){
        .hash = "0123456789abcdef", .channels = rig->channels, .n_channels = 2,
        .agents = rig->agents, .n_agents = 2, .max_bounces = 5, .presence_ms = 90000, .desk_away_ms = 30000, .max_pending = 20,
        .max_attempts = 3, .retry_ms = 20, .clarify_max = 2,
        .text_unavailable = "nobody can answer", .text_no_human = "no human",
    };
    rig->instances[0] = (struct gate_instance_conf){ .plugin = &chat_plugin, .name = "chat",
                                                     .conf = &rig->chat };
    rig->instances[1] = (struct gate_instance_conf){ .plugin = &sms_plugin, .name = "sms",
                                                     .conf = &rig->sms };
    rig->instances[2] = (struct gate_instance_conf){ .plugin = &agent_plugin, .name = "main",
                                                     .conf = &rig->main, .breaker_failures = 3,
                                                     .breaker_open_ms = 100 };
    rig->instances[3] = (struct gate_instance_conf){ .plugin = &agent_plugin, .name = "backup",
                                                     .conf = &rig->backup };
    rig->chat.filters = 1;
    rig_reopen("memory:");
    rig_start(1000);
    return 0;
}

int rig_teardown(void **state)
{
    (void)state;
    rig_release();
    rig_stop();
    store_close(&rig->store);
    rig_run(0);
    loop_free(&rig->loop);
    metric_set_free(&rig->metrics);
    free(rig);
    rig = NULL;
    return 0;
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

void rig_run(int ms)
{
    loop_timer_add(rig->loop, (uint64_t)ms, stop_loop, rig->loop);
    loop_run(rig->loop);
}

/* ---- Doing -------------------------------------------------------------------------------- */

void rig_deliver(struct rig_channel *channel, uint64_t delivery, const char *peer,
                 const char *session, const char *id, const char *text)
{
    const struct td_message message = { .size = sizeof message, .id = id, .text = text };
    const struct td_inbound in = { .size = sizeof in, .peer = peer, .session = session,
                                   .scope = session, .message = &message };

    the_host->deliver(channel->inst, delivery, &in);
}

void rig_keep(struct rig_channel *channel, uint64_t job, enum td_keep_op op, const char *key,
              const char *value, int64_t until_ms)
{
    rig_host()->keep(channel->inst, job, &(struct td_keep){
        .size = sizeof(struct td_keep), .op = op, .key = key, .value = value,
        .len = value != NULL ? strlen(value) : 0, .until_ms = until_ms });
}

void rig_attach(uint64_t job, const char *session, uint64_t last_seq, uint32_t max_replay)
{
    const struct td_attach attach = { .size = sizeof attach, .session = session,
                                      .known_at_ms = clock_wall_ms(), .last_seq = last_seq,
                                      .max_replay = max_replay };

    the_host->attach(rig->chat.inst, job, &attach);
}

void rig_sent(struct rig_channel *channel, uint64_t job, enum td_status status, int away)
{
    const struct td_sent sent = { .size = sizeof sent, .status = status, .away = away,
                                  .retry_after_ms = status == TD_RETRY && !away ? 10 : 0,
                                  .detail = status == TD_OK ? NULL : "because" };

    the_host->sent(channel->inst, job, &sent);
}

const struct rig_accepted *rig_accepted_of(const struct rig_channel *channel, uint64_t delivery)
{
    for (size_t i = 0; i < channel->n_accepted && i < RIG_MAX; i++)
        if (channel->accepted[i].delivery == delivery)
            return &channel->accepted[i];
    return NULL;
}

const struct rig_attached *rig_attached_of(uint64_t job)
{
    for (size_t i = 0; i < rig->chat.n_attached && i < 16; i++)
        if (rig->chat.attached[i].job == job)
            return &rig->chat.attached[i];
    return NULL;
}

uint64_t rig_counter(const char *line)
{
    struct buf out = { 0 };
    const char *found;
    uint64_t value = 0;

    metric_print(rig->metrics, &out);
    found = out.data != NULL ? strstr(out.data, line) : NULL;
    if (found != NULL)
        value = strtoull(found + strlen(line), NULL, 10);
    buf_fini(&out);
    return value;
}

static void on_resumed(void *arg, size_t sessions)
{
    (void)arg;
    rig->resumed = sessions;
    rig->resume_done = 1;
}

void rig_resume(void)
{
    rig->resume_done = 0;
    gate_resume(rig->gate, on_resumed, NULL);
    WAIT(rig->resume_done);
}

static void on_json(void *arg, int status, const char *json, size_t len)
{
    (void)arg;
    rig->http_status = status;
    snprintf(rig->json, sizeof rig->json, "%.*s", (int)len, json);
}

static struct ulid id_of(const char *session)
{
    struct ulid id;

    assert_int_equal(ulid_parse(session, &id), 0);
    rig->http_status = 0;
    return id;
}

void rig_session(const char *session)
{
    struct ulid id = id_of(session);

    gate_session(rig->gate, &id, on_json, NULL);
    WAIT(rig->http_status != 0);
}

void rig_list(const char *state)
{
    rig->http_status = 0;
    gate_sessions(rig->gate, state, NULL, 100, on_json, NULL);
    WAIT(rig->http_status != 0);
}

void rig_journal(const char *session, int with_bodies)
{
    struct ulid id = id_of(session);

    gate_journal(rig->gate, &id, 0, 100, with_bodies, on_json, NULL);
    WAIT(rig->http_status != 0);
}

void rig_pass(const char *session, const char *agent)
{
    struct ulid id = id_of(session);

    gate_pass(rig->gate, &id, agent, &(struct gate_order){ .by = "tester" }, on_json, NULL);
    WAIT(rig->http_status != 0);
}

void rig_close(const char *session)
{
    struct ulid id = id_of(session);

    gate_close_session(rig->gate, &id, &(struct gate_order){ .by = "tester" }, on_json, NULL);
    WAIT(rig->http_status != 0);
}

static void on_drained(void *arg)
{
    (void)arg;
    rig->drained++;
}

void rig_drain(int limit_ms)
{
    gate_drain(rig->gate, limit_ms, on_drained, NULL);
}

const struct td_host *rig_host(void)
{
    return the_host;
}
