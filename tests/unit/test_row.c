/* test_row.c - measure/row.c: what is measured, kept. */
#include "config.h"

#include <math.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/policy.h"
#include "measure/repeat.h"
#include "measure/row.h"
#include "tests/check.h"
#include "tests/unit/tape.h"

#define MONDAY INT64_C(1795424400000)

static const struct policy policy = { .n_queues = 0 };

static void restore(const struct buf *row, struct tape *t)
{
    struct err err = { "" };

    t->arena = arena_new(0);
    measure_init(&t->measure, t->arena, NULL, 7);
    if (row_decode(row->data, row->len, &t->measure, &err) != 0)
        fail_msg("%s: %s", err.text, row->data);
}

static void same_figures(const struct measure *a, const struct measure *b)
{
    const struct figures_view view = { .now = MONDAY + 10 * DAY, .policy = &policy,
                                       .escalations = FIGURES_ALL_ESCALATIONS };
    struct figures one = { .sessions = 0 }, other = { .sessions = 0 };
    struct figure list[FIGURES_MOST], others[FIGURES_MOST];
    size_t n;

    figures_add(&one, a, &view);
    figures_add(&other, b, &view);
    n = figures_list(&one, list);
    assert_int_equal(figures_list(&other, others), n);
    for (size_t i = 0; i < n; i++)
        if (list[i].known != others[i].known || list[i].value != others[i].value)
            fail_msg("%s is %g and %g", list[i].name, list[i].value, others[i].value);
    figures_fini(&one);
    figures_fini(&other);
}

static void a_row_brings_back_all_that_is_measured(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 300; seed++) {
        struct tape t, back;
        struct buf row = { 0 }, again = { 0 };
        tape_seed(seed);
        tape_begin(&t, MONDAY, "a");
        for (unsigned n = tape_random(150); n > 0; n--)
            tape_any(&t);
        row_encode(&t.measure, &row);
        restore(&row, &back);
        row_encode(&back.measure, &again);
        assert_string_equal(row.data, again.data);
        same_figures(&t.measure, &back.measure);
        buf_fini(&row);
        buf_fini(&again);
        tape_end(&t);
        tape_end(&back);
    }
}

/* The row is made while the customer waits; the human's answer, 300 s after the escalation, comes
 * after. What the customer said before is not known any more, so what they say again is not, either. */
static void it_goes_on_from_a_row_without_what_was_said(void **state)
{
    (void)state;
    struct tape t, back;
    struct buf row = { 0 };
    tape_begin(&t, MONDAY, "a");
    tape_customer(&t, "my order A-10023");
    tape_agent(&t, TD_ESCALATE, "delivery", "{\"order_id\":\"A-10023\"}");
    tape_handoff(&t, 1, 0, "sales", "frustration");
    row_encode(&t.measure, &row);
    restore(&row, &back);
    back.begun = MONDAY;
    back.seq = t.seq;
    tape_at(&back, 5 * MINUTE);
    tape_accepted(&back, 1);
    tape_human(&back, 1, "Hello.");
    tape_customer(&back, "it is A-10023");
    tape_stretch(&back, 1, MINUTE, HANDOFF_RETURNED, "{\"outcome\":\"resolved\"}");
    const struct measure_escalation *e = &back.measure.escalations[0];
    assert_int_equal(back.measure.n_escalations, 1);
    assert_int_equal(e->answered_at - e->at, 5 * MINUTE);
    assert_string_equal(e->queue, "sales");
    assert_string_equal(e->code, "frustration");
    assert_int_equal(e->resolved, RESOLVED_YES);
    assert_int_equal(back.measure.repeats, REPEAT_UNKNOWN);
    assert_null(strstr(row.data, "A-10023")); /* facts only */
    buf_fini(&row);
    tape_end(&t);
    tape_end(&back);
}

static void what_is_no_row_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{", "[]", "{}", "{\"version\":9}", "{\"version\":2,\"seq\":\"1\"}",
        "{\"version\":2,\"seen\":2}", "{\"version\":2,\"who\":\"xyz\"}",
        "{\"version\":2,\"heard\":4}", "{\"version\":2,\"escalations\":[{\"outcome\":99}]}",
        "{\"version\":2,\"escalations\":[{\"handoff\":\"x\"}]}",
        "{\"version\":2,\"escalations\":[{},{},{},{},{},{},{},{},{}]}",
        "{\"version\":2,\"escalations\":[{\"stays\":[{},{},{},{},{},{},{}]}]}",
        "{\"version\":2,\"csat\":[{},{},{}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena *arena = arena_new(0);
        struct measure m;
        struct err err = { "" };
        measure_init(&m, arena, NULL, 1);
        if (row_decode(bad[i], strlen(bad[i]), &m, &err) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_true(err.text[0] != '\0');
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_brings_back_all_that_is_measured),
        cmocka_unit_test(it_goes_on_from_a_row_without_what_was_said),
        cmocka_unit_test(what_is_no_row_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
