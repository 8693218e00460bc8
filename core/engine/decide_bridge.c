/* decide_bridge.c - a customer has to go on by another channel: same session, place, epoch. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "engine/draft.h"

static struct record *make(struct draft *d, const char *by)
{
    char *number = arena_alloc(d->step->arena, ULID_TEXT);
    const struct ulid id = draft_id(d);
    struct record *made = draft_record(d, RECORD_BRIDGE);

    ulid_format(&id, number);
    made->outcome = BRIDGE_MADE;
    made->ext_id = number;
    made->due = d->event->now + ENGINE_BRIDGE_MS;
    made->cause = by;
    return made;
}

/* NULL: there is no page. */
static const char *masked(const struct draft *d, const char *page, const char *number)
{
    char session[ULID_TEXT];

    if (page == NULL)
        return NULL;
    ulid_format(&d->session->id, session);
    return arena_printf(d->step->arena, "%s#bridge=%s.%s" ENGINE_BRIDGE_MASK, page, session,
                        number);
}

enum control_outcome bridge_make(struct draft *d, const struct event_control *c)
{
    const char *page = c->link != NULL ? c->link : d->channel->bridge_page;
    struct text_vars vars = { .of = { [TEXT_VAR_CHANNEL] = c->channel } };
    const struct record *made;

    if (session_unsent(d->session) >= ENGINE_MAX_UNSENT)
        return CONTROL_FULL;
    if (c->human != NULL && page == NULL)
        return CONTROL_NO_PAGE;
    made = make(d, c->human != NULL ? c->human : check_detail(d, c->text));
    d->step->message_seq = made->seq;
    vars.of[TEXT_VAR_LINK] = masked(d, page, made->ext_id);
    vars.of[TEXT_VAR_ISSUE] = ""; /* nothing a customer wrote stands where a token is put in */
    draft_text_with(d, TEXT_BRIDGE, &vars);
    return CONTROL_DONE;
}

/* E.164. */
static int is_number(const char *peer)
{
    const size_t digits = peer != NULL && *peer == '+' ? strspn(peer + 1, "0123456789") : 0;

    return digits >= 5 && digits <= 15 && peer[1 + digits] == '\0';
}

/* The customer's address on that channel, where we may write first; NULL: not known. A name that only
 * a page has told is nobody's address. */
static const char *reach(const struct draft *d, const struct policy_channel *by)
{
    const struct session *s = d->session;
    const char *peer = d->view.peer;

    if (by->replays)
        return NULL;
    if (text_channel_of(by->kind) == TEXT_EMAIL)
        return s->verified ? arena_strdup(d->step->arena, s->customer_email) : NULL;
    return is_number(peer) ? arena_strdup(d->step->arena, peer) : NULL;
}

/* Somebody is to come, or is there. */
static int is_owed(const struct draft *d)
{
    for (size_t i = 0; i < d->session->n_promises; i++)
        if (d->session->promises[i].state == PROMISE_MADE)
            return 1;
    return d->handoff.state != HANDOFF_NONE;
}

static void tell(struct draft *d, const struct policy_channel *by, const char *peer,
                 const char *number)
{
    struct effect *effect = draft_effect(d, EFFECT_BRIDGE);

    effect->channel = by->name;
    effect->peer = peer;
    effect->link = masked(d, d->channel->bridge_page, number);
    effect->locale = arena_strdup(d->step->arena, draft_language(d));
    effect->text = number;
}

int bridge_lost(struct draft *d, const char *why)
{
    const struct session *s = d->session;
    const struct policy_channel *by = d->channel->bridge;
    const char *peer = by != NULL ? reach(d, by) : NULL;
    struct record *made;

    if (s->phase != SESSION_OPEN || peer == NULL || d->channel->bridge_page == NULL ||
        !is_owed(d) || (s->bridge != NULL && d->event->now < s->bridge_until))
        return 0;
    made = make(d, why);
    made->channel = by->name;
    tell(d, by, peer, made->ext_id);
    return 1;
}

/* Whether they were told before the process ended, the other session knows. */
void bridge_resume(struct draft *d)
{
    const struct policy_channel *by = policy_channel(d->policy, d->session->bridge_by);
    const char *peer = by != NULL ? reach(d, by) : NULL;

    if (peer != NULL && d->channel->bridge_page != NULL)
        tell(d, by, peer, arena_strdup(d->step->arena, d->session->bridge));
    else
        draft_record(d, RECORD_BRIDGE)->outcome = BRIDGE_UNTOLD;
}

enum control_outcome bridge_tell(struct draft *d, const struct event_control *c)
{
    const struct text_vars vars = { .of = { [TEXT_VAR_LINK] = c->link, [TEXT_VAR_ISSUE] = "" } };

    if (c->link == NULL)
        return CONTROL_BAD;
    if (session_unsent(d->session) >= ENGINE_MAX_UNSENT)
        return CONTROL_FULL;
    if (!draft_begin(d))
        return CONTROL_OVER;
    draft_text_with(d, TEXT_CUT_OFF, &vars);
    return CONTROL_DONE;
}

/* Those who help the customer hear of it. */
static void note_told(struct draft *d, const char *by)
{
    struct record *note = handoff_record(d, RECORD_NOTE);

    note->body.note = arena_printf(d->step->arena,
                                   "%s cannot reach the customer any more. They were sent a link by "
                                   "%s, with which they can go on here.", d->channel->name, by);
}

enum control_outcome bridge_told(struct draft *d, const struct event_control *c)
{
    const struct session *s = d->session;

    if (s->bridge_by == NULL || s->bridge == NULL || c->code == NULL ||
        strcmp(s->bridge, c->code) != 0)
        return CONTROL_OVER;
    draft_record(d, RECORD_BRIDGE)->outcome = c->on ? BRIDGE_TOLD : BRIDGE_UNTOLD;
    if (c->on && d->handoff.state != HANDOFF_NONE)
        note_told(d, s->bridge_by);
    return CONTROL_DONE;
}

void bridge_cross(struct draft *d)
{
    const struct session *s = d->session;
    const struct event *ev = d->event;
    const struct policy_channel *to = policy_channel(d->policy, ev->from.channel);
    struct record *crossed;

    if (s->phase != SESSION_OPEN || s->bridge == NULL || ev->name == NULL ||
        strcmp(s->bridge, ev->name) != 0 || ev->now >= s->bridge_until) {
        draft_refuse(d, VERDICT_REJECT, "this token was used, is of no session, or has expired");
        return;
    }
    if (to == NULL) {
        draft_refuse(d, VERDICT_REJECT, "there is no such channel");
        return;
    }
    crossed = draft_record(d, RECORD_BRIDGE);
    crossed->outcome = BRIDGE_CROSSED;
    crossed->channel = ev->from.channel;
    crossed->kind = to->kind;
    crossed->account = ev->from.account;
    crossed->body.peer = ev->from.peer;
    d->channel = to;
    d->view.channel = (char *)crossed->channel;
    d->view.kind = (char *)crossed->kind;
    d->view.peer = (char *)crossed->body.peer;
    draft_learn(d);
}
