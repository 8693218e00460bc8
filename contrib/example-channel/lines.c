/* lines.c - a whole channel for a toy provider that connects by TCP and speaks in lines.
 *
 *     ada 17 hello          customer, number, text; the answer to it is one of
 *     ok 17, later 17, no 17                on disk; send it again; never
 *     ada how can I help    to the customer */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/plugin.h>
#include <unistd.h>

struct conf { int64_t port; };
static const struct td_conf_key keys[] = {
    TD_CONF_INT(struct conf, port, TD_REQUIRED, NULL, 1, 65535, "Where to listen, on 127.0.0.1."),
    TD_CONF_END,
};

struct lines {
    const struct td_host *host;
    struct td_instance *inst;
    struct td_watch *listening, *linked; /* linked NULL: the provider is not there */
    int listener, link, open;            /* open: deliveries that are not answered */
    char in[4096];
    size_t len;
};

static void hang_up(struct lines *l)
{
    if (l->linked == NULL)
        return;
    l->host->watch_del(&l->linked);
    close(l->link);
    l->len = 0;
}

static int say(struct lines *l, const char *who, const char *text)
{
    char line[8192];
    const int len = snprintf(line, sizeof line, "%s %s\n", who, text);

    if (l->linked == NULL || len >= (int)sizeof line)
        return -1;
    for (char *p = line; p < line + len - 1; p++)
        *p = *p == '\n' ? ' ' : *p;
    if (send(l->link, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len)
        return 0;
    hang_up(l); /* it does not read: what was cut is sent again */
    return -1;
}

static void take(struct lines *l, char *line)
{
    char peer[64], number[24];
    int at = 0;

    if (sscanf(line, "%63[a-z0-9] %18[0-9] %n", peer, number, &at) < 2 || at == 0)
        return hang_up(l);
    for (char *p = line + at; *p != '\0'; p++)
        *p = *p < ' ' ? '?' : *p; /* the toy speaks ASCII; what comes in MUST be UTF-8 */
    const struct td_message message = { .size = sizeof message, .id = number, .text = line + at };
    const struct td_inbound in = { .size = sizeof in, .peer = peer, .message = &message };

    if (l->open >= 100) {
        say(l, "later", number);
    } else {
        l->open++;
        l->host->deliver(l->inst, strtoull(number, NULL, 10), &in);
    }
}

static void on_data(void *arg, int readable, int writable)
{
    struct lines *l = arg;
    const ssize_t n = recv(l->link, l->in + l->len, sizeof l->in - l->len, MSG_DONTWAIT);
    char *end;

    (void)readable, (void)writable;
    l->len += n > 0 ? (size_t)n : 0;
    while (l->linked != NULL && (end = memchr(l->in, '\n', l->len)) != NULL) {
        *end++ = '\0';
        take(l, l->in);
        if (l->linked != NULL)
            memmove(l->in, end, l->len -= (size_t)(end - l->in));
    }
    if (n <= 0 || l->len == sizeof l->in)
        hang_up(l);
}

static void on_link(void *arg, int readable, int writable)
{
    struct lines *l = arg;
    const int fd = accept(l->listener, NULL, NULL);

    (void)readable, (void)writable;
    if (fd < 0)
        return;
    hang_up(l); /* the newest link is the good one */
    l->link = fd;
    l->linked = l->host->watch_fd(l->inst, fd, 1, 0, on_data, l);
}

static enum td_status lines_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    struct lines *l = calloc(1, sizeof *l);
    const struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                    .sin_port = htons((uint16_t)((const struct conf *)conf)->port) };

    l->host = host;
    l->inst = inst;
    l->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(l->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(l->listener, (const void *)&at, sizeof at) != 0 || listen(l->listener, 8) != 0) {
        snprintf(err->text, sizeof err->text, "the port cannot be listened on: %m");
        close(l->listener);
        free(l);
        return TD_RETRY;
    }
    l->listening = host->watch_fd(inst, l->listener, 1, 0, on_link, l);
    *self_r = l;
    return TD_OK;
}

static void lines_send(void *self, uint64_t job, const struct td_outbound *out)
{
    struct lines *l = self;
    const char *text = out->message->text != NULL ? out->message->text : "";
    struct td_sent sent = { .size = sizeof sent, .status = TD_OK };

    if (strlen(text) > 8000)
        sent = (struct td_sent){ sizeof sent, TD_REJECT, .detail = "it is too long for a line" };
    else if (say(l, out->peer, text) != 0)
        sent = (struct td_sent){ sizeof sent, TD_RETRY, .detail = "the provider is not there" };
    l->host->sent(l->inst, job, &sent);
}

static void lines_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    struct lines *l = self;
    char number[24];

    snprintf(number, sizeof number, "%" PRIu64, delivery);
    l->open--;
    say(l, accepted->status == TD_OK ? "ok" : accepted->status == TD_RETRY ? "later" : "no", number);
}

static void lines_close(void *self)
{
    struct lines *l = self;

    hang_up(l);
    l->host->watch_del(&l->listening);
    close(l->listener);
    free(l);
}

static const struct td_channel_ops ops = {
    .size = sizeof ops, .open = lines_open, .send = lines_send, .accepted = lines_accepted,
    .close = lines_close,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "lines", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = keys);
