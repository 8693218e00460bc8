/*
 * store_writer.c - a customer of the store with a ledger, for the tests that break its disk.
 *
 * store_writer write DB LEDGER [-t MS] [-n MESSAGES] [-f MIN_FREE] [-u]
 *     Sessions send messages, one at a time each, and write to the ledger "s SESSION N" before a
 *     message is given to the store and "a SESSION N" when it says it is on disk. What the ledger
 *     has as sent and not acknowledged is sent again first, as a provider does. Ends after MS, or
 *     MESSAGES a session; 75 when the store failed. -u: conf.unsafe_no_sync.
 * store_writer verify DB LEDGER
 *     One line: sent acked stored lost dup reordered recovery_ms. 1 when one of lost, dup,
 *     reordered is not 0 or the database is damaged.
 * store_writer cut DIR
 *     The file system of DIR loses its power (FS_IOC_SHUTDOWN, no flush of its log).
 *
 * A message is a batch of two records. Session 2 has snapshots and is compacted, session 3 is
 * erased now and then ("e 3 N": bodies up to N are gone).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "tests/store_pump.h"

#define SESSIONS 8
#define COMPACTED 2
#define ERASED 3

struct session {
    struct writer *writer;
    int i;
    uint64_t sent, acked, erased; /* message numbers */
    int busy, again;              /* again: refused, once more in a moment */
    struct store_batch batch;
    struct store_record records[2];
    struct store_snapshot snapshot;
    uint8_t key[STORE_KEY];
    char data[64], body[64];
};

struct writer {
    struct pump pump;
    struct store *store;
    struct session sessions[SESSIONS];
    uint64_t messages;
    int ledger, failed, busy;
};

static struct ulid session_id(int i)
{
    return ulid_make(1700000000000 + i, 0, 1);
}

static void make_texts(int i, uint64_t n, char data[64], char body[64])
{
    snprintf(data, 64, "facts %d %llu", i, (unsigned long long)n);
    snprintf(body, 64, "body %d %llu", i, (unsigned long long)n);
}

static void note(struct writer *w, char what, int i, uint64_t n)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%c %d %llu\n", what, i, (unsigned long long)n);

    if (write(w->ledger, line, (size_t)len) != len)
        abort();
}

static void read_ledger(struct writer *w, const char *path)
{
    FILE *f = fopen(path, "r");
    unsigned long long n;
    char what;
    int i;

    while (f != NULL && fscanf(f, " %c %d %llu", &what, &i, &n) == 3) {
        struct session *s = &w->sessions[i % SESSIONS];

        *(what == 's' ? &s->sent : what == 'a' ? &s->acked : &s->erased) = n;
    }
    if (f != NULL)
        fclose(f);
}

static void on_append(void *arg, const struct store_result *result)
{
    struct session *s = arg;

    s->busy = 0;
    s->writer->busy--;
    if (result->status == STORE_DUPLICATE && result->dup_seq != 2 * s->sent - 1)
        fprintf(stderr, "a duplicate of another message\n");
    if (result->status == STORE_OK || result->status == STORE_DUPLICATE)
        note(s->writer, 'a', s->i, s->acked = s->sent);
    else if (result->status == STORE_FULL)
        s->again = 1;
    else
        s->writer->failed = 1;
}

/* The next message, or the last one again when it was not acknowledged. */
static void send_next(struct session *s)
{
    struct writer *w = s->writer;
    uint64_t n = s->acked + 1;

    make_texts(s->i, n, s->data, s->body);
    memset(s->key, s->i, STORE_KEY);
    memcpy(s->key + 8, &n, sizeof n);
    s->records[0] = (struct store_record){ .seq = 2 * n - 1, .data = s->data, .body = s->body,
                                           .data_len = strlen(s->data),
                                           .body_len = strlen(s->body) };
    s->records[1] = (struct store_record){ .seq = 2 * n, .data = "out", .data_len = 3 };
    s->snapshot = (struct store_snapshot){ .seq = 2 * n, .data = s->data,
                                           .data_len = strlen(s->data) };
    s->batch = (struct store_batch){
        .session = session_id(s->i), .expect_seq = 2 * n - 2, .records = s->records,
        .n_records = 2, .dedupe = s->key, .dedupe_seq = 2 * n - 1, .now = (int64_t)n,
        .snapshot = s->i == COMPACTED && n % 4 == 0 ? &s->snapshot : NULL,
        .wake_at = n % 10 ? STORE_WAKE_KEEP : STORE_WAKE_NOW,
    };
    if (s->sent < n)
        note(w, 's', s->i, s->sent = n);
    s->busy = 1;
    s->again = 0;
    w->busy++;
    store_append(w->store, &s->batch, on_append, s);
}

static enum store_status upkeep(struct writer *w, struct session *s)
{
    struct answer answer = { .done = 0 };
    struct ulid id = session_id(s->i);
    enum store_status status;

    if (s->i == COMPACTED)
        store_compact(w->store, (int64_t)s->acked - 5, answer_done, &answer);
    else
        store_erase(w->store, &id, answer_done, &answer);
    pump_until(&w->pump, &answer.done);
    status = answer.status;
    answer_fini(&answer);
    if (s->i == ERASED && status == STORE_OK)
        note(w, 'e', s->i, s->acked);
    w->failed |= status == STORE_FAILED;
    return status;
}

static int run(struct writer *w, int64_t until)
{
    while (!w->failed && !w->pump.failed && clock_mono_ms() < until) {
        for (int i = 0; i < SESSIONS; i++) {
            struct session *s = &w->sessions[i];

            if (s->busy || s->acked == w->messages || w->failed)
                continue;
            if (s->acked % 16 == 15 && (i == COMPACTED || i == ERASED))
                upkeep(w, s);
            if (!s->busy)
                send_next(s);
        }
        if (w->busy == 0)
            break;
        pump_some(&w->pump, 1000);
        for (int i = 0; i < SESSIONS; i++) {
            if (w->sessions[i].again) {
                usleep(10000);
                break;
            }
        }
    }
    return w->failed || w->pump.failed ? 75 : 0;
}

static int write_all(struct writer *w, int argc, char **argv)
{
    struct store_conf conf = pump_conf(&w->pump);
    int64_t until = INT64_MAX;
    struct err err;
    int option, rc;

    w->messages = UINT64_MAX;
    while ((option = getopt(argc, argv, "t:n:f:u")) != -1) {
        if (option == 't')
            until = clock_mono_ms() + strtoll(optarg, NULL, 10);
        else if (option == 'n')
            w->messages = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            conf.min_free = strtoll(optarg, NULL, 10);
        else if (option == 'u')
            conf.unsafe_no_sync = 1;
        else
            return 2;
    }
    read_ledger(w, argv[optind + 1]);
    w->ledger = open(argv[optind + 1], O_WRONLY | O_CREAT | O_APPEND, 0600);
    w->store = store_open(argv[optind], &conf, &err);
    if (w->ledger < 0 || w->store == NULL) {
        fprintf(stderr, "%s\n", w->ledger < 0 ? strerror(errno) : err.text);
        return 1;
    }
    rc = run(w, until);
    store_close(&w->store);
    if (w->pump.failed > 0)
        fprintf(stderr, "the store failed %d time: %s\n", w->pump.failed, w->pump.why);
    return rc;
}

struct sums {
    uint64_t sent, acked, stored, lost, dup, reordered;
};

/* One session against the ledger. */
static void verify_session(struct writer *w, struct session *s, struct sums *sums)
{
    struct answer a = { .done = 0 };
    struct ulid id = session_id(s->i);
    uint64_t last = 0, first = 0, found = 0;
    char data[64], body[64];

    store_read(w->store, &id, 0, SIZE_MAX, answer_read, &a);
    pump_until(&w->pump, &a.done);
    for (size_t k = 0; k < a.n; k++) {
        uint64_t n = (a.records[k].seq + 1) / 2;
        const struct store_record *r = &a.records[k];

        if (r->seq % 2 == 0)
            continue;
        first = first == 0 ? n : first;
        make_texts(s->i, n, data, body);
        if (n <= last || r->data_len != strlen(data) || memcmp(r->data, data, r->data_len) != 0)
            sums->reordered++;
        if (r->body == NULL ? s->i != ERASED || n > s->erased + 16
                            : n <= s->erased || r->body_len != strlen(body) ||
                                  memcmp(r->body, body, r->body_len) != 0)
            sums->lost++; /* a body that is gone and was not erased, or is there and was */
        found += n <= s->acked;
        last = n;
    }
    first = first == 0 ? 1 : first;
    sums->sent += s->sent;
    sums->acked += s->acked;
    sums->stored += last;
    if (first > 1 && s->i != COMPACTED)
        sums->lost += first - 1;
    else if (s->acked >= first)
        sums->lost += s->acked - first + 1 - found;
    sums->dup += last > s->sent ? last - s->sent : 0;
    answer_fini(&a);
}

/* Exclusive, so that a full disk need not hold a shared memory file. */
static int integrity(const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *stmt = NULL;
    const char *said = NULL;
    int ok;

    if (sqlite3_open(path, &db) == SQLITE_OK &&
        sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        said = (const char *)sqlite3_column_text(stmt, 0);
    ok = said != NULL && strcmp(said, "ok") == 0;
    if (!ok)
        fprintf(stderr, "integrity: %s\n", said == NULL ? sqlite3_errmsg(db) : said);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return ok;
}

static int verify(struct writer *w, char **argv)
{
    struct store_conf conf = pump_conf(&w->pump);
    struct sums sums = { 0 };
    int64_t start = clock_mono_us();
    struct err err;
    double ms;
    int ok;

    read_ledger(w, argv[1]);
    if ((w->store = store_open(argv[0], &conf, &err)) == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    ms = (double)(clock_mono_us() - start) / 1e3;
    for (int i = 0; i < SESSIONS; i++)
        verify_session(w, &w->sessions[i], &sums);
    store_close(&w->store);
    ok = integrity(argv[0] + strlen("sqlite:"));
    printf("%llu %llu %llu %llu %llu %llu %.1f%s\n", (unsigned long long)sums.sent,
           (unsigned long long)sums.acked, (unsigned long long)sums.stored,
           (unsigned long long)sums.lost, (unsigned long long)sums.dup,
           (unsigned long long)sums.reordered, ms, ok ? "" : " DAMAGED");
    return sums.lost > 0 || sums.dup > 0 || sums.reordered > 0 || !ok;
}

static int cut(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY), no_flush = 2;

    if (fd < 0 || ioctl(fd, _IOR('X', 125, uint32_t), &no_flush) < 0) {
        fprintf(stderr, "cannot cut %s: %s\n", dir, strerror(errno));
        return 1;
    }
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    static struct writer w;

    pump_init(&w.pump);
    log_setup(LOG_ERROR_LEVEL, LOG_LOGFMT);
    for (int i = 0; i < SESSIONS; i++) {
        w.sessions[i].writer = &w;
        w.sessions[i].i = i;
    }
    if (argc >= 4 && strcmp(argv[1], "write") == 0)
        return write_all(&w, argc - 1, argv + 1);
    if (argc == 4 && strcmp(argv[1], "verify") == 0)
        return verify(&w, argv + 2);
    if (argc == 3 && strcmp(argv[1], "cut") == 0)
        return cut(argv[2]);
    fprintf(stderr, "usage: store_writer write|verify DB LEDGER | cut DIR\n");
    return 2;
}
