/* webhook_receipts.c - a bounded map from a provider's ids to places in sessions. */
#include "config.h"

#include "channels/webhook_receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define MAX_ID 256

struct receipt_entry {
    UT_hash_handle hh;
    struct receipt receipt;
    char id[];
};

static void forget(struct receipts *receipts, struct receipt_entry *entry)
{
    HASH_DEL(receipts->entries, entry);
    receipts->n--;
    free(entry);
}

static struct receipt_entry *find(const struct receipts *receipts, const char *id)
{
    struct receipt_entry *entry;

    HASH_FIND(hh, receipts->entries, id, strlen(id), entry);
    return entry;
}

static struct receipt_entry *add(struct receipts *receipts, const char *id)
{
    size_t len = strlen(id);
    struct receipt_entry *entry = NULL;

    if (len > 0 && len <= MAX_ID)
        entry = calloc(1, sizeof *entry + len + 1);
    if (entry == NULL)
        return NULL;
    if (receipts->n >= receipts->max)
        forget(receipts, receipts->entries); /* uthash keeps the order of adding */
    memcpy(entry->id, id, len + 1);
    HASH_ADD(hh, receipts->entries, id, len, entry);
    receipts->n++;
    return entry;
}

/* READ and FAILED are final; the others only grow. */
static int moves(enum td_delivery from, enum td_delivery to)
{
    return from != TD_READ && from != TD_FAILED && to > from;
}

int receipts_sent(struct receipts *receipts, const char *id, const char *session, uint64_t seq,
                  struct receipt *receipt_r)
{
    struct receipt_entry *entry = find(receipts, id);
    enum td_delivery early = TD_QUEUED;

    if (entry != NULL && entry->receipt.session[0] == '\0')
        early = entry->receipt.status;
    if (entry != NULL) /* parked, or an id that means another message from now on */
        forget(receipts, entry);
    entry = add(receipts, id);
    if (entry == NULL)
        return 0;
    snprintf(entry->receipt.session, sizeof entry->receipt.session, "%s", session);
    entry->receipt.seq = seq;
    entry->receipt.status = early > TD_SENT ? early : TD_SENT;
    *receipt_r = entry->receipt;
    return early > TD_SENT;
}

int receipts_came(struct receipts *receipts, const char *id, enum td_delivery status,
                  struct receipt *receipt_r)
{
    struct receipt_entry *entry = find(receipts, id);

    if (entry == NULL)
        entry = add(receipts, id);
    if (entry == NULL || !moves(entry->receipt.status, status))
        return 0;
    entry->receipt.status = status;
    *receipt_r = entry->receipt;
    return entry->receipt.session[0] != '\0';
}

int receipts_knows(const struct receipts *receipts, const char *id)
{
    const struct receipt_entry *entry = find(receipts, id);

    return entry != NULL && entry->receipt.session[0] != '\0';
}

void receipts_fini(struct receipts *receipts)
{
    while (receipts->entries != NULL)
        forget(receipts, receipts->entries);
}
