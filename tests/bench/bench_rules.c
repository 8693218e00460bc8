/*
 * bench_rules.c - what rules and signals cost a message and an answer, and what reading a journal of
 * 10,000 sessions again under other rules takes (policy try). The arguments: a conf, and where the
 * store may stand.
 *
 * The reference is the same step in the same run without rules and packs.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "daemon/policy_api.h"
#include "daemon/setup.h"
#include "engine/engine.h"
#include "plug/loader.h"
#include "tests/store_pump.h"

#define SESSIONS 10000
#define TURNS 4

static const char *const said[TURNS] = {
    "Hello, I ordered two lamps last Tuesday and only one of them came.",
    "Could you tell me whether the other one is on its way, or should I write to somebody?",
    "My invoice has the number 4711, and the address is the same as always.",
    "Thank you, that is all I wanted to know for today.",
};
static const char *const answered[TURNS] = {
    "Good day! Let me see what I can find about your lamps.",
    "The second one left the warehouse on Wednesday, and comes with the post.",
    "The invoice is for both lamps; nothing more needs to be paid.",
    "You are welcome. Enjoy the light!",
};

struct talk {
    struct session session;
    struct arena *arena;
    struct step step;
    struct buf facts, bodies;
    struct store_record *records;
    size_t n;
    int64_t us[2]; /* spent on messages, on answers */
};

static void step(struct talk *t, const struct policy *policy, struct event event)
{
    const int64_t start = clock_mono_us();

    arena_reset(t->arena);
    event.now = 1700000000000 + (int64_t)t->session.seq;
    for (size_t i = 0; i < EVENT_IDS; i++)
        event.ids[i] = ulid_make(event.now, t->session.seq, i + 1);
    t->step = (struct step){ .arena = t->arena };
    engine_decide(&t->session, &event, policy, &t->step);
    for (size_t i = 0; i < t->step.n_records; i++)
        engine_apply(&t->session, &t->step.records[i]);
    t->us[event.type == EVENT_ANSWER] += clock_mono_us() - start;
}

/* Its records, behind those that are there. */
static void keep(struct talk *t)
{
    for (size_t i = 0; i < t->step.n_records; i++) {
        struct buf facts = { 0 }, body = { 0 };

        record_encode(&t->step.records[i], &facts);
        record_encode_body(&t->step.records[i].body, &body);
        t->records = mem_grow(t->records, (t->n + 1) * sizeof *t->records);
        t->records[t->n] = (struct store_record){ .seq = t->n + 1, .data = facts.data,
                                                  .data_len = facts.len, .body = body.data,
                                                  .body_len = body.len };
        t->n++;
    }
}

static void talk(struct talk *t, const struct policy *policy, size_t number, int kept)
{
    const struct ulid id = ulid_make(clock_wall_ms(), 1, number + 1);

    session_init(&t->session, &id);
    for (size_t i = 0; i < TURNS; i++) {
        const char *text = number % 10 == 9 && i == 2 ? "I want to talk to a human" : said[i];
        const struct td_message message = { .size = sizeof message, .id = said[i], .text = text };
        const struct td_message reply = { .size = sizeof reply, .text = answered[i] };
        const struct td_message *const replies[] = { &reply };
        const struct td_answer answer = { .size = sizeof answer, .messages = replies,
                                          .n_messages = 1, .confidence = -1, .grounded = -1 };

        step(t, policy, (struct event){ .type = EVENT_MESSAGE, .message = &message,
                                        .from = { .channel = "web", .locale = "en" } });
        if (kept)
            keep(t);
        if (!t->session.turn.active)
            break;
        step(t, policy, (struct event){ .type = EVENT_ANSWER, .turn = t->session.turn.id,
                                        .epoch = t->session.epoch,
                                        .attempt = t->session.turn.attempt, .answer = &answer });
        if (kept)
            keep(t);
    }
}

static void costs(const struct policy *with)
{
    struct policy without = *with;
    const struct policy *const policies[] = { &without, with };
    double each[2][2];

    without.n_rules = 0;
    without.phrases = NULL;
    without.phrases_asked = 0;
    for (int round = 0; round < 2; round++) { /* the first warms up */
        for (int which = 0; which < 2; which++) {
            struct talk t = { .arena = arena_new(0) };
            for (size_t i = 0; i < SESSIONS / 4; i++) {
                talk(&t, policies[which], i, 0);
                session_fini(&t.session);
            }
            for (int k = 0; k < 2; k++)
                each[which][k] = (double)t.us[k] / (SESSIONS / 4 * TURNS);
            arena_free(&t.arena);
        }
    }
    printf("a message's step  %6.1f us with the rules, %5.1f without: %+.1f us\n", each[1][0],
           each[0][0], each[1][0] - each[0][0]);
    printf("an answer's step  %6.1f us with the rules, %5.1f without: %+.1f us\n", each[1][1],
           each[0][1], each[1][1] - each[0][1]);
}

/* ---- policy try --------------------------------------------------------------------------- */

static size_t stored;

static void on_stored(void *arg, const struct store_result *result)
{
    (void)arg;
    stored += result->status == STORE_OK;
}

static void store_one(struct store *store, const struct policy *policy, struct talk *t,
                      struct store_batch *batch, size_t number)
{
    t->arena = arena_new(0);
    talk(t, policy, number, 1);
    *batch = (struct store_batch){ .session = t->session.id, .records = t->records,
                                   .n_records = t->n, .wake_at = STORE_WAKE_NEVER,
                                   .now = clock_wall_ms() };
    store_append(store, batch, on_stored, NULL);
    session_fini(&t->session);
    arena_free(&t->arena);
}

static const struct policy *the_policy;

static const struct policy *build(void *arg, const char *rules, struct buf *report)
{
    (void)arg, (void)rules, (void)report;
    return the_policy;
}

static void drop(const struct policy *policy)
{
    (void)policy;
}

static int over;
static char id[ULID_TEXT];
static int64_t sessions, records;

static void on_reply(void *arg, int status, const char *json, size_t len)
{
    cJSON *tree = cJSON_ParseWithLength(json, len);
    const char *text = td_json_get_str(tree, "id");

    (void)arg;
    if (status >= 300) {
        fprintf(stderr, "policy try: %.*s\n", (int)len, json);
        exit(1);
    }
    snprintf(id, sizeof id, "%s", text ? text : "");
    over = cJSON_IsTrue(td_json_get(tree, "finished"));
    td_json_get_int(tree, "sessions", &sessions);
    td_json_get_int(tree, "records", &records);
    cJSON_Delete(tree);
}

static void try_rules(struct pump *pump, struct store *store, const struct policy *policy)
{
    static const char body[] = "{\"rules\":\"\",\"since_s\":86400}";
    struct talk *talks = mem_array(SESSIONS, sizeof *talks);
    struct store_batch *batches = mem_array(SESSIONS, sizeof *batches);
    struct policy_api *api;

    for (size_t i = 0; i < SESSIONS; i++)
        store_one(store, policy, &talks[i], &batches[i], i);
    while (stored < SESSIONS)
        pump_some(pump, 1000);
    the_policy = policy;
    api = policy_api_new(&(struct policy_api_conf){ .store = store, .build = build,
                                                    .drop = drop });
    const int64_t start = clock_mono_us();
    policy_try_start(api, body, sizeof body - 1, on_reply, NULL);
    while (!over) {
        pump_some(pump, 100);
        policy_try_state(api, id, on_reply, NULL);
    }
    printf("policy try        %lld sessions, %lld records in %.2f s (it may take 10)\n",
           (long long)sessions, (long long)records, (double)(clock_mono_us() - start) / 1e6);
    policy_api_free(&api);
}

int main(int argc, char **argv)
{
    struct loader *loader = NULL;
    struct pump pump;
    struct store_conf conf;
    struct err err;

    if (argc != 3) {
        fputs("usage: bench_rules CONF sqlite:FILE\n", stderr);
        return 2;
    }
    struct setup *setup = setup_read(argv[1], &loader);
    if (setup_errors(setup) > 0) {
        fputs(setup_report(setup, "no bench"), stderr);
        return 1;
    }
    costs(setup->policy);
    pump_init(&pump);
    conf = pump_conf(&pump);
    struct store *store = store_open(argv[2], &conf, &err);
    if (!store) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    try_rules(&pump, store, setup->policy);
    store_close(&store);
    setup_free(&setup);
    loader_free(&loader);
    return 0;
}
