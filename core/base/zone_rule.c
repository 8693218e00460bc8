/* zone_rule.c - "CET-1CEST,M3.5.0,M10.5.0/3": a zone's rule for all years to come. */
#include "config.h"

#include <string.h>

#include "base/err.h"
#include "base/zone_private.h"

/* What is left to read. */
struct text {
    const char *at, *end;
};

static int next_is(struct text *text, char c)
{
    if (text->at == text->end || *text->at != c)
        return 0;
    text->at++;
    return 1;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A number without a sign; -1: none, or outside. */
static int number(struct text *text, int low, int high, int *n_r)
{
    int n = 0, digits = 0;

    while (text->at < text->end && is_digit(*text->at) && digits < 4) {
        n = n * 10 + (*text->at++ - '0');
        digits++;
    }
    *n_r = n;
    return digits > 0 && n >= low && n <= high ? 0 : -1;
}

/* [+-]h[h[h]][:mm[:ss]] */
static int clock_time(struct text *text, int hours_max, int32_t *seconds_r)
{
    int h, m = 0, s = 0;
    const int negative = next_is(text, '-');

    if (!negative)
        next_is(text, '+');
    if (number(text, 0, hours_max, &h) < 0)
        return -1;
    if (next_is(text, ':')) {
        if (number(text, 0, 59, &m) < 0)
            return -1;
        if (next_is(text, ':') && number(text, 0, 59, &s) < 0)
            return -1;
    }
    *seconds_r = (h * 3600 + m * 60 + s) * (negative ? -1 : 1);
    return 0;
}

/* "CET" or "<+0330>" */
static int abbreviation(struct text *text, char name_r[ZONE_ABBREVIATION + 1])
{
    const int quoted = next_is(text, '<');
    const char *from = text->at;

    while (text->at < text->end &&
           (is_letter(*text->at) ||
            (quoted && (is_digit(*text->at) || *text->at == '+' || *text->at == '-'))))
        text->at++;
    const size_t len = (size_t)(text->at - from);
    if (len < 3 || len > ZONE_ABBREVIATION || (quoted && !next_is(text, '>')))
        return -1;
    memcpy(name_r, from, len);
    name_r[len] = '\0';
    return 0;
}

static int change(struct text *text, struct zone_change *change_r)
{
    struct zone_change c = { .time_s = 2 * 3600 };

    if (!next_is(text, ','))
        return -1;
    if (next_is(text, 'M')) {
        c.kind = CHANGE_WEEKDAY;
        if (number(text, 1, 12, &c.month) < 0 || !next_is(text, '.') ||
            number(text, 1, 5, &c.week) < 0 || !next_is(text, '.') ||
            number(text, 0, 6, &c.day) < 0)
            return -1;
    } else if (next_is(text, 'J')) {
        c.kind = CHANGE_JULIAN;
        if (number(text, 1, 365, &c.day) < 0)
            return -1;
    } else {
        c.kind = CHANGE_DAY;
        if (number(text, 0, 365, &c.day) < 0)
            return -1;
    }
    if (next_is(text, '/') && clock_time(text, 167, &c.time_s) < 0)
        return -1;
    *change_r = c;
    return 0;
}

static int parse(struct text *text, struct zone_rule *rule)
{
    int32_t west;

    if (abbreviation(text, rule->standard.abbreviation) < 0 || clock_time(text, 24, &west) < 0)
        return -1;
    rule->standard.offset_s = -west;
    if (text->at == text->end)
        return 0;
    rule->has_summer = 1;
    if (abbreviation(text, rule->summer.abbreviation) < 0)
        return -1;
    rule->summer.offset_s = rule->standard.offset_s + 3600;
    if (text->at < text->end && *text->at != ',') {
        if (clock_time(text, 24, &west) < 0)
            return -1;
        rule->summer.offset_s = -west;
    }
    if (change(text, &rule->begin) < 0 || change(text, &rule->end) < 0)
        return -1;
    return text->at == text->end ? 0 : -1;
}

int zone_rule_parse(const char *text, size_t len, struct zone_rule *rule_r, struct err *err)
{
    struct text left = { text, text + len };

    *rule_r = (struct zone_rule){ 0 };
    if (parse(&left, rule_r) < 0)
        return err_set(err, "its rule for the years to come is wrong after '%.*s'",
                       (int)(left.at - text > 60 ? 60 : left.at - text), text);
    return 0;
}
