/* sms_split.c - cuts texts into parts of short messages. */
#include "config.h"

#include "channels/shared/sms_split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unigbrk.h>

#include "channels/shared/sms_text.h"

#define OCTETS 140     /* of user data, header included */
#define PART_BYTES 640 /* of UTF-8 that a part can hold: 160 letters of 4 bytes */

static size_t room(int is_gsm, size_t header)
{
    return is_gsm ? (OCTETS - header) * 8 / 7 : (OCTETS - header) / 2;
}

static int is_flag_half(uint32_t point)
{
    return point >= 0x1f1e6 && point <= 0x1f1ff;
}

/* The grapheme at text, never 0 bytes. Its end may be far: some are longer than a part. The library
 * looks at pairs of code points only: it does not know that emoji are joined by U+200D (GB11), and
 * not which two halves make a flag (GB12). */
static size_t grapheme(const char *text, size_t len)
{
    const uint8_t *from = (const uint8_t *)text, *end = from + len;
    const uint8_t *to = u8_grapheme_next(from, end);
    size_t step;

    if (len >= 8 && is_flag_half(sms_point(text, len, &step)))
        return is_flag_half(sms_point(text + 4, len - 4, &step)) ? 8 : 4;
    while (to != NULL && to < end && to - from >= 3 && memcmp(to - 3, "\xe2\x80\x8d", 3) == 0 &&
           *to >= 0xe2)
        to = u8_grapheme_next(to, end);
    return to == NULL ? len : (size_t)(to - from);
}

static size_t units_of(const char *text, size_t len, int is_gsm)
{
    size_t units = 0, step;

    for (size_t i = 0; i < len; i += step)
        units += sms_units(sms_point(text + i, len - i, &step), is_gsm);
    return units;
}

/* The part that begins at text: whole graphemes. */
static struct sms_part take(const char *text, size_t len, int is_gsm, size_t max)
{
    struct sms_part part = { 0 };
    size_t step, units;

    while (part.len < len) {
        step = grapheme(text + part.len, len - part.len);
        units = units_of(text + part.len, step, is_gsm);
        if (part.units + units > max)
            break;
        part.len += step;
        part.units += units;
    }
    return part;
}

static struct sms_part take_points(const char *text, size_t len, int is_gsm, size_t max)
{
    struct sms_part part = { 0 };
    size_t step;

    while (part.len < len) {
        const unsigned units = sms_units(sms_point(text + part.len, len - part.len, &step), is_gsm);

        if (part.units + units > max)
            break;
        part.len += step;
        part.units += units;
    }
    return part;
}

void sms_split(const char *text, size_t len, enum sms_header header, struct sms_plan *plan_r)
{
    struct sms_need need;

    sms_need(text, len, &need);
    *plan_r = (struct sms_plan){ .is_gsm = need.is_gsm, .odd = need.odd, .units = need.units,
                                 .one = room(need.is_gsm, 0), .each = room(need.is_gsm, header) };
    if (need.units <= plan_r->one) {
        plan_r->n = 1;
        plan_r->parts[0] = (struct sms_part){ 0, len, need.units };
        return;
    }
    for (size_t at = 0; at < len && !plan_r->too_long;) {
        struct sms_part part = take(text + at, len - at, need.is_gsm, plan_r->each);

        if (part.len == 0) /* one grapheme, longer than a part */
            part = take_points(text + at, len - at, need.is_gsm, plan_r->each);
        part.from = at;
        at += part.len;
        plan_r->parts[plan_r->n++] = part;
        plan_r->too_long = plan_r->n == SMS_MAX_PARTS && at < len;
    }
}

/* ---- Messages ----------------------------------------------------------------------------- */

static int is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Does a sentence end with the byte before `at`? */
static int ends_sentence(const char *text, size_t at)
{
    return text[at - 1] == '\n' || (at > 1 && is_space(text[at]) &&
                                    strchr(".!?:;)", text[at - 1]) != NULL) ||
           (at > 2 && memcmp(text + at - 3, "\xe3\x80\x82", 3) == 0); /* U+3002 */
}

/* The last place up to `end` that suits, at least a third of the way: a sentence's end, or a space.
 * 0: none does. */
static size_t last_border(const char *text, size_t end, int sentences)
{
    for (size_t at = end; at > end / 3; at--) {
        if (sentences ? ends_sentence(text, at) : is_space(text[at]))
            return at;
    }
    return 0;
}

/* No more of the text than max_parts parts could hold, and some: a whole number of code points. */
static size_t window(const char *text, size_t len, size_t max_parts)
{
    const size_t most = (max_parts + 1) * PART_BYTES;
    size_t at = most;

    if (len <= most)
        return len;
    while (((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Cuts the text into parts as far as max_parts go; a letter beyond them that the alphabet has not
 * does not make the parts before it smaller. */
static void plan_cut(const char *text, size_t len, enum sms_header header, size_t max_parts,
                     struct sms_plan *plan_r)
{
    struct sms_plan before;
    size_t odd = 0, step = 0;

    sms_split(text, len, header, plan_r);
    if (plan_r->is_gsm || (plan_r->n <= max_parts && !plan_r->too_long))
        return;
    while (sms_point(text + odd, len - odd, &step) != plan_r->odd)
        odd += step;
    sms_split(text, odd, header, &before);
    if (before.n > max_parts)
        *plan_r = before;
}

size_t sms_cut(const char *text, size_t len, enum sms_header header, size_t max_parts,
               size_t *skip_r)
{
    const size_t look = window(text, len, max_parts);
    struct sms_plan plan;
    size_t end, at;

    plan_cut(text, look, header, max_parts, &plan);
    *skip_r = len;
    if (look == len && plan.n <= max_parts && !plan.too_long)
        return len;
    end = plan.parts[max_parts - 1].from + plan.parts[max_parts - 1].len;
    if ((at = last_border(text, end, 1)) == 0 && (at = last_border(text, end, 0)) == 0)
        at = end;
    for (*skip_r = at; *skip_r < len && is_space(text[*skip_r]);)
        ++*skip_r;
    while (at > 1 && is_space(text[at - 1]))
        at--;
    return at;
}

void sms_messages(const char *text, const struct sms_limits *limits, struct sms_cuts *cuts_r)
{
    const size_t whole = strlen(text);
    size_t at = 0, skip;

    cuts_r->n = 0;
    do {
        cuts_r->cuts[cuts_r->n].from = at;
        cuts_r->cuts[cuts_r->n].len = sms_cut(text + at, whole - at, limits->header,
                                              limits->max_parts, &skip);
        cuts_r->n++;
        at += skip;
    } while (at < whole && cuts_r->n < limits->max_messages);
    cuts_r->rest = at;
}

/* A place before `end` at which the text may end, the further back the fewer there are. */
static size_t step_back(const char *text, size_t end)
{
    size_t at;

    if ((at = last_border(text, end - 1, 1)) == 0 && (at = last_border(text, end - 1, 0)) == 0)
        for (at = end - 1; at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80;)
            at--;
    return at;
}

char *sms_fit(const char *text, const struct sms_limits *limits, const char *ending)
{
    const size_t len = strlen(text), size = len + strlen(ending) + 2;
    char *out = malloc(size);
    struct sms_cuts cuts;
    size_t last, skip;

    if (out == NULL)
        return NULL;
    memcpy(out, text, len + 1);
    sms_messages(text, limits, &cuts);
    if (cuts.rest == len)
        return out;
    last = cuts.cuts[cuts.n - 1].from;
    for (size_t end = cuts.rest; end > last; end = last + step_back(text + last, end - last)) {
        const size_t shown = end - (is_space(text[end - 1]) ? 1 : 0);
        const size_t n = (size_t)snprintf(out, size, "%.*s %s", (int)shown, text, ending);

        sms_cut(out + last, n - last, limits->header, limits->max_parts, &skip);
        if (last + skip < n) /* this message has no room; the others come to the same */
            continue;
        sms_messages(out, limits, &cuts);
        if (cuts.rest == n)
            return out;
    }
    snprintf(out, size, "%.*s", (int)(last > 0 ? last : cuts.cuts[0].len), text);
    return out; /* the ending alone has no room */
}
