/* smpp_track.c - receipts of SMPP: ids that differ between response and receipt become one. */
#include "config.h"

#include <stdio.h>

#include "channels/smpp_private.h"

#define KEY 66

void track_sent(struct smpp *smpp, const char *id, const char *session, uint64_t seq, unsigned part,
                unsigned total)
{
    char key[KEY];

    smpp_match((enum smpp_match)smpp->conf->dlr_id, id, 0, key);
    tracks_sent(smpp->tracks, key, session, seq, part, total);
}

void track_came(struct smpp *smpp, const struct smpp_receipt *receipt)
{
    static const enum td_delivery statuses[] = {
        [SMPP_STATE_NONE] = TD_SENT, [SMPP_ENROUTE] = TD_SENT,
        [SMPP_DELIVERED] = TD_DELIVERED, [SMPP_FAILED] = TD_FAILED,
    };
    char key[KEY], why[64];

    smpp_match((enum smpp_match)smpp->conf->dlr_id, receipt->id, 1, key);
    snprintf(why, sizeof why, "%s%s%s", receipt->stat, receipt->err[0] != '\0' ? " err:" : "",
             receipt->err);
    tracks_came(smpp->tracks, key, statuses[receipt->state], why);
}
