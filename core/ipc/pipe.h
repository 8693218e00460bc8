/*
 * pipe.h - frames over a socketpair, both ways, never blocking.
 *
 * Layer: ipc. One thread. A frame is a head of 24 bytes (length of the payload, type, a, b, id) and
 * its payload. What is put waits for ipc_flush(), so that the frames of one turn of the loop are one
 * write, and in all up to a bound. Memory that a large frame needed is given back.
 */
#ifndef IPC_PIPE_H
#define IPC_PIPE_H

#include "base/buf.h"
#include "ipc/wire.h"

struct arena;
struct err;

struct ipc_pipe {
    int fd;
    int to_guest; /* which way ipc_put() sends */
    size_t max_waiting; /* bytes */
    struct buf out;
    size_t out_off;
    char *in; /* a block of fixed size; frames are lent from it */
    size_t in_off, in_len;
    int lent;    /* a frame points into `in` */
    int copying; /* every frame gets memory of its own: more than one is held at once */
    char *big; /* a frame that is larger than the block, on its way in */
    size_t big_len, big_at;
    struct arena *spare;
};

struct ipc_frame {
    enum ipc_type type;
    uint32_t a;
    int32_t b;
    uint64_t id;
    const void *payload; /* the struct; a text, NULL: none; bytes, which end in NUL */
    size_t len;          /* of a text and of bytes, without the NUL */
    char *block;         /* what it lies in */
    struct arena *arena; /* what it was decoded into; NULL: no struct */
};

void ipc_pipe_init(struct ipc_pipe *pipe, int fd, int to_guest);
void ipc_pipe_fini(struct ipc_pipe *pipe); /* closes fd */

/* payload: by the type's row; a text may be NULL. 0, or -1 with a sentence: the frame is too large
 * or no frame (then nothing was put), or too much waits. */
int ipc_put(struct ipc_pipe *pipe, enum ipc_type type, uint64_t id, uint32_t a, int32_t b,
            const void *payload, struct err *err);
/* 0: all is written; 1: some waits for the socket; -1: nobody reads any more. */
int ipc_flush(struct ipc_pipe *pipe);

/* Reads once. 1: something came; 0: nothing is there; -1: the other side is gone. */
int ipc_fill(struct ipc_pipe *pipe);
/* 1 with a frame, which is the caller's until ipc_done(); 0: more must be read first; -1 with a
 * sentence: the other side does not keep to the protocol. */
int ipc_next(struct ipc_pipe *pipe, struct ipc_frame *frame, struct err *err);
void ipc_done(struct ipc_pipe *pipe, struct ipc_frame *frame);
/* Until ipc_unkeep(): the frame that is out stays as it is while more are read and held. */
void ipc_keep(struct ipc_pipe *pipe);
void ipc_unkeep(struct ipc_pipe *pipe);

#endif
