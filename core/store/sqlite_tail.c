/*
 * sqlite_tail.c - the newest batches: where they stand is known in memory and written later.
 *
 * A batch is appended to the end of the journal, which costs a part of a page. Its places in the
 * indexes by session and by dedupe key are pages of their own, so they wait, and those of the
 * session that has waited for longest are written together, a few sessions a commit. The meta row
 * `indexed` says up to which row all places are written; rows after it are looked at again when the
 * store is opened.
 */
#include "config.h"
#include "store/sqlite_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define INDEXED_STEP 512 /* rows; how far the meta row may lag */

static struct tail_session *session_of(struct db *db, const struct ulid *id, sqlite3_int64 row)
{
    struct tail_session *s;

    HASH_FIND(hh, db->tail.sessions, id, sizeof *id, s);
    if (s == NULL) {
        s = mem_alloc(sizeof *s);
        s->id = *id;
        s->oldest = row;
        HASH_ADD(hh, db->tail.sessions, id, sizeof s->id, s); /* keeps the order of coming */
    }
    return s;
}

void tail_add(struct db *db, const struct ulid *session, const struct tail_place *place,
              const uint8_t *dedupe, uint64_t dedupe_seq)
{
    struct tail_session *s = session_of(db, session, place->row);
    struct tail_key *key;

    if (place->n > 0) {
        if (s->n == s->cap) {
            s->cap = s->cap > 0 ? s->cap * 2 : 4;
            s->places = mem_grow(s->places, s->cap * sizeof *s->places);
        }
        s->places[s->n++] = *place;
        db->tail.n++;
    }
    if (dedupe == NULL)
        return;
    key = mem_alloc(sizeof *key);
    memcpy(key->key, dedupe, STORE_KEY);
    key->session = *session;
    key->seq = dedupe_seq;
    key->at = place->at;
    key->next = s->keys;
    s->keys = key;
    HASH_ADD(hh, db->tail.keys, key, STORE_KEY, key);
    db->tail.n++;
}

const struct tail_session *tail_session(const struct db *db, const struct ulid *session)
{
    struct tail_session *s;

    HASH_FIND(hh, db->tail.sessions, session, sizeof *session, s);
    return s != NULL && s->n > 0 ? s : NULL;
}

const struct tail_key *tail_key(const struct db *db, const uint8_t key[STORE_KEY])
{
    struct tail_key *k;

    HASH_FIND(hh, db->tail.keys, key, STORE_KEY, k);
    return k;
}

static void drop_first(struct db *db)
{
    struct tail_session *s = db->tail.sessions;
    struct tail_key *key;

    HASH_DEL(db->tail.sessions, s);
    db->tail.n -= s->n;
    while ((key = s->keys) != NULL) {
        s->keys = key->next;
        HASH_DEL(db->tail.keys, key);
        free(key);
        db->tail.n--;
    }
    free(s->places);
    free(s);
}

void tail_written(struct db *db)
{
    for (; db->tail.written > 0; db->tail.written--)
        drop_first(db);
}

void tail_clear(struct db *db)
{
    db->tail.written = 0;
    while (db->tail.sessions != NULL)
        drop_first(db);
}

static int write_key(struct db *db, const struct tail_key *k)
{
    sqlite3_stmt *stmt = db->stmt[DB_DEDUPE_PUT];

    sqlite3_bind_blob(stmt, 1, k->key, STORE_KEY, SQLITE_STATIC);
    db_bind_id(stmt, 2, &k->session);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)k->seq);
    sqlite3_bind_int64(stmt, 4, k->at);
    return db_run(db, DB_DEDUPE_PUT);
}

/* *n_r: how many entries that were. */
static int write_session(struct db *db, const struct tail_session *s, size_t *n_r)
{
    sqlite3_stmt *stmt = db->stmt[DB_PLACE_PUT];
    int rc = SQLITE_OK;

    db_bind_id(stmt, 1, &s->id);
    *n_r = s->n;
    for (size_t i = 0; i < s->n && rc == SQLITE_OK; i++) {
        sqlite3_bind_int64(stmt, 2, (sqlite3_int64)s->places[i].first_seq);
        sqlite3_bind_int64(stmt, 3, (sqlite3_int64)s->places[i].n);
        sqlite3_bind_int64(stmt, 4, s->places[i].at);
        sqlite3_bind_int64(stmt, 5, s->places[i].row);
        rc = db_run(db, DB_PLACE_PUT);
    }
    for (const struct tail_key *k = s->keys; k != NULL && rc == SQLITE_OK; k = k->next) {
        rc = write_key(db, k);
        ++*n_r;
    }
    return rc;
}

int tail_write(struct db *db, size_t keep)
{
    const struct tail_session *s = db->tail.sessions;
    size_t left = db->tail.n, n;
    sqlite3_int64 indexed;
    int rc;

    for (; s != NULL && left > keep; s = s->hh.next) {
        if ((rc = write_session(db, s, &n)) != SQLITE_OK)
            return rc;
        left -= n;
        db->tail.written++;
    }
    indexed = s != NULL ? s->oldest - 1 : db->last_row;
    if (db->tail.written == 0 || (keep > 0 && indexed < db->tail.indexed + INDEXED_STEP))
        return SQLITE_OK;
    db->tail.indexed = indexed; /* read again when this is rolled back */
    sqlite3_bind_int64(db->stmt[DB_INDEXED_PUT], 1, indexed);
    return db_run(db, DB_INDEXED_PUT);
}

/* 1: this row's place, or at least its key, is written already. */
static int is_indexed(struct db *db, const struct ulid *session, const struct tail_place *place,
                      const void *dedupe)
{
    sqlite3_stmt *stmt = db->stmt[place->n > 0 ? DB_PLACE_GET : DB_DEDUPE_GET];
    int rc;

    if (place->n > 0) {
        db_bind_id(stmt, 1, session);
        sqlite3_bind_int64(stmt, 2, (sqlite3_int64)place->first_seq);
    } else {
        sqlite3_bind_blob(stmt, 1, dedupe, STORE_KEY, SQLITE_STATIC);
    }
    rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW;
}

/* 0, or -1: a row that no program of ours wrote. */
static int read_row(struct db *db, sqlite3_stmt *stmt)
{
    const struct tail_place place = {
        .row = sqlite3_column_int64(stmt, 0),
        .first_seq = (uint64_t)sqlite3_column_int64(stmt, 2),
        .n = (uint64_t)sqlite3_column_int64(stmt, 3),
        .at = sqlite3_column_int64(stmt, 4),
    };
    const void *dedupe = sqlite3_column_blob(stmt, 5);
    struct ulid session;

    if (sqlite3_column_bytes(stmt, 1) != (int)sizeof session.b ||
        (dedupe != NULL && sqlite3_column_bytes(stmt, 5) != STORE_KEY) ||
        (dedupe == NULL && place.n == 0))
        return -1;
    memcpy(session.b, sqlite3_column_blob(stmt, 1), sizeof session.b);
    if (!is_indexed(db, &session, &place, dedupe))
        tail_add(db, &session, &place, dedupe, (uint64_t)sqlite3_column_int64(stmt, 6));
    db->last_row = place.row;
    return 0;
}

int tail_read(struct db *db)
{
    sqlite3_stmt *stmt = db->stmt[DB_TAIL];
    int rc;

    tail_clear(db);
    if ((rc = sqlite3_step(db->stmt[DB_INDEXED_GET])) == SQLITE_ROW)
        db->last_row = db->tail.indexed = sqlite3_column_int64(db->stmt[DB_INDEXED_GET], 0);
    sqlite3_reset(db->stmt[DB_INDEXED_GET]);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    sqlite3_bind_int64(stmt, 1, db->last_row);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        if (read_row(db, stmt) < 0) {
            rc = SQLITE_CORRUPT;
            break;
        }
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
