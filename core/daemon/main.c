/* main.c - tandemd's command line. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem/plugin.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon/app.h"
#include "daemon/setup.h"
#include "daemon/show.h"
#include "plug/loader.h"

#define DEFAULT_CONF TANDEM_CONF_DIR "/tandem.conf"

static const char usage_text[] =
    "usage: tandemd [-c FILE] [-t | -T]\n"
    "       tandemd [-c FILE] --keys [PLUGIN] | --texts [LANGUAGE] | --init DIR\n"
    "       tandemd -V | -h\n"
    "\n"
    "  -c FILE          read this conf (default " DEFAULT_CONF ")\n"
    "  -t               check the conf, its plugins and policies, open nothing\n"
    "  -T               the same, and print the effective conf with secrets masked\n"
    "  --keys [PLUGIN]  print the keys of the core, or of a plugin\n"
    "  --texts [LANG]   print what customers hear in every state\n"
    "  --init DIR       write a commented DIR/tandem.conf\n"
    "  -V               print the version\n";

enum what { RUN, TEST, PRINT, KEYS, INIT, TEXTS };

struct args {
    enum what what;
    const char *conf; /* NULL: the default */
    const char *operand;
};

static int usage(void)
{
    fputs(usage_text, stderr);
    return APP_USAGE;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct args *args)
{
    static const struct option options[] = {
        { "keys", no_argument, NULL, 'k' },    { "init", required_argument, NULL, 'i' },
        { "texts", no_argument, NULL, 's' },   { "version", no_argument, NULL, 'V' },
        { "help", no_argument, NULL, 'h' },    { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:tTVh", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            args->conf = optarg;
            break;
        case 't':
            args->what = TEST;
            break;
        case 'T':
            args->what = PRINT;
            break;
        case 'k':
            args->what = KEYS;
            break;
        case 's':
            args->what = TEXTS;
            break;
        case 'i':
            args->what = INIT;
            args->operand = optarg;
            break;
        case 'V':
            printf("tandemd %s (plugin ABI %d.%d)\n", PACKAGE_VERSION, TD_ABI_MAJOR, TD_ABI_MINOR);
            return APP_OK;
        case 'h':
            fputs(usage_text, stdout);
            return APP_OK;
        default:
            return usage();
        }
    }
    if ((args->what == KEYS || args->what == TEXTS) && optind < argc)
        args->operand = argv[optind++];
    return optind < argc ? usage() : -1;
}

/* --keys and --init need plugins, not a good conf: they take its plugin_dir when there is one. */
static int run_show(const struct args *args)
{
    const char *path = args->conf ? args->conf : DEFAULT_CONF;
    struct loader *loader = NULL;
    struct setup *setup = access(path, R_OK) == 0 || args->conf ? setup_read(path, &loader)
                                                                : setup_read("/dev/null", &loader);
    struct buf text = { 0 };
    struct err err = { "" };
    const int rc = args->what == KEYS ? show_keys(loader, args->operand, &text, &err)
                                      : show_init(loader, args->operand, &err);

    if (rc == 0 && args->what == KEYS)
        fwrite(text.data, 1, text.len, stdout);
    else if (rc == 0)
        printf("tandemd: wrote %s/tandem.conf\n", args->operand);
    else
        fprintf(stderr, "tandemd: %s\n", err.text);
    buf_fini(&text);
    setup_free(&setup);
    loader_free(&loader);
    return rc == 0 ? APP_OK : APP_FAILED;
}

static void print_report(const struct setup *setup, const char *outcome)
{
    char *text = setup_report(setup, outcome);

    if (*text)
        fprintf(stderr, "%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
    free(text);
}

static int print_texts(const struct policy *policy, const char *language)
{
    struct buf text = { 0 };
    struct err err;
    const int rc = show_texts(policy, language, &text, &err);

    if (rc == 0)
        fwrite(text.data, 1, text.len, stdout);
    else
        fprintf(stderr, "tandemd: %s\n", err.text);
    buf_fini(&text);
    return rc == 0 ? APP_OK : APP_FAILED;
}

static int run_conf(const struct args *args)
{
    struct loader *loader = NULL;
    struct setup *setup = setup_read(args->conf ? args->conf : DEFAULT_CONF, &loader);
    int code = APP_OK;

    if (setup_errors(setup) > 0) {
        print_report(setup, args->what == RUN ? "tandemd does not start" : "nothing was changed");
        code = APP_CONF;
    } else {
        print_report(setup, "the conf is good");
    }
    if (code == APP_OK && args->what == RUN) {
        log_setup((enum log_level)setup->tandem.log_level,
                  (enum log_format)setup->tandem.log_format);
        return app_run(setup, loader);
    }
    if (code == APP_OK && args->what == TEST)
        fprintf(stderr, "tandemd: %s is good\n", setup->path);
    if (code == APP_OK && args->what == PRINT) {
        struct buf text = { 0 };
        setup_print(setup, &text);
        fwrite(text.data, 1, text.len, stdout);
        buf_fini(&text);
    }
    if (code == APP_OK && args->what == TEXTS)
        code = print_texts(setup->policy, args->operand);
    setup_free(&setup);
    loader_free(&loader);
    return code;
}

int main(int argc, char **argv)
{
    struct args args = { .what = RUN };
    const int code = parse(argc, argv, &args);

    if (code >= 0)
        return code;
    return args.what == KEYS || args.what == INIT ? run_show(&args) : run_conf(&args);
}
