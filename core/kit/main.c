/* main.c - tandemtest: judges a plugin as a daemon would, and drives it as the world does. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/schema.h"
#include "kit/child.h"
#include "kit/drive.h"
#include "kit/rules.h"
#include "plug/loader.h"

static const char usage[] =
    "usage: tandemtest plugin FILE.so [--header FILE] [--conf FILE] [KEY=VALUE ..]\n"
    "                                   [-- KEY=VALUE ..]\n"
    "Opens the plugin twice in a host of its own, breaks what can break, and prints a line a\n"
    "rule. Behind -- stand keys of the second instance where they differ. Exit code: 0 it holds, 1 it\n"
    "does not, 2 it could not be judged.\n";

/* What is to be judged, as it stands on the command line. */
struct job {
    const char *file, *header, *conf;
    char **pairs[2];
    int n_pairs[2];
    char *dir, *type;
    enum td_kind kind;
    struct loader *loader;
    struct drive drive;
    struct conf *confs[2]; /* these four: what the instances' conf structs are made of */
    struct conf_pair *own[2];
    struct schema_values *values[2];
    void *targets[2];
};

static void split_file(struct job *job)
{
    const char *slash = strrchr(job->file, '/');
    const char *name = slash != NULL ? slash + 1 : job->file;
    const size_t len = strlen(name);

    job->dir = slash == NULL      ? mem_strdup(".")
               : slash == job->file ? mem_strdup("/")
                                    : mem_printf("%.*s", (int)(slash - job->file), job->file);
    job->kind = strncmp(name, "agent_", 6) == 0 ? TD_AGENT
                : strncmp(name, "desk_", 5) == 0 ? TD_DESK
                                                 : TD_CHANNEL;
    name += job->kind == TD_AGENT ? 6 : job->kind == TD_DESK ? 5 : 0;
    job->type = mem_printf("%.*s", (int)(len > 3 ? strlen(name) - 3 : 0), name);
}

/* The file's code may run as soon as it is loaded: in a child, as the rest. */
static void judge(void *arg)
{
    struct job *job = arg;
    struct err err = { "" };

    child_before("loading");
    if (loader_get(job->loader, job->kind, job->type, &err) == NULL)
        child_fail(RULE_FIT, "%s", err.text);
}

/* The keys of a conf's section that are the plugin's own. */
static struct conf_section own_keys(const struct td_plugin *plugin,
                                    const struct conf_section *section, struct conf_pair **own_r)
{
    struct conf_section own = *section;
    struct conf_pair *pairs = mem_alloc((section->n_pairs + 1) * sizeof *pairs);

    *own_r = pairs;
    own.pairs = pairs;
    own.n_pairs = 0;
    for (size_t i = 0; i < section->n_pairs; i++) {
        for (const struct td_conf_key *key = plugin->conf_keys; key && key->name != NULL;
             key = (const void *)((const char *)key + plugin->conf_key_size)) {
            if (strcmp(key->name, section->pairs[i].key) == 0)
                pairs[own.n_pairs++] = section->pairs[i];
        }
    }
    return own;
}

static const char *const kind_names[] = { [TD_CHANNEL] = "channel", [TD_AGENT] = "agent",
                                          [TD_DESK] = "desk" };

static const struct conf_section *section_of(const struct job *job, const struct conf *conf)
{
    size_t n;
    const struct conf_section *sections = conf_sections(conf, &n);

    for (size_t i = 0; i < n; i++) {
        const struct conf_pair *type = conf_get(&sections[i], "type");

        if (type != NULL && strcmp(type->value, job->type) == 0 &&
            strcmp(sections[i].kind, kind_names[job->kind]) == 0)
            return &sections[i];
    }
    fprintf(stderr, "tandemtest: %s has no section of type %s\n", job->conf, job->type);
    exit(2);
}

/* Pairs of both lists as a section; a key of the second list wins. */
static struct conf *conf_of_pairs(const struct job *job, int i)
{
    struct buf text = { 0 };
    struct conf *conf;

    buf_printf(&text, "[plugin %s]\n", job->type);
    for (int list = i; list >= 0; list--) {
        for (int p = 0; p < job->n_pairs[list]; p++) {
            const char *pair = job->pairs[list][p], *sign = strchr(pair, '=');
            const size_t len = sign != NULL ? (size_t)(sign - pair) + 1 : 0;
            int again = 0;

            for (int q = 0; list == 0 && i == 1 && q < job->n_pairs[1]; q++)
                again |= len > 0 && strncmp(job->pairs[1][q], pair, len) == 0;
            if (!again)
                buf_printf(&text, "%.*s = %s\n", (int)(len > 0 ? len - 1 : 0), pair, pair + len);
        }
    }
    conf = conf_read_text("the command line", text.data, text.len);
    buf_fini(&text);
    return conf;
}

static const void *fill(struct job *job, const struct td_plugin *plugin, int i)
{
    struct conf *conf = job->conf != NULL ? conf_read(job->conf) : conf_of_pairs(job, i);
    const struct conf_section *section =
        job->conf != NULL ? section_of(job, conf) : conf_find(conf, "plugin", job->type);
    const struct conf_section own =
        job->conf != NULL ? own_keys(plugin, section, &job->own[i]) : *section;
    const struct schema schema = { plugin->conf_keys, plugin->conf_key_size,
                                   mem_alloc(plugin->conf_size + 1) };

    job->confs[i] = conf;
    job->values[i] = schema_values_new();
    job->targets[i] = schema.target;
    schema_fill(conf, &own, job->type, &schema, 1, job->values[i]);
    if (conf_errors(conf) > 0) {
        fputs(conf_report(conf, "the plugin was not opened"), stderr);
        exit(2);
    }
    return schema.target;
}

static void job_fini(struct job *job)
{
    for (int i = 0; i < 2; i++) {
        if (job->confs[i] == NULL)
            continue;
        free(job->targets[i]);
        free(job->own[i]);
        schema_values_free(&job->values[i]);
        conf_free(&job->confs[i]);
    }
    loader_free(&job->loader);
    free(job->dir);
    free(job->type);
}

static int plugin_command(struct job *job)
{
    struct report *report = report_new(job->header);
    struct err err = { "" };
    int failed;

    split_file(job);
    if (job->kind == TD_DESK)
        report_desk(report);
    job->loader = loader_new(job->dir);
    if (child_run(report, judge, job) == 0 && !report_failed(report)) {
        const struct td_plugin *plugin = loader_get(job->loader, job->kind, job->type, &err);

        job->drive.plugin = plugin;
        for (int i = 0; i < 2; i++)
            job->drive.conf[i] = fill(job, plugin, i);
        child_run(report, drive_open_close, &job->drive);
        child_run(report, drive_mute, &job->drive);
        if (report_has(report, RULE_BOUND))
            report_cut(report); /* a flood would drown the rest */
        else
            child_run(report, drive_talk, &job->drive);
    } else {
        report_cut(report);
    }
    report_print(report);
    failed = report_failed(report) ? 1 : 0;
    report_free(&report);
    job_fini(job);
    return failed;
}

int main(int argc, char **argv)
{
    struct job job = { 0 };
    int i = 3;

    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("tandemtest %s, plugin ABI %d.%d\n", PACKAGE_VERSION, TD_ABI_MAJOR,
                      TD_ABI_MINOR) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) < 0;
    if (argc < 3 || strcmp(argv[1], "plugin") != 0) {
        fputs(usage, stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    job.file = argv[2];
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0'; i += 2) {
        if (strcmp(argv[i], "--conf") == 0)
            job.conf = argv[i + 1];
        else if (strcmp(argv[i], "--header") == 0)
            job.header = argv[i + 1];
        else
            break;
    }
    for (int list = 0; list < 2; list++) {
        job.pairs[list] = argv + i;
        for (; i < argc && strcmp(argv[i], "--") != 0; i++, job.n_pairs[list]++) {
            if (strchr(argv[i], '=') == NULL) {
                fprintf(stderr, "tandemtest: '%s' is not KEY=VALUE\n%s", argv[i], usage);
                return 2;
            }
        }
        i += i < argc;
    }
    return plugin_command(&job);
}
