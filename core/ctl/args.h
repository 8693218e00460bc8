/*
 * args.h - a line for tandemctl, from the shell or typed at its console, as options and words.
 *
 * Layer: ctl.
 */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include "ctl/client.h"

enum ctl_exit { CTL_OK = 0, CTL_REFUSED = 1, CTL_USAGE = 2, CTL_UNREACHABLE = 3 };

struct args {
    struct client client;
    const char *conf; /* NULL: the default */
    int json, bodies, trace;
    const char *session, *channel, *agent, *type; /* of tail and chat; NULL: any */
    const char *from, *to, *by, *group, *sessions; /* of report; NULL: as the gateway has it */
    int csv;
    const char *since; /* of policy try; NULL: 7d */
    const char *lang; /* of signals; NULL: it is detected */
    char **words; /* the command and its operands */
    int n_words;
};

/* Fills args with what argv says; what it points to is argv's, but for client.token, which the
 * caller wipes and frees. -1: go on; else the exit code, all is said. May be called again. */
int args_parse(int argc, char **argv, struct args *args);

#endif
