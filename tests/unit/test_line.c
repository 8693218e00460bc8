/* test_line.c - engine/line.c: who is next, who gets it, and how long it takes. */
#include "config.h"

#include "tests/check.h"

#include "engine/line.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct policy_desk desks[] = { { .name = "shop" }, { .name = "other" } };
static const struct policy_queue queues[] = {
    { .name = "support", .desk = &desks[0], .sticky = 1 },
    { .name = "billing", .desk = &desks[0], .skills = LIST("billing") },
    { .name = "other", .desk = &desks[1] },
};
static const struct policy_human humans[] = {
    { .name = "mia", .desks = LIST("shop"), .skills = LIST("billing"),
      .languages = LIST("de", "en"), .capacity = 2 },
    { .name = "bo", .desks = LIST("shop"), .languages = LIST("en"), .capacity = 1 },
    { .name = "kai", .desks = LIST("shop", "other"), .skills = LIST("x", "billing") },
};
static const struct policy policy = {
    .queues = queues, .n_queues = 3, .humans = humans, .n_humans = 3,
};

static struct ulid id(unsigned n)
{
    return ulid_make(0, 0, n);
}

static struct line_entry waiting(unsigned n, const char *queue, int priority, int64_t since)
{
    return (struct line_entry){ .handoff = id(n), .session = id(n), .queue = queue,
                                .priority = priority, .since = since };
}

static void put(struct line *line, unsigned n, const char *queue, int priority, int64_t since)
{
    struct line_entry entry = waiting(n, queue, priority, since);

    line_put(line, &entry);
}

static void put_live(struct line *line, unsigned n, const char *queue, const char *human,
                     int64_t since, int64_t taken)
{
    struct line_entry entry = waiting(n, queue, 0, since);

    entry.state = LINE_LIVE;
    entry.human = human;
    entry.taken = taken;
    line_put(line, &entry);
}

static void all_here(struct line *line)
{
    for (size_t i = 0; i < policy.n_humans; i++)
        line_presence(line, humans[i].name, LINE_AVAILABLE, 1000000);
}

static int setup(void **state)
{
    struct line *line = line_new();

    line_set_policy(line, &policy);
    *state = line;
    return 0;
}

static int teardown(void **state)
{
    line_free((struct line **)state);
    assert_null(*state);
    return 0;
}

/* "7 mia": the next assignment; "": none. */
static const char *assigned(struct line *line, const char *queue, int64_t now)
{
    static char text[64];
    struct ulid handoff;
    const char *human;

    text[0] = '\0';
    if (line_assign(line, queue, now, &handoff, &human))
        snprintf(text, sizeof text, "%u %s", (unsigned)handoff.b[15], human);
    return text;
}

static unsigned position(struct line *line, unsigned n)
{
    struct ulid handoff = id(n);

    return (unsigned)line_position(line, &handoff);
}

static void the_position_goes_by_priority_then_age(void **state)
{
    struct line *line = *state;

    put(line, 1, "support", 0, 100);
    put(line, 2, "support", 0, 50);
    put(line, 3, "support", 5, 900);
    put(line, 4, "billing", 9, 1);
    assert_int_equal(position(line, 3), 1);
    assert_int_equal(position(line, 2), 2);
    assert_int_equal(position(line, 1), 3);
    assert_int_equal(position(line, 4), 1);
    assert_int_equal(position(line, 5), 0);
    put(line, 1, "support", 7, 100); /* it became urgent */
    assert_int_equal(position(line, 1), 1);
    assert_int_equal(position(line, 2), 3);
    put_live(line, 1, "support", "mia", 100, 200);
    assert_int_equal(position(line, 1), 0);
    assert_int_equal(line_waiting(line, "support"), 2);
    line_remove(line, &(struct ulid){ .b = { [15] = 3 } });
    assert_int_equal(position(line, 2), 1);
    assert_int_equal(line_waiting(line, "nosuch"), 0);
}

static void one_that_moves_to_another_queue_keeps_its_age(void **state)
{
    struct line *line = *state;

    put(line, 1, "billing", 0, 100);
    put(line, 2, "support", 0, 50);
    put(line, 2, "billing", 0, 50);
    assert_int_equal(line_waiting(line, "support"), 0);
    assert_int_equal(position(line, 2), 1);
    assert_int_equal(position(line, 1), 2);
}

static void desk_skills_and_language_decide_who_may_have_it(void **state)
{
    struct line *line = *state;
    struct line_entry any = waiting(1, "support", 0, 0), german = any, polish = any;
    struct line_entry billing = waiting(1, "billing", 0, 0), other = waiting(1, "other", 0, 0);
    struct line_entry gone = waiting(1, "gone", 0, 0);

    german.language = "de-AT";
    polish.language = "pl"; /* nobody names it, so it does not bind */
    assert_true(line_eligible(line, "bo", &any) && line_eligible(line, "mia", &any));
    assert_true(line_eligible(line, "mia", &german) && line_eligible(line, "kai", &german));
    assert_false(line_eligible(line, "bo", &german));
    assert_true(line_eligible(line, "bo", &polish));
    assert_true(line_eligible(line, "mia", &billing) && line_eligible(line, "kai", &billing));
    assert_false(line_eligible(line, "bo", &billing));
    assert_true(line_eligible(line, "kai", &other));
    assert_false(line_eligible(line, "mia", &other));
    assert_false(line_eligible(line, "mia", &gone));
    assert_false(line_eligible(line, "nobody", &any));
    other.language = "de"; /* of those who may have this queue's, nobody names it */
    assert_true(line_eligible(line, "kai", &other));
}

static void presence_is_a_lease(void **state)
{
    struct line *line = *state;
    int64_t until;

    assert_int_equal(line_presence_of(line, "mia", 0, &until), LINE_OFFLINE);
    line_presence(line, "mia", LINE_AVAILABLE, 100);
    line_presence(line, "stranger", LINE_AVAILABLE, 100);
    assert_int_equal(line_presence_of(line, "mia", 99, &until), LINE_AVAILABLE);
    assert_int_equal(until, 100);
    assert_int_equal(line_presence_of(line, "mia", 100, &until), LINE_OFFLINE);
    assert_int_equal(line_presence_of(line, "stranger", 0, &until), LINE_OFFLINE);
    assert_int_equal(line_able(line, "support", 99), 1);
    assert_int_equal(line_able(line, "support", 100), 0);
    line_presence(line, "mia", LINE_AWAY, 200);
    assert_int_equal(line_able(line, "support", 100), 0);
}

static void give_back(void *arg, const struct line_entry *entry)
{
    struct line *line = arg;
    struct line_entry back = *entry;

    back.state = LINE_WAITING;
    back.last_human = entry->human;
    back.human = NULL;
    line_put(line, &back);
}

static void who_vanishes_gives_back_what_they_had(void **state)
{
    struct line *line = *state;

    line_presence(line, "mia", LINE_AVAILABLE, 100);
    line_presence(line, "bo", LINE_OFFLINE, 50); /* said so: has not vanished */
    put_live(line, 1, "support", "mia", 0, 10);
    put_live(line, 2, "support", "mia", 0, 10);
    put_live(line, 3, "support", "bo", 0, 10);
    put_live(line, 4, "support", "agent of a foreign desk", 0, 10);
    assert_int_equal(line_live_of(line, "mia"), 2);
    line_vanished(line, 99, give_back, line);
    assert_int_equal(line_waiting(line, "support"), 0);
    line_vanished(line, 100, give_back, line);
    assert_int_equal(line_waiting(line, "support"), 2);
    assert_int_equal(line_live_of(line, "mia"), 0);
    assert_int_equal(line_live_of(line, "bo"), 1);
    assert_int_equal(line_live_of(line, "agent of a foreign desk"), 1);
}

static void work_goes_to_who_has_least_then_to_who_waited_longest(void **state)
{
    struct line *line = *state;

    all_here(line);
    for (unsigned i = 1; i <= 6; i++)
        put(line, i, "support", 0, i);
    assert_string_equal(assigned(line, "support", 0), "1 mia");
    assert_string_equal(assigned(line, "support", 0), "2 bo");
    assert_string_equal(assigned(line, "support", 0), "3 kai");
    assert_string_equal(assigned(line, "support", 0), "4 mia"); /* bo is full */
    assert_string_equal(assigned(line, "support", 0), "5 kai"); /* and now mia is */
    assert_int_equal(line_able(line, "support", 0), 1);
    put_live(line, 2, "support", "bo", 2, 9);
    line_remove(line, &(struct ulid){ .b = { [15] = 2 } });
    assert_string_equal(assigned(line, "support", 0), "6 bo");
    assert_string_equal(assigned(line, "support", 0), "");
}

static void what_is_set_apart_comes_back_with_the_next_put(void **state)
{
    struct line *line = *state;

    all_here(line);
    put(line, 1, "billing", 0, 1);
    assert_string_equal(assigned(line, "billing", 0), "1 mia");
    assert_string_equal(assigned(line, "billing", 0), "");
    assert_int_equal(line_waiting(line, "billing"), 1);
    assert_int_equal(position(line, 1), 1);
    put(line, 1, "billing", 0, 1); /* it did not work out */
    assert_string_equal(assigned(line, "billing", 0), "1 kai");
}

static void the_last_human_comes_first_where_the_queue_is_sticky(void **state)
{
    struct line *line = *state;
    struct line_entry entry = waiting(1, "support", 0, 1);

    all_here(line);
    put_live(line, 9, "support", "kai", 0, 1); /* has more to do than the others */
    entry.last_human = "kai";
    line_put(line, &entry);
    assert_string_equal(assigned(line, "support", 0), "1 kai");
    entry.handoff = id(2);
    entry.last_human = "bo";
    put_live(line, 8, "support", "bo", 0, 1); /* full: not bo then */
    line_put(line, &entry);
    assert_string_equal(assigned(line, "support", 0), "2 mia");
}

static void a_language_nobody_speaks_now_does_not_hold_up_the_others(void **state)
{
    struct line *line = *state;
    struct line_entry german = waiting(1, "support", 9, 0);

    german.language = "de";
    line_put(line, &german);
    put(line, 2, "support", 0, 5);
    line_presence(line, "bo", LINE_AVAILABLE, 100);
    assert_string_equal(assigned(line, "support", 0), "2 bo");
    assert_string_equal(assigned(line, "support", 0), "");
    line_presence(line, "mia", LINE_AVAILABLE, 100);
    assert_string_equal(assigned(line, "support", 0), "1 mia");
}

static void one_for_a_human_alone_goes_to_nobody_else_and_holds_up_nobody(void **state)
{
    struct line *line = *state;
    struct line_entry given = waiting(1, "billing", 9, 0);

    given.wanted = "bo"; /* who has not that skill: whoever gave it to them knows better */
    line_put(line, &given);
    put(line, 2, "billing", 0, 5);
    assert_true(line_eligible(line, "bo", &given));
    assert_false(line_eligible(line, "mia", &given));
    line_presence(line, "mia", LINE_AVAILABLE, 100);
    assert_string_equal(assigned(line, "billing", 0), "2 mia");
    assert_string_equal(assigned(line, "billing", 0), "");
    line_presence(line, "bo", LINE_AVAILABLE, 100);
    assert_string_equal(assigned(line, "billing", 0), "1 bo");
}

static void of_all_queues_that_assign_the_most_urgent_goes_first(void **state)
{
    struct line *line = *state;
    struct policy_queue pushing[3];
    struct policy policy2 = policy;

    memcpy(pushing, queues, sizeof pushing);
    pushing[0].assign_auto = pushing[1].assign_auto = 1;
    policy2.queues = pushing;
    line_set_policy(line, &policy2);
    all_here(line);
    put(line, 1, "support", 0, 1);
    put(line, 2, "billing", 3, 9);
    put(line, 3, "billing", 0, 2);
    put(line, 4, "other", 9, 0); /* pulled, not pushed */
    assert_string_equal(assigned(line, NULL, 0), "2 mia");
    assert_int_equal(*assigned(line, NULL, 0), '1');
    assert_int_equal(*assigned(line, NULL, 0), '3');
    assert_string_equal(assigned(line, NULL, 0), "");
}

static void the_wait_is_known_from_twenty_on_and_grows_with_the_position(void **state)
{
    struct line *line = *state;

    for (unsigned i = 1; i <= 20; i++) {
        assert_int_equal(line_wait_ms(line, "support", 1), -1);
        put(line, i, "support", 0, 1000);
        put_live(line, i, "support", "kai", 1000, 1000 + 100 * i); /* first in line each */
    }
    /* (100 + 200 + .. + 2000) / 20 = 1050 a place */
    assert_int_equal(line_wait_ms(line, "support", 1), 1050);
    assert_int_equal(line_wait_ms(line, "support", 3), 3150);
    put_live(line, 1, "support", "mia", 1000, 9000); /* passed on: no new sample */
    assert_int_equal(line_wait_ms(line, "support", 1), 1050);
    put(line, 30, "support", 9, 5000);
    put(line, 31, "support", 0, 5000); /* second in line */
    put_live(line, 31, "support", "kai", 5000, 7100);
    /* the oldest sample, 100, went: (21000 - 100 + 2100) / (19 + 2) */
    assert_int_equal(line_wait_ms(line, "support", 1), 1095);
    assert_int_equal(line_wait_ms(line, "billing", 1), -1);
}

static void what_a_human_declines_is_for_the_others_until_nobody_is_left(void **state)
{
    struct line *line = *state;
    struct line_entry one = waiting(1, "billing", 0, 10);
    const char *who;
    struct ulid given;

    all_here(line);
    put(line, 1, "billing", 0, 10);
    put(line, 2, "billing", 0, 20);
    assert_false(line_is_last(line, "mia", &one));
    one.declined = "mia";
    line_put(line, &one);
    assert_true(line_has_declined(&one, "mia"));
    assert_false(line_has_declined(&one, "kai"));
    assert_false(line_has_declined(&one, "mi"));
    assert_true(line_is_last(line, "kai", &one));
    assert_false(line_is_last(line, "bo", &one)); /* not theirs anyway */
    assert_true(line_assign(line, "billing", 30, &given, &who));
    assert_int_equal(given.b[15], 1);
    assert_string_equal(who, "kai");
    one.declined = "mia,kai"; /* it did not come about */
    line_put(line, &one);
    assert_true(line_assign(line, "billing", 30, &given, &who));
    assert_int_equal(given.b[15], 2); /* the others are not held up */
}

static void a_reload_keeps_who_waits_and_asks_the_new_conf(void **state)
{
    struct line *line = *state;
    const struct policy_human fewer[] = { humans[1] };
    const struct policy next = { .queues = queues, .n_queues = 1, .humans = fewer, .n_humans = 1 };
    struct line_entry german = waiting(1, "support", 0, 0);

    all_here(line);
    german.language = "de";
    line_put(line, &german);
    put(line, 2, "billing", 0, 0);
    put_live(line, 3, "support", "mia", 0, 1);
    line_set_policy(line, &next);
    assert_int_equal(line_waiting(line, "billing"), 1);
    assert_string_equal(assigned(line, "billing", 0), "");
    assert_string_equal(assigned(line, "support", 0), "1 bo"); /* German binds nobody any more */
    assert_int_equal(line_live_of(line, "mia"), 1);
    line_vanished(line, 2000000, give_back, line);
    assert_int_equal(line_live_of(line, "mia"), 0);
    line_set_policy(line, &policy);
    assert_int_equal(position(line, 2), 1);
}

/* ---- Against a naive model --------------------------------------------------------------- */

#define CROWD 60

static struct model {
    struct line_entry entry;
    int in, apart;
} model[CROWD];

static uint64_t seed;

static unsigned dice(unsigned sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % sides;
}

static int model_before(const struct line_entry *a, const struct line_entry *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->since != b->since ? a->since < b->since : ulid_cmp(&a->handoff, &b->handoff) < 0;
}

static unsigned model_live(const char *human)
{
    unsigned n = 0;

    for (unsigned i = 0; i < CROWD; i++)
        n += model[i].in && model[i].entry.state == LINE_LIVE &&
             strcmp(model[i].entry.human, human) == 0;
    return n;
}

static void check_against_model(struct line *line)
{
    unsigned count[3] = { 0 };

    for (unsigned i = 0; i < CROWD; i++) {
        unsigned ahead = 0;
        if (!model[i].in || model[i].entry.state != LINE_WAITING) {
            assert_int_equal(line_position(line, &model[i].entry.handoff), 0);
            continue;
        }
        for (unsigned k = 0; k < CROWD; k++)
            ahead += model[k].in && model[k].entry.state == LINE_WAITING && !model[k].apart &&
                     strcmp(model[k].entry.queue, model[i].entry.queue) == 0 &&
                     model_before(&model[k].entry, &model[i].entry);
        assert_int_equal(line_position(line, &model[i].entry.handoff), ahead + 1);
        for (unsigned q = 0; q < 3; q++)
            count[q] += strcmp(model[i].entry.queue, queues[q].name) == 0;
    }
    for (unsigned q = 0; q < 3; q++)
        assert_int_equal(line_waiting(line, queues[q].name), count[q]);
    for (unsigned h = 0; h < 3; h++)
        assert_int_equal(line_live_of(line, humans[h].name), model_live(humans[h].name));
}

/* The best that anybody could take, judged one by one. */
static void assign_against_model(struct line *line, const char *queue, int64_t now)
{
    const struct line_entry *best = NULL;
    struct ulid handoff;
    const char *human;
    int64_t until;

    for (unsigned i = 0; i < CROWD; i++)
        for (unsigned h = 0; h < 3; h++) {
            unsigned load = model_live(humans[h].name);
            for (unsigned k = 0; k < CROWD; k++)
                load += model[k].apart && strcmp(model[k].entry.human, humans[h].name) == 0;
            if (model[i].in && model[i].entry.state == LINE_WAITING && !model[i].apart &&
                strcmp(model[i].entry.queue, queue) == 0 &&
                line_eligible(line, humans[h].name, &model[i].entry) &&
                line_presence_of(line, humans[h].name, now, &until) == LINE_AVAILABLE &&
                (!humans[h].capacity || load < humans[h].capacity) &&
                (!best || model_before(&model[i].entry, best)))
                best = &model[i].entry;
        }
    if (!line_assign(line, queue, now, &handoff, &human)) {
        assert_null(best);
        return;
    }
    assert_non_null(best);
    assert_int_equal(ulid_cmp(&best->handoff, &handoff), 0);
    model[handoff.b[15]].apart = 1;
    model[handoff.b[15]].entry.human = human;
}

static void random_steps_end_as_in_the_model(void **state)
{
    static const char *const languages[] = { NULL, "de", "en-GB", "pl" };
    struct line *line = *state;

    seed = 4711;
    for (unsigned i = 0; i < CROWD; i++)
        model[i] = (struct model){ .entry = waiting(i, "support", 0, 0) };
    for (unsigned step = 0; step < 6000; step++) {
        unsigned i = dice(CROWD);
        struct model *one = &model[i];
        switch (dice(6)) {
        case 0:
        case 1:
            one->in = 1;
            one->apart = 0;
            one->entry = waiting(i, queues[dice(3)].name, (int)dice(3), dice(20));
            one->entry.language = languages[dice(4)];
            line_put(line, &one->entry);
            break;
        case 2:
            one->in = 1;
            one->apart = 0;
            one->entry.state = LINE_LIVE;
            one->entry.human = humans[dice(3)].name;
            line_put(line, &one->entry);
            break;
        case 3:
            one->in = one->apart = 0;
            line_remove(line, &one->entry.handoff);
            break;
        case 4:
            line_presence(line, humans[dice(3)].name, (enum line_presence)dice(3), step + dice(99));
            break;
        default:
            assign_against_model(line, queues[dice(3)].name, step);
        }
        if (dice(300) == 0)
            line_set_policy(line, &policy);
        if (step % 10 == 0)
            check_against_model(line);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_position_goes_by_priority_then_age),
        TEST(one_that_moves_to_another_queue_keeps_its_age),
        TEST(desk_skills_and_language_decide_who_may_have_it),
        TEST(presence_is_a_lease),
        TEST(who_vanishes_gives_back_what_they_had),
        TEST(work_goes_to_who_has_least_then_to_who_waited_longest),
        TEST(what_is_set_apart_comes_back_with_the_next_put),
        TEST(the_last_human_comes_first_where_the_queue_is_sticky),
        TEST(a_language_nobody_speaks_now_does_not_hold_up_the_others),
        TEST(one_for_a_human_alone_goes_to_nobody_else_and_holds_up_nobody),
        TEST(of_all_queues_that_assign_the_most_urgent_goes_first),
        TEST(the_wait_is_known_from_twenty_on_and_grows_with_the_position),
        TEST(what_a_human_declines_is_for_the_others_until_nobody_is_left),
        TEST(a_reload_keeps_who_waits_and_asks_the_new_conf),
        TEST(random_steps_end_as_in_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
