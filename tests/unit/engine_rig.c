/* engine_rig.c - the engine on a bench. */
#include "config.h"

#include "tests/unit/engine_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/hours.h"
#include "tests/check.h"
#include "tests/same.h"

struct rig *rig_new(void)
{
    static const char *const names[] = { "one", "two", "three", "four" };
    struct rig *rig = mem_alloc(sizeof *rig);
    const struct ulid id = ulid_make(RIG_NOW, 1, 1);

    rig->arena = arena_new(0);
    rig->now = RIG_NOW;
    for (size_t i = 0; i < 4; i++)
        rig->agents[i] = (struct policy_agent){ .name = names[i], .deadline_ms = 30000,
                                                .history = 20 };
    rig->agents[0].next = &rig->agents[1];
    rig->channel = (struct policy_channel){
        .name = "web", .kind = "webchat", .agent = &rig->agents[0], .collect_wait_ms = 2000,
        .collect_max_ms = 10000, .idle_close_ms = 600000, .reopen_ms = 3600000, .replays = 1,
    };
    rig->policy = (struct policy){
        .hash = "0123456789abcdef", .channels = &rig->channel, .n_channels = 1,
        .agents = rig->agents, .n_agents = 4, .max_bounces = 3, .max_pending = 5,
        .max_attempts = 3, .retry_ms = 1000, .clarify_max = 2,
        .text_unavailable = "unavailable", .text_no_human = "no human",
    };
    session_init(&rig->session, &id);
    return rig;
}

void rig_free(struct rig **rig)
{
    struct session folded;

    rig_fold(*rig, &folded);
    assert_true(session_same(&(*rig)->session, &folded));
    session_fini(&folded);
    for (size_t i = 0; i < RIG_JOURNAL; i++) {
        buf_fini(&(*rig)->facts[i]);
        buf_fini(&(*rig)->bodies[i]);
    }
    session_fini(&(*rig)->session);
    hours_free(&(*rig)->hours);
    arena_free(&(*rig)->arena);
    free(*rig);
    *rig = NULL;
}

static void decode(struct rig *rig, uint64_t seq, struct record *record_r)
{
    struct err err;

    if (record_decode(rig->facts[seq].data, rig->facts[seq].len, rig->arena, record_r, &err) != 0 ||
        record_decode_body(rig->bodies[seq].data, rig->bodies[seq].len, rig->arena,
                           &record_r->body, &err) != 0)
        fail_msg("record %d: %s", (int)seq, err.text);
}

enum verdict rig_do(struct rig *rig, struct event event)
{
    arena_reset(rig->arena);
    event.now = rig->now;
    event.random = rig->random;
    for (size_t i = 0; i < EVENT_IDS; i++)
        event.ids[i] = ulid_make(rig->now, rig->session.seq, i + 1);
    rig->step = (struct step){ .arena = rig->arena };
    engine_decide(&rig->session, &event, &rig->policy, &rig->step);
    for (size_t i = 0; i < rig->step.n_records; i++) {
        const struct record *record = &rig->step.records[i];
        assert_int_equal(record->seq, rig->session.seq + i + 1);
        assert_true(record->seq < RIG_JOURNAL);
        record_encode(record, &rig->facts[record->seq]);
        record_encode_body(&record->body, &rig->bodies[record->seq]);
    }
    for (size_t i = 0; i < rig->step.n_records; i++)
        engine_apply(&rig->session, &rig->step.records[i]);
    return rig->step.verdict;
}

enum verdict rig_message(struct rig *rig, const char *id, const char *text)
{
    const struct td_message message = { .size = sizeof message, .id = id, .text = text };

    return rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = &message,
                                       .from = { .channel = "web", .peer = "p1" } });
}

enum verdict rig_answer(struct rig *rig, const struct td_answer *answer)
{
    return rig_do(rig, (struct event){ .type = EVENT_ANSWER, .turn = rig->session.turn.id,
                                       .epoch = rig->session.epoch,
                                       .attempt = rig->session.turn.attempt, .answer = answer });
}

enum verdict rig_says(struct rig *rig, const char *text)
{
    const struct td_message message = { .size = sizeof message, .text = text };
    const struct td_message *const messages[] = { &message };

    return rig_answer(rig, &(struct td_answer){ .messages = messages, .n_messages = 1,
                                                .confidence = -1, .grounded = -1 });
}

enum verdict rig_status(struct rig *rig, enum td_status status, const char *detail)
{
    return rig_answer(rig, &(struct td_answer){ .status = status, .detail = detail });
}

enum verdict rig_event(struct rig *rig, enum event_type type)
{
    return rig_do(rig, (struct event){ .type = type, .from = { .channel = "web" } });
}

enum verdict rig_sent(struct rig *rig, uint64_t of, enum td_delivery status)
{
    return rig_do(rig, (struct event){ .type = EVENT_SENT, .of = of, .status = status });
}

enum verdict rig_due(struct rig *rig)
{
    int64_t due = engine_due(&rig->session, &rig->policy);

    assert_true(due != INT64_MAX);
    if (due > rig->now)
        rig->now = due;
    return rig_event(rig, EVENT_TIMER);
}

const struct record *rig_record(const struct rig *rig, enum record_type type)
{
    for (size_t i = 0; i < rig->step.n_records; i++)
        if (rig->step.records[i].type == type)
            return &rig->step.records[i];
    return NULL;
}

const struct effect *rig_effect(const struct rig *rig, enum effect_type type)
{
    for (size_t i = 0; i < rig->step.n_effects; i++)
        if (rig->step.effects[i].type == type)
            return &rig->step.effects[i];
    return NULL;
}

size_t rig_records(const struct rig *rig, enum record_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < rig->step.n_records; i++)
        n += rig->step.records[i].type == type;
    return n;
}

size_t rig_effects(const struct rig *rig, enum effect_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < rig->step.n_effects; i++)
        n += rig->step.effects[i].type == type;
    return n;
}

const char *rig_last_text(const struct rig *rig)
{
    const struct session *s = &rig->session;

    return s->n_messages > 0 ? s->messages[s->n_messages - 1].text : NULL;
}

void rig_restore(struct rig *rig, struct session *session_r)
{
    struct buf facts = { 0 }, body = { 0 };
    struct err err;

    session_init(session_r, &rig->session.id);
    session_snapshot(&rig->session, &facts, &body);
    if (session_restore(session_r, facts.data, facts.len, body.data, body.len, &err) != 0)
        fail_msg("%s", err.text);
    buf_fini(&facts);
    buf_fini(&body);
}

void rig_fold(struct rig *rig, struct session *session_r)
{
    struct record record;

    session_init(session_r, &rig->session.id);
    for (uint64_t seq = 1; seq <= rig->session.seq; seq++) {
        decode(rig, seq, &record);
        engine_apply(session_r, &record);
    }
}

struct rig *rig_desks(void)
{
    static const char *const at_web[] = { "web", NULL };
    static const char *const allow[] = { "name", "order", NULL };
    struct rig *rig = rig_new();

    rig->desks[0] = (struct policy_desk){ .name = "web", .caps = TD_DESK_HUMANS, .allow = allow };
    rig->desks[1] = (struct policy_desk){ .name = "far", .allow = allow };
    rig->queues[0] = (struct policy_queue){
        .name = "first", .desk = &rig->desks[0], .offer_ms = 10000, .lease_ms = 600000,
        .expiry = EXPIRY_REQUEUE, .promise_ms = 3600000, .priority = 3,
    };
    rig->queues[1] = rig->queues[0];
    rig->queues[1].name = "second";
    rig->queues[1].desk = &rig->desks[1];
    rig->humans[0] = (struct policy_human){ .name = "mia", .title = "Mia", .desks = at_web };
    rig->humans[1] = (struct policy_human){ .name = "bo", .title = "Bo", .desks = at_web };
    rig->policy.desks = rig->desks;
    rig->policy.queues = rig->queues;
    rig->policy.humans = rig->humans;
    rig->policy.n_desks = rig->policy.n_queues = rig->policy.n_humans = 2;
    return rig;
}

int rig_desks_set_up(void **state)
{
    *state = rig_desks();
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *rig = *state;

    rig_free(&rig);
    return 0;
}

enum verdict rig_escalate(struct rig *rig)
{
    if (!rig->session.turn.active)
        assert_int_equal(rig_message(rig, NULL, "help"), VERDICT_OK);
    return rig_answer(rig, &(struct td_answer){ .decision = TD_ESCALATE, .confidence = -1,
                                                .escalate_text = "wants help", .grounded = -1 });
}

enum verdict rig_offered(struct rig *rig, enum offered_outcome outcome, const char *human)
{
    const struct event_offered offered = { .outcome = outcome, .name = human, .wait_ms = -1,
                                           .handoff = rig->session.handoff.id };

    return rig_do(rig, (struct event){ .type = EVENT_OFFERED, .offered = &offered });
}

enum control_outcome rig_control(struct rig *rig, struct event_control control)
{
    assert_int_equal(rig_do(rig, (struct event){ .type = EVENT_CONTROL, .control = &control }),
                     VERDICT_OK);
    return rig->step.outcome;
}

enum control_outcome rig_by(struct rig *rig, enum control_op op, const char *human)
{
    return rig_control(rig, (struct event_control){ .op = op, .human = human, .desk = "web",
                                                    .handoff = rig->session.handoff.id });
}

enum control_outcome rig_human_says(struct rig *rig, const char *human, const char *text)
{
    const struct td_message message = { .size = sizeof message, .text = text };

    return rig_control(rig, (struct event_control){ .op = CONTROL_SAY, .human = human,
                                                    .message = &message, .desk = "web",
                                                    .handoff = rig->session.handoff.id });
}

void rig_live(struct rig *rig)
{
    assert_int_equal(rig_escalate(rig), VERDICT_OK);
    assert_int_equal(rig_offered(rig, OFFERED_QUEUED, NULL), VERDICT_OK);
    assert_int_equal(rig_by(rig, CONTROL_ACCEPT, "mia"), CONTROL_DONE);
}

size_t rig_told(const struct rig *rig, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < rig->session.n_messages; i++)
        n += rig->session.messages[i].text != NULL &&
             strcmp(rig->session.messages[i].text, text) == 0;
    return n;
}
