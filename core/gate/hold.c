/* hold.c - what is to be sent in quiet hours waits until they are over. */
#include "config.h"

#include "base/clock.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define LONGEST_MS 30000 /* then it is looked at again: the clock or the conf may have changed */

static const struct sending *sending_of(const struct slot *slot)
{
    static const struct sending always = { 0 };
    const struct policy_channel *channel = policy_channel(slot->gate->policy->policy,
                                                          slot->session.channel);

    return channel != NULL ? &channel->sending : &always;
}

static void on_timer(void *arg)
{
    struct slot *slot = arg;

    slot->out_timer = NULL;
    slot_wake(slot);
}

int hold_first(struct slot *slot)
{
    const int64_t wait = sending_wait(sending_of(slot), slot->session.peer, slot->session.seen_at,
                                      clock_wall_ms());

    if (wait == 0)
        return 0;
    slot->out_timer = loop_timer_add(slot->gate->conf.loop,
                                     wait < LONGEST_MS ? (uint64_t)wait : LONGEST_MS, on_timer,
                                     slot);
    return 1;
}

int64_t hold_age(const struct slot *slot, int64_t at_ms)
{
    return sending_age(sending_of(slot), slot->session.peer, at_ms, clock_wall_ms());
}
