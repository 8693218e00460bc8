/* desk_wall.c - a whole desk for a team that connects by TCP and speaks in lines.
 *
 *     offer 01J.. frustration       somebody waits: the handoff, and why
 *     said 01J.. my order is late   what the customer says
 *     over 01J.. returned           it is not the team's any more, and why
 *     no 01J.. taken                what was wanted of it cannot be
 *
 *     accept 01J.. Nora             a human of the team takes it, and then
 *     say 01J.. Nora Good morning   .. speaks,
 *     return 01J.. Nora done        .. gives it back to the agent, with a note, or
 *     close 01J.. Nora              .. ends the talk
 *     decline 01J..                 nobody of the team takes it */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/plugin.h>
#include <tandem/utf8.h>
#include <unistd.h>

struct conf { int64_t port; };
static const struct td_conf_key keys[] = {
    TD_CONF_INT(struct conf, port, TD_REQUIRED, NULL, 1, 65535, "Where to listen, on 127.0.0.1."),
    TD_CONF_END,
};

#define ASKED 100 /* of the host, not answered yet */

struct wall {
    const struct td_host *host;
    struct td_instance *inst;
    struct td_watch *listening, *linked; /* linked NULL: the team is not there */
    int listener, link;
    char asked[ASKED][32]; /* the handoffs of what is open, by job; "": free */
    char in[8192];
    size_t len;
};

static void hang_up(struct wall *w)
{
    if (w->linked == NULL)
        return;
    w->host->watch_del(&w->linked);
    close(w->link);
    w->len = 0;
}

static int say(struct wall *w, const char *what, const char *handoff, const char *text)
{
    char line[9000];
    const int len = snprintf(line, sizeof line, "%s %s %s\n", what, handoff, text);

    if (w->linked == NULL || len >= (int)sizeof line)
        return -1;
    for (char *p = line; p < line + len - 1; p++)
        *p = *p == '\n' ? ' ' : *p;
    if (send(w->link, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len)
        return 0;
    hang_up(w); /* it does not read: what was cut is said again */
    return -1;
}

/* What a human does. Nothing of it counts before done() says so. */
static void ask(struct wall *w, struct td_desk_request *request)
{
    size_t job = 0;

    while (job < ASKED && w->asked[job][0] != '\0')
        job++;
    if (job == ASKED || request->handoff == NULL || strlen(request->handoff) >= sizeof w->asked[0])
        return hang_up(w);
    strcpy(w->asked[job], request->handoff);
    w->host->desk(w->inst, job, request);
}

static void take(struct wall *w, char *line)
{
    char *rest = line, *op = strsep(&rest, " "), *handoff = strsep(&rest, " ");
    char *human = strsep(&rest, " ");
    const char *text = rest != NULL ? rest : "";
    const struct td_message message = { .size = sizeof message, .text = text };
    struct td_desk_request r = { .size = sizeof r, .handoff = handoff, .human = human };

    for (size_t i = 0, n; text[i] != '\0'; i += n)
        if ((n = td_utf8_step(text + i, strlen(text + i))) == 0)
            return hang_up(w); /* texts are UTF-8, or they are refused */
    if (strcmp(op, "decline") == 0)
        r.op = TD_OP_DECLINE;
    else if (human == NULL)
        return hang_up(w);
    else if (strcmp(op, "accept") == 0)
        r.op = TD_OP_ACCEPT;
    else if (strcmp(op, "say") == 0)
        r.op = TD_OP_MESSAGE, r.message = &message;
    else if (strcmp(op, "return") == 0)
        r.op = TD_OP_RETURN, r.text = text;
    else if (strcmp(op, "close") == 0)
        r.op = TD_OP_CLOSE;
    else
        return hang_up(w);
    ask(w, &r);
}

static void on_data(void *arg, int readable, int writable)
{
    struct wall *w = arg;
    const ssize_t n = recv(w->link, w->in + w->len, sizeof w->in - w->len, MSG_DONTWAIT);
    char *end;

    (void)readable, (void)writable;
    w->len += n > 0 ? (size_t)n : 0;
    while (w->linked != NULL && (end = memchr(w->in, '\n', w->len)) != NULL) {
        *end++ = '\0';
        take(w, w->in);
        if (w->linked != NULL)
            memmove(w->in, end, w->len -= (size_t)(end - w->in));
    }
    if (n <= 0 || w->len == sizeof w->in)
        hang_up(w);
}

static void on_link(void *arg, int readable, int writable)
{
    struct wall *w = arg;
    const int fd = accept(w->listener, NULL, NULL);

    (void)readable, (void)writable;
    if (fd < 0)
        return;
    hang_up(w); /* the newest link is the good one */
    w->link = fd;
    w->linked = w->host->watch_fd(w->inst, fd, 1, 0, on_data, w);
}

static enum td_status wall_open(const struct td_host *host, struct td_instance *inst,
                                const void *conf, void **self_r, struct td_error *err)
{
    struct wall *w = calloc(1, sizeof *w);
    const struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                    .sin_port = htons((uint16_t)((const struct conf *)conf)->port) };

    w->host = host;
    w->inst = inst;
    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(w->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(w->listener, (const void *)&at, sizeof at) != 0 || listen(w->listener, 8) != 0) {
        snprintf(err->text, sizeof err->text, "the port cannot be listened on: %m");
        close(w->listener);
        free(w);
        return TD_RETRY;
    }
    w->listening = host->watch_fd(inst, w->listener, 1, 0, on_link, w);
    *self_r = w;
    return TD_OK;
}

/* With TD_RETRY it is offered again, until the queue's offer_timeout; then the next of the chain. */
static void wall_offer(void *self, uint64_t job, const struct td_handoff *handoff)
{
    struct wall *w = self;
    struct td_offered offered = { .size = sizeof offered, .status = TD_OK, .wait_ms = -1 };

    if (say(w, "offer", handoff->id, handoff->reason) != 0)
        offered = (struct td_offered){ .size = sizeof offered, .status = TD_RETRY, .wait_ms = -1,
                                       .detail = "the team is not there" };
    w->host->offered(w->inst, job, &offered);
}

static void wall_relay(void *self, uint64_t job, const struct td_relay *relay)
{
    struct wall *w = self;
    const char *text = relay->message->text != NULL ? relay->message->text : "(a file)";
    struct td_sent sent = { .size = sizeof sent, .status = TD_OK };

    if (strlen(text) > 8000)
        sent = (struct td_sent){ sizeof sent, TD_REJECT, .detail = "it is too long for a line" };
    else if (say(w, "said", relay->handoff, text) != 0)
        sent = (struct td_sent){ sizeof sent, TD_RETRY, .detail = "the team is not there" };
    w->host->sent(w->inst, job, &sent);
}

static void wall_release(void *self, const char *handoff, const char *outcome)
{
    say(self, "over", handoff, outcome);
}

static void wall_done(void *self, uint64_t job, const struct td_desk_done *done)
{
    struct wall *w = self;

    if (done->status != TD_OK)
        say(w, "no", w->asked[job], done->code != NULL ? done->code : "later");
    w->asked[job][0] = '\0';
}

static void wall_close(void *self)
{
    struct wall *w = self;

    hang_up(w);
    w->host->watch_del(&w->listening);
    close(w->listener);
    free(w);
}

static const struct td_desk_ops ops = {
    .size = sizeof ops, .open = wall_open, .offer = wall_offer, .relay = wall_relay,
    .release = wall_release, .done = wall_done, .close = wall_close,
};

TD_PLUGIN_DEFINE(.kind = TD_DESK, .name = "wall", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = keys);
