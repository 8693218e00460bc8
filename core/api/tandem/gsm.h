/*
 * gsm.h - the default alphabet of short messages and its extension (3GPP TS 23.038, 6.2.1).
 *
 * A help for plugin writers, not part of the ABI: everything here is inline. One septet a byte, as
 * SMPP carries them; nothing is packed.
 */
#ifndef TANDEM_GSM_H
#define TANDEM_GSM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TD_GSM_ESC 0x1b /* the next septet is one of the extension */

/* The code point of a septet, or 0xffff for the escape itself. */
static inline uint32_t td_gsm_point(uint8_t septet)
{
    static const uint16_t points[128] = {
        '@',    0xa3, '$',   0xa5,  0xe8,  0xe9,  0xf9,  0xec,  0xf2,  0xc7,  '\n', 0xd8, 0xf8,
        '\r',   0xc5, 0xe5,  0x394, '_',   0x3a6, 0x393, 0x39b, 0x3a9, 0x3a0, 0x3a8, 0x3a3, 0x398,
        0x39e,  0xffff, 0xc6, 0xe6, 0xdf,  0xc9,  ' ',   '!',   '"',   '#',   0xa4, '%',  '&',
        '\'',   '(',  ')',   '*',   '+',   ',',   '-',   '.',   '/',   '0',   '1',  '2',  '3',
        '4',    '5',  '6',   '7',   '8',   '9',   ':',   ';',   '<',   '=',   '>',  '?',  0xa1,
        'A',    'B',  'C',   'D',   'E',   'F',   'G',   'H',   'I',   'J',   'K',  'L',  'M',
        'N',    'O',  'P',   'Q',   'R',   'S',   'T',   'U',   'V',   'W',   'X',  'Y',  'Z',
        0xc4,   0xd6, 0xd1,  0xdc,  0xa7,  0xbf,  'a',   'b',   'c',   'd',   'e',  'f',  'g',
        'h',    'i',  'j',   'k',   'l',   'm',   'n',   'o',   'p',   'q',   'r',  's',  't',
        'u',    'v',  'w',   'x',   'y',   'z',   0xe4,  0xf6,  0xf1,  0xfc,  0xe0,
    };

    return points[septet & 0x7f];
}

/* The code point of a septet after the escape; 0: there is none, and it stands for itself. */
static inline uint32_t td_gsm_extended(uint8_t septet)
{
    switch (septet) {
    case 0x0a: return '\f';
    case 0x14: return '^';
    case 0x28: return '{';
    case 0x29: return '}';
    case 0x2f: return '\\';
    case 0x3c: return '[';
    case 0x3d: return '~';
    case 0x3e: return ']';
    case 0x40: return '|';
    case 0x65: return 0x20ac;
    default: return 0;
    }
}

/* The one or two septets of a code point: how many; 0: the alphabet has it not. */
static inline unsigned td_gsm_septets(uint32_t point, uint8_t out[2])
{
    if (point > 0x3a9 && point != 0x20ac) /* beyond omega there is only the euro */
        return 0;
    if (point < 128 && td_gsm_point((uint8_t)point) == point) { /* most letters are their own septet */
        out[0] = (uint8_t)point;
        return 1;
    }
    for (unsigned i = 0; i < 128; i++) {
        if (td_gsm_point((uint8_t)i) == point) {
            out[0] = (uint8_t)i;
            return 1;
        }
    }
    for (unsigned i = 0; i < 128 && point != 0; i++) {
        if (td_gsm_extended((uint8_t)i) == point) {
            out[0] = TD_GSM_ESC;
            out[1] = (uint8_t)i;
            return 2;
        }
    }
    return 0;
}

#ifdef __cplusplus
}
#endif
#endif
