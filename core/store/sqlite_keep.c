/* sqlite_keep.c - pairs that are kept beside the journal. */
#include "config.h"
#include "store/sqlite_private.h"

#include <string.h>

static void bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
    sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
}

/* Binds space and key, steps once; the statement is reset. */
static int look(struct db *db, enum db_stmt which, const struct store_keep *keep, int64_t *n_r)
{
    sqlite3_stmt *stmt = db->stmt[which];
    int rc;

    *n_r = 0;
    bind_text(stmt, 1, keep->space);
    if (which != DB_KEEP_N)
        bind_text(stmt, 2, keep->key);
    if ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        *n_r = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Is there room for one more, once what is over has gone? */
static int check_room(struct db *db, struct store_op *op)
{
    const struct store_keep *keep = op->keep;
    sqlite3_stmt *sweep = db->stmt[DB_KEEP_SWEEP];
    int64_t there, n;
    int rc;

    bind_text(sweep, 1, keep->space);
    sqlite3_bind_int64(sweep, 2, keep->now);
    sqlite3_bind_int(sweep, 3, KEEP_SWEEP);
    if ((rc = db_run(db, DB_KEEP_SWEEP)) != SQLITE_OK ||
        (rc = look(db, DB_KEEP_HAS, keep, &there)) != SQLITE_OK || there)
        return rc;
    if ((rc = look(db, DB_KEEP_N, keep, &n)) == SQLITE_OK && (uint64_t)n >= keep->max)
        op->status = STORE_MANY;
    return rc;
}

int db_keep(struct db *db, struct store_op *op)
{
    const struct store_keep *keep = op->keep;
    const enum db_stmt which = keep->what == STORE_PUT ? DB_KEEP_PUT : DB_KEEP_DEL;
    sqlite3_stmt *stmt = db->stmt[which];
    int rc = which == DB_KEEP_PUT ? check_room(db, op) : SQLITE_OK;

    if (rc != SQLITE_OK || op->status != STORE_OK)
        return rc;
    bind_text(stmt, 1, keep->space);
    bind_text(stmt, 2, keep->key);
    if (which == DB_KEEP_PUT) {
        sqlite3_bind_blob64(stmt, 3, keep->value, keep->len, SQLITE_STATIC);
        if (keep->until != 0)
            sqlite3_bind_int64(stmt, 4, keep->until);
        else
            sqlite3_bind_null(stmt, 4);
    }
    return db_run(db, which);
}

int db_kept(struct db *db, struct store_op *op)
{
    const struct store_keep *keep = op->keep;
    const int is_get = keep->what == STORE_GET;
    sqlite3_stmt *stmt = db->stmt[is_get ? DB_KEEP_GET : DB_KEEP_SCAN];
    size_t cap = 0;
    int rc;

    bind_text(stmt, 1, keep->space);
    bind_text(stmt, 2, keep->key);
    if (!is_get)
        bind_text(stmt, 3, keep->after != NULL ? keep->after : "");
    sqlite3_bind_int64(stmt, is_get ? 3 : 4, keep->now);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct store_pair pair = {
            .key = (const char *)sqlite3_column_text(stmt, 0),
            .value = sqlite3_column_blob(stmt, 1),
            .len = (size_t)sqlite3_column_bytes(stmt, 1),
            .until = sqlite3_column_int64(stmt, 2),
        };

        if (strncmp(pair.key, keep->key, strlen(keep->key)) != 0 ||
            !op_add_pair(op, &cap, &pair))
            break;
    }
    sqlite3_reset(stmt);
    op->status = op->n > 0 ? STORE_OK : STORE_NONE;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}
