/* sqlite_read.c - loads, look-ups and scans. */
#include "config.h"
#include "store/sqlite_private.h"

#include <string.h>

#include "store/rows.h"

static struct ulid column_id(sqlite3_stmt *stmt, int i)
{
    struct ulid id = { { 0 } };

    if (sqlite3_column_bytes(stmt, i) == (int)sizeof id.b)
        memcpy(id.b, sqlite3_column_blob(stmt, i), sizeof id.b);
    return id;
}

/* Ends a statement whose last step gave rc; a whole result is SQLITE_OK. */
static int end(sqlite3_stmt *stmt, int rc)
{
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* When compaction has dropped all rows, the snapshot says how far the session came. */
int db_last_seq(struct db *db, const struct ulid *session, uint64_t *seq_r)
{
    static const enum db_stmt places[] = { DB_PLACE_LAST, DB_SNAPSHOT_GET };
    const struct tail_session *tail = tail_session(db, session);
    int rc = SQLITE_DONE;

    *seq_r = 0;
    if (tail != NULL) {
        *seq_r = tail->places[tail->n - 1].first_seq + tail->places[tail->n - 1].n - 1;
        return SQLITE_OK;
    }
    for (size_t i = 0; i < 2 && rc == SQLITE_DONE; i++) {
        sqlite3_stmt *stmt = db->stmt[places[i]];

        db_bind_id(stmt, 1, session);
        if ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
            *seq_r = (uint64_t)sqlite3_column_int64(stmt, 0);
        sqlite3_reset(stmt);
    }
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int exists(struct db *db, struct store_op *op)
{
    sqlite3_stmt *stmt = db->stmt[DB_SESSION_GET];
    int rc;

    db_bind_id(stmt, 1, &op->session);
    rc = sqlite3_step(stmt);
    op->status = rc == SQLITE_ROW ? STORE_OK : STORE_NONE;
    return end(stmt, rc);
}

/* Records grow by doubling in the op's arena; a load is short. */
static void add_record(struct store_op *op, size_t *cap, const struct store_record *record)
{
    if (op->n == *cap) {
        struct store_record *more = arena_array(op->mem, *cap * 2 + 16, sizeof *more);

        if (op->n > 0)
            memcpy(more, op->records, op->n * sizeof *more);
        op->records = more;
        *cap = *cap * 2 + 16;
    }
    op->records[op->n++] = *record;
}

static struct store_record *row_records(sqlite3_stmt *stmt, struct store_op *op, size_t *n_r)
{
    uint64_t first = (uint64_t)sqlite3_column_int64(stmt, 0);
    size_t n = *n_r = (size_t)sqlite3_column_int64(stmt, 1);
    const void *data = sqlite3_column_blob(stmt, 2), *bodies = sqlite3_column_blob(stmt, 3);
    struct store_record *records =
        rows_unpack(op->mem, data, (size_t)sqlite3_column_bytes(stmt, 2), n);

    if (records == NULL || rows_unpack_bodies(op->mem, bodies,
                                              (size_t)sqlite3_column_bytes(stmt, 3), records, n) < 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        records[i].seq = first + i;
    return records;
}

/* The records of one batch that are at or after `low`; at most max in all. */
static int batch_from(struct db *db, struct store_op *op, sqlite3_int64 row, uint64_t low,
                      size_t max, size_t *cap)
{
    sqlite3_stmt *stmt = db->stmt[DB_JOURNAL_GET];
    struct store_record *records = NULL;
    size_t n = 0;
    int rc;

    sqlite3_bind_int64(stmt, 1, row);
    if ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        records = row_records(stmt, op, &n);
    sqlite3_reset(stmt);
    if (records == NULL)
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    for (size_t i = 0; i < n && !op->more; i++) {
        if (records[i].seq < low)
            continue;
        if (op->n == max)
            op->more = 1;
        else
            add_record(op, cap, &records[i]);
    }
    return SQLITE_OK;
}

static int records_from(struct db *db, struct store_op *op, uint64_t low, size_t max)
{
    sqlite3_stmt *stmt = db->stmt[DB_PLACE_FROM];
    const struct tail_session *tail = tail_session(db, &op->session);
    size_t cap = 0;
    int rc = SQLITE_OK, at;

    db_bind_id(stmt, 1, &op->session);
    sqlite3_bind_int64(stmt, 2, low > INT64_MAX ? INT64_MAX : (sqlite3_int64)low);
    while ((at = sqlite3_step(stmt)) == SQLITE_ROW && rc == SQLITE_OK && !op->more)
        rc = batch_from(db, op, sqlite3_column_int64(stmt, 0), low, max, &cap);
    at = end(stmt, at);
    if (rc == SQLITE_OK)
        rc = at;
    for (size_t i = 0; tail != NULL && i < tail->n && rc == SQLITE_OK && !op->more; i++)
        rc = batch_from(db, op, tail->places[i].row, low, max, &cap);
    return rc;
}

static int get_snapshot(struct db *db, struct store_op *op)
{
    sqlite3_stmt *stmt = db->stmt[DB_SNAPSHOT_GET];
    int rc;

    db_bind_id(stmt, 1, &op->session);
    if ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct store_snapshot *s = arena_alloc(op->mem, sizeof *s);

        s->seq = (uint64_t)sqlite3_column_int64(stmt, 0);
        s->data = arena_dup(op->mem, sqlite3_column_blob(stmt, 1),
                            (size_t)sqlite3_column_bytes(stmt, 1));
        s->data_len = (size_t)sqlite3_column_bytes(stmt, 1);
        if ((s->body_len = (size_t)sqlite3_column_bytes(stmt, 2)) > 0)
            s->body = arena_dup(op->mem, sqlite3_column_blob(stmt, 2), s->body_len);
        op->snapshot = s;
    }
    return end(stmt, rc);
}

static int load(struct db *db, struct store_op *op)
{
    uint64_t from = 0;
    int rc = exists(db, op);

    if (rc != SQLITE_OK || op->status != STORE_OK)
        return rc;
    op->mem = arena_new(0);
    rc = get_snapshot(db, op);
    if (op->snapshot != NULL)
        from = op->snapshot->seq + 1;
    if (rc == SQLITE_OK)
        rc = records_from(db, op, from, SIZE_MAX);
    if (rc == SQLITE_OK)
        rc = db_last_seq(db, &op->session, &op->found_seq);
    return rc;
}

static int read_some(struct db *db, struct store_op *op)
{
    int rc = exists(db, op);

    if (rc != SQLITE_OK || op->status != STORE_OK)
        return rc;
    op->mem = arena_new(0);
    return records_from(db, op, op->first_seq, op->max);
}

static int find(struct db *db, struct store_op *op)
{
    sqlite3_stmt *stmt = db->stmt[DB_ADDRESS_GET];
    int rc;

    sqlite3_bind_blob(stmt, 1, op->address, STORE_ADDRESS, SQLITE_STATIC);
    rc = sqlite3_step(stmt);
    op->status = rc == SQLITE_ROW ? STORE_OK : STORE_NONE;
    if (rc == SQLITE_ROW)
        op->found = column_id(stmt, 0);
    return end(stmt, rc);
}

/* The rows of a bound statement: id, wake_at. */
static int items(struct db *db, struct store_op *op, sqlite3_stmt *stmt)
{
    size_t cap = 0;
    int rc;

    op->mem = arena_new(0);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (op->n == cap) {
            struct store_item *more = arena_array(op->mem, cap * 2 + 16, sizeof *more);

            if (op->n > 0)
                memcpy(more, op->items, op->n * sizeof *more);
            op->items = more;
            cap = cap * 2 + 16;
        }
        op->items[op->n++] = (struct store_item){
            .session = column_id(stmt, 0),
            .wake_at = sqlite3_column_type(stmt, 1) == SQLITE_NULL ? STORE_WAKE_NEVER
                                                                   : sqlite3_column_int64(stmt, 1),
        };
    }
    rc = end(stmt, rc);
    for (size_t i = 0; i < op->n && rc == SQLITE_OK; i++)
        rc = db_last_seq(db, &op->items[i].session, &op->items[i].last_seq);
    return rc;
}

static sqlite3_int64 limit(size_t max)
{
    return max > INT64_MAX ? INT64_MAX : (sqlite3_int64)max;
}

static int due(struct db *db, struct store_op *op)
{
    sqlite3_stmt *stmt = db->stmt[DB_DUE];

    sqlite3_bind_int64(stmt, 1, op->before);
    sqlite3_bind_int64(stmt, 2, op->after_wake);
    db_bind_id(stmt, 3, &op->session);
    sqlite3_bind_int64(stmt, 4, limit(op->max));
    return items(db, op, stmt);
}

static int sessions(struct db *db, struct store_op *op)
{
    sqlite3_stmt *stmt = db->stmt[DB_SESSIONS];

    if (ulid_is_zero(&op->session)) /* from the newest back: none has this id */
        memset(op->session.b, 0xff, sizeof op->session.b);
    db_bind_id(stmt, 1, &op->session);
    sqlite3_bind_int64(stmt, 2, limit(op->max));
    return items(db, op, stmt);
}

int db_read(struct db *db, struct store_op *op)
{
    static int (*const run[])(struct db *, struct store_op *) = {
        [OP_LOAD] = load, [OP_FIND] = find,         [OP_READ] = read_some,
        [OP_DUE] = due,   [OP_SESSIONS] = sessions, [OP_KEPT] = db_kept,
    };

    return run[op->kind](db, op);
}
