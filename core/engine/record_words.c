/* record_words.c - the numbers of records in words; the order of each list is that of its enum. */
#include "config.h"

#include "engine/record.h"

#include <string.h>
#include <tandem/json.h>

#include "base/buf.h"
#include "engine/texts.h"

#define LIST(...) (const char *const[]){ __VA_ARGS__ }, sizeof(LIST_(__VA_ARGS__)) / sizeof(char *)
#define LIST_(...) (const char *const[]){ __VA_ARGS__ }

/* A field that is a number of an enum in records of that type. */
static const struct coded {
    enum record_type type;
    const char *field;
    size_t offset;
    const char *const *words; /* NULL: 0 says that there is none */
    size_t n;
} coded[] = {
#define CODED(type_, field_, ...) \
    { RECORD_##type_, #field_, offsetof(struct record, field_), LIST(__VA_ARGS__) }
#define STATUS "queued", "sent", "uncertain", "delivered", "read", "failed"
    CODED(OWNER, owner, "none", "agent", "human"),
    CODED(TURN_END, outcome, NULL, "answered", "silent", "failed", "interrupted", "withheld"),
    CODED(TURN_END, decision, NULL, "resolve", "clarify", "escalate", "refuse"),
    CODED(TURN_END, grounded, NULL, "yes", "no"),
    CODED(REPLY, author, "customer", "agent", "human", "system"),
    CODED(REPLY, status, NULL, "sent", "uncertain", "delivered", "read", "failed"),
    CODED(DELIVERY, status, STATUS),
    CODED(READ, author, "customer", "agent", "human", "system"),
    CODED(HANDOFF_STATE, state, "none", "offered", "queued", "live"),
    CODED(HANDOFF_END, outcome, NULL, "returned", "closed", "left", "declined", "timeout",
          "out_of_hours", "nobody", "callback", "mailbox", "transferred", "taken", "requeued",
          "cancelled"),
    CODED(STRETCH, outcome, NULL, "begun", "ended"),
    CODED(PROMISE, outcome, NULL, "made", "kept", "broken", "void"),
    CODED(CONTROL, op, "accept", "decline", "say", "typing", "note", "transfer", "return", "close",
          "take", "extend", "tag", "review", "request", "gone", "native", "pass", "bridge", "read",
          "end", "tell", "told"),
    CODED(CONTROL, outcome, "done", "again", "not_found", "taken", "not_yours", "over", "no_agent",
          "full", "bad", "no_page"),
    CODED(RELAYED, status, STATUS),
    CODED(CALL, status, NULL, "sent", "uncertain", "delivered", "read", "failed"),
    CODED(RULE, outcome, NULL, "handoff", "offered", "also", "nobody", "accepted", "declined",
          "lapsed"),
    CODED(BRIDGE, outcome, NULL, "made", "crossed", "told", "untold"),
};
#define N_CODED (sizeof coded / sizeof *coded)

static const char *word_of(const struct coded *of, int value)
{
    return value >= 0 && (size_t)value < of->n ? of->words[value] : NULL;
}

const char *record_word(enum record_type type, const char *field, int value)
{
    const char *word = NULL;

    for (size_t i = 0; i < N_CODED && word == NULL; i++)
        if (coded[i].type == type && strcmp(coded[i].field, field) == 0)
            word = word_of(&coded[i], value);
    return word != NULL ? word : "unknown";
}

const char *handoff_outcome_name(int outcome)
{
    return record_word(RECORD_HANDOFF_END, "outcome", outcome);
}

const char *rule_outcome_name(int outcome)
{
    return record_word(RECORD_RULE, "outcome", outcome);
}

static int is_text_state(const struct record *record)
{
    return record->type == RECORD_REPLY && record->said > 0 && record->said <= TEXT_STATES;
}

void record_encode_names(const struct record *record, struct buf *out)
{
    struct td_json j = { 0 };
    size_t n = 0;

    td_json_object(&j);
    for (size_t i = 0; i < N_CODED; i++) {
        const void *value = (const char *)record + coded[i].offset;
        const char *word = coded[i].type == record->type ? word_of(&coded[i], *(const int *)value)
                                                         : NULL;
        if (word != NULL && ++n > 0)
            td_json_key_str(&j, coded[i].field, word);
    }
    if (is_text_state(record) && ++n > 0)
        td_json_key_str(&j, "said", text_state_name((enum text_state)(record->said - 1)));
    td_json_object_end(&j);
    if (n > 0)
        buf_add(out, td_json_text(&j), td_json_len(&j));
    td_json_free(&j);
}
