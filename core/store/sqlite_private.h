/*
 * sqlite_private.h - the one connection of the SQLite store and its statements.
 *
 * Layer: store. Not for other files than sqlite*.c.
 * Threads: opened on the loop's thread, then used by the writer's thread alone until it has ended.
 * Functions that run an op return SQLITE_OK with the op's status set, or SQLite's error code.
 */
#ifndef STORE_SQLITE_PRIVATE_H
#define STORE_SQLITE_PRIVATE_H

#ifndef TAIL
#define TAIL 4096 /* entries kept out of the indexes; more cost fewer pages, and time at a start */
#endif

#include <sqlite3.h>
#include <uthash.h>

#include "base/buf.h"
#include "store/store_private.h"

/* Order of sqlite_schema.c's table of texts. */
enum db_stmt {
    DB_BEGIN,
    DB_COMMIT,
    DB_ROLLBACK,
    DB_DEDUPE_GET,
    DB_DEDUPE_PUT,
    DB_JOURNAL_PUT,
    DB_JOURNAL_GET,
    DB_PLACE_LAST,
    DB_PLACE_GET,
    DB_PLACE_PUT,
    DB_PLACE_FROM,
    DB_INDEXED_GET,
    DB_INDEXED_PUT,
    DB_TAIL,
    DB_BODY_PUT,
    DB_ADDRESS_GET,
    DB_ADDRESS_PUT,
    DB_SNAPSHOT_GET,
    DB_SNAPSHOT_PUT,
    DB_SESSION_GET,
    DB_SESSION_NEW,
    DB_SESSION_WAKE,
    DB_DUE,
    DB_SESSIONS,
    DB_COMPACT_NEXT,
    DB_COMPACT_BATCHES,
    DB_COMPACT_BODIES,
    DB_COMPACT_JOURNAL,
    DB_COMPACT_PLACES,
    DB_DEDUPE_SLICE,
    DB_DEDUPE_DROP,
    DB_ERASE_BODIES,
    DB_ERASE_SNAPSHOT,
    DB_KEEP_PUT,
    DB_KEEP_DEL,
    DB_KEEP_HAS,
    DB_KEEP_GET,
    DB_KEEP_SCAN,
    DB_KEEP_SWEEP,
    DB_KEEP_N,
    DB_STMTS
};

/* A batch: where its row stands in the journal, and what it covers. */
struct tail_place {
    sqlite3_int64 row;
    uint64_t first_seq, n;
    int64_t at;
};

struct tail_key {
    UT_hash_handle hh;
    struct tail_key *next; /* of the same session */
    uint8_t key[STORE_KEY];
    struct ulid session;
    uint64_t seq;
    int64_t at;
};

struct tail_session {
    UT_hash_handle hh;
    struct ulid id;
    sqlite3_int64 oldest;      /* row of its oldest batch */
    struct tail_place *places; /* in order */
    size_t n, cap;
    struct tail_key *keys;
};

struct db {
    sqlite3 *handle;
    sqlite3_stmt *stmt[DB_STMTS];
    struct buf facts, bodies;           /* rows being made */
    int wal_pages;                      /* in the WAL after the last commit */
    uint8_t compact_session[16];        /* a pass of compaction has come so far: first sessions, */
    uint8_t compact_key[STORE_KEY + 1]; /* then keys */
    size_t compact_key_len;
    sqlite3_int64 last_row; /* of the journal; a number is never used again */
    struct {
        struct tail_session *sessions;
        struct tail_key *keys;
        size_t n;              /* places and keys */
        size_t written;        /* sessions, from the first on, that the open transaction writes */
        sqlite3_int64 indexed; /* as the table meta has it */
    } tail; /* of the journal: what stands in no index yet; sessions by the age of their oldest */
};

/* sqlite_schema.c. Opens or creates, checks the version, prepares. 0, or -1 with a sentence. */
int db_open(struct db *db, const char *path, const struct store_conf *conf, uint8_t master_key[32],
            struct err *err);
/* checkpoint: 0 when a failed store must be left exactly as it is. */
void db_close(struct db *db, int checkpoint);
/* Runs a statement that gives no rows; it is ready to be bound again after. */
int db_run(struct db *db, enum db_stmt which);
/* Is this error of SQLite a lack of space, which may pass? */
int db_is_full(struct db *db, int rc);
void db_bind_id(sqlite3_stmt *stmt, int i, const struct ulid *id);

/* sqlite_tail.c. After a rollback the tail has to be read again. */
int tail_read(struct db *db); /* from the journal, in place of what is known */
/* In a transaction: the oldest sessions into the indexes, until at most `keep` entries are left;
 * tail_written() after the commit. */
int tail_write(struct db *db, size_t keep);
void tail_written(struct db *db);
void tail_clear(struct db *db);
/* dedupe NULL: none; place->n 0: no records. */
void tail_add(struct db *db, const struct ulid *session, const struct tail_place *place,
              const uint8_t *dedupe, uint64_t dedupe_seq);
const struct tail_session *tail_session(const struct db *db, const struct ulid *session);
const struct tail_key *tail_key(const struct db *db, const uint8_t key[STORE_KEY]);

/* sqlite_write.c */
int db_append(struct db *db, struct store_op *op);
/* In a transaction, with the tail written. */
int db_compact(struct db *db, struct store_op *op);
int db_erase(struct db *db, struct store_op *op);

/* sqlite_keep.c */
int db_keep(struct db *db, struct store_op *op); /* put, delete: in a transaction */
int db_kept(struct db *db, struct store_op *op); /* get, scan */

/* sqlite_read.c */
int db_last_seq(struct db *db, const struct ulid *session, uint64_t *seq_r);
int db_read(struct db *db, struct store_op *op); /* any op that only reads */

#endif
