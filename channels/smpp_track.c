/*
 * smpp_track.c - receipts: whose they are, and what a message in parts has come to.
 *
 * Each id that the provider gave stands in what the instance keeps ("r/ID": session, seq, part, of how
 * many) until its final receipt or for dlr_timeout, since they come days later; the newest in memory
 * too, also after their end, since a failure may follow a delivery. A receipt may
 * come before the response that names its id: it is parked for a while. A message is delivered when
 * its last part is, or some time after any other when the last says nothing; failed when any is.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "channels/smpp_private.h"

#define PARK_MS 30000
#define MAX_PARKED 10000
#define MAX_TRACKS 10000
#define PREFIX "r/"
#define ID_SIZE 66

struct place {
    char session[33];
    uint64_t seq;
    unsigned part, total;
};

struct track {
    UT_hash_handle hh; /* the oldest first */
    struct smpp *smpp;
    struct td_timer *settle;
    unsigned total, n_delivered;
    int delivered, failed;
    char key[64]; /* session and seq */
};

struct part_id {
    UT_hash_handle hh;
    struct place place;
    char id[ID_SIZE];
};

struct parked {
    struct parked *next;
    struct smpp *smpp;
    struct td_timer *timer;
    struct smpp_receipt receipt;
    char id[ID_SIZE];
};

/* ---- Messages ----------------------------------------------------------------------------- */

static void track_free(struct track *t)
{
    HASH_DEL(t->smpp->tracks, t);
    t->smpp->host->timer_del(&t->settle);
    free(t);
}

static struct track *track_get(struct smpp *smpp, const struct place *place)
{
    struct track *t;
    char key[64];

    snprintf(key, sizeof key, "%s %" PRIu64, place->session, place->seq);
    HASH_FIND_STR(smpp->tracks, key, t);
    if (t != NULL)
        return t;
    if (HASH_COUNT(smpp->tracks) >= MAX_TRACKS)
        track_free(smpp->tracks);
    t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->smpp = smpp;
    t->total = place->total;
    strcpy(t->key, key);
    HASH_ADD_STR(smpp->tracks, key, t);
    return t;
}

static void report(struct track *t, enum td_delivery status, const char *text)
{
    struct place place;

    sscanf(t->key, "%32s %" SCNu64, place.session, &place.seq);
    t->smpp->host->event(t->smpp->inst, &(struct td_event){
        .size = sizeof(struct td_event), .type = TD_EV_RECEIPT, .session = place.session,
        .of = place.seq, .status = status, .text = text });
}

static void on_settled(void *arg)
{
    struct track *t = arg;

    t->settle = NULL;
    if (t->failed || t->delivered)
        return;
    t->delivered = 1;
    report(t, TD_DELIVERED, NULL);
}

static void on_delivered(struct track *t, unsigned part)
{
    t->n_delivered++;
    if (t->failed || t->delivered)
        return;
    if (part == t->total || t->n_delivered >= t->total)
        on_settled(t);
    else if (t->settle == NULL)
        t->settle = t->smpp->host->timer_add(t->smpp->inst, (uint32_t)t->smpp->conf->dlr_settle,
                                             on_settled, t);
}

static void apply(struct smpp *smpp, const char *id, const struct place *place,
                  const struct smpp_receipt *receipt)
{
    struct track *t = track_get(smpp, place);
    char why[64], name[ID_SIZE + 4];

    if (t == NULL)
        return;
    if (receipt->state == SMPP_DELIVERED || receipt->state == SMPP_FAILED) {
        snprintf(name, sizeof name, PREFIX "%s", id);
        keeper_del(smpp->keeper, name, NULL, NULL);
    }
    if (receipt->state == SMPP_DELIVERED) {
        on_delivered(t, place->part);
    } else if (receipt->state == SMPP_FAILED && !t->failed) {
        t->failed = 1;
        smpp->host->timer_del(&t->settle);
        snprintf(why, sizeof why, "%s%s%s", receipt->stat, receipt->err[0] != '\0' ? " err:" : "",
                 receipt->err);
        report(t, TD_FAILED, why);
    }
}

/* ---- Parked ------------------------------------------------------------------------------- */

static void unpark(struct parked *p)
{
    struct parked **at = &p->smpp->parked;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->smpp->n_parked--;
    p->smpp->host->timer_del(&p->timer);
    free(p);
}

static void on_orphan(void *arg)
{
    struct parked *p = arg;

    p->timer = NULL;
    p->smpp->host->count(p->smpp->inst, "receipt_orphan", 1);
    unpark(p);
}

static void park(struct smpp *smpp, const char *id, const struct smpp_receipt *receipt)
{
    struct parked *p = smpp->n_parked < MAX_PARKED ? calloc(1, sizeof *p) : NULL;

    if (p == NULL) {
        smpp->host->count(smpp->inst, "receipt_orphan", 1);
        return;
    }
    *p = (struct parked){ .next = smpp->parked, .smpp = smpp, .receipt = *receipt };
    strcpy(p->id, id);
    smpp->parked = p;
    smpp->n_parked++;
    p->timer = smpp->host->timer_add(smpp->inst, PARK_MS, on_orphan, p);
}

/* Without it the receipt is known as long as the process lives, and the id is one of the newest. */
static void on_id_kept(void *arg, const struct td_kept *kept)
{
    const struct smpp *smpp = arg;

    if (kept->status != TD_OK)
        smpp->host->count(smpp->inst, "receipt_id_not_kept", 1);
}

/* ---- Ids ---------------------------------------------------------------------------------- */

void track_sent(struct smpp *smpp, const char *id, const char *session, uint64_t seq, unsigned part,
                unsigned total)
{
    const int64_t until = smpp_now(smpp) + smpp->conf->dlr_timeout;
    struct place place = { .seq = seq, .part = part, .total = total };
    struct parked *p = smpp->parked, *next;
    struct part_id *entry;
    char key[ID_SIZE], name[ID_SIZE + 4], value[96];
    int n;

    smpp_match((enum smpp_match)smpp->conf->dlr_id, id, 0, key);
    if (key[0] == '\0' || session == NULL)
        return;
    snprintf(place.session, sizeof place.session, "%s", session);
    HASH_FIND_STR(smpp->ids, key, entry);
    if (entry == NULL && (entry = calloc(1, sizeof *entry)) != NULL) {
        if (HASH_COUNT(smpp->ids) >= MAX_TRACKS) {
            struct part_id *oldest = smpp->ids;

            HASH_DEL(smpp->ids, oldest);
            free(oldest);
        }
        strcpy(entry->id, key);
        HASH_ADD_STR(smpp->ids, id, entry);
    }
    if (entry != NULL)
        entry->place = place;
    n = snprintf(value, sizeof value, "%s %" PRIu64 " %u %u", session, seq, part, total);
    snprintf(name, sizeof name, PREFIX "%s", key);
    keeper_put(smpp->keeper, name, value, (size_t)n, until, on_id_kept, smpp);
    for (; p != NULL; p = next) {
        next = p->next;
        if (strcmp(p->id, key) != 0)
            continue;
        apply(smpp, key, &place, &p->receipt);
        unpark(p);
    }
}

struct look {
    struct smpp *smpp;
    struct smpp_receipt receipt;
    char id[ID_SIZE];
};

static void on_looked(void *arg, const struct td_kept *kept)
{
    struct look look = *(struct look *)arg;
    struct part_id *entry;
    struct place place;

    free(arg);
    HASH_FIND_STR(look.smpp->ids, look.id, entry); /* the response may have come meanwhile */
    if (entry != NULL)
        apply(look.smpp, look.id, &entry->place, &look.receipt);
    else if (kept->n_pairs == 1 && sscanf(kept->pairs[0]->value, "%32s %" SCNu64 " %u %u", place.session,
                                     &place.seq, &place.part, &place.total) == 4)
        apply(look.smpp, look.id, &place, &look.receipt);
    else
        park(look.smpp, look.id, &look.receipt);
}

void track_came(struct smpp *smpp, const struct smpp_receipt *receipt)
{
    struct part_id *entry;
    struct look *look;
    char key[ID_SIZE], name[ID_SIZE + 4];

    smpp->host->count(smpp->inst, "receipts", 1);
    smpp_match((enum smpp_match)smpp->conf->dlr_id, receipt->id, 1, key);
    if (key[0] == '\0')
        return;
    HASH_FIND_STR(smpp->ids, key, entry);
    if (entry != NULL) {
        apply(smpp, key, &entry->place, receipt);
        return;
    }
    look = calloc(1, sizeof *look);
    if (look == NULL)
        return;
    *look = (struct look){ .smpp = smpp, .receipt = *receipt };
    strcpy(look->id, key);
    snprintf(name, sizeof name, PREFIX "%s", key);
    keeper_get(smpp->keeper, name, on_looked, look);
}

size_t track_parked(const struct smpp *smpp)
{
    return smpp->n_parked;
}

void track_close(struct smpp *smpp)
{
    struct part_id *id, *next;

    while (smpp->parked != NULL)
        unpark(smpp->parked);
    while (smpp->tracks != NULL)
        track_free(smpp->tracks);
    HASH_ITER(hh, smpp->ids, id, next) {
        HASH_DEL(smpp->ids, id);
        free(id);
    }
}
