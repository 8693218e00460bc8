/* metric.c - families of series by name, series by labels; both in order of first use. */
#include "config.h"

#include "base/metric.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/buf.h"
#include "base/mem.h"

#define MAX_SERIES 10000 /* of one name */

/* Names that end in _seconds are observed in seconds, the rest in counts. People take longer: what
 * ends in _response_seconds has bounds from seconds to a day. */
static const double seconds[] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                  0.25,   0.5,   1,      2.5,   5,    10,    30,   60 };
static const double responses[] = { 5,   15,   30,   60,   120,  300,   600,   900,
                                    1800, 3600, 7200, 14400, 28800, 86400 };
static const double counts[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024 };

enum type { COUNTER, GAUGE, HISTOGRAM };
static const char *const type_names[] = { "counter", "gauge", "histogram" };

struct metric_histogram {
    const double *bounds;
    size_t n_bounds;
    double sum;
    uint64_t count;
    uint64_t buckets[sizeof seconds / sizeof seconds[0]]; /* each for itself */
};

struct series {
    UT_hash_handle hh;
    char *labels;
    uint64_t counter;
    double gauge;
    struct metric_histogram histogram;
};

struct family {
    UT_hash_handle hh;
    char *name, *help;
    enum type type;
    struct series *series;
};

struct metric_set {
    struct family *families;
};

struct metric_set *metric_set_new(void)
{
    return mem_alloc(sizeof(struct metric_set));
}

void metric_set_free(struct metric_set **set)
{
    struct family *family, *next_family;
    struct series *series, *next_series;

    if (*set == NULL)
        return;
    HASH_ITER(hh, (*set)->families, family, next_family) {
        HASH_DEL((*set)->families, family);
        HASH_ITER(hh, family->series, series, next_series) {
            HASH_DEL(family->series, series);
            free(series->labels);
            free(series);
        }
        free(family->name);
        free(family->help);
        free(family);
    }
    free(*set);
    *set = NULL;
}

static struct family *family_get(struct metric_set *set, const char *name, enum type type)
{
    struct family *family;

    HASH_FIND_STR(set->families, name, family);
    if (family == NULL) {
        family = mem_alloc(sizeof *family);
        family->name = mem_strdup(name);
        family->type = type;
        HASH_ADD_KEYPTR(hh, set->families, family->name, strlen(family->name), family);
    }
    return family;
}

void metric_describe(struct metric_set *set, const char *name, const char *type, const char *help)
{
    struct family *family;
    enum type t = COUNTER;

    while (t < HISTOGRAM && strcmp(type, type_names[t]) != 0)
        t++;
    family = family_get(set, name, t);
    assert(family->type == t);
    free(family->help);
    family->help = mem_strdup(help);
}

static int ends_in(const char *name, const char *end)
{
    const size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static void choose_bounds(struct metric_histogram *histogram, const char *name)
{
    const int responses_of = ends_in(name, "_response_seconds"), timed = ends_in(name, "_seconds");

    histogram->bounds = responses_of ? responses : timed ? seconds : counts;
    histogram->n_bounds = responses_of ? sizeof responses / sizeof responses[0]
                          : timed      ? sizeof seconds / sizeof seconds[0]
                                       : sizeof counts / sizeof counts[0];
}

static struct series *series_get(struct metric_set *set, const char *name, const char *labels,
                                 enum type type)
{
    struct family *family = family_get(set, name, type);
    struct series *series;

    assert(family->type == type);
    HASH_FIND_STR(family->series, labels, series);
    if (series == NULL && HASH_COUNT(family->series) >= MAX_SERIES) {
        labels = "other=\"1\"";
        HASH_FIND_STR(family->series, labels, series);
    }
    if (series == NULL) {
        series = mem_alloc(sizeof *series);
        series->labels = mem_strdup(labels);
        choose_bounds(&series->histogram, name);
        HASH_ADD_KEYPTR(hh, family->series, series->labels, strlen(series->labels), series);
    }
    return series;
}

uint64_t *metric_counter(struct metric_set *set, const char *name, const char *labels)
{
    return &series_get(set, name, labels, COUNTER)->counter;
}

double *metric_gauge(struct metric_set *set, const char *name, const char *labels)
{
    return &series_get(set, name, labels, GAUGE)->gauge;
}

struct metric_histogram *metric_histogram(struct metric_set *set, const char *name,
                                          const char *labels)
{
    return &series_get(set, name, labels, HISTOGRAM)->histogram;
}

void metric_observe(struct metric_histogram *histogram, double value)
{
    size_t i = 0;

    while (i < histogram->n_bounds && value > histogram->bounds[i])
        i++;
    if (i < histogram->n_bounds)
        histogram->buckets[i]++;
    histogram->count++;
    histogram->sum += value;
}

static void escape(struct buf *out, const char *text, int quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_str(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            buf_printf(out, "\\%c", *text);
        else
            buf_char(out, *text);
    }
}

void metric_label(struct buf *out, const char *name, const char *value)
{
    if (out->len > 0)
        buf_char(out, ',');
    buf_str(out, name);
    buf_str(out, "=\"");
    escape(out, value, 1);
    buf_char(out, '"');
}

static void print_name(struct buf *out, const char *name, const char *suffix, const char *labels)
{
    buf_str(out, name);
    buf_str(out, suffix);
    if (labels[0] != '\0')
        buf_printf(out, "{%s}", labels);
}

static void print_histogram(struct buf *out, const char *name, const struct series *series)
{
    const struct metric_histogram *h = &series->histogram;
    const char *comma = series->labels[0] != '\0' ? "," : "";
    uint64_t sum = 0;

    for (size_t i = 0; i < h->n_bounds; i++) {
        sum += h->buckets[i];
        buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name, series->labels, comma,
                   h->bounds[i], sum);
    }
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, series->labels, comma,
               h->count);
    print_name(out, name, "_sum", series->labels);
    buf_printf(out, " %.15g\n", h->sum);
    print_name(out, name, "_count", series->labels);
    buf_printf(out, " %" PRIu64 "\n", h->count);
}

void metric_print(const struct metric_set *set, struct buf *out)
{
    for (const struct family *f = set->families; f != NULL; f = f->hh.next) {
        if (f->help != NULL) {
            buf_printf(out, "# HELP %s ", f->name);
            escape(out, f->help, 0);
            buf_char(out, '\n');
        }
        buf_printf(out, "# TYPE %s %s\n", f->name, type_names[f->type]);
        for (const struct series *s = f->series; s != NULL; s = s->hh.next) {
            if (f->type == HISTOGRAM) {
                print_histogram(out, f->name, s);
                continue;
            }
            print_name(out, f->name, "", s->labels);
            if (f->type == COUNTER)
                buf_printf(out, " %" PRIu64 "\n", s->counter);
            else
                buf_printf(out, " %.15g\n", s->gauge);
        }
    }
}
