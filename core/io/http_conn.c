/* http_conn.c - a connection of the HTTP client. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/http_private.h"
#include "io/resolve.h"

#define NAMES_MS 60000 /* how long a name's addresses are believed */
#define MIN_TRY_MS 250 /* an address gets this long before the next one, if there is the time */

enum { IO_AGAIN = -1, IO_FAILED = -2 };

static void try_address(struct http_conn *conn, int error);

/* ---- Bytes -------------------------------------------------------------------------------- */

static ssize_t tls_result(struct http_conn *conn, int n)
{
    switch (SSL_get_error(conn->ssl, n)) {
    case SSL_ERROR_NONE:
        return n;
    case SSL_ERROR_WANT_WRITE:
        conn->wants_write = 1;
        return IO_AGAIN;
    case SSL_ERROR_WANT_READ:
        return IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return IO_FAILED;
    }
}

static ssize_t conn_read(struct http_conn *conn, char *data, size_t len)
{
    ssize_t n;

    if (conn->ssl != NULL) {
        ERR_clear_error();
        return tls_result(conn, SSL_read(conn->ssl, data, (int)len));
    }
    n = recv(conn->fd, data, len, 0);
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_FAILED;
}

static ssize_t conn_write(struct http_conn *conn, const char *data, size_t len)
{
    ssize_t n;

    if (conn->ssl != NULL) {
        ERR_clear_error();
        return tls_result(conn, SSL_write(conn->ssl, data, len < INT32_MAX ? (int)len : INT32_MAX));
    }
    n = send(conn->fd, data, len, MSG_NOSIGNAL);
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_FAILED;
}

/* Sends what is left of the request, and watches for what is needed next. */
static void conn_flush(struct http_conn *conn)
{
    const struct buf *request = &conn->call->request;
    ssize_t n = 0;

    conn->wants_write = 0;
    while (!conn->is_mute && conn->sent < request->len) {
        n = conn_write(conn, request->data + conn->sent, request->len - conn->sent);
        if (n <= 0)
            break;
        conn->sent += (size_t)n;
    }
    if (n == 0 || n == IO_FAILED)
        conn->is_mute |= conn->sent < request->len;
    loop_watch_set(conn->watch, 1, conn->sent < request->len && !conn->is_mute);
}

/* ---- What is heard ------------------------------------------------------------------------ */

static const char *why_failed(const struct http_conn *conn)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = conn->ssl != NULL && code != 0 ? ERR_reason_error_string(code) : NULL;

    return reason != NULL ? reason : errno != 0 ? strerror(errno) : "it was closed";
}

/* 1: more may be read at once. */
static int heard(struct http_conn *conn, const char *data, size_t len)
{
    struct http *http = conn->http;
    struct http_call *call = conn->call;
    enum reply_result result;

    if (call == NULL) { /* a peer that speaks unasked */
        conn_close(conn);
        return 0;
    }
    conn->heard = 1;
    result = reply_feed(&call->reply, data, len);
    if (result == REPLY_MORE || result == REPLY_DONE) {
        http->reading = conn;
        call_data(call);
        if (http->reading == NULL)
            return 0;
        http->reading = NULL;
    }
    if (result == REPLY_DONE)
        call_answered(conn);
    else if (result == REPLY_TOO_LARGE)
        call_lost(conn, TD_HTTP_TOO_LARGE, "");
    else if (result == REPLY_BROKEN)
        call_lost(conn, TD_HTTP_BROKEN, call->reply.wrong);
    return result == REPLY_MORE;
}

static void ended(struct http_conn *conn)
{
    struct http_call *call = conn->call;

    if (call != NULL && conn->heard && reply_end(&call->reply) == REPLY_DONE)
        call_answered(conn);
    else
        call_lost(conn, TD_HTTP_BROKEN, "the peer closed it before the end of an answer");
}

static void conn_hear(struct http_conn *conn)
{
    struct http *http = conn->http;
    ssize_t n;

    for (;;) {
        errno = 0;
        n = conn_read(conn, http->in, sizeof http->in);
        if (n == IO_AGAIN)
            break;
        if (n == IO_FAILED) {
            call_lost(conn, TD_HTTP_BROKEN, why_failed(conn));
            return;
        }
        if (n == 0) {
            ended(conn);
            return;
        }
        if (!heard(conn, http->in, (size_t)n))
            return;
        if (conn->ssl == NULL || SSL_pending(conn->ssl) == 0)
            break;
    }
    if (conn->wants_write)
        loop_watch_set(conn->watch, 1, 1);
}

/* ---- Opening ------------------------------------------------------------------------------ */

static void conn_opened(struct http_conn *conn)
{
    struct origin *origin = conn->origin;
    struct sockaddr_storage address = origin->addresses[0];
    socklen_t len = origin->lens[0];

    if (conn->address > 0 && conn->address < origin->n_addresses) {
        origin->addresses[0] = origin->addresses[conn->address];
        origin->lens[0] = origin->lens[conn->address];
        origin->addresses[conn->address] = address;
        origin->lens[conn->address] = len;
    }
    loop_timer_del(&conn->timer);
    conn->state = CONN_OPEN;
    conn_flush(conn);
}

static const char *tls_trouble(struct http_conn *conn)
{
    long code = SSL_get_verify_result(conn->ssl);

    return code != X509_V_OK ? X509_verify_cert_error_string(code) : why_failed(conn);
}

static void handshake(struct http_conn *conn)
{
    int n;

    ERR_clear_error();
    errno = 0;
    conn->wants_write = 0;
    n = SSL_connect(conn->ssl);
    if (n == 1)
        conn_opened(conn);
    else if (tls_result(conn, n) != IO_AGAIN)
        call_lost(conn, TD_HTTP_TLS, tls_trouble(conn));
    else
        loop_watch_set(conn->watch, 1, conn->wants_write);
}

/* The certificate must be for the host that was asked for, and for it alone. */
static int tls_start(struct http_conn *conn)
{
    const char *host = conn->origin->host;
    unsigned char address[sizeof(struct in6_addr)];
    int is_address = inet_pton(AF_INET, host, address) == 1 || strchr(host, ':') != NULL;
    SSL *ssl = conn->ssl = SSL_new(conn->http->tls);

    if (ssl == NULL || SSL_set_fd(ssl, conn->fd) != 1)
        return -1;
    if (is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 ? 0 : -1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1 ? 0 : -1;
}

static void on_tls_late(void *arg)
{
    struct http_conn *conn = arg;

    conn->timer = NULL;
    call_lost(conn, TD_HTTP_CONNECT, "no secure connection in time");
}

static void connected(struct http_conn *conn)
{
    int64_t left = conn->connect_until_ms - clock_mono_ms();

    loop_timer_del(&conn->timer);
    if (!conn->origin->tls) {
        conn_opened(conn);
        return;
    }
    conn->state = CONN_TLS;
    conn->timer = loop_timer_add(conn->http->loop, left > 0 ? (uint64_t)left : 0, on_tls_late,
                                 conn);
    if (tls_start(conn) < 0)
        call_lost(conn, TD_HTTP_TLS, "OpenSSL does not take the host's name");
    else
        handshake(conn);
}

static void on_event(void *arg, int readable, int writable)
{
    struct http_conn *conn = arg;
    socklen_t len = sizeof(int);
    int error = 0;

    switch (conn->state) {
    case CONN_NEW: /* there is no descriptor yet */
    case CONN_NAME:
        break;
    case CONN_CONNECT:
        getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error == 0) {
            connected(conn);
        } else {
            conn->address++;
            try_address(conn, error);
        }
        break;
    case CONN_TLS:
        handshake(conn);
        break;
    case CONN_OPEN:
        if (writable && conn->call != NULL)
            conn_flush(conn);
        if (readable || conn->ssl != NULL)
            conn_hear(conn);
        break;
    }
}

static void fd_close(struct http_conn *conn)
{
    loop_watch_del(&conn->watch);
    if (conn->ssl != NULL && conn->state == CONN_OPEN)
        SSL_shutdown(conn->ssl); /* said, not waited for */
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
}

/* A socket on its way to the address; -1 with errno, or 0 in it: it must not be connected to. */
static int fd_open(struct http_conn *conn)
{
    const struct origin *origin = conn->origin;
    const struct sockaddr *to = (const void *)&origin->addresses[conn->address];
    struct in6_addr address;
    const int on = 1;

    if (origin->public_only && (addr_of(&origin->addresses[conn->address], &address) < 0 ||
                                !addr_is_public(&address))) {
        errno = 0;
        return -1;
    }
    conn->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        return -1;
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(conn->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (connect(conn->fd, to, origin->lens[conn->address]) < 0 && errno != EINPROGRESS)
        return -1;
    conn->watch = loop_watch_add(conn->http->loop, conn->fd, 0, 1, on_event, conn);
    return 0;
}

static void on_try_over(void *arg)
{
    struct http_conn *conn = arg;

    conn->timer = NULL;
    conn->address++;
    try_address(conn, ETIMEDOUT);
}

/* error: why the addresses before failed; 0: none of them was connected to. */
static void try_address(struct http_conn *conn, int error)
{
    unsigned n_left = conn->origin->n_addresses - conn->address;
    int64_t left = conn->connect_until_ms - clock_mono_ms(), share;

    fd_close(conn);
    loop_timer_del(&conn->timer);
    while (n_left > 0 && left > 0 && fd_open(conn) < 0) {
        error = errno != 0 ? errno : error;
        fd_close(conn);
        conn->address++;
        n_left--;
    }
    if (n_left == 0 && error == 0) {
        call_lost(conn, TD_HTTP_BAD_URL, "its host has no public address");
        return;
    }
    if (n_left == 0 || left <= 0) {
        call_lost(conn, TD_HTTP_CONNECT, strerror(left <= 0 ? ETIMEDOUT : error));
        return;
    }
    share = left / n_left < MIN_TRY_MS ? MIN_TRY_MS : left / n_left;
    conn->timer = loop_timer_add(conn->http->loop, (uint64_t)(share < left ? share : left),
                                 on_try_over, conn);
}

static void connect_from_first(struct http_conn *conn)
{
    conn->state = CONN_CONNECT;
    conn->address = 0;
    try_address(conn, 0);
}

/* ---- Names -------------------------------------------------------------------------------- */

static void on_name_late(void *arg)
{
    struct http_conn *conn = arg;

    conn->timer = NULL;
    call_lost(conn, TD_HTTP_RESOLVE, "no answer in time");
}

/* Every connection of the origin has waited. A callback may close any, also the origin's last. */
static void on_resolved(void *arg, struct addrinfo *list, const char *why)
{
    struct origin *origin = arg;
    struct http_conn *conn;

    origin->resolve = NULL;
    origin->n_addresses = 0;
    origin->resolved_ms = clock_mono_ms();
    origin->refs++; /* until the end of this function */
    for (struct addrinfo *a = list; a != NULL && origin->n_addresses < HTTP_MAX_ADDRESSES;
         a = a->ai_next) {
        memcpy(&origin->addresses[origin->n_addresses], a->ai_addr, a->ai_addrlen);
        origin->lens[origin->n_addresses++] = a->ai_addrlen;
    }
    if (list != NULL)
        freeaddrinfo(list);
    for (;;) {
        DL_FOREACH(origin->http->conns, conn)
            if (conn->origin == origin && conn->state == CONN_NAME)
                break;
        if (conn == NULL)
            break;
        if (origin->n_addresses == 0)
            call_lost(conn, TD_HTTP_RESOLVE, why);
        else
            connect_from_first(conn);
    }
    origin_unref(origin);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void on_begin(void *arg)
{
    struct http_conn *conn = arg;
    struct http *http = conn->http;
    struct origin *origin = conn->origin;
    int64_t now = clock_mono_ms();

    conn->timer = NULL;
    conn->connect_until_ms = now + conn->call->connect_timeout_ms;
    if (origin->n_addresses > 0 && origin->resolved_ms + NAMES_MS > now &&
        origin->resolve == NULL) {
        connect_from_first(conn);
        return;
    }
    conn->state = CONN_NAME;
    conn->timer = loop_timer_add(http->loop, conn->call->connect_timeout_ms, on_name_late, conn);
    if (origin->resolve == NULL)
        origin->resolve = resolve_start(http->loop, origin->host, origin->port, on_resolved,
                                        origin);
}

void conn_open(struct http *http, struct http_call *call)
{
    struct http_conn *conn = mem_alloc(sizeof *conn);

    *conn = (struct http_conn){
        .http = http, .origin = call->origin, .call = call, .fd = -1, .state = CONN_NEW,
    };
    call->conn = conn;
    conn->origin->refs++;
    http->n_conns++;
    DL_APPEND(http->conns, conn);
    conn->timer = loop_timer_add(http->loop, 0, on_begin, conn); /* a failure must not come now */
}

static void idle_remove(struct http_conn *conn)
{
    DL_DELETE2(conn->origin->idle, conn, o_prev, o_next);
    DL_DELETE2(conn->http->idle, conn, i_prev, i_next);
}

void conn_take(struct http_conn *conn, struct http_call *call)
{
    idle_remove(conn);
    conn->call = call;
    call->conn = conn;
    conn->sent = 0;
    conn->heard = 0;
    conn_flush(conn);
}

void conn_close(struct http_conn *conn)
{
    struct http *http = conn->http;

    if (conn->call != NULL)
        conn->call->conn = NULL;
    else
        idle_remove(conn);
    if (http->reading == conn)
        http->reading = NULL;
    loop_timer_del(&conn->timer);
    fd_close(conn);
    http->n_conns--;
    DL_DELETE(http->conns, conn);
    origin_unref(conn->origin);
    free(conn);
}
