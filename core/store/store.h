/*
 * store.h - the journal on disk: one interface, asynchronous, for memory, SQLite and later ones.
 *
 * Layer: store (includes base/ only). Knows sessions, sequences, bytes; not what they mean.
 *
 * A batch is one step of one session: its records, their bodies, its dedupe key, its look-up
 * address, a snapshot, when it must be woken. It is atomic: all of it or nothing. Batches of all
 * sessions share commits (group commit). A record holds facts; what a person said stands in its
 * body, apart, and can be erased without touching the journal's order.
 *
 * Threads: called on the loop's thread; callbacks come there too, never from inside the call, in
 * the order of the calls for one session. Memory handed in (batch, records, bytes) MUST stay as it
 * is until the callback; memory handed out is borrowed for the callback.
 *
 * No space: STORE_FULL, nothing is stored, and the store works again by itself when there is.
 * Any other failure of a COMMIT or fsync: on_failed is called once and every batch after it ends
 * in STORE_FAILED; nothing is retried (the daemon leaves with 75 and recovers at the next start).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/ulid.h"

struct err;
struct store;

#define STORE_KEY 24 /* bytes of a dedupe key */
#define STORE_ADDRESS 16

enum store_status {
    STORE_OK,
    STORE_DUPLICATE, /* the dedupe key is there: dup_session, dup_seq say where */
    STORE_CONFLICT,  /* expect_seq is not the session's last one: somebody else writes it */
    STORE_FULL,      /* no space, or under min_free */
    STORE_FAILED,
    STORE_NONE, /* load, find: there is no such thing */
    STORE_MANY, /* keep: the space has its most already */
};

struct store_record {
    uint64_t seq;
    const void *data; /* facts */
    size_t data_len;
    const void *body; /* NULL: none */
    size_t body_len;
};

struct store_snapshot {
    uint64_t seq; /* state after this record */
    const void *data; /* facts */
    size_t data_len;
    const void *body; /* what people said in it; NULL or empty: nothing, or erased */
    size_t body_len;
};

#define STORE_WAKE_KEEP INT64_MIN /* leave it as it is */
#define STORE_WAKE_NEVER INT64_MAX
#define STORE_WAKE_NOW 0 /* has work under way: resume it at every start */

struct store_batch {
    struct ulid session;
    uint64_t expect_seq; /* the session's last sequence; 0: it is new */
    const struct store_record *records; /* seq expect_seq+1, +2, ..; may be none */
    size_t n_records;
    const uint8_t *dedupe; /* STORE_KEY bytes; NULL: none */
    uint64_t dedupe_seq;   /* the record it stands for */
    const uint8_t *address; /* STORE_ADDRESS bytes: from now on find() gives this session; NULL */
    const struct store_snapshot *snapshot; /* replaces the older one; NULL */
    int64_t wake_at; /* wall ms, or STORE_WAKE_*: when this session needs attention */
    int64_t now;     /* wall ms */
};

struct store_result {
    enum store_status status;
    struct ulid dup_session;
    uint64_t dup_seq;
};
typedef void store_append_fn(void *arg, const struct store_result *result);

struct store_loaded {
    enum store_status status; /* OK, NONE, FAILED */
    const struct store_snapshot *snapshot; /* NULL: none */
    /* In order: the records after the snapshot with their bodies; an erased body is NULL. */
    const struct store_record *records;
    size_t n_records;
    uint64_t last_seq;
};
typedef void store_load_fn(void *arg, const struct store_loaded *loaded);

typedef void store_find_fn(void *arg, enum store_status status, const struct ulid *session);

/* records: from first_seq on, at most `max`, whole (data and body). NONE: no such session. */
typedef void store_read_fn(void *arg, enum store_status status, const struct store_record *records,
                           size_t n, int more);

struct store_item {
    struct ulid session;
    uint64_t last_seq;
    int64_t wake_at;
};
typedef void store_scan_fn(void *arg, enum store_status status, const struct store_item *items,
                           size_t n);

typedef void store_done_fn(void *arg, enum store_status status);

/* What somebody keeps beside the journal: spaces of pairs, in order of the keys' bytes. */
enum store_keep_what { STORE_PUT, STORE_DEL, STORE_GET, STORE_SCAN };

struct store_keep {
    enum store_keep_what what;
    const char *space; /* whose */
    const char *key;   /* SCAN: what the keys begin with */
    const void *value; /* PUT */
    size_t len;
    int64_t until;     /* PUT: wall ms, from when on it is as if deleted; 0: never */
    const char *after; /* SCAN: only keys beyond this one; NULL */
    size_t max;        /* SCAN: so many pairs; PUT: so many may be in the space, else MANY */
    int64_t now;       /* wall ms */
};

struct store_pair {
    const char *key;
    const void *value; /* NUL stands after it */
    size_t len;
    int64_t until;
};

/* PUT, DEL: OK, MANY, FULL, FAILED, with no pairs. GET, SCAN: OK, NONE when nothing is there, FAILED.
 * more: SCAN found others after the last. */
typedef void store_keep_fn(void *arg, enum store_status status, const struct store_pair *pairs,
                           size_t n, int more);

struct store_stats {
    uint64_t batches, records, commits, refused; /* since the start */
    uint64_t commit_us_sum, queue_depth;
    uint64_t bytes_free; /* of the file system; 0: not known */
};

/* Called once, on the loop's thread, when the store has failed for good. */
typedef void store_failed_fn(void *arg, const char *why);

/* Brings a function onto the loop's thread (loop_post); the store does not know the loop. */
typedef void store_post_fn(void *loop, void (*fn)(void *arg), void *arg);

struct store_conf {
    store_post_fn *post;
    void *loop;
    store_failed_fn *on_failed;
    void *failed_arg;
    int64_t min_free; /* bytes the file system must have left, else STORE_FULL */
    int unsafe_no_sync; /* for the teeth check only: synchronous=NORMAL; said loudly at open */
};

/* `url`: "sqlite:PATH" or "memory:". Blocking: opens, creates or recovers. NULL with a sentence:
 * cannot be opened, or is of a newer version (the daemon leaves with 70). */
struct store *store_open(const char *url, const struct store_conf *conf, struct err *err);
/* Finishes what was appended, then closes; callbacks of calls under way still come (from inside);
 * calls made in them end in STORE_FAILED. A post under way may still arrive after: it is harmless. */
void store_close(struct store **store);

/* A random key made once and kept with the store. */
void store_master_key(const struct store *store, uint8_t key_r[32]);

void store_append(struct store *store, const struct store_batch *batch, store_append_fn *fn,
                  void *arg);
void store_load(struct store *store, const struct ulid *session, store_load_fn *fn, void *arg);
void store_find(struct store *store, const uint8_t address[STORE_ADDRESS], store_find_fn *fn,
                void *arg);
void store_read(struct store *store, const struct ulid *session, uint64_t first_seq, size_t max,
                store_read_fn *fn, void *arg);
/* Sessions whose wake_at is <= before, in order of (wake_at, session), at most max. after: the last
 * item of the page before (only what is beyond it comes); NULL: from the first. Copied. */
void store_due(struct store *store, int64_t before, const struct store_item *after, size_t max,
               store_scan_fn *fn, void *arg);
/* Sessions in id order after `after` (zero: from the newest back), newest first, at most max. */
void store_sessions(struct store *store, const struct ulid *after, size_t max, store_scan_fn *fn,
                    void *arg);
/* Drops a session's oldest batches while they are older than `before` and covered by its snapshot,
 * and dedupe keys older than `before`; a slice a call, fn gets STORE_OK when nothing is left,
 * STORE_NONE: call again. */
void store_compact(struct store *store, int64_t before, store_done_fn *fn, void *arg);
/* Deletes the bodies of a session and of its snapshot, for ever (secure_delete, checkpoint); its
 * records stay. */
void store_erase(struct store *store, const struct ulid *session, store_done_fn *fn, void *arg);
/* Copied. In the order of the calls, also when they are of different spaces. Pairs whose time is over
 * are dropped by later PUTs of their space. */
void store_keep(struct store *store, const struct store_keep *keep, store_keep_fn *fn, void *arg);
void store_stats(struct store *store, struct store_stats *stats_r);

#endif
