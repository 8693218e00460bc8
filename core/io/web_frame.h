/*
 * web_frame.h - the frames of RFC 6455, as a server reads and writes them.
 *
 * Layer: io. Pure: knows no socket. No extensions: RSV bits are an error, and so are frames
 * without a mask.
 */
#ifndef IO_WEB_FRAME_H
#define IO_WEB_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD 10 /* bytes of the longest header we write */
#define FRAME_CONTROL 125 /* bytes a control frame may carry */

enum frame_opcode {
    FRAME_CONTINUATION = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10,
};

struct frame {
    int fin;
    enum frame_opcode opcode;
    uint64_t len;
    uint8_t mask[4];
};

/* Reads the header. Bytes used; 0: more are needed; -1: the peer breaks the protocol. */
int frame_parse(struct frame *frame, const void *data, size_t len);

/* Takes the mask off `len` bytes that stand `at` bytes after the header. */
void frame_unmask(const struct frame *frame, char *data, size_t len, uint64_t at);

/* Writes the header of an unfragmented frame; returns its length. */
size_t frame_head(uint8_t head[FRAME_HEAD], enum frame_opcode opcode, size_t len);

/* May this code stand in a close frame? */
int frame_close_code_is_valid(int code);

#endif
