/* decide_check.c - what comes in is bounded and UTF-8, or it does not come in. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "engine/content.h"
#include "engine/draft.h"

#define LONG_TEXT 65536 /* bytes: what people and agents write */
#define SHORT_TEXT 1024 /* names, ids, codes */
#define MAX_CHOICES 50  /* of one reply */
#define DETAIL 400      /* of a sentence for the operator */

/* NULL is good. The journal must be able to hold it and to give it back. */
static int fits(const char *text, size_t most)
{
    size_t len = text != NULL ? strnlen(text, most + 1) : 0;

    return len <= most && (len == 0 || utf8_valid(text, len));
}

static int all_fit(const char *const *texts, size_t n, size_t most)
{
    for (size_t i = 0; i < n; i++)
        if (!fits(texts[i], most))
            return 0;
    return 1;
}
#define ALL_FIT(texts_, most_) all_fit(texts_, sizeof(texts_) / sizeof *(texts_), most_)

const char *check_detail(struct draft *d, const char *text)
{
    size_t len = text != NULL ? strnlen(text, DETAIL + 1) : 0;

    if (text == NULL)
        return NULL;
    len = utf8_cut(text, len, DETAIL);
    return utf8_valid(text, len) ? arena_dup(d->step->arena, text, len) : "(not UTF-8)";
}

/* What a message holds beside its words. */
static int content_fits(const struct td_message *m)
{
    if (m->n_attachments > CONTENT_FILES || m->n_parts > CONTENT_PARTS)
        return 0;
    for (size_t i = 0; i < m->n_attachments; i++) {
        const struct td_attachment *a = m->attachments[i];
        const char *texts[] = { a->id, a->name, a->type, a->sha256 };
        if (a->id == NULL || !ALL_FIT(texts, SHORT_TEXT))
            return 0;
    }
    for (size_t i = 0; i < m->n_parts; i++) {
        const struct td_part *p = m->parts[i];
        if (p->type == NULL || p->text == NULL || !fits(p->type, SHORT_TEXT) ||
            !fits(p->text, LONG_TEXT) || !fits(p->data, CONTENT_DATA))
            return 0;
    }
    return fits(m->raw, CONTENT_DATA);
}

const char *check_event(const struct event *ev)
{
    const struct td_customer *customer = ev->from.customer;
    const struct td_message *message = ev->message;
    const char *from[] = { ev->from.channel, ev->from.account, ev->from.peer, ev->from.locale,
                           ev->from.timezone };

    if (!ALL_FIT(from, SHORT_TEXT))
        return "an address, locale or time zone is too long or not UTF-8";
    if (customer != NULL) {
        const char *names[] = { customer->id, customer->name, customer->email };
        if (!ALL_FIT(names, SHORT_TEXT))
            return "a customer's id, name or email is too long or not UTF-8";
    }
    if (message != NULL) {
        const char *words[] = { message->id, message->choice };
        if (!ALL_FIT(words, SHORT_TEXT) || !fits(message->text, LONG_TEXT))
            return "the message is too long or not UTF-8";
        if (!content_fits(message))
            return "the message has too many or broken attachments or parts";
    }
    if (ev->type == EVENT_RATING && !fits(ev->text, LONG_TEXT))
        return "the rating's text is too long or not UTF-8";
    return NULL;
}

const char *check_message(const struct td_message *m)
{
    if ((m->text == NULL || *m->text == '\0') && m->n_choices == 0 && m->n_attachments == 0 &&
        m->n_parts == 0)
        return "the answer has an empty message";
    if (!fits(m->text, LONG_TEXT))
        return "a message of the answer is over 64 KiB or not UTF-8";
    if (!content_fits(m))
        return "a message of the answer has too many or broken attachments or parts";
    if (m->n_choices > MAX_CHOICES)
        return "a message of the answer has too many choices";
    for (size_t i = 0; i < m->n_choices; i++) {
        const struct td_choice *c = m->choices[i];
        if (c->title == NULL || c->value == NULL || !fits(c->title, SHORT_TEXT) ||
            !fits(c->value, SHORT_TEXT))
            return "a choice of the answer has no title or value, or they are too long";
    }
    return NULL;
}

#define MAX_CALLS 10 /* of one answer; and claims */

static const char *flaw_of_calls(const struct td_answer *a)
{
    if (a->n_calls > MAX_CALLS || a->n_claims > MAX_CALLS)
        return "the answer has too many calls or claims";
    for (size_t i = 0; i < a->n_calls; i++) {
        const struct td_call *call = a->calls[i];
        if (call->call == NULL || call->name == NULL || !fits(call->call, SHORT_TEXT) ||
            !fits(call->name, SHORT_TEXT) || !fits(call->arguments, LONG_TEXT))
            return "a call of the answer has no id or name, or they are too long";
    }
    for (size_t i = 0; i < a->n_claims; i++)
        if (a->claims[i] == NULL || !fits(a->claims[i], SHORT_TEXT))
            return "a claim of the answer is too long or not UTF-8";
    return NULL;
}

#define MAX_CONTROL_ID 128
#define MAX_WRAPUP 16384

const char *check_control(const struct event_control *c)
{
    const char *names[] = { c->desk,  c->human,    c->title, c->queue,
                            c->code, c->to_human, c->agent, c->channel, c->link };

    if (!fits(c->id, MAX_CONTROL_ID))
        return "the id is too long or not UTF-8";
    if (!ALL_FIT(names, SHORT_TEXT) || !fits(c->text, LONG_TEXT) || !fits(c->wrapup, MAX_WRAPUP))
        return "a name or text is too long or not UTF-8";
    if (c->op == CONTROL_REVIEW && (c->on < 0 || c->on > 5))
        return "a review's score is 1 to 5";
    return NULL;
}

const char *check_answer(const struct draft *d, const struct td_answer *a)
{
    const char *short_ones[] = { a->silent, a->clarify_slot, a->escalate_code, a->escalate_queue,
                                 a->intent, a->language };
    const char *long_ones[] = { a->state, a->summary, a->entities, a->sources, a->escalate_text };
    const char *why;

    if (a->n_messages > ENGINE_MAX_REPLIES)
        return "the answer has too many messages";
    for (size_t i = 0; i < a->n_messages; i++)
        if ((why = check_message(a->messages[i])) != NULL)
            return why;
    if (!fits(a->state, ENGINE_MAX_STATE))
        return "the answer's state is over 64 KiB or not UTF-8";
    if (!ALL_FIT(short_ones, SHORT_TEXT) || !ALL_FIT(long_ones, LONG_TEXT))
        return "a field of the answer is too long or not UTF-8";
    if ((int)a->decision < TD_DECISION_NONE || a->decision > TD_REFUSE)
        return "the answer's decision is not known";
    if (a->pass != NULL && policy_agent(d->policy, a->pass) == NULL)
        return "the answer passes to an agent that is not configured";
    if (a->pass != NULL && d->bounces >= d->policy->max_bounces)
        return "the session was passed from agent to agent too often";
    if (a->pass != NULL && a->n_messages == 0 && d->owner != NULL &&
        strcmp(a->pass, d->owner) == 0)
        return "the answer passes to the agent that has the session already";
    if ((why = flaw_of_calls(a)) != NULL)
        return why;
    if (a->n_calls > 0 && a->n_messages == 0 && d->session->rounds >= MAX_ROUNDS)
        return "the answer asks for actions again and again";
    if (a->n_messages == 0 && a->silent == NULL && a->pass == NULL && a->n_calls == 0 &&
        a->decision != TD_ESCALATE)
        return "the answer is empty and gives no reason for silence";
    return NULL;
}
