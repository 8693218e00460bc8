/* package_units.c - the package in pieces, each written in the format that the desk wants. */
#include "config.h"

#include "engine/package_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tandem/json_write.h>
#include <tandem/time.h>
#include <tandem/utf8.h>

#include "base/arena.h"
#include "base/buf.h"

#define MAX_SUMMARY 600 /* characters */
#define MAX_TEXT 1000   /* bytes of anything else that somebody said */
#define MAX_VALUE 256   /* bytes of a name, an id, an entity */
#define MAX_FLAT 255    /* bytes of a value with flat keys */
#define MAX_KEY 64
#define MAX_MEMBERS 6

const struct package_rule package_rules[GROUP_NONE] = {
    [GROUP_HANDOFF] = { "handoff_id", "handoff_id", "Handoff", SHAPE_ONE, GROUP_NONE },
    [GROUP_SESSION] = { "session_id", "session_id", "Session", SHAPE_ONE, GROUP_NONE },
    [GROUP_EPOCH] = { "epoch", "epoch", "Epoch", SHAPE_ONE, GROUP_NONE },
    [GROUP_REASON] = { "reason", "reason", "Reason", SHAPE_OBJECT, GROUP_NONE },
    [GROUP_EVIDENCE] = { "evidence", "reason.evidence", "Because of", SHAPE_ARRAY, GROUP_REASON },
    [GROUP_ALSO] = { "also", "reason.also", "Also", SHAPE_ARRAY, GROUP_REASON },
    [GROUP_INTENT] = { "intent", "intent", "Intent", SHAPE_ONE, GROUP_NONE },
    [GROUP_STATUS] = { "status", "status", "Status", SHAPE_ONE, GROUP_NONE },
    [GROUP_SUMMARY] = { "summary", "summary", "Summary", SHAPE_ONE, GROUP_NONE },
    [GROUP_CUSTOMER] = { "customer", "customer", "Customer", SHAPE_OBJECT, GROUP_NONE },
    [GROUP_FIELDS] = { "fields", "customer.fields", "Customer", SHAPE_OBJECT, GROUP_CUSTOMER },
    [GROUP_ENTITIES] = { "entities", "entities", "Given", SHAPE_OBJECT, GROUP_NONE },
    [GROUP_DONE] = { "done", "done", "Done", SHAPE_ARRAY, GROUP_NONE },
    [GROUP_FAILED] = { "failed", "failed", "Failed", SHAPE_ARRAY, GROUP_NONE },
    [GROUP_FLAGS] = { "risk_flags", "risk_flags", "Risk", SHAPE_ARRAY, GROUP_NONE },
    [GROUP_LAST] = { "last_customer_messages", "last_customer_messages", "Customer said",
                     SHAPE_ARRAY, GROUP_NONE },
    [GROUP_QUESTION] = { "open_question", "open_question", "Open question", SHAPE_ONE, GROUP_NONE },
    [GROUP_CHANNEL] = { "channel", "channel", "Channel", SHAPE_ONE, GROUP_NONE },
    [GROUP_ATTACHMENTS] = { "attachments", "attachments", "File", SHAPE_ARRAY, GROUP_NONE },
    [GROUP_PROMISES] = { "promises", "promises", "Promised", SHAPE_ARRAY, GROUP_NONE },
    [GROUP_INTENTS] = { "open_intents", "open_intents", "Open intent", SHAPE_ARRAY, GROUP_NONE },
    [GROUP_TRANSCRIPT] = { "transcript", "transcript", "Transcript", SHAPE_ONE, GROUP_NONE },
};

enum member_kind { MEMBER_TEXT, MEMBER_RAW /* a number, true, false */, MEMBER_WORDS };

struct member {
    const char *name; /* NULL: the unit is this value */
    const char *text;
    enum member_kind kind;
};

/* A unit while it is put together. */
struct draft {
    struct package_unit unit;
    struct member member[MAX_MEMBERS];
    size_t n;
};

/* UTF-8, at most max bytes, no control characters; what was no text is '?'. */
static const char *clean(const struct package_units *units, const char *s, size_t max, int *cut_r)
{
    size_t len = strnlen(s, 4 * MAX_TEXT + 4), at = 0, out = 0;
    char *text = arena_alloc(units->arena, (len < max ? len : max) + 1);

    while (at < len) {
        size_t n = td_utf8_step(s + at, len - at);
        size_t size = n ? n : 1;
        if (out + size > max) {
            *cut_r = 1;
            break;
        }
        if (n > 1)
            memcpy(text + out, s + at, n);
        else
            text[out] = !n ? '?' : (unsigned char)s[at] < 0x20 || s[at] == 0x7f ? ' ' : s[at];
        at += size;
        out += size;
    }
    text[out] = '\0';
    return text;
}

static struct draft draft(enum package_group group)
{
    return (struct draft){ .unit.group = group };
}

static void add_text(const struct package_units *units, struct draft *d, const char *name,
                     const char *text, size_t max)
{
    if (!text)
        return;
    if (units->format == TD_PACKAGE_FLAT && max > MAX_FLAT)
        max = MAX_FLAT;
    d->member[d->n++] = (struct member){ .name = name,
                                         .text = clean(units, text, max, &d->unit.cut) };
}

static void add_number(const struct package_units *units, struct draft *d, const char *name,
                       uint64_t number)
{
    d->member[d->n++] = (struct member){
        .name = name, .text = arena_printf(units->arena, "%" PRIu64, number), .kind = MEMBER_RAW,
    };
}

static void add_time(const struct package_units *units, struct draft *d, const char *name,
                     int64_t at)
{
    char text[TD_TIME_TEXT];

    if (at <= 0)
        return;
    td_time_format(at, text);
    d->member[d->n++] = (struct member){ .name = name, .text = arena_strdup(units->arena, text) };
}

/* ---- Written ----------------------------------------------------------------------------- */

static void put_value(struct td_json *j, const struct member *member)
{
    if (member->kind == MEMBER_TEXT) {
        td_json_str(j, member->text);
    } else if (member->kind == MEMBER_RAW) {
        td_json_value_(j, member->text, strlen(member->text));
    } else {
        td_json_array(j);
        for (const char *at = member->text, *end; *at; at = *end ? end + 1 : end) {
            end = at + strcspn(at, " ");
            td_json_strn(j, at, (size_t)(end - at));
        }
        td_json_array_end(j);
    }
}

static void write_json(struct td_json *j, const struct draft *d)
{
    const char *key = package_rules[d->unit.group].shape == SHAPE_ONE
                          ? package_rules[d->unit.group].name : d->unit.key;
    if (key) { /* the key stands in the fragment; the object is opened for its sake only */
        td_json_str(j, key);
        td_json_put_(j, ":", 1);
        j->comma = 0;
    }
    if (!d->member[0].name) {
        put_value(j, &d->member[0]);
        return;
    }
    td_json_object(j);
    for (size_t i = 0; i < d->n; i++) {
        td_json_key(j, d->member[i].name);
        put_value(j, &d->member[i]);
    }
    td_json_object_end(j);
}

/* group_key_member or group_3_member, of letters, digits and '_' only. */
static const char *flat_key(const struct package_units *units, const struct draft *d, size_t index,
                            const char *member)
{
    const struct package_rule *rule = &package_rules[d->unit.group];
    char *key = rule->shape == SHAPE_ARRAY
                    ? arena_printf(units->arena, "%s_%zu", rule->path, index)
                    : arena_printf(units->arena, "%s%s%s", rule->path, d->unit.key ? "_" : "",
                                   d->unit.key ? d->unit.key : "");
    if (member)
        key = arena_printf(units->arena, "%s_%s", key, member);
    for (char *c = key; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *c))
            *c = '_';
    return key;
}

static void write_flat(const struct package_units *units, struct td_json *j, struct draft *d)
{
    size_t index = 1;

    for (size_t i = 0; i < units->n; i++)
        index += units->unit[i].group == d->unit.group;
    for (size_t i = 0; i < d->n; i++) {
        const char *key = flat_key(units, d, index, d->member[i].name);
        if (d->unit.key)
            d->unit.unique = key;
        j->comma = i > 0;
        td_json_str(j, key);
        td_json_put_(j, ":", 1);
        j->comma = 0;
        td_json_str(j, d->member[i].text);
    }
}

static void write_note(struct td_json *j, const struct draft *d)
{
    const char *label = package_rules[d->unit.group].label;

    td_json_put_(j, label, strlen(label));
    if (d->unit.key) {
        td_json_put_(j, " ", 1);
        td_json_put_(j, d->unit.key, strlen(d->unit.key));
    }
    for (size_t i = 0; i < d->n; i++) {
        td_json_put_(j, i ? ", " : ": ", 2);
        td_json_put_(j, d->member[i].text, strlen(d->member[i].text));
    }
    td_json_put_(j, "\n", 1);
}

/* Nothing is added when nothing is known. */
static void add_unit(struct package_units *units, struct draft *d)
{
    struct td_json j = { 0 };

    if (!d->n && !d->unit.refused)
        return;
    d->unit.unique = d->unit.key;
    if (!d->unit.refused) {
        if (units->format == TD_PACKAGE_FLAT)
            write_flat(units, &j, d);
        else if (units->format == TD_PACKAGE_TEXT)
            write_note(&j, d);
        else
            write_json(&j, d);
        d->unit.len = td_json_len(&j);
        d->unit.text = arena_dup(units->arena, td_json_text(&j), d->unit.len);
        td_json_free(&j);
    }
    for (size_t i = 0; d->unit.unique && !d->unit.refused && i < units->n; i++)
        if (units->unit[i].group == d->unit.group && units->unit[i].unique &&
            !units->unit[i].refused && strcmp(units->unit[i].unique, d->unit.unique) == 0)
            d->unit.refused = "unsupported"; /* a key cannot stand twice */
    if (units->n == units->cap) {
        struct package_unit *old = units->unit;
        units->cap = units->cap ? units->cap * 2 : 64;
        units->unit = arena_array(units->arena, units->cap, sizeof *units->unit);
        if (old)
            memcpy(units->unit, old, units->n * sizeof *old);
    }
    units->unit[units->n++] = d->unit;
}

static void add_one(struct package_units *units, enum package_group group, const char *key,
                    const char *text, size_t max)
{
    struct draft d = draft(group);

    d.unit.key = key;
    add_text(units, &d, NULL, text, max);
    add_unit(units, &d);
}

/* ---- What there is ----------------------------------------------------------------------- */

static int allowed(const struct package_units *units, const char *name)
{
    for (const char *const *word = units->allow; word && *word; word++)
        if (strcmp(*word, name) == 0)
            return 1;
    return 0;
}

/* What stands beyond the first `max` of an array, named once. */
static size_t at_most(struct package_units *units, enum package_group group, size_t n, size_t max)
{
    struct draft d = draft(group);

    if (n <= max)
        return n;
    d.unit.refused = "too_large";
    add_unit(units, &d);
    return max;
}

static void add_words(struct package_units *units, enum package_group group,
                      const char *const *words, size_t n)
{
    n = at_most(units, group, n, 10);
    for (size_t i = 0; i < n; i++)
        add_one(units, group, NULL, words[i], MAX_VALUE);
}

static void add_named(struct package_units *units, enum package_group group, const char *name,
                      const char *value)
{
    struct draft d = draft(group);

    if (!name || !value)
        return;
    d.unit.key = clean(units, name, MAX_KEY, &d.unit.cut);
    d.unit.refused = !allowed(units, name)                ? "not_permitted"
                     : d.unit.cut || !*d.unit.key         ? "unsupported"
                     : strcmp(d.unit.key, name) != 0      ? "unsupported"
                                                          : NULL;
    add_text(units, &d, NULL, value, MAX_VALUE);
    add_unit(units, &d);
}

static void add_pairs(struct package_units *units, enum package_group group,
                      const struct package_pair *pairs, size_t n)
{
    n = at_most(units, group, n, 50);
    for (size_t i = 0; i < n; i++)
        add_named(units, group, pairs[i].name, pairs[i].value);
}

static void add_steps(struct package_units *units, enum package_group group,
                      const struct package_step *steps, size_t n)
{
    n = at_most(units, group, n, 20);
    for (size_t i = 0; i < n; i++) {
        struct draft d = draft(group);
        add_text(units, &d, "step", steps[i].step, MAX_VALUE);
        add_text(units, &d, "action", steps[i].action, MAX_VALUE);
        add_text(units, &d, "outcome", steps[i].outcome, MAX_VALUE);
        add_text(units, &d, "receipt", steps[i].receipt, MAX_VALUE);
        add_time(units, &d, "at", steps[i].at);
        add_unit(units, &d);
    }
}

/* Of what is known and permitted, when the agent gave no summary. */
static const char *composed(const struct package_units *units, const struct package *package)
{
    struct buf text = { 0 };
    const char *out;

    if (package->intent)
        buf_printf(&text, " Intent: %s.", package->intent);
    for (size_t i = 0; i < package->n_entities; i++)
        if (package->entities[i].name && package->entities[i].value &&
            allowed(units, package->entities[i].name))
            buf_printf(&text, " %s: %s.", package->entities[i].name, package->entities[i].value);
    for (size_t i = 0; i < package->n_done; i++)
        if (package->done[i].step)
            buf_printf(&text, " Done: %s.", package->done[i].step);
    for (size_t i = 0; i < package->n_failed; i++)
        if (package->failed[i].step)
            buf_printf(&text, " Failed: %s.", package->failed[i].step);
    if (!text.len && package->reason && *package->reason)
        buf_printf(&text, " %s", package->reason);
    if (!text.len)
        buf_printf(&text, " Handed over: %s.", package->code ? package->code : "no reason given");
    out = arena_strdup(units->arena, text.data + 1);
    buf_fini(&text);
    return out;
}

static void add_summary(struct package_units *units, const struct package *package)
{
    struct draft d = draft(GROUP_SUMMARY);
    const char *from = package->summary && *package->summary ? package->summary
                                                             : composed(units, package);
    const char *text = clean(units, from, 4 * MAX_SUMMARY, &d.unit.cut);
    size_t len = 0, chars = 0;

    while (text[len] && chars++ < MAX_SUMMARY)
        len += td_utf8_step(text + len, 4);
    d.unit.cut |= text[len] != '\0';
    units->summary = arena_dup(units->arena, text, len);
    d.member[d.n++] = (struct member){ .text = units->summary };
    add_unit(units, &d);
}

static void add_reason(struct package_units *units, const struct package *package)
{
    size_t n;

    add_one(units, GROUP_REASON, "code", package->code, MAX_VALUE);
    add_one(units, GROUP_REASON, "class", package->category, MAX_VALUE);
    add_one(units, GROUP_REASON, "text", package->reason, MAX_TEXT);
    n = at_most(units, GROUP_EVIDENCE, package->n_evidence, 5);
    for (size_t i = 0; i < n; i++) {
        struct draft d = draft(GROUP_EVIDENCE);
        add_number(units, &d, "seq", package->evidence[i].seq);
        add_text(units, &d, "quote", package->evidence[i].quote, MAX_VALUE);
        add_unit(units, &d);
    }
    add_words(units, GROUP_ALSO, package->also, package->n_also);
}

static void add_intent(struct package_units *units, const struct package *package)
{
    struct draft d = draft(GROUP_INTENT);

    add_text(units, &d, "name", package->intent, MAX_VALUE);
    if (package->intent && package->confidence >= 0 && package->confidence <= 1000)
        d.member[d.n++] = (struct member){
            .name = "confidence", .kind = MEMBER_RAW,
            .text = arena_printf(units->arena, "%d.%03d", (int)(package->confidence / 1000),
                                 (int)(package->confidence % 1000)),
        };
    add_text(units, &d, "status", package->intent_status, MAX_VALUE);
    add_unit(units, &d);
}

static void add_customer(struct package_units *units, const struct package *package)
{
    struct draft verified = draft(GROUP_CUSTOMER);

    add_one(units, GROUP_CUSTOMER, "id", package->customer_id, MAX_VALUE);
    add_named(units, GROUP_CUSTOMER, "name", package->customer_name);
    add_named(units, GROUP_CUSTOMER, "tier", package->tier);
    add_one(units, GROUP_CUSTOMER, "locale", package->locale, MAX_VALUE);
    add_one(units, GROUP_CUSTOMER, "timezone", package->timezone, MAX_VALUE);
    verified.unit.key = "verified";
    verified.member[verified.n++] = (struct member){ .text = package->verified ? "true" : "false",
                                                     .kind = MEMBER_RAW };
    add_unit(units, &verified);
    add_pairs(units, GROUP_FIELDS, package->fields, package->n_fields);
    add_pairs(units, GROUP_ENTITIES, package->entities, package->n_entities);
}

static void add_last(struct package_units *units, const struct package *package)
{
    size_t skip = package->n_last > 3 ? package->n_last - 3 : 0;

    for (size_t i = package->n_last; i > skip; i--) { /* the newest survives longest */
        struct draft d = draft(GROUP_LAST);
        add_number(units, &d, "seq", package->last[i - 1].seq);
        add_time(units, &d, "at", package->last[i - 1].at);
        add_text(units, &d, "text", package->last[i - 1].text, MAX_TEXT);
        add_unit(units, &d);
    }
}

static void add_channel(struct package_units *units, const struct package *package)
{
    static const struct {
        uint64_t cap;
        const char *word;
    } words[] = {
        { TD_CAN_CHOICES, " choices" },   { TD_CAN_TYPING, " typing" },
        { TD_CAN_RECEIPTS, " receipts" }, { TD_CAN_FILES, " files" },
        { TD_CAN_PARTS, " parts" },       { TD_CAN_TRANSFER, " transfer" },
    };
    struct draft d = draft(GROUP_CHANNEL);
    char caps[64] = "";

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (package->channel_caps & words[i].cap)
            snprintf(caps + strlen(caps), sizeof caps - strlen(caps), "%s", words[i].word);
    if (!package->channel)
        return;
    add_text(units, &d, "name", package->channel, MAX_VALUE);
    add_text(units, &d, "kind", package->channel_kind, MAX_VALUE);
    d.member[d.n++] = (struct member){ .name = "capabilities", .kind = MEMBER_WORDS,
                                       .text = arena_strdup(units->arena, caps + !!*caps) };
    add_time(units, &d, "reply_until", package->reply_until);
    add_unit(units, &d);
}

static void add_rest(struct package_units *units, const struct package *package)
{
    struct draft transcript = draft(GROUP_TRANSCRIPT);
    size_t n = at_most(units, GROUP_ATTACHMENTS, package->n_attachments, 10);

    for (size_t i = 0; i < n; i++) {
        const struct td_attachment *file = package->attachments[i];
        struct draft d = draft(GROUP_ATTACHMENTS);
        add_text(units, &d, "id", file->id, MAX_VALUE);
        add_text(units, &d, "name", file->name, MAX_VALUE);
        add_text(units, &d, "type", file->type, MAX_VALUE);
        add_number(units, &d, "size", file->bytes);
        add_text(units, &d, "url", file->url, MAX_TEXT);
        add_unit(units, &d);
    }
    n = at_most(units, GROUP_PROMISES, package->n_promises, 10);
    for (size_t i = 0; i < n; i++) {
        const struct package_promise *promise = &package->promises[i];
        struct draft d = draft(GROUP_PROMISES);
        add_text(units, &d, "id", promise->id, MAX_VALUE);
        add_text(units, &d, "what", promise->what, MAX_VALUE);
        add_text(units, &d, "by", promise->by_whom, MAX_VALUE);
        add_text(units, &d, "state", promise->state, MAX_VALUE);
        add_time(units, &d, "due", promise->due);
        add_unit(units, &d);
    }
    add_words(units, GROUP_INTENTS, package->open_intents, package->n_open_intents);
    if (package->transcript_url) {
        add_text(units, &transcript, "url", package->transcript_url, MAX_TEXT);
        add_number(units, &transcript, "count", package->transcript_count);
        add_unit(units, &transcript);
    }
}

void package_units(const struct package *package, struct package_units *units)
{
    struct draft epoch = draft(GROUP_EPOCH);
    int cut;

    units->handoff = clean(units, package->handoff ? package->handoff : "", MAX_KEY, &cut);
    add_one(units, GROUP_HANDOFF, NULL, units->handoff, MAX_KEY);
    add_one(units, GROUP_SESSION, NULL, package->session, MAX_KEY);
    add_number(units, &epoch, NULL, package->epoch);
    add_unit(units, &epoch);
    add_reason(units, package);
    add_intent(units, package);
    add_one(units, GROUP_STATUS, NULL, package->status, MAX_VALUE);
    add_summary(units, package);
    add_customer(units, package);
    add_steps(units, GROUP_DONE, package->done, package->n_done);
    add_steps(units, GROUP_FAILED, package->failed, package->n_failed);
    add_words(units, GROUP_FLAGS, package->risk_flags, package->n_risk_flags);
    add_last(units, package);
    add_one(units, GROUP_QUESTION, NULL, package->open_question, MAX_TEXT);
    add_channel(units, package);
    add_rest(units, package);
}
