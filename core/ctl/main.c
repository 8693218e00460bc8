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
#include "ctl/chat.h"
#include "ctl/client.h"
#include "ctl/table.h"
#include "ctl/tail.h"
#include "daemon/conf_tandem.h"
#include "daemon/doctor.h"

#define DEFAULT_CONF TANDEM_CONF_DIR "/tandem.conf"
#define API "/api/v1/"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

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
    "  channels                  where customers come from\n"
    "  agents                    who answers\n"
    "  suspend CHANNEL           take no new customers there and hold back what it would send,\n"
    "                            until it is resumed or tandemd starts anew\n"
    "  resume CHANNEL            end that: what was held back leaves\n"
    "  tail [--session ID] [--channel NAME] [--agent NAME] [--type TYPE,..]\n"
    "                            what happens, as it happens, a line an event\n"
    "  chat [--channel NAME] [--agent NAME] [--trace]\n"
    "                            talk from here, as a customer on a web chat does\n"
    "  doctor                    what can be wrong on this machine, and what to do\n"
    "  plugins                   what is installed\n"
    "  reload                    read the conf again; a bad one changes nothing\n"
    "  drain                     take no new customers, finish turns under way, end\n"
    "\n"
    "Without an option the control socket of " DEFAULT_CONF " is used.\n"
    "Exit codes: 0 done, 1 refused, 2 usage, 3 tandemd cannot be reached.\n";

struct args {
    struct client client;
    const char *conf;
    int json, bodies, trace;
    const char *session, *channel, *agent, *type; /* of tail and chat; NULL: any */
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

static int cmd_channels(const struct args *args)
{
    static const char *const columns[] = { "name",    "type", "state", "sessions", "in", "out",
                                           "waiting", "failed", "errors", "detail", NULL };

    return call(args, "GET", API "channels", NULL, "channels", columns);
}

static int cmd_agents(const struct args *args)
{
    static const char *const columns[] = { "name",    "type",    "state",  "breaker", "asked",
                                           "waiting", "overdue", "errors", "detail",  NULL };

    return call(args, "GET", API "agents", NULL, "agents", columns);
}

static int on_channel(const struct args *args, const char *what)
{
    const char *name = args->words[1];

    if (!*name || name[strspn(name, NAME_LETTERS)]) {
        fprintf(stderr, "tandemctl: '%s' is not a channel's name, as `tandemctl channels` shows "
                        "them\n", name);
        return USAGE;
    }
    char *path = mem_printf(API "channels/%s/%s", name, what);
    const int code = call(args, "POST", path, "{}", NULL, NULL);
    free(path);
    return code;
}

static int cmd_suspend(const struct args *args)
{
    return on_channel(args, "suspend");
}

static int cmd_resume(const struct args *args)
{
    return on_channel(args, "resume");
}

/* A client_data_fn. */
static int print_event(void *arg, const char *data)
{
    const struct args *args = arg;
    struct buf line = { 0 };

    if (args->json)
        buf_printf(&line, "%s\n", data);
    else
        tail_line(data, &line);
    fwrite(line.data, 1, line.len, stdout);
    buf_fini(&line);
    return fflush(stdout) != 0; /* nobody reads any more */
}

static void add_filter(struct buf *path, const char *key, const char *value)
{
    if (value)
        buf_printf(path, "%c%s=%s", strchr(path->data, '?') ? '&' : '?', key, value);
}

static int cmd_tail(const struct args *args)
{
    const char *const values[] = { args->session, args->channel, args->agent, args->type };
    static const char *const keys[] = { "session", "channel", "agent", "type" };
    struct buf path = { 0 }, body = { 0 };
    struct err err;

    buf_str(&path, API "events");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (values[i] && (!*values[i] || values[i][strspn(values[i], NAME_LETTERS ",")])) {
            fprintf(stderr, "tandemctl: '%s' cannot be a %s\n", values[i], keys[i]);
            buf_fini(&path);
            return USAGE;
        }
        add_filter(&path, keys[i], values[i]);
    }
    const int status = client_follow(&args->client, path.data, print_event, (void *)args, &body,
                                     &err);
    if (status < 0)
        fprintf(stderr, "tandemctl: %s\n", err.text);
    else if (status == 200)
        fputs("tandemctl: tandemd ended the events\n", stderr);
    else
        print_refusal(args, status, &body);
    buf_fini(&path);
    buf_fini(&body);
    return status < 0 || status == 200 ? UNREACHABLE : REFUSED;
}

static int cmd_chat(const struct args *args)
{
    const struct chat_args chat = { .client = &args->client, .channel = args->channel,
                                    .agent = args->agent, .trace = args->trace };
    struct err err;

    if (args->agent && (!*args->agent || args->agent[strspn(args->agent, NAME_LETTERS)])) {
        fprintf(stderr, "tandemctl: '%s' cannot be an agent\n", args->agent);
        return USAGE;
    }
    const int rc = chat_run(&chat, &err);

    if (rc != 0)
        fprintf(stderr, "tandemctl: %s\n", err.text);
    return rc == 0 ? OK : rc < 0 ? UNREACHABLE : REFUSED;
}

static int cmd_doctor(const struct args *args)
{
    struct buf answer = { 0 }, out = { 0 };
    struct err err;
    const int runs = (args->client.socket || args->client.url) &&
                     client_call(&args->client, "GET", API "status", NULL, &answer, &err) > 0;
    const unsigned bad = doctor_run(args->conf, runs, &out);

    fwrite(out.data, 1, out.len, stdout);
    buf_fini(&answer);
    buf_fini(&out);
    return bad == 0 ? OK : REFUSED;
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
    { "drain", 0, 0, cmd_drain },     { "channels", 0, 0, cmd_channels },
    { "agents", 0, 0, cmd_agents },   { "suspend", 1, 1, cmd_suspend },
    { "resume", 1, 1, cmd_resume },   { "tail", 0, 0, cmd_tail },
    { "chat", 0, 0, cmd_chat },       { "doctor", 0, 0, cmd_doctor },
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
        { "session", required_argument, NULL, 'S' }, { "channel", required_argument, NULL, 'C' },
        { "agent", required_argument, NULL, 'A' },   { "type", required_argument, NULL, 'T' },
        { "trace", no_argument, NULL, 'R' },
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
        case 'R':
            args->trace = 1;
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
        /* The doctor looks at a conf that is no good, too. */
        code = found || strcmp(args.words[0], "doctor") == 0 ? code : USAGE;
    }
    args.conf = conf;
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
