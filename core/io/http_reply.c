/* http_reply.c - the reader of HTTP/1.x responses. */
#include "config.h"
#include "io/http_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#define MAX_CHUNK_LINE 1024 /* a chunk's size and its extensions */
#define MAX_TRAILER 8192
#define MAX_RETRY_AFTER_S (30 * 86400)
#define NO_LENGTH UINT64_MAX

void reply_start(struct reply *reply, int is_head, size_t max_body)
{
    *reply = (struct reply){
        .retry_after_ms = -1, .is_head = is_head, .max_body = max_body,
        .left = NO_LENGTH, .lines_left = REPLY_MAX_HEAD,
    };
}

void reply_fini(struct reply *reply)
{
    buf_fini(&reply->body);
    buf_fini(&reply->line);
    free(reply->location);
    reply->location = NULL;
}

static enum reply_result broken(struct reply *reply, const char *why)
{
    reply->wrong = why;
    return REPLY_BROKEN;
}

/* ---- Headers ------------------------------------------------------------------------------ */

int64_t reply_date_s(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = { 0 };
    char month[4], zone[4];
    const char *found;
    int end = 0;

    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3s%n", &tm.tm_mday, month,
               &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone, &end) != 7 ||
        text[end] != '\0' || strcmp(zone, "GMT") != 0 || strlen(month) != 3)
        return -1;
    found = strstr(months, month);
    if (found == NULL || (found - months) % 3 != 0 || tm.tm_year < 1970 || tm.tm_mday < 1 ||
        tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 ||
        tm.tm_sec < 0 || tm.tm_sec > 60)
        return -1;
    tm.tm_mon = (int)(found - months) / 3;
    tm.tm_year -= 1900;
    return (int64_t)timegm(&tm);
}

static int64_t retry_after_ms(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    int64_t seconds;

    if (digits > 0 && value[digits] == '\0') {
        seconds = digits > 9 ? MAX_RETRY_AFTER_S : strtoll(value, NULL, 10);
    } else {
        seconds = reply_date_s(value);
        if (seconds < 0)
            return -1;
        seconds -= clock_wall_ms() / 1000;
    }
    if (seconds < 0)
        seconds = 0;
    if (seconds > MAX_RETRY_AFTER_S)
        seconds = MAX_RETRY_AFTER_S;
    return seconds * 1000;
}

static int lists(const char *value, const char *token)
{
    size_t want = strlen(token), len;

    for (;; value += len) {
        value += strspn(value, " \t,");
        len = strcspn(value, " \t,;");
        if (len == 0)
            return 0;
        if (len == want && strncasecmp(value, token, len) == 0)
            return 1;
    }
}

static const char *take_length(struct reply *reply, const char *value)
{
    uint64_t length = 0;

    if (value[0] == '\0' || value[strspn(value, "0123456789")] != '\0' || strlen(value) > 18)
        return "its Content-Length is not a number";
    for (; *value != '\0'; value++)
        length = length * 10 + (uint64_t)(*value - '0');
    if (reply->left != NO_LENGTH && reply->left != length)
        return "it has two lengths";
    reply->left = length;
    return NULL;
}

static int fits(const char *value, size_t size)
{
    return strlen(value) < size && utf8_valid(value, strlen(value));
}

static const char *take_header(struct reply *reply, const char *name, const char *value)
{
    if (strcasecmp(name, "Content-Length") == 0)
        return take_length(reply, value);
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        if (reply->coded || strcasecmp(value, "chunked") != 0)
            return "its transfer coding is not known";
        reply->coded = reply->chunked = 1;
    } else if (strcasecmp(name, "Connection") == 0) {
        if (lists(value, "close"))
            reply->close = 1;
        else if (lists(value, "keep-alive"))
            reply->keep_alive = 1;
    } else if (strcasecmp(name, "Content-Type") == 0) {
        if (fits(value, sizeof reply->content_type))
            memcpy(reply->content_type, value, strlen(value) + 1);
    } else if (strcasecmp(name, "Location") == 0 && fits(value, REPLY_MAX_LOCATION)) {
        free(reply->location);
        reply->location = mem_strdup(value);
    } else if (strcasecmp(name, "Retry-After") == 0) {
        reply->retry_after_ms = retry_after_ms(value);
    }
    return NULL;
}

static int is_text(const char *s)
{
    for (; *s != '\0'; s++)
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
            return 0;
    return 1;
}

/* A line of a head: NULL, or what is wrong with it. */
static const char *read_header(struct reply *reply, char *line, size_t len)
{
    char *colon = memchr(line, ':', len), *value;

    if (strlen(line) != len || !is_text(line))
        return "a header has a control character";
    if (colon == NULL || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
        return "a header has no name";
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " \t");
    for (char *end = line + len; end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
        end[-1] = '\0';
    return reply->at == AT_TRAILER ? NULL : take_header(reply, line, value);
}

static const char *read_status(struct reply *reply, const char *line, size_t len)
{
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
        line[8] != ' ' || line[9] < '1' || line[9] > '9' || line[10] < '0' || line[10] > '9' ||
        line[11] < '0' || line[11] > '9' || (len > 12 && line[12] != ' '))
        return "that is not HTTP/1.1";
    reply->minor = line[7] - '0';
    reply->code = (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
    reply->keep_alive = reply->minor > 0;
    reply->at = AT_HEADER;
    return NULL;
}

/* The empty line: is there a body, and how does it end? */
static enum reply_result head_done(struct reply *reply)
{
    size_t lines_left = reply->lines_left;

    if (reply->code == 101)
        return broken(reply, "it changes to a protocol nobody asked for");
    if (reply->code < 200) { /* an interim answer: the one that counts follows */
        reply_fini(reply);
        reply_start(reply, reply->is_head, reply->max_body);
        reply->lines_left = lines_left;
        return REPLY_MORE;
    }
    reply->status = reply->code;
    if (reply->close || (reply->coded && (reply->left != NO_LENGTH || reply->minor == 0)))
        reply->keep_alive = 0; /* with both, someone between may have seen another end than we */
    if (reply->is_head || reply->code == 204 || reply->code == 304 ||
        (!reply->chunked && reply->left == 0)) {
        reply->at = AT_DONE;
        return REPLY_DONE;
    }
    if (reply->chunked) {
        reply->at = AT_CHUNK_SIZE;
        reply->lines_left = MAX_CHUNK_LINE;
        return REPLY_MORE;
    }
    reply->at = reply->left == NO_LENGTH ? AT_END_OF_CONNECTION : AT_BODY;
    return reply->at == AT_BODY && reply->left > reply->max_body ? REPLY_TOO_LARGE : REPLY_MORE;
}

/* ---- Chunks ------------------------------------------------------------------------------- */

static enum reply_result read_chunk_size(struct reply *reply, const char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    char after = line[digits + strspn(line + digits, " \t")];

    if (digits == 0 || digits > 15 || (after != ';' && after != '\0'))
        return broken(reply, "a chunk has no length");
    reply->left = strtoull(line, NULL, 16);
    reply->at = reply->left > 0 ? AT_CHUNK : AT_TRAILER;
    reply->lines_left = MAX_TRAILER;
    return reply->left > reply->max_body - reply->body.len ? REPLY_TOO_LARGE : REPLY_MORE;
}

/* ---- Lines and bodies --------------------------------------------------------------------- */

static enum reply_result read_line(struct reply *reply, char *line, size_t len)
{
    const char *wrong = NULL;

    switch (reply->at) {
    case AT_STATUS:
        wrong = read_status(reply, line, len);
        break;
    case AT_HEADER:
        if (len == 0)
            return head_done(reply);
        wrong = read_header(reply, line, len);
        break;
    case AT_CHUNK_SIZE:
        return read_chunk_size(reply, line);
    case AT_CHUNK_END:
        reply->at = AT_CHUNK_SIZE;
        reply->lines_left = MAX_CHUNK_LINE;
        wrong = len == 0 ? NULL : "a chunk is longer than it said";
        break;
    default: /* AT_TRAILER */
        if (len == 0) {
            reply->at = AT_DONE;
            return REPLY_DONE;
        }
        wrong = read_header(reply, line, len);
    }
    return wrong != NULL ? broken(reply, wrong) : REPLY_MORE;
}

/* Takes what there is of a line; REPLY_MORE also when its end has not come. */
static enum reply_result feed_line(struct reply *reply, const char **data, const char *end)
{
    const char *lf = memchr(*data, '\n', (size_t)(end - *data));
    const char *stop = lf != NULL ? lf + 1 : end;
    size_t len = (size_t)(stop - *data);
    struct buf line;
    enum reply_result result;

    if (len > reply->lines_left)
        return broken(reply, "its head or a line in it is too long");
    reply->lines_left -= len;
    buf_add(&reply->line, *data, len);
    *data = stop;
    if (lf == NULL)
        return REPLY_MORE;
    line = reply->line; /* an interim head starts the reply anew */
    reply->line = (struct buf){ 0 };
    line.len -= line.len > 1 && line.data[line.len - 2] == '\r' ? 2 : 1;
    line.data[line.len] = '\0';
    result = read_line(reply, line.data, line.len);
    buf_fini(&reply->line);
    reply->line = line;
    buf_clear(&reply->line);
    return result;
}

static enum reply_result feed_body(struct reply *reply, const char **data, const char *end)
{
    size_t len = (size_t)(end - *data);

    if (reply->at != AT_END_OF_CONNECTION && len > reply->left)
        len = (size_t)reply->left;
    if (len > reply->max_body - reply->body.len)
        return REPLY_TOO_LARGE;
    buf_add(&reply->body, *data, len);
    *data += len;
    if (reply->at == AT_END_OF_CONNECTION || (reply->left -= len) > 0)
        return REPLY_MORE;
    reply->at = reply->at == AT_CHUNK ? AT_CHUNK_END : AT_DONE;
    return reply->at == AT_DONE ? REPLY_DONE : REPLY_MORE;
}

enum reply_result reply_feed(struct reply *reply, const char *data, size_t len)
{
    const char *end = data + len;
    enum reply_result result = REPLY_MORE;

    while (result == REPLY_MORE && data < end)
        result = reply->at == AT_BODY || reply->at == AT_CHUNK || reply->at == AT_END_OF_CONNECTION
                     ? feed_body(reply, &data, end) : feed_line(reply, &data, end);
    if (result == REPLY_DONE && data < end)
        reply->keep_alive = 0; /* bytes that nobody asked for */
    return result;
}

enum reply_result reply_end(struct reply *reply)
{
    reply->keep_alive = 0;
    if (reply->at == AT_END_OF_CONNECTION) {
        reply->at = AT_DONE;
        return REPLY_DONE;
    }
    return broken(reply, reply->status == 0 ? "it ended before an answer"
                                            : "it ended before the answer did");
}
