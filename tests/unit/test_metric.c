/* test_metric.c - base/metric.c: what Prometheus gets to read. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/metric.h"

static void a_counter_and_a_gauge_are_printed_with_their_help(void **state)
{
    struct metric_set *set = metric_set_new();
    struct buf out = { 0 };

    (void)state;
    metric_describe(set, "tandem_messages_total", "counter", "Messages, both ways.");
    metric_describe(set, "tandem_unused", "gauge", "Never seen.");
    *metric_counter(set, "tandem_messages_total", "channel=\"web\"") += 3;
    *metric_counter(set, "tandem_messages_total", "channel=\"web\"") += 1;
    *metric_gauge(set, "tandem_sessions", "") = 2.5;
    metric_print(set, &out);
    assert_string_equal(out.data, "# HELP tandem_messages_total Messages, both ways.\n"
                                  "# TYPE tandem_messages_total counter\n"
                                  "tandem_messages_total{channel=\"web\"} 4\n"
                                  "# HELP tandem_unused Never seen.\n"
                                  "# TYPE tandem_unused gauge\n"
                                  "# TYPE tandem_sessions gauge\n"
                                  "tandem_sessions 2.5\n");
    buf_fini(&out);
    metric_set_free(&set);
    assert_null(set);
}

static void buckets_of_a_histogram_add_up(void **state)
{
    struct metric_set *set = metric_set_new();
    struct metric_histogram *h = metric_histogram(set, "t_seconds", "agent=\"a\"");
    struct buf out = { 0 };

    (void)state;
    metric_observe(h, 0.0005);
    metric_observe(h, 0.3);
    metric_observe(h, 1000);
    metric_print(set, &out);
    assert_non_null(strstr(out.data, "t_seconds_bucket{agent=\"a\",le=\"0.0005\"} 1\n"));
    assert_non_null(strstr(out.data, "t_seconds_bucket{agent=\"a\",le=\"0.25\"} 1\n"));
    assert_non_null(strstr(out.data, "t_seconds_bucket{agent=\"a\",le=\"0.5\"} 2\n"));
    assert_non_null(strstr(out.data, "t_seconds_bucket{agent=\"a\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(out.data, "t_seconds_sum{agent=\"a\"} 1000.3005\n"));
    assert_non_null(strstr(out.data, "t_seconds_count{agent=\"a\"} 3\n"));
    buf_fini(&out);
    metric_set_free(&set);
}

static void a_label_from_outside_cannot_break_out(void **state)
{
    struct buf out = { 0 };

    (void)state;
    metric_label(&out, "channel", "a\"b\\c\nd");
    metric_label(&out, "x", "y");
    assert_string_equal(out.data, "channel=\"a\\\"b\\\\c\\nd\",x=\"y\"");
    buf_fini(&out);
}

static void too_many_series_share_one(void **state)
{
    struct metric_set *set = metric_set_new();
    struct buf out = { 0 };
    char labels[32];

    (void)state;
    for (int i = 0; i < 10010; i++) {
        snprintf(labels, sizeof labels, "n=\"%d\"", i);
        ++*metric_counter(set, "t_total", labels);
    }
    metric_print(set, &out);
    assert_non_null(strstr(out.data, "t_total{other=\"1\"} 10\n"));
    buf_fini(&out);
    metric_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_and_a_gauge_are_printed_with_their_help),
        cmocka_unit_test(buckets_of_a_histogram_add_up),
        cmocka_unit_test(a_label_from_outside_cannot_break_out),
        cmocka_unit_test(too_many_series_share_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
