/* pipe.c - frames over a socketpair. */
#include "config.h"

#include "ipc/pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

#define BLOCK 16384 /* what is read at once, so that one pipe does not hold up the loop */
#define BIG_STEP (256 << 10)
#define KEEP_OUT (256 << 10)
#define ARENA_FIRST 4096
#define MAX_WAITING (96u << 20)

struct head {
    uint32_t len;
    uint16_t type, zero;
    uint32_t a;
    int32_t b;
    uint64_t id;
};

_Static_assert(sizeof(struct head) == 24, "the head has no holes");

void ipc_pipe_init(struct ipc_pipe *pipe, int fd, int to_guest)
{
    *pipe = (struct ipc_pipe){ .fd = fd, .to_guest = to_guest, .max_waiting = MAX_WAITING,
                               .in = mem_alloc(BLOCK) };
}

void ipc_pipe_fini(struct ipc_pipe *pipe)
{
    if (pipe->fd >= 0)
        close(pipe->fd);
    pipe->fd = -1;
    buf_fini(&pipe->out);
    free(pipe->in);
    free(pipe->big);
    arena_free(&pipe->spare);
    pipe->in = pipe->big = NULL;
}

/* ---- Out ---------------------------------------------------------------------------------- */

int ipc_flush(struct ipc_pipe *pipe)
{
    while (pipe->out_off < pipe->out.len) {
        const ssize_t n = send(pipe->fd, pipe->out.data + pipe->out_off,
                               pipe->out.len - pipe->out_off, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -1;
        pipe->out_off += (size_t)n;
    }
    pipe->out_off = 0;
    if (pipe->out.cap > KEEP_OUT)
        buf_fini(&pipe->out);
    else
        buf_clear(&pipe->out);
    return 0;
}

static int put_payload(struct buf *out, const struct ipc_row *row, const void *payload,
                       struct err *err)
{
    const struct ipc_bytes *bytes = payload;
    const char *flaw;

    if (row->payload == IPC_A_STRUCT && ipc_encode(out, row->type, payload, &flaw) != 0)
        return err_set(err, "%s", flaw);
    if (row->payload == IPC_A_TEXT && payload != NULL)
        buf_add(out, payload, strlen(payload) + 1);
    if (row->payload == IPC_SOME_BYTES && bytes != NULL) {
        buf_add(out, bytes->p, bytes->len);
        buf_char(out, '\0');
    }
    return 0;
}

static void cut(struct buf *buf, size_t len)
{
    buf->len = len;
    buf->data[len] = '\0';
}

int ipc_put(struct ipc_pipe *pipe, enum ipc_type type, uint64_t id, uint32_t a, int32_t b,
            const void *payload, struct err *err)
{
    const size_t max = pipe->to_guest ? IPC_MAX_TO_GUEST : IPC_MAX_FROM_GUEST;
    const size_t start = pipe->out.len;
    struct head head = { .type = (uint16_t)type, .a = a, .b = b, .id = id };
    size_t len;

    buf_add(&pipe->out, &head, sizeof head);
    if (put_payload(&pipe->out, &ipc_rows[type], payload, err) != 0) {
        cut(&pipe->out, start);
        return -1;
    }
    len = pipe->out.len - start - sizeof head;
    if (len > max) {
        cut(&pipe->out, start);
        return err_set(err, "a %s of %zu bytes is more than the %zu that fit in a frame",
                       ipc_rows[type].name, len, max);
    }
    head.len = (uint32_t)len;
    memcpy(pipe->out.data + start, &head, sizeof head);
    if (pipe->out.len - pipe->out_off > pipe->max_waiting)
        return err_set(err, "more than %zu MiB wait to be taken", pipe->max_waiting >> 20);
    return 0;
}

/* ---- In ----------------------------------------------------------------------------------- */

static ssize_t read_some(int fd, void *to, size_t len)
{
    ssize_t n;

    do
        n = recv(fd, to, len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

int ipc_fill(struct ipc_pipe *pipe)
{
    char *to;
    size_t room;
    ssize_t n;

    if (pipe->big != NULL) {
        to = pipe->big + pipe->big_at;
        room = pipe->big_len - pipe->big_at;
        if (room > BIG_STEP)
            room = BIG_STEP;
    } else {
        if (pipe->in_off > 0 && !pipe->lent) {
            memmove(pipe->in, pipe->in + pipe->in_off, pipe->in_len - pipe->in_off);
            pipe->in_len -= pipe->in_off;
            pipe->in_off = 0;
        }
        to = pipe->in + pipe->in_len;
        room = BLOCK - pipe->in_len;
    }
    if (room == 0)
        return 1; /* there is a whole frame to be taken first */
    n = read_some(pipe->fd, to, room);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    if (n == 0)
        return -1;
    if (pipe->big != NULL)
        pipe->big_at += (size_t)n;
    else
        pipe->in_len += (size_t)n;
    return 1;
}

static int judge_head(const struct ipc_pipe *pipe, const struct head *head, struct err *err)
{
    const unsigned first = pipe->to_guest ? IPC_ABOUT : IPC_LAST_FROM_GUEST + 1;
    const unsigned last = pipe->to_guest ? IPC_LAST_FROM_GUEST : IPC_N_TYPES - 1;
    const size_t max = pipe->to_guest ? IPC_MAX_FROM_GUEST : IPC_MAX_TO_GUEST;

    if (head->type < first || head->type > last || head->zero != 0)
        return err_set(err, "it sent a frame of type %u, which is not one", head->type);
    if (head->len > max)
        return err_set(err, "it sent a %s frame of %u bytes, above the limit of %zu",
                       ipc_rows[head->type].name, head->len, max);
    if (ipc_rows[head->type].payload == IPC_NO_PAYLOAD && head->len > 0)
        return err_set(err, "it sent a %s frame with a payload", ipc_rows[head->type].name);
    return 0;
}

static int judge_text(const char *text, size_t len)
{
    return len == 0 || (text[len - 1] == '\0' && memchr(text, '\0', len - 1) == NULL) ? 0 : -1;
}

/* The payload is whole at `at`. */
static int read_payload(struct ipc_pipe *pipe, struct ipc_frame *frame, const char *at, size_t len,
                        struct err *err)
{
    const struct ipc_row *row = &ipc_rows[frame->type];
    const char *flaw = NULL;

    if (row->payload == IPC_A_STRUCT) {
        frame->arena = pipe->spare != NULL ? pipe->spare : arena_new(ARENA_FIRST);
        pipe->spare = NULL;
        frame->payload = ipc_decode(at, len, row->type, frame->arena, &flaw);
    } else if (row->payload == IPC_A_TEXT && judge_text(at, len) != 0) {
        flaw = "it is not a text";
    } else if (row->payload == IPC_SOME_BYTES && len > 0 && at[len - 1] != '\0') {
        flaw = "it does not end in NUL";
    } else if (row->payload != IPC_NO_PAYLOAD && len > 0) {
        frame->payload = at;
        frame->len = len - 1;
    }
    return flaw == NULL ? 0 : err_set(err, "it sent a %s frame that is none: %s", row->name, flaw);
}

void ipc_done(struct ipc_pipe *pipe, struct ipc_frame *frame)
{
    if (frame->arena != NULL && pipe->spare == NULL) {
        arena_reset(frame->arena);
        pipe->spare = frame->arena;
        frame->arena = NULL;
    }
    arena_free(&frame->arena);
    if (frame->block == pipe->in)
        pipe->lent = 0;
    else
        free(frame->block);
    frame->block = NULL;
}

/* Where the payload lies while the frame is out: in the block, or in memory of its own. */
static char *place(struct ipc_pipe *pipe, struct ipc_frame *frame, size_t len)
{
    char *at = pipe->in + pipe->in_off + sizeof(struct head);

    pipe->in_off += sizeof(struct head) + len;
    if (pipe->copying) {
        frame->block = mem_dup(at, len);
        return frame->block;
    }
    frame->block = pipe->in;
    pipe->lent = 1;
    return at;
}

/* Too large for the block: what is there of it is moved to memory that holds it all. */
static void begin_big(struct ipc_pipe *pipe, size_t len)
{
    const size_t have = pipe->in_len - pipe->in_off;

    pipe->big = mem_grow(NULL, sizeof(struct head) + len);
    pipe->big_len = sizeof(struct head) + len;
    memcpy(pipe->big, pipe->in + pipe->in_off, have);
    pipe->big_at = have;
    pipe->in_off = pipe->in_len = 0;
}

int ipc_next(struct ipc_pipe *pipe, struct ipc_frame *frame, struct err *err)
{
    struct head head;
    char *at;

    if (pipe->big != NULL ? pipe->big_at < pipe->big_len
                          : pipe->in_len - pipe->in_off < sizeof head)
        return 0;
    memcpy(&head, pipe->big != NULL ? pipe->big : pipe->in + pipe->in_off, sizeof head);
    if (judge_head(pipe, &head, err) != 0)
        return -1;
    if (pipe->big == NULL && pipe->in_len - pipe->in_off < sizeof head + head.len) {
        if (sizeof head + head.len > BLOCK)
            begin_big(pipe, head.len);
        return 0;
    }
    *frame = (struct ipc_frame){ .type = (enum ipc_type)head.type, .a = head.a, .b = head.b,
                                 .id = head.id };
    if (pipe->big != NULL) {
        frame->block = pipe->big;
        at = pipe->big + sizeof head;
        pipe->big = NULL;
    } else {
        at = place(pipe, frame, head.len);
    }
    if (read_payload(pipe, frame, at, head.len, err) == 0)
        return 1;
    ipc_done(pipe, frame);
    return -1;
}

void ipc_keep(struct ipc_pipe *pipe)
{
    if (pipe->lent) {
        char *block = mem_alloc(BLOCK);

        pipe->in_len -= pipe->in_off;
        memcpy(block, pipe->in + pipe->in_off, pipe->in_len);
        pipe->in_off = 0;
        pipe->in = block; /* the old one goes with its frame */
        pipe->lent = 0;
    }
    pipe->copying = 1;
}

void ipc_unkeep(struct ipc_pipe *pipe)
{
    pipe->copying = 0;
}
