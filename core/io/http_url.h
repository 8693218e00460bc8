/*
 * http_url.h - a URL taken apart, and the bytes of a request to it.
 *
 * Layer: io. Pure. What cannot be sent is refused with a sentence: another scheme, a host that is
 * no name or address, control characters, headers that would change where the request ends.
 */
#ifndef IO_HTTP_URL_H
#define IO_HTTP_URL_H

#include <tandem/net.h>

struct buf;
struct err;

#define URL_MAX_HOST 254
#define URL_MAX_KEY (URL_MAX_HOST + 16)

struct url {
    int tls;
    unsigned port;
    int is_v6; /* the host stood in brackets */
    char host[URL_MAX_HOST];
    const char *user; /* user_len bytes of the text, "name:password", percent-encoded */
    size_t user_len;
    const char *target; /* the text from the path on; may begin with '?' or be empty */
};

/* The URL points into `text`. 0 or -1. */
int url_parse(struct url *url, const char *text, struct err *err);
/* Requests with the same key may share a connection. */
void url_key(const struct url *url, int public_only, char key[URL_MAX_KEY]);

/* Head and body, ready to be sent, are appended to `out`. 0 or -1. */
int url_request(const struct url *url, const struct td_http_request *request, struct buf *out,
                struct err *err);

#endif
