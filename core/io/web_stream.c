/* web_stream.c - a reply that goes on until the client or we end it. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/mem.h"
#include "io/web_private.h"

/* ---- Loop thread -------------------------------------------------------------------------- */

struct stream {
    struct stream *prev, *next;
    uint64_t request;
    struct web_stream_conf conf;
};

static struct stream *stream_find(struct web *web, uint64_t request)
{
    struct stream *stream = web->streams;

    while (stream != NULL && stream->request != request)
        stream = stream->next;
    return stream;
}

void web_stream(struct web *web, uint64_t request, const struct td_web_reply *reply,
                const struct web_stream_conf *conf)
{
    struct stream *stream = mem_alloc(sizeof *stream);
    struct block *block = reply_block_endless(reply);

    *stream = (struct stream){ .request = request, .conf = *conf };
    DL_APPEND(web->streams, stream);
    block->kind = BLOCK_STREAM;
    block->id = request;
    block->max_queue = conf->max_queue;
    block->slow = conf->slow;
    web_order(web, block);
}

void web_stream_send(struct web *web, uint64_t request, const char *text, size_t len)
{
    struct block *block = mem_grow(NULL, sizeof *block + len);

    *block = (struct block){ .kind = BLOCK_STREAM_SEND, .id = request, .p = block->data,
                             .len = len };
    memcpy(block->data, text, len);
    web_order(web, block);
}

void web_stream_end(struct web *web, uint64_t request)
{
    struct stream *stream = stream_find(web, request);
    struct block *block;

    if (stream == NULL)
        return;
    DL_DELETE(web->streams, stream);
    free(stream);
    block = mem_alloc(sizeof *block);
    block->kind = BLOCK_STREAM_END;
    block->id = request;
    web_order(web, block);
}

void conn_stream_tell(struct web *web, uint64_t request)
{
    struct stream *stream = stream_find(web, request);

    if (stream == NULL)
        return;
    DL_DELETE(web->streams, stream);
    stream->conf.closed(stream->conf.arg, request);
    free(stream);
}

void conn_stream_free_all(struct web *web)
{
    struct stream *stream, *next;

    DL_FOREACH_SAFE(web->streams, stream, next) {
        DL_DELETE(web->streams, stream);
        free(stream);
    }
}

/* ---- Web thread --------------------------------------------------------------------------- */

static void tell_closed(struct web *web, uint64_t request)
{
    struct event *event = mem_alloc(sizeof *event);

    event->kind = EVENT_STREAM_CLOSED;
    event->id = request;
    web_event(web, event);
}

void conn_stream_begin(struct web *web, struct conn *conn, struct block *block)
{
    if (conn == NULL || conn->state != CONN_WAIT) { /* the client left, or waited for too long */
        tell_closed(web, block->id);
        free(block);
        return;
    }
    conn->state = CONN_STREAM;
    conn->keep_alive = 0;
    conn->stream_max = block->max_queue;
    conn->stream_slow = block->slow;
    conn_deadline(conn, 0);
    conn_send(conn, block);
}

/* What it has not read yet it may still read, for as long as any reply. */
static void cut(struct conn *conn)
{
    struct block *last = mem_alloc(sizeof *last);

    last->p = conn->stream_slow;
    last->len = strlen(conn->stream_slow);
    tell_closed(conn->web, conn->id);
    atomic_fetch_add_explicit(&conn->web->slow_closed, 1, memory_order_relaxed);
    conn_send(conn, last);
    if (conn->state == CONN_STREAM)
        http_finish(conn);
}

void conn_stream_out(struct conn *conn, struct block *block)
{
    if (conn == NULL || conn->state != CONN_STREAM) {
        free(block);
    } else if (conn->queued + block->len > conn->stream_max) {
        free(block);
        cut(conn);
    } else {
        conn_send(conn, block);
    }
}

void conn_stream_end(struct conn *conn)
{
    if (conn->state == CONN_STREAM)
        http_finish(conn);
}

void conn_stream_gone(struct conn *conn)
{
    if (conn->stream_max > 0 && !conn->web->stopping)
        tell_closed(conn->web, conn->id);
}
