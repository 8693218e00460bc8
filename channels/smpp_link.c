/* smpp_link.c - connecting, reading and writing without waiting. */
#include "config.h"

#include "channels/smpp_link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#define CONNECT_MS 10000
#define READ_SIZE 16384

enum state { LOOKING, CONNECTING, SHAKING, UP, OVER };

struct link {
    const struct td_host *host;
    struct td_instance *inst;
    const struct link_ops *ops;
    void *arg;
    const char *name;
    int port;
    SSL_CTX *tls;
    SSL *ssl;
    enum state state;
    int fd;
    struct td_watch *watch;
    int wants; /* 1: read, 2: write; as the watch has them */
    struct td_timer *timer; /* the connection's time limit, or the end that is to be told */
    uint8_t *out;
    size_t out_len, out_size;
    char why[256];
    int busy, doomed; /* in data(); closed there */

    pthread_t thread;
    int looked; /* an eventfd: the thread has found something; -1: there is no thread */
    struct addrinfo *found, *next;
    int lookup_rc;
};

static void on_ready(void *arg, int readable, int writable);

static void set_wants(struct link *link, int wants)
{
    if (link->watch != NULL && link->wants == wants)
        return;
    link->host->watch_del(&link->watch);
    link->wants = wants;
    link->watch = link->host->watch_fd(link->inst, link->fd, (wants & 1) != 0, (wants & 2) != 0,
                                       on_ready, link);
}

static void tell_end(void *arg)
{
    struct link *link = arg;

    link->timer = NULL;
    link->ops->down(link->arg, link->why);
}

static TD_PRINTF(2, 3) void end(struct link *link, const char *fmt, ...)
{
    va_list ap;

    if (link->state == OVER)
        return;
    va_start(ap, fmt);
    vsnprintf(link->why, sizeof link->why, fmt, ap);
    va_end(ap);
    link->state = OVER;
    link->host->watch_del(&link->watch);
    link->host->timer_del(&link->timer);
    link->timer = link->host->timer_add(link->inst, 0, tell_end, link);
}

static void on_slow(void *arg)
{
    struct link *link = arg;

    link->timer = NULL;
    if (link->state == LOOKING) { /* the resolver has limits of its own, and cannot be stopped */
        link->timer = link->host->timer_add(link->inst, CONNECT_MS, on_slow, link);
        return;
    }
    end(link, "no connection to %s port %d within %d s", link->name, link->port,
        CONNECT_MS / 1000);
}

/* ---- Names -------------------------------------------------------------------------------- */

static void try_next(struct link *link);

static void join(struct link *link)
{
    if (link->looked < 0)
        return;
    pthread_join(link->thread, NULL);
    link->host->watch_del(&link->watch);
    close(link->looked);
    link->looked = -1;
}

static void on_found(void *arg, int readable, int writable)
{
    struct link *link = arg;

    (void)readable;
    (void)writable;
    join(link);
    if (link->lookup_rc != 0) {
        end(link, "the name %s cannot be looked up: %s", link->name,
            gai_strerror(link->lookup_rc));
        return;
    }
    link->next = link->found;
    try_next(link);
}

static void *look_up(void *arg)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    const uint64_t one = 1;
    struct link *link = arg;
    char port[8];

    snprintf(port, sizeof port, "%d", link->port);
    link->lookup_rc = getaddrinfo(link->name, port, &hints, &link->found);
    while (write(link->looked, &one, sizeof one) < 0 && errno == EINTR)
        ;
    return NULL;
}

/* ---- Connecting --------------------------------------------------------------------------- */

static void connected(struct link *link)
{
    link->host->timer_del(&link->timer);
    link->state = UP;
    set_wants(link, link->out_len > 0 ? 3 : 1);
    link->ops->up(link->arg);
}

static void shake(struct link *link)
{
    const int rc = SSL_connect(link->ssl);
    const int error = rc == 1 ? 0 : SSL_get_error(link->ssl, rc);
    const long verify = SSL_get_verify_result(link->ssl);

    if (rc == 1)
        connected(link);
    else if (error == SSL_ERROR_WANT_READ)
        set_wants(link, 1);
    else if (error == SSL_ERROR_WANT_WRITE)
        set_wants(link, 2);
    else if (verify != X509_V_OK)
        end(link, "the certificate of %s is not good: %s", link->name,
            X509_verify_cert_error_string(verify));
    else
        end(link, "%s does not speak TLS with us: %s", link->name,
            ERR_reason_error_string(ERR_peek_error()) != NULL
                ? ERR_reason_error_string(ERR_get_error()) : "the connection ended");
}

static void begin_tls(struct link *link)
{
    link->state = SHAKING;
    link->ssl = SSL_new(link->tls);
    if (link->ssl == NULL || SSL_set_fd(link->ssl, link->fd) != 1) {
        end(link, "out of memory");
        return;
    }
    SSL_set_tlsext_host_name(link->ssl, link->name);
    SSL_set1_host(link->ssl, link->name);
    ERR_clear_error();
    shake(link);
}

static void on_connected(struct link *link)
{
    int error = 0;
    socklen_t len = sizeof error;

    getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        snprintf(link->why, sizeof link->why, "%s", strerror(error));
        try_next(link);
    } else if (link->tls != NULL) {
        begin_tls(link);
    } else {
        connected(link);
    }
}

static void try_next(struct link *link)
{
    const struct addrinfo *to = link->next;

    link->host->watch_del(&link->watch);
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    if (to == NULL) {
        char why[128];

        snprintf(why, sizeof why, "%.127s", link->why[0] != '\0' ? link->why : "it has no address");
        end(link, "%s port %d cannot be reached: %s", link->name, link->port, why);
        return;
    }
    link->next = to->ai_next;
    link->state = CONNECTING;
    link->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0 || (connect(link->fd, to->ai_addr, to->ai_addrlen) != 0 &&
                         errno != EINPROGRESS)) {
        snprintf(link->why, sizeof link->why, "%s", strerror(errno));
        try_next(link);
        return;
    }
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    set_wants(link, 2);
}

/* ---- Bytes -------------------------------------------------------------------------------- */

/* How many bytes moved; 0: none now; -1: the connection is over. */
static long move_in(struct link *link, uint8_t *to, size_t size)
{
    long n;

    if (link->ssl != NULL) {
        ERR_clear_error();
        n = SSL_read(link->ssl, to, (int)size);
        if (n > 0)
            return n;
        return SSL_get_error(link->ssl, (int)n) == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    n = recv(link->fd, to, size, 0);
    return n > 0 ? n : n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static long move_out(struct link *link, const uint8_t *from, size_t len)
{
    long n;

    if (link->ssl != NULL) {
        ERR_clear_error();
        n = SSL_write(link->ssl, from, (int)(len < 16384 ? len : 16384));
        if (n > 0)
            return n;
        n = SSL_get_error(link->ssl, (int)n);
        return n == SSL_ERROR_WANT_WRITE || n == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    n = send(link->fd, from, len, MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void flush(struct link *link)
{
    size_t done = 0;
    long n = 1;

    while (done < link->out_len && (n = move_out(link, link->out + done, link->out_len - done)) > 0)
        done += (size_t)n;
    memmove(link->out, link->out + done, link->out_len - done);
    link->out_len -= done;
    if (n < 0)
        end(link, "the connection to %s ended", link->name);
    else
        set_wants(link, link->out_len > 0 ? 3 : 1);
}

static void link_free(struct link *link);

static void take(struct link *link)
{
    uint8_t bytes[READ_SIZE];
    long n;

    link->busy = 1;
    while (link->state == UP && (n = move_in(link, bytes, sizeof bytes)) != 0) {
        if (n < 0)
            end(link, "%s closed the connection", link->name);
        else
            link->ops->data(link->arg, bytes, (size_t)n);
    }
    link->busy = 0;
    if (link->doomed)
        link_free(link);
}

static void on_ready(void *arg, int readable, int writable)
{
    struct link *link = arg;

    if (link->state == CONNECTING) {
        on_connected(link);
    } else if (link->state == SHAKING) {
        shake(link);
    } else {
        if (writable)
            flush(link);
        if (readable)
            take(link);
    }
}

void link_write(struct link *link, const void *bytes, size_t len)
{
    if (link->state == OVER)
        return;
    if (link->out_len + len > link->out_size) {
        const size_t size = (link->out_len + len) * 2 + 1024;
        uint8_t *more = realloc(link->out, size);

        if (more == NULL) {
            end(link, "out of memory");
            return;
        }
        link->out = more;
        link->out_size = size;
    }
    memcpy(link->out + link->out_len, bytes, len);
    link->out_len += len;
    if (link->state == UP)
        flush(link);
}

size_t link_waiting(const struct link *link)
{
    return link->out_len;
}

void link_finish(struct link *link, int ms)
{
    uint8_t bytes[512];

    if (link->state != UP)
        return;
    flush(link);
    shutdown(link->fd, SHUT_WR);
    while (ms > 0 && poll(&(struct pollfd){ .fd = link->fd, .events = POLLIN }, 1, ms) == 1 &&
           recv(link->fd, bytes, sizeof bytes, 0) > 0)
        ms /= 2;
}

/* ---- Life --------------------------------------------------------------------------------- */

struct link *link_open(const struct td_host *host, struct td_instance *inst, const char *name,
                       int port, SSL_CTX *tls, const struct link_ops *ops, void *arg)
{
    struct link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    *link = (struct link){ .host = host, .inst = inst, .ops = ops, .arg = arg, .name = name,
                           .port = port, .tls = tls, .fd = -1, .looked = eventfd(0, EFD_CLOEXEC) };
    if (link->looked < 0 || pthread_create(&link->thread, NULL, look_up, link) != 0) {
        if (link->looked >= 0)
            close(link->looked);
        free(link);
        return NULL;
    }
    link->watch = host->watch_fd(inst, link->looked, 1, 0, on_found, link);
    link->timer = host->timer_add(inst, CONNECT_MS, on_slow, link);
    return link;
}

static void link_free(struct link *link)
{
    SSL_free(link->ssl);
    if (link->fd >= 0)
        close(link->fd);
    if (link->found != NULL)
        freeaddrinfo(link->found);
    free(link->out);
    free(link);
}

void link_close(struct link **link_p)
{
    struct link *link = *link_p;

    if (link == NULL)
        return;
    *link_p = NULL;
    join(link);
    link->host->timer_del(&link->timer);
    link->host->watch_del(&link->watch);
    link->state = OVER;
    if (link->busy)
        link->doomed = 1;
    else
        link_free(link);
}
