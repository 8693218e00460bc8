/* report_query.c - a query string as a report that is asked for. */
#include "config.h"

#include "daemon/report_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "base/word.h"
#include "base/zone.h"
#include "daemon/events.h"

#define VALUE 256
#define DAY_MS INT64_C(86400000)
#define MOST_DAYS 36500

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* In place; what is no escape stays. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *s = text; *s != '\0'; s++) {
        if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0 && (hex(s[1]) | hex(s[2])) != 0) {
            *to++ = (char)(hex(s[1]) << 4 | hex(s[2]));
            s += 2;
        } else {
            *to++ = *s == '+' ? ' ' : *s;
        }
    }
    *to = '\0';
}

static int get(const char *query, const char *key, char value[VALUE])
{
    if (!query_get(query, key, value, VALUE))
        return 0;
    unescape(value);
    if (!utf8_valid(value, strlen(value)))
        memcpy(value, "?", 2);
    return 1;
}

/* Bytes of it in a sentence: whole characters. */
static int shown(const char *value)
{
    return (int)utf8_cut(value, strlen(value), 64);
}

/* n digits; -1: they are not. */
static int number(const char **at, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

/* "30m", "24h", "7d" ago; -1: it is not one. */
static int64_t ago(const char *text, int64_t now)
{
    char *end;
    const long n = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
    int64_t unit;

    if (n < 0 || *end == '\0' || end[1] != '\0')
        return -1;
    unit = *end == 'm' ? 60000 : *end == 'h' ? 3600000 : *end == 'd' ? DAY_MS : 0;
    return unit == 0 || n > MOST_DAYS * DAY_MS / unit || n * unit > now ? -1 : now - n * unit;
}

/* YYYY-MM-DD, or with THH:MM:SS, a fraction or not, and Z; -1: it is none. */
static int64_t moment(const char *text)
{
    const char *at = text;
    const int year = number(&at, 4);
    int month, day, hour = 0, minute = 0, second = 0, y, m, d;

    if (year < 1970 || *at++ != '-' || (month = number(&at, 2)) < 1 || *at++ != '-' ||
        (day = number(&at, 2)) < 1)
        return -1;
    if (*at == 'T') {
        at++;
        if ((hour = number(&at, 2)) < 0 || *at++ != ':' || (minute = number(&at, 2)) < 0 ||
            *at++ != ':' || (second = number(&at, 2)) < 0 || hour > 23 || minute > 59 ||
            second > 59)
            return -1;
        if (*at == '.')
            at += 1 + strspn(at + 1, "0123456789");
        if (*at++ != 'Z')
            return -1;
    }
    if (*at != '\0' || month > 12)
        return -1;
    zone_date(zone_day(year, month, day), &y, &m, &d);
    if (m != month || d != day) /* a February 30 */
        return -1;
    return zone_moment(zone_utc(), year, month, day, hour, minute) + second * INT64_C(1000);
}

static int parse_time(const char *query, const char *key, int64_t now, int64_t *at, char *why,
                      size_t why_len)
{
    char value[VALUE];
    int64_t got;

    if (!get(query, key, value))
        return 0;
    if (strcmp(value, "now") == 0) {
        *at = now;
        return 0;
    }
    got = ago(value, now);
    if (got < 0)
        got = moment(value);
    if (got < 0) {
        snprintf(why, why_len, "%s is '%.*s': give a day (2026-11-23), a time in UTC "
                 "(2026-11-23T09:00:00Z), or how long ago (30m, 24h, 7d)", key, shown(value), value);
        return -1;
    }
    *at = got;
    return 0;
}

/* The place of a word among n, or -1 with a sentence. */
static int choose(const char *key, const char *value, const char *const *words, size_t n, char *why,
                  size_t why_len)
{
    const char *near = word_nearest(value, words, n);
    struct buf all = { 0 };

    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], value) == 0)
            return (int)i;
    for (size_t i = 0; i < n; i++)
        buf_printf(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
    snprintf(why, why_len, "%s is '%.*s'%s%s%s: it is one of %s", key, shown(value), value,
             near != NULL ? ", did you mean " : "", near != NULL ? near : "",
             near != NULL ? "?" : "", all.data);
    buf_fini(&all);
    return -1;
}

static int parse_by(const char *query, struct report_query *q, char *why, size_t why_len)
{
    const char *words[REPORT_BYS - 1];
    char value[VALUE];
    int at;

    for (int i = 1; i < REPORT_BYS; i++)
        words[i - 1] = report_by_name((enum report_by)i);
    if (get(query, "by", value)) {
        if ((at = choose("by", value, words, REPORT_BYS - 1, why, why_len)) < 0)
            return -1;
        q->ask.by = (enum report_by)(at + 1);
    }
    if (!get(query, "group", value))
        return 0;
    if (q->ask.by == BY_NOTHING) {
        snprintf(why, why_len, "group is of by: give by=queue&group=NAME, or another of its words");
        return -1;
    }
    snprintf(q->group, sizeof q->group, "%s", value);
    q->ask.group = q->group;
    return 0;
}

static int parse_sessions(const char *query, struct report_query *q, char *why, size_t why_len)
{
    const char *words[MARKS + 1];
    char value[VALUE];
    int at;

    q->ask.mark = MARKS;
    for (int i = 0; i < MARKS; i++)
        words[i] = mark_name((enum mark)i);
    words[MARKS] = "all";
    if (get(query, "sessions", value)) {
        if ((at = choose("sessions", value, words, MARKS + 1, why, why_len)) < 0)
            return -1;
        q->ask.sessions = 1;
        q->ask.mark = (enum mark)at;
    }
    if (q->ask.group != NULL && !q->ask.sessions) {
        snprintf(why, why_len, "group goes with sessions: give sessions=all, or what they are "
                 "counted for");
        return -1;
    }
    return 0;
}

static int parse_columns(const char *query, struct report_query *q, char *why, size_t why_len)
{
    char value[VALUE], *end;
    long n;

    if (!get(query, "columns", value))
        return 0;
    n = *value >= '0' && *value <= '9' ? strtol(value, &end, 10) : -1;
    if (n < 1 || n > REPORT_COLUMNS || *end != '\0') {
        snprintf(why, why_len, "columns is '%.*s': it is how many equal parts the time is cut into, "
                 "1 to %d", shown(value), value, REPORT_COLUMNS);
        return -1;
    }
    q->ask.columns = (unsigned)n;
    return 0;
}

static int parse_format(const char *query, struct report_query *q, char *why, size_t why_len)
{
    static const char *const words[] = { "json", "csv" };
    char value[VALUE];
    int at;

    if (!get(query, "format", value))
        return 0;
    if ((at = choose("format", value, words, 2, why, why_len)) < 0)
        return -1;
    q->csv = at == 1;
    return 0;
}

/* An argument that nobody reads is a mistake, and its figures would be others than are meant. */
static int check_keys(const char *query, char *why, size_t why_len)
{
    static const char *const words[] = { "from", "to", "by", "group", "sessions", "format",
                                         "columns", "stream" };
    char key[32];

    for (const char *at = query; *at != '\0'; at += strcspn(at, "&"), at += *at == '&') {
        snprintf(key, sizeof key, "%.*s", (int)strcspn(at, "=&"), at);
        if (!utf8_valid(key, strlen(key)))
            memcpy(key, "?", 2);
        if (strcspn(at, "&") >= VALUE) {
            snprintf(why, why_len, "%s is too long", key);
            return -1;
        }
        if (*key != '\0' && choose("the argument", key, words, 8, why, why_len) < 0)
            return -1;
    }
    return 0;
}

int report_query_parse(const char *query, int64_t now, struct report_query *q, char *why,
                       size_t why_len)
{
    *q = (struct report_query){ .ask = { .now = now, .to = now, .from = now - 7 * DAY_MS } };
    if (check_keys(query, why, why_len) != 0 ||
        parse_time(query, "from", now, &q->ask.from, why, why_len) != 0 ||
        parse_time(query, "to", now, &q->ask.to, why, why_len) != 0 ||
        parse_by(query, q, why, why_len) != 0 || parse_sessions(query, q, why, why_len) != 0 ||
        parse_columns(query, q, why, why_len) != 0 || parse_format(query, q, why, why_len) != 0)
        return -1;
    if (q->ask.from < q->ask.to)
        return 0;
    snprintf(why, why_len, "from must be before to: to is now unless it is given");
    return -1;
}
