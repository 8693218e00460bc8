/* test_report.c - measure/report.c: a window of sessions, by one word, and who came back. */
#include "config.h"

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "engine/policy.h"
#include "measure/report.h"
#include "tests/check.h"
#include "tests/unit/tape.h"

#define MONDAY INT64_C(1795424400000)

static const struct policy_queue queues[] = { { .name = "sales" }, { .name = "billing" } };
static const struct policy policy = { .queues = queues, .n_queues = 2 };

static struct report *ask(struct report_ask ask)
{
    if (ask.to == 0)
        ask.to = MONDAY + DAY;
    if (ask.from == 0)
        ask.from = MONDAY - DAY;
    if (ask.now == 0)
        ask.now = MONDAY + 10 * DAY;
    return report_new(&ask);
}

static void add(struct report *report, struct tape *tape)
{
    const struct ulid id = ulid_make(tape->begun, 0, 1);

    report_add(report, &id, &tape->measure, &policy);
    tape_end(tape);
}

static cJSON *json(struct report *report)
{
    struct buf out = { 0 };
    cJSON *tree;

    report_json(report, &out);
    tree = cJSON_Parse(out.data);
    assert_non_null(tree);
    buf_fini(&out);
    return tree;
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (cJSON_IsNull(item))
        return -1;
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

/* The customer comes, the agent answers, and it is closed ten minutes later. */
static void contained(struct tape *t, int64_t at, const char *peer)
{
    tape_begin(t, at, peer);
    tape_customer(t, "hello");
    tape_agent(t, TD_RESOLVE, "greeting", NULL);
    tape_at(t, 10 * MINUTE);
    tape_closed(t);
}

static void escalated(struct tape *t, int64_t at, const char *queue, const char *code,
                      int64_t answered_ms)
{
    tape_begin(t, at, "e");
    tape_customer(t, "hello");
    tape_agent(t, TD_ESCALATE, "quote", NULL);
    tape_handoff(t, 1, 0, queue, code);
    tape_at(t, answered_ms);
    if (answered_ms != 0)
        tape_human(t, 1, "Hello.");
}

/* The newest first. a: closed at 09:10 and back on Tuesday at 09:05, within 24 h. b: back at 09:11,
 * after 24 h and a minute. c, of whom nothing is known, and d, who went on in the same session two
 * hours after its close. Of four contained sessions b and c are verified. The second session of a
 * lies beyond the window and counts for nothing else. */
static void who_comes_back_within_a_day_was_not_helped(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .to = MONDAY + 12 * HOUR });
    struct tape t;
    contained(&t, MONDAY + DAY + 11 * MINUTE, "b");
    add(r, &t);
    contained(&t, MONDAY + DAY + 5 * MINUTE, "a");
    add(r, &t);
    contained(&t, MONDAY + 3, "d");
    tape_at(&t, 2 * HOUR);
    tape_put(&t, (struct record){ .type = RECORD_REOPENED });
    tape_customer(&t, "one more thing");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    add(r, &t);
    contained(&t, MONDAY + 2, NULL);
    add(r, &t);
    contained(&t, MONDAY + 1, "b");
    add(r, &t);
    contained(&t, MONDAY, "a");
    add(r, &t);
    cJSON *tree = json(r);
    const cJSON *total = cJSON_GetObjectItem(tree, "total");
    assert_int_equal(number(tree, "read"), 4);
    assert_int_equal(number(total, "sessions"), 4);
    assert_true(number(total, "containment") == 1);
    assert_int_equal(number(total, "returned"), 2);
    assert_int_equal(number(total, "verified_of"), 4);
    assert_true(number(total, "verified_containment") == 0.5);
    cJSON_Delete(tree);
    report_free(&r);
}

static void a_window_in_equal_parts_has_the_figures_of_each(void **state)
{
    static const int expected[4] = { 1, 0, 2, 1 };
    struct report *r = ask((struct report_ask){ .from = MONDAY, .to = MONDAY + 4 * HOUR, .columns = 4 });
    const int64_t at[] = { 4 * HOUR, 4 * HOUR - 1, 2 * HOUR + 1, 2 * HOUR, 0, -1 };
    struct tape t;

    (void)state;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        contained(&t, MONDAY + at[i], NULL);
        add(r, &t);
    }
    cJSON *tree = json(r);
    const cJSON *columns = cJSON_GetObjectItem(tree, "columns");
    assert_int_equal(cJSON_GetArraySize(columns), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(number(cJSON_GetArrayItem(columns, i), "sessions"), expected[i]);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(columns, 1),
                                                                 "from")),
                        cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(columns, 0),
                                                                 "to")));
    cJSON_Delete(tree);
    report_free(&r);
}

/* A day has not passed since: it is too early to say that nobody came back. */
static void what_ended_today_is_not_verified_yet(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .now = MONDAY + 20 * HOUR });
    struct tape t;
    contained(&t, MONDAY, "a");
    add(r, &t);
    cJSON *tree = json(r);
    const cJSON *total = cJSON_GetObjectItem(tree, "total");
    assert_int_equal(number(total, "verified_of"), 0);
    assert_true(number(total, "verified_containment") == -1);
    cJSON_Delete(tree);
    report_free(&r);
}

static const cJSON *group(const cJSON *tree, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItem(tree, "groups")) {
        if (strcmp(cJSON_GetObjectItem(item, "name")->valuestring, name) == 0)
            return item;
    }
    fail_msg("there is no group %s", name);
    return NULL;
}

/* sales after 60 s, billing after 120 s, and a session that went to both: sales after 30 s, then, as
 * a new wish, billing after 90 s and, as another, after 100 s. sales {30, 60}, billing {90, 100, 120} in
 * two sessions; three sessions in all. */
static void a_session_with_escalations_in_two_queues_is_in_both_groups(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .by = BY_QUEUE });
    struct tape t;
    escalated(&t, MONDAY + 2, "sales", "custom_quote", MINUTE);
    add(r, &t);
    escalated(&t, MONDAY + 1, "billing", "refund_dispute", 2 * MINUTE);
    add(r, &t);
    escalated(&t, MONDAY, "sales", "custom_quote", 30 * SECOND);
    tape_stretch(&t, 1, SECOND, HANDOFF_RETURNED, NULL);
    tape_at(&t, HOUR);
    tape_handoff(&t, 2, 0, "billing", "refund_dispute");
    tape_at(&t, HOUR + 90 * SECOND);
    tape_human(&t, 2, "Hello.");
    tape_stretch(&t, 2, SECOND, HANDOFF_RETURNED, NULL);
    tape_at(&t, 2 * HOUR);
    tape_handoff(&t, 3, 0, "billing", "refund_dispute");
    tape_at(&t, 2 * HOUR + 100 * SECOND);
    tape_human(&t, 3, "Hello.");
    add(r, &t);
    cJSON *tree = json(r);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "groups")), 2);
    assert_int_equal(number(group(tree, "sales"), "response_p50_s"), 30);
    assert_int_equal(number(group(tree, "sales"), "response_p90_s"), 60);
    assert_int_equal(number(group(tree, "billing"), "response_p50_s"), 100);
    assert_int_equal(number(group(tree, "billing"), "response_p90_s"), 120);
    assert_int_equal(number(group(tree, "billing"), "sessions"), 2);
    assert_int_equal(number(cJSON_GetObjectItem(tree, "total"), "sessions"), 3);
    assert_int_equal(number(cJSON_GetObjectItem(tree, "total"), "escalations"), 5);
    cJSON_Delete(tree);
    report_free(&r);
}

static void escalations_are_counted_by_intent_reason_and_outcome(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .by = BY_NOTHING });
    struct tape t;
    for (int i = 0; i < 3; i++) {
        escalated(&t, MONDAY + 9 - i, "sales", "custom_quote", i * MINUTE);
        if (i == 1)
            tape_over(&t, 1, HANDOFF_RETURNED);
        add(r, &t);
    }
    cJSON *tree = json(r);
    const cJSON *cells = cJSON_GetObjectItem(tree, "escalations");
    assert_int_equal(cJSON_GetArraySize(cells), 2);
    const cJSON *first = cJSON_GetArrayItem(cells, 0), *second = cJSON_GetArrayItem(cells, 1);
    assert_int_equal(number(first, "count"), 2);
    assert_string_equal(cJSON_GetObjectItem(first, "outcome")->valuestring, "waiting");
    assert_string_equal(cJSON_GetObjectItem(second, "intent")->valuestring, "quote");
    assert_string_equal(cJSON_GetObjectItem(second, "reason")->valuestring, "custom_quote");
    assert_string_equal(cJSON_GetObjectItem(second, "outcome")->valuestring, "returned");
    cJSON_Delete(tree);
    report_free(&r);
}

static void the_list_has_those_with_the_mark_in_the_group(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .by = BY_QUEUE, .group = "sales", .sessions = 1,
                                                .mark = MARK_UNANSWERED_1H });
    struct tape t;
    escalated(&t, MONDAY + 4, "sales", "custom_quote", 2 * HOUR);
    add(r, &t);
    escalated(&t, MONDAY + 3, "sales", "custom_quote", MINUTE);
    add(r, &t);
    escalated(&t, MONDAY + 2, "billing", "custom_quote", 2 * HOUR);
    add(r, &t);
    contained(&t, MONDAY + 1, "a");
    add(r, &t);
    struct buf out = { 0 };
    report_csv(r, &out);
    assert_string_equal(out.data,
        "session,at,channel,agent,intent,queue,reason,outcome,response_s,marks\r\n"
        "01M83T4CM40000000000000001,2026-11-23T09:00:00.004Z,web,bot,quote,sales,custom_quote,"
        "waiting,7200,seen escalated answered unanswered_15m unanswered_1h\r\n");
    buf_fini(&out);
    report_free(&r);
}

static void a_list_is_bounded_and_says_so(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .sessions = 1, .mark = MARKS });
    struct tape t;
    for (int i = 0; i < REPORT_SESSIONS + 5; i++) {
        contained(&t, MONDAY + 5000 - i, "a");
        add(r, &t);
    }
    cJSON *tree = json(r);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "sessions")), REPORT_SESSIONS);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(tree, "more")));
    cJSON_Delete(tree);
    report_free(&r);
}

static void too_many_groups_become_one(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .by = BY_REASON });
    struct tape t;
    char code[32];
    for (int i = 0; i < 700; i++) {
        snprintf(code, sizeof code, "code%d", i);
        escalated(&t, MONDAY + 5000 - i, "sales", code, MINUTE);
        add(r, &t);
    }
    cJSON *tree = json(r);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "groups")), REPORT_GROUPS + 1);
    assert_int_equal(number(group(tree, "(other)"), "escalations"), 700 - REPORT_GROUPS);
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "escalations")) <= REPORT_CELLS + 1);
    assert_int_equal(number(cJSON_GetObjectItem(tree, "total"), "escalations"), 700);
    cJSON_Delete(tree);
    report_free(&r);
}

/* A name that a spreadsheet would run, and one with what CSV is made of. */
static void a_name_in_a_table_is_only_a_name(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .by = BY_REASON });
    struct tape t;
    escalated(&t, MONDAY + 1, "sales", "=cmd()", 0);
    add(r, &t);
    escalated(&t, MONDAY, "sales", "a,\"b\"", 0);
    add(r, &t);
    struct buf out = { 0 };
    report_csv(r, &out);
    assert_non_null(strstr(out.data, "\r\n\"'=cmd()\","));
    assert_non_null(strstr(out.data, "\r\n\"a,\"\"b\"\"\","));
    assert_int_equal(strncmp(out.data, "reason,sessions,escalated,", 26), 0);
    buf_fini(&out);
    report_free(&r);
}

static void an_empty_window_has_figures_that_are_not_known(void **state)
{
    (void)state;
    struct report *r = ask((struct report_ask){ .by = BY_AGENT });
    report_skip(r);
    cJSON *tree = json(r);
    const cJSON *total = cJSON_GetObjectItem(tree, "total");
    assert_int_equal(number(total, "sessions"), 0);
    assert_true(number(total, "escalation_rate") == -1);
    assert_true(number(total, "response_p50_s") == -1);
    assert_int_equal(number(tree, "incomplete"), 1);
    cJSON_Delete(tree);
    report_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_back_within_a_day_was_not_helped),
        cmocka_unit_test(a_window_in_equal_parts_has_the_figures_of_each),
        cmocka_unit_test(what_ended_today_is_not_verified_yet),
        cmocka_unit_test(a_session_with_escalations_in_two_queues_is_in_both_groups),
        cmocka_unit_test(escalations_are_counted_by_intent_reason_and_outcome),
        cmocka_unit_test(the_list_has_those_with_the_mark_in_the_group),
        cmocka_unit_test(a_list_is_bounded_and_says_so),
        cmocka_unit_test(too_many_groups_become_one),
        cmocka_unit_test(a_name_in_a_table_is_only_a_name),
        cmocka_unit_test(an_empty_window_has_figures_that_are_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
