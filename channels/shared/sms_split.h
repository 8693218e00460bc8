/*
 * sms_split.h - how a text goes out as short messages: alphabet, parts, and why.
 *
 * Layer: channels/shared. Pure. A part ends between graphemes (UAX #29) when there is such a place in
 * it, and always between code points: no escape stands apart from its letter, no half of a surrogate
 * pair from the other.
 */
#ifndef SMS_SPLIT_H
#define SMS_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#define SMS_MAX_PARTS 255

/* How much room the parts' numbers take of each part (3GPP TS 23.040, 9.2.3.24). */
enum sms_header {
    SMS_UDH8 = 6,  /* bytes: a reference of 8 bits; the SMSC makes such a one of SAR TLVs */
    SMS_UDH16 = 7, /* a reference of 16 bits */
};

struct sms_part {
    size_t from, len; /* bytes of the text */
    size_t units;     /* septets or 16-bit units */
};

struct sms_plan {
    int is_gsm;
    uint32_t odd;           /* why it is UCS-2: the first code point that the alphabet has not */
    size_t units;           /* of the whole */
    size_t one, each;       /* how many units a single message has room for, and a part of several */
    size_t n;               /* parts: at least 1 */
    struct sms_part parts[SMS_MAX_PARTS];
    int too_long;           /* there would be more parts: these are the first */
};

void sms_split(const char *text, size_t len, enum sms_header header, struct sms_plan *plan_r);

/* The longest beginning of a text that takes at most max_parts parts and ends after a sentence, else
 * between words, else between graphemes: its bytes, 0 only for an empty text. *skip_r: where the
 * rest begins, white space between left out. */
size_t sms_cut(const char *text, size_t len, enum sms_header header, size_t max_parts,
               size_t *skip_r);

#define SMS_MAX_MESSAGES 10

struct sms_limits {
    enum sms_header header;
    size_t max_parts;    /* of a message */
    size_t max_messages; /* that a text goes as; at most SMS_MAX_MESSAGES */
};

struct sms_cuts {
    size_t n;
    struct {
        size_t from, len;
    } cuts[SMS_MAX_MESSAGES];
    size_t rest; /* where what has no room begins: the text's length when all of it goes */
};

/* Into which messages a text goes. */
void sms_messages(const char *text, const struct sms_limits *limits, struct sms_cuts *cuts_r);

/* The text, or where it has no room its beginning up to a sentence's end and then `ending`, so that
 * it has. malloc()ed; NULL: out of memory. */
char *sms_fit(const char *text, const struct sms_limits *limits, const char *ending);

#endif
