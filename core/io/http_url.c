/* http_url.c - URLs and the heads of requests. */
#include "config.h"
#include "io/http_url.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define MAX_URL 8192
#define MAX_USER 512
#define MOST_HEADS 1024 /* bytes; a longer one grows */
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* ---- URLs --------------------------------------------------------------------------------- */

static int parse_port(struct url *url, const char *text, size_t len)
{
    unsigned port = 0;

    if (len == 0)
        return 0; /* "http://host:/" means the usual one */
    if (len > 5 || strspn(text, DIGITS) < len)
        return -1;
    for (size_t i = 0; i < len; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    url->port = port;
    return port >= 1 && port <= 65535 ? 0 : -1;
}

/* "host", "host:port", "[v6]:port": from begin to end. */
static int parse_host(struct url *url, const char *begin, const char *end)
{
    const char *allowed = LETTERS DIGITS "-._", *port;
    size_t len;

    url->is_v6 = *begin == '[';
    if (url->is_v6) {
        begin++;
        allowed = DIGITS "abcdefABCDEF:.";
    }
    len = strspn(begin, allowed);
    if (len == 0 || len >= sizeof url->host || begin + len > end)
        return -1;
    memcpy(url->host, begin, len);
    url->host[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if (url->host[i] >= 'A' && url->host[i] <= 'Z')
            url->host[i] = (char)(url->host[i] - 'A' + 'a');
    port = begin + len;
    if (url->is_v6 && *port++ != ']')
        return -1;
    if (port == end)
        return 0;
    return *port == ':' ? parse_port(url, port + 1, (size_t)(end - port - 1)) : -1;
}

int url_parse(struct url *url, const char *text, struct err *err)
{
    const char *host, *end, *at;

    *url = (struct url){ .user = NULL };
    if (text == NULL || text[0] == '\0')
        return err_set(err, "there is no URL");
    if (strlen(text) > MAX_URL)
        return err_set(err, "the URL is too long");
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\') /* some take \ for a slash */
            return err_set(err, "the URL has a space, a backslash or a control character");
    url->tls = strncasecmp(text, "https://", 8) == 0;
    if (!url->tls && strncasecmp(text, "http://", 7) != 0)
        return err_set(err, "the URL begins neither with http:// nor with https://");
    url->port = url->tls ? 443 : 80;
    host = text + (url->tls ? 8 : 7);
    end = host + strcspn(host, "/?#");
    for (at = end; at > host && at[-1] != '@'; at--)
        ;
    if (at > host) {
        url->user = host;
        url->user_len = (size_t)(at - host - 1);
        if (url->user_len > MAX_USER)
            return err_set(err, "the name and the password in the URL are too long");
        host = at;
    }
    if (parse_host(url, host, end) < 0)
        return err_set(err, "the URL has no host, or none that can be asked");
    url->target = end;
    return 0;
}

void url_key(const struct url *url, int public_only, char key[URL_MAX_KEY])
{
    *key++ = url->tls ? 's' : 'p';
    *key++ = public_only ? '*' : '-';
    for (int shift = 12; shift >= 0; shift -= 4)
        *key++ = "0123456789abcdef"[url->port >> shift & 15];
    memcpy(key, url->host, strlen(url->host) + 1);
}

/* ---- Requests ----------------------------------------------------------------------------- */

/* By hand: strspn() makes a table of the set each time it is called. */
static int is_token(const char *s)
{
    const char *begin = s;

    while ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
           (*s != '\0' && strchr("!#$%&'*+-.^_`|~", *s) != NULL))
        s++;
    return s > begin && *s == '\0';
}

static int is_printable(const char *s)
{
    for (; *s != '\0'; s++)
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
            return 0;
    return 1;
}

static void add_target(struct buf *out, const char *target)
{
    size_t len = strcspn(target, "#");

    if (target[0] != '/')
        buf_char(out, '/');
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)target[i] < 0x80)
            buf_char(out, target[i]);
        else
            buf_printf(out, "%%%02X", (unsigned char)target[i]);
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *found;

    found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

static void add_user(struct buf *out, const struct url *url)
{
    unsigned char plain[MAX_USER + 1], coded[(MAX_USER + 1) * 4 / 3 + 8];
    const char *in = url->user;
    int len = 0, colon = 0;

    for (size_t left = url->user_len; left > 0; left--, in++) {
        colon |= *in == ':';
        if (*in == '%' && left > 2 && hex(in[1]) >= 0 && hex(in[2]) >= 0) {
            plain[len++] = (unsigned char)(hex(in[1]) * 16 + hex(in[2]));
            in += 2;
            left -= 2;
        } else {
            plain[len++] = (unsigned char)*in;
        }
    }
    if (!colon)
        plain[len++] = ':';
    EVP_EncodeBlock(coded, plain, len);
    buf_printf(out, "Authorization: Basic %s\r\n", coded);
    mem_wipe(plain, sizeof plain);
    mem_wipe(coded, sizeof coded);
}

/* Most names differ in their first letter. */
static int is_name(const char *name, const char *other)
{
    return (*name | 0x20) == (*other | 0x20) && strcasecmp(name, other) == 0;
}

static int has_header(const struct td_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (is_name(request->headers[i].name, name))
            return 1;
    return 0;
}

static int check_headers(const struct td_http_request *request, struct err *err)
{
    static const char *const ours[] = { "Content-Length", "Transfer-Encoding", "Connection",
                                        "Expect", "Upgrade" };

    for (size_t i = 0; i < request->n_headers; i++) {
        const struct td_header *h = &request->headers[i];

        if (!is_token(h->name) || !is_printable(h->value))
            return err_set(err, "header %zu has a name or value that cannot be sent", i + 1);
        for (size_t k = 0; k < sizeof ours / sizeof ours[0]; k++)
            if (is_name(h->name, ours[k]))
                return err_set(err, "header %zu, %s, is not the caller's to set", i + 1, ours[k]);
    }
    return 0;
}

int url_request(const struct url *url, const struct td_http_request *request, struct buf *out,
                struct err *err)
{
    const char *method = request->method;

    if (method == NULL)
        method = request->body_len > 0 ? "POST" : "GET";
    if (!is_token(method))
        return err_set(err, "the method is not a word that can be sent");
    if (check_headers(request, err) < 0)
        return -1;
    buf_reserve(out, MOST_HEADS + request->body_len);
    buf_str(out, method);
    buf_char(out, ' ');
    add_target(out, url->target);
    buf_str(out, " HTTP/1.1\r\n");
    if (!has_header(request, "Host")) {
        buf_str(out, url->is_v6 ? "Host: [" : "Host: ");
        buf_str(out, url->host);
        buf_str(out, url->is_v6 ? "]" : "");
        if (url->port != (url->tls ? 443U : 80U)) {
            buf_char(out, ':');
            buf_uint(out, url->port);
        }
        buf_str(out, "\r\n");
    }
    if (!has_header(request, "User-Agent"))
        buf_str(out, "User-Agent: tandem/" PACKAGE_VERSION "\r\n");
    if (!has_header(request, "Accept"))
        buf_str(out, "Accept: */*\r\n");
    if (url->user != NULL && !has_header(request, "Authorization"))
        add_user(out, url);
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct td_header *h = &request->headers[i];

        buf_str(out, h->name);
        buf_str(out, h->value[0] != '\0' ? ": " : ":");
        buf_str(out, h->value);
        buf_str(out, "\r\n");
    }
    if (request->body_len > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
        strcmp(method, "PATCH") == 0) {
        buf_str(out, "Content-Length: ");
        buf_uint(out, request->body_len);
        buf_str(out, "\r\n");
    }
    buf_str(out, "\r\n");
    if (request->body_len > 0)
        buf_add(out, request->body, request->body_len);
    return 0;
}
