/* clamd.c - one scan: connect, send in chunks, read the one line that comes back. */
#include "config.h"

#include "io/clamd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"

#define CHUNK 65536
#define MOST_ANSWER 512

struct clamd_scan {
    struct loop *loop;
    struct loop_watch *watch;
    struct loop_timer *timer;
    int fd;
    const uint8_t *data;
    size_t left;       /* of the data, not in a piece yet */
    char head[16];     /* command, or the length of a chunk: before the piece */
    const char *piece; /* what is being sent: first the head, then the piece */
    size_t head_at, head_len, piece_len;
    int ended;         /* the head is that of the last chunk, of length 0 */
    char answer[MOST_ANSWER];
    size_t answer_len;
    char why[200]; /* it failed before it began */
    clamd_fn *fn;
    void *arg;
};

/* ---- Addresses ---------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static int parse_port(const char *text, in_port_t *port_r)
{
    char *end;
    long port = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || port < 1 || port > 65535)
        return -1;
    *port_r = htons((uint16_t)port);
    return 0;
}

/* 0, or the length of the address. */
static socklen_t parse_address(const char *text, union address *to)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    size_t len;

    *to = (union address){ .any = { .sa_family = AF_UNIX } };
    if (*text == '/') {
        if (strlen(text) >= sizeof to->un.sun_path)
            return 0;
        memcpy(to->un.sun_path, text, strlen(text) + 1);
        return sizeof to->un;
    }
    len = colon != NULL ? (size_t)(colon - text) : 0;
    if (len == 0 || len >= sizeof host)
        return 0;
    memcpy(host, text, len);
    host[len] = '\0';
    if (host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        host[len - 2] = '\0';
        *to = (union address){ .in6 = { .sin6_family = AF_INET6 } };
        return inet_pton(AF_INET6, host, &to->in6.sin6_addr) == 1 &&
                       parse_port(colon + 1, &to->in6.sin6_port) == 0
                   ? sizeof to->in6
                   : 0;
    }
    *to = (union address){ .in = { .sin_family = AF_INET } };
    return inet_pton(AF_INET, host, &to->in.sin_addr) == 1 &&
                   parse_port(colon + 1, &to->in.sin_port) == 0
               ? sizeof to->in
               : 0;
}

int clamd_check_address(const char *address, struct err *err)
{
    union address to;

    if (parse_address(address, &to) > 0)
        return 0;
    return err_set(err, "'%s' is neither the path of a socket nor ADDRESS:PORT in numbers",
                   address);
}

/* ---- The end ------------------------------------------------------------------------------ */

static void scan_free(struct clamd_scan *scan)
{
    loop_watch_del(&scan->watch);
    loop_timer_del(&scan->timer);
    if (scan->fd >= 0)
        close(scan->fd);
    free(scan);
}

void clamd_cancel(struct clamd_scan **scan)
{
    if (*scan != NULL)
        scan_free(*scan);
    *scan = NULL;
}

static void finish(struct clamd_scan *scan, enum clamd_verdict verdict, const char *detail)
{
    clamd_fn *fn = scan->fn;
    void *arg = scan->arg;
    char text[MOST_ANSWER];

    snprintf(text, sizeof text, "%s", detail);
    scan_free(scan);
    fn(arg, verdict, text);
}

static void away(struct clamd_scan *scan, const char *what, int error)
{
    char text[200];

    snprintf(text, sizeof text, "%s%s%s", what, error != 0 ? ": " : "",
             error != 0 ? strerror(error) : "");
    finish(scan, CLAMD_AWAY, text);
}

/* "stream: OK", "stream: NAME FOUND", "INSTREAM size limit exceeded. ERROR" */
static void judge(struct clamd_scan *scan)
{
    static const char before[] = "stream: ", found[] = " FOUND";
    char *text = scan->answer;
    size_t len = strlen(text);

    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    if (strstr(text, "size limit exceeded") != NULL) {
        finish(scan, CLAMD_TOO_LARGE, text);
    } else if (strcmp(text, "stream: OK") == 0) {
        if (scan->ended && scan->head_at == scan->head_len)
            finish(scan, CLAMD_CLEAN, "");
        else
            finish(scan, CLAMD_AWAY, "the scanner answered before it had everything");
    } else if (strncmp(text, before, sizeof before - 1) == 0 && len > sizeof found &&
               strcmp(text + len - (sizeof found - 1), found) == 0) {
        text[len - (sizeof found - 1)] = '\0';
        finish(scan, CLAMD_FOUND, text + sizeof before - 1);
    } else {
        away(scan, len > 0 ? text : "the scanner closed without an answer", 0);
    }
}

/* ---- Back and forth ----------------------------------------------------------------------- */

static void next_piece(struct clamd_scan *scan)
{
    size_t n = scan->left < CHUNK ? scan->left : CHUNK;
    const uint32_t len = htonl((uint32_t)n);

    memcpy(scan->head, &len, sizeof len);
    scan->head_at = 0;
    scan->head_len = sizeof len;
    scan->piece = (const char *)scan->data;
    scan->piece_len = n;
    scan->data += n;
    scan->left -= n;
    scan->ended = n == 0;
}

/* 0: goes on; -1: nothing more can be sent, an answer may be there all the same. */
static int send_more(struct clamd_scan *scan)
{
    for (;;) {
        int in_head = scan->head_at < scan->head_len;
        const char *p = in_head ? scan->head + scan->head_at : scan->piece;
        size_t len = in_head ? scan->head_len - scan->head_at : scan->piece_len;
        ssize_t n;

        if (len == 0 && scan->ended) {
            loop_watch_set(scan->watch, 1, 0);
            return 0;
        }
        if (len == 0) {
            next_piece(scan);
            continue;
        }
        n = send(scan->fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        if (in_head) {
            scan->head_at += (size_t)n;
        } else {
            scan->piece += n;
            scan->piece_len -= (size_t)n;
        }
    }
}

/* 1: the scan is over and gone. */
static int read_more(struct clamd_scan *scan)
{
    size_t room = sizeof scan->answer - 1 - scan->answer_len;
    ssize_t n = recv(scan->fd, scan->answer + scan->answer_len, room, 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    if (n < 0) {
        away(scan, "the scanner broke off", errno);
        return 1;
    }
    scan->answer_len += (size_t)n;
    if (n > 0 && (size_t)n < room && memchr(scan->answer, '\0', scan->answer_len) == NULL)
        return 0;
    scan->answer[scan->answer_len] = '\0';
    judge(scan);
    return 1;
}

static void on_ready(void *arg, int readable, int writable)
{
    struct clamd_scan *scan = arg;

    if (readable && read_more(scan))
        return;
    if (writable && send_more(scan) != 0)
        loop_watch_set(scan->watch, 1, 0); /* it has closed, perhaps after a last word */
}

static void on_time(void *arg)
{
    struct clamd_scan *scan = arg;

    scan->timer = NULL;
    away(scan, scan->why[0] != '\0' ? scan->why : "the scanner did not answer in time", 0);
}

struct clamd_scan *clamd_scan(struct loop *loop, const char *address, const void *data, size_t len,
                              uint32_t timeout_ms, clamd_fn *fn, void *arg)
{
    static const char command[] = "zINSTREAM";
    struct clamd_scan *scan = mem_alloc(sizeof *scan);
    union address to;
    socklen_t to_len = parse_address(address, &to);

    *scan = (struct clamd_scan){ .loop = loop, .data = data, .left = len, .fn = fn, .arg = arg,
                                 .head_len = sizeof command };
    memcpy(scan->head, command, sizeof command);
    scan->fd = to_len > 0
                   ? socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (scan->fd < 0 ||
        (connect(scan->fd, &to.any, to_len) != 0 && errno != EINPROGRESS)) {
        snprintf(scan->why, sizeof scan->why, "the scanner cannot be reached: %s",
                 to_len > 0 ? strerror(errno) : "bad address");
        scan->timer = loop_timer_add(loop, 0, on_time, scan);
        return scan;
    }
    scan->watch = loop_watch_add(loop, scan->fd, 1, 1, on_ready, scan);
    scan->timer = loop_timer_add(loop, timeout_ms, on_time, scan);
    return scan;
}
