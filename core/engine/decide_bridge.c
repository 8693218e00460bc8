/* decide_bridge.c - a customer has to go on by another channel: same session, place, epoch. */
#include "config.h"

#include <string.h>

#include "engine/draft.h"

enum control_outcome bridge_make(struct draft *d, const struct event_control *c)
{
    const struct text_vars vars = {
        .of = { [TEXT_VAR_CHANNEL] = c->channel, [TEXT_VAR_LINK] = c->link },
    };
    struct record *made;

    if (c->hash == NULL || *c->hash == '\0')
        return CONTROL_BAD;
    if (session_unsent(d->session) >= ENGINE_MAX_UNSENT)
        return CONTROL_FULL;
    made = draft_record(d, RECORD_BRIDGE);
    made->outcome = BRIDGE_MADE;
    made->ext_id = c->hash;
    made->due = d->event->now + ENGINE_BRIDGE_MS;
    made->cause = check_detail(d, c->text);
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
