/* web_frame.c - frame headers, masks and close codes of RFC 6455. */
#include "config.h"
#include "io/web_frame.h"

#include <string.h>

static uint64_t big_endian(const uint8_t *p, int n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | *p++;
    return v;
}

int frame_parse(struct frame *frame, const void *data, size_t len)
{
    const uint8_t *p = data;
    int control, length_bytes, need;

    if (len < 2)
        return 0;
    frame->fin = p[0] >> 7;
    frame->opcode = (enum frame_opcode)(p[0] & 15);
    frame->len = p[1] & 127;
    control = (p[0] & 8) != 0;
    if ((p[0] & 0x70) != 0 || (p[1] & 0x80) == 0)
        return -1;
    if (control ? frame->opcode > FRAME_PONG : frame->opcode > FRAME_BINARY)
        return -1;
    if (control && (!frame->fin || frame->len > FRAME_CONTROL))
        return -1;
    length_bytes = frame->len == 126 ? 2 : frame->len == 127 ? 8 : 0;
    need = 2 + length_bytes + 4;
    if (len < (size_t)need)
        return 0;
    if (length_bytes > 0) {
        frame->len = big_endian(p + 2, length_bytes);
        /* The shortest form is the only one, and the top bit of the long one is zero. */
        if (frame->len < (length_bytes == 2 ? 126u : 0x10000u) || frame->len >> 63 != 0)
            return -1;
    }
    memcpy(frame->mask, p + 2 + length_bytes, 4);
    return need;
}

void frame_unmask(const struct frame *frame, char *data, size_t len, uint64_t at)
{
    uint8_t mask[8];
    uint64_t wide, word;
    size_t i = 0;

    for (int k = 0; k < 8; k++)
        mask[k] = frame->mask[(at + (uint64_t)k) & 3];
    memcpy(&wide, mask, 8);
    for (; i + 8 <= len; i += 8) {
        memcpy(&word, data + i, 8);
        word ^= wide;
        memcpy(data + i, &word, 8);
    }
    for (; i < len; i++)
        data[i] = (char)((uint8_t)data[i] ^ mask[i & 7]);
}

size_t frame_head(uint8_t head[FRAME_HEAD], enum frame_opcode opcode, size_t len)
{
    int length_bytes = len < 126 ? 0 : len < 0x10000 ? 2 : 8;

    head[0] = (uint8_t)(0x80 | opcode);
    head[1] = length_bytes == 0 ? (uint8_t)len : length_bytes == 2 ? 126 : 127;
    for (int i = 0; i < length_bytes; i++)
        head[2 + i] = (uint8_t)((uint64_t)len >> (8 * (length_bytes - 1 - i)));
    return 2 + (size_t)length_bytes;
}

int frame_close_code_is_valid(int code)
{
    if (code >= 3000 && code <= 4999)
        return 1;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}
