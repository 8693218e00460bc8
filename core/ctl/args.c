/* args.c - a line for tandemctl as options and words. */
#include "config.h"

#include "ctl/args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/command.h"

static void print_usage(void)
{
    struct buf help = { 0 };

    command_help(&help);
    printf("usage: tandemctl [-c CONF | -s SOCKET | --url URL [--token-file FILE]] [--json] "
           "[COMMAND]\n\n%s\n"
           "Without a command it asks for them: a console with completion and history.\n"
           "Without an option the control socket of %s/tandem.conf is used.\n"
           "Exit codes: 0 done, 1 refused, 2 usage, 3 tandemd cannot be reached.\n", help.data,
           TANDEM_CONF_DIR);
    buf_fini(&help);
}

static int take_token(struct args *args, const char *file)
{
    struct err err;

    if (args->client.token)
        mem_wipe(args->client.token, strlen(args->client.token));
    free(args->client.token);
    args->client.token = client_token(file, &err);
    if (args->client.token)
        return -1;
    fprintf(stderr, "tandemctl: %s\n", err.text);
    return CTL_USAGE;
}

static int take(struct args *args, int option)
{
    switch (option) {
    case 's':
        args->client.socket = optarg;
        break;
    case 'c':
        args->conf = optarg;
        break;
    case 'u':
        args->client.url = optarg;
        break;
    case 'k':
        return take_token(args, optarg);
    case 'j':
        args->json = 1;
        break;
    case 'b':
        args->bodies = 1;
        break;
    case 'S':
        args->session = optarg;
        break;
    case 'C':
        args->channel = optarg;
        break;
    case 'A':
        args->agent = optarg;
        break;
    case 'T':
        args->type = optarg;
        break;
    case 'f':
        args->from = optarg;
        break;
    case 't':
        args->to = optarg;
        break;
    case 'y':
        args->by = optarg;
        break;
    case 'g':
        args->group = optarg;
        break;
    case 'n':
        args->sessions = optarg;
        break;
    case 'v':
        args->csv = 1;
        break;
    case 'N':
        args->since = optarg;
        break;
    case 'L':
        args->lang = optarg;
        break;
    case 'R':
        args->trace = 1;
        break;
    case 'V':
        printf("tandemctl %s\n", PACKAGE_VERSION);
        return CTL_OK;
    case 'h':
        print_usage();
        return CTL_OK;
    default:
        fputs("tandemctl: --help says what there is\n", stderr);
        return CTL_USAGE;
    }
    return -1;
}

int args_parse(int argc, char **argv, struct args *args)
{
    static const struct option options[] = {
        { "socket", required_argument, NULL, 's' }, { "conf", required_argument, NULL, 'c' },
        { "url", required_argument, NULL, 'u' },    { "token-file", required_argument, NULL, 'k' },
        { "json", no_argument, NULL, 'j' },         { "bodies", no_argument, NULL, 'b' },
        { "version", no_argument, NULL, 'V' },      { "help", no_argument, NULL, 'h' },
        { "session", required_argument, NULL, 'S' }, { "channel", required_argument, NULL, 'C' },
        { "agent", required_argument, NULL, 'A' },   { "type", required_argument, NULL, 'T' },
        { "since", required_argument, NULL, 'N' },
        { "trace", no_argument, NULL, 'R' },        { "lang", required_argument, NULL, 'L' },
        { "from", required_argument, NULL, 'f' },    { "to", required_argument, NULL, 't' },
        { "by", required_argument, NULL, 'y' },      { "group", required_argument, NULL, 'g' },
        { "sessions", required_argument, NULL, 'n' }, { "csv", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    int c, code = -1;

    optind = 0; /* glibc: begins anew */
    while (code < 0 && (c = getopt_long(argc, argv, "s:c:Vh", options, NULL)) != -1)
        code = take(args, c);
    args->words = argv + optind;
    args->n_words = argc - optind;
    return code;
}
