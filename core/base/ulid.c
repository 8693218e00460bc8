/* ulid.c - sortable ids. */
#include "config.h"

#include "base/ulid.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "base/crypt.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct ulid ulid_make(int64_t wall_ms, uint64_t hi16, uint64_t lo64)
{
    struct ulid id;
    uint64_t head = (uint64_t)wall_ms << 16 | (hi16 & 0xffff);

    for (int i = 0; i < 8; i++) {
        id.b[i] = (uint8_t)(head >> (56 - 8 * i));
        id.b[8 + i] = (uint8_t)(lo64 >> (56 - 8 * i));
    }
    return id;
}

struct ulid ulid_new(int64_t wall_ms)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int64_t last_ms;
    static uint64_t last_hi, last_lo;
    uint64_t random[2];

    crypt_random(random, sizeof(random));
    pthread_mutex_lock(&lock);
    if (wall_ms <= last_ms && wall_ms > last_ms - 1000) {
        /* Same instant, or threads that read the clock in another order: a random step up. */
        uint64_t step = (random[0] & 0xffffffff) + 1;
        last_lo += step;
        if (last_lo < step && ++last_hi > 0xffff) {
            last_hi = 0;
            last_ms++;
        }
    } else {
        last_ms = wall_ms;
        last_hi = random[0] & 0xffff;
        last_lo = random[1];
    }
    struct ulid id = ulid_make(last_ms, last_hi, last_lo);
    pthread_mutex_unlock(&lock);
    return id;
}

void ulid_format(const struct ulid *id, char text[ULID_TEXT])
{
    uint64_t high, low;

    memcpy(&high, id->b, sizeof high);
    memcpy(&low, id->b + sizeof high, sizeof low);
    high = be64toh(high);
    low = be64toh(low);
    for (int i = ULID_TEXT - 2; i > 13; i--, low >>= 5)
        text[i] = digits[low & 31];
    text[13] = digits[low | (high & 1) << 4]; /* the digit that has bits of both halves */
    high >>= 1;
    for (int i = 12; i >= 0; i--, high >>= 5)
        text[i] = digits[high & 31];
    text[ULID_TEXT - 1] = '\0';
}

int ulid_parse(const char *text, struct ulid *id_r)
{
    unsigned bits = 0, n_bits = 0;
    size_t at = 0;

    if (strnlen(text, ULID_TEXT) != ULID_TEXT - 1 || text[0] > '7')
        return -1;
    for (int i = 0; i < ULID_TEXT - 1; i++) {
        const char *digit = memchr(digits, text[i], 32);
        if (!digit)
            return -1;
        bits = bits << 5 | (unsigned)(digit - digits);
        n_bits += i ? 5 : 3;
        if (n_bits >= 8) {
            n_bits -= 8;
            id_r->b[at++] = (uint8_t)(bits >> n_bits);
            bits &= (1u << n_bits) - 1;
        }
    }
    return 0;
}

int ulid_is_zero(const struct ulid *id)
{
    static const struct ulid zero;

    return memcmp(id->b, zero.b, sizeof id->b) == 0;
}

int ulid_cmp(const struct ulid *a, const struct ulid *b)
{
    return memcmp(a->b, b->b, sizeof(a->b));
}

int64_t ulid_ms(const struct ulid *id)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->b[i];
    return ms;
}
