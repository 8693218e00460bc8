/*
 * command.h - what tandemctl can be told: each command once, with what it takes and what it does.
 *
 * Layer: ctl. Its help, its checks and what the console completes all come from this table.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stddef.h>

#include "ctl/args.h"

struct buf;

#define COMMAND_MAX_OPERANDS 3

/* What an operand is, so that the console can offer what there is. */
enum takes {
    TAKES_NOTHING,
    TAKES_STATE,
    TAKES_STAGE,
    TAKES_SESSION,
    TAKES_CHANNEL,
    TAKES_AGENT,
    TAKES_TEXT,
    TAKES_POLICY,
};

struct command {
    const char *name, *operands, *help; /* for people */
    int least;                          /* operands that must be there */
    enum takes takes[COMMAND_MAX_OPERANDS];
    const char *options; /* of its own, in one text with spaces between; NULL: none */
    int (*run)(const struct args *args);
};

const struct command *command_list(size_t *n_r);
const struct command *command_find(const char *name); /* NULL: there is none */

/* Runs args->words. The exit code; what was wrong is said. */
int command_run(const struct args *args);

void command_help(struct buf *out); /* a line or two for each */

#endif
