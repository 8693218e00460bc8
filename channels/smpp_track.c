/* smpp_track.c - receipts of SMPP: ids that differ between response and receipt become one. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "channels/smpp_private.h"

#define KEY 66

void track_sent(struct smpp *smpp, const char *id, const struct track_part *part)
{
    char key[KEY];

    smpp_match((enum smpp_match)smpp->conf->dlr_id, id, 0, key);
    tracks_sent(smpp->tracks, key, part);
}

/* "027" is 27: providers write it with as many digits as they like. */
static int is_unreachable(const struct smpp *smpp, const struct smpp_receipt *receipt)
{
    const char *const *list = smpp->conf->unreachable_errors;

    while (*list != NULL && (receipt->err[0] == '\0' ||
                             strcmp(*list + strspn(*list, "0"),
                                    receipt->err + strspn(receipt->err, "0")) != 0))
        list++;
    return receipt->state == SMPP_FAILED && *list != NULL;
}

void track_came(struct smpp *smpp, const struct smpp_receipt *receipt)
{
    static const enum td_delivery statuses[] = {
        [SMPP_STATE_NONE] = TD_SENT, [SMPP_ENROUTE] = TD_SENT,
        [SMPP_DELIVERED] = TD_DELIVERED, [SMPP_FAILED] = TD_FAILED,
    };
    struct tracks_news news = { .status = statuses[receipt->state],
                                .unreachable = is_unreachable(smpp, receipt) };
    char key[KEY];

    smpp_match((enum smpp_match)smpp->conf->dlr_id, receipt->id, 1, key);
    snprintf(news.why, sizeof news.why, "%s%s%s", receipt->stat, receipt->err[0] != '\0' ? " err:" : "",
             receipt->err);
    tracks_came(smpp->tracks, key, &news);
}
