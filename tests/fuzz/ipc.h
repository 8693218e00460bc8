/* ipc.h - bytes through a socketpair into a pipe, as the other process would send them: every whole
 * frame is taken, and what was taken can be sent again. */
#ifndef TESTS_FUZZ_IPC_H
#define TESTS_FUZZ_IPC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "ipc/pipe.h"

static inline int fuzz_ipc(const uint8_t *data, size_t len, int to_guest)
{
    struct ipc_pipe in, again;
    struct ipc_frame frame;
    struct err err;
    int fds[2], back[2];

    if (len > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, back) != 0)
        return 0;
    ipc_pipe_init(&in, fds[0], to_guest);
    ipc_pipe_init(&again, back[0], !to_guest);
    again.corked = 1;
    if (len > 0 && send(fds[1], data, len, MSG_DONTWAIT) < 0)
        len = 0;
    close(fds[1]);
    while (ipc_fill(&in) == 1) {
        int rc;

        while ((rc = ipc_next(&in, &frame, &err)) == 1) {
            const struct ipc_bytes bytes = { frame.payload, frame.len };
            const int is_bytes = ipc_rows[frame.type].payload == IPC_SOME_BYTES;

            if (frame.payload != NULL)
                ipc_put(&again, frame.type, frame.id, frame.a, frame.b,
                        is_bytes ? (const void *)&bytes : frame.payload, &err);
            ipc_done(&in, &frame);
        }
        if (rc < 0)
            break;
    }
    ipc_pipe_fini(&in);
    ipc_pipe_fini(&again);
    close(back[1]);
    return 0;
}

#endif
