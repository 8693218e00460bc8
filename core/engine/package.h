/*
 * package.h - the transfer package, version 1: what the human gets, compiled for one desk.
 *
 * Layer: engine, pure. Source: the manual's "Transfer package", schema conf/schemas/transfer.json.
 * Fields survive in the order of struct package: once one does not fit, none after it is there.
 * What a limit or a missing permission took out or cut is named in dropped[] {field, reason:
 * not_permitted, too_large, unsupported (its name cannot be a key)}; a group of which nothing is
 * left by its name alone; where not even the names fit, "*" is all that did not. The summary is
 * always there. The result is never over the limit. Texts come out as UTF-8 without control
 * characters, whatever went in.
 *
 * TD_PACKAGE_FLAT is a JSON object of strings with keys of letters, digits and '_' ("reason_code",
 * "entities_order_id", "done_1_action"); TD_PACKAGE_TEXT a line for each field;
 * TD_PACKAGE_HEADER "handoff=..;session=..;reason=..".
 */
#ifndef ENGINE_PACKAGE_H
#define ENGINE_PACKAGE_H

#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>

struct arena;

struct package_evidence { uint64_t seq; const char *quote; };
struct package_step { const char *step, *action, *outcome, *receipt; int64_t at; };
struct package_pair { const char *name, *value; };
struct package_said { uint64_t seq; int64_t at; const char *text; };
struct package_promise { const char *id, *what, *by_whom, *state; int64_t due; };

/* Strings may be NULL: not known. */
struct package {
    const char *handoff, *session;
    uint64_t epoch;
    const char *code, *category, *reason; /* reason: in words; category: its class */
    const struct package_evidence *evidence;
    size_t n_evidence;
    const char *const *also;
    size_t n_also;
    const char *intent, *intent_status;
    int64_t confidence; /* per mille; below 0: not said */
    const char *status; /* "resolved", "blocked", "urgent" */
    const char *summary; /* the agent's; NULL: composed */
    const char *customer_id, *customer_name, *tier, *locale, *timezone;
    int verified;
    const struct package_pair *fields; /* customer.fields */
    size_t n_fields;
    const struct package_pair *entities;
    size_t n_entities;
    const struct package_step *done, *failed;
    size_t n_done, n_failed;
    const char *const *risk_flags;
    size_t n_risk_flags;
    const struct package_said *last; /* newest last, at most 3 are used */
    size_t n_last;
    const char *open_question;
    const char *channel, *channel_kind;
    uint64_t channel_caps;
    int64_t reply_until; /* 0: no limit */
    const struct td_attachment *const *attachments;
    size_t n_attachments;
    const struct package_promise *promises;
    size_t n_promises;
    const char *const *open_intents;
    size_t n_open_intents;
    const char *transcript_url;
    uint64_t transcript_count;
};

struct package_target {
    enum td_package_format format;
    size_t bytes;             /* 0: the format's own: 4096, TD_PACKAGE_HEADER 128 */
    const char *const *allow; /* names of fields, entities, "name", "tier"; NULL-terminated */
    /* A link to a file, in the arena; NULL: files have none. */
    const char *(*link)(void *arg, const char *id, struct arena *arena);
    void *link_arg;
    const char *transcript;   /* where the whole of it can be read; NULL: nowhere */
};

/* The text in the arena, NUL-terminated, strlen <= the limit. Never NULL: the smallest form is
 * handoff_id and a cut summary, below some 60 bytes "{}" or "". Deterministic. */
const char *package_compile(const struct package *package, const struct package_target *target,
                            struct arena *arena);

#endif
