/* conf_rule.c - the core's keys of rules. */
#include "config.h"

#include "daemon/conf_tandem.h"

static const char *const modes[] = { "now", "offer", "off", NULL }; /* enum rule_mode */

const struct td_conf_key rule_keys[] = {
    TD_CONF_INT(struct rule_conf, priority, 0, "100", 0, 1000000,
                "Rules are looked at in this order, the smallest first; the first that holds is "
                "the reason, the others go along."),
    TD_CONF_STR(struct rule_conf, class, 0, NULL, "Class of the reason; unset: that of the code."),
    TD_CONF_STR(struct rule_conf, code, TD_REQUIRED, NULL,
                "The reason as humans and reports see it."),
    TD_CONF_LIST(struct rule_conf, at, 0, "pre",
                 "When it is looked at: pre, a message before the agent is asked; post, an answer "
                 "before the customer gets it; event, a failure of an agent, an action, a delivery."),
    TD_CONF_STR(struct rule_conf, when, TD_REQUIRED, NULL, "Condition over the signals."),
    TD_CONF_ENUM(struct rule_conf, mode, 0, "now", modes,
                 "now: hand over; offer: ask the customer first, once in a talk; off: not at all."),
    TD_CONF_STR(struct rule_conf, queue, 0, NULL, "Where it goes; unset: the channel's queue."),
    TD_CONF_BOOL(struct rule_conf, withhold, 0, "yes",
                 "With post and now: the customer does not get the answer."),
    TD_CONF_STR(struct rule_conf, text, 0, NULL,
                "Said to the customer before anything else, in the first language; rule.NAME of "
                "[texts LANGUAGE] says it in others. Unset: what the texts have, or nothing."),
    TD_CONF_END,
};
