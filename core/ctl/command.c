/* command.c - what tandemctl can be told, and what it then asks the gateway. */
#include "config.h"

#include "ctl/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/chat.h"
#include "ctl/policy.h"
#include "ctl/report.h"
#include "ctl/signals.h"
#include "ctl/sms.h"
#include "ctl/table.h"
#include "ctl/tail.h"
#include "daemon/doctor.h"

#define API "/api/v1/"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

#define HELP_COLUMN 28

/* `rows` names the array that is the point of the answer; NULL: the whole object is. */
static void print_answer(const struct args *args, const char *rows, const char *const *columns,
                         const struct buf *body)
{
    struct buf out = { 0 };
    cJSON *tree = args->json ? NULL : cJSON_ParseWithLength(body->data, body->len);
    /* Of the plugins: the processes of those that are isolated. */
    static const char *const apart_columns[] = { "instance", "kind", "type", "pid", "restarts", NULL };
    const cJSON *apart = cJSON_GetObjectItemCaseSensitive(tree, "isolated");
    const cJSON *array = rows ? cJSON_GetObjectItemCaseSensitive(tree, rows) : NULL;

    if (!tree)
        buf_add(&out, body->data, body->len);
    else if (array && cJSON_GetArraySize(array) == 0)
        buf_printf(&out, "no %s\n", rows);
    else if (array)
        table_print(array, columns, &out);
    else
        table_object(tree, 0, &out);
    if (cJSON_GetArraySize(apart) > 0) {
        buf_char(&out, '\n');
        table_print(apart, apart_columns, &out);
    }
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
    int code = CTL_OK;
    const int status = client_call(&args->client, method, path, body, &answer, &err);

    if (status < 0) {
        fprintf(stderr, "tandemctl: %s\n", err.text);
        code = CTL_UNREACHABLE;
    } else if (status >= 300) {
        print_refusal(args, status, &answer);
        code = CTL_REFUSED;
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
        return CTL_USAGE;
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
        return CTL_USAGE;
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

static int cmd_bridge(const struct args *args)
{
    struct td_json body = { 0 };

    td_json_object(&body);
    if (args->n_words > 2)
        td_json_key_str(&body, "link", args->words[2]);
    td_json_object_end(&body);
    const int code = on_session(args, "POST", "/bridge", td_json_text(&body));
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

static int cmd_desks(const struct args *args)
{
    static const char *const columns[] = { "name", "type", "state", "live", "errors", "detail",
                                           NULL };

    return call(args, "GET", API "desks", NULL, "desks", columns);
}

static int cmd_handoffs(const struct args *args)
{
    static const char *const columns[] = { "id",    "session", "queue",    "state", "human",
                                           "since", "reason",  "priority", "outcome", NULL };
    const char *state = args->n_words > 1 ? args->words[1] : NULL;

    if (state && strcmp(state, "queued") != 0 && strcmp(state, "live") != 0 &&
        strcmp(state, "closed") != 0) {
        fputs("tandemctl: handoffs takes queued, live or closed\n", stderr);
        return CTL_USAGE;
    }
    char *path = state ? mem_printf(API "handoffs?state=%s", state) : mem_strdup(API "handoffs");
    const int code = call(args, "GET", path, NULL, "handoffs", columns);
    free(path);
    return code;
}

static int cmd_request(const struct args *args)
{
    return on_session(args, "POST", "/request", "{}");
}

static int cmd_release(const struct args *args)
{
    return on_session(args, "POST", "/release", "{}");
}

static int cmd_agents(const struct args *args)
{
    static const char *const columns[] = { "name",    "type",    "state",  "breaker", "asked",
                                           "waiting", "overdue", "errors", "detail",  NULL };

    return call(args, "GET", API "agents", NULL, "agents", columns);
}

static int cmd_sms(const struct args *args)
{
    if (strcmp(args->words[1], "segments") != 0) {
        fputs("tandemctl: sms takes segments TEXT\n", stderr);
        return CTL_USAGE;
    }
    return sms_segments(args->words[2], args->json);
}

/* Complains when it is none. */
static int is_channel(const char *name)
{
    if (*name && !name[strspn(name, NAME_LETTERS)])
        return 1;
    fprintf(stderr, "tandemctl: '%s' is not a channel's name, as `tandemctl channels` shows them\n",
            name);
    return 0;
}

static void put_escaped(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_printf(out, strchr(NAME_LETTERS, *text) ? "%c" : "%%%02X", (unsigned char)*text);
}

/* The key of the last line, as it stands there; NULL: there is none. */
static char *last_key(const struct buf *lines)
{
    const char *line = lines->data;

    for (size_t i = 0; i + 1 < lines->len; i++) {
        if (lines->data[i] == '\n')
            line = lines->data + i + 1;
    }
    cJSON *tree = lines->len > 0
                      ? cJSON_ParseWithLength(line, lines->len - (size_t)(line - lines->data))
                      : NULL;
    const char *key = td_json_get_str(tree, "key");
    char *copy = key ? mem_strdup(key) : NULL;

    cJSON_Delete(tree);
    return copy;
}

/* A page a call, until one is empty. */
static int cmd_kept(const struct args *args)
{
    const char *prefix = args->n_words > 2 ? args->words[2] : "";
    char *after = mem_strdup("");
    const char *name = args->words[1];
    int code = CTL_OK;

    if (!is_channel(name + (name[0] == '@')))
        code = CTL_USAGE;
    while (after && code == CTL_OK) {
        struct buf path = { 0 }, answer = { 0 };
        struct err err;
        int status;

        buf_printf(&path, API "channels/%s/kept?prefix=", name);
        put_escaped(&path, prefix);
        buf_str(&path, "&after=");
        put_escaped(&path, after);
        free(after);
        after = NULL;
        status = client_call(&args->client, "GET", path.data, NULL, &answer, &err);
        if (status < 0) {
            fprintf(stderr, "tandemctl: %s\n", err.text);
            code = CTL_UNREACHABLE;
        } else if (status >= 300) {
            print_refusal(args, status, &answer);
            code = CTL_REFUSED;
        } else {
            if (answer.len > 0)
                fwrite(answer.data, 1, answer.len, stdout);
            after = last_key(&answer);
        }
        buf_fini(&path);
        buf_fini(&answer);
    }
    free(after);
    return code;
}

static int on_channel(const struct args *args, const char *what)
{
    const char *name = args->words[1];

    if (!is_channel(name))
        return CTL_USAGE;
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
            return CTL_USAGE;
        }
        add_filter(&path, keys[i], values[i]);
    }
    const int status = client_follow(&args->client, path.data, print_event, (void *)args, &body,
                                     &err);
    if (client_stopped(&args->client))
        putchar('\n'); /* behind the ^C */
    else if (status < 0)
        fprintf(stderr, "tandemctl: %s\n", err.text);
    else if (status == 200)
        fputs("tandemctl: tandemd ended the events\n", stderr);
    else
        print_refusal(args, status, &body);
    buf_fini(&path);
    buf_fini(&body);
    return client_stopped(&args->client)  ? CTL_OK
           : status < 0 || status == 200 ? CTL_UNREACHABLE
                                         : CTL_REFUSED;
}

static int cmd_chat(const struct args *args)
{
    const struct chat_args chat = { .client = &args->client, .channel = args->channel,
                                    .agent = args->agent, .trace = args->trace };
    struct err err;

    if (args->agent && (!*args->agent || args->agent[strspn(args->agent, NAME_LETTERS)])) {
        fprintf(stderr, "tandemctl: '%s' cannot be an agent\n", args->agent);
        return CTL_USAGE;
    }
    const int rc = chat_run(&chat, &err);

    if (rc != 0)
        fprintf(stderr, "tandemctl: %s\n", err.text);
    return rc == 0 ? CTL_OK : rc < 0 ? CTL_UNREACHABLE : CTL_REFUSED;
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
    return bad == 0 ? CTL_OK : CTL_REFUSED;
}

static int cmd_signals(const struct args *args)
{
    return signals_run(args->lang);
}

static int cmd_reload(const struct args *args)
{
    return call(args, "POST", API "reload", "{}", NULL, NULL);
}

static int cmd_drain(const struct args *args)
{
    return call(args, "POST", API "drain", "{}", NULL, NULL);
}

/* ---- The table ---------------------------------------------------------------------------- */

static const struct command commands[] = {
    { "status", "", "how the gateway is, and its instances", 0, { 0 }, NULL, cmd_status },
    { "sessions", "[open|closed]", "conversations, newest first", 0, { TAKES_STATE }, NULL,
      cmd_sessions },
    { "session", "ID", "what is known of one", 1, { TAKES_SESSION }, NULL, cmd_session },
    { "journal", "ID [--bodies]", "its records, a JSON object a line; with texts: --bodies", 1,
      { TAKES_SESSION }, "--bodies", cmd_journal },
    { "pass", "ID AGENT", "give it to another agent", 2, { TAKES_SESSION, TAKES_AGENT }, NULL,
      cmd_pass },
    { "bridge", "ID [LINK]", "make a token with which the customer goes on by web chat", 1,
      { TAKES_SESSION, TAKES_TEXT }, NULL, cmd_bridge },
    { "close", "ID", "end it", 1, { TAKES_SESSION }, NULL, cmd_close },
    { "channels", "", "where customers come from", 0, { 0 }, NULL, cmd_channels },
    { "kept", "CHANNEL [PREFIX]", "what it keeps, a JSON object a line; o/: who wants no messages, @consent o/: of all channels", 1,
      { TAKES_CHANNEL, TAKES_TEXT }, NULL, cmd_kept },
    { "sms", "segments TEXT", "how a text goes as short messages; needs no daemon", 2,
      { TAKES_TEXT, TAKES_TEXT }, NULL, cmd_sms },
    { "agents", "", "who answers", 0, { 0 }, NULL, cmd_agents },
    { "desks", "", "where humans are, their queues, and who is there", 0, { 0 }, NULL, cmd_desks },
    { "handoffs", "[queued|live|closed]", "who waits for a human, and who has one", 0,
      { TAKES_STAGE }, NULL, cmd_handoffs },
    { "report", "[--from TIME] [--to TIME] [--by WORD] [--group NAME] [--sessions MARK] [--csv]",
      "figures of the sessions that began then: by intent, reason, queue, channel or agent;\n"
      "or, with --sessions, the sessions behind one", 0, { 0 },
      "--from --to --by --group --sessions --csv", report_run },
    { "request", "ID", "ask for a human", 1, { TAKES_SESSION }, NULL, cmd_request },
    { "release", "ID", "take it from the human, back to the agent", 1, { TAKES_SESSION }, NULL,
      cmd_release },
    { "suspend", "CHANNEL", "take no new customers there and hold back what it would send,\n"
      "until it is resumed or tandemd starts anew", 1, { TAKES_CHANNEL }, NULL, cmd_suspend },
    { "resume", "CHANNEL", "end that: what was held back leaves", 1, { TAKES_CHANNEL }, NULL,
      cmd_resume },
    { "tail", "[--session ID] [--channel NAME] [--agent NAME] [--type TYPE,..]",
      "what happens, as it happens, a line an event, until Ctrl-C", 0, { 0 },
      "--session --channel --agent --type", cmd_tail },
    { "chat", "[--channel NAME] [--agent NAME] [--trace]",
      "talk from here, as a customer on a web chat does, until Ctrl-D", 0, { 0 },
      "--channel --agent --trace", cmd_chat },
    { "doctor", "", "what can be wrong on this machine, and what to do", 0, { 0 }, NULL,
      cmd_doctor },
    { "signals", "[--lang LANG]", "what the phrase packs find in JSON lines of stdin, such as\n"
      "{\"id\": \"1\", \"text\": \"a human, please\"}; needs no daemon", 0, { 0 }, "--lang",
      cmd_signals },
    { "policy", "explain ID [SEQ] | try FILE [--since 7d]",
      "which rules held on which values; or, by what is in the journal, which\n"
      "sessions another file of rules would hand over, or not", 2,
      { TAKES_POLICY, TAKES_TEXT, TAKES_TEXT }, "--since", policy_run },
    { "plugins", "", "what is installed", 0, { 0 }, NULL, cmd_plugins },
    { "reload", "", "read the conf again; a bad one changes nothing", 0, { 0 }, NULL, cmd_reload },
    { "drain", "", "take no new customers, finish turns under way, end", 0, { 0 }, NULL,
      cmd_drain },
};

const struct command *command_list(size_t *n_r)
{
    *n_r = sizeof commands / sizeof *commands;
    return commands;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int max_operands(const struct command *command)
{
    int n = 0;

    while (n < COMMAND_MAX_OPERANDS && command->takes[n] != TAKES_NOTHING)
        n++;
    return n;
}

/* "  name operands   help"; what is too long for its column ends the line. */
static void help_line(const struct command *command, struct buf *out)
{
    const size_t from = out->len;
    const char *help = command->help;

    buf_printf(out, "  %s%s%s", command->name, *command->operands ? " " : "", command->operands);
    if (out->len - from >= HELP_COLUMN)
        buf_printf(out, "\n%*s", HELP_COLUMN, "");
    else
        buf_printf(out, "%*s", (int)(HELP_COLUMN - (out->len - from)), "");
    for (; *help; help++) {
        buf_char(out, *help);
        if (*help == '\n')
            buf_printf(out, "%*s", HELP_COLUMN, "");
    }
    buf_char(out, '\n');
}

void command_help(struct buf *out)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        help_line(&commands[i], out);
}

static int wrong(const struct command *command)
{
    struct buf out = { 0 };

    buf_str(&out, "tandemctl: this is how it goes:\n");
    help_line(command, &out);
    fputs(out.data, stderr);
    buf_fini(&out);
    return CTL_USAGE;
}

int command_run(const struct args *args)
{
    const struct command *command = command_find(args->words[0]);

    if (command == NULL) {
        fprintf(stderr, "tandemctl: there is no command '%s'; `help` lists them\n", args->words[0]);
        return CTL_USAGE;
    }
    if (args->n_words - 1 < command->least || args->n_words - 1 > max_operands(command))
        return wrong(command);
    return command->run(args);
}

