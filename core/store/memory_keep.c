/* memory_keep.c - pairs that are kept beside the journal, in one array in order. */
#include "config.h"
#include "store/store_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct keep_entry {
    char *space, *key;
    void *value;
    size_t len;
    int64_t until;
};

static int entry_cmp(const struct keep_entry *entry, const char *space, const char *key)
{
    int cmp = strcmp(entry->space, space);

    return cmp != 0 ? cmp : strcmp(entry->key, key);
}

/* Where the pair is, or where it would be put. */
static size_t place(const struct keep_table *table, const char *space, const char *key)
{
    size_t low = 0, high = table->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (entry_cmp(table->entries[mid], space, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int is_at(const struct keep_table *table, size_t i, const struct store_keep *keep)
{
    return i < table->n && entry_cmp(table->entries[i], keep->space, keep->key) == 0;
}

static void drop(struct keep_table *table, size_t i)
{
    struct keep_entry *entry = table->entries[i];

    free(entry->space);
    free(entry->key);
    free(entry->value);
    free(entry);
    table->n--;
    memmove(table->entries + i, table->entries + i + 1, (table->n - i) * sizeof entry);
}

static int is_over(const struct keep_entry *entry, int64_t now)
{
    return entry->until != 0 && entry->until <= now;
}

/* Drops what has been over for longest; returns how many are left in the space. */
static size_t sweep(struct keep_table *table, const struct store_keep *keep)
{
    size_t n = 0;

    for (int swept = 0; swept <= KEEP_SWEEP; swept++) {
        size_t oldest = SIZE_MAX;

        n = 0;
        for (size_t i = place(table, keep->space, "");
             i < table->n && strcmp(table->entries[i]->space, keep->space) == 0; i++, n++) {
            if (is_over(table->entries[i], keep->now) &&
                (oldest == SIZE_MAX || table->entries[i]->until < table->entries[oldest]->until))
                oldest = i;
        }
        if (oldest == SIZE_MAX || swept == KEEP_SWEEP)
            break;
        drop(table, oldest);
    }
    return n;
}

static struct keep_entry *add(struct keep_table *table, size_t i, const struct store_keep *keep)
{
    struct keep_entry *entry = mem_alloc(sizeof *entry);

    if (table->n == table->cap) {
        table->cap = table->cap == 0 ? 64 : table->cap * 2;
        table->entries = mem_grow(table->entries, table->cap * sizeof entry);
    }
    memmove(table->entries + i + 1, table->entries + i, (table->n - i) * sizeof entry);
    table->n++;
    table->entries[i] = entry;
    entry->space = mem_strdup(keep->space);
    entry->key = mem_strdup(keep->key);
    return entry;
}

static enum store_status put(struct keep_table *table, const struct store_keep *keep)
{
    const size_t n = sweep(table, keep);
    size_t i = place(table, keep->space, keep->key);
    struct keep_entry *entry;

    if (is_at(table, i, keep))
        entry = table->entries[i];
    else if (n >= keep->max)
        return STORE_MANY;
    else
        entry = add(table, i, keep);
    free(entry->value);
    entry->value = mem_dup(keep->value, keep->len);
    entry->len = keep->len;
    entry->until = keep->until;
    return STORE_OK;
}

static void find(const struct keep_table *table, struct store_op *op)
{
    const struct store_keep *keep = op->keep;
    const int is_scan = keep->what == STORE_SCAN;
    size_t cap = 0;

    for (size_t i = place(table, keep->space, keep->key); i < table->n; i++) {
        const struct keep_entry *entry = table->entries[i];
        const struct store_pair pair = { entry->key, entry->value, entry->len, entry->until };

        if (is_scan ? strcmp(entry->space, keep->space) != 0 ||
                          strncmp(entry->key, keep->key, strlen(keep->key)) != 0
                    : !is_at(table, i, keep))
            break;
        if (is_over(entry, keep->now) || strcmp(entry->key, keep->after != NULL ? keep->after : "") <= 0)
            continue;
        if (!op_add_pair(op, &cap, &pair))
            break;
    }
    op->status = op->n > 0 ? STORE_OK : STORE_NONE;
}

void keep_run(struct keep_table *table, struct store_op *op)
{
    const struct store_keep *keep = op->keep;
    const size_t i = place(table, keep->space, keep->key);

    if (keep->what == STORE_PUT)
        op->status = put(table, keep);
    else if (op->kind == OP_KEPT)
        find(table, op);
    else if (is_at(table, i, keep))
        drop(table, i);
}

void keep_clear(struct keep_table *table)
{
    while (table->n > 0)
        drop(table, table->n - 1);
    free(table->entries);
}
