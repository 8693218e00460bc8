/* store_pump.c - a loop of one thread for a store, and answers that can be kept and compared. */
#include "config.h"
#include "tests/store_pump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void post(void *loop, void (*fn)(void *arg), void *arg)
{
    struct pump *pump = loop;

    pthread_mutex_lock(&pump->lock);
    if (pump->n == sizeof pump->jobs / sizeof pump->jobs[0]) {
        fprintf(stderr, "a store posts more than one job at a time\n");
        abort();
    }
    pump->jobs[pump->n++] = (struct pump_job){ .fn = fn, .arg = arg };
    pthread_cond_signal(&pump->more);
    pthread_mutex_unlock(&pump->lock);
}

static void on_failed(void *arg, const char *why)
{
    struct pump *pump = arg;

    pump->failed++;
    snprintf(pump->why, sizeof pump->why, "%s", why);
}

void pump_init(struct pump *pump)
{
    *pump = (struct pump){ .n = 0 };
    pthread_mutex_init(&pump->lock, NULL);
    pthread_cond_init(&pump->more, NULL);
}

struct store_conf pump_conf(struct pump *pump)
{
    return (struct store_conf){
        .post = post, .loop = pump, .on_failed = on_failed, .failed_arg = pump
    };
}

int pump_some(struct pump *pump, int ms)
{
    struct pump_job jobs[16];
    struct timespec until;
    size_t n;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&pump->lock);
    while (pump->n == 0 && rc == 0)
        rc = pthread_cond_timedwait(&pump->more, &pump->lock, &until);
    n = pump->n;
    memcpy(jobs, pump->jobs, n * sizeof *jobs);
    pump->n = 0;
    pthread_mutex_unlock(&pump->lock);
    for (size_t i = 0; i < n; i++)
        jobs[i].fn(jobs[i].arg);
    return n > 0;
}

void pump_until(struct pump *pump, const int *done)
{
    while (!*done) {
        if (!pump_some(pump, 20000)) {
            fprintf(stderr, "a call to the store was not answered\n");
            abort();
        }
    }
}

static void *keep(struct answer *answer, const void *p, size_t len)
{
    return p == NULL ? NULL : arena_dup(answer->mem, p, len);
}

static struct answer *begin(void *arg, enum store_status status)
{
    struct answer *answer = arg;

    answer_fini(answer);
    answer->done = 1;
    answer->status = status;
    answer->mem = arena_new(0);
    return answer;
}

static void keep_records(struct answer *answer, const struct store_record *records, size_t n)
{
    answer->n = n;
    answer->records = arena_array(answer->mem, n, sizeof *records);
    for (size_t i = 0; i < n; i++) {
        answer->records[i] = records[i];
        answer->records[i].data = keep(answer, records[i].data, records[i].data_len);
        answer->records[i].body = keep(answer, records[i].body, records[i].body_len);
    }
}

void answer_fini(struct answer *answer)
{
    arena_free(&answer->mem);
    *answer = (struct answer){ .done = 0 };
}

void answer_append(void *arg, const struct store_result *result)
{
    struct answer *answer = begin(arg, result->status);

    if (result->status == STORE_DUPLICATE) {
        answer->session = result->dup_session;
        answer->seq = result->dup_seq;
    }
}

void answer_load(void *arg, const struct store_loaded *loaded)
{
    struct answer *answer = begin(arg, loaded->status);

    answer->seq = loaded->last_seq;
    if (loaded->snapshot != NULL) {
        answer->snapshot = keep(answer, loaded->snapshot, sizeof *loaded->snapshot);
        answer->snapshot->data =
            keep(answer, loaded->snapshot->data, loaded->snapshot->data_len);
        answer->snapshot->body =
            keep(answer, loaded->snapshot->body, loaded->snapshot->body_len);
    }
    keep_records(answer, loaded->records, loaded->n_records);
}

void answer_find(void *arg, enum store_status status, const struct ulid *session)
{
    struct answer *answer = begin(arg, status);

    if (session != NULL)
        answer->session = *session;
}

void answer_read(void *arg, enum store_status status, const struct store_record *records, size_t n,
                 int more)
{
    struct answer *answer = begin(arg, status);

    answer->more = more;
    keep_records(answer, records, n);
}

void answer_scan(void *arg, enum store_status status, const struct store_item *items, size_t n)
{
    struct answer *answer = begin(arg, status);

    answer->n = n;
    answer->items = n > 0 ? keep(answer, items, n * sizeof *items) : NULL;
}

void answer_done(void *arg, enum store_status status)
{
    begin(arg, status);
}

void answer_keep(void *arg, enum store_status status, const struct store_pair *pairs, size_t n,
                 int more)
{
    struct answer *answer = begin(arg, status);

    answer->n = n;
    answer->more = more;
    answer->pairs = arena_array(answer->mem, n, sizeof *pairs);
    for (size_t i = 0; i < n; i++) {
        answer->pairs[i] = pairs[i];
        answer->pairs[i].key = arena_strdup(answer->mem, pairs[i].key);
        answer->pairs[i].value = keep(answer, pairs[i].value, pairs[i].len);
    }
}

static int bytes_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return (a == NULL) == (b == NULL) && a_len == b_len &&
           (a == NULL || memcmp(a, b, a_len) == 0);
}

static int differs(const char *what)
{
    fprintf(stderr, "the answers differ in %s\n", what);
    return 0;
}

static int record_equal(const struct store_record *a, const struct store_record *b)
{
    if (a->seq != b->seq)
        return differs("a record's seq");
    if (!bytes_equal(a->data, a->data_len, b->data, b->data_len))
        return differs("a record's facts");
    if (!bytes_equal(a->body, a->body_len, b->body, b->body_len))
        return differs("a record's body");
    return 1;
}

static int item_equal(const struct store_item *a, const struct store_item *b)
{
    return (ulid_cmp(&a->session, &b->session) == 0 && a->last_seq == b->last_seq &&
            a->wake_at == b->wake_at) ||
           differs("an item");
}

static int pair_equal(const struct store_pair *a, const struct store_pair *b)
{
    return (strcmp(a->key, b->key) == 0 && a->until == b->until &&
            bytes_equal(a->value, a->len, b->value, b->len)) ||
           differs("a pair");
}

int answer_equal(const struct answer *a, const struct answer *b)
{
    const struct store_snapshot *s = a->snapshot, *t = b->snapshot;

    if (a->status != b->status)
        return differs("status");
    if (ulid_cmp(&a->session, &b->session) != 0)
        return differs("the session");
    if (a->seq != b->seq)
        return differs("the sequence");
    if (a->n != b->n || a->more != b->more)
        return differs("how many there are");
    if ((s == NULL) != (t == NULL) ||
        (s != NULL && (s->seq != t->seq || !bytes_equal(s->data, s->data_len, t->data, t->data_len) ||
                       !bytes_equal(s->body, s->body_len, t->body, t->body_len))))
        return differs("the snapshot");
    for (size_t i = 0; i < a->n; i++) {
        if (a->pairs != NULL   ? !pair_equal(&a->pairs[i], &b->pairs[i])
            : a->items != NULL ? !item_equal(&a->items[i], &b->items[i])
                               : !record_equal(&a->records[i], &b->records[i]))
            return 0;
    }
    return 1;
}
