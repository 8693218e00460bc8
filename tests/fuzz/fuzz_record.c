/*
 * fuzz_record.c - rows of the journal and snapshots as a damaged or foreign store could hold them.
 *
 * Lines: a snapshot's facts, its body (both may be empty), then for each row facts and body.
 * Whatever decodes must encode to the same bytes again, must apply, and the state that comes out
 * must be one that the engine can decide on and that a snapshot brings back whole.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"
#include "engine/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_agent agents[] = {
    { .name = "one", .next = &agents[1], .deadline_ms = 30000, .history = 5 },
    { .name = "two", .deadline_ms = 30000 },
};
static const struct policy_channel channels[] = {
    { .name = "web", .kind = "webchat", .agent = &agents[0], .idle_close_ms = 1000, .replays = 1 },
    { .name = "sms", .kind = "sms", .agent = &agents[1], .queue_mode = QUEUE_COLLECT,
      .collect_wait_ms = 10, .collect_max_ms = 100 },
};
static const struct policy_desk desks[] = {
    { .name = "web", .caps = TD_DESK_HUMANS }, { .name = "far" },
};
static const struct policy_queue queues[] = {
    { .name = "first", .desk = &desks[0], .overflow = &queues[1], .overflow_after_ms = 60000,
      .offer_ms = 1000, .max_wait_ms = 600000, .response_ms = 60000, .lease_ms = 600000,
      .expiry = EXPIRY_REMIND, .fallback = FALLBACK_CALLBACK, .promise_ms = 3600000 },
    { .name = "second", .desk = &desks[1], .offer_ms = 1000, .fallback = FALLBACK_MAILBOX,
      .expiry = EXPIRY_RETURN, .lease_ms = 1000, .promise_ms = 1000, .agent_meanwhile = 1 },
};
static const char *const at_web[] = { "web", NULL };
static const struct policy_human humans[] = { { .name = "mia", .title = "Mia", .desks = at_web } };
static const struct policy policy = {
    .hash = "0", .channels = channels, .n_channels = 2, .agents = agents, .n_agents = 2,
    .max_bounces = 2, .max_pending = 4, .max_attempts = 5, .retry_ms = 1000, .clarify_max = 2,
    .text_unavailable = "unavailable", .text_no_human = "no human",
    .desks = desks, .n_desks = 2, .queues = queues, .n_queues = 2, .humans = humans, .n_humans = 1,
};

struct line {
    const char *text;
    size_t len;
};

static struct line next_line(const char **at, const char *end)
{
    const char *start = *at, *stop = memchr(start, '\n', (size_t)(end - start));

    *at = stop != NULL ? stop + 1 : end;
    return (struct line){ start, (size_t)((stop != NULL ? stop : end) - start) };
}

static void must(int holds)
{
    if (!holds)
        abort();
}

static int same(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void stable(const struct record *record, struct arena *arena)
{
    struct buf facts[2] = { { 0 }, { 0 } }, bodies[2] = { { 0 }, { 0 } };
    struct record again;

    record_encode(record, &facts[0]);
    record_encode_body(&record->body, &bodies[0]);
    must(record_decode(facts[0].data, facts[0].len, arena, &again, NULL) == 0);
    must(record_decode_body(bodies[0].data, bodies[0].len, arena, &again.body, NULL) == 0);
    record_encode(&again, &facts[1]);
    record_encode_body(&again.body, &bodies[1]);
    must(same(&facts[0], &facts[1]) && same(&bodies[0], &bodies[1]));
    for (int i = 0; i < 2; i++) {
        buf_fini(&facts[i]);
        buf_fini(&bodies[i]);
    }
}

static void comes_back(const struct session *session)
{
    struct buf facts[2] = { { 0 }, { 0 } }, bodies[2] = { { 0 }, { 0 } };
    struct session again;

    session_init(&again, &session->id);
    session_snapshot(session, &facts[0], &bodies[0]);
    must(session_restore(&again, facts[0].data, facts[0].len, bodies[0].data, bodies[0].len,
                         NULL) == 0);
    session_snapshot(&again, &facts[1], &bodies[1]);
    must(same(&facts[0], &facts[1]) && same(&bodies[0], &bodies[1]));
    session_fini(&again);
    for (int i = 0; i < 2; i++) {
        buf_fini(&facts[i]);
        buf_fini(&bodies[i]);
    }
}

/* Any state can be looked at, and every kind of event be decided on. */
static void usable(const struct session *session, struct arena *arena)
{
    static const struct td_message message = { .size = sizeof message, .id = "m", .text = "hi" };
    static const struct event_call call = { .type = TD_EV_HUNG_UP };
    static const struct package_target target = { .format = TD_PACKAGE_JSON };
    const struct td_answer answers[] = { { .status = TD_RETRY }, { .silent = "so" },
                                         { .decision = TD_ESCALATE } };

    engine_due(session, &policy);
    engine_busy(session, &policy);
    if (session->turn.active)
        engine_turn(session, &policy, 1700000000000, arena);
    engine_package(session, &policy, &target, arena);
    for (int type = EVENT_OPEN; type <= EVENT_BRIDGE; type++)
        for (int i = 0; i <= CONTROL_TOLD; i++) {
            const struct event_offered offered = {
                .outcome = (enum offered_outcome)(i % (OFFERED_FAILED + 1)), .name = "mia",
                .handoff = session->handoff.id, .wait_ms = i - 1 };
            const struct event_control control = {
                .op = (enum control_op)i, .id = "k", .handoff = session->handoff.id,
                .human = session->handoff.human != NULL ? session->handoff.human : "mia",
                .message = &message, .text = "t", .to_human = "mia", .agent = "a",
                .link = "h" };
            struct event event = {
                .type = (enum event_type)type, .now = 1700000000000 * (int64_t)(i % 2 + 1),
                .from = { .channel = "sms", .peer = i == 0 ? "p" : NULL }, .message = &message,
                .turn = session->turn.id, .epoch = session->epoch,
                .attempt = session->turn.attempt, .answer = &answers[i % 3],
                .of = session->n_messages > 0 ? session->messages[0].seq : 1, .status = TD_SENT,
                .score = 3, .name = "two", .text = "why", .offered = &offered,
                .control = &control, .call = &call,
            };
            struct step step = { .arena = arena };
            engine_decide(session, &event, &policy, &step);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    struct line facts = next_line(&at, end), body = next_line(&at, end);
    struct arena *arena = arena_new(0);
    struct session session;
    struct record record;
    struct err err;

    session_init(&session, &(struct ulid){ { 1 } });
    if (facts.len > 0 && session_restore(&session, facts.text, facts.len,
                                         body.len > 0 ? body.text : NULL, body.len, &err) != 0) {
        session_fini(&session);
        arena_free(&arena);
        return 0;
    }
    while (at < end) {
        facts = next_line(&at, end);
        body = next_line(&at, end);
        if (record_decode(facts.text, facts.len, arena, &record, &err) != 0 ||
            record_decode_body(body.text, body.len, arena, &record.body, &err) != 0)
            continue;
        stable(&record, arena);
        if (record.seq > session.seq) /* the store keeps them in order */
            engine_apply(&session, &record);
    }
    comes_back(&session);
    usable(&session, arena);
    session_fini(&session);
    arena_free(&arena);
    return 0;
}
