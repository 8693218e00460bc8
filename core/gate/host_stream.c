/* host_stream.c - replies of instances that go on: event streams. */
#include "config.h"

#include <stdlib.h>

#include <utlist.h>

#include "base/mem.h"
#include "gate/gate_private.h"
#include "io/web.h"

static struct host_stream *find(const struct td_instance *inst, uint64_t request)
{
    struct host_stream *stream;

    DL_SEARCH_SCALAR(inst->streams, stream, request, request);
    return stream;
}

static void drop(struct host_stream *stream)
{
    DL_DELETE(stream->inst->streams, stream);
    free(stream);
}

static void on_closed(void *arg, uint64_t request)
{
    struct host_stream *stream = arg;
    td_web_stream_cb *closed = stream->closed;
    void *closed_arg = stream->arg;

    drop(stream);
    closed(closed_arg, request);
}

void host_stream(struct td_instance *inst, uint64_t request, const struct td_web_stream *of)
{
    struct host_stream *stream;

    if (inst->gate->conf.web == NULL)
        return;
    stream = mem_alloc(sizeof *stream);
    *stream = (struct host_stream){ .inst = inst, .request = request, .closed = of->closed,
                                    .arg = of->arg };
    DL_APPEND(inst->streams, stream);
    web_stream(inst->gate->conf.web, request, of->first, &(struct web_stream_conf){
        .max_queue = of->max_queue, .slow = "", .closed = on_closed, .arg = stream,
    });
}

void host_stream_send(struct td_instance *inst, uint64_t request, const char *text, size_t len)
{
    if (find(inst, request) != NULL)
        web_stream_send(inst->gate->conf.web, request, text, len);
}

void host_stream_end(struct td_instance *inst, uint64_t request)
{
    struct host_stream *stream = find(inst, request);

    if (stream == NULL)
        return;
    web_stream_end(inst->gate->conf.web, request);
    drop(stream);
}
