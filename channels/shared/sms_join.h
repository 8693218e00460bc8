/*
 * sms_join.h - messages that come in parts: kept until all are there, in whatever order they come.
 *
 * Layer: channels/shared. A part is on disk before it may be acknowledged ("c/..." of what the instance
 * keeps), so a restart goes on where it was. Whose rest does not come is handed on after the time
 * limit with "[...]" where parts are missing; the oldest at once when too many are open.
 */
#ifndef SMS_JOIN_H
#define SMS_JOIN_H

#include <tandem/plugin.h>

#include "channels/shared/keeper.h"
#include "channels/shared/sms_text.h"

struct join;
struct join_set;

struct join_conf {
    int64_t timeout_ms;
    unsigned max; /* messages of which parts are missing */
};

struct join_part {
    const char *from, *to;
    unsigned ref, total, seq, width; /* width tells kinds of references apart */
    enum sms_charset charset;
    const uint8_t *bytes;
    size_t len;
};

struct join_ops {
    /* The text is the owner's from now on, to be freed; id is the same after a restart. To be ended
     * with join_done(). */
    void (*whole)(void *arg, struct join_set *set, const char *from, const char *to,
                  const char *id, char *text);
    void *arg;
};

struct join *join_new(struct keeper *keeper, const struct td_host *host, struct td_instance *inst,
                      const struct join_conf *conf, const struct join_ops *ops);
void join_free(struct join **join);

/* fits 0: it is too long to be a part. done(): TD_OK when it is on disk. */
typedef void join_done_fn(void *arg, enum td_status status);
int join_fits(const struct join_part *part);
void join_add(struct join *join, const struct join_part *part, join_done_fn *done, void *arg);
void join_done(struct join *join, struct join_set *set); /* it is on the gateway's disk */

#endif
