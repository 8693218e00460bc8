/*
 * sqlite_tail.c - the newest batches: where they stand is known in memory and written later.
 *
 * A batch is appended to the end of the journal, which costs a part of a page. Its places in the
 * indexes by session and by dedupe key are pages of their own, so they are written for many batches
 * at a time, in order. The meta row `indexed` says how far they have come; what is after it is read
 * again when the store is opened.
 */
#include "config.h"
#include "store/sqlite_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TAIL 1024 /* batches; more cost fewer pages, and a longer pause when they are written */

static void add_place(struct db *db, const struct ulid *session, const struct tail_place *place)
{
    struct tail_session *s;

    HASH_FIND(hh, db->tail.sessions, session, sizeof *session, s);
    if (s == NULL) {
        s = mem_alloc(sizeof *s);
        s->id = *session;
        HASH_ADD(hh, db->tail.sessions, id, sizeof s->id, s);
    }
    if (s->n == s->cap) {
        s->cap = s->cap > 0 ? s->cap * 2 : 4;
        s->places = mem_grow(s->places, s->cap * sizeof *s->places);
    }
    s->places[s->n++] = *place;
}

void tail_add(struct db *db, const struct ulid *session, const struct tail_place *place,
              const uint8_t *dedupe, uint64_t dedupe_seq)
{
    struct tail_key *key;

    db->tail.n++;
    if (place->n > 0)
        add_place(db, session, place);
    if (dedupe == NULL)
        return;
    key = mem_alloc(sizeof *key);
    memcpy(key->key, dedupe, STORE_KEY);
    key->session = *session;
    key->seq = dedupe_seq;
    key->at = place->at;
    HASH_ADD(hh, db->tail.keys, key, STORE_KEY, key);
}

const struct tail_session *tail_session(const struct db *db, const struct ulid *session)
{
    struct tail_session *s;

    HASH_FIND(hh, db->tail.sessions, session, sizeof *session, s);
    return s;
}

const struct tail_key *tail_key(const struct db *db, const uint8_t key[STORE_KEY])
{
    struct tail_key *k;

    HASH_FIND(hh, db->tail.keys, key, STORE_KEY, k);
    return k;
}

int tail_is_long(const struct db *db)
{
    return db->tail.n >= TAIL;
}

void tail_clear(struct db *db)
{
    struct tail_session *s, *next_s;
    struct tail_key *k, *next_k;

    HASH_ITER(hh, db->tail.sessions, s, next_s) {
        HASH_DEL(db->tail.sessions, s);
        free(s->places);
        free(s);
    }
    HASH_ITER(hh, db->tail.keys, k, next_k) {
        HASH_DEL(db->tail.keys, k);
        free(k);
    }
    db->tail.n = 0;
}

static int by_id(const struct tail_session *a, const struct tail_session *b)
{
    return ulid_cmp(&a->id, &b->id);
}

static int by_key(const struct tail_key *a, const struct tail_key *b)
{
    return memcmp(a->key, b->key, STORE_KEY);
}

static int write_session(struct db *db, const struct tail_session *s)
{
    sqlite3_stmt *stmt = db->stmt[DB_PLACE_PUT];
    int rc = SQLITE_OK;

    db_bind_id(stmt, 1, &s->id);
    for (size_t i = 0; i < s->n && rc == SQLITE_OK; i++) {
        sqlite3_bind_int64(stmt, 2, (sqlite3_int64)s->places[i].first_seq);
        sqlite3_bind_int64(stmt, 3, (sqlite3_int64)s->places[i].n);
        sqlite3_bind_int64(stmt, 4, s->places[i].at);
        sqlite3_bind_int64(stmt, 5, s->places[i].row);
        rc = db_run(db, DB_PLACE_PUT);
    }
    return rc;
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

int tail_write(struct db *db)
{
    struct tail_session *s;
    struct tail_key *k;
    int rc = SQLITE_OK;

    if (db->tail.n == 0)
        return SQLITE_OK;
    HASH_SORT(db->tail.sessions, by_id);
    HASH_SORT(db->tail.keys, by_key);
    for (s = db->tail.sessions; s != NULL && rc == SQLITE_OK; s = s->hh.next)
        rc = write_session(db, s);
    for (k = db->tail.keys; k != NULL && rc == SQLITE_OK; k = k->hh.next)
        rc = write_key(db, k);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(db->stmt[DB_INDEXED_PUT], 1, db->last_row);
    return db_run(db, DB_INDEXED_PUT);
}

int tail_read(struct db *db)
{
    sqlite3_stmt *stmt = db->stmt[DB_TAIL];
    int rc;

    tail_clear(db);
    if ((rc = sqlite3_step(db->stmt[DB_INDEXED_GET])) == SQLITE_ROW)
        db->last_row = sqlite3_column_int64(db->stmt[DB_INDEXED_GET], 0);
    sqlite3_reset(db->stmt[DB_INDEXED_GET]);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    sqlite3_bind_int64(stmt, 1, db->last_row);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct tail_place place = {
            .row = sqlite3_column_int64(stmt, 0),
            .first_seq = (uint64_t)sqlite3_column_int64(stmt, 2),
            .n = (uint64_t)sqlite3_column_int64(stmt, 3),
            .at = sqlite3_column_int64(stmt, 4),
        };
        struct ulid session;

        if (sqlite3_column_bytes(stmt, 1) != (int)sizeof session.b ||
            (sqlite3_column_type(stmt, 5) != SQLITE_NULL &&
             sqlite3_column_bytes(stmt, 5) != STORE_KEY)) {
            rc = SQLITE_CORRUPT;
            break;
        }
        memcpy(session.b, sqlite3_column_blob(stmt, 1), sizeof session.b);
        tail_add(db, &session, &place, sqlite3_column_blob(stmt, 5),
                 (uint64_t)sqlite3_column_int64(stmt, 6));
        db->last_row = place.row;
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
