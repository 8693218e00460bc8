/* receipt.c - how far those who answer are with what the customer said, and that the customer hears it. */
#include "config.h"

#include "engine/draft.h"
#include "engine/session_private.h"

static void raise(uint64_t *mark, uint64_t to)
{
    if (to > *mark)
        *mark = to;
}

void receipt_apply(struct session_receipt *receipt, const struct record *r)
{
    switch (r->type) {
    case RECORD_TURN: raise(&receipt->given, r->upto); break;
    case RECORD_TURN_END:
        if (r->outcome != TURN_FAILED && r->outcome != TURN_INTERRUPTED)
            raise(&receipt->read, r->upto);
        break;
    case RECORD_RELAYED:
        if (r->status == TD_DELIVERED)
            raise(&receipt->given, r->of);
        break;
    case RECORD_REPLY:
        if (r->author == TD_HUMAN) /* who answers has read it */
            raise(&receipt->read, r->upto);
        break;
    case RECORD_READ:
        if (r->author == TD_HUMAN)
            raise(&receipt->read, r->of);
        break;
    default: break;
    }
    raise(&receipt->given, receipt->read);
}

static void tell(struct draft *d, uint64_t of, enum td_delivery status)
{
    struct effect *effect = draft_effect(d, EFFECT_EVENT);

    effect->event = TD_EV_RECEIPT;
    effect->of = of;
    effect->status = status;
}

void receipt_tell(struct draft *d)
{
    const struct session_receipt was = d->session->receipt;
    struct session_receipt now = was;

    if (!d->channel->replays) /* the others have receipts of their own wire, or none */
        return;
    for (size_t i = 0; i < d->step->n_records; i++)
        receipt_apply(&now, &d->step->records[i]);
    if (now.read > was.read)
        tell(d, now.read, TD_READ);
    if (now.given > was.given && now.given > now.read)
        tell(d, now.given, TD_DELIVERED);
}
