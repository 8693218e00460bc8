/* test_gate_desk.c - gate: handoffs to a desk, its humans, who vanishes, and what a restart knows. */
#include "config.h"

#include "tests/unit/test_gate_rig.h"

#include "base/err.h"

#define MAX 64

static const char *const none[] = { NULL }, *const here[] = { "support", NULL };

struct offered {
    char id[27], human[16];
    enum td_handoff_state state;
};

struct answered {
    uint64_t job;
    enum td_status status;
    char code[20], holder[16], handoff[27], json[4000];
};

/* A desk made of test code: what it gets is recorded. */
static struct test_desk {
    struct td_instance *inst;
    enum td_status answer; /* to offers */
    struct offered offers[MAX];
    struct answered answers[MAX];
    size_t n_offers, n_answers, n_relays;
    char released[27], outcome[16];
} desk;

static char session[27];
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
    struct offered *to = &d->offers[d->n_offers++ % MAX];

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
    struct answered *to = &d->answers[d->n_answers++ % MAX];

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
static struct policy_human humans[2];

static void open_desk(void)
{
    struct err err;

    if (gate_instance_open(rig->gate, &(struct gate_instance_conf){ .plugin = &plugin,
                                                                    .name = "support" }, &err) != 0)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
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

static int tear_down(void **state)
{
    if (rig->gate != NULL)
        gate_instance_close(rig->gate, TD_DESK, "support");
    return rig_teardown(state);
}

static const struct answered *ask(struct td_desk_request request)
{
    const size_t n = desk.n_answers;

    request.size = sizeof request;
    rig_host()->desk(desk.inst, ++last_job, &request);
    assert_int_equal(desk.n_answers, n); /* never from inside the call */
    WAIT(desk.n_answers > n);
    assert_int_equal(desk.answers[n % MAX].job, last_job);
    return &desk.answers[n % MAX];
}

static void on_json(void *arg, int status, const char *json, size_t len)
{
    (void)json, (void)len;
    *(int *)arg = status;
}

/* A customer for whom an operator has asked for a human: the offer of it. */
static const struct offered *wanted(void)
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
    return &desk.offers[n % MAX];
}

static const struct answered *act(enum td_desk_op op, const char *handoff, const char *human)
{
    return ask((struct td_desk_request){ .op = op, .handoff = handoff, .human = human });
}

static const struct answered *list(const char *state, const char *human)
{
    return ask((struct td_desk_request){ .op = TD_OP_LIST, .text = state, .human = human });
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void of_two_who_accept_the_second_hears_who_has_it(void **state)
{
    const struct offered *offer = wanted();
    const struct answered *second;

    (void)state;
    assert_int_equal(act(TD_OP_ACCEPT, offer->id, "mia")->status, TD_OK);
    second = act(TD_OP_ACCEPT, offer->id, "noah");
    assert_int_equal(second->status, TD_REJECT);
    assert_string_equal(second->code, "taken");
    assert_string_equal(second->holder, "Mia");
    assert_non_null(strstr(list("mine", "mia")->json, offer->id));
    assert_null(strstr(list("mine", "noah")->json, offer->id));
}

static void an_accept_that_is_judged_again_takes_one_place(void **state)
{
    const struct offered *offer = wanted();

    (void)state;
    humans[0].capacity = 1;
    rig_run(300); /* the marks are on disk */
    rig_store.conflict = 1;
    assert_int_equal(act(TD_OP_ACCEPT, offer->id, "mia")->status, TD_OK);
    assert_int_equal(rig_store.conflict, 0);
}

static void the_no_of_the_last_human_is_the_desks(void **state)
{
    const struct offered *offer = wanted();

    (void)state;
    assert_int_equal(act(TD_OP_DECLINE, offer->id, "mia")->status, TD_OK);
    assert_null(strstr(list("queued", "mia")->json, offer->id));
    assert_non_null(strstr(list("queued", "noah")->json, offer->id));
    assert_int_equal(act(TD_OP_DECLINE, offer->id, "noah")->status, TD_OK);
    assert_null(strstr(list("queued", "noah")->json, offer->id));
    assert_non_null(strstr(list("closed", "noah")->json, "\"outcome\":\"declined\""));
    assert_string_equal(act(TD_OP_ACCEPT, offer->id, "mia")->code, "over");
}

static void a_desk_that_cannot_take_it_now_is_offered_the_same_again(void **state)
{
    const struct offered *first;

    (void)state;
    desk.answer = TD_RETRY;
    first = wanted();
    desk.answer = TD_OK;
    WAIT(desk.n_offers == 2);
    assert_string_equal(desk.offers[1].id, first->id);
    assert_int_equal(act(TD_OP_ACCEPT, first->id, "mia")->status, TD_OK);
}

static void a_human_of_whom_nothing_is_heard_gives_the_customer_back(void **state)
{
    const struct offered *offer = wanted();
    char first[27];

    (void)state;
    memcpy(first, offer->id, sizeof first);
    rig->policy.presence_ms = 200;
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    WAIT(desk.n_offers == 2);
    assert_string_not_equal(desk.offers[1].id, first);
    assert_string_equal(desk.released, first);
    assert_string_equal(desk.outcome, "requeued");
    assert_string_equal(act(TD_OP_EXTEND, first, "mia")->code, "over");
}

static void a_desk_that_comes_back_hears_what_is_live_there(void **state)
{
    char first[27];

    (void)state;
    memcpy(first, wanted()->id, sizeof first);
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    gate_instance_close(rig->gate, TD_DESK, "support");
    rig_deliver(&rig->chat, 2, NULL, session, "m2", "anybody there?");
    WAIT(rig_accepted_of(&rig->chat, 2) != NULL);
    assert_int_equal(desk.n_relays, 0);
    open_desk();
    WAIT(desk.n_relays == 1); /* what was said meanwhile is not lost */
    assert_string_equal(desk.offers[desk.n_offers - 1].id, first);
    assert_string_equal(desk.offers[desk.n_offers - 1].human, "mia");
    assert_int_equal(desk.offers[desk.n_offers - 1].state, TD_HANDOFF_LIVE);
}

static void a_desk_that_stays_away_gives_its_customers_back(void **state)
{
    char first[27];

    (void)state;
    memcpy(first, wanted()->id, sizeof first);
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    rig->policy.desk_away_ms = 100;
    gate_instance_close(rig->gate, TD_DESK, "support");
    for (int i = 0; i < 100; i++) {
        rig_run(50);
        rig->http_status = 0;
        rig_session(session);
        if (strstr(rig->json, "\"kind\":\"agent\"") != NULL)
            break;
    }
    assert_non_null(strstr(rig->json, "\"kind\":\"agent\"")); /* as there is no other desk */
    open_desk();
    assert_string_equal(list("mine", "mia")->json, "{\"handoffs\":[]}");
}

static void what_ended_is_known_after_a_restart(void **state)
{
    char first[27];

    (void)state;
    memcpy(first, wanted()->id, sizeof first);
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    ask((struct td_desk_request){ .op = TD_OP_TAG, .handoff = first, .human = "mia",
                                  .text = "[\"odd\"]" });
    assert_int_equal(act(TD_OP_RETURN, first, "mia")->status, TD_OK);
    assert_int_equal(ask((struct td_desk_request){ .op = TD_OP_REVIEW, .handoff = first,
                                                   .human = "noah", .text = "{\"score\":2}" })
                         ->status, TD_OK);
    gate_instance_close(rig->gate, TD_DESK, "support");
    rig_stop();
    rig_start(1000);
    open_desk();
    rig_resume();
    WAIT(strstr(list("closed", "mia")->json, first) != NULL);
    const char *json = list("closed", "mia")->json;
    assert_non_null(strstr(json, "\"outcome\":\"returned\""));
    assert_non_null(strstr(json, "\"human\":\"mia\""));
    assert_non_null(strstr(json, "\"tags\":[\"odd\"]"));
    assert_non_null(strstr(json, "\"score\":2"));
}

static void only_who_supervises_sees_what_agents_have(void **state)
{
    (void)state;
    rig_attach(1, NULL, 0, 0);
    WAIT(rig_attached_of(1) != NULL);
    rig_deliver(&rig->chat, 1, NULL, rig_attached_of(1)->session, "m1", "hello");
    WAIT(rig->chat.n_sent == 1);
    assert_string_equal(list("agent", "mia")->code, "not_eligible");
    assert_non_null(strstr(list("agent", "noah")->json, rig_attached_of(1)->session));
    assert_string_equal(ask((struct td_desk_request){ .op = TD_OP_WATCH, .human = "mia", .on = 1,
                            .session = rig_attached_of(1)->session })->code, "not_eligible");
    assert_int_equal(list("agent", "nobody")->status, TD_AUTH);
}

static void a_customer_is_not_given_back_to_agents_that_are_gone(void **state)
{
    char first[27];

    (void)state;
    memcpy(first, wanted()->id, sizeof first);
    assert_int_equal(act(TD_OP_ACCEPT, first, "mia")->status, TD_OK);
    gate_instance_close(rig->gate, TD_AGENT, "main");
    assert_string_equal(act(TD_OP_RETURN, first, "mia")->code, "no_agent");
    assert_non_null(strstr(list("mine", "mia")->json, first));
    rig->agents[0].next = &rig->agents[1]; /* the backup can */
    assert_int_equal(act(TD_OP_RETURN, first, "mia")->status, TD_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(of_two_who_accept_the_second_hears_who_has_it),
        T(an_accept_that_is_judged_again_takes_one_place),
        T(the_no_of_the_last_human_is_the_desks),
        T(a_desk_that_cannot_take_it_now_is_offered_the_same_again),
        T(a_human_of_whom_nothing_is_heard_gives_the_customer_back),
        T(a_desk_that_comes_back_hears_what_is_live_there),
        T(a_desk_that_stays_away_gives_its_customers_back),
        T(what_ended_is_known_after_a_restart),
        T(only_who_supervises_sees_what_agents_have),
        T(a_customer_is_not_given_back_to_agents_that_are_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
