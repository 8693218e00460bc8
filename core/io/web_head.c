/* web_head.c - the strict reader of HTTP/1.x request heads. */
#include "config.h"
#include "io/web_head.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static int is_token_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

ssize_t head_end(const char *text, size_t len)
{
    const char *line = text, *lf;

    if (len > 0 && !is_token_char((unsigned char)text[0]) && text[0] != '\r')
        return -1; /* such as a TLS hello, which may have no line end for long */
    while ((lf = memchr(line, '\n', len - (size_t)(line - text))) != NULL) {
        if (lf == line || lf[-1] != '\r')
            return -1;
        if (lf == line + 1 && line != text) /* an empty line before the first one is let pass */
            return lf + 1 - text;
        line = lf + 1;
    }
    return 0;
}

static size_t token_len(const char *s)
{
    size_t n = 0;

    while (is_token_char((unsigned char)s[n]))
        n++;
    return n;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int has_dot_segment(const char *path)
{
    for (const char *s = path; s != NULL; s = strchr(s, '/')) {
        s++;
        if (s[0] == '.' && (s[1] == '/' || s[1] == '\0'))
            return 1;
        if (s[0] == '.' && s[1] == '.' && (s[2] == '/' || s[2] == '\0'))
            return 1;
    }
    return 0;
}

/* Decodes in place: "/a%20b?c=d" or "http://host/a%20b?c=d". */
static int parse_target(struct head *head, char *target)
{
    char *in, *out, *authority;

    for (in = target; *in != '\0'; in++)
        if (*in <= ' ' || *in >= 0x7f || *in == '#')
            return 400;
    if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
        authority = strchr(target, ':') + 3;
        target = strchr(authority, '/');
        if (target == NULL)
            return 400;
    }
    if (target[0] != '/')
        return 400;
    head->path = target;
    head->query = "";
    for (in = out = target; *in != '\0' && *in != '?'; in++) {
        char c = *in;

        if (c == '%') {
            int hi = hex_value(in[1]), lo = hi < 0 ? -1 : hex_value(in[2]);

            if (lo < 0 || hi * 16 + lo < ' ' || hi * 16 + lo == 0x7f)
                return 400;
            c = (char)(hi * 16 + lo);
            in += 2;
        }
        *out++ = c;
    }
    if (*in == '?')
        head->query = in + 1;
    *out = '\0';
    if (!utf8_valid(head->path, (size_t)(out - target)) || has_dot_segment(head->path))
        return 400;
    return 0;
}

/* Cuts the next line off: NUL in place of its CR. What stands between is checked by the reader of
 * the line, a stray CR or NUL as any control character. */
static char *next_line(char **text, const char *end)
{
    char *line = *text, *lf = memchr(line, '\n', (size_t)(end - line));

    lf[-1] = '\0';
    *text = lf + 1;
    return (size_t)(lf - 1 - line) == strlen(line) ? line : NULL;
}

static int parse_request_line(struct head *head, char *line)
{
    size_t method_len = token_len(line);
    char *target, *version;
    int refused;

    if (method_len == 0 || line[method_len] != ' ')
        return 400;
    if (method_len > 16)
        return 501;
    line[method_len] = '\0';
    target = line + method_len + 1;
    version = strchr(target, ' ');
    if (version == NULL || target == version)
        return 400;
    *version++ = '\0';
    refused = parse_target(head, target);
    if (refused != 0)
        return refused;
    head->method = line;
    if (strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0) {
        head->minor = version[7] - '0';
        return 0;
    }
    return strncmp(version, "HTTP/", 5) == 0 && strlen(version) == 8 ? 505 : 400;
}

static int parse_header(struct head *head, char *line)
{
    size_t name_len = token_len(line), len;
    char *value;

    if (name_len == 0 || line[name_len] != ':') /* also a folded line, and "Host :" */
        return 400;
    if (head->n_headers == HEAD_MAX_HEADERS)
        return 431;
    line[name_len] = '\0';
    for (size_t i = 0; i < name_len; i++)
        if (line[i] >= 'A' && line[i] <= 'Z')
            line[i] = (char)(line[i] - 'A' + 'a');
    value = line + name_len + 1;
    value += strspn(value, " \t");
    len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        value[--len] = '\0';
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            return 400;
    if (!utf8_valid(value, len))
        return 400;
    head->headers[head->n_headers++] = (struct td_header){ .name = line, .value = value };
    return 0;
}

static int count(const struct head *head, const char *name)
{
    int n = 0;

    for (size_t i = 0; i < head->n_headers; i++)
        n += strcmp(head->headers[i].name, name) == 0;
    return n;
}

static int parse_length(struct head *head)
{
    const char *text = head_get(head, "content-length");
    size_t digits;

    if (text == NULL)
        return 0;
    digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0')
        return 400;
    if (digits > 15)
        return 413;
    for (; *text != '\0'; text++)
        head->content_length = head->content_length * 10 + (*text - '0');
    return 0;
}

/* What the headers say together. */
static int judge(struct head *head)
{
    int hosts = count(head, "host"), lengths = count(head, "content-length");
    const char *host = head_get(head, "host"), *expect = head_get(head, "expect");
    int refused;

    if (hosts > 1 || (hosts == 0 && head->minor > 0) || lengths > 1)
        return 400;
    if (host != NULL && strpbrk(host, " \t/\\?#@,") != NULL)
        return 400;
    if (head_get(head, "transfer-encoding") != NULL) {
        if (lengths > 0 || head->minor == 0)
            return 400;
        return 411; /* whoever wants a body says how long it is */
    }
    refused = parse_length(head);
    if (refused != 0)
        return refused;
    if (expect != NULL) {
        if (strcasecmp(expect, "100-continue") != 0)
            return 417;
        head->expect = head->minor > 0;
    }
    head->keep_alive = head->minor > 0 && !head_lists(head, "connection", "close", 1);
    return 0;
}

int head_parse(struct head *head, char *text, size_t len)
{
    const char *end = text + len;
    char *line;
    int refused;

    *head = (struct head){ .method = "", .path = "", .query = "" };
    if (text[0] == '\r')
        text += 2;
    line = next_line(&text, end);
    refused = line == NULL ? 400 : parse_request_line(head, line);
    while (refused == 0) {
        line = next_line(&text, end);
        if (line == NULL)
            return 400;
        if (line[0] == '\0')
            return text == end ? judge(head) : 400;
        refused = parse_header(head, line);
    }
    return refused;
}

const char *head_get(const struct head *head, const char *name)
{
    for (size_t i = 0; i < head->n_headers; i++)
        if (strcmp(head->headers[i].name, name) == 0)
            return head->headers[i].value;
    return NULL;
}

static int value_lists(const char *value, const char *token, int caseless)
{
    size_t want = strlen(token), len;

    for (;;) {
        value += strspn(value, " \t,");
        if (*value == '\0')
            return 0;
        len = strcspn(value, ",");
        while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
            len--;
        if (len == want && (caseless ? strncasecmp(value, token, len) == 0
                                     : memcmp(value, token, len) == 0))
            return 1;
        value += strcspn(value, ",");
    }
}

int head_lists(const struct head *head, const char *name, const char *token, int caseless)
{
    for (size_t i = 0; i < head->n_headers; i++)
        if (strcmp(head->headers[i].name, name) == 0 &&
            value_lists(head->headers[i].value, token, caseless))
            return 1;
    return 0;
}
