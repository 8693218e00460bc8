/* test_conf.c - config/conf.c: the grammar, includes, and the report word by word. */
#include "config.h"

#include "config/conf.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/check.h"

static char dir[] = "/tmp/tandem-conf-XXXXXX";

static int enter_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) && chdir(dir) == 0 && mkdir("conf.d", 0700) == 0 ? 0 : -1;
}

static int leave_dir(void **state)
{
    (void)state;
    char *command = mem_printf("rm -r %s", dir);
    int rc = chdir("/") == 0 ? system(command) : -1;
    free(command);
    return rc;
}

static void put_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* The value of `key` in a section [x] with this text. */
static const char *value_in(const char *text, const char *key)
{
    static char value[1000];
    char *whole = mem_printf("[x]\n%s\n", text);
    struct conf *conf = conf_read_text("test", whole, strlen(whole));
    assert_int_equal(conf_errors(conf), 0);
    const struct conf_pair *pair = conf_get(conf_find(conf, "x", ""), key);
    snprintf(value, sizeof(value), "%s%s", pair && pair->quoted ? "quoted:" : "",
             pair ? pair->value : "none");
    conf_free(&conf);
    free(whole);
    return value;
}

static void assert_report(const char *text, const char *expected)
{
    struct conf *conf = conf_read_text("test", text, strlen(text));
    char *report = conf_report(conf, "nothing was changed");
    assert_string_equal(report, expected);
    free(report);
    conf_free(&conf);
    assert_null(conf);
}

static void sections_and_pairs_stand_in_file_order_with_their_places(void **state)
{
    (void)state;
    const char text[] = "# first\n\n[tandem] ; words\nlisten = 127.0.0.1:1\n"
                        "  [ channel  web-1.x ]\n"
                        "\ttype=webchat\r\nagent = front # who\n";
    struct conf *conf = conf_read_text("test", text, sizeof(text) - 1);
    size_t n;
    const struct conf_section *sections = conf_sections(conf, &n);
    assert_int_equal(n, 2);
    assert_string_equal(sections[0].kind, "tandem");
    assert_string_equal(sections[0].name, "");
    assert_int_equal(sections[0].pos.line, 3);
    assert_string_equal(sections[1].kind, "channel");
    assert_string_equal(sections[1].name, "web-1.x");
    assert_int_equal(sections[1].n_pairs, 2);
    assert_string_equal(sections[1].pairs[0].key, "type");
    assert_string_equal(sections[1].pairs[0].value, "webchat");
    assert_int_equal(sections[1].pairs[0].key_pos.column, 2);
    assert_int_equal(sections[1].pairs[0].value_pos.column, 7);
    assert_string_equal(sections[1].pairs[1].value, "front");
    assert_ptr_equal(conf_find(conf, "channel", "web-1.x"), &sections[1]);
    assert_null(conf_find(conf, "channel", "web"));
    assert_null(conf_get(&sections[1], "listen"));
    char *report = conf_report(conf, "x");
    assert_string_equal(report, "");
    free(report);
    conf_free(&conf);
    conf_free(&conf);
}

static void quotes_and_comments_are_told_apart(void **state)
{
    (void)state;
    assert_string_equal(value_in("k = a b  ", "k"), "a b");
    assert_string_equal(value_in("k = a#b;c", "k"), "a#b;c");
    assert_string_equal(value_in("k = a #b", "k"), "a");
    assert_string_equal(value_in("k =", "k"), "");
    assert_string_equal(value_in("k = # x", "k"), "");
    assert_string_equal(value_in("k = \"a # b \" ; c", "k"), "quoted:a # b ");
    assert_string_equal(value_in("k = \"a \\\" \\\\ \\d\"", "k"), "quoted:a \" \\ \\d");
    assert_string_equal(value_in("k = \"\"", "k"), "quoted:");
    assert_string_equal(value_in("k = t matches \"a # b\" # c", "k"), "t matches \"a # b\"");
    assert_string_equal(value_in("k = \"web\" == channel", "k"), "\"web\" == channel");
    assert_string_equal(value_in("k = 5\" pipe ; c", "k"), "5\" pipe");
    assert_string_equal(value_in("k = a\\", "k"), "a\\");
    assert_string_equal(value_in("k == b", "k"), "= b");
}

static void plus_joins_values(void **state)
{
    (void)state;
    assert_string_equal(value_in("k = a\nl = x\nk += b, c\nk += d", "k"), "a, b, c, d");
    assert_string_equal(value_in("k += a", "k"), "a");
    assert_string_equal(value_in("k =\nk += a", "k"), "a");
    assert_string_equal(value_in("k = \"a, b\"\nk+=\"c \\\" d\"", "k"), "\"a, b\", \"c \\\" d\"");
}

static void the_environment_fills_in(void **state)
{
    (void)state;
    setenv("CONF_TEST", "a # b", 1);
    setenv("CONF_EMPTY", "", 1);
    unsetenv("CONF_NONE");
    assert_string_equal(value_in("k = <${CONF_TEST}>", "k"), "<a # b>");
    assert_string_equal(value_in("k = \"${CONF_TEST}\"", "k"), "quoted:a # b");
    assert_string_equal(value_in("k = ${CONF_NONE:-x y}${CONF_EMPTY:-z}${CONF_EMPTY}", "k"),
                        "x yz");
    assert_string_equal(value_in("k = $${CONF_TEST} $5 {x}", "k"), "${CONF_TEST} $5 {x}");
    setenv("CONF_LINES", "a\nb", 1);
    assert_report("[x]\na = ${CONF_NONE}\nb = ${CONF\nc = ${1}\nd = ${CONF_LINES}\n",
                  "test:2:5: ${CONF_NONE} is not set in the environment\n"
                  "    2 | a = ${CONF_NONE}\n"
                  "test:3:5: '${' without '}'\n"
                  "    3 | b = ${CONF\n"
                  "test:4:5: '${1}' is not ${NAME} or ${NAME:-default}\n"
                  "    4 | c = ${1}\n"
                  "test:5:5: ${CONF_LINES} holds a control character or is not UTF-8\n"
                  "    5 | d = ${CONF_LINES}\n"
                  "4 errors; nothing was changed\n");
}

static void a_forgotten_bracket_is_reported_on_its_own_line(void **state)
{
    (void)state;
    assert_report("[agent front\nurl = x\n[desk a] b\n[]\n[a b c]\n[a b] # fine\n",
                  "test:1:13: the section's ']' is missing\n"
                  "    1 | [agent front\n"
                  "test:3:10: nothing but a comment may follow the section's ']'\n"
                  "    3 | [desk a] b\n"
                  "test:4:2: the kind of the section is expected after '['\n"
                  "    4 | []\n"
                  "test:5:6: a section is [kind name]; names are letters, digits, '_', '-' and "
                  "'.'\n"
                  "    5 | [a b c]\n"
                  "4 errors; nothing was changed\n");
}

static void lines_that_are_nothing_are_reported(void **state)
{
    (void)state;
    assert_report("a = 1\n[x]\nkey\n= 3\nk y = 1\nk + 1\n\x01\nb = \xff\n\xe2\x82\xac = 1\n",
                  "test:1:1: 'a' stands before the first section; only include may\n"
                  "    1 | a = 1\n"
                  "test:3:4: '=' is expected after the key\n"
                  "    3 | key\n"
                  "test:4:1: key = value, [section] or a comment is expected\n"
                  "    4 | = 3\n"
                  "test:5:3: '=' is expected after the key\n"
                  "    5 | k y = 1\n"
                  "test:6:4: '=' is expected after the key\n"
                  "    6 | k + 1\n"
                  "test:7:1: a control character\n"
                  "    7 | ?\n"
                  "test:8:5: this is not UTF-8\n"
                  "    8 | b = ?\n"
                  "test:9:1: key = value, [section] or a comment is expected\n"
                  "    9 | \xe2\x82\xac = 1\n"
                  "8 errors; nothing was changed\n");
}

static void a_section_stands_once(void **state)
{
    (void)state;
    assert_report("[a b]\n[a c]\n[a b]\nx\n[t]\n[t]\n",
                  "test:3:1: [a b] stands at test:1 already\n"
                  "    3 | [a b]\n"
                  "test:4:2: '=' is expected after the key\n"
                  "    4 | x\n"
                  "test:6:1: [t] stands at test:5 already\n"
                  "    6 | [t]\n"
                  "3 errors; nothing was changed\n");
}

static void includes_are_read_in_order_relative_to_their_file(void **state)
{
    (void)state;
    put_file("main.conf", "include = conf.d/*.conf ; all\ninclude = no/such/*.conf\n[tandem]\na\n");
    put_file("conf.d/b.conf", "include = inner\n[b]\n");
    put_file("conf.d/inner", "[inner]\nb\n");
    put_file("conf.d/a.conf", "[a]\n");
    struct conf *conf = conf_read("main.conf");
    size_t n;
    const struct conf_section *sections = conf_sections(conf, &n);
    assert_int_equal(n, 4);
    assert_string_equal(sections[0].kind, "a");
    assert_string_equal(sections[1].kind, "inner");
    assert_string_equal(sections[2].kind, "b");
    assert_string_equal(sections[3].kind, "tandem");
    char *report = conf_report(conf, "the old one stays");
    assert_string_equal(report, "main.conf:4:2: '=' is expected after the key\n"
                                "    4 | a\n"
                                "conf.d/inner:2:2: '=' is expected after the key\n"
                                "    2 | b\n"
                                "   included from conf.d/b.conf:1\n"
                                "   included from main.conf:1\n"
                                "2 errors; the old one stays\n");
    char *path = conf_path(&sections[1].pos, "x/y");
    assert_string_equal(path, "conf.d/x/y");
    free(path);
    path = conf_path(&sections[3].pos, "x/y");
    assert_string_equal(path, "x/y");
    free(path);
    path = conf_path(&sections[1].pos, "/x/y");
    assert_string_equal(path, "/x/y");
    free(path);
    free(report);
    conf_free(&conf);
}

static void a_file_that_is_not_there_or_includes_itself_is_reported(void **state)
{
    (void)state;
    put_file("loop.conf", "include = missing.conf\ninclude = loop2.conf\n");
    put_file("loop2.conf", "\ninclude = loop.conf\n");
    struct conf *conf = conf_read("loop.conf");
    char *report = conf_report(conf, "x");
    assert_string_equal(report, "missing.conf: cannot open it: No such file or directory\n"
                                "   included from loop.conf:1\n"
                                "loop2.conf:2:1: 'loop.conf' includes itself\n"
                                "    2 | include = loop.conf\n"
                                "   included from loop.conf:2\n"
                                "2 errors; x\n");
    free(report);
    conf_free(&conf);

    conf = conf_read("conf.d");
    report = conf_report(conf, "x");
    assert_string_equal(report, "conf.d: cannot read it: Is a directory\n1 error; x\n");
    free(report);
    conf_free(&conf);
    assert_report("include = x\n", "test:1:1: include is not possible here\n"
                                   "    1 | include = x\n"
                                   "1 error; nothing was changed\n");
}

static void includes_end_at_a_depth_of_16(void **state)
{
    (void)state;
    char name[20], text[40];
    for (int i = 0; i < 18; i++) {
        snprintf(name, sizeof(name), "deep%d", i);
        snprintf(text, sizeof(text), "include = deep%d\n", i + 1);
        put_file(name, text);
    }
    struct conf *conf = conf_read("deep0");
    char *report = conf_report(conf, "x");
    assert_memory_equal(report, "deep16:1:1: includes are nested deeper than 16\n", 47);
    free(report);
    conf_free(&conf);
}

static void warnings_count_apart_and_order_is_that_of_the_files(void **state)
{
    (void)state;
    const char text[] = "[a]\nk = v\nl = w\n";
    struct conf *conf = conf_read_text("test", text, sizeof(text) - 1);
    const struct conf_section *a = conf_find(conf, "a", "");
    conf_warn(conf, &a->pairs[1].value_pos, "odd %d", 1);
    conf_error(conf, &a->pairs[0].key_pos, "bad %s", "x\x1b[1m");
    conf_error(conf, NULL, "no place");
    conf_hide(conf, &a->pairs[1]);
    assert_int_equal(conf_errors(conf), 2);
    assert_int_equal(conf_warnings(conf), 1);
    char *report = conf_report(conf, "nothing was changed");
    assert_string_equal(report, "no place\n"
                                "test:2:1: bad x?[1m\n"
                                "    2 | k = v\n"
                                "test:3:5: warning: odd 1\n"
                                "    3 | l = ****\n"
                                "2 errors, 1 warning; nothing was changed\n");
    free(report);
    conf_free(&conf);
}

static void what_is_too_large_is_reported_once(void **state)
{
    (void)state;
    size_t len = 1024 * 1024 + 1;
    char *text = malloc(len);
    memset(text, 'x', len);
    struct conf *conf = conf_read_text("test", text, len);
    char *report = conf_report(conf, "x");
    assert_string_equal(report, "test: it is larger than 1048576 bytes\n1 error; x\n");
    free(report);
    conf_free(&conf);

    conf = conf_read_text("test", text, len - 1);
    report = conf_report(conf, "x");
    assert_memory_equal(report, "test:1:1: the line is longer than 65536 bytes\n    1 | xxx", 56);
    free(report);
    conf_free(&conf);

    memset(text, '\n', len);
    for (size_t i = 0; i + 4 < len; i += 4)
        memcpy(text + i, "a+=\n", 4);
    memcpy(text, "[a]", 3);
    conf = conf_read_text("test", text, len - 1);
    assert_int_equal(conf_find(conf, "a", "")->n_pairs, 1);
    conf_free(&conf);

    for (size_t i = 4; i + 8 < len; i += 8)
        memcpy(text + i, "[????]x\n", 8);
    conf = conf_read_text("test", text, len - 1);
    assert_true(conf_errors(conf) > 100000);
    report = conf_report(conf, "x");
    assert_non_null(strstr(report, " errors (1000 are shown); x\n"));
    free(report);
    conf_free(&conf);
    free(text);
}

static void who_may_read_a_file_is_known(void **state)
{
    (void)state;
    put_file("mode.conf", "[a]\n");
    for (int open_to_all = 0; open_to_all < 2; open_to_all++) {
        assert_int_equal(chmod("mode.conf", open_to_all ? 0644 : 0640), 0);
        struct conf *conf = conf_read("mode.conf");
        assert_int_equal(conf_world_readable(&conf_find(conf, "a", "")->pos), open_to_all);
        conf_free(&conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_and_pairs_stand_in_file_order_with_their_places),
        cmocka_unit_test(quotes_and_comments_are_told_apart),
        cmocka_unit_test(plus_joins_values),
        cmocka_unit_test(the_environment_fills_in),
        cmocka_unit_test(a_forgotten_bracket_is_reported_on_its_own_line),
        cmocka_unit_test(lines_that_are_nothing_are_reported),
        cmocka_unit_test(a_section_stands_once),
        cmocka_unit_test(includes_are_read_in_order_relative_to_their_file),
        cmocka_unit_test(a_file_that_is_not_there_or_includes_itself_is_reported),
        cmocka_unit_test(includes_end_at_a_depth_of_16),
        cmocka_unit_test(warnings_count_apart_and_order_is_that_of_the_files),
        cmocka_unit_test(what_is_too_large_is_reported_once),
        cmocka_unit_test(who_may_read_a_file_is_known),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
