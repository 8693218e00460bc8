/* drive_desk.c - a desk is offered handoffs, hears customers, and has them taken away again. */
#include "config.h"

#include "kit/drive_private.h"

#include <stdio.h>

#include "kit/child.h"
#include "kit/fake_host.h"
#include "kit/lend.h"
#include "kit/rules.h"

static const char package[] =
    "{\"reason\":{\"code\":\"requested_human\"},\"summary\":\"wants a human\",\"transcript\":[]}";

static void give_offer(struct fake *fake, uint64_t *job, const char *id,
                       enum td_handoff_state state)
{
    const struct td_handoff handoff = {
        .size = sizeof handoff, .id = id, .session = SESSION, .queue = "sales", .epoch = 3,
        .state = state, .reason = "requested_human", .priority = 5, .since_at_ms = FAKE_START_MS,
        .package = package, .human = state == TD_HANDOFF_LIVE ? "ada" : NULL,
    };

    fake_offer(fake, ++*job, lend_handoff(&handoff));
}

static void give_relay(struct fake *fake, uint64_t *job, const char *id, uint32_t delta)
{
    const struct td_attachment file = { .size = sizeof file, .id = SESSION, .name = "a.txt",
                                        .type = "text/plain", .bytes = 3, .sha256 = "00",
                                        .url = "http://127.0.0.1/files/a.txt" };
    const struct td_attachment *const files[] = { &file };
    const struct td_message message = { .size = sizeof message, .id = SESSION,
                                        .text = delta == 1 ? NULL : "are you there?",
                                        .choice = delta == 1 ? "yes" : NULL,
                                        .author = TD_CUSTOMER, .seq = 4 + delta,
                                        .attachments = files, .n_attachments = delta == 1 };
    const struct td_relay relay = { .size = sizeof relay, .handoff = id, .session = SESSION,
                                    .message = &message, .delta = delta };

    fake_relay(fake, ++*job, lend_relay(&relay));
}

static void give_events(struct fake *fake, const char *id)
{
    const struct td_message message = { .size = sizeof message, .id = SESSION, .text = "hello",
                                        .author = TD_HUMAN, .author_name = "ada", .seq = 9 };
    const struct td_relay said = { .size = sizeof said, .handoff = id, .session = SESSION,
                                   .message = &message };

    for (int type = TD_DESK_TYPING; type <= TD_DESK_PRESENCE; type++) {
        const struct td_desk_event event = {
            .size = sizeof event, .type = (enum td_desk_event_type)type, .handoff = id,
            .session = SESSION, .queue = "sales", .human = "ada", .text = "available",
            .relay = type == TD_DESK_SAID ? &said : NULL, .position = 2, .waiting = 5,
            .wait_ms = -1, .seq = 9, .on = 1,
        };

        fake_desk_event(fake, lend_desk_event(&event));
    }
}

void desk_round(struct fake *fake, unsigned round, uint64_t *job, unsigned *turn)
{
    static const char *const outcomes[] = { "cancelled", "returned", "timeout", "closed" };
    char first[32], second[32];

    snprintf(first, sizeof first, "01JDBXKQ8H%016u", ++*turn);
    snprintf(second, sizeof second, "01JDBXKQ8H%016u", ++*turn);
    give_offer(fake, job, first, TD_HANDOFF_OFFERED);
    give_relay(fake, job, first, 1);
    give_offer(fake, job, first, TD_HANDOFF_QUEUED); /* the same once more */
    give_offer(fake, job, second, TD_HANDOFF_LIVE);
    give_relay(fake, job, second, 0);
    give_events(fake, second);
    fake_release(fake, lend_text(first), lend_text(outcomes[round % 4])); /* perhaps still open */
    give_relay(fake, job, second, 0);
    if (round % 2 == 1)
        fake_advance(fake, 1);
    fake_release(fake, lend_text(second), lend_text(outcomes[(round + 1) % 4]));
}

static void check_offered(const struct td_offered *offered)
{
    check_size("struct td_offered", offered->size, sizeof *offered);
    check_text("a human's name", offered->human, MAX_ADDRESS);
    if (offered->status != TD_OK && offered->detail == NULL)
        child_fail(RULE_ONCE, "offered() was not TD_OK and had no detail: say why in a sentence");
}

static void check_request(const struct td_desk_request *request)
{
    check_size("struct td_desk_request", request->size, sizeof *request);
    check_text("a request's id", request->id, MAX_ID);
    check_text("a request's text", request->text, SIZE_MAX);
    if (request->message != NULL)
        check_message(request->message);
}

/* It is done, refused for now, too late, done: in turn. */
static void done(struct fake *fake, const struct fake_call *call, unsigned *turn)
{
    static const enum td_status statuses[] = { TD_OK, TD_RETRY, TD_REJECT, TD_OK };
    const enum td_status status = statuses[(*turn)++ % 4];
    const struct td_desk_done answer = {
        .size = sizeof answer, .status = status, .retry_after_ms = status == TD_RETRY ? 1000 : 0,
        .code = status == TD_REJECT ? "taken" : NULL, .holder = status == TD_REJECT ? "bob" : NULL,
        .detail = status != TD_OK ? "the kit refuses it" : NULL, .handoff = call->desk->handoff,
        .session = status == TD_OK ? SESSION : NULL, .seq = status == TD_OK ? 12 : 0,
        .json = status == TD_OK ? "{\"handoffs\":[]}" : NULL,
    };

    fake_done(fake, call->id, lend_done(&answer));
}

void desk_serve(struct fake *fake, unsigned *turn)
{
    const struct fake_call *call;

    while ((call = fake_next(fake, FAKE_OFFERED)) != NULL)
        check_offered(call->offered);
    while ((call = fake_next(fake, FAKE_DESK)) != NULL) {
        check_request(call->desk);
        done(fake, call, turn);
    }
}
