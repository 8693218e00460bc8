/*
 * memory.c - the store in memory: for tests, for trying things out, and as the model that the
 * others are compared with. Runs every call at once, answers through the loop, keeps nothing.
 */
#include "config.h"
#include "store/store_private.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/crypt.h"
#include "base/mem.h"

#define NO_WAKE STORE_WAKE_NEVER

struct batch {
    uint64_t first_seq;
    int64_t at;
    struct store_record *records; /* data and body are ours */
    size_t n;
};

struct session {
    struct ulid id;
    uint64_t last_seq;
    int64_t wake_at;
    struct batch *batches;
    size_t n, cap;
    struct store_snapshot *snapshot;
};

struct dedupe {
    uint8_t key[STORE_KEY];
    struct ulid session;
    uint64_t seq;
    int64_t at;
    UT_hash_handle hh;
};

struct address {
    uint8_t key[STORE_ADDRESS];
    struct ulid session;
    UT_hash_handle hh;
};

struct memory {
    struct store store;
    struct session **sessions; /* by id */
    size_t n, cap;
    struct dedupe *dedupes;
    struct address *addresses;
    struct keep_table keep;
};

/* Where the session is, or where it would be put. */
static size_t place(const struct memory *mem, const struct ulid *id)
{
    size_t low = 0, high = mem->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (ulid_cmp(&mem->sessions[mid]->id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct session *session_get(const struct memory *mem, const struct ulid *id)
{
    size_t i = place(mem, id);

    return i < mem->n && ulid_cmp(&mem->sessions[i]->id, id) == 0 ? mem->sessions[i] : NULL;
}

static struct session *session_add(struct memory *mem, const struct ulid *id)
{
    size_t i = place(mem, id);
    struct session *s = mem_alloc(sizeof *s);

    if (mem->n == mem->cap) {
        mem->cap = mem->cap == 0 ? 64 : mem->cap * 2;
        mem->sessions = mem_grow(mem->sessions, mem->cap * sizeof(struct session *));
    }
    memmove(mem->sessions + i + 1, mem->sessions + i, (mem->n - i) * sizeof(struct session *));
    mem->n++;
    mem->sessions[i] = s;
    s->id = *id;
    s->wake_at = NO_WAKE;
    return s;
}

static void snapshot_free(struct store_snapshot *snapshot)
{
    if (snapshot != NULL) {
        free((void *)snapshot->data);
        free((void *)snapshot->body);
    }
    free(snapshot);
}

static void batch_fini(struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        free((void *)batch->records[i].data);
        free((void *)batch->records[i].body);
    }
    free(batch->records);
}

static void put_records(struct session *s, const struct store_batch *in)
{
    struct batch *batch;

    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 4 : s->cap * 2;
        s->batches = mem_grow(s->batches, s->cap * sizeof *s->batches);
    }
    batch = &s->batches[s->n++];
    *batch = (struct batch){ .first_seq = in->expect_seq + 1, .at = in->now, .n = in->n_records };
    batch->records = mem_array(in->n_records, sizeof *batch->records);
    for (size_t i = 0; i < in->n_records; i++) {
        batch->records[i] = in->records[i];
        batch->records[i].data = mem_dup(in->records[i].data, in->records[i].data_len);
        if (in->records[i].body != NULL)
            batch->records[i].body = mem_dup(in->records[i].body, in->records[i].body_len);
    }
    s->last_seq += in->n_records;
}

static void put_dedupe(struct memory *mem, const struct store_batch *in)
{
    struct dedupe *d = mem_alloc(sizeof *d);

    memcpy(d->key, in->dedupe, STORE_KEY);
    d->session = in->session;
    d->seq = in->dedupe_seq;
    d->at = in->now;
    HASH_ADD(hh, mem->dedupes, key, STORE_KEY, d);
}

static void put_address(struct memory *mem, const struct store_batch *in)
{
    struct address *a;

    HASH_FIND(hh, mem->addresses, in->address, STORE_ADDRESS, a);
    if (a == NULL) {
        a = mem_alloc(sizeof *a);
        memcpy(a->key, in->address, STORE_ADDRESS);
        HASH_ADD(hh, mem->addresses, key, STORE_ADDRESS, a);
    }
    a->session = in->session;
}

static void put_snapshot(struct session *s, const struct store_snapshot *in)
{
    snapshot_free(s->snapshot);
    s->snapshot = mem_dup(in, sizeof *in);
    s->snapshot->data = mem_dup(in->data, in->data_len);
    s->snapshot->body = in->body_len > 0 ? mem_dup(in->body, in->body_len) : NULL;
}

static void run_append(struct memory *mem, struct store_op *op)
{
    const struct store_batch *in = op->batch;
    struct session *s = session_get(mem, &in->session);
    struct dedupe *dup = NULL;

    if (in->dedupe != NULL)
        HASH_FIND(hh, mem->dedupes, in->dedupe, STORE_KEY, dup);
    if (dup != NULL) {
        op->status = STORE_DUPLICATE;
        op->found = dup->session;
        op->found_seq = dup->seq;
        return;
    }
    if ((s == NULL ? 0 : s->last_seq) != in->expect_seq) {
        op->status = STORE_CONFLICT;
        return;
    }
    if (s == NULL)
        s = session_add(mem, &in->session);
    if (in->n_records > 0)
        put_records(s, in);
    if (in->dedupe != NULL)
        put_dedupe(mem, in);
    if (in->address != NULL)
        put_address(mem, in);
    if (in->snapshot != NULL)
        put_snapshot(s, in->snapshot);
    if (in->wake_at != STORE_WAKE_KEEP)
        s->wake_at = in->wake_at;
    mem->store.stats.batches++;
    mem->store.stats.commits++;
    mem->store.stats.records += in->n_records;
}

static void *copy(struct store_op *op, const void *p, size_t len)
{
    return p == NULL ? NULL : arena_dup(op->mem, p, len);
}

static size_t records_of(const struct session *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->batches[i].n;
    return n;
}

static void run_load(struct memory *mem, struct store_op *op)
{
    const struct session *s = session_get(mem, &op->session);
    uint64_t from = 0;

    if (s == NULL) {
        op->status = STORE_NONE;
        return;
    }
    op->mem = arena_new(0);
    if (s->snapshot != NULL) {
        op->snapshot = copy(op, s->snapshot, sizeof *s->snapshot);
        op->snapshot->data = copy(op, s->snapshot->data, s->snapshot->data_len);
        op->snapshot->body = copy(op, s->snapshot->body, s->snapshot->body_len);
        from = s->snapshot->seq + 1;
    }
    op->records = arena_array(op->mem, records_of(s), sizeof *op->records);
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->batches[i].n; k++) {
            struct store_record r = s->batches[i].records[k];

            if (r.seq < from)
                continue;
            r.data = copy(op, r.data, r.data_len);
            r.body = copy(op, r.body, r.body_len);
            op->records[op->n++] = r;
        }
    }
    op->found_seq = s->last_seq;
}

static void run_read(struct memory *mem, struct store_op *op)
{
    const struct session *s = session_get(mem, &op->session);

    if (s == NULL) {
        op->status = STORE_NONE;
        return;
    }
    op->mem = arena_new(0);
    op->records = arena_array(op->mem, records_of(s), sizeof *op->records);
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->batches[i].n; k++) {
            struct store_record r = s->batches[i].records[k];

            if (r.seq < op->first_seq)
                continue;
            if (op->n == op->max) {
                op->more = 1;
                return;
            }
            r.data = copy(op, r.data, r.data_len);
            r.body = copy(op, r.body, r.body_len);
            op->records[op->n++] = r;
        }
    }
}

static void run_find(struct memory *mem, struct store_op *op)
{
    struct address *a;

    HASH_FIND(hh, mem->addresses, op->address, STORE_ADDRESS, a);
    op->status = a == NULL ? STORE_NONE : STORE_OK;
    if (a != NULL)
        op->found = a->session;
}

static int item_cmp(const void *a, const void *b)
{
    const struct store_item *x = a, *y = b;

    if (x->wake_at != y->wake_at)
        return x->wake_at < y->wake_at ? -1 : 1;
    return ulid_cmp(&x->session, &y->session);
}

static void item_add(struct store_op *op, const struct session *s)
{
    op->items[op->n++] = (struct store_item){ .session = s->id,
                                              .last_seq = s->last_seq,
                                              .wake_at = s->wake_at };
}

static void run_due(struct memory *mem, struct store_op *op)
{
    const struct store_item after = { .session = op->session, .wake_at = op->after_wake };

    op->mem = arena_new(0);
    op->items = arena_array(op->mem, mem->n, sizeof *op->items);
    for (size_t i = 0; i < mem->n; i++) {
        const struct session *s = mem->sessions[i];
        const struct store_item item = { .session = s->id, .wake_at = s->wake_at };

        if (s->wake_at != NO_WAKE && s->wake_at <= op->before && item_cmp(&item, &after) > 0)
            item_add(op, s);
    }
    if (op->n > 0)
        qsort(op->items, op->n, sizeof *op->items, item_cmp);
    if (op->n > op->max)
        op->n = op->max;
}

static void run_sessions(struct memory *mem, struct store_op *op)
{
    size_t i = ulid_is_zero(&op->session) ? mem->n : place(mem, &op->session);

    op->mem = arena_new(0);
    op->items = arena_array(op->mem, i, sizeof *op->items);
    while (i-- > 0 && op->n < op->max)
        item_add(op, mem->sessions[i]);
}

static int may_drop(const struct session *s, const struct batch *batch, int64_t before)
{
    uint64_t last = batch->first_seq + batch->n - 1;

    return s->snapshot != NULL && last <= s->snapshot->seq && batch->at < before;
}

static void run_compact(struct memory *mem, struct store_op *op)
{
    struct dedupe *d, *next;

    for (size_t i = 0; i < mem->n; i++) {
        struct session *s = mem->sessions[i];
        size_t n = 0;

        while (n < s->n && may_drop(s, &s->batches[n], op->before))
            batch_fini(&s->batches[n++]);
        if (n > 0)
            memmove(s->batches, s->batches + n, (s->n - n) * sizeof *s->batches);
        s->n -= n;
    }
    HASH_ITER(hh, mem->dedupes, d, next) {
        if (d->at < op->before) {
            HASH_DEL(mem->dedupes, d);
            free(d);
        }
    }
}

static void run_erase(struct memory *mem, struct store_op *op)
{
    struct session *s = session_get(mem, &op->session);

    if (s != NULL && s->snapshot != NULL) {
        free((void *)s->snapshot->body);
        s->snapshot->body = NULL;
        s->snapshot->body_len = 0;
    }
    for (size_t i = 0; s != NULL && i < s->n; i++) {
        for (size_t k = 0; k < s->batches[i].n; k++) {
            struct store_record *r = &s->batches[i].records[k];

            if (r->body != NULL)
                mem_wipe((void *)r->body, r->body_len);
            free((void *)r->body);
            r->body = NULL;
            r->body_len = 0;
        }
    }
}

static void run_keep(struct memory *mem, struct store_op *op)
{
    keep_run(&mem->keep, op);
}

static void memory_submit(struct store *store, struct store_op *op)
{
    static void (*const run[])(struct memory *, struct store_op *) = {
        [OP_APPEND] = run_append, [OP_LOAD] = run_load,       [OP_FIND] = run_find,
        [OP_READ] = run_read,     [OP_DUE] = run_due,         [OP_SESSIONS] = run_sessions,
        [OP_COMPACT] = run_compact, [OP_ERASE] = run_erase,   [OP_KEEP] = run_keep,
        [OP_KEPT] = run_keep,
    };
    struct op_list ops = { 0 };

    run[op->kind]((struct memory *)store, op);
    op_list_add(&ops, op);
    store_done(store, &ops);
}

static void memory_close(struct store *store)
{
    struct memory *mem = (struct memory *)store;
    struct dedupe *d, *next_d;
    struct address *a, *next_a;

    for (size_t i = 0; i < mem->n; i++) {
        for (size_t k = 0; k < mem->sessions[i]->n; k++)
            batch_fini(&mem->sessions[i]->batches[k]);
        free(mem->sessions[i]->batches);
        snapshot_free(mem->sessions[i]->snapshot);
        free(mem->sessions[i]);
    }
    free(mem->sessions);
    HASH_ITER(hh, mem->dedupes, d, next_d) {
        HASH_DEL(mem->dedupes, d);
        free(d);
    }
    HASH_ITER(hh, mem->addresses, a, next_a) {
        HASH_DEL(mem->addresses, a);
        free(a);
    }
    keep_clear(&mem->keep);
}

static uint64_t memory_bytes_free(const struct store *store)
{
    (void)store;
    return 0;
}

struct store *store_memory_open(const struct store_conf *conf)
{
    static const struct store_kind kind = { .submit = memory_submit,
                                            .close = memory_close,
                                            .bytes_free = memory_bytes_free };
    struct memory *mem = mem_alloc(sizeof *mem);

    store_init(&mem->store, &kind, conf);
    crypt_random(mem->store.master_key, sizeof mem->store.master_key);
    return &mem->store;
}
