/* fuzz_conf.c - conf files: what was filled, printed and read again, is the same. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct all {
    const char *text, *path;
    int64_t number, wait, size;
    int flag, mode;
    struct td_rate rate;
    const char *const *list;
};

static const char *const modes[] = { "pre", "post", NULL };
static const struct td_conf_key keys[] = {
    TD_CONF_STR(struct all, text, 0, NULL, "A text."),
    TD_CONF_STR(struct all, path, TD_PATH, "a b", "A path."),
    TD_CONF_INT(struct all, number, 0, "-5", -10, 1000, "A number."),
    TD_CONF_DURATION(struct all, wait, 0, "8s", 0, 0, "A time."),
    TD_CONF_SIZE(struct all, size, 0, "64K", 0, 0, "A size."),
    TD_CONF_BOOL(struct all, flag, 0, "yes", "A flag."),
    TD_CONF_ENUM(struct all, mode, 0, "post", modes, "A choice."),
    TD_CONF_RATE(struct all, rate, 0, "5/min", "A rate."),
    TD_CONF_LIST(struct all, list, 0, "a, b", "A list."),
    TD_CONF_END,
};

/* Fills from one section, or from nothing, and prints it. Returns the errors. */
static unsigned print(struct conf *conf, const struct conf_section *section, struct buf *out)
{
    struct all all = { .text = NULL };
    struct schema schema = { keys, sizeof(keys[0]), &all };
    struct schema_values *values = schema_values_new();
    unsigned errors = schema_fill(conf, section, "[x]", &schema, 1, values);

    buf_str(out, "[x]\n");
    if (!errors)
        schema_print(&schema, out);
    schema_values_free(&values);
    return errors;
}

static void check_section(struct conf *conf, const struct conf_section *section)
{
    struct buf first = { 0 }, second = { 0 };

    for (size_t i = 0; section && i < section->n_pairs; i++) {
        if (section->pairs[i].bad)
            return; /* reported already: the key is as if unset, which no text says */
    }
    if (print(conf, section, &first) == 0) {
        struct conf *again = conf_read_text("again", first.data, first.len);
        const struct conf_section *same = conf_find(again, "x", "");
        if (!same || conf_errors(again) || print(again, same, &second) ||
            strcmp(first.data, second.data) != 0)
            abort();
        conf_free(&again);
    }
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf *conf = conf_read_text("fuzz", (const char *)data, size);
    size_t n;
    const struct conf_section *sections = conf_sections(conf, &n);

    check_section(conf, NULL);
    for (size_t i = 0; i < n && i < 20; i++)
        check_section(conf, &sections[i]);
    char *report = conf_report(conf, "nothing was changed");
    if ((conf_errors(conf) + conf_warnings(conf) > 0) != (report[0] != '\0'))
        abort();
    free(report);
    conf_free(&conf);
    return 0;
}
