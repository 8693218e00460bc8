/*
 * sms_track.h - which of our messages a provider's id means, and how far that one is.
 *
 * Layer: channels/shared. Each id stands in what the instance keeps until its final receipt, or for a
 * time. A receipt may come before its id is known: it is parked for a while. A message in parts is
 * delivered when all of them are, or, once the provider has taken them all, when the last one is;
 * failed when any is.
 */
#ifndef SMS_TRACK_H
#define SMS_TRACK_H

#include <tandem/plugin.h>

#include "channels/shared/keeper.h"

#define TRACK_ID 65 /* bytes of an id at most: longer ones are not known again */

struct tracks;

struct tracks_conf {
    int64_t timeout_ms; /* how long a receipt is waited for */
    int64_t settle_ms;  /* of parts that are all taken: delivered so long after the first that is, when
                           the last says nothing */
};

/* NULL: no memory. All that is asked of the host is asked for inst. */
struct tracks *tracks_new(struct keeper *keeper, const struct td_host *host,
                          struct td_instance *inst, const struct tracks_conf *conf);
void tracks_free(struct tracks **tracks);

/* Part `part`, from 1, of `total` of a message. */
struct track_part {
    const char *session;
    uint64_t seq;
    unsigned part, total;
    int completes; /* the provider had taken all the others */
};

/* The provider has taken that part and calls it `id`. */
void tracks_sent(struct tracks *tracks, const char *id, const struct track_part *what);

struct tracks_news {
    enum td_delivery status;
    int unreachable; /* with TD_FAILED: nobody can be reached at that number */
    char why[96];    /* of a failure, in the provider's words; "": not said */
};

/* A receipt came. */
void tracks_came(struct tracks *tracks, const char *id, const struct tracks_news *news);

size_t tracks_parked(const struct tracks *tracks);

#endif
