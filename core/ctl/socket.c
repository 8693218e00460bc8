/* socket.c - a WebSocket to a running tandemd: curl's connection, frames of our own. */
#include "config.h"

#include "ctl/socket.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/client.h"

#define WAIT_MS 10000
#define MAX_FRAME (1 << 20)

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };

struct socket {
    CURL *curl;
    int fd;
    struct buf in;
    size_t used; /* bytes in front that the last text stood in */
};

static int wait_for(const struct socket *socket, short events)
{
    struct pollfd fd = { .fd = socket->fd, .events = events };

    return poll(&fd, 1, WAIT_MS) > 0 ? 0 : -1;
}

static int send_all(struct socket *socket, const char *data, size_t len, struct err *err)
{
    while (len > 0) {
        size_t n = 0;
        const CURLcode rc = curl_easy_send(socket->curl, data, len, &n);

        if (rc == CURLE_AGAIN && wait_for(socket, POLLOUT) == 0)
            continue;
        if (rc != CURLE_OK)
            return err_set(err, "the connection broke: %s", curl_easy_strerror(rc));
        data += n;
        len -= n;
    }
    return 0;
}

/* 1: some came, 0: nothing is there, -1: the end. */
static int receive(struct socket *socket, struct err *err)
{
    char chunk[4096];
    size_t n = 0;
    const CURLcode rc = curl_easy_recv(socket->curl, chunk, sizeof chunk, &n);

    if (rc == CURLE_AGAIN)
        return 0;
    if (rc != CURLE_OK || n == 0)
        return err_set(err, "tandemd closed the connection");
    buf_add(&socket->in, chunk, n);
    return 1;
}

static int send_frame(struct socket *socket, int opcode, const char *data, size_t len,
                      struct err *err)
{
    uint8_t mask[4];
    struct buf frame = { 0 };

    crypt_random(mask, sizeof mask);
    buf_char(&frame, (char)(0x80 | opcode));
    buf_char(&frame, (char)(0x80 | (len < 126 ? len : len < 65536 ? 126 : 127)));
    for (int shift = len < 126 ? -8 : len < 65536 ? 8 : 56; shift >= 0; shift -= 8)
        buf_char(&frame, (char)((uint64_t)len >> shift & 0xff));
    buf_add(&frame, mask, sizeof mask);
    for (size_t i = 0; i < len; i++)
        buf_char(&frame, (char)(data[i] ^ mask[i & 3]));
    const int rc = send_all(socket, frame.data, frame.len, err);
    buf_fini(&frame);
    return rc;
}

int socket_send(struct socket *socket, const char *text, struct err *err)
{
    return send_frame(socket, TEXT, text, strlen(text), err);
}

/* The length of the head of a frame that is there whole, or 0. A server masks nothing. */
static size_t frame_there(const struct socket *socket, uint64_t *len_r)
{
    const uint8_t *p = (const uint8_t *)socket->in.data;
    const size_t have = socket->in.len;

    if (have < 2)
        return 0;
    const size_t head = (p[1] & 127) < 126 ? 2 : (p[1] & 127) == 126 ? 4 : 10;

    if (have < head)
        return 0;
    *len_r = head == 2 ? p[1] & 127 : 0;
    for (size_t i = 2; i < head; i++)
        *len_r = *len_r << 8 | p[i];
    return *len_r > MAX_FRAME || have < head + *len_r ? 0 : head;
}

static void drop(struct socket *socket, size_t n)
{
    if (n == 0)
        return;
    memmove(socket->in.data, socket->in.data + n, socket->in.len - n);
    socket->in.len -= n;
}

int socket_next(struct socket *socket, const char **text_r, struct err *err)
{
    drop(socket, socket->used);
    for (socket->used = 0;;) {
        uint64_t len = 0;
        const size_t head = frame_there(socket, &len);

        if (head == 0 && len > MAX_FRAME)
            return err_set(err, "tandemd sent a frame that is too long");
        if (head == 0) {
            const int rc = receive(socket, err);
            if (rc <= 0)
                return rc;
            continue;
        }
        const int opcode = socket->in.data[0] & 15;
        char *data = socket->in.data + head;

        if (opcode == TEXT) {
            /* The text moves over its head, so that there is room for the end of a string. */
            memmove(socket->in.data, data, (size_t)len);
            socket->in.data[len] = '\0';
            socket->used = head + (size_t)len;
            *text_r = socket->in.data;
            return 1;
        }
        if (opcode == CLOSE)
            return err_set(err, "tandemd closed the talk: %.*s", len > 2 ? (int)len - 2 : 0,
                           data + (len > 2 ? 2 : 0));
        if (opcode == PING && send_frame(socket, PONG, data, (size_t)len, err) != 0)
            return -1;
        drop(socket, head + (size_t)len);
    }
}

/* What the server makes of the key is not looked at: it is for caches, and here are none. */
static int upgrade(struct socket *socket, const struct client *client, const char *path,
                   const char *protocol, struct err *err)
{
    static const char host_of_socket[] = "tandemd";
    char key[33];
    uint8_t random[11];
    const char *host = client->socket ? NULL : strstr(client->url, "://");

    crypt_random(random, sizeof random);
    crypt_hex(random, sizeof random, key);
    memcpy(key + 21, "A==", 4); /* 16 bytes in base64: 21 letters, one of four, two signs */
    host = host ? host + 3 : host_of_socket;
    char *head = mem_printf("GET %s HTTP/1.1\r\nHost: %.*s\r\nConnection: Upgrade\r\n"
                            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
                            path, (int)strcspn(host, "/"), host, key, protocol);
    int rc = send_all(socket, head, strlen(head), err);
    const char *end = NULL;

    free(head);
    while (rc == 0 && !end) {
        rc = receive(socket, err);
        if (rc == 0 && wait_for(socket, POLLIN) != 0)
            rc = err_set(err, "tandemd does not answer");
        else if (rc > 0)
            rc = 0;
        buf_char(&socket->in, '\0');
        end = strstr(socket->in.data, "\r\n\r\n");
        socket->in.len--;
        if (rc == 0 && !end && socket->in.len > 16384)
            rc = err_set(err, "this is not a tandemd");
    }
    if (rc == 0 && strncmp(socket->in.data, "HTTP/1.1 101 ", 13) != 0)
        rc = err_set(err, "%s is refused: %.*s", path, (int)strcspn(socket->in.data, "\r"),
                     socket->in.data);
    if (rc == 0)
        drop(socket, (size_t)(end + 4 - socket->in.data));
    return rc;
}

struct socket *socket_open(const struct client *client, const char *path, const char *protocol,
                           struct err *err)
{
    struct socket *socket = mem_alloc(sizeof *socket);
    curl_socket_t fd = -1;

    socket->curl = client_connect(client, err);
    if (!socket->curl) {
        free(socket);
        return NULL;
    }
    curl_easy_getinfo(socket->curl, CURLINFO_ACTIVESOCKET, &fd);
    socket->fd = fd;
    if (upgrade(socket, client, path, protocol, err) != 0)
        socket_close(&socket);
    return socket;
}

void socket_close(struct socket **socket_p)
{
    struct socket *socket = *socket_p;

    *socket_p = NULL;
    if (!socket)
        return;
    curl_easy_cleanup(socket->curl);
    buf_fini(&socket->in);
    free(socket);
}

int socket_fd(const struct socket *socket)
{
    return socket->fd;
}
