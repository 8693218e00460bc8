/* store.c - makes ops of calls, gives them to the store behind, brings the results to the loop. */
#include "config.h"
#include "store/store_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* What waits for the loop's thread. It may outlive its store: the loop may still hold a post. */
struct inbox {
    pthread_mutex_t lock;
    struct op_list done;
    struct store *store; /* NULL: closed */
    char *why;           /* why the store failed; NULL: it did not, or it was told */
    int posted, closing;
};

void op_list_add(struct op_list *list, struct store_op *op)
{
    if (list->head == NULL)
        list->tail = &list->head;
    op->next = NULL;
    *list->tail = op;
    list->tail = &op->next;
    list->n++;
}

struct store_op *op_list_pop(struct op_list *list)
{
    struct store_op *op = list->head;

    if (op != NULL) {
        list->head = op->next;
        list->n--;
    }
    return op;
}

void op_list_join(struct op_list *to, struct op_list *from)
{
    if (from->head == NULL)
        return;
    if (to->head == NULL)
        to->tail = &to->head;
    *to->tail = from->head;
    to->tail = from->tail;
    to->n += from->n;
    *from = (struct op_list){ 0 };
}

static void call_back(const struct store_op *op)
{
    switch (op->kind) {
    case OP_APPEND:
        op->fn.append(op->arg, &(struct store_result){ .status = op->status,
                                                       .dup_session = op->found,
                                                       .dup_seq = op->found_seq });
        break;
    case OP_LOAD:
        op->fn.load(op->arg, &(struct store_loaded){ .status = op->status,
                                                     .snapshot = op->snapshot,
                                                     .records = op->records,
                                                     .n_records = op->n,
                                                     .last_seq = op->found_seq });
        break;
    case OP_FIND:
        op->fn.find(op->arg, op->status, op->status == STORE_OK ? &op->found : NULL);
        break;
    case OP_READ:
        op->fn.read(op->arg, op->status, op->records, op->n, op->more);
        break;
    case OP_DUE:
    case OP_SESSIONS:
        op->fn.scan(op->arg, op->status, op->items, op->n);
        break;
    case OP_COMPACT:
    case OP_ERASE:
        op->fn.done(op->arg, op->status);
        break;
    case OP_KEEP:
    case OP_KEPT:
        op->fn.keep(op->arg, op->status, op->pairs, op->n, op->more);
        break;
    }
}

int op_add_pair(struct store_op *op, size_t *cap, const struct store_pair *pair)
{
    if (op->n == op->keep->max) {
        op->more = 1;
        return 0;
    }
    if (op->n == *cap) {
        struct store_pair *more = arena_array(op->mem, *cap * 2 + 8, sizeof *more);

        if (op->n > 0)
            memcpy(more, op->pairs, op->n * sizeof *more);
        op->pairs = more;
        *cap = *cap * 2 + 8;
    }
    op->pairs[op->n++] = (struct store_pair){ .key = arena_strdup(op->mem, pair->key),
                                              .value = arena_dup(op->mem, pair->value, pair->len),
                                              .len = pair->len, .until = pair->until };
    return 1;
}

static void inbox_free(struct inbox *in)
{
    pthread_mutex_destroy(&in->lock);
    free(in->why);
    free(in);
}

/* Calls back for what has run so far; how many that were. */
static size_t deliver(struct store *store)
{
    struct inbox *in = store->inbox;
    struct op_list ops;
    struct store_op *op;
    size_t n;
    char *why;

    pthread_mutex_lock(&in->lock);
    ops = in->done;
    in->done = (struct op_list){ 0 };
    why = in->why;
    in->why = NULL;
    pthread_mutex_unlock(&in->lock);
    n = ops.n;
    if (why != NULL && store->conf.on_failed != NULL)
        store->conf.on_failed(store->conf.failed_arg, why);
    free(why);
    while ((op = op_list_pop(&ops)) != NULL) {
        store->under_way--;
        call_back(op);
        arena_free(&op->mem);
        free(op);
    }
    return n;
}

static void on_post(void *arg)
{
    struct inbox *in = arg;

    pthread_mutex_lock(&in->lock);
    in->posted = 0;
    pthread_mutex_unlock(&in->lock);
    if (in->store == NULL)
        inbox_free(in);
    else
        deliver(in->store);
}

/* With the lock held: one post brings all that is there when it arrives. */
static void wake_loop(struct inbox *in)
{
    if (in->posted || in->closing) /* store_close() looks by itself */
        return;
    in->posted = 1;
    in->store->conf.post(in->store->conf.loop, on_post, in);
}

void store_done(struct store *store, struct op_list *ops)
{
    struct inbox *in = store->inbox;

    if (ops->head == NULL)
        return;
    pthread_mutex_lock(&in->lock);
    op_list_join(&in->done, ops);
    wake_loop(in);
    pthread_mutex_unlock(&in->lock);
}

void store_failed(struct store *store, const char *why)
{
    struct inbox *in = store->inbox;

    pthread_mutex_lock(&in->lock);
    in->why = mem_strdup(why);
    wake_loop(in);
    pthread_mutex_unlock(&in->lock);
}

void store_init(struct store *store, const struct store_kind *kind, const struct store_conf *conf)
{
    store->kind = kind;
    store->conf = *conf;
    store->inbox = mem_alloc(sizeof *store->inbox);
    store->inbox->store = store;
    pthread_mutex_init(&store->inbox->lock, NULL);
    pthread_mutex_init(&store->lock, NULL);
}

void store_fini(struct store *store)
{
    struct inbox *in = store->inbox;

    pthread_mutex_destroy(&store->lock);
    mem_wipe(store->master_key, sizeof store->master_key);
    in->store = NULL;
    if (!in->posted) /* else on_post() frees it */
        inbox_free(in);
}

struct store *store_open(const char *url, const struct store_conf *conf, struct err *err)
{
    if (strcmp(url, "memory:") == 0)
        return store_memory_open(conf);
    if (strncmp(url, "sqlite:", 7) == 0 && url[7] != '\0')
        return store_sqlite_open(url + 7, conf, err);
    err_set(err, "store \"%s\" is not known: write sqlite:PATH or memory:", url);
    return NULL;
}

void store_close(struct store **store_p)
{
    struct store *store = *store_p;
    const struct store_kind *kind;

    if (store == NULL)
        return;
    kind = store->kind;
    store->closing = 1;
    pthread_mutex_lock(&store->inbox->lock);
    store->inbox->closing = 1;
    pthread_mutex_unlock(&store->inbox->lock);
    kind->close(store);
    while (deliver(store) > 0) /* what a callback asks for now fails at once, and is told too */
        ;
    store_fini(store);
    free(store);
    *store_p = NULL;
}

void store_master_key(const struct store *store, uint8_t key_r[32])
{
    memcpy(key_r, store->master_key, 32);
}

void store_stats(struct store *store, struct store_stats *stats_r)
{
    pthread_mutex_lock(&store->lock);
    *stats_r = store->stats;
    pthread_mutex_unlock(&store->lock);
    stats_r->queue_depth = store->under_way;
    stats_r->bytes_free = store->kind->bytes_free(store);
}

static struct store_op *op_new(enum op_kind kind, void *arg)
{
    struct store_op *op = mem_alloc(sizeof *op);

    op->kind = kind;
    op->arg = arg;
    return op;
}

static void submit(struct store *store, struct store_op *op)
{
    struct op_list ops = { 0 };

    store->under_way++;
    if (!store->closing) {
        store->kind->submit(store, op);
        return;
    }
    op->status = STORE_FAILED;
    op_list_add(&ops, op);
    store_done(store, &ops);
}

void store_append(struct store *store, const struct store_batch *batch, store_append_fn *fn,
                  void *arg)
{
    struct store_op *op = op_new(OP_APPEND, arg);

    for (size_t i = 0; i < batch->n_records; i++)
        assert(batch->records[i].seq == batch->expect_seq + 1 + i);
    op->fn.append = fn;
    op->batch = batch;
    submit(store, op);
}

void store_load(struct store *store, const struct ulid *session, store_load_fn *fn, void *arg)
{
    struct store_op *op = op_new(OP_LOAD, arg);

    op->fn.load = fn;
    op->session = *session;
    submit(store, op);
}

void store_find(struct store *store, const uint8_t address[STORE_ADDRESS], store_find_fn *fn,
                void *arg)
{
    struct store_op *op = op_new(OP_FIND, arg);

    op->fn.find = fn;
    memcpy(op->address, address, STORE_ADDRESS);
    submit(store, op);
}

void store_read(struct store *store, const struct ulid *session, uint64_t first_seq, size_t max,
                store_read_fn *fn, void *arg)
{
    struct store_op *op = op_new(OP_READ, arg);

    op->fn.read = fn;
    op->session = *session;
    op->first_seq = first_seq;
    op->max = max;
    submit(store, op);
}

void store_due(struct store *store, int64_t before, const struct store_item *after, size_t max,
               store_scan_fn *fn, void *arg)
{
    struct store_op *op = op_new(OP_DUE, arg);

    op->fn.scan = fn;
    op->before = before;
    op->after_wake = after == NULL ? INT64_MIN : after->wake_at;
    if (after != NULL)
        op->session = after->session;
    op->max = max;
    submit(store, op);
}

void store_sessions(struct store *store, const struct ulid *after, size_t max, store_scan_fn *fn,
                    void *arg)
{
    struct store_op *op = op_new(OP_SESSIONS, arg);

    op->fn.scan = fn;
    op->session = *after;
    op->max = max;
    submit(store, op);
}

void store_compact(struct store *store, int64_t before, store_done_fn *fn, void *arg)
{
    struct store_op *op = op_new(OP_COMPACT, arg);

    op->fn.done = fn;
    op->before = before;
    submit(store, op);
}

void store_erase(struct store *store, const struct ulid *session, store_done_fn *fn, void *arg)
{
    struct store_op *op = op_new(OP_ERASE, arg);

    op->fn.done = fn;
    op->session = *session;
    submit(store, op);
}

void store_keep(struct store *store, const struct store_keep *keep, store_keep_fn *fn, void *arg)
{
    struct store_op *op =
        op_new(keep->what == STORE_PUT || keep->what == STORE_DEL ? OP_KEEP : OP_KEPT, arg);

    op->fn.keep = fn;
    op->mem = arena_new(0);
    op->keep = arena_dup(op->mem, keep, sizeof *keep);
    op->keep->space = arena_strdup(op->mem, keep->space);
    op->keep->key = arena_strdup(op->mem, keep->key);
    op->keep->after = arena_strdup(op->mem, keep->after);
    op->keep->value = arena_dup(op->mem, keep->value, keep->len);
    if (keep->what == STORE_GET)
        op->keep->max = 1;
    submit(store, op);
}
