/* hours.c - when a queue is open. */
#include "config.h"

#include "engine/hours.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/zone.h"

#define DAY_MINUTES (24 * 60)
#define SPANS_MAX 64
#define HOLIDAYS_MAX 1000
#define SEARCH_DAYS 400
#define TEXT_MAX 4096
#define WORD_MAX 64

struct span {
    int weekday;    /* 0: Sunday */
    int begin, end; /* minutes; end beyond 24 h is on the next day */
};

struct holiday {
    int yearly;
    int64_t from, to; /* days since 1970; yearly: month * 32 + day; both included */
};

struct hours {
    struct zone *zone; /* NULL: UTC */
    struct span spans[SPANS_MAX]; /* by weekday, then begin; none of a day overlap */
    size_t n_spans;
    struct holiday *holidays;
    size_t n_holidays;
};

static const char *const day_names[] = { "sunday",   "monday", "tuesday", "wednesday",
                                         "thursday", "friday", "saturday" };

/* Exactly `digits` or, from `least` on, fewer. */
static const char *number(const char *at, int least, int digits, int *n_r)
{
    int n = 0, i = 0;

    for (; i < digits && at[i] >= '0' && at[i] <= '9'; i++)
        n = n * 10 + (at[i] - '0');
    *n_r = n;
    return i >= least ? at + i : NULL;
}

static const char *clock_text(const char *at, int *minutes_r)
{
    int hour, minute;

    at = number(at, 1, 2, &hour);
    if (!at || *at != ':')
        return NULL;
    at = number(at + 1, 2, 2, &minute);
    *minutes_r = hour * 60 + minute;
    return at && minute < 60 && *minutes_r <= DAY_MINUTES ? at : NULL;
}

/* "Mon" or "Monday"; -1: neither. */
static int weekday(const char *word, size_t len)
{
    for (int i = 0; i < 7; i++) {
        size_t n = 0;
        while (n < len && day_names[i][n] && (word[n] | 0x20) == day_names[i][n])
            n++;
        if (n == len && (n == 3 || day_names[i][n] == '\0'))
            return i;
    }
    return -1;
}

/* "Mon" or "Mon-Fri" as a set of bits. */
static int parse_days(const char *word, unsigned *days_r, struct err *err)
{
    const char *dash = strchr(word, '-');
    const int from = weekday(word, dash ? (size_t)(dash - word) : strlen(word));
    const int to = dash ? weekday(dash + 1, strlen(dash + 1)) : from;

    if (from < 0 || to < 0)
        return err_set(err, "'%s' is not a day or a span of days: write Mon, Tue, Wed, Thu, Fri, "
                            "Sat, Sun or Mon-Fri", word);
    for (int day = from;; day = (day + 1) % 7) {
        *days_r |= 1u << day;
        if (day == to)
            return 0;
    }
}

static int parse_span(const char *word, struct span *span_r, struct err *err)
{
    const char *at = clock_text(word, &span_r->begin);

    if (at && *at == '-')
        at = clock_text(at + 1, &span_r->end);
    else
        at = NULL;
    if (!at || *at || span_r->begin == DAY_MINUTES)
        return err_set(err, "'%s' is not a span of time: write 09:00-17:00", word);
    if (span_r->begin == span_r->end)
        return err_set(err, "'%s' is empty: write 00:00-24:00 for a whole day", word);
    if (span_r->end < span_r->begin)
        span_r->end += DAY_MINUTES;
    return 0;
}

static int add_spans(struct hours *hours, unsigned days, struct span span, const char *word,
                     struct err *err)
{
    for (int day = 0; day < 7; day++) {
        if (!(days & 1u << day))
            continue;
        if (hours->n_spans == SPANS_MAX)
            return err_set(err, "'%s' is one span too many: at most %d", word, SPANS_MAX);
        span.weekday = day;
        hours->spans[hours->n_spans++] = span;
    }
    return 0;
}

static int by_begin(const void *a_p, const void *b_p)
{
    const struct span *a = a_p, *b = b_p;

    return a->weekday != b->weekday ? a->weekday - b->weekday : a->begin - b->begin;
}

static void merge_spans(struct hours *hours)
{
    size_t n = 0;

    qsort(hours->spans, hours->n_spans, sizeof *hours->spans, by_begin);
    for (size_t i = 0; i < hours->n_spans; i++) {
        struct span *last = n > 0 ? &hours->spans[n - 1] : NULL;
        const struct span *span = &hours->spans[i];
        if (!last || last->weekday != span->weekday || last->end < span->begin)
            hours->spans[n++] = *span;
        else if (last->end < span->end)
            last->end = span->end;
    }
    hours->n_spans = n;
}

/* The next word; *comma_r: one stood after it. 0: there is none; -1: it is too long. */
static int next_word(const char **at, char word[WORD_MAX + 1], int *comma_r, struct err *err)
{
    *at += strspn(*at, " \t");
    const size_t len = strcspn(*at, " \t,");
    if (len > WORD_MAX)
        return err_set(err, "'%.*s..' is not a day, a time or a time zone", WORD_MAX, *at);
    memcpy(word, *at, len);
    word[len] = '\0';
    *at += len;
    *at += strspn(*at, " \t");
    *comma_r = **at == ',';
    *at += *comma_r;
    return len > 0 || *comma_r;
}

static int parse_zone(struct hours *hours, const char *word, const char *rest, const char *dir,
                      struct err *err)
{
    if (*rest)
        return err_set(err, "the time zone '%s' must be the last word", word);
    hours->zone = zone_load(word, dir, err);
    return hours->zone ? 0 : -1;
}

/* A word that is neither days nor a span: the zone, when it could be one. */
static int is_zone(const char *word, const char *rest)
{
    return strchr(word, '/') != NULL || strcmp(word, "UTC") == 0 || strcmp(word, "GMT") == 0 ||
           (*rest == '\0' && strchr(word, '-') == NULL && weekday(word, strlen(word)) < 0);
}

/* Days gather until a span comes; a span without days has those of the span before. */
static int parse_week(struct hours *hours, const char *text, const char *dir, struct err *err)
{
    char word[WORD_MAX + 1], last_day[WORD_MAX + 1] = "";
    unsigned days = 0;
    int fresh = 1, comma, found; /* fresh: the next day begins a new set */

    while ((found = next_word(&text, word, &comma, err)) > 0) {
        struct span span = { 0 };
        if (!*word)
            return err_set(err, "there is a ',' too many");
        if (*word >= '0' && *word <= '9') {
            if (days == 0)
                return err_set(err, "before '%s' there is no day: write Mon-Fri %s", word, word);
            if (parse_span(word, &span, err) < 0 ||
                add_spans(hours, days, span, word, err) < 0)
                return -1;
            fresh = 1;
        } else if (is_zone(word, text)) {
            if (comma || parse_zone(hours, word, text, dir, err) < 0)
                return comma ? err_set(err, "the time zone '%s' must be the last word", word) : -1;
        } else {
            if (fresh)
                days = 0;
            fresh = 0;
            if (parse_days(word, &days, err) < 0)
                return -1;
            memcpy(last_day, word, sizeof last_day);
        }
    }
    if (found < 0)
        return -1;
    if (!fresh && *last_day)
        return err_set(err, "after '%s' there is no time: write %s 09:00-17:00", last_day,
                       last_day);
    return hours->n_spans > 0 ? 0 : err_set(err, "no opening hours are given: write "
                                                 "Mon-Fri 09:00-17:00 Europe/Copenhagen");
}

static int parse_hours(struct hours *hours, const char *text, const char *dir, struct err *err)
{
    char word[WORD_MAX + 1];
    const char *at = text;
    int comma;

    if (strlen(text) > TEXT_MAX)
        return err_set(err, "the opening hours are too long");
    if (next_word(&at, word, &comma, err) < 0)
        return -1;
    const int always = strcmp(word, "always") == 0;
    if (!always && strcmp(word, "never") != 0) {
        if (parse_week(hours, text, dir, err) < 0)
            return -1;
        merge_spans(hours);
        return 0;
    }
    if (always)
        add_spans(hours, 0x7f, (struct span){ 0, 0, DAY_MINUTES }, word, err);
    if (comma)
        return err_set(err, "'%s' stands alone, or with a time zone", word);
    if (next_word(&at, word, &comma, err) <= 0)
        return 0;
    return comma ? err_set(err, "the time zone '%s' must be the last word", word)
                 : parse_zone(hours, word, at, dir, err);
}

/* "2026-12-24" or "12-24" */
static const char *parse_date(const char *at, int *yearly_r, int64_t *day_r)
{
    static const int lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year = 2000, month, day, n; /* a leap year */
    const char *dash = number(at, 4, 4, &n);

    *yearly_r = !(dash && *dash == '-');
    if (!*yearly_r) {
        year = n;
        at = dash + 1;
    }
    at = number(at, 2, 2, &month);
    if (!at || *at != '-')
        return NULL;
    at = number(at + 1, 2, 2, &day);
    if (!at || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] ||
        (month == 2 && day == 29 && zone_day(year, 3, 1) - zone_day(year, 2, 1) == 28))
        return NULL;
    *day_r = *yearly_r ? month * 32 + day : zone_day(year, month, day);
    return at;
}

static int parse_holiday(struct hours *hours, const char *text, struct err *err)
{
    struct holiday holiday;
    int yearly;
    const char *at = parse_date(text, &holiday.yearly, &holiday.from);

    holiday.to = holiday.from;
    if (at && strncmp(at, "..", 2) == 0) {
        at = parse_date(at + 2, &yearly, &holiday.to);
        if (at && yearly != holiday.yearly)
            return err_set(err, "the holiday '%.80s' has a year at one end only", text);
    }
    if (!at || *at)
        return err_set(err, "'%.80s' is not a holiday: write 2026-12-24, 12-25 (every year) or "
                            "2026-12-24..2026-12-26", text);
    if (!holiday.yearly && holiday.to < holiday.from)
        return err_set(err, "the holiday '%.80s' ends before it begins", text);
    if (hours->n_holidays == HOLIDAYS_MAX)
        return err_set(err, "'%.80s' is one holiday too many: at most %d", text, HOLIDAYS_MAX);
    hours->holidays[hours->n_holidays++] = holiday;
    return 0;
}

struct hours *hours_parse(const char *text, const char *const *holidays, const char *zone_dir,
                          struct err *err)
{
    struct hours *hours = mem_alloc(sizeof *hours);
    int status = parse_hours(hours, text, zone_dir, err);

    hours->holidays = mem_array(HOLIDAYS_MAX, sizeof *hours->holidays);
    for (size_t i = 0; status == 0 && holidays && holidays[i]; i++)
        status = parse_holiday(hours, holidays[i], err);
    if (status < 0)
        hours_free(&hours);
    return hours;
}

void hours_free(struct hours **hours_p)
{
    struct hours *hours = *hours_p;

    *hours_p = NULL;
    if (!hours)
        return;
    zone_free(&hours->zone);
    free(hours->holidays);
    free(hours);
}

const struct zone *hours_zone(const struct hours *hours)
{
    return hours && hours->zone ? hours->zone : zone_utc();
}

static int is_holiday(const struct hours *hours, int64_t day)
{
    int year, month, mday;

    zone_date(day, &year, &month, &mday);
    const int64_t yearly = month * 32 + mday;
    for (size_t i = 0; i < hours->n_holidays; i++) {
        const struct holiday *holiday = &hours->holidays[i];
        const int64_t at = holiday->yearly ? yearly : day;
        const int inside = holiday->from <= holiday->to
                               ? holiday->from <= at && at <= holiday->to
                               : holiday->from <= at || at <= holiday->to; /* over New Year */
        if (inside)
            return 1;
    }
    return 0;
}

static int64_t local_day(const struct hours *hours, int64_t at_ms)
{
    struct zone_time t;

    zone_local(hours_zone(hours), at_ms, &t);
    return zone_day(t.year, t.month, t.day);
}

/* The next span of `day` from *i on, as moments; 0: there is none. */
static int next_span(const struct hours *hours, int64_t day, size_t *i, int64_t *from_r,
                     int64_t *to_r)
{
    const struct zone *zone = hours_zone(hours);
    const int week_day = zone_weekday(day);
    int year, month, mday;

    if (*i == 0 && is_holiday(hours, day))
        return 0;
    zone_date(day, &year, &month, &mday);
    while (*i < hours->n_spans) {
        const struct span *span = &hours->spans[(*i)++];
        if (span->weekday != week_day)
            continue;
        *from_r = zone_moment(zone, year, month, mday, 0, span->begin);
        *to_r = zone_moment(zone, year, month, mday, 0, span->end);
        if (*to_r > *from_r) /* else the clocks went over all of it */
            return 1;
    }
    return 0;
}

int64_t hours_next_open(const struct hours *hours, int64_t at_ms)
{
    if (!hours)
        return at_ms;
    const int64_t today = local_day(hours, at_ms);
    for (int64_t day = today - 1; day <= today + SEARCH_DAYS; day++) {
        int64_t from, to;
        for (size_t i = 0; next_span(hours, day, &i, &from, &to);) {
            if (to > at_ms)
                return from > at_ms ? from : at_ms;
        }
    }
    return INT64_MAX;
}

int hours_open(const struct hours *hours, int64_t at_ms)
{
    int64_t from, to;

    if (!hours)
        return 1;
    const int64_t today = local_day(hours, at_ms);
    for (int64_t day = today - 1; day <= today; day++) {
        for (size_t i = 0; next_span(hours, day, &i, &from, &to);) {
            if (from <= at_ms && at_ms < to)
                return 1;
        }
    }
    return 0;
}

int64_t hours_between(const struct hours *hours, int64_t from_ms, int64_t to_ms)
{
    int64_t open = 0, counted = from_ms; /* all before it is */

    if (to_ms <= from_ms)
        return 0;
    if (!hours)
        return to_ms - from_ms;
    const int64_t last = local_day(hours, to_ms);
    for (int64_t day = local_day(hours, from_ms) - 1; day <= last; day++) {
        int64_t from, to;
        for (size_t i = 0; next_span(hours, day, &i, &from, &to);) {
            from = from > counted ? from : counted;
            to = to < to_ms ? to : to_ms;
            if (to > from) {
                open += to - from;
                counted = to;
            }
        }
    }
    return open;
}

int64_t hours_after(const struct hours *hours, int64_t from_ms, int64_t open_ms)
{
    int64_t counted = from_ms; /* all before it is */

    if (!hours)
        return from_ms + open_ms;
    const int64_t today = local_day(hours, from_ms);
    for (int64_t day = today - 1; day <= today + SEARCH_DAYS; day++) {
        int64_t from, to;
        for (size_t i = 0; next_span(hours, day, &i, &from, &to);) {
            from = from > counted ? from : counted;
            if (to <= from)
                continue;
            if (to - from >= open_ms)
                return from + open_ms;
            open_ms -= to - from;
            counted = to;
        }
    }
    return INT64_MAX;
}
