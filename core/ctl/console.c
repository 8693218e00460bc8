/* console.c - one command a line. */
#include "config.h"

#include "ctl/console.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "ctl/command.h"
#include "ctl/editor.h"

#define MAX_WORDS 32
#define END_OF_TALK (-1)

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

static int help(void)
{
    struct buf out = { 0 };

    command_help(&out);
    buf_printf(&out, "  %-26s%s\n  %-26s%s\n", "help", "this", "quit", "leave; so does Ctrl-D");
    fputs(out.data, stdout);
    buf_fini(&out);
    return CTL_OK;
}

/* Which gateway it is was said when the console was started. */
static int is_elsewhere(const struct args *args, const struct args *line)
{
    return line->client.socket != args->client.socket || line->client.url != args->client.url ||
           line->client.token || line->conf != args->conf;
}

static int run_words(const struct args *args, int argc, char **argv)
{
    struct args line = { .client = args->client, .conf = args->conf, .json = args->json };
    int code;

    line.client.token = NULL;
    code = args_parse(argc, argv, &line);
    if (code < 0 && is_elsewhere(args, &line)) {
        fputs("tandemctl: leave, and start it for the other gateway\n", stderr);
        code = CTL_USAGE;
    }
    if (line.client.token)
        mem_wipe(line.client.token, strlen(line.client.token));
    free(line.client.token);
    line.client.token = args->client.token;
    if (code >= 0 || line.n_words == 0)
        return code >= 0 ? code : CTL_OK;
    if (strcmp(line.words[0], "quit") == 0 || strcmp(line.words[0], "exit") == 0)
        return END_OF_TALK;
    return strcmp(line.words[0], "help") == 0 ? help() : command_run(&line);
}

/* Words are taken apart in place; what is behind # is for people. */
static int run_line(const struct args *args, char *line)
{
    char name[] = "tandemctl", *argv[MAX_WORDS + 2] = { name };
    int argc = 1;

    for (char *at = line;;) {
        at += strspn(at, " \t\r\n");
        if (!*at || *at == '#')
            break;
        if (argc > MAX_WORDS) {
            fputs("tandemctl: that are too many words\n", stderr);
            return CTL_USAGE;
        }
        argv[argc++] = at;
        at += strcspn(at, " \t\r\n");
        if (*at)
            *at++ = '\0';
    }
    return argc > 1 ? run_words(args, argc, argv) : CTL_OK;
}

static int from_pipe(const struct args *args)
{
    char *line = NULL;
    size_t cap = 0;
    int code = CTL_OK, rc = CTL_OK;

    setvbuf(stdin, NULL, _IONBF, 0); /* `chat` reads on where we are */
    while (rc != END_OF_TALK && getline(&line, &cap, stdin) >= 0) {
        rc = run_line(args, line);
        code = rc > 0 ? rc : code;
        fflush(stdout);
    }
    free(line);
    return code;
}

static void from_terminal(const struct args *args, struct editor *editor)
{
    const struct sigaction action = { .sa_handler = on_interrupt }; /* ends `tail`, not us */
    struct args stoppable = *args;
    const char *typed;
    int rc = CTL_OK;

    stoppable.client.stop = &interrupted;
    sigaction(SIGINT, &action, NULL);
    printf("tandemctl %s: Tab completes, help lists the commands, Ctrl-D leaves\n",
           PACKAGE_VERSION);
    while (rc != END_OF_TALK && (typed = editor_line(editor)) != NULL) {
        char *line = mem_strdup(typed);

        interrupted = 0;
        rc = run_line(&stoppable, line);
        fflush(stdout);
        free(line);
    }
}

int console_run(const struct args *args)
{
    struct editor *editor = isatty(STDIN_FILENO) ? editor_new(&args->client) : NULL;

    if (!editor)
        return from_pipe(args);
    from_terminal(args, editor);
    editor_free(&editor);
    return CTL_OK;
}
