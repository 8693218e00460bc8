/* sqlite_schema.c - opens the database, makes or checks its schema, prepares the statements. */
#include "config.h"
#include "store/sqlite_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypt.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#define SCHEMA_VERSION 1

/*
 * One row of journal is a batch, in order of arrival: an append touches the last page only. Its
 * bodies stand apart, under the same number, so that they can be erased. place and dedupe are the
 * indexes, written some time later (sqlite_tail.c). session has a row a session, written
 * when it begins and when its wake changes, not with each batch.
 */
static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE journal(id INTEGER PRIMARY KEY, session BLOB, first_seq INTEGER, n INTEGER,"
    " at INTEGER, dedupe BLOB, dedupe_seq INTEGER, data BLOB);"
    "CREATE TABLE place(session BLOB, first_seq INTEGER, n INTEGER, at INTEGER, id INTEGER,"
    " PRIMARY KEY(session, first_seq)) WITHOUT ROWID;"
    "CREATE TABLE body(id INTEGER PRIMARY KEY, data BLOB);"
    "CREATE TABLE dedupe(key BLOB PRIMARY KEY, session BLOB, seq INTEGER, at INTEGER)"
    " WITHOUT ROWID;"
    "CREATE TABLE address(key BLOB PRIMARY KEY, session BLOB) WITHOUT ROWID;"
    "CREATE TABLE session(id BLOB PRIMARY KEY, wake_at INTEGER) WITHOUT ROWID;"
    "CREATE INDEX session_wake ON session(wake_at, id) WHERE wake_at IS NOT NULL;"
    "CREATE TABLE snapshot(session BLOB PRIMARY KEY, seq INTEGER, data BLOB, body BLOB)"
    " WITHOUT ROWID;";

/*
 * What is kept beside the journal. keep_room counts the pairs of each space, by triggers: within the
 * transaction, without a count of all of them at each put.
 */
static const char keep_schema[] =
    "CREATE TABLE IF NOT EXISTS keep(space TEXT, key TEXT, value BLOB, until INTEGER,"
    " PRIMARY KEY(space, key)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS keep_until ON keep(space, until, key) WHERE until IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS keep_room(space TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;"
    "CREATE TRIGGER IF NOT EXISTS keep_in AFTER INSERT ON keep BEGIN"
    " INSERT INTO keep_room(space, n) VALUES(new.space, 1)"
    " ON CONFLICT(space) DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS keep_out AFTER DELETE ON keep BEGIN"
    " UPDATE keep_room SET n = n - 1 WHERE space = old.space; END;";

static const char *const texts[DB_STMTS] = {
    [DB_BEGIN] = "BEGIN IMMEDIATE",
    [DB_COMMIT] = "COMMIT",
    [DB_ROLLBACK] = "ROLLBACK",
    [DB_DEDUPE_GET] = "SELECT session, seq FROM dedupe WHERE key = ?1",
    [DB_DEDUPE_PUT] = "INSERT INTO dedupe(key, session, seq, at) VALUES(?1, ?2, ?3, ?4)",
    [DB_JOURNAL_PUT] = "INSERT INTO journal(id, session, first_seq, n, at, dedupe, dedupe_seq, data)"
                       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [DB_JOURNAL_GET] = "SELECT j.first_seq, j.n, j.data, b.data FROM journal j"
                       " LEFT JOIN body b ON b.id = j.id WHERE j.id = ?1",
    [DB_PLACE_LAST] = "SELECT first_seq + n - 1 FROM place WHERE session = ?1"
                      " ORDER BY first_seq DESC LIMIT 1",
    [DB_PLACE_GET] = "SELECT 1 FROM place WHERE session = ?1 AND first_seq = ?2",
    [DB_PLACE_PUT] = "INSERT INTO place(session, first_seq, n, at, id) VALUES(?1, ?2, ?3, ?4, ?5)",
    [DB_PLACE_FROM] = "SELECT id FROM place WHERE session = ?1 AND first_seq >="
                      " coalesce((SELECT max(first_seq) FROM place WHERE session = ?1"
                      " AND first_seq <= ?2), 0) ORDER BY first_seq",
    [DB_INDEXED_GET] = "SELECT value FROM meta WHERE key = 'indexed'",
    [DB_INDEXED_PUT] = "UPDATE meta SET value = ?1 WHERE key = 'indexed'",
    [DB_TAIL] = "SELECT id, session, first_seq, n, at, dedupe, dedupe_seq FROM journal"
                " WHERE id > ?1 ORDER BY id",
    [DB_BODY_PUT] = "INSERT INTO body(id, data) VALUES(?1, ?2)",
    [DB_ADDRESS_GET] = "SELECT session FROM address WHERE key = ?1",
    [DB_ADDRESS_PUT] = "INSERT OR REPLACE INTO address(key, session) VALUES(?1, ?2)",
    [DB_SNAPSHOT_GET] = "SELECT seq, data, body FROM snapshot WHERE session = ?1",
    [DB_SNAPSHOT_PUT] = "INSERT OR REPLACE INTO snapshot(session, seq, data, body)"
                        " VALUES(?1, ?2, ?3, ?4)",
    [DB_SESSION_GET] = "SELECT 1 FROM session WHERE id = ?1",
    [DB_SESSION_NEW] = "INSERT OR IGNORE INTO session(id, wake_at) VALUES(?1, NULL)",
    [DB_SESSION_WAKE] = "INSERT OR REPLACE INTO session(id, wake_at) VALUES(?1, ?2)",
    [DB_DUE] = "SELECT id, wake_at FROM session WHERE wake_at IS NOT NULL AND wake_at <= ?1"
               " AND (wake_at, id) > (?2, ?3) ORDER BY wake_at, id LIMIT ?4",
    [DB_SESSIONS] = "SELECT id, wake_at FROM session WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
    [DB_COMPACT_NEXT] = "SELECT session, seq FROM snapshot WHERE session > ?1"
                        " ORDER BY session LIMIT 1",
    [DB_COMPACT_BATCHES] = "SELECT first_seq + n - 1, at FROM place WHERE session = ?1"
                           " ORDER BY first_seq LIMIT ?2",
    [DB_COMPACT_BODIES] = "DELETE FROM body WHERE id IN (SELECT id FROM place"
                          " WHERE session = ?1 AND first_seq <= ?2)",
    [DB_COMPACT_JOURNAL] = "DELETE FROM journal WHERE id IN (SELECT id FROM place"
                           " WHERE session = ?1 AND first_seq <= ?2)",
    [DB_COMPACT_PLACES] = "DELETE FROM place WHERE session = ?1 AND first_seq <= ?2",
    [DB_DEDUPE_SLICE] = "SELECT key FROM dedupe WHERE key > ?1 ORDER BY key LIMIT 1 OFFSET ?2",
    [DB_DEDUPE_DROP] = "DELETE FROM dedupe WHERE key > ?1 AND key <= ?2 AND at < ?3",
    [DB_ERASE_BODIES] = "DELETE FROM body WHERE id IN (SELECT id FROM place WHERE session = ?1)",
    [DB_ERASE_SNAPSHOT] = "UPDATE snapshot SET body = NULL WHERE session = ?1",
    [DB_KEEP_PUT] = "INSERT INTO keep(space, key, value, until) VALUES(?1, ?2, ?3, ?4)"
                    " ON CONFLICT(space, key) DO UPDATE SET value = ?3, until = ?4",
    [DB_KEEP_DEL] = "DELETE FROM keep WHERE space = ?1 AND key = ?2",
    [DB_KEEP_HAS] = "SELECT 1 FROM keep WHERE space = ?1 AND key = ?2",
    [DB_KEEP_GET] = "SELECT key, value, until FROM keep WHERE space = ?1 AND key = ?2"
                    " AND (until IS NULL OR until > ?3)",
    [DB_KEEP_SCAN] = "SELECT key, value, until FROM keep WHERE space = ?1 AND key >= ?2"
                     " AND key > ?3 AND (until IS NULL OR until > ?4) ORDER BY key",
    [DB_KEEP_SWEEP] = "DELETE FROM keep WHERE space = ?1 AND key IN (SELECT key FROM keep"
                      " WHERE space = ?1 AND until <= ?2 ORDER BY until, key LIMIT ?3)",
    [DB_KEEP_N] = "SELECT n FROM keep_room WHERE space = ?1",
};

int db_run(struct db *db, enum db_stmt which)
{
    int rc = sqlite3_step(db->stmt[which]);

    sqlite3_reset(db->stmt[which]);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int db_is_full(struct db *db, int rc)
{
    int why = sqlite3_system_errno(db->handle);

    return (rc & 0xff) == SQLITE_FULL ||
           (rc == SQLITE_IOERR_WRITE && (why == ENOSPC || why == EDQUOT));
}

void db_bind_id(sqlite3_stmt *stmt, int i, const struct ulid *id)
{
    sqlite3_bind_blob(stmt, i, id->b, sizeof id->b, SQLITE_STATIC);
}

static int sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) < 0 ? -1 : 0;

    if (fd >= 0)
        close(fd);
    return rc;
}

/* The file and its directory are there, for us alone, and on disk under these names. */
static int make_file(const char *path, struct err *err)
{
    char *copy = mem_strdup(path), *dir = dirname(copy), *copy_up = mem_strdup(dir);
    int fd = -1, rc = 0;

    if (mkdir(dir, 0700) < 0 ? errno != EEXIST : sync_dir(dirname(copy_up)) < 0)
        rc = err_set(err, "cannot make the directory %s: %s", dir, strerror(errno));
    else if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0 || sync_dir(dir) < 0)
        rc = err_set(err, "cannot open %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(copy);
    free(copy_up);
    return rc;
}

static int sql(struct db *db, const char *text, struct err *err)
{
    if (sqlite3_exec(db->handle, text, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return err_set(err, "%s", sqlite3_errmsg(db->handle));
}

static int prepare(struct db *db, const char *text, sqlite3_stmt **stmt_r, struct err *err)
{
    if (sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, stmt_r, NULL) ==
        SQLITE_OK)
        return 0;
    return err_set(err, "%s", sqlite3_errmsg(db->handle));
}

static int on_wal(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct db *db = arg;

    (void)handle;
    (void)name;
    db->wal_pages = pages;
    return SQLITE_OK;
}

/*
 * One connection, no other process (exclusive): no shared memory file, no locks while running, and
 * a second daemon is refused. Checkpoints are ours, after the callbacks of a commit: the automatic
 * ones delay the commit and swallow a failed fsync. secure_delete is always on: pages are moved
 * about long before somebody asks for an erasure.
 */
static int set_up(struct db *db, const struct store_conf *conf, struct err *err)
{
    sqlite3_busy_timeout(db->handle, 0);
    sqlite3_extended_result_codes(db->handle, 1);
    if (sql(db,
            "PRAGMA page_size = 4096; PRAGMA locking_mode = EXCLUSIVE;"
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
            "PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ON;"
            "PRAGMA cache_size = -65536; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY",
            err) < 0)
        return -1;
    sqlite3_wal_hook(db->handle, on_wal, db); /* after the pragma, which takes it away */
    return sql(db,
               conf->unsafe_no_sync ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL",
               err);
}

/* How many tables there are; -1: cannot be told. */
static int count_tables(struct db *db, struct err *err)
{
    sqlite3_stmt *stmt;
    int n = -1;

    if (prepare(db, "SELECT count(*) FROM sqlite_schema", &stmt, err) < 0)
        return -1;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int(stmt, 0);
    else
        err_set(err, "%s", sqlite3_errmsg(db->handle));
    sqlite3_finalize(stmt);
    return n;
}

static int create(struct db *db, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    uint8_t key[32];
    int rc = -1;

    crypt_random(key, sizeof key);
    if (sql(db, "BEGIN IMMEDIATE", err) < 0 || sql(db, schema, err) < 0 ||
        prepare(db, "INSERT INTO meta(key, value) VALUES('version', ?1), ('master_key', ?2),"
                " ('indexed', 0)",
                &stmt, err) < 0)
        goto out;
    sqlite3_bind_int(stmt, 1, SCHEMA_VERSION);
    sqlite3_bind_blob(stmt, 2, key, sizeof key, SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_DONE) {
        err_set(err, "%s", sqlite3_errmsg(db->handle));
        goto out;
    }
    sqlite3_finalize(stmt);
    stmt = NULL;
    rc = sql(db, "COMMIT", err);
out:
    sqlite3_finalize(stmt);
    mem_wipe(key, sizeof key);
    return rc;
}

static int read_meta(struct db *db, uint8_t master_key[32], struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = -1, version;

    if (prepare(db,
                "SELECT (SELECT value FROM meta WHERE key = 'version'),"
                " (SELECT value FROM meta WHERE key = 'master_key')",
                &stmt, err) < 0)
        return err_wrap(err, "it is not a store of ours");
    if (sqlite3_step(stmt) != SQLITE_ROW)
        err_set(err, "%s", sqlite3_errmsg(db->handle));
    else if ((version = sqlite3_column_int(stmt, 0)) > SCHEMA_VERSION)
        err_set(err,
                "it has version %d, this program knows version %d and older: start the newer "
                "program, or give another path",
                version, SCHEMA_VERSION);
    else if (version < 1 || sqlite3_column_bytes(stmt, 1) != 32)
        err_set(err, "its version or its key is missing: it is damaged or not ours");
    else {
        memcpy(master_key, sqlite3_column_blob(stmt, 1), 32);
        rc = 0;
    }
    sqlite3_finalize(stmt);
    return rc;
}

static int open_all(struct db *db, const char *path, const struct store_conf *conf,
                    uint8_t master_key[32], struct err *err)
{
    int rc, tables;

    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* nobody asks; counting locks each allocation */
    rc = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return err_set(err, "%s", sqlite3_errstr(rc));
    if (set_up(db, conf, err) < 0 || (tables = count_tables(db, err)) < 0 ||
        (tables == 0 && create(db, err) < 0) || read_meta(db, master_key, err) < 0 ||
        sql(db, keep_schema, err) < 0) {
        if (sqlite3_errcode(db->handle) == SQLITE_BUSY)
            return err_set(err, "another process uses it");
        return -1;
    }
    for (int i = 0; i < DB_STMTS; i++) {
        if (prepare(db, texts[i], &db->stmt[i], err) < 0)
            return -1;
    }
    if ((rc = tail_read(db)) != SQLITE_OK)
        return err_set(err, "the journal cannot be read: %s", sqlite3_errstr(rc));
    return 0;
}

int db_open(struct db *db, const char *path, const struct store_conf *conf, uint8_t master_key[32],
            struct err *err)
{
    if (make_file(path, err) < 0)
        return err_wrap(err, "store");
    if (open_all(db, path, conf, master_key, err) < 0) {
        db_close(db, 0);
        return err_wrap(err, "store %s", path);
    }
    if (conf->unsafe_no_sync)
        LOG_WARN(NULL, "store %s does NOT wait for the disk: a power cut loses what was "
                       "acknowledged", path);
    return 0;
}

void db_close(struct db *db, int checkpoint)
{
    for (int i = 0; i < DB_STMTS; i++)
        sqlite3_finalize(db->stmt[i]);
    if (db->handle != NULL && !checkpoint)
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db->handle);
    tail_clear(db);
    buf_fini(&db->facts);
    buf_fini(&db->bodies);
}
