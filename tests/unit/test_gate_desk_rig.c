/* test_gate_desk_rig.c - a desk made of test code, beside the rig's channels and agents. */
#include "config.h"

#include "tests/unit/test_gate_desk_rig.h"

#include "base/err.h"

static const char *const none[] = { NULL }, *const here[] = { "support", NULL };

struct test_desk desk;
char session[27];

static uint64_t last_job;

static enum td_status desk_open(const struct td_host *host, struct td_instance *inst,
                                const void *conf, void **self_r, struct td_error *err)
{
    (void)host, (void)conf, (void)err;
    desk.inst = inst;
    *self_r = &desk;
    return TD_OK;
}

static void desk_offer(void *self, uint64_t job, const struct td_handoff *handoff)
{
    struct test_desk *d = self;
    struct offered *to = &d->offers[d->n_offers++ % DESK_MAX];

    to->state = handoff->state;
    snprintf(to->id, sizeof to->id, "%s", handoff->id);
    snprintf(to->human, sizeof to->human, "%s", handoff->human != NULL ? handoff->human : "");
    rig_host()->offered(d->inst, job, &(struct td_offered){
        .size = sizeof(struct td_offered), .status = d->answer, .wait_ms = -1,
    });
}

static void desk_relay(void *self, uint64_t job, const struct td_relay *relay)
{
    struct test_desk *d = self;

    (void)relay;
    d->n_relays++;
    rig_host()->sent(d->inst, job, &(struct td_sent){ .size = sizeof(struct td_sent),
                                                      .status = TD_OK });
}

static void desk_release(void *self, const char *handoff, const char *outcome)
{
    struct test_desk *d = self;

    snprintf(d->released, sizeof d->released, "%s", handoff);
    snprintf(d->outcome, sizeof d->outcome, "%s", outcome);
}

static void put(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

static void desk_done(void *self, uint64_t job, const struct td_desk_done *done)
{
    struct test_desk *d = self;
    struct answered *to = &d->answers[d->n_answers++ % DESK_MAX];

    *to = (struct answered){ .job = job, .status = done->status };
    put(to->code, sizeof to->code, done->code);
    put(to->holder, sizeof to->holder, done->holder);
    put(to->handoff, sizeof to->handoff, done->handoff);
    put(to->json, sizeof to->json, done->json);
}

static void desk_close(void *self)
{
    (void)self;
}

static const struct td_desk_ops ops = {
    .size = sizeof ops, .open = desk_open, .offer = desk_offer, .relay = desk_relay,
    .release = desk_release, .done = desk_done, .close = desk_close,
};
static const struct td_plugin plugin = {
    .size = sizeof plugin, .abi_minor = TD_ABI_MINOR, .kind = TD_DESK, .name = "test",
    .version = "1", .caps = TD_DESK_HUMANS, .ops = &ops,
};

/* ---- The rig with a desk ------------------------------------------------------------------ */

static const struct policy_desk desks[] = { { .name = "support", .caps = TD_DESK_HUMANS,
                                              .allow = none } };
static struct policy_queue queues[1];
struct policy_human humans[2];

void open_desk(void)
{
    struct err err;

    if (gate_instance_open(rig->gate, &(struct gate_instance_conf){ .plugin = &plugin,
                                                                    .name = "support" }, &err) != 0)
        fail_msg("%s", err.text);
}

int set_up(void **state)
{
    desk = (struct test_desk){ .answer = TD_OK };
    queues[0] = (struct policy_queue){ .name = "billing", .desk = desks, .skills = none,
                                       .offer_ms = 10000 };
    humans[0] = (struct policy_human){ .name = "mia", .title = "Mia", .desks = here,
                                       .skills = none, .languages = none };
    humans[1] = humans[0];
    humans[1].name = humans[1].title = "noah";
    humans[1].supervise = 1;
    rig_setup(state);
    rig->policy.desks = desks;
    rig->policy.n_desks = 1;
    rig->policy.queues = queues;
    rig->policy.n_queues = 1;
    rig->policy.humans = humans;
    rig->policy.n_humans = 2;
    gate_set_policy(rig->gate, &rig->policy, NULL);
    open_desk();
    return 0;
}

int tear_down(void **state)
{
    if (rig->gate != NULL)
        gate_instance_close(rig->gate, TD_DESK, "support");
    return rig_teardown(state);
}

uint64_t hand_in(struct td_desk_request request)
{
    const size_t n = desk.n_answers;

    request.size = sizeof request;
    rig_host()->desk(desk.inst, ++last_job, &request);
    assert_int_equal(desk.n_answers, n); /* never from inside the call */
    return last_job;
}

const struct answered *ask(struct td_desk_request request)
{
    const size_t n = desk.n_answers;

    hand_in(request);
    WAIT(desk.n_answers > n);
    assert_int_equal(desk.answers[n % DESK_MAX].job, last_job);
    return &desk.answers[n % DESK_MAX];
}

static void on_json(void *arg, int status, const char *json, size_t len)
{
    (void)json, (void)len;
    *(int *)arg = status;
}

/* A customer for whom an operator has asked for a human: the offer of it. */
const struct offered *wanted(void)
{
    const size_t n = desk.n_offers;
    struct ulid id;
    int status = 0;

    rig_attach(1, NULL, 0, 0);
    WAIT(rig_attached_of(1) != NULL);
    memcpy(session, rig_attached_of(1)->session, sizeof session);
    rig_deliver(&rig->chat, 1, NULL, session, "m1", "hello");
    WAIT(rig->chat.n_sent == 1);
    assert_int_equal(ulid_parse(session, &id), 0);
    gate_request(rig->gate, &id, NULL, NULL, &(struct gate_order){ .by = "test" }, on_json,
                 &status);
    WAIT(status == 200);
    WAIT(desk.n_offers > n);
    rig_run(5);
    return &desk.offers[n % DESK_MAX];
}

const struct answered *act(enum td_desk_op op, const char *handoff, const char *human)
{
    return ask((struct td_desk_request){ .op = op, .handoff = handoff, .human = human });
}

const struct answered *list(const char *state, const char *human)
{
    return ask((struct td_desk_request){ .op = TD_OP_LIST, .text = state, .human = human });
}
