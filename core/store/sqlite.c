/*
 * sqlite.c - the store in SQLite: one connection, one thread, groups of batches.
 *
 * The loop's thread puts ops into a queue; the writer's thread takes all there is, answers reads
 * between commits and puts appends, up to GROUP of them, into one transaction. Reads do not get a
 * connection of their own: it would have to wait for commits all the same to see what was written
 * before, and one connection alone cannot meet SQLite's WAL-reset bug.
 */
#include "config.h"
#include "store/sqlite_private.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#define GROUP 256          /* batches a commit */
#define CHECKPOINT 1000    /* pages in the WAL: a longer one would hold up the commits behind it */
#define SPACE_CHECK_MS 100 /* how often the file system is asked what it has left */

struct sqlite_store {
    struct store store;
    pthread_t thread;
    pthread_cond_t wake; /* with store.lock */
    struct op_list queue;
    int stop, idle;

    /* The writer's thread alone. */
    struct db db;
    struct op_list pending; /* taken from the queue */
    char *dir;
    int64_t space_at;
    int has_space, failed;
    int next_checkpoint; /* pages */
};

static uint64_t free_bytes(const char *dir)
{
    struct statvfs fs;

    return statvfs(dir, &fs) < 0 ? 0 : (uint64_t)fs.f_bavail * fs.f_frsize;
}

static int has_space(struct sqlite_store *st)
{
    int64_t now = clock_mono_ms();

    if (st->store.conf.min_free <= 0)
        return 1;
    if (now - st->space_at >= SPACE_CHECK_MS) {
        st->space_at = now;
        st->has_space = free_bytes(st->dir) >= (uint64_t)st->store.conf.min_free;
    }
    return st->has_space;
}

static void fail(struct sqlite_store *st, const char *what)
{
    char *why = mem_printf("%s: %s", what, sqlite3_errmsg(st->db.handle));

    st->failed = 1;
    store_failed(&st->store, why);
    free(why);
}

/* A transaction went wrong: undoes it, says what its ops have to be told. */
static enum store_status undo(struct sqlite_store *st, int rc, const char *what)
{
    enum store_status status = STORE_FULL;

    if (!db_is_full(&st->db, rc)) {
        status = STORE_FAILED;
        fail(st, what);
    }
    if (!sqlite3_get_autocommit(st->db.handle))
        db_run(&st->db, DB_ROLLBACK);
    if (status == STORE_FULL && tail_read(&st->db) != SQLITE_OK) {
        status = STORE_FAILED;
        fail(st, "the journal cannot be read");
    }
    return status;
}

/* After the answers of a commit have gone out. A full disk lets it wait, the WAL keeps all. */
static void checkpoint(struct sqlite_store *st)
{
    int rc;

    if (st->failed || st->db.wal_pages < st->next_checkpoint)
        return;
    rc = sqlite3_wal_checkpoint_v2(st->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK) {
        st->db.wal_pages = 0;
        st->next_checkpoint = CHECKPOINT;
    } else if (db_is_full(&st->db, rc)) {
        st->next_checkpoint = st->db.wal_pages + CHECKPOINT;
    } else {
        fail(st, "the store's checkpoint failed");
    }
}

static void count_group(struct sqlite_store *st, const struct op_list *group, int64_t us)
{
    struct store_stats *stats = &st->store.stats;

    pthread_mutex_lock(&st->store.lock);
    stats->commits++;
    stats->commit_us_sum += (uint64_t)us;
    for (const struct store_op *op = group->head; op != NULL; op = op->next) {
        stats->batches += op->status == STORE_OK && op->batch != NULL;
        stats->records += op->status == STORE_OK && op->batch != NULL ? op->batch->n_records : 0;
        stats->refused += op->status == STORE_FULL;
    }
    pthread_mutex_unlock(&st->store.lock);
}

static void commit(struct sqlite_store *st, struct op_list *group)
{
    int64_t start = clock_mono_us();
    enum store_status status = STORE_FULL;
    int rc = SQLITE_FULL;

    if (has_space(st)) {
        rc = db_run(&st->db, DB_BEGIN);
        for (struct store_op *op = group->head; op != NULL && rc == SQLITE_OK; op = op->next)
            rc = op->kind == OP_KEEP ? db_keep(&st->db, op) : db_append(&st->db, op);
        if (rc == SQLITE_OK)
            rc = tail_write(&st->db, TAIL);
        if (rc == SQLITE_OK)
            rc = db_run(&st->db, DB_COMMIT);
        if (rc != SQLITE_OK)
            status = undo(st, rc, "the store's commit failed");
        else
            tail_written(&st->db);
    }
    for (struct store_op *op = group->head; op != NULL && rc != SQLITE_OK; op = op->next)
        op->status = status;
    count_group(st, group, clock_mono_us() - start);
    store_done(&st->store, group);
    checkpoint(st);
}

/* A whole transaction of its own, between groups. */
static void run_alone(struct sqlite_store *st, struct store_op *op)
{
    int rc = db_run(&st->db, DB_BEGIN);

    if (rc == SQLITE_OK)
        rc = tail_write(&st->db, 0);
    if (rc == SQLITE_OK)
        rc = op->kind == OP_ERASE ? db_erase(&st->db, op) : db_compact(&st->db, op);
    if (rc == SQLITE_OK)
        rc = db_run(&st->db, DB_COMMIT);
    if (rc == SQLITE_OK)
        tail_written(&st->db);
    if (rc == SQLITE_OK && op->kind == OP_ERASE) /* no copy is left in the WAL */
        rc = sqlite3_wal_checkpoint_v2(st->db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc != SQLITE_OK)
        op->status = undo(st, rc, op->kind == OP_ERASE ? "an erasure failed" : "compaction failed");
    checkpoint(st);
}

static void run_read(struct sqlite_store *st, struct store_op *op)
{
    int rc = db_read(&st->db, op);

    if (rc != SQLITE_OK) {
        LOG_ERROR(NULL, "store %s cannot be read: %s", st->dir,
                  rc == SQLITE_CORRUPT ? "a row is damaged" : sqlite3_errmsg(st->db.handle));
        op->status = STORE_FAILED;
    }
}

static int is_write(const struct store_op *op)
{
    return op->kind == OP_APPEND || op->kind == OP_KEEP;
}

/* Must this read wait for a write of the group, which was asked for before it? */
static int depends(const struct store_op *op, const struct op_list *group)
{
    if (op->kind == OP_DUE || op->kind == OP_SESSIONS)
        return group->head != NULL;
    for (const struct store_op *a = group->head; a != NULL; a = a->next) {
        if ((op->kind == OP_KEPT) != (a->kind == OP_KEEP))
            continue;
        if (op->kind == OP_KEPT)
            return 1;
        if (op->kind == OP_FIND ? a->batch->address != NULL &&
                                      memcmp(a->batch->address, op->address, STORE_ADDRESS) == 0
                                : ulid_cmp(&a->batch->session, &op->session) == 0)
            return 1;
    }
    return 0;
}

static void finish(struct sqlite_store *st, struct store_op *op)
{
    struct op_list one = { 0 };

    op_list_add(&one, op);
    store_done(&st->store, &one);
}

/* Takes writes into a group and answers reads on the way, until one has to wait for the group. */
static void run_group(struct sqlite_store *st)
{
    struct op_list group = { 0 };

    while (st->pending.head != NULL && group.n < GROUP) {
        struct store_op *op = st->pending.head;
        int alone = op->kind == OP_COMPACT || op->kind == OP_ERASE;

        if (!is_write(op) && !st->failed && (alone ? group.n > 0 : depends(op, &group)))
            break;
        op_list_pop(&st->pending);
        if (st->failed) {
            op->status = STORE_FAILED;
            finish(st, op);
        } else if (is_write(op)) {
            op_list_add(&group, op);
        } else {
            alone ? run_alone(st, op) : run_read(st, op);
            finish(st, op);
        }
    }
    if (group.n > 0)
        commit(st, &group);
}

/* Everything that has come since; waits when there is nothing at all. 0: the end. */
static int take(struct sqlite_store *st)
{
    pthread_mutex_lock(&st->store.lock);
    while (st->queue.head == NULL && st->pending.head == NULL && !st->stop) {
        st->idle = 1;
        pthread_cond_wait(&st->wake, &st->store.lock);
    }
    st->idle = 0;
    op_list_join(&st->pending, &st->queue);
    pthread_mutex_unlock(&st->store.lock);
    return st->pending.head != NULL;
}

static void *writer(void *arg)
{
    while (take(arg))
        run_group(arg);
    return NULL;
}

static void sqlite_submit(struct store *store, struct store_op *op)
{
    struct sqlite_store *st = (struct sqlite_store *)store;

    pthread_mutex_lock(&store->lock);
    op_list_add(&st->queue, op);
    if (st->idle)
        pthread_cond_signal(&st->wake);
    pthread_mutex_unlock(&store->lock);
}

static void sqlite_close(struct store *store)
{
    struct sqlite_store *st = (struct sqlite_store *)store;

    pthread_mutex_lock(&store->lock);
    st->stop = 1;
    pthread_cond_signal(&st->wake);
    pthread_mutex_unlock(&store->lock);
    pthread_join(st->thread, NULL);
    pthread_cond_destroy(&st->wake);
    db_close(&st->db, !st->failed);
    free(st->dir);
}

static uint64_t sqlite_bytes_free(const struct store *store)
{
    return free_bytes(((const struct sqlite_store *)store)->dir);
}

struct store *store_sqlite_open(const char *path, const struct store_conf *conf, struct err *err)
{
    static const struct store_kind kind = { .submit = sqlite_submit,
                                            .close = sqlite_close,
                                            .bytes_free = sqlite_bytes_free };
    struct sqlite_store *st = mem_alloc(sizeof *st);
    char *copy;

    if (db_open(&st->db, path, conf, st->store.master_key, err) < 0) {
        free(st);
        return NULL;
    }
    copy = mem_strdup(path);
    st->dir = mem_strdup(dirname(copy));
    free(copy);
    st->space_at = INT64_MIN / 2;
    st->next_checkpoint = CHECKPOINT;
    store_init(&st->store, &kind, conf);
    pthread_cond_init(&st->wake, NULL);
    if (pthread_create(&st->thread, NULL, writer, st) != 0) {
        err_set(err, "store %s: cannot start its thread", path);
        db_close(&st->db, 0);
        store_fini(&st->store);
        free(st->dir);
        free(st);
        return NULL;
    }
    return &st->store;
}
