/* http_events.c - text/event-stream, read as it comes. */
#include "config.h"

#include "plugins/shared/http_events.h"

#include <stdlib.h>
#include <string.h>

struct text {
    char *at;
    size_t len, cap;
};

struct http_events {
    http_event_fn *fn;
    void *arg;
    size_t max;
    struct text line, data;
    char type[HTTP_EVENTS_TYPE + 1];
    int has_data;
    int after_cr; /* a LF that comes now belongs to it */
    int began;    /* the first line is behind us: no BOM comes any more */
};

struct http_events *http_events_new(size_t max, http_event_fn *fn, void *arg)
{
    struct http_events *events = calloc(1, sizeof *events);

    if (events != NULL)
        *events = (struct http_events){ .max = max, .fn = fn, .arg = arg };
    return events;
}

void http_events_free(struct http_events **events)
{
    if (*events == NULL)
        return;
    free((*events)->line.at);
    free((*events)->data.at);
    free(*events);
    *events = NULL;
}

/* Leaves room for a NUL. -1: out of memory. */
static int add(struct text *text, const char *from, size_t len)
{
    if (text->len + len + 1 > text->cap) {
        size_t cap = (text->len + len + 1) * 2;
        char *grown = realloc(text->at, cap);

        if (grown == NULL)
            return -1;
        text->at = grown;
        text->cap = cap;
    }
    if (len > 0)
        memcpy(text->at + text->len, from, len);
    text->len += len;
    return 0;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static const char stopped[] = ""; /* the receiver wants no more; the reader may be gone */

static const char *dispatch(struct http_events *events)
{
    char type[HTTP_EVENTS_TYPE + 1] = "message";
    size_t len = events->data.len;

    if (events->type[0] != '\0')
        memcpy(type, events->type, sizeof type);
    events->type[0] = '\0';
    events->data.len = 0;
    if (!events->has_data)
        return NULL;
    events->has_data = 0;
    if (add(&events->data, NULL, 0) < 0) /* it had only an empty line, perhaps */
        return "out of memory";
    events->data.at[len] = '\0';
    return events->fn(events->arg, type, events->data.at, len) != 0 ? stopped : NULL;
}

static int is(const char *name, size_t len, const char *what)
{
    return len == strlen(what) && memcmp(name, what, len) == 0;
}

static const char *add_data(struct http_events *events, const char *value, size_t len)
{
    if (len + 1 > events->max - events->data.len)
        return "an event of the stream is too large";
    if ((events->has_data && add(&events->data, "\n", 1) < 0) ||
        add(&events->data, value, len) < 0)
        return "out of memory";
    events->has_data = 1;
    return NULL;
}

static const char *set_type(struct http_events *events, const char *value, size_t len)
{
    if (len > HTTP_EVENTS_TYPE || memchr(value, '\0', len) != NULL)
        return "the type of an event is too long or holds a NUL";
    memcpy(events->type, value, len);
    events->type[len] = '\0';
    return NULL;
}

static const char *take_line(struct http_events *events)
{
    const char *name = events->line.at != NULL ? events->line.at : "", *value;
    size_t len = events->line.len, name_len;

    events->line.len = 0;
    if (!events->began && len >= 3 && memcmp(name, "\xef\xbb\xbf", 3) == 0) {
        name += 3;
        len -= 3;
    }
    events->began = 1;
    if (len == 0)
        return dispatch(events);
    value = memchr(name, ':', len);
    name_len = value != NULL ? (size_t)(value - name) : len;
    value = name + name_len + (value != NULL);
    len -= name_len + (name_len < len);
    if (len > 0 && *value == ' ') {
        value++;
        len--;
    }
    if (is(name, name_len, "data"))
        return add_data(events, value, len);
    if (is(name, name_len, "event"))
        return set_type(events, value, len);
    return NULL; /* a comment, or a field that means nothing here */
}

static size_t to_end_of_line(const char *data, size_t len)
{
    size_t n = 0;

    while (n < len && data[n] != '\n' && data[n] != '\r')
        n++;
    return n;
}

const char *http_events_feed(struct http_events *events, const char *data, size_t len)
{
    const char *wrong;

    while (len > 0) {
        size_t n = to_end_of_line(data, len);

        if (n > HTTP_EVENTS_LINE - events->line.len)
            return "a line of the event stream is longer than 64 KiB";
        if (add(&events->line, data, n) < 0)
            return "out of memory";
        if (n > 0)
            events->after_cr = 0;
        data += n;
        len -= n;
        if (len == 0)
            return NULL;
        const int cr = *data == '\r', second = *data == '\n' && events->after_cr;

        data++;
        len--;
        events->after_cr = cr;
        if (!second && (wrong = take_line(events)) != NULL)
            return wrong == stopped ? NULL : wrong;
    }
    return NULL;
}
