/* decide_desk.c - the customer while a human is asked for or there; calls and their results. */
#include "config.h"

#include <string.h>

#include "engine/draft.h"

static int is_leave(const struct draft *d, const char *text)
{
    return d->policy->texts != NULL && text != NULL &&
           texts_is_word(d->policy->texts, TEXT_LEAVE, draft_language(d), d->policy->language, text);
}

void desk_message(struct draft *d, struct record *message)
{
    int alone = session_pending(d->session, NULL) == 0;
    struct effect *relay;

    if (is_leave(d, message->body.text) && handoff_may_leave(d)) {
        message->said = 1; /* to the gateway: no agent is asked about it */
        if (alone)
            message->upto = d->answered = message->seq;
        handoff_leave(d, "word");
        return;
    }
    if (*d->handoff.desk == '\0')
        return; /* seen where it was answered */
    relay = draft_effect(d, EFFECT_RELAY);
    relay->handoff = d->handoff.id;
    relay->desk = d->handoff.desk;
    relay->of = message->seq;
    relay->delta = d->handoff.state == HANDOFF_LIVE ? 0 : d->handoff.deltas + 1;
}

void desk_relayed(struct draft *d)
{
    const struct event *ev = d->event;
    const struct session_message *m = session_message(d->session, ev->of);

    if (m == NULL || m->relay != RELAY_WAITS || ev->status == TD_QUEUED) {
        draft_refuse(d, VERDICT_NOTHING, "no desk waits for that message");
        return;
    }
    struct record *relayed = handoff_record(d, RECORD_RELAYED);
    relayed->of = ev->of;
    relayed->status = (int)ev->status;
    relayed->detail = check_detail(d, ev->text);
    d->step->verdict = VERDICT_MARK;
}

void desk_typing(struct draft *d)
{
    struct effect *typing;

    if (d->handoff.state != HANDOFF_LIVE) {
        draft_refuse(d, VERDICT_NOTHING, "no human looks");
        return;
    }
    typing = draft_effect(d, EFFECT_DESK_EVENT);
    typing->desk_event = TD_DESK_TYPING;
    typing->handoff = d->handoff.id;
    typing->desk = d->handoff.desk;
    typing->on = d->event->on;
}

void desk_call(struct draft *d)
{
    static const char *const names[] = {
        [TD_EV_RINGING] = "ringing", [TD_EV_ANSWERED] = "answered", [TD_EV_DTMF] = "dtmf",
        [TD_EV_HUNG_UP] = "hung_up", [TD_EV_TRANSFERRED] = "transferred",
    };
    const struct event_call *call = d->event->call;
    const char *name = (unsigned)call->type < sizeof names / sizeof *names ? names[call->type]
                                                                           : NULL;
    struct record *record;

    if (name == NULL || d->session->phase == SESSION_NEW) {
        draft_refuse(d, VERDICT_REJECT, "not an event of a call, or of no session");
        return;
    }
    record = draft_record(d, RECORD_CALL);
    record->name = name;
    record->number = call->code;
    record->status = (int)call->status;
    record->body.text = check_detail(d, call->text);
    if (call->type == TD_EV_HUNG_UP)
        bridge_lost(d, name);
}

int desk_results(struct draft *d, const struct td_answer *answer)
{
    const struct policy_agent *agent = policy_agent(d->policy, d->owner);

    if (answer->n_calls == 0)
        return 0;
    for (size_t i = 0; i < answer->n_calls; i++) {
        const struct td_call *call = answer->calls[i];
        struct record *result = draft_record(d, RECORD_RESULT);
        result->turn = d->session->turn.id;
        result->call = call->call;
        result->name = call->name;
        result->category = "unknown_action";
        result->detail = "no action of this name is configured";
        result->body.arguments = call->arguments;
        if (rules_event(d, result))
            return 1;
    }
    if (agent == NULL || d->session->rounds >= MAX_ROUNDS)
        return 0;
    turn_start(d, agent, "action", NULL);
    return 1;
}
