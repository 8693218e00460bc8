/*
 * metrics.h - /metrics: the registry of the rooms, and what the process, store and listener say.
 *
 * Layer: daemon. Prometheus text, prefix tandem_. Loop thread only.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

struct buf;
struct metric_set;
struct store;
struct web;

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_print(const struct metric_set *set, struct store *store, struct web *web,
                   struct buf *out);

#endif
