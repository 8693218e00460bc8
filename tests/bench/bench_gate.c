/*
 * bench_gate.c - turns a second through gate, engine and store: message in, answer, message out.
 *
 *   bench_gate [sessions [turns [store-url]]]      default 1000 20000 memory:
 *   bench_gate 0 0 store-url                       the start after that, as after a crash
 *
 * The channel and the agent are code in here that answers at once; 1000 messages are under way, one
 * session after the other. The CPU is that of all threads.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <tandem/plugin.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/metric.h"
#include "engine/policy.h"
#include "gate/gate.h"
#include "io/loop.h"
#include "store/store.h"

#define UNDER_WAY 1000
#define MOST_MS 600000

static struct {
    struct loop *loop;
    const struct td_host *host;
    struct td_instance *channel, *agent;
    size_t sessions, turns, done, delivered;
} bench;

static void deliver(void)
{
    size_t session = bench.delivered % bench.sessions;

    char id[32], peer[32];
    const struct td_message message = { .size = sizeof message, .id = id,
                                        .text = "what is the state of my order A-10023?" };
    const struct td_inbound in = { .size = sizeof in, .peer = peer, .message = &message };

    snprintf(id, sizeof id, "m%zu", bench.delivered++);
    snprintf(peer, sizeof peer, "+45%08zu", session);
    bench.host->deliver(bench.channel, session, &in);
}

static enum td_status channel_open(const struct td_host *host, struct td_instance *inst,
                                   const void *conf, void **self_r, struct td_error *err)
{
    (void)conf;
    (void)err;
    bench.host = host;
    bench.channel = inst;
    *self_r = inst;
    return TD_OK;
}

static void channel_send(void *self, uint64_t job, const struct td_outbound *out)
{
    const struct td_sent sent = { .size = sizeof sent, .status = TD_OK };

    (void)out;
    bench.host->sent(self, job, &sent);
    if (++bench.done == bench.turns)
        loop_stop(bench.loop);
    else if (bench.delivered < bench.turns)
        deliver();
}

static void channel_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    (void)self;
    (void)delivery;
    if (accepted->status != TD_OK) {
        fprintf(stderr, "refused: %s\n", accepted->detail);
        exit(1);
    }
}

static void plugin_close(void *self)
{
    (void)self;
}

static enum td_status agent_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    (void)host;
    (void)conf;
    (void)err;
    bench.agent = inst;
    *self_r = inst;
    return TD_OK;
}

static void agent_ask(void *self, uint64_t job, const struct td_turn *turn)
{
    const struct td_message message = { .size = sizeof message, .text = turn->messages[0]->text };
    const struct td_message *const messages[] = { &message };
    const struct td_answer answer = { .size = sizeof answer, .messages = messages, .n_messages = 1,
                                      .confidence = -1, .grounded = -1 };

    bench.host->answer(self, job, &answer);
}

static void agent_cancel(void *self, uint64_t job)
{
    (void)self;
    (void)job;
}

static const struct td_channel_ops channel_ops = {
    .size = sizeof channel_ops, .open = channel_open, .send = channel_send,
    .accepted = channel_accepted, .close = plugin_close,
};
static const struct td_agent_ops agent_ops = {
    .size = sizeof agent_ops, .open = agent_open, .ask = agent_ask, .cancel = agent_cancel,
    .close = plugin_close,
};
static const struct td_plugin channel_plugin = { .size = sizeof channel_plugin, .kind = TD_CHANNEL,
                                                 .name = "bench", .version = "1",
                                                 .ops = &channel_ops };
static const struct td_plugin agent_plugin = { .size = sizeof agent_plugin, .kind = TD_AGENT,
                                               .name = "bench", .version = "1", .ops = &agent_ops };

static void post(void *loop, void (*fn)(void *arg), void *arg)
{
    loop_post(loop, fn, arg);
}

static void run(const char *url)
{
    int64_t start = clock_mono_us();
    clock_t cpu = clock();

    for (size_t i = 0; i < UNDER_WAY && i < bench.turns; i++)
        deliver();
    loop_run(bench.loop);

    double s = (double)(clock_mono_us() - start) / 1e6;
    double busy = (double)(clock() - cpu) / CLOCKS_PER_SEC;

    printf("%s sessions=%zu turns=%zu seconds=%.2f turns_s=%.0f cpu_us_turn=%.1f\n", url,
           bench.sessions, bench.done, s, (double)bench.done / s, busy / (double)bench.done * 1e6);
}

static void on_resumed(void *arg, size_t sessions)
{
    *(size_t *)arg = sessions;
    loop_stop(bench.loop);
}

static void on_late(void *arg)
{
    (void)arg;
    fprintf(stderr, "not resumed within %d ms\n", MOST_MS);
    exit(1);
}

/* All sessions that were under way go on; a daemon listens meanwhile. */
static void resume(struct gate *gate, const char *url)
{
    int64_t start = clock_mono_us();
    clock_t cpu = clock();
    size_t sessions = 0;
    struct loop_timer *most = loop_timer_add(bench.loop, MOST_MS, on_late, NULL);

    gate_resume(gate, on_resumed, &sessions);
    loop_run(bench.loop);
    loop_timer_del(&most);

    double ms = (double)(clock_mono_us() - start) / 1e3;
    double busy = (double)(clock() - cpu) / CLOCKS_PER_SEC * 1e3;

    printf("%s resumed=%zu ms=%.0f ms_1000=%.1f cpu_ms_1000=%.1f\n", url, sessions, ms,
           ms / (double)sessions * 1e3, busy / (double)sessions * 1e3);
}

int main(int argc, char **argv)
{
    static const struct policy_agent agent = { .name = "bench", .deadline_ms = 8000,
                                               .history = 20 };
    static const struct policy_channel channel = { .name = "bench", .kind = "bench",
                                                   .agent = &agent };
    static const struct policy policy = { .hash = "bench", .channels = &channel, .n_channels = 1,
                                          .agents = &agent, .n_agents = 1, .max_pending = 20,
                                          .max_attempts = 3, .retry_ms = 100 };
    const char *url = argc > 3 ? argv[3] : "memory:";
    struct metric_set *metrics = metric_set_new();
    struct err err = { "" };

    bench.sessions = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    bench.turns = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000;
    bench.loop = loop_new(&err);
    const struct store_conf store_conf = { .post = post, .loop = bench.loop };
    struct store *store = store_open(url, &store_conf, &err);
    if (store == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct gate_conf gate_conf = { .loop = bench.loop, .store = store, .metrics = metrics };
    struct gate *gate = gate_new(&gate_conf);

    gate_set_policy(gate, &policy, NULL);
    gate_instance_open(gate, &(struct gate_instance_conf){ .plugin = &channel_plugin,
                                                           .name = "bench" }, &err);
    gate_instance_open(gate, &(struct gate_instance_conf){ .plugin = &agent_plugin,
                                                           .name = "bench" }, &err);
    if (bench.turns > 0)
        run(url);
    else
        resume(gate, url);
    gate_instance_close(gate, TD_CHANNEL, "bench");
    gate_instance_close(gate, TD_AGENT, "bench");
    store_close(&store);
    gate_free(&gate);
    loop_free(&bench.loop);
    metric_set_free(&metrics);
    return 0;
}
