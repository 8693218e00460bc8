/*
 * fuzz_sms.c - bytes of any alphabet become valid UTF-8, that goes out in parts of the right size,
 * and what was cut comes together again.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/utf8.h>

#include "channels/shared/sms_split.h"
#include "channels/shared/sms_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_utf8(const char *text)
{
    const size_t len = strlen(text);
    size_t step;

    for (size_t i = 0; i < len; i += step) {
        if ((step = td_utf8_step(text + i, len - i)) == 0)
            abort();
    }
}

/* Each part is full of whole letters, encodes to what was planned, and together they are the text. */
static void check_parts(const char *text, enum sms_header header)
{
    static struct sms_plan plan;
    const size_t len = strlen(text);
    uint8_t *bytes = malloc(len * 2 + 16);
    size_t at = 0, n;

    sms_split(text, len, header, &plan);
    for (size_t i = 0; i < plan.n && bytes != NULL; i++) {
        const struct sms_part *part = &plan.parts[i];

        if (part->from != at || part->units > (plan.n == 1 ? plan.one : plan.each))
            abort();
        if (part->len > 0 && td_utf8_step(text + at, len - at) == 0)
            abort();
        n = sms_encode(plan.is_gsm ? SMS_GSM : SMS_UCS2, text + at, part->len, bytes);
        if (n != part->units * (plan.is_gsm ? 1 : 2))
            abort();
        if (plan.is_gsm && n > 0 && bytes[n - 1] == 0x1b)
            abort();
        if (!plan.is_gsm && n > 1 && bytes[n - 2] >= 0xd8 && bytes[n - 2] <= 0xdb)
            abort();
        at += part->len;
    }
    if (!plan.too_long && at != len)
        abort();
    free(bytes);
}

static void check_cut(const char *text, size_t max)
{
    const size_t len = strlen(text);
    static struct sms_plan plan;
    size_t skip, at = sms_cut(text, len, SMS_UDH8, max, &skip);

    if (at > len || skip > len || skip < at || (len > 0 && skip == 0))
        abort();
    sms_split(text, at, SMS_UDH8, &plan);
    if (plan.n > max)
        abort();
}

static void check_fit(const char *text, size_t max)
{
    const struct sms_limits limits = { .header = SMS_UDH8, .max_parts = max, .max_messages = 2 };
    char *out = sms_fit(text, &limits, "[...]");
    struct sms_cuts cuts;

    if (out == NULL)
        abort();
    sms_messages(out, &limits, &cuts);
    if (cuts.rest != strlen(out))
        abort();
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum sms_charset set;
    char *text, *plain;
    int odd;

    if (len < 2 || len > 60000)
        return 0;
    set = (enum sms_charset)(data[0] % (SMS_BINARY + 1));
    text = sms_decode(set, data + 2, len - 2, &odd);
    if (text == NULL)
        return 0;
    check_utf8(text);
    check_parts(text, data[1] % 2 ? SMS_UDH8 : SMS_UDH16);
    check_cut(text, 1 + data[1] % 8);
    check_fit(text, 1 + data[1] % 8);
    plain = sms_transliterate(text);
    if (plain != NULL)
        check_utf8(plain);
    free(plain);
    free(text);
    return 0;
}
