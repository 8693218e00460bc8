/* ipc.h - bytes through a socketpair into a pipe, as the other process would send them: every whole
 * frame is taken, and what was taken can be sent again. Fed in pieces they say what they say fed
 * whole. */
#ifndef TESTS_FUZZ_IPC_H
#define TESTS_FUZZ_IPC_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "ipc/pipe.h"

/* 0, or -1: what came is no frame. */
static inline int fuzz_ipc_take(struct ipc_pipe *in, struct ipc_pipe *again, struct err *err)
{
    struct ipc_frame frame;
    int rc;

    while ((rc = ipc_next(in, &frame, err)) == 1) {
        const struct ipc_bytes bytes = { frame.payload, frame.len };
        const int is_bytes = ipc_rows[frame.type].payload == IPC_SOME_BYTES;
        struct err unfit;

        ipc_put(again, frame.type, frame.id, frame.a, frame.b,
                is_bytes && frame.payload != NULL ? (const void *)&bytes : frame.payload, &unfit);
        ipc_done(in, &frame);
    }
    return rc;
}

/* What was taken, sent again; err: empty, or why it ended before. */
static inline struct buf fuzz_ipc_feed(const uint8_t *data, size_t len, size_t piece, int to_guest,
                                       struct err *err)
{
    struct ipc_pipe in, again;
    struct buf taken;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        abort();
    ipc_pipe_init(&in, fds[0], to_guest);
    ipc_pipe_init(&again, -1, !to_guest);
    err->text[0] = '\0';
    for (size_t at = 0, n; at < len; at += n) {
        n = len - at < piece ? len - at : piece;
        if (send(fds[1], data + at, n, MSG_DONTWAIT) != (ssize_t)n)
            abort();
        while (ipc_fill(&in) == 1)
            if (fuzz_ipc_take(&in, &again, err) < 0)
                break;
        if (err->text[0] != '\0')
            break;
    }
    close(fds[1]);
    taken = again.out;
    again.out = (struct buf){ 0 };
    ipc_pipe_fini(&in);
    ipc_pipe_fini(&again);
    return taken;
}

static inline int fuzz_ipc(const uint8_t *data, size_t len, int to_guest)
{
    struct buf whole, parts;
    struct err why_whole, why_parts;
    size_t sum = 0;

    if (len > 65536)
        return 0;
    for (size_t i = 0; i < len; i++)
        sum += data[i];
    whole = fuzz_ipc_feed(data, len, len, to_guest, &why_whole);
    parts = fuzz_ipc_feed(data, len, 1 + sum % 64, to_guest, &why_parts);
    if (whole.len != parts.len || strcmp(why_whole.text, why_parts.text) != 0 ||
        (whole.len > 0 && memcmp(whole.data, parts.data, whole.len) != 0))
        abort();
    buf_fini(&whole);
    buf_fini(&parts);
    return 0;
}

#endif
