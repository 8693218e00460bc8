/* web_peer.c - a listener in a thread, and a client of raw bytes. */
#include "config.h"
#include "tests/unit/web_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

static void saw(struct server *server, const char *fmt, const char *a, long b, const char *c)
{
    pthread_mutex_lock(&server->lock);
    buf_printf(&server->seen, "%s %s %ld %s\n", fmt, a, b, c);
    pthread_mutex_unlock(&server->lock);
}

static void on_opened(void *arg, uint64_t conn, const struct td_ws_info *info)
{
    (void)conn;
    saw(arg, "opened", info->peer, info->exempt, info->origin);
}

static void on_text(void *arg, uint64_t conn, const char *text, size_t len)
{
    struct server *server = arg;

    saw(server, "text", len < 100 ? text : "long", (long)len, "");
    if (strcmp(text, "bye") == 0) {
        web_ws_close(server->web, conn, 4409, "replaced");
    } else if (strcmp(text, "flood") == 0) {
        char *block = mem_alloc(64 * 1024);

        memset(block, 'x', 64 * 1024);
        for (int i = 0; i < 64; i++)
            web_ws_send(server->web, conn, block, 64 * 1024);
        free(block);
    } else if (strcmp(text, "burst") == 0) {
        char *block = mem_alloc(1000);

        memset(block, 'x', 1000);
        for (int i = 0; i < 300; i++)
            web_ws_send(server->web, conn, block, 1000);
        free(block);
    } else if (text[0] != '#') {
        web_ws_send(server->web, conn, text, len);
    }
}

static void on_closed(void *arg, uint64_t conn, int code)
{
    (void)conn;
    saw(arg, "closed", "", code, "");
}

static void on_echo(void *arg, const struct td_web_request *request)
{
    struct server *server = arg;
    char *body = mem_printf("%s %s?%s %s %d %zu:%s\n", request->method, request->path,
                            request->query, request->peer, request->control, request->body_len,
                            request->body);
    const struct td_web_reply reply = {
        .size = sizeof reply, .status = 200, .content_type = "text/plain", .body = body,
        .body_len = strlen(body),
    };

    web_reply(server->web, request->id, &reply);
    free(body);
}

static int on_head(void *arg, const struct td_web_request *request)
{
    const struct td_web_reply reply = { .size = sizeof reply, .status = 401, .body = "no\n",
                                        .body_len = 3 };
    struct server *server = arg;

    for (size_t i = 0; i < request->n_headers; i++)
        if (strcmp(request->headers[i].name, "authorization") == 0)
            return request->body == NULL && request->body_len > 0;
    web_reply(server->web, request->id, &reply);
    return 0;
}

static void *run(void *arg)
{
    loop_run(arg);
    return NULL;
}

void server_start(struct server *server, server_conf_fn *change)
{
    static const struct td_ws_ops ops = {
        .size = sizeof ops, .opened = on_opened, .text = on_text, .closed = on_closed,
    };
    struct web_conf conf = {
        .listen = "127.0.0.1:0", .max_header = 8192, .max_body = 65536, .header_timeout_ms = 2000,
    };
    struct td_ws_conf ws = {
        .size = sizeof ws, .path = "/chat", .subprotocol = "t.v1", .max_message = 65536,
        .send_buffer = 256 * 1024, .ping_ms = 25000, .pong_timeout_ms = 10000,
        .max_connections = 100,
    };
    struct err err = { "" };

    *server = (struct server){ 0 };
    pthread_mutex_init(&server->lock, NULL);
    if (change != NULL)
        change(&conf, &ws);
    server->loop = loop_new(&err);
    server->web = web_open(server->loop, &conf, &err);
    if (server->web == NULL) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    server->port = web_port(server->web);
    web_ws_add(server->web, &ws, &ops, server);
    web_route(server->web, "/own", 0, on_echo, server);
    web_route_with(server->web, &(struct td_web_route){ .size = sizeof(struct td_web_route),
                                                        .path = "/echo" }, on_echo, server);
    web_route(server->web, "/echo/", 0, on_echo, server);
    web_route(server->web, "/private", 1, on_echo, server);
    web_route_with(server->web, &(struct td_web_route){ .size = sizeof(struct td_web_route),
                                                        .path = "/up", .max_body = 200000,
                                                        .head = on_head }, on_echo, server);
    web_static(server->web, &(struct web_static){ .path = "/page",
                                                  .content_type = "text/html; charset=utf-8",
                                                  .body = "<p>hello</p>", .len = 12 });
    web_static(server->web, &(struct web_static){
        .path = "/assets/a-1.js", .content_type = "text/javascript", .body = "long; long;",
        .len = 11, .gzip = "short", .gzip_len = 5, .is_named_by_content = 1 });
    web_start(server->web);
    pthread_create(&server->thread, NULL, run, server->loop);
}

static void stop(void *arg)
{
    struct server *server = arg;

    web_close(&server->web);
    loop_stop(server->loop);
}

void server_stop(struct server *server)
{
    loop_post(server->loop, stop, server);
    pthread_join(server->thread, NULL);
    loop_free(&server->loop);
    buf_fini(&server->seen);
    pthread_mutex_destroy(&server->lock);
}

struct call {
    loop_fn *fn;
    void *arg;
    sem_t done;
};

static void do_call(void *arg)
{
    struct call *call = arg;

    call->fn(call->arg);
    sem_post(&call->done);
}

void server_call(struct server *server, loop_fn *fn, void *arg)
{
    struct call call = { .fn = fn, .arg = arg };

    sem_init(&call.done, 0, 0);
    loop_post(server->loop, do_call, &call);
    sem_wait(&call.done);
    sem_destroy(&call.done);
}

int server_saw(struct server *server, const char *text, int ms)
{
    int64_t end = clock_mono_ms() + ms;
    int found;

    do {
        pthread_mutex_lock(&server->lock);
        found = server->seen.data != NULL && strstr(server->seen.data, text) != NULL;
        pthread_mutex_unlock(&server->lock);
        if (!found)
            usleep(2000);
    } while (!found && clock_mono_ms() < end);
    return found;
}

int peer_connect(int port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        abort();
    return fd;
}

void peer_send(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

void peer_text(int fd, const char *text)
{
    peer_send(fd, text, strlen(text));
}

/* One byte or more, or 0 at the end, or -1 when nothing comes in time. */
static ssize_t read_some(int fd, char *to, size_t size, int64_t end)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int64_t left = end - clock_mono_ms();
    ssize_t n;

    if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
        return -1;
    n = recv(fd, to, size, 0);
    return n < 0 ? 0 : n;
}

char *peer_read(int fd, const char *until, int ms, size_t *len_r, int *closed_r)
{
    int64_t end = clock_mono_ms() + ms;
    struct buf all = { 0 };
    char some[65536];
    ssize_t n;

    while ((n = read_some(fd, some, sizeof some, end)) > 0) {
        buf_add(&all, some, (size_t)n);
        if (until != NULL && strstr(all.data, until) != NULL)
            break;
    }
    if (closed_r != NULL)
        *closed_r = n == 0;
    if (len_r != NULL)
        *len_r = all.len;
    return buf_take(&all);
}

char *peer_ask(int port, const char *request, int ms)
{
    int fd = peer_connect(port);
    char *answer;

    peer_text(fd, request);
    answer = peer_read(fd, NULL, ms, NULL, NULL);
    close(fd);
    return answer;
}

int peer_chat(int port)
{
    int fd = peer_connect(port);
    char *answer, byte[2];
    struct buf head = { 0 };

    peer_text(fd, UPGRADE("/chat"));
    while (read_some(fd, byte, 1, clock_mono_ms() + 2000) == 1) {
        buf_add(&head, byte, 1);
        if (strstr(head.data, "\r\n\r\n") != NULL)
            break;
    }
    answer = buf_take(&head);
    if (strncmp(answer, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "no upgrade: %s\n", answer);
        abort();
    }
    free(answer);
    return fd;
}

void peer_frame(int fd, int first_byte, const char *payload, size_t len)
{
    static const char mask[4] = { 0x37, (char)0xfa, 0x21, 0x3d };
    struct buf frame = { 0 };

    buf_char(&frame, (char)first_byte);
    if (len < 126) {
        buf_char(&frame, (char)(0x80 | len));
    } else if (len < 65536) {
        buf_char(&frame, (char)(0x80 | 126));
        buf_char(&frame, (char)(len >> 8));
        buf_char(&frame, (char)len);
    } else {
        buf_char(&frame, (char)(0x80 | 127));
        for (int i = 7; i >= 0; i--)
            buf_char(&frame, (char)((unsigned long long)len >> (8 * i)));
    }
    buf_add(&frame, mask, 4);
    for (size_t i = 0; i < len; i++)
        buf_char(&frame, (char)(payload[i] ^ mask[i & 3]));
    peer_send(fd, frame.data, frame.len);
    buf_fini(&frame);
}

static int read_whole(int fd, char *to, size_t len, int64_t end)
{
    while (len > 0) {
        ssize_t n = read_some(fd, to, len, end);

        if (n <= 0)
            return -1;
        to += n;
        len -= (size_t)n;
    }
    return 0;
}

int peer_next(int fd, char *payload, size_t size, size_t *len_r, int ms)
{
    int64_t end = clock_mono_ms() + ms;
    unsigned char head[10];
    size_t len;

    if (read_whole(fd, (char *)head, 2, end) < 0)
        return -1;
    len = head[1];
    if (len == 126) {
        if (read_whole(fd, (char *)head + 2, 2, end) < 0)
            return -1;
        len = (size_t)head[2] << 8 | head[3];
    } else if (len == 127) {
        if (read_whole(fd, (char *)head + 2, 8, end) < 0)
            return -1;
        len = 0;
        for (int i = 2; i < 10; i++)
            len = len << 8 | head[i];
    }
    if (len >= size || read_whole(fd, payload, len, end) < 0)
        return -1;
    payload[len] = '\0';
    if (len_r != NULL)
        *len_r = len;
    return head[0];
}

int peer_close_code(int fd, int ms)
{
    int64_t end = clock_mono_ms() + ms;
    char *payload = mem_alloc(128 * 1024);
    int first, code = -1;
    size_t len;

    while ((first = peer_next(fd, payload, 128 * 1024, &len, (int)(end - clock_mono_ms()))) >= 0) {
        if ((first & 15) != 8)
            continue;
        code = len >= 2 ? (unsigned char)payload[0] << 8 | (unsigned char)payload[1] : 1005;
        break;
    }
    if (code < 0 && clock_mono_ms() < end)
        code = 0;
    free(payload);
    return code;
}

void expect_answer(struct server *server, const char *request, const char *status_line)
{
    char *answer = peer_ask(server->port, request, 1500);

    if (strncmp(answer, status_line, strlen(status_line)) != 0)
        fail_msg("asked:\n%s\ngot:\n%s", request, answer);
    free(answer);
}

void await_answer(struct server *server, const char *request, const char *status_line)
{
    int64_t end = clock_mono_ms() + 3000;
    int is_there;

    do {
        char *answer = peer_ask(server->port, request, 1500);

        is_there = strncmp(answer, status_line, strlen(status_line)) == 0;
        free(answer);
    } while (!is_there && clock_mono_ms() < end);
    assert_true(is_there);
}

void expect_in(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, text);
}
