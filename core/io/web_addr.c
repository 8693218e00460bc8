/* web_addr.c - listening sockets, and who speaks behind a trusted proxy. */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/web_private.h"

static int split(const char *listen, char *host, size_t host_size, char *port, size_t port_size)
{
    const char *colon = strrchr(listen, ':');
    size_t len;

    if (colon == NULL || colon[1] == '\0')
        return -1;
    len = (size_t)(colon - listen);
    if (listen[0] == '[') {
        if (len < 2 || colon[-1] != ']')
            return -1;
        listen++;
        len -= 2;
    }
    if (len == 0 || len >= host_size || strlen(colon + 1) >= port_size ||
        colon[1 + strspn(colon + 1, "0123456789")] != '\0' || strtoul(colon + 1, NULL, 10) > 65535)
        return -1;
    memcpy(host, listen, len);
    host[len] = '\0';
    snprintf(port, port_size, "%s", colon + 1);
    return 0;
}

int web_check_listen(const char *listen, struct err *err)
{
    char host[256], port[8];

    return split(listen, host, sizeof host, port, sizeof port) == 0
               ? 0
               : err_set(err, "cannot listen on '%s': write ADDRESS:PORT or [IPV6]:PORT, with a "
                              "port of 0 to 65535", listen);
}

int web_check_proxies(const char *const *proxies, struct err *err)
{
    struct net net;

    for (; proxies != NULL && *proxies != NULL; proxies++)
        if (addr_parse_net(*proxies, &net, err) < 0)
            return -1;
    return 0;
}

int addr_listen(const char *listen_at, int *port_r, struct err *err)
{
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                    .ai_socktype = SOCK_STREAM };
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof bound;
    char host[256], port[8];
    struct addrinfo *info;
    const int on = 1;
    int fd, failed;

    if (web_check_listen(listen_at, err) < 0)
        return -1;
    split(listen_at, host, sizeof host, port, sizeof port);
    failed = getaddrinfo(host, port, &hints, &info);
    if (failed != 0)
        return err_set(err, "cannot listen on '%s': %s", listen_at, gai_strerror(failed));
    fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_len) < 0) {
        err_set(err, "cannot listen on '%s': %s", listen_at, strerror(errno));
        freeaddrinfo(info);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    freeaddrinfo(info);
    *port_r = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                : ((struct sockaddr_in *)&bound)->sin_port);
    return fd;
}

int addr_listen_unix(const char *path, struct err *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd, busy;

    if (strlen(path) >= sizeof addr.sun_path)
        return err_set(err, "cannot listen on '%s': the path is over %zu bytes", path,
                       sizeof addr.sun_path - 1);
    memcpy(addr.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, "cannot listen on '%s': %s", path, strerror(errno));
    /* A socket file that nobody answers on was left by a crash. */
    busy = connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 || errno == EAGAIN;
    close(fd);
    if (busy)
        return err_set(err, "cannot listen on '%s': another process does already", path);
    unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Nobody can connect between bind() and listen(), so the mode is there in time. */
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || chmod(path, 0600) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        err_set(err, "cannot listen on '%s': %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* The right-most address of one X-Forwarded-For value that no trusted proxy has. 1: found; 0: all
 * of them are trusted, the value to the left counts; -1: there is one that cannot be read. */
static int untrusted_of(struct web *web, const char *value, struct in6_addr *addr)
{
    const char *end = value + strlen(value), *start;
    struct in6_addr one;

    while (end > value) {
        while (end > value && strchr(", \t", end[-1]) != NULL)
            end--;
        for (start = end; start > value && strchr(", \t", start[-1]) == NULL; start--)
            ;
        if (start == end)
            break;
        if (addr_parse(start, (size_t)(end - start), &one) < 0)
            return -1;
        *addr = one;
        if (!addr_in(&one, web->trusted, web->n_trusted))
            return 1;
        end = start;
    }
    return 0;
}

void addr_client(struct conn *conn, const struct head *head)
{
    struct web *web = conn->web;
    int forwarded = 0, found = 0;

    if (conn->control)
        return;
    /* A proxy sends the requests of many clients over one connection. */
    conn->addr = conn->socket_addr;
    conn->exempt = addr_is_loopback(&conn->addr);
    if (!addr_in(&conn->addr, web->trusted, web->n_trusted))
        return;
    for (size_t i = head->n_headers; i > 0 && found == 0; i--) {
        if (strcmp(head->headers[i - 1].name, "x-forwarded-for") != 0)
            continue;
        forwarded = 1;
        found = untrusted_of(web, head->headers[i - 1].value, &conn->addr);
    }
    conn->exempt = !forwarded;
    addr_format(&conn->addr, conn->peer);
}

int addr_trusted(struct web *web, const char *const *list, struct err *err)
{
    size_t n = 0;

    while (list != NULL && list[n] != NULL)
        n++;
    web->trusted = mem_array(n + 1, sizeof *web->trusted);
    for (; web->n_trusted < n; web->n_trusted++)
        if (addr_parse_net(list[web->n_trusted], &web->trusted[web->n_trusted], err) < 0)
            return err_wrap(err, "trusted_proxies");
    return 0;
}
