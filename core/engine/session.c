/* session.c - the state's own memory, and looking things up in it. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/content.h"
#include "engine/plain.h"
#include "engine/session_private.h"

void session_init(struct session *s, const struct ulid *id)
{
    *s = (struct session){ .id = *id };
}

static void fini_message(struct session_message *m)
{
    free(m->name);
    free(m->id);
    free(m->ext_id);
    free(m->text);
    free(m->choice);
    content_free(m);
}

void session_fini(struct session *s)
{
    char *strings[] = { s->channel,       s->kind,           s->account,    s->peer,
                        s->locale,        s->timezone,       s->customer_id, s->customer_name,
                        s->customer_email, s->owner_name,    s->turn.agent, s->route,
                        s->intent,        s->language,       s->offer,      s->offer_also,
                        s->offer_evidence, s->bridge, s->bridge_by };

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        free(strings[i]);
    for (size_t i = 0; i < s->n_messages; i++)
        fini_message(&s->messages[i]);
    free(s->messages);
    for (size_t i = 0; i < SESSION_AGENT_STATES; i++) {
        free(s->states[i].agent);
        free(s->states[i].state);
    }
    session_fini_desk(s);
    *s = (struct session){ .id = s->id };
}

int session_delivery_moves(enum td_delivery from, enum td_delivery to)
{
    if (from == TD_READ || from == TD_FAILED || to <= from || to > TD_FAILED)
        return 0;
    if (from == TD_SENT && to == TD_UNCERTAIN)
        return 0; /* that would be knowing less */
    return !(from == TD_DELIVERED && to == TD_FAILED);
}

size_t session_pending(const struct session *s, const struct session_message **first_r)
{
    size_t n = 0, i = s->n_messages;

    if (first_r != NULL)
        *first_r = NULL;
    while (i-- > 0 && s->messages[i].seq > s->answered) {
        if (s->messages[i].author != TD_CUSTOMER)
            continue;
        n++;
        if (first_r != NULL)
            *first_r = &s->messages[i];
    }
    return n;
}

size_t session_unsent(const struct session *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_messages; i++)
        n += s->messages[i].author != TD_CUSTOMER && s->messages[i].status == TD_QUEUED;
    return n;
}

struct session_message *session_message_mutable(struct session *s, uint64_t seq)
{
    size_t low = 0, high = s->n_messages;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->messages[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->n_messages && s->messages[low].seq == seq ? &s->messages[low] : NULL;
}

const struct session_message *session_message(const struct session *s, uint64_t seq)
{
    return session_message_mutable((struct session *)s, seq);
}

/* Still wanted: the customer waits for an answer to it, a desk for it, or it has not left yet. */
static int wanted(const struct session *s, const struct session_message *m)
{
    return m->author == TD_CUSTOMER ? m->seq > s->answered || m->relay == RELAY_WAITS
                                    : m->status == TD_QUEUED;
}

void session_drop_oldest(struct session *s)
{
    size_t kept = 0, excess = s->n_messages - SESSION_KEPT;

    if (s->n_messages < SESSION_KEPT + SESSION_SLACK)
        return;
    for (size_t i = 0; i < s->n_messages; i++) {
        if (excess > 0 && !wanted(s, &s->messages[i])) {
            fini_message(&s->messages[i]);
            excess--;
            continue;
        }
        if (kept != i)
            s->messages[kept] = s->messages[i];
        kept++;
    }
    s->n_messages = kept;
}

struct session_message *session_add_message(struct session *s, uint64_t seq, int64_t at)
{
    if (s->n_messages == s->cap_messages) {
        s->cap_messages = s->cap_messages > 0 ? s->cap_messages * 2 : 4;
        s->messages = mem_grow(s->messages, s->cap_messages * sizeof *s->messages);
    }
    struct session_message *m = &s->messages[s->n_messages++];
    *m = (struct session_message){ .seq = seq, .at = at };
    return m;
}

void session_set_text(struct session_message *m, const struct record_body *body)
{
    free(m->text);
    free(m->choice);
    m->text = mem_strdup(body->text);
    m->choice = mem_strdup(body->choice);
    m->letters = body->text != NULL ? plain_letters(body->text) : 0;
    content_set(m, body);
}

void session_set_customer(struct session *s, const struct record_body *body)
{
    char **fields[] = { &s->peer,        &s->locale,        &s->timezone,
                        &s->customer_id, &s->customer_name, &s->customer_email };
    const char *values[] = { body->peer,        body->locale,        body->timezone,
                             body->customer_id, body->customer_name, body->customer_email };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        free(*fields[i]);
        *fields[i] = mem_strdup(values[i]);
    }
}

void session_set_state(struct session *s, const char *agent, uint64_t seq, const char *state)
{
    size_t at = 0;

    for (size_t i = 0; i < SESSION_AGENT_STATES; i++) {
        if (s->states[i].agent != NULL && strcmp(s->states[i].agent, agent) == 0) {
            at = i;
            break;
        }
        if (s->states[i].seq < s->states[at].seq)
            at = i;
    }
    free(s->states[at].agent);
    free(s->states[at].state);
    s->states[at].agent = mem_strdup(agent);
    s->states[at].state = mem_strdup(state);
    s->states[at].seq = seq;
}

const char *session_state_of(const struct session *s, const char *agent)
{
    for (size_t i = 0; i < SESSION_AGENT_STATES; i++)
        if (s->states[i].agent != NULL && strcmp(s->states[i].agent, agent) == 0)
            return s->states[i].state;
    return NULL;
}
