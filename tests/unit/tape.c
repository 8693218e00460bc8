/* tape.c - a conversation written down record by record. */
#include "config.h"

#include "tests/unit/tape.h"

#include <math.h>
#include <string.h>

#include "base/ulid.h"
#include "tests/check.h"

static struct ulid id_of(unsigned id)
{
    return id == 0 ? (struct ulid){ { 0 } } : ulid_make(1, 0, id);
}

void tape_put(struct tape *tape, struct record record)
{
    record.seq = ++tape->seq;
    record.at = tape->now;
    measure_apply(&tape->measure, &record);
}

void tape_begin(struct tape *tape, int64_t now, const char *peer)
{
    *tape = (struct tape){ .arena = arena_new(0), .begun = now, .now = now };
    measure_init(&tape->measure, tape->arena, NULL, 7);
    tape_put(tape, (struct record){ .type = RECORD_OPENED, .channel = "web", .kind = "webchat",
                                    .body.peer = peer });
}

void tape_end(struct tape *tape)
{
    arena_free(&tape->arena);
}

void tape_at(struct tape *tape, int64_t after_ms)
{
    tape->now = tape->begun + after_ms;
}

void tape_customer(struct tape *tape, const char *text)
{
    tape_put(tape, (struct record){ .type = RECORD_MESSAGE, .body.text = text });
}

void tape_agent(struct tape *tape, enum td_decision decision, const char *intent,
                const char *entities)
{
    const uint64_t upto = tape->seq;

    tape_put(tape, (struct record){ .type = RECORD_TURN, .agent = "bot", .upto = upto,
                                    .cause = "message" });
    tape_put(tape, (struct record){ .type = RECORD_TURN_END, .agent = "bot", .upto = upto,
                                    .outcome = TURN_ANSWERED, .decision = (int)decision,
                                    .intent = intent, .body.entities = entities });
    tape_put(tape, (struct record){ .type = RECORD_REPLY, .author = TD_AI, .body.text = "Well." });
}

void tape_handoff(struct tape *tape, unsigned id, unsigned from, const char *queue,
                  const char *code)
{
    tape_put(tape, (struct record){ .type = RECORD_HANDOFF, .handoff = id_of(id),
                                    .from = id_of(from), .queue = queue, .code = code,
                                    .cause = "agent" });
}

void tape_moved(struct tape *tape, unsigned id, const char *queue)
{
    tape_put(tape, (struct record){ .type = RECORD_HANDOFF_STATE, .handoff = id_of(id),
                                    .queue = queue, .state = 1 });
}

void tape_accepted(struct tape *tape, unsigned id)
{
    tape_put(tape, (struct record){ .type = RECORD_HANDOFF_STATE, .handoff = id_of(id),
                                    .name = "mia", .state = 3 });
    tape_put(tape, (struct record){ .type = RECORD_REPLY, .author = TD_SYSTEM,
                                    .handoff = id_of(id), .body.text = "Mia is here." });
}

void tape_human(struct tape *tape, unsigned id, const char *text)
{
    tape_put(tape, (struct record){ .type = RECORD_REPLY, .author = TD_HUMAN,
                                    .handoff = id_of(id), .body.text = text });
}

void tape_stretch(struct tape *tape, unsigned id, int64_t for_ms, enum handoff_outcome outcome,
                  const char *wrapup)
{
    tape_put(tape, (struct record){ .type = RECORD_STRETCH, .handoff = id_of(id),
                                    .outcome = STRETCH_ENDED, .due = tape->now - for_ms,
                                    .body.wrapup = wrapup });
    tape_over(tape, id, outcome);
}

void tape_over(struct tape *tape, unsigned id, enum handoff_outcome outcome)
{
    tape_put(tape, (struct record){ .type = RECORD_HANDOFF_END, .handoff = id_of(id),
                                    .outcome = (int)outcome });
}

void tape_closed(struct tape *tape)
{
    tape_put(tape, (struct record){ .type = RECORD_CLOSED, .cause = "customer" });
}

void tape_rated(struct tape *tape, int score)
{
    tape_put(tape, (struct record){ .type = RECORD_RATING, .score = score });
}

static uint64_t random_state;

void tape_seed(unsigned seed)
{
    random_state = seed;
}

unsigned tape_random(unsigned n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % n;
}

static const char *any(const char *const *of, unsigned n)
{
    return of[tape_random(n)];
}

#define ANY(...)                                                                                   \
    any((const char *const[]){ __VA_ARGS__ },                                                      \
        sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

void tape_any(struct tape *t)
{
    struct record r = { .type = (enum record_type)(1 + tape_random(RECORD_TYPES - 1)) };

    t->now += (int64_t)tape_random(3000000) - (tape_random(50) == 0 ? 5000000 : 0); /* clocks go back, too */
    r.handoff = ulid_make(1, 0, tape_random(6));
    r.from = ulid_make(1, 0, tape_random(6));
    if (tape_random(2))
        r.from = (struct ulid){ { 0 } };
    r.outcome = (int)tape_random(HANDOFF_OUTCOMES);
    r.state = (int)tape_random(8);
    r.author = (int)tape_random(TD_SYSTEM + 1);
    r.decision = (int)tape_random(TD_REFUSE + 1);
    r.grounded = (int)tape_random(3);
    r.score = (int)tape_random(6);
    r.upto = tape_random(200);
    r.due = t->now - tape_random(4000000);
    r.queue = ANY(NULL, "", "sales", "billing", "gone");
    r.code = ANY(NULL, "no_grounding", "frustration", "legal");
    r.cause = ANY(NULL, "message", "promise", "agent", "start");
    r.intent = ANY(NULL, "refund", "quote");
    r.channel = ANY(NULL, "web", "sms");
    r.agent = ANY(NULL, "bot");
    r.body.text = ANY(NULL, "", "order A-10023 is late and the parcel never came here", "\xff",
                      "What is your order number?", "mia@example.com");
    r.body.entities = ANY(NULL, "{\"order_id\":\"A-10023\"}", "{", "[]", "{\"a\":{}}");
    r.body.wrapup = ANY(NULL, "{\"outcome\":\"resolved\",\"escalation\":\"late\"}", "7", "{\"",
                        "{\"escalation\":\"right\",\"reason_should_be\":\"legal\"}");
    r.body.peer = ANY(NULL, "a", "b");
    r.body.customer_id = ANY(NULL, "dana");
    r.body.customer_email = ANY(NULL, "dana@example.com", "");
    tape_put(t, r);
}

double figure_of(struct figures *figures, const char *name)
{
    struct figure list[FIGURES_MOST];
    const size_t n = figures_list(figures, list);

    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return list[i].known ? list[i].value : NAN;
    fail_msg("there is no figure '%s'", name);
    return NAN;
}
