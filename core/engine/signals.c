/* signals.c - the table of names, and their values in a session. */
#include "config.h"

#include "engine/signals.h"

#include "engine/session.h"

enum { CHANNEL, KIND, AGENT, LOCALE, LANGUAGE, TIMEZONE, VERIFIED, CUSTOMER, INTENT, CONFIDENCE };

const struct expr_name signals_names[] = {
    [CHANNEL] = { "channel", EXPR_STR },     [KIND] = { "kind", EXPR_STR },
    [AGENT] = { "agent", EXPR_STR },         [LOCALE] = { "locale", EXPR_STR },
    [LANGUAGE] = { "language", EXPR_STR },   [TIMEZONE] = { "timezone", EXPR_STR },
    [VERIFIED] = { "verified", EXPR_BOOL },  [CUSTOMER] = { "customer", EXPR_STR },
    [INTENT] = { "intent", EXPR_STR },       [CONFIDENCE] = { "confidence", EXPR_NUM },
    { NULL, EXPR_BOOL },
};

static const char *const help[] = {
    [CHANNEL] = "Name of the channel's section.",
    [KIND] = "Plugin of the channel: webchat, loopback, ..",
    [AGENT] = "Name of the agent that owns the session.",
    [LOCALE] = "Locale as the customer's device says it, such as en-GB.",
    [LANGUAGE] = "Language as the agent last said it.",
    [TIMEZONE] = "Time zone of the customer, IANA name.",
    [VERIFIED] = "The channel has proof of who the customer is.",
    [CUSTOMER] = "The customer's id, when the channel knows it.",
    [INTENT] = "What the customer wants, as the agent last said it.",
    [CONFIDENCE] = "How sure the agent was of the intent, 0 to 1.",
};

const char *signals_help(size_t index)
{
    return index < sizeof help / sizeof *help ? help[index] : "";
}

static void set_str(struct expr_value *value, const char *str)
{
    *value = (struct expr_value){ .set = str != NULL && *str != '\0', .str = str };
}

void signals_lookup(void *arg, size_t index, struct expr_value *value_r)
{
    const struct session *s = arg;

    switch (index) {
    case CHANNEL: set_str(value_r, s->channel); break;
    case KIND: set_str(value_r, s->kind); break;
    case AGENT: set_str(value_r, s->owner == TD_OWNER_AGENT ? s->owner_name : NULL); break;
    case LOCALE: set_str(value_r, s->locale); break;
    case LANGUAGE: set_str(value_r, s->language); break;
    case TIMEZONE: set_str(value_r, s->timezone); break;
    case CUSTOMER: set_str(value_r, s->customer_id); break;
    case INTENT: set_str(value_r, s->intent); break;
    case VERIFIED:
        *value_r = (struct expr_value){ .set = 1, .num = s->verified };
        break;
    case CONFIDENCE:
        *value_r = (struct expr_value){ .set = s->confidence > 0,
                                        .num = (double)(s->confidence - 1) / 1000 };
        break;
    default: *value_r = (struct expr_value){ .set = 0 };
    }
}
