/* chat.c - to talk from a terminal, through the gateway. */
#include "config.h"

#include "ctl/chat.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "ctl/socket.h"
#include "ctl/tail.h"

#define API "/api/v1/"
#define LAST_MS 30000 /* for the last answer, once stdin has ended */
#define MAX_LINE 65536

struct chat {
    const struct chat_args *args;
    struct socket *socket;
    char session[32];
    struct buf line;   /* of stdin, as far as it has come */
    unsigned sent;     /* messages */
    int64_t asked;     /* seq of the newest that was accepted; 0: none yet, or one is on its way */
    int64_t traced;    /* seq */
    int answered;      /* what was said last */
    int eof;
    int64_t end_ms;    /* monotonic: no longer than that */
};

/* ---- The gateway's API -------------------------------------------------------------------- */

static int refused(int status, const struct buf *body, struct err *err)
{
    cJSON *tree = td_json_parse(body->data ? body->data : "", body->len, NULL, NULL, 0);
    const char *why = td_json_get_str(td_json_get(tree, "error"), "message");

    err_set(err, "refused: %s", why ? why : "the gateway gave no reason");
    cJSON_Delete(tree);
    return status;
}

static int call(const struct chat *chat, const char *method, const char *path, const char *body,
                struct buf *out, struct err *err)
{
    const int status = client_call(chat->args->client, method, path, body, out, err);

    return status < 0 ? -1 : status >= 300 ? refused(status, out, err) : 0;
}

/* The path of the channel's endpoint, or NULL with *rc set. Caller frees. */
static char *find_path(const struct chat *chat, int *rc, struct err *err)
{
    const char *wanted = chat->args->channel;
    struct buf body = { 0 };
    const cJSON *row;
    char *path = NULL;

    if ((*rc = call(chat, "GET", API "channels", NULL, &body, err)) != 0) {
        buf_fini(&body);
        return NULL;
    }
    cJSON *tree = td_json_parse(body.data, body.len, NULL, NULL, 0);

    cJSON_ArrayForEach(row, td_json_get(tree, "channels")) {
        const char *name = td_json_get_str(row, "name"), *type = td_json_get_str(row, "type");

        if (!path && name && type && strcmp(type, "webchat") == 0 &&
            (!wanted || strcmp(wanted, name) == 0))
            path = mem_printf("/chat/%s", name);
    }
    if (!path) {
        *rc = 404;
        err_set(err, "there is no channel%s%s of type webchat to talk over", wanted ? " " : "",
                wanted ? wanted : "");
    }
    cJSON_Delete(tree);
    buf_fini(&body);
    return path;
}

static int pass(const struct chat *chat, struct err *err)
{
    char *path = mem_printf(API "sessions/%s/pass", chat->session);
    char *body = mem_printf("{\"agent\":\"%s\"}", chat->args->agent);
    struct buf answer = { 0 };
    const int rc = call(chat, "POST", path, body, &answer, err);

    buf_fini(&answer);
    free(body);
    free(path);
    return rc;
}

/* One record as /api/v1/events would tell it, with the time since the one before. */
static void trace_record(struct chat *chat, const char *record, int64_t *at)
{
    char *event = mem_printf("{\"facts\":%s}", record);
    cJSON *tree = td_json_parse(record, strlen(record), NULL, NULL, 0);
    const char *type = td_json_get_str(tree, "type"), *agent = td_json_get_str(tree, "agent");
    const int64_t now = (int64_t)cJSON_GetNumberValue(td_json_get(tree, "at"));
    struct buf line = { 0 };

    if (type) {
        tail_facts(event, &line);
        printf("  | %+6lld ms %-9s%s%s%s", *at > 0 ? (long long)(now - *at) : 0, type,
               agent ? " agent=" : "", agent ? agent : "", line.data);
        *at = now;
        chat->traced = (int64_t)cJSON_GetNumberValue(td_json_get(tree, "seq"));
    }
    buf_fini(&line);
    cJSON_Delete(tree);
    free(event);
}

static void trace(struct chat *chat)
{
    char *path = mem_printf(API "sessions/%s/journal?max=1000&after=%lld", chat->session,
                            (long long)chat->traced);
    struct buf body = { 0 };
    struct err err;
    int64_t at = 0;

    if (call(chat, "GET", path, NULL, &body, &err) != 0)
        printf("  | %s\n", err.text);
    else if (body.len > 0)
        for (char *save, *line = strtok_r(body.data, "\n", &save); line;
             line = strtok_r(NULL, "\n", &save))
            trace_record(chat, line, &at);
    buf_fini(&body);
    free(path);
}

/* ---- What the gateway says ---------------------------------------------------------------- */

/* Nothing steers the terminal. */
static void print_text(const char *before, const char *text)
{
    fputs(before, stdout);
    for (; text && *text; text++)
        putchar(((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t') || *text == 0x7f
                    ? ' ' : *text);
    putchar('\n');
}

static int64_t number(const cJSON *frame, const char *key)
{
    const cJSON *item = td_json_get(frame, key);

    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}

static void on_message(struct chat *chat, const cJSON *frame)
{
    const char *name = td_json_get_str(td_json_get(frame, "author"), "name");
    char *before = mem_printf("%s: ", name ? name : "gateway");
    const cJSON *choice;

    print_text(before, td_json_get_str(frame, "text"));
    cJSON_ArrayForEach(choice, td_json_get(frame, "choices"))
        print_text("  * ", td_json_get_str(choice, "title"));
    free(before);
    if (chat->asked > 0 && number(frame, "seq") > chat->asked)
        chat->answered = 1;
    if (chat->args->trace)
        trace(chat);
}

static void on_owner(const cJSON *frame)
{
    const char *name = td_json_get_str(td_json_get(frame, "owner"), "name");

    if (name && *name)
        print_text("-- you talk with ", name);
    else
        puts("-- you wait for a person");
}

static void on_frame(struct chat *chat, const char *text)
{
    cJSON *frame = td_json_parse(text, strlen(text), NULL, NULL, 0);
    const char *type = td_json_get_str(frame, "type");

    if (!type)
        ;
    else if (strcmp(type, "message") == 0)
        on_message(chat, frame);
    else if (strcmp(type, "accepted") == 0)
        chat->asked = number(frame, "seq");
    else if (strcmp(type, "owner") == 0)
        on_owner(frame);
    else if (strcmp(type, "error") == 0)
        print_text("-- ", td_json_get_str(frame, "message"));
    if (type && strcmp(type, "error") == 0)
        chat->answered = 1;
    cJSON_Delete(frame);
    fflush(stdout);
}

/* 0: nothing more is there now. */
static int hear(struct chat *chat, struct err *err)
{
    const char *text;
    int rc;

    while ((rc = socket_next(chat->socket, &text, err)) > 0)
        on_frame(chat, text);
    return rc;
}

static int say_hello(struct chat *chat, struct err *err)
{
    const int64_t end = clock_mono_ms() + 10000;
    const char *text;
    int rc = socket_send(chat->socket, "{\"type\":\"hello\"}", err);

    while (rc == 0 && !*chat->session && (rc = socket_next(chat->socket, &text, err)) >= 0) {
        struct pollfd fd = { .fd = socket_fd(chat->socket), .events = POLLIN };

        if (rc == 0 && clock_mono_ms() > end)
            return err_set(err, "the gateway does not say welcome");
        if (rc == 0)
            poll(&fd, 1, 1000);
        if (rc == 1) {
            cJSON *frame = td_json_parse(text, strlen(text), NULL, NULL, 0);
            const char *id = td_json_get_str(frame, "session");
            if (id)
                snprintf(chat->session, sizeof chat->session, "%s", id);
            else
                on_frame(chat, text); /* an error, before the connection ends */
            cJSON_Delete(frame);
        }
        rc = 0;
    }
    if (rc == 0)
        printf("-- session %s; end with Ctrl-D\n", chat->session);
    return rc;
}

/* ---- What is typed ------------------------------------------------------------------------ */

static int say(struct chat *chat, struct err *err)
{
    struct td_json frame = { 0 };
    char id[16];

    snprintf(id, sizeof id, "%u", ++chat->sent);
    td_json_object(&frame);
    td_json_key_str(&frame, "type", "message");
    td_json_key_str(&frame, "id", id);
    td_json_key_str(&frame, "text", chat->line.data);
    td_json_object_end(&frame);
    chat->asked = 0;
    chat->answered = 0;
    const int rc = socket_send(chat->socket, td_json_text(&frame), err);
    td_json_free(&frame);
    return rc;
}

static int end_line(struct chat *chat, struct err *err)
{
    const int rc = chat->line.len > 0 ? say(chat, err) : 0;

    buf_clear(&chat->line);
    return rc;
}

static int read_stdin(struct chat *chat, struct err *err)
{
    char chunk[4096];
    const ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    int rc = 0;

    if (n < 0 && errno == EINTR)
        return 0;
    for (ssize_t i = 0; i < n && rc == 0; i++) {
        if (chunk[i] == '\n' || chat->line.len >= MAX_LINE)
            rc = end_line(chat, err);
        if (chunk[i] != '\n' && chunk[i] != '\0')
            buf_char(&chat->line, chunk[i]);
    }
    if (n > 0 || rc != 0)
        return rc;
    chat->eof = 1;
    chat->end_ms = clock_mono_ms() + LAST_MS;
    return end_line(chat, err);
}

static int talk(struct chat *chat, struct err *err)
{
    int rc = hear(chat, err);

    while (rc == 0 && !client_stopped(chat->args->client) &&
           !(chat->eof && (chat->sent == 0 || chat->answered))) {
        struct pollfd fds[2] = { { .fd = socket_fd(chat->socket), .events = POLLIN },
                                 { .fd = chat->eof ? -1 : STDIN_FILENO, .events = POLLIN } };

        poll(fds, 2, 1000);
        if (fds[1].revents != 0)
            rc = read_stdin(chat, err);
        if (rc == 0)
            rc = hear(chat, err);
        if (rc == 0 && chat->eof && clock_mono_ms() > chat->end_ms)
            rc = err_set(err, "there was no answer");
    }
    if (rc == 0)
        socket_send(chat->socket, "{\"type\":\"leave\"}", err);
    return rc;
}

int chat_run(const struct chat_args *args, struct err *err)
{
    struct chat chat = { .args = args };
    int rc;
    char *path = find_path(&chat, &rc, err);

    if (!path)
        return rc;
    chat.socket = socket_open(args->client, path, "tandem.chat.v1", err);
    rc = chat.socket ? say_hello(&chat, err) : -1;
    if (rc == 0 && args->agent)
        rc = pass(&chat, err);
    if (rc == 0)
        rc = talk(&chat, err);
    socket_close(&chat.socket);
    buf_fini(&chat.line);
    free(path);
    return rc;
}
