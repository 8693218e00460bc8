/* sqlite_write.c - what changes the database: one batch, a slice of compaction, an erasure. */
#include "config.h"
#include "store/sqlite_private.h"

#include <string.h>

#include "store/rows.h"

#define SLICE_SESSIONS 256 /* looked at in one call of compaction */
#define SLICE_BATCHES 512  /* dropped in one call */
#define SLICE_KEYS 1000

static void bind_key(sqlite3_stmt *stmt, int i, const uint8_t *key, size_t len)
{
    sqlite3_bind_blob(stmt, i, key, (int)len, SQLITE_STATIC);
}

static int find_duplicate(struct db *db, struct store_op *op)
{
    sqlite3_stmt *stmt = db->stmt[DB_DEDUPE_GET];
    const struct tail_key *key = tail_key(db, op->batch->dedupe);
    int rc;

    if (key != NULL) {
        op->status = STORE_DUPLICATE;
        op->found = key->session;
        op->found_seq = key->seq;
        return SQLITE_OK;
    }
    bind_key(stmt, 1, op->batch->dedupe, STORE_KEY);
    if ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        op->status = STORE_DUPLICATE;
        if (sqlite3_column_bytes(stmt, 0) == (int)sizeof op->found.b)
            memcpy(op->found.b, sqlite3_column_blob(stmt, 0), sizeof op->found.b);
        op->found_seq = (uint64_t)sqlite3_column_int64(stmt, 1);
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put_body(struct db *db, const struct store_batch *batch)
{
    sqlite3_stmt *stmt = db->stmt[DB_BODY_PUT];

    buf_clear(&db->bodies);
    rows_pack_bodies(&db->bodies, batch->records, batch->n_records);
    if (db->bodies.len == 0)
        return SQLITE_OK;
    sqlite3_bind_int64(stmt, 1, db->last_row);
    sqlite3_bind_blob64(stmt, 2, db->bodies.data, db->bodies.len, SQLITE_STATIC);
    return db_run(db, DB_BODY_PUT);
}

static int put_journal(struct db *db, const struct store_batch *batch)
{
    sqlite3_stmt *stmt = db->stmt[DB_JOURNAL_PUT];
    const struct tail_place place = { .row = ++db->last_row, .first_seq = batch->expect_seq + 1,
                                      .n = batch->n_records, .at = batch->now };
    int rc;

    buf_clear(&db->facts);
    rows_pack(&db->facts, batch->records, batch->n_records);
    sqlite3_bind_int64(stmt, 1, place.row);
    db_bind_id(stmt, 2, &batch->session);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)place.first_seq);
    sqlite3_bind_int64(stmt, 4, (sqlite3_int64)place.n);
    sqlite3_bind_int64(stmt, 5, place.at);
    if (batch->dedupe != NULL)
        bind_key(stmt, 6, batch->dedupe, STORE_KEY);
    else
        sqlite3_bind_null(stmt, 6);
    sqlite3_bind_int64(stmt, 7, (sqlite3_int64)batch->dedupe_seq);
    sqlite3_bind_blob64(stmt, 8, db->facts.data, db->facts.len, SQLITE_STATIC);
    rc = db_run(db, DB_JOURNAL_PUT);
    if (rc == SQLITE_OK)
        tail_add(db, &batch->session, &place, batch->dedupe, batch->dedupe_seq);
    return rc == SQLITE_OK ? put_body(db, batch) : rc;
}

static int put_address(struct db *db, const struct store_batch *batch)
{
    bind_key(db->stmt[DB_ADDRESS_PUT], 1, batch->address, STORE_ADDRESS);
    db_bind_id(db->stmt[DB_ADDRESS_PUT], 2, &batch->session);
    return db_run(db, DB_ADDRESS_PUT);
}

static int put_snapshot(struct db *db, const struct store_batch *batch)
{
    sqlite3_stmt *stmt = db->stmt[DB_SNAPSHOT_PUT];

    db_bind_id(stmt, 1, &batch->session);
    sqlite3_bind_int64(stmt, 2, (sqlite3_int64)batch->snapshot->seq);
    sqlite3_bind_blob64(stmt, 3, batch->snapshot->data, batch->snapshot->data_len, SQLITE_STATIC);
    sqlite3_bind_blob64(stmt, 4, batch->snapshot->body, batch->snapshot->body_len, SQLITE_STATIC);
    return db_run(db, DB_SNAPSHOT_PUT);
}

static int put_session(struct db *db, const struct store_batch *batch)
{
    if (batch->wake_at == STORE_WAKE_KEEP) {
        if (batch->expect_seq > 0)
            return SQLITE_OK;
        db_bind_id(db->stmt[DB_SESSION_NEW], 1, &batch->session);
        return db_run(db, DB_SESSION_NEW);
    }
    db_bind_id(db->stmt[DB_SESSION_WAKE], 1, &batch->session);
    if (batch->wake_at == STORE_WAKE_NEVER)
        sqlite3_bind_null(db->stmt[DB_SESSION_WAKE], 2);
    else
        sqlite3_bind_int64(db->stmt[DB_SESSION_WAKE], 2, batch->wake_at);
    return db_run(db, DB_SESSION_WAKE);
}

/* Looks first and writes after, so that a refused batch leaves no trace in the group's commit. */
int db_append(struct db *db, struct store_op *op)
{
    const struct store_batch *batch = op->batch;
    uint64_t last;
    int rc = batch->dedupe != NULL ? find_duplicate(db, op) : SQLITE_OK;

    if (rc != SQLITE_OK || op->status == STORE_DUPLICATE)
        return rc;
    if ((rc = db_last_seq(db, &batch->session, &last)) != SQLITE_OK)
        return rc;
    if (last != batch->expect_seq) {
        op->status = STORE_CONFLICT;
        return SQLITE_OK;
    }
    if (batch->n_records > 0 || batch->dedupe != NULL)
        rc = put_journal(db, batch);
    if (rc == SQLITE_OK)
        rc = put_session(db, batch);
    if (rc == SQLITE_OK && batch->address != NULL)
        rc = put_address(db, batch);
    if (rc == SQLITE_OK && batch->snapshot != NULL)
        rc = put_snapshot(db, batch);
    return rc;
}

/* The last sequence up to which whole batches of a session may go; 0: none. A prefix only, so
 * that what is left has no gap. */
static int droppable(struct db *db, struct store_op *op, const uint8_t session[16], uint64_t keep,
                     uint64_t *last_r, size_t *n_r)
{
    sqlite3_stmt *stmt = db->stmt[DB_COMPACT_BATCHES];
    int rc;

    *last_r = 0;
    bind_key(stmt, 1, session, 16);
    sqlite3_bind_int64(stmt, 2, SLICE_BATCHES);
    for (*n_r = 0; (rc = sqlite3_step(stmt)) == SQLITE_ROW; ++*n_r) {
        uint64_t last = (uint64_t)sqlite3_column_int64(stmt, 0);

        if (last >= keep || sqlite3_column_int64(stmt, 1) >= op->before)
            break;
        *last_r = last;
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int drop_batches(struct db *db, const uint8_t session[16], uint64_t last)
{
    static const enum db_stmt all[] = { DB_COMPACT_BODIES, DB_COMPACT_JOURNAL, DB_COMPACT_PLACES };
    int rc = SQLITE_OK;

    for (size_t i = 0; i < 3 && rc == SQLITE_OK; i++) {
        bind_key(db->stmt[all[i]], 1, session, 16);
        sqlite3_bind_int64(db->stmt[all[i]], 2, (sqlite3_int64)last);
        rc = db_run(db, all[i]);
    }
    return rc;
}

/* Records of some sessions; *end_r: there are no sessions left. */
static int compact_sessions(struct db *db, struct store_op *op, int *end_r)
{
    sqlite3_stmt *next = db->stmt[DB_COMPACT_NEXT];
    size_t dropped = 0, n;
    int rc = SQLITE_OK;

    for (int i = 0; i < SLICE_SESSIONS && dropped < SLICE_BATCHES && rc == SQLITE_OK; i++) {
        uint64_t seq, last;
        uint8_t session[16];

        bind_key(next, 1, db->compact_session, sizeof db->compact_session);
        if ((rc = sqlite3_step(next)) != SQLITE_ROW) {
            sqlite3_reset(next);
            *end_r = rc == SQLITE_DONE;
            return rc == SQLITE_DONE ? SQLITE_OK : rc;
        }
        memcpy(session, sqlite3_column_blob(next, 0), sizeof session);
        seq = (uint64_t)sqlite3_column_int64(next, 1);
        sqlite3_reset(next);
        rc = droppable(db, op, session, seq + 1, &last, &n);
        if (rc == SQLITE_OK && last > 0)
            rc = drop_batches(db, session, last);
        dropped += n;
        if (n < SLICE_BATCHES) /* else the same session again, next time */
            memcpy(db->compact_session, session, sizeof session);
    }
    return rc;
}

static int compact_keys(struct db *db, struct store_op *op, int *end_r)
{
    sqlite3_stmt *slice = db->stmt[DB_DEDUPE_SLICE], *drop = db->stmt[DB_DEDUPE_DROP];
    uint8_t to[STORE_KEY + 1]; /* longer than any key: after the last one */
    size_t to_len = sizeof to;
    int rc;

    memset(to, 0xff, sizeof to);
    bind_key(slice, 1, db->compact_key, db->compact_key_len);
    sqlite3_bind_int64(slice, 2, SLICE_KEYS - 1);
    if ((rc = sqlite3_step(slice)) == SQLITE_ROW) {
        to_len = STORE_KEY;
        memcpy(to, sqlite3_column_blob(slice, 0), STORE_KEY);
    }
    sqlite3_reset(slice);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    *end_r = rc == SQLITE_DONE;
    bind_key(drop, 1, db->compact_key, db->compact_key_len);
    bind_key(drop, 2, to, to_len);
    sqlite3_bind_int64(drop, 3, op->before);
    if ((rc = db_run(db, DB_DEDUPE_DROP)) != SQLITE_OK)
        return rc;
    memcpy(db->compact_key, to, to_len);
    db->compact_key_len = to_len;
    return SQLITE_OK;
}

int db_compact(struct db *db, struct store_op *op)
{
    int no_sessions = 0, no_keys = 0;
    int rc = compact_sessions(db, op, &no_sessions);

    if (rc == SQLITE_OK && no_sessions)
        rc = compact_keys(db, op, &no_keys);
    op->status = no_keys ? STORE_OK : STORE_NONE;
    if (no_keys) { /* the next pass begins at the beginning */
        memset(db->compact_session, 0, sizeof db->compact_session);
        db->compact_key_len = 0;
    }
    return rc;
}

int db_erase(struct db *db, struct store_op *op)
{
    int rc;

    db_bind_id(db->stmt[DB_ERASE_BODIES], 1, &op->session);
    db_bind_id(db->stmt[DB_ERASE_SNAPSHOT], 1, &op->session);
    if ((rc = db_run(db, DB_ERASE_BODIES)) == SQLITE_OK)
        rc = db_run(db, DB_ERASE_SNAPSHOT);
    return rc;
}
