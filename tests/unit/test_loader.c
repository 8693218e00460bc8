/* test_loader.c - plug/loader.c: who gets in, who does not, and with what sentence. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "plug/loader.h"

#define DIR_ TEST_PLUGIN_DIR

static struct err err;

static struct loader *loader;

static int set_up(void **state)
{
    (void)state;
    loader = loader_new(DIR_);
    err = (struct err){ "" };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loader_free(&loader);
    assert_null(loader);
    return 0;
}

static void refused(enum td_kind kind, const char *type, const char *sentence)
{
    assert_null(loader_get(loader, kind, type, &err));
    assert_string_equal(err.text, sentence);
}

static void a_fit_plugin_is_loaded_once(void **state)
{
    const struct td_plugin *plugin = loader_get(loader, TD_CHANNEL, "fit", &err);

    (void)state;
    assert_string_equal(err.text, "");
    assert_non_null(plugin);
    assert_string_equal(plugin->name, "fit");
    assert_ptr_equal(loader_get(loader, TD_CHANNEL, "fit", &err), plugin);
}

static void a_missing_file_is_named_with_the_types_that_are_there(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "fitt",
            "plugin fitt (" DIR_ "/fitt.so): there is no such file: install it, or choose one of "
            "the channel types that are there: fit, major, minor, misnamed, nosend, nosymbol, "
            "stride, twokeys, unresolved");
    refused(TD_AGENT, "fit",
            "plugin fit (" DIR_ "/agent_fit.so): there is no such file: install it, or choose one "
            "of the agent types that are there: kind");
}

static void a_missing_directory_is_said(void **state)
{
    struct loader *other = loader_new("/nowhere");

    (void)state;
    assert_null(loader_get(other, TD_CHANNEL, "fit", &err));
    assert_string_equal(err.text, "plugin fit (/nowhere/fit.so): the plugin directory cannot be "
                                  "read: No such file or directory: install the plugins there, or "
                                  "name theirs in plugin_dir");
    loader_free(&other);
}

static void a_directory_without_plugins_is_not_the_one_that_was_meant(void **state)
{
    struct loader *other = loader_new("/");

    (void)state;
    assert_null(loader_get(other, TD_DESK, "fit", &err));
    assert_string_equal(err.text, "plugin fit (//desk_fit.so): there is no such file, nor any desk "
                                  "plugin: install them there, or name their directory in "
                                  "plugin_dir");
    loader_free(&other);
}

static void a_type_cannot_leave_the_directory(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "../fit",
            "type '../fit' is not a plugin's name: a-z, 0-9 and _, at most 64 long");
    refused(TD_CHANNEL, "", "type '' is not a plugin's name: a-z, 0-9 and _, at most 64 long");
}

static void a_file_without_the_symbol_is_no_plugin(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "nosymbol",
            "plugin nosymbol (" DIR_ "/nosymbol.so): it exports no td_plugin_0: it is not a Tandem "
            "plugin, or it lacks TD_PLUGIN_DEFINE");
}

static void another_major_is_recognised(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "major",
            "plugin major (" DIR_ "/major.so): it was built for plugin ABI 2 and this daemon "
            "offers 0.5: install the build of the plugin for this version of tandemd");
}

static void a_newer_minor_is_refused(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "minor",
            "plugin minor (" DIR_ "/minor.so): it was built for plugin ABI 0.6 and this daemon "
            "offers 0.5: update tandemd, or build the plugin with this daemon's tandem/plugin.h");
}

static void the_name_must_be_that_of_the_file(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "misnamed",
            "plugin misnamed (" DIR_ "/misnamed.so): it calls itself 'other': its file must be "
            "called other.so");
}

static void a_channel_is_not_an_agent(void **state)
{
    (void)state;
    refused(TD_AGENT, "kind",
            "plugin kind (" DIR_ "/agent_kind.so): it says it is of kind channel, not agent: put "
            "it into a [channel ..] section, and call its file <name>.so");
}

static void a_required_function_must_be_there(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "nosend",
            "plugin nosend (" DIR_ "/nosend.so): its channel ops lack send(), which plugin.h "
            "requires");
}

static void rows_of_another_size_are_refused(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "stride",
            "plugin stride (" DIR_ "/stride.so): its option table has rows of 8 bytes where this "
            "daemon expects 72 or more: build it with TD_PLUGIN_DEFINE");
}

static void a_key_stands_in_a_table_once(void **state)
{
    (void)state;
    refused(TD_CHANNEL, "twokeys",
            "plugin twokeys (" DIR_ "/twokeys.so): its option 'port' stands in the table twice");
}

static void an_unresolved_function_is_found_at_once(void **state)
{
    (void)state;
    assert_null(loader_get(loader, TD_CHANNEL, "unresolved", &err));
    assert_non_null(strstr(err.text, "plugin unresolved (" DIR_ "/unresolved.so): it cannot be "
                                     "loaded: "));
    assert_non_null(strstr(err.text, "undefined symbol: tandem_nobody_has_this"));
}

static void a_file_that_is_no_shared_object_is_refused(void **state)
{
    char dir[] = "/tmp/test_loader.XXXXXX", path[64];
    struct loader *other;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/text.so", dir);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("not a shared object", file);
    fclose(file);
    other = loader_new(dir);
    assert_null(loader_get(other, TD_CHANNEL, "text", &err));
    assert_non_null(strstr(err.text, "text.so): it cannot be loaded: "));
    loader_free(&other);
    unlink(path);
    rmdir(dir);
}

static void count(void *arg, const char *file, const struct td_plugin *plugin, const char *error)
{
    unsigned *seen = arg;

    assert_non_null(file);
    assert_true((plugin != NULL) == (error[0] == '\0'));
    seen[plugin != NULL]++;
}

static void every_file_is_listed_with_its_fault(void **state)
{
    unsigned seen[2] = { 0, 0 };

    (void)state;
    loader_each(loader, count, seen);
    assert_int_equal(seen[0], 9);
    assert_int_equal(seen[1], 1);
}

/* ---- Descriptors that no compiler would make ------------------------------------------------ */

static enum td_status never_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *error)
{
    (void)host, (void)inst, (void)conf, (void)self_r, (void)error;
    abort();
}

static void never_ask(void *self, uint64_t job, const struct td_turn *turn)
{
    (void)self, (void)job, (void)turn;
    abort();
}

static void never_cancel(void *self, uint64_t job)
{
    (void)self, (void)job;
    abort();
}

static void never_close(void *self)
{
    (void)self;
    abort();
}

struct conf {
    const char *s;
    int e;
};

static struct td_conf_key key;
static struct td_conf_key keys[2];
static struct td_agent_ops ops;
static struct td_plugin plugin;

static int make(void **state)
{
    (void)state;
    key = (struct td_conf_key)TD_CONF_STR(struct conf, s, 0, NULL, "Text.");
    ops = (struct td_agent_ops){
        .size = sizeof ops,
        .open = never_open,
        .ask = never_ask,
        .cancel = never_cancel,
        .close = never_close,
    };
    plugin = (struct td_plugin){
        .size = sizeof plugin,
        .abi_major = TD_ABI_MAJOR,
        .abi_minor = TD_ABI_MINOR,
        .kind = TD_AGENT,
        .name = "x",
        .version = "1",
        .ops = &ops,
        .conf_size = sizeof(struct conf),
        .conf_keys = keys,
        .conf_key_size = sizeof(struct td_conf_key),
    };
    return 0;
}

static const char *judge(void)
{
    err = (struct err){ "" };
    keys[0] = key;
    return loader_judge(&plugin, TD_AGENT, "x", &err) == 0 ? "fit" : err.text;
}

static void a_good_descriptor_is_fit(void **state)
{
    (void)state;
    assert_string_equal(judge(), "fit");
    plugin.conf_keys = NULL;
    plugin.conf_size = 0;
    assert_string_equal(judge(), "fit");
}

static void a_descriptor_is_judged_by_its_size_first(void **state)
{
    (void)state;
    plugin.size = 8;
    plugin.abi_major = 99;
    assert_non_null(strstr(judge(), "its descriptor is 8 bytes where this daemon expects "));
}

static void an_unknown_kind_is_refused(void **state)
{
    (void)state;
    plugin.kind = 77;
    assert_string_equal(judge(), "it says it is of kind 77, which this daemon does not know");
}

static void absent_name_version_and_ops_are_said(void **state)
{
    (void)state;
    plugin.ops = NULL;
    assert_string_equal(judge(), "it has no ops");
    plugin.version = NULL;
    assert_string_equal(judge(), "it does not say its version: set .version");
    plugin.name = NULL;
    assert_string_equal(judge(), "it calls itself '': its file must be called agent_<name>.so");
}

static void ops_of_another_size_are_refused(void **state)
{
    (void)state;
    ops.size = 12;
    assert_non_null(strstr(judge(), "its ops are 12 bytes where this daemon expects "));
}

static void an_agent_must_be_able_to_cancel(void **state)
{
    (void)state;
    ops.cancel = NULL;
    assert_string_equal(judge(), "its agent ops lack cancel(), which plugin.h requires");
}

static void an_option_must_be_a_name_with_a_type_a_place_and_help(void **state)
{
    const struct td_conf_key good = key;

    (void)state;
    key.name = "Bad Name";
    assert_string_equal(judge(), "its option 'Bad Name' is not a name of a-z, 0-9 and _, at most "
                                 "64 long");
    key = good;
    key.type = 99;
    assert_string_equal(judge(), "its option 's' has type 99, which is not one");
    key = good;
    key.offset = 12;
    assert_string_equal(judge(), "its option 's' does not lie in its conf struct (offset 12, 8 "
                                 "bytes of 16)");
    key.offset = SIZE_MAX & ~(size_t)7;
    assert_non_null(strstr(judge(), "does not lie in its conf struct"));
    key = good;
    key.type = TD_TYPE_RATE;
    key.offset = 8;
    assert_non_null(strstr(judge(), "does not lie in its conf struct"));
    key = good;
    key.type = TD_TYPE_ENUM;
    assert_string_equal(judge(), "its option 's' is a choice without choices");
    key = good;
    key.min = 2;
    key.max = 1;
    assert_string_equal(judge(), "its option 's' has a minimum above its maximum");
    key = good;
    key.help = "";
    assert_string_equal(judge(), "its option 's' has no help sentence");
}

static void a_table_must_end(void **state)
{
    static struct td_conf_key endless[400];
    static char names[400][8];

    (void)state;
    for (int i = 0; i < 400; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        endless[i] = key;
        endless[i].name = names[i];
    }
    plugin.conf_keys = endless;
    assert_string_equal(judge(), "its option table does not end within 256 rows: put TD_CONF_END "
                                 "last");
}

int main(void)
{
#define T(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
#define J(name_) cmocka_unit_test_setup(name_, make)
    const struct CMUnitTest tests[] = {
        T(a_fit_plugin_is_loaded_once),
        T(a_missing_file_is_named_with_the_types_that_are_there),
        T(a_missing_directory_is_said),
        T(a_directory_without_plugins_is_not_the_one_that_was_meant),
        T(a_type_cannot_leave_the_directory),
        T(a_file_without_the_symbol_is_no_plugin),
        T(another_major_is_recognised),
        T(a_newer_minor_is_refused),
        T(the_name_must_be_that_of_the_file),
        T(a_channel_is_not_an_agent),
        T(a_required_function_must_be_there),
        T(rows_of_another_size_are_refused),
        T(a_key_stands_in_a_table_once),
        T(an_unresolved_function_is_found_at_once),
        T(a_file_that_is_no_shared_object_is_refused),
        T(every_file_is_listed_with_its_fault),
        J(a_good_descriptor_is_fit),
        J(a_descriptor_is_judged_by_its_size_first),
        J(an_unknown_kind_is_refused),
        J(absent_name_version_and_ops_are_said),
        J(ops_of_another_size_are_refused),
        J(an_agent_must_be_able_to_cancel),
        J(an_option_must_be_a_name_with_a_type_a_place_and_help),
        J(a_table_must_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
