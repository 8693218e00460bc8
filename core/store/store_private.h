/*
 * store_private.h - between store.c and the stores behind it: one call under way is one op.
 *
 * Layer: store. Not for other rooms.
 * store.c makes an op and submits it; the store behind runs it, where and when it likes, and hands
 * it to store_done(); store.c calls back on the loop's thread and frees it.
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include <pthread.h>

#include "base/arena.h"
#include "store/store.h"

enum op_kind {
    OP_APPEND,
    OP_LOAD,
    OP_FIND,
    OP_READ,
    OP_DUE,
    OP_SESSIONS,
    OP_COMPACT,
    OP_ERASE,
    OP_KEEP, /* put, delete */
    OP_KEPT, /* get, scan */
};

#define KEEP_SWEEP 8 /* pairs that are over, dropped by one put: more than it adds */

struct store_op {
    struct store_op *next;
    enum op_kind kind;
    union {
        store_append_fn *append;
        store_load_fn *load;
        store_find_fn *find;
        store_read_fn *read;
        store_scan_fn *scan;
        store_done_fn *done;
        store_keep_fn *keep;
    } fn;
    void *arg;

    const struct store_batch *batch; /* append; the caller's */
    struct store_keep *keep;         /* keep, kept; in mem */
    struct ulid session;             /* load, read, erase; due, sessions: after this one */
    uint8_t address[STORE_ADDRESS];
    uint64_t first_seq;
    int64_t before, after_wake;
    size_t max;

    enum store_status status;
    struct ulid found;  /* append: dup_session; find */
    uint64_t found_seq; /* append: dup_seq; load: last_seq */
    struct arena *mem;  /* owns what the pointers below show; NULL: nothing */
    struct store_snapshot *snapshot;
    struct store_record *records;
    struct store_item *items;
    struct store_pair *pairs;
    size_t n;
    int more;
};

struct op_list {
    struct store_op *head, **tail; /* tail NULL: empty and never used */
    size_t n;
};

void op_list_add(struct op_list *list, struct store_op *op);
struct store_op *op_list_pop(struct op_list *list); /* NULL: empty */
void op_list_join(struct op_list *to, struct op_list *from); /* from is empty after */
/* A pair more for the answer: copied. 0: it has as many as were asked for, and more is set. */
int op_add_pair(struct store_op *op, size_t *cap, const struct store_pair *pair);

struct store_kind {
    void (*submit)(struct store *store, struct store_op *op);
    /* Every op submitted is with store_done() when it returns; then frees its own. */
    void (*close)(struct store *store);
    uint64_t (*bytes_free)(const struct store *store);
};

struct inbox;

/* memory_keep.c: the pairs of all spaces. */
struct keep_table {
    struct keep_entry **entries; /* by space and key */
    size_t n, cap;
};

void keep_run(struct keep_table *table, struct store_op *op);
void keep_clear(struct keep_table *table);

/* A store of some kind has this as its first member. */
struct store {
    const struct store_kind *kind;
    struct store_conf conf;
    uint8_t master_key[32];
    struct inbox *inbox;
    uint64_t under_way; /* loop thread only */
    int closing;        /* loop thread only */
    pthread_mutex_t lock;
    struct store_stats stats; /* under the lock */
};

struct store *store_memory_open(const struct store_conf *conf);
struct store *store_sqlite_open(const char *path, const struct store_conf *conf, struct err *err);

void store_init(struct store *store, const struct store_kind *kind, const struct store_conf *conf);
void store_fini(struct store *store);

/* From any thread: the ops have run; their callbacks are called on the loop's thread. */
void store_done(struct store *store, struct op_list *ops);
/* From any thread, once: the store has failed for good. */
void store_failed(struct store *store, const char *why);

#endif
