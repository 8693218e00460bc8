/*
 * test_gate_storm.c - gate: everything goes wrong at random, and nothing accepted is lost.
 *
 * Messages, duplicates, a store that fills up, is slow or is written by somebody else, agents and
 * channels in all their moods, a cache that is too small, and the process dying: then all is well
 * again, and each message that was accepted must have had its one answer, in order.
 * GATE_STORM=SEED runs that seed alone; GATE_LOG=1 shows what happens.
 */
#include "config.h"

#include "tests/unit/test_gate_rig.h"

#define PEERS 6
#define STEPS 600

static struct {
    char peer[8];
    int answered;
} messages[STEPS];
static size_t n_messages, first_ask, first_sent; /* of this life of the process */
static uint64_t seed;

static unsigned any(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 11) % n;
}

static void deliver(size_t i, uint64_t delivery)
{
    char id[24];

    snprintf(id, sizeof id, "t%zu", i);
    rig_deliver(&rig->sms, delivery, messages[i].peer, NULL, id, id);
}

/* Deliveries are numbered by message, with how often it was delivered above. */
static void deliver_new(void)
{
    snprintf(messages[n_messages].peer, sizeof messages[n_messages].peer, "+%u", any(PEERS));
    deliver(n_messages, n_messages);
    n_messages++;
}

static void answer_something(void)
{
    const struct rig_ask *ask;

    if (rig->main.n_asks == first_ask)
        return;
    /* Mostly one that is answered already. */
    ask = &rig->main.asks[first_ask + any((unsigned)(rig->main.n_asks - first_ask))];
    rig_answer(&rig->main, ask->job, ask->text);
}

static void settle_something(void)
{
    if (rig->sms.n_sent > first_sent)
        rig_sent(&rig->sms, rig->sms.sent[rig->sms.n_sent - 1].job,
                 any(2) > 0 ? TD_OK : TD_RETRY, 0);
}

static void die(void)
{
    rig_stop();
    first_ask = rig->main.n_asks;
    first_sent = rig->sms.n_sent;
    rig_start(3);
    rig_resume();
}

static void one_step(void)
{
    static const enum behaviour moods[] = { DO_OK, DO_OK, DO_NOTHING, DO_RETRY, DO_TWICE };

    switch (any(16)) {
    default: deliver_new(); break;
    case 0: deliver(any((unsigned)n_messages), 100000 + any(1000)); break;
    case 1: rig_store.full = (int)any(3); break;
    case 2: rig_store.conflict = any(8) == 0; break;
    case 3: rig_store.hold = 1; break;
    case 4: rig_release(); break;
    case 5: rig->main.behaviour = moods[any(5)]; break;
    case 6: rig->sms.behaviour = moods[any(4)]; break;
    case 7: answer_something(); break;
    case 8: settle_something(); break;
    case 9:
        if (any(6) == 0) {
            rig_release();
            die();
        }
        break;
    case 10: rig_run((int)any(30)); break;
    }
    rig_run((int)any(3));
}

/* Refused ones are delivered again, as a channel would. */
static int deliver_what_is_missing(void)
{
    int missing = 0;

    for (size_t i = 0; i < n_messages; i++) {
        const struct rig_accepted *a = rig_accepted_of(&rig->sms, 200000 + i);

        if (a != NULL && a->status == TD_OK)
            continue;
        missing++;
        for (size_t k = 0; k < rig->sms.n_accepted; k++)
            if (rig->sms.accepted[k].delivery == 200000 + i)
                rig->sms.accepted[k].delivery = UINT64_MAX; /* refused: asked again */
        deliver(i, 200000 + i);
    }
    return missing;
}

static int is_calm(void)
{
    struct buf status = { 0 };
    int calm;

    rig_list("open");
    gate_status_json(rig->gate, &status);
    calm = strstr(rig->json, "\"turn\":") == NULL && strstr(rig->json, "\"outbox\":1") == NULL &&
           strstr(rig->json, "\"pending\":1") == NULL &&
           strstr(status.data, "\"sends\":0,") != NULL;
    buf_fini(&status);
    return calm;
}

static void count_answers(void)
{
    for (size_t i = 0; i < rig->sms.n_sent; i++) {
        const struct rig_message *m = &rig->sms.sent[i];
        int again = 0;

        for (size_t k = 0; k < i && !again; k++)
            again = rig->sms.sent[k].seq == m->seq &&
                    strcmp(rig->sms.sent[k].session, m->session) == 0;
        if (again || strncmp(m->text, "re: ", 4) != 0)
            continue;
        for (const char *t = strchr(m->text, 't'); t != NULL; t = strchr(t + 1, 't'))
            messages[strtoul(t + 1, NULL, 10)].answered++;
    }
}

/* First sends of a session are in the order of the journal. */
static void check_order(void)
{
    for (size_t i = 0; i < rig->sms.n_sent; i++) {
        const struct rig_message *m = &rig->sms.sent[i];

        for (size_t k = i; k-- > 0;) {
            const struct rig_message *before = &rig->sms.sent[k];

            if (strcmp(before->session, m->session) != 0)
                continue;
            if (m->seq < before->seq && !m->maybe_duplicate)
                fail_msg("message %d after %d", (int)m->seq, (int)before->seq);
            break;
        }
    }
}

static void complain(uint64_t from, size_t i)
{
    rig_journal(rig_accepted_of(&rig->sms, 200000 + i)->session, 1);
    fputs(rig->json, stderr);
    fail_msg("seed %d: message t%zu has %d answers", (int)from, i, messages[i].answered);
}

static void storm(uint64_t from)
{
    seed = from * UINT64_C(0x9e3779b97f4a7c15) + 1;
    n_messages = first_ask = first_sent = 0;
    memset(messages, 0, sizeof messages);
    rig->agents[0].deadline_ms = 60000; /* an agent may be slow here, but is not given up */
    rig->policy.max_attempts = 1000;
    rig->policy.retry_ms = 2;
    rig_stop();
    rig->instances[2].breaker_failures = 0;
    rig_start(3);
    deliver_new();
    for (int i = 1; i < STEPS; i++)
        one_step();

    rig_release();
    rig_store.full = rig_store.conflict = 0;
    rig->main.behaviour = rig->sms.behaviour = DO_OK;
    die(); /* what agents and channels have forgotten is taken up */
    for (int i = 0; i < 200 && deliver_what_is_missing() > 0; i++)
        rig_run(20);
    WAIT(is_calm());
    count_answers();
    check_order();
    for (size_t i = 0; i < n_messages; i++)
        if (messages[i].answered != 1)
            complain(from, i);
}

static void nothing_accepted_is_lost_in_a_storm(void **state)
{
    const char *one = getenv("GATE_STORM");

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        storm(one != NULL ? strtoull(one, NULL, 10) : i);
        if (one != NULL)
            break;
        rig_teardown(NULL);
        rig_setup(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_accepted_is_lost_in_a_storm, rig_setup,
                                        rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
