/* test_log.c - base/log.c: one event, one line, whatever is in it. */
#include "config.h"

#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/utf8.h"
#include "tests/check.h"

static int real_stderr, ends[2];

/* What is logged lands in a pipe. */
static int set_up(void **state)
{
    (void)state;
    real_stderr = dup(STDERR_FILENO);
    if (real_stderr < 0 || pipe(ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
        return -1;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    log_setup(LOG_INFO_LEVEL, LOG_LOGFMT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* The lines so far, with the digits of the time as 0. */
static const char *logged(void)
{
    static char text[20000];
    ssize_t n = read(ends[0], text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    char *ts = strstr(text, "20");
    for (int i = 0; ts && ts < text + 10 && i < 24; i++)
        ts[i] = ts[i] >= '0' && ts[i] <= '9' ? '0' : ts[i];
    return text;
}

#define TS "0000-00-00T00:00:00.000Z"

static void a_line_has_time_level_sentence_and_context(void **state)
{
    (void)state;
    struct log_ctx channel = LOG_CTX(NULL, "channel", "web");
    struct log_ctx none = LOG_CTX(&channel, "agent", NULL);
    struct log_ctx session = LOG_CTX(&none, "session", "01J X");
    LOG_WARN(&session, "agent is slow: %d ms", 5012);
    assert_string_equal(logged(), "ts=" TS " level=warn msg=\"agent is slow: 5012 ms\" "
                                  "channel=web session=\"01J X\"\n");
    log_setup(LOG_INFO_LEVEL, LOG_JSON);
    LOG_ERROR(&session, "x");
    assert_string_equal(logged(), "{\"ts\":\"" TS "\",\"level\":\"error\",\"msg\":\"x\","
                                  "\"channel\":\"web\",\"session\":\"01J X\"}\n");
}

static int asked;

static int ask(void)
{
    return ++asked;
}

static void what_is_not_wanted_is_not_even_evaluated(void **state)
{
    (void)state;
    LOG_DEBUG(NULL, "%d", ask());
    assert_int_equal(asked, 0);
    assert_string_equal(logged(), "");
    log_setup(LOG_DEBUG_LEVEL, LOG_LOGFMT);
    assert_true(log_wants(LOG_DEBUG_LEVEL));
    assert_false(log_wants(LOG_TRACE_LEVEL));
    LOG_DEBUG(NULL, "%d", ask());
    assert_string_equal(logged(), "ts=" TS " level=debug msg=1\n");
}

static void nothing_breaks_the_line_or_steers_a_terminal(void **state)
{
    (void)state;
    struct log_ctx ctx = LOG_CTX(NULL, "k", "a\"b=\\");
    LOG_INFO(&ctx, "a\nb\t\x1b[2J \xc2\x9b \xff \xe2\x82\xac");
    assert_string_equal(logged(), "ts=" TS " level=info msg=\"a\\nb\\u0009\\u001b[2J \\u009b "
                                  "\\ufffd \xe2\x82\xac\" k=\"a\\\"b=\\\\\"\n");
}

static void a_long_line_is_cut_and_still_whole(void **state)
{
    (void)state;
    char text[8000];
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = "\x01\xe2\x82\xac"[i % 4];
    text[sizeof(text) - 1] = '\0';
    struct log_ctx first = LOG_CTX(NULL, "first", text), last = LOG_CTX(&first, "last", "x");
    for (int json = 0; json < 2; json++) {
        log_setup(LOG_INFO_LEVEL, json ? LOG_JSON : LOG_LOGFMT);
        LOG_INFO(&last, "%s", text);
        const char *line = logged();
        size_t len = strlen(line);
        assert_in_range(len, 4000, 8192);
        assert_true(utf8_valid(line, len));
        assert_ptr_equal(strchr(line, '\n'), line + len - 1);
        assert_string_equal(line + len - (json ? 3 : 2), json ? "\"}\n" : "\"\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_time_level_sentence_and_context, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_wanted_is_not_even_evaluated, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_breaks_the_line_or_steers_a_terminal, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_still_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
