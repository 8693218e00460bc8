/* conf_desk.c - the core's keys of desks, queues and humans. */
#include "config.h"

#include "daemon/conf_tandem.h"

#define SECOND INT64_C(1000)
#define DAY (24 * 3600 * SECOND)

/* In the order of enum policy_expiry and enum policy_fallback. */
static const char *const expiries[] = { "remind", "requeue", "return", "close", NULL };
static const char *const fallbacks[] = { "refuse", "callback", "mailbox", NULL };
static const char *const assigns[] = { "pull", "auto", NULL };

const struct td_conf_key desk_keys[] = {
    TD_CONF_STR(struct desk_conf, type, TD_REQUIRED, NULL, "The plugin: desk_TYPE.so."),
    TD_CONF_LIST(struct desk_conf, allow, 0, NULL,
                 "What of the customer its humans may see: name, tier, and fields by name."),
    TD_CONF_DURATION(struct desk_conf, retry, 0, "500ms", 1, 600 * SECOND,
                     "First pause when it cannot be reached; doubled each time, up to `retry_max`."),
    TD_CONF_DURATION(struct desk_conf, retry_max, 0, "30s", 1, 3600 * SECOND,
                     "Longest of these pauses; what waits for the desk is kept meanwhile."),
    TD_CONF_END,
};

const struct td_conf_key queue_keys[] = {
    TD_CONF_STR(struct queue_conf, desk, TD_REQUIRED, NULL, "The desk whose humans it waits for."),
    TD_CONF_STR(struct queue_conf, hours, 0, NULL,
                "When it is open, such as Mon-Fri 09:00-17:00 Europe/Copenhagen; unset: always."),
    TD_CONF_LIST(struct queue_conf, holidays, 0, NULL,
                 "Days on which it is closed: 2026-12-24, 2026-12-24..2026-12-26, or 12-25 for "
                 "every year."),
    TD_CONF_LIST(struct queue_conf, skills, 0, NULL,
                 "What a human must be able to do, all of it."),
    TD_CONF_INT(struct queue_conf, capacity, 0, "0", 0, 1000000,
                "How many may wait; further ones go to `overflow`; 0: any number."),
    TD_CONF_STR(struct queue_conf, overflow, 0, NULL,
                "The queue that is tried next when this one cannot help."),
    TD_CONF_DURATION(struct queue_conf, overflow_after, 0, "0", 0, DAY,
                     "Wait after which `overflow` takes over; 0: never."),
    TD_CONF_DURATION(struct queue_conf, offer_timeout, 0, "30s", 100, 3600 * SECOND,
                     "How long the desk may take to answer an offer; then `overflow` is tried."),
    TD_CONF_DURATION(struct queue_conf, max_wait, 0, "30min", 0, 30 * DAY,
                     "Longest wait; then `fallback` applies; 0: no limit."),
    TD_CONF_DURATION(struct queue_conf, response_timeout, 0, "10min", 0, DAY,
                     "Time from a human's acceptance to the first message; then `on_lease` "
                     "applies; 0: no limit."),
    TD_CONF_DURATION(struct queue_conf, lease, 0, "30min", 0, 30 * DAY,
                     "Silence of a human after which `on_lease` applies; 0: no limit."),
    TD_CONF_ENUM(struct queue_conf, on_lease, 0, "remind", expiries,
                 "What becomes of a session whose human is silent for too long; remind: the desk is "
                 "told first, and after `remind` it is queued again."),
    TD_CONF_DURATION(struct queue_conf, remind, 0, "5min", 100, 30 * DAY,
                     "With on_lease = remind: time from the reminder to being queued again."),
    TD_CONF_ENUM(struct queue_conf, fallback, 0, "refuse", fallbacks,
                 "What happens when nobody of the whole chain can help: an honest refusal with the "
                 "next opening time, or the promise of a callback or of a reply by mail."),
    TD_CONF_DURATION(struct queue_conf, promise_within, 0, "4h", 60 * SECOND, 30 * DAY,
                     "By when a callback or a reply is promised, counted in open hours."),
    TD_CONF_INT(struct queue_conf, priority, 0, "0", -1000, 1000,
                "Of its handoffs; the higher one is shown and assigned first."),
    TD_CONF_ENUM(struct queue_conf, assign, 0, "pull", assigns,
                 "Whether humans take what they want, or get it when they are available."),
    TD_CONF_BOOL(struct queue_conf, sticky, 0, "yes",
                 "Give a customer to the human who had them last, when that human is free."),
    TD_CONF_BOOL(struct queue_conf, need_human, 0, "no",
                 "Count as closed while no human with the skills is available."),
    TD_CONF_BOOL(struct queue_conf, agent_meanwhile, 0, "no",
                 "Let the agent go on answering while the customer waits."),
    TD_CONF_END,
};

const struct td_conf_key human_keys[] = {
    TD_CONF_STR(struct human_conf, name, 0, NULL,
                "As customers see it; unset: the section's name."),
    TD_CONF_SECRET(struct human_conf, token, TD_REQUIRED, "Bearer token for the desk's API."),
    TD_CONF_LIST(struct human_conf, desks, 0, NULL, "Where they work; unset: at every desk."),
    TD_CONF_LIST(struct human_conf, skills, 0, NULL, "What they can do."),
    TD_CONF_LIST(struct human_conf, languages, 0, NULL,
                 "Languages they speak, such as en, de; unset: any."),
    TD_CONF_INT(struct human_conf, capacity, 0, "3", 0, 1000,
                "Customers they have at once; 0: no limit."),
    TD_CONF_BOOL(struct human_conf, supervise, 0, "no",
                 "May see and watch conversations that agents and colleagues have, and review those "
                 "that ended."),
    TD_CONF_END,
};
