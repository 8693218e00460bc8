/* schema_units.c - durations, sizes and rates: from text and back. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "config/schema_private.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* The smallest first; of two names for one the last is written. */
static const struct unit durations[] = {
    { "ms", 1 },        { "s", 1000 },      { "m", 60000 }, { "min", 60000 },
    { "h", 3600000 },   { "d", 86400000 },  { NULL, 0 },
};
static const struct unit sizes[] = {
    { "", 1 }, { "K", 1024 }, { "M", 1048576 }, { "G", 1073741824 }, { NULL, 0 },
};

/* Digits at the front; the rest in *end_r. -1 when there are none or too many. */
static int parse_digits(const char *text, int64_t *value_r, const char **end_r)
{
    int64_t value = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            return -1;
    }
    *value_r = value;
    *end_r = at;
    return at == text ? -1 : 0;
}

static int64_t factor_of(const struct unit *units, const char *name)
{
    for (; units->name; units++) {
        if (strcmp(units->name, name) == 0)
            return units->factor;
    }
    return 0;
}

static int parse_with_unit(const char *text, const struct unit *units, int64_t *value_r)
{
    const char *unit;
    int64_t value;

    if (parse_digits(text, &value, &unit) < 0)
        return -1;
    if (value == 0 && !*unit) {
        *value_r = 0;
        return 0;
    }
    int64_t factor = factor_of(units, unit);
    return !factor || __builtin_mul_overflow(value, factor, value_r) ? -1 : 0;
}

int schema_parse_int(const char *text, int64_t *value_r)
{
    const char *end;
    int minus = *text == '-';

    if (parse_digits(text + minus, value_r, &end) < 0 || *end)
        return -1;
    if (minus)
        *value_r = -*value_r;
    return 0;
}

int schema_parse_duration(const char *text, int64_t *ms_r)
{
    return parse_with_unit(text, durations, ms_r);
}

int schema_parse_size(const char *text, int64_t *bytes_r)
{
    return parse_with_unit(text, sizes, bytes_r);
}

int schema_parse_rate(const char *text, struct td_rate *rate_r)
{
    const char *at;
    struct td_rate rate = { 0 };

    if (parse_digits(text, &rate.count, &at) < 0)
        return -1;
    if (rate.count == 0 && !*at) {
        *rate_r = rate;
        return 0;
    }
    if (*at++ != '/')
        return -1;
    rate.per_ms = factor_of(durations, at); /* "30/min": the unit alone counts once */
    if (!rate.per_ms && (parse_with_unit(at, durations, &rate.per_ms) < 0 || !rate.per_ms))
        return -1;
    *rate_r = rate;
    return 0;
}

/* In the largest unit that leaves no rest. */
static void format(struct buf *out, const struct unit *units, int64_t value)
{
    const struct unit *best = units;

    for (const struct unit *unit = units; unit->name; unit++) {
        if (value % unit->factor == 0)
            best = unit;
    }
    if (value)
        buf_printf(out, "%" PRId64 "%s", value / best->factor, best->name);
    else
        buf_char(out, '0');
}

void schema_format_number(struct buf *out, enum td_conf_type type, int64_t value)
{
    if (type == TD_TYPE_DURATION)
        format(out, durations, value);
    else if (type == TD_TYPE_SIZE)
        format(out, sizes, value);
    else
        buf_printf(out, "%" PRId64, value);
}

void schema_format_rate(struct buf *out, const struct td_rate *rate)
{
    buf_printf(out, "%" PRId64, rate->count);
    if (rate->count) {
        buf_char(out, '/');
        format(out, durations, rate->per_ms);
    }
}
