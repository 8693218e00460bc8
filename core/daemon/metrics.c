/* metrics.c - /metrics. */
#include "config.h"

#include "daemon/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/metric.h"
#include "io/web.h"
#include "store/store.h"

static void put(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    buf_printf(out, "# HELP tandem_%s %s\n# TYPE tandem_%s %s\ntandem_%s %.17g\n", name, help, name,
               type, name, value);
}

static double seconds(const struct timeval *tv)
{
    return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

static double resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double n = -3; /* ".", ".." and the directory itself */

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void print_process(struct buf *out)
{
    struct rusage usage;

    buf_printf(out,
               "# HELP tandem_build_info The version that runs.\n# TYPE tandem_build_info gauge\n"
               "tandem_build_info{version=\"%s\"} 1\n",
               PACKAGE_VERSION);
    getrusage(RUSAGE_SELF, &usage);
    put(out, "process_cpu_seconds_total", "counter", "CPU time used, user and system.",
        seconds(&usage.ru_utime) + seconds(&usage.ru_stime));
    put(out, "process_resident_bytes", "gauge", "Memory in use.", resident_bytes());
    put(out, "process_open_fds", "gauge", "Open file descriptors.", open_fds());
    put(out, "time_seconds", "gauge", "The wall clock.", (double)clock_wall_ms() / 1e3);
}

static void print_store(struct store *store, struct buf *out)
{
    struct store_stats stats;

    store_stats(store, &stats);
    put(out, "store_batches_total", "counter", "Steps appended.", (double)stats.batches);
    put(out, "store_records_total", "counter", "Records appended.", (double)stats.records);
    put(out, "store_refused_total", "counter", "Steps refused for lack of space.",
        (double)stats.refused);
    put(out, "store_queue_depth", "gauge", "Steps that wait for a commit.",
        (double)stats.queue_depth);
    if (stats.bytes_free > 0)
        put(out, "store_free_bytes", "gauge", "Free space of the store's file system.",
            (double)stats.bytes_free);
    buf_printf(out,
               "# HELP tandem_store_commit_seconds Time of a commit, the flush to disk included.\n"
               "# TYPE tandem_store_commit_seconds summary\n"
               "tandem_store_commit_seconds_sum %.6f\ntandem_store_commit_seconds_count %llu\n",
               (double)stats.commit_us_sum / 1e6, (unsigned long long)stats.commits);
    buf_printf(out,
               "# HELP tandem_store_batch Steps that share a commit.\n"
               "# TYPE tandem_store_batch summary\n"
               "tandem_store_batch_sum %llu\ntandem_store_batch_count %llu\n",
               (unsigned long long)stats.batches, (unsigned long long)stats.commits);
}

static void print_web(struct web *web, struct buf *out)
{
    struct web_stats stats;

    web_stats(web, &stats);
    put(out, "web_connections", "gauge", "Open connections of the listener.",
        (double)stats.connections);
    put(out, "web_requests_total", "counter", "HTTP requests.", (double)stats.requests);
    put(out, "web_refused_total", "counter", "Requests and upgrades refused.",
        (double)stats.refused);
    put(out, "web_slow_closed_total", "counter", "Connections closed for being too slow.",
        (double)stats.slow_closed);
}

void metrics_print(const struct metric_set *set, struct store *store, struct web *web,
                   struct buf *out)
{
    metric_print(set, out);
    print_process(out);
    print_store(store, out);
    print_web(web, out);
}
