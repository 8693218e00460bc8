/*
 * sms_conf.h - the keys that every channel of short messages has.
 *
 * Layer: channels/shared. A conf struct has SMS_CONF_FIELDS in it, its table SMS_CONF_KEYS;
 * SMS_CONSENT_CONF makes of them what the ledger is opened with.
 */
#ifndef SMS_CONF_H
#define SMS_CONF_H

#include <tandem/plugin.h>

#include "channels/shared/sms_consent.h"
#include "channels/shared/sms_split.h"

#define SMS_CONF_FIELDS                                                              \
    const char *source;                                                              \
    int64_t max_parts, max_messages;                                                 \
    const char *cut_text;                                                            \
    int transliterate;                                                               \
    int64_t dlr_timeout, dlr_settle, concat_timeout, concat_max;                     \
    const char *const *consent_languages, *const *stop_words, *const *start_words;   \
    const char *const *help_words, *const *opted_out_errors;                         \
    const char *stop_text, *start_text, *help_text, *brand;                          \
    int consent_scope

#define SMS_CONF_KEYS(s_, scopes_)                                                                 \
    TD_CONF_STR(s_, source, TD_REQUIRED, NULL,                                                     \
                "Our address that messages come from: a number, a short code, or up to 11 "        \
                "letters."),                                                                       \
    TD_CONF_INT(s_, max_parts, 0, "10", 1, 255, "Parts of a message at most."),                    \
    TD_CONF_INT(s_, max_messages, 0, "3", 1, SMS_MAX_MESSAGES,                                     \
                "A longer text goes as so many messages at most, cut between sentences."),         \
    TD_CONF_STR(s_, cut_text, 0, "[...] The whole answer is too long for SMS.",                    \
                "What stands at the end of a text that is longer still, in place of its rest."),   \
    TD_CONF_BOOL(s_, transliterate, 0, "no",                                                       \
                 "Write letters that the alphabet has not as others, so that more fits."),         \
    TD_CONF_DURATION(s_, dlr_timeout, 0, "72h", 60000, INT64_C(2592000000),                        \
                     "How long a receipt is waited for."),                                         \
    TD_CONF_DURATION(s_, dlr_settle, 0, "30s", 100, 3600000,                                       \
                     "A message in parts is delivered so long after the first part that is, when " \
                     "the last part says nothing."),                                               \
    TD_CONF_DURATION(s_, concat_timeout, 0, "10min", 100, 86400000,                                \
                     "How long the parts of a message are waited for."),                           \
    TD_CONF_INT(s_, concat_max, 0, "1000", 1, 10000,                                               \
                "Messages of which parts are missing; the oldest is taken as it is beyond."),      \
    TD_CONF_LIST(s_, consent_languages, 0, "en",                                                   \
                 "Sets of words for STOP, START and HELP: en, da, de, es, fr."),                   \
    TD_CONF_LIST(s_, stop_words, 0, NULL,                                                          \
                 "Words besides by which somebody wants no messages; \"+33 ARRET\" only from "     \
                 "numbers of +33."),                                                               \
    TD_CONF_LIST(s_, start_words, 0, NULL, "Words besides that end a STOP."),                      \
    TD_CONF_LIST(s_, help_words, 0, NULL, "Words besides that ask who we are."),                   \
    TD_CONF_STR(s_, stop_text, 0, NULL,                                                            \
                "What confirms a STOP; unset, a sentence in the language of the word."),           \
    TD_CONF_STR(s_, start_text, 0, NULL, "The same for a START."),                                 \
    TD_CONF_STR(s_, help_text, 0, NULL,                                                            \
                "The same for HELP; {name} is brand, or the number that was written to."),         \
    TD_CONF_STR(s_, brand, 0, NULL, "Who we are."),                                                \
    TD_CONF_ENUM(s_, consent_scope, 0, "channel", scopes_,                                         \
                 "A STOP holds for all of this channel, for the number that it was sent to, or "   \
                 "for brand, the last two by whatever channel of short messages."),                \
    TD_CONF_LIST(s_, opted_out_errors, 0, NULL,                                                    \
                 "Errors besides by which the provider says that a number wants nothing.")

/* consent_scope, in the order of enum consent_scope. */
#define SMS_SCOPES { "channel", "sender", "brand", NULL }

#define SMS_CONSENT_CONF(c_)                                                                       \
    {                                                                                              \
        .languages = (c_)->consent_languages, .stop_words = (c_)->stop_words,                      \
        .start_words = (c_)->start_words, .help_words = (c_)->help_words,                          \
        .stop_text = (c_)->stop_text, .start_text = (c_)->start_text,                              \
        .help_text = (c_)->help_text, .brand = (c_)->brand,                                        \
        .scope = (enum consent_scope)(c_)->consent_scope, .sender = (c_)->source,                  \
    }

#endif
