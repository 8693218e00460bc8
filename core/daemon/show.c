/* show.c - the option tables as text. */
#include "config.h"

#include "daemon/show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/schema.h"
#include "daemon/conf_tandem.h"
#include "daemon/setup.h"
#include "engine/signals.h"
#include "plug/loader.h"

/* What `when` may ask for. */
static void add_signals(struct buf *out)
{
    static const char *const types[] = { [EXPR_BOOL] = "yes or no",
                                         [EXPR_NUM] = "number",
                                         [EXPR_STR] = "string" };

    buf_str(out, "\nsignals of `when`\n");
    for (size_t i = 0; signals_names[i].name; i++)
        buf_printf(out, "%s (%s)\n    %s\n", signals_names[i].name, types[signals_names[i].type],
                   signals_help(i));
}

static void add_core_keys(struct buf *out)
{
    for (size_t i = 0; section_kinds[i]; i++) {
        buf_printf(out, "%s[%s%s]\n", i > 0 ? "\n" : "", section_kinds[i], i > 0 ? " NAME" : "");
        schema_print_keys(section_keys(section_kinds[i]), sizeof(struct td_conf_key), out);
    }
    buf_str(out, "\n[channel NAME], [agent NAME], [desk NAME]: a process of its own\n");
    schema_print_keys(isolate_keys, sizeof(struct td_conf_key), out);
    add_signals(out);
}

/* Files of plugins by kind; the name without a prefix is looked for in all. */
static const struct {
    enum td_kind kind;
    const char *prefix;
} kinds[] = { { TD_CHANNEL, "" }, { TD_AGENT, "agent_" }, { TD_DESK, "desk_" } };

/* 0: the name has no prefix. */
static enum td_kind kind_of(const char *name)
{
    for (size_t i = 1; name && i < sizeof kinds / sizeof *kinds; i++) {
        if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].kind;
    }
    return 0;
}

int show_keys(struct loader *loader, const char *name, struct buf *out, struct err *err)
{
    const enum td_kind only = kind_of(name);
    struct err first = { "" };
    size_t n = 0;

    if (!name) {
        add_core_keys(out);
        return 0;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (only != 0 && kinds[i].kind != only)
            continue;
        const struct td_plugin *plugin =
            loader_get(loader, kinds[i].kind, only ? name + strlen(kinds[i].prefix) : name, err);
        if (!plugin && !first.text[0])
            first = *err;
        if (!plugin)
            continue;
        buf_printf(out, "%s[%s NAME] type = %s\n", n++ > 0 ? "\n" : "", kind_name(kinds[i].kind),
                   plugin->name);
        if (plugin->conf_keys)
            schema_print_keys(plugin->conf_keys, plugin->conf_key_size, out);
    }
    if (n == 0)
        *err = first;
    return n > 0 ? 0 : -1;
}

/* The sample of a table without the keys that were written out already. */
static void add_sample(const struct td_conf_key *keys, size_t key_size, const char *const *without,
                       struct buf *out)
{
    struct td_conf_key rest[257];
    size_t n = 0;

    for (const char *at = (const char *)keys; keys; at += key_size) {
        const struct td_conf_key *key = (const void *)at;
        size_t i = 0;
        if (!key->name || n + 1 == sizeof rest / sizeof *rest)
            break;
        while (without[i] && strcmp(without[i], key->name) != 0)
            i++;
        if (!without[i])
            rest[n++] = *key;
    }
    rest[n] = (struct td_conf_key){ .name = NULL };
    schema_print_sample(rest, sizeof *rest, out);
}

static int add_section(struct loader *loader, enum td_kind kind, const char *head, const char *type,
                       struct buf *out, struct err *err)
{
    static const char *const written[] = { "type", "agent", NULL };
    const struct td_plugin *plugin = loader_get(loader, kind, type, err);

    if (!plugin)
        return -1;
    buf_str(out, head);
    add_sample(section_keys(kind_name(kind)), sizeof(struct td_conf_key), written, out);
    add_sample(isolate_keys, sizeof *isolate_keys, written, out);
    add_sample(plugin->conf_keys, plugin->conf_key_size, written, out);
    return 0;
}

static int sample(struct loader *loader, struct buf *out, struct err *err)
{
    static const char *const written[] = { "store", NULL };

    buf_str(out, "# tandem.conf - every key with its default; tandem.conf(5) explains them.\n"
                 "# Check it with: tandemd -t -c tandem.conf\n"
                 "\n"
                 "[tandem]\n"
                 "# Paths are relative to this file.\n"
                 "store = sqlite:tandem.db\n\n");
    add_sample(tandem_keys, sizeof *tandem_keys, written, out);
    if (add_section(loader, TD_CHANNEL, "[channel web]\ntype = webchat\nagent = echo\n\n",
                    "webchat", out, err) != 0 ||
        add_section(loader, TD_AGENT, "[agent echo]\ntype = echo\n\n", "echo", out, err) != 0)
        return -1;
    buf_str(out, "# Routes are tried in order; the first whose condition holds decides.\n"
                 "#[route german]\n"
                 "#when = locale matches \"^de\"\n"
                 "#agent = echo\n");
    return 0;
}

static int write_new(const char *path, const struct buf *text, struct err *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

    if (fd < 0)
        return err_set(err, "%s: %s", path, strerror(errno));
    const ssize_t n = write(fd, text->data, text->len);
    if (n != (ssize_t)text->len || close(fd) != 0)
        return err_set(err, "%s cannot be written: %s", path, strerror(errno));
    return 0;
}

int show_init(struct loader *loader, const char *dir, struct err *err)
{
    struct buf text = { 0 };
    char *path = mem_printf("%s/tandem.conf", dir);
    int rc = -1;

    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        err_set(err, "%s cannot be made: %s", dir, strerror(errno));
    else if (sample(loader, &text, err) == 0)
        rc = write_new(path, &text, err);
    buf_fini(&text);
    free(path);
    return rc;
}
