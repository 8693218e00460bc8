/* copy.c - what plugins hand in is judged, bounded and copied before anything else sees it. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "gate/gate_private.h"

#define MAX_LOCALE 64
#define MAX_DETAIL 1000
#define MAX_SUMMARY 8192
#define MAX_JSON 65536 /* entities, sources */
#define MAX_ASKS 10    /* calls of one answer; and claims */

const char *copy_detail(const char *detail)
{
    return copy_is_good(detail, MAX_DETAIL) ? detail : "the reason is too long or not UTF-8";
}

static const char *copy_customer(struct arena *arena, const struct td_customer *from,
                                 const struct td_customer **customer_r)
{
    struct td_customer *to;

    if (from == NULL)
        return NULL;
    if (!TD_HAS(from, verified) || !copy_is_good(from->id, MAX_NAME) ||
        !copy_is_good(from->name, MAX_NAME) || !copy_is_good(from->email, MAX_ADDRESS))
        return "the customer's id, name or email is too long or not UTF-8";
    *customer_r = to = arena_alloc(arena, sizeof *to);
    *to = (struct td_customer){ .size = sizeof *to,
                                .id = arena_strdup(arena, from->id),
                                .name = arena_strdup(arena, from->name),
                                .email = arena_strdup(arena, from->email),
                                .verified = from->verified != 0 };
    return NULL;
}

const char *copy_message(struct arena *arena, const struct td_message *from,
                                const struct td_message **message_r)
{
    struct td_message *to;

    if (from == NULL || !TD_HAS(from, at_ms))
        return "there is no message";
    if (!copy_is_good(from->id, MAX_ID))
        return "the message's id is too long or not UTF-8";
    if (!copy_is_good(from->text, MAX_TEXT))
        return "the message's text is over 64 KiB or not UTF-8";
    if (!copy_is_good(from->choice, MAX_NAME))
        return "the message's choice is too long or not UTF-8";
    to = arena_alloc(arena, sizeof *to);
    *to = (struct td_message){ .size = sizeof *to,
                               .id = arena_strdup(arena, from->id),
                               .text = arena_strdup(arena, from->text),
                               .choice = arena_strdup(arena, from->choice),
                               .author = from->author,
                               .at_ms = from->at_ms };
    if (TD_HAS(from, author_name) && copy_is_good(from->author_name, MAX_NAME))
        to->author_name = arena_strdup(arena, from->author_name);
    *message_r = to;
    return copy_content(arena, from, to);
}

const char *copy_inbound(struct arena *arena, const struct td_inbound *in, struct event *event)
{
    const char *flaw;

    if (in == NULL || !TD_HAS(in, message))
        return "there is no message";
    if (!copy_is_good(in->account, MAX_ADDRESS) || !copy_is_good(in->peer, MAX_ADDRESS) ||
        !copy_is_good(in->scope, MAX_ID) || !copy_is_good(in->session, MAX_ID))
        return "an address, scope or session is too long or not UTF-8";
    if ((in->peer == NULL || in->peer[0] == '\0') && in->session == NULL)
        return "there is neither a peer nor a session";
    if (!copy_is_good(in->locale, MAX_LOCALE) || !copy_is_good(in->timezone, MAX_LOCALE))
        return "the locale or time zone is too long or not UTF-8";
    if ((flaw = copy_message(arena, in->message, &event->message)) != NULL ||
        (flaw = copy_customer(arena, in->customer, &event->from.customer)) != NULL)
        return flaw;
    if (event->message->id == NULL || event->message->id[0] == '\0')
        return "the message has no id";
    if (event->message->text == NULL && event->message->choice == NULL &&
        event->message->n_attachments == 0 && event->message->n_parts == 0)
        return "the message is empty";
    event->from.account = arena_strdup(arena, in->account);
    event->from.peer = in->session == NULL ? arena_strdup(arena, in->peer) : NULL;
    event->from.locale = arena_strdup(arena, in->locale);
    event->from.timezone = arena_strdup(arena, in->timezone);
    if (TD_HAS(in, reply_until_at_ms) && in->reply_until_at_ms > 0)
        event->reply_until = in->reply_until_at_ms;
    return NULL;
}

const char *copy_attach(struct arena *arena, const struct td_attach *attach, struct item *item)
{
    struct event_from *from = &item->event.from;
    struct td_attach *to;
    const char *flaw;

    if (attach == NULL || !TD_HAS(attach, timezone))
        return "there is nothing to attach to";
    if (!copy_is_good(attach->session, MAX_ID) || !copy_is_good(attach->locale, MAX_LOCALE) ||
        !copy_is_good(attach->timezone, MAX_LOCALE))
        return "the session, locale or time zone is too long or not UTF-8";
    if ((flaw = copy_customer(arena, attach->customer, &from->customer)) != NULL)
        return flaw;
    from->locale = arena_strdup(arena, attach->locale);
    from->timezone = arena_strdup(arena, attach->timezone);
    to = arena_alloc(arena, sizeof *to);
    *to = (struct td_attach){ .size = sizeof *to,
                              .known_at_ms = attach->known_at_ms,
                              .idle_limit_ms = attach->idle_limit_ms,
                              .last_seq = attach->last_seq,
                              .max_replay = attach->max_replay };
    item->attach = to;
    return NULL;
}

/* Strings of an answer besides its messages; the offsets keep it one loop. */
static const struct {
    size_t offset, max;
    const char *flaw;
} answer_strings[] = {
#define ROW(field_, max_) \
    { offsetof(struct td_answer, field_), max_,                            \
      "the answer's " #field_ " is too long or not UTF-8" }
    ROW(silent, MAX_DETAIL),
    ROW(clarify_slot, MAX_ID),        ROW(escalate_code, MAX_ID),
    ROW(escalate_text, MAX_SUMMARY),  ROW(escalate_queue, MAX_ID),
    ROW(pass, MAX_ID),                ROW(intent, MAX_NAME),
    ROW(sources, MAX_JSON),           ROW(entities, MAX_JSON),
    ROW(summary, MAX_SUMMARY),        ROW(language, MAX_LOCALE),
    ROW(state, ENGINE_MAX_STATE),
#undef ROW
};

static const char *copy_strings(struct arena *arena, const struct td_answer *from,
                                struct td_answer *to)
{
    for (size_t i = 0; i < sizeof answer_strings / sizeof answer_strings[0]; i++) {
        const char *const *src =
            (const char *const *)(const void *)((const char *)from + answer_strings[i].offset);
        const char **dst = (const char **)(void *)((char *)to + answer_strings[i].offset);

        if (!copy_is_good(*src, answer_strings[i].max))
            return answer_strings[i].flaw;
        *dst = arena_strdup(arena, *src);
    }
    return NULL;
}

static const char *copy_messages(struct arena *arena, const struct td_answer *from,
                                 struct td_answer *to)
{
    const struct td_message **messages;
    size_t total = 0;
    const char *flaw;

    if (from->n_messages > ENGINE_MAX_REPLIES)
        return "the answer has too many messages";
    if (from->n_messages == 0)
        return NULL;
    if (from->messages == NULL)
        return "the answer's messages are missing";
    messages = arena_array(arena, from->n_messages, sizeof *messages);
    for (size_t i = 0; i < from->n_messages; i++) {
        if ((flaw = copy_message(arena, from->messages[i], &messages[i])) != NULL)
            return flaw;
        total += messages[i]->text != NULL ? strlen(messages[i]->text) : 0;
    }
    to->messages = messages;
    to->n_messages = from->n_messages;
    return total <= MAX_ANSWER ? NULL : "the answer's messages are over 256 KiB together";
}

/* Actions that it asks for, and those that it says are done. */
static const char *copy_asks(struct arena *arena, const struct td_answer *from,
                             struct td_answer *to)
{
    const struct td_call **calls;
    const char **claims;

    if (!TD_HAS(from, n_claims))
        return NULL; /* of 0.2 */
    if (from->n_calls > MAX_ASKS || from->n_claims > MAX_ASKS)
        return "the answer has more than 10 calls or claims";
    calls = arena_array(arena, from->n_calls + 1, sizeof *calls);
    claims = arena_array(arena, from->n_claims + 1, sizeof *claims);
    for (size_t i = 0; i < from->n_calls; i++) {
        const struct td_call *call = from->calls[i];
        struct td_call *copy = arena_alloc(arena, sizeof *copy);

        if (call == NULL || !TD_HAS(call, arguments) || call->call == NULL || call->name == NULL ||
            !copy_is_good(call->call, MAX_ID) || !copy_is_good(call->name, MAX_ID) ||
            !copy_is_good(call->arguments, MAX_JSON))
            return "a call of the answer has no id or name, is too long or not UTF-8";
        *copy = (struct td_call){ .size = sizeof *copy, .call = arena_strdup(arena, call->call),
                                  .name = arena_strdup(arena, call->name),
                                  .arguments = arena_strdup(arena, call->arguments) };
        calls[i] = copy;
    }
    for (size_t i = 0; i < from->n_claims; i++) {
        if (from->claims[i] == NULL || !copy_is_good(from->claims[i], MAX_ID))
            return "a claim of the answer is too long or not UTF-8";
        claims[i] = arena_strdup(arena, from->claims[i]);
    }
    to->calls = calls;
    to->n_calls = from->n_calls;
    to->claims = claims;
    to->n_claims = from->n_claims;
    return NULL;
}

static const char *copy_all(struct arena *arena, const struct td_answer *from,
                            struct td_answer *to)
{
    const char *flaw = copy_strings(arena, from, to);

    if (flaw != NULL)
        return flaw;
    if ((unsigned)from->status > TD_FAIL || (unsigned)from->decision > TD_REFUSE)
        return "the answer's status or decision is not known";
    to->status = from->status;
    to->detail = arena_strdup(arena, copy_detail(from->detail));
    to->retry_after_ms = from->retry_after_ms;
    to->decision = from->decision;
    to->confidence = from->confidence;
    to->grounded = from->grounded;
    if (from->status != TD_OK || (flaw = copy_messages(arena, from, to)) != NULL)
        return flaw;
    return copy_asks(arena, from, to);
}

const struct td_answer *copy_answer(struct arena *arena, const struct td_answer *from,
                                    const char **flaw_r)
{
    struct td_answer *to = arena_alloc(arena, sizeof *to);

    *flaw_r = from == NULL || !TD_HAS(from, state) ? "there is no answer in it"
                                                    : copy_all(arena, from, to);
    if (*flaw_r != NULL)
        *to = (struct td_answer){ .status = TD_FAIL, .detail = *flaw_r };
    to->size = sizeof *to;
    return to;
}
