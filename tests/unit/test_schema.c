/* test_schema.c - config/schema.c: typed values, what is said about wrong ones, and secrets. */
#include "config.h"

#include "config/schema.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tests/check.h"

struct all {
    const char *name, *file, *token;
    int64_t port, wait, body;
    int tls, mode;
    struct td_rate rate;
    const char *const *tags;
};

static const char *const modes[] = { "pre", "post", "off", NULL };
static const struct td_conf_key keys[] = {
    { .name = "name", .type = TD_TYPE_STRING, .offset = offsetof(struct all, name), .min = 1,
      .max = 8, .help = "What it is called." },
    TD_CONF_STR(struct all, file, TD_PATH, NULL, "Where it is."),
    TD_CONF_SECRET(struct all, token, 0, "What opens it."),
    TD_CONF_INT(struct all, port, 0, "80", 1, 65535, "Where it listens."),
    TD_CONF_DURATION(struct all, wait, 0, "8s", 100, 60000, "How long it may take."),
    TD_CONF_SIZE(struct all, body, 0, "64K", 0, 0, "How large it may be."),
    TD_CONF_BOOL(struct all, tls, 0, "yes", "Whether it is encrypted."),
    TD_CONF_ENUM(struct all, mode, 0, "post", modes, "When it happens."),
    TD_CONF_RATE(struct all, rate, 0, "20/10s", "How often it may happen."),
    TD_CONF_LIST(struct all, tags, 0, NULL, "What it is about."),
    TD_CONF_END,
};

/* One filled section, with what was said about it. */
static struct all all;
static struct schema_values *values;
static struct conf *conf;
static char *report;
static char dir[] = "/tmp/tandem-schema-XXXXXX";

static int enter_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave_dir(void **state)
{
    (void)state;
    char *command = mem_printf("rm -r %s", dir);
    int rc = chdir("/") == 0 ? system(command) : -1;
    free(command);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    schema_values_free(&values);
    conf_free(&conf);
    free(report);
    report = NULL;
    return 0;
}

static void put_file(const char *name, const char *text, size_t len, mode_t mode)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, mode), 0);
}

/* Reads [x] of a conf and fills `all`; returns the errors of the filling. */
static unsigned fill(struct conf *from)
{
    const struct schema schema = { keys, sizeof(keys[0]), &all };
    tear_down(NULL);
    conf = from;
    values = schema_values_new();
    all = (struct all){ .name = NULL };
    unsigned errors = schema_fill(conf, conf_find(conf, "x", ""), "[x]", &schema, 1, values);
    report = conf_report(conf, "nothing was changed");
    return errors;
}

static unsigned fill_text(const char *text)
{
    char *whole = mem_printf("[x]\n%s\n", text);
    struct conf *from = conf_read_text("test", whole, strlen(whole));
    free(whole);
    return fill(from);
}

/* One line with one error. */
static void assert_refused(const char *line, unsigned column, const char *why)
{
    assert_int_equal(fill_text(line), 1);
    char *expected = mem_printf("test:2:%u: %s\n    2 | %s\n1 error; nothing was changed\n", column,
                                why, line);
    assert_string_equal(report, expected);
    free(expected);
}

static void defaults_are_filled_in(void **state)
{
    (void)state;
    assert_int_equal(fill_text(""), 0);
    assert_string_equal(report, "");
    assert_null(all.name);
    assert_null(all.token);
    assert_int_equal(all.port, 80);
    assert_int_equal(all.wait, 8000);
    assert_int_equal(all.body, 65536);
    assert_int_equal(all.tls, 1);
    assert_int_equal(all.mode, 1);
    assert_int_equal(all.rate.count, 20);
    assert_int_equal(all.rate.per_ms, 10000);
    assert_non_null(all.tags);
    assert_null(all.tags[0]);
}

static void without_a_section_there_are_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(fill(conf_read_text("test", "", 0)), 0);
    assert_int_equal(all.wait, 8000);
    assert_null(all.tags[0]);
}

static void values_are_typed(void **state)
{
    (void)state;
    assert_int_equal(fill_text("name = a b\nport = 1\nwait = 100ms\nbody = 3M\ntls = off\n"
                               "mode = off\nrate = 30/min\ntags = a, \"b, c\" ,d \"e\"\n"
                               "tags += \"f \\\" g\"\ntags += \"\""), 0);
    assert_string_equal(report, "");
    assert_string_equal(all.name, "a b");
    assert_int_equal(all.port, 1);
    assert_int_equal(all.wait, 100);
    assert_int_equal(all.body, 3 << 20);
    assert_int_equal(all.tls, 0);
    assert_int_equal(all.mode, 2);
    assert_int_equal(all.rate.count, 30);
    assert_int_equal(all.rate.per_ms, 60000);
    assert_string_equal(all.tags[0], "a");
    assert_string_equal(all.tags[1], "b, c");
    assert_string_equal(all.tags[2], "d \"e\"");
    assert_string_equal(all.tags[3], "f \" g");
    assert_string_equal(all.tags[4], "");
    assert_null(all.tags[5]);
    assert_int_equal(fill_text("tags = a, "), 0); /* a comma at the end is no harm */
    assert_string_equal(all.tags[0], "a");
    assert_null(all.tags[1]);
    assert_int_equal(fill_text("tags = \"a, b\""), 0);
    assert_string_equal(all.tags[0], "a, b");
    assert_null(all.tags[1]);
}

static void units_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } times[] = { { "0", 0 }, { "0s", 0 }, { "500ms", 500 }, { "10s", 10000 }, { "5min", 300000 },
                  { "5m", 300000 },
                  { "24h", 86400000 }, { "8d", 691200000 }, { "8", -1 }, { "", -1 }, { "s", -1 },
                  { "-1s", -1 }, { "1.5s", -1 }, { "10 s", -1 }, { "1s ", -1 },
                  { "99999999999999999999s", -1 }, { "999999999999999d", -1 } };
    struct td_rate rate;
    int64_t value;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        value = -1;
        assert_int_equal(schema_parse_duration(times[i].text, &value), times[i].ms < 0 ? -1 : 0);
        if (times[i].ms >= 0)
            assert_int_equal(value, times[i].ms);
    }
    assert_int_equal(schema_parse_size("512", &value), 0);
    assert_int_equal(value, 512);
    assert_int_equal(schema_parse_size("1G", &value), 0);
    assert_int_equal(value, 1 << 30);
    assert_int_equal(schema_parse_size("64k", &value), -1);
    assert_int_equal(schema_parse_rate("5/2h", &rate), 0);
    assert_true(rate.count == 5 && rate.per_ms == 7200000);
    assert_int_equal(schema_parse_rate("0", &rate), 0);
    assert_int_equal(rate.count, 0);
    assert_int_equal(schema_parse_rate("5", &rate), -1);
    assert_int_equal(schema_parse_rate("5/", &rate), -1);
    assert_int_equal(schema_parse_rate("5/0s", &rate), -1);
    assert_int_equal(schema_parse_rate("5/10", &rate), -1);
    assert_int_equal(schema_parse_rate("/s", &rate), -1);
}

static void a_misspelt_key_is_reported_with_the_nearest_one(void **state)
{
    (void)state;
    assert_refused("prt = 1", 1, "unknown key 'prt' in [x]; did you mean 'port'?");
    assert_refused("colour = 1", 1, "unknown key 'colour' in [x]");
}

static void wrong_values_are_reported_with_what_would_be_right(void **state)
{
    (void)state;
    assert_refused("port = x", 8, "'port' in [x] must be a whole number, not 'x'");
    assert_refused("port = 70000", 8, "'port' in [x] must be 1 to 65535, not 70000");
    assert_refused("port = -1", 8, "'port' in [x] must be 1 to 65535, not -1");
    assert_refused("wait = 9", 8, "'wait' in [x] must be a time such as 500ms, 10s, 5min, 24h or "
                                  "8d, not '9'");
    assert_refused("wait = 2min", 8, "'wait' in [x] must be 100ms to 1min, not 2min");
    assert_refused("body = 1T", 8, "'body' in [x] must be a size such as 512, 64K, 10M or 1G, not "
                                   "'1T'");
    assert_refused("tls = maybe", 7, "'tls' in [x] must be yes or no, not 'maybe'");
    assert_refused("mode = prr", 8, "'mode' in [x] must be pre, post or off, not 'prr'; did you "
                                    "mean 'pre'?");
    assert_refused("mode = never", 8, "'mode' in [x] must be pre, post or off, not 'never'");
    assert_refused("rate = 5", 8, "'rate' in [x] must be a rate such as 20/10s or 30/min, or 0 for "
                                  "none, not '5'");
    assert_refused("name = 123456789", 8, "'name' in [x] must be 1 to 8 bytes long, not 9");
    assert_refused("name =", 7, "'name' in [x] must be 1 to 8 bytes long, not 0");
    assert_refused("tags = a,, b", 8, "'tags' in [x] has an empty place in its list");
}

static void a_key_stands_once(void **state)
{
    (void)state;
    assert_int_equal(fill_text("port = 1\nport = 2"), 1);
    assert_string_equal(report, "test:3:1: key 'port' stands twice in [x]; first in line 2\n"
                                "    3 | port = 2\n"
                                "1 error; nothing was changed\n");
}

static void several_tables_stand_for_one_section(void **state)
{
    (void)state;
    struct one {
        const char *type;
    } one = { NULL };
    struct two {
        const char *url;
    } two = { NULL };
    const struct td_conf_key one_keys[] = { TD_CONF_STR(struct one, type, 0, NULL, "x"),
                                            TD_CONF_END };
    const struct td_conf_key two_keys[] = { TD_CONF_STR(struct two, url, TD_REQUIRED, NULL, "x"),
                                            TD_CONF_END };
    const struct schema schemas[] = { { one_keys, sizeof(one_keys[0]), &one },
                                      { two_keys, sizeof(two_keys[0]), &two },
                                      { NULL, 0, NULL } };
    const char text[] = "[agent a]\ntype = http\nurl = x\n[agent b]\ntyp = http\n";
    tear_down(NULL);
    conf = conf_read_text("test", text, sizeof(text) - 1);
    values = schema_values_new();
    assert_int_equal(schema_fill(conf, conf_find(conf, "agent", "a"), "[agent a]", schemas, 3,
                                 values), 0);
    assert_string_equal(one.type, "http");
    assert_string_equal(two.url, "x");
    assert_int_equal(schema_fill(conf, conf_find(conf, "agent", "b"), "[agent b]", schemas, 3,
                                 values), 2);
    report = conf_report(conf, "x");
    assert_string_equal(report, "test:4:1: key 'url' is missing in [agent b]\n"
                                "    4 | [agent b]\n"
                                "test:5:1: unknown key 'typ' in [agent b]; did you mean 'type'?\n"
                                "    5 | typ = http\n"
                                "2 errors; x\n");
}

static void tables_of_another_build_are_read_by_their_stride(void **state)
{
    (void)state;
    struct younger {
        struct td_conf_key key;
        const char *more;
    } rows[] = { { TD_CONF_INT(struct all, port, 0, "7", 1, 9, "x"), "y" },
                 { TD_CONF_STR(struct all, name, 0, "n", "x"), "y" }, { TD_CONF_END, NULL } };
    const struct schema schema = { &rows[0].key, sizeof(rows[0]), &all };
    tear_down(NULL);
    conf = conf_read_text("test", "[x]\nport = 3\n", 13);
    values = schema_values_new();
    assert_int_equal(schema_fill(conf, conf_find(conf, "x", ""), "[x]", &schema, 1, values), 0);
    assert_int_equal(all.port, 3);
    assert_string_equal(all.name, "n");
}

static void paths_are_relative_to_the_file_that_names_them(void **state)
{
    (void)state;
    mkdir("sub", 0700);
    put_file("sub/a.conf", "[x]\nfile = b/c\n", 15, 0600);
    assert_int_equal(fill(conf_read("sub/a.conf")), 0);
    assert_string_equal(all.file, "sub/b/c");
    put_file("sub/a.conf", "[x]\nfile = /b/c\n", 16, 0600);
    assert_int_equal(fill(conf_read("sub/a.conf")), 0);
    assert_string_equal(all.file, "/b/c");
}

static void secrets_come_from_files_credentials_and_the_environment(void **state)
{
    (void)state;
    put_file("one.key", "s3cret \n", 8, 0600);
    put_file("two.key", "s3cret\n\n", 8, 0600);
    setenv("SCHEMA_SECRET", "from env", 1);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    assert_int_equal(fill_text("token = @file:one.key"), 0);
    assert_string_equal(all.token, "s3cret ");
    assert_int_equal(fill_text("token = @file:two.key"), 0);
    assert_string_equal(all.token, "s3cret\n");
    assert_int_equal(fill_text("token = @cred:one.key"), 0);
    assert_string_equal(all.token, "s3cret ");
    assert_int_equal(fill_text("token = @env:SCHEMA_SECRET"), 0);
    assert_string_equal(all.token, "from env");
    assert_int_equal(fill_text("token = ${SCHEMA_SECRET}"), 0);
    assert_string_equal(all.token, "from env");
    assert_string_equal(report, "");
}

static void a_secret_that_cannot_be_had_is_an_error(void **state)
{
    (void)state;
    put_file("empty.key", "\n", 1, 0600);
    put_file("nul.key", "a\0b", 3, 0600);
    unsetenv("CREDENTIALS_DIRECTORY");
    unsetenv("SCHEMA_NONE");
    assert_refused("token = @file:none.key", 9, "'token' in [x] cannot be had: cannot open "
                                                "none.key: No such file or directory");
    assert_refused("token = @file:empty.key", 9,
                   "'token' in [x] cannot be had: empty.key is empty");
    assert_refused("token = @file:nul.key", 9, "'token' in [x] cannot be had: nul.key holds a NUL "
                                               "byte");
    assert_refused("token = @cred:one.key", 9,
                   "'token' in [x] cannot be had: @cred:one.key needs $CREDENTIALS_DIRECTORY, "
                   "which systemd sets for LoadCredential=");
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    assert_refused("token = @cred:../x", 9, "'token' in [x] cannot be had: '../x' is not the name "
                                            "of a credential");
    assert_refused("token = @env:SCHEMA_NONE", 9,
                   "'token' in [x] cannot be had: SCHEMA_NONE is not "
                                                  "set in the environment");
}

static void a_secret_in_the_file_is_a_warning_and_never_shown(void **state)
{
    (void)state;
    assert_int_equal(fill_text("token = hunter2\ntokn = hunter3"), 1);
    assert_string_equal(all.token, "hunter2");
    assert_string_equal(report, "test:2:9: warning: 'token' in [x] stands in plain text; better "
                                "use @file:, @cred: or @env:\n"
                                "    2 | token = ****\n"
                                "test:3:1: unknown key 'tokn' in [x]; did you mean 'token'?\n"
                                "    3 | tokn = ****\n"
                                "1 error, 1 warning; nothing was changed\n");
    assert_int_equal(fill_text("token = @fil:hunter2"), 1);
    assert_null(strstr(report, "hunter2"));
    assert_int_equal(fill_text("token = \"@fil:hunter2\""), 0);
    assert_string_equal(all.token, "@fil:hunter2");
}

static void a_secret_in_a_file_that_all_may_read_is_an_error(void **state)
{
    (void)state;
    put_file("open.conf", "[x]\ntoken = hunter2\n", 20, 0644);
    assert_int_equal(fill(conf_read("open.conf")), 1);
    assert_string_equal(report, "open.conf:2:9: 'token' in [x] stands in plain text in a file that "
                                "everybody may read; take the right away (chmod o-r), or use "
                                "@file:, @cred: or @env:\n"
                                "    2 | token = ****\n"
                                "1 error; nothing was changed\n");
    put_file("open.conf", "[x]\ntoken = hunter2\n", 20, 0640);
    assert_int_equal(fill(conf_read("open.conf")), 0);
}

static void what_is_printed_reads_back_and_hides_secrets(void **state)
{
    (void)state;
    const struct schema schema = { keys, sizeof(keys[0]), &all };
    struct buf out = { 0 };
    assert_int_equal(fill_text("name = \" # \\\" \"\ntoken = \"hunter2\"\nwait = 60000ms\n"
                               "rate = 0\nbody = 1536\ntags = a, \"b, c\", \"\", \"$${X}\""), 0);
    schema_print(&schema, &out);
    assert_string_equal(out.data, "name = \" # \\\" \"\n"
                                  "token = ****\n"
                                  "port = 80\n"
                                  "wait = 1min\n"
                                  "body = 1536\n"
                                  "tls = yes\n"
                                  "mode = post\n"
                                  "rate = 0\n"
                                  "tags = a, \"b, c\", \"\", $${X}\n");
    buf_fini(&out);
}

static void tables_print_themselves(void **state)
{
    (void)state;
    const struct td_conf_key few[] = {
        TD_CONF_STR(struct all, file, TD_PATH | TD_REQUIRED, NULL, "Where it is."),
        TD_CONF_DURATION(struct all, wait, 0, "8s", 100, 60000, "How long it may take."),
        TD_CONF_ENUM(struct all, mode, 0, "post", modes, "When it happens."),
        TD_CONF_END,
    };
    struct buf out = { 0 };
    schema_print_keys(few, sizeof(few[0]), &out);
    assert_string_equal(out.data,
                        "file (required, path): Where it is.\n"
                        "wait (time, 100ms to 1min; default 8s): How long it may take.\n"
                        "mode (one of pre, post, off; default post): When it happens.\n");
    buf_clear(&out);
    schema_print_sample(few, sizeof(few[0]), &out);
    assert_string_equal(out.data, "# Where it is. (required, path)\nfile =\n\n"
                                  "# How long it may take. (time, 100ms to 1min)\n# wait = 8s\n\n"
                                  "# When it happens. (one of pre, post, off)\n# mode = post\n\n");
    buf_fini(&out);
}

#define TEST(name_) cmocka_unit_test_teardown(name_, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_filled_in),
        TEST(without_a_section_there_are_the_defaults),
        TEST(values_are_typed),
        TEST(units_are_read_exactly),
        TEST(a_misspelt_key_is_reported_with_the_nearest_one),
        TEST(wrong_values_are_reported_with_what_would_be_right),
        TEST(a_key_stands_once),
        TEST(several_tables_stand_for_one_section),
        TEST(tables_of_another_build_are_read_by_their_stride),
        TEST(paths_are_relative_to_the_file_that_names_them),
        TEST(secrets_come_from_files_credentials_and_the_environment),
        TEST(a_secret_that_cannot_be_had_is_an_error),
        TEST(a_secret_in_the_file_is_a_warning_and_never_shown),
        TEST(a_secret_in_a_file_that_all_may_read_is_an_error),
        TEST(what_is_printed_reads_back_and_hides_secrets),
        TEST(tables_print_themselves),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
