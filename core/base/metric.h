/*
 * metric.h - counters, gauges and histograms, printed as Prometheus text.
 *
 * Layer: base. Loop thread only. A registry is owned by the daemon and handed down. Series are made
 * on first use and kept; a name with its labels is looked up once and the pointer kept by the user.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdint.h>

struct buf;
struct metric_set;
struct metric_histogram;

struct metric_set *metric_set_new(void);
void metric_set_free(struct metric_set **set);

/* Says what a metric is, once: type "counter", "gauge", "histogram". It is printed from then on. */
void metric_describe(struct metric_set *set, const char *name, const char *type, const char *help);

/* labels: "channel=\"web\",direction=\"in\"", or "" ; both copied. Over 10,000 series of a name
 * the rest share one whose labels say other="1". The pointer lives as long as the set. */
uint64_t *metric_counter(struct metric_set *set, const char *name, const char *labels);
double *metric_gauge(struct metric_set *set, const char *name, const char *labels);
struct metric_histogram *metric_histogram(struct metric_set *set, const char *name,
                                          const char *labels);
void metric_observe(struct metric_histogram *histogram, double value); /* seconds, or a count */

/* Appends name="value" with the value escaped, after a comma when out is not empty. */
void metric_label(struct buf *out, const char *name, const char *value);

void metric_print(const struct metric_set *set, struct buf *out);

#endif
