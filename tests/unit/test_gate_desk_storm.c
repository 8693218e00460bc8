/*
 * test_gate_desk_storm.c - gate: humans and customers at random, over a store that is full, slow or
 * written by somebody else, a desk that goes and a process that dies: what a human asks is answered
 * exactly once, and afterwards each human may have as many customers as before, and not one more.
 * DESK_STORM=SEED runs that seed alone.
 */
#include "config.h"

#include "tests/unit/test_gate_desk_rig.h"

#include <tandem/json.h>

#define PEERS 6
#define CAPACITY 2
#define STEPS 800
#define LISTED 64

static uint64_t seed;
static uint64_t asked[STEPS]; /* of this life of the desk */
static size_t n_asked, n_ops, n_delivered;
static char sessions[PEERS][27];

static unsigned any(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 11) % n;
}

static void deliver(unsigned peer)
{
    char address[8], id[24];

    snprintf(address, sizeof address, "+%u", peer);
    snprintf(id, sizeof id, "m%zu", ++n_delivered);
    rig_deliver(&rig->sms, n_delivered, address, NULL, id, "hello");
}

/* Says something until it is taken, and notes the session that it is of. */
static void come(unsigned peer)
{
    const struct rig_accepted *accepted;

    do {
        deliver(peer);
        WAIT(rig_accepted_of(&rig->sms, n_delivered) != NULL);
        accepted = rig_accepted_of(&rig->sms, n_delivered);
    } while (accepted->status != TD_OK);
    memcpy(sessions[peer], accepted->session, sizeof sessions[peer]);
}

static void on_requested(void *arg, int status, const char *json, size_t len)
{
    (void)arg, (void)status, (void)json, (void)len;
}

static void request(unsigned peer)
{
    struct ulid id;

    assert_int_equal(ulid_parse(sessions[peer], &id), 0);
    gate_request(rig->gate, &id, NULL, NULL, &(struct gate_order){ .by = "test" }, on_requested,
                 NULL);
}

static void human_does(enum td_desk_op op, const char *human)
{
    const struct td_message message = { .size = sizeof message, .text = "yes?" };
    const size_t newest = desk.n_offers < 8 ? desk.n_offers : 8;
    char key[24];

    if (newest == 0)
        return;
    snprintf(key, sizeof key, "k%zu", n_ops++);
    asked[n_asked++] = hand_in((struct td_desk_request){
        .op = op, .human = human, .id = any(2) > 0 ? key : NULL,
        .handoff = desk.offers[(desk.n_offers - 1 - any((unsigned)newest)) % DESK_MAX].id,
        .message = op == TD_OP_MESSAGE ? &message : NULL,
        .queue = op == TD_OP_TRANSFER ? "billing" : NULL });
}

/* Each of them once: of those whose answers are still kept none is there twice. */
static void all_are_answered(size_t before)
{
    WAIT(desk.n_answers - before >= n_asked);
    rig_run(20);
    assert_int_equal(desk.n_answers - before, n_asked);
    for (size_t i = 0; i < n_asked && i < DESK_MAX; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(desk.answers[i].job, desk.answers[k].job);
}

static void good_weather(void)
{
    rig_release();
    rig_store.full = rig_store.conflict = 0;
}

static size_t all_answers_before;

static void desk_goes(void)
{
    gate_instance_close(rig->gate, TD_DESK, "support");
    if (any(2) > 0) {
        good_weather();
        rig_stop();
        rig_start(3);
        rig_resume();
    }
    open_desk();
    n_asked = 0; /* who asked the old one has heard that it is gone */
    all_answers_before = desk.n_answers;
}

static void one_step(void)
{
    static const enum td_desk_op ops[] = { TD_OP_ACCEPT, TD_OP_ACCEPT, TD_OP_ACCEPT, TD_OP_TAKE,
                                           TD_OP_DECLINE, TD_OP_MESSAGE, TD_OP_RETURN,
                                           TD_OP_RETURN, TD_OP_TRANSFER, TD_OP_CLOSE,
                                           TD_OP_EXTEND };
    const char *human = any(2) > 0 ? "mia" : "noah";

    switch (any(20)) {
    default: human_does(ops[any(sizeof ops / sizeof *ops)], human); break;
    case 0:
    case 1: deliver(any(PEERS)); break;
    case 2:
    case 3:
    case 4: request(any(PEERS)); break;
    case 5: rig_store.full = any(4) == 0; break;
    case 6: rig_store.conflict = any(2) == 0; break;
    case 7: rig_store.hold = 1; break;
    case 8:
    case 9: rig_release(); break;
    case 10: rig_run((int)any(30)); break;
    case 11:
        if (any(8) == 0)
            desk_goes();
        break;
    }
    rig_run((int)any(3));
}

/* The ids of a list, newest ones first; how many. */
static size_t ids_of(const char *state, const char *human, char ids[LISTED][27])
{
    cJSON *json;
    const cJSON *one;
    size_t n = 0;
    char why[128];

    json = td_json_parse(list(state, human)->json, strlen(list(state, human)->json), NULL, why,
                         sizeof why);
    assert_non_null(json);
    cJSON_ArrayForEach(one, td_json_get(json, "handoffs"))
    {
        assert_true(n < LISTED);
        snprintf(ids[n++], 27, "%s", td_json_get_str(one, "id"));
    }
    cJSON_Delete(json);
    return n;
}

static void give_back(const char *human)
{
    char ids[LISTED][27];
    size_t n = ids_of("mine", human, ids);

    assert_true(n <= CAPACITY + 1); /* what is taken back from an agent may come on top */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(act(TD_OP_RETURN, ids[i], human)->status, TD_OK);
    assert_int_equal(ids_of("mine", human, ids), 0);
}

/* Takes what waits, until it is said that they have enough. */
static void takes_as_many_as_may_be(const char *human)
{
    char ids[LISTED][27];
    size_t n = ids_of("queued", human, ids), took = 0;

    assert_true(n > CAPACITY);
    for (size_t i = 0; i < n; i++) {
        const struct answered *answer = act(TD_OP_ACCEPT, ids[i], human);

        if (answer->status == TD_OK)
            took++;
        else
            assert_string_equal(answer->code, "full");
    }
    assert_int_equal(took, CAPACITY);
}

static void storm(uint64_t from)
{
    seed = from * UINT64_C(0x9e3779b97f4a7c15) + 1;
    n_asked = n_ops = n_delivered = 0;
    humans[0].capacity = humans[1].capacity = CAPACITY;
    rig->policy.presence_ms = 600000;
    for (unsigned peer = 0; peer < PEERS; peer++)
        come(peer);
    all_answers_before = desk.n_answers;
    for (int i = 0; i < STEPS; i++)
        one_step();
    good_weather();
    rig_run(50);
    all_are_answered(all_answers_before);

    give_back("mia");
    give_back("noah");
    for (unsigned peer = 0; peer < PEERS; peer++) {
        come(peer); /* also one that was closed */
        request(peer);
    }
    rig_run(50);
    takes_as_many_as_may_be("mia");
    takes_as_many_as_may_be("noah");
}

static void each_call_is_answered_and_nobody_is_full_for_nothing(void **state)
{
    const char *one = getenv("DESK_STORM");

    for (uint64_t i = 1; i <= 4; i++) {
        if (i > 1) {
            tear_down(state);
            set_up(state);
        }
        fprintf(stderr, "seed %d\n", (int)(one != NULL ? strtoull(one, NULL, 10) : i));
        storm(one != NULL ? strtoull(one, NULL, 10) : i);
        if (one != NULL)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_call_is_answered_and_nobody_is_full_for_nothing,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
