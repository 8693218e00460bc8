/*
 * sms_track.c - receipts: whose they are, and what a message in parts has come to.
 *
 * Each id that the provider gave stands in what the instance keeps ("r/ID": session, seq, part, of how
 * many, whether it completed them) until its final receipt or for a time, since they come days later;
 * the newest in memory too, also after their end, since a failure may follow a delivery.
 */
#include "config.h"

#include "channels/shared/sms_track.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "channels/shared/sms_split.h"

#define PARK_MS 30000
#define MAX_PARKED 10000
#define MAX_TRACKS 10000
#define PREFIX "r/"

struct tracks {
    struct keeper *keeper;
    const struct td_host *host;
    struct td_instance *inst;
    struct tracks_conf conf;
    struct track *list;  /* by session and seq, the oldest first */
    struct part_id *ids; /* by the provider's id */
    struct look *looks; /* that the store has not answered */
    struct parked *parked;
    size_t n_parked;
};

struct place {
    char session[33];
    uint64_t seq;
    unsigned part, total, completes;
};

struct track {
    UT_hash_handle hh; /* the oldest first */
    struct tracks *tracks;
    struct td_timer *settle;
    unsigned total, n_delivered;
    uint8_t has[(SMS_MAX_PARTS + 8) / 8]; /* of each part: it is delivered */
    int taken; /* all parts, by the provider */
    int delivered, failed;
    char key[64]; /* session and seq */
};

struct part_id {
    UT_hash_handle hh;
    struct place place;
    char id[TRACK_ID + 1];
};

struct news {
    char id[TRACK_ID + 1];
    struct tracks_news what;
};

struct parked {
    struct parked *next;
    struct tracks *tracks;
    struct td_timer *timer;
    struct news news;
};

/* ---- Messages ----------------------------------------------------------------------------- */

static void track_free(struct track *t)
{
    HASH_DEL(t->tracks->list, t);
    t->tracks->host->timer_del(&t->settle);
    free(t);
}

static struct track *track_get(struct tracks *tracks, const struct place *place)
{
    struct track *t;
    char key[64];

    snprintf(key, sizeof key, "%s %" PRIu64, place->session, place->seq);
    HASH_FIND_STR(tracks->list, key, t);
    if (t != NULL)
        return t;
    if (HASH_COUNT(tracks->list) >= MAX_TRACKS)
        track_free(tracks->list);
    t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->tracks = tracks;
    t->total = place->total;
    strcpy(t->key, key);
    HASH_ADD_STR(tracks->list, key, t);
    return t;
}

static void report(struct track *t, const struct tracks_news *what)
{
    struct place place;

    sscanf(t->key, "%32s %" SCNu64, place.session, &place.seq);
    t->tracks->host->event(t->tracks->inst, &(struct td_event){
        .size = sizeof(struct td_event), .type = TD_EV_RECEIPT, .session = place.session,
        .of = place.seq, .status = what->status, .on = what->unreachable,
        .text = what->status == TD_FAILED ? what->why : NULL });
}

static void on_settled(void *arg)
{
    struct track *t = arg;

    t->settle = NULL;
    if (t->failed || t->delivered)
        return;
    t->delivered = 1;
    report(t, &(struct tracks_news){ .status = TD_DELIVERED });
}

static void on_delivered(struct track *t, unsigned part)
{
    const uint8_t bit = (uint8_t)(1u << part % 8);

    if (part > SMS_MAX_PARTS || (t->has[part / 8] & bit) != 0)
        return; /* said before */
    t->has[part / 8] |= bit;
    t->n_delivered++;
}

static int has_part(const struct track *t, unsigned part)
{
    return part <= SMS_MAX_PARTS && (t->has[part / 8] & 1u << part % 8) != 0;
}

/* A part that is still to leave again, perhaps by the next process, must not pass for delivered. */
static void judge(struct track *t)
{
    if (t->failed || t->delivered || t->n_delivered == 0)
        return;
    if (t->n_delivered >= t->total || (t->taken && has_part(t, t->total)))
        on_settled(t);
    else if (t->taken && t->settle == NULL)
        t->settle = t->tracks->host->timer_add(t->tracks->inst, (uint32_t)t->tracks->conf.settle_ms,
                                               on_settled, t);
}

static void apply(struct tracks *tracks, const struct place *place, const struct news *news)
{
    struct track *t = track_get(tracks, place);
    char name[TRACK_ID + sizeof PREFIX];

    if (t == NULL || (news->what.status != TD_DELIVERED && news->what.status != TD_FAILED))
        return;
    snprintf(name, sizeof name, PREFIX "%s", news->id);
    keeper_del(tracks->keeper, name, NULL, NULL);
    t->taken |= place->completes != 0;
    if (news->what.status == TD_DELIVERED) {
        on_delivered(t, place->part);
        judge(t);
    } else if (!t->failed) {
        t->failed = 1;
        tracks->host->timer_del(&t->settle);
        report(t, &news->what);
    }
}

/* ---- Parked ------------------------------------------------------------------------------- */

static void unpark(struct parked *p)
{
    struct parked **at = &p->tracks->parked;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->tracks->n_parked--;
    p->tracks->host->timer_del(&p->timer);
    free(p);
}

static void on_orphan(void *arg)
{
    struct parked *p = arg;

    p->timer = NULL;
    p->tracks->host->count(p->tracks->inst, "receipt_orphan", 1);
    unpark(p);
}

static void park(struct tracks *tracks, const struct news *news)
{
    struct parked *p = tracks->n_parked < MAX_PARKED ? calloc(1, sizeof *p) : NULL;

    if (p == NULL) {
        tracks->host->count(tracks->inst, "receipt_orphan", 1);
        return;
    }
    *p = (struct parked){ .next = tracks->parked, .tracks = tracks, .news = *news };
    tracks->parked = p;
    tracks->n_parked++;
    p->timer = tracks->host->timer_add(tracks->inst, PARK_MS, on_orphan, p);
}

/* ---- Ids ---------------------------------------------------------------------------------- */

/* Without it the receipt is known as long as the process lives, and the id is one of the newest. */
static void on_id_kept(void *arg, const struct td_kept *kept)
{
    const struct tracks *tracks = arg;

    if (kept->status != TD_OK)
        tracks->host->count(tracks->inst, "receipt_id_not_kept", 1);
}

static struct part_id *id_get(struct tracks *tracks, const char *id)
{
    struct part_id *entry;

    HASH_FIND_STR(tracks->ids, id, entry);
    if (entry != NULL || (entry = calloc(1, sizeof *entry)) == NULL)
        return entry;
    if (HASH_COUNT(tracks->ids) >= MAX_TRACKS) {
        struct part_id *oldest = tracks->ids;

        HASH_DEL(tracks->ids, oldest);
        free(oldest);
    }
    strcpy(entry->id, id);
    HASH_ADD_STR(tracks->ids, id, entry);
    return entry;
}

/* Receipts of the others may have come before. */
static void all_taken(struct tracks *tracks, const struct place *place)
{
    struct track *t = track_get(tracks, place);

    if (t == NULL)
        return;
    t->taken = 1;
    judge(t);
}

void tracks_sent(struct tracks *tracks, const char *id, const struct track_part *what)
{
    const int64_t until = tracks->host->now(tracks->inst) + tracks->conf.timeout_ms;
    struct place place = { .seq = what->seq, .part = what->part, .total = what->total,
                           .completes = what->completes != 0 };
    struct parked *p = tracks->parked, *next;
    struct part_id *entry;
    char name[TRACK_ID + sizeof PREFIX], value[96];
    int n;

    if (what->session == NULL)
        return;
    snprintf(place.session, sizeof place.session, "%s", what->session);
    if (place.completes && place.total > 1)
        all_taken(tracks, &place);
    if (id[0] == '\0' || strlen(id) > TRACK_ID)
        return;
    entry = id_get(tracks, id);
    if (entry != NULL)
        entry->place = place;
    n = snprintf(value, sizeof value, "%s %" PRIu64 " %u %u %u", place.session, place.seq, place.part,
                 place.total, place.completes);
    snprintf(name, sizeof name, PREFIX "%s", id);
    keeper_put(tracks->keeper, name, value, (size_t)n, until, on_id_kept, tracks);
    for (; p != NULL; p = next) {
        next = p->next;
        if (strcmp(p->news.id, id) != 0)
            continue;
        apply(tracks, &place, &p->news);
        unpark(p);
    }
}

/* A receipt that the store is asked about. */
struct look {
    struct look *prev, *next;
    struct tracks *tracks;
    struct news news;
};

static void on_looked(void *arg, const struct td_kept *kept)
{
    struct look look = *(struct look *)arg;
    struct part_id *entry;
    struct place place = { .completes = 0 };

    DL_DELETE(look.tracks->looks, (struct look *)arg);
    free(arg);
    HASH_FIND_STR(look.tracks->ids, look.news.id, entry); /* the response may have come meanwhile */
    if (entry != NULL)
        apply(look.tracks, &entry->place, &look.news);
    else if (kept->n_pairs == 1 && sscanf(kept->pairs[0]->value, "%32s %" SCNu64 " %u %u %u",
                                          place.session, &place.seq, &place.part,
                                          &place.total, &place.completes) >= 4)
        apply(look.tracks, &place, &look.news);
    else
        park(look.tracks, &look.news);
}

void tracks_came(struct tracks *tracks, const char *id, const struct tracks_news *news)
{
    struct part_id *entry;
    struct look *look;
    char name[TRACK_ID + sizeof PREFIX];

    tracks->host->count(tracks->inst, "receipts", 1);
    if (id[0] == '\0' || strlen(id) > TRACK_ID || (look = calloc(1, sizeof *look)) == NULL)
        return;
    *look = (struct look){ .tracks = tracks, .news.what = *news };
    strcpy(look->news.id, id);
    HASH_FIND_STR(tracks->ids, id, entry);
    if (entry != NULL) {
        apply(tracks, &entry->place, &look->news);
        free(look);
        return;
    }
    snprintf(name, sizeof name, PREFIX "%s", id);
    DL_APPEND(tracks->looks, look);
    keeper_get(tracks->keeper, name, on_looked, look);
}

size_t tracks_parked(const struct tracks *tracks)
{
    return tracks->n_parked;
}

/* ---- Life --------------------------------------------------------------------------------- */

struct tracks *tracks_new(struct keeper *keeper, const struct td_host *host,
                          struct td_instance *inst, const struct tracks_conf *conf)
{
    struct tracks *tracks = calloc(1, sizeof *tracks);

    if (tracks != NULL)
        *tracks = (struct tracks){ .keeper = keeper, .host = host, .inst = inst, .conf = *conf };
    return tracks;
}

void tracks_free(struct tracks **tracks)
{
    struct tracks *t = *tracks;
    struct part_id *id, *next;
    struct look *look, *after;

    if (t == NULL)
        return;
    while (t->parked != NULL)
        unpark(t->parked);
    while (t->list != NULL)
        track_free(t->list);
    DL_FOREACH_SAFE(t->looks, look, after)
        free(look);
    HASH_ITER(hh, t->ids, id, next) {
        HASH_DEL(t->ids, id);
        free(id);
    }
    free(t);
    *tracks = NULL;
}
