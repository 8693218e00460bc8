/* main.c - tandemctl: what an operator asks of a running tandemd. */
#include "config.h"

#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/conf.h"
#include "ctl/client.h"
#include "ctl/table.h"
#include "daemon/conf_tandem.h"

#define DEFAULT_CONF TANDEM_CONF_DIR "/tandem.conf"
#define API "/api/v1/"

enum exit_code { OK = 0, REFUSED = 1, USAGE = 2, UNREACHABLE = 3 };

static const char usage_text[] =
    "usage: tandemctl [-c CONF | -s SOCKET | --url URL [--token-file FILE]] [--json] COMMAND\n"
    "\n"
    "  status                    how the gateway is, and its instances\n"
    "  sessions [open|closed]    conversations, newest first\n"
    "  session ID                what is known of one\n"
    "  journal ID [--bodies]     its records, a JSON object a line; with texts: --bodies\n"
    "  pass ID AGENT             give it to another agent\n"
    "  close ID                  end it\n"
    "  plugins                   what is installed\n"
    "  reload                    read the conf again; a bad one changes nothing\n"
    "  drain                     take no new customers, finish turns under way, end\n"
    "\n"
    "Without an option the control socket of " DEFAULT_CONF " is used.\n"
    "Exit codes: 0 done, 1 refused, 2 usage, 3 tandemd cannot be reached.\n";

struct args {
    struct client client;
    int json, bodies;
    char **words; /* the command and its operands */
    int n_words;
};

/* `rows` names the array that is the point of the answer; NULL: the whole object is. */
static void print_answer(const struct args *args, const char *rows, const char *const *columns,
                         const struct buf *body)
{
    struct buf out = { 0 };
    cJSON *tree = args->json ? NULL : cJSON_ParseWithLength(body->data, body->len);
    const cJSON *array = rows ? cJSON_GetObjectItemCaseSensitive(tree, rows) : NULL;

    if (!tree)
        buf_add(&out, body->data, body->len);
    else if (array && cJSON_GetArraySize(array) == 0)
        buf_printf(&out, "no %s\n", rows);
    else if (array)
        table_print(array, columns, &out);
    else
        table_object(tree, 0, &out);
    fwrite(out.data, 1, out.len, stdout);
    if (out.len > 0 && out.data[out.len - 1] != '\n')
        putchar('\n');
    cJSON_Delete(tree);
    buf_fini(&out);
}

static int ends_line(const char *text)
{
    return *text && text[strlen(text) - 1] == '\n';
}

static void print_refusal(const struct args *args, int status, const struct buf *body)
{
    cJSON *tree = body->len > 0 ? cJSON_ParseWithLength(body->data, body->len) : NULL;
    const char *message = td_json_get_str(td_json_get(tree, "error"), "message");

    if (args->json && body->len > 0)
        printf("%s\n", body->data);
    else if (message)
        fprintf(stderr, "tandemctl: refused: %s%s", message, ends_line(message) ? "" : "\n");
    else
        fprintf(stderr, "tandemctl: refused with HTTP status %d\n", status);
    if (status == 401)
        fputs("tandemctl: give the token with --token-file FILE\n", stderr);
    cJSON_Delete(tree);
}

static int call(const struct args *args, const char *method, const char *path, const char *body,
                const char *rows, const char *const *columns)
{
    struct buf answer = { 0 };
    struct err err;
    int code = OK;
    const int status = client_call(&args->client, method, path, body, &answer, &err);

    if (status < 0) {
        fprintf(stderr, "tandemctl: %s\n", err.text);
        code = UNREACHABLE;
    } else if (status >= 300) {
        print_refusal(args, status, &answer);
        code = REFUSED;
    } else if (answer.len > 0) {
        print_answer(args, rows, columns, &answer);
    }
    buf_fini(&answer);
    return code;
}

static int cmd_status(const struct args *args)
{
    return call(args, "GET", API "status", NULL, NULL, NULL);
}

static int cmd_sessions(const struct args *args)
{
    static const char *const columns[] = { "id",      "state",     "channel",   "owner", "seq",
                                           "pending", "opened_at", "active_at", NULL };
    const char *state = args->n_words > 1 ? args->words[1] : NULL;

    if (state && strcmp(state, "open") != 0 && strcmp(state, "closed") != 0) {
        fputs("tandemctl: sessions takes open or closed\n", stderr);
        return USAGE;
    }
    char *path = state ? mem_printf(API "sessions?state=%s", state) : mem_strdup(API "sessions");
    const int code = call(args, "GET", path, NULL, "sessions", columns);
    free(path);
    return code;
}

static int on_session(const struct args *args, const char *method, const char *what,
                      const char *body)
{
    const char *id = args->words[1];

    if (strlen(id) != 26 || id[strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")]) {
        fprintf(stderr, "tandemctl: '%s' is not a session's id: 26 letters and digits, as "
                        "`tandemctl sessions` shows them\n", id);
        return USAGE;
    }
    char *path = mem_printf(API "sessions/%s%s", id, what);
    const int code = call(args, method, path, body, NULL, NULL);
    free(path);
    return code;
}

static int cmd_session(const struct args *args)
{
    return on_session(args, "GET", "", NULL);
}

static int cmd_journal(const struct args *args)
{
    struct args lines = *args;

    lines.json = 1; /* JSON is what it is */
    return on_session(&lines, "GET",
                      args->bodies ? "/journal?max=1000&bodies=1" : "/journal?max=1000", NULL);
}

static int cmd_pass(const struct args *args)
{
    struct td_json body = { 0 };

    td_json_object(&body);
    td_json_key_str(&body, "agent", args->words[2]);
    td_json_object_end(&body);
    const int code = on_session(args, "POST", "/pass", td_json_text(&body));
    td_json_free(&body);
    return code;
}

static int cmd_close(const struct args *args)
{
    return on_session(args, "POST", "/close", "{}");
}

static int cmd_plugins(const struct args *args)
{
    static const char *const columns[] = { "file", "kind", "type", "version", "abi", "error",
                                           NULL };

    return call(args, "GET", API "plugins", NULL, "plugins", columns);
}

static int cmd_reload(const struct args *args)
{
    return call(args, "POST", API "reload", "{}", NULL, NULL);
}

static int cmd_drain(const struct args *args)
{
    return call(args, "POST", API "drain", "{}", NULL, NULL);
}

static const struct {
    const char *name;
    int min, max; /* operands */
    int (*run)(const struct args *args);
} commands[] = {
    { "status", 0, 0, cmd_status },   { "sessions", 0, 1, cmd_sessions },
    { "session", 1, 1, cmd_session }, { "journal", 1, 1, cmd_journal },
    { "pass", 2, 2, cmd_pass },       { "close", 1, 1, cmd_close },
    { "plugins", 0, 0, cmd_plugins }, { "reload", 0, 0, cmd_reload },
    { "drain", 0, 0, cmd_drain },
};

static int usage(void)
{
    fputs(usage_text, stderr);
    return USAGE;
}

static int run(const struct args *args)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, args->words[0]) != 0)
            continue;
        if (args->n_words - 1 < commands[i].min || args->n_words - 1 > commands[i].max)
            return usage();
        return commands[i].run(args);
    }
    fprintf(stderr, "tandemctl: there is no command '%s'\n", args->words[0]);
    return usage();
}

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

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct args *args, const char **conf_r)
{
    static const struct option options[] = {
        { "socket", required_argument, NULL, 's' }, { "conf", required_argument, NULL, 'c' },
        { "url", required_argument, NULL, 'u' },    { "token-file", required_argument, NULL, 'k' },
        { "json", no_argument, NULL, 'j' },         { "bodies", no_argument, NULL, 'b' },
        { "version", no_argument, NULL, 'V' },      { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct err err;
    int c;

    while ((c = getopt_long(argc, argv, "s:c:Vh", options, NULL)) != -1) {
        switch (c) {
        case 's':
            args->client.socket = optarg;
            break;
        case 'c':
            *conf_r = optarg;
            break;
        case 'u':
            args->client.url = optarg;
            break;
        case 'k':
            free(args->client.token);
            args->client.token = client_token(optarg, &err);
            if (args->client.token)
                break;
            fprintf(stderr, "tandemctl: %s\n", err.text);
            return USAGE;
        case 'j':
            args->json = 1;
            break;
        case 'b':
            args->bodies = 1;
            break;
        case 'V':
            printf("tandemctl %s\n", PACKAGE_VERSION);
            return OK;
        case 'h':
            fputs(usage_text, stdout);
            return OK;
        default:
            return usage();
        }
    }
    args->words = argv + optind;
    args->n_words = argc - optind;
    return args->n_words > 0 ? -1 : usage();
}

int main(int argc, char **argv)
{
    struct args args = { .json = 0 };
    const char *conf = access(DEFAULT_CONF, R_OK) == 0 ? DEFAULT_CONF : "/dev/null";
    char *found = NULL;
    int code = parse(argc, argv, &args, &conf);

    if (code < 0 && !args.client.socket && !args.client.url) {
        args.client.socket = found = socket_of(conf);
        code = found ? code : USAGE;
    }
    if (code < 0) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        code = run(&args);
        curl_global_cleanup();
    }
    if (args.client.token)
        mem_wipe(args.client.token, strlen(args.client.token));
    free(args.client.token);
    free(found);
    return code;
}
