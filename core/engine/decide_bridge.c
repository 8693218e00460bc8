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
