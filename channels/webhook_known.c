/* webhook_known.c - which message a receipt means, also after a restart: what the host keeps of it. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "channels/webhook_private.h"

#define KEEP_MS (INT64_C(7) * 24 * 3600 * 1000) /* no provider is known to tell later */
#define MAX_LOOKUPS 1000

/* A receipt for a message of before the start: asked for, not answered. */
struct lookup {
    UT_hash_handle hh;
    uint64_t job;
    enum td_delivery status;
    char id[];
};

static void keep(struct webhook *hook, const struct td_keep *what)
{
    hook->host->keep(hook->inst, ++hook->last_keep, what);
}

void known_put(struct webhook *hook, const char *id, const char *session, uint64_t seq)
{
    char place[RECEIPT_SESSION + 24];

    if (id[0] == '\0' || strlen(id) > TD_KEEP_MAX_KEY)
        return; /* known until the next start */
    snprintf(place, sizeof place, "%s %" PRIu64, session, seq);
    keep(hook, &(struct td_keep){ .size = sizeof(struct td_keep), .op = TD_KEEP_PUT, .key = id,
                                  .value = place, .len = strlen(place),
                                  .until_ms = hook->host->now(hook->inst) + KEEP_MS });
}

void known_tell(struct webhook *hook, const struct receipt *receipt, const char *word)
{
    hook->host->event(hook->inst, &(struct td_event){
        .size = sizeof(struct td_event), .type = TD_EV_RECEIPT, .session = receipt->session,
        .of = receipt->seq, .status = receipt->status,
        .text = receipt->status == TD_FAILED ? word : NULL,
    });
}

void known_look_up(struct webhook *hook, const char *id, enum td_delivery status)
{
    const size_t len = strlen(id);
    struct lookup *lookup;

    if (len == 0 || len > TD_KEEP_MAX_KEY || HASH_COUNT(hook->lookups) >= MAX_LOOKUPS ||
        (lookup = calloc(1, sizeof *lookup + len + 1)) == NULL)
        return;
    memcpy(lookup->id, id, len + 1);
    lookup->status = status;
    lookup->job = hook->last_keep + 1;
    HASH_ADD(hh, hook->lookups, job, sizeof lookup->job, lookup);
    keep(hook, &(struct td_keep){ .size = sizeof(struct td_keep), .op = TD_KEEP_GET, .key = id });
}

/* "SESSION SEQ", as known_put() wrote it. */
static int read_place(const char *place, struct receipt *receipt)
{
    return sscanf(place, "%32[0-9A-Z] %" SCNu64, receipt->session, &receipt->seq) == 2;
}

void known_kept(struct webhook *hook, uint64_t job, const struct td_kept *kept)
{
    struct receipt place = { .seq = 0 }, news;
    struct lookup *lookup;

    HASH_FIND(hh, hook->lookups, &job, sizeof job, lookup);
    if (lookup == NULL) {
        if (kept->status != TD_OK)
            hook->host->count(hook->inst, "receipts_not_kept", 1);
        return;
    }
    HASH_DEL(hook->lookups, lookup);
    if (kept->status == TD_OK && kept->n_pairs == 1 && read_place(kept->pairs[0]->value, &place) &&
        !receipts_knows(&hook->receipts, lookup->id) &&
        (receipts_sent(&hook->receipts, lookup->id, place.session, place.seq, &news) ||
         receipts_came(&hook->receipts, lookup->id, lookup->status, &news)))
        known_tell(hook, &news, NULL);
    free(lookup);
}

void known_close(struct webhook *hook)
{
    struct lookup *lookup, *next;

    HASH_ITER (hh, hook->lookups, lookup, next) {
        HASH_DEL(hook->lookups, lookup);
        free(lookup);
    }
    receipts_fini(&hook->receipts);
}
