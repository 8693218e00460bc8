/* drive.c - what a daemon would do to a plugin, and what it should not have to. */
#include "config.h"

#include "kit/drive.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "kit/child.h"
#include "kit/drive_private.h"
#include "kit/fake_host.h"
#include "kit/lend.h"
#include "kit/rules.h"
#include "kit/wire.h"

#define MAX_REFUSED 64
#define RETRY_MS 1000

/* A delivery that was answered with TD_RETRY: not again before at_ms. */
struct refused {
    char id[MAX_ID + 1];
    int64_t at_ms;
};

struct side {
    struct fake *fake;
    struct refused refused[MAX_REFUSED];
    unsigned n_refused, turn;
    uint64_t job;
};

static void on_before(void *arg, const char *op)
{
    (void)arg;
    child_before(op);
}

static void on_after(void *arg, const char *op)
{
    (void)arg;
    child_after(op);
}

static void on_fault(void *arg, int rule, const char *sentence)
{
    (void)arg;
    child_fail(rule, "%s", sentence);
}

static int side_open(struct side *side, const struct drive *drive, int i)
{
    const struct fake_ear ear = { on_before, on_after, on_fault, NULL };

    if (side->fake == NULL)
        side->fake = fake_new(i == 0 ? "first" : "second");
    side->job = UINT64_MAX - 1000000 * (uint64_t)(i + 1); /* numbers of the host's own choice */
    fake_listen(side->fake, &ear);
    lend_to(drive->plugin->kind);
    if (fake_open(side->fake, drive->plugin, drive->conf[i]) == TD_OK)
        return 0;
    if (i == 0)
        child_fail(RULE_OPEN, "open() failed: %.300s; give it the keys it needs: KEY=VALUE",
                   fake_error(side->fake));
    else
        child_fail(RULE_TWO, "a second instance did not open: %.300s; give it keys of its own "
                   "behind --", fake_error(side->fake));
    return -1;
}

/* The instance itself goes with the process: a thread that the plugin forgot may still call it. */
static void side_close(struct side *side)
{
    const unsigned forgotten = fake_close(side->fake);

    if (forgotten > 0)
        child_fail(RULE_CLOSE, "close() left %u timers, watches or HTTP requests: delete each in "
                   "close()", forgotten);
}

/* ---- What comes from the plugin ----------------------------------------------------------- */

void check_text(const char *what, const char *text, size_t max)
{
    if (text == NULL)
        return;
    if (!utf8_valid(text, strlen(text)))
        child_fail(RULE_TEXT, "%s is not UTF-8: convert or refuse it before it is handed in", what);
    if (strlen(text) > max)
        child_fail(RULE_TEXT, "%s has %zu bytes, at most %zu may be: refuse or hash it", what,
                   strlen(text), max);
}

void check_size(const char *what, uint32_t size, size_t least)
{
    if (size < least)
        child_fail(RULE_SIZE, "%s came with size %u: set .size = sizeof of it", what, size);
}

void check_message(const struct td_message *message)
{
    check_size("struct td_message", message->size, sizeof(uint32_t) * 2);
    check_text("a message's id", message->id, MAX_ID);
    check_text("a message's text", message->text, SIZE_MAX);
}

static void check_inbound(struct side *side, const struct fake_call *call)
{
    const struct td_inbound *in = call->in;
    const int by_itself = strcmp(call->out_of, "accepted") == 0 ||
                          strcmp(call->out_of, "a timer's callback") == 0;

    check_size("struct td_inbound", in->size, sizeof(uint32_t) * 2);
    check_text("a peer", in->peer, MAX_ADDRESS);
    check_message(in->message);
    if (in->peer == NULL && in->session == NULL)
        child_fail(RULE_TEXT, "deliver() came without peer and session: say who wrote");
    for (unsigned i = 0; i < side->n_refused; i++) {
        if (by_itself && strcmp(side->refused[i].id, in->message->id) == 0 &&
            call->at_ms < side->refused[i].at_ms)
            child_fail(RULE_BOUND, "deliver() came again %lld ms too early: after TD_RETRY wait "
                       "for retry_after_ms in a timer",
                       (long long)(side->refused[i].at_ms - call->at_ms));
    }
}

static void check_answer(const struct td_answer *answer)
{
    check_size("struct td_answer", answer->size, sizeof(uint32_t) * 2);
    if (answer->n_messages > 10)
        child_fail(RULE_BOUND, "answer() came with %zu messages, at most 10 may be",
                   answer->n_messages);
    if (answer->status != TD_OK && answer->detail == NULL)
        child_fail(RULE_ONCE, "answer() was not TD_OK and had no detail: say why in a sentence");
    if (answer->state != NULL && strlen(answer->state) > 65536)
        child_fail(RULE_BOUND, "answer() came with a state of more than 64 KiB");
    for (size_t i = 0; i < answer->n_messages && i < 10; i++)
        check_message(answer->messages[i]);
}

static void check_sent(const struct td_sent *sent)
{
    check_size("struct td_sent", sent->size, sizeof(uint32_t) * 2);
    if (sent->status != TD_OK && sent->detail == NULL && !sent->away)
        child_fail(RULE_ONCE, "sent() was not TD_OK and had no detail: say why in a sentence");
}

/* A delivery is taken, known already, refused for now, refused for ever: in turn. */
static void accept(struct side *side, const struct fake_call *call)
{
    static const enum td_status statuses[] = { TD_RETRY, TD_OK, TD_OK, TD_REJECT };
    const enum td_status status = statuses[side->turn % 4];
    const struct td_accepted accepted = {
        .size = sizeof accepted, .status = status, .duplicate = side->turn % 4 == 2,
        .session = status == TD_OK ? SESSION : NULL, .seq = status == TD_OK ? 7 : 0,
        .retry_after_ms = status == TD_RETRY ? RETRY_MS : 0,
        .detail = status != TD_OK ? "the kit refuses it" : NULL,
    };

    side->turn++;
    if (status == TD_RETRY) {
        struct refused *refused = &side->refused[side->n_refused % MAX_REFUSED];

        snprintf(refused->id, sizeof refused->id, "%s", call->in->message->id);
        refused->at_ms = fake_now(side->fake) + RETRY_MS;
        side->n_refused += side->n_refused < MAX_REFUSED;
    }
    fake_accepted(side->fake, call->id, lend_accepted(&accepted));
}

static void attach(struct side *side, const struct fake_call *call)
{
    static const enum td_status statuses[] = { TD_OK, TD_AUTH, TD_RETRY };
    const struct td_owner owner = { .size = sizeof owner, .kind = TD_OWNER_AGENT, .name = "kit" };
    const struct td_message message = { .size = sizeof message, .id = SESSION, .text = "hello",
                                        .author = TD_AI, .seq = 2 };
    const struct td_event event = { .size = sizeof event, .type = TD_EV_MESSAGE,
                                    .session = SESSION, .seq = 2, .message = &message };
    const struct td_event *replay[] = { &event };
    const enum td_status status = statuses[side->turn++ % 3];
    const struct td_attached attached = {
        .size = sizeof attached, .status = status, .session = status == TD_OK ? SESSION : NULL,
        .detail = status != TD_OK ? "the kit refuses it" : NULL, .seq = 2, .owner = &owner,
        .replay = replay, .n_replay = status == TD_OK,
    };

    fake_attached(side->fake, call->id, lend_attached(&attached));
}

/* A file is taken, refused for now, refused for ever: in turn. */
static void file(struct side *side, const struct fake_call *call)
{
    static const enum td_status statuses[] = { TD_OK, TD_RETRY, TD_REJECT };
    const struct td_attachment taken = { .size = sizeof taken, .id = SESSION, .name = "a.txt",
                                         .type = "text/plain", .bytes = call->file->len };
    const enum td_status status = statuses[side->turn++ % 3];
    const struct td_filed filed = {
        .size = sizeof filed, .status = status, .attachment = status == TD_OK ? &taken : NULL,
        .detail = status != TD_OK ? "the kit refuses it" : NULL,
        .retry_after_ms = status == TD_RETRY ? RETRY_MS : 0,
    };

    fake_filed(side->fake, call->id, lend_filed(&filed));
}

static void check_new(struct side *side)
{
    const struct fake_call *call;

    while ((call = fake_next(side->fake, FAKE_SENT)) != NULL)
        check_sent(call->sent);
    while ((call = fake_next(side->fake, FAKE_ANSWER)) != NULL)
        check_answer(call->answer);
}

/* Runs what is due and answers what is asked, until `rounds` are over. */
static void serve(struct side *side, unsigned rounds)
{
    const struct fake_call *call;

    while (rounds-- > 0) {
        fake_run(side->fake);
        while ((call = fake_next(side->fake, FAKE_DELIVER)) != NULL) {
            check_inbound(side, call);
            accept(side, call);
        }
        while ((call = fake_next(side->fake, FAKE_ATTACH)) != NULL)
            attach(side, call);
        while ((call = fake_next(side->fake, FAKE_FILE)) != NULL)
            file(side, call);
        while ((call = fake_next(side->fake, FAKE_KEEP)) != NULL)
            fake_kept(side->fake, call->id, lend_kept(fake_keep_run(side->fake, call->keep)));
        desk_serve(side->fake, &side->turn);
        wire_http(side->fake, 1);
        check_new(side);
    }
}

/* ---- What comes to the plugin ------------------------------------------------------------- */

static void give_send(struct side *side, const struct td_message *message, const char *session)
{
    const struct td_outbound out = {
        .size = sizeof out, .session = session, .peer = "loopback", .message = message,
        .maybe_duplicate = side->job % 2 == 1,
    };

    fake_send(side->fake, ++side->job, lend_outbound(&out));
}

static void give_events(struct side *side)
{
    const struct td_owner owner = { .size = sizeof owner, .kind = TD_OWNER_NONE, .name = "" };
    const enum td_event_type types[] = { TD_EV_OWNER, TD_EV_TYPING, TD_EV_RECEIPT, TD_EV_PROMISE,
                                         TD_EV_CLOSED };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct td_event event = {
            .size = sizeof event, .type = types[i], .session = SESSION, .seq = i, .of = 2,
            .status = TD_DELIVERED, .on = 1, .text = "idle", .owner = &owner,
            .promise = "01JDBXKQ7Z0000000000000002", .due_at_ms = FAKE_START_MS,
            .promised = TD_PROMISE_MADE,
        };

        fake_event(side->fake, lend_event(&event));
    }
}

static void channel_round(struct side *side, unsigned round)
{
    static char much[60000];
    const struct td_choice yes = { sizeof yes, "Yes", "yes" };
    const struct td_choice *const choices[] = { &yes };
    struct td_message message = { .size = sizeof message, .id = SESSION, .text = "hello",
                                  .author = TD_AI, .author_name = "kit", .seq = 2 };

    memset(much, 'm', sizeof much - 1);
    give_send(side, &message, SESSION);
    message.choices = choices;
    message.n_choices = 1;
    give_send(side, &message, SESSION);
    fake_pause(side->fake, round % 2 == 0);
    message.text = NULL;
    give_send(side, &message, "01JDBXKQ7Z0000000000000001");
    message.text = much;
    give_send(side, &message, SESSION);
    give_events(side);
}

static void give_turn(struct side *side, const struct td_message *messages, size_t n,
                      enum td_cause cause, const char *state)
{
    const struct td_customer customer = { .size = sizeof customer, .id = "c1", .name = "Ada" };
    const struct td_session_info session = {
        .size = sizeof session, .id = SESSION, .channel = "web", .kind = "webchat",
        .started_at_ms = FAKE_START_MS, .customer = &customer,
    };
    char id[32];
    const struct td_turn turn = {
        .size = sizeof turn, .id = id, .epoch = 1, .cause = cause, .attempt = 1,
        .session = &session, .messages = lend_messages(messages, n), .n_messages = n,
        .history = lend_messages(messages, n), .n_history = n, .deadline_ms = 20000,
        .clarify_left = 2, .state = state,
    };

    snprintf(id, sizeof id, "01JDBXKQ7Z%016u", side->turn++);
    fake_ask(side->fake, ++side->job, lend_turn(&turn));
}

static void agent_round(struct side *side, unsigned round)
{
    struct td_message messages[25];

    for (size_t i = 0; i < 25; i++)
        messages[i] = (struct td_message){ .size = sizeof messages[i], .id = "1",
                                           .text = i == 3 ? NULL : "hello",
                                           .choice = i == 3 ? "yes" : NULL, .seq = i + 1 };
    give_turn(side, messages, 1, TD_BY_MESSAGE, NULL);
    give_turn(side, messages, 25, TD_BY_MESSAGE, "{\"step\":1}");
    give_turn(side, messages, 0, TD_BY_START, NULL);
    for (unsigned i = 0; i <= round; i++) { /* not wanted any more: at once, and a little later */
        give_turn(side, messages, 1, TD_BY_MESSAGE, NULL);
        if (i % 2 == 1)
            fake_advance(side->fake, 1);
        if (fake_job_is_open(side->fake, side->job))
            fake_cancel(side->fake, side->job);
    }
}

static void round_of(struct side *side, const struct drive *drive, unsigned round)
{
    if (drive->plugin->kind == TD_CHANNEL)
        channel_round(side, round);
    else if (drive->plugin->kind == TD_AGENT)
        agent_round(side, round);
    else
        desk_round(side->fake, round, &side->job, &side->turn);
}

static const char *answers_of(enum td_kind kind)
{
    return kind == TD_CHANNEL ? "sent()" : kind == TD_AGENT ? "answer()" : "offered() or sent()";
}

/* ---- Scenes ------------------------------------------------------------------------------- */

/* Threads and peers of the plugin's own live in real time: they get some. */
static void settle(struct side *sides, unsigned threads)
{
    for (unsigned i = 0; i < 200 && wire_threads() > threads &&
                         fake_unanswered(sides[0].fake) + fake_unanswered(sides[1].fake) > 0;
         i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
        serve(&sides[0], 1);
        serve(&sides[1], 1);
    }
}

static void *nothing(void *arg)
{
    return arg;
}

/* Before the plugin runs. With the first thread a sanitizer starts one of its own, which stays. */
static unsigned threads_before(void)
{
    pthread_t first;

    if (pthread_create(&first, NULL, nothing, NULL) == 0)
        pthread_join(first, NULL);
    return wire_threads();
}

/* What was started goes a moment after it is joined; what stays is leaked. */
static void check_left(unsigned threads, unsigned fds)
{
    for (unsigned i = 0; i < 100 && wire_threads() > threads; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    if (wire_threads() > threads)
        child_fail(RULE_CLOSE, "close() left %u threads running: stop and pthread_join() them in "
                   "close()", wire_threads() - threads);
    if (wire_fds() > fds)
        child_fail(RULE_CLOSE, "close() left %u descriptors open: close() them", wire_fds() - fds);
}

void drive_open_close(void *arg)
{
    const struct drive *drive = arg;
    const unsigned threads = threads_before(), fds = wire_fds();
    struct side side = { 0 };

    for (unsigned i = 0; i < 3; i++) {
        if (side_open(&side, drive, 0) != 0)
            break;
        if (i == 1)
            round_of(&side, drive, i); /* closed with all of it under way */
        side_close(&side);
    }
    check_left(threads, fds);
}

void drive_talk(void *arg)
{
    const struct drive *drive = arg;
    const unsigned threads = threads_before(), fds = wire_fds();
    struct side sides[2] = { 0 };

    if (side_open(&sides[0], drive, 0) != 0 || side_open(&sides[1], drive, 1) != 0)
        return;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 2; i++) {
            round_of(&sides[i], drive, round);
            wire_poke(sides[i].fake, round);
            serve(&sides[i], 3);
        }
        settle(sides, threads);
        for (unsigned s = 0; s < 120; s++) { /* seconds at first, then minutes */
            for (unsigned i = 0; i < 2; i++) {
                fake_advance(sides[i].fake, s < 60 ? 1000 : 60000);
                serve(&sides[i], 1);
            }
        }
        for (unsigned i = 0; i < 2; i++) {
            if (fake_unanswered(sides[i].fake) > 0)
                child_fail(RULE_ONCE, "%u jobs were never answered in an hour: answer each with "
                           "%s, also when it fails", fake_unanswered(sides[i].fake),
                           answers_of(drive->plugin->kind));
        }
    }
    const unsigned before = fake_unanswered(sides[1].fake);
    side_close(&sides[0]); /* the other one goes on */
    round_of(&sides[1], drive, 0);
    serve(&sides[1], 3);
    settle((struct side[]){ sides[1], sides[1] }, threads);
    for (unsigned s = 0; s < 60; s++) {
        fake_advance(sides[1].fake, 60000);
        serve(&sides[1], 1);
    }
    if (before == 0 && fake_unanswered(sides[1].fake) > 0)
        child_fail(RULE_TWO, "after the first instance was closed the second answered no more: no "
                   "globals that change");
    side_close(&sides[1]);
    check_left(threads, fds);
}

void drive_mute(void *arg)
{
    const struct drive *drive = arg;
    struct side side = { 0 };

    if (side_open(&side, drive, 0) != 0)
        return;
    fake_http_refuse(side.fake, 1);
    round_of(&side, drive, 0);
    wire_poke(side.fake, 1);
    for (unsigned s = 0; s < 600 && fake_asked(side.fake) <= FAKE_MAX_CALLS; s++)
        fake_advance(side.fake, 1000);
    if (fake_asked(side.fake) > FAKE_MAX_CALLS)
        child_fail(RULE_BOUND, "%u deliveries or attaches stood open at once: wait for accepted() "
                   "before you hand in more than %d", fake_asked(side.fake), FAKE_MAX_CALLS);
    check_new(&side);
    side_close(&side);
}
