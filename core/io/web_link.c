/*
 * web_link.c - libwebsockets as the engine below the listener: its loop, its sockets, its TLS.
 *
 * The connections are raw ones to libwebsockets: what is HTTP and what is a frame our own strict
 * parsers decide (contrib/decisions says why). Every lws_* call but lws_cancel_service() is made
 * in the web thread; before it starts and after it ended, in the thread that starts and joins it.
 */
#include "config.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef HAVE_LIBEV
#include <ev.h>
#endif

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/web_private.h"

#define READ_SIZE 16384
#define WRITE_SIZE 65536
#define ACCEPT_BATCH 64
#define ACCEPT_PAUSE_US (100 * LWS_US_PER_MS) /* after the descriptors have run out */

#define CIPHERS_12                                                                            \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

struct link {
    struct lws_context *context;
    struct lws_vhost *vhost, *control_vhost; /* the same without TLS */
    struct lws *listen, *control;
    lws_sorted_usec_list_t tick, accept_again;
    int stop;
#ifdef HAVE_LIBEV
    struct ev_loop *ev;
#endif
};

#ifdef HAVE_LIBEV
static struct ev_loop *loop_make(void)
{
    return ev_loop_new(EVFLAG_AUTO);
}

static void loop_run_until_stopped(struct link *link)
{
    if (link->ev != NULL)
        ev_run(link->ev, 0);
}

static void loop_break(struct link *link)
{
    if (link->ev != NULL)
        ev_break(link->ev, EVBREAK_ALL);
}

static void loop_destroy(struct link *link)
{
    if (link->ev != NULL)
        ev_loop_destroy(link->ev);
}
#endif

/* ---- Accepting ---------------------------------------------------------------------------- */

static void on_accept_again(lws_sorted_usec_list_t *sul)
{
    struct link *link = lws_container_of(sul, struct link, accept_again);

    lws_rx_flow_control(link->listen, 1);
    if (link->control != NULL)
        lws_rx_flow_control(link->control, 1);
}

static void pause_accepting(struct link *link)
{
    lws_rx_flow_control(link->listen, 0);
    if (link->control != NULL)
        lws_rx_flow_control(link->control, 0);
    lws_sul_schedule(link->context, 0, &link->accept_again, on_accept_again, ACCEPT_PAUSE_US);
}

static void turn_away(const struct web *web, int fd)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\n"
                               "Connection: close\r\nContent-Length: 0\r\n\r\n";

    if (web->tls_cert == NULL && send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        LOG_DEBUG(NULL, "a client is turned away without a word: %s", strerror(errno));
    close(fd);
}

static void accept_some(struct web *web, struct lws *listener, int listen_fd)
{
    struct link *link = web->link;
    struct lws_vhost *vhost = listener == link->control ? link->control_vhost : link->vhost;
    lws_sock_file_fd_type adopted;
    int fd;

    for (int i = 0; i < ACCEPT_BATCH; i++) {
        fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(link);
            if (errno == ECONNABORTED || errno == EINTR)
                continue;
            return;
        }
        if (web->n_conns >= web->max_conns) {
            turn_away(web, fd);
            continue;
        }
        /* An answer often follows "accepted" at once; it must not wait for the peer's ACK. A unix
         * socket knows no such option. */
        if (listener != link->control)
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        adopted.sockfd = fd;
        lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL, adopted, NULL,
                                   NULL); /* on failure it has closed the descriptor */
    }
}

/* ---- Callbacks ---------------------------------------------------------------------------- */

static void harden(SSL_CTX *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, CIPHERS_12);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* an idle connection keeps no 32 KiB */
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len)
{
    struct lws_context *context = lws_get_context(wsi);
    struct web *web = context != NULL ? lws_context_user(context) : NULL;
    struct conn *conn;

    switch ((int)reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        harden(user);
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (lws_get_vhost(wsi) == web->link->vhost)
            web_take_orders(web);
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE:
        accept_some(web, wsi, lws_get_socket_fd(wsi));
        return 0;
    case LWS_CALLBACK_RAW_ADOPT:
        conn = conn_new(web, wsi, lws_get_socket_fd(wsi),
                        lws_get_vhost(wsi) == web->link->control_vhost);
        lws_set_opaque_user_data(wsi, conn);
        return 0;
    case LWS_CALLBACK_RAW_RX:
        conn = lws_get_opaque_user_data(wsi);
        if (lws_is_ssl(wsi)) /* libwebsockets would end it some time after the handshake */
            lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        return conn_rx(conn, in, len);
    case LWS_CALLBACK_RAW_WRITEABLE:
        conn = lws_get_opaque_user_data(wsi);
        if (conn != NULL)
            conn_writable(conn);
        return 0;
    case LWS_CALLBACK_RAW_CLOSE:
        conn = lws_get_opaque_user_data(wsi);
        lws_set_opaque_user_data(wsi, NULL);
        if (conn != NULL)
            conn_free(conn);
        return 0;
    default:
        return 0;
    }
}

static void on_log(int level, const char *line)
{
    size_t len = strcspn(line, "\n");

    if (level == LLL_ERR)
        LOG_WARN(NULL, "libwebsockets: %.*s", (int)len, line);
    else
        LOG_DEBUG(NULL, "libwebsockets: %.*s", (int)len, line);
}

static void on_tick(lws_sorted_usec_list_t *sul)
{
    struct link *link = lws_container_of(sul, struct link, tick);

    /* Also without connections: under libev, libwebsockets does not notice a timer that is due
     * before the one it waits for, so one that is always due soon keeps the others right. */
    web_tick(lws_context_user(link->context));
    lws_sul_schedule(link->context, 0, &link->tick, on_tick, WHEEL_TICK_MS * LWS_US_PER_MS);
}

/* ---- Context ------------------------------------------------------------------------------ */

static const struct lws_protocols protocols[] = {
    { .name = "raw", .callback = on_lws, .tx_packet_size = WRITE_SIZE },
    { .name = NULL },
};

static struct lws_context_creation_info base_info(struct web *web)
{
    return (struct lws_context_creation_info){
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .pt_serv_buf_size = READ_SIZE,
        .timeout_secs = (unsigned)(web->header_timeout_ms / 1000 + 1),
        .user = web,
    };
}

static struct lws_context *make_context(struct web *web, struct link *link)
{
    struct lws_context_creation_info info = base_info(web);
    struct lws_context *context;

    if (web->tls_cert != NULL)
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
#ifdef HAVE_LIBEV
    void *loops[1];

    link->ev = loops[0] = loop_make();
    info.foreign_loops = loops;
    info.options |= LWS_SERVER_OPTION_LIBEV;
    context = lws_create_context(&info);
    if (context != NULL)
        return context;
    LOG_WARN(NULL, "libwebsockets has no libev plugin (package libwebsockets-evlib-ev): "
                   "poll() is used, which is slow with thousands of connections");
    loop_destroy(link);
    link->ev = NULL;
    info.foreign_loops = NULL;
    info.options &= ~(uint64_t)LWS_SERVER_OPTION_LIBEV;
#else
    (void)link;
#endif
    context = lws_create_context(&info);
    return context;
}

static struct lws *adopt_listener(struct lws_vhost *vhost, int *fd)
{
    lws_sock_file_fd_type adopted = { .filefd = *fd };

    *fd = -1;
    return lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, adopted, "raw", NULL);
}

int link_open(struct web *web, struct err *err)
{
    struct lws_context_creation_info info = base_info(web);
    struct link *link = web->link = mem_alloc(sizeof *link);

    lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
    link->context = make_context(web, link);
    if (link->context == NULL)
        return err_set(err, "libwebsockets cannot be started");
    info.vhost_name = "control";
    link->control_vhost = lws_create_vhost(link->context, &info);
    info.vhost_name = "public";
    if (web->tls_cert != NULL) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
        info.ssl_cert_filepath = web->tls_cert;
        info.ssl_private_key_filepath = web->tls_key;
        info.ssl_cipher_list = CIPHERS_12;
        info.alpn = "http/1.1";
    }
    link->vhost = lws_create_vhost(link->context, &info);
    if (link->control_vhost == NULL || link->vhost == NULL)
        return err_set(err, web->tls_cert != NULL
                                ? "the TLS certificate '%s' or its key cannot be used"
                                : "libwebsockets cannot make a listener%s",
                       web->tls_cert != NULL ? web->tls_cert : "");
    return 0;
}

void link_run(struct web *web)
{
    struct link *link = web->link;

    link->listen = adopt_listener(link->vhost, &web->listen_fd);
    if (web->control_fd >= 0)
        link->control = adopt_listener(link->control_vhost, &web->control_fd);
    lws_sul_schedule(link->context, 0, &link->tick, on_tick, WHEEL_TICK_MS * LWS_US_PER_MS);
    web_take_orders(web);
#ifdef HAVE_LIBEV
    loop_run_until_stopped(link);
#endif
    while (!link->stop && lws_service(link->context, 0) >= 0)
        ;
}

void link_stop(struct web *web)
{
    web->link->stop = 1;
#ifdef HAVE_LIBEV
    loop_break(web->link);
#endif
}

void link_close(struct web *web)
{
    struct link *link = web->link;

    if (link == NULL)
        return;
    if (link->context != NULL) {
        lws_sul_schedule(link->context, 0, &link->tick, NULL, LWS_SET_TIMER_USEC_CANCEL);
        lws_sul_schedule(link->context, 0, &link->accept_again, NULL, LWS_SET_TIMER_USEC_CANCEL);
        lws_context_destroy(link->context);
    }
#ifdef HAVE_LIBEV
    loop_destroy(link);
#endif
    free(link);
    web->link = NULL;
}

void link_wake(struct web *web)
{
    lws_cancel_service(web->link->context);
}

/* ---- A connection ------------------------------------------------------------------------- */

ssize_t link_write(void *link, const char *data, size_t len)
{
    if (len > WRITE_SIZE)
        len = WRITE_SIZE;
    /* libwebsockets writes into the bytes before a frame of its own, not into a raw one. */
    return lws_write(link, (unsigned char *)(uintptr_t)data, len, LWS_WRITE_RAW);
}

int link_busy(void *link)
{
    return lws_partial_buffered(link);
}

void link_want_write(void *link)
{
    lws_callback_on_writable(link);
}

void link_bound_kernel(void *link, size_t bytes)
{
    int size = (int)bytes;

    if (setsockopt(lws_get_socket_fd(link), SOL_SOCKET, SO_SNDBUF, &size, sizeof size) < 0)
        LOG_DEBUG(NULL, "SO_SNDBUF: %s", strerror(errno));
}

void link_pause(void *link, int on)
{
    lws_rx_flow_control(link, !on);
}

void link_shutdown(void *link)
{
    if (lws_is_ssl(link))
        SSL_shutdown(lws_get_ssl(link));
    shutdown(lws_get_socket_fd(link), SHUT_WR);
}

void link_kill(void *link, int reset)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (reset)
        setsockopt(lws_get_socket_fd(link), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    lws_set_timeout(link, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
}
