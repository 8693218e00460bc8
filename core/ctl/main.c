/* main.c - tandemctl: what an operator asks of a running tandemd. */
#include "config.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/conf.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/console.h"
#include "daemon/conf_tandem.h"

#define DEFAULT_CONF TANDEM_CONF_DIR "/tandem.conf"

/* The socket that the conf names; NULL was said. Caller frees. */
static char *socket_of(const char *path)
{
    struct conf *conf = conf_read(path);
    char *text = conf_report(conf, "tandemctl read it to find the control socket");
    char *found = NULL;

    if (conf_errors(conf) > 0)
        fprintf(stderr, "%s\n", text);
    else if (!(found = tandem_control_path(conf)))
        fputs("tandemctl: this conf has no control socket: give -s SOCKET or --url URL\n", stderr);
    free(text);
    conf_free(&conf);
    return found;
}

static int is(const struct args *args, const char *command)
{
    return args->n_words > 0 && strcmp(args->words[0], command) == 0;
}

int main(int argc, char **argv)
{
    struct args args = { .json = 0 };
    char *found = NULL;
    int code = args_parse(argc, argv, &args);

    if (!args.conf)
        args.conf = access(DEFAULT_CONF, R_OK) == 0 ? DEFAULT_CONF : "/dev/null";
    if (code < 0 && !args.client.socket && !args.client.url && !is(&args, "signals")) {
        args.client.socket = found = socket_of(args.conf);
        /* The doctor looks at a conf that is no good, too. */
        code = found || is(&args, "doctor") ? code : CTL_USAGE;
    }
    if (code < 0) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        code = args.n_words > 0 ? command_run(&args) : console_run(&args);
        curl_global_cleanup();
    }
    if (args.client.token)
        mem_wipe(args.client.token, strlen(args.client.token));
    free(args.client.token);
    free(found);
    return code;
}
