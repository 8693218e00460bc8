/*
 * store_pump.h - a loop for tests of the store: runs what is posted, on the thread that waits; and
 * the store's calls made to wait for their answers.
 */
#ifndef TESTS_STORE_PUMP_H
#define TESTS_STORE_PUMP_H

#include <pthread.h>

#include "base/arena.h"
#include "store/store.h"

struct pump_job {
    void (*fn)(void *arg);
    void *arg;
};

struct pump {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct pump_job jobs[16];
    size_t n;
    int failed; /* times on_failed was called */
    char why[256];
};

void pump_init(struct pump *pump);
/* A conf whose posts and failure come here. */
struct store_conf pump_conf(struct pump *pump);
/* Runs jobs until *done is not 0. Ends the program when nothing comes for 20 s. */
void pump_until(struct pump *pump, const int *done);
/* Runs what is there, waiting at most ms for the first. 1: something ran. */
int pump_some(struct pump *pump, int ms);

/* An answer, kept: what it shows is owned by mem. */
struct answer {
    int done;
    enum store_status status;
    struct ulid session; /* append: dup_session; find */
    uint64_t seq;        /* append: dup_seq; load: last_seq */
    struct store_snapshot *snapshot;
    struct store_record *records;
    struct store_item *items;
    struct store_pair *pairs;
    size_t n;
    int more;
    struct arena *mem;
};

void answer_fini(struct answer *answer);
/* The same answer, but for where it lies? Says to stderr what differs. */
int answer_equal(const struct answer *a, const struct answer *b);

/* Callbacks that fill the answer given as arg. */
store_append_fn answer_append;
store_load_fn answer_load;
store_find_fn answer_find;
store_read_fn answer_read;
store_scan_fn answer_scan;
store_done_fn answer_done;
store_keep_fn answer_keep;

#endif
