/* test_trouble.c - measure/trouble.c: what went wrong in a conversation, counted by hand. */
#include "config.h"

#include <math.h>
#include <string.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/policy.h"
#include "measure/report.h"
#include "measure/row.h"
#include "tests/check.h"
#include "tests/unit/tape.h"

#define MONDAY INT64_C(1795424400000) /* 2026-11-23 09:00:00 UTC */

static struct figures figures;
static struct report *report;
static cJSON *tree;

static int set_up(void **state)
{
    (void)state;
    report = report_new(&(struct report_ask){ .from = MONDAY, .to = MONDAY + DAY,
                                              .now = MONDAY + DAY });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    figures_fini(&figures);
    report_free(&report);
    cJSON_Delete(tree);
    tree = NULL;
    return 0;
}

static void add(struct tape *tape)
{
    static const struct policy policy = { .hash = "" };
    const struct ulid id = { { 1 } };

    figures_add(&figures, &tape->measure, &(struct figures_view){
        .now = MONDAY + DAY, .policy = &policy, .escalations = FIGURES_ALL_ESCALATIONS });
    report_add(report, &id, &tape->measure, &policy);
    tape_end(tape);
}

static void is(const char *name, double value)
{
    const double got = figure_of(&figures, name);

    if (isnan(got) ? !isnan(value) : isnan(value) || fabs(got - value) > 1e-9)
        fail_msg("%s is %.10g and should be %.10g", name, got, value);
}

/* "a b c count sessions" of a row of the report's table; "": there is no such row. */
static const char *row(const char *table, int at)
{
    static char line[300];
    struct buf text = { 0 };
    const cJSON *member;

    if (tree == NULL) {
        report_json(report, &text);
        tree = td_json_parse(text.data, text.len, NULL, line, sizeof line);
        buf_fini(&text);
    }
    line[0] = '\0';
    cJSON_ArrayForEach(member, cJSON_GetArrayItem(td_json_get(tree, table), at)) {
        char number[24];

        snprintf(number, sizeof number, "%d", member->valueint);
        snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", *line ? " " : "",
                 cJSON_IsString(member) ? member->valuestring : number);
    }
    return line;
}

static void asks_back(struct tape *t, const char *slot)
{
    tape_put(t, (struct record){ .type = RECORD_TURN, .agent = "bot", .cause = "message" });
    tape_put(t, (struct record){ .type = RECORD_TURN_END, .agent = "bot", .slot = slot,
                                 .outcome = TURN_ANSWERED, .decision = TD_CLARIFY });
    tape_put(t, (struct record){ .type = RECORD_REPLY, .author = TD_AI, .body.text = "Which?" });
}

static void again(struct tape *t, const char *text)
{
    tape_put(t, (struct record){ .type = RECORD_MESSAGE, .signals = "repeated_message=1",
                                 .body.text = text });
}

/* Four are asked for the order. One says it, is asked for the date, and goes. One goes at once. One
 * gets a human. One is still there. Of four, two are gone: drop-off 0.5. */
static void who_goes_when_asked_for_something_is_counted_by_what_it_was(void **state)
{
    struct tape t;

    (void)state;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "refund");
    asks_back(&t, "order");
    tape_customer(&t, "A1");
    asks_back(&t, "date");
    tape_closed(&t);
    add(&t);
    tape_begin(&t, MONDAY, "b");
    tape_customer(&t, "refund");
    asks_back(&t, "order");
    tape_closed(&t);
    add(&t);
    tape_begin(&t, MONDAY, "c");
    tape_customer(&t, "refund");
    asks_back(&t, "order");
    tape_handoff(&t, 1, 0, "sales", "customer_request");
    tape_closed(&t);
    add(&t);
    tape_begin(&t, MONDAY, "d");
    tape_customer(&t, "refund");
    asks_back(&t, "order");
    add(&t);
    is("drop_off", 0.5);
    assert_string_equal(row("asked", 0), "date dropped 1 1");
    assert_string_equal(row("asked", 1), "order answered 1 1");
    assert_string_equal(row("asked", 2), "order dropped 1 1");
    assert_string_equal(row("asked", 3), "order handed 1 1");
    assert_string_equal(row("asked", 4), "order open 1 1");
    assert_string_equal(row("asked", 5), "");
}

/* An answer, the same question again: one. The same words after a human's answer: none. An answer
 * rated 2: one; rated 5: none. Three answers were not understood, in two of three sessions. */
static void an_answer_after_which_they_ask_the_same_or_rate_low_was_not_understood(void **state)
{
    struct tape t;

    (void)state;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "where is it?");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    again(&t, "where is it?");
    again(&t, "where is it?"); /* nothing was answered between */
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    again(&t, "where is it?");
    add(&t);
    tape_begin(&t, MONDAY, "b");
    tape_customer(&t, "where is it?");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    tape_rated(&t, 2);
    tape_rated(&t, 1); /* of the same answer */
    add(&t);
    tape_begin(&t, MONDAY, "c");
    tape_customer(&t, "a human");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    tape_rated(&t, 5);
    tape_handoff(&t, 1, 0, "sales", "customer_request");
    tape_accepted(&t, 1);
    tape_human(&t, 1, "Here.");
    again(&t, "a human");
    tape_rated(&t, 1);
    add(&t);
    is("misunderstood_answers", 3);
    is("misunderstood", 2.0 / 3);
}

/* Contained: two, one of them with a receipt. By a human: one, tagged. 0.5 and 1. */
static void a_receipt_or_a_tag_says_that_it_came_to_something(void **state)
{
    struct tape t;

    (void)state;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "book it");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    tape_put(&t, (struct record){ .type = RECORD_RESULT, .name = "book", .receipt = "R1" });
    add(&t);
    tape_begin(&t, MONDAY, "b");
    tape_customer(&t, "book it");
    tape_agent(&t, TD_RESOLVE, NULL, NULL);
    tape_put(&t, (struct record){ .type = RECORD_TAGS, .body.text = "[\"unconverted\"]" });
    tape_put(&t, (struct record){ .type = RECORD_TAGS, .body.text = "converted" });
    add(&t);
    tape_begin(&t, MONDAY, "c");
    tape_customer(&t, "a human");
    tape_agent(&t, TD_ESCALATE, NULL, NULL);
    tape_handoff(&t, 1, 0, "sales", "sales_call");
    tape_accepted(&t, 1);
    tape_human(&t, 1, "Here.");
    tape_put(&t, (struct record){ .type = RECORD_TAGS, .body.text = "[\"vip\",\"converted\"]" });
    add(&t);
    is("converted", 2);
    is("conversion_contained", 0.5);
    is("conversion_human", 1);
}

/* Three of the same, but for a number, in two sessions; one of each other kind. */
static void failures_are_put_together_by_what_failed_and_why(void **state)
{
    struct tape t;

    (void)state;
    tape_begin(&t, MONDAY, "a");
    for (int i = 0; i < 2; i++)
        tape_put(&t, (struct record){ .type = RECORD_TURN_END, .agent = "bot",
                                      .outcome = TURN_FAILED,
                                      .detail = i == 0 ? "HTTP 503 after 12 ms" : "HTTP 500 after 3 ms" });
    tape_put(&t, (struct record){ .type = RECORD_TURN_END, .agent = "bot", .outcome = TURN_FAILED,
                                  .cause = "timeout", .detail = "no answer within the deadline" });
    tape_put(&t, (struct record){ .type = RECORD_RESULT, .name = "book",
                                  .category = "unknown_action" });
    add(&t);
    tape_begin(&t, MONDAY, "b");
    tape_put(&t, (struct record){ .type = RECORD_TURN_END, .agent = "bot", .outcome = TURN_FAILED,
                                  .detail = "HTTP 503 after 1000 ms" });
    tape_put(&t, (struct record){ .type = RECORD_DELIVERY, .status = TD_FAILED,
                                  .category = "unreachable", .detail = "gone" });
    tape_put(&t, (struct record){ .type = RECORD_HANDOFF_END, .queue = "sales",
                                  .outcome = HANDOFF_NOBODY });
    tape_put(&t, (struct record){ .type = RECORD_HANDOFF_END, .queue = "sales",
                                  .outcome = HANDOFF_LEFT }); /* is none */
    add(&t);
    assert_string_equal(row("failures", 0), "agent bot HTTP # after # ms 3 2");
    assert_string_equal(row("failures", 1), "action book unknown_action 1 1");
    assert_string_equal(row("failures", 2), "agent bot timeout 1 1");
    assert_string_equal(row("failures", 3), "delivery web unreachable 1 1");
    assert_string_equal(row("failures", 4), "handoff sales nobody 1 1");
    assert_string_equal(row("failures", 5), "");
}

static void more_kinds_than_there_is_room_for_are_counted_all_the_same(void **state)
{
    static const char *const whys[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    struct tape t;
    unsigned n = 0;

    (void)state;
    tape_begin(&t, MONDAY, "a");
    for (size_t i = 0; i < 10; i++) {
        tape_put(&t, (struct record){ .type = RECORD_TURN_END, .agent = "bot",
                                      .outcome = TURN_FAILED, .detail = whys[i] });
        asks_back(&t, whys[i]);
    }
    for (size_t i = 0; i < t.measure.n_troubles; i++)
        n += t.measure.troubles[i].n;
    assert_int_equal(t.measure.n_troubles, MEASURE_FAILURES);
    assert_int_equal(n, 10);
    assert_int_equal(t.measure.n_slots, MEASURE_SLOTS);
    add(&t);
}

static void all_of_it_outlives_the_journal_in_a_row(void **state)
{
    struct buf first = { 0 }, second = { 0 };
    struct measure back;
    struct tape t;
    struct err err;

    (void)state;
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "refund");
    asks_back(&t, "order");
    again(&t, "refund");
    asks_back(&t, "date");
    tape_put(&t, (struct record){ .type = RECORD_RESULT, .name = "book", .receipt = "R1" });
    tape_put(&t, (struct record){ .type = RECORD_TURN_END, .agent = "bot", .outcome = TURN_FAILED,
                                  .detail = "it broke" });
    row_encode(&t.measure, &first);
    measure_init(&back, t.arena, NULL, 1);
    assert_int_equal(row_decode(first.data, first.len, &back, &err), 0);
    row_encode(&back, &second);
    assert_string_equal(first.data, second.data);
    assert_int_equal(back.misunderstood, 1);
    assert_int_equal(back.slots[1].asked, ASKED_OPEN);
    assert_string_equal(back.troubles[0].why, "it broke");
    buf_fini(&first);
    buf_fini(&second);
    add(&t);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_goes_when_asked_for_something_is_counted_by_what_it_was),
        T(an_answer_after_which_they_ask_the_same_or_rate_low_was_not_understood),
        T(a_receipt_or_a_tag_says_that_it_came_to_something),
        T(failures_are_put_together_by_what_failed_and_why),
        T(more_kinds_than_there_is_room_for_are_counted_all_the_same),
        T(all_of_it_outlives_the_journal_in_a_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
